/* test_loop.c - timers, clocks, watchers, wakes from other threads. */
#include <pthread.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/loop.h"
#include "loop_fixture.h"
#include "unit.h"

enum { TIMERS = 200, SLEPT_S = 3600 };

static time_t slept_s; /* how long the machine was suspended */

/* In the place of the C library's, for libev, too. */
int clock_gettime(clockid_t clock, struct timespec *ts)
{
	long err = syscall(SYS_clock_gettime, clock, ts);

	if (!err && (clock == CLOCK_BOOTTIME || clock == CLOCK_REALTIME))
		ts->tv_sec += slept_s;
	return (int)err;
}

struct tick {
	struct loop_timer timer;
	int runs, again;
	int64_t at_ms;
	struct tick *stop;
};

static void on_tick(void *arg)
{
	struct tick *tick = arg;

	tick->runs++;
	tick->at_ms = loop_now_ms(tick->timer.loop);
	if (tick->stop)
		loop_timer_stop(&tick->stop->timer);
	if (tick->again-- > 0)
		loop_timer_start(&tick->timer, 10);
}

static void test_timers_run_in_order_at_their_time(void **state)
{
	struct loop *loop = loop_new_manual(1000, 5000000);
	struct tick ticks[TIMERS] = { 0 };

	(void)state;
	srand(1);
	for (int i = 0; i < TIMERS; i++) {
		loop_timer_init(&ticks[i].timer, loop, on_tick, &ticks[i]);
		loop_timer_start(&ticks[i].timer, 1 + rand() % 500);
	}
	for (int i = 0; i < TIMERS; i += 3)
		loop_timer_stop(&ticks[i].timer);
	for (int i = 0; i < TIMERS; i += 5)
		loop_timer_start(&ticks[i].timer, 600 + i);
	loop_advance(loop, 2000);
	for (int i = 0; i < TIMERS; i++) {
		bool runs = i % 5 == 0 || i % 3 != 0;
		assert_int_equal(ticks[i].runs, runs);
		if (runs)
			assert_int_equal(ticks[i].at_ms, ticks[i].timer.due_ms);
		assert_false(loop_timer_active(&ticks[i].timer));
	}
	assert_int_equal(loop_now_ms(loop), 3000);
	assert_int_equal(loop_wall_ms(loop), 5002000);
	loop_free(loop);
}

static void test_timer_may_restart_and_stop_another(void **state)
{
	struct loop *loop = loop_new_manual(0, 0);
	struct tick a = { .again = 3 }, b = { 0 };

	(void)state;
	a.stop = &b;
	loop_timer_init(&a.timer, loop, on_tick, &a);
	loop_timer_init(&b.timer, loop, on_tick, &b);
	loop_timer_start(&a.timer, 5);
	loop_timer_start(&b.timer, 5);
	loop_advance(loop, 4);
	assert_int_equal(a.runs, 0);
	loop_advance(loop, 100);
	assert_int_equal(a.runs, 4);
	assert_int_equal(a.at_ms, 35);
	loop_timer_start(&b.timer, -5);
	loop_advance(loop, 0);
	assert_true(b.runs >= 1);
	loop_free(loop);
}

static void stop_loop(void *arg)
{
	loop_stop(arg);
}

static void test_real_loop_waits_for_timers(void **state)
{
	struct loop *loop = loop_new();
	struct loop_timer timer;
	int64_t start_ms;

	(void)state;
	start_ms = loop_now_ms(loop);
	loop_timer_init(&timer, loop, stop_loop, loop);
	loop_timer_start(&timer, 30);
	loop_run(loop);
	assert_true(loop_now_ms(loop) - start_ms >= 30);
	assert_true(loop_wall_ms(loop) > 1600000000000);
	assert_true(loop_turns(loop) < 20); /* it slept, it did not spin */
	loop_free(loop);
}

/* On waking all knows how late it is, before anything is done. */
static void test_a_suspended_machines_time_counts(void **state)
{
	struct loop *loop = loop_new();
	struct tick minute = { 0 };
	int64_t start_ms = loop_now_ms(loop), wall_ms = loop_wall_ms(loop);

	(void)state;
	loop_timer_init(&minute.timer, loop, on_tick, &minute);
	loop_timer_start(&minute.timer, 60000);
	loop_turn(loop, 0);
	assert_int_equal(minute.runs, 0);
	slept_s = SLEPT_S;
	assert_in_range(
		loop_fresh_us(loop) / 1000 - start_ms, SLEPT_S * 1000, SLEPT_S * 1000 + 50000);
	loop_turn(loop, 0);
	assert_int_equal(minute.runs, 1);
	assert_true(minute.at_ms - start_ms >= SLEPT_S * 1000);
	assert_true(loop_wall_ms(loop) - wall_ms >= SLEPT_S * 1000);
	slept_s = 0;
	loop_free(loop);
}

struct gaps {
	const struct tick *timer;
	int64_t ms;
	int told, runs; /* of the timer, when the last was told */
};

static void note_gap(void *arg, int64_t ms)
{
	struct gaps *gaps = arg;

	gaps->ms += ms;
	gaps->told++;
	gaps->runs = gaps->timer->runs;
}

static void test_a_gap_counts_for_some_timers_only(void **state)
{
	struct loop *loop = loop_new_manual(1000, 5000000);
	struct tick usual = { 0 }, patient = { 0 };
	struct gaps gaps = { .timer = &usual };

	(void)state;
	loop_timer_init(&usual.timer, loop, on_tick, &usual);
	loop_timer_init_patient(&patient.timer, loop, on_tick, &patient);
	loop_on_gap(loop, note_gap, &gaps);
	loop_timer_start(&patient.timer, 5000);
	loop_timer_start(&usual.timer, 6000);
	loop_advance(loop, 2000);
	loop_freeze(loop, 3600000);
	assert_int_equal(loop_ran_since(loop, 1000), 2000);
	assert_int_equal(loop_ran_since(loop, 2000), 1000);
	assert_int_equal(loop_ran_since(loop, 3000 + 3500000), 0);
	loop_turn(loop, 0);
	assert_int_equal(usual.runs, 1);
	assert_int_equal(patient.runs, 0);
	assert_int_equal(gaps.told, 1);
	assert_int_equal(gaps.ms, 3600000);
	assert_int_equal(gaps.runs, 0); /* before any timer */
	loop_advance(loop, 2999);
	assert_int_equal(patient.runs, 0);
	loop_advance(loop, 1);
	assert_int_equal(patient.runs, 1);
	assert_int_equal(loop_ran_since(loop, 1000), 5000);
	loop_free(loop);
}

static void test_a_loop_that_stood_still_knows_it(void **state)
{
	struct loop *loop = loop_new();
	struct tick patient = { 0 };
	struct gaps gaps = { .timer = &patient };
	int64_t start_ms = loop_now_ms(loop);

	(void)state;
	loop_on_gap(loop, note_gap, &gaps);
	loop_timer_init_patient(&patient.timer, loop, on_tick, &patient);
	loop_timer_start(&patient.timer, 60000);
	loop_turn(loop, 0);
	slept_s = SLEPT_S;
	loop_turn(loop, 0);
	assert_int_equal(patient.runs, 0);
	assert_int_equal(gaps.told, 1);
	assert_in_range(gaps.ms, SLEPT_S * 1000, SLEPT_S * 1000 + 50000);
	assert_in_range(loop_ran_since(loop, start_ms), 0, 50000);
	slept_s = 0;
	loop_timer_stop(&patient.timer);
	loop_free(loop);
}

static void note_io(void *arg, int events)
{
	*(int *)arg |= events;
}

static void test_io_reads_writes_and_hang_up(void **state)
{
	struct loop *loop = loop_new_manual(0, 0);
	int ends[2], seen = 0;
	struct loop_io *io;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	io = loop_io_new(loop, ends[0], LOOP_READ, note_io, &seen);
	loop_turn(loop, 0);
	assert_int_equal(seen, 0);
	assert_int_equal(write(ends[1], "x", 1), 1);
	loop_turn(loop, 1000);
	assert_int_equal(seen, LOOP_READ);
	seen = 0;
	loop_io_set(io, 0);
	loop_turn(loop, 0);
	assert_int_equal(seen, 0);
	loop_io_set(io, LOOP_READ);
	close(ends[1]);
	loop_turn(loop, 1000);
	assert_int_equal(seen, LOOP_READ);
	loop_io_free(io);
	loop_io_free(NULL);
	close(ends[0]);
	loop_free(loop);
}

static void note_wake(void *arg)
{
	++*(int *)arg;
}

static void *send_wakes(void *arg)
{
	for (int i = 0; i < 100; i++)
		loop_wake_send(arg);
	return NULL;
}

static void test_wake_from_a_thread(void **state)
{
	struct loop *loop = loop_new_manual(0, 0);
	int wakes = 0;
	struct loop_wake *wake = loop_wake_new(loop, note_wake, &wakes);
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, send_wakes, wake), 0);
	WAIT_FOR(loop, wakes >= 1);
	pthread_join(thread, NULL);
	loop_wake_free(wake);
	loop_free(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_timers_run_in_order_at_their_time),
		cmocka_unit_test(test_timer_may_restart_and_stop_another),
		cmocka_unit_test(test_real_loop_waits_for_timers),
		cmocka_unit_test(test_a_suspended_machines_time_counts),
		cmocka_unit_test(test_a_gap_counts_for_some_timers_only),
		cmocka_unit_test(test_a_loop_that_stood_still_knows_it),
		cmocka_unit_test(test_io_reads_writes_and_hang_up),
		cmocka_unit_test(test_wake_from_a_thread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
