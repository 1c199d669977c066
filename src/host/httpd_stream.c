/* httpd_stream.c - replies that are written as time goes by: server-sent events. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/counter.h"
#include "host/httpd_impl.h"

enum { BLOCK_SIZE = 4096 };

/* The library asks whenever the client takes more. To say "nothing" alone would make it ask again
 * at once, for ever: the connection sleeps until there is something. */
static ssize_t on_read(void *cls, uint64_t pos, char *buf, size_t size)
{
	struct request *r = cls;
	ssize_t len = r->ended ? -1 : r->stream->read(r->stream_arg, buf, size);

	(void)pos;
	httpd_limit(r->connection, len != 0);
	if (len < 0)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (len > 0)
		return len;
	MHD_suspend_connection(r->connection);
	r->suspended = true;
	return 0;
}

static void end(struct request *r)
{
	r->ended = true;
	httpd_resume(r);
}

/* A sleeping connection is looked at by nobody else. Its client has asked all that it may: what
 * comes now is its end. */
static void on_client(void *arg, int events)
{
	struct request *r = arg;
	const struct connection *c = httpd_connection(r->connection);

	(void)events;
	loop_io_set(r->stream_io, 0);
	shutdown(c->fd, SHUT_RDWR);
	end(r);
	loop_timer_start(&r->listener->run_timer, 0);
}

/* Streams that are open on all listeners: of this peer, or of all (NULL). */
static size_t open_streams(const struct httpd *httpd, const struct guard_peer *peer)
{
	size_t count = 0;

	for (const struct listener *listener = httpd->listeners; listener;
		listener = listener->next)
		for (const struct request *r = listener->requests; r; r = r->next) {
			const struct connection *c =
				r->stream ? httpd_connection(r->connection) : NULL;
			count += c && (!peer || memcmp(&c->peer, peer, sizeof *peer) == 0);
		}
	return count;
}

static int refuse(struct request *r)
{
	counter_add(COUNTER_HTTP_REFUSED, 1);
	http_set_header(&r->http, "Retry-After", "10");
	httpd_reply_error(r, MHD_HTTP_SERVICE_UNAVAILABLE, "too many streams are open");
	return -EAGAIN;
}

int httpd_stream(
	struct http_request *http, const char *type, const struct http_stream *stream, void *arg)
{
	struct request *r = httpd_request_of(http);
	struct httpd *httpd = r->listener->httpd;
	const struct connection *c = httpd_connection(r->connection);

	if (!c || open_streams(httpd, NULL) >= HTTPD_STREAMS_MAX ||
		open_streams(httpd, &c->peer) >= HTTPD_STREAMS_ADDRESS_MAX)
		return refuse(r);
	r->response =
		MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_SIZE, on_read, r, NULL);
	r->stream_io = loop_io_new(httpd->loop, c->fd, LOOP_READ, on_client, r);
	if (!r->response || !r->stream_io || !httpd_add_headers(r, r->response, type)) {
		if (r->response)
			MHD_destroy_response(r->response);
		loop_io_free(r->stream_io);
		r->response = NULL;
		r->stream_io = NULL;
		httpd_reply_error(r, MHD_HTTP_INTERNAL_SERVER_ERROR, "out of memory");
		return -ENOMEM;
	}
	r->stream = stream;
	r->stream_arg = arg;
	httpd_replied(r, MHD_HTTP_OK);
	return 0;
}

void httpd_stream_wake(struct http_request *http)
{
	httpd_resume(httpd_request_of(http));
}

void httpd_stream_over(struct request *r)
{
	loop_io_free(r->stream_io);
	if (r->stream)
		r->stream->over(r->stream_arg);
}

void httpd_end_streams(struct listener *listener)
{
	for (struct request *r = listener->requests; r; r = r->next)
		if (r->stream)
			end(r);
}
