/* health.c - /healthz and /readyz. All may ask: no names and no figures in the answers. */
#include "api/health.h"

#include <stdlib.h>
#include <string.h>

#include "api/json.h"

struct health {
	const struct control_view *view;
	bool (*alive)(void *arg);
	void *arg;
	struct http_route routes[3];
};

static void answer(struct http_request *request, const char *fault)
{
	cJSON *json = cJSON_CreateObject();

	cJSON_AddBoolToObject(json, "ok", fault == NULL);
	if (fault)
		cJSON_AddStringToObject(json, "error", fault);
	json_answer(request, fault ? 503 : 200, json);
}

/* That the loop is alive is said by the answer itself. */
static void on_healthz(void *arg, struct http_request *request)
{
	struct health *health = arg;

	answer(request, health->alive(health->arg) ? NULL : "the store makes no progress");
}

static bool lists_accepted(const struct control_view *view)
{
	struct roster_status status;

	if (leader_follows(view->leader)) /* another host sends them */
		return *leader_name(view->leader) != '\0';
	for (size_t i = 0; i < view->platform_count; i++) {
		if (!view->platforms[i].roster)
			continue; /* has no list */
		roster_status(view->platforms[i].roster, &status);
		if (!status.accepted_wall_ms || *status.reason)
			return false;
	}
	return true;
}

static void on_readyz(void *arg, struct http_request *request)
{
	struct health *health = arg;
	const struct control_view *view = health->view;
	struct store_server server;

	if (view->stopping)
		answer(request, "stopping");
	else if (!health->alive(health->arg))
		answer(request, "the store makes no progress");
	else if (store_health(view->store) != 0)
		answer(request, store_server(view->store, &server) && !server.up
					? "the server that has the store is away"
					: "the store cannot be written to");
	else if (!lists_accepted(view))
		answer(request, view->settled ? "a number list is not accepted" : "starting");
	else
		answer(request, NULL);
}

struct health *health_new(const struct control_view *view, bool (*alive)(void *arg), void *arg)
{
	struct health *health = calloc(1, sizeof *health);

	if (!health)
		return NULL;
	health->view = view;
	health->alive = alive;
	health->arg = arg;
	memcpy(health->routes,
		(struct http_route[3]) {
			{ "GET", "/healthz", on_healthz, health, HTTP_OPEN },
			{ "GET", "/readyz", on_readyz, health, HTTP_OPEN },
		},
		sizeof health->routes);
	return health;
}

void health_free(struct health *health)
{
	free(health);
}

const struct http_route *health_routes(const struct health *health)
{
	return health->routes;
}
