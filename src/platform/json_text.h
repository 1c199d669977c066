/* json_text.h - values that cJSON has no function for, added to a request or read with care. */
#ifndef SIMGATE_PLATFORM_JSON_TEXT_H
#define SIMGATE_PLATFORM_JSON_TEXT_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "platform/platform.h"

enum { JSON_INT_SIZE = 21 }; /* digits of an integer, with NUL */

#define JSON_INT_MAX INT64_C(9007199254740992) /* above, a double is no exact integer */

/* Adds text; bytes that are not UTF-8 become U+FFFD, or the body as a whole would be no JSON. */
bool json_add_text(cJSON *object, const char *name, const char *text);

/* Exact past 2^53 too. */
bool json_add_int(cJSON *object, const char *name, int64_t value);

/* The digits of a number that is a whole one, not negative and exact, or of text that is nothing
 * else. */
bool json_read_digits(const cJSON *value, char out[JSON_INT_SIZE]);

/* A whole number, or decimal text, within [min, max], min not negative. */
bool json_read_int(const cJSON *value, int64_t min, int64_t max, int64_t *out);

/* An amount in text or as a number, in 1/10000; -1 if it is neither, or negative. */
int64_t json_read_money(const cJSON *value);

/* Prints and frees root into out->body, with path copied. ok false: something of it could not be
 * made. 0 or -ENOMEM. */
int json_make_call(cJSON *root, bool ok, const char *name, const char *path, struct call *out);

#endif
