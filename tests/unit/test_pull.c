/* test_pull.c - a platform's calls from its request to the store and back, on a clock that the
 * test moves. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platform/orders.h"
#include "store_fixture.h"

#define KEY  "order-key"
#define SHOW "{\"action\":\"GET_SERVICES\",\"key\":\"" KEY "\"}"
#define ORDER(rest) \
	"{\"action\":\"GET_NUMBER\",\"key\":\"" KEY \
	"\",\"country\":\"sweden\",\"operator\":\"any\",\"sum\":40" rest "}"
#define VK ORDER(",\"service\":\"vk\"")

enum { CARDS = 3 };

static struct bed {
	struct fixture *fx;
	struct config_platform platform;
	struct config_service services[2];
	struct config config;
	struct activations *activations;
	struct names *names;
	struct orders *orders;

	const char *bearer; /* of the next call; NULL: none */
	int status;         /* of the last reply; 0: there was none yet */
	int replies;
	int wrong_keys;
	char body[2048];
	http_sent_fn *told;
	void *told_arg;
} bed;

/* ---- a request without a server ------------------------------------------------------------- */

static const char *take_header(const struct http_request *request, const char *name)
{
	(void)request;
	return strcmp(name, "Authorization") == 0 ? bed.bearer : NULL;
}

static void take_wrong_key(struct http_request *request)
{
	(void)request;
	bed.wrong_keys++;
}

static void take_tell(struct http_request *request, http_sent_fn *fn, void *arg)
{
	(void)request;
	bed.told = fn;
	bed.told_arg = arg;
}

static void take_reply(
	struct http_request *request, int status, const char *type, const char *body, size_t len)
{
	(void)request;
	assert_string_equal(type, "application/json; charset=utf-8");
	bed.replies++;
	bed.status = status;
	snprintf(bed.body, sizeof bed.body, "%.*s", (int)len, body);
}

static const struct http_request_ops ops = {
	.header = take_header, .wrong_key = take_wrong_key, .tell = take_tell, .reply = take_reply
};

static struct http_request request;

static void begin_at(const char *path, const char *body)
{
	const struct http_route *route = orders_routes(bed.orders);

	request = (struct http_request) { &ops, "POST", path, "", body, strlen(body),
		HTTP_PEER_REMOTE };
	bed.status = bed.replies = 0;
	bed.body[0] = '\0';
	bed.told = NULL;
	while (route->method && strcmp(route->path, path) != 0)
		route++;
	assert_non_null(route->method);
	assert_int_equal(route->who, HTTP_OWN);
	route->fn(route->arg, &request);
}

static const char *call_at(const char *path, const char *body)
{
	begin_at(path, body);
	fx_wait(bed.fx);
	assert_int_equal(bed.replies, 1);
	return bed.body;
}

static const char *call(const char *body)
{
	return call_at("/onlinesim", body);
}

static void sent(bool written)
{
	assert_non_null(bed.told);
	bed.told(bed.told_arg, written);
	bed.told = NULL;
	fx_wait(bed.fx);
}

static const char *finish_call(int64_t id, int status)
{
	char body[200];

	snprintf(body, sizeof body,
		"{\"action\":\"FINISH_ACTIVATION\",\"key\":\"" KEY
		"\",\"activationId\":%lld,\"status\":%d}",
		(long long)id, status);
	return call(body);
}

/* ---- the bed -------------------------------------------------------------------------------- */

/* Longer than the table waits before it reads the store again. */
static void settle(void)
{
	for (int i = 0; i < 20; i++) {
		loop_advance(bed.fx->loop, 100);
		fx_wait(bed.fx);
	}
}

static void put_card(int i, bool online)
{
	char slot[8], card[32], number[24];

	snprintf(slot, sizeof slot, "p%02d", i);
	snprintf(card, sizeof card, "894600000000000000%d", i);
	snprintf(number, sizeof number, "+4670000000%d", i);
	seen(bed.fx, slot, card, number);
	port(bed.fx, slot, card, online);
}

static int setup(void **state)
{
	static const char *const sellers[] = { "hub" };
	static const struct store_bank_sell sold = { "north", sellers, 1 };
	static const struct activation_events events = { 0 };
	static const struct activation_spans spans = { 0 };

	if (fx_setup(state) < 0)
		return -1;
	bed = (struct bed) { .fx = *state };
	bed.platform = (struct config_platform) { .name = (char *)"hub",
		.kind = (char *)"onlinesim-pull",
		.key = (char *)KEY,
		.profile = (char *)"onlinesim",
		.operators = (char *)"sum" };
	bed.services[0] = (struct config_service) { .name = (char *)"vk" };
	bed.services[1] = (struct config_service) { .name = (char *)"fb" };
	bed.config = (struct config) { .platforms = &bed.platform,
		.platform_count = 1,
		.services = bed.services,
		.service_count = 2 };
	for (int i = 1; i <= CARDS; i++)
		put_card(i, true);
	store_banks_sell(bed.fx->store, &sold, 1, NULL, NULL);
	bed.activations = activation_new(bed.fx->loop, bed.fx->store, &spans, &events, NULL);
	bed.names = names_new(&bed.config, NULL);
	bed.orders = orders_new(bed.fx->loop, bed.activations, &bed.config, bed.names);
	assert_non_null(bed.orders);
	return 0;
}

static int teardown(void **state)
{
	orders_free(bed.orders);
	names_free(bed.names);
	activation_free(bed.activations);
	return fx_teardown(state);
}

struct found {
	bool any;
	struct store_activation row;
	char reason[64];
};

static void got_rows(void *arg, int err, const struct store_activation *rows, size_t count)
{
	struct found *found = arg;

	assert_int_equal(err, 0);
	found->any = count > 0;
	if (count == 0)
		return;
	found->row = rows[0];
	snprintf(found->reason, sizeof found->reason, "%s", rows[0].reason);
}

static struct found stored(int64_t id)
{
	const struct store_activations_query query = { .id = id };
	struct found found = { 0 };

	store_activations(bed.fx->store, &query, got_rows, &found);
	fx_wait(bed.fx);
	assert_true(found.any);
	return found;
}

static void assert_counts(int vk, int fb)
{
	char want[400];

	snprintf(want, sizeof want,
		"{\"status\":\"SUCCESS\",\"countryList\":[{\"country\":\"sweden\","
		"\"operatorMap\":{\"any\":{\"fb\":%d,\"vk\":%d},"
		"\"24001\":{\"fb\":%d,\"vk\":%d}}}]}",
		fb, vk, fb, vk);
	assert_string_equal(call(SHOW), want);
}

/* ---- tests ---------------------------------------------------------------------------------- */

static void before_the_store_was_read(void **state)
{
	(void)state;
	begin_at("/getServices", SHOW);
	assert_int_equal(bed.status, 200);
	assert_string_equal(bed.body, "{\"status\":\"ERROR\",\"error\":\"starting\"}");
	assert_string_equal(call(VK), "{\"status\":\"NO_NUMBERS\"}");
	settle();
	assert_counts(CARDS, CARDS);
}

static void order_and_finish(void **state)
{
	(void)state;
	settle();
	assert_string_equal(
		call(VK), "{\"status\":\"SUCCESS\",\"number\":46700000001,\"activationId\":1}");
	sent(true);
	struct found found = stored(1);
	assert_int_equal(found.row.state, STORE_ACTIVATION_OPEN);
	assert_int_equal(found.row.sum, 400000);
	assert_true(found.row.answered);
	assert_counts(CARDS - 1, CARDS - 1);
	assert_string_equal(finish_call(1, 3), "{\"status\":\"SUCCESS\"}");
	assert_string_equal(finish_call(1, 3), "{\"status\":\"SUCCESS\"}");
	assert_int_equal(stored(1).row.state, STORE_ACTIVATION_SOLD);
	settle();
	assert_counts(CARDS - 1, CARDS);
	assert_string_equal(finish_call(1, 5), "{\"status\":\"SUCCESS\"}");
	assert_int_equal(stored(1).row.state, STORE_ACTIVATION_REFUNDED);
	assert_string_equal(
		finish_call(2, 3), "{\"status\":\"ERROR\",\"error\":\"unknown activationId\"}");
}

/* Orders that are under way at the same time do not get the same number. */
static void orders_side_by_side(void **state)
{
	(void)state;
	settle();
	for (int i = 0; i < CARDS; i++) {
		begin_at("/getNumber", VK);
		assert_int_equal(bed.replies, 0);
	}
	begin_at("/getNumber", VK); /* nothing is idle any more */
	assert_string_equal(bed.body, "{\"status\":\"NO_NUMBERS\"}");
	fx_wait(bed.fx);
	assert_int_equal(bed.replies, 1 + CARDS);
	for (int64_t id = 1; id <= CARDS; id++)
		assert_int_equal(stored(id).row.state, STORE_ACTIVATION_OPEN);
	assert_counts(0, 0);
}

static void answers_that_came_late(void **state)
{
	(void)state;
	settle();
	call(VK);
	loop_advance(bed.fx->loop, STORE_ANSWER_MS);
	sent(true);
	assert_true(stored(1).row.answered);

	call(VK);
	loop_advance(bed.fx->loop, STORE_ANSWER_MS + 1);
	sent(true);
	assert_false(stored(2).row.answered);

	call(VK);
	sent(false);
	assert_false(stored(3).row.answered);

	/* No timer of ours closes them. */
	loop_advance(bed.fx->loop, INT64_C(90) * DAY_MS);
	settle();
	for (int64_t id = 1; id <= 3; id++)
		assert_int_equal(stored(id).row.state, STORE_ACTIVATION_OPEN);
	assert_counts(0, 0);
}

static void unanswered_ones_are_released_where_configured(void **state)
{
	(void)state;
	bed.platform.unanswered_ms = 3600 * 1000;
	bed.platform.rent = true;
	settle();
	call(VK);
	sent(false);
	call(VK);
	sent(true);
	call("{\"action\":\"GET_NUMBER\",\"key\":\"" KEY "\",\"service\":\"rent\",\"sum\":1}");
	sent(false);
	loop_advance(bed.fx->loop, 3590 * 1000);
	settle();
	assert_int_equal(stored(1).row.state, STORE_ACTIVATION_OPEN);
	loop_advance(bed.fx->loop, 60 * 1000);
	settle();
	assert_int_equal(stored(1).row.state, STORE_ACTIVATION_RELEASED);
	assert_int_equal(stored(2).row.state, STORE_ACTIVATION_OPEN);
	assert_int_equal(stored(3).row.state, STORE_ACTIVATION_OPEN);
	assert_string_equal(finish_call(1, 3), "{\"status\":\"SUCCESS\"}"); /* they had it */
	assert_int_equal(stored(1).row.state, STORE_ACTIVATION_SOLD);
}

static void cancelled_ones_are_offered_again(void **state)
{
	(void)state;
	bed.platform.cancel_limit = 2;
	port(bed.fx, "p02", "8946000000000000002", false);
	port(bed.fx, "p03", "8946000000000000003", false);
	settle();
	for (int64_t id = 1; id <= 2; id++) {
		assert_counts(1, 1);
		call(VK);
		sent(true);
		finish_call(id, 4);
		settle();
	}
	assert_counts(0, 1);
	assert_string_equal(call(VK), "{\"status\":\"NO_NUMBERS\"}");
}

static void rents(void **state)
{
	static const char rent[] = "{\"action\":\"GET_NUMBER\",\"key\":\"" KEY "\",\"sum\":320}";

	(void)state;
	settle();
	assert_string_equal(call_at("/getNumberRent", rent), "{\"status\":\"NO_NUMBERS\"}");
	bed.platform.rent = true;
	assert_string_equal(call_at("/getNumber", rent),
		"{\"status\":\"ERROR\",\"error\":\"service is missing\"}");
	call_at("/getNumberRent", rent);
	assert_non_null(strstr(bed.body, "SUCCESS"));
	sent(true);
	assert_true(stored(1).row.rent);
	call(ORDER(",\"service\":\"RENT\""));
	assert_non_null(strstr(bed.body, "SUCCESS"));
	sent(true);
	settle();
	call(SHOW);
	assert_non_null(strstr(bed.body, "\"any\":{\"fb\":1,\"rent\":1,\"vk\":1}"));
}

static void keys(void **state)
{
	static const char show[] = "{\"action\":\"GET_SERVICES\"}";
	static const struct {
		const char *bearer, *body;
		int status, wrong;
	} rows[] = {
		{ NULL, SHOW, 200, 0 },
		{ "Bearer " KEY, show, 200, 0 },
		{ "Bearer " KEY, SHOW, 200, 0 },
		{ "Bearer " KEY, "no JSON", 200, 0 },
		{ NULL, show, 401, 0 },
		{ NULL, "no JSON", 401, 0 },
		{ "Bearer x", SHOW, 401, 1 },
		{ "Bearer x", show, 401, 1 },
		{ "Bearer " KEY, "{\"action\":\"GET_SERVICES\",\"key\":\"x\"}", 401, 1 },
		{ NULL, "{\"action\":\"GET_SERVICES\",\"key\":\"x\"}", 401, 1 },
		{ NULL, "{\"action\":\"x\",\"key\":\"x\"}", 401, 1 },
		{ NULL, "{\"action\":\"x\",\"key\":\"" KEY "\"}", 200, 0 },
	};

	(void)state;
	settle();
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		bed.bearer = rows[i].bearer;
		bed.wrong_keys = 0;
		call(rows[i].body);
		assert_int_equal(bed.status, rows[i].status);
		assert_int_equal(bed.wrong_keys, rows[i].wrong);
	}
}

/* The server has gone, and with it every request; the store still has work of theirs. */
static void ends_amid_orders(void **state)
{
	(void)state;
	settle();
	begin_at("/getNumber", VK);
	begin_at("/finishActivation", "{\"action\":\"FINISH_ACTIVATION\",\"key\":\"" KEY
				      "\",\"activationId\":1,\"status\":3}");
	assert_int_equal(bed.status, 0);
}

/* Numbers are not given, and not counted as gone; what is open can be ended. */
static void stopping(void **state)
{
	(void)state;
	settle();
	call(VK);
	orders_stop(bed.orders);
	assert_string_equal(call(SHOW), "{\"status\":\"ERROR\",\"error\":\"stopping\"}");
	assert_string_equal(call(VK), "{\"status\":\"NO_NUMBERS\"}");
	assert_string_equal(finish_call(1, 3), "{\"status\":\"SUCCESS\"}");
}

/* Dollars are not roubles. */
static void amounts(void **state)
{
	(void)state;
	settle();
	call(ORDER(",\"service\":\"vk\",\"currency\":643"));
	call(ORDER(",\"service\":\"vk\",\"currency\":840"));
	assert_int_equal(stored(1).row.sum, 400000);
	assert_int_equal(stored(2).row.sum, 0);
}

/* After a reload nobody may order until there is a configuration again. */
static void another_configuration(void **state)
{
	struct config none = { 0 };

	(void)state;
	settle();
	assert_int_equal(orders_configure(bed.orders, &none, bed.names), 0);
	call(SHOW);
	assert_int_equal(bed.status, 401);
	assert_true(orders_configure(bed.orders, NULL, NULL) < 0);
	call(SHOW);
	assert_int_equal(bed.status, 401);
	assert_int_equal(orders_configure(bed.orders, &bed.config, bed.names), 0);
	assert_counts(CARDS, CARDS);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(before_the_store_was_read), TEST(order_and_finish),
		TEST(orders_side_by_side), TEST(answers_that_came_late),
		TEST(unanswered_ones_are_released_where_configured),
		TEST(cancelled_ones_are_offered_again), TEST(rents), TEST(keys),
		TEST(ends_amid_orders), TEST(stopping), TEST(amounts),
		TEST(another_configuration) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
