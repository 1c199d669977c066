/* test_store.c - the store's verbs, its order and claims, and what it does when things fail. */
#include "store/store_hosts.h"
#include "store_fixture.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- texts in ------------------------------------------------------------------------------- */

static void same_entry_until_deleted(void **state)
{
	struct fixture *fx = *state;

	struct answer first = put(fx, 3, "hello");
	assert_false(first.same_entry);
	assert_int_equal(strlen(first.message_id), 36);
	struct answer again = put(fx, 3, "hello");
	assert_true(again.same_entry);
	assert_string_equal(again.message_id, first.message_id);
	assert_false(put(fx, 4, "hello").same_entry); /* another index: another text */
	assert_int_equal(rows(fx, false).count, 2);

	assert_int_equal(deleted(fx, 3, "other").err, 0); /* not what is there */
	assert_true(put(fx, 3, "hello").same_entry);
	assert_int_equal(deleted(fx, 3, "hello").err, 0);
	assert_false(put(fx, 3, "hello").same_entry);
	assert_int_equal(rows(fx, false).count, 3);

	/* without an index nothing tells two equal ones from one */
	assert_false(put(fx, -1, "ping").same_entry);
	assert_false(put(fx, -1, "ping").same_entry);
	assert_int_equal(rows(fx, false).count, 5);

	fx_reopen(fx);
	assert_true(put(fx, 4, "hello").same_entry);
}

static bool same_shifted(struct fixture *fx, int index, const char *text)
{
	const struct store_message message = { CARD, "north", "p01", "+46701", text, T0 - 5000,
		fx_now(fx), 1 };
	const struct store_sms sms = { .card_id = CARD,
		.bank = "north",
		.slot = "p01",
		.memory = "SM",
		.index = index,
		.raw = text,
		.arrived_ms = fx_now(fx),
		.message = &message,
		.shifted = true };
	struct answer a = { 0 };

	store_sms_put(fx->store, &sms, got_sms, &a);
	return finish(fx, &a).same_entry;
}

static void moved(struct fixture *fx)
{
	struct answer a = { 0 };

	store_entries_moved(fx->store, CARD, "SM", got_done, &a);
	assert_int_equal(finish(fx, &a).err, 0);
}

/* Each to one, those that kept their index before others. */
static void entries_of_a_card_that_moved(void **state)
{
	struct fixture *fx = *state;
	const int indices[] = { 0, 1, 2, 3 };
	struct answer a = { 0 };

	put(fx, 1, "a");
	put(fx, 2, "a");
	put(fx, 3, "b");
	put(fx, 9, "gone");
	moved(fx);
	moved(fx);
	assert_true(same_shifted(fx, 0, "a"));
	assert_true(same_shifted(fx, 1, "a"));
	assert_true(same_shifted(fx, 1, "a")); /* listed again */
	assert_true(same_shifted(fx, 2, "b"));
	assert_false(same_shifted(fx, 3, "a"));
	assert_true(put(fx, 1, "a").same_entry);
	store_entries_listed(fx->store, CARD, "SM", indices, 4, got_count, &a);
	assert_int_equal(finish(fx, &a).count, 1);
	moved(fx);
	assert_int_equal(deleted(fx, 1, "a").err, 0); /* that index is no more */
	assert_true(same_shifted(fx, 1, "a"));
	assert_int_equal(deleted(fx, 1, "a").err, 0);
	assert_true(same_shifted(fx, 1, "a")); /* the one of 0 or 3 */
	assert_true(same_shifted(fx, 4, "a"));
	assert_false(same_shifted(fx, 5, "a"));
	/* whatever was there */
	a = (struct answer) { 0 };
	const struct store_entry any = { CARD, "SM", 4, NULL };
	store_entry_deleted(fx->store, &any, got_done, &a);
	assert_int_equal(finish(fx, &a).err, 0);
	assert_false(put(fx, 4, "a").same_entry);
}

static void full_listing_ends_entries(void **state)
{
	struct fixture *fx = *state;
	const int indices[] = { 7, 1 };
	struct answer a = { 0 };

	put(fx, 1, "a");
	put(fx, 2, "b");
	put(fx, 3, "c");
	put(fx, -1, "d");
	store_entries_listed(fx->store, CARD, "SM", indices, 2, got_count, &a);
	assert_int_equal(finish(fx, &a).count, 2);
	assert_true(put(fx, 1, "a").same_entry);
	assert_false(put(fx, 2, "b").same_entry);

	a = (struct answer) { 0 };
	store_entries_listed(fx->store, CARD, "ME", NULL, 0, got_count, &a);
	assert_int_equal(finish(fx, &a).count, 0);
	a = (struct answer) { 0 };
	store_entries_listed(fx->store, CARD, "SM", NULL, 0, got_count, &a);
	assert_int_equal(finish(fx, &a).count, 2);
	assert_false(put(fx, 1, "a").same_entry);
}

static void what_makes_no_sense_is_refused(void **state)
{
	struct fixture *fx = *state;
	struct store_part part = { CARD, "+46701", 145, 1, 8, 2, 3, 0, 0 };
	struct store_message message = { CARD, "north", "p01", "+46701", "x", 0, T0, 1 };
	struct store_sms sms = { .card_id = CARD,
		.bank = "north",
		.slot = "p01",
		.memory = "SM",
		.index = 1,
		.raw = "x",
		.arrived_ms = T0,
		.message = &message,
		.part = &part };
	struct answer a = { 0 };

	store_sms_put(fx->store, &sms, got_sms, &a);
	assert_int_equal(a.calls, 0);
	assert_int_equal(finish(fx, &a).err, -EINVAL);
	part.seq = 1;
	sms.undecodable = "and a part";
	a = (struct answer) { 0 };
	store_sms_put(fx->store, &sms, got_sms, &a);
	assert_int_equal(finish(fx, &a).err, -EINVAL);
	assert_int_equal(totals(fx).totals.sets_open, 0);
	assert_int_equal(store_health(fx->store), 0);
}

/* ---- cards and ports ------------------------------------------------------------------------ */

static void last_card_of_a_module(void **state)
{
	struct fixture *fx = *state;

	assert_string_equal(seen(fx, "p01", CARD, "").last_card, "");
	assert_string_equal(seen(fx, "p01", CARD, "").last_card, CARD);
	assert_string_equal(seen(fx, "p01", CARD2, "").last_card, CARD);
	assert_string_equal(seen(fx, "p02", CARD2, "").last_card, ""); /* another place */
	fx_reopen(fx);
	assert_string_equal(seen(fx, "p01", CARD, "").last_card, CARD2);
}

static void roster_and_ports(void **state)
{
	struct fixture *fx = *state;
	const struct store_remote_id ids[] = { { PHONE, "77" }, { "+46700000005", "78" } };
	const struct store_remote_id gone = { PHONE, "" };
	const struct store_place keep = { "north", "p02" };
	struct answer a = { 0 };

	seen(fx, "p01", CARD, PHONE);
	seen(fx, "p02", CARD2, PHONE);
	seen(fx, "p03", "imsi-3", "");
	loop_advance(fx->loop, 5000);
	seen(fx, "p01", CARD, PHONE); /* date_start stays */
	port(fx, "p02", CARD2, true);
	port(fx, "p03", "imsi-3", true);
	assert_string_equal(roster(fx).rows, "north/p02 " PHONE "  op0 rent-1 1700000000 id=,");
	loop_set_wall(fx->loop, INT64_C(1699990000000)); /* the clock was ahead */
	seen(fx, "p02", CARD2, PHONE);
	assert_string_equal(roster(fx).rows, "north/p02 " PHONE "  op0 rent-1 1699990000 id=,");
	loop_set_wall(fx->loop, INT64_C(1700000005000));
	seen(fx, "p02", CARD2, PHONE);
	port(fx, "p01", CARD, true);
	store_remote_ids(fx->store, "push", ids, 2, got_done, &a);
	assert_int_equal(finish(fx, &a).err, 0);
	assert_string_equal(roster(fx).rows,
		"north/p01 " PHONE "  op0 rent-1 1700000000 id=77 conflict,"
		"north/p02 " PHONE "  op0 rent-1 1699990000 id=77 conflict,");

	a = (struct answer) { 0 };
	store_remote_ids(fx->store, "push", &gone, 1, got_done, &a);
	finish(fx, &a);
	a = (struct answer) { 0 };
	store_ports_keep(fx->store, &keep, 1, got_done, &a);
	assert_int_equal(finish(fx, &a).err, 0);
	assert_string_equal(roster(fx).rows, "north/p02 " PHONE "  op0 rent-1 1699990000 id=,");
	fx_reopen(fx);
	if (fx_shared()) { /* a quick restart takes nothing off the lists of all */
		assert_int_equal(roster(fx).count, 1);
		a = (struct answer) { 0 };
		store_ports_settled(fx->store, NULL, 0, got_done, &a);
		finish(fx, &a);
	}
	assert_int_equal(roster(fx).count, 0); /* nothing is online before it says so */
}

/* ---- drained ports -------------------------------------------------------------------------- */

static struct answer drain(struct fixture *fx, const char *slot)
{
	const struct store_place place = { "north", slot };
	struct answer a = { 0 };
	store_drain(fx->store, &place, 1, fx_now(fx), got_done, &a);
	return finish(fx, &a);
}

/* slot NULL: all */
static int64_t resume(struct fixture *fx, const char *slot)
{
	const struct store_place place = { "north", slot };
	struct answer a = { 0 };
	store_resume(fx->store, &place, slot ? 1 : 0, got_count, &a);
	return finish(fx, &a).count;
}

static void got_drains(void *arg, int err, const struct store_drained *rows, size_t count)
{
	struct answer *a = arg;
	size_t len = 0;

	a->calls++;
	a->err = err;
	a->count = (int64_t)count;
	for (size_t i = 0; i < count; i++)
		len += (size_t)snprintf(a->rows + len, sizeof(a->rows) - len,
			"%s/%s since %lld queued %lld unknown %lld held %lld parts %lld,",
			rows[i].bank, rows[i].slot, (long long)(rows[i].since_ms - T0),
			(long long)rows[i].queued, (long long)rows[i].unknown,
			(long long)rows[i].held, (long long)rows[i].parts);
}

static struct answer drains(struct fixture *fx)
{
	struct answer a = { 0 };
	store_drains(fx->store, got_drains, &a);
	return finish(fx, &a);
}

#define ROW1 "north/p01 " PHONE "  op0 rent-1 1700000000 id=,"
#define ROW2 "north/p02 +46700000002  op0 rent-1 1700000000 id=,"

static void drained_ports_are_not_on_sale(void **state)
{
	struct fixture *fx = *state;

	seen(fx, "p01", CARD, PHONE);
	seen(fx, "p02", CARD2, "+46700000002");
	port(fx, "p01", CARD, true);
	port(fx, "p02", CARD2, true);
	assert_string_equal(roster(fx).rows, ROW1 ROW2);
	assert_int_equal(drain(fx, "p01").err, 0);
	assert_string_equal(roster(fx).rows, ROW2);
	loop_advance(fx->loop, 7);
	assert_int_equal(drain(fx, "p01").err, 0); /* it is: no error, and since then */
	assert_int_equal(drain(fx, "p03").err, 0); /* not heard of yet */
	assert_string_equal(drains(fx).rows,
		"north/p01 since 0 queued 0 unknown 0 held 0 parts 0,"
		"north/p03 since 7 queued 0 unknown 0 held 0 parts 0,");

	/* whatever the port does, and after a restart */
	port(fx, "p01", CARD, false);
	port(fx, "p01", CARD, true);
	assert_string_equal(roster(fx).rows, ROW2);
	fx_reopen(fx);
	port(fx, "p01", CARD, true);
	port(fx, "p02", CARD2, true);
	assert_string_equal(roster(fx).rows, ROW2);
	assert_int_equal(drains(fx).count, 2);

	assert_int_equal(resume(fx, "p01"), 1);
	assert_int_equal(resume(fx, "p01"), 0);
	assert_string_equal(roster(fx).rows, ROW1 ROW2);
	drain(fx, "p01");
	assert_int_equal(resume(fx, NULL), 2);
	assert_string_equal(roster(fx).rows, ROW1 ROW2);
}

static void drain_of_a_place_that_went(void **state)
{
	struct fixture *fx = *state;
	const struct store_place whole[] = { { "south", "p01" }, { "north", "" } };
	const struct store_place keep = { "north", "p02" };
	struct answer a = { 0 };

	seen(fx, "p01", CARD, PHONE);
	port(fx, "p01", CARD, true);
	drain(fx, "p01");
	drain(fx, "p02");
	drain(fx, "p03");
	store_ports_keep(fx->store, whole, 2, got_done, &a);
	assert_int_equal(finish(fx, &a).err, 0);
	assert_int_equal(drains(fx).count, 3);
	a = (struct answer) { 0 };
	store_ports_keep(fx->store, &keep, 1, got_done, &a);
	assert_int_equal(finish(fx, &a).err, 0);
	assert_string_equal(
		drains(fx).rows, "north/p02 since 0 queued 0 unknown 0 held 0 parts 0,");
	port(fx, "p01", CARD, true);
	assert_string_equal(roster(fx).rows, ROW1);
}

static void what_a_drained_port_waits_for(void **state)
{
	struct fixture *fx = *state;

	put(fx, 1, "numberless");
	seen(fx, "p02", CARD, "");
	port(fx, "p02", CARD, true);
	drain(fx, "p02");
	put_part(fx, 1, 3, 1, 4, "P1");
	put_part(fx, 1, 3, 2, 5, "P2");
	assert_string_equal(
		drains(fx).rows, "north/p02 since 0 queued 0 unknown 0 held 1 parts 2,");
	seen(fx, "p02", CARD, PHONE);
	put(fx, 2, "more");
	put_to(fx, CARD2, 3, "another's", &push);
	assert_string_equal(
		drains(fx).rows, "north/p02 since 0 queued 2 unknown 0 held 0 parts 2,");
	port(fx, "p02", "", false); /* gone: it is that card's still */
	struct answer a = claim(fx, 1);
	const struct store_outcome unknown = { .message_id = a.message_id,
		.platform = "push",
		.state = STORE_QUEUED,
		.reason = "number_unknown",
		.next_ms = T0 + 1000,
		.now_ms = fx_now(fx),
		.number_error = true,
		.tried = true };
	struct answer done = { 0 };
	store_outcome(fx->store, &unknown, got_claim, &done);
	finish(fx, &done);
	assert_string_equal(
		drains(fx).rows, "north/p02 since 0 queued 2 unknown 1 held 0 parts 2,");
}

/* ---- refused PINs --------------------------------------------------------------------------- */

struct pin {
	int calls, err;
	int64_t mark, refused_ms;
};

static void got_pin(void *arg, int err, int64_t mark, int64_t refused_ms)
{
	struct pin *pin = arg;

	*pin = (struct pin) { pin->calls + 1, err, mark, refused_ms };
}

static struct pin pin(struct fixture *fx, const char *key)
{
	struct pin result = { 0 };

	store_pin_get(fx->store, key, got_pin, &result);
	fx_wait(fx);
	assert_int_equal(result.calls, 1);
	return result;
}

static int pin_refused(struct fixture *fx, const char *key, int64_t mark)
{
	struct answer a = { 0 };

	store_pin_refused(fx->store, key, mark, fx_now(fx), got_done, &a);
	return finish(fx, &a).err;
}

static void got_places(void *arg, int err, const struct store_place *rows, size_t count)
{
	struct answer *a = arg;

	a->calls++;
	a->err = err;
	a->count = (int64_t)count;
	if (count > 0)
		assert_string_equal(rows[0].slot, "p01");
}

static void ports_that_are_missing(void **state)
{
	struct fixture *fx = *state;
	struct store_place all = { "north", "p01" };

	seen(fx, "p01", CARD, "");
	port(fx, "p01", CARD, true);
	port(fx, "p02", "", false); /* never had one */
	for (int round = 0; round < 3; round++) {
		struct answer a = { 0 };
		store_ports_missing(fx->store, &all, round == 0, got_places, &a);
		assert_int_equal(finish(fx, &a).err, 0);
		assert_int_equal(a.count, round == 1); /* it is there; it is not; that was told */
	}
}

static void refused_pins_stay(void **state)
{
	struct fixture *fx = *state;
	char key[STORE_PIN_KEY_SIZE + 1];
	struct answer a = { 0 };

	assert_int_equal(pin(fx, CARD).refused_ms, 0);
	assert_int_equal(pin_refused(fx, CARD, INT64_MIN), 0);
	loop_advance(fx->loop, 1000);
	assert_int_equal(pin_refused(fx, "north/p01 490154203237518", 7), 0);
	fx_reopen(fx);
	assert_int_equal(pin(fx, CARD).mark, INT64_MIN);
	assert_int_equal(pin(fx, CARD).refused_ms, T0);
	assert_int_equal(pin(fx, "north/p01 490154203237518").mark, 7);
	assert_int_equal(pin(fx, "north/p01 490154203237518").refused_ms, T0 + 1000);
	assert_int_equal(pin(fx, CARD2).refused_ms, 0);

	/* another PIN, refused as well: the newest counts */
	assert_int_equal(pin_refused(fx, CARD, INT64_MAX), 0);
	assert_int_equal(pin(fx, CARD).mark, INT64_MAX);
	assert_int_equal(pin(fx, CARD).refused_ms, T0 + 1000);

	store_pin_forget(fx->store, CARD, CARD2, got_count, &a);
	assert_int_equal(finish(fx, &a).count, 1);
	a = (struct answer) { 0 };
	store_pin_forget(fx->store, CARD, "", got_count, &a);
	assert_int_equal(finish(fx, &a).count, 0); /* there was none */
	fx_reopen(fx);
	assert_int_equal(pin(fx, CARD).refused_ms, 0);
	assert_int_equal(pin(fx, "north/p01 490154203237518").mark, 7);

	memset(key, 'k', sizeof key - 1);
	key[sizeof key - 1] = '\0';
	assert_int_equal(pin(fx, key).err, -EINVAL);
	assert_int_equal(pin_refused(fx, key, 1), -EINVAL);
	assert_int_equal(pin_refused(fx, key + 1, 1), 0); /* 255 bytes */
	assert_int_equal(pin(fx, key + 1).mark, 1);
}

static void oldest_pins_are_forgotten(void **state)
{
	struct fixture *fx = *state;

	fx_script(fx, "INSERT INTO pin_refused (card_key, mark, refused_ms) WITH RECURSIVE n (i) AS"
		      " (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 65536)"
		      " SELECT 'c' || i, i, i FROM n");
	assert_int_equal(pin(fx, "c1").mark, 1);
	assert_int_equal(pin_refused(fx, CARD, 5), 0);
	assert_int_equal(pin(fx, "c1").refused_ms, 0);
	assert_int_equal(pin(fx, "c2").mark, 2);
	assert_int_equal(pin(fx, CARD).mark, 5);
	assert_int_equal(pin_refused(fx, CARD, 6), 0);
	assert_int_equal(pin(fx, "c2").mark, 2);
}

/* ---- texts out ------------------------------------------------------------------------------ */

static void order_of_a_card(void **state)
{
	struct fixture *fx = *state;

	seen(fx, "p01", CARD, PHONE);
	seen(fx, "p02", CARD2, "+46700000002");
	struct answer one = put_claim(fx, CARD, 1, "one");
	assert_string_equal(one.claimed_texts, "one,");
	assert_int_equal(one.claimed_until_ms, T0 + STORE_LEASE_MS);
	assert_int_equal(put_claim(fx, CARD, 2, "two").claimed, 0);
	put(fx, 3, "three");
	put_to(fx, CARD2, 1, "uno", &push);
	put_to(fx, CARD2, 2, "due", &push);

	assert_string_equal(claim(fx, 10).claimed_texts, "uno,"); /* CARD is in flight */
	assert_int_equal(claim(fx, 10).claimed, 0);

	/* put back: it stays first */
	struct answer a = outcome(fx, one.message_id, STORE_QUEUED, fx_now(fx) + 3000);
	assert_int_equal(a.err, 0);
	assert_int_equal(a.claimed, 0);
	a = claim(fx, 10);
	assert_int_equal(a.claimed, 0);
	assert_int_equal(a.next_ms, T0 + 3000);
	loop_advance(fx->loop, 3000);
	a = claim(fx, 10);
	assert_string_equal(a.claimed_texts, "one,");
	assert_int_equal(a.attempts, 1);
	assert_int_equal(a.first_try_ms, T0);

	a = outcome(fx, a.message_id, STORE_DELIVERED, 0);
	assert_string_equal(a.claimed_texts, "two,");
	a = outcome(fx, a.message_id, STORE_REFUSED, 0);
	assert_string_equal(a.claimed_texts, "three,");
	a = outcome(fx, a.message_id, STORE_DELIVERED, 0);
	assert_int_equal(a.claimed, 0);
	assert_int_equal(a.next_ms, 0);
	assert_int_equal(outcome(fx, "unknown", STORE_DELIVERED, 0).err, 0);
}

static void claim_limit_and_order(void **state)
{
	struct fixture *fx = *state;
	char card[STORE_CARD_SIZE], text[8];

	for (int i = 9; i >= 0; i--) {
		snprintf(card, sizeof(card), "card-%d", i);
		snprintf(text, sizeof(text), "t%d", i);
		seen(fx, "p01", card, PHONE);
		put_to(fx, card, 1, text, &push);
	}
	struct answer a = claim(fx, 4); /* the oldest, whatever the card is called */
	assert_string_equal(a.claimed_texts, "t9,t8,t7,t6,");
	assert_int_equal(a.next_ms, fx_now(fx));
	assert_string_equal(claim(fx, 100).claimed_texts, "t5,t4,t3,t2,t1,t0,");
	a = claim(fx, 100);
	assert_int_equal(a.claimed, 0);
	assert_int_equal(a.next_ms, T0 + 60000);
	a = (struct answer) { 0 };
	store_claim(fx->store, "elsewhere", T0, 60000, 10, got_claim, &a);
	assert_int_equal(finish(fx, &a).claimed, 0);
	assert_int_equal(a.next_ms, 0);
}

static void leases_end(void **state)
{
	struct fixture *fx = *state;

	seen(fx, "p01", CARD, PHONE);
	put_claim(fx, CARD, 1, "one");
	struct answer a = claim(fx, 10);
	assert_int_equal(a.claimed, 0);
	assert_int_equal(a.next_ms, T0 + 60000);
	loop_advance(fx->loop, 59999);
	assert_int_equal(claim(fx, 10).claimed, 0);
	loop_advance(fx->loop, 1);
	a = claim(fx, 10);
	assert_string_equal(a.claimed_texts, "one,");
	assert_int_equal(a.claimed_until_ms, T0 + 120000);
	fx_reopen(fx); /* what this host had claimed is free again */
	assert_string_equal(claim(fx, 10).claimed_texts, "one,");
}

/* An earlier text that was held comes free while a later one is in flight. */
static void freed_text_waits_for_the_one_in_flight(void **state)
{
	struct fixture *fx = *state;
	const struct store_route held = { "push", STORE_HELD, "unattributed", false, 0, 0 };
	struct answer a = { 0 };

	seen(fx, "p01", CARD, PHONE);
	struct answer early = put_to(fx, CARD, 1, "early", &held);
	struct answer late = put_claim(fx, CARD, 2, "late");
	assert_int_equal(late.claimed, 1);
	store_outbox_retry(fx->store, early.message_id, fx_now(fx), got_count, &a);
	assert_int_equal(finish(fx, &a).count, 1);
	assert_int_equal(claim(fx, 10).claimed, 0);
	assert_string_equal(
		outcome(fx, late.message_id, STORE_DELIVERED, 0).claimed_texts, "early,");
}

static struct answer number_unknown(struct fixture *fx, const char *id)
{
	const struct store_outcome what = { .message_id = id,
		.platform = "push",
		.state = STORE_QUEUED,
		.reason = "x",
		.next_ms = fx_now(fx) + 100000,
		.now_ms = fx_now(fx),
		.lease_ms = 60000,
		.number_error = true,
		.tried = true };
	struct answer a = { 0 };
	store_outcome(fx->store, &what, got_claim, &a);
	return finish(fx, &a);
}

static struct answer accepted(struct fixture *fx, const char *number)
{
	struct answer a = { 0 };
	store_numbers_accepted(
		fx->store, "push", &number, number ? 1 : 0, fx_now(fx), got_count, &a);
	return finish(fx, &a);
}

static void numbers_accepted(void **state)
{
	struct fixture *fx = *state;
	const struct store_remote_id id = { PHONE, "77" };

	seen(fx, "p01", CARD, PHONE);
	struct answer text = put_claim(fx, CARD, 1, "one");
	number_unknown(fx, text.message_id);
	store_remote_ids(fx->store, "push", &id, 1, NULL, NULL);
	assert_string_equal(rows(fx, true).rows, "one " PHONE " push queued number_unknown,");
	loop_advance(fx->loop, 1000);
	assert_int_equal(accepted(fx, "+46799").count, 0);
	assert_int_equal(claim(fx, 10).claimed, 0);
	assert_int_equal(accepted(fx, PHONE).count, 1);
	struct answer a = claim(fx, 10);
	assert_int_equal(a.claimed, 1);
	assert_int_equal(a.number_error_ms, T0);
	assert_string_equal(a.claimed_remote, "77");
	number_unknown(fx, a.message_id);
	assert_int_equal(accepted(fx, NULL).count, 1);
	a = claim(fx, 10);
	assert_int_equal(a.number_error_ms, T0); /* the first */
	assert_int_equal(a.attempts, 2);
}

/* ---- what the operator sees and does -------------------------------------------------------- */

static struct answer retry(struct fixture *fx, const char *id)
{
	struct answer a = { 0 };
	store_outbox_retry(fx->store, id, fx_now(fx), got_count, &a);
	return finish(fx, &a);
}

static struct answer drop(struct fixture *fx, const char *id)
{
	struct answer a = { 0 };
	store_outbox_drop(fx->store, id, fx_now(fx), got_count, &a);
	return finish(fx, &a);
}

static void retry_and_drop(void **state)
{
	struct fixture *fx = *state;
	const struct store_route withheld = { "push", STORE_WITHHELD, "rule", false, 0, 0 };

	struct answer a = put(fx, 1, "numberless");
	assert_int_equal(retry(fx, a.message_id).err, 0);
	assert_string_equal(rows(fx, true).rows, "numberless  push held no_number,");
	seen(fx, "p01", CARD, PHONE);
	a = claim(fx, 1);
	outcome(fx, a.message_id, STORE_REFUSED, 0);
	assert_int_equal(retry(fx, NULL).count, 1);
	struct answer again = claim(fx, 1);
	assert_string_equal(again.claimed_texts, "numberless,");
	assert_int_equal(again.attempts, 0); /* a refused one starts anew */
	outcome(fx, again.message_id, STORE_QUEUED, T0 + 9000);
	assert_int_equal(retry(fx, NULL).count, 1);
	assert_int_equal(claim(fx, 1).attempts, 1);

	/* dropped while it is on its way: what the platform has said counts */
	assert_int_equal(drop(fx, again.message_id).count, 1);
	assert_int_equal(claim(fx, 1).claimed, 0);
	outcome(fx, again.message_id, STORE_QUEUED, 0);
	assert_string_equal(rows(fx, true).rows, "numberless " PHONE " push dropped timeout,");
	outcome(fx, again.message_id, STORE_DELIVERED, 0);
	assert_string_equal(rows(fx, false).rows, "numberless " PHONE " push delivered,");
	assert_int_equal(drop(fx, again.message_id).count, 0);
	assert_int_equal(retry(fx, again.message_id).count, 0);

	a = put_to(fx, CARD, 2, "private", &withheld);
	assert_int_equal(retry(fx, NULL).count, 0);
	assert_int_equal(retry(fx, a.message_id).count, 1);
	assert_string_equal(claim(fx, 1).claimed_texts, "private,");
}

static void messages_and_totals(void **state)
{
	struct fixture *fx = *state;
	const struct store_route unclaimed = { "", STORE_UNCLAIMED, "no_seller", false, 0, 0 };

	seen(fx, "p01", CARD, PHONE);
	struct answer old = put(fx, 1, "old");
	loop_advance(fx->loop, 3700000);
	put_to(fx, CARD, 2, "nobody's", &unclaimed);
	loop_advance(fx->loop, 1000);
	assert_int_equal(put_undecodable(fx, 3, "0BAD").err, 0);
	put_part(fx, 1, 2, 1, 4, "P1");

	assert_string_equal(rows(fx, false).rows,
		"nobody's " PHONE "  unclaimed no_seller,old " PHONE " push queued,");
	assert_string_equal(rows(fx, true).rows,
		"0BAD   undecodable odd length,nobody's " PHONE "  unclaimed no_seller,"
		"old " PHONE " push queued,");
	assert_string_equal(rows_of(fx, &(struct store_query) { .limit = 1, .outbox = true }).rows,
		"0BAD   undecodable odd length,");
	assert_int_equal(rows_of(fx, &(struct store_query) { .since_ms = T0 + 1 }).count, 1);
	assert_string_equal(rows_of(fx, &(struct store_query) { .id = old.message_id }).rows,
		"old " PHONE " push queued,");
	assert_int_equal(
		rows_of(fx, &(struct store_query) { .bank = "north", .slot = "p02" }).count, 0);
	assert_int_equal(
		rows_of(fx, &(struct store_query) { .bank = "north", .slot = "p01" }).count, 2);

	struct answer a = totals(fx);
	assert_string_equal(a.rows, ",push,");
	assert_int_equal(a.totals.platforms[0].states[STORE_UNCLAIMED], 1);
	assert_int_equal(a.totals.platforms[1].states[STORE_QUEUED], 1);
	assert_int_equal(a.totals.platforms[1].oldest_ms, T0);
	assert_int_equal(a.totals.platforms[0].oldest_ms, 0);
	assert_int_equal(a.totals.messages, 2);
	assert_int_equal(a.totals.messages_hour, 1);
	assert_int_equal(a.totals.undecodable, 1);
	assert_int_equal(a.totals.parts_pending, 1);
	assert_int_equal(a.totals.sets_open, 1);
	claim(fx, 1);
	outcome(fx, old.message_id, STORE_DELIVERED, 0);
	assert_int_equal(rows(fx, true).count, 2);
	assert_int_equal(totals(fx).totals.platforms[1].oldest_ms, 0);
}

/* What is counted as it happens is what is there. */
static void counts_are_true(void **state)
{
	struct fixture *fx = *state;
	const struct store_route withheld = {
		.platform = "other", .state = STORE_WITHHELD, .reason = "rule"
	};
	struct answer kept, counted, failed = { 0 };

	put(fx, 1, "held");
	put_to(fx, CARD, 2, "withheld", &withheld);
	for (int i = 3; i < 9; i++)
		put(fx, i, "freed");
	seen(fx, "p01", CARD, PHONE);
	outcome(fx, claim(fx, 1).message_id, STORE_DELIVERED, 0);
	struct answer refused = put_claim(fx, CARD2, 1, "refused");
	assert_true(put(fx, 3, "freed").same_entry);
	outcome(fx, refused.message_id, STORE_REFUSED, 0);
	retry(fx, NULL);
	drop(fx, refused.message_id);
	atomic_store(&faults.steps, 0);
	atomic_store(&faults.fail_at, 5); /* what is rolled back leaves no count behind */
	put_start(fx, &failed, CARD, 20, "not stored", &push);
	assert_int_equal(finish(fx, &failed).err, -EIO);
	atomic_store(&faults.fail_at, 0);
	fx_script(fx, "INSERT INTO delivery (message_id, platform, card_id, state, reason, next_ms)"
		      " SELECT message_id, 'more', card_id, 5, '', 0 FROM delivery; DELETE FROM "
		      "delivery WHERE platform = 'more'"
		      " AND message_id > (SELECT MIN(message_id) FROM delivery);"
		      "DELETE FROM message WHERE id NOT IN (SELECT MIN(id) FROM message);");
	kept = totals(fx);
	assert_string_equal(kept.rows, "more,other,push,");
	fx_down_to(fx, 4);
	counted = totals(fx);
	assert_string_equal(kept.rows, counted.rows);
	assert_int_equal(kept.totals.messages, 1);
	assert_int_equal(counted.totals.messages, 1);
	for (size_t i = 0; i < kept.totals.platform_count; i++)
		assert_memory_equal(kept.totals.platforms[i].states,
			counted.totals.platforms[i].states,
			sizeof(kept.totals.platforms[i].states));
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, fx_setup, fx_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(same_entry_until_deleted),
		T(entries_of_a_card_that_moved),
		T(full_listing_ends_entries),
		T(what_makes_no_sense_is_refused),
		T(last_card_of_a_module),
		T(roster_and_ports),
		T(drained_ports_are_not_on_sale),
		T(drain_of_a_place_that_went),
		T(what_a_drained_port_waits_for),
		T(ports_that_are_missing),
		T(refused_pins_stay),
		T(oldest_pins_are_forgotten),
		T(order_of_a_card),
		T(claim_limit_and_order),
		T(leases_end),
		T(freed_text_waits_for_the_one_in_flight),
		T(numbers_accepted),
		T(retry_and_drop),
		T(messages_and_totals),
		T(counts_are_true),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
