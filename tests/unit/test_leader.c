/* test_leader.c - who sends the number lists: two hosts on one store, by a clock that the test
 * moves; on a file, one host alone. */
#include "platform/leader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store_fixture.h"

enum {
	STALE_MS = 20000,
	LEASE_MS = 10000,
	BEAT_MS = 5000,
	LOOK_MS = 1000,
	GRACE_MS = 60000,
	STEP_MS = 100
};

struct host {
	struct fixture fx;
	struct leader *leader;
	int gained, lost, changed, beaten;
	int64_t wish;
	int synced, sync_err;
};

struct pair {
	struct fixture *fx;
	struct host a, b;
};

static struct leader_state on_state(void *arg)
{
	(void)arg;
	return (struct leader_state) { 2, 1 };
}

static void on_gained(void *arg)
{
	((struct host *)arg)->gained++;
}

static void on_lost(void *arg)
{
	((struct host *)arg)->lost++;
}

static void on_changed(void *arg)
{
	((struct host *)arg)->changed++;
}

static void on_wished(void *arg, int64_t wish)
{
	((struct host *)arg)->wish = wish;
}

static void on_beaten(void *arg)
{
	((struct host *)arg)->beaten++;
}

static void on_synced(void *arg, int err, const char *why)
{
	struct host *host = arg;

	(void)why;
	host->synced++;
	host->sync_err = err;
}

static const struct leader_events events = { on_state, on_gained, on_lost, on_changed, on_wished,
	on_beaten };

static void host_new(struct host *host)
{
	host->leader = leader_new(host->fx.loop, host->fx.store, STALE_MS, GRACE_MS, &events, host);
	assert_non_null(host->leader);
	leader_start(host->leader);
}

/* Without a word to the store. */
static void host_dies(struct host *host)
{
	if (host->fx.store)
		fx_wait(&host->fx);
	leader_free(host->leader);
	host->leader = NULL;
}

static int pair_setup(void **state)
{
	struct pair *pair = calloc(1, sizeof *pair);

	if (!pair || fx_setup((void **)&pair->fx))
		return -1;
	pair->a.fx = pair->b.fx = *pair->fx;
	host_new(&pair->a);
	if (fx_shared()) {
		if (fx_open_also(pair->fx, "host-b", &pair->b.fx.store))
			return -1;
		host_new(&pair->b);
	}
	*state = pair;
	return 0;
}

static int pair_teardown(void **state)
{
	struct pair *pair = *state;

	if (fx_shared()) {
		store_close(pair->b.fx.store);
		pair->b.fx.store = NULL;
	}
	pair->fx->store = pair->a.fx.store;
	store_close(pair->fx->store);
	pair->fx->store = NULL;
	leader_free(pair->a.leader);
	leader_free(pair->b.leader);
	fx_teardown((void **)&pair->fx);
	free(pair);
	return 0;
}

static void settle(struct pair *pair)
{
	fx_wait(&pair->a.fx);
	fx_wait(&pair->b.fx);
}

static void pass(struct pair *pair, int64_t ms)
{
	for (; ms > 0; ms -= STEP_MS) {
		settle(pair);
		loop_advance(pair->fx->loop, ms < STEP_MS ? ms : STEP_MS);
	}
	settle(pair);
}

/* a leads, b follows. */
static void both_up(struct pair *pair)
{
	if (!fx_shared())
		skip();
	settle(pair);
	leader_settled(pair->a.leader);
	settle(pair);
	assert_int_equal(pair->a.gained, 0); /* b may have numbers too */
	leader_settled(pair->b.leader);
	pass(pair, LOOK_MS);
	assert_int_equal(pair->a.gained, 1);
	assert_int_equal(pair->b.gained, 0);
	assert_false(leader_follows(pair->a.leader));
	assert_true(leader_follows(pair->b.leader));
	assert_string_equal(leader_name(pair->b.leader), "host-a");
}

static void alone_it_leads(void **state)
{
	struct pair *pair = *state;

	if (fx_shared())
		skip();
	assert_int_equal(pair->a.gained, 0);
	assert_false(leader_may_send(pair->a.leader));
	leader_settled(pair->a.leader);
	assert_int_equal(pair->a.gained, 1);
	assert_true(leader_may_send(pair->a.leader));
	assert_false(leader_follows(pair->a.leader));
	assert_int_equal(leader_fence(pair->a.leader), 0);
	assert_null(leader_end_ms(pair->a.leader));
	pass(pair, STALE_MS);
	assert_int_equal(pair->a.beaten + pair->a.lost, 0);
	leader_stop(pair->a.leader);
	assert_false(leader_may_send(pair->a.leader));
}

static void the_first_list_waits_for_those_that_start(void **state)
{
	struct pair *pair = *state;

	if (!fx_shared())
		skip();
	leader_settled(pair->a.leader);
	pass(pair, GRACE_MS - BEAT_MS);
	assert_int_equal(pair->a.gained, 0);
	assert_true(leader_follows(pair->a.leader));
	pass(pair, 2 * BEAT_MS);
	assert_int_equal(pair->a.gained, 1);
	assert_int_equal(pair->b.gained, 0);
}

static void another_takes_over(void **state)
{
	struct pair *pair = *state;
	int64_t took_ms = 0;

	both_up(pair);
	assert_true(leader_may_send(pair->a.leader));
	int64_t fence = leader_fence(pair->a.leader);
	host_dies(&pair->a);
	for (; !pair->b.gained && took_ms < 60000; took_ms += STEP_MS)
		pass(pair, STEP_MS);
	assert_in_range(took_ms, LEASE_MS - BEAT_MS, LEASE_MS + 1000);
	assert_true(leader_may_send(pair->b.leader));
	assert_true(leader_fence(pair->b.leader) > fence);
	pass(pair, 60000);
	assert_int_equal(pair->b.gained, 1);
	assert_int_equal(pair->b.lost, 0);
}

/* Its words do not get through: it stops by its own clock, before another begins. */
static void a_lease_that_is_not_renewed_ends(void **state)
{
	struct pair *pair = *state;
	int64_t lost_ms = 0;

	both_up(pair);
	int64_t end_ms = *leader_end_ms(pair->a.leader);
	assert_in_range(
		end_ms, loop_now_ms(pair->fx->loop), loop_now_ms(pair->fx->loop) + LEASE_MS);
	host_dies(&pair->b);
	settle(pair);
	fx_sql(pair->fx, "CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE "
			 "disk_full; END';"
			 "CREATE TRIGGER cut BEFORE UPDATE ON host EXECUTE FUNCTION cut()");
	for (; !pair->a.lost && lost_ms < 60000; lost_ms += STEP_MS)
		pass(pair, STEP_MS);
	assert_in_range(lost_ms, LEASE_MS - BEAT_MS - STEP_MS, LEASE_MS);
	assert_false(leader_may_send(pair->a.leader));
	assert_int_equal(*leader_end_ms(pair->a.leader), 0);
	fx_sql(pair->fx, "DROP FUNCTION cut CASCADE");
	pass(pair, LEASE_MS);
	assert_int_equal(pair->a.gained, 2);
}

static void who_stops_lets_another_lead(void **state)
{
	struct pair *pair = *state;

	both_up(pair);
	leader_stop(pair->a.leader);
	pass(pair, BEAT_MS + 1000);
	assert_int_equal(pair->b.gained, 1);
	assert_int_equal(pair->a.lost, 0);
}

static void a_wish_is_passed_on(void **state)
{
	struct pair *pair = *state;

	both_up(pair);
	uint64_t wish = leader_wish(pair->b.leader);
	leader_sync(pair->b.leader, on_synced, &pair->b);
	assert_false(leader_is_heard(pair->b.leader, wish));
	pass(pair, 2000);
	assert_int_equal(pair->a.wish, 1);
	assert_int_equal(pair->b.synced, 0);
	leader_served(pair->a.leader, 1, false); /* not this time: asked again */
	pair->a.wish = 0;
	pass(pair, 2000);
	assert_int_equal(pair->a.wish, 1);
	leader_served(pair->a.leader, 1, true);
	pass(pair, 2000);
	assert_true(leader_is_heard(pair->b.leader, wish));
	assert_int_equal(pair->a.wish, 2); /* the second was made meanwhile */
	assert_int_equal(pair->b.synced, 0);
	leader_served(pair->a.leader, 2, true);
	pass(pair, 2000);
	assert_int_equal(pair->b.synced, 1);
	assert_int_equal(pair->b.sync_err, 0);

	/* nobody hears it */
	leader_sync(pair->b.leader, on_synced, &pair->b);
	pass(pair, 70000);
	assert_int_equal(pair->b.synced, 2);
	assert_int_equal(pair->b.sync_err, -ETIMEDOUT);
	leader_sync(pair->b.leader, on_synced, &pair->b);
	leader_stop(pair->b.leader);
	assert_int_equal(pair->b.synced, 3);
	assert_int_equal(pair->b.sync_err, -ECANCELED);
}

/* A card that is to be taken out of another host's bank waits for it. */
static void a_wish_is_heard_at_once(void **state)
{
	struct pair *pair = *state;
	int64_t took_ms = 0;

	both_up(pair);
	pass(pair, 3700);
	uint64_t wish = leader_wish(pair->b.leader);
	for (; !pair->a.wish && took_ms < 5000; took_ms += STEP_MS)
		pass(pair, STEP_MS);
	leader_served(pair->a.leader, pair->a.wish, true);
	for (; !leader_is_heard(pair->b.leader, wish) && took_ms < 5000; took_ms += STEP_MS)
		pass(pair, STEP_MS);
	assert_in_range(took_ms, 0, 1200);
}

static void changes_elsewhere_are_seen(void **state)
{
	struct pair *pair = *state;

	both_up(pair);
	pass(pair, 2000);
	int before = pair->a.changed;
	port(&pair->b.fx, "p01", CARD, true);
	pass(pair, 1500);
	assert_int_equal(pair->a.changed, before + 1);
	assert_int_equal(pair->b.changed, 0);
	pass(pair, 10000);
	assert_int_equal(pair->a.changed, before + 1);
}

static void a_name_that_was_taken_ends_it(void **state)
{
	struct pair *pair = *state;

	both_up(pair);
	fx_sql(pair->fx, "UPDATE host SET token = 'another' WHERE name = 'host-a'");
	pass(pair, BEAT_MS + 1000);
	assert_int_equal(pair->a.lost, 1);
	pass(pair, LEASE_MS);
	assert_int_equal(pair->a.gained, 1);
	assert_int_equal(pair->b.gained, 1);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, pair_setup, pair_teardown)
	const struct CMUnitTest tests[] = {
		T(alone_it_leads),
		T(the_first_list_waits_for_those_that_start),
		T(another_takes_over),
		T(a_lease_that_is_not_renewed_ends),
		T(who_stops_lets_another_lead),
		T(a_wish_is_passed_on),
		T(a_wish_is_heard_at_once),
		T(changes_elsewhere_are_seen),
		T(a_name_that_was_taken_ends_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
