/* usb_ops.c - what can be done to a USB device from outside: reset, switch off and on, port power.
 */
#include "host/usb_ops.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/usbdevice_fs.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "host/tty_sysfs.h"

enum { NAME_SIZE = 64, HUB_CONFIGS = 4 /* values of a hub's configuration that are looked at */ };

static int say(int err, char *why, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static int say(int err, char *why, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(why, USB_WHY_SIZE, fmt, args);
	va_end(args);
	return err;
}

static const char *advice(int err)
{
	switch (err) {
	case -EACCES:
	case -EPERM: return ": the daemon lacks the right; the udev rules give it to its group";
	case -EROFS: return ": read-only here; the unit needs ReadWritePaths=/sys/devices";
	default: return "";
	}
}

/* Where a device is below the root of sysfs; checks that it is the one that is meant. */
static int find_device(const struct usb_ops_env *env, const char *name, const char *path,
	char syspath[TTY_SYSPATH_SIZE], char *why)
{
	struct tty_roots roots = { env->sys, env->dev };
	char link[PATH_MAX], to[PATH_MAX], now[PLACE_PATH_SIZE];
	const char *at = to;
	ssize_t len;

	if (strchr(name, '/') || !*name || *name == '.')
		return say(-EINVAL, why, "\"%.40s\" is no name of a USB device", name);
	snprintf(link, sizeof link, "%s/bus/usb/devices/%s", env->sys, name);
	len = readlink(link, to, sizeof to - 1);
	if (len < 0)
		return say(-ENODEV, why, "USB device %s is not there: %s", name, strerror(errno));
	to[len] = '\0';
	while (strncmp(at, "../", 3) == 0)
		at += 3;
	if (snprintf(syspath, TTY_SYSPATH_SIZE, "%s", at) >= TTY_SYSPATH_SIZE)
		return say(-ENAMETOOLONG, why, "the path of USB device %s is too long", name);
	if (sysfs_id_path(&roots, syspath, now, sizeof now) < 0)
		*now = '\0';
	if (strcmp(now, path) != 0)
		return say(-ESTALE, why, "USB device %s is at %s now, not at %s: left alone", name,
			*now ? now : "no known place", path);
	return 0;
}

static int write_attribute(
	const struct usb_ops_env *env, const char *file, const char *value, char *why)
{
	char path[PATH_MAX];
	int fd, err = 0;

	if (snprintf(path, sizeof path, "%s/%s", env->sys, file) >= (int)sizeof path)
		return say(-ENAMETOOLONG, why, "%.100s: too long", file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		err = -errno;
	else if (write(fd, value, strlen(value)) < 0)
		err = -errno;
	if (fd >= 0)
		close(fd);
	if (err)
		return say(err, why, "cannot write %s to %.120s: %s%s", value, path, strerror(-err),
			advice(err));
	return 0;
}

/* ---- reset, authorized ---------------------------------------------------------------------- */

static int number_of(const struct usb_ops_env *env, const char *syspath, const char *name)
{
	struct tty_roots roots = { env->sys, env->dev };
	char text[32];
	long value;

	if (sysfs_attribute(&roots, syspath, name, text, sizeof text) < 0)
		return -1;
	value = strtol(text, NULL, 10);
	return value > 0 && value < 1000 ? (int)value : -1;
}

static int reset(const struct usb_ops_env *env, const struct usb_target *target, char *why)
{
	char syspath[TTY_SYSPATH_SIZE], node[PATH_MAX];
	int err = find_device(env, target->name, target->path, syspath, why);
	int bus, device, fd;

	if (err)
		return err;
	bus = number_of(env, syspath, "busnum");
	device = number_of(env, syspath, "devnum");
	if (bus < 0 || device < 0)
		return say(-ENODEV, why, "USB device %s has no number", target->name);
	snprintf(node, sizeof node, "%s/bus/usb/%03d/%03d", env->dev, bus, device);
	fd = open(node, O_WRONLY | O_CLOEXEC);
	if (fd < 0) {
		err = -errno;
		return say(err, why, "cannot open %s: %s%s", node, strerror(-err), advice(err));
	}
	if (env->ioctl(fd, USBDEVFS_RESET) < 0) {
		err = -errno;
		say(err, why, "reset of %s (%s) failed: %s%s", target->name, node, strerror(-err),
			err == -ENODEV ? ": it came back as another device" : advice(err));
	}
	close(fd);
	return err;
}

static int authorize(const struct usb_ops_env *env, const struct usb_target *target,
	const char *value, char *why)
{
	char syspath[TTY_SYSPATH_SIZE], file[PATH_MAX];
	int err = find_device(env, target->name, target->path, syspath, why);

	if (err)
		return err;
	snprintf(file, sizeof file, "%s/authorized", syspath);
	return write_attribute(env, file, value, why);
}

static int deauthorize_device(
	const struct usb_ops_env *env, const struct usb_target *target, char *why)
{
	return authorize(env, target, "0", why);
}

static int authorize_device(
	const struct usb_ops_env *env, const struct usb_target *target, char *why)
{
	return authorize(env, target, "1", why);
}

/* ---- port power ----------------------------------------------------------------------------- */

/* "1-1.2" is port 2 of "1-1"; "1-1" is port 1 of "usb1". */
static bool split_port(const char *name, char hub[NAME_SIZE], int *port)
{
	const char *dash = strchr(name, '-'), *dot = strrchr(name, '.');

	if (!dash || dash == name || strchr(name, ':') || strlen(name) >= NAME_SIZE)
		return false;
	if (dot)
		snprintf(hub, NAME_SIZE, "%.*s", (int)(dot - name), name);
	else
		snprintf(hub, NAME_SIZE, "usb%.*s", (int)(dash - name), name);
	long number = strtol(dot ? dot + 1 : dash + 1, NULL, 10);
	*port = (int)number;
	return number > 0 && number < 256;
}

/* The `disable` file of a hub's port. A root hub's interface is "1-0:1.0", its port "usb1-port1".
 */
static int find_switch(const struct usb_ops_env *env, const char *hub, const char *syspath,
	int port, char *out, size_t size)
{
	bool root = strncmp(hub, "usb", 3) == 0;
	char path[PATH_MAX];

	for (int config = 1; config <= HUB_CONFIGS; config++) {
		snprintf(out, size, "%s/%s%s:%d.0/%s-port%d/disable", syspath, root ? hub + 3 : hub,
			root ? "-0" : "", config, hub, port);
		if (snprintf(path, sizeof path, "%s/%s", env->sys, out) < (int)sizeof path &&
			access(path, F_OK) == 0)
			return 0;
	}
	return -ENOTSUP;
}

static int power(const struct usb_ops_env *env, const struct usb_target *target, const char *value,
	char *why)
{
	char hub[NAME_SIZE], hub_path[PLACE_PATH_SIZE], syspath[TTY_SYSPATH_SIZE], file[PATH_MAX];
	const char *ports = strstr(target->path, "-usb-0:"), *dash = strchr(target->name, '-');
	int port, err;

	if (!split_port(target->name, hub, &port))
		return say(-EINVAL, why, "\"%.40s\" is plugged into no hub", target->name);
	if (!ports || strcmp(ports + strlen("-usb-0:"), dash + 1) != 0)
		return say(-ESTALE, why, "USB device %s is not at %s: left alone", target->name,
			target->path);
	place_hub(target->path, hub_path, sizeof hub_path);
	if (strncmp(hub, "usb", 3) == 0 && strlen(hub_path) > strlen("-usb-0"))
		hub_path[strlen(hub_path) - strlen("-usb-0")] =
			'\0'; /* a root hub: its controller */
	err = find_device(env, hub, hub_path, syspath, why);
	if (err)
		return err;
	if (find_switch(env, hub, syspath, port, file, sizeof file) < 0)
		return say(-ENOTSUP, why,
			"port %d of hub %s has no `disable` in sysfs: Linux 6.0 or later, and a "
			"hub "
			"that switches its ports, are needed",
			port, hub);
	return write_attribute(env, file, value, why);
}

static int power_off(const struct usb_ops_env *env, const struct usb_target *target, char *why)
{
	char syspath[TTY_SYSPATH_SIZE];
	int err = find_device(env, target->name, target->path, syspath, why);

	return err ? err : power(env, target, "1", why);
}

static int power_on(const struct usb_ops_env *env, const struct usb_target *target, char *why)
{
	return power(env, target, "0", why);
}

static int real_ioctl(int fd, unsigned long request)
{
	return ioctl(fd, request, 0);
}

const struct usb_ops_env usb_ops_real = { "/sys", "/dev", real_ioctl };

const struct usb_op usb_ops[USB_ACTIONS] = {
	[USB_RESET] = { "usb reset", reset },
	[USB_DEAUTHORIZE] = { "usb deauthorize", deauthorize_device },
	[USB_AUTHORIZE] = { "usb authorize", authorize_device },
	[USB_POWER_OFF] = { "port power off", power_off },
	[USB_POWER_ON] = { "port power on", power_on },
};
