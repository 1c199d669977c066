/* test_orders.c - operations, customers and their money in the store. */
#include "store_fixture.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/counter.h"

enum { CARDS_MAX = 200, WINDOW_MS = 15 * 60 * 1000 };

#define HUB "hub"

/* What a callback was given; strings are copied. */
struct got {
	int calls, err;
	enum store_order_why why;
	struct store_activation row; /* strings are not valid, but for those below */
	char number[STORE_NUMBER_SIZE], card[STORE_CARD_SIZE], reason[32], last_text[64];
	bool has, found, existed, denied;
	int used_sold, used_cancelled; /* -1: not told */
	size_t count;
	int64_t value, next_ms;
	char list[8192];
};

static char card_ids[CARDS_MAX][24], numbers[CARDS_MAX][24];
static const char *all_cards[CARDS_MAX];

static struct got *came(void *arg, int err, size_t count)
{
	struct got *got = arg;

	got->calls++;
	got->err = err;
	got->count = count;
	return got;
}

static void take_row(struct got *got, const struct store_activation *row)
{
	if (!row)
		return;
	got->has = true;
	got->row = *row;
	copy(got->number, sizeof(got->number), row->number);
	copy(got->card, sizeof(got->card), row->card_id);
	copy(got->reason, sizeof(got->reason), row->reason);
	copy(got->last_text, sizeof(got->last_text), row->last_text);
}

static void add(struct got *got, const char *item)
{
	size_t len = strlen(got->list);
	snprintf(got->list + len, sizeof(got->list) - len, "%s,", item);
}

static void on_order(
	void *arg, int err, enum store_order_why why, const struct store_activation *activation)
{
	struct got *got = came(arg, err, 0);

	got->why = why;
	assert_true((activation != NULL) == (!err && why == STORE_ORDER_DONE));
	take_row(got, activation);
}

static void on_close(void *arg, int err, const struct store_closed *closed)
{
	struct got *got = came(arg, err, 0);

	got->used_sold = got->used_cancelled = -1;
	if (!closed)
		return;
	got->found = closed->found;
	got->existed = closed->existed;
	got->denied = closed->denied;
	take_row(got, closed->activation);
	if (closed->used) {
		got->used_sold = closed->used->sold;
		got->used_cancelled = closed->used->cancelled;
	}
}

static void on_expired(
	void *arg, int err, const struct store_activation *rows, size_t count, int64_t next_ms)
{
	struct got *got = came(arg, err, count);
	char line[64];

	got->next_ms = next_ms;
	for (size_t i = 0; i < count; i++) {
		snprintf(line, sizeof(line), "%" PRId64 " %s %s", rows[i].id,
			store_activation_state_name(rows[i].state), rows[i].reason);
		add(got, line);
	}
}

static void on_rows(void *arg, int err, const struct store_activation *rows, size_t count)
{
	struct got *got = came(arg, err, count);
	char line[64];

	for (size_t i = 0; i < count; i++) {
		take_row(got, &rows[i]);
		snprintf(line, sizeof(line), "%" PRId64, rows[i].id);
		add(got, line);
	}
}

static void on_texts(void *arg, int err, const struct store_activation *activation,
	const struct store_activation_text *rows, size_t count)
{
	struct got *got = came(arg, err, count);

	take_row(got, activation);
	for (size_t i = 0; i < count; i++)
		add(got, rows[i].text);
}

static void on_counts(void *arg, int err, const struct store_activation_counts *counts)
{
	struct got *got = came(arg, err, 0);
	char line[100];

	for (int i = 0; i < STORE_ACTIVATION_STATES; i++) {
		snprintf(line, sizeof(line), "%" PRId64, counts->states[i]);
		add(got, line);
	}
	snprintf(line, sizeof(line), "t%" PRId64 " u%" PRId64, counts->open_with_text,
		counts->open_unanswered);
	add(got, line);
}

static void on_sellables(void *arg, int err, const struct store_sellable *rows, size_t count)
{
	struct got *got = came(arg, err, count);
	char line[100];

	for (size_t i = 0; i < count; i++) {
		snprintf(line, sizeof(line), "%s:%s", rows[i].seller, rows[i].slot);
		add(got, line);
	}
}

static void on_useds(void *arg, int err, const struct store_used *rows, size_t count)
{
	struct got *got = came(arg, err, count);
	char line[100];

	for (size_t i = 0; i < count; i++) {
		snprintf(line, sizeof(line), "%s %s %s %d %d", rows[i].seller, rows[i].service,
			rows[i].number, rows[i].sold, rows[i].cancelled);
		add(got, line);
		got->value = rows[i].changed;
	}
}

static void on_customers(void *arg, int err, const struct store_customer *rows, size_t count)
{
	struct got *got = arg;
	char line[160];

	got->calls++;
	got->err = err;
	got->count = count;
	for (size_t i = 0; i < count; i++) {
		snprintf(line, sizeof(line), "%s %s%s%s%s %" PRId64 " %" PRId64 "/%" PRId64,
			rows[i].name, rows[i].key_hash, rows[i].configured ? " file" : "",
			rows[i].disabled ? " disabled" : "", rows[i].gone ? " gone" : "",
			rows[i].balance, rows[i].open, rows[i].orders);
		add(got, line);
	}
}

static void on_customer(void *arg, int err, const struct store_customer *customer)
{
	struct got *got = came(arg, err, 0);

	got->has = customer != NULL;
	got->value = customer ? customer->balance : -1;
}

static void on_ledger(void *arg, int err, const struct store_ledger_row *rows, size_t count)
{
	struct got *got = arg;
	char line[160];

	got->calls++;
	got->err = err;
	got->count = count;
	got->value = 0;
	for (size_t i = 0; i < count; i++) {
		got->value += rows[i].amount;
		snprintf(line, sizeof(line), "%s %" PRId64 " %" PRId64, rows[i].kind,
			rows[i].amount, rows[i].activation);
		add(got, line);
	}
}

static void on_done(void *arg, int err)
{
	((struct got *)arg)->calls++;
	((struct got *)arg)->err = err;
}

static void on_count(void *arg, int err, int64_t count)
{
	on_done(arg, err);
	((struct got *)arg)->value = count;
}

/* ---- verbs that wait ------------------------------------------------------------------------ */

static struct got ended(struct fixture *fx, struct got *got)
{
	fx_wait(fx);
	assert_int_equal(got->calls, 1);
	return *got;
}

static struct store_order hub_order(const struct fixture *fx, size_t cards)
{
	return (struct store_order) { .seller = HUB,
		.service = "vk",
		.country = "sweden",
		.operator_name = "any",
		.cards = all_cards,
		.card_count = cards,
		.now_ms = fx_now(fx),
		.sum = 400000 };
}

static struct store_order customers_order(
	const struct fixture *fx, const char *customer, size_t cards)
{
	return (struct store_order) { .seller = STORE_CUSTOMERS,
		.customer = customer,
		.service = "vk",
		.country = "46",
		.cards = all_cards,
		.card_count = cards,
		.now_ms = fx_now(fx),
		.expires_ms = fx_now(fx) + WINDOW_MS,
		.price = 3000 };
}

static struct store_order rent_of(struct store_order order)
{
	order.service = STORE_RENT;
	order.rent = true;
	if (order.customer && *order.customer)
		order.expires_ms = order.now_ms + DAY_MS;
	return order;
}

static struct got order(struct fixture *fx, struct store_order what)
{
	struct got got = { 0 };
	store_activation_order(fx->store, &what, on_order, &got);
	return ended(fx, &got);
}

static struct got close_it(struct fixture *fx, struct store_close what)
{
	struct got got = { 0 };
	what.now_ms = fx_now(fx);
	store_activation_close(fx->store, &what, on_close, &got);
	return ended(fx, &got);
}

static struct got hub_finish(struct fixture *fx, int64_t id, int status)
{
	const enum store_activation_state states[] = { [1] = STORE_ACTIVATION_REFUSED,
		[3] = STORE_ACTIVATION_SOLD,
		[4] = STORE_ACTIVATION_CANCELLED,
		[5] = STORE_ACTIVATION_REFUNDED };
	return close_it(fx, (struct store_close) { .id = id,
				    .seller = HUB,
				    .state = states[status],
				    .finish_status = status,
				    .reason = "finish",
				    .amend = true });
}

static struct got cancel(struct fixture *fx, int64_t id, const char *customer)
{
	return close_it(fx, (struct store_close) { .id = id,
				    .seller = STORE_CUSTOMERS,
				    .customer = customer,
				    .state = STORE_ACTIVATION_CANCELLED,
				    .finish_status = 8,
				    .reason = "cancelled",
				    .only_textless = true,
				    .refund = true });
}

static struct got expire(struct fixture *fx)
{
	struct got got = { 0 };
	store_activations_expire(fx->store, fx_now(fx), on_expired, &got);
	return ended(fx, &got);
}

static struct got list(struct fixture *fx, struct store_activations_query query)
{
	struct got got = { 0 };
	store_activations(fx->store, &query, on_rows, &got);
	return ended(fx, &got);
}

static struct got texts_of(struct fixture *fx, int64_t id, const char *customer)
{
	struct got got = { 0 };
	store_activation_texts(fx->store, id, customer, on_texts, &got);
	return ended(fx, &got);
}

static struct got counts(struct fixture *fx)
{
	struct got got = { 0 };
	store_activation_counts(fx->store, fx_now(fx), on_counts, &got);
	return ended(fx, &got);
}

static struct got sellables(struct fixture *fx)
{
	struct got got = { 0 };
	store_sellables(fx->store, on_sellables, &got);
	return ended(fx, &got);
}

static struct got useds(struct fixture *fx, int64_t since)
{
	struct got got = { 0 };
	store_useds(fx->store, since, on_useds, &got);
	return ended(fx, &got);
}

static struct got customers(struct fixture *fx)
{
	struct got got = { 0 };
	store_customers(fx->store, on_customers, &got);
	return ended(fx, &got);
}

static struct got customer(struct fixture *fx, const char *name)
{
	struct got got = { 0 };
	store_customer_get(fx->store, name, on_customer, &got);
	return ended(fx, &got);
}

static int64_t balance(struct fixture *fx, const char *name)
{
	return customer(fx, name).value;
}

static struct got ledger(struct fixture *fx, const char *name)
{
	struct got got = { 0 };
	store_ledger(fx->store, name, STORE_LEDGER_MAX, on_ledger, &got);
	return ended(fx, &got);
}

static int add_customer(struct fixture *fx, const char *name, const char *hash)
{
	struct got got = { 0 };
	store_customer_add(fx->store, name, hash, fx_now(fx), on_done, &got);
	return ended(fx, &got).err;
}

static struct got topup(struct fixture *fx, const char *name, int64_t amount)
{
	struct got got = { 0 };
	store_customer_topup(fx->store, name, amount, "by hand", fx_now(fx), on_count, &got);
	return ended(fx, &got);
}

static int disable(struct fixture *fx, const char *name, bool disabled)
{
	struct got got = { 0 };
	store_customer_disable(fx->store, name, disabled, on_done, &got);
	return ended(fx, &got).err;
}

static int load_customers(struct fixture *fx, const struct store_customer *rows, size_t count)
{
	struct got got = { 0 };
	store_customers_load(fx->store, rows, count, fx_now(fx), on_done, &got);
	return ended(fx, &got).err;
}

static int sell(struct fixture *fx, const char *const *sellers, size_t count)
{
	const struct store_bank_sell bank = { "north", sellers, count };
	struct got got = { 0 };
	store_banks_sell(fx->store, &bank, 1, on_done, &got);
	return ended(fx, &got).err;
}

static void add_card(struct fixture *fx, int i)
{
	char slot[16];

	snprintf(card_ids[i], sizeof(card_ids[i]), "8946%015d", i);
	snprintf(numbers[i], sizeof(numbers[i]), "+4670%07d", i);
	snprintf(slot, sizeof(slot), "p%03d", i);
	all_cards[i] = card_ids[i];
	assert_int_equal(seen(fx, slot, card_ids[i], numbers[i]).err, 0);
	assert_int_equal(port(fx, slot, card_ids[i], true).err, 0);
}

static void stock(struct fixture *fx, int cards)
{
	static const char *const both[] = { HUB, STORE_CUSTOMERS };

	for (int i = 0; i < cards; i++)
		add_card(fx, i);
	assert_int_equal(sell(fx, both, 2), 0);
}

/* A text on a card, routed as the loop believes. */
static void got_text(void *arg, int err, const struct store_sms_result *result)
{
	struct got *got = arg;

	on_done(arg, err);
	if (!result)
		return;
	got->has = result->is_moved;
	got->value = result->open ? result->open->id : 0;
	got->count = result->claimed_count;
	if (result->claimed_count)
		got->next_ms = result->claimed[0].activation;
	if (result->claimed_count && result->claimed[0].rent)
		got->found = true;
}

static struct got text_to(
	struct fixture *fx, int card, const char *text, const struct store_route *route)
{
	const struct store_message message = { card_ids[card], "north", "p", "VK", text, 0,
		fx_now(fx), 1 };
	const struct store_sms sms = { .card_id = card_ids[card],
		.owner = card_ids[card],
		.bank = "north",
		.slot = "p",
		.memory = "",
		.index = -1,
		.raw = text,
		.arrived_ms = fx_now(fx),
		.message = &message,
		.routes = route,
		.route_count = 1 };
	struct got got = { 0 };
	store_sms_put(fx->store, &sms, got_text, &got);
	return ended(fx, &got);
}

static struct store_route to_customer(int64_t id)
{
	return (struct store_route) { .platform = STORE_CUSTOMERS,
		.state = STORE_DELIVERED,
		.reason = "",
		.activation = id,
		.open = id };
}

static struct store_route to_hub(int64_t id)
{
	return (struct store_route) { .platform = HUB,
		.state = STORE_QUEUED,
		.reason = "",
		.claim = true,
		.activation = id,
		.open = id };
}

static struct store_route to_nobody(int64_t open)
{
	return (struct store_route) {
		.platform = "", .state = STORE_UNCLAIMED, .reason = "", .open = open
	};
}

/* ---- orders --------------------------------------------------------------------------------- */

static void an_order(void **state)
{
	struct fixture *fx = *state;

	stock(fx, 2);
	struct got a = order(fx, hub_order(fx, 2));
	assert_int_equal(a.err, 0);
	assert_int_equal(a.why, STORE_ORDER_DONE);
	assert_int_equal(a.row.id, 1);
	assert_string_equal(a.number, numbers[0]);
	assert_string_equal(a.card, card_ids[0]);
	assert_int_equal(a.row.sum, 400000);
	assert_false(a.row.rent || a.row.answered);
	struct got b = order(fx, hub_order(fx, 2));
	assert_int_equal(b.row.id, 2);
	assert_string_equal(b.number, numbers[1]);
	struct got c = order(fx, hub_order(fx, 2));
	assert_int_equal(c.why, STORE_ORDER_NO_NUMBER);
	assert_string_equal(counts(fx).list, "2,0,0,0,0,0,t0 u0,");
	loop_advance(fx->loop, STORE_ANSWER_MS);
	assert_string_equal(counts(fx).list, "2,0,0,0,0,0,t0 u2,");
	struct got mark = { 0 };
	store_activation_answered(fx->store, 1, on_count, &mark);
	assert_int_equal(ended(fx, &mark).value, 1);
	assert_string_equal(counts(fx).list, "2,0,0,0,0,0,t0 u1,");

	/* What says no commits nothing. */
	uint64_t commits = counter_get(COUNTER_STORE_COMMITS);
	order(fx, hub_order(fx, 2));
	assert_int_equal(counter_get(COUNTER_STORE_COMMITS), commits);
}

/* Each row makes the first card impossible. */
static void cards_that_cannot_be_ordered(void **state)
{
	struct fixture *fx = *state;
	static const char *const other[] = { "other" };
	static const char *const both[] = { HUB, STORE_CUSTOMERS };

	stock(fx, 2);
	port(fx, "p000", card_ids[0], false);
	assert_string_equal(order(fx, hub_order(fx, 2)).number, numbers[1]);
	assert_int_equal(order(fx, hub_order(fx, 2)).why, STORE_ORDER_NO_NUMBER);
	hub_finish(fx, 1, 4);

	port(fx, "p000", card_ids[0], true);
	sell(fx, other, 1);
	assert_int_equal(order(fx, hub_order(fx, 2)).why, STORE_ORDER_NO_NUMBER);
	sell(fx, both, 2);

	/* Its own sellers count, not its bank's. */
	static const char *const customers_only[] = { STORE_CUSTOMERS };
	const struct store_number row = { .iccid = card_ids[0],
		.number = numbers[0],
		.label = "",
		.rent = -1,
		.sell = customers_only,
		.sell_count = 1 };
	struct got loaded = { 0 };
	store_numbers_load(fx->store, &row, 1, on_count, &loaded);
	ended(fx, &loaded);
	assert_string_equal(sellables(fx).list, "customers:p000,customers:p001,hub:p001,");
	struct got a = order(fx, hub_order(fx, 1));
	assert_int_equal(a.why, STORE_ORDER_NO_NUMBER);
	struct got again = { 0 };
	store_numbers_load(fx->store, NULL, 0, on_count, &again);
	ended(fx, &again);
	assert_string_equal(sellables(fx).list, "customers:p000,customers:p001,hub:p000,hub:p001,");

	/* Two cards with one number: neither. */
	seen(fx, "p000", card_ids[0], numbers[1]);
	assert_int_equal(order(fx, hub_order(fx, 2)).why, STORE_ORDER_NO_NUMBER);
	assert_int_equal(sellables(fx).count, 0);
	port(fx, "p000", card_ids[0], false);
	assert_string_equal(order(fx, hub_order(fx, 2)).number, numbers[1]);
	/* The number is in an operation still, the other card brings it again. */
	port(fx, "p001", card_ids[1], false);
	port(fx, "p000", card_ids[0], true);
	assert_int_equal(order(fx, hub_order(fx, 2)).why, STORE_ORDER_NO_NUMBER);
}

static void orders_that_are_malformed(void **state)
{
	struct fixture *fx = *state;
	struct store_order bad[8];

	stock(fx, 1);
	for (int i = 0; i < 8; i++)
		bad[i] = i < 4 ? hub_order(fx, 1) : customers_order(fx, "acme", 1);
	bad[0].customer = "acme";
	bad[1].service = "";
	bad[2].rent = true;
	bad[3].price = 1;
	bad[4].customer = "";
	bad[5].expires_ms = 0;
	bad[6].price = -1;
	bad[7].service = "a-slug-that-is-longer-than-a-slug-may-be";
	for (int i = 0; i < 8; i++)
		assert_int_equal(order(fx, bad[i]).err, -EINVAL);
	assert_int_equal(list(fx, (struct store_activations_query) { 0 }).count, 0);
}

/* 500 at once for 200 numbers, as many batches as there happen to be. */
static void many_at_once(void **state)
{
	struct fixture *fx = *state;
	struct got *answers = calloc(500, sizeof(*answers));
	int done = 0, open;
	bool taken[CARDS_MAX] = { false };

	stock(fx, CARDS_MAX);
	const struct store_order what = hub_order(fx, CARDS_MAX);
	for (int i = 0; i < 500; i++)
		store_activation_order(fx->store, &what, on_order, &answers[i]);
	fx_wait(fx);
	for (int i = 0; i < 500; i++) {
		assert_int_equal(answers[i].calls, 1);
		assert_int_equal(answers[i].err, 0);
		if (!answers[i].has)
			continue;
		int number = atoi(answers[i].number + 5);
		assert_false(taken[number]);
		taken[number] = true;
		done++;
	}
	assert_int_equal(done, CARDS_MAX);
	open = (int)list(fx, (struct store_activations_query) { .open = true, .limit = 1000 })
		       .count;
	assert_int_equal(open, CARDS_MAX);
	free(answers);
}

/* Ids go on after a restart, and what is open stays so. */
static void after_a_restart(void **state)
{
	struct fixture *fx = *state;

	stock(fx, 2);
	order(fx, hub_order(fx, 2));
	order(fx, hub_order(fx, 2));
	hub_finish(fx, 2, 4);
	struct got erased = { 0 };
	loop_advance(fx->loop, DAY_MS);
	store_activations_erase(fx->store, fx_now(fx), on_count, &erased);
	assert_int_equal(ended(fx, &erased).value, 1);
	fx_reopen(fx);
	port(fx, "p000", card_ids[0], true);
	port(fx, "p001", card_ids[1], true);
	assert_string_equal(list(fx, (struct store_activations_query) { .open = true }).list, "1,");
	struct got a = order(fx, hub_order(fx, 2));
	assert_int_equal(a.row.id, 3);
	assert_string_equal(a.number, numbers[1]);
}

/* ---- closing -------------------------------------------------------------------------------- */

static void finish_as_often_as_it_comes(void **state)
{
	struct fixture *fx = *state;

	stock(fx, 1);
	int64_t id = order(fx, hub_order(fx, 1)).row.id;
	assert_false(hub_finish(fx, 99, 3).found);
	struct got other =
		close_it(fx, (struct store_close) {
				     .id = id, .seller = "other", .state = STORE_ACTIVATION_SOLD });
	assert_false(other.found);
	struct got a = hub_finish(fx, id, 3);
	assert_true(a.found && !a.existed);
	assert_int_equal(a.row.state, STORE_ACTIVATION_SOLD);
	assert_int_equal(a.row.sum, 400000);
	assert_int_equal(a.used_sold, 1);
	uint64_t commits = counter_get(COUNTER_STORE_COMMITS);
	a = hub_finish(fx, id, 3);
	assert_true(a.found && a.existed);
	assert_int_equal(a.used_sold, -1);
	assert_int_equal(counter_get(COUNTER_STORE_COMMITS), commits);
	a = hub_finish(fx, id, 5); /* refund after the sale */
	assert_true(a.existed);
	assert_int_equal(a.row.state, STORE_ACTIVATION_REFUNDED);
	assert_int_equal(a.row.finish_status, 5);
	assert_int_equal(order(fx, hub_order(fx, 1)).why, STORE_ORDER_NO_NUMBER);
	a = hub_finish(fx, id, 4); /* taken back: the number may be sold again */
	assert_int_equal(a.used_sold, 0);
	assert_int_equal(a.used_cancelled, 1);
	assert_int_equal(order(fx, hub_order(fx, 1)).why, STORE_ORDER_DONE);
}

static void used_up_by_service(void **state)
{
	static const struct {
		int status;
		bool used;
	} rows[] = { { 1, true }, { 3, true }, { 5, true }, { 4, false } };
	struct fixture *fx = *state;

	stock(fx, 4);
	for (int i = 0; i < 4; i++) {
		struct store_order what = hub_order(fx, 4);
		what.cards = &all_cards[i];
		what.card_count = 1;
		struct got a = order(fx, what);
		assert_int_equal(a.why, STORE_ORDER_DONE);
		hub_finish(fx, a.row.id, rows[i].status);
		what.service = "fb"; /* another service */
		a = order(fx, what);
		assert_int_equal(a.why, STORE_ORDER_DONE);
		hub_finish(fx, a.row.id, 4);
		what.service = "vk";
		a = order(fx, what);
		assert_int_equal(a.why, rows[i].used ? STORE_ORDER_NO_NUMBER : STORE_ORDER_DONE);
		if (a.has)
			hub_finish(fx, a.row.id, 4);
	}
	/* The fourth was cancelled twice for vk. */
	struct store_order last = hub_order(fx, 4);
	last.cancel_limit = 2;
	assert_int_equal(order(fx, last).why, STORE_ORDER_NO_NUMBER);
	last.cancel_limit = 3;
	assert_int_equal(order(fx, last).why, STORE_ORDER_DONE);

	struct got all = useds(fx, 0);
	assert_int_equal(all.count, 8);
	assert_non_null(strstr(all.list, "hub vk +46700000003 0 2,"));
	assert_non_null(strstr(all.list, "hub vk +46700000001 1 0,"));
	assert_int_equal(useds(fx, all.value).count, 0);
	hub_finish(fx, 1, 4);
	assert_string_equal(useds(fx, all.value).list, "hub vk +46700000000 0 1,");
}

/* A rent uses nothing up; failures in a row are counted. */
static void rents_of_a_platform(void **state)
{
	struct fixture *fx = *state;

	stock(fx, 1);
	for (int i = 1; i <= 3; i++) {
		struct got a = order(fx, rent_of(hub_order(fx, 1)));
		assert_true(a.row.rent);
		assert_int_equal(hub_finish(fx, a.row.id, 4).used_cancelled, i);
	}
	struct got a = order(fx, rent_of(hub_order(fx, 1)));
	loop_advance(fx->loop, 90 * DAY_MS);
	assert_int_equal(expire(fx).count, 0); /* no timer of ours ends it */
	a = hub_finish(fx, a.row.id, 3);
	assert_int_equal(a.used_cancelled, 0);
	assert_int_equal(a.used_sold, 0);
	assert_int_equal(order(fx, hub_order(fx, 1)).why, STORE_ORDER_DONE);
}

/* ---- money ---------------------------------------------------------------------------------- */

static void charged_and_given_back(void **state)
{
	struct fixture *fx = *state;

	stock(fx, 3);
	assert_int_equal(order(fx, customers_order(fx, "acme", 3)).why, STORE_ORDER_NO_CUSTOMER);
	assert_int_equal(add_customer(fx, "acme", "h1"), 0);
	assert_int_equal(order(fx, customers_order(fx, "acme", 3)).why, STORE_ORDER_NO_BALANCE);
	assert_int_equal(topup(fx, "acme", 7000).value, 7000);
	loop_advance(fx->loop, 1);
	struct got a = order(fx, customers_order(fx, "acme", 3));
	assert_int_equal(a.why, STORE_ORDER_DONE);
	assert_int_equal(balance(fx, "acme"), 4000);
	struct got b = order(fx, customers_order(fx, "acme", 3));
	assert_int_equal(balance(fx, "acme"), 1000);
	assert_int_equal(order(fx, customers_order(fx, "acme", 3)).why, STORE_ORDER_NO_BALANCE);
	assert_int_equal(balance(fx, "acme"), 1000);

	assert_false(cancel(fx, a.row.id, "other").found);
	a = cancel(fx, a.row.id, "acme");
	assert_true(a.found && !a.existed && !a.denied);
	assert_int_equal(a.row.refunded, 3000);
	assert_true(cancel(fx, a.row.id, "acme").existed);
	assert_int_equal(balance(fx, "acme"), 4000); /* once */

	const struct store_route route = to_customer(b.row.id);
	text_to(fx, 1, "code 1", &route);
	assert_true(cancel(fx, b.row.id, "acme").denied);
	loop_advance(fx->loop, WINDOW_MS);
	assert_string_equal(expire(fx).list, "2 sold expired,");
	assert_int_equal(balance(fx, "acme"), 4000);
	assert_int_equal(disable(fx, "acme", true), 0);
	assert_int_equal(order(fx, customers_order(fx, "acme", 3)).why, STORE_ORDER_NO_CUSTOMER);
	assert_string_equal(ledger(fx, "acme").list,
		"refund 3000 1,charge -3000 2,charge -3000 1,topup 7000 0,");
	assert_int_equal(ledger(fx, "acme").value, 4000);
}

/* Charged, and then no card is left: nothing is booked. */
static void no_number_costs_nothing(void **state)
{
	struct fixture *fx = *state;

	stock(fx, 1);
	add_customer(fx, "acme", "h1");
	topup(fx, "acme", 7000);
	order(fx, hub_order(fx, 1));
	assert_int_equal(order(fx, customers_order(fx, "acme", 1)).why, STORE_ORDER_NO_NUMBER);
	assert_int_equal(balance(fx, "acme"), 7000);
	assert_int_equal(ledger(fx, "acme").count, 1);
}

static void what_ends_by_itself(void **state)
{
	struct fixture *fx = *state;

	stock(fx, 6);
	add_customer(fx, "acme", "h1");
	topup(fx, "acme", 100000);
	order(fx, customers_order(fx, "acme", 6));          /* 1: no text */
	order(fx, rent_of(customers_order(fx, "acme", 6))); /* 2: no text in 20 minutes */
	order(fx, rent_of(customers_order(fx, "acme", 6))); /* 3: has one */
	struct store_order unanswered = hub_order(fx, 6), answered = hub_order(fx, 6);
	unanswered.release_ms = answered.release_ms = fx_now(fx) + 3600000;
	order(fx, unanswered); /* 4 */
	order(fx, answered);   /* 5 */
	struct got mark = { 0 };
	store_activation_answered(fx->store, 5, on_count, &mark);
	ended(fx, &mark);
	const struct store_route route = to_customer(3);
	text_to(fx, 2, "hello", &route);

	struct got e = expire(fx);
	assert_int_equal(e.count, 0);
	assert_int_equal(e.next_ms, fx_now(fx) + WINDOW_MS);
	loop_advance(fx->loop, WINDOW_MS - 1);
	assert_int_equal(expire(fx).count, 0);
	loop_advance(fx->loop, 1);
	assert_string_equal(expire(fx).list, "1 cancelled expired,");
	loop_advance(fx->loop, STORE_RENT_GRACE_MS - WINDOW_MS);
	e = expire(fx);
	assert_string_equal(e.list, "2 cancelled no_text,");
	assert_int_equal(balance(fx, "acme"), 100000 - 3000);
	loop_advance(fx->loop, 3600000);
	assert_string_equal(expire(fx).list, "4 released unanswered,");
	loop_advance(fx->loop, DAY_MS);
	e = expire(fx);
	assert_string_equal(e.list, "3 sold expired,");
	assert_int_equal(e.next_ms, 0);
	assert_string_equal(list(fx, (struct store_activations_query) { .open = true }).list, "5,");
	/* What was released is free, and nothing is used up by it. */
	struct store_order again = hub_order(fx, 6);
	again.cards = &all_cards[3];
	again.card_count = 1;
	assert_int_equal(order(fx, again).why, STORE_ORDER_DONE);
}

/* ---- customers ------------------------------------------------------------------------------ */

static void customers_of_the_configuration(void **state)
{
	struct fixture *fx = *state;
	const struct store_customer two[] = { { .name = "b", .key_hash = "hb", .balance = 50 },
		{ .name = "a", .key_hash = "ha", .balance = 1000000 } };
	const struct store_customer later[] = {
		{ .name = "a", .key_hash = "ha2", .balance = 5 },
	};

	assert_int_equal(load_customers(fx, two, 2), 0);
	assert_string_equal(customers(fx).list, "a ha file 1000000 0/0,b hb file 50 0/0,");
	uint64_t commits = counter_get(COUNTER_STORE_COMMITS);
	assert_int_equal(load_customers(fx, two, 2), 0);
	assert_int_equal(counter_get(COUNTER_STORE_COMMITS), commits);
	assert_int_equal(load_customers(fx, later, 1), 0);
	assert_string_equal(customers(fx).list, "a ha2 file 1000000 0/0,b hb file gone 50 0/0,");
	assert_int_equal(disable(fx, "a", true), 0);
	assert_int_equal(load_customers(fx, two, 2), 0);
	assert_string_equal(customers(fx).list, "a ha file disabled 1000000 0/0,b hb file 50 0/0,");
	assert_int_equal(ledger(fx, "a").count, 1);

	assert_int_equal(add_customer(fx, "a", "hx"), -EEXIST);
	assert_int_equal(add_customer(fx, "c", "hb"), -EEXIST);
	assert_int_equal(add_customer(fx, "c", ""), -EINVAL);
	assert_int_equal(add_customer(fx, "c", "hc"), 0);
	assert_int_equal(load_customers(fx, NULL, 0), 0);
	assert_non_null(strstr(customers(fx).list, "c hc 0 0/0,"));
	assert_int_equal(topup(fx, "nobody", 5).err, -ENOENT);
	assert_int_equal(disable(fx, "nobody", true), -ENOENT);
	assert_int_equal(topup(fx, "c", -1).err, -ERANGE);
	assert_int_equal(topup(fx, "c", STORE_BALANCE_MAX + 1).err, -ERANGE);
	assert_int_equal(topup(fx, "c", STORE_BALANCE_MAX).err, 0);
	assert_int_equal(topup(fx, "c", 1).err, -ERANGE);
	assert_int_equal(ledger(fx, "c").count, 1);
	assert_int_equal(store_health(fx->store), 0); /* none of that is the disk's fault */
	fx_reopen(fx);
	assert_int_equal(balance(fx, "c"), STORE_BALANCE_MAX);
}

/* Whatever happens, the balance is the sum of the ledger, and no number is in two operations. */
static void check_books(struct fixture *fx, const char *name)
{
	struct got open =
		list(fx, (struct store_activations_query) { .open = true, .limit = 1000 });
	struct got book = ledger(fx, name);

	assert_true(balance(fx, name) >= 0);
	assert_int_equal(book.value, balance(fx, name));
	assert_true(open.count <= 5);
}

static void random_step(struct fixture *fx, const char *name)
{
	int64_t id = 1 + rand() % 60;
	const struct store_route route = to_customer(id);

	switch (rand() % 8) {
	case 0:
	case 1: order(fx, customers_order(fx, name, 5)); break;
	case 2: order(fx, rent_of(customers_order(fx, name, 5))); break;
	case 3: cancel(fx, id, name); break;
	case 4:
		close_it(fx, (struct store_close) { .id = id,
				     .customer = name,
				     .state = STORE_ACTIVATION_SOLD,
				     .refund = rand() % 2 });
		break;
	case 5: topup(fx, name, rand() % 20000 - 8000); break;
	case 6: text_to(fx, rand() % 5, "text", &route); break;
	case 7:
		loop_advance(fx->loop, rand() % 1000000);
		expire(fx);
		break;
	}
}

static void the_books_are_right(void **state)
{
	static const char *const names[] = { "a", "b" };
	struct fixture *fx = *state;

	stock(fx, 5);
	for (int i = 0; i < 2; i++) {
		add_customer(fx, names[i], names[i]);
		topup(fx, names[i], 20000);
	}
	srand(7);
	for (int i = 0; i < 600; i++) {
		if (i % 50 == 0)
			fx_script(fx, "UPDATE used SET sold = 0;");
		for (int p = 0; p < 5 && i % 50 == 0; p++) {
			char slot[16];
			snprintf(slot, sizeof(slot), "p%03d", p);
			port(fx, slot, card_ids[p], true);
		}
		random_step(fx, names[rand() % 2]);
		check_books(fx, "a");
		check_books(fx, "b");
	}
	struct got all = list(fx, (struct store_activations_query) { .limit = 1000 });
	assert_true(all.count > 50);
}

/* ---- texts ---------------------------------------------------------------------------------- */

static void texts_of_an_operation(void **state)
{
	struct fixture *fx = *state;

	stock(fx, 2);
	add_customer(fx, "acme", "h1");
	topup(fx, "acme", 100000);
	int64_t id = order(fx, customers_order(fx, "acme", 1)).row.id;
	struct store_route route = to_customer(id), withheld = route;
	withheld.state = STORE_WITHHELD;
	withheld.reason = "bank";

	assert_int_equal(texts_of(fx, id, "acme").count, 0);
	struct got wait = { 0 };
	store_activation_wait(fx->store, id, "acme", on_count, &wait);
	assert_int_equal(ended(fx, &wait).value, 0); /* not before a text */
	assert_false(text_to(fx, 0, "one", &route).has);
	wait = (struct got) { 0 };
	store_activation_wait(fx->store, id, "acme", on_count, &wait);
	assert_int_equal(ended(fx, &wait).value, 1);
	assert_true(texts_of(fx, id, "acme").row.wait_retry);
	loop_advance(fx->loop, 1000);
	text_to(fx, 0, "secret", &withheld);
	text_to(fx, 0, "two", &route);
	struct got t = texts_of(fx, id, "acme");
	assert_string_equal(t.list, "two,one,");
	assert_string_equal(t.last_text, "two");
	assert_int_equal(t.row.texts, 2);
	assert_int_equal(t.row.withheld, 1);
	assert_false(t.row.wait_retry);
	assert_int_equal(t.row.last_text_ms - t.row.first_text_ms, 1000);
	assert_false(texts_of(fx, id, "other").has);
	assert_false(texts_of(fx, 0, "acme").has);
	assert_string_equal(counts(fx).list, "1,0,0,0,0,0,t1 u0,");

	/* Let go by hand, the withheld one is his too. */
	struct answer held = rows(fx, true);
	struct got retried = { 0 };
	assert_string_equal(held.rows, "secret +46700000000 customers withheld bank,");
	store_outbox_retry(fx->store, held.message_id, fx_now(fx), on_count, &retried);
	assert_int_equal(ended(fx, &retried).value, 1);
	assert_string_equal(texts_of(fx, id, "acme").list, "two,secret,one,");
	assert_int_equal(texts_of(fx, id, "acme").row.texts, 3);
	assert_string_equal(rows(fx, true).rows, "");
}

/* A platform's bear the operation's id; of a rent that is said too. */
static void texts_of_a_platform(void **state)
{
	struct fixture *fx = *state;

	stock(fx, 1);
	int64_t id = order(fx, rent_of(hub_order(fx, 1))).row.id;
	struct store_route route = to_hub(id);
	struct got t = text_to(fx, 0, "one", &route);
	assert_int_equal(t.count, 1);
	assert_int_equal(t.next_ms, id);
	assert_true(t.found);
	/* The number that the operation was told holds while it runs, though the sources of the
	 * card's disagree by now. */
	const struct store_number file = {
		.iccid = card_ids[0], .number = "+46709999998", .label = "", .rent = -1
	};
	struct got loaded = { 0 };
	store_numbers_load(fx->store, &file, 1, on_count, &loaded);
	ended(fx, &loaded);
	store_number_set(fx->store, card_ids[0], "+46709999999", fx_now(fx), NULL, NULL);
	fx_wait(fx);
	text_to(fx, 0, "two", &route);
	assert_string_equal(texts_of(fx, id, NULL).list, "two,one,");
	assert_string_equal(
		rows(fx, true).rows, "two +46700000000 hub queued,one +46700000000 hub queued,");
}

/* The loop routed by what it knew; the store knows better. Nothing is stored then. */
static void the_store_knows_better(void **state)
{
	struct fixture *fx = *state;
	struct store_route route;

	stock(fx, 2);
	add_customer(fx, "acme", "h1");
	topup(fx, "acme", 100000);

	/* An order is durable, the loop has not heard of it. */
	int64_t id = order(fx, customers_order(fx, "acme", 1)).row.id;
	route = to_nobody(0);
	struct got t = text_to(fx, 0, "early", &route);
	assert_int_equal(t.err, 0);
	assert_true(t.has);
	assert_int_equal(t.value, id);
	assert_int_equal(totals(fx).totals.messages, 0);
	route = to_customer(id);
	assert_false(text_to(fx, 0, "early", &route).has);

	/* It is closed, the loop has not heard of that: no text for the former customer. */
	close_it(fx, (struct store_close) {
			     .id = id, .customer = "acme", .state = STORE_ACTIVATION_SOLD });
	t = text_to(fx, 0, "late", &route);
	assert_true(t.has);
	assert_int_equal(t.value, 0);
	route = to_nobody(0);
	assert_false(text_to(fx, 0, "late", &route).has);
	assert_string_equal(texts_of(fx, id, "acme").list, "early,");

	/* The next one who has the number. */
	struct store_order next = customers_order(fx, "acme", 1);
	next.service = "fb";
	int64_t second = order(fx, next).row.id;
	route = to_customer(id);
	t = text_to(fx, 0, "stale", &route);
	assert_true(t.has);
	assert_int_equal(t.value, second);
	assert_int_equal(texts_of(fx, second, "acme").count, 0);
	assert_int_equal(totals(fx).totals.messages, 2);
}

/* The same for a text of several parts, at its join. */
static void got_join(void *arg, int err, const struct store_sms_result *result)
{
	struct got *got = arg;

	on_done(arg, err);
	got->has = result && result->is_moved;
	if (got->has) {
		assert_non_null(result->message);
		copy(got->list, sizeof(got->list), result->set_id);
		copy(got->last_text, sizeof(got->last_text), result->message->text);
	}
}

static void joined_by_what_is_open(void **state)
{
	struct fixture *fx = *state;
	struct store_message message = { CARD, "north", "p01", "VK", "joined", 0, 0, 2 };
	struct store_route route = to_nobody(0);
	struct got first = { 0 }, second = { 0 };

	stock(fx, 1);
	put_part(fx, 7, 2, 2, 2, "P2");
	struct answer whole = put_part(fx, 7, 2, 1, 3, "P1");
	assert_string_equal(whole.parts, "P1,P2,");
	message.card_id = card_ids[0];
	message.arrived_ms = fx_now(fx);
	int64_t id = order(fx, hub_order(fx, 1)).row.id;
	store_set_join(fx->store, whole.set_id, &message, &route, 1, got_join, &first);
	first = ended(fx, &first);
	assert_true(first.has);
	assert_string_equal(first.list, whole.set_id);
	assert_string_equal(first.last_text, "joined");
	route = to_hub(id);
	store_set_join(fx->store, whole.set_id, &message, &route, 1, got_join, &second);
	assert_false(ended(fx, &second).has);
	assert_string_equal(texts_of(fx, id, NULL).list, "joined,");
}

/* ---- the Nth step fails --------------------------------------------------------------------- */

#define PERSIST(var, call) \
	do { \
		var = (call); \
		if (var.err) \
			var = (call); \
		assert_int_equal(var.err, 0); \
	} while (0)

/* Every call is made once more if it failed; the books must not show it. */
static void scenario(struct fixture *fx, char *out, size_t size)
{
	struct got a;
	struct store_route route = to_customer(2);
	struct store_order one = customers_order(fx, "acme", 2);

	PERSIST(a, order(fx, one));
	PERSIST(a, cancel(fx, 1, "acme"));
	PERSIST(a, order(fx, one));
	if (a.row.id != 2)
		route = to_customer(a.row.id);
	int64_t id = a.row.id;
	PERSIST(a, text_to(fx, 0, "code", &route));
	assert_false(a.has);
	PERSIST(a, order(fx, hub_order(fx, 2)));
	int64_t hub = a.row.id;
	PERSIST(a, hub_finish(fx, hub, 3));
	PERSIST(a, hub_finish(fx, hub, 5));
	PERSIST(a, topup(fx, "acme", 500));
	loop_advance(fx->loop, WINDOW_MS);
	PERSIST(a, expire(fx));
	PERSIST(a, texts_of(fx, id, "acme"));
	snprintf(out, size, "%.200s%d ", a.list, a.row.state);
	PERSIST(a, ledger(fx, "acme"));
	struct got c;
	PERSIST(c, customer(fx, "acme"));
	snprintf(out + strlen(out), size - strlen(out), "%" PRId64 "=%" PRId64 " %zu ", a.value,
		c.value, a.count);
	PERSIST(a, useds(fx, 0));
	snprintf(out + strlen(out), size - strlen(out), "%.500s", a.list);
}

static int play(struct fixture *fx, int fail_at, char *out, size_t size)
{
	fx_empty(fx);
	stock(fx, 2);
	add_customer(fx, "acme", "h1");
	topup(fx, "acme", 10000);
	atomic_store(&faults.steps, 0);
	atomic_store(&faults.fired, 0);
	atomic_store(&faults.fail_at, fail_at);
	scenario(fx, out, size);
	atomic_store(&faults.fail_at, 0);
	return atomic_load(&faults.steps);
}

static void every_step_fails_once(void **state)
{
	struct fixture *fx = *state;
	char want[1024], have[1024];

	int steps = play(fx, 0, want, sizeof(want));
	assert_non_null(strstr(want, "code,1 7500=7500 5 "));
	assert_non_null(strstr(want, "hub vk +46700000001 1 0,"));
	for (int n = 1; n <= steps; n++) {
		for (int kind = FAULT_BEFORE; kind <= FAULT_AFTER; kind++) {
			atomic_store(&faults.kind, kind);
			play(fx, n, have, sizeof(have));
			assert_int_equal(atomic_load(&faults.fired), 1);
			assert_string_equal(have, want);
		}
	}
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, fx_setup, fx_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(an_order),
		T(cards_that_cannot_be_ordered),
		T(orders_that_are_malformed),
		T(many_at_once),
		T(after_a_restart),
		T(finish_as_often_as_it_comes),
		T(used_up_by_service),
		T(rents_of_a_platform),
		T(charged_and_given_back),
		T(no_number_costs_nothing),
		T(what_ends_by_itself),
		T(customers_of_the_configuration),
		T(the_books_are_right),
		T(texts_of_an_operation),
		T(texts_of_a_platform),
		T(the_store_knows_better),
		T(joined_by_what_is_open),
		T(every_step_fails_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
