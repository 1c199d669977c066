/* test_inbox.c - from an entry of a listing to the store, where the store fails in between. */
#include "store_fixture.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/counter.h"
#include "log_fixture.h"
#include "modem/inbox.h"
#include "sms_fixture.h"

static const struct inbox_spans spans = { DAY_MS, DAY_MS };
static bool join_fails; /* once */
static int stored_texts, done_calls, done_err;

static char routed[256]; /* the text that was asked for last */

static size_t on_route(void *arg, const struct store_message *message, struct store_route *out)
{
	(void)arg;
	assert_string_equal(*message->card_id ? message->card_id : CARD, CARD);
	assert_string_equal(message->bank, "north");
	snprintf(routed, sizeof routed, "%s", message->text);
	out[0] = push;
	return 1;
}

/* What completes a set is told here just before the set is joined. */
static void on_text_stored(void *arg, const struct store_sms_result *result)
{
	(void)arg;
	stored_texts += result->message_id[0] != '\0';
	if (!result->set_id || !join_fails)
		return;
	join_fails = false;
	atomic_store(&faults.kind, FAULT_BEFORE);
	atomic_store(&faults.fail_at, atomic_load(&faults.steps) + 1);
}

static void on_done(void *owner, int err, bool same_entry)
{
	(void)owner, (void)same_entry;
	done_calls++;
	done_err = err;
}

/* A text, or with total > 1 a part of one. Its bytes depend on all of this and nothing else. */
static const char *sent_at = ""; /* in the place of the time stamp, its first 12 digits */

static void put_entry(struct inbox *inbox, int index, int ref, int total, int seq, const char *text)
{
	const uint8_t header[] = { 5, 0, 3, (uint8_t)ref, (uint8_t)total, (uint8_t)seq };
	struct inbox_entry entry = { .port_id = "north/p01",
		.bank = "north",
		.slot = "p01",
		.key = CARD,
		.card_id = CARD,
		.memory = "SM",
		.index = index,
		.tpdu_len = -1 };
	struct ud ud;
	char hex[640];

	ud_begin(&ud, header, total > 1 ? sizeof header : 0);
	ud_septets(&ud, text, strlen(text));
	deliver_write(&ud, 0, hex, sizeof hex);
	memcpy(strstr(hex, A_TIME), sent_at, strlen(sent_at));
	entry.pdu = hex;
	inbox_put(inbox, &entry, on_done, NULL);
}

static void put_and_wait(struct fixture *fx, struct inbox *inbox, int seq, const char *text)
{
	put_entry(inbox, seq, 7, 3, seq, text);
	fx_wait(fx);
	fx_wait(fx);
}

/* The look for sets that wait no longer, and the joins it leads to. */
static void pass(struct fixture *fx, int64_t ms)
{
	loop_advance(fx->loop, ms);
	for (int i = 0; i < 3; i++)
		fx_wait(fx);
}

static char joined[8][64];

static void on_joined_text(void *arg, const struct store_sms_result *result)
{
	(void)arg;
	if (result->message && !result->set_id && result->message->parts == 2)
		snprintf(joined[stored_texts++ % 8], sizeof joined[0], "%s", result->message->text);
}

/* A sender that numbers all its long texts alike, and a card that shows them mixed. */
static void texts_of_one_reference_are_not_mixed(void **state)
{
	static const struct inbox_host host = { on_route, on_joined_text, NULL };
	struct fixture *fx = *state;
	struct inbox *inbox = inbox_new(fx->loop, fx->store, &spans, &host, NULL);

	stored_texts = 0;
	for (int i = 0; i < 4; i++) {
		sent_at = i % 2 ? "621112090010" : "621112090000";
		put_entry(inbox, i + 1, 7, 2, 1 + i / 2,
			(const char *const[]) { "A", "B", "a", "b" }[i]);
		fx_wait(fx);
		fx_wait(fx);
	}
	sent_at = "";
	assert_int_equal(stored_texts, 2);
	assert_string_equal(joined[0], "Aa");
	assert_string_equal(joined[1], "Bb");
	inbox_free(inbox);
	fx_wait(fx);
}

/* Its parts are deleted from the card by then: no listing brings it back. */
static void join_is_tried_again(void **state)
{
	static const struct inbox_host host = { on_route, on_text_stored, NULL };
	struct fixture *fx = *state;
	struct inbox *inbox = inbox_new(fx->loop, fx->store, &spans, &host, NULL);

	join_fails = true;
	put_entry(inbox, 1, 7, 2, 1, "a");
	fx_wait(fx);
	put_entry(inbox, 2, 7, 2, 2, "b");
	fx_wait(fx);
	assert_int_equal(done_calls, 2);
	assert_int_equal(done_err, 0);
	assert_int_equal(atomic_load(&faults.fired), 1);
	assert_int_equal(stored_texts, 0);
	assert_int_equal(totals(fx).totals.sets_open, 1);

	loop_advance(fx->loop, 60000);
	fx_wait(fx);
	fx_wait(fx);
	assert_int_equal(stored_texts, 1);
	assert_int_equal(totals(fx).totals.sets_open, 0);
	assert_int_equal(totals(fx).totals.messages, 1);

	loop_advance(fx->loop, 60000);
	fx_wait(fx);
	assert_int_equal(totals(fx).totals.messages, 1);
	inbox_free(inbox);
}

static const struct inbox_host quiet_host = { on_route, on_text_stored, NULL };

static void text_goes_out_with_a_gap(void **state)
{
	struct fixture *fx = *state;
	struct inbox *inbox = inbox_new(fx->loop, fx->store, &spans, &quiet_host, NULL);

	inbox_recover(inbox, 0);
	put_and_wait(fx, inbox, 1, "one ");
	pass(fx, DAY_MS / 2);
	put_and_wait(fx, inbox, 3, " three");
	pass(fx, DAY_MS / 2 - 1000);
	assert_int_equal(rows(fx, false).count, 0);
	pass(fx, 61000 + 1000);
	assert_string_equal(rows(fx, false).rows, "one [...] three  push held no_number,");
	assert_string_equal(routed, "one [...] three");
	pass(fx, DAY_MS / 2);
	assert_int_equal(rows(fx, false).count, 1);
	put_and_wait(fx, inbox, 2, "two");
	assert_string_equal(routed, "[2/3] two");
	assert_string_equal(rows(fx, false).rows,
		"[2/3] two  push held no_number,one [...] three  push held no_number,");
	put_and_wait(fx, inbox, 1, "new");
	pass(fx, 60000);
	assert_int_equal(rows(fx, false).count, 2);
	assert_int_equal(totals(fx).totals.sets_open, 1);
	inbox_free(inbox);
}

/* The rest may lie on the cards, which are not read yet. */
static void after_a_long_stop_the_cards_are_read_first(void **state)
{
	struct fixture *fx = *state;
	struct inbox *inbox = inbox_new(fx->loop, fx->store, &spans, &quiet_host, NULL);

	inbox_recover(inbox, 0);
	put_and_wait(fx, inbox, 1, "one ");
	put_and_wait(fx, inbox, 3, " three");
	inbox_free(inbox);
	fx_reopen(fx);
	loop_advance(fx->loop, 3 * DAY_MS);
	inbox = inbox_new(fx->loop, fx->store, &spans, &quiet_host, NULL);
	inbox_recover(inbox, 90000);
	pass(fx, 80000);
	assert_int_equal(rows(fx, false).count, 0);
	put_and_wait(fx, inbox, 2, "two");
	pass(fx, DAY_MS);
	assert_string_equal(rows(fx, false).rows, "one two three  push held no_number,");
	assert_string_equal(routed, "one two three");
	inbox_free(inbox);
}

static void too_many_sets_push_the_oldest_out(void **state)
{
	struct fixture *fx = *state;
	struct inbox *inbox = inbox_new(fx->loop, fx->store, &spans, &quiet_host, NULL);
	uint64_t crowded = counter_get(COUNTER_SETS_CROWDED);
	char text[16];

	inbox_recover(inbox, DAY_MS);
	for (int i = 0; i <= STORE_SETS_CARD_MAX + 1; i++) {
		snprintf(text, sizeof text, "n%d", i);
		put_entry(inbox, i, i, 2, 1, text);
		pass(fx, 10);
	}
	assert_string_equal(
		rows(fx, false).rows, "n1[...]  push held no_number,n0[...]  push held no_number,");
	assert_int_equal(totals(fx).totals.sets_open, STORE_SETS_CARD_MAX);
	assert_int_equal(counter_get(COUNTER_SETS_CROWDED), crowded + 2);
	inbox_free(inbox);
}

/* ---- once more ------------------------------------------------------------------------------ */

static int64_t retried, left_over;

static void on_retried(void *arg, int err, int64_t decoded, int64_t left)
{
	(void)arg;
	assert_int_equal(err, 0);
	retried = decoded;
	left_over = left;
}

/* What an older version could not read: PDUs that are good now, under the reason of then. */
static void undecodable_becomes_text(void **state)
{
	struct fixture *fx = *state;
	struct inbox *inbox = inbox_new(fx->loop, fx->store, &spans, &quiet_host, NULL);
	char hex[640];
	struct ud ud;

	for (int i = 0; i < STORE_PAGE_MAX + 2; i++) {
		char text[16];
		snprintf(text, sizeof text, "again %d", i);
		ud_begin(&ud, NULL, 0);
		ud_septets(&ud, text, strlen(text));
		deliver_write(&ud, 0, hex, sizeof hex);
		put_undecodable(fx, i, hex);
	}
	put_undecodable(fx, 998, "00040B91");
	inbox_retry(inbox, NULL, on_retried, NULL);
	for (int i = 0; i < 4; i++)
		fx_wait(fx);
	assert_int_equal(retried, STORE_PAGE_MAX + 2);
	assert_int_equal(left_over, 1);
	assert_int_equal(totals(fx).totals.messages, STORE_PAGE_MAX + 2);
	assert_int_equal(totals(fx).totals.undecodable, 1);

	inbox_retry(inbox, "no such entry", on_retried, NULL);
	fx_wait(fx);
	assert_int_equal(retried, 0);
	assert_int_equal(left_over, 0);
	inbox_free(inbox);
}

/* ---- whatever comes, in whatever order ------------------------------------------------------ */

enum { TEXTS = 120, TEXT_PARTS = 4 };

static unsigned long long random_state;

static unsigned random_below(unsigned limit)
{
	random_state = random_state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (unsigned)(random_state >> 33) % limit;
}

static int times_in(const char *token, const char *text)
{
	int times = 0;

	for (; (text = strstr(text, token)); text += strlen(token))
		times++;
	return times;
}

static char all_texts[1 << 16];

static void collect_texts(void *arg, int err, const struct store_row *found, size_t count)
{
	size_t len = 0;

	(void)arg;
	assert_int_equal(err, 0);
	all_texts[0] = '\0';
	for (size_t i = 0; i < count && len < sizeof all_texts; i++)
		len += (size_t)snprintf(
			all_texts + len, sizeof all_texts - len, "%s\n", found[i].text);
}

/* Parts come shuffled, some never, some again, hours or days apart, over restarts: each that came
 * is in one text that goes out, exactly once. */
static void each_part_goes_out_once(void **state)
{
	struct fixture *fx = *state;
	struct inbox *inbox = inbox_new(fx->loop, fx->store, &spans, &quiet_host, NULL);
	struct part {
		int text, seq, total;
	} parts[2 * TEXTS * TEXT_PARTS];
	bool came[TEXTS][TEXT_PARTS] = { 0 };
	size_t count = 0;

	random_state = 20260417;
	inbox_recover(inbox, 0);
	for (int t = 0; t < TEXTS; t++) {
		int total = 1 + (int)random_below(TEXT_PARTS);
		int again =
			(int)random_below(12); /* of all parts twice it would be a second text */
		for (int seq = 1; seq <= total; seq++) {
			if (random_below(8) == 0)
				continue;
			parts[count++] = (struct part) { t, seq, total };
			if (total > 1 && seq == again)
				parts[count++] = (struct part) { t, seq, total };
		}
	}
	for (size_t i = 0; i < count; i++) { /* not too far from where it was */
		size_t other = i + random_below(count - i < 12 ? (unsigned)(count - i) : 12);
		struct part part = parts[other];
		char token[16];
		parts[other] = parts[i];
		snprintf(token, sizeof token, "<%d.%d>", part.text, part.seq);
		put_entry(inbox, (int)i, part.text, part.total, part.seq, token);
		came[part.text][part.seq - 1] = true;
		pass(fx, random_below(5) ? random_below(100000)
					 : (int64_t)random_below(12) * 3600000);
		if (random_below(40) == 0) {
			inbox_free(inbox);
			fx_reopen(fx);
			inbox = inbox_new(fx->loop, fx->store, &spans, &quiet_host, NULL);
			inbox_recover(inbox, 0);
		}
	}
	pass(fx, DAY_MS);
	pass(fx, DAY_MS);
	store_messages(fx->store, &(struct store_query) { .limit = 1000 }, collect_texts, NULL);
	fx_wait(fx);
	for (int t = 0; t < TEXTS; t++)
		for (int seq = 1; seq <= TEXT_PARTS; seq++) {
			char token[16];
			snprintf(token, sizeof token, "<%d.%d>", t, seq);
			if (times_in(token, all_texts) != came[t][seq - 1])
				fail_msg("%s: %d times in\n%s", token, times_in(token, all_texts),
					all_texts);
		}
	assert_int_equal(totals(fx).totals.sets_open, 0);
	inbox_free(inbox);
}

/* What is only read, as the look for sets that are due, says nothing of a disk that is full. */
static void store_is_well_when_it_takes_a_text(void **state)
{
	struct fixture *fx = *state;
	struct inbox *inbox = inbox_new(fx->loop, fx->store, &spans, &quiet_host, NULL);

	log_keep();
	inbox_recover(inbox, 0);
	pass(fx, 1000);
	put_entry(inbox, 1, 0, 1, 1, "before");
	fx_wait(fx);
	atomic_store(&faults.kind, FAULT_BEFORE);
	atomic_store(&faults.fail_at, atomic_load(&faults.steps) + 1);
	put_entry(inbox, 2, 0, 1, 1, "refused");
	fx_wait(fx);
	assert_int_equal(done_err, -EIO);
	assert_int_equal(logged("event=store_failed"), 1);
	for (int i = 0; i < 10; i++)
		pass(fx, DAY_MS / 4);
	put_entry(inbox, 1, 0, 1, 1, "before");
	fx_wait(fx);
	assert_int_equal(done_err, 0);
	assert_int_equal(logged("event=store_ok"), 0);
	put_entry(inbox, 2, 0, 1, 1, "refused");
	fx_wait(fx);
	assert_int_equal(done_err, 0);
	assert_int_equal(logged("event=store_failed"), 1);
	assert_int_equal(logged("event=store_ok"), 1);
	log_set_sink(NULL, NULL);
	inbox_free(inbox);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, fx_setup, fx_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(join_is_tried_again),
		T(texts_of_one_reference_are_not_mixed),
		T(text_goes_out_with_a_gap),
		T(after_a_long_stop_the_cards_are_read_first),
		T(too_many_sets_push_the_oldest_out),
		T(undecodable_becomes_text),
		T(store_is_well_when_it_takes_a_text),
		T(each_part_goes_out_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
