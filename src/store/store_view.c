/* store_view.c - what the operator sees: totals, messages, the outbox. Reads only. */
#include "store/store_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_DEFAULT = 100, ROWS_MAX = 1000, HOUR_MS = 3600000 };

const char *store_state_name(enum store_state state)
{
	switch (state) {
	case STORE_QUEUED: return "queued";
	case STORE_HELD: return "held";
	case STORE_WITHHELD: return "withheld";
	case STORE_UNCLAIMED: return "unclaimed";
	case STORE_DELIVERED: return "delivered";
	case STORE_REFUSED: return "refused";
	case STORE_DROPPED: return "dropped";
	case STORE_STATE_COUNT: break;
	}
	return "?";
}

/* ---- totals --------------------------------------------------------------------------------- */

struct totals_job {
	struct store_job job;
	int64_t now_ms;
};

/* Rows are sorted by platform and state. */
static void totals_platforms(const struct store_table *table, struct store_totals *totals)
{
	size_t count = 0;
	for (size_t i = 0; i < table->rows; i++) {
		const struct backend_value *row = table_row(table, i);
		if (!count || strcmp(totals->platforms[count - 1].platform, row[0].text) != 0) {
			if (count == STORE_TOTALS_MAX)
				break;
			totals->platforms[count++].platform = row[0].text;
		}
		if (row[1].num < 0 || row[1].num >= STORE_STATE_COUNT)
			continue;
		totals->platforms[count - 1].states[row[1].num] = row[2].num;
		if (row[1].num == STORE_QUEUED)
			totals->platforms[count - 1].oldest_ms = row[3].num;
	}
	totals->platform_count = count;
}

static int totals_run(struct store_job *job)
{
	int64_t now_ms = ((struct totals_job *)job)->now_ms;
	struct store_totals *totals = job->result = job_out(job, 1, sizeof(*totals));
	struct store_table table;

	if (!totals)
		return -ENOMEM;
	int err = store_select(job, STMT_COUNTS, NULL, 0, &table);
	if (err)
		return err;
	totals_platforms(&table, totals);

	err = store_select(job, STMT_TOTALS, ARGS(INT(now_ms - HOUR_MS)), &table);
	if (err)
		return err;
	const struct backend_value *row = table_row(&table, 0);
	totals->messages = row[0].num;
	totals->messages_hour = row[1].num;
	totals->undecodable = row[2].num - row[3].num;
	totals->no_text = row[3].num;
	totals->parts_pending = row[4].num;
	totals->sets_open = row[5].num;
	return 0;
}

static void totals_finish(struct store_job *job)
{
	if (job->callback.totals)
		job->callback.totals(job->arg, job->err, job->err ? NULL : job->result);
}

void store_totals(struct store *store, int64_t now_ms, store_totals_fn *done, void *arg)
{
	static const struct store_verb verb = { "totals", totals_run, totals_finish, false };
	struct totals_job *call = store_job_new(store, sizeof(*call), &verb);

	call->job.callback.totals = done;
	call->job.arg = arg;
	call->now_ms = now_ms;
	store_job_submit(&call->job);
}

/* ---- messages and the outbox ---------------------------------------------------------------- */

struct messages_job {
	struct store_job job;
	struct store_query query; /* "" for any */
};

static void row_read(const struct backend_value *cells, struct store_row *row)
{
	bool raw = cells[8].num < 0;

	*row = (struct store_row) {
		.message_id = cells[0].text,
		.platform = cells[1].text,
		.bank = cells[2].text,
		.slot = cells[3].text,
		.number = cells[4].text,
		.card_id = cells[5].text,
		.sender = cells[6].text,
		.text = cells[7].text,
		.state = raw ? STORE_HELD : (enum store_state)cells[8].num,
		.reason = cells[9].text,
		.arrived_ms = cells[10].num,
		.sent_ms = cells[11].num,
		.done_ms = cells[12].num,
		.next_ms = cells[13].num,
		.attempts = (int)cells[14].num,
		.parts = (int)cells[15].num,
		.erased_ms = cells[16].num,
		.chars = cells[17].num,
	};
	row->state_name = cells[8].num == -2 ? "no_text"
			  : raw              ? "undecodable"
					     : store_state_name(row->state);
}

static int newest_first(const void *a, const void *b)
{
	const struct store_row *x = a, *y = b;
	if (x->arrived_ms != y->arrived_ms)
		return x->arrived_ms < y->arrived_ms ? 1 : -1;
	int order = strcmp(y->message_id, x->message_id);
	return order ? order : strcmp(x->platform, y->platform);
}

/* Filter, limit, then the id and whether delivered ones are left out. */
static int rows_select(const struct messages_job *call, struct store_job *job,
	struct store_table *found, struct store_table *undecodable)
{
	const struct store_query *query = &call->query;
	const struct backend_value params[] = { TXT(query->bank), TXT(query->slot),
		INT(query->since_ms), INT((int64_t)query->limit), TXT(query->id),
		INT(query->outbox) };
	bool one = *query->id != '\0';
	int err;

	if (*query->number)
		return store_select(job, STMT_OF_NUMBER,
			ARGS(TXT(query->number), TXT(query->after), INT(STORE_PAGE_MAX)), found);
	if (one)
		err = store_select(job, STMT_MESSAGE, params, 6, found);
	else
		err = store_select(
			job, query->outbox ? STMT_OUTBOX : STMT_MESSAGES, params, 4, found);
	if (err || !query->outbox)
		return err;
	if (one)
		return store_select(job, STMT_UNDECODABLE_ONE, params, 5, undecodable);
	return store_select(job, STMT_UNDECODABLE, params, 4, undecodable);
}

static int messages_run(struct store_job *job)
{
	const struct messages_job *call = (struct messages_job *)job;
	struct store_table found = { 0 }, undecodable = { 0 };

	int err = rows_select(call, job, &found, &undecodable);
	if (err)
		return err;
	size_t count = found.rows + undecodable.rows;
	struct store_row *rows = job_out(job, count, sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	for (size_t i = 0; i < found.rows; i++)
		row_read(table_row(&found, i), &rows[i]);
	for (size_t i = 0; i < undecodable.rows; i++)
		row_read(table_row(&undecodable, i), &rows[found.rows + i]);

	if (!*call->query.number)
		qsort(rows, count, sizeof(*rows), newest_first);
	job->result = rows;
	job->count = (int64_t)(count < call->query.limit ? count : call->query.limit);
	return 0;
}

static void messages_finish(struct store_job *job)
{
	if (job->err && job->callback.rows)
		job->callback.rows(job->arg, job->err, NULL, 0);
	else if (job->callback.rows)
		job->callback.rows(job->arg, 0, job->result, (size_t)job->count);
}

void store_messages(
	struct store *store, const struct store_query *query, store_rows_fn *done, void *arg)
{
	static const struct store_verb verb = { "messages", messages_run, messages_finish, false };
	struct messages_job *call = store_job_new(store, sizeof(*call), &verb);
	struct store_job *job = &call->job;

	job->callback.rows = done;
	job->arg = arg;
	call->query = *query;
	call->query.bank = job_text(job, query->bank);
	call->query.slot = job_text(job, query->slot);
	call->query.id = job_text(job, query->id);
	call->query.number = job_text(job, query->number);
	call->query.after = job_text(job, query->after);
	if (!query->limit)
		call->query.limit = ROWS_DEFAULT;
	if (call->query.limit > ROWS_MAX)
		call->query.limit = ROWS_MAX;
	store_job_submit(job);
}

/* ---- what is undecodable, for another try --------------------------------------------------- */

struct raws_job {
	struct store_job job;
	const char *id, *after;
};

static int raws_run(struct store_job *job)
{
	const struct raws_job *call = (struct raws_job *)job;
	struct store_table table;

	int err = store_select(job, STMT_RAWS,
		ARGS(TXT(call->id), TXT(call->after), INT(STORE_PAGE_MAX),
			TXT(store_host_among(job->store))),
		&table);
	if (err)
		return err;
	struct store_raw *raws = job_out(job, table.rows, sizeof(*raws));
	if (!raws)
		return -ENOMEM;
	for (size_t i = 0; i < table.rows; i++) {
		const struct backend_value *row = table_row(&table, i);
		raws[i] = (struct store_raw) { row[0].text, row[1].text, row[2].text, row[3].text,
			row[4].text, row[5].text, row[6].text, row[7].text, (int)row[8].num,
			(int)row[9].num, row[10].num, row[11].num != 0 };
	}
	job->result = raws;
	job->count = (int64_t)table.rows;
	return 0;
}

static void raws_finish(struct store_job *job)
{
	job->callback.raws(job->arg, job->err, job->result, job->err ? 0 : (size_t)job->count);
}

void store_undecodable(
	struct store *store, const char *id, const char *after, store_raws_fn *done, void *arg)
{
	static const struct store_verb verb = { "undecodable", raws_run, raws_finish, false };
	struct raws_job *call = store_job_new(store, sizeof(*call), &verb);

	call->job.callback.raws = done;
	call->job.arg = arg;
	call->id = job_text(&call->job, id);
	call->after = job_text(&call->job, after);
	store_job_submit(&call->job);
}
