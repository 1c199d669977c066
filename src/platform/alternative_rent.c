/* alternative_rent.c - the Alternative API: numbers for days, for texts of any service. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platform/alternative_impl.h"
#include "platform/json_text.h"

#define DAY_MS (INT64_C(24) * 3600 * 1000)

enum { RENT_CLOSE = 2 }; /* status of setRentStatus */

static cJSON *success(void)
{
	cJSON *json = cJSON_CreateObject();

	if (json_add_text(json, "status", "success"))
		return json;
	cJSON_Delete(json);
	return NULL;
}

/* Answers with json, or that there was no memory for all of it. */
static void answer_whole(struct http_request *request, cJSON *json, bool whole)
{
	if (!whole) {
		cJSON_Delete(json);
		json = NULL;
	}
	answer_json(request, json);
}

/* ---- getRentNumber -------------------------------------------------------------------------- */

static void answer_rented(struct http_request *request, const struct store_activation *activation)
{
	cJSON *json = success(), *phone = json ? cJSON_AddObjectToObject(json, "phone") : NULL;
	char end[ISO_SIZE];

	answer_whole(request, json,
		phone && json_add_int(phone, "id", activation->id) &&
			json_add_text(phone, "endDate", iso_time(activation->expires_ms, end)) &&
			json_add_text(phone, "number", national_of(activation->number)));
}

static void on_rented(
	void *arg, int err, enum store_order_why why, const struct store_activation *activation)
{
	struct call_in *call = arg;

	if (err) {
		answer_failure(call->request);
		free(call);
		return;
	}
	switch (why) {
	case STORE_ORDER_DONE:
		answer_rented(call->request, activation);
		activation_answered(call->api->parts.activations, activation->id);
		break;
	case STORE_ORDER_NO_NUMBER: answer_text(call->request, "NO_NUMBERS"); break;
	case STORE_ORDER_NO_BALANCE: answer_text(call->request, "WARNING_LOW_BALANCE"); break;
	case STORE_ORDER_NO_CUSTOMER: answer_text(call->request, "BAD_KEY"); break;
	}
	free(call);
}

void action_rent_number(struct call_in *call)
{
	struct wish wish = { .customer = call->customer, .service = STORE_RENT, .rent = true };
	int64_t price = customer_rent_price(call->customer);
	int days = rent_days(call->time);

	wish.country = country_of_id(call->api->parts.config, call->country);
	if (days < 0)
		answer_rent_error(call->request, "INVALID_TIME");
	else if (price < 0 || (*call->country && !wish.country))
		answer_text(call->request, "NO_NUMBERS");
	else
		place_order(call, &wish, price * days, days * DAY_MS, on_rented);
}

/* ---- getRentList ---------------------------------------------------------------------------- */

struct rents {
	const char *customer;
	const struct store_activation **rows;
	int *countries; /* of each row, its country's id */
	size_t count, room;
};

static void add_rent(void *arg, const struct store_activation *activation)
{
	struct rents *rents = arg;

	if (activation->rent && strcmp(activation->seller, STORE_CUSTOMERS) == 0 &&
		strcmp(activation->customer, rents->customer) == 0 && rents->count < rents->room)
		rents->rows[rents->count++] = activation;
}

static int by_id(const void *a, const void *b)
{
	int64_t x = (*(const struct store_activation *const *)a)->id;
	int64_t y = (*(const struct store_activation *const *)b)->id;

	return (x > y) - (x < y);
}

/* The id of the country that was ordered, else of the main one that has the number's code. */
static int country_id(const struct config *config, const struct store_activation *row)
{
	const struct country *country = country_of(row->number, "");
	for (size_t i = 0; i < countries_count; i++)
		if (strcmp(countries[i].name, row->country) == 0)
			country = &countries[i];
	const struct config_country *own = country ? country_config(config, country) : NULL;

	return own && own->id >= 0 ? own->id : country ? country->id : -1;
}

static bool countries_differ(const struct rents *rents)
{
	for (size_t i = 0; i < rents->count; i++)
		for (size_t k = i + 1; k < rents->count; k++)
			if (rents->countries[i] == rents->countries[k])
				return false;
	return true;
}

static cJSON *rents_json(const struct rents *rents)
{
	bool by_country = countries_differ(rents);
	cJSON *json = success(), *values = json ? cJSON_AddObjectToObject(json, "values") : NULL;
	bool ok = values != NULL;

	for (size_t i = 0; ok && i < rents->count; i++) {
		const struct store_activation *row = rents->rows[i];
		char key[24];
		snprintf(key, sizeof key, "%d", by_country ? rents->countries[i] : (int)i);
		cJSON *item = cJSON_AddObjectToObject(values, key);
		ok = item && json_add_int(item, "id", row->id) &&
		     json_add_text(item, "phone", national_of(row->number));
	}
	if (ok)
		return json;
	cJSON_Delete(json);
	return NULL;
}

void action_rent_list(struct call_in *call)
{
	const struct alternative_parts *parts = &call->api->parts;
	struct rents rents = { .customer = call->name,
		.room = activation_count(parts->activations) };

	rents.rows = calloc(rents.room + 1, sizeof(*rents.rows));
	rents.countries = calloc(rents.room + 1, sizeof(*rents.countries));
	if (rents.rows && rents.countries) {
		activation_each(parts->activations, add_rent, &rents);
		qsort(rents.rows, rents.count, sizeof(*rents.rows), by_id);
		for (size_t i = 0; i < rents.count; i++)
			rents.countries[i] = country_id(parts->config, rents.rows[i]);
		answer_json(call->request, rents_json(&rents));
	} else {
		answer_failure(call->request);
	}
	free(rents.rows);
	free(rents.countries);
}

/* ---- getRentStatus -------------------------------------------------------------------------- */

/* The rented number and the sender, as OnlineSim says; or the sender and the service, as the
 * siblings do. */
static bool add_text(cJSON *values, size_t i, bool siblings,
	const struct store_activation *activation, const struct store_activation_text *text)
{
	char key[24], date[ISO_SIZE];

	snprintf(key, sizeof key, "%zu", i);
	cJSON *item = cJSON_AddObjectToObject(values, key);
	return item &&
	       json_add_text(item, "phoneFrom", siblings ? text->sender : activation->number) &&
	       json_add_text(item, "text", text->text) &&
	       json_add_text(item, "service", siblings ? "full" : text->sender) &&
	       json_add_text(item, "date", iso_time(text->arrived_ms, date));
}

static char *texts_body(const struct config *config, const struct store_activation *activation,
	const struct store_activation_text *rows, size_t count)
{
	cJSON *json = success(), *values = NULL;
	bool ok = json && json_add_int(json, "quantity", activation->texts);
	char *body;

	values = ok ? cJSON_AddObjectToObject(json, "values") : NULL;
	ok = values != NULL;
	for (size_t i = 0; ok && i < count; i++)
		ok = add_text(values, i, config->http.rent_siblings, activation, &rows[i]);
	body = ok ? cJSON_PrintUnformatted(json) : NULL;
	cJSON_Delete(json);
	return body;
}

static void answer_texts(struct call_in *call, const struct store_activation *activation,
	const struct store_activation_text *rows, size_t count)
{
	struct alternative *api = call->api;
	struct newest *newest = newest_keep(api, activation,
		(struct newest) { .rent = texts_body(api->parts.config, activation, rows, count) });

	if (newest)
		answer_body(call->request, newest->rent);
	else
		answer_failure(call->request);
}

static void on_texts(void *arg, int err, const struct store_activation *activation,
	const struct store_activation_text *rows, size_t count)
{
	struct call_in *call = arg;
	bool closed = activation && activation->state != STORE_ACTIVATION_OPEN;

	if (err)
		answer_failure(call->request);
	else if (!activation || !activation->rent)
		answer_rent_error(call->request, "INVALID_PHONE");
	else if (closed)
		answer_rent_error(call->request, activation->state == STORE_ACTIVATION_SOLD
							 ? "STATUS_FINISH"
							 : "STATUS_CANCEL");
	else if (activation->texts == 0)
		answer_rent_error(call->request, "STATUS_WAIT_CODE");
	else
		answer_texts(call, activation, rows, count);
	free(call);
}

void action_rent_status(struct call_in *call)
{
	const struct store_activation *activation = call_activation(call, true);
	struct newest *newest = NULL;
	struct call_in *copy;

	if (activation && activation->texts == 0) {
		answer_rent_error(call->request, "STATUS_WAIT_CODE");
		return;
	}
	newest = activation ? newest_of(call->api, activation) : NULL;
	if (newest)
		answer_body(call->request, newest->rent);
	else if (call_id(call) == 0)
		answer_rent_error(call->request, "INVALID_PHONE");
	else if ((copy = call_keep(call)))
		store_activation_texts(
			call->api->parts.store, call_id(call), copy->name, on_texts, copy);
}

/* ---- setRentStatus -------------------------------------------------------------------------- */

static void on_rent_closed(void *arg, int err, const struct store_closed *closed)
{
	struct call_in *call = arg;

	if (!err && closed->found && closed->denied) {
		close_order(call, true, on_rent_closed); /* a text came meanwhile */
		return;
	}
	if (err)
		answer_failure(call->request);
	else if (!closed->found || closed->existed)
		answer_rent_error(call->request, "INVALID_PHONE");
	else
		answer_json(call->request, success());
	free(call);
}

void action_set_rent_status(struct call_in *call)
{
	const struct store_activation *activation = call_activation(call, true);
	struct call_in *copy;

	if (strcmp(call->status, "2") != 0)
		answer_rent_error(call->request, "BAD_STATUS");
	else if (!activation)
		answer_rent_error(call->request, "INVALID_PHONE");
	else if ((copy = call_keep(call))) {
		copy->activation = activation->id;
		copy->done = RENT_CLOSE;
		close_order(copy, activation->texts > 0, on_rent_closed);
	}
}
