/* breaker.h - when a platform may be tried: up, down with growing pauses, account refused. */
#ifndef SIMGATE_PLATFORM_BREAKER_H
#define SIMGATE_PLATFORM_BREAKER_H

#include "base/loop.h"
#include "platform/outbox.h"
#include "platform/platform.h"

struct breaker {
	struct loop *loop;
	const struct platform_kind *kind;
	const struct config_platform *platform; /* the owner keeps it current */
	enum outbox_health health;
	char reason[PLATFORM_REASON_SIZE]; /* of health */
	int64_t since_ms, since_wall_ms;
	int64_t probe_ms;              /* not up: the next try, monotonic */
	int64_t hold_ms;               /* no try at all before, monotonic */
	unsigned failures;             /* in a row */
	char failed_id[STORE_ID_SIZE]; /* the text that failed last */
	uint32_t seed;
};

void breaker_init(struct breaker *breaker, struct loop *loop, const struct platform_kind *kind,
	const struct config_platform *platform);

/* Whether a text may be tried now, with so many on their way. */
bool breaker_allows(const struct breaker *breaker, size_t flying);

/* Milliseconds until a probe may be made (while it is up: until any try may); not positive: now. */
int64_t breaker_wait_ms(const struct breaker *breaker);

/* The platform took a text, or said what is wrong with it. Returns whether it was not up before. */
bool breaker_well(struct breaker *breaker);

/* A try of this text came to nothing, with so many others still on their way. */
void breaker_badly(
	struct breaker *breaker, const char *message_id, size_t flying, const char *reason);

/* It asked to be left alone for so long (Retry-After): retry_after_max of it is obeyed. Returns how
 * long that is. */
int64_t breaker_hold(struct breaker *breaker, int64_t pause_ms);

void breaker_account(struct breaker *breaker, const char *reason);

/* The platform's retry_every where it has one; else 1, 2, 4, ... s up to retry_max, 20 % more or
 * less, so that texts do not come back in step. */
int64_t breaker_backoff_ms(struct breaker *breaker, unsigned tries);

#endif
