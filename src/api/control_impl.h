/* control_impl.h - what the control socket's files share. */
#ifndef SIMGATE_API_CONTROL_IMPL_H
#define SIMGATE_API_CONTROL_IMPL_H

#include "api/control.h"
#include "api/json.h"

struct control {
	const struct control_view *view;
	const struct control_actions *actions;
	void *arg;
	struct drain_wait *draining; /* those who wait for ports to be drained */
	struct http_route routes[];  /* ends with an empty one */
};

/* A request that waits for the store or a platform. */
struct pending {
	struct control *control;
	struct http_request *request;
	bool full;
	bool one; /* a message was named */
	cJSON *json;
	size_t waiting;        /* of several answers */
	int64_t decoded, left; /* of what was undecodable */
};

/* Whether whole numbers, texts and card ids are asked for, by one who may see them: full=1, and on
 * the control socket. */
bool control_full(const struct http_request *request);

/* NULL if out of memory; the request is answered then. */
struct pending *pending_new(struct control *control, struct http_request *request);

/* control_ports.c: what is done with a port. id is BANK/SLOT, not terminated. */
http_handler control_port_action;
struct modem *control_modem(const struct control *control, const char *id, size_t len);

/* Answers 404, with the name that is nearest. */
void control_no_port(const struct control *control, struct http_request *request, const char *name);

/* control_drain.c: ports whose cards are not to be sold. */
http_handler control_drain, control_resume;
void control_drain_free(struct control *control);

/* "", "draining", "drained". */
const char *control_drain_name(const struct modem *modem);

/* What is still to come before it is drained; "" if nothing is. */
const char *control_drain_waits(
	const struct control_view *view, const struct modem *modem, char *out, size_t size);

/* control_at.c: some of these actions. */
void control_at(struct control *control, struct modem *modem, struct http_request *request);
void control_ussd(struct control *control, struct modem *modem, struct http_request *request);
void control_forget_pin(struct control *control, struct modem *modem, struct http_request *request);

/* control_banks.c: what a bank that switches cards does, and shows. */
void control_select(struct control *control, struct modem *modem, struct http_request *request);
http_handler control_calibrate, control_calibration;
void control_add_place(cJSON *json, const struct control_view *view, const struct modem *modem);
void control_add_controls(cJSON *json, const struct control_view *view, const char *bank);
void control_lines_trouble(
	const struct control_view *view, const char *bank, char *text, size_t size);

/* control_texts.c: the handlers of messages and of the outbox. */
http_handler control_messages, control_outbox, control_retry, control_drop;
http_handler control_export, control_erase;

/* control_filter.c: tries rules on texts; what was withheld so far, by reason. */
http_handler control_filter_test;
void control_add_filtered(cJSON *json);

/* control_numbers.c: the handlers of the cards' numbers. */
http_handler control_numbers, control_number_set, control_number_forget;

/* control_hosts.c: those that share the store. */
http_handler control_hosts;

/* control_platforms.c: what is asked of the platforms. */
http_handler control_sync, control_takeoff;

/* control_orders.c: the handlers of operations and customers. */
http_handler control_activations, control_release, control_customers, control_customer_add,
	control_customer_topup, control_customer_disable, control_customer_enable;

/* "set", "file", "sim", "ussd"; "" where there is no number. */
const char *control_source_name(enum store_source source);

#endif
