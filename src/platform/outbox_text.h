/* outbox_text.h - inside the outbox: the texts that are in memory. */
#ifndef SIMGATE_PLATFORM_OUTBOX_TEXT_H
#define SIMGATE_PLATFORM_OUTBOX_TEXT_H

#include <sys/queue.h>

#include "platform/breaker.h"
#include "platform/deliver.h"
#include "platform/platform.h"
#include "store/store.h"

enum text_state {
	TEXT_READY,    /* to be sent alone */
	TEXT_GATHERED, /* waits for others, to be sent with them */
	TEXT_FLYING,   /* its call is under way */
	TEXT_BATCHED,  /* so is the call that it is one of many in */
	TEXT_STORING,  /* its outcome is being stored */
	TEXT_UNSTORED, /* the store failed: the outcome is kept here and stored again */
	TEXT_STATE_COUNT
};

struct outbox;
struct texts;

struct text {
	TAILQ_ENTRY(text) link;
	struct texts *texts;
	struct outbox *outbox;
	enum text_state state; /* of the list it is in, or was in last */
	struct deliver_call *call;
	struct store_delivery delivery; /* its strings are in strings[] */
	enum outcome outcome;
	enum store_state store_state;
	int64_t next_ms,
		end_ms; /* end_ms: of the claim, monotonic: then it may be another host's */
	bool want_list;
	char reason[PLATFORM_REASON_SIZE];
	char strings[];
};

TAILQ_HEAD(text_list, text);

struct texts {
	struct text_list lists[TEXT_STATE_COUNT];
	size_t counts[TEXT_STATE_COUNT];
};

void texts_init(struct texts *texts);

/* A copy, in no list yet. NULL if out of memory. */
struct text *text_new(
	struct texts *texts, struct outbox *outbox, const struct store_delivery *delivery);

/* A text is in one list, or in none between the two. */
void text_enter(struct text *text, enum text_state state);
void text_leave(struct text *text);

/* In no list; a call of its ends without its callback. */
void text_free(struct text *text);
void texts_free_all(struct texts *texts, enum text_state state);

bool texts_hold(const struct texts *texts, const char *message_id);

#endif
