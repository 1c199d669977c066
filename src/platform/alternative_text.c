/* alternative_text.c - what the Alternative API's parameters say, and how its answers are written.
 */
#include "platform/alternative_text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { BOUNDARY_MAX = 70, DELIMITER_SIZE = BOUNDARY_MAX + 5 }; /* RFC 2046 5.1.1 */

/* ---- forms ---------------------------------------------------------------------------------- */

static int hex(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c ? strchr(digits, c >= 'A' && c <= 'F' ? c + 32 : c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* One byte of a form at *at, which moves behind it. What is no %XX stays as it is. */
static char form_byte(const char **at, const char *end)
{
	const char *c = *at;

	if (*c == '%' && end - c > 2 && hex(c[1]) >= 0 && hex(c[2]) >= 0) {
		*at += 3;
		return (char)(16 * hex(c[1]) + hex(c[2]));
	}
	*at += 1;
	return *c == '+' ? ' ' : *c;
}

static bool form_name_is(const char *at, const char *end, const char *name)
{
	for (; at < end; name++)
		if (!*name || form_byte(&at, end) != *name)
			return false;
	return !*name;
}

static int form_decode(const char *at, const char *end, char *out, size_t size)
{
	size_t len = 0;

	while (at < end) {
		char c = form_byte(&at, end);
		if (!c || len == size - 1) {
			out[0] = '\0';
			return -EINVAL;
		}
		out[len++] = c;
	}
	out[len] = '\0';
	return 0;
}

int form_value(const char *body, size_t len, const char *name, char *out, size_t size)
{
	const char *end = body + len;
	int err = -ENOENT;

	out[0] = '\0';
	for (const char *at = body; at < end;) {
		const char *stop = memchr(at, '&', (size_t)(end - at));
		stop = stop ? stop : end;
		const char *equals = memchr(at, '=', (size_t)(stop - at));
		if (form_name_is(at, equals ? equals : stop, name))
			err = form_decode(equals ? equals + 1 : stop, stop, out, size);
		at = stop + 1;
	}
	return err;
}

/* What stands before a part: a line's end, and the boundary. */
static bool form_delimiter(const char *type, char out[DELIMITER_SIZE])
{
	const char *at = strcasestr(type, "boundary=");
	size_t len;

	if (!at)
		return false;
	at += strlen("boundary=");
	len = *at == '"' ? strcspn(++at, "\"") : strcspn(at, "; \t");
	if (len == 0 || len > BOUNDARY_MAX)
		return false;
	snprintf(out, DELIMITER_SIZE, "\r\n--%.*s", (int)len, at);
	return true;
}

/* Whether the head of a part names this field; filename= is another parameter. */
static bool form_part_is(const char *head, const char *end, const char *name)
{
	char wanted[64];
	int len = snprintf(wanted, sizeof wanted, "name=\"%.40s\"", name);

	while ((head = memmem(head, (size_t)(end - head), wanted, (size_t)len))) {
		if (strchr("; \t", head[-1]))
			return true;
		head++;
	}
	return false;
}

static int form_copy(const char *at, const char *end, char *out, size_t size)
{
	size_t len = (size_t)(end - at);

	out[0] = '\0';
	if (len >= size || memchr(at, '\0', len))
		return -EINVAL;
	memcpy(out, at, len);
	out[len] = '\0';
	return 0;
}

int form_part_value(
	const char *type, const char *body, size_t len, const char *name, char *out, size_t size)
{
	char delimiter[DELIMITER_SIZE];
	const char *end = body + len, *at, *next;
	int err = -ENOENT;

	out[0] = '\0';
	if (!form_delimiter(type, delimiter))
		return err;
	size_t skip = strlen(delimiter);
	if (len >= skip - 2 && memcmp(body, delimiter + 2, skip - 2) == 0)
		at = body + skip - 2; /* nothing stands before the first */
	else if ((at = memmem(body, len, delimiter, skip)))
		at += skip;
	for (; at && (next = memmem(at, (size_t)(end - at), delimiter, skip)); at = next + skip) {
		const char *head_end = memmem(at, (size_t)(next - at), "\r\n\r\n", 4);
		if (head_end && form_part_is(at, head_end, name))
			err = form_copy(head_end + 4, next, out, size);
	}
	return err;
}

/* ---- parameters ----------------------------------------------------------------------------- */

static const char digits[] = "0123456789";
static const char passed_over[] = " \t\"'";

int exceptions_read(const char *text, struct exceptions *out)
{
	struct exceptions all = { .count = 0 };
	bool bracket;

	text += strspn(text, passed_over);
	bracket = *text == '[';
	text += bracket;
	for (;;) {
		text += strspn(text, passed_over);
		size_t len = strspn(text, digits);
		if (len >= EXCEPTION_SIZE || (len && all.count == EXCEPTIONS_MAX))
			return -EINVAL;
		if (len)
			memcpy(all.prefixes[all.count++], text, len);
		text += len;
		text += strspn(text, passed_over);
		if (*text != ',')
			break;
		text++;
	}
	if (bracket && *text++ != ']')
		return -EINVAL;
	if (text[strspn(text, passed_over)])
		return -EINVAL;
	*out = all;
	return 0;
}

bool exceptions_hit(const struct exceptions *exceptions, const char *number, size_t calling_len)
{
	for (size_t i = 0; i < exceptions->count; i++) {
		const char *prefix = exceptions->prefixes[i];
		size_t len = strlen(prefix);
		if (strncmp(number, prefix, len) == 0 ||
			strncmp(number + calling_len, prefix, len) == 0)
			return true;
	}
	return false;
}

int rent_days(const char *hours)
{
	size_t len = strspn(hours, digits);
	int value = 0;

	if (!*hours)
		return 1;
	if (hours[len] || len > 5)
		return -EINVAL;
	for (; *hours; hours++)
		value = 10 * value + (*hours - '0');
	value = (value + 23) / 24;
	return value >= 1 && value <= RENT_DAYS_MAX ? value : -EINVAL;
}

size_t slug_len(const char *text)
{
	size_t len = strlen(text);

	return len > 2 && strcmp(text + len - 2, "_0") == 0 ? len - 2 : len;
}

/* ---- answers -------------------------------------------------------------------------------- */

/* Days since 1970 as a date of the Gregorian calendar, in eras of 400 years that begin in March. */
static void date_of(int64_t days, int *year, int *month, int *day)
{
	int64_t shifted = days + 719468, era = shifted / 146097;
	int of_era = (int)(shifted - era * 146097);
	int y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int of_year = of_era - (365 * y + y / 4 - y / 100);
	int m = (5 * of_year + 2) / 153;

	*day = of_year - (153 * m + 2) / 5 + 1;
	*month = m < 10 ? m + 3 : m - 9;
	*year = (int)(y + era * 400) + (*month <= 2);
}

const char *iso_time(int64_t wall_ms, char out[ISO_SIZE])
{
	int64_t seconds = (wall_ms < 0 ? 0 : wall_ms) / 1000;
	int of_day = (int)(seconds % 86400), year, month, day;

	date_of(seconds / 86400, &year, &month, &day);
	snprintf(out, ISO_SIZE, "%04d-%02d-%02dT%02d:%02d:%02d+00:00", year, month, day,
		of_day / 3600, of_day / 60 % 60, of_day % 60);
	return out;
}
