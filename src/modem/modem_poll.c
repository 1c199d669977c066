/* modem_poll.c - looks at the card and the network of a modem at work: what they tell. */
#include <stdio.h>
#include <string.h>

#include "modem/modem_impl.h"

enum { POLL_FAILURES = 2 /* refusals to say how the card is: then it is looked at anew */ };

/* The poll's first command, AT+CPIN?, failed: does that mean that the card is gone? What is no
 * clear answer is asked for once more; a registration that nobody confirms is not one. */
static bool card_refused(struct modem *modem, const struct at_report *report)
{
	if ((report->result == AT_OK && modem->sim_state[0]) || report->step > 0) {
		modem->poll_failures = 0;
		return false;
	}
	if (modem_card_code(report) >= CME_NO_SIM && modem_card_code(report) <= CME_SIM_FAILURE)
		return true;
	loop_timer_start(&modem->poll_timer, MODEM_REGISTER_POLL_MS);
	return modem->card_doubted || ++modem->poll_failures >= POLL_FAILURES;
}

AT_SCRIPT(card_look, AT_GET("+CPIN?", "+CPIN", modem_on_cpin), MODEM_ASK_ICCID);
AT_SCRIPT(card_look_no_ok, MODEM_ASK_CPIN_NO_OK, MODEM_ASK_ICCID);

/* Whether this family says when a card comes or goes, or cannot see it before a restart. */
static bool announces_cards(const struct modem_driver *driver)
{
	for (const struct at_urc *urc = driver->urcs; urc->prefix; urc++)
		if (urc->fn == modem_on_cpin_urc)
			return true;
	return driver->quirks & QUIRK_NO_HOTSWAP;
}

void modem_sim_card_timer(void *arg)
{
	struct modem *modem = arg;

	modem->look_wanted = true;
	modem_work_soon(modem);
}

const struct at_script *modem_sim_poll(struct modem *modem)
{
	bool whole = modem->poll_wanted || modem->card_wanted;

	modem->card_doubted = modem->card_wanted;
	modem->poll_wanted = modem->card_wanted = modem->look_wanted = false;
	modem->seen_iccid[0] = modem->sim_state[0] = '\0';
	if (whole)
		return modem->driver->scripts.poll;
	return modem->driver->quirks & QUIRK_CPIN_NO_OK ? &card_look_no_ok : &card_look;
}

static void card_gone(struct modem *modem, const char *why)
{
	snprintf(modem->fsm.why, sizeof modem->fsm.why, "%s", why);
	fsm_post(&modem->fsm, EV_SIM_GONE, 0);
}

/* The card is there, and the network was asked. */
static void looked(struct modem *modem)
{
	if (!modem->stale)
		return;
	modem->stale = false;
	modem->settled = true;
	modem_update_online(modem);
	modem->env->changed(modem->env->arg, modem);
}

void modem_sim_polled(struct modem *modem, const struct at_report *report)
{
	if (modem->poll_cut == POLL_CUT) { /* it proves nothing: again, once the text is read */
		modem->poll_cut = POLL_AGAIN;
		modem->poll_wanted = true;
		return;
	}
	modem->poll_cut = POLL_WHOLE;
	if (modem->env->spans.card > 0 && modem->env->spans.card < modem->env->spans.poll &&
		!announces_cards(modem->driver))
		loop_timer_start(&modem->card_timer, modem->env->spans.card);
	if (card_refused(modem, report) ||
		(modem->sim_state[0] && strcmp(modem->sim_state, "READY") != 0)) {
		card_gone(modem, "card not ready");
	} else if (modem->seen_iccid[0] && strcmp(modem->seen_iccid, modem->iccid) != 0) {
		log_notice(LOGC_MODEM, modem->id, "sim_changed",
			LOG_FIELDS(
				LOG_CARD("from", modem->iccid), LOG_CARD("to", modem->seen_iccid)),
			"another card is in");
		card_gone(modem, "another card");
	} else if (modem->card_doubted && !modem->seen_iccid[0]) {
		card_gone(modem, "it may be another card");
	} else {
		fsm_post(&modem->fsm, EV_REG, 0);
		looked(modem);
	}
}
