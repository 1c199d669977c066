/* store.c - the store's thread: takes all jobs that wait, one transaction, completes them in order.
 */
#include "store/store_impl.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/counter.h"
#include "base/log.h"

enum { EXIT_INTERNAL = 70, DEADLOCKS_MAX = 5 };

struct job_list {
	struct store_job *first;
	struct store_job **end; /* where the next one is hung */
};

struct store {
	struct store_db db;
	struct loop *loop;
	struct loop_wake *wake;
	char *host_id;
	bool shared;
	char token[STORE_TOKEN_SIZE];
	int64_t stale_ms;
	pthread_t thread;
	bool thread_up;

	/* What both threads touch. */
	pthread_mutex_t lock;
	pthread_cond_t work;
	struct job_list queued, completed;
	bool stopping;

	/* The loop's thread only. */
	struct job_list refused;
	size_t pending;
	int health;
	struct histogram commit_times;
	void (*pool_changed)(void *arg);
	void *pool_arg;
	uint64_t id_ms;
	unsigned id_seq;
	struct store_presence presence;
};

/* ---- lists ---------------------------------------------------------------------------------- */

static void list_init(struct job_list *list)
{
	list->first = NULL;
	list->end = &list->first;
}

static void list_add(struct job_list *list, struct store_job *job)
{
	job->next = NULL;
	*list->end = job;
	list->end = &job->next;
}

static struct store_job *list_take(struct job_list *list)
{
	struct store_job *job = list->first;
	if (!job)
		return NULL;
	list->first = job->next;
	if (!list->first)
		list->end = &list->first;
	return job;
}

static void list_move(struct job_list *from, struct job_list *to, size_t max)
{
	struct store_job *job;
	while (max-- > 0 && (job = list_take(from)))
		list_add(to, job);
}

static void list_free(struct job_list *list)
{
	struct store_job *job;
	while ((job = list_take(list)))
		store_job_free(job);
}

/* ---- the store's thread --------------------------------------------------------------------- */

static int run_jobs(struct store_job *first, const struct store_job *end)
{
	for (struct store_job *job = first; job != end; job = job->next) {
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
	struct store *store, struct store_job *first, const struct store_job *end, bool write)
{
	const struct store_db *db = &store->db;

	int err = db->backend->begin(db->conn, write);
	bool begun = !err, ran = false;
	if (begun)
		err = run_jobs(first, end);
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

/* One transaction for the jobs from first up to end. */
static int transact(struct store *store, struct store_job *first, const struct store_job *end)
{
	bool write = false, scrub = false;
	for (const struct store_job *job = first; job != end; job = job->next) {
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
		scrub_files(store, first, end);
	return 0;
}

/* If the batch fails each job is tried alone, so that only the bad one fails. */
static void run_batch(struct store *store, struct job_list *batch)
{
	struct store_job *first = batch->first;
	int err = first ? transact(store, first, NULL) : 0;
	if (!err)
		return;
	if (!first->next) {
		first->err = err;
		return;
	}
	for (struct store_job *job = first; job; job = job->next) {
		err = transact(store, job, job->next);
		if (err)
			job->err = err;
	}
}

static void *store_main(void *arg)
{
	struct store *store = arg;
	struct job_list batch;

	list_init(&batch);
	pthread_mutex_lock(&store->lock);
	for (;;) {
		while (!store->queued.first && !store->stopping)
			pthread_cond_wait(&store->work, &store->lock);
		if (!store->queued.first)
			break;
		list_move(&store->queued, &batch, store->db.backend->batch_max);
		pthread_mutex_unlock(&store->lock);

		run_batch(store, &batch);

		pthread_mutex_lock(&store->lock);
		list_move(&batch, &store->completed, SIZE_MAX);
		loop_wake_send(store->wake);
	}
	pthread_mutex_unlock(&store->lock);
	return NULL;
}

/* ---- the loop's side ------------------------------------------------------------------------ */

/* Errors of the caller's making say nothing about the disk. */
static bool is_storage_error(int err)
{
	return err && err != -EINVAL && err != -ENOENT;
}

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
	if (log_limit(&limit))
		log_warning(LOGC_STORE, NULL, NULL,
			LOG_FIELDS(LOG_STR("job", job->verb->name), LOG_INT("errno", -job->err)),
			"a job of the store failed: %s", job->why ? job->why : strerror(-job->err));
}

static void on_wake(void *arg)
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
		job->verb->finish(job);
		store_job_free(job);
	}
	while ((job = list_take(&refused))) {
		job->verb->finish(job);
		store_job_free(job);
	}
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

	if (job->err) {
		list_add(&store->refused, job);
		loop_wake_send(store->wake);
		return;
	}
	store->pending++;
	pthread_mutex_lock(&store->lock);
	list_add(&store->queued, job);
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

size_t store_pending(const struct store *store)
{
	return store->pending;
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
	return store->health;
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

/* ---- opening and closing -------------------------------------------------------------------- */

static int read_last_id(void *arg, const struct backend_value *cols, size_t count)
{
	struct store *store = arg;
	unsigned high, low, seq;

	(void)count;
	/* The widths bound what is read. NOLINTNEXTLINE(cert-err34-c) */
	if (sscanf(cols[0].text, "%8x-%4x-7%3x-", &high, &low, &seq) == 3) {
		store->id_ms = (uint64_t)high << 16 | low;
		store->id_seq = seq;
	}
	return 0;
}

/* What a process before this one left behind. Ids go on from the last, even if the clock was set
 * back since. */
static int take_over(struct store *store, char *why, size_t why_size)
{
	const struct store_db *db = &store->db;
	const struct store_entry_terms terms = { store->host_id, SIMGATE_VERSION, store->token,
		store_now_ms(store), store->stale_ms, store->shared };
	int64_t err = db->backend->begin(db->conn, true);
	if (!err)
		err = store_host_enter(db, &terms, &store->presence.kept, why, why_size);
	if (!err)
		err = db->backend->exec(
			db->conn, STMT_CLAIMS_CLEAR, ARGS(TXT(store->host_id)), NULL, NULL);
	if (err >= 0 && !store->presence.kept)
		err = db->backend->exec(
			db->conn, STMT_PORTS_OFFLINE, ARGS(TXT(store->host_id)), NULL, NULL);
	if (err >= 0)
		err = db->backend->exec(db->conn, STMT_LAST_ID, NULL, 0, read_last_id, store);
	if (err >= 0)
		err = db->backend->commit(db->conn);
	if (err >= 0)
		return 0;
	db->backend->rollback(db->conn);
	return (int)err;
}

static int open_database(
	struct store *store, const struct store_config *config, char *why, size_t why_size)
{
	const struct backend_config how = { config->path, store_stmts, STMT_COUNT, config->password,
		config->loop };
	int err = store->db.backend->open(&how, &store->db.conn, why, why_size);
	if (!err)
		err = schema_upgrade(&store->db, config->path, why, why_size);
	if (err)
		return err;
	err = take_over(store, why, why_size);
	if (err && err != -EADDRINUSE)
		snprintf(why, why_size, "cannot write to %s: %s (%s)", config->path,
			store->db.backend->error(store->db.conn), strerror(-err));
	return err;
}

/* Signals are the loop's. */
static int start_thread(struct store *store)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int err = pthread_create(&store->thread, NULL, store_main, store);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	store->thread_up = !err;
	return -err;
}

static struct store *store_alloc(const struct store_config *config, const struct backend *backend)
{
	struct store *store = calloc(1, sizeof(*store));
	if (!store)
		return NULL;
	store->db.backend = backend;
	store->loop = config->loop;
	list_init(&store->queued);
	list_init(&store->completed);
	list_init(&store->refused);
	pthread_mutex_init(&store->lock, NULL);
	pthread_cond_init(&store->work, NULL);
	store->shared = config->shared;
	store->stale_ms = config->stale_ms ? config->stale_ms : STORE_STALE_MS;
	store_token_make(store->token);
	store->host_id = strdup(config->host_id);
	store->wake = loop_wake_new(config->loop, on_wake, store);
	if (store->host_id && store->wake)
		return store;
	store_close(store);
	return NULL;
}

int store_open_backend(const struct store_config *config, const struct backend *backend,
	struct store **out, char *why, size_t why_size)
{
	struct store *store = store_alloc(config, backend);
	if (!store) {
		snprintf(why, why_size, "cannot open %s: no memory", config->path);
		return -ENOMEM;
	}
	int err = open_database(store, config, why, why_size);
	if (!err) {
		err = start_thread(store);
		if (err)
			snprintf(why, why_size, "cannot start the store's thread: %s",
				strerror(-err));
	}
	if (err) {
		store_close(store);
		return err;
	}
	*out = store;
	return 0;
}

int store_open(const struct store_config *config, struct store **out, char *why, size_t why_size)
{
	const struct backend *backend = config->shared ? &store_postgres : &store_sqlite;
	return store_open_backend(config, backend, out, why, why_size);
}

/* Its name is free. */
static void leave(struct store *store)
{
	const struct store_db *db = &store->db;
	int64_t err = db->backend->begin(db->conn, true);

	if (!err)
		err = db->backend->exec(db->conn, STMT_HOST_LEAVE,
			ARGS(TXT(store->host_id), TXT(store->token)), NULL, NULL);
	if (err >= 0)
		err = db->backend->commit(db->conn);
	if (err < 0)
		db->backend->rollback(db->conn);
}

void store_close(struct store *store)
{
	if (!store)
		return;
	if (store->thread_up) {
		pthread_mutex_lock(&store->lock);
		store->stopping = true;
		pthread_cond_signal(&store->work);
		pthread_mutex_unlock(&store->lock);
		pthread_join(store->thread, NULL);
		if (store->shared && !store->presence.left)
			leave(store);
	}
	list_free(&store->completed);
	list_free(&store->refused);
	store->db.backend->close(store->db.conn);
	if (store->wake)
		loop_wake_free(store->wake);
	pthread_cond_destroy(&store->work);
	pthread_mutex_destroy(&store->lock);
	free(store->host_id);
	free(store);
}
