/* test_store_move.c - texts go from the journal to the server: through the inbox; at random,
 * against a model. */
#include "journal_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "modem/inbox.h"
#include "sms_fixture.h"

/* ---- through the inbox ---------------------------------------------------------------------- */

static int entries_done;

static size_t on_route(void *arg, const struct store_message *message, struct store_route *out)
{
	(void)arg;
	assert_string_equal(message->card_id, CARD);
	out[0] = push;
	return 1;
}

static void on_stored(void *arg, const struct store_sms_result *result)
{
	(void)arg, (void)result;
}

static void on_done(void *owner, int err, bool same_entry)
{
	(void)owner, (void)same_entry;
	assert_int_equal(err, 0);
	entries_done++;
}

static void put_pdu(
	struct fixture *fx, struct inbox *inbox, int index, const char *hex, const char *no_text)
{
	const struct inbox_entry entry = { .port_id = "north/p01",
		.bank = "north",
		.slot = "p01",
		.key = CARD,
		.card_id = CARD,
		.memory = index < 0 ? "" : "SM",
		.index = index,
		.tpdu_len = -1,
		.pdu = hex,
		.no_text = no_text };
	int before = entries_done;

	inbox_put(inbox, &entry, on_done, NULL);
	for (int i = 0; i < 400 && entries_done == before; i++)
		loop_turn(fx->loop, 5);
	assert_int_equal(entries_done, before + 1);
}

/* With total > 1 a part. */
static void put_words(
	struct fixture *fx, struct inbox *inbox, int index, int total, int seq, const char *text)
{
	const uint8_t header[] = { 5, 0, 3, 7, (uint8_t)total, (uint8_t)seq };
	struct ud ud;
	char hex[640];

	ud_begin(&ud, header, total > 1 ? sizeof header : 0);
	ud_septets(&ud, text, strlen(text));
	deliver_write(&ud, 0, hex, sizeof hex);
	put_pdu(fx, inbox, index, hex, NULL);
}

static void what_it_is_shows_in_the_move(void **state)
{
	static const struct inbox_spans spans = { DAY_MS, DAY_MS };
	static const struct inbox_host host = { on_route, on_stored, NULL };
	struct fixture *fx = *state;
	struct inbox *inbox = inbox_new(fx->loop, fx->store, &spans, &host, NULL);

	seen(fx, "p01", CARD, PHONE);
	put_words(fx, inbox, 1, 3, 1, "one ");
	atomic_store(&journal_line.down, true);
	put_words(fx, inbox, 2, 1, 1, "whole");
	put_words(fx, inbox, -1, 3, 2, "two ");
	put_pdu(fx, inbox, 3, "0102ZZ", NULL);
	put_pdu(fx, inbox, -1, "0011", STORE_NO_TEXT_BROADCAST);
	int64_t arrived_ms = fx_now(fx);
	assert_int_equal(server_of(fx).waiting, 4);
	atomic_store(&journal_line.down, false);
	until_up(fx, true);
	inbox_move(inbox);
	let_pass(fx, 2000);
	assert_int_equal(server_of(fx).waiting, 0);
	assert_int_equal(rows_of(fx, &(struct store_query) { .since_ms = arrived_ms }).count, 1);
	assert_int_equal(
		rows_of(fx, &(struct store_query) { .since_ms = arrived_ms + 1 }).count, 0);
	struct answer left = rows(fx, true);
	assert_non_null(strstr(left.rows, "no_text " STORE_NO_TEXT_BROADCAST));
	assert_non_null(strstr(left.rows, "0102ZZ"));
	assert_int_equal(left.count, 3);

	/* the last part gets in, and nobody hears of it */
	atomic_store(&journal_line.lost_answer, 1);
	put_words(fx, inbox, 4, 3, 3, "three");
	until_up(fx, true);
	let_pass(fx, 2000);
	assert_int_equal(rows(fx, false).count, 1);
	inbox_move(inbox);
	let_pass(fx, 2000);
	assert_string_equal(rows(fx, false).rows,
		"one two three +46700000001 push queued,whole +46700000001 push queued,");
	inbox_free(inbox);
}

/* ---- a model: what comes, comes once and in order -------------------------------------------- */

enum { MODEL_CARDS = 4, MODEL_STEPS = 160 };

static unsigned model_random(unsigned *seed, unsigned below)
{
	*seed = *seed * 1103515245 + 12345;
	return (*seed >> 16) % below;
}

static void model_check(struct fixture *fx, const int *sent)
{
	for (int c = 0; c < MODEL_CARDS; c++) {
		char number[24];
		struct answer all;
		snprintf(number, sizeof number, "+4670000000%d", c);
		int seen_texts = 0;
		char after[STORE_ID_SIZE] = "";
		for (;;) {
			char *save = NULL;
			all = rows_of(fx, &(struct store_query) {
						  .number = number, .after = after, .limit = 64 });
			assert_int_equal(all.err, 0);
			if (!all.count)
				break;
			for (char *row = strtok_r(all.rows, ",", &save); row;
				row = strtok_r(NULL, ",", &save))
				assert_int_equal(
					atoi(row), seen_texts++); /* NOLINT(cert-err34-c) */
			copy(after, sizeof after, all.message_id);
		}
		assert_int_equal(seen_texts, sent[c]);
	}
}

static void model_run(struct fixture *fx, unsigned seed)
{
	static struct answer puts[MODEL_STEPS];
	int sent[MODEL_CARDS] = { 0 }, given = 0;
	char card[32], text[24], number[24];

	for (int c = 0; c < MODEL_CARDS; c++) {
		snprintf(card, sizeof card, "card-%d", c);
		snprintf(number, sizeof number, "+4670000000%d", c);
		seen(fx, "p01", card, number);
	}
	for (int step = 0; step < MODEL_STEPS; step++) {
		unsigned c = model_random(&seed, MODEL_CARDS);
		snprintf(card, sizeof card, "card-%u", c);
		snprintf(text, sizeof text, "%d", sent[c]++);
		text_start(fx, &puts[given++], card, step % 3 ? step : -1, text);
		switch (model_random(&seed, 12)) {
		case 0: atomic_store(&journal_line.down, !atomic_load(&journal_line.down)); break;
		case 1:
			atomic_store(&journal_line.frozen, !atomic_load(&journal_line.frozen));
			break;
		case 2: atomic_store(&journal_line.lost_answer, 1); break;
		case 3: loop_advance(fx->loop, 700); break;
		case 4: loop_advance(fx->loop, 3000); break;
		case 5: let_run(fx); break;
		case 6:
			if (!atomic_load(&journal_line.frozen))
				move_page(fx);
			break;
		default: loop_turn(fx->loop, 1); break;
		}
		if (model_random(&seed, 40) == 0) {
			atomic_store(&journal_line.frozen, false);
			for (int i = 0; i < given; i++)
				for (int k = 0; k < 400 && !puts[i].calls; k++)
					let_pass(fx, 500);
			let_run(fx);
			fx_close(fx);
			journal_open_store(fx);
		}
	}
	atomic_store(&journal_line.down, false);
	atomic_store(&journal_line.frozen, false);
	until_up(fx, true);
	let_pass(fx, 3000);
	until_up(fx, true);
	for (int i = 0; i < 50 && server_of(fx).waiting; i++)
		if (!move_page(fx))
			let_pass(fx, 3000);
	assert_int_equal(server_of(fx).waiting, 0);
	for (int i = 0; i < given; i++) {
		assert_int_equal(puts[i].calls, 1);
		assert_int_equal(puts[i].err, 0);
	}
	model_check(fx, sent);
}

static void any_outage_loses_and_doubles_nothing(void **state)
{
	for (unsigned seed = 1; seed <= 3; seed++) {
		print_message("seed %u\n", seed);
		model_run(*state, seed);
		fx_close(*state);
		journal_remove(*state);
		fx_empty(*state);
		fx_close(*state);
		journal_open_store(*state);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		JOURNAL_TEST(what_it_is_shows_in_the_move),
		JOURNAL_TEST(any_outage_loses_and_doubles_nothing),
	};
	return JOURNAL_RUN(tests);
}
