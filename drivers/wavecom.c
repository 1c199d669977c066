/* wavecom.c - Wavecom and Sierra Wireless Q24, Q26 (2G). Wavecom AT Commands Interface Guide; what
 * was seen on Q2403A. */
#include <stddef.h>

#include "modem/driver.h"

extern const struct modem_driver driver_wavecom;

/* AT+CFUN=1 is a restart here, and stays out. The mask of +WIND persists. */
AT_SCRIPT(init,
	MODEM_BEGIN,
	AT_TRY("+WIND=13")); /* 1: card in or out, 4 and 8: ready for commands */

AT_SCRIPT(card, MODEM_WHOSE_CARD, MODEM_CODES_GSM, MODEM_OWN_NUMBER);

AT_SCRIPT(poll,
	MODEM_ASK_CPIN_NO_OK,
	MODEM_ASK_ICCID,
	AT_ASK("+CSQ", "+CSQ", modem_on_csq),
	MODEM_NETWORK_GSM);

AT_SCRIPT(tries, AT_GET("+CPINC", "+CPINC", modem_on_pin_tries));

AT_SCRIPT(radio, AT_SLOW("+COPS=2", 30000), AT_SLOW("+COPS=0", 60000));

AT_SCRIPT(restart, AT_SLOW("+CFUN=1", 15000)); /* then +CME ERROR: 515 for some seconds */

static const struct at_urc urcs[] = {
	{ "+WIND: 10", modem_on_noise }, /* phone books, call by call */
	{ "+WIND: 11", modem_on_noise },
	{ "+WIND: 12", modem_on_noise },
	{ "+WIND: 13", modem_on_noise },
	{ "+WIND: 16", modem_on_sms_ready },
	{ "+WIND: 0", modem_on_cpin_urc }, /* the card is out, is in */
	{ "+WIND: 1", modem_on_cpin_urc },
	{ "+WIND: 3", modem_on_restart },
	{ "+WIND: 4", modem_on_sms_ready },
	{ "+WIND", modem_on_noise },
	{ NULL, NULL },
};

static const char *const iccid[] = { "+CCID", MODEM_ICCID_FILE, NULL };

/* Five values are refused by some firmware. */
static const char *const cnmi[] = { "+CNMI=2,1,0,0,0", "+CNMI=2,1,0,0", "+CNMI=2,1,0,2",
	"+CNMI=2,1", NULL };

const struct modem_driver driver_wavecom = {
	.name = "wavecom",
	.about = "Wavecom and Sierra Wireless Q24, Q26, Fastrack (2G)",
	.models = (const char *const[]) { "WAVECOM", "MULTIBAND", "Q24", "Q26", NULL },
	.scripts = { .init = &init,
		.card = &card,
		.poll = &poll,
		.tries = &tries,
		.radio = &radio,
		.restart = &restart },
	.urcs = urcs,
	.iccid = iccid,
	.cnmi = cnmi,
	.timing = { .boot_ms = 8000, .sim_ready_ms = 30000, .pin_ms = 5000, .gap_ms = 20 },
	.quirks = QUIRK_CPIN_NO_OK,
};
