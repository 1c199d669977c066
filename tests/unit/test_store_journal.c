/* test_store_journal.c - a shared store and the host's journal: the server gone, slow, in doubt. */
#include "journal_fixture.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void got_number_erased(void *arg, int err, const struct store_number_erased *erased)
{
	struct answer *a = arg;

	a->calls++;
	a->err = err;
	a->count = err ? 0 : erased->messages;
}

static struct answer erase_number(struct fixture *fx, const char *number)
{
	struct answer a = { 0 };

	store_erase_number(fx->store, number, got_number_erased, &a);
	answered(fx, &a);
	return a;
}

static void texts_are_kept_while_it_is_away(void **state)
{
	struct fixture *fx = *state;

	assert_true(server_of(fx).up);
	text_in(fx, CARD, 1, "one");
	atomic_store(&journal_line.down, true);
	struct answer a = text_in(fx, CARD, 2, "two");
	assert_string_equal(a.message_id, "");
	assert_false(server_of(fx).up);
	assert_string_not_equal(server_of(fx).why, "");
	text_in(fx, CARD, 3, "three");
	assert_int_equal(server_of(fx).waiting, 2);
	assert_int_equal(server_of(fx).oldest_ms, T0);
	assert_int_equal(store_health(fx->store), -EAGAIN);

	/* the same entry once more, and nothing that the pool alone knows */
	assert_true(text_in(fx, CARD, 3, "three").same_entry);
	assert_int_equal(server_of(fx).waiting, 2);
	assert_int_equal(roster(fx).err, -EAGAIN);
	assert_int_equal(claim(fx, 8).err, -EAGAIN);

	atomic_store(&journal_line.down, false);
	until_up(fx, true);
	assert_int_equal(backs, 1);
	text_in(fx, CARD, 4, "four"); /* does not overtake */
	assert_int_equal(server_of(fx).waiting, 3);
	pool_has(fx, "one,");
	move_all(fx);
	pool_has(fx, "one,two,three,four,");
	text_in(fx, CARD, 5, "five");
	assert_int_equal(server_of(fx).waiting, 0);
	pool_has(fx, "one,two,three,four,five,");
	assert_int_equal(store_health(fx->store), 0);
}

static void no_answer_within_a_second(void **state)
{
	struct fixture *fx = *state;
	struct answer a, b;

	seen(fx, "p01", CARD, PHONE);
	atomic_store(&journal_line.frozen, true);
	text_start(fx, &a, CARD, 1, "one");
	loop_advance(fx->loop, 600);
	text_start(fx, &b, CARD, 2, "two");
	loop_advance(fx->loop, 399);
	let_run(fx);
	assert_int_equal(a.calls, 0);
	loop_advance(fx->loop, 1);
	answered(fx, &a);
	assert_int_equal(a.err, 0);
	assert_false(server_of(fx).up);
	text_in(fx, CARD, 3, "three"); /* overtakes neither */
	answered(fx, &b);
	assert_int_equal(server_of(fx).waiting, 3);

	/* it does them after all: once */
	atomic_store(&journal_line.frozen, false);
	until_up(fx, true);
	move_all(fx);
	pool_has(fx, "one,two,three,");
	assert_int_equal(a.calls, 1);
	assert_int_equal(claim(fx, 8).claimed, 1);
}

/* It is far away, or others have their turn: it is in use, and late for texts alone. */
static void a_server_that_speaks_is_there(void **state)
{
	struct fixture *fx = *state;
	struct answer a;

	text_in(fx, CARD, 1, "one");
	let_pass(fx, 5000);
	atomic_store(&journal_line.frozen, true);
	text_start(fx, &a, CARD, 2, "two");
	loop_advance(fx->loop, 600);
	atomic_store(journal_line.heard_us, loop_fresh_us(fx->loop));
	loop_advance(fx->loop, 400);
	answered(fx, &a);
	assert_string_equal(a.message_id, "");
	assert_true(server_of(fx).up);
	assert_int_equal(server_of(fx).waiting, 1);
	text_in(fx, CARD, 3, "three"); /* does not overtake */
	assert_int_equal(server_of(fx).waiting, 2);
	atomic_store(&journal_line.frozen, false);
	let_run(fx);
	move_all(fx);
	pool_has(fx, "one,two,three,");
	assert_int_equal(backs, 0);
	text_in(fx, CARD, 4, "four");
	assert_int_equal(server_of(fx).waiting, 0);

	/* a word of long ago is none: now it is asked for one */
	atomic_store(&journal_line.frozen, true);
	text_start(fx, &a, CARD, 5, "five");
	loop_advance(fx->loop, 500);
	atomic_store(journal_line.heard_us, loop_fresh_us(fx->loop));
	loop_advance(fx->loop, 500);
	answered(fx, &a);
	let_pass(fx, 1000);
	assert_false(server_of(fx).up);
}

struct asked {
	struct fixture *fx;
	int calls, err;
	int64_t waiting; /* in the journal, when it was answered */
};

static void on_asked(void *arg, int err, const struct store_marks *marks)
{
	struct asked *asked = arg;

	(void)marks;
	asked->calls++;
	asked->err = err;
	asked->waiting = server_of(asked->fx).waiting;
}

static void who_asks_is_answered(void **state)
{
	struct fixture *fx = *state;
	struct asked asked = { .fx = fx };

	atomic_store(&journal_line.frozen, true);
	store_marks(fx->store, on_asked, &asked);
	let_pass(fx, 2500);
	assert_int_equal(asked.calls, 0);
	let_pass(fx, 500);
	assert_int_equal(asked.calls, 1);
	assert_int_equal(asked.err, -EAGAIN);
	assert_false(server_of(fx).up);
	atomic_store(&journal_line.frozen, false);
	until_up(fx, true);
	assert_int_equal(asked.calls, 1);
	store_marks(fx->store, on_asked, &asked);
	let_run(fx);
	assert_int_equal(asked.calls, 2);
	assert_int_equal(asked.err, 0);
}

static void the_journal_holds_nothing_up(void **state)
{
	struct fixture *fx = *state;
	struct mover mover = { .fx = fx, .under_way = 1 };
	struct asked asked = { .fx = fx };
	char text[16];

	atomic_store(&journal_line.down, true);
	for (int i = 0; i < 60; i++) {
		snprintf(text, sizeof text, "t%02d", i);
		text_in(fx, CARD, i, text);
	}
	atomic_store(&journal_line.down, false);
	until_up(fx, true);
	atomic_store(&journal_line.due, true);
	atomic_store(&journal_line.frozen, true);
	store_journalled(fx->store, "", on_page, &mover);
	for (int i = 0; i < 400 && mover.under_way < 60; i++)
		loop_turn(fx->loop, 5);
	assert_int_equal(mover.under_way, 60);
	store_marks(fx->store, on_asked, &asked);
	atomic_store(&journal_line.frozen, false);
	for (int i = 0; i < 2000 && mover.under_way; i++)
		loop_turn(fx->loop, 5);
	assert_int_equal(asked.calls, 1);
	assert_int_equal(asked.err, 0);
	assert_true(asked.waiting >= 55);
	assert_int_equal(mover.err, 0);
	assert_int_equal(server_of(fx).waiting, 0);
	struct answer all = rows(fx, false);
	assert_int_equal(all.count, 60);
}

/* The server is well again at once; what stands behind the first waits all the same. */
static void none_overtakes_one_that_failed(void **state)
{
	struct fixture *fx = *state;
	struct answer a, b;

	atomic_store(&journal_line.frozen, true);
	text_start(fx, &a, CARD, 1, "one");
	while (!atomic_load(&journal_line.waits))
		usleep(1000);
	text_start(fx, &b, CARD, 2, "two");
	atomic_store(&journal_line.lost_commit, 1);
	atomic_store(&journal_line.frozen, false);
	answered(fx, &a);
	answered(fx, &b);
	until_up(fx, true);
	move_all(fx);
	pool_has(fx, "one,two,");

	/* nor in the move */
	atomic_store(&journal_line.down, true);
	text_in(fx, CARD, 3, "three");
	text_in(fx, CARD, 4, "four");
	atomic_store(&journal_line.down, false);
	until_up(fx, true);
	atomic_store(&journal_line.lost_commit, 2); /* of the page, and of its first alone */
	assert_false(move_page(fx));
	let_pass(fx, 3000);
	until_up(fx, true);
	move_all(fx);
	pool_has(fx, "one,two,three,four,");
}

static void a_lost_answer_is_no_second_text(void **state)
{
	struct fixture *fx = *state;
	struct store_route route = push;
	struct answer a = { 0 };

	route.claim = true;
	seen(fx, "p01", CARD, PHONE);
	atomic_store(&journal_line.lost_answer, 1);
	put_start(fx, &a, CARD, 1, "one", &route);
	answered(fx, &a);
	assert_int_equal(a.err, 0);
	assert_int_equal(a.claimed, 0);
	assert_int_equal(server_of(fx).waiting, 1);
	until_up(fx, true);
	pool_has(fx, "one,");
	move_all(fx);
	pool_has(fx, "one,");
	/* the claim that nobody was told of is given up */
	assert_int_equal(claim(fx, 8).claimed, 1);
}

static void what_was_deleted_meanwhile(void **state)
{
	struct fixture *fx = *state;

	text_in(fx, CARD, 1, "old");
	atomic_store(&journal_line.down, true);
	text_in(fx, CARD, 2, "new");
	assert_int_equal(deleted(fx, 2, "new").err, 0);
	assert_int_equal(deleted(fx, 1, "old").err, 0);
	text_in(fx, CARD, 1, "old"); /* the same bytes, a text of its own */
	atomic_store(&journal_line.down, false);
	until_up(fx, true);
	move_all(fx);
	pool_has(fx, "old,new,old,");
	assert_false(text_in(fx, CARD, 2, "new").same_entry);
	assert_true(text_in(fx, CARD, 1, "old").same_entry);
	pool_has(fx, "old,new,old,new,");
}

/* What is still in a journal when all of a number is erased goes as it comes; later texts stay. */
/* A former process had told the server, and did not hear that it was done. */
static void read_once_more_after_a_crash(void **state)
{
	struct fixture *fx = *state;

	text_in(fx, CARD, 1, "one");
	text_in(fx, CARD, 2, "two");
	fx_close(fx);
	atomic_store(&journal_line.down, true);
	journal_open_store(fx);
	text_in(fx, CARD, 1, "one");
	deleted(fx, 1, "one");
	deleted(fx, 2, "two"); /* of which the journal does not know */
	atomic_store(&journal_line.down, false);
	until_up(fx, true);
	let_run(fx);
	move_all(fx);
	pool_has(fx, "one,two,");
	text_in(fx, CARD, 1, "one"); /* both were gone: these are others */
	text_in(fx, CARD, 2, "two");
	pool_has(fx, "one,two,one,two,");
}

static void what_is_erased_meanwhile_stays_erased(void **state)
{
	struct fixture *fx = *state;

	seen(fx, "p01", CARD, PHONE);
	seen(fx, "p02", CARD2, "+46700000002");
	text_in(fx, CARD, 1, "one");
	atomic_store(&journal_line.down, true);
	text_in(fx, CARD, 2, "two");
	text_in(fx, CARD2, 1, "other");
	assert_int_equal(erase_number(fx, PHONE).err, -EAGAIN); /* and nothing is */
	atomic_store(&journal_line.down, false);
	until_up(fx, true);
	pool_has(fx, "one,");
	struct answer a = erase_number(fx, PHONE);
	assert_int_equal(a.err, 0);
	assert_int_equal(a.count, 1);
	let_pass(fx, 500);
	text_in(fx, CARD, 3, "three");
	assert_int_equal(server_of(fx).waiting, 3);
	move_all(fx);
	pool_has(fx, "other,three,");

	/* a number that was not erased is nobody's concern, nor is what comes later */
	atomic_store(&journal_line.down, true);
	text_in(fx, CARD, 4, "four");
	atomic_store(&journal_line.down, false);
	until_up(fx, true);
	move_all(fx);
	pool_has(fx, "other,three,four,");
	fx_sql(fx, "DO $$BEGIN IF (SELECT COUNT(*) FROM pdu WHERE raw = 'two') <> 0 THEN"
		   " RAISE disk_full; END IF; END$$");
}

static void the_process_ends_in_between(void **state)
{
	struct fixture *fx = *state;

	atomic_store(&journal_line.down, true);
	text_in(fx, CARD, 1, "one");
	text_in(fx, CARD, 2, "two");
	let_run(fx);
	fx_close(fx);
	journal_open_store(fx); /* with the server away */
	assert_false(server_of(fx).up);
	assert_int_equal(server_of(fx).waiting, 2);
	text_in(fx, CARD, 3, "three");
	fx_close(fx);
	atomic_store(&journal_line.down, false);
	journal_open_store(fx);
	assert_true(server_of(fx).up);
	assert_int_equal(server_of(fx).waiting, 3);
	text_in(fx, CARD, 4, "four");
	move_all(fx);
	pool_has(fx, "one,two,three,four,");
	let_run(fx);
	fx_close(fx);
	journal_open_store(fx);
	assert_int_equal(server_of(fx).waiting, 0);
}

static void got_pin(void *arg, int err, int64_t mark, int64_t refused_ms)
{
	struct answer *a = arg;
	a->calls++;
	a->err = err;
	a->count = mark;
	a->next_ms = refused_ms;
}

static int64_t mark_of(struct fixture *fx, const char *key)
{
	struct answer a = { 0 };
	store_pin_get(fx->store, key, got_pin, &a);
	answered(fx, &a);
	assert_int_equal(a.err, 0);
	return a.count;
}

static void cards_and_pins_are_in_both(void **state)
{
	struct fixture *fx = *state;
	struct answer a = { 0 };

	assert_string_equal(seen(fx, "p01", CARD, PHONE).number, PHONE);
	store_pin_refused(fx->store, "known", 7, T0, NULL, NULL);
	let_run(fx);
	atomic_store(&journal_line.down, true);
	struct answer card = seen(fx, "p01", CARD2, "");
	assert_int_equal(card.err, 0);
	assert_string_equal(card.last_card, CARD);
	assert_string_equal(seen(fx, "p01", CARD, "").number, PHONE);
	assert_int_equal(mark_of(fx, "known"), 7);
	store_pin_refused(fx->store, "card", 42, T0, got_done, &a);
	answered(fx, &a);
	assert_int_equal(a.err, 0);
	assert_int_equal(mark_of(fx, "card"), 42);
	atomic_store(&journal_line.down, false);
	until_up(fx, true);
	let_run(fx);
	assert_int_equal(mark_of(fx, "card"), 42); /* by the pool's word */
}

static void got_number(void *arg, int err, const struct store_number_change *change)
{
	(void)change;
	got_done(arg, err);
}

/* Also of a card that is gone by the time the server is back. What is set by hand is for a server
 * that can say what it frees, and whether it agrees with the file. */
static void numbers_while_it_is_away(void **state)
{
	struct fixture *fx = *state;
	struct answer set = { 0 }, forget = { 0 };

	atomic_store(&journal_line.down, true);
	seen(fx, "p01", CARD, PHONE);
	text_in(fx, CARD, 1, "one");
	seen(fx, "p01", CARD2, "");
	text_in(fx, CARD2, 1, "two");
	store_number_set(fx->store, CARD2, "+46700000002", T0, got_number, &set);
	answered(fx, &set);
	assert_int_equal(set.err, -EAGAIN);
	store_number_forget(fx->store, CARD, T0, got_number, &forget);
	answered(fx, &forget);
	assert_int_equal(forget.err, -EAGAIN);
	atomic_store(&journal_line.down, false);
	until_up(fx, true);
	move_all(fx);
	assert_string_equal(
		rows(fx, false).rows, "two  push held no_number,one " PHONE " push queued,");
	set = (struct answer) { 0 };
	store_number_set(fx->store, CARD2, "+46700000002", T0, got_number, &set);
	answered(fx, &set);
	assert_int_equal(set.err, 0);
}

static void an_idle_host_notices(void **state)
{
	struct fixture *fx = *state;

	let_pass(fx, 5000);
	assert_true(server_of(fx).up);
	atomic_store(&journal_line.down, true);
	until_up(fx, false);
	atomic_store(&journal_line.down, false);
	until_up(fx, true);
	atomic_store(&journal_line.frozen, true);
	until_up(fx, false);
	assert_int_equal(store_pending(fx->store), 0); /* what hangs there holds nothing up */
	atomic_store(&journal_line.frozen, false);
	until_up(fx, true);
	assert_int_equal(backs, 2);
}

static void a_real_server_is_killed(void **state)
{
	struct fixture *fx = *state;
	char text[16], all[512] = "";

	for (int i = 0; i < 20; i++) {
		if (i == 5)
			journal_server("halt");
		if (i == 15)
			journal_server("again");
		snprintf(text, sizeof text, "t%d", i);
		snprintf(all + strlen(all), sizeof all - strlen(all), "%s,", text);
		text_in(fx, CARD, i, text);
	}
	until_up(fx, true);
	move_all(fx);
	pool_has(fx, all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		JOURNAL_TEST(texts_are_kept_while_it_is_away),
		JOURNAL_TEST(no_answer_within_a_second),
		JOURNAL_TEST(a_server_that_speaks_is_there),
		JOURNAL_TEST(who_asks_is_answered),
		JOURNAL_TEST(the_journal_holds_nothing_up),
		JOURNAL_TEST(none_overtakes_one_that_failed),
		JOURNAL_TEST(a_lost_answer_is_no_second_text),
		JOURNAL_TEST(what_was_deleted_meanwhile),
		JOURNAL_TEST(read_once_more_after_a_crash),
		JOURNAL_TEST(what_is_erased_meanwhile_stays_erased),
		JOURNAL_TEST(the_process_ends_in_between),
		JOURNAL_TEST(cards_and_pins_are_in_both),
		JOURNAL_TEST(numbers_while_it_is_away),
		JOURNAL_TEST(an_idle_host_notices),
		JOURNAL_TEST(a_real_server_is_killed),
	};
	return JOURNAL_RUN(tests);
}
