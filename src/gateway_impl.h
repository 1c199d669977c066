/* gateway_impl.h - what gateway.c, gateway_ports.c and gateway_reload.c share. */
#ifndef SIMGATE_GATEWAY_IMPL_H
#define SIMGATE_GATEWAY_IMPL_H

#include "api/control.h"
#include "gateway.h"
#include "host/httpd.h"
#include "host/notify.h"
#include "modem/inbox.h"
#include "modem/modem.h"
#include "platform/deliver.h"
#include "platform/outbox.h"
#include "platform/roster.h"
#include "port/opener.h"
#include "store/store.h"

enum { GATEWAY_SUMMARY_MS = 5 * 60 * 1000 };

/* A platform and what works for it. */
struct platform {
	struct gateway *gateway;
	char name[STORE_NAME_SIZE];
};

struct gateway {
	struct loop *loop;
	struct config *config;
	struct store *store;
	struct opener *opener;
	struct inbox *inbox;
	struct deliver *deliver;
	struct control *control;
	struct httpd *httpd;
	struct notify *notify;
	struct modem_env env;
	struct inbox_spans inbox_spans;
	struct modem **modems;
	size_t modem_count, modem_room;
	size_t scan_at;       /* where in modems the next device of a scan is expected */
	struct modem **dying; /* stopped by a reload, not yet finished */
	size_t dying_count;
	/* Of each platform of the configuration, in its order; one for all that have the same. */
	struct filter *filters[CONFIG_PLATFORMS_MAX];
	struct control_platform platforms[CONFIG_PLATFORMS_MAX];
	struct platform *owners[CONFIG_PLATFORMS_MAX];
	struct control_view view;
	struct loop_timer tick, summary, grace, numbers, stop_timer;
	int64_t stop_by_ms, store_moved_ms;
	uint64_t store_moves;
	loop_fn *stopped;
	void *stopped_arg;
	bool starting; /* the ports are being added: that those so far have settled means nothing */
	bool stopping;
};

/* gateway.c */
const struct config_bank *gateway_bank(const struct config *config, const char *name);
struct control_platform *gateway_platform(struct gateway *gateway, const char *name);
int gateway_add_platform(struct gateway *gateway, const struct config_platform *config);
void gateway_remove_platform(struct gateway *gateway, size_t i);
void gateway_tell_sold_banks(struct gateway *gateway, struct control_platform *platform);
void gateway_load_numbers(struct gateway *gateway);
void gateway_rosters_changed(struct gateway *gateway);

/* gateway_filters.c: the filters of a configuration, as struct gateway has them. Errors are
 * reported, all of them; then there is nothing to free. */
int gateway_filters_load(const struct config *config, struct config_report *report,
	struct filter *filters[CONFIG_PLATFORMS_MAX]);
void gateway_filters_free(struct filter *filters[CONFIG_PLATFORMS_MAX]);

/* Says which platforms and cards are not filtered. */
void gateway_filters_say(const struct config *config);

/* What the inbox asks: where a text goes. */
size_t gateway_route(void *arg, const struct store_message *message, struct store_route *out);

/* Counts and logs the deliveries of a text that were withheld. */
void gateway_note_withheld(const struct store_sms_result *result);

/* gateway_ports.c: adds the ports whose devices are there and configured, and not yet known. */
void gateway_scan(struct gateway *gateway);

/* Whether a bank's devices name this one. */
bool gateway_covers(const struct config_bank *bank, const char *device);

/* Takes port i out of service; it is freed once nothing of it is under way. */
void gateway_retire(struct gateway *gateway, size_t i, const char *why);
void gateway_bury_dead(struct gateway *gateway);

/* gateway_reload.c: what the control socket's reload does; see struct control_actions. */
int gateway_reload_said(void *arg, struct config_report *report,
	void (*say)(void *say_arg, const char *line), void *say_arg);

/* Levels and format of the log, and the spans of modems and inbox, as the configuration has them.
 */
void gateway_apply(struct gateway *gateway);

#endif
