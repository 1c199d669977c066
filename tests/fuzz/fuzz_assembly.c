/* fuzz_assembly.c - PDUs in any order, each with a length octet in front, become texts: sets by the
 * key of a long message, with gaps, repeated and marked parts. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "sms/concat.h"
#include "sms/pdu.h"

enum { PDUS_MAX = 24, MARK_MAX = 10 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The parts of one long message; those that have not come are NULL. */
struct set {
	const struct sms_pdu *parts[SMS_PARTS_MAX];
	const struct sms_pdu *first; /* that came: it has the key */
};

static void require(bool holds)
{
	if (!holds)
		abort();
}

static char *block(size_t size)
{
	char *new_block = malloc(size);

	require(new_block != NULL);
	return new_block;
}

/* -- texts --------------------------------------------------------------------------------- */

static void text_check(const char *text, size_t len, size_t size)
{
	require(len < size);
	require(strlen(text) == len);
	require(utf8_valid(text, len));
}

/* The text in a buffer of exactly what suffices; the caller frees it. */
static char *join(const struct sms_pdu *const *parts, size_t count)
{
	size_t size = count > 0 ? count * SMS_TEXT_MAX : 1;
	char *text = block(size);

	text_check(text, sms_text(parts, count, text, size), size);
	return text;
}

/* Cut to any size, a text is the begin of the whole; buffers are exact. */
static void cut_check(const struct sms_pdu *const *parts, size_t count, const char *whole)
{
	size_t len = strlen(whole);
	size_t sizes[] = { 1, len / 3 + 1, len / 2 + 1, len > 0 ? len : 1, len + 1 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		char *start = block(sizes[i]);
		size_t start_len = sms_text(parts, count, start, sizes[i]);

		text_check(start, start_len, sizes[i]);
		require(memcmp(whole, start, start_len) == 0);
		require(start_len + 4 >= sizes[i] || start_len == len);
		free(start);
	}
	require(sms_text(parts, count, NULL, 0) == 0);
}

static size_t marker_count(const char *text)
{
	size_t count = 0;

	for (; (text = strstr(text, SMS_GAP)); text += strlen(SMS_GAP))
		count++;
	return count;
}

/* -- parts --------------------------------------------------------------------------------- */

static uint8_t septet_at(const struct sms_pdu *pdu, size_t bit)
{
	uint8_t septet = 0;

	for (size_t i = 0; i < 7; i++)
		septet |= (uint8_t)((pdu->ud[(bit + i) / 8] >> (bit + i) % 8 & 1) << i);
	return septet;
}

/* Half a pair of surrogates at one end of the text. */
static bool half_at(const struct sms_pdu *pdu, size_t at)
{
	return at >= pdu->header_len && at + 2 <= pdu->ud_len && (pdu->ud[at] & 0xF8) == 0xD8;
}

/* Nothing at the part's borders belongs to what another part holds. */
static bool stands_alone(const struct sms_pdu *pdu)
{
	size_t text_len = (size_t)(pdu->ud_len - pdu->header_len) / 2 * 2;
	size_t text_bit = pdu->header_len * 8u + pdu->fill_bits;

	switch (pdu->alphabet) {
	case SMS_GSM7:
		return pdu->septets == 0 ||
		       septet_at(pdu, text_bit + (pdu->septets - 1u) * 7) != 0x1B;
	case SMS_UCS2:
		return text_len == 0 || (!half_at(pdu, pdu->header_len) &&
						!half_at(pdu, pdu->header_len + text_len - 2));
	case SMS_DATA: return true;
	}
	return false;
}

/* "[2/3] " and the text; no mark on what is whole. */
static void mark_check(const struct sms_pdu *pdu)
{
	char *single = join(&pdu, 1);
	char *text = block(SMS_TEXT_MAX);
	size_t len = sms_part_text(pdu, text, SMS_TEXT_MAX);
	size_t mark_len = len - strlen(single);
	char *end;

	text_check(text, len, SMS_TEXT_MAX);
	require(len >= strlen(single) && strcmp(text + mark_len, single) == 0);
	if (pdu->concat.total > 1) {
		require(mark_len >= 6 && mark_len <= MARK_MAX);
		require(text[0] == '[');
		require(strtoul(text + 1, &end, 10) == pdu->concat.seq);
		require(*end == '/' && strtoul(end + 1, &end, 10) == pdu->concat.total);
		require(end[0] == ']' && end[1] == ' ' && end + 2 == text + mark_len);
	} else {
		require(mark_len == 0);
	}
	for (size_t size = 1; size <= len; size += 1 + size / 4) {
		char *start = block(size);
		size_t start_len = sms_part_text(pdu, start, size);

		text_check(start, start_len, size);
		require(memcmp(text, start, start_len) == 0);
		free(start);
	}
	free(single);
	free(text);
}

/* -- sets ---------------------------------------------------------------------------------- */

/* If all parts of a run stand alone, it is their single texts, one behind the other. */
static void run_check(const struct sms_pdu *const *parts, size_t count, const char *run)
{
	for (size_t i = 0; i < count; i++)
		if (!stands_alone(parts[i]))
			return;
	for (size_t i = 0; i < count; i++) {
		char *single = join(parts + i, 1);

		require(strncmp(run, single, strlen(single)) == 0);
		run += strlen(single);
		free(single);
	}
	require(*run == '\0');
}

/* How many from parts[0] on are there, or are missing, like parts[0]. */
static size_t run_len(const struct sms_pdu *const *parts, size_t count)
{
	size_t len = 1;

	while (len < count && (parts[len] == NULL) == (parts[0] == NULL))
		len++;
	return len;
}

/* A join is the joins of the runs between its gaps, with one marker for each gap. */
static void join_check(const struct sms_pdu *const *parts, size_t count)
{
	char *whole = join(parts, count);
	const char *at = whole;
	size_t markers = 0;

	for (size_t i = 0, len; i < count; i += len) {
		const char *wanted = SMS_GAP;
		char *run = NULL;

		len = run_len(parts + i, count - i);
		if (parts[i]) {
			wanted = run = join(parts + i, len);
			run_check(parts + i, len, run);
		}
		require(strncmp(at, wanted, strlen(wanted)) == 0);
		at += strlen(wanted);
		markers += marker_count(wanted);
		free(run);
	}
	require(*at == '\0');
	require(marker_count(whole) == markers);
	cut_check(parts, count, whole);
	free(whole);
}

static bool key_is(const struct sms_pdu *pdu, const struct sms_pdu *other)
{
	return pdu->sender.type == other->sender.type &&
	       strcmp(pdu->sender.text, other->sender.text) == 0 &&
	       pdu->concat.ref == other->concat.ref &&
	       pdu->concat.ref_bits == other->concat.ref_bits &&
	       pdu->concat.total == other->concat.total;
}

/* A part that comes again is taken instead of the one before, be it the same or not. */
static void set_add(struct set *sets, const struct sms_pdu *pdu)
{
	struct set *set = sets;
	size_t total = pdu->concat.total > 0 ? pdu->concat.total : 1;

	while (set->first && (pdu->concat.total == 0 || !key_is(set->first, pdu)))
		set++;
	if (!set->first)
		set->first = pdu;
	set->parts[pdu->concat.total > 0 ? pdu->concat.seq - 1 : 0] = pdu;
	join_check(set->parts, total);
}

/* The next PDU of the input; SMS_OK if it was one. */
static enum sms_error input_read(const uint8_t **data, size_t *size, struct sms_pdu *out)
{
	static const char digits[] = "0123456789abcdef";
	size_t len = **data < *size ? **data : *size - 1;
	char *hex = block(2 * len + 1);
	enum sms_error error;

	for (size_t i = 0; i < len; i++) {
		hex[2 * i] = digits[(*data)[1 + i] >> 4];
		hex[2 * i + 1] = digits[(*data)[1 + i] & 0x0F];
	}
	error = sms_pdu_read(hex, 2 * len, -1, out);
	free(hex);
	*data += 1 + len;
	*size -= 1 + len;
	return error;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sms_pdu pdus[PDUS_MAX];
	static struct set sets[PDUS_MAX];
	const struct sms_pdu *arrived[PDUS_MAX];
	size_t count = 0;

	memset(sets, 0, sizeof(sets));
	while (size > 0 && count < PDUS_MAX) {
		if (input_read(&data, &size, &pdus[count]) != SMS_OK)
			continue;
		mark_check(&pdus[count]);
		set_add(sets, &pdus[count]);
		arrived[count] = &pdus[count];
		count++;
	}
	join_check(arrived, count); /* whatever came, as if it were one message */
	return 0;
}
