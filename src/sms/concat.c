/* concat.c - joins what the parts of a message say (3GPP TS 23.040 9.2.3.24.1). */
#include "sms/concat.h"

#include <string.h>

#include "sms/gsm7.h"

enum {
	SEPTETS_MAX = SMS_UD_MAX * 8 / 7,
	UNITS_MAX = SEPTETS_MAX + 1, /* of one part, behind a surrogate that was kept */
	MARK_MAX = 10,               /* "[255/255] " */
	BYTE_ORDER_MARK = 0xFEFF,
	HIGH_FIRST = 0xD800,
	HIGH_LAST = 0xDBFF,
};

_Static_assert(SMS_TEXT_MAX >= MARK_MAX + 3 * UNITS_MAX + 1, "SMS_TEXT_MAX holds a marked part");

/* A text under construction, and what one part leaves to the next. */
struct join {
	char *out;
	size_t size, len;
	bool cut;      /* out is full: nothing more is added */
	bool escape;   /* the last septet was an escape */
	uint16_t high; /* a high surrogate that waits for its other half, or 0 */
};

static void units_add(struct join *join, const uint16_t *units, size_t count)
{
	bool whole;

	if (join->cut)
		return;
	join->len +=
		utf16_to_utf8(units, count, join->out + join->len, join->size - join->len, &whole);
	join->cut = !whole;
}

static void ascii_add(struct join *join, const char *text, size_t len)
{
	size_t room = join->size - join->len - 1;

	if (join->cut)
		return;
	join->cut = len > room;
	if (join->cut)
		len = room;
	memcpy(join->out + join->len, text, len);
	join->len += len;
	join->out[join->len] = '\0';
}

/* What comes next does not continue what was. */
static void join_break(struct join *join)
{
	if (join->high != 0)
		units_add(join, &join->high, 1);
	join->high = 0;
	join->escape = false;
}

static size_t septet_units(const struct sms_pdu *part, struct join *join, uint16_t *out)
{
	struct gsm7_tables tables = gsm7_tables(part->locking_shift, part->single_shift);
	uint8_t septets[SEPTETS_MAX];
	size_t count = gsm7_unpack(part->ud + part->header_len,
		(size_t)(part->ud_len - part->header_len), part->fill_bits, part->septets, septets);

	return gsm7_to_utf16(septets, count, &tables, &join->escape, out);
}

/* Big endian. An odd last octet is dropped, and the byte order mark that a part may begin with. */
static size_t ucs2_units(const struct sms_pdu *part, uint16_t *out)
{
	size_t count = 0;

	for (size_t at = part->header_len; at + 2 <= part->ud_len; at += 2) {
		uint16_t unit = (uint16_t)(part->ud[at] << 8 | part->ud[at + 1]);

		if (at > part->header_len || unit != BYTE_ORDER_MARK)
			out[count++] = unit;
	}
	return count;
}

static void part_add(struct join *join, const struct sms_pdu *part)
{
	uint16_t units[UNITS_MAX] = { join->high };
	size_t kept = join->high != 0;
	size_t count = 0;

	switch (part->alphabet) {
	case SMS_GSM7: count = septet_units(part, join, units + kept); break;
	case SMS_UCS2:
		join->escape = false;
		count = ucs2_units(part, units + kept);
		break;
	case SMS_DATA: join_break(join); break;
	}
	if (count == 0)
		return;
	count += kept;
	join->high = 0;
	if (units[count - 1] >= HIGH_FIRST && units[count - 1] <= HIGH_LAST)
		join->high = units[--count];
	units_add(join, units, count);
}

static void gap_add(struct join *join)
{
	join_break(join);
	ascii_add(join, SMS_GAP, strlen(SMS_GAP));
}

size_t sms_text(const struct sms_pdu *const *parts, size_t count, char *out, size_t size)
{
	struct join join = { .out = out, .size = size };

	if (size == 0)
		return 0;
	out[0] = '\0';
	for (size_t i = 0; i < count && !join.cut; i++) {
		if (parts[i])
			part_add(&join, parts[i]);
		else if (i == 0 || parts[i - 1])
			gap_add(&join);
	}
	join_break(&join);
	return join.len;
}

/* Up to three digits. Returns how many. */
static size_t number_write(unsigned number, char *out)
{
	size_t len = 0;

	if (number >= 100)
		out[len++] = (char)('0' + number / 100);
	if (number >= 10)
		out[len++] = (char)('0' + number / 10 % 10);
	out[len++] = (char)('0' + number % 10);
	return len;
}

size_t sms_part_text(const struct sms_pdu *part, char *out, size_t size)
{
	struct join join = { .out = out, .size = size };
	char mark[MARK_MAX];
	size_t len = 0;

	if (size == 0)
		return 0;
	out[0] = '\0';
	if (part->concat.total > 1) {
		mark[len++] = '[';
		len += number_write(part->concat.seq, mark + len);
		mark[len++] = '/';
		len += number_write(part->concat.total, mark + len);
		mark[len++] = ']';
		mark[len++] = ' ';
		ascii_add(&join, mark, len);
	}
	part_add(&join, part);
	join_break(&join);
	return join.len;
}
