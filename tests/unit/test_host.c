/* test_host.c - the HTTP listener with raw clients, and what systemd is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/counter.h"
#include "base/loop.h"
#include "host/httpd.h"
#include "host/notify.h"
#include "http_client.h"
#include "log_fixture.h"
#include "loop_fixture.h"

enum { TURNS = CLIENT_TURNS, TURN_MS = CLIENT_TURN_MS, LATER_MAX = 80 };

struct bed {
	struct loop *loop;
	struct httpd *httpd;
	struct http_request *later[LATER_MAX]; /* taken, not answered */
	int later_count;
	char dir[64], path[96], why[256];
};

/* ---- handlers ------------------------------------------------------------------------------- */

static void handle_echo(void *arg, struct http_request *request)
{
	const char *q = http_query(request, "q");
	char text[512];
	int len = snprintf(text, sizeof text, "%s path=%s rest=%s q=%s len=%zu body=%.64s",
		request->method, request->path, request->rest, q ? q : "(none)", request->body_len,
		request->body);

	(void)arg;
	assert_int_equal(request->body[request->body_len], 0);
	http_reply(request, 200, "text/plain", text, (size_t)len);
}

static void handle_later(void *arg, struct http_request *request)
{
	struct bed *bed = arg;

	assert_true(bed->later_count < LATER_MAX);
	bed->later[bed->later_count++] = request;
}

/* Answers what waits from inside another request's handler. */
static void handle_release(void *arg, struct http_request *request)
{
	struct bed *bed = arg;

	while (bed->later_count > 0)
		http_reply(bed->later[--bed->later_count], 200, "text/plain", "released", 8);
	http_reply(request, 204, "text/plain", "", 0);
}

static void handle_big(void *arg, struct http_request *request)
{
	size_t len = 4 * 1024 * 1024;
	char *body = calloc(1, len);

	(void)arg;
	assert_non_null(body);
	memset(body, 'x', len);
	http_reply(request, 200, "text/plain", body, len);
	free(body);
}

static struct http_route routes[] = {
	{ "GET", "/echo", handle_echo, NULL, HTTP_CONTROL },
	{ "POST", "/echo", handle_echo, NULL, HTTP_CONTROL },
	{ "GET", "/ports/*", handle_echo, NULL, HTTP_CONTROL },
	{ "GET", "/later", handle_later, NULL, HTTP_CONTROL },
	{ "POST", "/release", handle_release, NULL, HTTP_CONTROL },
	{ "GET", "/big", handle_big, NULL, HTTP_CONTROL },
	{ NULL, NULL, NULL, NULL, HTTP_CONTROL },
};
static const struct http_route *const tables[] = { routes, NULL };

/* ---- the bed -------------------------------------------------------------------------------- */

static int open_at(struct bed *bed, const char *path, int mode, const char *group)
{
	bed->httpd = httpd_new(bed->loop, tables);
	assert_non_null(bed->httpd);
	int rc = httpd_listen_control(bed->httpd, path, mode, group, bed->why, sizeof bed->why);
	if (rc < 0) {
		httpd_free(bed->httpd);
		bed->httpd = NULL;
	}
	return rc;
}

static int open_httpd(struct bed *bed, int mode, const char *group)
{
	return open_at(bed, bed->path, mode, group);
}

static int setup_dir(void **state)
{
	struct bed *bed = calloc(1, sizeof *bed);

	assert_non_null(bed);
	snprintf(bed->dir, sizeof bed->dir, "/tmp/simgate-host-XXXXXX");
	assert_non_null(mkdtemp(bed->dir));
	snprintf(bed->path, sizeof bed->path, "%s/control.sock", bed->dir);
	bed->loop = loop_new_manual(1000, INT64_C(1790000000000));
	assert_non_null(bed->loop);
	for (size_t i = 0; routes[i].method; i++)
		routes[i].arg = bed;
	log_keep();
	*state = bed;
	return 0;
}

static int setup(void **state)
{
	setup_dir(state);
	assert_int_equal(open_httpd(*state, 0660, NULL), 0);
	return 0;
}

static int teardown(void **state)
{
	struct bed *bed = *state;

	httpd_free(bed->httpd);
	loop_free(bed->loop);
	unlink(bed->path);
	assert_int_equal(rmdir(bed->dir), 0);
	log_set_sink(NULL, NULL);
	free(bed);
	return 0;
}

static struct sockaddr_un address_of(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	return address;
}

static int client(struct bed *bed)
{
	struct sockaddr_un address = address_of(bed->path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	for (int i = 0; i < TURNS; i++) { /* the backlog may be full for a moment */
		if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
			return fd;
		assert_int_equal(errno, EAGAIN);
		loop_turn(bed->loop, TURN_MS);
	}
	fail_msg("cannot connect");
	return -1;
}

static void put(struct bed *bed, int fd, const char *data, size_t len)
{
	client_put(bed->loop, fd, data, len);
}

static void put_text(struct bed *bed, int fd, const char *text)
{
	client_put(bed->loop, fd, text, strlen(text));
}

static void put_get(struct bed *bed, int fd, const char *target)
{
	char text[512];

	snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", target);
	put_text(bed, fd, text);
}

static int get(struct bed *bed, int fd, char *data, size_t size)
{
	return client_get(bed->loop, fd, data, size);
}

static int get_status(struct bed *bed, int fd)
{
	char data[4096];

	return get(bed, fd, data, sizeof data);
}

static void settle(struct bed *bed)
{
	client_settle(bed->loop);
}

static void wait_later(struct bed *bed, int count)
{
	WAIT_FOR(bed->loop, bed->later_count >= count);
	assert_int_equal(bed->later_count, count);
}

static void answer_later(struct bed *bed)
{
	while (bed->later_count > 0)
		http_reply(bed->later[--bed->later_count], 200, "text/plain", "late", 4);
}

/* ---- requests and answers ------------------------------------------------------------------- */

static void test_requests(void **state)
{
	static const struct {
		const char *head, *body;
		int status;
		const char *wanted;
	} cases[] = {
		{ "GET /echo", NULL, 200, "GET path=/echo rest= q=(none) len=0 body=" },
		{ "GET /echo?q=1", NULL, 200, " q=1 " },
		{ "GET /echo?a=2&q=b%20c%2Bd+e%c3%a5", NULL, 200, " q=b c+d e\xc3\xa5 " },
		{ "GET /echo?q", NULL, 200, " q= " },
		{ "GET /echo?q=", NULL, 200, " q= " },
		{ "GET /echo?qq=1", NULL, 200, " q=(none) " },
		{ "GET /echo?q=x%00y%zz%4", NULL, 200, " q=x%00y%zz%4 " },
		{ "GET /%65cho", NULL, 200, "path=/echo " },
		{ "GET /echo%00", NULL, 404, "{\"error\":\"no such path\"}" },
		{ "GET /ports/north/p%2001?q=9", NULL, 200,
			"path=/ports/north/p 01 rest=north/p 01 q=9 " },
		{ "GET /ports/", NULL, 200, "path=/ports/ rest= " },
		{ "GET /ports", NULL, 404, "{\"error\":\"no such path\"}" },
		{ "GET /", NULL, 404, "no such path" },
		{ "GET /echo/", NULL, 404, "no such path" },
		{ "POST /echo", "hello", 200, "POST path=/echo rest= q=(none) len=5 body=hello" },
		{ "POST /echo?q=z", "", 200, " q=z len=0 body=" },
		{ "POST /ports/x", "", 405, "Allow: GET, HEAD\r\n" },
		{ "DELETE /echo", NULL, 405, "Allow: GET, HEAD, POST\r\n" },
		{ "PUT /echo", "data", 405, "{\"error\":\"method not allowed\"}" },
		{ "POST /nothing", "data", 404, "no such path" },
	};
	struct bed *bed = *state;
	char text[1024], data[4096];

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int fd = client(bed);
		const char *body = cases[i].body;
		int len = snprintf(text, sizeof text, "%s HTTP/1.1\r\nHost: x\r\n", cases[i].head);
		if (body)
			len += snprintf(text + len, sizeof text - (size_t)len,
				"Content-Length: %zu\r\n", strlen(body));
		snprintf(text + len, sizeof text - (size_t)len, "\r\n%s", body ? body : "");
		put_text(bed, fd, text);
		assert_int_equal(get(bed, fd, data, sizeof data), cases[i].status);
		if (!strstr(data, cases[i].wanted))
			fail_msg("%s: '%s' is not in:\n%s", cases[i].head, cases[i].wanted, data);
		close(fd);
	}
}

static void test_answer_head(void **state)
{
	struct bed *bed = *state;
	char data[4096];
	int fd = client(bed);

	put_get(bed, fd, "/nothing");
	assert_int_equal(get(bed, fd, data, sizeof data), 404);
	assert_non_null(strstr(data, "\r\nContent-Type: application/json\r\n"));
	assert_non_null(strstr(data, "\r\nContent-Length: 24\r\n"));
	assert_non_null(strstr(data, "\r\nCache-Control: no-store\r\n"));
	assert_non_null(strstr(data, "\r\nX-Content-Type-Options: nosniff\r\n"));
	close(fd);
}

static void test_keep_alive(void **state)
{
	struct bed *bed = *state;
	char data[4096];
	int fd = client(bed);

	for (int i = 0; i < 3; i++) {
		put_get(bed, fd, "/echo?q=again");
		assert_int_equal(get(bed, fd, data, sizeof data), 200);
	}
	put_text(bed, fd,
		"GET /echo?q=first HTTP/1.1\r\nHost: x\r\n\r\n"
		"GET /echo?q=second HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	assert_int_equal(get(bed, fd, data, sizeof data), 200);
	assert_non_null(strstr(data, "q=first"));
	assert_int_equal(get(bed, fd, data, sizeof data), 200);
	assert_non_null(strstr(data, "q=second"));
	assert_int_equal(get_status(bed, fd), 0);
	close(fd);
}

static void test_request_in_pieces(void **state)
{
	static const char text[] = "POST /echo?q=a%20b HTTP/1.1\r\nHost: x\r\n"
				   "Transfer-Encoding: chunked\r\n\r\n"
				   "3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n";
	struct bed *bed = *state;
	char data[4096];
	int fd = client(bed);

	for (size_t i = 0; i + 1 < sizeof text; i++) {
		put(bed, fd, text + i, 1);
		loop_turn(bed->loop, 0);
	}
	assert_int_equal(get(bed, fd, data, sizeof data), 200);
	assert_non_null(strstr(data, "q=a b len=7 body=abcdefg"));
	close(fd);
}

static void test_body_limit(void **state)
{
	static const struct {
		size_t len;
		int status;
	} cases[] = { { HTTPD_BODY_MAX, 200 }, { HTTPD_BODY_MAX + 1, 413 }, { 1 << 20, 413 } };
	struct bed *bed = *state;
	uint64_t refused = counter_get(COUNTER_HTTP_REFUSED);
	char *body = malloc(1 << 20), text[256], data[4096];

	assert_non_null(body);
	memset(body, 'b', 1 << 20);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		for (int chunked = 0; chunked < 2; chunked++) {
			int fd = client(bed);
			snprintf(text, sizeof text,
				"POST /echo HTTP/1.1\r\nHost: x\r\n%s%zu\r\n\r\n",
				chunked ? "Transfer-Encoding: chunked\r\nX: " : "Content-Length: ",
				cases[i].len);
			put_text(bed, fd, text);
			snprintf(text, sizeof text, "%zx\r\n", cases[i].len);
			if (chunked)
				put_text(bed, fd, text);
			put(bed, fd, body, cases[i].len);
			if (chunked)
				put_text(bed, fd, "\r\n0\r\n\r\n");
			assert_int_equal(get(bed, fd, data, sizeof data), cases[i].status);
			snprintf(text, sizeof text, "len=%zu ", cases[i].len);
			assert_non_null(strstr(data,
				cases[i].status == 200 ? text : "{\"error\":\"body too long\"}"));
			close(fd);
		}
	}
	assert_int_equal(counter_get(COUNTER_HTTP_REFUSED) - refused, 4);
	free(body);
}

static void test_junk(void **state)
{
	static const char *const junk[] = { "\r\n\r\n\r\n", "GET\r\n\r\n", "\x16\x03\x01\x02\x01",
		"GET /echo HTTP/9.9\r\n\r\n", "POST /echo HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
		"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n" };
	struct bed *bed = *state;

	for (size_t i = 0; i < sizeof junk / sizeof *junk; i++) {
		int fd = client(bed);
		put_text(bed, fd, junk[i]);
		settle(bed);
		close(fd);
	}
	char *head = malloc(100 * 1024);
	assert_non_null(head);
	memset(head, 'a', 100 * 1024);
	memcpy(head, "GET /", 5);
	int fd = client(bed);
	put(bed, fd, head, 100 * 1024);
	assert_in_range(get_status(bed, fd), 400, 499);
	close(fd);
	free(head);
	fd = client(bed);
	put_get(bed, fd, "/echo");
	assert_int_equal(get_status(bed, fd), 200);
	close(fd);
}

/* ---- later answers -------------------------------------------------------------------------- */

static void test_later(void **state)
{
	struct bed *bed = *state;
	char data[4096];
	int fd = client(bed);

	put_get(bed, fd, "/later?q=kept%21");
	wait_later(bed, 1);
	loop_advance(bed->loop, 5 * HTTPD_TIMEOUT_S * 1000); /* our own delay cuts nobody off */
	int other = client(bed);
	put_get(bed, other, "/echo");
	assert_int_equal(get_status(bed, other), 200);
	assert_string_equal(http_query(bed->later[0], "q"), "kept!");
	assert_string_equal(bed->later[0]->path, "/later");
	assert_true(client_is_open(fd));
	answer_later(bed);
	assert_int_equal(get(bed, fd, data, sizeof data), 200);
	assert_non_null(strstr(data, "\r\n\r\nlate"));
	put_get(bed, fd, "/echo"); /* and the connection goes on */
	assert_int_equal(get_status(bed, fd), 200);
	close(fd);
	close(other);
}

static void test_reply_from_another_handler(void **state)
{
	struct bed *bed = *state;
	int fd[3];

	for (int i = 0; i < 3; i++) {
		fd[i] = client(bed);
		put_get(bed, fd[i], "/later");
	}
	wait_later(bed, 3);
	int other = client(bed);
	put_text(bed, other, "POST /release HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
	assert_int_equal(get_status(bed, other), 204);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(get_status(bed, fd[i]), 200);
		close(fd[i]);
	}
	close(other);
}

static void test_client_leaves(void **state)
{
	struct bed *bed = *state;

	for (int i = 0; i < HTTPD_CONNECTIONS_MAX + 10; i++) { /* no place is lost by it */
		int fd = client(bed);
		put_get(bed, fd, "/later");
		wait_later(bed, 1);
		close(fd);
		settle(bed);
		answer_later(bed);
		settle(bed);
	}
	int fd = client(bed);
	put_get(bed, fd, "/echo");
	assert_int_equal(get_status(bed, fd), 200);
	close(fd);
}

static void test_free_with_waiting(void **state)
{
	struct bed *bed = *state;
	char data[4096];
	int fd[5];

	for (int i = 0; i < 5; i++) {
		fd[i] = client(bed);
		put_get(bed, fd[i], "/later");
	}
	wait_later(bed, 5);
	close(fd[4]);
	http_reply(bed->later[0], 200, "text/plain", "just in time", 12);
	int idle = client(bed);
	put_text(bed, idle, "GET /ec");
	settle(bed);
	httpd_free(bed->httpd);
	bed->httpd = NULL;
	assert_int_equal(access(bed->path, F_OK), -1);
	assert_false(client_is_open(idle));
	int ok = 0, stopped = 0;
	for (int i = 0; i < 4; i++) {
		int status = get(bed, fd[i], data, sizeof data);
		ok += status == 200 && strstr(data, "just in time");
		stopped += status == 503;
		close(fd[i]);
	}
	/* Which of the five came first is the kernel's choice. */
	assert_true((ok == 1 && stopped == 3) || (ok == 0 && stopped == 4));
	close(idle);
}

/* ---- limits --------------------------------------------------------------------------------- */

static void test_connection_limit(void **state)
{
	struct bed *bed = *state;
	uint64_t refused = counter_get(COUNTER_HTTP_REFUSED);
	int fd[HTTPD_CONNECTIONS_MAX];
	char data[4096];

	for (int i = 0; i < HTTPD_CONNECTIONS_MAX; i++) {
		fd[i] = client(bed);
		put_get(bed, fd[i], "/later");
	}
	wait_later(bed, HTTPD_CONNECTIONS_MAX);
	for (int i = 0; i < 8; i++) {
		int over = client(bed);
		put_get(bed, over, "/echo");
		assert_int_equal(get(bed, over, data, sizeof data), 503);
		assert_non_null(strstr(data, "{\"error\":\"too many connections\"}"));
		close(over);
	}
	assert_int_equal(counter_get(COUNTER_HTTP_REFUSED) - refused, 8);
	answer_later(bed);
	for (int i = 0; i < HTTPD_CONNECTIONS_MAX; i++) {
		assert_int_equal(get_status(bed, fd[i]), 200);
		close(fd[i]);
	}
	settle(bed);
	fd[0] = client(bed);
	put_get(bed, fd[0], "/echo");
	assert_int_equal(get_status(bed, fd[0]), 200);
	close(fd[0]);
}

static void test_out_of_descriptors(void **state)
{
	struct bed *bed = *state;
	uint64_t refused = counter_get(COUNTER_HTTP_REFUSED);
	struct rlimit old, none;
	int fd = client(bed), next = dup(fd);

	put_get(bed, fd, "/echo");
	close(next);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	none = (struct rlimit) { (rlim_t)next, old.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	settle(bed);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_int_equal(counter_get(COUNTER_HTTP_REFUSED) - refused, 1); /* it does not spin */
	assert_true(client_is_open(fd));
	loop_advance(bed->loop, 1000);
	assert_int_equal(get_status(bed, fd), 200);
	close(fd);
}

static void test_slow_clients(void **state)
{
	static const char *const starts[] = { "", "GET /echo HT", "GET /echo HTTP/1.1\r\nHost:",
		"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc" };
	struct bed *bed = *state;
	int fd[4];

	for (int i = 0; i < 4; i++) {
		fd[i] = client(bed);
		put_text(bed, fd[i], starts[i]);
	}
	settle(bed);
	loop_advance(bed->loop, HTTPD_TIMEOUT_S * 1000 - 1);
	settle(bed);
	for (int i = 0; i < 4; i++)
		assert_true(client_is_open(fd[i]));
	loop_advance(bed->loop, 1);
	settle(bed);
	for (int i = 0; i < 4; i++) {
		get_status(bed, fd[i]); /* the library may say 408 first */
		assert_int_equal(get_status(bed, fd[i]), 0);
		close(fd[i]);
	}
}

/* One byte now and then does not keep a connection. */
static void test_trickle(void **state)
{
	struct bed *bed = *state;
	int fd = client(bed);

	put_text(bed, fd, "GET /");
	for (int i = 0; i < HTTPD_TIMEOUT_S + 1; i++) {
		(void)!send(fd, "a", 1, MSG_NOSIGNAL);
		settle(bed);
		loop_advance(bed->loop, 1000);
	}
	settle(bed);
	get_status(bed, fd);
	assert_int_equal(get_status(bed, fd), 0);
	close(fd);
}

static void test_idle_after_answer(void **state)
{
	struct bed *bed = *state;
	int fd = client(bed);

	loop_advance(bed->loop, HTTPD_TIMEOUT_S * 1000 - 1000);
	put_get(bed, fd, "/echo");
	assert_int_equal(get_status(bed, fd), 200);
	loop_advance(bed->loop, HTTPD_TIMEOUT_S * 1000 - 1);
	settle(bed);
	assert_true(client_is_open(fd));
	loop_advance(bed->loop, 1);
	settle(bed);
	assert_false(client_is_open(fd));
	close(fd);
}

static void test_client_does_not_read(void **state)
{
	struct bed *bed = *state;
	char data[65536];
	size_t got = 0;
	ssize_t n;
	int fd = client(bed);

	put_get(bed, fd, "/big");
	settle(bed);
	loop_advance(bed->loop, HTTPD_TIMEOUT_S * 1000);
	settle(bed);
	while ((n = recv(fd, data, sizeof data, 0)) > 0)
		got += (size_t)n;
	assert_true(n == 0 || errno == ECONNRESET); /* an end, not a wait */
	assert_in_range(got, 1, 4 * 1024 * 1024 - 1);
	close(fd);
}

/* With clients that wait, a turn of the loop lasts as long as it may. */
static void test_no_spin(void **state)
{
	struct bed *bed = *state;
	int fd[4];

	httpd_free(bed->httpd);
	loop_free(bed->loop);
	bed->loop = loop_new();
	assert_non_null(bed->loop);
	assert_int_equal(open_httpd(bed, 0660, NULL), 0);
	for (int i = 0; i < 4; i++)
		fd[i] = client(bed);
	put_text(bed, fd[0], "GET /echo HT");
	put_text(bed, fd[1], "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc");
	put_get(bed, fd[2], "/later");
	put_get(bed, fd[3], "/big");
	wait_later(bed, 1);
	close(fd[2]);
	settle(bed);
	int64_t start_us = loop_fresh_us(bed->loop);
	loop_turn(bed->loop, 60);
	assert_true(loop_fresh_us(bed->loop) - start_us >= 50000);
	answer_later(bed);
	settle(bed);
	close(fd[0]);
	close(fd[1]);
	close(fd[3]);
}

/* ---- the socket's file ---------------------------------------------------------------------- */

static void test_socket_mode(void **state)
{
	static const int masks[] = { 0, 077, 0777 };
	struct bed *bed = *state;
	const struct group *group = getgrnam("daemon");
	struct stat st;

	for (size_t i = 0; i < sizeof masks / sizeof *masks; i++) {
		mode_t old = umask((mode_t)masks[i]);
		assert_int_equal(open_httpd(bed, 0660, group ? "daemon" : NULL), 0);
		assert_int_equal(umask(old), masks[i]);
		assert_int_equal(stat(bed->path, &st), 0);
		assert_true(S_ISSOCK(st.st_mode));
		assert_int_equal(st.st_mode & 07777, 0660);
		if (group && geteuid() == 0)
			assert_int_equal(st.st_gid, group->gr_gid);
		httpd_free(bed->httpd);
		bed->httpd = NULL;
		assert_int_equal(access(bed->path, F_OK), -1);
	}
	assert_int_equal(open_httpd(bed, 0600, "no-such-group-here"), 0);
}

static void test_stale_socket(void **state)
{
	struct bed *bed = *state;
	struct sockaddr_un address = address_of(bed->path);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(listen(fd, 1), 0);
	close(fd);
	assert_int_equal(open_httpd(bed, 0660, NULL), 0);
	fd = client(bed);
	put_get(bed, fd, "/echo");
	assert_int_equal(get_status(bed, fd), 200);
	close(fd);
}

static void test_living_socket(void **state)
{
	struct bed *bed = *state;
	struct httpd *first;

	assert_int_equal(open_httpd(bed, 0660, NULL), 0);
	first = bed->httpd;
	bed->httpd = NULL;
	assert_int_equal(open_httpd(bed, 0660, NULL), -EADDRINUSE);
	assert_null(bed->httpd);
	assert_non_null(strstr(bed->why, bed->path));
	assert_non_null(strstr(bed->why, "answers"));
	bed->httpd = first;
	int fd = client(bed);
	put_get(bed, fd, "/echo");
	assert_int_equal(get_status(bed, fd), 200);
	close(fd);
}

static void test_other_files(void **state)
{
	struct bed *bed = *state;
	char target[128];
	struct stat st;
	int fd = open(bed->path, O_CREAT | O_WRONLY, 0600);

	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(open_httpd(bed, 0660, NULL), -EEXIST);
	assert_non_null(strstr(bed->why, "no socket"));
	assert_int_equal(lstat(bed->path, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	unlink(bed->path);
	snprintf(target, sizeof target, "%s/elsewhere", bed->dir);
	assert_int_equal(symlink(target, bed->path), 0);
	assert_int_equal(open_httpd(bed, 0660, NULL), -EEXIST);
	assert_int_equal(lstat(bed->path, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	unlink(bed->path);
}

static void test_bad_paths(void **state)
{
	struct bed *bed = *state;
	char path[160];

	memset(path, 'a', sizeof path);
	path[0] = '/';
	path[108] = '\0';
	assert_int_equal(open_at(bed, path, 0660, NULL), -ENAMETOOLONG);
	assert_non_null(strstr(bed->why, "107"));
	snprintf(path, sizeof path, "%s/none/control.sock", bed->dir);
	assert_int_equal(open_at(bed, path, 0660, NULL), -ENOENT);
	assert_non_null(strstr(bed->why, path));
	assert_int_equal(open_at(bed, "", 0660, NULL), -ENAMETOOLONG);
	assert_null(bed->httpd);
	httpd_free(NULL);
}

static void test_foreign_file_stays(void **state)
{
	struct bed *bed = *state;

	assert_int_equal(open_httpd(bed, 0660, NULL), 0);
	assert_int_equal(unlink(bed->path), 0);
	int fd = open(bed->path, O_CREAT | O_EXCL | O_WRONLY, 0600);
	assert_true(fd >= 0);
	close(fd);
	httpd_free(bed->httpd);
	bed->httpd = NULL;
	assert_int_equal(access(bed->path, F_OK), 0);
}

/* ---- notify --------------------------------------------------------------------------------- */

struct nbed {
	struct loop *loop;
	struct notify *notify;
	int fd;
	bool alive;
	int errors; /* lines of that level */
	char dir[64], path[96];
};

static bool is_alive(void *arg)
{
	return ((struct nbed *)arg)->alive;
}

static void count_errors(void *arg, enum log_level level, const char *line)
{
	struct nbed *bed = arg;

	(void)line;
	bed->errors += level == LOGL_ERROR;
}

static void watchdog_env(const char *usec, int pid)
{
	char text[16];

	snprintf(text, sizeof text, "%d", pid);
	setenv("WATCHDOG_USEC", usec, 1);
	setenv("WATCHDOG_PID", text, 1);
}

static int notify_setup(void **state)
{
	struct nbed *bed = calloc(1, sizeof *bed);

	assert_non_null(bed);
	snprintf(bed->dir, sizeof bed->dir, "/tmp/simgate-notify-XXXXXX");
	assert_non_null(mkdtemp(bed->dir));
	snprintf(bed->path, sizeof bed->path, "%s/notify", bed->dir);
	struct sockaddr_un address = address_of(bed->path);
	bed->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(bed->fd, (struct sockaddr *)&address, sizeof address), 0);
	setenv("NOTIFY_SOCKET", bed->path, 1);
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	bed->loop = loop_new_manual(0, INT64_C(1790000000000));
	assert_non_null(bed->loop);
	bed->alive = true;
	log_set_sink(count_errors, bed);
	*state = bed;
	return 0;
}

static int notify_teardown(void **state)
{
	struct nbed *bed = *state;

	notify_free(bed->notify);
	loop_free(bed->loop);
	close(bed->fd);
	unlink(bed->path);
	rmdir(bed->dir);
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	log_set_sink(NULL, NULL);
	free(bed);
	return 0;
}

static void expect_note(struct nbed *bed, const char *wanted)
{
	char text[512];
	ssize_t n = recv(bed->fd, text, sizeof text - 1, 0);

	if (!wanted) {
		assert_int_equal(n, -1);
		return;
	}
	assert_true(n > 0);
	text[n] = '\0';
	assert_string_equal(text, wanted);
}

static void test_notify_states(void **state)
{
	struct nbed *bed = *state;

	bed->notify = notify_new(bed->loop, is_alive, bed);
	assert_non_null(bed->notify);
	expect_note(bed, NULL);
	notify_ready(bed->notify);
	expect_note(bed, "READY=1");
	notify_reloading(bed->notify);
	expect_note(bed, "RELOADING=1");
	notify_ready(bed->notify);
	expect_note(bed, "READY=1");
	notify_stopping(bed->notify);
	expect_note(bed, "STOPPING=1");
	loop_advance(bed->loop, 3600 * 1000); /* no watchdog was asked for */
	expect_note(bed, NULL);
}

static void test_notify_watchdog(void **state)
{
	struct nbed *bed = *state;

	watchdog_env("30000000", (int)getpid());
	bed->notify = notify_new(bed->loop, is_alive, bed);
	for (int i = 0; i < 3; i++) {
		loop_advance(bed->loop, 14999);
		expect_note(bed, NULL);
		loop_advance(bed->loop, 1);
		expect_note(bed, "WATCHDOG=1");
	}
	bed->alive = false;
	loop_advance(bed->loop, 60000);
	expect_note(bed, NULL);
	assert_true(bed->errors > 0);
	bed->alive = true;
	loop_advance(bed->loop, 15000);
	expect_note(bed, "WATCHDOG=1");
}

static void test_notify_watchdog_of_another(void **state)
{
	struct nbed *bed = *state;

	watchdog_env("30000000", (int)getpid() + 1);
	bed->notify = notify_new(bed->loop, is_alive, bed);
	loop_advance(bed->loop, 120000);
	expect_note(bed, NULL);
}

static void test_notify_status(void **state)
{
	struct nbed *bed = *state;

	bed->notify = notify_new(bed->loop, is_alive, bed);
	notify_status(bed->notify, "1/64 ports ready");
	expect_note(bed, "STATUS=1/64 ports ready");
	notify_status(bed->notify, "2/64 ports ready");
	notify_status(bed->notify, "3/64 ports ready\nREADY=1");
	loop_advance(bed->loop, 9999);
	expect_note(bed, NULL);
	loop_advance(bed->loop, 1);
	expect_note(bed, "STATUS=3/64 ports ready?READY=1");
	expect_note(bed, NULL);
	loop_advance(bed->loop, 60000);
	notify_status(bed->notify, "3/64 ports ready\nREADY=1"); /* as the last one was */
	loop_advance(bed->loop, 60000);
	expect_note(bed, NULL);
	notify_status(bed->notify, "64/64 ports ready");
	expect_note(bed, "STATUS=64/64 ports ready");
	notify_status(bed->notify, "63/64 ports ready");
	notify_status(bed->notify, "64/64 ports ready"); /* there and back: nothing to say */
	loop_advance(bed->loop, 60000);
	expect_note(bed, NULL);
}

static void test_notify_without_systemd(void **state)
{
	struct nbed *bed = *state;

	unsetenv("NOTIFY_SOCKET");
	bed->notify = notify_new(bed->loop, NULL, NULL);
	assert_non_null(bed->notify);
	notify_ready(bed->notify);
	notify_status(bed->notify, "x");
	notify_stopping(bed->notify);
	loop_advance(bed->loop, 60000);
	expect_note(bed, NULL);
	notify_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_requests, setup, teardown),
		cmocka_unit_test_setup_teardown(test_answer_head, setup, teardown),
		cmocka_unit_test_setup_teardown(test_keep_alive, setup, teardown),
		cmocka_unit_test_setup_teardown(test_request_in_pieces, setup, teardown),
		cmocka_unit_test_setup_teardown(test_body_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_junk, setup, teardown),
		cmocka_unit_test_setup_teardown(test_later, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reply_from_another_handler, setup, teardown),
		cmocka_unit_test_setup_teardown(test_client_leaves, setup, teardown),
		cmocka_unit_test_setup_teardown(test_free_with_waiting, setup, teardown),
		cmocka_unit_test_setup_teardown(test_connection_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_out_of_descriptors, setup, teardown),
		cmocka_unit_test_setup_teardown(test_slow_clients, setup, teardown),
		cmocka_unit_test_setup_teardown(test_trickle, setup, teardown),
		cmocka_unit_test_setup_teardown(test_idle_after_answer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_client_does_not_read, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_spin, setup, teardown),
		cmocka_unit_test_setup_teardown(test_socket_mode, setup_dir, teardown),
		cmocka_unit_test_setup_teardown(test_stale_socket, setup_dir, teardown),
		cmocka_unit_test_setup_teardown(test_living_socket, setup_dir, teardown),
		cmocka_unit_test_setup_teardown(test_other_files, setup_dir, teardown),
		cmocka_unit_test_setup_teardown(test_bad_paths, setup_dir, teardown),
		cmocka_unit_test_setup_teardown(test_foreign_file_stays, setup_dir, teardown),
		cmocka_unit_test_setup_teardown(test_notify_states, notify_setup, notify_teardown),
		cmocka_unit_test_setup_teardown(
			test_notify_watchdog, notify_setup, notify_teardown),
		cmocka_unit_test_setup_teardown(
			test_notify_watchdog_of_another, notify_setup, notify_teardown),
		cmocka_unit_test_setup_teardown(test_notify_status, notify_setup, notify_teardown),
		cmocka_unit_test_setup_teardown(
			test_notify_without_systemd, notify_setup, notify_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
