/* sysfs_fixture.h - a folder that looks like /sys and /dev: USB devices and ttys come and go. */
#ifndef SIMGATE_TESTS_SYSFS_FIXTURE_H
#define SIMGATE_TESTS_SYSFS_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>

#include "unit.h"

#define SYSFS_PCI "pci0000:00/0000:00:14.0" /* the controller of all USB devices here */

struct sysfs {
	char dir[64], sys[80], dev[80];
	int devnum; /* of the last plug */
};

void sysfs_make(struct sysfs *fs);
void sysfs_remove(struct sysfs *fs);

/* A file below sys, with its folders. */
void sysfs_file(struct sysfs *fs, const char *path, const char *text);

/* A device with its uevent file and subsystem. Either of the last two may be NULL. */
void sysfs_device(struct sysfs *fs, const char *path, const char *subsystem, const char *type);

/* Plugs a USB device in, and the hubs before it where they are missing. interfaces: what its
 * descriptor says. */
void sysfs_usb(struct sysfs *fs, int bus, const char *ports, int vid, int pid, int interfaces);

/* A tty on one of its interfaces; port -1: not through usb-serial, as cdc_acm has it. The node in
 * dev is a link to target; NULL: an empty file. */
void sysfs_tty(struct sysfs *fs, int bus, const char *ports, int interface, int port,
	const char *driver, const char *name, const char *target);

/* A tty on any device. */
void sysfs_plain_tty(struct sysfs *fs, const char *device, const char *name);

/* The device, its ttys and their nodes are gone. */
void sysfs_unplug(struct sysfs *fs, int bus, const char *ports);

/* Only a tty, or only its node. */
void sysfs_drop_tty(struct sysfs *fs, const char *name);

/* Where the tty is, below sys. */
void sysfs_tty_path(struct sysfs *fs, const char *name, char *out, size_t size);

#endif
