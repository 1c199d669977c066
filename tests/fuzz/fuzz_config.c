/* fuzz_config.c - feeds bytes as a configuration file, as a numbers file, and as single values. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "base/config_impl.h"
#include "base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const drivers[] = { "generic", "sim800", NULL };
static const char *const board_slots[] = { "p01", "1:1.0", "p02", "1:1.1", NULL };
static const struct config_board boards[] = { { .name = "usb" },
	{ .name = "quad", .usb_only = true },
	{ .name = "pool", .usb_only = true, .slots = board_slots },
	{ .name = "net", .network_only = true }, { .name = "swit", .columns = 8, .rows_max = 64 },
	{ .name = NULL } };
static const struct config_names names = { drivers, boards };

static void check(int truth)
{
	if (!truth)
		abort();
}

static void check_report(struct config_report *report)
{
	size_t i;

	check(report->count <= CONFIG_REPORT_MAX);
	check(report->count <= report->errors + report->warnings);
	for (i = 0; i < report->count; i++) {
		check(!strncmp(report->lines[i], "fuzz:", 5));
		check(!strpbrk(report->lines[i], "\n\r\x1b"));
		check(utf8_valid(report->lines[i], strlen(report->lines[i])));
	}
	config_report_free(report);
}

/* What was accepted keeps what the header promises. */
static void check_config(const struct config *config)
{
	size_t i;

	check(config->state_dir && config->host_id && config->control);
	check(config->openers >= 1 && config->openers <= 64 && config->start_grace_ms > 0);
	for (i = 0; i < config->bank_count; i++) {
		const struct config_bank *bank = &config->banks[i];

		check(config_is_name(bank->name, CONFIG_NAME_MAX));
		check(bank->board && bank->driver && bank->device_count && bank->baud >= 9600);
		check(!config->platform_count || bank->sell_count);
	}
	for (i = 0; i < config->platform_count; i++) {
		check(config_is_name(config->platforms[i].name, CONFIG_NAME_MAX));
		check(!config_url_fault(config->platforms[i].url));
		check(config->platforms[i].url[strlen(config->platforms[i].url) - 1] != '/');
	}
}

static void fuzz_main(FILE *file)
{
	struct config_report report = { 0 };
	struct config *config = config_load_stream(file, "fuzz", &names, true, &report);

	check(!config == (report.errors > 0));
	if (config)
		check_config(config);
	config_free(config);
	check_report(&report);
}

static void fuzz_numbers(FILE *file)
{
	struct config_report report = { 0 };
	struct config *config = calloc(1, sizeof(*config));
	size_t i;

	check(config != NULL);
	config_numbers_read(config, file, "fuzz", &report);
	for (i = 0; i < config->number_count; i++) {
		check(config_is_iccid(config->numbers[i].iccid));
		check(!*config->numbers[i].number || config_is_number(config->numbers[i].number));
	}
	config_free(config);
	check_report(&report);
}

static void fuzz_values(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), clean[32];
	int64_t value;

	check(text != NULL);
	memcpy(text, data, size);
	text[size] = '\0';
	check(config_parse_duration(text) <= INT64_C(3653) * 86400000);
	config_parse_money(text);
	check(config_parse_int(text, -9, 9, &value) || (value >= -9 && value <= 9));
	config_is_number(text);
	config_is_iccid(text);
	config_url_fault(text);
	if (*text)
		config_device_fault(text);
	config_clean_name(text, clean, sizeof(clean));
	free(text);
}

/* The first byte says as what the rest is read. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FILE *file;

	if (size < 2)
		return 0;
	if (data[0] == 'v') {
		fuzz_values(data + 1, size - 1);
		return 0;
	}
	file = fmemopen((void *)(uintptr_t)(data + 1), size - 1, "r");
	check(file != NULL);
	if (data[0] == 'n')
		fuzz_numbers(file);
	else
		fuzz_main(file);
	fclose(file);
	return 0;
}
