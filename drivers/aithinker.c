/* aithinker.c - Ai-Thinker A6, A7, A9 (2G). Ai-Thinker GPRS modules AT command set; what was seen.
 */
#include <stddef.h>

#include "modem/driver.h"

extern const struct modem_driver driver_aithinker;

AT_SCRIPT(init,
	MODEM_BEGIN,
	MODEM_RADIO_ON);

AT_SCRIPT(card, MODEM_WHOSE_CARD, MODEM_CODES_GSM, MODEM_OWN_NUMBER);

AT_SCRIPT(poll, MODEM_LOOK, MODEM_NETWORK_GSM);

AT_SCRIPT(tries, AT_GET("+CPINR", "+CPINR", modem_on_pin_tries)); /* TS 27.007 8.65 */

AT_SCRIPT(radio, AT_SLOW("+CFUN=0", 15000), AT_SLOW("+CFUN=1", 15000));

AT_SCRIPT(restart, AT_SLOW("+RST=1", 10000));

/* The indicators of TS 27.007 8.10 have names here, and come all the time. */
static const struct at_urc urcs[] = {
	{ "READY", modem_on_restart },
	{ "^CINIT: 8", modem_on_sms_ready }, /* parts of the card's content, one by one */
	{ "^CINIT: 16", modem_on_sms_ready },
	{ "^CINIT", modem_on_noise },
	{ "+CIEV: \"SMSFULL\"", modem_on_sms_full },
	{ "+CIEV: \"MESSAGE\"", modem_on_sms_ready },
	{ "+CIEV", modem_on_noise },
	{ "^STN", modem_on_noise },
	{ NULL, NULL },
};

/* "+SCID: SIM Card ID: 89..." */
static const char *const iccid[] = { "+CCID", "+SCID", MODEM_ICCID_FILE, NULL };

static const char *const cnmi[] = { "+CNMI=2,1,0,0,0", "+CNMI=1,1,0,0,0", "+CNMI=0,1,1,0,0", NULL };

const struct modem_driver driver_aithinker = {
	.name = "aithinker",
	.about = "Ai-Thinker A6, A7, A9 (2G)",
	.models = (const char *const[]) { "Ai Thinker", "Ai-Thinker", "A6", "A7", "A9", NULL },
	.scripts = { .init = &init,
		.card = &card,
		.poll = &poll,
		.tries = &tries,
		.radio = &radio,
		.restart = &restart },
	.urcs = urcs,
	.iccid = iccid,
	.cnmi = cnmi,
	.timing = { .boot_ms = 10000, .sim_ready_ms = 20000, .pin_ms = 2000, .gap_ms = 50 },
};
