/* opener.c - a small pool of threads; one that hangs is abandoned at its deadline. */
#include "port/opener.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/counter.h"

enum {
	STACK_LEN = 128 * 1024,
	IDLE_MS = 10000,          /* without any work, before the idle threads end */
	CLOSE_DEADLINE_MS = 5000, /* a close may drain for 30 s; others need not wait for that */
};

enum job_state {
	JOB_WAITING,  /* in the opener's list, known to the loop only */
	JOB_RUNNING,  /* given to a thread */
	JOB_FINISHED, /* in the list of the finished */
};

struct opener_job {
	struct opener *opener;
	opener_work_fn *work;
	void *arg;
	void (*free_arg)(void *arg);
	opener_done_fn *done; /* NULL: nobody waits, or not any more */
	void *owner;
	int64_t deadline_ms;
	struct loop_timer timer;
	struct opener_job *prev, *next; /* all jobs that are not abandoned; the loop's alone */
	bool counted;                   /* in opener->running */
	bool is_close;

	/* Under the lock from here, once a thread may have it. */
	enum job_state state;
	bool abandoned; /* the thread buries it */
	bool unwanted;  /* a descriptor is to be closed by the thread */
	int result;
	struct opener_job *queue_next; /* in ready, then in finished */
};

struct queue {
	struct opener_job *head, *tail;
	size_t count;
};

/* What threads share with the loop. It outlives the opener as long as a thread hangs. */
struct shared {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	struct loop_wake *wake; /* NULL when the opener has gone */
	struct queue ready;
	struct queue finished;
	size_t threads; /* alive, hanging ones too */
	size_t idle;
	size_t leave; /* idle threads that are to end */
	size_t abandoned;
	bool quit;
};

struct opener {
	struct loop *loop;
	struct shared *shared;
	struct loop_timer idle_timer;
	struct opener_job *head, *tail;
	size_t active;
	int running;
	int max_threads;
};

static void queue_push(struct queue *queue, struct opener_job *job)
{
	job->queue_next = NULL;
	if (queue->tail)
		queue->tail->queue_next = job;
	else
		queue->head = job;
	queue->tail = job;
	queue->count++;
}

static struct opener_job *queue_pop(struct queue *queue)
{
	struct opener_job *job = queue->head;

	if (!job)
		return NULL;
	queue->head = job->queue_next;
	if (!queue->head)
		queue->tail = NULL;
	queue->count--;
	return job;
}

static void job_free(struct opener_job *job)
{
	if (job->free_arg)
		job->free_arg(job->arg);
	free(job);
}

/* --- on the threads --- */

static int close_work(void *arg)
{
	close((int)(intptr_t)arg);
	return -ECANCELED;
}

static void shared_free(struct shared *shared)
{
	struct opener_job *job;

	while ((job = queue_pop(&shared->ready))) { /* closes for which no thread could be had */
		job->work(job->arg);
		job_free(job);
	}
	pthread_cond_destroy(&shared->cond);
	pthread_mutex_destroy(&shared->lock);
	free(shared);
}

/* NULL: this thread is to end. Called with the lock held. */
static struct opener_job *next_job(struct shared *shared)
{
	shared->idle++;
	while (!shared->ready.head && !shared->leave && !shared->quit)
		pthread_cond_wait(&shared->cond, &shared->lock);
	shared->idle--;
	if (!shared->ready.head && shared->leave)
		shared->leave--;
	return queue_pop(&shared->ready);
}

/* Called with the lock held; gives it up meanwhile. */
static void run_job(struct shared *shared, struct opener_job *job)
{
	bool skip = (job->abandoned || job->unwanted) && !job->is_close;
	int result;

	pthread_mutex_unlock(&shared->lock);
	result = skip ? -ECANCELED : job->work(job->arg);
	pthread_mutex_lock(&shared->lock);
	if ((job->abandoned || job->unwanted) && result >= 0) {
		pthread_mutex_unlock(&shared->lock);
		close(result);
		result = -ECANCELED;
		pthread_mutex_lock(&shared->lock);
	}
	if (job->abandoned) {
		pthread_mutex_unlock(&shared->lock);
		job_free(job);
		pthread_mutex_lock(&shared->lock);
		shared->abandoned--;
	} else {
		job->result = result;
		job->state = JOB_FINISHED;
		queue_push(&shared->finished, job);
	}
	if (shared->wake)
		loop_wake_send(shared->wake);
}

static void *thread_main(void *arg)
{
	struct shared *shared = arg;
	struct opener_job *job;
	bool last;

	pthread_mutex_lock(&shared->lock);
	while ((job = next_job(shared)))
		run_job(shared, job);
	shared->threads--;
	last = shared->quit && !shared->threads;
	pthread_mutex_unlock(&shared->lock);
	if (last)
		shared_free(shared);
	return NULL;
}

/* --- on the loop --- */

/* Called with the lock held. */
static int start_thread(struct shared *shared)
{
	long least = sysconf(_SC_THREAD_STACK_MIN);
	size_t stack_len = least > STACK_LEN ? (size_t)least : STACK_LEN;
	sigset_t all, old;
	pthread_attr_t attr;
	pthread_t thread;
	int err = pthread_attr_init(&attr);

	if (err)
		return -err;
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, stack_len);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&thread, &attr, thread_main, shared);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	if (!err)
		shared->threads++;
	return -err;
}

static void list_add(struct opener *opener, struct opener_job *job)
{
	job->next = NULL;
	job->prev = opener->tail;
	if (opener->tail)
		opener->tail->next = job;
	else
		opener->head = job;
	opener->tail = job;
	opener->active++;
	loop_timer_stop(&opener->idle_timer);
}

static void list_remove(struct opener_job *job)
{
	struct opener *opener = job->opener;

	if (job->prev)
		job->prev->next = job->next;
	else
		opener->head = job->next;
	if (job->next)
		job->next->prev = job->prev;
	else
		opener->tail = job->prev;
	loop_timer_stop(&job->timer);
	if (job->counted)
		opener->running--;
	if (!--opener->active)
		loop_timer_start(&opener->idle_timer, IDLE_MS);
}

static void refuse(struct opener_job *job)
{
	struct shared *shared = job->opener->shared;

	counter_add(COUNTER_OPEN_REFUSED, 1);
	job->result = -EAGAIN;
	job->state = JOB_FINISHED;
	queue_push(&shared->finished, job);
	loop_wake_send(shared->wake); /* done is not called from inside opener_start() */
}

/* Called with the lock held. False: no thread can be had now. */
static bool hand_over(struct opener_job *job)
{
	struct shared *shared = job->opener->shared;

	if (shared->abandoned >= OPENER_ABANDONED_MAX)
		return false;
	if (shared->ready.count >= shared->idle && start_thread(shared))
		return false;
	job->state = JOB_RUNNING;
	queue_push(&shared->ready, job);
	pthread_cond_signal(&shared->cond);
	return true;
}

static void dispatch(struct opener *opener)
{
	struct shared *shared = opener->shared;
	struct opener_job *job;

	pthread_mutex_lock(&shared->lock);
	for (job = opener->head; job && opener->running < opener->max_threads; job = job->next) {
		if (job->state != JOB_WAITING)
			continue;
		if (hand_over(job)) {
			job->counted = true;
			opener->running++;
			loop_timer_start(&job->timer, job->deadline_ms);
		} else if (!job->is_close) { /* a close waits: its descriptor must not leak */
			refuse(job);
		}
	}
	pthread_mutex_unlock(&shared->lock);
}

static void complete(struct opener_job *job)
{
	struct opener *opener = job->opener;

	list_remove(job);
	if (job->done)
		job->done(job->owner, job->result);
	else if (job->result >= 0)
		opener_close(opener, job->result);
	job_free(job);
}

static struct opener_job *pop_finished(struct shared *shared)
{
	struct opener_job *job;

	pthread_mutex_lock(&shared->lock);
	job = queue_pop(&shared->finished);
	pthread_mutex_unlock(&shared->lock);
	return job;
}

static void on_wake(void *arg)
{
	struct opener *opener = arg;
	struct opener_job *job;

	while ((job = pop_finished(opener->shared)))
		complete(job);
	dispatch(opener);
}

static void on_deadline(void *arg)
{
	struct opener_job *job = arg;
	struct opener *opener = job->opener;
	opener_done_fn *done = job->done;
	void *owner = job->owner;

	pthread_mutex_lock(&opener->shared->lock);
	if (job->state == JOB_FINISHED) { /* just in time; the wake is on its way */
		pthread_mutex_unlock(&opener->shared->lock);
		return;
	}
	list_remove(job);
	job->abandoned = true; /* the thread's from here */
	opener->shared->abandoned++;
	pthread_mutex_unlock(&opener->shared->lock);
	counter_add(COUNTER_OPEN_HUNG, 1);
	dispatch(opener);
	if (done)
		done(owner, -ETIMEDOUT);
}

static void on_idle(void *arg)
{
	struct opener *opener = arg;
	struct shared *shared = opener->shared;

	pthread_mutex_lock(&shared->lock);
	shared->leave = shared->idle;
	pthread_cond_broadcast(&shared->cond);
	pthread_mutex_unlock(&shared->lock);
}

struct opener *opener_new(struct loop *loop, int max_threads)
{
	struct opener *opener = calloc(1, sizeof(*opener));
	struct shared *shared = calloc(1, sizeof(*shared));

	if (!opener || !shared)
		goto fail;
	shared->wake = loop_wake_new(loop, on_wake, opener);
	if (!shared->wake)
		goto fail;
	pthread_mutex_init(&shared->lock, NULL);
	pthread_cond_init(&shared->cond, NULL);
	opener->loop = loop;
	opener->shared = shared;
	opener->max_threads = max_threads > 0 ? max_threads : 1;
	loop_timer_init(&opener->idle_timer, loop, on_idle, opener);
	return opener;
fail:
	free(opener);
	free(shared);
	return NULL;
}

/* A job that no thread has: closes its descriptor on a thread, or frees it. Called with the lock
 * held; makes a close out of an open whose descriptor nobody took. */
static void bury(struct opener_job *job)
{
	struct shared *shared = job->opener->shared;

	if (job->state == JOB_FINISHED && job->result >= 0) {
		if (job->free_arg)
			job->free_arg(job->arg);
		job->free_arg = NULL;
		job->arg = (void *)(intptr_t)job->result;
		job->work = close_work;
		job->is_close = true;
		job->state = JOB_WAITING;
	}
	if (job->state == JOB_FINISHED || !job->is_close) {
		job_free(job);
		return;
	}
	job->abandoned = true;
	shared->abandoned++;
	queue_push(&shared->ready, job);
}

void opener_free(struct opener *opener)
{
	struct shared *shared;
	struct loop_wake *wake;
	struct opener_job *job;
	bool last;

	if (!opener)
		return;
	shared = opener->shared;
	pthread_mutex_lock(&shared->lock);
	shared->finished = (struct queue) { 0 };
	while ((job = opener->head)) {
		list_remove(job);
		if (job->state == JOB_RUNNING) {
			job->abandoned = true;
			shared->abandoned++;
		} else {
			bury(job);
		}
	}
	if (shared->ready.head && !shared->idle)
		start_thread(shared); /* without one, a thread that comes back does it */
	wake = shared->wake;
	shared->wake = NULL;
	shared->quit = true;
	last = !shared->threads;
	pthread_cond_broadcast(&shared->cond);
	pthread_mutex_unlock(&shared->lock);

	if (last)
		shared_free(shared);
	loop_wake_free(wake);
	loop_timer_stop(&opener->idle_timer);
	free(opener);
}

static struct opener_job *job_new(
	struct opener *opener, opener_work_fn *work, void *arg, int64_t deadline_ms)
{
	struct opener_job *job = calloc(1, sizeof(*job));

	if (!job)
		return NULL;
	job->opener = opener;
	job->work = work;
	job->arg = arg;
	job->deadline_ms = deadline_ms;
	loop_timer_init_patient(&job->timer, opener->loop, on_deadline, job);
	return job;
}

struct opener_job *opener_start(struct opener *opener, opener_work_fn *work, void *arg,
	void (*free_arg)(void *arg), int64_t deadline_ms, opener_done_fn *done, void *owner)
{
	struct opener_job *job = job_new(opener, work, arg, deadline_ms);

	if (!job)
		return NULL;
	job->free_arg = free_arg;
	job->done = done;
	job->owner = owner;
	list_add(opener, job);
	dispatch(opener);
	return job;
}

void opener_cancel(struct opener_job *job)
{
	struct shared *shared;
	bool waiting;

	if (!job)
		return;
	shared = job->opener->shared;
	pthread_mutex_lock(&shared->lock);
	job->done = NULL;
	job->unwanted = true;
	waiting = job->state == JOB_WAITING;
	pthread_mutex_unlock(&shared->lock);
	if (waiting) {
		list_remove(job);
		job_free(job);
	}
}

void opener_close(struct opener *opener, int fd)
{
	struct opener_job *job;

	if (fd < 0)
		return;
	job = job_new(opener, close_work, (void *)(intptr_t)fd, CLOSE_DEADLINE_MS);
	if (!job) {
		close(fd);
		return;
	}
	job->is_close = true;
	list_add(opener, job);
	dispatch(opener);
}

size_t opener_active(const struct opener *opener)
{
	return opener->active;
}

size_t opener_abandoned(const struct opener *opener)
{
	size_t count;

	pthread_mutex_lock(&opener->shared->lock);
	count = opener->shared->abandoned;
	pthread_mutex_unlock(&opener->shared->lock);
	return count;
}
