/* modem_trouble.c - a modem that does not serve: what is done about it, what is said, and when it
 * is well. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/tally.h"
#include "modem/modem_impl.h"

enum {
	DEAF_SWEEPS = 3,     /* sweeps that failed to come or to be good */
	NETWORK_MS = 600000, /* without registration: then the radio is switched off and on */
	HELD_MS = 60000,     /* the longest pause while it may not be reset */
	LINES_WIDTH = 400,   /* of AT lines in one line of the log */
	WORD_MAX = 4,        /* quoted values up to this, without a digit, are nobody's */
};

/* ---- the trouble of many -------------------------------------------------------------------- */

static bool in_alarm(const struct modem *modem)
{
	return modem->place && modem->place->held && modem->place->held(modem->place->arg);
}

enum log_level modem_level(const struct modem *modem, enum log_level usual)
{
	return in_alarm(modem) ? LOGL_DEBUG : usual;
}

/* A reset of many would not help, and loads the supply. A bank restarts the module itself. */
unsigned modem_barred(const struct modem *modem)
{
	if (modem->switching)
		return RECOVERY_RESETS | 1U << RECOVERY_RADIO;
	return in_alarm(modem) ? RECOVERY_RESETS : 0;
}

bool modem_has_turn(struct modem *modem)
{
	return !modem->place || !modem->place->turn ||
	       modem->place->turn(modem->place->arg, modem->fsm.why, sizeof modem->fsm.why);
}

/* ---- the last AT lines ---------------------------------------------------------------------- */

/* What may be in a log of any level: result codes and codes with a prefix, without what is quoted
 * in them. Other lines may be of a text's body. */
static void plain_line(const struct at_ring_line *from, char *out, size_t size)
{
	static const char *const words[] = { "OK", "ERROR", "RDY", "RING", "NO CARRIER",
		"COMMAND NOT SUPPORT", "TOO MANY PARAMETERS" };
	const char *at = from->line;
	bool known = from->dir == '>' || strchr("+^#*$%<", *at);
	size_t len = 0;

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		known = known || strcmp(words[i], at) == 0;
	if (!known) {
		snprintf(out, size, "(%zu bytes)", strlen(at));
		return;
	}
	while (*at && len + 8 < size) {
		const char *end = *at == '"' ? strchr(at + 1, '"') : NULL;
		if (*at == '"' && (!end || end - at - 1 > WORD_MAX ||
					  strcspn(at + 1, "0123456789") < (size_t)(end - at))) {
			len += (size_t)snprintf(out + len, size - len, "\"...\"");
			at = end ? end + 1 : "";
			continue;
		}
		out[len++] = *at++;
	}
	out[len] = '\0';
}

static void tell_lines(const struct modem *modem)
{
	char text[LINES_WIDTH + 4 * AT_RING_WIDTH] = "", line[AT_RING_WIDTH + 16];
	const struct at_ring_line *entry;
	size_t len = 0;

	for (unsigned n = AT_RING_LINES; n-- > 0;) {
		entry = at_ring(&modem->at, n);
		if (entry) {
			plain_line(entry, line, sizeof line);
			len += (size_t)snprintf(text + len, sizeof text - len, "%s%c %s",
				len ? " | " : "", entry->dir, line);
		}
		if (len == 0 || (n > 0 && len < LINES_WIDTH))
			continue;
		log_write(modem_level(modem, LOGL_NOTICE), LOGC_MODEM, modem->id, NULL, NULL,
			"last AT lines: %s", text);
		len = 0;
		text[0] = '\0';
	}
}

/* ---- the ladder ----------------------------------------------------------------------------- */

static unsigned offered(const struct modem *modem)
{
	const struct modem_scripts *scripts = modem->driver ? &modem->driver->scripts : NULL;
	unsigned bits = 0;

	if (scripts && scripts->radio)
		bits |= 1U << RECOVERY_RADIO;
	if (scripts && scripts->restart)
		bits |= 1U << RECOVERY_RESTART;
	if (modem->place && modem->place->usb_reset)
		bits |= 1U << RECOVERY_USB;
	if (modem->place && modem->place->power_cycle)
		bits |= 1U << RECOVERY_POWER;
	return bits;
}

static unsigned offered_now(const struct modem *modem)
{
	return offered(modem) & ~modem_barred(modem);
}

static void begin_trouble(struct modem *modem)
{
	struct recovery *recovery = &modem->recovery;

	if (!recovery->begun)
		recovery->begun_ms = loop_now_ms(modem->env->loop);
	recovery->begun = true;
	if (!recovery->told)
		tell_lines(modem);
	recovery->told = true;
}

/* What repeats is said the 1st, 2nd, 4th, 8th, ... time. */
static void tell_step(const struct modem *modem, int64_t pause_ms)
{
	const struct recovery *recovery = &modem->recovery;
	const char *name = recovery_step_name(recovery->step);
	unsigned n = recovery->count[recovery->step];
	long long pause_s = (long long)(pause_ms + 999) / 1000;

	tally_add(TALLY_RECOVERY, modem->id, name, NULL);
	if (recovery->step == RECOVERY_QUARANTINE)
		log_write(modem_level(modem, LOGL_ERROR), LOGC_MODEM, modem->id, "quarantined",
			LOG_FIELDS(LOG_INT("n", n), LOG_STR("reason", recovery->reason)),
			"%s; left alone for %lld s: %s", recovery->reason, pause_s,
			recovery_advice(recovery->cause));
	else if ((n & (n - 1)) == 0)
		log_write(modem_level(modem, LOGL_WARNING), LOGC_MODEM, modem->id, "recovery",
			LOG_FIELDS(LOG_STR("step", name), LOG_INT("n", n),
				LOG_STR("reason", recovery->reason)),
			"%s; next: %s, in %lld s", recovery->reason, name, pause_s);
}

void modem_fail(struct modem *modem, enum recovery_cause cause, const char *why)
{
	struct recovery *recovery = &modem->recovery;
	char reason[sizeof recovery->reason];
	int64_t pause_ms;

	snprintf(reason, sizeof reason, "%s", why);
	begin_trouble(modem);
	recovery_next(recovery, cause, offered_now(modem), modem->env->spans.quarantine, &pause_ms);
	if (modem_barred(modem) && pause_ms > HELD_MS) { /* it is seen when that is over */
		pause_ms = HELD_MS;
		recovery->quarantines = 0;
	}
	memcpy(recovery->reason, reason, sizeof reason);
	modem->deaf = modem->deaf || cause == CAUSE_DEAF;
	modem->looking = false;
	modem->until_ms = loop_now_ms(modem->env->loop) + pause_ms;
	if (recovery->step == RECOVERY_QUARANTINE)
		modem_rate_anew(modem);
	tell_step(modem, pause_ms);
	fsm_go(&modem->fsm, pause_ms ? MODEM_FAULT : MODEM_RECOVER, "%s%s",
		recovery->step == RECOVERY_QUARANTINE ? "quarantine: " : "", reason);
}

/* ---- by hand -------------------------------------------------------------------------------- */

int modem_reset(struct modem *modem, enum recovery_step step)
{
	bool script = step == RECOVERY_RADIO || step == RECOVERY_RESTART;
	bool place = step == RECOVERY_USB || step == RECOVERY_POWER;

	if (step != RECOVERY_REOPEN && !script && !place)
		return -EINVAL;
	if (modem->dead || (!place && modem_device_id(modem) == 0))
		return -ENODEV;
	if (modem->switching)
		return -EBUSY;
	if (script && (!modem->open || !modem->driver))
		return -ENOTCONN;
	if (step != RECOVERY_REOPEN && !(offered(modem) & 1U << step))
		return -EOPNOTSUPP;
	modem->recovery.count[step]++;
	tally_add(TALLY_RECOVERY, modem->id, recovery_step_name(step), NULL);
	log_notice(LOGC_MODEM, modem->id, "recovery",
		LOG_FIELDS(LOG_STR("step", recovery_step_name(step)),
			LOG_INT("n", modem->recovery.count[step]),
			LOG_STR("reason", "asked for by the operator")),
		"%s, asked for by the operator", recovery_step_name(step));
	fsm_post(&modem->fsm, EV_RESET, (int)step);
	return 0;
}

/* ---- looks ---------------------------------------------------------------------------------- */

void modem_look_well(struct modem *modem)
{
	struct recovery *recovery = &modem->recovery;

	if (modem->fsm.state != MODEM_READY || modem->sms.last_sweep_ms == 0 || modem->deaf)
		return;
	if (recovery->begun)
		log_write(modem_level(modem, LOGL_NOTICE), LOGC_MODEM, modem->id, "recovered",
			LOG_FIELDS(LOG_STR("step", recovery_step_name(recovery->step)),
				LOG_INT("took_s",
					(loop_now_ms(modem->env->loop) - recovery->begun_ms) /
						1000),
				LOG_STR("reason", recovery->reason)),
			"well again after %lld s; what helped: %s",
			(long long)(loop_now_ms(modem->env->loop) - recovery->begun_ms) / 1000,
			recovery_step_name(recovery->step));
	recovery_well(recovery);
}

/* What is on the list must be read. */
void modem_look_deaf(struct modem *modem)
{
	int64_t since_ms = modem->serving_ms, ran_ms;
	bool ready = modem->fsm.state == MODEM_READY ||
		     (modem->fsm.state == MODEM_REGISTER && modem_registered(modem));

	if (modem->sms.last_sweep_ms > since_ms)
		since_ms = modem->sms.last_sweep_ms;
	ran_ms = loop_ran_since(modem->env->loop, since_ms);
	if (!ready || ran_ms <= DEAF_SWEEPS * modem->env->spans.sweep)
		return;
	snprintf(modem->fsm.why, sizeof modem->fsm.why,
		"deaf: no good look at its texts for %lld s", (long long)ran_ms / 1000);
	fsm_post(&modem->fsm, EV_DEAF, 0);
}

/* Refused is refused: that is for the operator of the network to change. */
void modem_look_network(struct modem *modem)
{
	int64_t ran_ms = loop_ran_since(modem->env->loop, modem->fsm.since_ms);

	if (modem->fsm.state != MODEM_REGISTER || modem_registered(modem) ||
		modem->reg == REG_DENIED || ran_ms < NETWORK_MS ||
		!(offered_now(modem) & 1U << RECOVERY_RADIO) || !modem_has_turn(modem))
		return;
	modem_fail(modem, CAUSE_NETWORK, "not registered for 10 minutes");
}

/* A round of the ladder, another one after an hour: a new card must be seen meanwhile. */
bool modem_card_fails(struct modem *modem, const char *why)
{
	struct recovery *recovery = &modem->recovery;

	if (modem_barred(modem) || !modem_has_turn(modem))
		return false;
	if (loop_ran_since(modem->env->loop, modem->fsm.since_ms) > RECOVERY_QUARANTINE_MAX_MS)
		recovery_anew(recovery, false);
	if (!recovery_has_step(recovery, CAUSE_CARD, offered(modem)))
		return false;
	modem_fail(modem, CAUSE_CARD, why);
	return true;
}

void modem_card_over(struct modem *modem)
{
	if (modem->recovery.begun && modem->recovery.cause == CAUSE_CARD)
		recovery_well(&modem->recovery);
}

const char *modem_trouble(const struct modem *modem, char *buf, size_t size)
{
	const struct recovery *recovery = &modem->recovery;

	if (recovery->begun && recovery->reason[0] && modem->fsm.state != MODEM_OFF)
		snprintf(buf, size, "%s (%u): %s", recovery_step_name(recovery->step),
			recovery->count[recovery->step], recovery->reason);
	else
		snprintf(buf, size, "%s",
			modem->deaf        ? "deaf"
			: modem->switching ? ""
					   : modem->held);
	return buf;
}
