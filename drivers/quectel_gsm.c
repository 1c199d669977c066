/* quectel_gsm.c - Quectel M10, M26, M35, M66, M95 (2G). Quectel M10 AT Commands Manual V1.04, M35
 * AT Commands Manual; what was seen. */
#include <stddef.h>

#include "modem/driver.h"

extern const struct modem_driver driver_quectel_gsm;

AT_SCRIPT(init,
	MODEM_BEGIN,
	AT_TRY("+QSIMSTAT=1"), /* card codes, where AT+QSIMDET was told the pin's level */
	MODEM_RADIO_ON);

AT_SCRIPT(card, MODEM_WHOSE_CARD, MODEM_CODES_GSM, MODEM_OWN_NUMBER);

AT_SCRIPT(poll, MODEM_LOOK, MODEM_NETWORK_GSM);

AT_SCRIPT(tries, AT_GET("+QTRPIN", "+QTRPIN", modem_on_pin_tries));

AT_SCRIPT(radio, AT_SLOW("+CFUN=0", 15000), AT_SLOW("+CFUN=1", 15000));

AT_SCRIPT(restart, AT_SLOW("+CFUN=1,1", 15000));

static const struct at_urc urcs[] = {
	{ "RDY", modem_on_restart },
	{ "NORMAL POWER DOWN", modem_on_restart },
	{ "SMS Ready", modem_on_sms_ready },
	{ "Call Ready", modem_on_noise },
	{ "+QSIMSTAT", modem_on_cpin_urc },
	{ "SMS FULL", modem_on_sms_full },
	{ "UNDER_VOLTAGE", modem_on_brownout },
	{ "OVER_VOLTAGE", modem_on_brownout },
	{ "+CFUN", modem_on_noise },
	{ NULL, NULL },
};

static const char *const iccid[] = { "+QCCID", "+CCID", MODEM_ICCID_FILE, NULL };

static const char *const cnmi[] = { "+CNMI=2,1,0,0,0", "+CNMI=1,1,0,0,0", "+CNMI=2,1", NULL };

const struct modem_driver driver_quectel_gsm = {
	.name = "quectel-gsm",
	.about = "Quectel M10, M26, M35, M66, M95, MC60 (2G)",
	.models = (const char *const[]) { "Quectel_M", "M10", "M26", "M35", "M66", "M95", "MC60",
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
	.timing = { .boot_ms = 8000, .sim_ready_ms = 20000, .pin_ms = 2000, .gap_ms = 20 },
};
