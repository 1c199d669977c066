/* store_cards.c - verbs for cards, their numbers, the ports they are in, and the roster. */
#include "store/store_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Deliveries of a card that waited for its number go out. Returns how many, or a negative errno. */
static int64_t free_held(
	struct store_job *job, const char *card_id, const char *number, int64_t now_ms)
{
	int64_t n = store_exec(job, STMT_FREE_MESSAGES, ARGS(TXT(card_id), TXT(number)));
	if (n < 0)
		return n;
	return store_exec(job, STMT_FREE_DELIVERIES, ARGS(TXT(card_id), INT(now_ms)));
}

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
	int64_t n = store_exec(&seen_job->job, STMT_MODULE_PUT,
		ARGS(TXT(seen->bank), TXT(seen->slot), TXT(seen->imei), TXT(seen->card_id)));
	return n < 0 ? (int)n : 0;
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
	card->iccid = row[0].text;
	card->imsi = row[1].text;
	card->number = row[2].text;
	card->sim_number = row[3].text;
	card->source = (enum store_source)row[4].num;
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
	int64_t n = store_exec(job, STMT_CARD_PUT,
		ARGS(TXT(seen->card_id), TXT(seen->iccid), TXT(seen->imsi), TXT(seen->sim_number),
			INT(seen->now_ms)));
	if (n < 0)
		return (int)n;
	err = card_read(job, card);
	if (err || !*card->number)
		return err;
	n = free_held(job, card->card_id, card->number, seen->now_ms);
	card->freed = n;
	return n < 0 ? (int)n : 0;
}

static void seen_finish(struct store_job *job)
{
	if (job->callback.card)
		job->callback.card(job->arg, job->err, job->err ? NULL : job->result);
}

void store_card_seen(
	struct store *store, const struct store_card_seen *seen, store_card_fn *done, void *arg)
{
	static const struct store_verb verb = { "card_seen", seen_run, seen_finish, true };
	struct seen_job *call = store_job_new(store, sizeof(*call), &verb);
	struct store_job *job = &call->job;

	job->callback.card = done;
	job->arg = arg;
	call->seen = (struct store_card_seen) {
		.bank = job_name(job, seen->bank, STORE_NAME_SIZE),
		.slot = job_name(job, seen->slot, STORE_NAME_SIZE),
		.imei = job_text(job, seen->imei),
		.card_id = job_name(job, seen->card_id, STORE_CARD_SIZE),
		.iccid = job_text(job, seen->iccid),
		.imsi = job_text(job, seen->imsi),
		.sim_number = job_name(job, seen->sim_number, STORE_NUMBER_SIZE),
		.now_ms = seen->now_ms,
	};
	store_job_submit(job);
}

/* ---- the numbers file ----------------------------------------------------------------------- */

struct numbers_job {
	struct store_job job;
	struct store_number *rows;
	size_t count;
	int64_t now_ms;
};

static int numbers_write(const struct numbers_job *call, struct store_job *job)
{
	int64_t n = store_exec(job, STMT_NUMBERS_MARK, NULL, 0);
	for (size_t i = 0; i < call->count && n >= 0; i++) {
		const struct store_number *row = &call->rows[i];
		n = store_exec(job, STMT_NUMBER_PUT,
			ARGS(TXT(row->iccid), TXT(row->number), TXT(row->label),
				INT(row->operator_code), INT(row->rent), INT(row->date_start),
				INT(row->date_stop), INT(row->price), INT(row->balance)));
	}
	if (n >= 0)
		n = store_exec(job, STMT_NUMBERS_CLEAR, NULL, 0);
	if (n >= 0)
		n = store_exec(job, STMT_NUMBERS_FORGET, NULL, 0);
	return n < 0 ? (int)n : 0;
}

static int numbers_run(struct store_job *job)
{
	const struct numbers_job *call = (struct numbers_job *)job;
	struct store_table held;

	int err = numbers_write(call, job);
	if (!err)
		err = store_select(job, STMT_HELD_CARDS, NULL, 0, &held);
	if (err)
		return err;
	for (size_t i = 0; i < held.rows; i++) {
		const struct backend_value *row = table_row(&held, i);
		int64_t n = free_held(job, row[0].text, row[1].text, call->now_ms);
		if (n < 0)
			return (int)n;
		job->count += n;
	}
	return 0;
}

void store_numbers_load(struct store *store, const struct store_number *rows, size_t count,
	store_count_fn *done, void *arg)
{
	static const struct store_verb verb = { "numbers_load", numbers_run, store_finish_count,
		true };
	struct numbers_job *call = store_job_new(store, sizeof(*call), &verb);
	struct store_job *job = &call->job;

	job->callback.count = done;
	job->arg = arg;
	call->now_ms = store_now_ms(store);
	call->count = count;
	call->rows = job_array(job, count, sizeof(*rows));
	for (size_t i = 0; call->rows && i < count; i++) {
		call->rows[i] = rows[i];
		call->rows[i].iccid = job_name(job, rows[i].iccid, STORE_CARD_SIZE);
		call->rows[i].number = job_name(job, rows[i].number, STORE_NUMBER_SIZE);
		call->rows[i].label = job_text(job, rows[i].label);
	}
	store_job_submit(job);
}

/* ---- ports ---------------------------------------------------------------------------------- */

struct port_job {
	struct store_job job;
	struct store_port port;
};

static int port_run(struct store_job *job)
{
	const struct store_port *port = &((struct port_job *)job)->port;
	const char *host = store_host(job->store);

	int64_t n = store_exec(job, STMT_BANK_PUT, ARGS(TXT(port->bank), TXT(host)));
	if (n >= 0)
		n = store_exec(job, STMT_PORT_PUT,
			ARGS(TXT(port->bank), TXT(port->slot), TXT(host), TXT(port->card_id),
				TXT(port->state), INT(port->online), INT(port->now_ms)));
	return n < 0 ? (int)n : 0;
}

void store_port_put(
	struct store *store, const struct store_port *port, store_done_fn *done, void *arg)
{
	static const struct store_verb verb = { "port_put", port_run, store_finish_done, true };
	struct port_job *call = store_job_new(store, sizeof(*call), &verb);
	struct store_job *job = &call->job;

	job->callback.done = done;
	job->arg = arg;
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
		if (call->count &&
			bsearch(&place, call->places, call->count, sizeof(place), place_cmp))
			continue;
		int64_t n = store_exec(
			job, STMT_PORT_FORGET, ARGS(TXT(place.bank), TXT(place.slot), TXT(host)));
		if (n < 0)
			return (int)n;
	}
	int64_t n = store_exec(job, STMT_BANKS_FORGET, ARGS(TXT(host)));
	return n < 0 ? (int)n : 0;
}

void store_ports_keep(struct store *store, const struct store_place *places, size_t count,
	store_done_fn *done, void *arg)
{
	static const struct store_verb verb = { "ports_keep", keep_run, store_finish_done, true };
	struct keep_job *call = store_job_new(store, sizeof(*call), &verb);
	struct store_job *job = &call->job;

	job->callback.done = done;
	job->arg = arg;
	call->count = count;
	call->places = job_array(job, count, sizeof(*places));
	for (size_t i = 0; call->places && i < count; i++) {
		call->places[i].bank = job_text(job, places[i].bank);
		call->places[i].slot = job_text(job, places[i].slot);
	}
	if (!job->err && call->places)
		qsort(call->places, count, sizeof(*places), place_cmp);
	store_job_submit(job);
}

/* ---- the roster ----------------------------------------------------------------------------- */

struct roster_job {
	struct store_job job;
	const char *platform;
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
	};
}

static int by_number(const void *a, const void *b)
{
	const struct store_roster_row *const *x = a, *const *y = b;
	int order = strcmp((*x)->number, (*y)->number);
	return order ? order : strcmp((*x)->card_id, (*y)->card_id);
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
	}
}

static int roster_run(struct store_job *job)
{
	const char *platform = ((struct roster_job *)job)->platform;
	struct store_table table;

	int err = store_select(
		job, STMT_ROSTER, ARGS(TXT(platform), TXT(store_host(job->store))), &table);
	if (err)
		return err;
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

	for (size_t i = 0; i < table.rows; i++)
		if (table_row(&table, i)[14].num)
			rows[job->count++] = rows[i];
	job->result = rows;
	return 0;
}

static void roster_finish(struct store_job *job)
{
	if (job->err && job->callback.roster)
		job->callback.roster(job->arg, job->err, NULL, 0);
	else if (job->callback.roster)
		job->callback.roster(job->arg, 0, job->result, (size_t)job->count);
}

void store_roster(struct store *store, const char *platform, store_roster_fn *done, void *arg)
{
	static const struct store_verb verb = { "roster", roster_run, roster_finish, false };
	struct roster_job *call = store_job_new(store, sizeof(*call), &verb);

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
		int64_t n;
		if (*id->remote_id)
			n = store_exec(job, STMT_REMOTE_PUT,
				ARGS(TXT(call->platform), TXT(id->number), TXT(id->remote_id)));
		else
			n = store_exec(job, STMT_REMOTE_FORGET,
				ARGS(TXT(call->platform), TXT(id->number)));
		if (n < 0)
			return (int)n;
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
