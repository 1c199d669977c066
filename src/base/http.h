/* http.h - a request that was taken, its reply, and a table of routes; no library in it. */
#ifndef SIMGATE_BASE_HTTP_H
#define SIMGATE_BASE_HTTP_H

#include <stddef.h>

struct http_request;

/* What a server must be able to do with a request of its own. */
struct http_request_ops {
	const char *(*query)(const struct http_request *request, const char *name);
	void (*reply)(struct http_request *request, int status, const char *type, const char *body,
		size_t len);
};

/* Valid from the handler's call until http_reply(). Strings are NUL-terminated. */
struct http_request {
	const struct http_request_ops *ops;
	const char *method; /* "GET" */
	const char *path;   /* decoded, without the query */
	const char *rest;   /* what a trailing '*' of the route matched; "" without one */
	const char *body;
	size_t body_len;
};

typedef void http_handler(void *arg, struct http_request *request);

/* path ends in '*' to match any rest. A NULL method ends the table. */
struct http_route {
	const char *method;
	const char *path;
	http_handler *fn;
	void *arg;
};

/* The decoded value of a query parameter, "" if it has none, NULL if absent. */
static inline const char *http_query(const struct http_request *request, const char *name)
{
	return request->ops->query(request, name);
}

/* Answers and ends the request: exactly once, from the handler or any time later on the loop.
 * body is copied. If the client has left meanwhile, the reply goes nowhere; it is still owed. */
static inline void http_reply(
	struct http_request *request, int status, const char *type, const char *body, size_t len)
{
	request->ops->reply(request, status, type, body, len);
}

#endif
