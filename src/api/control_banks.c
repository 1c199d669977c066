/* control_banks.c - the control socket's answers about banks that switch cards. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api/control_impl.h"

/* ---- a port --------------------------------------------------------------------------------- */

void control_add_place(cJSON *json, const struct control_view *view, const struct modem *modem)
{
	struct bank_place place;
	char column[16];

	if (!banks_place(view->banks, modem, &place))
		return;
	snprintf(column, sizeof column, "%d/%02d", place.control, place.column);
	cJSON_AddStringToObject(json, "column", column);
	if (place.row)
		json_int(json, "row", place.row);
	else
		cJSON_AddNullToObject(json, "row");
	json_int(json, "rows", place.rows);
	cJSON_AddStringToObject(json, "switch", bank_switch_name(place.state));
	cJSON_AddStringToObject(json, "switch_text", place.text);
}

/* POST ports/BANK/SLOT/select?sim=ROW|ICCID: begun; the port shows how it ends. */
void control_select(struct control *control, struct modem *modem, struct http_request *request)
{
	const char *sim = http_query(request, "sim");
	char why[120];
	cJSON *json;
	int err;

	if (!sim || !*sim) {
		json_error(request, 400, "say which: sim=ROW or sim=ICCID");
		return;
	}
	err = control->view->banks ? banks_select(control->view->banks, modem, sim, why, sizeof why)
				   : -EBUSY;
	log_notice(LOGC_API, modem->id, NULL,
		LOG_FIELDS(LOG_CARD("sim", sim), LOG_STR("reason", err ? why : "")),
		err ? "an operator's choice of a card is refused"
		    : "an operator has another card put in");
	if (err) {
		json_error(request, err == -EINVAL ? 400 : err == -ENOENT ? 404 : 409, why);
		return;
	}
	json = cJSON_CreateObject();
	cJSON_AddBoolToObject(json, "ok", true);
	cJSON_AddStringToObject(json, "port", modem->id);
	control_add_place(json, control->view, modem);
	json_answer(request, 202, json);
}

/* ---- a bank --------------------------------------------------------------------------------- */

void control_add_controls(cJSON *json, const struct control_view *view, const char *bank)
{
	struct bank_control control;
	cJSON *list, *item;

	if (!banks_control(view->banks, bank, 0, &control))
		return;
	list = cJSON_AddArrayToObject(json, "controls");
	for (size_t n = 0; banks_control(view->banks, bank, n, &control); n++) {
		item = cJSON_CreateObject();
		json_int(item, "control", control.number);
		cJSON_AddStringToObject(item, "device", control.device);
		cJSON_AddBoolToObject(item, "open", !*control.why);
		cJSON_AddStringToObject(item, "why", control.why);
		cJSON_AddItemToArray(list, item);
	}
}

/* Appends the control lines that are not open. */
void control_lines_trouble(
	const struct control_view *view, const char *bank, char *text, size_t size)
{
	struct bank_control control;

	for (size_t n = 0; banks_control(view->banks, bank, n, &control); n++) {
		size_t len = strlen(text);
		if (*control.why)
			snprintf(text + len, size - len, "%scontrol.%d: %s", len ? ", " : "",
				control.number, control.why);
	}
}

/* The bank of BANK/calibrate; false: the request is answered. */
static bool bank_of(struct http_request *request, char *out, size_t size)
{
	const char *end = strrchr(request->rest, '/');

	if (!end || strcmp(end, "/calibrate") != 0 || (size_t)(end - request->rest) >= size) {
		json_error(request, 404, "a bank has the action calibrate");
		return false;
	}
	snprintf(out, size, "%.*s", (int)(end - request->rest), request->rest);
	return true;
}

static void answer_calibration(
	const struct control_view *view, struct http_request *request, const char *bank, int status)
{
	struct bank_calibration calibration;
	cJSON *json, *list;

	if (!banks_calibration(view->banks, bank, &calibration)) {
		json_error(request, 404, "this bank was not calibrated");
		return;
	}
	json = cJSON_CreateObject();
	cJSON_AddStringToObject(json, "bank", bank);
	cJSON_AddStringToObject(json, "state",
		calibration.state == BANK_SWITCHING ? "under way"
						    : bank_switch_name(calibration.state));
	cJSON_AddStringToObject(json, "why", calibration.why);
	json_int(json, "done", (int64_t)calibration.done);
	json_int(json, "total", (int64_t)calibration.total);
	list = cJSON_AddArrayToObject(json, "lines");
	for (size_t i = 0; i < calibration.count; i++)
		cJSON_AddItemToArray(list, cJSON_CreateString(calibration.lines[i]));
	json_answer(request, status, json);
}

/* POST banks/BANK/calibrate: begun; GET shows how it goes. */
void control_calibrate(void *arg, struct http_request *request)
{
	const struct control_view *view = ((struct control *)arg)->view;
	char bank[STORE_NAME_SIZE], why[120];
	int err;

	if (!bank_of(request, bank, sizeof bank))
		return;
	err = banks_calibrate(view->banks, bank, why, sizeof why);
	if (err)
		json_error(request, err == -ENOENT ? 404 : 409, why);
	else
		answer_calibration(view, request, bank, 202);
}

void control_calibration(void *arg, struct http_request *request)
{
	char bank[STORE_NAME_SIZE];

	if (bank_of(request, bank, sizeof bank))
		answer_calibration(((struct control *)arg)->view, request, bank, 200);
}
