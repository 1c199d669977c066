/* store_sqlite.c - the store's database as one SQLite file in WAL mode, held by one process. */
#include "store/backend.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { COLUMNS_MAX = 32, BATCH_MAX = 512 };

struct backend_conn {
	sqlite3 *db;
	int lock_fd;
	const struct backend_stmt *stmts;
	size_t stmt_count;
	sqlite3_stmt **prepared; /* by statement number, NULL before the first use */
	int64_t changes;         /* of the connection when the transaction began */
};

/* SQLite itself says FULL for a write that met ENOSPC, but IOERR for an fsync that did. */
static int error_of(sqlite3 *db, int code)
{
	int sys = sqlite3_system_errno(db);

	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE: return 0;
	case SQLITE_FULL: return -ENOSPC;
	case SQLITE_IOERR: return sys == ENOSPC || sys == EDQUOT ? -ENOSPC : -EIO;
	case SQLITE_NOMEM: return -ENOMEM;
	case SQLITE_BUSY:
	case SQLITE_LOCKED: return -EBUSY;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB: return -EUCLEAN;
	case SQLITE_READONLY: return -EROFS;
	case SQLITE_PERM:
	case SQLITE_AUTH: return -EACCES;
	case SQLITE_CANTOPEN: return sys ? -sys : -EIO;
	case SQLITE_INTERNAL:
	case SQLITE_PROTOCOL: return -EIO;
	}
	return -EINVAL;
}

static int run_script(struct backend_conn *conn, const char *sql)
{
	return error_of(conn->db, sqlite3_exec(conn->db, sql, NULL, NULL, NULL));
}

/* ---- opening -------------------------------------------------------------------------------- */

static int open_private(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0 && fchmod(fd, 0600) == 0)
		return fd;

	int err = errno;
	if (fd >= 0)
		close(fd);
	return -err;
}

static int take_lock(const char *path, int *out, char *why, size_t why_size)
{
	char name[4096];
	if ((size_t)snprintf(name, sizeof(name), "%s.lock", path) >= sizeof(name)) {
		snprintf(why, why_size, "the store's path is too long");
		return -ENAMETOOLONG;
	}

	int fd = open_private(name);
	if (fd < 0) {
		snprintf(why, why_size, "cannot open %s: %s%s", name, strerror(-fd),
			fd == -ENOENT ? "; make the folder state_dir, for simgated's user" : "");
		return fd;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		int err = errno;
		close(fd);
		if (err != EWOULDBLOCK) {
			snprintf(why, why_size, "cannot lock %s: %s", name, strerror(err));
			return -err;
		}
		snprintf(
			why, why_size, "%s is in use: another simgated runs with this store", path);
		return -EBUSY;
	}
	*out = fd;
	return 0;
}

/* The file is made here so that nobody else may ever read it; SQLite gives its -wal the same mode.
 * Closing an fd of the file drops the locks of SQLite: this comes before it. */
static int make_file(const char *path, char *why, size_t why_size)
{
	int fd = open_private(path);
	if (fd < 0) {
		snprintf(why, why_size, "cannot open %s: %s", path, strerror(-fd));
		return fd;
	}
	close(fd);
	return 0;
}

static int check_row(void *arg, int count, char **cols, char **names)
{
	(void)names;
	*(bool *)arg = count > 0 && cols[0] && strcmp(cols[0], "ok") == 0;
	return 0;
}

/* Exclusive locking keeps the index of the WAL in memory and other programs out. */
static int set_up(struct backend_conn *conn)
{
	int err = run_script(conn, "PRAGMA locking_mode = EXCLUSIVE;"
				   "PRAGMA trusted_schema = OFF;"
				   "PRAGMA temp_store = MEMORY;"
				   "PRAGMA journal_mode = WAL;"
				   "PRAGMA synchronous = FULL;"
				   "PRAGMA secure_delete = ON;"
				   "PRAGMA journal_size_limit = 16777216;");
	if (err)
		return err;

	bool sound = false;
	int code = sqlite3_exec(conn->db, "PRAGMA quick_check(1)", check_row, &sound, NULL);
	err = error_of(conn->db, code);
	return err || sound ? err : -EUCLEAN;
}

static void explain(int err, const char *path, sqlite3 *db, char *why, size_t why_size)
{
	if (err == -EUCLEAN)
		snprintf(why, why_size,
			"%s is damaged: restore a copy of it, or move it away and start again "
			"(texts still on the SIMs will be read again)",
			path);
	else if (err == -EBUSY)
		snprintf(why, why_size, "%s is in use by another program", path);
	else
		snprintf(why, why_size, "cannot use %s: %s (%s)", path,
			db ? sqlite3_errmsg(db) : "no memory", strerror(-err));
}

static void conn_close(struct backend_conn *conn)
{
	if (!conn)
		return;
	for (size_t i = 0; conn->prepared && i < conn->stmt_count; i++)
		sqlite3_finalize(conn->prepared[i]);
	free(conn->prepared);
	sqlite3_close(conn->db);
	if (conn->lock_fd >= 0)
		close(conn->lock_fd);
	free(conn);
}

static int conn_open_file(struct backend_conn *conn, const char *path, char *why, size_t why_size)
{
	int err = take_lock(path, &conn->lock_fd, why, why_size);
	if (!err)
		err = make_file(path, why, why_size);
	if (err)
		return err;

	int code = sqlite3_open_v2(path, &conn->db,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
	err = error_of(conn->db, code);
	if (!err)
		err = set_up(conn);
	if (err)
		explain(err, path, conn->db, why, why_size);
	return err;
}

static int conn_open(
	const struct backend_config *config, struct backend_conn **out, char *why, size_t why_size)
{
	struct backend_conn *conn = calloc(1, sizeof(*conn));
	sqlite3_stmt **prepared = calloc(config->stmt_count, sizeof(sqlite3_stmt *));
	if (!conn || !prepared) {
		free(conn);
		free(prepared);
		snprintf(why, why_size, "cannot open %s: no memory", config->path);
		return -ENOMEM;
	}
	conn->lock_fd = -1;
	conn->stmts = config->stmts;
	conn->stmt_count = config->stmt_count;
	conn->prepared = prepared;

	int err = conn_open_file(conn, config->path, why, why_size);
	if (err) {
		conn_close(conn);
		return err;
	}
	*out = conn;
	return 0;
}

/* ---- statements ----------------------------------------------------------------------------- */

static int conn_begin(struct backend_conn *conn, bool write)
{
	conn->changes = sqlite3_total_changes64(conn->db);
	return run_script(conn, write ? "BEGIN IMMEDIATE" : "BEGIN DEFERRED");
}

static int conn_commit(struct backend_conn *conn)
{
	int err = run_script(conn, "COMMIT");
	return err ? err : sqlite3_total_changes64(conn->db) != conn->changes;
}

/* The WAL holds pages as they were before. */
static int conn_scrub(struct backend_conn *conn)
{
	return run_script(conn, "PRAGMA wal_checkpoint(TRUNCATE)");
}

/* Some errors have rolled back by themselves. */
static void conn_rollback(struct backend_conn *conn)
{
	if (!sqlite3_get_autocommit(conn->db))
		run_script(conn, "ROLLBACK");
}

static int stmt_get(struct backend_conn *conn, int id, sqlite3_stmt **out)
{
	if (id < 0 || (size_t)id >= conn->stmt_count)
		return -EINVAL;
	if (!conn->prepared[id]) {
		const struct backend_stmt *row = &conn->stmts[id];
		int code = sqlite3_prepare_v3(conn->db, row->sqlite ? row->sqlite : row->sql, -1,
			SQLITE_PREPARE_PERSISTENT, &conn->prepared[id], NULL);
		if (code != SQLITE_OK)
			return error_of(conn->db, code);
	}
	*out = conn->prepared[id];
	return 0;
}

static int stmt_bind(sqlite3_stmt *stmt, const struct backend_value *params, size_t count)
{
	int code = SQLITE_OK;

	if ((size_t)sqlite3_bind_parameter_count(stmt) != count)
		return SQLITE_RANGE;
	for (size_t i = 0; i < count && code == SQLITE_OK; i++) {
		switch (params[i].type) {
		case BACKEND_INT: code = sqlite3_bind_int64(stmt, (int)i + 1, params[i].num); break;
		case BACKEND_TEXT:
			code = sqlite3_bind_text(
				stmt, (int)i + 1, params[i].text, -1, SQLITE_STATIC);
			break;
		}
	}
	return code;
}

static int row_give(sqlite3_stmt *stmt, size_t count, backend_row_fn *fn, void *arg)
{
	struct backend_value cols[COLUMNS_MAX];

	for (size_t i = 0; i < count; i++) {
		const char *text = (const char *)sqlite3_column_text(stmt, (int)i);
		bool is_text = sqlite3_column_type(stmt, (int)i) == SQLITE_TEXT;
		if (is_text && !text)
			return -ENOMEM;
		cols[i].type = is_text ? BACKEND_TEXT : BACKEND_INT;
		cols[i].num = is_text ? 0 : sqlite3_column_int64(stmt, (int)i);
		cols[i].text = is_text ? text : "";
	}
	return fn(arg, cols, count);
}

static int64_t stmt_step(
	struct backend_conn *conn, sqlite3_stmt *stmt, backend_row_fn *fn, void *arg)
{
	size_t count = (size_t)sqlite3_column_count(stmt);
	int64_t rows = 0;
	int code;

	if (count > COLUMNS_MAX)
		return -EINVAL;
	while ((code = sqlite3_step(stmt)) == SQLITE_ROW) {
		int err = fn ? row_give(stmt, count, fn, arg) : 0;
		if (err)
			return err;
		rows++;
	}
	if (code != SQLITE_DONE)
		return error_of(conn->db, code);
	return count ? rows : sqlite3_changes64(conn->db);
}

static int64_t conn_exec(struct backend_conn *conn, int id, const struct backend_value *params,
	size_t count, backend_row_fn *fn, void *arg)
{
	sqlite3_stmt *stmt = NULL;
	int err = stmt_get(conn, id, &stmt);
	if (err)
		return err;

	int code = stmt_bind(stmt, params, count);
	int64_t n = code == SQLITE_OK ? stmt_step(conn, stmt, fn, arg) : error_of(conn->db, code);
	sqlite3_reset(stmt);
	sqlite3_clear_bindings(stmt);
	return n;
}

static int conn_send(
	struct backend_conn *conn, int id, const struct backend_value *params, size_t count)
{
	int64_t n = conn_exec(conn, id, params, count, NULL, NULL);
	return n < 0 ? (int)n : 0;
}

/* One host has the file. */
static int64_t conn_now(struct backend_conn *conn)
{
	(void)conn;
	return 0;
}

static int conn_script(struct backend_conn *conn, const char *sql, const char *sqlite)
{
	return run_script(conn, sqlite ? sqlite : sql);
}

static const char *conn_error(struct backend_conn *conn)
{
	return sqlite3_errmsg(conn->db);
}

const struct backend store_sqlite = {
	.name = "sqlite",
	.batch_max = BATCH_MAX,
	.open = conn_open,
	.close = conn_close,
	.begin = conn_begin,
	.commit = conn_commit,
	.scrub = conn_scrub,
	.rollback = conn_rollback,
	.exec = conn_exec,
	.send = conn_send,
	.now_ms = conn_now,
	.script = conn_script,
	.error = conn_error,
};
