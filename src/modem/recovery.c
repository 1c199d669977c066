/* recovery.c - the ladder and the causes as tables, and the one function that reads them. */
#include "modem/recovery.h"

#include <string.h>

struct rung {
	const char *name;
	const char *asked; /* the operator's word for it; NULL: he has none */
	bool answers;      /* for a modem that answers only */
	bool optional;     /* not every family or place has it */
	uint8_t tries;     /* in a round, before the next rung */
	int wait_ms;       /* for its effect */
};

/* A module needs some time to be seen again after its USB port was reset or its power was off. */
static const struct rung rungs[RECOVERY_STEPS] = {
	[RECOVERY_RESYNC] = { "resync", NULL, false, false, 0, 0 },
	[RECOVERY_REOPEN] = { "reopen", "at", false, false, 5, 0 },
	[RECOVERY_REINIT] = { "reinit", NULL, true, false, 2, 0 },
	[RECOVERY_RADIO] = { "radio", "radio", true, true, 1, 0 },
	[RECOVERY_RESTART] = { "restart", "modem", true, true, 2, 5000 },
	[RECOVERY_USB] = { "usb", "usb", false, true, 2, 15000 }, /* the second is a stronger one */
	[RECOVERY_POWER] = { "power", "power", false, true, 1, 30000 },
	[RECOVERY_QUARANTINE] = { "quarantine", NULL, false, false, 0, 0 },
};

static const struct {
	bool answers;
	enum recovery_step first;
	const char *advice;
} causes[RECOVERY_CAUSES] = {
	[CAUSE_SILENT] = { false, RECOVERY_REOPEN,
		"check its power supply, its cable and the baud rate" },
	[CAUSE_OPEN_FAILS] = { false, RECOVERY_REOPEN,
		"check the device, its rights, and who else uses it" },
	[CAUSE_OPEN_HANGS] = { false, RECOVERY_QUARANTINE,
		"unplug the device or reset its USB port" },
	[CAUSE_HANGS_UP] = { false, RECOVERY_REOPEN, "check its cable, hub and power supply" },
	[CAUSE_RESTARTS] = { false, RECOVERY_QUARANTINE,
		"its supply may dip while it sends; a cable or a hub may be bad" },
	[CAUSE_REFUSES] = { true, RECOVERY_REOPEN,
		"power the module off and on; is it a modem of a known family?" },
	[CAUSE_DEAF] = { true, RECOVERY_REINIT, "check its card, power the module off and on" },
	[CAUSE_NETWORK] = { true, RECOVERY_RADIO, "check antenna and card" },
	[CAUSE_CARD] = { true, RECOVERY_RADIO, "take the card out and put it in, or replace it" },
};

/* Pauses before the 1st, 2nd, 3rd, ... step of a round. */
static const int64_t back_off_ms[] = { 1000, 2000, 5000, 10000, 30000, 60000 };

const char *recovery_step_name(enum recovery_step step)
{
	return rungs[step].name;
}

enum recovery_step recovery_step_asked(const char *word)
{
	int step = 0;

	while (step < RECOVERY_STEPS &&
		(!rungs[step].asked || strcmp(rungs[step].asked, word) != 0))
		step++;
	return (enum recovery_step)step;
}

int64_t recovery_wait_ms(enum recovery_step step)
{
	return rungs[step].wait_ms;
}

const char *recovery_advice(enum recovery_cause cause)
{
	return causes[cause].advice;
}

static bool may(
	const struct recovery *recovery, int step, enum recovery_cause cause, unsigned offered)
{
	const struct rung *rung = &rungs[step];

	return recovery->used[step] < rung->tries && (causes[cause].answers || !rung->answers) &&
	       (!rung->optional || offered & 1U << step);
}

bool recovery_has_step(const struct recovery *recovery, enum recovery_cause cause, unsigned offered)
{
	for (int step = causes[cause].first; step < RECOVERY_QUARANTINE; step++)
		if (may(recovery, step, cause, offered))
			return true;
	return false;
}

static int64_t back_off(struct recovery *recovery)
{
	size_t last = sizeof back_off_ms / sizeof back_off_ms[0] - 1;
	size_t n = recovery->pauses++;

	return back_off_ms[n < last ? n : last];
}

static int64_t quarantine(struct recovery *recovery, int64_t span_ms)
{
	int64_t most_ms =
		span_ms > RECOVERY_QUARANTINE_MAX_MS ? span_ms : RECOVERY_QUARANTINE_MAX_MS;

	for (unsigned n = recovery->quarantines++; n > 0 && span_ms < most_ms; n--)
		span_ms *= 2;
	memset(recovery->used, 0, sizeof recovery->used);
	recovery->pauses = 0;
	recovery->restarts = 0;
	return span_ms < most_ms ? span_ms : most_ms;
}

enum recovery_step recovery_next(struct recovery *recovery, enum recovery_cause cause,
	unsigned offered, int64_t quarantine_ms, int64_t *pause_ms)
{
	int step = causes[cause].first;

	recovery->by_us = false;
	recovery->cause = cause;
	while (cause != CAUSE_NETWORK && step < RECOVERY_QUARANTINE &&
		!may(recovery, step, cause, offered))
		step++;
	if (step == RECOVERY_QUARANTINE)
		*pause_ms = quarantine(recovery, quarantine_ms);
	else
		*pause_ms = cause == CAUSE_NETWORK ? 0 : back_off(recovery);
	if (cause != CAUSE_NETWORK && step != RECOVERY_QUARANTINE)
		recovery->used[step]++;
	recovery->count[step]++;
	recovery->step = (enum recovery_step)step;
	return recovery->step;
}

bool recovery_restarted(struct recovery *recovery, int64_t now_ms)
{
	unsigned size = RECOVERY_RESTARTS + 1;

	recovery->restarts_ms[recovery->restarts++ % size] = now_ms;
	return recovery->restarts >= size &&
	       now_ms - recovery->restarts_ms[recovery->restarts % size] <= RECOVERY_RESTARTS_MS;
}

void recovery_anew(struct recovery *recovery, bool after_quarantine)
{
	memset(recovery->used, 0, sizeof recovery->used);
	recovery->pauses = recovery->quarantines = 0;
	recovery->told = recovery->by_us = false;
	recovery->step = RECOVERY_REOPEN;
	recovery->reason[0] = '\0';
	if (after_quarantine)
		recovery->restarts = 0;
}

void recovery_well(struct recovery *recovery)
{
	recovery_anew(recovery, false);
	recovery->begun = false;
	memset(recovery->count, 0, sizeof recovery->count);
}
