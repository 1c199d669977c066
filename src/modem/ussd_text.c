/* ussd_text.c - what stands in +CUSD, and a phone number in it. */
#include "modem/ussd_text.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/countries.h"
#include "sms/gsm7.h"

enum {
	OCTETS_MAX = USSD_RAW_MAX / 2,
	SEPTETS_MAX = OCTETS_MAX * 8 / 7,
	DIGITS_MIN = 9, /* of a number in the end, with its calling code */
	DIGITS_MAX = 15,
	LENGTH_USUAL = 11, /* digits of a number that hardly goes on behind a blank */
	HEX_MIN = 8,       /* fewer digits are no encoded answer: "0411" is */
};

/* ---- a code --------------------------------------------------------------------------------- */

bool ussd_is_code(const char *text)
{
	static const char *const locks[] = { "**04*", "**042*", "**05*", "**052*", "**03*",
		"*03*" };
	size_t len = strlen(text);

	if (len < 3 || len >= USSD_CODE_SIZE || (*text != '*' && *text != '#') ||
		text[len - 1] != '#' || strspn(text, "0123456789*#") != len)
		return false;
	for (size_t i = 0; i < sizeof locks / sizeof locks[0]; i++)
		if (strncmp(text, locks[i], strlen(locks[i])) == 0)
			return false;
	return true;
}

static bool put_hex(char *out, size_t size, size_t at, unsigned octet)
{
	static const char digits[] = "0123456789ABCDEF";

	if (at + 2 >= size)
		return false;
	out[at] = digits[octet >> 4 & 15];
	out[at + 1] = digits[octet & 15];
	out[at + 2] = '\0';
	return true;
}

/* What a code consists of has the same codes in ASCII and in the default alphabet. */
static bool encode_packed(const char *code, char *out, size_t size)
{
	uint8_t octets[USSD_CODE_SIZE] = { 0 };
	size_t len = strlen(code), count;

	for (size_t i = 0; i < len + (len % 8 == 7); i++) {
		unsigned septet = i < len ? (unsigned char)code[i] : '\r'; /* padding: not '@' */
		size_t at = i * 7 / 8, shift = i * 7 % 8;
		octets[at] |= (uint8_t)(septet << shift);
		if (shift > 1)
			octets[at + 1] |= (uint8_t)(septet >> (8 - shift));
	}
	count = (7 * len + 7) / 8;
	for (size_t i = 0; i < count; i++)
		if (!put_hex(out, size, 2 * i, octets[i]))
			return false;
	return true;
}

bool ussd_encode(const char *code, enum ussd_form form, char *out, size_t size)
{
	size_t len = strlen(code);

	if (len >= USSD_CODE_SIZE || size == 0)
		return false;
	switch (form) {
	case USSD_PLAIN:
		if (len >= size)
			return false;
		memcpy(out, code, len + 1);
		return true;
	case USSD_PACKED: return encode_packed(code, out, size);
	case USSD_UCS2:
		for (size_t i = 0; i < len; i++)
			if (!put_hex(out, size, 4 * i, 0) ||
				!put_hex(out, size, 4 * i + 2, (unsigned char)code[i]))
				return false;
		return len > 0;
	}
	return false;
}

/* ---- an answer ------------------------------------------------------------------------------ */

static unsigned hex_value(char c)
{
	return (unsigned)(isdigit((unsigned char)c) ? c - '0'
						    : toupper((unsigned char)c) - 'A' + 10);
}

/* The octets of a run of hexadecimal digits; how many there are. */
static size_t octets_of(const char *raw, size_t digits, uint8_t *out)
{
	size_t count = digits / 2 < OCTETS_MAX ? digits / 2 : OCTETS_MAX;

	for (size_t i = 0; i < count; i++)
		out[i] = (uint8_t)(hex_value(raw[2 * i]) << 4 | hex_value(raw[2 * i + 1]));
	return count;
}

/* TS 23.038 5: groups 01xx with alphabet 10, 1001 with it, and "UCS2 behind a language". */
static bool is_ucs2_dcs(int dcs)
{
	return dcs == 0x11 ||
	       (dcs > 0 && ((dcs & 0xC0) == 0x40 || (dcs & 0xF0) == 0x90) && (dcs & 0x0C) == 0x08);
}

/* Whether somebody may have written this where nobody said that it is UCS-2: letters of alphabets,
 * not what packed septets look like when read so. */
static bool is_readable(const uint8_t *octets, size_t count)
{
	for (size_t i = 0; i + 1 < count; i += 2) {
		unsigned unit = (unsigned)octets[i] << 8 | octets[i + 1];
		bool line_end = unit == '\n' || unit == '\r';
		if (unit == 0 && i > 0)
			return true; /* what follows is garbage */
		if (!line_end && (unit < 0x20 || (unit >= 0x7F && unit < 0xA0) ||
					 (unit > 0x6FF && (unit < 0x2000 || unit > 0x20CF))))
			return false;
	}
	return count > 0 && count % 2 == 0;
}

static void from_ucs2(const uint8_t *octets, size_t count, char *out)
{
	uint16_t units[OCTETS_MAX / 2];
	size_t n = 0;
	bool whole;

	while (2 * n + 1 < count) {
		units[n] = (uint16_t)(octets[2 * n] << 8 | octets[2 * n + 1]);
		if (units[n] == 0)
			break;
		n++;
	}
	utf16_to_utf8(units, n, out, USSD_TEXT_SIZE, &whole);
}

static void from_packed(const uint8_t *octets, size_t count, char *out)
{
	struct gsm7_tables tables = gsm7_tables(0, 0);
	uint8_t septets[SEPTETS_MAX + 1];
	uint16_t units[SEPTETS_MAX + 1];
	bool escape = false, whole;
	size_t n = gsm7_unpack(octets, count, 0, count * 8 / 7, septets);

	/* Seven bits were over: padded with CR or with nothing (TS 23.038 6.1.2.3.1). */
	if (n > 0 && n % 8 == 0 && (septets[n - 1] == '\r' || septets[n - 1] == 0))
		n--;
	n = gsm7_to_utf16(septets, n, &tables, &escape, units);
	utf16_to_utf8(units, n, out, USSD_TEXT_SIZE, &whole);
}

static void plain(const char *raw, char *out)
{
	size_t len = strlen(raw);

	if (len >= USSD_TEXT_SIZE)
		len = USSD_TEXT_SIZE - 1;
	memcpy(out, raw, len);
	out[len] = '\0';
}

static size_t run_of(const char *text, int (*is)(int))
{
	size_t len = 0;

	while (is((unsigned char)text[len]))
		len++;
	return len;
}

void ussd_decode(const char *raw, int dcs, enum ussd_form form, char out[USSD_TEXT_SIZE])
{
	size_t hex = run_of(raw, isxdigit), len = strlen(raw);
	bool said = is_ucs2_dcs(dcs) || form != USSD_PLAIN;
	uint8_t octets[OCTETS_MAX];
	size_t count = octets_of(raw, hex, octets);
	bool readable = hex % 4 == 0 && is_readable(octets, count);

	/* Garbage may follow, but only where it is known that digits come first. */
	if (hex < (said ? 2U : HEX_MIN) || (hex < len && !said) || (hex == len && hex % 2 != 0))
		plain(raw, out);
	else if (is_ucs2_dcs(dcs) || form == USSD_UCS2 || (form == USSD_PLAIN && readable))
		from_ucs2(octets, count, out);
	else if (form == USSD_PLAIN && run_of(raw, isdigit) == len)
		plain(raw, out); /* a phone number, most likely */
	else
		from_packed(octets, count, out);
}

/* ---- a phone number ------------------------------------------------------------------------- */

/* Digits, and whether '+' stood before them. */
struct run {
	char digits[40];
	size_t len;
	bool plus;
};

/* The number that a run is, with '+'; false if it is none, or not clear. */
static bool to_e164(const struct run *run, const struct country *home, char *out)
{
	const char *digits = run->digits, *calling = "";
	char own[12];
	size_t len;

	if (run->len >= sizeof run->digits)
		return false;
	if (!run->plus && strncmp(digits, "00", 2) == 0) {
		digits += 2;
	} else if (!run->plus) {
		if (!home)
			return false;
		snprintf(own, sizeof own, "%d", home->calling);
		if (strncmp(digits, own, strlen(own)) != 0 || strlen(digits) < DIGITS_MIN) {
			if (!home->trunk || *digits != home->trunk)
				return false;
			calling = own;
			digits++;
		}
	}
	len = strlen(calling) + strlen(digits);
	if (len < DIGITS_MIN || len > DIGITS_MAX || *digits == '0')
		return false;
	if (strchr("17", *calling ? *calling : *digits) && len != 11)
		return false; /* in zones 1 and 7 all numbers are as long */
	out[0] = '+';
	strcpy(out + 1, calling);
	strcat(out, digits);
	return true;
}

/* Takes digits from *text on. joined: single separators between groups belong to it. */
static struct run take_run(const char **text, bool joined)
{
	struct run run = { .plus = **text == '+' };
	const char *at = *text + run.plus;

	for (;;) {
		if (joined && strncmp(at, "(0)", 3) == 0) {
			run.len = sizeof run.digits; /* a digit that counts at home only */
			break;
		}
		if (isdigit((unsigned char)*at)) {
			if (run.len < sizeof run.digits)
				run.digits[run.len++] = *at;
			at++;
		} else if (joined && *at && strchr(" -.()", *at) &&
			   (isdigit((unsigned char)at[1]) ||
				   (strchr("()", at[1]) && at[1] &&
					   isdigit((unsigned char)at[2])))) {
			at++;
			at += !isdigit((unsigned char)*at);
		} else {
			break;
		}
	}
	if (run.len < sizeof run.digits)
		run.digits[run.len] = '\0';
	*text = at;
	return run;
}

/* Whether a joined number surely ends here: no word, no other figure stands right behind it. */
static bool ends_clearly(const char *at)
{
	const char *next = at + strspn(at, " ");

	return !*next || *next == '\n' || *next == '\r' ||
	       (next == at && strchr(".,;!", *next) &&
		       (!next[1] || isspace((unsigned char)next[1])));
}

/* Whether a number that stands in one piece may be a group of a longer one. */
static bool may_go_on(const char *at, const char *number)
{
	if (*at && strchr("-./()", *at) && isdigit((unsigned char)at[1]))
		return true;
	return *at == ' ' && isdigit((unsigned char)at[1]) && strlen(number) < 1 + LENGTH_USUAL;
}

struct best {
	char number[DIGITS_MAX + 2];
	bool twice; /* two different ones of this length */
};

static void consider(struct best *best, const char *number)
{
	size_t len = strlen(number), most = strlen(best->number);

	if (len > most) {
		strcpy(best->number, number);
		best->twice = false;
	} else if (len == most && strcmp(number, best->number) != 0) {
		best->twice = true;
	}
}

static struct best look(const char *text, const struct country *home, bool joined)
{
	struct best best = { .number = "" };
	char number[DIGITS_MAX + 2];
	bool word = false; /* the character before is part of something else */

	while (*text) {
		bool plus = *text == '+' && isdigit((unsigned char)text[1]);
		if (!plus && !isdigit((unsigned char)*text)) {
			word = isalpha((unsigned char)*text) || (unsigned char)*text >= 0x80 ||
			       strchr("*#", *text);
			text++;
			continue;
		}
		struct run run = take_run(&text, joined && plus);
		if (!(word && !plus) && (!joined || plus) && !isalpha((unsigned char)*text) &&
			!(*text && strchr("*#", *text)) && to_e164(&run, home, number) &&
			(joined ? ends_clearly(text) : !may_go_on(text, number)))
			consider(&best, number);
		word = false;
	}
	return best;
}

bool ussd_number(const char *text, const char *imsi, char *out, size_t size)
{
	const struct country *home = country_of_imsi(imsi);
	struct best best = look(text, home, false);

	/* In groups only where it says that it is a whole number: amounts stand near. */
	if (!best.number[0])
		best = look(text, home, true);
	if (!best.number[0] || best.twice || strlen(best.number) >= size)
		return false;
	memcpy(out, best.number, strlen(best.number) + 1);
	return true;
}
