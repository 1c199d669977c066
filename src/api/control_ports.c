/* control_ports.c - the control socket's actions on one port. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api/control_impl.h"

/* "BANK/SLOT/ACTION" in parts; false if the action is another one. */
static bool port_of(const char *rest, const char *action, char *id, size_t size)
{
	const char *slash = strrchr(rest, '/');

	if (!slash || strcmp(slash + 1, action) != 0 || (size_t)(slash - rest) >= size)
		return false;
	snprintf(id, size, "%.*s", (int)(slash - rest), rest);
	return true;
}

static struct modem *find(const struct control_view *view, const char *id)
{
	for (size_t i = 0; i < view->modem_count; i++)
		if (strcmp(view->modems[i]->id, id) == 0)
			return view->modems[i];
	return NULL;
}

static void refuse(struct http_request *request, int err, enum recovery_step step)
{
	bool place = step == RECOVERY_USB || step == RECOVERY_POWER;
	char text[80];

	if (err == -ENODEV)
		snprintf(text, sizeof text, "the device is not there");
	else if (err == -ENOTCONN)
		snprintf(text, sizeof text,
			"the port is not open, or its modem has not answered yet");
	else
		snprintf(text, sizeof text, "this %s offers no %s reset",
			place ? "place" : "family", recovery_step_name(step));
	json_error(request, 409, text);
}

/* POST ports/BANK/SLOT/reset?step=at|radio|modem|usb|power */
static void reset(struct http_request *request, struct modem *modem)
{
	const char *word = http_query(request, "step");
	enum recovery_step step = recovery_step_asked(word ? word : "at");
	cJSON *json;
	int err;

	if (step == RECOVERY_STEPS) {
		json_error(request, 400, "step is at, radio, modem, usb or power");
		return;
	}
	err = modem_reset(modem, step);
	if (err < 0) {
		refuse(request, err, step);
		return;
	}
	json = cJSON_CreateObject();
	cJSON_AddBoolToObject(json, "ok", true);
	cJSON_AddStringToObject(json, "port", modem->id);
	cJSON_AddStringToObject(json, "step", recovery_step_name(step));
	json_answer(request, 200, json);
}

void control_port_action(void *arg, struct http_request *request)
{
	struct control *control = arg;
	char id[2 * STORE_NAME_SIZE];
	struct modem *modem;

	if (!port_of(request->rest, "reset", id, sizeof id)) {
		json_error(request, 404, "no such action");
		return;
	}
	modem = find(control->view, id);
	if (modem)
		reset(request, modem);
	else
		json_error(request, 404, "no such port");
}
