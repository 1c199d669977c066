/* store_postgres.c - the store's database on a PostgreSQL server, which several hosts share.
 *
 * Writers take turns: a transaction that writes first takes one advisory lock for its length, as
 * SQLite's BEGIN IMMEDIATE does. Every verb therefore finds the rows as it leaves them and needs no
 * locks, retries or ON CONFLICT of its own, whichever engine it runs on; group commit makes a turn
 * worth many texts. Each statement reads what was committed before it began (READ COMMITTED), so
 * nothing is seen as it was before the turn. A holder that freezes loses its turn after 2 s: the
 * server ends sessions that are silent within a transaction. Readers take no lock; they see one
 * moment.
 *
 * Statements are sent ahead in a pipeline: the program waits where it needs an answer, and at the
 * commit. libpq's calls do not block here; whatever waits has an end.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/loop.h"
#include "store/store_postgres_impl.h"

enum {
	BATCH_MAX = 64, /* jobs: others wait for their turn meanwhile */
	TURN_MS = 200,  /* a job waits for several answers, and the server may be far away */
	DOUBT_MS = 2000,
	DOUBT_TRIES = 10,
	DOUBT_PAUSE_MS = 200,
};

/* Of the writers of one database: "simgate1" as a number. Its columns are read left to right: the
 * clock is that of the turn. */
#define WRITERS "8316298477700408625"
static const char turn[] = "SELECT pg_advisory_xact_lock(" WRITERS "), pg_current_xact_id()::text,"
			   " floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint";
/* Waits until the session that had the turn has come to its end. */
static const char doubt[] = "SELECT pg_advisory_xact_lock(" WRITERS "), pg_xact_status($1::xid8)";

/* ---- transactions --------------------------------------------------------------------------- */

static int conn_begin(struct backend_conn *conn, bool write)
{
	int err = link_ready(conn);
	if (err)
		return err;
	conn->in_transaction = true;
	conn->write = write;
	conn->failed = 0;
	conn->changes = conn->now_ms = conn->turn_us = 0;
	conn->xid[0] = '\0';
	if (!write)
		return stmt_plain(
			conn, LINK_PLAIN, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", NULL);
	err = stmt_plain(conn, LINK_PLAIN, "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE", NULL);
	return err ? err : stmt_plain(conn, LINK_TURN, turn, NULL);
}

/* Its vacuum overwrites what was freed, in its own time. */
static int conn_scrub(struct backend_conn *conn)
{
	(void)conn;
	return 0;
}

/* The end of the connection is the transaction's too. */
static void conn_rollback(struct backend_conn *conn)
{
	if (!conn->in_transaction)
		return;
	if (conn->pg && !stmt_plain(conn, LINK_PLAIN, "ROLLBACK", NULL))
		stmt_answers(conn, NULL);
	conn->in_transaction = false;
	conn->failed = 0;
}

static int64_t conn_now(struct backend_conn *conn)
{
	if (!conn->now_ms)
		stmt_answers(conn, NULL);
	return conn->now_ms;
}

static bool conn_is_due(struct backend_conn *conn)
{
	return conn->turn_us && loop_fresh_us(conn->loop) - conn->turn_us > INT64_C(1000) * TURN_MS;
}

/* 1: it was made, -EDEADLK: it was not, -EAGAIN: still nobody knows. */
static int fate(struct backend_conn *conn, const char *xid)
{
	PGresult *result = NULL;
	int err = -EAGAIN;

	conn->failed = 0;
	if (!stmt_plain(conn, LINK_PLAIN, doubt, xid) && !stmt_answers(conn, &result) &&
		PQntuples(result) == 1) {
		const char *status = PQgetvalue(result, 0, 1);
		if (strcmp(status, "committed") == 0)
			err = 1;
		else if (strcmp(status, "aborted") == 0)
			err = -EDEADLK;
	}
	PQclear(result);
	return err;
}

/* The connection broke before the server said whether it was made: another one asks. */
static int commit_doubtful(struct backend_conn *conn)
{
	char words[sizeof conn->error], xid[sizeof conn->xid];
	int64_t end_us = loop_fresh_us(conn->loop) + INT64_C(1000) * DOUBT_MS;
	int err = -EAGAIN;

	memcpy(words, conn->error, sizeof words);
	memcpy(xid, conn->xid, sizeof xid);
	for (int i = 0; i < DOUBT_TRIES && !conn->pg; i++) {
		if (i && loop_fresh_us(conn->loop) > end_us)
			break;
		if (i)
			poll(NULL, 0, DOUBT_PAUSE_MS);
		conn->retry_us = 0;
		if (link_ready(conn) == 0)
			err = fate(conn, xid);
	}
	memcpy(conn->error, words, sizeof words);
	return err;
}

/* Errors of what was sent ahead come to light here: the server then rolls back. */
static int conn_commit(struct backend_conn *conn)
{
	PGresult *result = NULL;

	int err = conn->write && !*conn->xid ? stmt_answers(conn, NULL) : conn->failed;
	if (!err)
		err = stmt_plain(conn, LINK_PLAIN, "COMMIT", NULL);
	if (err)
		return err;
	err = stmt_answers(conn, &result);
	conn->in_transaction = false;
	if (!err && strcmp(PQcmdStatus(result), "COMMIT") != 0)
		err = -EIO;
	PQclear(result);
	if (!err)
		return conn->changes > 0;
	return !conn->pg && conn->write ? commit_doubtful(conn) : err;
}

/* ---- scripts and opening -------------------------------------------------------------------- */

static int script_run(struct backend_conn *conn, const char *sql)
{
	PGresult *result = NULL;
	int err = 0;

	if (!PQexitPipelineMode(conn->pg) || !PQsendQuery(conn->pg, sql))
		return link_lost(conn, PQerrorMessage(conn->pg), false);
	do {
		PQclear(result);
		int lost = link_result(conn, LINK_SCRIPT_MS, &result);
		if (lost)
			return lost;
		if (result && PQresultStatus(result) == PGRES_FATAL_ERROR && !err)
			err = link_error(conn, result);
	} while (result);
	if (!PQenterPipelineMode(conn->pg))
		return link_lost(conn, PQerrorMessage(conn->pg), false);
	conn->changes++;
	return err;
}

static int conn_script(struct backend_conn *conn, const char *sql, const char *sqlite)
{
	static const char patience[] = "SET LOCAL statement_timeout = 0;";

	(void)sqlite;
	int err = stmt_answers(conn, NULL);
	if (err)
		return err;
	char *own = stmt_translate(sql, true);
	char *whole = own ? malloc(sizeof patience + strlen(own)) : NULL;
	if (whole)
		strcpy(stpcpy(whole, patience), own);
	conn->failed = whole ? script_run(conn, whole) : -ENOMEM;
	free(own);
	free(whole);
	return conn->failed;
}

static const char *conn_error(struct backend_conn *conn)
{
	return conn->error;
}

static void conn_close(struct backend_conn *conn)
{
	if (!conn)
		return;
	if (conn->prepared)
		link_close(conn);
	free(conn->prepared);
	free(conn->url);
	if (conn->password)
		explicit_bzero(conn->password, strlen(conn->password));
	free(conn->password);
	free(conn);
}

static struct backend_conn *conn_new(const struct backend_config *config)
{
	struct backend_conn *conn = calloc(1, sizeof *conn);
	if (!conn)
		return NULL;
	conn->loop = config->loop;
	conn->heard_us = config->heard_us;
	conn->stmts = config->stmts;
	conn->stmt_count = config->stmt_count;
	conn->prepared = calloc(config->stmt_count, sizeof *conn->prepared);
	conn->url = strdup(config->path);
	conn->password = config->password ? strdup(config->password) : NULL;
	if (conn->prepared && conn->url && (conn->password || !config->password))
		return conn;
	conn_close(conn);
	return NULL;
}

static int conn_open(
	const struct backend_config *config, struct backend_conn **out, char *why, size_t why_size)
{
	char *fault = link_url_fault(config->path);
	if (fault) {
		snprintf(why, why_size, "store: this URL cannot be used: %s", fault);
		free(fault);
		return -EINVAL;
	}
	struct backend_conn *conn = conn_new(config);
	if (!conn) {
		snprintf(why, why_size, "cannot open %s: no memory", config->path);
		return -ENOMEM;
	}
	int err = link_ready(conn);
	if (err) {
		snprintf(why, why_size, "cannot use %s: %s", config->path, conn->error);
		conn_close(conn);
		return err;
	}
	*out = conn;
	return 0;
}

const struct backend store_postgres = {
	.name = "postgresql",
	.batch_max = BATCH_MAX,
	.open = conn_open,
	.close = conn_close,
	.begin = conn_begin,
	.commit = conn_commit,
	.scrub = conn_scrub,
	.rollback = conn_rollback,
	.exec = stmt_exec,
	.send = stmt_send,
	.now_ms = conn_now,
	.is_due = conn_is_due,
	.script = conn_script,
	.error = conn_error,
};
