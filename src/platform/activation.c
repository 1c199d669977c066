/* activation.c - the open operations as the loop sees them: read from the store, kept up to date by
 * what its verbs answer. */
#include "platform/activation_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	CHANGED_MS = 50,        /* changes of ports are collected so long */
	AGAIN_MS = 1000,        /* after the store failed */
	EXPIRE_LOOK_MS = 60000, /* at the latest: the wall clock may be set */
	ERASE_MS = 3600000,
	READ_CARDS = 1,
	READ_OPEN = 2,
	READ_USED = 4,
};

/* ---- reading the store ---------------------------------------------------------------------- */

static void read_end(struct activations *activations, unsigned what, bool well)
{
	if (well)
		activations->missing &= ~what;
	else
		activations->failed = true;
	if (--activations->reads)
		return;
	int64_t next_ms = activations->failed  ? AGAIN_MS
			  : activations->again ? CHANGED_MS
					       : activations->spans.refresh_ms;
	activations->again = false;
	activations->generation++;
	if (next_ms)
		loop_timer_start(&activations->refresh, next_ms);
}

static void on_cards(void *arg, int err, const struct store_sellable *rows, size_t count)
{
	struct activations *activations = arg;
	bool well = !err && activation_cards_take(activations, rows, count) == 0;

	read_end(activations, READ_CARDS, well);
}

static void on_open(void *arg, int err, const struct store_activation *rows, size_t count)
{
	struct activations *activations = arg;

	activation_table_take(activations, rows, count, !err);
	read_end(activations, READ_OPEN, !err);
}

static void on_used(void *arg, int err, const struct store_used *rows, size_t count)
{
	struct activations *activations = arg;

	for (size_t i = 0; i < count && !err; i++) {
		err = activation_used_take(activations, &rows[i]);
		if (!err)
			activations->useds_since = rows[i].changed;
	}
	read_end(activations, READ_USED, !err);
}

void activation_refresh(struct activations *activations)
{
	if (activations->reads) {
		activations->again = true;
		return;
	}
	loop_timer_stop(&activations->refresh);
	activations->failed = false;
	activations->reads = 3;
	store_activations_open(activations->store, on_open, activations);
	store_sellables(activations->store, on_cards, activations);
	store_useds(activations->store, activations->useds_since, on_used, activations);
}

static void on_refresh(void *arg)
{
	activation_refresh(arg);
}

/* The ports, cards, numbers or sellers are others. */
static void on_changed(void *arg)
{
	struct activations *activations = arg;

	if (activations->reads)
		activations->again = true;
	else
		loop_timer_start(&activations->refresh, CHANGED_MS);
}

bool activation_ready(const struct activations *activations)
{
	return !activations->missing;
}

uint64_t activation_generation(const struct activations *activations)
{
	return activations->generation;
}

/* ---- what ends by itself -------------------------------------------------------------------- */

static void expire_at(struct activations *activations, int64_t due_ms)
{
	int64_t delay_ms = due_ms - loop_wall_ms(activations->loop);

	if (!due_ms || (activations->expire_ms && activations->expire_ms <= due_ms))
		return;
	activations->expire_ms = due_ms;
	if (activations->expiring)
		return;
	loop_timer_start(
		&activations->expire, delay_ms < EXPIRE_LOOK_MS ? delay_ms : EXPIRE_LOOK_MS);
}

static void on_expired(
	void *arg, int err, const struct store_activation *rows, size_t count, int64_t next_ms)
{
	struct activations *activations = arg;
	int64_t now_ms = loop_wall_ms(activations->loop);
	int64_t meanwhile_ms = activations->expire_ms;

	activations->expiring = false;
	activations->expire_ms = 0;
	for (size_t i = 0; i < count; i++) {
		struct activation_entry *entry = activation_entry_of(activations, rows[i].id);
		if (entry)
			activation_entry_drop(activations, entry, &rows[i]);
		else if (activations->events.closed)
			activations->events.closed(activations->arg, &rows[i]);
	}
	if (count)
		on_changed(activations); /* what is used up by them */
	if (err)
		expire_at(activations, now_ms + AGAIN_MS);
	expire_at(activations, next_ms);
	expire_at(activations, meanwhile_ms);
	if (!activations->expire_ms && activations->spans.refresh_ms)
		expire_at(activations, now_ms + EXPIRE_LOOK_MS); /* other hosts' orders */
}

static void on_expire(void *arg)
{
	struct activations *activations = arg;

	activations->expiring = true;
	activations->expire_ms = 0;
	store_activations_expire(
		activations->store, loop_wall_ms(activations->loop), on_expired, activations);
}

/* ---- what is old ---------------------------------------------------------------------------- */

static void on_erased(void *arg, int err, int64_t count)
{
	struct activations *activations = arg;

	if (!err && count >= STORE_ACTIVATIONS_MAX)
		loop_timer_start(&activations->erase, AGAIN_MS);
}

static void on_erase(void *arg)
{
	struct activations *activations = arg;
	int64_t keep_ms = activations->spans.keep_ms;

	loop_timer_start(&activations->erase, ERASE_MS);
	if (keep_ms)
		store_activations_erase(activations->store,
			loop_wall_ms(activations->loop) - keep_ms, on_erased, activations);
}

void activation_configure(struct activations *activations, const struct activation_spans *spans)
{
	activations->spans = *spans;
}

/* ---- operations ----------------------------------------------------------------------------- */

struct activation_call {
	struct activation_call *next, **at;
	struct activations *activations;
	store_order_fn *ordered;
	store_closed_fn *closed;
	store_count_fn *counted;
	void *arg;
	int64_t due_ms, id;
	char head[STORE_CARD_SIZE]; /* the card it tries first, "" none */
};

static struct activation_call *call_new(struct activations *activations, void *arg)
{
	struct activation_call *call = calloc(1, sizeof(*call));

	if (!call)
		return NULL;
	call->activations = activations;
	call->arg = arg;
	call->next = activations->calls;
	call->at = &activations->calls;
	if (call->next)
		call->next->at = &call->next;
	activations->calls = call;
	return call;
}

static void call_free(struct activation_call *call)
{
	*call->at = call->next;
	if (call->next)
		call->next->at = call->at;
	free(call);
}

static void on_ordered(
	void *arg, int err, enum store_order_why why, const struct store_activation *activation)
{
	struct activation_call *call = arg;
	struct activations *activations = call->activations;

	if (activation) {
		activation_table_put(activations, activation);
		expire_at(activations, call->due_ms);
	}
	if (*call->head)
		activation_head_drop(activations, call->head);
	if (call->ordered)
		call->ordered(call->arg, err, why, activation);
	call_free(call);
}

void activation_order(struct activations *activations, const struct store_order *order,
	store_order_fn *done, void *arg)
{
	size_t room = order->card_count ? order->card_count : 1;
	const char **cards = calloc(room, sizeof(*cards));
	struct activation_call *call = cards ? call_new(activations, arg) : NULL;
	struct store_order narrowed = *order;

	if (!call) {
		free(cards);
		if (done)
			done(arg, -ENOMEM, STORE_ORDER_NO_NUMBER, NULL);
		return;
	}
	narrowed.cards = cards;
	narrowed.card_count = activation_candidates(activations, order, cards);
	call->ordered = done;
	call->due_ms = store_order_due(order);
	if (narrowed.card_count && activation_head_add(activations, cards[0]) == 0)
		snprintf(call->head, sizeof(call->head), "%s", cards[0]);
	store_activation_order(activations->store, &narrowed, on_ordered, call);
	free(cards);
}

static void on_closed(void *arg, int err, const struct store_closed *closed)
{
	struct activation_call *call = arg;
	struct activations *activations = call->activations;
	struct activation_entry *entry;

	if (closed && closed->used && activation_used_take(activations, closed->used))
		on_changed(activations);
	if (closed && closed->activation && closed->activation->state != STORE_ACTIVATION_OPEN) {
		entry = activation_entry_of(activations, closed->activation->id);
		if (entry)
			activation_entry_drop(activations, entry, closed->activation);
	}
	if (call->closed)
		call->closed(call->arg, err, closed);
	call_free(call);
}

void activation_close(struct activations *activations, const struct store_close *close,
	store_closed_fn *done, void *arg)
{
	struct activation_call *call = call_new(activations, arg);

	if (!call) {
		if (done)
			done(arg, -ENOMEM, NULL);
		return;
	}
	call->closed = done;
	store_activation_close(activations->store, close, on_closed, call);
}

static void on_answered(void *arg, int err, int64_t count)
{
	struct activation_call *call = arg;
	struct activation_entry *entry = activation_entry_of(call->activations, call->id);

	if (!err && count && entry)
		entry->row.answered = true;
	call_free(call);
}

void activation_answered(struct activations *activations, int64_t id)
{
	struct activation_call *call = call_new(activations, NULL);

	if (!call)
		return; /* it counts as unanswered: an operator sees it */
	call->id = id;
	store_activation_answered(activations->store, id, on_answered, call);
}

static void on_waiting(void *arg, int err, int64_t count)
{
	struct activation_call *call = arg;
	struct activation_entry *entry = activation_entry_of(call->activations, call->id);

	if (!err && count && entry)
		entry->row.wait_retry = true;
	if (call->counted)
		call->counted(call->arg, err, count);
	call_free(call);
}

void activation_wait(struct activations *activations, int64_t id, const char *customer,
	store_count_fn *done, void *arg)
{
	struct activation_call *call = call_new(activations, arg);

	if (!call) {
		if (done)
			done(arg, -ENOMEM, 0);
		return;
	}
	call->id = id;
	call->counted = done;
	store_activation_wait(activations->store, id, customer, on_waiting, call);
}

/* ---- beginning and end ---------------------------------------------------------------------- */

struct activations *activation_new(struct loop *loop, struct store *store,
	const struct activation_spans *spans, const struct activation_events *events, void *arg)
{
	struct activations *activations = calloc(1, sizeof(*activations));

	if (!activations)
		return NULL;
	activations->loop = loop;
	activations->store = store;
	activations->spans = *spans;
	if (events)
		activations->events = *events;
	activations->arg = arg;
	activations->missing = READ_CARDS | READ_OPEN | READ_USED;
	loop_timer_init(&activations->refresh, loop, on_refresh, activations);
	loop_timer_init(&activations->expire, loop, on_expire, activations);
	loop_timer_init(&activations->erase, loop, on_erase, activations);
	store_pool_watch(store, on_changed, activations);
	activation_refresh(activations);
	loop_timer_start(&activations->expire, 0);
	loop_timer_start(&activations->erase, ERASE_MS);
	return activations;
}

void activation_free(struct activations *activations)
{
	if (!activations)
		return;
	loop_timer_stop(&activations->refresh);
	loop_timer_stop(&activations->expire);
	loop_timer_stop(&activations->erase);
	while (activations->calls)
		call_free(activations->calls);
	activation_table_free(activations);
	activation_pool_free(activations);
	free(activations);
}
