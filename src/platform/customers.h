/* customers.h - who may order, as the loop sees it: keys, limits, prices. A cache of the store and
 * the configuration. */
#ifndef SIMGATE_PLATFORM_CUSTOMERS_H
#define SIMGATE_PLATFORM_CUSTOMERS_H

#include <stdbool.h>

#include "base/config.h"
#include "base/countries.h"
#include "base/loop.h"
#include "store/store_orders.h"

enum {
	CUSTOMERS_REFRESH_MS = 30 * 1000, /* the store is read again: other hosts change it too */
	CUSTOMER_RATE = 60000,            /* calls a minute of those made by hand */
};

struct customers;

struct customer {
	char name[STORE_NAME_SIZE];
	char key_hash[STORE_KEY_HASH_SIZE];
	bool off;                             /* disabled, or gone from the configuration */
	const struct config_customer *config; /* NULL: made by hand */
	int64_t tokens, filled_ms;            /* of the limit of his calls */
};

/* Puts the configuration's customers into the store and reads all. config must outlive it, or
 * customers_reload(). NULL: out of memory. */
struct customers *customers_new(
	struct loop *loop, struct store *store, const struct config *config);
void customers_free(struct customers *customers); /* before the store; takes NULL */

/* Another configuration counts from now on. */
void customers_reload(struct customers *customers, const struct config *config);

/* Reads the store again: something was changed by hand. */
void customers_refresh(struct customers *customers);

/* Read once at least since the start: before, nobody is known. */
bool customers_ready(const struct customers *customers);

/* Whose key this is; NULL: nobody's. Valid until the loop turns. */
struct customer *customers_find(const struct customers *customers, const char *key);

/* Whether one more call is within his limit, which it then uses up. */
bool customer_may_call(struct customer *customer, int64_t now_ms);

/* What he pays, 1/10000 USD; -1: he cannot order it. */
int64_t customer_price(const struct customer *customer, const struct config_service *service);
int64_t customer_rent_price(const struct customer *customer); /* a day */

bool customer_may_country(const struct customer *customer, const struct country *country);

#endif
