/* sim800.c - SIMCom SIM800, SIM808, SIM868, SIM900 (2G). SIM800 Series AT Command Manual V1.09. */
#include <stddef.h>

#include "modem/driver.h"

extern const struct modem_driver driver_sim800;

AT_SCRIPT(init,
	AT_CMD("E0"),
	AT_CMD("+CMEE=1"),
	AT_GET("+CGSN", "", modem_on_imei),
	AT_TRY("+CSDT=1"),  /* card detect, where the pin is wired (6.2.24) */
	AT_TRY("+CIURC=1"), /* "SMS Ready" and its like (6.2.23) */
	AT_SLOW("+CFUN=1", 10000));

AT_SCRIPT(card,
	AT_ASK("+CIMI", "", modem_on_imsi),
	AT_ASK("+CNUM", "+CNUM", modem_on_cnum),
	AT_TRY("+CREG=1"),
	AT_TRY("+COPS=3,2"));

AT_SCRIPT(poll,
	AT_GET("+CPIN?", "+CPIN", modem_on_cpin),
	MODEM_ASK_ICCID, /* a card may be changed behind a dead detect pin */
	AT_ASK("+CSQ", "+CSQ", modem_on_csq),
	AT_GET("+CREG?", "+CREG", modem_on_creg),
	AT_ASK("+COPS?", "+COPS", modem_on_cops));

static const struct at_urc urcs[] = {
	{ "RDY", modem_on_restart },
	{ "SMS Ready", modem_on_sms_ready },
	{ "Call Ready", modem_on_noise },
	{ "UNDER-VOLTAGE", modem_on_brownout },
	{ "OVER-VOLTAGE", modem_on_brownout },
	{ "+CFUN", modem_on_noise },
	{ NULL, NULL },
};

static const char *const iccid[] = { "+CCID", NULL }; /* bare digits (6.2.11) */

static const char *const cnmi[] = { "+CNMI=2,1,0,0,0", "+CNMI=1,1,0,0,0", NULL };

const struct modem_driver driver_sim800 = {
	.name = "sim800",
	.about = "SIMCom SIM800, SIM808, SIM868, SIM900 (2G)",
	.models = (const char *const[]) { "SIM800", "SIM808", "SIM868", "SIM900", NULL },
	.scripts = { .init = &init, .card = &card, .poll = &poll },
	.urcs = urcs,
	.iccid = iccid,
	.cnmi = cnmi,
	.timing = { .sim_ready_ms = 15000, .gap_ms = 20 },
};
