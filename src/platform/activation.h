/* activation.h - what is on order, as the loop sees it: open operations, cards to sell, what is
 * used up. A cache of the store, which alone decides.
 *
 * Usage. gateway.c makes one with activation_new(). Who sells looks through activation_cards(),
 * each idle one of which can be ordered unless activation_is_used() says no, puts together the
 * card_ids that fit, and calls activation_order(): the store takes the first that is free still.
 * The answer is written in its callback, and activation_answered() is called once it is known to
 * have left. FINISH, setStatus and the operator's hand end in activation_close(). An operation of a
 * customer's ends by itself: a timer runs to the next one due. What is counted (GET_SERVICES,
 * getNumbersStatus) may be kept for as long as activation_generation() stays the same.
 *
 * Texts: route() asks activation_open() whose a card is. The store compares at its insert; if the
 * truth is another (an order or a close that is durable but not told yet, another host), it says so
 * in store_sms_result.moved, the inbox hands that to activation_moved(), and the text is routed
 * anew. So neither race loses a text nor gives it to a former customer.
 */
#ifndef SIMGATE_PLATFORM_ACTIVATION_H
#define SIMGATE_PLATFORM_ACTIVATION_H

#include "base/loop.h"
#include "store/store_orders.h"

struct activations;

/* What happens to operations; any may be NULL. Called from callbacks of the store. */
struct activation_events {
	void (*opened)(void *arg, const struct store_activation *activation);
	/* Closed by whatever: a call, its time, another host (then its state is OPEN still: what
	 * came of it is in the store). */
	void (*closed)(void *arg, const struct store_activation *activation);
};

struct activation_spans {
	int64_t refresh_ms; /* the store is read again so often, for what other hosts did; 0: one
			       host: only what this process did */
	int64_t keep_ms;    /* closed operations are erased so long after; 0: never */
};

/* spans is copied. Reads the store at once; until that is done there is nothing to sell. NULL: out
 * of memory. */
struct activations *activation_new(struct loop *loop, struct store *store,
	const struct activation_spans *spans, const struct activation_events *events, void *arg);

/* After store_close(), which makes no callbacks any more. Takes NULL. */
void activation_free(struct activations *activations);

/* Other spans count from now on. */
void activation_configure(struct activations *activations, const struct activation_spans *spans);

/* Read once at least since the start. */
bool activation_ready(const struct activations *activations);

/* Reads the store again, now: operations, cards, what is used up. */
void activation_refresh(struct activations *activations);

/* Changes when what can be sold may have changed. */
uint64_t activation_generation(const struct activations *activations);

/* ---- what can be sold ----------------------------------------------------------------------- */

struct activation_card {
	struct store_sellable row; /* strings are valid until the generation changes */
	bool busy;                 /* in an operation, of anybody's, or being ordered just now */
};

/* Of one seller, the one that waits longest first. Valid until the generation changes. */
const struct activation_card *activation_cards(
	const struct activations *activations, const char *seller, size_t *count);

/* Whether the number is used up for (seller, service): sold, or cancelled cancel_limit times (0: no
 * limit). Never for a rent. */
bool activation_is_used(const struct activations *activations, const char *seller,
	const char *service, const char *number, int cancel_limit);

/* What is known of (seller, service, number), NULL: nothing. For "rent" its cancelled are failures
 * in a row. Valid until the generation changes. */
const struct store_used *activation_used(const struct activations *activations, const char *seller,
	const char *service, const char *number);

/* ---- operations ----------------------------------------------------------------------------- */

/* The operation open on a card, or by its id among those open; NULL: none. Valid until the
 * generation changes. last_sender and last_text are "" in it. */
const struct store_activation *activation_open(
	const struct activations *activations, const char *card_id);
const struct store_activation *activation_find(const struct activations *activations, int64_t id);

/* All that are open, in no order; fn must change nothing. */
void activation_each(const struct activations *activations,
	void (*fn)(void *arg, const struct store_activation *activation), void *arg);
size_t activation_count(const struct activations *activations);

/* As the store's verbs; the table is up to date before done runs. done may be NULL. Of the cards of
 * an order those that others are ordering just now are tried last, those in an operation not. */
void activation_order(struct activations *activations, const struct store_order *order,
	store_order_fn *done, void *arg);
void activation_close(struct activations *activations, const struct store_close *close,
	store_closed_fn *done, void *arg);
void activation_answered(struct activations *activations, int64_t id);
void activation_wait(struct activations *activations, int64_t id, const char *customer,
	store_count_fn *done, void *arg);

/* ---- texts ---------------------------------------------------------------------------------- */

/* The store says what is open on a card; NULL: nothing. */
void activation_moved(
	struct activations *activations, const char *card_id, const struct store_activation *open);

/* A text was stored: its operation, if it has one, counts it. */
void activation_stored(struct activations *activations, const struct store_sms_result *result);

#endif
