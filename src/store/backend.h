/* backend.h - what the store asks of a database: numbered statements, run in transactions.
 *
 * One connection, used by one thread at a time. SQL above this line is what SQLite and PostgreSQL
 * both know; parameters are ?1, ?2, ... Where they differ a statement has a variant.
 */
#ifndef SIMGATE_STORE_BACKEND_H
#define SIMGATE_STORE_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct backend_conn;

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
	const char *path;
	const struct backend_stmt *stmts;
	size_t stmt_count;
};

/* One row; what cols points to lives until it returns. Non-zero (negative errno) ends the query. */
typedef int backend_row_fn(void *arg, const struct backend_value *cols, size_t count);

/* Errors are negative errnos: -ENOSPC full, -EIO, -EBUSY another process has it, -EUCLEAN damaged,
 * -EINVAL constraint violated or statement wrong, -ENOMEM, -EROFS. */
struct backend {
	const char *name;

	/* Statements are prepared at their first use. why: one sentence, on failure. */
	int (*open)(const struct backend_config *config, struct backend_conn **out, char *why,
		size_t why_size);

	/* Takes NULL. */
	void (*close)(struct backend_conn *conn);

	int (*begin)(struct backend_conn *conn, bool write);

	/* 1: durable, 0: nothing had been written, or an error; rollback() is then the caller's. */
	int (*commit)(struct backend_conn *conn);

	/* What was deleted or overwritten by what is committed leaves the database's files, as far
	 * as they are this process' to write. */
	int (*scrub)(struct backend_conn *conn);

	/* Without a transaction it does nothing. */
	void (*rollback)(struct backend_conn *conn);

	/* Rows given to fn, or rows changed where the statement gives none back. fn may be NULL. */
	int64_t (*exec)(struct backend_conn *conn, int stmt, const struct backend_value *params,
		size_t count, backend_row_fn *fn, void *arg);

	/* Statements without parameters or rows, for the schema. */
	int (*script)(struct backend_conn *conn, const char *sql);

	/* What the database said about the last error. */
	const char *(*error)(struct backend_conn *conn);
};

extern const struct backend store_sqlite;

#endif
