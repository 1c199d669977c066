/* test_events.c - what is told to those who listen, and the last hour's figures: the ports are
 * plain structs, the store's verbs the test's own, the clock moves by hand. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/events.h"
#include "api/history.h"
#include "api/show.h"
#include "base/counter.h"
#include "modem/modem_impl.h"
#include "unit.h"

enum { CLIENTS = 10, PORTS = 512, TICK_MS = 125 };

#define HELLO "retry: 2000\nevent: hello\ndata: {}\n\n"

/* Somebody who listens, and what they were sent. */
struct listener {
	struct http_request request;
	const struct http_stream *stream;
	void *arg;
	unsigned wakes;
	int status; /* of an answer that is no stream */
	char *text;
	size_t len;
};

struct bed {
	struct loop *loop;
	struct config config;
	struct control_view view;
	struct events *events;
	struct modem *modems[PORTS];
	struct listener listeners[CLIENTS];
};

/* ---- the store, which answers when it is told to -------------------------------------------- */

static struct {
	store_totals_fn *totals;
	store_rows_fn *rows;
	void *arg;
	int asked_totals, asked_rows;
} store;

void __wrap_store_totals(struct store *unused, int64_t now_ms, store_totals_fn *done, void *arg);
void __wrap_store_messages(
	struct store *unused, const struct store_query *query, store_rows_fn *done, void *arg);
size_t __wrap_store_pending(const struct store *unused);
int __wrap_store_health(const struct store *unused);
bool __wrap_store_server(const struct store *unused, struct store_server *out);

void __wrap_store_totals(struct store *unused, int64_t now_ms, store_totals_fn *done, void *arg)
{
	(void)unused, (void)now_ms;
	store.totals = done;
	store.arg = arg;
	store.asked_totals++;
}

void __wrap_store_messages(
	struct store *unused, const struct store_query *query, store_rows_fn *done, void *arg)
{
	(void)unused;
	assert_false(query->outbox);
	store.rows = done;
	store.arg = arg;
	store.asked_rows++;
}

size_t __wrap_store_pending(const struct store *unused)
{
	(void)unused;
	return 0;
}

int __wrap_store_health(const struct store *unused)
{
	(void)unused;
	return 0;
}

bool __wrap_store_server(const struct store *unused, struct store_server *out)
{
	(void)unused, (void)out;
	return false;
}

static void give_rows(const struct store_row *rows, size_t count)
{
	store_rows_fn *done = store.rows;

	assert_non_null(done);
	store.rows = NULL;
	done(store.arg, 0, rows, count);
}

static void give_totals(void)
{
	static const struct store_totals totals = { .messages = 3 };
	store_totals_fn *done = store.totals;

	assert_non_null(done);
	store.totals = NULL;
	done(store.arg, 0, &totals);
}

/* ---- those who listen ----------------------------------------------------------------------- */

static bool refuses;

static int take_stream(
	struct http_request *request, const char *type, const struct http_stream *stream, void *arg)
{
	struct listener *listener = (struct listener *)request;

	assert_string_equal(type, "text/event-stream");
	if (refuses)
		return -EAGAIN;
	listener->stream = stream;
	listener->arg = arg;
	return 0;
}

static void take_wake(struct http_request *request)
{
	((struct listener *)request)->wakes++;
}

static void take_header(struct http_request *request, const char *name, const char *value)
{
	(void)request, (void)name, (void)value;
}

static void take_reply(
	struct http_request *request, int status, const char *type, const char *body, size_t len)
{
	struct listener *listener = (struct listener *)request;

	(void)type;
	listener->status = status;
	listener->text = strndup(body, len);
}

static const struct http_request_ops ops = {
	.stream = take_stream, .wake = take_wake, .set_header = take_header, .reply = take_reply
};

static void listen_to(struct bed *bed, const struct http_route *route, int i)
{
	bed->listeners[i].request = (struct http_request) { .ops = &ops };
	route->fn(route->arg, &bed->listeners[i].request);
}

/* All that there is for them, in pieces of an odd size. False: it was ended. */
static bool hear(struct listener *listener)
{
	char piece[301];
	ssize_t n;

	while ((n = listener->stream->read(listener->arg, piece, sizeof piece)) > 0) {
		listener->text = realloc(listener->text, listener->len + (size_t)n + 1);
		assert_non_null(listener->text);
		memcpy(listener->text + listener->len, piece, (size_t)n);
		listener->len += (size_t)n;
		listener->text[listener->len] = '\0';
	}
	return n == 0;
}

static void forget(struct listener *listener)
{
	free(listener->text);
	listener->text = NULL;
	listener->len = 0;
}

static void leave(struct listener *listener)
{
	listener->stream->over(listener->arg);
	listener->stream = NULL;
	forget(listener);
}

/* How often `what` is in what they were sent. */
static int times(const struct listener *listener, const char *what)
{
	int n = 0;

	for (const char *at = listener->text; at && (at = strstr(at, what)); at++)
		n++;
	return n;
}

/* ---- the bed -------------------------------------------------------------------------------- */

static int setup(void **state)
{
	struct bed *bed = calloc(1, sizeof *bed);

	assert_non_null(bed);
	memset(&store, 0, sizeof store);
	refuses = false;
	bed->loop = loop_new_manual(1000, INT64_C(1790000000000));
	bed->config.host_id = (char *)(uintptr_t) "host";
	for (int i = 0; i < PORTS; i++) {
		struct modem *modem = bed->modems[i] = calloc(1, sizeof *modem);
		assert_non_null(modem);
		snprintf(modem->id, sizeof modem->id, "bank/p%03d", i);
		fsm_init(&modem->fsm, &modem_fsm, bed->loop, modem->id, modem, MODEM_READY);
	}
	bed->view = (struct control_view) { .loop = bed->loop,
		.config = &bed->config,
		.modems = bed->modems,
		.modem_count = PORTS };
	bed->events = events_new(&bed->view);
	assert_non_null(bed->events);
	*state = bed;
	return 0;
}

static int teardown(void **state)
{
	struct bed *bed = *state;

	for (int i = 0; i < CLIENTS; i++) {
		if (bed->listeners[i].stream)
			leave(&bed->listeners[i]);
		forget(&bed->listeners[i]);
	}
	events_free(bed->events);
	events_free(NULL);
	for (int i = 0; i < PORTS; i++)
		free(bed->modems[i]);
	loop_free(bed->loop);
	free(bed);
	return 0;
}

static void begin(struct bed *bed, int count)
{
	for (int i = 0; i < count; i++)
		listen_to(bed, events_routes(bed->events), i);
}

/* So many ticks; then all hear. */
static void pass(struct bed *bed, int ticks)
{
	loop_advance(bed->loop, (int64_t)ticks * TICK_MS);
	for (int i = 0; i < CLIENTS; i++)
		if (bed->listeners[i].stream)
			assert_true(hear(&bed->listeners[i]));
}

/* ---- cases ---------------------------------------------------------------------------------- */

static void test_hello_and_status(void **state)
{
	struct bed *bed = *state;

	begin(bed, CLIENTS);
	assert_int_equal(events_routes(bed->events)->who, HTTP_OPERATOR);
	pass(bed, 1);
	assert_string_equal(bed->listeners[0].text, HELLO);
	assert_int_equal(store.asked_totals, 1); /* for all of them */
	assert_int_equal(store.asked_rows, 1);
	give_totals();
	pass(bed, 1);
	for (int i = 0; i < CLIENTS; i++) {
		assert_int_equal(times(&bed->listeners[i], "\nevent: status\ndata: {"), 1);
		assert_non_null(strstr(bed->listeners[i].text, "\"host_id\":\"host\""));
	}
	loop_advance(bed->loop, 9000);
	assert_int_equal(store.asked_totals, 1);
	loop_advance(bed->loop, 1000);
	assert_int_equal(store.asked_totals, 2);
	loop_advance(bed->loop, 60000); /* it does not answer: it is not asked again */
	assert_int_equal(store.asked_totals, 2);
	pass(bed, 1);
	assert_int_equal(times(&bed->listeners[0], "\n: still here\n"), 3);
	assert_int_equal(times(&bed->listeners[0], "event: port"), 0);
}

static void test_ports(void **state)
{
	struct bed *bed = *state;
	struct modem *modem = bed->modems[300];

	begin(bed, 2);
	pass(bed, 4);
	forget(&bed->listeners[0]);
	forget(&bed->listeners[1]);
	for (int i = 0; i < 20; i++) { /* within a moment: told once, as it is then */
		modem->rssi_dbm = -100 + i;
		snprintf(modem->number, sizeof modem->number, "+4670012345%d", i % 10);
		loop_advance(bed->loop, 1);
	}
	pass(bed, 4);
	assert_int_equal(times(&bed->listeners[0], "event: port\n"), 1);
	assert_string_equal(bed->listeners[0].text, bed->listeners[1].text);
	assert_null(strstr(bed->listeners[0].text, modem->number));
	forget(&bed->listeners[0]);
	modem->received++;
	pass(bed, 4);
	/* The same as /api/v1/ports has. */
	char *same = json_text(show_port(&bed->view, modem, false)), wanted[2000];
	snprintf(wanted, sizeof wanted, "event: port\ndata: %s\n\n", same);
	const char *since = strstr(wanted, "\"since_s\""); /* but for its age */
	assert_non_null(since);
	assert_memory_equal(bed->listeners[0].text, wanted, since - wanted);
	assert_int_equal(bed->listeners[0].len, strlen(wanted));
	cJSON_free(same);
	forget(&bed->listeners[0]);
	loop_advance(bed->loop, 5000); /* only time passes */
	pass(bed, 1);
	assert_null(bed->listeners[0].text);
}

/* A hub with all its modems goes: no turn of the loop has more than its share of it. */
static void test_a_storm(void **state)
{
	struct bed *bed = *state;
	int before = 0, most = 0, ticks = 0;

	begin(bed, 1);
	pass(bed, 1);
	for (int i = 0; i < PORTS; i++)
		bed->modems[i]->deaf = true;
	while (before < PORTS && ticks++ < 20) {
		pass(bed, 1);
		int now = times(&bed->listeners[0], "event: port\n");
		most = now - before > most ? now - before : most;
		before = now;
	}
	assert_int_equal(before, PORTS);
	assert_int_equal(most, 64);
	assert_int_equal(ticks, PORTS / 64);
}

static void test_other_ports(void **state)
{
	struct bed *bed = *state;

	begin(bed, 1);
	pass(bed, 1);
	bed->view.modem_count = PORTS - 1;
	pass(bed, 3);
	assert_int_equal(times(&bed->listeners[0], "event: resync\ndata: {}\n\n"), 1);
	bed->view.modem_count = PORTS;
	pass(bed, 3);
	assert_int_equal(times(&bed->listeners[0], "event: resync\ndata: {}\n\n"), 2);
	bed->view.modem_count = 0;
	pass(bed, 3);
	assert_int_equal(times(&bed->listeners[0], "event: resync\ndata: {}\n\n"), 3);
	assert_int_equal(times(&bed->listeners[0], "event: port\n"), 0);
}

static struct store_row row(const char *id, enum store_state of)
{
	return (struct store_row) { .message_id = id,
		.platform = "onlinesim",
		.bank = "bank",
		.slot = "p001",
		.number = "+46700123456",
		.card_id = "",
		.sender = "+46700999888",
		.text = "secret",
		.state = of,
		.state_name = store_state_name(of),
		.reason = "" };
}

static void test_messages(void **state)
{
	struct bed *bed = *state;
	struct store_row rows[3] = { row("c", STORE_QUEUED), row("b", STORE_DELIVERED),
		row("a", STORE_DELIVERED) };
	struct listener *one = &bed->listeners[0];

	begin(bed, 1);
	pass(bed, 1);
	give_rows(rows + 1, 2); /* those were there before: whoever listens has asked for them */
	pass(bed, 1);
	assert_int_equal(times(one, "event: message\n"), 0);
	pass(bed, 20);
	assert_int_equal(store.asked_rows, 1); /* nothing has happened */
	counter_add(COUNTER_SMS_RECEIVED, 1);
	pass(bed, 1);
	assert_int_equal(store.asked_rows, 2);
	give_rows(rows, 3);
	pass(bed, 1);
	assert_int_equal(times(one, "event: message\n"), 1);
	assert_non_null(strstr(one->text, "\"id\":\"c\""));
	assert_non_null(strstr(one->text, "\"state\":\"queued\""));
	assert_null(strstr(one->text, "secret"));
	assert_null(strstr(one->text, "+46700123456"));
	assert_null(strstr(one->text, "+46700999888"));
	rows[0] = row("c", STORE_DELIVERED);
	for (int i = 0; i < 8; i++) { /* however much happens, it is asked twice a second */
		counter_add(COUNTER_DELIVERED, 1);
		pass(bed, 1);
		if (store.rows)
			give_rows(rows, 3);
	}
	assert_in_range(store.asked_rows, 3, 5);
	pass(bed, 1);
	assert_int_equal(times(one, "event: message\n"), 2);
	assert_non_null(strstr(one->text, "\"id\":\"c\",\"port\":\"bank/p001\""));
}

static void test_one_falls_behind(void **state)
{
	struct bed *bed = *state;
	uint64_t behind = counter_get(COUNTER_HTTP_STREAMS_BEHIND);

	begin(bed, 2);
	for (int i = 0; i < 2; i++)
		assert_true(hear(&bed->listeners[i]));
	for (size_t told = 0; told <= EVENTS_KEPT;) {
		bed->modems[7]->received++;
		loop_advance(bed->loop, 4 * TICK_MS);
		size_t before = bed->listeners[0].len;
		assert_true(hear(&bed->listeners[0]));
		told += bed->listeners[0].len - before;
	}
	assert_false(hear(&bed->listeners[1]));
	assert_int_equal(counter_get(COUNTER_HTTP_STREAMS_BEHIND) - behind, 1);
	assert_string_equal(bed->listeners[1].text, HELLO); /* no half of an event */
	/* What came round the end of the memory is whole. */
	assert_int_equal(times(&bed->listeners[0], "event: port\ndata: {\"port\":\"bank/p007\","),
		times(&bed->listeners[0], "}\n\n") - 1);
	leave(&bed->listeners[1]);
	bed->modems[7]->received++;
	pass(bed, 4);
}

/* Nobody listens: nothing is looked at. */
static void test_all_leave(void **state)
{
	struct bed *bed = *state;

	begin(bed, 3);
	pass(bed, 1);
	leave(&bed->listeners[1]);
	leave(&bed->listeners[0]);
	pass(bed, 1);
	leave(&bed->listeners[2]);
	int asked = store.asked_rows;
	give_rows(NULL, 0); /* too late for anybody */
	give_totals();
	counter_add(COUNTER_SMS_RECEIVED, 1);
	loop_advance(bed->loop, 60000);
	assert_int_equal(store.asked_rows, asked);
	begin(bed, 1);
	pass(bed, 1);
	assert_int_equal(store.asked_rows, asked + 1);
	assert_string_equal(bed->listeners[0].text, HELLO);
}

static void test_refused(void **state)
{
	struct bed *bed = *state;

	refuses = true;
	begin(bed, 1);
	loop_advance(bed->loop, 1000);
	assert_int_equal(store.asked_rows, 0);
}

static void test_history(void **state)
{
	struct bed *bed = *state;
	struct history *history = history_new(&bed->view);
	const struct http_route *route = history_routes(history);
	struct modem *modem = bed->modems[4];

	assert_non_null(history);
	assert_int_equal(route->who, HTTP_OPERATOR);
	listen_to(bed, route, 0);
	assert_string_equal(bed->listeners[0].text, "{\"received\":[],\"delivered\":[]}");
	forget(&bed->listeners[0]);
	for (int minute = 0; minute < 3; minute++) {
		counter_add(COUNTER_SMS_RECEIVED, (uint64_t)minute);
		counter_add(COUNTER_DELIVERED, 7);
		modem->received += minute == 2 ? 1000 : 2;
		modem->rssi_dbm = minute == 1 ? 0 : -70 - minute;
		if (minute == 1) { /* its place in the list changes */
			bed->modems[4] = bed->modems[9];
			bed->modems[9] = modem;
		}
		loop_advance(bed->loop, 60000);
	}
	listen_to(bed, route, 0);
	assert_string_equal(bed->listeners[0].text, "{\"received\":[0,1,2],\"delivered\":[7,7,7]}");
	cJSON *json = cJSON_CreateObject();
	history_add_port(history, "bank/p004", json);
	history_add_port(history, "bank/nothing", json);
	char *text = json_text(json);
	assert_string_equal(text,
		"{\"recent\":{\"received\":[2,2,255],\"signal_dbm\":[-70,null,-72]},"
		"\"recent\":{\"received\":[],\"signal_dbm\":[]}}");
	cJSON_free(text);
	bed->view.modem_count = 5; /* it is gone */
	for (int minute = 0; minute < 2 * HISTORY_MINUTES; minute++)
		loop_advance(bed->loop, 60000);
	forget(&bed->listeners[0]);
	listen_to(bed, route, 0);
	assert_int_equal(times(&bed->listeners[0], "0"), 2 * HISTORY_MINUTES);
	json = cJSON_CreateObject();
	history_add_port(history, "bank/p004", json);
	text = json_text(json);
	assert_string_equal(text, "{\"recent\":{\"received\":[],\"signal_dbm\":[]}}");
	cJSON_free(text);
	history_free(history);
	history_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_hello_and_status, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ports, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_storm, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_ports, setup, teardown),
		cmocka_unit_test_setup_teardown(test_messages, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_falls_behind, setup, teardown),
		cmocka_unit_test_setup_teardown(test_all_leave, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_history, setup, teardown),
	};

	return cmocka_run_group_tests_name("events", tests, NULL, NULL);
}
