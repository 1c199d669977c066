/* test_opener.c - threads that open devices: what hangs is abandoned, nothing leaks. */
#include "loop_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/counter.h"
#include "port/opener.h"

enum { DEADLINE_MS = 3000 };

static struct loop *loop;
static struct opener *opener;

static int setup(void **state)
{
	(void)state;
	loop = loop_new_manual(1000, 1700000000000);
	opener = loop ? opener_new(loop, 4) : NULL;
	return opener ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	opener_free(opener);
	loop_free(loop);
	return 0;
}

static void turns(int count)
{
	while (count-- > 0)
		loop_turn(loop, 0);
}

/* A work that blocks until the test lets it go, then returns a descriptor. */
struct work {
	int gate[2];  /* read by the work; closed by the test to let it go */
	int prize[2]; /* [1] is returned: its end shows at [0] */
	atomic_int ran, freed;
	int done, result;
};

static int work_run(void *arg)
{
	struct work *work = arg;
	char byte;

	atomic_fetch_add(&work->ran, 1);
	(void)!read(work->gate[0], &byte, 1);
	return work->prize[1];
}

static void work_freed(void *arg)
{
	struct work *work = arg;

	atomic_fetch_add(&work->freed, 1);
}

static void work_done(void *owner, int result)
{
	struct work *work = owner;

	work->done++;
	work->result = result;
}

static void work_init(struct work *work)
{
	memset(work, 0, sizeof(*work));
	assert_int_equal(pipe2(work->gate, O_CLOEXEC), 0);
	assert_int_equal(pipe2(work->prize, O_CLOEXEC), 0);
}

static void let_go(struct work *work)
{
	close(work->gate[1]);
}

/* Without a turn of the loop. */
static void wait_ran(struct work *work)
{
	for (int i = 0; i < 1000 * WAIT_MAX_S && !atomic_load(&work->ran); i++)
		poll(NULL, 0, 1);
	assert_int_equal(work->ran, 1);
}

/* The descriptor that the work returned, or was to return, is closed by now or soon. */
static bool prize_closed(struct work *work)
{
	struct pollfd pfd = { .fd = work->prize[0] };

	return poll(&pfd, 1, WAIT_TURN_MS) == 1 && (pfd.revents & POLLHUP);
}

static void work_done_with(struct work *work)
{
	WAIT_FOR(loop, prize_closed(work) && atomic_load(&work->freed));
	assert_int_equal(work->freed, 1);
	close(work->prize[0]);
	close(work->gate[0]);
}

static struct opener_job *start(struct opener *on, struct work *work)
{
	struct opener_job *job =
		opener_start(on, work_run, work, work_freed, DEADLINE_MS, work_done, work);

	assert_non_null(job);
	assert_int_equal(work->done, 0);
	return job;
}

static void test_hang_is_abandoned(void **state)
{
	struct opener *one = opener_new(loop, 1);
	uint64_t hung = counter_get(COUNTER_OPEN_HUNG);
	struct work stuck, next;

	(void)state;
	work_init(&stuck);
	work_init(&next);
	let_go(&next);
	start(one, &stuck);
	start(one, &next);
	assert_int_equal(opener_active(one), 2);
	wait_ran(&stuck);
	loop_advance(loop, DEADLINE_MS - 1);
	assert_int_equal(stuck.done + next.done + next.ran, 0);

	loop_advance(loop, 1);
	assert_int_equal(stuck.done, 1);
	assert_int_equal(stuck.result, -ETIMEDOUT);
	assert_int_equal(stuck.freed, 0);
	assert_int_equal(opener_abandoned(one), 1);
	assert_int_equal(counter_get(COUNTER_OPEN_HUNG), hung + 1);
	WAIT_FOR(loop, next.done);
	assert_int_equal(next.result, next.prize[1]);
	assert_int_equal(opener_active(one), 0);
	opener_close(one, next.result);
	work_done_with(&next);

	let_go(&stuck);
	work_done_with(&stuck);
	WAIT_FOR(loop, !opener_abandoned(one));
	assert_int_equal(stuck.done, 1);
	opener_free(one);
}

static void test_abandoned_max(void **state)
{
	static struct work stuck[OPENER_ABANDONED_MAX], late, last;
	struct opener *many = opener_new(loop, OPENER_ABANDONED_MAX);
	uint64_t refused = counter_get(COUNTER_OPEN_REFUSED);

	(void)state;
	for (int i = 0; i < OPENER_ABANDONED_MAX; i++) {
		work_init(&stuck[i]);
		start(many, &stuck[i]);
		wait_ran(&stuck[i]);
	}
	loop_advance(loop, DEADLINE_MS);
	assert_int_equal(opener_abandoned(many), OPENER_ABANDONED_MAX);
	work_init(&late);
	start(many, &late);
	WAIT_FOR(loop, late.done);
	assert_int_equal(late.result, -EAGAIN);
	assert_int_equal(late.ran, 0);
	assert_int_equal(counter_get(COUNTER_OPEN_REFUSED), refused + 1);

	/* A close is not refused, it waits. */
	opener_close(many, late.prize[1]);
	turns(5);
	assert_int_equal(opener_active(many), 1);
	for (int i = 0; i < OPENER_ABANDONED_MAX; i++)
		let_go(&stuck[i]);
	for (int i = 0; i < OPENER_ABANDONED_MAX; i++)
		work_done_with(&stuck[i]);
	WAIT_FOR(loop, !opener_abandoned(many) && !opener_active(many));
	let_go(&late);
	work_done_with(&late);

	work_init(&last);
	let_go(&last);
	start(many, &last);
	WAIT_FOR(loop, last.done);
	assert_int_equal(last.result, last.prize[1]);
	close(last.prize[1]);
	work_done_with(&last);
	opener_free(many);
}

static void test_cancel(void **state)
{
	struct opener *one = opener_new(loop, 1);
	struct opener_job *running, *waiting;
	struct work first, second;

	(void)state;
	work_init(&first);
	work_init(&second);
	running = start(one, &first);
	waiting = start(one, &second);
	wait_ran(&first);
	opener_cancel(waiting);
	assert_int_equal(second.freed, 1);
	opener_cancel(running);
	opener_cancel(NULL);
	assert_int_equal(first.freed, 0);
	assert_int_equal(opener_active(one), 1);
	let_go(&first);
	work_done_with(&first);
	WAIT_FOR(loop, !opener_active(one));
	assert_int_equal(first.done + second.done + second.ran, 0);
	let_go(&second);
	close(second.prize[1]);
	work_done_with(&second);

	/* Ended, but not told yet. */
	work_init(&first);
	let_go(&first);
	running = start(one, &first);
	wait_ran(&first);
	opener_cancel(running);
	work_done_with(&first);
	WAIT_FOR(loop, !opener_active(one));
	assert_int_equal(first.done, 0);
	opener_free(one);
}

/* It is abandoned all the same, and does not hold up the rest. */
static void test_cancelled_hangs(void **state)
{
	struct opener *one = opener_new(loop, 1);
	struct opener_job *job;
	struct work stuck, next;

	(void)state;
	work_init(&stuck);
	work_init(&next);
	let_go(&next);
	job = start(one, &stuck);
	wait_ran(&stuck);
	opener_cancel(job);
	start(one, &next);
	loop_advance(loop, DEADLINE_MS);
	WAIT_FOR(loop, next.done);
	close(next.prize[1]);
	work_done_with(&next);
	let_go(&stuck);
	work_done_with(&stuck);
	assert_int_equal(stuck.done, 0);
	opener_free(one);
}

static void test_free_while_one_hangs(void **state)
{
	struct opener *one = opener_new(loop, 1);
	struct work stuck, waiting, closing;

	(void)state;
	work_init(&stuck);
	work_init(&waiting);
	work_init(&closing);
	start(one, &stuck);
	start(one, &waiting);
	opener_close(one, closing.prize[1]);
	wait_ran(&stuck);
	opener_free(one);
	assert_int_equal(waiting.freed, 1);
	closing.freed = 1;
	let_go(&closing);
	work_done_with(&closing); /* while the other hangs still */
	assert_int_equal(stuck.freed, 0);
	let_go(&stuck);
	work_done_with(&stuck);
	let_go(&waiting);
	close(waiting.prize[1]);
	work_done_with(&waiting);
	assert_int_equal(stuck.done + waiting.done + waiting.ran, 0);
	opener_free(NULL);
}

/* Results that came but were not told are closed. */
static void test_free_with_results(void **state)
{
	struct opener *some = opener_new(loop, 4);
	struct work works[4];

	(void)state;
	for (int i = 0; i < 4; i++) {
		work_init(&works[i]);
		start(some, &works[i]);
		wait_ran(&works[i]);
		let_go(&works[i]);
	}
	opener_free(some);
	for (int i = 0; i < 4; i++) {
		work_done_with(&works[i]);
		assert_int_equal(works[i].done, 0);
	}
}

int main(void)
{
#define WITH_LOOP(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	static const struct CMUnitTest tests[] = {
		WITH_LOOP(test_hang_is_abandoned),
		WITH_LOOP(test_abandoned_max),
		WITH_LOOP(test_cancel),
		WITH_LOOP(test_cancelled_hangs),
		WITH_LOOP(test_free_while_one_hangs),
		WITH_LOOP(test_free_with_results),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
