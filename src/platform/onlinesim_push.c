/* onlinesim_push.c - OnlineSim's reseller API v2: sendNumbersOnline, addMessage. */
#include <cjson/cJSON.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "platform/platform.h"

enum {
	CODE_SIZE = 48,
	CODE_DIGITS_MAX = 4,            /* more may be a phone number, a code or a key */
	MESSAGE_ANSWER_MAX = 64 * 1024, /* longer is no answer to addMessage */
	PORT_ID_MAX = 100,
	ID_DIGITS_MAX = 20,
};

#define DAY_MS  (INT64_C(1000) * 24 * 3600)
#define HOUR_MS (3600 * INT64_C(1000))
#define ID_MAX  9007199254740992.0 /* above, a double is no exact integer */

void call_free(struct call *call)
{
	if (!call)
		return;
	free(call->path);
	free(call->body);
	*call = (struct call) { 0 };
}

/* ---- requests ------------------------------------------------------------------------------- */

/* Adds text; bytes that are not UTF-8 become U+FFFD, or the body as a whole would be no JSON. */
static bool add_text(cJSON *object, const char *name, const char *text)
{
	size_t left = strlen(text);
	char *clean = malloc(3 * left + 1), *to = clean;

	if (!clean)
		return false;
	while (left > 0) {
		size_t len = utf8_step(text, left);
		memcpy(to, len ? text : "\xef\xbf\xbd", len ? len : 3);
		to += len ? len : 3;
		text += len ? len : 1;
		left -= len ? len : 1;
	}
	*to = '\0';
	bool ok = cJSON_AddStringToObject(object, name, clean);
	free(clean);
	return ok;
}

static bool add_int(cJSON *object, const char *name, int64_t value)
{
	char text[24];

	snprintf(text, sizeof text, "%" PRId64, value);
	return cJSON_AddRawToObject(object, name, text);
}

/* Money is kept in 1/10000: printed as a decimal number without trailing zeros. */
static bool add_money(cJSON *object, const char *name, int64_t value)
{
	char text[32];

	if (value == 0)
		return true;
	snprintf(text, sizeof text, "%" PRId64 ".%04" PRId64, value / 10000, value % 10000);
	for (size_t len = strlen(text); text[len - 1] == '0' || text[len - 1] == '.'; len--) {
		bool point = text[len - 1] == '.';
		text[len - 1] = '\0';
		if (point)
			break;
	}
	return cJSON_AddRawToObject(object, name, text);
}

/* Prints and frees root. ok false: something of it could not be made. */
static int make_call(cJSON *root, bool ok, const char *name, const char *path, struct call *out)
{
	char *body = ok ? cJSON_PrintUnformatted(root) : NULL;
	char *copy = strdup(path);

	cJSON_Delete(root);
	if (!body || !copy) {
		free(body);
		free(copy);
		return -ENOMEM;
	}
	*out = (struct call) { .name = name, .method = "POST", .path = copy, .body = body };
	return 0;
}

static int64_t message_date(const struct store_delivery *delivery)
{
	int64_t ahead_ms = delivery->sent_ms - delivery->arrived_ms;
	bool valid = delivery->sent_ms > 0 && ahead_ms >= -7 * DAY_MS && ahead_ms <= HOUR_MS;

	return (valid ? delivery->sent_ms : delivery->arrived_ms) / 1000;
}

static int push_message(const struct config_platform *platform,
	const struct store_delivery *delivery, struct call *out)
{
	char date[24];

	if (!config_is_number(delivery->number))
		return -EINVAL;
	cJSON *root = cJSON_CreateObject();
	snprintf(date, sizeof date, "%" PRId64, message_date(delivery));
	bool ok = root && cJSON_AddStringToObject(root, "date", date) &&
		  cJSON_AddStringToObject(root, "number", delivery->number) &&
		  add_text(root, "from", delivery->sender[0] ? delivery->sender : "unknown") &&
		  add_text(root, "message", delivery->text);
	if (ok && platform->dry_run)
		ok = cJSON_AddStringToObject(root, "test", "test1");
	return make_call(root, ok, "addMessage", "/api/resellers/addMessage", out);
}

/* "First 5 digits of IMSI", as documented, though some networks have codes of 6. */
static int operator_of(const char *imsi)
{
	int code = 0;

	for (int i = 0; i < 5; i++) {
		if (imsi[i] < '0' || imsi[i] > '9')
			return 0;
		code = code * 10 + imsi[i] - '0';
	}
	return code;
}

static bool sends_2019_fields(const struct config_platform *platform)
{
	return strcmp(platform->list_name, "numbers") != 0;
}

static int push_list_entry(const struct config_platform *platform,
	const struct store_roster_row *row, struct list_entry *out, const char **why)
{
	const char *bad = NULL;
	int country = e164_country(row->number);

	if (!config_is_number(row->number))
		bad = "number is not E.164";
	else if (country == 0)
		bad = "no country code";
	else if (strlen(row->bank) + 1 + strlen(row->slot) > PORT_ID_MAX)
		bad = "port id is longer than 100 bytes";
	else if (row->date_start <= 0)
		bad = "no date_start";
	else if (sends_2019_fields(platform) && row->date_stop && row->date_stop <= row->date_start)
		bad = "date_stop is not after date_start";
	if (bad) {
		*why = bad;
		return -EINVAL;
	}
	*out = (struct list_entry) {
		.number = row->number,
		.country_code = country,
		.operator_code = row->operator_code ? row->operator_code : operator_of(row->imsi),
		.rent = row->rent >= 0 ? row->rent > 0 : platform->rent,
		.date_start = row->date_start,
	};
	if (sends_2019_fields(platform)) { /* which know no rent */
		out->rent = -1;
		out->date_stop = row->date_stop;
		out->price = row->price;
		out->balance = row->balance;
	}
	return 0;
}

static bool add_entry(cJSON *array, const struct list_entry *entry)
{
	cJSON *item = cJSON_CreateObject();

	if (!item || !cJSON_AddItemToArray(array, item)) {
		cJSON_Delete(item);
		return false;
	}
	return cJSON_AddStringToObject(item, "number", entry->number) &&
	       add_int(item, "country_id", entry->country_code) &&
	       (!entry->operator_code || add_int(item, "operator", entry->operator_code)) &&
	       add_int(item, "date_start", entry->date_start) &&
	       (!entry->port_id || add_text(item, "port_id", entry->port_id)) &&
	       (entry->rent < 0 || add_int(item, "rent", entry->rent ? 1 : 0)) &&
	       (!entry->date_stop || add_int(item, "date_stop", entry->date_stop)) &&
	       add_money(item, "price", entry->price) && add_money(item, "balance", entry->balance);
}

static int push_list(const struct config_platform *platform, const struct list_entry *entries,
	size_t count, bool test, struct call *out)
{
	cJSON *root = cJSON_CreateObject();
	cJSON *array = root ? cJSON_AddArrayToObject(root, platform->list_name) : NULL;
	bool ok = array;

	for (size_t i = 0; ok && i < count; i++)
		ok = add_entry(array, &entries[i]);
	if (ok && (test || platform->dry_run))
		ok = cJSON_AddStringToObject(root, "test", "test1");
	return make_call(root, ok, "sendNumbersOnline", "/api/resellers/sendNumbersOnline", out);
}

/* ---- answers -------------------------------------------------------------------------------- */

/* What a body says. code is "" where it is none that may be shown: free text may hold anything. */
struct verdict {
	bool taken; /* `response` is 1 */
	bool coded; /* an answer of the platform's that is not 1 */
	char code[CODE_SIZE];
	cJSON *root; /* of an answer that is an object; NULL otherwise */
};

static bool is_letter(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool code_shaped(const char *text, size_t len)
{
	int digits = 0;

	if (len == 0 || len >= CODE_SIZE || !is_letter(text[0]))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!is_letter(text[i]) && !is_digit(text[i]) && text[i] != '_' && text[i] != '-')
			return false;
		digits += is_digit(text[i]);
	}
	return digits <= CODE_DIGITS_MAX;
}

static void take_code(struct verdict *verdict, const char *text, size_t len)
{
	verdict->coded = len > 0;
	if (!code_shaped(text, len))
		return;
	memcpy(verdict->code, text, len);
	verdict->code[len] = '\0';
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* A body that is no JSON: a code if nothing else is in it (capitals, digits, underscore). */
static void read_plain(struct verdict *verdict, const char *text, size_t len)
{
	while (len > 0 && is_blank(text[len - 1]))
		len--;
	for (; len > 0 && is_blank(*text); len--)
		text++;
	if (!code_shaped(text, len))
		return;
	for (size_t i = 0; i < len; i++)
		if ((text[i] >= 'a' && text[i] <= 'z') || text[i] == '-')
			return;
	take_code(verdict, text, len);
}

static void read_response(struct verdict *verdict, const cJSON *response)
{
	if (cJSON_IsNumber(response)) {
		verdict->taken = response->valuedouble == 1.0;
		verdict->coded = !verdict->taken;
	} else if (cJSON_IsString(response)) {
		verdict->taken = strcmp(response->valuestring, "1") == 0;
		if (!verdict->taken)
			take_code(verdict, response->valuestring, strlen(response->valuestring));
	}
}

/* Forms seen or documented: {"response":1}, {"response":"CODE"}, "CODE", CODE. cJSON refuses what
 * is nested deeper than CJSON_NESTING_LIMIT. */
static void read_body(const struct answer *answer, size_t max_len, struct verdict *out)
{
	const char *end = NULL;

	*out = (struct verdict) { 0 };
	if (answer->status == 0 || answer->body_cut || answer->len > max_len)
		return;
	cJSON *root = cJSON_ParseWithLengthOpts(answer->body, answer->len, &end, false);
	while (root && end < answer->body + answer->len && is_blank(*end))
		end++;
	if (root && end == answer->body + answer->len) {
		if (cJSON_IsString(root))
			take_code(out, root->valuestring, strlen(root->valuestring));
		else
			read_response(out, cJSON_GetObjectItemCaseSensitive(root, "response"));
		if (cJSON_IsObject(root)) {
			out->root = root;
			return;
		}
	} else {
		read_plain(out, answer->body, answer->len);
	}
	cJSON_Delete(root);
}

static bool is_2xx(int status)
{
	return status >= 200 && status <= 299;
}

static void give_reason(const struct answer *answer, const struct verdict *verdict,
	enum outcome outcome, char *reason, size_t size)
{
	if (outcome == OUTCOME_DELIVERED)
		snprintf(reason, size, "%s", "");
	else if (verdict->code[0])
		snprintf(reason, size, "%s", verdict->code);
	else if (answer->status == 0)
		snprintf(reason, size, "%s", answer->error ? answer->error : "no-answer");
	else if (is_2xx(answer->status))
		snprintf(reason, size, "%s", answer->body_cut ? "too-long" : "not-understood");
	else
		snprintf(reason, size, "http-%d", answer->status);
	for (char *at = reason; *at; at++)
		if (!is_letter(*at) && !is_digit(*at) && *at != '_' && *at != '-')
			*at = '_';
}

struct code_meaning {
	const char *code;
	enum outcome outcome;
	const char *advice;
};

/* Codes of any method (section "common errors" of the API's description). */
static const struct code_meaning common_codes[] = {
	{ "ERROR_NO_KEY", OUTCOME_ACCOUNT, "set `key`" },
	{ "ERROR_WRONG_KEY", OUTCOME_ACCOUNT, "check `key` against the platform's profile page" },
	{ "ACCOUNT_BLOCKED", OUTCOME_ACCOUNT,
		"ask the platform's support: the account is blocked" },
	{ "API_ACCESS_DISABLED", OUTCOME_ACCOUNT, "switch the API on in the platform's profile" },
	{ "API_ACCESS_IP", OUTCOME_ACCOUNT, "allow this host's address in the platform's profile" },
	{ "REQUEST_NOT_FOUND", OUTCOME_ACCOUNT, "check `url`: the platform knows no such method" },
	{ 0 },
};

static const struct code_meaning message_codes[] = {
	{ "NO_NUMBER", OUTCOME_NUMBER, NULL },
	{ "ERROR_PARAMS", OUTCOME_REJECTED, NULL },
	{ "NUMBER_FORMAT_ERROR", OUTCOME_REJECTED, NULL },
	{ 0 },
};

static const struct code_meaning list_codes[] = {
	{ "NUMBER_FORMAT_ERROR", OUTCOME_REJECTED, NULL },
	{ "ERROR_DATE", OUTCOME_REJECTED, NULL },
	{ 0 },
};

static const struct code_meaning *find_code(const struct code_meaning *codes, const char *code)
{
	for (; codes->code; codes++)
		if (strcmp(codes->code, code) == 0)
			return codes;
	return NULL;
}

static const struct code_meaning *known_code(
	const struct code_meaning *codes, const struct verdict *verdict)
{
	const struct code_meaning *known = find_code(codes, verdict->code);

	return known ? known : find_code(common_codes, verdict->code);
}

static bool account_status(int status)
{
	return status == 401 || status == 403 || status == 405;
}

/* What holds for every call: a code rules, then `response` 1, then the status. False if none of
 * them decides. */
static bool judge(const struct answer *answer, const struct verdict *verdict,
	const struct code_meaning *codes, enum outcome *outcome)
{
	const struct code_meaning *known = known_code(codes, verdict);

	if (known)
		*outcome = known->outcome;
	else if (verdict->taken && is_2xx(answer->status))
		*outcome = OUTCOME_DELIVERED;
	else if (account_status(answer->status))
		*outcome = OUTCOME_ACCOUNT;
	else
		return false;
	return true;
}

static enum outcome push_message_outcome(
	const struct answer *answer, char *reason, size_t reason_size)
{
	enum outcome outcome = OUTCOME_RETRY;
	struct verdict verdict;

	read_body(answer, MESSAGE_ANSWER_MAX, &verdict);
	if (!judge(answer, &verdict, message_codes, &outcome)) {
		if (answer->status == 404)
			outcome = OUTCOME_NUMBER;
		else if (answer->status == 400 && verdict.coded)
			outcome = OUTCOME_REJECTED;
	}
	give_reason(answer, &verdict, outcome, reason, reason_size);
	cJSON_Delete(verdict.root);
	return outcome;
}

/* The id as text; false if it is nothing that could be one. */
static bool read_id(const cJSON *value, char out[ID_DIGITS_MAX + 1])
{
	double number = value->valuedouble;

	if (cJSON_IsNumber(value)) {
		if (!(number >= 0 && number <= ID_MAX) || number != (double)(int64_t)number)
			return false;
		snprintf(out, ID_DIGITS_MAX + 1, "%" PRId64, (int64_t)number);
		return true;
	}
	if (!cJSON_IsString(value))
		return false;
	size_t len = strspn(value->valuestring, "0123456789");
	if (len == 0 || len > ID_DIGITS_MAX || value->valuestring[len])
		return false;
	memcpy(out, value->valuestring, len + 1);
	return true;
}

/* Whether keys keep the '+' is not said: compared by digits. */
static void read_ids(
	const cJSON *ids, void (*id)(void *arg, const char *number, const char *id), void *arg)
{
	char number[STORE_NUMBER_SIZE], text[ID_DIGITS_MAX + 1];
	const cJSON *value;

	cJSON_ArrayForEach(value, ids)
	{
		if (!value->string)
			return; /* an empty PHP array prints as [] */
		const char *digits = value->string + (value->string[0] == '+');
		if (strlen(digits) > STORE_NUMBER_SIZE - 2)
			continue;
		snprintf(number, sizeof number, "+%s", digits);
		if (!config_is_number(number))
			continue;
		if (cJSON_IsNull(value))
			id(arg, number, NULL);
		else if (read_id(value, text))
			id(arg, number, text);
	}
}

static enum outcome push_list_outcome(const struct answer *answer, char *reason, size_t reason_size,
	void (*id)(void *arg, const char *number, const char *id), void *arg)
{
	enum outcome outcome = OUTCOME_RETRY;
	struct verdict verdict;

	read_body(answer, SIZE_MAX, &verdict);
	if (!judge(answer, &verdict, list_codes, &outcome) && answer->status == 400)
		outcome = OUTCOME_REJECTED;
	give_reason(answer, &verdict, outcome, reason, reason_size);
	if (outcome == OUTCOME_DELIVERED && id)
		read_ids(cJSON_GetObjectItemCaseSensitive(verdict.root, "ids"), id, arg);
	cJSON_Delete(verdict.root);
	return outcome;
}

static const char *push_advice(const char *reason)
{
	const struct code_meaning *known = find_code(common_codes, reason);

	return known ? known->advice : "check `key`, `url`, the account and this host's address";
}

const struct platform_kind platform_onlinesim_push = {
	.name = "onlinesim-push",
	.message = push_message,
	.message_outcome = push_message_outcome,
	.list_entry = push_list_entry,
	.list = push_list,
	.list_outcome = push_list_outcome,
	.advice = push_advice,
};

const struct platform_kind *platform_kind_find(const char *name)
{
	static const struct platform_kind *const kinds[] = { &platform_onlinesim_push };

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (strcmp(kinds[i]->name, name) == 0)
			return kinds[i];
	return NULL;
}
