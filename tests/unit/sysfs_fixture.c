/* sysfs_fixture.c - a folder that looks like /sys and /dev: USB devices and ttys come and go. */
#include "sysfs_fixture.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int print(char *out, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static int print(char *out, size_t size, const char *fmt, ...)
{
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(out, size, fmt, args);
	va_end(args);
	assert_true(len >= 0 && (size_t)len < size);
	return len;
}

static void make_folders(const char *path)
{
	char part[PATH_MAX];

	for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		print(part, sizeof part, "%.*s", (int)(slash - path), path);
		if (mkdir(part, 0755) != 0 && errno != EEXIST)
			fail_msg("%s: %s", part, strerror(errno));
	}
}

static void put(const char *path, const char *bytes, size_t len)
{
	int fd;

	make_folders(path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, bytes, len) != (ssize_t)len)
		fail_msg("%s: %s", path, strerror(errno));
	close(fd);
}

static void link_to(const char *path, const char *to)
{
	make_folders(path);
	unlink(path);
	assert_int_equal(symlink(to, path), 0);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static void remove_all(const char *path)
{
	nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void sysfs_make(struct sysfs *fs)
{
	char path[128];

	*fs = (struct sysfs) { .devnum = 1 };
	strcpy(fs->dir, "/tmp/simgate-sysfs-XXXXXX");
	assert_non_null(mkdtemp(fs->dir));
	print(fs->sys, sizeof fs->sys, "%s/sys", fs->dir);
	print(fs->dev, sizeof fs->dev, "%s/dev", fs->dir);
	print(path, sizeof path, "%s/class/tty/", fs->sys);
	make_folders(path);
	print(path, sizeof path, "%s/", fs->dev);
	make_folders(path);
}

void sysfs_remove(struct sysfs *fs)
{
	remove_all(fs->dir);
}

void sysfs_file(struct sysfs *fs, const char *path, const char *text)
{
	char full[PATH_MAX];

	print(full, sizeof full, "%s/%s", fs->sys, path);
	put(full, text, strlen(text));
}

void sysfs_device(struct sysfs *fs, const char *path, const char *subsystem, const char *type)
{
	char full[PATH_MAX], text[200] = "";

	print(full, sizeof full, "%s/uevent", path);
	if (type)
		print(text, sizeof text, "DEVTYPE=%s\n", type);
	sysfs_file(fs, full, text);
	if (!subsystem)
		return;
	print(full, sizeof full, "%s/%s/subsystem", fs->sys, path);
	print(text, sizeof text, "../bus/%s", subsystem);
	link_to(full, text);
}

/* Where the USB device at these ports ("1.2", "" for the root hub) is, below sys. */
static void sysfs_usb_path(int bus, const char *ports, char *out, size_t size)
{
	int len = print(out, size, "devices/" SYSFS_PCI "/usb%d", bus);

	for (const char *c = ports; *c; c++)
		if (c[1] == '.' || c[1] == '\0')
			len += print(out + len, size - (size_t)len, "/%d-%.*s", bus,
				(int)(c + 1 - ports), ports);
}

static void one_usb(struct sysfs *fs, int bus, const char *ports, int vid, int pid, int interfaces)
{
	unsigned char raw[27] = { [0] = 18, 1, [18] = 9, 2, 9, 0, (unsigned char)interfaces, 1 };
	char path[PATH_MAX], file[PATH_MAX + 40], text[300];

	sysfs_usb_path(bus, ports, path, sizeof path);
	sysfs_device(fs, path, "usb", "usb_device");
#define ATTR(name, ...) \
	(print(file, sizeof file, "%s/" name, path), print(text, sizeof text, __VA_ARGS__), \
		sysfs_file(fs, file, text))
	ATTR("idVendor", "%04x\n", vid);
	ATTR("idProduct", "%04x\n", pid);
	ATTR("busnum", "%d\n", bus);
	ATTR("devnum", "%d\n", fs->devnum++);
	ATTR("authorized", "1\n");
#undef ATTR
	print(file, sizeof file, "%s/%s/descriptors", fs->sys, path);
	put(file, (const char *)raw, sizeof raw);
	print(file, sizeof file, "%s/bus/usb/devices/%s", fs->sys, strrchr(path, '/') + 1);
	print(text, sizeof text, "../../../%s", path);
	link_to(file, text);
}

void sysfs_usb(struct sysfs *fs, int bus, const char *ports, int vid, int pid, int interfaces)
{
	char hub[64], path[PATH_MAX], full[PATH_MAX + 100];

	sysfs_device(fs, "devices/pci0000:00", NULL, NULL);
	sysfs_device(fs, "devices/" SYSFS_PCI, "pci", NULL);
	for (size_t len = 0; len < strlen(ports); len++) {
		if (len && ports[len] != '.')
			continue;
		print(hub, sizeof hub, "%.*s", (int)len, ports);
		sysfs_usb_path(bus, hub, path, sizeof path);
		print(full, sizeof full, "%s/%s/uevent", fs->sys, path);
		if (access(full, F_OK) != 0)
			one_usb(fs, bus, hub, len ? 0x1a40 : 0x1d6b, len ? 0x0201 : 2, 1);
	}
	one_usb(fs, bus, ports, vid, pid, interfaces);
}

static void put_tty(struct sysfs *fs, const char *device, const char *name, const char *target)
{
	char path[PATH_MAX], file[PATH_MAX + 40], text[PATH_MAX];

	print(path, sizeof path, "%s/tty/%s", device, name);
	sysfs_device(fs, path, "tty", NULL);
	print(file, sizeof file, "%s/uevent", path);
	print(text, sizeof text, "MAJOR=188\nMINOR=1\nDEVNAME=%s\n", name);
	sysfs_file(fs, file, text);
	print(file, sizeof file, "%s/class/tty/%s", fs->sys, name);
	print(text, sizeof text, "../../%.3000s", path);
	link_to(file, text);
	print(file, sizeof file, "%s/%s", fs->dev, name);
	if (target)
		link_to(file, target);
	else
		put(file, "", 0);
}

void sysfs_tty(struct sysfs *fs, int bus, const char *ports, int interface, int port,
	const char *driver, const char *name, const char *target)
{
	char usb[PATH_MAX], path[PATH_MAX + 80], file[PATH_MAX + 200], text[80];

	sysfs_usb_path(bus, ports, usb, sizeof usb);
	print(path, sizeof path, "%s/%d-%s:1.%d", usb, bus, ports, interface);
	sysfs_device(fs, path, "usb", "usb_interface");
	print(file, sizeof file, "%s/%s/driver", fs->sys, path);
	print(text, sizeof text, "../../bus/usb/drivers/%s", driver);
	link_to(file, text);
	print(file, sizeof file, "%s/bInterfaceClass", path);
	sysfs_file(fs, file, "ff\n");
	if (port >= 0) {
		print(path + strlen(path), 60, "/%s", name);
		sysfs_device(fs, path, "usb-serial", NULL);
		print(file, sizeof file, "%s/port_number", path);
		print(text, sizeof text, "%d\n", port);
		sysfs_file(fs, file, text);
	}
	put_tty(fs, path, name, target);
}

void sysfs_plain_tty(struct sysfs *fs, const char *device, const char *name)
{
	put_tty(fs, device, name, NULL);
}

void sysfs_tty_path(struct sysfs *fs, const char *name, char *out, size_t size)
{
	char path[PATH_MAX], to[PATH_MAX];
	ssize_t len;

	print(path, sizeof path, "%s/class/tty/%s", fs->sys, name);
	len = readlink(path, to, sizeof to - 1);
	assert_true(len > 6);
	to[len] = '\0';
	print(out, size, "%s", to + 6);
}

void sysfs_drop_tty(struct sysfs *fs, const char *name)
{
	char path[PATH_MAX], full[PATH_MAX + 100];

	sysfs_tty_path(fs, name, path, sizeof path);
	print(full, sizeof full, "%s/%s", fs->sys, path);
	remove_all(full);
	print(full, sizeof full, "%s/class/tty/%s", fs->sys, name);
	unlink(full);
	print(full, sizeof full, "%s/%s", fs->dev, name);
	unlink(full);
}

void sysfs_unplug(struct sysfs *fs, int bus, const char *ports)
{
	char usb[PATH_MAX], path[PATH_MAX + 100], names[64][32];
	const struct dirent *entry;
	size_t count = 0;
	DIR *dir;

	sysfs_usb_path(bus, ports, usb, sizeof usb);
	print(path, sizeof path, "%s/class/tty", fs->sys);
	dir = opendir(path);
	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL && count < 64) {
		if (entry->d_name[0] == '.')
			continue;
		sysfs_tty_path(fs, entry->d_name, path, sizeof path);
		if (strncmp(path, usb, strlen(usb)) == 0 && path[strlen(usb)] == '/')
			print(names[count++], sizeof names[0], "%.31s", entry->d_name);
	}
	closedir(dir);
	while (count > 0)
		sysfs_drop_tty(fs, names[--count]);
	print(path, sizeof path, "%s/bus/usb/devices/%s", fs->sys, strrchr(usb, '/') + 1);
	unlink(path);
	print(path, sizeof path, "%s/%s", fs->sys, usb);
	remove_all(path);
}
