/* roster.c - one platform's number list: built from the store, checked, sent, bisected when
 * refused. */
#include "platform/roster.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "platform/bisect.h"
#include "platform/breaker.h"
#include "platform/listing.h"
#include "platform/selection.h"

enum {
	WAITERS_MAX = 16,
	ROUNDS_MAX = 3, /* lists bisected before it is tried again later */
	NAMED_MAX = 20, /* ports named in the log for one list */
	RETRY_MS = 1000,
	RETRY_MAX_MS = 60 * 1000,
	DOUBLINGS_MAX = 6,
	ID_SIZE = 24,
};

enum phase {
	PHASE_IDLE,
	PHASE_READING, /* the store */
	PHASE_SENDING, /* the list */
	PHASE_TESTING, /* a part of it, to find what is refused */
	PHASE_STORING, /* what the platform answered */
};

struct waiter {
	void (*done)(void *arg, int err, const char *why);
	void *arg;
	bool current; /* waits for the list under way, not for the next */
};

struct remote_id {
	char number[STORE_NUMBER_SIZE];
	char id[ID_SIZE];
};

struct roster {
	struct loop *loop;
	struct store *store;
	struct deliver *deliver;
	const struct config_platform *platform;
	const struct platform_kind *kind;
	struct roster_events events;
	void *arg;
	struct selection selection;

	bool opened, stopped, again, force;
	enum phase phase;
	struct loop_timer delay, every, retry;
	unsigned tries; /* lists in a row that were not accepted */
	struct deliver_call *call;

	struct listing *sending, *accepted;
	struct bisect bisect;
	unsigned rounds;
	struct remote_id *ids; /* of the answer */
	size_t id_count, id_room;

	struct waiter waiters[WAITERS_MAX];
	size_t waiter_count;
	int64_t accepted_wall_ms;
	char reason[PLATFORM_REASON_SIZE], new_reason[PLATFORM_REASON_SIZE];

	/* Freed while the store still owes callbacks: it stays in `graves` until they have come. */
	size_t owed;
	bool dead;
	struct roster *next_grave;
};

static struct roster *graves;

static void begin(struct roster *roster);
static void send_part(struct roster *roster, size_t first, size_t count, enum phase phase);

/* In a callback of the store: whether the roster is gone, and with the last of them its memory. */
static bool is_dead(struct roster *roster)
{
	struct roster **at = &graves;

	roster->owed--;
	if (!roster->dead)
		return false;
	if (roster->owed > 0)
		return true;
	while (*at != roster)
		at = &(*at)->next_grave;
	*at = roster->next_grave;
	free(roster);
	return true;
}

static void answered(struct roster *roster, enum outcome outcome, const char *reason)
{
	if (roster->events.answered)
		roster->events.answered(roster->arg, outcome, reason);
}

static void tell_waiters(struct roster *roster, int err, const char *why, bool current_only)
{
	struct waiter told[WAITERS_MAX];
	size_t told_count = 0, kept = 0;

	for (size_t i = 0; i < roster->waiter_count; i++) {
		if (current_only && !roster->waiters[i].current)
			roster->waiters[kept++] = roster->waiters[i];
		else
			told[told_count++] = roster->waiters[i];
	}
	roster->waiter_count = kept;
	for (size_t i = 0; i < told_count; i++)
		told[i].done(told[i].arg, err, why);
}

/* ---- the end of a try ----------------------------------------------------------------------- */

static void finish(struct roster *roster, int err, const char *why)
{
	listing_free(roster->sending);
	roster->sending = NULL;
	bisect_done(&roster->bisect);
	roster->phase = PHASE_IDLE;
	tell_waiters(roster, err, why, true);
	if (roster->again && roster->phase == PHASE_IDLE)
		begin(roster);
}

/* Not accepted: once more later, with what is true then. */
static void failed(struct roster *roster, enum outcome outcome, const char *reason)
{
	int64_t pause_ms = (int64_t)RETRY_MS
			   << (roster->tries < DOUBLINGS_MAX ? roster->tries : DOUBLINGS_MAX);
	size_t count = roster->sending ? roster->sending->count : 0;

	if (pause_ms > RETRY_MAX_MS)
		pause_ms = RETRY_MAX_MS;
	if (outcome == OUTCOME_ACCOUNT)
		pause_ms = roster->platform->account_ms;
	roster->tries++;
	roster->force = true;
	loop_timer_start(&roster->retry, pause_ms);
	if (strcmp(roster->reason, reason) != 0 && outcome != OUTCOME_ACCOUNT)
		log_warning(LOGC_PLATFORM, roster->platform->name, "roster_blocked",
			LOG_FIELDS(LOG_STR("reason", reason), LOG_INT("numbers", (int64_t)count)),
			"number list not accepted: tried on");
	snprintf(roster->reason, sizeof roster->reason, "%s", reason);
	answered(roster, outcome, roster->reason);
	finish(roster, outcome == OUTCOME_ACCOUNT ? -EACCES : -EAGAIN, roster->reason);
}

static void on_numbers_stored(void *arg, int err, int64_t count)
{
	struct roster *roster = arg;

	(void)err, (void)count; /* texts that wait for their number are tried again by themselves */
	if (is_dead(roster))
		return;
	if (roster->phase != PHASE_STORING)
		return; /* stopped meanwhile */
	answered(roster, OUTCOME_DELIVERED, "");
	finish(roster, 0, "");
}

static void store_answer(struct roster *roster)
{
	const struct listing *list = roster->accepted;
	struct store_remote_id *ids = calloc(roster->id_count + 1, sizeof *ids);
	const char **numbers = calloc(list->count + 1, sizeof *numbers);

	for (size_t i = 0; ids && i < roster->id_count; i++)
		ids[i] = (struct store_remote_id) { roster->ids[i].number, roster->ids[i].id };
	if (ids && roster->id_count > 0)
		store_remote_ids(
			roster->store, roster->platform->name, ids, roster->id_count, NULL, NULL);
	for (size_t i = 0; numbers && i < list->count; i++)
		numbers[i] = list->entries[i].number;
	if (numbers && list->count > 0) { /* no numbers would mean all */
		roster->owed++;
		store_numbers_accepted(roster->store, roster->platform->name, numbers, list->count,
			loop_wall_ms(roster->loop), on_numbers_stored, roster);
	}
	free(numbers);
	free(ids);
	if (!roster->owed) {
		answered(roster, OUTCOME_DELIVERED, "");
		finish(roster, 0, "");
	}
}

static void accepted(struct roster *roster)
{
	size_t added = listing_added(roster->accepted, roster->sending);
	size_t removed = listing_added(roster->sending, roster->accepted);

	log_info(LOGC_PLATFORM, roster->platform->name, "roster_sent",
		LOG_FIELDS(LOG_INT("numbers", (int64_t)roster->sending->count),
			LOG_INT("added", (int64_t)added), LOG_INT("removed", (int64_t)removed),
			LOG_INT("left_out", (int64_t)roster->selection.left_out)),
		"number list accepted");
	listing_free(roster->accepted);
	roster->accepted = roster->sending;
	roster->sending = NULL;
	roster->accepted_wall_ms = loop_wall_ms(roster->loop);
	roster->reason[0] = '\0';
	roster->tries = 0;
	loop_timer_stop(&roster->retry);
	if (roster->platform->list_every_ms > 0)
		loop_timer_start(&roster->every, roster->platform->list_every_ms);
	roster->phase = PHASE_STORING;
	store_answer(roster);
}

/* ---- a list that is refused ----------------------------------------------------------------- */

static void test_next(struct roster *roster);

/* live: without test, where the platform's test takes what the list itself does not. */
static void bisect_start(struct roster *roster, bool live)
{
	if (bisect_init(&roster->bisect, roster->sending->count, live) < 0)
		failed(roster, OUTCOME_RETRY, "out_of_memory");
	else
		test_next(roster);
}

static void remember_refused(struct roster *roster, const struct list_entry *entry)
{
	selection_refuse(&roster->selection, entry);
	log_warning(LOGC_PLATFORM, roster->platform->name, "roster_blocked",
		LOG_FIELDS(LOG_STR("port", entry->port_id), LOG_NUMBER("number", entry->number),
			LOG_STR("reason", roster->new_reason)),
		"platform refuses this entry: left out of the list until it changes");
}

/* Sends what was found good; entries that were not looked at any more wait for the next list. */
static void send_rest(struct roster *roster)
{
	const struct listing *old = roster->sending;
	struct listing *rest = listing_new(old->count);

	if (!rest) {
		failed(roster, OUTCOME_RETRY, "out_of_memory");
		return;
	}
	for (size_t i = 0; i < old->count; i++) {
		if (roster->bisect.marks[i] == BISECT_GOOD)
			listing_add(rest, &old->entries[i]);
		else if (roster->bisect.marks[i] == BISECT_BAD)
			remember_refused(roster, &old->entries[i]);
	}
	roster->selection.left_out += old->count - rest->count;
	if (bisect_count(&roster->bisect, BISECT_UNKNOWN) > 0)
		loop_timer_start(&roster->delay, RETRY_MAX_MS);
	listing_free(roster->sending);
	roster->sending = rest;
	send_part(roster, 0, rest->count, PHASE_SENDING);
}

static void bisect_end(struct roster *roster)
{
	size_t good = bisect_count(&roster->bisect, BISECT_GOOD);

	if (good == roster->sending->count && !roster->bisect.live)
		bisect_start(roster, true);
	else if (good == 0 || good == roster->sending->count)
		failed(roster, OUTCOME_REJECTED, roster->new_reason); /* no one entry's fault */
	else
		send_rest(roster);
}

static void test_next(struct roster *roster)
{
	size_t first, count;

	if (bisect_next(&roster->bisect, &first, &count))
		send_part(roster, first, count, PHASE_TESTING);
	else
		bisect_end(roster);
}

/* ---- answers -------------------------------------------------------------------------------- */

static void on_id(void *arg, const char *number, const char *id)
{
	struct roster *roster = arg;

	if (roster->id_count >= roster->id_room)
		return;
	struct remote_id *to = &roster->ids[roster->id_count++];
	snprintf(to->number, sizeof to->number, "%s", number);
	snprintf(to->id, sizeof to->id, "%s", id ? id : "");
}

/* Room for an id of each number listed now or before: the rest is not ours. */
static int make_id_room(struct roster *roster)
{
	size_t room = roster->sending->count + (roster->accepted ? roster->accepted->count : 0);
	struct remote_id *ids = realloc(roster->ids, (room + 1) * sizeof *ids);

	roster->id_count = 0;
	if (!ids)
		return -ENOMEM;
	roster->ids = ids;
	roster->id_room = room;
	return 0;
}

static void on_test_answer(struct roster *roster, enum outcome outcome)
{
	switch (outcome) {
	case OUTCOME_DELIVERED:
	case OUTCOME_REJECTED:
		bisect_tell(&roster->bisect, outcome == OUTCOME_DELIVERED);
		test_next(roster);
		break;
	case OUTCOME_RETRY:
	case OUTCOME_NUMBER:
	case OUTCOME_ACCOUNT: failed(roster, outcome, roster->new_reason); break;
	}
}

static void on_list_answer(struct roster *roster, enum outcome outcome)
{
	switch (outcome) {
	case OUTCOME_DELIVERED: accepted(roster); break;
	case OUTCOME_REJECTED:
		if (roster->sending->count > 0 && roster->rounds++ < ROUNDS_MAX)
			bisect_start(roster, false);
		else
			failed(roster, outcome, roster->new_reason);
		break;
	case OUTCOME_RETRY:
	case OUTCOME_NUMBER:
	case OUTCOME_ACCOUNT: failed(roster, outcome, roster->new_reason); break;
	}
}

static void on_answer(void *arg, const struct answer *answer)
{
	struct roster *roster = arg;
	bool test = roster->phase == PHASE_TESTING;
	char reason[PLATFORM_REASON_SIZE];

	roster->call = NULL;
	enum outcome outcome = roster->kind->list_outcome(
		answer, reason, sizeof reason, test ? NULL : on_id, roster);
	if (outcome != OUTCOME_DELIVERED)
		snprintf(roster->new_reason, sizeof roster->new_reason, "%s", reason);
	if (test)
		on_test_answer(roster, outcome);
	else
		on_list_answer(roster, outcome);
}

static void send_part(struct roster *roster, size_t first, size_t count, enum phase phase)
{
	bool test = phase == PHASE_TESTING && !roster->bisect.live;
	struct call call = { 0 };
	int err = make_id_room(roster);

	roster->phase = phase;
	if (err == 0)
		err = roster->kind->list(
			roster->platform, roster->sending->entries + first, count, test, &call);
	if (err == 0)
		roster->call =
			deliver_start(roster->deliver, roster->platform, &call, on_answer, roster);
	call_free(&call);
	if (!roster->call)
		failed(roster, OUTCOME_RETRY, "out_of_memory");
}

/* ---- the list ------------------------------------------------------------------------------- */

static void on_rows(void *arg, int err, const struct store_roster_row *rows, size_t count)
{
	struct roster *roster = arg;

	if (is_dead(roster) || roster->phase != PHASE_READING)
		return;
	roster->sending = err ? NULL : selection_make(&roster->selection, rows, count);
	if (!roster->sending) {
		failed(roster, OUTCOME_RETRY, err ? "store" : "out_of_memory");
		return;
	}
	if (roster->accepted && !roster->force && listing_same(roster->accepted, roster->sending)) {
		finish(roster, 0, "");
		return;
	}
	roster->force = false;
	roster->rounds = 0;
	send_part(roster, 0, roster->sending->count, PHASE_SENDING);
}

static void begin(struct roster *roster)
{
	if (roster->stopped || !roster->opened)
		return;
	if (roster->phase != PHASE_IDLE) {
		roster->again = true;
		return;
	}
	roster->again = false;
	loop_timer_stop(&roster->delay);
	loop_timer_stop(&roster->retry);
	for (size_t i = 0; i < roster->waiter_count; i++)
		roster->waiters[i].current = true;
	roster->phase = PHASE_READING;
	roster->owed++;
	store_roster(roster->store, roster->platform->name, on_rows, roster);
}

/* While a failed list waits to be tried again, a change is one of the things it will say. */
static void on_delay(void *arg)
{
	struct roster *roster = arg;

	if (!loop_timer_active(&roster->retry))
		begin(roster);
}

static void on_retry(void *arg)
{
	begin(arg);
}

static void on_every(void *arg)
{
	struct roster *roster = arg;

	roster->force = true;
	if (!loop_timer_active(&roster->retry))
		begin(roster);
}

/* ---- the face ------------------------------------------------------------------------------- */

struct roster *roster_new(struct loop *loop, struct store *store, struct deliver *deliver,
	const struct config_platform *platform, const struct roster_events *events, void *arg)
{
	const struct platform_kind *kind = platform_kind_find(platform->kind);
	struct roster *roster = kind ? calloc(1, sizeof *roster) : NULL;

	if (!roster)
		return NULL;
	if (selection_init(&roster->selection, kind, platform) < 0) {
		free(roster);
		return NULL;
	}
	roster->loop = loop;
	roster->store = store;
	roster->deliver = deliver;
	roster->platform = platform;
	roster->kind = kind;
	roster->events = *events;
	roster->arg = arg;
	loop_timer_init(&roster->delay, loop, on_delay, roster);
	loop_timer_init(&roster->every, loop, on_every, roster);
	loop_timer_init(&roster->retry, loop, on_retry, roster);
	return roster;
}

void roster_free(struct roster *roster)
{
	if (!roster)
		return;
	roster_stop(roster);
	selection_done(&roster->selection);
	listing_free(roster->accepted);
	free(roster->ids);
	if (roster->owed == 0) {
		free(roster);
		return;
	}
	roster->dead = true;
	roster->next_grave = graves;
	graves = roster;
}

void roster_configure(struct roster *roster, const struct config_platform *platform)
{
	roster->platform = platform;
	selection_configure(&roster->selection, platform);
	roster->force = true;
	loop_timer_stop(&roster->retry);
	loop_timer_stop(&roster->every); /* the next list starts it with what it is now */
	roster_changed(roster);
}

int roster_sells(struct roster *roster, char *const *banks, size_t count)
{
	int err = selection_sells(&roster->selection, banks, count);

	if (err == 0)
		roster_changed(roster);
	return err;
}

void roster_open(struct roster *roster)
{
	if (roster->opened)
		return;
	roster->opened = true;
	begin(roster);
}

void roster_changed(struct roster *roster)
{
	int64_t delay_ms = roster->platform->list_delay_ms;

	if (roster->stopped || !roster->opened)
		return;
	/* What already waits for longer, a refused list's rest, must not hold this one up. */
	if (!loop_timer_active(&roster->delay) ||
		roster->delay.due_ms > loop_now_ms(roster->loop) + delay_ms)
		loop_timer_start(&roster->delay, delay_ms);
}

void roster_sync(
	struct roster *roster, void (*done)(void *arg, int err, const char *why), void *arg)
{
	const char *why = NULL;
	int err = -EAGAIN;

	if (roster->stopped) {
		why = "stopping";
	} else if (!roster->opened) {
		why = "the ports have not settled yet";
	} else if (done && roster->waiter_count == WAITERS_MAX) {
		why = "too many wait for a list";
		err = -EBUSY;
	}
	if (why) {
		if (done)
			done(arg, err, why);
		return;
	}
	if (done)
		roster->waiters[roster->waiter_count++] = (struct waiter) { done, arg, false };
	roster->force = true;
	begin(roster);
}

void roster_stop(struct roster *roster)
{
	if (roster->stopped)
		return;
	roster->stopped = true;
	roster->again = false;
	loop_timer_stop(&roster->delay);
	loop_timer_stop(&roster->every);
	loop_timer_stop(&roster->retry);
	deliver_cancel(roster->call);
	roster->call = NULL;
	roster->phase = PHASE_IDLE;
	listing_free(roster->sending);
	roster->sending = NULL;
	bisect_done(&roster->bisect);
	tell_waiters(roster, -ECANCELED, "stopping", false);
}

void roster_status(const struct roster *roster, struct roster_status *out)
{
	*out = (struct roster_status) {
		.numbers = roster->accepted ? roster->accepted->count : 0,
		.accepted_wall_ms = roster->accepted_wall_ms,
		.reason = roster->reason,
		.left_out = roster->selection.left_out,
	};
}
