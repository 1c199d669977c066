/* test_store.c - the store's verbs, its order and claims, and what it does when things fail. */
#include "store_fixture.h"

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

static void parts_in_any_order(void **state)
{
	static const int orders[][3] = { { 1, 2, 3 }, { 3, 2, 1 }, { 2, 3, 1 }, { 3, 1, 2 } };
	struct fixture *fx = *state;
	char raw[16];

	for (int i = 0; i < 4; i++) {
		for (int k = 0; k < 3; k++) {
			snprintf(raw, sizeof(raw), "r%dp%d", i, orders[i][k]);
			struct answer a = put_part(fx, 40 + i, 3, orders[i][k], i * 3 + k, raw);
			assert_int_equal(a.err, 0);
			assert_int_equal(a.set_id[0] != '\0', k == 2);
			if (k < 2)
				continue;
			snprintf(raw, sizeof(raw), "r%dp", i);
			char want[64];
			snprintf(want, sizeof(want), "%s1,%s2,%s3,", raw, raw, raw);
			assert_string_equal(a.parts, want);
		}
	}
	assert_int_equal(totals(fx).totals.sets_open, 4);
	assert_int_equal(totals(fx).totals.parts_pending, 12);
	assert_int_equal(rows(fx, false).count, 0);
}

/* Same sender and reference: a part that the newest open set has already goes to an older one that
 * lacks it, or begins a new one. */
static void interleaved_sets(void **state)
{
	struct fixture *fx = *state;

	put_part(fx, 9, 2, 1, 1, "A1");
	put_part(fx, 9, 2, 1, 2, "B1");
	assert_int_equal(totals(fx).totals.sets_open, 2);
	struct answer b = put_part(fx, 9, 2, 2, 3, "B2");
	assert_string_equal(b.parts, "B1,B2,");
	struct answer a = put_part(fx, 9, 2, 2, 4, "A2");
	assert_string_equal(a.parts, "A1,A2,");
	assert_string_not_equal(a.set_id, b.set_id);

	/* complete, not joined: neither lacks anything */
	assert_string_equal(put_part(fx, 9, 2, 1, 5, "C1").set_id, "");
	assert_int_equal(totals(fx).totals.sets_open, 3);
}

static void duplicate_part(void **state)
{
	struct fixture *fx = *state;

	put_part(fx, 9, 2, 1, 1, "A1");
	struct answer dup = put_part(fx, 9, 2, 1, 2, "A1");
	assert_true(dup.same_part);
	assert_false(dup.same_entry);
	assert_true(
		put_part(fx, 9, 2, 1, 2, "A1").same_entry); /* journalled: known when seen again */
	assert_int_equal(totals(fx).totals.parts_pending, 1);
	struct answer whole = put_part(fx, 9, 2, 2, 3, "A2");
	assert_string_equal(whole.parts, "A1,A2,");
	assert_true(put_part(fx, 9, 2, 2, 4, "A2").same_part);
}

static void join_once_and_reference_again(void **state)
{
	struct fixture *fx = *state;

	put_part(fx, 9, 2, 1, 1, "A1");
	struct answer whole = put_part(fx, 9, 2, 2, 2, "A2");
	struct answer first = join(fx, whole.set_id, "joined");
	assert_int_equal(first.err, 0);
	assert_false(first.same_entry);
	struct answer second = join(fx, whole.set_id, "joined");
	assert_true(second.same_entry);
	assert_string_equal(second.message_id, first.message_id);
	assert_string_equal(rows(fx, false).rows, "joined  push held no_number,");
	assert_int_equal(totals(fx).totals.sets_open, 0);
	assert_int_equal(join(fx, "no such set", "x").err, -ENOENT);

	/* the entry tells what became of it */
	struct answer entry = put_part(fx, 9, 2, 1, 1, "A1");
	assert_true(entry.same_entry);
	assert_string_equal(entry.message_id, first.message_id);

	/* the sender counts round and uses the reference again, with the same words */
	deleted(fx, 1, "A1");
	deleted(fx, 2, "A2");
	assert_string_equal(put_part(fx, 9, 2, 1, 1, "A1").set_id, "");
	struct answer next = put_part(fx, 9, 2, 2, 2, "A2");
	assert_string_equal(next.parts, "A1,A2,");
	assert_string_not_equal(next.set_id, whole.set_id);
}

static void join_after_a_crash(void **state)
{
	struct fixture *fx = *state;
	struct answer a = { 0 };

	put_part(fx, 9, 2, 1, 1, "A1");
	struct answer whole = put_part(fx, 9, 2, 2, 2, "A2");
	put_part(fx, 10, 2, 1, 3, "B1");
	fx_reopen(fx);
	store_sets_complete(fx->store, got_sms, &a);
	fx_wait(fx);
	assert_int_equal(a.calls, 2); /* one set, and the end */
	assert_string_equal(a.set_id, whole.set_id);
	assert_string_equal(a.parts, "A1,A2,");
	join(fx, a.set_id, "joined");
	a = (struct answer) { 0 };
	store_sets_complete(fx->store, got_sms, &a);
	assert_int_equal(finish(fx, &a).err, 0);
	assert_string_equal(a.set_id, "");
}

static void what_makes_no_sense_is_refused(void **state)
{
	struct fixture *fx = *state;
	struct store_part part = { CARD, "+46701", 145, 1, 8, 2, 3 };
	struct store_sms sms = { .card_id = CARD,
		.bank = "north",
		.slot = "p01",
		.memory = "SM",
		.index = 1,
		.raw = "x",
		.arrived_ms = T0,
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

/* ---- cards, numbers, ports ------------------------------------------------------------------ */

static void number_learnt_later_frees(void **state)
{
	struct fixture *fx = *state;
	const struct store_route held = { "other", STORE_HELD, "unattributed", false };

	struct answer early = put_claim(fx, CARD, 1, "early");
	assert_int_equal(early.claimed, 0);
	put_to(fx, CARD, 2, "strange", &held);
	assert_int_equal(claim(fx, 10).claimed, 0);
	assert_int_equal(seen(fx, "p01", CARD, "").count, 0);

	struct answer card = seen(fx, "p01", CARD, PHONE);
	assert_int_equal(card.count, 1);
	assert_string_equal(card.number, PHONE);
	assert_int_equal(card.source, STORE_NUMBER_SIM);
	struct answer out = claim(fx, 10);
	assert_string_equal(out.claimed_texts, "early,");
	assert_string_equal(out.claimed_number, PHONE);
	assert_string_equal(rows(fx, false).rows,
		"strange  other held unattributed,early " PHONE " push queued,");
	assert_string_equal(seen(fx, "p01", CARD, "").number, PHONE); /* "" keeps it */
}

static struct answer load(struct fixture *fx, const struct store_number *numbers, size_t count)
{
	struct answer a = { 0 };
	store_numbers_load(fx->store, numbers, count, got_count, &a);
	return finish(fx, &a);
}

static void numbers_file(void **state)
{
	struct fixture *fx = *state;
	const struct store_number both[] = {
		{ CARD, "+46700000099", "red", 24001, -1, 1600000000, 0, 0, 0 },
		{ CARD2, "+46700000002", "blue", 0, 1, 0, 0, 0, 0 },
	};

	put_to(fx, CARD2, 1, "waits", &push);
	seen(fx, "p01", CARD, PHONE);
	assert_int_equal(load(fx, both, 2).count, 1); /* CARD2 was never seen: still its texts go */
	assert_string_equal(claim(fx, 10).claimed_number, "+46700000002");
	struct answer card = seen(fx, "p01", CARD, PHONE);
	assert_string_equal(card.number, "+46700000099");
	assert_int_equal(card.source, STORE_NUMBER_FILE);
	assert_string_equal(seen(fx, "p02", CARD2, "").number, "+46700000002");

	port(fx, "p01", CARD, true);
	port(fx, "p02", CARD2, true);
	assert_string_equal(roster(fx).rows,
		"north/p01 +46700000099 red op24001 rent-1 1600000000 id=,"
		"north/p02 +46700000002 blue op0 rent1 1700000000 id=,");

	assert_int_equal(load(fx, both, 1).err, 0); /* CARD2 is no longer named */
	assert_string_equal(seen(fx, "p02", CARD2, "").number, "");
	assert_string_equal(
		roster(fx).rows, "north/p01 +46700000099 red op24001 rent-1 1600000000 id=,");
	load(fx, NULL, 0);
	assert_string_equal(roster(fx).rows, "north/p01 " PHONE "  op0 rent-1 1700000000 id=,");
}

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
	port(fx, "p01", CARD, true);
	store_remote_ids(fx->store, "push", ids, 2, got_done, &a);
	assert_int_equal(finish(fx, &a).err, 0);
	assert_string_equal(roster(fx).rows,
		"north/p01 " PHONE "  op0 rent-1 1700000000 id=77 conflict,"
		"north/p02 " PHONE "  op0 rent-1 1700000000 id=77 conflict,");

	a = (struct answer) { 0 };
	store_remote_ids(fx->store, "push", &gone, 1, got_done, &a);
	finish(fx, &a);
	a = (struct answer) { 0 };
	store_ports_keep(fx->store, &keep, 1, got_done, &a);
	assert_int_equal(finish(fx, &a).err, 0);
	assert_string_equal(roster(fx).rows, "north/p02 " PHONE "  op0 rent-1 1700000000 id=,");
	fx_reopen(fx);
	assert_int_equal(roster(fx).count, 0); /* nothing is online before it says so */
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
	const struct store_route held = { "push", STORE_HELD, "unattributed", false };
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
	const struct store_route withheld = { "push", STORE_WITHHELD, "rule", false };

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
	const struct store_route unclaimed = { "", STORE_UNCLAIMED, "no_seller", false };

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

static void ids_grow(void **state)
{
	struct fixture *fx = *state;
	char last[STORE_ID_SIZE], id[STORE_ID_SIZE];

	store_new_id(fx->store, last);
	assert_int_equal(last[14], '7');
	assert_non_null(strchr("89ab", last[19]));
	for (int i = 0; i < 10000; i++) { /* more than one millisecond has numbers for */
		store_new_id(fx->store, id);
		assert_int_equal(strlen(id), 36);
		assert_true(strcmp(id, last) > 0);
		memcpy(last, id, sizeof(id));
	}
	struct answer a = put(fx, 1, "late clock");
	fx_close(fx);
	loop_free(fx->loop);
	fx->loop = loop_new_manual(1, T0 - 86400000); /* set back since */
	assert_int_equal(fx_open(fx), 0);
	store_new_id(fx->store, id);
	assert_true(strcmp(id, a.message_id) > 0);
}

/* ---- batches and failures ------------------------------------------------------------------- */

static int bad_run(struct store_job *job)
{
	for (int i = 0; i < 2; i++) {
		int64_t n = store_exec(job, STMT_SET_ADD,
			ARGS(TXT("twice"), TXT(CARD), TXT("x"), INT(0), INT(0), INT(0), INT(1),
				INT(0)));
		if (n < 0)
			return (int)n;
	}
	return 0;
}

static void group_commit(void **state)
{
	struct fixture *fx = *state;
	struct answer a = { 0 };
	uint64_t commits = counter_get(COUNTER_STORE_COMMITS);
	uint64_t jobs = counter_get(COUNTER_STORE_JOBS);

	block(fx);
	for (int i = 0; i < 100; i++)
		put_start(fx, &a, CARD, i, "x", &push);
	assert_int_equal(store_pending(fx->store), 101);
	unblock();
	fx_wait(fx);
	assert_int_equal(a.calls, 100);
	assert_int_equal(counter_get(COUNTER_STORE_COMMITS) - commits, 1);
	assert_int_equal(counter_get(COUNTER_STORE_JOBS) - jobs, 101);

	commits = counter_get(COUNTER_STORE_COMMITS); /* what only reads commits nothing */
	rows(fx, false);
	totals(fx);
	assert_int_equal(counter_get(COUNTER_STORE_COMMITS), commits);
}

static void bad_job_fails_alone(void **state)
{
	static const struct store_verb bad = { "bad", bad_run, store_finish_done, true };
	struct fixture *fx = *state;
	struct answer answers[7] = { 0 };
	uint64_t errors = counter_get(COUNTER_STORE_ERRORS);

	block(fx);
	for (int i = 0; i < 7; i++) {
		if (i != 3) {
			put_start(fx, &answers[i], CARD, i, "x", &push);
			continue;
		}
		struct store_job *job = store_job_new(fx->store, sizeof(*job), &bad);
		job->callback.done = got_done;
		job->arg = &answers[i];
		store_job_submit(job);
	}
	unblock();
	fx_wait(fx);
	for (int i = 0; i < 7; i++) {
		assert_int_equal(answers[i].calls, 1);
		assert_int_equal(answers[i].err, i == 3 ? -EINVAL : 0);
		assert_false(answers[i].same_entry); /* the first run left nothing */
	}
	assert_int_equal(rows(fx, false).count, 6);
	assert_int_equal(totals(fx).totals.sets_open, 0);
	assert_int_equal(counter_get(COUNTER_STORE_ERRORS) - errors, 1);
	assert_int_equal(store_health(fx->store), 0);
}

static void full_disk(void **state)
{
	struct fixture *fx = *state;
	static char big[100001];

	memset(big, 'x', sizeof(big) - 1);
	put(fx, 1, "before");
	atomic_store(&faults.page_limit, 1); /* SQLite takes it as: no page more than it has */
	struct answer a = put_to(fx, CARD, 2, big, &push);
	assert_int_equal(a.err, -ENOSPC);
	assert_int_equal(store_health(fx->store), -ENOSPC);
	assert_int_equal(rows(fx, false).count, 1);
	assert_int_equal(store_health(fx->store), -ENOSPC); /* reading proves nothing */
	assert_int_equal(put_to(fx, CARD, 2, big, &push).err, -ENOSPC);

	atomic_store(&faults.page_limit, 1000000);
	a = put_to(fx, CARD, 2, big, &push);
	assert_int_equal(a.err, 0);
	assert_false(a.same_entry);
	assert_int_equal(store_health(fx->store), 0);
	assert_int_equal(rows(fx, false).count, 2);
}

static int nop_run(struct store_job *job)
{
	(void)job;
	return 0;
}

static void queue_overflow(void **state)
{
	static const struct store_verb nop = { "nop", nop_run, store_finish_done, false };
	struct fixture *fx = *state;
	struct answer a = { 0 }, refused = { 0 };
	uint64_t before = counter_get(COUNTER_STORE_REFUSED);

	block(fx);
	for (int i = 1; i < STORE_QUEUE_MAX; i++) {
		struct store_job *job = store_job_new(fx->store, sizeof(*job), &nop);
		job->callback.done = got_done;
		job->arg = &a;
		store_job_submit(job);
	}
	put_start(fx, &refused, CARD, 1, "one too many", &push);
	assert_int_equal(refused.calls, 0); /* not from within the call */
	loop_turn(fx->loop, 50);
	assert_int_equal(refused.calls, 1);
	assert_int_equal(refused.err, -EOVERFLOW);
	assert_int_equal(counter_get(COUNTER_STORE_REFUSED) - before, 1);
	unblock();
	fx_wait(fx);
	assert_int_equal(a.calls, STORE_QUEUE_MAX - 1);
	assert_int_equal(a.err, 0);
	assert_int_equal(put_to(fx, CARD, 1, "now", &push).err, 0);
}

static void close_commits_what_waits(void **state)
{
	struct fixture *fx = *state;
	struct answer a = { 0 };

	block(fx);
	for (int i = 0; i < 1200; i++)
		put_start(fx, &a, CARD, i, "x", &push);
	unblock();
	fx_reopen(fx);
	loop_turn(fx->loop, 0);
	assert_int_equal(a.calls, 0);
	assert_int_equal(totals(fx).totals.messages, 1200);
}

/* ---- opening -------------------------------------------------------------------------------- */

static int open_again(struct fixture *fx, struct store **out)
{
	const struct store_config config = { fx->path, "host-b", fx->loop };
	return store_open(&config, out, fx->why, sizeof(fx->why));
}

static void second_open_is_refused(void **state)
{
	struct fixture *fx = *state;
	struct store *other = NULL;

	assert_int_equal(open_again(fx, &other), -EBUSY);
	assert_null(other);
	assert_non_null(strstr(fx->why, fx->path));
	assert_non_null(strstr(fx->why, "another simgated"));
	assert_int_equal(put_to(fx, CARD, 1, "unharmed", &push).err, 0);
	fx_close(fx);
	assert_int_equal(open_again(fx, &other), 0);
	store_close(other);
	store_close(NULL);
}

static void newer_schema_is_refused(void **state)
{
	struct fixture *fx = *state;
	const struct backend_config config = { fx->path, store_stmts, STMT_COUNT };
	struct backend_conn *conn;

	fx_close(fx);
	assert_int_equal(store_sqlite.open(&config, &conn, fx->why, sizeof(fx->why)), 0);
	assert_int_equal(store_sqlite.script(conn, "UPDATE meta SET value = 99"), 0);
	store_sqlite.close(conn);
	assert_int_equal(fx_open(fx), -EPROTONOSUPPORT);
	assert_non_null(strstr(fx->why, "version 99"));
	assert_non_null(strstr(fx->why, "knows 1"));
}

static void overwrite(const char *path, long offset, size_t len)
{
	FILE *file = fopen(path, "r+");
	assert_non_null(file);
	assert_int_equal(fseek(file, offset, SEEK_SET), 0);
	for (size_t i = 0; i < len; i++)
		fputc('#', file);
	assert_int_equal(fclose(file), 0);
}

static void damaged_file_is_refused(void **state)
{
	static const long offsets[] = { 0, 4096 * 5, 4096 * 12 };
	struct fixture *fx = *state;

	for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		fx_close(fx);
		overwrite(fx->path, offsets[i], 4096);
		assert_int_equal(fx_open(fx), -EUCLEAN);
		assert_non_null(strstr(fx->why, fx->path));
		assert_non_null(strstr(fx->why, "restore"));
		assert_non_null(strstr(fx->why, "SIMs"));
		fx_remove(fx);
		assert_int_equal(fx_open(fx), 0);
	}
	fx_close(fx);
	fx_remove(fx);
	assert_int_equal(rmdir(fx->dir), 0);
	assert_int_equal(fx_open(fx), -ENOENT);
	assert_int_equal(mkdir(fx->dir, 0700), 0);
}

static void only_the_owner_may_read(void **state)
{
	static const char *const ends[] = { "", "-wal", ".lock" };
	struct fixture *fx = *state;
	char name[96];
	struct stat st;

	fx_close(fx);
	assert_int_equal(chmod(fx->path, 0644), 0);
	mode_t mask = umask(0);
	assert_int_equal(fx_open(fx), 0);
	put(fx, 1, "secret");
	umask(mask);
	for (size_t i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "%s%s", fx->path, ends[i]);
		assert_int_equal(stat(name, &st), 0);
		assert_int_equal(st.st_mode & 0777, 0600);
	}
}

/* ---- the Nth step fails --------------------------------------------------------------------- */

/* Calls until it succeeds, as the modem wing does at its next listing: what failed must not have
 * left anything that makes the second call differ. */
#define PERSIST(var, call)                                                                         \
	do {                                                                                       \
		var = (call);                                                                      \
		if (var.err)                                                                       \
			var = (call);                                                              \
		assert_int_equal(var.err, 0);                                                      \
	} while (0)

static void scenario(struct fixture *fx, char *out, size_t size)
{
	struct answer a, whole;
	char id[STORE_ID_SIZE];

	PERSIST(a, put_to(fx, CARD, 1, "first", &push));
	assert_false(a.same_entry);
	PERSIST(a, seen(fx, "p01", CARD, PHONE));
	assert_int_equal(a.count, 1);
	PERSIST(a, put_part(fx, 7, 2, 2, 2, "P2"));
	assert_false(a.same_entry || a.same_part);
	PERSIST(whole, put_part(fx, 7, 2, 1, 3, "P1"));
	assert_string_equal(whole.parts, "P1,P2,");
	PERSIST(a, join(fx, whole.set_id, "joined"));
	assert_false(a.same_entry);
	PERSIST(a, put_claim(fx, CARD2, 1, "numberless"));
	PERSIST(a, claim(fx, 10));
	assert_string_equal(a.claimed_texts, "first,");
	copy(id, sizeof(id), a.message_id);
	PERSIST(a, outcome(fx, id, STORE_DELIVERED, 0));
	assert_string_equal(a.claimed_texts, "joined,");
	copy(id, sizeof(id), a.message_id);
	PERSIST(a, outcome(fx, id, STORE_QUEUED, fx_now(fx) + 1000));
	PERSIST(a, deleted(fx, 1, "first"));
	PERSIST(a, put_claim(fx, CARD, 1, "first"));
	assert_false(a.same_entry);
	PERSIST(a, rows(fx, false));
	copy(out, size, a.rows);
	PERSIST(a, totals(fx));
	snprintf(out + strlen(out), size - strlen(out), "%" PRId64 " %" PRId64 " %" PRId64,
		a.totals.messages, a.totals.parts_pending, a.totals.sets_open);
}

/* The same without waiting in between: one batch, run again job by job when a step fails. */
static void burst(struct fixture *fx, char *out, size_t size)
{
	struct answer answers[6] = { 0 };
	static const char *const texts[] = { "a", "b", "c", "d", "e", "f" };

	block(fx);
	for (int i = 0; i < 6; i++)
		put_start(fx, &answers[i], CARD, i, texts[i], &push);
	unblock();
	fx_wait(fx);
	for (int i = 0; i < 6; i++) {
		assert_int_equal(answers[i].calls, 1);
		assert_int_equal(answers[i].err, 0);
		assert_false(answers[i].same_entry);
	}
	copy(out, size, rows(fx, false).rows);
}

static int steps_of(
	struct fixture *fx, void (*play)(struct fixture *, char *, size_t), int fail_at, char *out)
{
	fx_close(fx);
	fx_remove(fx);
	assert_int_equal(fx_open(fx), 0);
	atomic_store(&faults.steps, 0);
	atomic_store(&faults.fired, 0);
	atomic_store(&faults.fail_at, fail_at);
	play(fx, out, 4096);
	atomic_store(&faults.fail_at, 0);
	return atomic_load(&faults.steps);
}

static void every_step_fails_once(void **state)
{
	struct fixture *fx = *state;
	char want[4096], have[4096];

	int steps = steps_of(fx, scenario, 0, want);
	assert_non_null(strstr(want, "joined " PHONE " push queued timeout,"));
	for (int n = 1; n <= steps; n++) {
		for (int kind = FAULT_BEFORE; kind <= FAULT_AFTER; kind++) {
			atomic_store(&faults.kind, kind);
			steps_of(fx, scenario, n, have);
			assert_int_equal(atomic_load(&faults.fired), 1);
			assert_string_equal(have, want);
		}
	}
}

static void every_step_of_a_batch_fails_once(void **state)
{
	struct fixture *fx = *state;
	char want[4096], have[4096];

	steps_of(fx, burst, 0, want);
	/* 1: begin of the blocking job, 2: its commit; then the batch: 1 + 6 * 3 + 1 */
	for (int n = 3; n <= 22; n++) {
		for (int kind = FAULT_BEFORE; kind <= FAULT_AFTER; kind++) {
			atomic_store(&faults.kind, kind);
			steps_of(fx, burst, n, have);
			assert_int_equal(atomic_load(&faults.fired), 1);
			assert_string_equal(have, want);
		}
	}
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, fx_setup, fx_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(same_entry_until_deleted),
		T(full_listing_ends_entries),
		T(parts_in_any_order),
		T(interleaved_sets),
		T(duplicate_part),
		T(join_once_and_reference_again),
		T(join_after_a_crash),
		T(what_makes_no_sense_is_refused),
		T(number_learnt_later_frees),
		T(numbers_file),
		T(last_card_of_a_module),
		T(roster_and_ports),
		T(order_of_a_card),
		T(claim_limit_and_order),
		T(leases_end),
		T(freed_text_waits_for_the_one_in_flight),
		T(numbers_accepted),
		T(retry_and_drop),
		T(messages_and_totals),
		T(ids_grow),
		T(group_commit),
		T(bad_job_fails_alone),
		T(full_disk),
		T(queue_overflow),
		T(close_commits_what_waits),
		T(second_open_is_refused),
		T(newer_schema_is_refused),
		T(damaged_file_is_refused),
		T(only_the_owner_may_read),
		T(every_step_fails_once),
		T(every_step_of_a_batch_fails_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
