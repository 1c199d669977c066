/* hotplug.c - which ttys with a place are plugged in: udev's events, and looks at sysfs. */
#include "host/hotplug.h"

#include <dirent.h>
#include <errno.h>
#include <libudev.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/counter.h"
#include "base/log.h"

enum {
	BUCKETS = 256,
	BATCH = 64, /* events, or entries of a folder, in one turn */
	LOOK_MS = 60 * 1000,
	LOOK_NO_UDEV_MS = 2000,
	LOOK_AGAIN_MS = 500, /* between two looks because events were lost */
	LIMIT_MS = 5 * 60 * 1000,
};

struct known {
	struct known *next;
	struct tty_info info;
	unsigned pass; /* the last look that saw it */
};

struct hotplug {
	struct loop *loop;
	struct hotplug_config config;
	char control[HOTPLUG_CONTROL_SIZE];
	const struct hotplug_events *events;
	void *owner;
	void *source; /* NULL: none */
	struct loop_io *io;
	struct loop_timer timer; /* the next look; the next step of one */
	DIR *dir;                /* of the look that runs; NULL: none, or it sweeps */
	int sweep;               /* the next bucket to sweep; -1: not yet */
	unsigned pass;
	size_t differed; /* found by this look and not told by events */
	bool lost;       /* events were lost, and more may be until the queue is read */
	bool owed;       /* it is read, and no look has begun since */
	bool resync;     /* this look is because of that */
	bool udev, said; /* udevd runs; that was said, or that it does not */
	bool asked;      /* this look was asked for: events may be on their way */
	bool heard;      /* an event came since the last look ended */
	bool deaf;       /* things changed and no event came: udevd is there, but not for us */
	bool enumerated;
	struct known *buckets[BUCKETS];
	size_t count;
	struct log_limit limit; /* of what is said about looks that were needed */
};

/* ---- udev's monitor ------------------------------------------------------------------------- */

struct udev_source {
	struct udev *udev;
	struct udev_monitor *monitor;
};

static void udev_close(void *arg)
{
	struct udev_source *source = arg;

	udev_monitor_unref(source->monitor);
	udev_unref(source->udev);
	free(source);
}

static int udev_open(void **out)
{
	struct udev_source *source = calloc(1, sizeof *source);
	int err = -ENOMEM;

	if (!source)
		return -ENOMEM;
	source->udev = udev_new();
	if (source->udev)
		source->monitor = udev_monitor_new_from_netlink(source->udev, "udev");
	if (source->monitor)
		err = udev_monitor_filter_add_match_subsystem_devtype(source->monitor, "tty", NULL);
	if (err >= 0)
		err = udev_monitor_enable_receiving(source->monitor);
	if (err < 0) {
		udev_close(source);
		return err;
	}
	*out = source;
	return 0;
}

static int udev_fd(void *arg)
{
	struct udev_source *source = arg;

	return udev_monitor_get_fd(source->monitor);
}

/* "/sys/devices/..." without its root. */
static bool cut_sys(const char *path, char *out, size_t size)
{
	return path && strncmp(path, "/sys/", 5) == 0 &&
	       snprintf(out, size, "%s", path + 5) < (int)size;
}

static void take_id_path(struct udev_device *device, char *out, size_t size)
{
	const char *path = udev_device_get_property_value(device, "ID_PATH");

	if (!path || snprintf(out, size, "%s", path) >= (int)size)
		*out = '\0';
}

static int udev_next(void *arg, struct hotplug_event *out)
{
	struct udev_source *source = arg;

	for (int i = 0; i < BATCH; i++) {
		errno = 0;
		struct udev_device *device = udev_monitor_receive_device(source->monitor);
		if (!device && errno == EINTR)
			continue;
		if (!device) /* 0: a message that the filter or the check of its sender refused */
			return errno == EAGAIN || errno == 0 ? 0 : -errno;
		const char *action = udev_device_get_action(device);
		bool good =
			cut_sys(udev_device_get_syspath(device), out->syspath, sizeof out->syspath);
		out->removed = action && strcmp(action, "remove") == 0;
		take_id_path(device, out->id_path, sizeof out->id_path);
		udev_device_unref(device);
		if (good)
			return 1;
	}
	return 0; /* the descriptor is still readable */
}

static bool udev_id_path(void *arg, const char *syspath, char *out, size_t size)
{
	struct udev_source *source = arg;
	char path[TTY_SYSPATH_SIZE + 8];
	struct udev_device *device;

	snprintf(path, sizeof path, "/sys/%s", syspath);
	device = udev_device_new_from_syspath(source->udev, path);
	if (!device)
		return false;
	take_id_path(device, out, size);
	udev_device_unref(device);
	return *out != '\0';
}

const struct hotplug_source hotplug_udev = { udev_open, udev_fd, udev_next, udev_id_path,
	udev_close };

/* Its socket may be a leftover: somebody has to take the connection. It is root's, and to others it
 * says no more than that it is there. */
static bool udevd_runs(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool runs;

	if (fd < 0)
		return false;
	snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	runs = connect(fd, (struct sockaddr *)&address, sizeof address) == 0 || errno == EAGAIN ||
	       errno == EACCES;
	close(fd);
	return runs;
}

/* ---- what is known -------------------------------------------------------------------------- */

static struct known **bucket_of(struct hotplug *hotplug, const char *name)
{
	unsigned hash = 5381;

	for (; *name; name++)
		hash = 33 * hash + (unsigned char)*name;
	return &hotplug->buckets[hash % BUCKETS];
}

static struct known **find(struct hotplug *hotplug, const char *name)
{
	struct known **at = bucket_of(hotplug, name);

	while (*at && strcmp((*at)->info.name, name) != 0)
		at = &(*at)->next;
	return at;
}

/* Takes *at out and tells the owner. */
static void drop(struct hotplug *hotplug, struct known **at)
{
	struct known *known = *at;

	*at = known->next;
	hotplug->count--;
	log_debug(LOGC_PORT, NULL, NULL,
		LOG_FIELDS(LOG_STR("device", known->info.devnode),
			LOG_STR("path", known->info.id_path)),
		"unplugged");
	hotplug->events->removed(hotplug->owner, &known->info);
	free(known);
}

static struct known *keep(struct hotplug *hotplug, const struct tty_info *info)
{
	static struct log_limit limit = { .period_ms = LIMIT_MS, .burst = 1 };
	struct known **bucket = bucket_of(hotplug, info->name);
	struct known *known = NULL;

	if (hotplug->count < HOTPLUG_TTYS_MAX)
		known = malloc(sizeof *known);
	if (!known) { /* seen again by the next look */
		counter_add(COUNTER_SLOTS_REFUSED, 1);
		if (log_limit(&limit))
			log_error(LOGC_PORT, NULL, NULL,
				LOG_FIELDS(LOG_STR("device", info->devnode)),
				"more than %d ttys, or no memory: not used", HOTPLUG_TTYS_MAX);
		return NULL;
	}
	*known = (struct known) { .next = *bucket, .info = *info, .pass = hotplug->pass };
	*bucket = known;
	hotplug->count++;
	log_debug(LOGC_PORT, NULL, NULL,
		LOG_FIELDS(LOG_STR("device", info->devnode), LOG_STR("path", info->id_path)),
		"plugged in");
	return known;
}

/* udev has another word for its place: a look at sysfs was faster than udev's rules. */
static bool is_elsewhere(const struct tty_info *info, const char *id_path)
{
	struct tty_info told = *info;

	tty_set_id_path(&told, id_path);
	return strcmp(told.id_path, info->id_path) != 0;
}

/* Looks at one tty: new, gone, another one, or as it was. id_path NULL: not told. True if that was
 * news. */
static bool look_at(struct hotplug *hotplug, const char *name, const char *id_path)
{
	const struct tty_roots *roots = &hotplug->config.roots;
	char syspath[TTY_SYSPATH_SIZE], path[PLACE_PATH_SIZE] = "";
	struct known **at = find(hotplug, name), *known = *at;
	struct tty_info info;
	int err = tty_syspath(roots, name, syspath, sizeof syspath);

	if (known && !err && strcmp(known->info.syspath, syspath) == 0 &&
		tty_devnum(roots, known->info.usb_syspath) == known->info.devnum &&
		!(id_path && is_elsewhere(&known->info, id_path))) {
		known->pass = hotplug->pass;
		return false;
	}
	if (known)
		drop(hotplug, at);
	if (err || tty_read(roots, name, &info) < 0)
		return known != NULL;
	if (!id_path && hotplug->source && hotplug->udev && hotplug->config.source->id_path &&
		hotplug->config.source->id_path(hotplug->source, info.syspath, path, sizeof path))
		id_path = path;
	if (id_path && *id_path)
		tty_set_id_path(&info, id_path);
	known = keep(hotplug, &info);
	if (known)
		hotplug->events->added(hotplug->owner, &known->info);
	return known != NULL;
}

/* ---- events --------------------------------------------------------------------------------- */

static void close_source(struct hotplug *hotplug)
{
	loop_io_free(hotplug->io);
	hotplug->io = NULL;
	if (hotplug->source)
		hotplug->config.source->close(hotplug->source);
	hotplug->source = NULL;
}

static void take_event(struct hotplug *hotplug, const struct hotplug_event *event)
{
	const char *name = strrchr(event->syspath, '/');
	struct known **at;

	if (!name)
		return;
	at = find(hotplug, name + 1);
	if (!event->removed)
		look_at(hotplug, name + 1, event->id_path);
	else if (*at && strcmp((*at)->info.syspath, event->syspath) == 0)
		drop(hotplug, at); /* sysfs may have it still */
}

/* The kernel drops all that comes between the first event that was lost and the end of the queue,
 * and says so once; and what is queued is older than what a look would see. So the look waits. */
static void look_if_lost(struct hotplug *hotplug)
{
	struct pollfd more = { .fd = hotplug->config.source->fd(hotplug->source),
		.events = POLLIN };

	if (!hotplug->lost || poll(&more, 1, 0) != 0)
		return;
	hotplug->lost = false;
	hotplug->owed = true;
	hotplug_look(hotplug);
}

static void on_events(void *arg, int events)
{
	struct hotplug *hotplug = arg;
	struct hotplug_event event;
	int got = 1;

	(void)events;
	for (int n = 0; n < BATCH && got != 0; n++) {
		got = hotplug->config.source->next(hotplug->source, &event);
		if (got > 0) {
			hotplug->heard = true;
			hotplug->deaf = false;
			take_event(hotplug, &event);
		} else if (got == -ENOBUFS) {
			log_debug(LOGC_PORT, NULL, NULL, NULL,
				"udev's events overran their buffer: all ttys are looked at once "
				"the rest is read");
			hotplug->lost = true;
		} else if (got < 0) {
			log_error(LOGC_PORT, NULL, NULL,
				LOG_FIELDS(LOG_STR("reason", strerror(-got))),
				"udev's events broke off");
			close_source(hotplug);
			hotplug_look(hotplug);
			return;
		}
	}
	look_if_lost(hotplug);
}

static void open_source(struct hotplug *hotplug)
{
	const struct hotplug_source *source = hotplug->config.source;
	int err = source ? source->open(&hotplug->source) : 0;

	if (!source)
		return;
	if (!err)
		hotplug->io = loop_io_new(
			hotplug->loop, source->fd(hotplug->source), LOOP_READ, on_events, hotplug);
	if (hotplug->io)
		return;
	log_warning(LOGC_PORT, NULL, NULL,
		LOG_FIELDS(LOG_STR("reason", strerror(err ? -err : ENOMEM))),
		"udev's events cannot be had");
	close_source(hotplug);
}

static void look_for_udev(struct hotplug *hotplug)
{
	bool runs = hotplug->source && !hotplug->deaf &&
		    (!*hotplug->control || udevd_runs(hotplug->control));

	if (hotplug->said && runs == hotplug->udev)
		return;
	if (!runs)
		log_notice(LOGC_PORT, NULL, NULL,
			LOG_FIELDS(LOG_STR(
				"reason", hotplug->deaf ? "udevd tells us nothing" : "no udevd")),
			"no events of plugs and pulls here: sysfs is looked at each %d s",
			LOOK_NO_UDEV_MS / 1000);
	if (runs && hotplug->said) {
		log_notice(LOGC_PORT, NULL, NULL, NULL, "udevd is there: its events are used");
		close_source(hotplug); /* libudev opens a deaf one where no udevd is */
		open_source(hotplug);
	}
	hotplug->udev = runs && hotplug->source;
	hotplug->said = true;
}

/* ---- looks at all of sysfs ------------------------------------------------------------------ */

static void begin_look(struct hotplug *hotplug)
{
	char path[TTY_SYSPATH_SIZE];

	look_for_udev(hotplug);
	hotplug->pass++;
	hotplug->sweep = -1;
	hotplug->differed = 0;
	hotplug->resync = hotplug->owed;
	hotplug->owed = false;
	if (snprintf(path, sizeof path, "%s/class/tty", hotplug->config.roots.sys) <
		(int)sizeof path)
		hotplug->dir = opendir(path);
	if (!hotplug->dir)
		hotplug->sweep = 0; /* no tty at all */
}

static void end_look(struct hotplug *hotplug)
{
	bool told = hotplug->enumerated && hotplug->udev && !hotplug->asked;

	hotplug->sweep = -1;
	if (hotplug->resync || (told && hotplug->differed)) {
		counter_add(COUNTER_UDEV_RESYNCS, 1);
		if (log_limit(&hotplug->limit))
			log_notice(LOGC_PORT, NULL, "resync",
				LOG_FIELDS(LOG_INT("differed", (int64_t)hotplug->differed),
					LOG_STR("reason", hotplug->resync ? "events were lost"
									  : "missed events")),
				"all ttys were looked at anew");
	}
	if (told && hotplug->differed && !hotplug->heard && !hotplug->resync) {
		hotplug->deaf = true; /* until an event comes after all */
		look_for_udev(hotplug);
	}
	hotplug->resync = hotplug->heard = hotplug->asked = false;
	loop_timer_start(&hotplug->timer, hotplug->owed   ? LOOK_AGAIN_MS
					  : hotplug->udev ? LOOK_MS
							  : LOOK_NO_UDEV_MS);
	if (hotplug->enumerated)
		return;
	hotplug->enumerated = true;
	hotplug->events->enumerated(hotplug->owner);
}

/* Removes what this look did not see, some buckets at a time. */
static void sweep_some(struct hotplug *hotplug)
{
	for (int n = 0; n < BUCKETS / 8 && hotplug->sweep < BUCKETS; n++) {
		struct known **at = &hotplug->buckets[hotplug->sweep++];
		while (*at)
			if ((*at)->pass == hotplug->pass)
				at = &(*at)->next;
			else
				drop(hotplug, at), hotplug->differed++;
	}
	if (hotplug->sweep == BUCKETS)
		end_look(hotplug);
	else
		loop_timer_start(&hotplug->timer, 0);
}

static void on_timer(void *arg)
{
	struct hotplug *hotplug = arg;
	const struct dirent *entry = NULL;

	if (!hotplug->dir && hotplug->sweep < 0)
		begin_look(hotplug);
	if (hotplug->sweep >= 0) {
		sweep_some(hotplug);
		return;
	}
	for (int n = 0; n < BATCH && (entry = readdir(hotplug->dir)) != NULL; n++)
		if (entry->d_name[0] != '.')
			hotplug->differed += look_at(hotplug, entry->d_name, NULL);
	if (!entry) {
		closedir(hotplug->dir);
		hotplug->dir = NULL;
		hotplug->sweep = 0;
	}
	loop_timer_start(&hotplug->timer, 0);
}

void hotplug_look(struct hotplug *hotplug)
{
	hotplug->asked = true;
	if (!hotplug->dir && hotplug->sweep < 0)
		loop_timer_start(&hotplug->timer, 0);
}

/* ---- start, end ----------------------------------------------------------------------------- */

struct hotplug *hotplug_new(struct loop *loop, const struct hotplug_config *config,
	const struct hotplug_events *events, void *owner)
{
	struct hotplug *hotplug = calloc(1, sizeof *hotplug);

	if (!hotplug)
		return NULL;
	hotplug->loop = loop;
	hotplug->config = *config;
	snprintf(hotplug->control, sizeof hotplug->control, "%s",
		config->control ? config->control : "");
	hotplug->events = events;
	hotplug->owner = owner;
	hotplug->sweep = -1;
	hotplug->limit = (struct log_limit) { .period_ms = LIMIT_MS, .burst = 1 };
	loop_timer_init(&hotplug->timer, loop, on_timer, hotplug);
	open_source(hotplug);
	loop_timer_start(&hotplug->timer, 0);
	return hotplug;
}

void hotplug_free(struct hotplug *hotplug)
{
	if (!hotplug)
		return;
	close_source(hotplug);
	loop_timer_stop(&hotplug->timer);
	if (hotplug->dir)
		closedir(hotplug->dir);
	for (int i = 0; i < BUCKETS; i++)
		while (hotplug->buckets[i]) {
			struct known *known = hotplug->buckets[i];
			hotplug->buckets[i] = known->next;
			free(known);
		}
	free(hotplug);
}

bool hotplug_enumerated(const struct hotplug *hotplug)
{
	return hotplug->enumerated;
}

void hotplug_each(
	const struct hotplug *hotplug, void (*fn)(void *arg, const struct tty_info *tty), void *arg)
{
	for (int i = 0; i < BUCKETS; i++)
		for (const struct known *known = hotplug->buckets[i]; known; known = known->next)
			fn(arg, &known->info);
}
