/* gsm7.c - from septets to UTF-16, and from there to UTF-8 (3GPP TS 23.038). */
#include "sms/gsm7.h"

#include <string.h>

enum {
	SEPTET_BITS = 7,
	SEPTET_MAX = 0x7F,
	WINDOW_LEN = 8,
	REPLACEMENT = 0xFFFD,
	HIGH_FIRST = 0xD800,
	LOW_FIRST = 0xDC00,
	LOW_LAST = 0xDFFF,
};

/* The first 8 octets of octets[0..len) as a number, the first of them lowest. */
static uint64_t window_read(const uint8_t *octets, size_t len)
{
	uint64_t window = 0;

	if (len >= WINDOW_LEN)
		return (uint64_t)octets[0] | (uint64_t)octets[1] << 8 | (uint64_t)octets[2] << 16 |
		       (uint64_t)octets[3] << 24 | (uint64_t)octets[4] << 32 |
		       (uint64_t)octets[5] << 40 | (uint64_t)octets[6] << 48 |
		       (uint64_t)octets[7] << 56;
	for (size_t i = 0; i < len; i++)
		window |= (uint64_t)octets[i] << 8 * i;
	return window;
}

/* 8 septets are 7 octets, so every window begins with the same shift. */
size_t gsm7_unpack(const uint8_t *octets, size_t len, unsigned skip, size_t count, uint8_t *out)
{
	size_t there = len * 8 > skip ? (len * 8 - skip) / SEPTET_BITS : 0;
	size_t done = 0;

	if (count > there)
		count = there;
	for (size_t at = 0; done < count; at += WINDOW_LEN - 1) {
		uint64_t window = window_read(octets + at, len - at) >> skip;
		size_t end = count - done < WINDOW_LEN ? count : done + WINDOW_LEN;

		for (; done < end; done++, window >>= SEPTET_BITS)
			out[done] = window & SEPTET_MAX;
	}
	return count;
}

size_t gsm7_to_utf16(const uint8_t *septets, size_t count, const struct gsm7_tables *tables,
	bool *escape, uint16_t *out)
{
	bool escaped = *escape;
	size_t len = 0;

	for (size_t i = 0; i < count; i++) {
		uint8_t septet = septets[i] & SEPTET_MAX;
		uint16_t unit = tables->basic[septet];

		if (escaped) {
			if (tables->extended[septet] != 0)
				unit = tables->extended[septet];
			escaped = false;
		} else if (septet == GSM7_ESC) {
			escaped = true;
			continue;
		}
		out[len++] = unit;
	}
	*escape = escaped;
	return len;
}

/* Takes one character of units[0..count), count > 0. Returns the units it took. */
static size_t character_next(const uint16_t *units, size_t count, uint32_t *character)
{
	uint16_t first = units[0];

	if (first < HIGH_FIRST || first > LOW_LAST) {
		*character = first;
		return 1;
	}
	if (first >= LOW_FIRST || count < 2 || units[1] < LOW_FIRST || units[1] > LOW_LAST) {
		*character = REPLACEMENT;
		return 1;
	}
	*character = 0x10000 + ((uint32_t)(first - HIGH_FIRST) << 10) + (units[1] - LOW_FIRST);
	return 2;
}

static size_t character_encode(uint32_t character, uint8_t out[4])
{
	if (character < 0x80) {
		out[0] = (uint8_t)character;
		return 1;
	}
	if (character < 0x800) {
		out[0] = (uint8_t)(0xC0 | character >> 6);
		out[1] = 0x80 | (character & 0x3F);
		return 2;
	}
	if (character < 0x10000) {
		out[0] = (uint8_t)(0xE0 | character >> 12);
		out[1] = 0x80 | (character >> 6 & 0x3F);
		out[2] = 0x80 | (character & 0x3F);
		return 3;
	}
	out[0] = (uint8_t)(0xF0 | character >> 18);
	out[1] = 0x80 | (character >> 12 & 0x3F);
	out[2] = 0x80 | (character >> 6 & 0x3F);
	out[3] = 0x80 | (character & 0x3F);
	return 4;
}

size_t utf16_to_utf8(const uint16_t *units, size_t count, char *out, size_t size, bool *whole)
{
	size_t at = 0;
	size_t len = 0;

	*whole = count == 0;
	if (size == 0)
		return 0;
	while (at < count) {
		uint8_t octets[4];
		uint32_t character;
		size_t unit_count, octet_count;

		if (units[at] - 1u < 0x7F && len + 1 < size) { /* ASCII but NUL */
			out[len++] = (char)units[at++];
			continue;
		}
		unit_count = character_next(units + at, count - at, &character);
		octet_count = character == 0 ? 0 : character_encode(character, octets);
		if (octet_count >= size - len)
			break;
		memcpy(out + len, octets, octet_count);
		len += octet_count;
		at += unit_count;
	}
	out[len] = '\0';
	*whole = at == count;
	return len;
}
