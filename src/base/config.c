/* config.c - the configuration as a whole: its sections by name, reading, freeing. */
#include "base/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/config_impl.h"

void config_no_memory(struct config_loader *load)
{
	load->text.broken = true;
}

void config_keep(struct config_loader *load, const char *value, char **field)
{
	*field = strdup(value);
	if (!*field)
		config_no_memory(load);
}

struct config_entry *config_find_entry(const struct config_section *section, const char *name)
{
	size_t i;

	for (i = 0; i < section->count; i++)
		if (!strcmp(section->entries[i].key, name))
			return &section->entries[i];
	return NULL;
}

const struct config_section *config_find_section(
	const struct config_loader *load, const char *kind, const char *name)
{
	size_t i;

	for (i = 0; i < load->text.count; i++)
		if (!strcmp(load->text.sections[i].kind, kind) &&
			!strcmp(load->text.sections[i].name, name))
			return &load->text.sections[i];
	return NULL;
}

static void read_gateway(struct config_loader *load, const struct config_section *section)
{
	struct config *config = load->config;
	char host[65] = "", clean[65];

	config_read_logs(load, section);
	config_read_gateway(load, section);
	if (config->host_id || config_find_entry(section, "host_id"))
		return;
	gethostname(host, sizeof(host) - 1);
	config_clean_name(*host ? host : "localhost", clean, sizeof(clean));
	config_keep(load, clean, &config->host_id);
}

/* A section of a kind that has names; false: its header was reported, its keys are not read. */
static bool check_header(
	struct config_loader *load, const struct config_section *section, size_t count, size_t max)
{
	if (!config_is_name(section->name, CONFIG_NAME_MAX))
		config_error(load->report, section->place,
			"[%s NAME]: the name is 1 to %d bytes of A-Z a-z 0-9 . _ -", section->kind,
			CONFIG_NAME_MAX);
	else if (count == max)
		config_error(load->report, section->place, "more than %zu sections [%s NAME]", max,
			section->kind);
	else
		return true;
	return false;
}

/* Where the names of a kind of section go, and how many there may be. */
struct kind {
	const char *name;
	const char **names;
	size_t *count, max;
};

static const struct kind *find_kind(const struct kind *kinds, const char *name)
{
	for (; kinds->name; kinds++)
		if (!strcmp(kinds->name, name))
			return kinds;
	return NULL;
}

/* Names first: keys of other sections refer to them. */
static void name_sections(struct config_loader *load)
{
	static const char *const words[] = { "gateway", "http", "bank", "platform", "operator",
		"service", "country", "customer", NULL };
	struct config *config = load->config;
	const struct kind kinds[] = {
		{ "bank", load->bank_names, &config->bank_count, CONFIG_BANKS_MAX },
		{ "platform", load->platform_names, &config->platform_count, CONFIG_PLATFORMS_MAX },
		{ "operator", load->operator_names, &config->operator_count, CONFIG_OPERATORS_MAX },
		{ "service", load->service_names, &config->service_count, CONFIG_SERVICES_MAX },
		{ "country", load->country_names, &config->country_count, CONFIG_COUNTRIES_MAX },
		{ "customer", load->customer_names, &config->customer_count, CONFIG_CUSTOMERS_MAX },
		{ 0 },
	};
	size_t i;

	for (i = 0; i < load->text.count; i++) {
		const struct config_section *section = &load->text.sections[i];
		const struct kind *kind = find_kind(kinds, section->kind);

		if (kind) {
			if (check_header(load, section, *kind->count, kind->max))
				kind->names[(*kind->count)++] = section->name;
		} else if (!config_is_word(section->kind, words)) {
			config_error(load->report, section->place,
				"section [%.60s] is not one that this version acts on; nearest "
				"known "
				"name: %s",
				section->kind, config_nearest(section->kind, words));
		} else if (*section->name) {
			config_error(
				load->report, section->place, "[%s] takes no name", section->kind);
		}
	}
	for (i = 0; i < config->platform_count; i++)
		if (!strcmp(load->platform_names[i], CONFIG_CUSTOMERS))
			config_error(load->report,
				config_find_section(load, "platform", CONFIG_CUSTOMERS)->place,
				"[platform %s]: the name stands for the customers of [customer "
				"NAME]; choose another",
				CONFIG_CUSTOMERS);
}

static void read_orders(struct config_loader *load)
{
	struct config *config = load->config;
	const struct config_section *section;
	size_t i;

	for (i = 0; i < config->service_count; i++) {
		section = config_find_section(load, "service", load->service_names[i]);
		config->services[i].line = section->place.line;
		config_keep(load, section->name, &config->services[i].name);
		config_read_service(load, section, &config->services[i]);
	}
	for (i = 0; i < config->country_count; i++) {
		section = config_find_section(load, "country", load->country_names[i]);
		config->countries[i].line = section->place.line;
		config_read_country(load, section, &config->countries[i]);
	}
	for (i = 0; i < config->customer_count; i++) {
		section = config_find_section(load, "customer", load->customer_names[i]);
		config->customers[i].line = section->place.line;
		config_keep(load, section->name, &config->customers[i].name);
		config_read_customer(load, section, &config->customers[i]);
	}
}

static void read_sections(struct config_loader *load)
{
	const struct config_section none = {
		.kind = (char *)"gateway", .name = (char *)"", .place = { load->config->file, 0 }
	};
	const struct config_section *section = config_find_section(load, "gateway", "");
	struct config *config = load->config;
	size_t i;

	read_gateway(load, section ? section : &none);
	section = config_find_section(load, "http", "");
	if (section)
		config_read_http(load, section);
	for (i = 0; i < config->platform_count; i++) {
		section = config_find_section(load, "platform", load->platform_names[i]);
		config->platforms[i].line = section->place.line;
		config_keep(load, section->name, &config->platforms[i].name);
		config_read_platform(load, section, &config->platforms[i]);
	}
	for (i = 0; i < config->bank_count; i++) {
		section = config_find_section(load, "bank", load->bank_names[i]);
		config->banks[i].line = section->place.line;
		load->device_places[i] = section->place;
		config_keep(load, section->name, &config->banks[i].name);
		config_read_bank(load, section, &config->banks[i]);
	}
	for (i = 0; i < config->operator_count; i++) {
		section = config_find_section(load, "operator", load->operator_names[i]);
		config->operators[i].line = section->place.line;
		config_keep(load, section->name, &config->operators[i].code);
		config_read_operator(load, section, &config->operators[i]);
	}
	read_orders(load);
}

/* PINs in a file that every user may read. */
static void warn_of_readers(struct config_loader *load, FILE *file, const char *name)
{
	const struct config *config = load->config;
	struct stat info;
	size_t i = 0;

	while (i < config->number_count && !*config->numbers[i].pin)
		i++;
	if (i < config->number_count && fstat(fileno(file), &info) == 0 && info.st_mode & S_IROTH)
		config_warning(load->report,
			(struct config_place) { name, config->numbers[i].line },
			"this file has PINs, and every user may read it: chmod o-r");
}

static void load_numbers(struct config_loader *load)
{
	const char *name = load->config->numbers_file;
	FILE *file;
	int err;

	if (!name || load->text.alone)
		return;
	err = config_open(name, &file);
	if (err == -ENOENT) {
		config_warning(load->report, load->numbers_place,
			"the numbers file %.300s is not there", name);
	} else if (err) {
		config_error(load->report, load->numbers_place, "cannot read %.300s: %s", name,
			err == -EINVAL ? "not a regular file" : strerror(-err));
	} else {
		config_numbers_read(load->config, file, name, load->report);
		warn_of_readers(load, file, name);
		fclose(file);
	}
}

static void load_all(struct config_loader *load, FILE *file, const char *name)
{
	struct config *config = load->config;

	config->file = strdup(name);
	config->banks = calloc(CONFIG_BANKS_MAX, sizeof(*config->banks));
	config->platforms = calloc(CONFIG_PLATFORMS_MAX, sizeof(*config->platforms));
	config->operators = calloc(CONFIG_OPERATORS_MAX, sizeof(*config->operators));
	config->services = calloc(CONFIG_SERVICES_MAX, sizeof(*config->services));
	config->countries = calloc(CONFIG_COUNTRIES_MAX, sizeof(*config->countries));
	config->customers = calloc(CONFIG_CUSTOMERS_MAX, sizeof(*config->customers));
	if (!config->file || !config->banks || !config->platforms || !config->operators ||
		!config->services || !config->countries || !config->customers) {
		config_no_memory(load);
		return;
	}
	config_text_read(&load->text, file, config->file);
	if (load->text.broken)
		return;
	name_sections(load);
	read_sections(load);
	if (load->text.broken)
		return;
	config_check_whole(load);
	config_take_marks(load);
	load_numbers(load);
}

struct config *config_load_stream(FILE *file, const char *name, const struct config_names *names,
	bool alone, struct config_report *report)
{
	struct config_loader *load = calloc(1, sizeof(*load));
	struct config *config = calloc(1, sizeof(*config));
	bool broken = !load || !config;

	if (!broken) {
		load->config = config;
		load->names = names;
		load->report = report;
		load->text.report = report;
		load->text.alone = alone;
		load_all(load, file, name);
		broken = load->text.broken;
		config_text_done(&load->text);
	}
	if (broken)
		config_error(report, (struct config_place) { name, 0 }, "out of memory");
	free(load);
	if (!report->errors)
		return config;
	config_free(config);
	return NULL;
}

struct config *config_load(
	const char *file, const struct config_names *names, struct config_report *report)
{
	struct config *config;
	FILE *stream;
	int err;

	*report = (struct config_report) { 0 };
	err = config_open(file, &stream);
	if (err) {
		config_error(report, (struct config_place) { file, 0 }, "cannot be opened: %s",
			err == -EINVAL ? "not a regular file" : strerror(-err));
		return NULL;
	}
	config = config_load_stream(stream, file, names, false, report);
	fclose(stream);
	return config;
}

const char *config_pin(const struct config *config, const char *bank, const char *iccid)
{
	const struct config_number *card = config_number_of(config, iccid);
	size_t i;

	if (card && *card->pin)
		return card->pin;
	for (i = 0; i < config->bank_count; i++)
		if (!strcmp(config->banks[i].name, bank))
			return config->banks[i].pin;
	return NULL;
}

const char *config_ussd_number(const struct config *config, const char *imsi)
{
	const struct config_operator *best = NULL;
	size_t i;

	for (i = 0; i < config->operator_count; i++) {
		const struct config_operator *one = &config->operators[i];

		if (one->ussd_number && !strncmp(imsi, one->code, strlen(one->code)) &&
			(!best || strlen(one->code) > strlen(best->code)))
			best = one;
	}
	return best ? best->ussd_number : NULL;
}

struct config_sellers config_sellers(
	const struct config *config, const struct config_bank *bank, const char *iccid)
{
	const struct config_number *card = config_number_of(config, iccid);

	if (card && card->sell_count)
		return (struct config_sellers) { card->sell, card->sell_count };
	if (bank)
		return (struct config_sellers) { bank->sell, bank->sell_count };
	return (struct config_sellers) { NULL, 0 };
}

const struct config_service *config_service(const struct config *config, const char *slug)
{
	size_t i;

	for (i = 0; i < config->service_count; i++)
		if (!strcmp(config->services[i].name, slug))
			return &config->services[i];
	return NULL;
}

static void free_list(char **list, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		free(list[i]);
	free(list);
}

static void free_columns(struct config_bank *bank)
{
	size_t i;

	for (i = 0; i < bank->control_count; i++)
		free(bank->controls[i].device);
	for (i = 0; i < bank->column_count; i++)
		free(bank->columns[i].slot);
	free(bank->controls);
	free(bank->columns);
	free(bank->control_end);
	free(bank->rotate_order);
}

static void free_secret(char *secret)
{
	if (secret)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}

static void free_platform(struct config_platform *platform)
{
	size_t i;

	free(platform->name);
	free(platform->kind);
	free(platform->url);
	free_secret(platform->key);
	free_secret(platform->hmac_key);
	free(platform->ca_file);
	free(platform->list_name);
	free(platform->filter);
	free(platform->webhook_path);
	free(platform->profile);
	free(platform->push_path);
	free(platform->push_rent_path);
	free(platform->phone_type);
	free(platform->sms_id);
	free(platform->operators);
	for (i = 0; i < platform->final_error_count; i++)
		free(platform->final_errors[i]);
	free(platform->final_errors);
}

void config_free(struct config *config)
{
	size_t i;

	if (!config)
		return;
	for (i = 0; i < config->bank_count; i++) {
		free(config->banks[i].name);
		free(config->banks[i].board);
		free(config->banks[i].driver);
		free_secret(config->banks[i].pin);
		free_list(config->banks[i].devices, config->banks[i].device_count);
		free_list(config->banks[i].sell, config->banks[i].sell_count);
		free(config->banks[i].path);
		for (size_t s = 0; s < config->banks[i].slot_count; s++)
			free(config->banks[i].slots[s].label);
		free(config->banks[i].slots);
		free_columns(&config->banks[i]);
	}
	for (i = 0; i < config->platform_count; i++)
		free_platform(&config->platforms[i]);
	for (i = 0; i < config->operator_count; i++) {
		free(config->operators[i].code);
		free(config->operators[i].name);
		free(config->operators[i].ussd_number);
	}
	for (i = 0; i < config->log_count; i++)
		free(config->logs[i].name);
	for (i = 0; i < config->number_count; i++) {
		explicit_bzero(config->numbers[i].pin, sizeof(config->numbers[i].pin));
		free_list(config->numbers[i].sell, config->numbers[i].sell_count);
	}
	config_free_marks(config);
	config_orders_free(config);
	config_http_free(&config->http);
	free(config->banks);
	free(config->platforms);
	free(config->operators);
	free(config->logs);
	free(config->by_iccid);
	free(config->numbers);
	free(config->file);
	free(config->state_dir);
	free(config->store);
	free(config->store_password);
	free(config->host_id);
	free(config->control);
	free(config->numbers_file);
	free(config->record_dir);
	free(config->sys_root);
	free(config->dev_root);
	free(config);
}
