/* record_mask.h - a line of a modem with what is private taken out, so that it can still be played:
 * the same digits always become the same other digits, and a PDU stays a PDU. Pure. */
#ifndef SIMGATE_MODEM_RECORD_MASK_H
#define SIMGATE_MODEM_RECORD_MASK_H

#include <stddef.h>
#include <stdint.h>

enum {
	RECORD_NAMES_MAX = 256,  /* different runs of digits that are told apart */
	RECORD_PLAIN_DIGITS = 5, /* runs up to so many stay: indices, codes, cells */
};

/* Runs of digits seen so far, by hash; the n-th is written with n at its end. */
struct record_names {
	uint64_t hashes[RECORD_NAMES_MAX];
	unsigned count;
};

/* Copies line to out, masked:
 *  - runs of 6 to 22 digits, hexadecimal ones included (numbers, IMEI, IMSI, ICCID, swapped or
 * not): the first two stay, the others become 0, with a count at the end that tells one from
 * another;
 *  - longer runs are a PDU (TS 23.040): digits of its addresses become 0, its text "x"; what cannot
 *    be taken apart becomes all 0;
 *  - what is in quotes and has a blank or a letter beyond ASCII (names, USSD) becomes "x", but for
 *    the answers that say "SM", "READY" and their like, which have none;
 *  - what stands behind AT+CPIN= becomes "0000".
 * At most size - 1 octets. */
void record_mask(struct record_names *names, const char *line, char *out, size_t size);

#endif
