/* sim_profile.h - what a family of simulated modems does in its own way. No other file knows names.
 */
#ifndef SIM_PROFILE_H
#define SIM_PROFILE_H

#include <stdbool.h>
#include <stdint.h>

enum { SIM_FAMILIES_MAX = 32, SIM_ICCIDS_MAX = 3 };

enum sim_memory { SIM_MEMORY_SM, SIM_MEMORY_ME, SIM_MEMORY_MT, SIM_MEMORY_SR };

/* Of numbers that a field of a command takes. */
enum { BIT0 = 1, BIT1 = 2, BIT2 = 4, BIT3 = 8, BIT4 = 16, BIT5 = 32, BIT6 = 64, BIT7 = 128 };

enum sim_when {
	SIM_ALWAYS,
	SIM_WITH_CARD,
	SIM_WITHOUT_CARD,
	SIM_WITH_CARD_CIURC, /* and AT+CIURC=1 */
};

/* A line said unasked; at_ms from the power-up, or from what it tells of. */
struct sim_saying {
	unsigned at_ms;
	enum sim_when when;
	const char *text; /* NULL ends a list */
};

/* Said again and again, until the command `off` (its beginning). */
struct sim_chatter {
	const char *text;
	unsigned every_ms;
	const char *off;
};

/* What stands before and behind a line. NULL: CR LF. */
struct sim_frame {
	const char *lead, *tail;
};

struct sim_iccid {
	const char *command;        /* whole, without AT */
	const char *before, *after; /* of the digits */
	const char *filler;         /* behind an odd number of digits; "": none */
	bool swapped;               /* nibbles as in the file */
};

/* How many tries a PIN has left. */
struct sim_tries {
	const char *command, *before, *after;
};

/* A command that asks whether a card is in. */
struct sim_holder {
	const char *command, *in, *out;
};

enum sim_lands {
	SIM_LANDS_CARD,   /* then in the module's memory */
	SIM_LANDS_CHOSEN, /* where the third memory of AT+CPMS says, then in the other */
	SIM_LANDS_EITHER, /* now here, now there */
};

enum sim_ussd {
	SIM_USSD_PLAIN,
	SIM_USSD_PACKED,  /* septets in hexadecimal, and text is refused */
	SIM_USSD_UCS2,    /* in hexadecimal, whatever AT+CSCS says */
	SIM_USSD_BY_CSCS, /* UCS-2 in hexadecimal if AT+CSCS says so */
};

/* Zero, or NULL, is what most do, where nothing else is said. Lists of commands have '|' between
 * them; one that ends in '=' fits any value but 0. Spans are those of real ones. */
struct sim_profile {
	const char *name;

	/* who it is; NULL: an error */
	const char *cgmi, *cgmm, *cgmr;
	const char *const *ati; /* lines; behind one that ends in ": " comes the IMEI */

	/* lines and errors */
	struct sim_frame answer, final, code;
	const char *entry_lead;  /* before an entry of a listing; NULL: CR LF */
	bool tight_errors;       /* no blank behind the colon */
	int unknown;             /* result for a command that it has not; 0: ERROR */
	const char *unsupported; /* that result in words, for AT_UNSUPPORTED */
	const char *too_many;    /* for too many values; NULL: ERROR */
	const char *accepts;     /* commands of its own that have no effect here: " +A +B " */
	bool pin_strict;         /* without the PIN all commands are refused but AT+CPIN */

	/* power */
	const struct sim_saying *boot;
	unsigned at_ms, sim_ms, sms_ms; /* from power-up to answers, card, texts */
	unsigned away_ms;               /* how long its USB device is gone */
	unsigned pin_ms;                /* to be left alone for, behind a PIN */
	int sim_busy, sms_busy;         /* results meanwhile; 0: +CME ERROR: 14, +CMS ERROR: 314 */
	const char *restart;            /* commands beside AT+CFUN=1,1 */
	bool leaves;                    /* by one its USB device goes, and comes back */
	const char *off, *off_code;     /* a command that switches it off */
	uint8_t cfun, cfun_sleep; /* values taken (0: 0, 1, 4); values that it falls asleep by */
	const char *cfun_read;    /* in place of the value */
	const struct sim_saying *radio_on, *radio_off;
	const struct sim_chatter *chatter;
	const char *quiet; /* command that ends chatter, card codes and full-memory codes */

	/* card */
	const char *cpin_absent; /* words; NULL: +CME ERROR: 10 */
	const char *cpin_off;    /* the same for a card that is in and not ready; NULL: 13 */
	bool cpin_no_ok;         /* no OK behind "+CPIN: READY" */
	struct sim_iccid iccid[SIM_ICCIDS_MAX];
	struct sim_tries tries;
	struct sim_holder holder;
	const char *card_enable; /* commands; NULL: codes come unbidden */
	bool card_later;         /* of use after a restart only; kept */
	bool card_kept;          /* not forgotten by a restart */
	bool no_hotswap;         /* another card is seen after a restart only */
	const struct sim_saying *card_in, *card_out;
	const char *cnum_alpha; /* before the own number, with its comma; NULL: a comma alone */
	const char *cnum_after; /* behind it; NULL: ,145 */
	int cnum_none;          /* result where there is none */

	/* network */
	bool cereg;
	int act;        /* technology: behind +COPS and cells; -1: not told */
	int creg_home;  /* what +CREG says at home; 0: 1 */
	bool creg_bare; /* no quotes around area and cell */

	/* texts */
	unsigned index_base;
	const char *stores; /* behind +CPMS: in the answer to AT+CPMS=?; NULL: made from memories */
	uint8_t cpms_counts; /* how many memories AT+CPMS takes (0: 1, 2, 3) */
	bool third_no_me;    /* the third may not be ME */
	int cpms_error;      /* 0: +CMS ERROR: 303 */
	unsigned me_size, sr_size;
	enum sim_memory memory; /* chosen at boot */
	enum sim_lands lands;
	const char *cnmi_test;   /* NULL: the usual */
	uint8_t cnmi[5];         /* values taken by each field; 0: all the usual */
	uint8_t cnmi_most;       /* how many values it takes; 0: 5 */
	int cnmi_error;          /* 0: +CMS ERROR: 303 */
	const char *alpha;       /* in a listing's header; NULL: a comma alone */
	const char *cmgr_alpha;  /* the same in +CMGR */
	bool list_tight;         /* no blank behind +CMGL: */
	bool list_by_name;       /* AT+CMGL="ALL" alone, in PDU mode too */
	bool list_shows_read;    /* what AT+CMGL=0 shows counts as read in the same line */
	bool empty_error;        /* an empty place is an error, and not OK alone */
	bool cmgd_one;           /* AT+CMGD takes one value */
	const char *cmti_before; /* a code before +CMTI */
	const char *cmti_as;     /* memory that +CDSI names for its own of reports */
	const char *full;        /* code for a full memory */
	const char *full_enable; /* command for that; NULL: unbidden */

	/* USSD */
	enum sim_ussd ussd;
	int ussd_dcs;          /* 0: 15 */
	const char *ussd_tail; /* behind the digits of an answer */
	const char *ussd_amid; /* a code between OK and answer */
};

/* NULL ends. */
extern const struct sim_profile *const sim_profiles[];
const struct sim_profile *sim_profile_named(const char *name, unsigned len);

/* Whether a command is among those of a list. */
bool sim_profile_has(const char *commands, const char *command);

#endif
