/* metrics_text.h - Prometheus' text format 0.0.4, family by family. */
#ifndef SIMGATE_API_METRICS_TEXT_H
#define SIMGATE_API_METRICS_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/histogram.h"

#define METRICS_PREFIX "simgate_"
#define METRICS_TYPE   "text/plain; version=0.0.4; charset=utf-8"

/* Zero it to begin; free data. failed: out of memory, what is there is not whole. */
struct metrics_text {
	char *data;
	size_t len, room;
	bool failed;
};

/* Names of a family's labels and their values, in pairs; a NULL name ends them. */
struct metrics_label {
	const char *name, *value;
};

/* HELP and TYPE; what follows is of this family until the next. name with its prefix, static;
 * type: counter, gauge, histogram. */
void metrics_family(
	struct metrics_text *text, const char *name, const char *type, const char *help);

/* A sample; labels may be NULL. Values are escaped. */
void metrics_int(struct metrics_text *text, const char *name, const struct metrics_label *labels,
	int64_t value);

/* The same with three decimals, from thousandths: times in milliseconds as seconds. */
void metrics_milli(struct metrics_text *text, const char *name, const struct metrics_label *labels,
	int64_t value);

/* The buckets, sum and count of a histogram, in seconds; at most two labels of its own. */
void metrics_histogram(struct metrics_text *text, const char *name,
	const struct metrics_label *labels, const struct histogram *histogram,
	const int64_t *bounds_us);

/* The process_* set: processor, descriptors, memory, and when it started (Unix milliseconds). */
void metrics_process(struct metrics_text *text, int64_t started_wall_ms);

#endif
