/* test_metrics.c - the text format: names, escapes, figures, histograms. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/metrics.h"
#include "api/metrics_text.h"
#include "base/counter.h"
#include "base/tally.h"
#include "store/store_orders.h"
#include "unit.h"

static struct metrics_text text;

static void expect(const char *wanted)
{
	assert_false(text.failed);
	assert_int_equal(text.len, strlen(wanted));
	assert_memory_equal(text.data, wanted, text.len);
	free(text.data);
	text = (struct metrics_text) { 0 };
}

static void test_family(void **state)
{
	(void)state;
	metrics_family(&text, "simgate_x_total", "counter", "How many.");
	metrics_int(&text, "simgate_x_total", NULL, 0);
	expect("# HELP simgate_x_total How many.\n# TYPE simgate_x_total counter\n"
	       "simgate_x_total 0\n");
}

static void test_labels(void **state)
{
	static const struct {
		const char *value, *wanted;
	} cases[] = { { "north/p01", "north/p01" }, { "", "" }, { "a\"b", "a\\\"b" },
		{ "a\\", "a\\\\" }, { "a\nb", "a\\nb" }, { "a\rb\x01", "a?b?" },
		{ "\xc3\xa5", "\xc3\xa5" }, { "\"} 1\nevil{x=\"", "\\\"} 1\\nevil{x=\\\"" } };
	char wanted[100];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const struct metrics_label labels[] = { { "port", cases[i].value },
			{ "state", "up" }, { NULL, NULL } };
		metrics_int(&text, "m", labels, -7);
		snprintf(
			wanted, sizeof wanted, "m{port=\"%s\",state=\"up\"} -7\n", cases[i].wanted);
		expect(wanted);
	}
	metrics_int(&text, "m", (struct metrics_label[]) { { NULL, NULL } }, INT64_MAX);
	expect("m 9223372036854775807\n");
}

static void test_thousandths(void **state)
{
	(void)state;
	metrics_milli(&text, "m", NULL, 0);
	metrics_milli(&text, "m", NULL, 7);
	metrics_milli(&text, "m", NULL, INT64_C(1790000000123));
	expect("m 0.000\nm 0.007\nm 1790000000.123\n");
}

static void test_histogram(void **state)
{
	static const int64_t bounds[HISTOGRAM_BUCKETS] = { 500, 1000, 2500, 10000, 100000, 1000000,
		2000000, 3000000, 4000000, 5000000, 60000000, INT64_C(3600000000) };
	struct histogram h = { .count = 0 };

	(void)state;
	histogram_add(&h, bounds, 400);
	histogram_add(&h, bounds, 1500);
	histogram_add(&h, bounds, INT64_C(4000000000));
	metrics_histogram(&text, "t_seconds",
		(struct metrics_label[]) { { "platform", "p" }, { NULL, NULL } }, &h, bounds);
	expect("t_seconds_bucket{platform=\"p\",le=\"0.0005\"} 1\n"
	       "t_seconds_bucket{platform=\"p\",le=\"0.001\"} 1\n"
	       "t_seconds_bucket{platform=\"p\",le=\"0.0025\"} 2\n"
	       "t_seconds_bucket{platform=\"p\",le=\"0.01\"} 2\n"
	       "t_seconds_bucket{platform=\"p\",le=\"0.1\"} 2\n"
	       "t_seconds_bucket{platform=\"p\",le=\"1\"} 2\n"
	       "t_seconds_bucket{platform=\"p\",le=\"2\"} 2\n"
	       "t_seconds_bucket{platform=\"p\",le=\"3\"} 2\n"
	       "t_seconds_bucket{platform=\"p\",le=\"4\"} 2\n"
	       "t_seconds_bucket{platform=\"p\",le=\"5\"} 2\n"
	       "t_seconds_bucket{platform=\"p\",le=\"60\"} 2\n"
	       "t_seconds_bucket{platform=\"p\",le=\"3600\"} 2\n"
	       "t_seconds_bucket{platform=\"p\",le=\"+Inf\"} 3\n"
	       "t_seconds_sum{platform=\"p\"} 4000.001900\n"
	       "t_seconds_count{platform=\"p\"} 3\n");
}

static void test_grows(void **state)
{
	(void)state;
	for (int i = 0; i < 100000; i++)
		metrics_int(&text, "m", NULL, 1);
	assert_false(text.failed);
	assert_int_equal(text.len, 100000 * 4);
	assert_memory_equal(text.data + text.len - 8, "m 1\nm 1\n", 8);
	free(text.data);
	text = (struct metrics_text) { 0 };
}

/* Each says what it is: a sentence. */
static void test_helps(void **state)
{
	(void)state;
	for (int c = 0; c < COUNTER_COUNT; c++) {
		const char *help = counter_help((enum counter)c);
		assert_non_null(counter_name((enum counter)c));
		if (help[strlen(help) - 1] != '.' || strpbrk(help, "\n\\"))
			fail_msg("%s: %s", counter_name((enum counter)c), help);
	}
	for (int t = 0; t < TALLY_COUNT; t++) {
		const struct tally_kind *kind = tally_kind((enum tally)t);
		assert_non_null(strstr(kind->name, "_total"));
		assert_int_equal(kind->help[strlen(kind->help) - 1], '.');
		assert_non_null(kind->labels[0]);
	}
}

/* ---- a store that does not answer ------------------------------------------------------------ */

static store_totals_fn *asked;
static void *asked_arg;
static int asks, answers, last_status;
static char answer[65536];
static struct histogram commits;

void __wrap_store_totals(struct store *store, int64_t now_ms, store_totals_fn *done, void *arg);
const struct histogram *__wrap_store_commit_times(const struct store *store);
size_t __wrap_store_pending(const struct store *store);
int __wrap_store_health(const struct store *store);
bool __wrap_store_server(const struct store *store, struct store_server *out);

void __wrap_store_activation_counts(
	struct store *store, int64_t now_ms, store_activation_counts_fn *done, void *arg);

void __wrap_store_activation_counts(
	struct store *store, int64_t now_ms, store_activation_counts_fn *done, void *arg)
{
	const struct store_activation_counts counts = {
		.states = { [STORE_ACTIVATION_OPEN] = 3, [STORE_ACTIVATION_SOLD] = 9 },
		.open_unanswered = 1,
	};

	(void)store, (void)now_ms;
	done(arg, 0, &counts);
}

void __wrap_store_totals(struct store *store, int64_t now_ms, store_totals_fn *done, void *arg)
{
	(void)store, (void)now_ms;
	asks++;
	asked = done;
	asked_arg = arg;
}

const struct histogram *__wrap_store_commit_times(const struct store *store)
{
	(void)store;
	return &commits;
}

size_t __wrap_store_pending(const struct store *store)
{
	(void)store;
	return 7;
}

int __wrap_store_health(const struct store *store)
{
	(void)store;
	return -ENOSPC;
}

bool __wrap_store_server(const struct store *store, struct store_server *out)
{
	(void)store;
	*out = (struct store_server) { .waiting = 12, .oldest_ms = INT64_C(1790000000000) };
	return true;
}

static void take_reply(
	struct http_request *request, int status, const char *type, const char *body, size_t len)
{
	(void)request;
	assert_string_equal(type, METRICS_TYPE);
	assert_true(len < sizeof answer);
	memcpy(answer, body, len);
	answer[len] = '\0';
	last_status = status;
	answers++;
}

static void test_a_store_that_hangs(void **state)
{
	static const struct http_request_ops ops = { .reply = take_reply };
	struct loop *loop = loop_new_manual(1000, INT64_C(1790000000000));
	struct control_view view = { .loop = loop };
	struct metrics *metrics = metrics_new(&view);
	const struct http_route *route = metrics_routes(metrics);
	struct http_request requests[3] = { { .ops = &ops }, { .ops = &ops }, { .ops = &ops } };
	struct store_totals totals = { .platform_count = 1, .parts_pending = 3 };

	(void)state;
	assert_int_equal(route->who, HTTP_OPERATOR);
	route->fn(route->arg, &requests[0]);
	loop_advance(loop, 1000);
	route->fn(route->arg, &requests[1]);
	assert_int_equal(asks, 1); /* one question for both */
	loop_advance(loop, 999);
	assert_int_equal(answers, 0);
	loop_advance(loop, 1);
	assert_int_equal(answers, 2);
	assert_int_equal(last_status, 200);
	assert_non_null(strstr(answer, "\nsimgate_store_up 0\n"));
	assert_non_null(strstr(answer, "\nsimgate_store_pending 7\n"));
	assert_non_null(strstr(answer, "\nsimgate_store_server_up 0\n"));
	assert_non_null(strstr(answer, "\nsimgate_store_journal_texts 12\n"));
	assert_non_null(strstr(answer, "\nsimgate_store_journal_oldest_seconds 2"));
	assert_null(strstr(answer, "simgate_sms_parts_pending")); /* absent, not 0 */
	loop_advance(loop, 60000);
	route->fn(route->arg, &requests[2]);
	assert_int_equal(asks, 1); /* it still owes that answer */
	totals.platforms[0].platform = "p";
	totals.platforms[0].states[STORE_QUEUED] = 5;
	totals.platforms[0].oldest_ms = INT64_C(1790000000000);
	asked(asked_arg, 0, &totals);
	assert_int_equal(answers, 3);
	assert_non_null(strstr(answer, "\nsimgate_sms_parts_pending 3\n"));
	assert_non_null(strstr(answer, "\nsimgate_activations{state=\"open\"} 3\n"));
	assert_non_null(strstr(answer, "\nsimgate_activations{state=\"sold\"} 9\n"));
	assert_non_null(strstr(answer, "\nsimgate_activations_unanswered 1\n"));
	assert_non_null(
		strstr(answer, "\nsimgate_outbox_messages{platform=\"p\",state=\"queued\"} 5\n"));
	assert_non_null(strstr(answer, "\nsimgate_outbox_oldest_seconds{platform=\"p\"} 62.000\n"));
	totals.platforms[0].platform = NULL; /* it was the callback's */
	route->fn(route->arg, &requests[0]); /* soon again: the same figures */
	assert_int_equal(asks, 1);
	assert_int_equal(answers, 4);
	assert_non_null(strstr(answer, "{platform=\"p\",state=\"queued\"} 5\n"));
	loop_advance(loop, 5000);
	route->fn(route->arg, &requests[0]);
	assert_int_equal(asks, 2);
	asked(asked_arg, -EIO, NULL);
	assert_int_equal(answers, 5);
	assert_null(strstr(answer, "simgate_sms_parts_pending"));
	route->fn(route->arg, &requests[0]); /* its client and the server go before the answer */
	metrics_free(metrics);
	metrics_free(NULL);
	loop_free(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_family),
		cmocka_unit_test(test_labels),
		cmocka_unit_test(test_thousandths),
		cmocka_unit_test(test_histogram),
		cmocka_unit_test(test_grows),
		cmocka_unit_test(test_helps),
		cmocka_unit_test(test_a_store_that_hangs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
