/* alternative.h - the Alternative API: numbers, texts and rents for customers, over the HTTP calls
 * that clients of SMS-Activate make. */
#ifndef SIMGATE_PLATFORM_ALTERNATIVE_H
#define SIMGATE_PLATFORM_ALTERNATIVE_H

#include "base/config.h"
#include "base/http.h"
#include "platform/activation.h"
#include "platform/customers.h"

enum { ALTERNATIVE_WINDOW_MS = 15 * 60 * 1000 }; /* where neither service nor country says one */

struct alternative;

/* All of them must outlive it, config until alternative_reload(). */
struct alternative_parts {
	struct loop *loop;
	struct store *store;
	struct activations *activations;
	struct customers *customers;
	const struct config *config;
};

/* NULL: out of memory, or the configuration would not pass alternative_check(). */
struct alternative *alternative_new(const struct alternative_parts *parts);
void alternative_free(struct alternative *api); /* takes NULL */

/* What is wrong with a configuration that its reader cannot tell: patterns of codes, ids of
 * countries that are there twice. */
void alternative_check(const struct config *config, struct config_report *report);

/* Another configuration, which has passed the check, counts from now on. 0, or -ENOMEM: codes are
 * found as where no pattern is configured. */
int alternative_reload(struct alternative *api, const struct config *config);

/* An operation is closed: what was kept of its texts is forgotten. */
void alternative_closed(struct alternative *api, int64_t id);

/* The routes, for a listener; valid as long as the API. */
const struct http_route *alternative_routes(const struct alternative *api);

#endif
