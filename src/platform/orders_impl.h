/* orders_impl.h - what the files of the orders share. */
#ifndef SIMGATE_PLATFORM_ORDERS_IMPL_H
#define SIMGATE_PLATFORM_ORDERS_IMPL_H

#include <sys/queue.h>

#include "platform/orders.h"

enum { ORDERS_ROUTES = 8 };

/* A platform that orders. */
struct seller {
	struct orders *orders;
	const struct config_platform *config;
	char *services;      /* its last answer to GET_SERVICES; NULL: none */
	uint64_t generation; /* of the activations, when that was made */
};

struct order_call;

struct orders {
	struct loop *loop;
	struct activations *activations;
	const struct config *config;
	const struct names *names;
	struct seller *sellers;
	size_t seller_count;
	LIST_HEAD(, order_call) calls;
	bool stopping;
	struct http_route routes[ORDERS_ROUTES];
};

/* ---- orders_services.c ---------------------------------------------------------------------- */

/* The answer to GET_SERVICES, valid until the next turn of the loop; NULL if out of memory. */
const char *seller_services(struct seller *seller);

/* Whether the card may be rented: by its own word, else by the platform's. */
bool seller_rents(const struct seller *seller, const struct store_sellable *card);

/* When an operation whose answer nobody got ends by itself; 0: never. */
int64_t seller_release_ms(const struct seller *seller, bool rent);

void sellers_free(struct orders *orders);

#endif
