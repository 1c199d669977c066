/* test_recovery.c - modems that hang: which steps bring them back, in which order and after which
 * pauses, and what is said of it. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/tally.h"
#include "log_fixture.h"
#include "modem_fixture.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND };

static int setup(void **state)
{
	log_forget();
	return bench_setup(state);
}

static const char *trouble(void)
{
	static char text[200];

	return modem_trouble(bench->modem, text, sizeof text);
}

/* ---- the ladder by itself ------------------------------------------------------------------- */

struct taken {
	enum recovery_step step;
	int pause_s;
};

#define ALL_OFFERED \
	(1U << RECOVERY_RADIO | 1U << RECOVERY_RESTART | 1U << RECOVERY_USB | 1U << RECOVERY_POWER)
#define SCRIPTS (1U << RECOVERY_RADIO | 1U << RECOVERY_RESTART)

static void test_ladder(void **state)
{
	static const struct {
		enum recovery_cause cause;
		unsigned offered;
		struct taken taken[16];
	} rows[] = {
		{ CAUSE_SILENT, SCRIPTS,
			{ { RECOVERY_REOPEN, 1 }, { RECOVERY_REOPEN, 2 }, { RECOVERY_REOPEN, 5 },
				{ RECOVERY_REOPEN, 10 }, { RECOVERY_REOPEN, 30 },
				{ RECOVERY_QUARANTINE, 300 }, { RECOVERY_REOPEN, 1 } } },
		{ CAUSE_SILENT, ALL_OFFERED,
			{ { RECOVERY_REOPEN, 1 }, { RECOVERY_REOPEN, 2 }, { RECOVERY_REOPEN, 5 },
				{ RECOVERY_REOPEN, 10 }, { RECOVERY_REOPEN, 30 },
				{ RECOVERY_USB, 60 }, { RECOVERY_USB, 60 }, { RECOVERY_POWER, 60 },
				{ RECOVERY_QUARANTINE, 300 } } },
		{ CAUSE_REFUSES, ALL_OFFERED,
			{ { RECOVERY_REOPEN, 1 }, { RECOVERY_REOPEN, 2 }, { RECOVERY_REOPEN, 5 },
				{ RECOVERY_REOPEN, 10 }, { RECOVERY_REOPEN, 30 },
				{ RECOVERY_REINIT, 60 }, { RECOVERY_REINIT, 60 },
				{ RECOVERY_RADIO, 60 }, { RECOVERY_RESTART, 60 },
				{ RECOVERY_RESTART, 60 }, { RECOVERY_USB, 60 },
				{ RECOVERY_USB, 60 }, { RECOVERY_POWER, 60 },
				{ RECOVERY_QUARANTINE, 300 } } },
		{ CAUSE_DEAF, SCRIPTS,
			{ { RECOVERY_REINIT, 1 }, { RECOVERY_REINIT, 2 }, { RECOVERY_RADIO, 5 },
				{ RECOVERY_RESTART, 10 }, { RECOVERY_RESTART, 30 },
				{ RECOVERY_QUARANTINE, 300 }, { RECOVERY_REINIT, 1 } } },
		{ CAUSE_DEAF, 0,
			{ { RECOVERY_REINIT, 1 }, { RECOVERY_REINIT, 2 },
				{ RECOVERY_QUARANTINE, 300 } } },
		{ CAUSE_HANGS_UP, SCRIPTS, { { RECOVERY_REOPEN, 1 } } },
		{ CAUSE_OPEN_FAILS, SCRIPTS, { { RECOVERY_REOPEN, 1 } } },
		{ CAUSE_OPEN_HANGS, ALL_OFFERED,
			{ { RECOVERY_QUARANTINE, 300 }, { RECOVERY_QUARANTINE, 600 },
				{ RECOVERY_QUARANTINE, 1200 }, { RECOVERY_QUARANTINE, 2400 },
				{ RECOVERY_QUARANTINE, 3600 }, { RECOVERY_QUARANTINE, 3600 } } },
		{ CAUSE_RESTARTS, ALL_OFFERED, { { RECOVERY_QUARANTINE, 300 } } },
		{ CAUSE_NETWORK, SCRIPTS, { { RECOVERY_RADIO, 0 }, { RECOVERY_RADIO, 0 } } },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct recovery recovery = { 0 };
		for (const struct taken *wanted = rows[i].taken; wanted->step; wanted++) {
			int64_t pause_ms = -1;
			enum recovery_step step = recovery_next(
				&recovery, rows[i].cause, rows[i].offered, 5 * MINUTE, &pause_ms);
			if (step != wanted->step || pause_ms != wanted->pause_s * SECOND)
				fail_msg("row %zu, %zd: %s after %lld", i, wanted - rows[i].taken,
					recovery_step_name(step), (long long)pause_ms);
		}
	}
}

/* What answered may fall silent, and the other way round: each rung has its own budget. */
static void test_ladder_of_two_causes(void **state)
{
	static const struct {
		enum recovery_cause cause;
		enum recovery_step step;
	} rows[] = {
		{ CAUSE_DEAF, RECOVERY_REINIT },
		{ CAUSE_SILENT, RECOVERY_REOPEN },
		{ CAUSE_DEAF, RECOVERY_REINIT },
		{ CAUSE_DEAF, RECOVERY_RADIO },
		{ CAUSE_REFUSES, RECOVERY_REOPEN },
		{ CAUSE_DEAF, RECOVERY_RESTART },
		{ CAUSE_SILENT, RECOVERY_REOPEN },
		{ CAUSE_SILENT, RECOVERY_REOPEN },
		{ CAUSE_SILENT, RECOVERY_REOPEN },
		{ CAUSE_SILENT, RECOVERY_QUARANTINE },
	};
	struct recovery recovery = { 0 };
	int64_t pause_ms;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		assert_int_equal(
			recovery_next(&recovery, rows[i].cause, SCRIPTS, MINUTE, &pause_ms),
			rows[i].step);
}

static void test_restarts_are_counted_over_ten_minutes(void **state)
{
	struct recovery recovery = { 0 };

	(void)state;
	for (int i = 0; i < 20; i++) /* each two minutes: five in any ten */
		assert_false(recovery_restarted(&recovery, (int64_t)i * 121 * SECOND));
	memset(&recovery, 0, sizeof recovery);
	for (int i = 0; i < 5; i++)
		assert_false(recovery_restarted(&recovery, (int64_t)i * 100 * SECOND));
	assert_true(recovery_restarted(&recovery, 600 * SECOND));
}

static void test_words_of_the_operator(void **state)
{
	(void)state;
	assert_int_equal(recovery_step_asked("at"), RECOVERY_REOPEN);
	assert_int_equal(recovery_step_asked("radio"), RECOVERY_RADIO);
	assert_int_equal(recovery_step_asked("modem"), RECOVERY_RESTART);
	assert_int_equal(recovery_step_asked("usb"), RECOVERY_USB);
	assert_int_equal(recovery_step_asked("power"), RECOVERY_POWER);
	assert_int_equal(recovery_step_asked("quarantine"), RECOVERY_STEPS);
	assert_int_equal(recovery_step_asked(""), RECOVERY_STEPS);
}

/* ---- each kind of failure ------------------------------------------------------------------- */

/* Until the modem is in this state; how many seconds that took. */
static int until_state(int state, int most_s)
{
	int64_t start_ms = loop_now_ms(bench->loop);

	for (int i = 0; i < 5 * most_s && bench->modem->fsm.state != state; i++)
		pass(200);
	if (bench->modem->fsm.state != state)
		fail_msg("%s: %s", modem_state_name(bench->modem), bench->modem->fsm.why);
	return (int)((loop_now_ms(bench->loop) - start_ms) / SECOND);
}

static void until_said(const char *part, int most_s)
{
	for (int i = 0; i < 5 * most_s && !logged(part); i++)
		pass(200);
	if (!logged(part))
		fail_msg("not said: %s (%s: %s)", part, modem_state_name(bench->modem),
			bench->modem->fsm.why);
}

static void test_silent_modem(void **state)
{
	int opens;

	(void)state;
	reach_ready();
	opens = bench->fake->opens;
	sim.dead = true;
	modem_sweep(bench->modem);
	until_said("event=quarantined", 200);
	assert_int_equal(bench->fake->opens - opens, 5);
	assert_int_equal(bench->modem->fsm.state, MODEM_FAULT);
	assert_false(bench->modem->online);
	assert_int_equal(sim.radios + sim.restarts, 0); /* it would not hear them */
	assert_int_equal(logged("event=quarantined"), 1);
	assert_int_equal(logged("step=reopen"), 3); /* the 1st, 2nd and 4th */
	assert_int_equal(logged("check its power supply, its cable and the baud rate"), 1);
	assert_int_equal(logged("left alone for 300 s"), 1);
	assert_int_equal(strncmp(trouble(), "quarantine (1): does not answer", 31), 0);
	/* what it said last, once */
	assert_true(logged("last AT lines") <= 4);
	assert_true(logged("> AT+CMGL=4") >= 1);
	opens = bench->fake->opens;
	pass(298 * SECOND);
	assert_int_equal(bench->fake->opens, opens);
	sim.dead = false;
	pass(6 * SECOND);
	assert_int_equal(bench->fake->opens, opens + 1);
	assert_int_equal(bench->modem->fsm.state, MODEM_READY);
	assert_true(bench->modem->online);
	assert_int_equal(logged("event=recovered"), 1);
	assert_int_equal(logged("what helped: quarantine"), 1);
	assert_string_equal(trouble(), "");
}

/* Each quarantine is twice as long, and each round begins with reopening. */
static void test_quarantine_grows(void **state)
{
	static const char *const spans[] = { "300 s", "600 s", "1200 s", "2400 s", "3600 s",
		"3600 s" };
	char text[64];

	(void)state;
	memset(&sim, 0, sizeof sim);
	sim.dead = true;
	for (size_t i = 0; i < COUNT_OF(spans); i++) {
		log_forget();
		for (int n = 0; n < 5000 && !logged("event=quarantined"); n++) {
			loop_advance(bench->loop, SECOND);
			bench->fake->len = 0;
		}
		snprintf(text, sizeof text, "left alone for %s", spans[i]);
		assert_int_equal(logged(text), 1);
	}
}

static void test_modem_that_refuses_its_start_up(void **state)
{
	int opens;

	(void)state;
	reach_ready();
	opens = bench->fake->opens;
	sim.cmgf = "ERROR"; /* no text can be read so */
	feed_line("RDY");
	until_said("event=quarantined", 900);
	assert_int_equal(bench->fake->opens - opens, 5);
	assert_int_equal(sim.radios, 1);
	assert_int_equal(sim.restarts, 2);
	assert_int_equal(logged("step=reinit n="), 2);
	assert_int_equal(logged("step=radio n=1"), 1);
	assert_int_equal(logged("step=restart n=2"), 1);
	assert_non_null(strstr(bench->modem->fsm.why, "quarantine: AT+CMGF=0: ERROR"));
	sim.cmgf = NULL;
	pass(301 * SECOND + 5 * SECOND);
	assert_int_equal(bench->modem->fsm.state, MODEM_READY);
	assert_int_equal(logged("event=recovered"), 1);
}

static void test_modem_that_answers_error_to_all(void **state)
{
	(void)state;
	memset(&sim, 0, sizeof sim);
	sim.all = "ERROR";
	until_said("step=reopen", 60);
	assert_true(logged("reason=\"AT: ERROR\"") >= 1);
	assert_true(bench->modem->settled);
	until_said("event=quarantined", 1500);
	sim.all = NULL;
	pass(310 * SECOND);
	assert_int_equal(bench->modem->fsm.state, MODEM_READY);
}

/* A card that is not there is no trouble, however the modem says it; one that says ERROR to a bare
 * AT as well is. */
static void test_modem_without_a_card(void **state)
{
	(void)state;
	memset(&sim, 0, sizeof sim);
	sim.cpin = "ERROR";
	pass(30 * MINUTE);
	assert_int_equal(bench->modem->fsm.state, MODEM_SIM);
	assert_int_equal(logged("event=recovery"), 0);
	assert_int_equal(logged("event=sim_out"), 1);
	sim.all = "ERROR";
	pass(60 * SECOND);
	assert_true(logged("step=reopen n=1") == 1);
	assert_int_equal(strncmp(trouble(), "reopen", 6), 0);
	sim.all = sim.cpin = NULL;
	pass(60 * SECOND);
	assert_int_equal(bench->modem->fsm.state, MODEM_READY);
	assert_int_equal(logged("event=recovered"), 1);
}

static void test_deaf_modem(void **state)
{
	int opens;

	(void)state;
	reach_ready();
	opens = bench->fake->opens;
	sim.list = "+CMS ERROR: 500";
	modem_sweep(bench->modem);
	until_said("event=recovery", 60);
	assert_true(bench->modem->deaf);
	assert_false(bench->modem->online);
	assert_int_equal(logged("texts cannot be read, AT+CMGL=4: +CMS ERROR: 500"), 4);
	assert_int_equal(strncmp(trouble(), "reinit (1): deaf", 16), 0);
	until_said("event=quarantined", 600);
	assert_int_equal(logged("step=reinit n="), 2);
	assert_int_equal(sim.radios, 1);
	assert_int_equal(sim.restarts, 2);
	assert_int_equal(bench->fake->opens, opens); /* the channel was well all the time */
	assert_true(bench->modem->listings_failed >= 16);
	assert_true(logged("listing failed") <= 8); /* 1st, 2nd, 4th, ... */
	assert_int_equal(logged("listing failed; it is repeated n=16 "), 1);
	assert_false(bench->modem->online);
	sim.list = NULL;
	pass(310 * SECOND);
	assert_int_equal(bench->modem->fsm.state, MODEM_READY);
	assert_true(bench->modem->online);
	assert_int_equal(bench->modem->listings_failed, 0);
	assert_int_equal(logged("texts can be read again"), 1);
}

/* The process or the machine stood still: nobody could have answered. */
static void test_a_frozen_daemon_blames_nobody(void **state)
{
	char command[300];
	uint64_t errors;

	(void)state;
	reach_ready();
	errors = bench->modem->errors;
	feed_line("+CMTI: \"SM\",4");
	assert_true(next_command(command, sizeof command));
	assert_string_equal(command, "AT+CMGL=4");
	loop_freeze(bench->loop, 3600 * SECOND);
	loop_turn(bench->loop, 0);
	feed_line("OK"); /* later than a listing may take */
	pass(MINUTE);
	assert_int_equal(bench->modem->errors, errors);
	assert_int_equal(logged("event=recovery"), 0);
	/* nor does it count for a registration that was lost before */
	feed_line("+CREG: 2");
	sim.creg = "+CREG: 1,2\r\nOK";
	pass(SECOND);
	loop_freeze(bench->loop, 3600 * SECOND);
	pass(10 * SECOND);
	assert_true(bench->modem->online);
	pass(15 * SECOND);
	assert_false(bench->modem->online);
	for (int i = 0; i < 5; i++)
		loop_freeze(bench->loop, 3600 * SECOND);
	pass(SECOND);
	assert_int_equal(sim.radios, 0);
}

/* What nobody has looked at for long is not relied on before a poll. */
static void test_looked_at_anew(void **state)
{
	(void)state;
	reach_ready();
	modem_look_anew(bench->modem);
	assert_false(bench->modem->online);
	assert_false(bench->modem->settled);
	pass(5 * SECOND);
	assert_true(bench->modem->online);
	assert_true(bench->modem->settled);
	sim.ccid = "89460000000000000025\r\nOK";
	modem_look_anew(bench->modem);
	pass(5 * SECOND);
	assert_string_equal(bench->modem->iccid, "89460000000000000025");
	assert_true(bench->modem->online);
	sim.dead = true;
	modem_look_anew(bench->modem);
	pass(MINUTE);
	assert_false(bench->modem->online);
	assert_true(bench->modem->settled);
}

static void test_card_that_fails(void **state)
{
	int radios, restarts;

	(void)state;
	reach_ready();
	sim.cpin = "+CMS ERROR: 310";
	modem_look(bench->modem);
	pass(MINUTE);
	assert_string_equal(bench->modem->fsm.why, "no card");
	assert_int_equal(logged("event=recovery"), 0);
	sim.cpin = "+CME ERROR: 13";
	until_said("step=radio", 60);
	assert_int_equal(logged("card error 13; next: radio"), 1);
	until_said("step=restart", 60);
	until_said("step=restart n=2", 120);
	radios = sim.radios;
	restarts = sim.restarts;
	pass(30 * MINUTE); /* it is looked at on, for another card; no more than that */
	assert_int_equal(bench->modem->fsm.state, MODEM_SIM);
	assert_in_range(sim.radios, radios, radios + 1);
	assert_in_range(sim.restarts, restarts, restarts + 1);
	assert_int_equal(logged("event=quarantined"), 0);
	pass(60 * MINUTE);
	assert_true(sim.restarts > restarts + 1);
	sim.cpin = NULL;
	pass(MINUTE);
	assert_true(bench->modem->online);
	assert_int_equal(logged("event=recovered"), 1);
	/* another card that fails: from the first step again */
	sim.cpin = "+CMS ERROR: 313";
	modem_look(bench->modem);
	until_said("n=1 reason=\"card error 13\"", 60);
}

static void test_deaf_modem_comes_back_on_the_first_step(void **state)
{
	(void)state;
	reach_ready();
	sim.list = "+CMS ERROR: 500";
	modem_sweep(bench->modem);
	until_said("step=reinit", 60);
	sim.list = NULL;
	pass(5 * SECOND);
	assert_true(bench->modem->online);
	assert_int_equal(logged("what helped: reinit"), 1);
	assert_int_equal(bench->modem->recovery.used[RECOVERY_REINIT], 0); /* full again */
}

/* A listing without an end: nothing fails, but three sweeps long nothing was read. */
static void test_listing_that_never_ends(void **state)
{
	(void)state;
	bench->env.spans.sweep = 10 * SECOND;
	bench->env.spans.poll = 5 * SECOND;
	reach_ready();
	sim.endless = true;
	sim.list = "+CMGL: junk";
	modem_sweep(bench->modem);
	until_said("event=recovery", 60);
	assert_int_equal(logged("deaf: no good look at its texts for 3"), 4);
	assert_false(bench->modem->online);
	assert_true(bench->modem->deaf);
	sim.endless = false;
	sim.list = NULL;
	pass(10 * SECOND);
	assert_true(bench->modem->online);
	assert_int_equal(logged("event=recovered"), 1);
}

static void test_open_that_fails(void **state)
{
	static const int errs[] = { -EBUSY, -EACCES, -EIO, -ENXIO };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(errs); i++) {
		if (i > 0) {
			bench_teardown(NULL);
			setup(NULL);
		}
		memset(&sim, 0, sizeof sim);
		bench->fake->open_err = errs[i];
		pass(55 * SECOND);
		assert_int_equal(bench->fake->opens, 6);
		assert_int_equal(logged("event=quarantined"), 1);
		assert_int_equal(bench->modem->fsm.state, MODEM_FAULT);
		bench->fake->open_err = 0;
		pass(305 * SECOND);
		assert_int_equal(bench->modem->fsm.state, MODEM_READY);
		assert_int_equal(logged("event=recovered"), 1);
	}
}

static void test_open_that_hangs(void **state)
{
	(void)state;
	memset(&sim, 0, sizeof sim);
	bench->fake->open_err = -ETIMEDOUT;
	pass(2 * SECOND);
	assert_int_equal(logged("event=port_open_hung"), 1);
	assert_int_equal(logged("event=quarantined"), 1);
	assert_int_equal(logged("unplug the device or reset its USB port"), 1);
	assert_int_equal(bench->modem->fsm.state, MODEM_FAULT);
	pass(300 * SECOND);
	assert_int_equal(bench->fake->opens, 2);
	assert_int_equal(logged("left alone for 600 s"), 1);
}

static void test_line_that_hangs_up_again_and_again(void **state)
{
	int hang_ups = 0;

	(void)state;
	reach_ready();
	for (int i = 0; i < 100; i++) {
		if (bench->fake->open) {
			fake_lost();
			hang_ups++;
		}
		pass(SECOND);
	}
	assert_int_equal(hang_ups, 6);
	assert_int_equal(logged("hangs up again and again; left alone for 300 s"), 1);
	pass(300 * SECOND);
	assert_int_equal(bench->modem->fsm.state, MODEM_READY);
}

/* ---- registration --------------------------------------------------------------------------- */

static void test_network_that_does_not_come(void **state)
{
	(void)state;
	reach_ready();
	sim.creg = "+CREG: 1,2\r\nOK";
	feed_line("+CREG: 2");
	pass(595 * SECOND);
	assert_int_equal(sim.radios, 0);
	pass(15 * SECOND);
	assert_int_equal(sim.radios, 1);
	pass(3 * 10 * MINUTE);
	assert_int_equal(sim.radios, 4); /* once in ten minutes and a bit */
	assert_int_equal(sim.restarts, 0);
	assert_int_equal(logged("step=radio"), 3); /* the 1st, 2nd, 4th */
	assert_int_equal(logged("event=quarantined"), 0);
	sim.creg = NULL;
	feed_line("+CREG: 1");
	pass(5 * SECOND);
	assert_int_equal(logged("what helped: radio"), 1);
}

static void test_network_that_says_no(void **state)
{
	(void)state;
	reach_ready();
	sim.creg = "+CREG: 1,3\r\nOK";
	feed_line("+CREG: 3");
	pass(25 * MINUTE);
	assert_int_equal(sim.radios, 0);
	assert_int_equal(logged("event=recovery"), 0);
	assert_int_equal(bench->modem->fsm.state, MODEM_REGISTER);
}

/* ---- restarts, and devices that go and come ------------------------------------------------- */

static void device(bool there)
{
	FILE *file;

	if (!there) {
		assert_int_equal(unlink(bench->device), 0);
		return;
	}
	file = fopen(bench->device, "w");
	assert_non_null(file);
	fclose(file);
}

static void test_unplugged_and_plugged_again_is_no_failure(void **state)
{
	(void)state;
	reach_ready();
	for (int i = 0; i < 4; i++) {
		device(false);
		fake_lost();
		assert_int_equal(bench->modem->fsm.state, MODEM_OFF);
		assert_false(bench->modem->online);
		pass(20 * SECOND);
		device(true);
		pass(4 * SECOND);
		assert_int_equal(bench->modem->fsm.state, MODEM_READY);
	}
	assert_int_equal(logged("event=recovery"), 0);
	assert_int_equal(logged("last AT lines"), 0);
	assert_string_equal(trouble(), "");
}

/* The line hangs up first, then the node goes. */
static void test_node_that_goes_after_the_line(void **state)
{
	(void)state;
	reach_ready();
	fake_lost();
	assert_int_equal(bench->modem->fsm.state, MODEM_FAULT);
	device(false);
	pass(1100);
	assert_int_equal(bench->modem->fsm.state, MODEM_OFF);
	device(true);
	pass(4 * SECOND);
	assert_int_equal(bench->modem->fsm.state, MODEM_READY);
	assert_int_equal(logged("event=recovery"), 0);
}

static void test_module_that_re_enumerates_again_and_again(void **state)
{
	(void)state;
	reach_ready();
	for (int i = 0; i < 6; i++) {
		device(false);
		fake_lost();
		pass(SECOND);
		device(true);
		pass(4 * SECOND);
	}
	assert_int_equal(bench->modem->fsm.state, MODEM_FAULT);
	assert_int_equal(logged("restarts again and again: check its power supply; left alone"), 1);
	pass(290 * SECOND);
	assert_int_equal(bench->modem->fsm.state, MODEM_FAULT);
	pass(15 * SECOND);
	assert_int_equal(bench->modem->fsm.state, MODEM_READY);
	assert_int_equal(logged("event=recovered"), 1);
}

static void test_module_that_restarts_by_itself(void **state)
{
	(void)state;
	reach_ready();
	for (int i = 0; i < 5; i++) {
		feed_line("RDY");
		pass(2 * SECOND);
		assert_int_equal(bench->modem->fsm.state, MODEM_READY);
	}
	assert_int_equal(logged("event=recovery"), 0);
	feed_line("RDY");
	pass(2 * SECOND);
	assert_int_equal(bench->modem->fsm.state, MODEM_FAULT);
	assert_int_equal(logged("event=quarantined"), 1);
	assert_non_null(strstr(trouble(), "restarts again and again: check its power supply"));
}

/* The word that it starts comes once after a restart of ours; then it counts again. */
static void test_module_that_restarts_after_a_restart_of_ours(void **state)
{
	(void)state;
	reach_ready();
	sim.cpin = "+CPIN: SIM PIN\r\nOK";
	assert_int_equal(modem_reset(bench->modem, RECOVERY_RESTART), 0);
	pass(SECOND);
	for (int i = 0; i < 6; i++) {
		feed_line("RDY");
		pass(2 * SECOND);
		assert_int_equal(bench->modem->fsm.state, MODEM_SIM);
	}
	feed_line("RDY");
	pass(2 * SECOND);
	assert_int_equal(logged("event=quarantined"), 1);
}

/* A new module in the same USB port does not wait for what the old one did. */
static void test_swap_in_quarantine(void **state)
{
	(void)state;
	reach_ready();
	sim.dead = true;
	modem_sweep(bench->modem);
	until_said("event=quarantined", 200);
	pass(10 * SECOND);
	device(false);
	pass(3 * SECOND);
	assert_int_equal(bench->modem->fsm.state, MODEM_OFF);
	sim.dead = false;
	device(true);
	pass(5 * SECOND);
	assert_int_equal(bench->modem->fsm.state, MODEM_READY);
	assert_int_equal(bench->modem->recovery.quarantines, 0);
	assert_int_equal(logged("event=recovered"), 1);
}

/* Too fast to be seen as gone: the node is another one. */
static void test_swap_between_two_looks(void **state)
{
	char other[120];

	(void)state;
	reach_ready();
	sim.dead = true;
	modem_sweep(bench->modem);
	until_said("event=quarantined", 200);
	sim.dead = false;
	snprintf(other, sizeof other, "%s.new", bench->device);
	assert_int_equal(symlink(bench->dir, other), 0);
	unlink(other);
	FILE *file = fopen(other, "w");
	fclose(file);
	assert_int_equal(rename(other, bench->device), 0);
	pass(5 * SECOND);
	assert_int_equal(bench->modem->fsm.state, MODEM_READY);
}

/* What we restart may vanish and come back: that is no new module, the ladder goes on. */
static void test_restart_of_ours_keeps_the_place_on_the_ladder(void **state)
{
	(void)state;
	reach_ready();
	sim.list = "+CMS ERROR: 500";
	modem_sweep(bench->modem);
	until_said("step=restart n=1", 200);
	for (int i = 0; i < 200 && sim.restarts == 0; i++)
		pass(200);
	device(false);
	fake_lost();
	assert_int_equal(bench->modem->fsm.state, MODEM_OFF);
	pass(10 * SECOND);
	device(true);
	until_said("step=restart n=2", 100);
	assert_int_equal(sim.radios, 1);
	assert_int_equal(logged("step=reinit n="), 2);
	until_said("event=quarantined", 200);
	assert_int_equal(sim.restarts, 2);
}

/* ---- speed of the line ---------------------------------------------------------------------- */

static void test_modem_at_another_speed(void **state)
{
	(void)state;
	memset(&sim, 0, sizeof sim);
	bench->fake->answers_at = 57600;
	until_state(MODEM_READY, 60);
	assert_int_equal(bench->fake->opens, 3); /* 115200, 9600, 57600 */
	assert_int_equal(logged("answers at 57600 baud, not at the configured 115200"), 1);
	pass(2 * SECOND);
	fake_lost(); /* kept, and not said again */
	pass(5 * SECOND);
	assert_int_equal(bench->modem->fsm.state, MODEM_READY);
	assert_int_equal(bench->fake->opens, 4);
	assert_int_equal(bench->fake->baud, 57600);
	assert_int_equal(logged("answers at"), 1);
}

static void test_all_speeds_in_vain(void **state)
{
	(void)state;
	memset(&sim, 0, sizeof sim);
	bench->fake->answers_at = 1200;
	until_said("event=recovery", 150);
	assert_int_equal(bench->fake->opens, 8);
	assert_true(bench->modem->settled);
	until_said("event=quarantined", 200);
	assert_int_equal(bench->fake->opens, 8 + 5);
	assert_int_equal(bench->fake->baud, 115200);
	bench->fake->answers_at = 19200; /* somebody set it: the next round finds it */
	pass(300 * SECOND + 100 * SECOND);
	assert_int_equal(bench->modem->fsm.state, MODEM_READY);
	assert_int_equal(bench->fake->baud, 19200);
}

/* It hangs; that its speed has changed is not the first thing to think of. */
static void test_speed_that_was_right_before(void **state)
{
	(void)state;
	bench->fake->answers_at = 115200;
	reach_ready();
	sim.dead = true;
	modem_sweep(bench->modem);
	until_said("step=reopen n=2", 100);
	assert_int_equal(bench->fake->baud, 115200);
	assert_int_equal(logged("trying"), 0);
	sim.dead = false;
	bench->fake->answers_at = 9600; /* it forgot its setting when it restarted */
	pass(60 * SECOND);
	assert_int_equal(bench->modem->fsm.state, MODEM_READY);
	assert_int_equal(bench->fake->baud, 9600);
}

static void test_speed_does_not_matter_everywhere(void **state)
{
	(void)state;
	memset(&sim, 0, sizeof sim);
	sim.dead = true; /* answers_at is 0: a pty, a serial server */
	until_said("event=recovery", 60);
	assert_int_equal(bench->fake->opens, 1);
}

/* ---- several interfaces of one module ------------------------------------------------------- */

static struct modem *modems[FAKES_MAX];

static void shell(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void shell(const char *format, ...)
{
	char command[800];
	va_list args;

	va_start(args, format);
	vsnprintf(command, sizeof command, format, args);
	va_end(args);
	assert_int_equal(system(command), 0);
}

/* SYS/class/tty/NAME/device -> SYS/devices/USB/USB:1.N/NAME, as the kernel lays it out. */
static void put_in_sysfs(const char *tty, const char *usb, int interface, const char *driver)
{
	const char *dir = bench->dir;

	shell("mkdir -p %s/sys/class/tty/%s %s/sys/devices/%s/%s:1.%d/%s", dir, tty, dir, usb, usb,
		interface, tty);
	shell("ln -s %s/sys/devices/%s/%s:1.%d/%s %s/sys/class/tty/%s/device", dir, usb, usb,
		interface, tty, dir, tty);
	shell("ln -sfn ../../../bus/usb/drivers/%s %s/sys/devices/%s/%s:1.%d/driver", driver, dir,
		usb, usb, interface);
	shell("printf '%02x\\n' >%s/sys/devices/%s/%s:1.%d/bInterfaceNumber", (unsigned)interface,
		dir, usb, usb, interface);
	shell("echo 1e0e >%s/sys/devices/%s/idVendor", dir, usb);
}

/* `count` modems at tty0, tty1, ... of which the first is on the interface given first. */
static void plug(size_t count)
{
	static char sysfs[120];

	close_all();
	open_store();
	snprintf(sysfs, sizeof sysfs, "%s/sys", bench->dir);
	bench->env.sysfs = sysfs;
	bench->fake_count = 0;
	memset(&sim, 0, sizeof sim);
	for (size_t i = 0; i < count; i++) {
		char name[16], path[120];
		struct modem_config config = { "north", name, path, NULL, 115200, NULL };
		snprintf(name, sizeof name, "p%02u", (unsigned)i & 0xF);
		snprintf(path, sizeof path, "%s/tty%zu", bench->dir, i);
		fclose(fopen(path, "w"));
		modems[i] = modem_new(&bench->env, &config);
		modem_start(modems[i]);
	}
	bench->modem = modems[0];
}

static void expect_serving(size_t count, unsigned serving)
{
	for (size_t i = 0; i < count; i++) {
		bool wanted = serving & 1U << i;
		if ((modems[i]->fsm.state == MODEM_READY) != wanted)
			fail_msg("p%02zu is %s: %s", i, modem_state_name(modems[i]),
				modems[i]->fsm.why);
		if (!wanted) {
			assert_int_equal(modems[i]->fsm.state, MODEM_OFF);
			assert_int_equal(
				strncmp(modems[i]->fsm.why, "another interface of north/", 27), 0);
			assert_false(bench->fakes[i].open);
		}
		assert_true(modems[i]->settled);
	}
}

static void test_interfaces_of_one_module(void **state)
{
	(void)state;
	put_in_sysfs("tty0", "1-1", 3, "option");
	put_in_sysfs("tty1", "1-1", 2, "option");
	plug(2);
	pass(5 * SECOND);
	expect_serving(2, 1U << 1); /* the lower one */
	assert_string_equal(modems[0]->fsm.why, "another interface of north/p01");
	assert_int_equal(logged("event=recovery"), 0);
	pass(10 * MINUTE); /* and so it stays */
	expect_serving(2, 1U << 1);
	assert_true(modems[1]->online);
}

static void test_interfaces_in_the_order_of_the_driver(void **state)
{
	static const int8_t order[] = { 3, 2, -1 };
	static struct modem_driver odd;

	(void)state;
	put_in_sysfs("tty0", "1-1", 2, "option");
	put_in_sysfs("tty1", "1-1", 3, "option");
	plug(2);
	odd = *modem_driver_named("sim800");
	odd.interfaces = order;
	modems[0]->wanted_driver = modems[1]->wanted_driver = &odd;
	pass(5 * SECOND);
	expect_serving(2, 1U << 1);
}

static void fail_line(size_t i)
{
	bench->fakes[i].open = false;
	bench->fakes[i].port.events->lost(bench->fakes[i].port.owner, -EIO, "hung up");
}

static void test_another_interface_takes_over(void **state)
{
	(void)state;
	put_in_sysfs("tty0", "1-1", 2, "option");
	put_in_sysfs("tty1", "1-1", 3, "option");
	plug(2);
	pass(5 * SECOND);
	expect_serving(2, 1U << 0);
	bench->fakes[0].open_err = -EIO;
	fail_line(0);
	pass(6 * SECOND);
	assert_int_equal(modems[1]->fsm.state, MODEM_READY);
	bench->fakes[0].open_err = 0; /* well again, but the other one serves */
	pass(60 * SECOND);
	expect_serving(2, 1U << 1);
	bench->fakes[1].open_err = -EIO; /* and back */
	fail_line(1);
	pass(6 * SECOND);
	assert_int_equal(modems[0]->fsm.state, MODEM_READY);
}

static void test_serving_interface_that_goes_away(void **state)
{
	char path[120];

	(void)state;
	put_in_sysfs("tty0", "1-1", 2, "option");
	put_in_sysfs("tty1", "1-1", 3, "option");
	plug(2);
	pass(5 * SECOND);
	snprintf(path, sizeof path, "%s/tty0", bench->dir);
	unlink(path);
	fail_line(0);
	pass(6 * SECOND);
	assert_int_equal(modems[0]->fsm.state, MODEM_OFF);
	assert_int_equal(modems[1]->fsm.state, MODEM_READY);
}

/* Clones share an IMEI: without a USB device in common each is a modem of its own. */
static void test_same_imei_elsewhere(void **state)
{
	(void)state;
	put_in_sysfs("tty0", "1-1", 0, "option");
	put_in_sysfs("tty1", "1-2", 1, "option"); /* another module */
	/* tty2, tty3: behind a bridge of two channels */
	put_in_sysfs("tty2", "1-3", 0, "ftdi_sio");
	put_in_sysfs("tty3", "1-3", 1, "ftdi_sio");
	/* tty4, tty5: two lines of one interface, whatever its driver is */
	put_in_sysfs("tty4", "1-4", 0, "newbridge");
	put_in_sysfs("tty5", "1-4", 0, "newbridge");
	plug(6);
	pass(5 * SECOND);
	expect_serving(6, 0x3F);
	assert_string_equal(modems[0]->usb.parent, "/devices/1-1");
	assert_string_equal(modems[2]->usb.parent, "");
}

static void test_hub_of_serial_lines(void **state)
{
	(void)state; /* nothing in sysfs at all */
	plug(4);
	pass(5 * SECOND);
	expect_serving(4, 0xF);
}

/* ---- what the place offers, and the operator ------------------------------------------------ */

static int usb_resets, power_cycles, place_answer, place_result;
static bool no_turn, held;
static struct loop_timer place_timer;

static void on_place_timer(void *arg)
{
	modem_place_done(arg, place_result, "the place says why");
}

static int begin(struct modem *modem)
{
	assert_false(modem->open);
	loop_timer_init(&place_timer, bench->loop, on_place_timer, modem);
	if (place_answer == 0)
		loop_timer_start(&place_timer, 3 * SECOND);
	return place_answer;
}

static int on_usb_reset(void *arg, struct modem *modem)
{
	(void)arg;
	usb_resets++;
	return begin(modem);
}

static int on_power_cycle(void *arg, struct modem *modem)
{
	(void)arg;
	power_cycles++;
	return begin(modem);
}

static bool on_turn(void *arg, char *why, size_t size)
{
	(void)arg;
	if (no_turn)
		snprintf(why, size, "waits its turn");
	return !no_turn;
}

static bool on_held(void *arg)
{
	(void)arg;
	return held;
}

static const struct recovery_place place = {
	.usb_reset = on_usb_reset, .power_cycle = on_power_cycle, .turn = on_turn, .held = on_held
};

static void use_place(void)
{
	usb_resets = power_cycles = place_answer = place_result = 0;
	no_turn = held = false;
	reach_ready();
	bench->modem->place = &place;
}

/* Of the port in the tests, since the last call for this step. */
static int counted(const char *step)
{
	static uint64_t before[RECOVERY_STEPS];
	size_t count, n = 0;
	const struct tally_row *rows = tally_rows(TALLY_RECOVERY, &count);

	while (strcmp(recovery_step_name((enum recovery_step)n), step) != 0)
		n++;
	for (size_t i = 0; i < count; i++)
		if (strcmp(rows[i].labels[0], bench->modem->id) == 0 &&
			strcmp(rows[i].labels[1], step) == 0) {
			int more = (int)(rows[i].count - before[n]);
			before[n] = rows[i].count;
			return more;
		}
	return 0;
}

static void test_what_the_place_offers(void **state)
{
	(void)state;
	use_place();
	counted("usb"), counted("power"), counted("quarantine");
	sim.dead = true;
	modem_sweep(bench->modem);
	until_said("step=usb n=1", 200);
	pass(65 * SECOND);
	assert_int_equal(usb_resets, 1);
	until_said("step=usb n=2", 100); /* what helps more than the first */
	pass(65 * SECOND);
	assert_int_equal(usb_resets, 2);
	assert_int_equal(power_cycles, 0);
	until_said("step=power n=1", 100);
	sim.dead = false;
	pass(60 * SECOND + 40 * SECOND);
	assert_int_equal(power_cycles, 1);
	assert_int_equal(bench->modem->fsm.state, MODEM_READY);
	assert_int_equal(logged("what helped: power"), 1);
	assert_int_equal(counted("usb"), 2);
	assert_int_equal(counted("power"), 1);
	assert_int_equal(counted("quarantine"), 0);
	assert_int_equal(logged("event=quarantined"), 0);
}

static void test_place_that_cannot(void **state)
{
	(void)state;
	for (int way = 0; way < 2; way++) { /* at once, or once it was tried */
		if (way == 0)
			use_place();
		else
			pass(360 * SECOND);
		assert_int_equal(bench->modem->fsm.state, MODEM_READY);
		*(way == 0 ? &place_answer : &place_result) = -EIO;
		usb_resets = power_cycles = 0;
		log_forget();
		sim.dead = true;
		modem_sweep(bench->modem);
		until_said("event=quarantined", 600);
		assert_int_equal(usb_resets, 2);
		assert_int_equal(power_cycles, 1);
		place_answer = 0;
		sim.dead = false;
	}
	assert_true(logged("the place says why") > 0);
}

static void test_place_that_hangs(void **state)
{
	(void)state;
	use_place();
	place_result = -ETIMEDOUT;
	assert_int_equal(modem_reset(bench->modem, RECOVERY_USB), 0);
	pass(4 * SECOND);
	assert_int_equal(bench->modem->fsm.state, MODEM_FAULT);
	assert_int_equal(bench->modem->recovery.step, RECOVERY_QUARANTINE);
	assert_int_equal(logged("event=quarantined"), 1);
	assert_true(logged("the place says why") > 0);
	pass(200 * SECOND);
	assert_int_equal(bench->modem->fsm.state, MODEM_FAULT);
	/* what ends when nobody waits for it means nothing */
	modem_place_done(bench->modem, 0, "");
	assert_int_equal(bench->modem->fsm.state, MODEM_FAULT);
}

static void test_waits_its_turn(void **state)
{
	(void)state;
	use_place();
	no_turn = true;
	assert_int_equal(modem_reset(bench->modem, RECOVERY_USB), 0);
	pass(5 * SECOND);
	assert_int_equal(bench->modem->fsm.state, MODEM_FAULT);
	assert_string_equal(bench->modem->fsm.why, "waits its turn");
	assert_int_equal(usb_resets, 0);
	no_turn = false;
	pass(2 * SECOND);
	assert_int_equal(usb_resets, 1);
	pass(30 * SECOND);
	assert_int_equal(bench->modem->fsm.state, MODEM_READY);
}

/* The trouble of many: it is opened again and again, and neither reset nor left alone for long. */
static void test_held(void **state)
{
	int opens;

	(void)state;
	use_place();
	held = true;
	log_forget();
	opens = bench->fake->opens;
	sim.dead = true;
	modem_sweep(bench->modem);
	pass(1200 * SECOND);
	assert_int_equal(usb_resets + power_cycles, 0);
	assert_true(bench->fake->opens - opens >= 15);
	assert_int_equal(logged("event=quarantined"), 0);
	assert_int_equal(logged("event=recovery"), 0);
	assert_int_equal(logged("last AT lines"), 0);
	sim.dead = false;
	pass(90 * SECOND);
	assert_int_equal(bench->modem->fsm.state, MODEM_READY);
	/* the pause before a reset is over when it is no longer wanted */
	held = false;
	assert_int_equal(modem_reset(bench->modem, RECOVERY_USB), 0);
	assert_int_equal(usb_resets, 1);
	pass(40 * SECOND);
	no_turn = true;
	assert_int_equal(modem_reset(bench->modem, RECOVERY_USB), 0);
	held = true;
	no_turn = false;
	pass(10 * SECOND);
	assert_int_equal(usb_resets, 1);
	assert_int_equal(bench->modem->fsm.state, MODEM_READY);
}

static void test_reset_by_hand(void **state)
{
	(void)state;
	reach_ready();
	assert_int_equal(modem_reset(bench->modem, RECOVERY_USB), -EOPNOTSUPP);
	assert_int_equal(modem_reset(bench->modem, RECOVERY_POWER), -EOPNOTSUPP);
	assert_int_equal(modem_reset(bench->modem, RECOVERY_QUARANTINE), -EINVAL);
	assert_int_equal(modem_reset(bench->modem, RECOVERY_RADIO), 0);
	pass(3 * SECOND);
	assert_int_equal(sim.radios, 1);
	assert_int_equal(bench->modem->fsm.state, MODEM_READY);
	assert_int_equal(modem_reset(bench->modem, RECOVERY_RESTART), 0);
	pass(12 * SECOND);
	assert_int_equal(sim.restarts, 1);
	assert_int_equal(bench->modem->fsm.state, MODEM_READY);
	assert_int_equal(modem_reset(bench->modem, RECOVERY_REOPEN), 0);
	pass(3 * SECOND);
	assert_int_equal(bench->fake->opens, 2);
	assert_int_equal(bench->modem->fsm.state, MODEM_READY);
	assert_int_equal(
		logged("asked for by the operator"), 12); /* line, reason, state with its reason */
	assert_int_equal(logged("event=recovered"), 0);   /* nothing was wrong */
	assert_int_equal(bench->modem->recovery.used[RECOVERY_RESTART], 0);
}

static void test_reset_in_quarantine(void **state)
{
	(void)state;
	reach_ready();
	sim.dead = true;
	modem_sweep(bench->modem);
	until_said("event=quarantined", 200);
	assert_int_equal(modem_reset(bench->modem, RECOVERY_RADIO), -ENOTCONN);
	sim.dead = false;
	assert_int_equal(modem_reset(bench->modem, RECOVERY_REOPEN), 0);
	pass(3 * SECOND);
	assert_int_equal(bench->modem->fsm.state, MODEM_READY);
	assert_int_equal(logged("what helped: reopen"), 1);
	device(false);
	fake_lost();
	assert_int_equal(modem_reset(bench->modem, RECOVERY_REOPEN), -ENODEV);
}

/* ---- what is in the log --------------------------------------------------------------------- */

/* What a modem said last is told once, in order, and nothing of it that is somebody's. */
static void test_last_lines(void **state)
{
	const char *first, *second;

	(void)state;
	reach_ready();
	feed_line("+CUSD: 0,\"Your code is Zanzibar");
	feed_line("Zanzibar 12\",15");
	feed_line("+CMT: \"+46700100017\",,\"23/02/09\"");
	feed_line("+CODE: \"7391\"");
	feed_line("Zanzibar");
	log_forget();
	fake_lost();
	pass(5 * SECOND);
	first = strstr(log_text, "last AT lines");
	assert_non_null(first);
	second = strstr(log_text, "event=recovery");
	assert_non_null(second);
	assert_true(first < second);
	assert_null(strstr(log_text, "Zanzibar"));
	assert_null(strstr(log_text, "46700100017"));
	assert_null(strstr(log_text, "7391"));
	assert_true(strstr(log_text, "> AT+CMGL=4") < strstr(log_text, "+CUSD: 0,\"...\""));
	assert_int_equal(logged("event=recovered"), 1);
	log_forget(); /* closed: the next trouble tells its own */
	fake_lost();
	pass(5 * SECOND);
	assert_true(logged("last AT lines") >= 1);
}

#define PLAIN(name) cmocka_unit_test(name)
#define CASE(name)  cmocka_unit_test_setup_teardown(name, setup, bench_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLAIN(test_ladder),
		PLAIN(test_ladder_of_two_causes),
		PLAIN(test_restarts_are_counted_over_ten_minutes),
		PLAIN(test_words_of_the_operator),
		CASE(test_silent_modem),
		CASE(test_quarantine_grows),
		CASE(test_modem_that_refuses_its_start_up),
		CASE(test_modem_that_answers_error_to_all),
		CASE(test_modem_without_a_card),
		CASE(test_deaf_modem),
		CASE(test_a_frozen_daemon_blames_nobody),
		CASE(test_looked_at_anew),
		CASE(test_card_that_fails),
		CASE(test_deaf_modem_comes_back_on_the_first_step),
		CASE(test_listing_that_never_ends),
		CASE(test_open_that_fails),
		CASE(test_open_that_hangs),
		CASE(test_line_that_hangs_up_again_and_again),
		CASE(test_network_that_does_not_come),
		CASE(test_network_that_says_no),
		CASE(test_unplugged_and_plugged_again_is_no_failure),
		CASE(test_node_that_goes_after_the_line),
		CASE(test_module_that_re_enumerates_again_and_again),
		CASE(test_module_that_restarts_by_itself),
		CASE(test_module_that_restarts_after_a_restart_of_ours),
		CASE(test_swap_in_quarantine),
		CASE(test_swap_between_two_looks),
		CASE(test_restart_of_ours_keeps_the_place_on_the_ladder),
		CASE(test_modem_at_another_speed),
		CASE(test_all_speeds_in_vain),
		CASE(test_speed_that_was_right_before),
		CASE(test_speed_does_not_matter_everywhere),
		CASE(test_interfaces_of_one_module),
		CASE(test_interfaces_in_the_order_of_the_driver),
		CASE(test_another_interface_takes_over),
		CASE(test_serving_interface_that_goes_away),
		CASE(test_same_imei_elsewhere),
		CASE(test_hub_of_serial_lines),
		CASE(test_what_the_place_offers),
		CASE(test_place_that_cannot),
		CASE(test_place_that_hangs),
		CASE(test_waits_its_turn),
		CASE(test_held),
		CASE(test_reset_by_hand),
		CASE(test_reset_in_quarantine),
		CASE(test_last_lines),
	};

	log_keep();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
