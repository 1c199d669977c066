/* customers.c - who may order, as the loop sees it. */
#include "platform/customers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/http.h"
#include "base/log.h"
#include "platform/key_hash.h"

enum {
	AGAIN_MS = 1000,     /* after the store failed */
	PREFIX = 16,         /* digits of a hash that are looked up before all are compared */
	CALL_COST = 60000,   /* a token is a minute's 60000th, in milliseconds */
	BURST_MIN = 10,      /* calls at once, whatever the limit */
	BURST_OF_MINUTE = 6, /* else so large a part of a minute's */
};

struct customers {
	struct loop *loop;
	struct store *store;
	const struct config *config;
	struct loop_timer timer;
	struct customer *rows; /* by key_hash */
	size_t count;
	bool loaded; /* the store has the configuration's */
};

/* ---- reading -------------------------------------------------------------------------------- */

static int by_hash(const void *a, const void *b)
{
	return strncmp(((const struct customer *)a)->key_hash,
		((const struct customer *)b)->key_hash, PREFIX);
}

static const struct config_customer *config_of(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->customer_count; i++)
		if (strcmp(config->customers[i].name, name) == 0)
			return &config->customers[i];
	return NULL;
}

static int64_t rate_of(const struct customer *customer)
{
	return customer->config ? customer->config->rate : CUSTOMER_RATE;
}

static int64_t burst_of(const struct customer *customer)
{
	int64_t burst = rate_of(customer) / BURST_OF_MINUTE;

	return burst > BURST_MIN ? burst : BURST_MIN;
}

/* A limit goes on where it was. */
static void keep_tokens(const struct customers *customers, struct customer *customer)
{
	customer->tokens = CALL_COST * burst_of(customer);
	customer->filled_ms = loop_now_ms(customers->loop);
	for (size_t i = 0; i < customers->count; i++)
		if (strcmp(customers->rows[i].name, customer->name) == 0) {
			customer->tokens = customers->rows[i].tokens;
			customer->filled_ms = customers->rows[i].filled_ms;
		}
}

static void on_rows(void *arg, int err, const struct store_customer *rows, size_t count)
{
	struct customers *customers = arg;
	struct customer *fresh = err ? NULL : calloc(count + 1, sizeof *fresh);

	loop_timer_start(&customers->timer, fresh ? CUSTOMERS_REFRESH_MS : AGAIN_MS);
	if (!fresh)
		return;
	for (size_t i = 0; i < count; i++) {
		struct customer *customer = &fresh[i];
		customer->off = rows[i].disabled || rows[i].gone;
		snprintf(customer->name, sizeof customer->name, "%s", rows[i].name);
		snprintf(customer->key_hash, sizeof customer->key_hash, "%s", rows[i].key_hash);
		customer->config = config_of(customers->config, customer->name);
		keep_tokens(customers, customer);
	}
	qsort(fresh, count, sizeof *fresh, by_hash);
	free(customers->rows);
	customers->rows = fresh;
	customers->count = count;
}

void customers_refresh(struct customers *customers)
{
	store_customers(customers->store, on_rows, customers);
}

static void on_loaded(void *arg, int err)
{
	static struct log_limit limit = { .period_ms = 60000, .burst = 1 };
	struct customers *customers = arg;

	customers->loaded = !err;
	if (err && err != -EAGAIN && log_limit(&limit)) /* that the server is away is told */
		log_error(LOGC_PLATFORM, NULL, NULL, LOG_FIELDS(LOG_STR("reason", strerror(-err))),
			"the configuration's customers could not be stored: tried again");
	if (err)
		loop_timer_start(&customers->timer, AGAIN_MS);
	else
		customers_refresh(customers);
}

static void load(struct customers *customers)
{
	const struct config *config = customers->config;
	size_t count = config->customer_count;
	struct store_customer *rows = calloc(count + 1, sizeof *rows);
	char(*hashes)[STORE_KEY_HASH_SIZE] = calloc(count + 1, sizeof *hashes);

	for (size_t i = 0; rows && hashes && i < count; i++) {
		key_hash(config->customers[i].key, hashes[i]);
		rows[i] = (struct store_customer) { .name = config->customers[i].name,
			.key_hash = hashes[i],
			.configured = true,
			.balance = config->customers[i].balance };
	}
	if (rows && hashes)
		store_customers_load(customers->store, rows, count, loop_wall_ms(customers->loop),
			on_loaded, customers);
	else
		loop_timer_start(&customers->timer, AGAIN_MS);
	free(rows);
	free(hashes);
}

static void on_timer(void *arg)
{
	struct customers *customers = arg;

	if (customers->loaded)
		customers_refresh(customers);
	else
		load(customers);
}

struct customers *customers_new(struct loop *loop, struct store *store, const struct config *config)
{
	struct customers *customers = calloc(1, sizeof *customers);

	if (!customers)
		return NULL;
	customers->loop = loop;
	customers->store = store;
	customers->config = config;
	loop_timer_init(&customers->timer, loop, on_timer, customers);
	load(customers);
	return customers;
}

void customers_free(struct customers *customers)
{
	if (!customers)
		return;
	loop_timer_stop(&customers->timer);
	free(customers->rows);
	free(customers);
}

/* One whom it no longer has is nobody's from now on, not only once the store says so. */
void customers_reload(struct customers *customers, const struct config *config)
{
	for (size_t i = 0; i < customers->count; i++) {
		struct customer *customer = &customers->rows[i];
		bool was = customer->config != NULL;
		customer->config = config_of(config, customer->name);
		customer->off = customer->off || (was && !customer->config);
	}
	customers->config = config;
	customers->loaded = false;
	load(customers);
}

/* ---- asking --------------------------------------------------------------------------------- */

bool customers_ready(const struct customers *customers)
{
	return customers->rows != NULL;
}

struct customer *customers_find(const struct customers *customers, const char *key)
{
	struct customer wanted, *found, *end = customers->rows + customers->count;

	key_hash(key, wanted.key_hash);
	found = customers->count ? bsearch(&wanted, customers->rows, customers->count,
					   sizeof wanted, by_hash)
				 : NULL;
	while (found && found > customers->rows && by_hash(found - 1, &wanted) == 0)
		found--;
	for (; found && found < end && by_hash(found, &wanted) == 0; found++)
		if (http_key_equal(wanted.key_hash, found->key_hash))
			return found;
	return NULL;
}

bool customer_may_call(struct customer *customer, int64_t now_ms)
{
	int64_t rate = rate_of(customer), most = CALL_COST * burst_of(customer);
	int64_t passed = now_ms - customer->filled_ms;

	if (rate == 0)
		return true;
	customer->filled_ms = now_ms;
	if (passed > most / rate) /* so that the product cannot overflow */
		customer->tokens = most;
	else
		customer->tokens += passed * rate;
	if (customer->tokens > most)
		customer->tokens = most;
	if (customer->tokens < CALL_COST)
		return false;
	customer->tokens -= CALL_COST;
	return true;
}

static bool may_service(const struct config_customer *config, const char *slug)
{
	for (size_t i = 0; i < config->service_count; i++)
		if (strcmp(config->services[i], slug) == 0)
			return true;
	return config->service_count == 0;
}

int64_t customer_price(const struct customer *customer, const struct config_service *service)
{
	const struct config_customer *config = customer->config;

	if (config && !may_service(config, service->name))
		return -1;
	for (size_t i = 0; config && i < config->price_count; i++)
		if (strcmp(config->prices[i].service, service->name) == 0)
			return config->prices[i].price;
	return service->price;
}

int64_t customer_rent_price(const struct customer *customer)
{
	return customer->config && may_service(customer->config, STORE_RENT)
		       ? customer->config->rent_price
		       : -1;
}

/* Countries are named as their sections are: "46" for all that share the code, "mcc250". */
bool customer_may_country(const struct customer *customer, const struct country *country)
{
	const struct config_customer *config = customer->config;
	char name[16];

	if (!config || config->country_count == 0)
		return true;
	for (size_t i = 0; i < config->country_count; i++) {
		snprintf(name, sizeof name, "%d", country->calling);
		if (strcmp(config->countries[i], name) == 0)
			return true;
		for (size_t m = 0; m < COUNTRY_MCC_MAX && country->mcc[m]; m++) {
			snprintf(name, sizeof name, "mcc%d", country->mcc[m]);
			if (strcmp(config->countries[i], name) == 0)
				return true;
		}
	}
	return false;
}
