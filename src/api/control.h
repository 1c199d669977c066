/* control.h - the control socket's answers: JSON over what the daemon knows. */
#ifndef SIMGATE_API_CONTROL_H
#define SIMGATE_API_CONTROL_H

#include <stddef.h>

#include "base/config.h"
#include "base/histogram.h"
#include "base/http.h"
#include "base/loop.h"
#include "modem/bank.h"
#include "modem/inbox.h"
#include "modem/modem.h"
#include "platform/activation.h"
#include "platform/customers.h"
#include "platform/leader.h"
#include "platform/outbox.h"
#include "platform/roster.h"
#include "platform/takeoff.h"
#include "store/store.h"

struct history;

struct control_platform {
	const struct config_platform *config;
	struct outbox *outbox;
	struct roster *roster;              /* NULL: this kind has no list */
	struct takeoff *takeoff;            /* NULL: this kind has no such call */
	const struct histogram *deliveries; /* from a text's arrival on */
};

/* What the gateway shows, kept up to date by it. */
struct control_view {
	struct loop *loop;
	struct store *store;
	struct inbox *inbox;
	struct activations *activations;
	struct customers *customers;
	struct banks *banks; /* NULL: none yet */
	const struct config *config;
	struct modem *const *modems;
	size_t modem_count;
	const struct control_platform *platforms;
	size_t platform_count;
	const struct history *history; /* NULL: none is kept */
	const struct hubs *hubs;       /* NULL: none */
	struct leader *leader;         /* NULL: this host alone */
	bool settled;                  /* the lists may be sent */
	bool stopping;
	int64_t started_ms, started_wall_ms;
};

/* What the gateway does when asked. */
struct control_actions {
	/* Reads the configuration again. 0; 1: what could not be used stays as it was, as say()
	 * was told; or -EINVAL with the report's errors: nothing has changed. say() is called for
	 * each change that was made, or that needs a restart. */
	int (*reload)(void *arg, struct config_report *report, config_say_fn *say, void *say_arg);
	/* Deliveries were queued by hand. */
	void (*kick)(void *arg);
	/* What the store knows of the cards' numbers was changed by hand. */
	void (*numbers_changed)(void *arg);
	/* Ports were drained or resumed. */
	void (*drain_changed)(void *arg);
};

struct control;

/* view and actions must outlive it. NULL if out of memory. */
struct control *control_new(
	const struct control_view *view, const struct control_actions *actions, void *arg);
void control_free(struct control *control);

/* The routes, for a listener; valid as long as the control. */
const struct http_route *control_routes(const struct control *control);

#endif
