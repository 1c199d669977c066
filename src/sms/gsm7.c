/* gsm7.c - septets, the GSM 7-bit default alphabet, UTF-16 and UTF-8 (3GPP TS 23.038). */
#include "sms/gsm7.h"

#include <string.h>

enum {
	SEPTET_BITS = 7,
	BYTE_ORDER_MARK = 0xFEFF,
	REPLACEMENT = 0xFFFD,
	HIGH_FIRST = 0xD800,
	LOW_FIRST = 0xDC00,
	LOW_LAST = 0xDFFF,
};

/* An alphabet is a table of 128 units and a list of extensions that ends with unit 0. A national
 * language replaces either (TS 23.038 A.2, A.3). */
struct extension {
	uint8_t septet;
	uint16_t unit;
};

struct alphabet {
	const uint16_t *basic;
	const struct extension *extensions;
};

/* 6.2.1. The place of the escape is never looked up. */
static const uint16_t default_basic[128] = {
	0x0040, 0x00A3, 0x0024, 0x00A5, 0x00E8, 0x00E9, 0x00F9, 0x00EC, /* 00 @ */
	0x00F2, 0x00C7, 0x000A, 0x00D8, 0x00F8, 0x000D, 0x00C5, 0x00E5, /* 08 */
	0x0394, 0x005F, 0x03A6, 0x0393, 0x039B, 0x03A9, 0x03A0, 0x03A8, /* 10 Delta */
	0x03A3, 0x0398, 0x039E, 0x0020, 0x00C6, 0x00E6, 0x00DF, 0x00C9, /* 18 Sigma */
	0x0020, 0x0021, 0x0022, 0x0023, 0x00A4, 0x0025, 0x0026, 0x0027, /* 20 space */
	0x0028, 0x0029, 0x002A, 0x002B, 0x002C, 0x002D, 0x002E, 0x002F, /* 28 */
	0x0030, 0x0031, 0x0032, 0x0033, 0x0034, 0x0035, 0x0036, 0x0037, /* 30 digits */
	0x0038, 0x0039, 0x003A, 0x003B, 0x003C, 0x003D, 0x003E, 0x003F, /* 38 */
	0x00A1, 0x0041, 0x0042, 0x0043, 0x0044, 0x0045, 0x0046, 0x0047, /* 40 A to */
	0x0048, 0x0049, 0x004A, 0x004B, 0x004C, 0x004D, 0x004E, 0x004F, /* 48 */
	0x0050, 0x0051, 0x0052, 0x0053, 0x0054, 0x0055, 0x0056, 0x0057, /* 50 */
	0x0058, 0x0059, 0x005A, 0x00C4, 0x00D6, 0x00D1, 0x00DC, 0x00A7, /* 58 Z */
	0x00BF, 0x0061, 0x0062, 0x0063, 0x0064, 0x0065, 0x0066, 0x0067, /* 60 a to */
	0x0068, 0x0069, 0x006A, 0x006B, 0x006C, 0x006D, 0x006E, 0x006F, /* 68 */
	0x0070, 0x0071, 0x0072, 0x0073, 0x0074, 0x0075, 0x0076, 0x0077, /* 70 */
	0x0078, 0x0079, 0x007A, 0x00E4, 0x00F6, 0x00F1, 0x00FC, 0x00E0, /* 78 z */
};

/* 6.2.1.1. A second escape asks for a table that does not exist yet: a space. */
static const struct extension default_extensions[] = {
	{ 0x0A, 0x000C },
	{ 0x14, '^' },
	{ 0x1B, ' ' },
	{ 0x28, '{' },
	{ 0x29, '}' },
	{ 0x2F, '\\' },
	{ 0x3C, '[' },
	{ 0x3D, '~' },
	{ 0x3E, ']' },
	{ 0x40, '|' },
	{ 0x65, 0x20AC },
	{ 0, 0 },
};

static const struct alphabet default_alphabet = { default_basic, default_extensions };

size_t gsm7_unpack(const uint8_t *octets, size_t len, unsigned skip, size_t count, uint8_t *out)
{
	size_t bit = skip;
	size_t done;

	for (done = 0; done < count && bit + SEPTET_BITS <= len * 8; done++) {
		size_t at = bit / 8;
		unsigned shift = bit % 8;
		unsigned window = octets[at];

		if (shift > 8 - SEPTET_BITS)
			window |= (unsigned)octets[at + 1] << 8;
		out[done] = (window >> shift) & 0x7F;
		bit += SEPTET_BITS;
	}
	return done;
}

static uint16_t extended_unit(const struct alphabet *alphabet, uint8_t septet)
{
	const struct extension *row;

	for (row = alphabet->extensions; row->unit != 0; row++)
		if (row->septet == septet)
			return row->unit;
	return alphabet->basic[septet];
}

size_t gsm7_to_utf16(const uint8_t *septets, size_t count, int *escape, uint16_t *out)
{
	const struct alphabet *alphabet = &default_alphabet;
	size_t len = 0;

	for (size_t i = 0; i < count; i++) {
		uint8_t septet = septets[i] & 0x7F;

		if (*escape) {
			out[len++] = extended_unit(alphabet, septet);
			*escape = 0;
		} else if (septet == GSM7_ESC) {
			*escape = 1;
		} else {
			out[len++] = alphabet->basic[septet];
		}
	}
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

size_t utf16_to_utf8(const uint16_t *units, size_t count, char *out, size_t size)
{
	size_t at = 0;
	size_t len = 0;

	if (size == 0)
		return 0;
	if (count > 0 && units[0] == BYTE_ORDER_MARK)
		at = 1;
	while (at < count) {
		uint8_t octets[4];
		uint32_t character;
		size_t octet_count;

		at += character_next(units + at, count - at, &character);
		if (character == 0)
			continue;
		octet_count = character_encode(character, octets);
		if (octet_count >= size - len)
			break;
		memcpy(out + len, octets, octet_count);
		len += octet_count;
	}
	out[len] = '\0';
	return len;
}
