/* test_sending.c - batches, pauses that the platform asks for, webhooks, takeOffNumbers, and two
 * days without a platform. */
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platform/takeoff.h"
#include "platform_fixture.h"

#define SEND  "addMessage"
#define BATCH "addMessages"
#define LIST  "sendNumbersOnline"

/* The text of entry `at` in batch `call`; "" past its end. Its number goes to number. */
static void batch_text(
	struct fixture *fx, size_t call, int at, char text[64], char number[STORE_NUMBER_SIZE])
{
	cJSON *root = cJSON_Parse(fx_call(fx, BATCH, call)->body);
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(root, "messages");
	const cJSON *item = cJSON_GetArrayItem(list, at);
	const char *found = cJSON_GetStringValue(cJSON_GetObjectItem(item, "message"));
	const char *of = cJSON_GetStringValue(cJSON_GetObjectItem(item, "number"));

	assert_true(cJSON_IsArray(list));
	snprintf(text, 64, "%s", found ? found : "");
	snprintf(number, STORE_NUMBER_SIZE, "%s", of ? of : "");
	cJSON_Delete(root);
}

static int batch_size(struct fixture *fx, size_t call)
{
	char text[64], number[STORE_NUMBER_SIZE];
	int count = 0;

	for (batch_text(fx, call, 0, text, number); number[0];
		batch_text(fx, call, ++count, text, number))
		;
	return count;
}

static void cards(struct fixture *fx, int count)
{
	for (int i = 0; i < count; i++)
		fx_card(fx, i, true);
}

/* Text "tI-K" to card I. */
static void text_of(struct fixture *fx, int i, int k)
{
	char text[32];

	snprintf(text, sizeof text, "t%d-%d", i, k);
	fx_text(fx, i, text);
}

static int state_of(struct fixture *fx, int i, int k)
{
	char text[32];

	snprintf(text, sizeof text, "t%d-%d", i, k);
	return fx_state(fx, text, NULL);
}

/* ---- batches -------------------------------------------------------------------------------- */

static void texts_are_gathered(void **state)
{
	struct fixture *fx = *state;
	char text[64], number[STORE_NUMBER_SIZE];

	fx->platform.batch_ms = 5000;
	cards(fx, 3);
	fx_outbox(fx);
	for (int i = 0; i < 3; i++)
		text_of(fx, i, 0);
	text_of(fx, 1, 1); /* waits for the first of its card */
	fx_pass(fx, 4500);
	assert_int_equal(fx_calls(fx, NULL), 0);
	fx_pass(fx, 1000);
	assert_int_equal(fx_calls(fx, BATCH), 1);
	assert_int_equal(batch_size(fx, 0), 3);
	for (int i = 0; i < 3; i++)
		assert_int_equal(state_of(fx, i, 0), STORE_DELIVERED);
	assert_int_equal(state_of(fx, 1, 1), STORE_QUEUED);
	fx_pass(fx, 5500);
	assert_int_equal(fx_calls(fx, BATCH), 2);
	batch_text(fx, 1, 0, text, number);
	assert_string_equal(text, "t1-1");
	assert_string_equal(number, "+46700000001");
	assert_int_equal(fx_calls(fx, SEND), 0);
	assert_int_equal(fx_status(fx).delivered, 4);
	assert_int_equal(fx->delivered_events, 4);
	assert_true(outbox_idle(fx->outbox));
	fx_pass(fx, 60000);
	assert_int_equal(fx_calls(fx, NULL), 2);
}

/* What earlier runs left goes out at once in full batches, never with two of a card. */
static void a_backlog_goes_in_batches(void **state)
{
	struct fixture *fx = *state;

	fx->platform.batch_ms = 1000;
	cards(fx, 30);
	for (int k = 0; k < 4; k++)
		for (int i = 0; i < 30; i++)
			text_of(fx, i, k);
	fx_outbox(fx);
	fx_pass(fx, 10000);
	assert_int_equal(fx_status(fx).delivered, 120);
	assert_int_equal(fx_calls(fx, SEND), 0);
	assert_in_range(fx_calls(fx, BATCH), 4, 8);
	for (size_t c = 0; c < fx_calls(fx, BATCH); c++) {
		char seen[30] = { 0 }, text[64], number[STORE_NUMBER_SIZE];
		for (int at = 0; at < batch_size(fx, c); at++) {
			batch_text(fx, c, at, text, number);
			assert_false(seen[atoi(number + 9)]++);
		}
	}
}

static void a_refused_batch_is_taken_apart(void **state)
{
	struct fixture *fx = *state;
	char reason[64];

	fx->platform.batch_ms = 2000;
	fx->bad_text = "t1-0";
	cards(fx, 3);
	fx_outbox(fx);
	for (int i = 0; i < 3; i++)
		text_of(fx, i, 0);
	fx_pass(fx, 2500);
	assert_int_equal(fx_calls(fx, BATCH), 1);
	assert_int_equal(fx_calls(fx, SEND), 3); /* at once, each by itself */
	assert_int_equal(state_of(fx, 0, 0), STORE_DELIVERED);
	assert_int_equal(fx_state(fx, "t1-0", reason), STORE_REFUSED);
	assert_string_equal(reason, "ERROR_PARAMS");
	assert_int_equal(state_of(fx, 2, 0), STORE_DELIVERED);
	assert_int_equal(fx_status(fx).health, OUTBOX_UP);
	assert_int_equal(fx_status(fx).refused, 1);
	/* for a while no batch */
	text_of(fx, 0, 1);
	fx_settle(fx);
	assert_int_equal(fx_calls(fx, SEND), 4);
	fx_pass(fx, 11 * 60000);
	text_of(fx, 0, 2);
	fx_pass(fx, 2500);
	assert_int_equal(fx_calls(fx, BATCH), 2);
	assert_int_equal(logged("does not take a batch"), 1);
}

/* A server that knows no addMessages says nothing of the account by that. */
static void a_server_without_batches(void **state)
{
	struct fixture *fx = *state;

	fx->platform.batch_ms = 1000;
	fx_reply_batch(fx,
		(struct reply) { .status = 405, .body = "{\"response\":\"REQUEST_NOT_FOUND\"}" });
	cards(fx, 2);
	fx_outbox(fx);
	text_of(fx, 0, 0);
	text_of(fx, 1, 0);
	fx_pass(fx, 1500);
	assert_int_equal(fx_calls(fx, BATCH), 1);
	assert_int_equal(fx_calls(fx, SEND), 2);
	assert_int_equal(fx_status(fx).health, OUTBOX_UP);
	assert_int_equal(fx_status(fx).delivered, 2);
	assert_int_equal(logged("platform_account"), 0);
}

/* No answer, or nonsense: each is tried alone, later, so that one bad text holds up no other. */
static void a_failed_batch_is_tried_in_single_texts(void **state)
{
	struct fixture *fx = *state;

	fx->platform.batch_ms = 1000;
	fx_reply_batch(fx, (struct reply) { .status = 500, .body = "" });
	cards(fx, 3);
	fx_outbox(fx);
	for (int i = 0; i < 3; i++)
		text_of(fx, i, 0);
	fx_pass(fx, 1100);
	assert_int_equal(fx_calls(fx, BATCH), 1);
	assert_int_equal(fx_calls(fx, SEND), 0);
	assert_int_equal(fx_status(fx).health, OUTBOX_UP); /* one failure, not three */
	fx_pass(fx, 3000);
	assert_int_equal(fx_calls(fx, BATCH), 1);
	assert_int_equal(fx_calls(fx, SEND), 3);
	assert_int_equal(fx_status(fx).delivered, 3);
	assert_int_equal(fx_status(fx).retried, 3);
}

static void a_batch_with_the_wrong_key(void **state)
{
	struct fixture *fx = *state;

	fx->platform.batch_ms = 1000;
	fx->good_key = "Bearer k2";
	cards(fx, 3);
	fx_outbox(fx);
	for (int i = 0; i < 3; i++)
		text_of(fx, i, 0);
	fx_pass(fx, 1500);
	assert_int_equal(fx_calls(fx, BATCH), 1);
	assert_int_equal(fx_status(fx).health, OUTBOX_ACCOUNT);
	fx_pass(fx, 61000);
	assert_int_equal(fx_calls(fx, BATCH), 1);
	assert_int_equal(fx_calls(fx, SEND), 1); /* the probe */
	for (int i = 0; i < 3; i++)
		assert_int_equal(state_of(fx, i, 0), STORE_QUEUED);
	pthread_mutex_lock(&fx->lock);
	fx->good_key = "Bearer k1";
	pthread_mutex_unlock(&fx->lock);
	fx_pass(fx, 65000);
	assert_int_equal(fx_status(fx).delivered, 3);
	assert_in_range(fx_calls(fx, BATCH), 1, 2);
}

/* A text that waits for others is not sent past its lease; a hundred do not wait for more. */
static void a_batch_has_its_limits(void **state)
{
	struct fixture *fx = *state;

	fx->platform.batch_ms = 60000;
	cards(fx, 2);
	fx_outbox(fx);
	fx_settle(fx);
	assert_false(outbox_wants(fx->outbox)); /* its lease would end before: claimed apart */
	text_of(fx, 0, 0);
	outbox_kick(fx->outbox);
	fx_pass(fx, 61000);
	assert_int_equal(fx_calls(fx, BATCH), 1);
	assert_int_equal(batch_size(fx, 0), 1);

	struct store_delivery delivery = { .platform = "osim",
		.card_id = "c",
		.bank = "north",
		.slot = "p01",
		.number = "+46700000001",
		.remote_id = "",
		.sender = "s",
		.text = "t",
		.arrived_ms = T0,
		.parts = 1 };
	for (int i = 0; i < 120; i++) {
		char id[32];
		snprintf(id, sizeof id, "m%d", i);
		delivery.message_id = id;
		delivery.claimed_until_ms = loop_wall_ms(fx->loop) + 120000;
		outbox_offer(fx->outbox, &delivery);
	}
	fx_settle(fx);
	assert_int_equal(fx_calls(fx, BATCH), 2);
	assert_int_equal(batch_size(fx, 1), 100);
	fx_pass(fx, 61000);
	assert_int_equal(batch_size(fx, 2), 20);

	/* a lease that ends while the text is gathered: another may send it then, whatever the
	 * clock on the wall is set to meanwhile */
	delivery.message_id = "short";
	delivery.claimed_until_ms =
		loop_wall_ms(fx->loop) + fx->platform.batch_ms + fx->platform.timeout_ms - 1;
	outbox_offer(fx->outbox, &delivery);
	delivery.message_id = "long";
	delivery.claimed_until_ms += 60000;
	outbox_offer(fx->outbox, &delivery);
	loop_set_wall(fx->loop, loop_wall_ms(fx->loop) - 3600000);
	fx_pass(fx, 61000);
	assert_int_equal(fx_calls(fx, BATCH), 4);
	assert_int_equal(batch_size(fx, 3), 1);
}

static bool one_batch_flies(struct fixture *fx)
{
	return fx_calls(fx, BATCH) == 1;
}

static void freed_with_a_batch_under_way(void **state)
{
	struct fixture *fx = *state;

	fx->platform.batch_ms = 1;
	fx_reply_batch(fx, (struct reply) { .hang = true });
	cards(fx, 2);
	fx_outbox(fx);
	text_of(fx, 0, 0);
	text_of(fx, 1, 0);
	assert_true(fx_until(fx, one_batch_flies, 1));
	assert_false(outbox_idle(fx->outbox));
	outbox_stop(fx->outbox);
	outbox_free(fx->outbox);
	fx->outbox = NULL;
	fx_settle(fx);
	assert_int_equal(state_of(fx, 0, 0), STORE_QUEUED);
}

/* ---- pauses --------------------------------------------------------------------------------- */

static void retry_after_is_obeyed_within_bounds(void **state)
{
	static const struct {
		const char *header;
		int status;
		int64_t least_ms, most_ms;
	} rows[] = {
		{ "120", 429, 119000, 124000 }, { "120", 503, 119000, 124000 },
		{ "86400", 429, 899000, 904000 }, /* retry_after_max is 15 min */
		{ "junk", 429, 700, 2000 }, { "-5", 503, 700, 2000 }, { NULL, 429, 700, 2000 },
		{ "120", 400, 700, 2000 }, /* not for want of time; see the text's own outcome */
	};
	struct fixture *fx = *state;

	cards(fx, 2);
	fx_outbox(fx);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct reply reply = { .status = rows[i].status,
			.body = rows[i].status == 400 ? "\"ERROR_PARAMS\"" : "",
			.retry_after = rows[i].header };
		size_t before = fx_calls(fx, SEND);
		fx_forget_replies(fx);
		fx_reply_message(fx, reply);
		fx_reply_message(fx, fx_ok);
		text_of(fx, 0, (int)i);
		fx_settle(fx);
		int64_t since_ms = loop_now_ms(fx->loop);
		assert_int_equal(fx_calls(fx, SEND), before + 1);
		text_of(fx, 1, (int)i); /* of another card: it waits as well */
		while (fx_calls(fx, SEND) == before + 1)
			fx_pass(fx, 100);
		if (rows[i].header && rows[i].least_ms > 2000)
			assert_in_range(loop_now_ms(fx->loop) - since_ms, rows[i].least_ms,
				rows[i].most_ms);
		fx_pass(fx, 5000);
		assert_int_equal(state_of(fx, 1, (int)i), STORE_DELIVERED);
		assert_int_equal(state_of(fx, 0, (int)i),
			rows[i].status == 400 ? STORE_REFUSED : STORE_DELIVERED);
	}
	assert_int_equal(logged("asks for a pause"), 3);
}

/* ---- webhook -------------------------------------------------------------------------------- */

static void a_hook(struct fixture *fx)
{
	static char url[96];

	snprintf(url, sizeof url, "%s/hook", fx->url);
	fx->platform = (struct config_platform) { .name = (char *)"osim",
		.kind = (char *)"webhook",
		.url = url,
		.hmac_key = (char *)"s3cret",
		.concurrency = 4,
		.timeout_ms = 10000,
		.retry_max_ms = 60000,
		.retry_after_max_ms = 15 * 60000,
		.account_ms = 60000 };
	cards(fx, 2);
	fx_outbox(fx);
}

static void a_hook_gets_signed_texts(void **state)
{
	struct fixture *fx = *state;

	a_hook(fx);
	text_of(fx, 0, 0);
	fx_settle(fx);
	assert_int_equal(fx_calls(fx, "/hook"), 1);
	const struct call_seen *call = fx_call(fx, "/hook", 0);
	assert_string_equal(call->key, ""); /* no Authorization */
	assert_string_equal(call->type, "application/json; charset=utf-8");
	assert_int_equal(strlen(call->signature), strlen("sha256=") + 64);
	assert_int_equal(strtoll(call->stamp, NULL, 10), loop_wall_ms(fx->loop) / 1000);
	assert_non_null(strstr(call->body, "\"number\":\"+46700000000\""));
	assert_non_null(strstr(call->body, "\"card\":\"8946000000000000000\""));
	assert_non_null(strstr(call->body, "\"port\":\"north/p00\""));
	assert_int_equal(state_of(fx, 0, 0), STORE_DELIVERED);
	assert_null(roster_new(fx->loop, fx->store, fx->deliver, &fx->platform,
		&(struct roster_events) { 0 }, fx));
	assert_null(takeoff_new(fx->loop, fx->store, fx->deliver, &fx->platform));
	assert_int_equal(logged("s3cret"), 0);
}

/* Tried again with the same id, and a signature of its own time. */
static void a_hook_is_tried_again(void **state)
{
	struct fixture *fx = *state;
	char id[2][64];

	a_hook(fx);
	fx_reply_message(fx, (struct reply) { .status = 503, .body = "", .retry_after = "30" });
	fx_reply_message(fx, (struct reply) { .refused = true });
	fx_reply_message(fx, (struct reply) { .status = 200, .body = "" });
	text_of(fx, 0, 0);
	text_of(fx, 0, 1);
	fx_pass(fx, 25000);
	assert_int_equal(fx_calls(fx, "/hook"), 1);
	fx_pass(fx, 30000);
	assert_int_equal(fx_calls(fx, "/hook"), 4);
	for (size_t i = 0; i < 2; i++)
		snprintf(id[i], sizeof id[i], "%.60s", fx_call(fx, "/hook", 2 * i)->body);
	assert_string_equal(id[0], id[1]);
	assert_string_not_equal(fx_call(fx, "/hook", 0)->stamp, fx_call(fx, "/hook", 2)->stamp);
	assert_string_not_equal(
		fx_call(fx, "/hook", 0)->signature, fx_call(fx, "/hook", 2)->signature);
	assert_int_equal(fx_status(fx).delivered, 2);
}

static void a_hook_refuses(void **state)
{
	struct fixture *fx = *state;
	char reason[64];

	a_hook(fx);
	fx_reply_message(fx, (struct reply) { .status = 410, .body = "gone" });
	fx_reply_message(fx, (struct reply) { .status = 422, .body = "" });
	fx_reply_message(fx, (struct reply) { .status = 401, .body = "" });
	fx_reply_message(fx, (struct reply) { .status = 204, .body = "" });
	text_of(fx, 0, 0);
	fx_settle(fx);
	text_of(fx, 1, 0);
	fx_settle(fx);
	assert_int_equal(fx_state(fx, "t0-0", reason), STORE_REFUSED);
	assert_string_equal(reason, "http-410");
	assert_int_equal(fx_state(fx, "t1-0", reason), STORE_REFUSED);
	text_of(fx, 0, 1);
	fx_settle(fx);
	assert_int_equal(fx_status(fx).health, OUTBOX_ACCOUNT);
	assert_int_equal(logged("check `hmac_key`"), 1);
	fx_pass(fx, 61000);
	assert_int_equal(state_of(fx, 0, 1), STORE_DELIVERED);
	assert_int_equal(fx_status(fx).health, OUTBOX_UP);
}

/* ---- takeOffNumbers ------------------------------------------------------------------------- */

struct told {
	int calls, err;
	size_t count;
	char why[64];
};

static void got_takeoff(void *arg, const struct takeoff_result *result)
{
	struct told *told = arg;

	told->calls++;
	told->err = result->err;
	told->count = result->count;
	snprintf(told->why, sizeof told->why, "%s", result->why);
}

struct marks {
	int rows;
	char text[256];
};

static void got_numbers(
	void *arg, int err, const struct store_number_row *rows, size_t count, bool more)
{
	struct marks *marks = arg;

	assert_int_equal(err, 0);
	assert_false(more);
	for (size_t i = 0; i < count; i++)
		if (*rows[i].takeoff_platform) {
			size_t len = strlen(marks->text);
			snprintf(marks->text + len, sizeof marks->text - len, "%s %s %lld/%lld;",
				rows[i].slot, rows[i].takeoff_platform,
				(long long)rows[i].takeoff_profit, (long long)rows[i].takeoff_sum);
			assert_true(rows[i].takeoff_ms >= T0);
		}
	marks->rows = (int)count;
}

static void assert_marks(struct fixture *fx, const char *want)
{
	struct marks marks = { 0 };

	store_numbers(fx->store, got_numbers, &marks);
	fx_settle(fx);
	assert_int_equal(marks.rows, 3);
	assert_string_equal(marks.text, want);
}

static void numbers_to_replace(void **state)
{
	struct fixture *fx = *state;
	struct told told = { 0 };

	cards(fx, 3);
	struct takeoff *takeoff = takeoff_new(fx->loop, fx->store, fx->deliver, &fx->platform);
	fx_reply_message(fx, (struct reply) { .status = 200,
				     .body = "{\"response\":1,\"list\":[{\"number\":"
					     "\"46700000001\",\"sum\":\"37.5\"},"
					     "{\"number\":\"+46700000002\",\"sum\":30},{\"number\":"
					     "\"+46700009999\"}]}" });
	takeoff_ask(takeoff, 300000, 1760000000, got_takeoff, &told);
	takeoff_ask(takeoff, 300000, 0, got_takeoff, &told); /* one at a time */
	assert_int_equal(told.err, -EBUSY);
	fx_settle(fx);
	assert_int_equal(told.calls, 2);
	assert_int_equal(told.err, 0);
	assert_int_equal(told.count, 3);
	assert_string_equal(fx_call(fx, "takeOffNumbers", 0)->sum, "30");
	assert_string_equal(fx_call(fx, "takeOffNumbers", 0)->date, "1760000000");
	assert_string_equal(fx_call(fx, "takeOffNumbers", 0)->key, "Bearer k1");
	assert_marks(fx, "p01 osim 375000/300000;p02 osim 300000/300000;");

	/* refused: what was said before stays, and the account is not at fault */
	fx_forget_replies(fx);
	fx_reply_message(fx,
		(struct reply) { .status = 405, .body = "{\"response\":\"REQUEST_NOT_FOUND\"}" });
	takeoff_ask(takeoff, 10000, 0, got_takeoff, &told);
	fx_settle(fx);
	assert_int_equal(told.err, -EACCES);
	assert_string_equal(told.why, "REQUEST_NOT_FOUND");
	assert_int_equal(logged("platform_account"), 0);
	assert_marks(fx, "p01 osim 375000/300000;p02 osim 300000/300000;");

	/* the next answer takes the place of the last */
	fx_forget_replies(fx);
	fx_reply_message(fx, (struct reply) { .status = 200,
				     .body = "{\"response\":1,\"list\":[{\"number\":\"+"
					     "46700000000\",\"sum\":\"x\"}]}" });
	takeoff_ask(takeoff, 10000, 0, got_takeoff, &told);
	fx_settle(fx);
	assert_marks(fx, "p00 osim -1/10000;");

	/* stopped at any moment */
	for (int turns = 0; turns < 6; turns++) {
		struct takeoff *other =
			takeoff_new(fx->loop, fx->store, fx->deliver, &fx->platform);
		told = (struct told) { 0 };
		takeoff_ask(other, 10000, 0, got_takeoff, &told);
		for (int i = 0; i < turns; i++)
			loop_turn(fx->loop, 1);
		takeoff_free(other);
		assert_int_equal(told.calls, 1);
	}
	fx_settle(fx);
	takeoff_free(takeoff);
}

/* ---- two days ------------------------------------------------------------------------------- */

enum { CARDS = 10, TEXTS = 24 };

/* The place of text "tI-K" among the deliveries of its card, from what was answered with 200. */
struct seen {
	int next[CARDS]; /* K that is due */
	int delivered;
};

static void see(struct seen *seen, const char *text)
{
	int i, k;

	assert_int_equal(sscanf(text, "t%d-%d", &i, &k), 2);
	assert_int_equal(seen->next[i], k); /* in order, each once, none left out */
	seen->next[i]++;
	seen->delivered++;
}

/* The texts of all calls but the first so many of each kind. */
static void see_calls(struct fixture *fx, size_t from_single, size_t from_batch, struct seen *seen)
{
	char text[64], number[STORE_NUMBER_SIZE];
	size_t single = 0, batch = 0;

	for (size_t n = 0; n < fx->call_count; n++) {
		const char *name = strrchr(fx->calls[n].path, '/') + 1;
		if (strcmp(name, SEND) == 0 && single++ >= from_single) {
			cJSON *root = cJSON_Parse(fx->calls[n].body);
			see(seen, cJSON_GetObjectItem(root, "message")->valuestring);
			cJSON_Delete(root);
		} else if (strcmp(name, BATCH) == 0 && batch++ >= from_batch) {
			for (int at = 0; at < batch_size(fx, batch - 1); at++) {
				batch_text(fx, batch - 1, at, text, number);
				see(seen, text);
			}
		}
	}
}

static void answers(struct fixture *fx, struct reply reply)
{
	fx_forget_replies(fx);
	fx_reply_message(fx, reply);
	fx_reply_batch(fx, reply);
	fx_reply_list(fx, reply);
}

static size_t phase(struct fixture *fx, const char *name, struct reply reply, int64_t ms)
{
	size_t before = fx_calls(fx, SEND) + fx_calls(fx, BATCH), lists = fx_calls(fx, LIST);

	answers(fx, reply);
	for (int64_t left_ms = ms; left_ms > 0; left_ms -= 5000) {
		loop_advance(fx->loop, 5000);
		fx_settle(fx);
	}
	size_t count = fx_calls(fx, SEND) + fx_calls(fx, BATCH) - before;
	print_message("  %-16s %6lld s %5zu requests with texts, %4zu lists\n", name,
		(long long)(ms / 1000), count, fx_calls(fx, LIST) - lists);
	return count;
}

static void two_days(struct fixture *fx)
{
	const int64_t hour = 3600000;
	struct seen seen = { 0 };

	cards(fx, CARDS);
	fx_outbox(fx);
	fx_roster(fx);
	roster_open(fx->roster);
	fx_settle(fx);
	answers(fx, (struct reply) { .refused = true });
	size_t down = 0;
	for (int k = 0; k < TEXTS; k++) {
		for (int i = 0; i < CARDS; i++)
			text_of(fx, i, k);
		down += phase(fx, "no connection", (struct reply) { .refused = true }, 2 * hour);
	}
	/* a probe a minute, 20 % more or less, and the first tries */
	assert_in_range(down, 48 * 60 * 5 / 6, 48 * 60 * 5 / 4 + 40);
	assert_int_equal(fx_status(fx).health, OUTBOX_DOWN);
	size_t lies = phase(fx, "200, error body",
		(struct reply) { .status = 200, .body = "{\"response\":\"ERROR\"}" }, hour);
	assert_in_range(lies, 40, 80);
	size_t unknown = phase(fx, "404", (struct reply) { .status = 404, .body = "" }, hour);
	assert_true(unknown > 0 && unknown < 40 * CARDS);
	size_t account = phase(fx, "401", (struct reply) { .status = 401, .body = "" }, hour);
	assert_in_range(account, 50, 100);
	assert_int_equal(fx_status(fx).health, OUTBOX_ACCOUNT);
	assert_int_equal(fx_status(fx).delivered, 0);
	assert_int_equal(fx_status(fx).refused, 0);
	for (int i = 0; i < CARDS; i++)
		for (int k = 0; k < TEXTS; k++)
			assert_int_equal(state_of(fx, i, k), STORE_QUEUED);

	size_t single = fx_calls(fx, SEND), batch = fx_calls(fx, BATCH);
	size_t works = phase(fx, "works", fx_ok, hour);
	assert_int_equal(fx_status(fx).delivered, CARDS * TEXTS);
	assert_int_equal(fx_status(fx).health, OUTBOX_UP);
	see_calls(fx, single, batch, &seen);
	assert_int_equal(seen.delivered, CARDS * TEXTS);
	assert_true(works <= (size_t)CARDS * TEXTS);
	print_message("  %d texts, each once and in order; %zu requests in all\n", CARDS * TEXTS,
		fx_calls(fx, NULL));
}

static void two_days_without_the_platform(void **state)
{
	two_days(*state);
}

static void two_days_with_batches(void **state)
{
	struct fixture *fx = *state;

	fx->platform.batch_ms = 5000;
	two_days(fx);
	assert_true(fx_calls(fx, BATCH) > 0);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(texts_are_gathered),
		TEST(a_backlog_goes_in_batches),
		TEST(a_refused_batch_is_taken_apart),
		TEST(a_server_without_batches),
		TEST(a_failed_batch_is_tried_in_single_texts),
		TEST(a_batch_with_the_wrong_key),
		TEST(a_batch_has_its_limits),
		TEST(freed_with_a_batch_under_way),
		TEST(retry_after_is_obeyed_within_bounds),
		TEST(a_hook_gets_signed_texts),
		TEST(a_hook_is_tried_again),
		TEST(a_hook_refuses),
		TEST(numbers_to_replace),
		TEST(two_days_without_the_platform),
		TEST(two_days_with_batches),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
