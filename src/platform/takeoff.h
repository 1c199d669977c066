/* takeoff.h - asks a platform which numbers have earned enough for their cards to be replaced. */
#ifndef SIMGATE_PLATFORM_TAKEOFF_H
#define SIMGATE_PLATFORM_TAKEOFF_H

#include "platform/deliver.h"
#include "platform/platform.h"
#include "store/store.h"

struct takeoff;

struct takeoff_result {
	int err;         /* 0, or what failed; -EBUSY: one is under way, -ECANCELED: stopping */
	const char *why; /* the platform's code or a short word; "" */
	const struct takeoff_number *numbers;
	size_t count;
	size_t ignored; /* over the limit of STORE_NUMBERS_MAX */
};
typedef void takeoff_fn(void *arg, const struct takeoff_result *result);

/* NULL if out of memory, or if the platform's kind has no such call. */
struct takeoff *takeoff_new(struct loop *loop, struct store *store, struct deliver *deliver,
	const struct config_platform *platform);

/* Who waits is told -ECANCELED, as by takeoff_stop(). Takes NULL. */
void takeoff_free(struct takeoff *takeoff);
void takeoff_stop(struct takeoff *takeoff);
void takeoff_configure(struct takeoff *takeoff, const struct config_platform *platform);

/* Asks for the numbers that have earned `sum` (1/10000, more than 0), of those added after since_s
 * (Unix seconds, 0: of all). The answer is in the store, in the place of the platform's last one,
 * before done is called; nothing else changes: the numbers stay in the list until their cards are
 * taken out. A refusal says nothing about the account: newer servers do not know the call. */
void takeoff_ask(
	struct takeoff *takeoff, int64_t sum, int64_t since_s, takeoff_fn *done, void *arg);

#endif
