/* hotplug.h - which ttys with a place are plugged in: udev's events, and looks at sysfs. */
#ifndef SIMGATE_HOST_HOTPLUG_H
#define SIMGATE_HOST_HOTPLUG_H

#include "base/loop.h"
#include "host/tty_sysfs.h"

enum { HOTPLUG_TTYS_MAX = 4096, HOTPLUG_CONTROL_SIZE = 108 /* of a socket's path */ };

struct hotplug;

/* What a source of events says: a tty came or changed, or went. */
struct hotplug_event {
	bool removed;
	char syspath[TTY_SYSPATH_SIZE]; /* below the root: "devices/..." */
	char id_path[PLACE_PATH_SIZE];  /* "": not told */
};

/* Where events come from: udev's monitor but in tests. */
struct hotplug_source {
	/* Called before the first look at sysfs, so that nothing falls between. 0 or negative
	 * errno. */
	int (*open)(void **out);
	int (*fd)(void *source);
	/* 1: *out is an event; 0: no more for now; -ENOBUFS: some were lost, more may follow; any
	 * other negative errno: no more at all. */
	int (*next)(void *source, struct hotplug_event *out);
	/* ID_PATH of a device that was found without an event; false: not known. May be NULL. */
	bool (*id_path)(void *source, const char *syspath, char *out, size_t size);
	void (*close)(void *source);
};

extern const struct hotplug_source hotplug_udev;

/* Always from the loop, never from inside a call of the owner's. What they are given is the
 * hotplug's and good until removed() has returned. */
struct hotplug_events {
	void (*added)(void *owner, const struct tty_info *tty);
	void (*removed)(void *owner, const struct tty_info *tty);
	/* The first look is done: added() was called for all that was there. */
	void (*enumerated)(void *owner);
};

struct hotplug_config {
	struct tty_roots roots; /* must outlive the hotplug */
	/* NULL: no events, sysfs is looked at each 2 s. */
	const struct hotplug_source *source;
	/* udevd's socket: where nobody takes a connection there, no udevd runs and sysfs is looked
	 * at each 2 s. NULL: the source needs none. */
	const char *control;
};

/* Begins in the next turn of the loop. The events object must outlive it. NULL if out of memory; a
 * source that cannot be opened is said in the log and done without.
 *
 * Events that were lost (ENOBUFS) lead to a look at all of sysfs as soon as what is queued was
 * read, a timer to one each 60 s; both add and remove what differs. A turn handles some 64 events
 * or ttys, the rest waits. A tty that came back at the same path by another plug (its devnum) is
 * removed and added. */
struct hotplug *hotplug_new(struct loop *loop, const struct hotplug_config *config,
	const struct hotplug_events *events, void *owner);

/* Takes NULL. Not from inside one of the events. */
void hotplug_free(struct hotplug *hotplug);

/* Looks at all of sysfs now; what that finds is not counted as missed. */
void hotplug_look(struct hotplug *hotplug);

/* The first look is done. */
bool hotplug_enumerated(const struct hotplug *hotplug);

/* Calls fn for each tty that is plugged in. */
void hotplug_each(const struct hotplug *hotplug, void (*fn)(void *arg, const struct tty_info *tty),
	void *arg);

#endif
