/* test_httpd_stream.c - replies that are written as time goes by, on real sockets of the loopback:
 * pieces, limits, slow clients, clients that go, the server's end. The clock is the test's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/counter.h"
#include "host/httpd.h"
#include "http_client.h"

#define ADDRESS "127.0.0.1:0"
#define GET     "GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n"

enum { STREAMS = HTTPD_STREAMS_MAX + 2 };

/* What one client is sent: `left` bytes of `text`, over and over; then nothing, or the end. */
struct source {
	struct http_request *request;
	const char *text;
	size_t left, at;
	unsigned reads, overs;
	bool ends;
};

struct bed {
	struct loop *loop;
	struct httpd *httpd;
	struct source sources[STREAMS];
	int count, refused;
	char why[256];
};

static ssize_t source_read(void *arg, char *buf, size_t size)
{
	struct source *source = arg;
	size_t n = source->left < size ? source->left : size;

	assert_int_equal(source->overs, 0);
	assert_true(size > 0);
	source->reads++;
	for (size_t i = 0; i < n; i++)
		buf[i] = source->text[source->at++ % strlen(source->text)];
	source->left -= n;
	return n > 0 ? (ssize_t)n : source->ends ? -1 : 0;
}

static void source_over(void *arg)
{
	struct source *source = arg;

	source->overs++;
}

static void handle_stream(void *arg, struct http_request *request)
{
	static const struct http_stream stream = { source_read, source_over };
	struct bed *bed = arg;
	struct source *source = &bed->sources[bed->count];

	assert_true(bed->count < STREAMS);
	source->request = request;
	if (http_stream(request, "text/event-stream", &stream, source) == 0)
		bed->count++;
	else
		bed->refused++;
}

static void handle_plain(void *arg, struct http_request *request)
{
	(void)arg;
	http_reply(request, 200, "text/plain", "ok", 2);
}

static struct http_route routes[] = {
	{ "GET", "/stream", handle_stream, NULL, HTTP_OPERATOR },
	{ "GET", "/plain", handle_plain, NULL, HTTP_OPEN },
	{ NULL, NULL, NULL, NULL, HTTP_CONTROL },
};
static const struct http_route *const tables[] = { routes, NULL };

static void say(struct bed *bed, int i, const char *text)
{
	bed->sources[i].text = text;
	bed->sources[i].left = strlen(text);
	bed->sources[i].at = 0;
	http_wake(bed->sources[i].request);
	client_settle(bed->loop);
}

static int setup(void **state)
{
	struct bed *bed = calloc(1, sizeof *bed);

	assert_non_null(bed);
	bed->loop = loop_new_manual(1000, INT64_C(1790000000000));
	assert_non_null(bed->loop);
	for (struct http_route *row = routes; row->method; row++)
		row->arg = bed;
	bed->httpd = httpd_new(bed->loop, tables);
	assert_non_null(bed->httpd);
	assert_int_equal(httpd_listen(bed->httpd, ADDRESS, NULL, bed->why, sizeof bed->why), 0);
	*state = bed;
	return 0;
}

/* Whatever happened, each stream is over exactly once. */
static int teardown(void **state)
{
	struct bed *bed = *state;

	httpd_free(bed->httpd);
	for (int i = 0; i < bed->count; i++)
		assert_int_equal(bed->sources[i].overs, 1);
	loop_free(bed->loop);
	free(bed);
	return 0;
}

/* From 127.0.0.<from>, with a request. */
static int client(struct bed *bed, int from, const char *request)
{
	int fd = client_connect(bed->loop, httpd_port(bed->httpd, ADDRESS), from), small = 4096;

	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
	client_put(bed->loop, fd, request, strlen(request));
	client_settle(bed->loop);
	return fd;
}

/* What has come; "" for nothing. */
static const char *take(int fd)
{
	static char data[65536];
	ssize_t n = recv(fd, data, sizeof data - 1, 0);

	data[n > 0 ? n : 0] = '\0';
	return data;
}

static int status_of_plain(struct bed *bed)
{
	char data[1024];
	int fd = client(bed, 1, "GET /plain HTTP/1.1\r\nHost: localhost\r\n\r\n");
	int status = client_get(bed->loop, fd, data, sizeof data);

	close(fd);
	return status;
}

/* ---- cases ---------------------------------------------------------------------------------- */

static void test_pieces(void **state)
{
	struct bed *bed = *state;
	int fd = client(bed, 1, GET);
	const char *head = take(fd);

	assert_non_null(strstr(head, "HTTP/1.1 200 "));
	assert_non_null(strstr(head, "Content-Type: text/event-stream\r\n"));
	assert_non_null(strstr(head, "Cache-Control: no-store\r\n"));
	assert_non_null(strstr(head, "Transfer-Encoding: chunked\r\n"));
	say(bed, 0, "data: one\n\n");
	assert_string_equal(take(fd), "B\r\ndata: one\n\n\r\n");
	unsigned reads = bed->sources[0].reads;
	for (int i = 0; i < 100; i++)
		loop_advance(bed->loop, 10000);
	client_settle(bed->loop);
	assert_int_equal(bed->sources[0].reads, reads); /* it sleeps, and is not timed out */
	assert_true(client_is_open(fd));
	say(bed, 0, "data: two\n\n");
	assert_string_equal(take(fd), "B\r\ndata: two\n\n\r\n");
	assert_int_equal(status_of_plain(bed), 200);
	bed->sources[0].ends = true;
	http_wake(bed->sources[0].request);
	client_settle(bed->loop);
	assert_string_equal(take(fd), "0\r\n\r\n");
	assert_int_equal(bed->sources[0].overs, 1);
	close(fd);
}

static void test_head_and_old_clients(void **state)
{
	struct bed *bed = *state;
	char data[4096];
	int fd = client(bed, 1, "HEAD /stream HTTP/1.1\r\nHost: localhost\r\n\r\n");

	assert_int_equal(client_get_head(bed->loop, fd, data, sizeof data), 200);
	assert_int_equal(bed->sources[0].overs, 1);
	assert_int_equal(bed->sources[0].reads, 0);
	close(fd);
	fd = client(bed, 1, "GET /stream HTTP/1.0\r\nHost: localhost\r\n\r\n");
	take(fd);
	say(bed, 1, "data: one\n\n");
	assert_string_equal(take(fd), "data: one\n\n");
	close(fd);
}

static void test_clients_go(void **state)
{
	struct bed *bed = *state;
	int fd = client(bed, 1, GET);

	close(fd);
	client_settle(bed->loop);
	assert_int_equal(bed->sources[0].overs, 1); /* at once, not with the next write */
	fd = client(bed, 1, GET);
	client_put(bed->loop, fd, "GET /plain", 10); /* nobody waits behind a stream */
	client_settle(bed->loop);
	assert_int_equal(bed->sources[1].overs, 1);
	assert_false(client_is_open(fd) && *take(fd) == '\0');
	close(fd);
	fd = client(bed, 1, GET);
	bed->sources[2].text = "x";
	bed->sources[2].left = 100000000; /* amid a write */
	http_wake(bed->sources[2].request);
	client_settle(bed->loop);
	close(fd);
	client_settle(bed->loop);
	assert_int_equal(bed->sources[2].overs, 1);
}

static void test_a_client_that_takes_nothing(void **state)
{
	struct bed *bed = *state;
	uint64_t cut = counter_get(COUNTER_HTTP_TIMEOUTS);
	int slow = client(bed, 1, GET), well = client(bed, 1, GET);

	take(well);
	bed->sources[0].text = "x";
	bed->sources[0].left = 100000000;
	http_wake(bed->sources[0].request);
	client_settle(bed->loop);
	loop_advance(bed->loop, 1000 * (HTTPD_TIMEOUT_S - 1));
	assert_int_equal(bed->sources[0].overs, 0);
	say(bed, 1, "data: one\n\n"); /* the others do not wait */
	assert_string_equal(take(well), "B\r\ndata: one\n\n\r\n");
	loop_advance(bed->loop, 2000);
	client_settle(bed->loop);
	assert_int_equal(bed->sources[0].overs, 1);
	assert_int_equal(bed->sources[1].overs, 0);
	assert_int_equal(counter_get(COUNTER_HTTP_TIMEOUTS) - cut, 1);
	assert_true(bed->sources[0].left > 0);
	close(slow);
	close(well);
}

static void test_limits(void **state)
{
	struct bed *bed = *state;
	uint64_t refused = counter_get(COUNTER_HTTP_REFUSED);
	int fds[STREAMS], count = 0;
	char data[4096];

	for (int from = 1; from <= 2; from++) {
		for (int i = 0; i < HTTPD_STREAMS_ADDRESS_MAX; i++)
			fds[count++] = client(bed, from, GET);
		int over = client(bed, from, GET);
		assert_int_equal(client_get(bed->loop, over, data, sizeof data), 503);
		assert_non_null(strstr(data, "Retry-After: 10\r\n"));
		assert_non_null(strstr(data, "{\"error\":\"too many streams are open\"}"));
		close(over);
	}
	assert_int_equal(bed->count, HTTPD_STREAMS_MAX);
	int over = client(bed, 3, GET); /* another address, but all are taken */
	assert_int_equal(client_get(bed->loop, over, data, sizeof data), 503);
	close(over);
	assert_int_equal(bed->refused, 3);
	assert_int_equal(counter_get(COUNTER_HTTP_REFUSED) - refused, 3);
	assert_int_equal(status_of_plain(bed), 200);
	close(fds[0]);
	client_settle(bed->loop);
	fds[0] = client(bed, 3, GET);
	assert_int_equal(bed->count, HTTPD_STREAMS_MAX + 1);
	for (int i = 0; i < count; i++)
		close(fds[i]);
}

static void test_a_listener_ends(void **state)
{
	struct bed *bed = *state;
	int fd = client(bed, 1, GET), busy = client(bed, 1, GET);

	take(fd);
	bed->sources[1].text = "x";
	bed->sources[1].left = 100000000;
	http_wake(bed->sources[1].request);
	client_settle(bed->loop);
	httpd_unlisten(bed->httpd, ADDRESS);
	client_settle(bed->loop);
	assert_string_equal(take(fd), "0\r\n\r\n");
	assert_int_equal(bed->sources[0].overs, 1);
	loop_advance(bed->loop, 1000 * (HTTPD_TIMEOUT_S + 1)); /* the other takes nothing */
	client_settle(bed->loop);
	assert_int_equal(bed->sources[1].overs, 1);
	close(fd);
	close(busy);
}

/* The teardown frees the server with one that sleeps, one amid a write and one just woken. */
static void test_the_server_ends(void **state)
{
	struct bed *bed = *state;

	for (int i = 0; i < 3; i++)
		client(bed, 1, GET);
	for (int i = 1; i < 3; i++) {
		bed->sources[i].text = "x";
		bed->sources[i].left = i == 1 ? 100000000 : 10;
		http_wake(bed->sources[i].request);
		if (i == 1)
			client_settle(bed->loop);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_pieces, setup, teardown),
		cmocka_unit_test_setup_teardown(test_head_and_old_clients, setup, teardown),
		cmocka_unit_test_setup_teardown(test_clients_go, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_client_that_takes_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_listener_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(test_the_server_ends, setup, teardown),
	};

	return cmocka_run_group_tests_name("httpd_stream", tests, NULL, NULL);
}
