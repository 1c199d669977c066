/* test_bank.c - a SIM bank that switches cards: off the list before, read before, verified after;
 * its rows, their turns, its columns. A played control line and module, a clock that stands still.
 */
#include "modem_fixture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "modem/bank.h"

enum { ROWS = 4, COMMANDS_MAX = 64 };

static struct bank_fixture {
	struct banks *banks;
	struct config config;
	struct config_bank bank;
	struct config_control controls[2];
	struct config_column column;
	bool listed, busy;
	/* the bank */
	int row;                   /* the one that is connected; 0: none */
	char cards[ROWS + 1][100]; /* answers to AT+CCID; "" no card */
	bool silent, garbage;
	int lies, wrong;
	int wired; /* to this column of the first line */
	char commands[COMMANDS_MAX][24];
	int64_t at_ms[COMMANDS_MAX];
	int count;
	/* what must never be */
	bool online_seen, deleted_late;
} fx;

static bool is_listed(void *arg, struct modem *modem)
{
	(void)arg, (void)modem;
	return fx.listed;
}

static bool is_busy(void *arg, const struct modem *modem)
{
	(void)arg, (void)modem;
	return fx.busy;
}

static const struct bank_wiring wiring = { is_listed, is_busy, NULL };

/* ---- what is played ------------------------------------------------------------------------- */

static void connect_row(int row)
{
	fx.row = row;
	sim.ccid = fx.cards[row][0] ? fx.cards[row] : NULL;
	sim.cpin = fx.cards[row][0] ? NULL : "+CME ERROR: 10";
}

static const char *switched(int column, int row)
{
	/* its number was off the list, and whatever lay on the card was taken */
	fx.online_seen = fx.online_seen || bench->modem->online;
	fx.deleted_late = fx.deleted_late || sim.list;
	if (fx.garbage)
		return "\x80#?";
	if (column == fx.wired && fx.lies > 0)
		fx.lies--;
	else if (column == fx.wired && fx.wrong > 0)
		fx.wrong--, connect_row(row % ROWS + 1);
	else if (column == fx.wired)
		connect_row(row);
	return fx.silent ? "" : "SWIT OK";
}

static const char *reply(const char *command)
{
	int column, row;

	if (strncmp(command, "AT+CWSIM", 8) != 0 && strncmp(command, "AT+SWIT", 7) != 0)
		return strcmp(command, "AT+CRSM=176,12258,0,0,10") == 0 ? "ERROR" : NULL;
	assert_true(fx.count < COMMANDS_MAX);
	fx.at_ms[fx.count] = loop_now_ms(bench->loop);
	snprintf(fx.commands[fx.count++], sizeof fx.commands[0], "%s", command);
	if (sscanf(command, "AT+SWIT%2d-%4d", &column, &row) == 2)
		return switched(column, row);
	return fx.silent ? "" : "CWSIM OK";
}

static void configure(void)
{
	assert_int_equal(banks_configure(fx.banks, &fx.config), 0);
}

static int setup(void **state)
{
	static char name[] = "north", board[] = "swit", device[] = "/dev/bank1",
		    device2[] = "/dev/bank2", slot[] = "p01";

	memset(&fx, 0, sizeof fx);
	if (bench_setup(state) != 0)
		return -1;
	for (int row = 1; row <= ROWS; row++)
		snprintf(fx.cards[row], sizeof fx.cards[0], "8946000000000000%03d7\r\nOK", row);
	fx.wired = 3;
	fx.controls[0] = (struct config_control) { device, 1, 0 };
	fx.controls[1] = (struct config_control) { device2, 2, 0 };
	fx.column = (struct config_column) { slot, 1, 3, 0 };
	fx.bank = (struct config_bank) { .name = name,
		.board = board,
		.controls = fx.controls,
		.control_count = 1,
		.columns = &fx.column,
		.column_count = 1,
		.rows = ROWS };
	fx.config = (struct config) { .banks = &fx.bank, .bank_count = 1 };
	memset(&sim, 0, sizeof sim);
	sim.reply = reply;
	connect_row(1);
	fx.banks = banks_new(&bench->env, &wiring);
	converse();
	assert_int_equal(bench->modem->fsm.state, MODEM_READY);
	return 0;
}

static int teardown(void **state)
{
	settle();
	banks_stop(fx.banks);
	settle();
	banks_free(fx.banks);
	return bench_teardown(state);
}

static void begin(void)
{
	configure();
	pass(3000);
}

static int switches(void)
{
	int n = 0;

	for (int i = 0; i < fx.count; i++)
		n += strncmp(fx.commands[i], "AT+SWIT", 7) == 0;
	return n;
}

static struct bank_place place(void)
{
	struct bank_place out = { 0 };

	assert_true(banks_place(fx.banks, bench->modem, &out));
	return out;
}

static int try(const char *text)
{
	char why[120] = "";

	return banks_select(fx.banks, bench->modem, text, why, sizeof why);
}

/* Until the switch has ended; the number is never listed before. */
static void until_ended(int64_t max_ms)
{
	for (int64_t ms = 0; ms < max_ms && place().state == BANK_SWITCHING; ms += 200) {
		assert_false(bench->modem->online);
		pass(200);
	}
	assert_int_not_equal(place().state, BANK_SWITCHING);
	assert_false(fx.online_seen);
	assert_false(fx.deleted_late);
}

static void put_in(const char *text, enum bank_switch state, int row)
{
	assert_int_equal(try(text), 0);
	until_ended(900000);
	assert_string_equal(bank_switch_name(place().state), bank_switch_name(state));
	pass(15000);
	assert_int_equal(place().row, row);
	assert_int_equal(bench->modem->online, state == BANK_DONE);
}

/* ---- a switch ------------------------------------------------------------------------------- */

static void a_card_is_put_in(void **state)
{
	(void)state;
	begin();
	assert_string_equal(fx.commands[0], "AT+CWSIM");
	assert_int_equal(place().row, 0);
	put_in("2", BANK_DONE, 2);
	assert_string_equal(fx.commands[1], "AT+SWIT03-0002");
	assert_string_equal(bench->modem->card_id, "89460000000000000027");
	assert_int_equal(switches(), 1);
	put_in("2", BANK_DONE, 2); /* it is in */
	assert_int_equal(switches(), 1);
	put_in("4", BANK_DONE, 4);
	put_in("89460000000000000027", BANK_DONE, 2); /* by its name, as its row is known */
	assert_int_equal(fx.row, 2);
}

static void what_cannot_be_is_refused(void **state)
{
	struct bank_place out;

	(void)state;
	begin();
	assert_int_equal(try("0"), -EINVAL);
	assert_int_equal(try("5"), -EINVAL);
	assert_int_equal(try("two"), -EINVAL);
	assert_int_equal(try("89460000000000000027"), -ENOENT);
	fx.busy = true;
	assert_int_equal(try("2"), -EBUSY);
	fx.busy = false;
	assert_int_equal(try("2"), 0);
	assert_int_equal(try("3"), -EBUSY);
	until_ended(900000);
	bench->fakes[1].open = false;
	bench->fakes[1].port.events->lost(bench->fakes[1].port.owner, -EIO, "hung up");
	assert_int_equal(try("3"), -ENODEV);
	pass(3000); /* it is opened again */
	put_in("3", BANK_DONE, 3);
	fx.bank.column_count = 0;
	configure();
	pass(2000);
	assert_int_equal(try("2"), -ENOENT);
	assert_false(banks_place(fx.banks, bench->modem, &out));
}

/* Off the list first: until a list without it was taken, or that was tried for long enough. */
static void it_is_off_the_list_first(void **state)
{
	(void)state;
	begin();
	fx.listed = true;
	assert_int_equal(try("2"), 0);
	pass(1000);
	assert_false(bench->modem->online);
	pass(20000);
	assert_int_equal(switches(), 0);
	fx.listed = false;
	pass(1000);
	assert_int_equal(switches(), 1);
	until_ended(900000);
	fx.listed = true;
	assert_int_equal(try("3"), 0);
	pass(29000);
	assert_int_equal(switches(), 1);
	pass(2000);
	assert_int_equal(switches(), 2);
	until_ended(900000);
}

/* A text that lies on the card is stored and deleted before the card goes. */
static void its_texts_are_read_first(void **state)
{
	(void)state;
	begin();
	sim.list = "+CMGL: 1,0,,25\r\n07911326040000F0040B911346610089F600002080627191"
		   "8000079AD3C3F0986A06\r\nOK";
	sim.cmgd = "+CMS ERROR: 500";
	assert_int_equal(try("2"), 0);
	pass(3000);
	assert_int_equal(switches(), 0);
	sim.cmgd = NULL;
	for (int i = 0; i < 100 && sim.deletes == 0; i++)
		pass(20);
	for (int i = 0, had = sim.deletes; i < 400 && sim.deletes == had; i++)
		pass(20);
	sim.list = NULL;
	until_ended(900000);
	assert_int_equal(place().state, BANK_DONE);
	assert_int_equal(bench->stored, 1);
	assert_int_equal(switches(), 1);
}

static void faults_are_borne_or_said(void **state)
{
	static const struct {
		const char *what;
		int lies, wrong;
		bool silent;
		enum bank_switch state;
		int row, switches;
		const char *text;
	} rows[] = {
		{ "no answer", 0, 0, true, BANK_DONE, 3, 1, "row 3 is in" },
		{ "a lie", 1, 0, false, BANK_DONE, 3, 2, "row 3 is in" },
		{ "three lies", 3, 0, false, BANK_DONE, 3, 4, "row 3 is in" },
		{ "nothing but lies", 4, 0, false, BANK_FAILED, 2, 4,
			"row 3: the card did not change, in 4 tries" },
		{ "another row", 0, 1, false, BANK_DONE, 3, 2, "row 3 is in" },
	};

	(void)state;
	begin();
	put_in("3", BANK_DONE, 3); /* which card is in row 3, is known */
	put_in("4", BANK_DONE, 4);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		put_in("2", BANK_DONE, 2);
		fx.count = 0;
		fx.lies = rows[i].lies;
		fx.wrong = rows[i].wrong;
		fx.silent = rows[i].silent;
		put_in("3", rows[i].state, rows[i].row);
		assert_string_equal(place().text, rows[i].text);
		if (switches() != rows[i].switches)
			fail_msg("%s: %d switches", rows[i].what, switches());
		fx.silent = false;
	}
	put_in("2", BANK_DONE, 2);
	fx.garbage = true;
	put_in("3", BANK_FAILED, 2);
	assert_string_equal(place().text, "row 3: the bank says \".#?\", in 4 tries");
	assert_non_null(strstr(bench->modem->held, "row 3"));
	fx.garbage = false;
	put_in("2", BANK_DONE, 2); /* what is in is the right one after all */
}

/* Cards that were put elsewhere by hand: refused once, then taken as they are. */
static void cards_that_moved_are_said_and_then_taken(void **state)
{
	(void)state;
	begin();
	put_in("3", BANK_DONE, 3);
	put_in("2", BANK_DONE, 2);
	strcpy(fx.cards[3], "89460000000000000997\r\nOK");
	put_in("3", BANK_FAILED, 0);
	assert_non_null(strstr(place().text, "another card than was there before"));
	put_in("3", BANK_DONE, 3);
	assert_string_equal(bench->modem->card_id, "89460000000000000997");
	/* two rows that changed places */
	put_in("2", BANK_DONE, 2);
	strcpy(fx.cards[4], "89460000000000000997\r\nOK");
	strcpy(fx.cards[3], "89460000000000000047\r\nOK");
	put_in("4", BANK_FAILED, 0);
	assert_non_null(strstr(place().text, "it is the card of row 3"));
	put_in("4", BANK_DONE, 4);
	put_in("3", BANK_DONE, 3);
}

/* The card that is in may be that of the row: another row tells. */
static void the_row_that_is_in_is_found(void **state)
{
	(void)state;
	begin();
	put_in("1", BANK_DONE, 1);
	assert_int_equal(switches(), 3);
	assert_string_equal(fx.commands[2], "AT+SWIT03-0002");
}

static void an_empty_row_is_believed_late(void **state)
{
	(void)state;
	fx.cards[4][0] = '\0';
	begin();
	put_in("2", BANK_DONE, 2);
	fx.count = 0;
	put_in("4", BANK_FAILED, 0);
	assert_string_equal(place().text, "row 4 has no card");
	assert_int_equal(switches(), 2);
	assert_false(modem_held(bench->modem)); /* what is put in by hand is used */
	fx.cards[2][0] = '\0';                  /* a row that had one is tried as often as any */
	fx.count = 0;
	put_in("2", BANK_FAILED, 0);
	assert_int_equal(switches(), 4);
	put_in("3", BANK_DONE, 3);
}

/* One command at a time, 1 s apart, over all lines. */
static void commands_keep_their_distance(void **state)
{
	(void)state;
	fx.bank.control_count = 2;
	begin();
	assert_int_equal(fx.count, 2);
	put_in("2", BANK_DONE, 2);
	put_in("3", BANK_DONE, 3);
	for (int i = 1; i < fx.count; i++)
		assert_true(fx.at_ms[i] - fx.at_ms[i - 1] >= 1000);
}

/* ---- rows and their turns ------------------------------------------------------------------- */

static void rows_outlive_the_daemon(void **state)
{
	(void)state;
	begin();
	put_in("2", BANK_DONE, 2);
	put_in("3", BANK_DONE, 3);
	banks_stop(fx.banks);
	settle();
	banks_free(fx.banks);
	fx.banks = banks_new(&bench->env, &wiring);
	begin();
	assert_int_equal(place().row, 3);
	put_in("89460000000000000027", BANK_DONE, 2);
}

/* "2 3 1 ": the rows that were in, one after the other. */
static void turns(int64_t ms, char *out, size_t size)
{
	size_t len = 0;
	int row = fx.row;

	out[0] = '\0';
	for (int64_t t = 0; t < ms; t += 200) {
		pass(200);
		if (place().state == BANK_SWITCHING || fx.row == row || !bench->modem->online)
			continue;
		row = fx.row;
		len += (size_t)snprintf(out + len, size - len, "%d ", row);
	}
}

static void cards_take_turns(void **state)
{
	static char least[] = "least";
	char got[200];

	(void)state;
	fx.cards[3][0] = '\0';
	fx.bank.rotate_ms = 300000;
	begin();
	turns(1600000, got, sizeof got);
	assert_string_equal(got, "2 4 1 2 4 ");
	assert_false(fx.online_seen);
	/* after a restart it goes on behind what was in last */
	banks_stop(fx.banks);
	settle();
	banks_free(fx.banks);
	fx.banks = banks_new(&bench->env, &wiring);
	begin();
	turns(600000, got, sizeof got);
	assert_string_equal(got, "1 2 ");
	/* the one that was in longest ago */
	put_in("4", BANK_DONE, 4);
	fx.bank.rotate_order = least;
	configure();
	turns(1000000, got, sizeof got);
	assert_string_equal(got, "1 2 4 ");
	fx.bank.rotate_ms = 0;
	configure();
	turns(1000000, got, sizeof got);
	assert_string_equal(got, "");
}

static void an_open_order_is_waited_for(void **state)
{
	char got[200];

	(void)state;
	fx.bank.rotate_ms = 60000;
	fx.bank.rotate_wait_ms = 200000;
	begin();
	fx.busy = true;
	turns(240000, got, sizeof got);
	assert_string_equal(got, "");
	fx.busy = false;
	turns(40000, got, sizeof got);
	assert_string_equal(got, "2 ");
	fx.busy = true; /* not for ever */
	turns(310000, got, sizeof got);
	assert_string_equal(got, "3 ");
}

/* It came before the store knew that the number is not to be had: the card stays, and the turn is
 * taken later. */
static void an_order_of_the_last_moment_has_the_card(void **state)
{
	char got[200];

	(void)state;
	fx.listed = true;
	begin();
	assert_int_equal(try("2"), 0);
	pass(1000);
	fx.busy = true;
	fx.listed = false;
	until_ended(60000);
	assert_int_equal(place().state, BANK_FAILED);
	assert_non_null(strstr(place().text, "order"));
	pass(15000);
	assert_true(bench->modem->online);
	assert_int_equal(switches(), 0);
	fx.busy = false;
	fx.listed = true;
	fx.bank.rotate_ms = 60000;
	fx.bank.rotate_wait_ms = 200000;
	configure();
	for (int i = 0; i < 1000 && place().state != BANK_SWITCHING; i++)
		pass(200);
	fx.busy = true;
	fx.listed = false;
	turns(120000, got, sizeof got);
	assert_string_equal(got, "");
	assert_true(bench->modem->online);
	fx.busy = false;
	turns(20000, got, sizeof got);
	assert_string_equal(got, "2 ");
}

/* ---- its module fails meanwhile ------------------------------------------------------------- */

static int place_resets;

static int on_place_reset(void *arg, struct modem *modem)
{
	(void)arg, (void)modem;
	place_resets++;
	return -EIO;
}

/* While a bank is at work nobody else resets the module; after that it is a port like any other. */
static void no_rung_is_taken_meanwhile(void **state)
{
	static const struct recovery_place offers = { .usb_reset = on_place_reset,
		.power_cycle = on_place_reset };
	const struct recovery *recovery = &bench->modem->recovery;

	(void)state;
	place_resets = 0;
	bench->modem->place = &offers;
	begin();
	assert_int_equal(try("2"), 0);
	assert_int_equal(modem_reset(bench->modem, RECOVERY_RESTART), -EBUSY);
	for (int i = 0; i < 100 && switches() == 0; i++)
		pass(200);
	assert_int_equal(switches(), 1);
	sim.dead = true;
	assert_int_equal(modem_reset(bench->modem, RECOVERY_USB), -EBUSY);
	until_ended(1800000);
	assert_int_equal(place().state, BANK_FAILED);
	assert_true(recovery->begun);
	assert_int_equal(recovery->count[RECOVERY_RADIO] + recovery->count[RECOVERY_RESTART], 0);
	assert_int_equal(place_resets, 0);
	pass(1800000);
	assert_int_not_equal(place_resets, 0);
	assert_true(modem_held(bench->modem));
	bench->modem->place = NULL;
}

/* ---- columns -------------------------------------------------------------------------------- */

static void the_column_of_a_port_is_found(void **state)
{
	struct bank_calibration cal;
	char why[120] = "";

	(void)state;
	fx.bank.column_count = 0;
	begin();
	assert_false(banks_calibration(fx.banks, "north", &cal));
	assert_int_equal(banks_calibrate(fx.banks, "south", why, sizeof why), -ENOENT);
	assert_int_equal(banks_calibrate(fx.banks, "north", why, sizeof why), 0);
	assert_int_equal(banks_calibrate(fx.banks, "north", why, sizeof why), -EBUSY);
	for (int i = 0; i < 3000; i++) {
		assert_true(banks_calibration(fx.banks, "north", &cal));
		if (cal.state != BANK_SWITCHING)
			break;
		assert_false(bench->modem->online);
		pass(200);
	}
	assert_int_equal(cal.state, BANK_DONE);
	assert_int_equal(cal.count, 3);
	assert_string_equal(cal.lines[0], "; 1/01: no port showed another card");
	assert_string_equal(cal.lines[2], "column.p01 = 1/03");
	assert_false(fx.online_seen);
	pass(10000);
	assert_true(bench->modem->online);
	fx.bank.column_count = 1; /* what it has shown is known */
	configure();
	pass(3000);
	assert_int_equal(place().row, fx.row);
}

/* Its port begins anew in the middle of a switch: it is not listed before the card is verified. */
static void a_port_that_begins_anew_is_held(void **state)
{
	(void)state;
	begin();
	assert_int_equal(try("2"), 0);
	pass(2000);
	assert_int_equal(switches(), 1);
	modem_stop(bench->modem, "configuration changed");
	for (int i = 0; i < 100 && !modem_finished(bench->modem); i++)
		settle();
	modem_free(bench->modem);
	struct modem_config config = { "north", "p01", bench->device, NULL, 115200, NULL };
	bench->modem = modem_new(&bench->env, &config);
	assert_non_null(bench->modem);
	modem_start(bench->modem);
	until_ended(900000);
	assert_int_equal(place().state, BANK_DONE);
	pass(15000);
	assert_true(bench->modem->online);
	assert_int_equal(place().row, 2);
}

/* Another configuration waits for the switch under way. */
static void a_reload_waits_for_a_switch(void **state)
{
	(void)state;
	begin();
	assert_int_equal(try("2"), 0);
	pass(5000);
	fx.bank.rows = 3;
	configure();
	assert_int_equal(place().rows, 3);
	assert_int_equal(try("3"), -EBUSY);
	pass(60000);
	assert_int_equal(fx.row, 2);
	assert_int_equal(place().row, 2);
	assert_true(bench->modem->online);
	put_in("3", BANK_DONE, 3);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_card_is_put_in),
		T(what_cannot_be_is_refused),
		T(it_is_off_the_list_first),
		T(its_texts_are_read_first),
		T(faults_are_borne_or_said),
		T(cards_that_moved_are_said_and_then_taken),
		T(the_row_that_is_in_is_found),
		T(an_empty_row_is_believed_late),
		T(commands_keep_their_distance),
		T(rows_outlive_the_daemon),
		T(cards_take_turns),
		T(an_open_order_is_waited_for),
		T(an_order_of_the_last_moment_has_the_card),
		T(no_rung_is_taken_meanwhile),
		T(the_column_of_a_port_is_found),
		T(a_port_that_begins_anew_is_held),
		T(a_reload_waits_for_a_switch),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
