/* route.c - the one place that decides where a text goes. */
#include "platform/route.h"

#include <string.h>

#include "store/store_orders.h"

static bool sells(const struct route_card *card, const char *platform)
{
	for (size_t i = 0; i < card->count; i++)
		if (strcmp(card->sellers[i], platform) == 0)
			return true;
	return false;
}

/* Nobody knows which card an unattributed text came to. */
static void hold(struct store_route *row)
{
	row->state = STORE_HELD;
	row->reason = "unattributed";
	row->claim = false;
}

static void withhold(struct store_route *row, const char *reason)
{
	row->state = STORE_WITHHELD;
	row->reason = reason;
	row->claim = false;
}

static bool of_service(
	const struct route_open *open, const struct store_message *message, const char *platform)
{
	const struct filter_text text = { message->sender, message->text, message->card_id,
		platform, open->rent };
	struct filter_decision decision;

	if (!open->service || open->rent)
		return true;
	filter_decide(open->service, &text, &decision);
	return decision.line > 0 && !decision.withheld;
}

/* Why a text is none of the open operation's; NULL: it is. */
static const char *not_of(const struct route_open *open, const struct store_message *message)
{
	if (!open->id)
		return "";
	if (message->arrived_ms < open->opened_ms ||
		(message->sent_ms && message->sent_ms < open->opened_ms - ROUTE_LATE_MS))
		return "before_order";
	return of_service(open, message, open->seller) ? NULL : "other_service";
}

static struct store_route row_for(const struct route_platform *platform,
	const struct route_open *open, const struct store_message *message)
{
	const struct filter_text text = { message->sender, message->text, message->card_id,
		platform->name, platform->orders ? open->rent : platform->rent };
	struct filter_decision decision = { .withheld = false };
	struct store_route row = { .platform = platform->name,
		.state = STORE_QUEUED,
		.reason = "",
		.claim = platform->claims,
		.activation = platform->orders ? open->id : 0,
		.open = open->id };

	if (platform->orders && strcmp(platform->name, STORE_CUSTOMERS) == 0) {
		row.state = STORE_DELIVERED;
		row.claim = false;
	}
	if (platform->filter)
		filter_decide(platform->filter, &text, &decision);
	if (decision.withheld)
		withhold(&row, decision.reason);
	else if (!message->card_id[0])
		hold(&row);
	return row;
}

size_t route(const struct route_card *card, const struct route_platform *platforms, size_t count,
	const struct store_message *message, struct store_route *out)
{
	const char *why_not = not_of(&card->open, message);
	size_t rows = 0;

	for (size_t i = 0; i < count && rows < STORE_ROUTES_MAX; i++) {
		const struct route_platform *platform = &platforms[i];
		bool gets = platform->orders
				    ? !why_not && !strcmp(platform->name, card->open.seller)
				    : sells(card, platform->name);
		if (gets)
			out[rows++] = row_for(platform, &card->open, message);
	}
	if (rows > 0)
		return rows;
	out[0] = (struct store_route) { .platform = "",
		.state = STORE_UNCLAIMED,
		.reason = why_not ? why_not : "",
		.open = card->open.id };
	if (!message->card_id[0])
		hold(&out[0]);
	return 1;
}
