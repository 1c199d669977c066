/* tty_sysfs.c - what sysfs knows of a tty: its place, its USB device, its driver. */
#include "host/tty_sysfs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	DEPTH_MAX = 40,   /* parents of a device */
	CONFIG_HEAD = 9,  /* bytes of a configuration descriptor, USB 2.0 table 9-10 */
	DEVICE_HEAD = 18, /* of a device descriptor, table 9-8 */
	FILE_MAX = 4096,
	WORD_SIZE = 64,
};

/* ---- files ---------------------------------------------------------------------------------- */

/* Up to size bytes of a file below the root; their number, or a negative errno. */
static ssize_t read_file(const struct tty_roots *roots, const char *syspath, const char *name,
	char *out, size_t size)
{
	char path[PATH_MAX];
	ssize_t len;
	int fd;

	if (snprintf(path, sizeof path, "%s/%s/%s", roots->sys, syspath, name) >= (int)sizeof path)
		return -ENAMETOOLONG;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return -errno;
	len = read(fd, out, size);
	if (len < 0)
		len = -errno;
	close(fd);
	return len;
}

int sysfs_attribute(const struct tty_roots *roots, const char *syspath, const char *name, char *out,
	size_t size)
{
	ssize_t len = read_file(roots, syspath, name, out, size - 1);

	out[len > 0 ? len : 0] = '\0';
	out[strcspn(out, "\r\n")] = '\0';
	return len < 0 ? (int)len : 0;
}

static int number_at(const struct tty_roots *roots, const char *syspath, const char *name, int base)
{
	char text[WORD_SIZE], *end;
	long value;

	if (sysfs_attribute(roots, syspath, name, text, sizeof text) < 0 || !*text)
		return -1;
	value = strtol(text, &end, base);
	return *end || value < 0 || value > 0xffffff ? -1 : (int)value;
}

/* Where a link below the root points to: its last part. */
static bool link_name(const struct tty_roots *roots, const char *syspath, const char *name,
	char *out, size_t size)
{
	char path[PATH_MAX], to[PATH_MAX];
	const char *base;
	ssize_t len;

	if (snprintf(path, sizeof path, "%s/%s/%s", roots->sys, syspath, name) >= (int)sizeof path)
		return false;
	len = readlink(path, to, sizeof to - 1);
	if (len <= 0)
		return false;
	to[len] = '\0';
	base = strrchr(to, '/');
	return snprintf(out, size, "%s", base ? base + 1 : to) < (int)size;
}

/* KEY= of a device's uevent file. */
static bool uevent_value(
	const struct tty_roots *roots, const char *syspath, const char *key, char *out, size_t size)
{
	char text[FILE_MAX], *line, *next = text;
	ssize_t len = read_file(roots, syspath, "uevent", text, sizeof text - 1);

	if (len < 0)
		return false;
	text[len] = '\0';
	while ((line = strsep(&next, "\n")))
		if (strncmp(line, key, strlen(key)) == 0 && line[strlen(key)] == '=')
			return snprintf(out, size, "%s", line + strlen(key) + 1) < (int)size;
	return false;
}

/* ---- devices and their parents -------------------------------------------------------------- */

static const char *name_of(const char *syspath)
{
	const char *base = strrchr(syspath, '/');

	return base ? base + 1 : syspath;
}

/* Cuts syspath to its parent device: folders without an uevent file are none. */
static bool to_parent(const struct tty_roots *roots, char *syspath)
{
	char path[PATH_MAX], *slash;

	while ((slash = strrchr(syspath, '/')) != NULL) {
		*slash = '\0';
		if (snprintf(path, sizeof path, "%s/%s/uevent", roots->sys, syspath) <
				(int)sizeof path &&
			access(path, F_OK) == 0)
			return true;
	}
	return false;
}

static bool in_subsystem(const struct tty_roots *roots, const char *syspath, const char *name)
{
	char word[WORD_SIZE];

	return link_name(roots, syspath, "subsystem", word, sizeof word) && strcmp(word, name) == 0;
}

/* Puts a part before what is there. */
static bool prepend(char *path, size_t size, const char *kind, const char *name)
{
	char old[PLACE_PATH_SIZE];

	snprintf(old, sizeof old, "%s", path);
	return snprintf(path, size, "%s%s%s%s", kind, name, *old ? "-" : "", old) < (int)size;
}

/* Past parents of the same subsystem: the outermost of them stays in at. */
static void skip_subsystem(const struct tty_roots *roots, char *at, const char *subsystem)
{
	char up[TTY_SYSPATH_SIZE];

	for (;;) {
		snprintf(up, sizeof up, "%s", at);
		if (!to_parent(roots, up) || !in_subsystem(roots, up, subsystem))
			return;
		strcpy(at, up); /* shorter than what was there */
	}
}

/* "1-1.2" and "1-1.2:1.0": what stands behind the bus number. */
static const char *usb_ports(const struct tty_roots *roots, const char *syspath)
{
	char type[WORD_SIZE];
	const char *dash = strchr(name_of(syspath), '-');

	if (!dash || !uevent_value(roots, syspath, "DEVTYPE", type, sizeof type) ||
		(strcmp(type, "usb_device") != 0 && strcmp(type, "usb_interface") != 0))
		return NULL;
	return dash + 1;
}

int sysfs_id_path(const struct tty_roots *roots, const char *syspath, char *out, size_t size)
{
	static const struct {
		const char *subsystem, *kind;
	} parents[] = { { "pci", "pci-" }, { "platform", "platform-" }, { "amba", "amba-" },
		{ "acpi", "acpi-" } };
	char at[TTY_SYSPATH_SIZE], subsystem[WORD_SIZE], path[PLACE_PATH_SIZE] = "";
	bool whole = false, fits = snprintf(at, sizeof at, "%s", syspath) < (int)sizeof at;

	for (int depth = 0; fits && depth < DEPTH_MAX; depth++) {
		if (link_name(roots, at, "subsystem", subsystem, sizeof subsystem)) {
			const char *ports =
				strcmp(subsystem, "usb") == 0 ? usb_ports(roots, at) : NULL;
			if (ports) {
				fits = prepend(path, sizeof path, "usb-0:", ports);
				skip_subsystem(roots, at, "usb");
			}
			for (size_t i = 0; i < sizeof parents / sizeof parents[0]; i++)
				if (strcmp(subsystem, parents[i].subsystem) == 0) {
					fits = prepend(path, sizeof path, parents[i].kind,
						       name_of(at)) &&
					       fits;
					skip_subsystem(roots, at, subsystem);
					whole = true;
				}
		}
		if (!to_parent(roots, at))
			break;
	}
	if (!whole || !*path)
		return -ENOENT;
	if (!fits || strlen(path) >= size)
		return -ENAMETOOLONG;
	strcpy(out, path);
	return 0;
}

/* ---- a tty ---------------------------------------------------------------------------------- */

/* Of the configuration with this value. The attribute bNumInterfaces would wait for a device that
 * is being reset; the raw descriptors do not. */
static int count_interfaces(const struct tty_roots *roots, const char *syspath, int config)
{
	char raw[FILE_MAX] = { 0 };
	ssize_t len = read_file(roots, syspath, "descriptors", raw, sizeof raw);

	for (ssize_t at = DEVICE_HEAD; at + CONFIG_HEAD <= len;) {
		const unsigned char *head = (const unsigned char *)raw + at;
		int total = head[2] | head[3] << 8;
		if (head[1] != 2 || total < CONFIG_HEAD)
			return 0;
		if (head[5] == config)
			return head[4];
		at += total;
	}
	return 0;
}

static uint8_t byte_at(const struct tty_roots *roots, const char *syspath, const char *name)
{
	int value = number_at(roots, syspath, name, 16);

	return value < 0 || value > 255 ? 0 : (uint8_t)value;
}

static void read_interface(
	const struct tty_roots *roots, const char *syspath, struct tty_info *info)
{
	info->if_class = byte_at(roots, syspath, "bInterfaceClass");
	info->if_subclass = byte_at(roots, syspath, "bInterfaceSubClass");
	info->if_protocol = byte_at(roots, syspath, "bInterfaceProtocol");
	link_name(roots, syspath, "driver", info->driver, sizeof info->driver);
}

static void read_usb(const struct tty_roots *roots, const char *syspath, struct tty_info *info)
{
	int vid = number_at(roots, syspath, "idVendor", 16);
	int pid = number_at(roots, syspath, "idProduct", 16);

	strcpy(info->usb_syspath, syspath); /* both have TTY_SYSPATH_SIZE */
	info->vid = vid < 0 ? 0 : (uint16_t)vid;
	info->pid = pid < 0 ? 0 : (uint16_t)pid;
	info->devnum = number_at(roots, syspath, "devnum", 10);
	info->interfaces = count_interfaces(roots, syspath, info->place.config);
}

/* Which of the ttys behind one interface (usb-serial), or of one UART chip (serial-base's
 * "0000:02:00.0:0.3": controller 0, port 3). */
static int port_of(const struct tty_roots *roots, const char *syspath)
{
	char at[TTY_SYSPATH_SIZE], subsystem[WORD_SIZE];
	const char *dot;

	snprintf(at, sizeof at, "%s", syspath);
	if (!to_parent(roots, at) ||
		!link_name(roots, at, "subsystem", subsystem, sizeof subsystem))
		return PLACE_ANY;
	if (strcmp(subsystem, "usb-serial") == 0)
		return number_at(roots, at, "port_number", 10);
	dot = strrchr(name_of(at), '.');
	if (strcmp(subsystem, "serial-base") != 0 || !dot || dot[1] < '0' || dot[1] > '9')
		return PLACE_ANY;
	return (int)(strtol(dot + 1, NULL, 10) % 10000);
}

static void read_parents(const struct tty_roots *roots, struct tty_info *info)
{
	char at[TTY_SYSPATH_SIZE], type[WORD_SIZE];

	snprintf(at, sizeof at, "%s", info->syspath);
	for (int depth = 0; depth < DEPTH_MAX && to_parent(roots, at); depth++) {
		if (!in_subsystem(roots, at, "usb") ||
			!uevent_value(roots, at, "DEVTYPE", type, sizeof type))
			continue;
		if (strcmp(type, "usb_interface") == 0)
			read_interface(roots, at, info);
		if (strcmp(type, "usb_device") == 0) {
			read_usb(roots, at, info);
			return;
		}
	}
}

int tty_syspath(const struct tty_roots *roots, const char *name, char *out, size_t size)
{
	char path[PATH_MAX], to[PATH_MAX];
	const char *at = to;
	ssize_t len;

	if (strchr(name, '/') || snprintf(path, sizeof path, "%s/class/tty/%s", roots->sys, name) >=
					 (int)sizeof path)
		return -EINVAL;
	len = readlink(path, to, sizeof to - 1);
	if (len < 0)
		return errno == EINVAL ? -ENODEV : -errno;
	to[len] = '\0';
	while (strncmp(at, "../", 3) == 0)
		at += 3;
	if (strncmp(at, "devices/", 8) != 0 || strncmp(at, "devices/virtual/", 16) == 0)
		return -ENODEV;
	return snprintf(out, size, "%s", at) < (int)size ? 0 : -EINVAL;
}

int tty_devnum(const struct tty_roots *roots, const char *usb_syspath)
{
	return *usb_syspath ? number_at(roots, usb_syspath, "devnum", 10) : 0;
}

int tty_read(const struct tty_roots *roots, const char *name, struct tty_info *out)
{
	struct tty_info info = { 0 };
	char node[WORD_SIZE];
	int err = tty_syspath(roots, name, info.syspath, sizeof info.syspath);

	if (err)
		return err;
	if (snprintf(info.name, sizeof info.name, "%s", name) >= (int)sizeof info.name)
		return -EINVAL;
	if (!uevent_value(roots, info.syspath, "DEVNAME", node, sizeof node) || strstr(node, ".."))
		return -ENODEV;
	if (snprintf(info.devnode, sizeof info.devnode, "%s/%s", roots->dev, node) >=
		(int)sizeof info.devnode)
		return -EINVAL;
	err = sysfs_id_path(roots, info.syspath, info.id_path, sizeof info.id_path);
	if (err)
		return err == -ENOENT ? -ENODEV : -EINVAL;
	if (place_parse(info.id_path, port_of(roots, info.syspath), &info.place))
		return -EINVAL;
	read_parents(roots, &info);
	*out = info;
	return 0;
}

void tty_set_id_path(struct tty_info *info, const char *id_path)
{
	struct place place;

	if (strlen(id_path) >= sizeof info->id_path ||
		place_parse(id_path, info->place.port, &place) ||
		(place.interface == PLACE_ANY) != (info->place.interface == PLACE_ANY))
		return;
	info->place = place;
	strcpy(info->id_path, id_path);
}
