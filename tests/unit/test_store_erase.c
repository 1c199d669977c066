/* test_store_erase.c - what is kept, and how long: words, rows, files; and all of one number. */
#include "store_fixture.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/retention.h"

#define HISTORY_MS (30 * DAY_MS)

struct erasing {
	struct fixture *fx;
	int err, pages;
	int64_t messages, forgotten;
};

static void got_erased(void *arg, int err, const struct store_erased *erased)
{
	struct erasing *erasing = arg;

	erasing->err = err;
	if (err)
		return;
	erasing->pages++;
	erasing->messages += erased->messages;
	erasing->forgotten += erased->forgotten;
	if (!erased->over)
		store_erase(erasing->fx->store, &erased->next, got_erased, erasing);
}

/* As the daemon does it with a retention of a day. */
static struct erasing erase(struct fixture *fx)
{
	struct erasing erasing = { .fx = fx };
	const struct store_erase from = { .before_ms = fx_now(fx) - DAY_MS,
		.history_ms = fx_now(fx) - HISTORY_MS,
		.now_ms = fx_now(fx) };
	struct answer scrubbed = { 0 };

	store_erase(fx->store, &from, got_erased, &erasing);
	fx_wait(fx);
	assert_int_equal(erasing.err, 0);
	store_scrub(fx->store, got_done, &scrubbed);
	assert_int_equal(finish(fx, &scrubbed).err, 0);
	return erasing;
}

/* A text that ended in a state. The card has a number, so that nothing is held. */
static struct answer put_ended(
	struct fixture *fx, int index, const char *raw, enum store_state state)
{
	struct answer a = put(fx, index, raw);

	if (state != STORE_QUEUED)
		outcome(fx, a.message_id, state, 0);
	return a;
}

static size_t in_file(const char *path, const char *word)
{
	FILE *file = fopen(path, "rb");
	size_t found = 0, len = strlen(word);
	char *data;
	long size;

	if (!file)
		return 0;
	fseek(file, 0, SEEK_END);
	size = ftell(file);
	rewind(file);
	data = malloc((size_t)size + 1);
	assert_non_null(data);
	assert_int_equal(fread(data, 1, (size_t)size, file), size);
	for (long i = 0; i + (long)len <= size; i++)
		found += memcmp(data + i, word, len) == 0;
	free(data);
	fclose(file);
	return found;
}

/* In the database, and in what SQLite keeps beside it. A server's files are not looked into. */
static void assert_in_files(const struct fixture *fx, const char *word, size_t least, size_t most)
{
	char wal[240];
	size_t found;

	if (fx_shared())
		return;
	snprintf(wal, sizeof wal, "%s-wal", fx->path);
	found = in_file(fx->path, word) + in_file(wal, word);
	assert_in_range(found, least, most);
}

/* ---- words ---------------------------------------------------------------------------------- */

static void words_go_when_deliveries_are_over(void **state)
{
	struct fixture *fx = *state;
	const struct store_route withheld = {
		.platform = "push", .state = STORE_WITHHELD, .reason = "rules:1"
	};
	const struct store_route unclaimed = {
		.platform = "", .state = STORE_UNCLAIMED, .reason = ""
	};

	seen(fx, "p01", CARD, PHONE);
	put_ended(fx, 1, "h1|delivered", STORE_DELIVERED);
	put_ended(fx, 2, "h2|refused", STORE_REFUSED);
	put_ended(fx, 3, "h3|queued", STORE_QUEUED);
	struct answer kept = put_to(fx, CARD, 4, "h4|withheld", &withheld);
	put_to(fx, CARD, 5, "h5|unclaimed", &unclaimed);
	put_to(fx, CARD2, 6, "h6|held", &push); /* no number */
	loop_advance(fx->loop, DAY_MS - 1000);
	assert_int_equal(erase(fx).messages, 0);
	loop_advance(fx->loop, 2000);
	assert_int_equal(erase(fx).messages, 3);
	assert_int_equal(erase(fx).messages, 0);
	assert_string_equal(rows(fx, false).rows,
		"h6|held  push held no_number, " PHONE "  unclaimed, " PHONE
		" push withheld rules:1,h3|queued " PHONE " push queued,h2|refused " PHONE
		" push refused timeout, " PHONE " push delivered,");
	/* What is no more cannot go out. */
	struct answer again = { 0 };
	store_outbox_retry(fx->store, kept.message_id, fx_now(fx), got_count, &again);
	assert_int_equal(finish(fx, &again).count, 0);
}

static void a_day_counts_from_the_delivery(void **state)
{
	struct fixture *fx = *state;

	seen(fx, "p01", CARD, PHONE);
	struct answer a = put(fx, 1, "h1|late");
	loop_advance(fx->loop, 3 * DAY_MS);
	outcome(fx, a.message_id, STORE_DELIVERED, 0);
	assert_int_equal(erase(fx).messages, 0);
	loop_advance(fx->loop, DAY_MS + 1000);
	assert_int_equal(erase(fx).messages, 1);
}

static void got_one(void *arg, int err, const struct store_row *rows, size_t count)
{
	struct store_row *row = arg;

	assert_int_equal(err, 0);
	assert_int_equal(count, 1);
	*row = *rows;
}

static void the_length_stays(void **state)
{
	struct fixture *fx = *state;
	const struct store_query all = { 0 };
	struct store_row row;

	seen(fx, "p01", CARD, PHONE);
	put_ended(fx, 1, "h1|\xc3\xa5\xc3\xa4\xc3\xb6", STORE_DELIVERED);
	store_messages(fx->store, &all, got_one, &row);
	fx_wait(fx);
	assert_int_equal(row.chars, 6);
	assert_int_equal(row.erased_ms, 0);
	loop_advance(fx->loop, 2 * DAY_MS);
	erase(fx);
	store_messages(fx->store, &all, got_one, &row);
	fx_wait(fx);
	assert_int_equal(row.chars, 6);
	assert_int_equal(row.erased_ms, fx_now(fx));
}

static void nothing_is_left_in_the_files(void **state)
{
	struct fixture *fx = *state;
	char text[64];

	seen(fx, "p01", CARD, PHONE);
	for (int i = 0; i < 200; i++) {
		snprintf(text, sizeof text, "head%03d|SECRETWORDS", i);
		put_ended(fx, i, text, STORE_DELIVERED);
	}
	assert_in_files(fx, "SECRETWORDS", 400, SIZE_MAX);
	loop_advance(fx->loop, 2 * DAY_MS);
	assert_int_equal(erase(fx).messages, 200);
	assert_in_files(fx, "SECRETWORDS", 0, 0);
	assert_in_files(fx, "head199|", 1, SIZE_MAX); /* the entry is still on the card */
}

static void pages(void **state)
{
	struct fixture *fx = *state;
	struct answer a = { 0 };
	char text[32];

	const struct store_route unclaimed = {
		.platform = "", .state = STORE_UNCLAIMED, .reason = ""
	};
	for (int i = 0; i < 1100; i++) {
		snprintf(text, sizeof text, "h%d|x", i);
		put_start(fx, &a, CARD, -1, text, i % 11 ? &unclaimed : &push);
	}
	fx_wait(fx);
	loop_advance(fx->loop, 2 * DAY_MS);
	struct erasing erasing = erase(fx);
	assert_int_equal(erasing.messages, 1000); /* the others have no number */
	assert_int_equal(erasing.pages, 3);
	loop_advance(fx->loop, HISTORY_MS);
	assert_int_equal(erase(fx).forgotten, 1000);
	assert_int_equal(totals(fx).totals.messages, 100);
}

/* ---- entries -------------------------------------------------------------------------------- */

/* A card that refuses deletions shows its entries for ever: they are known by their head. */
static void an_entry_is_known_without_its_words(void **state)
{
	struct fixture *fx = *state;

	seen(fx, "p01", CARD, PHONE);
	struct answer a = put_ended(fx, 7, "head7|words", STORE_DELIVERED);
	loop_advance(fx->loop, 2 * DAY_MS);
	erase(fx);
	struct answer same = put(fx, 7, "head7|words");
	assert_true(same.same_entry);
	assert_string_equal(same.message_id, a.message_id);
	assert_false(put(fx, 7, "other|words").same_entry);
	loop_advance(fx->loop, HISTORY_MS);
	erase(fx);
	assert_true(put(fx, 7, "head7|words").same_entry); /* however long */
	deleted(fx, 7, "head7|words");
	assert_false(put(fx, 7, "head7|words").same_entry);
}

/* Entries of before heads were noted, and what has none, keep their PDU until they are deleted. */
static void without_a_head_an_entry_keeps_its_pdu(void **state)
{
	struct fixture *fx = *state;

	seen(fx, "p01", CARD, PHONE);
	put_ended(fx, 7, "no head", STORE_DELIVERED);
	put_ended(fx, 8, "none either", STORE_DELIVERED);
	deleted(fx, 8, "none either");
	loop_advance(fx->loop, 2 * DAY_MS);
	erase(fx);
	assert_true(put(fx, 7, "no head").same_entry);
	assert_false(put(fx, 7, "another").same_entry);
	assert_false(put(fx, 8, "new").same_entry);
	assert_in_files(fx, "none either", 0, 0);
}

static void a_repeated_part_is_known_without_its_words(void **state)
{
	struct fixture *fx = *state;
	struct answer due = { 0 };

	seen(fx, "p01", CARD, PHONE);
	put_part(fx, 9, 2, 1, 1, "head1|words");
	struct answer whole = put_part(fx, 9, 2, 2, 2, "head2|words");
	struct answer message = join(fx, whole.set_id, "joined");
	outcome(fx, message.message_id, STORE_DELIVERED, 0);
	deleted(fx, 1, "head1|words");
	deleted(fx, 2, "head2|words");
	loop_advance(fx->loop, 2 * DAY_MS);
	assert_int_equal(erase(fx).messages, 1);
	/* The network sends one part again: a set that closes without a message. */
	assert_string_equal(put_part(fx, 9, 2, 1, 3, "head1|words").set_id, "");
	loop_advance(fx->loop, 2 * DAY_MS);
	store_sets_due(fx->store, fx_now(fx), got_sms, &due);
	fx_wait(fx);
	assert_int_equal(due.calls, 2);
	assert_true(due.same_entry);
	assert_int_equal(totals(fx).totals.messages, 1);
	assert_int_equal(totals(fx).totals.sets_open, 0);
}

static void waiting_parts_keep_their_words(void **state)
{
	struct fixture *fx = *state;

	seen(fx, "p01", CARD, PHONE);
	put_part(fx, 9, 2, 1, 1, "head1|words");
	deleted(fx, 1, "head1|words");
	loop_advance(fx->loop, 3 * DAY_MS);
	erase(fx);
	assert_string_equal(
		put_part(fx, 9, 2, 2, 2, "head2|words").parts, "head1|words,head2|words,");
}

/* ---- history -------------------------------------------------------------------------------- */

/* A page of a cell broadcast, as a modem shows it: nobody has to decide on it. */
static void put_page(struct fixture *fx)
{
	const struct store_sms sms = { .card_id = CARD,
		.bank = "north",
		.slot = "p01",
		.memory = "",
		.index = -1,
		.raw = "page",
		.tpdu_len = -1,
		.arrived_ms = fx_now(fx),
		.undecodable = STORE_NO_TEXT_BROADCAST };

	store_sms_put(fx->store, &sms, NULL, NULL);
	fx_wait(fx);
}

static void history_ends(void **state)
{
	struct fixture *fx = *state;

	seen(fx, "p01", CARD, PHONE);
	put_ended(fx, 1, "h1|delivered", STORE_DELIVERED);
	put_ended(fx, 2, "h2|refused", STORE_REFUSED);
	put_undecodable(fx, 3, "raw");
	put_page(fx);
	put_part(fx, 9, 2, 1, 4, "h4|one");
	struct answer whole = put_part(fx, 9, 2, 2, 5, "h5|two");
	outcome(fx, join(fx, whole.set_id, "joined").message_id, STORE_DELIVERED, 0);
	loop_advance(fx->loop, 2 * DAY_MS);
	assert_int_equal(erase(fx).forgotten, 0);
	assert_int_equal(rows(fx, false).count, 3);
	assert_int_equal(totals(fx).totals.undecodable, 1);
	assert_int_equal(totals(fx).totals.no_text, 1);
	loop_advance(fx->loop, HISTORY_MS);
	assert_int_equal(erase(fx).forgotten, 2);
	assert_string_equal(rows(fx, false).rows, "h2|refused " PHONE " push refused timeout,");
	assert_int_equal(totals(fx).totals.undecodable, 1);
	assert_int_equal(totals(fx).totals.no_text, 0);
}

static void the_service_erases_in_time(void **state)
{
	struct fixture *fx = *state;
	struct retention_spans spans = { DAY_MS, HISTORY_MS };
	struct retention *retention = retention_new(fx->loop, fx->store, &spans);

	assert_non_null(retention);
	seen(fx, "p01", CARD, PHONE);
	put_ended(fx, 1, "h1|SECRETWORDS", STORE_DELIVERED);
	for (int i = 0; i < 3; i++) {
		loop_advance(fx->loop, RETENTION_EVERY_MS);
		fx_wait(fx);
		fx_wait(fx);
	}
	assert_in_files(fx, "SECRETWORDS", 1, SIZE_MAX);
	spans.words = RETENTION_EVERY_MS;
	loop_advance(fx->loop, RETENTION_EVERY_MS);
	fx_wait(fx);
	fx_wait(fx);
	assert_in_files(fx, "SECRETWORDS", 0, 0);
	retention_stop(retention);
	fx_close(fx);
	retention_free(retention);
}

/* Whatever step fails: nothing is lost or half done, and the next look does it. */
static void faults_change_nothing(void **state)
{
	struct fixture *fx = *state;
	const struct store_erase from = { .before_ms = T0 + DAY_MS, .now_ms = T0 + 2 * DAY_MS };

	seen(fx, "p01", CARD, PHONE);
	put_ended(fx, 1, "h1|delivered", STORE_DELIVERED);
	for (int step = 1; step < 20; step++) {
		struct erasing erasing = { .fx = fx };
		atomic_store(&faults.steps, 0);
		atomic_store(&faults.fail_at, step);
		store_erase(fx->store, &from, got_erased, &erasing);
		fx_wait(fx);
		atomic_store(&faults.fail_at, 0);
		assert_true(put(fx, 1, "h1|delivered").same_entry);
		assert_int_equal(totals(fx).totals.messages, 1);
	}
	assert_int_equal(rows(fx, false).count, 1);
}

/* ---- all of one number ---------------------------------------------------------------------- */

struct number_answer {
	int calls, err;
	struct store_number_erased erased;
};

static void got_number_erased(void *arg, int err, const struct store_number_erased *erased)
{
	struct number_answer *a = arg;

	a->calls++;
	a->err = err;
	if (!err)
		a->erased = *erased;
}

static struct number_answer erase_number(struct fixture *fx, const char *number)
{
	struct number_answer a = { 0 };

	store_erase_number(fx->store, number, got_number_erased, &a);
	fx_wait(fx);
	assert_int_equal(a.calls, 1);
	return a;
}

static struct answer of_number(struct fixture *fx, const char *number, const char *after)
{
	const struct store_query query = { .number = number, .after = after };

	return rows_of(fx, &query);
}

static void all_of_a_number_is_given_and_erased(void **state)
{
	struct fixture *fx = *state;
	const struct store_route twice[] = { push,
		{ .platform = "hook", .state = STORE_QUEUED, .reason = "" } };
	char text[32];

	seen(fx, "p02", CARD2, "+46700000002");
	put_to(fx, CARD2, 1, "h|SECRETother", &push);
	seen(fx, "p01", CARD, "");
	put_to(fx, CARD, 0, "h0|SECRETheld", &push); /* before its number was known */
	seen(fx, "p01", CARD, PHONE);
	for (int i = 1; i <= 70; i++) {
		snprintf(text, sizeof text, "h%d|SECRET%d", i, i);
		put_to(fx, CARD, i, text, &twice[i & 1]);
		if (i > 1)
			deleted(fx, i, text);
	}
	put_part(fx, 9, 2, 1, 80, "h80|SECRETpart");
	put_undecodable(fx, 81, "SECRETraw");
	deleted(fx, 81, "SECRETraw");

	struct answer first = of_number(fx, PHONE, NULL);
	assert_int_equal(first.count, STORE_PAGE_MAX);
	struct answer rest = of_number(fx, PHONE, first.message_id);
	assert_int_equal(first.count + rest.count, 71);
	assert_int_equal(of_number(fx, PHONE, rest.message_id).count, 0);

	assert_in_files(fx, "SECRET", 100, SIZE_MAX);
	struct number_answer a = erase_number(fx, PHONE);
	assert_int_equal(a.err, 0);
	assert_int_equal(a.erased.messages, 71);
	assert_int_equal(a.erased.undelivered, 71);
	assert_int_equal(a.erased.parts, 1);
	assert_int_equal(a.erased.undecodable, 1);
	assert_int_equal(a.erased.on_cards, 3); /* 0, 1 and the part */
	assert_in_files(fx, "SECRET", 3, 3);    /* of the other number: text, PDU, its index */
	assert_string_equal(rows(fx, false).rows, "h|SECRETother +46700000002 push queued,");
	assert_int_equal(totals(fx).totals.parts_pending, 0);
	assert_int_equal(totals(fx).totals.undecodable, 0);
	assert_true(put_to(fx, CARD, 1, "h1|SECRET1", &push).same_entry);
	assert_int_equal(erase_number(fx, "+46799999999").erased.messages, 0);
	assert_int_equal(erase_number(fx, "").err, -EINVAL);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, fx_setup, fx_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(words_go_when_deliveries_are_over),
		CASE(a_day_counts_from_the_delivery),
		CASE(the_length_stays),
		CASE(nothing_is_left_in_the_files),
		CASE(pages),
		CASE(an_entry_is_known_without_its_words),
		CASE(without_a_head_an_entry_keeps_its_pdu),
		CASE(a_repeated_part_is_known_without_its_words),
		CASE(waiting_parts_keep_their_words),
		CASE(history_ends),
		CASE(the_service_erases_in_time),
		CASE(faults_change_nothing),
		CASE(all_of_a_number_is_given_and_erased),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
