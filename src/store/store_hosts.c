/* store_hosts.c - verbs for hosts that share a store: who is there, whose a bank is, who leads. */
#include "store/store_impl.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"

/* ---- the leader's lease --------------------------------------------------------------------- */

struct lease {
	bool own;
	const char *holder;
	int64_t fence, until_ms;
};

static int lease_get(struct store_job *job, struct lease *lease)
{
	struct store_table table;
	int err = store_select(job, STMT_LEASE_GET, NULL, 0, &table);

	*lease = (struct lease) { .holder = "" };
	if (err || !table.rows)
		return err;
	const struct backend_value *row = table_row(&table, 0);
	lease->holder = row[0].text;
	lease->own = strcmp(row[0].text, store_host(job->store)) == 0 &&
		     strcmp(row[1].text, store_token(job->store)) == 0;
	lease->fence = row[2].num;
	lease->until_ms = row[3].num;
	return 0;
}

/* What they had on sale is not any more. */
static int mark_stale(struct store_job *job, int64_t now_ms, bool back)
{
	int64_t n = store_exec(job, STMT_HOSTS_STALE, ARGS(INT(now_ms)));

	if (n < 0)
		return (int)n;
	return n || back ? store_put(job, STMT_COUNTER_BUMP, ARGS(TXT("pool"))) : 0;
}

int store_lease_check(struct store_job *job, int64_t fence, int64_t now_ms)
{
	struct lease lease;
	int err = lease_get(job, &lease);

	now_ms += store_ahead_ms(job, now_ms);
	if (!err && !(lease.own && lease.fence == fence && lease.until_ms > now_ms))
		err = -ESTALE;
	return err ? err : mark_stale(job, now_ms, false);
}

/* ---- beats ---------------------------------------------------------------------------------- */

struct beat_job {
	struct store_job job;
	struct store_beat beat;
	int64_t now_ms;
	int key_err; /* of writing this host's key */
};

/* The lease as it is after this beat. */
static int beat_lease(
	struct store_job *job, const struct store_beat *beat, int64_t now_ms, struct lease *lease)
{
	int err = lease_get(job, lease);
	if (err)
		return err;
	bool runs = lease->until_ms > now_ms;

	if (!beat->lead && lease->own && runs) {
		lease->until_ms = 0;
		return store_put(job, STMT_LEASE_END,
			ARGS(TXT(store_host(job->store)), TXT(store_token(job->store))));
	}
	if (!beat->lead || (runs && !lease->own))
		return 0;
	lease->fence += lease->own && runs ? 0 : 1;
	lease->own = true;
	lease->holder = store_host(job->store);
	lease->until_ms = now_ms + beat->lease_ms;
	return store_put(job, STMT_LEASE_PUT,
		ARGS(TXT(store_host(job->store)), TXT(store_token(job->store)), INT(lease->fence),
			INT(lease->until_ms)));
}

static struct store_host host_read(
	const struct store_job *job, const struct backend_value *row, int64_t ahead_ms)
{
	return (struct store_host) {
		.name = row[0].text,
		.version = row[1].text,
		.started_ms = row[2].num - ahead_ms,
		.seen_ms = row[3].num - ahead_ms,
		.stale = row[4].num != 0,
		.settled = row[5].num != 0,
		.ports = (int)row[6].num,
		.ready = (int)row[7].num,
		.stopped = row[8].num != 0,
		.own = strcmp(row[0].text, store_host(job->store)) == 0,
	};
}

/* now_ms: the database's. */
static int hosts_read(
	struct store_job *job, const struct lease *lease, int64_t now_ms, int64_t ahead_ms)
{
	struct store_hosts *hosts = job->result = job_out(job, 1, sizeof(*hosts));
	struct store_table table;
	int err = store_select(job, STMT_HOSTS, ARGS(INT(STORE_HOSTS_MAX)), &table);
	if (err)
		return err;
	struct store_host *rows = job_out(job, table.rows, sizeof(*rows));
	if (!hosts || !rows)
		return -ENOMEM;

	bool runs = lease->until_ms > now_ms;
	for (size_t i = 0; i < table.rows; i++) {
		rows[i] = host_read(job, table_row(&table, i), ahead_ms);
		rows[i].leads = runs && strcmp(rows[i].name, lease->holder) == 0;
	}
	*hosts = (struct store_hosts) {
		.rows = rows,
		.count = table.rows,
		.leads = runs && lease->own,
		.fence = lease->fence,
		.lease_left_ms = runs ? lease->until_ms - now_ms : 0,
	};
	return 0;
}

static bool is_own(struct store_job *job, const struct backend_value *row)
{
	const struct store_instance *instance = store_instance(job->store);

	return strcmp(row[0].text, store_token(job->store)) == 0 &&
	       (!instance || !*row[3].text || instance_is(instance, row[3].text));
}

/* That the file cannot be written ends nothing: the key stays, and is turned later. */
static int turn_key(struct store_job *job, const char *row_key, int64_t now_ms)
{
	struct beat_job *call = (struct beat_job *)job;
	struct store_instance *instance = store_instance(job->store);

	call->key_err = 0;
	if (!instance || (*row_key && now_ms - instance->turned_ms < STORE_INSTANCE_MS))
		return 0;
	call->key_err = instance_turn(instance, now_ms);
	return call->key_err ? 0
			     : store_put(job, STMT_HOST_INSTANCE,
				       ARGS(TXT(store_host(job->store)),
					       TXT(store_token(job->store)), TXT(instance->key)));
}

static int beat_run(struct store_job *job)
{
	const struct store_beat *beat = &((struct beat_job *)job)->beat;
	const char *host = store_host(job->store), *token = store_token(job->store);
	int64_t ahead_ms = store_ahead_ms(job, beat->now_ms), now_ms = beat->now_ms + ahead_ms;
	struct store_table before;
	struct lease lease;

	int err = store_select(job, STMT_HOST_GET, ARGS(TXT(host)), &before);
	if (err)
		return err;
	if (before.rows && !is_own(job, table_row(&before, 0))) {
		store_job_say(job, "another simgated has taken this host's host_id");
		return -EADDRINUSE;
	}
	bool back = !before.rows || table_row(&before, 0)[2].num != 0;
	if (!before.rows) /* forgotten, so long was it silent */
		err = store_put(job, STMT_HOST_ENTER,
			ARGS(TXT(host), TXT(token), TXT(SIMGATE_VERSION), INT(now_ms),
				INT(now_ms + beat->stale_ms), TXT("")));
	if (!err)
		err = turn_key(job, before.rows ? table_row(&before, 0)[3].text : "", now_ms);
	if (!err)
		err = store_put(job, STMT_HOST_BEAT,
			ARGS(TXT(host), TXT(token), INT(now_ms), INT(now_ms + beat->stale_ms),
				INT(beat->settled), INT(beat->ports), INT(beat->ready)));
	if (!err)
		err = mark_stale(job, now_ms, back);
	if (!err)
		err = beat_lease(job, beat, now_ms, &lease);
	return err ? err : hosts_read(job, &lease, now_ms, ahead_ms);
}

static void hosts_finish(struct store_job *job)
{
	static struct log_limit limit = { .period_ms = 600000, .burst = 1 };
	const struct beat_job *call = (struct beat_job *)job;

	if (call->key_err && log_limit(&limit))
		log_warning(LOGC_STORE, NULL, NULL,
			LOG_FIELDS(LOG_STR("reason", strerror(-call->key_err))),
			"the key of this installation, in state_dir, cannot be written: a copy of "
			"its disk is not told from it");
	if (job->callback.hosts)
		job->callback.hosts(job->arg, job->err, job->err ? NULL : job->result);
}

void store_host_beat(
	struct store *store, const struct store_beat *beat, store_hosts_fn *done, void *arg)
{
	static const struct store_verb verb = { "host_beat", beat_run, hosts_finish, true };
	struct beat_job *call = store_job_new(store, sizeof(*call), &verb);

	call->job.callback.hosts = done;
	call->job.arg = arg;
	call->beat = *beat;
	store_job_submit(&call->job);
}

/* ---- who is there --------------------------------------------------------------------------- */

/* Both are sorted by the host's name. */
static int hosts_banks(struct store_job *job, struct store_hosts *hosts)
{
	struct store_host *rows = (struct store_host *)hosts->rows;
	struct store_table table;
	int err = store_select(job, STMT_BANKS, NULL, 0, &table);
	if (err)
		return err;
	const char **names = job_out(job, table.rows, sizeof(*names));
	if (!names)
		return -ENOMEM;
	for (size_t i = 0, h = 0; i < table.rows; i++) {
		const struct backend_value *row = table_row(&table, i);
		names[i] = row[1].text;
		while (h < hosts->count && strcmp(rows[h].name, row[0].text) < 0)
			h++;
		if (h == hosts->count || strcmp(rows[h].name, row[0].text) != 0)
			continue;
		if (!rows[h].bank_count++)
			rows[h].banks = &names[i];
	}
	return 0;
}

/* Writes nothing; but the database's clock is told to those alone that might. */
static int list_run(struct store_job *job)
{
	int64_t own_ms = ((struct beat_job *)job)->now_ms;
	int64_t ahead_ms = store_ahead_ms(job, own_ms);
	struct lease lease;

	int err = lease_get(job, &lease);
	if (!err)
		err = hosts_read(job, &lease, own_ms + ahead_ms, ahead_ms);
	return err ? err : hosts_banks(job, job->result);
}

void store_hosts(struct store *store, int64_t now_ms, store_hosts_fn *done, void *arg)
{
	static const struct store_verb verb = { "hosts", list_run, hosts_finish, true };
	struct beat_job *call = store_job_new(store, sizeof(*call), &verb);

	call->job.callback.hosts = done;
	call->job.arg = arg;
	call->job.traits = TRAIT_VIEW;
	call->now_ms = now_ms;
	store_job_submit(&call->job);
}

/* ---- the beginning and the end -------------------------------------------------------------- */

static int leave_run(struct store_job *job)
{
	const char *host = store_host(job->store), *token = store_token(job->store);
	int err = store_put(job, STMT_HOST_LEAVE, ARGS(TXT(host), TXT(token)));

	return err ? err : store_put(job, STMT_LEASE_END, ARGS(TXT(host), TXT(token)));
}

void store_host_leave(struct store *store, store_done_fn *done, void *arg)
{
	static const struct store_verb verb = { "host_leave", leave_run, store_finish_done, true };
	struct store_job *job = store_job_new(store, sizeof(*job), &verb);

	job->callback.done = done;
	job->arg = arg;
	store_presence(store)->left = store_is_shared(store);
	store_job_submit(job);
}

struct settled_job {
	struct store_job job;
	struct store_place *places;
	size_t count;
};

static bool is_online(const struct settled_job *call, const struct backend_value *row)
{
	for (size_t i = 0; i < call->count; i++)
		if (strcmp(call->places[i].slot, row[1].text) == 0 &&
			strcmp(call->places[i].bank, row[0].text) == 0)
			return true;
	return false;
}

static int settled_run(struct store_job *job)
{
	const struct settled_job *call = (struct settled_job *)job;
	const char *host = store_host(job->store);
	struct store_table table;
	int err = store_select(job, STMT_PORTS_ONLINE, ARGS(TXT(host)), &table);

	for (size_t i = 0; i < table.rows && !err; i++) {
		const struct backend_value *row = table_row(&table, i);
		if (!is_online(call, row))
			err = store_put(job, STMT_PORT_OFFLINE,
				ARGS(TXT(row[0].text), TXT(row[1].text), TXT(host)));
	}
	return err;
}

void store_ports_settled(struct store *store, const struct store_place *places, size_t count,
	store_done_fn *done, void *arg)
{
	static const struct store_verb verb = { "ports_settled", settled_run, store_finish_done,
		true };
	struct settled_job *call = store_job_new(store, sizeof(*call), &verb);
	struct store_job *job = &call->job;

	job->callback.done = done;
	job->arg = arg;
	job->pool = true;
	store_presence(store)->kept = false;
	call->places = job_array(job, count, sizeof(*places));
	call->count = call->places ? count : 0;
	for (size_t i = 0; i < call->count; i++) {
		call->places[i].bank = job_text(job, places[i].bank);
		call->places[i].slot = job_text(job, places[i].slot);
	}
	store_job_submit(job);
}

/* ---- banks ---------------------------------------------------------------------------------- */

struct banks_job {
	struct store_job job;
	const char *const *banks;
	size_t count;
};

static int claim_run(struct store_job *job)
{
	const struct banks_job *call = (struct banks_job *)job;
	const char *host = store_host(job->store);
	struct store_bank_claim *rows = job->result = job_out(job, call->count, sizeof(*rows));
	int err = rows ? 0 : -ENOMEM;

	for (size_t i = 0; i < call->count && !err; i++)
		err = store_put(job, STMT_BANK_PUT, ARGS(TXT(call->banks[i]), TXT(host)));
	for (size_t i = 0; i < call->count && !err; i++) {
		struct store_table table;
		err = store_select(job, STMT_BANK_HOST, ARGS(TXT(call->banks[i])), &table);
		if (err)
			break;
		const char *owner = table.rows ? table_row(&table, 0)[0].text : host;
		rows[i].bank = call->banks[i];
		rows[i].host = strcmp(owner, host) == 0 ? "" : owner;
	}
	return err;
}

static void claim_finish(struct store_job *job)
{
	const struct banks_job *call = (struct banks_job *)job;

	if (job->callback.claims)
		job->callback.claims(job->arg, job->err, job->err ? NULL : job->result,
			job->err ? 0 : call->count);
}

void store_banks_claim(struct store *store, const char *const *banks, size_t count,
	store_claims_fn *done, void *arg)
{
	static const struct store_verb verb = { "banks_claim", claim_run, claim_finish, true };
	struct banks_job *call = store_job_new(store, sizeof(*call), &verb);
	struct store_job *job = &call->job;

	job->callback.claims = done;
	job->arg = arg;
	call->banks = job_names(job, banks, count);
	call->count = call->banks ? count : 0;
	store_job_submit(job);
}

/* ---- changes, and wishes for a list --------------------------------------------------------- */

struct marks_job {
	struct store_job job;
	struct store_marks marks;
};

static int marks_run(struct store_job *job)
{
	struct store_table table;
	int err = store_select(job, STMT_COUNTERS, NULL, 0, &table);
	if (err)
		return err;
	const struct backend_value *row = table_row(&table, 0);
	((struct marks_job *)job)->marks =
		(struct store_marks) { row[0].num, row[1].num, row[2].num };
	return 0;
}

static void marks_finish(struct store_job *job)
{
	if (job->callback.marks)
		job->callback.marks(
			job->arg, job->err, job->err ? NULL : &((struct marks_job *)job)->marks);
}

void store_marks(struct store *store, store_marks_fn *done, void *arg)
{
	static const struct store_verb verb = { "marks", marks_run, marks_finish, false };
	struct marks_job *call = store_job_new(store, sizeof(*call), &verb);

	call->job.callback.marks = done;
	call->job.arg = arg;
	store_job_submit(&call->job);
}

static int ask_run(struct store_job *job)
{
	struct store_table table;
	int err = store_put(job, STMT_COUNTER_BUMP, ARGS(TXT("sync")));

	if (!err)
		err = store_select(job, STMT_COUNTERS, NULL, 0, &table);
	job->count = err ? 0 : table_row(&table, 0)[1].num;
	return err;
}

void store_sync_ask(struct store *store, store_count_fn *done, void *arg)
{
	static const struct store_verb verb = { "sync_ask", ask_run, store_finish_count, true };
	struct store_job *job = store_job_new(store, sizeof(*job), &verb);

	job->callback.count = done;
	job->arg = arg;
	store_job_submit(job);
}

struct listed_job {
	struct store_job job;
	const char *platform;
	int64_t fence, numbers, now_ms;
};

static int sync_done_run(struct store_job *job)
{
	return store_put(job, STMT_COUNTER_RAISE,
		ARGS(TXT("synced"), INT(((struct listed_job *)job)->numbers)));
}

void store_sync_done(struct store *store, int64_t sync)
{
	static const struct store_verb verb = { "sync_done", sync_done_run, store_finish_done,
		true };
	struct listed_job *call = store_job_new(store, sizeof(*call), &verb);

	call->numbers = sync;
	store_job_submit(&call->job);
}

static int listed_run(struct store_job *job)
{
	const struct listed_job *call = (struct listed_job *)job;

	return store_put(job, STMT_LISTED,
		ARGS(TXT(call->platform), TXT(store_host(job->store)), INT(call->fence),
			INT(call->numbers), INT(call->now_ms + store_ahead_ms(job, call->now_ms))));
}

void store_listed(struct store *store, const char *platform, int64_t fence, int64_t numbers)
{
	static const struct store_verb verb = { "listed", listed_run, store_finish_done, true };
	struct listed_job *call = store_job_new(store, sizeof(*call), &verb);

	call->platform = job_name(&call->job, platform, STORE_NAME_SIZE);
	call->fence = fence;
	call->numbers = numbers;
	call->now_ms = store_now_ms(store);
	store_job_submit(&call->job);
}
