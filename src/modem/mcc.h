/* mcc.h - mobile country codes and how their countries' phone numbers begin (ITU-T E.212, E.164).
 */
#ifndef SIMGATE_MODEM_MCC_H
#define SIMGATE_MODEM_MCC_H

struct mcc_plan {
	int mcc;
	const char *calling; /* the country's calling code */
	char trunk;          /* what stands before a national number; 0: nothing, or nothing sure */
};

/* Of the country whose MCC begins this IMSI; NULL if it is not known. */
const struct mcc_plan *mcc_plan_of(const char *imsi);

#endif
