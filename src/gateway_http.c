/* gateway_http.c - the HTTP server: which routes there are, which listeners, and their changes. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api/dashboard.h"
#include "gateway_impl.h"

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

/* What cannot be used changes nothing: the section is again the old one. */
static void keep_old(struct config_http *http, struct config_http *old, const char *why,
	config_say_fn *say, void *arg)
{
	struct config_http fresh = *http;
	char line[400];

	*http = *old;
	*old = fresh;
	snprintf(line, sizeof line, "http: all stays as it was: %s", why);
	log_error(LOGC_HTTP, NULL, NULL, NULL, "%s; tried again at the next reload", line);
	say(arg, line);
}

static bool certificate_fits(const struct config_http *http, char *why, size_t why_size)
{
	struct httpd_tls tls = { http->tls_cert, http->tls_key };

	return !http->tls_cert || httpd_check_tls(&tls, why, why_size) == 0;
}

/* Where `http` listens and `other` does not, or not with the same certificate. */
static bool is_apart(const struct config_http *http, size_t i, const struct config_http *other)
{
	bool renewed =
		!same(http->tls_cert, other->tls_cert) || !same(http->tls_key, other->tls_key);

	return !listens(other, http->listen[i]) ||
	       (renewed && strncmp(http->listen[i], "unix:", 5) != 0);
}

static void close_apart(
	struct gateway *gateway, const struct config_http *http, const struct config_http *other)
{
	for (size_t i = 0; i < http->listen_count; i++)
		if (is_apart(http, i, other))
			httpd_unlisten(gateway->httpd, http->listen[i]);
}

static int open_all(struct gateway *gateway, char *why, size_t why_size)
{
	const struct config_http *http = &gateway->config->http;
	int err = 0;

	for (size_t i = 0; i < http->listen_count && (!err || err == -EEXIST); i++)
		err = open_one(gateway, http->listen[i], why, why_size);
	return err == -EEXIST ? 0 : err;
}

static void say_listeners(const struct config_http *http, const struct config_http *old,
	config_say_fn *say, void *arg)
{
	char line[400];

	for (size_t i = 0; i < old->listen_count; i++) {
		if (!is_apart(old, i, http))
			continue;
		snprintf(line, sizeof line, "http %s: %s", old->listen[i],
			listens(http, old->listen[i]) ? "opens anew with another certificate"
						      : "closed");
		say(arg, line);
	}
	for (size_t i = 0; i < http->listen_count; i++) {
		if (listens(old, http->listen[i]))
			continue;
		snprintf(line, sizeof line, "http %s: opened", http->listen[i]);
		say(arg, line);
	}
}

bool gateway_http_reload(struct gateway *gateway, struct config *old, config_say_fn *say, void *arg)
{
	struct config_http *http = &gateway->config->http;
	char why[300];

	if (!certificate_fits(http, why, sizeof why)) {
		keep_old(http, &old->http, why, say, arg);
		return false;
	}
	/* An old address may hold up a new one, as 127.0.0.1 does 0.0.0.0. */
	close_apart(gateway, &old->http, http);
	if (open_all(gateway, why, sizeof why) < 0) {
		close_apart(gateway, http, &old->http);
		keep_old(http, &old->http, why, say, arg);
		if (open_all(gateway, why, sizeof why) < 0)
			log_error(LOGC_HTTP, NULL, NULL, NULL, "%s", why);
		return false;
	}
	if (!same(http->dashboard_key, old->http.dashboard_key)) {
		bool set = httpd_set_key(gateway->httpd, http->dashboard_key) == 0;
		say(arg, set ? "http: dashboard_key changed" : "http: out of memory");
	}
	say_listeners(http, &old->http, say, arg);
	return true;
}
