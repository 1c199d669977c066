/* control_numbers.c - the control socket's answers about the cards' numbers. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/control_impl.h"
#include "base/log.h"

enum { ICCID_SIZE = 24 };

const char *control_source_name(enum store_source source)
{
	switch (source) {
	case STORE_NUMBER_UNKNOWN: return "";
	case STORE_NUMBER_USSD: return "ussd";
	case STORE_NUMBER_SIM: return "sim";
	case STORE_NUMBER_FILE: return "file";
	case STORE_NUMBER_SET: return "set";
	case STORE_SOURCES: break;
	}
	return "";
}

/* ---- what is known -------------------------------------------------------------------------- */

/* The other columns of the numbers file. */
static void add_file(cJSON *json, const struct store_number *file)
{
	char code[16] = "";

	if (file->operator_code > 0)
		snprintf(code, sizeof code, "%05d", file->operator_code);
	cJSON_AddStringToObject(json, "label", file->label);
	cJSON_AddStringToObject(json, "operator", code);
	cJSON_AddStringToObject(json, "rent", file->rent < 0 ? "" : file->rent ? "yes" : "no");
	json_int(json, "date_start", file->date_start);
	json_int(json, "date_stop", file->date_stop);
	json_money(json, "price", file->price);
	json_money(json, "balance", file->balance);
}

/* With blanks between, as the numbers file may have them; "" where its bank's sell it. */
static void add_sellers(cJSON *json, const struct config_number *declared)
{
	char names[(CONFIG_PLATFORMS_MAX + 1) * STORE_NAME_SIZE] = "", *at = names;

	for (size_t i = 0; declared && i < declared->sell_count; i++)
		at += snprintf(at, STORE_NAME_SIZE, "%s%s", i ? " " : "", declared->sell[i]);
	cJSON_AddStringToObject(json, "sell", names);
}

static cJSON *row_json(const struct config *config, const struct store_number_row *row, bool full)
{
	const struct config_number *declared = config_number_of(config, row->file.iccid);
	cJSON *json = cJSON_CreateObject();
	char port[2 * STORE_NAME_SIZE];

	snprintf(port, sizeof port, "%s%s%s", row->bank, *row->bank ? "/" : "", row->slot);
	cJSON_AddStringToObject(json, "port", port);
	json_card(json, "iccid", row->file.iccid, full);
	json_card(json, "card_id", row->card_id, full);
	json_number(json, "number", row->number, full);
	cJSON_AddStringToObject(json, "number_source", control_source_name(row->source));
	json_number(json, "other", row->other, full);
	cJSON_AddStringToObject(json, "other_source", control_source_name(row->other_source));
	cJSON_AddBoolToObject(json, "conflict", row->conflict);
	json_number(json, "set", row->set, full);
	json_number(json, "file", row->file.number, full);
	json_number(json, "sim", row->sim, full);
	json_number(json, "ussd", row->ussd, full);
	add_file(json, &row->file);
	add_sellers(json, declared);
	cJSON_AddStringToObject(json, "filter", declared && declared->filter_off ? "off" : "");
	json_time(json, "last_seen", row->last_seen_ms);
	cJSON_AddStringToObject(json, "takeoff_platform", row->takeoff_platform);
	json_time(json, "takeoff_said", row->takeoff_ms);
	json_money(json, "takeoff_sum", row->takeoff_sum);
	json_money(json, "takeoff_profit", row->takeoff_profit);
	return json;
}

/* The port of another card that is in one and has the same number: neither is on a list. */
static void add_twice(cJSON *json, const struct store_number_row *rows, size_t count, size_t at)
{
	const struct store_number_row *row = &rows[at];
	char port[2 * STORE_NAME_SIZE] = "";

	if (*row->slot && *row->number)
		for (size_t i = 0; !*port && i < count && *rows[i].slot; i++) /* these are first */
			if (i != at && strcmp(rows[i].number, row->number) == 0)
				snprintf(port, sizeof port, "%s/%s", rows[i].bank, rows[i].slot);
	cJSON_AddStringToObject(json, "twice", port);
}

static void on_rows(
	void *arg, int err, const struct store_number_row *rows, size_t count, bool more)
{
	struct pending *pending = arg;

	if (err) {
		json_store_error(pending->request, err);
	} else {
		cJSON *json = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(json, "numbers");
		for (size_t i = 0; i < count; i++) {
			cJSON *row =
				row_json(pending->control->view->config, &rows[i], pending->full);
			add_twice(row, rows, count, i);
			cJSON_AddItemToArray(list, row);
		}
		cJSON_AddBoolToObject(json, "more", more);
		json_answer(pending->request, 200, json);
	}
	free(pending);
}

void control_numbers(void *arg, struct http_request *request)
{
	struct control *control = arg;
	struct pending *pending = pending_new(control, request);

	if (pending)
		store_numbers(control->view->store, on_rows, pending);
}

/* ---- by hand -------------------------------------------------------------------------------- */

/* Cards are known by their ICCID in capitals, as the numbers file is read. False: answered. */
static bool take_iccid(struct http_request *request, char out[ICCID_SIZE])
{
	const char *iccid = http_query(request, "iccid");
	size_t i;

	if (!iccid || !config_is_iccid(iccid)) {
		json_error(request, 400, "iccid is 18 to 22 hexadecimal digits, 89 first");
		return false;
	}
	for (i = 0; iccid[i]; i++)
		out[i] = (char)toupper((unsigned char)iccid[i]);
	out[i] = '\0';
	return true;
}

static void log_set(const struct http_request *request, const struct store_number_change *change)
{
	const char *iccid = http_query(request, "iccid"), *number = http_query(request, "number");

	if (change->conflict)
		log_warning(LOGC_API, NULL, "number_conflict",
			LOG_FIELDS(LOG_CARD("card", iccid), LOG_NUMBER("number", number)),
			"a number was set by hand, and the numbers file has another: neither "
			"counts until they agree");
	else
		log_notice(LOGC_API, NULL, "number_known",
			LOG_FIELDS(LOG_CARD("card", iccid), LOG_NUMBER("number", number),
				LOG_INT("freed", change->freed)),
			"a number was set by hand");
}

static void on_set(void *arg, int err, const struct store_number_change *change)
{
	struct pending *pending = arg;
	struct control *control = pending->control;

	if (err) {
		json_store_error(pending->request, err);
	} else {
		cJSON *json = cJSON_CreateObject();
		json_int(json, "freed", change->freed);
		cJSON_AddBoolToObject(json, "known", change->known);
		if (change->conflict)
			cJSON_AddStringToObject(json, "warning",
				"the numbers file has another number for this card: the card is "
				"off the list and its texts wait until both agree; correct the "
				"file and reload, or forget what was set");
		log_set(pending->request, change);
		json_answer(pending->request, 200, json);
		control->actions->numbers_changed(control->arg);
	}
	free(pending);
}

void control_number_set(void *arg, struct http_request *request)
{
	struct control *control = arg;
	const char *number = http_query(request, "number");
	char iccid[ICCID_SIZE];
	struct pending *pending;

	if (!take_iccid(request, iccid))
		return;
	if (!number || !config_is_number(number)) {
		json_error(request, 400,
			"number is '+' (in a query %2B) and 7 to 15 digits, the first not 0");
		return;
	}
	pending = pending_new(control, request);
	if (pending)
		store_number_set(control->view->store, iccid, number,
			loop_wall_ms(control->view->loop), on_set, pending);
}

static void on_forgotten(void *arg, int err, const struct store_number_change *change)
{
	struct pending *pending = arg;
	struct control *control = pending->control;

	if (err) {
		json_store_error(pending->request, err);
	} else if (!change->known) {
		json_error(pending->request, 404, "no card with this ICCID is known");
	} else {
		cJSON *json = cJSON_CreateObject();
		json_int(json, "count", 1);
		json_int(json, "freed", change->freed);
		cJSON_AddStringToObject(json, "number_source", control_source_name(change->source));
		log_notice(LOGC_API, NULL, NULL,
			LOG_FIELDS(LOG_CARD("card", http_query(pending->request, "iccid")),
				LOG_INT("freed", change->freed)),
			"what was set by hand and discovered of a card's number was forgotten");
		json_answer(pending->request, 200, json);
		control->actions->numbers_changed(control->arg);
	}
	free(pending);
}

void control_number_forget(void *arg, struct http_request *request)
{
	struct control *control = arg;
	char iccid[ICCID_SIZE];
	struct pending *pending;

	if (!take_iccid(request, iccid))
		return;
	pending = pending_new(control, request);
	if (pending)
		store_number_forget(control->view->store, iccid, loop_wall_ms(control->view->loop),
			on_forgotten, pending);
}
