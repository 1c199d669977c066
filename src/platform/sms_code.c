/* sms_code.c - the code that a text was sent for: the digits that look most like one. */
#include "platform/sms_code.h"

#include <stddef.h>
#include <string.h>

enum { DIGITS_MIN = 4, DIGITS_MAX = SMS_CODE_SIZE - 1, GROUPS_MAX = 8 };

/* Groups of digits with the same blank or '-' between them. */
struct chain {
	struct {
		const char *at;
		size_t len;
	} groups[GROUPS_MAX];
	size_t count, total; /* total: digits */
	bool equal;          /* all groups are as long */
	bool more;           /* than fit */
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static size_t digits_at(const char *text)
{
	size_t len = 0;

	while (is_digit(text[len]))
		len++;
	return len;
}

/* Returns where the chain ends. */
static const char *take_chain(const char *at, struct chain *chain)
{
	char between = '\0';

	*chain = (struct chain) { .equal = true };
	for (;;) {
		size_t len = digits_at(at);
		if (chain->count < GROUPS_MAX) {
			chain->groups[chain->count].at = at;
			chain->groups[chain->count++].len = len;
		} else {
			chain->more = true;
		}
		chain->total += len;
		chain->equal = chain->equal && len == chain->groups[0].len;
		at += len;
		if ((*at != ' ' && *at != '-') || (between && *at != between) || !is_digit(at[1]))
			return at;
		between = *at++;
	}
}

/* Part of a date, a time, an amount: 21.11.2026, 10:30, 1200,50. */
static bool is_part(const char *text, const char *at, size_t len)
{
	const char *behind = at + len;

	if (at - text >= 2 && strchr(".,:/", at[-1]) && is_digit(at[-2]))
		return true;
	return *behind && strchr(".,:/", *behind) && is_digit(behind[1]);
}

static void consider(const char *at, size_t len, char out[SMS_CODE_SIZE])
{
	if (len < DIGITS_MIN || len > DIGITS_MAX || len <= strlen(out))
		return;
	memcpy(out, at, len);
	out[len] = '\0';
}

static void consider_joined(const struct chain *chain, char out[SMS_CODE_SIZE])
{
	char all[SMS_CODE_SIZE];
	size_t len = 0;

	for (size_t i = 0; i < chain->count; i++) {
		memcpy(all + len, chain->groups[i].at, chain->groups[i].len);
		len += chain->groups[i].len;
	}
	consider(all, len, out);
}

/* Groups of up to three digits are one code; three groups and more of the same length that are
 * longer together are the number of a card or a phone; else each group stands alone. */
static void consider_chain(const char *text, const struct chain *chain, char out[SMS_CODE_SIZE])
{
	size_t size = chain->groups[0].len;

	if (chain->more)
		return;
	if (chain->count > 1 && chain->equal && size <= 3 && chain->total <= DIGITS_MAX) {
		consider_joined(chain, out);
		return;
	}
	if (chain->count > 2 && chain->equal)
		return;
	for (size_t i = 0; i < chain->count; i++)
		if (!is_part(text, chain->groups[i].at, chain->groups[i].len))
			consider(chain->groups[i].at, chain->groups[i].len, out);
}

bool sms_code_find(const char *text, char out[SMS_CODE_SIZE])
{
	char best[SMS_CODE_SIZE] = "";
	struct chain chain;

	for (const char *at = text; *at;) {
		if (!is_digit(*at)) {
			at++;
			continue;
		}
		const char *end = take_chain(at, &chain);
		if (at == text || at[-1] != '+')
			consider_chain(text, &chain, best);
		at = end;
	}
	if (*best)
		strcpy(out, best);
	return *best != '\0';
}
