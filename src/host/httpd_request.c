/* httpd_request.c - requests: their bodies, their routes, their replies. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/counter.h"
#include "base/tally.h"
#include "host/httpd_gzip.h"
#include "host/httpd_impl.h"

void httpd_limit(struct MHD_Connection *connection, bool limited)
{
	struct connection *c = httpd_connection(connection);

	if (c && limited)
		loop_timer_start(&c->timer, INT64_C(1000) * HTTPD_TIMEOUT_S);
	else if (c)
		loop_timer_stop(&c->timer);
}

/* ---- what a handler asks for ---------------------------------------------------------------- */

struct request *httpd_request_of(const struct http_request *http)
{
	return (struct request *)((char *)(uintptr_t)http - offsetof(struct request, http));
}

struct wanted {
	const char *name, *value;
};

static enum MHD_Result keep_last(
	void *arg, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct wanted *wanted = arg;

	(void)kind;
	if (strcmp(name, wanted->name) == 0)
		wanted->value = value ? value : "";
	return MHD_YES;
}

static const char *request_query(const struct http_request *http, const char *name)
{
	struct wanted wanted = { name, NULL };

	MHD_get_connection_values(
		httpd_request_of(http)->connection, MHD_GET_ARGUMENT_KIND, keep_last, &wanted);
	return wanted.value;
}

static const char *request_header(const struct http_request *http, const char *name)
{
	return MHD_lookup_connection_value(
		httpd_request_of(http)->connection, MHD_HEADER_KIND, name);
}

static void request_set_header(struct http_request *http, const char *name, const char *value)
{
	struct request *r = httpd_request_of(http);
	struct request_header header = { strdup(name), strdup(value) };

	if (r->header_count < REQUEST_HEADERS_MAX && header.name && header.value) {
		r->headers[r->header_count++] = header;
		return;
	}
	free(header.name);
	free(header.value);
}

/* ---- replies -------------------------------------------------------------------------------- */

static bool sets_header(const struct request *r, const char *name)
{
	for (size_t i = 0; i < r->header_count; i++)
		if (strcasecmp(r->headers[i].name, name) == 0)
			return true;
	return false;
}

bool httpd_add_headers(struct request *r, struct MHD_Response *response, const char *type)
{
	const struct request_header own[] = {
		{ (char *)(uintptr_t)MHD_HTTP_HEADER_CONTENT_TYPE, (char *)(uintptr_t)type },
		{ (char *)(uintptr_t)MHD_HTTP_HEADER_CACHE_CONTROL,
			(char *)(uintptr_t) "no-store" },
		{ (char *)(uintptr_t) "X-Content-Type-Options", (char *)(uintptr_t) "nosniff" },
	};
	bool ok = true;

	for (size_t i = 0; i < sizeof own / sizeof *own; i++)
		if (!sets_header(r, own[i].name))
			ok = ok && MHD_add_response_header(response, own[i].name, own[i].value) ==
					   MHD_YES;
	for (size_t i = 0; i < r->header_count; i++)
		ok = ok && MHD_add_response_header(
				   response, r->headers[i].name, r->headers[i].value) == MHD_YES;
	return ok;
}

static struct MHD_Response *plain_response(const char *body, size_t len)
{
	return MHD_create_response_from_buffer(len, (void *)(uintptr_t)body, MHD_RESPMEM_MUST_COPY);
}

static struct MHD_Response *gzip_response(const char *body, size_t len)
{
	size_t short_len = 0;
	char *shorter = gzip_deflate(body, len, &short_len);
	struct MHD_Response *response = NULL;

	if (shorter)
		response =
			MHD_create_response_from_buffer(short_len, shorter, MHD_RESPMEM_MUST_FREE);
	if (!response) {
		free(shorter);
		return NULL;
	}
	if (MHD_add_response_header(response, "Content-Encoding", "gzip") == MHD_YES)
		return response;
	MHD_destroy_response(response);
	return NULL;
}

/* The control socket's peers are on this host: nothing is gained there. */
static bool may_compress(const struct request *r, size_t len)
{
	return !r->listener->control && len >= HTTPD_GZIP_MIN &&
	       !sets_header(r, "Content-Encoding");
}

static struct MHD_Response *make_response(
	struct request *r, const char *type, const char *body, size_t len)
{
	struct MHD_Response *response = NULL;
	bool may = may_compress(r, len);

	if (may && http_accepts_gzip(request_header(&r->http, "Accept-Encoding")))
		response = gzip_response(body, len);
	if (!response)
		response = plain_response(body, len);
	if (!response)
		return NULL;
	if (httpd_add_headers(r, response, type) &&
		(!may || MHD_add_response_header(response, "Vary", "Accept-Encoding") == MHD_YES))
		return response;
	MHD_destroy_response(response);
	return NULL;
}

static void count_reply(const struct request *r)
{
	char code[16];

	snprintf(code, sizeof code, "%d", r->status);
	tally_add(TALLY_HTTP_REQUESTS, *r->pattern ? r->pattern : "other", code, NULL);
}

/* A client that waits no longer closes its end. */
static bool client_left(const struct request *r)
{
	const struct connection *c = httpd_connection(r->connection);
	char byte;

	return c && recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

void httpd_resume(struct request *r)
{
	if (!r->suspended)
		return;
	r->suspended = false;
	MHD_resume_connection(r->connection);
	loop_timer_start(&r->listener->run_timer, 0);
}

void httpd_replied(struct request *r, int status)
{
	r->status = status;
	r->replied = true;
	r->left = r->told && client_left(r);
	count_reply(r);
	httpd_resume(r);
}

static void request_reply(
	struct http_request *http, int status, const char *type, const char *body, size_t len)
{
	struct request *r = httpd_request_of(http);

	r->response = make_response(r, type, body, len);
	httpd_replied(r, status);
}

static void request_tell(struct http_request *http, http_sent_fn *fn, void *arg)
{
	struct request *r = httpd_request_of(http);

	r->told = fn;
	r->told_arg = arg;
}

static const struct http_request_ops request_ops = { request_query, request_header,
	httpd_note_wrong_key, request_set_header, request_tell, request_reply, httpd_stream,
	httpd_stream_wake };

void httpd_reply_error(struct request *r, int status, const char *what)
{
	char body[160];
	int len = snprintf(body, sizeof body, "{\"error\":\"%s\"}", what);

	request_reply(&r->http, status, "application/json", body, (size_t)len);
}

static enum MHD_Result send_reply(struct request *r)
{
	httpd_limit(r->connection, true);
	return r->response ? MHD_queue_response(r->connection, (unsigned)r->status, r->response)
			   : MHD_NO;
}

/* ---- a request's life ----------------------------------------------------------------------- */

static struct request *request_new(struct listener *listener, struct MHD_Connection *connection,
	const char *method, const char *path)
{
	struct request *r = calloc(1, sizeof *r);

	if (!r)
		return NULL;
	r->listener = listener;
	r->connection = connection;
	r->http = (struct http_request) { &request_ops, method, path, "", "", 0, HTTP_PEER_REMOTE };
	if (strcmp(method, MHD_HTTP_METHOD_HEAD) == 0)
		r->http.method = MHD_HTTP_METHOD_GET;
	r->next = listener->requests;
	listener->requests = r;
	return r;
}

static void request_free(struct request *r)
{
	struct request **at = &r->listener->requests;

	while (*at != r)
		at = &(*at)->next;
	*at = r->next;
	httpd_stream_over(r);
	if (r->response)
		MHD_destroy_response(r->response);
	for (size_t i = 0; i < r->header_count; i++) {
		free(r->headers[i].name);
		free(r->headers[i].value);
	}
	free(r->body);
	free(r);
}

void httpd_end_requests(struct listener *listener)
{
	listener->stopping = true;
	httpd_end_streams(listener);
	for (struct request *r = listener->requests; r; r = r->next)
		if (r->suspended)
			httpd_reply_error(r, MHD_HTTP_SERVICE_UNAVAILABLE, "stopping");
}

bool httpd_owes(const struct listener *listener)
{
	for (const struct request *r = listener->requests; r; r = r->next)
		if (r->dispatched)
			return true;
	return false;
}

/* ---- bodies --------------------------------------------------------------------------------- */

/* What is over the limit is read and dropped: only after it may the reply be given. */
static enum MHD_Result take_body(struct request *r, const char *data, size_t len)
{
	size_t have = r->http.body_len;

	r->too_long |= len > HTTPD_BODY_MAX - have;
	if (r->too_long)
		return MHD_YES;
	if (!r->body && !(r->body = malloc(HTTPD_BODY_MAX + 1)))
		return MHD_NO;
	memcpy(r->body + have, data, len);
	r->body[have + len] = '\0';
	r->http.body = r->body;
	r->http.body_len = have + len;
	return MHD_YES;
}

static bool body_announced_too_long(struct MHD_Connection *connection)
{
	const char *text =
		MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Length");

	return text && strtoull(text, NULL, 10) > HTTPD_BODY_MAX;
}

static void reply_too_long(struct request *r)
{
	counter_add(COUNTER_HTTP_REFUSED, 1);
	httpd_reply_error(r, MHD_HTTP_CONTENT_TOO_LARGE, "body too long");
}

/* The body as it was before it was encoded; false: it was answered. */
static bool decode_body(struct request *r)
{
	const char *encoding = request_header(&r->http, "Content-Encoding");
	char *plain;
	size_t len = 0;
	int err;

	if (!encoding || strcasecmp(encoding, "identity") == 0 || r->http.body_len == 0)
		return true;
	if (strcasecmp(encoding, "gzip") != 0 && strcasecmp(encoding, "x-gzip") != 0) {
		http_set_header(&r->http, "Accept-Encoding", "gzip");
		httpd_reply_error(
			r, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE, "an encoding other than gzip");
		return false;
	}
	plain = malloc(HTTPD_BODY_MAX + 1);
	err = plain ? gzip_inflate(r->body, r->http.body_len, plain, HTTPD_BODY_MAX, &len)
		    : -ENOMEM;
	if (err) {
		free(plain);
		if (err == -EMSGSIZE)
			reply_too_long(r);
		else if (err == -ENOMEM)
			httpd_reply_error(r, MHD_HTTP_INTERNAL_SERVER_ERROR, "out of memory");
		else
			httpd_reply_error(r, MHD_HTTP_BAD_REQUEST, "the body is no gzip");
		return false;
	}
	plain[len] = '\0';
	free(r->body);
	r->body = plain;
	r->http.body = plain;
	r->http.body_len = len;
	return true;
}

/* ---- routes --------------------------------------------------------------------------------- */

/* The rest of path behind a route's '*', "" for an exact match, NULL for none. */
static const char *route_match(const struct http_route *route, const char *path)
{
	size_t len = strlen(route->path);

	if (len > 0 && route->path[len - 1] == '*')
		return strncmp(route->path, path, len - 1) == 0 ? path + len - 1 : NULL;
	return strcmp(route->path, path) == 0 ? "" : NULL;
}

/* Away from the control socket nothing is changed but by those who have keys of their own. */
static bool route_shown(const struct request *r, const struct http_route *route)
{
	if (r->listener->control || route->who == HTTP_OWN)
		return true;
	return route->who != HTTP_CONTROL && strcmp(route->method, MHD_HTTP_METHOD_GET) == 0;
}

static void allow_method(char *allow, size_t size, const char *method)
{
	size_t len = strlen(allow);
	bool get = strcmp(method, MHD_HTTP_METHOD_GET) == 0;

	if (!strstr(allow, method))
		snprintf(allow + len, size - len, "%s%s%s", len ? ", " : "", method,
			get ? ", HEAD" : "");
}

/* Sets the route, or the methods that the path has. */
static bool find_route(struct request *r, char *allow, size_t size)
{
	for (const struct http_route *const *table = r->listener->httpd->routes; *table; table++)
		for (const struct http_route *row = *table; row->method; row++) {
			const char *rest = route_match(row, r->http.path);
			if (!rest || !route_shown(r, row))
				continue;
			allow_method(allow, size, row->method);
			if (strcmp(row->method, r->http.method) != 0)
				continue;
			r->http.rest = rest;
			r->route = row;
			snprintf(r->pattern, sizeof r->pattern, "%s", row->path);
			return true;
		}
	return false;
}

static void dispatch(struct request *r)
{
	char allow[80] = "";

	r->dispatched = true;
	if (r->too_long) {
		reply_too_long(r);
	} else if (r->listener->stopping) {
		httpd_reply_error(r, MHD_HTTP_SERVICE_UNAVAILABLE, "stopping");
	} else if (find_route(r, allow, sizeof allow)) {
		if (httpd_may(r) && decode_body(r))
			r->route->fn(r->route->arg, &r->http);
	} else if (*allow) { /* RFC 9110 15.5.6: a 405 names the methods that are allowed */
		http_set_header(&r->http, "Allow", allow);
		httpd_reply_error(r, MHD_HTTP_METHOD_NOT_ALLOWED, "method not allowed");
	} else {
		httpd_reply_error(r, MHD_HTTP_NOT_FOUND, "no such path");
	}
}

/* ---- the library's callbacks ---------------------------------------------------------------- */

/* Called with the head of a request, then with each piece of its body, then at its end, and once
 * more after it was suspended. */
enum MHD_Result httpd_on_access(void *cls, struct MHD_Connection *connection, const char *url,
	const char *method, const char *version, const char *data, size_t *len, void **ctx)
{
	struct request *r = *ctx;

	(void)version;
	if (!r) {
		struct connection *c = httpd_connection(connection);
		if (c)
			c->idle = false;
		*ctx = r = request_new(cls, connection, method, url);
		if (!r)
			return MHD_NO;
		if (!body_announced_too_long(connection))
			return MHD_YES;
		r->too_long = true;
		dispatch(r);
		return send_reply(r);
	}
	if (*len > 0) {
		size_t got = *len;
		*len = 0;
		return take_body(r, data, got);
	}
	if (!r->dispatched) {
		httpd_limit(connection, false);
		dispatch(r);
	}
	if (r->replied)
		return send_reply(r);
	MHD_suspend_connection(connection);
	r->suspended = true;
	return MHD_YES;
}

void httpd_on_completed(void *cls, struct MHD_Connection *connection, void **ctx,
	enum MHD_RequestTerminationCode code)
{
	struct request *r = *ctx;

	struct connection *c = httpd_connection(connection);

	(void)cls;
	httpd_limit(connection, true);
	if (c)
		c->idle = true;
	if (r && r->told)
		r->told(r->told_arg, code == MHD_REQUEST_TERMINATED_COMPLETED_OK && !r->left);
	if (r)
		request_free(r);
	*ctx = NULL;
}

/* Decodes %XX in place. What is no such pair, and %00, which would end the text early, stays. */
size_t httpd_on_unescape(void *cls, struct MHD_Connection *connection, char *text)
{
	char *out = text;

	(void)cls, (void)connection;
	for (const char *in = text; *in; in++) {
		bool pair = *in == '%' && isxdigit((unsigned char)in[1]) &&
			    isxdigit((unsigned char)in[2]) && strncmp(in, "%00", 3) != 0;
		const char hex[] = { pair ? in[1] : '0', pair ? in[2] : '0', '\0' };
		*out++ = pair ? (char)strtol(hex, NULL, 16) : *in;
		in += pair ? 2 : 0;
	}
	*out = '\0';
	return (size_t)(out - text);
}
