/* at_lex.c - bytes from a modem to lines. */
#include "at/at_lex.h"

static void end_line(struct at_lex *lex, at_lex_fn *fn, void *arg)
{
	size_t len = lex->len;

	if (lex->overflow) {
		lex->refused += len;
		at_lex_reset(lex);
		return;
	}
	while (len > 0 && lex->line[len - 1] == ' ')
		len--;
	lex->len = 0;
	if (len == 0)
		return;
	lex->line[len] = '\0';
	fn(arg, lex->line, len);
}

void at_lex_feed(struct at_lex *lex, const uint8_t *bytes, size_t len, at_lex_fn *fn, void *arg)
{
	for (size_t i = 0; i < len; i++) {
		uint8_t byte = bytes[i];

		if (byte == '\r' || byte == '\n') {
			end_line(lex, fn, arg);
		} else if (byte < 0x20 || byte == 0x7F || byte == 0xFF) {
			lex->refused++;
		} else if (lex->len == AT_LINE_MAX - 1) {
			lex->overflow = true;
			lex->refused++;
		} else {
			lex->line[lex->len++] = (char)byte;
		}
	}
}

void at_lex_reset(struct at_lex *lex)
{
	lex->len = 0;
	lex->overflow = false;
}
