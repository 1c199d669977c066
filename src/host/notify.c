/* notify.c - sd_notify: ready, reloading, stopping, the status line and the watchdog. */
#include "host/notify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "base/log.h"

enum { STATUS_EVERY_MS = 10000, STATUS_MAX = 256 };

struct notify {
	struct loop *loop;
	struct loop_timer watchdog, status;
	bool (*alive)(void *arg);
	void *arg;
	int64_t watchdog_ms;
	char sent[STATUS_MAX], next[STATUS_MAX];
};

static void on_watchdog(void *arg)
{
	static struct log_limit limit = { .period_ms = 60000, .burst = 1 };
	struct notify *notify = arg;

	loop_timer_start(&notify->watchdog, notify->watchdog_ms);
	if (!notify->alive || notify->alive(notify->arg))
		sd_notify(0, "WATCHDOG=1");
	else if (log_limit(&limit))
		log_error(LOGC_MAIN, NULL, NULL, NULL, "no progress: the watchdog is not fed");
}

/* The timer runs for as long as no other line may be sent. */
static void send_status(struct notify *notify)
{
	char text[STATUS_MAX + 8];

	if (loop_timer_active(&notify->status) || strcmp(notify->next, notify->sent) == 0)
		return;
	memcpy(notify->sent, notify->next, sizeof notify->sent);
	snprintf(text, sizeof text, "STATUS=%s", notify->sent);
	sd_notify(0, text);
	loop_timer_start(&notify->status, STATUS_EVERY_MS);
}

static void on_status(void *arg)
{
	send_status(arg);
}

struct notify *notify_new(struct loop *loop, bool (*alive)(void *arg), void *arg)
{
	struct notify *notify = calloc(1, sizeof *notify);
	uint64_t usec = 0;

	if (!notify)
		return NULL;
	notify->loop = loop;
	notify->alive = alive;
	notify->arg = arg;
	loop_timer_init(&notify->watchdog, loop, on_watchdog, notify);
	loop_timer_init(&notify->status, loop, on_status, notify);
	if (sd_watchdog_enabled(0, &usec) > 0) {
		notify->watchdog_ms = usec >= 2000 ? (int64_t)(usec / 2000) : 1;
		loop_timer_start(&notify->watchdog, notify->watchdog_ms);
	}
	return notify;
}

void notify_free(struct notify *notify)
{
	if (!notify)
		return;
	loop_timer_stop(&notify->watchdog);
	loop_timer_stop(&notify->status);
	free(notify);
}

void notify_ready(struct notify *notify)
{
	(void)notify;
	sd_notify(0, "READY=1");
}

void notify_reloading(struct notify *notify)
{
	(void)notify;
	sd_notify(0, "RELOADING=1");
}

void notify_stopping(struct notify *notify)
{
	(void)notify;
	sd_notify(0, "STOPPING=1");
}

void notify_status(struct notify *notify, const char *line)
{
	snprintf(notify->next, sizeof notify->next, "%s", line);
	/* A line break would begin another assignment. */
	for (char *c = notify->next; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	send_status(notify);
}
