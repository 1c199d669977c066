/* httpd_gzip.h - gzip (RFC 1952) in and out, whole bodies at a time; zlib lives behind this file.
 */
#ifndef SIMGATE_HOST_HTTPD_GZIP_H
#define SIMGATE_HOST_HTTPD_GZIP_H

#include <stddef.h>

/* One gzip member, nothing behind it, into out. 0; -EBADMSG: not that; -EMSGSIZE: longer than max
 * when inflated (no more than max bytes are ever written); -ENOMEM. */
int gzip_inflate(const char *data, size_t len, void *out, size_t max, size_t *out_len);

/* A body as one gzip member, for the caller to free. NULL if out of memory or not any shorter. */
char *gzip_deflate(const char *data, size_t len, size_t *out_len);

#endif
