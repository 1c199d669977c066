/* gateway_orders.c - what is ordered: who sells what, the services' rules, the table of operations.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/config_file.h"
#include "gateway_impl.h"
#include "platform/filter.h"

enum { OTHERS_MS = 1500 }; /* what other hosts did is seen so often */

/* ---- what is a text of a service ------------------------------------------------------------ */

/* Rules of the service as a filter file has them; each decides that the text is the service's. */
static char *rules_text(const struct config_match *matches, size_t count, size_t *len)
{
	char *text = NULL;
	FILE *file = open_memstream(&text, len);

	if (!file)
		return NULL;
	for (size_t i = 0; i < count; i++)
		fprintf(file, "allow %s\n", matches[i].rule);
	if (fclose(file) == 0)
		return text;
	free(text);
	return NULL;
}

static struct filter *rules_read(const struct config_match *matches, size_t count,
	const struct filter_source *source, struct config_report *report)
{
	struct filter_source from = *source;
	size_t len = 0;
	char *text = rules_text(matches, count, &len);
	struct filter *filter = NULL;

	from.file = text ? fmemopen(text, len, "r") : NULL;
	if (from.file) {
		filter = filter_read(&from, report);
		fclose(from.file);
	} else {
		config_error(report, (struct config_place) { from.name, from.first_line },
			"out of memory");
	}
	free(text);
	return filter;
}

/* Rule by rule first, so that a fault is named with its own line. */
static struct filter *service_read(const struct config_service *service,
	const char *const *platforms, struct config_report *report)
{
	struct filter_source source = { .name = service->file, .platforms = platforms };
	size_t errors = report->errors;

	for (size_t i = 0; i < service->match_count; i++) {
		source.first_line = service->matches[i].line;
		filter_free(rules_read(&service->matches[i], 1, &source, report));
	}
	if (report->errors > errors)
		return NULL;
	source.first_line = service->line;
	return rules_read(service->matches, service->match_count, &source, report);
}

void gateway_services_free(struct filter **services, size_t count)
{
	for (size_t i = 0; services && i < count; i++)
		filter_free(services[i]);
	free(services);
}

int gateway_services_load(
	const struct config *config, struct config_report *report, struct filter ***out)
{
	const char *names[CONFIG_PLATFORMS_MAX + 2] = { NULL };
	struct filter **services = calloc(config->service_count + 1, sizeof(struct filter *));
	size_t errors = report->errors;

	gateway_filter_names(config, names);
	if (!services)
		config_error(report, (struct config_place) { config->file, 0 }, "out of memory");
	for (size_t i = 0; services && i < config->service_count; i++)
		if (config->services[i].match_count)
			services[i] = service_read(&config->services[i], names, report);
	alternative_check(config, report);
	if (report->errors == errors) {
		*out = services;
		return 0;
	}
	gateway_services_free(services, config->service_count);
	return -EINVAL;
}

/* ---- routing -------------------------------------------------------------------------------- */

struct route_open gateway_route_open(const struct gateway *gateway, const char *card_id)
{
	const struct store_activation *open = NULL;
	const struct config_service *service = NULL;

	if (gateway->activations && *card_id)
		open = activation_open(gateway->activations, card_id);
	if (!open)
		return (struct route_open) { 0 };
	if (*open->customer)
		service = config_service(gateway->config, open->service);
	return (struct route_open) {
		.id = open->id,
		.opened_ms = open->opened_ms,
		.seller = open->seller,
		.rent = open->rent,
		.service = service ? gateway->services[service - gateway->config->services] : NULL,
	};
}

void gateway_on_moved(void *arg, const char *card_id, const struct store_activation *open)
{
	struct gateway *gateway = arg;

	activation_moved(gateway->activations, card_id, open);
}

/* ---- who sells ------------------------------------------------------------------------------ */

static void on_banks_told(void *arg, int err)
{
	struct gateway *gateway = arg;

	if (err)
		loop_timer_start(&gateway->numbers, GATEWAY_NUMBERS_AGAIN_MS);
}

void gateway_tell_sellers(struct gateway *gateway)
{
	const struct config *config = gateway->config;
	struct store_bank_sell *banks = calloc(config->bank_count + 1, sizeof *banks);

	if (!banks) {
		on_banks_told(gateway, -ENOMEM);
		return;
	}
	for (size_t i = 0; i < config->bank_count; i++)
		banks[i] = (struct store_bank_sell) { config->banks[i].name,
			(const char *const *)config->banks[i].sell, config->banks[i].sell_count };
	store_banks_sell(gateway->store, banks, config->bank_count, on_banks_told, gateway);
	free(banks);
}

/* ---- the table ------------------------------------------------------------------------------ */

static void on_opened(void *arg, const struct store_activation *activation)
{
	char port[2 * STORE_NAME_SIZE];

	(void)arg;
	snprintf(port, sizeof port, "%s/%s", activation->bank, activation->slot);
	log_info(LOGC_PLATFORM, port, "order",
		LOG_FIELDS(LOG_INT("activation", activation->id),
			LOG_STR("platform", activation->seller),
			LOG_STR("customer", activation->customer),
			LOG_STR("service", activation->service),
			LOG_NUMBER("number", activation->number)),
		"a number is ordered");
}

static void on_closed(void *arg, const struct store_activation *activation)
{
	struct gateway *gateway = arg;
	bool told = activation->state != STORE_ACTIVATION_OPEN;
	char port[2 * STORE_NAME_SIZE];

	if (gateway->alternative)
		alternative_closed(gateway->alternative, activation->id);
	snprintf(port, sizeof port, "%s/%s", activation->bank, activation->slot);
	log_info(LOGC_PLATFORM, port, "finish",
		LOG_FIELDS(LOG_INT("activation", activation->id),
			LOG_STR("platform", activation->seller),
			LOG_STR("customer", activation->customer),
			LOG_STR("state",
				told ? store_activation_state_name(activation->state) : "closed"),
			LOG_STR("reason", activation->reason), LOG_INT("texts", activation->texts)),
		"an order is over");
}

static struct activation_spans order_spans(const struct gateway *gateway)
{
	return (struct activation_spans) {
		.refresh_ms = store_is_shared(gateway->store) ? OTHERS_MS : 0,
		.keep_ms = gateway->config->orders_keep_ms,
	};
}

void gateway_orders_configure(struct gateway *gateway)
{
	const struct activation_spans spans = order_spans(gateway);

	activation_configure(gateway->activations, &spans);
}

int gateway_orders_start(struct gateway *gateway)
{
	static const struct activation_events events = { on_opened, on_closed };
	const struct activation_spans spans = order_spans(gateway);

	gateway->activations =
		activation_new(gateway->loop, gateway->store, &spans, &events, gateway);
	if (!gateway->activations)
		return -ENOMEM;
	gateway->customers = customers_new(gateway->loop, gateway->store, gateway->config);
	if (!gateway->customers)
		return -ENOMEM;
	const struct alternative_parts parts = { gateway->loop, gateway->store,
		gateway->activations, gateway->customers, gateway->config };
	gateway->alternative = alternative_new(&parts);
	gateway->view.activations = gateway->activations;
	gateway->view.customers = gateway->customers;
	return gateway->alternative ? 0 : -ENOMEM;
}

void gateway_orders_reload(struct gateway *gateway)
{
	if (alternative_reload(gateway->alternative, gateway->config) < 0)
		log_error(LOGC_PLATFORM, NULL, NULL, NULL,
			"out of memory: the services' patterns of codes do not count");
	customers_reload(gateway->customers, gateway->config);
}
