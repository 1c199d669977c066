/* config_schema.c - which keys a section may have, and how their values are read. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "base/config_impl.h"

#define SECRETS_FOLDER "/etc/simgate/credentials"

enum { KEYS_MAX = 24, LOGS_MAX = 64 };

struct key;

/* Puts the value into target, the struct of the section; says itself what is wrong with it. */
typedef void read_fn(struct config_loader *load, const struct key *key,
	const struct config_entry *entry, void *target);

struct key {
	const char *name;
	read_fn *read;
	size_t offset;      /* of the field in the target */
	const char *preset; /* read where the key is absent; NULL: left alone */
	int64_t min, max;
	const char *const *words;
	bool needed;
	const char *kind; /* the only kind of platform that has it; NULL: any */
};

static void *field_of(const struct key *key, void *target)
{
	return (char *)target + key->offset;
}

static void read_text(struct config_loader *load, const struct key *key,
	const struct config_entry *entry, void *target)
{
	config_keep(load, entry->value, field_of(key, target));
}

static void read_time(struct config_loader *load, const struct key *key,
	const struct config_entry *entry, void *target)
{
	int64_t ms = config_parse_duration(entry->value);

	if (ms == -ERANGE)
		config_error(load->report, entry->place, "%s: longer than 10 years", key->name);
	else if (ms < 0)
		config_error(load->report, entry->place,
			"%s: \"%.60s\" is no duration; write it as 250ms, 90s, 5m, 24h or 7d",
			key->name, entry->value);
	else if (ms < key->min)
		config_error(load->report, entry->place, "%s: must be more than 0", key->name);
	else if (key->max && ms > key->max)
		config_error(load->report, entry->place, "%s: must be %d s at most", key->name,
			(int)(key->max / 1000));
	else
		*(int64_t *)field_of(key, target) = ms;
}

static void read_int(struct config_loader *load, const struct key *key,
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

static void read_yes(struct config_loader *load, const struct key *key,
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

static void read_word(struct config_loader *load, const struct key *key,
	const struct config_entry *entry, void *target)
{
	if (config_is_word(entry->value, key->words))
		config_keep(load, entry->value, field_of(key, target));
	else
		not_a_word(load, entry, key->name, key->words);
}

static void read_board(struct config_loader *load, const struct key *key,
	const struct config_entry *entry, void *target)
{
	const char *const *boards = load->names ? load->names->boards : NULL;

	if (!boards || config_is_word(entry->value, boards))
		config_keep(load, entry->value, field_of(key, target));
	else
		not_a_word(load, entry, key->name, boards);
}

static void read_driver(struct config_loader *load, const struct key *key,
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

static void read_level(struct config_loader *load, const struct key *key,
	const struct config_entry *entry, void *target)
{
	int level = log_level_parse(entry->value);

	if (level < 0)
		not_a_word(load, entry, key->name, level_words);
	else
		*(enum log_level *)field_of(key, target) = (enum log_level)level;
}

static void read_format(struct config_loader *load, const struct key *key,
	const struct config_entry *entry, void *target)
{
	int format = log_format_parse(entry->value);

	if (format < 0)
		not_a_word(load, entry, key->name, format_words);
	else
		*(enum log_format *)field_of(key, target) = (enum log_format)format;
}

/* The value is not repeated: it may hold a password. */
static void read_store(struct config_loader *load, const struct key *key,
	const struct config_entry *entry, void *target)
{
	(void)target;
	if (strcmp(entry->value, "sqlite") != 0)
		config_error(load->report, entry->place,
			"%s: this version has sqlite only; write store = sqlite", key->name);
}

static void read_control(struct config_loader *load, const struct key *key,
	const struct config_entry *entry, void *target)
{
	size_t max = sizeof(((struct sockaddr_un *)0)->sun_path) - 1;

	if (strlen(entry->value) > max)
		config_error(load->report, entry->place,
			"%s: a socket's path has at most %zu bytes", key->name, max);
	else
		config_keep(load, entry->value, field_of(key, target));
}

static void read_host(struct config_loader *load, const struct key *key,
	const struct config_entry *entry, void *target)
{
	if (!config_is_name(entry->value, 64))
		config_error(load->report, entry->place, "%s: 1 to 64 bytes of A-Z a-z 0-9 . _ -",
			key->name);
	else
		config_keep(load, entry->value, field_of(key, target));
}

static void read_numbers(struct config_loader *load, const struct key *key,
	const struct config_entry *entry, void *target)
{
	load->numbers_place = entry->place;
	read_text(load, key, entry, target);
}

static void read_baud(struct config_loader *load, const struct key *key,
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

static void read_url(struct config_loader *load, const struct key *key,
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
static void read_secret(struct config_loader *load, const struct key *key,
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
static void read_pin(struct config_loader *load, const struct key *key,
	const struct config_entry *entry, void *target)
{
	char **field = field_of(key, target);
	size_t errors = load->report->errors;

	read_secret(load, key, entry, target);
	if (errors == load->report->errors && *field && !config_is_pin(*field))
		config_error(load->report, entry->place, "%s: a PIN is 4 to 8 digits", key->name);
}

static void read_ussd(struct config_loader *load, const struct key *key,
	const struct config_entry *entry, void *target)
{
	if (config_is_ussd(entry->value))
		config_keep(load, entry->value, field_of(key, target));
	else
		config_error(load->report, entry->place,
			"%s: \"%.60s\" is no code as *100#: digits, '*' and '#', 32 at most",
			key->name, entry->value);
}

static void read_ca(struct config_loader *load, const struct key *key,
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
static void read_filter(struct config_loader *load, const struct key *key,
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

/* "a, b": an array that grows in *out by one at a time, so that a half-built one can be freed. */
static void split_list(struct config_loader *load, const struct config_entry *entry, size_t max,
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

static void read_devices(struct config_loader *load, const struct key *key,
	const struct config_entry *entry, void *target)
{
	struct config_bank *bank = target;
	size_t i;

	load->device_places[bank - load->config->banks] = entry->place;
	split_list(load, entry, CONFIG_DEVICES_MAX, &bank->devices, &bank->device_count);
	for (i = 0; i < bank->device_count; i++) {
		const char *fault = config_device_fault(bank->devices[i]);

		if (fault)
			config_error(load->report, entry->place, "%s: \"%.200s\" %s", key->name,
				bank->devices[i], fault);
	}
}

static void read_path(struct config_loader *load, const struct key *key,
	const struct config_entry *entry, void *target)
{
	const char *fault = place_root_fault(entry->value);

	if (fault)
		config_error(load->report, entry->place, "%s: \"%.200s\" %s", key->name,
			entry->value, fault);
	else
		config_keep(load, entry->value, field_of(key, target));
}

static void read_sell(struct config_loader *load, const struct key *key,
	const struct config_entry *entry, void *target)
{
	struct config_bank *bank = target;
	size_t i, j;

	split_list(load, entry, CONFIG_PLATFORMS_MAX, &bank->sell, &bank->sell_count);
	for (i = 0; bank->sell && i < bank->sell_count; i++) {
		if (!config_is_word(bank->sell[i], load->platform_names))
			config_error(load->report, entry->place,
				"%s: there is no [platform %.80s]; nearest known name: %s",
				key->name, bank->sell[i],
				*load->platform_names
					? config_nearest(bank->sell[i], load->platform_names)
					: "none");
		for (j = 0; j < i; j++)
			/* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker) */
			if (!strcmp(bank->sell[i], bank->sell[j]))
				config_error(load->report, entry->place, "%s: %.80s is named twice",
					key->name, bank->sell[i]);
	}
}

static void read_listen(struct config_loader *load, const struct key *key,
	const struct config_entry *entry, void *target)
{
	struct config_http *http = target;

	(void)key;
	split_list(load, entry, CONFIG_LISTEN_MAX, &http->listen, &http->listen_count);
}

static void read_pem(struct config_loader *load, const struct key *key,
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

static void read_message_by(struct config_loader *load, const struct key *key,
	const struct config_entry *entry, void *target)
{
	if (config_is_word(entry->value, key->words))
		*(bool *)field_of(key, target) = strcmp(entry->value, "id") == 0;
	else
		not_a_word(load, entry, key->name, key->words);
}

#define PUSH "onlinesim-push"
#define HOOK "webhook"

static const char *const kind_words[] = { PUSH, HOOK, NULL };
static const char *const by_words[] = { "number", "id", NULL };
static const char *const list_words[] = { "numbers", "number", "list", NULL };

#define AT(type, field) .offset = offsetof(struct type, field)

static const struct key gateway_keys[] = {
	{ "state_dir", read_text, AT(config, state_dir), .preset = "/var/lib/simgate" },
	{ "store", read_store, .preset = "sqlite" },
	{ "host_id", read_host, AT(config, host_id) },
	{ "log_level", read_level, AT(config, log_level), .preset = "info" },
	{ "log_format", read_format, AT(config, log_format), .preset = "auto" },
	{ "control", read_control, AT(config, control), .preset = "/run/simgate/control.sock" },
	{ "numbers", read_numbers, AT(config, numbers_file) },
	{ "start_grace", read_time, AT(config, start_grace_ms), .preset = "90s", .min = 1 },
	{ "sweep_every", read_time, AT(config, sweep_every_ms), .preset = "60s", .min = 1 },
	{ "poll_every", read_time, AT(config, poll_every_ms), .preset = "30s", .min = 1 },
	{ "card_every", read_time, AT(config, card_every_ms), .preset = "10s" },
	{ "parts_wait", read_time, AT(config, parts_wait_ms), .preset = "24h", .min = 1 },
	{ "parts_late", read_time, AT(config, parts_late_ms), .preset = "24h" },
	{ "register_grace", read_time, AT(config, register_grace_ms), .preset = "20s", .min = 1 },
	{ "open_deadline", read_time, AT(config, open_deadline_ms), .preset = "10s", .min = 1 },
	{ "quarantine", read_time, AT(config, quarantine_ms), .preset = "5m", .min = 1 },
	{ "openers", read_int, AT(config, openers), .preset = "8", .min = 1, .max = 64 },
	{ "hub_starts", read_int, AT(config, hub_starts), .preset = "4", .min = 1, .max = 64 },
	{ 0 },
};

static const char *const cert_words[] = { "CERTIFICATE", NULL };
static const char *const key_words[] = { "PRIVATE KEY", NULL };

static const struct key http_keys[] = {
	{ "listen", read_listen, .preset = "127.0.0.1:8470" },
	{ "tls_cert", read_pem, AT(config_http, tls_cert), .words = cert_words },
	{ "tls_key", read_pem, AT(config_http, tls_key), .words = key_words },
	{ "allow_plaintext", read_yes, AT(config_http, allow_plaintext), .preset = "no" },
	{ "dashboard_key", read_secret, AT(config_http, dashboard_key) },
	{ 0 },
};

static const struct key bank_keys[] = {
	{ "board", read_board, AT(config_bank, board), .preset = "usb" },
	{ "path", read_path, AT(config_bank, path) },
	{ "devices", read_devices, .preset = NULL },
	{ "driver", read_driver, AT(config_bank, driver), .preset = "auto" },
	{ "baud", read_baud, AT(config_bank, baud), .preset = "115200" },
	{ "sell", read_sell, .preset = NULL },
	{ "pin", read_pin, AT(config_bank, pin) },
	{ 0 },
};

static const struct key operator_keys[] = {
	{ "ussd_number", read_ussd, AT(config_operator, ussd_number), .needed = true },
	{ 0 },
};

/* `kind` comes first: what follows depends on it. */
static const struct key platform_keys[] = {
	{ "kind", read_word, AT(config_platform, kind), .words = kind_words, .needed = true },
	{ "url", read_url, AT(config_platform, url), .needed = true },
	{ "key", read_secret, AT(config_platform, key), .needed = true, .kind = PUSH },
	{ "hmac_key", read_secret, AT(config_platform, hmac_key), .needed = true, .kind = HOOK },
	{ "ca_file", read_ca, AT(config_platform, ca_file) },
	{ "filter", read_filter, AT(config_platform, filter), .preset = "default" },
	{ "rent", read_yes, AT(config_platform, rent), .preset = "no", .kind = PUSH },
	{ "dry_run", read_yes, AT(config_platform, dry_run), .preset = "no", .kind = PUSH },
	{ "list_name", read_word, AT(config_platform, list_name), .preset = "numbers",
		.words = list_words, .kind = PUSH },
	{ "list_every", read_time, AT(config_platform, list_every_ms), .preset = "5m",
		.kind = PUSH },
	{ "list_delay", read_time, AT(config_platform, list_delay_ms), .preset = "1s", .min = 1,
		.kind = PUSH },
	{ "message_by", read_message_by, AT(config_platform, message_by_id), .preset = "number",
		.words = by_words, .kind = PUSH },
	{ "batch", read_time, AT(config_platform, batch_ms), .preset = "0",
		.max = INT64_C(60) * 1000, .kind = PUSH },
	{ "block_wait", read_time, AT(config_platform, block_ms), .preset = "30m", .min = 1,
		.kind = PUSH },
	{ "timeout", read_time, AT(config_platform, timeout_ms), .preset = "10s", .min = 1 },
	{ "retry_max", read_time, AT(config_platform, retry_max_ms), .preset = "60s", .min = 1 },
	{ "retry_after_max", read_time, AT(config_platform, retry_after_max_ms), .preset = "15m" },
	{ "account_probe", read_time, AT(config_platform, account_ms), .preset = "60s", .min = 1 },
	{ "number_give_up", read_time, AT(config_platform, number_give_up_ms), .preset = "7d",
		.min = 1, .kind = PUSH },
	{ "concurrency", read_int, AT(config_platform, concurrency), .preset = "8", .min = 1,
		.max = 64 },
	{ 0 },
};

bool config_platform_sells(const struct config_platform *platform)
{
	return !platform->kind || strcmp(platform->kind, HOOK) != 0;
}

static void unknown_keys(
	struct config_loader *load, const struct key *keys, const struct config_section *section)
{
	const char *names[KEYS_MAX + 1] = { NULL };
	size_t i;

	for (i = 0; i < KEYS_MAX && keys[i].name; i++)
		names[i] = keys[i].name;
	for (i = 0; i < section->count; i++)
		if (!section->entries[i].known)
			config_error(load->report, section->entries[i].place,
				"key \"%.80s\" in [%s] is not one that this version acts on; "
				"nearest "
				"known name: %s",
				section->entries[i].key, section->kind,
				config_nearest(section->entries[i].key, names));
}

/* A key of another kind of platform. Where the kind is missing or wrong, that is said alone. */
static bool is_foreign(const struct key *key, const char *kind)
{
	return key->kind && (!kind || strcmp(key->kind, kind) != 0);
}

static void read_key(struct config_loader *load, const struct key *key,
	const struct config_section *section, void *target, const char *kind)
{
	struct config_entry *entry = config_find_entry(section, key->name);
	struct config_entry preset = { (char *)key->name, (char *)key->preset, section->place,
		true };

	if (entry)
		entry->known = true;
	if (is_foreign(key, kind)) {
		if (entry && kind)
			config_error(load->report, entry->place,
				"key \"%s\" makes no sense with kind = %s; it is for kind = %s",
				key->name, kind, key->kind);
	} else if (entry || key->preset) {
		key->read(load, key, entry ? entry : &preset, target);
	} else if (key->needed) {
		config_error(load->report, section->place, "[%s %s] lacks the key \"%s\"",
			section->kind, section->name, key->name);
	}
}

static void read_keys(struct config_loader *load, const struct key *keys,
	const struct config_section *section, void *target)
{
	const struct key *key;

	for (key = keys; key->name; key++)
		read_key(load, key, section, target, NULL);
	unknown_keys(load, keys, section);
}

/* log.NAME = LEVEL: a category, a platform, or BANK/SLOT with a bank that is there. */
static bool is_log_name(struct config_loader *load, const char *name)
{
	const char *slash = strchr(name, '/');
	char bank[CONFIG_NAME_MAX + 1];

	if (!slash)
		return log_cat_parse(name) >= 0 || config_is_word(name, load->platform_names);
	if (slash - name > CONFIG_NAME_MAX || strlen(name) > CONFIG_PORT_ID_MAX)
		return false;
	memcpy(bank, name, (size_t)(slash - name));
	bank[slash - name] = '\0';
	return config_is_word(bank, load->bank_names) &&
	       config_is_name(slash + 1, CONFIG_PORT_ID_MAX);
}

static void unknown_log(
	struct config_loader *load, const struct config_entry *entry, const char *name)
{
	static const char *const cats[] = { "main", "config", "port", "at", "modem", "sms", "store",
		"platform", "http", "api", "wire", NULL };
	const char *const *words = cats;

	if (strchr(name, '/') && *load->bank_names)
		words = load->bank_names;
	config_error(load->report, entry->place,
		"log.%.80s: neither a category, nor a platform, nor BANK/SLOT; nearest known name: "
		"%s",
		name, config_nearest(name, words));
}

void config_read_logs(struct config_loader *load, const struct config_section *section)
{
	const struct key key = { "log", read_level, AT(config_log, level) };
	struct config *config = load->config;
	size_t i;

	config->logs = calloc(LOGS_MAX, sizeof(*config->logs));
	if (!config->logs)
		config_no_memory(load);
	for (i = 0; config->logs && i < section->count; i++) {
		struct config_entry *entry = &section->entries[i];

		if (strncmp(entry->key, "log.", 4) != 0)
			continue;
		entry->known = true;
		if (config->log_count == LOGS_MAX) {
			config_error(load->report, entry->place, "more than %d levels by name",
				LOGS_MAX);
			break;
		}
		if (!is_log_name(load, entry->key + 4)) {
			unknown_log(load, entry, entry->key + 4);
			continue;
		}
		config_keep(load, entry->key + 4, &config->logs[config->log_count].name);
		read_level(load, &key, entry, &config->logs[config->log_count++]);
	}
}

void config_read_gateway(struct config_loader *load, const struct config_section *section)
{
	read_keys(load, gateway_keys, section, load->config);
}

void config_read_http(struct config_loader *load, const struct config_section *section)
{
	read_keys(load, http_keys, section, &load->config->http);
}

void config_read_bank(
	struct config_loader *load, const struct config_section *section, struct config_bank *bank)
{
	config_read_slots(load, section, bank);
	read_keys(load, bank_keys, section, bank);
}

void config_read_platform(struct config_loader *load, const struct config_section *section,
	struct config_platform *platform)
{
	const struct key *key;

	for (key = platform_keys; key->name; key++)
		read_key(load, key, section, platform, platform->kind);
	unknown_keys(load, platform_keys, section);
}

void config_read_operator(struct config_loader *load, const struct config_section *section,
	struct config_operator *out)
{
	size_t len = strlen(section->name);

	if (len < 5 || len > 6 || strspn(section->name, "0123456789") != len)
		config_error(load->report, section->place,
			"[operator %.60s]: the name is MCC and MNC, 5 or 6 digits", section->name);
	read_keys(load, operator_keys, section, out);
}
