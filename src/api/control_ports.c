/* control_ports.c - the control socket's actions on one port. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/control_impl.h"
#include "base/config_file.h"

static void refuse(struct http_request *request, int err, enum recovery_step step,
	const struct recovery_place *place)
{
	const char *why = NULL;
	char text[400];

	if (place)
		why = step == RECOVERY_USB ? place->no_usb : place->no_power;

	if (err == -ENODEV)
		snprintf(text, sizeof text, "the device is not there");
	else if (err == -ENOTCONN)
		snprintf(text, sizeof text,
			"the port is not open, or its modem has not answered yet");
	else if (err == -EBUSY)
		snprintf(text, sizeof text, "its bank puts another card in");
	else if (step == RECOVERY_USB || step == RECOVERY_POWER)
		snprintf(text, sizeof text, "this place offers no %s reset%s%s",
			recovery_step_name(step), why ? ": " : "", why ? why : "");
	else
		snprintf(text, sizeof text, "this family offers no %s reset",
			recovery_step_name(step));
	json_error(request, 409, text);
}

/* POST ports/BANK/SLOT/reset?step=at|radio|modem|usb|power */
static void reset(struct control *control, struct modem *modem, struct http_request *request)
{
	const char *word = http_query(request, "step");
	enum recovery_step step = recovery_step_asked(word ? word : "at");
	cJSON *json;
	int err;

	(void)control;
	if (step == RECOVERY_STEPS) {
		json_error(request, 400, "step is at, radio, modem, usb or power");
		return;
	}
	err = modem_reset(modem, step);
	if (err < 0) {
		refuse(request, err, step, modem->place);
		return;
	}
	json = cJSON_CreateObject();
	cJSON_AddBoolToObject(json, "ok", true);
	cJSON_AddStringToObject(json, "port", modem->id);
	cJSON_AddStringToObject(json, "step", recovery_step_name(step));
	json_answer(request, 200, json);
}

struct modem *control_modem(const struct control *control, const char *id, size_t len)
{
	const struct control_view *view = control->view;

	for (size_t i = 0; i < view->modem_count; i++)
		if (strlen(view->modems[i]->id) == len &&
			strncmp(view->modems[i]->id, id, len) == 0)
			return view->modems[i];
	return NULL;
}

void control_no_port(const struct control *control, struct http_request *request, const char *name)
{
	const struct control_view *view = control->view;
	const char **names = calloc(view->modem_count + 1, sizeof *names);
	char text[4 * STORE_NAME_SIZE + 64];

	for (size_t i = 0; names && i < view->modem_count; i++)
		names[i] = view->modems[i]->id;
	if (names && names[0])
		snprintf(text, sizeof text, "no such port: %.200s; nearest known name: %s", name,
			config_nearest(name, names));
	else
		snprintf(text, sizeof text, "no such port: %.200s; there is none", name);
	free(names);
	json_error(request, 404, text);
}

/* POST ports/BANK/SLOT/ACTION */
void control_port_action(void *arg, struct http_request *request)
{
	static const struct {
		const char *name;
		void (*fn)(
			struct control *control, struct modem *modem, struct http_request *request);
	} actions[] = {
		{ "reset", reset },
		{ "at", control_at },
		{ "ussd", control_ussd },
		{ "forget_pin", control_forget_pin },
		{ "select", control_select },
	};
	struct control *control = arg;
	const char *end = strrchr(request->rest, '/');
	size_t len = end ? (size_t)(end - request->rest) : strlen(request->rest);
	struct modem *modem = end ? control_modem(control, request->rest, len) : NULL;
	char name[2 * STORE_NAME_SIZE];

	if (!modem) {
		snprintf(
			name, sizeof name, "%.*s", len < sizeof name ? (int)len : 0, request->rest);
		control_no_port(control, request, name);
		return;
	}
	for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++)
		if (strcmp(end + 1, actions[i].name) == 0) {
			actions[i].fn(control, modem, request);
			return;
		}
	json_error(request, 404, "a port has the actions reset, at, ussd, forget_pin and select");
}
