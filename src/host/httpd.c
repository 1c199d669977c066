/* httpd.c - libmicrohttpd in the loop: the unix socket, connections, requests and replies. */
#include "host/httpd.h"

#include <ctype.h>
#include <errno.h>
#include <grp.h>
#include <microhttpd.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/counter.h"
#include "base/log.h"

enum {
	ACCEPTS_A_TURN = 16,
	ACCEPT_PAUSE_MS = 1000, /* when the process is out of descriptors */
	LAST_RUNS = 4, /* of the library, to get the last replies out before it is stopped */
};

struct httpd {
	struct loop *loop;
	const struct http_route *routes;
	struct MHD_Daemon *mhd;
	struct loop_io *listen_io, *mhd_io;
	struct loop_timer run_timer, accept_timer;
	struct request *requests;
	size_t connection_count;
	int listen_fd;
	char *path; /* NULL until the socket's file is ours */
	dev_t dev;
	ino_t ino;
	bool stopping;
};

/* The library's own timeout follows a clock of its own and starts again at each byte; this one
 * bounds each phase as a whole: a request's arrival, a reply's leaving, the rest in between. */
struct connection {
	struct loop_timer timer;
	struct httpd *httpd;
	int fd;
};

struct request {
	struct http_request http;
	struct httpd *httpd;
	struct MHD_Connection *connection;
	struct request *next;
	struct MHD_Response *response;
	int status;
	char *body;
	bool too_long, dispatched, suspended, replied;
};

static const char refusal[] = "HTTP/1.1 503 Service Unavailable\r\n"
			      "Content-Type: application/json\r\n"
			      "Content-Length: 32\r\nConnection: close\r\n\r\n"
			      "{\"error\":\"too many connections\"}";

__attribute__((format(printf, 4, 5))) static int say(
	char *why, size_t why_size, int error, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(why, why_size, fmt, args);
	va_end(args);
	return error;
}

/* ---- the library's turns -------------------------------------------------------------------- */

static void run(void *arg)
{
	struct httpd *httpd = arg;
	MHD_UNSIGNED_LONG_LONG wait_ms;

	MHD_run(httpd->mhd);
	if (MHD_get_timeout(httpd->mhd, &wait_ms) == MHD_YES)
		loop_timer_start(&httpd->run_timer, wait_ms < 60000 ? (int64_t)wait_ms : 60000);
	else
		loop_timer_stop(&httpd->run_timer);
}

static void on_mhd_io(void *arg, int events)
{
	(void)events;
	run(arg);
}

/* ---- connections ---------------------------------------------------------------------------- */

static void on_connection_timeout(void *arg)
{
	struct connection *c = arg;

	shutdown(c->fd, SHUT_RDWR); /* the library then sees its end and closes it */
	loop_timer_start(&c->httpd->run_timer, 0);
}

static void on_connection(void *cls, struct MHD_Connection *connection, void **ctx,
	enum MHD_ConnectionNotificationCode code)
{
	struct httpd *httpd = cls;
	struct connection *c = *ctx;

	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		httpd->connection_count--;
		if (c)
			loop_timer_stop(&c->timer);
		free(c);
		return;
	}
	int fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
	httpd->connection_count++;
	*ctx = c = calloc(1, sizeof *c);
	if (!c) {
		shutdown(fd, SHUT_RDWR);
		return;
	}
	c->httpd = httpd;
	c->fd = fd;
	loop_timer_init(&c->timer, httpd->loop, on_connection_timeout, c);
	loop_timer_start(&c->timer, INT64_C(1000) * HTTPD_TIMEOUT_S);
}

/* While a request waits for us, its client is not to blame: no limit then. */
static void connection_limit(struct MHD_Connection *connection, bool limited)
{
	struct connection *c =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)
			->socket_context;

	if (c && limited)
		loop_timer_start(&c->timer, INT64_C(1000) * HTTPD_TIMEOUT_S);
	else if (c)
		loop_timer_stop(&c->timer);
}

static void refuse_connection(int fd)
{
	static struct log_limit limit = { .period_ms = 60000, .burst = 1 };

	counter_add(COUNTER_HTTP_REFUSED, 1);
	if (log_limit(&limit))
		log_warning(LOGC_HTTP, NULL, NULL, NULL, "more than %d connections, one refused",
			HTTPD_CONNECTIONS_MAX);
	(void)!send(fd, refusal, sizeof refusal - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	close(fd);
}

static void accept_later(struct httpd *httpd, int error)
{
	static struct log_limit limit = { .period_ms = 60000, .burst = 1 };

	counter_add(COUNTER_HTTP_REFUSED, 1);
	if (log_limit(&limit))
		log_error(LOGC_HTTP, NULL, NULL, NULL, "cannot accept connections: %s",
			strerror(error));
	loop_io_set(httpd->listen_io, 0);
	loop_timer_start(&httpd->accept_timer, ACCEPT_PAUSE_MS);
}

static void on_accept_timer(void *arg)
{
	struct httpd *httpd = arg;

	loop_io_set(httpd->listen_io, LOOP_READ);
}

/* Accepting is ours, not the library's: at its limit it would leave clients waiting unheard, and
 * without descriptors it would spin. */
static void on_listen_io(void *arg, int events)
{
	struct httpd *httpd = arg;
	const struct sockaddr peer = { .sa_family = AF_UNIX };

	(void)events;
	for (int i = 0; i < ACCEPTS_A_TURN; i++) {
		int fd = accept4(httpd->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
			continue;
		if (fd < 0) {
			if (errno != EAGAIN && errno != EWOULDBLOCK)
				accept_later(httpd, errno);
			break;
		}
		if (httpd->connection_count >= HTTPD_CONNECTIONS_MAX)
			refuse_connection(fd);
		else /* closes fd itself if it fails */
			MHD_add_connection(httpd->mhd, fd, &peer, sizeof peer);
	}
	run(httpd);
}

/* ---- requests ------------------------------------------------------------------------------- */

static struct request *request_of(const struct http_request *http)
{
	return (struct request *)((char *)(uintptr_t)http - offsetof(struct request, http));
}

static const char *request_query(const struct http_request *http, const char *name)
{
	const char *value = NULL;
	size_t len = 0;

	if (MHD_lookup_connection_value_n(request_of(http)->connection, MHD_GET_ARGUMENT_KIND, name,
		    strlen(name), &value, &len) != MHD_YES)
		return NULL;
	return value ? value : "";
}

static struct MHD_Response *make_response(const char *type, const char *body, size_t len)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(
		len, (void *)(uintptr_t)body, MHD_RESPMEM_MUST_COPY);

	if (!response)
		return NULL;
	if (MHD_add_response_header(response, "Content-Type", type) == MHD_YES &&
		MHD_add_response_header(response, "Cache-Control", "no-store") == MHD_YES &&
		MHD_add_response_header(response, "X-Content-Type-Options", "nosniff") == MHD_YES)
		return response;
	MHD_destroy_response(response);
	return NULL;
}

static void request_reply(
	struct http_request *http, int status, const char *type, const char *body, size_t len)
{
	struct request *r = request_of(http);

	r->status = status;
	r->response = make_response(type, body, len);
	r->replied = true;
	if (!r->suspended)
		return;
	r->suspended = false;
	MHD_resume_connection(r->connection);
	loop_timer_start(&r->httpd->run_timer, 0);
}

static const struct http_request_ops request_ops = { request_query, request_reply };

static void reply_error(struct request *r, int status, const char *what)
{
	char body[96];
	int len = snprintf(body, sizeof body, "{\"error\":\"%s\"}", what);

	request_reply(&r->http, status, "application/json", body, (size_t)len);
}

static struct request *request_new(struct httpd *httpd, struct MHD_Connection *connection,
	const char *method, const char *path)
{
	struct request *r = calloc(1, sizeof *r);

	if (!r)
		return NULL;
	r->httpd = httpd;
	r->connection = connection;
	r->http = (struct http_request) { &request_ops, method, path, "", "", 0 };
	r->next = httpd->requests;
	httpd->requests = r;
	return r;
}

static void request_free(struct request *r)
{
	struct request **at = &r->httpd->requests;

	while (*at != r)
		at = &(*at)->next;
	*at = r->next;
	if (r->response)
		MHD_destroy_response(r->response);
	free(r->body);
	free(r);
}

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

/* The rest of path behind a route's '*', "" for an exact match, NULL for none. */
static const char *route_match(const struct http_route *route, const char *path)
{
	size_t len = strlen(route->path);

	if (len > 0 && route->path[len - 1] == '*')
		return strncmp(route->path, path, len - 1) == 0 ? path + len - 1 : NULL;
	return strcmp(route->path, path) == 0 ? "" : NULL;
}

static void route(struct request *r)
{
	char allow[64] = "";
	size_t len = 0;

	for (const struct http_route *row = r->httpd->routes; row->method; row++) {
		const char *rest = route_match(row, r->http.path);
		if (!rest)
			continue;
		if (strcmp(row->method, r->http.method) == 0) {
			r->http.rest = rest;
			row->fn(row->arg, &r->http);
			return;
		}
		if (!strstr(allow, row->method) && len + strlen(row->method) + 3 < sizeof allow)
			len += (size_t)snprintf(allow + len, sizeof allow - len, "%s%s",
				len ? ", " : "", row->method);
	}
	if (len == 0) {
		reply_error(r, MHD_HTTP_NOT_FOUND, "no such path");
		return;
	}
	reply_error(r, MHD_HTTP_METHOD_NOT_ALLOWED, "method not allowed");
	if (r->response) /* RFC 9110 15.5.6: a 405 names the methods that are allowed */
		MHD_add_response_header(r->response, "Allow", allow);
}

static void dispatch(struct request *r)
{
	r->dispatched = true;
	if (r->too_long) {
		counter_add(COUNTER_HTTP_REFUSED, 1);
		reply_error(r, MHD_HTTP_CONTENT_TOO_LARGE, "body too long");
	} else if (r->httpd->stopping) {
		reply_error(r, MHD_HTTP_SERVICE_UNAVAILABLE, "stopping");
	} else {
		route(r);
	}
}

static enum MHD_Result send_reply(struct request *r)
{
	connection_limit(r->connection, true);
	return r->response ? MHD_queue_response(r->connection, (unsigned)r->status, r->response)
			   : MHD_NO;
}

/* Called with the head of a request, then with each piece of its body, then at its end, and once
 * more after it was suspended. */
static enum MHD_Result on_access(void *cls, struct MHD_Connection *connection, const char *url,
	const char *method, const char *version, const char *data, size_t *len, void **ctx)
{
	struct request *r = *ctx;

	(void)version;
	if (!r) {
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
		connection_limit(connection, false);
		dispatch(r);
	}
	if (r->replied)
		return send_reply(r);
	MHD_suspend_connection(connection);
	r->suspended = true;
	return MHD_YES;
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **ctx,
	enum MHD_RequestTerminationCode code)
{
	struct request *r = *ctx;

	(void)cls, (void)code;
	connection_limit(connection, true);
	if (r)
		request_free(r);
	*ctx = NULL;
}

/* Decodes %XX in place. What is no such pair, and %00, which would end the text early, stays. */
static size_t on_unescape(void *cls, struct MHD_Connection *connection, char *text)
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

/* ---- the socket ----------------------------------------------------------------------------- */

/* Whether somebody accepts at this socket: 1, 0, or a negative errno when that cannot be known. */
static int socket_answers(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	int error = connect(fd, (const struct sockaddr *)address, sizeof *address) < 0 ? errno : 0;
	close(fd);
	if (error == 0 || error == EAGAIN || error == EINPROGRESS) /* EAGAIN: its backlog is full */
		return 1;
	return error == ECONNREFUSED || error == ENOENT ? 0 : -error;
}

static int remove_stale(const struct sockaddr_un *address, char *why, size_t why_size)
{
	const char *path = address->sun_path;
	struct stat st;

	if (lstat(path, &st) < 0)
		return 0; /* if it is there, bind() says what is wrong */
	if (!S_ISSOCK(st.st_mode))
		return say(why, why_size, -EEXIST,
			"%s exists and is no socket: move it away or set another path", path);
	int answers = socket_answers(address);
	if (answers > 0)
		return say(why, why_size, -EADDRINUSE,
			"another process answers at %s: is simgated running already?", path);
	if (answers == 0 && unlink(path) < 0 && errno != ENOENT)
		answers = -errno;
	if (answers < 0)
		return say(why, why_size, answers, "cannot remove a former socket %s: %s", path,
			strerror(-answers));
	return 0;
}

/* Nobody can connect before listen(), so mode and group hold from the first connection on, whatever
 * the umask is. */
static int publish(
	struct httpd *httpd, const struct sockaddr_un *address, int mode, const char *group)
{
	const char *path = address->sun_path;
	struct stat st;

	if (bind(httpd->listen_fd, (const struct sockaddr *)address, sizeof *address) < 0)
		return -errno;
	httpd->path = strdup(path);
	if (!httpd->path || lstat(path, &st) < 0) {
		int error = httpd->path ? -errno : -ENOMEM;
		unlink(path);
		return error;
	}
	httpd->dev = st.st_dev;
	httpd->ino = st.st_ino;
	const struct group *entry = group && *group ? getgrnam(group) : NULL;
	if (entry && entry->gr_gid != st.st_gid && lchown(path, (uid_t)-1, entry->gr_gid) < 0)
		log_warning(LOGC_HTTP, NULL, NULL, NULL, "cannot give %s to group %s: %s", path,
			group, strerror(errno));
	if (chmod(path, (mode_t)mode) < 0 || listen(httpd->listen_fd, HTTPD_CONNECTIONS_MAX) < 0)
		return -errno;
	return 0;
}

static int open_socket(struct httpd *httpd, const char *path, int mode, const char *group,
	char *why, size_t why_size)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t len = strlen(path);

	if (len == 0 || len >= sizeof address.sun_path)
		return say(why, why_size, -ENAMETOOLONG,
			"the socket's path must have 1 to %zu bytes, not %zu",
			sizeof address.sun_path - 1, len);
	memcpy(address.sun_path, path, len + 1);
	int rc = remove_stale(&address, why, why_size);
	if (rc < 0)
		return rc;
	httpd->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (httpd->listen_fd < 0)
		return say(why, why_size, -errno, "cannot make a socket: %s", strerror(errno));
	rc = publish(httpd, &address, mode, group);
	if (rc < 0)
		return say(why, why_size, rc, "cannot listen at %s: %s", path, strerror(-rc));
	return 0;
}

static void close_socket(struct httpd *httpd)
{
	struct stat st;

	loop_io_free(httpd->listen_io);
	if (httpd->listen_fd >= 0)
		close(httpd->listen_fd);
	/* A file that another process has put in its place meanwhile stays. */
	if (httpd->path && lstat(httpd->path, &st) == 0 && st.st_dev == httpd->dev &&
		st.st_ino == httpd->ino)
		unlink(httpd->path);
	free(httpd->path);
}

/* ---- from start to end ---------------------------------------------------------------------- */

static int start_library(struct httpd *httpd)
{
	httpd->mhd = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_NO_LISTEN_SOCKET, 0, NULL, NULL,
		on_access, httpd, MHD_OPTION_CONNECTION_LIMIT, (unsigned)HTTPD_CONNECTIONS_MAX,
		MHD_OPTION_NOTIFY_COMPLETED, on_completed, httpd, MHD_OPTION_NOTIFY_CONNECTION,
		on_connection, httpd, MHD_OPTION_UNESCAPE_CALLBACK, on_unescape, httpd,
		MHD_OPTION_END);
	if (!httpd->mhd)
		return -ENOMEM;
	int fd = MHD_get_daemon_info(httpd->mhd, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
	httpd->mhd_io = loop_io_new(httpd->loop, fd, LOOP_READ, on_mhd_io, httpd);
	httpd->listen_io =
		loop_io_new(httpd->loop, httpd->listen_fd, LOOP_READ, on_listen_io, httpd);
	return httpd->mhd_io && httpd->listen_io ? 0 : -ENOMEM;
}

int httpd_new_unix(struct loop *loop, const char *path, int mode, const char *group,
	const struct http_route *routes, struct httpd **out, char *why, size_t why_size)
{
	struct httpd *httpd = calloc(1, sizeof *httpd);

	if (!httpd)
		return say(why, why_size, -ENOMEM, "out of memory");
	httpd->loop = loop;
	httpd->routes = routes;
	httpd->listen_fd = -1;
	loop_timer_init(&httpd->run_timer, loop, run, httpd);
	loop_timer_init(&httpd->accept_timer, loop, on_accept_timer, httpd);
	int rc = open_socket(httpd, path, mode, group, why, why_size);
	if (rc == 0 && (rc = start_library(httpd)) < 0)
		say(why, why_size, rc, "cannot start the HTTP listener: %s", strerror(-rc));
	if (rc == 0)
		*out = httpd;
	else
		httpd_free(httpd);
	return rc;
}

/* The library aborts when it is stopped with a suspended connection. */
static void end_requests(struct httpd *httpd)
{
	httpd->stopping = true;
	for (struct request *r = httpd->requests; r; r = r->next)
		if (r->suspended)
			reply_error(r, MHD_HTTP_SERVICE_UNAVAILABLE, "stopping");
	for (int i = 0; i < LAST_RUNS; i++)
		MHD_run(httpd->mhd);
}

void httpd_free(struct httpd *httpd)
{
	if (!httpd)
		return;
	close_socket(httpd);
	if (httpd->mhd) {
		end_requests(httpd);
		loop_io_free(httpd->mhd_io);
		MHD_stop_daemon(httpd->mhd);
	}
	loop_timer_stop(&httpd->run_timer);
	loop_timer_stop(&httpd->accept_timer);
	free(httpd);
}
