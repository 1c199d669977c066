/* ublox.c - u-blox LEON, SARA, LISA, TOBY, LARA (2G to LTE). u-blox Cellular Modules AT Commands
 * Manual UBX-13002752; what was seen. */
#include <stddef.h>

#include "modem/driver.h"

extern const struct modem_driver driver_ublox;

AT_SCRIPT(init,
	MODEM_BEGIN,
	AT_TRY("+USIMSTAT=1"), /* card codes */
	MODEM_RADIO_ON);

AT_SCRIPT(card, MODEM_WHOSE_CARD, MODEM_CODES_LTE, MODEM_OWN_NUMBER);

AT_SCRIPT(poll, MODEM_LOOK, MODEM_NETWORK_LTE);

AT_SCRIPT(tries, AT_GET("+UPINCNT", "+UPINCNT", modem_on_pin_tries));

AT_SCRIPT(radio, AT_SLOW("+CFUN=4", 15000), AT_SLOW("+CFUN=1", 15000));

AT_SCRIPT(restart, AT_SLOW("+CFUN=16", 15000)); /* with the card */

static const struct at_urc urcs[] = {
	{ "+AT: READY", modem_on_restart }, /* up to 20 s after power-up */
	{ "+UUSIMSTAT", modem_on_cpin_urc },
	{ "+CIEV", modem_on_noise }, /* the indicators' order differs */
	{ "MEMORY FULL", modem_on_sms_full },
	{ NULL, NULL },
};

static const char *const iccid[] = { "+CCID", "+ICCID", MODEM_ICCID_FILE, NULL };

static const char *const cnmi[] = { "+CNMI=2,1,0,0,0", "+CNMI=1,1,0,0,0", "+CNMI=2,1", NULL };

const struct modem_driver driver_ublox = {
	.name = "ublox",
	.about = "u-blox LEON, SARA, LISA, TOBY, LARA (2G to LTE)",
	.models = (const char *const[]) { "u-blox", "SARA-", "LISA-", "TOBY-", "LARA-", "LEON-",
		"LENA-", "MPCI-", NULL },
	.scripts = { .init = &init,
		.card = &card,
		.poll = &poll,
		.tries = &tries,
		.radio = &radio,
		.restart = &restart },
	.urcs = urcs,
	.iccid = iccid,
	.cnmi = cnmi,
	.timing = { .boot_ms = 20000, .sim_ready_ms = 20000, .pin_ms = 2000, .gap_ms = 20 },
	.interfaces = (const int8_t[]) { 0, 2, 4, -1 },
};
