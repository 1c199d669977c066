/* route.h - the one place that decides where a text goes. */
#ifndef SIMGATE_PLATFORM_ROUTE_H
#define SIMGATE_PLATFORM_ROUTE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/config.h"
#include "platform/filter.h"
#include "store/store.h"

/* What routing must know of each platform. */
struct route_platform {
	const char *name;
	bool claims;           /* its outbox takes a text at once */
	bool rent;             /* it offers the text's card for rent */
	struct filter *filter; /* NULL: lets all through */
};

/* Fills out[] (room for STORE_ROUTES_MAX) with a row for each platform that sells the bank's cards;
 * one row UNCLAIMED with platform "" if none does, or if the bank left the configuration (NULL). A
 * row is WITHHELD with the filter's reason where that says so; else HELD with reason "unattributed"
 * if the message has no card_id. Reasons are valid as long as the filters. Returns the rows. */
size_t route(const struct config_bank *bank, const struct route_platform *platforms, size_t count,
	const struct store_message *message, struct store_route *out);

#endif
