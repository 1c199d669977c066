/* store_out.c - verbs for texts that leave: claims with a lease, outcomes, the operator's hand. */
#include "store/store_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- claiming ------------------------------------------------------------------------------- */

/* What a card has to send first, and when in the caller's time: next_ms of it or the end of the
 * card's running lease. */
struct head {
	const char *message_id;
	int64_t due_ms;
};

static int64_t due_ms_of(int64_t next_ms, int64_t busy_ms)
{
	return next_ms > busy_ms ? next_ms : busy_ms;
}

static struct head head_of(const struct backend_value *row, int64_t ahead_ms)
{
	return (struct head) { row[0].text, due_ms_of(row[1].num, row[2].num) - ahead_ms };
}

static void delivery_read(
	const struct backend_value *row, int64_t ahead_ms, struct store_delivery *out)
{
	*out = (struct store_delivery) {
		.message_id = row[0].text,
		.platform = row[1].text,
		.card_id = row[2].text,
		.bank = row[3].text,
		.slot = row[4].text,
		.number = row[5].text,
		.remote_id = row[6].text,
		.sender = row[7].text,
		.text = row[8].text,
		.sent_ms = row[9].num,
		.arrived_ms = row[10].num,
		.claimed_until_ms = row[11].num - ahead_ms,
		.first_try_ms = row[12].num,
		.attempts = (int)row[13].num,
		.parts = (int)row[14].num,
		.number_error_ms = row[15].num,
		.activation = row[16].num,
		.rent = row[17].num != 0,
		.activation_closed_ms = row[18].num,
		.activation_text = row[19].num,
	};
}

/* 0 says "none waits", so that a time of 0 is given as 1. */
static void earliest(int64_t *next_ms, int64_t due_ms)
{
	if (due_ms < 1)
		due_ms = 1;
	if (!*next_ms || due_ms < *next_ms)
		*next_ms = due_ms;
}

static int claim_put(struct store_job *job, const struct store_lease *lease, const char *message_id)
{
	int64_t ahead_ms = store_ahead_ms(job, lease->now_ms);
	return store_put(job, STMT_CLAIM,
		ARGS(TXT(message_id), TXT(lease->platform), TXT(store_host(job->store)),
			INT(lease->now_ms + ahead_ms + lease->lease_ms)));
}

/* Claims what the row has, the first that its card has to send, if it is due; next_ms: when it or
 * the end of its claim is. */
static int claim_first(struct store_job *job, const struct store_lease *lease,
	const struct backend_value *row, struct store_delivery *out, int64_t *next_ms)
{
	int64_t ahead_ms = store_ahead_ms(job, lease->now_ms);
	int64_t due_ms = due_ms_of(row[20].num, row[21].num) - ahead_ms;

	*next_ms = 0;
	if (due_ms > lease->now_ms) {
		earliest(next_ms, due_ms);
		return 0;
	}
	delivery_read(row, ahead_ms, out);
	out->claimed_until_ms = lease->now_ms + lease->lease_ms;
	earliest(next_ms, out->claimed_until_ms);
	int err = claim_put(job, lease, out->message_id);
	return err ? err : 1;
}

int store_claim_card(struct store_job *job, const struct store_lease *lease, const char *card_id,
	const char *only_id, struct store_delivery *out)
{
	struct store_table table;
	int64_t next_ms;

	int err = store_select(
		job, STMT_DELIVERY_HEAD, ARGS(TXT(lease->platform), TXT(card_id)), &table);
	if (err || !table.rows || strcmp(only_id, table_row(&table, 0)[0].text) != 0)
		return err;
	return claim_first(job, lease, table_row(&table, 0), out, &next_ms);
}

struct claim_job {
	struct store_job job;
	struct store_lease lease;
	size_t limit;
};

static int by_message(const void *a, const void *b)
{
	const struct head *x = a, *y = b;
	return strcmp(x->message_id, y->message_id);
}

/* Splits the heads: due ones into `due`, the time of the others into next_ms. */
static size_t heads_due(
	struct store_job *job, const struct store_table *table, struct head *due, int64_t *next_ms)
{
	int64_t now_ms = ((struct claim_job *)job)->lease.now_ms;
	int64_t ahead_ms = store_ahead_ms(job, now_ms);
	size_t count = 0;
	for (size_t i = 0; i < table->rows; i++) {
		struct head head = head_of(table_row(table, i), ahead_ms);
		if (head.due_ms <= now_ms)
			due[count++] = head;
		else
			earliest(next_ms, head.due_ms);
	}
	return count;
}

/* At one go. Another claim of this host may end at the same moment. */
static int claim_due(struct store_job *job, const struct head *due, struct store_claim *claim)
{
	const struct store_lease *lease = &((struct claim_job *)job)->lease;
	int64_t ahead_ms = store_ahead_ms(job, lease->now_ms);
	struct store_table table;
	size_t count = claim->count;
	int err = 0;

	for (size_t i = 0; i < count && !err; i++)
		err = claim_put(job, lease, due[i].message_id);
	if (!err)
		err = store_select(job, STMT_DELIVERIES_CLAIMED,
			ARGS(TXT(lease->platform), TXT(store_host(job->store)),
				INT(lease->now_ms + ahead_ms + lease->lease_ms)),
			&table);
	if (err)
		return err;
	struct store_delivery *rows = job_out(job, table.rows, sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	claim->rows = rows;
	claim->count = 0;
	for (size_t i = 0; i < table.rows; i++) {
		const struct head head = { .message_id = table_row(&table, i)[0].text };
		if (bsearch(&head, due, count, sizeof(*due), by_message))
			delivery_read(table_row(&table, i), ahead_ms, &rows[claim->count++]);
	}
	return 0;
}

static int claim_run(struct store_job *job)
{
	const struct claim_job *call = (struct claim_job *)job;
	const struct store_lease *lease = &call->lease;
	struct store_claim *claim = job->result = job_out(job, 1, sizeof(*claim));
	struct store_table table;

	if (!claim)
		return -ENOMEM;
	int err = store_select(job, STMT_HEADS, ARGS(TXT(lease->platform)), &table);
	if (err)
		return err;
	struct head *due = job_out(job, table.rows, sizeof(*due));
	if (!due)
		return -ENOMEM;

	size_t count = heads_due(job, &table, due, &claim->next_ms);
	qsort(due, count, sizeof(*due), by_message);
	claim->count = count < call->limit ? count : call->limit;
	if (claim->count < count)
		earliest(&claim->next_ms, lease->now_ms);
	else if (count)
		earliest(&claim->next_ms, lease->now_ms + lease->lease_ms);
	return claim->count ? claim_due(job, due, claim) : 0;
}

static void claim_finish(struct store_job *job)
{
	if (job->callback.claim)
		job->callback.claim(job->arg, job->err, job->err ? NULL : job->result);
}

void store_claim(struct store *store, const char *platform, int64_t now_ms, int64_t lease_ms,
	size_t limit, store_claim_fn *done, void *arg)
{
	static const struct store_verb verb = { "claim", claim_run, claim_finish, true };
	struct claim_job *call = store_job_new(store, sizeof(*call), &verb);

	call->job.callback.claim = done;
	call->job.arg = arg;
	call->lease.platform = job_name(&call->job, platform, STORE_NAME_SIZE);
	call->lease.now_ms = now_ms;
	call->lease.lease_ms = lease_ms;
	call->limit = limit < STORE_CLAIM_MAX ? limit : STORE_CLAIM_MAX;
	store_job_submit(&call->job);
}

struct due_job {
	struct store_job job;
	const char *platform;
	int64_t now_ms;
};

static int due_run(struct store_job *job)
{
	const struct due_job *call = (struct due_job *)job;
	int64_t now_ms = call->now_ms + store_ahead_ms(job, call->now_ms);
	return store_put(job, STMT_DUE_ALL, ARGS(TXT(call->platform), INT(now_ms)));
}

void store_due(struct store *store, const char *platform, int64_t now_ms)
{
	static const struct store_verb verb = { "due", due_run, store_finish_done, true };
	struct due_job *call = store_job_new(store, sizeof(*call), &verb);

	call->platform = job_name(&call->job, platform, STORE_NAME_SIZE);
	call->now_ms = now_ms;
	store_job_submit(&call->job);
}

/* ---- outcomes ------------------------------------------------------------------------------- */

struct outcome_job {
	struct store_job job;
	struct store_outcome outcome;
};

static int outcome_write(struct store_job *job, const struct store_outcome *outcome)
{
	const char *reason = outcome->number_error ? "number_unknown" : outcome->reason;
	int64_t ahead_ms = store_ahead_ms(job, outcome->now_ms);
	return store_put(job, STMT_OUTCOME,
		ARGS(TXT(outcome->message_id), TXT(outcome->platform), INT(outcome->state),
			TXT(reason), INT(outcome->next_ms + ahead_ms), INT(outcome->tried),
			INT(outcome->now_ms), INT(outcome->number_error),
			TXT(store_host(job->store))));
}

/* What the card of a text that is done has to send next. */
static int claim_after(
	struct store_job *job, const struct store_outcome *outcome, struct store_claim *claim)
{
	const struct store_lease lease = { outcome->platform, outcome->now_ms, outcome->lease_ms };
	struct store_delivery *out = job_out(job, 1, sizeof(*out));
	struct store_table table;

	if (!out)
		return -ENOMEM;
	int err = store_select(job, STMT_DELIVERY_AFTER,
		ARGS(TXT(outcome->platform), TXT(outcome->message_id)), &table);
	if (err || !table.rows)
		return err;
	int n = claim_first(job, &lease, table_row(&table, 0), out, &claim->next_ms);
	if (n < 0)
		return n;
	claim->rows = out;
	claim->count = (size_t)n;
	return 0;
}

static int outcome_run(struct store_job *job)
{
	const struct store_outcome *outcome = &((struct outcome_job *)job)->outcome;
	struct store_claim *claim = job->result = job_out(job, 1, sizeof(*claim));

	if (!claim)
		return -ENOMEM;
	int err = outcome_write(job, outcome);
	if (err || !outcome->claim_next || outcome->state == STORE_QUEUED)
		return err;
	return claim_after(job, outcome, claim);
}

void store_outcome(
	struct store *store, const struct store_outcome *outcome, store_claim_fn *done, void *arg)
{
	static const struct store_verb verb = { "outcome", outcome_run, claim_finish, true };
	struct outcome_job *call = store_job_new(store, sizeof(*call), &verb);
	struct store_job *job = &call->job;

	job->callback.claim = done;
	job->arg = arg;
	call->outcome = *outcome;
	call->outcome.message_id = job_text(job, outcome->message_id);
	call->outcome.platform = job_text(job, outcome->platform);
	call->outcome.reason = job_text(job, outcome->reason);
	store_job_submit(job);
}

/* ---- numbers that the platform has taken ---------------------------------------------------- */

struct accepted_job {
	struct store_job job;
	const char *platform;
	const char **numbers; /* sorted; NULL: all */
	size_t count;
	int64_t now_ms;
};

static int text_cmp(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int accepted_run(struct store_job *job)
{
	const struct accepted_job *call = (struct accepted_job *)job;
	int64_t now_ms = call->now_ms + store_ahead_ms(job, call->now_ms);
	struct store_table table;

	int err = store_select(
		job, STMT_UNKNOWN_NUMBERS, ARGS(TXT(call->platform), INT(now_ms)), &table);
	if (err)
		return err;
	for (size_t i = 0; i < table.rows; i++) {
		const struct backend_value *row = table_row(&table, i);
		const char *number = row[1].text;
		if (call->count &&
			!bsearch(&number, call->numbers, call->count, sizeof(number), text_cmp))
			continue;
		int64_t n = store_exec(
			job, STMT_DUE, ARGS(TXT(row[0].text), TXT(call->platform), INT(now_ms)));
		if (n < 0)
			return (int)n;
		job->count += n;
	}
	return 0;
}

void store_numbers_accepted(struct store *store, const char *platform, const char *const *numbers,
	size_t count, int64_t now_ms, store_count_fn *done, void *arg)
{
	static const struct store_verb verb = { "numbers_accepted", accepted_run,
		store_finish_count, true };
	struct accepted_job *call = store_job_new(store, sizeof(*call), &verb);
	struct store_job *job = &call->job;

	job->callback.count = done;
	job->arg = arg;
	call->platform = job_text(job, platform);
	call->now_ms = now_ms;
	call->count = count;
	call->numbers = job_array(job, count, sizeof(*numbers));
	for (size_t i = 0; call->numbers && i < count; i++)
		call->numbers[i] = job_text(job, numbers[i]);
	if (!job->err && call->numbers)
		qsort(call->numbers, count, sizeof(*numbers), text_cmp);
	store_job_submit(job);
}

/* ---- the operator's hand -------------------------------------------------------------------- */

struct hand_job {
	struct store_job job;
	const char *id; /* "": all */
	int64_t now_ms;
};

static int hand_exec(struct store_job *job, enum store_stmt one, enum store_stmt all)
{
	const struct hand_job *call = (struct hand_job *)job;
	int64_t now_ms = call->now_ms + store_ahead_ms(job, call->now_ms);
	job->count = store_exec(job, *call->id ? one : all, ARGS(TXT(call->id), INT(now_ms)));
	return job->count < 0 ? (int)job->count : 0;
}

/* A text that waited for its number is told it, or goes on waiting for just that. */
static int retry_run(struct store_job *job)
{
	const struct hand_job *call = (struct hand_job *)job;
	int64_t n = store_exec(job, STMT_RETRY_NUMBER, ARGS(TXT(call->id)));
	if (n >= 0 && *call->id)
		n = store_exec(job, STMT_ACTIVATION_LET, ARGS(TXT(call->id)));
	return n < 0 ? (int)n : hand_exec(job, STMT_RETRY, STMT_RETRY_ALL);
}

static int drop_run(struct store_job *job)
{
	const struct hand_job *call = (struct hand_job *)job;
	int err = hand_exec(job, STMT_DROP, STMT_DROP_ALL);
	if (err || !*call->id)
		return err;
	int64_t n = store_exec(job, STMT_DROP_RAW, ARGS(TXT(call->id)));
	if (n > 0)
		job->count += n;
	return n < 0 ? (int)n : 0;
}

static void hand_submit(struct store *store, const struct store_verb *verb,
	const struct hand_job *what, store_count_fn *done, void *arg)
{
	struct hand_job *call = store_job_new(store, sizeof(*call), verb);

	call->job.callback.count = done;
	call->job.arg = arg;
	call->id = job_text(&call->job, what->id);
	call->now_ms = what->now_ms;
	store_job_submit(&call->job);
}

void store_outbox_retry(
	struct store *store, const char *id, int64_t now_ms, store_count_fn *done, void *arg)
{
	static const struct store_verb verb = { "outbox_retry", retry_run, store_finish_count,
		true };
	hand_submit(store, &verb, &(struct hand_job) { .id = id, .now_ms = now_ms }, done, arg);
}

void store_outbox_drop(
	struct store *store, const char *id, int64_t now_ms, store_count_fn *done, void *arg)
{
	static const struct store_verb verb = { "outbox_drop", drop_run, store_finish_count, true };
	hand_submit(store, &verb, &(struct hand_job) { .id = id, .now_ms = now_ms }, done, arg);
}
