/* sim_boot.c - what a simulated module does by the clock: start up, chatter, start anew. */
#include "sim.h"

#include <string.h>

enum { STORM_US = 20000 };

static int64_t sooner(int64_t a, int64_t b)
{
	return a < 0 || (b >= 0 && b < a) ? b : a;
}

int64_t sim_boot_span_us(const struct sim_modem *modem, unsigned ms)
{
	return (int64_t)ms * 10 * modem->world->boot_percent;
}

/* 0 for no time at all, so that idle modems ask no clock. */
static int64_t after(const struct sim_modem *modem, int64_t now_us, unsigned ms)
{
	int64_t span_us = sim_boot_span_us(modem, ms);

	return span_us > 0 ? now_us + span_us : 0;
}

bool sim_boot_sms_busy(const struct sim_modem *modem)
{
	return modem->times.sms_us > 0 && sim_now_us() < modem->times.sms_us;
}

/* ---- words ---------------------------------------------------------------------------------- */

static bool fits(const struct sim_modem *modem, enum sim_when when)
{
	bool in = modem->sim_in;

	switch (when) {
	case SIM_ALWAYS: return true;
	case SIM_WITH_CARD: return in;
	case SIM_WITHOUT_CARD: return !in;
	case SIM_WITH_CARD_CIURC: return in && modem->set.ciurc;
	}
	return false;
}

void sim_say(struct sim_modem *modem, const struct sim_saying *sayings)
{
	for (; sayings && sayings->text; sayings++)
		if (fits(modem, sayings->when))
			sim_code(modem, "%s", sayings->text);
}

/* ---- start up ------------------------------------------------------------------------------- */

static void start_chatter(struct sim_modem *modem, int64_t now_us)
{
	const struct sim_chatter *chatter = modem->profile->chatter;

	for (int i = 0; chatter && chatter[i].text && i < SIM_CHATTER_MAX; i++)
		modem->times.chatter_us[i] = now_us + (int64_t)chatter[i].every_ms * 1000;
	if (chatter)
		sim_modem_activate(modem);
}

void sim_boot_settings(struct sim_modem *modem)
{
	const struct sim_world *world = modem->world;
	const struct sim_profile *profile = modem->profile;
	enum sim_memory memory = modem->me.size > 0 ? profile->memory : SIM_MEMORY_SM;
	bool kept = profile->card_kept && modem->set.card_codes;

	sim_direct_lost(modem);
	modem->set = (struct sim_settings) {
		.card_codes = profile->card_later ? modem->card_armed : kept,
		.ciurc = true,
		.cfun = 1,
		.memory = { memory, memory, memory },
	};
	modem->codes_on = world->codes_on;
	modem->sim_stale = modem->full_said = false;
	modem->sim_locked = modem->card->pin[0] != '\0';
	for (unsigned i = 0; i < world->interfaces; i++) {
		sim_channel_reset(&modem->channels[i], false);
		modem->channels[i].echo = world->echo != SIM_ECHO_OFF;
	}
	modem->stat_said = sim_modem_stat(modem);
	start_chatter(modem, sim_now_us());
}

void sim_boot(struct sim_modem *modem)
{
	const struct sim_profile *profile = modem->profile;
	int64_t now_us = sim_now_us(), reboot_us = modem->times.reboot_us;
	unsigned busy_ms = modem->faults.busy_ms;

	modem->faults.silent = modem->faults.silent_armed = false;
	sim_fault_cure(modem, SIM_CURE_RESTART);
	modem->times = (struct sim_times) {
		.booting = true,
		.boot_us = now_us,
		.at_us = after(modem, now_us, profile->at_ms),
		.sim_us = after(modem, now_us, profile->sim_ms),
		.sms_us = after(modem, now_us, profile->sms_ms),
		.reboot_us = reboot_us,
	};
	if (busy_ms > 0)
		modem->times.sms_us = now_us + (int64_t)busy_ms * 1000;
	sim_boot_settings(modem);
	sim_modem_activate(modem);
	sim_boot_turn(modem, now_us);
	sim_direct_pump(modem);
	sim_pump(modem);
}

/* The lines that are due; when it is all over, what waits at the network comes. */
static int64_t boot_turn(struct sim_modem *modem, int64_t now_us)
{
	const struct sim_saying *boot = modem->profile->boot;
	struct sim_times *times = &modem->times;
	int64_t due_us;

	if (!times->booting)
		return -1;
	for (; boot && boot[times->boot_line].text; times->boot_line++) {
		const struct sim_saying *line = &boot[times->boot_line];
		due_us = times->boot_us + sim_boot_span_us(modem, line->at_ms);
		if (due_us > now_us)
			return due_us - now_us;
		if (fits(modem, line->when))
			sim_code(modem, "%s", line->text);
	}
	if (times->sms_us > now_us)
		return times->sms_us - now_us;
	times->booting = false;
	sim_pump(modem);
	return -1;
}

/* ---- the rest ------------------------------------------------------------------------------- */

static int64_t chatter_turn(struct sim_modem *modem, int64_t now_us)
{
	const struct sim_chatter *chatter = modem->profile->chatter;
	int64_t wait_us = -1, *due_us = modem->times.chatter_us;

	if (modem->set.quiet || now_us < modem->times.at_us)
		return -1;
	for (int i = 0; chatter && chatter[i].text && i < SIM_CHATTER_MAX; i++) {
		if (modem->set.chatter_off[i] || due_us[i] == 0)
			continue;
		if (now_us >= due_us[i]) {
			sim_code(modem, "%s", chatter[i].text);
			due_us[i] = now_us + (int64_t)chatter[i].every_ms * 1000;
		}
		wait_us = sooner(wait_us, due_us[i] - now_us);
	}
	return wait_us;
}

static int64_t storm_turn(struct sim_modem *modem, int64_t now_us)
{
	struct sim_channel *channel = &modem->channels[0];

	if (!modem->faults.error_storm)
		return -1;
	if (now_us >= modem->times.storm_us) {
		if (channel->tx_at == channel->tx_len) /* whoever reads none of it has enough */
			sim_code(modem, "ERROR");
		modem->times.storm_us = now_us + STORM_US;
	}
	return modem->times.storm_us - now_us;
}

static int64_t reboot_turn(struct sim_modem *modem, int64_t now_us)
{
	int64_t every_us = (int64_t)modem->faults.reboot_every_ms * 1000;

	if (every_us == 0)
		return -1;
	if (now_us >= modem->times.reboot_us) {
		modem->times.reboot_us = now_us + every_us;
		for (unsigned i = 0; i < modem->world->interfaces; i++)
			sim_channel_reset(&modem->channels[i], true);
		sim_boot(modem);
	}
	return modem->times.reboot_us - now_us;
}

int64_t sim_boot_turn(struct sim_modem *modem, int64_t now_us)
{
	int64_t back_us = modem->times.back_us;
	int64_t wait_us;

	if (modem->times.leave_us > now_us)
		return modem->times.leave_us - now_us;
	if (modem->times.leave_us > 0) {
		sim_modem_away(modem, sim_boot_span_us(modem, modem->profile->away_ms));
		return modem->times.back_us - now_us;
	}
	if (!modem->plugged && back_us > now_us)
		return back_us - now_us;
	if (!modem->plugged && (back_us == 0 || sim_modem_plug(modem) < 0))
		return -1;
	if (back_us > 0)
		sim_boot(modem);
	wait_us = boot_turn(modem, now_us);
	wait_us = sooner(wait_us, reboot_turn(modem, now_us));
	wait_us = sooner(wait_us, storm_turn(modem, now_us));
	return sooner(wait_us, chatter_turn(modem, now_us));
}
