/* store_orders_view.c - what is read of operations, and what can be sold. */
#include "store/store_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_DEFAULT = 100 };

const char *store_activation_state_name(enum store_activation_state state)
{
	switch (state) {
	case STORE_ACTIVATION_OPEN: return "open";
	case STORE_ACTIVATION_SOLD: return "sold";
	case STORE_ACTIVATION_CANCELLED: return "cancelled";
	case STORE_ACTIVATION_REFUSED: return "refused";
	case STORE_ACTIVATION_REFUNDED: return "refunded";
	case STORE_ACTIVATION_RELEASED: return "released";
	case STORE_ACTIVATION_STATES: break;
	}
	return "?";
}

/* ---- lists of operations -------------------------------------------------------------------- */

struct list_job {
	struct store_job job;
	struct store_activations_query query; /* "" for any */
};

static void list_finish(struct store_job *job)
{
	if (job->callback.activations)
		job->callback.activations(
			job->arg, job->err, job->result, job->err ? 0 : (size_t)job->count);
}

static int list_end(struct store_job *job, int err, struct store_activation *rows, size_t count)
{
	if (err)
		return err;
	job->result = rows;
	job->count = (int64_t)count;
	return 0;
}

static int open_run(struct store_job *job)
{
	struct store_activation *rows;
	size_t count;
	int err = store_activations_read(job, STMT_ACTIVATIONS_OPEN, NULL, 0, &rows, &count);
	return list_end(job, err, rows, count);
}

static bool fits(const struct store_activations_query *query, const struct store_activation *row)
{
	return (!*query->seller || strcmp(query->seller, row->seller) == 0) &&
	       (!*query->customer || strcmp(query->customer, row->customer) == 0) &&
	       (!query->open || row->state == STORE_ACTIVATION_OPEN) && (!query->rent || row->rent);
}

/* The one with this id, if it fits. */
static int one_read(struct store_job *job, const struct store_activations_query *query,
	struct store_activation **row, size_t *count)
{
	int err =
		store_activations_read(job, STMT_ACTIVATION_GET, ARGS(INT(query->id)), row, count);
	if (!err && *count && !fits(query, *row))
		*count = 0;
	return err;
}

static int list_run(struct store_job *job)
{
	const struct store_activations_query *query = &((struct list_job *)job)->query;
	struct store_activation *rows;
	size_t count;

	if (query->id) {
		int err = one_read(job, query, &rows, &count);
		return err ? err : list_end(job, 0, rows, count);
	}
	int err = store_activations_read(job,
		*query->customer ? STMT_ACTIVATIONS_OF : STMT_ACTIVATIONS,
		ARGS(TXT(query->seller), TXT(query->customer), INT(query->open), INT(query->rent),
			INT((int64_t)query->limit)),
		&rows, &count);
	return list_end(job, err, rows, count);
}

void store_activations_open(struct store *store, store_activations_fn *done, void *arg)
{
	static const struct store_verb verb = { "activations_open", open_run, list_finish, false };
	struct store_job *job = store_job_new(store, sizeof(*job), &verb);

	job->callback.activations = done;
	job->arg = arg;
	store_job_submit(job);
}

void store_activations(struct store *store, const struct store_activations_query *query,
	store_activations_fn *done, void *arg)
{
	static const struct store_verb verb = { "activations", list_run, list_finish, false };
	struct list_job *call = store_job_new(store, sizeof(*call), &verb);
	struct store_job *job = &call->job;

	job->callback.activations = done;
	job->arg = arg;
	call->query = *query;
	call->query.seller = job_text(job, query->seller);
	call->query.customer = job_text(job, query->customer);
	if (!query->limit)
		call->query.limit = ROWS_DEFAULT;
	else if (query->limit > STORE_ACTIVATIONS_MAX)
		call->query.limit = STORE_ACTIVATIONS_MAX;
	store_job_submit(job);
}

/* ---- its texts ------------------------------------------------------------------------------ */

struct texts_job {
	struct store_job job;
	struct store_activations_query query;
};

struct texts_result {
	const struct store_activation *activation;
	struct store_activation_text *rows;
	size_t count;
};

static int texts_read(struct store_job *job, int64_t id, struct texts_result *result)
{
	struct store_table table;

	int err = store_select(
		job, STMT_ACTIVATION_TEXTS, ARGS(INT(id), INT(STORE_TEXTS_MAX)), &table);
	if (err)
		return err;
	result->rows = job_out(job, table.rows, sizeof(*result->rows));
	if (!result->rows)
		return -ENOMEM;
	for (size_t i = 0; i < table.rows; i++) {
		const struct backend_value *row = table_row(&table, i);
		result->rows[i] = (struct store_activation_text) { row[0].text, row[1].text,
			row[2].text, row[3].num, row[4].num };
	}
	result->count = table.rows;
	return 0;
}

static int texts_run(struct store_job *job)
{
	const struct store_activations_query *query = &((struct texts_job *)job)->query;
	struct texts_result *result = job->result = job_out(job, 1, sizeof(*result));
	struct store_activation *row;
	size_t rows;

	if (!result)
		return -ENOMEM;
	int err = one_read(job, query, &row, &rows);
	if (err || !rows)
		return err;
	result->activation = row;
	return texts_read(job, query->id, result);
}

static void texts_finish(struct store_job *job)
{
	const struct texts_result *result = job->result;

	if (!job->callback.texts)
		return;
	if (job->err)
		job->callback.texts(job->arg, job->err, NULL, NULL, 0);
	else
		job->callback.texts(job->arg, 0, result->activation, result->rows, result->count);
}

void store_activation_texts(
	struct store *store, int64_t id, const char *customer, store_texts_fn *done, void *arg)
{
	static const struct store_verb verb = { "activation_texts", texts_run, texts_finish,
		false };
	struct texts_job *call = store_job_new(store, sizeof(*call), &verb);

	call->job.callback.texts = done;
	call->job.arg = arg;
	call->query.id = id;
	call->query.seller = "";
	call->query.customer = job_text(&call->job, customer);
	store_job_submit(&call->job);
}

/* ---- counts --------------------------------------------------------------------------------- */

struct counts_job {
	struct store_job job;
	int64_t now_ms;
};

static int counts_run(struct store_job *job)
{
	int64_t now_ms = ((struct counts_job *)job)->now_ms;
	struct store_activation_counts *counts = job->result = job_out(job, 1, sizeof(*counts));
	struct store_table table;

	if (!counts)
		return -ENOMEM;
	int err = store_select(
		job, STMT_ACTIVATION_COUNTS, ARGS(INT(now_ms - STORE_ANSWER_MS)), &table);
	for (size_t i = 0; !err && i < table.rows; i++) {
		const struct backend_value *row = table_row(&table, i);
		if (row[0].num < 0 || row[0].num >= STORE_ACTIVATION_STATES)
			continue;
		counts->states[row[0].num] = row[1].num;
		if (row[0].num != STORE_ACTIVATION_OPEN)
			continue;
		counts->open_with_text = row[2].num;
		counts->open_unanswered = row[3].num;
	}
	return err;
}

static void counts_finish(struct store_job *job)
{
	if (job->callback.activation_counts)
		job->callback.activation_counts(job->arg, job->err, job->err ? NULL : job->result);
}

void store_activation_counts(
	struct store *store, int64_t now_ms, store_activation_counts_fn *done, void *arg)
{
	static const struct store_verb verb = { "activation_counts", counts_run, counts_finish,
		false };
	struct counts_job *call = store_job_new(store, sizeof(*call), &verb);

	call->job.callback.activation_counts = done;
	call->job.arg = arg;
	call->now_ms = now_ms;
	store_job_submit(&call->job);
}

/* ---- who sells ------------------------------------------------------------------------------ */

struct sell_job {
	struct store_job job;
	struct store_bank_sell *banks;
	size_t count;
};

static int sell_run(struct store_job *job)
{
	const struct sell_job *call = (struct sell_job *)job;

	for (size_t i = 0; i < call->count; i++) {
		const struct store_bank_sell *bank = &call->banks[i];
		int64_t n = store_exec(job, STMT_BANK_SELL_CLEAR, ARGS(TXT(bank->bank)));
		for (size_t k = 0; k < bank->count && n >= 0; k++)
			n = store_exec(job, STMT_BANK_SELL_PUT,
				ARGS(TXT(bank->bank), TXT(bank->sellers[k])));
		if (n < 0)
			return (int)n;
	}
	return 0;
}

void store_banks_sell(struct store *store, const struct store_bank_sell *banks, size_t count,
	store_done_fn *done, void *arg)
{
	static const struct store_verb verb = { "banks_sell", sell_run, store_finish_done, true };
	struct sell_job *call = store_job_new(store, sizeof(*call), &verb);
	struct store_job *job = &call->job;

	job->callback.done = done;
	job->arg = arg;
	job->pool = true;
	call->banks = job_array(job, count, sizeof(*banks));
	for (size_t i = 0; call->banks && i < count; i++) {
		call->banks[i].bank = job_name(job, banks[i].bank, STORE_NAME_SIZE);
		call->banks[i].sellers = job_names(job, banks[i].sellers, banks[i].count);
		call->banks[i].count = call->banks[i].sellers ? banks[i].count : 0;
	}
	call->count = call->banks ? count : 0;
	store_job_submit(job);
}

/* ---- what can be sold ----------------------------------------------------------------------- */

static int by_number(const void *a, const void *b)
{
	const struct store_sellable *x = *(const struct store_sellable *const *)a;
	const struct store_sellable *y = *(const struct store_sellable *const *)b;
	int order = strcmp(x->number, y->number);
	return order ? order : strcmp(x->card_id, y->card_id);
}

/* A number that two cards have is nobody's: it loses its number in the list. */
static int drop_doubles(struct store_job *job, struct store_sellable *rows, size_t count)
{
	struct store_sellable **sorted = job_out(job, count, sizeof(*sorted));
	if (!sorted)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		sorted[i] = &rows[i];
	qsort(sorted, count, sizeof(*sorted), by_number);
	for (size_t i = 0, end; i < count; i = end) {
		const char *number = sorted[i]->number;
		for (end = i + 1; end < count && !strcmp(sorted[end]->number, number);)
			end++;
		bool one = strcmp(sorted[i]->card_id, sorted[end - 1]->card_id) == 0;
		for (size_t k = i; k < end && !one; k++)
			sorted[k]->number = "";
	}
	return 0;
}

static int sellables_run(struct store_job *job)
{
	struct store_table table;

	int err = store_select(job, STMT_SELLABLES, NULL, 0, &table);
	if (err)
		return err;
	struct store_sellable *rows = job->result = job_out(job, table.rows, sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	for (size_t i = 0; i < table.rows; i++) {
		const struct backend_value *row = table_row(&table, i);
		rows[i] = (struct store_sellable) { row[0].text, row[1].text, row[2].text,
			row[3].text, row[4].text, row[5].text, row[6].text, (int)row[7].num,
			(int)row[8].num };
	}
	err = drop_doubles(job, rows, table.rows);
	for (size_t i = 0; i < table.rows && !err; i++)
		if (*rows[i].number)
			rows[job->count++] = rows[i];
	return err;
}

static void sellables_finish(struct store_job *job)
{
	if (job->callback.sellables)
		job->callback.sellables(
			job->arg, job->err, job->result, job->err ? 0 : (size_t)job->count);
}

void store_sellables(struct store *store, store_sellables_fn *done, void *arg)
{
	static const struct store_verb verb = { "sellables", sellables_run, sellables_finish,
		false };
	struct store_job *job = store_job_new(store, sizeof(*job), &verb);

	job->callback.sellables = done;
	job->arg = arg;
	store_job_submit(job);
}

/* ---- what is used up ------------------------------------------------------------------------ */

struct useds_job {
	struct store_job job;
	int64_t since;
};

static int useds_run(struct store_job *job)
{
	struct store_table table;

	int err =
		store_select(job, STMT_USEDS, ARGS(INT(((struct useds_job *)job)->since)), &table);
	if (err)
		return err;
	struct store_used *rows = job->result = job_out(job, table.rows, sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	for (size_t i = 0; i < table.rows; i++) {
		const struct backend_value *row = table_row(&table, i);
		rows[i] = (struct store_used) { row[0].text, row[1].text, row[2].text,
			(int)row[3].num, (int)row[4].num, row[5].num, row[6].num };
	}
	job->count = (int64_t)table.rows;
	return 0;
}

static void useds_finish(struct store_job *job)
{
	if (job->callback.useds)
		job->callback.useds(
			job->arg, job->err, job->result, job->err ? 0 : (size_t)job->count);
}

void store_useds(struct store *store, int64_t since, store_useds_fn *done, void *arg)
{
	static const struct store_verb verb = { "useds", useds_run, useds_finish, false };
	struct useds_job *call = store_job_new(store, sizeof(*call), &verb);

	call->job.callback.useds = done;
	call->job.arg = arg;
	call->since = since;
	store_job_submit(&call->job);
}
