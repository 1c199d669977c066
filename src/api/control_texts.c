/* control_texts.c - the control socket's answers about texts: messages, and the outbox. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/control_impl.h"

enum { LIMIT_DEFAULT = 100, LIMIT_MAX = 1000 };

static cJSON *row_json(const struct store_row *row, bool full)
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
	json_int(json, "chars", json_chars(row->text));
	json_int(json, "parts", row->parts);
	json_time(json, "arrived", row->arrived_ms);
	json_int(json, "arrived_ms", row->arrived_ms);
	json_time(json, "sent", row->sent_ms);
	cJSON_AddStringToObject(json, "platform", row->platform);
	cJSON_AddStringToObject(json, "state", row->state_name);
	cJSON_AddStringToObject(json, "reason", row->reason);
	json_int(json, "attempts", row->attempts);
	json_time(json, "done", row->done_ms);
	json_time(json, "next", row->next_ms);
	return json;
}

static void on_rows(void *arg, int err, const struct store_row *rows, size_t count)
{
	struct pending *pending = arg;

	if (err) {
		json_store_error(pending->request, err);
		cJSON_Delete(pending->json);
	} else {
		cJSON *list = pending->json->child;
		for (size_t i = 0; i < count; i++)
			cJSON_AddItemToArray(list, row_json(&rows[i], pending->full));
		json_answer(pending->request, 200, pending->json);
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
		json_error(request, 400, "port is BANK/SLOT");
		return;
	}
	if (limit && config_parse_int(limit, 1, LIMIT_MAX, &value) < 0) {
		json_error(request, 400, "limit is a number from 1 to 1000");
		return;
	}
	query.limit = (size_t)value;
	if (since && config_parse_int(since, 0, INT64_MAX, &query.since_ms) < 0) {
		json_error(request, 400, "since is a time in milliseconds since 1970");
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

void control_messages(void *arg, struct http_request *request)
{
	ask_rows(arg, request, false, "messages");
}

void control_outbox(void *arg, struct http_request *request)
{
	ask_rows(arg, request, true, "outbox");
}

static void on_count(void *arg, int err, int64_t count)
{
	struct pending *pending = arg;
	struct control *control = pending->control;

	if (err) {
		json_store_error(pending->request, err);
	} else if (count == 0 && pending->one) {
		json_error(pending->request, 404, "no such message, or nothing to be done with it");
	} else {
		cJSON *json = cJSON_CreateObject();
		json_int(json, "count", count);
		json_int(json, "undecodable", pending->left);
		json_answer(pending->request, 200, json);
		control->actions->kick(control->arg);
	}
	free(pending);
}

/* What waits is due, and what was undecodable was read again: both are one answer. */
static void on_retried(void *arg, int err, int64_t count)
{
	struct pending *pending = arg;

	on_count(pending, err, err ? 0 : count + pending->decoded);
}

static void on_decoded(void *arg, int err, int64_t decoded, int64_t left)
{
	struct pending *pending = arg;
	struct control *control = pending->control;
	const char *id = pending->one ? http_query(pending->request, "id") : NULL;

	if (err) {
		json_store_error(pending->request, err);
		free(pending);
		return;
	}
	if (id && left > 0) {
		json_error(pending->request, 409, "it is still undecodable: see simgatectl outbox");
		free(pending);
		return;
	}
	pending->decoded = decoded;
	pending->left = left;
	store_outbox_retry(
		control->view->store, id, loop_wall_ms(control->view->loop), on_retried, pending);
}

void control_retry(void *arg, struct http_request *request)
{
	struct control *control = arg;
	const char *id = http_query(request, "id"), *all = http_query(request, "all");
	struct pending *pending;

	if (!id && !all) {
		json_error(request, 400, "say which: id, or all=1");
		return;
	}
	pending = pending_new(control, request);
	if (!pending)
		return;
	pending->one = id != NULL;
	inbox_retry(control->view->inbox, id, on_decoded, pending);
}

void control_drop(void *arg, struct http_request *request)
{
	struct control *control = arg;
	const char *id = http_query(request, "id");
	struct pending *pending;

	if (!id) {
		json_error(request, 400, "say which: id");
		return;
	}
	pending = pending_new(control, request);
	if (!pending)
		return;
	pending->one = true;
	store_outbox_drop(
		control->view->store, id, loop_wall_ms(control->view->loop), on_count, pending);
}
