/* history.h - the last hour by minutes: texts of all ports, texts and signal of each. */
#ifndef SIMGATE_API_HISTORY_H
#define SIMGATE_API_HISTORY_H

#include "api/control.h"
#include "api/json.h"

enum { HISTORY_MINUTES = 60 };

struct history;

/* Looks at the ports once a minute from now on. view must outlive it. NULL if out of memory. */
struct history *history_new(const struct control_view *view);

/* After the server: nobody answers any more. Takes NULL. */
void history_free(struct history *history);

/* GET /api/v1/history; valid as long as the history. */
const struct http_route *history_routes(const struct history *history);

/* "recent": what is known of a port by its id, the oldest minute first. */
void history_add_port(const struct history *history, const char *id, cJSON *json);

#endif
