/* sim_pdu.h - builds PDUs (3GPP TS 23.040, 23.041) as a service centre would. */
#ifndef SIM_PDU_H
#define SIM_PDU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	SIM_PDU_MAX = 320,   /* octets, SMSC part included */
	SIM_PARTS_MAX = 255, /* the 8-bit concatenation header counts no further */
};

/* A text in the units of its alphabet: septets of GSM 7-bit, or UTF-16 units. */
struct sim_body {
	bool ucs2;
	size_t count;
	uint16_t *units;
};

struct sim_pdu_spec {
	const char *smsc; /* "+46..." or "" for none */
	const char *sender;
	int64_t when;            /* Unix seconds */
	int zone;                /* quarters of an hour east of UTC */
	bool flash;              /* class 0 */
	uint8_t ref, total, seq; /* total 0: no concatenation header */
};

struct sim_pdu {
	size_t len;
	size_t tpdu_len; /* what +CMGL's header gives: without the SMSC part */
	uint8_t octets[SIM_PDU_MAX];
};

/* Refuses text that is not UTF-8. The caller frees with sim_body_done. */
int sim_body_init(const char *utf8, struct sim_body *body);
void sim_body_done(struct sim_body *body);

/* Parts needed; each takes 160 or 70 units alone, 153 or 67 in a set. */
size_t sim_body_parts(const struct sim_body *body);

/* Where part seq (from 1) begins and how many units it has. Escapes are not split; surrogate
 * pairs are, as some phones do. */
void sim_body_part(const struct sim_body *body, size_t seq, size_t *start, size_t *count);

/* Refuses more units than one part holds, and a sender that fits no address. */
int sim_pdu_build(const struct sim_pdu_spec *spec, const struct sim_body *body, size_t start,
	size_t count, struct sim_pdu *pdu);

/* An SMS-STATUS-REPORT: what was sent to spec->sender was delivered at spec->when. */
int sim_pdu_report(const struct sim_pdu_spec *spec, struct sim_pdu *pdu);

/* A page of a cell broadcast (TS 23.041 9.4.1): 93 characters of a body of 7 bit. */
int sim_pdu_page(const struct sim_body *body, struct sim_pdu *pdu);

/* Reads hex digits; refuses an odd number, other bytes, and more than SIM_PDU_MAX octets. */
int sim_pdu_parse_hex(const char *hex, struct sim_pdu *pdu);

#endif
