/* generic.c - any modem that keeps to 3GPP TS 27.007 and 27.005; what families build on. */
#include <stddef.h>

#include "modem/driver.h"

extern const struct modem_driver driver_generic;

AT_SCRIPT(init,
	AT_CMD("E0"),
	AT_TRY("V1"),
	AT_TRY("+CMEE=1"),
	AT_ASK("+CGSN", "", modem_on_imei));

AT_SCRIPT(card,
	AT_ASK("+CIMI", "", modem_on_imsi),
	AT_ASK("+CNUM", "+CNUM", modem_on_cnum),
	AT_TRY("+CREG=1"),
	AT_TRY("+CEREG=1"),
	AT_TRY("+COPS=3,2"));

AT_SCRIPT(poll,
	AT_GET("+CPIN?", "+CPIN", modem_on_cpin),
	MODEM_ASK_ICCID,
	AT_ASK("+CSQ", "+CSQ", modem_on_csq),
	AT_ASK("+CREG?", "+CREG", modem_on_creg),
	AT_ASK("+CEREG?", "+CEREG", modem_on_creg),
	AT_ASK("+COPS?", "+COPS", modem_on_cops));

static const struct at_urc urcs[] = {
	{ "RDY", modem_on_restart },
	{ "^SYSSTART", modem_on_restart },
	{ "MODEM:STARTUP", modem_on_restart },
	{ "*ATREADY", modem_on_restart },
	{ "+AT: READY", modem_on_restart },
	{ "SMS Ready", modem_on_sms_ready },
	{ "SMS DONE", modem_on_sms_ready },
	{ "+QIND: SMS DONE", modem_on_sms_ready },
	{ NULL, NULL },
};

/* Each family has its own command; EF-ICCID itself comes last (TS 51.011 10.1.1). */
static const char *const iccid[] = { "+CCID", "+QCCID", "+CICCID", "^ICCID?",
	"+CRSM=176,12258,0,0,10", NULL };

/* Class 0 texts come as +CMT in every mode; mode 2 is refused by many that offer it. */
static const char *const cnmi[] = { "+CNMI=2,1,0,0,0", "+CNMI=1,1,0,0,0", "+CNMI=2,1,0,0,1",
	"+CNMI=2,1,0,2,0", "+CNMI=2,1", "+CNMI=1,1", NULL };

const struct modem_driver driver_generic = {
	.name = "generic",
	.about = "any modem that keeps to 3GPP TS 27.005 and 27.007",
	.scripts = { .init = &init, .card = &card, .poll = &poll },
	.urcs = urcs,
	.iccid = iccid,
	.cnmi = cnmi,
	.timing = { .sim_ready_ms = 30000, .gap_ms = 0 },
};
