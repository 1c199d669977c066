/* doctor_devices.c - which ttys and USB devices the banks of a configuration have. */
#include <dirent.h>
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/doctor.h"

/* A path as the daemon sees it: without the root. */
static const char *without_root(const struct doctor *doctor, const char *path)
{
	size_t len = strlen(doctor->root);

	return len && strncmp(path, doctor->root, len) == 0 ? path + len : path;
}

static struct doctor_device *add(struct doctor *doctor, const struct config_bank *bank)
{
	struct doctor_device *device;

	if (doctor->device_count == DOCTOR_DEVICES_MAX)
		return NULL;
	device = &doctor->devices[doctor->device_count++];
	device->bank = bank;
	return device;
}

/* path: below the root, as the configuration or its pattern has it. */
static void add_path(struct doctor *doctor, const struct config_bank *bank, const char *path)
{
	struct doctor_device *device;
	char real[PATH_MAX], slot[101];
	const char *node;

	if (!realpath(path, real))
		return;
	device = add(doctor, bank);
	if (!device)
		return;
	node = without_root(doctor, real);
	config_clean_name(strrchr(path, '/') + 1, slot, sizeof slot);
	snprintf(device->port, sizeof device->port, "%.20s/%.100s", bank->name, slot);
	snprintf(device->node, sizeof device->node, "%.*s", (int)sizeof device->node - 1, node);
	if (tty_read(&doctor->roots, strrchr(node, '/') + 1, &device->tty) < 0)
		device->tty.name[0] = '\0';
}

static void find_by_path(struct doctor *doctor, const struct config_bank *bank)
{
	char pattern[PATH_MAX];

	for (size_t i = 0; i < bank->device_count; i++) {
		glob_t found;

		if (bank->devices[i][0] != '/' ||
			!doctor_path(doctor, pattern, "%s", bank->devices[i]))
			continue;
		if (glob(pattern, 0, NULL, &found) == 0)
			for (size_t k = 0; k < found.gl_pathc; k++)
				add_path(doctor, bank, found.gl_pathv[k]);
		globfree(&found);
	}
}

static void name_place(const struct config_bank *bank, const char *below, const struct place *place,
	struct doctor_device *device)
{
	for (size_t i = 0; i < bank->slot_count; i++)
		if (place_spec_covers(&bank->slots[i].spec, below, place)) {
			snprintf(device->port, sizeof device->port, "%.60s/%.60s", bank->name,
				bank->slots[i].label);
			return;
		}
	snprintf(device->port, sizeof device->port, "%.60s/%.60s", bank->name,
		*below ? below : "root");
}

static void find_by_place(struct doctor *doctor, const struct tty_info *tty)
{
	const struct config *config = doctor->config;

	for (size_t b = 0; b < config->bank_count; b++) {
		const struct config_bank *bank = &config->banks[b];
		const char *below = bank->path ? place_below(tty->place.device, bank->path) : NULL;
		struct doctor_device *device = below ? add(doctor, bank) : NULL;
		if (!device)
			continue;
		device->tty = *tty;
		snprintf(device->node, sizeof device->node, "%s",
			without_root(doctor, tty->devnode));
		name_place(bank, below, &tty->place, device);
	}
}

static void find_ttys(struct doctor *doctor)
{
	char path[PATH_MAX];
	struct dirent *entry;
	struct tty_info tty;
	DIR *dir = doctor_path(doctor, path, "/sys/class/tty") ? opendir(path) : NULL;

	while (dir && (entry = readdir(dir)))
		if (*entry->d_name != '.' && tty_read(&doctor->roots, entry->d_name, &tty) == 0)
			find_by_place(doctor, &tty);
	if (dir)
		closedir(dir);
}

/* "../../../devices/..." of /sys/bus/usb/devices/NAME, from "devices" on. */
static bool usb_syspath(const struct doctor *doctor, const char *name, char *out, size_t size)
{
	char path[PATH_MAX], to[PATH_MAX];
	ssize_t len = doctor_path(doctor, path, "/sys/bus/usb/devices/%s", name)
			      ? readlink(path, to, sizeof to - 1)
			      : -1;
	const char *at;

	if (len < 0)
		return false;
	to[len] = '\0';
	at = strstr(to, "devices/");
	return at && snprintf(out, size, "%s", at) < (int)size;
}

static void read_usb(const struct doctor *doctor, struct doctor_usb *usb)
{
	char vid[8] = "", pid[8] = "", class[8] = "";

	sysfs_attribute(&doctor->roots, usb->syspath, "idVendor", vid, sizeof vid);
	sysfs_attribute(&doctor->roots, usb->syspath, "idProduct", pid, sizeof pid);
	sysfs_attribute(&doctor->roots, usb->syspath, "bDeviceClass", class, sizeof class);
	snprintf(usb->id, sizeof usb->id, "%.4s:%.4s", vid, pid);
	usb->hub = strcmp(class, "09") == 0;
}

static void add_usb(struct doctor *doctor, const char *name)
{
	struct doctor_usb usb = { 0 };
	char id_path[PLACE_PATH_SIZE];

	if (!usb_syspath(doctor, name, usb.syspath, sizeof usb.syspath) ||
		sysfs_id_path(&doctor->roots, usb.syspath, id_path, sizeof id_path) < 0)
		return;
	for (size_t b = 0; b < doctor->config->bank_count; b++) {
		const struct config_bank *bank = &doctor->config->banks[b];
		const char *below = bank->path ? place_below(id_path, bank->path) : NULL;
		if (!below || doctor->usb_count == DOCTOR_DEVICES_MAX)
			continue;
		usb.bank = bank;
		snprintf(usb.below, sizeof usb.below, "%s", below);
		read_usb(doctor, &usb);
		doctor->usbs[doctor->usb_count++] = usb;
	}
}

static void find_usbs(struct doctor *doctor)
{
	char path[PATH_MAX];
	struct dirent *entry;
	DIR *dir = doctor_path(doctor, path, "/sys/bus/usb/devices") ? opendir(path) : NULL;

	while (dir && (entry = readdir(dir))) /* no bus ("usb1"), no interface ("1-1:1.0") */
		if (*entry->d_name >= '0' && *entry->d_name <= '9' && !strchr(entry->d_name, ':'))
			add_usb(doctor, entry->d_name);
	if (dir)
		closedir(dir);
}

int doctor_find_devices(struct doctor *doctor)
{
	doctor->devices = calloc(DOCTOR_DEVICES_MAX, sizeof *doctor->devices);
	doctor->usbs = calloc(DOCTOR_DEVICES_MAX, sizeof *doctor->usbs);
	if (!doctor->devices || !doctor->usbs)
		return -ENOMEM;
	if (!doctor->config)
		return 0;
	for (size_t b = 0; b < doctor->config->bank_count; b++)
		find_by_path(doctor, &doctor->config->banks[b]);
	find_ttys(doctor);
	find_usbs(doctor);
	return 0;
}
