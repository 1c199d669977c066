/* sim800.c - SIMCom SIM800, SIM808, SIM868, SIM900 (2G). SIM800 Series AT Command Manual V1.09. */
#include <stddef.h>

#include "modem/driver.h"

extern const struct modem_driver driver_sim800;

AT_SCRIPT(init,
	MODEM_BEGIN,
	AT_TRY("+CSDT=1"),  /* card detect, where the pin is wired (6.2.24) */
	AT_TRY("+CIURC=1"), /* "SMS Ready" and its like (6.2.23) */
	AT_SLOW("+CFUN=1", 10000));

AT_SCRIPT(card, MODEM_WHOSE_CARD, MODEM_CODES_GSM, MODEM_OWN_NUMBER);

AT_SCRIPT(poll, MODEM_LOOK, MODEM_NETWORK_GSM); /* a card may change behind a dead detect pin */

AT_SCRIPT(tries, AT_GET("+SPIC", "+SPIC", modem_on_pin_tries));

AT_SCRIPT(radio, AT_SLOW("+CFUN=0", 10000), AT_SLOW("+CFUN=1", 10000));

AT_SCRIPT(restart, AT_SLOW("+CFUN=1,1", 10000));

static const struct at_urc urcs[] = {
	{ "RDY", modem_on_restart }, /* not at an automatic baud rate */
	{ "NORMAL POWER DOWN", modem_on_restart },
	{ "SMS Ready", modem_on_sms_ready },
	{ "Call Ready", modem_on_noise },
	{ "UNDER-VOLTAGE", modem_on_brownout },
	{ "OVER-VOLTAGE", modem_on_brownout },
	{ "+CFUN", modem_on_noise },
	{ "*PSNWID", modem_on_noise }, /* the network's name and time */
	{ "*PSUTTZ", modem_on_noise },
	{ "DST", modem_on_noise },
	{ NULL, NULL },
};

static const char *const iccid[] = { "+CCID", MODEM_ICCID_FILE, NULL }; /* bare (6.2.11) */

static const char *const cnmi[] = { "+CNMI=2,1,0,0,0", "+CNMI=1,1,0,0,0", NULL };

const struct modem_driver driver_sim800 = {
	.name = "sim800",
	.about = "SIMCom SIM800, SIM808, SIM868, SIM900 (2G)",
	.models = (const char *const[]) { "SIM800", "SIM808", "SIM868", "SIM90", NULL },
	.scripts = { .init = &init,
		.card = &card,
		.poll = &poll,
		.tries = &tries,
		.radio = &radio,
		.restart = &restart },
	.urcs = urcs,
	.iccid = iccid,
	.cnmi = cnmi,
	.timing = { .boot_ms = 8000, .sim_ready_ms = 15000, .pin_ms = 2000, .gap_ms = 20 },
};
