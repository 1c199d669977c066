/* store_closes.c - verbs that end operations: close, and what ends by itself. */
#include "store/store_impl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- what a close does beside --------------------------------------------------------------- */

static bool uses_up(enum store_activation_state state)
{
	switch (state) {
	case STORE_ACTIVATION_SOLD:
	case STORE_ACTIVATION_REFUSED:
	case STORE_ACTIVATION_REFUNDED: return true;
	case STORE_ACTIVATION_OPEN:
	case STORE_ACTIVATION_CANCELLED:
	case STORE_ACTIVATION_RELEASED:
	case STORE_ACTIVATION_STATES: break;
	}
	return false;
}

static int64_t not_negative(int64_t n)
{
	return n > 0 ? n : 0;
}

/* From `was` (OPEN: it is closed just now) to the state it has. A rent uses nothing up; what counts
 * is how many failed in a row. */
static int note_used(struct store_job *job, const struct store_activation *activation,
	enum store_activation_state was, int64_t now_ms, const struct store_used **out)
{
	enum store_activation_state is = activation->state;
	int sold = uses_up(is) - uses_up(was);
	int cancelled = (is == STORE_ACTIVATION_CANCELLED) - (was == STORE_ACTIVATION_CANCELLED);
	bool success = activation->rent && is == STORE_ACTIVATION_SOLD;
	struct store_table table;

	if (activation->rent)
		sold = 0;
	if (!sold && !cancelled && !success)
		return 0;
	const struct backend_value key[] = { TXT(activation->seller), TXT(activation->service),
		TXT(activation->number) };
	int err = store_select(job, STMT_USED_GET, key, 3, &table);
	if (err)
		return err;
	static const struct backend_value none[3];
	const struct backend_value *row = table.rows ? table_row(&table, 0) : none;
	int64_t changed = store_counter_next(job, "used");
	if (changed < 0)
		return (int)changed;
	struct store_used *used = job_out(job, 1, sizeof(*used));
	if (!used)
		return -ENOMEM;
	*used = (struct store_used) {
		.seller = activation->seller,
		.service = activation->service,
		.number = activation->number,
		.sold = (int)not_negative(row[0].num + sold),
		.cancelled = success ? 0 : (int)not_negative(row[1].num + cancelled),
		.cancelled_ms = cancelled > 0 ? now_ms : row[2].num,
		.changed = changed,
	};
	*out = used;
	int64_t n = store_exec(job, STMT_USED_PUT,
		ARGS(key[0], key[1], key[2], INT(used->sold), INT(used->cancelled),
			INT(used->cancelled_ms), INT(changed)));
	return n < 0 ? (int)n : 0;
}

static int refund(struct store_job *job, const struct store_activation *activation, int64_t now_ms)
{
	char entry[STORE_LEDGER_ID_SIZE];
	const struct store_booking booking = { .id = entry,
		.customer = activation->customer,
		.kind = "refund",
		.note = activation->reason,
		.amount = activation->price,
		.activation = activation->id,
		.at_ms = now_ms };

	snprintf(entry, sizeof(entry), "refund-%lld", (long long)activation->id);
	int n = store_book(job, &booking);
	if (n <= 0)
		return n;
	n = (int)store_exec(job, STMT_ACTIVATION_REFUNDED, ARGS(INT(activation->id)));
	return n < 0 ? n : 0;
}

/* ---- close ---------------------------------------------------------------------------------- */

struct close_job {
	struct store_job job;
	struct store_close close;
};

/* due_ms: closes it only if it has ended by then; 0: in any case. */
static int close_open(struct store_job *job, const struct store_close *close, int64_t due_ms)
{
	return (int)store_exec(job, STMT_ACTIVATION_CLOSE,
		ARGS(INT(close->id), TXT(close->seller), TXT(close->customer), INT(close->state),
			INT(close->finish_status), TXT(close->reason), INT(close->sum),
			INT(close->now_ms), INT(close->only_textless), INT(due_ms)));
}

/* It was closed by this. */
static int close_done(
	struct store_job *job, const struct store_close *close, struct store_closed *closed)
{
	int err =
		store_activation_get(job, STMT_ACTIVATION_GET, INT(close->id), &closed->activation);
	if (err || !closed->activation)
		return err;
	const struct store_activation *row = closed->activation;
	closed->found = true;
	err = note_used(job, row, STORE_ACTIVATION_OPEN, close->now_ms, &closed->used);
	if (err || !close->refund || row->texts || !row->price || !*row->customer)
		return err;
	err = refund(job, row, close->now_ms);
	if (err)
		return err;
	return store_activation_get(job, STMT_ACTIVATION_GET, INT(close->id), &closed->activation);
}

/* A later word on one that is closed. */
static int close_amend(
	struct store_job *job, const struct store_close *close, struct store_closed *closed)
{
	const struct store_activation *row = closed->activation;
	enum store_activation_state was = row->state;

	if (was == close->state && row->finish_status == close->finish_status &&
		(!close->sum || row->sum == close->sum))
		return 0;
	int64_t n = store_exec(job, STMT_ACTIVATION_AMEND,
		ARGS(INT(close->id), INT(was), INT(close->state), INT(close->finish_status),
			TXT(close->reason), INT(close->sum)));
	if (n <= 0) /* another host was quicker: once more */
		return n < 0 ? (int)n : -EAGAIN;
	int err =
		store_activation_get(job, STMT_ACTIVATION_GET, INT(close->id), &closed->activation);
	if (err || !closed->activation)
		return err;
	return note_used(job, closed->activation, was, close->now_ms, &closed->used);
}

static bool is_theirs(const struct store_close *close, const struct store_activation *row)
{
	return (!*close->seller || strcmp(close->seller, row->seller) == 0) &&
	       (!*close->customer || strcmp(close->customer, row->customer) == 0);
}

static int close_run(struct store_job *job)
{
	const struct store_close *close = &((struct close_job *)job)->close;
	struct store_closed *closed = job->result = job_out(job, 1, sizeof(*closed));

	if (!closed)
		return -ENOMEM;
	int n = close_open(job, close, 0);
	if (n < 0)
		return n;
	if (n > 0)
		return close_done(job, close, closed);
	int err =
		store_activation_get(job, STMT_ACTIVATION_GET, INT(close->id), &closed->activation);
	if (err)
		return err;
	if (!closed->activation || !is_theirs(close, closed->activation)) {
		closed->activation = NULL;
		return 0;
	}
	closed->found = true;
	closed->existed = closed->activation->state != STORE_ACTIVATION_OPEN;
	closed->denied = !closed->existed;
	return closed->existed && close->amend ? close_amend(job, close, closed) : 0;
}

static void close_finish(struct store_job *job)
{
	if (job->callback.closed)
		job->callback.closed(job->arg, job->err, job->err ? NULL : job->result);
}

void store_activation_close(
	struct store *store, const struct store_close *close, store_closed_fn *done, void *arg)
{
	static const struct store_verb verb = { "activation_close", close_run, close_finish, true };
	struct close_job *call = store_job_new(store, sizeof(*call), &verb);
	struct store_job *job = &call->job;

	job->callback.closed = done;
	job->arg = arg;
	if (!job->err && (close->state <= STORE_ACTIVATION_OPEN ||
				 close->state >= STORE_ACTIVATION_STATES || close->sum < 0))
		job->err = -EINVAL;
	call->close = *close;
	call->close.seller = job_text(job, close->seller);
	call->close.customer = job_text(job, close->customer);
	call->close.reason = job_name(job, close->reason, STORE_NAME_SIZE);
	store_job_submit(job);
}

/* ---- what ends by itself -------------------------------------------------------------------- */

struct expire_job {
	struct store_job job;
	int64_t now_ms;
};

struct expire_result {
	struct store_activation *rows;
	size_t count;
	int64_t next_ms;
};

static struct store_close end_of(const struct store_activation *row, int64_t now_ms)
{
	struct store_close close = { .id = row->id,
		.seller = "",
		.customer = "",
		.state = STORE_ACTIVATION_RELEASED,
		.reason = "unanswered",
		.now_ms = now_ms };

	if (!*row->customer)
		return close;
	close.state = row->texts ? STORE_ACTIVATION_SOLD : STORE_ACTIVATION_CANCELLED;
	close.reason = row->expires_ms <= now_ms ? "expired" : "no_text";
	close.only_textless = !row->texts;
	close.refund = true;
	return close;
}

static int expire_one(struct store_job *job, const struct store_activation *row, int64_t now_ms,
	struct expire_result *result)
{
	const struct store_close close = end_of(row, now_ms);
	struct store_closed closed = { 0 };

	int n = close_open(job, &close, now_ms);
	if (n <= 0) /* another host was quicker, or a text */
		return n;
	int err = close_done(job, &close, &closed);
	if (!err && closed.activation)
		result->rows[result->count++] = *closed.activation;
	return err;
}

static int expire_run(struct store_job *job)
{
	int64_t now_ms = ((struct expire_job *)job)->now_ms;
	struct expire_result *result = job->result = job_out(job, 1, sizeof(*result));
	struct store_activation *due;
	struct store_table table;
	size_t count;

	if (!result)
		return -ENOMEM;
	int err = store_activations_read(
		job, STMT_ACTIVATIONS_DUE, ARGS(INT(now_ms), INT(STORE_PAGE_MAX)), &due, &count);
	if (err)
		return err;
	result->rows = job_out(job, count, sizeof(*result->rows));
	if (!result->rows)
		return -ENOMEM;
	for (size_t i = 0; i < count && !err; i++)
		err = expire_one(job, &due[i], now_ms, result);
	if (!err)
		err = store_select(job, STMT_ACTIVATIONS_NEXT, NULL, 0, &table);
	if (!err && table.rows)
		result->next_ms = table_row(&table, 0)[0].num;
	return err;
}

static void expire_finish(struct store_job *job)
{
	const struct expire_result *result = job->result;

	if (!job->callback.expired)
		return;
	if (job->err)
		job->callback.expired(job->arg, job->err, NULL, 0, 0);
	else
		job->callback.expired(job->arg, 0, result->rows, result->count, result->next_ms);
}

void store_activations_expire(
	struct store *store, int64_t now_ms, store_expired_fn *done, void *arg)
{
	static const struct store_verb verb = { "activations_expire", expire_run, expire_finish,
		true };
	struct expire_job *call = store_job_new(store, sizeof(*call), &verb);

	call->job.callback.expired = done;
	call->job.arg = arg;
	call->now_ms = now_ms;
	store_job_submit(&call->job);
}
