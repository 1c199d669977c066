/* record_mask.c - a line of a modem with what is private taken out. */
#include "modem/record_mask.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "base/fnv.h"

enum {
	RUN_MAX = 22, /* an ICCID with its check digit and fillers */
	KEPT = 2,     /* digits of a run that stay: 89 of an ICCID, the country of a number */
	COUNT_DIGITS = 3,
	TEXT_SEPTET = 'x',
	FIRST_UDHI = 0x40,
	MTI = 0x03,
	TIME_LEN = 7,
};

static const char hex_digits[] = "0123456789ABCDEF";

/* ---- runs of digits ------------------------------------------------------------------------- */

static size_t run_of(const char *at)
{
	size_t len = 0;

	while (isxdigit((unsigned char)at[len]))
		len++;
	return len;
}

/* What is glued to other letters is a name or a version, unless it is digits alone. */
static bool private_run(const char *line, const char *at, size_t len)
{
	size_t digits = 0;
	bool glued =
		isalpha((unsigned char)at[len]) || (at > line && isalpha((unsigned char)at[-1]));

	for (size_t i = 0; i < len; i++)
		digits += isdigit((unsigned char)at[i]) != 0;
	return digits > RECORD_PLAIN_DIGITS && (digits == len || !glued);
}

static unsigned number_of(struct record_names *names, const char *at, size_t len)
{
	uint64_t hash = FNV_START;
	unsigned n = 0;

	for (size_t i = 0; i < len; i++)
		hash = fnv_int(hash, toupper((unsigned char)at[i]));
	while (n < names->count && names->hashes[n] != hash)
		n++;
	if (n == names->count && n < RECORD_NAMES_MAX)
		names->hashes[names->count++] = hash;
	return n;
}

/* The count stands in the last digits; fillers of an ICCID behind them stay. */
static void mask_run(struct record_names *names, const char *at, size_t len, char *out)
{
	unsigned n = number_of(names, at, len);
	size_t end = len;

	while (end > KEPT + COUNT_DIGITS && toupper((unsigned char)at[end - 1]) == 'F')
		end--;
	memcpy(out, at, len);
	memset(out + KEPT, '0', end - KEPT);
	for (size_t i = 0; i < COUNT_DIGITS; i++, n /= 10)
		out[end - 1 - i] = (char)('0' + n % 10);
}

/* ---- PDUs ----------------------------------------------------------------------------------- */

static unsigned octet_at(const char *hex, size_t octet)
{
	char high = (char)toupper((unsigned char)hex[2 * octet]);
	char low = (char)toupper((unsigned char)hex[2 * octet + 1]);

	return (unsigned)(strchr(hex_digits, high) - hex_digits) << 4 |
	       (unsigned)(strchr(hex_digits, low) - hex_digits);
}

static void octet_put(char *hex, size_t octet, unsigned value)
{
	hex[2 * octet] = hex_digits[value >> 4 & 0x0F];
	hex[2 * octet + 1] = hex_digits[value & 0x0F];
}

/* Digits of an address become 0, letters of a name "x"; the filler stays. */
static void mask_address(char *hex, size_t octet, size_t count, bool name)
{
	for (size_t i = 0; i < count; i++)
		if (name)
			octet_put(
				hex, octet + i, 0xF8U); /* no matter which: a name of that length */
		else
			octet_put(hex, octet + i, octet_at(hex, octet + i) >> 4 == 0x0F ? 0xF0 : 0);
}

/* User data behind its header: septets "x" from the first whole one on, UCS-2 "x", octets 0. */
static void mask_text(char *hex, size_t octet, size_t count, size_t header_len, unsigned dcs)
{
	bool wide = (dcs & 0xCC) == 0x08 || (dcs & 0xF0) == 0xE0;
	bool data = (dcs & 0xCC) == 0x04 || (dcs & 0xF4) == 0xF4;
	size_t septet = (header_len * 8 + 6) / 7;

	for (size_t i = header_len; i < count; i++)
		octet_put(hex, octet + i, wide && (i - header_len) % 2 == 1 ? 'x' : 0);
	for (; !wide && !data && (septet + 1) * 7 <= count * 8; septet++)
		for (size_t bit = 0; bit < 7; bit++) {
			size_t at = septet * 7 + bit;
			if (TEXT_SEPTET >> bit & 1)
				octet_put(hex, octet + at / 8,
					octet_at(hex, octet + at / 8) | 1U << at % 8);
		}
}

/* The place behind an address whose length counts digits; 0 if it passes the end. */
static size_t mask_tpdu_address(char *hex, size_t octet, size_t octets)
{
	size_t len;

	if (octet + 2 > octets)
		return 0;
	len = (octet_at(hex, octet) + 1) / 2;
	if (len > 10 || octet + 2 + len > octets)
		return 0;
	mask_address(hex, octet + 2, len, (octet_at(hex, octet + 1) & 0x70) == 0x50);
	return octet + 2 + len;
}

/* What lies between the address and the user data's length (TS 23.040 9.2.2); the data coding is
 * the second of these octets. SIZE_MAX: there is no text. */
static size_t middle_of(unsigned first)
{
	switch (first & MTI) {
	case 2: return SIZE_MAX; /* a report: times and a status */
	case 1:
		if ((first & 0x18) == 0)
			return 2;
		return (first & 0x18) == 0x10 ? 3 : 2 + TIME_LEN;
	}
	return 2 + TIME_LEN;
}

static bool mask_tpdu(char *hex, size_t octet, size_t octets)
{
	unsigned first, dcs, udl;
	size_t middle, header_len = 0;

	if (octet >= octets)
		return false;
	first = octet_at(hex, octet);
	middle = middle_of(first);
	octet = mask_tpdu_address(
		hex, octet + ((first & MTI) == 0 || (first & MTI) == 3 ? 1 : 2), octets);
	if (octet == 0)
		return false;
	if (middle == SIZE_MAX)
		return true;
	if (octet + middle >= octets)
		return false;
	dcs = octet_at(hex, octet + 1);
	octet += middle;
	udl = octet_at(hex, octet++);
	if (first & FIRST_UDHI && octet < octets)
		header_len = 1 + octet_at(hex, octet);
	if (udl == 0 || header_len > octets - octet)
		return udl == 0;
	mask_text(hex, octet, octets - octet, header_len, dcs);
	return true;
}

/* SMSC field, then the TPDU. */
static void mask_pdu(char *hex, size_t len)
{
	size_t octets = len / 2, smsc_len = octet_at(hex, 0);
	bool good = len % 2 == 0 && smsc_len + 1 < octets && smsc_len <= 11;

	if (good && smsc_len > 1)
		mask_address(hex, 2, smsc_len - 1, false);
	if (!good || !mask_tpdu(hex, smsc_len + 1, octets))
		memset(hex, '0', len);
}

/* ---- lines ---------------------------------------------------------------------------------- */

/* The length of a text in quotes that begins at `at`; 0 if it may stay. */
static size_t words_of(const char *at)
{
	const char *end = strchr(at + 1, '"');
	bool words = false;

	if (!end)
		return 0;
	for (const char *c = at + 1; c < end; c++)
		words = words || *c == ' ' || (unsigned char)*c >= 0x80;
	return words ? (size_t)(end - at) - 1 : 0;
}

void record_mask(struct record_names *names, const char *line, char *out, size_t size)
{
	const char *begin = line;
	size_t len = 0;

	if (size == 0)
		return;
	if (strncmp(line, "AT+CPIN=", 8) == 0)
		begin = line = "AT+CPIN=\"0000\"";
	while (*line && len + 1 < size) {
		size_t run = run_of(line), words = *line == '"' ? words_of(line) : 0;
		size_t take = run ? run : 1;

		if (take >= size - len)
			break;
		memcpy(out + len, line, take);
		if (run > RUN_MAX)
			mask_pdu(out + len, run);
		else if (run > RECORD_PLAIN_DIGITS && private_run(begin, line, run))
			mask_run(names, line, run, out + len);
		line += take;
		len += take;
		for (; words > 0 && len + 1 < size; words--, line++)
			out[len++] = 'x';
	}
	out[len] = '\0';
}
