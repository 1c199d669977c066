/* zte.c - ZTE MF and K35xx-Z sticks (3G). No manual covers them: what was seen on MF627, K3565-Z.
 */
#include <stddef.h>

#include "modem/driver.h"

extern const struct modem_driver driver_zte;

/* Without a PIN all but a few commands say +CME ERROR: 11: what that may be is tried, and asked for
 * again with the card. */
AT_SCRIPT(init,
	MODEM_BEGIN,
	AT_TRY("+CPMS?"),  /* ends the flood of +ZUSIMR */
	AT_TRY("+ZOPRT=5"), /* online; some start up offline */
	MODEM_RADIO_ON);

AT_SCRIPT(card,
	AT_ASK("+CGSN", "", modem_on_imei),
	MODEM_WHOSE_CARD,
	MODEM_CODES_GSM,
	MODEM_OWN_NUMBER);

AT_SCRIPT(poll, MODEM_LOOK, MODEM_NETWORK_UMTS);

AT_SCRIPT(tries, AT_GET("+ZPINPUK=?", "+ZPINPUK", modem_on_pin_tries));

AT_SCRIPT(radio, AT_SLOW("+CFUN=0", 15000), AT_SLOW("+CFUN=1", 15000), AT_TRY("+ZOPRT=5"));

AT_SCRIPT(restart, AT_SLOW("+CFUN=1,1", 15000));

static const struct at_urc urcs[] = {
	{ "+ZUSIMR", modem_on_noise }, /* many a second, until AT+CPMS? */
	{ "$QCSIMSTAT", modem_on_cpin_urc },
	{ "MEMORY FULL", modem_on_sms_full },
	{ "+ZPASR", modem_on_noise },
	{ "+ZDONR", modem_on_noise },
	{ "+ZPSTM", modem_on_noise },
	{ "+ZEND", modem_on_noise },
	{ "+PACSP", modem_on_noise },
	{ NULL, NULL },
};

static const char *const iccid[] = { "+ZGETICCID", "+ICCID", "+CCID", MODEM_ICCID_FILE, NULL };

/* Mode 2 is offered and refused on use (seen). */
static const char *const cnmi[] = { "+CNMI=1,1,0,0,0", "+CNMI=2,1,0,0,0", "+CNMI=2,1", NULL };

const struct modem_driver driver_zte = {
	.name = "zte",
	.about = "ZTE MF and K35xx-Z USB sticks (3G)",
	.models = (const char *const[]) { "ZTE", "M6280", "MF1", "MF6", "MF7", "MF8", "K3565-Z",
		"K3570-Z", "K3571-Z", "K3765-Z", "K4505-Z", NULL },
	.scripts = { .init = &init,
		.card = &card,
		.poll = &poll,
		.tries = &tries,
		.radio = &radio,
		.restart = &restart },
	.urcs = urcs,
	.iccid = iccid,
	.cnmi = cnmi,
	.timing = { .boot_ms = 25000, .sim_ready_ms = 30000, .pin_ms = 2000, .gap_ms = 0 },
	.quirks = QUIRK_NO_HOTSWAP,
	.interfaces = (const int8_t[]) { 3, 1, 2, 4, 0, -1 },
};
