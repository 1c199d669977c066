/* sim_at.h - shape of a simulated command, and its results. */
#ifndef SIM_AT_H
#define SIM_AT_H

#include "sim.h"

enum { AT_OK = 0, AT_ERROR = 1, AT_CME = 1000, AT_CMS = 2000 }; /* AT_CME + code, AT_CMS + code */

enum at_kind { AT_DO, AT_READ, AT_TEST, AT_SET };

struct at_call {
	struct sim_modem *modem;
	enum at_kind kind;
	char *args; /* after '=' */
};

typedef int at_fn(struct at_call *call);

/* Comma-separated decimal fields into out; an empty one keeps its value. How many, -1 for junk. */
int at_numbers(const char *args, uint8_t *out, int most);

at_fn at_cmgf, at_cpms, at_cnmi, at_csms, at_cmgl, at_cmgr, at_cmgd, at_cnma;

#endif
