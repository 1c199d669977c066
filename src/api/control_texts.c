/* control_texts.c - the control socket's answers about texts: messages, and the outbox. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/control_impl.h"
#include "api/show.h"

enum { LIMIT_DEFAULT = 100, LIMIT_MAX = 1000 };

static void on_rows(void *arg, int err, const struct store_row *rows, size_t count)
{
	struct pending *pending = arg;
	const char *port = http_query(pending->request, "port");

	if (err) {
		json_store_error(pending->request, err);
		cJSON_Delete(pending->json);
	} else if (count == 0 && port && !control_modem(pending->control, port, strlen(port))) {
		/* Texts of a port that is gone, or another host's, are shown. */
		control_no_port(pending->control, pending->request, port);
		cJSON_Delete(pending->json);
	} else {
		cJSON *list = pending->json->child;
		for (size_t i = 0; i < count; i++)
			cJSON_AddItemToArray(list, show_message(&rows[i], pending->full));
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
	char text[200];

	if (err) {
		json_store_error(pending->request, err);
	} else if (count == 0 && pending->one) {
		snprintf(text, sizeof text,
			"no such message, or nothing to be done with it: %.100s",
			http_query(pending->request, "id"));
		json_error(pending->request, 404, text);
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

/* ---- all of one number ---------------------------------------------------------------------- */

static const char *asked_number(struct http_request *request)
{
	const char *number = http_query(request, "number");

	if (number && number[0] == '+' && strlen(number) < STORE_NUMBER_SIZE)
		return number;
	json_error(request, 400, "number is one as the list has it: +46700100200");
	return NULL;
}

/* A page, the oldest first; who asks goes on behind its last id until one is empty. */
void control_export(void *arg, struct http_request *request)
{
	struct control *control = arg;
	struct store_query query = { .number = asked_number(request),
		.after = http_query(request, "after"),
		.limit = LIMIT_MAX };
	struct pending *pending = query.number ? pending_new(control, request) : NULL;

	if (!pending)
		return;
	pending->full = true;
	pending->json = cJSON_CreateObject();
	cJSON_AddArrayToObject(pending->json, "messages");
	store_messages(control->view->store, &query, on_rows, pending);
}

static void on_number_erased(void *arg, int err, const struct store_number_erased *erased)
{
	struct pending *pending = arg;

	if (err) {
		json_store_error(pending->request, err);
	} else {
		cJSON *json = cJSON_CreateObject();
		json_int(json, "messages", erased->messages);
		json_int(json, "undelivered", erased->undelivered);
		json_int(json, "parts", erased->parts);
		json_int(json, "undecodable", erased->undecodable);
		json_int(json, "on_cards", erased->on_cards);
		cJSON_AddBoolToObject(
			json, "journals", store_is_shared(pending->control->view->store));
		log_notice(LOGC_STORE, NULL, NULL,
			LOG_FIELDS(LOG_NUMBER("number", http_query(pending->request, "number")),
				LOG_INT("messages", erased->messages),
				LOG_INT("undelivered", erased->undelivered)),
			"the messages of a number were erased by the operator");
		json_answer(pending->request, 200, json);
	}
	free(pending);
}

void control_erase(void *arg, struct http_request *request)
{
	struct control *control = arg;
	const char *number = asked_number(request);
	struct pending *pending = number ? pending_new(control, request) : NULL;

	if (pending)
		store_erase_number(control->view->store, number, on_number_erased, pending);
}
