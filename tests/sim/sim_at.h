/* sim_at.h - shape of a simulated command, and its results. */
#ifndef SIM_AT_H
#define SIM_AT_H

#include "sim.h"

/* AT_CME + code, AT_CMS + code; AT_SILENT: no final result at all. */
enum {
	AT_OK = 0,
	AT_ERROR = 1,
	AT_UNSUPPORTED = 2, /* in the profile's words */
	AT_TOO_MANY = 3,
	AT_SILENT = 4,
	AT_CME = 1000,
	AT_CMS = 2000
};

enum at_kind { AT_DO, AT_READ, AT_TEST, AT_SET };

struct at_call {
	struct sim_modem *modem;
	enum at_kind kind;
	char *args; /* after '=' */
};

typedef int at_fn(struct at_call *call);

/* Comma-separated decimal fields into out; an empty one keeps its value. How many, -1 for junk. */
int at_numbers(const char *args, uint8_t *out, int most);

/* A profile's result, or the usual one if it has none. */
int at_or(int result, int usual);

/* sim_at_module.c */
at_fn at_cgmi, at_cgmm, at_cgmr, at_cgsn, at_csq, at_creg, at_cgreg, at_cereg, at_cops, at_cfun;
at_fn at_cmee, at_ciurc, at_cscs, at_cusd;
void at_say_ati(struct sim_modem *modem);

/* sim_at_card.c */
at_fn at_cpin, at_cimi, at_crsm, at_cnum, at_cpbs, at_cpbr;
/* The commands that a profile has for ICCID, tries of the PIN and holder; false: not one of them.
 */
bool at_card_own(struct sim_modem *modem, const char *text, int *result);

/* sim_at_sms.c, sim_at_list.c: the commands that see messages */
at_fn at_cmgf, at_cpms, at_cnmi, at_csms, at_cmgl, at_cmgr, at_cmgd, at_cnma;
/* 310 without a card, 302 with the radio off; 0 when messages can be had. */
int at_sms_refusal(const struct sim_modem *modem);
void at_mark_seen(struct sim_modem *modem, struct sim_text *text);

#endif
