/* test_fsm.c - edges, queued events, time limits. */
#include <errno.h>
#include <string.h>

#include "base/fsm.h"
#include "log_fixture.h"
#include "unit.h"

enum { RED, GREEN, BLUE, STATES };
enum { EV_NEXT, EV_BAD, EV_TWICE };

static char trace[256];
static int changes;

static void note(const char *word)
{
	strcat(trace, word);
	strcat(trace, " ");
}

static void red_event(struct fsm *fsm, int event, int value)
{
	(void)value;
	if (event == EV_NEXT)
		fsm_go(fsm, GREEN, "next");
	else if (event == EV_BAD)
		assert_int_equal(fsm_go(fsm, BLUE, "bad"), -EPERM);
	else if (event == EV_TWICE) {
		fsm_post(fsm, EV_NEXT,
			0); /* queued: handled after this one, by whatever state then */
		fsm_post(fsm, EV_NEXT, 7);
		note("posted");
	}
}

static void enter_green(struct fsm *fsm)
{
	(void)fsm;
	note("green");
}

static void green_event(struct fsm *fsm, int event, int value)
{
	if (event == FSM_TIMEOUT)
		fsm_go(fsm, BLUE, "time is up");
	else if (event == EV_NEXT)
		note(value == 7 ? "seven" : "next");
}

static void leave_green(struct fsm *fsm)
{
	(void)fsm;
	note("left");
}

static void on_changed(struct fsm *fsm, int from, const char *why)
{
	(void)fsm, (void)from, (void)why;
	changes++;
}

static const struct fsm_state states[STATES] = {
	[RED] = { .name = "red",
		.accepts = FSM_BIT(EV_NEXT) | FSM_BIT(EV_BAD) | FSM_BIT(EV_TWICE),
		.edges = FSM_BIT(GREEN),
		.event = red_event },
	[GREEN] = { .name = "green",
		.accepts = FSM_BIT(EV_NEXT),
		.edges = FSM_BIT(BLUE),
		.timeout_ms = 500,
		.enter = enter_green,
		.event = green_event,
		.leave = leave_green },
	[BLUE] = { .name = "blue" },
};
static const struct fsm_spec spec = { LOGC_MAIN, states, on_changed };

static void test_edges_events_and_limits(void **state)
{
	struct loop *loop = loop_new_manual(0, 0);
	struct fsm fsm;

	(void)state;
	trace[0] = '\0';
	changes = 0;
	fsm_init(&fsm, &spec, loop, "x/1", NULL, RED);
	fsm_post(&fsm, EV_BAD, 0); /* an edge that is not listed is refused */
	assert_int_equal(fsm.state, RED);
	fsm_post(&fsm, EV_TWICE, 0);
	assert_int_equal(fsm.state, GREEN);
	assert_string_equal(trace, "posted green seven ");
	assert_string_equal(fsm.why, "next");
	fsm_post(&fsm, EV_BAD, 0); /* means nothing here */
	assert_int_equal(fsm.dropped, 1);
	loop_advance(loop, 499);
	assert_int_equal(fsm.state, GREEN);
	loop_advance(loop, 1);
	assert_int_equal(fsm.state, BLUE);
	assert_string_equal(fsm_state_name(&fsm), "blue");
	assert_int_equal(fsm.since_ms, 500);
	assert_int_equal(changes, 2);
	fsm_done(&fsm);
	loop_free(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_edges_events_and_limits) };

	log_keep();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
