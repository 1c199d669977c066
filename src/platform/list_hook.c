/* list_hook.c - the path at which a platform asks for its number list ("list online", 2019). */
#include "platform/list_hook.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

/* An answer that waits for the store. */
struct hook_call {
	LIST_ENTRY(hook_call) link;
	struct list_hook *hook;       /* NULL: it is gone */
	struct http_request *request; /* likewise */
};

struct list_hook {
	list_hook_at_fn *at;
	void *arg;
	LIST_HEAD(, hook_call) calls;
	struct http_route routes[3];
};

static void reply(struct http_request *request, int status, const char *body)
{
	http_reply(request, status, "application/json; charset=utf-8", body, strlen(body));
}

static void reply_later(struct http_request *request)
{
	reply(request, 503, "{\"error\":\"there is no list now, ask again\"}");
}

static void on_printed(void *arg, int err, const char *body)
{
	struct hook_call *call = arg;

	if (call->hook) {
		LIST_REMOVE(call, link);
		if (err)
			reply_later(call->request);
		else
			reply(call->request, 200, body);
	}
	free(call);
}

static void print(struct list_hook *hook, struct roster *roster, struct http_request *request)
{
	struct hook_call *call = calloc(1, sizeof *call);

	if (!call || roster_print(roster, on_printed, call) < 0) {
		free(call);
		reply_later(request);
		return;
	}
	call->hook = hook;
	call->request = request;
	LIST_INSERT_HEAD(&hook->calls, call, link);
}

static bool has_key(struct http_request *request, const struct config_platform *platform)
{
	const char *bearer = http_bearer(http_header(request, "Authorization"));
	const char *query = http_query(request, "apikey");

	if (!bearer && !query)
		return false;
	return (!bearer || http_key_equal(bearer, platform->key)) &&
	       (!query || http_key_equal(query, platform->key));
}

/* Whose list is asked for; NULL: nobody's. */
static struct roster *find(struct list_hook *hook, struct http_request *request)
{
	bool by_key = strcmp(request->path, "/webhook/numbers") == 0;
	const struct config_platform *platform;
	struct roster *roster, *found = NULL;

	for (size_t i = 0; hook->at(hook->arg, i, &platform, &roster); i++) {
		const char *secret = platform->webhook_path;
		bool fits = by_key ? has_key(request, platform)
				   : secret && http_key_equal(request->path, secret);
		if (roster && fits)
			found = roster;
	}
	return found;
}

/* A path that is nobody's is a guess, as a wrong key is. */
static void on_call(void *arg, struct http_request *request)
{
	struct list_hook *hook = arg;
	struct roster *roster = find(hook, request);
	bool by_key = strcmp(request->path, "/webhook/numbers") == 0;

	if (roster) {
		print(hook, roster, request);
		return;
	}
	if (!by_key || http_query(request, "apikey") || http_header(request, "Authorization"))
		http_wrong_key(request);
	if (by_key)
		reply(request, 401, "{\"error\":\"no key, or a wrong one\"}");
	else
		reply(request, 404, "{\"error\":\"no such path\"}");
}

/* One pattern for all: a secret path must not be shown where requests are counted. */
struct list_hook *list_hook_new(list_hook_at_fn *at, void *arg)
{
	struct list_hook *hook = calloc(1, sizeof *hook);

	if (!hook)
		return NULL;
	hook->at = at;
	hook->arg = arg;
	LIST_INIT(&hook->calls);
	hook->routes[0] = (struct http_route) { "GET", "/webhook/*", on_call, hook, HTTP_OWN };
	hook->routes[1] = (struct http_route) { "POST", "/webhook/*", on_call, hook, HTTP_OWN };
	return hook;
}

void list_hook_free(struct list_hook *hook)
{
	struct hook_call *call;

	if (!hook)
		return;
	while ((call = LIST_FIRST(&hook->calls))) {
		LIST_REMOVE(call, link);
		call->hook = NULL;
		call->request = NULL;
	}
	free(hook);
}

const struct http_route *list_hook_routes(const struct list_hook *hook)
{
	return hook->routes;
}
