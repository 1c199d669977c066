/* config_check.c - what must fit once every section has been read: who sells, whose device. */
#include <stdlib.h>
#include <string.h>

#include "base/config_impl.h"

/* Who gets a bank that does not say it: the one seller, and every webhook. */
static void default_sell(struct config_loader *load, struct config_bank *bank)
{
	const struct config_section *section = config_find_section(load, "bank", bank->name);
	const struct config *config = load->config;
	size_t count = config->platform_count, sellers = config->customer_count > 0, i;
	bool customers = sellers > 0;

	for (i = 0; i < count; i++)
		sellers += config_platform_sells(&config->platforms[i]);
	if (sellers > 1) {
		config_error(load->report, section->place,
			"[bank %s]: there are several %s; add sell = NAME, NAME", bank->name,
			customers ? "sellers, customers among them" : "platforms");
		return;
	}
	bank->sell = calloc(count + 1, sizeof(*bank->sell));
	if (!bank->sell)
		config_no_memory(load);
	for (i = 0; bank->sell && i < count + customers; i++) {
		config_keep(load, i < count ? load->platform_names[i] : CONFIG_CUSTOMERS,
			&bank->sell[bank->sell_count]);
		bank->sell_count += bank->sell[bank->sell_count] != NULL;
	}
}

static const struct config_platform *find_platform(const struct config *config, const char *name)
{
	size_t i;

	for (i = 0; i < config->platform_count; i++)
		if (config->platforms[i].name && !strcmp(config->platforms[i].name, name))
			return &config->platforms[i];
	return NULL;
}

/* Those that order do so where all of them are seen: they may share a card, for a number is in one
 * operation only. One that sells by a list does so elsewhere: its cards are nobody else's. A
 * webhook sells nothing. */
struct config_twice config_sold_twice(
	const struct config *config, char *const *sellers, size_t count)
{
	const char *first = NULL;
	bool lists = false;
	size_t i;

	for (i = 0; i < count; i++) {
		const struct config_platform *platform = find_platform(config, sellers[i]);
		bool customers = !strcmp(sellers[i], CONFIG_CUSTOMERS);

		if (!customers && (!platform || !config_platform_sells(platform)))
			continue;
		if (first && !strcmp(first, sellers[i]))
			continue;
		if (first && (lists || !(customers || config_platform_orders(platform))))
			return (struct config_twice) { first, sellers[i] };
		lists = lists || !(customers || config_platform_orders(platform));
		first = sellers[i];
	}
	return (struct config_twice) { NULL, NULL };
}

static void check_sell(
	struct config_loader *load, const struct config_bank *bank, const struct config_entry *sell)
{
	const struct config_twice twice =
		config_sold_twice(load->config, bank->sell, bank->sell_count);

	if (twice.first)
		config_error(load->report, sell->place,
			"sell: %.80s and %.80s would sell the same numbers twice; "
			"name one of them, and webhooks",
			twice.first, twice.other);
}

static void check_seller(struct config_loader *load, struct config_bank *bank)
{
	const struct config_section *section = config_find_section(load, "bank", bank->name);
	const struct config_entry *sell = config_find_entry(section, "sell");

	if (sell)
		check_sell(load, bank, sell);
	else if (load->config->platform_count || load->config->customer_count)
		default_sell(load, bank);
}

/* A platform that orders needs somewhere to call, and something to order. */
static void check_callers(struct config_loader *load)
{
	const struct config *config = load->config;
	size_t i;

	for (i = 0; i < config->platform_count; i++) {
		const struct config_platform *platform = &config->platforms[i];
		struct config_place place = { config->file, platform->line };

		if (!config_platform_orders(platform))
			continue;
		if (!config_find_section(load, "http", ""))
			config_warning(load->report, place,
				"[platform %s]: there is no [http], so it cannot order",
				platform->name);
		if (!config->service_count && !platform->rent)
			config_warning(load->report, place,
				"[platform %s]: there is no [service NAME], so there is nothing to "
				"order",
				platform->name);
	}
}

/* Platforms that order are told apart by their keys alone. */
static void check_keys(struct config_loader *load)
{
	const struct config *config = load->config;
	size_t i, j;

	for (i = 0; i < config->platform_count; i++)
		for (j = 0; j < i; j++) {
			const struct config_platform *a = &config->platforms[j];
			const struct config_platform *b = &config->platforms[i];

			if (config_platform_orders(a) && config_platform_orders(b) && a->key &&
				b->key && !strcmp(a->key, b->key))
				config_error(load->report,
					config_find_section(load, "platform", b->name)->place,
					"[platform %s]: the key is that of [platform %s]; "
					"platforms that order need keys of their own",
					b->name, a->name);
		}
}

/* A device as written, and whose it is. */
struct device {
	const char *text;
	char slot[CONFIG_PORT_ID_MAX + 1];
	size_t bank, order;
};

static int by_text(const void *a, const void *b)
{
	const struct device *x = a, *y = b;
	int order = strcmp(x->text, y->text);

	return order ? order : (x->order > y->order) - (x->order < y->order);
}

static int by_slot(const void *a, const void *b)
{
	const struct device *x = a, *y = b;
	int order = x->bank == y->bank ? strcmp(x->slot, y->slot)
				       : (x->bank > y->bank) - (x->bank < y->bank);

	return order ? order : by_text(a, b);
}

static void put_device(
	struct config_loader *load, size_t bank, const char *text, struct device *out)
{
	const char *base = *text == '/' ? strrchr(text, '/') + 1 : text + strcspn(text, ":") + 1;

	*out = (struct device) { .text = text, .bank = bank };
	config_clean_name(base, out->slot, sizeof(out->slot));
	if (strlen(load->bank_names[bank]) + 1 + strlen(base) > CONFIG_PORT_ID_MAX)
		config_error(load->report, load->device_places[bank],
			"device %.200s: BANK/SLOT would be longer than %d bytes", text,
			CONFIG_PORT_ID_MAX);
}

/* Every port of the configuration is one device, and every device one port. */
static void check_devices(struct config_loader *load)
{
	struct config *config = load->config;
	size_t count = 0, all = 1, i, j;
	struct device *devices;

	for (i = 0; i < config->bank_count; i++)
		all += config->banks[i].device_count;
	devices = calloc(all, sizeof(*devices));
	if (!devices) {
		config_no_memory(load);
		return;
	}
	for (i = 0; i < config->bank_count; i++)
		for (j = 0; j < config->banks[i].device_count; j++)
			if (!config_is_glob(config->banks[i].devices[j]) &&
				!config_device_fault(config->banks[i].devices[j])) {
				put_device(load, i, config->banks[i].devices[j], &devices[count]);
				devices[count].order = count;
				count++;
			}
	qsort(devices, count, sizeof(*devices), by_text);
	for (i = 1; i < count; i++)
		if (!strcmp(devices[i].text, devices[i - 1].text))
			config_error(load->report, load->device_places[devices[i].bank],
				"device %.200s is named twice, first in [bank %s] at %s:%d",
				devices[i].text, load->bank_names[devices[i - 1].bank],
				load->device_places[devices[i - 1].bank].file,
				load->device_places[devices[i - 1].bank].line);
	qsort(devices, count, sizeof(*devices), by_slot);
	for (i = 1; i < count; i++)
		if (devices[i].bank == devices[i - 1].bank &&
			!strcmp(devices[i].slot, devices[i - 1].slot) &&
			strcmp(devices[i].text, devices[i - 1].text) != 0)
			config_error(load->report, load->device_places[devices[i].bank],
				"devices %.200s and %.200s would both be port %s/%s",
				devices[i - 1].text, devices[i].text,
				load->bank_names[devices[i].bank], devices[i].slot);
	free(devices);
}

void config_check_whole(struct config_loader *load)
{
	struct config *config = load->config;
	size_t i;

	for (i = 0; i < config->bank_count; i++)
		check_seller(load, &config->banks[i]);
	if (!config->bank_count)
		config_warning(load->report, (struct config_place) { config->file, 0 },
			"there is no [bank NAME]: nothing will be read");
	else if (!config->platform_count && !config->customer_count)
		config_warning(load->report,
			(struct config_place) { config->file, config->banks[0].line },
			"there is no [platform NAME]: texts are kept as unclaimed");
	check_keys(load);
	check_callers(load);
	config_check_orders(load);
	check_devices(load);
	config_check_slots(load);
	config_check_columns(load);
	config_check_http(load);
}
