/* countries.h - the countries of the world by calling code and by mobile country code, and what
 * platforms call them. */
#ifndef SIMGATE_COUNTRIES_H
#define SIMGATE_COUNTRIES_H

#include <stddef.h>

enum { COUNTRY_MCC_MAX = 8 };

struct country {
	int calling; /* E.164 calling code; shared (1, 7): the first in the table is the main one */
	char trunk;  /* what stands before a national number; 0: nothing, or nothing sure */
	int mcc[COUNTRY_MCC_MAX]; /* E.212, up to the first 0 */
	int id; /* in the Alternative API: the known ones, else the calling code, else 1000 + MCC */
	const char *name;      /* as platforms list it: lower-case English */
	const char *rus, *chn; /* in Russian and Chinese */
};

/* Sorted by calling code. */
extern const struct country countries[];
extern const size_t countries_count;

/* Of an E.164 number ("+46..."); where countries share its code the IMSI decides, and without one
 * that says more ("" will do) it is the main one. NULL: no number, or no assigned code. */
const struct country *country_of(const char *number, const char *imsi);

/* Calling code of an E.164 number ("+4670..." gives 46), 0 if none is known. */
int e164_country(const char *number);

/* The one country that has this MCC; NULL if none has, or more than one. */
const struct country *country_of_mcc(int mcc);

/* The same for the MCC that begins an IMSI. */
const struct country *country_of_imsi(const char *imsi);

/* What lists of countries are keyed by: the calling code; of countries that share one the others'
 * MCC, or the id where that is a calling code too. */
int country_key(const struct country *country);

/* By country_key(), by id; NULL if there is none. */
const struct country *country_by_key(int key);
const struct country *country_by_id(int id);

#endif
