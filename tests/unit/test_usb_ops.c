/* test_usb_ops.c - what is written where, and what is refused; sysfs is a folder, ioctl a double.
 */
#include <errno.h>
#include <linux/usbdevice_fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "host/usb_ops.h"
#include "sysfs_fixture.h"

#define PC "pci-0000:00:14.0-usb-0"

static struct sysfs fs;
static struct usb_ops_env env;
static char why[USB_WHY_SIZE];
static int ioctls, ioctl_err;
static unsigned long ioctl_request;
static char ioctl_file[128];

static int fake_ioctl(int fd, unsigned long request)
{
	char link[40];
	ssize_t len;

	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	len = readlink(link, ioctl_file, sizeof ioctl_file - 1);
	ioctl_file[len > 0 ? len : 0] = '\0';
	ioctls++;
	ioctl_request = request;
	errno = ioctl_err;
	return ioctl_err ? -1 : 0;
}

static int setup(void **state)
{
	(void)state;
	sysfs_make(&fs);
	env = (struct usb_ops_env) { fs.sys, fs.dev, fake_ioctl };
	ioctls = ioctl_err = 0;
	why[0] = '\0';
	sysfs_usb(&fs, 1, "1.2.3", 0x2c7c, 0x0125, 5);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	sysfs_remove(&fs);
	return 0;
}

static int run(enum usb_action action, const char *path, const char *name)
{
	struct usb_target target = { path, name };

	return usb_ops[action].run(&env, &target, why);
}

static const char *text_of(const char *path)
{
	static char text[64];
	char full[400];
	FILE *file;
	size_t len;

	snprintf(full, sizeof full, "%s/%s", fs.sys, path);
	file = fopen(full, "r");
	assert_non_null(file);
	len = fread(text, 1, sizeof text - 1, file);
	text[len] = '\0';
	fclose(file);
	return text;
}

/* The node of the device that was plugged in last. */
static void make_node(char *out, size_t size)
{
	char path[200];

	snprintf(path, sizeof path, "mkdir -p %s/bus/usb/001", fs.dev);
	assert_int_equal(system(path), 0);
	snprintf(out, size, "%s/bus/usb/001/%03d", fs.dev, fs.devnum - 1);
	fclose(fopen(out, "w"));
}

static void test_reset(void **state)
{
	char node[160];

	(void)state;
	assert_int_equal(run(USB_RESET, PC ":1.2.3", "1-1.2.3"), -ENOENT);
	assert_non_null(strstr(why, "/bus/usb/001/"));
	make_node(node, sizeof node);
	assert_int_equal(run(USB_RESET, PC ":1.2.3", "1-1.2.3"), 0);
	assert_int_equal(ioctls, 1);
	assert_int_equal(ioctl_request, USBDEVFS_RESET);
	assert_string_equal(ioctl_file, node);
	ioctl_err = ENODEV;
	assert_int_equal(run(USB_RESET, PC ":1.2.3", "1-1.2.3"), -ENODEV);
	assert_non_null(strstr(why, "came back"));
	ioctl_err = EPERM;
	assert_int_equal(run(USB_RESET, PC ":1.2.3", "1-1.2.3"), -EPERM);
	assert_non_null(strstr(why, "lacks the right"));
}

#define HUB           "devices/" SYSFS_PCI "/usb1/1-1/1-1.2"
#define FILE_OF_PORT3 HUB "/1-1.2:1.0/1-1.2-port3/disable"

static void test_authorized(void **state)
{
	(void)state;
	assert_int_equal(run(USB_DEAUTHORIZE, PC ":1.2.3", "1-1.2.3"), 0);
	assert_string_equal(
		text_of(HUB "/1-1.2.3/authorized"), "0\n"); /* written over the first byte */
}

static void test_port_power(void **state)
{
	(void)state;
	assert_int_equal(run(USB_POWER_OFF, PC ":1.2.3", "1-1.2.3"), -ENOTSUP);
	assert_non_null(strstr(why, "port 3 of hub 1-1.2"));
	sysfs_file(&fs, FILE_OF_PORT3, "0");
	assert_int_equal(run(USB_POWER_OFF, PC ":1.2.3", "1-1.2.3"), 0);
	assert_string_equal(text_of(FILE_OF_PORT3), "1");
	/* the device is not there any more, its port is */
	sysfs_unplug(&fs, 1, "1.2.3");
	assert_int_equal(run(USB_POWER_OFF, PC ":1.2.3", "1-1.2.3"), -ENODEV);
	assert_int_equal(run(USB_POWER_ON, PC ":1.2.3", "1-1.2.3"), 0);
	assert_string_equal(text_of(FILE_OF_PORT3), "0");
}

static void test_port_of_a_root_hub(void **state)
{
	(void)state;
	sysfs_usb(&fs, 1, "4", 0x0403, 0x6001, 1);
	sysfs_file(&fs, "devices/" SYSFS_PCI "/usb1/1-0:1.0/usb1-port4/disable", "0");
	assert_int_equal(run(USB_POWER_OFF, PC ":4", "1-4"), 0);
	assert_string_equal(text_of("devices/" SYSFS_PCI "/usb1/1-0:1.0/usb1-port4/disable"), "1");
}

/* What came to sit there meanwhile is not touched. */
static void test_only_what_is_meant(void **state)
{
	static const struct {
		const char *path, *name;
		int err;
	} rows[] = {
		{ PC ":1.2.4", "1-1.2.3", -ESTALE },
		{ "pci-0000:00:15.0-usb-0:1.2.3", "1-1.2.3", -ESTALE },
		{ PC ":1.2.3", "1-1.2", -ESTALE },
		{ PC ":1.2.3", "2-1.2.3", -ENODEV },
		{ PC ":1.2.3", "../../etc", -EINVAL },
		{ PC ":1.2.3", "", -EINVAL },
	};
	char node[160];

	(void)state;
	make_node(node, sizeof node);
	sysfs_file(&fs, FILE_OF_PORT3, "0");
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		for (int action = USB_RESET; action < USB_POWER_ON; action++) {
			why[0] = '\0';
			assert_int_equal(run((enum usb_action)action, rows[i].path, rows[i].name),
				rows[i].err);
			assert_true(strlen(why) > 10);
		}
		assert_true(run(USB_POWER_ON, rows[i].path, rows[i].name) < 0);
	}
	assert_int_equal(ioctls, 0);
	assert_string_equal(text_of(FILE_OF_PORT3), "0");
	assert_string_equal(text_of(HUB "/1-1.2.3/authorized"), "1\n");
	assert_int_equal(run(USB_POWER_ON, PC ":1", "usb1"), -EINVAL);
}

static void test_names(void **state)
{
	(void)state;
	for (int i = 0; i < USB_ACTIONS; i++)
		assert_true(usb_ops[i].name && usb_ops[i].run);
	assert_string_equal(usb_ops_real.sys, "/sys");
	errno = 0;
	assert_int_equal(usb_ops_real.ioctl(-1, USBDEVFS_RESET), -1);
	assert_int_equal(errno, EBADF);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_reset),
		CASE(test_authorized),
		CASE(test_port_power),
		CASE(test_port_of_a_root_hub),
		CASE(test_only_what_is_meant),
		CASE(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
