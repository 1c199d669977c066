/* dashboard.h - the operator's page at "/", and what it is made of. */
#ifndef SIMGATE_API_DASHBOARD_H
#define SIMGATE_API_DASHBOARD_H

#include "base/http.h"

/* The routes, for a server. */
const struct http_route *dashboard_routes(void);

#endif
