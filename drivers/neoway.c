/* neoway.c - Neoway M590, M660 (2G), N720, N75 (LTE). M590 AT Command Sets V3.0, Neo_M660 AT
 * Command Set V3.9. */
#include <stddef.h>

#include "modem/driver.h"

extern const struct modem_driver driver_neoway;

AT_SCRIPT(init,
	MODEM_BEGIN,
	MODEM_RADIO_ON);

AT_SCRIPT(card, MODEM_WHOSE_CARD, MODEM_CODES_LTE, MODEM_OWN_NUMBER);

AT_SCRIPT(poll, MODEM_LOOK, MODEM_NETWORK_LTE);

AT_SCRIPT(tries, AT_GET("+CPINR", "+CPINR", modem_on_pin_tries)); /* TS 27.007 8.65 */

AT_SCRIPT(radio, AT_SLOW("+CFUN=0", 15000), AT_SLOW("+CFUN=1", 15000));

AT_SCRIPT(restart, AT_SLOW("+CFUN=15", 15000)); /* up to a minute to +PBREADY */

static const struct at_urc urcs[] = {
	{ "MODEM:STARTUP", modem_on_restart },
	{ "+PBREADY", modem_on_sms_ready },
	{ "+EUSIM", modem_on_cpin_urc }, /* which kind of card */
	{ "MEMORY FULL", modem_on_sms_full },
	{ NULL, NULL },
};

static const char *const iccid[] = { "+CCID", "+ICCID", MODEM_ICCID_FILE, NULL };

static const char *const cnmi[] = { "+CNMI=2,1,0,0,0", "+CNMI=1,1,0,0,0", "+CNMI=2,1", NULL };

const struct modem_driver driver_neoway = {
	.name = "neoway",
	.about = "Neoway M590, M660 (2G), N720, N75 (LTE)",
	.models = (const char *const[]) { "Neoway", "M590", "M660", "M680", "N720", "N723", "N75",
		"N58", "WM620", NULL },
	.scripts = { .init = &init,
		.card = &card,
		.poll = &poll,
		.tries = &tries,
		.radio = &radio,
		.restart = &restart },
	.urcs = urcs,
	.iccid = iccid,
	.cnmi = cnmi,
	.timing = { .boot_ms = 20000, .sim_ready_ms = 30000, .pin_ms = 2000, .gap_ms = 20 },
	.quirks = QUIRK_LIST_BY_NAME,
};
