/* store_sets.c - verbs for long texts: sets of parts, from the first part to the message. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "store/store_in.h"

/* ---- parts ---------------------------------------------------------------------------------- */

enum { SECONDS_DIGITS = 12 /* of a time stamp, without its zone */ };

/* When the part was sent, in digits as its PDU has them. */
static void stamp_of(const struct store_sms *sms, char out[SECONDS_DIGITS + 1])
{
	int at = sms->head - sms->stamp;

	snprintf(out, SECONDS_DIGITS + 1, "%s",
		sms->stamp > 0 && at >= 0 && (size_t)at < strlen(sms->raw) ? sms->raw + at : "");
}

/* The set's id for a statement that finds one, "" if it finds none. */
static int set_find(
	struct sms_job *call, enum store_stmt stmt, int64_t since_ms, const char **set_id)
{
	const struct store_part *part = call->sms.part;
	struct backend_value params[] = { TXT(part->card_id), TXT(part->sender),
		INT(part->sender_type), INT(part->ref), INT(part->ref_bits), INT(part->total),
		INT(part->seq), INT(since_ms), TXT(call->sms.raw), TXT("") };
	size_t count = stmt == STMT_PART_SAME ? 9 : stmt == STMT_SET_LACKING ? 10 : 8;
	char stamp[SECONDS_DIGITS + 1];
	struct store_table table;

	stamp_of(&call->sms, stamp);
	if (stmt == STMT_SET_LACKING) {
		params[8] = INT(call->sms.stamp);
		params[9] = TXT(stamp);
	}
	int err = store_select(&call->job, stmt, params, count, &table);
	if (err)
		return err;
	*set_id = table.rows ? table_row(&table, 0)[0].text : "";
	return 0;
}

static int set_add(struct sms_job *call, struct store_sms_result *result)
{
	const struct store_part *part = call->sms.part;
	struct store_table table;

	int err = store_put(&call->job, STMT_SET_ADD,
		ARGS(TXT(call->set_id), TXT(part->card_id), TXT(part->sender),
			INT(part->sender_type), INT(part->ref), INT(part->ref_bits),
			INT(part->total), INT(call->sms.arrived_ms)));
	if (err)
		return err;
	err = store_select(&call->job, STMT_SETS_OPEN,
		ARGS(TXT(part->card_id), INT(STORE_SETS_CARD_MAX + 1)), &table);
	if (err)
		return err;
	const struct backend_value *row = table_row(&table, 0);
	result->crowded = row[0].num > STORE_SETS_CARD_MAX || row[1].num > STORE_SETS_MAX;
	return 0;
}

static int set_parts(struct store_job *job, const char *set_id, struct store_sms_result *result)
{
	struct store_table table;
	int err = store_select(job, STMT_SET_PARTS, ARGS(TXT(set_id)), &table);
	if (err)
		return err;
	struct store_set_part *parts = job_out(job, table.rows, sizeof(*parts));
	if (!parts)
		return -ENOMEM;
	for (size_t i = 0; i < table.rows; i++) {
		const struct backend_value *row = table_row(&table, i);
		parts[i] = (struct store_set_part) { .raw = row[0].text,
			.arrived_ms = row[1].num,
			.card_id = row[2].text,
			.bank = row[3].text,
			.slot = row[4].text,
			.seq = (int)row[5].num,
			.tpdu_len = (int)row[7].num };
		result->part_total = (int)row[6].num;
	}
	result->set_id = set_id;
	result->parts = parts;
	result->part_count = table.rows;
	return 0;
}

/* What the set that this part goes to is, in result too if the part makes it complete. */
static int part_put(struct sms_job *call, const char *set_id, struct store_sms_result *result)
{
	struct store_sms_result set = { 0 };

	int err = store_put(&call->job, STMT_PART_ADD,
		ARGS(TXT(set_id), INT(call->sms.part->seq), TXT(call->pdu_id)));
	if (!err)
		err = store_put(&call->job, STMT_PDU_SET,
			ARGS(TXT(call->pdu_id), TXT(set_id),
				TXT(result->late ? call->message_id : NULL)));
	if (err)
		return err;
	if (result->late)
		return sms_message_add(call, result);

	err = set_parts(&call->job, set_id, &set);
	if (err || set.part_count < (size_t)call->sms.part->total)
		return err;
	result->set_id = set.set_id;
	result->parts = set.parts;
	result->part_count = set.part_count;
	result->part_total = set.part_total;
	return 0;
}

int sms_part_add(struct sms_job *call, struct store_sms_result *result)
{
	const struct store_part *part = call->sms.part;
	const char *set_id;

	int err = set_find(call, STMT_PART_SAME, part->open_since_ms, &set_id);
	if (err)
		return err;
	if (*set_id) {
		result->same_part = true;
		return store_put(
			&call->job, STMT_PDU_SET, ARGS(TXT(call->pdu_id), TXT(set_id), TXT(NULL)));
	}

	err = set_find(call, STMT_SET_LACKING, part->open_since_ms, &set_id);
	if (!err && !*set_id) {
		err = set_find(call, STMT_SET_GAP, part->gap_since_ms, &set_id);
		result->late = !err && *set_id;
	}
	if (!err && !*set_id) {
		set_id = call->set_id;
		err = set_add(call, result);
	}
	return err ? err : part_put(call, set_id, result);
}

/* ---- join ----------------------------------------------------------------------------------- */

static int set_close(struct store_job *job, const char *set_id, const char *message_id, int64_t gap)
{
	int err = store_put(job, STMT_SET_JOINED, ARGS(TXT(set_id), TXT(message_id), INT(gap)));
	return err ? err : store_put(job, STMT_PDU_JOINED, ARGS(TXT(set_id), TXT(message_id)));
}

static int join_run(struct store_job *job)
{
	struct sms_job *call = (struct sms_job *)job;
	struct store_table table;
	struct store_sms_result *result = sms_result_new(job);
	if (!result)
		return -ENOMEM;

	int err = store_select(job, STMT_SET_GET, ARGS(TXT(call->set_id)), &table);
	if (err)
		return err;
	if (!table.rows)
		return -ENOENT;
	const struct backend_value *row = table_row(&table, 0);
	if (*row[0].text || row[2].num != call->message.parts) {
		result->same_entry = true;
		result->message_id = row[0].text;
		return 0;
	}
	struct store_table card;
	err = store_select(job, STMT_NUMBER_OF, ARGS(TXT(call->message.card_id)), &card);
	if (err)
		return err;
	int moved = sms_open(call, card.rows ? table_row(&card, 0) : NULL, result);
	if (moved) {
		result->moved = NULL;
		result->set_id = call->set_id;
		return moved < 0 ? moved : 0;
	}
	err = sms_message_add(call, result);
	if (err)
		return err;
	return set_close(
		job, call->set_id, call->message_id, row[2].num < row[1].num ? call->now_ms : 0);
}

void store_set_join(struct store *store, const char *set_id, const struct store_message *message,
	const struct store_route *routes, size_t route_count, store_sms_fn *done, void *arg)
{
	static const struct store_verb verb = { "set_join", join_run, sms_job_finish, true };
	struct sms_job *call = sms_job_new(store, &verb, done, arg);
	struct store_job *job = &call->job;

	const char *id = job_name(job, set_id, STORE_ID_SIZE);
	if (!job->err)
		strcpy(call->set_id, id);
	sms_job_message(call, message, routes, route_count);
	store_job_submit(job);
}

/* ---- several at once ------------------------------------------------------------------------ */

/* The sets that a statement names, with their parts. */
static int sets_read(struct store_job *job, const struct store_table *table)
{
	struct store_sms_result *results = job_out(job, table->rows, sizeof(*results));
	if (!results)
		return -ENOMEM;

	for (size_t i = 0; i < table->rows; i++) {
		int err = set_parts(job, table_row(table, i)[0].text, &results[i]);
		if (err)
			return err;
		results[i].message_id = "";
	}
	job->result = results;
	job->count = (int64_t)table->rows;
	return 0;
}

static void sets_finish(struct store_job *job)
{
	const struct store_sms_result *results = job->result;

	if (!job->callback.sms)
		return;
	for (int64_t i = 0; !job->err && i < job->count; i++)
		job->callback.sms(job->arg, 0, &results[i]);
	job->callback.sms(job->arg, job->err, NULL);
}

/* Sets that a process before this one did not join. */
static int complete_run(struct store_job *job)
{
	struct store_table table;
	const char *host = store_host_among(job->store);
	int err = store_select(job, STMT_SETS_COMPLETE, ARGS(TXT(host)), &table);
	return err ? err : sets_read(job, &table);
}

void store_sets_complete(struct store *store, store_sms_fn *done, void *arg)
{
	static const struct store_verb verb = { "sets_complete", complete_run, sets_finish, false };

	store_job_submit(&sms_job_new(store, &verb, done, arg)->job);
}

/* A text that the network sent again, in part, after it was joined. */
static int close_repeated(struct store_job *job, struct store_sms_result *set)
{
	struct store_table table;
	int err = store_select(job, STMT_SET_REPEATS, ARGS(TXT(set->set_id)), &table);
	if (err || !table.rows)
		return err;
	set->same_entry = true;
	set->message_id = table_row(&table, 0)[0].text;
	return set_close(job, set->set_id, set->message_id, 0);
}

static int due_run(struct store_job *job)
{
	struct store_table table;
	int64_t before_ms = ((struct sms_job *)job)->sms.arrived_ms;

	int err = store_select(job, STMT_SETS_DUE,
		ARGS(INT(before_ms), INT(STORE_SETS_CARD_MAX), INT(STORE_SETS_MAX),
			INT(STORE_PAGE_MAX), TXT(store_host_among(job->store))),
		&table);
	if (!err)
		err = sets_read(job, &table);
	for (int64_t i = 0; !err && i < job->count; i++)
		err = close_repeated(job, (struct store_sms_result *)job->result + i);
	return err;
}

void store_sets_due(struct store *store, int64_t before_ms, store_sms_fn *done, void *arg)
{
	static const struct store_verb verb = { "sets_due", due_run, sets_finish, true };
	struct sms_job *call = sms_job_new(store, &verb, done, arg);

	call->sms.arrived_ms = before_ms;
	store_job_submit(&call->job);
}
