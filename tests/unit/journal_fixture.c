/* journal_fixture.c - a shared store and its host's journal; a server that is cut off, slow, or
 * whose answer is lost. */
#include "journal_fixture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/store_hosts.h"

static char where[64];
int backs;

void journal_server(const char *command)
{
	char line[256];

	snprintf(line, sizeof line, TESTS_DIR "/unit/pg_server %s %s", command, where);
	assert_int_equal(system(line), 0); /* NOLINT(cert-env33-c): the test's own script */
}

/* ---- a server that is cut off, slow, or whose answer is lost --------------------------------- */

struct journal_line journal_line;

static int cut_open(
	const struct backend_config *config, struct backend_conn **out, char *why, size_t why_size)
{
	journal_line.heard_us = config->heard_us;
	if (!atomic_load(&journal_line.down))
		return store_postgres.open(config, out, why, why_size);
	snprintf(why, why_size, "cut off");
	return -EAGAIN;
}

static int cut_begin(struct backend_conn *conn, bool write)
{
	while (atomic_load(&journal_line.frozen)) {
		atomic_store(&journal_line.waits, true);
		usleep(1000);
	}
	return atomic_load(&journal_line.down) ? -EAGAIN : store_postgres.begin(conn, write);
}

static int cut_commit(struct backend_conn *conn)
{
	if (atomic_load(&journal_line.down))
		return -EAGAIN;
	if (atomic_load(&journal_line.lost_commit) > 0) {
		atomic_fetch_sub(&journal_line.lost_commit, 1);
		return -EAGAIN;
	}
	int made = store_postgres.commit(conn);
	if (made > 0 && atomic_load(&journal_line.lost_answer) > 0) {
		atomic_fetch_sub(&journal_line.lost_answer, 1);
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
	return atomic_load(&journal_line.due) || store_postgres.is_due(conn);
}

static struct backend cut;

static void on_back(void *arg)
{
	(void)arg;
	backs++;
}

int journal_try_as(struct fixture *fx, const char *name)
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

int journal_try(struct fixture *fx)
{
	return journal_try_as(fx, "journal.db");
}

/* The store is its server's, the clock the fixture's. The process before this one is known to be
 * dead, whatever it could say at its end. */
void journal_open_store(struct fixture *fx)
{
	fx_sql(fx, "UPDATE host SET token = ''");
	if (journal_try(fx))
		fail_msg("%s", fx->why);
	store_server_watch(fx->store, on_back, NULL);
}

int journal_setup(void **state)
{
	struct fixture *fx;

	if (fx_setup(state))
		return -1;
	fx = *state;
	fx_close(fx);
	memset(&journal_line, 0, sizeof journal_line);
	backs = 0;
	cut = store_postgres;
	cut.open = cut_open;
	cut.begin = cut_begin;
	cut.commit = cut_commit;
	cut.now_ms = cut_now;
	clock_loop = fx->loop;
	cut.is_due = cut_is_due;
	journal_open_store(fx);
	return 0;
}

void journal_remove(const struct fixture *fx)
{
	char name[160];
	static const char *const names[] = { "journal.db", "copy.db" };
	static const char *const ends[] = { "", "-wal", ".lock", ".key" };

	for (size_t i = 0; i < 8; i++) {
		snprintf(name, sizeof name, "%s/%s%s", fx->dir, names[i / 4], ends[i % 4]);
		unlink(name);
	}
}

int journal_teardown(void **state)
{
	struct fixture *fx = *state;

	atomic_store(&journal_line.frozen, false);
	atomic_store(&journal_line.down, false);
	fx_close(fx);
	journal_remove(fx);
	return fx_teardown(state);
}

/* ---- what happens --------------------------------------------------------------------------- */

struct store_server server_of(struct fixture *fx)
{
	struct store_server said;
	assert_true(store_server(fx->store, &said));
	return said;
}

void let_run(struct fixture *fx)
{
	for (int i = 0; i < 8; i++)
		loop_turn(fx->loop, 5);
}

void let_pass(struct fixture *fx, int64_t ms)
{
	for (; ms > 0; ms -= 500) {
		loop_advance(fx->loop, 500);
		let_run(fx);
	}
}

void until_up(struct fixture *fx, bool up)
{
	for (int i = 0; i < 60 && server_of(fx).up != up; i++)
		let_pass(fx, 500);
	assert_int_equal(server_of(fx).up, up);
}

void text_start(struct fixture *fx, struct answer *a, const char *card, int index, const char *text)
{
	*a = (struct answer) { 0 };
	put_start(fx, a, card, index, text, &push);
}

void answered(struct fixture *fx, const struct answer *a)
{
	for (int i = 0; i < 400 && !a->calls; i++)
		loop_turn(fx->loop, 5);
	assert_int_equal(a->calls, 1);
}

struct answer text_in(struct fixture *fx, const char *card, int index, const char *text)
{
	struct answer a;
	text_start(fx, &a, card, index, text);
	answered(fx, &a);
	assert_int_equal(a.err, 0);
	return a;
}

static void on_move_put(void *arg, int err, const struct store_sms_result *result)
{
	struct mover *mover = arg;

	(void)result;
	mover->under_way--;
	if (err)
		mover->err = err;
}

void on_page(void *arg, int err, const struct store_raw *rows, size_t count)
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

bool move_page(struct fixture *fx)
{
	struct mover mover = { .fx = fx, .under_way = 1 };

	store_journalled(fx->store, "", on_page, &mover);
	for (int i = 0; i < 2000 && mover.under_way; i++)
		loop_turn(fx->loop, 5);
	assert_int_equal(mover.under_way, 0);
	return mover.err == 0;
}

void move_all(struct fixture *fx)
{
	for (int i = 0; i < 100 && server_of(fx).waiting > 0; i++)
		assert_true(move_page(fx));
	assert_int_equal(server_of(fx).waiting, 0);
}

void pool_has(struct fixture *fx, const char *expected)
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

static void got_hosts(void *arg, int err, const struct store_hosts *hosts)
{
	(void)hosts;
	*(int *)arg = err;
}

int beat_of(struct fixture *fx)
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

void later(struct fixture *fx, int64_t ms)
{
	loop_advance(fx->loop, ms);
	let_run(fx);
	until_up(fx, true);
}

int journal_run(const char *name, const struct CMUnitTest *tests, size_t count)
{
	snprintf(where, sizeof where, "/tmp/simgate-pgj-%d", (int)getpid());
	setenv("SIMGATE_TEST_PG", where, 1);
	journal_server("start");
	int failed = _cmocka_run_group_tests(name, tests, count, NULL, NULL);
	journal_server("stop");
	return failed;
}
