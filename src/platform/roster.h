/* roster.h - one platform's number list: the cards that can receive now, and nothing else. */
#ifndef SIMGATE_PLATFORM_ROSTER_H
#define SIMGATE_PLATFORM_ROSTER_H

#include <stdbool.h>

#include "platform/deliver.h"
#include "platform/leader.h"
#include "platform/platform.h"
#include "store/store.h"

struct roster;

struct roster_status {
	size_t numbers;           /* in the list accepted last */
	int64_t accepted_wall_ms; /* 0: none yet */
	const char *reason;       /* of the last failure, "" if the last try was accepted */
	size_t left_out; /* cards online that are not in the list: no country, conflict, refused */
	size_t dropped;  /* in the list accepted last, and not on sale by the platform's answer */
	int64_t block_wall_ms; /* the account is blocked, probably until then; 0: not, or for longer
				*/
};

struct roster_events {
	/* A list was accepted, or the account was refused, ...: for the platform's breaker. */
	void (*answered)(void *arg, enum outcome outcome, const char *reason);
};

/* NULL if out of memory, or if the platform's kind has no list. */
struct roster *roster_new(struct loop *loop, struct store *store, struct deliver *deliver,
	const struct config_platform *platform, const struct roster_events *events, void *arg);
/* Who waits for a list is told -ECANCELED. */
void roster_free(struct roster *roster);
void roster_configure(struct roster *roster, const struct config_platform *platform);

/* Which banks this platform sells: banks[] are names, copied. */
int roster_sells(struct roster *roster, char *const *banks, size_t count);

/* From now on lists may be sent: every port has settled, or start_grace is over, and this host
 * leads. The first goes out at once. Before, changes are only remembered. */
void roster_open(struct roster *roster);

/* Another host sends them now: what is under way ends, what was accepted is forgotten; who waits is
 * told -EAGAIN. */
void roster_close(struct roster *roster);

/* Lists go out while this leader may send, and bear its fence. It outlives the roster. */
void roster_lead(struct roster *roster, const struct leader *leader);

/* A port or a number changed: sent after list_delay, merged with what else changes in it. */
void roster_changed(struct roster *roster);

/* Send now (simgatectl sync); done may be NULL: called when this list is accepted or has failed. */
typedef void roster_done_fn(void *arg, int err, const char *why);
void roster_sync(struct roster *roster, roster_done_fn *done, void *arg);

/* The same for another host's wish: with the list that waits to be tried again, if one does. */
void roster_serve(struct roster *roster, roster_done_fn *done, void *arg);

/* A text's number is not known to the platform: the list goes out again, now, or with the one that
 * waits to be tried again: a block is not disturbed. */
void roster_want(struct roster *roster);

/* The list of now as a self-test: the platform stores nothing and prints back what it read. One at
 * a time (-EBUSY). err 0: it has taken the list; echo says whether it read what was sent, count of
 * how many numbers. Changes nothing of what is listed. */
struct roster_test_result {
	int err;
	const char *why; /* of err, "" */
	size_t count;
	enum list_echo echo;
};
typedef void roster_test_fn(void *arg, const struct roster_test_result *result);
void roster_self_test(struct roster *roster, roster_test_fn *done, void *arg);

/* The list of now as JSON, in the naming of 2019: {"list":[...]}. 0: done comes once, later on the
 * loop, with err 0 and the text, or a negative errno. Else done does not come: -EAGAIN (not open
 * yet, or stopped), -EBUSY, -ENOMEM. */
typedef void roster_print_fn(void *arg, int err, const char *body);
int roster_print(struct roster *roster, roster_print_fn *done, void *arg);

/* No list is sent any more: stopping withdraws nothing. */
void roster_stop(struct roster *roster);

/* Whether the platform may still have this port's number from us: it is in the list accepted last
 * or in the one under way, which may be being made from what the store held a moment ago, or what
 * came of the last one is not known. False for a bank that is not
 * sold here. */
bool roster_shows(const struct roster *roster, const char *bank, const char *port_id);

void roster_status(const struct roster *roster, struct roster_status *out);

#endif
