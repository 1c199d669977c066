/* gateway_impl.h - what the files of the gateway share. */
#ifndef SIMGATE_GATEWAY_IMPL_H
#define SIMGATE_GATEWAY_IMPL_H

#include "api/control.h"
#include "api/events.h"
#include "api/health.h"
#include "api/history.h"
#include "api/metrics.h"
#include "gateway.h"
#include "host/hotplug.h"
#include "host/httpd.h"
#include "host/notify.h"
#include "host/usb_ids.h"
#include "host/usb_ops.h"
#include "modem/bank.h"
#include "modem/board.h"
#include "modem/hubs.h"
#include "modem/inbox.h"
#include "modem/modem.h"
#include "platform/activation.h"
#include "platform/alternative.h"
#include "platform/deliver.h"
#include "platform/leader.h"
#include "platform/list_hook.h"
#include "platform/names.h"
#include "platform/orders.h"
#include "platform/outbox.h"
#include "platform/roster.h"
#include "platform/route.h"
#include "platform/takeoff.h"
#include "port/opener.h"
#include "store/retention.h"
#include "store/store.h"

enum {
	GATEWAY_SUMMARY_MS = 5 * 60 * 1000,
	GATEWAY_TABLES_MAX = 12,
	GATEWAY_NUMBERS_AGAIN_MS = 10000
};

/* A platform and what works for it. */
struct platform {
	struct gateway *gateway;
	char name[STORE_NAME_SIZE];
	struct histogram deliveries;
};

struct plug; /* gateway_hotplug.c */

struct gateway {
	struct loop *loop;
	struct config *config;
	struct store *store;
	struct opener *opener;
	struct inbox *inbox;
	struct deliver *deliver;
	struct control *control;
	struct metrics *metrics;
	struct health *health;
	struct history *history;
	struct events *events;
	struct httpd *httpd;
	const struct http_route *routes[GATEWAY_TABLES_MAX]; /* of httpd; ends with NULL */
	struct notify *notify;
	struct retention *retention;
	struct retention_spans retention_spans;
	struct plug *plug; /* NULL: no bank has a path */
	struct hubs *hubs;
	struct hub_limits hub_limits;
	struct usb_ops_env usb_env;
	void (*usb_wait)(int ms); /* of helper threads; gateway_rescue_wait() but in tests */
	struct banks *banks;
	struct bank_wiring bank_wiring;
	struct modem_env env;
	struct inbox_spans inbox_spans;
	struct modem **modems;
	size_t modem_count, modem_room;
	size_t scan_at;       /* where in modems the next device of a scan is expected */
	struct modem **dying; /* stopped by a reload, not yet finished */
	size_t dying_count;
	/* Of each platform of the configuration, in its order; one for all that have the same. */
	struct filter *filters[CONFIG_PLATFORMS_MAX];
	struct filter *customers_filter;
	struct filter *
		*services; /* of each service, in the configuration's order; NULL: any text */
	struct activations *activations;
	struct customers *customers;
	struct alternative *alternative;
	struct operators *operators; /* NULL: no names of theirs are known */
	struct names *names;
	struct orders *orders;
	struct list_hook *list_hook;
	struct leader *leader;
	struct loop_timer claim;
	/* Banks that are another host's, by the store's last word. */
	char denied[CONFIG_BANKS_MAX][STORE_NAME_SIZE];
	size_t denied_count, stale_hosts;
	int64_t pool; /* what can be sold, as twice_look() saw it last */
	bool begun;   /* the ports were added */
	struct control_platform platforms[CONFIG_PLATFORMS_MAX];
	struct platform *owners[CONFIG_PLATFORMS_MAX];
	struct control_view view;
	struct loop_timer tick, summary, grace, numbers, drain, stop_timer;
	size_t drains;                 /* ports drained, by the store's last word */
	bool drain_asked, drain_again; /* the store is asked; once more after that */
	int64_t stop_by_ms, store_moved_ms;
	uint64_t store_moves;
	loop_fn *stopped;
	void *stopped_arg;
	bool starting; /* the ports are being added: that those so far have settled means nothing */
	bool stopping;
	bool reloading;
};

/* gateway.c */
const struct config_bank *gateway_bank(const struct config *config, const char *name);
void gateway_load_numbers(struct gateway *gateway);

/* gateway_platforms.c. _shows: some platform may still have this port's number from us. */
struct control_platform *gateway_platform(struct gateway *gateway, const char *name);
int gateway_add_platform(struct gateway *gateway, const struct config_platform *config);
void gateway_remove_platform(struct gateway *gateway, size_t i);
void gateway_tell_sold_banks(struct gateway *gateway, struct control_platform *platform);
void gateway_rosters_changed(struct gateway *gateway);
bool gateway_shows(const struct gateway *gateway, const struct modem *modem);

/* gateway_hosts.c: the hosts that share the store. _is_listed: some platform may still have this
 * port's number, from whichever host sends the lists; where that is another it is wished for one
 * without it, once: *wish is 0 before. _new: 0 or -ENOMEM. _start: this one lives; its
 * ports are added once its banks are its own. _settled: every port is, or start_grace is over. */
bool gateway_is_listed(const struct gateway *gateway, const struct modem *modem, uint64_t *wish);
int gateway_hosts_new(struct gateway *gateway);
void gateway_hosts_start(struct gateway *gateway);
void gateway_hosts_settled(struct gateway *gateway);
void gateway_hosts_stop(struct gateway *gateway);

/* Asks the store whose the banks are; what is another host's goes out of service. */
void gateway_claim_banks(struct gateway *gateway);
bool gateway_is_denied(const struct gateway *gateway, const char *bank);

/* gateway.c: the ports that there are are added. */
void gateway_begin_ports(struct gateway *gateway);

/* gateway_filters.c: the filters of a configuration, as struct gateway has them. Errors are
 * reported, all of them; then there is nothing to free. */
int gateway_filters_load(const struct config *config, struct config_report *report,
	struct filter *filters[CONFIG_PLATFORMS_MAX]);
void gateway_filters_free(struct filter *filters[CONFIG_PLATFORMS_MAX]);

/* Whom a rule may name: the platforms, and the customers. */
void gateway_filter_names(const struct config *config, const char *names[CONFIG_PLATFORMS_MAX + 2]);

/* gateway_orders.c: what each service's texts are. Errors are reported, all of them; then there is
 * nothing to free. */
int gateway_services_load(
	const struct config *config, struct config_report *report, struct filter ***out);
void gateway_services_free(struct filter **services, size_t count);

/* The operation open on a card, for route(). */
struct route_open gateway_route_open(const struct gateway *gateway, const char *card_id);
void gateway_on_moved(void *arg, const char *card_id, const struct store_activation *open);

/* The store learns who sells which bank; tried again with the numbers file if that fails. */
void gateway_tell_sellers(struct gateway *gateway);

/* The table of operations, and what customers order by. 0 or -ENOMEM. */
int gateway_orders_start(struct gateway *gateway);
void gateway_orders_configure(struct gateway *gateway);

/* gateway->config is another one; the old is there still. */
void gateway_orders_reload(struct gateway *gateway);
/* gateway_pull.c: what platforms ask for. start: once the table of operations is there; 0 or
 * -ENOMEM. reload: while the old configuration is still there. free: after the server. */
int gateway_pull_start(struct gateway *gateway);
void gateway_pull_reload(struct gateway *gateway);
void gateway_pull_free(struct gateway *gateway);

/* Says which platforms and cards are not filtered. */
void gateway_filters_say(const struct config *config);

/* What the inbox asks: where a text goes. */
size_t gateway_route(void *arg, const struct store_message *message, struct store_route *out);

/* Counts and logs the deliveries of a text that were withheld. */
void gateway_note_withheld(const struct store_sms_result *result);

/* The lists may go out once every port has settled. */
void gateway_look_settled(struct gateway *gateway);

/* gateway_ports.c: adds the ports whose devices are there and configured, and not yet known. */
void gateway_scan(struct gateway *gateway);

/* A port more, not started yet. NULL: too many (counted), or out of memory. */
struct modem *gateway_add_port(struct gateway *gateway, const struct modem_config *config);

/* Whether a bank's devices name this one. */
bool gateway_covers(const struct config_bank *bank, const char *device);

/* The slot of a device that is no pattern; false: it is one. */
bool gateway_fixed_slot(const char *device, char out[STORE_NAME_SIZE]);

/* Takes port i out of service; it is freed once nothing of it is under way. */
void gateway_retire(struct gateway *gateway, size_t i, const char *why);
void gateway_bury_dead(struct gateway *gateway);
void gateway_free_port(struct modem *modem);

/* gateway_drain.c: ports whose cards are not to be sold. _look: what the store says now; ports that
 * were added are looked at, too. _touch: what is left of their texts may have changed. _changed: an
 * operator drained or resumed some (see struct control_actions). */
void gateway_drain_init(struct gateway *gateway);
void gateway_drain_look(struct gateway *gateway);
void gateway_drain_touch(struct gateway *gateway);
void gateway_drain_changed(void *arg);

/* The store forgets ports, drained or not, that the configuration cannot have any more. */
void gateway_keep_places(struct gateway *gateway);

/* Says which places had a card and have no device at this start. */
void gateway_look_missing(struct gateway *gateway);

/* gateway_rescue.c: gives a port what its place can do for it; 0 or -ENOMEM. It ends before the
 * modem is freed. */
int gateway_rescue_add(struct gateway *gateway, struct modem *modem);
void gateway_rescue_end(struct modem *modem);
void gateway_rescue_reload(struct gateway *gateway); /* rights may be there by now */
void gateway_rescue_changed(struct gateway *gateway, struct modem *modem);
void gateway_rescue_wait(int ms);
void gateway_rescue_hurry(bool on); /* nothing is switched off any more, what is off comes on */

/* Where sysfs and the device nodes are. */
struct tty_roots gateway_roots(const struct config *config);

/* gateway_place.c: what a device of this bank is. */
struct usb_kind gateway_kind(const struct config_bank *bank, const struct tty_info *tty);

/* Where a tty belongs. */
struct gateway_target {
	const struct config_bank *bank;
	char slot[STORE_NAME_SIZE];
	bool alone; /* it is a modem by itself: no other tty may have this slot */
	int rank;
};

/* False: no bank's, or known to be no AT port. */
bool gateway_target_of(
	const struct config *config, const struct tty_info *tty, struct gateway_target *out);

/* gateway_hotplug.c: the ports of banks with a path. Nothing is done where no bank has one; 0 or
 * -ENOMEM. */
int gateway_hotplug_start(struct gateway *gateway);
void gateway_hotplug_stop(struct gateway *gateway); /* no new port opens from now on */
void gateway_hotplug_free(struct gateway *gateway);

/* After another configuration was taken and ports that it does not have were retired. */
void gateway_hotplug_reload(struct gateway *gateway);

/* Whether the bank, by its path, has this port still; known: the port is one by place at all. */
bool gateway_hotplug_covers(const struct gateway *gateway, const struct modem *modem,
	const struct config_bank *bank, bool *known);
void gateway_hotplug_forget(struct gateway *gateway, const struct modem *modem);

/* A modem has changed state; may be called from inside its callback. */
void gateway_hotplug_changed(struct gateway *gateway, struct modem *modem);

/* What is plugged in is known, and nothing waits to be started for the first time. */
bool gateway_hotplug_settled(const struct gateway *gateway);

/* gateway_banks.c: the banks that switch cards, and what they ask before. 0 or -ENOMEM. */
int gateway_banks_start(struct gateway *gateway);

/* Whether a device, under whatever name, is a control line of some bank: then it is no modem. */
bool gateway_is_control(const struct config *config, const char *device);

/* gateway_reload.c: what the control socket's reload does; see struct control_actions. */
int gateway_reload_said(void *arg, struct config_report *report, config_say_fn *say, void *say_arg);

/* gateway_http.c: the HTTP server with the control socket and what [http] names. 0, or a negative
 * errno and a sentence in why. */
int gateway_http_start(struct gateway *gateway, char *why, size_t why_size);

/* [http] as it is now in gateway->config: listeners that are no longer named close, new ones open.
 * With a certificate or an address that cannot be used all of it stays as in old, and is said:
 * false. */
bool gateway_http_reload(
	struct gateway *gateway, struct config *old, config_say_fn *say, void *say_arg);

/* Whether the store makes progress. */
bool gateway_alive(void *arg);

/* Levels and format of the log, and the spans of modems and inbox, as the configuration has them.
 */
void gateway_apply(struct gateway *gateway);

#endif
