/* health.h - /healthz and /readyz: two lines for load balancers and watchers. */
#ifndef SIMGATE_API_HEALTH_H
#define SIMGATE_API_HEALTH_H

#include "api/control.h"

struct health;

/* alive: whether the store makes progress. view must outlive it. NULL if out of memory. */
struct health *health_new(const struct control_view *view, bool (*alive)(void *arg), void *arg);
void health_free(struct health *health);

/* The routes, for a server; valid as long as the health. */
const struct http_route *health_routes(const struct health *health);

#endif
