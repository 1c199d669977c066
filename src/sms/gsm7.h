/* gsm7.h - septets, their alphabets and UTF-16 (3GPP TS 23.038). Pure. */
#ifndef SIMGATE_SMS_GSM7_H
#define SIMGATE_SMS_GSM7_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { GSM7_ESC = 0x1B };

/* What septets mean: 128 UTF-16 units each. */
struct gsm7_tables {
	const uint16_t *basic;    /* the default alphabet, or a locking shift table */
	const uint16_t *extended; /* behind an escape; 0 where the basic character counts */
};

/* The tables of two national language identifiers (6.2.1.2.4). 0, a reserved identifier and a
 * language without that table give the default one. */
struct gsm7_tables gsm7_tables(uint8_t locking, uint8_t single);

/* Unpacks `count` septets of octets[0..len), the first at bit `skip` (fill bits after a user data
 * header, 0 to 6), into out[count]. Returns how many there were: fewer if the octets end. */
size_t gsm7_unpack(const uint8_t *octets, size_t len, unsigned skip, size_t count, uint8_t *out);

/* Septets to UTF-16 units: at most one unit a septet. *escape carries a trailing escape from one
 * run of septets to the next (part borders); false before the first. An escape that nothing follows
 * gives nothing, two give a space (6.2.1.1). */
size_t gsm7_to_utf16(const uint8_t *septets, size_t count, const struct gsm7_tables *tables,
	bool *escape, uint16_t *out);

/* UTF-16 units to UTF-8. Unpaired surrogates become U+FFFD, U+0000 is dropped. Always valid UTF-8
 * and NUL-terminated; cut at a character's border if `size` is too small. *whole says that it was
 * not. Returns the length. 3 * count + 1 octets suffice. */
size_t utf16_to_utf8(const uint16_t *units, size_t count, char *out, size_t size, bool *whole);

#endif
