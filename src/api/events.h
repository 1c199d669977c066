/* events.h - GET /api/v1/events: what changes, as server-sent events. */
#ifndef SIMGATE_API_EVENTS_H
#define SIMGATE_API_EVENTS_H

#include "api/control.h"

struct events;

/* Looks at ports, messages and platforms while somebody listens, and only then: nothing in their
 * ways has to tell it. Each event is made once for all who listen:
 *
 *   hello    once, first: from here on nothing is missed. {}
 *   port     a port as in /api/v1/ports, when something of it has changed; not for its ages alone
 *   message  a message as in /api/v1/messages, when it is new or its state has changed
 *   status   as /api/v1/status: when a platform or the store changes, and every 10 s
 *   resync   which ports there are has changed: all is to be asked for again. {}
 *
 * Who falls behind by EVENTS_KEPT octets is cut off and counted. view must outlive it. NULL if out
 * of memory. */
enum { EVENTS_KEPT = 256 * 1024 };

struct events *events_new(const struct control_view *view);

/* After the server and the store are gone. Takes NULL. */
void events_free(struct events *events);

/* The routes, for a server; valid as long as the events. */
const struct http_route *events_routes(const struct events *events);

#endif
