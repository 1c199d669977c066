/* store_in.c - verbs for texts that arrive: the journal, messages, their deliveries. */
#include "store/store_in.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- messages and deliveries ---------------------------------------------------------------- */

int sms_open(struct sms_job *call, const struct backend_value *row, struct store_sms_result *result)
{
	struct store_job *job = &call->job;
	struct store_activation *open;
	int64_t id = row ? row[2].num : 0;
	size_t count = 0;
	int err = 0;

	call->number = row ? row[0].text : "";
	call->open_number = row ? row[1].text : "";
	if (!call->sms.route_count || call->sms.routes[0].open == id)
		return 0;

	if (id)
		err = store_activations_read(
			job, STMT_ACTIVATION_GET, ARGS(INT(id)), &open, &count);
	if (err)
		return err;
	result->is_moved = true;
	result->open = count ? open : NULL;
	result->moved = &call->sms;
	result->message = &call->message;
	return 1;
}

/* The operation counts the text. It was open when sms_open() looked; another host that has closed
 * it since makes the text nobody's. */
static int activation_add(struct sms_job *call, struct store_route *route)
{
	const struct store_message *message = &call->message;
	int64_t n;

	if (!route->activation)
		return 0;
	if (route->state == STORE_WITHHELD)
		n = store_exec(&call->job, STMT_ACTIVATION_WITHHELD, ARGS(INT(route->activation)));
	else
		n = store_exec(&call->job, STMT_ACTIVATION_TEXT,
			ARGS(INT(route->activation), INT(message->arrived_ms),
				TXT(call->message_id)));
	if (n == 0)
		*route = (struct store_route) {
			.platform = "", .state = STORE_UNCLAIMED, .reason = "closed"
		};
	return n < 0 ? (int)n : 0;
}

static int delivery_add(struct sms_job *call, const struct store_route *from, bool number_known)
{
	const struct store_message *message = &call->message;
	struct store_route copy = *from, *route = &copy;
	bool held = route->state == STORE_QUEUED && !number_known;

	int err = activation_add(call, route);
	if (err)
		return err;
	int64_t ahead_ms = store_ahead_ms(&call->job, call->now_ms);
	return store_put(&call->job, STMT_DELIVERY_ADD,
		ARGS(TXT(call->message_id), TXT(route->platform), TXT(message->card_id),
			INT(held ? STORE_HELD : route->state),
			TXT(held ? "no_number" : route->reason),
			INT(message->arrived_ms + ahead_ms), INT(route->activation),
			INT(route->state == STORE_DELIVERED ? message->arrived_ms : 0)));
}

static int claim_new(
	struct sms_job *call, const struct store_route *route, struct store_delivery *out)
{
	const struct store_lease lease = { route->platform, call->now_ms, STORE_LEASE_MS };

	if (!route->claim || route->state != STORE_QUEUED)
		return 0;
	return store_claim_card(&call->job, &lease, call->message.card_id, call->message_id, out);
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

int sms_message_add(struct sms_job *call, struct store_sms_result *result)
{
	const struct store_message *message = &call->message;
	const char *number = *call->number ? call->number : call->open_number;

	int err = store_put(&call->job, STMT_MESSAGE_ADD,
		ARGS(TXT(call->message_id), TXT(message->card_id), TXT(message->bank),
			TXT(message->slot), TXT(number), TXT(message->sender), TXT(message->text),
			INT(message->sent_ms), INT(message->arrived_ms), INT(message->parts)));
	if (err)
		return err;
	result->message_id = call->message_id;
	result->message = message;
	result->routes = call->sms.routes;
	result->route_count = call->sms.route_count;
	return deliveries_add(call, *number != '\0', result);
}

/* ---- put ------------------------------------------------------------------------------------ */

/* What the store has of the text, as STMT_SMS_LOOK says it. That a card that was read once more has
 * it is told first, for what is there is then the same entry. */
static int put_look(struct sms_job *call, const struct backend_value **row)
{
	const struct store_sms *sms = &call->sms;
	struct store_table table;
	int err = 0;

	if (sms->stayed || sms->shifted)
		err = store_put(&call->job, sms->stayed ? STMT_PDU_STAYED : STMT_PDU_SHIFTED,
			ARGS(TXT(sms->card_id), TXT(sms->memory), INT(sms->index), TXT(sms->raw)));
	if (!err)
		err = store_select(&call->job, STMT_SMS_LOOK,
			ARGS(TXT(call->message.card_id), TXT(call->pdu_id), TXT(sms->card_id),
				TXT(sms->memory), INT(sms->index), TXT(sms->raw), TXT(sms->owner)),
			&table);
	if (!err)
		*row = table_row(&table, 0);
	return err;
}

static int pdu_put(struct sms_job *call, const char *undecodable, const char *becomes)
{
	const struct store_sms *sms = &call->sms;

	return store_put(&call->job, STMT_PDU_ADD,
		ARGS(TXT(call->pdu_id), TXT(sms->card_id), TXT(sms->memory), INT(sms->index),
			TXT(sms->raw), TXT(sms->bank), TXT(sms->slot), INT(sms->arrived_ms),
			TXT(undecodable), TXT(becomes), TXT(sms->owner), INT(sms->tpdu_len),
			INT(sms->head)));
}

/* 1: journalled; 0: the entry was there, message_id is what it became. */
static int pdu_add(struct sms_job *call, const struct backend_value *row, const char **message_id)
{
	const struct store_sms *sms = &call->sms;
	const char *becomes = sms->message && !sms->part ? call->message_id : NULL;

	if (sms->pdu_id && !sms->journalled)
		return (int)store_exec(
			&call->job, STMT_PDU_DECODED, ARGS(TXT(call->pdu_id), TXT(becomes)));
	if (row[3].num) {
		*message_id = row[4].text;
		return 0;
	}
	int err = pdu_put(call, sms->undecodable, becomes);
	return err ? err : 1;
}

struct store_sms_result *sms_result_new(struct store_job *job)
{
	struct store_sms_result *result = job_out(job, 1, sizeof(*result));
	if (result)
		result->message_id = "";
	job->result = result;
	return result;
}

/* 1: the store had the text after all, by a job whose answer was lost or came too late. Its claim
 * is given up: nobody was told. */
static int put_before(
	struct sms_job *call, const struct backend_value *row, struct store_sms_result *result)
{
	if (!row[5].num)
		return 0;
	result->same_entry = result->untold = true;
	result->message_id = row[6].text;
	int err = store_put(&call->job, STMT_CLAIM_UNTOLD,
		ARGS(TXT(result->message_id), TXT(store_host(call->job.store)),
			INT(STORE_LEASE_MS)));
	return err ? err : 1;
}

static int entry_gone(struct sms_job *call)
{
	const struct store_sms *sms = &call->sms;

	return !sms->gone ? 0
			  : store_put(&call->job, STMT_PDU_DELETED,
				    ARGS(TXT(sms->card_id), TXT(sms->memory), INT(sms->index),
					    TXT(sms->raw)));
}

static int put_new(
	struct sms_job *call, const struct backend_value *row, struct store_sms_result *result)
{
	int n = pdu_add(call, row, &result->message_id);
	if (n < 0)
		return n;
	result->same_entry = n == 0;
	if (result->same_entry || call->sms.undecodable)
		return 0;
	return call->sms.part ? sms_part_add(call, result) : sms_message_add(call, result);
}

/* 1: the text had arrived before all of its number was erased, and so is it. Where its entry is on
 * the card still, it is known by its head. */
static int put_erased(
	struct sms_job *call, const struct backend_value *row, struct store_sms_result *result)
{
	const struct store_sms *sms = &call->sms;

	if (row[7].num < sms->arrived_ms + store_ahead_ms(&call->job, call->now_ms))
		return 0;
	result->same_entry = result->erased = true;
	if (sms->gone || sms->index < 0 || !sms->head)
		return 1;
	int err = pdu_put(call, NULL, NULL);
	if (!err)
		err = store_put(&call->job, STMT_PDU_ERASED, ARGS(TXT(call->pdu_id)));
	return err ? err : 1;
}

static int put_run(struct store_job *job)
{
	struct sms_job *call = (struct sms_job *)job;
	struct store_sms_result *result = sms_result_new(job);
	const struct backend_value *row;
	if (!result)
		return -ENOMEM;

	int n = put_look(call, &row);
	if (!n && (call->sms.journalled || job->rerun))
		n = put_before(call, row, result);
	if (!n && !call->sms.undecodable) {
		n = sms_open(call, row, result);
		if (n > 0)
			return 0;
	}
	if (!n && call->sms.journalled)
		n = put_erased(call, row, result);
	if (!n)
		n = put_new(call, row, result);
	return n < 0 ? n : entry_gone(call);
}

void sms_job_finish(struct store_job *job)
{
	if (job->callback.sms)
		job->callback.sms(job->arg, job->err, job->err ? NULL : job->result);
}

struct sms_job *sms_job_new(
	struct store *store, const struct store_verb *verb, store_sms_fn *done, void *arg)
{
	struct sms_job *call = store_job_new(store, sizeof(*call), verb);

	call->job.callback.sms = done;
	call->job.arg = arg;
	call->now_ms = store_now_ms(store);
	return call;
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

/* A lease begins when the text arrived or now, whichever is later. */
void sms_job_message(struct sms_job *call, const struct store_message *message,
	const struct store_route *routes, size_t route_count)
{
	struct store_job *job = &call->job;

	call->message = *message;
	call->message.card_id = job_name(job, message->card_id, STORE_CARD_SIZE);
	call->message.bank = job_name(job, message->bank, STORE_NAME_SIZE);
	call->message.slot = job_name(job, message->slot, STORE_NAME_SIZE);
	call->message.sender = job_text(job, message->sender);
	call->message.text = job_text(job, message->text);
	call->sms.message = &call->message;
	copy_routes(call, routes, route_count);
	call->number = call->open_number = "";
	store_new_id(job->store, call->message_id);
	if (call->now_ms < message->arrived_ms)
		call->now_ms = message->arrived_ms;
}

static bool sms_valid(const struct store_sms *sms)
{
	const struct store_part *part = sms->part;

	if ((sms->undecodable != NULL) == (sms->message != NULL))
		return false;
	return !part || (sms->message && part->total >= 1 && part->total <= STORE_PARTS_MAX &&
				part->seq >= 1 && part->seq <= part->total);
}

/* All that is needed to put it again; what the text says is read from its PDU then. */
static void put_local(struct store *journal, const struct store_job *job)
{
	const struct sms_job *call = (const struct sms_job *)job;
	struct store_sms sms = call->sms;

	(void)journal;
	sms.pdu_id = call->pdu_id;
	sms.journalled = true;
	sms.undecodable = sms.undecodable ? sms.undecodable : "";
	sms.message = NULL;
	sms.part = NULL;
	journal_put(store_journal(job->store), &sms, job->callback.sms, job->arg);
}

static void put_finish(struct store_job *job)
{
	const struct sms_job *call = (struct sms_job *)job;
	const struct store_sms_result *result = job->result;

	if (job->traits & TRAIT_MOVE && !job->err && !result->is_moved)
		journal_moved(store_journal(job->store), call->pdu_id);
	sms_job_finish(job);
}

void store_sms_put(struct store *store, const struct store_sms *sms, store_sms_fn *done, void *arg)
{
	static const struct store_verb verb = { "sms_put", put_run, put_finish, true };
	struct sms_job *call = sms_job_new(store, &verb, done, arg);
	struct store_job *job = &call->job;

	if (!job->err && !sms_valid(sms))
		job->err = -EINVAL;
	call->sms = (struct store_sms) {
		.pdu_id = sms->pdu_id ? call->pdu_id : NULL,
		.card_id = job_name(job, sms->card_id, STORE_CARD_SIZE),
		.owner = job_name(job, sms->owner, STORE_CARD_SIZE),
		.bank = job_name(job, sms->bank, STORE_NAME_SIZE),
		.slot = job_name(job, sms->slot, STORE_NAME_SIZE),
		.memory = job_text(job, sms->memory),
		.index = sms->index,
		.tpdu_len = sms->tpdu_len,
		.raw = job_text(job, sms->raw),
		.head = sms->head,
		.stamp = sms->stamp,
		.arrived_ms = sms->arrived_ms,
		.undecodable = sms->undecodable ? job_text(job, sms->undecodable) : NULL,
		.journalled = sms->journalled,
		.gone = sms->gone,
		.stayed = sms->stayed,
		.shifted = sms->shifted,
	};
	if (!sms->pdu_id) {
		job->local = put_local;
		job->traits = TRAIT_TEXT;
	} else if (sms->journalled && store_journal(store)) {
		job->traits = TRAIT_MOVE;
	}
	if (sms->pdu_id)
		snprintf(call->pdu_id, sizeof(call->pdu_id), "%s", sms->pdu_id);
	else
		store_new_id(store, call->pdu_id);
	if (sms->part) {
		call->part = *sms->part;
		call->part.card_id = job_name(job, sms->part->card_id, STORE_CARD_SIZE);
		call->part.sender = job_text(job, sms->part->sender);
		call->sms.part = &call->part;
		store_new_id(store, call->set_id);
	}
	if (sms->message)
		sms_job_message(call, sms->message, sms->routes, sms->route_count);
	store_job_submit(job);
}

/* ---- entries that are gone ------------------------------------------------------------------ */

struct entry_job {
	struct store_job job;
	const char *card_id, *memory, *raw;
	int index;
	int *indices; /* sorted */
	size_t count;
	struct store *pool; /* is told if the journal does not have the entry; NULL: is not */
};

static int deleted_run(struct store_job *job)
{
	const struct entry_job *call = (struct entry_job *)job;
	if (!call->raw)
		return store_put(job, STMT_ENTRY_GONE,
			ARGS(TXT(call->card_id), TXT(call->memory), INT(call->index)));
	return store_put(job, STMT_PDU_DELETED,
		ARGS(TXT(call->card_id), TXT(call->memory), INT(call->index), TXT(call->raw)));
}

static struct entry_job *deleted_new(struct store *store, const struct store_verb *verb,
	const struct store_entry *entry, store_done_fn *done, void *arg)
{
	struct entry_job *call = store_job_new(store, sizeof(*call), verb);
	struct store_job *job = &call->job;

	job->callback.done = done;
	job->arg = arg;
	call->card_id = job_text(job, entry->card_id);
	call->memory = job_text(job, entry->memory);
	call->raw = entry->raw ? job_text(job, entry->raw) : NULL;
	call->index = entry->index;
	return call;
}

static const struct store_verb deleted_verb = { "entry_deleted", deleted_run, store_finish_done,
	true };

static int deleted_here_run(struct store_job *job)
{
	const struct entry_job *call = (struct entry_job *)job;

	job->count = store_exec(job, STMT_PDU_DELETED,
		ARGS(TXT(call->card_id), TXT(call->memory), INT(call->index), TXT(call->raw)));
	return job->count < 0 ? (int)job->count : 0;
}

static void deleted_here_finish(struct store_job *job)
{
	const struct entry_job *call = (struct entry_job *)job;
	const struct store_entry entry = { call->card_id, call->memory, call->index, call->raw };

	store_finish_done(job);
	if (job->err || job->count || !call->pool)
		return;
	struct entry_job *told = deleted_new(call->pool, &deleted_verb, &entry, NULL, NULL);
	told->job.traits = TRAIT_AGAIN;
	store_job_submit(&told->job);
}

/* The move of a text that the journal has tells the server that its entry is gone. Told before, the
 * server would not know the text as the same that a former process of this host had told it. */
static void deleted_local(struct store *journal, const struct store_job *job)
{
	static const struct store_verb verb = { "entry_deleted", deleted_here_run,
		deleted_here_finish, true };
	const struct entry_job *call = (const struct entry_job *)job;
	const struct store_entry entry = { call->card_id, call->memory, call->index, call->raw };
	struct entry_job *here = deleted_new(journal, &verb, &entry, job->callback.done, job->arg);

	if ((job->err || job->late) && journal_has_texts(store_journal(job->store)))
		here->pool = job->store;
	store_job_submit(&here->job);
}

void store_entry_deleted(
	struct store *store, const struct store_entry *entry, store_done_fn *done, void *arg)
{
	struct entry_job *call = deleted_new(store, &deleted_verb, entry, done, arg);

	call->job.local = deleted_local;
	call->job.traits = TRAIT_BOTH | TRAIT_AGAIN | TRAIT_ENTRY;
	store_job_submit(&call->job);
}

static int moved_run(struct store_job *job)
{
	const struct entry_job *call = (struct entry_job *)job;
	int64_t n =
		store_exec(job, STMT_ENTRIES_MOVED, ARGS(TXT(call->card_id), TXT(call->memory)));
	return n < 0 ? (int)n : 0;
}

static void moved_local(struct store *journal, const struct store_job *job)
{
	const struct entry_job *call = (const struct entry_job *)job;
	store_entries_moved(journal, call->card_id, call->memory, job->callback.done, job->arg);
}

void store_entries_moved(struct store *store, const char *card_id, const char *memory,
	store_done_fn *done, void *arg)
{
	static const struct store_verb verb = { "entries_moved", moved_run, store_finish_done,
		true };
	struct entry_job *call = store_job_new(store, sizeof(*call), &verb);
	struct store_job *job = &call->job;

	job->callback.done = done;
	job->local = moved_local;
	job->traits = TRAIT_BOTH;
	job->arg = arg;
	call->card_id = job_text(job, card_id);
	call->memory = job_text(job, memory);
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

static void listed_local(struct store *journal, const struct store_job *job)
{
	const struct entry_job *call = (const struct entry_job *)job;
	store_entries_listed(journal, call->card_id, call->memory, call->indices, call->count,
		job->callback.count, job->arg);
}

void store_entries_listed(struct store *store, const char *card_id, const char *memory,
	const int *indices, size_t count, store_count_fn *done, void *arg)
{
	static const struct store_verb verb = { "entries_listed", listed_run, store_finish_count,
		true };
	struct entry_job *call = store_job_new(store, sizeof(*call), &verb);
	struct store_job *job = &call->job;

	job->callback.count = done;
	job->local = listed_local;
	job->traits = TRAIT_BOTH | TRAIT_AGAIN | TRAIT_ENTRY;
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
