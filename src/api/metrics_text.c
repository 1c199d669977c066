/* metrics_text.c - Prometheus' text format 0.0.4, family by family. */
#include "api/metrics_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROOM_FIRST = 16 * 1024, LABELS_MAX = 4 };

static void put(struct metrics_text *text, const char *data, size_t len)
{
	if (text->failed)
		return;
	if (len > text->room - text->len) {
		size_t room = text->room ? text->room : ROOM_FIRST;
		while (room - text->len < len)
			room *= 2;
		char *grown = realloc(text->data, room);
		if (!grown) {
			text->failed = true;
			return;
		}
		text->data = grown;
		text->room = room;
	}
	memcpy(text->data + text->len, data, len);
	text->len += len;
}

static void put_text(struct metrics_text *text, const char *data)
{
	put(text, data, strlen(data));
}

/* Backslash, quote and line break are escaped; other control bytes are not let through. */
static void put_value(struct metrics_text *text, const char *value)
{
	for (;;) {
		size_t plain = 0;
		while ((unsigned char)value[plain] >= 0x20 && value[plain] != '"' &&
			value[plain] != '\\')
			plain++;
		put(text, value, plain);
		value += plain;
		if (*value == '\0')
			return;
		if (*value == '"' || *value == '\\')
			put(text, (const char[]) { '\\', *value }, 2);
		else
			put_text(text, *value == '\n' ? "\\n" : "?");
		value++;
	}
}

static void put_name(struct metrics_text *text, const char *name, const char *suffix,
	const struct metrics_label *labels)
{
	bool any = labels && labels->name;

	put_text(text, name);
	put_text(text, suffix);
	for (size_t i = 0; any && labels[i].name; i++) {
		put_text(text, i ? "," : "{");
		put_text(text, labels[i].name);
		put_text(text, "=\"");
		put_value(text, labels[i].value);
		put_text(text, "\"");
	}
	put_text(text, any ? "} " : " ");
}

void metrics_family(struct metrics_text *text, const char *name, const char *type, const char *help)
{
	const char *const words[] = { "# HELP ", name, " ", help, "\n# TYPE ", name, " ", type,
		"\n" };

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		put_text(text, words[i]);
}

void metrics_int(struct metrics_text *text, const char *name, const struct metrics_label *labels,
	int64_t value)
{
	char digits[32];

	put_name(text, name, "", labels);
	put(text, digits, (size_t)snprintf(digits, sizeof digits, "%" PRId64 "\n", value));
}

void metrics_milli(struct metrics_text *text, const char *name, const struct metrics_label *labels,
	int64_t value)
{
	char digits[48];

	put_name(text, name, "", labels);
	put(text, digits,
		(size_t)snprintf(digits, sizeof digits, "%" PRId64 ".%03" PRId64 "\n", value / 1000,
			value >= 0 ? value % 1000 : 0));
}

void metrics_histogram(struct metrics_text *text, const char *name,
	const struct metrics_label *labels, const struct histogram *histogram,
	const int64_t *bounds_us)
{
	struct metrics_label all[LABELS_MAX] = { { NULL, NULL } };
	char bound[32] = "+Inf", digits[48];
	uint64_t below = 0;
	size_t n = 0;

	for (; labels && labels[n].name && n < LABELS_MAX - 2; n++)
		all[n] = labels[n];
	all[n] = (struct metrics_label) { "le", bound };
	for (int i = 0; i <= HISTOGRAM_BUCKETS; i++) {
		if (i < HISTOGRAM_BUCKETS)
			snprintf(bound, sizeof bound, "%g", (double)bounds_us[i] / 1e6);
		else
			snprintf(bound, sizeof bound, "+Inf");
		below += histogram->counts[i];
		put_name(text, name, "_bucket", all);
		put(text, digits, (size_t)snprintf(digits, sizeof digits, "%" PRIu64 "\n", below));
	}
	put_name(text, name, "_sum", labels);
	put(text, digits,
		(size_t)snprintf(digits, sizeof digits, "%" PRId64 ".%06" PRId64 "\n",
			histogram->sum_us / 1000000, histogram->sum_us % 1000000));
	put_name(text, name, "_count", labels);
	put(text, digits,
		(size_t)snprintf(digits, sizeof digits, "%" PRIu64 "\n", histogram->count));
}
