/* loop.h - the event loop, timers, and the only clock. libev lives behind this file. */
#ifndef SIMGATE_BASE_LOOP_H
#define SIMGATE_BASE_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;
struct loop_io;
struct loop_wake;
struct loop_signal;

enum loop_events { LOOP_READ = 1, LOOP_WRITE = 2 };

typedef void loop_timer_fn(void *arg);
typedef void loop_io_fn(void *arg, int events);
typedef void loop_fn(void *arg);
typedef void loop_gap_fn(void *arg, int64_t ms);

/* A one-shot timer, embedded in its owner. It may be started, stopped and its owner freed from
 * inside its own callback. */
struct loop_timer {
	struct loop *loop;
	loop_timer_fn *fn;
	void *arg;
	int64_t due_ms;
	size_t pos;   /* place in the heap + 1; 0: not running */
	bool patient; /* gaps do not count */
};

/* Returns NULL if memory or the kernel's event queue cannot be had. */
struct loop *loop_new(void);

/* A loop whose two clocks stand at the given values and move by loop_advance() alone. I/O is real.
 */
struct loop *loop_new_manual(int64_t mono_ms, int64_t wall_ms);

/* Takes NULL. All watchers must have been freed, all timers stopped. */
void loop_free(struct loop *loop);

/* Runs until loop_stop(). */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

/* Handles what is pending: waits up to max_wait_ms of real time for I/O or a wake (0: does not
 * wait), then runs the timers that are due. For tests, and for a bounded wind-down. */
void loop_turn(struct loop *loop, int max_wait_ms);

/* Manual loops: moves both clocks on by ms, step by step from one due timer to the next, with the
 * pending I/O handled before each. */
void loop_advance(struct loop *loop, int64_t ms);

/* Manual loops: the wall clock is set, as if by somebody; the other one stays. */
void loop_set_wall(struct loop *loop, int64_t wall_ms);

/* Monotonic milliseconds, as of the start of this turn: for delays. A suspended machine's time
 * counts (CLOCK_BOOTTIME); a timer that was due meanwhile runs at the first turn after it, which
 * comes at the latest when libev, which counts on from where it stood, has waited for the earliest
 * timer. */
int64_t loop_now_ms(const struct loop *loop);

/* The same read afresh, in microseconds: for measuring what one turn does, or what a helper thread
 * did (a manual loop's clock may be read a moment late there), and for what must not be done after
 * a time, leases above all: the process or the machine may have stood still within the turn. */
int64_t loop_fresh_us(const struct loop *loop);

/* Milliseconds since 1970 UTC: for what is stored or sent. */
int64_t loop_wall_ms(const struct loop *loop);

/* Where a turn comes a second or more too late (the process was stopped, the machine suspended, or
 * one turn took so long), that time is a gap: whoever should have answered within it was not heard.
 * Told once what was pending is handled, before any timer runs. One at a time; NULL: nobody. */
void loop_on_gap(struct loop *loop, loop_gap_fn *fn, void *arg);

/* Milliseconds since since_ms of loop_now_ms(), without the gaps (the last few of them): for what
 * somebody is blamed for. */
int64_t loop_ran_since(const struct loop *loop, int64_t since_ms);

/* Manual loops: both clocks move on by ms, and nothing runs meanwhile. */
void loop_freeze(struct loop *loop, int64_t ms);

/* Turns of the loop so far: few, where it sleeps as it should. */
uint64_t loop_turns(const struct loop *loop);

void loop_timer_init(struct loop_timer *timer, struct loop *loop, loop_timer_fn *fn, void *arg);

/* A timer for somebody's answer: its delay is time without gaps. */
void loop_timer_init_patient(
	struct loop_timer *timer, struct loop *loop, loop_timer_fn *fn, void *arg);

/* Starts or restarts. A negative delay counts as 0: it runs in the next turn. Cannot fail: the heap
 * grows here, and the process ends (exit 70) where memory for 8 bytes a timer is not to be had. */
void loop_timer_start(struct loop_timer *timer, int64_t delay_ms);
void loop_timer_stop(struct loop_timer *timer);
bool loop_timer_active(const struct loop_timer *timer);

/* Watches fd for events (enum loop_events, 0 allowed). A hang-up or error shows as LOOP_READ.
 * The fd stays the caller's. NULL if out of memory. */
struct loop_io *loop_io_new(struct loop *loop, int fd, int events, loop_io_fn *fn, void *arg);
void loop_io_set(struct loop_io *io, int events);

/* Takes NULL; may be called from the watcher's own callback. */
void loop_io_free(struct loop_io *io);

/* loop_wake_send() may be called from any thread; fn then runs on the loop. Sends may be merged. */
struct loop_wake *loop_wake_new(struct loop *loop, loop_fn *fn, void *arg);
void loop_wake_send(struct loop_wake *wake);
void loop_wake_free(struct loop_wake *wake);

struct loop_signal *loop_signal_new(struct loop *loop, int signo, loop_fn *fn, void *arg);

#endif
