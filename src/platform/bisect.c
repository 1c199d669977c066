/* bisect.c - finds the entries for which a list as a whole is refused, by halves. */
#include "platform/bisect.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void mark(struct bisect *bisect, struct bisect_range range, enum bisect_mark value)
{
	memset(bisect->marks + range.first, (int)value, range.count);
}

/* range is refused as a whole. */
static void split(struct bisect *bisect, struct bisect_range range)
{
	size_t half = range.count / 2;

	if (half == 0) {
		mark(bisect, range, BISECT_BAD);
		return;
	}
	if (bisect->depth + 2 > BISECT_DEPTH_MAX)
		return; /* more than 2^24 entries: they stay unknown */
	bisect->waiting[bisect->depth++] =
		(struct bisect_range) { range.first + half, range.count - half };
	bisect->waiting[bisect->depth++] = (struct bisect_range) { range.first, half };
}

int bisect_init(struct bisect *bisect, size_t count, bool live)
{
	bisect_done(bisect);
	bisect->marks = calloc(count + 1, 1);
	if (!bisect->marks)
		return -ENOMEM;
	bisect->count = count;
	bisect->live = live;
	split(bisect, (struct bisect_range) { 0, count });
	return 0;
}

void bisect_done(struct bisect *bisect)
{
	free(bisect->marks);
	*bisect = (struct bisect) { 0 };
}

bool bisect_next(struct bisect *bisect, size_t *first, size_t *count)
{
	if (bisect->depth == 0 || bisect->calls == BISECT_CALLS_MAX)
		return false;
	if (bisect->calls == BISECT_HOPELESS && bisect_count(bisect, BISECT_GOOD) == 0)
		return false;
	bisect->calls++;
	bisect->now = bisect->waiting[--bisect->depth];
	*first = bisect->now.first;
	*count = bisect->now.count;
	return true;
}

void bisect_tell(struct bisect *bisect, bool good)
{
	if (good)
		mark(bisect, bisect->now, BISECT_GOOD);
	else
		split(bisect, bisect->now);
}

size_t bisect_count(const struct bisect *bisect, enum bisect_mark value)
{
	size_t count = 0;

	for (size_t i = 0; i < bisect->count; i++)
		count += bisect->marks[i] == value;
	return count;
}
