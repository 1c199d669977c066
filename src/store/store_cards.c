/* store_cards.c - verbs for cards, their PINs, the ports they are in, and the roster. */
#include "store/store_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- a card was seen ------------------------------------------------------------------------ */

struct seen_job {
	struct store_job job;
	struct store_card_seen seen;
};

/* Which card this module held before; from now on it holds this one. */
static int module_swap(struct seen_job *seen_job, const char **last)
{
	const struct store_card_seen *seen = &seen_job->seen;
	struct store_table table;

	int err = store_select(&seen_job->job, STMT_MODULE_GET,
		ARGS(TXT(seen->bank), TXT(seen->slot), TXT(seen->imei)), &table);
	if (err)
		return err;
	*last = table.rows ? table_row(&table, 0)[0].text : "";
	if (strcmp(*last, seen->card_id) == 0)
		return 0;
	return store_put(&seen_job->job, STMT_MODULE_PUT,
		ARGS(TXT(seen->bank), TXT(seen->slot), TXT(seen->imei), TXT(seen->card_id)));
}

/* Two rivals: the strongest source that says anything, and the strongest that says otherwise. */
static void card_disputed(const struct store_verdict *verdict, struct store_card *card)
{
	enum store_source rivals[2] = { STORE_NUMBER_UNKNOWN, STORE_NUMBER_UNKNOWN };

	card->other_source = store_says_other(verdict, verdict->source, verdict->number);
	card->other = verdict->said[card->other_source];
	card->conflict = verdict->conflict;
	if (verdict->conflict) {
		rivals[0] = store_says_other(verdict, STORE_SOURCES, "");
		rivals[1] = store_says_other(verdict, rivals[0], verdict->said[rivals[0]]);
	}
	for (int i = 0; i < 2; i++) {
		card->rival_sources[i] = rivals[i];
		card->rivals[i] = verdict->said[rivals[i]];
	}
}

static int card_read(struct store_job *job, struct store_card *card)
{
	struct store_table table;
	int err = store_select(job, STMT_CARD_GET, ARGS(TXT(card->card_id)), &table);
	if (err)
		return err;
	if (!table.rows)
		return -ENOENT;

	const struct backend_value *row = table_row(&table, 0);
	struct store_verdict verdict = store_verdict(row + 2);
	card->iccid = row[0].text;
	card->imsi = row[1].text;
	card->number = verdict.number;
	card->sim_number = verdict.said[STORE_NUMBER_SIM];
	card->source = verdict.source;
	card_disputed(&verdict, card);
	return 0;
}

static int seen_run(struct store_job *job)
{
	struct seen_job *seen_job = (struct seen_job *)job;
	const struct store_card_seen *seen = &seen_job->seen;
	struct store_card *card = job->result = job_out(job, 1, sizeof(*card));
	if (!card)
		return -ENOMEM;

	card->card_id = seen->card_id;
	int err = module_swap(seen_job, &card->last_card);
	if (err)
		return err;
	err = store_put(job, STMT_CARD_PUT,
		ARGS(TXT(seen->card_id), TXT(seen->iccid), TXT(seen->imsi), TXT(seen->sim_number),
			INT(seen->now_ms), TXT(seen->ussd_number)));
	if (!err)
		err = card_read(job, card);
	if (err || !*card->number)
		return err;
	int64_t n = store_free_held(job, card->card_id, card->number, seen->now_ms);
	card->freed = n;
	return n < 0 ? (int)n : 0;
}

static void seen_finish(struct store_job *job)
{
	if (job->callback.card)
		job->callback.card(job->arg, job->err, job->err ? NULL : job->result);
}

static void seen_local(struct store *journal, const struct store_job *job)
{
	const struct seen_job *call = (const struct seen_job *)job;
	store_card_seen(journal, &call->seen, job->callback.card, job->arg);
}

void store_card_seen(
	struct store *store, const struct store_card_seen *seen, store_card_fn *done, void *arg)
{
	static const struct store_verb verb = { "card_seen", seen_run, seen_finish, true };
	struct seen_job *call = store_job_new(store, sizeof(*call), &verb);
	struct store_job *job = &call->job;

	job->callback.card = done;
	job->local = seen_local;
	job->traits = TRAIT_BOTH | TRAIT_AGAIN;
	job->arg = arg;
	job->pool = true;
	call->seen = (struct store_card_seen) {
		.bank = job_name(job, seen->bank, STORE_NAME_SIZE),
		.slot = job_name(job, seen->slot, STORE_NAME_SIZE),
		.imei = job_text(job, seen->imei),
		.card_id = job_name(job, seen->card_id, STORE_CARD_SIZE),
		.iccid = job_text(job, seen->iccid),
		.imsi = job_text(job, seen->imsi),
		.sim_number = job_name(job, seen->sim_number, STORE_NUMBER_SIZE),
		.ussd_number = job_name(job, seen->ussd_number, STORE_NUMBER_SIZE),
		.now_ms = seen->now_ms,
	};
	store_job_submit(job);
}

/* ---- refused PINs --------------------------------------------------------------------------- */

struct pin_job {
	struct store_job job;
	const char *key, *other;
	int64_t mark, refused_ms;
};

static struct pin_job *pin_job_new(
	struct store *store, const struct store_verb *verb, const char *key, void *arg)
{
	struct pin_job *call = store_job_new(store, sizeof(*call), verb);

	call->job.arg = arg;
	call->key = job_name(&call->job, key, STORE_PIN_KEY_SIZE);
	return call;
}

static int pin_refused_run(struct store_job *job)
{
	const struct pin_job *call = (struct pin_job *)job;

	int err = store_put(job, STMT_PIN_REFUSED,
		ARGS(TXT(call->key), INT(call->mark), INT(call->refused_ms)));
	return err ? err : store_put(job, STMT_PINS_LIMIT, ARGS(INT(STORE_PINS_MAX)));
}

static void pin_refused_local(struct store *journal, const struct store_job *job)
{
	const struct pin_job *call = (const struct pin_job *)job;
	store_pin_refused(
		journal, call->key, call->mark, call->refused_ms, job->callback.done, job->arg);
}

void store_pin_refused(struct store *store, const char *key, int64_t mark, int64_t now_ms,
	store_done_fn *done, void *arg)
{
	static const struct store_verb verb = { "pin_refused", pin_refused_run, store_finish_done,
		true };
	struct pin_job *call = pin_job_new(store, &verb, key, arg);

	call->job.callback.done = done;
	call->job.local = pin_refused_local;
	call->job.traits = TRAIT_BOTH | TRAIT_AGAIN;
	call->mark = mark;
	call->refused_ms = now_ms;
	store_job_submit(&call->job);
}

static int pin_forget_run(struct store_job *job)
{
	const struct pin_job *call = (struct pin_job *)job;

	job->count = store_exec(job, STMT_PIN_FORGET, ARGS(TXT(call->key), TXT(call->other)));
	return job->count < 0 ? (int)job->count : 0;
}

static void pin_forget_local(struct store *journal, const struct store_job *job)
{
	const struct pin_job *call = (const struct pin_job *)job;
	store_pin_forget(journal, call->key, call->other, job->callback.count, job->arg);
}

void store_pin_forget(
	struct store *store, const char *key, const char *other, store_count_fn *done, void *arg)
{
	static const struct store_verb verb = { "pin_forget", pin_forget_run, store_finish_count,
		true };
	struct pin_job *call = pin_job_new(store, &verb, key, arg);

	call->other = job_name(&call->job, other, STORE_PIN_KEY_SIZE);
	call->job.callback.count = done;
	call->job.local = pin_forget_local;
	call->job.traits = TRAIT_BOTH | TRAIT_AGAIN;
	store_job_submit(&call->job);
}

static int pin_get_run(struct store_job *job)
{
	struct pin_job *call = (struct pin_job *)job;
	struct store_table table;

	int err = store_select(job, STMT_PIN_GET, ARGS(TXT(call->key)), &table);
	if (err)
		return err;
	call->mark = table.rows ? table_row(&table, 0)[0].num : 0;
	call->refused_ms = table.rows ? table_row(&table, 0)[1].num : 0;
	return 0;
}

static void pin_get_finish(struct store_job *job)
{
	const struct pin_job *call = (struct pin_job *)job;

	if (job->err && job->callback.pin)
		job->callback.pin(job->arg, job->err, 0, 0);
	else if (job->callback.pin)
		job->callback.pin(job->arg, 0, call->mark, call->refused_ms);
}

static void pin_get_local(struct store *journal, const struct store_job *job)
{
	const struct pin_job *call = (const struct pin_job *)job;
	store_pin_get(journal, call->key, job->callback.pin, job->arg);
}

void store_pin_get(struct store *store, const char *key, store_pin_fn *done, void *arg)
{
	static const struct store_verb verb = { "pin_get", pin_get_run, pin_get_finish, false };
	struct pin_job *call = pin_job_new(store, &verb, key, arg);

	call->job.callback.pin = done;
	call->job.local = pin_get_local;
	store_job_submit(&call->job);
}

/* ---- ports ---------------------------------------------------------------------------------- */

struct port_job {
	struct store_job job;
	struct store_port port;
	struct store_presence presence;
};

static int port_run(struct store_job *job)
{
	const struct port_job *call = (struct port_job *)job;
	const struct store_port *port = &call->port;
	const char *host = store_host(job->store);

	if (call->presence.left)
		return 0;
	int err = store_put(job, STMT_BANK_PUT, ARGS(TXT(port->bank), TXT(host)));
	if (err)
		return err;
	return store_put(job, STMT_PORT_PUT,
		ARGS(TXT(port->bank), TXT(port->slot), TXT(host), TXT(port->card_id),
			TXT(port->state), INT(port->online), INT(port->now_ms),
			INT(call->presence.kept)));
}

void store_port_put(
	struct store *store, const struct store_port *port, store_done_fn *done, void *arg)
{
	static const struct store_verb verb = { "port_put", port_run, store_finish_done, true };
	struct port_job *call = store_job_new(store, sizeof(*call), &verb);
	struct store_job *job = &call->job;

	job->callback.done = done;
	job->arg = arg;
	job->pool = true;
	call->presence = *store_presence(store);
	call->port = (struct store_port) {
		.bank = job_name(job, port->bank, STORE_NAME_SIZE),
		.slot = job_name(job, port->slot, STORE_NAME_SIZE),
		.card_id = job_name(job, port->card_id, STORE_CARD_SIZE),
		.state = job_text(job, port->state),
		.online = port->online,
		.now_ms = port->now_ms,
	};
	store_job_submit(job);
}

struct keep_job {
	struct store_job job;
	struct store_place *places; /* sorted */
	size_t count;
};

static int place_cmp(const void *a, const void *b)
{
	const struct store_place *x = a, *y = b;
	int order = strcmp(x->bank, y->bank);
	return order ? order : strcmp(x->slot, y->slot);
}

static bool is_kept(const struct keep_job *call, const char *bank, const char *slot)
{
	struct store_place place = { bank, slot };

	return call->count &&
	       bsearch(&place, call->places, call->count, sizeof(place), place_cmp) != NULL;
}

static int keep_run(struct store_job *job)
{
	const struct keep_job *call = (struct keep_job *)job;
	const char *host = store_host(job->store);
	struct store_table ports;

	int err = store_select(job, STMT_PORTS, ARGS(TXT(host)), &ports);
	if (err)
		return err;
	for (size_t i = 0; i < ports.rows; i++) {
		const struct backend_value *row = table_row(&ports, i);
		struct store_place place = { row[0].text, row[1].text };
		if (is_kept(call, place.bank, place.slot) || is_kept(call, place.bank, ""))
			continue;
		err = store_put(
			job, STMT_PORT_FORGET, ARGS(TXT(place.bank), TXT(place.slot), TXT(host)));
		if (!err)
			err = store_put(job, STMT_RESUME, ARGS(TXT(place.bank), TXT(place.slot)));
		if (err)
			return err;
	}
	return store_put(job, STMT_BANKS_FORGET, ARGS(TXT(host)));
}

static struct keep_job *keep_job_new(struct store *store, const struct store_verb *verb,
	const struct store_place *places, size_t count)
{
	struct keep_job *call = store_job_new(store, sizeof(*call), verb);
	struct store_job *job = &call->job;

	call->count = count;
	call->places = job_array(job, count, sizeof(*places));
	for (size_t i = 0; call->places && i < count; i++) {
		call->places[i].bank = job_text(job, places[i].bank);
		call->places[i].slot = job_text(job, places[i].slot);
	}
	if (!job->err && call->places)
		qsort(call->places, count, sizeof(*places), place_cmp);
	return call;
}

void store_ports_keep(struct store *store, const struct store_place *places, size_t count,
	store_done_fn *done, void *arg)
{
	static const struct store_verb verb = { "ports_keep", keep_run, store_finish_done, true };
	struct keep_job *call = keep_job_new(store, &verb, places, count);

	call->job.callback.done = done;
	call->job.arg = arg;
	call->job.pool = true;
	store_job_submit(&call->job);
}

static int missing_run(struct store_job *job)
{
	const struct keep_job *call = (struct keep_job *)job;
	const char *host = store_host(job->store);
	struct store_table had;

	int err = store_select(job, STMT_PORTS_HAD, ARGS(TXT(host)), &had);
	if (err)
		return err;
	struct store_place *rows = job->result = job_out(job, had.rows, sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	for (size_t i = 0; i < had.rows; i++) {
		const struct backend_value *row = table_row(&had, i);
		if (is_kept(call, row[0].text, row[1].text))
			continue;
		rows[job->count++] = (struct store_place) { row[0].text, row[1].text };
		err = store_put(
			job, STMT_PORT_FORGET, ARGS(TXT(row[0].text), TXT(row[1].text), TXT(host)));
		if (err)
			return err;
	}
	return 0;
}

static void missing_finish(struct store_job *job)
{
	if (job->callback.places)
		job->callback.places(
			job->arg, job->err, job->result, job->err ? 0 : (size_t)job->count);
}

void store_ports_missing(struct store *store, const struct store_place *places, size_t count,
	store_places_fn *done, void *arg)
{
	static const struct store_verb verb = { "ports_missing", missing_run, missing_finish,
		true };
	struct keep_job *call = keep_job_new(store, &verb, places, count);

	call->job.callback.places = done;
	call->job.arg = arg;
	store_job_submit(&call->job);
}

/* ---- the roster ----------------------------------------------------------------------------- */

struct roster_job {
	struct store_job job;
	const char *platform;
	int64_t fence, now_ms;
};

static void roster_row(const struct backend_value *cells, struct store_roster_row *row)
{
	*row = (struct store_roster_row) {
		.bank = cells[0].text,
		.slot = cells[1].text,
		.card_id = cells[2].text,
		.iccid = cells[3].text,
		.imsi = cells[4].text,
		.number = cells[5].text,
		.label = cells[6].text,
		.operator_code = (int)cells[7].num,
		.rent = (int)cells[8].num,
		.date_start = cells[9].num,
		.date_stop = cells[10].num,
		.price = cells[11].num,
		.balance = cells[12].num,
		.remote_id = cells[13].text,
		.own_sell = (int)cells[14].num,
	};
}

static int by_number(const void *a, const void *b)
{
	const struct store_roster_row *const *x = a, *const *y = b;
	int order = strcmp((*x)->number, (*y)->number);

	if (!order)
		order = strcmp((*x)->card_id, (*y)->card_id);
	return order ? order : (*x > *y) - (*x < *y);
}

/* Sorted by number and card: a number with one card has the same card first and last. */
static void mark_conflicts(struct store_roster_row **sorted, size_t count)
{
	for (size_t i = 0, end; i < count; i = end) {
		for (end = i + 1; end < count; end++)
			if (strcmp(sorted[end]->number, sorted[i]->number) != 0)
				break;
		bool conflict = strcmp(sorted[i]->card_id, sorted[end - 1]->card_id) != 0;
		for (size_t k = i; k < end; k++)
			sorted[k]->conflict = conflict;
		for (size_t k = i + 1; !conflict && k < end; k++)
			sorted[k]->again = true;
	}
}

static int roster_run(struct store_job *job)
{
	const struct roster_job *call = (struct roster_job *)job;
	struct store_table table;
	int err = 0;

	if (call->fence)
		err = store_lease_check(job, call->fence, call->now_ms);
	job->refused = err == -ESTALE ? err : 0;
	if (!err)
		err = store_select(job, STMT_ROSTER,
			ARGS(TXT(call->platform), TXT(store_host(job->store))), &table);
	if (err)
		return job->refused ? 0 : err;
	struct store_roster_row *rows = job_out(job, table.rows, sizeof(*rows));
	struct store_roster_row **sorted = job_out(job, table.rows, sizeof(*sorted));
	if (!rows || !sorted)
		return -ENOMEM;

	for (size_t i = 0; i < table.rows; i++) {
		roster_row(table_row(&table, i), &rows[i]);
		sorted[i] = &rows[i];
	}
	qsort(sorted, table.rows, sizeof(struct store_roster_row *), by_number);
	mark_conflicts(sorted, table.rows);

	job->count = (int64_t)table.rows;
	job->result = rows;
	return 0;
}

static void roster_finish(struct store_job *job)
{
	int err = job->err ? job->err : job->refused;

	if (err && job->callback.roster)
		job->callback.roster(job->arg, err, NULL, 0);
	else if (job->callback.roster)
		job->callback.roster(job->arg, 0, job->result, (size_t)job->count);
}

void store_roster(
	struct store *store, const char *platform, int64_t fence, store_roster_fn *done, void *arg)
{
	static const struct store_verb verb = { "roster", roster_run, roster_finish, false };
	static const struct store_verb fenced = { "roster", roster_run, roster_finish, true };
	struct roster_job *call = store_job_new(store, sizeof(*call), fence ? &fenced : &verb);

	call->fence = fence;
	call->now_ms = store_now_ms(store);
	call->job.callback.roster = done;
	call->job.arg = arg;
	call->platform = job_text(&call->job, platform);
	store_job_submit(&call->job);
}

/* ---- what a platform calls its numbers ------------------------------------------------------ */

struct remote_job {
	struct store_job job;
	const char *platform;
	struct store_remote_id *ids;
	size_t count;
};

static int remote_run(struct store_job *job)
{
	const struct remote_job *call = (struct remote_job *)job;

	for (size_t i = 0; i < call->count; i++) {
		const struct store_remote_id *id = &call->ids[i];
		int err;
		if (*id->remote_id)
			err = store_put(job, STMT_REMOTE_PUT,
				ARGS(TXT(call->platform), TXT(id->number), TXT(id->remote_id)));
		else
			err = store_put(job, STMT_REMOTE_FORGET,
				ARGS(TXT(call->platform), TXT(id->number)));
		if (err)
			return err;
	}
	return 0;
}

void store_remote_ids(struct store *store, const char *platform, const struct store_remote_id *ids,
	size_t count, store_done_fn *done, void *arg)
{
	static const struct store_verb verb = { "remote_ids", remote_run, store_finish_done, true };
	struct remote_job *call = store_job_new(store, sizeof(*call), &verb);
	struct store_job *job = &call->job;

	job->callback.done = done;
	job->arg = arg;
	call->platform = job_name(job, platform, STORE_NAME_SIZE);
	call->count = count;
	call->ids = job_array(job, count, sizeof(*ids));
	for (size_t i = 0; call->ids && i < count; i++) {
		call->ids[i].number = job_name(job, ids[i].number, STORE_NUMBER_SIZE);
		call->ids[i].remote_id = job_text(job, ids[i].remote_id);
	}
	store_job_submit(job);
}
