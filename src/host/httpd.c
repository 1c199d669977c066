/* httpd.c - libmicrohttpd in the loop: listeners from their start to their end, connections. */
#include "host/httpd.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/counter.h"
#include "base/log.h"
#include "host/httpd_impl.h"

enum {
	ACCEPTS_A_TURN = 16,
	ACCEPT_PAUSE_MS = 1000, /* when the process is out of descriptors */
	LAST_RUNS = 4, /* of the library, to get the last replies out before it is stopped */
	END_LOOK_MS = 250,
};

/* TLS 1.2 and up; the rest is GnuTLS's own judgement. */
#define TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

static const char refusal[] = "HTTP/1.1 503 Service Unavailable\r\n"
			      "Content-Type: application/json\r\n"
			      "Content-Length: 32\r\nConnection: close\r\n\r\n"
			      "{\"error\":\"too many connections\"}";

/* ---- the library's turns -------------------------------------------------------------------- */

static void run(void *arg)
{
	struct listener *listener = arg;
	MHD_UNSIGNED_LONG_LONG wait_ms;

	MHD_run(listener->mhd);
	if (MHD_get_timeout(listener->mhd, &wait_ms) == MHD_YES)
		loop_timer_start(&listener->run_timer, wait_ms < 60000 ? (int64_t)wait_ms : 60000);
	else
		loop_timer_stop(&listener->run_timer);
}

static void on_mhd_io(void *arg, int events)
{
	(void)events;
	run(arg);
}

/* ---- connections ---------------------------------------------------------------------------- */

struct connection *httpd_connection(struct MHD_Connection *connection)
{
	return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)
		->socket_context;
}

static void on_connection_timeout(void *arg)
{
	struct connection *c = arg;

	if (!c->idle)
		counter_add(COUNTER_HTTP_TIMEOUTS, 1);
	shutdown(c->fd, SHUT_RDWR); /* the library then sees its end and closes it */
	loop_timer_start(&c->listener->run_timer, 0);
}

static enum http_peer peer_from(const struct listener *listener, const struct sockaddr *address)
{
	const struct sockaddr_in *four = (const struct sockaddr_in *)address;
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)address;
	bool local = address->sa_family == AF_UNIX;

	if (listener->control)
		return HTTP_PEER_CONTROL;
	if (address->sa_family == AF_INET)
		local = ntohl(four->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	else if (address->sa_family == AF_INET6)
		local = IN6_IS_ADDR_LOOPBACK(&six->sin6_addr);
	return local ? HTTP_PEER_LOCAL : HTTP_PEER_REMOTE;
}

static void connection_end(struct listener *listener, struct connection *c)
{
	listener->connection_count--;
	if (!c)
		return;
	if (!listener->control)
		guard_leave(listener->httpd->guard, &c->peer);
	loop_timer_stop(&c->timer);
	free(c);
}

static void on_connection(void *cls, struct MHD_Connection *connection, void **ctx,
	enum MHD_ConnectionNotificationCode code)
{
	struct listener *listener = cls;
	struct connection *c = *ctx;

	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		connection_end(listener, c);
		return;
	}
	int fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
	const struct sockaddr *address =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS)
			->client_addr;
	listener->connection_count++;
	*ctx = c = calloc(1, sizeof *c);
	if (!c) {
		shutdown(fd, SHUT_RDWR);
		return;
	}
	c->listener = listener;
	c->fd = fd;
	c->peer = guard_peer_of(address);
	c->from = peer_from(listener, address);
	if (!listener->control)
		guard_enter(listener->httpd->guard, &c->peer);
	loop_timer_init(&c->timer, listener->httpd->loop, on_connection_timeout, c);
	loop_timer_start(&c->timer, INT64_C(1000) * HTTPD_TIMEOUT_S);
}

static void refuse_connection(struct listener *listener, int fd)
{
	static struct log_limit limit = { .period_ms = 60000, .burst = 1 };

	if (listener->control) {
		counter_add(COUNTER_HTTP_REFUSED, 1);
		if (log_limit(&limit))
			log_warning(LOGC_HTTP, NULL, NULL, NULL,
				"more than %d connections, one refused", HTTPD_CONNECTIONS_MAX);
	}
	if (!listener->tls)
		(void)!send(fd, refusal, sizeof refusal - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	close(fd);
}

static bool has_room(struct listener *listener, const struct sockaddr *address)
{
	struct guard_peer peer = guard_peer_of(address);

	if (listener->control)
		return listener->connection_count < HTTPD_CONNECTIONS_MAX;
	return guard_has_room(listener->httpd->guard, &peer);
}

static void accept_later(struct listener *listener, int error)
{
	static struct log_limit limit = { .period_ms = 60000, .burst = 1 };

	counter_add(COUNTER_HTTP_REFUSED, 1);
	if (log_limit(&limit))
		log_error(LOGC_HTTP, NULL, NULL, NULL, "cannot accept connections: %s",
			strerror(error));
	loop_io_set(listener->listen_io, 0);
	loop_timer_start(&listener->accept_timer, ACCEPT_PAUSE_MS);
}

static void on_accept_timer(void *arg)
{
	struct listener *listener = arg;

	if (listener->listen_io)
		loop_io_set(listener->listen_io, LOOP_READ);
}

/* Accepting is ours, not the library's: at its limit it would leave clients waiting unheard, and
 * without descriptors it would spin. It takes each connection in its next run: only then the
 * connection counts. */
static void on_listen_io(void *arg, int events)
{
	struct listener *listener = arg;

	(void)events;
	for (int i = 0; i < ACCEPTS_A_TURN; i++) {
		struct sockaddr_storage peer = { .ss_family = AF_UNIX };
		socklen_t len = sizeof peer;
		int fd = accept4(listener->listen_fd, (struct sockaddr *)&peer, &len,
			SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
			continue;
		if (fd < 0) {
			if (errno != EAGAIN && errno != EWOULDBLOCK)
				accept_later(listener, errno);
			break;
		}
		if (peer.ss_family == AF_UNIX || len == 0)
			len = sizeof(struct sockaddr);
		if (has_room(listener, (struct sockaddr *)&peer)) {
			/* closes fd itself if it fails */
			MHD_add_connection(listener->mhd, fd, (struct sockaddr *)&peer, len);
			MHD_run(listener->mhd);
		} else {
			refuse_connection(listener, fd);
		}
	}
	run(listener);
}

/* ---- from start to end ---------------------------------------------------------------------- */

/* What the library says while it starts is for the operator; later it speaks of clients alone. */
__attribute__((format(printf, 2, 0))) static void on_library_words(
	void *arg, const char *fmt, va_list args)
{
	struct listener *listener = arg;

	if (listener->started)
		return;
	vsnprintf(listener->words, sizeof listener->words, fmt, args);
	listener->words[strcspn(listener->words, "\n")] = '\0';
}

static int start_library(struct listener *listener, const struct httpd_tls *tls)
{
	const struct MHD_OptionItem tls_options[] = {
		{ MHD_OPTION_HTTPS_MEM_CERT, 0, tls ? (void *)(uintptr_t)tls->cert : NULL },
		{ MHD_OPTION_HTTPS_MEM_KEY, 0, tls ? (void *)(uintptr_t)tls->key : NULL },
		{ MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)TLS_PRIORITIES },
		{ MHD_OPTION_END, 0, NULL },
	};
	const struct MHD_OptionItem strict_options[] = {
		{ MHD_OPTION_CONNECTION_MEMORY_LIMIT, HTTPD_HEAD_MAX, NULL },
		{ MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL },
		{ MHD_OPTION_END, 0, NULL },
	};
	const struct MHD_OptionItem none[] = { { MHD_OPTION_END, 0, NULL } };
	unsigned limit = listener->control ? HTTPD_CONNECTIONS_MAX : GUARD_CONNECTIONS_MAX;
	unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_NO_LISTEN_SOCKET |
			 MHD_USE_ERROR_LOG | (tls ? MHD_USE_TLS : 0);

	/* The logger comes first: what it is told of are the options behind it. */
	listener->mhd = MHD_start_daemon(flags, 0, NULL, NULL, httpd_on_access, listener,
		MHD_OPTION_EXTERNAL_LOGGER, on_library_words, listener, MHD_OPTION_CONNECTION_LIMIT,
		limit, MHD_OPTION_NOTIFY_COMPLETED, httpd_on_completed, listener,
		MHD_OPTION_NOTIFY_CONNECTION, on_connection, listener, MHD_OPTION_UNESCAPE_CALLBACK,
		httpd_on_unescape, listener, MHD_OPTION_ARRAY,
		listener->control ? none : strict_options, MHD_OPTION_ARRAY,
		tls ? tls_options : none, MHD_OPTION_END);
	if (!listener->mhd)
		return -EINVAL;
	listener->started = true;
	int fd = MHD_get_daemon_info(listener->mhd, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
	struct loop *loop = listener->httpd->loop;
	listener->mhd_io = loop_io_new(loop, fd, LOOP_READ, on_mhd_io, listener);
	listener->listen_io =
		loop_io_new(loop, listener->listen_fd, LOOP_READ, on_listen_io, listener);
	return listener->mhd_io && listener->listen_io ? 0 : -ENOMEM;
}

int httpd_check_tls(const struct httpd_tls *tls, char *why, size_t why_size)
{
	struct listener trial = { .listen_fd = -1 };
	const struct MHD_OptionItem options[] = {
		{ MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)tls->cert },
		{ MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)tls->key },
		{ MHD_OPTION_END, 0, NULL },
	};

	trial.mhd = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ERROR_LOG | MHD_USE_TLS, 0, NULL,
		NULL, httpd_on_access, &trial, MHD_OPTION_EXTERNAL_LOGGER, on_library_words, &trial,
		MHD_OPTION_ARRAY, options, MHD_OPTION_END);
	if (!trial.mhd)
		return httpd_say(why, why_size, -EINVAL, "certificate and key cannot be used%s%s",
			*trial.words ? ": " : "", trial.words);
	MHD_stop_daemon(trial.mhd);
	return 0;
}

static void listener_free(struct listener *listener)
{
	struct listener **at = &listener->httpd->listeners;

	while (*at && *at != listener)
		at = &(*at)->next;
	if (*at)
		*at = listener->next;
	httpd_close_socket(listener);
	if (listener->mhd) {
		/* The library aborts when it is stopped with a suspended connection. */
		httpd_end_requests(listener);
		for (int i = 0; i < LAST_RUNS; i++)
			MHD_run(listener->mhd);
		loop_io_free(listener->mhd_io);
		MHD_stop_daemon(listener->mhd);
	}
	loop_timer_stop(&listener->run_timer);
	loop_timer_stop(&listener->accept_timer);
	loop_timer_stop(&listener->end_timer);
	free(listener->address);
	free(listener);
}

/* Once nothing waits for an answer any more: who answers may not find its request gone. */
static void on_end_timer(void *arg)
{
	struct listener *listener = arg;

	if (httpd_owes(listener))
		loop_timer_start(&listener->end_timer, END_LOOK_MS);
	else
		listener_free(listener);
}

static struct listener *listener_new(struct httpd *httpd, const char *address)
{
	struct listener *listener = calloc(1, sizeof *listener);

	if (!listener)
		return NULL;
	listener->httpd = httpd;
	listener->listen_fd = -1;
	loop_timer_init(&listener->run_timer, httpd->loop, run, listener);
	loop_timer_init(&listener->accept_timer, httpd->loop, on_accept_timer, listener);
	loop_timer_init(&listener->end_timer, httpd->loop, on_end_timer, listener);
	listener->address = strdup(address);
	if (listener->address)
		return listener;
	free(listener);
	return NULL;
}

/* rc is of the socket that was opened before; the listener is gone where the whole fails. */
static int listener_start(
	struct listener *listener, int rc, const struct httpd_tls *tls, char *why, size_t why_size)
{
	if (rc == 0 && (rc = start_library(listener, tls)) < 0)
		httpd_say(why, why_size, rc, "cannot start the HTTP listener %s: %s",
			listener->address, *listener->words ? listener->words : strerror(-rc));
	if (rc < 0) {
		listener_free(listener);
		return rc;
	}
	listener->next = listener->httpd->listeners;
	listener->httpd->listeners = listener;
	return 0;
}

int httpd_listen_control(struct httpd *httpd, const char *path, int mode, const char *group,
	char *why, size_t why_size)
{
	struct http_address address = { .len = sizeof(struct sockaddr_un), .path = path };
	struct sockaddr_un *un = (struct sockaddr_un *)&address.socket;
	size_t len = strlen(path);
	struct listener *listener;

	if (len == 0 || len >= sizeof un->sun_path)
		return httpd_say(why, why_size, -ENAMETOOLONG,
			"the socket's path must have 1 to %zu bytes, not %zu",
			sizeof un->sun_path - 1, len);
	un->sun_family = AF_UNIX;
	memcpy(un->sun_path, path, len + 1);
	listener = listener_new(httpd, path);
	if (!listener)
		return httpd_say(why, why_size, -ENOMEM, "out of memory");
	listener->control = true;
	int rc = httpd_open_unix(listener, &address, mode, group, why, why_size);
	return listener_start(listener, rc, NULL, why, why_size);
}

int httpd_listen(struct httpd *httpd, const char *address, const struct httpd_tls *tls, char *why,
	size_t why_size)
{
	struct http_address at;
	struct listener *listener;
	int rc = http_address_parse(address, true, &at);

	if (rc < 0)
		return httpd_say(why, why_size, rc, "%s is no address to listen at", address);
	for (listener = httpd->listeners; listener; listener = listener->next)
		if (strcmp(listener->address, address) == 0 && listener->listen_fd >= 0)
			return httpd_say(why, why_size, -EEXIST, "listens at %s already", address);
	listener = listener_new(httpd, address);
	if (!listener)
		return httpd_say(why, why_size, -ENOMEM, "out of memory");
	listener->tls = tls && !at.path;
	if (at.path)
		rc = httpd_open_unix(listener, &at, 0660, "simgate", why, why_size);
	else
		rc = httpd_open_tcp(listener, &at, why, why_size);
	return listener_start(listener, rc, listener->tls ? tls : NULL, why, why_size);
}

void httpd_unlisten(struct httpd *httpd, const char *address)
{
	struct listener *listener = httpd->listeners;

	while (listener && (strcmp(listener->address, address) != 0 || listener->listen_fd < 0))
		listener = listener->next;
	if (!listener)
		return;
	httpd_close_socket(listener);
	loop_timer_stop(&listener->accept_timer);
	listener->stopping = true;
	httpd_end_streams(listener);
	loop_timer_start(&listener->end_timer, END_LOOK_MS);
}

int httpd_set_key(struct httpd *httpd, const char *key)
{
	char *copy = key ? strdup(key) : NULL;

	if (key && !copy)
		return -ENOMEM;
	if (httpd->key)
		explicit_bzero(httpd->key, strlen(httpd->key));
	free(httpd->key);
	httpd->key = copy;
	return 0;
}

struct httpd *httpd_new(struct loop *loop, const struct http_route *const *routes)
{
	struct httpd *httpd = calloc(1, sizeof *httpd);

	if (!httpd)
		return NULL;
	httpd->loop = loop;
	httpd->routes = routes;
	httpd->guard = guard_new(loop);
	if (httpd->guard)
		return httpd;
	free(httpd);
	return NULL;
}

void httpd_free(struct httpd *httpd)
{
	if (!httpd)
		return;
	while (httpd->listeners)
		listener_free(httpd->listeners);
	httpd_set_key(httpd, NULL);
	guard_free(httpd->guard);
	free(httpd);
}
