/* driver.h - what a modem family is: one const object. All that drivers/ may include. */
#ifndef SIMGATE_MODEM_DRIVER_H
#define SIMGATE_MODEM_DRIVER_H

#include <stdint.h>

#include "at/at.h"

/* Rows of AT commands by what they are for. NULL: the family has none. */
struct modem_scripts {
	const struct at_script *init;  /* after probing: echo off, error codes, identity, codes for
					  card and network; never NULL */
	const struct at_script *card;  /* once the ICCID is known: IMSI, own number, registration
					  codes; never NULL */
	const struct at_script *poll;  /* card, signal, registration; at each poll; never NULL */
	const struct at_script *tries; /* how many tries the PIN has left: modem_on_pin_tries */
	const struct at_script *radio; /* off and on again; the card may be asked for anew */
	const struct at_script *restart; /* the module starts anew; it may not answer any more */
};

struct modem_timing {
	int boot_ms;      /* from a restart to the first answer */
	int sim_ready_ms; /* how long a card may be busy after power-up */
	int pin_ms;       /* silence that the module needs after a PIN */
	int gap_ms;       /* pause between two commands */
};

/* What is odd about a family. */
enum modem_quirk {
	QUIRK_NO_CSMS = 1 << 0,      /* AT+CSMS must not be sent */
	QUIRK_CPIN_NO_OK = 1 << 1,   /* no OK behind "+CPIN: READY" */
	QUIRK_USSD_PACKED = 1 << 2,  /* AT+CUSD takes and gives septets in hexadecimal */
	QUIRK_USSD_UCS2 = 1 << 3,    /* AT+CUSD takes and gives UCS-2 in hexadecimal */
	QUIRK_NO_HOTSWAP = 1 << 4,   /* a card that was changed is seen after a restart only */
	QUIRK_LIST_BY_NAME = 1 << 5, /* AT+CMGL may want "ALL", in PDU mode too */
};

/* Every field is set but models (none: only by name), quirks, allowed, interfaces (none: it is a
 * UART, or nobody knows) and what NULL is said to mean; .urcs may end at once. */
struct modem_driver {
	const char *name;
	const char *about;         /* for --list-drivers */
	const char *const *models; /* how a word of +CGMM or ATI begins, in any case; NULL ends */
	struct modem_scripts scripts;
	const struct at_urc *urcs;
	const char *const *iccid; /* commands to try in turn for the ICCID; NULL ends */
	const char *const *cnmi;  /* "+CNMI=..." to try in turn; NULL ends */
	struct modem_timing timing;
	unsigned quirks;            /* enum modem_quirk */
	const char *const *allowed; /* what an operator may send as well, "+X"; NULL ends */
	const int8_t *interfaces;   /* USB interface numbers of AT ports, best first; -1 ends */
};

/* The ordered list; the last one fits every modem. NULL ends. */
extern const struct modem_driver *const modem_drivers[];

/* By model text (+CGMM and ATI answers), or by name; the generic one / NULL if none fits. */
const struct modem_driver *modem_driver_for(const char *model);
const struct modem_driver *modem_driver_named(const char *name);

/* Puts the command that this modem gives its ICCID for. */
at_build_fn modem_put_iccid;
#define MODEM_ASK_ICCID \
	{ \
		.build = modem_put_iccid, .fn = modem_on_iccid, .may_fail = true \
	}

/* Where no OK follows "+CPIN: READY" (QUIRK_CPIN_NO_OK). */
#define MODEM_ASK_CPIN_NO_OK \
	{ \
		.cmd = "+CPIN?", .prefix = "+CPIN", .fn = modem_on_cpin, .timeout_ms = 10000, \
		.no_ok_ms = 300 \
	}

/* Rows that most families have, in the order they are said. */
#define MODEM_BEGIN \
	AT_TRY("E0"), AT_TRY("+CMEE=1"), \
		AT_ROW(.cmd = "+CGSN", .fn = modem_on_imei, .retries = 2, .may_fail = true)
#define MODEM_RADIO_ON AT_ROW(.cmd = "+CFUN=1", .timeout_ms = 15000, .may_fail = true)
#define MODEM_WHOSE_CARD \
	AT_ROW(.cmd = "+CIMI", .fn = modem_on_imsi, .retries = 2, .may_fail = true), \
		AT_ASK("+CNUM", "+CNUM", modem_on_cnum)
#define MODEM_CODES_GSM AT_TRY("+CREG=1"), AT_TRY("+COPS=3,2")
#define MODEM_CODES_LTE AT_TRY("+CREG=1"), AT_TRY("+CEREG=1"), AT_TRY("+COPS=3,2")
/* The last rows of a card's script: if the own numbers cannot be chosen it ends there, for what
 * would be read is another's number. */
#define MODEM_OWN_NUMBER AT_CMD("+CPBS=\"ON\""), AT_ASK("+CPBR=1,3", "+CPBR", modem_on_cpbr)
#define MODEM_LOOK \
	AT_GET("+CPIN?", "+CPIN", modem_on_cpin), MODEM_ASK_ICCID, \
		AT_ASK("+CSQ", "+CSQ", modem_on_csq)
#define MODEM_NETWORK_GSM \
	AT_ASK("+CREG?", "+CREG", modem_on_creg), AT_ASK("+COPS?", "+COPS", modem_on_cops)
#define MODEM_NETWORK_UMTS AT_ASK("+CGREG?", "+CGREG", modem_on_creg), MODEM_NETWORK_GSM
#define MODEM_NETWORK_LTE  AT_ASK("+CEREG?", "+CEREG", modem_on_creg), MODEM_NETWORK_UMTS

/* The file itself: where all other commands for the ICCID fail (TS 51.011 10.1.1). */
#define MODEM_ICCID_FILE "+CRSM=176,12258,0,0,10"

/* Callbacks for a driver's rows. Each checks the shape of its line. */
at_line_fn modem_on_imei;      /* bare, 15 digits (14 to 16) */
at_line_fn modem_on_iccid;     /* with any prefix or bare; swapped nibbles are put right */
at_line_fn modem_on_imsi;      /* bare, 14 or 15 digits */
at_line_fn modem_on_cnum;      /* +CNUM: [alpha],number,type */
at_line_fn modem_on_cpbr;      /* +CPBR: index,number,type,...: the card's own number */
at_line_fn modem_on_cpin;      /* +CPIN: as an answer */
at_line_fn modem_on_pin_tries; /* the first number is what SIM PIN has left, unless PUK or PIN2
				  stands before it */
at_line_fn modem_on_csq;       /* +CSQ: */
at_line_fn modem_on_cops;      /* +COPS: */
at_line_fn modem_on_creg;      /* +CREG:, +CGREG:, +CEREG: as an answer: n,stat,... */

/* And for its unsolicited codes. */
at_line_fn modem_on_creg_urc;  /* stat,... ; also n,stat,... as some send it */
at_line_fn modem_on_cpin_urc;  /* +CPIN: as an unsolicited code: look at the card */
at_line_fn modem_on_cmti;      /* +CMTI: look at the memory */
at_line_fn modem_on_sms_ready; /* the SMS part is up: look at the memory */
at_line_fn modem_on_sms_full;  /* no room for another text: look at the memory */
at_line_fn modem_on_restart;   /* the module has started anew: begin again */
at_line_fn modem_on_brownout;  /* supply voltage: say so */
at_line_fn modem_on_noise;     /* known, and of no interest */

#endif
