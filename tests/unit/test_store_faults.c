/* test_store_faults.c - the store when something fails: batches, full disk, overflow, bad files. */
#include "store_fixture.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/counter.h"

static void ids_grow(void **state)
{
	struct fixture *fx = *state;
	char last[STORE_ID_SIZE], id[STORE_ID_SIZE];

	store_new_id(fx->store, last);
	assert_int_equal(last[14], '7');
	assert_non_null(strchr("89ab", last[19]));
	for (int i = 0; i < 10000; i++) { /* more than one millisecond has numbers for */
		store_new_id(fx->store, id);
		assert_int_equal(strlen(id), 36);
		assert_true(strcmp(id, last) > 0);
		memcpy(last, id, sizeof(id));
	}
	struct answer a = put(fx, 1, "late clock");
	fx_close(fx);
	loop_free(fx->loop);
	fx->loop = loop_new_manual(1, T0 - 86400000); /* set back since */
	assert_int_equal(fx_open(fx), 0);
	store_new_id(fx->store, id);
	assert_true(strcmp(id, a.message_id) > 0);
}

static int bad_run(struct store_job *job)
{
	for (int i = 0; i < 2; i++) {
		int64_t n = store_exec(job, STMT_SET_ADD,
			ARGS(TXT("twice"), TXT(CARD), TXT("x"), INT(0), INT(0), INT(0), INT(1),
				INT(0)));
		if (n < 0)
			return (int)n;
	}
	return 0;
}

static void group_commit(void **state)
{
	struct fixture *fx = *state;
	struct answer a = { 0 };
	uint64_t commits = counter_get(COUNTER_STORE_COMMITS);
	uint64_t jobs = counter_get(COUNTER_STORE_JOBS);

	block(fx);
	for (int i = 0; i < 100; i++)
		put_start(fx, &a, CARD, i, "x", &push);
	assert_int_equal(store_pending(fx->store), 101);
	unblock();
	fx_wait(fx);
	assert_int_equal(a.calls, 100);
	assert_int_equal(counter_get(COUNTER_STORE_COMMITS) - commits, 1);
	assert_int_equal(counter_get(COUNTER_STORE_JOBS) - jobs, 101);

	commits = counter_get(COUNTER_STORE_COMMITS); /* what only reads commits nothing */
	rows(fx, false);
	totals(fx);
	assert_int_equal(counter_get(COUNTER_STORE_COMMITS), commits);
}

static void bad_job_fails_alone(void **state)
{
	static const struct store_verb bad = { "bad", bad_run, store_finish_done, true };
	struct fixture *fx = *state;
	struct answer answers[7] = { 0 };
	uint64_t errors = counter_get(COUNTER_STORE_ERRORS);

	block(fx);
	for (int i = 0; i < 7; i++) {
		if (i != 3) {
			put_start(fx, &answers[i], CARD, i, "x", &push);
			continue;
		}
		struct store_job *job = store_job_new(fx->store, sizeof(*job), &bad);
		job->callback.done = got_done;
		job->arg = &answers[i];
		store_job_submit(job);
	}
	unblock();
	fx_wait(fx);
	for (int i = 0; i < 7; i++) {
		assert_int_equal(answers[i].calls, 1);
		assert_int_equal(answers[i].err, i == 3 ? -EINVAL : 0);
		assert_false(answers[i].same_entry); /* the first run left nothing */
	}
	assert_int_equal(rows(fx, false).count, 6);
	assert_int_equal(totals(fx).totals.sets_open, 0);
	assert_int_equal(counter_get(COUNTER_STORE_ERRORS) - errors, 1);
	assert_int_equal(store_health(fx->store), 0);
}

static void full_disk(void **state)
{
	struct fixture *fx = *state;
	static char big[100001];

	memset(big, 'x', sizeof(big) - 1);
	put(fx, 1, "before");
	fx_full(fx, true);
	struct answer a = put_to(fx, CARD, 2, big, &push);
	assert_int_equal(a.err, -ENOSPC);
	assert_int_equal(store_health(fx->store), -ENOSPC);
	assert_int_equal(rows(fx, false).count, 1);
	assert_int_equal(store_health(fx->store), -ENOSPC); /* reading proves nothing */
	assert_int_equal(put_to(fx, CARD, 2, big, &push).err, -ENOSPC);

	fx_full(fx, false);
	a = put_to(fx, CARD, 2, big, &push);
	assert_int_equal(a.err, 0);
	assert_false(a.same_entry);
	assert_int_equal(store_health(fx->store), 0);
	assert_int_equal(rows(fx, false).count, 2);
}

static int nop_run(struct store_job *job)
{
	(void)job;
	return 0;
}

static void queue_overflow(void **state)
{
	static const struct store_verb nop = { "nop", nop_run, store_finish_done, false };
	struct fixture *fx = *state;
	struct answer a = { 0 }, refused = { 0 };
	uint64_t before = counter_get(COUNTER_STORE_REFUSED);

	block(fx);
	for (int i = 1; i < STORE_QUEUE_MAX; i++) {
		struct store_job *job = store_job_new(fx->store, sizeof(*job), &nop);
		job->callback.done = got_done;
		job->arg = &a;
		store_job_submit(job);
	}
	put_start(fx, &refused, CARD, 1, "one too many", &push);
	assert_int_equal(refused.calls, 0); /* not from within the call */
	loop_turn(fx->loop, 50);
	assert_int_equal(refused.calls, 1);
	assert_int_equal(refused.err, -EOVERFLOW);
	assert_int_equal(counter_get(COUNTER_STORE_REFUSED) - before, 1);
	unblock();
	fx_wait(fx);
	assert_int_equal(a.calls, STORE_QUEUE_MAX - 1);
	assert_int_equal(a.err, 0);
	assert_int_equal(put_to(fx, CARD, 1, "now", &push).err, 0);
}

static void close_commits_what_waits(void **state)
{
	struct fixture *fx = *state;
	struct answer a = { 0 };

	block(fx);
	for (int i = 0; i < 1200; i++)
		put_start(fx, &a, CARD, i, "x", &push);
	unblock();
	fx_reopen(fx);
	loop_turn(fx->loop, 0);
	assert_int_equal(a.calls, 0);
	assert_int_equal(totals(fx).totals.messages, 1200);
}

/* ---- opening -------------------------------------------------------------------------------- */

static void second_open_is_refused(void **state)
{
	struct fixture *fx = *state;
	struct store *other = NULL;

	assert_int_equal(fx_open_as(fx, "host-b", &other), -EBUSY);
	assert_null(other);
	assert_non_null(strstr(fx->why, fx->path));
	assert_non_null(strstr(fx->why, "another simgated"));
	assert_int_equal(put_to(fx, CARD, 1, "unharmed", &push).err, 0);
	fx_close(fx);
	assert_int_equal(fx_open_as(fx, "host-b", &other), 0);
	store_close(other);
	store_close(NULL);
}

static void newer_schema_is_refused(void **state)
{
	struct fixture *fx = *state;
	fx_close(fx);
	fx_sql(fx, "UPDATE meta SET value = 99");
	assert_int_equal(fx_open(fx), -EPROTONOSUPPORT);
	assert_non_null(strstr(fx->why, "version 99"));
	assert_non_null(strstr(fx->why, "knows "));
}

static void overwrite(const char *path, long offset, size_t len)
{
	FILE *file = fopen(path, "r+");
	assert_non_null(file);
	assert_int_equal(fseek(file, offset, SEEK_SET), 0);
	for (size_t i = 0; i < len; i++)
		fputc('#', file);
	assert_int_equal(fclose(file), 0);
}

static void damaged_file_is_refused(void **state)
{
	static const long offsets[] = { 0, 4096 * 5, 4096 * 12 };
	struct fixture *fx = *state;

	for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		fx_close(fx);
		overwrite(fx->path, offsets[i], 4096);
		assert_int_equal(fx_open(fx), -EUCLEAN);
		assert_non_null(strstr(fx->why, fx->path));
		assert_non_null(strstr(fx->why, "restore"));
		assert_non_null(strstr(fx->why, "SIMs"));
		fx_remove(fx);
		assert_int_equal(fx_open(fx), 0);
	}
	fx_close(fx);
	fx_remove(fx);
	assert_int_equal(rmdir(fx->dir), 0);
	assert_int_equal(fx_open(fx), -ENOENT);
	assert_int_equal(mkdir(fx->dir, 0700), 0);
}

static void only_the_owner_may_read(void **state)
{
	static const char *const ends[] = { "", "-wal", ".lock" };
	struct fixture *fx = *state;
	char name[208];
	struct stat st;

	fx_close(fx);
	assert_int_equal(chmod(fx->path, 0644), 0);
	mode_t mask = umask(0);
	assert_int_equal(fx_open(fx), 0);
	put(fx, 1, "secret");
	umask(mask);
	for (size_t i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "%s%s", fx->path, ends[i]);
		assert_int_equal(stat(name, &st), 0);
		assert_int_equal(st.st_mode & 0777, 0600);
	}
}

/* ---- the Nth step fails --------------------------------------------------------------------- */

/* Calls until it succeeds, as the modem wing does at its next listing: what failed must not have
 * left anything that makes the second call differ. */
#define PERSIST(var, call) \
	do { \
		var = (call); \
		if (var.err) \
			var = (call); \
		assert_int_equal(var.err, 0); \
	} while (0)

static void scenario(struct fixture *fx, char *out, size_t size)
{
	struct answer a, whole;
	char id[STORE_ID_SIZE];

	PERSIST(a, put_to(fx, CARD, 1, "first", &push));
	assert_false(a.same_entry);
	PERSIST(a, seen(fx, "p01", CARD, PHONE));
	assert_int_equal(a.count, 1);
	PERSIST(a, put_part(fx, 7, 2, 2, 2, "P2"));
	assert_false(a.same_entry || a.same_part);
	PERSIST(whole, put_part(fx, 7, 2, 1, 3, "P1"));
	assert_string_equal(whole.parts, "P1,P2,");
	PERSIST(a, join(fx, whole.set_id, "joined"));
	assert_false(a.same_entry);
	PERSIST(a, put_claim(fx, CARD2, 1, "numberless"));
	PERSIST(a, claim(fx, 10));
	assert_string_equal(a.claimed_texts, "first,");
	copy(id, sizeof(id), a.message_id);
	PERSIST(a, outcome(fx, id, STORE_DELIVERED, 0));
	assert_string_equal(a.claimed_texts, "joined,");
	copy(id, sizeof(id), a.message_id);
	PERSIST(a, outcome(fx, id, STORE_QUEUED, fx_now(fx) + 1000));
	PERSIST(a, deleted(fx, 1, "first"));
	PERSIST(a, put_claim(fx, CARD, 1, "first"));
	assert_false(a.same_entry);
	PERSIST(a, rows(fx, false));
	copy(out, size, a.rows);
	PERSIST(a, totals(fx));
	snprintf(out + strlen(out), size - strlen(out), "%" PRId64 " %" PRId64 " %" PRId64,
		a.totals.messages, a.totals.parts_pending, a.totals.sets_open);
}

/* The same without waiting in between: one batch, run again job by job when a step fails. */
static void burst(struct fixture *fx, char *out, size_t size)
{
	struct answer answers[6] = { 0 };
	static const char *const texts[] = { "a", "b", "c", "d", "e", "f" };

	block(fx);
	for (int i = 0; i < 6; i++)
		put_start(fx, &answers[i], CARD, i, texts[i], &push);
	unblock();
	fx_wait(fx);
	for (int i = 0; i < 6; i++) {
		assert_int_equal(answers[i].calls, 1);
		assert_int_equal(answers[i].err, 0);
		assert_false(answers[i].same_entry);
	}
	copy(out, size, rows(fx, false).rows);
}

static int steps_of(
	struct fixture *fx, void (*play)(struct fixture *, char *, size_t), int fail_at, char *out)
{
	fx_empty(fx);
	atomic_store(&faults.steps, 0);
	atomic_store(&faults.fired, 0);
	atomic_store(&faults.fail_at, fail_at);
	play(fx, out, 4096);
	atomic_store(&faults.fail_at, 0);
	return atomic_load(&faults.steps);
}

static void every_step_fails_once(void **state)
{
	struct fixture *fx = *state;
	char want[4096], have[4096];

	int steps = steps_of(fx, scenario, 0, want);
	assert_non_null(strstr(want, "joined " PHONE " push queued timeout,"));
	for (int n = 1; n <= steps; n++) {
		for (int kind = FAULT_BEFORE; kind <= FAULT_AFTER; kind++) {
			atomic_store(&faults.kind, kind);
			steps_of(fx, scenario, n, have);
			assert_int_equal(atomic_load(&faults.fired), 1);
			assert_string_equal(have, want);
		}
	}
}

static void every_step_of_a_batch_fails_once(void **state)
{
	struct fixture *fx = *state;
	char want[4096], have[4096];

	steps_of(fx, burst, 0, want);
	/* 1: begin of the blocking job, 2: its commit; then the batch: 1 + 6 * 3 + 1 */
	for (int n = 3; n <= 22; n++) {
		for (int kind = FAULT_BEFORE; kind <= FAULT_AFTER; kind++) {
			atomic_store(&faults.kind, kind);
			steps_of(fx, burst, n, have);
			assert_int_equal(atomic_load(&faults.fired), 1);
			assert_string_equal(have, want);
		}
	}
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, fx_setup, fx_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(ids_grow),
		T(group_commit),
		T(bad_job_fails_alone),
		T(full_disk),
		T(queue_overflow),
		T(close_commits_what_waits),
		T(newer_schema_is_refused),
		T(every_step_fails_once),
		T(every_step_of_a_batch_fails_once),
	};
	const struct CMUnitTest file_tests[] = {
		T(second_open_is_refused),
		T(damaged_file_is_refused),
		T(only_the_owner_may_read),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	return fx_shared() ? failed : failed + cmocka_run_group_tests(file_tests, NULL, NULL);
}
