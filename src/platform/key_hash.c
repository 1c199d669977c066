/* key_hash.c - customers' keys are kept as hashes. */
#include "platform/key_hash.h"

#include <errno.h>
#include <nettle/sha2.h>
#include <string.h>
#include <sys/random.h>

static void to_hex(const uint8_t *bytes, size_t count, char *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < count; i++) {
		*out++ = digits[bytes[i] >> 4];
		*out++ = digits[bytes[i] & 15];
	}
	*out = '\0';
}

void key_hash(const char *key, char out[STORE_KEY_HASH_SIZE])
{
	uint8_t digest[SHA256_DIGEST_SIZE];
	struct sha256_ctx sha;

	_Static_assert(STORE_KEY_HASH_SIZE == 2 * SHA256_DIGEST_SIZE + 1, "SHA-256");
	sha256_init(&sha);
	sha256_update(&sha, strlen(key), (const uint8_t *)key);
	sha256_digest(&sha, sizeof digest, digest);
	to_hex(digest, sizeof digest, out);
}

int key_new(char out[KEY_NEW_SIZE])
{
	uint8_t bytes[(KEY_NEW_SIZE - 1) / 2];
	ssize_t got = getrandom(bytes, sizeof bytes, 0);

	if (got != (ssize_t)sizeof bytes)
		return got < 0 ? -errno : -EIO;
	to_hex(bytes, sizeof bytes, out);
	explicit_bzero(bytes, sizeof bytes);
	return 0;
}
