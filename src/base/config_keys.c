/* config_keys.c - how the values of keys are read. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "base/config_keys.h"
#include "base/fnv.h"

#define SECRETS_FOLDER "/etc/simgate/credentials"

static void *field_of(const struct key *key, void *target)
{
	return (char *)target + key->offset;
}

void config_key_text(struct config_loader *load, const struct key *key,
	const struct config_entry *entry, void *target)
{
	config_keep(load, entry->value, field_of(key, target));
}

void config_key_time(struct config_loader *load, const struct key *key,
	const struct config_entry *entry, void *target)
{
	int64_t ms = config_parse_duration(entry->value);

	if (ms == -ERANGE)
		config_error(load->report, entry->place, "%s: longer than 10 years", key->name);
	else if (ms < 0)
		config_error(load->report, entry->place,
			"%s: \"%.60s\" is no duration; write it as 250ms, 90s, 5m, 24h or 7d",
			key->name, entry->value);
	else if (ms < key->min && key->min == 1)
		config_error(load->report, entry->place, "%s: must be more than 0", key->name);
	else if (ms < key->min)
		config_error(load->report, entry->place, "%s: must be %d s at least", key->name,
			(int)(key->min / 1000));
	else if (key->max && ms > key->max)
		config_error(load->report, entry->place, "%s: must be %d s at most", key->name,
			(int)(key->max / 1000));
	else
		*(int64_t *)field_of(key, target) = ms;
}

void config_key_int(struct config_loader *load, const struct key *key,
	const struct config_entry *entry, void *target)
{
	int64_t value;

	if (config_parse_int(entry->value, key->min, key->max, &value))
		config_error(load->report, entry->place,
			"%s: \"%.60s\" is no whole number from %d to %d", key->name, entry->value,
			(int)key->min, (int)key->max);
	else
		*(int *)field_of(key, target) = (int)value;
}

void config_key_yes(struct config_loader *load, const struct key *key,
	const struct config_entry *entry, void *target)
{
	bool yes = !strcmp(entry->value, "yes");

	if (!yes && strcmp(entry->value, "no") != 0)
		config_error(load->report, entry->place, "%s: \"%.60s\" is neither yes nor no",
			key->name, entry->value);
	else
		*(bool *)field_of(key, target) = yes;
}

static void not_a_word(struct config_loader *load, const struct config_entry *entry,
	const char *what, const char *const *words)
{
	config_error(load->report, entry->place,
		"%s: \"%.80s\" is not known; nearest known name: %s", what, entry->value,
		words && *words ? config_nearest(entry->value, words) : "none");
}

void config_key_word(struct config_loader *load, const struct key *key,
	const struct config_entry *entry, void *target)
{
	if (config_is_word(entry->value, key->words))
		config_keep(load, entry->value, field_of(key, target));
	else
		not_a_word(load, entry, key->name, key->words);
}

enum { BOARDS_MAX = 64 };

void config_key_board(struct config_loader *load, const struct key *key,
	const struct config_entry *entry, void *target)
{
	const struct config_board *boards = load->names ? load->names->boards : NULL;
	const char *words[BOARDS_MAX + 1] = { NULL };

	for (size_t i = 0; boards && boards[i].name && i < BOARDS_MAX; i++)
		words[i] = boards[i].name;
	if (!boards || config_is_word(entry->value, words))
		config_keep(load, entry->value, field_of(key, target));
	else
		not_a_word(load, entry, key->name, words);
}

void config_key_driver(struct config_loader *load, const struct key *key,
	const struct config_entry *entry, void *target)
{
	const char *const *drivers = load->names ? load->names->drivers : NULL;

	if (!drivers || !strcmp(entry->value, "auto") || config_is_word(entry->value, drivers))
		config_keep(load, entry->value, field_of(key, target));
	else
		not_a_word(load, entry, key->name, drivers);
}

static const char *const level_words[] = { "error", "warning", "notice", "info", "debug", NULL };
static const char *const format_words[] = { "auto", "text", "json", "journal", NULL };

void config_key_level(struct config_loader *load, const struct key *key,
	const struct config_entry *entry, void *target)
{
	int level = log_level_parse(entry->value);

	if (level < 0)
		not_a_word(load, entry, key->name, level_words);
	else
		*(enum log_level *)field_of(key, target) = (enum log_level)level;
}

void config_key_format(struct config_loader *load, const struct key *key,
	const struct config_entry *entry, void *target)
{
	int format = log_format_parse(entry->value);

	if (format < 0)
		not_a_word(load, entry, key->name, format_words);
	else
		*(enum log_format *)field_of(key, target) = (enum log_format)format;
}

/* The value is not repeated: it may hold a password. */
void config_key_store(struct config_loader *load, const struct key *key,
	const struct config_entry *entry, void *target)
{
	bool in_clear = false;
	const char *fault = strcmp(entry->value, CONFIG_STORE_FILE) != 0
				    ? config_store_fault(entry->value, &in_clear)
				    : NULL;

	if (fault)
		config_error(load->report, entry->place, "%s: %s", key->name, fault);
	else
		config_keep(load, entry->value, field_of(key, target));
	if (in_clear)
		config_warning(load->report, entry->place,
			"%s: texts may go to the server in clear; add "
			"?sslmode=verify-full&sslrootcert=FILE",
			key->name);
}

void config_key_control(struct config_loader *load, const struct key *key,
	const struct config_entry *entry, void *target)
{
	size_t max = sizeof(((struct sockaddr_un *)0)->sun_path) - 1;

	if (strlen(entry->value) > max)
		config_error(load->report, entry->place,
			"%s: a socket's path has at most %zu bytes", key->name, max);
	else
		config_keep(load, entry->value, field_of(key, target));
}

void config_key_host(struct config_loader *load, const struct key *key,
	const struct config_entry *entry, void *target)
{
	if (!config_is_name(entry->value, 64))
		config_error(load->report, entry->place, "%s: 1 to 64 bytes of A-Z a-z 0-9 . _ -",
			key->name);
	else
		config_keep(load, entry->value, field_of(key, target));
}

void config_key_numbers(struct config_loader *load, const struct key *key,
	const struct config_entry *entry, void *target)
{
	load->numbers_place = entry->place;
	config_key_text(load, key, entry, target);
}

void config_key_baud(struct config_loader *load, const struct key *key,
	const struct config_entry *entry, void *target)
{
	static const int rates[] = { 9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600 };
	int64_t value = 0;
	size_t i;

	config_parse_int(entry->value, 0, 921600, &value);
	for (i = 0; i < sizeof(rates) / sizeof(*rates); i++) {
		if (value != rates[i])
			continue;
		*(int *)field_of(key, target) = rates[i];
		return;
	}
	config_error(load->report, entry->place,
		"%s: one of 9600 19200 38400 57600 115200 230400 460800 921600", key->name);
}

void config_key_url(struct config_loader *load, const struct key *key,
	const struct config_entry *entry, void *target)
{
	const char *fault = config_url_fault(entry->value);
	char **field = field_of(key, target);
	size_t len;

	if (fault) {
		config_error(load->report, entry->place, "%s: %s", key->name, fault);
		return;
	}
	config_keep(load, entry->value, field);
	if (!config_platform_sells(target))
		return; /* its path is the whole of it */
	for (len = *field ? strlen(*field) : 0; len && (*field)[len - 1] == '/'; len--)
		(*field)[len - 1] = '\0';
}

static int read_secret_in(const char *folder, const char *name, char **out)
{
	char *path;
	int err;

	if (asprintf(&path, "%s/%s", folder, name) < 0)
		return -ENOMEM;
	err = config_read_secret(path, out);
	free(path);
	return err;
}

/* Errors never repeat the value: it may be the secret itself. */
void config_key_secret(struct config_loader *load, const struct key *key,
	const struct config_entry *entry, void *target)
{
	const char *folder = getenv("CREDENTIALS_DIRECTORY");
	const char *name = entry->value + 1;
	int err = -ENOENT;

	if (*entry->value != '@') {
		config_warning(load->report, entry->place,
			"%s: the secret itself is in this file; keep it in %s/NAME and write @NAME",
			key->name, SECRETS_FOLDER);
		config_keep(load, entry->value, field_of(key, target));
		return;
	}
	if (!config_is_name(name, CONFIG_NAME_MAX)) {
		config_error(load->report, entry->place,
			"%s: behind @ stands a name, 1 to %d bytes of A-Z a-z 0-9 . _ -", key->name,
			CONFIG_NAME_MAX);
		return;
	}
	if (load->text.alone)
		return;
	if (folder && *folder)
		err = read_secret_in(folder, name, field_of(key, target));
	if (err == -ENOENT) {
		folder = SECRETS_FOLDER;
		err = read_secret_in(folder, name, field_of(key, target));
	}
	if (!err)
		load->config->secrets_hash =
			fnv_text(load->config->secrets_hash, *(char **)field_of(key, target));
	if (err == -ENODATA || err == -EBADMSG)
		config_error(load->report, entry->place, "%s: the first line of %.300s/%s is %s",
			key->name, folder, name,
			err == -ENODATA ? "empty"
					: "no secret of printable ASCII, 1024 bytes at most");
	else if (err)
		config_error(load->report, entry->place, "%s: cannot read %.300s/%s: %s", key->name,
			folder, name, strerror(-err));
}

/* A secret that is four to eight digits. */
void config_key_pin(struct config_loader *load, const struct key *key,
	const struct config_entry *entry, void *target)
{
	char **field = field_of(key, target);
	size_t errors = load->report->errors;

	config_key_secret(load, key, entry, target);
	if (errors == load->report->errors && *field && !config_is_pin(*field))
		config_error(load->report, entry->place, "%s: a PIN is 4 to 8 digits", key->name);
}

void config_key_ussd(struct config_loader *load, const struct key *key,
	const struct config_entry *entry, void *target)
{
	if (config_is_ussd(entry->value))
		config_keep(load, entry->value, field_of(key, target));
	else
		config_error(load->report, entry->place,
			"%s: \"%.60s\" is no code as *100#: digits, '*' and '#', 32 at most",
			key->name, entry->value);
}

void config_key_ca(struct config_loader *load, const struct key *key,
	const struct config_entry *entry, void *target)
{
	FILE *file;
	int err = load->text.alone ? -ENOENT : config_open(entry->value, &file);

	if (err) {
		config_error(load->report, entry->place, "%s: cannot read %.300s: %s", key->name,
			entry->value, strerror(-err));
		return;
	}
	fclose(file);
	config_keep(load, entry->value, field_of(key, target));
}

/* The rules are read by who acts on them; here only whether the file is there. */
void config_key_filter(struct config_loader *load, const struct key *key,
	const struct config_entry *entry, void *target)
{
	static const char *const words[] = { "default", "off", NULL };
	FILE *file;
	int err;

	if (!config_is_word(entry->value, words)) {
		if (*entry->value != '/') {
			config_error(load->report, entry->place,
				"%s: \"%.80s\" is neither default nor off nor a path that begins "
				"with /",
				key->name, entry->value);
			return;
		}
		err = load->text.alone ? -ENOENT : config_open(entry->value, &file);
		if (err) {
			config_error(load->report, entry->place, "%s: cannot read %.300s: %s",
				key->name, entry->value,
				err == -EINVAL ? "not a regular file" : strerror(-err));
			return;
		}
		fclose(file);
	}
	config_keep(load, entry->value, field_of(key, target));
}

void config_split_list(struct config_loader *load, const struct config_entry *entry, size_t max,
	char ***out, size_t *count)
{
	char *copy = strdup(entry->value), *next = copy, *item;

	*out = calloc(max, sizeof(**out));
	if (!copy || !*out)
		config_no_memory(load);
	while (copy && *out && (item = strsep(&next, ","))) {
		item = config_trim(item);
		if (!*item) {
			config_error(load->report, entry->place, "%s: an empty name in the list",
				entry->key);
			break;
		}
		if (*count == max) {
			config_error(load->report, entry->place, "%s: more than %zu in the list",
				entry->key, max);
			break;
		}
		config_keep(load, item, &(*out)[*count]);
		*count += (*out)[*count] != NULL;
	}
	free(copy);
}

void config_key_devices(struct config_loader *load, const struct key *key,
	const struct config_entry *entry, void *target)
{
	struct config_bank *bank = target;
	size_t i;

	load->device_places[bank - load->config->banks] = entry->place;
	config_split_list(load, entry, CONFIG_DEVICES_MAX, &bank->devices, &bank->device_count);
	for (i = 0; i < bank->device_count; i++) {
		const char *fault = config_device_fault(bank->devices[i]);

		if (fault)
			config_error(load->report, entry->place, "%s: \"%.200s\" %s", key->name,
				bank->devices[i], fault);
	}
}

void config_key_path(struct config_loader *load, const struct key *key,
	const struct config_entry *entry, void *target)
{
	const char *fault = place_root_fault(entry->value);

	if (fault)
		config_error(load->report, entry->place, "%s: \"%.200s\" %s", key->name,
			entry->value, fault);
	else
		config_keep(load, entry->value, field_of(key, target));
}

void config_key_sell(struct config_loader *load, const struct key *key,
	const struct config_entry *entry, void *target)
{
	struct config_bank *bank = target;
	size_t i, j;

	config_split_list(load, entry, CONFIG_PLATFORMS_MAX, &bank->sell, &bank->sell_count);
	for (i = 0; bank->sell && i < bank->sell_count; i++) {
		if (!config_is_word(bank->sell[i], load->platform_names) &&
			strcmp(bank->sell[i], CONFIG_CUSTOMERS) != 0)
			config_error(load->report, entry->place,
				"%s: there is no [platform %.80s]; nearest known name: %s",
				key->name, bank->sell[i],
				*load->platform_names
					? config_nearest(bank->sell[i], load->platform_names)
					: CONFIG_CUSTOMERS);
		for (j = 0; j < i; j++)
			/* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker) */
			if (!strcmp(bank->sell[i], bank->sell[j]))
				config_error(load->report, entry->place, "%s: %.80s is named twice",
					key->name, bank->sell[i]);
	}
}

void config_key_listen(struct config_loader *load, const struct key *key,
	const struct config_entry *entry, void *target)
{
	struct config_http *http = target;

	(void)key;
	config_split_list(load, entry, CONFIG_LISTEN_MAX, &http->listen, &http->listen_count);
}

void config_key_pem(struct config_loader *load, const struct key *key,
	const struct config_entry *entry, void *target)
{
	int err = load->text.alone ? 0
				   : config_read_pem(entry->value, key->words[0],
					     (char **)field_of(key, target));

	if (err)
		config_error(load->report, entry->place, "%s: %.300s %s%s", key->name, entry->value,
			err == -EBADMSG ? "has no PEM block " : "cannot be used: ",
			err == -EBADMSG ? key->words[0] : strerror(-err));
}

/* Behind a URL. */
void config_key_url_path(struct config_loader *load, const struct key *key,
	const struct config_entry *entry, void *target)
{
	const char *fault = config_url_path_fault(entry->value);

	if (fault)
		config_error(load->report, entry->place, "%s: \"%.80s\" %s", key->name,
			entry->value, fault);
	else
		config_keep(load, entry->value, field_of(key, target));
}

/* Whoever knows it needs no key: it must not be guessed. */
void config_key_hook_path(struct config_loader *load, const struct key *key,
	const struct config_entry *entry, void *target)
{
	static const char folder[] = "/webhook/";
	enum { SECRET_MIN = 16 };
	size_t len = strlen(entry->value), min = sizeof(folder) - 1 + SECRET_MIN;

	if (len < min || strncmp(entry->value, folder, sizeof(folder) - 1) != 0 ||
		config_url_path_fault(entry->value) || strpbrk(entry->value, "?%"))
		config_error(load->report, entry->place,
			"%s: %s and at least %d random letters or digits behind it", key->name,
			folder, SECRET_MIN);
	else
		config_keep(load, entry->value, field_of(key, target));
}

void config_key_codes(struct config_loader *load, const struct key *key,
	const struct config_entry *entry, void *target)
{
	struct config_platform *platform = target;
	char ***codes = &platform->final_errors;

	if (!strcmp(entry->value, "none"))
		return;
	config_split_list(load, entry, CONFIG_CODES_MAX, codes, &platform->final_error_count);
	for (size_t i = 0; *codes && i < platform->final_error_count; i++) {
		const char *code = (*codes)[i];
		if (code && code[strspn(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")])
			config_error(load->report, entry->place,
				"%s: \"%.60s\" is no code as NO_OPERATION", key->name, code);
	}
}

void config_key_either(struct config_loader *load, const struct key *key,
	const struct config_entry *entry, void *target)
{
	if (config_is_word(entry->value, key->words))
		*(bool *)field_of(key, target) = strcmp(entry->value, key->words[1]) == 0;
	else
		not_a_word(load, entry, key->name, key->words);
}

void config_key_rotate(struct config_loader *load, const struct key *key,
	const struct config_entry *entry, void *target)
{
	if (strcmp(entry->value, "off") != 0)
		config_key_time(load, key, entry, target);
}
