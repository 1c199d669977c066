/* luat.c - Luat (AirM2M) Air720, Air724, Air780 (LTE). What was seen on Air780E; TS 27.007. */
#include <stddef.h>

#include "modem/driver.h"

extern const struct modem_driver driver_luat;

AT_SCRIPT(init,
	MODEM_BEGIN,
	AT_TRY("+CSDT=1"), /* card codes, where the pin is wired */
	MODEM_RADIO_ON);

AT_SCRIPT(card, MODEM_WHOSE_CARD, MODEM_CODES_LTE, MODEM_OWN_NUMBER);

AT_SCRIPT(poll, MODEM_LOOK, MODEM_NETWORK_LTE);

AT_SCRIPT(tries, AT_GET("+CPINR", "+CPINR", modem_on_pin_tries)); /* TS 27.007 8.65 */

AT_SCRIPT(radio, AT_SLOW("+CFUN=0", 15000), AT_SLOW("+CFUN=1", 15000)); /* 10 s to the card */

AT_SCRIPT(restart, AT_SLOW("+CFUN=1,1", 15000));

/* +CPIN as a code ends in the card holder's number: "+CPIN: SIM REMOVED 0". */
static const struct at_urc urcs[] = {
	{ "RDY", modem_on_restart },
	{ "+NO Service", modem_on_noise }, /* codes without a colon */
	{ "+E_UTRAN Service", modem_on_noise },
	{ "+CIEV: \"SMSFULL\"", modem_on_sms_full },
	{ "+CIEV", modem_on_noise },
	{ "+NITZ", modem_on_noise },
	{ "^MODE", modem_on_noise },
	{ NULL, NULL },
};

static const char *const iccid[] = { "+ICCID", "+CCID", MODEM_ICCID_FILE, NULL };

static const char *const cnmi[] = { "+CNMI=2,1,0,0,0", "+CNMI=1,1,0,0,0", "+CNMI=2,1", NULL };

const struct modem_driver driver_luat = {
	.name = "luat",
	.about = "Luat Air720, Air724, Air780 (LTE)",
	.models = (const char *const[]) { "AirM2M", "Luat", "Air2", "Air7", "Air8", NULL },
	.scripts = { .init = &init,
		.card = &card,
		.poll = &poll,
		.tries = &tries,
		.radio = &radio,
		.restart = &restart },
	.urcs = urcs,
	.iccid = iccid,
	.cnmi = cnmi,
	.timing = { .boot_ms = 10000, .sim_ready_ms = 20000, .pin_ms = 2000, .gap_ms = 0 },
};
