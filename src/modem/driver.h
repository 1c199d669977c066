/* driver.h - what a modem family is: one const object. All that drivers/ may include. */
#ifndef SIMGATE_MODEM_DRIVER_H
#define SIMGATE_MODEM_DRIVER_H

#include <stdint.h>

#include "at/at.h"

struct modem_scripts {
	const struct at_script *init; /* after probing: echo off, error codes, identity */
	const struct at_script
		*card; /* once the ICCID is known: IMSI, own number, registration codes */
	const struct at_script *poll; /* card, signal, registration; at each poll */
};

/* What is odd about a family. */
enum modem_quirk {
	QUIRK_NO_CSMS = 1 << 0, /* AT+CSMS must not be sent */
};

struct modem_timing {
	int sim_ready_ms; /* how long a card may be busy after power-up */
	int gap_ms;       /* pause between two commands */
};

/* Every field but models and quirks is set; .urcs may end at once. */
struct modem_driver {
	const char *name;
	const char *about;         /* for --list-drivers */
	const char *const *models; /* substrings of +CGMM or ATI; NULL ends */
	struct modem_scripts scripts;
	const struct at_urc *urcs;
	const char *const *iccid; /* commands to try in turn for the ICCID; NULL ends */
	const char *const *cnmi;  /* "+CNMI=..." to try in turn; NULL ends */
	struct modem_timing timing;
	unsigned quirks; /* enum modem_quirk */
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

/* Callbacks for a driver's rows. Each checks the shape of its line. */
at_line_fn modem_on_imei;  /* bare, 15 digits (14 to 16) */
at_line_fn modem_on_iccid; /* with any prefix or bare; swapped nibbles are put right */
at_line_fn modem_on_imsi;  /* bare, 14 or 15 digits */
at_line_fn modem_on_cnum;  /* +CNUM: [alpha],number,type */
at_line_fn modem_on_cpin;  /* +CPIN: as an answer */
at_line_fn modem_on_csq;   /* +CSQ: */
at_line_fn modem_on_cops;  /* +COPS: */
at_line_fn modem_on_creg;  /* +CREG:, +CEREG: as an answer: n,stat,... */

/* And for its unsolicited codes. */
at_line_fn modem_on_creg_urc;  /* stat,... ; also n,stat,... as some send it */
at_line_fn modem_on_cpin_urc;  /* +CPIN: as an unsolicited code: look at the card */
at_line_fn modem_on_cmti;      /* +CMTI: look at the memory */
at_line_fn modem_on_sms_ready; /* the SMS part is up: look at the memory */
at_line_fn modem_on_restart;   /* the module has started anew: begin again */
at_line_fn modem_on_brownout;  /* supply voltage: say so */
at_line_fn modem_on_noise;     /* known, and of no interest */

#endif
