/* sim5320.c - SIMCom SIM5320 and its like (3G). SIMCom SIM5320 AT command set; what was seen. */
#include <stddef.h>

#include "modem/driver.h"

extern const struct modem_driver driver_sim5320;

/* It talks much by itself: signal, system and time codes go off. */
AT_SCRIPT(init,
	MODEM_BEGIN,
	AT_TRY("+AUTOCSQ=0"), /* its "+CSQ:" would take the place of an answer */
	AT_TRY("+CNSMOD=0"),
	AT_TRY("+CTZR=0"),
	AT_TRY("+UIMHOTSWAPON=1"), /* card codes; the board gives the level */
	MODEM_RADIO_ON);

AT_SCRIPT(card, MODEM_WHOSE_CARD, MODEM_CODES_GSM, MODEM_OWN_NUMBER);

AT_SCRIPT(poll, MODEM_LOOK, MODEM_NETWORK_UMTS);

AT_SCRIPT(tries, AT_GET("+SPIC", "+SPIC", modem_on_pin_tries));

AT_SCRIPT(radio, AT_SLOW("+CFUN=0", 15000), AT_SLOW("+CFUN=1", 15000));

AT_SCRIPT(restart, AT_SLOW("+CRESET", 10000));

static const struct at_urc urcs[] = {
	{ "START", modem_on_restart },
	{ "RDY", modem_on_restart },
	{ "OPL UPDATING", modem_on_noise },
	{ "PNN UPDATING", modem_on_noise },
	{ "SMS DONE", modem_on_sms_ready },
	{ "CALL READY", modem_on_noise },
	{ "PB DONE", modem_on_noise },
	{ "+SIMCARD", modem_on_cpin_urc }, /* "NOT AVAILABLE", by AT+CFUN=0 as well */
	{ "SIM FULL", modem_on_sms_full },
	{ "UNDER-VOLTAGE", modem_on_brownout },
	{ "OVER-VOLTAGE", modem_on_brownout },
	{ "+STIN", modem_on_noise },
	{ "+NITZ", modem_on_noise },
	{ "+CNSMOD", modem_on_noise },
	{ NULL, NULL },
};

static const char *const iccid[] = { "+CICCID", "+CCID", MODEM_ICCID_FILE, NULL };

/* Mode 2 is offered and refused on use (seen). */
static const char *const cnmi[] = { "+CNMI=1,1,0,0,0", "+CNMI=2,1,0,0,0", "+CNMI=2,1", NULL };

const struct modem_driver driver_sim5320 = {
	.name = "sim5320",
	.about = "SIMCom SIM5320, SIM5360, SIM5216 (3G)",
	.models = (const char *const[]) { "SIM53", "SIM52", NULL },
	.scripts = { .init = &init,
		.card = &card,
		.poll = &poll,
		.tries = &tries,
		.radio = &radio,
		.restart = &restart },
	.urcs = urcs,
	.iccid = iccid,
	.cnmi = cnmi,
	.timing = { .boot_ms = 12000, .sim_ready_ms = 20000, .pin_ms = 2000, .gap_ms = 0 },
	.interfaces = (const int8_t[]) { 2, 3, 1, -1 },
};
