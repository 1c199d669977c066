/* gateway_filters.c - which texts leave: the filters of the platforms, and what they withhold. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "gateway_impl.h"
#include "platform/filter.h"
#include "platform/route.h"

/* ---- the rules ------------------------------------------------------------------------------ */

void gateway_filter_names(const struct config *config, const char *names[CONFIG_PLATFORMS_MAX + 2])
{
	for (size_t i = 0; i < config->platform_count; i++)
		names[i] = config->platforms[i].name;
	names[config->platform_count] = CONFIG_CUSTOMERS;
	names[config->platform_count + 1] = NULL;
}

int gateway_filters_load(const struct config *config, struct config_report *report,
	struct filter *filters[CONFIG_PLATFORMS_MAX])
{
	const char *names[CONFIG_PLATFORMS_MAX + 2] = { NULL };
	size_t errors = report->errors;

	memset(filters, 0, CONFIG_PLATFORMS_MAX * sizeof(struct filter *));
	gateway_filter_names(config, names);
	for (size_t i = 0; i < config->platform_count; i++) {
		const char *setting = config->platforms[i].filter;
		size_t same = 0;
		while (strcmp(config->platforms[same].filter, setting) != 0)
			same++;
		if (same < i)
			filters[i] = filters[same];
		else
			filter_load(setting, names, report, &filters[i]);
	}
	if (report->errors == errors)
		return 0;
	gateway_filters_free(filters);
	return -EINVAL;
}

void gateway_filters_free(struct filter *filters[CONFIG_PLATFORMS_MAX])
{
	for (size_t i = 0; i < CONFIG_PLATFORMS_MAX; i++) {
		struct filter *filter = filters[i];
		for (size_t k = i; filter && k < CONFIG_PLATFORMS_MAX; k++)
			if (filters[k] == filter)
				filters[k] = NULL;
		filter_free(filter);
	}
}

void gateway_check(const struct config *config, struct config_report *report)
{
	struct filter *filters[CONFIG_PLATFORMS_MAX], **services;

	if (gateway_filters_load(config, report, filters) == 0)
		gateway_filters_free(filters);
	if (gateway_services_load(config, report, &services) == 0)
		gateway_services_free(services, config->service_count);
}

void gateway_filters_say(const struct config *config)
{
	size_t off = 0;

	for (size_t i = 0; i < config->platform_count; i++)
		if (strcmp(config->platforms[i].filter, FILTER_OFF) == 0)
			log_warning(LOGC_CONFIG, config->platforms[i].name, NULL,
				LOG_FIELDS(LOG_STR("filter", FILTER_OFF)),
				"the filter is off: texts of banks and of the operator's account "
				"pages go to this platform");
	for (size_t i = 0; i < config->number_count; i++)
		off += config->numbers[i].filter_off;
	if (off > 0)
		log_warning(LOGC_CONFIG, NULL, NULL, LOG_FIELDS(LOG_INT("cards", (int64_t)off)),
			"the numbers file switches the filter off for cards");
}

/* ---- texts ---------------------------------------------------------------------------------- */

size_t gateway_route(void *arg, const struct store_message *message, struct store_route *out)
{
	struct gateway *gateway = arg;
	const struct config_number *card = config_number_of(gateway->config, message->card_id);
	struct route_platform platforms[CONFIG_PLATFORMS_MAX + 1];
	size_t count = gateway->view.platform_count;

	for (size_t i = 0; i < count; i++) {
		const struct config_platform *config = gateway->platforms[i].config;
		bool off = card && card->filter_off;
		platforms[i] = (struct route_platform) {
			.name = config->name,
			.orders = config_platform_orders(config),
			.claims = outbox_wants(gateway->platforms[i].outbox),
			.rent = card && card->rent >= 0 ? card->rent > 0 : config->rent,
			.filter =
				off ? NULL : gateway->filters[config - gateway->config->platforms],
		};
	}
	platforms[count] = (struct route_platform) {
		.name = CONFIG_CUSTOMERS,
		.orders = true,
		.filter = card && card->filter_off ? NULL : gateway->customers_filter,
	};
	struct config_sellers sellers = config_sellers(
		gateway->config, gateway_bank(gateway->config, message->bank), message->card_id);
	const struct route_card where = {
		.sellers = sellers.names,
		.count = sellers.count,
		.open = gateway_route_open(gateway, message->card_id),
	};
	return route(&where, platforms, count + 1, message, out);
}

void gateway_note_withheld(const struct store_sms_result *result)
{
	char port[2 * STORE_NAME_SIZE];

	for (size_t i = 0; i < result->route_count; i++) {
		const struct store_route *route = &result->routes[i];
		if (route->state != STORE_WITHHELD)
			continue;
		filter_count(route->reason);
		snprintf(port, sizeof port, "%s/%s", result->message->bank, result->message->slot);
		log_notice(LOGC_SMS, port, "sms_filtered",
			LOG_FIELDS(LOG_STR("platform", route->platform),
				LOG_STR("reason", route->reason)),
			"a text is withheld: see simgatectl outbox");
	}
}
