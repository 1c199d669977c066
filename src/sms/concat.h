/* concat.h - the text of a message and of its parts (3GPP TS 23.040 9.2.3.24.1). Pure. */
#ifndef SIMGATE_SMS_CONCAT_H
#define SIMGATE_SMS_CONCAT_H

#include <stddef.h>

#include "sms/pdu.h"

/* Stands once for each run of parts that are missing. */
#define SMS_GAP "[...]"

/* The text of a whole message, or of its parts in order; parts[i] NULL is one that is missing.
 * Parts are joined at the septet and the UTF-16 unit, each read with its own alphabet and tables,
 * so that an escape or a surrogate pair may be split over parts; nothing is carried over a gap or a
 * part with SMS_DATA, which adds nothing.
 * Writes valid UTF-8 with NUL, returns its length. count * SMS_TEXT_MAX octets suffice, 1 if count
 * is 0; cut at a character's border otherwise. */
size_t sms_text(const struct sms_pdu *const *parts, size_t count, char *out, size_t size);

/* The text of a part that goes out without the others: "[2/3] " and what sms_text gives for it
 * alone. A whole message, or one of one, has no mark. SMS_TEXT_MAX octets suffice. */
size_t sms_part_text(const struct sms_pdu *part, char *out, size_t size);

#endif
