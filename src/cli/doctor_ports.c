/* doctor_ports.c - checks of the ports' devices: who else holds them, rights, sleep, empty slots.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "cli/doctor.h"

enum { WHERE_SIZE = 600 };

/* Modem behind a bridge: what is done to the device reaches the bridge alone. */
static const uint16_t bridges[] = { 0x0403, 0x10c4, 0x067b, 0x1a86, 0x04e2, 0x9710 };

static const char *place_of(const struct doctor_device *device, char out[WHERE_SIZE])
{
	snprintf(out, WHERE_SIZE, "%s (%s)", device->port, device->node);
	return out;
}

/* The first process of this name; 0: none. */
static pid_t process_named(const struct doctor *doctor, const char *wanted)
{
	char name[64];
	void *dir = NULL;
	pid_t pid, found = 0;

	while (doctor_process(doctor, &dir, &pid, name, sizeof name))
		if (!found && strcmp(name, wanted) == 0)
			found = pid;
	return found;
}

/* ---- programs that take modems -------------------------------------------------------------- */

/* What udev keeps of the device says that ModemManager leaves it alone. */
static bool left_alone(const struct doctor *doctor, const struct doctor_device *device)
{
	char path[PATH_MAX], line[1024], number[32];
	bool found = false;
	FILE *file = NULL;

	if (sysfs_attribute(&doctor->roots, device->tty.syspath, "dev", number, sizeof number) >=
			0 &&
		doctor_path(doctor, path, "/run/udev/data/c%s", number))
		file = fopen(path, "re");
	while (file && !found && fgets(line, sizeof line, file))
		found = strncmp(line, "E:ID_MM_DEVICE_IGNORE=1", 23) == 0 ||
			strncmp(line, "E:ID_MM_PORT_IGNORE=1", 21) == 0;
	if (file)
		fclose(file);
	return found;
}

void doctor_modem_manager(struct doctor *doctor)
{
	pid_t pid = process_named(doctor, "ModemManager");
	char where[WHERE_SIZE];

	for (size_t i = 0; pid && i < doctor->device_count; i++)
		if (*doctor->devices[i].tty.name && !left_alone(doctor, &doctor->devices[i]))
			doctor_found(doctor, DOCTOR_FAULT, place_of(&doctor->devices[i], where),
				"ModemManager (process %d) runs and is not told to leave it alone",
				(int)pid);
}

/* It takes serial bridges for braille displays. */
void doctor_brltty(struct doctor *doctor)
{
	pid_t pid = process_named(doctor, "brltty");
	char where[WHERE_SIZE];

	for (size_t i = 0; pid && i < doctor->device_count; i++) {
		const struct tty_info *tty = &doctor->devices[i].tty;
		if (tty->vid == 0x1a86 || tty->vid == 0x10c4 || tty->vid == 0x0403)
			doctor_found(doctor, DOCTOR_FAULT, place_of(&doctor->devices[i], where),
				"brltty (process %d) runs and may take this bridge for a display",
				(int)pid);
	}
}

struct holder {
	pid_t pid;
	const char *name;
};

static void note_holder(struct doctor *doctor, const struct holder *holder, const char *target)
{
	char where[WHERE_SIZE];

	for (size_t i = 0; i < doctor->device_count; i++)
		if (strcmp(doctor->devices[i].node, target) == 0)
			doctor_found(doctor, DOCTOR_FAULT, place_of(&doctor->devices[i], where),
				"%s (process %d) has it open", holder->name, (int)holder->pid);
}

/* False: its files may not be looked at. */
static bool look_at_files(struct doctor *doctor, const struct holder *holder)
{
	char path[PATH_MAX], target[PATH_MAX];
	struct dirent *entry;
	ssize_t len;
	DIR *dir =
		doctor_path(doctor, path, "/proc/%d/fd", (int)holder->pid) ? opendir(path) : NULL;

	if (!dir)
		return errno != EACCES && errno != EPERM;
	while ((entry = readdir(dir))) {
		len = readlinkat(dirfd(dir), entry->d_name, target, sizeof target - 1);
		if (len < 0)
			continue;
		target[len] = '\0';
		note_holder(doctor, holder, target);
	}
	closedir(dir);
	return true;
}

void doctor_holders(struct doctor *doctor)
{
	char name[64];
	void *dir = NULL;
	int closed = 0;
	pid_t pid;

	while (doctor_process(doctor, &dir, &pid, name, sizeof name))
		if (pid != doctor->daemon && pid != getpid() &&
			!look_at_files(doctor, &(struct holder) { pid, name }))
			closed++;
	if (closed > 0)
		doctor_found(doctor, DOCTOR_UNKNOWN, "/proc",
			"the files of %d processes are not shown to you; be root", closed);
}

/* ---- rights --------------------------------------------------------------------------------- */

static bool in_group(const struct doctor_user *user, gid_t gid)
{
	for (size_t i = 0; i < user->group_count; i++)
		if (user->groups[i] == gid)
			return true;
	return user->uid == 0;
}

static bool knows_user(struct doctor *doctor)
{
	if (!doctor->user.known)
		doctor_found(doctor, DOCTOR_UNKNOWN, "/etc/passwd",
			"there is no user simgate, and no daemon runs whose rights could be looked "
			"at");
	return doctor->user.known;
}

static bool look_at(struct doctor *doctor, const char *name, struct stat *st)
{
	char path[PATH_MAX];

	if (!doctor_path(doctor, path, "%s", name))
		return false;
	if (stat(path, st) == 0)
		return true;
	if (errno != ENOENT && errno != ENOTDIR)
		doctor_found(
			doctor, DOCTOR_UNKNOWN, name, "cannot be looked at: %s", strerror(errno));
	return false;
}

/* Where its group could, the group is said, once for all. */
static void check_node(struct doctor *doctor, const struct doctor_device *device)
{
	char where[WHERE_SIZE];
	struct stat st;

	if (!look_at(doctor, device->node, &st) || !doctor_lacks(&doctor->user, &st, R_OK | W_OK) ||
		((st.st_mode & 060) == 060 && !in_group(&doctor->user, st.st_gid)))
		return;
	doctor_found(doctor, DOCTOR_FAULT, place_of(device, where),
		"%s may not read and write it (mode %04o)", doctor->user.name,
		(unsigned)st.st_mode & 07777);
}

static void check_folder(struct doctor *doctor, const char *name, const char *what)
{
	struct stat st;

	if (!look_at(doctor, name, &st))
		return;
	if (!S_ISDIR(st.st_mode))
		doctor_found(doctor, DOCTOR_FAULT, name, "%s is no folder", what);
	else if (doctor_lacks(&doctor->user, &st, R_OK | W_OK | X_OK))
		doctor_found(doctor, DOCTOR_FAULT, name, "%s may not write into %s (mode %04o)",
			doctor->user.name, what, (unsigned)st.st_mode & 07777);
}

void doctor_rights(struct doctor *doctor)
{
	const char *control = doctor->config->control;
	char folder[PATH_MAX];

	if (!knows_user(doctor))
		return;
	for (size_t i = 0; i < doctor->device_count; i++)
		check_node(doctor, &doctor->devices[i]);
	check_folder(doctor, doctor->config->state_dir, "state_dir");
	snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(control, '/') - control), control);
	check_folder(doctor, *folder ? folder : "/", "the control socket's folder");
}

void doctor_groups(struct doctor *doctor)
{
	char group[64], where[WHERE_SIZE];
	size_t said = 0;
	gid_t seen[16];
	struct stat st;

	if (!knows_user(doctor))
		return;
	for (size_t i = 0; i < doctor->device_count; i++) {
		bool again = false;
		if (!look_at(doctor, doctor->devices[i].node, &st) || (st.st_mode & 060) != 060 ||
			in_group(&doctor->user, st.st_gid) ||
			!doctor_lacks(&doctor->user, &st, R_OK | W_OK))
			continue;
		for (size_t k = 0; k < said; k++)
			again = again || seen[k] == st.st_gid;
		if (again || said == sizeof seen / sizeof *seen)
			continue;
		seen[said++] = st.st_gid;
		doctor_group_name(doctor, st.st_gid, group, sizeof group);
		doctor_found(doctor, DOCTOR_FAULT, place_of(&doctor->devices[i], where),
			"%s is not in group %s, which has this device and maybe others",
			doctor->user.name, group);
	}
}

/* ---- USB devices ---------------------------------------------------------------------------- */

static bool is_bridge(uint16_t vid)
{
	for (size_t i = 0; i < sizeof bridges / sizeof *bridges; i++)
		if (bridges[i] == vid)
			return true;
	return false;
}

/* One of its ttys was looked at before. */
static bool seen_before(const struct doctor *doctor, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (strcmp(doctor->devices[k].tty.usb_syspath,
			    doctor->devices[i].tty.usb_syspath) == 0)
			return true;
	return false;
}

static void check_reset(struct doctor *doctor, const struct doctor_device *device)
{
	char busnum[16] = "", name[PATH_MAX], where[WHERE_SIZE];
	int64_t bus;
	struct stat st;

	snprintf(name, sizeof name, "/sys/%s/authorized", device->tty.usb_syspath);
	if (look_at(doctor, name, &st) && doctor_lacks(&doctor->user, &st, W_OK))
		doctor_found(doctor, DOCTOR_FAULT, place_of(device, where), "%s may not write %s",
			doctor->user.name, name);
	if (sysfs_attribute(
		    &doctor->roots, device->tty.usb_syspath, "busnum", busnum, sizeof busnum) < 0 ||
		config_parse_int(busnum, 1, 999, &bus) < 0)
		return;
	snprintf(name, sizeof name, "/dev/bus/usb/%03d/%03d", (int)bus, device->tty.devnum);
	if (look_at(doctor, name, &st) && doctor_lacks(&doctor->user, &st, W_OK))
		doctor_found(doctor, DOCTOR_FAULT, place_of(device, where), "%s may not write %s",
			doctor->user.name, name);
}

void doctor_resets(struct doctor *doctor)
{
	if (!knows_user(doctor))
		return;
	for (size_t i = 0; i < doctor->device_count; i++)
		if (*doctor->devices[i].tty.usb_syspath && !is_bridge(doctor->devices[i].tty.vid) &&
			!seen_before(doctor, i))
			check_reset(doctor, &doctor->devices[i]);
}

static void check_power(struct doctor *doctor, const char *syspath, const char *where)
{
	char control[16];

	if (sysfs_attribute(&doctor->roots, syspath, "power/control", control, sizeof control) >=
			0 &&
		strcmp(control, "auto") == 0)
		doctor_found(doctor, DOCTOR_FAULT, where,
			"its USB device may be put to sleep: /sys/%s/power/control is auto",
			syspath);
}

void doctor_autosuspend(struct doctor *doctor)
{
	char where[WHERE_SIZE];

	for (size_t i = 0; i < doctor->usb_count; i++) {
		const struct doctor_usb *usb = &doctor->usbs[i];
		snprintf(where, sizeof where, "%s, %s at %s", usb->bank->name, usb->id, usb->below);
		if (!usb->hub) /* a hub sleeps only while all below it do */
			check_power(doctor, usb->syspath, where);
	}
	for (size_t i = 0; i < doctor->device_count; i++) {
		const struct doctor_device *device = &doctor->devices[i];
		if (!device->bank->path && *device->tty.usb_syspath && !seen_before(doctor, i))
			check_power(doctor, device->tty.usb_syspath, place_of(device, where));
	}
}

/* ---- slots ---------------------------------------------------------------------------------- */

/* What the daemon says of a port: NULL: it was not asked, or knows no such port. */
static const cJSON *port_of(const struct doctor *doctor, const char *name)
{
	const cJSON *port;

	cJSON_ArrayForEach(port, doctor->ports)
	{
		const cJSON *id = cJSON_GetObjectItemCaseSensitive(port, "port");
		if (cJSON_IsString(id) && strcmp(id->valuestring, name) == 0)
			return port;
	}
	return NULL;
}

static bool is_off(const cJSON *port)
{
	const cJSON *state = cJSON_GetObjectItemCaseSensitive(port, "state");

	return cJSON_IsString(state) && strcmp(state->valuestring, "off") == 0;
}

static bool has_tty(const struct doctor *doctor, const char *port)
{
	for (size_t i = 0; i < doctor->device_count; i++)
		if (strcmp(doctor->devices[i].port, port) == 0)
			return true;
	return false;
}

static const struct doctor_usb *usb_at(
	const struct doctor *doctor, const struct config_bank *bank, const char *below)
{
	for (size_t i = 0; i < doctor->usb_count; i++)
		if (doctor->usbs[i].bank == bank && strcmp(doctor->usbs[i].below, below) == 0)
			return &doctor->usbs[i];
	return NULL;
}

static void check_label(
	struct doctor *doctor, const struct config_bank *bank, const struct config_slot *slot)
{
	char port[256];
	const struct doctor_usb *usb = usb_at(doctor, bank, slot->spec.path);
	const cJSON *told;

	snprintf(port, sizeof port, "%.60s/%.60s", bank->name, slot->label);
	told = port_of(doctor, port);
	if (told ? !is_off(told) : has_tty(doctor, port))
		return;
	if (usb)
		doctor_found(doctor, DOCTOR_FAULT, port,
			"a USB device (%s) is at %s below %s, but no tty of it: is its driver "
			"loaded, did the kernel refuse it?",
			usb->id, slot->spec.path, bank->path);
	else
		doctor_found(doctor, DOCTOR_FAULT, port, "nothing is plugged in at %s below %s",
			slot->spec.path, bank->path);
}

static void check_paths(struct doctor *doctor, const struct config_bank *bank)
{
	for (size_t i = 0; i < bank->device_count; i++) {
		const char *name = bank->devices[i];
		bool found = name[0] != '/', pattern = strpbrk(name, "*?[") != NULL;
		const char *base = strrchr(name, '/');
		char slot[101], port[256];

		config_clean_name(base ? base + 1 : name, slot, sizeof slot);
		snprintf(port, sizeof port, "%.20s/%.100s", bank->name, slot);
		for (size_t k = 0; !found && k < doctor->device_count; k++)
			found = doctor->devices[k].bank == bank &&
				(pattern || strcmp(doctor->devices[k].port, port) == 0);
		if (!found)
			doctor_found(doctor, DOCTOR_FAULT, bank->name,
				pattern ? "no device fits %s" : "%s is not there", name);
	}
}

void doctor_slots(struct doctor *doctor)
{
	for (size_t b = 0; b < doctor->config->bank_count; b++) {
		const struct config_bank *bank = &doctor->config->banks[b];
		size_t found = 0;

		for (size_t i = 0; i < bank->slot_count; i++)
			check_label(doctor, bank, &bank->slots[i]);
		for (size_t i = 0; i < doctor->device_count; i++)
			found += doctor->devices[i].bank == bank;
		if (bank->path && bank->slot_count == 0 && found == 0)
			doctor_found(doctor, DOCTOR_FAULT, bank->name,
				"no tty below %s: nothing is plugged in, or the path is another",
				bank->path);
		check_paths(doctor, bank);
	}
}
