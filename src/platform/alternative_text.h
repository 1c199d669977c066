/* alternative_text.h - what the Alternative API's parameters say, and how its answers are written.
 * Pure. */
#ifndef SIMGATE_PLATFORM_ALTERNATIVE_TEXT_H
#define SIMGATE_PLATFORM_ALTERNATIVE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	EXCEPTIONS_MAX = 64, /* prefixes in one phoneException */
	EXCEPTION_SIZE = 16, /* of a prefix, with NUL */
	RENT_DAYS_MAX = 366,
	ISO_SIZE = 80, /* the compiler thinks of years with ten digits */
};

/* The last value of a field in a form (application/x-www-form-urlencoded), decoded. 0, -ENOENT, or
 * -EINVAL: a NUL byte, or longer than size - 1; out is "" then. */
int form_value(const char *body, size_t len, const char *name, char *out, size_t size);

/* The same of a form of parts (multipart/form-data, RFC 7578); type: its Content-Type, with the
 * boundary. What is no such form has no fields. */
int form_part_value(
	const char *type, const char *body, size_t len, const char *name, char *out, size_t size);

/* phoneException: prefixes of numbers that are not wanted. */
struct exceptions {
	char prefixes[EXCEPTIONS_MAX][EXCEPTION_SIZE];
	size_t count;
};

/* "[911,912123]", "911,912123", "" or "[]" for none; quotes and blanks are passed over. -EINVAL for
 * anything else. */
int exceptions_read(const char *text, struct exceptions *out);

/* Whether a prefix begins the digits of the number, with the calling code or without it. */
bool exceptions_hit(const struct exceptions *exceptions, const char *number, size_t calling_len);

/* Hours, rounded up to days: "2" is 1, "25" is 2; "" is 1. -EINVAL: no number, 0, or more than
 * RENT_DAYS_MAX days. */
int rent_days(const char *hours);

/* ISO 8601 with the offset of UTC: "2026-11-21T18:30:00+00:00". Returns out. */
const char *iso_time(int64_t wall_ms, char out[ISO_SIZE]);

/* A slug as it is configured: without "_0" behind it. Returns its length. */
size_t slug_len(const char *text);

#endif
