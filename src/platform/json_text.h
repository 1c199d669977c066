/* json_text.h - values that cJSON has no function for, added to a request. */
#ifndef SIMGATE_PLATFORM_JSON_TEXT_H
#define SIMGATE_PLATFORM_JSON_TEXT_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "platform/platform.h"

/* Adds text; bytes that are not UTF-8 become U+FFFD, or the body as a whole would be no JSON. */
bool json_add_text(cJSON *object, const char *name, const char *text);

/* Exact past 2^53 too. */
bool json_add_int(cJSON *object, const char *name, int64_t value);

/* Prints and frees root into out->body, with path copied. ok false: something of it could not be
 * made. 0 or -ENOMEM. */
int json_make_call(cJSON *root, bool ok, const char *name, const char *path, struct call *out);

#endif
