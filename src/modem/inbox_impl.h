/* inbox_impl.h - what inbox.c and inbox_sets.c share. */
#ifndef SIMGATE_MODEM_INBOX_IMPL_H
#define SIMGATE_MODEM_INBOX_IMPL_H

#include "modem/inbox.h"

enum { INBOX_NOBODY = '?' }; /* begins the name under which parts of an unknown card are kept */

struct inbox {
	struct loop *loop;
	struct store *store;
	const struct inbox_spans *spans;
	const struct inbox_host *host;
	void *arg;
	struct loop_timer join_timer; /* a complete set could not be joined: again */
	struct loop_timer due_timer;  /* look for sets that wait no longer */
	bool looking;                 /* the store was asked for them */
	bool holding;                 /* after the start none is given up for its age */
	size_t due_count;             /* sets that the answer under way has given up so far */
	struct loop_timer move_timer;
	bool moving;  /* what waits in the journal */
	bool trouble; /* the store refused the last text */
};

/* Says it once when the store begins to refuse texts, and when it takes them again. result: what
 * became of a text; NULL where the store was only asked. */
void inbox_note_store(struct inbox *inbox, int err, const struct store_sms_result *result);

/* inbox_sets.c */
void inbox_sets_init(struct inbox *inbox);
void inbox_sets_done(struct inbox *inbox);

/* Makes the message of a set, with gaps where it lacks parts. */
void inbox_join(struct inbox *inbox, const struct store_sms_result *set);

/* Joins every set that is complete. */
void inbox_join_complete(struct inbox *inbox);

/* Looks now for sets that wait no longer, or are too many. */
void inbox_look_for_due(struct inbox *inbox);

/* Where a text goes whose operation is another than was thought. */
size_t inbox_route_again(
	struct inbox *inbox, const struct store_sms_result *result, struct store_route *out);

#endif
