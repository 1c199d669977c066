/* gsm7.h - the GSM 7-bit default alphabet and UTF-16 (3GPP TS 23.038). Pure. */
#ifndef SIMGATE_SMS_GSM7_H
#define SIMGATE_SMS_GSM7_H

#include <stddef.h>
#include <stdint.h>

enum { GSM7_ESC = 0x1B };

/* Unpacks `count` septets of octets[0..len), the first at bit `skip` (fill bits after a user data
 * header, 0 to 6), into out[count]. Returns how many there were: fewer if the octets end. */
size_t gsm7_unpack(const uint8_t *octets, size_t len, unsigned skip, size_t count, uint8_t *out);

/* Septets to UTF-16 units: at most one unit a septet. *escape carries a trailing escape from one
 * run of septets to the next (part borders); set it to 0 before the first. An escape that nothing
 * follows gives nothing; an unknown extension gives the basic character (6.2.1.1). */
size_t gsm7_to_utf16(const uint8_t *septets, size_t count, int *escape, uint16_t *out);

/* UTF-16 units to UTF-8. Unpaired surrogates become U+FFFD, U+0000 is dropped, a leading byte order
 * mark is dropped. Always valid UTF-8 and NUL-terminated; cut at a character's border if `size` is
 * too small. Returns the length. 3 * count + 1 octets suffice. */
size_t utf16_to_utf8(const uint16_t *units, size_t count, char *out, size_t size);

#endif
