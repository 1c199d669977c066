/* store_orders.c - verbs that make operations, and their marks. */
#include "store/store_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TRIES_ALONE = 4 }; /* cards that an order tries before it asks which are free */

/* From the columns that ACTIVATION (store_sql_orders.h) names. */
static struct store_activation activation_of(const struct backend_value *cells)
{
	return (struct store_activation) {
		.id = cells[0].num,
		.seller = cells[1].text,
		.customer = cells[2].text,
		.service = cells[3].text,
		.country = cells[4].text,
		.operator_name = cells[5].text,
		.number = cells[6].text,
		.card_id = cells[7].text,
		.bank = cells[8].text,
		.slot = cells[9].text,
		.rent = cells[10].num != 0,
		.state = (enum store_activation_state)cells[11].num,
		.finish_status = (int)cells[12].num,
		.reason = cells[13].text,
		.opened_ms = cells[14].num,
		.closed_ms = cells[15].num,
		.expires_ms = cells[16].num,
		.price = cells[17].num,
		.refunded = cells[18].num,
		.sum = cells[19].num,
		.texts = (int)cells[20].num,
		.withheld = (int)cells[21].num,
		.first_text_ms = cells[22].num,
		.last_text_ms = cells[23].num,
		.last_message_id = cells[24].text,
		.last_sender = cells[25].text,
		.last_text = cells[26].text,
		.wait_retry = cells[27].num != 0,
		.answered = cells[28].num != 0,
	};
}

int store_activations_read(struct store_job *job, enum store_stmt stmt,
	const struct backend_value *params, size_t count, struct store_activation **out,
	size_t *rows)
{
	struct store_table table;

	int err = store_select(job, stmt, params, count, &table);
	if (err)
		return err;
	struct store_activation *list = job_out(job, table.rows, sizeof(*list));
	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < table.rows; i++)
		list[i] = activation_of(table_row(&table, i));
	*out = list;
	*rows = table.rows;
	return 0;
}

int64_t store_counter_next(struct store_job *job, const char *name)
{
	struct store_table table;

	int err = store_select(job, STMT_COUNTER_NEXT, ARGS(TXT(name)), &table);
	if (err)
		return err;
	return table.rows ? table_row(&table, 0)[0].num : -EUCLEAN;
}

/* ---- order ---------------------------------------------------------------------------------- */

struct order_job {
	struct store_job job;
	struct store_order order;
	const char **cards;
	char token[STORE_ID_SIZE];
};

struct order_result {
	enum store_order_why why;
	const struct store_activation *activation;
};

int store_activation_get(struct store_job *job, enum store_stmt stmt, struct backend_value key,
	const struct store_activation **out)
{
	struct store_activation *row;
	size_t rows;

	int err = store_activations_read(job, stmt, &key, 1, &row, &rows);
	if (!err)
		*out = rows ? row : NULL;
	return err;
}

static int64_t cancel_limit(const struct store_order *order)
{
	return order->rent ? 0 : order->cancel_limit;
}

/* free: (number, bank, slot) of a card that can be ordered; NULL: it cannot. */
static int card_free(const struct order_job *call, struct store_job *job, const char *card_id,
	const struct backend_value **free)
{
	const struct store_order *order = &call->order;
	struct store_table table, clash;

	*free = NULL;
	int err = store_select(job, STMT_ORDER_FREE,
		ARGS(TXT(order->seller), TXT(order->service), INT(cancel_limit(order)),
			TXT(card_id)),
		&table);
	if (err || !table.rows)
		return err;
	const struct backend_value *row = table_row(&table, 0);
	err = store_select(job, STMT_ORDER_CLASH, ARGS(TXT(card_id), TXT(row[0].text)), &clash);
	if (!err && !clash.rows)
		*free = row;
	return err;
}

int64_t store_order_due(const struct store_order *order)
{
	int64_t grace_ms = order->now_ms + STORE_RENT_GRACE_MS;

	if (!order->customer || !*order->customer)
		return order->release_ms;
	return order->rent && grace_ms < order->expires_ms ? grace_ms : order->expires_ms;
}

/* 1: the operation is there; 0: another one was quicker. */
static int order_add(const struct order_job *call, struct store_job *job, int64_t id,
	const char *card_id, const struct backend_value *free)
{
	const struct store_order *order = &call->order;

	return (int)store_exec(job, STMT_ORDER_ADD,
		ARGS(INT(id), TXT(call->token), TXT(order->seller), TXT(order->customer),
			TXT(order->service), TXT(order->country), TXT(order->operator_name),
			TXT(free[0].text), TXT(card_id), TXT(free[1].text), TXT(free[2].text),
			INT(order->rent), INT(order->now_ms), INT(order->expires_ms),
			INT(store_order_due(order)), INT(order->price), INT(order->sum)));
}

/* 1: charged; 0: why not. */
static int order_charge(
	const struct order_job *call, struct store_job *job, struct order_result *result)
{
	const struct store_order *order = &call->order;
	struct store_table table;

	int64_t n = store_exec(
		job, STMT_CUSTOMER_CHARGE, ARGS(TXT(order->customer), INT(order->price)));
	if (n != 0)
		return (int)n;
	int err = store_select(job, STMT_CUSTOMER_GET, ARGS(TXT(order->customer)), &table);
	if (err)
		return err;
	bool may = table.rows && !table_row(&table, 0)[3].num && !table_row(&table, 0)[4].num;
	result->why = may ? STORE_ORDER_NO_BALANCE : STORE_ORDER_NO_CUSTOMER;
	return 0;
}

static int order_book(const struct order_job *call, struct store_job *job, int64_t id)
{
	const struct store_order *order = &call->order;
	char entry[STORE_LEDGER_ID_SIZE];

	if (!order->price)
		return 0;
	snprintf(entry, sizeof(entry), "charge-%lld", (long long)id);
	int64_t n = store_exec(job, STMT_LEDGER_ADD,
		ARGS(TXT(entry), TXT(order->customer), INT(order->now_ms), INT(-order->price),
			INT(id), TXT("charge"), TXT(order->service)));
	return n == 1 ? 0 : n < 0 ? (int)n : -EUCLEAN;
}

/* What an order has so far. */
struct order_state {
	int64_t id; /* 0: none was taken yet */
	bool charged;
	bool added;
};

/* Tries one card. 1: goes on with the next, 0: is over. */
static int order_try(const struct order_job *call, struct store_job *job, const char *card_id,
	struct order_state *state, struct order_result *result)
{
	const struct backend_value *free;

	int n = card_free(call, job, card_id, &free);
	if (n < 0 || !free)
		return n < 0 ? n : 1;
	if (*call->order.customer && !state->charged) {
		n = order_charge(call, job, result);
		if (n <= 0)
			return n;
		state->charged = true;
	}
	if (!state->id)
		state->id = store_counter_next(job, "activation");
	if (state->id < 0)
		return (int)state->id;
	n = order_add(call, job, state->id, card_id, free);
	state->added = n == 1;
	return n < 0 ? n : !state->added;
}

static int order_finish_try(const struct order_job *call, struct store_job *job,
	const struct order_state *state, struct order_result *result)
{
	const struct store_order *order = &call->order;

	if (!state->added) { /* what it took is given back */
		int64_t n = state->charged ? store_exec(job, STMT_CUSTOMER_BOOK,
						     ARGS(TXT(order->customer), INT(order->price)))
					   : 1;
		return n == 1 ? 0 : n < 0 ? (int)n : -EUCLEAN;
	}
	int err = order_book(call, job, state->id);
	if (err)
		return err;
	result->why = STORE_ORDER_DONE;
	return store_activation_get(job, STMT_ACTIVATION_GET, INT(state->id), &result->activation);
}

static int card_cmp(const void *a, const void *b)
{
	const struct backend_value *x = a, *y = b;
	return strcmp(x->text, y->text);
}

/* Tries the cards, each by itself as long as few are taken. When many orders come at once, at other
 * hosts too, most of what the caller takes for free is not: then all that are free are asked for.
 */
static int order_cards(const struct order_job *call, struct store_job *job,
	struct order_state *state, struct order_result *result)
{
	const struct store_order *order = &call->order;
	struct store_table frees = { 0 };
	int n = 1;

	for (size_t i = 0; i < order->card_count && n == 1; i++) {
		const struct backend_value card = TXT(call->cards[i]);
		if (i == TRIES_ALONE) {
			int err = store_select(job, STMT_ORDER_FREES,
				ARGS(TXT(order->seller), TXT(order->service),
					INT(cancel_limit(order))),
				&frees);
			if (err)
				return err;
		}
		if (i < TRIES_ALONE || (frees.rows && bsearch(&card, frees.cells, frees.rows,
							      sizeof(card), card_cmp)))
			n = order_try(call, job, card.text, state, result);
	}
	return n < 0 ? n : 0;
}

static int order_run(struct store_job *job)
{
	const struct order_job *call = (struct order_job *)job;
	struct order_result *result = job->result = job_out(job, 1, sizeof(*result));
	struct order_state state = { 0 };

	if (!result)
		return -ENOMEM;
	int err = store_activation_get(
		job, STMT_ACTIVATION_TOKEN, TXT(call->token), &result->activation);
	if (err || result->activation)
		return err;
	result->why = STORE_ORDER_NO_NUMBER;
	err = order_cards(call, job, &state, result);
	return err ? err : order_finish_try(call, job, &state, result);
}

static void order_finish(struct store_job *job)
{
	const struct order_result *result = job->result;

	if (!job->callback.order)
		return;
	if (job->err)
		job->callback.order(job->arg, job->err, STORE_ORDER_NO_NUMBER, NULL);
	else
		job->callback.order(job->arg, 0, result->why, result->activation);
}

static bool order_valid(const struct store_order *order)
{
	bool own = order->seller && strcmp(order->seller, STORE_CUSTOMERS) == 0;
	bool named = order->customer && *order->customer;

	if (!order->seller || !*order->seller || !order->service || !*order->service)
		return false;
	if (own != named || order->price < 0 || order->sum < 0 || order->now_ms <= 0)
		return false;
	if (order->rent != (strcmp(order->service, STORE_RENT) == 0))
		return false;
	return own ? order->expires_ms > order->now_ms && !order->release_ms
		   : !order->expires_ms && !order->price && !(order->rent && order->release_ms);
}

void store_activation_order(
	struct store *store, const struct store_order *order, store_order_fn *done, void *arg)
{
	static const struct store_verb verb = { "activation_order", order_run, order_finish, true };
	struct order_job *call = store_job_new(store, sizeof(*call), &verb);
	struct store_job *job = &call->job;

	job->callback.order = done;
	job->arg = arg;
	if (!job->err && (!order_valid(order) || order->card_count > STORE_CANDIDATES_MAX))
		job->err = -EINVAL;
	call->order = *order;
	call->order.seller = job_name(job, order->seller, STORE_NAME_SIZE);
	call->order.customer = job_name(job, order->customer, STORE_NAME_SIZE);
	call->order.service = job_name(job, order->service, STORE_SERVICE_SIZE);
	call->order.country = job_name(job, order->country, STORE_NAME_SIZE);
	call->order.operator_name = job_name(job, order->operator_name, STORE_NAME_SIZE);
	call->cards = job_array(job, order->card_count, sizeof(*call->cards));
	for (size_t i = 0; call->cards && i < order->card_count; i++)
		call->cards[i] = job_name(job, order->cards[i], STORE_CARD_SIZE);
	if (!call->cards)
		call->order.card_count = 0;
	store_new_id(store, call->token);
	store_job_submit(job);
}

/* ---- marks, and erasing --------------------------------------------------------------------- */

struct mark_job {
	struct store_job job;
	const char *customer;
	int64_t id;
};

static int mark_end(struct store_job *job, int64_t n)
{
	job->count = n;
	return n < 0 ? (int)n : 0;
}

static int answered_run(struct store_job *job)
{
	const struct mark_job *call = (struct mark_job *)job;
	return mark_end(job, store_exec(job, STMT_ACTIVATION_ANSWERED, ARGS(INT(call->id))));
}

static int wait_run(struct store_job *job)
{
	const struct mark_job *call = (struct mark_job *)job;
	return mark_end(job,
		store_exec(job, STMT_ACTIVATION_WAIT, ARGS(INT(call->id), TXT(call->customer))));
}

static int erase_run(struct store_job *job)
{
	const struct mark_job *call = (struct mark_job *)job;
	return mark_end(job, store_exec(job, STMT_ACTIVATIONS_ERASE,
				     ARGS(INT(call->id), INT(STORE_ACTIVATIONS_MAX))));
}

static void mark_submit(struct store *store, const struct store_verb *verb,
	const struct mark_job *what, store_count_fn *done, void *arg)
{
	struct mark_job *call = store_job_new(store, sizeof(*call), verb);

	call->job.callback.count = done;
	call->job.arg = arg;
	call->customer = job_text(&call->job, what->customer);
	call->id = what->id;
	store_job_submit(&call->job);
}

void store_activation_answered(struct store *store, int64_t id, store_count_fn *done, void *arg)
{
	static const struct store_verb verb = { "activation_answered", answered_run,
		store_finish_count, true };
	mark_submit(store, &verb, &(struct mark_job) { .id = id }, done, arg);
}

void store_activation_wait(
	struct store *store, int64_t id, const char *customer, store_count_fn *done, void *arg)
{
	static const struct store_verb verb = { "activation_wait", wait_run, store_finish_count,
		true };
	mark_submit(store, &verb, &(struct mark_job) { .id = id, .customer = customer }, done, arg);
}

void store_activations_erase(
	struct store *store, int64_t before_ms, store_count_fn *done, void *arg)
{
	static const struct store_verb verb = { "activations_erase", erase_run, store_finish_count,
		true };
	mark_submit(store, &verb, &(struct mark_job) { .id = before_ms }, done, arg);
}
