/* telit.c - Telit GM862, GE910, UC864, HE910, LE910 (2G to LTE). Telit AT Commands Reference Guide
 * 80000ST10025a, LE910 V2 Series AT Commands Reference Guide 80446ST10707A Rev. 3. */
#include <stddef.h>

#include "modem/driver.h"

extern const struct modem_driver driver_telit;

AT_SCRIPT(init,
	MODEM_BEGIN,
	AT_TRY("#QSS=2"), /* card codes, with its phone book and texts ready as well */
	MODEM_RADIO_ON);

AT_SCRIPT(card, MODEM_WHOSE_CARD, MODEM_CODES_LTE, MODEM_OWN_NUMBER);

AT_SCRIPT(poll, MODEM_LOOK, MODEM_NETWORK_LTE);

AT_SCRIPT(tries, AT_GET("#PCT", "#PCT", modem_on_pin_tries));

AT_SCRIPT(radio, AT_SLOW("+CFUN=4", 15000), AT_SLOW("+CFUN=1", 15000)); /* 0 is a sleep mode */

AT_SCRIPT(restart, AT_SLOW("#REBOOT", 10000));

static const struct at_urc urcs[] = {
	{ "#QSS: 3", modem_on_sms_ready },
	{ "#QSS", modem_on_cpin_urc }, /* 0: out, 1: in, 2: in and unlocked */
	{ "#USS", modem_on_cpin_urc }, /* the same on the GM862 */
	{ "MEMORY FULL", modem_on_sms_full },
	{ "#NITZ", modem_on_noise },
	{ NULL, NULL },
};

static const char *const iccid[] = { "#CCID", "+CCID", "+ICCID", MODEM_ICCID_FILE, NULL };

static const char *const cnmi[] = { "+CNMI=2,1,0,0,0", "+CNMI=1,1,0,0,0", "+CNMI=2,1", NULL };

const struct modem_driver driver_telit = {
	.name = "telit",
	.about = "Telit GM862, GE910, UC864, HE910, LE910 (2G to LTE)",
	.models = (const char *const[]) { "Telit", "GM862", "GE86", "GC86", "GL86", "GE910",
		"GL910", "UC864", "UE866", "UE910", "HE910", "LE866", "LE910", "LE920", "ME910",
		NULL },
	.scripts = { .init = &init,
		.card = &card,
		.poll = &poll,
		.tries = &tries,
		.radio = &radio,
		.restart = &restart },
	.urcs = urcs,
	.iccid = iccid,
	.cnmi = cnmi,
	.timing = { .boot_ms = 15000, .sim_ready_ms = 20000, .pin_ms = 3000, .gap_ms = 20 },
	.interfaces = (const int8_t[]) { 4, 1, 0, 2, 3, 5, -1 },
};
