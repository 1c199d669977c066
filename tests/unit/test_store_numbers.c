/* test_store_numbers.c - whose word counts for a card's number, conflicts, what is set by hand, the
 * list of all. */
#include "store_fixture.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define A "+46700000011"
#define B "+46700000022"
#define C "+46700000033"
#define D "+46700000044"

static struct answer load(struct fixture *fx, const struct store_number *numbers, size_t count)
{
	struct answer a = { 0 };
	store_numbers_load(fx->store, numbers, count, got_count, &a);
	return finish(fx, &a);
}

/* ---- verbs that wait ------------------------------------------------------------------------ */

/* "set A", "sim B, other ussd C", "conflict set A file B", "unknown"; then " freed N". */
struct told {
	int calls, err;
	char text[256], sim[32];
};

static const char *const source_names[STORE_SOURCES] = { "unknown", "ussd", "sim", "file", "set" };

static void got_told(void *arg, int err, const struct store_card *card)
{
	struct told *told = arg;
	size_t len = 0, size = sizeof told->text;

	told->calls++;
	told->err = err;
	if (err)
		return;
	copy(told->sim, sizeof told->sim, card->sim_number);
	assert_true(!*card->number == (card->source == STORE_NUMBER_UNKNOWN));
	assert_true(!*card->other == (card->other_source == STORE_NUMBER_UNKNOWN));
	if (card->conflict)
		len += (size_t)snprintf(told->text, size, "conflict %s %s %s %s",
			source_names[card->rival_sources[0]], card->rivals[0],
			source_names[card->rival_sources[1]], card->rivals[1]);
	else
		len += (size_t)snprintf(told->text, size, "%s%s%s", source_names[card->source],
			*card->number ? " " : "", card->number);
	assert_true(card->conflict || !*card->rivals[0]);
	assert_true(card->conflict || !*card->rivals[1]);
	if (*card->other)
		len += (size_t)snprintf(told->text + len, size - len, ", other %s %s",
			source_names[card->other_source], card->other);
	if (card->freed)
		snprintf(told->text + len, size - len, " freed %" PRId64, card->freed);
}

static struct told told(struct fixture *fx, const char *card, const char *sim, const char *ussd)
{
	const struct store_card_seen what = { .bank = "north",
		.slot = "p01",
		.imei = "490154203237518",
		.card_id = card,
		.iccid = card,
		.imsi = "",
		.sim_number = sim,
		.ussd_number = ussd,
		.now_ms = fx_now(fx) };
	struct told result = { 0 };

	store_card_seen(fx->store, &what, got_told, &result);
	fx_wait(fx);
	assert_int_equal(result.calls, 1);
	assert_int_equal(result.err, 0);
	return result;
}

#define assert_told(card, sim, ussd, want) assert_string_equal(told(fx, card, sim, ussd).text, want)

/* "known set A freed N", "new conflict" */
struct changed {
	int calls, err;
	char text[128];
};

static void got_changed(void *arg, int err, const struct store_number_change *change)
{
	struct changed *changed = arg;

	changed->calls++;
	changed->err = err;
	if (!err)
		snprintf(changed->text, sizeof changed->text, "%s %s%s%s freed %" PRId64,
			change->known ? "known" : "new",
			change->conflict ? "conflict" : source_names[change->source],
			*change->number ? " " : "", change->number, change->freed);
}

static struct changed set(struct fixture *fx, const char *card, const char *number)
{
	struct changed result = { 0 };

	store_number_set(fx->store, card, number, fx_now(fx), got_changed, &result);
	fx_wait(fx);
	assert_int_equal(result.calls, 1);
	return result;
}

static struct changed forget(struct fixture *fx, const char *card)
{
	struct changed result = { 0 };

	store_number_forget(fx->store, card, fx_now(fx), got_changed, &result);
	fx_wait(fx);
	assert_int_equal(result.calls, 1);
	return result;
}

/* "north/p01 ICCID set A|", other and conflict as above; the last rows only where there are many.
 */
struct list {
	int calls, err;
	size_t count;
	bool more;
	char text[2048];
};

static void got_list(
	void *arg, int err, const struct store_number_row *rows, size_t count, bool more)
{
	struct list *list = arg;
	size_t len = 0, size = sizeof list->text;

	list->calls++;
	list->err = err;
	list->count = count;
	list->more = more;
	for (size_t i = 0; i < count && count < 32 && len < size; i++) {
		const struct store_number_row *row = &rows[i];
		len += (size_t)snprintf(list->text + len, size - len,
			"%s/%s %.4s %s%s%s%s%s%s%s%s%s|", row->bank, row->slot,
			*row->file.iccid ? row->file.iccid + 15 : row->card_id,
			row->conflict ? "conflict" : source_names[row->source],
			*row->number ? " " : "", row->number, *row->other ? ", other " : "",
			*row->other ? source_names[row->other_source] : "", *row->other ? " " : "",
			row->other, *row->file.label ? " " : "", row->file.label);
	}
}

static struct list list(struct fixture *fx)
{
	struct list result = { 0 };

	store_numbers(fx->store, got_list, &result);
	fx_wait(fx);
	assert_int_equal(result.calls, 1);
	assert_int_equal(result.err, 0);
	return result;
}

#define assert_list(want) assert_string_equal(list(fx).text, want)

/* ---- whose word counts ---------------------------------------------------------------------- */

struct word {
	const char *set, *file, *sim, *ussd;
	const char *want;
};

/* Each source says nothing, a number of its own, or what another one says. */
static const struct word words[] = {
	{ "", "", "", "", "unknown" },
	{ "", "", "", D, "ussd " D },
	{ "", "", C, "", "sim " C },
	{ "", "", C, D, "conflict sim " C " ussd " D },
	{ "", "", C, C, "sim " C },
	{ "", B, "", "", "file " B },
	{ "", B, "", D, "file " B ", other ussd " D },
	{ "", B, C, "", "file " B ", other sim " C },
	{ "", B, C, D, "file " B ", other sim " C },
	{ "", B, B, D, "file " B ", other ussd " D },
	{ "", B, C, B, "file " B ", other sim " C },
	{ "", B, C, C, "file " B ", other sim " C },
	{ "", B, B, B, "file " B },
	{ A, "", "", "", "set " A },
	{ A, "", "", D, "set " A ", other ussd " D },
	{ A, "", C, "", "set " A ", other sim " C },
	{ A, "", C, D, "set " A ", other sim " C },
	{ A, "", A, D, "set " A ", other ussd " D },
	{ A, "", C, A, "set " A ", other sim " C },
	{ A, "", A, A, "set " A },
	{ A, B, "", "", "conflict set " A " file " B },
	{ A, B, "", D, "conflict set " A " file " B },
	{ A, B, C, "", "conflict set " A " file " B },
	{ A, B, C, D, "conflict set " A " file " B },
	{ A, B, A, A, "conflict set " A " file " B },
	{ A, A, "", "", "set " A },
	{ A, A, "", D, "set " A ", other ussd " D },
	{ A, A, C, "", "set " A ", other sim " C },
	{ A, A, C, D, "set " A ", other sim " C },
	{ A, A, A, D, "set " A ", other ussd " D },
	{ A, A, A, A, "set " A },
};

enum { WORDS = sizeof words / sizeof *words };

static void got_word_row(
	void *arg, int err, const struct store_number_row *rows, size_t count, bool more)
{
	assert_int_equal(err, 0);
	assert_int_equal(count, WORDS);
	assert_false(more);
	*(int *)arg += 1;
	for (size_t i = 0; i < count; i++) {
		const struct word *word = &words[i];
		char text[128];
		if (rows[i].conflict)
			snprintf(text, sizeof text, "conflict");
		else
			snprintf(text, sizeof text, "%s%s%s%s%s%s%s", source_names[rows[i].source],
				*rows[i].number ? " " : "", rows[i].number,
				*rows[i].other ? ", other " : "",
				*rows[i].other ? source_names[rows[i].other_source] : "",
				*rows[i].other ? " " : "", rows[i].other);
		if (rows[i].conflict)
			assert_memory_equal(text, word->want, strlen(text));
		else
			assert_string_equal(text, word->want);
		assert_string_equal(rows[i].set, word->set);
		assert_string_equal(rows[i].file.number, word->file);
		assert_string_equal(rows[i].sim, word->sim);
		assert_string_equal(rows[i].ussd, word->ussd);
		assert_string_equal(rows[i].bank, "");
	}
}

static void whose_word_counts(void **state)
{
	struct fixture *fx = *state;
	struct store_number file[WORDS];
	char cards[WORDS][24];
	size_t count = 0;
	int calls = 0;

	for (size_t i = 0; i < WORDS; i++) {
		snprintf(cards[i], sizeof cards[i], "89460000000001%05zu", i);
		told(fx, cards[i], words[i].sim, words[i].ussd);
		if (*words[i].set)
			assert_int_equal(set(fx, cards[i], words[i].set).err, 0);
		if (*words[i].file)
			file[count++] = (struct store_number) {
				.iccid = cards[i], .number = words[i].file, .label = "", .rent = -1
			};
	}
	load(fx, file, count);
	for (size_t i = 0; i < WORDS; i++) {
		struct told word = told(fx, cards[i], "", ""); /* "" keeps what is known */
		assert_string_equal(word.text, words[i].want);
		assert_string_equal(word.sim, words[i].sim);
		/* what the text is given at its arrival is the same */
		put_to(fx, cards[i], 1, cards[i], &push);
		bool unknown = !strncmp(words[i].want, "unknown", 7) ||
			       !strncmp(words[i].want, "conflict", 8);
		assert_int_equal(strstr(rows(fx, true).rows, "no_number") != NULL, unknown);
		fx_script(fx, "DELETE FROM delivery; DELETE FROM message");
	}
	store_numbers(fx->store, got_word_row, &calls);
	fx_wait(fx);
	assert_int_equal(calls, 1);
}

/* ---- numbers that become known -------------------------------------------------------------- */

static void number_learnt_later_frees(void **state)
{
	struct fixture *fx = *state;
	const struct store_route held = { "other", STORE_HELD, "unattributed", false, 0, 0 };

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

static void numbers_file(void **state)
{
	struct fixture *fx = *state;
	const struct store_number both[] = {
		{ CARD, "+46700000099", "red", 24001, -1, 1600000000, 0, 0, 0, NULL, 0 },
		{ CARD2, "+46700000002", "blue", 0, 1, 0, 0, 0, 0, NULL, 0 },
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

static void conflict_of_what_is_declared(void **state)
{
	struct fixture *fx = *state;
	const struct store_number has_b = { CARD, B, "", 0, -1, 0, 0, 0, 0, NULL, 0 };
	const struct store_number has_a = { CARD, A, "", 0, -1, 0, 0, 0, 0, NULL, 0 };

	assert_told(CARD, A, "", "sim " A);
	port(fx, "p01", CARD, true);
	assert_int_equal(roster(fx).count, 1);
	load(fx, &has_b, 1);
	assert_told(CARD, "", "", "file " B ", other sim " A);
	assert_string_equal(set(fx, CARD, A).text, "known conflict freed 0");
	assert_int_equal(roster(fx).count, 0);
	put(fx, 1, "waits");
	assert_told(
		CARD, A, "", "conflict set " A " file " B); /* nor does seeing it free anything */
	assert_int_equal(load(fx, &has_b, 1).count, 0);
	assert_string_equal(rows(fx, true).rows, "waits  push held no_number,");
	struct answer a = { 0 };
	store_outbox_retry(fx->store, NULL, fx_now(fx), got_count, &a);
	assert_int_equal(finish(fx, &a).count, 0);

	/* the file gives way */
	assert_int_equal(load(fx, &has_a, 1).count, 1);
	assert_string_equal(rows(fx, true).rows, "waits " A " push queued,");
	assert_int_equal(roster(fx).count, 1);

	/* what was set gives way */
	load(fx, &has_b, 1);
	put(fx, 2, "again");
	assert_string_equal(set(fx, CARD, B).text, "known set " B " freed 1");
	assert_told(CARD, "", "", "set " B ", other sim " A);

	/* it is forgotten */
	set(fx, CARD, C);
	put(fx, 3, "third");
	assert_string_equal(forget(fx, CARD).text, "known file " B " freed 1");
	assert_string_equal(rows(fx, true).rows,
		"third " B " push queued,again " B " push queued,waits " A " push queued,");
}

static void conflict_of_what_is_discovered(void **state)
{
	struct fixture *fx = *state;

	assert_told(CARD, A, "", "sim " A);
	port(fx, "p01", CARD, true);
	assert_told(CARD, "", B, "conflict sim " A " ussd " B);
	assert_int_equal(roster(fx).count, 0);
	put(fx, 1, "waits");
	put_to(fx, CARD2, 1, "another card's", &push);
	assert_told(CARD, A, B, "conflict sim " A " ussd " B);
	assert_string_equal(set(fx, CARD, B).text, "known set " B " freed 1");
	assert_int_equal(roster(fx).count, 1);
	assert_told(CARD, "", "", "set " B ", other sim " A);

	/* both are forgotten, and the card tells anew */
	assert_string_equal(forget(fx, CARD).text, "known unknown freed 0");
	put(fx, 2, "later");
	assert_told(CARD, "", A, "ussd " A " freed 1");
	assert_told(CARD, B, "", "conflict sim " B " ussd " A);
	assert_told(CARD, A, "", "sim " A); /* the newest word of a source counts */
	assert_string_equal(rows(fx, true).rows,
		"later " A " push queued,another card's  push held no_number,"
		"waits " B " push queued,");
}

/* ---- by hand -------------------------------------------------------------------------------- */

static void card_never_seen(void **state)
{
	struct fixture *fx = *state;

	assert_string_equal(forget(fx, CARD).text, "new unknown freed 0");
	assert_int_equal(list(fx).count, 0);
	put(fx, 1, "waits");
	assert_string_equal(set(fx, CARD, A).text, "new set " A " freed 1");
	assert_string_equal(claim(fx, 1).claimed_number, A);
	assert_list("/ 0001 set " A "|");
	load(fx, NULL, 0); /* no word in the file is no reason to forget it */
	fx_reopen(fx);
	assert_list("/ 0001 set " A "|");
	assert_string_equal(set(fx, CARD, B).text, "known set " B " freed 0");
	assert_string_equal(forget(fx, CARD).text, "known unknown freed 0");
	assert_int_equal(list(fx).count, 0);
	assert_string_equal(forget(fx, CARD).text, "new unknown freed 0");
}

static void forget_keeps_what_is_needed(void **state)
{
	struct fixture *fx = *state;
	const struct store_number file = { CARD, B, "red", 24001, 1, 0, 0, 0, 0, NULL, 0 };

	load(fx, &file, 1);
	set(fx, CARD, A);
	assert_list("/ 0001 conflict red|");
	assert_string_equal(forget(fx, CARD).text, "known file " B " freed 0");
	assert_list("/ 0001 file " B " red|");
	load(fx, NULL, 0);
	assert_int_equal(list(fx).count, 0);

	/* a card in a slot stays on, with nothing known of its number */
	assert_told(CARD2, A, B, "conflict sim " A " ussd " B);
	port(fx, "p01", CARD2, false);
	assert_string_equal(forget(fx, CARD2).text, "known unknown freed 0");
	assert_list("north/p01 0002 unknown|");
	load(fx, NULL, 0);
	assert_list("north/p01 0002 unknown|");
	port(fx, "p01", "", false);
	assert_list("/ 0002 unknown|");
	forget(fx, CARD2);
	assert_int_equal(list(fx).count, 0);
}

static void what_makes_no_sense_is_refused(void **state)
{
	struct fixture *fx = *state;
	char big[STORE_CARD_SIZE + 1];

	memset(big, '8', sizeof big - 1);
	big[sizeof big - 1] = '\0';
	assert_int_equal(set(fx, big, A).err, -EINVAL);
	assert_int_equal(set(fx, "", A).err, -EINVAL);
	assert_int_equal(set(fx, CARD, "").err, -EINVAL);
	assert_int_equal(set(fx, CARD, "+46700000000000000000000").err, -EINVAL);
	assert_int_equal(forget(fx, big).err, -EINVAL);
	assert_int_equal(forget(fx, "").err, -EINVAL);
	assert_int_equal(list(fx).count, 0);
}

/* Whatever step fails, nothing of it is there, and the second call does what the first should. */
static void every_step_fails_once(void **state)
{
	struct fixture *fx = *state;

	for (int n = 1;; n++) {
		fx_script(fx, "DELETE FROM delivery; DELETE FROM message; DELETE FROM card;"
			      "DELETE FROM pdu");
		put(fx, 1, "waits");
		atomic_store(&faults.kind, n % 2 ? FAULT_BEFORE : FAULT_AFTER);
		atomic_store(&faults.steps, 0);
		atomic_store(&faults.fired, 0);
		atomic_store(&faults.fail_at, (n + 1) / 2);
		struct changed first = set(fx, CARD, A);
		atomic_store(&faults.fail_at, 0);
		if (!atomic_load(&faults.fired)) {
			assert_true(n > 8);
			break;
		}
		assert_int_equal(first.err, -EIO);
		assert_int_equal(list(fx).count, 0);
		assert_string_equal(set(fx, CARD, A).text, "new set " A " freed 1");

		atomic_store(&faults.steps, 0);
		atomic_store(&faults.fail_at, (n + 1) / 2);
		first = forget(fx, CARD);
		atomic_store(&faults.fail_at, 0);
		if (!first.err)
			continue;
		assert_list("/ 0001 set " A "|");
		assert_string_equal(forget(fx, CARD).text, "known unknown freed 0");
	}
}

/* ---- the list of all ------------------------------------------------------------------------ */

static void port_of(struct fixture *fx, const char *bank, const char *slot, const char *card)
{
	const struct store_port what = { bank, slot, card, "ready", true, fx_now(fx) };
	struct answer a = { 0 };

	store_port_put(fx->store, &what, got_done, &a);
	assert_int_equal(finish(fx, &a).err, 0);
}

static void order_of_the_list(void **state)
{
	struct fixture *fx = *state;
	static const char *const cards[] = { "8946000000000000001", "8946000000000000002",
		"8946000000000000003", "8946000000000000004", "8946000000000000005", "imsi-24001" };
	const struct store_number file = { cards[1], B, "blå, \"x\"", 0, -1, 0, 0, 0, 0, NULL, 0 };

	for (size_t i = 0; i < 5; i++)
		told(fx, cards[i], i == 4 ? "" : A, "");
	const struct store_card_seen no_iccid = { "north", "p09", "", cards[5], "", cards[5] + 5,
		"", "", T0 };
	store_card_seen(fx->store, &no_iccid, NULL, NULL);
	load(fx, &file, 1);
	port_of(fx, "north", "p02", cards[0]);
	port_of(fx, "north", "p01", cards[3]);
	port_of(fx, "north", "p09", cards[5]);
	fx_close(fx);
	assert_int_equal(fx_open_as(fx, "host-b", &fx->store), 0);
	port_of(fx, "east", "p05", cards[2]);
	fx_reopen(fx);
	assert_list("east/p05 0003 sim " A "|north/p01 0004 sim " A "|north/p02 0001 sim " A
		    "|north/p09 imsi unknown|/ 0002 file " B ", other sim " A
		    " blå, \"x\"|/ 0005 unknown|");

	/* several slots claim it: the one online, else the newest, else any, but once */
	port(fx, "p03", cards[0], true);
	assert_string_equal(strstr(list(fx).text, "north/p0"),
		"north/p01 0004 sim " A "|north/p03 0001 sim " A "|north/p09 imsi unknown|/ 0002"
		" file " B ", other sim " A " blå, \"x\"|/ 0005 unknown|");
	port(fx, "p03", cards[0], false);
	loop_advance(fx->loop, 1000);
	port_of(fx, "north", "p02", cards[0]);
	port(fx, "p02", cards[0], false);
	assert_non_null(strstr(list(fx).text, "north/p02 0001"));
	port(fx, "p03", "", false);
	loop_advance(fx->loop, 1000);
	port(fx, "p02", "", false);
	port(fx, "p04", cards[0], false);
	port(fx, "p05", cards[0], false);
	assert_int_equal(list(fx).count, 6);
}

static void list_has_an_end(void **state)
{
	struct fixture *fx = *state;

	fx_script(fx, "INSERT INTO card (card_id, iccid) WITH RECURSIVE n (i) AS (SELECT 1 UNION"
		      " ALL SELECT i + 1 FROM n WHERE i < 65536) SELECT 'c' || i, 'c' || i FROM n;"
		      "INSERT INTO port (bank, slot, host, card_id, state, online, since_ms)"
		      " SELECT 'north', card_id, 'host-a', card_id, 'ready', 1, 1 FROM card"
		      " ORDER BY card_id LIMIT 4000");
	struct list all = list(fx);
	assert_int_equal(all.count, STORE_NUMBERS_MAX);
	assert_false(all.more);
	set(fx, CARD, A);
	all = list(fx);
	assert_int_equal(all.count, STORE_NUMBERS_MAX);
	assert_true(all.more);
}

/* ---- SIM banks ------------------------------------------------------------------------------ */

static size_t roster_count;

static void got_roster(void *arg, int err, const struct store_roster_row *rows, size_t count)
{
	(void)rows;
	roster_count = count;
	got_done(arg, err);
}

static struct store_sim_row rows_got[8];
static size_t rows_count;

static void got_rows(void *arg, int err, const struct store_sim_row *rows, size_t count)
{
	rows_count = count;
	for (size_t i = 0; i < count && i < 8; i++)
		rows_got[i] = rows[i];
	got_done(arg, err);
}

static void cards_in_rows_are_kept(void **state)
{
	struct fixture *fx = *state;
	struct store_sim_row row = { "north", CARD, 1, 8, 64, T0 };
	char big[STORE_NAME_SIZE + 1];
	struct answer a = { 0 };

	store_sim_row_put(fx->store, &row, got_done, &a);
	row.card_id = ""; /* the same place, later: it is empty */
	row.seen_ms = T0 + 1;
	store_sim_row_put(fx->store, &row, got_done, &a);
	row.bank = "south";
	store_sim_row_put(fx->store, &row, got_done, &a);
	fx_wait(fx);
	assert_int_equal(a.err, 0);
	fx_reopen(fx);
	memset(&a, 0, sizeof a);
	store_sim_rows(fx->store, "north", got_rows, &a);
	assert_int_equal(finish(fx, &a).err, 0);
	assert_int_equal(rows_count, 1);
	assert_int_equal(rows_got[0].line, 1);
	assert_int_equal(rows_got[0].column, 8);
	assert_int_equal(rows_got[0].row, 64);
	assert_int_equal(rows_got[0].seen_ms, T0 + 1);
	memset(&a, 0, sizeof a);
	memset(big, 'b', sizeof big - 1);
	big[sizeof big - 1] = '\0';
	row.bank = big;
	store_sim_row_put(fx->store, &row, got_done, &a);
	assert_int_equal(finish(fx, &a).err, -EINVAL);
}

/* 512 cards in 64 columns, all of them known with their numbers: 64 are in a radio. */
static void only_cards_in_a_radio_are_announced(void **state)
{
	struct fixture *fx = *state;
	struct answer a = { 0 };

	fx_script(fx,
		"INSERT INTO sim_row (bank, line_no, column_no, row_no, card_id, seen_ms)"
		" WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 511)"
		" SELECT 'north', i / 64 + 1, i / 8 % 8 + 1, i % 8 + 1,"
		" '89460000000000' || substr('' || (100000 + i), 2), 1 FROM n;"
		"INSERT INTO card (card_id, iccid, number_sim) SELECT card_id, card_id,"
		" '+4670' || substr(card_id, 15) FROM sim_row;");
	fx_script(fx, "INSERT INTO port (bank, slot, host, card_id, state, online, since_ms)"
		      " SELECT 'north', 'p' || substr('' || (100 + line_no * 8 + column_no), 2), "
		      "'host-a', card_id, 'ready', 0, 1"
		      " FROM sim_row WHERE row_no = (line_no + column_no) % 8 + 1");
	store_roster(fx->store, "push", 0, got_roster, &a);
	assert_int_equal(finish(fx, &a).err, 0);
	assert_int_equal(roster_count, 0);
	for (int i = 0; i < 64; i++) {
		char card[24], slot[8];
		int line = i / 8 + 1, col = i % 8 + 1;
		snprintf(card, sizeof card, "89460000000000%05d",
			(line - 1) * 64 + (col - 1) * 8 + (line + col) % 8);
		snprintf(slot, sizeof slot, "p%02d", line * 8 + col);
		port(fx, slot, card, true);
	}
	memset(&a, 0, sizeof a);
	store_roster(fx->store, "push", 0, got_roster, &a);
	assert_int_equal(finish(fx, &a).err, 0);
	assert_int_equal(roster_count, 64);
}

/* ---- older files ---------------------------------------------------------------------------- */

static void second_version_is_upgraded(void **state)
{
	struct fixture *fx = *state;
	const struct store_number file = { CARD2, B, "blue", 0, -1, 0, 0, 0, 0, NULL, 0 };
	struct answer a = { 0 };

	told(fx, CARD, A, "");
	port(fx, "p01", CARD, true);
	load(fx, &file, 1);
	put_to(fx, "8946000000000000003", 1, "waits", &push);
	fx_down_to(fx, 2);
	assert_list("north/p01 0001 sim " A "|/ 0002 file " B " blue|");
	assert_told(CARD, "", B, "conflict sim " A " ussd " B);
	store_pin_refused(fx->store, CARD, 1, T0, got_done, &a);
	assert_int_equal(finish(fx, &a).err, 0);
	assert_string_equal(set(fx, "8946000000000000003", C).text, "new set " C " freed 1");
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, fx_setup, fx_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(whose_word_counts),
		T(number_learnt_later_frees),
		T(numbers_file),
		T(conflict_of_what_is_declared),
		T(conflict_of_what_is_discovered),
		T(card_never_seen),
		T(forget_keeps_what_is_needed),
		T(what_makes_no_sense_is_refused),
		T(every_step_fails_once),
		T(order_of_the_list),
		T(list_has_an_end),
		T(cards_in_rows_are_kept),
		T(only_cards_in_a_radio_are_announced),
		T(second_version_is_upgraded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
