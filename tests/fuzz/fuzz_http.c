/* fuzz_http.c - what a stranger's request brings that is read by us: headers, addresses, gzip. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/http.h"
#include "host/httpd_gzip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INFLATED_MAX = 4096 };

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void fuzz_headers(const char *text)
{
	char password[64];
	const char *token = http_bearer(text);
	struct http_address address;

	require(!token || (*token && token > text && token < text + strlen(text)));
	if (http_basic_password(text, password, sizeof password) == 0) {
		require(strlen(password) < sizeof password);
		for (const char *c = password; *c; c++)
			require((unsigned char)*c >= 0x20 && *c != 0x7f);
	}
	require(!http_host_is_local(text) || strncasecmp(text, "localhost", 9) == 0 ||
		strncmp(text, "127.0.0.1", 9) == 0 || strncmp(text, "[::1]", 5) == 0);
	require(!http_accepts_gzip(text) || strcasestr(text, "gzip"));
	http_type_is(text, "application/json");
	require(http_key_equal(text, text) == (*text != '\0'));
	require(!http_key_equal(text, ""));
	if (http_address_parse(text, true, &address) == 0)
		require(address.len > 0 && address.len <= sizeof address.socket);
}

/* Never a byte past the limit; what we deflate we inflate. */
static void fuzz_gzip(const char *data, size_t size)
{
	char *out = malloc(INFLATED_MAX), *zipped;
	size_t len = 0, zipped_len = 0;
	int err;

	require(out != NULL);
	err = gzip_inflate(data, size, out, INFLATED_MAX, &len);
	require(err == 0 || err == -EBADMSG || err == -EMSGSIZE);
	require(len <= INFLATED_MAX);
	zipped = gzip_deflate(data, size, &zipped_len);
	if (zipped) {
		require(zipped_len <= size);
		err = gzip_inflate(zipped, zipped_len, out, INFLATED_MAX, &len);
		require(err == (size > INFLATED_MAX ? -EMSGSIZE : 0));
		require(err || (len == size && memcmp(out, data, len) == 0));
	}
	free(zipped);
	free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	require(text != NULL);
	memcpy(text, data, size);
	text[size] = '\0';
	fuzz_headers(text);
	fuzz_gzip(text, size);
	free(text);
	return 0;
}
