/* control_drain.c - the control socket's drain and resume: a port's card is not sold, and who
 * drains it waits until nothing of it is left. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/control_impl.h"

enum { LOOK_MS = 100, WAIT_MS = 60000, WAIT_MAX_MS = 24 * 60 * 60 * 1000 };

/* Who waits for ports to be drained, or for the store to say that one is resumed. */
struct drain_wait {
	struct drain_wait *next;
	struct control *control;
	struct http_request *request;
	char *port; /* NULL: all */
	bool wait;
	int64_t until_ms;
	struct loop_timer timer;
};

const char *control_drain_name(const struct modem *modem)
{
	switch (modem->drain.state) {
	case DRAIN_NO: return "";
	case DRAIN_BEGUN: return "draining";
	case DRAIN_OVER: return "drained";
	}
	return "";
}

static void say(char *out, size_t size, int64_t count, const char *what)
{
	size_t len = strlen(out);

	if (count > 0)
		snprintf(out + len, size - len, "%s%lld %s", len ? "; " : "", (long long)count,
			what);
}

const char *control_drain_waits(
	const struct control_view *view, const struct modem *modem, char *out, size_t size)
{
	const struct modem_drain *drain = &modem->drain;

	out[0] = '\0';
	if (drain->state != DRAIN_BEGUN)
		return out;
	for (size_t i = 0; i < view->platform_count; i++) {
		const struct roster *roster = view->platforms[i].roster;
		size_t len = strlen(out);
		struct roster_status status;
		if (!roster || !roster_shows(roster, modem->bank, modem->id))
			continue;
		roster_status(roster, &status);
		snprintf(out + len, size - len, "%s%.40s has accepted no list without it%s%.60s",
			len ? "; " : "", view->platforms[i].config->name,
			*status.reason ? ": " : "", status.reason);
	}
	say(out, size, drain->queued, "queued");
	say(out, size, drain->unknown,
		"of these are refused until the number is listed again: resume it");
	say(out, size, drain->held, "held");
	say(out, size, drain->parts, "parts of texts wait for the others");
	say(out, size, (int64_t)drain->unstored, "not stored yet");
	if (drain->unread)
		say(out, size, 1, "look at its memories to come");
	return out;
}

/* ---- waiting -------------------------------------------------------------------------------- */

static void wait_free(struct drain_wait *wait)
{
	struct drain_wait **at = &wait->control->draining;

	while (*at && *at != wait)
		at = &(*at)->next;
	if (*at)
		*at = wait->next;
	loop_timer_stop(&wait->timer);
	free(wait->port);
	free(wait);
}

void control_drain_free(struct control *control)
{
	while (control->draining)
		wait_free(control->draining);
}

static struct drain_wait *wait_new(struct control *control, struct http_request *request)
{
	const char *port = http_query(request, "port");
	struct drain_wait *wait = calloc(1, sizeof *wait);

	if (wait)
		wait->port = port ? strdup(port) : NULL;
	if (!wait || (port && !wait->port)) {
		free(wait);
		json_error(request, 500, "out of memory");
		return NULL;
	}
	wait->control = control;
	wait->request = request;
	return wait;
}

static bool is_meant(const struct drain_wait *wait, const struct modem *modem)
{
	return !wait->port || strcmp(wait->port, modem->id) == 0;
}

/* Of ports: how many are meant, and how many of these are drained. */
static size_t count_meant(const struct drain_wait *wait, size_t *drained)
{
	const struct control_view *view = wait->control->view;
	size_t count = 0;

	*drained = 0;
	for (size_t i = 0; i < view->modem_count; i++) {
		count += is_meant(wait, view->modems[i]);
		*drained += is_meant(wait, view->modems[i]) &&
			    view->modems[i]->drain.state == DRAIN_OVER;
	}
	return count;
}

static void answer(struct drain_wait *wait)
{
	const struct control_view *view = wait->control->view;
	cJSON *json = cJSON_CreateObject(), *list;
	size_t drained, count = count_meant(wait, &drained);
	char text[320];

	cJSON_AddBoolToObject(json, "ok", !wait->wait || drained == count);
	json_int(json, "ports", (int64_t)count);
	json_int(json, "drained", (int64_t)drained);
	list = cJSON_AddArrayToObject(json, "draining");
	for (size_t i = 0; i < view->modem_count; i++) {
		const struct modem *modem = view->modems[i];
		if (!is_meant(wait, modem) || modem->drain.state == DRAIN_OVER)
			continue;
		cJSON *item = cJSON_CreateObject();
		cJSON_AddStringToObject(item, "port", modem->id);
		cJSON_AddStringToObject(
			item, "waits", control_drain_waits(view, modem, text, sizeof text));
		json_int(item, "queued", modem->drain.queued);
		json_int(item, "held", modem->drain.held);
		cJSON_AddItemToArray(list, item);
	}
	json_answer(wait->request, 200, json);
	wait_free(wait);
}

/* By name each time: a port may go meanwhile. */
static void on_timer(void *arg)
{
	struct drain_wait *wait = arg;
	const struct control_view *view = wait->control->view;
	size_t drained, count = count_meant(wait, &drained);

	if (drained == count || view->stopping || loop_now_ms(view->loop) >= wait->until_ms)
		answer(wait);
	else
		loop_timer_start(&wait->timer, LOOK_MS);
}

static void on_marked(void *arg, int err)
{
	struct drain_wait *wait = arg;
	struct control *control = wait->control;

	if (err) {
		json_store_error(wait->request, err);
		wait_free(wait);
		return;
	}
	control->actions->drain_changed(control->arg);
	if (wait->wait)
		loop_timer_start(&wait->timer, LOOK_MS);
	else
		answer(wait);
}

/* ---- requests ------------------------------------------------------------------------------- */

/* port=BANK/SLOT or all=1; answered if it is neither. */
static bool names_ports(struct http_request *request)
{
	const char *port = http_query(request, "port"), *all = http_query(request, "all");

	if (port ? !all : (all && strcmp(all, "1") == 0))
		return true;
	json_error(request, 400, "say which: port=BANK/SLOT or all=1");
	return false;
}

/* timeout: milliseconds; 0: does not wait. */
void control_drain(void *arg, struct http_request *request)
{
	struct control *control = arg;
	const struct control_view *view = control->view;
	const char *timeout = http_query(request, "timeout");
	int64_t timeout_ms = WAIT_MS;
	size_t count = 0;

	if (!names_ports(request))
		return;
	if (timeout && config_parse_int(timeout, 0, WAIT_MAX_MS, &timeout_ms) < 0) {
		json_error(request, 400, "timeout is milliseconds, a day at most");
		return;
	}
	struct drain_wait *wait = wait_new(control, request);
	struct store_place *places = calloc(view->modem_count + 1, sizeof *places);
	for (size_t i = 0; wait && places && i < view->modem_count; i++)
		if (is_meant(wait, view->modems[i]))
			places[count++] = (struct store_place) { view->modems[i]->bank,
				view->modems[i]->slot };
	if (wait && (!places || (wait->port && !count))) {
		if (places)
			control_no_port(control, request, wait->port);
		else
			json_error(request, 500, "out of memory");
		wait_free(wait);
	} else if (wait) {
		wait->wait = timeout_ms > 0;
		wait->until_ms = loop_now_ms(view->loop) + timeout_ms;
		loop_timer_init(&wait->timer, view->loop, on_timer, wait);
		wait->next = control->draining;
		control->draining = wait;
		store_drain(view->store, places, count, loop_wall_ms(view->loop), on_marked, wait);
	}
	free(places);
}

static void on_resumed(void *arg, int err, int64_t count)
{
	struct drain_wait *wait = arg;
	struct control *control = wait->control;
	cJSON *json;

	if (err) {
		json_store_error(wait->request, err);
	} else if (wait->port && !count &&
		   !control_modem(control, wait->port, strlen(wait->port))) {
		control_no_port(control, wait->request, wait->port);
	} else {
		control->actions->drain_changed(control->arg);
		json = cJSON_CreateObject();
		cJSON_AddBoolToObject(json, "ok", true);
		json_int(json, "count", count);
		json_answer(wait->request, 200, json);
	}
	wait_free(wait);
}

/* A port that was drained may have been unplugged since. */
void control_resume(void *arg, struct http_request *request)
{
	struct control *control = arg;
	const char *slash;
	char bank[STORE_NAME_SIZE];

	if (!names_ports(request))
		return;
	struct drain_wait *wait = wait_new(control, request);
	if (!wait)
		return;
	loop_timer_init(&wait->timer, control->view->loop, NULL, wait);
	wait->next = control->draining;
	control->draining = wait;
	slash = wait->port ? strchr(wait->port, '/') : NULL;
	if (wait->port && (!slash || slash - wait->port >= STORE_NAME_SIZE ||
				  strlen(slash + 1) >= STORE_NAME_SIZE)) {
		control_no_port(control, request, wait->port);
		wait_free(wait);
		return;
	}
	snprintf(bank, sizeof bank, "%.*s", slash ? (int)(slash - wait->port) : 0,
		wait->port ? wait->port : "");
	store_resume(control->view->store, &(struct store_place) { bank, slash ? slash + 1 : "" },
		slash ? 1 : 0, on_resumed, wait);
}
