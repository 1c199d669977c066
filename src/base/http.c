/* http.c - what headers and addresses say: keys, hosts, encodings, where to listen. */
#include "base/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>

#include "base/config.h"

bool http_key_equal(const char *given, const char *key)
{
	size_t len = strlen(given), key_len = strlen(key);
	volatile unsigned char different = len != key_len || key_len == 0;

	for (size_t i = 0; key_len && i < len; i++)
		different |= (unsigned char)(given[i] ^ key[i % key_len]);
	return !different;
}

/* What stands behind the scheme's name and its blanks; NULL for another scheme. */
static const char *after_scheme(const char *authorization, const char *scheme)
{
	size_t len = strlen(scheme);

	if (!authorization || strncasecmp(authorization, scheme, len) != 0 ||
		authorization[len] != ' ')
		return NULL;
	return authorization + len + strspn(authorization + len, " ");
}

const char *http_bearer(const char *authorization)
{
	const char *token = after_scheme(authorization, "Bearer");

	return token && *token ? token : NULL;
}

static int base64_digit(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* Decodes up to the end or the padding; bytes past size are counted and not written. */
static int base64_decode(const char *text, char *out, size_t size, size_t *len)
{
	unsigned bits = 0;
	size_t digits = 0, pads;
	int digit;

	*len = 0;
	for (; (digit = base64_digit(*text)) >= 0; text++, digits++) {
		bits = (bits << 6 | (unsigned)digit) & 0xffffff;
		if (digits % 4 == 0)
			continue;
		if (*len < size)
			out[*len] = (char)(bits >> (6 - 2 * (digits % 4)) & 0xff);
		(*len)++;
	}
	pads = strspn(text, "=");
	if (text[pads] || digits % 4 == 1 || (pads && (digits + pads) % 4 != 0) || pads > 2)
		return -EINVAL;
	return 0;
}

int http_basic_password(const char *authorization, char *out, size_t size)
{
	const char *text = after_scheme(authorization, "Basic"), *colon;
	char pair[2 * HTTP_SECRET_MAX];
	size_t len, pass_len;
	int err = -EINVAL;

	if (text && base64_decode(text, pair, sizeof pair, &len) == 0 && len <= sizeof pair &&
		(colon = memchr(pair, ':', len))) {
		pass_len = len - (size_t)(colon + 1 - pair);
		err = pass_len < size ? 0 : -EINVAL;
		for (size_t i = 0; i < len; i++)
			if ((unsigned char)pair[i] < 0x20 || pair[i] == 0x7f)
				err = -EINVAL;
		if (!err) {
			memcpy(out, colon + 1, pass_len);
			out[pass_len] = '\0';
		}
	}
	explicit_bzero(pair, sizeof pair);
	return err;
}

bool http_type_is(const char *content_type, const char *type)
{
	size_t len = strlen(type);

	if (!content_type || strncasecmp(content_type, type, len) != 0)
		return false;
	content_type += len + strspn(content_type + len, " \t");
	return *content_type == '\0' || *content_type == ';';
}

bool http_host_is_local(const char *host)
{
	static const char *const names[] = { "localhost", "127.0.0.1", "[::1]" };

	for (size_t i = 0; host && i < sizeof names / sizeof *names; i++) {
		size_t len = strlen(names[i]);
		if (strncasecmp(host, names[i], len) != 0)
			continue;
		if (host[len] == '\0')
			return true;
		if (host[len] == ':' && host[len + 1] &&
			strspn(host + len + 1, "0123456789") == strlen(host + len + 1))
			return true;
	}
	return false;
}

/* "q=0", "q=0.0", ...: not this coding. */
static bool weight_is_zero(const char *from, const char *end)
{
	const char *q = memchr(from, '=', (size_t)(end - from));

	if (!q)
		return false;
	for (q++; q < end && (*q == '0' || *q == '.'); q++)
		;
	return q == end || *q == ' ' || *q == '\t';
}

bool http_accepts_gzip(const char *accept_encoding)
{
	static const char blanks[] = " \t";

	for (const char *at = accept_encoding; at && *at;) {
		at += strspn(at, " \t,");
		const char *end = at + strcspn(at, ",");
		size_t len = strcspn(at, ",; \t");
		if ((len == 4 && strncasecmp(at, "gzip", 4) == 0) ||
			(len == 6 && strncasecmp(at, "x-gzip", 6) == 0)) {
			at += len + strspn(at + len, blanks);
			return !weight_is_zero(at, end);
		}
		at = end;
	}
	return false;
}

static int unix_address(const char *path, struct http_address *out)
{
	struct sockaddr_un *address = (struct sockaddr_un *)&out->socket;
	size_t len = strlen(path);

	if (len >= sizeof address->sun_path)
		return -ENAMETOOLONG;
	if (*path != '/' || path[len - 1] == '/')
		return -EINVAL;
	address->sun_family = AF_UNIX;
	memcpy(address->sun_path, path, len + 1);
	out->len = sizeof *address;
	out->local = true;
	out->path = path;
	return 0;
}

static int ip_address(char *host, uint16_t port, struct http_address *out)
{
	struct sockaddr_in *four = (struct sockaddr_in *)&out->socket;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)&out->socket;
	size_t len = strlen(host);

	if (len > 2 && host[0] == '[' && host[len - 1] == ']') {
		host[len - 1] = '\0';
		if (inet_pton(AF_INET6, host + 1, &six->sin6_addr) != 1)
			return -EINVAL;
		six->sin6_family = AF_INET6;
		six->sin6_port = htons(port);
		out->len = sizeof *six;
		out->local = IN6_IS_ADDR_LOOPBACK(&six->sin6_addr);
		return 0;
	}
	if (inet_pton(AF_INET, host, &four->sin_addr) != 1)
		return -EINVAL;
	four->sin_family = AF_INET;
	four->sin_port = htons(port);
	out->len = sizeof *four;
	out->local = ntohl(four->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	return 0;
}

int http_address_parse(const char *text, bool any_port, struct http_address *out)
{
	struct http_address address = { .len = 0 };
	const char *colon = strrchr(text, ':');
	char host[HTTP_ADDRESS_MAX];
	int64_t port;
	int err;

	if (strncmp(text, "unix:", 5) == 0) {
		err = unix_address(text + 5, &address);
	} else {
		if (!colon || (size_t)(colon - text) >= sizeof host ||
			config_parse_int(colon + 1, any_port ? 0 : 1, 65535, &port))
			return -EINVAL;
		memcpy(host, text, (size_t)(colon - text));
		host[colon - text] = '\0';
		err = ip_address(host, (uint16_t)port, &address);
	}
	if (!err)
		*out = address;
	return err;
}
