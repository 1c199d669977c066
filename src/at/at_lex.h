/* at_lex.h - bytes from a modem to lines (ITU-T V.250 5.7). Pure. */
#ifndef SIMGATE_AT_AT_LEX_H
#define SIMGATE_AT_AT_LEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { AT_LINE_MAX = 1024 }; /* a PDU takes 376; the longest answers of +COPS=? pass it */

struct at_lex {
	char line[AT_LINE_MAX];
	size_t len;
	bool overflow;    /* the line at hand is too long: it will be dropped */
	uint64_t refused; /* bytes dropped: noise and over-long lines */
};

/* line has its NUL, is not empty, and has no control bytes in it. */
typedef void at_lex_fn(void *arg, const char *line, size_t len);

/* Any run of CR and LF ends a line; empty lines are passed over. Bytes below 0x20, 0x7F and 0xFF
 * (power-up noise) are dropped, blanks at a line's end too. The callback may reset the lexer. */
void at_lex_feed(struct at_lex *lex, const uint8_t *bytes, size_t len, at_lex_fn *fn, void *arg);

/* Forgets the line at hand. */
void at_lex_reset(struct at_lex *lex);

#endif
