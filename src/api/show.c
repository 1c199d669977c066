/* show.c - a port, a message, the whole: as JSON. */
#include "api/show.h"

#include <stdio.h>
#include <string.h>

#include "api/control_impl.h"
#include "base/counter.h"
#include "modem/hubs.h"

/* Whose number is listed once, by the first of its places. */
static bool is_double(const struct modem *modem, const struct modem *other)
{
	int order = strcmp(other->bank, modem->bank);

	return (order ? order : strcmp(other->slot, modem->slot)) < 0;
}

/* Another port on sale with this number: of another card, else of this one and before it. */
static const struct modem *same_number(const struct control_view *view, const struct modem *modem)
{
	const struct modem *again = NULL;

	for (size_t i = 0; i < view->modem_count; i++) {
		const struct modem *other = view->modems[i];
		if (!other->online || other == modem || other->drain.state != DRAIN_NO ||
			strcmp(other->number, modem->number) != 0)
			continue;
		if (strcmp(other->card_id, modem->card_id) != 0)
			return other;
		if (!again && is_double(modem, other))
			again = other;
	}
	return again;
}

const char *show_unlisted(
	const struct control_view *view, const struct modem *modem, char *buf, size_t size)
{
	const struct modem *other;

	if (!modem->online || modem->drain.state != DRAIN_NO)
		return "";
	if (!modem->number[0])
		return modem->number_conflict ? "two numbers in dispute: see simgatectl numbers"
					      : "its number is not known: see simgatectl numbers";
	other = same_number(view, modem);
	bool foreign = other && strcmp(other->card_id, modem->card_id) != 0;
	if (foreign || modem->twice[0])
		snprintf(buf, size, "%s has the same number", foreign ? other->id : modem->twice);
	else if (other)
		snprintf(buf, size, "%s has the same card: a clone, or a fault of a reader",
			other->id);
	else
		return "";
	return buf;
}

cJSON *show_port(const struct control_view *view, const struct modem *modem, bool full)
{
	cJSON *json = cJSON_CreateObject();
	int64_t now_ms = loop_now_ms(view->loop);
	char text[320];
	const char *unlisted;

	cJSON_AddStringToObject(json, "port", modem->id);
	cJSON_AddStringToObject(json, "state", modem_state_name(modem));
	json_time(json, "since", modem->fsm.since_wall_ms);
	json_int(json, "since_s", (now_ms - modem->fsm.since_ms) / 1000);
	cJSON_AddStringToObject(json, "why", modem->fsm.why);
	cJSON_AddStringToObject(json, "trouble", modem_trouble(modem, text, sizeof text));
	cJSON_AddStringToObject(json, "advice",
		modem->recovery.begun ? recovery_advice(modem->recovery.cause) : "");
	if (modem->recovery.begun)
		json_int(json, "trouble_s", (now_ms - modem->recovery.begun_ms) / 1000);
	else
		cJSON_AddNullToObject(json, "trouble_s");
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
	unlisted = show_unlisted(view, modem, text, sizeof text);
	cJSON_AddStringToObject(json, "unlisted", unlisted);
	cJSON_AddBoolToObject(
		json, "online", modem->online && modem->drain.state == DRAIN_NO && !*unlisted);
	cJSON_AddStringToObject(json, "drain", control_drain_name(modem));
	cJSON_AddStringToObject(
		json, "drain_waits", control_drain_waits(view, modem, text, sizeof text));
	control_add_place(json, view, modem);
	return json;
}

cJSON *show_message(const struct store_row *row, bool full)
{
	cJSON *json = cJSON_CreateObject();
	char port[2 * STORE_NAME_SIZE];

	snprintf(port, sizeof port, "%s/%s", row->bank, row->slot);
	cJSON_AddStringToObject(json, "id", row->message_id);
	cJSON_AddStringToObject(json, "port", port);
	json_number(json, "number", row->number, full);
	json_number(json, "sender", row->sender, full || row->sender[0] != '+');
	if (full)
		cJSON_AddStringToObject(json, "text", row->text);
	json_int(json, "chars", row->chars);
	json_int(json, "parts", row->parts);
	json_time(json, "arrived", row->arrived_ms);
	json_int(json, "arrived_ms", row->arrived_ms);
	json_time(json, "sent", row->sent_ms);
	json_time(json, "erased", row->erased_ms);
	cJSON_AddStringToObject(json, "platform", row->platform);
	cJSON_AddStringToObject(json, "state", row->state_name);
	cJSON_AddStringToObject(json, "reason", row->reason);
	json_int(json, "attempts", row->attempts);
	json_time(json, "done", row->done_ms);
	json_time(json, "next", row->state == STORE_QUEUED ? row->next_ms : 0);
	return json;
}

/* ---- the whole ------------------------------------------------------------------------------ */

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

static void add_alarm(void *arg, const char *text)
{
	cJSON_AddItemToArray(arg, cJSON_CreateString(text));
}

/* How many are in each state that is not ready, and what keeps ready ones off the lists. */
static void bank_trouble(
	const struct control_view *view, const char *bank, char *trouble, size_t size)
{
	int counts[MODEM_STATES + 2] = { 0 };
	char text[320];

	for (size_t i = 0; i < view->modem_count; i++) {
		const struct modem *modem = view->modems[i];
		if (strcmp(modem->bank, bank) != 0)
			continue;
		if (modem->fsm.state != MODEM_READY)
			counts[modem->fsm.state]++;
		else if (modem->deaf)
			counts[MODEM_STATES]++;
		else if (*show_unlisted(view, modem, text, sizeof text))
			counts[MODEM_STATES + 1]++;
	}
	for (int s = 0; s < MODEM_STATES + 2; s++) {
		size_t len = strlen(trouble);
		if (counts[s])
			snprintf(trouble + len, size - len, "%s%d %s", len ? ", " : "", counts[s],
				s < MODEM_STATES    ? modem_state_text(s)
				: s == MODEM_STATES ? "deaf"
						    : "ready and not listed");
	}
	control_lines_trouble(view, bank, trouble, size);
}

static void add_banks(cJSON *json, const struct control_view *view)
{
	cJSON *list = cJSON_AddArrayToObject(json, "banks");

	for (size_t b = 0; b < view->config->bank_count; b++) {
		const char *name = view->config->banks[b].name;
		int total = 0, ready = 0;
		char trouble[200] = "";
		cJSON *bank = cJSON_CreateObject();
		for (size_t i = 0; i < view->modem_count; i++)
			if (strcmp(view->modems[i]->bank, name) == 0) {
				total++;
				ready += view->modems[i]->fsm.state == MODEM_READY;
			}
		bank_trouble(view, name, trouble, sizeof trouble);
		cJSON_AddStringToObject(bank, "bank", name);
		json_int(bank, "total", total);
		json_int(bank, "ready", ready);
		add_drained(bank, view, name);
		cJSON_AddStringToObject(bank, "trouble", trouble);
		control_add_controls(bank, view, name);
		cJSON_AddItemToArray(list, bank);
	}
}

/* A platform without a list says so, and has no figures of one. */
static void add_roster(cJSON *json, const struct control_view *view, const struct roster *roster)
{
	struct roster_status status;

	cJSON_AddBoolToObject(json, "list", roster != NULL);
	if (!roster)
		return;
	roster_status(roster, &status);
	json_int(json, "numbers", (int64_t)status.numbers);
	json_time(json, "list_accepted", status.accepted_wall_ms);
	cJSON_AddStringToObject(json, "list_reason", status.reason);
	cJSON_AddStringToObject(
		json, "list_host", leader_follows(view->leader) ? leader_name(view->leader) : "");
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
	add_roster(json, view, platform->roster);
	json_int(json, "in_flight", (int64_t)(out.in_flight + out.ready));
	for (size_t i = 0; totals && i < totals->platform_count; i++) {
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

static void add_store(cJSON *json, const struct control_view *view)
{
	int health = store_health(view->store);
	struct store_server server;

	cJSON_AddBoolToObject(json, "ok", health == 0);
	cJSON_AddStringToObject(json, "error", health ? strerror(-health) : "");
	json_int(json, "pending", (int64_t)store_pending(view->store));
	if (!store_server(view->store, &server))
		return;
	json = cJSON_AddObjectToObject(json, "server");
	cJSON_AddBoolToObject(json, "up", server.up);
	json_time(json, "since", server.since_ms);
	cJSON_AddStringToObject(json, "error", server.why);
	json_int(json, "journal", server.waiting);
	json_int(json, "journal_oldest_s",
		server.oldest_ms ? (loop_wall_ms(view->loop) - server.oldest_ms) / 1000 : 0);
	json_int(json, "untold", server.dropped);
}

static void add_messages(cJSON *json, const struct store_totals *totals)
{
	json_int(json, "total", totals->messages);
	json_int(json, "last_hour", totals->messages_hour);
	json_int(json, "undecodable", totals->undecodable);
	json_int(json, "no_text", totals->no_text);
	json_int(json, "parts_pending", totals->parts_pending);
}

cJSON *show_status(const struct control_view *view, const struct store_totals *totals)
{
	cJSON *json = cJSON_CreateObject(), *part;

	cJSON_AddStringToObject(json, "version", SIMGATE_VERSION);
	json_int(json, "uptime_s", (loop_now_ms(view->loop) - view->started_ms) / 1000);
	cJSON_AddStringToObject(json, "host_id", view->config->host_id);
	cJSON_AddBoolToObject(json, "ready", view->settled);
	add_ports(json, view);
	add_banks(json, view);
	part = cJSON_AddArrayToObject(json, "hub_alarms");
	if (view->hubs)
		hubs_each_alarm(view->hubs, add_alarm, part);
	add_store(cJSON_AddObjectToObject(json, "store"), view);
	part = cJSON_AddObjectToObject(json, "messages");
	if (totals)
		add_messages(part, totals);
	part = cJSON_AddArrayToObject(json, "platforms");
	for (size_t i = 0; i < view->platform_count; i++)
		add_platform(part, view, &view->platforms[i], totals);
	part = cJSON_AddObjectToObject(json, "counters");
	for (int c = 0; c < COUNTER_COUNT; c++)
		json_int(
			part, counter_name((enum counter)c), (int64_t)counter_get((enum counter)c));
	control_add_filtered(json);
	return json;
}
