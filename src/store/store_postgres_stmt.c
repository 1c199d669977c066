/* store_postgres_stmt.c - statements on their way to the PostgreSQL server, and their answers. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/loop.h"
#include "base/utf8.h"
#include "store/store_postgres_impl.h"

enum {
	COLUMNS_MAX = 32,
	PARAMS_MAX = 32,
	OID_BOOL = 16,
	OID_INT8 = 20,
	OID_INT2 = 21,
	OID_INT4 = 23,
	OID_TEXT = 25,
	OID_NUMERIC = 1700,
};

/* ---- SQL ------------------------------------------------------------------------------------ */

char *stmt_translate(const char *sql, bool script)
{
	static const char text[] = "TEXT", bytes[] = "TEXT COLLATE \"C\"";
	char *out = malloc(strlen(sql) * 4 + sizeof bytes), *to = out;
	bool quoted = false, word = false;

	for (; out && *sql; sql++) {
		bool letter = (*sql >= 'A' && *sql <= 'Z') || *sql == '_';
		if (*sql == '\'')
			quoted = !quoted;
		if (script && !quoted && !word && strncmp(sql, text, 4) == 0 &&
			(sql[4] == ' ' || sql[4] == ',' || sql[4] == ')' || sql[4] == ';')) {
			to = stpcpy(to, bytes);
			sql += 3;
		} else {
			*to++ = !quoted && *sql == '?' ? '$' : *sql;
		}
		word = letter;
	}
	if (out)
		*to = '\0';
	return out;
}

/* A copy in which each byte that is no UTF-8 is U+FFFD: the server takes no other. */
static char *clean(const char *text)
{
	size_t len = strlen(text);
	char *out = malloc(len * 3 + 1), *to = out;

	for (size_t i = 0; out && i < len;) {
		size_t step = utf8_step(text + i, len - i);
		to = mempcpy(to, step ? text + i : "\xef\xbf\xbd", step ? step : 3);
		i += step ? step : 1;
	}
	if (out)
		*to = '\0';
	return out;
}

struct params {
	const char *values[PARAMS_MAX];
	Oid types[PARAMS_MAX];
	char digits[PARAMS_MAX][24];
	char *copies[PARAMS_MAX];
};

static void params_done(struct params *params, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(params->copies[i]);
}

static int param_set(struct params *params, size_t i, const struct backend_value *value)
{
	params->copies[i] = NULL;
	switch (value->type) {
	case BACKEND_INT:
		snprintf(
			params->digits[i], sizeof params->digits[i], "%lld", (long long)value->num);
		params->values[i] = params->digits[i];
		params->types[i] = OID_INT8;
		break;
	case BACKEND_TEXT:
		params->values[i] = value->text;
		params->types[i] = OID_TEXT;
		if (!value->text || utf8_valid(value->text, strlen(value->text)))
			break;
		params->values[i] = params->copies[i] = clean(value->text);
		return params->copies[i] ? 0 : -ENOMEM;
	}
	return 0;
}

/* ---- answers -------------------------------------------------------------------------------- */

/* NULL comes as 0 and "". */
static struct backend_value column(const PGresult *result, int row, int col)
{
	const char *text = PQgetvalue(result, row, col);

	switch (PQftype(result, col)) {
	case OID_INT2:
	case OID_INT4:
	case OID_INT8:
	case OID_NUMERIC:
		return (struct backend_value) { BACKEND_INT, strtoll(text, NULL, 10), "" };
	case OID_BOOL: return (struct backend_value) { BACKEND_INT, *text == 't', "" };
	}
	return (struct backend_value) { BACKEND_TEXT, 0, text };
}

static int64_t rows_give(const PGresult *result, backend_row_fn *fn, void *arg)
{
	struct backend_value cols[COLUMNS_MAX];
	int count = PQnfields(result), rows = PQntuples(result);

	if (count > COLUMNS_MAX)
		return -EINVAL;
	for (int row = 0; fn && row < rows; row++) {
		for (int col = 0; col < count; col++)
			cols[col] = column(result, row, col);
		int err = fn(arg, cols, (size_t)count);
		if (err)
			return err;
	}
	return rows;
}

/* Rows that a statement inserted, changed or took away. */
static int64_t rows_written(PGresult *result)
{
	return strncmp(PQcmdStatus(result), "SELECT", 6) == 0
		       ? 0
		       : strtoll(PQcmdTuples(result), NULL, 10);
}

static void expect(struct backend_conn *conn, enum link_kind kind, int stmt)
{
	size_t end = (conn->first + conn->count++) % LINK_PENDING_MAX;

	conn->pending[end].kind = kind;
	conn->pending[end].stmt = stmt;
}

static void note_turn(struct backend_conn *conn, const PGresult *result)
{
	snprintf(conn->xid, sizeof conn->xid, "%s", PQgetvalue(result, 0, 1));
	conn->now_ms = column(result, 0, 2).num;
	conn->turn_us = loop_fresh_us(conn->loop);
}

/* What an answer means for the transaction: its first error is what failed. */
static void answer_note(struct backend_conn *conn, enum link_kind kind, int stmt, PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);

	if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) {
		conn->changes += rows_written(result);
		if (kind == LINK_TURN)
			note_turn(conn, result);
		return;
	}
	if (status == PGRES_PIPELINE_SYNC)
		return;
	if (kind == LINK_PREPARE)
		conn->prepared[stmt] = false;
	if (!conn->failed)
		conn->failed = link_error(conn, result);
}

/* A statement's results end with NULL; a sync is one result. */
static int answer_read(struct backend_conn *conn, enum link_kind kind, PGresult **out)
{
	PGresult *result = NULL, *end = NULL;

	int err = link_result(conn, LINK_ANSWER_MS, &result);
	if (!err && (!result || PQstatus(conn->pg) == CONNECTION_BAD))
		err = link_lost(conn, PQerrorMessage(conn->pg), false);
	if (!err && kind != LINK_SYNC)
		err = link_result(conn, LINK_ANSWER_MS, &end);
	PQclear(end);
	if (err)
		PQclear(result);
	else
		*out = result;
	return err;
}

/* The server answers when it comes to a sync, and from then on minds how long the next statement
 * lets it wait. What follows a statement that failed it leaves out, up to there. */
static int sync_put(struct backend_conn *conn)
{
	if (!conn->unsynced)
		return 0;
	conn->unsynced = 0;
	if (!PQpipelineSync(conn->pg)) {
		conn->failed = link_lost(conn, PQerrorMessage(conn->pg), false);
		return conn->failed;
	}
	expect(conn, LINK_SYNC, 0);
	return 0;
}

int stmt_answers(struct backend_conn *conn, PGresult **last)
{
	PGresult *result = NULL;

	int lost = sync_put(conn);
	if (lost)
		return lost;
	while (conn->count) {
		enum link_kind kind = conn->pending[conn->first].kind;
		int err = answer_read(conn, kind, &result);
		if (err) {
			conn->failed = err;
			return err;
		}
		answer_note(conn, kind, conn->pending[conn->first].stmt, result);
		conn->first = (conn->first + 1) % LINK_PENDING_MAX;
		conn->count--;
		if (last && kind != LINK_SYNC) {
			PQclear(*last);
			*last = result;
		} else {
			PQclear(result);
		}
	}
	return conn->failed;
}

/* ---- sending -------------------------------------------------------------------------------- */

static int sent(struct backend_conn *conn, bool well, size_t bytes, enum link_kind kind, int stmt)
{
	if (!well) {
		conn->failed = link_lost(conn, PQerrorMessage(conn->pg), false);
		return conn->failed;
	}
	conn->unsynced += bytes;
	expect(conn, kind, stmt);
	return 0;
}

/* libpq keeps what it is given up to a sync, and no more than LINK_UNSYNCED_MAX bytes of it: so
 * this process cannot freeze while the server has statements without their sync. */
static int room_for(struct backend_conn *conn, size_t bytes)
{
	return conn->unsynced && conn->unsynced + bytes > LINK_UNSYNCED_MAX ? sync_put(conn) : 0;
}

int stmt_plain(struct backend_conn *conn, enum link_kind kind, const char *sql, const char *param)
{
	size_t bytes = LINK_HEAD + strlen(sql) + (param ? strlen(param) : 0);

	/* The end of a transaction is told whatever became of what is in it. */
	int err = kind == LINK_PLAIN ? sync_put(conn) : 0;
	return err ? err
		   : sent(conn,
			     PQsendQueryParams(
				     conn->pg, sql, param ? 1 : 0, NULL, &param, NULL, NULL, 0),
			     bytes, kind, 0);
}

static int prepare(struct backend_conn *conn, int id, const struct params *params, size_t count)
{
	char name[16];
	char *sql = stmt_translate(conn->stmts[id].sql, false);

	if (!sql)
		return -ENOMEM;
	snprintf(name, sizeof name, "s%d", id);
	size_t bytes = LINK_HEAD + strlen(sql) + count * sizeof *params->types;
	int err = room_for(conn, bytes);
	if (!err) {
		conn->prepared[id] = PQsendPrepare(conn->pg, name, sql, (int)count, params->types);
		err = sent(conn, conn->prepared[id], bytes, LINK_PREPARE, id);
	}
	free(sql);
	return err;
}

static int send_prepared(
	struct backend_conn *conn, int id, const struct params *params, size_t count)
{
	char name[16];
	size_t bytes = LINK_HEAD;

	for (size_t i = 0; i < count; i++)
		bytes += sizeof(uint32_t) + (params->values[i] ? strlen(params->values[i]) : 0);
	int err = conn->prepared[id] ? 0 : prepare(conn, id, params, count);
	if (!err)
		err = room_for(conn, bytes);
	if (err)
		return err;
	snprintf(name, sizeof name, "s%d", id);
	return sent(conn,
		PQsendQueryPrepared(conn->pg, name, (int)count, params->values, NULL, NULL, 0),
		bytes, LINK_STMT, id);
}

int stmt_send(struct backend_conn *conn, int id, const struct backend_value *values, size_t count)
{
	struct params params;
	size_t set = 0;
	int err = 0;

	if (id < 0 || (size_t)id >= conn->stmt_count || count > PARAMS_MAX)
		return -EINVAL;
	if (!conn->failed && conn->count + 8 > LINK_PENDING_MAX)
		stmt_answers(conn, NULL);
	if (conn->failed)
		return conn->failed;
	for (; set < count && !err; set++)
		err = param_set(&params, set, &values[set]);
	if (!err)
		err = send_prepared(conn, id, &params, count);
	params_done(&params, set);
	return err;
}

int64_t stmt_exec(struct backend_conn *conn, int id, const struct backend_value *params,
	size_t count, backend_row_fn *fn, void *arg)
{
	PGresult *result = NULL;

	int64_t n = stmt_send(conn, id, params, count);
	if (!n)
		n = stmt_answers(conn, &result);
	if (!n)
		n = PQresultStatus(result) == PGRES_TUPLES_OK ? rows_give(result, fn, arg)
							      : rows_written(result);
	PQclear(result);
	return n;
}
