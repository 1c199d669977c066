/* platform.h - the platform double: what it checks, keeps and answers. */
#ifndef PLATFORM_H
#define PLATFORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cjson/cJSON.h>

enum platform_call {
	PLATFORM_LIST,
	PLATFORM_MESSAGE,
	PLATFORM_BATCH,
	PLATFORM_TAKEOFF,
	PLATFORM_PUSH, /* of texts of operations, by a platform that pulls */
	PLATFORM_PUSH_RENT,
	PLATFORM_PUSH_HUB, /* SMSHUB's */
	PLATFORM_HOOK,     /* not the platform's: a webhook's receiver, beside it */
	PLATFORM_CALLS
};

struct platform_request {
	const char *method, *path;
	const char *authorization, *content_type, *user_agent, *content_encoding; /* or NULL */
	const char *stamp, *signature; /* of a webhook; or NULL */
	const char *sum, *date;        /* of the query; or NULL */
	unsigned query_count;          /* arguments of the query in all */
	const char *body;              /* ends with NUL */
	size_t len;
};

enum platform_how { PLATFORM_ANSWER, PLATFORM_HANG, PLATFORM_CUT };

struct platform_answer {
	enum platform_how how;
	unsigned status;
	unsigned delay_ms;
	unsigned retry_after_s; /* 0: not said */
	char *body;             /* the caller frees */
};

/* What was found wrong: an HTTP status, the platform's code, and the reason for people. */
struct platform_fault {
	unsigned status;
	const char *code;
	char why[256];
};

struct platform;

/* platform_check.c: the letter of the interface */

/* list_name: numbers (2020 on), or number and list with the fields of 2019. */
bool check_request(const struct platform_request *request, const char *key,
	enum platform_call *call, struct platform_fault *fault);
bool check_body(enum platform_call call, const char *list_name, const cJSON *root,
	struct platform_fault *fault);
/* NULL when the bytes are no JSON object in UTF-8, or something follows it. */
cJSON *check_parse(const char *body, size_t len, struct platform_fault *fault);

/* Whether text is that signature over STAMP "." BODY, and the time about now. */
bool check_signature(
	const struct platform_request *request, const char *key, struct platform_fault *fault);

/* A text of an operation: the exact type of each field. */
bool check_push(enum platform_call call, const char *key, bool phone_string, const cJSON *root,
	struct platform_fault *fault);

/* platform_state.c: all of it locked inside */

int64_t platform_now_us(void);
struct platform *platform_new(
	const char *key, const char *hook_key, const char *list_name, const char *log_path);
void platform_free(struct platform *platform);
void platform_serve(struct platform *platform, const struct platform_request *request,
	struct platform_answer *answer);
void platform_connected(struct platform *platform);
/* platform_command.c: all control commands but those about listening. False for an unknown one. */
bool platform_command(struct platform *platform, const char *word, char *args, FILE *reply);

#endif
