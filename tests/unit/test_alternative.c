/* test_alternative.c - the Alternative API as its clients see it, over a real store: orders, texts,
 * windows, rents, money. The clock is the test's. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "log_fixture.h"
#include "loop_fixture.h"
#include "platform/alternative.h"
#include "platform/alternative_text.h"
#include "platform/key_hash.h"
#include "unit.h"

#define T0      INT64_C(1790000000000)
#define MIN_MS  INT64_C(60000)
#define HOUR_MS (60 * MIN_MS)
#define DAY_MS  (24 * HOUR_MS)

enum { CARDS = 6, SERVICES = 3, CUSTOMERS = 3 };

struct bed {
	struct loop *loop;
	struct store *store;
	struct activations *activations;
	struct customers *customers;
	struct alternative *api;
	struct config config;
	struct config_service services[SERVICES];
	struct config_customer people[CUSTOMERS];
	struct config_price prices[1];
	struct config_country countries[1];
	char *allowed_services[1], *allowed_countries[1];
	char dir[64], path[96];
	int texts; /* put so far */
};

/* ---- requests ------------------------------------------------------------------------------- */

struct fake {
	struct http_request http;
	const char *query;
	const char *authorization, *content_type;
	char value[2048];
	char answer[65536], type[64], policy[64];
	int status; /* 0: not answered yet */
	int wrong_keys;
};

static struct fake *fake_of(const struct http_request *http)
{
	return (struct fake *)(uintptr_t)http;
}

static const char *fake_query(const struct http_request *http, const char *name)
{
	struct fake *fake = fake_of(http);

	if (form_value(fake->query, strlen(fake->query), name, fake->value, sizeof fake->value))
		return NULL;
	return fake->value;
}

static const char *fake_header(const struct http_request *http, const char *name)
{
	if (strcmp(name, "Authorization") == 0)
		return fake_of(http)->authorization;
	return strcmp(name, "Content-Type") == 0 ? fake_of(http)->content_type : NULL;
}

static void fake_wrong_key(struct http_request *http)
{
	fake_of(http)->wrong_keys++;
}

static void fake_set_header(struct http_request *http, const char *name, const char *value)
{
	struct fake *fake = fake_of(http);

	if (strcmp(name, "Content-Security-Policy") == 0)
		snprintf(fake->policy, sizeof fake->policy, "%s", value);
}

static void fake_reply(
	struct http_request *http, int status, const char *type, const char *body, size_t len)
{
	struct fake *fake = fake_of(http);

	assert_int_equal(fake->status, 0);
	assert_true(len < sizeof fake->answer);
	fake->status = status;
	snprintf(fake->type, sizeof fake->type, "%s", type);
	memcpy(fake->answer, body, len);
	fake->answer[len] = '\0';
}

static const struct http_request_ops fake_ops = { .query = fake_query,
	.header = fake_header,
	.wrong_key = fake_wrong_key,
	.set_header = fake_set_header,
	.reply = fake_reply };

static void start(struct bed *bed, struct fake *fake, const char *method)
{
	const struct http_route *route = alternative_routes(bed->api);

	fake->http.ops = &fake_ops;
	fake->http.method = method;
	fake->http.path = route->path;
	fake->http.rest = "";
	if (!fake->http.body)
		fake->http.body = "";
	while (strcmp(route->method, method) != 0)
		route++;
	route->fn(route->arg, &fake->http);
}

static void settle(struct bed *bed)
{
	WAIT_FOR(bed->loop, store_pending(bed->store) == 0);
	loop_turn(bed->loop, 0);
}

static struct fake last;

/* The answer of acme's to a query; api_key may be in it. */
static const char *ask(struct bed *bed, const char *query)
{
	char full[2048];

	snprintf(full, sizeof full, "%s%s", strstr(query, "api_key=") ? "" : "api_key=acme-key&",
		query);
	memset(&last, 0, sizeof last);
	last.query = full;
	start(bed, &last, "GET");
	settle(bed);
	assert_true(last.status != 0);
	assert_non_null(strstr(last.policy, "sandbox"));
	return last.answer;
}

static const char *askf(struct bed *bed, const char *what, long long id)
{
	char query[200];

	snprintf(query, sizeof query, "%s&id=%lld", what, id);
	return ask(bed, query);
}

static void expect(struct bed *bed, const char *query, const char *want)
{
	const char *got = ask(bed, query);

	if (strcmp(got, want) != 0)
		fail_msg("%s: %s, not %s", query, got, want);
}

static void expect_id(struct bed *bed, const char *what, long long id, const char *want)
{
	char query[200];

	snprintf(query, sizeof query, "%s&id=%lld", what, id);
	expect(bed, query, want);
}

/* ---- the bed -------------------------------------------------------------------------------- */

static void card_name(int i, char out[32])
{
	snprintf(out, 32, "894600000000000%04d", i);
}

/* Cards 0 to 3 are Swedish, 4 is Russian, 5 is Ukrainian. */
static void number_of(int i, char out[32])
{
	snprintf(out, 32, i < 4 ? "+4670010%04d" : i == 4 ? "+7912000%04d" : "+38050000%04d", i);
}

static void add_card(struct bed *bed, int i)
{
	char card[32], number[32], slot[8];
	const char *imsi = i < 4    ? "240010000000001"
			   : i == 4 ? "250010000000001"
				    : "255010000000001";

	card_name(i, card);
	number_of(i, number);
	snprintf(slot, sizeof slot, "p%02d", i);
	const struct store_card_seen seen = { "north", slot, "490154203237518", card, card, imsi,
		number, "", loop_wall_ms(bed->loop) };
	const struct store_port port = { "north", slot, card, "ready", true,
		loop_wall_ms(bed->loop) };
	store_card_seen(bed->store, &seen, NULL, NULL);
	store_port_put(bed->store, &port, NULL, NULL);
}

static void on_closed(void *arg, const struct store_activation *activation)
{
	alternative_closed(((struct bed *)arg)->api, activation->id);
}

static void make_config(struct bed *bed)
{
	static char slug_vk[] = "vk", slug_tg[] = "tg", slug_own[] = "own",
		    code[] = "/login ([a-z]+)/i";
	static char name_acme[] = "acme", name_poor[] = "poor", name_few[] = "few";
	static char key_acme[] = "acme-key", key_poor[] = "poor-key", key_few[] = "few-key";
	static char file[] = "test.conf", sweden[] = "46";

	bed->services[0] = (struct config_service) { .name = slug_vk, .price = 3000 };
	bed->services[1] = (struct config_service) {
		.name = slug_tg, .price = 5000, .window_ms = 5 * MIN_MS, .code = code
	};
	bed->services[2] = (struct config_service) { .name = slug_own, .price = -1 };
	bed->prices[0] = (struct config_price) { slug_tg, 4001 };
	bed->people[0] = (struct config_customer) { .name = name_acme,
		.key = key_acme,
		.balance = 1000000,
		.rent_price = 15000,
		.prices = bed->prices,
		.price_count = 1 };
	bed->people[1] = (struct config_customer) {
		.name = name_poor, .key = key_poor, .balance = 2999, .rent_price = 3000
	};
	bed->allowed_services[0] = slug_vk;
	bed->allowed_countries[0] = sweden;
	bed->people[2] = (struct config_customer) { .name = name_few,
		.key = key_few,
		.balance = 1000000,
		.rent_price = -1,
		.services = bed->allowed_services,
		.service_count = 1,
		.countries = bed->allowed_countries,
		.country_count = 1,
		.rate = 60 };
	bed->countries[0] = (struct config_country) { .code = 380, .id = -1, .window_ms = MIN_MS };
	bed->config = (struct config) { .file = file,
		.services = bed->services,
		.service_count = SERVICES,
		.customers = bed->people,
		.customer_count = CUSTOMERS,
		.countries = bed->countries,
		.country_count = 1 };
}

static void open_bed(struct bed *bed)
{
	static const struct activation_events events = { NULL, on_closed };
	static const struct activation_spans spans = { 0 };
	const struct store_config config = {
		.path = bed->path, .host_id = "host-a", .loop = bed->loop
	};
	static const char *const sellers[] = { STORE_CUSTOMERS };
	const struct store_bank_sell sell = { "north", sellers, 1 };
	char why[200];

	assert_int_equal(store_open(&config, &bed->store, why, sizeof why), 0);
	for (int i = 0; i < CARDS; i++)
		add_card(bed, i);
	store_banks_sell(bed->store, &sell, 1, NULL, NULL);
	settle(bed);
	bed->activations = activation_new(bed->loop, bed->store, &spans, &events, bed);
	bed->customers = customers_new(bed->loop, bed->store, &bed->config);
	assert_true(bed->activations && bed->customers);
	const struct alternative_parts parts = { bed->loop, bed->store, bed->activations,
		bed->customers, &bed->config };
	bed->api = alternative_new(&parts);
	assert_non_null(bed->api);
	struct fake early = { .query = "action=getBalance&api_key=acme-key" };
	start(bed, &early, "GET");
	assert_string_equal(early.answer, "ERROR_SQL"); /* not BAD_KEY: nothing is known yet */
	assert_int_equal(early.wrong_keys, 0);
	settle(bed);
	settle(bed); /* the customers are read once they are stored */
	assert_true(activation_ready(bed->activations));
}

static void close_bed(struct bed *bed)
{
	customers_free(bed->customers);
	activation_free(bed->activations);
	alternative_free(bed->api);
	store_close(bed->store);
}

static int setup(void **state)
{
	struct bed *bed = calloc(1, sizeof *bed);

	assert_non_null(bed);
	log_keep();
	snprintf(bed->dir, sizeof bed->dir, "/tmp/simgate-store-XXXXXX");
	assert_non_null(mkdtemp(bed->dir));
	snprintf(bed->path, sizeof bed->path, "%s/simgate.db", bed->dir);
	bed->loop = loop_new_manual(1000, T0);
	make_config(bed);
	open_bed(bed);
	*state = bed;
	return 0;
}

static int teardown(void **state)
{
	static const char *const ends[] = { "", "-wal", "-journal", "-shm", ".lock" };
	struct bed *bed = *state;
	char name[120];

	close_bed(bed);
	loop_free(bed->loop);
	for (size_t i = 0; i < COUNT_OF(ends); i++) {
		snprintf(name, sizeof name, "%s%s", bed->path, ends[i]);
		unlink(name);
	}
	rmdir(bed->dir);
	free(bed);
	return 0;
}

static void pass(struct bed *bed, int64_t ms)
{
	loop_advance(bed->loop, ms);
	settle(bed);
}

/* ---- orders and texts ----------------------------------------------------------------------- */

/* Of the answer to getNumber. */
static long long order(struct bed *bed, const char *query, char number[32])
{
	long long id = 0;
	const char *got = ask(bed, query);

	if (sscanf(got, "ACCESS_NUMBER:%lld:%31s", &id, number) != 2)
		fail_msg("%s: %s", query, got);
	return id;
}

static void on_stored(void *arg, int err, const struct store_sms_result *result)
{
	struct bed *bed = arg;

	assert_int_equal(err, 0);
	assert_false(result->is_moved);
	activation_stored(bed->activations, result);
}

/* As the inbox puts it, for the operation open on the card; state: DELIVERED, or WITHHELD. */
static void put(struct bed *bed, long long id, const char *text, enum store_state state)
{
	const struct store_activation *open = activation_find(bed->activations, id);
	char raw[24];

	assert_non_null(open);
	const struct store_message message = { open->card_id, open->bank, open->slot, "VK", text,
		loop_wall_ms(bed->loop), loop_wall_ms(bed->loop), 1 };
	const struct store_route route = { .platform = STORE_CUSTOMERS,
		.state = state,
		.reason = "",
		.activation = id,
		.open = id };
	snprintf(raw, sizeof raw, "%08d", ++bed->texts);
	const struct store_sms sms = { .card_id = open->card_id,
		.owner = open->card_id,
		.bank = open->bank,
		.slot = open->slot,
		.memory = "SM",
		.index = bed->texts,
		.raw = raw,
		.arrived_ms = loop_wall_ms(bed->loop),
		.message = &message,
		.routes = &route,
		.route_count = 1 };
	store_sms_put(bed->store, &sms, on_stored, bed);
	settle(bed);
}

static void text(struct bed *bed, long long id, const char *words)
{
	put(bed, id, words, STORE_DELIVERED);
}

static void balance(struct bed *bed, const char *want)
{
	char wanted[40];

	snprintf(wanted, sizeof wanted, "ACCESS_BALANCE:%s", want);
	expect(bed, "action=getBalance", wanted);
}

/* ---- who calls ------------------------------------------------------------------------------ */

static void keys(void **state)
{
	static const struct {
		const char *query, *authorization, *want;
	} rows[] = {
		{ "action=getBalance", NULL, "BAD_KEY" },
		{ "action=getBalance&api_key=", NULL, "BAD_KEY" },
		{ "action=getBalance&api_key=acme", NULL, "BAD_KEY" },
		{ "action=getBalance&api_key=acme-key", NULL, "ACCESS_BALANCE:100.00" },
		{ "action=getBalance", "Bearer acme-key", "ACCESS_BALANCE:100.00" },
		{ "action=getBalance", "Bearer acme-kez", "BAD_KEY" },
		{ "action=getBalance", "Basic YWNtZTphY21lLWtleQ==", "BAD_KEY" },
		{ "action=getBalance&api_key=acme-key", "Bearer acme-key",
			"ACCESS_BALANCE:100.00" },
		{ "action=getBalance&api_key=acme-key", "Bearer poor-key", "BAD_KEY" },
		{ "action=getBalance&api_key=poor-key", NULL, "ACCESS_BALANCE:0.2999" },
		{ "api_key=acme-key", NULL, "BAD_ACTION" },
		{ "api_key=acme-key&action=", NULL, "BAD_ACTION" },
		{ "api_key=acme-key&action=getbalance", NULL, "BAD_ACTION" },
		{ "api_key=nobody&action=getbalance", NULL, "BAD_KEY" },
		{ "api_key=acme-key&action=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
			NULL, "BAD_ACTION" },
	};
	struct bed *bed = *state;

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct fake fake = { .query = rows[i].query,
			.authorization = rows[i].authorization };
		start(bed, &fake, "GET");
		settle(bed);
		assert_string_equal(fake.answer, rows[i].want);
		assert_int_equal(fake.wrong_keys, strcmp(rows[i].want, "BAD_KEY") == 0);
		assert_int_equal(fake.status, 200);
		assert_non_null(strstr(fake.type, "text/html"));
	}
}

static void forms(void **state)
{
	static const char body[] = "action=getBalance&api_key=acme%2Dkey";
	static const char parts[] =
		"--------------------------8d1\r\n"
		"Content-Disposition: form-data; name=\"api_key\"\r\n\r\nacme-key\r\n"
		"--------------------------8d1\r\n"
		"Content-Disposition: form-data; name=\"action\"\r\n\r\ngetBalance\r\n"
		"--------------------------8d1--\r\n";
	struct bed *bed = *state;
	struct fake fake = { .query = "",
		.http = { .body = body, .body_len = sizeof body - 1 },
		.content_type = "application/x-www-form-urlencoded; charset=utf-8" };

	start(bed, &fake, "POST");
	settle(bed);
	assert_string_equal(fake.answer, "ACCESS_BALANCE:100.00");

	fake = (struct fake) { .query = "api_key=acme-key&action=getCountry",
		.http = { .body = body, .body_len = sizeof body - 1 } };
	start(bed, &fake, "POST"); /* the query counts */
	assert_string_equal(fake.answer, "BAD_ACTION");

	fake = (struct fake) { .query = "",
		.http = { .body = body, .body_len = sizeof body - 1 },
		.content_type = "application/json" };
	start(bed, &fake, "POST");
	assert_string_equal(fake.answer, "BAD_KEY");

	fake = (struct fake) { .query = "",
		.http = { .body = parts, .body_len = sizeof parts - 1 },
		.content_type = "multipart/form-data; boundary=------------------------8d1" };
	start(bed, &fake, "POST"); /* PHP's curl with an array */
	settle(bed);
	assert_string_equal(fake.answer, "ACCESS_BALANCE:100.00");

	fake = (struct fake) { .query = "action=getBalance&api_key=acme-key" };
	start(bed, &fake, "POST"); /* what many clients do */
	settle(bed);
	assert_string_equal(fake.answer, "ACCESS_BALANCE:100.00");
}

static void rates(void **state)
{
	struct bed *bed = *state;

	for (int i = 0; i < 10; i++) {
		expect(bed, "api_key=few-key&action=x", "BAD_ACTION");
		assert_int_equal(last.status, 200);
	}
	expect(bed, "api_key=few-key&action=x", "TOO_MANY_REQUESTS");
	assert_int_equal(last.status, 429);
	expect(bed, "api_key=acme-key&action=x", "BAD_ACTION"); /* another's limit */
	loop_advance(bed->loop, 999);
	expect(bed, "api_key=few-key&action=x", "TOO_MANY_REQUESTS");
	loop_advance(bed->loop, 1);
	expect(bed, "api_key=few-key&action=x", "BAD_ACTION");
	expect(bed, "api_key=few-key&action=x", "TOO_MANY_REQUESTS");
	pass(bed, HOUR_MS);
	for (int i = 0; i < 10; i++)
		expect(bed, "api_key=few-key&action=x", "BAD_ACTION");
	expect(bed, "api_key=few-key&action=x", "TOO_MANY_REQUESTS");
}

/* ---- single services ------------------------------------------------------------------------ */

static void a_code(void **state)
{
	struct bed *bed = *state;
	char number[32];
	long long id = order(bed, "action=getNumber&service=vk&country=46", number);

	assert_memory_equal(number, "4670010", 7);
	balance(bed, "99.70");
	expect_id(bed, "action=getStatus", id, "STATUS_WAIT_CODE");
	expect_id(bed, "action=getFullSms", id, "STATUS_WAIT_CODE");
	expect_id(bed, "action=setStatus&status=1", id, "ACCESS_READY");
	expect_id(bed, "action=setStatus&status=3", id, "BAD_STATUS");
	expect_id(bed, "action=setStatus&status=2", id, "BAD_STATUS");
	expect_id(bed, "action=setStatus&status=", id, "BAD_STATUS");
	expect_id(bed, "action=getStatus", id, "STATUS_WAIT_CODE");

	text(bed, id, "VK: 123-456 <script>");
	expect_id(bed, "action=getStatus", id, "STATUS_OK:123456");
	expect_id(bed, "action=getStatus", id, "STATUS_OK:123456");
	expect_id(bed, "action=getFullSms", id, "FULL_SMS:[VK] VK: 123-456 <script>");
	expect_id(bed, "action=setStatus&status=8", id, "BAD_STATUS");
	expect_id(bed, "action=setStatus&status=-1", id, "BAD_STATUS");
	expect_id(bed, "action=setStatus&status=3", id, "ACCESS_RETRY_GET");
	expect_id(bed, "action=getStatus", id, "STATUS_WAIT_RETRY:123456");
	expect_id(bed, "action=setStatus&status=3", id, "ACCESS_RETRY_GET");
	text(bed, id, "code 7777");
	expect_id(bed, "action=getStatus", id, "STATUS_OK:7777");
	text(bed, id, "no digits\nhere");
	expect_id(bed, "action=getStatus", id, "STATUS_OK:no digits here");
	text(bed, id, "and 5555");

	expect_id(bed, "action=setStatus&status=6", id, "ACCESS_ACTIVATION");
	for (int status = -1; status <= 8; status++) {
		char query[80];
		snprintf(query, sizeof query, "action=setStatus&status=%d&id=%lld", status, id);
		expect(bed, query, "NO_ACTIVATION");
	}
	expect_id(bed, "action=getStatus", id, "STATUS_OK:5555");
	expect_id(bed, "action=getFullSms", id, "FULL_SMS:[VK] and 5555");
	pass(bed, DAY_MS);
	expect_id(bed, "action=getStatus", id, "NO_ACTIVATION");
	balance(bed, "99.70");
}

/* What is somebody else's, or nothing, is no activation. */
static void whose(void **state)
{
	static const char *const ids[] = { "", "0", "-1", "x", "99999", "9999999999999999999999",
		"1x" };
	struct bed *bed = *state;
	char number[32], query[120];
	long long id = order(bed, "action=getNumber&service=vk", number);

	expect_id(bed, "api_key=poor-key&action=getStatus", id, "NO_ACTIVATION");
	expect_id(bed, "api_key=poor-key&action=setStatus&status=8", id, "NO_ACTIVATION");
	expect_id(bed, "api_key=poor-key&action=getRentStatus", id,
		"{\"status\":\"error\",\"message\":\"INVALID_PHONE\"}");
	expect_id(bed, "action=getRentStatus", id,
		"{\"status\":\"error\",\"message\":\"INVALID_PHONE\"}");
	for (size_t i = 0; i < COUNT_OF(ids); i++) {
		snprintf(query, sizeof query, "action=getStatus&id=%s", ids[i]);
		expect(bed, query, "NO_ACTIVATION");
		snprintf(query, sizeof query, "action=setStatus&status=6&id=%s", ids[i]);
		expect(bed, query, "NO_ACTIVATION");
	}
	expect(bed, "action=setStatus&status=6", "NO_ACTIVATION");
	text(bed, id, "1234");
	expect_id(bed, "api_key=poor-key&action=getStatus", id, "NO_ACTIVATION");
	expect_id(bed, "api_key=poor-key&action=getFullSms", id, "NO_ACTIVATION");
}

static void cancelled(void **state)
{
	struct bed *bed = *state;
	char number[32];
	long long id = order(bed, "action=getNumber&service=vk", number);

	balance(bed, "99.70");
	expect_id(bed, "action=setStatus&status=8", id, "ACCESS_CANCEL");
	balance(bed, "100.00");
	expect_id(bed, "action=setStatus&status=8", id, "NO_ACTIVATION");
	balance(bed, "100.00");
	expect_id(bed, "action=getStatus", id, "STATUS_CANCEL");
	id = order(bed, "action=getNumber&service=vk", number);
	expect_id(bed, "action=setStatus&status=-1", id, "ACCESS_CANCEL");
	/* Closed without a text: nothing was sold. */
	id = order(bed, "action=getNumber&service=vk", number);
	expect_id(bed, "action=setStatus&status=6", id, "ACCESS_ACTIVATION");
	expect_id(bed, "action=getStatus", id, "STATUS_CANCEL");
	balance(bed, "100.00");
	/* A span may be set. */
	bed->config.http.cancel_after_ms = 2 * MIN_MS;
	id = order(bed, "action=getNumber&service=vk", number);
	expect_id(bed, "action=setStatus&status=8", id, "EARLY_CANCEL_DENIED");
	pass(bed, 2 * MIN_MS - 1);
	expect_id(bed, "action=setStatus&status=8", id, "EARLY_CANCEL_DENIED");
	pass(bed, 1);
	expect_id(bed, "action=setStatus&status=8", id, "ACCESS_CANCEL");
	balance(bed, "100.00");
}

/* The window is from the order, and no text begins it anew. */
static void windows(void **state)
{
	struct bed *bed = *state;
	char number[32];
	long long vk = order(bed, "action=getNumber&service=vk&country=46", number);
	long long tg = order(bed, "action=getNumber&service=tg&country=46", number);
	long long far = order(bed, "action=getNumber&service=vk&country=1", number);
	long long sold = order(bed, "action=getNumber&service=vk&country=46", number);

	assert_memory_equal(number, "46", 2);
	balance(bed, "98.6999"); /* 0.30, 0.4001, 0.30, 0.30 */
	pass(bed, MIN_MS - 1);
	expect_id(bed, "action=getStatus", far, "STATUS_WAIT_CODE");
	pass(bed, 1); /* a country of a minute */
	expect_id(bed, "action=getStatus", far, "STATUS_CANCEL");
	balance(bed, "98.9999");
	pass(bed, 4 * MIN_MS - 1);
	expect_id(bed, "action=getStatus", tg, "STATUS_WAIT_CODE");
	pass(bed, 1); /* a service of five */
	expect_id(bed, "action=getStatus", tg, "STATUS_CANCEL");
	balance(bed, "99.40");
	text(bed, sold, "1111");
	pass(bed, 9 * MIN_MS);
	text(bed, sold, "2222");
	expect_id(bed, "action=getStatus", sold, "STATUS_OK:2222");
	pass(bed, MIN_MS - 1);
	expect_id(bed, "action=getStatus", vk, "STATUS_WAIT_CODE");
	expect_id(bed, "action=setStatus&status=3", sold, "ACCESS_RETRY_GET");
	pass(bed, 1); /* the usual fifteen */
	expect_id(bed, "action=getStatus", vk, "STATUS_CANCEL");
	expect_id(bed, "action=getStatus", sold, "STATUS_OK:2222");
	expect_id(bed, "action=setStatus&status=3", sold, "NO_ACTIVATION");
	balance(bed, "99.70"); /* what was sold stays paid */
	pass(bed, HOUR_MS);
	balance(bed, "99.70");
}

/* Without a country it is the card's that says how long an order lasts. */
static void windows_of_any(void **state)
{
	struct bed *bed = *state;
	char number[32];
	int left = CARDS;

	while (left-- > 0) {
		long long id = order(bed, "action=getNumber&service=vk", number);
		bool minute = strncmp(number, "380", 3) == 0;
		const struct store_activation *open = activation_find(bed->activations, id);
		assert_int_equal(open->expires_ms - open->opened_ms, minute ? MIN_MS : 15 * MIN_MS);
	}
	expect(bed, "action=getNumber&service=vk", "NO_NUMBERS");
}

static void refusals(void **state)
{
	static const struct {
		const char *query, *want;
	} rows[] = {
		{ "action=getNumber", "BAD_SERVICE" },
		{ "action=getNumber&service=", "BAD_SERVICE" },
		{ "action=getNumber&service=zz", "BAD_SERVICE" },
		{ "action=getNumber&service=own", "BAD_SERVICE" }, /* has no price */
		{ "action=getNumber&service=rent", "BAD_SERVICE" },
		{ "action=getNumber&service=vk&country=x", "NO_NUMBERS" },
		{ "action=getNumber&service=vk&country=45", "NO_NUMBERS" },
		{ "action=getNumber&service=vk&country=7", "NO_NUMBERS" }, /* Russia has id 0 */
		{ "action=getNumber&service=vk&phoneException=[a]", "WRONG_EXCEPTION_PHONE" },
		{ "action=getNumber&service=vk&country=46&phoneException=[70010]", "NO_NUMBERS" },
		{ "action=getNumber&service=vk&country=46&phoneException=4670", "NO_NUMBERS" },
		{ "api_key=poor-key&action=getNumber&service=vk", "NO_BALANCE" },
		{ "api_key=few-key&action=getNumber&service=tg", "BAD_SERVICE" },
		{ "api_key=few-key&action=getNumber&service=vk&country=0", "NO_NUMBERS" },
		{ "api_key=few-key&action=getRentNumber&country=46", "NO_NUMBERS" },
		{ "api_key=poor-key&action=getRentNumber&country=46", "WARNING_LOW_BALANCE" },
	};
	struct bed *bed = *state;
	char number[32];

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		expect(bed, rows[i].query, rows[i].want);
	balance(bed, "100.00");
	order(bed, "action=getNumber&service=vk_0&country=0", number);
	assert_string_equal(number, "79120000004");
	expect(bed, "action=getNumber&service=tg&country=0", "NO_NUMBERS"); /* in an operation */
	order(bed, "action=getNumber&service=vk&country=46&phoneException=[700100000,46700100001]",
		number);
	assert_true(strcmp(number, "46700100002") == 0 || strcmp(number, "46700100003") == 0);
	for (int i = 0; i < 3; i++) {
		order(bed, "api_key=few-key&action=getNumber&service=vk", number);
		assert_memory_equal(number, "46", 2);
	}
	expect(bed, "api_key=few-key&action=getNumber&service=vk", "NO_NUMBERS");
}

/* A number that was sold for a service is not sold for it again. */
static void used_up(void **state)
{
	struct bed *bed = *state;
	char number[32], other[32];
	long long id = order(bed, "action=getNumber&service=vk&country=0", number);

	text(bed, id, "1234");
	expect_id(bed, "action=setStatus&status=6", id, "ACCESS_ACTIVATION");
	settle(bed);
	expect(bed, "action=getNumber&service=vk&country=0", "NO_NUMBERS");
	expect(bed, "action=getNumbersStatus&country=7", "{\"vk_0\":0,\"tg_0\":1}");
	order(bed, "action=getNumber&service=tg&country=0", other);
	assert_string_equal(number, other);
	expect(bed, "action=getNumbersStatus&country=7", "{\"vk_0\":0,\"tg_0\":0}");
}

static void codes_by_pattern(void **state)
{
	struct bed *bed = *state;
	char number[32];
	long long id = order(bed, "action=getNumber&service=tg&country=46", number);

	text(bed, id, "Your LOGIN abcd 1234");
	expect_id(bed, "action=getStatus", id, "STATUS_OK:abcd");
	text(bed, id, "Your code 1234");
	expect_id(bed, "action=getStatus", id, "STATUS_OK:1234");
}

/* What the filter withholds is not shown, and is no text that was sold. */
static void withheld(void **state)
{
	struct bed *bed = *state;
	char number[32];
	long long id = order(bed, "action=getNumber&service=vk&country=46", number);

	put(bed, id, "secret 9999", STORE_WITHHELD);
	expect_id(bed, "action=getStatus", id, "STATUS_WAIT_CODE");
	expect_id(bed, "action=getFullSms", id, "STATUS_WAIT_CODE");
	text(bed, id, "code 1234");
	put(bed, id, "secret 8888", STORE_WITHHELD);
	expect_id(bed, "action=getStatus", id, "STATUS_OK:1234");
}

/* ---- lists ---------------------------------------------------------------------------------- */

static void lists(void **state)
{
	struct bed *bed = *state;
	char number[32];
	cJSON *json = cJSON_Parse(ask(bed, "action=getCountries"));
	const cJSON *item;

	assert_string_equal(last.type, "application/json");
	assert_non_null(json);
	assert_int_equal(cJSON_GetArraySize(json), countries_count);
	item = cJSON_GetObjectItem(json, "1");
	assert_int_equal(cJSON_GetObjectItem(item, "id")->valueint, 187);
	assert_string_equal(cJSON_GetObjectItem(item, "eng")->valuestring, "usa");
	assert_int_equal(cJSON_GetObjectItem(item, "visible")->valueint, 1);
	assert_int_equal(cJSON_GetObjectItem(item, "retry")->valueint, 0);
	assert_int_equal(cJSON_GetObjectItem(item, "rent")->valueint, 1);
	assert_non_null(cJSON_GetObjectItem(item, "multiService"));
	item = cJSON_GetObjectItem(json, "401");
	assert_int_equal(cJSON_GetObjectItem(item, "id")->valueint, 2);
	cJSON_Delete(json);
	expect(bed, "api_key=few-key&action=getCountries",
		"{\"46\":{\"id\":46,\"rus\":\"Швеция\",\"eng\":\"sweden\",\"chn\":\"瑞典\","
		"\"visible\":1,\"retry\":0,\"rent\":0,\"multiService\":0}}");

	expect(bed, "action=getNumbersStatus", "{\"vk_0\":6,\"tg_0\":6}");
	expect(bed, "action=getNumbersStatus&country=46", "{\"vk_0\":4,\"tg_0\":4}");
	expect(bed, "action=getNumbersStatus&country=380", "{\"vk_0\":1,\"tg_0\":1}");
	expect(bed, "action=getNumbersStatus&country=0", "{\"vk_0\":0,\"tg_0\":0}"); /* an id */
	expect(bed, "action=getNumbersStatus&country=zz", "{\"vk_0\":0,\"tg_0\":0}");
	expect(bed, "api_key=few-key&action=getNumbersStatus", "{\"vk_0\":4}");
	order(bed, "action=getNumber&service=vk&country=46", number);
	expect(bed, "action=getNumbersStatus", "{\"vk_0\":5,\"tg_0\":5}");

	expect(bed, "action=getRentServicesAndCountries&country=46",
		"{\"countries\":{\"0\":1,\"46\":3,\"1\":1},\"operators\":{\"0\":\"any\"},"
		"\"services\":{\"full\":{\"quant\":3,\"cost\":1.50}}}");
	expect(bed, "action=getRentServicesAndCountries&country=0",
		"{\"countries\":{\"0\":1,\"46\":3,\"1\":1},\"operators\":{\"0\":\"any\"},"
		"\"services\":{\"full\":{\"quant\":1,\"cost\":1.50}}}");
	assert_non_null(strstr(ask(bed, "action=getRentServicesAndCountries"), "\"quant\":5"));
	assert_non_null(
		strstr(ask(bed, "action=getRentServicesAndCountries&country=45"), "\"quant\":0"));
	expect(bed, "api_key=few-key&action=getRentServicesAndCountries&country=46", "NO_NUMBERS");
}

/* ---- rents ---------------------------------------------------------------------------------- */

static long long rent(struct bed *bed, const char *query, char end[40], char number[32])
{
	long long id = 0;
	const char *got = ask(bed, query);

	assert_string_equal(last.type, "application/json");
	if (sscanf(got,
		    "{\"status\":\"success\",\"phone\":{\"id\":%lld,\"endDate\":\"%39[^\"]\","
		    "\"number\":\"%31[^\"]\"}}",
		    &id, end, number) != 3)
		fail_msg("%s: %s", query, got);
	return id;
}

static const char wait_code[] = "{\"status\":\"error\",\"message\":\"STATUS_WAIT_CODE\"}";
static const char bad_status[] = "{\"status\":\"error\",\"message\":\"BAD_STATUS\"}";
static const char invalid[] = "{\"status\":\"error\",\"message\":\"INVALID_PHONE\"}";

static void rents(void **state)
{
	struct bed *bed = *state;
	char end[40], number[32], want[400], date[ISO_SIZE];
	long long id, other;

	expect(bed, "action=getRentList", "{\"status\":\"success\",\"values\":{}}");
	expect(bed, "action=getRentNumber&country=0&time=0",
		"{\"status\":\"error\",\"message\":\"INVALID_TIME\"}");
	id = rent(bed, "action=getRentNumber&country=0&time=25", end, number);
	assert_string_equal(number, "9120000004");
	assert_string_equal(end, iso_time(loop_wall_ms(bed->loop) + 2 * DAY_MS, date));
	balance(bed, "97.00");
	snprintf(want, sizeof want,
		"{\"status\":\"success\",\"values\":{\"0\":{\"id\":%lld,\"phone\":\"9120000004\"}}"
		"}",
		id);
	expect(bed, "action=getRentList", want);
	expect_id(bed, "action=getRentStatus", id, wait_code);
	expect_id(bed, "action=getStatus", id, "NO_ACTIVATION");
	expect_id(bed, "action=setStatus&status=8", id, "NO_ACTIVATION");
	expect_id(bed, "action=setRentStatus&status=1", id, bad_status);
	expect_id(bed, "action=setRentStatus", id, bad_status);
	expect_id(bed, "api_key=poor-key&action=getRentStatus", id, invalid);
	expect_id(bed, "api_key=poor-key&action=setRentStatus&status=2", id, invalid);
	expect(bed, "action=getRentNumber&country=0", "NO_NUMBERS");

	other = rent(bed, "action=getRentNumber&country=46&rent_time=2", end, number);
	balance(bed, "95.50");
	text(bed, id, "hello");
	iso_time(loop_wall_ms(bed->loop), date);
	snprintf(want, sizeof want,
		"{\"status\":\"success\",\"quantity\":1,\"values\":{\"0\":{\"phoneFrom\":"
		"\"+79120000004\",\"text\":\"hello\",\"service\":\"VK\",\"date\":\"%s\"}}}",
		date);
	expect_id(bed, "action=getRentStatus", id, want);
	text(bed, id, "two");
	assert_non_null(strstr(askf(bed, "action=getRentStatus", id),
		"\"quantity\":2,\"values\":{\"0\":{\"phoneFrom\":\"+79120000004\",\"text\":"
		"\"two\""));
	assert_non_null(
		strstr(last.answer, "\"1\":{\"phoneFrom\":\"+79120000004\",\"text\":\"hello\""));
	bed->config.http.rent_siblings = true;
	text(bed, id, "three");
	assert_non_null(strstr(askf(bed, "action=getRentStatus", id),
		"{\"phoneFrom\":\"VK\",\"text\":\"three\",\"service\":\"full\""));

	/* The other has no text: over and paid back after twenty minutes. */
	pass(bed, 20 * MIN_MS - 1);
	expect_id(bed, "action=getRentStatus", other, wait_code);
	pass(bed, 1);
	expect_id(bed, "action=getRentStatus", other,
		"{\"status\":\"error\",\"message\":\"STATUS_CANCEL\"}");
	balance(bed, "97.00");
	pass(bed, DAY_MS);
	assert_non_null(strstr(askf(bed, "action=getRentStatus", id), "\"quantity\":3"));
	pass(bed, DAY_MS);
	expect_id(bed, "action=getRentStatus", id,
		"{\"status\":\"error\",\"message\":\"STATUS_FINISH\"}");
	balance(bed, "97.00");
	expect(bed, "action=getRentList", "{\"status\":\"success\",\"values\":{}}");
}

static void rents_closed(void **state)
{
	struct bed *bed = *state;
	char end[40], number[32];
	long long id = rent(bed, "action=getRentNumber&country=46", end, number), other;

	expect_id(bed, "action=setRentStatus&status=2", id, "{\"status\":\"success\"}");
	expect_id(bed, "action=setRentStatus&status=2", id, invalid);
	balance(bed, "100.00");
	id = rent(bed, "action=getRentNumber&country=46", end, number);
	other = rent(bed, "action=getRentNumber&country=46", end, number);
	assert_true(id != other);
	/* Two of one country: keys count. */
	assert_non_null(strstr(ask(bed, "action=getRentList"), "\"values\":{\"0\":{\"id\":"));
	assert_non_null(strstr(last.answer, "},\"1\":{\"id\":"));
	text(bed, id, "x");
	expect_id(bed, "action=setRentStatus&status=2", id, "{\"status\":\"success\"}");
	expect_id(bed, "action=getRentStatus", id,
		"{\"status\":\"error\",\"message\":\"STATUS_FINISH\"}");
	balance(bed, "97.00"); /* one used, one open */
}

/* ---- what survives -------------------------------------------------------------------------- */

static void a_restart(void **state)
{
	struct bed *bed = *state;
	char number[32], end[40];
	long long waits = order(bed, "action=getNumber&service=vk&country=46", number);
	long long has = order(bed, "action=getNumber&service=vk&country=46", number);
	long long rented = rent(bed, "action=getRentNumber&country=0", end, number);
	long long closed = order(bed, "action=getNumber&service=tg&country=46", number);

	text(bed, has, "1234");
	text(bed, rented, "5678");
	expect_id(bed, "action=setStatus&status=3", has, "ACCESS_RETRY_GET");
	expect_id(bed, "action=setStatus&status=8", closed, "ACCESS_CANCEL");
	balance(bed, "97.90");
	pass(bed, MIN_MS);
	close_bed(bed);
	bed->services[1].code = NULL;
	open_bed(bed);
	balance(bed, "97.90"); /* the opening entry is booked once */
	expect_id(bed, "action=getStatus", waits, "STATUS_WAIT_CODE");
	expect_id(bed, "action=getStatus", has, "STATUS_WAIT_RETRY:1234");
	expect_id(bed, "action=getStatus", closed, "STATUS_CANCEL");
	assert_non_null(strstr(askf(bed, "action=getRentStatus", rented), "5678"));
	pass(bed, 14 * MIN_MS);
	expect_id(bed, "action=getStatus", waits, "STATUS_CANCEL");
	expect_id(bed, "action=getStatus", has, "STATUS_OK:1234");
	balance(bed, "98.20");
}

/* ---- customers ------------------------------------------------------------------------------ */

static void by_hand(void **state)
{
	struct bed *bed = *state;
	char key[KEY_NEW_SIZE], hash[STORE_KEY_HASH_SIZE], query[200], number[32];

	assert_int_equal(key_new(key), 0);
	assert_int_equal(strspn(key, "0123456789abcdef"), KEY_NEW_SIZE - 1);
	key_hash(key, hash);
	assert_string_not_equal(key, hash);
	key_hash("abc", hash); /* FIPS 180-4 */
	assert_string_equal(
		hash, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	key_hash(key, hash);
	store_customer_add(bed->store, "hand", hash, loop_wall_ms(bed->loop), NULL, NULL);
	store_customer_topup(bed->store, "hand", 10000, "", loop_wall_ms(bed->loop), NULL, NULL);
	customers_refresh(bed->customers);
	settle(bed);
	snprintf(query, sizeof query, "api_key=%s&action=getBalance", key);
	expect(bed, query, "ACCESS_BALANCE:1.00");
	snprintf(query, sizeof query, "api_key=%s&action=getRentNumber&country=46", key);
	expect(bed, query, "NO_NUMBERS"); /* has no price for it */
	snprintf(query, sizeof query, "api_key=%s&action=getNumber&service=tg", key);
	order(bed, query, number); /* at the service's own price */
	snprintf(query, sizeof query, "api_key=%s&action=getBalance", key);
	expect(bed, query, "ACCESS_BALANCE:0.50");
	store_customer_disable(bed->store, "hand", true, NULL, NULL);
	customers_refresh(bed->customers);
	settle(bed);
	expect(bed, query, "BAD_KEY");
	store_customer_disable(bed->store, "hand", false, NULL, NULL);
	customers_refresh(bed->customers);
	settle(bed);
	expect(bed, query, "ACCESS_BALANCE:0.50");
}

static void gone(void **state)
{
	struct bed *bed = *state;
	struct config without = bed->config;

	without.customers = bed->people + 1;
	without.customer_count = CUSTOMERS - 1;
	customers_reload(bed->customers, &without);
	expect(bed, "action=getBalance", "BAD_KEY"); /* at once */
	assert_int_equal(last.wrong_keys, 0);        /* a known one: the others there go on */
	expect(bed, "api_key=poor-key&action=getBalance", "ACCESS_BALANCE:0.2999");
	settle(bed);
	expect(bed, "action=getBalance", "BAD_KEY");
	customers_reload(bed->customers, &bed->config);
	settle(bed);
	settle(bed);
	balance(bed, "100.00");
}

/* ---- the configuration ---------------------------------------------------------------------- */

static void checks(void **state)
{
	static const struct {
		const char *code, *want; /* NULL: is fine */
	} rows[] = { { "/a/", NULL }, { "/a/i", NULL }, { "a", "between slashes" },
		{ "//", "between slashes" }, { "/a", "between slashes" },
		{ "/", "between slashes" }, { "", "between slashes" }, { "i", "between slashes" },
		{ "/(a/", "missing" } };
	struct bed *bed = *state;
	char code[40];

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct config_report report = { 0 };
		snprintf(code, sizeof code, "%s", rows[i].code);
		bed->services[0].code = code;
		alternative_check(&bed->config, &report);
		assert_int_equal(report.errors, rows[i].want != NULL);
		if (rows[i].want)
			assert_non_null(strstr(report.lines[0], rows[i].want));
		config_report_free(&report);
	}
	bed->services[0].code = NULL;
	struct config_report report = { 0 };
	bed->countries[0].id = 46;
	alternative_check(&bed->config, &report);
	assert_true(report.errors > 0);
	assert_non_null(strstr(report.lines[0], "sweden has 46 too"));
	config_report_free(&report);
}

/* An id of the configuration's stands for its country, and the table's for none. */
static void ids(void **state)
{
	struct bed *bed = *state;
	char number[32];

	bed->countries[0].id = 500123;
	expect(bed, "action=getNumber&service=vk&country=1", "NO_NUMBERS");
	order(bed, "action=getNumber&service=vk&country=500123", number);
	assert_string_equal(number, "380500000005");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(keys), TEST(forms), TEST(rates), TEST(a_code),
		TEST(whose), TEST(cancelled), TEST(windows), TEST(windows_of_any), TEST(refusals),
		TEST(used_up), TEST(codes_by_pattern), TEST(withheld), TEST(lists), TEST(rents),
		TEST(rents_closed), TEST(a_restart), TEST(by_hand), TEST(gone), TEST(checks),
		TEST(ids) };

	return cmocka_run_group_tests_name("alternative", tests, NULL, NULL);
}
