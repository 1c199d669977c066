/* test_activation.c - the loop's table of operations: what can be sold, orders at once, what ends
 * by itself, and texts that come while something changes. */
#include "store_fixture.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platform/activation.h"
#include "platform/hash.h"
#include "platform/route.h"

enum { CARDS = 40, WINDOW_MS = 15 * 60 * 1000 };

#define HUB "hub"

struct bench {
	struct fixture *fx;
	struct activations *table;
	char events[1024];
};

static char card_ids[CARDS][24], numbers[CARDS][24];
static const char *all_cards[CARDS];

static void say(struct bench *bench, char what, int64_t id)
{
	size_t len = strlen(bench->events);
	snprintf(bench->events + len, sizeof(bench->events) - len, "%c%" PRId64 " ", what, id);
}

static void on_opened(void *arg, const struct store_activation *activation)
{
	say(arg, '+', activation->id);
}

static void on_closed(void *arg, const struct store_activation *activation)
{
	say(arg, activation->state == STORE_ACTIVATION_OPEN ? '?' : '-', activation->id);
}

/* Until the table has read what changed. */
static void settle(struct bench *bench)
{
	for (int i = 0; i < 3; i++) {
		fx_wait(bench->fx);
		loop_advance(bench->fx->loop, 60);
	}
	fx_wait(bench->fx);
}

static void table_new(struct bench *bench, int64_t refresh_ms)
{
	static const struct activation_events events = { on_opened, on_closed };
	const struct activation_spans spans = { .refresh_ms = refresh_ms, .keep_ms = 9 * DAY_MS };

	bench->table = activation_new(bench->fx->loop, bench->fx->store, &spans, &events, bench);
	assert_non_null(bench->table);
	assert_false(activation_ready(bench->table));
	settle(bench);
	assert_true(activation_ready(bench->table));
}

static void sell_all(struct fixture *fx)
{
	static const char *const both[] = { HUB, STORE_CUSTOMERS };
	const struct store_bank_sell bank = { "north", both, 2 };

	store_banks_sell(fx->store, &bank, 1, NULL, NULL);
	for (int i = 0; i < CARDS; i++) {
		char slot[16];
		snprintf(card_ids[i], sizeof(card_ids[i]), "8946%015d", i);
		snprintf(numbers[i], sizeof(numbers[i]), "+4670%07d", i);
		snprintf(slot, sizeof(slot), "p%03d", i);
		all_cards[i] = card_ids[i];
		seen(fx, slot, card_ids[i], numbers[i]);
		port(fx, slot, card_ids[i], true);
	}
	fx_wait(fx);
}

static int setup(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));
	void *fx = NULL;

	if (!bench || fx_setup(&fx))
		return -1;
	bench->fx = fx;
	*state = bench;
	sell_all(fx);
	store_customer_add(bench->fx->store, "acme", "h", fx_now(fx), NULL, NULL);
	store_customer_topup(bench->fx->store, "acme", 1000000, "", fx_now(fx), NULL, NULL);
	table_new(bench, 0);
	return 0;
}

static int teardown(void **state)
{
	struct bench *bench = *state;
	void *fx = bench->fx;

	fx_close(bench->fx);
	activation_free(bench->table);
	fx_teardown(&fx);
	free(bench);
	return 0;
}

static struct store_order hub_order(struct bench *bench, size_t cards)
{
	return (struct store_order) { .seller = HUB,
		.service = "vk",
		.cards = all_cards,
		.card_count = cards,
		.now_ms = fx_now(bench->fx) };
}

static struct store_order acme_order(struct bench *bench, size_t cards)
{
	struct store_order order = hub_order(bench, cards);

	order.seller = STORE_CUSTOMERS;
	order.customer = "acme";
	order.expires_ms = order.now_ms + WINDOW_MS;
	order.price = 100;
	return order;
}

struct got {
	int calls, err;
	enum store_order_why why;
	int64_t id;
	char card[STORE_CARD_SIZE];
	bool existed;
};

static void on_order(
	void *arg, int err, enum store_order_why why, const struct store_activation *activation)
{
	struct got *got = arg;

	got->calls++;
	got->err = err;
	got->why = why;
	got->id = activation ? activation->id : 0;
	copy(got->card, sizeof(got->card), activation ? activation->card_id : "");
}

static void on_close(void *arg, int err, const struct store_closed *closed)
{
	struct got *got = arg;

	got->calls++;
	got->err = err;
	got->existed = closed && closed->existed;
}

static struct got order(struct bench *bench, struct store_order what)
{
	struct got got = { 0 };

	activation_order(bench->table, &what, on_order, &got);
	fx_wait(bench->fx);
	assert_int_equal(got.calls, 1);
	return got;
}

static struct got close_it(struct bench *bench, int64_t id, enum store_activation_state as)
{
	const struct store_close close = { .id = id, .state = as, .now_ms = fx_now(bench->fx) };
	struct got got = { 0 };

	activation_close(bench->table, &close, on_close, &got);
	fx_wait(bench->fx);
	assert_int_equal(got.calls, 1);
	return got;
}

static size_t idle(struct bench *bench, const char *service)
{
	size_t count, free_cards = 0;
	const struct activation_card *cards = activation_cards(bench->table, HUB, &count);

	for (size_t i = 0; i < count; i++)
		free_cards += !cards[i].busy && !activation_is_used(bench->table, HUB, service,
							cards[i].row.number, 0);
	return free_cards;
}

/* ---- what can be sold ----------------------------------------------------------------------- */

static void counts_follow(void **state)
{
	struct bench *bench = *state;
	size_t count;

	assert_int_equal(idle(bench, "vk"), CARDS);
	activation_cards(bench->table, "nobody", &count);
	assert_int_equal(count, 0);
	uint64_t before = activation_generation(bench->table);
	struct got a = order(bench, hub_order(bench, CARDS));
	assert_int_equal(a.id, 1);
	assert_true(activation_generation(bench->table) != before);
	assert_int_equal(idle(bench, "vk"), CARDS - 1);
	assert_int_equal(idle(bench, "fb"), CARDS - 1); /* busy for every service */
	assert_string_equal(activation_open(bench->table, a.card)->seller, HUB);
	assert_int_equal(activation_find(bench->table, 1)->id, 1);
	assert_int_equal(activation_count(bench->table), 1);

	close_it(bench, 1, STORE_ACTIVATION_SOLD);
	assert_null(activation_open(bench->table, a.card));
	assert_int_equal(idle(bench, "vk"), CARDS - 1); /* used up for one */
	assert_int_equal(idle(bench, "fb"), CARDS);
	assert_true(close_it(bench, 1, STORE_ACTIVATION_SOLD).existed);
	assert_string_equal(bench->events, "+1 -1 ");

	before = activation_generation(bench->table);
	port(bench->fx, "p005", card_ids[5], false);
	settle(bench);
	assert_true(activation_generation(bench->table) != before);
	assert_int_equal(idle(bench, "fb"), CARDS - 1);
	/* What was ordered last comes last. */
	order(bench, hub_order(bench, 1));
	settle(bench);
	const struct activation_card *cards = activation_cards(bench->table, HUB, &count);
	assert_string_equal(cards[count - 1].row.card_id, card_ids[0]);
}

static void cancelled_too_often(void **state)
{
	struct bench *bench = *state;

	for (int i = 0; i < 2; i++) {
		int64_t id = order(bench, hub_order(bench, 1)).id;
		close_it(bench, id, STORE_ACTIVATION_CANCELLED);
	}
	assert_false(activation_is_used(bench->table, HUB, "vk", numbers[0], 0));
	assert_false(activation_is_used(bench->table, HUB, "vk", numbers[0], 3));
	assert_true(activation_is_used(bench->table, HUB, "vk", numbers[0], 2));
	assert_false(activation_is_used(bench->table, STORE_CUSTOMERS, "vk", numbers[0], 2));
	assert_int_equal(activation_used(bench->table, HUB, "vk", numbers[0])->cancelled, 2);
	assert_null(activation_used(bench->table, HUB, "fb", numbers[0]));
}

/* All at once, each with the same list: no number twice, and the first tries differ. */
static void orders_at_once(void **state)
{
	struct bench *bench = *state;
	struct got got[CARDS + 20] = { 0 };
	bool taken[CARDS] = { false };
	int done = 0;

	for (int i = 0; i < CARDS + 20; i++) {
		struct store_order what =
			i % 2 ? hub_order(bench, CARDS) : acme_order(bench, CARDS);
		activation_order(bench->table, &what, on_order, &got[i]);
		assert_int_equal(idle(bench, "vk"), i < CARDS ? CARDS - 1 - i : 0);
	}
	fx_wait(bench->fx);
	for (int i = 0; i < CARDS + 20; i++) {
		assert_int_equal(got[i].calls, 1);
		assert_int_equal(got[i].err, 0);
		if (!got[i].id)
			continue;
		int card = atoi(got[i].card + 4);
		assert_false(taken[card]);
		assert_int_equal(card, i); /* each was first at its own */
		taken[card] = true;
		done++;
	}
	assert_int_equal(done, CARDS);
	assert_int_equal(activation_count(bench->table), CARDS);
}

static void no_balance_holds_nothing(void **state)
{
	struct bench *bench = *state;
	struct store_order dear = acme_order(bench, 1);

	dear.price = 2000000;
	assert_int_equal(order(bench, dear).why, STORE_ORDER_NO_BALANCE);
	assert_int_equal(idle(bench, "vk"), CARDS);
	dear.price = -1;
	assert_int_equal(order(bench, dear).err, -EINVAL);
	assert_int_equal(idle(bench, "vk"), CARDS);
	assert_int_equal(order(bench, hub_order(bench, 0)).why, STORE_ORDER_NO_NUMBER);
}

/* ---- time ----------------------------------------------------------------------------------- */

static void run_ms(struct bench *bench, int64_t ms)
{
	for (int64_t end = loop_now_ms(bench->fx->loop) + ms; loop_now_ms(bench->fx->loop) < end;) {
		int64_t left = end - loop_now_ms(bench->fx->loop);
		loop_advance(bench->fx->loop, left < 30000 ? left : 30000);
		fx_wait(bench->fx);
	}
}

static void on_kept(void *arg, int err, const struct store_activation *rows, size_t count)
{
	(void)rows;
	assert_int_equal(err, 0);
	*(size_t *)arg = count;
}

static size_t kept(struct bench *bench)
{
	const struct store_activations_query all = { .limit = 1000 };
	size_t count = 0;

	store_activations(bench->fx->store, &all, on_kept, &count);
	fx_wait(bench->fx);
	return count;
}

static void what_ends_by_itself(void **state)
{
	struct bench *bench = *state;

	order(bench, acme_order(bench, CARDS));
	struct store_order rent = acme_order(bench, CARDS);
	rent.service = STORE_RENT;
	rent.rent = true;
	rent.expires_ms = rent.now_ms + DAY_MS;
	order(bench, rent);
	struct store_order lost = hub_order(bench, CARDS), told = lost;
	lost.release_ms = told.release_ms = lost.now_ms + 3600000;
	order(bench, lost);
	activation_answered(bench->table, order(bench, told).id);
	fx_wait(bench->fx);
	assert_true(activation_find(bench->table, 4)->answered);
	bench->events[0] = '\0';
	run_ms(bench, WINDOW_MS - 1000);
	assert_string_equal(bench->events, "");
	run_ms(bench, 1000);
	assert_string_equal(bench->events, "-1 ");
	run_ms(bench, 5 * 60000);
	assert_string_equal(bench->events, "-1 -2 ");
	run_ms(bench, 2 * DAY_MS);
	assert_string_equal(bench->events, "-1 -2 -3 ");
	assert_int_equal(activation_count(bench->table), 1);
	assert_int_equal(idle(bench, "vk"), CARDS - 1);
	/* And is erased. */
	assert_int_equal(kept(bench), 4);
	run_ms(bench, 6 * DAY_MS);
	assert_int_equal(kept(bench), 4);
	run_ms(bench, 2 * DAY_MS);
	assert_int_equal(kept(bench), 1);
}

/* What was due while the process was down ends at its start. */
static void after_a_restart(void **state)
{
	struct bench *bench = *state;

	order(bench, acme_order(bench, CARDS));
	order(bench, hub_order(bench, CARDS));
	fx_close(bench->fx);
	activation_free(bench->table);
	bench->events[0] = '\0';
	loop_advance(bench->fx->loop, DAY_MS);
	assert_int_equal(fx_open(bench->fx), 0);
	table_new(bench, 0);
	assert_int_equal(activation_count(bench->table), 1);
	assert_int_equal(activation_find(bench->table, 2)->id, 2);
	assert_string_equal(activation_find(bench->table, 2)->number, numbers[1]);
	assert_non_null(strstr(bench->events, "+2 "));
	assert_int_equal(idle(bench, "vk"), 0); /* no port is online yet */
}

/* Another host orders and closes in the same store. */
static void other_hosts(void **state)
{
	struct bench *bench = *state;
	struct store_order what = hub_order(bench, 1);
	const struct store_close close = {
		.id = 1, .state = STORE_ACTIVATION_SOLD, .now_ms = fx_now(bench->fx)
	};

	fx_close(bench->fx);
	activation_free(bench->table);
	assert_int_equal(fx_open(bench->fx), 0);
	port(bench->fx, "p000", card_ids[0], true);
	table_new(bench, 2000);
	store_activation_order(bench->fx->store, &what, NULL, NULL); /* not by the table */
	fx_wait(bench->fx);
	assert_null(activation_open(bench->table, card_ids[0]));
	run_ms(bench, 2100);
	assert_non_null(activation_open(bench->table, card_ids[0]));
	assert_int_equal(idle(bench, "vk"), 0);
	store_activation_close(bench->fx->store, &close, NULL, NULL);
	run_ms(bench, 4100);
	assert_null(activation_open(bench->table, card_ids[0]));
	assert_true(activation_is_used(bench->table, HUB, "vk", numbers[0], 0));
	assert_string_equal(bench->events, "+1 ?1 ");
}

/* ---- texts ---------------------------------------------------------------------------------- */

static size_t route_of(
	struct bench *bench, const struct store_message *message, struct store_route *out)
{
	static const struct route_platform sellers[] = { { .name = HUB, .orders = true },
		{ .name = STORE_CUSTOMERS, .orders = true } };
	const struct store_activation *open = activation_open(bench->table, message->card_id);
	struct route_card card = { 0 };

	if (open)
		card.open = (struct route_open) { open->id, open->opened_ms, open->seller,
			open->rent, NULL };
	return route(&card, sellers, 2, message, out);
}

/* As the inbox does it. */
struct text {
	struct bench *bench;
	const char *card, *body;
	int64_t sent_ms;
	int tries, err;
	bool done;
	char routed[64];
};

static void text_put(struct text *text);

static void on_text(void *arg, int err, const struct store_sms_result *result)
{
	struct text *text = arg;

	text->err = err;
	assert_int_equal(err, 0);
	if (result->is_moved) {
		activation_moved(text->bench->table, text->card, result->open);
		text_put(text);
		return;
	}
	text->done = true;
	activation_stored(text->bench->table, result);
	snprintf(text->routed, sizeof(text->routed), "%s:%" PRId64, result->routes[0].platform,
		result->routes[0].activation);
}

static void text_put(struct text *text)
{
	struct bench *bench = text->bench;
	const struct store_message message = { text->card, "north", "p", "VK", text->body,
		text->sent_ms, fx_now(bench->fx), 1 };
	struct store_route routes[STORE_ROUTES_MAX];
	size_t count = route_of(bench, &message, routes);
	const struct store_sms sms = { .card_id = text->card,
		.owner = text->card,
		.bank = "north",
		.slot = "p",
		.memory = "",
		.index = -1,
		.raw = text->body,
		.arrived_ms = message.arrived_ms,
		.message = &message,
		.routes = routes,
		.route_count = count };

	text->tries++;
	store_sms_put(bench->fx->store, &sms, on_text, text);
}

static struct text text(struct bench *bench, const char *card, const char *body)
{
	struct text got = { .bench = bench, .card = card, .body = body };

	text_put(&got);
	fx_wait(bench->fx);
	assert_true(got.done);
	return got;
}

static void texts_and_their_operation(void **state)
{
	struct bench *bench = *state;

	assert_string_equal(text(bench, card_ids[0], "before").routed, ":0");
	int64_t id = order(bench, acme_order(bench, 1)).id;
	assert_string_equal(text(bench, card_ids[0], "one").routed, "customers:1");
	const struct store_activation *open = activation_find(bench->table, id);
	assert_int_equal(open->texts, 1);
	assert_int_equal(strlen(open->last_message_id), STORE_ID_SIZE - 1);
	assert_int_equal(open->last_text_ms, fx_now(bench->fx));
	activation_wait(bench->table, id, "acme", NULL, NULL);
	fx_wait(bench->fx);
	assert_true(activation_find(bench->table, id)->wait_retry);
	assert_string_equal(text(bench, card_ids[0], "two").routed, "customers:1");
	assert_false(activation_find(bench->table, id)->wait_retry);
	assert_string_equal(text(bench, card_ids[1], "another's").routed, ":0");
	close_it(bench, id, STORE_ACTIVATION_SOLD);
	assert_string_equal(text(bench, card_ids[0], "after").routed, ":0");
	struct store_order next = hub_order(bench, 1);
	order(bench, next);
	assert_string_equal(text(bench, card_ids[0], "three").routed, "hub:2");
}

/* Text and order, or text and close, are on their way at the same time. */
static void races(void **state)
{
	struct bench *bench = *state;
	struct text early = { .bench = bench, .card = card_ids[0], .body = "early" };
	struct text late = { .bench = bench, .card = card_ids[0], .body = "late" };
	struct text stale = { .bench = bench, .card = card_ids[0], .body = "stale" };
	struct store_order what = acme_order(bench, 1);
	const struct store_close close = {
		.id = 1, .state = STORE_ACTIVATION_SOLD, .now_ms = fx_now(bench->fx)
	};
	struct got ordered = { 0 }, second = { 0 };

	block(bench->fx);
	activation_order(bench->table, &what, on_order, &ordered);
	text_put(&early); /* the table does not know the order yet */
	unblock();
	fx_wait(bench->fx);
	assert_int_equal(early.tries, 2);
	assert_string_equal(early.routed, "customers:1");
	assert_int_equal(activation_find(bench->table, 1)->texts, 1);

	block(bench->fx);
	activation_close(bench->table, &close, NULL, NULL);
	text_put(&late); /* the table does not know the close yet */
	unblock();
	fx_wait(bench->fx);
	assert_int_equal(late.tries, 2);
	assert_string_equal(late.routed, ":0");

	/* Closed, and ordered by another: neither the former's nor, with its older time stamp, the
	 * new one's. */
	what.service = "fb";
	order(bench, what);
	const struct store_close again = {
		.id = 2, .state = STORE_ACTIVATION_SOLD, .now_ms = fx_now(bench->fx)
	};
	struct store_order hub = hub_order(bench, 1);
	stale.sent_ms = fx_now(bench->fx) - ROUTE_LATE_MS - 1;
	block(bench->fx);
	activation_close(bench->table, &again, NULL, NULL);
	store_activation_order(bench->fx->store, &hub, on_order, &second);
	text_put(&stale);
	unblock();
	fx_wait(bench->fx);
	assert_int_equal(second.id, 3);
	assert_string_equal(stale.routed, ":0");
	assert_int_equal(activation_find(bench->table, 3)->texts, 0);
	assert_string_equal(text(bench, card_ids[0], "new").routed, "hub:3");
}

/* ---- the table of items --------------------------------------------------------------------- */

struct thing {
	struct hash_item item;
	char key[16];
};

static void count_thing(void *arg, struct hash_item *item)
{
	(void)item;
	++*(int *)arg;
}

static void items(void **state)
{
	static struct thing things[1000];
	struct hash hash = { 0 };
	int left = 0;

	(void)state;
	assert_null(hash_find(&hash, "x"));
	for (int i = 0; i < 1000; i++) {
		snprintf(things[i].key, sizeof(things[i].key), "%d", i);
		things[i].item.key = things[i].key;
		assert_int_equal(hash_add(&hash, &things[i].item), 0);
	}
	for (int i = 0; i < 1000; i += 2)
		hash_remove(&hash, &things[i].item);
	for (int i = 0; i < 1000; i++)
		assert_ptr_equal(hash_find(&hash, things[i].key), i % 2 ? &things[i].item : NULL);
	assert_int_equal(hash.count, 500);
	hash_drain(&hash, count_thing, &left);
	assert_int_equal(left, 500);
	assert_null(hash_find(&hash, "1"));
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(counts_follow),
		T(cancelled_too_often),
		T(orders_at_once),
		T(no_balance_holds_nothing),
		T(what_ends_by_itself),
		T(after_a_restart),
		T(other_hosts),
		T(texts_and_their_operation),
		T(races),
		cmocka_unit_test(items),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
