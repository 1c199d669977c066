/* fnv.h - FNV-1a, 64 bits: whether something has changed. Not against who would deceive. */
#ifndef SIMGATE_BASE_FNV_H
#define SIMGATE_BASE_FNV_H

#include <stddef.h>
#include <stdint.h>

#define FNV_START UINT64_C(14695981039346656037)

static inline uint64_t fnv_bytes(uint64_t hash, const void *data, size_t len)
{
	const unsigned char *at = data;

	for (; len > 0; len--)
		hash = (hash ^ *at++) * UINT64_C(1099511628211);
	return hash;
}

/* With its end: "a" "bc" is not "ab" "c". */
static inline uint64_t fnv_text(uint64_t hash, const char *text)
{
	for (;; text++) {
		hash = (hash ^ (unsigned char)*text) * UINT64_C(1099511628211);
		if (!*text)
			return hash;
	}
}

static inline uint64_t fnv_int(uint64_t hash, int64_t value)
{
	return fnv_bytes(hash, &value, sizeof value);
}

#endif
