/* sim7600.c - SIMCom SIM7100, SIM7500, SIM7600, SIM7000 (LTE). SIM7500_SIM7600 Series AT Command
 * Manual; what was seen. */
#include <stddef.h>

#include "modem/driver.h"

extern const struct modem_driver driver_sim7600;

/* It talks much by itself: signal, system and time codes go off. */
AT_SCRIPT(init,
	MODEM_BEGIN,
	AT_TRY("+AUTOCSQ=0"), /* its "+CSQ:" would take the place of an answer */
	AT_TRY("+CNSMOD=0"),
	AT_TRY("+CTZR=0"),
	AT_TRY("+UIMHOTSWAPON=1"), /* card codes; the board gives the level */
	MODEM_RADIO_ON);

AT_SCRIPT(card, MODEM_WHOSE_CARD, MODEM_CODES_LTE, MODEM_OWN_NUMBER);

AT_SCRIPT(poll, MODEM_LOOK, MODEM_NETWORK_LTE);

AT_SCRIPT(tries, AT_GET("+SPIC", "+SPIC", modem_on_pin_tries));

AT_SCRIPT(radio, AT_SLOW("+CFUN=0", 15000), AT_SLOW("+CFUN=1", 15000));

AT_SCRIPT(restart, AT_SLOW("+CRESET", 10000));

static const struct at_urc urcs[] = {
	{ "RDY", modem_on_restart },
	{ "SMS DONE", modem_on_sms_ready },
	{ "PB DONE", modem_on_noise },
	{ "+SIMCARD", modem_on_cpin_urc }, /* "NOT AVAILABLE", by AT+CFUN=0 as well */
	{ "SIM FULL", modem_on_sms_full },
	{ "UNDER-VOLTAGE", modem_on_brownout },
	{ "OVER-VOLTAGE", modem_on_brownout },
	{ "+NITZ", modem_on_noise },
	{ "+CNSMOD", modem_on_noise },
	{ "+CGEV", modem_on_noise },
	{ NULL, NULL },
};

static const char *const iccid[] = { "+CICCID", "+CCID", MODEM_ICCID_FILE, NULL };

/* Mode 2 is offered and refused on use by some firmware (seen). */
static const char *const cnmi[] = { "+CNMI=2,1,0,0,0", "+CNMI=1,1,0,0,0", "+CNMI=2,1", NULL };

const struct modem_driver driver_sim7600 = {
	.name = "sim7600",
	.about = "SIMCom SIM7100, SIM7500, SIM7600, SIM7000, SIM7080 (LTE)",
	.models = (const char *const[]) { "SIM71", "SIM75", "SIM76", "SIM70", NULL },
	.scripts = { .init = &init,
		.card = &card,
		.poll = &poll,
		.tries = &tries,
		.radio = &radio,
		.restart = &restart },
	.urcs = urcs,
	.iccid = iccid,
	.cnmi = cnmi,
	.timing = { .boot_ms = 15000, .sim_ready_ms = 20000, .pin_ms = 2000, .gap_ms = 0 },
	.interfaces = (const int8_t[]) { 2, 3, -1 },
};
