/* notify.h - what systemd is told: ready, status, watchdog, stopping. */
#ifndef SIMGATE_HOST_NOTIFY_H
#define SIMGATE_HOST_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/loop.h"

struct notify;

/* alive() is asked before each watchdog message (each half of WATCHDOG_USEC): false withholds it.
 * Does nothing outside systemd. NULL if out of memory. */
struct notify *notify_new(struct loop *loop, bool (*alive)(void *arg), void *arg);
void notify_free(struct notify *notify);

void notify_ready(struct notify *notify);
void notify_reloading(struct notify *notify); /* notify_ready() ends it */
void notify_stopping(struct notify *notify);

/* One line for `systemctl status`; sent when it differs from the last and at most each 10 s. */
void notify_status(struct notify *notify, const char *line);

#endif
