/* roster.c - one platform's number list: built from the store, checked, sent, bisected when
 * refused. */
#include "platform/roster_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

enum { ROUNDS_MAX = 3 }; /* lists bisected before it is tried again later */

static struct roster *graves;

static void send_part(struct roster *roster, size_t first, size_t count, enum phase phase);

bool roster_is_dead(struct roster *roster)
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

/* ---- a list that is refused ----------------------------------------------------------------- */

static void test_next(struct roster *roster);

/* live: without test, where the platform's test takes what the list itself does not. */
static void bisect_start(struct roster *roster, bool live)
{
	if (bisect_init(&roster->bisect, roster->sending->count, live) < 0)
		roster_failed(roster, OUTCOME_RETRY, "out_of_memory");
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
		roster_failed(roster, OUTCOME_RETRY, "out_of_memory");
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
		loop_timer_start(&roster->delay, ROSTER_RETRY_MAX_MS);
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
		roster_failed(
			roster, OUTCOME_REJECTED, roster->new_reason); /* no one entry's fault */
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
	case OUTCOME_ACCOUNT: roster_failed(roster, outcome, roster->new_reason); break;
	}
}

static void on_list_answer(struct roster *roster, enum outcome outcome)
{
	switch (outcome) {
	case OUTCOME_DELIVERED: roster_accepted(roster); break;
	case OUTCOME_REJECTED:
		if (roster->sending->count > 0 && roster->rounds++ < ROUNDS_MAX)
			bisect_start(roster, false);
		else
			roster_failed(roster, outcome, roster->new_reason);
		break;
	case OUTCOME_RETRY:
	case OUTCOME_NUMBER:
	case OUTCOME_ACCOUNT: roster_failed(roster, outcome, roster->new_reason); break;
	}
}

static void on_answer(void *arg, const struct answer *answer)
{
	struct roster *roster = arg;
	bool test = roster->phase == PHASE_TESTING;
	char reason[PLATFORM_REASON_SIZE];

	roster->call = NULL;
	roster->retry_after_ms = answer->retry_after_ms;
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

	if (roster->leader && !leader_may_send(roster->leader)) {
		roster_finish(roster, -EAGAIN, "another host leads");
		return;
	}
	int err = make_id_room(roster);

	roster->phase = phase;
	if (err == 0)
		err = roster->kind->list(roster->platform, roster->sending->entries + first, count,
			test ? LIST_TEST : LIST_LIVE, &call);
	if (roster->leader)
		call.end_ms = leader_end_ms(roster->leader);
	if (err == 0)
		roster->call =
			deliver_start(roster->deliver, roster->platform, &call, on_answer, roster);
	call_free(&call);
	if (!roster->call)
		roster_failed(roster, OUTCOME_RETRY, "out_of_memory");
}

/* ---- the list ------------------------------------------------------------------------------- */

static void on_rows(void *arg, int err, const struct store_roster_row *rows, size_t count)
{
	struct roster *roster = arg;

	/* The last one called for is the last one to come. */
	if (roster_is_dead(roster) || roster->phase != PHASE_READING || roster->owed > 0)
		return;
	if (err == -ESTALE) {
		roster->force = true;
		roster_finish(roster, -EAGAIN, "another host leads");
		return;
	}
	roster->sending = err ? NULL : selection_make(&roster->selection, rows, count);
	if (!roster->sending) {
		roster_failed(roster, OUTCOME_RETRY, err ? "store" : "out_of_memory");
		return;
	}
	if (roster->accepted && !roster->force && listing_same(roster->accepted, roster->sending)) {
		roster_finish(roster, 0, "");
		return;
	}
	roster->force = false;
	roster->rounds = 0;
	send_part(roster, 0, roster->sending->count, PHASE_SENDING);
}

void roster_begin(struct roster *roster)
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
	store_roster(roster->store, roster->platform->name,
		roster->leader ? leader_fence(roster->leader) : 0, on_rows, roster);
}

/* While a failed list waits to be tried again, a change is one of the things it will say. */
static void on_delay(void *arg)
{
	struct roster *roster = arg;

	if (!loop_timer_active(&roster->retry))
		roster_begin(roster);
}

static void on_retry(void *arg)
{
	roster_begin(arg);
}

static void on_every(void *arg)
{
	struct roster *roster = arg;

	roster->force = true;
	if (!loop_timer_active(&roster->retry))
		roster_begin(roster);
}

/* ---- the face ------------------------------------------------------------------------------- */

struct roster *roster_new(struct loop *loop, struct store *store, struct deliver *deliver,
	const struct config_platform *platform, const struct roster_events *events, void *arg)
{
	const struct platform_kind *kind = platform_kind_find(platform->kind);
	struct roster *roster = kind && kind->list ? calloc(1, sizeof *roster) : NULL;

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
	LIST_INIT(&roster->prints);
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
	roster->block_ms = roster->block_wall_ms = 0; /* maybe of another account */
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
	roster_begin(roster);
}

void roster_lead(struct roster *roster, const struct leader *leader)
{
	roster->leader = leader;
}

/* What is under way ends without an outcome. */
static void halt(struct roster *roster)
{
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
}

void roster_close(struct roster *roster)
{
	if (!roster->opened || roster->stopped)
		return;
	roster->opened = false;
	halt(roster);
	listing_free(roster->accepted);
	roster->accepted = NULL;
	roster->tries = 0;
	roster->dropped = 0;
	roster->reason[0] = '\0';
	roster->block_ms = roster->block_wall_ms = 0;
	roster_tell_waiters(roster, -EAGAIN, "another host leads", false);
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

void roster_sync(struct roster *roster, roster_done_fn *done, void *arg)
{
	const char *why = NULL;
	int err = -EAGAIN;

	if (roster->stopped) {
		why = "stopping";
	} else if (!roster->opened) {
		why = "the ports have not settled yet";
	} else if (done && roster->waiter_count == ROSTER_WAITERS_MAX) {
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
	roster_begin(roster);
}

void roster_serve(struct roster *roster, roster_done_fn *done, void *arg)
{
	if (roster->opened && !roster->stopped && loop_timer_active(&roster->retry) &&
		roster->waiter_count < ROSTER_WAITERS_MAX)
		roster->waiters[roster->waiter_count++] = (struct waiter) { done, arg, false };
	else
		roster_sync(roster, done, arg);
}

void roster_want(struct roster *roster)
{
	if (!loop_timer_active(&roster->retry))
		roster_sync(roster, NULL, NULL);
}

void roster_stop(struct roster *roster)
{
	if (roster->stopped)
		return;
	roster->stopped = true;
	halt(roster);
	roster_test_stop(roster);
	roster_print_stop(roster);
	roster_tell_waiters(roster, -ECANCELED, "stopping", false);
}

static bool lists_port(const struct listing *listing, const char *port_id)
{
	for (size_t i = 0; listing && i < listing->count; i++)
		if (strcmp(listing->entries[i].port_id, port_id) == 0)
			return true;
	return false;
}

bool roster_shows(const struct roster *roster, const char *bank, const char *port_id)
{
	return (selection_sold(&roster->selection, bank) &&
		       (!roster->accepted || roster->tries > 0 ||
			       roster->phase == PHASE_READING)) ||
	       lists_port(roster->accepted, port_id) || lists_port(roster->sending, port_id);
}

void roster_status(const struct roster *roster, struct roster_status *out)
{
	*out = (struct roster_status) {
		.numbers = roster->accepted ? roster->accepted->count : 0,
		.accepted_wall_ms = roster->accepted_wall_ms,
		.reason = roster->reason,
		.left_out = roster->selection.left_out,
		.dropped = roster->dropped,
		.block_wall_ms = roster->block_wall_ms,
	};
}
