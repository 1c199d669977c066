/* roster_end.c - how a number list ended: accepted, refused, blocked; and who is told. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "platform/roster_impl.h"

enum { RETRY_MS = 1000, DOUBLINGS_MAX = 6 };

static void answered(struct roster *roster, enum outcome outcome, const char *reason)
{
	if (roster->events.answered)
		roster->events.answered(roster->arg, outcome, reason);
}

void roster_tell_waiters(struct roster *roster, int err, const char *why, bool current_only)
{
	struct waiter told[ROSTER_WAITERS_MAX];
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

void roster_finish(struct roster *roster, int err, const char *why)
{
	listing_free(roster->sending);
	roster->sending = NULL;
	bisect_done(&roster->bisect);
	roster->phase = PHASE_IDLE;
	roster_tell_waiters(roster, err, why, true);
	if (roster->again && roster->phase == PHASE_IDLE)
		roster_begin(roster);
}

/* ---- not accepted --------------------------------------------------------------------------- */

/* A list that is accepted, or fails otherwise, ends the block. */
static void unblock(struct roster *roster)
{
	if (roster->block_ms)
		log_notice(LOGC_PLATFORM, roster->platform->name, NULL,
			LOG_FIELDS(LOG_INT(
				"seconds", (loop_now_ms(roster->loop) - roster->block_ms) / 1000)),
			"the account is not blocked any more");
	roster->block_ms = roster->block_wall_ms = 0;
}

static void block(struct roster *roster, const char *reason)
{
	int64_t wait_ms = roster->platform->block_ms;

	roster->block_ms = loop_now_ms(roster->loop);
	roster->block_wall_ms = loop_wall_ms(roster->loop) + wait_ms;
	log_error(LOGC_PLATFORM, roster->platform->name, "roster_blocked",
		LOG_FIELDS(LOG_STR("reason", reason),
			LOG_INT("numbers", (int64_t)(roster->sending ? roster->sending->count : 0)),
			LOG_INT("wait_s", wait_ms / 1000)),
		"platform blocks the account: for more numbers than can receive at once it does so "
		"for 30 minutes; the list is tried again then, everything is kept");
}

/* Until the next try while the account is refused. A block is waited out, once; what lasts longer
 * is no such block, and is looked at as often as any other refusal. */
static int64_t account_pause_ms(struct roster *roster, const char *reason)
{
	int64_t now_ms = loop_now_ms(roster->loop);

	if (!roster->kind->is_block || !roster->kind->is_block(reason)) {
		unblock(roster);
		return roster->platform->account_ms;
	}
	if (!roster->block_ms)
		block(roster, reason);
	int64_t left_ms = roster->block_ms + roster->platform->block_ms - now_ms;
	if (left_ms > 0)
		return left_ms;
	roster->block_wall_ms = 0;
	return roster->platform->account_ms;
}

/* What the platform asks for, within bounds, where that is longer. */
static int64_t with_retry_after(struct roster *roster, int64_t pause_ms)
{
	int64_t most_ms = roster->platform->retry_after_max_ms, asked_ms = roster->retry_after_ms;

	roster->retry_after_ms = 0;
	if (asked_ms > most_ms)
		asked_ms = most_ms;
	return asked_ms > pause_ms ? asked_ms : pause_ms;
}

void roster_failed(struct roster *roster, enum outcome outcome, const char *reason)
{
	int64_t pause_ms = (int64_t)RETRY_MS
			   << (roster->tries < DOUBLINGS_MAX ? roster->tries : DOUBLINGS_MAX);
	size_t count = roster->sending ? roster->sending->count : 0;

	if (pause_ms > ROSTER_RETRY_MAX_MS)
		pause_ms = ROSTER_RETRY_MAX_MS;
	if (outcome == OUTCOME_ACCOUNT)
		pause_ms = account_pause_ms(roster, reason);
	else
		unblock(roster);
	if (outcome == OUTCOME_RETRY)
		pause_ms = with_retry_after(roster, pause_ms);
	roster->tries++;
	roster->force = true;
	loop_timer_start(&roster->retry, pause_ms);
	if (strcmp(roster->reason, reason) != 0 && outcome != OUTCOME_ACCOUNT)
		log_warning(LOGC_PLATFORM, roster->platform->name, "roster_blocked",
			LOG_FIELDS(LOG_STR("reason", reason), LOG_INT("numbers", (int64_t)count)),
			"number list not accepted: tried on");
	snprintf(roster->reason, sizeof roster->reason, "%s", reason);
	answered(roster, outcome, roster->reason);
	roster_finish(roster, outcome == OUTCOME_ACCOUNT ? -EACCES : -EAGAIN, roster->reason);
}

/* ---- accepted ------------------------------------------------------------------------------- */

static bool in_listing(const struct listing *listing, const char *number)
{
	for (size_t i = 0; i < listing->count; i++)
		if (strcmp(listing->entries[i].number, number) == 0)
			return true;
	return false;
}

/* Numbers of the list itself whose id is null: the platform took the list and does not sell them.
 */
static void count_dropped(struct roster *roster)
{
	size_t dropped = 0;

	for (size_t i = 0; i < roster->id_count; i++)
		if (!roster->ids[i].id[0] && in_listing(roster->accepted, roster->ids[i].number))
			dropped++;
	if (dropped != roster->dropped && dropped > 0)
		log_warning(LOGC_PLATFORM, roster->platform->name, "roster_blocked",
			LOG_FIELDS(LOG_STR("reason", "dropped"),
				LOG_INT("numbers", (int64_t)roster->accepted->count),
				LOG_INT("dropped", (int64_t)dropped)),
			dropped == roster->accepted->count
				? "platform took the list and dropped every number of it: perhaps "
				  "its block of 30 minutes"
				: "platform took the list and dropped some numbers of it");
	roster->dropped = dropped;
}

static void on_numbers_stored(void *arg, int err, int64_t count)
{
	struct roster *roster = arg;

	(void)err, (void)count; /* texts that wait for their number are tried again by themselves */
	if (roster_is_dead(roster))
		return;
	if (roster->phase != PHASE_STORING)
		return; /* stopped meanwhile */
	answered(roster, OUTCOME_DELIVERED, "");
	roster_finish(roster, 0, "");
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
		roster_finish(roster, 0, "");
	}
}

void roster_accepted(struct roster *roster)
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
	unblock(roster);
	count_dropped(roster);
	loop_timer_stop(&roster->retry);
	if (roster->platform->list_every_ms > 0)
		loop_timer_start(&roster->every, roster->platform->list_every_ms);
	if (roster->leader && leader_fence(roster->leader))
		store_listed(roster->store, roster->platform->name, leader_fence(roster->leader),
			(int64_t)roster->accepted->count);
	roster->phase = PHASE_STORING;
	store_answer(roster);
}
