/* at_args.h - a cursor over the comma-separated values of an answer (TS 27.007 4.2). Pure. */
#ifndef SIMGATE_AT_AT_ARGS_H
#define SIMGATE_AT_AT_ARGS_H

#include <stdbool.h>
#include <stddef.h>

/* Where reading goes on. Each function below takes one value and the comma behind it; it returns
 * false, leaves its out parameter alone and moves on all the same, if the value is absent, empty or
 * of another kind. */
struct at_args {
	const char *at;
};

/* Begins behind `prefix` (which the line may have or not), a colon and blanks. */
struct at_args at_args_of(const char *line, const char *prefix);

/* Whether a value is left, be it empty. */
bool at_args_more(const struct at_args *args);

/* A decimal number, with or without quotes, within [min, max]. */
bool at_args_int(struct at_args *args, int min, int max, int *out);

/* Text with or without quotes; a quote that is never closed ends with the line. False as well, with
 * nothing written, if it does not fit. An empty quoted text is a value. */
bool at_args_text(struct at_args *args, char *out, size_t size);

/* Passes over one value. */
void at_args_skip(struct at_args *args);

/* A group "(...)", with what is inside as a cursor of its own, copied to buf; a value without
 * parentheses counts as a group of one. Nested parentheses are kept. */
bool at_args_group(struct at_args *args, char *buf, size_t size, struct at_args *out);

#endif
