/* test_httpd_tcp.c - the HTTP server on real sockets of the loopback: who may, limits, keys, TLS,
 * gzip. The clock is the test's, so that a slow client takes no time. */
#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <zlib.h>

#include "base/counter.h"
#include "base/tally.h"
#include "host/httpd.h"
#include "host/httpd_guard.h"
#include "http_client.h"
#include "log_fixture.h"
#include "loop_fixture.h"

#define ADDRESS "127.0.0.1:0"
#define KEY     "dash:board key"
#define RIGHT   "Authorization: Basic b3A6ZGFzaDpib2FyZCBrZXk=\r\n" /* op:dash:board key */
#define WRONG   "Authorization: Basic b3A6ZGFzaGJvYXJk\r\n"

enum { LATER_MAX = 4 };

struct bed {
	struct loop *loop;
	struct httpd *httpd;
	struct http_request *later[LATER_MAX];
	int later_count;
	enum http_peer peer; /* of the last request that a handler saw */
	char dir[64], why[256], log[4096];
};

/* ---- handlers ------------------------------------------------------------------------------- */

static void handle_echo(void *arg, struct http_request *request)
{
	struct bed *bed = arg;
	const char *x = http_header(request, "x-test");
	char text[400];
	int len = snprintf(text, sizeof text, "%s path=%.60s rest=%.60s x=%.60s len=%zu body=%.64s",
		request->method, request->path, request->rest, x ? x : "(none)", request->body_len,
		request->body);

	bed->peer = request->peer;
	assert_int_equal(request->body[request->body_len], 0);
	http_reply(request, 200, "text/plain", text, (size_t)len);
}

static void handle_keyed(void *arg, struct http_request *request)
{
	const char *key = http_bearer(http_header(request, "Authorization"));

	(void)arg;
	if (key && http_key_equal(key, "right")) {
		http_reply(request, 200, "text/plain", "welcome", 7);
		return;
	}
	http_wrong_key(request);
	http_reply(request, 401, "application/json", "{\"status\":\"ERROR\"}", 18);
}

static void handle_later(void *arg, struct http_request *request)
{
	struct bed *bed = arg;

	assert_true(bed->later_count < LATER_MAX);
	bed->later[bed->later_count++] = request;
}

/* As many bytes as asked for, no two hundred of them alike. */
static void handle_bytes(void *arg, struct http_request *request)
{
	size_t len = strtoul(http_query(request, "n"), NULL, 10);
	char *body = malloc(len + 16);

	(void)arg;
	assert_non_null(body);
	for (size_t i = 0; i < len; i += 8)
		snprintf(body + i, 9, "%08u", (unsigned)(i % 100000000));
	http_set_header(request, "Cache-Control", "max-age=60");
	http_set_header(request, "ETag", "\"v1\"");
	for (int i = 0; i < 20; i++)
		http_set_header(request, "X-Many", "m");
	http_reply(request, 200, "text/plain", body, len);
	free(body);
}

static struct http_route routes[] = {
	{ "GET", "/control", handle_echo, NULL, HTTP_CONTROL },
	{ "POST", "/control", handle_echo, NULL, HTTP_CONTROL },
	{ "GET", "/operator", handle_echo, NULL, HTTP_OPERATOR },
	{ "POST", "/operator", handle_echo, NULL, HTTP_OPERATOR },
	{ "GET", "/open", handle_echo, NULL, HTTP_OPEN },
	{ "GET", "/open/*", handle_echo, NULL, HTTP_OPEN },
	{ NULL, NULL, NULL, NULL, HTTP_CONTROL },
};
static struct http_route more_routes[] = {
	{ "GET", "/own", handle_keyed, NULL, HTTP_OWN },
	{ "POST", "/own", handle_keyed, NULL, HTTP_OWN },
	{ "POST", "/body", handle_echo, NULL, HTTP_OWN },
	{ "GET", "/later", handle_later, NULL, HTTP_OPEN },
	{ "GET", "/bytes", handle_bytes, NULL, HTTP_OPEN },
	{ NULL, NULL, NULL, NULL, HTTP_CONTROL },
};
static const struct http_route *const tables[] = { routes, more_routes, NULL };

/* ---- the bed -------------------------------------------------------------------------------- */

static int setup_closed(void **state)
{
	struct bed *bed = calloc(1, sizeof *bed);

	assert_non_null(bed);
	snprintf(bed->dir, sizeof bed->dir, "/tmp/simgate-http-XXXXXX");
	assert_non_null(mkdtemp(bed->dir));
	bed->loop = loop_new_manual(1000, INT64_C(1790000000000));
	assert_non_null(bed->loop);
	for (size_t t = 0; t < 2; t++)
		for (struct http_route *row = t ? more_routes : routes; row->method; row++)
			row->arg = bed;
	log_keep();
	bed->httpd = httpd_new(bed->loop, tables);
	assert_non_null(bed->httpd);
	*state = bed;
	return 0;
}

static int setup(void **state)
{
	setup_closed(state);
	struct bed *bed = *state;
	assert_int_equal(httpd_listen(bed->httpd, ADDRESS, NULL, bed->why, sizeof bed->why), 0);
	assert_true(httpd_port(bed->httpd, ADDRESS) > 0);
	return 0;
}

static int teardown(void **state)
{
	struct bed *bed = *state;
	char command[128];

	httpd_free(bed->httpd);
	loop_free(bed->loop);
	log_set_sink(NULL, NULL);
	assert_null(strstr(log_text, "dash"));
	snprintf(command, sizeof command, "rm -r %s", bed->dir);
	assert_int_equal(system(command), 0);
	free(bed);
	return 0;
}

/* From 127.0.0.<from> to the port of the listener. */
static int client_from(struct bed *bed, int from)
{
	return client_connect(bed->loop, httpd_port(bed->httpd, ADDRESS), from);
}

/* A whole request on a connection of its own; headers end in CRLF each. Returns the status. */
static int ask_from(
	struct bed *bed, int from, const char *line, const char *headers, char *data, size_t size)
{
	char text[2048];
	int fd = client_from(bed, from);
	int len = snprintf(text, sizeof text, "%s HTTP/1.1\r\n%s\r\n", line, headers);
	bool head = strncmp(line, "HEAD ", 5) == 0;

	client_put(bed->loop, fd, text, (size_t)len);
	int status = (head ? client_get_head : client_get)(bed->loop, fd, data, size);
	close(fd);
	client_settle(bed->loop);
	return status;
}

static int ask(struct bed *bed, const char *line, const char *headers, char *data, size_t size)
{
	return ask_from(bed, 1, line, headers, data, size);
}

static int status_of(struct bed *bed, const char *line, const char *headers)
{
	char data[8192];

	return ask(bed, line, headers, data, sizeof data);
}

#define HOST "Host: localhost\r\n"

/* ---- who may -------------------------------------------------------------------------------- */

static void test_who(void **state)
{
	static const struct {
		bool key; /* one is set */
		const char *line, *headers;
		int status;
		const char *wanted;
	} cases[] = {
		{ false, "GET /open", "Host: evil.example\r\n", 200, "GET path=/open " },
		{ false, "GET /open/a%20b", HOST, 200, "rest=a b " },
		{ false, "GET /operator", HOST, 200, "GET path=/operator " },
		{ false, "GET /operator", "Host: 127.0.0.1:8470\r\n", 200, "x=(none)" },
		{ false, "GET /operator", "Host: [::1]:8470\r\nX-Test: v w\r\n", 200, "x=v w " },
		{ false, "GET /operator", "Host: evil.example\r\n", 403, "Host must be" },
		{ false, "GET /operator", "Host: localhost.evil.example\r\n", 403, "Host must be" },
		{ false, "GET /operator", HOST "X-Forwarded-For: 192.0.2.1\r\n", 403,
			"this host's own" },
		{ false, "GET /operator", HOST "Forwarded: for=192.0.2.1\r\n", 403, "own" },
		{ false, "GET /operator", HOST "X-Real-IP: 127.0.0.1\r\n", 403, "own" },
		{ false, "GET /operator", HOST RIGHT, 200, "path=/operator" },
		{ false, "GET /control", HOST, 404, "{\"error\":\"no such path\"}" },
		{ false, "POST /control", HOST "Content-Length: 0\r\n", 404, "no such path" },
		{ false, "POST /operator", HOST "Content-Length: 0\r\n", 405,
			"Allow: GET, HEAD\r\n" },
		{ false, "DELETE /open", HOST, 405, "Allow: GET, HEAD\r\n" },
		{ false, "OPTIONS /operator", HOST "Origin: http://evil.example\r\n", 405,
			"method not allowed" },
		{ false, "TRACE /own", HOST, 405, "Allow: GET, HEAD, POST\r\n" },
		{ false, "GET /", HOST, 404, "no such path" },
		{ false, "GET /open/../operator", "Host: evil.example\r\n", 200,
			"rest=../operator" },
		{ true, "GET /operator", HOST, 401, "WWW-Authenticate: Basic realm=\"simgate\"" },
		{ true, "GET /operator", HOST RIGHT, 200, "path=/operator" },
		{ true, "GET /operator", "Host: bank1.lan\r\n" RIGHT, 200, "path=/operator" },
		{ true, "GET /operator", HOST "X-Forwarded-For: 192.0.2.1\r\n" RIGHT, 200,
			"path=/operator" },
		{ true, "GET /operator", HOST WRONG, 401, "the dashboard's key is needed" },
		{ true, "GET /operator", HOST "Authorization: Bearer dash:board key\r\n", 401,
			"needed" },
		{ true, "GET /operator", HOST "Authorization: Basic !\r\n", 401, "needed" },
		{ true, "GET /open", "Host: evil.example\r\n", 200, "path=/open" },
		{ true, "GET /own", HOST "Authorization: Bearer right\r\n", 200, "welcome" },
		{ true, "POST /own", HOST "Authorization: Bearer right\r\nContent-Length: 0\r\n",
			200, "welcome" },
	};
	struct bed *bed = *state;
	char data[4096];

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		assert_int_equal(httpd_set_key(bed->httpd, cases[i].key ? KEY : NULL), 0);
		int status = ask(bed, cases[i].line, cases[i].headers, data, sizeof data);
		if (status != cases[i].status || !strstr(data, cases[i].wanted))
			fail_msg("%s\n%s: %d, not %d with '%s':\n%s", cases[i].line,
				cases[i].headers, status, cases[i].status, cases[i].wanted, data);
		assert_null(strstr(data, "Access-Control"));
	}
}

static void test_peers(void **state)
{
	struct bed *bed = *state;

	assert_int_equal(status_of(bed, "GET /open", HOST), 200);
	assert_int_equal(bed->peer, HTTP_PEER_LOCAL);
	assert_int_equal(status_of(bed, "GET /open", HOST "Via: 1.1 proxy\r\n"), 200);
	assert_int_equal(bed->peer, HTTP_PEER_REMOTE);
}

/* An address of this host that is not the loopback's is a remote peer's. */
static void test_remote(void **state)
{
	struct bed *bed = *state;
	struct ifaddrs *list = NULL, *at;
	struct sockaddr_in server = { .sin_family = AF_INET };
	char data[4096], text[] = "GET /operator HTTP/1.1\r\nHost: localhost\r\n\r\n";

	assert_int_equal(getifaddrs(&list), 0);
	for (at = list; at; at = at->ifa_next)
		if (at->ifa_addr && at->ifa_addr->sa_family == AF_INET &&
			ntohl(((struct sockaddr_in *)at->ifa_addr)->sin_addr.s_addr) >> 24 != 127)
			server.sin_addr = ((struct sockaddr_in *)at->ifa_addr)->sin_addr;
	freeifaddrs(list);
	if (server.sin_addr.s_addr == 0)
		skip();
	assert_int_equal(httpd_listen(bed->httpd, "0.0.0.0:0", NULL, bed->why, sizeof bed->why), 0);
	server.sin_port = htons((uint16_t)httpd_port(bed->httpd, "0.0.0.0:0"));
	for (int key = 0; key < 2; key++) {
		httpd_set_key(bed->httpd, key ? KEY : NULL);
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		assert_true(connect(fd, (struct sockaddr *)&server, sizeof server) == 0 ||
			    errno == EINPROGRESS);
		loop_turn(bed->loop, 1);
		client_put(bed->loop, fd, text, sizeof text - 1);
		assert_int_equal(client_get(bed->loop, fd, data, sizeof data), key ? 401 : 403);
		close(fd);
	}
}

static void test_head(void **state)
{
	struct bed *bed = *state;
	char data[4096];

	assert_int_equal(ask(bed, "HEAD /open", HOST, data, sizeof data), 200);
	assert_non_null(strstr(data, "Content-Length: "));
	assert_null(strstr(data, "path="));
	assert_int_equal(ask(bed, "HEAD /nothing", HOST, data, sizeof data), 404);
	assert_null(strstr(data, "error"));
	assert_int_equal(ask(bed, "HEAD /body", HOST, data, sizeof data), 405);
}

static void test_count(void **state)
{
	struct bed *bed = *state;
	size_t count, found = 0;

	status_of(bed, "GET /open/secret-path", HOST);
	status_of(bed, "GET /secret-path", HOST);
	const struct tally_row *rows = tally_rows(TALLY_HTTP_REQUESTS, &count);
	for (size_t i = 0; i < count; i++) {
		assert_null(strstr(rows[i].labels[0], "secret-path"));
		found += strcmp(rows[i].labels[0], "/open/*") == 0 &&
			 strcmp(rows[i].labels[1], "200") == 0;
		found += strcmp(rows[i].labels[0], "other") == 0 &&
			 strcmp(rows[i].labels[1], "404") == 0;
	}
	assert_int_equal(found, 2);
}

/* ---- wrong keys ----------------------------------------------------------------------------- */

static void test_slow_down(void **state)
{
	struct bed *bed = *state;
	uint64_t wrong = counter_get(COUNTER_HTTP_WRONG_KEYS);
	uint64_t slowed = counter_get(COUNTER_HTTP_SLOWED);
	char data[4096];

	httpd_set_key(bed->httpd, KEY);
	for (int i = 0; i < GUARD_TRIES; i++)
		assert_int_equal(status_of(bed, "GET /operator", HOST WRONG), 401);
	/* Now right ones are not looked at either, at any route with a key. */
	assert_int_equal(ask(bed, "GET /operator", HOST RIGHT, data, sizeof data), 429);
	assert_non_null(strstr(data, "Retry-After: 5\r\n"));
	assert_int_equal(status_of(bed, "GET /own", HOST "Authorization: Bearer right\r\n"), 429);
	assert_int_equal(status_of(bed, "GET /operator", HOST), 401); /* has none: no guess */
	assert_int_equal(status_of(bed, "GET /open", HOST), 200);
	assert_int_equal(ask_from(bed, 2, "GET /operator", HOST RIGHT, data, sizeof data), 200);
	assert_int_equal(counter_get(COUNTER_HTTP_WRONG_KEYS) - wrong, GUARD_TRIES);
	assert_int_equal(counter_get(COUNTER_HTTP_SLOWED) - slowed, 2);
	loop_advance(bed->loop, GUARD_TRY_MS);
	assert_int_equal(status_of(bed, "GET /operator", HOST RIGHT), 200); /* costs nothing */
	assert_int_equal(status_of(bed, "GET /operator", HOST WRONG), 401);
	assert_int_equal(status_of(bed, "GET /operator", HOST WRONG), 429);
	loop_advance(bed->loop, GUARD_TRIES * GUARD_TRY_MS);
	for (int i = 0; i < GUARD_TRIES; i++)
		assert_int_equal(status_of(bed, "GET /operator", HOST WRONG), 401);
	assert_int_equal(status_of(bed, "GET /operator", HOST WRONG), 429);
	assert_non_null(strstr(log_text, "wrong key"));
	assert_non_null(strstr(log_text, "peer=127.0.0.1"));
}

static void test_slow_down_of_a_handler(void **state)
{
	struct bed *bed = *state;

	for (int i = 0; i < GUARD_TRIES; i++)
		assert_int_equal(
			status_of(bed, "GET /own", HOST "Authorization: Bearer guess\r\n"), 401);
	assert_int_equal(status_of(bed, "GET /own", HOST "Authorization: Bearer right\r\n"), 429);
	assert_int_equal(status_of(bed, "GET /operator", HOST), 200); /* no key, by place */
}

static struct guard_peer peer_of_number(unsigned n)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(n) };

	return guard_peer_of((struct sockaddr *)&address);
}

static void test_guard_table(void **state)
{
	struct bed *bed = *state;
	struct guard *guard = guard_new(bed->loop);
	struct guard_peer in = peer_of_number(1), bad = peer_of_number(2), other;

	assert_non_null(guard);
	guard_enter(guard, &in);
	for (int i = 0; i < 2 * GUARD_TRIES; i++)
		guard_wrong_key(guard, &bad);
	assert_int_equal(guard_wait_s(guard, &bad), GUARD_TRY_MS / 1000 * (GUARD_TRIES + 1));
	/* Thousands with one wrong key each push one another out, not those who matter more. */
	for (unsigned n = 3; n < 5000; n++) {
		other = peer_of_number(n);
		guard_wrong_key(guard, &other);
	}
	assert_true(guard_wait_s(guard, &bad) > 0);
	for (int i = 1; i < GUARD_ADDRESS_MAX; i++) {
		assert_true(guard_has_room(guard, &in));
		guard_enter(guard, &in);
	}
	assert_false(guard_has_room(guard, &in));
	guard_leave(guard, &in);
	assert_true(guard_has_room(guard, &in));
	guard_leave(guard, &other); /* was never in */
	loop_advance(bed->loop, INT64_C(10) * GUARD_TRIES * GUARD_TRY_MS);
	assert_int_equal(guard_wait_s(guard, &bad), 0);
	guard_free(guard);
}

static void test_guard_peers(void **state)
{
	static const struct {
		uint8_t a[16], b[16];
		bool same;
	} cases[] = {
		{ { 0x20, 1, 0xd, 0xb8, [15] = 1 }, { 0x20, 1, 0xd, 0xb8, [8] = 9, [15] = 2 },
			true },
		{ { 0x20, 1, 0xd, 0xb8, [7] = 1 }, { 0x20, 1, 0xd, 0xb8, [7] = 2 }, false },
		{ { [15] = 1 }, { [15] = 2 }, false }, /* the loopback is alone */
	};
	struct sockaddr unix_peer = { .sa_family = AF_UNIX };
	struct guard_peer a = guard_peer_of(&unix_peer), b = peer_of_number(0);

	(void)state;
	assert_memory_not_equal(&a, &b, sizeof a);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct sockaddr_in6 address = { .sin6_family = AF_INET6 };
		memcpy(&address.sin6_addr, cases[i].a, 16);
		a = guard_peer_of((struct sockaddr *)&address);
		memcpy(&address.sin6_addr, cases[i].b, 16);
		b = guard_peer_of((struct sockaddr *)&address);
		assert_int_equal(memcmp(&a, &b, sizeof a) == 0, cases[i].same);
	}
}

/* ---- limits --------------------------------------------------------------------------------- */

static void test_connections(void **state)
{
	enum { ADDRESSES = GUARD_CONNECTIONS_MAX / GUARD_ADDRESS_MAX };
	struct bed *bed = *state;
	uint64_t refused = counter_get(COUNTER_HTTP_REFUSED);
	int fd[ADDRESSES][GUARD_ADDRESS_MAX];
	char data[4096];

	for (int a = 0; a < ADDRESSES; a++) {
		for (int i = 0; i < GUARD_ADDRESS_MAX; i++) {
			fd[a][i] = client_from(bed, a + 1);
			client_put(bed->loop, fd[a][i], "GET /op", 7);
		}
		client_settle(bed->loop);
		assert_int_equal(counter_get(COUNTER_HTTP_REFUSED), refused);
		if (a == ADDRESSES - 1)
			break;
		int over = client_from(bed, a + 1);
		assert_int_equal(client_get(bed->loop, over, data, sizeof data), 503);
		assert_non_null(strstr(data, "too many connections"));
		close(over);
		assert_int_equal(counter_get(COUNTER_HTTP_REFUSED), ++refused);
	}
	int over = client_from(bed, ADDRESSES + 1); /* a new address, but all are taken */
	assert_int_equal(client_get(bed->loop, over, data, sizeof data), 503);
	close(over);
	assert_int_equal(counter_get(COUNTER_HTTP_REFUSED), ++refused);
	close(fd[0][0]);
	client_settle(bed->loop);
	assert_int_equal(ask_from(bed, ADDRESSES + 1, "GET /open", HOST, data, sizeof data), 200);
	for (int a = 0; a < ADDRESSES; a++)
		for (int i = a == 0; i < GUARD_ADDRESS_MAX; i++)
			close(fd[a][i]);
}

/* A flood there does not shut the operator out. */
static void test_control_beside(void **state)
{
	struct bed *bed = *state;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd[GUARD_ADDRESS_MAX], control;
	char data[4096];
	static const char post[] = "POST /control HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: y\r\n"
				   "Content-Length: 2\r\n\r\nhi";

	snprintf(address.sun_path, sizeof address.sun_path, "%s/ctl", bed->dir);
	assert_int_equal(httpd_listen_control(bed->httpd, address.sun_path, 0660, NULL, bed->why,
				 sizeof bed->why),
		0);
	httpd_set_key(bed->httpd, KEY);
	for (int i = 0; i < GUARD_ADDRESS_MAX; i++)
		fd[i] = client_from(bed, 1);
	control = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(control, (struct sockaddr *)&address, sizeof address), 0);
	client_put(bed->loop, control, post, sizeof post - 1);
	assert_int_equal(client_get(bed->loop, control, data, sizeof data), 200);
	assert_non_null(strstr(data, "POST path=/control rest= x=(none) len=2 body=hi"));
	assert_int_equal(bed->peer, HTTP_PEER_CONTROL);
	close(control);
	for (int i = 0; i < GUARD_ADDRESS_MAX; i++)
		close(fd[i]);
}

/* ---- what became of a reply ----------------------------------------------------------------- */

static void note_sent(void *arg, bool written)
{
	int *told = arg;

	*told = *told * 10 + (written ? 1 : 2);
}

/* Waits until the request is there, and asks to be told. */
static struct http_request *ask_later(struct bed *bed, int fd, int *told)
{
	static const char get[] = "GET /later HTTP/1.1\r\nHost: x\r\n\r\n";
	int want = bed->later_count + 1;

	client_put(bed->loop, fd, get, sizeof get - 1);
	WAIT_FOR(bed->loop, bed->later_count == want);
	http_tell(bed->later[want - 1], note_sent, told);
	return bed->later[want - 1];
}

static void test_told_of_replies(void **state)
{
	struct bed *bed = *state;
	struct http_request *request;
	char data[4096];
	int told = 0, fd = client_from(bed, 1);

	request = ask_later(bed, fd, &told);
	http_reply(request, 200, "text/plain", "x", 1);
	assert_int_equal(told, 0);
	assert_int_equal(client_get(bed->loop, fd, data, sizeof data), 200);
	client_settle(bed->loop);
	assert_int_equal(told, 1);

	request = ask_later(bed, fd, &told); /* its client waits no longer */
	close(fd);
	client_settle(bed->loop);
	http_reply(request, 200, "text/plain", "x", 1);
	client_settle(bed->loop);
	assert_int_equal(told, 12);

	fd = client_from(bed, 1); /* the server ends before it was answered */
	ask_later(bed, fd, &told);
	httpd_free(bed->httpd);
	bed->httpd = NULL;
	assert_int_equal(told / 10, 12);
	close(fd);
}

static void test_slow_senders(void **state)
{
	static const char *const starts[] = { "", "GET /open HT", "GET /open HTTP/1.1\r\nHost:",
		"POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc",
		"POST /body HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab" };
	struct bed *bed = *state;
	uint64_t cut = counter_get(COUNTER_HTTP_TIMEOUTS);
	int fd[COUNT_OF(starts)];
	char data[4096];

	for (size_t i = 0; i < COUNT_OF(starts); i++) {
		fd[i] = client_from(bed, 1);
		client_put(bed->loop, fd[i], starts[i], strlen(starts[i]));
	}
	client_settle(bed->loop);
	for (int s = 0; s < HTTPD_TIMEOUT_S - 1; s++) { /* a byte now and then helps none of them */
		loop_advance(bed->loop, 1000);
		if (s % 10 == 5)
			client_put(bed->loop, fd[2], "h", 1);
		assert_int_equal(status_of(bed, "GET /open", HOST), 200);
	}
	for (size_t i = 0; i < COUNT_OF(starts); i++)
		assert_true(client_is_open(fd[i]));
	loop_advance(bed->loop, 1000);
	client_settle(bed->loop);
	for (size_t i = 0; i < COUNT_OF(starts); i++) {
		client_get(bed->loop, fd[i], data, sizeof data); /* the library may say 408 first */
		assert_int_equal(client_get(bed->loop, fd[i], data, sizeof data), 0);
		close(fd[i]);
	}
	assert_int_equal(counter_get(COUNTER_HTTP_TIMEOUTS) - cut, COUNT_OF(starts));
}

static void test_slow_reader(void **state)
{
	static const char get[] = "GET /bytes?n=9000000 HTTP/1.1\r\nHost: x\r\n\r\n";
	struct bed *bed = *state;
	int fd = client_from(bed, 1);
	char data[65536];
	size_t got = 0;
	ssize_t n;

	client_put(bed->loop, fd, get, sizeof get - 1);
	client_settle(bed->loop);
	assert_int_equal(status_of(bed, "GET /open", HOST), 200); /* the others do not wait */
	loop_advance(bed->loop, HTTPD_TIMEOUT_S * 1000);
	client_settle(bed->loop);
	while ((n = recv(fd, data, sizeof data, 0)) > 0)
		got += (size_t)n;
	assert_true(n == 0 || errno == ECONNRESET);
	assert_in_range(got, 1, 8999999);
	close(fd);
}

static void test_heads(void **state)
{
	static const struct {
		size_t header, path;
		int least, most;
	} cases[] = { { 8000, 10, 200, 200 }, { 10, 4000, 200, 200 }, { 40000, 10, 400, 499 },
		{ 1000000, 10, 400, 499 }, { 10, 40000, 400, 499 } };
	struct bed *bed = *state;
	char *text = malloc(1100000), data[8192];

	assert_non_null(text);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		int fd = client_from(bed, 1);
		size_t len = (size_t)sprintf(text, "GET /open/");
		memset(text + len, 'p', cases[i].path);
		len += cases[i].path;
		len += (size_t)sprintf(text + len, " HTTP/1.1\r\nHost: x\r\nX-Pad: ");
		memset(text + len, 'h', cases[i].header);
		len += cases[i].header;
		len += (size_t)sprintf(text + len, "\r\n\r\n");
		client_put(bed->loop, fd, text, len);
		int status = client_get(bed->loop, fd, data, sizeof data);
		if (status != 0) /* the end may have overtaken the answer */
			assert_in_range(status, cases[i].least, cases[i].most);
		else
			assert_true(cases[i].least >= 400);
		close(fd);
	}
	free(text);
	assert_int_equal(status_of(bed, "GET /open", HOST), 200);
}

static void test_malformed(void **state)
{
	static const char *const junk[] = { "\r\n\r\n\r\n\r\n", "GET\r\n\r\n", "GET /open\r\n\r\n",
		"\x16\x03\x01\x02\x01\x01\xfc\x03\x03", "GET /open HTTP/1.1\r\n\r\n",
		"GET /open HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n",
		"GET /open HTTP/9.9\r\nHost: a\r\n\r\n",
		"POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
		"POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n",
		"POST /body HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
		("POST /body HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
		 "ffffffffffffffff\r\n"),
		"GET \x80\xff\xfe HTTP/1.1\r\nHost: a\r\n\r\n",
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" };
	struct bed *bed = *state;

	for (size_t i = 0; i < COUNT_OF(junk); i++) {
		char data[4096];
		int fd = client_from(bed, 1);
		client_put(bed->loop, fd, junk[i], strlen(junk[i]));
		client_settle(bed->loop);
		ssize_t n = recv(fd, data, sizeof data - 1, 0);
		data[n > 0 ? n : 0] = '\0';
		if (n > 0 && strncmp(data, "HTTP/1.1 4", 10) != 0 &&
			strncmp(data, "HTTP/1.1 505", 12) != 0)
			fail_msg("case %zu: %s", i, data);
		close(fd);
	}
	assert_int_equal(status_of(bed, "GET /open", HOST), 200);
}

/* ---- gzip ----------------------------------------------------------------------------------- */

static size_t zip(const char *text, size_t len, char *out, size_t size)
{
	z_stream stream = { .next_in = (Bytef *)(uintptr_t)text,
		.avail_in = (uInt)len,
		.next_out = (Bytef *)out,
		.avail_out = (uInt)size };

	assert_int_equal(
		deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
	deflateEnd(&stream);
	return stream.total_out;
}

static int post_encoded(struct bed *bed, const char *encoding, const char *body, size_t len,
	char *data, size_t size)
{
	char text[256];
	int fd = client_from(bed, 1);

	snprintf(text, sizeof text,
		"POST /body HTTP/1.1\r\nHost: x\r\nContent-Encoding: %s\r\nContent-Length: "
		"%zu\r\n\r\n",
		encoding, len);
	client_put(bed->loop, fd, text, strlen(text));
	client_put(bed->loop, fd, body, len);
	int status = client_get(bed->loop, fd, data, size);
	close(fd);
	client_settle(bed->loop);
	return status;
}

static void test_gzip_in(void **state)
{
	enum { BOMB = 40 * 1024 * 1024 };
	static const struct {
		const char *encoding;
		size_t plain;
		int cut, more; /* bytes at the end */
		int status;
		const char *wanted;
	} cases[] = {
		{ "gzip", 5, 0, 0, 200, "len=5 body=aaaaa" },
		{ "GZip", 5, 0, 0, 200, "len=5 " },
		{ "x-gzip", 0, 0, 0, 200, "len=0 body=" },
		{ "gzip", HTTPD_BODY_MAX, 0, 0, 200, "len=65536 " },
		{ "gzip", HTTPD_BODY_MAX + 1, 0, 0, 413, "body too long" },
		{ "gzip", BOMB, 0, 0, 413, "body too long" },
		{ "gzip", 5, 1, 0, 400, "the body is no gzip" },
		{ "gzip", 5, 9, 0, 400, "no gzip" },
		{ "gzip", 5, 0, 3, 400, "no gzip" },
		{ "gzip", HTTPD_BODY_MAX, 4, 0, 400, "no gzip" },
		{ "deflate", 5, 0, 0, 415, "Accept-Encoding: gzip\r\n" },
		{ "br", 5, 0, 0, 415, "other than gzip" },
		{ "gzip, gzip", 5, 0, 0, 415, "other than gzip" },
	};
	struct bed *bed = *state;
	char *plain = malloc(BOMB), *zipped = calloc(1, HTTPD_BODY_MAX), data[4096];

	assert_true(plain && zipped);
	memset(plain, 'a', BOMB);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		size_t len = zip(plain, cases[i].plain, zipped, HTTPD_BODY_MAX);
		len = len - (size_t)cases[i].cut + (size_t)cases[i].more;
		int status = post_encoded(bed, cases[i].encoding, zipped, len, data, sizeof data);
		if (status != cases[i].status || !strstr(data, cases[i].wanted))
			fail_msg("case %zu: %d %s", i, status, data);
		memset(zipped, 0, HTTPD_BODY_MAX);
	}
	assert_int_equal(post_encoded(bed, "identity", "plain", 5, data, sizeof data), 200);
	assert_non_null(strstr(data, "body=plain"));
	assert_int_equal(post_encoded(bed, "gzip", "", 0, data, sizeof data), 200);
	free(plain);
	free(zipped);
}

static void test_gzip_out(void **state)
{
	static const struct {
		const char *line, *headers;
		bool zipped;
	} cases[] = {
		{ "GET /bytes?n=20000", HOST "Accept-Encoding: gzip\r\n", true },
		{ "GET /bytes?n=20000", HOST "Accept-Encoding: br, gzip;q=0.5\r\n", true },
		{ "GET /bytes?n=20000", HOST "Accept-Encoding: gzip;q=0\r\n", false },
		{ "GET /bytes?n=20000", HOST, false },
		{ "GET /bytes?n=20000&n=1000", HOST "Accept-Encoding: gzip\r\n",
			false }, /* the last */
	};
	struct bed *bed = *state;
	char *data = malloc(65536), *plain = malloc(65536);

	assert_true(data && plain);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		assert_int_equal(ask(bed, cases[i].line, cases[i].headers, data, 65536), 200);
		bool zipped = strstr(data, "Content-Encoding: gzip\r\n");
		assert_int_equal(zipped, cases[i].zipped);
		assert_int_equal(
			!strstr(data, "Vary: Accept-Encoding\r\n"), i + 1 == COUNT_OF(cases));
		/* The handler's own headers, in place of ours; at most 8. */
		assert_non_null(strstr(data, "Cache-Control: max-age=60\r\n"));
		assert_null(strstr(data, "no-store"));
		assert_non_null(strstr(data, "ETag: \"v1\"\r\n"));
		if (!zipped)
			continue;
		size_t len = strtoul(strstr(data, "Content-Length: ") + 16, NULL, 10);
		z_stream stream = { .next_in = (Bytef *)strstr(data, "\r\n\r\n") + 4,
			.avail_in = (uInt)len,
			.next_out = (Bytef *)plain,
			.avail_out = 65536 };
		assert_int_equal(inflateInit2(&stream, 15 + 16), Z_OK);
		assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
		inflateEnd(&stream);
		assert_int_equal(stream.total_out, 20000);
		assert_memory_equal(plain + 19992, "00019992", 8);
	}
	free(data);
	free(plain);
}

/* ---- listeners come and go ------------------------------------------------------------------ */

static void test_unlisten(void **state)
{
	static const char later[] = "GET /later HTTP/1.1\r\nHost: x\r\n\r\n";
	struct bed *bed = *state;
	int fd = client_from(bed, 1), idle = client_from(bed, 1);
	char data[4096];

	client_put(bed->loop, fd, later, sizeof later - 1);
	client_settle(bed->loop);
	assert_int_equal(bed->later_count, 1);
	assert_int_equal(
		httpd_listen(bed->httpd, ADDRESS, NULL, bed->why, sizeof bed->why), -EEXIST);
	httpd_unlisten(bed->httpd, ADDRESS);
	httpd_unlisten(bed->httpd, "127.0.0.1:1"); /* there is none */
	assert_int_equal(httpd_port(bed->httpd, ADDRESS), 0);
	assert_int_equal(httpd_listen(bed->httpd, ADDRESS, NULL, bed->why, sizeof bed->why), 0);
	assert_int_equal(status_of(bed, "GET /open", HOST), 200);
	loop_advance(bed->loop, 60000); /* the handler takes its time */
	client_put(bed->loop, idle, later, sizeof later - 1);
	client_settle(bed->loop);
	http_reply(bed->later[0], 200, "text/plain", "at last", 7);
	assert_int_equal(client_get(bed->loop, fd, data, sizeof data), 200);
	assert_non_null(strstr(data, "at last"));
	loop_advance(bed->loop, 1000);
	client_settle(bed->loop);
	assert_int_equal(client_get(bed->loop, fd, data, sizeof data), 0); /* it ended */
	close(fd);
	close(idle);
	assert_int_equal(status_of(bed, "GET /open", HOST), 200);
}

static void test_other_sockets(void **state)
{
	struct bed *bed = *state;
	char text[100], data[4096];
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	static const char get[] = "GET /operator HTTP/1.1\r\nHost: localhost\r\n\r\n";
	static const char post[] =
		"POST /control HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n";
	int fd;

	snprintf(text, sizeof text, "unix:%s/http", bed->dir);
	assert_int_equal(httpd_listen(bed->httpd, text, NULL, bed->why, sizeof bed->why), 0);
	snprintf(un.sun_path, sizeof un.sun_path, "%s/http", bed->dir);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&un, sizeof un), 0);
	client_put(bed->loop, fd, get, sizeof get - 1);
	assert_int_equal(client_get(bed->loop, fd, data, sizeof data), 200);
	assert_int_equal(bed->peer, HTTP_PEER_LOCAL);
	client_put(bed->loop, fd, post, sizeof post - 1);
	assert_int_equal(client_get(bed->loop, fd, data, sizeof data), 404);
	close(fd);

	assert_int_equal(
		httpd_listen(bed->httpd, "nonsense", NULL, bed->why, sizeof bed->why), -EINVAL);
	int taken = httpd_port(bed->httpd, ADDRESS);
	snprintf(text, sizeof text, "127.0.0.1:%d", taken);
	assert_int_equal(
		httpd_listen(bed->httpd, text, NULL, bed->why, sizeof bed->why), -EADDRINUSE);
	assert_non_null(strstr(bed->why, text));

	if (httpd_listen(bed->httpd, "[::1]:0", NULL, bed->why, sizeof bed->why) < 0)
		return; /* a host without IPv6 */
	six.sin6_port = htons((uint16_t)httpd_port(bed->httpd, "[::1]:0"));
	fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_true(connect(fd, (struct sockaddr *)&six, sizeof six) == 0 || errno == EINPROGRESS);
	loop_turn(bed->loop, 1);
	client_put(bed->loop, fd, get, sizeof get - 1);
	assert_int_equal(client_get(bed->loop, fd, data, sizeof data), 200);
	assert_int_equal(bed->peer, HTTP_PEER_LOCAL);
	close(fd);
}

/* ---- TLS ------------------------------------------------------------------------------------ */

static char *read_file(const char *dir, const char *name)
{
	char path[128], *text = calloc(1, 16384);
	FILE *file;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	file = fopen(path, "r");
	assert_true(file && text);
	assert_true(fread(text, 1, 16383, file) > 0);
	fclose(file);
	return text;
}

static void make_certificate(const struct bed *bed, const char *name)
{
	char command[400];

	snprintf(command, sizeof command,
		"openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout "
		"%s/%s.key -out %s/%s.crt 2>%s/openssl.log",
		bed->dir, name, bed->dir, name, bed->dir);
	assert_int_equal(system(command), 0);
}

/* What a TLS client of the given version gets. */
static char *ask_tls(struct bed *bed, const char *version, const char *request)
{
	char command[400], path[128];
	char *text;
	FILE *file;

	snprintf(path, sizeof path, "%s/request", bed->dir);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(request, file);
	fclose(file);
	snprintf(command, sizeof command,
		"timeout 10 openssl s_client %s -ign_eof -connect 127.0.0.1:%d "
		"-CAfile %s/a.crt <%s/request >%s/answer 2>&1; echo over >%s/over",
		version, httpd_port(bed->httpd, ADDRESS), bed->dir, bed->dir, bed->dir, bed->dir);
	snprintf(path, sizeof path, "%s/over", bed->dir);
	unlink(path);
	file = popen(command, "w");
	assert_non_null(file);
	WAIT_FOR(bed->loop, access(path, F_OK) == 0);
	pclose(file);
	text = read_file(bed->dir, "answer");
	return text;
}

static void test_tls(void **state)
{
	static const char get[] = "GET /bytes?n=300000 HTTP/1.1\r\nHost: localhost\r\n"
				  "Connection: close\r\n\r\n";
	struct bed *bed = *state;
	uint64_t cut = counter_get(COUNTER_HTTP_TIMEOUTS);
	struct httpd_tls tls, mixed;
	char data[4096];

	make_certificate(bed, "a");
	make_certificate(bed, "b");
	char *cert = read_file(bed->dir, "a.crt"), *key = read_file(bed->dir, "a.key");
	char *other = read_file(bed->dir, "b.key");
	tls = (struct httpd_tls) { cert, key };
	mixed = (struct httpd_tls) { cert, other };
	assert_int_equal(httpd_check_tls(&tls, bed->why, sizeof bed->why), 0);
	assert_int_equal(httpd_check_tls(&mixed, bed->why, sizeof bed->why), -EINVAL);
	assert_true(httpd_listen(bed->httpd, ADDRESS, &mixed, bed->why, sizeof bed->why) < 0);
	assert_non_null(strstr(bed->why, ADDRESS));
	assert_int_equal(httpd_listen(bed->httpd, ADDRESS, &tls, bed->why, sizeof bed->why), 0);

	static const char *const versions[] = { "-tls1_3", "-tls1_2" };
	for (int i = 0; i < 2; i++) {
		char *text = ask_tls(bed, versions[i], get);
		assert_non_null(strstr(text, "Verify return code: 0 (ok)"));
		assert_non_null(strstr(text, "HTTP/1.1 200 OK"));
		free(text);
	}
	char *text = ask_tls(bed, "-tls1_1 -cipher ALL:@SECLEVEL=0", get);
	assert_null(strstr(text, "HTTP/1.1"));
	free(text);

	/* Without a handshake: nothing but an end, in time. */
	int plain = client_from(bed, 1), silent = client_from(bed, 1);
	client_put(bed->loop, plain, get, sizeof get - 1);
	client_settle(bed->loop);
	ssize_t n = recv(plain, data, sizeof data, 0);
	assert_true(n <= 0 || memcmp(data, "HTTP", 4) != 0);
	assert_true(client_is_open(silent));
	loop_advance(bed->loop, HTTPD_TIMEOUT_S * 1000);
	client_settle(bed->loop);
	assert_false(client_is_open(silent));
	assert_true(counter_get(COUNTER_HTTP_TIMEOUTS) > cut);
	close(plain);
	close(silent);
	free(cert);
	free(key);
	free(other);
}

/* Both ends of every connection are in this process. */
static void raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

int main(void)
{
	raise_limit();
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_who, setup, teardown),
		cmocka_unit_test_setup_teardown(test_peers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_remote, setup, teardown),
		cmocka_unit_test_setup_teardown(test_head, setup, teardown),
		cmocka_unit_test_setup_teardown(test_count, setup, teardown),
		cmocka_unit_test_setup_teardown(test_slow_down, setup, teardown),
		cmocka_unit_test_setup_teardown(test_slow_down_of_a_handler, setup, teardown),
		cmocka_unit_test_setup_teardown(test_guard_table, setup, teardown),
		cmocka_unit_test_setup_teardown(test_guard_peers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_connections, setup, teardown),
		cmocka_unit_test_setup_teardown(test_control_beside, setup, teardown),
		cmocka_unit_test_setup_teardown(test_told_of_replies, setup, teardown),
		cmocka_unit_test_setup_teardown(test_slow_senders, setup, teardown),
		cmocka_unit_test_setup_teardown(test_slow_reader, setup, teardown),
		cmocka_unit_test_setup_teardown(test_heads, setup, teardown),
		cmocka_unit_test_setup_teardown(test_malformed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_gzip_in, setup, teardown),
		cmocka_unit_test_setup_teardown(test_gzip_out, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unlisten, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_sockets, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tls, setup_closed, teardown),
	};

	struct rlimit files;

	/* Both ends of GUARD_CONNECTIONS_MAX connections are here. */
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
