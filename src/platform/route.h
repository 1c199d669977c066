/* route.h - the one place that decides where a text goes. */
#ifndef SIMGATE_PLATFORM_ROUTE_H
#define SIMGATE_PLATFORM_ROUTE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/config.h"
#include "platform/filter.h"
#include "store/store.h"

/* What routing must know of each platform, and of STORE_CUSTOMERS where numbers are sold to them.
 */
struct route_platform {
	const char *name;
	bool claims;           /* its outbox takes a text at once */
	bool orders;           /* sells by orders: it gets what belongs to its operations alone */
	bool rent;             /* sells otherwise, and offers the text's card for rent */
	struct filter *filter; /* NULL: lets all through */
};

/* The operation open on the text's card; id 0: none. */
struct route_open {
	int64_t id, opened_ms;
	const char *seller;
	bool rent;
	struct filter *service; /* what is a text of its service: it is decided by some rule; NULL:
				   any */
};

enum { ROUTE_LATE_MS = 2 * 60 * 1000 };

/* Fills out[] (room for STORE_ROUTES_MAX) with a row for each receiver; sellers: names of those
 * that sell the card. A platform that does not sell by orders gets each text of the card; a seller
 * by orders those of its open operation: the text arrived after the order, bears no valid time more
 * than ROUTE_LATE_MS before it, and is the service's. A customer's text is DELIVERED at once, under
 * the name STORE_CUSTOMERS: it is kept for him to read. One row UNCLAIMED with platform "" says
 * that nobody gets it, with a reason where an operation is open: "before_order", "other_service". A
 * row is WITHHELD with the filter's reason where that says so; else HELD with reason "unattributed"
 * if the message has no card_id. Reasons are valid as long as the filters. Returns the rows. */
struct route_card {
	char *const *sellers;
	size_t count;
	struct route_open open;
};
size_t route(const struct route_card *card, const struct route_platform *platforms, size_t count,
	const struct store_message *message, struct store_route *out);

#endif
