/* store_in.c - verbs for texts that arrive: journal, sets of parts, messages, their deliveries. */
#include "store/store_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct sms_job {
	struct store_job job;
	struct store_sms sms;
	struct store_message message;
	struct store_part part;
	int64_t now_ms;
	char pdu_id[STORE_ID_SIZE], message_id[STORE_ID_SIZE];
	char set_id[STORE_ID_SIZE]; /* of a new set, or the one to join */
};

/* ---- messages and deliveries ---------------------------------------------------------------- */

static int number_of(struct store_job *job, const char *card_id, const char **number)
{
	struct store_table table;
	int err = store_select(job, STMT_NUMBER_OF, ARGS(TXT(card_id)), &table);
	if (err)
		return err;
	*number = table.rows ? table_row(&table, 0)[0].text : "";
	return 0;
}

static int delivery_add(struct sms_job *call, const struct store_route *route, bool number_known)
{
	const struct store_message *message = &call->message;
	bool held = route->state == STORE_QUEUED && !number_known;

	int64_t n = store_exec(&call->job, STMT_DELIVERY_ADD,
		ARGS(TXT(call->message_id), TXT(route->platform), TXT(message->card_id),
			INT(held ? STORE_HELD : route->state),
			TXT(held ? "no_number" : route->reason), INT(message->arrived_ms)));
	return n < 0 ? (int)n : 0;
}

static int claim_new(
	struct sms_job *call, const struct store_route *route, struct store_delivery *out)
{
	const struct store_lease lease = { route->platform, call->now_ms, STORE_LEASE_MS };
	int64_t next_ms;

	if (!route->claim || route->state != STORE_QUEUED)
		return 0;
	return store_claim_card(
		&call->job, &lease, call->message.card_id, call->message_id, out, &next_ms);
}

static int deliveries_add(struct sms_job *call, bool number_known, struct store_sms_result *result)
{
	const struct store_sms *sms = &call->sms;
	struct store_delivery *claimed = job_out(&call->job, sms->route_count, sizeof(*claimed));
	if (!claimed)
		return -ENOMEM;

	for (size_t i = 0; i < sms->route_count; i++) {
		int err = delivery_add(call, &sms->routes[i], number_known);
		if (err)
			return err;
		int n = claim_new(call, &sms->routes[i], &claimed[result->claimed_count]);
		if (n < 0)
			return n;
		result->claimed_count += (size_t)n;
	}
	result->claimed = claimed;
	return 0;
}

static int message_add(struct sms_job *call, struct store_sms_result *result)
{
	const struct store_message *message = &call->message;
	const char *number;

	int err = number_of(&call->job, message->card_id, &number);
	if (err)
		return err;
	int64_t n = store_exec(&call->job, STMT_MESSAGE_ADD,
		ARGS(TXT(call->message_id), TXT(message->card_id), TXT(message->bank),
			TXT(message->slot), TXT(number), TXT(message->sender), TXT(message->text),
			INT(message->sent_ms), INT(message->arrived_ms), INT(message->parts)));
	if (n < 0)
		return (int)n;
	result->message_id = call->message_id;
	return deliveries_add(call, *number != '\0', result);
}

/* ---- sets of parts -------------------------------------------------------------------------- */

/* The set's id for a statement that finds one, "" if it finds none. */
static int set_find(struct sms_job *call, enum store_stmt stmt, const char **set_id)
{
	const struct store_part *part = call->sms.part;
	const struct backend_value params[] = { TXT(part->card_id), TXT(part->sender),
		INT(part->sender_type), INT(part->ref), INT(part->ref_bits), INT(part->total),
		INT(part->seq), INT(call->sms.arrived_ms - STORE_SET_MS), TXT(call->sms.raw) };
	size_t count = sizeof(params) / sizeof(params[0]);
	struct store_table table;

	int err = store_select(
		&call->job, stmt, params, stmt == STMT_PART_SAME ? count : count - 1, &table);
	if (err)
		return err;
	*set_id = table.rows ? table_row(&table, 0)[0].text : "";
	return 0;
}

static int set_add(struct sms_job *call)
{
	const struct store_part *part = call->sms.part;
	int64_t n = store_exec(&call->job, STMT_SET_ADD,
		ARGS(TXT(call->set_id), TXT(part->card_id), TXT(part->sender),
			INT(part->sender_type), INT(part->ref), INT(part->ref_bits),
			INT(part->total), INT(call->sms.arrived_ms)));
	return n < 0 ? (int)n : 0;
}

static int set_parts(
	struct store_job *job, const char *set_id, struct store_set_part **out, size_t *count)
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
		parts[i] = (struct store_set_part) { row[0].text, row[1].num, row[2].text,
			row[3].text, row[4].text };
	}
	*out = parts;
	*count = table.rows;
	return 0;
}

static int part_put(struct sms_job *call, const char *set_id, struct store_sms_result *result)
{
	struct store_set_part *parts;
	size_t count;

	int64_t n = store_exec(&call->job, STMT_PART_ADD,
		ARGS(TXT(set_id), INT(call->sms.part->seq), TXT(call->pdu_id)));
	if (n >= 0)
		n = store_exec(&call->job, STMT_PDU_SET, ARGS(TXT(call->pdu_id), TXT(set_id)));
	if (n < 0)
		return (int)n;

	int err = set_parts(&call->job, set_id, &parts, &count);
	if (err || count < (size_t)call->sms.part->total)
		return err;
	result->set_id = set_id;
	result->parts = parts;
	result->part_count = count;
	return 0;
}

static int part_add(struct sms_job *call, struct store_sms_result *result)
{
	const char *set_id;

	int err = set_find(call, STMT_PART_SAME, &set_id);
	if (err)
		return err;
	if (*set_id) {
		result->same_part = true;
		int64_t n =
			store_exec(&call->job, STMT_PDU_SET, ARGS(TXT(call->pdu_id), TXT(set_id)));
		return n < 0 ? (int)n : 0;
	}

	err = set_find(call, STMT_SET_LACKING, &set_id);
	if (!err && !*set_id) {
		set_id = call->set_id;
		err = set_add(call);
	}
	return err ? err : part_put(call, set_id, result);
}

/* ---- put ------------------------------------------------------------------------------------ */

/* 1: journalled; 0: the entry was there, message_id is what it became. */
static int pdu_add(struct sms_job *call, const char **message_id)
{
	const struct store_sms *sms = &call->sms;
	struct store_table table;

	int64_t n = store_exec(&call->job, STMT_PDU_ADD,
		ARGS(TXT(call->pdu_id), TXT(sms->card_id), TXT(sms->memory), INT(sms->index),
			TXT(sms->raw), TXT(sms->bank), TXT(sms->slot), INT(sms->arrived_ms),
			TXT(sms->undecodable), TXT(sms->message ? call->message_id : NULL)));
	if (n != 0)
		return n < 0 ? (int)n : 1;

	int err = store_select(&call->job, STMT_PDU_GET,
		ARGS(TXT(sms->card_id), TXT(sms->memory), INT(sms->index), TXT(sms->raw)), &table);
	if (err)
		return err;
	*message_id = table.rows ? table_row(&table, 0)[0].text : "";
	return 0;
}

static struct store_sms_result *new_result(struct store_job *job)
{
	struct store_sms_result *result = job_out(job, 1, sizeof(*result));
	if (result)
		result->message_id = "";
	job->result = result;
	return result;
}

static int put_run(struct store_job *job)
{
	struct sms_job *call = (struct sms_job *)job;
	struct store_sms_result *result = new_result(job);
	if (!result)
		return -ENOMEM;

	int n = pdu_add(call, &result->message_id);
	if (n < 0)
		return n;
	result->same_entry = n == 0;
	if (result->same_entry || call->sms.undecodable)
		return 0;
	return call->sms.message ? message_add(call, result) : part_add(call, result);
}

static void sms_finish(struct store_job *job)
{
	if (job->callback.sms)
		job->callback.sms(job->arg, job->err, job->err ? NULL : job->result);
}

static void copy_message(struct sms_job *call, const struct store_message *from)
{
	struct store_job *job = &call->job;

	call->message = *from;
	call->message.card_id = job_name(job, from->card_id, STORE_CARD_SIZE);
	call->message.bank = job_name(job, from->bank, STORE_NAME_SIZE);
	call->message.slot = job_name(job, from->slot, STORE_NAME_SIZE);
	call->message.sender = job_text(job, from->sender);
	call->message.text = job_text(job, from->text);
	call->sms.message = &call->message;
}

static void copy_routes(struct sms_job *call, const struct store_route *from, size_t count)
{
	struct store_job *job = &call->job;
	if (count > STORE_ROUTES_MAX && !job->err)
		job->err = -EINVAL;
	struct store_route *routes = job_array(job, count, sizeof(*routes));

	for (size_t i = 0; routes && i < count; i++) {
		routes[i] = from[i];
		routes[i].platform = job_name(job, from[i].platform, STORE_NAME_SIZE);
		routes[i].reason = job_text(job, from[i].reason);
	}
	call->sms.routes = routes;
	call->sms.route_count = count;
}

static struct sms_job *sms_job_new(
	struct store *store, const struct store_verb *verb, store_sms_fn *done, void *arg)
{
	struct sms_job *call = store_job_new(store, sizeof(*call), verb);

	call->job.callback.sms = done;
	call->job.arg = arg;
	call->now_ms = store_now_ms(store);
	return call;
}

static bool sms_valid(const struct store_sms *sms)
{
	const struct store_part *part = sms->part;

	if ((sms->undecodable != NULL) + (sms->message != NULL) + (part != NULL) != 1)
		return false;
	return !part || (part->total >= 1 && part->total <= STORE_PARTS_MAX && part->seq >= 1 &&
				part->seq <= part->total);
}

/* A lease begins when the text arrived or now, whichever is later. */
static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

void store_sms_put(struct store *store, const struct store_sms *sms, store_sms_fn *done, void *arg)
{
	static const struct store_verb verb = { "sms_put", put_run, sms_finish, true };
	struct sms_job *call = sms_job_new(store, &verb, done, arg);
	struct store_job *job = &call->job;

	if (!job->err && !sms_valid(sms))
		job->err = -EINVAL;
	call->sms = (struct store_sms) {
		.card_id = job_name(job, sms->card_id, STORE_CARD_SIZE),
		.bank = job_name(job, sms->bank, STORE_NAME_SIZE),
		.slot = job_name(job, sms->slot, STORE_NAME_SIZE),
		.memory = job_text(job, sms->memory),
		.index = sms->index,
		.raw = job_text(job, sms->raw),
		.arrived_ms = sms->arrived_ms,
		.undecodable = sms->undecodable ? job_text(job, sms->undecodable) : NULL,
	};
	if (sms->message) {
		copy_message(call, sms->message);
		copy_routes(call, sms->routes, sms->route_count);
		store_new_id(store, call->message_id);
	}
	if (sms->part) {
		call->part = *sms->part;
		call->part.card_id = job_name(job, sms->part->card_id, STORE_CARD_SIZE);
		call->part.sender = job_text(job, sms->part->sender);
		call->sms.part = &call->part;
		store_new_id(store, call->set_id);
	}
	store_new_id(store, call->pdu_id);
	call->now_ms = later(call->now_ms, sms->arrived_ms);
	store_job_submit(job);
}

/* ---- join ----------------------------------------------------------------------------------- */

static int join_run(struct store_job *job)
{
	struct sms_job *call = (struct sms_job *)job;
	struct store_table table;
	struct store_sms_result *result = new_result(job);
	if (!result)
		return -ENOMEM;

	int err = store_select(job, STMT_SET_GET, ARGS(TXT(call->set_id)), &table);
	if (err)
		return err;
	if (!table.rows)
		return -ENOENT;
	const char *joined = table_row(&table, 0)[0].text;
	if (*joined) {
		result->same_entry = true;
		result->message_id = joined;
		return 0;
	}

	err = message_add(call, result);
	if (err)
		return err;
	int64_t n =
		store_exec(job, STMT_SET_JOINED, ARGS(TXT(call->set_id), TXT(call->message_id)));
	if (n >= 0)
		n = store_exec(
			job, STMT_PDU_JOINED, ARGS(TXT(call->set_id), TXT(call->message_id)));
	return n < 0 ? (int)n : 0;
}

void store_set_join(struct store *store, const char *set_id, const struct store_message *message,
	const struct store_route *routes, size_t route_count, store_sms_fn *done, void *arg)
{
	static const struct store_verb verb = { "set_join", join_run, sms_finish, true };
	struct sms_job *call = sms_job_new(store, &verb, done, arg);
	struct store_job *job = &call->job;

	const char *id = job_name(job, set_id, STORE_ID_SIZE);
	if (!job->err)
		strcpy(call->set_id, id);
	copy_message(call, message);
	copy_routes(call, routes, route_count);
	store_new_id(store, call->message_id);
	call->now_ms = later(call->now_ms, message->arrived_ms);
	store_job_submit(job);
}

/* ---- sets that a process before this one did not join --------------------------------------- */

static int complete_run(struct store_job *job)
{
	struct store_table table;
	int err = store_select(job, STMT_SETS_COMPLETE, NULL, 0, &table);
	if (err)
		return err;
	struct store_sms_result *results = job_out(job, table.rows, sizeof(*results));
	if (!results)
		return -ENOMEM;

	for (size_t i = 0; i < table.rows; i++) {
		struct store_set_part *parts;
		const char *set_id = table_row(&table, i)[0].text;
		err = set_parts(job, set_id, &parts, &results[i].part_count);
		if (err)
			return err;
		results[i].message_id = "";
		results[i].set_id = set_id;
		results[i].parts = parts;
	}
	job->result = results;
	job->count = (int64_t)table.rows;
	return 0;
}

static void complete_finish(struct store_job *job)
{
	const struct store_sms_result *results = job->result;

	if (!job->callback.sms)
		return;
	for (int64_t i = 0; !job->err && i < job->count; i++)
		job->callback.sms(job->arg, 0, &results[i]);
	job->callback.sms(job->arg, job->err, NULL);
}

void store_sets_complete(struct store *store, store_sms_fn *done, void *arg)
{
	static const struct store_verb verb = { "sets_complete", complete_run, complete_finish,
		false };

	store_job_submit(&sms_job_new(store, &verb, done, arg)->job);
}

/* ---- entries that are gone ------------------------------------------------------------------ */

struct entry_job {
	struct store_job job;
	const char *card_id, *memory, *raw;
	int index;
	int *indices; /* sorted */
	size_t count;
};

static int deleted_run(struct store_job *job)
{
	const struct entry_job *call = (struct entry_job *)job;
	int64_t n = store_exec(job, STMT_PDU_DELETED,
		ARGS(TXT(call->card_id), TXT(call->memory), INT(call->index), TXT(call->raw)));
	return n < 0 ? (int)n : 0;
}

void store_entry_deleted(
	struct store *store, const struct store_entry *entry, store_done_fn *done, void *arg)
{
	static const struct store_verb verb = { "entry_deleted", deleted_run, store_finish_done,
		true };
	struct entry_job *call = store_job_new(store, sizeof(*call), &verb);
	struct store_job *job = &call->job;

	job->callback.done = done;
	job->arg = arg;
	call->card_id = job_text(job, entry->card_id);
	call->memory = job_text(job, entry->memory);
	call->raw = job_text(job, entry->raw);
	call->index = entry->index;
	store_job_submit(job);
}

static int int_cmp(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;
	return (x > y) - (x < y);
}

static int listed_run(struct store_job *job)
{
	const struct entry_job *call = (struct entry_job *)job;
	struct store_table table;

	int err = store_select(
		job, STMT_ENTRIES, ARGS(TXT(call->card_id), TXT(call->memory)), &table);
	if (err)
		return err;
	for (size_t i = 0; i < table.rows; i++) {
		int index = (int)table_row(&table, i)[0].num;
		if (call->count &&
			bsearch(&index, call->indices, call->count, sizeof(index), int_cmp))
			continue;
		int64_t n = store_exec(job, STMT_ENTRY_GONE,
			ARGS(TXT(call->card_id), TXT(call->memory), INT(index)));
		if (n < 0)
			return (int)n;
		job->count += n;
	}
	return 0;
}

void store_entries_listed(struct store *store, const char *card_id, const char *memory,
	const int *indices, size_t count, store_count_fn *done, void *arg)
{
	static const struct store_verb verb = { "entries_listed", listed_run, store_finish_count,
		true };
	struct entry_job *call = store_job_new(store, sizeof(*call), &verb);
	struct store_job *job = &call->job;

	job->callback.count = done;
	job->arg = arg;
	call->card_id = job_text(job, card_id);
	call->memory = job_text(job, memory);
	call->count = count;
	call->indices = job_array(job, count, sizeof(*indices));
	if (call->indices) {
		memcpy(call->indices, indices, count * sizeof(*indices));
		qsort(call->indices, count, sizeof(*indices), int_cmp);
	}
	store_job_submit(job);
}
