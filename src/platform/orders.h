/* orders.h - the paths at which a platform that pulls asks for counts, orders numbers and ends its
 * operations (kind onlinesim-pull).
 *
 * Every path takes every call: `action` in the body says which it is. Platforms are told apart by
 * their key. What the protocol has an answer for is answered with 200. A number is told once its
 * operation is durable; that the answer has left is noted in the operation.
 */
#ifndef SIMGATE_PLATFORM_ORDERS_H
#define SIMGATE_PLATFORM_ORDERS_H

#include "base/config.h"
#include "base/http.h"
#include "platform/activation.h"
#include "platform/names.h"

struct orders;

/* activations and names must outlive it, config is that of the names. NULL if out of memory. */
struct orders *orders_new(struct loop *loop, struct activations *activations,
	const struct config *config, const struct names *names);

/* The configuration is another one; NULL: there is none. 0, or -ENOMEM: then nobody is served. */
int orders_configure(struct orders *orders, const struct config *config, const struct names *names);

/* No number is given any more; operations may still be ended. */
void orders_stop(struct orders *orders);

/* After the server, so that nobody waits for a reply, and before the activations. Takes NULL. */
void orders_free(struct orders *orders);

/* The routes, for a server; valid as long as the orders. */
const struct http_route *orders_routes(const struct orders *orders);

#endif
