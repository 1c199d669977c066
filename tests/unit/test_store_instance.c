/* test_store_instance.c - whose a host_id is: another process, a copy of the disk, a restored
 * server. */
#include "journal_fixture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Found at the start it ends that; found later this host neither sells nor sends. */
static void another_has_this_hosts_name(void **state)
{
	static const char *const other = "UPDATE host SET token = 'b/1/1/x', instance = 'other',"
					 " stale = 1 WHERE name = 'host-a'";
	struct fixture *fx = *state;

	fx_close(fx);
	fx_sql(fx, other);
	assert_int_equal(journal_try(fx), -EADDRINUSE);
	assert_non_null(strstr(fx->why, "host_id of its own"));

	atomic_store(&journal_line.down, true);
	journal_open_store(fx);
	fx_sql(fx, other);
	atomic_store(&journal_line.down, false);
	let_pass(fx, 10000);
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
		assert_int_equal(journal_try(fx), 0);
		assert_true(server_of(fx).up);
	}
	for (int i = 0; i < 4; i++) {
		crash(fx, "");
		atomic_store(i & 1 ? &journal_line.lost_answer : &journal_line.lost_commit, 1);
		assert_int_equal(journal_try(fx), 0);
		if (i < 2) { /* the process ends before it knows */
			crash(fx, "");
			assert_int_equal(journal_try(fx), 0);
		}
		until_up(fx, true);
		assert_int_equal(beat_of(fx), 0);
	}
	later(fx, 2 * STORE_INSTANCE_MS);
	assert_int_equal(beat_of(fx), 0); /* with another key */
	atomic_store(&journal_line.lost_answer, 1);
	later(fx, 2 * STORE_INSTANCE_MS);
	beat_of(fx);
	until_up(fx, true);
	assert_int_equal(beat_of(fx), 0);
	crash(fx, "");
	assert_int_equal(journal_try(fx), 0);
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
	assert_int_equal(journal_try(fx), 0);
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
	assert_int_equal(journal_try_as(&copied, "copy.db"), -EADDRINUSE);
	assert_non_null(strstr(copied.why, "host_id of its own"));
	later(fx, 10 * STORE_STALE_MS); /* however long it is silent */
	assert_int_equal(journal_try_as(&copied, "copy.db"), -EADDRINUSE);
	assert_non_null(strstr(copied.why, "heard 20"));
	assert_int_equal(beat_of(fx), 0);
	text_in(fx, CARD, 1, "one");
	pool_has(fx, "one,");

	/* nor one that knows no key, or half of one */
	fx_sql(fx, "UPDATE host SET token = 'b/1/1/x', stale = 1");
	fx_close(fx);
	fx_sql(fx, "UPDATE host SET token = 'b/1/1/x', stale = 1");
	journal_remove(fx);
	assert_int_equal(journal_try(fx), -EADDRINUSE);

	/* the name may move once who had it has stopped; that one is then refused itself */
	fx_sql(fx, "UPDATE host SET token = ''");
	assert_int_equal(journal_try(fx), 0);
	assert_true(server_of(fx).up);
	assert_int_equal(journal_try_as(&copied, "copy.db"), -EADDRINUSE);
}

/* A copy that came in all the same: of two that run one is out, says why, and keeps its texts. */
static void of_two_that_run_one_is_out(void **state)
{
	struct fixture *fx = *state;
	struct fixture copied = *fx;

	assert_int_equal(beat_of(fx), 0);
	copy_key(fx, "journal.db", "copy.db");
	assert_int_equal(journal_try_as(&copied, "copy.db"), 0); /* at once: as after a crash */
	assert_int_equal(beat_of(fx), -EADDRINUSE);
	assert_false(server_of(fx).up);
	let_pass(fx, 10000);
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
	let_pass(fx, 5000);
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
	assert_int_equal(journal_try(fx), -EISDIR);
	assert_non_null(strstr(fx->why, "journal.db.key"));
	rmdir(name);
	assert_int_equal(journal_try(fx), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		JOURNAL_TEST(another_has_this_hosts_name),
		JOURNAL_TEST(the_same_installation_is_let_in),
		JOURNAL_TEST(the_server_is_restored_from_a_copy),
		JOURNAL_TEST(a_copy_is_refused),
		JOURNAL_TEST(of_two_that_run_one_is_out),
		JOURNAL_TEST(twins_are_told_apart),
		JOURNAL_TEST(the_key_cannot_be_written),
	};
	return JOURNAL_RUN(tests);
}
