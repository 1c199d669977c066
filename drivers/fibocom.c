/* fibocom.c - Fibocom G510 (2G), H330 (3G), L610, L716, NL668, FM101, MA510 (LTE). Fibocom AT
 * Commands User Manuals of G510 and L610. */
#include <stddef.h>

#include "modem/driver.h"

extern const struct modem_driver driver_fibocom;

AT_SCRIPT(init,
	MODEM_BEGIN,
	AT_TRY("+MSMPD=1"), /* card codes */
	MODEM_RADIO_ON);

AT_SCRIPT(card, MODEM_WHOSE_CARD, MODEM_CODES_LTE, MODEM_OWN_NUMBER);

AT_SCRIPT(poll, MODEM_LOOK, MODEM_NETWORK_LTE);

AT_SCRIPT(tries, AT_GET("+TPIN?", "+TPIN", modem_on_pin_tries));

AT_SCRIPT(radio, AT_SLOW("+CFUN=4", 15000), AT_SLOW("+CFUN=1", 15000));

AT_SCRIPT(restart, AT_SLOW("+CFUN=15", 15000));

static const struct at_urc urcs[] = {
	{ "+SIM READY", modem_on_cpin_urc },
	{ "+SIM DROP", modem_on_cpin_urc },
	{ "SMS FULL", modem_on_sms_full },
	{ "MEMORY FULL", modem_on_sms_full },
	{ NULL, NULL },
};

static const char *const iccid[] = { "+ICCID", "+CCID", MODEM_ICCID_FILE, NULL };

static const char *const cnmi[] = { "+CNMI=2,1,0,0,0", "+CNMI=1,1,0,0,0", "+CNMI=2,1", NULL };

const struct modem_driver driver_fibocom = {
	.name = "fibocom",
	.about = "Fibocom G510 (2G), L610, L716, NL668, FM101, MA510 (LTE)",
	.models = (const char *const[]) { "Fibocom", "G510", "H330", "L610", "L716", "L850", "L860",
		"NL668", "NL678", "FM101", "FM135", "FM150", "MA510", NULL },
	.scripts = { .init = &init,
		.card = &card,
		.poll = &poll,
		.tries = &tries,
		.radio = &radio,
		.restart = &restart },
	.urcs = urcs,
	.iccid = iccid,
	.cnmi = cnmi,
	.timing = { .boot_ms = 20000, .sim_ready_ms = 20000, .pin_ms = 2000, .gap_ms = 0 },
	.interfaces = (const int8_t[]) { 1, 2, 0, -1 },
};
