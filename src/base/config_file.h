/* config_file.h - what every file that the operator writes is read with: lines, words, reports. */
#ifndef SIMGATE_BASE_CONFIG_FILE_H
#define SIMGATE_BASE_CONFIG_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/config.h"

enum {
	CONFIG_LINE_MAX = 8000, /* bytes of a line */
	CONFIG_NAME_MAX = 60,   /* of a bank or platform */
};

/* file belongs to whoever reads it. */
struct config_place {
	const char *file;
	int line;
};

/* Reads one line at a time; the same rules hold for every file. Set file, zero the rest. */
struct config_lines {
	FILE *file;
	int line;
	char text[CONFIG_LINE_MAX + 1]; /* without its line end */
};

enum config_line { CONFIG_LINE_END, CONFIG_LINE_GOOD, CONFIG_LINE_BAD };

/* BAD: *why says what is wrong with the line (too long, NUL, control byte, not UTF-8) and text is
 * empty. A byte order mark before the first line is passed over. */
enum config_line config_lines_next(struct config_lines *lines, const char **why);

/* Opens a regular file without ever waiting. 0 or negative errno. */
int config_open(const char *path, FILE **out);

void config_error(struct config_report *report, struct config_place place, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void config_warning(struct config_report *report, struct config_place place, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The word that is nearest by edit distance; words ends with NULL and is not empty. */
const char *config_nearest(const char *word, const char *const *words);

/* words may be NULL. */
bool config_is_word(const char *word, const char *const *words);

/* Whether a bank, platform or secret may be called so: 1 to max bytes of A-Z a-z 0-9 . _ - */
bool config_is_name(const char *name, size_t max);

/* Cuts blanks off both ends, in place. */
char *config_trim(char *text);

#endif
