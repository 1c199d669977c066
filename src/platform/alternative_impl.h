/* alternative_impl.h - what the rooms of the Alternative API share. */
#ifndef SIMGATE_PLATFORM_ALTERNATIVE_IMPL_H
#define SIMGATE_PLATFORM_ALTERNATIVE_IMPL_H

#include <cjson/cJSON.h>

#include "platform/alternative.h"
#include "platform/alternative_text.h"
#include "platform/pattern.h"

enum {
	ARG_ACTION_SIZE = 40,
	ARG_NUMBER_SIZE = 24,
	ARG_EXCEPTIONS_SIZE = 1200,
	NEWEST_BUCKETS = 4096,
	FINAL_MS = 24 * 3600 * 1000, /* so long the state of what is closed is told */
};

/* The answers to polls for an operation with texts, as of its newest one. */
struct newest {
	struct newest *next;
	int64_t id;
	char message_id[STORE_ID_SIZE];
	char *code, *full; /* of a single service; NULL for a rent */
	char *rent;        /* getRentStatus; NULL for a single service */
};

struct alternative {
	struct alternative_parts parts;
	struct patterns *patterns;
	struct pattern **codes; /* of each service of the configuration; NULL: it has none */
	struct newest *newest[NEWEST_BUCKETS];
	struct http_route routes[3]; /* ends with an empty one */
};

/* A request taken apart. Parameters are "" where there are none; one that is too long for what it
 * may say is "?", which nothing is called. */
struct call_in {
	struct alternative *api;
	struct http_request *request;
	struct customer *customer;  /* until the loop turns: NULL in a copy that waits */
	char name[STORE_NAME_SIZE]; /* the customer's */
	char action[ARG_ACTION_SIZE], service[ARG_ACTION_SIZE];
	char country[ARG_NUMBER_SIZE], id[ARG_NUMBER_SIZE], status[ARG_NUMBER_SIZE];
	char time[ARG_NUMBER_SIZE], exceptions[ARG_EXCEPTIONS_SIZE];
	int64_t activation; /* of a copy that waits */
	int done;           /* status of the setStatus or setRentStatus that waits */
};

typedef void action_fn(struct call_in *call);

/* ---- alternative.c -------------------------------------------------------------------------- */

/* Answers: text, or JSON, which is freed (NULL: no memory). The call is over for its action. */
void answer_text(struct http_request *request, const char *text);
void answer_json(struct http_request *request, cJSON *json);
void answer_body(struct http_request *request, const char *json);
void answer_rent_error(struct http_request *request, const char *message);

/* The store failed, or there is no memory. */
void answer_failure(struct http_request *request);

/* A copy for what waits on the store; the caller frees it. NULL: it was answered. */
struct call_in *call_keep(const struct call_in *call);

/* The operation that `id` names if it is his, open, and of this kind; NULL. */
const struct store_activation *call_activation(const struct call_in *call, bool rent);

/* `id` as a number; 0: it is none. */
int64_t call_id(const struct call_in *call);

/* A number without its '+', and without its calling code too. */
const char *digits_of(const char *number);
const char *national_of(const char *number);

/* ---- alternative_newest.c: answers to polls, kept in memory ---------------------------------- */

/* Of an operation that has texts, if it is still as of its newest one; NULL. */
struct newest *newest_of(struct alternative *api, const struct store_activation *activation);

/* Keeps what is to be answered for it; the strings are taken over (NULL: no memory for them, then
 * all are freed). NULL: out of memory. */
struct newest *newest_keep(
	struct alternative *api, const struct store_activation *activation, struct newest answers);
void newest_forget(struct alternative *api, int64_t id);
void newest_forget_all(struct alternative *api);

/* "STATUS_OK:..." without its head, and "FULL_SMS:..." as a whole; the caller frees them. NULL: out
 * of memory. */
char *newest_code(struct alternative *api, const char *service, const char *text);
char *newest_full(const char *sender, const char *text);

/* ---- alternative_lists.c: what there is to order -------------------------------------------- */

action_fn action_countries, action_numbers_status, action_rent_services;

/* The country that a customer's id names; NULL. */
const struct country *country_of_id(const struct config *config, const char *text);

/* [country] of a country; NULL: there is none. */
const struct config_country *country_config(
	const struct config *config, const struct country *country);

/* What is wanted of a card. */
struct wish {
	const struct customer *customer;
	const struct country *country; /* NULL: any that he may order */
	const char *service;
	bool rent;
	const struct exceptions *exceptions; /* NULL: none */
};

/* Whether a card can be ordered now and fits. */
bool card_fits(
	struct alternative *api, const struct activation_card *card, const struct wish *wish);

/* ---- alternative_orders.c, alternative_rent.c ------------------------------------------------ */

action_fn action_number, action_status, action_full_sms, action_set_status;
action_fn action_rent_number, action_rent_list, action_rent_status, action_set_rent_status;

/* Puts the order for the first card that fits. done(): err or why as of the store; arg is the copy
 * of the call. span_ms 0: it lasts as the card's country says. */
void place_order(struct call_in *call, const struct wish *wish, int64_t price, int64_t span_ms,
	store_order_fn *done);

/* Closes the operation of a copy of a call, with its `done`: as sold, or cancelled and paid back.
 * done(): denied: cancelled it cannot be, for a text has come; arg is the copy. */
void close_order(struct call_in *call, bool sold, store_closed_fn *done);

#endif
