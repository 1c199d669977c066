/* quectel_lte.c - Quectel EC2x, EG2x, EG9x, EC200, EP06 (LTE), UC15, UC20 (3G). EC25&EC21 AT
 * Commands Manual V1.3; boot codes as seen. */
#include <stddef.h>

#include "modem/driver.h"

extern const struct modem_driver driver_quectel_lte;

AT_SCRIPT(init,
	AT_TRY("+QURCCFG=\"urcport\",\"usbat\""), /* else the codes go to another port */
	MODEM_BEGIN,
	AT_TRY("+QSIMSTAT=1"), /* card codes, where AT+QSIMDET was told the pin's level */
	AT_TRY("+QINDCFG=\"smsfull\",1"),
	MODEM_RADIO_ON);

AT_SCRIPT(card, MODEM_WHOSE_CARD, MODEM_CODES_LTE, MODEM_OWN_NUMBER);

AT_SCRIPT(poll, MODEM_LOOK, MODEM_NETWORK_LTE);

AT_SCRIPT(tries, AT_GET("+QPINC=\"SC\"", "+QPINC", modem_on_pin_tries));

AT_SCRIPT(radio, AT_SLOW("+CFUN=0", 15000), AT_SLOW("+CFUN=1", 15000));

AT_SCRIPT(restart, AT_SLOW("+CFUN=1,1", 15000));

/* The order at boot varies; the texts are ready some seconds after RDY. */
static const struct at_urc urcs[] = {
	{ "RDY", modem_on_restart },
	{ "POWERED DOWN", modem_on_restart },
	{ "NORMAL POWER DOWN", modem_on_restart },
	{ "+QIND: SMS DONE", modem_on_sms_ready },
	{ "+QIND: \"smsfull\"", modem_on_sms_full },
	{ "+QIND", modem_on_noise },
	{ "+QSIMSTAT", modem_on_cpin_urc },
	{ "+QUSIM", modem_on_noise }, /* which kind of card; +CPIN comes with it */
	{ "+CFUN", modem_on_noise },
	{ NULL, NULL },
};

static const char *const iccid[] = { "+QCCID", "+ICCID", "+CCID", MODEM_ICCID_FILE, NULL };

/* Status reports stay where they are (ds 0): with ds 2 their code names the wrong memory. */
static const char *const cnmi[] = { "+CNMI=2,1,0,0,0", "+CNMI=1,1,0,0,0", "+CNMI=2,1,0,2,0", NULL };

const struct modem_driver driver_quectel_lte = {
	.name = "quectel-lte",
	.about = "Quectel EC2x, EG2x, EG9x, EC200, EP06 (LTE), UC15, UC20 (3G)",
	.models = (const char *const[]) { "EC2", "EG2", "EG9", "EG06", "EG12", "EP06", "EM06",
		"UC15", "UC20", "BG9", "Quectel", NULL },
	.scripts = { .init = &init,
		.card = &card,
		.poll = &poll,
		.tries = &tries,
		.radio = &radio,
		.restart = &restart },
	.urcs = urcs,
	.iccid = iccid,
	.cnmi = cnmi,
	.timing = { .boot_ms = 20000, .sim_ready_ms = 20000, .pin_ms = 2000, .gap_ms = 0 },
	.interfaces = (const int8_t[]) { 2, 3, -1 },
};
