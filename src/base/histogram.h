/* histogram.h - how long things took, in buckets. Embedded in its owner; zero it to begin. */
#ifndef SIMGATE_BASE_HISTOGRAM_H
#define SIMGATE_BASE_HISTOGRAM_H

#include <stdint.h>

enum { HISTOGRAM_BUCKETS = 12 };

/* Upper bounds of a kind's buckets, in microseconds, ascending, each one included. */
extern const int64_t histogram_commits[HISTOGRAM_BUCKETS];    /* 0.5 ms to 2.5 s */
extern const int64_t histogram_deliveries[HISTOGRAM_BUCKETS]; /* 50 ms to an hour */

struct histogram {
	uint64_t counts[HISTOGRAM_BUCKETS + 1]; /* each bucket alone; the last: above all bounds */
	uint64_t count;
	int64_t sum_us;
};

/* A negative time counts as 0. */
void histogram_add(struct histogram *histogram, const int64_t *bounds, int64_t us);

#endif
