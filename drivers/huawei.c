/* huawei.c - Huawei USB sticks and modules (3G, LTE). No manual covers the sticks: what was seen on
 * E1550, E1752, E173, E303, E3372, K3520, K3715, K3770. */
#include <stddef.h>

#include "modem/driver.h"

extern const struct modem_driver driver_huawei;

AT_SCRIPT(init,
	MODEM_BEGIN,
	AT_TRY("^PORTSEL=1"), /* codes on this port, not on the modem's */
	AT_TRY("^CURC=0"),    /* ^RSSI, ^MODE, ^BOOT and so on: unread they hang a stick */
	MODEM_RADIO_ON);

AT_SCRIPT(card, MODEM_WHOSE_CARD, MODEM_CODES_LTE, MODEM_OWN_NUMBER);

AT_SCRIPT(poll, MODEM_LOOK, MODEM_NETWORK_LTE);

AT_SCRIPT(tries, AT_GET("^CPIN?", "^CPIN", modem_on_pin_tries));

AT_SCRIPT(radio, AT_SLOW("+CFUN=0", 15000), AT_SLOW("+CFUN=1", 15000));

/* The USB device goes and comes; older sticks know the second one only. */
AT_SCRIPT(restart, AT_TRY("^RESET"), AT_TRY("+CFUN=1,1"));

static const struct at_urc urcs[] = {
	{ "^SYSSTART", modem_on_restart },
	{ "^SIMST", modem_on_cpin_urc }, /* 255: none, 0: invalid, 1: in */
	{ "^BOOT", modem_on_noise },     /* every few seconds, inside other lines too */
	{ "^RSSI", modem_on_noise },
	{ "^HCSQ", modem_on_noise },
	{ "^MODE", modem_on_noise },
	{ "^SRVST", modem_on_noise },
	{ "^DSFLOWRPT", modem_on_noise },
	{ "^STIN", modem_on_noise },
	{ "^NDISSTAT", modem_on_noise },
	{ NULL, NULL },
};

/* One answers in quotes and swapped, another in the clear; the K3770 to the last only. */
static const char *const iccid[] = { "^ICCID?", "+ICCID", MODEM_ICCID_FILE, NULL };

/* Mode 2 is offered and refused on use (seen). */
static const char *const cnmi[] = { "+CNMI=1,1,0,0,0", "+CNMI=2,1,0,0,0", "+CNMI=2,1,0,2,0",
	"+CNMI=1,1", NULL };

const struct modem_driver driver_huawei = {
	.name = "huawei",
	.about = "Huawei USB sticks and modules (3G, LTE)",
	.models = (const char *const[]) { "huawei", "E15", "E16", "E17", "E18", "E22", "E27", "E30",
		"E31", "E33", "E35", "E36", "E39", "K35", "K37", "K38", "K39", "K45", "K46", "K51",
		"MU609", "MU709", "ME909", "MS2131", NULL },
	.scripts = { .init = &init,
		.card = &card,
		.poll = &poll,
		.tries = &tries,
		.radio = &radio,
		.restart = &restart },
	.urcs = urcs,
	.iccid = iccid,
	.cnmi = cnmi,
	/* told a PIN, it must be left alone for 3 s or it starts anew */
	.timing = { .boot_ms = 25000, .sim_ready_ms = 20000, .pin_ms = 3500, .gap_ms = 0 },
	.quirks = QUIRK_USSD_PACKED | QUIRK_NO_HOTSWAP,
	.interfaces = (const int8_t[]) { 2, 1, 0, 3, -1 },
};
