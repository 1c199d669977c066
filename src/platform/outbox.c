/* outbox.c - one platform's outgoing texts: claims from the store, tries, outcomes. */
#include "platform/outbox_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	READY_PER_CALL = 4,                 /* texts claimed ahead for each connection */
	BATCH_CLAIM = 2 * OUTBOX_BATCH_MAX, /* texts claimed ahead where they go in batches */
	PROBE_CLAIM = 2, /* so that one text that always fails is not the only probe */
	STORE_RETRY_MS = 1000,
	LOOK_AGAIN_MS = 1000,    /* due, but claimed by others */
	WAKE_MAX_MS = 60 * 1000, /* the wall clock may be set: look again at least so often */
	SET_BACK_MS = 1000,      /* what is less was not set, and is no matter */
	LEASE_MIN_MS = 2 * 60 * 1000,
	LEASE_CALLS = 6, /* a claim lasts so many time-outs */
};

static struct outbox *graves;

static bool is_owed(const struct outbox *outbox)
{
	return outbox->claiming || outbox->texts.counts[TEXT_STORING] > 0;
}

bool outbox_is_dead(struct outbox *outbox)
{
	struct outbox **at = &graves;

	if (!outbox->dead)
		return false;
	if (is_owed(outbox))
		return true;
	while (*at != outbox)
		at = &(*at)->next_grave;
	*at = outbox->next_grave;
	free(outbox);
	return true;
}

void outbox_due_at(struct outbox *outbox, int64_t wall_ms)
{
	if (wall_ms < outbox->due_ms)
		outbox->due_ms = wall_ms;
}

static size_t waiting(const struct outbox *outbox)
{
	return outbox->texts.counts[TEXT_READY] + outbox->texts.counts[TEXT_GATHERED];
}

/* A text that is here already is not taken twice: its outcome may be one that is not stored yet. */
void outbox_take(struct outbox *outbox, const struct store_delivery *delivery)
{
	struct text *text = NULL;

	if (outbox->stopped || texts_hold(&outbox->texts, delivery->message_id))
		return;
	if (waiting(outbox) < OUTBOX_READY_MAX)
		text = text_new(&outbox->texts, outbox, delivery);
	if (!text) {
		outbox_due_at(outbox, delivery->claimed_until_ms);
		return;
	}
	/* From here on by a clock that nobody sets. */
	text->end_ms =
		loop_now_ms(outbox->loop) + delivery->claimed_until_ms - loop_wall_ms(outbox->loop);
	if (outbox_gathers(outbox, delivery)) {
		text_enter(text, TEXT_GATHERED);
		outbox_gathered(outbox);
	} else {
		text_enter(text, TEXT_READY);
	}
}

/* Claims too old for a whole call: another may have them by the time it ends. */
static void drop_overdue(struct outbox *outbox, enum text_state state)
{
	int64_t end_ms = loop_now_ms(outbox->loop) + outbox->platform->timeout_ms;
	struct text *text, *next;

	for (text = TAILQ_FIRST(&outbox->texts.lists[state]); text; text = next) {
		next = TAILQ_NEXT(text, link);
		if (text->end_ms > end_ms)
			continue;
		outbox_due_at(outbox, text->delivery.claimed_until_ms);
		text_leave(text);
		text_free(text);
	}
}

int64_t outbox_lease_ms(const struct outbox *outbox)
{
	int64_t calls_ms = LEASE_CALLS * outbox->platform->timeout_ms;

	return outbox->platform->batch_ms + (calls_ms > LEASE_MIN_MS ? calls_ms : LEASE_MIN_MS);
}

/* ---- tries ---------------------------------------------------------------------------------- */

static void judge(struct text *text, const struct answer *answer)
{
	struct outbox *outbox = text->outbox;

	text->outcome = outbox->kind->message_outcome(
		outbox->platform, answer, text->reason, sizeof text->reason);
	outbox_judge_platform(
		outbox, text->outcome, text->delivery.message_id, text->reason, answer);
	outbox_conclude(text);
}

static void on_answer(void *arg, const struct answer *answer)
{
	struct text *text = arg;
	struct outbox *outbox = text->outbox;

	text->call = NULL;
	text_leave(text);
	judge(text, answer);
	outbox_pump(outbox);
}

/* text is in no list. */
static void send_text(struct outbox *outbox, struct text *text)
{
	static const struct answer no_memory = { .error = "out of memory", .body = "" };
	struct call call = { 0 };
	int err = outbox->kind->message(
		outbox->platform, &text->delivery, loop_wall_ms(outbox->loop), &call);

	if (err == -EINVAL) {
		text->outcome = OUTCOME_REJECTED;
		snprintf(text->reason, sizeof text->reason, "cannot-be-said");
		outbox_conclude(text);
		return;
	}
	call.end_ms = &text->end_ms;
	if (err == 0)
		text->call =
			deliver_start(outbox->deliver, outbox->platform, &call, on_answer, text);
	call_free(&call);
	if (text->call)
		text_enter(text, TEXT_FLYING);
	else
		judge(text, &no_memory);
}

size_t outbox_unstored(const struct outbox *outbox)
{
	return outbox->texts.counts[TEXT_STORING] + outbox->texts.counts[TEXT_UNSTORED];
}

/* Outcomes that are not stored yet count as well: a power cut would have them all sent again. */
static bool is_full(const struct outbox *outbox)
{
	return outbox->texts.counts[TEXT_FLYING] + outbox_unstored(outbox) >=
	       (size_t)outbox->platform->concurrency;
}

static bool may_try(const struct outbox *outbox)
{
	return !outbox->stopped && !is_full(outbox) &&
	       breaker_allows(&outbox->breaker,
		       outbox->texts.counts[TEXT_FLYING] + outbox->texts.counts[TEXT_BATCHED]);
}

/* A probe is another text than the one that failed last, if there is one. */
static struct text *next_text(struct outbox *outbox)
{
	struct text *first = TAILQ_FIRST(&outbox->texts.lists[TEXT_READY]), *text;

	if (outbox->breaker.health == OUTBOX_UP)
		return first;
	TAILQ_FOREACH(text, &outbox->texts.lists[TEXT_READY], link)
	if (strcmp(text->delivery.message_id, outbox->breaker.failed_id) != 0)
		return text;
	return first;
}

/* ---- claims --------------------------------------------------------------------------------- */

static void on_claimed(void *arg, int err, const struct store_claim *claim)
{
	struct outbox *outbox = arg;
	int64_t now_ms = loop_wall_ms(outbox->loop);

	outbox->claiming = false;
	if (outbox_is_dead(outbox))
		return;
	for (size_t i = 0; !err && i < claim->count; i++)
		outbox_take(outbox, &claim->rows[i]);
	if (err)
		outbox_due_at(outbox, now_ms + STORE_RETRY_MS);
	else if (outbox->kicked || claim->count == outbox->claim_limit)
		outbox->due_ms = 0;
	else if (claim->next_ms)
		outbox_due_at(
			outbox, claim->next_ms > now_ms ? claim->next_ms : now_ms + LOOK_AGAIN_MS);
	outbox->kicked = false;
	outbox_pump(outbox);
}

static size_t room_for_claims(const struct outbox *outbox)
{
	size_t want = PROBE_CLAIM, have = waiting(outbox);

	if (outbox->breaker.health == OUTBOX_UP)
		want = (size_t)outbox->platform->concurrency * READY_PER_CALL;
	if (outbox->breaker.health == OUTBOX_UP && outbox->platform->batch_ms > 0 &&
		want < BATCH_CLAIM)
		want = BATCH_CLAIM;
	if (want > STORE_CLAIM_MAX)
		want = STORE_CLAIM_MAX;
	return have > want / 2 ? 0 : want - have;
}

static void claim_more(struct outbox *outbox)
{
	bool up = outbox->breaker.health == OUTBOX_UP;
	bool may = up ? breaker_wait_ms(&outbox->breaker) <= 0 : may_try(outbox);

	if (!may || outbox->stopped || outbox->claiming || room_for_claims(outbox) == 0 ||
		outbox->due_ms > loop_wall_ms(outbox->loop))
		return;
	outbox->claiming = true;
	outbox->due_ms = OUTBOX_NEVER;
	outbox->claim_limit = room_for_claims(outbox);
	store_claim(outbox->store, outbox->platform->name, loop_wall_ms(outbox->loop),
		outbox_lease_ms(outbox), outbox->claim_limit, on_claimed, outbox);
}

/* How long until pump() has something to do that no callback will tell. */
static int64_t idle_ms(const struct outbox *outbox)
{
	bool up = outbox->breaker.health == OUTBOX_UP;
	bool claims =
		!outbox->claiming && outbox->due_ms != OUTBOX_NEVER && room_for_claims(outbox) > 0;
	int64_t wait_ms = claims ? outbox->due_ms - loop_wall_ms(outbox->loop) : OUTBOX_NEVER;

	int64_t probe_ms = breaker_wait_ms(&outbox->breaker);
	if (up && probe_ms <= 0)
		return wait_ms;
	if (outbox->texts.counts[TEXT_FLYING] > 0 || is_full(outbox))
		return OUTBOX_NEVER;
	if (waiting(outbox) > 0 || wait_ms < probe_ms)
		return probe_ms;
	return wait_ms;
}

static void arm(struct outbox *outbox)
{
	int64_t wait_ms = idle_ms(outbox);

	if (outbox->stopped || wait_ms == OUTBOX_NEVER)
		loop_timer_stop(&outbox->timer);
	else
		loop_timer_start(&outbox->timer, wait_ms < WAKE_MAX_MS ? wait_ms : WAKE_MAX_MS);
}

/* A clock that was ahead, and is set back now or was since the last run, has left times behind that
 * are hours or years away. */
static void look_at_clock(struct outbox *outbox)
{
	int64_t clocks_ms = loop_wall_ms(outbox->loop) - loop_now_ms(outbox->loop);
	bool set_back = clocks_ms < outbox->clocks_ms - SET_BACK_MS;

	outbox->clocks_ms = clocks_ms;
	if (!set_back || outbox->stopped)
		return;
	store_due(outbox->store, outbox->platform->name, loop_wall_ms(outbox->loop));
	outbox->kicked = outbox->claiming;
	outbox->due_ms = 0;
}

void outbox_pump(struct outbox *outbox)
{
	look_at_clock(outbox);
	drop_overdue(outbox, TEXT_READY);
	drop_overdue(outbox, TEXT_GATHERED);
	outbox_batch_pump(outbox);
	while (may_try(outbox) && outbox->texts.counts[TEXT_READY] > 0) {
		struct text *text = next_text(outbox);
		text_leave(text);
		send_text(outbox, text);
	}
	claim_more(outbox);
	arm(outbox);
}

static void on_timer(void *arg)
{
	outbox_pump(arg);
}

/* ---- the face ------------------------------------------------------------------------------- */

struct outbox *outbox_new(struct loop *loop, struct store *store, struct deliver *deliver,
	const struct config_platform *platform, const struct outbox_events *events, void *arg)
{
	const struct platform_kind *kind = platform_kind_find(platform->kind);
	struct outbox *outbox = kind ? calloc(1, sizeof *outbox) : NULL;

	if (!outbox)
		return NULL;
	outbox->loop = loop;
	outbox->store = store;
	outbox->deliver = deliver;
	outbox->platform = platform;
	outbox->kind = kind;
	outbox->events = *events;
	outbox->arg = arg;
	texts_init(&outbox->texts);
	breaker_init(&outbox->breaker, loop, kind, platform);
	loop_timer_init(&outbox->timer, loop, on_timer, outbox);
	loop_timer_init(&outbox->store_timer, loop, outbox_on_store_timer, outbox);
	loop_timer_init(&outbox->list_timer, loop, outbox_on_list_timer, outbox);
	loop_timer_init(&outbox->gather_timer, loop, on_timer, outbox);
	outbox->asked_list_ms = loop_now_ms(loop) - OUTBOX_LIST_GAP_MS;
	outbox->due_ms = 0; /* what earlier runs left */
	outbox->clocks_ms = INT64_MAX;
	loop_timer_start(&outbox->timer, 0);
	return outbox;
}

void outbox_free(struct outbox *outbox)
{
	if (!outbox)
		return;
	outbox_stop(outbox);
	loop_timer_stop(&outbox->store_timer);
	deliver_cancel(outbox->batch_call);
	texts_free_all(&outbox->texts, TEXT_FLYING);
	texts_free_all(&outbox->texts, TEXT_BATCHED);
	texts_free_all(&outbox->texts, TEXT_UNSTORED);
	if (!is_owed(outbox)) {
		free(outbox);
		return;
	}
	outbox->dead = true;
	outbox->next_grave = graves;
	graves = outbox;
}

void outbox_configure(struct outbox *outbox, const struct config_platform *platform)
{
	outbox->platform = platform;
	outbox->breaker.platform = platform;
	if (outbox->breaker.health == OUTBOX_ACCOUNT)
		outbox->breaker.probe_ms = loop_now_ms(outbox->loop); /* the key may be another */
	outbox->breaker.hold_ms = outbox->batch_rest_ms = 0;          /* so may the server */
	outbox_pump(outbox);
}

bool outbox_wants(const struct outbox *outbox)
{
	return !outbox->stopped && outbox->breaker.health == OUTBOX_UP &&
	       /* else drop_overdue() has it */
	       outbox->platform->timeout_ms + outbox->platform->batch_ms < STORE_LEASE_MS / 2 &&
	       waiting(outbox) < OUTBOX_READY_MAX;
}

void outbox_offer(struct outbox *outbox, const struct store_delivery *delivery)
{
	outbox_take(outbox, delivery);
	outbox_pump(outbox);
}

void outbox_kick(struct outbox *outbox)
{
	outbox->kicked = outbox->claiming;
	outbox->due_ms = 0;
	arm(outbox);
}

void outbox_stop(struct outbox *outbox)
{
	outbox->stopped = true;
	loop_timer_stop(&outbox->timer);
	loop_timer_stop(&outbox->list_timer);
	loop_timer_stop(&outbox->gather_timer);
	texts_free_all(&outbox->texts, TEXT_READY);
	texts_free_all(&outbox->texts, TEXT_GATHERED);
}

bool outbox_idle(const struct outbox *outbox)
{
	const size_t *counts = outbox->texts.counts;

	return counts[TEXT_FLYING] + counts[TEXT_BATCHED] + outbox_unstored(outbox) == 0;
}

void outbox_account(struct outbox *outbox, enum outcome outcome, const char *reason)
{
	struct breaker *breaker = &outbox->breaker;

	if (outcome == OUTCOME_ACCOUNT) {
		bool known = breaker->health == OUTBOX_ACCOUNT;
		int64_t probe_ms = breaker->probe_ms;
		breaker_account(breaker, reason);
		if (known) /* lists that are refused in turn put no text's probe off */
			breaker->probe_ms = probe_ms;
	} else if (outcome == OUTCOME_DELIVERED && breaker->health == OUTBOX_ACCOUNT)
		breaker_well(breaker);
	else if (outcome == OUTCOME_DELIVERED && breaker->health == OUTBOX_DOWN)
		breaker->probe_ms = loop_now_ms(outbox->loop);
	outbox_kick(outbox);
}

void outbox_status(const struct outbox *outbox, struct outbox_status *out)
{
	*out = (struct outbox_status) {
		.health = outbox->breaker.health,
		.reason = outbox->breaker.reason,
		.since_wall_ms = outbox->breaker.since_wall_ms,
		.in_flight = outbox->texts.counts[TEXT_FLYING] + outbox->texts.counts[TEXT_BATCHED],
		.ready = waiting(outbox),
		.delivered = outbox->delivered,
		.retried = outbox->retried,
		.refused = outbox->refused,
	};
}
