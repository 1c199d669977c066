/* config_impl.h - what the files of the configuration share. */
#ifndef SIMGATE_BASE_CONFIG_IMPL_H
#define SIMGATE_BASE_CONFIG_IMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/config.h"
#include "base/config_file.h"

enum {
	CONFIG_LINES_MAX = 200000, /* of one file */
	CONFIG_FILES_MAX = 256,    /* read in all */
	CONFIG_DEPTH_MAX = 8,      /* include in include */
	CONFIG_SECTIONS_MAX = 2048,
	CONFIG_ENTRIES_MAX = 256, /* of one section */
	CONFIG_PORT_ID_MAX = 100, /* BANK/SLOT */
	CONFIG_SECRET_MAX = 1024,
	CONFIG_URL_MAX = 1024,
	CONFIG_PEM_MAX = 64 * 1024, /* of a certificate with its chain, of a key */
};

struct config_entry {
	char *key, *value;
	struct config_place place;
	bool known; /* a key of the schema took it */
};

struct config_section {
	char *kind; /* "bank" */
	char *name; /* "north"; "" where the header has none */
	struct config_place place;
	struct config_entry *entries;
	size_t count, size;
};

/* The files as they are written: sections, keys, values, nothing checked but form and duplicates.
 */
struct config_text {
	struct config_report *report;
	bool alone; /* opens no file but the one given */
	char *files[CONFIG_FILES_MAX];
	unsigned long long devices[CONFIG_FILES_MAX], inodes[CONFIG_FILES_MAX];
	size_t file_count;
	struct config_section *sections;
	size_t count, size;
	bool broken; /* out of memory */
};

void config_text_read(struct config_text *text, FILE *file, const char *name);
void config_text_done(struct config_text *text);

/* The first line of a file, for the caller to free. 0, or negative errno: -ENODATA where there is
 * none, -EBADMSG where it is no printable ASCII or longer than CONFIG_SECRET_MAX. */
int config_read_secret(const char *path, char **out);

/* What is wrong with a URL that paths are appended to, or with a device as written; NULL: nothing.
 */
const char *config_url_fault(const char *url);
const char *config_device_fault(const char *device);
/* The same for the URL of a database; in_clear: what goes there could be read on the way. */
const char *config_store_fault(const char *url, bool *in_clear);

/* What is wrong with a path that is appended to a URL ("" is one); NULL: nothing. */
const char *config_url_path_fault(const char *path);
bool config_is_glob(const char *device);

/* A configuration while it is read. */
struct config_loader {
	struct config *config;
	const struct config_names *names;
	struct config_report *report;
	struct config_text text;
	const char *bank_names[CONFIG_BANKS_MAX + 1]; /* ends with NULL */
	const char *platform_names[CONFIG_PLATFORMS_MAX + 1];
	const char *operator_names[CONFIG_OPERATORS_MAX + 1];
	const char *service_names[CONFIG_SERVICES_MAX + 1];
	const char *country_names[CONFIG_COUNTRIES_MAX + 1];
	const char *customer_names[CONFIG_CUSTOMERS_MAX + 1];
	struct config_place device_places[CONFIG_BANKS_MAX];
	struct config_place numbers_place;
};

void config_no_memory(struct config_loader *load);
void config_keep(struct config_loader *load, const char *value, char **field);
struct config_entry *config_find_entry(const struct config_section *section, const char *name);
const struct config_section *config_find_section(
	const struct config_loader *load, const char *kind, const char *name);

/* The keys of a section into its struct; what is wrong is reported. */
void config_read_logs(struct config_loader *load, const struct config_section *section);
void config_read_gateway(struct config_loader *load, const struct config_section *section);
void config_read_http(struct config_loader *load, const struct config_section *section);
void config_read_bank(
	struct config_loader *load, const struct config_section *section, struct config_bank *bank);
void config_read_slots(
	struct config_loader *load, const struct config_section *section, struct config_bank *bank);
/* The hardware that the bank names; NULL: not known. */
const struct config_board *config_board_of(
	const struct config_loader *load, const struct config_bank *bank);
void config_read_columns(
	struct config_loader *load, const struct config_section *section, struct config_bank *bank);
void config_read_platform(struct config_loader *load, const struct config_section *section,
	struct config_platform *platform);

void config_read_operator(struct config_loader *load, const struct config_section *section,
	struct config_operator *out);

/* config_orders.c */
void config_read_service(struct config_loader *load, const struct config_section *section,
	struct config_service *service);
void config_read_country(struct config_loader *load, const struct config_section *section,
	struct config_country *country);
void config_read_customer(struct config_loader *load, const struct config_section *section,
	struct config_customer *customer);
void config_check_orders(struct config_loader *load);
void config_orders_free(struct config *config);

/* Who would sell a number where another cannot see it: the first of them and the other, NULL:
 * nobody. */
struct config_twice {
	const char *first, *other;
};
struct config_twice config_sold_twice(
	const struct config *config, char *const *sellers, size_t count);

/* What no section shows alone; sets the seller where there is one only. */
void config_check_whole(struct config_loader *load);

/* path or devices, one place one label, and no place in two banks. */
void config_check_slots(struct config_loader *load);

/* What a board that switches cards needs, and no other has. */
void config_check_columns(struct config_loader *load);

/* The whole of a file of PEM blocks, one of which is `what`, for the caller to free. 0, or negative
 * errno: -EBADMSG where there is no such block, -EFBIG where it is longer than CONFIG_PEM_MAX. */
int config_read_pem(const char *path, const char *what, char **out);

/* Addresses that are none or named twice; certificate without key; keys and texts in clear. */
void config_check_http(struct config_loader *load);
void config_http_free(struct config_http *http);

/* The rows of a numbers file into config->numbers. */
void config_numbers_read(
	struct config *config, FILE *file, const char *name, struct config_report *report);

/* config_load() with the main file open already. alone: reads no other file. */
struct config *config_load_stream(FILE *file, const char *name, const struct config_names *names,
	bool alone, struct config_report *report);

/* config_diff.c */
void config_take_marks(struct config_loader *load);
void config_free_marks(struct config *config);

#endif
