/* tally.c - counts by labels, process-wide. */
#include "base/tally.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct tally_kind kinds[TALLY_COUNT] = {
	[TALLY_HTTP_REQUESTS] = { "http_requests_total",
		"HTTP requests that were answered, by route and status.", { "path", "code" } },
	[TALLY_PLATFORM_REQUESTS] = { "platform_requests_total",
		"Calls to platforms, by the status of the answer; none: there was no answer.",
		{ "platform", "call", "code" } },
	[TALLY_SMS_UNDECODABLE] = { "sms_undecodable_total",
		"Texts that could not be decoded; they are kept as they are.", { "port" } },
	[TALLY_RECOVERY] = { "recovery_total",
		"Steps taken to bring a port back, by the rung of the ladder.",
		{ "port", "step" } },
	[TALLY_HUB_ALARMS] = { "hub_alarms_total",
		"Times that many ports of a hub or bank failed at once.", { "bank" } },
};

static struct {
	struct tally_row *rows;
	size_t count, room;
} tallies[TALLY_COUNT];

static struct tally_row *find(enum tally tally, const char *const labels[TALLY_LABELS])
{
	for (size_t i = 0; i < tallies[tally].count; i++) {
		struct tally_row *row = &tallies[tally].rows[i];
		int n = 0;
		while (n < TALLY_LABELS &&
			strncmp(row->labels[n], labels[n], TALLY_LABEL_SIZE - 1) == 0)
			n++;
		if (n == TALLY_LABELS)
			return row;
	}
	return NULL;
}

static struct tally_row *add(enum tally tally, const char *const labels[TALLY_LABELS])
{
	size_t count = tallies[tally].count, room = tallies[tally].room;

	if (count == room) {
		room = room ? 2 * room : 16;
		struct tally_row *rows = realloc(tallies[tally].rows, room * sizeof *rows);
		if (!rows)
			return NULL;
		tallies[tally].rows = rows;
		tallies[tally].room = room;
	}
	struct tally_row *row = &tallies[tally].rows[tallies[tally].count++];
	row->count = 0;
	for (int n = 0; n < TALLY_LABELS; n++)
		snprintf(row->labels[n], sizeof row->labels[n], "%s", labels[n]);
	return row;
}

void tally_add(enum tally tally, const char *a, const char *b, const char *c)
{
	const char *labels[TALLY_LABELS] = { a ? a : "", b ? b : "", c ? c : "" };
	struct tally_row *row = find(tally, labels);

	/* The last place is kept for the rest of them. */
	if (!row && tallies[tally].count >= TALLY_ROWS_MAX - 1) {
		for (int n = 0; n < TALLY_LABELS; n++)
			labels[n] = kinds[tally].labels[n] ? "other" : "";
		row = find(tally, labels);
	}
	if (!row)
		row = add(tally, labels);
	if (row)
		row->count++;
}

const struct tally_kind *tally_kind(enum tally tally)
{
	return &kinds[tally];
}

const struct tally_row *tally_rows(enum tally tally, size_t *count)
{
	*count = tallies[tally].count;
	return tallies[tally].rows;
}
