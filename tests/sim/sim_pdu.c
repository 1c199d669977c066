/* sim_pdu.c - builds PDUs (3GPP TS 23.040, 23.041) as a service centre would. */
#include "sim_pdu.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <wchar.h>

enum {
	ESCAPE = 0x1b,
	GSM7_ALONE = 160,
	GSM7_PART = 153,
	UCS2_ALONE = 70,
	UCS2_PART = 67,
	PAGE_UNITS = 93, /* in the 82 octets of a page */
	UDH_OCTETS = 6,
	UDH_BITS = 49, /* the header's 48 bits and one fill bit */
	ALNUM_MAX = 11,
	DIGITS_MAX = 20,
};

/* TS 23.038 6.2.1, in order of value. */
static const wchar_t gsm7_basic[] = L"@£$¥èéùìòÇ\nØø\rÅå"
				    L"Δ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ"
				    L" !\"#¤%&'()*+,-./"
				    L"0123456789:;<=>?"
				    L"¡ABCDEFGHIJKLMNO"
				    L"PQRSTUVWXYZÄÖÑÜ§"
				    L"¿abcdefghijklmno"
				    L"pqrstuvwxyzäöñüà";

/* TS 23.038 6.2.1.1. */
static const struct {
	uint16_t septet;
	wchar_t point;
} gsm7_extra[] = {
	{ 0x0a, L'\f' },
	{ 0x14, L'^' },
	{ 0x28, L'{' },
	{ 0x29, L'}' },
	{ 0x2f, L'\\' },
	{ 0x3c, L'[' },
	{ 0x3d, L'~' },
	{ 0x3e, L']' },
	{ 0x40, L'|' },
	{ 0x65, L'€' },
};

static int gsm7_find(uint32_t point, uint16_t out[2])
{
	if (point != 0 && point != ESCAPE) {
		const wchar_t *at = wcschr(gsm7_basic, (wchar_t)point);
		if (at) {
			out[0] = (uint16_t)(at - gsm7_basic);
			return 1;
		}
	}
	for (size_t i = 0; i < sizeof(gsm7_extra) / sizeof(*gsm7_extra); i++) {
		if ((uint32_t)gsm7_extra[i].point != point)
			continue;
		out[0] = ESCAPE;
		out[1] = gsm7_extra[i].septet;
		return 2;
	}
	return 0;
}

/* One code point; the octets it took, or 0 when the bytes are no UTF-8. */
static size_t utf8_next(const char *s, uint32_t *point)
{
	const uint8_t *b = (const uint8_t *)s;
	size_t n = b[0] < 0x80 ? 1 : b[0] >= 0xf0 ? 4 : b[0] >= 0xe0 ? 3 : b[0] >= 0xc2 ? 2 : 0;
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint32_t v;

	if (n == 0 || b[0] > 0xf4)
		return 0;
	v = n == 1 ? b[0] : b[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if ((b[i] & 0xc0) != 0x80)
			return 0;
		v = v << 6 | (b[i] & 0x3f);
	}
	if (v < least[n] || v > 0x10ffff || (v >= 0xd800 && v < 0xe000))
		return 0;
	*point = v;
	return n;
}

static int body_gsm7(const char *utf8, struct sim_body *body)
{
	uint32_t point;

	body->count = 0;
	for (size_t n; *utf8; utf8 += n) {
		uint16_t septets[2];
		n = utf8_next(utf8, &point);
		if (n == 0)
			return -EILSEQ;
		int used = gsm7_find(point, septets);
		if (used == 0)
			return 1;
		for (int i = 0; i < used; i++)
			body->units[body->count++] = septets[i];
	}
	return 0;
}

static int body_ucs2(const char *utf8, struct sim_body *body)
{
	uint32_t point;

	body->ucs2 = true;
	body->count = 0;
	for (size_t n; *utf8; utf8 += n) {
		n = utf8_next(utf8, &point);
		if (n == 0)
			return -EILSEQ;
		if (point < 0x10000) {
			body->units[body->count++] = (uint16_t)point;
			continue;
		}
		body->units[body->count++] = (uint16_t)(0xd800 + ((point - 0x10000) >> 10));
		body->units[body->count++] = (uint16_t)(0xdc00 + ((point - 0x10000) & 0x3ff));
	}
	return 0;
}

int sim_body_init(const char *utf8, struct sim_body *body)
{
	struct sim_body b = { .units = calloc(2 * strlen(utf8) + 1, sizeof(*b.units)) };
	int rc;

	if (!b.units)
		return -ENOMEM;
	rc = body_gsm7(utf8, &b);
	if (rc > 0)
		rc = body_ucs2(utf8, &b);
	if (rc == 0 && sim_body_parts(&b) > SIM_PARTS_MAX)
		rc = -E2BIG;
	if (rc < 0) {
		free(b.units);
		return rc;
	}
	*body = b;
	return 0;
}

void sim_body_done(struct sim_body *body)
{
	free(body->units);
	body->units = NULL;
}

static size_t part_end(const struct sim_body *body, size_t start)
{
	size_t end = start + (body->ucs2 ? UCS2_PART : GSM7_PART);

	if (end >= body->count)
		return body->count;
	if (!body->ucs2 && body->units[end - 1] == ESCAPE)
		end--;
	return end;
}

size_t sim_body_parts(const struct sim_body *body)
{
	size_t parts = 0;

	if (body->count <= (body->ucs2 ? UCS2_ALONE : GSM7_ALONE))
		return 1;
	for (size_t at = 0; at < body->count; at = part_end(body, at))
		parts++;
	return parts;
}

void sim_body_part(const struct sim_body *body, size_t seq, size_t *start, size_t *count)
{
	size_t at = 0;

	if (sim_body_parts(body) == 1) {
		*start = 0;
		*count = body->count;
		return;
	}
	while (--seq > 0)
		at = part_end(body, at);
	*start = at;
	*count = part_end(body, at) - at;
}

static void put(struct sim_pdu *pdu, unsigned octet)
{
	pdu->octets[pdu->len++] = (uint8_t)octet;
}

/* Semi-octets, the first in the low half, filled with F. */
static void put_digits(struct sim_pdu *pdu, const char *digits)
{
	size_t n = strlen(digits);

	for (size_t i = 0; i < n; i += 2) {
		unsigned high = i + 1 < n ? (unsigned)(digits[i + 1] - '0') : 0xf;
		put(pdu, high << 4 | (unsigned)(digits[i] - '0'));
	}
}

/* Septets from bit position `bit` of the next octet on (TS 23.038 6.1.2.1). */
static void put_septets(struct sim_pdu *pdu, const uint16_t *units, size_t count, size_t bit)
{
	uint8_t *base = pdu->octets + pdu->len;
	size_t octets = (bit + 7 * count + 7) / 8;

	memset(base, 0, octets);
	for (size_t i = 0; i < count; i++, bit += 7) {
		unsigned wide = (unsigned)units[i] << (bit % 8);
		base[bit / 8] |= (uint8_t)wide;
		if (wide > 0xff)
			base[bit / 8 + 1] |= (uint8_t)(wide >> 8);
	}
	pdu->len += octets;
}

static bool is_digits(const char *s)
{
	return *s != '\0' && s[strspn(s, "0123456789")] == '\0';
}

/* TS 23.040 9.1.2.5: international with '+', unknown for bare digits, else alphanumeric. */
static int put_sender(struct sim_pdu *pdu, const char *sender)
{
	const char *digits = *sender == '+' ? sender + 1 : sender;
	struct sim_body alpha;
	int rc;

	if (is_digits(digits)) {
		if (strlen(digits) > DIGITS_MAX)
			return -EINVAL;
		put(pdu, (unsigned)strlen(digits));
		put(pdu, *sender == '+' ? 0x91 : 0x81);
		put_digits(pdu, digits);
		return 0;
	}
	rc = sim_body_init(sender, &alpha);
	if (rc < 0)
		return rc;
	if (alpha.ucs2 || alpha.count > ALNUM_MAX) {
		sim_body_done(&alpha);
		return -EINVAL;
	}
	put(pdu, (unsigned)(alpha.count * 7 + 3) / 4);
	put(pdu, 0xd0);
	put_septets(pdu, alpha.units, alpha.count, 0);
	sim_body_done(&alpha);
	return 0;
}

static void put_bcd(struct sim_pdu *pdu, int value)
{
	put(pdu, (unsigned)(value % 10) << 4 | (unsigned)(value / 10 % 10));
}

/* TS 23.040 9.2.3.11: local time of the service centre, and its zone. */
static void put_time(struct sim_pdu *pdu, int64_t when, int zone)
{
	time_t local = (time_t)(when + zone * 900);
	struct tm tm;

	gmtime_r(&local, &tm);
	put_bcd(pdu, tm.tm_year % 100);
	put_bcd(pdu, tm.tm_mon + 1);
	put_bcd(pdu, tm.tm_mday);
	put_bcd(pdu, tm.tm_hour);
	put_bcd(pdu, tm.tm_min);
	put_bcd(pdu, tm.tm_sec);
	put_bcd(pdu, abs(zone));
	if (zone < 0)
		pdu->octets[pdu->len - 1] |= 0x08;
}

static void put_user_data(struct sim_pdu *pdu, const struct sim_pdu_spec *spec, bool ucs2,
	const uint16_t *units, size_t n)
{
	bool udh = spec->total > 0;
	const uint8_t header[UDH_OCTETS] = { 5, 0, 3, spec->ref, spec->total, spec->seq };
	size_t at;

	put(pdu, (unsigned)(ucs2 ? 2 * n + (udh ? UDH_OCTETS : 0) : n + (udh ? 7 : 0)));
	at = pdu->len;
	if (ucs2) {
		pdu->len += udh ? UDH_OCTETS : 0;
		for (size_t i = 0; i < n; i++) {
			put(pdu, units[i] >> 8);
			put(pdu, units[i] & 0xff);
		}
	} else {
		put_septets(pdu, units, n, udh ? UDH_BITS : 0);
	}
	if (udh)
		memcpy(pdu->octets + at, header, sizeof(header));
}

/* The SMSC field, its length in octets first; length 0 for none. */
static int put_smsc(struct sim_pdu *pdu, const char *smsc)
{
	const char *digits = *smsc == '+' ? smsc + 1 : smsc;

	if (*digits && (!is_digits(digits) || strlen(digits) > DIGITS_MAX))
		return -EINVAL;
	put(pdu, *digits ? 1 + (unsigned)(strlen(digits) + 1) / 2 : 0);
	if (*digits) {
		put(pdu, *smsc == '+' ? 0x91 : 0x81);
		put_digits(pdu, digits);
	}
	return 0;
}

int sim_pdu_build(const struct sim_pdu_spec *spec, const struct sim_body *body, size_t start,
	size_t count, struct sim_pdu *pdu)
{
	struct sim_pdu p = { 0 };
	size_t room = spec->total > 0 ? (body->ucs2 ? UCS2_PART : GSM7_PART)
				      : (body->ucs2 ? UCS2_ALONE : GSM7_ALONE);
	size_t head;
	int rc;

	if (count > room)
		return -EINVAL;
	rc = put_smsc(&p, spec->smsc);
	if (rc < 0)
		return rc;
	head = p.len;
	put(&p, spec->total > 0 ? 0x44 : 0x04); /* DELIVER, no more to send, header follows */
	rc = put_sender(&p, spec->sender);
	if (rc < 0)
		return rc;
	put(&p, 0);
	put(&p, (body->ucs2 ? 0x08u : 0u) | (spec->flash ? 0x10u : 0u));
	put_time(&p, spec->when, spec->zone);
	put_user_data(&p, spec, body->ucs2, body->units + start, count);
	p.tpdu_len = p.len - head;
	*pdu = p;
	return 0;
}

int sim_pdu_report(const struct sim_pdu_spec *spec, struct sim_pdu *pdu)
{
	struct sim_pdu p = { 0 };
	size_t head;
	int rc = put_smsc(&p, spec->smsc);

	if (rc < 0)
		return rc;
	head = p.len;
	put(&p, 0x06); /* STATUS-REPORT, no more to send */
	put(&p, spec->ref);
	rc = put_sender(&p, spec->sender);
	if (rc < 0)
		return rc;
	put_time(&p, spec->when, spec->zone);
	put_time(&p, spec->when, spec->zone);
	put(&p, 0); /* received */
	p.tpdu_len = p.len - head;
	*pdu = p;
	return 0;
}

int sim_pdu_page(const struct sim_body *body, struct sim_pdu *pdu)
{
	struct sim_pdu p = { 0 };
	uint16_t units[PAGE_UNITS];

	if (body->ucs2 || body->count > PAGE_UNITS)
		return -EINVAL;
	for (size_t i = 0; i < PAGE_UNITS; i++)
		units[i] = i < body->count ? body->units[i] : '\r';
	put(&p, 0x00);
	put(&p, 0x10); /* serial number */
	put(&p, 0x00);
	put(&p, 0x32); /* channel 50 */
	put(&p, 0x01); /* English */
	put(&p, 0x11); /* page 1 of 1 */
	put_septets(&p, units, PAGE_UNITS, 0);
	p.tpdu_len = p.len;
	*pdu = p;
	return 0;
}

static int nibble(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
				      : -1;
}

int sim_pdu_parse_hex(const char *hex, struct sim_pdu *pdu)
{
	struct sim_pdu p = { 0 };
	size_t n = strlen(hex);

	if (n == 0 || n % 2 || n / 2 > SIM_PDU_MAX)
		return -EINVAL;
	for (size_t i = 0; i < n; i += 2) {
		int high = nibble(hex[i]), low = nibble(hex[i + 1]);
		if (high < 0 || low < 0)
			return -EINVAL;
		put(&p, (unsigned)(high << 4 | low));
	}
	p.tpdu_len = p.octets[0] + 1u < p.len ? p.len - p.octets[0] - 1u : 0;
	*pdu = p;
	return 0;
}
