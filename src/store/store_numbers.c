/* store_numbers.c - verbs for the numbers of cards: the numbers file, by hand, and what is known.
 */
#include "store/store_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

struct store_verdict store_verdict(const struct backend_value *cells)
{
	return (struct store_verdict) {
		.number = cells[0].text,
		.source = (enum store_source)cells[1].num,
		.conflict = cells[2].num != 0,
		.said = { [STORE_NUMBER_UNKNOWN] = "",
			[STORE_NUMBER_USSD] = cells[3].text,
			[STORE_NUMBER_SIM] = cells[4].text,
			[STORE_NUMBER_FILE] = cells[5].text,
			[STORE_NUMBER_SET] = cells[6].text },
	};
}

enum store_source store_says_other(
	const struct store_verdict *verdict, enum store_source above, const char *number)
{
	for (int source = (int)above - 1; source > STORE_NUMBER_UNKNOWN; source--)
		if (*verdict->said[source] && strcmp(verdict->said[source], number) != 0)
			return (enum store_source)source;
	return STORE_NUMBER_UNKNOWN;
}

int64_t store_free_held(
	struct store_job *job, const char *card_id, const char *number, int64_t now_ms)
{
	int err = store_put(job, STMT_FREE_MESSAGES, ARGS(TXT(card_id), TXT(number)));
	if (err)
		return err;
	return store_exec(job, STMT_FREE_DELIVERIES,
		ARGS(TXT(card_id), INT(now_ms + store_ahead_ms(job, now_ms))));
}

/* ---- the numbers file ----------------------------------------------------------------------- */

struct numbers_job {
	struct store_job job;
	struct store_number *rows;
	size_t count;
	int64_t now_ms, taken;
	const char *taken_of; /* one of those hosts */
};

static int sellers_put(struct store_job *job, const struct store_number *row)
{
	int err = store_put(job, STMT_CARD_SELL_FORGET, ARGS(TXT(row->iccid)));

	for (size_t i = 0; i < row->sell_count && !err; i++)
		err = store_put(job, STMT_CARD_SELL_PUT, ARGS(TXT(row->iccid), TXT(row->sell[i])));
	return err;
}

static int numbers_write(const struct numbers_job *call, struct store_job *job)
{
	const char *host = store_host(job->store), *among = store_host_among(job->store);
	int err = store_put(job, STMT_CARD_SELL_CLEAR, ARGS(TXT(among)));
	if (!err)
		err = store_put(job, STMT_NUMBERS_MARK, ARGS(TXT(among)));
	for (size_t i = 0; i < call->count && !err; i++) {
		const struct store_number *row = &call->rows[i];
		err = store_put(job, STMT_NUMBER_PUT,
			ARGS(TXT(row->iccid), TXT(row->number), TXT(row->label),
				INT(row->operator_code), INT(row->rent), INT(row->date_start),
				INT(row->date_stop), INT(row->price), INT(row->balance),
				TXT(host)));
		if (!err)
			err = sellers_put(job, row);
	}
	if (!err)
		err = store_put(job, STMT_NUMBERS_CLEAR, NULL, 0);
	return err ? err : store_put(job, STMT_NUMBERS_FORGET, NULL, 0);
}

static int by_iccid(const void *a, const void *b)
{
	const struct store_number *x = a, *y = b;
	return strcmp(x->iccid, y->iccid);
}

/* Cards that another host's file names and this one's too: from now on they are this one's. */
static int numbers_take(struct numbers_job *call, struct store_job *job)
{
	struct store_table others;

	call->taken = 0;
	int err = store_select(
		job, STMT_NUMBERS_OTHERS, ARGS(TXT(store_host_among(job->store))), &others);
	for (size_t i = 0; !err && i < others.rows; i++) {
		const struct backend_value *row = table_row(&others, i);
		struct store_number key = { .iccid = row[0].text };
		if (!call->count || !bsearch(&key, call->rows, call->count, sizeof(key), by_iccid))
			continue;
		call->taken++;
		call->taken_of = row[1].text;
	}
	return err;
}

static int numbers_run(struct store_job *job)
{
	struct numbers_job *call = (struct numbers_job *)job;
	struct store_table held;

	int err = numbers_take(call, job);
	if (!err)
		err = numbers_write(call, job);
	if (!err)
		err = store_select(job, STMT_HELD_CARDS, NULL, 0, &held);
	if (err)
		return err;
	for (size_t i = 0; i < held.rows; i++) {
		const struct backend_value *row = table_row(&held, i);
		int64_t n = store_free_held(job, row[0].text, row[1].text, call->now_ms);
		if (n < 0)
			return (int)n;
		job->count += n;
	}
	return 0;
}

static void numbers_finish(struct store_job *job)
{
	const struct numbers_job *call = (struct numbers_job *)job;

	if (!job->err && call->taken)
		log_notice(LOGC_STORE, NULL, NULL,
			LOG_FIELDS(LOG_INT("cards", call->taken), LOG_STR("host", call->taken_of)),
			"cards are named by this host's numbers file and by that of another: this "
			"one, being newer, counts; name each card in one file");
	store_finish_count(job);
}

static void numbers_local(struct store *journal, const struct store_job *job)
{
	const struct numbers_job *call = (const struct numbers_job *)job;
	store_numbers_load(journal, call->rows, call->count, job->callback.count, job->arg);
}

void store_numbers_load(struct store *store, const struct store_number *rows, size_t count,
	store_count_fn *done, void *arg)
{
	static const struct store_verb verb = { "numbers_load", numbers_run, numbers_finish, true };
	struct numbers_job *call = store_job_new(store, sizeof(*call), &verb);
	struct store_job *job = &call->job;

	job->callback.count = done;
	job->arg = arg;
	job->pool = true;
	job->local = numbers_local;
	job->traits = TRAIT_BOTH | TRAIT_LONG;
	call->now_ms = store_now_ms(store);
	call->count = count;
	call->rows = job_array(job, count, sizeof(*rows));
	for (size_t i = 0; call->rows && i < count; i++) {
		call->rows[i] = rows[i];
		call->rows[i].iccid = job_name(job, rows[i].iccid, STORE_CARD_SIZE);
		call->rows[i].number = job_name(job, rows[i].number, STORE_NUMBER_SIZE);
		call->rows[i].label = job_text(job, rows[i].label);
		call->rows[i].sell = job_names(job, rows[i].sell, rows[i].sell_count);
		if (!call->rows[i].sell)
			call->rows[i].sell_count = 0;
	}
	if (!job->err && call->rows)
		qsort(call->rows, count, sizeof(*rows), by_iccid);
	store_job_submit(job);
}

/* ---- by hand -------------------------------------------------------------------------------- */

struct number_job {
	struct store_job job;
	const char *iccid, *number;
	int64_t now_ms;
};

/* What is known of the card now goes into the result; what waited for the number goes out. */
static int number_look(
	const struct number_job *call, struct store_job *job, struct store_number_change *change)
{
	struct store_table table;

	int err = store_select(job, STMT_CARD_GET, ARGS(TXT(call->iccid)), &table);
	if (err)
		return err;
	change->number = "";
	if (!table.rows)
		return 0;
	struct store_verdict verdict = store_verdict(table_row(&table, 0) + 2);
	change->known = true;
	change->number = verdict.number;
	change->source = verdict.source;
	change->conflict = verdict.conflict;
	if (!*verdict.number)
		return 0;
	change->freed = store_free_held(job, call->iccid, verdict.number, call->now_ms);
	return change->freed < 0 ? (int)change->freed : 0;
}

static int number_set_run(struct store_job *job)
{
	const struct number_job *call = (struct number_job *)job;
	struct store_number_change *change = job->result = job_out(job, 1, sizeof(*change));
	struct store_table table;

	if (!change)
		return -ENOMEM;
	int err = store_select(job, STMT_CARD_GET, ARGS(TXT(call->iccid)), &table);
	if (err)
		return err;
	bool known = table.rows > 0;
	int64_t n = store_exec(job, STMT_NUMBER_SET, ARGS(TXT(call->iccid), TXT(call->number)));
	if (n < 0)
		return (int)n;
	err = number_look(call, job, change);
	change->known = known;
	return err;
}

static int number_forget_run(struct store_job *job)
{
	const struct number_job *call = (struct number_job *)job;
	struct store_number_change *change = job->result = job_out(job, 1, sizeof(*change));

	if (!change)
		return -ENOMEM;
	int64_t n = store_exec(job, STMT_NUMBER_FORGET, ARGS(TXT(call->iccid)));
	int err = n < 0 ? (int)n : number_look(call, job, change);
	if (err)
		return err;
	n = store_exec(job, STMT_CARD_FORGET, ARGS(TXT(call->iccid)));
	return n < 0 ? (int)n : 0;
}

static void number_finish(struct store_job *job)
{
	if (job->callback.number)
		job->callback.number(job->arg, job->err, job->err ? NULL : job->result);
}

static struct number_job *number_job_new(struct store *store, const struct store_verb *verb,
	const char *iccid, store_number_fn *done, void *arg)
{
	struct number_job *call = store_job_new(store, sizeof(*call), verb);
	struct store_job *job = &call->job;

	job->callback.number = done;
	job->arg = arg;
	job->pool = true;
	call->iccid = job_name(job, iccid, STORE_CARD_SIZE);
	if (!job->err && !*call->iccid)
		job->err = -EINVAL;
	return call;
}

void store_number_set(struct store *store, const char *iccid, const char *number, int64_t now_ms,
	store_number_fn *done, void *arg)
{
	static const struct store_verb verb = { "number_set", number_set_run, number_finish, true };
	struct number_job *call = number_job_new(store, &verb, iccid, done, arg);
	struct store_job *job = &call->job;

	call->number = job_name(job, number, STORE_NUMBER_SIZE);
	call->now_ms = now_ms;
	if (!job->err && !*call->number)
		job->err = -EINVAL;
	store_job_submit(job);
}

void store_number_forget(
	struct store *store, const char *iccid, int64_t now_ms, store_number_fn *done, void *arg)
{
	static const struct store_verb verb = { "number_forget", number_forget_run, number_finish,
		true };
	struct number_job *call = number_job_new(store, &verb, iccid, done, arg);

	call->now_ms = now_ms;
	store_job_submit(&call->job);
}

/* ---- whose cards can be replaced ------------------------------------------------------------ */

struct takeoff_job {
	struct store_job job;
	const char *platform;
	int64_t sum, now_ms;
	struct store_takeoff *rows;
	size_t count;
};

static int takeoff_run(struct store_job *job)
{
	const struct takeoff_job *call = (struct takeoff_job *)job;
	int err = store_put(job, STMT_TAKEOFF_CLEAR, ARGS(TXT(call->platform)));

	for (size_t i = 0; i < call->count && !err; i++)
		err = store_put(job, STMT_TAKEOFF_PUT,
			ARGS(TXT(call->rows[i].number), TXT(call->platform), INT(call->sum),
				INT(call->rows[i].profit), INT(call->now_ms)));
	return err;
}

void store_takeoff_put(struct store *store, const char *platform, int64_t sum,
	const struct store_takeoff *rows, size_t count, int64_t now_ms, store_done_fn *done,
	void *arg)
{
	static const struct store_verb verb = { "takeoff_put", takeoff_run, store_finish_done,
		true };
	struct takeoff_job *call = store_job_new(store, sizeof(*call), &verb);
	struct store_job *job = &call->job;

	job->callback.done = done;
	job->arg = arg;
	call->platform = job_name(job, platform, STORE_NAME_SIZE);
	call->sum = sum;
	call->now_ms = now_ms;
	call->rows = job_array(job, count, sizeof(*rows));
	call->count = call->rows ? count : 0;
	for (size_t i = 0; i < call->count; i++) {
		call->rows[i] = rows[i];
		call->rows[i].number = job_name(job, rows[i].number, STORE_NUMBER_SIZE);
	}
	store_job_submit(job);
}

/* ---- what is known -------------------------------------------------------------------------- */

static void number_row(const struct backend_value *cells, struct store_number_row *row)
{
	struct store_verdict verdict = store_verdict(cells);

	cells += STORE_VERDICT_COLUMNS;
	*row = (struct store_number_row) {
		.card_id = cells[0].text,
		.file = { .iccid = cells[1].text,
			.number = verdict.said[STORE_NUMBER_FILE],
			.label = cells[2].text,
			.operator_code = (int)cells[3].num,
			.rent = (int)cells[4].num,
			.date_start = cells[5].num,
			.date_stop = cells[6].num,
			.price = cells[7].num,
			.balance = cells[8].num },
		.set = verdict.said[STORE_NUMBER_SET],
		.sim = verdict.said[STORE_NUMBER_SIM],
		.ussd = verdict.said[STORE_NUMBER_USSD],
		.number = verdict.number,
		.source = verdict.source,
		.other_source = store_says_other(&verdict, verdict.source, verdict.number),
		.conflict = verdict.conflict,
		.last_seen_ms = cells[9].num,
		.bank = cells[10].text,
		.slot = cells[11].text,
		.takeoff_platform = cells[12].text,
		.takeoff_ms = cells[13].num,
		.takeoff_sum = cells[14].num,
		.takeoff_profit = cells[15].num,
	};
	row->other = verdict.said[row->other_source];
}

static int list_run(struct store_job *job)
{
	struct store_table table;

	int err = store_select(job, STMT_NUMBERS, ARGS(INT(STORE_NUMBERS_MAX + 1)), &table);
	if (err)
		return err;
	struct store_number_row *rows = job_out(job, table.rows, sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	for (size_t i = 0; i < table.rows; i++)
		number_row(table_row(&table, i), &rows[i]);
	job->result = rows;
	job->count = (int64_t)table.rows;
	return 0;
}

static void list_finish(struct store_job *job)
{
	bool more = job->count > STORE_NUMBERS_MAX;
	size_t count = more ? STORE_NUMBERS_MAX : (size_t)job->count;

	if (job->err && job->callback.numbers)
		job->callback.numbers(job->arg, job->err, NULL, 0, false);
	else if (job->callback.numbers)
		job->callback.numbers(job->arg, 0, job->result, count, more);
}

void store_numbers(struct store *store, store_numbers_fn *done, void *arg)
{
	static const struct store_verb verb = { "numbers", list_run, list_finish, false };
	struct store_job *job = store_job_new(store, sizeof(*job), &verb);

	job->callback.numbers = done;
	job->arg = arg;
	store_job_submit(job);
}

/* ---- at two hosts --------------------------------------------------------------------------- */

static int twice_run(struct store_job *job)
{
	struct store_table table;

	int err = store_select(job, STMT_TWICE, ARGS(TXT(store_host(job->store))), &table);
	if (err)
		return err;
	struct store_twice *rows = job->result = job_out(job, table.rows, sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	for (size_t i = 0; i < table.rows; i++) {
		const struct backend_value *cells = table_row(&table, i);
		rows[i] = (struct store_twice) { cells[0].text, cells[1].text, cells[2].text,
			cells[3].text };
	}
	job->count = (int64_t)table.rows;
	return 0;
}

static void twice_finish(struct store_job *job)
{
	if (job->callback.twice)
		job->callback.twice(
			job->arg, job->err, job->result, job->err ? 0 : (size_t)job->count);
}

void store_twice(struct store *store, store_twice_fn *done, void *arg)
{
	static const struct store_verb verb = { "twice", twice_run, twice_finish, false };
	struct store_job *job = store_job_new(store, sizeof(*job), &verb);

	job->callback.twice = done;
	job->arg = arg;
	store_job_submit(job);
}
