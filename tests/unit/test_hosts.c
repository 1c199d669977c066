/* test_hosts.c - hosts that share a store, by one clock that the test moves: who leads, who is
 * stale, whose a bank and a name are. On a file there is one host, and it is its own leader. */
#include "store/store_hosts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store_fixture.h"

enum { LEASE_MS = 10000, HOSTS = 3, NUMBERS = 150, ORDERS = 300 };

/* Stores of one loop; [0] is the fixture's, host-a. */
struct pool {
	struct fixture *fx;
	struct fixture hosts[HOSTS];
};

static int pool_setup(void **state)
{
	static const char *const names[] = { NULL, "host-b", "host-c" };
	struct pool *pool = calloc(1, sizeof *pool);

	if (!pool || fx_setup((void **)&pool->fx))
		return -1;
	pool->hosts[0] = *pool->fx;
	for (int i = 1; i < HOSTS && fx_shared(); i++) {
		pool->hosts[i] = *pool->fx;
		if (fx_open_also(pool->fx, names[i], &pool->hosts[i].store))
			return -1;
	}
	*state = pool;
	return 0;
}

static int pool_teardown(void **state)
{
	struct pool *pool = *state;

	for (int i = 1; i < HOSTS && fx_shared(); i++)
		store_close(pool->hosts[i].store);
	pool->fx->store = pool->hosts[0].store;
	fx_teardown((void **)&pool->fx);
	free(pool);
	return 0;
}

static void only_shared(void)
{
	if (!fx_shared())
		skip();
}

/* ---- verbs that wait ------------------------------------------------------------------------ */

struct heard {
	int calls, err;
	bool leads;
	int64_t fence, left_ms, seen_ms;
	char rows[512]; /* "NAME[*][ stale][ stopped] BANKS," */
};

static void got_hosts(void *arg, int err, const struct store_hosts *hosts)
{
	struct heard *heard = arg;
	size_t len = 0;

	heard->calls++;
	heard->err = err;
	if (err)
		return;
	heard->leads = hosts->leads;
	heard->fence = hosts->fence;
	heard->left_ms = hosts->lease_left_ms;
	for (size_t i = 0; i < hosts->count; i++) {
		const struct store_host *row = &hosts->rows[i];
		if (row->own)
			heard->seen_ms = row->seen_ms;
		len += (size_t)snprintf(heard->rows + len, sizeof heard->rows - len, "%s%s%s%s",
			row->name, row->leads ? "*" : "", row->stale ? " stale" : "",
			row->stopped ? " stopped" : "");
		for (size_t k = 0; k < row->bank_count; k++)
			len += (size_t)snprintf(
				heard->rows + len, sizeof heard->rows - len, " %s", row->banks[k]);
		len += (size_t)snprintf(heard->rows + len, sizeof heard->rows - len, ",");
	}
}

static struct heard beat_as(struct fixture *host, bool lead)
{
	const struct store_beat beat = { .ports = 3,
		.ready = 2,
		.settled = true,
		.lead = lead,
		.stale_ms = STORE_STALE_MS,
		.lease_ms = LEASE_MS,
		.now_ms = fx_now(host) };
	struct heard heard = { 0 };

	store_host_beat(host->store, &beat, got_hosts, &heard);
	fx_wait(host);
	assert_int_equal(heard.calls, 1);
	return heard;
}

static struct heard beat(struct fixture *host)
{
	return beat_as(host, true);
}

static struct heard hosts_of(struct fixture *host)
{
	struct heard heard = { 0 };

	store_hosts(host->store, fx_now(host), got_hosts, &heard);
	fx_wait(host);
	assert_int_equal(heard.calls, 1);
	return heard;
}

static void got_list(void *arg, int err, const struct store_roster_row *rows, size_t count)
{
	(void)rows;
	got_count(arg, err, (int64_t)count);
}

static struct answer list_of(struct fixture *host, int64_t fence)
{
	struct answer a = { 0 };

	store_roster(host->store, "push", fence, got_list, &a);
	return finish(host, &a);
}

struct claimed {
	int calls, err;
	char owners[128]; /* "BANK=HOST," */
};

static void got_claims(void *arg, int err, const struct store_bank_claim *rows, size_t count)
{
	struct claimed *claimed = arg;
	size_t len = 0;

	claimed->calls++;
	claimed->err = err;
	for (size_t i = 0; i < count; i++)
		len += (size_t)snprintf(claimed->owners + len, sizeof claimed->owners - len,
			"%s=%s,", rows[i].bank, rows[i].host);
}

static struct claimed claim_banks(struct fixture *host, const char *one, const char *two)
{
	const char *const names[] = { one, two };
	struct claimed claimed = { 0 };

	store_banks_claim(host->store, names, two ? 2 : 1, got_claims, &claimed);
	fx_wait(host);
	assert_int_equal(claimed.calls, 1);
	return claimed;
}

static struct answer port_in(struct fixture *host, const char *bank, const char *card, bool online)
{
	const struct store_port row = { bank, "p01", card, online ? "ready" : "off", online,
		fx_now(host) };
	struct answer a = { 0 };

	store_port_put(host->store, &row, got_done, &a);
	return finish(host, &a);
}

static void sell_card(struct fixture *host, const char *bank, const char *card, const char *number)
{
	seen(host, "p01", card, number);
	assert_int_equal(port_in(host, bank, card, true).err, 0);
}

struct marked {
	int calls;
	struct store_marks marks;
};

static void got_marks(void *arg, int err, const struct store_marks *marks)
{
	struct marked *marked = arg;

	assert_int_equal(err, 0);
	marked->calls++;
	marked->marks = *marks;
}

static struct store_marks marks_of(struct fixture *host)
{
	struct marked marked = { 0 };

	store_marks(host->store, got_marks, &marked);
	fx_wait(host);
	assert_int_equal(marked.calls, 1);
	return marked.marks;
}

/* ---- who leads ------------------------------------------------------------------------------ */

static void one_host_leads_itself(void **state)
{
	struct fixture *a = &((struct pool *)*state)->hosts[0];
	struct heard first = beat(a);

	assert_true(first.leads);
	assert_int_equal(first.fence, 1);
	assert_int_equal(first.left_ms, LEASE_MS);
	loop_advance(a->loop, LEASE_MS / 2);
	assert_int_equal(beat(a).fence, 1);
	loop_advance(a->loop, LEASE_MS);
	assert_int_equal(beat(a).fence, 2); /* there was a time without a leader */
	assert_int_equal(list_of(a, 2).err, 0);
	assert_int_equal(list_of(a, 1).err, -ESTALE);
	loop_advance(a->loop, LEASE_MS);
	assert_int_equal(list_of(a, 2).err, -ESTALE);
	assert_true(beat(a).leads);
	assert_false(beat_as(a, false).leads);
	assert_int_equal(hosts_of(a).err, 0);
}

static void a_lease_passes_on(void **state)
{
	struct pool *pool = *state;
	struct fixture *a = &pool->hosts[0], *b = &pool->hosts[1];

	only_shared();
	assert_true(beat(a).leads);
	struct heard other = beat(b);
	assert_false(other.leads);
	assert_int_equal(other.left_ms, LEASE_MS);
	loop_advance(a->loop, LEASE_MS - 1);
	assert_false(beat(b).leads);
	assert_int_equal(list_of(a, 1).err, 0);
	loop_advance(a->loop, 1);
	struct heard taken = beat(b);
	assert_true(taken.leads);
	assert_int_equal(taken.fence, 2);

	/* the one that was silent finds out, whatever it asks */
	assert_int_equal(list_of(a, 1).err, -ESTALE);
	assert_int_equal(list_of(b, 1).err, -ESTALE);
	assert_int_equal(list_of(b, 2).err, 0);
	assert_false(beat(a).leads);
	assert_string_equal(hosts_of(a).rows, "host-a,host-b*,host-c,");

	/* given back it is another's at once */
	assert_false(beat_as(b, false).leads);
	assert_true(beat(&pool->hosts[2]).leads);
}

/* A host whose own clock is wrong is no better and no worse off. */
static void leases_are_in_the_servers_time(void **state)
{
	struct pool *pool = *state;
	struct fixture *a = &pool->hosts[0];

	only_shared();
	atomic_store(&faults.ahead_ms, 3600000);
	struct heard first = beat(a);
	assert_true(first.leads);
	assert_int_equal(first.left_ms, LEASE_MS);
	assert_int_equal(hosts_of(a).seen_ms, fx_now(a));
	assert_int_equal(list_of(a, first.fence).err, 0);
	loop_advance(a->loop, LEASE_MS);
	assert_int_equal(list_of(a, first.fence).err, -ESTALE);
}

static void what_was_listed_is_of_the_newest_leader(void **state)
{
	struct pool *pool = *state;
	struct fixture *a = &pool->hosts[0];

	store_listed(a->store, "push", 7, 10);
	store_listed(a->store, "push", 6, 9); /* late */
	fx_wait(a);
	if (fx_shared())
		fx_sql(pool->fx, "DO $$BEGIN IF (SELECT numbers FROM listed) <> 10 THEN RAISE"
				 " disk_full; END IF; END$$");
}

/* ---- who is stale --------------------------------------------------------------------------- */

static void a_silent_host_is_off_sale(void **state)
{
	struct pool *pool = *state;
	struct fixture *a = &pool->hosts[0], *b = &pool->hosts[1];

	only_shared();
	sell_card(a, "north", CARD, PHONE);
	sell_card(b, "south", CARD2, "+46700000002");
	beat(a);
	assert_string_equal(hosts_of(b).rows, "host-a* north,host-b south,host-c,");
	loop_advance(a->loop, STORE_STALE_MS / 2);
	struct heard leader = beat(b);
	assert_true(leader.leads);
	assert_int_equal(list_of(b, leader.fence).count, 2);
	int64_t before = marks_of(b).pool;

	loop_advance(a->loop, STORE_STALE_MS / 2);
	leader = beat(b);
	assert_int_equal(list_of(b, leader.fence).count, 2); /* to the last moment */
	loop_advance(a->loop, 1);
	assert_int_equal(list_of(b, leader.fence).count, 1); /* even without another beat */
	assert_true(marks_of(b).pool > before);
	assert_string_equal(hosts_of(b).rows, "host-a stale north,host-b* south,host-c stale,");

	/* it was only frozen: its ports are where they were */
	before = marks_of(b).pool;
	beat(a);
	assert_true(marks_of(b).pool > before);
	assert_int_equal(list_of(b, leader.fence).count, 2);
}

static int sets_complete(struct fixture *host)
{
	struct answer a = { 0 };

	store_sets_complete(host->store, got_sms, &a);
	fx_wait(host);
	return a.calls - 1;
}

static void others_end_what_a_dead_host_began(void **state)
{
	struct pool *pool = *state;
	struct fixture *a = &pool->hosts[0], *b = &pool->hosts[1];
	struct answer one = { 0 }, two = { 0 };

	only_shared();
	sell_card(a, "north", CARD, PHONE);
	put_claim(a, CARD, 9, "claimed");
	part_start(a, &one, 1, 1);
	finish(a, &one);
	part_start(a, &two, 1, 2);
	finish(a, &two);
	assert_int_equal(sets_complete(a), 1);
	assert_int_equal(sets_complete(b), 0);
	assert_int_equal(claim(b, 10).claimed, 0);
	loop_advance(a->loop, STORE_LEASE_MS);
	beat(b);
	assert_int_equal(sets_complete(b), 1);
	assert_string_equal(claim(b, 10).claimed_texts, "claimed,");
}

/* ---- names ---------------------------------------------------------------------------------- */

static void a_bank_is_one_hosts(void **state)
{
	struct pool *pool = *state;
	struct fixture *a = &pool->hosts[0], *b = &pool->hosts[1];

	assert_string_equal(claim_banks(a, "north", "east").owners, "north=,east=,");
	only_shared();
	sell_card(a, "north", CARD, PHONE);
	assert_string_equal(claim_banks(b, "north", "south").owners, "north=host-a,south=,");
	assert_int_equal(port_in(b, "north", CARD2, true).err, 0); /* has no effect */
	assert_string_equal(roster(a).rows, "north/p01 " PHONE "  op0 rent-1 1700000000 id=,");

	loop_advance(a->loop, STORE_STALE_MS + 1);
	assert_string_equal(claim_banks(b, "north", NULL).owners, "north=host-a,");
	beat(b);
	assert_string_equal(claim_banks(b, "north", NULL).owners, "north=,");
	beat(a); /* awake, too late */
	assert_string_equal(claim_banks(a, "north", "east").owners, "north=host-b,east=,");
	sell_card(b, "north", CARD2, "+46700000002");
	assert_int_equal(port_in(a, "north", CARD, true).err, 0);
	assert_string_equal(roster(a).rows, "north/p01 +46700000002  op0 rent-1 1700000020 id=,");
}

static void a_host_id_is_one_process(void **state)
{
	struct pool *pool = *state;
	struct fixture *a = &pool->hosts[0];
	struct store *second = NULL;

	only_shared();
	loop_advance(a->loop, 5000);
	assert_int_equal(fx_open_also(pool->fx, "host-a", &second), -EADDRINUSE);
	assert_non_null(strstr(pool->fx->why, "host-a"));
	assert_non_null(strstr(pool->fx->why, "host_id of its own"));
	assert_non_null(strstr(pool->fx->why, "in 16 s"));
	beat(a);
	loop_advance(a->loop, STORE_STALE_MS);
	assert_int_equal(fx_open_also(pool->fx, "host-a", &second), -EADDRINUSE);
	loop_advance(a->loop, 1);
	assert_int_equal(fx_open_also(pool->fx, "host-a", &second), 0);
	assert_int_equal(beat(a).err, -EADDRINUSE);

	/* one that has ended by its own word is free at once, and so is one known to be dead */
	store_close(second);
	assert_int_equal(fx_open_also(pool->fx, "host-a", &second), 0);
	fx_sql(pool->fx, "UPDATE host SET token = regexp_replace(token, '/[0-9]+/[^/]*$',"
			 " '/4194304/0') WHERE name = 'host-a'");
	store_close(second);
	assert_int_equal(fx_open_also(pool->fx, "host-a", &second), 0);
	store_close(second);
}

static void a_quick_restart_takes_nothing_off(void **state)
{
	struct pool *pool = *state;
	struct fixture *a = &pool->hosts[0], *b = &pool->hosts[1];
	struct answer left = { 0 }, settled = { 0 };

	only_shared();
	sell_card(a, "north", CARD, PHONE);
	assert_true(beat(a).leads);
	store_host_leave(a->store, got_done, &left);
	finish(a, &left);
	assert_true(beat(b).leads); /* no waiting */
	port_in(a, "north", CARD, false);
	assert_string_equal(hosts_of(b).rows, "host-a stopped north,host-b*,host-c,");
	assert_int_equal(list_of(b, 2).count, 1);

	store_close(a->store);
	loop_advance(b->loop, STORE_LEASE_MS / 6);
	assert_int_equal(fx_open_also(pool->fx, "host-a", &a->store), 0);
	assert_int_equal(list_of(b, 0).count, 1);
	port_in(a, "north", "", false); /* being looked for */
	port_in(a, "north", CARD, false);
	assert_int_equal(list_of(b, 0).count, 1);
	store_ports_settled(a->store, NULL, 0, got_done, &settled);
	finish(a, &settled);
	assert_int_equal(list_of(b, 0).count, 0);

	/* another card in its place counts at once */
	port_in(a, "north", CARD, true);
	store_close(a->store);
	assert_int_equal(fx_open_also(pool->fx, "host-a", &a->store), 0);
	assert_int_equal(list_of(b, 0).count, 1);
	port_in(a, "north", CARD2, false);
	assert_int_equal(list_of(b, 0).count, 0);

	/* and a host that was away for long starts with nothing */
	port_in(a, "north", CARD, true);
	store_close(a->store);
	loop_advance(b->loop, STORE_STALE_MS + 1);
	assert_int_equal(fx_open_also(pool->fx, "host-a", &a->store), 0);
	assert_int_equal(list_of(b, 0).count, 0);
}

/* ---- changes and wishes --------------------------------------------------------------------- */

static void wishes_are_numbered(void **state)
{
	struct pool *pool = *state;
	struct fixture *a = &pool->hosts[0];
	struct answer one = { 0 }, two = { 0 };

	store_sync_ask(a->store, got_count, &one);
	store_sync_ask(a->store, got_count, &two);
	fx_wait(a);
	assert_int_equal(one.count, 1);
	assert_int_equal(two.count, 2);
	assert_int_equal(marks_of(a).sync, 2);
	store_sync_done(a->store, 2);
	store_sync_done(a->store, 1);
	fx_wait(a);
	assert_int_equal(marks_of(a).synced, 2);
}

static void changes_are_seen_by_all(void **state)
{
	struct pool *pool = *state;
	struct fixture *a = &pool->hosts[0], *b = &pool->hosts[1];
	const struct store_place place = { "north", "p01" };

	only_shared();
	int64_t last = marks_of(b).pool;
	sell_card(a, "north", CARD, PHONE);
	assert_true(marks_of(b).pool > last);
	last = marks_of(b).pool;
	store_drain(a->store, &place, 1, fx_now(a), NULL, NULL);
	fx_wait(a);
	assert_true(marks_of(b).pool > last);
	last = marks_of(b).pool;
	put(a, 1, "a text is none");
	assert_int_equal(marks_of(b).pool, last);
}

/* ---- the numbers file ----------------------------------------------------------------------- */

static void load(struct fixture *host, const char *iccid, const char *number)
{
	const struct store_number row = {
		.iccid = iccid, .number = number, .label = "", .rent = -1
	};
	struct answer a = { 0 };

	store_numbers_load(host->store, &row, iccid ? 1 : 0, got_count, &a);
	assert_int_equal(finish(host, &a).err, 0);
}

static void each_host_has_its_file(void **state)
{
	struct pool *pool = *state;
	struct fixture *a = &pool->hosts[0], *b = &pool->hosts[1];

	only_shared();
	sell_card(a, "north", CARD, "");
	sell_card(b, "south", CARD2, "");
	load(a, CARD, PHONE);
	load(b, CARD2, "+46700000002");
	assert_int_equal(list_of(a, 0).count, 2);
	load(a, CARD, PHONE);
	assert_int_equal(list_of(a, 0).count, 2);

	/* both name it: the newest word counts, and is not taken back by the other's next */
	load(b, CARD, "+46700000003");
	assert_non_null(strstr(roster(a).rows, "+46700000003"));
	load(a, NULL, NULL);
	assert_non_null(strstr(roster(a).rows, "+46700000003"));
	load(b, NULL, NULL);
	assert_int_equal(list_of(a, 0).count, 0);
}

/* ---- orders --------------------------------------------------------------------------------- */

struct ordered {
	int calls;
	enum store_order_why why;
	char number[STORE_NUMBER_SIZE];
};

static void got_order(
	void *arg, int err, enum store_order_why why, const struct store_activation *activation)
{
	struct ordered *ordered = arg;

	if (err == -EAGAIN) /* its turn did not come in time: once more */
		return;
	assert_int_equal(err, 0);
	ordered->calls++;
	ordered->why = why;
	if (activation)
		copy(ordered->number, sizeof ordered->number, activation->number);
}

static void order_start(struct fixture *host, const char *const *cards, struct ordered *ordered)
{
	const struct store_order order = { .seller = "hub",
		.customer = "",
		.service = "vk",
		.country = "46",
		.cards = cards,
		.card_count = NUMBERS,
		.now_ms = T0 };

	store_activation_order(host->store, &order, got_order, ordered);
}

static void a_number_is_ordered_once(void **state)
{
	static char cards[NUMBERS][24];
	static const char *names[2 * NUMBERS];
	static struct ordered orders[ORDERS];
	struct pool *pool = *state;
	const char *const sellers[] = { "hub" };
	int got = 0;

	only_shared();
	memset(orders, 0, sizeof orders);
	for (int i = 0; i < NUMBERS; i++) {
		struct fixture *host = &pool->hosts[i % HOSTS];
		char bank[16], slot[16], number[24];
		const struct store_port row = { bank, slot, cards[i], "ready", true, T0 };
		snprintf(cards[i], sizeof cards[i], "8946%015d", i);
		snprintf(bank, sizeof bank, "bank-%d", i % HOSTS);
		snprintf(slot, sizeof slot, "p%03d", i);
		snprintf(number, sizeof number, "+467000%05d", i);
		names[i] = names[NUMBERS + i] = cards[i];
		seen(host, slot, cards[i], number);
		store_port_put(host->store, &row, NULL, NULL);
	}
	for (int h = 0; h < HOSTS; h++) {
		char bank[16];
		const struct store_bank_sell sell = { bank, sellers, 1 };
		snprintf(bank, sizeof bank, "bank-%d", h);
		store_banks_sell(pool->hosts[h].store, &sell, 1, NULL, NULL);
		fx_wait(&pool->hosts[h]);
	}
	for (int left = ORDERS, tries = 0; left > 0 && tries < 20; tries++) {
		for (int i = 0; i < ORDERS; i++)
			if (!orders[i].calls)
				order_start(
					&pool->hosts[i % HOSTS], names + i % NUMBERS, &orders[i]);
		for (int h = 0; h < HOSTS; h++)
			fx_wait(&pool->hosts[h]);
		left = 0;
		for (int i = 0; i < ORDERS; i++)
			left += !orders[i].calls;
	}
	for (int i = 0; i < ORDERS; i++) {
		assert_int_equal(orders[i].calls, 1);
		got += orders[i].why == STORE_ORDER_DONE;
		for (int k = 0; k < i && *orders[i].number; k++)
			assert_string_not_equal(orders[i].number, orders[k].number);
	}
	assert_int_equal(got, NUMBERS);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, pool_setup, pool_teardown)
	const struct CMUnitTest tests[] = {
		T(one_host_leads_itself),
		T(a_lease_passes_on),
		T(leases_are_in_the_servers_time),
		T(what_was_listed_is_of_the_newest_leader),
		T(a_silent_host_is_off_sale),
		T(others_end_what_a_dead_host_began),
		T(a_bank_is_one_hosts),
		T(a_host_id_is_one_process),
		T(a_quick_restart_takes_nothing_off),
		T(wishes_are_numbered),
		T(changes_are_seen_by_all),
		T(each_host_has_its_file),
		T(a_number_is_ordered_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
