/* at_args.c - a cursor over the comma-separated values of an answer. */
#include "at/at_args.h"

#include <string.h>

static const char *skip_blanks(const char *at)
{
	while (*at == ' ')
		at++;
	return at;
}

struct at_args at_args_of(const char *line, const char *prefix)
{
	size_t len = strlen(prefix);

	if (strncmp(line, prefix, len) == 0)
		line += len;
	if (*line == ':')
		line++;
	return (struct at_args) { skip_blanks(line) };
}

bool at_args_more(const struct at_args *args)
{
	return *args->at != '\0';
}

/* The end of the value that begins at `at`: its comma, or the end of the line. */
static const char *value_end(const char *at)
{
	bool quoted = false;
	int depth = 0;

	for (; *at; at++) {
		if (*at == '"')
			quoted = !quoted;
		else if (!quoted && *at == '(')
			depth++;
		else if (!quoted && *at == ')' && depth > 0)
			depth--;
		else if (!quoted && depth == 0 && *at == ',')
			break;
	}
	return at;
}

/* Takes the next value, without outer blanks and quotes. */
static bool take(struct at_args *args, const char **start, size_t *len, bool *quoted)
{
	const char *from = skip_blanks(args->at), *end = value_end(from), *to = end;

	if (*args->at == '\0')
		return false;
	args->at = *end == ',' ? skip_blanks(end + 1) : end;
	while (to > from && to[-1] == ' ')
		to--;
	*quoted = *from == '"';
	if (*quoted) {
		from++;
		if (to > from && to[-1] == '"')
			to--;
	}
	*start = from;
	*len = (size_t)(to - from);
	return true;
}

static bool number(const char *text, size_t len, long long max, long long *out)
{
	long long value = 0;

	if (len == 0)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		value = value * 10 + (text[i] - '0');
		if (value > max)
			return false;
	}
	*out = value;
	return true;
}

bool at_args_int(struct at_args *args, int min, int max, int *out)
{
	const char *text;
	size_t len;
	bool quoted, negative;
	long long value;

	if (!take(args, &text, &len, &quoted))
		return false;
	negative = len > 0 && *text == '-';
	if (!number(text + negative, len - negative, 0x80000000LL, &value))
		return false;
	if (negative)
		value = -value;
	if (value < min || value > max)
		return false;
	*out = (int)value;
	return true;
}

bool at_args_text(struct at_args *args, char *out, size_t size)
{
	const char *text;
	size_t len;
	bool quoted;

	if (!take(args, &text, &len, &quoted) || (len == 0 && !quoted) || len >= size)
		return false;
	memcpy(out, text, len);
	out[len] = '\0';
	return true;
}

void at_args_skip(struct at_args *args)
{
	const char *text;
	size_t len;
	bool quoted;

	take(args, &text, &len, &quoted);
}

bool at_args_group(struct at_args *args, char *buf, size_t size, struct at_args *out)
{
	const char *from = skip_blanks(args->at), *end = value_end(from), *to = end;

	if (*args->at == '\0')
		return false;
	args->at = *end == ',' ? skip_blanks(end + 1) : end;
	while (to > from && to[-1] == ' ')
		to--;
	if (*from == '(' && to > from + 1 && to[-1] == ')') {
		from++;
		to--;
	}
	if ((size_t)(to - from) >= size)
		return false;
	memcpy(buf, from, (size_t)(to - from));
	buf[to - from] = '\0';
	out->at = buf;
	return true;
}
