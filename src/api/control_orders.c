/* control_orders.c - the control socket's answers about orders: operations, customers. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/control_impl.h"
#include "base/config_file.h"
#include "base/log.h"
#include "platform/key_hash.h"

#define DAY_MS (INT64_C(24) * 3600 * 1000) /* days begin at 0:00 UTC */

enum { NAME_MAX_LEN = STORE_NAME_SIZE - 1, NOTE_SIZE = 200 };

/* Amounts of orders and ledgers: 0 and less are said, too. */
static void add_money(cJSON *json, const char *name, int64_t amount)
{
	char text[CONFIG_MONEY_SIZE];

	cJSON_AddStringToObject(json, name, config_print_money(amount, text));
}

/* ---- activations ---------------------------------------------------------------------------- */

static bool is_unanswered(const struct store_activation *row, int64_t now_ms)
{
	return row->state == STORE_ACTIVATION_OPEN && !row->answered &&
	       now_ms - row->opened_ms > STORE_ANSWER_MS;
}

static cJSON *activation_json(const struct store_activation *row, int64_t now_ms, bool full)
{
	cJSON *json = cJSON_CreateObject();
	char port[2 * STORE_NAME_SIZE];

	snprintf(port, sizeof port, "%s/%s", row->bank, row->slot);
	json_int(json, "id", row->id);
	cJSON_AddStringToObject(json, "seller", row->seller);
	cJSON_AddStringToObject(json, "customer", row->customer);
	cJSON_AddStringToObject(json, "service", row->service);
	cJSON_AddStringToObject(json, "country", row->country);
	cJSON_AddStringToObject(json, "operator", row->operator_name);
	cJSON_AddStringToObject(json, "port", port);
	json_number(json, "number", row->number, full);
	json_card(json, "card_id", row->card_id, full);
	cJSON_AddBoolToObject(json, "rent", row->rent);
	cJSON_AddStringToObject(json, "state", store_activation_state_name(row->state));
	cJSON_AddStringToObject(json, "reason", row->reason);
	json_int(json, "finish_status", row->finish_status);
	json_time(json, "opened", row->opened_ms);
	json_int(json, "age_s", (now_ms - row->opened_ms) / 1000);
	json_time(json, "closed", row->closed_ms);
	json_time(json, "expires", row->expires_ms);
	add_money(json, "price", row->price);
	add_money(json, "refunded", row->refunded);
	add_money(json, "sum", row->sum);
	json_int(json, "texts", row->texts);
	json_int(json, "withheld", row->withheld);
	json_time(json, "first_text", row->first_text_ms);
	json_time(json, "last_text", row->last_text_ms);
	cJSON_AddBoolToObject(json, "wait_retry", row->wait_retry);
	cJSON_AddBoolToObject(json, "unanswered", is_unanswered(row, now_ms));
	return json;
}

static void on_activations(void *arg, int err, const struct store_activation *rows, size_t count)
{
	struct pending *pending = arg;
	int64_t now_ms = loop_wall_ms(pending->control->view->loop);

	if (err) {
		json_store_error(pending->request, err);
	} else {
		cJSON *json = cJSON_CreateObject();
		cJSON *list = cJSON_AddArrayToObject(json, "activations");
		for (size_t i = 0; i < count; i++)
			cJSON_AddItemToArray(
				list, activation_json(&rows[i], now_ms, pending->full));
		json_answer(pending->request, 200, json);
	}
	free(pending);
}

void control_activations(void *arg, struct http_request *request)
{
	struct control *control = arg;
	const char *limit = http_query(request, "limit"), *open = http_query(request, "open");
	struct store_activations_query query = { .seller = http_query(request, "seller"),
		.customer = http_query(request, "customer"),
		.open = open && strcmp(open, "1") == 0 };
	int64_t value = 0;
	struct pending *pending;

	if (limit && config_parse_int(limit, 1, STORE_ACTIVATIONS_MAX, &value) < 0) {
		json_error(request, 400, "limit is a number from 1 to 1000");
		return;
	}
	query.limit = (size_t)value;
	pending = pending_new(control, request);
	if (pending)
		store_activations(control->view->store, &query, on_activations, pending);
}

static void on_released(void *arg, int err, const struct store_closed *closed)
{
	struct pending *pending = arg;

	if (err) {
		json_store_error(pending->request, err);
	} else if (!closed->found) {
		json_error(pending->request, 404, "no such operation");
	} else if (closed->existed) {
		json_error(pending->request, 409, "it is closed already");
	} else {
		log_notice(LOGC_API, NULL, "finish",
			LOG_FIELDS(LOG_INT("activation", closed->activation->id),
				LOG_STR("reason", "by_hand")),
			"an operation was released by hand");
		json_answer(pending->request, 200,
			activation_json(closed->activation,
				loop_wall_ms(pending->control->view->loop), pending->full));
	}
	free(pending);
}

void control_release(void *arg, struct http_request *request)
{
	struct control *control = arg;
	const char *id = http_query(request, "id");
	struct store_close close = { .state = STORE_ACTIVATION_RELEASED,
		.reason = "by_hand",
		.now_ms = loop_wall_ms(control->view->loop),
		.refund = true };
	struct pending *pending;

	if (!id || config_parse_int(id, 1, INT64_MAX, &close.id) < 0) {
		json_error(request, 400, "say which: id, as simgatectl activations shows it");
		return;
	}
	pending = pending_new(control, request);
	if (pending)
		activation_close(control->view->activations, &close, on_released, pending);
}

/* ---- customers ------------------------------------------------------------------------------ */

static cJSON *customer_json(const struct store_customer *row)
{
	cJSON *json = cJSON_CreateObject();

	cJSON_AddStringToObject(json, "name", row->name);
	cJSON_AddStringToObject(json, "state",
		row->disabled ? "disabled"
		: row->gone   ? "gone"
			      : "active");
	cJSON_AddBoolToObject(json, "configured", row->configured);
	add_money(json, "balance", row->balance);
	json_int(json, "open", row->open);
	json_int(json, "orders", row->orders);
	json_time(json, "created", row->created_ms);
	return json;
}

/* Both lists are sorted by name. */
static void on_turnovers(void *arg, int err, const struct store_turnover *rows, size_t count)
{
	struct pending *pending = arg;
	cJSON *row;
	size_t i = 0;

	if (err) {
		json_store_error(pending->request, err);
		cJSON_Delete(pending->json);
		free(pending);
		return;
	}
	cJSON_ArrayForEach(row, pending->json->child)
	{
		const char *name = cJSON_GetObjectItem(row, "name")->valuestring;
		bool active = i < count && strcmp(rows[i].customer, name) == 0;
		json_int(row, "orders_today", active ? rows[i].orders : 0);
		add_money(row, "spent_today", active ? rows[i].spent : 0);
		i += active;
	}
	json_answer(pending->request, 200, pending->json);
	free(pending);
}

static void on_customers(void *arg, int err, const struct store_customer *rows, size_t count)
{
	struct pending *pending = arg;
	const struct control_view *view = pending->control->view;
	int64_t now_ms = loop_wall_ms(view->loop);

	if (err) {
		json_store_error(pending->request, err);
		free(pending);
		return;
	}
	pending->json = cJSON_CreateObject();
	cJSON *list = cJSON_AddArrayToObject(pending->json, "customers");
	for (size_t i = 0; i < count; i++)
		cJSON_AddItemToArray(list, customer_json(&rows[i]));
	store_turnovers(view->store, now_ms - now_ms % DAY_MS, on_turnovers, pending);
}

void control_customers(void *arg, struct http_request *request)
{
	struct control *control = arg;
	struct pending *pending = pending_new(control, request);

	if (pending)
		store_customers(control->view->store, on_customers, pending);
}

/* NULL: it was answered. */
static const char *take_name(struct http_request *request)
{
	const char *name = http_query(request, "name");

	if (name && config_is_name(name, NAME_MAX_LEN))
		return name;
	json_error(request, 400, "name is 1 to 100 of A-Z a-z 0-9 . _ -");
	return NULL;
}

static void on_added(void *arg, int err)
{
	struct pending *pending = arg;

	if (err == -EEXIST) {
		json_error(pending->request, 409, "there is a customer of this name");
	} else if (err == -ENOSPC) {
		json_error(pending->request, 409, "there are too many customers");
	} else if (err) {
		json_store_error(pending->request, err);
	} else {
		log_notice(LOGC_API, NULL, NULL,
			LOG_FIELDS(LOG_STR("customer", http_query(pending->request, "name"))),
			"a customer was added by hand");
		customers_refresh(pending->control->view->customers);
		json_answer(pending->request, 200, pending->json);
		pending->json = NULL;
	}
	cJSON_Delete(pending->json);
	free(pending);
}

void control_customer_add(void *arg, struct http_request *request)
{
	struct control *control = arg;
	const char *name = take_name(request);
	char key[KEY_NEW_SIZE], hash[STORE_KEY_HASH_SIZE];
	struct pending *pending;

	if (!name)
		return;
	if (key_new(key) < 0) {
		json_error(request, 500, "no random bytes to be had");
		return;
	}
	pending = pending_new(control, request);
	if (!pending)
		return;
	key_hash(key, hash);
	pending->json = cJSON_CreateObject();
	cJSON_AddStringToObject(pending->json, "name", name);
	cJSON_AddStringToObject(pending->json, "key", key);
	explicit_bzero(key, sizeof key);
	store_customer_add(control->view->store, name, hash, loop_wall_ms(control->view->loop),
		on_added, pending);
}

static void on_topped_up(void *arg, int err, int64_t balance)
{
	struct pending *pending = arg;

	if (err == -ENOENT) {
		json_error(pending->request, 404, "no such customer");
	} else if (err == -ERANGE) {
		json_error(
			pending->request, 409, "the balance would fall below 0, or be too large");
	} else if (err) {
		json_store_error(pending->request, err);
	} else {
		cJSON *json = cJSON_CreateObject();
		log_notice(LOGC_API, NULL, NULL,
			LOG_FIELDS(LOG_STR("customer", http_query(pending->request, "name")),
				LOG_STR("amount", http_query(pending->request, "amount"))),
			"a customer's balance was changed by hand");
		add_money(json, "balance", balance);
		json_answer(pending->request, 200, json);
	}
	free(pending);
}

void control_customer_topup(void *arg, struct http_request *request)
{
	struct control *control = arg;
	const char *name = take_name(request), *text = http_query(request, "amount");
	const char *note = http_query(request, "note");
	int64_t amount;
	struct pending *pending;

	if (!name)
		return;
	amount = text ? config_parse_money(text + (*text == '-')) : 0;
	if (amount <= 0) {
		json_error(request, 400,
			"amount is as 12.50, at most four decimals; with - it is taken off");
		return;
	}
	if (note && strlen(note) >= NOTE_SIZE) {
		json_error(request, 400, "note is too long");
		return;
	}
	pending = pending_new(control, request);
	if (pending)
		store_customer_topup(control->view->store, name, *text == '-' ? -amount : amount,
			note, loop_wall_ms(control->view->loop), on_topped_up, pending);
}

static void on_disabled(void *arg, int err)
{
	struct pending *pending = arg;
	bool off = pending->one;

	if (err == -ENOENT) {
		json_error(pending->request, 404, "no such customer");
	} else if (err) {
		json_store_error(pending->request, err);
	} else {
		cJSON *json = cJSON_CreateObject();
		log_notice(LOGC_API, NULL, NULL,
			LOG_FIELDS(LOG_STR("customer", http_query(pending->request, "name"))),
			"a customer was %s by hand", off ? "disabled" : "enabled");
		customers_refresh(pending->control->view->customers);
		cJSON_AddStringToObject(json, "state", off ? "disabled" : "active");
		json_answer(pending->request, 200, json);
	}
	free(pending);
}

static void set_disabled(struct control *control, struct http_request *request, bool off)
{
	const char *name = take_name(request);
	struct pending *pending = name ? pending_new(control, request) : NULL;

	if (!pending)
		return;
	pending->one = off;
	store_customer_disable(control->view->store, name, off, on_disabled, pending);
}

void control_customer_disable(void *arg, struct http_request *request)
{
	set_disabled(arg, request, true);
}

void control_customer_enable(void *arg, struct http_request *request)
{
	set_disabled(arg, request, false);
}
