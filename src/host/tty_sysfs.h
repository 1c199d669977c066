/* tty_sysfs.h - what sysfs knows of a tty: its place, its USB device, its driver. */
#ifndef SIMGATE_HOST_TTY_SYSFS_H
#define SIMGATE_HOST_TTY_SYSFS_H

#include <stdint.h>

#include "base/place.h"

enum { TTY_NAME_SIZE = 32, TTY_SYSPATH_SIZE = 384 };

/* Where sysfs and the device nodes are: "/sys" and "/dev", or a test's folder. Not copied. */
struct tty_roots {
	const char *sys, *dev;
};

struct tty_info {
	char name[TTY_NAME_SIZE];       /* "ttyUSB2": another one after the next plug */
	char syspath[TTY_SYSPATH_SIZE]; /* below the root: "devices/pci0000:00/..." */
	char devnode[TTY_SYSPATH_SIZE]; /* "/dev/ttyUSB2" */
	char id_path[PLACE_PATH_SIZE];
	struct place place;
	/* The rest is 0 or "" where the tty sits on no USB device. */
	char usb_syspath[TTY_SYSPATH_SIZE]; /* of the USB device; its last part is its name, "1-1.2"
					     */
	int devnum;                         /* another one after each plug */
	uint16_t vid, pid;
	int interfaces; /* of its configuration; 0: unknown */
	uint8_t if_class, if_subclass, if_protocol;
	char driver[TTY_NAME_SIZE]; /* "option", "cdc_acm", "ftdi_sio" */
};

/* Reads /sys/class/tty/NAME. -ENOENT: no such tty; -ENODEV: no hardware, or hardware without a
 * place (a console, a pty); -EINVAL: sysfs says what makes no sense. Nothing that is read here
 * waits for the device: no attribute that takes the device's lock is among it. */
int tty_read(const struct tty_roots *roots, const char *name, struct tty_info *out);

/* The same place by udev's own word for it; leaves info as it is where that makes no sense. */
void tty_set_id_path(struct tty_info *info, const char *id_path);

/* Only where it is and which plug it came with: for a look at what is known already. */
int tty_syspath(const struct tty_roots *roots, const char *name, char *out, size_t size);
int tty_devnum(const struct tty_roots *roots, const char *usb_syspath);

/* ID_PATH of the device at syspath (below the root), as udev's path_id composes it. -ENOENT: none.
 */
int sysfs_id_path(const struct tty_roots *roots, const char *syspath, char *out, size_t size);

/* First line of an attribute. Negative errno. */
int sysfs_attribute(const struct tty_roots *roots, const char *syspath, const char *name, char *out,
	size_t size);

#endif
