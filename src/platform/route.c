/* route.c - the one place that decides where a text goes. */
#include "platform/route.h"

#include <string.h>

static bool sells(const struct config_bank *bank, const char *platform)
{
	for (size_t i = 0; i < bank->sell_count; i++)
		if (strcmp(bank->sell[i], platform) == 0)
			return true;
	return false;
}

size_t route(const struct config_bank *bank, const struct route_platform *platforms, size_t count,
	bool attributed, struct store_route *out)
{
	size_t rows = 0;

	for (size_t i = 0; i < count && rows < STORE_ROUTES_MAX; i++) {
		if (!sells(bank, platforms[i].name))
			continue;
		out[rows++] = (struct store_route) { .platform = platforms[i].name,
			.state = STORE_QUEUED,
			.reason = "",
			.claim = platforms[i].claims };
	}
	if (rows == 0)
		out[rows++] = (struct store_route) {
			.platform = "", .state = STORE_UNCLAIMED, .reason = ""
		};
	for (size_t i = 0; i < rows && !attributed; i++) {
		out[i].state = STORE_HELD;
		out[i].reason = "unattributed";
		out[i].claim = false;
	}
	return rows;
}
