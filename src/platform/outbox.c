/* outbox.c - one platform's outgoing texts: claims from the store, tries, outcomes. */
#include "platform/outbox.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/counter.h"
#include "base/log.h"
#include "platform/breaker.h"
#include "platform/outbox_text.h"

enum {
	READY_PER_CALL = 4, /* texts claimed ahead for each connection */
	PROBE_CLAIM = 2,    /* so that one text that always fails is not the only probe */
	STORE_RETRY_MS = 1000,
	LOOK_AGAIN_MS = 1000,    /* due, but claimed by others */
	WAKE_MAX_MS = 60 * 1000, /* the wall clock may be set: look again at least so often */
	NUMBER_RETRY_MS = 5 * 60 * 1000,
	LIST_GAP_MS = 10 * 1000, /* between two wishes for a list */
	LEASE_MIN_MS = 2 * 60 * 1000,
	LEASE_CALLS = 6, /* a claim lasts so many time-outs */
};

#define NEVER INT64_MAX

struct outbox {
	struct loop *loop;
	struct store *store;
	struct deliver *deliver;
	const struct config_platform *platform;
	const struct platform_kind *kind;
	struct outbox_events events;
	void *arg;

	struct texts texts;
	struct breaker breaker;
	struct loop_timer timer, store_timer, list_timer;
	int64_t due_ms; /* wall: when the store should be asked; NEVER */
	int64_t asked_list_ms;
	bool claiming, kicked, stopped;
	size_t claim_limit;
	uint64_t delivered, retried, refused;

	/* Freed while the store still owes callbacks: it stays in `graves` until they have come. */
	bool dead;
	struct outbox *next_grave;
};

static struct outbox *graves;

static void pump(struct outbox *outbox);

static bool is_owed(const struct outbox *outbox)
{
	return outbox->claiming || outbox->texts.counts[TEXT_STORING] > 0;
}

/* In a callback of the store: whether the outbox is gone, and with the last of them its memory. */
static bool is_dead(struct outbox *outbox)
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

static void due_at(struct outbox *outbox, int64_t wall_ms)
{
	if (wall_ms < outbox->due_ms)
		outbox->due_ms = wall_ms;
}

/* A text that is here already is not taken twice: its outcome may be one that is not stored yet. */
static void take(struct outbox *outbox, const struct store_delivery *delivery)
{
	struct text *text = NULL;

	if (outbox->stopped || texts_hold(&outbox->texts, delivery->message_id))
		return;
	if (outbox->texts.counts[TEXT_READY] < OUTBOX_READY_MAX)
		text = text_new(&outbox->texts, outbox, delivery);
	if (text)
		text_enter(text, TEXT_READY);
	else
		due_at(outbox, delivery->claimed_until_ms);
}

/* Claims too old for a whole call: another may have them by the time it ends. */
static void drop_overdue(struct outbox *outbox)
{
	int64_t end_ms = loop_wall_ms(outbox->loop) + outbox->platform->timeout_ms;
	struct text *text, *next;

	for (text = TAILQ_FIRST(&outbox->texts.lists[TEXT_READY]); text; text = next) {
		next = TAILQ_NEXT(text, link);
		if (text->delivery.claimed_until_ms > end_ms)
			continue;
		due_at(outbox, text->delivery.claimed_until_ms);
		text_leave(text);
		text_free(text);
	}
}

/* ---- outcomes ------------------------------------------------------------------------------- */

static void on_list_timer(void *arg)
{
	struct outbox *outbox = arg;

	outbox->asked_list_ms = loop_now_ms(outbox->loop);
	if (outbox->events.want_list)
		outbox->events.want_list(outbox->arg);
}

static void want_list(struct outbox *outbox)
{
	int64_t gap_ms = outbox->asked_list_ms + LIST_GAP_MS - loop_now_ms(outbox->loop);

	if (!loop_timer_active(&outbox->list_timer))
		loop_timer_start(&outbox->list_timer, gap_ms);
}

static int64_t lease_ms(const struct outbox *outbox)
{
	int64_t calls_ms = LEASE_CALLS * outbox->platform->timeout_ms;

	return calls_ms > LEASE_MIN_MS ? calls_ms : LEASE_MIN_MS;
}

static void keep_unstored(struct outbox *outbox, struct text *text)
{
	text_enter(text, TEXT_UNSTORED);
	if (!loop_timer_active(&outbox->store_timer))
		loop_timer_start(&outbox->store_timer, STORE_RETRY_MS);
}

static void after_stored(struct outbox *outbox, const struct text *text)
{
	if (text->store_state == STORE_QUEUED)
		due_at(outbox, text->next_ms);
	if (text->want_list && !outbox->stopped)
		want_list(outbox);
	if (text->outcome == OUTCOME_DELIVERED && outbox->events.delivered)
		outbox->events.delivered(outbox->arg, &text->delivery);
}

/* -ENOENT: the delivery is no more, so that there is nothing to be stored. */
static void on_stored(void *arg, int err, const struct store_claim *claim)
{
	struct text *text = arg;
	struct outbox *outbox = text->outbox;

	text_leave(text);
	if (is_dead(outbox)) {
		text_free(text);
		return;
	}
	if (err && err != -ENOENT) {
		keep_unstored(outbox, text);
		return;
	}
	after_stored(outbox, text);
	text_free(text);
	for (size_t i = 0; !err && i < claim->count; i++)
		take(outbox, &claim->rows[i]);
	if (!err && claim->next_ms)
		due_at(outbox, claim->next_ms);
	pump(outbox);
}

static void store_text(struct text *text)
{
	struct outbox *outbox = text->outbox;
	struct store_outcome outcome = {
		.message_id = text->delivery.message_id,
		.platform = text->delivery.platform,
		.state = text->store_state,
		.reason = text->reason,
		.next_ms = text->next_ms,
		.now_ms = loop_wall_ms(outbox->loop),
		.lease_ms = lease_ms(outbox),
		.number_error = text->outcome == OUTCOME_NUMBER,
		.tried = text->outcome != OUTCOME_ACCOUNT,
		.claim_next = !outbox->stopped,
	};

	text_enter(text, TEXT_STORING);
	store_outcome(outbox->store, &outcome, on_stored, text);
}

static void on_store_timer(void *arg)
{
	struct outbox *outbox = arg;
	size_t count = outbox->texts.counts[TEXT_UNSTORED];

	while (count-- > 0) {
		struct text *text = TAILQ_FIRST(&outbox->texts.lists[TEXT_UNSTORED]);
		text_leave(text);
		store_text(text);
	}
}

static void delivered(struct outbox *outbox, struct text *text, const char *port)
{
	const struct store_delivery *delivery = &text->delivery;

	text->store_state = STORE_DELIVERED;
	outbox->delivered++;
	counter_add(COUNTER_DELIVERED, 1);
	log_info(LOGC_PLATFORM, outbox->platform->name, "sms_delivered",
		LOG_FIELDS(LOG_STR("port", port), LOG_NUMBER("number", delivery->number),
			LOG_INT("parts", delivery->parts),
			LOG_INT("ms", loop_wall_ms(outbox->loop) - delivery->arrived_ms),
			LOG_INT("attempts", delivery->attempts + 1)),
		"text delivered");
}

static void refused(struct outbox *outbox, struct text *text, const char *port)
{
	text->store_state = STORE_REFUSED;
	outbox->refused++;
	counter_add(COUNTER_REJECTED, 1);
	log_warning(LOGC_PLATFORM, outbox->platform->name, "sms_refused",
		LOG_FIELDS(LOG_STR("port", port), LOG_NUMBER("number", text->delivery.number),
			LOG_STR("reason", text->reason),
			LOG_INT("attempts", text->delivery.attempts + 1)),
		"platform does not take this text: it is kept, see `simgatectl outbox`");
}

static void retried(struct outbox *outbox, struct text *text)
{
	int attempts = text->delivery.attempts;
	unsigned tries = attempts > 0 ? (unsigned)attempts : 0;

	text->next_ms = loop_wall_ms(outbox->loop) + breaker_backoff_ms(&outbox->breaker, tries);
	outbox->retried++;
	counter_add(COUNTER_RETRIED, 1);
}

static void number_unknown(struct outbox *outbox, struct text *text, const char *port)
{
	int64_t now_ms = loop_wall_ms(outbox->loop), since_ms = text->delivery.number_error_ms;

	if (since_ms && now_ms - since_ms >= outbox->platform->number_give_up_ms) {
		snprintf(text->reason, sizeof text->reason, "number_unknown");
		refused(outbox, text, port);
		return;
	}
	/* Only the first time: a platform that lists a number and does not know it would else be
	 * told and asked in turn without a pause. */
	text->want_list = since_ms == 0;
	text->next_ms = now_ms + NUMBER_RETRY_MS;
}

/* What becomes of a text whose try has ended; it is in no list. */
static void conclude(struct outbox *outbox, struct text *text)
{
	char port[2 * STORE_NAME_SIZE];

	snprintf(port, sizeof port, "%s/%s", text->delivery.bank, text->delivery.slot);
	text->store_state = STORE_QUEUED;
	text->next_ms = loop_wall_ms(outbox->loop);
	text->want_list = false;
	switch (text->outcome) {
	case OUTCOME_DELIVERED: delivered(outbox, text, port); break;
	case OUTCOME_RETRY: retried(outbox, text); break;
	case OUTCOME_NUMBER: number_unknown(outbox, text, port); break;
	case OUTCOME_REJECTED: refused(outbox, text, port); break;
	case OUTCOME_ACCOUNT: break; /* as if it had not been tried */
	}
	store_text(text);
}

/* ---- tries ---------------------------------------------------------------------------------- */

static void judge_platform(struct outbox *outbox, const struct text *text)
{
	switch (text->outcome) {
	case OUTCOME_DELIVERED:
	case OUTCOME_NUMBER:
	case OUTCOME_REJECTED:
		if (breaker_well(&outbox->breaker))
			outbox->due_ms = 0;
		break;
	case OUTCOME_RETRY:
		breaker_badly(&outbox->breaker, text->delivery.message_id,
			outbox->texts.counts[TEXT_FLYING], text->reason);
		break;
	case OUTCOME_ACCOUNT: breaker_account(&outbox->breaker, text->reason); break;
	}
}

static void judge(struct text *text, const struct answer *answer)
{
	struct outbox *outbox = text->outbox;

	text->outcome = outbox->kind->message_outcome(answer, text->reason, sizeof text->reason);
	judge_platform(outbox, text);
	conclude(outbox, text);
}

static void on_answer(void *arg, const struct answer *answer)
{
	struct text *text = arg;
	struct outbox *outbox = text->outbox;

	text->call = NULL;
	text_leave(text);
	judge(text, answer);
	pump(outbox);
}

/* text is in no list. */
static void send_text(struct outbox *outbox, struct text *text)
{
	static const struct answer no_memory = { .error = "out of memory", .body = "" };
	struct call call = { 0 };
	int err = outbox->kind->message(outbox->platform, &text->delivery, &call);

	if (err == -EINVAL) {
		text->outcome = OUTCOME_REJECTED;
		snprintf(text->reason, sizeof text->reason, "cannot-be-said");
		conclude(outbox, text);
		return;
	}
	if (err == 0)
		text->call =
			deliver_start(outbox->deliver, outbox->platform, &call, on_answer, text);
	call_free(&call);
	if (text->call)
		text_enter(text, TEXT_FLYING);
	else
		judge(text, &no_memory);
}

/* Outcomes that are not stored yet count as well: a power cut would have them all sent again. */
static bool is_full(const struct outbox *outbox)
{
	const size_t *counts = outbox->texts.counts;

	return counts[TEXT_FLYING] + counts[TEXT_STORING] + counts[TEXT_UNSTORED] >=
	       (size_t)outbox->platform->concurrency;
}

static bool may_try(const struct outbox *outbox)
{
	return !outbox->stopped && !is_full(outbox) &&
	       breaker_allows(&outbox->breaker, outbox->texts.counts[TEXT_FLYING]);
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
	if (is_dead(outbox))
		return;
	for (size_t i = 0; !err && i < claim->count; i++)
		take(outbox, &claim->rows[i]);
	if (err)
		due_at(outbox, now_ms + STORE_RETRY_MS);
	else if (outbox->kicked || claim->count == outbox->claim_limit)
		outbox->due_ms = 0;
	else if (claim->next_ms)
		due_at(outbox, claim->next_ms > now_ms ? claim->next_ms : now_ms + LOOK_AGAIN_MS);
	outbox->kicked = false;
	pump(outbox);
}

static size_t room_for_claims(const struct outbox *outbox)
{
	size_t want = PROBE_CLAIM, have = outbox->texts.counts[TEXT_READY];

	if (outbox->breaker.health == OUTBOX_UP)
		want = (size_t)outbox->platform->concurrency * READY_PER_CALL;
	if (want > STORE_CLAIM_MAX)
		want = STORE_CLAIM_MAX;
	return have > want / 2 ? 0 : want - have;
}

static void claim_more(struct outbox *outbox)
{
	bool may = outbox->breaker.health == OUTBOX_UP || may_try(outbox);

	if (!may || outbox->stopped || outbox->claiming || room_for_claims(outbox) == 0 ||
		outbox->due_ms > loop_wall_ms(outbox->loop))
		return;
	outbox->claiming = true;
	outbox->due_ms = NEVER;
	outbox->claim_limit = room_for_claims(outbox);
	store_claim(outbox->store, outbox->platform->name, loop_wall_ms(outbox->loop),
		lease_ms(outbox), outbox->claim_limit, on_claimed, outbox);
}

/* How long until pump() has something to do that no callback will tell. */
static int64_t idle_ms(const struct outbox *outbox)
{
	bool up = outbox->breaker.health == OUTBOX_UP;
	bool claims = !outbox->claiming && outbox->due_ms != NEVER && room_for_claims(outbox) > 0;
	int64_t wait_ms = claims ? outbox->due_ms - loop_wall_ms(outbox->loop) : NEVER;

	if (up)
		return wait_ms;
	if (outbox->texts.counts[TEXT_FLYING] > 0 || is_full(outbox))
		return NEVER;
	int64_t probe_ms = breaker_wait_ms(&outbox->breaker);
	if (outbox->texts.counts[TEXT_READY] > 0 || wait_ms < probe_ms)
		return probe_ms;
	return wait_ms;
}

static void arm(struct outbox *outbox)
{
	int64_t wait_ms = idle_ms(outbox);

	if (outbox->stopped || wait_ms == NEVER)
		loop_timer_stop(&outbox->timer);
	else
		loop_timer_start(&outbox->timer, wait_ms < WAKE_MAX_MS ? wait_ms : WAKE_MAX_MS);
}

static void pump(struct outbox *outbox)
{
	drop_overdue(outbox);
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
	pump(arg);
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
	loop_timer_init(&outbox->store_timer, loop, on_store_timer, outbox);
	loop_timer_init(&outbox->list_timer, loop, on_list_timer, outbox);
	outbox->asked_list_ms = loop_now_ms(loop) - LIST_GAP_MS;
	outbox->due_ms = 0; /* what earlier runs left */
	loop_timer_start(&outbox->timer, 0);
	return outbox;
}

void outbox_free(struct outbox *outbox)
{
	if (!outbox)
		return;
	outbox_stop(outbox);
	loop_timer_stop(&outbox->store_timer);
	texts_free_all(&outbox->texts, TEXT_FLYING);
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
	pump(outbox);
}

bool outbox_wants(const struct outbox *outbox)
{
	return !outbox->stopped && outbox->breaker.health == OUTBOX_UP &&
	       outbox->platform->timeout_ms < STORE_LEASE_MS / 2 && /* else drop_overdue() has it */
	       outbox->texts.counts[TEXT_READY] < OUTBOX_READY_MAX;
}

void outbox_offer(struct outbox *outbox, const struct store_delivery *delivery)
{
	take(outbox, delivery);
	pump(outbox);
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
	texts_free_all(&outbox->texts, TEXT_READY);
}

bool outbox_idle(const struct outbox *outbox)
{
	const size_t *counts = outbox->texts.counts;

	return counts[TEXT_FLYING] + counts[TEXT_STORING] + counts[TEXT_UNSTORED] == 0;
}

void outbox_account(struct outbox *outbox, enum outcome outcome, const char *reason)
{
	struct breaker *breaker = &outbox->breaker;

	if (outcome == OUTCOME_ACCOUNT)
		breaker_account(breaker, reason);
	else if (outcome == OUTCOME_DELIVERED && breaker->health == OUTBOX_ACCOUNT)
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
		.in_flight = outbox->texts.counts[TEXT_FLYING],
		.ready = outbox->texts.counts[TEXT_READY],
		.delivered = outbox->delivered,
		.retried = outbox->retried,
		.refused = outbox->refused,
	};
}
