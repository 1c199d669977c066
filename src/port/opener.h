/* opener.h - threads that do what may hang in the kernel: open, configure and close a device. */
#ifndef SIMGATE_PORT_OPENER_H
#define SIMGATE_PORT_OPENER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/loop.h"

enum { OPENER_ABANDONED_MAX = 64 }; /* threads that may hang at a time; more opens are refused */

struct opener;
struct opener_job;

/* Runs on a thread: blocking is fine. Returns a descriptor or a negative errno. It may only touch
 * what `arg` owns; a job that was abandoned may return long after its caller is gone. */
typedef int opener_work_fn(void *arg);

/* Runs on the loop. result: what the work returned; -ETIMEDOUT: abandoned at the deadline;
 * -EAGAIN: refused, too many hang. */
typedef void opener_done_fn(void *owner, int result);

/* max_threads: works that run at a time; more wait in turn (a waiting job's deadline starts when it
 * runs). Threads are started when needed and end when idle for a while. */
struct opener *opener_new(struct loop *loop, int max_threads);

/* Does not wait for threads that hang. Done callbacks are not called any more. */
void opener_free(struct opener *opener);

/* Starts work(arg) on a thread. free_arg(arg) is called exactly once, when neither side needs it:
 * after done, or by the abandoned thread whenever it returns; a descriptor that comes too late is
 * closed by that thread. The job is valid until done is called. NULL if out of memory. */
struct opener_job *opener_start(struct opener *opener, opener_work_fn *work, void *arg,
	void (*free_arg)(void *arg), int64_t deadline_ms, opener_done_fn *done, void *owner);

/* The owner goes: done will not be called, the descriptor is closed if one comes. Takes NULL. */
void opener_cancel(struct opener_job *job);

/* Closes fd on a thread; nobody waits for it. A tty's close can hang while output drains. */
void opener_close(struct opener *opener, int fd);

/* Works that run or wait, and those abandoned that have not returned. */
size_t opener_active(const struct opener *opener);
size_t opener_abandoned(const struct opener *opener);

#endif
