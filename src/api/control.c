/* control.c - the control socket's answers. */
#include "api/control.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/counter.h"

enum { ROUTES = 10, LIMIT_DEFAULT = 100, LIMIT_MAX = 1000 };

struct control {
	const struct control_view *view;
	const struct control_actions *actions;
	void *arg;
	struct http_route routes[ROUTES];
};

/* A request that waits for the store or a platform. */
struct pending {
	struct control *control;
	struct http_request *request;
	bool full;
	cJSON *json;
	size_t waiting; /* of several answers */
};

/* ---- answers -------------------------------------------------------------------------------- */

static void answer(struct http_request *request, int status, cJSON *json)
{
	char *text = json ? cJSON_PrintUnformatted(json) : NULL;

	cJSON_Delete(json);
	if (text)
		http_reply(request, status, "application/json; charset=utf-8", text, strlen(text));
	else
		http_reply(request, 500, "application/json", "{\"error\":\"out of memory\"}", 25);
	cJSON_free(text);
}

static void answer_error(struct http_request *request, int status, const char *error)
{
	cJSON *json = cJSON_CreateObject();

	cJSON_AddStringToObject(json, "error", error);
	answer(request, status, json);
}

static void answer_store_error(struct http_request *request, int err)
{
	char text[128];

	snprintf(text, sizeof text, "the store says: %s", strerror(-err));
	answer_error(request, 503, text);
}

static struct pending *pending_new(struct control *control, struct http_request *request)
{
	struct pending *pending = calloc(1, sizeof *pending);
	const char *full = http_query(request, "full");

	if (!pending) {
		answer_error(request, 500, "out of memory");
		return NULL;
	}
	pending->control = control;
	pending->request = request;
	pending->full = full && strcmp(full, "1") == 0;
	return pending;
}

static void add_time(cJSON *json, const char *name, int64_t wall_ms)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	char text[40] = "";
	struct tm tm;

	if (wall_ms > 0 && gmtime_r(&seconds, &tm))
		strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
	cJSON_AddStringToObject(json, name, text);
}

static void add_int(cJSON *json, const char *name, int64_t value)
{
	cJSON_AddNumberToObject(json, name, (double)value);
}

static void add_number(cJSON *json, const char *name, const char *number, bool full)
{
	char masked[32];

	log_mask_number(number, masked, sizeof masked);
	cJSON_AddStringToObject(json, name, full || !*number ? number : masked);
}

static void add_card(cJSON *json, const char *name, const char *card, bool full)
{
	char masked[32];

	log_mask_card(card, masked, sizeof masked);
	cJSON_AddStringToObject(json, name, full || !*card ? card : masked);
}

/* ---- ports ---------------------------------------------------------------------------------- */

static const char *source_name(enum store_source source)
{
	switch (source) {
	case STORE_NUMBER_UNKNOWN: return "";
	case STORE_NUMBER_SIM: return "sim";
	case STORE_NUMBER_FILE: return "file";
	case STORE_NUMBER_SET: return "set";
	}
	return "";
}

static cJSON *port_json(const struct control_view *view, const struct modem *modem, bool full)
{
	cJSON *json = cJSON_CreateObject();
	int64_t now_ms = loop_now_ms(view->loop);

	cJSON_AddStringToObject(json, "port", modem->id);
	cJSON_AddStringToObject(json, "state", modem_state_name(modem));
	add_time(json, "since", modem->fsm.since_wall_ms);
	add_int(json, "since_s", (now_ms - modem->fsm.since_ms) / 1000);
	cJSON_AddStringToObject(json, "why", modem->fsm.why);
	if (modem->rssi_dbm)
		add_int(json, "signal_dbm", modem->rssi_dbm);
	else
		cJSON_AddNullToObject(json, "signal_dbm");
	cJSON_AddStringToObject(json, "operator", modem->operator_name);
	add_number(json, "number", modem->number, full);
	cJSON_AddStringToObject(json, "number_source", source_name(modem->number_source));
	cJSON_AddStringToObject(json, "registration", modem_reg_name(modem->reg));
	if (modem->sms.last_sweep_ms)
		add_int(json, "last_sweep_s", (now_ms - modem->sms.last_sweep_ms) / 1000);
	else
		cJSON_AddNullToObject(json, "last_sweep_s");
	add_int(json, "received", (int64_t)modem->received);
	add_int(json, "errors", (int64_t)modem->errors);
	cJSON_AddBoolToObject(json, "online", modem->online);
	return json;
}

static void on_ports(void *arg, struct http_request *request)
{
	struct control *control = arg;
	const struct control_view *view = control->view;
	const char *bank = http_query(request, "bank"), *full = http_query(request, "full");
	cJSON *json = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(json, "ports");
	bool known = !bank;

	for (size_t i = 0; i < view->modem_count; i++) {
		if (bank && strcmp(view->modems[i]->bank, bank) != 0)
			continue;
		known = true;
		cJSON_AddItemToArray(
			list, port_json(view, view->modems[i], full && strcmp(full, "1") == 0));
	}
	for (size_t i = 0; bank && i < view->config->bank_count; i++)
		known = known || strcmp(view->config->banks[i].name, bank) == 0;
	if (known) {
		answer(request, 200, json);
	} else {
		cJSON_Delete(json);
		answer_error(request, 404, "no such bank");
	}
}

static void add_history(cJSON *json, const struct modem *modem)
{
	cJSON *list = cJSON_AddArrayToObject(json, "history");
	const struct modem_history *entry;

	for (unsigned n = 0; (entry = modem_history_at(modem, n)); n++) {
		cJSON *item = cJSON_CreateObject();
		add_time(item, "at", entry->wall_ms);
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
		add_time(item, "at", line->wall_ms);
		cJSON_AddStringToObject(item, "dir", dir);
		cJSON_AddStringToObject(item, "line", line->line);
		cJSON_InsertItemInArray(list, 0, item);
	}
}

static void on_port(void *arg, struct http_request *request)
{
	struct control *control = arg;
	const struct control_view *view = control->view;
	const char *query = http_query(request, "full");
	bool full = query && strcmp(query, "1") == 0;

	for (size_t i = 0; i < view->modem_count; i++) {
		const struct modem *modem = view->modems[i];
		if (strcmp(modem->id, request->rest) != 0)
			continue;
		cJSON *json = port_json(view, modem, full);
		cJSON_AddStringToObject(json, "device", modem->device);
		cJSON_AddStringToObject(json, "driver", modem->driver ? modem->driver->name : "");
		cJSON_AddStringToObject(json, "model", modem->model);
		add_card(json, "imei", modem->imei, full);
		add_card(json, "iccid", modem->iccid, full);
		add_card(json, "imsi", modem->imsi, full);
		add_card(json, "card_id", modem->card_id, full);
		add_int(json, "baud", modem->baud);
		add_history(json, modem);
		add_at_lines(json, modem);
		answer(request, 200, json);
		return;
	}
	answer_error(request, 404, "no such port");
}

/* ---- status --------------------------------------------------------------------------------- */

static void add_ports(cJSON *json, const struct control_view *view)
{
	cJSON *ports = cJSON_AddObjectToObject(json, "ports"), *list;
	int64_t states[MODEM_STATES] = { 0 };

	for (size_t i = 0; i < view->modem_count; i++)
		states[view->modems[i]->fsm.state]++;
	add_int(ports, "total", (int64_t)view->modem_count);
	add_int(ports, "ready", states[MODEM_READY]);
	list = cJSON_AddObjectToObject(ports, "states");
	for (int s = 0; s < MODEM_STATES; s++)
		if (states[s])
			add_int(list, modem_state_text(s), states[s]);
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
		add_int(bank, "total", total);
		add_int(bank, "ready", states[MODEM_READY]);
		cJSON_AddStringToObject(bank, "trouble", trouble);
		cJSON_AddItemToArray(list, bank);
	}
}

static void add_platform(cJSON *list, const struct control_view *view,
	const struct control_platform *platform, const struct store_totals *totals)
{
	static const char *const health[] = {
		[OUTBOX_UP] = "up", [OUTBOX_DOWN] = "down", [OUTBOX_ACCOUNT] = "account"
	};
	struct outbox_status out;
	struct roster_status roster;
	cJSON *json = cJSON_CreateObject();

	outbox_status(platform->outbox, &out);
	roster_status(platform->roster, &roster);
	cJSON_AddStringToObject(json, "name", platform->config->name);
	cJSON_AddStringToObject(json, "kind", platform->config->kind);
	cJSON_AddStringToObject(json, "health", health[out.health]);
	cJSON_AddStringToObject(json, "reason", out.reason);
	add_time(json, "since", out.since_wall_ms);
	add_int(json, "numbers", (int64_t)roster.numbers);
	add_time(json, "list_accepted", roster.accepted_wall_ms);
	cJSON_AddStringToObject(json, "list_reason", roster.reason);
	add_int(json, "left_out", (int64_t)roster.left_out);
	add_int(json, "in_flight", (int64_t)(out.in_flight + out.ready));
	for (size_t i = 0; i < totals->platform_count; i++) {
		if (strcmp(totals->platforms[i].platform, platform->config->name) != 0)
			continue;
		int64_t oldest_ms = totals->platforms[i].oldest_ms;
		for (int s = 0; s < STORE_STATE_COUNT; s++)
			add_int(json, store_state_name((enum store_state)s),
				totals->platforms[i].states[s]);
		add_int(json, "oldest_s",
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
		answer_store_error(pending->request, err);
		cJSON_Delete(json);
		free(pending);
		return;
	}
	cJSON_AddStringToObject(json, "version", SIMGATE_VERSION);
	add_int(json, "uptime_s", (loop_now_ms(view->loop) - view->started_ms) / 1000);
	cJSON_AddStringToObject(json, "host_id", view->config->host_id);
	cJSON_AddBoolToObject(json, "ready", view->settled);
	add_ports(json, view);
	add_banks(json, view);
	part = cJSON_AddObjectToObject(json, "store");
	cJSON_AddBoolToObject(part, "ok", health == 0);
	cJSON_AddStringToObject(part, "error", health ? strerror(-health) : "");
	add_int(part, "pending", (int64_t)store_pending(view->store));
	part = cJSON_AddObjectToObject(json, "messages");
	add_int(part, "total", totals->messages);
	add_int(part, "last_hour", totals->messages_hour);
	add_int(part, "undecodable", totals->undecodable);
	add_int(part, "parts_pending", totals->parts_pending);
	part = cJSON_AddArrayToObject(json, "platforms");
	for (size_t i = 0; i < view->platform_count; i++)
		add_platform(part, view, &view->platforms[i], totals);
	part = cJSON_AddObjectToObject(json, "counters");
	for (int c = 0; c < COUNTER_COUNT; c++)
		add_int(part, counter_name((enum counter)c), (int64_t)counter_get((enum counter)c));
	answer(pending->request, 200, json);
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

/* ---- messages ------------------------------------------------------------------------------- */

/* Characters, not octets. */
static int64_t text_chars(const char *text)
{
	int64_t count = 0;

	for (; *text; text++)
		count += ((unsigned char)*text & 0xC0) != 0x80;
	return count;
}

static cJSON *row_json(const struct store_row *row, bool full)
{
	cJSON *json = cJSON_CreateObject();
	char port[2 * STORE_NAME_SIZE];

	snprintf(port, sizeof port, "%s/%s", row->bank, row->slot);
	cJSON_AddStringToObject(json, "id", row->message_id);
	cJSON_AddStringToObject(json, "port", port);
	add_number(json, "number", row->number, full);
	add_number(json, "sender", row->sender, full || row->sender[0] != '+');
	if (full)
		cJSON_AddStringToObject(json, "text", row->text);
	add_int(json, "chars", text_chars(row->text));
	add_int(json, "parts", row->parts);
	add_time(json, "arrived", row->arrived_ms);
	add_int(json, "arrived_ms", row->arrived_ms);
	add_time(json, "sent", row->sent_ms);
	cJSON_AddStringToObject(json, "platform", row->platform);
	cJSON_AddStringToObject(json, "state", row->state_name);
	cJSON_AddStringToObject(json, "reason", row->reason);
	add_int(json, "attempts", row->attempts);
	add_time(json, "done", row->done_ms);
	add_time(json, "next", row->next_ms);
	return json;
}

static void on_rows(void *arg, int err, const struct store_row *rows, size_t count)
{
	struct pending *pending = arg;

	if (err) {
		answer_store_error(pending->request, err);
		cJSON_Delete(pending->json);
	} else {
		cJSON *list = pending->json->child;
		for (size_t i = 0; i < count; i++)
			cJSON_AddItemToArray(list, row_json(&rows[i], pending->full));
		answer(pending->request, 200, pending->json);
	}
	free(pending);
}

static void ask_rows(
	struct control *control, struct http_request *request, bool outbox, const char *name)
{
	const char *port = http_query(request, "port"), *since = http_query(request, "since");
	const char *limit = http_query(request, "limit");
	const char *slash = port ? strchr(port, '/') : NULL;
	char bank[STORE_NAME_SIZE];
	int64_t value = LIMIT_DEFAULT;
	struct store_query query = { .outbox = outbox };
	struct pending *pending;

	if (port && (!slash || (size_t)(slash - port) >= sizeof bank)) {
		answer_error(request, 400, "port is BANK/SLOT");
		return;
	}
	if (limit && config_parse_int(limit, 1, LIMIT_MAX, &value) < 0) {
		answer_error(request, 400, "limit is a number from 1 to 1000");
		return;
	}
	query.limit = (size_t)value;
	if (since && config_parse_int(since, 0, INT64_MAX, &query.since_ms) < 0) {
		answer_error(request, 400, "since is a time in milliseconds since 1970");
		return;
	}
	if (port) {
		snprintf(bank, sizeof bank, "%.*s", (int)(slash - port), port);
		query.bank = bank;
		query.slot = slash + 1;
	}
	pending = pending_new(control, request);
	if (!pending)
		return;
	pending->json = cJSON_CreateObject();
	cJSON_AddArrayToObject(pending->json, name);
	store_messages(control->view->store, &query, on_rows, pending);
}

static void on_messages(void *arg, struct http_request *request)
{
	ask_rows(arg, request, false, "messages");
}

static void on_outbox(void *arg, struct http_request *request)
{
	ask_rows(arg, request, true, "outbox");
}

static void on_count(void *arg, int err, int64_t count)
{
	struct pending *pending = arg;
	struct control *control = pending->control;

	if (err) {
		answer_store_error(pending->request, err);
	} else if (count == 0) {
		answer_error(
			pending->request, 404, "no such message, or nothing to be done with it");
	} else {
		cJSON *json = cJSON_CreateObject();
		add_int(json, "count", count);
		answer(pending->request, 200, json);
		control->actions->kick(control->arg);
	}
	free(pending);
}

static void on_retry(void *arg, struct http_request *request)
{
	struct control *control = arg;
	const char *id = http_query(request, "id"), *all = http_query(request, "all");
	struct pending *pending;

	if (!id && !all) {
		answer_error(request, 400, "say which: id, or all=1");
		return;
	}
	pending = pending_new(control, request);
	if (pending)
		store_outbox_retry(control->view->store, id, loop_wall_ms(control->view->loop),
			on_count, pending);
}

static void on_drop(void *arg, struct http_request *request)
{
	struct control *control = arg;
	const char *id = http_query(request, "id");
	struct pending *pending;

	if (!id) {
		answer_error(request, 400, "say which: id");
		return;
	}
	pending = pending_new(control, request);
	if (pending)
		store_outbox_drop(control->view->store, id, loop_wall_ms(control->view->loop),
			on_count, pending);
}

/* ---- actions -------------------------------------------------------------------------------- */

/* One platform's part of a sync. */
struct sync_part {
	struct pending *pending;
	cJSON *json;
};

static void sync_over(struct pending *pending)
{
	if (--pending->waiting > 0)
		return;
	answer(pending->request, 200, pending->json);
	free(pending);
}

static void on_synced(void *arg, int err, const char *why)
{
	struct sync_part *part = arg;

	cJSON_AddBoolToObject(part->json, "ok", err == 0);
	cJSON_AddStringToObject(part->json, "error", err ? why : "");
	sync_over(part->pending);
	free(part);
}

static void on_sync(void *arg, struct http_request *request)
{
	struct control *control = arg;
	const struct control_view *view = control->view;
	struct pending *pending = pending_new(control, request);
	cJSON *list;

	if (!pending)
		return;
	pending->json = cJSON_CreateObject();
	list = cJSON_AddArrayToObject(pending->json, "platforms");
	pending->waiting = 1;
	for (size_t i = 0; i < view->platform_count; i++) {
		struct sync_part *part = calloc(1, sizeof *part);
		if (!part)
			break;
		part->pending = pending;
		part->json = cJSON_CreateObject();
		cJSON_AddStringToObject(part->json, "name", view->platforms[i].config->name);
		cJSON_AddItemToArray(list, part->json);
		pending->waiting++;
		roster_sync(view->platforms[i].roster, on_synced, part);
	}
	sync_over(pending);
}

static void say_change(void *arg, const char *line)
{
	cJSON_AddItemToArray(arg, cJSON_CreateString(line));
}

static void on_reload(void *arg, struct http_request *request)
{
	struct control *control = arg;
	struct config_report report = { 0 };
	cJSON *json = cJSON_CreateObject(), *changes = cJSON_CreateArray(), *lines;

	if (control->actions->reload(control->arg, &report, say_change, changes) == 0) {
		cJSON_AddBoolToObject(json, "ok", true);
		cJSON_AddItemToObject(json, "changes", changes);
		answer(request, 200, json);
	} else {
		cJSON_Delete(changes);
		cJSON_AddStringToObject(
			json, "error", "the configuration has errors; the old one stays");
		lines = cJSON_AddArrayToObject(json, "report");
		for (size_t i = 0; i < report.count; i++)
			cJSON_AddItemToArray(lines, cJSON_CreateString(report.lines[i]));
		answer(request, 400, json);
	}
	config_report_free(&report);
}

struct control *control_new(
	const struct control_view *view, const struct control_actions *actions, void *arg)
{
	struct control *control = calloc(1, sizeof *control);

	if (!control)
		return NULL;
	control->view = view;
	control->actions = actions;
	control->arg = arg;
	memcpy(control->routes,
		(struct http_route[ROUTES]) {
			{ "GET", "/api/v1/status", on_status, control },
			{ "GET", "/api/v1/ports", on_ports, control },
			{ "GET", "/api/v1/ports/*", on_port, control },
			{ "GET", "/api/v1/messages", on_messages, control },
			{ "GET", "/api/v1/outbox", on_outbox, control },
			{ "POST", "/api/v1/outbox/retry", on_retry, control },
			{ "POST", "/api/v1/outbox/drop", on_drop, control },
			{ "POST", "/api/v1/sync", on_sync, control },
			{ "POST", "/api/v1/reload", on_reload, control },
		},
		sizeof control->routes);
	return control;
}

void control_free(struct control *control)
{
	free(control);
}

const struct http_route *control_routes(const struct control *control)
{
	return control->routes;
}
