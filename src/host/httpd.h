/* httpd.h - an HTTP listener inside the loop; libmicrohttpd lives behind this file. */
#ifndef SIMGATE_HOST_HTTPD_H
#define SIMGATE_HOST_HTTPD_H

#include <stddef.h>

#include "base/http.h"
#include "base/loop.h"

enum {
	HTTPD_BODY_MAX = 64 * 1024,
	HTTPD_CONNECTIONS_MAX = 64,
	HTTPD_TIMEOUT_S = 30, /* of a silent connection */
};

struct httpd;

/* A unix socket at path with the given mode and, if it exists, group. A stale socket is replaced;
 * one that answers, or a file of another kind, is refused with a sentence in why. routes must
 * outlive the listener. Unknown paths get 404, known ones with another method 405, both as
 * {"error":"..."}; a longer body 413. */
int httpd_new_unix(struct loop *loop, const char *path, int mode, const char *group,
	const struct http_route *routes, struct httpd **out, char *why, size_t why_size);

/* Ends all connections, removes the socket. Requests that were not answered yet are answered 503
 * by this; their http_reply() must not be called any more. Takes NULL. */
void httpd_free(struct httpd *httpd);

#endif
