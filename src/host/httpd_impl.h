/* httpd_impl.h - what the files of the HTTP server share. */
#ifndef SIMGATE_HOST_HTTPD_IMPL_H
#define SIMGATE_HOST_HTTPD_IMPL_H

#include <microhttpd.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "host/httpd.h"
#include "host/httpd_guard.h"

enum { REQUEST_HEADERS_MAX = 8 };

struct httpd {
	struct loop *loop;
	const struct http_route *const *routes;
	struct guard *guard;
	char *key; /* NULL: none */
	struct listener *listeners;
};

/* A socket and the library's daemon that serves its connections. */
struct listener {
	struct httpd *httpd;
	struct listener *next;
	char *address; /* as in the configuration; of the control socket its path */
	bool control;
	struct MHD_Daemon *mhd;
	struct loop_io *listen_io, *mhd_io;
	struct loop_timer run_timer, accept_timer, end_timer;
	struct request *requests;
	size_t connection_count;
	int listen_fd;
	char *path; /* NULL until the socket's file is ours */
	dev_t dev;
	ino_t ino;
	bool tls;
	bool started;    /* the library has */
	bool stopping;   /* requests get 503 */
	char words[160]; /* of the library, why it did not start */
};

/* The library's own timeout follows a clock of its own and starts again at each byte; this one
 * bounds each phase as a whole: a request's arrival, a reply's leaving, the rest in between. */
struct connection {
	struct loop_timer timer;
	struct listener *listener;
	int fd;
	struct guard_peer peer;
	enum http_peer from;
	bool idle; /* has been answered and did not ask again */
};

struct request_header {
	char *name, *value;
};

struct request {
	struct http_request http;
	struct listener *listener;
	struct MHD_Connection *connection;
	struct request *next;
	const struct http_route *route; /* until its handler was called; NULL: none fits */
	char pattern[64];               /* its path, for the count */
	struct MHD_Response *response;
	struct request_header headers[REQUEST_HEADERS_MAX];
	size_t header_count;
	int status;
	char *body;
	bool too_long, dispatched, suspended, replied;
	const struct http_stream *stream; /* NULL: the reply is a whole one */
	void *stream_arg;
	struct loop_io *stream_io; /* its client: has nothing to say but that it goes */
	bool ended;                /* nothing more is read from the stream */
	bool left;                 /* the client had closed before the reply was there */
	http_sent_fn *told;        /* NULL: nobody wants to know */
	void *told_arg;
};

/* A sentence for the caller's operator; returns error. */
int httpd_say(char *why, size_t why_size, int error, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* httpd_listen.c: the listener's socket, with its file where it has one; and its end. */
int httpd_open_unix(struct listener *listener, const struct http_address *address, int mode,
	const char *group, char *why, size_t why_size);
int httpd_open_tcp(
	struct listener *listener, const struct http_address *address, char *why, size_t why_size);
void httpd_close_socket(struct listener *listener);

/* httpd_request.c: the library's callbacks; cls is the listener. */
enum MHD_Result httpd_on_access(void *cls, struct MHD_Connection *connection, const char *url,
	const char *method, const char *version, const char *data, size_t *len, void **ctx);
void httpd_on_completed(void *cls, struct MHD_Connection *connection, void **ctx,
	enum MHD_RequestTerminationCode code);
size_t httpd_on_unescape(void *cls, struct MHD_Connection *connection, char *text);

/* Answers 503 to all that wait. */
void httpd_end_requests(struct listener *listener);

/* While it waits for us a client is not to blame: then its time is not limited. */
void httpd_limit(struct MHD_Connection *connection, bool limited);

/* The headers of a reply; false: out of memory. */
bool httpd_add_headers(struct request *r, struct MHD_Response *response, const char *type);

/* The request is answered by r->response; goes on where it was suspended. */
void httpd_replied(struct request *r, int status);
void httpd_resume(struct request *r);

/* httpd_stream.c */
int httpd_stream(
	struct http_request *http, const char *type, const struct http_stream *stream, void *arg);
void httpd_stream_wake(struct http_request *http);
void httpd_stream_over(struct request *r); /* the request is about to be freed */
void httpd_end_streams(struct listener *listener);

/* Whether a handler still has a request that it will answer. */
bool httpd_owes(const struct listener *listener);

/* httpd_access.c: whether the request may reach its route's handler; false: it was answered. */
bool httpd_may(struct request *r);
void httpd_note_wrong_key(struct http_request *http);

/* A reply of the server's own. */
void httpd_reply_error(struct request *r, int status, const char *what);

struct connection *httpd_connection(struct MHD_Connection *connection);
struct request *httpd_request_of(const struct http_request *http);

#endif
