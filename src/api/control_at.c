/* control_at.c - what an operator sends by hand: AT commands, codes to the network, a PIN
 * forgotten.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/control_impl.h"

/* A port's answer that is waited for. */
struct port_call {
	struct http_request *request;
	char port[2 * STORE_NAME_SIZE];
	bool full;
};

static struct port_call *call_new(const struct modem *modem, struct http_request *request)
{
	struct port_call *call = calloc(1, sizeof *call);

	if (!call) {
		json_error(request, 500, "out of memory");
		return NULL;
	}
	call->request = request;
	snprintf(call->port, sizeof call->port, "%s", modem->id);
	call->full = control_full(request);
	return call;
}

/* Numbers and identities are in answers too. */
static cJSON *line_json(const char *line, bool full)
{
	char shown[2 * MODEM_ANSWER_WIDTH];

	at_mask(line, shown, sizeof shown);
	return cJSON_CreateString(full ? line : shown);
}

/* The modem's final result, as it is printed. */
static void result_text(const struct at_report *report, char *out, size_t size)
{
	static const char *const family[] = {
		[AT_PLAIN] = "ERROR", [AT_CME] = "+CME ERROR", [AT_CMS] = "+CMS ERROR"
	};

	if (report->result == AT_OK)
		snprintf(out, size, "OK");
	else if (report->code >= 0)
		snprintf(out, size, "%s: %d", family[report->family], report->code);
	else
		snprintf(out, size, "%s", family[report->family]);
}

/* ---- AT commands ---------------------------------------------------------------------------- */

static void on_answer(void *arg, const struct modem_answer *answer)
{
	struct port_call *call = arg;
	char result[32];
	cJSON *json, *lines;

	if (answer->error) {
		json_error(call->request, answer->late ? 504 : 503, answer->error);
		free(call);
		return;
	}
	json = cJSON_CreateObject();
	cJSON_AddStringToObject(json, "port", call->port);
	lines = cJSON_AddArrayToObject(json, "lines");
	for (size_t i = 0; i < answer->count; i++)
		cJSON_AddItemToArray(lines, line_json(answer->lines[i], call->full));
	json_int(json, "cut", (int64_t)answer->cut);
	result_text(answer->report, result, sizeof result);
	cJSON_AddStringToObject(json, "result", result);
	cJSON_AddBoolToObject(json, "ok", answer->report->result == AT_OK);
	json_answer(call->request, 200, json);
	free(call);
}

/* Why nothing was sent. */
static void not_sent(struct http_request *request, int err)
{
	switch (err) {
	case -EBUSY: json_error(request, 409, "another command waits on this port"); break;
	case -ENODEV: json_error(request, 409, "the port is not open, or its modem starts"); break;
	case -ENETDOWN:
		json_error(request, 409, "the port is not ready: see simgatectl port");
		break;
	case -EINVAL:
		json_error(request, 403,
			"a code is as *100#; those that change a PIN or a lock are not sent");
		break;
	default: json_error(request, 500, strerror(-err));
	}
}

/* Of what is refused the log has only how it begins: there may be a PIN in it. */
static void mask_refused(const char *text, char *out, size_t size)
{
	size_t sign = strcspn(text, "+^#*%$") == 0 && *text;
	size_t name =
		sign + strspn(text + sign, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

	snprintf(out, size, "%.*s%s", name < 16 ? (int)name : 16, text,
		text[name] || name > 16 ? "***" : "");
}

void control_at(struct control *control, struct modem *modem, struct http_request *request)
{
	const char *command = http_query(request, "cmd");
	char shown[AT_RING_WIDTH];
	const char *why;
	struct port_call *call;
	int err;

	(void)control;
	if (!command) {
		json_error(request, 400, "say which: cmd=COMMAND");
		return;
	}
	if (strncasecmp(command, "AT", 2) == 0)
		command += 2;
	why = modem_forbids(modem->driver, command);
	if (why)
		mask_refused(command, shown, sizeof shown);
	else
		at_mask(command, shown, sizeof shown);
	log_notice(LOGC_API, modem->id, NULL,
		LOG_FIELDS(LOG_STR("command", shown), LOG_STR("reason", why ? why : "")),
		why ? "an operator's command is refused" : "an operator's command");
	if (why) {
		json_error(request, 403, why);
		return;
	}
	call = call_new(modem, request);
	err = call ? modem_ask(modem, command, on_answer, call) : 0;
	if (!err)
		return;
	free(call);
	not_sent(request, err);
}

/* ---- codes ---------------------------------------------------------------------------------- */

static void on_code_answer(void *arg, const char *error, int status, const char *text)
{
	static const char *const words[] = { "done", "reply expected", "released", "other client" };
	struct port_call *call = arg;
	char shown[2 * USSD_TEXT_SIZE];
	cJSON *json;

	if (error) {
		json_error(call->request, 504, error);
		free(call);
		return;
	}
	at_mask(text, shown, sizeof shown);
	json = cJSON_CreateObject();
	cJSON_AddStringToObject(json, "port", call->port);
	cJSON_AddStringToObject(json, "status", status >= 0 && status <= 3 ? words[status] : "");
	cJSON_AddStringToObject(json, "text", call->full ? text : shown);
	cJSON_AddBoolToObject(json, "ok", true);
	json_answer(call->request, 200, json);
	free(call);
}

void control_ussd(struct control *control, struct modem *modem, struct http_request *request)
{
	const char *code = http_query(request, "code");
	struct port_call *call;
	char shown[AT_RING_WIDTH];
	int err;

	(void)control;
	if (!code) {
		json_error(request, 400, "say which: code=CODE");
		return;
	}
	call = call_new(modem, request);
	if (!call)
		return;
	err = modem_ussd_ask(modem, code, on_code_answer, call);
	if (err)
		mask_refused(code, shown, sizeof shown);
	else
		at_mask(code, shown, sizeof shown);
	log_notice(LOGC_API, modem->id, NULL,
		LOG_FIELDS(LOG_STR("code", shown), LOG_STR("reason", err ? strerror(-err) : "")),
		err ? "an operator's code is refused" : "an operator's code");
	if (!err)
		return;
	free(call);
	not_sent(request, err);
}

/* ---- PINs ----------------------------------------------------------------------------------- */

/* Not by pointer: the port may be gone when the store has answered. */
static void on_forgotten(void *arg, int err, int64_t count)
{
	struct pending *pending = arg;
	const char *name = pending->request->rest, *end = strrchr(name, '/');
	struct modem *modem = control_modem(pending->control, name, (size_t)(end - name));
	cJSON *json;

	if (err) {
		json_store_error(pending->request, err);
	} else {
		if (modem)
			modem_card_changed(modem);
		json = cJSON_CreateObject();
		cJSON_AddBoolToObject(json, "ok", true);
		json_int(json, "count", count);
		json_answer(pending->request, 200, json);
	}
	free(pending);
}

void control_forget_pin(struct control *control, struct modem *modem, struct http_request *request)
{
	struct pending *pending = pending_new(control, request);

	if (!pending)
		return;
	log_notice(LOGC_API, modem->id, NULL, NULL,
		"an operator has it forget which PINs the card refused");
	modem_pin_forget(modem, on_forgotten, pending);
}
