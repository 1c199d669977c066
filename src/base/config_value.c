/* config_value.c - single values: spans, money, numbers, names, URLs, devices, the nearest word. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/config.h"
#include "base/config_impl.h"

/* Digits at *text, read past them. -EINVAL: none; -ERANGE: over max. */
static int read_digits(const char **text, int64_t max, int64_t *out)
{
	int64_t value = 0;
	bool over = false;

	if (!isdigit((unsigned char)**text))
		return -EINVAL;
	for (; isdigit((unsigned char)**text); (*text)++) {
		int digit = **text - '0';

		if (over || value > (max - digit) / 10)
			over = true;
		else
			value = value * 10 + digit;
	}
	*out = value;
	return over ? -ERANGE : 0;
}

int64_t config_parse_duration(const char *text)
{
	static const struct {
		const char *name;
		int64_t ms;
	} units[] = { { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "min", 60000 },
		{ "h", 3600000 }, { "d", 86400000 } };
	const int64_t max_ms = 3653 * INT64_C(86400000);
	int64_t value = 0;
	size_t i;
	int err;

	if (!text)
		return -EINVAL;
	err = read_digits(&text, max_ms, &value);
	if (err == -EINVAL || (!*text && (err || value)))
		return -EINVAL;
	if (!*text)
		return 0;
	for (i = 0; i < sizeof(units) / sizeof(*units); i++)
		if (!strcmp(text, units[i].name))
			return err || value > max_ms / units[i].ms ? -ERANGE : value * units[i].ms;
	return -EINVAL;
}

int64_t config_parse_money(const char *text)
{
	int64_t whole, part = 0;
	int err, decimals = 0;

	if (!text)
		return -EINVAL;
	err = read_digits(&text, (INT64_MAX - 9999) / 10000, &whole);
	if (err == -EINVAL)
		return err;
	if (*text == '.') {
		for (text++; isdigit((unsigned char)*text) && decimals < 4; decimals++)
			part = part * 10 + (*text++ - '0');
		if (!decimals)
			return -EINVAL;
	}
	if (*text)
		return -EINVAL;
	for (; decimals < 4; decimals++)
		part *= 10;
	return err ? err : whole * 10000 + part;
}

const char *config_print_money(int64_t amount, char out[CONFIG_MONEY_SIZE])
{
	uint64_t units = amount < 0 ? -(uint64_t)amount : (uint64_t)amount;
	unsigned part = (unsigned)(units % 10000);
	bool cents = part % 100 == 0;

	snprintf(out, CONFIG_MONEY_SIZE, "%s%" PRIu64 ".%0*u", amount < 0 ? "-" : "", units / 10000,
		cents ? 2 : 4, cents ? part / 100 : part);
	return out;
}

int config_parse_int(const char *text, int64_t min, int64_t max, int64_t *out)
{
	bool minus = text && *text == '-';
	int64_t value;

	if (!text)
		return -EINVAL;
	text += minus;
	if (read_digits(&text, INT64_MAX, &value) || *text)
		return -EINVAL;
	if (minus)
		value = -value;
	if (value < min || value > max)
		return -EINVAL;
	*out = value;
	return 0;
}

bool config_is_iccid(const char *text)
{
	size_t len = strlen(text);

	return len >= 18 && len <= 22 && text[0] == '8' && text[1] == '9' &&
	       strspn(text, "0123456789abcdefABCDEF") == len;
}

bool config_is_number(const char *text)
{
	size_t len = strlen(text);

	return len >= 8 && len <= 16 && text[0] == '+' && text[1] != '0' &&
	       strspn(text + 1, "0123456789") == len - 1;
}

bool config_is_pin(const char *text)
{
	size_t len = strlen(text);

	return len >= 4 && len <= 8 && strspn(text, "0123456789") == len;
}

bool config_is_ussd(const char *text)
{
	size_t len = strlen(text);

	return len >= 3 && len <= 32 && (*text == '*' || *text == '#') && text[len - 1] == '#' &&
	       strspn(text, "0123456789*#") == len;
}

void config_clean_name(const char *text, char *out, size_t size)
{
	size_t i;

	if (!size)
		return;
	for (i = 0; i + 1 < size && text[i]; i++)
		out[i] = strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-",
				 text[i])
				 ? text[i]
				 : '_';
	out[i] = '\0';
}

bool config_is_name(const char *name, size_t max)
{
	char clean[CONFIG_PORT_ID_MAX + 1];
	size_t len = strlen(name);

	if (!len || len > max || !strcmp(name, ".") || !strcmp(name, ".."))
		return false;
	config_clean_name(name, clean, sizeof(clean));
	return !strcmp(name, clean);
}

/* Length of the host at text, brackets included; 0: none that could be one. */
static size_t host_length(const char *text)
{
	static const char *const letters =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_";
	size_t len;

	if (*text != '[')
		return strspn(text, letters);
	len = 1 + strspn(text + 1, "0123456789abcdefABCDEF:.");
	return len > 1 && text[len] == ']' ? len + 1 : 0;
}

static bool is_port(const char *text, size_t len)
{
	char digits[8];
	int64_t port;

	if (!len || len >= sizeof(digits))
		return false;
	memcpy(digits, text, len);
	digits[len] = '\0';
	return !config_parse_int(digits, 1, 65535, &port);
}

const char *config_url_path_fault(const char *path)
{
	if (*path && *path != '/')
		return "does not begin with '/'";
	for (; *path; path++)
		if (*path <= ' ' || *path > '~' || *path == '#')
			return "has a blank, '#', or a byte that is no printable ASCII";
	return NULL;
}

static bool is_loopback(const char *host, size_t len)
{
	static const char *const names[] = { "127.0.0.1", "localhost", "[::1]" };
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strlen(names[i]) == len && !strncasecmp(host, names[i], len))
			return true;
	return false;
}

const char *config_url_fault(const char *url)
{
	bool plain = !strncmp(url, "http://", 7);
	const char *host = url + (plain ? 7 : 8), *end;
	size_t len;

	if (!plain && strncmp(url, "https://", 8) != 0)
		return "begins with neither https:// nor http://";
	if (strlen(url) > CONFIG_URL_MAX)
		return "longer than 1024 bytes";
	for (end = url; *end; end++)
		if (*end < 0x21 || *end > 0x7e || strchr("\"<>\\^`{|}?#", *end))
			return "has a blank, a query, a fragment or another character that cannot "
			       "be there";
	len = host_length(host);
	end = host + strcspn(host, "/");
	if (memchr(host, '@', (size_t)(end - host)))
		return "has a user name in it; the secret goes under key";
	if (!len)
		return "has no host";
	if (host + len != end &&
		(host[len] != ':' || !is_port(host + len + 1, (size_t)(end - host) - len - 1)))
		return "has a bad host or port";
	if (plain && !is_loopback(host, len))
		return "the key would travel in clear; write https://";
	return NULL;
}

/* Where the query has this option: its value, ended by '&' or NUL; NULL: it has not. */
static const char *query_value(const char *url, const char *name)
{
	size_t len = strlen(name);

	for (url = strchr(url, '?'); url; url = strchr(url, '&'))
		if (!strncmp(++url, name, len) && url[len] == '=')
			return url + len + 1;
	return NULL;
}

/* Whether every server is this host: by its loopback addresses or a socket's folder. */
static bool is_here(const char *hosts, size_t len)
{
	while (len) {
		const char *comma = memchr(hosts, ',', len);
		size_t one = comma ? (size_t)(comma - hosts) : len;
		size_t host = host_length(hosts);

		if (*hosts != '/' && strncasecmp(hosts, "%2f", 3) != 0 &&
			!is_loopback(hosts, host < one ? host : one))
			return false;
		hosts += comma ? one + 1 : one;
		len -= comma ? one + 1 : one;
	}
	return true;
}

const char *config_store_fault(const char *url, bool *in_clear)
{
	const char *hosts = url + 13, *end, *at, *c;

	if (strncmp(url, "postgresql://", 13) != 0)
		return "is neither sqlite nor postgresql://USER@HOST/DATABASE";
	if (strlen(url) > CONFIG_URL_MAX)
		return "longer than 1024 bytes";
	for (c = url; *c; c++)
		if (*c < 0x21 || *c > 0x7e)
			return "has a blank or another character that cannot be there; write %20";
	end = hosts + strcspn(hosts, "/?");
	at = memchr(hosts, '@', (size_t)(end - hosts));
	if ((at && memchr(hosts, ':', (size_t)(at - hosts))) || strstr(url, "password="))
		return "a password does not belong there; write store_password = @NAME";
	if (at)
		hosts = at + 1;
	c = query_value(url, "host");
	*in_clear = !is_here(hosts, (size_t)(end - hosts)) || (c && !is_here(c, strcspn(c, "&")));
	c = query_value(url, "sslmode");
	if (c && (!strncmp(c, "verify-", 7) || !strncmp(c, "require", 7)))
		*in_clear = false;
	return NULL;
}

bool config_is_glob(const char *device)
{
	return *device == '/' && strpbrk(device, "*?[");
}

const char *config_device_fault(const char *device)
{
	const char *colon = strrchr(device, ':');

	if (*device == '/')
		return device[strlen(device) - 1] == '/' ? "is a folder" : NULL;
	if (strncmp(device, "tcp:", 4) != 0)
		return "is neither a path from /, a pattern of them, nor tcp:HOST:PORT";
	if (colon < device + 5 || host_length(device + 4) != (size_t)(colon - device - 4) ||
		!is_port(colon + 1, strlen(colon + 1)))
		return "has a bad host or port; write tcp:HOST:PORT";
	return NULL;
}

/* Levenshtein's distance; of a long word its first 63 bytes count. */
static size_t distance(const char *a, const char *b)
{
	size_t row[64], i, j, a_len = strnlen(a, 63), b_len = strnlen(b, 63);

	for (j = 0; j <= b_len; j++)
		row[j] = j;
	for (i = 1; i <= a_len; i++) {
		size_t corner = row[0];

		row[0] = i;
		for (j = 1; j <= b_len; j++) {
			size_t best = corner + (a[i - 1] != b[j - 1]);

			corner = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[b_len];
}

const char *config_nearest(const char *word, const char *const *words)
{
	const char *best = words[0];
	size_t best_distance = distance(word, best), i;

	for (i = 1; words[i]; i++) {
		size_t d = distance(word, words[i]);

		if (d < best_distance) {
			best = words[i];
			best_distance = d;
		}
	}
	return best;
}

bool config_is_word(const char *word, const char *const *words)
{
	for (; words && *words; words++)
		if (!strcmp(word, *words))
			return true;
	return false;
}
