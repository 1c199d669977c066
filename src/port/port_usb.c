/* port_usb.c - sysfs: class/tty/NAME/device, and up from there. */
#include "port/port_usb.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Drivers of USB-serial bridges: each channel is a UART to whatever is wired to it. */
static const char *const bridges[] = { "ark3116", "belkin_sa", "ch341", "cp210x", "cypress_m8",
	"digi_acceleport", "f81232", "f81534", "ftdi_sio", "io_edgeport", "io_ti", "keyspan",
	"mct_u232", "mos7720", "mos7840", "mxuport", "mxu11x0", "oti6858", "pl2303", "quatech2",
	"spcp8x5", "ssu100", "ti_usb_3410_5052", "upd78f0730", "xr_serial", "xr_usb_serial_common",
	NULL };

enum { VENDOR_EXAR = 0x04e2 }; /* bridges that come as cdc_acm, too */

/* The number in DIR/NAME; -1 if there is none. */
static int read_hex(const char *dir, const char *name)
{
	char path[PATH_MAX + 32];
	unsigned value;
	FILE *file;
	bool ok;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	file = fopen(path, "re");
	if (!file)
		return -1;
	ok = fscanf(file, "%4x", &value) == 1; /* NOLINT(cert-err34-c): four digits fit */
	fclose(file);
	return ok ? (int)value : -1;
}

static bool is_bridge(const char *interface)
{
	char path[PATH_MAX + 32], target[PATH_MAX];
	const char *name;
	ssize_t len;

	snprintf(path, sizeof path, "%s/driver", interface);
	len = readlink(path, target, sizeof target - 1);
	if (len <= 0)
		return false;
	target[len] = '\0';
	name = strrchr(target, '/');
	name = name ? name + 1 : target;
	for (int i = 0; bridges[i]; i++)
		if (strcmp(bridges[i], name) == 0)
			return true;
	return false;
}

/* Cuts the last part off; false at the root. */
static bool cut(char *path, size_t root_len)
{
	char *slash = strrchr(path, '/');

	if (!slash || (size_t)(slash - path) <= root_len)
		return false;
	*slash = '\0';
	return true;
}

/* The folder of the device that the tty is a part of, without links. */
static bool folder_of(const char *root, const char *device, char out[PATH_MAX])
{
	char real[PATH_MAX], path[2 * PATH_MAX + 32];
	const char *name;

	if (!realpath(device, real))
		return false;
	name = strrchr(real, '/');
	if (!name)
		return false;
	snprintf(path, sizeof path, "%s/class/tty%s/device", root, name);
	return realpath(path, out) != NULL;
}

void port_usb_of(const char *root, const char *device, struct port_usb *out)
{
	char path[PATH_MAX], top[PATH_MAX];
	size_t root_len;

	*out = (struct port_usb) { .interface = -1 };
	if (!root || !realpath(root, top) || !folder_of(root, device, path))
		return;
	root_len = strlen(top);
	if (strncmp(path, top, root_len) != 0)
		return;
	do {
		int interface = read_hex(path, "bInterfaceNumber");
		if (interface < 0)
			continue;
		if (is_bridge(path) || !cut(path, root_len) ||
			read_hex(path, "idVendor") == VENDOR_EXAR ||
			strlen(path + root_len) >= sizeof out->parent)
			return;
		out->interface = interface;
		snprintf(out->parent, sizeof out->parent, "%s", path + root_len);
		return;
	} while (cut(path, root_len));
}
