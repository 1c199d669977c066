/* test_outbox.c - texts on their way out, against a platform on the loopback. */
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loop_fixture.h"
#include "platform_fixture.h"

#define SEND "addMessage"
#define LIST "sendNumbersOnline"

static void assert_field(const char *body, const char *name, const char *want)
{
	cJSON *root = cJSON_Parse(body);
	const cJSON *field = cJSON_GetObjectItemCaseSensitive(root, name);

	assert_true(cJSON_IsString(field));
	assert_string_equal(field->valuestring, want);
	cJSON_Delete(root);
}

static void assert_text_at(struct fixture *fx, size_t call, const char *text)
{
	assert_field(fx_call(fx, SEND, call)->body, "message", text);
}

/* ---- deliver -------------------------------------------------------------------------------- */

struct got {
	int calls, status;
	char error[64], start[64];
	size_t len;
	bool cut;
};

static void got_answer(void *arg, const struct answer *answer)
{
	struct got *got = arg;

	got->calls++;
	got->status = answer->status;
	got->len = answer->len;
	got->cut = answer->body_cut;
	assert_int_equal(answer->body[answer->len], '\0');
	snprintf(got->error, sizeof got->error, "%s", answer->error ? answer->error : "");
	snprintf(got->start, sizeof got->start, "%s", answer->body);
}

static struct got deliver_one(struct fixture *fx, struct reply reply, int64_t step_ms)
{
	struct call call = { .name = "addMessage",
		.method = "POST",
		.path = (char *)"/api/resellers/addMessage",
		.body = (char *)"{}" };
	struct got got = { 0 };

	fx_forget_replies(fx);
	fx_reply_message(fx, reply);
	assert_non_null(deliver_start(fx->deliver, &fx->platform, &call, got_answer, &got));
	assert_int_equal(got.calls, 0); /* never from inside the call */
	for (int i = 0; i < 500 && !got.calls; i++) {
		loop_turn(fx->loop, 10);
		loop_advance(fx->loop, step_ms);
	}
	assert_int_equal(got.calls, 1);
	assert_int_equal(deliver_active(fx->deliver), 0);
	return got;
}

static void answers_come_back(void **state)
{
	struct fixture *fx = *state;
	struct got got = deliver_one(fx, fx_ok, 1);

	assert_int_equal(got.status, 200);
	assert_string_equal(got.start, "{\"response\":1}");
	const struct call_seen *call = fx_call(fx, SEND, 0);
	assert_string_equal(call->key, "Bearer k1");
	assert_string_equal(call->type, "application/json; charset=utf-8");
	assert_non_null(strstr(call->agent, "simgate/"));
	assert_string_equal(call->accept, "gzip");
	assert_string_equal(call->body, "{}");

	got = deliver_one(fx, (struct reply) { .status = 503, .body = "" }, 1);
	assert_int_equal(got.status, 503);
	assert_int_equal(got.len, 0);
	got = deliver_one(fx, (struct reply) { .status = 301, .body = "elsewhere" }, 1);
	assert_int_equal(got.status, 301);
}

/* As where this process stood still: what was handed over before is not sent any more. */
static void nothing_goes_out_after_its_time(void **state)
{
	struct fixture *fx = *state;
	int64_t end_ms = loop_now_ms(fx->loop) + 1000;
	struct call call = { .name = "addMessage",
		.method = "POST",
		.path = (char *)"/api/resellers/addMessage",
		.body = (char *)"{}",
		.end_ms = &end_ms };
	struct got late = { 0 }, moved = { 0 };

	fx_reply_message(fx, fx_ok);
	assert_non_null(deliver_start(fx->deliver, &fx->platform, &call, got_answer, &late));
	end_ms = loop_now_ms(fx->loop);
	for (int i = 0; i < 20; i++)
		loop_turn(fx->loop, 5);
	assert_int_equal(late.calls, 1);
	assert_int_equal(late.status, 0);
	assert_string_equal(late.error, "timeout");
	assert_int_equal(fx_calls(fx, NULL), 0);

	assert_non_null(deliver_start(fx->deliver, &fx->platform, &call, got_answer, &moved));
	end_ms += 1000;
	for (int i = 0; i < 500 && !moved.calls; i++) {
		loop_turn(fx->loop, 10);
		loop_advance(fx->loop, 1);
	}
	assert_int_equal(moved.status, 200);
	assert_int_equal(deliver_active(fx->deliver), 0);
}

static void no_answer_says_why(void **state)
{
	struct fixture *fx = *state;
	struct got got = deliver_one(fx, (struct reply) { .status = 200, .broken = true }, 1);

	assert_int_equal(got.status, 0);
	assert_int_equal(got.len, 0);
	assert_string_equal(got.error, "connection closed");

	fx->platform.timeout_ms = 200;
	got = deliver_one(fx, (struct reply) { .hang = true }, 10);
	assert_int_equal(got.status, 0);
	assert_string_equal(got.error, "timeout");

	fx->platform.url = (char *)"http://127.0.0.1:1";
	got = deliver_one(fx, fx_ok, 1);
	assert_string_equal(got.error, "could not connect");
	fx->platform.url = (char *)"ftp://127.0.0.1:1";
	got = deliver_one(fx, fx_ok, 1);
	assert_string_equal(got.error, "bad url");
	fx->platform.url = fx->url;
	assert_int_equal(deliver_one(fx, fx_ok, 1).status, 200);
}

/* A gzip stream (RFC 1952, 1951) that grows to `zeros` bytes: one literal, then copies of 258. */
static size_t make_bomb(uint8_t *out, size_t zeros)
{
	static const uint8_t head[] = { 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3 };
	size_t bit = sizeof head * 8;
	/* final block, fixed codes; literal 0 is 00110000; then length 258, distance 1 */
	static const char start[] = "11000110000", copy[] = "1100010100000", end[] = "0000000";

	memcpy(out, head, sizeof head);
	for (size_t i = 0; i < zeros / 258 + 2; i++) {
		const char *bits = i == 0 ? start : i <= zeros / 258 ? copy : end;
		for (; *bits; bits++, bit++)
			out[bit / 8] |= (uint8_t)((*bits == '1') << (bit % 8));
	}
	return bit / 8 + 1 + 8; /* its checksum is wrong: nobody gets that far */
}

static void bodies_have_a_limit(void **state)
{
	static const uint8_t small[] = { 0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03,
		0xab, 0x56, 0x2a, 0x4a, 0x2d, 0x2e, 0xc8, 0xcf, 0x2b, 0x4e, 0x55, 0xb2, 0x32, 0xac,
		0x05, 0x00, 0xb3, 0xd8, 0xe9, 0x66, 0x0e, 0x00, 0x00, 0x00 };
	struct fixture *fx = *state;
	struct reply reply = { .status = 200, .filler = DELIVER_BODY_MAX };
	struct got got = deliver_one(fx, reply, 1);

	assert_int_equal(got.len, DELIVER_BODY_MAX);
	assert_false(got.cut);
	reply.filler = DELIVER_BODY_MAX + 1;
	got = deliver_one(fx, reply, 1);
	assert_int_equal(got.status, 200);
	assert_int_equal(got.len, DELIVER_BODY_MAX);
	assert_true(got.cut);

	reply = (struct reply) {
		.status = 200, .gzip = true, .body = (const char *)small, .len = sizeof small
	};
	got = deliver_one(fx, reply, 1);
	assert_string_equal(got.start, "{\"response\":1}");

	uint8_t *bomb = calloc(1, 100000);
	reply.body = (const char *)bomb;
	reply.len = make_bomb(bomb, 10 * 1024 * 1024);
	assert_true(reply.len < 100000);
	got = deliver_one(fx, reply, 1);
	free(bomb);
	assert_true(got.cut);
	assert_int_equal(got.len, DELIVER_BODY_MAX);
}

static void cancelled_calls_are_silent(void **state)
{
	struct fixture *fx = *state;
	struct call call = { .name = "addMessage",
		.method = "POST",
		.path = (char *)"/api/resellers/addMessage",
		.body = (char *)"{}" };
	struct got got = { 0 };

	fx_reply_message(fx, (struct reply) { .hang = true });
	struct deliver_call *one =
		deliver_start(fx->deliver, &fx->platform, &call, got_answer, &got);
	struct deliver_call *two =
		deliver_start(fx->deliver, &fx->platform, &call, got_answer, &got);
	WAIT_FOR(fx->loop, fx_calls(fx, SEND) == 2);
	assert_int_equal(deliver_active(fx->deliver), 2);
	deliver_cancel(one);
	deliver_cancel(NULL);
	assert_int_equal(deliver_active(fx->deliver), 1);
	(void)two; /* ends with deliver_free() in the teardown */
	loop_turn(fx->loop, 10);
	assert_int_equal(got.calls, 0);
}

/* ---- texts ---------------------------------------------------------------------------------- */

static void text_is_delivered(void **state)
{
	struct fixture *fx = *state;

	fx_card(fx, 1, true);
	fx_outbox(fx);
	assert_true(outbox_wants(fx->outbox));
	fx_text(fx, 1, "code 401722");
	fx_settle(fx);
	assert_int_equal(fx_calls(fx, SEND), 1);
	const char *body = fx_call(fx, SEND, 0)->body;
	assert_field(body, "number", "+46700000001");
	assert_field(body, "from", "ExampleApp");
	assert_field(body, "message", "code 401722");
	assert_int_equal(fx_state(fx, "code 401722", NULL), STORE_DELIVERED);
	assert_int_equal(fx->delivered_events, 1);
	assert_int_equal(fx_status(fx).delivered, 1);
	assert_true(outbox_idle(fx->outbox));
	assert_int_equal(logged("event=sms_delivered"), 1);
	assert_int_equal(logged("401722") + logged("700000001") + logged("k1"), 0);
	fx_pass(fx, 120000);
	assert_int_equal(fx_calls(fx, SEND), 1);
}

/* What an earlier run left goes out without anyone asking. */
static void waiting_texts_are_claimed(void **state)
{
	struct fixture *fx = *state;
	char text[16];

	for (int i = 0; i < 20; i++) {
		fx_card(fx, i, true);
		for (int k = 0; k < 3; k++) {
			snprintf(text, sizeof text, "t%d-%d", i, k);
			fx_text(fx, i, text);
		}
	}
	fx_outbox(fx);
	fx_pass(fx, 1000);
	assert_int_equal(fx_calls(fx, SEND), 60);
	assert_int_equal(fx_status(fx).delivered, 60);
	assert_int_equal(fx_status(fx).ready, 0);
}

static void order_is_kept_while_the_first_is_retried(void **state)
{
	struct fixture *fx = *state;

	fx_card(fx, 1, true);
	fx_outbox(fx);
	fx_reply_message(fx, (struct reply) { .status = 500, .body = "" });
	fx_reply_message(fx, (struct reply) { .status = 200, .body = "<html>" });
	fx_reply_message(fx, fx_ok);
	fx_text(fx, 1, "first");
	fx_settle(fx);
	fx_text(fx, 1, "second");
	fx_settle(fx);
	assert_int_equal(fx_calls(fx, SEND), 1);
	assert_int_equal(fx_state(fx, "first", NULL), STORE_QUEUED);
	fx_pass(fx, 600);
	assert_int_equal(fx_calls(fx, SEND), 1); /* 1 s, 20 % less at most */
	fx_pass(fx, 700);
	assert_int_equal(fx_calls(fx, SEND), 2);
	fx_pass(fx, 1200);
	assert_int_equal(fx_calls(fx, SEND), 2); /* 2 s */
	fx_pass(fx, 1500);
	assert_int_equal(fx_calls(fx, SEND), 4);
	assert_text_at(fx, 2, "first");
	assert_text_at(fx, 3, "second");
	assert_int_equal(fx_state(fx, "first", NULL), STORE_DELIVERED);
	assert_int_equal(fx_state(fx, "second", NULL), STORE_DELIVERED);
	assert_int_equal(fx_status(fx).retried, 2);
	assert_int_equal(logged("platform_down"), 0);
}

static void broken_answers_are_tried_again(void **state)
{
	struct fixture *fx = *state;

	fx->platform.timeout_ms = 200;
	fx->busy_step_ms = 10;
	fx_card(fx, 1, true);
	fx_outbox(fx);
	fx_reply_message(fx, (struct reply) { .status = 200, .broken = true });
	fx_reply_message(fx, (struct reply) { .hang = true });
	fx_reply_message(fx, fx_ok);
	fx_text(fx, 1, "a");
	fx_settle(fx);
	assert_int_equal(fx_state(fx, "a", NULL), STORE_QUEUED);
	fx_pass(fx, 10000);
	assert_int_equal(fx_calls(fx, SEND), 3);
	assert_int_equal(fx_state(fx, "a", NULL), STORE_DELIVERED);
}

static void wrong_key_loses_nothing(void **state)
{
	struct fixture *fx = *state;
	char text[16];

	fx->good_key = "Bearer k2";
	fx_card(fx, 1, true);
	fx_card(fx, 2, true);
	fx_outbox(fx);
	for (int i = 0; i < 6; i++) {
		snprintf(text, sizeof text, "t%d", i);
		fx_text(fx, 1 + i % 2, text);
	}
	fx_settle(fx);
	assert_int_equal(fx_status(fx).health, OUTBOX_ACCOUNT);
	assert_string_equal(fx_status(fx).reason, "ERROR_WRONG_KEY");
	assert_false(outbox_wants(fx->outbox));
	size_t before = fx_calls(fx, SEND);
	assert_in_range(before, 1, 2);
	fx_pass(fx, 58000);
	assert_int_equal(fx_calls(fx, SEND), before);
	fx_pass(fx, 2000);
	assert_int_equal(fx_calls(fx, SEND), before + 1); /* one probe */
	fx_pass(fx, 60000);
	assert_int_equal(fx_calls(fx, SEND), before + 2);
	assert_int_equal(logged("event=platform_account"), 1);
	for (int i = 0; i < 6; i++) {
		snprintf(text, sizeof text, "t%d", i);
		assert_int_equal(fx_state(fx, text, NULL), STORE_QUEUED);
	}

	struct config_platform mended = fx->platform;
	mended.key = (char *)"k2";
	outbox_configure(fx->outbox, &mended);
	fx_pass(fx, 1000);
	assert_int_equal(fx_status(fx).health, OUTBOX_UP);
	assert_int_equal(fx_status(fx).delivered, 6);
	assert_int_equal(logged("event=platform_up"), 1);
	outbox_configure(fx->outbox, &fx->platform);
}

/* The key is right again on the platform's side: the probe finds out by itself. */
static void probe_ends_account_state(void **state)
{
	struct fixture *fx = *state;

	fx_card(fx, 1, true);
	fx_outbox(fx);
	fx_reply_message(fx, (struct reply) { .status = 200, .body = "\"ACCOUNT_BLOCKED\"" });
	fx_reply_message(fx, fx_ok);
	fx_text(fx, 1, "a");
	fx_text(fx, 1, "b");
	fx_settle(fx);
	assert_int_equal(fx_status(fx).health, OUTBOX_ACCOUNT);
	fx_pass(fx, 62000);
	assert_int_equal(fx_status(fx).health, OUTBOX_UP);
	assert_int_equal(fx_calls(fx, SEND), 3);
	assert_text_at(fx, 1, "a");
	assert_text_at(fx, 2, "b");
}

static void down_platform_gets_one_probe_at_a_time(void **state)
{
	struct fixture *fx = *state;
	char text[16];

	fx_reply_message(fx, (struct reply) { .status = 503, .body = "" });
	fx_outbox(fx);
	for (int i = 0; i < 8; i++) {
		fx_card(fx, i, true);
		snprintf(text, sizeof text, "t%d", i);
		fx_text(fx, i, text);
	}
	fx_settle(fx);
	assert_int_equal(fx_status(fx).health, OUTBOX_DOWN);
	assert_string_equal(fx_status(fx).reason, "http-503");
	assert_false(outbox_wants(fx->outbox));
	fx_pass(fx, 70000);
	size_t before = fx_calls(fx, SEND);
	fx_pass(fx, 600000);
	assert_in_range(fx_calls(fx, SEND) - before, 8, 14); /* one a minute, 20 % more or less */
	assert_int_equal(logged("event=platform_down"), 1);

	fx_forget_replies(fx);
	fx_pass(fx, 75000);
	assert_int_equal(fx_status(fx).health, OUTBOX_UP);
	fx_pass(fx, 75000); /* what was tried lately has its own pause */
	assert_int_equal(fx_status(fx).delivered, 8);
	assert_int_equal(logged("event=platform_up"), 1);
}

/* One text that the platform always chokes on does not hold up the others. */
static void poison_does_not_stop_the_rest(void **state)
{
	struct fixture *fx = *state;

	fx_card(fx, 1, true);
	fx_card(fx, 2, true);
	fx_outbox(fx);
	fx_reply_message(fx, (struct reply) { .status = 500, .body = "" });
	fx_text(fx, 1, "poison");
	fx_pass(fx, 30000);
	assert_int_equal(fx_status(fx).health, OUTBOX_DOWN);
	fx_text(fx, 2, "fine");
	for (int i = 0; i < 130 && fx_calls(fx, SEND) < 30; i++) {
		size_t calls = fx_calls(fx, SEND);
		const char *last = fx_call(fx, SEND, calls - 1)->body;
		if (strstr(last, "fine"))
			break;
		fx_pass(fx, 1000);
	}
	assert_non_null(strstr(fx_call(fx, SEND, fx_calls(fx, SEND) - 1)->body, "fine"));
}

static void refused_text_stays_visible(void **state)
{
	struct fixture *fx = *state;
	char reason[64];

	fx_card(fx, 1, true);
	fx_outbox(fx);
	fx_reply_message(fx, (struct reply) { .status = 400, .body = "ERROR_PARAMS" });
	fx_reply_message(fx, fx_ok);
	fx_text(fx, 1, "bad");
	fx_text(fx, 1, "good");
	fx_settle(fx);
	assert_int_equal(fx_state(fx, "bad", reason), STORE_REFUSED);
	assert_string_equal(reason, "ERROR_PARAMS");
	assert_int_equal(fx_state(fx, "good", NULL), STORE_DELIVERED);
	assert_int_equal(fx_status(fx).refused, 1);
	assert_int_equal(logged("event=sms_refused"), 1);
	fx_pass(fx, 120000);
	assert_int_equal(fx_calls(fx, SEND), 2);
}

static void unknown_number_waits_for_a_list(void **state)
{
	struct fixture *fx = *state;

	fx_card(fx, 1, true);
	fx_outbox(fx);
	fx_roster(fx);
	roster_open(fx->roster);
	fx_pass(fx, 20000);
	assert_int_equal(fx_calls(fx, LIST), 1);
	fx_reply_message(
		fx, (struct reply) { .status = 400, .body = "{\"response\":\"NO_NUMBER\"}" });
	fx_reply_message(fx, fx_ok);
	fx_text(fx, 1, "a");
	fx_settle(fx);
	fx_pass(fx, 100);
	assert_int_equal(fx_calls(fx, LIST), 2); /* at once, though nothing in it has changed */
	assert_int_equal(fx_calls(fx, SEND), 2);
	assert_int_equal(fx_state(fx, "a", NULL), STORE_DELIVERED);
	assert_int_equal(fx_status(fx).health, OUTBOX_UP);
}

static void number_never_known_is_refused_in_the_end(void **state)
{
	struct fixture *fx = *state;
	char reason[64];

	fx->platform.number_give_up_ms = 3600000;
	fx_card(fx, 1, true);
	fx_outbox(fx);
	fx_roster(fx);
	roster_open(fx->roster);
	fx_settle(fx);
	fx_reply_message(fx, (struct reply) { .status = 404, .body = "" });
	fx_text(fx, 1, "a");
	fx_pass(fx, 240000);
	assert_in_range(fx_calls(fx, LIST), 2, 3); /* list and text do not chase each other */
	assert_in_range(fx_calls(fx, SEND), 2, 3);
	assert_int_equal(fx_state(fx, "a", NULL), STORE_QUEUED);
	fx_pass(fx, 3900000);
	assert_int_equal(fx_state(fx, "a", reason), STORE_REFUSED);
	assert_string_equal(reason, "number_unknown");
	assert_true(fx_calls(fx, SEND) < 30);
}

/* While the lock is held the platform does not answer. */
static void answers_wait(struct fixture *fx, bool wait)
{
	if (wait)
		pthread_mutex_lock(&fx->lock);
	else
		pthread_mutex_unlock(&fx->lock);
}

static void unrecorded_outcome_is_never_sent_again(void **state)
{
	struct fixture *fx = *state;

	fx_card(fx, 1, true);
	fx_outbox(fx);
	fx_settle(fx);
	answers_wait(fx, true);
	fx_text(fx, 1, "a"); /* claimed with its commit, on its way */
	fx_store_fails(true);
	answers_wait(fx, false);
	for (int i = 0; i < 300; i++) {
		outbox_kick(fx->outbox);
		fx_pass(fx, 1000);
	}
	assert_int_equal(fx_calls(fx, SEND), 1);
	assert_false(outbox_idle(fx->outbox));
	fx_store_fails(false);
	fx_pass(fx, 3000);
	assert_int_equal(fx_state(fx, "a", NULL), STORE_DELIVERED);
	assert_true(outbox_idle(fx->outbox));
	fx_pass(fx, 300000);
	assert_int_equal(fx_calls(fx, SEND), 1);
}

static bool some_are_flying(struct fixture *fx)
{
	return fx_status(fx).in_flight > 0;
}

/* A power cut would have all of them sent again: while the store takes no outcome, they are few. */
static void unrecorded_outcomes_count_against_concurrency(void **state)
{
	struct fixture *fx = *state;
	size_t most = (size_t)fx->platform.concurrency;
	char text[16];
	bool sent;

	for (int i = 0; i < 12; i++) {
		fx_card(fx, i, true);
		snprintf(text, sizeof text, "t%d", i);
		fx_text(fx, i, text);
	}
	fx_outbox(fx); /* claims all of them at once */
	answers_wait(fx, true);
	sent = fx_until(fx, some_are_flying, 0);
	fx_store_fails(true);
	answers_wait(fx, false);
	assert_true(sent);
	assert_int_equal(fx_status(fx).in_flight, most);
	assert_int_equal(fx_status(fx).ready, 12 - most);
	for (int i = 0; i < 200; i++) { /* until the claims have ended and longer */
		outbox_kick(fx->outbox);
		fx_pass(fx, 1000);
		assert_true(fx_calls(fx, SEND) <= most);
	}
	assert_int_equal(fx_calls(fx, SEND), most);
	assert_int_equal(fx_status(fx).in_flight, 0);
	fx_store_fails(false);
	fx_pass(fx, 10000);
	assert_int_equal(fx_calls(fx, SEND), 12);
	assert_int_equal(fx_status(fx).delivered, 12);
}

static bool one_is_flying(struct fixture *fx)
{
	return fx_calls(fx, SEND) == 1;
}

static bool two_went_out(struct fixture *fx)
{
	return fx_status(fx).delivered == 2;
}

/* A host whose clock is hours ahead until the network is there. */
static void clock_that_is_set_back(void **state)
{
	struct fixture *fx = *state;

	fx_card(fx, 0, true);
	fx_reply_message(fx, (struct reply) { .status = 500, .body = "" });
	fx_outbox(fx);
	fx_text(fx, 0, "one");
	fx_text(fx, 0, "two");
	fx_settle(fx);
	assert_int_equal(fx_state(fx, "one", NULL), STORE_QUEUED);
	loop_set_wall(fx->loop, loop_wall_ms(fx->loop) - 3 * 3600000);
	fx_forget_replies(fx);
	fx_reply_message(fx, fx_ok);
	fx_pass(fx, 90000);
	assert_true(two_went_out(fx));
}

static void clock_that_was_set_back(void **state)
{
	struct fixture *fx = *state;

	fx_card(fx, 0, true);
	fx_text(fx, 0, "one");
	fx_text(fx, 0, "two");
	fx_settle(fx);
	loop_set_wall(fx->loop, loop_wall_ms(fx->loop) - 3 * 3600000);
	fx_reply_message(fx, fx_ok);
	fx_outbox(fx);
	assert_true(fx_until(fx, two_went_out, 1));
}

static void stopped_outbox_ends_what_flies(void **state)
{
	struct fixture *fx = *state;

	fx_card(fx, 1, true);
	fx->platform.timeout_ms = 200;
	fx->busy_step_ms = 10;
	fx_outbox(fx);
	fx_reply_message(fx, (struct reply) { .hang = true });
	fx_text(fx, 1, "a");
	fx_text(fx, 1, "b");
	assert_true(fx_until(fx, one_is_flying, 0));
	assert_false(outbox_idle(fx->outbox));
	outbox_stop(fx->outbox);
	assert_false(outbox_wants(fx->outbox));
	fx_pass(fx, 5000);
	assert_true(outbox_idle(fx->outbox));
	assert_int_equal(fx_calls(fx, SEND), 1);
	assert_int_equal(fx_state(fx, "a", NULL), STORE_QUEUED);
}

/* Freed at any moment: the store's callbacks that come later find no harm. */
static void freed_while_the_store_works(void **state)
{
	struct fixture *fx = *state;

	fx_card(fx, 1, true);
	for (int turns = 0; turns < 12; turns++) {
		fx_outbox(fx);
		fx_text(fx, 1, "a");
		for (int i = 0; i < turns; i++)
			loop_turn(fx->loop, 1);
		outbox_free(fx->outbox);
		fx->outbox = NULL;
	}
	fx_settle(fx);
}

/* A claim that cannot outlast a call is not used: it is claimed anew when it has ended. */
static void old_claims_are_not_sent(void **state)
{
	struct fixture *fx = *state;
	struct store_delivery delivery = { .message_id = "m",
		.platform = "osim",
		.card_id = "c",
		.bank = "north",
		.slot = "p01",
		.number = "+46700000001",
		.remote_id = "",
		.sender = "s",
		.text = "t",
		.arrived_ms = T0,
		.parts = 1 };

	fx_outbox(fx);
	fx_settle(fx);
	delivery.claimed_until_ms = loop_wall_ms(fx->loop) + fx->platform.timeout_ms;
	outbox_offer(fx->outbox, &delivery);
	fx_pass(fx, 30000);
	assert_int_equal(fx_calls(fx, SEND), 0);
	delivery.claimed_until_ms = loop_wall_ms(fx->loop) + fx->platform.timeout_ms + 1;
	outbox_offer(fx->outbox, &delivery);
	outbox_offer(fx->outbox, &delivery); /* the same one twice */
	fx_settle(fx);
	assert_int_equal(fx_calls(fx, SEND), 1);
}

/* A text's own commit leases it for a minute: where a call may take longer, it is claimed apart. */
static void long_calls_hold_nothing_up(void **state)
{
	struct fixture *fx = *state;

	fx_card(fx, 1, true);
	fx->platform.timeout_ms = 90 * 1000;
	fx_outbox(fx);
	fx_settle(fx);
	fx_text(fx, 1, "a");
	outbox_kick(fx->outbox);
	fx_pass(fx, 2000);
	assert_int_equal(fx_calls(fx, SEND), 1);
	assert_int_equal(fx_state(fx, "a", NULL), STORE_DELIVERED);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(answers_come_back),
		TEST(nothing_goes_out_after_its_time),
		TEST(no_answer_says_why),
		TEST(bodies_have_a_limit),
		TEST(cancelled_calls_are_silent),
		TEST(text_is_delivered),
		TEST(waiting_texts_are_claimed),
		TEST(order_is_kept_while_the_first_is_retried),
		TEST(broken_answers_are_tried_again),
		TEST(wrong_key_loses_nothing),
		TEST(probe_ends_account_state),
		TEST(down_platform_gets_one_probe_at_a_time),
		TEST(poison_does_not_stop_the_rest),
		TEST(refused_text_stays_visible),
		TEST(unknown_number_waits_for_a_list),
		TEST(number_never_known_is_refused_in_the_end),
		TEST(unrecorded_outcome_is_never_sent_again),
		TEST(unrecorded_outcomes_count_against_concurrency),
		TEST(clock_that_is_set_back),
		TEST(clock_that_was_set_back),
		TEST(stopped_outbox_ends_what_flies),
		TEST(freed_while_the_store_works),
		TEST(old_claims_are_not_sent),
		TEST(long_calls_hold_nothing_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
