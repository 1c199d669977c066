/* history.c - the last hour by minutes, in memory: what the page draws its small lines from. */
#include "api/history.h"

#include <stdlib.h>
#include <string.h>

#include "base/counter.h"
#include "base/fnv.h"

enum { MINUTE_MS = 60000 };

/* A place in a ring is a minute; all rings have the same. */
struct port_row {
	uint64_t key; /* of the port's id */
	uint64_t received_before;
	uint8_t received[HISTORY_MINUTES]; /* 255: that many, or more */
	int8_t dbm[HISTORY_MINUTES];       /* 0: unknown */
};

struct history {
	const struct control_view *view;
	struct http_route routes[2];
	struct loop_timer timer;
	size_t minutes, next; /* of a ring: how many there are, where the next goes */
	uint64_t received_before, delivered_before;
	uint32_t received[HISTORY_MINUTES], delivered[HISTORY_MINUTES];
	struct port_row *rows; /* in the order of view->modems a minute ago */
	size_t row_count;
};

static uint64_t key_of(const char *id)
{
	return fnv_text(FNV_START, id);
}

/* Nearly always a port is where it was the last time. */
static struct port_row *find(const struct history *history, uint64_t key, size_t likely)
{
	if (likely < history->row_count && history->rows[likely].key == key)
		return &history->rows[likely];
	for (size_t i = 0; i < history->row_count; i++)
		if (history->rows[i].key == key)
			return &history->rows[i];
	return NULL;
}

static void sample_port(struct port_row *row, const struct modem *modem, size_t at)
{
	uint64_t before = row->received_before <= modem->received ? row->received_before : 0;
	uint64_t received = modem->received - before;
	int dbm = modem->rssi_dbm;

	row->received[at] = (uint8_t)(received < UINT8_MAX ? received : UINT8_MAX);
	row->dbm[at] = (int8_t)(dbm < INT8_MIN ? INT8_MIN : dbm);
	row->received_before = modem->received;
}

/* What a port that is gone had is forgotten. */
static void sample_ports(struct history *history)
{
	const struct control_view *view = history->view;
	struct port_row *rows = calloc(view->modem_count + 1, sizeof *rows);

	if (!rows)
		return;
	for (size_t i = 0; i < view->modem_count; i++) {
		uint64_t key = key_of(view->modems[i]->id);
		const struct port_row *old = find(history, key, i);
		if (old)
			rows[i] = *old;
		rows[i].key = key;
		sample_port(&rows[i], view->modems[i], history->next);
	}
	free(history->rows);
	history->rows = rows;
	history->row_count = view->modem_count;
}

static void on_minute(void *arg)
{
	struct history *history = arg;
	uint64_t received = counter_get(COUNTER_SMS_RECEIVED);
	uint64_t delivered = counter_get(COUNTER_DELIVERED);

	loop_timer_start(&history->timer, MINUTE_MS);
	history->received[history->next] = (uint32_t)(received - history->received_before);
	history->delivered[history->next] = (uint32_t)(delivered - history->delivered_before);
	history->received_before = received;
	history->delivered_before = delivered;
	sample_ports(history);
	history->next = (history->next + 1) % HISTORY_MINUTES;
	if (history->minutes < HISTORY_MINUTES)
		history->minutes++;
}

/* The place in the rings of the n-th minute, the oldest first. */
static size_t place(const struct history *history, size_t n)
{
	return (history->next + HISTORY_MINUTES - history->minutes + n) % HISTORY_MINUTES;
}

static void add_counts(
	const struct history *history, cJSON *json, const char *name, const uint32_t *counts)
{
	cJSON *list = cJSON_AddArrayToObject(json, name);

	for (size_t n = 0; n < history->minutes; n++)
		cJSON_AddItemToArray(list, cJSON_CreateNumber(counts[place(history, n)]));
}

void history_add_port(const struct history *history, const char *id, cJSON *json)
{
	const struct port_row *row = find(history, key_of(id), 0);
	cJSON *recent = cJSON_AddObjectToObject(json, "recent");
	cJSON *received = cJSON_AddArrayToObject(recent, "received");
	cJSON *dbm = cJSON_AddArrayToObject(recent, "signal_dbm");

	for (size_t n = 0; row && n < history->minutes; n++) {
		size_t at = place(history, n);
		cJSON_AddItemToArray(received, cJSON_CreateNumber(row->received[at]));
		cJSON_AddItemToArray(
			dbm, row->dbm[at] ? cJSON_CreateNumber(row->dbm[at]) : cJSON_CreateNull());
	}
}

static void on_history(void *arg, struct http_request *request)
{
	const struct history *history = arg;
	cJSON *json = cJSON_CreateObject();

	add_counts(history, json, "received", history->received);
	add_counts(history, json, "delivered", history->delivered);
	json_answer(request, 200, json);
}

struct history *history_new(const struct control_view *view)
{
	struct history *history = calloc(1, sizeof *history);

	if (!history)
		return NULL;
	history->view = view;
	history->routes[0] = (struct http_route) { "GET", "/api/v1/history", on_history, history,
		HTTP_OPERATOR };
	history->received_before = counter_get(COUNTER_SMS_RECEIVED);
	history->delivered_before = counter_get(COUNTER_DELIVERED);
	loop_timer_init(&history->timer, view->loop, on_minute, history);
	loop_timer_start(&history->timer, MINUTE_MS);
	return history;
}

void history_free(struct history *history)
{
	if (!history)
		return;
	loop_timer_stop(&history->timer);
	free(history->rows);
	free(history);
}

const struct http_route *history_routes(const struct history *history)
{
	return history->routes;
}
