/* store_postgres_impl.h - inside the PostgreSQL backend: the link to the server and what is under
 * way on it. */
#ifndef SIMGATE_STORE_POSTGRES_IMPL_H
#define SIMGATE_STORE_POSTGRES_IMPL_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include "store/backend.h"

enum {
	LINK_ANSWER_MS = 4000,    /* silence that ends a connection; the server gives up before */
	LINK_SCRIPT_MS = 600000,  /* the same while tables are made */
	LINK_PENDING_MAX = 128,   /* answers, syncs included, that were not read */
	LINK_HEAD = 128,          /* bytes of a statement beside its words, at most */
	LINK_UNSYNCED_MAX = 6000, /* libpq sends 8192 bytes of its own accord */
};

/* What an answer that is still to come belongs to. */
enum link_kind { LINK_STMT, LINK_PREPARE, LINK_TURN, LINK_PLAIN, LINK_SYNC };

struct backend_conn {
	char *url, *password;
	const struct loop *loop;
	_Atomic int64_t *heard_us; /* see struct backend_config */
	const struct backend_stmt *stmts;
	size_t stmt_count;

	PGconn *pg;     /* NULL: no connection */
	bool *prepared; /* by statement number, on this connection */
	struct {
		enum link_kind kind;
		int stmt;
	} pending[LINK_PENDING_MAX];
	size_t first, count; /* of pending, a ring */
	size_t unsynced;     /* bytes of statements since the last sync; 0: none */

	bool in_transaction, write;
	int failed;      /* what ended the transaction; until it is rolled back */
	int64_t changes; /* rows written in it */
	int64_t now_ms;  /* the server's clock when it began, 0: not known yet */
	int64_t turn_us; /* when the answer came that it is its turn to write, 0: not yet */
	char xid[24];

	int64_t retry_us, pause_ms; /* no try to connect before; 0 none */
	char error[512];
};

/* ---- the link: 0 or a negative errno, with words in conn->error ------------------------------ */

/* Connects if there is no connection, or a dead one; -EAGAIN at once while it pauses. */
int link_ready(struct backend_conn *conn);

/* The connection is of no use any more; pause: nor would another be. Returns -EAGAIN. */
int link_lost(struct backend_conn *conn, const char *why, bool pause);

void link_close(struct backend_conn *conn);

/* Sends what is queued and reads what comes, until the connection has an answer. */
int link_result(struct backend_conn *conn, int silence_ms, PGresult **out);

/* Keeps the words of a result that failed, and says which errno that is. */
int link_error(struct backend_conn *conn, const PGresult *result);

/* Why the URL cannot be used; NULL: it can. Freed by the caller. */
char *link_url_fault(const char *url);

/* ---- statements ------------------------------------------------------------------------------ */

/* ?1 becomes $1; in scripts TEXT compares byte by byte, as SQLite does. NULL: no memory. */
char *stmt_translate(const char *sql, bool script);

/* Sends SQL that is not of the table, with one parameter or none. */
int stmt_plain(struct backend_conn *conn, enum link_kind kind, const char *sql, const char *param);

/* Reads all answers; last: the newest, for the caller to clear. Returns what failed, if anything.
 */
int stmt_answers(struct backend_conn *conn, PGresult **last);

/* See struct backend. */
int stmt_send(struct backend_conn *conn, int id, const struct backend_value *values, size_t count);
int64_t stmt_exec(struct backend_conn *conn, int id, const struct backend_value *params,
	size_t count, backend_row_fn *fn, void *arg);

#endif
