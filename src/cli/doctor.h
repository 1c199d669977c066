/* doctor.h - what `doctor` looks at, and what it finds. Reads, changes nothing. */
#ifndef SIMGATE_CLI_DOCTOR_H
#define SIMGATE_CLI_DOCTOR_H

#include <cjson/cJSON.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/config.h"
#include "host/tty_sysfs.h"

enum { DOCTOR_FINDINGS_MAX = 1024, DOCTOR_DEVICES_MAX = 4096, DOCTOR_GROUPS_MAX = 64 };

struct statfs;
struct timex;

enum doctor_result { DOCTOR_FAULT, DOCTOR_UNKNOWN };

struct doctor_finding {
	size_t check; /* index in doctor_checks */
	enum doctor_result result;
	char *where, *what;
};

/* A tty of a bank; a module has several. */
struct doctor_device {
	char port[128]; /* BANK/SLOT; BANK/PLACE where the slot has no label */
	const struct config_bank *bank;
	char node[TTY_SYSPATH_SIZE]; /* "/dev/ttyUSB2", without the root */
	struct tty_info tty;         /* name "": no tty with a place */
};

/* A USB device below a bank's path; hubs among them. */
struct doctor_usb {
	const struct config_bank *bank;
	char syspath[TTY_SYSPATH_SIZE], below[PLACE_PATH_SIZE];
	char id[12]; /* "2c7c:0125" */
	bool hub;
};

/* Whose rights count: the daemon's. */
struct doctor_user {
	bool known;
	char name[64];
	uid_t uid;
	gid_t groups[DOCTOR_GROUPS_MAX];
	size_t group_count;
};

struct doctor {
	const char *root;            /* "", or a folder that stands for "/" */
	const struct config *config; /* NULL: it could not be read */
	const struct config_report *report;
	const cJSON *ports; /* the daemon's list; NULL: it was not asked or did not answer */
	pid_t daemon;       /* 0: not known */
	int refused;        /* errno: it may not be asked (EACCES), or does not answer */
	int64_t now_us;     /* on the kernel log's clock */
	int64_t now_s;      /* wall clock */
	int (*adjtimex)(struct timex *clock);
	int (*statfs)(const char *path, struct statfs *out);
	/* The rest is doctor_run()'s. */
	char sys[PATH_MAX], dev[PATH_MAX];
	struct tty_roots roots;
	struct doctor_device *devices;
	size_t device_count;
	struct doctor_usb *usbs;
	size_t usb_count;
	struct doctor_user user;
	size_t check; /* the one that runs */
	struct doctor_finding *findings;
	size_t finding_count, lost; /* past DOCTOR_FINDINGS_MAX */
};

struct doctor_check {
	const char *name;
	void (*fn)(struct doctor *doctor);
	bool alone; /* needs no configuration */
	const char *advice;
};

/* Ends with a row without a name. */
extern const struct doctor_check doctor_checks[];

/* Looks, then runs every check. The caller fills in what stands above; -ENOMEM. */
int doctor_run(struct doctor *doctor);
void doctor_done(struct doctor *doctor);

/* ---- for the checks ------------------------------------------------------------------------- */

void doctor_found(struct doctor *doctor, enum doctor_result result, const char *where,
	const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* A path below the root. False where it does not fit. */
bool doctor_path(const struct doctor *doctor, char out[PATH_MAX], const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The next process: its number and its name. *dir is NULL at first and at the end. False: no more.
 */
bool doctor_process(
	const struct doctor *doctor, void **dir, pid_t *pid, char *name, size_t name_size);

/* Which of R_OK, W_OK, X_OK the user lacks on a file. */
int doctor_lacks(const struct doctor_user *user, const struct stat *st, int wanted);

/* doctor_user.c */
void doctor_find_user(struct doctor *doctor);
bool doctor_group_name(const struct doctor *doctor, gid_t gid, char *out, size_t size);
/* What the unit says for a name ("LimitNOFILE"), the last one that does; false: nothing. */
bool doctor_unit_value(const struct doctor *doctor, const char *name, char *out, size_t size);

/* doctor_devices.c: which devices the banks have. */
int doctor_find_devices(struct doctor *doctor);

/* doctor_ports.c */
void doctor_modem_manager(struct doctor *doctor);
void doctor_brltty(struct doctor *doctor);
void doctor_holders(struct doctor *doctor);
void doctor_rights(struct doctor *doctor);
void doctor_groups(struct doctor *doctor);
void doctor_resets(struct doctor *doctor);
void doctor_autosuspend(struct doctor *doctor);
void doctor_slots(struct doctor *doctor);

/* doctor_host.c */
void doctor_daemon(struct doctor *doctor);
void doctor_configuration(struct doctor *doctor);
void doctor_secrets(struct doctor *doctor);
void doctor_listeners(struct doctor *doctor);
void doctor_filters(struct doctor *doctor);
void doctor_udev(struct doctor *doctor);
void doctor_minors(struct doctor *doctor);
void doctor_kernel_log(struct doctor *doctor);
void doctor_clock(struct doctor *doctor);
void doctor_disk(struct doctor *doctor);
void doctor_files(struct doctor *doctor);

#endif
