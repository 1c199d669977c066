/* http.h - a request that was taken, its reply, and a table of routes; no library in it. */
#ifndef SIMGATE_BASE_HTTP_H
#define SIMGATE_BASE_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

enum { HTTP_ADDRESS_MAX = 120, HTTP_SECRET_MAX = 1024 };

/* Who may use a route. All of them may be used on the control socket, whose file says who connects;
 * on other listeners everything but HTTP_OWN is GET (and HEAD) alone. */
enum http_who {
	HTTP_CONTROL,  /* the control socket's peers alone: elsewhere there is no such path */
	HTTP_OPERATOR, /* with dashboard_key, or where none is set this host's own processes */
	HTTP_OPEN,     /* all */
	HTTP_OWN,      /* all that come so far: the handler looks at a key of its own */
};

/* Where a request is from. One that a proxy on this host passed on and says so is remote. */
enum http_peer { HTTP_PEER_CONTROL, HTTP_PEER_LOCAL, HTTP_PEER_REMOTE };

struct http_request;

/* A reply whose body comes as time goes by. */
struct http_stream {
	/* Up to size bytes to send next: how many there are; 0: none now, then http_wake() tells
	 * when; negative: that was the end. */
	ssize_t (*read)(void *arg, char *buf, size_t size);
	/* The last call: the end was sent, the client has gone or takes nothing, or the server
	 * stops. The request is no more. */
	void (*over)(void *arg);
};

/* written: the reply as a whole was handed to the connection, which had not ended by then. */
typedef void http_sent_fn(void *arg, bool written);

/* What a server must be able to do with a request of its own. */
struct http_request_ops {
	const char *(*query)(const struct http_request *request, const char *name);
	const char *(*header)(const struct http_request *request, const char *name);
	void (*wrong_key)(struct http_request *request);
	void (*set_header)(struct http_request *request, const char *name, const char *value);
	void (*tell)(struct http_request *request, http_sent_fn *fn, void *arg);
	void (*reply)(struct http_request *request, int status, const char *type, const char *body,
		size_t len);
	int (*stream)(struct http_request *request, const char *type,
		const struct http_stream *stream, void *arg);
	void (*wake)(struct http_request *request);
};

/* Valid from the handler's call until http_reply(), or until a stream is over. Strings are
 * NUL-terminated. */
struct http_request {
	const struct http_request_ops *ops;
	const char *method; /* "GET", for HEAD too: the server leaves the body out */
	const char *path;   /* decoded, without the query */
	const char *rest;   /* what a trailing '*' of the route matched; "" without one */
	const char *body;   /* inflated */
	size_t body_len;
	enum http_peer peer;
};

typedef void http_handler(void *arg, struct http_request *request);

/* path ends in '*' to match any rest. A NULL method ends the table; the first that fits is taken.
 * path is also what requests are counted by. */
struct http_route {
	const char *method;
	const char *path;
	http_handler *fn;
	void *arg;
	enum http_who who;
};

/* The decoded value of a query parameter, of several the last; "" if it has none, NULL if absent.
 */
static inline const char *http_query(const struct http_request *request, const char *name)
{
	return request->ops->query(request, name);
}

/* The value of a request's header, whatever the case of its name; NULL if absent. */
static inline const char *http_header(const struct http_request *request, const char *name)
{
	return request->ops->header(request, name);
}

/* A handler of HTTP_OWN found that the key is wrong: its address will be slowed down. The handler
 * answers itself. While an address is slowed down, its requests to such routes get 429 without
 * reaching the handler. */
static inline void http_wrong_key(struct http_request *request)
{
	request->ops->wrong_key(request);
}

/* A header of the reply, in place of the server's own of that name; before http_reply(). At most 8;
 * both strings are copied and must have no line break. */
static inline void http_set_header(
	struct http_request *request, const char *name, const char *value)
{
	request->ops->set_header(request, name, value);
}

/* Who wants to know what becomes of the reply: fn is called once, after http_reply(), when the
 * request is gone. Before http_reply(). */
static inline void http_tell(struct http_request *request, http_sent_fn *fn, void *arg)
{
	request->ops->tell(request, fn, arg);
}

/* Answers and ends the request: exactly once, from the handler or any time later on the loop.
 * body is copied. If the client has left meanwhile, the reply goes nowhere; it is still owed. */
static inline void http_reply(
	struct http_request *request, int status, const char *type, const char *body, size_t len)
{
	request->ops->reply(request, status, type, body, len);
}

/* Answers 200 with a stream, in the place of http_reply(). 0; -EAGAIN: there are too many, -ENOMEM:
 * then the request is answered, and over() is not called. */
static inline int http_stream(
	struct http_request *request, const char *type, const struct http_stream *stream, void *arg)
{
	return request->ops->stream(request, type, stream, arg);
}

/* A stream has something to send, or its end: read() is called soon. */
static inline void http_wake(struct http_request *request)
{
	request->ops->wake(request);
}

/* Whether a key that was sent is the one wanted, in a time that tells nothing but the length of
 * what was sent. An empty key is nobody's. */
bool http_key_equal(const char *given, const char *key);

/* The password of an Authorization header by the Basic scheme (RFC 7617), any user. 0, or -EINVAL:
 * another scheme, no base64, no colon, a control byte, longer than size - 1. */
int http_basic_password(const char *authorization, char *out, size_t size);

/* The token of an Authorization header by the Bearer scheme (RFC 6750 2.1), inside of it; NULL for
 * another scheme or none. NULL may be given. */
const char *http_bearer(const char *authorization);

/* Whether a Content-Type names this media type ("application/json"), its parameters aside. NULL may
 * be given. */
bool http_type_is(const char *content_type, const char *type);

/* Whether a Host header names this host's loopback: localhost, 127.0.0.1, [::1], with any port. A
 * page of another name that resolves to the loopback does not. NULL may be given. */
bool http_host_is_local(const char *host);

/* Whether an Accept-Encoding header takes gzip (RFC 9110 12.5.3). NULL may be given. */
bool http_accepts_gzip(const char *accept_encoding);

/* Where to listen: "127.0.0.1:8470", "[::1]:8470", "unix:/path". */
struct http_address {
	struct sockaddr_storage socket;
	socklen_t len;
	bool local;       /* loopback or unix: nothing passes a wire */
	const char *path; /* of a unix socket, inside of the text; NULL */
};

/* Port 0, any that is free, is taken where any_port. 0, -EINVAL, or -ENAMETOOLONG for a path. */
int http_address_parse(const char *text, bool any_port, struct http_address *out);

#endif
