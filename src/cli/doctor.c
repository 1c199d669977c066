/* doctor.c - the table of doctor's checks, and what they share. */
#include "cli/doctor.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct doctor_check doctor_checks[] = {
	{ "daemon", doctor_daemon, true,
		"look at journalctl -u simgated; systemctl restart simgated loses no text" },
	{ "configuration", doctor_configuration, true, "mend what simgated -c FILE --check names" },
	{ "secrets", doctor_secrets, false,
		"keep secrets in /etc/simgate/credentials, 0700, and write @NAME; chmod o-r what "
		"holds one" },
	{ "listeners", doctor_listeners, false,
		"set tls_cert and tls_key in [http], or listen on the loopback only" },
	{ "filter", doctor_filters, false,
		"filter = default, or a file of rules: texts of banks must not leave the host" },
	{ "modem-manager", doctor_modem_manager, false,
		"systemctl disable --now ModemManager, or install what simgatectl -c FILE rules "
		"prints" },
	{ "brltty", doctor_brltty, false, "systemctl mask --now brltty brltty-udev, or remove it" },
	{ "holders", doctor_holders, false,
		"stop that process: two readers of one port lose texts for one another" },
	{ "rights", doctor_rights, false,
		"give the daemon's user the right: udev rules for devices "
		"(/usr/lib/udev/rules.d/78-simgate.rules), chown for folders" },
	{ "groups", doctor_groups, false,
		"usermod -aG GROUP simgate, or SupplementaryGroups= in the unit; then restart it" },
	{ "resets", doctor_resets, false,
		"install what simgatectl -c FILE rules prints, then udevadm trigger; until then a "
		"module that hangs waits for a hand" },
	{ "autosuspend", doctor_autosuspend, false,
		"udevadm trigger with 78-simgate.rules installed, or echo on to power/control; "
		"switch off TLP or powertop for it" },
	{ "slots", doctor_slots, false,
		"look at the plug, the hub's supply and the kernel log; mend slot.LABEL or devices "
		"where it sits elsewhere" },
	{ "udev", doctor_udev, false,
		"start systemd-udevd and install 78-simgate.rules; in a container mount the host's "
		"/run/udev" },
	{ "minors", doctor_minors, true,
		"the kernel has 512 ttyUSB and 256 ttyACM: spread the modems over hosts" },
	{ "kernel-log", doctor_kernel_log, true,
		"errors -71 and -110, over-current, disabled by hub: supply or cable; error -12 "
		"and "
		"no resources: fewer modules on this controller, or a card with one more" },
	{ "clock", doctor_clock, true,
		"timedatectl set-ntp true, or run chrony: times of texts and TLS rest on it" },
	{ "disk", doctor_disk, false,
		"make room, or set state_dir to a disk of this host: SQLite needs its locks and "
		"fsync" },
	{ "files", doctor_files, false, "LimitNOFILE= in the unit, as much as is named" },
	{ NULL, NULL, false, NULL },
};

void doctor_found(
	struct doctor *doctor, enum doctor_result result, const char *where, const char *fmt, ...)
{
	struct doctor_finding finding = { .check = doctor->check, .result = result };
	va_list args;

	if (doctor->finding_count == DOCTOR_FINDINGS_MAX) {
		doctor->lost++;
		return;
	}
	va_start(args, fmt);
	if (vasprintf(&finding.what, fmt, args) < 0)
		finding.what = NULL;
	va_end(args);
	finding.where = strdup(where);
	doctor->findings[doctor->finding_count++] = finding;
}

bool doctor_path(const struct doctor *doctor, char out[PATH_MAX], const char *fmt, ...)
{
	size_t len = strlen(doctor->root);
	va_list args;
	int more;

	if (len >= PATH_MAX)
		return false;
	strcpy(out, doctor->root);
	va_start(args, fmt);
	more = vsnprintf(out + len, PATH_MAX - len, fmt, args);
	va_end(args);
	return more >= 0 && (size_t)more < PATH_MAX - len;
}

static bool read_name(const struct doctor *doctor, pid_t pid, char *name, size_t size)
{
	char path[PATH_MAX];
	FILE *file =
		doctor_path(doctor, path, "/proc/%d/comm", (int)pid) ? fopen(path, "re") : NULL;
	bool got = file && fgets(name, (int)size, file);

	if (file)
		fclose(file);
	if (got)
		name[strcspn(name, "\n")] = '\0';
	return got;
}

bool doctor_process(
	const struct doctor *doctor, void **dir, pid_t *pid, char *name, size_t name_size)
{
	char path[PATH_MAX], *end;
	struct dirent *entry;

	if (!*dir && doctor_path(doctor, path, "/proc"))
		*dir = opendir(path);
	while (*dir && (entry = readdir(*dir))) {
		long number = strtol(entry->d_name, &end, 10);
		*pid = (pid_t)number;
		if (!*end && number > 0 && read_name(doctor, *pid, name, name_size))
			return true;
	}
	if (*dir)
		closedir(*dir);
	*dir = NULL;
	return false;
}

int doctor_lacks(const struct doctor_user *user, const struct stat *st, int wanted)
{
	unsigned mode = st->st_mode;
	bool member = false;

	if (user->uid == 0)
		return 0;
	for (size_t i = 0; i < user->group_count; i++)
		member = member || user->groups[i] == st->st_gid;
	if (user->uid == st->st_uid)
		mode >>= 6;
	else if (member)
		mode >>= 3;
	return wanted & ~(int)(mode & 7);
}

int doctor_run(struct doctor *doctor)
{
	size_t i;

	doctor->findings = calloc(DOCTOR_FINDINGS_MAX, sizeof *doctor->findings);
	if (!doctor->findings || !doctor_path(doctor, doctor->sys, "/sys") ||
		!doctor_path(doctor, doctor->dev, "/dev"))
		return -ENOMEM;
	doctor->roots = (struct tty_roots) { doctor->sys, doctor->dev };
	if (doctor_find_devices(doctor) < 0)
		return -ENOMEM;
	doctor_find_user(doctor);
	for (i = 0; doctor_checks[i].name; i++) {
		doctor->check = i;
		if (doctor->config || doctor_checks[i].alone)
			doctor_checks[i].fn(doctor);
		else
			doctor_found(doctor, DOCTOR_UNKNOWN, "", "without a configuration");
	}
	return 0;
}

void doctor_done(struct doctor *doctor)
{
	for (size_t i = 0; i < doctor->finding_count; i++) {
		free(doctor->findings[i].where);
		free(doctor->findings[i].what);
	}
	free(doctor->findings);
	free(doctor->devices);
	free(doctor->usbs);
}
