/* httpd.h - an HTTP server inside the loop; libmicrohttpd lives behind this file. */
#ifndef SIMGATE_HOST_HTTPD_H
#define SIMGATE_HOST_HTTPD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/http.h"
#include "base/loop.h"

enum {
	HTTPD_BODY_MAX = 64 * 1024, /* as it comes, and when inflated */
	HTTPD_CONNECTIONS_MAX = 64, /* of the control socket; the others: httpd_guard.h */
	HTTPD_HEAD_MAX = 16 * 1024, /* a request's line and headers, but on the control socket */
	HTTPD_TIMEOUT_S = 30,       /* for a request to arrive, and for a reply to leave */
	HTTPD_STREAMS_MAX = 64,     /* open at a time */
	HTTPD_STREAMS_ADDRESS_MAX = 32, /* by one address */
	HTTPD_GZIP_MIN = 1024,          /* longer replies are compressed for who takes that */
};

/* One server with several listeners, and limits that they share. */
struct httpd;

/* routes: tables in the order they are looked through; NULL ends the list. List and tables must
 * outlive the server and may be changed between two turns of the loop. Unknown paths get 404, known
 * ones with another method 405, a longer body 413, an encoding other than gzip 415; all with
 * {"error":"..."}. NULL if out of memory. */
struct httpd *httpd_new(struct loop *loop, const struct http_route *const *routes);

/* Ends all connections, removes the sockets. Requests that were not answered yet are answered 503
 * by this; their http_reply() must not be called any more. Takes NULL. */
void httpd_free(struct httpd *httpd);

/* The control socket: a unix socket at path with the given mode and, if it exists, group. A stale
 * socket is replaced; one that answers, or a file of another kind, is refused. 0, or a negative
 * errno and a sentence in why. */
int httpd_listen_control(struct httpd *httpd, const char *path, int mode, const char *group,
	char *why, size_t why_size);

/* A certificate with its chain, and its key, as PEM. */
struct httpd_tls {
	const char *cert, *key;
};

/* Listens at an address of the configuration's; a unix socket gets mode 0660 and the group simgate.
 * tls NULL: plain; a unix socket is always. -EEXIST: does already. Else as above. */
int httpd_listen(struct httpd *httpd, const char *address, const struct httpd_tls *tls, char *why,
	size_t why_size);

/* Whether this certificate and key could be listened with: 0, or a negative errno and a sentence.
 */
int httpd_check_tls(const struct httpd_tls *tls, char *why, size_t why_size);

/* No new connections there. Streams end, requests under way are answered; then its connections end.
 */
void httpd_unlisten(struct httpd *httpd, const char *address);

/* The port of a listener that was opened with port 0; 0 if there is none. */
int httpd_port(const struct httpd *httpd, const char *address);

/* What HTTP_OPERATOR asks for away from the control socket; NULL: nothing, of this host's own
 * processes alone. Copied. 0 or -ENOMEM: then the old one stays. */
int httpd_set_key(struct httpd *httpd, const char *key);

#endif
