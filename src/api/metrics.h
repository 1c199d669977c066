/* metrics.h - GET /metrics: what the daemon knows, for Prometheus. */
#ifndef SIMGATE_API_METRICS_H
#define SIMGATE_API_METRICS_H

#include "api/control.h"

struct metrics;

/* view must outlive it. NULL if out of memory. */
struct metrics *metrics_new(const struct control_view *view);

/* After the server and the store are gone: nobody answers any more. Takes NULL. */
void metrics_free(struct metrics *metrics);

/* The routes, for a server; valid as long as the metrics. */
const struct http_route *metrics_routes(const struct metrics *metrics);

#endif
