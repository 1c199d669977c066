/* retention.h - erases in time what the store has no need to keep. */
#ifndef SIMGATE_STORE_RETENTION_H
#define SIMGATE_STORE_RETENTION_H

#include "store/store.h"

enum { RETENTION_EVERY_MS = 5 * 60 * 1000 };

struct retention;

struct retention_spans {
	int64_t words;   /* ms after a text's deliveries are over its words are erased */
	int64_t history; /* ms after it came what is left of it goes, too */
};

/* Looks each RETENTION_EVERY_MS, the first time after as long. spans may change and must outlive
 * it. NULL if out of memory. */
struct retention *retention_new(
	struct loop *loop, struct store *store, const struct retention_spans *spans);

/* To be called with the store closed. Takes NULL. */
void retention_free(struct retention *retention);

/* Begins nothing more. */
void retention_stop(struct retention *retention);

#endif
