/* histogram.c - how long things took, in buckets. */
#include "base/histogram.h"

const int64_t histogram_commits[HISTOGRAM_BUCKETS] = { 500, 1000, 2500, 5000, 10000, 25000, 50000,
	100000, 250000, 500000, 1000000, 2500000 };

const int64_t histogram_deliveries[HISTOGRAM_BUCKETS] = { 50000, 100000, 250000, 500000, 1000000,
	2500000, 5000000, 10000000, 30000000, 120000000, 600000000, INT64_C(3600000000) };

void histogram_add(struct histogram *histogram, const int64_t *bounds, int64_t us)
{
	int bucket = 0;

	if (us < 0)
		us = 0;
	while (bucket < HISTOGRAM_BUCKETS && us > bounds[bucket])
		bucket++;
	histogram->counts[bucket]++;
	histogram->count++;
	histogram->sum_us += us;
}
