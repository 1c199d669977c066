/* gateway.c - owns every long-lived object and wires one wing to the other. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/counter.h"
#include "gateway_impl.h"

enum {
	TICK_MS = 2000, /* globs are read again, the dead are buried */
	STOP_MS = 4000, /* for what is under way when asked to stop */
	STOP_LOOK_MS = 20,
	STORE_STUCK_MS = 20000, /* jobs wait and none ends: the watchdog may bite */
};

const struct config_names *gateway_names(void)
{
	enum { MAX = 64, SLOTS = 128 };
	static const char *drivers[MAX], *slots[SLOTS];
	static struct config_board kinds[MAX];
	static const struct config_names names = { drivers, kinds };
	size_t used = 0;

	for (size_t i = 0; modem_drivers[i] && i < MAX - 1; i++)
		drivers[i] = modem_drivers[i]->name;
	for (size_t i = 0; boards[i] && i < MAX - 1; i++) {
		const struct board_slot *slot = boards[i]->slots;
		const struct board_select *select = boards[i]->select_sim;
		kinds[i] = (struct config_board) { boards[i]->name, boards[i]->where == BOARD_USB,
			boards[i]->where == BOARD_NETWORK, slot ? &slots[used] : NULL,
			select ? select->columns : 0, select ? select->rows_max : 0 };
		for (; slot && slot->label && used + 3 < SLOTS; slot++) {
			slots[used++] = slot->label;
			slots[used++] = slot->place;
		}
		used += slot != NULL; /* NULL ends a board's */
	}
	return &names;
}

/* ---- texts: modem wing to platform wing ----------------------------------------------------- */

const struct config_bank *gateway_bank(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->bank_count; i++)
		if (strcmp(config->banks[i].name, name) == 0)
			return &config->banks[i];
	return NULL;
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
	gateway_drain_touch(gateway);
	activation_stored(gateway->activations, result);
	gateway_note_withheld(result);
}

static const struct inbox_host inbox_host = { gateway_route, on_text_stored, gateway_on_moved };

static void kick_all(void *arg)
{
	struct gateway *gateway = arg;

	for (size_t i = 0; i < gateway->view.platform_count; i++)
		outbox_kick(gateway->platforms[i].outbox);
	gateway_drain_touch(gateway);
}

/* ---- what a modem asks the configuration for ------------------------------------------------ */

static bool on_pin(void *arg, const char *bank, const char *iccid, char *out, size_t size)
{
	struct gateway *gateway = arg;
	const char *pin = config_pin(gateway->config, bank, iccid);

	if (!pin || strlen(pin) >= size)
		return false;
	memcpy(out, pin, strlen(pin) + 1);
	return true;
}

static const char *on_ussd_number(void *arg, const char *imsi)
{
	struct gateway *gateway = arg;

	return config_ussd_number(gateway->config, imsi);
}

/* ---- when the first list may go out --------------------------------------------------------- */

static void open_rosters(struct gateway *gateway, const char *why)
{
	if (gateway->view.settled || gateway->stopping)
		return;
	gateway->view.settled = true;
	loop_timer_stop(&gateway->grace);
	log_info(LOGC_MAIN, NULL, NULL,
		LOG_FIELDS(LOG_INT("ports", (int64_t)gateway->modem_count), LOG_STR("reason", why)),
		"the number lists may go out");
	gateway_hosts_settled(gateway);
	gateway_look_missing(gateway);
	loop_timer_start(&gateway->summary, 0); /* how many ports each bank has */
}

static void on_grace_over(void *arg)
{
	open_rosters(arg, "start_grace is over");
}

/* No port at all may mean that udev is not done: then start_grace decides, unless all banks are
 * other hosts'. The list has no use for those that are drained. */
void gateway_look_settled(struct gateway *gateway)
{
	if (gateway->view.settled || gateway->starting || !gateway->begun ||
		!gateway_hotplug_settled(gateway))
		return;
	for (size_t i = 0; i < gateway->modem_count; i++)
		if (!gateway->modems[i]->settled && gateway->modems[i]->drain.state == DRAIN_NO)
			return;
	bool nothing =
		gateway->denied_count && gateway->denied_count == gateway->config->bank_count;
	if (gateway->modem_count > 0 || nothing)
		open_rosters(gateway, "every port has settled");
}

/* What was last looked at longer ago than the ports are polled is not known any more: as at the
 * start no list goes out before all are. */
static void on_gap(void *arg, int64_t ms)
{
	struct gateway *gateway = arg;
	bool lately = ms < gateway->config->poll_every_ms;

	log_write(lately ? LOGL_INFO : LOGL_WARNING, LOGC_MAIN, NULL, NULL,
		LOG_FIELDS(LOG_INT("ms", ms)),
		"nothing ran for %lld s: the process or the machine stood still",
		(long long)ms / 1000);
	if (lately || gateway->stopping || !gateway->begun)
		return;
	for (size_t i = 0; i < gateway->modem_count; i++)
		modem_look_anew(gateway->modems[i]);
	if (!gateway->view.settled)
		return;
	gateway->view.settled = false;
	leader_unsettled(gateway->leader);
	loop_timer_start(&gateway->grace, gateway->config->start_grace_ms);
	gateway_look_settled(gateway);
}

static void on_modem_changed(void *arg, struct modem *modem)
{
	struct gateway *gateway = arg;

	gateway_rescue_changed(gateway, modem);
	gateway_hotplug_changed(gateway, modem);
	gateway_rosters_changed(gateway);
	kick_all(gateway);
	if (!gateway->view.settled)
		gateway_look_settled(gateway);
}

/* ---- the numbers file ----------------------------------------------------------------------- */

static void on_numbers_timer(void *arg)
{
	gateway_load_numbers(arg);
}

/* Every port asks the store for its card's number again, and every list may be another one. */
static void numbers_changed(void *arg)
{
	struct gateway *gateway = arg;

	for (size_t i = 0; i < gateway->modem_count; i++)
		modem_number_changed(gateway->modems[i]);
	gateway_rosters_changed(gateway);
	kick_all(gateway);
}

static void on_numbers_loaded(void *arg, int err, int64_t freed)
{
	static struct log_limit limit = { .period_ms = GATEWAY_SUMMARY_MS, .burst = 1 };
	struct gateway *gateway = arg;

	if (err) {
		if (log_limit(&limit))
			log_error(LOGC_CONFIG, NULL, NULL,
				LOG_FIELDS(LOG_STR("reason", strerror(-err))),
				"the numbers file could not be stored: tried again");
		loop_timer_start(&gateway->numbers, GATEWAY_NUMBERS_AGAIN_MS);
		return;
	}
	if (freed > 0)
		log_notice(LOGC_CONFIG, NULL, "number_known", LOG_FIELDS(LOG_INT("freed", freed)),
			"texts that waited for a number go out");
	numbers_changed(gateway);
}

void gateway_load_numbers(struct gateway *gateway)
{
	const struct config *config = gateway->config;
	struct store_number *rows = calloc(config->number_count + 1, sizeof *rows);

	if (!rows) {
		loop_timer_start(&gateway->numbers, GATEWAY_NUMBERS_AGAIN_MS);
		return;
	}
	for (size_t i = 0; i < config->number_count; i++) {
		const struct config_number *from = &config->numbers[i];
		rows[i] = (struct store_number) { from->iccid, from->number, from->label,
			from->operator_code, from->rent, from->date_start, from->date_stop,
			from->price, from->balance, (const char *const *)from->sell,
			from->sell_count };
	}
	gateway_tell_sellers(gateway);
	store_numbers_load(gateway->store, rows, config->number_count, on_numbers_loaded, gateway);
	free(rows);
}

/* ---- time passes ---------------------------------------------------------------------------- */

static void note_store(struct gateway *gateway)
{
	uint64_t moves = counter_get(COUNTER_STORE_COMMITS) + counter_get(COUNTER_STORE_JOBS) +
			 counter_get(COUNTER_STORE_ERRORS);

	if (moves != gateway->store_moves || store_pending(gateway->store) == 0)
		gateway->store_moved_ms = loop_now_ms(gateway->loop);
	gateway->store_moves = moves;
}

bool gateway_alive(void *arg)
{
	struct gateway *gateway = arg;

	note_store(gateway);
	return loop_ran_since(gateway->loop, gateway->store_moved_ms) < STORE_STUCK_MS;
}

static void tell_systemd(struct gateway *gateway)
{
	size_t ready = 0, faults = 0;
	char line[120];

	for (size_t i = 0; i < gateway->modem_count; i++) {
		ready += gateway->modems[i]->fsm.state == MODEM_READY;
		faults += gateway->modems[i]->fsm.state == MODEM_FAULT;
	}
	snprintf(line, sizeof line, "%zu/%zu ports ready, %zu at fault", ready,
		gateway->modem_count, faults);
	notify_status(gateway->notify, line);
}

static void on_tick(void *arg)
{
	struct gateway *gateway = arg;

	loop_timer_start(&gateway->tick, TICK_MS);
	gateway_bury_dead(gateway);
	if (gateway->begun)
		gateway_scan(gateway);
	note_store(gateway);
	tell_systemd(gateway);
}

static void summarise(const struct gateway *gateway, const char *bank)
{
	int states[MODEM_STATES] = { 0 }, drains[DRAIN_OVER + 1] = { 0 }, total = 0, shown = 0;
	char trouble[512] = "", drained[64] = "", why[320];

	for (size_t i = 0; i < gateway->modem_count; i++) {
		const struct modem *modem = gateway->modems[i];
		size_t len = strlen(trouble);
		if (strcmp(modem->bank, bank) != 0)
			continue;
		total++;
		states[modem->fsm.state]++;
		drains[modem->drain.state]++;
		if (modem->fsm.state != MODEM_READY && shown++ < 4) {
			modem_trouble(modem, why, sizeof why);
			snprintf(trouble + len, sizeof trouble - len, "%s%s %s (%.80s)",
				len ? "; " : "", modem->slot, modem_state_name(modem),
				*why ? why : modem->fsm.why);
		}
	}
	if (drains[DRAIN_BEGUN] || drains[DRAIN_OVER])
		snprintf(drained, sizeof drained, ", %d draining, %d drained", drains[DRAIN_BEGUN],
			drains[DRAIN_OVER]);
	log_info(LOGC_MAIN, bank, "summary",
		LOG_FIELDS(LOG_INT("ready", states[MODEM_READY]), LOG_INT("total", total)),
		"%d/%d ready%s%s%s%s", states[MODEM_READY], total, drained, shown ? ": " : "",
		trouble, shown > 4 ? "; ..." : "");
}

static void on_summary(void *arg)
{
	struct gateway *gateway = arg;

	loop_timer_start(&gateway->summary, GATEWAY_SUMMARY_MS);
	for (size_t b = 0; b < gateway->config->bank_count; b++)
		summarise(gateway, gateway->config->banks[b].name);
}

/* ---- start and stop ------------------------------------------------------------------------- */

static int load_filters(struct gateway *gateway, char *why, size_t why_size)
{
	struct config_report report = { 0 };
	int err = gateway_filters_load(gateway->config, &report, gateway->filters);

	if (!err)
		err = gateway_services_load(gateway->config, &report, &gateway->services);
	if (!err)
		err = filter_load(FILTER_DEFAULT, NULL, &report, &gateway->customers_filter);
	if (err)
		snprintf(why, why_size, "%s", report.count ? report.lines[0] : "out of memory");
	config_report_free(&report);
	return err;
}

static int open_store(struct gateway *gateway, char *why, size_t why_size)
{
	char path[4096];
	bool shared = strcmp(gateway->config->store, CONFIG_STORE_FILE) != 0;

	snprintf(path, sizeof path, "%s/%s", gateway->config->state_dir,
		shared ? "journal.db" : "simgate.db");
	struct store_config config = { .path = shared ? gateway->config->store : path,
		.host_id = gateway->config->host_id,
		.loop = gateway->loop,
		.shared = shared,
		.password = gateway->config->store_password,
		.stale_ms = gateway->config->host_stale_ms,
		.journal = shared ? path : NULL };

	return store_open(&config, &gateway->store, why, why_size);
}

static const struct control_actions control_actions = { gateway_reload_said, kick_all,
	numbers_changed, gateway_drain_changed };

static int make_parts(struct gateway *gateway, char *why, size_t why_size)
{
	struct tty_roots roots = gateway_roots(gateway->config);

	gateway->opener = opener_new(gateway->loop, gateway->config->openers);
	gateway->deliver = deliver_new(gateway->loop);
	gateway->inbox = inbox_new(
		gateway->loop, gateway->store, &gateway->inbox_spans, &inbox_host, gateway);
	gateway->view.inbox = gateway->inbox;
	gateway->hubs = hubs_new(gateway->loop, &gateway->hub_limits);
	gateway->view.hubs = gateway->hubs;
	gateway->usb_env = (struct usb_ops_env) { roots.sys, roots.dev, usb_ops_real.ioctl };
	gateway->usb_wait = gateway_rescue_wait;
	gateway_rescue_hurry(false);
	gateway->control = control_new(&gateway->view, &control_actions, gateway);
	gateway->notify = notify_new(gateway->loop, gateway_alive, gateway);
	gateway->retention =
		retention_new(gateway->loop, gateway->store, &gateway->retention_spans);
	if (!gateway->retention || !gateway->opener || !gateway->deliver || !gateway->inbox ||
		!gateway->hubs || !gateway->control || !gateway->notify ||
		gateway_hosts_new(gateway) < 0 || gateway_orders_start(gateway) < 0 ||
		gateway_pull_start(gateway) < 0) {
		snprintf(why, why_size, "out of memory");
		return -ENOMEM;
	}
	gateway->env.loop = gateway->loop;
	gateway->env.store = gateway->store;
	gateway->env.inbox = gateway->inbox;
	gateway->env.opener = gateway->opener;
	gateway->env.changed = on_modem_changed;
	gateway->env.pin = on_pin;
	gateway->env.ussd_number = on_ussd_number;
	gateway->env.arg = gateway;
	gateway->env.port_new = port_new;
	gateway->env.sysfs = "/sys";
	return gateway_http_start(gateway, why, why_size);
}

void gateway_begin_ports(struct gateway *gateway)
{
	gateway->begun = gateway->starting = true;
	if (gateway_hotplug_start(gateway) < 0)
		log_error(LOGC_MAIN, NULL, NULL, NULL, "out of memory: no hot-plug");
	gateway_scan(gateway);
	gateway->starting = false;
	if (gateway_banks_start(gateway) < 0)
		log_error(LOGC_MAIN, NULL, NULL, NULL, "out of memory: no cards are switched");
	gateway_look_settled(gateway);
}

/* What it could not be told. Cards and ports come first: no list may be read without them. */
static void on_server_back(void *arg)
{
	struct gateway *gateway = arg;

	if (gateway->stopping)
		return;
	gateway_claim_banks(gateway);
	gateway_load_numbers(gateway);
	for (size_t i = 0; i < gateway->modem_count; i++) {
		modem_number_changed(gateway->modems[i]);
		modem_tell_port(gateway->modems[i]);
	}
	gateway_keep_places(gateway);
	gateway_drain_look(gateway);
	if (gateway->view.settled)
		gateway_hosts_settled(gateway);
	inbox_move(gateway->inbox);
}

static void set_going(struct gateway *gateway)
{
	const struct config *config = gateway->config;

	gateway_filters_say(config);
	gateway_load_numbers(gateway);
	gateway_keep_places(gateway);
	for (size_t i = 0; i < config->platform_count; i++)
		gateway_add_platform(gateway, &config->platforms[i]);
	inbox_recover(gateway->inbox, config->start_grace_ms);
	inbox_move(gateway->inbox);
	store_server_watch(gateway->store, on_server_back, gateway);
	loop_on_gap(gateway->loop, on_gap, gateway);
	loop_timer_start(&gateway->grace, config->start_grace_ms);
	loop_timer_start(&gateway->tick, TICK_MS);
	loop_timer_start(&gateway->summary, GATEWAY_SUMMARY_MS);
	gateway_hosts_start(gateway);
	notify_ready(gateway->notify);
	log_notice(LOGC_MAIN, NULL, NULL,
		LOG_FIELDS(LOG_STR("version", SIMGATE_VERSION),
			LOG_INT("banks", (int64_t)config->bank_count),
			LOG_INT("ports", (int64_t)gateway->modem_count),
			LOG_INT("platforms", (int64_t)config->platform_count)),
		"running");
}

int gateway_start(
	struct loop *loop, struct config *config, struct gateway **out, char *why, size_t why_size)
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
	gateway->view = (struct control_view) { .loop = loop,
		.config = config,
		.platforms = gateway->platforms,
		.started_ms = loop_now_ms(loop),
		.started_wall_ms = loop_wall_ms(loop) };
	loop_timer_init(&gateway->tick, loop, on_tick, gateway);
	loop_timer_init(&gateway->summary, loop, on_summary, gateway);
	loop_timer_init(&gateway->grace, loop, on_grace_over, gateway);
	loop_timer_init(&gateway->numbers, loop, on_numbers_timer, gateway);
	loop_timer_init(&gateway->stop_timer, loop, NULL, gateway);
	gateway_drain_init(gateway);
	gateway->store_moved_ms = loop_now_ms(loop);
	gateway_apply(gateway);
	err = load_filters(gateway, why, why_size);
	if (!err)
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
	gateway->view.stopping = true;
	gateway->stopped = done;
	gateway->stopped_arg = arg;
	gateway->stop_by_ms = loop_now_ms(gateway->loop) + STOP_MS;
	notify_stopping(gateway->notify);
	log_notice(LOGC_MAIN, NULL, NULL, NULL, "stopping: what is being stored is finished");
	loop_timer_stop(&gateway->tick);
	loop_timer_stop(&gateway->summary);
	loop_timer_stop(&gateway->grace);
	loop_timer_stop(&gateway->numbers);
	loop_timer_stop(&gateway->drain);
	gateway_hotplug_stop(gateway);
	retention_stop(gateway->retention);
	gateway_rescue_hurry(true);
	orders_stop(gateway->orders);
	banks_stop(gateway->banks);
	for (size_t i = 0; i < gateway->view.platform_count; i++) {
		if (gateway->platforms[i].roster)
			roster_stop(gateway->platforms[i].roster);
		if (gateway->platforms[i].takeoff)
			takeoff_stop(gateway->platforms[i].takeoff);
		outbox_stop(gateway->platforms[i].outbox);
	}
	gateway_hosts_stop(gateway);
	for (size_t i = 0; i < gateway->modem_count; i++)
		modem_stop(gateway->modems[i], "stopping");
	loop_timer_init(&gateway->stop_timer, gateway->loop, on_stop_timer, gateway);
	loop_timer_start(&gateway->stop_timer, 0);
}

void gateway_free(struct gateway *gateway)
{
	if (!gateway)
		return;
	loop_on_gap(gateway->loop, NULL, NULL);
	httpd_free(gateway->httpd);
	gateway_pull_free(gateway);
	for (size_t i = 0; i < gateway->view.platform_count; i++)
		gateway_remove_platform(gateway, i);
	deliver_free(gateway->deliver);
	gateway_hotplug_free(gateway);
	for (size_t i = 0; i < gateway->modem_count; i++)
		gateway_free_port(gateway->modems[i]);
	for (size_t i = 0; i < gateway->dying_count; i++)
		gateway_free_port(gateway->dying[i]);
	hubs_free(gateway->hubs);
	free(gateway->modems);
	free(gateway->dying);
	store_close(gateway->store);
	retention_free(gateway->retention);
	alternative_free(gateway->alternative);
	customers_free(gateway->customers);
	activation_free(gateway->activations);
	banks_free(gateway->banks);
	leader_free(gateway->leader);
	inbox_free(gateway->inbox);
	opener_free(gateway->opener);
	control_free(gateway->control);
	metrics_free(gateway->metrics);
	health_free(gateway->health);
	history_free(gateway->history);
	events_free(gateway->events);
	notify_free(gateway->notify);
	loop_timer_stop(&gateway->tick);
	loop_timer_stop(&gateway->summary);
	loop_timer_stop(&gateway->grace);
	loop_timer_stop(&gateway->numbers);
	loop_timer_stop(&gateway->claim);
	loop_timer_stop(&gateway->drain);
	loop_timer_stop(&gateway->stop_timer);
	gateway_filters_free(gateway->filters);
	filter_free(gateway->customers_filter);
	gateway_services_free(gateway->services, gateway->config->service_count);
	config_free(gateway->config);
	free(gateway);
}
