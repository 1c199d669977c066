/* store_postgres_link.c - the connection to the PostgreSQL server: made, lost, waited for. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/loop.h"
#include "store/store_postgres_impl.h"

/* Silence of so long ends a try to connect. */
enum { CONNECT_MS = 3000, PAUSE_MIN_MS = 100, PAUSE_MAX_MS = 5000, VERSION_MIN = 130000 };

/* Silence of a host that holds the lock of the writers ends at the server too: it may be frozen, or
 * cut off. What the operator made more durable than `on` stays. */
static const char session[] =
	"SET statement_timeout = 3000; SET idle_in_transaction_session_timeout = 2000;"
	"SET tcp_user_timeout = 5000; SET jit = off; SET client_min_messages = error;"
	"SELECT set_config('synchronous_commit', 'on', false)"
	" WHERE current_setting('synchronous_commit') = 'off'";

/* ---- errors --------------------------------------------------------------------------------- */

/* libpq's words take several lines; the indented ones are advice. */
static void keep_words(struct backend_conn *conn, const char *words)
{
	size_t len = 0, size = sizeof conn->error;

	for (; *words && len + 1 < size; words++) {
		if (words[0] == '\n' && words[1] == '\t')
			words += 1 + strcspn(words + 1, "\n");
		if (!*words)
			break;
		char c = *words == '\n' || *words == '\t' ? ' ' : *words;
		if (c != ' ' || (len && conn->error[len - 1] != ' '))
			conn->error[len++] = c;
	}
	while (len && conn->error[len - 1] == ' ')
		len--;
	conn->error[len] = '\0';
}

/* By SQLSTATE: whole codes first, then classes (PostgreSQL, appendix A). */
static const struct {
	const char *state;
	int err;
} errors[] = {
	{ "40001", -EDEADLK }, /* serialization failure */
	{ "40P01", -EDEADLK }, /* deadlock */
	{ "53100", -ENOSPC },
	{ "53200", -ENOMEM },
	{ "42501", -EACCES },
	{ "25006", -EROFS },   /* a standby */
	{ "25P03", -EAGAIN },  /* idle in a transaction for too long */
	{ "55P03", -EAGAIN },  /* a lock was not to be had */
	{ "57", -EAGAIN },     /* shutdown, start, time is up */
	{ "53", -EAGAIN },     /* too many connections */
	{ "08", -EAGAIN },     /* the connection */
	{ "XX001", -EUCLEAN }, /* damaged data */
	{ "XX002", -EUCLEAN }, /* damaged index */
	{ "XX", -EIO },
	{ "58", -EIO },
};

int link_error(struct backend_conn *conn, const PGresult *result)
{
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *words = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

	keep_words(conn, words ? words : PQresultErrorMessage(result));
	if (!state)
		return -EAGAIN; /* libpq's own: the connection */
	for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++)
		if (strncmp(state, errors[i].state, strlen(errors[i].state)) == 0)
			return errors[i].err;
	return -EINVAL;
}

static int64_t now_us(const struct backend_conn *conn)
{
	return loop_fresh_us(conn->loop);
}

static void pause_tries(struct backend_conn *conn)
{
	conn->pause_ms = conn->pause_ms ? conn->pause_ms * 2 : PAUSE_MIN_MS;
	if (conn->pause_ms > PAUSE_MAX_MS)
		conn->pause_ms = PAUSE_MAX_MS;
	conn->retry_us = now_us(conn) + conn->pause_ms * 1000;
}

void link_close(struct backend_conn *conn)
{
	PQfinish(conn->pg);
	conn->pg = NULL;
	conn->count = 0;
	conn->unsynced = 0;
	memset(conn->prepared, 0, conn->stmt_count * sizeof *conn->prepared);
}

int link_lost(struct backend_conn *conn, const char *why, bool pause)
{
	keep_words(conn, why && *why ? why : "the connection to the server is lost");
	link_close(conn);
	if (pause)
		pause_tries(conn);
	return -EAGAIN;
}

/* ---- waiting -------------------------------------------------------------------------------- */

/* Silence is measured by the loop's clock, as pauses are. */
static int wait_for(const struct backend_conn *conn, short events, int silence_ms)
{
	int64_t end_us = now_us(conn) + INT64_C(1000) * silence_ms;
	struct pollfd fd = { PQsocket(conn->pg), events, 0 };
	int n;

	do
		n = poll(&fd, 1, silence_ms);
	while ((n < 0 && errno == EINTR) || (n == 0 && now_us(conn) < end_us));
	return n > 0 ? fd.revents : 0;
}

int link_result(struct backend_conn *conn, int silence_ms, PGresult **out)
{
	while (PQisBusy(conn->pg)) {
		int unsent = PQflush(conn->pg);
		if (unsent < 0)
			return link_lost(conn, PQerrorMessage(conn->pg), false);
		int got = wait_for(conn, unsent ? POLLIN | POLLOUT : POLLIN, silence_ms);
		if (!got)
			return link_lost(conn, "the server does not answer", true);
		if ((got & ~POLLOUT) && !PQconsumeInput(conn->pg))
			return link_lost(conn, PQerrorMessage(conn->pg), false);
		if (got & ~POLLOUT && conn->heard_us)
			*conn->heard_us = now_us(conn);
	}
	*out = PQgetResult(conn->pg);
	return 0;
}

/* ---- connecting ----------------------------------------------------------------------------- */

char *link_url_fault(const char *url)
{
	char *words = NULL, *fault = NULL;
	PQconninfoOption *options = PQconninfoParse(url, &words);

	if (!options)
		fault = strdup(words ? words : "out of memory");
	for (PQconninfoOption *o = options; o && o->keyword && !fault; o++)
		if (o->val && *o->dispchar == '*')
			fault = strdup("a password does not belong there; write store_password");
	PQconninfoFree(options);
	PQfreemem(words);
	return fault;
}

/* The SQLSTATE in libpq's words, which has no other way to tell why no connection was made:
 * "FATAL:  28P01: ...". "" if the server said none. */
static void take_state(char *words, char state[6])
{
	char *at = words;

	state[0] = '\0';
	while ((at = strstr(at, ":  ")) != NULL) {
		at += 3;
		if (strspn(at, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") != 5 || at[5] != ':')
			continue;
		memcpy(state, at, 5);
		state[5] = '\0';
		memmove(at, at + 7, strlen(at + 7) + 1);
		char *place = strstr(at, "\nLOCATION:");
		if (place)
			*place = '\0';
		return;
	}
}

/* libpq itself will not try, and has no code for that: a value in the URL, or a file it names. */
static bool is_unusable(const char *words)
{
	static const char *const signs[] = { "could not match ", "certificate file \"",
		"private key file", "sslmode value" };

	if (strncmp(words, "invalid ", 8) == 0)
		return true;
	for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++)
		if (strstr(words, signs[i]))
			return true;
	return false;
}

/* The server is there, and will not let this host in until somebody sees to it: authorization, no
 * such database, no right to it. Or it cannot be asked by this URL. */
static bool is_refused(const PGconn *pg, const char *state, const char *words)
{
	if (!*state)
		return PQconnectionNeedsPassword(pg) || is_unusable(words);
	return strncmp(state, "28", 2) == 0 || strncmp(state, "3D", 2) == 0 ||
	       strcmp(state, "42501") == 0;
}

/* What a connection that could not be made calls for. */
static const char *remedy(const PGconn *pg, const char *state, const char *words)
{
	if (PQconnectionNeedsPassword(pg))
		return "set store_password";
	if (!*state && is_unusable(words))
		return "correct the URL in store";
	if (strncmp(state, "3D", 2) == 0)
		return "make it (CREATE DATABASE), or correct its name in store";
	if (PQconnectionUsedPassword(pg))
		return "check the user in store and store_password, and that the database exists";
	return "check that the server runs and lets this host in, and user, host and database in "
	       "store";
}

static void no_notices(void *arg, const char *words)
{
	(void)arg, (void)words;
}

/* What the URL says goes before what stands ahead of it here. */
static PGconn *connect_start(const struct backend_conn *conn)
{
	const char *const names[] = { "fallback_application_name", "keepalives_idle",
		"keepalives_interval", "keepalives_count", "tcp_user_timeout", "dbname",
		"client_encoding", conn->password ? "password" : NULL, NULL };
	const char *const values[] = { "simgated", "5", "2", "3", "5000", conn->url, "UTF8",
		conn->password, NULL };

	return PQconnectStartParams(names, values, 1);
}

static int connect_wait(struct backend_conn *conn)
{
	PostgresPollingStatusType state = PGRES_POLLING_WRITING;

	if (!conn->pg || PQstatus(conn->pg) == CONNECTION_BAD)
		return -EAGAIN;
	while (state != PGRES_POLLING_OK) {
		short events = state == PGRES_POLLING_READING ? POLLIN : POLLOUT;
		if (!wait_for(conn, events, CONNECT_MS))
			return -ETIMEDOUT;
		state = PQconnectPoll(conn->pg);
		if (state == PGRES_POLLING_FAILED)
			return -EAGAIN;
	}
	return 0;
}

static int set_up(struct backend_conn *conn)
{
	PGresult *result = NULL;
	int err = 0;

	PQsetNoticeProcessor(conn->pg, no_notices, NULL);
	if (PQserverVersion(conn->pg) < VERSION_MIN) {
		keep_words(conn, "the server is older than PostgreSQL 13; install a newer one");
		return -EPROTONOSUPPORT;
	}
	const char *encoding = PQparameterStatus(conn->pg, "server_encoding");
	if (!encoding || strcmp(encoding, "UTF8") != 0) {
		keep_words(conn, "the database's encoding is not UTF8; make one with CREATE "
				 "DATABASE ... ENCODING 'UTF8' TEMPLATE template0");
		return -EINVAL;
	}
	if (PQsetnonblocking(conn->pg, 1) != 0 || !PQsendQuery(conn->pg, session))
		return link_lost(conn, PQerrorMessage(conn->pg), true);
	do {
		PQclear(result);
		int lost = link_result(conn, LINK_ANSWER_MS, &result);
		if (lost)
			return lost;
		if (result && PQresultStatus(result) == PGRES_FATAL_ERROR && !err)
			err = link_error(conn, result);
	} while (result);
	if (!err && !PQenterPipelineMode(conn->pg))
		return link_lost(conn, PQerrorMessage(conn->pg), true);
	return err;
}

/* At the end of libpq's words: what follows is not part of it. */
static void cut_advice(char *words)
{
	char *at;

	while ((at = strrchr(words, '\n')) && (at[1] == '\0' || at[1] == '\t'))
		*at = '\0';
}

static int link_refused(struct backend_conn *conn, bool silent)
{
	char said[sizeof conn->error], words[sizeof conn->error + 160], state[6];

	snprintf(said, sizeof said, "%s",
		silent ? "the server does not answer" : PQerrorMessage(conn->pg));
	take_state(said, state);
	cut_advice(said);
	snprintf(words, sizeof words, "%.500s; %s", said, remedy(conn->pg, state, said));
	bool refused = is_refused(conn->pg, state, said);
	link_lost(conn, words, true);
	return refused ? -EACCES : -EAGAIN;
}

static int link_open(struct backend_conn *conn)
{
	conn->pg = connect_start(conn);
	PQsetErrorVerbosity(conn->pg, PQERRORS_VERBOSE);
	int err = connect_wait(conn);
	PQsetErrorVerbosity(conn->pg, PQERRORS_DEFAULT);
	if (err)
		return link_refused(conn, err == -ETIMEDOUT);
	err = set_up(conn);
	if (err && conn->pg) {
		link_close(conn);
		pause_tries(conn);
	}
	if (!err)
		conn->retry_us = conn->pause_ms = 0;
	return err;
}

/* Between two transactions nothing comes but the end, and parameters that changed. */
static bool is_dead(const struct backend_conn *conn)
{
	return wait_for(conn, POLLIN, 0) &&
	       (!PQconsumeInput(conn->pg) || PQstatus(conn->pg) == CONNECTION_BAD);
}

int link_ready(struct backend_conn *conn)
{
	if (conn->pg && is_dead(conn))
		link_close(conn);
	if (conn->pg)
		return 0;
	if (conn->retry_us && now_us(conn) < conn->retry_us)
		return -EAGAIN;
	return link_open(conn);
}
