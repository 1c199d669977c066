/* platformsim.c - the platform double: an HTTP server that is strict, remembers, and misbehaves. */
#include "ctl.h"
#include "platform.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <microhttpd.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { BODY_MAX = 8 * 1024 * 1024, CONNECTIONS_MAX = 2000, IDLE_TIMEOUT_S = 120 };

/* One request on its way; it may wait, suspended, for its time or for the end. */
struct exchange {
	struct exchange *next; /* among those that wait */
	struct MHD_Connection *connection;
	bool served, waiting;
	int64_t due_us; /* -1: only the end releases it */
	struct platform_answer answer;
	size_t len;
	char *body;
};

struct server {
	struct platform *platform;
	struct MHD_Daemon *daemon; /* NULL while down */
	uint16_t port;
	char *cert, *key_pem; /* contents, or NULL for plain HTTP */
	int wake;             /* eventfd: the list of waiting ones changed */
	bool quit;
	pthread_mutex_t lock;
	bool closing;
	struct exchange *waiting;
};

static ssize_t cut_reader(void *arg, uint64_t pos, char *buf, size_t max)
{
	static const char start[] = "{\"respon";

	(void)arg;
	if (pos > 0 || max < sizeof(start))
		return MHD_CONTENT_READER_END_WITH_ERROR;
	memcpy(buf, start, sizeof(start) - 1);
	return sizeof(start) - 1;
}

static enum MHD_Result respond(struct exchange *ex)
{
	struct MHD_Response *response;
	enum MHD_Result rc;
	char *body = ex->answer.body;

	if (ex->answer.how == PLATFORM_HANG)
		return MHD_NO;
	if (ex->answer.how == PLATFORM_CUT) {
		response = MHD_create_response_from_callback(64, 64, cut_reader, NULL, NULL);
	} else {
		if (!body)
			return MHD_NO;
		ex->answer.body = NULL;
		response =
			MHD_create_response_from_buffer(strlen(body), body, MHD_RESPMEM_MUST_FREE);
	}
	if (!response)
		return MHD_NO;
	MHD_add_response_header(response, "Content-Type", "application/json; charset=utf-8");
	if (ex->answer.retry_after_s) {
		char text[16];
		snprintf(text, sizeof(text), "%u", ex->answer.retry_after_s);
		MHD_add_response_header(response, "Retry-After", text);
	}
	rc = MHD_queue_response(
		ex->connection, ex->answer.status ? ex->answer.status : 200, response);
	MHD_destroy_response(response);
	return rc;
}

/* False when the server is closing: then nothing may be suspended any more. */
static bool hold(struct server *server, struct exchange *ex)
{
	bool held = false;

	pthread_mutex_lock(&server->lock);
	if (!server->closing) {
		ex->due_us = ex->answer.how == PLATFORM_HANG
				     ? -1
				     : platform_now_us() + (int64_t)ex->answer.delay_ms * 1000;
		ex->waiting = held = true;
		ex->next = server->waiting;
		server->waiting = ex;
		MHD_suspend_connection(ex->connection);
	}
	pthread_mutex_unlock(&server->lock);
	eventfd_write(server->wake, 1);
	return held;
}

/* Resumes what is due, or everything. Milliseconds until the next is due, or -1. */
static int release(struct server *server, bool all)
{
	int64_t now_us = platform_now_us(), least = -1;

	pthread_mutex_lock(&server->lock);
	for (struct exchange **at = &server->waiting; *at;) {
		struct exchange *ex = *at;
		if (all || (ex->due_us >= 0 && ex->due_us <= now_us)) {
			*at = ex->next;
			ex->waiting = false;
			MHD_resume_connection(ex->connection);
			continue;
		}
		if (ex->due_us >= 0 && (least < 0 || ex->due_us - now_us < least))
			least = ex->due_us - now_us;
		at = &ex->next;
	}
	pthread_mutex_unlock(&server->lock);
	return least < 0 ? -1 : (int)((least + 999) / 1000);
}

static const char *header(struct MHD_Connection *connection, const char *name)
{
	return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

static const char *argument(struct MHD_Connection *connection, const char *name)
{
	return MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, name);
}

static void *on_uri(void *arg, const char *uri, struct MHD_Connection *connection)
{
	struct exchange *ex = calloc(1, sizeof(*ex));

	(void)arg;
	(void)uri;
	if (ex)
		ex->connection = connection;
	return ex;
}

static bool append(struct exchange *ex, const char *data, size_t len)
{
	char *body;

	if (ex->len + len > BODY_MAX)
		return false;
	body = realloc(ex->body, ex->len + len + 1);
	if (!body)
		return false;
	memcpy(body + ex->len, data, len);
	ex->body = body;
	ex->len += len;
	body[ex->len] = '\0';
	return true;
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *url,
	const char *method, const char *version, const char *data, size_t *size, void **con_cls)
{
	struct server *server = arg;
	struct exchange *ex = *con_cls;

	(void)version;
	if (!ex)
		return MHD_NO;
	if (!ex->body) /* the first call, with the head alone */
		return append(ex, "", 0) ? MHD_YES : MHD_NO;
	if (*size > 0) {
		if (!append(ex, data, *size))
			return MHD_NO;
		*size = 0;
		return MHD_YES;
	}
	if (ex->served)
		return respond(ex);
	struct platform_request request = {
		.method = method,
		.path = url,
		.authorization = header(connection, "Authorization"),
		.content_type = header(connection, "Content-Type"),
		.user_agent = header(connection, "User-Agent"),
		.content_encoding = header(connection, "Content-Encoding"),
		.stamp = header(connection, "X-Simgate-Timestamp"),
		.signature = header(connection, "X-Simgate-Signature"),
		.sum = argument(connection, "sum"),
		.date = argument(connection, "date"),
		.query_count = (unsigned)MHD_get_connection_values(
			connection, MHD_GET_ARGUMENT_KIND, NULL, NULL),
		.body = ex->body,
		.len = ex->len,
	};
	platform_serve(server->platform, &request, &ex->answer);
	ex->served = true;
	if (ex->answer.how == PLATFORM_HANG || ex->answer.delay_ms > 0)
		return hold(server, ex) ? MHD_YES : MHD_NO;
	return respond(ex);
}

static void on_completed(void *arg, struct MHD_Connection *connection, void **con_cls,
	enum MHD_RequestTerminationCode code)
{
	struct server *server = arg;
	struct exchange *ex = *con_cls;

	(void)connection;
	(void)code;
	if (!ex)
		return;
	pthread_mutex_lock(&server->lock);
	for (struct exchange **at = &server->waiting; ex->waiting && *at; at = &(*at)->next) {
		if (*at != ex)
			continue;
		*at = ex->next;
		break;
	}
	pthread_mutex_unlock(&server->lock);
	free(ex->answer.body);
	free(ex->body);
	free(ex);
	*con_cls = NULL;
}

static void on_connection(void *arg, struct MHD_Connection *connection, void **socket_context,
	enum MHD_ConnectionNotificationCode code)
{
	(void)connection;
	(void)socket_context;
	if (code == MHD_CONNECTION_NOTIFY_STARTED)
		platform_connected(arg);
}

/* A listening socket on 127.0.0.1; *port 0 takes a free one and says which. */
static int listen_on(uint16_t *port)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons(*port) };
	socklen_t len = sizeof(addr);
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 || listen(fd, 1024) < 0 ||
		getsockname(fd, (struct sockaddr *)&addr, &len) < 0) {
		int err = errno;
		close(fd);
		return -err;
	}
	*port = ntohs(addr.sin_port);
	return fd;
}

static bool server_up(struct server *server)
{
	unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME |
			 (server->cert ? MHD_USE_TLS : 0);
	struct MHD_OptionItem tls[] = {
		{ MHD_OPTION_HTTPS_MEM_CERT, 0, server->cert },
		{ MHD_OPTION_HTTPS_MEM_KEY, 0, server->key_pem },
		{ MHD_OPTION_END, 0, NULL },
	};
	struct MHD_OptionItem plain[] = { { MHD_OPTION_END, 0, NULL } };
	int fd;

	if (server->daemon)
		return true;
	fd = listen_on(&server->port);
	if (fd < 0)
		return false;
	server->closing = false;
	server->daemon = MHD_start_daemon(flags, 0, NULL, NULL, on_request, server,
		MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX,
		MHD_OPTION_CONNECTION_TIMEOUT, IDLE_TIMEOUT_S, MHD_OPTION_URI_LOG_CALLBACK, on_uri,
		NULL, MHD_OPTION_NOTIFY_COMPLETED, on_completed, server,
		MHD_OPTION_NOTIFY_CONNECTION, on_connection, server->platform, MHD_OPTION_ARRAY,
		server->cert ? tls : plain, MHD_OPTION_END);
	if (!server->daemon)
		close(fd);
	return server->daemon != NULL;
}

static void server_down(struct server *server)
{
	if (!server->daemon)
		return;
	pthread_mutex_lock(&server->lock);
	server->closing = true;
	pthread_mutex_unlock(&server->lock);
	release(server, true);
	MHD_stop_daemon(server->daemon);
	server->daemon = NULL;
}

static void on_line(void *arg, char *line, FILE *reply)
{
	struct server *server = arg;
	char *word = ctl_word(&line);
	const char *text = "ok";

	if (!word) {
		fputs("error empty", reply);
		return;
	}
	if (strcmp(word, "down") == 0)
		server_down(server);
	else if (strcmp(word, "up") == 0)
		text = server_up(server) ? "ok" : "error cannot listen";
	else if (strcmp(word, "quit") == 0)
		server->quit = true;
	else if (!platform_command(server->platform, word, line, reply))
		text = "error unknown command";
	else
		text = "";
	if (strcmp(word, "clear") == 0)
		release(server, true);
	fputs(text, reply);
}

static char *read_file(const char *path)
{
	enum { ROOM = 64 * 1024 };
	FILE *f = fopen(path, "re");
	char *text = calloc(1, ROOM);

	if (f && text && fread(text, 1, ROOM - 1, f) > 0) {
		fclose(f);
		return text;
	}
	if (f)
		fclose(f);
	free(text);
	return NULL;
}

struct options {
	const char *key, *hook_key, *list_name, *log, *control;
	struct server server;
};

static bool parse_options(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{ "port", required_argument, NULL, 'p' },
		{ "key", required_argument, NULL, 'k' },
		{ "hook-key", required_argument, NULL, 'h' },
		{ "log", required_argument, NULL, 'l' },
		{ "control", required_argument, NULL, 'c' },
		{ "list-name", required_argument, NULL, 'n' },
		{ "tls", required_argument, NULL, 't' },
		{ 0 },
	};
	int which;
	long port;

	while ((which = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (which) {
		case 'p':
			if (!ctl_number(optarg, 0, 65535, &port))
				return false;
			o->server.port = (uint16_t)port;
			break;
		case 'k': o->key = optarg; break;
		case 'h': o->hook_key = optarg; break;
		case 'l': o->log = optarg; break;
		case 'c': o->control = optarg; break;
		case 'n': o->list_name = optarg; break;
		case 't':
			if (optind >= argc)
				return false;
			o->server.cert = read_file(optarg);
			o->server.key_pem = read_file(argv[optind++]);
			if (!o->server.cert || !o->server.key_pem)
				return false;
			break;
		default: return false;
		}
	}
	return optind == argc;
}

static int catch_signals(void)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

static void run(struct server *server, struct ctl *ctl, int signals)
{
	struct pollfd fds[] = {
		{ .fd = ctl_fd(ctl), .events = POLLIN },
		{ .fd = signals, .events = POLLIN },
		{ .fd = server->wake, .events = POLLIN },
	};
	eventfd_t count;

	while (!server->quit) {
		poll(fds, 3, release(server, false));
		if (fds[1].revents)
			return;
		if (fds[2].revents)
			eventfd_read(server->wake, &count);
		if (fds[0].revents)
			ctl_turn(ctl);
	}
}

int main(int argc, char **argv)
{
	struct options o = {
		.key = "key",
		.hook_key = "hook-key",
		.list_name = "numbers",
		.server = { .lock = PTHREAD_MUTEX_INITIALIZER, .wake = -1 },
	};
	struct server *server = &o.server;
	struct ctl *ctl = NULL;
	int signals, status = EXIT_FAILURE;

	if (!parse_options(argc, argv, &o)) {
		fputs("platformsim [--port N] [--key KEY] [--log FILE] [--control PATH]\n"
		      "  [--list-name numbers|number|list] [--hook-key KEY] [--tls CERT KEY]\n"
		      "commands: fail [CALL] N STATUS BODY | fail list-number NUMBER|clear\n"
		      "  hang|lie [CALL] N | cut [CALL] N [keep] | slow MS | retry-after SECONDS\n"
		      "  account on|off|nokey|blocked|disabled|ip | form object|string|plain\n"
		      "  unknown NUMBER|CALL on|off | profit NUMBER SUM | block MS\n"
		      "  capacity N MS | phone integer|string | down | up | clear | messages\n"
		      "  pushes | doubles | list\n"
		      "  violations | stats | quit\n"
		      "CALL: message, list, batch, takeoff, push, push-rent, push-hub or hook\n",
			stderr);
		return 2;
	}
	signals = catch_signals();
	server->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	server->platform = platform_new(o.key, o.hook_key, o.list_name, o.log);
	ctl = ctl_new(o.control, true, on_line, server);
	if (signals < 0 || server->wake < 0 || !server->platform || !ctl || !server_up(server)) {
		fputs("platformsim: cannot start\n", stderr);
		goto out;
	}
	printf("listening %u\n", server->port);
	fflush(stdout);
	run(server, ctl, signals);
	status = EXIT_SUCCESS;
out:
	server_down(server);
	ctl_free(ctl);
	platform_free(server->platform);
	free(server->cert);
	free(server->key_pem);
	return status;
}
