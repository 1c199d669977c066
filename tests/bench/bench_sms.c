/* bench_sms.c - texts a second on one core: sms_pdu_read from hexadecimal digits, then sms_text.
 *
 *     bench_sms [MILLISECONDS]     of each kind (300); the kinds, and their mix in equal shares */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sms/concat.h"
#include "sms/pdu.h"

enum { BATCH = 1000, UD_MAX = 140 };

#define SMSC   "07919999990000F0"
#define SENDER "0A919999112233"
#define CLOCK  "62304001020321"

struct kind {
	const char *name;
	char hex[512];
	size_t len;
	int tpdu_len;
	size_t text_len; /* what it must give */
};

static void die(const char *why)
{
	fprintf(stderr, "bench_sms: %s\n", why);
	exit(1);
}

static void kind_make(
	struct kind *kind, unsigned dcs, unsigned udl, const uint8_t *ud, size_t ud_len)
{
	int len = snprintf(
		kind->hex, sizeof(kind->hex), SMSC "04" SENDER "00%02X" CLOCK "%02X", dcs, udl);

	for (size_t i = 0; i < ud_len; i++)
		len += snprintf(kind->hex + len, sizeof(kind->hex) - (size_t)len, "%02X", ud[i]);
	kind->len = (size_t)len;
	kind->tpdu_len = len / 2 - (int)strlen(SMSC) / 2;
}

/* Text that is its own septets: letters, digits, blanks. */
static void septets_make(struct kind *kind, const char *text, size_t count)
{
	uint8_t ud[UD_MAX] = { 0 };

	for (size_t bit = 0; bit < count * 7; bit++)
		if (text[bit / 7 % strlen(text)] >> bit % 7 & 1)
			ud[bit / 8] |= (uint8_t)(1 << bit % 8);
	kind_make(kind, 0x00, (unsigned)count, ud, (count * 7 + 7) / 8);
	kind->text_len = count;
}

/* Cyrillic words, each character two octets of UTF-8 but for the blanks. */
static void units_make(struct kind *kind)
{
	uint8_t ud[UD_MAX];

	kind->text_len = 0;
	for (size_t i = 0; i < UD_MAX / 2; i++) {
		unsigned unit = i % 8 == 7 ? ' ' : 0x0430 + (unsigned)(i * 5 % 32);

		ud[2 * i] = (uint8_t)(unit >> 8);
		ud[2 * i + 1] = (uint8_t)unit;
		kind->text_len += unit == ' ' ? 1 : 2;
	}
	kind_make(kind, 0x08, UD_MAX, ud, UD_MAX);
}

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void text_read(const struct kind *kind)
{
	struct sms_pdu pdu;
	const struct sms_pdu *parts[] = { &pdu };
	char text[SMS_TEXT_MAX];

	if (sms_pdu_read(kind->hex, kind->len, kind->tpdu_len, &pdu) != SMS_OK)
		die("a PDU is refused");
	if (sms_text(parts, 1, text, sizeof(text)) != kind->text_len)
		die("a text is wrong");
}

/* The kinds in turn, for at least span_s. */
static void measure(const char *name, const struct kind *kinds, size_t count, double span_s)
{
	double start_s = now_s(), took_s;
	size_t done = 0;

	do {
		for (size_t i = 0; i < BATCH * count; i++)
			text_read(&kinds[i % count]);
		done += BATCH * count;
		took_s = now_s() - start_s;
	} while (took_s < span_s);
	printf("  %-26s %9.0f texts/s\n", name, (double)done / took_s);
}

int main(int argc, char **argv)
{
	struct kind kinds[3] = { { .name = "160 septets" }, { .name = "70 units of UCS-2" },
		{ .name = "a short code" } };
	double span_s = (argc > 1 ? strtod(argv[1], NULL) : 300) / 1000;

	septets_make(&kinds[0], "Your parcel waits at the counter 24 until Friday ", 160);
	units_make(&kinds[1]);
	septets_make(&kinds[2], "Code 482193 is yours", 20);
	for (size_t i = 0; i < 3; i++)
		measure(kinds[i].name, &kinds[i], 1, span_s);
	measure("a third of each", kinds, 3, span_s);
	return 0;
}
