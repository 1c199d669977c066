/* control.c - the control socket's answers. */
#include "api/control_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/json.h"
#include "base/counter.h"

bool control_full(const struct http_request *request)
{
	const char *full = http_query(request, "full");

	return full && strcmp(full, "1") == 0 && request->peer == HTTP_PEER_CONTROL;
}

struct pending *pending_new(struct control *control, struct http_request *request)
{
	struct pending *pending = calloc(1, sizeof *pending);

	if (!pending) {
		json_error(request, 500, "out of memory");
		return NULL;
	}
	pending->control = control;
	pending->request = request;
	pending->full = control_full(request);
	return pending;
}

/* ---- ports ---------------------------------------------------------------------------------- */

static cJSON *port_json(const struct control_view *view, const struct modem *modem, bool full)
{
	cJSON *json = cJSON_CreateObject();
	int64_t now_ms = loop_now_ms(view->loop);
	char text[320];

	cJSON_AddStringToObject(json, "port", modem->id);
	cJSON_AddStringToObject(json, "state", modem_state_name(modem));
	json_time(json, "since", modem->fsm.since_wall_ms);
	json_int(json, "since_s", (now_ms - modem->fsm.since_ms) / 1000);
	cJSON_AddStringToObject(json, "why", modem->fsm.why);
	cJSON_AddStringToObject(json, "trouble", modem_trouble(modem, text, sizeof text));
	cJSON_AddBoolToObject(json, "deaf", modem->deaf);
	if (modem->rssi_dbm)
		json_int(json, "signal_dbm", modem->rssi_dbm);
	else
		cJSON_AddNullToObject(json, "signal_dbm");
	cJSON_AddStringToObject(json, "operator", modem->operator_name);
	json_number(json, "number", modem->number, full);
	cJSON_AddStringToObject(json, "number_source", control_source_name(modem->number_source));
	cJSON_AddStringToObject(json, "registration", modem_reg_name(modem->reg));
	if (modem->sms.last_sweep_ms)
		json_int(json, "last_sweep_s", (now_ms - modem->sms.last_sweep_ms) / 1000);
	else
		cJSON_AddNullToObject(json, "last_sweep_s");
	json_int(json, "received", (int64_t)modem->received);
	json_int(json, "errors", (int64_t)modem->errors);
	cJSON_AddBoolToObject(json, "online", modem->online && modem->drain.state == DRAIN_NO);
	cJSON_AddStringToObject(json, "drain", control_drain_name(modem));
	cJSON_AddStringToObject(
		json, "drain_waits", control_drain_waits(view, modem, text, sizeof text));
	return json;
}

static void on_ports(void *arg, struct http_request *request)
{
	struct control *control = arg;
	const struct control_view *view = control->view;
	const char *bank = http_query(request, "bank");
	cJSON *json = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(json, "ports");
	bool known = !bank;

	for (size_t i = 0; i < view->modem_count; i++) {
		if (bank && strcmp(view->modems[i]->bank, bank) != 0)
			continue;
		known = true;
		cJSON_AddItemToArray(list, port_json(view, view->modems[i], control_full(request)));
	}
	for (size_t i = 0; bank && i < view->config->bank_count; i++)
		known = known || strcmp(view->config->banks[i].name, bank) == 0;
	if (known) {
		json_answer(request, 200, json);
	} else {
		cJSON_Delete(json);
		json_error(request, 404, "no such bank");
	}
}

static void add_history(cJSON *json, const struct modem *modem)
{
	cJSON *list = cJSON_AddArrayToObject(json, "history");
	const struct modem_history *entry;

	for (unsigned n = 0; (entry = modem_history_at(modem, n)); n++) {
		cJSON *item = cJSON_CreateObject();
		json_time(item, "at", entry->wall_ms);
		cJSON_AddStringToObject(item, "from", modem_state_text(entry->from));
		cJSON_AddStringToObject(item, "to", modem_state_text(entry->to));
		cJSON_AddStringToObject(item, "why", entry->why);
		cJSON_AddItemToArray(list, item);
	}
}

static void add_at_lines(cJSON *json, const struct modem *modem)
{
	cJSON *list = cJSON_AddArrayToObject(json, "at");
	const struct at_ring_line *line;

	for (unsigned n = 0; (line = at_ring(&modem->at, n)); n++) {
		cJSON *item = cJSON_CreateObject();
		char dir[2] = { line->dir, '\0' };
		json_time(item, "at", line->wall_ms);
		cJSON_AddStringToObject(item, "dir", dir);
		cJSON_AddStringToObject(item, "line", line->line);
		cJSON_InsertItemInArray(list, 0, item);
	}
}

static void on_port(void *arg, struct http_request *request)
{
	struct control *control = arg;
	const struct modem *modem = control_modem(control, request->rest, strlen(request->rest));
	bool full = control_full(request);
	cJSON *json;

	if (!modem) {
		control_no_port(control, request, request->rest);
		return;
	}
	json = port_json(control->view, modem, full);
	cJSON_AddStringToObject(json, "device", modem->device);
	cJSON_AddStringToObject(json, "driver", modem->driver ? modem->driver->name : "");
	cJSON_AddStringToObject(json, "model", modem->model);
	json_card(json, "imei", modem->imei, full);
	json_card(json, "iccid", modem->iccid, full);
	json_card(json, "imsi", modem->imsi, full);
	json_card(json, "card_id", modem->card_id, full);
	json_int(json, "baud", modem->rate.now);
	add_history(json, modem);
	add_at_lines(json, modem);
	json_answer(request, 200, json);
}

/* ---- status --------------------------------------------------------------------------------- */

/* bank NULL: of all. */
static void add_drained(cJSON *json, const struct control_view *view, const char *bank)
{
	int64_t counts[DRAIN_OVER + 1] = { 0 };

	for (size_t i = 0; i < view->modem_count; i++)
		if (!bank || strcmp(view->modems[i]->bank, bank) == 0)
			counts[view->modems[i]->drain.state]++;
	json_int(json, "draining", counts[DRAIN_BEGUN]);
	json_int(json, "drained", counts[DRAIN_OVER]);
}

static void add_ports(cJSON *json, const struct control_view *view)
{
	cJSON *ports = cJSON_AddObjectToObject(json, "ports"), *list;
	int64_t states[MODEM_STATES] = { 0 };

	for (size_t i = 0; i < view->modem_count; i++)
		states[view->modems[i]->fsm.state]++;
	json_int(ports, "total", (int64_t)view->modem_count);
	json_int(ports, "ready", states[MODEM_READY]);
	add_drained(ports, view, NULL);
	list = cJSON_AddObjectToObject(ports, "states");
	for (int s = 0; s < MODEM_STATES; s++)
		if (states[s])
			json_int(list, modem_state_text(s), states[s]);
}

static void add_banks(cJSON *json, const struct control_view *view)
{
	cJSON *list = cJSON_AddArrayToObject(json, "banks");

	for (size_t b = 0; b < view->config->bank_count; b++) {
		const char *name = view->config->banks[b].name;
		int total = 0, states[MODEM_STATES] = { 0 };
		char trouble[160] = "";
		cJSON *bank = cJSON_CreateObject();
		for (size_t i = 0; i < view->modem_count; i++)
			if (strcmp(view->modems[i]->bank, name) == 0) {
				total++;
				states[view->modems[i]->fsm.state]++;
			}
		for (int s = 0; s < MODEM_STATES; s++) {
			size_t len = strlen(trouble);
			if (s != MODEM_READY && states[s])
				snprintf(trouble + len, sizeof trouble - len, "%s%d %s",
					len ? ", " : "", states[s], modem_state_text(s));
		}
		cJSON_AddStringToObject(bank, "bank", name);
		json_int(bank, "total", total);
		json_int(bank, "ready", states[MODEM_READY]);
		add_drained(bank, view, name);
		cJSON_AddStringToObject(bank, "trouble", trouble);
		cJSON_AddItemToArray(list, bank);
	}
}

/* A platform without a list says so, and has no figures of one. */
static void add_roster(cJSON *json, const struct roster *roster)
{
	struct roster_status status;

	cJSON_AddBoolToObject(json, "list", roster != NULL);
	if (!roster)
		return;
	roster_status(roster, &status);
	json_int(json, "numbers", (int64_t)status.numbers);
	json_time(json, "list_accepted", status.accepted_wall_ms);
	cJSON_AddStringToObject(json, "list_reason", status.reason);
	json_int(json, "left_out", (int64_t)status.left_out);
	json_int(json, "dropped", (int64_t)status.dropped);
	json_time(json, "blocked_until", status.block_wall_ms);
}

static void add_platform(cJSON *list, const struct control_view *view,
	const struct control_platform *platform, const struct store_totals *totals)
{
	static const char *const health[] = {
		[OUTBOX_UP] = "up", [OUTBOX_DOWN] = "down", [OUTBOX_ACCOUNT] = "account"
	};
	struct outbox_status out;
	cJSON *json = cJSON_CreateObject();

	outbox_status(platform->outbox, &out);
	cJSON_AddStringToObject(json, "name", platform->config->name);
	cJSON_AddStringToObject(json, "kind", platform->config->kind);
	cJSON_AddStringToObject(json, "filter", platform->config->filter);
	cJSON_AddStringToObject(json, "health", health[out.health]);
	cJSON_AddStringToObject(json, "reason", out.reason);
	json_time(json, "since", out.since_wall_ms);
	add_roster(json, platform->roster);
	json_int(json, "in_flight", (int64_t)(out.in_flight + out.ready));
	for (size_t i = 0; i < totals->platform_count; i++) {
		if (strcmp(totals->platforms[i].platform, platform->config->name) != 0)
			continue;
		int64_t oldest_ms = totals->platforms[i].oldest_ms;
		for (int s = 0; s < STORE_STATE_COUNT; s++)
			json_int(json, store_state_name((enum store_state)s),
				totals->platforms[i].states[s]);
		json_int(json, "oldest_s",
			oldest_ms ? (loop_wall_ms(view->loop) - oldest_ms) / 1000 : 0);
	}
	cJSON_AddItemToArray(list, json);
}

static void on_totals(void *arg, int err, const struct store_totals *totals)
{
	struct pending *pending = arg;
	const struct control_view *view = pending->control->view;
	int health = store_health(view->store);
	cJSON *json = cJSON_CreateObject(), *part;

	if (err) {
		json_store_error(pending->request, err);
		cJSON_Delete(json);
		free(pending);
		return;
	}
	cJSON_AddStringToObject(json, "version", SIMGATE_VERSION);
	json_int(json, "uptime_s", (loop_now_ms(view->loop) - view->started_ms) / 1000);
	cJSON_AddStringToObject(json, "host_id", view->config->host_id);
	cJSON_AddBoolToObject(json, "ready", view->settled);
	add_ports(json, view);
	add_banks(json, view);
	part = cJSON_AddObjectToObject(json, "store");
	cJSON_AddBoolToObject(part, "ok", health == 0);
	cJSON_AddStringToObject(part, "error", health ? strerror(-health) : "");
	json_int(part, "pending", (int64_t)store_pending(view->store));
	part = cJSON_AddObjectToObject(json, "messages");
	json_int(part, "total", totals->messages);
	json_int(part, "last_hour", totals->messages_hour);
	json_int(part, "undecodable", totals->undecodable);
	json_int(part, "parts_pending", totals->parts_pending);
	part = cJSON_AddArrayToObject(json, "platforms");
	for (size_t i = 0; i < view->platform_count; i++)
		add_platform(part, view, &view->platforms[i], totals);
	part = cJSON_AddObjectToObject(json, "counters");
	for (int c = 0; c < COUNTER_COUNT; c++)
		json_int(
			part, counter_name((enum counter)c), (int64_t)counter_get((enum counter)c));
	control_add_filtered(json);
	json_answer(pending->request, 200, json);
	free(pending);
}

static void on_status(void *arg, struct http_request *request)
{
	struct control *control = arg;
	struct pending *pending = pending_new(control, request);

	if (pending)
		store_totals(control->view->store, loop_wall_ms(control->view->loop), on_totals,
			pending);
}

/* ---- actions -------------------------------------------------------------------------------- */

static void say_change(void *arg, const char *line)
{
	cJSON_AddItemToArray(arg, cJSON_CreateString(line));
}

static void on_reload(void *arg, struct http_request *request)
{
	struct control *control = arg;
	struct config_report report = { 0 };
	cJSON *json = cJSON_CreateObject(), *changes = cJSON_CreateArray(), *lines;
	int err = control->actions->reload(control->arg, &report, say_change, changes);

	if (err == 0) {
		cJSON_AddBoolToObject(json, "ok", true);
		cJSON_AddItemToObject(json, "changes", changes);
		json_answer(request, 200, json);
	} else {
		cJSON_Delete(changes);
		cJSON_AddStringToObject(json, "error",
			err == -ECANCELED ? "simgated is stopping"
					  : "the configuration has errors; the old one stays");
		lines = cJSON_AddArrayToObject(json, "report");
		for (size_t i = 0; i < report.count; i++)
			cJSON_AddItemToArray(lines, cJSON_CreateString(report.lines[i]));
		json_answer(request, 400, json);
	}
	config_report_free(&report);
}

static const struct http_route routes[] = {
	{ "GET", "/api/v1/status", on_status, NULL, HTTP_OPERATOR },
	{ "GET", "/api/v1/ports", on_ports, NULL, HTTP_OPERATOR },
	{ "GET", "/api/v1/ports/*", on_port, NULL, HTTP_OPERATOR },
	{ "POST", "/api/v1/ports/*", control_port_action, NULL, HTTP_CONTROL },
	{ "GET", "/api/v1/messages", control_messages, NULL, HTTP_OPERATOR },
	{ "GET", "/api/v1/messages/export", control_export, NULL, HTTP_CONTROL },
	{ "POST", "/api/v1/messages/erase", control_erase, NULL, HTTP_CONTROL },
	{ "GET", "/api/v1/outbox", control_outbox, NULL, HTTP_OPERATOR },
	{ "POST", "/api/v1/outbox/retry", control_retry, NULL, HTTP_CONTROL },
	{ "POST", "/api/v1/outbox/drop", control_drop, NULL, HTTP_CONTROL },
	{ "GET", "/api/v1/numbers", control_numbers, NULL, HTTP_CONTROL },
	{ "POST", "/api/v1/numbers/set", control_number_set, NULL, HTTP_CONTROL },
	{ "POST", "/api/v1/numbers/forget", control_number_forget, NULL, HTTP_CONTROL },
	{ "POST", "/api/v1/filter/test", control_filter_test, NULL, HTTP_CONTROL },
	{ "POST", "/api/v1/drain", control_drain, NULL, HTTP_CONTROL },
	{ "POST", "/api/v1/resume", control_resume, NULL, HTTP_CONTROL },
	{ "POST", "/api/v1/sync", control_sync, NULL, HTTP_CONTROL },
	{ "POST", "/api/v1/takeoff", control_takeoff, NULL, HTTP_CONTROL },
	{ "POST", "/api/v1/reload", on_reload, NULL, HTTP_CONTROL },
};

struct control *control_new(
	const struct control_view *view, const struct control_actions *actions, void *arg)
{
	size_t count = sizeof routes / sizeof routes[0];
	struct control *control = calloc(1, sizeof *control + (count + 1) * sizeof routes[0]);

	if (!control)
		return NULL;
	control->view = view;
	control->actions = actions;
	control->arg = arg;
	for (size_t i = 0; i < count; i++) {
		control->routes[i] = routes[i];
		control->routes[i].arg = control;
	}
	return control;
}

void control_free(struct control *control)
{
	if (control)
		control_drain_free(control);
	free(control);
}

const struct http_route *control_routes(const struct control *control)
{
	return control->routes;
}
