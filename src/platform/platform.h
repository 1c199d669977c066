/* platform.h - what a kind of platform is: pure functions from texts to requests and from answers
 * to outcomes. No clock, no network, no store. */
#ifndef SIMGATE_PLATFORM_PLATFORM_H
#define SIMGATE_PLATFORM_PLATFORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/config.h"
#include "store/store.h"

/* What the platform said. Never mixed with errno or AT codes. */
enum outcome {
	OUTCOME_DELIVERED, /* taken: `response` is 1 in the body, `status` SUCCESS; a webhook's 2xx
			    */
	OUTCOME_RETRY,     /* not now: no connection, 5xx, a body that is no answer, ... */
	OUTCOME_NUMBER,    /* it does not know the number: the list first, then once more */
	OUTCOME_REJECTED,  /* it will never take this message (or this list, as it is) */
	OUTCOME_ACCOUNT, /* key, account, address or method refused: nothing passes until mended */
};

enum { CALL_HEADERS_MAX = 2, PLATFORM_REASON_SIZE = 64, PLATFORM_ID_SIZE = 24 };

/* A request to be made. Allocated strings; call_free() it. */
struct call {
	const char *name; /* "addMessage": for the log and the counters; static */
	const char *method;
	char *path;                      /* behind the platform's url */
	char *body;                      /* JSON; NULL for none. Holds a text: never logged */
	char *headers[CALL_HEADERS_MAX]; /* "Name: value", beside those that all calls have */
	const int64_t *end_ms; /* NULL; or not a byte of it goes out after that time, which may move
				  (loop_fresh_us() in ms); it outlives the call */
};
void call_free(struct call *call);

/* An answer: status 0 means there was none, `error` says why ("timeout", "could not connect"). body
 * may be any bytes, NUL-terminated at body[len], never NULL. */
struct answer {
	int status;
	const char *error;
	const char *body;
	size_t len;
	bool body_cut;          /* longer than the limit: the rest was not read */
	int64_t retry_after_ms; /* as its header asks for; 0: it does not */
};

/* An entry of the number list as it will be sent. */
struct list_entry {
	const char *number, *port_id;
	int country_code;
	int operator_code;                             /* 0: not sent */
	int rent;                                      /* -1: not sent */
	int64_t date_start, date_stop, price, balance; /* 0: not sent, but for date_start */
};

/* How a list is meant. */
enum list_test {
	LIST_LIVE,
	LIST_TEST, /* the platform checks it and stores nothing */
	LIST_ECHO, /* the same, and it prints back what it read */
};

/* What came back of a list that was sent as LIST_ECHO. */
enum list_echo {
	ECHO_NONE,  /* nothing of the kind */
	ECHO_OTHER, /* a list, but another one */
	ECHO_SAME,
};

/* A number that has earned what was asked for, so that its card can be replaced. */
struct takeoff_number {
	char number[STORE_NUMBER_SIZE];
	char id[PLATFORM_ID_SIZE]; /* "" unknown */
	int64_t profit, balance;   /* 1/10000; -1 unknown */
	int country_code;          /* 0 unknown */
};
typedef void takeoff_number_fn(void *arg, const struct takeoff_number *number);

/* Functions that are NULL: this kind has no such call. */
struct platform_kind {
	const char *name;

	/* A text as a request, made at now_ms (wall). 0, or -EINVAL: it cannot be said in this
	 * protocol (then it is refused), -ENOMEM. */
	int (*message)(const struct config_platform *platform,
		const struct store_delivery *delivery, int64_t now_ms, struct call *out);

	/* What the answer to a message means. reason: a short word or code of the platform's,
	 * cleaned of anything but A-Z a-z 0-9 _ - and cut, for the store and the log. */
	enum outcome (*message_outcome)(const struct config_platform *platform,
		const struct answer *answer, char *reason, size_t reason_size);

	/* Several texts as one request, or NULL. Errors as of message(). */
	int (*messages)(const struct config_platform *platform,
		const struct store_delivery *const *deliveries, size_t count, struct call *out);

	/* DELIVERED: all of them are taken. REJECTED: it does not say which it minds, or does not
	 * know the call: each is to be sent alone. Never NUMBER. */
	enum outcome (*messages_outcome)(
		const struct answer *answer, char *reason, size_t reason_size);

	/* An entry made from what is known of a card; number is the row's, port_id (BANK/SLOT) is
	 * left to the caller. 0, or -EINVAL and why it cannot be listed: "no country code", "number
	 * is not E.164", ... NULL where there is no list: so are the next three. */
	int (*list_entry)(const struct config_platform *platform,
		const struct store_roster_row *row, struct list_entry *out, const char **why);

	/* The full list as a request. */
	int (*list)(const struct config_platform *platform, const struct list_entry *entries,
		size_t count, enum list_test test, struct call *out);

	/* What the answer to the list means; REJECTED: an entry in it is refused. id() is called
	 * for each number it named (id NULL: dropped from its list). */
	enum outcome (*list_outcome)(const struct answer *answer, char *reason, size_t reason_size,
		void (*id)(void *arg, const char *number, const char *id), void *arg);

	/* What the answer holds of the list in `sent`, the body of the request. */
	enum list_echo (*list_echo)(const struct config_platform *platform,
		const struct answer *answer, const char *sent);

	/* Whether an ACCOUNT reason may be a block that ends by itself after block_wait. */
	bool (*is_block)(const char *reason);

	/* Which numbers have earned `sum` (1/10000), of those added after since_s (Unix seconds; 0:
	 * of all). */
	int (*takeoff)(const struct config_platform *platform, int64_t sum, int64_t since_s,
		struct call *out);
	enum outcome (*takeoff_outcome)(const struct answer *answer, char *reason,
		size_t reason_size, takeoff_number_fn *number, void *arg);

	/* What the operator should do about an ACCOUNT reason; static, never NULL. */
	const char *(*advice)(const char *reason);
};

extern const struct platform_kind platform_onlinesim_push;
extern const struct platform_kind platform_onlinesim_pull;
extern const struct platform_kind platform_webhook;

/* For who asked by hand: 0, -EAGAIN, -EINVAL (rejected), -EACCES (account). */
int outcome_errno(enum outcome outcome);

/* Turns what is not A-Z a-z 0-9 _ - into '_'. */
void platform_clean_reason(char *reason);

/* By the kind's name; NULL if there is none. */
const struct platform_kind *platform_kind_find(const char *name);

#endif
