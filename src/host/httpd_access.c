/* httpd_access.c - who may: the dashboard's key, this host's own processes, the slow-down. */
#include <stdio.h>
#include <string.h>

#include "base/counter.h"
#include "host/httpd_impl.h"

void httpd_note_wrong_key(struct http_request *http)
{
	struct request *r = httpd_request_of(http);
	const struct connection *c = httpd_connection(r->connection);

	if (c && !r->listener->control)
		guard_wrong_key(r->listener->httpd->guard, &c->peer);
}

/* While an address is slowed down no key of its is looked at, right or wrong: else it would be told
 * which it was. */
static bool slowed_down(struct request *r)
{
	const struct connection *c = httpd_connection(r->connection);
	int wait_s = c ? guard_wait_s(r->listener->httpd->guard, &c->peer) : 0;
	char text[16];

	if (wait_s == 0)
		return false;
	counter_add(COUNTER_HTTP_SLOWED, 1);
	snprintf(text, sizeof text, "%d", wait_s);
	http_set_header(&r->http, "Retry-After", text);
	httpd_reply_error(r, MHD_HTTP_TOO_MANY_REQUESTS, "too many wrong keys, wait");
	return true;
}

static bool operator_by_key(struct request *r, const char *key)
{
	const char *authorization = http_header(&r->http, "Authorization");
	char password[HTTP_SECRET_MAX + 1] = "";
	bool right;

	if (authorization && slowed_down(r))
		return false;
	right = authorization &&
		http_basic_password(authorization, password, sizeof password) == 0 &&
		http_key_equal(password, key);
	explicit_bzero(password, sizeof password);
	if (right)
		return true;
	if (authorization)
		httpd_note_wrong_key(&r->http);
	http_set_header(&r->http, "WWW-Authenticate", "Basic realm=\"simgate\", charset=\"UTF-8\"");
	httpd_reply_error(r, MHD_HTTP_UNAUTHORIZED, "the dashboard's key is needed");
	return false;
}

static bool operator_by_place(struct request *r)
{
	if (r->http.peer != HTTP_PEER_LOCAL)
		httpd_reply_error(r, MHD_HTTP_FORBIDDEN,
			"without a dashboard_key for this host's own processes alone");
	else if (!http_host_is_local(http_header(&r->http, "Host")))
		httpd_reply_error(
			r, MHD_HTTP_FORBIDDEN, "Host must be localhost, 127.0.0.1 or [::1]");
	else
		return true;
	return false;
}

/* A proxy's word makes a request a remote one, never a local one. */
static enum http_peer peer_of(const struct request *r)
{
	static const char *const proxied[] = { "Forwarded", "X-Forwarded-For", "X-Real-IP", "Via" };
	const struct connection *c = httpd_connection(r->connection);

	if (!c)
		return HTTP_PEER_REMOTE;
	for (size_t i = 0; c->from == HTTP_PEER_LOCAL && i < sizeof proxied / sizeof *proxied; i++)
		if (http_header(&r->http, proxied[i]))
			return HTTP_PEER_REMOTE;
	return c->from;
}

bool httpd_may(struct request *r)
{
	const char *key = r->listener->httpd->key;

	r->http.peer = peer_of(r);
	if (r->listener->control)
		return true;
	switch (r->route->who) {
	case HTTP_CONTROL: break; /* no such path there */
	case HTTP_OPERATOR: return key ? operator_by_key(r, key) : operator_by_place(r);
	case HTTP_OPEN: return true;
	case HTTP_OWN: return !slowed_down(r);
	}
	httpd_reply_error(r, MHD_HTTP_FORBIDDEN, "not here");
	return false;
}
