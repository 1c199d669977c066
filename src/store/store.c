/* store.c - the store's thread: takes all jobs that wait, one transaction, completes them in order.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/counter.h"
#include "base/log.h"
#include "store/store_own.h"

enum { EXIT_INTERNAL = 70, DEADLOCKS_MAX = 5 };

/* ---- the store's thread --------------------------------------------------------------------- */

/* Up to *end, which is where it stopped if others are to have their turn. */
static int run_jobs(const struct store_db *db, struct store_job *first, struct store_job **end)
{
	bool ran = false;

	for (struct store_job *job = first; job != *end; job = job->next) {
		if (job->held)
			continue;
		if (ran && db->backend->is_due && db->backend->is_due(db->conn)) {
			*end = job;
			return 0;
		}
		ran = true;
		store_job_reset(job);
		int err = job->verb->run(job);
		if (!err && job->pool && job->store->shared)
			err = store_put(job, STMT_COUNTER_BUMP, ARGS(TXT("pool")));
		if (err)
			return err;
	}
	return 0;
}

/* That it fails concerns those that asked for it: what they did is committed. */
static void scrub_files(struct store *store, struct store_job *first, const struct store_job *end)
{
	int err = store->db.backend->scrub(store->db.conn);

	for (struct store_job *job = first; err && job != end; job = job->next)
		if (job->scrub)
			job->err = err;
}

static int try_transaction(
	struct store *store, struct store_job *first, struct store_job **end, bool write)
{
	const struct store_db *db = &store->db;

	int err = db->backend->begin(db->conn, write);
	bool begun = !err, ran = false;
	if (begun)
		err = run_jobs(db, first, end);
	if (!err) {
		ran = true;
		err = db->backend->commit(db->conn);
	}
	if (err < 0) {
		if (!begun || ran)
			store_job_why(first, db->backend->name);
		db->backend->rollback(db->conn);
	}
	return err;
}

/* One transaction for the jobs from first up to *end, or fewer: then that is the next one. */
static int transact(struct store *store, struct store_job *first, struct store_job **end)
{
	bool write = false, scrub = false;
	for (const struct store_job *job = first; job != *end; job = job->next) {
		write = write || job->verb->write;
		scrub = scrub || job->scrub;
	}
	int64_t start_us = loop_fresh_us(store->loop);

	int err = try_transaction(store, first, end, write);
	for (int i = 0; err == -EDEADLK && i < DEADLOCKS_MAX; i++)
		err = try_transaction(store, first, end, write);
	if (err < 0)
		return err;
	first->wrote = err > 0;
	first->commit_us = loop_fresh_us(store->loop) - start_us;
	if (scrub)
		scrub_files(store, first, *end);
	return 0;
}

/* Errors of the caller's making say nothing about the disk. */
static bool is_storage_error(int err)
{
	return err && err != -EINVAL && err != -ENOENT;
}

/* The order of texts: see enum store_trait. */
static void hold_after(struct store *store, const struct store_job *job)
{
	if (store->in_order && is_storage_error(job->err))
		store_hold(store, job->traits & (TRAIT_TEXT | TRAIT_MOVE));
}

static bool hold_back(struct store *store, struct store_job *job)
{
	job->held = job->traits & atomic_load(&store->hold);
	if (job->held)
		job->err = -EAGAIN;
	return job->held;
}

/* This host is another process' now: it is entered anew, or not. */
static void leave_database(struct store *store)
{
	store->db.backend->close(store->db.conn);
	store->db.conn = NULL;
}

static void run_alone(struct store *store, struct store_job *job)
{
	if (hold_back(store, job))
		return;
	struct store_job *end = job->next;
	int err = store->db.conn ? transact(store, job, &end) : -EADDRINUSE;
	if (!err)
		return;
	job->err = err;
	hold_after(store, job);
	if (err == -EADDRINUSE)
		leave_database(store);
}

/* The jobs from first on, as many as one transaction takes: the next one, NULL for none. If they
 * fail each is tried alone, so that only the bad one fails. */
static struct store_job *run_some(struct store *store, struct store_job *first)
{
	struct store_job *end = NULL;
	size_t held = 0, count = 0;

	for (struct store_job *job = first; job; job = job->next, count++)
		held += hold_back(store, job);
	if (held == count || (count > 1 && transact(store, first, &end) == 0))
		return end;
	for (struct store_job *job = first; job; job = job->next) {
		job->rerun = count > 1;
		run_alone(store, job);
	}
	return NULL;
}

/* Without a database they all fail. */
static bool have_database(struct store *store, struct job_list *batch)
{
	char why[1024];

	if (store->db.conn)
		return true;
	int err = store_open_database(store, why, sizeof(why));
	if (!err)
		return true;
	leave_database(store);
	for (struct store_job *job = batch->first; job; job = job->next) {
		job->err = err;
		hold_after(store, job);
		store_job_say(job, why);
	}
	return false;
}

/* What moves from the journal holds up nothing else, a host's sign of life the least: it goes
 * behind all others. One of it goes first in each second batch, so that they do not hold it up
 * either. A probe goes alone: it measures the server. */
static void take_batch(struct store *store, struct job_list *batch)
{
	struct store_job **next = &store->queued.first;
	size_t max = store->db.backend->batch_max;

	if (store->move_first)
		list_move(&store->moves, batch, 1);
	store->move_first = !store->move_first;
	for (; *next && !((*next)->traits & TRAIT_PROBE) && max; max--)
		list_move(&store->queued, batch, 1);
	if (!*next)
		list_move(&store->moves, batch, max);
	else if (!batch->first)
		list_move(&store->queued, batch, 1);
}

/* For the next batch; before those that came meanwhile. */
static void put_back(struct store *store, struct job_list *batch)
{
	struct job_list queued, moves;
	struct store_job *job;

	list_init(&queued);
	list_init(&moves);
	while ((job = list_take(batch)))
		list_add(job->traits & TRAIT_MOVE ? &moves : &queued, job);
	list_move(&store->queued, &queued, SIZE_MAX);
	list_move(&queued, &store->queued, SIZE_MAX);
	list_move(&store->moves, &moves, SIZE_MAX);
	list_move(&moves, &store->moves, SIZE_MAX);
}

static bool has_work(const struct store *store)
{
	return store->queued.first || store->moves.first;
}

void *store_main(void *arg)
{
	struct store *store = arg;
	struct job_list batch;

	list_init(&batch);
	pthread_mutex_lock(&store->lock);
	for (;;) {
		while (!has_work(store) && !store->stopping)
			pthread_cond_wait(&store->work, &store->lock);
		if (!has_work(store))
			break;
		take_batch(store, &batch);
		pthread_mutex_unlock(&store->lock);

		const struct store_job *next =
			have_database(store, &batch) ? run_some(store, batch.first) : NULL;

		pthread_mutex_lock(&store->lock);
		while (batch.first != next)
			list_add(&store->completed, list_take(&batch));
		put_back(store, &batch);
		pthread_cond_signal(&store->ended);
		loop_wake_send(store->wake);
	}
	pthread_mutex_unlock(&store->lock);
	return NULL;
}

/* ---- the loop's side ------------------------------------------------------------------------ */

static void job_account(struct store *store, const struct store_job *job)
{
	static struct log_limit limit = { .period_ms = 60000, .burst = 5 };

	counter_add(COUNTER_STORE_JOBS, 1);
	if (job->wrote) {
		counter_add(COUNTER_STORE_COMMITS, 1);
		histogram_add(&store->commit_times, histogram_commits, job->commit_us);
		store->health = 0;
	}
	if (!job->err)
		return;
	counter_add(COUNTER_STORE_ERRORS, 1);
	if (is_storage_error(job->err))
		store->health = job->err;
	if (!store->journal && log_limit(&limit))
		log_warning(LOGC_STORE, NULL, NULL,
			LOG_FIELDS(LOG_STR("job", job->verb->name), LOG_INT("errno", -job->err)),
			"a job of the store failed: %s", job->why ? job->why : strerror(-job->err));
}

static void answer(struct store *store, struct store_job *job)
{
	if (store->journal) {
		journal_answer(store->journal, job);
		return;
	}
	job->verb->finish(job);
	store_job_free(job);
}

void store_on_wake(void *arg)
{
	struct store *store = arg;
	struct job_list completed, refused;
	struct store_job *job;

	list_init(&completed);
	list_init(&refused);
	list_move(&store->refused, &refused, SIZE_MAX);
	pthread_mutex_lock(&store->lock);
	list_move(&store->completed, &completed, SIZE_MAX);
	pthread_mutex_unlock(&store->lock);

	while ((job = list_take(&completed))) {
		store->pending--;
		job_account(store, job);
		if (job->pool && !job->err && store->pool_changed)
			store->pool_changed(store->pool_arg);
		answer(store, job);
	}
	while ((job = list_take(&refused))) {
		store->refused_count--;
		answer(store, job);
	}
}

void store_first_answer(struct store *store, int64_t limit_ms)
{
	struct timespec end;
	int err = 0;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += limit_ms / 1000;
	pthread_mutex_lock(&store->lock);
	while (!store->completed.first && !err)
		err = pthread_cond_clockwait(&store->ended, &store->lock, CLOCK_MONOTONIC, &end);
	pthread_mutex_unlock(&store->lock);
	store_on_wake(store);
}

void *store_job_new(struct store *store, size_t size, const struct store_verb *verb)
{
	struct store_job *job = calloc(1, size);
	if (!job) {
		log_error(LOGC_STORE, NULL, NULL, NULL, "no memory for a job of the store");
		_exit(EXIT_INTERNAL);
	}
	job->store = store;
	job->verb = verb;
	if (store->pending >= STORE_QUEUE_MAX) {
		counter_add(COUNTER_STORE_REFUSED, 1);
		job->err = -EOVERFLOW;
	}
	return job;
}

void store_job_submit(struct store_job *job)
{
	struct store *store = job->store;

	if (!job->err && store->journal)
		job->err = journal_admit(store->journal, job);
	if (job->err) {
		store->refused_count++;
		list_add(&store->refused, job);
		loop_wake_send(store->wake);
		return;
	}
	store->pending++;
	pthread_mutex_lock(&store->lock);
	list_add(job->traits & TRAIT_MOVE ? &store->moves : &store->queued, job);
	pthread_cond_signal(&store->work);
	pthread_mutex_unlock(&store->lock);
}

void store_finish_done(struct store_job *job)
{
	if (job->callback.done)
		job->callback.done(job->arg, job->err ? job->err : job->refused);
}

void store_finish_count(struct store_job *job)
{
	int err = job->err ? job->err : job->refused;

	if (job->callback.count)
		job->callback.count(job->arg, err, err ? 0 : job->count);
}

const struct store_db *store_db(const struct store *store)
{
	return &store->db;
}

const char *store_host(const struct store *store)
{
	return store->host_id;
}

const char *store_host_among(const struct store *store)
{
	return store->shared ? store->host_id : "";
}

struct store_instance *store_instance(struct store *store)
{
	return store->instance;
}

const char *store_token(const struct store *store)
{
	return store->token;
}

struct store_presence *store_presence(struct store *store)
{
	return &store->presence;
}

bool store_is_shared(const struct store *store)
{
	return store->shared;
}

int64_t store_now_ms(const struct store *store)
{
	return loop_wall_ms(store->loop);
}

struct loop *store_loop(const struct store *store)
{
	return store->loop;
}

struct journal *store_journal(const struct store *store)
{
	return store->journal;
}

int64_t store_waiting(const struct store *store, int64_t *oldest_ms)
{
	*oldest_ms = store->oldest_ms;
	return store->waiting;
}

void store_hold(struct store *store, unsigned traits)
{
	atomic_fetch_or(&store->hold, traits);
}

void store_release(struct store *store, unsigned traits)
{
	atomic_fetch_and(&store->hold, ~traits);
}

int64_t store_heard_ms(const struct store *store)
{
	return atomic_load(&store->heard_us) / 1000;
}

size_t store_pending(const struct store *store)
{
	size_t at_work =
		store->journal ? journal_pending(store->journal, store->pending) : store->pending;
	return at_work + store->refused_count;
}

const struct histogram *store_commit_times(const struct store *store)
{
	return &store->commit_times;
}

void store_pool_watch(struct store *store, void (*changed)(void *arg), void *arg)
{
	store->pool_changed = changed;
	store->pool_arg = arg;
}

int store_health(const struct store *store)
{
	return store->journal ? journal_health(store->journal) : store->health;
}

void store_adopt_ids(struct store *store, const struct store *other)
{
	if (other->last_id_ms < store->id_ms ||
		(other->last_id_ms == store->id_ms && other->last_id_seq <= store->id_seq))
		return;
	store->id_ms = other->last_id_ms;
	store->id_seq = other->last_id_seq;
}

void store_adopt_opening(struct store *store)
{
	store_adopt_ids(store, store);
	store->presence.kept = store->presence.kept || store->entered.kept;
	if (store->entered.taken)
		log_warning(LOGC_STORE, store->host_id, NULL, NULL,
			"this host_id was another installation's until that stopped: from now on "
			"it is this one's, and the other will not start with it");
	store->entered = (struct store_entered) { 0 };
}

/* UUIDv7 (RFC 9562, 5.7 and 6.2): milliseconds, a counter of 12 bits, 62 random bits. A counter
 * that is full, or a clock that was set back, takes the next millisecond. */
void store_new_id(struct store *store, char out[STORE_ID_SIZE])
{
	uint64_t now = (uint64_t)loop_wall_ms(store->loop);
	uint64_t random = 0;

	while (getrandom(&random, sizeof(random), 0) < 0 && errno == EINTR)
		;
	if (now > store->id_ms) {
		store->id_ms = now;
		store->id_seq = 0;
	} else if (++store->id_seq > 0xfff) {
		store->id_ms++;
		store->id_seq = 0;
	}
	snprintf(out, STORE_ID_SIZE, "%08x-%04x-7%03x-%04x-%012llx",
		(unsigned)(store->id_ms >> 16 & 0xffffffff), (unsigned)(store->id_ms & 0xffff),
		store->id_seq & 0xfff, (unsigned)(0x8000 | random >> 50),
		(unsigned long long)(random & 0xffffffffffff));
}
