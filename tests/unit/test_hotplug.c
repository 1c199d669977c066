/* test_hotplug.c - ttys that come and go in a folder like sysfs, with and without events. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/counter.h"
#include "host/hotplug.h"
#include "host/usb_ids.h"
#include "log_fixture.h"
#include "sysfs_fixture.h"

#define PC "pci-0000:00:14.0-usb-0"

enum { EVENTS_MAX = 1024, TOLD_MAX = 2048, SECOND = 1000 };

/* ---- a source of events --------------------------------------------------------------------- */

static struct {
	int fd;
	struct hotplug_event events[EVENTS_MAX];
	int errs[EVENTS_MAX]; /* instead of the event */
	int head, count, open_err;
	bool opened, enumerated_before_open;
	int opens;
	const char *id_path; /* what udev knows of every device; NULL: nothing */
} fake;

static char told[TOLD_MAX][TTY_SYSPATH_SIZE];
static size_t told_count;
static int enumerated, present;

static int fake_open(void **out)
{
	fake.enumerated_before_open = told_count > 0;
	fake.opened = !fake.open_err;
	fake.opens++;
	*out = fake.open_err ? NULL : &fake;
	return fake.open_err;
}

static int fake_fd(void *source)
{
	(void)source;
	return fake.fd;
}

static int fake_next(void *source, struct hotplug_event *out)
{
	uint64_t n;

	(void)source;
	if (fake.head == fake.count) {
		fake.head = fake.count = 0;
		return read(fake.fd, &n, sizeof n) < 0 && errno != EAGAIN ? -errno : 0;
	}
	*out = fake.events[fake.head];
	fake.head++;
	return fake.errs[fake.head - 1] ? fake.errs[fake.head - 1] : 1;
}

static bool fake_id_path(void *source, const char *syspath, char *out, size_t size)
{
	(void)source, (void)syspath;
	if (fake.id_path)
		snprintf(out, size, "%s", fake.id_path);
	return fake.id_path != NULL;
}

static void fake_close(void *source)
{
	(void)source;
	fake.opened = false;
}

static const struct hotplug_source fake_source = { fake_open, fake_fd, fake_next, fake_id_path,
	fake_close };

static void queue(bool removed, const char *syspath, const char *id_path, int err)
{
	uint64_t one = 1;

	assert_true(fake.count < EVENTS_MAX);
	fake.errs[fake.count] = err;
	fake.events[fake.count].removed = removed;
	snprintf(fake.events[fake.count].syspath, TTY_SYSPATH_SIZE, "%s", syspath);
	snprintf(fake.events[fake.count].id_path, PLACE_PATH_SIZE, "%s", id_path);
	fake.count++;
	assert_int_equal(write(fake.fd, &one, sizeof one), sizeof one);
}

/* ---- the owner ------------------------------------------------------------------------------ */

static void tell(const char *what, const struct tty_info *tty)
{
	assert_true(told_count < TOLD_MAX);
	snprintf(told[told_count++], sizeof told[0], "%s %s %s", what, tty->name, tty->id_path);
}

static void on_added(void *owner, const struct tty_info *tty)
{
	(void)owner;
	present++;
	tell("+", tty);
}

static void on_removed(void *owner, const struct tty_info *tty)
{
	(void)owner;
	present--;
	tell("-", tty);
}

static void on_enumerated(void *owner)
{
	(void)owner;
	enumerated++;
}

static const struct hotplug_events events = { on_added, on_removed, on_enumerated };

static bool was_told(const char *line)
{
	for (size_t i = 0; i < told_count; i++)
		if (strcmp(told[i], line) == 0)
			return true;
	return false;
}

/* ---- the bench ------------------------------------------------------------------------------ */

static struct sysfs fs;
static struct loop *loop;
static struct hotplug *hotplug;
static uint64_t resyncs;

static int setup(void **state)
{
	(void)state;
	memset(&fake, 0, sizeof fake);
	fake.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	told_count = 0;
	enumerated = present = 0;
	log_keep();
	sysfs_make(&fs);
	loop = loop_new_manual(1000000, 1700000000000);
	log_init(LOGF_TEXT, loop);
	resyncs = counter_get(COUNTER_UDEV_RESYNCS);
	return loop ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	hotplug_free(hotplug);
	hotplug = NULL;
	log_init(LOGF_TEXT, NULL);
	loop_free(loop);
	close(fake.fd);
	sysfs_remove(&fs);
	log_set_sink(NULL, NULL);
	return 0;
}

static void go(const struct hotplug_source *source, const char *control)
{
	struct hotplug_config config = { { fs.sys, fs.dev }, source, control };

	hotplug = hotplug_new(loop, &config, &events, NULL);
	assert_non_null(hotplug);
	assert_int_equal(told_count, 0); /* nothing from inside the call */
	loop_advance(loop, 100);
}

static void turns(int count)
{
	while (count-- > 0)
		loop_turn(loop, 0);
}

/* What udev would say now. */
static void say(bool removed, const char *name)
{
	char path[TTY_SYSPATH_SIZE];

	sysfs_tty_path(&fs, name, path, sizeof path);
	queue(removed, path, "", 0);
}

static void plug_ec25(const char *ports, int first)
{
	char name[40];

	sysfs_usb(&fs, 1, ports, 0x2c7c, 0x0125, 5);
	for (int i = 0; i < 4; i++) {
		snprintf(name, sizeof name, "ttyUSB%d", first + i);
		sysfs_tty(&fs, 1, ports, i, 0, "option", name, NULL);
	}
}

/* ---- what sysfs says ------------------------------------------------------------------------ */

static struct tty_info tty_of(const char *name)
{
	struct tty_roots roots = { fs.sys, fs.dev };
	struct tty_info info;

	if (tty_read(&roots, name, &info) < 0)
		fail_msg("%s", name);
	return info;
}

static void test_a_module(void **state)
{
	char node[200];
	struct tty_info info;

	(void)state;
	plug_ec25("1.4.2", 0);
	info = tty_of("ttyUSB2");
	assert_string_equal(info.id_path, PC ":1.4.2:1.2");
	assert_string_equal(info.place.device, PC ":1.4.2");
	assert_int_equal(info.place.config, 1);
	assert_int_equal(info.place.interface, 2);
	assert_int_equal(info.place.port, 0);
	assert_int_equal(info.vid, 0x2c7c);
	assert_int_equal(info.pid, 0x0125);
	assert_int_equal(info.interfaces, 5);
	assert_int_equal(info.if_class, 0xff);
	assert_string_equal(info.driver, "option");
	assert_string_equal(strrchr(info.usb_syspath, '/'), "/1-1.4.2");
	assert_true(info.devnum > 0);
	snprintf(node, sizeof node, "%s/ttyUSB2", fs.dev);
	assert_string_equal(info.devnode, node);
}

static void test_other_buses_and_kinds(void **state)
{
	(void)state;
	/* cdc_acm: the tty sits on the interface itself */
	sysfs_usb(&fs, 12, "3", 0x1e2d, 0x005d, 5);
	sysfs_tty(&fs, 12, "3", 4, -1, "cdc_acm", "ttyACM2", NULL);
	assert_string_equal(tty_of("ttyACM2").id_path, PC ":3:1.4");
	assert_int_equal(tty_of("ttyACM2").place.port, PLACE_ANY);
	/* four ports behind one interface */
	sysfs_usb(&fs, 1, "2", 0x9710, 0x7840, 1);
	sysfs_tty(&fs, 1, "2", 0, 3, "mos7840", "ttyUSB9", NULL);
	assert_string_equal(tty_of("ttyUSB9").id_path, PC ":2:1.0");
	assert_int_equal(tty_of("ttyUSB9").place.port, 3);
	/* a Raspberry Pi 4: PCI behind a platform device */
	sysfs_device(&fs, "devices/platform/fd500000.pcie", "platform", NULL);
	sysfs_device(&fs, "devices/platform/fd500000.pcie/pci0000:00", NULL, NULL);
	sysfs_device(&fs, "devices/platform/fd500000.pcie/pci0000:00/0000:00:00.0", "pci", NULL);
	sysfs_device(&fs, "devices/platform/fd500000.pcie/pci0000:00/0000:00:00.0/0000:01:00.0",
		"pci", NULL);
	sysfs_device(&fs,
		"devices/platform/fd500000.pcie/pci0000:00/0000:00:00.0/0000:01:00.0/usb1", "usb",
		"usb_device");
	sysfs_device(&fs,
		"devices/platform/fd500000.pcie/pci0000:00/0000:00:00.0/0000:01:00.0/usb1/1-1",
		"usb", "usb_device");
	sysfs_device(&fs,
		"devices/platform/fd500000.pcie/pci0000:00/0000:00:00.0/0000:01:00.0/usb1/1-1/"
		"1-1:1.0",
		"usb", "usb_interface");
	sysfs_plain_tty(&fs,
		"devices/platform/fd500000.pcie/pci0000:00/0000:00:00.0/0000:01:00.0/usb1/1-1/"
		"1-1:1.0",
		"ttyACM0");
	/* as udev: the inner of several PCI devices names them all */
	assert_string_equal(
		tty_of("ttyACM0").id_path, "platform-fd500000.pcie-pci-0000:01:00.0-usb-0:1:1.0");
	assert_int_equal(tty_of("ttyACM0").vid, 0);
}

static void test_uarts_without_usb(void **state)
{
	struct tty_info info;

	(void)state;
	sysfs_device(&fs, "devices/pci0000:00", NULL, NULL);
	sysfs_device(&fs, "devices/pci0000:00/0000:02:00.0", "pci", NULL);
	sysfs_device(&fs, "devices/pci0000:00/0000:02:00.0/0000:02:00.0:0", "serial-base", NULL);
	sysfs_device(&fs, "devices/pci0000:00/0000:02:00.0/0000:02:00.0:0/0000:02:00.0:0.3",
		"serial-base", NULL);
	sysfs_plain_tty(
		&fs, "devices/pci0000:00/0000:02:00.0/0000:02:00.0:0/0000:02:00.0:0.3", "ttyS7");
	info = tty_of("ttyS7");
	assert_string_equal(info.id_path, "pci-0000:02:00.0");
	assert_int_equal(info.place.port, 3);
	assert_string_equal(info.usb_syspath, "");
	assert_true(usb_kind(&info).bridge);
	sysfs_device(&fs, "devices/platform/serial8250", "platform", NULL);
	sysfs_plain_tty(&fs, "devices/platform/serial8250", "ttyS1");
	assert_string_equal(tty_of("ttyS1").id_path, "platform-serial8250");
}

static void test_what_has_no_place(void **state)
{
	struct tty_roots roots = { fs.sys, fs.dev };
	struct tty_info info;

	(void)state;
	sysfs_plain_tty(&fs, "devices/virtual", "tty1");
	assert_int_equal(tty_read(&roots, "tty1", &info), -ENODEV);
	sysfs_device(&fs, "devices/pnp0/00:04", "pnp", NULL);
	sysfs_plain_tty(&fs, "devices/pnp0/00:04", "ttyS0");
	assert_int_equal(tty_read(&roots, "ttyS0", &info), -ENODEV);
	assert_int_equal(tty_read(&roots, "ttyUSB0", &info), -ENOENT);
	assert_int_equal(tty_read(&roots, "../tty/ttyS0", &info), -EINVAL);
	sysfs_file(&fs, "class/tty/plain", "");
	assert_int_equal(tty_read(&roots, "plain", &info), -ENODEV);
}

/* What udev itself composes, where this machine has such a tty. */
static void test_udevs_own_word(void **state)
{
	struct tty_roots roots = { "/sys", "/dev" };
	char name[32], command[120], line[300];
	struct tty_info info;
	int compared = 0;

	(void)state;
	for (int i = 0; i < 8; i++) {
		snprintf(name, sizeof name, i < 4 ? "ttyS%d" : "ttyUSB%d", i % 4);
		snprintf(command, sizeof command,
			"udevadm test-builtin path_id /sys/class/tty/%s 2>/dev/null", name);
		FILE *pipe = popen(command, "r");
		bool has = tty_read(&roots, name, &info) == 0;
		bool found = false;
		while (pipe && fgets(line, sizeof line, pipe)) {
			line[strcspn(line, "\n")] = '\0';
			if (strncmp(line, "ID_PATH=", 8) != 0)
				continue;
			found = true;
			assert_true(has);
			assert_string_equal(line + 8, info.id_path);
			compared++;
		}
		if (pipe && pclose(pipe) == 0 && has && !found)
			fail_msg("udev has no path for %s, we have %s", name, info.id_path);
	}
	if (!compared)
		print_message("no tty with a path here: not compared with udev\n");
}

/* ---- which tty takes commands --------------------------------------------------------------- */

static void test_ranks(void **state)
{
	static const struct {
		int vid, pid, interfaces;
		const char *order; /* interfaces, the best first; those that are none left out */
	} rows[] = {
		{ 0x2c7c, 0x0125, 5, "2 3 0 1 4" },
		{ 0x2c7c, 0x0125, 6, "4 5 2 3" }, /* network in ECM or RNDIS mode */
		{ 0x1e0e, 0x9001, 6, "2 3 0 1 4 5" },
		{ 0x1e0e, 0x9011, 6, "4 5 0 1 3" },
		{ 0x19d2, 0x0117, 4, "2 1 0 3" },
		{ 0x1bc7, 0x1201, 6, "4 5 0 1 2 3" },
		{ 0x05c6, 0x9215, 5, "2 3 0 1 4" },
		{ 0x05c6, 0x9003, 5, "2 3 0 1" },
		{ 0x2c7c, 0x6026, 5, "0 1 2 3 4" }, /* by probe alone */
		{ 0xdead, 0xbeef, 4, "0 1 2 3" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char order[40] = "";
		for (int rank = 0; rank < 400; rank++)
			for (int n = 0; n < 6; n++) {
				struct tty_info tty = { .usb_syspath = "x",
					.vid = (uint16_t)rows[i].vid,
					.pid = (uint16_t)rows[i].pid,
					.interfaces = rows[i].interfaces,
					.place = { "", 1, n, 0 } };
				int top = rows[i].interfaces == 4 ? 4 : rows[i].interfaces;
				if (n < top && usb_at_rank(&tty) == rank)
					snprintf(order + strlen(order), 4, "%s%d",
						*order ? " " : "", n);
			}
		assert_string_equal(order, rows[i].order);
	}
}

static void test_huawei_says_it_by_class(void **state)
{
	struct tty_info tty = { .usb_syspath = "x",
		.vid = 0x12d1,
		.pid = 0x1506,
		.if_class = 0xff,
		.if_subclass = 2,
		.place = { "", 1, 0, 0 } };
	int at, ppp, diag;

	(void)state;
	tty.if_protocol = 1;
	ppp = usb_at_rank(&tty);
	tty.if_protocol = 2;
	tty.place.interface = 5;
	at = usb_at_rank(&tty);
	tty.if_protocol = 3;
	diag = usb_at_rank(&tty);
	assert_true(at < ppp && ppp < diag);
}

static void test_kinds(void **state)
{
	static const struct {
		int vid, pid, interfaces, port;
		const char *driver;
		struct usb_kind kind;
	} rows[] = {
		{ 0x0403, 0x6011, 4, 0, "ftdi_sio", { true, true, false } },
		{ 0x10c4, 0xea71, 4, 0, "cp210x", { true, true, false } },
		{ 0x9710, 0x7840, 1, 0, "mos7840", { true, false, true } },
		{ 0x04e2, 0x1414, 8, 0, "xr_serial", { true, true, false } },
		{ 0x1a86, 0x7523, 1, 0, "ch341", { true, false, false } },
		{ 0x067b, 0x2303, 1, 0, "pl2303", { true, false, false } },
		/* a vendor's own id: by driver */
		{ 0x1234, 0x0001, 4, 0, "ftdi_sio", { true, true, false } },
		{ 0x1234, 0x0001, 1, 0, "mxuport", { true, false, false } },
		{ 0x1234, 0x0001, 1, 2, "mxuport", { true, false, true } },
		{ 0x2c7c, 0x0125, 5, 0, "option", { false, false, false } },
		{ 0xdead, 0xbeef, 2, -1, "cdc_acm", { false, false, false } },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct tty_info tty = { .usb_syspath = "x",
			.vid = (uint16_t)rows[i].vid,
			.pid = (uint16_t)rows[i].pid,
			.interfaces = rows[i].interfaces,
			.place = { "", 1, 0, rows[i].port } };
		struct usb_kind kind;
		snprintf(tty.driver, sizeof tty.driver, "%s", rows[i].driver);
		kind = usb_kind(&tty);
		assert_int_equal(kind.bridge, rows[i].kind.bridge);
		assert_int_equal(kind.by_interface, rows[i].kind.by_interface);
		assert_int_equal(kind.by_port, rows[i].kind.by_port);
	}
}

/* ---- events and looks ----------------------------------------------------------------------- */

static void test_enumeration_then_events(void **state)
{
	(void)state;
	plug_ec25("1.1", 0);
	sysfs_plain_tty(&fs, "devices/virtual", "tty0");
	go(&fake_source, NULL);
	assert_false(fake.enumerated_before_open);
	assert_int_equal(enumerated, 1);
	assert_true(hotplug_enumerated(hotplug));
	assert_int_equal(told_count, 4);
	assert_true(was_told("+ ttyUSB2 " PC ":1.1:1.2"));
	plug_ec25("1.2", 4);
	for (int i = 4; i < 8; i++) {
		char name[40];
		snprintf(name, sizeof name, "ttyUSB%d", i);
		say(false, name);
		say(false, name); /* bind, change: nothing new */
	}
	turns(2);
	assert_int_equal(told_count, 8);
	assert_true(was_told("+ ttyUSB7 " PC ":1.2:1.3"));
	/* remove: sysfs may have it still, or not any more */
	say(true, "ttyUSB4");
	say(true, "ttyUSB5");
	sysfs_drop_tty(&fs, "ttyUSB5");
	turns(2);
	assert_int_equal(told_count, 10);
	assert_true(was_told("- ttyUSB4 " PC ":1.2:1.0"));
	assert_true(was_told("- ttyUSB5 " PC ":1.2:1.1"));
	queue(true, "devices/nowhere/ttyUSB6", "", 0); /* of another device */
	queue(true, "nonsense", "", 0);
	turns(2);
	assert_int_equal(told_count, 10);
	assert_int_equal(enumerated, 1);
	assert_int_equal(counter_get(COUNTER_UDEV_RESYNCS), resyncs);
}

static void test_udevs_path_is_taken_where_it_makes_sense(void **state)
{
	char path[TTY_SYSPATH_SIZE];

	(void)state;
	go(&fake_source, NULL);
	plug_ec25("1.1", 0);
	sysfs_tty_path(&fs, "ttyUSB2", path, sizeof path);
	queue(false, path, "pci-0000:00:15.0-usb-0:1.1:1.2", 0);
	sysfs_tty_path(&fs, "ttyUSB3", path, sizeof path);
	queue(false, path, "nonsense:", 0);
	turns(2);
	assert_true(was_told("+ ttyUSB2 pci-0000:00:15.0-usb-0:1.1:1.2"));
	assert_true(was_told("+ ttyUSB3 " PC ":1.1:1.3"));
}

static void test_udevs_path_comes_after_a_look(void **state)
{
	char path[TTY_SYSPATH_SIZE];

	(void)state;
	plug_ec25("1.1", 0);
	go(&fake_source, NULL);
	assert_true(was_told("+ ttyUSB2 " PC ":1.1:1.2"));
	told_count = 0;
	sysfs_tty_path(&fs, "ttyUSB2", path, sizeof path);
	queue(false, path, "pci-0000:00:15.0-usb-0:1.1:1.2", 0);
	queue(false, path, "pci-0000:00:15.0-usb-0:1.1:1.2", 0);
	queue(false, path, "nonsense:", 0);
	queue(false, path, "", 0);
	turns(2);
	assert_int_equal(told_count, 2);
	assert_string_equal(told[0], "- ttyUSB2 " PC ":1.1:1.2");
	assert_string_equal(told[1], "+ ttyUSB2 pci-0000:00:15.0-usb-0:1.1:1.2");
}

static void test_lost_events_lead_to_a_look(void **state)
{
	(void)state;
	plug_ec25("1.1", 0);
	plug_ec25("1.2", 4);
	go(&fake_source, NULL);
	assert_int_equal(present, 8);
	sysfs_unplug(&fs, 1, "1.1");
	plug_ec25("1.3", 8);
	say(false, "ttyUSB8");
	queue(false, "", "", -ENOBUFS); /* once; what was queued still comes */
	say(false, "ttyUSB9");
	turns(1);
	loop_advance(loop, 100);
	assert_int_equal(present, 8);
	assert_true(was_told("- ttyUSB0 " PC ":1.1:1.0"));
	assert_true(was_told("+ ttyUSB11 " PC ":1.3:1.3"));
	assert_int_equal(counter_get(COUNTER_UDEV_RESYNCS), resyncs + 1);
	assert_int_equal(logged("event=resync"), 1);
	/* and again, within the look: one more, not at once */
	for (int i = 0; i < 3; i++) {
		queue(false, "", "", -ENOBUFS);
		loop_turn(loop, 0);
	}
	loop_advance(loop, 2 * SECOND);
	assert_true(counter_get(COUNTER_UDEV_RESYNCS) - resyncs <= 3);
	assert_int_equal(logged("event=resync"), 1);
}

/* What was queued before the loss is read before the look: a pull is not taken for the last word.
 */
static void test_what_is_queued_is_older_than_the_look(void **state)
{
	(void)state;
	plug_ec25("1.1", 0);
	go(&fake_source, NULL);
	queue(false, "", "", -ENOBUFS);
	for (int i = 0; i < 200; i++)
		say(false, "ttyUSB0");
	say(true, "ttyUSB2"); /* that it is back was lost */
	sysfs_unplug(&fs, 1, "1.1");
	plug_ec25("1.1", 0);
	for (int i = 0; i < 200; i++)
		say(false, "ttyUSB1");
	loop_turn(loop, 0);
	hotplug_look(hotplug); /* for another reason; it counts for nothing */
	turns(100);
	loop_advance(loop, SECOND);
	assert_int_equal(present, 4);
	assert_string_equal(told[told_count - 1], "+ ttyUSB2 " PC ":1.1:1.2");
	assert_int_equal(counter_get(COUNTER_UDEV_RESYNCS), resyncs + 1);
}

static void test_a_timer_finds_what_no_event_told(void **state)
{
	(void)state;
	plug_ec25("1.1", 0);
	go(&fake_source, NULL);
	sysfs_unplug(&fs, 1, "1.1");
	loop_advance(loop, 59 * SECOND);
	assert_int_equal(present, 4);
	loop_advance(loop, 2 * SECOND);
	assert_int_equal(present, 0);
	assert_int_equal(counter_get(COUNTER_UDEV_RESYNCS), resyncs + 1);
	loop_advance(loop, 300 * SECOND); /* nothing differs: nothing is counted */
	assert_int_equal(counter_get(COUNTER_UDEV_RESYNCS), resyncs + 1);
	/* as long as the source is silent, sysfs is looked at more often */
	assert_int_equal(logged("udevd tells us nothing"), 1);
	plug_ec25("1.2", 4);
	loop_advance(loop, 3 * SECOND);
	assert_int_equal(present, 4);
	plug_ec25("1.3", 8);
	say(false, "ttyUSB8");
	turns(2);
	loop_advance(loop, 3 * SECOND);
	assert_int_equal(logged("udevd is there"), 1);
	assert_int_equal(present, 8);
	sysfs_unplug(&fs, 1, "1.2");
	loop_advance(loop, 50 * SECOND);
	assert_int_equal(present, 8);
	loop_advance(loop, 15 * SECOND);
	assert_int_equal(present, 4);
}

static void test_another_plug_at_the_same_path(void **state)
{
	(void)state;
	plug_ec25("1.1", 0);
	go(&fake_source, NULL);
	sysfs_unplug(&fs, 1, "1.1");
	plug_ec25("1.1", 0); /* the very names, another devnum */
	say(false, "ttyUSB2");
	turns(2);
	assert_int_equal(told_count, 6);
	assert_string_equal(told[4], "- ttyUSB2 " PC ":1.1:1.2");
	assert_string_equal(told[5], "+ ttyUSB2 " PC ":1.1:1.2");
	/* another number now */
	sysfs_unplug(&fs, 1, "1.1");
	plug_ec25("1.1", 7);
	hotplug_look(hotplug); /* before udev says it: nothing was missed */
	loop_advance(loop, 100);
	assert_int_equal(present, 4);
	assert_int_equal(counter_get(COUNTER_UDEV_RESYNCS), resyncs);
	assert_int_equal(logged("tells us nothing"), 0);
	assert_true(was_told("- ttyUSB2 " PC ":1.1:1.2"));
	assert_true(was_told("+ ttyUSB9 " PC ":1.1:1.2"));
}

static void test_permuted_names(void **state)
{
	(void)state;
	plug_ec25("1.1", 0);
	plug_ec25("1.2", 4);
	go(NULL, NULL);
	sysfs_unplug(&fs, 1, "1.1");
	sysfs_unplug(&fs, 1, "1.2");
	plug_ec25("1.1", 4);
	plug_ec25("1.2", 0);
	loop_advance(loop, 3 * SECOND);
	assert_int_equal(present, 8);
	assert_true(was_told("+ ttyUSB6 " PC ":1.1:1.2"));
	assert_true(was_told("+ ttyUSB2 " PC ":1.2:1.2"));
}

static void test_without_udev_sysfs_is_looked_at(void **state)
{
	char control[HOTPLUG_CONTROL_SIZE];
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	(void)state;
	snprintf(control, sizeof control, "%.60s/control", fs.dir);
	snprintf(address.sun_path, sizeof address.sun_path, "%s", control);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
	go(&fake_source, control); /* the file is there, and nobody listens */
	assert_int_equal(logged("looked at each 2 s"), 1);
	plug_ec25("1.1", 0);
	loop_advance(loop, 2100);
	assert_int_equal(present, 4);
	sysfs_unplug(&fs, 1, "1.1");
	loop_advance(loop, 2100);
	assert_int_equal(present, 0);
	loop_advance(loop, 60 * SECOND);
	assert_int_equal(logged("looked at each 2 s"), 1);
	assert_int_equal(counter_get(COUNTER_UDEV_RESYNCS), resyncs);
	/* udevd starts after all */
	assert_int_equal(listen(fd, 4), 0);
	loop_advance(loop, 3 * SECOND);
	assert_int_equal(logged("udevd is there"), 1);
	assert_int_equal(fake.opens, 2); /* what was opened without an udevd stays deaf */
	plug_ec25("1.1", 0);
	loop_advance(loop, 30 * SECOND);
	assert_int_equal(present, 0);
	say(false, "ttyUSB0");
	turns(2);
	assert_int_equal(present, 1);
	close(fd);
}

static void test_a_source_that_fails(void **state)
{
	(void)state;
	fake.open_err = -EPERM;
	plug_ec25("1.1", 0);
	go(&fake_source, NULL);
	assert_int_equal(present, 4);
	assert_int_equal(logged("cannot be had"), 1);
	sysfs_unplug(&fs, 1, "1.1");
	loop_advance(loop, 3 * SECOND);
	assert_int_equal(present, 0);
}

static void test_a_source_that_breaks(void **state)
{
	(void)state;
	go(&fake_source, NULL);
	queue(false, "", "", -EBADF);
	turns(2);
	assert_false(fake.opened);
	plug_ec25("1.1", 0);
	loop_advance(loop, 5 * SECOND);
	assert_int_equal(present, 4);
}

static void test_no_sysfs_at_all(void **state)
{
	struct hotplug_config config = { { "/nowhere", "/dev" }, NULL, NULL };

	(void)state;
	hotplug = hotplug_new(loop, &config, &events, NULL);
	loop_advance(loop, 10 * SECOND);
	assert_int_equal(enumerated, 1);
	assert_int_equal(present, 0);
}

static void test_a_turn_is_bounded(void **state)
{
	char ports[40];
	int most = 0;

	(void)state;
	for (int i = 0; i < 64; i++) {
		snprintf(ports, sizeof ports, "1.%d.%d", i / 8 + 1, i % 8 + 1);
		plug_ec25(ports, 4 * i);
	}
	go(&fake_source, NULL);
	assert_int_equal(present, 256);
	for (int i = 0; i < 256; i++) {
		snprintf(ports, sizeof ports, "ttyUSB%d", i);
		say(true, ports);
	}
	while (present > 0) {
		int before = present;
		loop_turn(loop, 0);
		assert_true(present < before);
		most = before - present > most ? before - present : most;
	}
	assert_true(most <= 64);
}

/* Whatever happens in whatever order, and whoever is told of it: in the end what is known is what
 * is there. */
static void test_thousands_of_plugs(void **state)
{
	bool plugged[24] = { false };
	char ports[40], name[40];
	int wanted = 0;

	(void)state;
	srand(7);
	go(&fake_source, NULL);
	for (int n = 0; n < 1200; n++) {
		int i = rand() % 24;
		bool heard = rand() % 4 != 0;
		snprintf(ports, sizeof ports, "1.%d.%d", i / 6 + 1, i % 6 + 1);
		snprintf(name, sizeof name, "ttyUSB%d", i);
		if (plugged[i]) {
			if (heard)
				say(true, name);
			sysfs_unplug(&fs, 1, ports);
		} else {
			sysfs_usb(&fs, 1, ports, 0x067b, 0x2303, 1);
			sysfs_tty(&fs, 1, ports, 0, 0, "pl2303", name, NULL);
			if (heard)
				say(false, name);
		}
		plugged[i] = !plugged[i];
		if (!heard && rand() % 2)
			queue(false, "", "", -ENOBUFS);
		if (rand() % 3 == 0)
			loop_turn(loop, 0);
		if (rand() % 50 == 0)
			loop_advance(loop, rand() % 3000);
		told_count = 0;
	}
	turns(40);
	loop_advance(loop, 130 * SECOND);
	for (int i = 0; i < 24; i++)
		wanted += plugged[i];
	assert_int_equal(present, wanted);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_a_module),
		CASE(test_other_buses_and_kinds),
		CASE(test_uarts_without_usb),
		CASE(test_what_has_no_place),
		CASE(test_udevs_own_word),
		CASE(test_ranks),
		CASE(test_huawei_says_it_by_class),
		CASE(test_kinds),
		CASE(test_enumeration_then_events),
		CASE(test_udevs_path_is_taken_where_it_makes_sense),
		CASE(test_udevs_path_comes_after_a_look),
		CASE(test_lost_events_lead_to_a_look),
		CASE(test_what_is_queued_is_older_than_the_look),
		CASE(test_a_timer_finds_what_no_event_told),
		CASE(test_another_plug_at_the_same_path),
		CASE(test_permuted_names),
		CASE(test_without_udev_sysfs_is_looked_at),
		CASE(test_a_source_that_fails),
		CASE(test_a_source_that_breaks),
		CASE(test_no_sysfs_at_all),
		CASE(test_a_turn_is_bounded),
		CASE(test_thousands_of_plugs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
