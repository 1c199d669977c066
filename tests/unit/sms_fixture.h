/* sms_fixture.h - PDUs made for a test, and what must hold of a text. */
#ifndef SIMGATE_TESTS_SMS_FIXTURE_H
#define SIMGATE_TESTS_SMS_FIXTURE_H

#include "unit.h"

#include <stdbool.h>

#include "sms/concat.h"
#include "sms/pdu.h"

#define A_TIME "62304001020300"
#define FROM   "0B915155100032F4" /* +15550100234 */

/* -- building PDUs ------------------------------------------------------------------------- */

/* A user data field under construction; bits are set one at a time, so that nothing is shared with
 * the code under test. */
struct ud {
	uint8_t octets[256];
	size_t bit_count;
	size_t header_len;
};

void ud_begin(struct ud *ud, const void *header, size_t header_len);
void ud_septets(struct ud *ud, const char *septets, size_t count);
void ud_octets(struct ud *ud, const void *octets, size_t count);
void hex_write(const uint8_t *octets, size_t len, char *hex);
void deliver_write(const struct ud *ud, unsigned dcs, char *hex, size_t size);
void pdu_must_read(const char *hex, struct sms_pdu *out);
void ud_must_read(const struct ud *ud, unsigned dcs, struct sms_pdu *out);
const char *text_of(const struct sms_pdu *pdu);
bool utf8_valid(const char *text);

#endif
