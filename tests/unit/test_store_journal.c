/* test_store_journal.c - a shared store and the host's journal: the server gone, slow, in doubt. */
#include "store_fixture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "modem/inbox.h"
#include "sms_fixture.h"
#include "store/store_hosts.h"
#include "store/store_impl.h"

static char where[64];
static int backs; /* how often the server came back */

static void server(const char *command)
{
	char line[256];

	snprintf(line, sizeof line, TESTS_DIR "/unit/pg_server %s %s", command, where);
	assert_int_equal(system(line), 0); /* NOLINT(cert-env33-c): the test's own script */
}

/* ---- a server that is cut off, slow, or whose answer is lost --------------------------------- */

static struct {
	atomic_bool down;       /* nothing can be asked of it */
	atomic_int lost_answer; /* so many commits are made, and nobody is told */
	atomic_int lost_commit; /* so many are not made */
	atomic_bool frozen;     /* the next begin waits until it is not */
	atomic_bool waits;
	atomic_bool due;           /* each transaction has had its time with its first job */
	_Atomic int64_t *heard_us; /* of the store */
} line;

static int cut_open(
	const struct backend_config *config, struct backend_conn **out, char *why, size_t why_size)
{
	line.heard_us = config->heard_us;
	if (!atomic_load(&line.down))
		return store_postgres.open(config, out, why, why_size);
	snprintf(why, why_size, "cut off");
	return -EAGAIN;
}

static int cut_begin(struct backend_conn *conn, bool write)
{
	while (atomic_load(&line.frozen)) {
		atomic_store(&line.waits, true);
		usleep(1000);
	}
	return atomic_load(&line.down) ? -EAGAIN : store_postgres.begin(conn, write);
}

static int cut_commit(struct backend_conn *conn)
{
	if (atomic_load(&line.down))
		return -EAGAIN;
	if (atomic_load(&line.lost_commit) > 0) {
		atomic_fetch_sub(&line.lost_commit, 1);
		return -EAGAIN;
	}
	int made = store_postgres.commit(conn);
	if (made > 0 && atomic_load(&line.lost_answer) > 0) {
		atomic_fetch_sub(&line.lost_answer, 1);
		return -EAGAIN;
	}
	return made;
}

static const struct loop *clock_loop;

static int64_t cut_now(struct backend_conn *conn)
{
	(void)conn;
	return loop_wall_ms(clock_loop);
}

static bool cut_is_due(struct backend_conn *conn)
{
	return atomic_load(&line.due) || store_postgres.is_due(conn);
}

static struct backend cut;

static void on_back(void *arg)
{
	(void)arg;
	backs++;
}

static int try_as(struct fixture *fx, const char *name)
{
	char journal[128];
	snprintf(journal, sizeof journal, "%s/%s", fx->dir, name);
	const struct store_config config = { .path = fx->path,
		.host_id = "host-a",
		.loop = fx->loop,
		.shared = true,
		.journal = journal };

	return store_open_backend(&config, &cut, &fx->store, fx->why, sizeof fx->why);
}

static int try_store(struct fixture *fx)
{
	return try_as(fx, "journal.db");
}

/* The store is its server's, the clock the fixture's. The process before this one is known to be
 * dead, whatever it could say at its end. */
static void open_store(struct fixture *fx)
{
	fx_sql(fx, "UPDATE host SET token = ''");
	if (try_store(fx))
		fail_msg("%s", fx->why);
	store_server_watch(fx->store, on_back, NULL);
}

static int setup(void **state)
{
	struct fixture *fx;

	if (fx_setup(state))
		return -1;
	fx = *state;
	fx_close(fx);
	memset(&line, 0, sizeof line);
	backs = 0;
	cut = store_postgres;
	cut.open = cut_open;
	cut.begin = cut_begin;
	cut.commit = cut_commit;
	cut.now_ms = cut_now;
	clock_loop = fx->loop;
	cut.is_due = cut_is_due;
	open_store(fx);
	return 0;
}

static void remove_journal(const struct fixture *fx)
{
	char name[160];
	static const char *const names[] = { "journal.db", "copy.db" };
	static const char *const ends[] = { "", "-wal", ".lock", ".key" };

	for (size_t i = 0; i < 8; i++) {
		snprintf(name, sizeof name, "%s/%s%s", fx->dir, names[i / 4], ends[i % 4]);
		unlink(name);
	}
}

static int teardown(void **state)
{
	struct fixture *fx = *state;

	atomic_store(&line.frozen, false);
	atomic_store(&line.down, false);
	fx_close(fx);
	remove_journal(fx);
	return fx_teardown(state);
}

/* ---- what happens --------------------------------------------------------------------------- */

static struct store_server server_of(struct fixture *fx)
{
	struct store_server said;
	assert_true(store_server(fx->store, &said));
	return said;
}

/* Real time for the threads, none on the clock. */
static void let_run(struct fixture *fx)
{
	for (int i = 0; i < 8; i++)
		loop_turn(fx->loop, 5);
}

static void pass(struct fixture *fx, int64_t ms)
{
	for (; ms > 0; ms -= 500) {
		loop_advance(fx->loop, 500);
		let_run(fx);
	}
}

static void until_up(struct fixture *fx, bool up)
{
	for (int i = 0; i < 60 && server_of(fx).up != up; i++)
		pass(fx, 500);
	assert_int_equal(server_of(fx).up, up);
}

static void start(
	struct fixture *fx, struct answer *a, const char *card, int index, const char *text)
{
	*a = (struct answer) { 0 };
	put_start(fx, a, card, index, text, &push);
}

static void answered(struct fixture *fx, const struct answer *a)
{
	for (int i = 0; i < 400 && !a->calls; i++)
		loop_turn(fx->loop, 5);
	assert_int_equal(a->calls, 1);
}

static struct answer text_in(struct fixture *fx, const char *card, int index, const char *text)
{
	struct answer a;
	start(fx, &a, card, index, text);
	answered(fx, &a);
	assert_int_equal(a.err, 0);
	return a;
}

/* What the inbox does with a page, where a PDU is its text. */
struct mover {
	struct fixture *fx;
	int under_way, pages;
	int err;
};

static void on_move_put(void *arg, int err, const struct store_sms_result *result)
{
	struct mover *mover = arg;

	(void)result;
	mover->under_way--;
	if (err)
		mover->err = err;
}

static void on_page(void *arg, int err, const struct store_raw *rows, size_t count)
{
	struct mover *mover = arg;

	mover->under_way--;
	mover->err = err ? err : mover->err;
	for (size_t i = 0; i < count; i++) {
		const struct store_message message = { rows[i].card_id, rows[i].bank, rows[i].slot,
			"+46701", rows[i].raw, 0, rows[i].arrived_ms, 1 };
		const struct store_sms sms = { .pdu_id = rows[i].pdu_id,
			.journalled = true,
			.gone = rows[i].gone,
			.card_id = rows[i].card_id,
			.owner = rows[i].owner,
			.bank = rows[i].bank,
			.slot = rows[i].slot,
			.memory = rows[i].memory,
			.index = rows[i].index,
			.tpdu_len = rows[i].tpdu_len,
			.raw = rows[i].raw,
			.arrived_ms = rows[i].arrived_ms,
			.message = &message,
			.routes = &push,
			.route_count = 1 };
		mover->under_way++;
		store_sms_put(mover->fx->store, &sms, on_move_put, mover);
	}
}

/* One page; false: the server was not there. */
static bool move_page(struct fixture *fx)
{
	struct mover mover = { .fx = fx, .under_way = 1 };

	store_journalled(fx->store, "", on_page, &mover);
	for (int i = 0; i < 2000 && mover.under_way; i++)
		loop_turn(fx->loop, 5);
	assert_int_equal(mover.under_way, 0);
	return mover.err == 0;
}

static void move_all(struct fixture *fx)
{
	for (int i = 0; i < 100 && server_of(fx).waiting > 0; i++)
		assert_true(move_page(fx));
	assert_int_equal(server_of(fx).waiting, 0);
}

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

/* The texts of the pool, by id, without those of a journal. */
static void pool_has(struct fixture *fx, const char *expected)
{
	struct answer all = rows(fx, false);
	char *texts[64], *save = NULL, line_of[sizeof all.rows], got[512] = "";
	size_t count = 0;

	copy(line_of, sizeof line_of, all.rows);
	for (char *row = strtok_r(line_of, ",", &save); row; row = strtok_r(NULL, ",", &save)) {
		*strchr(row, ' ') = '\0';
		texts[count++] = row;
	}
	while (count > 0)
		snprintf(got + strlen(got), sizeof got - strlen(got), "%s,", texts[--count]);
	assert_string_equal(got, expected);
}

/* ---- the tests ------------------------------------------------------------------------------ */

static void texts_are_kept_while_it_is_away(void **state)
{
	struct fixture *fx = *state;

	assert_true(server_of(fx).up);
	text_in(fx, CARD, 1, "one");
	atomic_store(&line.down, true);
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

	atomic_store(&line.down, false);
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
	atomic_store(&line.frozen, true);
	start(fx, &a, CARD, 1, "one");
	loop_advance(fx->loop, 600);
	start(fx, &b, CARD, 2, "two");
	loop_advance(fx->loop, 399);
	let_run(fx);
	assert_int_equal(a.calls, 0);
	loop_advance(fx->loop, 1);
	answered(fx, &a);
	assert_int_equal(a.err, 0);
	assert_false(server_of(fx).up);
	assert_int_equal(b.calls, 0);
	loop_advance(fx->loop, 600);
	answered(fx, &b);
	assert_int_equal(server_of(fx).waiting, 2);

	/* it does them after all: once */
	atomic_store(&line.frozen, false);
	until_up(fx, true);
	move_all(fx);
	pool_has(fx, "one,two,");
	assert_int_equal(a.calls, 1);
	assert_int_equal(claim(fx, 8).claimed, 1);
}

/* It is far away, or others have their turn: it is in use, and late for texts alone. */
static void a_server_that_speaks_is_there(void **state)
{
	struct fixture *fx = *state;
	struct answer a;

	text_in(fx, CARD, 1, "one");
	pass(fx, 5000);
	atomic_store(&line.frozen, true);
	start(fx, &a, CARD, 2, "two");
	loop_advance(fx->loop, 600);
	atomic_store(line.heard_us, loop_fresh_us(fx->loop));
	loop_advance(fx->loop, 400);
	answered(fx, &a);
	assert_string_equal(a.message_id, "");
	assert_true(server_of(fx).up);
	assert_int_equal(server_of(fx).waiting, 1);
	text_in(fx, CARD, 3, "three"); /* does not overtake */
	assert_int_equal(server_of(fx).waiting, 2);
	atomic_store(&line.frozen, false);
	let_run(fx);
	move_all(fx);
	pool_has(fx, "one,two,three,");
	assert_int_equal(backs, 0);
	text_in(fx, CARD, 4, "four");
	assert_int_equal(server_of(fx).waiting, 0);

	/* a word of long ago is none: now it is asked for one */
	atomic_store(&line.frozen, true);
	start(fx, &a, CARD, 5, "five");
	loop_advance(fx->loop, 500);
	atomic_store(line.heard_us, loop_fresh_us(fx->loop));
	loop_advance(fx->loop, 500);
	answered(fx, &a);
	pass(fx, 1000);
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

	atomic_store(&line.frozen, true);
	store_marks(fx->store, on_asked, &asked);
	pass(fx, 2500);
	assert_int_equal(asked.calls, 0);
	pass(fx, 500);
	assert_int_equal(asked.calls, 1);
	assert_int_equal(asked.err, -EAGAIN);
	assert_false(server_of(fx).up);
	atomic_store(&line.frozen, false);
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

	atomic_store(&line.down, true);
	for (int i = 0; i < 60; i++) {
		snprintf(text, sizeof text, "t%02d", i);
		text_in(fx, CARD, i, text);
	}
	atomic_store(&line.down, false);
	until_up(fx, true);
	atomic_store(&line.due, true);
	atomic_store(&line.frozen, true);
	store_journalled(fx->store, "", on_page, &mover);
	for (int i = 0; i < 400 && mover.under_way < 60; i++)
		loop_turn(fx->loop, 5);
	assert_int_equal(mover.under_way, 60);
	store_marks(fx->store, on_asked, &asked);
	atomic_store(&line.frozen, false);
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

	atomic_store(&line.frozen, true);
	start(fx, &a, CARD, 1, "one");
	while (!atomic_load(&line.waits))
		usleep(1000);
	start(fx, &b, CARD, 2, "two");
	atomic_store(&line.lost_commit, 1);
	atomic_store(&line.frozen, false);
	answered(fx, &a);
	answered(fx, &b);
	until_up(fx, true);
	move_all(fx);
	pool_has(fx, "one,two,");

	/* nor in the move */
	atomic_store(&line.down, true);
	text_in(fx, CARD, 3, "three");
	text_in(fx, CARD, 4, "four");
	atomic_store(&line.down, false);
	until_up(fx, true);
	atomic_store(&line.lost_commit, 2); /* of the page, and of its first alone */
	assert_false(move_page(fx));
	pass(fx, 3000);
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
	atomic_store(&line.lost_answer, 1);
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
	atomic_store(&line.down, true);
	text_in(fx, CARD, 2, "new");
	assert_int_equal(deleted(fx, 2, "new").err, 0);
	assert_int_equal(deleted(fx, 1, "old").err, 0);
	text_in(fx, CARD, 1, "old"); /* the same bytes, a text of its own */
	atomic_store(&line.down, false);
	until_up(fx, true);
	move_all(fx);
	pool_has(fx, "old,new,old,");
	assert_false(text_in(fx, CARD, 2, "new").same_entry);
	assert_true(text_in(fx, CARD, 1, "old").same_entry);
	pool_has(fx, "old,new,old,new,");
}

/* What is still in a journal when all of a number is erased goes as it comes; later texts stay. */
static void what_is_erased_meanwhile_stays_erased(void **state)
{
	struct fixture *fx = *state;

	seen(fx, "p01", CARD, PHONE);
	seen(fx, "p02", CARD2, "+46700000002");
	text_in(fx, CARD, 1, "one");
	atomic_store(&line.down, true);
	text_in(fx, CARD, 2, "two");
	text_in(fx, CARD2, 1, "other");
	assert_int_equal(erase_number(fx, PHONE).err, -EAGAIN); /* and nothing is */
	atomic_store(&line.down, false);
	until_up(fx, true);
	pool_has(fx, "one,");
	struct answer a = erase_number(fx, PHONE);
	assert_int_equal(a.err, 0);
	assert_int_equal(a.count, 1);
	pass(fx, 500);
	text_in(fx, CARD, 3, "three");
	assert_int_equal(server_of(fx).waiting, 3);
	move_all(fx);
	pool_has(fx, "other,three,");

	/* a number that was not erased is nobody's concern, nor is what comes later */
	atomic_store(&line.down, true);
	text_in(fx, CARD, 4, "four");
	atomic_store(&line.down, false);
	until_up(fx, true);
	move_all(fx);
	pool_has(fx, "other,three,four,");
	fx_sql(fx, "DO $$BEGIN IF (SELECT COUNT(*) FROM pdu WHERE raw = 'two') <> 0 THEN"
		   " RAISE disk_full; END IF; END$$");
}

static void the_process_ends_in_between(void **state)
{
	struct fixture *fx = *state;

	atomic_store(&line.down, true);
	text_in(fx, CARD, 1, "one");
	text_in(fx, CARD, 2, "two");
	let_run(fx);
	fx_close(fx);
	open_store(fx); /* with the server away */
	assert_false(server_of(fx).up);
	assert_int_equal(server_of(fx).waiting, 2);
	text_in(fx, CARD, 3, "three");
	fx_close(fx);
	atomic_store(&line.down, false);
	open_store(fx);
	assert_true(server_of(fx).up);
	assert_int_equal(server_of(fx).waiting, 3);
	text_in(fx, CARD, 4, "four");
	move_all(fx);
	pool_has(fx, "one,two,three,four,");
	let_run(fx);
	fx_close(fx);
	open_store(fx);
	assert_int_equal(server_of(fx).waiting, 0);
}

static void got_hosts(void *arg, int err, const struct store_hosts *hosts)
{
	(void)hosts;
	*(int *)arg = err;
}

/* Found at the start it ends that; found later this host neither sells nor sends. */
static int beat_of(struct fixture *fx)
{
	const struct store_beat beat = { .settled = true,
		.lead = true,
		.stale_ms = STORE_STALE_MS,
		.lease_ms = STORE_STALE_MS / 2,
		.now_ms = fx_now(fx) };
	int err = 1;

	store_host_beat(fx->store, &beat, got_hosts, &err);
	for (int i = 0; i < 2000 && err == 1; i++)
		loop_turn(fx->loop, 5);
	return err;
}

static void another_has_this_hosts_name(void **state)
{
	static const char *const other = "UPDATE host SET token = 'b/1/1/x', instance = 'other',"
					 " stale = 1 WHERE name = 'host-a'";
	struct fixture *fx = *state;

	fx_close(fx);
	fx_sql(fx, other);
	assert_int_equal(try_store(fx), -EADDRINUSE);
	assert_non_null(strstr(fx->why, "host_id of its own"));

	atomic_store(&line.down, true);
	open_store(fx);
	fx_sql(fx, other);
	atomic_store(&line.down, false);
	pass(fx, 10000);
	assert_false(server_of(fx).up);
	assert_int_equal(server_of(fx).err, -EADDRINUSE);
	assert_non_null(strstr(server_of(fx).why, "host_id of its own"));
	assert_int_equal(store_health(fx->store), -EADDRINUSE);
	text_in(fx, CARD, 1, "one");
	assert_int_equal(server_of(fx).waiting, 1);
	assert_int_equal(beat_of(fx), -EAGAIN);
	pool_has(fx, "");

	fx_sql(fx, "UPDATE host SET token = ''"); /* it has ended */
	until_up(fx, true);
	assert_int_equal(backs, 1);
	assert_int_equal(beat_of(fx), 0);
	move_all(fx);
	pool_has(fx, "one,");
}

/* At one go, in which the server has no chance to answer. */
static void later(struct fixture *fx, int64_t ms)
{
	loop_advance(fx->loop, ms);
	let_run(fx);
	until_up(fx, true);
}

static void copy_key(const struct fixture *fx, const char *from, const char *to)
{
	char line_of[400];

	snprintf(line_of, sizeof line_of, "cp %s/%s.key %s/%s.key", fx->dir, from, fx->dir, to);
	assert_int_equal(system(line_of), 0); /* NOLINT(cert-env33-c): a folder of the test's own */
}

/* As a crash leaves it: the row is that of a process of another boot, and fresh. */
static void crash(struct fixture *fx, const char *set)
{
	char sql[200];

	fx_close(fx);
	snprintf(sql, sizeof sql, "UPDATE host SET token = 'b/1/1/x'%s WHERE name = 'host-a'", set);
	fx_sql(fx, sql);
}

/* Whatever became of the process before, and of what it asked the server last. */
static void the_same_installation_is_let_in(void **state)
{
	struct fixture *fx = *state;

	for (int i = 0; i < 3; i++) {
		crash(fx, i == 1 ? ", stale = 1" : "");
		assert_int_equal(try_store(fx), 0);
		assert_true(server_of(fx).up);
	}
	for (int i = 0; i < 4; i++) {
		crash(fx, "");
		atomic_store(i & 1 ? &line.lost_answer : &line.lost_commit, 1);
		assert_int_equal(try_store(fx), 0);
		if (i < 2) { /* the process ends before it knows */
			crash(fx, "");
			assert_int_equal(try_store(fx), 0);
		}
		until_up(fx, true);
		assert_int_equal(beat_of(fx), 0);
	}
	later(fx, 2 * STORE_INSTANCE_MS);
	assert_int_equal(beat_of(fx), 0); /* with another key */
	atomic_store(&line.lost_answer, 1);
	later(fx, 2 * STORE_INSTANCE_MS);
	beat_of(fx);
	until_up(fx, true);
	assert_int_equal(beat_of(fx), 0);
	crash(fx, "");
	assert_int_equal(try_store(fx), 0);
	assert_true(server_of(fx).up);
}

/* The rows are as they were some time ago, of a process long gone. */
static void the_server_is_restored_from_a_copy(void **state)
{
	struct fixture *fx = *state;

	fx_sql(fx, "CREATE TABLE dump AS SELECT * FROM host");
	for (int i = 0; i < 3; i++) {
		later(fx, STORE_INSTANCE_MS);
		assert_int_equal(beat_of(fx), 0);
	}
	crash(fx, "");
	fx_sql(fx, "DELETE FROM host; INSERT INTO host SELECT * FROM dump");
	fx_sql(fx, "UPDATE host SET token = 'b/1/1/x'");
	assert_int_equal(try_store(fx), 0);
	assert_true(server_of(fx).up);

	/* while it runs, too */
	later(fx, STORE_INSTANCE_MS);
	assert_int_equal(beat_of(fx), 0);
	fx_sql(fx, "DELETE FROM host; INSERT INTO host SELECT * FROM dump");
	beat_of(fx);
	until_up(fx, true);
	assert_int_equal(beat_of(fx), 0);
	fx_sql(fx, "DROP TABLE dump");
}

/* A copy of the disk, made while it runs or while it does not. */
static void a_copy_is_refused(void **state)
{
	struct fixture *fx = *state;
	struct fixture copied = *fx;

	copy_key(fx, "journal.db", "copy.db");
	later(fx, STORE_INSTANCE_MS);
	assert_int_equal(beat_of(fx), 0);
	assert_int_equal(try_as(&copied, "copy.db"), -EADDRINUSE);
	assert_non_null(strstr(copied.why, "host_id of its own"));
	later(fx, 10 * STORE_STALE_MS); /* however long it is silent */
	assert_int_equal(try_as(&copied, "copy.db"), -EADDRINUSE);
	assert_non_null(strstr(copied.why, "heard 20"));
	assert_int_equal(beat_of(fx), 0);
	text_in(fx, CARD, 1, "one");
	pool_has(fx, "one,");

	/* nor one that knows no key, or half of one */
	fx_sql(fx, "UPDATE host SET token = 'b/1/1/x', stale = 1");
	fx_close(fx);
	fx_sql(fx, "UPDATE host SET token = 'b/1/1/x', stale = 1");
	remove_journal(fx);
	assert_int_equal(try_store(fx), -EADDRINUSE);

	/* the name may move once who had it has stopped; that one is then refused itself */
	fx_sql(fx, "UPDATE host SET token = ''");
	assert_int_equal(try_store(fx), 0);
	assert_true(server_of(fx).up);
	assert_int_equal(try_as(&copied, "copy.db"), -EADDRINUSE);
}

/* A copy that came in all the same: of two that run one is out, says why, and keeps its texts. */
static void of_two_that_run_one_is_out(void **state)
{
	struct fixture *fx = *state;
	struct fixture copied = *fx;

	assert_int_equal(beat_of(fx), 0);
	copy_key(fx, "journal.db", "copy.db");
	assert_int_equal(try_as(&copied, "copy.db"), 0); /* at once: as after a crash */
	assert_int_equal(beat_of(fx), -EADDRINUSE);
	assert_false(server_of(fx).up);
	pass(fx, 10000);
	assert_int_equal(server_of(fx).err, -EADDRINUSE);
	assert_non_null(strstr(server_of(fx).why, "host_id of its own"));
	text_in(fx, CARD, 1, "one");
	assert_int_equal(server_of(fx).waiting, 1);
	assert_int_equal(beat_of(&copied), 0);
	pool_has(&copied, "");

	fx_close(&copied);
	until_up(fx, true);
	assert_int_equal(beat_of(fx), 0);
	move_all(fx);
	pool_has(fx, "one,");
}

/* Two of one memory: the copy of a machine that runs. */
static void twins_are_told_apart(void **state)
{
	struct fixture *fx = *state;

	assert_int_equal(beat_of(fx), 0);
	fx_sql(fx, "UPDATE host SET instance = 'turned by the other'");
	assert_int_equal(beat_of(fx), -EADDRINUSE);
	pass(fx, 5000);
	assert_int_equal(server_of(fx).err, -EADDRINUSE);
}

static void the_key_cannot_be_written(void **state)
{
	struct fixture *fx = *state;
	char name[160];

	snprintf(name, sizeof name, "%s/journal.db.key.new", fx->dir);
	assert_int_equal(mkdir(name, 0700), 0);
	later(fx, STORE_INSTANCE_MS);
	assert_int_equal(beat_of(fx), 0); /* it lives on */
	crash(fx, "");
	assert_int_equal(try_store(fx), -EISDIR);
	assert_non_null(strstr(fx->why, "journal.db.key"));
	rmdir(name);
	assert_int_equal(try_store(fx), 0);
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
	atomic_store(&line.down, true);
	struct answer card = seen(fx, "p01", CARD2, "");
	assert_int_equal(card.err, 0);
	assert_string_equal(card.last_card, CARD);
	assert_string_equal(seen(fx, "p01", CARD, "").number, PHONE);
	assert_int_equal(mark_of(fx, "known"), 7);
	store_pin_refused(fx->store, "card", 42, T0, got_done, &a);
	answered(fx, &a);
	assert_int_equal(a.err, 0);
	assert_int_equal(mark_of(fx, "card"), 42);
	atomic_store(&line.down, false);
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

	atomic_store(&line.down, true);
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
	atomic_store(&line.down, false);
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

	pass(fx, 5000);
	assert_true(server_of(fx).up);
	atomic_store(&line.down, true);
	until_up(fx, false);
	atomic_store(&line.down, false);
	until_up(fx, true);
	atomic_store(&line.frozen, true);
	until_up(fx, false);
	assert_int_equal(store_pending(fx->store), 0); /* what hangs there holds nothing up */
	atomic_store(&line.frozen, false);
	until_up(fx, true);
	assert_int_equal(backs, 2);
}

static void a_real_server_is_killed(void **state)
{
	struct fixture *fx = *state;
	char text[16], all[512] = "";

	for (int i = 0; i < 20; i++) {
		if (i == 5)
			server("halt");
		if (i == 15)
			server("again");
		snprintf(text, sizeof text, "t%d", i);
		snprintf(all + strlen(all), sizeof all - strlen(all), "%s,", text);
		text_in(fx, CARD, i, text);
	}
	until_up(fx, true);
	move_all(fx);
	pool_has(fx, all);
}

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
	atomic_store(&line.down, true);
	put_words(fx, inbox, 2, 1, 1, "whole");
	put_words(fx, inbox, -1, 3, 2, "two ");
	put_pdu(fx, inbox, 3, "0102ZZ", NULL);
	put_pdu(fx, inbox, -1, "0011", STORE_NO_TEXT_BROADCAST);
	int64_t arrived_ms = fx_now(fx);
	assert_int_equal(server_of(fx).waiting, 4);
	atomic_store(&line.down, false);
	until_up(fx, true);
	inbox_move(inbox);
	pass(fx, 2000);
	assert_int_equal(server_of(fx).waiting, 0);
	assert_int_equal(rows_of(fx, &(struct store_query) { .since_ms = arrived_ms }).count, 1);
	assert_int_equal(
		rows_of(fx, &(struct store_query) { .since_ms = arrived_ms + 1 }).count, 0);
	struct answer left = rows(fx, true);
	assert_non_null(strstr(left.rows, "no_text " STORE_NO_TEXT_BROADCAST));
	assert_non_null(strstr(left.rows, "0102ZZ"));
	assert_int_equal(left.count, 3);

	/* the last part gets in, and nobody hears of it */
	atomic_store(&line.lost_answer, 1);
	put_words(fx, inbox, 4, 3, 3, "three");
	until_up(fx, true);
	pass(fx, 2000);
	assert_int_equal(rows(fx, false).count, 1);
	inbox_move(inbox);
	pass(fx, 2000);
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
		start(fx, &puts[given++], card, step % 3 ? step : -1, text);
		switch (model_random(&seed, 12)) {
		case 0: atomic_store(&line.down, !atomic_load(&line.down)); break;
		case 1: atomic_store(&line.frozen, !atomic_load(&line.frozen)); break;
		case 2: atomic_store(&line.lost_answer, 1); break;
		case 3: loop_advance(fx->loop, 700); break;
		case 4: loop_advance(fx->loop, 3000); break;
		case 5: let_run(fx); break;
		case 6:
			if (!atomic_load(&line.frozen))
				move_page(fx);
			break;
		default: loop_turn(fx->loop, 1); break;
		}
		if (model_random(&seed, 40) == 0) {
			atomic_store(&line.frozen, false);
			for (int i = 0; i < given; i++)
				for (int k = 0; k < 400 && !puts[i].calls; k++)
					pass(fx, 500);
			let_run(fx);
			fx_close(fx);
			open_store(fx);
		}
	}
	atomic_store(&line.down, false);
	atomic_store(&line.frozen, false);
	until_up(fx, true);
	pass(fx, 3000);
	until_up(fx, true);
	for (int i = 0; i < 50 && server_of(fx).waiting; i++)
		if (!move_page(fx))
			pass(fx, 3000);
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
		remove_journal(*state);
		fx_empty(*state);
		fx_close(*state);
		open_store(*state);
	}
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(texts_are_kept_while_it_is_away),
		T(no_answer_within_a_second),
		T(a_server_that_speaks_is_there),
		T(who_asks_is_answered),
		T(the_journal_holds_nothing_up),
		T(none_overtakes_one_that_failed),
		T(a_lost_answer_is_no_second_text),
		T(what_was_deleted_meanwhile),
		T(what_is_erased_meanwhile_stays_erased),
		T(the_process_ends_in_between),
		T(another_has_this_hosts_name),
		T(the_same_installation_is_let_in),
		T(the_server_is_restored_from_a_copy),
		T(a_copy_is_refused),
		T(of_two_that_run_one_is_out),
		T(twins_are_told_apart),
		T(the_key_cannot_be_written),
		T(cards_and_pins_are_in_both),
		T(numbers_while_it_is_away),
		T(an_idle_host_notices),
		T(a_real_server_is_killed),
		T(what_it_is_shows_in_the_move),
		T(any_outage_loses_and_doubles_nothing),
	};
	snprintf(where, sizeof where, "/tmp/simgate-pgj-%d", (int)getpid());
	setenv("SIMGATE_TEST_PG", where, 1);
	server("start");
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	server("stop");
	return failed;
}
