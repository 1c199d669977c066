/* config_keys.h - what a key of the configuration is, and the functions that read its value. */
#ifndef SIMGATE_BASE_CONFIG_KEYS_H
#define SIMGATE_BASE_CONFIG_KEYS_H

#include "base/config_impl.h"

struct key;

/* Puts the value into target, the struct of the section; says itself what is wrong with it. */
typedef void config_key_fn(struct config_loader *load, const struct key *key,
	const struct config_entry *entry, void *target);

struct key {
	const char *name;
	config_key_fn *read;
	size_t offset;      /* of the field in the target */
	const char *preset; /* read where the key is absent; NULL: left alone */
	int64_t min, max;
	const char *const *words;
	bool needed;
	const char *kind; /* the only kinds of platform that have it; NULL: any */
};

/* config_schema.c: the keys of a section into its struct; a key that is none of them is reported.
 */
void config_read_keys(struct config_loader *load, const struct key *keys,
	const struct config_section *section, void *target);

/* "a, b": an array that grows in *out by one at a time, so that a half-built one can be freed. */
void config_split_list(struct config_loader *load, const struct config_entry *entry, size_t max,
	char ***out, size_t *count);

/* config_keys.c. Each says what is wrong with the value, and leaves the target alone then. */
config_key_fn config_key_text, config_key_time, config_key_int, config_key_yes, config_key_word,
	config_key_board, config_key_driver, config_key_level, config_key_format, config_key_store,
	config_key_control, config_key_host, config_key_numbers, config_key_baud, config_key_url,
	config_key_secret, config_key_pin, config_key_ussd, config_key_ca, config_key_filter,
	config_key_devices, config_key_path, config_key_sell, config_key_listen, config_key_pem,
	config_key_either, config_key_url_path, config_key_hook_path, config_key_codes,
	config_key_rotate;

#endif
