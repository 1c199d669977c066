/* test_hubs.c - how many of a hub are reset at a time, and one alarm where many ports fail at once.
 */
#include <stdio.h>
#include <string.h>

#include "base/tally.h"
#include "log_fixture.h"
#include "modem/hubs.h"

enum { PORTS_MAX = 40, SECOND = 1000 };

#define PC "pci-0000:00:14.0-usb-0"

static struct loop *loop;
static struct hubs *hubs;
static struct hub_limits limits;
static struct hub_port ports[PORTS_MAX];
static char ids[PORTS_MAX][32];
static char alarms[4000];

static void on_alarm(void *arg, const char *text)
{
	size_t len = strlen(alarms);

	(void)arg;
	snprintf(alarms + len, sizeof alarms - len, "%s\n", text);
}

static const char *standing(void)
{
	alarms[0] = '\0';
	hubs_each_alarm(hubs, on_alarm, NULL);
	return alarms;
}

static void pass(int64_t ms)
{
	loop_advance(loop, ms);
	loop_turn(loop, 0);
}

/* Port n at a place, and well. */
static void add(int n, const char *bank, const char *place)
{
	snprintf(ids[n], sizeof ids[n], "%s/p%02d", bank, n);
	hub_port_init(hubs, &ports[n], ids[n], bank);
	hub_port_at(&ports[n], place);
	hub_port_up(&ports[n]);
}

/* Four hubs with four ports each, below one: 1.1.1 to 1.4.4. */
static void add_pool(void)
{
	char place[64];

	for (int n = 0; n < 16; n++) {
		snprintf(place, sizeof place, PC ":1.%d.%d", n / 4 + 1, n % 4 + 1);
		add(n, "north", place);
	}
}

static void fail_ports(int from, int count)
{
	for (int n = from; n < from + count; n++)
		hub_port_down(&ports[n]);
}

static int held(void)
{
	int count = 0;

	for (int n = 0; n < PORTS_MAX; n++)
		count += ports[n].hubs && ports[n].alarm != NULL;
	return count;
}

static int setup(void **state)
{
	(void)state;
	loop = loop_new_manual(1000000, 1700000000000);
	limits = (struct hub_limits) { 2, 3, 50, 10 * SECOND };
	hubs = hubs_new(loop, &limits);
	memset(ports, 0, sizeof ports);
	log_keep();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (int n = 0; n < PORTS_MAX; n++)
		if (ports[n].hubs)
			hub_port_done(&ports[n]);
	assert_string_equal(standing(), "");
	hubs_free(hubs);
	loop_free(loop);
	log_set_sink(NULL, NULL);
	return 0;
}

/* ---- turns ---------------------------------------------------------------------------------- */

static bool turn(int n)
{
	char why[96] = "";
	bool now = hub_port_turn(&ports[n], why, sizeof why);

	assert_true(now == !*why);
	return now;
}

static void test_two_of_a_hub(void **state)
{
	char why[96];

	(void)state;
	add_pool();
	add(16, "south", PC ":1.1.7"); /* another bank below the same hub */
	add(17, "far", "");
	hub_port_busy(&ports[0], true);
	assert_true(turn(1));
	hub_port_busy(&ports[16], true);
	assert_false(turn(1));
	assert_false(turn(2));
	hub_port_turn(&ports[1], why, sizeof why);
	assert_string_equal(why, "waits its turn: 2 ports of hub " PC ":1.1 are in recovery");
	assert_true(turn(0)); /* its own does not count */
	assert_true(turn(4)); /* another hub */
	assert_true(turn(17));
	hub_port_busy(&ports[0], false);
	assert_true(turn(1));
	hub_port_busy(&ports[1], true);
	hub_port_up(&ports[16]); /* well again */
	assert_true(turn(2));
	hub_port_busy(&ports[2], true);
	assert_false(turn(3));
	hub_port_done(&ports[2]);
	ports[2].hubs = NULL;
	assert_true(turn(3));
	/* one that never ends does not hold the others for ever */
	hub_port_busy(&ports[3], true);
	assert_false(turn(0));
	pass(HUB_BUSY_MS - 1);
	assert_false(turn(0));
	hub_port_busy(&ports[3], true); /* that it goes on is no new beginning */
	pass(1);
	assert_true(turn(0));
	limits.recoveries = 1;
	hub_port_busy(&ports[0], true);
	assert_false(turn(1));
}

/* ---- alarms --------------------------------------------------------------------------------- */

static void test_what_is_an_alarm(void **state)
{
	static const struct {
		const char *what;
		int first, then; /* ports of hub 1.1 and 1.2 in turn that fail */
		int pause_s;
		bool alarm;
	} rows[] = {
		{ "two", 2, 0, 0, false },
		{ "three of four", 3, 0, 0, true },
		{ "three, the last too late", 2, 1, 11, false },
		{ "three, the last just in time", 2, 1, 10, true },
		{ "one and then two", 1, 2, 3, true },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		add_pool();
		fail_ports(0, rows[i].first);
		pass(rows[i].pause_s * SECOND);
		fail_ports(rows[i].first, rows[i].then);
		if ((held() > 0) != rows[i].alarm)
			fail_msg("%s: %d held", rows[i].what, held());
		for (int n = 0; n < 16; n++)
			hub_port_done(&ports[n]);
		memset(ports, 0, sizeof ports);
	}
	/* three of seven are no half */
	for (int n = 0; n < 7; n++)
		add(n, "north", PC ":1.1");
	fail_ports(0, 3);
	assert_int_equal(held(), 0);
	hub_port_down(&ports[3]);
	assert_int_equal(held(), 4);
}

/* What was never well, and what fails twice, count for nothing. */
static void test_what_counts(void **state)
{
	(void)state;
	add_pool();
	hub_port_rest(&ports[0]);
	hub_port_rest(&ports[1]);
	fail_ports(0, 4); /* 2 and 3 */
	fail_ports(2, 2);
	fail_ports(2, 2);
	assert_int_equal(held(), 0);
	hub_port_up(&ports[0]);
	hub_port_down(&ports[0]);
	assert_int_equal(held(), 3);
}

static int64_t counted(void)
{
	size_t count;
	const struct tally_row *rows = tally_rows(TALLY_HUB_ALARMS, &count);

	for (size_t i = 0; i < count; i++)
		if (strcmp(rows[i].labels[0], "north") == 0)
			return (int64_t)rows[i].count;
	return 0;
}

static void test_one_alarm(void **state)
{
	int64_t before = counted();

	(void)state;
	add_pool();
	/* all of it, a hub after the other, within some seconds */
	for (int n = 0; n < 16; n++) {
		fail_ports(n, 1);
		pass(100);
	}
	pass(5 * SECOND);
	assert_int_equal(held(), 16);
	assert_int_equal(logged("event=hub_trouble"), 1);
	assert_int_equal(logged("hub " PC ":1 (bank north): 16 ports fail together"), 1);
	assert_int_equal(logged("north/p07"), 1);
	assert_int_equal(logged("power supply"), 1);
	assert_int_equal(counted() - before, 1);
	assert_non_null(strstr(standing(), "16 of 16 ports are down since 6 s"));
	/* it goes on until they are back */
	pass(600 * SECOND);
	for (int n = 0; n < 11; n++)
		hub_port_up(&ports[n]);
	hub_port_down(&ports[10]); /* not for good */
	hub_port_up(&ports[11]);
	assert_int_equal(held(), 16);
	assert_int_equal(logged("event=hub_trouble"), 1);
	hub_port_up(&ports[10]);
	assert_int_equal(held(), 0);
	assert_int_equal(logged("event=hub_trouble"), 2);
	assert_int_equal(logged("12 of 16 ports are back; still down:"), 1);
	assert_int_equal(logged("state=over"), 1);
	assert_string_equal(standing(), "");
	/* those that are still down are each by themselves */
	for (int n = 12; n < 16; n++)
		hub_port_down(&ports[n]);
	pass(60 * SECOND);
	assert_int_equal(logged("event=hub_trouble"), 2);
	assert_int_equal(counted() - before, 1);
}

/* The narrowest that explains it; a second hub of the same tree makes it the tree's. */
static void test_it_widens(void **state)
{
	(void)state;
	add_pool();
	fail_ports(4, 4);
	pass(3 * SECOND);
	assert_int_equal(logged("hub " PC ":1.2 (bank north): 4 ports fail together"), 1);
	fail_ports(12, 3);
	fail_ports(8, 3);
	pass(3 * SECOND);
	assert_int_equal(logged("state=begun"), 1);
	assert_non_null(strstr(standing(), "hub " PC ":1 (bank north): 10 of 10"));
	assert_int_equal(held(), 10);
}

static void test_two_hubs_apart(void **state)
{
	(void)state;
	add_pool();
	fail_ports(0, 4);
	pass(60 * SECOND);
	fail_ports(8, 4);
	pass(3 * SECOND);
	assert_int_equal(logged("state=begun"), 2);
	assert_int_equal(logged("hub " PC ":1.1 (bank"), 1);
	assert_int_equal(logged("hub " PC ":1.3 (bank"), 1);
	for (int n = 0; n < 4; n++)
		hub_port_up(&ports[n]);
	assert_int_equal(held(), 4);
	assert_int_equal(logged("state=over"), 1);
	assert_int_equal(logged("3 of 4 ports are back; still down: north/p03"), 1);
}

/* Ports without a place on USB have their bank. */
static void test_bank_of_a_serial_server(void **state)
{
	(void)state;
	for (int n = 0; n < 6; n++)
		add(n, "moxa", "");
	add(6, "other", "");
	hub_port_down(&ports[6]);
	fail_ports(0, 3);
	assert_int_equal(held(), 3);
	pass(3 * SECOND);
	assert_int_equal(logged("bank moxa: 3 ports fail together"), 1);
	/* over before it was said is said, too */
	for (int n = 0; n < 6; n++)
		hub_port_up(&ports[n]);
	fail_ports(0, 6);
	for (int n = 0; n < 6; n++)
		hub_port_up(&ports[n]);
	assert_int_equal(logged("state=begun"), 2);
	assert_int_equal(logged("state=over"), 2);
}

/* Ports that are taken out of the configuration end it, too. */
static void test_ports_that_go(void **state)
{
	(void)state;
	add_pool();
	fail_ports(0, 4);
	for (int n = 0; n < 4; n++) {
		hub_port_done(&ports[n]);
		ports[n].hubs = NULL;
	}
	assert_string_equal(standing(), "");
	assert_int_equal(logged("state=over"), 1);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_two_of_a_hub),
		CASE(test_what_is_an_alarm),
		CASE(test_what_counts),
		CASE(test_one_alarm),
		CASE(test_it_widens),
		CASE(test_two_hubs_apart),
		CASE(test_bank_of_a_serial_server),
		CASE(test_ports_that_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
