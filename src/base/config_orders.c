/* config_orders.c - sections of what is ordered: services, countries, customers. */
#include <stdlib.h>
#include <string.h>

#include "base/config_keys.h"

#define AT(type, field) .offset = offsetof(struct type, field)
#define MATCH           "match"
#define PRICE           "price."

/* More than any currency needs; sums of it do not overflow. */
#define MONEY_MAX INT64_C(1000000000000)

/* ---- values --------------------------------------------------------------------------------- */

static bool read_money(struct config_loader *load, const struct config_entry *entry, int64_t *out)
{
	int64_t value = config_parse_money(entry->value);

	if (value < 0 || value > MONEY_MAX)
		config_error(load->report, entry->place,
			"%.60s: \"%.60s\" is no amount as 12.34, with four decimals at most and "
			"not above 100000000",
			entry->key, entry->value);
	else
		*out = value;
	return value >= 0 && value <= MONEY_MAX;
}

static void key_money(struct config_loader *load, const struct key *key,
	const struct config_entry *entry, void *target)
{
	read_money(load, entry, (int64_t *)((char *)target + key->offset));
}

static void key_services(struct config_loader *load, const struct key *key,
	const struct config_entry *entry, void *target)
{
	struct config_customer *customer = target;
	size_t i;

	config_split_list(
		load, entry, CONFIG_SERVICES_MAX, &customer->services, &customer->service_count);
	for (i = 0; i < customer->service_count; i++)
		if (!config_is_word(customer->services[i], load->service_names) &&
			strcmp(customer->services[i], "rent") != 0)
			config_error(load->report, entry->place,
				"%s: there is no [service %.60s]; nearest known name: %s",
				key->name, customer->services[i],
				*load->service_names
					? config_nearest(customer->services[i], load->service_names)
					: "rent");
}

/* "46", "mcc250" */
static bool read_country(const char *text, int *code, int *mcc)
{
	bool by_mcc = strncmp(text, "mcc", 3) == 0;
	int64_t value;

	if (by_mcc ? strlen(text) != 6 || config_parse_int(text + 3, 200, 799, &value)
		   : *text == '0' || config_parse_int(text, 1, 999, &value))
		return false;
	*code = by_mcc ? 0 : (int)value;
	*mcc = by_mcc ? (int)value : 0;
	return true;
}

static void key_countries(struct config_loader *load, const struct key *key,
	const struct config_entry *entry, void *target)
{
	struct config_customer *customer = target;
	int code, mcc;
	size_t i;

	config_split_list(
		load, entry, CONFIG_COUNTRIES_MAX, &customer->countries, &customer->country_count);
	for (i = 0; i < customer->country_count; i++)
		if (!read_country(customer->countries[i], &code, &mcc))
			config_error(load->report, entry->place,
				"%s: \"%.60s\" is neither a calling code as 46 nor mccNNN",
				key->name, customer->countries[i]);
}

static const struct key service_keys[] = {
	{ "title", config_key_text, AT(config_service, title) },
	{ "onlinesim", config_key_text, AT(config_service, onlinesim) },
	{ "smshub", config_key_text, AT(config_service, smshub) },
	{ "price", key_money, AT(config_service, price) },
	{ "window", config_key_time, AT(config_service, window_ms), .min = 1 },
	{ "code", config_key_text, AT(config_service, code) },
	{ 0 },
};

static const struct key country_keys[] = {
	{ "name", config_key_text, AT(config_country, name) },
	{ "rus", config_key_text, AT(config_country, rus) },
	{ "chn", config_key_text, AT(config_country, chn) },
	{ "id", config_key_int, AT(config_country, id), .max = 999999 },
	{ "window", config_key_time, AT(config_country, window_ms), .min = 1 },
	{ 0 },
};

static const struct key customer_keys[] = {
	{ "key", config_key_secret, AT(config_customer, key), .needed = true },
	{ "balance", key_money, AT(config_customer, balance), .preset = "0" },
	{ "rent_price", key_money, AT(config_customer, rent_price) },
	{ "services", key_services, .preset = NULL },
	{ "countries", key_countries, .preset = NULL },
	{ "rate", config_key_int, AT(config_customer, rate), .preset = "60000", .max = 1000000 },
	{ 0 },
};

/* ---- sections ------------------------------------------------------------------------------- */

/* match = RULE, match.LABEL = RULE. */
static void read_matches(struct config_loader *load, const struct config_section *section,
	struct config_service *service)
{
	size_t i;

	service->matches = calloc(CONFIG_MATCHES_MAX, sizeof(*service->matches));
	if (!service->matches)
		config_no_memory(load);
	for (i = 0; service->matches && i < section->count; i++) {
		struct config_entry *entry = &section->entries[i];
		struct config_match *match = &service->matches[service->match_count];

		if (strcmp(entry->key, MATCH) != 0 &&
			strncmp(entry->key, MATCH ".", sizeof(MATCH)) != 0)
			continue;
		entry->known = true;
		if (service->match_count == CONFIG_MATCHES_MAX) {
			config_error(load->report, entry->place, "more than %d rules",
				CONFIG_MATCHES_MAX);
			return;
		}
		match->line = entry->place.line;
		config_keep(load, entry->value, &match->rule);
		service->match_count += match->rule != NULL;
	}
}

void config_read_service(struct config_loader *load, const struct config_section *section,
	struct config_service *service)
{
	size_t len = strlen(section->name);

	service->price = -1;
	if (!strcmp(section->name, "rent"))
		config_error(load->report, section->place,
			"[service rent]: rent is no service; customers have rent_price, platforms "
			"rent = yes");
	else if (len > CONFIG_SLUG_MAX || (len > 2 && !strcmp(section->name + len - 2, "_0")))
		config_error(load->report, section->place,
			"[service %.60s]: the name has %d bytes at most and does not end with _0",
			section->name, CONFIG_SLUG_MAX);
	config_keep(load, section->place.file, &service->file);
	read_matches(load, section, service);
	config_read_keys(load, service_keys, section, service);
	if (!service->onlinesim)
		config_keep(load, section->name, &service->onlinesim);
	if (!service->smshub)
		config_keep(load, section->name, &service->smshub);
}

void config_read_country(struct config_loader *load, const struct config_section *section,
	struct config_country *country)
{
	country->id = -1;
	if (!read_country(section->name, &country->code, &country->mcc))
		config_error(load->report, section->place,
			"[country %.60s]: the name is a calling code as 46, or mcc and three "
			"digits as mcc250",
			section->name);
	config_read_keys(load, country_keys, section, country);
}

/* price.SLUG = MONEY */
static void read_prices(struct config_loader *load, const struct config_section *section,
	struct config_customer *customer)
{
	size_t i;

	customer->prices = calloc(section->count + 1, sizeof(*customer->prices));
	if (!customer->prices)
		config_no_memory(load);
	for (i = 0; customer->prices && i < section->count; i++) {
		struct config_entry *entry = &section->entries[i];
		struct config_price *price = &customer->prices[customer->price_count];
		const char *slug = entry->key + strlen(PRICE);

		if (strncmp(entry->key, PRICE, strlen(PRICE)) != 0)
			continue;
		entry->known = true;
		if (!config_is_word(slug, load->service_names))
			config_error(load->report, entry->place,
				"%.80s: there is no [service %.60s]; nearest known name: %s",
				entry->key, slug,
				*load->service_names ? config_nearest(slug, load->service_names)
						     : "none");
		else if (read_money(load, entry, &price->price)) {
			config_keep(load, slug, &price->service);
			customer->price_count += price->service != NULL;
		}
	}
}

void config_read_customer(struct config_loader *load, const struct config_section *section,
	struct config_customer *customer)
{
	customer->rent_price = -1;
	read_prices(load, section, customer);
	config_read_keys(load, customer_keys, section, customer);
}

/* ---- as a whole ----------------------------------------------------------------------------- */

static void same_name(struct config_loader *load, const char *key, const char *a, const char *b,
	const struct config_service *of)
{
	if (a && b && !strcmp(a, b))
		config_error(load->report, (struct config_place) { of->file, of->line },
			"[service %s]: another service is called \"%.60s\" there too: %s", of->name,
			b, key);
}

static void check_services(struct config_loader *load)
{
	const struct config *config = load->config;
	size_t i, j;

	for (i = 0; i < config->service_count; i++)
		for (j = 0; j < i; j++) {
			const struct config_service *a = &config->services[j];
			const struct config_service *b = &config->services[i];

			same_name(load, "onlinesim", a->onlinesim, b->onlinesim, b);
			same_name(load, "smshub", a->smshub, b->smshub, b);
		}
}

static void check_countries(struct config_loader *load)
{
	const struct config *config = load->config;
	size_t i, j;

	for (i = 0; i < config->country_count; i++)
		for (j = 0; j < i; j++) {
			const struct config_country *a = &config->countries[j];
			const struct config_country *b = &config->countries[i];

			if (b->id >= 0 && a->id == b->id)
				config_error(load->report,
					config_find_section(load, "country", load->country_names[i])
						->place,
					"[country %s]: id = %d is that of [country %s]",
					load->country_names[i], b->id, load->country_names[j]);
		}
}

/* Customers are told apart by their keys alone. */
static void check_customers(struct config_loader *load)
{
	const struct config *config = load->config;
	size_t i, j;

	for (i = 0; i < config->customer_count; i++)
		for (j = 0; j < i; j++) {
			const struct config_customer *a = &config->customers[j];
			const struct config_customer *b = &config->customers[i];

			if (a->key && b->key && !strcmp(a->key, b->key))
				config_error(load->report,
					config_find_section(load, "customer", b->name)->place,
					"[customer %s]: the key is that of [customer %s]", b->name,
					a->name);
		}
	if (config->customer_count && !config_find_section(load, "http", ""))
		config_warning(load->report,
			config_find_section(load, "customer", config->customers[0].name)->place,
			"[customer %s]: there is no [http], so nobody can order",
			config->customers[0].name);
}

void config_check_orders(struct config_loader *load)
{
	check_services(load);
	check_countries(load);
	check_customers(load);
}

/* ---- freeing -------------------------------------------------------------------------------- */

static void free_names(char **names, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		free(names[i]);
	free(names);
}

static void free_customer(struct config_customer *customer)
{
	size_t i;

	if (customer->key)
		explicit_bzero(customer->key, strlen(customer->key));
	free(customer->key);
	free(customer->name);
	for (i = 0; i < customer->price_count; i++)
		free(customer->prices[i].service);
	free(customer->prices);
	free_names(customer->services, customer->service_count);
	free_names(customer->countries, customer->country_count);
}

static void free_service(struct config_service *service)
{
	size_t i;

	for (i = 0; i < service->match_count; i++)
		free(service->matches[i].rule);
	free(service->matches);
	free(service->name);
	free(service->title);
	free(service->onlinesim);
	free(service->smshub);
	free(service->code);
	free(service->file);
}

void config_orders_free(struct config *config)
{
	size_t i;

	for (i = 0; i < config->service_count; i++)
		free_service(&config->services[i]);
	for (i = 0; i < config->country_count; i++) {
		free(config->countries[i].name);
		free(config->countries[i].rus);
		free(config->countries[i].chn);
	}
	for (i = 0; i < config->customer_count; i++)
		free_customer(&config->customers[i]);
	free(config->services);
	free(config->countries);
	free(config->customers);
}
