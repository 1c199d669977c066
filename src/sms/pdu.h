/* pdu.h - what a modem lists in PDU mode, taken apart (3GPP TS 23.040, TS 27.005). Pure. */
#ifndef SIMGATE_SMS_PDU_H
#define SIMGATE_SMS_PDU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	SMS_PDU_MAX = 192, /* octets of SMSC and TPDU that are looked at: an EF-SMS record is 176 */
	SMS_UD_MAX = 140,
	SMS_ADDRESS_MAX = 48, /* UTF-8 octets with NUL: '+' and 20 digits, or 11 characters */
	SMS_TEXT_MAX = 640,   /* UTF-8 octets with NUL that one PDU's text and its mark can take */
	SMS_PARTS_MAX = 255,
};

/* Why a PDU is refused. SMS_OK is 0. */
enum sms_error {
	SMS_OK,
	SMS_ERR_ODD,        /* half an octet is left over */
	SMS_ERR_HEX,        /* something is no hexadecimal digit */
	SMS_ERR_LONG,       /* more than SMS_PDU_MAX octets */
	SMS_ERR_SHORT,      /* fewer octets than the listing's header said */
	SMS_ERR_SMSC,       /* the SMSC field is longer than all that is there */
	SMS_ERR_TRUNCATED,  /* ends inside a mandatory field */
	SMS_ERR_ADDRESS,    /* more than 20 semi-octets */
	SMS_ERR_HEADER,     /* user data header longer than the user data */
	SMS_ERR_COMPRESSED, /* TP-DCS says compressed: cannot be decoded */
};

enum sms_kind { SMS_DELIVER, SMS_SUBMIT, SMS_STATUS_REPORT };

enum sms_alphabet { SMS_GSM7, SMS_DATA, SMS_UCS2 };

/* TS 23.040 9.1.2.5. type: the type-of-number bits, 0 to 7. text: "+" and digits for international
 * numbers, digits otherwise, UTF-8 for alphanumeric. May be empty. */
struct sms_address {
	uint8_t type;
	char text[SMS_ADDRESS_MAX];
};

enum { SMS_TON_INTERNATIONAL = 1, SMS_TON_ALPHANUMERIC = 5 };

/* TP-SCTS 9.2.3.11. valid false: digits that are no time; then utc_s is 0. */
struct sms_time {
	bool valid;
	int64_t utc_s;     /* Unix seconds */
	int zone_quarters; /* local time = UTC + 15 min * zone_quarters */
};

/* Concatenation, 9.2.3.24.1 and .8. total 0: the PDU is a whole message. */
struct sms_concat {
	uint16_t ref;
	uint8_t ref_bits; /* 8 or 16 */
	uint8_t total;    /* 1 to 255 */
	uint8_t seq;      /* 1 to total */
};

struct sms_pdu {
	enum sms_kind kind;
	struct sms_address sender; /* the recipient for SUBMIT and STATUS-REPORT */
	uint8_t reference;         /* TP-MR of SUBMIT and STATUS-REPORT, 9.2.3.6 */
	uint8_t status;            /* TP-ST of STATUS-REPORT, 9.2.3.15 */
	uint8_t pid, dcs;          /* of DELIVER and SUBMIT */
	struct sms_time sent;      /* DELIVER and STATUS-REPORT */
	enum sms_alphabet alphabet;
	int message_class; /* 0 to 3, -1 if none */
	struct sms_concat concat;
	int port_to; /* application port addressed by the header, -1 if none */
	uint8_t single_shift, locking_shift; /* national languages, 9.2.3.24.15, .16; 0 if none */
	uint8_t ud[SMS_UD_MAX];              /* user data with its header */
	uint8_t ud_len;                      /* octets that were there */
	uint8_t header_len; /* octets of the header with its length octet; 0 without one */
	uint8_t head_len;   /* octets of the PDU that come before the text */
	uint8_t septets;    /* GSM 7-bit: septets of text, behind the header and its fill bits */
	uint8_t fill_bits;
};

/* Reads hex[0..hex_len): SMSC field and TPDU. tpdu_len is the length that the header of the listing
 * told (octets without the SMSC field), which cuts trailing padding; -1 if unknown.
 * Fills *out and returns SMS_OK, or says what is wrong and leaves *out undefined. Never reads past
 * hex_len; never refuses for an invalid time stamp. */
enum sms_error sms_pdu_read(const char *hex, size_t hex_len, int tpdu_len, struct sms_pdu *out);

/* "truncated", "address", ... : a short word for the journal and the operator. */
const char *sms_error_name(enum sms_error error);

#endif
