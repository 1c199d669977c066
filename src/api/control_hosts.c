/* control_hosts.c - the control socket's answer about the hosts that share the store. */
#include <stdlib.h>

#include "api/control_impl.h"

/* Of itself this host knows more than it last told the store. */
static void add_ports(cJSON *json, const struct control_view *view, const struct store_host *host)
{
	int64_t ports = host->ports, ready = host->ready;

	if (host->own) {
		ports = (int64_t)view->modem_count;
		ready = 0;
		for (size_t i = 0; i < view->modem_count; i++)
			ready += view->modems[i]->fsm.state == MODEM_READY;
	}
	json_int(json, "ports", ports);
	json_int(json, "ready", ready);
}

/* One that is alone says nothing to the store while it runs. */
static const char *state_of(const struct control_view *view, const struct store_host *host)
{
	bool alone = host->own && !store_is_shared(view->store);

	if (host->stale && !alone)
		return "stale";
	if (host->stopped && !alone)
		return "stopped";
	return host->settled || (alone && view->settled) ? "up" : "starting";
}

static cJSON *show_host(const struct control_view *view, const struct store_host *host)
{
	bool alone = host->own && !store_is_shared(view->store);
	int64_t now_ms = loop_wall_ms(view->loop), seen_ms = alone ? now_ms : host->seen_ms;
	cJSON *json = cJSON_CreateObject(), *banks;

	cJSON_AddStringToObject(json, "name", host->name);
	cJSON_AddStringToObject(json, "version", host->version);
	cJSON_AddStringToObject(json, "state", state_of(view, host));
	cJSON_AddBoolToObject(json, "own", host->own);
	cJSON_AddBoolToObject(json, "leader", alone ? view->settled : host->leads);
	json_time(json, "since", host->started_ms);
	json_int(json, "uptime_s", (now_ms - host->started_ms) / 1000);
	json_time(json, "seen", seen_ms);
	json_int(json, "seen_s", (now_ms - seen_ms) / 1000);
	add_ports(json, view, host);
	banks = cJSON_AddArrayToObject(json, "banks");
	for (size_t i = 0; i < host->bank_count; i++)
		cJSON_AddItemToArray(banks, cJSON_CreateString(host->banks[i]));
	return json;
}

static void on_hosts(void *arg, int err, const struct store_hosts *hosts)
{
	struct pending *pending = arg;
	cJSON *json, *list;

	if (err) {
		json_store_error(pending->request, err);
		free(pending);
		return;
	}
	json = cJSON_CreateObject();
	list = cJSON_AddArrayToObject(json, "hosts");
	for (size_t i = 0; i < hosts->count; i++)
		cJSON_AddItemToArray(list, show_host(pending->control->view, &hosts->rows[i]));
	json_answer(pending->request, 200, json);
	free(pending);
}

void control_hosts(void *arg, struct http_request *request)
{
	struct control *control = arg;
	struct pending *pending = pending_new(control, request);

	if (pending)
		store_hosts(
			control->view->store, loop_wall_ms(control->view->loop), on_hosts, pending);
}
