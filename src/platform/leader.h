/* leader.h - one of the hosts that share a store sends the number lists: this one, or another.
 *
 * A host says every quarter of stale_ms that it lives, and asks for the leader's lease by the same
 * word. The lease is half of stale_ms; by this process' own clock it ends that long after the word
 * was begun, which is before it ends for the others. Who leads looks twice a second for what other
 * hosts changed or wish, and so does who waits for a list. In a store that is not shared this host
 * leads as soon as it is settled.
 */
#ifndef SIMGATE_PLATFORM_LEADER_H
#define SIMGATE_PLATFORM_LEADER_H

#include "base/loop.h"
#include "store/store_hosts.h"

struct leader;

struct leader_state {
	int ports, ready;
};

struct leader_events {
	/* What this host is to say of itself. */
	struct leader_state (*state)(void *arg);
	/* The lists are this host's to send; then they are not any more. */
	void (*gained)(void *arg);
	void (*lost)(void *arg);
	/* To the one that leads: another host changed what can be sold; others wish for a list, and
	 * leader_served() says how that went. */
	void (*changed)(void *arg);
	void (*wished)(void *arg, int64_t wish);
	/* This host was heard. */
	void (*beaten)(void *arg);
};

/* stale_ms: without a word for so long a host is off. grace_ms: the first list of a new leader
 * waits at most so long for hosts that have just started. NULL: out of memory. */
struct leader *leader_new(struct loop *loop, struct store *store, int64_t stale_ms,
	int64_t grace_ms, const struct leader_events *events, void *arg);

/* After store_close(). Takes NULL. */
void leader_free(struct leader *leader);

/* This host lives from now on; it may lead once its ports are settled. */
void leader_start(struct leader *leader);
void leader_settled(struct leader *leader);

/* Its ports have to settle anew: it leads no more, and may again after leader_settled(). */
void leader_unsettled(struct leader *leader);

/* Another leads. No event any more, but for callbacks of wishes: -ECANCELED. */
void leader_stop(struct leader *leader);

/* Whether lists are another host's to send. False for NULL. */
bool leader_follows(const struct leader *leader);

/* Who leads by the last word, "" nobody. */
const char *leader_name(const struct leader *leader);

/* Goes with what is sent; 0: nobody asks for it. */
int64_t leader_fence(const struct leader *leader);

/* When the lease ends (loop_fresh_us() in ms), moved on with each renewal; it lives as long as the
 * leader. NULL: never. */
const int64_t *leader_end_ms(const struct leader *leader);
bool leader_may_send(const struct leader *leader);

/* To one that does not lead: a list should go out. Numbers of wishes go up; _is_heard: a list that
 * was begun after it was accepted by every platform. */
uint64_t leader_wish(struct leader *leader);
bool leader_is_heard(const struct leader *leader, uint64_t wish);

/* The same with an answer, within a minute. */
typedef void leader_done_fn(void *arg, int err, const char *why);
void leader_sync(struct leader *leader, leader_done_fn *done, void *arg);

/* How a wish of others went. */
void leader_served(struct leader *leader, int64_t wish, bool well);

/* As they were at the last word; banks are not looked at. Valid until the loop turns. */
const struct store_host *leader_hosts(const struct leader *leader, size_t *count);

#endif
