/* loop.c - libev, one timer heap over one ev_timer, and the clocks. */
#include "base/loop.h"

#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
	GAP_MS = 1000, /* a turn that comes later than this missed something */
	GAPS = 8,      /* that are remembered */
};

struct gap {
	int64_t end_ms, ms;
};

struct loop {
	struct ev_loop *ev;
	ev_timer tick;
	bool manual, running;
	int64_t now_ms, wall_ms; /* manual: the clocks themselves; else the start of this turn */
	int64_t wait_ms;         /* at most, for the next turn; -1: no limit */
	int64_t back_ms;         /* when it has to come; 0: whenever */
	struct gap gaps[GAPS];
	unsigned gap_next;
	int64_t untold_ms; /* gaps that nobody was told of */
	loop_gap_fn *gap_fn;
	void *gap_arg;
	uint64_t turns;
	ev_prepare prepare;
	ev_check check;
	struct loop_timer **heap;
	size_t count, room;
};

struct loop_io {
	ev_io ev;
	struct loop *loop;
	loop_io_fn *fn;
	void *arg;
};

struct loop_wake {
	ev_async ev;
	struct loop *loop;
	loop_fn *fn;
	void *arg;
};

struct loop_signal {
	ev_signal ev;
	loop_fn *fn;
	void *arg;
};

static int64_t clock_us(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* It counts on while the machine is suspended, as CLOCK_MONOTONIC and libev do not: a lease has run
 * out by then, and an answer is late. */
static int64_t steady_us(void)
{
	return clock_us(CLOCK_BOOTTIME);
}

static void read_clocks(struct loop *loop)
{
	if (loop->manual)
		return;
	loop->now_ms = steady_us() / 1000;
	loop->wall_ms = clock_us(CLOCK_REALTIME) / 1000;
}

/* ---- the heap: earliest first --------------------------------------------------------------- */

static void heap_set(struct loop *loop, size_t i, struct loop_timer *timer)
{
	loop->heap[i] = timer;
	timer->pos = i + 1;
}

static void heap_up(struct loop *loop, size_t i)
{
	struct loop_timer *timer = loop->heap[i];

	for (; i > 0 && loop->heap[(i - 1) / 2]->due_ms > timer->due_ms; i = (i - 1) / 2)
		heap_set(loop, i, loop->heap[(i - 1) / 2]);
	heap_set(loop, i, timer);
}

static void heap_down(struct loop *loop, size_t i)
{
	struct loop_timer *timer = loop->heap[i];
	size_t child;

	for (; (child = 2 * i + 1) < loop->count; i = child) {
		if (child + 1 < loop->count &&
			loop->heap[child + 1]->due_ms < loop->heap[child]->due_ms)
			child++;
		if (loop->heap[child]->due_ms >= timer->due_ms)
			break;
		heap_set(loop, i, loop->heap[child]);
	}
	heap_set(loop, i, timer);
}

static void heap_grow(struct loop *loop)
{
	size_t room = loop->room ? 2 * loop->room : 64;
	struct loop_timer **heap = realloc(loop->heap, room * sizeof *heap);

	if (!heap) {
		fputs("simgate: out of memory for timers\n", stderr);
		exit(70);
	}
	loop->heap = heap;
	loop->room = room;
}

void loop_timer_init(struct loop_timer *timer, struct loop *loop, loop_timer_fn *fn, void *arg)
{
	*timer = (struct loop_timer) { .loop = loop, .fn = fn, .arg = arg };
}

void loop_timer_init_patient(
	struct loop_timer *timer, struct loop *loop, loop_timer_fn *fn, void *arg)
{
	loop_timer_init(timer, loop, fn, arg);
	timer->patient = true;
}

void loop_timer_start(struct loop_timer *timer, int64_t delay_ms)
{
	struct loop *loop = timer->loop;

	loop_timer_stop(timer);
	if (loop->count == loop->room)
		heap_grow(loop);
	timer->due_ms = loop->now_ms + (delay_ms > 0 ? delay_ms : 0);
	heap_set(loop, loop->count++, timer);
	heap_up(loop, loop->count - 1);
}

void loop_timer_stop(struct loop_timer *timer)
{
	struct loop *loop = timer->loop;
	size_t i = timer->pos;

	if (!i--)
		return;
	timer->pos = 0;
	struct loop_timer *last = loop->heap[--loop->count];
	if (last == timer)
		return;
	heap_set(loop, i, last);
	heap_up(loop, i);
	heap_down(loop, last->pos - 1);
}

bool loop_timer_active(const struct loop_timer *timer)
{
	return timer->pos > 0;
}

/* ---- gaps ----------------------------------------------------------------------------------- */

/* From since_ms, when a turn was due, until now_ms nothing was done. */
static void note_gap(struct loop *loop, int64_t since_ms, int64_t now_ms)
{
	int64_t ms = now_ms - since_ms;

	if (ms < GAP_MS)
		return;
	loop->gaps[loop->gap_next++ % GAPS] = (struct gap) { now_ms, ms };
	loop->untold_ms += ms;
	for (size_t i = 0; i < loop->count; i++)
		if (loop->heap[i]->patient)
			loop->heap[i]->due_ms += ms;
	for (size_t i = loop->count / 2; i-- > 0;)
		heap_down(loop, i);
}

static void tell_gap(struct loop *loop)
{
	int64_t ms = loop->untold_ms;

	loop->untold_ms = 0;
	if (ms > 0 && loop->gap_fn)
		loop->gap_fn(loop->gap_arg, ms);
}

void loop_on_gap(struct loop *loop, loop_gap_fn *fn, void *arg)
{
	loop->gap_fn = fn;
	loop->gap_arg = arg;
}

int64_t loop_ran_since(const struct loop *loop, int64_t since_ms)
{
	int64_t ran_ms = loop->now_ms - since_ms;

	for (unsigned i = 0; i < GAPS && i < loop->gap_next; i++) {
		const struct gap *gap = &loop->gaps[i];
		int64_t after_ms = gap->end_ms - since_ms;
		if (after_ms > 0)
			ran_ms -= gap->ms < after_ms ? gap->ms : after_ms;
	}
	return ran_ms > 0 ? ran_ms : 0;
}

void loop_freeze(struct loop *loop, int64_t ms)
{
	loop->now_ms += ms;
	loop->wall_ms += ms;
	note_gap(loop, loop->now_ms - ms, loop->now_ms);
}

/* ---- turns ---------------------------------------------------------------------------------- */

/* Runs what was due when this call began: a timer restarted with no delay waits for the next turn.
 */
static void run_timers(struct loop *loop)
{
	int64_t now_ms = loop->now_ms;
	size_t most = loop->count;

	tell_gap(loop);
	while (most-- > 0 && loop->count > 0 && loop->heap[0]->due_ms <= now_ms) {
		struct loop_timer *timer = loop->heap[0];
		loop_timer_stop(timer);
		timer->fn(timer->arg);
	}
}

static void on_tick(struct ev_loop *ev, ev_timer *tick, int events)
{
	(void)ev, (void)tick, (void)events;
}

static void set_tick(struct loop *loop, int64_t wait_ms)
{
	ev_timer_stop(loop->ev, &loop->tick);
	loop->wait_ms = wait_ms;
	if (wait_ms < 0)
		return;
	ev_now_update(loop->ev);
	ev_timer_set(&loop->tick, (double)wait_ms / 1000.0, 0.0);
	ev_timer_start(loop->ev, &loop->tick);
}

static void on_prepare(struct ev_loop *ev, ev_prepare *prepare, int events)
{
	struct loop *loop = prepare->data;
	int64_t now_ms = steady_us() / 1000, wait_ms = -1;

	(void)ev, (void)events;
	if (loop->manual)
		return;
	note_gap(loop, loop->now_ms, now_ms);
	if (loop->running) {
		if (loop->count > 0)
			wait_ms =
				loop->heap[0]->due_ms > now_ms ? loop->heap[0]->due_ms - now_ms : 0;
		set_tick(loop, wait_ms);
	}
	loop->back_ms = loop->wait_ms < 0 ? 0 : now_ms + loop->wait_ms;
}

static void on_check(struct ev_loop *ev, ev_check *check, int events)
{
	struct loop *loop = check->data;

	(void)ev, (void)events;
	loop->turns++;
	read_clocks(loop);
	if (!loop->manual && loop->back_ms > 0)
		note_gap(loop, loop->back_ms, loop->now_ms);
}

static struct loop *loop_make(bool manual)
{
	struct loop *loop = calloc(1, sizeof *loop);

	if (!loop)
		return NULL;
	loop->manual = manual;
	loop->ev = ev_loop_new(EVFLAG_AUTO | EVFLAG_NOENV);
	if (!loop->ev) {
		free(loop);
		return NULL;
	}
	ev_timer_init(&loop->tick, on_tick, 0, 0);
	ev_prepare_init(&loop->prepare, on_prepare);
	loop->prepare.data = loop;
	ev_prepare_start(loop->ev, &loop->prepare);
	ev_check_init(&loop->check, on_check);
	loop->check.data = loop;
	ev_set_priority(&loop->check, EV_MAXPRI);
	ev_check_start(loop->ev, &loop->check);
	read_clocks(loop);
	return loop;
}

struct loop *loop_new(void)
{
	return loop_make(false);
}

struct loop *loop_new_manual(int64_t mono_ms, int64_t wall_ms)
{
	struct loop *loop = loop_make(true);

	if (loop) {
		loop->now_ms = mono_ms;
		loop->wall_ms = wall_ms;
	}
	return loop;
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	ev_timer_stop(loop->ev, &loop->tick);
	ev_prepare_stop(loop->ev, &loop->prepare);
	ev_check_stop(loop->ev, &loop->check);
	ev_loop_destroy(loop->ev);
	free(loop->heap);
	free(loop);
}

void loop_run(struct loop *loop)
{
	loop->running = true;
	read_clocks(loop); /* what was done before is no gap */
	while (loop->running) {
		ev_run(loop->ev, EVRUN_ONCE);
		run_timers(loop);
	}
}

void loop_stop(struct loop *loop)
{
	loop->running = false;
}

void loop_turn(struct loop *loop, int max_wait_ms)
{
	int64_t wait_ms = max_wait_ms;

	if (!loop->manual && loop->count > 0) {
		int64_t now_ms = steady_us() / 1000;
		if (loop->heap[0]->due_ms - now_ms < wait_ms)
			wait_ms = loop->heap[0]->due_ms - now_ms;
	} else if (loop->manual && loop->count > 0 && loop->heap[0]->due_ms <= loop->now_ms) {
		wait_ms = 0;
	}
	if (wait_ms > 0) {
		set_tick(loop, wait_ms);
		ev_run(loop->ev, EVRUN_ONCE);
		set_tick(loop, -1);
	} else {
		ev_run(loop->ev, EVRUN_NOWAIT);
	}
	run_timers(loop);
}

void loop_advance(struct loop *loop, int64_t ms)
{
	int64_t end_ms = loop->now_ms + ms;

	for (;;) {
		loop_turn(loop, 0);
		if (loop->count > 0 && loop->heap[0]->due_ms <= loop->now_ms)
			continue;
		int64_t next_ms = end_ms;
		if (loop->count > 0 && loop->heap[0]->due_ms < end_ms)
			next_ms = loop->heap[0]->due_ms;
		loop->wall_ms += next_ms - loop->now_ms;
		loop->now_ms = next_ms;
		if (next_ms == end_ms)
			break;
	}
	loop_turn(loop, 0);
}

void loop_set_wall(struct loop *loop, int64_t wall_ms)
{
	if (loop->manual)
		loop->wall_ms = wall_ms;
}

int64_t loop_now_ms(const struct loop *loop)
{
	return loop->now_ms;
}

int64_t loop_fresh_us(const struct loop *loop)
{
	return loop->manual ? loop->now_ms * 1000 : steady_us();
}

int64_t loop_wall_ms(const struct loop *loop)
{
	return loop->wall_ms;
}

uint64_t loop_turns(const struct loop *loop)
{
	return loop->turns;
}

/* ---- watchers ------------------------------------------------------------------------------- */

static int to_ev(int events)
{
	return (events & LOOP_READ ? EV_READ : 0) | (events & LOOP_WRITE ? EV_WRITE : 0);
}

static void on_io(struct ev_loop *ev, ev_io *watcher, int events)
{
	struct loop_io *io = watcher->data;
	int got = (events & EV_READ ? LOOP_READ : 0) | (events & EV_WRITE ? LOOP_WRITE : 0);

	(void)ev;
	io->fn(io->arg, got ? got : LOOP_READ); /* EV_ERROR shows at the next read */
}

struct loop_io *loop_io_new(struct loop *loop, int fd, int events, loop_io_fn *fn, void *arg)
{
	struct loop_io *io = calloc(1, sizeof *io);

	if (!io)
		return NULL;
	io->loop = loop;
	io->fn = fn;
	io->arg = arg;
	ev_io_init(&io->ev, on_io, fd, to_ev(events));
	io->ev.data = io;
	if (events)
		ev_io_start(loop->ev, &io->ev);
	return io;
}

void loop_io_set(struct loop_io *io, int events)
{
	if (ev_is_active(&io->ev) && io->ev.events == to_ev(events))
		return;
	ev_io_stop(io->loop->ev, &io->ev);
	ev_io_set(&io->ev, io->ev.fd, to_ev(events));
	if (events)
		ev_io_start(io->loop->ev, &io->ev);
}

void loop_io_free(struct loop_io *io)
{
	if (!io)
		return;
	ev_io_stop(io->loop->ev, &io->ev);
	free(io);
}

static void on_wake(struct ev_loop *ev, ev_async *watcher, int events)
{
	struct loop_wake *wake = watcher->data;

	(void)ev, (void)events;
	wake->fn(wake->arg);
}

struct loop_wake *loop_wake_new(struct loop *loop, loop_fn *fn, void *arg)
{
	struct loop_wake *wake = calloc(1, sizeof *wake);

	if (!wake)
		return NULL;
	wake->loop = loop;
	wake->fn = fn;
	wake->arg = arg;
	ev_async_init(&wake->ev, on_wake);
	wake->ev.data = wake;
	ev_async_start(loop->ev, &wake->ev);
	return wake;
}

void loop_wake_send(struct loop_wake *wake)
{
	ev_async_send(wake->loop->ev, &wake->ev);
}

void loop_wake_free(struct loop_wake *wake)
{
	if (!wake)
		return;
	ev_async_stop(wake->loop->ev, &wake->ev);
	free(wake);
}

static void on_signal(struct ev_loop *ev, ev_signal *watcher, int events)
{
	struct loop_signal *sig = watcher->data;

	(void)ev, (void)events;
	sig->fn(sig->arg);
}

struct loop_signal *loop_signal_new(struct loop *loop, int signo, loop_fn *fn, void *arg)
{
	struct loop_signal *sig = calloc(1, sizeof *sig);

	if (!sig)
		return NULL;
	sig->fn = fn;
	sig->arg = arg;
	ev_signal_init(&sig->ev, on_signal, signo);
	sig->ev.data = sig;
	ev_signal_start(loop->ev, &sig->ev);
	return sig;
}
