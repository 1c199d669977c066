/* store_banks.c - verbs for what a SIM bank was seen to hold. */
#include "store/store_impl.h"

#include <errno.h>

struct row_job {
	struct store_job job;
	struct store_sim_row row;
};

static int row_run(struct store_job *job)
{
	const struct store_sim_row *row = &((struct row_job *)job)->row;

	int64_t n = store_exec(job, STMT_SIM_ROW_PUT,
		ARGS(TXT(row->bank), INT(row->line), INT(row->column), INT(row->row),
			TXT(row->card_id), INT(row->seen_ms)));
	return n < 0 ? (int)n : 0;
}

void store_sim_row_put(
	struct store *store, const struct store_sim_row *row, store_done_fn *done, void *arg)
{
	static const struct store_verb verb = { "sim_row_put", row_run, store_finish_done, true };
	struct row_job *call = store_job_new(store, sizeof(*call), &verb);
	struct store_job *job = &call->job;

	job->callback.done = done;
	job->arg = arg;
	call->row = *row;
	call->row.bank = job_name(job, row->bank, STORE_NAME_SIZE);
	call->row.card_id = job_name(job, row->card_id, STORE_CARD_SIZE);
	store_job_submit(job);
}

struct rows_job {
	struct store_job job;
	const char *bank;
};

static int rows_run(struct store_job *job)
{
	const char *bank = ((struct rows_job *)job)->bank;
	struct store_table table;

	int err = store_select(job, STMT_SIM_ROWS, ARGS(TXT(bank)), &table);
	if (err)
		return err;
	struct store_sim_row *rows = job->result = job_out(job, table.rows, sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	for (size_t i = 0; i < table.rows; i++) {
		const struct backend_value *cells = table_row(&table, i);
		rows[i] = (struct store_sim_row) { .bank = bank,
			.line = (int)cells[0].num,
			.column = (int)cells[1].num,
			.row = (int)cells[2].num,
			.card_id = cells[3].text,
			.seen_ms = cells[4].num };
	}
	job->count = (int64_t)table.rows;
	return 0;
}

static void rows_finish(struct store_job *job)
{
	if (job->err && job->callback.sim_rows)
		job->callback.sim_rows(job->arg, job->err, NULL, 0);
	else if (job->callback.sim_rows)
		job->callback.sim_rows(job->arg, 0, job->result, (size_t)job->count);
}

void store_sim_rows(struct store *store, const char *bank, store_sim_rows_fn *done, void *arg)
{
	static const struct store_verb verb = { "sim_rows", rows_run, rows_finish, false };
	struct rows_job *call = store_job_new(store, sizeof(*call), &verb);

	call->job.callback.sim_rows = done;
	call->job.arg = arg;
	call->bank = job_name(&call->job, bank, STORE_NAME_SIZE);
	store_job_submit(&call->job);
}
