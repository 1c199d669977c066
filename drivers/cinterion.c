/* cinterion.c - Siemens and Cinterion TC35 to PLS (2G to LTE). MC75i AT Command Set V01.100; what
 * was seen on TC35i, MC55i, TC65, BGS2. */
#include <stddef.h>

#include "modem/driver.h"

extern const struct modem_driver driver_cinterion;

/* AT+CFUN=0 is a sleep mode on the older ones, in which they do not answer: it stays out. */
AT_SCRIPT(init,
	MODEM_BEGIN,
	AT_TRY("^SCKS=1"),  /* card codes; forgotten at a restart */
	AT_TRY("^SMGO=1")); /* says when the memory is full */

AT_SCRIPT(card, MODEM_WHOSE_CARD, MODEM_CODES_LTE, MODEM_OWN_NUMBER);

AT_SCRIPT(poll, MODEM_LOOK, MODEM_NETWORK_LTE);

AT_SCRIPT(tries, AT_GET("^SPIC", "^SPIC", modem_on_pin_tries));

AT_SCRIPT(radio, AT_SLOW("+COPS=2", 30000), AT_SLOW("+COPS=0", 60000));

AT_SCRIPT(restart, AT_SLOW("+CFUN=1,1", 15000));

static const struct at_urc urcs[] = {
	{ "^SYSSTART", modem_on_restart }, /* at a fixed baud rate */
	{ "^SHUTDOWN", modem_on_restart },
	{ "^SCKS", modem_on_cpin_urc }, /* an empty tray says 1, then 0 */
	{ "+CIEV: simstatus", modem_on_cpin_urc },
	{ "+CIEV: smsfull", modem_on_sms_full },
	{ "^SMGO", modem_on_sms_full },
	{ "^SBC", modem_on_brownout },
	{ "+CIEV", modem_on_noise },
	{ NULL, NULL },
};

static const char *const iccid[] = { "^SCID", "+CCID", MODEM_ICCID_FILE, NULL };

/* The last value must be 1 where the buffer cannot be kept (MC75i). */
static const char *const cnmi[] = { "+CNMI=2,1,0,0,1", "+CNMI=2,1,0,2,1", "+CNMI=1,1,0,0,1",
	"+CNMI=2,1,0,0,0", NULL };

const struct modem_driver driver_cinterion = {
	.name = "cinterion",
	.about = "Siemens, Cinterion TC35, MC35, MC55, MC75i, BGS2, TC65, EHS, PLS (2G to LTE)",
	.models = (const char *const[]) { "SIEMENS", "Cinterion", "TC35", "MC35", "MC39", "MC52",
		"MC55", "MC75", "TC63", "TC65", "BGS2", "BGS5", "EHS", "ELS", "PHS8", "PLS", NULL },
	.scripts = { .init = &init,
		.card = &card,
		.poll = &poll,
		.tries = &tries,
		.radio = &radio,
		.restart = &restart },
	.urcs = urcs,
	.iccid = iccid,
	.cnmi = cnmi,
	.timing = { .boot_ms = 15000, .sim_ready_ms = 20000, .pin_ms = 3000, .gap_ms = 100 },
	.interfaces = (const int8_t[]) { 2, 0, -1 },
};
