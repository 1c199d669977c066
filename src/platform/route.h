/* route.h - the one place that decides where a text goes. Pure. */
#ifndef SIMGATE_PLATFORM_ROUTE_H
#define SIMGATE_PLATFORM_ROUTE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/config.h"
#include "store/store.h"

/* What routing must know of each platform. */
struct route_platform {
	const char *name;
	bool claims; /* its outbox takes a text at once */
};

/* Fills out[] (room for STORE_ROUTES_MAX) with a row for each platform that sells the bank's cards;
 * one row UNCLAIMED with platform "" if none does. attributed false: nobody knows which card the
 * text came to, so that every row is HELD with reason "unattributed". Returns the rows. */
size_t route(const struct config_bank *bank, const struct route_platform *platforms, size_t count,
	bool attributed, struct store_route *out);

#endif
