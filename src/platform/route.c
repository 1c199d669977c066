/* route.c - the one place that decides where a text goes. */
#include "platform/route.h"

#include <string.h>

static bool sells(const struct config_bank *bank, const char *platform)
{
	for (size_t i = 0; bank && i < bank->sell_count; i++)
		if (strcmp(bank->sell[i], platform) == 0)
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

static struct store_route row_for(
	const struct route_platform *platform, const struct store_message *message)
{
	const struct filter_text text = { message->sender, message->text, message->card_id,
		platform->name, platform->rent };
	struct filter_decision decision = { .withheld = false };
	struct store_route row = { .platform = platform->name,
		.state = STORE_QUEUED,
		.reason = "",
		.claim = platform->claims };

	if (platform->filter)
		filter_decide(platform->filter, &text, &decision);
	if (decision.withheld)
		withhold(&row, decision.reason);
	else if (!message->card_id[0])
		hold(&row);
	return row;
}

size_t route(const struct config_bank *bank, const struct route_platform *platforms, size_t count,
	const struct store_message *message, struct store_route *out)
{
	size_t rows = 0;

	for (size_t i = 0; i < count && rows < STORE_ROUTES_MAX; i++)
		if (sells(bank, platforms[i].name))
			out[rows++] = row_for(&platforms[i], message);
	if (rows > 0)
		return rows;
	out[0] = (struct store_route) { .platform = "", .state = STORE_UNCLAIMED, .reason = "" };
	if (!message->card_id[0])
		hold(&out[0]);
	return 1;
}
