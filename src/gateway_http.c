/* gateway_http.c - the HTTP server: which routes there are, which listeners, and their changes. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api/dashboard.h"
#include "gateway_impl.h"

typedef void say_fn(void *arg, const char *line);

static bool same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static int open_one(struct gateway *gateway, const char *address, char *why, size_t why_size)
{
	const struct config_http *http = &gateway->config->http;
	struct httpd_tls tls = { http->tls_cert, http->tls_key };

	return httpd_listen(gateway->httpd, address, http->tls_cert ? &tls : NULL, why, why_size);
}

static void mount(struct gateway *gateway)
{
	size_t count = 0;

	gateway->routes[count++] = control_routes(gateway->control);
	gateway->routes[count++] = metrics_routes(gateway->metrics);
	gateway->routes[count++] = health_routes(gateway->health);
	gateway->routes[count++] = history_routes(gateway->history);
	gateway->routes[count++] = events_routes(gateway->events);
	gateway->routes[count++] = dashboard_routes();
	gateway->routes[count++] = alternative_routes(gateway->alternative);
	gateway->routes[count++] = orders_routes(gateway->orders);
	gateway->routes[count++] = list_hook_routes(gateway->list_hook);
	gateway->routes[count] = NULL;
}

int gateway_http_start(struct gateway *gateway, char *why, size_t why_size)
{
	const struct config_http *http = &gateway->config->http;
	int err;

	gateway->metrics = metrics_new(&gateway->view);
	gateway->health = health_new(&gateway->view, gateway_alive, gateway);
	gateway->history = history_new(&gateway->view);
	gateway->view.history = gateway->history;
	gateway->events = events_new(&gateway->view);
	gateway->httpd = httpd_new(gateway->loop, gateway->routes);
	if (!gateway->metrics || !gateway->health || !gateway->history || !gateway->events ||
		!gateway->httpd || httpd_set_key(gateway->httpd, http->dashboard_key) < 0) {
		snprintf(why, why_size, "out of memory");
		return -ENOMEM;
	}
	mount(gateway);
	/* Who finds the control socket finds the others, too. */
	err = 0;
	for (size_t i = 0; !err && i < http->listen_count; i++)
		err = open_one(gateway, http->listen[i], why, why_size);
	return err ? err
		   : httpd_listen_control(gateway->httpd, gateway->config->control, 0660, "simgate",
			     why, why_size);
}

/* ---- reload --------------------------------------------------------------------------------- */

static bool listens(const struct config_http *http, const char *address)
{
	for (size_t i = 0; i < http->listen_count; i++)
		if (strcmp(http->listen[i], address) == 0)
			return true;
	return false;
}

/* With a certificate that cannot be used all of [http] stays as it was. */
static bool certificate_fits(
	struct config_http *http, struct config_http *old, say_fn *say, void *arg)
{
	struct httpd_tls tls = { http->tls_cert, http->tls_key };
	struct config_http fresh = *http;
	char why[200], line[300];

	if (!http->tls_cert || httpd_check_tls(&tls, why, sizeof why) == 0)
		return true;
	snprintf(line, sizeof line, "http: all stays as it was: %s", why);
	log_error(LOGC_HTTP, NULL, NULL, NULL, "%s", line);
	say(arg, line);
	*http = *old;
	*old = fresh;
	return false;
}

void gateway_http_reload(struct gateway *gateway, struct config *old, say_fn *say, void *arg)
{
	struct config_http *http = &gateway->config->http;
	bool renewed = !same(http->tls_cert, old->http.tls_cert) ||
		       !same(http->tls_key, old->http.tls_key);
	char why[300], line[400];

	if (renewed && !certificate_fits(http, &old->http, say, arg))
		return;
	if (!same(http->dashboard_key, old->http.dashboard_key)) {
		bool set = httpd_set_key(gateway->httpd, http->dashboard_key) == 0;
		say(arg, set ? "http: dashboard_key changed" : "http: out of memory");
	}
	for (size_t i = 0; i < old->http.listen_count; i++) {
		const char *address = old->http.listen[i];
		bool stays = listens(http, address);
		if (stays && (!renewed || strncmp(address, "unix:", 5) == 0))
			continue;
		httpd_unlisten(gateway->httpd, address);
		snprintf(line, sizeof line, "http %s: %s", address,
			stays ? "opens anew with another certificate" : "closed");
		say(arg, line);
	}
	for (size_t i = 0; i < http->listen_count; i++) {
		int err = open_one(gateway, http->listen[i], why, sizeof why);
		if (err == -EEXIST || (!err && renewed && listens(&old->http, http->listen[i])))
			continue;
		snprintf(line, sizeof line, "http %s: %s%s", http->listen[i], err ? "" : "opened",
			err ? why : "");
		if (err)
			log_error(LOGC_HTTP, NULL, NULL, NULL, "%s; tried again at the next reload",
				why);
		say(arg, line);
	}
}
