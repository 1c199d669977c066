/* test_store_sets.c - long texts in the store: sets of parts, gaps, late parts, limits; and what is
 * undecodable. */
#include "store_fixture.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- parts ---------------------------------------------------------------------------------- */

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

/* A reference comes round again: what is left of a text long ago is no part of a new one. */
static void old_parts_are_not_mixed_in(void **state)
{
	struct fixture *fx = *state;

	put_part(fx, 9, 2, 1, 1, "A1");
	loop_advance(fx->loop, 6 * DAY_MS);
	assert_string_equal(put_part(fx, 9, 2, 2, 2, "A2").parts, "A1,A2,");

	put_part(fx, 7, 2, 1, 3, "B1");
	loop_advance(fx->loop, 8 * DAY_MS);
	assert_string_equal(put_part(fx, 7, 2, 2, 4, "C2").set_id, "");
	assert_string_equal(put_part(fx, 7, 2, 1, 5, "C1").parts, "C1,C2,");
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

/* ---- sets that wait no longer --------------------------------------------------------------- */

/* What store_sets_due() told: "set:parts of total" each; "set=message" for a repetition. */
struct due {
	int calls;
	char text[4096];
	char set_id[STORE_ID_SIZE]; /* the last one */
};

static void got_due(void *arg, int err, const struct store_sms_result *set)
{
	struct due *due = arg;
	size_t len = strlen(due->text);

	assert_int_equal(err, 0);
	due->calls++;
	if (!set)
		return;
	snprintf(due->set_id, sizeof due->set_id, "%s", set->set_id);
	for (size_t i = 0; i < set->part_count; i++)
		len += (size_t)snprintf(due->text + len, sizeof due->text - len, "%d:%s ",
			set->parts[i].seq, set->parts[i].raw);
	snprintf(due->text + len, sizeof due->text - len, "of %d%s,", set->part_total,
		set->same_entry ? " again" : "");
}

static struct due due(struct fixture *fx, int64_t before_ms)
{
	struct due due = { 0 };

	store_sets_due(fx->store, before_ms, got_due, &due);
	fx_wait(fx);
	return due;
}

static void gap_goes_out_once(void **state)
{
	struct fixture *fx = *state;

	put_part(fx, 9, 3, 3, 1, "A3");
	loop_advance(fx->loop, 1000);
	put_part(fx, 9, 3, 1, 2, "A1");
	assert_string_equal(due(fx, T0).text, "");
	struct due old = due(fx, T0 + 1);
	assert_string_equal(old.text, "1:A1 3:A3 of 3,");
	assert_int_equal(old.calls, 2);
	assert_false(join(fx, old.set_id, "a[...]c").same_entry);
	assert_string_equal(due(fx, T0 + 1).text, "");
	assert_int_equal(totals(fx).totals.sets_open, 0);
	assert_string_equal(rows(fx, false).rows, "a[...]c  push held no_number,");
}

/* The missing part comes between the look and the join: the text that was made lacks it. */
static void part_that_comes_in_between_is_not_lost(void **state)
{
	struct fixture *fx = *state;

	put_part(fx, 9, 3, 1, 1, "A1");
	put_part(fx, 9, 3, 2, 2, "A2");
	struct due old = due(fx, T0 + 1);
	struct answer whole = put_part(fx, 9, 3, 3, 3, "A3");
	assert_string_equal(whole.parts, "A1,A2,A3,");
	assert_true(join(fx, old.set_id, "ab[...]").same_entry); /* made of two */
	assert_int_equal(rows(fx, false).count, 0);
	assert_int_equal(totals(fx).totals.sets_open, 1);
}

static void late_part_goes_out_alone(void **state)
{
	struct fixture *fx = *state;

	put_part(fx, 9, 3, 1, 1, "A1");
	put_part(fx, 9, 3, 2, 2, "A2");
	join(fx, due(fx, T0 + 1).set_id, "ab[...]");
	loop_advance(fx->loop, DAY_MS - 1000);

	struct answer late = put_part(fx, 9, 3, 3, 3, "A3");
	assert_true(late.late);
	assert_int_equal(strlen(late.message_id), 36);
	assert_string_equal(late.set_id, "");
	assert_string_equal(
		rows(fx, false).rows, "part 3  push held no_number,ab[...]  push held no_number,");
	assert_true(put_part(fx, 9, 3, 3, 3, "A3").same_entry);

	/* any other part with that reference begins a new text */
	assert_false(put_part(fx, 9, 3, 1, 4, "B1").late);
	assert_false(put_part(fx, 9, 3, 3, 5, "B3").late);
	assert_string_equal(put_part(fx, 9, 3, 2, 6, "B2").parts, "B1,B2,B3,");
}

static void part_that_comes_too_late_begins_anew(void **state)
{
	struct fixture *fx = *state;

	put_part(fx, 9, 2, 1, 1, "A1");
	join_of(fx, due(fx, T0 + 1).set_id, "a[...]", 1);
	loop_advance(fx->loop, DAY_MS + 1000);
	assert_false(put_part(fx, 9, 2, 2, 2, "A2").late);
	assert_int_equal(totals(fx).totals.sets_open, 1);
	fx_reopen(fx);
	assert_string_equal(due(fx, fx_now(fx) + 1).text, "2:A2 of 2,");
}

/* The network sends a part again after the text was joined: that is no text of its own. */
static void repetition_is_no_text(void **state)
{
	struct fixture *fx = *state;

	put_part(fx, 9, 2, 1, 1, "A1");
	struct answer whole = put_part(fx, 9, 2, 2, 2, "A2");
	struct answer text = join(fx, whole.set_id, "joined");
	deleted(fx, 1, "A1");
	deleted(fx, 2, "A2");
	put_part(fx, 9, 2, 2, 1, "A2");
	put_part(fx, 8, 2, 2, 2, "A2"); /* of another reference: a text */
	struct due old = due(fx, T0 + 1);
	assert_string_equal(old.text, "2:A2 of 2 again,2:A2 of 2,");
	assert_int_equal(totals(fx).totals.sets_open, 1);

	/* the entry tells of which text it is */
	assert_string_equal(put_part(fx, 9, 2, 2, 1, "A2").message_id, text.message_id);
}

static void limit_of_a_card(void **state)
{
	struct fixture *fx = *state;
	char raw[16];

	for (int i = 0; i < STORE_SETS_CARD_MAX; i++) {
		snprintf(raw, sizeof raw, "P%d", i);
		assert_false(put_part(fx, i, 2, 1, i, raw).crowded);
	}
	assert_string_equal(due(fx, 0).text, "");
	assert_true(put_part(fx, 100, 2, 1, 100, "Q").crowded);
	assert_false(put_part(fx, 100, 2, 1, 101, "Q").crowded); /* opens none */
	struct due old = due(fx, 0);
	assert_string_equal(old.text, "1:P0 of 2,");
	join_of(fx, old.set_id, "p[...]", 1);
	assert_string_equal(due(fx, 0).text, "");
}

static void due_comes_in_pages(void **state)
{
	struct fixture *fx = *state;
	char raw[16];

	for (int i = 0; i < STORE_PAGE_MAX + 3; i++) {
		snprintf(raw, sizeof raw, "P%d", i);
		put_part(fx, i, 2, 1, i, raw);
	}
	assert_int_equal(due(fx, T0 + 1).calls, STORE_PAGE_MAX + 1);
}

/* ---- undecodable ---------------------------------------------------------------------------- */

struct raws {
	int calls;
	size_t count;
	char text[512], first[STORE_ID_SIZE], last[STORE_ID_SIZE];
};

static void got_raws(void *arg, int err, const struct store_raw *rows, size_t count)
{
	struct raws *raws = arg;
	size_t len = 0;

	assert_int_equal(err, 0);
	raws->calls++;
	raws->count = count;
	for (size_t i = 0; i < count && len < sizeof raws->text; i++)
		len += (size_t)snprintf(raws->text + len, sizeof raws->text - len,
			"%s %s/%s %s %d %d %s,", rows[i].raw, rows[i].bank, rows[i].slot,
			rows[i].memory, rows[i].index, rows[i].tpdu_len, rows[i].reason);
	if (count == 0)
		return;
	copy(raws->first, sizeof raws->first, rows[0].pdu_id);
	copy(raws->last, sizeof raws->last, rows[count - 1].pdu_id);
}

static struct raws raws(struct fixture *fx, const char *id, const char *after)
{
	struct raws raws = { 0 };

	store_undecodable(fx->store, id, after, got_raws, &raws);
	fx_wait(fx);
	assert_int_equal(raws.calls, 1);
	return raws;
}

static struct answer decoded(struct fixture *fx, const char *pdu_id, const struct store_part *part)
{
	const struct store_message message = { CARD, "north", "p01", "+46701", "read now", 0, T0,
		1 };
	const struct store_sms sms = { .pdu_id = pdu_id,
		.raw = "X",
		.arrived_ms = T0,
		.message = &message,
		.part = part,
		.routes = &push,
		.route_count = 1 };
	struct answer a = { 0 };

	store_sms_put(fx->store, &sms, got_sms, &a);
	return finish(fx, &a);
}

static void undecodable_is_read_again(void **state)
{
	struct fixture *fx = *state;
	const struct store_part part = { CARD, "+46701", 145, 9, 8, 2, 2, 0, 0 };

	put_undecodable(fx, 1, "X");
	put_undecodable(fx, 2, "Y");
	put_undecodable(fx, 3, "Z");
	put_part(fx, 9, 2, 1, 4, "A1");
	struct raws all = raws(fx, NULL, "");
	assert_string_equal(all.text,
		"X north/p01 SM 1 -1 odd length,Y north/p01 SM 2 -1 odd length,"
		"Z north/p01 SM 3 -1 odd length,");
	assert_int_equal(raws(fx, NULL, all.first).count, 2);
	assert_int_equal(raws(fx, all.last, "").count, 1);

	struct answer text = decoded(fx, all.first, NULL);
	assert_false(text.same_entry);
	assert_int_equal(strlen(text.message_id), 36);
	assert_true(decoded(fx, all.first, NULL).same_entry); /* once */
	assert_string_equal(decoded(fx, all.last, &part).parts, "A1,Z,");
	assert_string_equal(raws(fx, NULL, "").text, "Y north/p01 SM 2 -1 odd length,");
	assert_int_equal(totals(fx).totals.undecodable, 1);

	/* the entry is still on the card: it is the text that it became */
	assert_string_equal(put_undecodable(fx, 1, "X").message_id, text.message_id);

	struct answer a = { 0 };
	store_outbox_drop(fx->store, raws(fx, NULL, "").first, T0, got_count, &a);
	assert_int_equal(finish(fx, &a).count, 1);
	assert_int_equal(totals(fx).totals.undecodable, 0);
}

static void undecodable_comes_in_pages(void **state)
{
	struct fixture *fx = *state;
	size_t seen = 0;
	struct raws page = { 0 };

	for (int i = 0; i < STORE_PAGE_MAX + 5; i++)
		put_undecodable(fx, i, "X");
	do {
		page = raws(fx, NULL, page.last);
		seen += page.count;
	} while (page.count == STORE_PAGE_MAX);
	assert_int_equal(seen, STORE_PAGE_MAX + 5);
}

/* ---- older files ---------------------------------------------------------------------------- */

/* A store as the first version left it: without the columns and the index that came later. */
static void first_version_is_upgraded(void **state)
{
	struct fixture *fx = *state;

	put_undecodable(fx, 1, "X");
	put_part(fx, 9, 2, 1, 2, "A1");
	fx_down_to(fx, 1);
	assert_string_equal(raws(fx, NULL, "").text, "X north/p01 SM 1 -1 odd length,");
	assert_string_equal(put_part(fx, 9, 2, 2, 3, "A2").parts, "A1,A2,");
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, fx_setup, fx_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(parts_in_any_order),
		T(interleaved_sets),
		T(old_parts_are_not_mixed_in),
		T(duplicate_part),
		T(join_once_and_reference_again),
		T(join_after_a_crash),
		T(gap_goes_out_once),
		T(part_that_comes_in_between_is_not_lost),
		T(late_part_goes_out_alone),
		T(part_that_comes_too_late_begins_anew),
		T(repetition_is_no_text),
		T(limit_of_a_card),
		T(due_comes_in_pages),
		T(undecodable_is_read_again),
		T(undecodable_comes_in_pages),
		T(first_version_is_upgraded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
