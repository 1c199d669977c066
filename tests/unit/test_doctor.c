/* test_doctor.c - a folder that looks like a host: nothing is found on a good one, and each thing
 * that is wrong is found, with its place. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "cli/doctor.h"
#include "sysfs_fixture.h"

#define USB_MODULE "devices/" SYSFS_PCI "/usb1/1-1/1-1.2"
#define HOUR_US    (INT64_C(3600) * 1000000)

static struct sysfs fs;
static char config_more[2000], http_text[200], platform_text[200];
static int udevd = -1;
static struct statfs disk;
static int clock_state, clock_status, daemon_refused;
static int64_t wall_s;
static const cJSON *daemon_ports;
static struct doctor doctor;
static struct config *config;
static struct config_report report;

/* ---- a host --------------------------------------------------------------------------------- */

static void path_of(char out[PATH_MAX], const char *name)
{
	assert_true(snprintf(out, PATH_MAX, "%s%s", fs.dir, name) < PATH_MAX);
}

static void put(const char *name, const char *text, mode_t mode)
{
	char path[PATH_MAX];

	sysfs_file(&fs, "x", ""); /* its folder is there */
	path_of(path, name);
	for (char *slash = strchr(path + strlen(fs.dir) + 1, '/'); slash;
		slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(path, 0755);
		*slash = '/';
	}
	FILE *file = fopen(path, "we");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	assert_int_equal(chmod(path, mode), 0);
}

static void folder(const char *name, mode_t mode)
{
	char path[PATH_MAX], inside[PATH_MAX];

	snprintf(inside, sizeof inside, "%s/x", name);
	put(inside, "", 0600);
	path_of(path, inside);
	unlink(path);
	path_of(path, name);
	assert_int_equal(chmod(path, mode), 0);
}

static void mode_of(const char *name, mode_t mode)
{
	char path[PATH_MAX];

	path_of(path, name);
	assert_int_equal(chmod(path, mode), 0);
}

static void drop(const char *name)
{
	char path[PATH_MAX];

	path_of(path, name);
	assert_int_equal(remove(path), 0);
}

static void process(int pid, const char *name, const char *file)
{
	char path[PATH_MAX], text[100];

	snprintf(path, sizeof path, "/proc/%d/comm", pid);
	snprintf(text, sizeof text, "%s\n", name);
	put(path, text, 0644);
	snprintf(path, sizeof path, "%s/proc/%d/fd", fs.dir, pid);
	mkdir(path, 0755);
	strcat(path, "/3");
	assert_int_equal(symlink(file, path), 0);
}

static void start_udevd(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char path[PATH_MAX];

	folder("/run/udev/data", 0755);
	path_of(path, "/run/udev/control");
	assert_true(strlen(path) < sizeof address.sun_path);
	strcpy(address.sun_path, path);
	udevd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(udevd, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(listen(udevd, 8), 0);
}

static void put_accounts(const char *members)
{
	char text[300], path[PATH_MAX];
	struct stat st;

	path_of(path, "/dev/ttyUSB0");
	assert_int_equal(stat(path, &st), 0);
	put("/etc/passwd", "root:x:0:0::/root:/bin/sh\nsimgate:x:54321:54321::/:/bin/false\n",
		0644);
	snprintf(text, sizeof text, "other:x:5:root\ndialout:x:%u:%s\n", (unsigned)st.st_gid,
		members);
	put("/etc/group", text, 0644);
}

/* A module with four ttys at 1.2 and a bridge with one at 1.3. */
static void plug(void)
{
	char name[40];

	sysfs_usb(&fs, 1, "1.2", 0x2c7c, 0x0125, 5);
	for (int i = 0; i < 4; i++) {
		snprintf(name, sizeof name, "ttyUSB%d", i);
		sysfs_tty(&fs, 1, "1.2", i, 0, "option", name, NULL);
		snprintf(name, sizeof name, "/dev/ttyUSB%d", i);
		mode_of(name, 0660);
	}
	sysfs_usb(&fs, 1, "1.3", 0x1a86, 0x7523, 1);
	sysfs_tty(&fs, 1, "1.3", 0, 0, "ch341", "ttyUSB4", NULL);
	mode_of("/dev/ttyUSB4", 0660);
	sysfs_file(&fs, USB_MODULE "/power/control", "on\n");
	sysfs_file(&fs, "devices/" SYSFS_PCI "/usb1/1-1/power/control", "auto\n");
	sysfs_file(&fs, "devices/" SYSFS_PCI "/usb1/1-1/bDeviceClass", "09\n");
	mode_of("/sys/" USB_MODULE "/authorized", 0666);
}

static int setup(void **state)
{
	(void)state;
	umask(0);
	sysfs_make(&fs);
	plug();
	put_accounts("root,simgate");
	put("/dev/kmsg", "6,1,1000,-;usb 1-1.2: new high-speed USB device number 5\n", 0644);
	process(1, "systemd", "/dev/null");
	start_udevd();
	put("/etc/udev/rules.d/78-simgate.rules", "", 0644);
	put("/etc/systemd/system/simgated.service", "[Service]\nLimitNOFILE=4096\n", 0644);
	folder("/state", 0777);
	folder("/run/simgate", 0777);
	put("/credentials/key", "abc\n", 0600);
	disk = (struct statfs) { .f_type = 0xEF53,
		.f_bsize = 4096,
		.f_blocks = 10 << 20,
		.f_bavail = 5 << 20,
		.f_files = 100000,
		.f_ffree = 90000 };
	clock_state = clock_status = daemon_refused = 0;
	wall_s = time(NULL);
	daemon_ports = NULL;
	strcpy(http_text, "");
	strcpy(platform_text, "");
	strcpy(config_more, "[bank north]\npath = pci-0000:00:14.0-usb-0:1\n"
			    "slot.p01 = 2\nslot.p02 = 3:1.0\n");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	doctor_done(&doctor);
	config_free(config);
	config_report_free(&report);
	close(udevd);
	sysfs_remove(&fs);
	return 0;
}

static int tell_clock(struct timex *clock)
{
	clock->status = clock_status;
	errno = EPERM;
	return clock_state;
}

static int tell_disk(const char *path, struct statfs *out)
{
	assert_string_equal(path + strlen(path) - 6, "/state");
	*out = disk;
	return 0;
}

static void run(void)
{
	char path[PATH_MAX], text[6000];

	path_of(path, "/credentials");
	setenv("CREDENTIALS_DIRECTORY", path, 1);
	snprintf(text, sizeof text,
		"[gateway]\nstate_dir = /state\ncontrol = /run/simgate/control.sock\n%s%s"
		"[platform one]\nkind = onlinesim-push\nurl = https://one.example\n%s",
		http_text, config_more, *platform_text ? platform_text : "key = @key\n");
	put("/simgate.conf", text, 0644);
	path_of(path, "/simgate.conf");
	config = config_load(path, NULL, &report);
	doctor = (struct doctor) { .root = fs.dir,
		.config = config,
		.report = &report,
		.ports = daemon_ports,
		.refused = daemon_refused,
		.adjtimex = tell_clock,
		.statfs = tell_disk,
		.now_us = 100 * HOUR_US,
		.now_s = wall_s };
	assert_int_equal(doctor_run(&doctor), 0);
}

static const struct doctor_finding *finding(
	const char *check, enum doctor_result result, const char *where, const char *what)
{
	for (size_t i = 0; i < doctor.finding_count; i++) {
		const struct doctor_finding *one = &doctor.findings[i];
		if (strcmp(doctor_checks[one->check].name, check) == 0 && one->result == result &&
			strstr(one->where, where) && strstr(one->what, what))
			return one;
	}
	return NULL;
}

/* This was found, and nothing of another check. */
static void assert_found(
	const char *check, enum doctor_result result, const char *where, const char *what)
{
	for (size_t i = 0; i < doctor.finding_count; i++)
		if (strcmp(doctor_checks[doctor.findings[i].check].name, check) != 0)
			fail_msg("%s: %s: %s", doctor_checks[doctor.findings[i].check].name,
				doctor.findings[i].where, doctor.findings[i].what);
	if (finding(check, result, where, what))
		return;
	for (size_t i = 0; i < doctor.finding_count; i++)
		print_error("%s: %s\n", doctor.findings[i].where, doctor.findings[i].what);
	fail_msg("%s: not found: %s: %s", check, where, what);
}

static void assert_well(void)
{
	for (size_t i = 0; i < doctor.finding_count; i++)
		fail_msg("%s: %s: %s", doctor_checks[doctor.findings[i].check].name,
			doctor.findings[i].where, doctor.findings[i].what);
}

/* ---- what is wrong with it ------------------------------------------------------------------ */

static void nothing(void)
{
}

static void modem_manager(void)
{
	process(77, "ModemManager", "/dev/null");
}

/* "Told to leave it" is known by the device's number. */
static void modem_manager_is_told(void)
{
	char path[PATH_MAX], number[40], file[60];

	process(77, "ModemManager", "/dev/null");
	for (int i = 0; i < 5; i++) {
		snprintf(number, sizeof number, "ttyUSB%d", i);
		sysfs_tty_path(&fs, number, path, sizeof path);
		strcat(path, "/dev");
		snprintf(number, sizeof number, "188:%d\n", i);
		sysfs_file(&fs, path, number);
		snprintf(file, sizeof file, "/run/udev/data/c188:%d", i);
		put(file, "S:x\nE:ID_MM_DEVICE_IGNORE=1\n", 0644);
	}
}

static void brltty(void)
{
	process(78, "brltty", "/dev/null");
}

static void held(void)
{
	process(79, "minicom", "/dev/ttyUSB4");
}

static void held_by_the_daemon(void)
{
	process(80, "simgated", "/dev/ttyUSB4");
	put("/proc/80/status", "Name:\tsimgated\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nGroups:\t0 \n",
		0644);
	put("/proc/80/limits", "Max open files            4096  4096  files\n", 0644);
}

static void node_closed(void)
{
	mode_of("/dev/ttyUSB2", 0600);
}

static void no_member(void)
{
	put_accounts("root");
}

static void member_by_the_unit(void)
{
	put_accounts("root");
	put("/etc/systemd/system/simgated.service",
		"[Service]\nSupplementaryGroups=plugdev dialout\nLimitNOFILE=4096\n", 0644);
}

static void no_user(void)
{
	put("/etc/passwd", "root:x:0:0::/root:/bin/sh\n", 0644);
}

static void state_closed(void)
{
	mode_of("/state", 0755);
}

static void no_reset(void)
{
	mode_of("/sys/" USB_MODULE "/authorized", 0644);
}

static void no_node(void)
{
	sysfs_file(&fs, USB_MODULE "/busnum", "1\n");
	sysfs_file(&fs, USB_MODULE "/devnum", "7\n");
	put("/dev/bus/usb/001/007", "", 0644);
}

static void sleepy(void)
{
	sysfs_file(&fs, USB_MODULE "/power/control", "auto\n");
}

static void unplugged(void)
{
	sysfs_unplug(&fs, 1, "1.3");
}

static void no_driver(void)
{
	sysfs_drop_tty(&fs, "ttyUSB4");
}

static void empty_bank(void)
{
	strcpy(config_more, "[bank north]\npath = pci-0000:00:14.0-usb-0:9\n");
}

static void by_devices(void)
{
	strcpy(config_more, "[bank north]\ndevices = /dev/ttyUSB[0-4], tcp:127.0.0.1:4000\n");
}

static void device_gone(void)
{
	strcpy(config_more, "[bank north]\ndevices = /dev/ttyUSB0, /dev/ttyUSB7\n");
}

static void no_udevd(void)
{
	close(udevd);
	udevd = -1;
}

static void no_rules(void)
{
	drop("/etc/udev/rules.d/78-simgate.rules");
}

static void many_ttys(void)
{
	char path[PATH_MAX];

	for (int i = 5; i < 490; i++) {
		snprintf(path, sizeof path, "%s/sys/class/tty/ttyUSB%d", fs.dir, i);
		assert_int_equal(symlink("../../devices/virtual/none", path), 0);
	}
}

/* At 100 h: one an hour ago, one two days ago, one that a program wrote. */
static void usb_errors(void)
{
	put("/dev/kmsg",
		"3,1,356400000000,-;usb 1-1.2: device descriptor read/64, error -71\n"
		" SUBSYSTEM=usb\n"
		"3,2,356400000000,-;usb 1-1.2: device descriptor read/64, error -71\n"
		"3,3,187200000000,-;usb usb1-port3: over-current condition\n"
		"13,4,356400000000,-;usb 1-1.3: said by a program, error -110\n",
		0644);
}

static void controller_full(void)
{
	put("/dev/kmsg",
		"4,1,356400000000,-;usb 1-1.4: Not enough host controller resources for new "
		"device "
		"state.\n",
		0644);
}

static void no_kernel_log(void)
{
	drop("/dev/kmsg");
}

static void unsynchronised(void)
{
	clock_state = TIME_ERROR;
}

static void before_its_time(void)
{
	wall_s = 0;
}

static void clock_is_not_told(void)
{
	clock_state = -1;
}

static void full_disk(void)
{
	disk.f_bavail = 1000;
}

static void no_inodes(void)
{
	disk.f_ffree = 10;
}

static void on_tmpfs(void)
{
	disk.f_type = 0x01021994;
}

static void on_nfs(void)
{
	disk.f_type = 0x6969;
}

static void few_files(void)
{
	put("/etc/systemd/system/simgated.service", "[Service]\nLimitNOFILE=100\n", 0644);
}

static void no_unit(void)
{
	drop("/etc/systemd/system/simgated.service");
}

static void in_clear(void)
{
	strcpy(http_text, "[http]\nlisten = 127.0.0.1:1, 0.0.0.0:8470\nallow_plaintext = yes\n");
}

static void no_filter(void)
{
	strcpy(platform_text, "key = @key\nfilter = off\n");
}

static void open_secret(void)
{
	put("/etc/simgate/credentials/one", "abc\n", 0644);
}

struct row {
	void (*damage)(void);
	const char *check; /* NULL: nothing is found */
	enum doctor_result result;
	const char *where, *what;
};

static const struct row rows[] = {
	{ nothing, NULL, DOCTOR_FAULT, "", "" },
	{ modem_manager, "modem-manager", DOCTOR_FAULT, "north/p01 (/dev/ttyUSB0)", "process 77" },
	{ modem_manager_is_told, NULL, DOCTOR_FAULT, "", "" },
	{ brltty, "brltty", DOCTOR_FAULT, "north/p02 (/dev/ttyUSB4)", "process 78" },
	{ held, "holders", DOCTOR_FAULT, "north/p02 (/dev/ttyUSB4)", "minicom (process 79)" },
	{ held_by_the_daemon, NULL, DOCTOR_FAULT, "", "" },
	{ node_closed, "rights", DOCTOR_FAULT, "north/p01 (/dev/ttyUSB2)", "simgate may not" },
	{ no_member, "groups", DOCTOR_FAULT, "/dev/ttyUSB", "not in group dialout" },
	{ member_by_the_unit, NULL, DOCTOR_FAULT, "", "" },
	{ no_user, "rights", DOCTOR_UNKNOWN, "/etc/passwd", "no user simgate" },
	{ state_closed, "rights", DOCTOR_FAULT, "/state", "may not write into state_dir" },
	{ no_reset, "resets", DOCTOR_FAULT, "north/p01", "1-1.2/authorized" },
	{ no_node, "resets", DOCTOR_FAULT, "north/p01", "may not write /dev/bus/usb/001/007" },
	{ sleepy, "autosuspend", DOCTOR_FAULT, "north, 2c7c:0125 at 2", "power/control" },
	{ unplugged, "slots", DOCTOR_FAULT, "north/p02", "nothing is plugged in at 3" },
	{ no_driver, "slots", DOCTOR_FAULT, "north/p02", "(1a86:7523) is at 3" },
	{ empty_bank, "slots", DOCTOR_FAULT, "north", "no tty below" },
	{ by_devices, NULL, DOCTOR_FAULT, "", "" },
	{ device_gone, "slots", DOCTOR_FAULT, "north", "/dev/ttyUSB7 is not there" },
	{ no_udevd, "udev", DOCTOR_FAULT, "/run/udev/control", "does not run" },
	{ no_rules, "udev", DOCTOR_FAULT, "rules.d", "not installed" },
	{ many_ttys, "minors", DOCTOR_FAULT, "ttyUSB", "490 of the kernel's 512" },
	{ usb_errors, "kernel-log", DOCTOR_FAULT, "usb 1-1.2 (north/p01)",
		"2 times, the last 60 min ago" },
	{ controller_full, "kernel-log", DOCTOR_FAULT, "usb 1-1.4", "controller is full" },
	{ no_kernel_log, "kernel-log", DOCTOR_UNKNOWN, "/dev/kmsg", "be root" },
	{ unsynchronised, "clock", DOCTOR_FAULT, "", "not synchronised" },
	{ before_its_time, "clock", DOCTOR_FAULT, "", "1970" },
	{ clock_is_not_told, "clock", DOCTOR_UNKNOWN, "", "does not tell" },
	{ full_disk, "disk", DOCTOR_FAULT, "/state", "only 3 MiB of 40960" },
	{ no_inodes, "disk", DOCTOR_FAULT, "/state", "10 files" },
	{ on_tmpfs, "disk", DOCTOR_FAULT, "/state", "tmpfs" },
	{ on_nfs, "disk", DOCTOR_FAULT, "/state", "NFS" },
	{ few_files, "files", DOCTOR_FAULT, "simgated.service", "100 open files" },
	{ no_unit, "files", DOCTOR_UNKNOWN, "simgated.service", "not known" },
	{ in_clear, "listeners", DOCTOR_FAULT, "0.0.0.0:8470", "in clear" },
	{ no_filter, "filter", DOCTOR_FAULT, "one", "switched off" },
	{ open_secret, "secrets", DOCTOR_FAULT, "credentials/one", "every user" },
};

static void test_what_is_wrong_is_found(void **state)
{
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		if (i > 0) {
			teardown(state);
			setup(state);
		}
		rows[i].damage();
		run();
		if (!rows[i].check) {
			assert_well();
			continue;
		}
		if (rows[i].damage == no_user) { /* three checks rest on it */
			assert_non_null(
				finding("rights", rows[i].result, rows[i].where, rows[i].what));
			continue;
		}
		assert_found(rows[i].check, rows[i].result, rows[i].where, rows[i].what);
	}
}

static void test_old_errors_and_what_programs_write_are_left_out(void **state)
{
	(void)state;
	usb_errors();
	run();
	assert_int_equal(doctor.finding_count, 1);
}

static void test_a_secret_in_a_file_that_all_may_read(void **state)
{
	(void)state;
	strcpy(platform_text, "key = abcdefgh\n");
	run();
	assert_non_null(finding("configuration", DOCTOR_FAULT, "simgate.conf:", "secret itself"));
	assert_non_null(finding("secrets", DOCTOR_FAULT, "simgate.conf", "every user"));
	for (size_t i = 0; i < doctor.finding_count; i++)
		assert_null(strstr(doctor.findings[i].what, "abcdefgh"));
}

static void test_without_a_configuration(void **state)
{
	(void)state;
	strcpy(config_more, "[bank north]\nnonsense = 1\n");
	run();
	assert_null(config);
	assert_non_null(finding("configuration", DOCTOR_FAULT, "simgate.conf:", "nonsense"));
	assert_non_null(finding("slots", DOCTOR_UNKNOWN, "", "without a configuration"));
	assert_null(finding("clock", DOCTOR_UNKNOWN, "", ""));
}

/* What the daemon knows counts before what sysfs says. */
static void test_the_daemon_says_which_slots_are_off(void **state)
{
	cJSON *ports = cJSON_Parse("[{\"port\":\"north/p01\",\"state\":\"off\"},"
				   "{\"port\":\"north/p02\",\"state\":\"ready\"}]");

	(void)state;
	daemon_ports = ports;
	sysfs_unplug(&fs, 1, "1.3");
	run();
	assert_int_equal(doctor.finding_count, 1);
	assert_found("slots", DOCTOR_FAULT, "north/p01", "2c7c:0125");
	cJSON_Delete(ports);
}

static void test_a_daemon_that_does_not_answer(void **state)
{
	(void)state;
	daemon_refused = ETIMEDOUT;
	run();
	assert_found("daemon", DOCTOR_FAULT, "", "does not answer");
	teardown(state);
	setup(state);
	daemon_refused = EACCES;
	run();
	assert_found("daemon", DOCTOR_UNKNOWN, "", "group simgate");
}

static void test_what_is_too_much_is_counted(void **state)
{
	(void)state;
	run();
	for (int i = 0; i < DOCTOR_FINDINGS_MAX + 3; i++)
		doctor_found(&doctor, DOCTOR_FAULT, "x", "%d", i);
	assert_int_equal(doctor.finding_count, DOCTOR_FINDINGS_MAX);
	assert_int_equal(doctor.lost, 3);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_what_is_wrong_is_found),
		CASE(test_old_errors_and_what_programs_write_are_left_out),
		CASE(test_a_secret_in_a_file_that_all_may_read),
		CASE(test_without_a_configuration),
		CASE(test_the_daemon_says_which_slots_are_off),
		CASE(test_a_daemon_that_does_not_answer),
		CASE(test_what_is_too_much_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
