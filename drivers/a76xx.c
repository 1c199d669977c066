/* a76xx.c - SIMCom A7600, A7608, A7663, A7670, A7672 (LTE, ASR chips). A76XX Series AT Command
 * Manual; boot codes as seen. */
#include <stddef.h>

#include "modem/driver.h"

extern const struct modem_driver driver_a76xx;

AT_SCRIPT(init,
	MODEM_BEGIN,
	AT_TRY("+AUTOCSQ=0"), /* its "+CSQ:" would take the place of an answer */
	AT_TRY("+CNSMOD=0"),
	AT_TRY("+CTZR=0"),
	AT_TRY("+UIMHOTSWAPON=1"), /* card codes; some boards need a restart all the same */
	MODEM_RADIO_ON);

AT_SCRIPT(card, MODEM_WHOSE_CARD, MODEM_CODES_LTE, MODEM_OWN_NUMBER);

AT_SCRIPT(poll, MODEM_LOOK, MODEM_NETWORK_LTE);

AT_SCRIPT(tries, AT_GET("+SPIC", "+SPIC", modem_on_pin_tries));

AT_SCRIPT(radio, AT_SLOW("+CFUN=0", 15000), AT_SLOW("+CFUN=1", 15000));

AT_SCRIPT(restart, AT_SLOW("+CRESET", 10000));

static const struct at_urc urcs[] = {
	{ "*ATREADY", modem_on_restart }, /* what was said before it is lost */
	{ "RDY", modem_on_restart },
	{ "SMS DONE", modem_on_sms_ready }, /* may never come */
	{ "PB DONE", modem_on_noise },
	{ "+SIMCARD", modem_on_cpin_urc },
	{ "SIM FULL", modem_on_sms_full },
	{ "UNDER-VOLTAGE", modem_on_brownout },
	{ "OVER-VOLTAGE", modem_on_brownout },
	{ "+CGEV", modem_on_noise },
	{ "+NITZ", modem_on_noise },
	{ "*ISIMAID", modem_on_noise },
	{ "*COPN", modem_on_noise },
	{ NULL, NULL },
};

static const char *const iccid[] = { "+CICCID", "+CCID", MODEM_ICCID_FILE, NULL };

/* Status reports by code (ds 1) are offered and refused (seen). */
static const char *const cnmi[] = { "+CNMI=2,1,0,0,0", "+CNMI=1,1,0,0,0", "+CNMI=2,1", NULL };

const struct modem_driver driver_a76xx = {
	.name = "a76xx",
	.about = "SIMCom A7600, A7608, A7663, A7670, A7672 (LTE)",
	.models = (const char *const[]) { "A76", "A79", "SIM767", NULL },
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
	.interfaces = (const int8_t[]) { 4, 5, -1 },
};
