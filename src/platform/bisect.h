/* bisect.h - finds the entries for which a list as a whole is refused, by halves. Pure. */
#ifndef SIMGATE_PLATFORM_BISECT_H
#define SIMGATE_PLATFORM_BISECT_H

#include <stdbool.h>
#include <stddef.h>

enum {
	BISECT_CALLS_MAX = 256,
	BISECT_HOPELESS = 32,  /* parts without a good one: no single entry is at fault */
	BISECT_DEPTH_MAX = 48, /* ranges that wait: two for each halving */
};

enum bisect_mark { BISECT_UNKNOWN, BISECT_GOOD, BISECT_BAD };

struct bisect {
	unsigned char *marks; /* enum bisect_mark of each entry */
	size_t count, calls;
	bool live; /* the caller's: parts are sent, not only tested */
	struct bisect_range {
		size_t first, count;
	} waiting[BISECT_DEPTH_MAX], now;
	size_t depth;
};

/* For a list of count entries (1 or more) that was refused. Frees what an earlier one held. 0 or
 * -ENOMEM. */
int bisect_init(struct bisect *bisect, size_t count, bool live);
void bisect_done(struct bisect *bisect);

/* The part to try next; false when all is known, or when it goes on too long. */
bool bisect_next(struct bisect *bisect, size_t *first, size_t *count);

/* How the part went. */
void bisect_tell(struct bisect *bisect, bool good);

size_t bisect_count(const struct bisect *bisect, enum bisect_mark value);

#endif
