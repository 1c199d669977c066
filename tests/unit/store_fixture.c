/* store_fixture.c - a store of its own, verbs that wait for their answer, and a backend that fails
 * when told to. */
#include "store_fixture.h"

#include <errno.h>
#include <inttypes.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "log_fixture.h"
#include "loop_fixture.h"

static void add(char *list, size_t size, const char *item)
{
	size_t len = strlen(list);
	snprintf(list + len, size - len, "%s,", item);
}

void copy(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from);
}

/* ---- a backend that fails ------------------------------------------------------------------- */

struct faults faults;
static struct loop *clock_loop; /* the fixture's, whose clock is the server's too */

static const char *server(void)
{
	static char folder[64];
	const char *where = getenv("SIMGATE_TEST_PG");

	if (!where || folder[0])
		return where ? folder : NULL;
	FILE *file = fopen(where, "r");
	if (!file || fscanf(file, "%63s", folder) != 1) {
		fprintf(stderr, "no PostgreSQL server: %s is missing\n", where);
		exit(1);
	}
	fclose(file);
	return folder;
}

bool fx_shared(void)
{
	return server() != NULL;
}

static const struct backend *fx_backend(void)
{
	return fx_shared() ? &store_postgres : &store_sqlite;
}

static bool fault_here(enum fault_kind kind, int step)
{
	if (step != atomic_load(&faults.fail_at) || (int)kind != atomic_load(&faults.kind))
		return false;
	atomic_store(&faults.fired, 1);
	return true;
}

static int fault_step(void)
{
	return atomic_fetch_add(&faults.steps, 1) + 1;
}

/* A test has all the time that a busy machine takes: its server minds no clock, as its loop does.
 */
static int faulty_open(
	const struct backend_config *config, struct backend_conn **out, char *why, size_t why_size)
{
	int err = fx_backend()->open(config, out, why, why_size);

	return err || !fx_shared() ? err
				   : fx_backend()->script(*out,
					     "SET statement_timeout = 0;"
					     "SET idle_in_transaction_session_timeout = 0",
					     NULL);
}

static void faulty_close(struct backend_conn *conn)
{
	fx_backend()->close(conn);
}

static int faulty_begin(struct backend_conn *conn, bool write)
{
	char pragma[64];
	long limit = atomic_exchange(&faults.page_limit, 0);
	if (limit) {
		snprintf(pragma, sizeof(pragma), "PRAGMA max_page_count = %ld", limit);
		int err = fx_backend()->script(conn, pragma, NULL);
		if (err)
			return err;
	}
	int step = fault_step();
	if (fault_here(FAULT_BEFORE, step))
		return -EIO;
	int err = fx_backend()->begin(conn, write);
	return fault_here(FAULT_AFTER, step) ? -EIO : err;
}

/* A commit that fails has never been made here: what it is if it was, nobody can know. */
static int faulty_commit(struct backend_conn *conn)
{
	int step = fault_step();
	if (fault_here(FAULT_BEFORE, step) || fault_here(FAULT_AFTER, step))
		return -EIO;
	return fx_backend()->commit(conn);
}

static void faulty_rollback(struct backend_conn *conn)
{
	fx_backend()->rollback(conn);
}

static int64_t faulty_exec(struct backend_conn *conn, int stmt, const struct backend_value *params,
	size_t count, backend_row_fn *fn, void *arg)
{
	int step = fault_step();
	if (fault_here(FAULT_BEFORE, step))
		return -EIO;
	int64_t n = fx_backend()->exec(conn, stmt, params, count, fn, arg);
	return fault_here(FAULT_AFTER, step) ? -EIO : n;
}

static int faulty_send(
	struct backend_conn *conn, int stmt, const struct backend_value *params, size_t count)
{
	int step = fault_step();
	if (fault_here(FAULT_BEFORE, step))
		return -EIO;
	int err = fx_backend()->send(conn, stmt, params, count);
	return fault_here(FAULT_AFTER, step) ? -EIO : err;
}

static int64_t faulty_now(struct backend_conn *conn)
{
	if (!fx_backend()->now_ms(conn))
		return 0;
	return loop_wall_ms(clock_loop) + atomic_load(&faults.ahead_ms);
}

static int faulty_script(struct backend_conn *conn, const char *sql, const char *sqlite)
{
	return fx_backend()->script(conn, sql, sqlite);
}

static const char *faulty_error(struct backend_conn *conn)
{
	return fx_backend()->error(conn);
}

static int faulty_scrub(struct backend_conn *conn)
{
	int step = fault_step();
	return fault_here(FAULT_BEFORE, step) ? -EIO : fx_backend()->scrub(conn);
}

static const struct backend faulty = { "faulty", 512, faulty_open, faulty_close, faulty_begin,
	faulty_commit, faulty_scrub, faulty_rollback, faulty_exec, faulty_send, faulty_now, NULL,
	faulty_script, faulty_error };

/* ---- the store ------------------------------------------------------------------------------ */

static void run_sql(struct fixture *fx, const char *path, const char *sql)
{
	const struct backend_config config = { .path = path, .loop = fx->loop };
	struct backend_conn *conn;

	int err = fx_backend()->open(&config, &conn, fx->why, sizeof(fx->why));
	if (err)
		fail_msg("%s", fx->why);
	if (fx_backend()->script(conn, sql, NULL))
		fail_msg("%s", fx_backend()->error(conn));
	fx_backend()->close(conn);
}

/* One for each program: writers of one database take turns. */
static const char *database(void)
{
	static char name[32];
	char line[256];

	if (name[0])
		return name;
	snprintf(name, sizeof name, "t%d", (int)getpid());
	snprintf(line, sizeof line, "psql -Xq -h %s -U simgate -c 'CREATE DATABASE %s' postgres",
		server(), name);
	if (system(line) != 0) { /* NOLINT(cert-env33-c): the test's own line */
		fprintf(stderr, "no database can be made on the server\n");
		exit(1);
	}
	return name;
}

static void schema_sql(struct fixture *fx, const char *before, const char *after)
{
	char sql[128], url[128];

	snprintf(url, sizeof url, "postgresql:///%s?host=%s&user=simgate", database(), server());
	snprintf(sql, sizeof sql, "%s %s%s", before, fx->schema, after);
	run_sql(fx, url, sql);
}

int fx_open(struct fixture *fx)
{
	const struct store_config config = {
		.path = fx->path, .host_id = "host-a", .loop = fx->loop, .shared = fx_shared()
	};

	clock_loop = fx->loop;
	return store_open_backend(&config, &faulty, &fx->store, fx->why, sizeof(fx->why));
}

int fx_open_as(struct fixture *fx, const char *host_id, struct store **out)
{
	const struct store_config config = {
		.path = fx->path, .host_id = host_id, .loop = fx->loop, .shared = fx_shared()
	};
	return store_open(&config, out, fx->why, sizeof(fx->why));
}

int fx_open_also(struct fixture *fx, const char *host_id, struct store **out)
{
	const struct store_config config = {
		.path = fx->path, .host_id = host_id, .loop = fx->loop, .shared = fx_shared()
	};
	return store_open_backend(&config, &faulty, out, fx->why, sizeof(fx->why));
}

void fx_close(struct fixture *fx)
{
	store_close(fx->store);
	fx->store = NULL;
}

void fx_reopen(struct fixture *fx)
{
	fx_close(fx);
	assert_int_equal(fx_open(fx), 0);
}

void fx_sql(struct fixture *fx, const char *sql)
{
	run_sql(fx, fx->path, sql);
}

void fx_script(struct fixture *fx, const char *sql)
{
	fx_close(fx);
	fx_sql(fx, sql);
	assert_int_equal(fx_open(fx), 0);
}

/* SQLite takes a limit of 1 as: no page more than it has. */
void fx_full(struct fixture *fx, bool full)
{
	if (!fx_shared())
		atomic_store(&faults.page_limit, full ? 1 : 1000000);
	else if (full)
		fx_sql(fx, "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS"
			   " 'BEGIN RAISE disk_full; END';"
			   "CREATE TRIGGER full_disk BEFORE INSERT ON message"
			   " EXECUTE FUNCTION full_disk()");
	else
		fx_sql(fx, "DROP FUNCTION full_disk CASCADE");
}

/* What takes back the step to version [n] + 1. */
static const char *const steps_back[] = {
	[1] = "DROP INDEX pdu_raw; DROP INDEX part_set_key; ALTER TABLE pdu DROP COLUMN owner;"
	      "ALTER TABLE pdu DROP COLUMN tpdu_len; ALTER TABLE part_set DROP COLUMN gap_ms;",
	[2] = "DROP TABLE pin_refused; DROP INDEX port_card;"
	      "ALTER TABLE card DROP COLUMN number_ussd;",
	[3] = "DROP TABLE takeoff;",
	[4] = "DROP INDEX message_whole; DROP INDEX pdu_whole;"
	      "ALTER TABLE message DROP COLUMN erased_ms; ALTER TABLE message DROP COLUMN chars;"
	      "ALTER TABLE pdu DROP COLUMN head; ALTER TABLE pdu DROP COLUMN erased;",
	[5] = "DROP TABLE drain; DROP TABLE tally; DROP INDEX delivery_oldest;"
	      "CREATE INDEX delivery_counts ON delivery (platform, state, message_id);",
	[6] = "DROP TABLE counter; DROP TABLE activation; DROP TABLE used; DROP TABLE bank_sell;"
	      "DROP TABLE card_sell; DROP TABLE customer; DROP TABLE ledger;"
	      "DROP INDEX delivery_activation; ALTER TABLE delivery DROP COLUMN activation_id;",
	[7] = "DROP TABLE host; DROP TABLE lease; DROP TABLE listed;"
	      "ALTER TABLE card DROP COLUMN file_host;"
	      "DELETE FROM counter WHERE name IN ('pool', 'sync', 'synced');",
	[8] = "DROP TABLE sim_row;",
	[9] = "ALTER TABLE host DROP COLUMN instance; DROP TABLE erasure;",
};

void fx_down_to(struct fixture *fx, int version)
{
	const char *triggers =
		fx_shared()
			? "DROP FUNCTION tally_delivery CASCADE; DROP FUNCTION tally_message "
			  "CASCADE;"
			: "DROP TRIGGER tally_delivery_added; DROP TRIGGER tally_delivery_moved;"
			  "DROP TRIGGER tally_delivery_gone; DROP TRIGGER tally_message_added;"
			  "DROP TRIGGER tally_message_gone;";
	char script[4000];
	size_t len = (size_t)snprintf(script, sizeof script, "%s", triggers);

	for (int v = (int)(sizeof steps_back / sizeof *steps_back) - 1; v >= version; v--)
		len += (size_t)snprintf(script + len, sizeof script - len, "%s", steps_back[v]);
	snprintf(script + len, sizeof script - len,
		"UPDATE meta SET value = %d WHERE name = 'schema';", version);
	fx_script(fx, script);
}

void fx_remove(struct fixture *fx)
{
	static const char *const ends[] = { "", "-wal", "-journal", "-shm", ".lock" };
	char name[208];

	if (fx_shared())
		schema_sql(fx, "DROP SCHEMA IF EXISTS", " CASCADE");
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		snprintf(name, sizeof(name), "%s%s", fx->path, ends[i]);
		unlink(name);
	}
}

void fx_empty(struct fixture *fx)
{
	fx_close(fx);
	if (fx_shared())
		fx_sql(fx,
			"DO $$DECLARE t RECORD; BEGIN FOR t IN SELECT tablename FROM pg_tables"
			" WHERE schemaname = current_schema AND tablename NOT IN"
			" ('meta', 'tally', 'counter') LOOP EXECUTE 'DELETE FROM ' || t.tablename;"
			" END LOOP; UPDATE counter SET value = 0; END$$");
	else
		fx_remove(fx);
	assert_int_equal(fx_open(fx), 0);
}

int fx_setup(void **state)
{
	static int number;
	struct fixture *fx = calloc(1, sizeof(*fx));
	if (!fx)
		return -1;
	log_keep();
	snprintf(fx->dir, sizeof(fx->dir), "/tmp/simgate-store-XXXXXX");
	if (!mkdtemp(fx->dir))
		return -1;
	if (fx_shared()) {
		snprintf(fx->schema, sizeof(fx->schema), "t%d_%d", (int)getpid(), ++number);
		snprintf(fx->path, sizeof(fx->path),
			"postgresql:///%s?host=%s&user=simgate"
			"&options=-csearch_path%%3D%s",
			database(), server(), fx->schema);
	} else {
		snprintf(fx->path, sizeof(fx->path), "%s/simgate.db", fx->dir);
	}
	atomic_store(&faults.fail_at, 0);
	atomic_store(&faults.page_limit, 0);
	atomic_store(&faults.ahead_ms, 0);
	fx->loop = loop_new_manual(1000, T0);
	*state = fx;
	if (fx_shared())
		schema_sql(fx, "CREATE SCHEMA", "");
	return fx_open(fx);
}

int fx_teardown(void **state)
{
	struct fixture *fx = *state;
	store_close(fx->store);
	fx_remove(fx);
	loop_free(fx->loop);
	rmdir(fx->dir);
	free(fx);
	return 0;
}

void fx_wait(struct fixture *fx)
{
	WAIT_FOR(fx->loop, store_pending(fx->store) == 0);
	loop_turn(fx->loop, 0);
}

int64_t fx_now(const struct fixture *fx)
{
	return loop_wall_ms(fx->loop);
}

/* ---- callbacks ------------------------------------------------------------------------------ */

void got_done(void *arg, int err)
{
	struct answer *a = arg;
	a->calls++;
	a->err = err;
}

void got_count(void *arg, int err, int64_t count)
{
	got_done(arg, err);
	((struct answer *)arg)->count = count;
}

static void got_card(void *arg, int err, const struct store_card *card)
{
	struct answer *a = arg;
	got_done(arg, err);
	if (err)
		return;
	copy(a->iccid, sizeof(a->iccid), card->iccid);
	copy(a->number, sizeof(a->number), card->number);
	copy(a->last_card, sizeof(a->last_card), card->last_card);
	a->source = card->source;
	a->count = card->freed;
}

static void got_deliveries(struct answer *a, const struct store_delivery *rows, size_t count)
{
	a->claimed = count;
	for (size_t i = 0; i < count; i++) {
		add(a->claimed_texts, sizeof(a->claimed_texts), rows[i].text);
		copy(a->message_id, sizeof(a->message_id), rows[i].message_id);
		copy(a->claimed_number, sizeof(a->claimed_number), rows[i].number);
		copy(a->claimed_remote, sizeof(a->claimed_remote), rows[i].remote_id);
		a->claimed_until_ms = rows[i].claimed_until_ms;
		a->first_try_ms = rows[i].first_try_ms;
		a->number_error_ms = rows[i].number_error_ms;
		a->attempts = rows[i].attempts;
	}
}

void got_sms(void *arg, int err, const struct store_sms_result *result)
{
	struct answer *a = arg;
	got_done(arg, err);
	if (!result)
		return;
	got_deliveries(a, result->claimed, result->claimed_count);
	copy(a->message_id, sizeof(a->message_id), result->message_id);
	a->same_entry = result->same_entry;
	a->same_part = result->same_part;
	a->late = result->late;
	a->crowded = result->crowded;
	if (result->set_id)
		copy(a->set_id, sizeof(a->set_id), result->set_id);
	for (size_t i = 0; i < result->part_count; i++)
		add(a->parts, sizeof(a->parts), result->parts[i].raw);
}

void got_claim(void *arg, int err, const struct store_claim *claim)
{
	struct answer *a = arg;
	got_done(arg, err);
	if (!claim)
		return;
	got_deliveries(a, claim->rows, claim->count);
	a->next_ms = claim->next_ms;
}

static void got_roster(void *arg, int err, const struct store_roster_row *rows, size_t count)
{
	struct answer *a = arg;
	char line[512];

	got_done(arg, err);
	a->count = (int64_t)count;
	for (size_t i = 0; i < count; i++) {
		snprintf(line, sizeof(line), "%s/%s %s %s op%d rent%d %" PRId64 " id=%s%s",
			rows[i].bank, rows[i].slot, rows[i].number, rows[i].label,
			rows[i].operator_code, rows[i].rent, rows[i].date_start, rows[i].remote_id,
			rows[i].conflict ? " conflict" : "");
		add(a->rows, sizeof(a->rows), line);
	}
}

static void got_totals(void *arg, int err, const struct store_totals *totals)
{
	struct answer *a = arg;
	got_done(arg, err);
	if (!totals)
		return;
	a->totals = *totals;
	for (size_t i = 0; i < totals->platform_count; i++)
		add(a->rows, sizeof(a->rows), totals->platforms[i].platform);
}

static void got_rows(void *arg, int err, const struct store_row *rows, size_t count)
{
	struct answer *a = arg;
	char line[512];

	got_done(arg, err);
	a->count = (int64_t)count;
	for (size_t i = 0; i < count; i++) {
		snprintf(line, sizeof(line), "%s %s %s %s%s%s", rows[i].text, rows[i].number,
			rows[i].platform, rows[i].state_name, *rows[i].reason ? " " : "",
			rows[i].reason);
		add(a->rows, sizeof(a->rows), line);
		copy(a->message_id, sizeof(a->message_id), rows[i].message_id);
	}
}

/* ---- verbs that wait ------------------------------------------------------------------------ */

struct answer finish(struct fixture *fx, struct answer *a)
{
	fx_wait(fx);
	assert_int_equal(a->calls, 1);
	return *a;
}

const struct store_route push = { "push", STORE_QUEUED, "", false, 0, 0 };

/* What comes before the text, if '|' marks its end. */
static int head_of(const char *raw)
{
	const char *end = strchr(raw, '|');
	return end ? (int)(end - raw) + 1 : 0;
}

/* Its PDU is its text. */
void put_start(struct fixture *fx, struct answer *a, const char *card, int index, const char *text,
	const struct store_route *route)
{
	const struct store_message message = { card, "north", "p01", "+46701", text, T0 - 5000,
		fx_now(fx), 1 };
	const struct store_sms sms = { .card_id = card,
		.bank = "north",
		.slot = "p01",
		.memory = index < 0 ? "" : "SM",
		.index = index,
		.raw = text,
		.head = head_of(text),
		.arrived_ms = fx_now(fx),
		.message = &message,
		.routes = route,
		.route_count = route ? 1 : 0 };
	store_sms_put(fx->store, &sms, got_sms, a);
}

void part_start(struct fixture *fx, struct answer *a, int ref, int seq)
{
	char raw[16];
	const struct store_part part = { CARD, "+46701", 145, ref, 8, 2, seq, 0, 0 };
	const struct store_message message = { CARD, "north", "p01", "+46701", raw, 0, T0, 1 };
	const struct store_sms sms = { .card_id = CARD,
		.bank = "north",
		.slot = "p01",
		.memory = "SM",
		.index = ref * 2 + seq,
		.raw = raw,
		.arrived_ms = T0,
		.message = &message,
		.part = &part,
		.routes = &push,
		.route_count = 1 };

	snprintf(raw, sizeof raw, "r%dp%d", ref, seq);
	store_sms_put(fx->store, &sms, got_sms, a);
}

struct answer put_to(struct fixture *fx, const char *card, int index, const char *text,
	const struct store_route *route)
{
	struct answer a = { 0 };
	put_start(fx, &a, card, index, text, route);
	return finish(fx, &a);
}

struct answer put(struct fixture *fx, int index, const char *text)
{
	struct answer a = put_to(fx, CARD, index, text, &push);
	assert_int_equal(a.err, 0);
	return a;
}

struct answer put_claim(struct fixture *fx, const char *card, int index, const char *text)
{
	struct store_route route = push;
	route.claim = true;
	return put_to(fx, card, index, text, &route);
}

struct answer put_part(struct fixture *fx, int ref, int total, int seq, int index, const char *raw)
{
	const struct store_part part = { CARD, "+46701", 145, ref, 8, total, seq,
		fx_now(fx) - 7 * DAY_MS, fx_now(fx) - DAY_MS };
	char text[32];
	const struct store_message message = { CARD, "north", "p01", "+46701", text, 0, fx_now(fx),
		1 };
	const struct store_sms sms = { .card_id = CARD,
		.bank = "north",
		.slot = "p01",
		.memory = "SM",
		.index = index,
		.raw = raw,
		.head = head_of(raw),
		.tpdu_len = -1,
		.arrived_ms = fx_now(fx),
		.message = &message,
		.part = &part,
		.routes = &push,
		.route_count = 1 };
	struct answer a = { 0 };

	snprintf(text, sizeof text, "part %d", seq);
	store_sms_put(fx->store, &sms, got_sms, &a);
	return finish(fx, &a);
}

struct answer put_undecodable(struct fixture *fx, int index, const char *raw)
{
	const struct store_sms sms = { .card_id = CARD,
		.bank = "north",
		.slot = "p01",
		.memory = "SM",
		.index = index,
		.raw = raw,
		.tpdu_len = -1,
		.arrived_ms = fx_now(fx),
		.undecodable = "odd length" };
	struct answer a = { 0 };
	store_sms_put(fx->store, &sms, got_sms, &a);
	return finish(fx, &a);
}

struct answer join_of(struct fixture *fx, const char *set_id, const char *text, int parts)
{
	const struct store_message message = { CARD, "north", "p01", "+46701", text, 0, fx_now(fx),
		parts };
	struct answer a = { 0 };
	store_set_join(fx->store, set_id, &message, &push, 1, got_sms, &a);
	return finish(fx, &a);
}

struct answer join(struct fixture *fx, const char *set_id, const char *text)
{
	return join_of(fx, set_id, text, 2);
}

struct answer deleted(struct fixture *fx, int index, const char *raw)
{
	const struct store_entry entry = { CARD, "SM", index, raw };
	struct answer a = { 0 };
	store_entry_deleted(fx->store, &entry, got_done, &a);
	return finish(fx, &a);
}

struct answer seen(struct fixture *fx, const char *slot, const char *card, const char *number)
{
	const struct store_card_seen what = { "north", slot, "490154203237518", card, card,
		"240010000000001", number, "", fx_now(fx) };
	struct answer a = { 0 };
	store_card_seen(fx->store, &what, got_card, &a);
	return finish(fx, &a);
}

struct answer port(struct fixture *fx, const char *slot, const char *card, bool online)
{
	const struct store_port what = { "north", slot, card, online ? "ready" : "off", online,
		fx_now(fx) };
	struct answer a = { 0 };
	store_port_put(fx->store, &what, got_done, &a);
	return finish(fx, &a);
}

struct answer roster(struct fixture *fx)
{
	struct answer a = { 0 };
	store_roster(fx->store, "push", 0, got_roster, &a);
	return finish(fx, &a);
}

struct answer claim(struct fixture *fx, size_t limit)
{
	struct answer a = { 0 };
	store_claim(fx->store, "push", fx_now(fx), 60000, limit, got_claim, &a);
	return finish(fx, &a);
}

struct answer outcome(struct fixture *fx, const char *id, enum store_state state, int64_t next_ms)
{
	const struct store_outcome what = { .message_id = id,
		.platform = "push",
		.state = state,
		.reason = state == STORE_DELIVERED ? "" : "timeout",
		.next_ms = next_ms,
		.now_ms = fx_now(fx),
		.lease_ms = 60000,
		.tried = true,
		.claim_next = true };
	struct answer a = { 0 };
	store_outcome(fx->store, &what, got_claim, &a);
	return finish(fx, &a);
}

struct answer rows_of(struct fixture *fx, const struct store_query *query)
{
	struct answer a = { 0 };
	store_messages(fx->store, query, got_rows, &a);
	return finish(fx, &a);
}

struct answer rows(struct fixture *fx, bool outbox)
{
	return rows_of(fx, &(struct store_query) { .outbox = outbox });
}

struct answer totals(struct fixture *fx)
{
	struct answer a = { 0 };
	store_totals(fx->store, fx_now(fx), got_totals, &a);
	return finish(fx, &a);
}

/* ---- a job that holds the store's thread, so that others gather behind it ------------------- */

static sem_t block_entered, block_go;

static int block_run(struct store_job *job)
{
	(void)job;
	sem_post(&block_entered);
	sem_wait(&block_go);
	return 0;
}

static void block_finish(struct store_job *job)
{
	(void)job;
}

void block(struct fixture *fx)
{
	static const struct store_verb verb = { "block", block_run, block_finish, false };
	struct timespec limit;

	sem_init(&block_entered, 0, 0);
	sem_init(&block_go, 0, 0);
	store_job_submit(store_job_new(fx->store, sizeof(struct store_job), &verb));
	clock_gettime(CLOCK_REALTIME, &limit);
	limit.tv_sec += 20;
	assert_int_equal(sem_timedwait(&block_entered, &limit), 0);
}

void unblock(void)
{
	sem_post(&block_go);
}
