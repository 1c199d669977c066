/* backend.h - what the store asks of a database: numbered statements, run in transactions.
 *
 * One connection, used by one thread at a time. SQL above this line is what SQLite and PostgreSQL
 * both know (see store_sql.c); parameters are ?1, ?2, ... Where they differ a statement has a
 * variant. A transaction that writes is the only one of its kind from begin() to its end, whoever
 * else has the database open: what it has read is so until then.
 */
#ifndef SIMGATE_STORE_BACKEND_H
#define SIMGATE_STORE_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct backend_conn;
struct loop;

enum backend_type { BACKEND_INT, BACKEND_TEXT };

/* A parameter (text NULL: SQL's NULL) or a column (NULL comes as 0 and ""; text is never NULL). */
struct backend_value {
	enum backend_type type;
	int64_t num;
	const char *text;
};

struct backend_stmt {
	const char *name; /* for messages */
	const char *sql;
	const char *sqlite; /* instead of sql there; NULL: the same */
};

struct backend_config {
	const char *path; /* the file, or the URL */
	const struct backend_stmt *stmts;
	size_t stmt_count;
	const char *password;    /* NULL: none */
	const struct loop *loop; /* whose clock measures pauses */
	_Atomic int64_t
		*heard_us; /* is told when a server says something, by that clock; or NULL */
};

/* One row; what cols points to lives until it returns. Non-zero (negative errno) ends the query. */
typedef int backend_row_fn(void *arg, const struct backend_value *cols, size_t count);

/* Errors are negative errnos: -ENOSPC full, -EIO, -EBUSY another process has it, -EUCLEAN damaged,
 * -EINVAL constraint violated or statement wrong, -ENOMEM, -EROFS, -EACCES not allowed, -EAGAIN the
 * server cannot be reached or is too slow: later, -EDEADLK the same transaction may succeed now. */
struct backend {
	const char *name;
	size_t batch_max; /* jobs that one transaction may hold */

	/* Statements are prepared at their first use. why: one sentence, on failure. */
	int (*open)(const struct backend_config *config, struct backend_conn **out, char *why,
		size_t why_size);

	/* Takes NULL. */
	void (*close)(struct backend_conn *conn);

	int (*begin)(struct backend_conn *conn, bool write);

	/* 1: durable, 0: nothing had been written, or an error; rollback() is then the caller's. An
	 * error of -EAGAIN leaves open whether it was made. */
	int (*commit)(struct backend_conn *conn);

	/* What was deleted or overwritten by what is committed leaves the database's files, as far
	 * as they are this process' to write. */
	int (*scrub)(struct backend_conn *conn);

	/* Without a transaction it does nothing. */
	void (*rollback)(struct backend_conn *conn);

	/* Rows given to fn, or rows changed where the statement gives none back. fn may be NULL. */
	int64_t (*exec)(struct backend_conn *conn, int stmt, const struct backend_value *params,
		size_t count, backend_row_fn *fn, void *arg);

	/* exec() whose answer nobody waits for; what is wrong with it may show at a later call. */
	int (*send)(struct backend_conn *conn, int stmt, const struct backend_value *params,
		size_t count);

	/* The database's clock when this transaction began to write, Unix milliseconds. 0: it has
	 * none but the caller's, or an error that the next call tells. */
	int64_t (*now_ms)(struct backend_conn *conn);

	/* Whether the transaction has lasted so long that no other job should join it: others
	 * wait for its end. NULL: it never has. */
	bool (*is_due)(struct backend_conn *conn);

	/* Statements without parameters or rows, for the schema. sqlite: instead of sql there;
	 * NULL: the same. */
	int (*script)(struct backend_conn *conn, const char *sql, const char *sqlite);

	/* What the database said about the last error. */
	const char *(*error)(struct backend_conn *conn);
};

extern const struct backend store_sqlite, store_postgres;

#endif
