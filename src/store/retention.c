/* retention.c - erases in time what the store has no need to keep. */
#include "store/retention.h"

#include <stdlib.h>
#include <string.h>

#include "base/counter.h"
#include "base/log.h"

struct retention {
	struct loop *loop;
	struct store *store;
	const struct retention_spans *spans;
	struct loop_timer timer;
	int64_t messages, forgotten; /* of this look */
	bool stopped;
};

static void again(struct retention *retention)
{
	if (!retention->stopped)
		loop_timer_start(&retention->timer, RETENTION_EVERY_MS);
}

/* What failed is in the store's own log, and tried again at the next look. */
static void on_scrubbed(void *arg, int err)
{
	struct retention *retention = arg;

	if (!err)
		log_info(LOGC_STORE, NULL, NULL,
			LOG_FIELDS(LOG_INT("erased", retention->messages),
				LOG_INT("forgotten", retention->forgotten)),
			"texts were kept long enough and are erased");
	again(retention);
}

static void on_erased(void *arg, int err, const struct store_erased *erased)
{
	struct retention *retention = arg;

	if (err) {
		again(retention);
		return;
	}
	counter_add(COUNTER_SMS_ERASED, (uint64_t)erased->messages);
	retention->messages += erased->messages;
	retention->forgotten += erased->forgotten;
	if (!erased->over && !retention->stopped)
		store_erase(retention->store, &erased->next, on_erased, retention);
	else if (retention->messages || retention->forgotten)
		store_scrub(retention->store, on_scrubbed, retention);
	else
		again(retention);
}

static void on_timer(void *arg)
{
	struct retention *retention = arg;
	int64_t now_ms = loop_wall_ms(retention->loop);
	const struct store_erase erase = { .before_ms = now_ms - retention->spans->words,
		.history_ms = now_ms - retention->spans->history,
		.now_ms = now_ms };

	retention->messages = retention->forgotten = 0;
	store_erase(retention->store, &erase, on_erased, retention);
}

struct retention *retention_new(
	struct loop *loop, struct store *store, const struct retention_spans *spans)
{
	struct retention *retention = calloc(1, sizeof *retention);

	if (!retention)
		return NULL;
	retention->loop = loop;
	retention->store = store;
	retention->spans = spans;
	loop_timer_init(&retention->timer, loop, on_timer, retention);
	again(retention);
	return retention;
}

void retention_free(struct retention *retention)
{
	if (!retention)
		return;
	loop_timer_stop(&retention->timer);
	free(retention);
}

void retention_stop(struct retention *retention)
{
	retention->stopped = true;
	loop_timer_stop(&retention->timer);
}
