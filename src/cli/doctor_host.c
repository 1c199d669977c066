/* doctor_host.c - checks of the host and of the configuration: kernel log, clock, disk, limits. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timex.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "base/http.h"
#include "cli/doctor.h"

enum {
	USB_MINORS = 512, /* USB_SERIAL_TTY_MINORS */
	ACM_MINORS = 256,
	MINORS_LEFT = 32,       /* fewer are few */
	FILES_BASE = 400,       /* HTTP connections and the like */
	FILES_PORT = 3,         /* a port, its request, what opens it */
	LOG_KINDS_MAX = 64,     /* of one device and one error */
	LOG_LINES_MAX = 200000, /* that are looked at */
	LOG_BUFFER = 16384,     /* a read gives a record of at most 8 KiB */
};

#define LOG_AGE_US  (INT64_C(24) * 3600 * 1000000)
#define ROOM_LEAST  (UINT64_C(256) << 20)
#define ROOM_LITTLE (UINT64_C(2) << 30)

void doctor_daemon(struct doctor *doctor)
{
	if (doctor->refused == EACCES || doctor->refused == EPERM)
		doctor_found(doctor, DOCTOR_UNKNOWN, "",
			"it may not be asked by you; be root, or in group simgate");
	else if (doctor->refused)
		doctor_found(doctor, DOCTOR_FAULT, "",
			"somebody listens at its control socket and does not answer as it should");
}

/* ---- the configuration ---------------------------------------------------------------------- */

void doctor_configuration(struct doctor *doctor)
{
	const struct config_report *report = doctor->report;

	for (size_t i = 0; i < report->count; i++) {
		char *place = strdup(report->lines[i]);
		char *text = place ? strstr(place, ": ") : NULL;
		if (text)
			*text = '\0';
		doctor_found(doctor, DOCTOR_FAULT, text ? place : "", "%s",
			text ? text + 2 : report->lines[i]);
		free(place);
	}
}

static bool others_read(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && (st.st_mode & S_IROTH);
}

static bool has_literal(const struct config_report *report)
{
	for (size_t i = 0; i < report->count; i++)
		if (strstr(report->lines[i], ": the secret itself is in this file"))
			return true;
	return false;
}

void doctor_secrets(struct doctor *doctor)
{
	char folder[PATH_MAX], path[PATH_MAX];
	struct dirent *entry;
	DIR *dir;

	if (has_literal(doctor->report) && others_read(doctor->config->file))
		doctor_found(doctor, DOCTOR_FAULT, doctor->config->file,
			"has secrets, and every user may read it");
	if (!doctor_path(doctor, folder, "/etc/simgate/credentials"))
		return;
	dir = opendir(folder);
	if (!dir && errno != ENOENT && errno != ENOTDIR)
		doctor_found(
			doctor, DOCTOR_UNKNOWN, folder, "cannot be looked at: %s", strerror(errno));
	while (dir && (entry = readdir(dir)))
		if (*entry->d_name != '.' &&
			doctor_path(doctor, path, "/etc/simgate/credentials/%s", entry->d_name) &&
			others_read(path) && others_read(folder))
			doctor_found(doctor, DOCTOR_FAULT, path, "every user may read this secret");
	if (dir)
		closedir(dir);
}

void doctor_listeners(struct doctor *doctor)
{
	const struct config_http *http = &doctor->config->http;
	struct http_address address;

	for (size_t i = 0; i < http->listen_count; i++)
		if (!http->tls_cert && http_address_parse(http->listen[i], true, &address) == 0 &&
			!address.local)
			doctor_found(doctor, DOCTOR_FAULT, http->listen[i],
				"keys and texts pass the network in clear");
}

void doctor_filters(struct doctor *doctor)
{
	for (size_t i = 0; i < doctor->config->platform_count; i++) {
		const struct config_platform *platform = &doctor->config->platforms[i];
		if (platform->filter && strcmp(platform->filter, "off") == 0)
			doctor_found(
				doctor, DOCTOR_FAULT, platform->name, "its filter is switched off");
	}
}

/* ---- udev ----------------------------------------------------------------------------------- */

static bool needs_udev(const struct doctor *doctor)
{
	for (size_t i = 0; i < doctor->config->bank_count; i++)
		if (doctor->config->banks[i].path)
			return true;
	for (size_t i = 0; i < doctor->device_count; i++)
		if (*doctor->devices[i].tty.name)
			return true;
	return false;
}

/* The socket's file may be a leftover: somebody has to take the connection. */
static bool udevd_answers(const struct doctor *doctor)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char path[PATH_MAX];
	int fd, err;

	if (!doctor_path(doctor, path, "/run/udev/control") ||
		strlen(path) >= sizeof address.sun_path)
		return false;
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	err = fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) < 0 ? errno : 0;
	if (fd >= 0)
		close(fd);
	return fd >= 0 && (err == 0 || err == EAGAIN || err == EACCES || err == EPERM);
}

void doctor_udev(struct doctor *doctor)
{
	static const char *const folders[] = { "/etc", "/run", "/usr/local/lib", "/usr/lib",
		"/lib" };
	char path[PATH_MAX];
	bool rules = false;

	if (!needs_udev(doctor))
		return;
	if (!udevd_answers(doctor))
		doctor_found(doctor, DOCTOR_FAULT, "/run/udev/control",
			"udevd does not run: devices are looked for each 2 s, and no rule holds");
	for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
		rules = rules || (doctor_path(doctor, path, "%s/udev/rules.d/78-simgate.rules",
					  folders[i]) &&
					 access(path, F_OK) == 0);
	if (!rules)
		doctor_found(doctor, DOCTOR_FAULT, "/usr/lib/udev/rules.d",
			"78-simgate.rules is not installed");
}

static void check_minors(struct doctor *doctor, const char *prefix, int count, int most)
{
	if (count > most - MINORS_LEFT)
		doctor_found(doctor, DOCTOR_FAULT, prefix,
			"%d of the kernel's %d are used: what comes next gets no device", count,
			most);
}

void doctor_minors(struct doctor *doctor)
{
	char path[PATH_MAX];
	struct dirent *entry;
	int usb = 0, acm = 0;
	DIR *dir = doctor_path(doctor, path, "/sys/class/tty") ? opendir(path) : NULL;

	while (dir && (entry = readdir(dir))) {
		usb += strncmp(entry->d_name, "ttyUSB", 6) == 0;
		acm += strncmp(entry->d_name, "ttyACM", 6) == 0;
	}
	if (dir)
		closedir(dir);
	check_minors(doctor, "ttyUSB", usb, USB_MINORS);
	check_minors(doctor, "ttyACM", acm, ACM_MINORS);
}

/* ---- the kernel's log ----------------------------------------------------------------------- */

static const struct {
	const char *needle, *what;
} log_errors[] = {
	{ "error -71", "protocol errors (-71): cable, hub or supply" },
	{ "error -110", "no answer in time (-110): cable, hub or supply" },
	{ "Not enough host controller resources", "the controller is full" },
	{ "error -12", "the controller is full (-12)" },
	{ "over-current", "too much current" },
	{ "disabled by hub", "the hub switched the port off: supply or interference" },
	{ "Maybe the USB cable is bad", "cannot be switched on: the cable may be bad" },
	{ "device not accepting address", "does not take an address: cable, hub or supply" },
};

enum { LOG_ERRORS = sizeof log_errors / sizeof *log_errors };

struct usb_error {
	char where[48];
	int error, count;
	int64_t last_us;
};

struct usb_errors {
	struct usb_error kinds[LOG_KINDS_MAX];
	size_t count;
	int64_t since_us;
};

static int error_of(const char *text)
{
	int i = 0;

	if (!strstr(text, "usb") && !strstr(text, "hub") && !strstr(text, "hci"))
		return LOG_ERRORS;
	while (i < LOG_ERRORS && !strstr(text, log_errors[i].needle))
		i++;
	return i;
}

static void note_line(struct usb_errors *kinds, const char *text, int64_t at_us)
{
	int error = error_of(text), len = (int)strcspn(text, ":");
	struct usb_error *kind = kinds->kinds;
	char where[sizeof kind->where];

	if (error == LOG_ERRORS || at_us < kinds->since_us)
		return;
	if (strncmp(text, "hub ", 4) == 0) /* "hub 1-1:1.0: ..." names an interface */
		len += (int)strcspn(text + len + 1, ":") + 1;
	snprintf(where, sizeof where, "%.*s", len, text);
	while (kind < kinds->kinds + kinds->count &&
		(kind->error != error || strcmp(kind->where, where) != 0))
		kind++;
	if (kind == kinds->kinds + LOG_KINDS_MAX)
		return;
	if (kind == kinds->kinds + kinds->count) {
		kinds->count++;
		strcpy(kind->where, where);
		kind->error = error;
	}
	kind->count++;
	kind->last_us = at_us;
}

/* "6,1234,5678901,-;text": of the kernel itself alone (facility 0). */
static void read_record(struct usb_errors *kinds, char *line)
{
	char *text = strchr(line, ';'), *end;
	long priority = strtol(line, &end, 10);
	int64_t at_us;

	if (!text || !isdigit((unsigned char)*line) || *end != ',' || priority > 7)
		return;
	strtoull(end + 1, &end, 10);
	if (*end != ',')
		return;
	at_us = strtoll(end + 1, NULL, 10);
	text[strcspn(text, "\n")] = '\0';
	note_line(kinds, text + 1, at_us);
}

static void read_log(FILE *file, struct usb_errors *kinds)
{
	static char buffer[LOG_BUFFER];
	char *line = NULL;
	size_t size = 0;

	setvbuf(file, buffer, _IOFBF, sizeof buffer);
	for (int i = 0; i < LOG_LINES_MAX; i++) {
		if (getline(&line, &size, file) >= 0)
			read_record(kinds, line);
		else if (errno == EPIPE) /* what came next was written over */
			clearerr(file);
		else
			break;
	}
	free(line);
}

/* The port whose USB device the kernel means by "usb 1-1.2". */
static void name_port(const struct doctor *doctor, const char *where, char *out, size_t size)
{
	const char *name = strrchr(where, ' ');

	snprintf(out, size, "%s", where);
	for (size_t i = 0; name && i < doctor->device_count; i++) {
		const char *usb = strrchr(doctor->devices[i].tty.usb_syspath, '/');
		if (usb && strcmp(usb + 1, name + 1) == 0) {
			snprintf(out, size, "%s (%s)", where, doctor->devices[i].port);
			return;
		}
	}
}

void doctor_kernel_log(struct doctor *doctor)
{
	struct usb_errors kinds = { .since_us = doctor->now_us - LOG_AGE_US };
	char path[PATH_MAX], where[256];
	int fd = doctor_path(doctor, path, "/dev/kmsg")
			 ? open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
			 : -1;
	FILE *file = fd >= 0 ? fdopen(fd, "re") : NULL;

	if (!file) {
		doctor_found(doctor, DOCTOR_UNKNOWN, "/dev/kmsg",
			"%s; be root, or look at journalctl -k", strerror(errno));
		if (fd >= 0)
			close(fd);
		return;
	}
	read_log(file, &kinds);
	fclose(file);
	for (size_t i = 0; i < kinds.count; i++) {
		const struct usb_error *kind = &kinds.kinds[i];
		name_port(doctor, kind->where, where, sizeof where);
		doctor_found(doctor, DOCTOR_FAULT, where,
			"%s: %d times, the last %" PRId64 " min ago", log_errors[kind->error].what,
			kind->count, (doctor->now_us - kind->last_us) / 60000000);
	}
}

/* ---- clock, disk, files --------------------------------------------------------------------- */

void doctor_clock(struct doctor *doctor)
{
	struct timex clock = { .modes = 0 };
	int state = doctor->adjtimex(&clock);
	time_t now = (time_t)doctor->now_s;
	struct tm tm;

	if (state < 0)
		doctor_found(doctor, DOCTOR_UNKNOWN, "", "the kernel does not tell: %s",
			strerror(errno));
	else if (state == TIME_ERROR || (clock.status & STA_UNSYNC))
		doctor_found(doctor, DOCTOR_FAULT, "", "the clock is not synchronised");
	if (gmtime_r(&now, &tm) && tm.tm_year + 1900 < SIMGATE_YEAR)
		doctor_found(doctor, DOCTOR_FAULT, "", "it is said to be %d", tm.tm_year + 1900);
}

/* Not on a disk of this host; NULL: it is. */
static const char *elsewhere(const struct statfs *fs)
{
	static const struct {
		unsigned type;
		const char *name;
	} types[] = {
		{ TMPFS_MAGIC, "tmpfs: it is gone after a restart" },
		{ RAMFS_MAGIC, "ramfs: it is gone after a restart" },
		{ NFS_SUPER_MAGIC, "NFS: a database is not safe there" },
		{ SMB_SUPER_MAGIC, "SMB: a database is not safe there" },
		{ CIFS_SUPER_MAGIC, "SMB: a database is not safe there" },
		{ SMB2_SUPER_MAGIC, "SMB: a database is not safe there" },
		{ V9FS_MAGIC, "9p: a database is not safe there" },
		{ AFS_SUPER_MAGIC, "AFS: a database is not safe there" },
		{ CEPH_SUPER_MAGIC, "Ceph: a database is not safe there" },
	};

	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (types[i].type == (unsigned)fs->f_type)
			return types[i].name;
	return NULL;
}

void doctor_disk(struct doctor *doctor)
{
	const char *name = doctor->config->state_dir, *type;
	char path[PATH_MAX];
	struct statfs fs;
	uint64_t room, all;

	if (!doctor_path(doctor, path, "%s", name))
		return;
	if (doctor->statfs(path, &fs) < 0) {
		doctor_found(doctor, errno == ENOENT ? DOCTOR_FAULT : DOCTOR_UNKNOWN, name,
			"cannot be looked at: %s", strerror(errno));
		return;
	}
	type = strcmp(doctor->config->store, CONFIG_STORE_FILE) == 0 ? elsewhere(&fs) : NULL;
	if (type)
		doctor_found(doctor, DOCTOR_FAULT, name, "lies on %s", type);
	room = (uint64_t)fs.f_bavail * (uint64_t)fs.f_bsize;
	all = (uint64_t)fs.f_blocks * (uint64_t)fs.f_bsize;
	if (room < ROOM_LEAST || (room < ROOM_LITTLE && room < all / 20))
		doctor_found(doctor, DOCTOR_FAULT, name,
			"only %" PRIu64 " MiB of %" PRIu64 " are free", room >> 20, all >> 20);
	if (fs.f_files > 0 && fs.f_ffree < 1000)
		doctor_found(doctor, DOCTOR_FAULT, name, "only %" PRIu64 " files more fit",
			(uint64_t)fs.f_ffree);
}

/* How many files the daemon may have open; -1: not known. */
static int64_t files_limit(const struct doctor *doctor, const char **where)
{
	char path[PATH_MAX], line[256];
	int64_t limit = -1;
	FILE *file =
		doctor->daemon && doctor_path(doctor, path, "/proc/%d/limits", (int)doctor->daemon)
			? fopen(path, "re")
			: NULL;

	*where = "the running daemon";
	while (file && fgets(line, sizeof line, file))
		if (strncmp(line, "Max open files", 14) == 0)
			limit = strtoll(line + 14, NULL, 10); /* "unlimited": 0 */
	if (file)
		fclose(file);
	if (limit < 0 && doctor_unit_value(doctor, "LimitNOFILE", line, sizeof line)) {
		*where = "simgated.service";
		limit = strtoll(line, NULL, 10);
	}
	return limit;
}

void doctor_files(struct doctor *doctor)
{
	size_t ports = doctor->device_count;
	const char *where;
	int64_t limit = files_limit(doctor, &where), wanted;

	for (size_t i = 0; i < doctor->config->bank_count; i++)
		ports +=
			doctor->config->banks[i].slot_count + doctor->config->banks[i].device_count;
	wanted = FILES_BASE + FILES_PORT * (int64_t)ports;
	if (limit < 0)
		doctor_found(doctor, DOCTOR_UNKNOWN, "simgated.service",
			"no daemon runs and no unit is installed: how many files it may open is "
			"not known");
	else if (limit > 0 && limit < wanted)
		doctor_found(doctor, DOCTOR_FAULT, where,
			"%" PRId64 " open files are allowed, %" PRId64 " may be needed", limit,
			wanted);
}
