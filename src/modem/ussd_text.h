/* ussd_text.h - what stands in +CUSD (TS 27.007 7.15), and a phone number in it. Pure. */
#ifndef SIMGATE_MODEM_USSD_TEXT_H
#define SIMGATE_MODEM_USSD_TEXT_H

#include <stdbool.h>
#include <stddef.h>

enum {
	USSD_CODE_SIZE = 36,  /* of a code as *100#, with NUL */
	USSD_RAW_MAX = 1024,  /* octets of an answer as printed; the rest is cut */
	USSD_TEXT_SIZE = 800, /* of an answer in UTF-8, with NUL */
};

/* How a modem writes a code and its answer. */
enum ussd_form {
	USSD_PLAIN,  /* as text; an answer in hexadecimal is seen to be so */
	USSD_PACKED, /* septets in hexadecimal (TS 23.038 6.1.2.3) */
	USSD_UCS2,   /* UCS-2 in hexadecimal */
};

/* Whether text is a code: '*' or '#' first, '#' last, digits, '*' and '#' between. Codes that
 * change a PIN, a PUK or a barring password (TS 22.030 6.6) are none. */
bool ussd_is_code(const char *text);

/* The code as this modem takes it. False if it does not fit. */
bool ussd_encode(const char *code, enum ussd_form form, char *out, size_t size);

/* The text of an answer. dcs: -1 where it was not told. What stands behind a NUL or behind the
 * hexadecimal digits is left out. */
void ussd_decode(const char *raw, int dcs, enum ussd_form form, char out[USSD_TEXT_SIZE]);

/* The phone number in an answer to a card with this IMSI, as '+' and 9 to 15 digits: one that
 * begins with + or 00, with the country's calling code, or with its trunk digit. The longest
 * counts. False if there is none, or it is not clear which. size >= 17. */
bool ussd_number(const char *text, const char *imsi, char *out, size_t size);

#endif
