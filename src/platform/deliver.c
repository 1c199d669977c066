/* deliver.c - calls to platforms: libcurl's multi interface inside the loop. */
#include "platform/deliver.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/log.h"
#include "base/tally.h"

enum {
	SPARE_MAX = 16, /* easy handles kept for the next call */
	ANSWER_ROOM = 1024,
	KEEPALIVE_S = 30,
	RETRY_AFTER_MAX_S =
		365 * 86400, /* what is read; how much of it is obeyed is not said here */
};

struct deliver_call {
	TAILQ_ENTRY(deliver_call) link;
	struct deliver *deliver;
	CURL *easy;
	struct curl_slist *headers;
	const char *name; /* static */
	char *body;       /* of the request */
	char *platform;   /* for the log */
	char *answer;
	size_t len, room;
	bool cut;
	int64_t started_us;
	const int64_t *end_ms;
	deliver_fn *done;
	void *arg;
};

struct watch {
	struct deliver *deliver;
	int fd;
	struct loop_io *io;
};

struct deliver {
	struct loop *loop;
	CURLM *multi;
	struct loop_timer timer;
	TAILQ_HEAD(, deliver_call) calls;
	size_t active;
	CURL *spare[SPARE_MAX];
	size_t spare_count;
};

/* ---- the end of a call ---------------------------------------------------------------------- */

static void call_end(struct deliver_call *call)
{
	struct deliver *deliver = call->deliver;

	TAILQ_REMOVE(&deliver->calls, call, link);
	deliver->active--;
	curl_multi_remove_handle(deliver->multi, call->easy);
	curl_easy_reset(call->easy);
	if (deliver->spare_count < SPARE_MAX)
		deliver->spare[deliver->spare_count++] = call->easy;
	else
		curl_easy_cleanup(call->easy);
	call->easy = NULL;
}

static void call_release(struct deliver_call *call)
{
	curl_slist_free_all(call->headers);
	free(call->body);
	free(call->platform);
	free(call->answer);
	free(call);
}

/* libcurl's own sentences may name hosts and proxies with what is in their URLs. */
static const char *error_word(CURLcode code)
{
	switch (code) {
	case CURLE_OPERATION_TIMEDOUT: return "timeout";
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY: return "name not found";
	case CURLE_COULDNT_CONNECT: return "could not connect";
	case CURLE_PEER_FAILED_VERIFICATION: return "certificate refused";
	case CURLE_SSL_CACERT_BADFILE: return "ca_file unusable";
	case CURLE_SSL_CONNECT_ERROR: return "TLS failed";
	case CURLE_GOT_NOTHING:
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
	case CURLE_PARTIAL_FILE:
	case CURLE_HTTP2:
	case CURLE_HTTP2_STREAM: return "connection closed";
	case CURLE_BAD_CONTENT_ENCODING: return "broken encoding";
	case CURLE_URL_MALFORMAT:
	case CURLE_UNSUPPORTED_PROTOCOL: return "bad url";
	case CURLE_OUT_OF_MEMORY:
	case CURLE_WRITE_ERROR: return "out of memory";
	default: return "transfer failed";
	}
}

static void count_call(const struct deliver_call *call, int status)
{
	char code[16] = "none";

	if (status)
		snprintf(code, sizeof code, "%d", status);
	tally_add(TALLY_PLATFORM_REQUESTS, call->platform, call->name, code);
}

static void call_finish(struct deliver_call *call, CURLcode code)
{
	struct answer answer = { .error = "", .body = call->answer, .len = call->len };
	curl_off_t retry_after_s = 0;
	long status = 0;

	answer.body_cut = call->cut;
	if (code == CURLE_OK || call->cut)
		curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status && curl_easy_getinfo(call->easy, CURLINFO_RETRY_AFTER, &retry_after_s) == 0)
		answer.retry_after_ms =
			1000 * (int64_t)(retry_after_s < RETRY_AFTER_MAX_S ? retry_after_s
									   : RETRY_AFTER_MAX_S);
	answer.status = (int)status;
	count_call(call, (int)status);
	if (status == 0) {
		answer.error = error_word(code);
		answer.len = 0;
	}
	call->answer[answer.len] = '\0';
	call_end(call);
	log_debug(LOGC_PLATFORM, call->platform, NULL,
		LOG_FIELDS(LOG_INT("status", status), LOG_INT("bytes", (int64_t)answer.len),
			LOG_INT("ms",
				(loop_fresh_us(call->deliver->loop) - call->started_us) / 1000)),
		"%s: %s", call->name, status ? "answered" : answer.error);
	call->done(call->arg, &answer);
	call_release(call);
}

static void take_results(struct deliver *deliver)
{
	CURLMsg *msg;
	char *call;
	int left;

	while ((msg = curl_multi_info_read(deliver->multi, &left))) {
		if (msg->msg != CURLMSG_DONE)
			continue;
		CURLcode code = msg->data.result;
		curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &call);
		call_finish((void *)call, code);
	}
}

/* Before libcurl gets to write anything: this process may have stood still. */
static void end_overdue(struct deliver *deliver)
{
	int64_t now_ms = loop_fresh_us(deliver->loop) / 1000;
	struct deliver_call *call;

	do {
		TAILQ_FOREACH(call, &deliver->calls, link)
		if (call->end_ms && *call->end_ms <= now_ms) {
			call_finish(call, CURLE_OPERATION_TIMEDOUT);
			break;
		}
	} while (call);
}

/* ---- libcurl in the loop -------------------------------------------------------------------- */

static void on_timer(void *arg)
{
	struct deliver *deliver = arg;
	int running;

	end_overdue(deliver);
	curl_multi_socket_action(deliver->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	take_results(deliver);
}

static int want_timer(CURLM *multi, long timeout_ms, void *arg)
{
	struct deliver *deliver = arg;

	(void)multi;
	if (timeout_ms < 0)
		loop_timer_stop(&deliver->timer);
	else
		loop_timer_start(&deliver->timer, timeout_ms);
	return 0;
}

static void on_socket(void *arg, int events)
{
	struct watch *watch = arg;
	struct deliver *deliver = watch->deliver;
	int fd = watch->fd;
	int mask = (events & LOOP_READ ? CURL_CSELECT_IN : 0) |
		   (events & LOOP_WRITE ? CURL_CSELECT_OUT : 0);
	int running;

	end_overdue(deliver); /* the watch may be gone by then: libcurl knows */
	curl_multi_socket_action(deliver->multi, fd, mask, &running);
	take_results(deliver);
}

static void watch_free(struct watch *watch)
{
	if (!watch)
		return;
	loop_io_free(watch->io);
	free(watch);
}

static int want_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
	struct deliver *deliver = arg;
	struct watch *watch = socket_arg;
	int events =
		(what & CURL_POLL_IN ? LOOP_READ : 0) | (what & CURL_POLL_OUT ? LOOP_WRITE : 0);

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		curl_multi_assign(deliver->multi, fd, NULL);
		watch_free(watch);
		return 0;
	}
	if (watch) {
		loop_io_set(watch->io, events);
		return 0;
	}
	watch = calloc(1, sizeof *watch);
	if (!watch)
		return 0; /* the transfer ends by its time-out */
	watch->deliver = deliver;
	watch->fd = fd;
	watch->io = loop_io_new(deliver->loop, fd, events, on_socket, watch);
	if (!watch->io) {
		free(watch);
		return 0;
	}
	curl_multi_assign(deliver->multi, fd, watch);
	return 0;
}

/* ---- the start of a call -------------------------------------------------------------------- */

/* Called with what is left after inflation: the limit holds for a compressed answer too. */
static size_t on_body(char *data, size_t size, size_t count, void *arg)
{
	struct deliver_call *call = arg;
	size_t len = size * count, keep = len;

	if (keep > DELIVER_BODY_MAX - call->len) {
		keep = DELIVER_BODY_MAX - call->len;
		call->cut = true;
	}
	if (call->len + keep + 1 > call->room) {
		size_t room = 2 * call->room;
		while (room < call->len + keep + 1)
			room *= 2;
		char *answer = realloc(call->answer, room);
		if (!answer)
			return CURL_WRITEFUNC_ERROR;
		call->answer = answer;
		call->room = room;
	}
	memcpy(call->answer + call->len, data, keep);
	call->len += keep;
	return call->cut ? CURL_WRITEFUNC_ERROR : len;
}

static bool add_header(struct curl_slist **headers, const char *line)
{
	struct curl_slist *more = curl_slist_append(*headers, line);

	if (more)
		*headers = more;
	return more;
}

static bool add_key(struct deliver_call *call, const char *key)
{
	if (!key)
		return true;
	int key_len = (int)strcspn(key, "\r\n"); /* a line break would start a header of its own */
	size_t size = (size_t)key_len + sizeof "Authorization: Bearer ";
	char *line = malloc(size);
	bool ok = line;

	if (ok && key_len > 0) {
		snprintf(line, size, "Authorization: Bearer %.*s", key_len, key);
		ok = add_header(&call->headers, line);
	}
	free(line);
	return ok;
}

static bool add_headers(struct deliver_call *call, const char *key, const struct call *request)
{
	for (size_t i = 0; i < CALL_HEADERS_MAX && request->headers[i]; i++)
		if (!add_header(&call->headers, request->headers[i]))
			return false;
	return add_key(call, key) &&
	       add_header(&call->headers, "Content-Type: application/json; charset=utf-8") &&
	       add_header(&call->headers, "Accept: application/json") &&
	       add_header(&call->headers, "Expect:"); /* no 100-continue: it costs a round trip */
}

static bool set_url(CURL *easy, const char *base, const char *path)
{
	size_t size = strlen(base) + strlen(path) + 1;
	char *url = malloc(size);

	if (!url)
		return false;
	snprintf(url, size, "%s%s", base, path);
	CURLcode code = curl_easy_setopt(easy, CURLOPT_URL, url);
	free(url);
	return code == CURLE_OK;
}

/* Only options whose failure would make the call another one are looked at. */
static bool set_up(struct deliver_call *call, const struct config_platform *platform,
	const struct call *request)
{
	CURL *easy = call->easy;
	bool ok = set_url(easy, platform->url, request->path) &&
		  add_headers(call, platform->key, request);

	ok = ok && curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK;
	ok = ok && curl_easy_setopt(easy, CURLOPT_HTTPHEADER, call->headers) == CURLE_OK;
	ok = ok && curl_easy_setopt(easy, CURLOPT_PRIVATE, call) == CURLE_OK;
	if (ok && call->body) {
		ok = curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
			     (curl_off_t)strlen(call->body)) == CURLE_OK &&
		     curl_easy_setopt(easy, CURLOPT_POSTFIELDS, call->body) == CURLE_OK;
	}
	if (ok && strcmp(request->method, call->body ? "POST" : "GET") != 0)
		ok = curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method) == CURLE_OK;
	if (ok && platform->ca_file)
		ok = curl_easy_setopt(easy, CURLOPT_CAINFO, platform->ca_file) == CURLE_OK;
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "simgate/" SIMGATE_VERSION);
	curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, (long)KEEPALIVE_S);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)platform->timeout_ms);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)platform->timeout_ms);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
	return ok;
}

static struct deliver_call *call_new(
	struct deliver *deliver, const struct config_platform *platform, const struct call *request)
{
	struct deliver_call *call = calloc(1, sizeof *call);

	if (!call)
		return NULL;
	call->deliver = deliver;
	call->name = request->name;
	call->end_ms = request->end_ms;
	call->started_us = loop_fresh_us(deliver->loop);
	call->room = ANSWER_ROOM;
	call->answer = malloc(call->room);
	call->platform = strdup(platform->name);
	call->body = request->body ? strdup(request->body) : NULL;
	if (!call->answer || !call->platform || (request->body && !call->body)) {
		call_release(call);
		return NULL;
	}
	return call;
}

struct deliver_call *deliver_start(struct deliver *deliver, const struct config_platform *platform,
	const struct call *request, deliver_fn *done, void *arg)
{
	struct deliver_call *call = call_new(deliver, platform, request);

	if (!call)
		return NULL;
	call->done = done;
	call->arg = arg;
	call->easy = deliver->spare_count > 0 ? deliver->spare[--deliver->spare_count]
					      : curl_easy_init();
	if (!call->easy || !set_up(call, platform, request) ||
		curl_multi_add_handle(deliver->multi, call->easy) != CURLM_OK) {
		if (call->easy)
			curl_easy_cleanup(call->easy);
		call_release(call);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&deliver->calls, call, link);
	deliver->active++;
	return call;
}

void deliver_cancel(struct deliver_call *call)
{
	if (!call)
		return;
	call_end(call);
	call_release(call);
}

size_t deliver_active(const struct deliver *deliver)
{
	return deliver->active;
}

/* ---- the whole ------------------------------------------------------------------------------ */

struct deliver *deliver_new(struct loop *loop)
{
	struct deliver *deliver = calloc(1, sizeof *deliver);

	if (!deliver)
		return NULL;
	deliver->loop = loop;
	TAILQ_INIT(&deliver->calls);
	loop_timer_init(&deliver->timer, loop, on_timer, deliver);
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		free(deliver);
		return NULL;
	}
	deliver->multi = curl_multi_init();
	if (!deliver->multi) {
		deliver_free(deliver);
		return NULL;
	}
	curl_multi_setopt(deliver->multi, CURLMOPT_SOCKETFUNCTION, want_socket);
	curl_multi_setopt(deliver->multi, CURLMOPT_SOCKETDATA, deliver);
	curl_multi_setopt(deliver->multi, CURLMOPT_TIMERFUNCTION, want_timer);
	curl_multi_setopt(deliver->multi, CURLMOPT_TIMERDATA, deliver);
	return deliver;
}

void deliver_free(struct deliver *deliver)
{
	if (!deliver)
		return;
	while (!TAILQ_EMPTY(&deliver->calls))
		deliver_cancel(TAILQ_FIRST(&deliver->calls));
	while (deliver->spare_count > 0)
		curl_easy_cleanup(deliver->spare[--deliver->spare_count]);
	curl_multi_cleanup(deliver->multi);
	loop_timer_stop(&deliver->timer);
	curl_global_cleanup();
	free(deliver);
}
