/* breaker.c - when a platform may be tried: up, down with growing pauses, account refused. */
#include "platform/breaker.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/log.h"

enum {
	DOWN_AFTER = 3, /* failed tries in a row */
	BACKOFF_MS = 1000,
	DOUBLINGS_MAX = 20,
};

static void set_health(struct breaker *breaker, enum outbox_health health, const char *reason)
{
	breaker->health = health;
	breaker->since_ms = loop_now_ms(breaker->loop);
	breaker->since_wall_ms = loop_wall_ms(breaker->loop);
	snprintf(breaker->reason, sizeof breaker->reason, "%s", reason);
}

void breaker_init(struct breaker *breaker, struct loop *loop, const struct platform_kind *kind,
	const struct config_platform *platform)
{
	*breaker = (struct breaker) { .loop = loop, .kind = kind, .platform = platform };
	if (getrandom(&breaker->seed, sizeof breaker->seed, GRND_NONBLOCK) < 0 || !breaker->seed)
		breaker->seed = 1;
	set_health(breaker, OUTBOX_UP, "");
}

bool breaker_allows(const struct breaker *breaker, size_t flying)
{
	if (breaker_wait_ms(breaker) > 0)
		return false;
	return breaker->health == OUTBOX_UP || flying == 0;
}

int64_t breaker_wait_ms(const struct breaker *breaker)
{
	int64_t probe_ms = breaker->health == OUTBOX_UP ? 0 : breaker->probe_ms;

	return (probe_ms > breaker->hold_ms ? probe_ms : breaker->hold_ms) -
	       loop_now_ms(breaker->loop);
}

int64_t breaker_hold(struct breaker *breaker, int64_t pause_ms)
{
	int64_t most_ms = breaker->platform->retry_after_max_ms;

	if (pause_ms > most_ms)
		pause_ms = most_ms;
	if (loop_now_ms(breaker->loop) + pause_ms > breaker->hold_ms)
		breaker->hold_ms = loop_now_ms(breaker->loop) + pause_ms;
	return pause_ms;
}

bool breaker_well(struct breaker *breaker)
{
	int64_t down_ms = loop_now_ms(breaker->loop) - breaker->since_ms;

	breaker->failures = 0;
	breaker->failed_id[0] = '\0';
	if (breaker->health == OUTBOX_UP)
		return false;
	log_notice(LOGC_PLATFORM, breaker->platform->name, "platform_up",
		LOG_FIELDS(LOG_INT("seconds", down_ms / 1000)), "platform takes texts again");
	set_health(breaker, OUTBOX_UP, "");
	return true;
}

void breaker_badly(
	struct breaker *breaker, const char *message_id, size_t flying, const char *reason)
{
	int64_t now_ms = loop_now_ms(breaker->loop);

	snprintf(breaker->failed_id, sizeof breaker->failed_id, "%s", message_id);
	if (breaker->health == OUTBOX_ACCOUNT) {
		breaker->probe_ms = now_ms + breaker->platform->account_ms;
		return;
	}
	/* What was sent before it went down does not make the pause longer. */
	if (breaker->health == OUTBOX_UP || flying == 0)
		breaker->failures++;
	if (breaker->failures < DOWN_AFTER)
		return;
	breaker->probe_ms = now_ms + breaker_backoff_ms(breaker, breaker->failures - DOWN_AFTER);
	if (breaker->health == OUTBOX_DOWN)
		return;
	set_health(breaker, OUTBOX_DOWN, reason);
	log_warning(LOGC_PLATFORM, breaker->platform->name, "platform_down",
		LOG_FIELDS(LOG_STR("reason", breaker->reason)),
		"platform does not take texts: they are kept and tried on");
}

void breaker_account(struct breaker *breaker, const char *reason)
{
	breaker->probe_ms = loop_now_ms(breaker->loop) + breaker->platform->account_ms;
	if (breaker->health == OUTBOX_ACCOUNT && strcmp(breaker->reason, reason) == 0)
		return;
	set_health(breaker, OUTBOX_ACCOUNT, reason);
	log_error(LOGC_PLATFORM, breaker->platform->name, "platform_account",
		LOG_FIELDS(LOG_STR("reason", breaker->reason)),
		"platform refuses the account: %s; everything is kept",
		breaker->kind->advice(breaker->reason));
}

int64_t breaker_backoff_ms(struct breaker *breaker, unsigned tries)
{
	int64_t most_ms = breaker->platform->retry_max_ms;
	if (breaker->platform->retry_every_ms > 0)
		return breaker->platform->retry_every_ms;
	int64_t pause_ms = (int64_t)BACKOFF_MS << (tries < DOUBLINGS_MAX ? tries : DOUBLINGS_MAX);

	if (pause_ms > most_ms)
		pause_ms = most_ms;
	breaker->seed ^= breaker->seed << 13;
	breaker->seed ^= breaker->seed >> 17;
	breaker->seed ^= breaker->seed << 5;
	return pause_ms - pause_ms / 5 + breaker->seed % (uint32_t)(2 * (pause_ms / 5) + 1);
}
