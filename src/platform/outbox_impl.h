/* outbox_impl.h - what the files of the outbox share. */
#ifndef SIMGATE_PLATFORM_OUTBOX_IMPL_H
#define SIMGATE_PLATFORM_OUTBOX_IMPL_H

#include "platform/breaker.h"
#include "platform/outbox.h"
#include "platform/outbox_text.h"

enum {
	OUTBOX_BATCH_MAX = 100,         /* texts in one call; no limit is documented */
	OUTBOX_LIST_GAP_MS = 10 * 1000, /* between two wishes for a list */
};

#define OUTBOX_NEVER INT64_MAX

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
	struct loop_timer gather_timer;  /* runs while texts may still join the next batch */
	struct deliver_call *batch_call; /* of all texts that are TEXT_BATCHED */
	int64_t batch_end_ms;            /* of the first of their claims to end; monotonic */
	int64_t batch_rest_ms;           /* no batches before: one was refused; monotonic */
	int64_t due_ms;                  /* wall: when the store should be asked; OUTBOX_NEVER */
	int64_t asked_list_ms;
	int64_t clocks_ms; /* the wall clock less the monotonic one, when it was looked at last */
	bool claiming, kicked, stopped;
	size_t claim_limit;
	uint64_t delivered, retried, refused;

	/* Freed while the store still owes callbacks: it stays in `graves` until they have come. */
	bool dead;
	struct outbox *next_grave;
};

/* ---- outbox.c ------------------------------------------------------------------------------- */

/* Looks what can be done now: sends, claims, arms the timer. */
void outbox_pump(struct outbox *outbox);

/* In a callback of the store: whether the outbox is gone, and with the last of them its memory. */
bool outbox_is_dead(struct outbox *outbox);

/* The store is to be asked at that time, or before. */
void outbox_due_at(struct outbox *outbox, int64_t wall_ms);

/* A claimed text comes in: copied, unless it is here already or there is no room. */
void outbox_take(struct outbox *outbox, const struct store_delivery *delivery);

int64_t outbox_lease_ms(const struct outbox *outbox);

/* Outcomes that are not stored yet: a power cut would have them all sent again. */
size_t outbox_unstored(const struct outbox *outbox);

/* ---- outbox_end.c: how a try ended ---------------------------------------------------------- */

void outbox_on_list_timer(void *arg);
void outbox_on_store_timer(void *arg);

/* What the platform's word means for the platform. message_id: of the text, or of one of them. */
void outbox_judge_platform(struct outbox *outbox, enum outcome outcome, const char *message_id,
	const char *reason, const struct answer *answer);

/* What becomes of a text whose try has ended, by its outcome and reason; it is in no list. */
void outbox_conclude(struct text *text);

/* ---- outbox_batch.c: several texts in one call ---------------------------------------------- */

/* Whether a text that comes in now waits for others. */
bool outbox_gathers(const struct outbox *outbox, const struct store_delivery *delivery);

/* One more text was gathered. */
void outbox_gathered(struct outbox *outbox);

/* Sends what was gathered if it is time to, or lets each go alone where batches rest. */
void outbox_batch_pump(struct outbox *outbox);

#endif
