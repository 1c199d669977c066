/* list_hook.h - the path at which a platform asks for its number list ("list online", 2019).
 *
 * The document says neither the method nor who may: GET and POST are taken, at /webhook/numbers
 * with the platform's key (Bearer, or ?apikey=), and at the platform's webhook_path without one.
 */
#ifndef SIMGATE_PLATFORM_LIST_HOOK_H
#define SIMGATE_PLATFORM_LIST_HOOK_H

#include "base/config.h"
#include "base/http.h"
#include "platform/roster.h"

struct list_hook;

/* Platform i and its list, NULL if it has none; false: there are no more. */
typedef bool list_hook_at_fn(
	void *arg, size_t i, const struct config_platform **platform, struct roster **roster);

/* NULL if out of memory. */
struct list_hook *list_hook_new(list_hook_at_fn *at, void *arg);

/* After the server, before the rosters. Takes NULL. */
void list_hook_free(struct list_hook *hook);

/* The routes, for a server; valid as long as the hook. */
const struct http_route *list_hook_routes(const struct list_hook *hook);

#endif
