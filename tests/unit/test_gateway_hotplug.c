/* test_gateway_hotplug.c - pools that are plugged, pulled, renumbered and moved: sysfs is a folder,
 * the modems are ptys, the clock is the test's. The IMEI is the same in all of them. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/usbdevice_fs.h>
#include <malloc.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "base/counter.h"
#include "gateway_impl.h"
#include "log_fixture.h"
#include "loop_fixture.h"
#include "module_fixture.h"
#include "sysfs_fixture.h"

enum { SIMS_MAX = 48, SECOND = 1000, STEP_MS = 20, TURNS_MAX = 200 };

#define ROOT "pci-0000:00:14.0-usb-0:1"

/* A tty with a module behind it, or with nothing that answers. */
struct sim {
	int master, slave; /* -1: unplugged */
	struct loop_io *io;
	struct module_line line;
	char tty[32];
	int card; /* of the module; -1: takes no commands */
};

static struct sysfs fs;
static struct loop *loop;
static struct gateway *gateway;
static struct sim sims[SIMS_MAX];
static bool stopped;
static int most_starting;
static bool talking; /* ports that are ready are asked something now and then */
/* ---- modems --------------------------------------------------------------------------------- */

static void on_bytes(void *arg, int events)
{
	struct sim *sim = arg;
	char bytes[256], text[MODULE_TEXT];
	ssize_t len = read(sim->master, bytes, sizeof bytes);

	(void)events;
	for (ssize_t i = 0; i < len; i++) {
		const char *command = module_take(&sim->line, bytes[i]);
		if (!command || sim->card < 0)
			continue;
		module_answer(command, 8, sim->card, text);
		module_say(sim->master, text);
	}
}

/* A node that is left leads nowhere then: the pty's number may be another's at once. */
static void hang_up(struct sim *sim)
{
	char node[160], dead[160];

	if (sim->master < 0)
		return;
	snprintf(node, sizeof node, "%s/%s", fs.dev, sim->tty);
	snprintf(dead, sizeof dead, "%s/simgate.conf", fs.dir);
	if (unlink(node) == 0)
		assert_int_equal(symlink(dead, node), 0);
	loop_io_free(sim->io);
	close(sim->slave);
	close(sim->master);
	sim->master = -1;
}

/* A tty, its pty and its node. slave is held open, so that the master never hangs up. */
static void plug_tty(
	const char *ports, int interface, int port, const char *driver, int number, int card)
{
	struct sim *sim = sims;
	struct termios raw;
	char pts[64];

	while (sim->master >= 0)
		assert_true(++sim < sims + SIMS_MAX);
	*sim = (struct sim) { .card = card };
	sim->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	assert_true(sim->master >= 0);
	assert_int_equal(grantpt(sim->master) | unlockpt(sim->master), 0);
	assert_int_equal(ptsname_r(sim->master, pts, sizeof pts), 0);
	sim->slave = open(pts, O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_int_equal(tcgetattr(sim->slave, &raw), 0);
	cfmakeraw(&raw);
	assert_int_equal(tcsetattr(sim->slave, TCSANOW, &raw), 0);
	sim->io = loop_io_new(loop, sim->master, LOOP_READ, on_bytes, sim);
	snprintf(sim->tty, sizeof sim->tty, "ttyUSB%d", number);
	sysfs_tty(&fs, 1, ports, interface, port, driver, sim->tty, pts);
}

/* Four modules on a FT4232H. Cards are 10 * quad + interface, ttys order[0..3]. */
static void plug_quad(const char *ports, int quad, const int order[4])
{
	sysfs_usb(&fs, 1, ports, 0x0403, 0x6011, 4);
	for (int i = 0; i < 4; i++)
		plug_tty(ports, i, 0, "ftdi_sio", order[i], 10 * quad + i);
}

/* Those ttys whose nodes are no more hang up. */
static void sweep_sims(void)
{
	char path[200];

	for (struct sim *sim = sims; sim < sims + SIMS_MAX; sim++) {
		snprintf(path, sizeof path, "%s/%s", fs.dev, sim->tty);
		if (sim->master >= 0 && access(path, F_OK) != 0)
			hang_up(sim);
	}
}

static void unplug(const char *ports)
{
	sysfs_unplug(&fs, 1, ports);
	sweep_sims();
}

/* ---- the daemon ----------------------------------------------------------------------------- */

static void write_config(const char *bank)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof path, "%s/simgate.conf", fs.dir);
	file = fopen(path, "w");
	assert_non_null(file);
	fprintf(file,
		"[gateway]\nstate_dir = %s/state\ncontrol = %s/ctl\nhost_id = test\n"
		"poll_every = %s\nsweep_every = 1d\nquarantine = 1s\n[bank b]\n%s",
		fs.dir, fs.dir, talking ? "5s" : "1d", bank);
	fclose(file);
}

static void start(void)
{
	struct config_report report = { 0 };
	struct config *config;
	char path[128], why[256] = "";

	snprintf(path, sizeof path, "%s/simgate.conf", fs.dir);
	config = config_load(path, gateway_names(), &report);
	if (!config)
		fail_msg("%s", report.lines[0]);
	config_report_free(&report);
	config->sys_root = strdup(fs.sys);
	config->dev_root = strdup(fs.dev);
	if (gateway_start(loop, config, &gateway, why, sizeof why) < 0)
		fail_msg("%s", why);
}

static int starting(void)
{
	int count = 0;

	for (size_t i = 0; i < gateway->modem_count; i++) {
		int state = gateway->modems[i]->fsm.state;
		count += state != MODEM_OFF && state != MODEM_READY && state != MODEM_FAULT;
	}
	return count;
}

/* Whether a module is at this device that takes commands. */
static bool answers(const char *device)
{
	const char *tty = strrchr(device, '/');

	for (const struct sim *sim = sims; tty && sim < sims + SIMS_MAX; sim++)
		if (sim->master >= 0 && sim->card >= 0 && strcmp(sim->tty, tty + 1) == 0)
			return true;
	return false;
}

static bool someone_asks(void)
{
	bool asks = false;

	for (size_t i = 0; i < gateway->modem_count && !asks; i++)
		asks = module_is_asked(gateway->modems[i], STEP_MS) &&
		       answers(gateway->modems[i]->device);
	return asks;
}

/* What threads do and what goes through a pty takes real time. */
static void step(void)
{
	loop_advance(loop, STEP_MS);
	for (int i = 0; i < 3; i++)
		loop_turn(loop,
			opener_active(gateway->opener) > 0 || store_pending(gateway->store) > 0);
	for (int i = 0; i < TURNS_MAX && someone_asks(); i++)
		loop_turn(loop, 1);
	most_starting = starting() > most_starting ? starting() : most_starting;
}

static void pass(int64_t ms)
{
	for (; ms > 0; ms -= STEP_MS)
		step();
}

static const struct modem *port(const char *slot)
{
	for (size_t i = 0; i < gateway->modem_count; i++)
		if (strcmp(gateway->modems[i]->slot, slot) == 0)
			return gateway->modems[i];
	return NULL;
}

static int in_state(int state)
{
	int count = 0;

	for (size_t i = 0; i < gateway->modem_count; i++)
		count += gateway->modems[i]->fsm.state == state;
	return count;
}

/* Until so many ports can receive and no other is on its way. */
static void until_ready(int count)
{
	for (int i = 0; i < 6000 && (in_state(MODEM_READY) != count || starting() > 0); i++)
		step();
	if (in_state(MODEM_READY) != count)
		fail_msg("%d of %zu ready, not %d", in_state(MODEM_READY), gateway->modem_count,
			count);
}

static void until_state(const char *slot, int state)
{
	for (int i = 0; i < 3000 && (!port(slot) || port(slot)->fsm.state != state); i++)
		step();
	assert_non_null(port(slot));
	if (port(slot)->fsm.state != state)
		fail_msg("%s: %s (%s)", slot, modem_state_name(port(slot)), port(slot)->fsm.why);
}

static void assert_card(const char *slot, int card)
{
	char iccid[32];

	snprintf(iccid, sizeof iccid, "894600000000000000%02d", card);
	assert_non_null(port(slot));
	if (strcmp(port(slot)->card_id, iccid) != 0)
		fail_msg("%s has card %s, not %s", slot, port(slot)->card_id, iccid);
}

static int open_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = 0;

	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

static void on_stopped(void *arg)
{
	(void)arg;
	stopped = true;
}

static void stop(void)
{
	stopped = false;
	gateway_stop(gateway, on_stopped, NULL);
	for (int i = 0; i < 1000 && !stopped; i++)
		step();
	assert_true(stopped);
	gateway_free(gateway);
	gateway = NULL;
}

static int setup(void **state)
{
	char path[128];

	(void)state;
	sysfs_make(&fs);
	snprintf(path, sizeof path, "%s/state", fs.dir);
	assert_int_equal(mkdir(path, 0700), 0);
	loop = loop_new_manual(1000000, 1700000000000);
	for (int i = 0; i < SIMS_MAX; i++)
		sims[i].master = -1;
	log_keep();
	most_starting = 0;
	talking = false;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	stop();
	for (int i = 0; i < SIMS_MAX; i++)
		hang_up(&sims[i]);
	loop_free(loop);
	sysfs_remove(&fs);
	log_set_sink(NULL, NULL);
	return 0;
}

/* ---- a pool of sixteen ---------------------------------------------------------------------- */

static void assert_pool(void)
{
	char slot[32];

	for (int quad = 1; quad <= 4; quad++)
		for (int i = 0; i < 4; i++) {
			snprintf(slot, sizeof slot, "%d_1.%d", quad, i);
			assert_card(slot, 10 * quad + i);
		}
}

static void test_a_pool_keeps_its_names(void **state)
{
	static const int first[4][4] = { { 0, 1, 2, 3 }, { 4, 5, 6, 7 }, { 8, 9, 10, 11 },
		{ 12, 13, 14, 15 } };
	static const int permuted[4][4] = { { 15, 2, 9, 0 }, { 1, 14, 3, 8 }, { 7, 4, 13, 10 },
		{ 5, 6, 12, 11 } };
	char ports[16];
	int files;

	(void)state;
	write_config("path = " ROOT "\n");
	for (int i = 0; i < 4; i++) {
		snprintf(ports, sizeof ports, "1.%d", i + 1);
		plug_quad(ports, i + 1, first[i]);
	}
	start();
	until_ready(16);
	assert_int_equal(gateway->modem_count, 16);
	assert_int_equal(most_starting, 4); /* of one hub at a time */
	assert_pool();
	files = open_files();
	/* out and in again, in another order and under other numbers */
	for (int i = 0; i < 4; i++) {
		snprintf(ports, sizeof ports, "1.%d", i + 1);
		unplug(ports);
	}
	until_ready(0);
	assert_int_equal(in_state(MODEM_OFF), 16);
	for (int i = 3; i >= 0; i--) {
		snprintf(ports, sizeof ports, "1.%d", i + 1);
		plug_quad(ports, i + 1, permuted[i]);
	}
	most_starting = 0;
	until_ready(16);
	assert_int_equal(gateway->modem_count, 16);
	assert_int_equal(most_starting, 4);
	assert_pool();
	assert_int_equal(open_files(), files);
	/* another start: they are found in another order, under other numbers */
	stop();
	for (int i = 0; i < 4; i++) {
		snprintf(ports, sizeof ports, "1.%d", i + 1);
		unplug(ports);
	}
	for (int i = 3; i >= 0; i--) {
		snprintf(ports, sizeof ports, "1.%d", i + 1);
		plug_quad(ports, i + 1, first[(i + 2) % 4]);
	}
	start();
	until_ready(16);
	assert_int_equal(gateway->modem_count, 16);
	assert_pool();
	files = open_files();
	/* the whole pool in another socket: one line changes */
	unplug("1");
	until_ready(0);
	for (int i = 0; i < 4; i++) {
		snprintf(ports, sizeof ports, "2.3.%d", i + 1);
		plug_quad(ports, i + 1, permuted[3 - i]);
	}
	pass(5 * SECOND);
	assert_int_equal(in_state(MODEM_OFF), 16);
	write_config("path = pci-0000:00:14.0-usb-0:2.3\n");
	gateway_reload(gateway);
	until_ready(16);
	assert_int_equal(gateway->modem_count, 16);
	assert_pool();
	assert_int_equal(open_files(), files);
}

static void plug_ec25(const char *ports, int number, int at, int card)
{
	sysfs_usb(&fs, 1, ports, 0x2c7c, 0x0125, 5);
	for (int i = 0; i < 4; i++)
		plug_tty(ports, i, 0, "option", number + i, i == at ? card : -1);
}

/* Twelve modules on three hubs while it runs: as many as may start, but few of them in one turn. */
static void test_a_pool_at_once(void **state)
{
	char ports[16];
	int files, most = 0;

	(void)state;
	write_config("path = " ROOT "\n");
	start();
	pass(3 * SECOND);
	files = open_files();
	for (int i = 0; i < 12; i++) {
		snprintf(ports, sizeof ports, "1.%d.%d", i / 4 + 1, i % 4 + 1);
		plug_ec25(ports, 4 * i, 2, i);
	}
	for (int i = 0; i < 1000 && in_state(MODEM_READY) < 12; i++) {
		int before = (int)gateway->modem_count - in_state(MODEM_OFF);
		step(); /* turns that start something are further apart */
		int started = (int)gateway->modem_count - in_state(MODEM_OFF) - before;
		most = started > most ? started : most;
	}
	assert_int_equal(most, 4);
	until_ready(12);
	assert_int_equal(gateway->modem_count, 12);
	for (int i = 0; i < 12; i++) {
		snprintf(ports, sizeof ports, "%d.%d", i / 4 + 1, i % 4 + 1);
		assert_card(ports, i);
	}
	unplug("1");
	until_ready(0);
	pass(5 * SECOND);
	assert_int_equal(in_state(MODEM_OFF), 12);
	WAIT_FOR(loop, open_files() == files); /* threads close them */
}

/* ---- labels --------------------------------------------------------------------------------- */

static void test_labels(void **state)
{
	static const int order[4] = { 3, 2, 1, 0 };

	(void)state;
	write_config("path = " ROOT "\nslot.p01 = 1:1.0\nslot.p02 = 1:1.1\nslot.p09 = 7\n");
	plug_quad("1.1", 1, order);
	start();
	until_ready(4);
	assert_int_equal(gateway->modem_count, 5);
	assert_card("p01", 10);
	assert_card("p02", 11);
	assert_card("1_1.2", 12);
	assert_card("1_1.3", 13);
	assert_int_equal(port("p09")->fsm.state, MODEM_OFF);
	assert_string_equal(port("p09")->fsm.why, "nothing plugged in");
	assert_true(gateway->view.settled);
	/* another label for a place: that port alone begins anew, under its name */
	write_config("path = " ROOT "\nslot.p01 = 1:1.0\nslot.two = 1:1.1\nslot.p09 = 7\n");
	gateway_reload(gateway);
	assert_int_equal(port("p01")->fsm.state, MODEM_READY);
	until_state("two", MODEM_READY);
	assert_card("two", 11);
	assert_null(port("p02"));
	assert_int_equal(gateway->modem_count, 5);
	/* something is plugged in where a label waits */
	sysfs_usb(&fs, 1, "1.7", 0x1a86, 0x7523, 1);
	plug_tty("1.7", 0, 0, "ch341", 9, 70);
	until_state("p09", MODEM_READY);
	assert_card("p09", 70);
	/* no bank, no ports */
	write_config("devices = /nowhere\n");
	gateway_reload(gateway);
	pass(SECOND);
	assert_int_equal(gateway->modem_count, 1);
}

static void test_two_devices_for_one_slot(void **state)
{
	(void)state;
	write_config("path = " ROOT "\nslot.p01 = 1\n"); /* a place with four modems */
	plug_quad("1.1", 1, (const int[]) { 0, 1, 2, 3 });
	start();
	until_ready(1);
	assert_int_equal(gateway->modem_count, 1);
	assert_non_null(strstr(log_text, "two devices for one slot"));
	assert_non_null(strstr(log_text, ROOT ".1:1.0"));
	assert_non_null(strstr(log_text, ROOT ".1:1.1"));
	/* the one that has it goes: another takes its place */
	char keeper[64];
	snprintf(keeper, sizeof keeper, "%s", strrchr(port("p01")->device, '/') + 1);
	sysfs_drop_tty(&fs, keeper);
	sweep_sims();
	for (int i = 0; i < 300 && in_state(MODEM_READY) == 1; i++)
		step();
	until_ready(1);
	assert_string_not_equal(strrchr(port("p01")->device, '/') + 1, keeper);
}

/* ---- modules with several ttys -------------------------------------------------------------- */

static void test_a_module_is_one_port_whatever_its_ttys(void **state)
{
	char device[200];

	(void)state;
	write_config("path = " ROOT "\n");
	plug_ec25("1.1", 0, 2, 1); /* as the table has it */
	plug_ec25("1.2", 4, 3, 2); /* the second guess */
	plug_ec25("1.3", 8, 1, 3); /* found by trying */
	start();
	until_ready(3);
	assert_int_equal(gateway->modem_count, 3);
	assert_card("1", 1);
	assert_card("2", 2);
	assert_card("3", 3);
	snprintf(device, sizeof device, "%s/ttyUSB9", fs.dev);
	assert_string_equal(port("3")->device, device);
	/* it is remembered which one it was */
	unplug("1.3");
	until_ready(2);
	log_forget();
	plug_ec25("1.3", 20, 1, 3);
	until_ready(3);
	assert_null(strstr(log_text, "another interface"));
	assert_card("3", 3);
	/* and no more than a guess: the next module there has it elsewhere */
	unplug("1.3");
	until_ready(2);
	plug_ec25("1.3", 30, 0, 4);
	until_ready(3);
	assert_card("3", 4);
}

static void test_a_module_without_an_at_port_lasts(void **state)
{
	(void)state;
	write_config("path = " ROOT "\n");
	plug_ec25("1.1", 0, -1, 0);
	plug_ec25("1.2", 4, 2, 2);
	start();
	until_state("2", MODEM_READY);
	for (int i = 0; i < 60 && !gateway->view.settled; i++)
		pass(SECOND);
	assert_true(gateway->view.settled);
	assert_non_null(strstr(log_text, "every port has settled"));
}

/* ---- ways to go ----------------------------------------------------------------------------- */

static void assert_gone(const char *slot, int files)
{
	for (int i = 0; i < 500 && (port(slot)->fsm.state != MODEM_OFF || *port(slot)->device); i++)
		step();
	pass(3 * SECOND);
	assert_int_equal(port(slot)->fsm.state, MODEM_OFF);
	assert_string_equal(port(slot)->device, "");
	assert_string_equal(port(slot)->fsm.why, "nothing plugged in");
	assert_false(port(slot)->online);
	assert_string_equal(port(slot)->card_id, "");
	assert_int_equal(open_files(), files);
}

static void test_all_ways_to_go_end_alike(void **state)
{
	int files;

	(void)state;
	talking = true;
	write_config("path = " ROOT "\nslot.p01 = 1\n");
	start();
	pass(3 * SECOND);
	files = open_files();
	for (int way = 0; way < 4; way++) {
		sysfs_usb(&fs, 1, "1.1", 0x1a86, 0x7523, 1);
		plug_tty("1.1", 0, 0, "ch341", way, way);
		until_state("p01", MODEM_READY);
		assert_card("p01", way);
		if (way == 0) { /* all at once */
			unplug("1.1");
		} else if (way == 1) { /* sysfs first; the line hangs up long after */
			sysfs_unplug(&fs, 1, "1.1");
			for (int i = 0; i < 500 && port("p01")->fsm.state != MODEM_OFF; i++)
				step();
			assert_int_equal(port("p01")->fsm.state, MODEM_OFF);
			pass(5 * SECOND);
			sweep_sims();
		} else if (way == 2) { /* the line hangs up, sysfs follows much later */
			for (int i = 0; i < SIMS_MAX; i++)
				hang_up(&sims[i]);
			pass(20 * SECOND);
			assert_int_not_equal(port("p01")->fsm.state, MODEM_READY);
			sysfs_unplug(&fs, 1, "1.1");
		} else { /* no power, and nothing says so: it is silent, the node stays for long */
			sims[0].card = -1;
			until_state("p01", MODEM_FAULT);
			pass(40 * SECOND);
			unplug("1.1");
		}
		assert_gone("p01", files);
	}
}

/* A control line of a SIM bank sits among the modules, and is none. */
static void test_a_control_line_is_no_modem(void **state)
{
	static const int order[4] = { 0, 1, 2, 3 };
	char bank[300];

	(void)state;
	snprintf(bank, sizeof bank,
		"path = " ROOT "\nboard = swit\nrows = 16\ncontrol.1 = %s/ttyUSB2\n", fs.dev);
	write_config(bank);
	plug_quad("1.1", 1, order);
	start();
	until_ready(3);
	pass(4 * SECOND);
	assert_int_equal(gateway->modem_count, 3);
	assert_null(port("1_1.2"));
}

static void on_order(
	void *arg, int err, enum store_order_why why, const struct store_activation *activation)
{
	assert_int_equal(err, 0);
	assert_int_equal(why, STORE_ORDER_DONE);
	*(int64_t *)arg = activation->id;
}

/* What the store is asked takes real time. */
static void settle_store(void)
{
	WAIT_FOR(loop, store_pending(gateway->store) == 0);
}

static int select_row(struct modem *modem, const char *row, char why[120])
{
	why[0] = '\0';
	return banks_select(gateway->banks, modem, row, why, 120);
}

/* A card that is on order is not taken out. */
static void test_a_card_on_order_stays(void **state)
{
	static const char *const cards[] = { "89460000000000000010" };
	struct store_order order = { .seller = STORE_CUSTOMERS,
		.customer = "acme",
		.service = "vk",
		.cards = cards,
		.card_count = 1 };
	struct store_close close = { .state = STORE_ACTIVATION_CANCELLED, .reason = "test" };
	char bank[400], why[120];
	struct modem *modem;
	int64_t id = 0;

	(void)state;
	snprintf(bank, sizeof bank,
		"path = " ROOT "\nboard = swit\nrows = 16\ncontrol.1 = %s/none\n"
		"slot.p01 = 1.1\ncolumn.p01 = 1/01\nsell = customers\n"
		"[service vk]\nprice = 1\n[customer acme]\nkey = k\n",
		fs.dev);
	write_config(bank);
	sysfs_usb(&fs, 1, "1.1.1", 0x1a86, 0x7523, 1);
	plug_tty("1.1.1", 0, 0, "ch341", 0, 10);
	start();
	until_ready(1);
	modem = gateway->modems[0];
	store_number_set(gateway->store, cards[0], "+46700000010", loop_wall_ms(loop), NULL, NULL);
	store_customer_add(gateway->store, "acme", "h", loop_wall_ms(loop), NULL, NULL);
	store_customer_topup(gateway->store, "acme", 1000000, "", loop_wall_ms(loop), NULL, NULL);
	settle_store();
	activation_refresh(gateway->activations);
	settle_store();
	assert_int_equal(select_row(modem, "2", why), -ENODEV); /* the line is not there */
	order.now_ms = loop_wall_ms(loop);
	order.expires_ms = order.now_ms + 1200 * SECOND;
	activation_order(gateway->activations, &order, on_order, &id);
	settle_store();
	assert_true(id > 0);
	assert_int_equal(select_row(modem, "2", why), -EBUSY);
	assert_non_null(strstr(why, "order"));
	close.id = id;
	close.now_ms = loop_wall_ms(loop);
	activation_close(gateway->activations, &close, NULL, NULL);
	settle_store();
	assert_int_equal(select_row(modem, "2", why), -ENODEV);
}

/* Another module under the name that the first had, elsewhere: never taken for the first. */
static void test_a_name_that_another_gets(void **state)
{
	(void)state;
	write_config("path = " ROOT "\nslot.p01 = 1\nslot.p02 = 2\n");
	sysfs_usb(&fs, 1, "1.1", 0x1a86, 0x7523, 1);
	plug_tty("1.1", 0, 0, "ch341", 0, 1);
	start();
	until_ready(1);
	unplug("1.1");
	sysfs_usb(&fs, 1, "1.2", 0x1a86, 0x7523, 1);
	plug_tty("1.2", 0, 0, "ch341", 0, 2);
	until_state("p02", MODEM_READY);
	assert_card("p02", 2);
	until_ready(1);
	assert_int_equal(port("p01")->fsm.state, MODEM_OFF);
	assert_int_equal(port("p01")->received, 0);
}

/* ---- what the place can do ------------------------------------------------------------------- */

static atomic_int resets, waited_ms, hang; /* of helper threads */

static int fake_ioctl(int fd, unsigned long request)
{
	(void)fd;
	assert_int_equal(request, USBDEVFS_RESET);
	resets++;
	while (hang)
		poll(NULL, 0, 5);
	return 0;
}

static void fake_wait(int ms)
{
	waited_ms += ms;
}

static void start_with_usb(void)
{
	resets = waited_ms = hang = 0;
	start();
	gateway->usb_env.ioctl = fake_ioctl;
	gateway->usb_wait = fake_wait;
}

/* The node of the device that was plugged in last. */
static void make_usb_node(void)
{
	char path[200];

	snprintf(path, sizeof path, "mkdir -p %s/bus/usb/001", fs.dev);
	assert_int_equal(system(path), 0);
	snprintf(path, sizeof path, "%s/bus/usb/001/%03d", fs.dev, fs.devnum - 1);
	fclose(fopen(path, "w"));
}

/* Helper threads take real time. */
static void until_quiet(void)
{
	WAIT_FOR(loop, opener_active(gateway->opener) == 0);
}

static const char *text_of(const char *path)
{
	static char text[32];
	char full[400];
	ssize_t len;
	int fd;

	snprintf(full, sizeof full, "%s/devices/" SYSFS_PCI "/usb1/%s", fs.sys, path);
	fd = open(full, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	len = read(fd, text, sizeof text - 1);
	text[len > 0 ? len : 0] = '\0';
	close(fd);
	return text;
}

static int reset_by_hand(const char *slot, enum recovery_step step)
{
	for (size_t i = 0; i < gateway->modem_count; i++)
		if (strcmp(gateway->modems[i]->slot, slot) == 0)
			return modem_reset(gateway->modems[i], step);
	return -ENOENT;
}

/* Time in which nothing is said: only the opening of devices takes real time. */
static void pass_silent(int64_t ms)
{
	for (; ms > 0; ms -= 5 * STEP_MS) {
		loop_advance(loop, 5 * STEP_MS);
		for (int i = 0; i < 3; i++)
			loop_turn(loop, opener_active(gateway->opener) > 0 ? 2 : 0);
	}
}

static void silence(int card)
{
	for (struct sim *sim = sims; sim < sims + SIMS_MAX; sim++)
		if (sim->master >= 0 && sim->card == card)
			sim->card = -1;
}

#define PORT1       "1-1/1-1:1.0/1-1-port1/disable"
#define PORT1_SYSFS "devices/" SYSFS_PCI "/usb1/" PORT1

/* Silent until its USB device is reset; then it comes back under other numbers. */
static void test_usb_reset_cures_a_hang(void **state)
{
	(void)state;
	write_config("path = " ROOT "\n");
	plug_ec25("1.1", 0, 2, 1);
	make_usb_node();
	start_with_usb();
	until_ready(1);
	silence(1);
	modem_sweep(gateway->modems[0]);
	for (int i = 0; i < 3000 && !resets; i++)
		pass_silent(1);
	assert_int_equal(resets, 1);
	assert_int_equal(port("1")->recovery.used[RECOVERY_REOPEN], 5);
	unplug("1.1");
	pass(3 * SECOND);
	plug_ec25("1.1", 8, 2, -1);
	/* that was no cure: the ladder goes on where it was */
	for (int i = 0; i < 3000 && !waited_ms; i++)
		pass_silent(1);
	until_quiet();
	assert_int_equal(resets, 1);
	assert_int_equal(waited_ms, SECOND);
	assert_string_equal(text_of("1-1/1-1.1/authorized"), "1\n");
	assert_int_equal(port("1")->recovery.used[RECOVERY_USB], 2);
	unplug("1.1");
	pass(3 * SECOND);
	plug_ec25("1.1", 4, 2, 1);
	until_ready(1);
	pass(30 * SECOND);
	assert_non_null(strstr(log_text, "what helped: usb"));
	assert_null(strstr(log_text, "event=quarantined"));
	assert_null(strstr(log_text, "event=hub_trouble"));
	assert_int_equal(port("1")->recovery.used[RECOVERY_USB], 0);
}

static void test_port_power(void **state)
{
	(void)state;
	write_config("path = " ROOT "\n");
	plug_ec25("1.1", 0, 2, 1);
	start_with_usb();
	until_ready(1);
	/* no switch: said once, and then no longer offered */
	assert_int_equal(reset_by_hand("1", RECOVERY_POWER), 0);
	until_quiet();
	assert_int_equal(reset_by_hand("1", RECOVERY_POWER), -EOPNOTSUPP);
	assert_non_null(strstr(port("1")->place->no_power, "port 1 of hub 1-1 has no `disable`"));
	assert_non_null(strstr(log_text, "power cycle failed: port 1 of hub 1-1"));
	until_ready(1);
	/* a reload looks again */
	sysfs_file(&fs, PORT1_SYSFS, "0");
	gateway_reload(gateway);
	assert_int_equal(reset_by_hand("1", RECOVERY_POWER), 0);
	until_quiet();
	assert_int_equal(waited_ms, 5 * SECOND);
	assert_string_equal(text_of(PORT1), "0");
	unplug("1.1");
	pass(3 * SECOND);
	assert_int_equal(port("1")->fsm.state, MODEM_OFF);
	/* one that does not come back can be switched on once more */
	sysfs_file(&fs, PORT1_SYSFS, "1");
	assert_int_equal(reset_by_hand("1", RECOVERY_POWER), 0);
	until_quiet();
	assert_string_equal(text_of(PORT1), "0");
	plug_ec25("1.1", 4, 2, 1);
	pass(60 * SECOND);
	until_ready(1);
	assert_null(strstr(log_text, "event=hub_trouble"));
}

/* Whoever stops the daemon meanwhile: what is off comes on. */
static void test_stopped_with_the_power_off(void **state)
{
	(void)state;
	write_config("path = " ROOT "\n");
	plug_ec25("1.1", 0, 2, 1);
	sysfs_file(&fs, PORT1_SYSFS, "0");
	start_with_usb();
	gateway->usb_wait = gateway_rescue_wait;
	until_ready(1);
	assert_int_equal(reset_by_hand("1", RECOVERY_POWER), 0);
	WAIT_FOR(loop, strcmp(text_of(PORT1), "1") == 0);
	gateway_stop(gateway, on_stopped, NULL);
	until_quiet();
	assert_string_equal(text_of(PORT1), "0");
}

static void test_what_a_bridge_offers(void **state)
{
	static const int order[4] = { 0, 1, 2, 3 };

	(void)state;
	write_config("path = " ROOT "\n");
	plug_quad("1.1", 1, order);
	sysfs_usb(&fs, 1, "1.2", 0x1a86, 0x7523, 1);
	plug_tty("1.2", 0, 0, "ch341", 4, 20);
	make_usb_node();
	start_with_usb();
	until_ready(5);
	assert_int_equal(reset_by_hand("1_1.2", RECOVERY_USB), -EOPNOTSUPP);
	assert_int_equal(reset_by_hand("1_1.2", RECOVERY_POWER), -EOPNOTSUPP);
	assert_non_null(strstr(port("1_1.2")->place->no_usb, "hang up the other modems"));
	assert_int_equal(reset_by_hand("2", RECOVERY_POWER), -EOPNOTSUPP);
	assert_non_null(strstr(port("2")->place->no_power, "supply of its own"));
	assert_int_equal(reset_by_hand("2", RECOVERY_USB), 0);
	until_quiet();
	assert_int_equal(resets, 1);
	pass(30 * SECOND);
	until_ready(5);
}

/* What hangs in the kernel is abandoned; the others do not notice. */
static void test_a_reset_that_hangs(void **state)
{
	(void)state;
	write_config("path = " ROOT "\n");
	plug_ec25("1.2", 4, 2, 2);
	plug_ec25("1.1", 0, 2, 1);
	make_usb_node();
	start_with_usb();
	until_ready(2);
	hang = 1;
	assert_int_equal(reset_by_hand("1", RECOVERY_USB), 0);
	WAIT_FOR(loop, resets);
	assert_int_equal(resets, 1);
	assert_int_equal(port("1")->fsm.state, MODEM_RECOVER);
	pass_silent(61 * SECOND);
	assert_non_null(strstr(log_text, "USB reset hangs in the kernel"));
	assert_non_null(strstr(log_text, "event=quarantined"));
	assert_int_equal(port("2")->fsm.state, MODEM_READY);
	hang = 0;
	WAIT_FOR(loop, opener_abandoned(gateway->opener) == 0);
	until_ready(2);
}

/* Two of a hub at a time; the third waits, and says so. */
static void test_turns(void **state)
{
	char ports[16];

	(void)state;
	write_config("path = " ROOT "\n");
	for (int i = 0; i < 3; i++) {
		snprintf(ports, sizeof ports, "1.%d", i + 1);
		plug_ec25(ports, 4 * i, 2, i);
		make_usb_node();
	}
	start_with_usb();
	until_ready(3);
	assert_int_equal(reset_by_hand("1", RECOVERY_USB), 0);
	assert_int_equal(reset_by_hand("2", RECOVERY_USB), 0);
	assert_int_equal(reset_by_hand("3", RECOVERY_USB), 0);
	until_quiet();
	assert_int_equal(resets, 2);
	assert_non_null(strstr(port("3")->fsm.why, "waits its turn: 2 ports of hub " ROOT));
	for (int i = 0; i < 5000 && resets < 3; i++)
		step();
	assert_int_equal(resets, 3);
	pass(20 * SECOND);
	until_ready(3);
}

/* The ttys count from first. */
static void plug_four(int first)
{
	char ports[16];

	for (int i = 0; i < 4; i++) {
		snprintf(ports, sizeof ports, "1.3.%d", i + 1);
		plug_ec25(ports, first + 4 * i, 2, i);
	}
}

static void start_hub_of_four(void)
{
	write_config("path = " ROOT "\n");
	plug_four(0);
	start_with_usb();
	until_ready(4);
}

static void test_a_hub_without_power(void **state)
{
	(void)state;
	start_hub_of_four();
	unplug("1.3");
	until_ready(0);
	pass(5 * SECOND);
	assert_non_null(strstr(log_text, "hub " ROOT ".3 (bank b): 4 ports fail together"));
	assert_non_null(strstr(log_text, "event=hub_trouble"));
	assert_int_equal(port("3.1")->fsm.state, MODEM_OFF);
	plug_four(20);
	until_ready(4);
	assert_non_null(strstr(log_text, "3 of 4 ports are back; still down: b/3."));
	/* a reload that takes them away is no trouble */
	log_forget();
	write_config("path = pci-0000:00:14.0-usb-0:7\n");
	gateway_reload(gateway);
	pass(5 * SECOND);
	assert_null(strstr(log_text, "event=hub_trouble"));
}

/* Their bank puts other cards in: whatever their devices do meanwhile is no trouble of the hub's.
 */
static void test_switching_is_no_trouble(void **state)
{
	(void)state;
	start_hub_of_four();
	for (size_t i = 0; i < 4; i++)
		modem_hold(gateway->modems[i], "row 2");
	assert_int_equal(modem_let_go(gateway->modems[0]), 0);
	unplug("1.3");
	until_ready(0);
	pass(5 * SECOND);
	assert_int_equal(in_state(MODEM_OFF), 4);
	assert_null(strstr(log_text, "event=hub_trouble"));
	for (size_t i = 0; i < 4; i++)
		modem_release(gateway->modems[i], "");
	plug_four(20);
	until_ready(4);
	assert_null(strstr(log_text, "event=hub_trouble"));
}

/* Their supply is gone, and nothing tells: two are silent, the others are looked at then. */
static void test_modems_without_power(void **state)
{
	char ports[16];

	(void)state;
	write_config("path = " ROOT "\n");
	for (int i = 0; i < 4; i++) {
		snprintf(ports, sizeof ports, "1.%d", i + 1);
		plug_ec25(ports, 4 * i, 2, i);
		make_usb_node();
	}
	start_with_usb();
	until_ready(4);
	for (int i = 0; i < 4; i++)
		silence(i);
	modem_sweep(gateway->modems[0]);
	modem_sweep(gateway->modems[1]);
	for (int i = 0; i < 3000 && !strstr(log_text, "event=hub_trouble"); i++)
		pass_silent(1);
	assert_non_null(strstr(log_text, "hub " ROOT " (bank b): 4 ports fail together"));
	/* none is reset, none is left alone for long, and nothing more is said */
	log_forget();
	pass_silent(300 * SECOND);
	assert_int_equal(resets, 0);
	assert_null(strstr(log_text, "event=quarantined"));
	assert_null(strstr(log_text, "event=recovery"));
	for (int i = 0; i < 4; i++) {
		snprintf(ports, sizeof ports, "1.%d", i + 1);
		unplug(ports);
		plug_ec25(ports, 20 + 4 * i, 2, i);
	}
	until_ready(4);
	assert_non_null(strstr(log_text, "ports are back"));
}

static void test_a_board_names_its_slots(void **state)
{
	static const int order[4] = { 3, 1, 2, 0 };

	(void)state;
	write_config("path = " ROOT "\nboard = pool16\n");
	plug_quad("1.2", 1, order);
	start();
	until_ready(4);
	assert_int_equal(gateway->modem_count, 16);
	assert_card("p05", 10);
	assert_card("p08", 13);
	assert_int_equal(port("p01")->fsm.state, MODEM_OFF);
}

/* ---- whatever the order --------------------------------------------------------------------- */

enum { PLUGS = 300, SOCKETS = 8, HEAP_MORE = 64 * 1024 };

/* SIMGATE_TEST_PLUGS: so many; SIMGATE_TEST_SEED: in another order. */
static int from_env(const char *name, int otherwise)
{
	const char *text = getenv(name);

	return text ? (int)strtol(text, NULL, 10) : otherwise;
}

size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

static size_t heap_used(void)
{
	return __sanitizer_get_current_allocated_bytes ? __sanitizer_get_current_allocated_bytes()
						       : mallinfo2().uordblks;
}

/* Bits: the sockets that have something in them; those whose number is on the list. */
static unsigned plugged, listed;
static bool list_came;

static void flip(int i)
{
	static int number;
	char ports[16];

	snprintf(ports, sizeof ports, "1.%d", i + 1);
	plugged ^= 1U << i;
	if (!(plugged & 1U << i)) {
		unplug(ports);
		return;
	}
	sysfs_usb(&fs, 1, ports, 0x067b, 0x2303, 1);
	plug_tty(ports, 0, 0, "pl2303", number++ % 50, i);
}

static void on_roster(void *arg, int err, const struct store_roster_row *rows, size_t count)
{
	char number[32];

	(void)arg;
	assert_int_equal(err, 0);
	listed = 0;
	for (size_t i = 0; i < count; i++) {
		int slot = rows[i].slot[0] - '1';
		assert_in_range(slot, 0, SOCKETS - 1);
		snprintf(number, sizeof number, "+467001002%02d", slot);
		assert_string_equal(rows[i].number, number);
		listed |= 1U << slot;
	}
	assert_int_equal(__builtin_popcount(listed), count);
	list_came = true;
}

/* What the list is made of. */
static void assert_listed(void)
{
	listed = ~plugged;
	for (int n = 0; n < 100 && listed != plugged; n++) {
		list_came = false;
		store_roster(gateway->store, "p", 0, on_roster, NULL);
		WAIT_FOR(loop, list_came);
	}
	assert_int_equal(listed, plugged);
}

/* Open, ready and listed are those ports that something is plugged in at, and no other. */
static void assert_plugged(int files)
{
	int count = __builtin_popcount(plugged);
	char slot[16];

	pass(4 * SECOND);
	until_ready(count);
	assert_int_equal(gateway->modem_count, SOCKETS);
	for (int i = 0; i < SOCKETS; i++) {
		snprintf(slot, sizeof slot, "%d", i + 1);
		assert_non_null(port(slot));
		if (plugged & 1U << i)
			assert_card(slot, i);
		assert_int_equal(
			port(slot)->fsm.state, plugged & 1U << i ? MODEM_READY : MODEM_OFF);
	}
	/* of each: both ends of its pty here, and the port's own */
	WAIT_FOR(loop, open_files() == files + 3 * count); /* threads close them */
	assert_listed();
}

static void flip_all(void)
{
	for (int i = 0; i < SOCKETS; i++)
		flip(i);
}

static void set_numbers(void)
{
	char iccid[32], number[32];

	for (int i = 0; i < SOCKETS; i++) {
		snprintf(iccid, sizeof iccid, "894600000000000000%02d", i);
		snprintf(number, sizeof number, "+467001002%02d", i);
		store_number_set(gateway->store, iccid, number, loop_wall_ms(loop), NULL, NULL);
	}
}

static void test_many_plugs(void **state)
{
	int plugs = from_env("SIMGATE_TEST_PLUGS", PLUGS), files;
	size_t heap;

	(void)state;
	srand((unsigned)from_env("SIMGATE_TEST_SEED", 11));
	plugged = 0;
	write_config("path = " ROOT "\n");
	start();
	pass(3 * SECOND);
	files = open_files();
	flip_all();
	until_ready(SOCKETS);
	set_numbers();
	assert_plugged(files);
	flip_all();
	assert_plugged(files);
	heap = heap_used();
	for (int n = 0; n < plugs; n++) {
		flip(rand() % SOCKETS);
		if (rand() % 3 == 0)
			pass(rand() % 4000);
		if (n % 50 == 49)
			assert_plugged(files);
	}
	for (int i = 0; i < SOCKETS; i++)
		if (plugged & 1U << i)
			flip(i);
	assert_plugged(files);
	if (getenv("SIMGATE_TEST_LOG"))
		fprintf(stderr, "heap: %zu, after %d plugs %zu\n", heap, plugs, heap_used());
	assert_in_range(heap_used(), 0, heap + HEAP_MORE);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_a_pool_keeps_its_names),
		CASE(test_a_pool_at_once),
		CASE(test_labels),
		CASE(test_two_devices_for_one_slot),
		CASE(test_a_module_is_one_port_whatever_its_ttys),
		CASE(test_a_module_without_an_at_port_lasts),
		CASE(test_all_ways_to_go_end_alike),
		CASE(test_a_control_line_is_no_modem),
		CASE(test_a_card_on_order_stays),
		CASE(test_a_name_that_another_gets),
		CASE(test_usb_reset_cures_a_hang),
		CASE(test_port_power),
		CASE(test_stopped_with_the_power_off),
		CASE(test_what_a_bridge_offers),
		CASE(test_a_reset_that_hangs),
		CASE(test_turns),
		CASE(test_a_hub_without_power),
		CASE(test_switching_is_no_trouble),
		CASE(test_modems_without_power),
		CASE(test_a_board_names_its_slots),
		CASE(test_many_plugs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
