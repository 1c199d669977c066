/* bench_filter.c - microseconds that the built-in rules take for a text.
 *
 *     bench_filter [MILLISECONDS]     of each kind (300); the last line is a mix in equal shares */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "platform/filter.h"

struct kind {
	const char *name;
	bool withheld; /* what it must come to */
	struct filter_text text;
};

static const struct kind kinds[] = {
	{ "a short code", false, { "Shop", "Code 482193 is yours", "", "p", false } },
	{ "a code of a messenger", false,
		{ "Telegram",
			"Telegram code 55120. Do not give it to anyone, even if they say "
			"they are from Telegram!",
			"", "p", false } },
	{ "160 characters, a code", false,
		{ "Parcels",
			"Your parcel 4417 waits at the counter on Main Street until Friday "
			"evening, 18:00. Bring a document with your name on it, and the "
			"code 551200 for the man there.",
			"", "p", false } },
	{ "70 of Cyrillic, a code", false,
		{ "+79160000000",
			"Ваш заказ номер 4417 готов к выдаче до пятницы, код получения "
			"551200.",
			"", "p", false } },
	{ "a bank's, by its sender", true, { "Swedbank", "Din kod är 551200", "", "p", false } },
	{ "a payment, by its text", true,
		{ "Info", "Purchase of 45.10 EUR at SHOP with card *4417. Balance 120.00 EUR", "",
			"p", false } },
};

enum { KINDS = sizeof kinds / sizeof *kinds, BATCH = 100 };

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void decide(struct filter *filter, const struct kind *kind)
{
	struct filter_decision decision;

	filter_decide(filter, &kind->text, &decision);
	if (decision.withheld == kind->withheld)
		return;
	fprintf(stderr, "bench_filter: %s: %s\n", kind->name, decision.rule);
	exit(1);
}

static void measure(
	struct filter *filter, const char *name, const struct kind *of, size_t count, double span_s)
{
	double start_s = now_s(), took_s;
	size_t done = 0;

	do {
		for (size_t i = 0; i < BATCH * count; i++)
			decide(filter, &of[i % count]);
		done += BATCH * count;
		took_s = now_s() - start_s;
	} while (took_s < span_s);
	printf("  %-26s %9.1f us a text\n", name, took_s / (double)done * 1e6);
}

int main(int argc, char **argv)
{
	double span_s = (argc > 1 ? strtod(argv[1], NULL) : 300) / 1000;
	struct config_report report = { 0 };
	struct filter *filter;

	if (filter_load(FILTER_DEFAULT, NULL, &report, &filter) < 0) {
		fprintf(stderr, "bench_filter: %s\n", report.lines[0]);
		return 1;
	}
	for (size_t i = 0; i < KINDS; i++)
		measure(filter, kinds[i].name, &kinds[i], 1, span_s);
	measure(filter, "a sixth of each", kinds, KINDS, span_s);
	filter_free(filter);
	return 0;
}
