/* config_schema.c - which keys a section may have. */
#include <stdlib.h>
#include <string.h>

#include "base/config_keys.h"

enum { KEYS_MAX = 40, LOGS_MAX = 64 };

#define PUSH      "onlinesim-push"
#define PULL      "onlinesim-pull"
#define HOOK      "webhook"
#define ONLINESIM PUSH " " PULL

static const char *const kind_words[] = { PUSH, PULL, HOOK, NULL };
static const char *const by_words[] = { "number", "id", NULL };
static const char *const list_words[] = { "numbers", "number", "list", NULL };
static const char *const profile_words[] = { "onlinesim", "smshub", NULL };
static const char *const phone_words[] = { "integer", "string", NULL };
static const char *const sms_id_words[] = { "operation", "message", NULL };
static const char *const operators_words[] = { "sum", "named", "any", NULL };

#define AT(type, field) .offset = offsetof(struct type, field)

static const struct key gateway_keys[] = {
	{ "state_dir", config_key_text, AT(config, state_dir), .preset = "/var/lib/simgate" },
	{ "store", config_key_store, AT(config, store), .preset = CONFIG_STORE_FILE },
	{ "store_password", config_key_secret, AT(config, store_password) },
	{ "host_id", config_key_host, AT(config, host_id) },
	{ "host_stale", config_key_time, AT(config, host_stale_ms), .preset = "20s", .min = 1000,
		.max = INT64_C(3600) * 1000 },
	{ "log_level", config_key_level, AT(config, log_level), .preset = "info" },
	{ "log_format", config_key_format, AT(config, log_format), .preset = "auto" },
	{ "control", config_key_control, AT(config, control),
		.preset = "/run/simgate/control.sock" },
	{ "numbers", config_key_numbers, AT(config, numbers_file) },
	{ "orders_keep", config_key_time, AT(config, orders_keep_ms), .preset = "90d",
		.min = INT64_C(86400000) },
	{ "start_grace", config_key_time, AT(config, start_grace_ms), .preset = "90s", .min = 1 },
	{ "sweep_every", config_key_time, AT(config, sweep_every_ms), .preset = "60s", .min = 1 },
	{ "poll_every", config_key_time, AT(config, poll_every_ms), .preset = "30s", .min = 1 },
	{ "card_every", config_key_time, AT(config, card_every_ms), .preset = "10s" },
	{ "parts_wait", config_key_time, AT(config, parts_wait_ms), .preset = "24h", .min = 1 },
	{ "parts_late", config_key_time, AT(config, parts_late_ms), .preset = "24h" },
	{ "retention", config_key_time, AT(config, retention_ms), .preset = "24h", .min = 60000 },
	{ "history", config_key_time, AT(config, history_ms), .preset = "30d",
		.min = INT64_C(7) * 24 * 3600 * 1000 },
	{ "register_grace", config_key_time, AT(config, register_grace_ms), .preset = "20s",
		.min = 1 },
	{ "open_deadline", config_key_time, AT(config, open_deadline_ms), .preset = "10s",
		.min = 1 },
	{ "quarantine", config_key_time, AT(config, quarantine_ms), .preset = "5m", .min = 1 },
	{ "openers", config_key_int, AT(config, openers), .preset = "8", .min = 1, .max = 64 },
	{ "hub_starts", config_key_int, AT(config, hub_starts), .preset = "4", .min = 1,
		.max = 64 },
	{ "hub_recoveries", config_key_int, AT(config, hub_recoveries), .preset = "2", .min = 1,
		.max = 64 },
	{ "hub_alarm_ports", config_key_int, AT(config, hub_alarm_ports), .preset = "3", .min = 2,
		.max = 1024 },
	{ "hub_alarm_percent", config_key_int, AT(config, hub_alarm_percent), .preset = "50",
		.min = 1, .max = 100 },
	{ "hub_alarm_within", config_key_time, AT(config, hub_alarm_within_ms), .preset = "10s",
		.min = 1 },
	{ 0 },
};

static const char *const cert_words[] = { "CERTIFICATE", NULL };
static const char *const key_words[] = { "PRIVATE KEY", NULL };

static const char *const rent_words[] = { "onlinesim", "siblings", NULL };

static const struct key http_keys[] = {
	{ "listen", config_key_listen, .preset = "127.0.0.1:8470" },
	{ "tls_cert", config_key_pem, AT(config_http, tls_cert), .words = cert_words },
	{ "tls_key", config_key_pem, AT(config_http, tls_key), .words = key_words },
	{ "allow_plaintext", config_key_yes, AT(config_http, allow_plaintext), .preset = "no" },
	{ "dashboard_key", config_key_secret, AT(config_http, dashboard_key) },
	{ "rent_status", config_key_either, AT(config_http, rent_siblings), .preset = "onlinesim",
		.words = rent_words },
	{ "cancel_after", config_key_time, AT(config_http, cancel_after_ms), .preset = "0" },
	{ 0 },
};

static const char *const end_words[] = { "cr", "crlf", NULL };
static const char *const order_words[] = { "rows", "least", NULL };

static const struct key bank_keys[] = {
	{ "board", config_key_board, AT(config_bank, board), .preset = "usb" },
	{ "path", config_key_path, AT(config_bank, path) },
	{ "devices", config_key_devices, .preset = NULL },
	{ "driver", config_key_driver, AT(config_bank, driver), .preset = "auto" },
	{ "baud", config_key_baud, AT(config_bank, baud), .preset = "115200" },
	{ "sell", config_key_sell, .preset = NULL },
	{ "pin", config_key_pin, AT(config_bank, pin) },
	{ "rows", config_key_int, AT(config_bank, rows), .min = 1, .max = 9999 },
	{ "control_end", config_key_word, AT(config_bank, control_end), .words = end_words },
	{ "rotate", config_key_rotate, AT(config_bank, rotate_ms), .min = 1 },
	{ "rotate_order", config_key_word, AT(config_bank, rotate_order), .words = order_words },
	{ "rotate_wait", config_key_time, AT(config_bank, rotate_wait_ms) },
	{ "switch_wait", config_key_time, AT(config_bank, switch_wait_ms), .min = 1 },
	{ "switch_stagger", config_key_time, AT(config_bank, switch_stagger_ms), .min = 1 },
	{ "switch_timeout", config_key_time, AT(config_bank, switch_timeout_ms), .min = 1 },
	{ 0 },
};

static const struct key operator_keys[] = {
	{ "name", config_key_text, AT(config_operator, name) },
	{ "ussd_number", config_key_ussd, AT(config_operator, ussd_number) },
	{ 0 },
};

/* `kind` comes first: what follows depends on it. */
static const struct key platform_keys[] = {
	{ "kind", config_key_word, AT(config_platform, kind), .words = kind_words, .needed = true },
	{ "url", config_key_url, AT(config_platform, url), .needed = true },
	{ "key", config_key_secret, AT(config_platform, key), .needed = true, .kind = ONLINESIM },
	{ "hmac_key", config_key_secret, AT(config_platform, hmac_key), .needed = true,
		.kind = HOOK },
	{ "ca_file", config_key_ca, AT(config_platform, ca_file) },
	{ "filter", config_key_filter, AT(config_platform, filter), .preset = "default" },
	{ "rent", config_key_yes, AT(config_platform, rent), .preset = "no", .kind = ONLINESIM },
	{ "dry_run", config_key_yes, AT(config_platform, dry_run), .preset = "no", .kind = PUSH },
	{ "list_name", config_key_word, AT(config_platform, list_name), .preset = "numbers",
		.words = list_words, .kind = PUSH },
	{ "list_every", config_key_time, AT(config_platform, list_every_ms), .preset = "5m",
		.kind = PUSH },
	{ "list_delay", config_key_time, AT(config_platform, list_delay_ms), .preset = "1s",
		.min = 1, .kind = PUSH },
	{ "message_by", config_key_either, AT(config_platform, message_by_id), .preset = "number",
		.words = by_words, .kind = PUSH },
	{ "batch", config_key_time, AT(config_platform, batch_ms), .preset = "0",
		.max = INT64_C(60) * 1000, .kind = PUSH },
	{ "block_wait", config_key_time, AT(config_platform, block_ms), .preset = "30m", .min = 1,
		.kind = PUSH },
	{ "timeout", config_key_time, AT(config_platform, timeout_ms), .preset = "10s", .min = 1 },
	{ "retry_max", config_key_time, AT(config_platform, retry_max_ms), .preset = "60s",
		.min = 1 },
	{ "retry_after_max", config_key_time, AT(config_platform, retry_after_max_ms),
		.preset = "15m" },
	{ "account_probe", config_key_time, AT(config_platform, account_ms), .preset = "60s",
		.min = 1 },
	{ "number_give_up", config_key_time, AT(config_platform, number_give_up_ms), .preset = "7d",
		.min = 1, .kind = PUSH },
	{ "concurrency", config_key_int, AT(config_platform, concurrency), .preset = "8", .min = 1,
		.max = 64 },
	{ "webhook_path", config_key_hook_path, AT(config_platform, webhook_path), .kind = PUSH },
	{ "profile", config_key_word, AT(config_platform, profile), .preset = "onlinesim",
		.words = profile_words, .kind = PULL },
	{ "push_path", config_key_url_path, AT(config_platform, push_path), .kind = PULL },
	{ "push_rent_path", config_key_url_path, AT(config_platform, push_rent_path),
		.kind = PULL },
	{ "phone_type", config_key_word, AT(config_platform, phone_type), .preset = "integer",
		.words = phone_words, .kind = PULL },
	{ "sms_id", config_key_word, AT(config_platform, sms_id), .words = sms_id_words,
		.kind = PULL },
	{ "operators", config_key_word, AT(config_platform, operators), .words = operators_words,
		.kind = PULL },
	{ "final_errors", config_key_codes, .preset = "IGNORED, SERVICE_BAN", .kind = PULL },
	{ "cancel_limit", config_key_int, AT(config_platform, cancel_limit), .max = 1000,
		.kind = PULL },
	{ "retry_every", config_key_time, AT(config_platform, retry_every_ms), .preset = "10s",
		.min = 1, .kind = PULL },
	{ "closed_give_up", config_key_time, AT(config_platform, closed_give_up_ms), .preset = "1h",
		.kind = PULL },
	{ "release_unanswered", config_key_time, AT(config_platform, unanswered_ms), .preset = "0",
		.kind = PULL },
	{ 0 },
};

static bool is_kind(const struct config_platform *platform, const char *kind)
{
	return platform->kind && strcmp(platform->kind, kind) == 0;
}

bool config_platform_sells(const struct config_platform *platform)
{
	return !is_kind(platform, HOOK);
}

bool config_platform_lists(const struct config_platform *platform)
{
	return is_kind(platform, PUSH);
}

bool config_platform_orders(const struct config_platform *platform)
{
	return is_kind(platform, PULL);
}

static void keep_default(struct config_loader *load, const char *value, char **field)
{
	if (!*field)
		config_keep(load, value, field);
}

/* What the profile says where the section says nothing. */
static void apply_profile(struct config_loader *load, const struct config_section *section,
	struct config_platform *platform)
{
	bool smshub = platform->profile && !strcmp(platform->profile, "smshub");

	if (!config_platform_orders(platform))
		return;
	keep_default(load, smshub ? "" : "/v1/PUSH_SMS", &platform->push_path);
	keep_default(load, smshub ? "" : "/v1/PUSH_SMS_RENT", &platform->push_rent_path);
	keep_default(load, smshub ? "message" : "operation", &platform->sms_id);
	keep_default(load, smshub ? "named" : "sum", &platform->operators);
	if (!config_find_entry(section, "cancel_limit"))
		platform->cancel_limit = smshub ? 4 : 0;
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

/* A key of other kinds of platforms. Where the kind is missing or wrong, that is said alone. */
static bool is_foreign(const struct key *key, const char *kind)
{
	const char *at = key->kind && kind ? strstr(key->kind, kind) : NULL;

	return key->kind && !at; /* no kind's name is part of another's */
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

void config_read_keys(struct config_loader *load, const struct key *keys,
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
	const struct key key = { "log", config_key_level, AT(config_log, level) };
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
		config_key_level(load, &key, entry, &config->logs[config->log_count++]);
	}
}

void config_read_gateway(struct config_loader *load, const struct config_section *section)
{
	const struct config_entry *password = config_find_entry(section, "store_password");
	const char *store;

	config_read_keys(load, gateway_keys, section, load->config);
	store = load->config->store;
	if (password && store && !strcmp(store, CONFIG_STORE_FILE))
		config_error(load->report, password->place,
			"store_password: is for store = postgresql://...");
}

void config_read_http(struct config_loader *load, const struct config_section *section)
{
	config_read_keys(load, http_keys, section, &load->config->http);
}

void config_read_bank(
	struct config_loader *load, const struct config_section *section, struct config_bank *bank)
{
	config_read_slots(load, section, bank);
	config_read_columns(load, section, bank);
	config_read_keys(load, bank_keys, section, bank);
}

void config_read_platform(struct config_loader *load, const struct config_section *section,
	struct config_platform *platform)
{
	const struct key *key;

	for (key = platform_keys; key->name; key++)
		read_key(load, key, section, platform, platform->kind);
	apply_profile(load, section, platform);
	unknown_keys(load, platform_keys, section);
}

void config_read_operator(struct config_loader *load, const struct config_section *section,
	struct config_operator *out)
{
	size_t len = strlen(section->name);

	if (len < 5 || len > 6 || strspn(section->name, "0123456789") != len)
		config_error(load->report, section->place,
			"[operator %.60s]: the name is MCC and MNC, 5 or 6 digits", section->name);
	config_read_keys(load, operator_keys, section, out);
	if (!config_find_entry(section, "name") && !config_find_entry(section, "ussd_number"))
		config_error(load->report, section->place,
			"[operator %.60s] lacks the key \"name\", or \"ussd_number\"",
			section->name);
}
