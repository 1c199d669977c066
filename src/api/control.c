/* control.c - the control socket's answers. */
#include "api/control_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/history.h"
#include "api/json.h"
#include "api/show.h"

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
		cJSON_AddItemToArray(list, show_port(view, view->modems[i], control_full(request)));
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
	json = show_port(control->view, modem, full);
	cJSON_AddStringToObject(json, "device", modem->device);
	cJSON_AddStringToObject(json, "driver", modem->driver ? modem->driver->name : "");
	cJSON_AddStringToObject(json, "model", modem->model);
	json_card(json, "imei", modem->imei, full);
	json_card(json, "iccid", modem->iccid, full);
	json_card(json, "imsi", modem->imsi, full);
	json_card(json, "card_id", modem->card_id, full);
	json_int(json, "baud", modem->rate.now);
	if (control->view->history)
		history_add_port(control->view->history, modem->id, json);
	add_history(json, modem);
	add_at_lines(json, modem);
	json_answer(request, 200, json);
}

/* ---- status --------------------------------------------------------------------------------- */

static void on_totals(void *arg, int err, const struct store_totals *totals)
{
	struct pending *pending = arg;

	/* Without its server the rest can be told. */
	if (err && err != -EAGAIN)
		json_store_error(pending->request, err);
	else
		json_answer(pending->request, 200,
			show_status(pending->control->view, err ? NULL : totals));
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

	if (err >= 0) {
		cJSON_AddBoolToObject(json, "ok", err == 0);
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
		json_answer(request, err == -ECANCELED ? 503 : 422, json);
	}
	config_report_free(&report);
}

static const struct http_route routes[] = {
	{ "GET", "/api/v1/status", on_status, NULL, HTTP_OPERATOR },
	{ "GET", "/api/v1/ports", on_ports, NULL, HTTP_OPERATOR },
	{ "GET", "/api/v1/ports/*", on_port, NULL, HTTP_OPERATOR },
	{ "POST", "/api/v1/ports/*", control_port_action, NULL, HTTP_CONTROL },
	{ "POST", "/api/v1/banks/*", control_calibrate, NULL, HTTP_CONTROL },
	{ "GET", "/api/v1/banks/*", control_calibration, NULL, HTTP_CONTROL },
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
	{ "GET", "/api/v1/hosts", control_hosts, NULL, HTTP_OPERATOR },
	{ "POST", "/api/v1/sync", control_sync, NULL, HTTP_CONTROL },
	{ "POST", "/api/v1/takeoff", control_takeoff, NULL, HTTP_CONTROL },
	{ "GET", "/api/v1/activations", control_activations, NULL, HTTP_OPERATOR },
	{ "POST", "/api/v1/activations/release", control_release, NULL, HTTP_CONTROL },
	{ "GET", "/api/v1/customers", control_customers, NULL, HTTP_CONTROL },
	{ "POST", "/api/v1/customers/add", control_customer_add, NULL, HTTP_CONTROL },
	{ "POST", "/api/v1/customers/topup", control_customer_topup, NULL, HTTP_CONTROL },
	{ "POST", "/api/v1/customers/disable", control_customer_disable, NULL, HTTP_CONTROL },
	{ "POST", "/api/v1/customers/enable", control_customer_enable, NULL, HTTP_CONTROL },
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
