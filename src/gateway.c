/* gateway.c - owns every long-lived object and wires one wing to the other. */
#include "gateway.h"

#include <errno.h>
#include <fnmatch.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/control.h"
#include "base/counter.h"
#include "host/httpd.h"
#include "host/notify.h"
#include "modem/board.h"
#include "modem/inbox.h"
#include "modem/modem.h"
#include "platform/deliver.h"
#include "platform/outbox.h"
#include "platform/roster.h"
#include "platform/route.h"
#include "port/opener.h"
#include "store/store.h"

enum {
	TICK_MS = 2000,            /* globs are read again, the dead are buried */
	SUMMARY_MS = 5 * 60 * 1000,
	STOP_MS = 4000,            /* for what is under way when asked to stop */
	STOP_LOOK_MS = 20,
	STORE_STUCK_MS = 20000,    /* jobs wait and none ends: the watchdog may bite */
};

/* A platform and what works for it. */
struct platform {
	struct gateway *gateway;
	char name[STORE_NAME_SIZE];
};

struct gateway {
	struct loop *loop;
	struct config *config;
	struct store *store;
	struct opener *opener;
	struct inbox *inbox;
	struct deliver *deliver;
	struct control *control;
	struct httpd *httpd;
	struct notify *notify;
	struct modem_env env;
	struct modem **modems;
	size_t modem_count, modem_room;
	size_t scan_at; /* where in modems the next device of a scan is expected */
	struct modem **dying; /* stopped by a reload, not yet finished */
	size_t dying_count;
	struct control_platform platforms[CONFIG_PLATFORMS_MAX];
	struct platform *owners[CONFIG_PLATFORMS_MAX];
	struct control_view view;
	struct loop_timer tick, summary, grace, stop_timer;
	int64_t stop_by_ms, store_moved_ms;
	uint64_t store_moves;
	loop_fn *stopped;
	void *stopped_arg;
	bool starting; /* the ports are being added: that those so far have settled means nothing */
	bool stopping;
};

const struct config_names *gateway_names(void)
{
	enum { MAX = 64 };
	static const char *drivers[MAX], *board_names[MAX];
	static const struct config_names names = { drivers, board_names };

	for (size_t i = 0; modem_drivers[i] && i < MAX - 1; i++)
		drivers[i] = modem_drivers[i]->name;
	for (size_t i = 0; boards[i] && i < MAX - 1; i++)
		board_names[i] = boards[i]->name;
	return &names;
}

/* ---- texts: modem wing to platform wing ---------------------------------------------------------- */

static const struct config_bank *find_bank(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->bank_count; i++)
		if (strcmp(config->banks[i].name, name) == 0)
			return &config->banks[i];
	return NULL;
}

static size_t on_route(void *arg, const char *bank, bool attributed, struct store_route *out)
{
	struct gateway *gateway = arg;
	struct route_platform platforms[CONFIG_PLATFORMS_MAX];

	for (size_t i = 0; i < gateway->view.platform_count; i++)
		platforms[i] = (struct route_platform){ gateway->platforms[i].config->name,
			outbox_wants(gateway->platforms[i].outbox) };
	return route(find_bank(gateway->config, bank), platforms, gateway->view.platform_count,
		attributed, out);
}

static void on_text_stored(void *arg, const struct store_sms_result *result)
{
	struct gateway *gateway = arg;

	for (size_t p = 0; p < gateway->view.platform_count; p++) {
		struct control_platform *platform = &gateway->platforms[p];
		bool offered = false;
		for (size_t i = 0; i < result->claimed_count; i++)
			if (strcmp(result->claimed[i].platform, platform->config->name) == 0) {
				outbox_offer(platform->outbox, &result->claimed[i]);
				offered = true;
			}
		if (!offered && result->message_id[0])
			outbox_kick(platform->outbox);
	}
}

static const struct inbox_host inbox_host = { on_route, on_text_stored };

static void kick_all(void *arg)
{
	struct gateway *gateway = arg;

	for (size_t i = 0; i < gateway->view.platform_count; i++)
		outbox_kick(gateway->platforms[i].outbox);
}

static void rosters_changed(struct gateway *gateway)
{
	for (size_t i = 0; i < gateway->view.platform_count; i++)
		roster_changed(gateway->platforms[i].roster);
}

/* ---- when the first list may go out -------------------------------------------------------------- */

static void open_rosters(struct gateway *gateway, const char *why)
{
	if (gateway->view.settled || gateway->stopping)
		return;
	gateway->view.settled = true;
	loop_timer_stop(&gateway->grace);
	log_info(LOGC_MAIN, NULL, NULL,
		LOG_FIELDS(LOG_INT("ports", (int64_t)gateway->modem_count), LOG_STR("reason", why)),
		"the number lists may go out");
	for (size_t i = 0; i < gateway->view.platform_count; i++)
		roster_open(gateway->platforms[i].roster);
}

static void on_grace_over(void *arg)
{
	open_rosters(arg, "start_grace is over");
}

/* No port at all may mean that udev is not done: then start_grace decides. */
static void look_settled(struct gateway *gateway)
{
	if (gateway->starting)
		return;
	for (size_t i = 0; i < gateway->modem_count; i++)
		if (!gateway->modems[i]->settled)
			return;
	if (gateway->modem_count > 0)
		open_rosters(gateway, "every port has settled");
}

static void on_modem_changed(void *arg, struct modem *modem)
{
	struct gateway *gateway = arg;

	(void)modem;
	rosters_changed(gateway);
	kick_all(gateway);
	if (!gateway->view.settled)
		look_settled(gateway);
}

/* ---- slots --------------------------------------------------------------------------------------- */

static bool is_glob(const char *device)
{
	return strpbrk(device, "*?[") != NULL && strncmp(device, "tcp:", 4) != 0;
}

/* A device's slot: its base name as configured; host_port for tcp:host:port. */
static void slot_name(const char *device, char *out, size_t size)
{
	const char *base = strrchr(device, '/');
	char plain[STORE_NAME_SIZE];
	size_t len = 0;

	if (strncmp(device, "tcp:", 4) == 0)
		base = device + 4;
	else
		base = base ? base + 1 : device;
	for (; *base && len + 1 < sizeof plain; base++)
		if (*base != '[' && *base != ']')
			plain[len++] = *base;
	plain[len] = '\0';
	config_clean_name(plain, out, size);
}

static bool slot_taken(struct gateway *gateway, const char *bank, const char *slot,
	const char *device)
{
	static struct log_limit limit = { .period_ms = SUMMARY_MS, .burst = 8 };

	/* Nearly always they come in the same order as the last time. */
	if (gateway->scan_at < gateway->modem_count &&
		strcmp(gateway->modems[gateway->scan_at]->device, device) == 0) {
		gateway->scan_at++;
		return true;
	}
	for (size_t i = 0; i < gateway->modem_count; i++) {
		const struct modem *modem = gateway->modems[i];
		if (strcmp(modem->device, device) == 0) {
			gateway->scan_at = i + 1;
			return true;
		}
		if (strcmp(modem->bank, bank) == 0 && strcmp(modem->slot, slot) == 0) {
			if (log_limit(&limit))
				log_error(LOGC_CONFIG, modem->id, NULL,
					LOG_FIELDS(LOG_STR("device", device)),
					"two devices would have this name: narrow the glob");
			return true;
		}
	}
	return false;
}

static void add_modem(struct gateway *gateway, const struct config_bank *bank, const char *device)
{
	char slot[STORE_NAME_SIZE];
	struct modem_config config = { bank->name, slot, device, modem_driver_named(bank->driver),
		bank->baud };
	struct modem *modem;

	slot_name(device, slot, sizeof slot);
	if (slot_taken(gateway, bank->name, slot, device))
		return;
	if (gateway->modem_count == GATEWAY_SLOTS_MAX) {
		counter_add(COUNTER_SLOTS_REFUSED, 1);
		return;
	}
	if (gateway->modem_count == gateway->modem_room) {
		size_t room = gateway->modem_room ? 2 * gateway->modem_room : 64;
		struct modem **modems = realloc(gateway->modems, room * sizeof(struct modem *));
		if (!modems)
			return;
		gateway->modems = modems;
		gateway->modem_room = room;
	}
	modem = modem_new(&gateway->env, &config);
	if (!modem)
		return; /* out of memory: tried again at the next look */
	gateway->modems[gateway->modem_count++] = modem;
	gateway->view.modems = gateway->modems;
	gateway->view.modem_count = gateway->modem_count;
	modem_start(modem);
}

static void scan_pattern(
	struct gateway *gateway, const struct config_bank *bank, const char *pattern)
{
	glob_t found;

	if (!is_glob(pattern)) {
		add_modem(gateway, bank, pattern);
		return;
	}
	if (glob(pattern, 0, NULL, &found) == 0)
		for (size_t i = 0; i < found.gl_pathc; i++)
			add_modem(gateway, bank, found.gl_pathv[i]);
	globfree(&found);
}

static void scan_devices(struct gateway *gateway)
{
	gateway->scan_at = 0;
	for (size_t b = 0; b < gateway->config->bank_count; b++)
		for (size_t d = 0; d < gateway->config->banks[b].device_count; d++)
			scan_pattern(gateway, &gateway->config->banks[b],
				gateway->config->banks[b].devices[d]);
}

static void bury_dead(struct gateway *gateway)
{
	size_t kept = 0;

	for (size_t i = 0; i < gateway->dying_count; i++) {
		if (modem_finished(gateway->dying[i]))
			modem_free(gateway->dying[i]);
		else
			gateway->dying[kept++] = gateway->dying[i];
	}
	gateway->dying_count = kept;
}

/* Takes a port out of service; it is freed once nothing of it is under way. */
static void retire(struct gateway *gateway, size_t i, const char *why)
{
	struct modem *modem = gateway->modems[i];
	struct modem **dying = realloc(
		gateway->dying, (gateway->dying_count + 1) * sizeof(struct modem *));

	if (!dying)
		return; /* stays in service: the next reload does it */
	gateway->dying = dying;
	gateway->dying[gateway->dying_count++] = modem;
	gateway->modem_count--;
	memmove(&gateway->modems[i], &gateway->modems[i + 1],
		(gateway->modem_count - i) * sizeof(struct modem *));
	gateway->view.modem_count = gateway->modem_count;
	modem_stop(modem, why);
}

/* ---- platforms ----------------------------------------------------------------------------------- */

static struct control_platform *find_platform(struct gateway *gateway, const char *name)
{
	for (size_t i = 0; i < gateway->view.platform_count; i++)
		if (strcmp(gateway->owners[i]->name, name) == 0)
			return &gateway->platforms[i];
	return NULL;
}

static void on_want_list(void *arg)
{
	struct platform *owner = arg;
	struct control_platform *platform = find_platform(owner->gateway, owner->name);

	if (platform)
		roster_sync(platform->roster, NULL, NULL);
}

static void on_list_answered(void *arg, enum outcome outcome, const char *reason)
{
	struct platform *owner = arg;
	struct control_platform *platform = find_platform(owner->gateway, owner->name);

	if (!platform)
		return;
	outbox_account(platform->outbox, outcome, reason);
	if (outcome == OUTCOME_DELIVERED)
		outbox_kick(platform->outbox);
}

static const struct outbox_events outbox_events = { on_want_list, NULL };
static const struct roster_events roster_events = { on_list_answered };

static void platform_free(struct gateway *gateway, size_t i)
{
	roster_free(gateway->platforms[i].roster);
	outbox_free(gateway->platforms[i].outbox);
	free(gateway->owners[i]);
	gateway->platforms[i] = (struct control_platform){ 0 };
	gateway->owners[i] = NULL;
}

static void tell_sold_banks(struct gateway *gateway, struct control_platform *platform)
{
	char *names[CONFIG_BANKS_MAX];
	size_t count = 0;

	for (size_t b = 0; b < gateway->config->bank_count; b++)
		for (size_t s = 0; s < gateway->config->banks[b].sell_count; s++)
			if (strcmp(gateway->config->banks[b].sell[s], platform->config->name) == 0)
				names[count++] = gateway->config->banks[b].name;
	roster_sells(platform->roster, names, count);
}

static int add_platform(struct gateway *gateway, const struct config_platform *config)
{
	size_t i = gateway->view.platform_count;
	struct control_platform *platform = &gateway->platforms[i];
	struct platform *owner = calloc(1, sizeof *owner);

	if (!owner)
		return -ENOMEM;
	owner->gateway = gateway;
	snprintf(owner->name, sizeof owner->name, "%s", config->name);
	gateway->owners[i] = owner;
	platform->config = config;
	platform->outbox = outbox_new(gateway->loop, gateway->store, gateway->deliver, config,
		&outbox_events, owner);
	platform->roster = roster_new(gateway->loop, gateway->store, gateway->deliver, config,
		&roster_events, owner);
	if (!platform->outbox || !platform->roster) {
		platform_free(gateway, i);
		return -ENOMEM;
	}
	gateway->view.platform_count++;
	tell_sold_banks(gateway, platform);
	outbox_kick(platform->outbox);
	if (gateway->view.settled)
		roster_open(platform->roster);
	return 0;
}

/* ---- the numbers file ---------------------------------------------------------------------------- */

static void on_numbers_loaded(void *arg, int err, int64_t freed)
{
	struct gateway *gateway = arg;

	if (err) {
		log_error(LOGC_CONFIG, NULL, NULL, LOG_FIELDS(LOG_STR("reason", strerror(-err))),
			"the numbers file could not be stored: what was known before holds");
		return;
	}
	if (freed > 0)
		log_notice(LOGC_CONFIG, NULL, "number_known", LOG_FIELDS(LOG_INT("freed", freed)),
			"texts that waited for a number go out");
	for (size_t i = 0; i < gateway->modem_count; i++)
		modem_number_changed(gateway->modems[i]);
	rosters_changed(gateway);
	kick_all(gateway);
}

static int load_numbers(struct gateway *gateway)
{
	const struct config *config = gateway->config;
	struct store_number *rows = calloc(config->number_count + 1, sizeof *rows);

	if (!rows)
		return -ENOMEM;
	for (size_t i = 0; i < config->number_count; i++) {
		const struct config_number *from = &config->numbers[i];
		rows[i] = (struct store_number){ from->iccid, from->number, from->label,
			from->operator_code, from->rent, from->date_start, from->date_stop,
			from->price, from->balance };
	}
	store_numbers_load(gateway->store, rows, config->number_count, on_numbers_loaded, gateway);
	free(rows);
	return 0;
}

/* ---- reload -------------------------------------------------------------------------------------- */

static void apply_log(const struct config *config, struct loop *loop)
{
	log_init(config->log_format, loop);
	log_reset_levels();
	log_set_level(NULL, config->log_level);
	for (size_t i = 0; i < config->log_count; i++)
		log_set_level(config->logs[i].name, config->logs[i].level);
}

static void apply_spans(struct gateway *gateway)
{
	const struct config *config = gateway->config;

	gateway->env.spans = (struct modem_spans){ config->sweep_every_ms, config->poll_every_ms,
		config->register_grace_ms, config->open_deadline_ms, config->quarantine_ms };
}

static bool covers(const struct config_bank *bank, const char *device)
{
	for (size_t i = 0; i < bank->device_count; i++)
		if (strcmp(bank->devices[i], device) == 0 ||
			(is_glob(bank->devices[i]) &&
				fnmatch(bank->devices[i], device, FNM_PATHNAME) == 0))
			return true;
	return false;
}

typedef void say_fn(void *arg, const char *line);

/* Ports whose own device, driver or baud rate changed start anew; the others notice nothing. */
static void diff_ports(struct gateway *gateway, say_fn *say, void *arg)
{
	char line[300];

	for (size_t i = gateway->modem_count; i-- > 0;) {
		struct modem *modem = gateway->modems[i];
		const struct config_bank *bank = find_bank(gateway->config, modem->bank);
		bool gone = !bank || !covers(bank, modem->device);
		if (!gone && bank->baud == modem->baud &&
			modem_driver_named(bank->driver) == modem->wanted_driver)
			continue;
		snprintf(line, sizeof line, "port %s: %s", modem->id,
			gone ? "no longer configured, closed" : "changed, starts anew");
		say(arg, line);
		retire(gateway, i, gone ? "no longer configured" : "configuration changed");
	}
}

static void diff_platforms(struct gateway *gateway, say_fn *say, void *arg)
{
	const struct config *config = gateway->config;
	char line[300];

	for (size_t i = gateway->view.platform_count; i-- > 0;) {
		struct control_platform *platform = &gateway->platforms[i];
		const char *name = gateway->owners[i]->name;
		size_t n = 0;
		while (n < config->platform_count && strcmp(config->platforms[n].name, name) != 0)
			n++;
		if (n < config->platform_count) {
			platform->config = &config->platforms[n];
			outbox_configure(platform->outbox, platform->config);
			roster_configure(platform->roster, platform->config);
			tell_sold_banks(gateway, platform);
			continue;
		}
		snprintf(line, sizeof line, "platform %s: no longer configured; its texts wait", name);
		say(arg, line);
		platform_free(gateway, i);
		size_t left = --gateway->view.platform_count - i;
		memmove(&gateway->platforms[i], &gateway->platforms[i + 1],
			left * sizeof gateway->platforms[0]);
		memmove(&gateway->owners[i], &gateway->owners[i + 1],
			left * sizeof gateway->owners[0]);
	}
	for (size_t n = 0; n < config->platform_count; n++)
		if (!find_platform(gateway, config->platforms[n].name) &&
			add_platform(gateway, &config->platforms[n]) == 0) {
			snprintf(line, sizeof line, "platform %s: new", config->platforms[n].name);
			say(arg, line);
		}
}

/* What cannot change while running stays, and is said. */
static void keep_fixed(struct config *fresh, struct config *old, say_fn *say, void *arg)
{
	struct {
		const char *name;
		char **fresh, **old;
	} fixed[] = {
		{ "state_dir", &fresh->state_dir, &old->state_dir },
		{ "host_id", &fresh->host_id, &old->host_id },
		{ "control", &fresh->control, &old->control },
	};
	char line[100];

	for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++) {
		char *kept = *fixed[i].old;
		if (strcmp(*fixed[i].fresh, kept) != 0) {
			snprintf(line, sizeof line, "%s: changes at the next restart", fixed[i].name);
			say(arg, line);
		}
		*fixed[i].old = *fixed[i].fresh;
		*fixed[i].fresh = kept;
	}
}

static int reload(void *arg, struct config_report *report, say_fn *say, void *say_arg)
{
	struct gateway *gateway = arg;
	struct config *fresh, *old = gateway->config;

	if (gateway->stopping) /* no new port may open now */
		return -ECANCELED;
	fresh = config_load(gateway->config->file, gateway_names(), report);
	for (size_t i = 0; i < report->count; i++)
		log_warning(LOGC_CONFIG, NULL, NULL, NULL, "%s", report->lines[i]);
	if (!fresh) {
		log_error(LOGC_CONFIG, NULL, NULL, LOG_FIELDS(LOG_INT("errors", (int64_t)report->errors)),
			"the configuration has errors; the old one stays");
		return -EINVAL;
	}
	notify_reloading(gateway->notify);
	keep_fixed(fresh, old, say, say_arg);
	gateway->config = fresh;
	gateway->view.config = fresh;
	apply_log(fresh, gateway->loop);
	apply_spans(gateway);
	diff_platforms(gateway, say, say_arg);
	diff_ports(gateway, say, say_arg);
	scan_devices(gateway);
	load_numbers(gateway);
	rosters_changed(gateway);
	config_free(old);
	notify_ready(gateway->notify);
	log_notice(LOGC_MAIN, NULL, NULL, NULL, "configuration read again");
	return 0;
}

static void say_log(void *arg, const char *line)
{
	(void)arg;
	log_notice(LOGC_CONFIG, NULL, NULL, NULL, "%s", line);
}

void gateway_reload(struct gateway *gateway)
{
	struct config_report report = { 0 };

	reload(gateway, &report, say_log, NULL);
	config_report_free(&report);
}

static const struct control_actions control_actions = { reload, kick_all };

/* ---- time passes --------------------------------------------------------------------------------- */

static void note_store(struct gateway *gateway)
{
	uint64_t moves = counter_get(COUNTER_STORE_COMMITS) + counter_get(COUNTER_STORE_JOBS) +
		counter_get(COUNTER_STORE_ERRORS);

	if (moves != gateway->store_moves || store_pending(gateway->store) == 0)
		gateway->store_moved_ms = loop_now_ms(gateway->loop);
	gateway->store_moves = moves;
}

static bool alive(void *arg)
{
	struct gateway *gateway = arg;

	note_store(gateway);
	return loop_now_ms(gateway->loop) - gateway->store_moved_ms < STORE_STUCK_MS;
}

static void tell_systemd(struct gateway *gateway)
{
	size_t ready = 0, faults = 0;
	char line[120];

	for (size_t i = 0; i < gateway->modem_count; i++) {
		ready += gateway->modems[i]->fsm.state == MODEM_READY;
		faults += gateway->modems[i]->fsm.state == MODEM_FAULT;
	}
	snprintf(line, sizeof line, "%zu/%zu ports ready, %zu at fault", ready, gateway->modem_count,
		faults);
	notify_status(gateway->notify, line);
}

static void on_tick(void *arg)
{
	struct gateway *gateway = arg;

	loop_timer_start(&gateway->tick, TICK_MS);
	bury_dead(gateway);
	scan_devices(gateway);
	note_store(gateway);
	tell_systemd(gateway);
}

static void summarise(const struct gateway *gateway, const char *bank)
{
	int states[MODEM_STATES] = { 0 }, total = 0, shown = 0;
	char trouble[256] = "";

	for (size_t i = 0; i < gateway->modem_count; i++) {
		const struct modem *modem = gateway->modems[i];
		size_t len = strlen(trouble);
		if (strcmp(modem->bank, bank) != 0)
			continue;
		total++;
		states[modem->fsm.state]++;
		if (modem->fsm.state != MODEM_READY && shown++ < 4)
			snprintf(trouble + len, sizeof trouble - len, "%s%s %s (%.40s)",
				len ? "; " : "", modem->slot, modem_state_name(modem),
				modem->fsm.why);
	}
	log_info(LOGC_MAIN, bank, "summary",
		LOG_FIELDS(LOG_INT("ready", states[MODEM_READY]), LOG_INT("total", total)),
		"%d/%d ready%s%s%s", states[MODEM_READY], total, shown ? ": " : "", trouble,
		shown > 4 ? "; ..." : "");
}

static void on_summary(void *arg)
{
	struct gateway *gateway = arg;

	loop_timer_start(&gateway->summary, SUMMARY_MS);
	for (size_t b = 0; b < gateway->config->bank_count; b++)
		summarise(gateway, gateway->config->banks[b].name);
}

/* ---- start and stop ------------------------------------------------------------------------------ */

static int open_store(struct gateway *gateway, char *why, size_t why_size)
{
	char path[4096];
	struct store_config config = { path, gateway->config->host_id, gateway->loop };

	snprintf(path, sizeof path, "%s/simgate.db", gateway->config->state_dir);
	return store_open(&config, &gateway->store, why, why_size);
}

static int make_parts(struct gateway *gateway, char *why, size_t why_size)
{
	gateway->opener = opener_new(gateway->loop, gateway->config->openers);
	gateway->deliver = deliver_new(gateway->loop);
	gateway->inbox = inbox_new(gateway->loop, gateway->store, &inbox_host, gateway);
	gateway->control = control_new(&gateway->view, &control_actions, gateway);
	gateway->notify = notify_new(gateway->loop, alive, gateway);
	if (!gateway->opener || !gateway->deliver || !gateway->inbox || !gateway->control ||
		!gateway->notify) {
		snprintf(why, why_size, "out of memory");
		return -ENOMEM;
	}
	gateway->env = (struct modem_env){ .loop = gateway->loop,
		.store = gateway->store,
		.inbox = gateway->inbox,
		.opener = gateway->opener,
		.changed = on_modem_changed,
		.arg = gateway,
		.port_new = port_new };
	apply_spans(gateway);
	return httpd_new_unix(gateway->loop, gateway->config->control, 0660, "simgate",
		control_routes(gateway->control), &gateway->httpd, why, why_size);
}

static void set_going(struct gateway *gateway)
{
	const struct config *config = gateway->config;

	load_numbers(gateway);
	for (size_t i = 0; i < config->platform_count; i++)
		add_platform(gateway, &config->platforms[i]);
	inbox_recover(gateway->inbox);
	loop_timer_start(&gateway->grace, config->start_grace_ms);
	loop_timer_start(&gateway->tick, TICK_MS);
	loop_timer_start(&gateway->summary, SUMMARY_MS);
	gateway->starting = true;
	scan_devices(gateway);
	gateway->starting = false;
	look_settled(gateway);
	notify_ready(gateway->notify);
	log_notice(LOGC_MAIN, NULL, NULL,
		LOG_FIELDS(LOG_STR("version", SIMGATE_VERSION),
			LOG_INT("banks", (int64_t)config->bank_count),
			LOG_INT("ports", (int64_t)gateway->modem_count),
			LOG_INT("platforms", (int64_t)config->platform_count)),
		"running");
}

int gateway_start(struct loop *loop, struct config *config, struct gateway **out, char *why,
	size_t why_size)
{
	struct gateway *gateway = calloc(1, sizeof *gateway);
	int err;

	if (!gateway) {
		snprintf(why, why_size, "out of memory");
		config_free(config);
		return -ENOMEM;
	}
	gateway->loop = loop;
	gateway->config = config;
	gateway->view = (struct control_view){ .loop = loop,
		.config = config,
		.platforms = gateway->platforms,
		.started_ms = loop_now_ms(loop) };
	loop_timer_init(&gateway->tick, loop, on_tick, gateway);
	loop_timer_init(&gateway->summary, loop, on_summary, gateway);
	loop_timer_init(&gateway->grace, loop, on_grace_over, gateway);
	loop_timer_init(&gateway->stop_timer, loop, NULL, gateway);
	gateway->store_moved_ms = loop_now_ms(loop);
	apply_log(config, loop);
	err = open_store(gateway, why, why_size);
	gateway->view.store = gateway->store;
	if (!err)
		err = make_parts(gateway, why, why_size);
	if (err) {
		gateway_free(gateway);
		return err;
	}
	set_going(gateway);
	*out = gateway;
	return 0;
}

/* Everything under way has come to its end. */
static bool quiet(struct gateway *gateway)
{
	for (size_t i = 0; i < gateway->view.platform_count; i++)
		if (!outbox_idle(gateway->platforms[i].outbox))
			return false;
	for (size_t i = 0; i < gateway->modem_count; i++)
		if (!modem_finished(gateway->modems[i]))
			return false;
	return store_pending(gateway->store) == 0 &&
		opener_active(gateway->opener) == opener_abandoned(gateway->opener);
}

static void on_stop_timer(void *arg)
{
	struct gateway *gateway = arg;

	if (!quiet(gateway) && loop_now_ms(gateway->loop) < gateway->stop_by_ms)
		loop_timer_start(&gateway->stop_timer, STOP_LOOK_MS);
	else
		gateway->stopped(gateway->stopped_arg);
}

void gateway_stop(struct gateway *gateway, loop_fn *done, void *arg)
{
	if (gateway->stopping) {
		gateway->stop_by_ms = 0;
		return;
	}
	gateway->stopping = true;
	gateway->stopped = done;
	gateway->stopped_arg = arg;
	gateway->stop_by_ms = loop_now_ms(gateway->loop) + STOP_MS;
	notify_stopping(gateway->notify);
	log_notice(LOGC_MAIN, NULL, NULL, NULL, "stopping: what is being stored is finished");
	loop_timer_stop(&gateway->tick);
	loop_timer_stop(&gateway->summary);
	loop_timer_stop(&gateway->grace);
	for (size_t i = 0; i < gateway->view.platform_count; i++) {
		roster_stop(gateway->platforms[i].roster);
		outbox_stop(gateway->platforms[i].outbox);
	}
	for (size_t i = 0; i < gateway->modem_count; i++)
		modem_stop(gateway->modems[i], "stopping");
	loop_timer_init(&gateway->stop_timer, gateway->loop, on_stop_timer, gateway);
	loop_timer_start(&gateway->stop_timer, 0);
}

void gateway_free(struct gateway *gateway)
{
	if (!gateway)
		return;
	httpd_free(gateway->httpd);
	for (size_t i = 0; i < gateway->view.platform_count; i++)
		platform_free(gateway, i);
	deliver_free(gateway->deliver);
	for (size_t i = 0; i < gateway->modem_count; i++)
		modem_free(gateway->modems[i]);
	for (size_t i = 0; i < gateway->dying_count; i++)
		modem_free(gateway->dying[i]);
	free(gateway->modems);
	free(gateway->dying);
	store_close(gateway->store);
	inbox_free(gateway->inbox);
	opener_free(gateway->opener);
	control_free(gateway->control);
	notify_free(gateway->notify);
	loop_timer_stop(&gateway->tick);
	loop_timer_stop(&gateway->summary);
	loop_timer_stop(&gateway->grace);
	loop_timer_stop(&gateway->stop_timer);
	config_free(gateway->config);
	free(gateway);
}
