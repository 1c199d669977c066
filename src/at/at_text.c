/* at_text.c - commands put together, and lines masked for people. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "at/at.h"

/* ---- commands as text ----------------------------------------------------------------------- */

void at_put(struct at_text *text, const char *plain)
{
	size_t len = strlen(plain);

	if (text->len + len >= sizeof text->text) {
		text->refused = true;
		return;
	}
	memcpy(text->text + text->len, plain, len + 1);
	text->len += len;
}

void at_put_int(struct at_text *text, int value)
{
	char digits[16];

	snprintf(digits, sizeof digits, "%d", value);
	at_put(text, digits);
}

void at_put_quoted(struct at_text *text, const char *value)
{
	for (const char *c = value; *c; c++)
		if (*c == '"' || (unsigned char)*c < 0x20 || *c == 0x7F)
			text->refused = true;
	if (text->refused)
		return;
	at_put(text, "\"");
	at_put(text, value);
	at_put(text, "\"");
}

/* ---- what the operator may see -------------------------------------------------------------- */

static size_t run_of(const char *at, int (*is)(int))
{
	size_t len = 0;

	while (is((unsigned char)at[len]))
		len++;
	return len;
}

/* What the network answered to a code: from the first quote to the last, or to the end. NULL: the
 * line has none. */
static const char *answer_in(const char *line, size_t *len)
{
	const char *code = strcasestr(line, "+CUSD:"), *text = code ? strchr(code, '"') : NULL;

	if (!text)
		return NULL;
	const char *end = strrchr(++text, '"');
	*len = end ? (size_t)(end - text) : strlen(text);
	return text;
}

void at_mask(const char *line, char *out, size_t size)
{
	const char *secret = strcasestr(line, AT_SECRET); /* noise may stand before an echo */
	size_t len = 0, answer_len = 0;
	const char *answer = answer_in(line, &answer_len);

	while (*line && len + 1 < size) {
		size_t hex = run_of(line, isxdigit), dec = run_of(line, isdigit);
		int put;

		if (secret && line >= secret) {
			snprintf(out + len, size - len, AT_SECRET "***");
			return;
		}
		if (line == answer && answer_len > 0) {
			put = snprintf(out + len, size - len, "<text %zu>", answer_len);
			line += answer_len;
		} else if (hex > 32) {
			put = snprintf(out + len, size - len, "<pdu %zu>", hex);
			line += hex;
		} else if (hex >= 14 && dec < hex) { /* an ICCID with letters in it, UCS-2 text */
			put = snprintf(out + len, size - len, "***%.3s", line + hex - 3);
			line += hex;
		} else if (dec >= 6) {
			put = snprintf(out + len, size - len, "***%.3s", line + dec - 3);
			line += dec;
		} else {
			put = 1;
			out[len] = *line++;
		}
		len += (size_t)put;
		if (len >= size)
			len = size - 1;
	}
	out[len] = '\0';
}
