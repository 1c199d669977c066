/* platform_fixture.h - a platform on the loopback that answers as told, and a store with cards. */
#ifndef SIMGATE_TESTS_PLATFORM_FIXTURE_H
#define SIMGATE_TESTS_PLATFORM_FIXTURE_H

#include <pthread.h>

#include "base/loop.h"
#include "log_fixture.h"
#include "platform/deliver.h"
#include "platform/outbox.h"
#include "platform/roster.h"
#include "store/store.h"

#define T0 INT64_C(1760000000000)

enum { CALLS_MAX = 8192, REPLIES_MAX = 64, CARDS_MAX = 32 };

/* How a call is answered. */
struct reply {
	int status;
	const char *body;
	size_t len;              /* 0: of the string */
	bool hang;               /* never */
	bool broken;             /* the connection ends in the middle of the body */
	bool gzip;               /* Content-Encoding: gzip */
	size_t filler;           /* so many bytes of 'x' instead of a body */
	bool refused;            /* the connection is closed without an answer */
	const char *retry_after; /* the header; NULL: none */
};

extern const struct reply fx_ok; /* taken */

struct call_seen {
	char path[64], key[64], agent[64], type[64], accept[64];
	char stamp[32], signature[96], sum[32], date[32];
	char *body;
};

struct fixture {
	struct loop *loop;
	struct store *store;
	struct deliver *deliver;
	struct outbox *outbox;
	struct roster *roster;
	struct config_platform platform;
	char dir[64], path[96], url[64];

	/* Written by the server's thread, under the lock. */
	pthread_mutex_t lock;
	struct call_seen calls[CALLS_MAX];
	size_t call_count;
	struct replies {
		struct reply all[REPLIES_MAX]; /* in turn; the last one stays */
		size_t count, at;
	} messages, lists, batches; /* of other paths: messages */
	const char *bad_numbers[4]; /* lists with these are refused */
	const char *bad_text;       /* set: a text with this in it gets 400 ERROR_PARAMS */
	const char *good_key;       /* set: others get 401 */
	bool lenient_test;          /* a list with `test` is not looked at */
	void *daemon, *hung[8];
	size_t hung_count;

	/* What the outbox and the roster told. */
	int lists_wanted, delivered_events, answers;
	enum outcome last_answer;
	int syncs, sync_err;
	int stored;
	int64_t busy_step_ms; /* the clock moves so far in a turn that waits */
};

int fixture_setup(void **state);
int fixture_teardown(void **state);

void fx_reply_message(struct fixture *fx, struct reply reply);
void fx_reply_batch(struct fixture *fx, struct reply reply);
void fx_reply_list(struct fixture *fx, struct reply reply);
void fx_forget_replies(struct fixture *fx);

/* Calls seen so far whose path ends in name; NULL: all. */
size_t fx_calls(struct fixture *fx, const char *name);
const struct call_seen *fx_call(struct fixture *fx, const char *name, size_t index);

/* Turns the loop, with the clock moved by step_ms each turn, until the condition holds or a bounded
 * number of turns has passed. */
typedef bool fx_condition(struct fixture *fx);
bool fx_until(struct fixture *fx, fx_condition *condition, int64_t step_ms);

/* Turns until nothing moves: no call, no job of the store. The clock moves by a few ms. */
void fx_settle(struct fixture *fx);

/* Moves the clock on in steps, settling in between. */
void fx_pass(struct fixture *fx, int64_t ms);

struct outbox_status fx_status(const struct fixture *fx);

/* Card i (0, 1, ...) in slot north/pNN with number +4670000NNNN, online. */
void fx_card(struct fixture *fx, int i, bool online);
void fx_card_in(struct fixture *fx, const char *bank, int i, const char *number, bool online);

/* A text to card i, stored; offered if it comes back claimed and outbox_wants(). */
void fx_text(struct fixture *fx, int i, const char *text);

/* State of the delivery of this text; -1 if there is none. reason may be NULL. */
int fx_state(struct fixture *fx, const char *text, char reason[64]);

void fx_outbox(struct fixture *fx);
void fx_roster(struct fixture *fx);
void fx_got_sync(void *arg, int err, const char *why);

/* The store's commits fail from now on. */
void fx_store_fails(bool fails);

#endif
