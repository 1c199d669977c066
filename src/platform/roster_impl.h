/* roster_impl.h - what the files of the roster share. */
#ifndef SIMGATE_PLATFORM_ROSTER_IMPL_H
#define SIMGATE_PLATFORM_ROSTER_IMPL_H

#include <sys/queue.h>

#include "platform/bisect.h"
#include "platform/listing.h"
#include "platform/roster.h"
#include "platform/selection.h"

enum { ROSTER_WAITERS_MAX = 16, ROSTER_RETRY_MAX_MS = 60 * 1000 };

enum phase {
	PHASE_IDLE,
	PHASE_READING, /* the store */
	PHASE_SENDING, /* the list */
	PHASE_TESTING, /* a part of it, to find what is refused */
	PHASE_STORING, /* what the platform answered */
};

struct waiter {
	roster_done_fn *done;
	void *arg;
	bool current; /* waits for the list under way, not for the next */
};

struct remote_id {
	char number[STORE_NUMBER_SIZE];
	char id[PLATFORM_ID_SIZE]; /* "" : dropped */
};

struct roster {
	struct loop *loop;
	struct store *store;
	struct deliver *deliver;
	const struct leader *leader; /* NULL: this host alone */
	const struct config_platform *platform;
	const struct platform_kind *kind;
	struct roster_events events;
	void *arg;
	struct selection selection;

	bool opened, stopped, again, force;
	enum phase phase;
	struct loop_timer delay, every, retry;
	unsigned tries;        /* lists in a row that were not accepted */
	int64_t block_ms;      /* the account seems blocked for its list since, 0: not; monotonic */
	int64_t block_wall_ms; /* when that is over, wall; 0: not blocked, or for longer */
	struct deliver_call *call;
	int64_t retry_after_ms; /* as the last answer asked for */

	struct listing *sending, *accepted;
	struct bisect bisect;
	unsigned rounds;
	struct remote_id *ids; /* of the answer */
	size_t id_count, id_room;
	size_t dropped; /* of the accepted list, by its own answer */

	struct roster_test *test; /* under way */
	LIST_HEAD(, roster_print) prints;
	size_t print_count;

	struct waiter waiters[ROSTER_WAITERS_MAX];
	size_t waiter_count;
	int64_t accepted_wall_ms;
	char reason[PLATFORM_REASON_SIZE], new_reason[PLATFORM_REASON_SIZE];

	/* Freed while the store still owes callbacks: it stays in `graves` until they have come. */
	size_t owed;
	bool dead;
	struct roster *next_grave;
};

/* ---- roster.c ------------------------------------------------------------------------------- */

/* A list is made and sent, or as soon as the one under way is done. */
void roster_begin(struct roster *roster);

/* In a callback of the store: whether the roster is gone, and with the last of them its memory. */
bool roster_is_dead(struct roster *roster);

/* ---- roster_end.c: how a list ended --------------------------------------------------------- */

void roster_tell_waiters(struct roster *roster, int err, const char *why, bool current_only);

/* The list under way is over; the next begins if one is wanted. */
void roster_finish(struct roster *roster, int err, const char *why);

/* Not accepted: once more later, with what is true then. */
void roster_failed(struct roster *roster, enum outcome outcome, const char *reason);
void roster_accepted(struct roster *roster);

/* ---- roster_test.c -------------------------------------------------------------------------- */

/* Ends a self-test that is under way; who waits for it is told -ECANCELED. */
void roster_test_stop(struct roster *roster);

/* ---- roster_print.c ------------------------------------------------------------------------- */

/* Who waits for a printed list is told -ECANCELED. */
void roster_print_stop(struct roster *roster);

#endif
