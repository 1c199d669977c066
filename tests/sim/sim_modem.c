/* sim_modem.c - one simulated modem: its card, its network, its coming and going. */
#include "sim.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	AWAY_LEAST_US = 150000, /* a USB device that goes is not back before */
	LEAVE_US = 50000,       /* and goes so long after it said OK */
};

int64_t sim_now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

uint32_t sim_random(struct sim_world *world)
{
	world->random ^= world->random << 13;
	world->random ^= world->random >> 7;
	world->random ^= world->random << 17;
	return (uint32_t)(world->random >> 16);
}

bool sim_modem_sim_ready(const struct sim_modem *modem)
{
	return modem->sim_in && !modem->sim_stale && !modem->sim_locked && modem->set.cfun != 0;
}

int sim_modem_stat(const struct sim_modem *modem)
{
	bool on_air = modem->set.cfun == 1 && !modem->set.off_air;

	return sim_modem_sim_ready(modem) && on_air ? modem->network : 0;
}

/* ---- turns ---------------------------------------------------------------------------------- */

void sim_modem_activate(struct sim_modem *modem)
{
	struct sim_world *world = modem->world;

	if (modem->active_at >= 0)
		return;
	modem->active_at = (int)world->active_count;
	world->active[world->active_count++] = modem;
}

static void deactivate(struct sim_modem *modem)
{
	struct sim_world *world = modem->world;
	struct sim_modem *last;

	if (modem->active_at < 0)
		return;
	last = world->active[--world->active_count];
	world->active[modem->active_at] = last;
	last->active_at = modem->active_at;
	modem->active_at = -1;
}

static int64_t sooner(int64_t a, int64_t b)
{
	return a < 0 || (b >= 0 && b < a) ? b : a;
}

static int64_t modem_turn(struct sim_modem *modem, int64_t now_us)
{
	int64_t wait_us = sim_boot_turn(modem, now_us);

	wait_us = sooner(wait_us, sim_direct_turn(modem, now_us));
	for (unsigned i = 0; i < modem->world->interfaces; i++)
		wait_us = sooner(wait_us, sim_channel_turn(&modem->channels[i], now_us));
	return wait_us;
}

int64_t sim_world_turn(struct sim_world *world)
{
	int64_t now_us, least = -1;

	if (world->active_count == 0)
		return -1;
	now_us = sim_now_us();
	for (unsigned i = world->active_count; i-- > 0;) {
		struct sim_modem *modem = world->active[i];
		int64_t wait_us = modem_turn(modem, now_us);
		if (wait_us < 0)
			deactivate(modem);
		else
			least = sooner(least, wait_us);
	}
	return least;
}

/* ---- card and network ----------------------------------------------------------------------- */

/* " 2,5,\"00A1\",\"0F00\",7" and shorter, by mode and profile. */
static void say_reg(struct sim_modem *modem, const char *name, uint8_t mode, int stat)
{
	const struct sim_profile *profile = modem->profile;
	const char *quote = profile->creg_bare ? "" : "\"";
	char head[32], act[16] = "";

	if (stat == 1 && profile->creg_home && strcmp(name, "+CREG") == 0)
		stat = profile->creg_home;
	snprintf(head, sizeof(head), "%s: %d", name, stat);
	if (profile->act > 0)
		snprintf(act, sizeof(act), ",%d", profile->act);
	if (mode == 1 || stat == 0)
		sim_code(modem, "%s", head);
	else
		sim_code(modem, "%s,%s00A1%s,%s%04X%s%s", head, quote, quote, quote,
			0x0f00u + modem->index, quote, act);
}

void sim_modem_announce(struct sim_modem *modem)
{
	static const char *const names[] = { "+CREG", "+CGREG", "+CEREG" };
	const uint8_t modes[] = { modem->set.creg, modem->set.cgreg, modem->set.cereg };
	int stat = sim_modem_stat(modem);

	if (stat == modem->stat_said)
		return;
	modem->stat_said = stat;
	for (int i = 0; i < 3; i++)
		if (modes[i] > 0)
			say_reg(modem, names[i], modes[i], stat);
}

/* What the module says of a card that comes or goes, if it looks at all. */
void sim_modem_set_card(struct sim_modem *modem, bool in)
{
	const struct sim_profile *profile = modem->profile;
	bool says = profile->card_enable ? modem->set.card_codes : !modem->set.quiet;

	if (modem->sim_in != in || in) {
		modem->sim_stale = profile->no_hotswap && modem->plugged;
		modem->sim_locked = modem->card->pin[0] != '\0';
	}
	modem->sim_in = in;
	modem->card->holder = modem;
	modem->full_said = false;
	if (says)
		sim_say(modem, in ? profile->card_in : profile->card_out);
	sim_modem_announce(modem);
	sim_pump(modem);
}

/* ---- coming and going ----------------------------------------------------------------------- */

int sim_modem_plug(struct sim_modem *modem)
{
	if (modem->plugged)
		return -EALREADY;
	modem->plugged = true;
	sim_fault_cure(modem, SIM_CURE_PLUG);
	modem->times.back_us = 0;
	sim_boot_settings(modem);
	for (unsigned i = 0; i < modem->world->interfaces; i++) {
		int rc = sim_channel_open(&modem->channels[i]);
		if (rc < 0)
			return rc;
	}
	return 0;
}

void sim_modem_unplug(struct sim_modem *modem)
{
	if (!modem->plugged)
		return;
	for (unsigned i = 0; i < modem->world->interfaces; i++)
		sim_channel_close(&modem->channels[i]);
	modem->plugged = false;
	modem->times = (struct sim_times) { .reboot_us = modem->times.reboot_us };
	deactivate(modem);
}

void sim_modem_away(struct sim_modem *modem, int64_t us)
{
	sim_modem_unplug(modem);
	modem->times.back_us = sim_now_us() + (us > AWAY_LEAST_US ? us : AWAY_LEAST_US);
	sim_modem_activate(modem);
}

void sim_world_permute(struct sim_world *world, unsigned gap_ms)
{
	for (unsigned i = 0; i < world->count; i++)
		sim_modem_unplug(&world->modems[i]);
	for (unsigned i = world->count; i-- > 1;) {
		struct sim_modem *a = &world->modems[i];
		struct sim_modem *b = &world->modems[sim_random(world) % i]; /* never itself */
		unsigned tty = a->tty;
		a->tty = b->tty;
		b->tty = tty;
	}
	for (unsigned i = 0; i < world->count; i++)
		sim_modem_away(&world->modems[i], (int64_t)gap_ms * 1000);
}

/* A restart by command: on the same line, or as a USB device that goes. */
static void restart(struct sim_modem *modem)
{
	if (!modem->profile->leaves) {
		sim_boot(modem);
		return;
	}
	modem->times.leave_us = modem->times.at_us = sim_now_us() + LEAVE_US;
	sim_modem_activate(modem);
}

void sim_modem_after(struct sim_modem *modem)
{
	const struct sim_profile *profile = modem->profile;
	bool reboot = modem->reboot_after, radio = modem->radio_after, off = modem->off_after;

	for (unsigned i = 0; i < modem->note_count; i++)
		sim_code(modem, "%s", modem->notes[i]);
	modem->note_count = 0;
	modem->reboot_after = modem->radio_after = modem->off_after = false;
	if (reboot) {
		restart(modem);
	} else if (off) {
		if (profile->off_code && modem->set.cfun == 1) /* and not asleep */
			sim_code(modem, "%s", profile->off_code);
		modem->faults.silent = true; /* until it is started again */
	} else if (radio) {
		if (modem->set.cfun == 1 && !modem->set.off_air)
			sim_fault_cure(modem, SIM_CURE_RADIO);
		if (modem->sim_in)
			sim_say(modem,
				modem->set.cfun == 1 ? profile->radio_on : profile->radio_off);
		sim_modem_announce(modem);
	}
	sim_direct_pump(modem);
	sim_pump(modem);
}

void sim_modem_clear(struct sim_modem *modem)
{
	modem->faults = (struct sim_faults) { 0 };
	modem->times.reboot_us = modem->times.storm_us = 0;
	for (unsigned i = 0; i < modem->world->interfaces; i++) {
		struct sim_channel *channel = &modem->channels[i];
		channel->held_until_us = channel->next_tx_us = 0;
		channel->listing = false;
	}
	sim_direct_pump(modem);
	sim_pump(modem);
}

/* ---- the first time ------------------------------------------------------------------------- */

/* 15 digits with their check digit (TS 23.003 6.2.1). */
static void put_imei(unsigned serial, char imei[16])
{
	unsigned sum = 0;

	snprintf(imei, 16, "35209900%06u", serial % 1000000);
	for (int i = 0; i < 14; i++) {
		unsigned d = (unsigned)(imei[i] - '0') * (i % 2 ? 2u : 1u);
		sum += d / 10 + d % 10;
	}
	imei[14] = (char)('0' + (10 - sum % 10) % 10);
	imei[15] = '\0';
}

static int make_channels(struct sim_modem *modem)
{
	unsigned count = modem->world->interfaces;

	modem->channels = calloc(count, sizeof(*modem->channels));
	if (!modem->channels)
		return -ENOMEM;
	for (unsigned i = 0; i < count; i++) {
		modem->channels[i].modem = modem;
		modem->channels[i].interface = i;
		modem->channels[i].master = modem->channels[i].slave = -1;
	}
	return 0;
}

int sim_modem_init(struct sim_world *world, unsigned index, struct sim_modem *modem)
{
	const struct sim_profile *profile = world->families[index % world->family_count];
	bool has_none = profile->stores && profile->me_size == 0;
	unsigned me_size =
		world->me_size < 0 || has_none ? profile->me_size : (unsigned)world->me_size;

	*modem = (struct sim_modem) {
		.world = world,
		.profile = profile,
		.index = index,
		.tty = index,
		.codes_on = world->codes_on,
		.active_at = -1,
		.sim_in = true,
		.network = 1,
		.card = sim_card_new(world, NULL),
	};
	if (!modem->card || make_channels(modem) < 0 || sim_store_init(&modem->me, me_size) < 0 ||
		sim_store_init(&modem->sr, profile->sr_size) < 0)
		return -ENOMEM;
	modem->card->holder = modem;
	modem->sim_locked = modem->card->pin[0] != '\0';
	snprintf(modem->name, sizeof(modem->name), "m%03u", index % 10000);
	put_imei(world->one_imei ? 0 : index, modem->imei);
	return sim_modem_plug(modem);
}

void sim_modem_done(struct sim_modem *modem)
{
	if (!modem->world)
		return;
	sim_modem_unplug(modem);
	sim_direct_done(modem);
	sim_store_done(&modem->me);
	sim_store_done(&modem->sr);
	for (unsigned i = 0; modem->channels && i < modem->world->interfaces; i++)
		free(modem->channels[i].tx);
	free(modem->channels);
}
