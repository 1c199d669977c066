/* store_customers.c - verbs for customers and their money. */
#include "store/store_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPENING_ID_SIZE = STORE_NAME_SIZE + 10 };

static struct store_customer customer_read(const struct backend_value *cells)
{
	return (struct store_customer) {
		.name = cells[0].text,
		.key_hash = cells[1].text,
		.configured = cells[2].num != 0,
		.disabled = cells[3].num != 0,
		.gone = cells[4].num != 0,
		.balance = cells[5].num,
		.created_ms = cells[6].num,
		.open = cells[7].num,
		.orders = cells[8].num,
	};
}

int store_book(struct store_job *job, const struct store_booking *booking)
{
	int64_t n = store_exec(job, STMT_LEDGER_ADD,
		ARGS(TXT(booking->id), TXT(booking->customer), INT(booking->at_ms),
			INT(booking->amount), INT(booking->activation), TXT(booking->kind),
			TXT(booking->note)));
	if (n <= 0)
		return (int)n;
	n = store_exec(job, STMT_CUSTOMER_BOOK, ARGS(TXT(booking->customer), INT(booking->amount)));
	return n == 1 ? 1 : n < 0 ? (int)n : -ERANGE;
}

/* ---- the configuration's -------------------------------------------------------------------- */

struct customers_job {
	struct store_job job;
	struct store_customer *rows;
	size_t count;
	int64_t now_ms;
};

static int customer_put(
	const struct customers_job *call, struct store_job *job, const struct store_customer *row)
{
	char entry[OPENING_ID_SIZE];
	const struct store_booking opening = { .id = entry,
		.customer = row->name,
		.kind = "opening",
		.note = "",
		.amount = row->balance,
		.at_ms = call->now_ms };

	int64_t n = store_exec(job, STMT_CUSTOMER_PUT,
		ARGS(TXT(row->name), TXT(row->key_hash), TXT(store_host(job->store)),
			INT(call->now_ms)));
	if (n < 0)
		return (int)n;
	snprintf(entry, sizeof(entry), "opening-%s", row->name);
	int booked = store_book(job, &opening);
	return booked < 0 ? booked : 0;
}

static int name_cmp(const void *a, const void *b)
{
	return strcmp(
		((const struct store_customer *)a)->name, ((const struct store_customer *)b)->name);
}

static int load_run(struct store_job *job)
{
	const struct customers_job *call = (struct customers_job *)job;
	struct store_table table;
	int err = 0;

	for (size_t i = 0; i < call->count && !err; i++)
		err = customer_put(call, job, &call->rows[i]);
	if (!err)
		err = store_select(
			job, STMT_CUSTOMERS_OF, ARGS(TXT(store_host(job->store))), &table);
	for (size_t i = 0; !err && i < table.rows; i++) {
		const struct store_customer key = { .name = table_row(&table, i)[0].text };
		if (call->count && bsearch(&key, call->rows, call->count, sizeof(key), name_cmp))
			continue;
		int64_t n = store_exec(
			job, STMT_CUSTOMER_GONE, ARGS(TXT(key.name), TXT(store_host(job->store))));
		err = n < 0 ? (int)n : 0;
	}
	return err;
}

void store_customers_load(struct store *store, const struct store_customer *customers, size_t count,
	int64_t now_ms, store_done_fn *done, void *arg)
{
	static const struct store_verb verb = { "customers_load", load_run, store_finish_done,
		true };
	struct customers_job *call = store_job_new(store, sizeof(*call), &verb);
	struct store_job *job = &call->job;

	job->callback.done = done;
	job->arg = arg;
	call->now_ms = now_ms;
	call->rows = job_array(job, count, sizeof(*customers));
	for (size_t i = 0; call->rows && i < count; i++) {
		if (customers[i].balance < 0 && !job->err)
			job->err = -EINVAL;
		call->rows[i].name = job_name(job, customers[i].name, STORE_NAME_SIZE);
		call->rows[i].key_hash = job_name(job, customers[i].key_hash, STORE_KEY_HASH_SIZE);
		call->rows[i].balance = customers[i].balance;
	}
	call->count = call->rows ? count : 0;
	if (!job->err && call->count)
		qsort(call->rows, count, sizeof(*call->rows), name_cmp);
	store_job_submit(job);
}

/* ---- by hand -------------------------------------------------------------------------------- */

struct customer_job {
	struct store_job job;
	const char *name, *key_hash, *note;
	int64_t amount, now_ms;
	bool disabled;
	char id[STORE_ID_SIZE];
};

static struct customer_job *customer_job_new(
	struct store *store, const struct store_verb *verb, const char *name, void *arg)
{
	struct customer_job *call = store_job_new(store, sizeof(*call), verb);

	call->job.arg = arg;
	call->name = job_name(&call->job, name, STORE_NAME_SIZE);
	if (!call->job.err && !*call->name)
		call->job.err = -EINVAL;
	return call;
}

static int add_run(struct store_job *job)
{
	const struct customer_job *call = (struct customer_job *)job;
	struct store_table same, all;

	int err = store_select(
		job, STMT_CUSTOMER_KEY, ARGS(TXT(call->name), TXT(call->key_hash)), &same);
	if (!err)
		err = store_select(job, STMT_CUSTOMERS_COUNT, NULL, 0, &all);
	if (err)
		return err;
	if (same.rows)
		job->refused = -EEXIST;
	else if (table_row(&all, 0)[0].num >= STORE_CUSTOMERS_MAX)
		job->refused = -ENOSPC;
	if (job->refused)
		return 0;
	int64_t n = store_exec(job, STMT_CUSTOMER_PUT,
		ARGS(TXT(call->name), TXT(call->key_hash), TXT(""), INT(call->now_ms)));
	return n < 0 ? (int)n : 0;
}

void store_customer_add(struct store *store, const char *name, const char *key_hash, int64_t now_ms,
	store_done_fn *done, void *arg)
{
	static const struct store_verb verb = { "customer_add", add_run, store_finish_done, true };
	struct customer_job *call = customer_job_new(store, &verb, name, arg);

	call->job.callback.done = done;
	call->key_hash = job_name(&call->job, key_hash, STORE_KEY_HASH_SIZE);
	if (!call->job.err && !*call->key_hash)
		call->job.err = -EINVAL;
	call->now_ms = now_ms;
	store_job_submit(&call->job);
}

/* The customer's row; NULL: there is none. */
static int customer_get(struct store_job *job, const char *name, const struct backend_value **row)
{
	struct store_table table;

	int err = store_select(job, STMT_CUSTOMER_GET, ARGS(TXT(name)), &table);
	if (!err)
		*row = table.rows ? table_row(&table, 0) : NULL;
	return err;
}

static int topup_run(struct store_job *job)
{
	const struct customer_job *call = (struct customer_job *)job;
	const struct store_booking booking = { .id = call->id,
		.customer = call->name,
		.kind = "topup",
		.note = call->note,
		.amount = call->amount,
		.at_ms = call->now_ms };
	const struct backend_value *row;

	int err = customer_get(job, call->name, &row);
	if (err)
		return err;
	if (!row)
		job->refused = -ENOENT;
	else if (row[5].num + call->amount < 0 || row[5].num + call->amount > STORE_BALANCE_MAX)
		job->refused = -ERANGE;
	if (job->refused)
		return 0;
	err = store_book(job, &booking);
	if (err >= 0)
		err = customer_get(job, call->name, &row);
	if (!err && row)
		job->count = row[5].num;
	return err;
}

void store_customer_topup(struct store *store, const char *name, int64_t amount, const char *note,
	int64_t now_ms, store_count_fn *done, void *arg)
{
	static const struct store_verb verb = { "customer_topup", topup_run, store_finish_count,
		true };
	struct customer_job *call = customer_job_new(store, &verb, name, arg);

	call->job.callback.count = done;
	call->note = job_text(&call->job, note);
	call->amount = amount;
	call->now_ms = now_ms;
	if (!call->job.err && (amount > STORE_BALANCE_MAX || amount < -STORE_BALANCE_MAX))
		call->job.err = -ERANGE;
	store_new_id(store, call->id);
	store_job_submit(&call->job);
}

static int disable_run(struct store_job *job)
{
	const struct customer_job *call = (struct customer_job *)job;
	int64_t n =
		store_exec(job, STMT_CUSTOMER_DISABLE, ARGS(TXT(call->name), INT(call->disabled)));
	if (n == 0)
		job->refused = -ENOENT;
	return n < 0 ? (int)n : 0;
}

void store_customer_disable(
	struct store *store, const char *name, bool disabled, store_done_fn *done, void *arg)
{
	static const struct store_verb verb = { "customer_disable", disable_run, store_finish_done,
		true };
	struct customer_job *call = customer_job_new(store, &verb, name, arg);

	call->job.callback.done = done;
	call->disabled = disabled;
	store_job_submit(&call->job);
}

/* ---- reading -------------------------------------------------------------------------------- */

static int customers_run(struct store_job *job)
{
	struct store_table table;

	int err = store_select(
		job, STMT_CUSTOMERS, ARGS(INT(INT64_C(2) * STORE_CUSTOMERS_MAX)), &table);
	if (err)
		return err;
	struct store_customer *rows = job->result = job_out(job, table.rows, sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	for (size_t i = 0; i < table.rows; i++)
		rows[i] = customer_read(table_row(&table, i));
	job->count = (int64_t)table.rows;
	return 0;
}

static void customers_finish(struct store_job *job)
{
	if (job->callback.customers)
		job->callback.customers(
			job->arg, job->err, job->result, job->err ? 0 : (size_t)job->count);
}

void store_customers(struct store *store, store_customers_fn *done, void *arg)
{
	static const struct store_verb verb = { "customers", customers_run, customers_finish,
		false };
	struct store_job *job = store_job_new(store, sizeof(*job), &verb);

	job->callback.customers = done;
	job->arg = arg;
	store_job_submit(job);
}

static int get_run(struct store_job *job)
{
	const struct backend_value *row;

	int err = customer_get(job, ((struct customer_job *)job)->name, &row);
	if (err || !row)
		return err;
	struct store_customer *customer = job->result = job_out(job, 1, sizeof(*customer));
	if (!customer)
		return -ENOMEM;
	*customer = customer_read(row);
	return 0;
}

static void get_finish(struct store_job *job)
{
	if (job->callback.customer)
		job->callback.customer(job->arg, job->err, job->err ? NULL : job->result);
}

void store_customer_get(struct store *store, const char *name, store_customer_fn *done, void *arg)
{
	static const struct store_verb verb = { "customer_get", get_run, get_finish, false };
	struct customer_job *call = customer_job_new(store, &verb, name, arg);

	call->job.callback.customer = done;
	store_job_submit(&call->job);
}

struct ledger_job {
	struct store_job job;
	const char *customer;
	size_t limit;
};

static int ledger_run(struct store_job *job)
{
	const struct ledger_job *call = (struct ledger_job *)job;
	struct store_table table;

	int err = store_select(
		job, STMT_LEDGER, ARGS(TXT(call->customer), INT((int64_t)call->limit)), &table);
	if (err)
		return err;
	struct store_ledger_row *rows = job->result = job_out(job, table.rows, sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	for (size_t i = 0; i < table.rows; i++) {
		const struct backend_value *row = table_row(&table, i);
		rows[i] = (struct store_ledger_row) { row[0].text, row[1].text, row[2].text,
			row[3].num, row[4].num, row[5].num };
	}
	job->count = (int64_t)table.rows;
	return 0;
}

static void ledger_finish(struct store_job *job)
{
	if (job->callback.ledger)
		job->callback.ledger(
			job->arg, job->err, job->result, job->err ? 0 : (size_t)job->count);
}

void store_ledger(
	struct store *store, const char *customer, size_t limit, store_ledger_fn *done, void *arg)
{
	static const struct store_verb verb = { "ledger", ledger_run, ledger_finish, false };
	struct ledger_job *call = store_job_new(store, sizeof(*call), &verb);

	call->job.callback.ledger = done;
	call->job.arg = arg;
	call->customer = job_text(&call->job, customer);
	call->limit = !limit ? 100 : limit < STORE_LEDGER_MAX ? limit : STORE_LEDGER_MAX;
	store_job_submit(&call->job);
}

struct turnovers_job {
	struct store_job job;
	int64_t since_ms;
};

static int turnovers_run(struct store_job *job)
{
	struct store_table table;

	int err = store_select(
		job, STMT_TURNOVERS, ARGS(INT(((struct turnovers_job *)job)->since_ms)), &table);
	if (err)
		return err;
	struct store_turnover *rows = job->result = job_out(job, table.rows, sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	for (size_t i = 0; i < table.rows; i++) {
		const struct backend_value *row = table_row(&table, i);
		rows[i] = (struct store_turnover) { row[0].text, row[1].num, row[2].num };
	}
	job->count = (int64_t)table.rows;
	return 0;
}

static void turnovers_finish(struct store_job *job)
{
	if (job->callback.turnovers)
		job->callback.turnovers(
			job->arg, job->err, job->result, job->err ? 0 : (size_t)job->count);
}

void store_turnovers(struct store *store, int64_t since_ms, store_turnovers_fn *done, void *arg)
{
	static const struct store_verb verb = { "turnovers", turnovers_run, turnovers_finish,
		false };
	struct turnovers_job *call = store_job_new(store, sizeof(*call), &verb);

	call->job.callback.turnovers = done;
	call->job.arg = arg;
	call->since_ms = since_ms;
	store_job_submit(&call->job);
}
