/* test_sms_shared.c - decoding against the shared data, where it is present. */
#include "sms_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "shared_fixture.h"
#include "sms/gsm7.h"
#include "sms/pdu.h"

static int text_count; /* texts that were compared */

static const cJSON *field(const cJSON *object, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(object, name);
}

static const char *string_of(const cJSON *object, const char *name)
{
	return cJSON_GetStringValue(field(object, name));
}

static const char *id_of(const cJSON *item)
{
	const char *id = string_of(item, "id");

	return id ? id : string_of(item, "hex") ? string_of(item, "hex") : "?";
}

/* True if the text is that of object[name] or among object[list]; so too if there is neither. */
static bool text_matches(const cJSON *object, const char *name, const char *list,
	const char *or_name, const char *text)
{
	const cJSON *item;

	if (!field(object, name) && !field(object, list))
		return true;
	if (string_of(object, name) && strcmp(string_of(object, name), text) == 0)
		return true;
	if (string_of(object, or_name) && strcmp(string_of(object, or_name), text) == 0)
		return true;
	cJSON_ArrayForEach(
		item, field(object, list)) if (strcmp(item->valuestring, text) == 0) return true;
	cJSON_ArrayForEach(
		item, field(object, or_name)) if (strcmp(item->valuestring, text) == 0) return true;
	return false;
}

/* "2024-02-29T23:59:58+03:00"; anything else is no time. */
static struct sms_time time_wanted(const char *text)
{
	struct sms_time wanted = { 0 };
	struct tm tm = { 0 };
	int hours, minutes;
	char sign;

	if (!text || strlen(text) != 25 ||
		sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d%c%2d:%2d", &tm.tm_year, &tm.tm_mon,
			&tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &sign, &hours,
			&minutes) != 9)
		return wanted;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	wanted.valid = true;
	wanted.zone_quarters = (sign == '-' ? -1 : 1) * (hours * 4 + minutes / 15);
	wanted.utc_s = timegm(&tm) - wanted.zone_quarters * 900;
	return wanted;
}

static void time_must_be(const char *id, const char *wanted_text, const struct sms_time *sent)
{
	struct sms_time wanted = time_wanted(wanted_text);

	if (sent->valid != wanted.valid || sent->utc_s != wanted.utc_s ||
		sent->zone_quarters != wanted.zone_quarters)
		fail_msg("%s: time is %lld, wanted %s", id, (long long)sent->utc_s,
			wanted_text ? wanted_text : "none");
}

static int type_wanted(const char *name)
{
	static const char *const names[] = { "unknown", "international", "national", "network",
		"subscriber", "alphanumeric", "abbreviated" };

	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (strcmp(name, names[i]) == 0)
			return (int)i;
	fail_msg("type %s", name);
	return -1;
}

static void number_must_be(const char *id, const cJSON *object, const char *name, int value)
{
	const cJSON *wanted = field(object, name);

	if (cJSON_IsNumber(wanted) && wanted->valueint != value)
		fail_msg("%s: %s is %d, wanted %d", id, name, value, wanted->valueint);
}

static void address_must_be(const char *id, const cJSON *expected, const struct sms_pdu *pdu)
{
	const char *type = string_of(expected, "sender_type");

	if (!type)
		type = string_of(expected, "recipient_type");
	if (type && type_wanted(type) != pdu->sender.type)
		fail_msg("%s: type of number %u", id, pdu->sender.type);
	if (!text_matches(expected, "sender", "sender_in", "", pdu->sender.text) ||
		!text_matches(expected, "recipient", "", "", pdu->sender.text) ||
		!text_matches(expected, "sender_digits", "", "", pdu->sender.text))
		fail_msg("%s: sender is %s", id, pdu->sender.text);
}

static void header_must_be(const char *id, const cJSON *expected, const struct sms_pdu *pdu)
{
	const cJSON *concat = field(expected, "concat");
	const cJSON *ports = field(expected, "ports");
	char hex[2 * SMS_UD_MAX + 1];

	hex_write(pdu->ud, pdu->header_len, hex);
	if (!text_matches(expected, "udh", "", "", hex))
		fail_msg("%s: header is %s", id, hex);
	if (cJSON_IsNull(concat) && pdu->concat.total != 0)
		fail_msg("%s: a part, wanted whole", id);
	number_must_be(id, concat, "ref", pdu->concat.ref);
	number_must_be(id, concat, "ref_bits", pdu->concat.ref_bits);
	number_must_be(id, concat, "total", pdu->concat.total);
	number_must_be(id, concat, "seq", pdu->concat.seq);
	number_must_be(id, ports, "dst", pdu->port_to);
}

static void content_must_be(const char *id, const cJSON *expected, const struct sms_pdu *pdu)
{
	static const char *const alphabets[] = { "gsm7", "8bit", "ucs2" };
	const char *text = text_of(pdu);
	char hex[2 * SMS_UD_MAX + 1];

	if (!utf8_valid(text))
		fail_msg("%s: invalid UTF-8", id);
	if (!text_matches(expected, "encoding", "", "", alphabets[pdu->alphabet]))
		fail_msg("%s: alphabet is %s", id, alphabets[pdu->alphabet]);
	hex_write(pdu->ud + pdu->header_len, (size_t)(pdu->ud_len - pdu->header_len), hex);
	if (!text_matches(expected, "data_hex", "", "", hex))
		fail_msg("%s: data is %s", id, hex);
	text_count += field(expected, "text") || field(expected, "text_in");
	if (!text_matches(expected, "text", "text_in", "or_text", text))
		fail_msg("%s: text is \"%s\"", id, text);
}

static void case_must_hold(const cJSON *item)
{
	static const char *const kinds[] = { "deliver", "submit", "status_report" };
	static const char *const loose[] = { "reject_or_any", "reject_or_partial",
		"reject_or_empty", "reject_by_source" };
	const cJSON *expected = field(item, "expected");
	const cJSON *tpdu_len = field(item, "tpdu_len");
	const char *id = id_of(item);
	char hex[1024];
	struct sms_pdu pdu;
	enum sms_error error;

	snprintf(hex, sizeof(hex), "%s%s", cJSON_IsFalse(field(item, "has_smsc")) ? "00" : "",
		string_of(item, "pdu"));
	error = sms_pdu_read(
		hex, strlen(hex), cJSON_IsNumber(tpdu_len) ? tpdu_len->valueint : -1, &pdu);
	if (cJSON_IsTrue(field(expected, "reject"))) {
		if (error == SMS_OK)
			fail_msg("%s: not refused", id);
		return;
	}
	for (size_t i = 0; i < COUNT_OF(loose); i++)
		if (error != SMS_OK && field(expected, loose[i]))
			return;
	if (error != SMS_OK)
		fail_msg("%s: %s", id, sms_error_name(error));
	if (!text_matches(expected, "kind", "", "", kinds[pdu.kind]) ||
		!text_matches(item, "kind", "", "", kinds[pdu.kind]))
		fail_msg("%s: kind is %s", id, kinds[pdu.kind]);
	if (field(expected, "scts"))
		time_must_be(id, string_of(expected, "scts"), &pdu.sent);
	address_must_be(id, expected, &pdu);
	number_must_be(id, expected, "pid", pdu.pid);
	number_must_be(id, expected, "dcs", pdu.dcs);
	number_must_be(id, expected, "class", pdu.message_class);
	header_must_be(id, expected, &pdu);
	content_must_be(id, expected, &pdu);
}

static void shared_pdus_hold(void **state)
{
	static const char *const names[] = { "sms_deliver.json", "spec_cases.json",
		"sms_invalid.json", "sms_status_report.json", "sms_submit_stored.json" };
	int count = 0;

	(void)state;
	text_count = 0;
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		cJSON *root = shared_read(names[i]);
		const cJSON *item;

		cJSON_ArrayForEach(item, field(root, "cases"))
		{
			case_must_hold(item);
			count++;
		}
		cJSON_Delete(root);
	}
	if (count > 0)
		print_message("shared data: %d PDUs, %d texts\n", count, text_count);
}

static size_t hex_octets(const char *hex, uint8_t *out, size_t size)
{
	size_t len = 0;
	unsigned octet;

	for (; len < size && sscanf(hex + 2 * len, "%2x", &octet) == 1; len++)
		out[len] = (uint8_t)octet;
	return len;
}

static void shared_septets_hold(const cJSON *root)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, field(root, "gsm7"))
	{
		const cJSON *header = field(item, "header_septets");
		uint8_t octets[256], septets[256];
		uint16_t units[256];
		char text[800];
		struct gsm7_tables tables = gsm7_tables(0, 0);
		bool escape = false, whole;
		size_t skip = cJSON_IsNumber(header) ? (size_t)header->valueint : 0;
		size_t len = hex_octets(string_of(item, "packed"), octets, sizeof(octets));
		size_t wanted = (size_t)field(item, "septets")->valueint;
		size_t count = gsm7_unpack(octets, len, 0, skip + wanted, septets);

		assert_int_equal(count, skip + wanted);
		count = gsm7_to_utf16(septets + skip, count - skip, &tables, &escape, units);
		utf16_to_utf8(units, count, text, sizeof(text), &whole);
		if (!text_matches(item, "text", "", "or_text", text))
			fail_msg("%s: text is \"%s\"", string_of(item, "packed"), text);
	}
	cJSON_ArrayForEach(item, field(root, "ucs2"))
	{
		uint8_t octets[256];
		struct sms_pdu pdu;
		struct ud ud;

		ud_begin(&ud, NULL, 0);
		ud_octets(&ud, octets, hex_octets(string_of(item, "hex"), octets, sizeof(octets)));
		ud_must_read(&ud, 8, &pdu);
		assert_string_equal(text_of(&pdu), string_of(item, "text"));
	}
}

static void shared_address_holds(const cJSON *item)
{
	bool is_valid = cJSON_IsTrue(field(item, "valid"));
	struct sms_pdu pdu;
	char hex[128];

	snprintf(hex, sizeof(hex), "0004%s%s", string_of(item, "hex"),
		is_valid ? "0000" A_TIME "00" : "");
	if (!is_valid) {
		assert_int_equal(sms_pdu_read(hex, strlen(hex), -1, &pdu), SMS_ERR_TRUNCATED);
		return;
	}
	pdu_must_read(hex, &pdu);
	if (!text_matches(item, "address", "", "or_address", pdu.sender.text))
		fail_msg("%s: address is %s", id_of(item), pdu.sender.text);
	assert_int_equal(pdu.sender.type, type_wanted(string_of(item, "type")));
}

static void shared_vectors_hold(void **state)
{
	cJSON *root = shared_read("codec_vectors.json");
	const cJSON *item;

	(void)state;
	if (!root)
		return;
	shared_septets_hold(root);
	cJSON_ArrayForEach(item, field(root, "addresses")) shared_address_holds(item);
	cJSON_ArrayForEach(item, field(root, "scts"))
	{
		const char *wanted = string_of(item, "time");
		struct sms_pdu pdu;
		char hex[128];

		if (strlen(string_of(item, "hex")) != 14 || (wanted && strlen(wanted) != 25))
			continue; /* a short field; a year that may be read either way */
		snprintf(hex, sizeof(hex), "0004" FROM "0000%s00", string_of(item, "hex"));
		pdu_must_read(hex, &pdu);
		time_must_be(id_of(item), wanted, &pdu.sent);
	}
	cJSON_Delete(root);
}

/* One sender at a time: the smallest join that the shared cases need. */
struct set {
	struct sms_pdu pdus[SMS_PARTS_MAX];
	const struct sms_pdu *parts[SMS_PARTS_MAX];
	struct sms_concat key;
	size_t count;
};

static struct set *set_find(struct set *sets, size_t set_count, const struct sms_concat *key)
{
	struct set *unused = NULL;

	for (size_t i = 0; i < set_count; i++) {
		if (sets[i].count == 0)
			unused = &sets[i];
		else if (sets[i].key.ref == key->ref && sets[i].key.ref_bits == key->ref_bits &&
			 sets[i].key.total == key->total)
			return &sets[i];
	}
	return unused;
}

/* The set that the part completes, or NULL if the set still lacks others. */
static struct set *set_add(struct set *sets, size_t set_count, const struct sms_pdu *pdu)
{
	const struct sms_concat *key = &pdu->concat;
	size_t at = key->total > 0 ? key->seq - 1u : 0;
	struct set *set = set_find(sets, set_count, key);

	assert_non_null(set);
	set->key = *key;
	set->count += set->parts[at] == NULL;
	set->pdus[at] = *pdu;
	set->parts[at] = &set->pdus[at];
	return set->count >= (key->total > 0 ? key->total : 1u) ? set : NULL;
}

static void shared_join_holds(const cJSON *item, struct set *sets, size_t set_count)
{
	const cJSON *messages = field(field(item, "expected"), "messages");
	const char *id = id_of(item);
	char text[SMS_TEXT_MAX * 16];
	const cJSON *hex;
	int done = 0;

	memset(sets, 0, set_count * sizeof(*sets));
	cJSON_ArrayForEach(hex, field(item, "feed"))
	{
		struct sms_pdu pdu;
		struct set *set;
		const cJSON *message = cJSON_GetArrayItem(messages, done);

		pdu_must_read(hex->valuestring, &pdu);
		set = pdu.pid == 0x40 ? NULL : set_add(sets, set_count, &pdu);
		if (!set)
			continue;
		sms_text(set->parts, set->count, text, sizeof(text));
		if (!text_matches(message, "sender", "", "", pdu.sender.text))
			fail_msg("%s: sender is %s", id, pdu.sender.text);
		text_count += field(message, "text") != NULL;
		if (!text_matches(message, "text", "", "", text) &&
			!text_matches(field(item, "expected"), "or_text", "or_text", "", text))
			fail_msg("%s: text is \"%s\"", id, text);
		number_must_be(id, message, "parts", (int)set->count);
		memset(set, 0, sizeof(*set));
		done++;
	}
	if (done != cJSON_GetArraySize(messages))
		fail_msg("%s: %d messages", id, done);
}

static void shared_joins_hold(void **state)
{
	enum { SETS_MAX = 4 };
	cJSON *root = shared_read("sms_multipart.json");
	struct set *sets = calloc(SETS_MAX, sizeof(*sets));
	const cJSON *item;

	(void)state;
	assert_non_null(sets);
	text_count = 0;
	cJSON_ArrayForEach(item, field(root, "cases")) shared_join_holds(item, sets, SETS_MAX);
	if (root)
		print_message("shared data: %d joins, %d texts\n",
			cJSON_GetArraySize(field(root, "cases")), text_count);
	cJSON_Delete(root);
	free(sets);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shared_pdus_hold),
		cmocka_unit_test(shared_vectors_hold),
		cmocka_unit_test(shared_joins_hold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
