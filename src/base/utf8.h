/* utf8.h - one step through text that may or may not be UTF-8 (RFC 3629). */
#ifndef SIMGATE_BASE_UTF8_H
#define SIMGATE_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Length, 1 to 4, of the character at text, of which len bytes may be read; 0 where no well-formed
 * one begins: overlong forms, surrogates and what is past U+10FFFF are not. */
static inline size_t utf8_step(const char *text, size_t len)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t need, i;
	unsigned char low = 0x80, high = 0xbf; /* of the second byte */

	if (!len)
		return 0;
	if (s[0] < 0x80)
		return 1;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	need = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	if (len < need)
		return 0;
	if (s[0] == 0xe0)
		low = 0xa0;
	if (s[0] == 0xed)
		high = 0x9f;
	if (s[0] == 0xf0)
		low = 0x90;
	if (s[0] == 0xf4)
		high = 0x8f;
	if (s[1] < low || s[1] > high)
		return 0;
	for (i = 2; i < need; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	return need;
}

static inline bool utf8_valid(const char *text, size_t len)
{
	size_t i, step;

	for (i = 0; i < len; i += step) {
		step = utf8_step(text + i, len - i);
		if (!step)
			return false;
	}
	return true;
}

/* Characters in text; a byte that belongs to none counts as one. */
static inline size_t utf8_count(const char *text, size_t len)
{
	size_t i, step, count = 0;

	for (i = 0; i < len; i += step ? step : 1) {
		step = utf8_step(text + i, len - i);
		count++;
	}
	return count;
}

#endif
