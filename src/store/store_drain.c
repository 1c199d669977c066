/* store_drain.c - verbs for ports whose cards are not to be sold. */
#include "store/store_impl.h"

#include <errno.h>

struct places_job {
	struct store_job job;
	struct store_place *places;
	size_t count;
	int64_t now_ms;
};

static struct places_job *places_job_new(struct store *store, const struct store_verb *verb,
	const struct store_place *places, size_t count)
{
	struct places_job *call = store_job_new(store, sizeof(*call), verb);
	struct store_job *job = &call->job;

	job->pool = true;
	call->count = count;
	call->places = job_array(job, count, sizeof(*places));
	for (size_t i = 0; call->places && i < count; i++) {
		call->places[i].bank = job_name(job, places[i].bank, STORE_NAME_SIZE);
		call->places[i].slot = job_name(job, places[i].slot, STORE_NAME_SIZE);
	}
	return call;
}

/* ---- drain ---------------------------------------------------------------------------------- */

static int drain_run(struct store_job *job)
{
	const struct places_job *call = (struct places_job *)job;
	int64_t n = 0;

	for (size_t i = 0; n >= 0 && i < call->count; i++) {
		const struct store_place *place = &call->places[i];
		n = store_exec(
			job, STMT_BANK_PUT, ARGS(TXT(place->bank), TXT(store_host(job->store))));
		if (n >= 0)
			n = store_exec(job, STMT_DRAIN,
				ARGS(TXT(place->bank), TXT(place->slot), INT(call->now_ms)));
	}
	return n < 0 ? (int)n : 0;
}

void store_drain(struct store *store, const struct store_place *places, size_t count,
	int64_t now_ms, store_done_fn *done, void *arg)
{
	static const struct store_verb verb = { "drain", drain_run, store_finish_done, true };
	struct places_job *call = places_job_new(store, &verb, places, count);

	call->job.callback.done = done;
	call->job.arg = arg;
	call->now_ms = now_ms;
	store_job_submit(&call->job);
}

/* ---- resume --------------------------------------------------------------------------------- */

static int resume_run(struct store_job *job)
{
	const struct places_job *call = (struct places_job *)job;
	int64_t n = 0;

	job->count = 0;
	if (!call->count)
		job->count = n =
			store_exec(job, STMT_RESUME_ALL, ARGS(TXT(store_host(job->store))));
	for (size_t i = 0; n >= 0 && i < call->count; i++) {
		n = store_exec(job, STMT_RESUME,
			ARGS(TXT(call->places[i].bank), TXT(call->places[i].slot)));
		job->count += n;
	}
	return n < 0 ? (int)n : 0;
}

void store_resume(struct store *store, const struct store_place *places, size_t count,
	store_count_fn *done, void *arg)
{
	static const struct store_verb verb = { "resume", resume_run, store_finish_count, true };
	struct places_job *call = places_job_new(store, &verb, places, count);

	call->job.callback.count = done;
	call->job.arg = arg;
	store_job_submit(&call->job);
}

/* ---- what is drained ------------------------------------------------------------------------ */

static int drains_run(struct store_job *job)
{
	struct store_table table;
	int err = store_select(job, STMT_DRAINS, NULL, 0, &table);

	if (err)
		return err;
	struct store_drained *rows = job_out(job, table.rows, sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	for (size_t i = 0; i < table.rows; i++) {
		const struct backend_value *row = table_row(&table, i);
		rows[i] = (struct store_drained) { row[0].text, row[1].text, row[2].num, row[3].num,
			row[4].num, row[5].num, row[6].num };
	}
	job->result = rows;
	job->count = (int64_t)table.rows;
	return 0;
}

static void drains_finish(struct store_job *job)
{
	if (job->callback.drains)
		job->callback.drains(
			job->arg, job->err, job->result, job->err ? 0 : (size_t)job->count);
}

void store_drains(struct store *store, store_drains_fn *done, void *arg)
{
	static const struct store_verb verb = { "drains", drains_run, drains_finish, false };
	struct store_job *job = store_job_new(store, sizeof(*job), &verb);

	job->callback.drains = done;
	job->arg = arg;
	store_job_submit(job);
}
