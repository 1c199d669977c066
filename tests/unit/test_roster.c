/* test_roster.c - the number list, against a platform on the loopback. */
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platform/bisect.h"
#include "platform/listing.h"
#include "platform_fixture.h"

#define LIST "sendNumbersOnline"

static struct roster_status status_of(const struct fixture *fx)
{
	struct roster_status status;

	roster_status(fx->roster, &status);
	return status;
}

static size_t lists(struct fixture *fx)
{
	return fx_calls(fx, LIST);
}

static cJSON *list_at(struct fixture *fx, size_t index)
{
	cJSON *root = cJSON_Parse(fx_call(fx, LIST, index)->body);

	assert_non_null(root);
	return root;
}

/* Entries in the list of call `index`; -1 if it was a test. */
static int numbers_in(struct fixture *fx, size_t index)
{
	cJSON *root = list_at(fx, index);
	cJSON *numbers = cJSON_GetObjectItem(root, "numbers");
	int count = cJSON_GetObjectItem(root, "test") ? -1 : cJSON_GetArraySize(numbers);

	assert_true(cJSON_IsArray(numbers));
	cJSON_Delete(root);
	return count;
}

static bool listed(struct fixture *fx, size_t index, const char *number)
{
	return strstr(fx_call(fx, LIST, index)->body, number);
}

static void open_with_cards(struct fixture *fx, int count)
{
	for (int i = 0; i < count; i++)
		fx_card(fx, i, true);
	fx_roster(fx);
	roster_open(fx->roster);
	fx_settle(fx);
}

static void nothing_before_open(void **state)
{
	struct fixture *fx = *state;

	fx_card(fx, 1, true);
	fx_card(fx, 2, true);
	fx_card(fx, 3, false);
	fx_card_in(fx, "south", 4, "+46700000004", true); /* sold by another platform */
	fx_roster(fx);
	roster_changed(fx->roster);
	roster_sync(fx->roster, fx_got_sync, fx);
	fx_pass(fx, 600000);
	assert_int_equal(lists(fx), 0);
	assert_int_equal(fx->syncs, 1);
	assert_int_equal(fx->sync_err, -EAGAIN);

	roster_open(fx->roster);
	roster_open(fx->roster);
	fx_settle(fx);
	assert_int_equal(lists(fx), 1);
	assert_int_equal(numbers_in(fx, 0), 2);
	cJSON *root = list_at(fx, 0);
	cJSON *one = cJSON_GetArrayItem(cJSON_GetObjectItem(root, "numbers"), 0);
	assert_string_equal(cJSON_GetObjectItem(one, "number")->valuestring, "+46700000001");
	assert_string_equal(cJSON_GetObjectItem(one, "port_id")->valuestring, "north/p01");
	assert_int_equal(cJSON_GetObjectItem(one, "country_id")->valueint, 46);
	assert_int_equal(cJSON_GetObjectItem(one, "operator")->valueint, 24001);
	assert_int_equal(cJSON_GetObjectItem(one, "date_start")->valueint, T0 / 1000);
	assert_int_equal(cJSON_GetObjectItem(one, "rent")->valueint, 0);
	cJSON_Delete(root);
	assert_int_equal(status_of(fx).numbers, 2);
	assert_true(status_of(fx).accepted_wall_ms > T0);
	assert_int_equal(logged("event=roster_sent"), 1);
}

static void an_empty_list_is_sent_if_true(void **state)
{
	struct fixture *fx = *state;

	open_with_cards(fx, 0);
	assert_int_equal(lists(fx), 1);
	assert_int_equal(numbers_in(fx, 0), 0);
	assert_int_equal(fx->last_answer, OUTCOME_DELIVERED);
	assert_int_equal(fx->answers, 1);
}

/* What a platform may still have of a port that is drained. */
static void a_drained_port_is_withdrawn(void **state)
{
	struct fixture *fx = *state;
	static const struct store_place place = { "north", "p01" };
	const struct reply busy = { .status = 503, .body = "busy" };

	fx_card(fx, 1, true);
	fx_roster(fx);
	assert_true(roster_shows(fx->roster, "north", "north/p01")); /* from before the start */
	assert_false(roster_shows(fx->roster, "east", "east/p01"));
	roster_open(fx->roster);
	fx_settle(fx);
	assert_true(roster_shows(fx->roster, "north", "north/p01"));
	assert_false(roster_shows(fx->roster, "north", "north/p02"));

	store_drain(fx->store, &place, 1, loop_wall_ms(fx->loop), NULL, NULL);
	fx_reply_list(fx, busy);
	roster_changed(fx->roster);
	fx_pass(fx, 500);
	assert_true(roster_shows(fx->roster, "north", "north/p01"));
	fx_forget_replies(fx);
	fx_reply_list(fx, fx_ok);
	fx_pass(fx, 10000);
	assert_int_equal(numbers_in(fx, lists(fx) - 1), 0);
	assert_false(roster_shows(fx->roster, "north", "north/p01"));
}

static void changes_are_merged(void **state)
{
	struct fixture *fx = *state;

	open_with_cards(fx, 1);
	for (int i = 1; i <= 5; i++) {
		fx_card(fx, i, true);
		roster_changed(fx->roster);
		fx_pass(fx, 200);
	}
	assert_int_equal(lists(fx), 1);
	fx_pass(fx, 1000);
	assert_int_equal(lists(fx), 2);
	assert_int_equal(numbers_in(fx, 1), 6);
	roster_changed(fx->roster); /* of something that is not in the list */
	fx_pass(fx, 10000);
	assert_int_equal(lists(fx), 2);
	fx_card(fx, 3, false);
	roster_changed(fx->roster);
	fx_pass(fx, 2000);
	assert_int_equal(lists(fx), 3);
	assert_int_equal(numbers_in(fx, 2), 5);
	assert_false(listed(fx, 2, "+46700000003"));
	assert_int_equal(logged("added=5 removed=0"), 1);
	assert_int_equal(logged("added=0 removed=1"), 1);
}

static void the_list_is_repeated(void **state)
{
	struct fixture *fx = *state;

	open_with_cards(fx, 1);
	fx_pass(fx, 299000);
	assert_int_equal(lists(fx), 1);
	fx_pass(fx, 2000);
	assert_int_equal(lists(fx), 2);
	fx_pass(fx, 606000); /* the fixture moves the clock by 1 s */
	assert_int_equal(lists(fx), 4);

	struct config_platform only_changes = fx->platform;
	only_changes.list_every_ms = 0;
	roster_configure(fx->roster, &only_changes);
	fx_pass(fx, 1200000);
	assert_int_equal(lists(fx), 5); /* the new configuration itself */
	roster_configure(fx->roster, &fx->platform);
	fx_settle(fx);
}

static bool a_list_came(struct fixture *fx)
{
	return lists(fx) == 2;
}

static void nothing_after_stop(void **state)
{
	struct fixture *fx = *state;

	open_with_cards(fx, 1);
	fx_reply_list(fx, (struct reply) { .hang = true });
	roster_sync(fx->roster, fx_got_sync, fx);
	assert_true(fx_until(fx, a_list_came, 0));
	roster_changed(fx->roster);
	roster_stop(fx->roster);
	assert_int_equal(fx->syncs, 1);
	assert_int_equal(fx->sync_err, -ECANCELED);
	roster_changed(fx->roster);
	roster_sync(fx->roster, fx_got_sync, fx);
	fx_pass(fx, 600000);
	assert_int_equal(lists(fx), 2);
	assert_int_equal(fx->syncs, 2);
}

static struct leader_state no_state(void *arg)
{
	(void)arg;
	return (struct leader_state) { 0 };
}

static void no_event(void *arg)
{
	(void)arg;
}

static void no_wish(void *arg, int64_t wish)
{
	(void)arg, (void)wish;
}

static void another_host_sends_it(void **state)
{
	static const struct leader_events events = { no_state, no_event, no_event, no_event,
		no_wish, no_event };
	struct fixture *fx = *state;
	struct leader *leader =
		leader_new(fx->loop, fx->store, 20000, 90000, &events, NULL); /* not yet */

	assert_non_null(leader);
	fx_card(fx, 1, true);
	fx_roster(fx);
	roster_lead(fx->roster, leader);
	roster_open(fx->roster);
	fx_pass(fx, 600000);
	assert_int_equal(lists(fx), 0);
	leader_settled(leader);
	roster_sync(fx->roster, fx_got_sync, fx);
	fx_settle(fx);
	assert_int_equal(lists(fx), 1);
	assert_int_equal(fx->sync_err, 0);

	/* in the middle of a list */
	fx_reply_list(fx, (struct reply) { .hang = true });
	roster_sync(fx->roster, fx_got_sync, fx);
	assert_true(fx_until(fx, a_list_came, 0));
	roster_close(fx->roster);
	assert_int_equal(fx->syncs, 2);
	assert_int_equal(fx->sync_err, -EAGAIN);
	assert_int_equal(deliver_active(fx->deliver), 0);
	size_t before = lists(fx);
	roster_changed(fx->roster);
	roster_sync(fx->roster, fx_got_sync, fx);
	assert_int_equal(fx->sync_err, -EAGAIN);
	fx_pass(fx, 3600000);
	assert_int_equal(lists(fx), before);
	assert_int_equal(status_of(fx).numbers, 0);

	/* and back: what the platform has by now is not known */
	fx_forget_replies(fx);
	fx_reply_list(fx, fx_ok);
	roster_open(fx->roster);
	fx_settle(fx);
	assert_int_equal(lists(fx), before + 1);
	assert_int_equal(status_of(fx).numbers, 1);
	roster_free(fx->roster);
	fx->roster = NULL;
	leader_free(leader);
}

/* Another host's wish does not disturb a list that waits to be tried again. */
static void a_wish_waits_its_turn(void **state)
{
	struct fixture *fx = *state;

	open_with_cards(fx, 1);
	fx_reply_list(fx, (struct reply) { .status = 503, .body = "" });
	roster_sync(fx->roster, fx_got_sync, fx);
	fx_settle(fx);
	assert_int_equal(fx->syncs, 1);
	size_t before = lists(fx);
	roster_serve(fx->roster, fx_got_sync, fx);
	fx_settle(fx);
	assert_int_equal(lists(fx), before);
	assert_int_equal(fx->syncs, 1);
	fx_forget_replies(fx);
	fx_reply_list(fx, fx_ok);
	fx_pass(fx, 10000);
	assert_int_equal(fx->syncs, 2);
	assert_int_equal(fx->sync_err, 0);
	before = lists(fx);
	roster_serve(fx->roster, fx_got_sync, fx);
	fx_settle(fx);
	assert_int_equal(lists(fx), before + 1);
	assert_int_equal(fx->syncs, 3);
}

static void bad_entries_are_found_and_left_out(void **state)
{
	struct fixture *fx = *state;

	fx->bad_numbers[0] = "+46700000003";
	fx->bad_numbers[1] = "+46700000017";
	open_with_cards(fx, 20);
	size_t calls = lists(fx);
	assert_in_range(calls, 4, 30);
	for (size_t i = 1; i + 1 < calls; i++)
		assert_int_equal(numbers_in(fx, i), -1); /* nothing of it is stored */
	assert_int_equal(numbers_in(fx, calls - 1), 18);
	assert_false(listed(fx, calls - 1, "+46700000003"));
	assert_false(listed(fx, calls - 1, "+46700000017"));
	assert_int_equal(status_of(fx).numbers, 18);
	assert_int_equal(status_of(fx).left_out, 2);
	assert_string_equal(status_of(fx).reason, "");
	assert_int_equal(logged("event=roster_blocked"), 2);
	assert_int_equal(logged("north/p17"), 1);
	assert_int_equal(logged("0000017"), 0);

	fx_pass(fx, 302000); /* remembered */
	assert_int_equal(lists(fx), calls + 1);
	assert_int_equal(numbers_in(fx, calls), 18);
	fx_card_in(fx, "north", 3, "+46700000303", true); /* another number now */
	roster_changed(fx->roster);
	fx_pass(fx, 2000);
	assert_int_equal(lists(fx), calls + 2);
	assert_int_equal(numbers_in(fx, calls + 1), 19);
	assert_int_equal(status_of(fx).left_out, 1);
}

/* A platform whose test says yes to what its list refuses. */
static void bad_entries_are_found_without_test(void **state)
{
	struct fixture *fx = *state;

	fx->lenient_test = true;
	fx->bad_numbers[0] = "+46700000005";
	open_with_cards(fx, 8);
	assert_int_equal(status_of(fx).numbers, 7);
	assert_int_equal(numbers_in(fx, lists(fx) - 1), 7);
}

static void a_platform_that_refuses_all_is_not_flooded(void **state)
{
	struct fixture *fx = *state;

	fx->bad_numbers[0] = "number";
	open_with_cards(fx, 30);
	assert_int_equal(status_of(fx).numbers, 0);
	assert_string_equal(status_of(fx).reason, "NUMBER_FORMAT_ERROR");
	assert_int_equal(fx->last_answer, OUTCOME_REJECTED);
	fx_pass(fx, 120000);
	size_t calls = lists(fx);
	fx_pass(fx, 120000);
	assert_in_range(lists(fx) - calls, 1, 100);
	assert_int_equal(logged("event=roster_blocked"), 1);
	fx->bad_numbers[0] = NULL;
	fx_pass(fx, 61000);
	assert_int_equal(status_of(fx).numbers, 30); /* no entry was blamed */
}

static void a_failed_list_is_tried_again_with_what_is_new(void **state)
{
	struct fixture *fx = *state;

	fx_reply_list(fx, (struct reply) { .status = 502, .body = "<html>" });
	fx_reply_list(fx, (struct reply) { .status = 200, .body = "" });
	fx_reply_list(fx, fx_ok);
	open_with_cards(fx, 1);
	assert_int_equal(lists(fx), 1);
	assert_string_equal(status_of(fx).reason, "http-502");
	fx_pass(fx, 1100);
	assert_int_equal(lists(fx), 2);
	fx_card(fx, 2, true);
	roster_changed(fx->roster);
	fx_pass(fx, 1700);
	assert_int_equal(lists(fx), 2);
	fx_pass(fx, 500);
	assert_int_equal(lists(fx), 3);
	assert_int_equal(numbers_in(fx, 2), 2);
	fx_pass(fx, 10000);
	assert_int_equal(lists(fx), 3);
	assert_string_equal(status_of(fx).reason, "");
}

static void account_state_is_shared_with_texts(void **state)
{
	struct fixture *fx = *state;
	struct outbox_status texts;

	fx_reply_list(fx, (struct reply) { .status = 403, .body = "API_ACCESS_IP" });
	fx_reply_list(fx, fx_ok);
	fx_outbox(fx);
	open_with_cards(fx, 1);
	outbox_status(fx->outbox, &texts);
	assert_int_equal(texts.health, OUTBOX_ACCOUNT);
	assert_string_equal(texts.reason, "API_ACCESS_IP");
	fx_text(fx, 0, "a");
	fx_pass(fx, 58000);
	assert_int_equal(lists(fx), 1);
	assert_int_equal(fx_calls(fx, "addMessage"), 0);
	fx_pass(fx, 3000);
	assert_int_equal(lists(fx), 2);
	outbox_status(fx->outbox, &texts);
	assert_int_equal(texts.health, OUTBOX_UP);
	assert_int_equal(fx_state(fx, "a", NULL), STORE_DELIVERED);
	assert_int_equal(logged("event=platform_account"), 1);
}

struct remotes {
	bool done;
	char all[256];
};

static void got_roster(void *arg, int err, const struct store_roster_row *rows, size_t count)
{
	struct remotes *remotes = arg;

	assert_int_equal(err, 0);
	remotes->done = true;
	for (size_t i = 0; i < count; i++) {
		size_t len = strlen(remotes->all);
		snprintf(remotes->all + len, sizeof remotes->all - len, "%s;", rows[i].remote_id);
	}
}

static void assert_remotes(struct fixture *fx, const char *want)
{
	struct remotes remotes = { 0 };

	store_roster(fx->store, "osim", 0, got_roster, &remotes);
	fx_settle(fx);
	assert_true(remotes.done);
	assert_string_equal(remotes.all, want);
}

static void ids_are_kept(void **state)
{
	struct fixture *fx = *state;

	fx_reply_list(fx, (struct reply) { .status = 200,
				  .body = "{\"response\":1,\"ids\":{\"+46700000000\":810045,"
					  "\"46700000001\":\"810046\",\"+46700000002\":null}}" });
	fx_reply_list(fx, (struct reply) { .status = 200,
				  .body = "{\"response\":1,\"ids\":{\"+46700000000\":null}}" });
	open_with_cards(fx, 3);
	assert_remotes(fx, "810045;810046;;");
	roster_sync(fx->roster, NULL, NULL);
	fx_settle(fx);
	assert_remotes(fx, ";810046;;");
}

static void conflicts_are_left_out(void **state)
{
	struct fixture *fx = *state;

	fx_card_in(fx, "north", 1, "+46700000009", true);
	fx_card_in(fx, "north", 2, "+46700000009", true);
	fx_card_in(fx, "north", 4, "+99970000000", true); /* no such country */
	open_with_cards(fx, 1);
	assert_int_equal(numbers_in(fx, 0), 1);
	assert_int_equal(status_of(fx).left_out, 3);
	assert_int_equal(logged("event=number_conflict"), 1);
	assert_int_equal(logged("north/p01 north/p02"), 1);
	assert_int_equal(logged("no country code"), 1);
	fx_pass(fx, 610000);
	assert_int_equal(logged("event=number_conflict"), 1); /* named once */
	assert_int_equal(logged("no country code"), 1);
	fx_card_in(fx, "north", 2, "+46700000009", false);
	roster_changed(fx->roster);
	fx_pass(fx, 2000);
	assert_int_equal(status_of(fx).numbers, 2);
	assert_int_equal(status_of(fx).left_out, 1);
}

static void syncs_are_told(void **state)
{
	struct fixture *fx = *state;

	open_with_cards(fx, 1);
	for (int i = 0; i < 17; i++)
		roster_sync(fx->roster, fx_got_sync, fx);
	assert_int_equal(fx->syncs, 1); /* one too many */
	assert_int_equal(fx->sync_err, -EBUSY);
	fx_settle(fx);
	assert_int_equal(fx->syncs, 17);
	assert_int_equal(fx->sync_err, 0);
	assert_in_range(lists(fx), 2, 3);

	fx_reply_list(fx, (struct reply) { .status = 500, .body = "" });
	roster_sync(fx->roster, fx_got_sync, fx);
	fx_settle(fx);
	assert_int_equal(fx->syncs, 18);
	assert_int_equal(fx->sync_err, -EAGAIN);
}

/* A reload may take the platform away while somebody waits for its list. */
static void who_waits_is_told_when_it_goes(void **state)
{
	struct fixture *fx = *state;

	open_with_cards(fx, 1);
	roster_sync(fx->roster, fx_got_sync, fx);
	assert_int_equal(fx->syncs, 0);
	roster_free(fx->roster);
	fx->roster = NULL;
	assert_int_equal(fx->syncs, 1);
	assert_int_equal(fx->sync_err, -ECANCELED);
	fx_settle(fx);
	assert_int_equal(fx->syncs, 1);
}

/* Only one list at a time; what changes meanwhile is in the next. */
static void a_change_during_a_list_leads_to_another(void **state)
{
	struct fixture *fx = *state;

	open_with_cards(fx, 1);
	fx->platform.list_delay_ms = 0;
	fx->platform.timeout_ms = 300;
	fx->busy_step_ms = 10;
	fx_reply_list(fx, (struct reply) { .hang = true });
	fx_reply_list(fx, fx_ok);
	roster_sync(fx->roster, NULL, NULL);
	assert_true(fx_until(fx, a_list_came, 0));
	fx_card(fx, 7, true);
	roster_changed(fx->roster);
	roster_changed(fx->roster);
	for (int i = 0; i < 5; i++)
		loop_turn(fx->loop, 5);
	assert_int_equal(lists(fx), 2);
	fx_settle(fx);
	fx_pass(fx, 2000);
	assert_int_equal(lists(fx), 3);
	assert_true(listed(fx, 2, "+46700000007"));
}

static void freed_while_the_store_works(void **state)
{
	struct fixture *fx = *state;

	fx_card(fx, 1, true);
	for (int turns = 0; turns < 12; turns++) {
		fx_roster(fx);
		roster_open(fx->roster);
		for (int i = 0; i < turns; i++)
			loop_turn(fx->loop, 1);
		roster_free(fx->roster);
		fx->roster = NULL;
	}
	fx_settle(fx);
}

/* ---- halves and lists ----------------------------------------------------------------------- */

/* Plays a platform that refuses any part with a bad entry in it; returns the parts it was shown. */
static size_t find_bad(struct bisect *bisect, const char *entries)
{
	size_t first, count, calls = 0;

	assert_int_equal(bisect_init(bisect, strlen(entries), false), 0);
	while (bisect_next(bisect, &first, &count)) {
		assert_true(count > 0 && first + count <= strlen(entries));
		calls++;
		bisect_tell(bisect, !memchr(entries + first, 'x', count));
	}
	return calls;
}

static void bisects(void **state)
{
	static const char *const rows[] = { "x", ".x", "x.", "xx", "..x.x", "...................x",
		"x.......x.......x......x........x......", "xxxx",
		".xxxxxxxxxxxxxxxxxxxxxxxxxxxx" };
	struct bisect bisect = { 0 };
	char many[1001];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		find_bad(&bisect, rows[i]);
		for (size_t k = 0; rows[i][k]; k++)
			assert_int_equal(
				bisect.marks[k], rows[i][k] == 'x' ? BISECT_BAD : BISECT_GOOD);
	}
	memset(many, '.', 1000);
	many[1000] = '\0';
	many[17] = many[900] = 'x';
	assert_true(find_bad(&bisect, many) < 50);
	assert_int_equal(bisect_count(&bisect, BISECT_BAD), 2);
	assert_int_equal(bisect_count(&bisect, BISECT_GOOD), 998);
	memset(many, 'x', 1000); /* no entry's fault: given up soon */
	assert_int_equal(find_bad(&bisect, many), BISECT_HOPELESS);
	for (int i = 0; i < 1000; i += 2)
		many[i] = '.';
	assert_int_equal(find_bad(&bisect, many), BISECT_CALLS_MAX);
	assert_true(bisect_count(&bisect, BISECT_UNKNOWN) > 0);
	bisect_done(&bisect);
	bisect_done(&bisect);
}

static void listings(void **state)
{
	struct listing *a = listing_new(4), *b = listing_new(4);
	struct list_entry one = { .number = "+46700000001", .port_id = "n/1" };
	struct list_entry two = { .number = "+46700000002", .port_id = "n/2" };

	(void)state;
	listing_add(a, &one);
	listing_add(a, &two);
	listing_add(b, &one);
	assert_false(listing_same(a, b));
	assert_int_equal(listing_added(b, a), 1);
	assert_int_equal(listing_added(a, b), 0);
	assert_int_equal(listing_added(NULL, a), 2);
	assert_int_equal(listing_added(a, NULL), 0);
	two.rent = 1;
	listing_add(b, &two);
	assert_false(listing_same(a, b));
	assert_false(listing_has(a, &two));
	assert_true(listing_has(b, &two));
	two.port_id = "n/3"; /* a card on its way from one slot to the next */
	listing_add(b, &two);
	listing_add(b, &one);
	listing_add(b, &one); /* no room: nothing */
	assert_int_equal(b->count, 4);
	listing_unique(b);
	assert_int_equal(b->count, 2);
	assert_string_equal(b->entries[1].port_id, "n/2");
	listing_shift(b, 1);
	assert_int_equal(b->count, 1);
	assert_string_equal(b->entries[0].number, "+46700000002");
	listing_free(a);
	listing_free(b);
	listing_free(NULL);
}

/* ---- blocks --------------------------------------------------------------------------------- */

#define BLOCKED ((struct reply) { .status = 403, .body = "{\"response\":\"ACCOUNT_BLOCKED\"}" })

static void a_block_is_waited_out(void **state)
{
	struct fixture *fx = *state;

	fx_outbox(fx);
	open_with_cards(fx, 3);
	assert_int_equal(lists(fx), 1);
	fx_reply_list(fx, BLOCKED);
	fx_card(fx, 4, true);
	roster_changed(fx->roster);
	fx_pass(fx, 2000);
	assert_int_equal(lists(fx), 2);
	assert_int_equal(fx->last_answer, OUTCOME_ACCOUNT);
	assert_string_equal(status_of(fx).reason, "ACCOUNT_BLOCKED");
	int64_t until_ms = status_of(fx).block_wall_ms;
	assert_in_range(until_ms - loop_wall_ms(fx->loop), 29 * 60000, 30 * 60000);
	assert_int_equal(logged("event=roster_blocked"), 1);
	assert_int_equal(status_of(fx).numbers, 3); /* the list is not forgotten */

	/* texts are tried meanwhile: what is sold already may still be waited for */
	size_t texts = fx_calls(fx, "addMessage");
	fx_text(fx, 1, "while blocked");
	fx_pass(fx, 65000);
	assert_int_equal(fx_calls(fx, "addMessage"), texts + 1);
	assert_int_equal(fx_state(fx, "while blocked", NULL), STORE_DELIVERED);

	/* nothing is asked while it lasts, whatever changes, and though numbers are not known */
	fx_reply_message(fx, (struct reply) { .status = 400, .body = "\"NO_NUMBER\"" });
	fx_text(fx, 2, "of a number that is off");
	fx_card(fx, 5, true);
	roster_changed(fx->roster);
	fx_pass(fx, 25 * 60000);
	assert_true(fx->lists_wanted > 0);
	assert_int_equal(lists(fx), 2);
	fx_forget_replies(fx);
	fx_pass(fx, 5 * 60000);
	assert_int_equal(lists(fx), 3);
	assert_int_equal(fx_state(fx, "of a number that is off", NULL), STORE_DELIVERED);
	assert_int_equal(numbers_in(fx, 2), 5);
	assert_int_equal(status_of(fx).numbers, 5);
	assert_int_equal(status_of(fx).block_wall_ms, 0);
	assert_string_equal(status_of(fx).reason, "");
	assert_int_equal(logged("not blocked any more"), 1);
}

/* What lasts longer is no block for a list: looked at as any refusal is. */
static void a_longer_block_is_an_account(void **state)
{
	struct fixture *fx = *state;

	fx_reply_list(fx, BLOCKED);
	open_with_cards(fx, 1);
	fx_pass(fx, 31 * 60000);
	assert_in_range(lists(fx), 2, 3);
	assert_int_equal(status_of(fx).block_wall_ms, 0);
	size_t before = lists(fx);
	fx_pass(fx, 10 * 60000);
	assert_in_range(lists(fx) - before, 9, 11);
	assert_int_equal(logged("event=roster_blocked"), 1);
	roster_sync(fx->roster, fx_got_sync, fx); /* by hand, at any time */
	fx_forget_replies(fx);
	fx_settle(fx);
	fx_pass(fx, 61000);
	assert_int_equal(status_of(fx).numbers, 1);
	/* the next one is waited out again */
	fx_reply_list(fx, BLOCKED);
	roster_sync(fx->roster, fx_got_sync, fx);
	fx_settle(fx);
	assert_int_equal(fx->sync_err, -EACCES);
	assert_true(status_of(fx).block_wall_ms > 0);
	before = lists(fx);
	fx_pass(fx, 29 * 60000);
	assert_int_equal(lists(fx), before);
}

/* Another refusal of the account in between is not the block. */
static void a_wrong_key_ends_a_block(void **state)
{
	struct fixture *fx = *state;

	fx_reply_list(fx, BLOCKED);
	fx_reply_list(fx, (struct reply) { .status = 401, .body = "ERROR_WRONG_KEY" });
	open_with_cards(fx, 1);
	fx_pass(fx, 30 * 60000 + 1000);
	assert_int_equal(lists(fx), 2);
	fx_pass(fx, 60000);
	assert_int_equal(lists(fx), 3);
	assert_int_equal(status_of(fx).block_wall_ms, 0);
}

static void a_list_waits_as_it_is_asked_to(void **state)
{
	struct fixture *fx = *state;

	fx_reply_list(fx, (struct reply) { .status = 429, .body = "", .retry_after = "300" });
	fx_reply_list(fx, (struct reply) { .status = 503, .body = "", .retry_after = "99999" });
	fx_reply_list(fx, fx_ok);
	open_with_cards(fx, 1);
	fx_pass(fx, 298000);
	assert_int_equal(lists(fx), 1);
	fx_pass(fx, 4000);
	assert_int_equal(lists(fx), 2);
	fx_pass(fx, 890000);
	assert_int_equal(lists(fx), 2);
	fx_pass(fx, 20000);
	assert_int_equal(lists(fx), 3);
	assert_int_equal(status_of(fx).numbers, 1);
}

static void numbers_dropped_by_the_answer(void **state)
{
	static const char some[] = "{\"response\":1,\"ids\":{\"46700000000\":810001,"
				   "\"+46700000001\":null,\"+46700009999\":null}}";
	static const char all[] = "{\"response\":1,\"ids\":{\"+46700000000\":null,"
				  "\"+46700000001\":null}}";
	struct fixture *fx = *state;

	fx_reply_list(fx, (struct reply) { .status = 200, .body = some });
	fx_reply_list(fx, (struct reply) { .status = 200, .body = all });
	fx_reply_list(fx, (struct reply) { .status = 200, .body = all });
	fx_reply_list(fx, fx_ok);
	open_with_cards(fx, 2);
	assert_int_equal(status_of(fx).numbers, 2);
	assert_int_equal(status_of(fx).dropped, 1);
	assert_int_equal(logged("dropped some"), 1);
	fx_pass(fx, 301000);
	assert_int_equal(status_of(fx).dropped, 2);
	fx_pass(fx, 300000);
	assert_int_equal(logged("dropped every number"), 1); /* said once */
	fx_pass(fx, 300000);
	assert_int_equal(status_of(fx).dropped, 0);
}

/* ---- self-test ------------------------------------------------------------------------------ */

struct tested {
	int calls;
	struct roster_test_result result;
	char why[64];
};

static void got_test(void *arg, const struct roster_test_result *result)
{
	struct tested *tested = arg;

	tested->calls++;
	tested->result = *result;
	snprintf(tested->why, sizeof tested->why, "%s", result->why);
}

static struct tested self_test(struct fixture *fx, struct reply reply)
{
	struct tested tested = { 0 };

	fx_forget_replies(fx);
	fx_reply_list(fx, reply);
	roster_self_test(fx->roster, got_test, &tested);
	fx_settle(fx);
	assert_int_equal(tested.calls, 1);
	assert_non_null(strstr(fx_call(fx, LIST, lists(fx) - 1)->body, "\"test\":\"test2\""));
	return tested;
}

static void self_tests(void **state)
{
	struct fixture *fx = *state;

	open_with_cards(fx, 1);
	char *echo = strdup(fx_call(fx, LIST, 0)->body);
	struct tested tested = self_test(fx, (struct reply) { .status = 200, .body = echo });
	assert_int_equal(tested.result.err, 0); /* without `response`, yet it is the list */
	assert_int_equal(tested.result.echo, ECHO_SAME);
	assert_int_equal(tested.result.count, 1);
	free(echo);
	tested = self_test(fx, fx_ok);
	assert_int_equal(tested.result.err, 0);
	assert_int_equal(tested.result.echo, ECHO_NONE);
	tested = self_test(
		fx, (struct reply) { .status = 200, .body = "{\"response\":1,\"numbers\":[]}" });
	assert_int_equal(tested.result.echo, ECHO_OTHER);
	tested = self_test(fx, (struct reply) { .status = 400, .body = "\"ERROR_DATE\"" });
	assert_int_equal(tested.result.err, -EINVAL);
	assert_string_equal(tested.why, "ERROR_DATE");
	tested = self_test(fx, (struct reply) { .status = 401, .body = "ERROR_NO_KEY" });
	assert_int_equal(tested.result.err, -EACCES);
	assert_int_equal(fx->last_answer, OUTCOME_DELIVERED); /* no word on the list itself */
	assert_int_equal(status_of(fx).numbers, 1);
	assert_string_equal(status_of(fx).reason, "");

	/* one at a time; stopped at any moment */
	struct tested one = { 0 }, two = { 0 };
	fx_forget_replies(fx);
	fx_reply_list(fx, (struct reply) { .hang = true });
	roster_self_test(fx->roster, got_test, &one);
	roster_self_test(fx->roster, got_test, &two);
	assert_int_equal(two.result.err, -EBUSY);
	loop_turn(fx->loop, 1);
	roster_stop(fx->roster);
	assert_int_equal(one.calls, 1);
	assert_int_equal(one.result.err, -ECANCELED);
	roster_self_test(fx->roster, got_test, &two);
	assert_int_equal(two.result.err, -ECANCELED);
	fx_settle(fx);
	assert_int_equal(one.calls, 1);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_before_open),
		TEST(a_block_is_waited_out),
		TEST(a_longer_block_is_an_account),
		TEST(a_wrong_key_ends_a_block),
		TEST(a_list_waits_as_it_is_asked_to),
		TEST(numbers_dropped_by_the_answer),
		TEST(self_tests),
		TEST(an_empty_list_is_sent_if_true),
		TEST(a_drained_port_is_withdrawn),
		TEST(changes_are_merged),
		TEST(the_list_is_repeated),
		TEST(nothing_after_stop),
		TEST(another_host_sends_it),
		TEST(a_wish_waits_its_turn),
		TEST(bad_entries_are_found_and_left_out),
		TEST(bad_entries_are_found_without_test),
		TEST(a_platform_that_refuses_all_is_not_flooded),
		TEST(a_failed_list_is_tried_again_with_what_is_new),
		TEST(account_state_is_shared_with_texts),
		TEST(ids_are_kept),
		TEST(conflicts_are_left_out),
		TEST(syncs_are_told),
		TEST(who_waits_is_told_when_it_goes),
		TEST(a_change_during_a_list_leads_to_another),
		TEST(freed_while_the_store_works),
		cmocka_unit_test(bisects),
		cmocka_unit_test(listings),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
