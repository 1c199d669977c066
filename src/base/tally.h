/* tally.h - counts by labels, process-wide, for what /metrics shows by more than a name. A tally is
 * a row of the table in tally.c: its name, its help, what its labels are called. */
#ifndef SIMGATE_BASE_TALLY_H
#define SIMGATE_BASE_TALLY_H

#include <stddef.h>
#include <stdint.h>

enum {
	TALLY_LABELS = 3,
	TALLY_LABEL_SIZE = 128,
	TALLY_ROWS_MAX = 4096, /* of one tally; what comes over it is counted under "other" */
};

enum tally {
	TALLY_HTTP_REQUESTS,
	TALLY_PLATFORM_REQUESTS,
	TALLY_SMS_UNDECODABLE,
	TALLY_RECOVERY,
	TALLY_HUB_ALARMS,
	TALLY_COUNT
};

struct tally_kind {
	const char *name; /* "http_requests_total" */
	const char *help;
	const char *labels[TALLY_LABELS]; /* NULL: has fewer */
};

struct tally_row {
	char labels[TALLY_LABELS][TALLY_LABEL_SIZE];
	uint64_t count;
};

/* On the loop's thread alone. Labels that the tally has not may be NULL; a label is never a phone
 * number, an ICCID or a sender, and comes from a set that is bounded. Longer ones are cut. */
void tally_add(enum tally tally, const char *a, const char *b, const char *c);

const struct tally_kind *tally_kind(enum tally tally);

/* Valid until the next tally_add(). */
const struct tally_row *tally_rows(enum tally tally, size_t *count);

#endif
