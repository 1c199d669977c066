/* generic.c - any modem that keeps to 3GPP TS 27.007 and 27.005; what families build on. */
#include <stddef.h>

#include "modem/driver.h"

extern const struct modem_driver driver_generic;

AT_SCRIPT(init, AT_TRY("V1"), MODEM_BEGIN);

AT_SCRIPT(card, MODEM_WHOSE_CARD, MODEM_CODES_LTE, MODEM_OWN_NUMBER);

AT_SCRIPT(poll, MODEM_LOOK, MODEM_NETWORK_LTE);

AT_SCRIPT(tries, AT_GET("+CPINR", "+CPINR", modem_on_pin_tries)); /* TS 27.007 8.65 */

AT_SCRIPT(radio, AT_SLOW("+CFUN=4", 15000), AT_SLOW("+CFUN=1", 15000)); /* 0 may be a sleep mode */

AT_SCRIPT(restart, AT_SLOW("+CFUN=1,1", 15000));

static const struct at_urc urcs[] = {
	{ "RDY", modem_on_restart },
	{ "^SYSSTART", modem_on_restart },
	{ "MODEM:STARTUP", modem_on_restart },
	{ "*ATREADY", modem_on_restart },
	{ "+AT: READY", modem_on_restart },
	{ "SMS Ready", modem_on_sms_ready },
	{ "SMS DONE", modem_on_sms_ready },
	{ "+QIND: SMS DONE", modem_on_sms_ready },
	{ "+KSUP", modem_on_restart }, /* Sierra HiLo, by itself when its card is changed */
	{ "+SIM:", modem_on_cpin_urc },
	{ "MEMORY FULL", modem_on_sms_full },
	{ NULL, NULL },
};

/* Each family has its own command. */
static const char *const iccid[] = { "+CCID", "+QCCID", "+ICCID", "^ICCID?", "+CICCID", "#CCID",
	"^SCID", "+ZGETICCID", MODEM_ICCID_FILE, NULL };

/* Class 0 texts come as +CMT in every mode; mode 2 is refused by many that offer it. */
static const char *const cnmi[] = { "+CNMI=2,1,0,0,0", "+CNMI=1,1,0,0,0", "+CNMI=2,1,0,0,1",
	"+CNMI=2,1,0,2,0", "+CNMI=2,1", "+CNMI=1,1", NULL };

const struct modem_driver driver_generic = {
	.name = "generic",
	.about = "any modem that keeps to 3GPP TS 27.005 and 27.007",
	.scripts = { .init = &init,
		.card = &card,
		.poll = &poll,
		.tries = &tries,
		.radio = &radio,
		.restart = &restart },
	.urcs = urcs,
	.iccid = iccid,
	.cnmi = cnmi,
	.timing = { .boot_ms = 20000, .sim_ready_ms = 30000, .pin_ms = 3000, .gap_ms = 0 },
};
