/* store_erase.c - what is kept, and how long: words are erased, then the rows; or all of a number.
 */
#include "store/store_impl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { PAGE = 500, ERASURE_DAYS = 365 /* texts stay no longer than that in a journal */ };

/* What ids made from this time on begin with, or come behind (UUIDv7, RFC 9562 5.7). */
static const char *id_at(int64_t ms, char out[STORE_ID_SIZE])
{
	uint64_t time = ms > 0 ? (uint64_t)ms : 0;

	snprintf(
		out, STORE_ID_SIZE, "%08x-%04x", (unsigned)(time >> 16), (unsigned)(time & 0xffff));
	return out;
}

/* ---- by age --------------------------------------------------------------------------------- */

struct erase_job {
	struct store_job job;
	struct store_erase erase;
};

/* The page of a statement: its last id, copied to last ("" if there is none), and its rows. */
static int64_t page_of(
	struct store_job *job, enum store_stmt stmt, const char *after, char bound[STORE_ID_SIZE])
{
	struct store_table table;
	int err = after ? store_select(job, stmt, ARGS(TXT(after), TXT(bound), INT(PAGE)), &table)
			: store_select(job, stmt, ARGS(TXT(bound), INT(PAGE)), &table);

	if (err)
		return err;
	const struct backend_value *row = table_row(&table, 0);
	snprintf(bound, STORE_ID_SIZE, "%s", row[0].text);
	return row[1].num;
}

/* Both take the page behind *after; that becomes its last id. They return how many rows it had. */
static int64_t erase_messages(
	struct store_job *job, const struct store_erase *erase, struct store_erased *out)
{
	char last[STORE_ID_SIZE];
	const char *after = erase->message_after;

	id_at(erase->before_ms, last);
	int64_t rows = page_of(job, STMT_MESSAGE_PAGE, after, last);
	if (rows <= 0)
		return rows;
	int64_t n = store_exec(job, STMT_MESSAGE_ERASE,
		ARGS(TXT(after), TXT(last), INT(erase->before_ms), INT(erase->now_ms)));
	if (n < 0)
		return n;
	out->messages = n;
	strcpy(out->next.message_after, last);
	return rows;
}

static int64_t erase_pdus(
	struct store_job *job, const struct store_erase *erase, struct store_erased *out)
{
	char last[STORE_ID_SIZE];

	id_at(erase->before_ms, last);
	int64_t rows = page_of(job, STMT_PDU_PAGE, erase->pdu_after, last);
	if (rows <= 0)
		return rows;
	int64_t n = store_exec(job, STMT_PDU_ERASE, ARGS(TXT(erase->pdu_after), TXT(last)));
	strcpy(out->next.pdu_after, last);
	return n < 0 ? n : rows;
}

/* How many rows of the table that had most. */
static int64_t forget(
	struct store_job *job, const struct store_erase *erase, struct store_erased *out)
{
	static const enum store_stmt others[] = { STMT_OLD_PDUS, STMT_OLD_PARTS, STMT_OLD_SETS };
	char bound[STORE_ID_SIZE], last[STORE_ID_SIZE];

	id_at(erase->history_ms, bound);
	strcpy(last, bound);
	int64_t most = page_of(job, STMT_OLD_PAGE, NULL, last);
	if (most > 0) {
		int64_t n = store_exec(job, STMT_OLD_DELIVERIES, ARGS(TXT(last)));
		if (n >= 0)
			n = store_exec(job, STMT_OLD_MESSAGES, ARGS(TXT(last)));
		out->forgotten = n;
		most = n < 0 ? n : most;
	}
	for (size_t i = 0; most >= 0 && i < sizeof(others) / sizeof(others[0]); i++) {
		int64_t n = store_exec(job, others[i], ARGS(TXT(bound), INT(PAGE)));
		most = n < 0 || (n > most && others[i] != STMT_OLD_PARTS) ? n : most;
	}
	return most;
}

static int erase_run(struct store_job *job)
{
	const struct store_erase *erase = &((struct erase_job *)job)->erase;
	struct store_erased *out = job->result = job_out(job, 1, sizeof(*out));

	if (!out)
		return -ENOMEM;
	out->next = *erase;
	int64_t messages = erase_messages(job, erase, out);
	int64_t pdus = messages < 0 ? messages : erase_pdus(job, erase, out);
	int64_t old = pdus < 0 ? pdus : forget(job, erase, out);
	if (old < 0)
		return (int)old;
	out->over = messages < PAGE && pdus < PAGE && old < PAGE;
	return 0;
}

static void erase_finish(struct store_job *job)
{
	job->callback.erased(job->arg, job->err, job->err ? NULL : job->result);
}

void store_erase(
	struct store *store, const struct store_erase *erase, store_erased_fn *done, void *arg)
{
	static const struct store_verb verb = { "erase", erase_run, erase_finish, true };
	struct erase_job *call = store_job_new(store, sizeof(*call), &verb);

	call->job.callback.erased = done;
	call->job.arg = arg;
	call->erase = *erase;
	store_job_submit(&call->job);
}

/* What is done comes with the commit. */
static int scrub_run(struct store_job *job)
{
	(void)job;
	return 0;
}

void store_scrub(struct store *store, store_done_fn *done, void *arg)
{
	static const struct store_verb verb = { "scrub", scrub_run, store_finish_done, false };
	struct store_job *job = store_job_new(store, sizeof(*job), &verb);

	job->scrub = true;
	job->callback.done = done;
	job->arg = arg;
	store_job_submit(job);
}

/* ---- by number ------------------------------------------------------------------------------ */

struct number_job {
	struct store_job job;
	const char *number;
	int64_t now_ms;
};

/* What arrived before, and comes only now from a journal, is erased then. */
static int number_mark(struct store_job *job)
{
	const struct number_job *call = (struct number_job *)job;
	int64_t now_ms = call->now_ms + store_ahead_ms(job, call->now_ms);

	if (!store_is_shared(job->store))
		return 0;
	int err = store_put(
		job, STMT_ERASURES_FORGET, ARGS(INT(now_ms - INT64_C(86400000) * ERASURE_DAYS)));
	return err ? err : store_put(job, STMT_ERASURE_PUT, ARGS(TXT(call->number), INT(now_ms)));
}

static int number_run(struct store_job *job)
{
	/* What each names is found through the rows of those behind it. */
	static const enum store_stmt steps[] = { STMT_NUMBER_PDUS_HEAD, STMT_NUMBER_PDUS,
		STMT_NUMBER_PARTS, STMT_NUMBER_SETS, STMT_NUMBER_DELIVERIES, STMT_NUMBER_MESSAGES };
	const char *number = ((struct number_job *)job)->number;
	struct store_number_erased *out = job->result = job_out(job, 1, sizeof(*out));
	struct store_table found, pdus;

	if (!out)
		return -ENOMEM;
	int err = store_select(job, STMT_NUMBER_COUNT, ARGS(TXT(number)), &found);
	if (!err)
		err = store_select(job, STMT_NUMBER_COUNT_PDUS, ARGS(TXT(number)), &pdus);
	if (err)
		return err;
	const struct backend_value *row = table_row(&found, 0), *rest = table_row(&pdus, 0);
	*out = (struct store_number_erased) { row[0].num, row[1].num, row[2].num, rest[0].num,
		rest[1].num };
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		int64_t n = store_exec(job, steps[i], ARGS(TXT(number)));
		if (n < 0)
			return (int)n;
	}
	return number_mark(job);
}

static void number_finish(struct store_job *job)
{
	job->callback.number_erased(job->arg, job->err, job->err ? NULL : job->result);
}

void store_erase_number(
	struct store *store, const char *number, store_number_erased_fn *done, void *arg)
{
	static const struct store_verb verb = { "erase_number", number_run, number_finish, true };
	struct number_job *call = store_job_new(store, sizeof(*call), &verb);
	struct store_job *job = &call->job;

	if (!*number && !job->err)
		job->err = -EINVAL;
	job->scrub = true;
	job->callback.number_erased = done;
	job->arg = arg;
	call->number = job_name(job, number, STORE_NUMBER_SIZE);
	call->now_ms = store_now_ms(store);
	store_job_submit(job);
}
