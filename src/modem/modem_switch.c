/* modem_switch.c - a bank puts another card into a modem: off the list, read, let go, looked at. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "modem/modem_impl.h"

/* ---- off the list --------------------------------------------------------------------------- */

bool modem_held(const struct modem *modem)
{
	return modem->held[0] != '\0';
}

static void set_held(struct modem *modem, const char *why)
{
	bool held = modem_held(modem);

	snprintf(modem->held, sizeof modem->held, "%s", why);
	if (held == modem_held(modem))
		return;
	modem->held_read = 0;
	modem->held_wish = 0;
	modem_update_online(modem);
	if (!held)
		modem_sweep(modem);
}

void modem_hold(struct modem *modem, const char *why)
{
	modem->switching = true;
	set_held(modem, why);
}

void modem_release(struct modem *modem, const char *why)
{
	modem->switching = false;
	set_held(modem, why);
}

bool modem_withdrawn(const struct modem *modem)
{
	return modem_held(modem) && modem->pending == 0 && !modem->online &&
	       !loop_timer_active(&modem->store_timer);
}

/* ---- its texts ------------------------------------------------------------------------------ */

bool modem_storing(const struct modem *modem)
{
	for (size_t i = 0; i < modem->sms.count; i++)
		if (modem->sms.entries[i]->storing)
			return true;
	return modem_direct_waits(modem);
}

/* Texts that are to be deleted. */
static bool holds(const struct modem *modem)
{
	for (size_t i = 0; i < modem->sms.count; i++)
		if (!modem->sms.entries[i]->deleted)
			return true;
	return false;
}

bool modem_emptied(const struct modem *modem)
{
	const struct modem_sms *sms = &modem->sms;
	unsigned all = (1U << sms->memory_count) - 1;

	if (modem_storing(modem))
		return false;
	if (modem->fsm.state == MODEM_SIM)
		return modem->settled && at_idle(&modem->at) && !modem->card_id[0];
	if (modem->fsm.state != MODEM_REGISTER && modem->fsm.state != MODEM_READY)
		return false;
	return modem_setup_done(modem) && at_idle(&modem->at) && !holds(modem) && !sms->wanted &&
	       sms->delete_failures == 0 && !loop_timer_active(&modem->retry_timer) &&
	       (modem->held_read & all) == all;
}

/* ---- the other card ------------------------------------------------------------------------- */

int modem_let_go(struct modem *modem)
{
	if (modem->dead || !modem->open || !modem->driver)
		return -ENOTCONN;
	fsm_post(&modem->fsm, EV_LET_GO, 0);
	return modem->fsm.state == MODEM_SWITCH ? 0 : -ENOTCONN;
}

void modem_take_card(struct modem *modem, bool hard)
{
	if (modem->fsm.state == MODEM_SWITCH)
		fsm_post(&modem->fsm, EV_TAKE, hard);
}

void modem_switch_enter(struct fsm *fsm)
{
	modem_rest_channel(fsm->owner);
}

/* What it looks at then is read as at every start: which card, its number, its texts. */
static void look_anew(struct modem *modem, bool hard)
{
	const struct modem_scripts *scripts = &modem->driver->scripts;
	bool blind = modem->driver->quirks & QUIRK_NO_HOTSWAP;

	if (scripts->restart && (hard || blind || !scripts->radio))
		modem->recovery.step = RECOVERY_RESTART;
	else if (scripts->radio)
		modem->recovery.step = RECOVERY_RADIO;
	else
		modem->recovery.step = RECOVERY_REINIT;
	modem->held_read = 0;
	modem->pin.iccid[0] = '\0'; /* of the card that left */
	fsm_go(&modem->fsm, modem->recovery.step == RECOVERY_REINIT ? MODEM_PROBE : MODEM_RECOVER,
		"looks at the card that its bank put in");
}

void modem_switch_event(struct fsm *fsm, int event, int value)
{
	struct modem *modem = fsm->owner;

	if (event == EV_STOP)
		fsm_go(fsm, MODEM_OFF, "stopped");
	else if (event == EV_LOST)
		modem_lost(modem);
	else
		look_anew(modem, event == EV_TAKE && value);
}

enum modem_card modem_card(const struct modem *modem, char out[STORE_CARD_SIZE])
{
	if (modem->fsm.state == MODEM_REGISTER || modem->fsm.state == MODEM_READY) {
		snprintf(out, STORE_CARD_SIZE, "%s", modem->card_id);
		return MODEM_CARD_IN;
	}
	if (modem->fsm.state != MODEM_SIM)
		return MODEM_CARD_UNKNOWN;
	if (modem->pin.iccid[0] && strncmp(modem->sim_state, "SIM P", 5) == 0) {
		snprintf(out, STORE_CARD_SIZE, "%s", modem->pin.iccid);
		return MODEM_CARD_IN;
	}
	return strcmp(modem->fsm.why, "no card") == 0 ||
			       strncmp(modem->sim_state, "NOT INSERTED", 12) == 0
		       ? MODEM_CARD_NONE
		       : MODEM_CARD_UNKNOWN;
}
