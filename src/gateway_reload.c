/* gateway_reload.c - a configuration read again: what changed starts anew, nothing else notices. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "gateway_impl.h"

static void apply_log(const struct config *config, struct loop *loop)
{
	log_init(config->log_format, loop);
	log_reset_levels();
	log_set_level(NULL, config->log_level);
	for (size_t i = 0; i < config->log_count; i++)
		log_set_level(config->logs[i].name, config->logs[i].level);
}

void gateway_apply(struct gateway *gateway)
{
	const struct config *config = gateway->config;

	apply_log(config, gateway->loop);
	gateway->env.spans = (struct modem_spans) { config->sweep_every_ms, config->poll_every_ms,
		config->register_grace_ms, config->open_deadline_ms, config->quarantine_ms,
		config->card_every_ms };
	gateway->env.record_dir = config->record_dir;
	gateway->hub_limits = (struct hub_limits) { config->hub_recoveries, config->hub_alarm_ports,
		config->hub_alarm_percent, config->hub_alarm_within_ms };
	gateway->inbox_spans =
		(struct inbox_spans) { config->parts_wait_ms, config->parts_late_ms };
	gateway->retention_spans =
		(struct retention_spans) { config->retention_ms, config->history_ms };
}

/* Ports whose own device, driver or baud rate changed start anew; the others notice nothing. */
static void diff_ports(struct gateway *gateway, config_say_fn *say, void *arg)
{
	char line[300];

	for (size_t i = gateway->modem_count; i-- > 0;) {
		struct modem *modem = gateway->modems[i];
		const struct config_bank *bank = gateway_bank(gateway->config, modem->bank);
		bool by_place = false;
		bool gone = !bank || !(gateway_hotplug_covers(gateway, modem, bank, &by_place) ||
					     (!by_place && gateway_covers(bank, modem->device)));
		if (!gone && bank->baud == modem->baud &&
			board_named(bank->board) == modem->board &&
			modem_driver_named(bank->driver) == modem->wanted_driver)
			continue;
		snprintf(line, sizeof line, "port %s: %s", modem->id,
			gone ? "no longer configured, closed" : "changed, starts anew");
		say(arg, line);
		if (gone)
			store_resume(gateway->store,
				&(struct store_place) { modem->bank, modem->slot }, 1, NULL, NULL);
		gateway_retire(gateway, i, gone ? "no longer configured" : "configuration changed");
	}
}

static void diff_platforms(struct gateway *gateway, config_say_fn *say, void *arg)
{
	const struct config *config = gateway->config;
	char line[300];

	for (size_t i = gateway->view.platform_count; i-- > 0;) {
		struct control_platform *platform = &gateway->platforms[i];
		const char *name = gateway->owners[i]->name;
		const char *kind = platform->config->kind; /* of the old configuration */
		size_t n = 0;
		while (n < config->platform_count &&
			(strcmp(config->platforms[n].name, name) != 0 ||
				strcmp(config->platforms[n].kind, kind) != 0))
			n++;
		if (n < config->platform_count) {
			platform->config = &config->platforms[n];
			outbox_configure(platform->outbox, platform->config);
			if (platform->roster)
				roster_configure(platform->roster, platform->config);
			if (platform->takeoff)
				takeoff_configure(platform->takeoff, platform->config);
			gateway_tell_sold_banks(gateway, platform);
			continue;
		}
		snprintf(line, sizeof line, "platform %s: closed, its texts wait", name);
		say(arg, line);
		gateway_remove_platform(gateway, i);
		size_t left = --gateway->view.platform_count - i;
		memmove(&gateway->platforms[i], &gateway->platforms[i + 1],
			left * sizeof gateway->platforms[0]);
		memmove(&gateway->owners[i], &gateway->owners[i + 1],
			left * sizeof gateway->owners[0]);
	}
	for (size_t n = 0; n < config->platform_count; n++)
		if (!gateway_platform(gateway, config->platforms[n].name))
			gateway_add_platform(gateway, &config->platforms[n]);
}

/* The rules of a file, where its name did not change; `fresh` are those that were just read. */
static void diff_rules(const struct gateway *gateway, const struct config *fresh,
	struct filter *const filters[CONFIG_PLATFORMS_MAX], config_say_fn *say, void *arg)
{
	const struct config *old = gateway->config;
	char line[300];

	for (size_t i = 0; i < fresh->platform_count; i++) {
		const char *name = fresh->platforms[i].filter;
		size_t first = 0, was = 0;
		while (strcmp(fresh->platforms[first].filter, name) != 0)
			first++;
		while (was < old->platform_count && strcmp(old->platforms[was].filter, name) != 0)
			was++;
		if (first < i || was == old->platform_count ||
			filter_same(filters[i], gateway->filters[was]))
			continue;
		snprintf(line, sizeof line, "filter %.250s: changed", name);
		say(arg, line);
	}
}

/* What cannot change while running stays, and is said. */
static void keep_fixed(struct config *fresh, struct config *old, config_say_fn *say, void *arg)
{
	struct {
		const char *name;
		char **fresh, **old;
	} fixed[] = {
		{ "state_dir", &fresh->state_dir, &old->state_dir },
		{ "store", &fresh->store, &old->store },
		{ "host_id", &fresh->host_id, &old->host_id },
		{ "control", &fresh->control, &old->control },
	};
	char line[100];

	fresh->record_dir = old->record_dir;
	fresh->sys_root = old->sys_root;
	fresh->dev_root = old->dev_root;
	old->record_dir = old->sys_root = old->dev_root = NULL;
	if (fresh->openers != old->openers)
		say(arg, "openers: changes at the next restart");
	if (fresh->host_stale_ms != old->host_stale_ms)
		say(arg, "host_stale: changes at the next restart");
	fresh->host_stale_ms = old->host_stale_ms;
	for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++) {
		char *kept = *fixed[i].old;
		if (strcmp(*fixed[i].fresh, kept) != 0) {
			snprintf(line, sizeof line, "%s: changes at the next restart",
				fixed[i].name);
			say(arg, line);
		}
		*fixed[i].old = *fixed[i].fresh;
		*fixed[i].fresh = kept;
	}
}

static void report_refused(const struct config_report *report)
{
	for (size_t i = 0; i < report->count; i++)
		log_warning(LOGC_CONFIG, NULL, NULL, NULL, "%s", report->lines[i]);
	if (report->errors)
		log_error(LOGC_CONFIG, NULL, NULL,
			LOG_FIELDS(LOG_INT("errors", (int64_t)report->errors)),
			"the configuration has errors; the old one stays");
}

static int rules_load(const struct config *config, struct config_report *report,
	struct filter *filters[CONFIG_PLATFORMS_MAX], struct filter ***services)
{
	int err = gateway_services_load(config, report, services);
	int filters_err = gateway_filters_load(config, report, filters);

	if (!err && filters_err)
		gateway_services_free(*services, config->service_count);
	if (err && !filters_err)
		gateway_filters_free(filters);
	return err ? err : filters_err;
}

int gateway_reload_said(void *arg, struct config_report *report, config_say_fn *say, void *say_arg)
{
	struct gateway *gateway = arg;
	struct filter *filters[CONFIG_PLATFORMS_MAX] = { NULL }, **services = NULL;
	struct config *fresh, *old = gateway->config;
	bool whole;

	if (gateway->stopping) /* no new port may open now */
		return -ECANCELED;
	fresh = config_load(gateway->config->file, gateway_names(), report);
	if (fresh && rules_load(fresh, report, filters, &services) < 0) {
		config_free(fresh);
		fresh = NULL;
	}
	report_refused(report);
	if (!fresh)
		return -EINVAL;
	notify_reloading(gateway->notify);
	gateway->reloading = true; /* ports that close now have no trouble */
	config_diff(old, fresh, say, say_arg);
	diff_rules(gateway, fresh, filters, say, say_arg);
	keep_fixed(fresh, old, say, say_arg);
	gateway->config = fresh;
	gateway->view.config = fresh;
	gateway_filters_free(gateway->filters);
	memcpy(gateway->filters, filters, sizeof filters);
	gateway_services_free(gateway->services, old->service_count);
	gateway->services = services;
	gateway_apply(gateway);
	gateway_orders_configure(gateway);
	gateway_filters_say(fresh);
	gateway_pull_reload(gateway);
	whole = gateway_http_reload(gateway, old, say, say_arg);
	diff_platforms(gateway, say, say_arg);
	diff_ports(gateway, say, say_arg);
	if (gateway->begun) {
		gateway_hotplug_reload(gateway);
		gateway_scan(gateway);
	}
	gateway->reloading = false;
	gateway_rescue_reload(gateway);
	gateway_orders_reload(gateway);
	if (gateway->banks && banks_configure(gateway->banks, fresh) < 0) {
		say(say_arg, "out of memory: not every bank switches cards");
		whole = false;
	}
	gateway_load_numbers(gateway);
	gateway_claim_banks(gateway);
	gateway_keep_places(gateway);
	for (size_t i = 0; i < gateway->modem_count; i++)
		modem_card_changed(gateway->modems[i]); /* there may be a PIN for it now */
	gateway_rosters_changed(gateway);
	config_free(old);
	notify_ready(gateway->notify);
	log_notice(LOGC_MAIN, NULL, NULL, NULL, "configuration read again");
	return whole ? 0 : 1;
}

static void say_log(void *arg, const char *line)
{
	(void)arg;
	log_notice(LOGC_CONFIG, NULL, NULL, NULL, "%s", line);
}

void gateway_reload(struct gateway *gateway)
{
	struct config_report report = { 0 };

	gateway_reload_said(gateway, &report, say_log, NULL);
	config_report_free(&report);
}
