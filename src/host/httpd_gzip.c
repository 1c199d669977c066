/* httpd_gzip.c - gzip in and out, whole bodies at a time. */
#include "host/httpd_gzip.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <zlib.h>

enum { GZIP_FORMAT = 16, WINDOW_BITS = 15, MEMORY_LEVEL = 8 };

int gzip_inflate(const char *data, size_t len, void *out, size_t max, size_t *out_len)
{
	z_stream stream = { .next_in = (Bytef *)(uintptr_t)data,
		.avail_in = (uInt)len,
		.next_out = out,
		.avail_out = (uInt)max };
	Bytef more;
	int result, err = -EBADMSG;

	if (len > UINT_MAX || max > UINT_MAX || len == 0)
		return -EBADMSG;
	if (inflateInit2(&stream, WINDOW_BITS + GZIP_FORMAT) != Z_OK)
		return -ENOMEM;
	result = inflate(&stream, Z_FINISH);
	if (result == Z_BUF_ERROR && stream.avail_out == 0) {
		/* Full: it is too long if there is one byte more. */
		stream.next_out = &more;
		stream.avail_out = 1;
		result = inflate(&stream, Z_FINISH);
		if (stream.avail_out == 0)
			err = -EMSGSIZE;
	}
	if (result == Z_STREAM_END && stream.avail_in == 0 && err != -EMSGSIZE) {
		*out_len = stream.total_out;
		err = 0;
	} else if (result == Z_MEM_ERROR) {
		err = -ENOMEM;
	}
	inflateEnd(&stream);
	return err;
}

char *gzip_deflate(const char *data, size_t len, size_t *out_len)
{
	z_stream stream = { .next_in = (Bytef *)(uintptr_t)data, .avail_in = (uInt)len };
	char *out = len && len <= UINT_MAX ? malloc(len) : NULL;
	bool whole;

	if (!out)
		return NULL;
	/* The loop waits for it: the quickest level. */
	if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, WINDOW_BITS + GZIP_FORMAT, MEMORY_LEVEL,
		    Z_DEFAULT_STRATEGY) != Z_OK) {
		free(out);
		return NULL;
	}
	stream.next_out = (Bytef *)out;
	stream.avail_out = (uInt)len;
	whole = deflate(&stream, Z_FINISH) == Z_STREAM_END;
	*out_len = stream.total_out;
	deflateEnd(&stream);
	if (whole)
		return out;
	free(out);
	return NULL;
}
