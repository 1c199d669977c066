/* order.h - what a platform that pulls asks for, read from its JSON, and what it is answered. Pure.
 *
 * The calls are those of OnlineSim's reseller API v1, which are SMSHUB's agent protocol with other
 * names. What is read is hostile; what is printed has the types that the protocol's tests demand.
 */
#ifndef SIMGATE_PLATFORM_ORDER_H
#define SIMGATE_PLATFORM_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/http.h"

enum {
	ORDER_NAME_SIZE = 64,   /* of a country, an operator, a service, with NUL */
	ORDER_PREFIX_SIZE = 16, /* E.164 has 15 digits */
};

enum order_action {
	ORDER_SERVICES, /* GET_SERVICES */
	ORDER_NUMBER,   /* GET_NUMBER */
	ORDER_FINISH,   /* FINISH_ACTIVATION */
};

struct order_prefix {
	char digits[ORDER_PREFIX_SIZE];
};

/* Names are as they came, "" where absent. */
struct order_request {
	char key[HTTP_SECRET_MAX + 1]; /* "" where the body has none; never logged */
	enum order_action action;
	bool rent; /* the service is "rent", in whatever case */
	char country[ORDER_NAME_SIZE], operator_name[ORDER_NAME_SIZE], service[ORDER_NAME_SIZE];
	int64_t sum;  /* 1/10000 of a rouble; -1: not said */
	int currency; /* ISO 4217, 0: not said */
	int64_t activation_id;
	int status; /* 1, 3, 4, 5 */
	struct order_prefix *prefixes;
	size_t prefix_count;
};

/* Reads a request; rent: it came where an absent service is "rent". Integers may come as decimal
 * strings too, prefixes in an array or an object; what it does not know it ignores. 0; -EBADMSG: no
 * JSON object; -EINVAL: something is missing or wrong, *why (static) says what; -ENOMEM. out->key
 * is set with -EINVAL too. order_request_done() it in every case. */
int order_read(
	const char *body, size_t len, bool rent, struct order_request *out, const char **why);
void order_request_done(struct order_request *request);

/* Whether a number ("+4670...") begins with one of the prefixes. */
bool order_excludes(const struct order_request *request, const char *number);

/* Whether two names are the same but for case and for what is neither letter nor digit ("T-Mobile",
 * "tmobile"). Bytes past ASCII count as letters. */
bool order_same_name(const char *a, const char *b);

/* How many numbers can be had. */
struct order_offer {
	const char *country, *operator_name, *service;
	int64_t count;
};

/* Which operators are shown. */
enum order_operators {
	ORDER_OPERATORS_SUM,   /* each, and `any` with their sum: OnlineSim */
	ORDER_OPERATORS_NAMED, /* each: SMSHUB */
	ORDER_OPERATORS_ANY,   /* `any` alone: who cannot tell them apart */
};

/* The answers, allocated; NULL if out of memory. Sorts the offers; those that are the same are
 * added up. */
char *order_print_services(
	struct order_offer *offers, size_t count, enum order_operators operators);
char *order_print_number(const char *number, int64_t activation_id);
char *order_print_no_numbers(void);
char *order_print_success(void);
char *order_print_error(const char *error);

#endif
