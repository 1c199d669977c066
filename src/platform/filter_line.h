/* filter_line.h - one line of a file of rules, taken apart. */
#ifndef SIMGATE_PLATFORM_FILTER_LINE_H
#define SIMGATE_PLATFORM_FILTER_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/config_file.h"

enum { FILTER_WORD_MAX = 32 }; /* of reason:WORD */

/* /RE/i */
struct filter_pattern {
	const char *re; /* NULL: not there */
	size_t len;
	size_t column; /* of its first byte in the line, from 1 */
	bool caseless;
};

/* Strings point into the line; "" where a part is not there. */
struct filter_line {
	bool withhold, rent;
	struct filter_pattern from, text;
	const char *platform, *card, *reason;
};

enum filter_line_kind { FILTER_LINE_EMPTY, FILTER_LINE_RULE, FILTER_LINE_BAD };

/* Takes the line apart in place. BAD: what is wrong with it was reported; out has what was
 * understood. The patterns themselves are not looked at. */
enum filter_line_kind filter_line_read(char *line, struct config_place place,
	struct config_report *report, struct filter_line *out);

#endif
