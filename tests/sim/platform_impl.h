/* platform_impl.h - what platform_state.c and platform_command.c share. */
#ifndef PLATFORM_IMPL_H
#define PLATFORM_IMPL_H

#include "platform.h"

#include <pthread.h>

enum { NUMBERS_MAX = 8192, WHYS = 16, FIRST_ID = 810001, HOOKS_MAX = 1 << 16 };

/* How a code is written in an answer. */
enum platform_form { FORM_OBJECT, FORM_STRING, FORM_PLAIN };

enum platform_account {
	ACCOUNT_ON,
	ACCOUNT_OFF,
	ACCOUNT_NO_KEY,
	ACCOUNT_BLOCKED,
	ACCOUNT_DISABLED,
	ACCOUNT_IP
};

/* Scripted trouble for the next calls of one kind; each count goes down to 0. */
struct script {
	long fail, hang, cut, lie;
	bool cut_keeps;
	unsigned status;
	char *body;
};

/* A number ever listed, or named by a command. Its id is its place. */
struct number {
	char *text;
	bool listed, was_listed, unknown, refused;
	double profit;
};

struct platform {
	pthread_mutex_t lock;
	char *key, *hook_key, *list_name;
	FILE *log;
	enum platform_account account;
	enum platform_form form;
	bool remembers;         /* numbers that are no longer listed */
	unsigned unknown_calls; /* bits: calls that this server does not have */
	unsigned slow_ms, retry_after_s;
	bool phone_string; /* how a push must write a number */
	cJSON *pushed;     /* texts that were taken, printed */
	unsigned long pushes;
	int capacity; /* more numbers than these in a list block it; 0: any */
	int64_t block_ms, blocked_until_us;
	struct script scripts[PLATFORM_CALLS];
	struct number numbers[NUMBERS_MAX];
	unsigned number_count;
	cJSON *list;    /* last accepted, or NULL */
	uint64_t *seen; /* hashes of the messages, open addressing; 0 is free */
	size_t seen_room;
	uint64_t hook_ids[HOOKS_MAX];
	unsigned long messages, lists, tests, doubles, violations, requests, connections, refused,
		batches, hooks, hook_repeats;
	char *whys[WHYS];
};

/* The entry of a number, made if need be; NULL when there are too many. */
struct number *platform_number(struct platform *platform, const char *text);

void platform_log(struct platform *platform, int64_t now_us, const char *kind, cJSON *line);
void platform_violated(struct platform *platform, int64_t now_us, const char *why);

/* ---- platform_push.c ------------------------------------------------------------------------ */

void platform_refuse_push(struct platform *platform, int64_t now_us, const cJSON *root);
void platform_take_push(struct platform *platform, int64_t now_us, const cJSON *root,
	struct platform_answer *answer);

#endif
