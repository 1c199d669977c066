/* store_open.c - a store begins and ends. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "store/store_own.h"

enum { CLOSE_S = 8 }; /* for the thread of a store whose server may be away */

static int read_last_id(void *arg, const struct backend_value *cols, size_t count)
{
	struct store *store = arg;
	unsigned high, low, seq;

	(void)count;
	/* The widths bound what is read. NOLINTNEXTLINE(cert-err34-c) */
	if (sscanf(cols[0].text, "%8x-%4x-7%3x-", &high, &low, &seq) == 3) {
		store->last_id_ms = (uint64_t)high << 16 | low;
		store->last_id_seq = seq;
	}
	return 0;
}

static int read_waiting(void *arg, const struct backend_value *cols, size_t count)
{
	struct store *store = arg;

	(void)count;
	store->waiting = cols[0].num;
	store->oldest_ms = cols[1].num;
	return 0;
}

/* What a process before this one left behind. Ids go on from the last, even if the clock was set
 * back since. */
static int take_over(struct store *store, char *why, size_t why_size)
{
	const struct store_db *db = &store->db;
	const struct store_entry_terms terms = { store->host_id, SIMGATE_VERSION, store->token,
		store->began_ms, store->stale_ms, store->shared, store->instance };
	int64_t err = db->backend->begin(db->conn, true);
	if (!err)
		err = store_host_enter(db, &terms, &store->entered, why, why_size);
	if (!err)
		err = db->backend->exec(
			db->conn, STMT_CLAIMS_CLEAR, ARGS(TXT(store->host_id)), NULL, NULL);
	if (err >= 0 && !store->entered.kept)
		err = db->backend->exec(
			db->conn, STMT_PORTS_OFFLINE, ARGS(TXT(store->host_id)), NULL, NULL);
	if (err >= 0)
		err = db->backend->exec(db->conn, STMT_LAST_ID, NULL, 0, read_last_id, store);
	if (err >= 0)
		err = db->backend->exec(db->conn, STMT_WAITING, NULL, 0, read_waiting, store);
	if (err >= 0)
		err = db->backend->commit(db->conn);
	if (err >= 0)
		return 0;
	db->backend->rollback(db->conn);
	return (int)err;
}

int store_open_database(struct store *store, char *why, size_t why_size)
{
	const char *path = store->how.path;
	int err = store->db.backend->open(&store->how, &store->db.conn, why, why_size);
	if (!err)
		err = schema_upgrade(&store->db, path, why, why_size);
	if (err)
		return err;
	why[0] = '\0';
	err = take_over(store, why, why_size);
	if (err && !*why)
		snprintf(why, why_size, "cannot write to %s: %s (%s)", path,
			store->db.backend->error(store->db.conn), strerror(-err));
	return err;
}

/* ---- opening and closing -------------------------------------------------------------------- */

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

static void store_free(struct store *store)
{
	char *password = (char *)store->how.password;

	list_free(&store->completed);
	list_free(&store->refused);
	store->db.backend->close(store->db.conn);
	pthread_cond_destroy(&store->work);
	pthread_cond_destroy(&store->ended);
	pthread_mutex_destroy(&store->lock);
	if (password)
		explicit_bzero(password, strlen(password));
	free(password);
	free((char *)store->how.path);
	free(store->host_id);
	free(store->instance);
	free(store);
}

static struct store *store_alloc(const struct store_config *config, const struct backend *backend)
{
	struct store *store = calloc(1, sizeof(*store));
	if (!store)
		return NULL;
	store->db.backend = backend;
	store->loop = config->loop;
	store->began_ms = store_now_ms(store);
	list_init(&store->queued);
	list_init(&store->moves);
	list_init(&store->completed);
	list_init(&store->refused);
	pthread_mutex_init(&store->lock, NULL);
	pthread_cond_init(&store->work, NULL);
	pthread_cond_init(&store->ended, NULL);
	store->shared = config->shared;
	store->stale_ms = config->stale_ms ? config->stale_ms : STORE_STALE_MS;
	store_token_make(store->token);
	store->in_order = config->journal != NULL;
	store->host_id = strdup(config->host_id);
	store->how = (struct backend_config) { strdup(config->path), store_stmts, STMT_COUNT,
		config->password ? strdup(config->password) : NULL, config->loop,
		&store->heard_us };
	store->wake = loop_wake_new(config->loop, store_on_wake, store);
	if (store->host_id && store->wake && store->how.path &&
		(store->how.password || !config->password))
		return store;
	store_close(store);
	return NULL;
}

static int load_instance(struct store *store, const char *journal, char *why, size_t why_size)
{
	store->instance = calloc(1, sizeof(*store->instance));
	int err = store->instance ? instance_load(store->instance, journal) : -ENOMEM;
	if (err)
		snprintf(why, why_size, "cannot read %s.key: %s", journal, strerror(-err));
	return err;
}

/* With a journal the thread opens the database: a server may take its time. */
static int open_engine(
	struct store *store, const struct store_config *config, char *why, size_t why_size)
{
	int err = config->journal ? load_instance(store, config->journal, why, why_size)
				  : store_open_database(store, why, why_size);
	if (err)
		return err;
	store_adopt_opening(store);
	err = start_thread(store);
	if (err)
		snprintf(why, why_size, "cannot start the store's thread: %s", strerror(-err));
	else if (config->journal)
		err = journal_open(store, config, &store->journal, why, why_size);
	return err;
}

int store_open_backend(const struct store_config *config, const struct backend *backend,
	struct store **out, char *why, size_t why_size)
{
	struct store *store = store_alloc(config, backend);
	if (!store) {
		snprintf(why, why_size, "cannot open %s: no memory", config->path);
		return -ENOMEM;
	}
	int err = open_engine(store, config, why, why_size);
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

/* A thread that waits for a server in a call that has no end is left behind, with what it uses:
 * the process ends soon. */
static bool thread_ended(struct store *store)
{
	struct timespec end;

	pthread_mutex_lock(&store->lock);
	store->stopping = true;
	pthread_cond_signal(&store->work);
	pthread_mutex_unlock(&store->lock);
	if (!store->journal)
		return pthread_join(store->thread, NULL) == 0;
	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += CLOSE_S;
	if (pthread_clockjoin_np(store->thread, NULL, CLOCK_MONOTONIC, &end) == 0)
		return true;
	pthread_detach(store->thread);
	log_warning(LOGC_STORE, NULL, NULL, NULL, "the store's thread still waits for its server");
	return false;
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
	struct store_server server = { .up = true };

	if (!store)
		return;
	bool ended = !store->thread_up || thread_ended(store);
	store_server(store, &server);
	journal_close(store->journal);
	if (!ended)
		return;
	if (store->db.conn && store->thread_up && server.up && store->shared &&
		!store->presence.left)
		leave(store);
	if (store->wake)
		loop_wake_free(store->wake);
	store_free(store);
}
