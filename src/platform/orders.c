/* orders.c - the paths at which a platform that pulls asks for counts, orders, ends operations. */
#include "platform/orders.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>

#include "base/log.h"
#include "platform/order.h"
#include "platform/orders_impl.h"

#define DAY_MS (INT64_C(24) * 3600 * 1000)

enum { BANNED_AFTER = 3 }; /* failed rents in a row, by the platform's document */

/* ---- answers -------------------------------------------------------------------------------- */

static void reply(struct http_request *request, int status, char *body)
{
	static const char no_memory[] = "{\"status\":\"ERROR\",\"error\":\"out of memory\"}";
	const char *text = body ? body : no_memory;

	http_reply(request, status, "application/json; charset=utf-8", text, strlen(text));
	free(body);
}

static void reply_error(struct http_request *request, const char *error)
{
	reply(request, 200, order_print_error(error));
}

/* ---- calls that wait for the store ---------------------------------------------------------- */

/* Until its callback, and with an order until its reply has left. */
struct order_call {
	LIST_ENTRY(order_call) link;
	struct orders *orders;
	struct http_request *request;
	char seller[STORE_NAME_SIZE];
	int64_t id, opened_ms;
	int status;
};

static struct order_call *call_new(
	struct seller *seller, struct http_request *request, const struct order_request *order)
{
	struct order_call *call = calloc(1, sizeof *call);

	if (!call)
		return NULL;
	call->orders = seller->orders;
	call->request = request;
	call->id = order->activation_id;
	call->status = order->status;
	snprintf(call->seller, sizeof call->seller, "%s", seller->config->name);
	LIST_INSERT_HEAD(&seller->orders->calls, call, link);
	return call;
}

static void call_free_one(struct order_call *call)
{
	LIST_REMOVE(call, link);
	free(call);
}

/* ---- GET_NUMBER ----------------------------------------------------------------------------- */

/* An answer that comes too late is one that the platform has not got. */
static void on_sent(void *arg, bool written)
{
	struct order_call *call = arg;
	struct orders *orders = call->orders;
	int64_t took_ms = loop_wall_ms(orders->loop) - call->opened_ms;

	if (written && took_ms <= STORE_ANSWER_MS)
		activation_answered(orders->activations, call->id);
	else
		log_warning(LOGC_PLATFORM, call->seller, NULL,
			LOG_FIELDS(LOG_INT("activation", call->id), LOG_INT("ms", took_ms)),
			"platform did not wait for the answer to its order: the operation is "
			"unanswered, see `simgatectl activations`");
	call_free_one(call);
}

static void on_ordered(
	void *arg, int err, enum store_order_why why, const struct store_activation *activation)
{
	struct order_call *call = arg;
	struct http_request *request = call->request;

	if (!err && why == STORE_ORDER_DONE) {
		call->id = activation->id;
		call->opened_ms = activation->opened_ms;
		http_tell(request, on_sent, call);
		reply(request, 200, order_print_number(activation->number, activation->id));
		return;
	}
	if (err) {
		log_warning(LOGC_PLATFORM, call->seller, NULL,
			LOG_FIELDS(LOG_STR("reason", strerror(-err))),
			"an order could not be stored");
		reply_error(request, "the order could not be stored");
	} else {
		reply(request, 200, order_print_no_numbers());
	}
	call_free_one(call);
}

/* Whether a card may be given to this order. */
static bool fits(struct seller *seller, const struct order_request *order,
	const struct config_service *service, const struct activation_card *card)
{
	const struct store_sellable *row = &card->row;
	const struct orders *orders = seller->orders;
	char name[NAMES_SIZE];

	if (card->busy || order_excludes(order, row->number))
		return false;
	if (order->rent && !seller_rents(seller, row))
		return false;
	if (service && activation_is_used(orders->activations, seller->config->name, service->name,
			       row->number, seller->config->cancel_limit))
		return false;
	const char *country = names_country(orders->names, row->number, row->imsi);
	if (!country || (order->country[0] && !order_same_name(country, order->country)))
		return false;
	if (!order->operator_name[0] || strcasecmp(order->operator_name, "any") == 0)
		return true;
	names_operator(orders->names, row->operator_code, row->imsi, name);
	return order_same_name(name, order->operator_name);
}

static size_t candidates(struct seller *seller, const struct order_request *order,
	const struct config_service *service, const char *cards[STORE_CANDIDATES_MAX])
{
	size_t count = 0, fitting = 0;
	const struct activation_card *all =
		activation_cards(seller->orders->activations, seller->config->name, &count);

	for (size_t i = 0; i < count && fitting < STORE_CANDIDATES_MAX; i++)
		if (fits(seller, order, service, &all[i]))
			cards[fitting++] = all[i].row.card_id;
	return fitting;
}

/* Amounts are kept in roubles; SMSHUB may say another currency. */
static int64_t sum_of(const struct order_request *order)
{
	enum { ROUBLES = 643 };
	bool roubles = order->currency == 0 || order->currency == ROUBLES;

	return roubles && order->sum > 0 ? order->sum : 0;
}

static const struct config_service *find_service(const struct seller *seller, const char *name)
{
	const struct config *config = seller->orders->config;

	for (size_t i = 0; i < config->service_count; i++)
		if (strcasecmp(names_service(&config->services[i], seller->config), name) == 0)
			return &config->services[i];
	return NULL;
}

static void get_number(
	struct seller *seller, struct http_request *request, const struct order_request *order)
{
	struct orders *orders = seller->orders;
	const struct config_service *service =
		order->rent ? NULL : find_service(seller, order->service);
	const char **cards = calloc(STORE_CANDIDATES_MAX, sizeof *cards);
	size_t count = 0;

	if (cards && (service || order->rent) && !orders->stopping)
		count = candidates(seller, order, service, cards);
	struct order_call *call = count > 0 ? call_new(seller, request, order) : NULL;
	if (call)
		activation_order(orders->activations,
			&(struct store_order) { .seller = seller->config->name,
				.customer = "",
				.service = service ? service->name : STORE_RENT,
				.country = order->country,
				.operator_name = order->operator_name,
				.cards = cards,
				.card_count = count,
				.rent = order->rent,
				.now_ms = loop_wall_ms(orders->loop),
				.release_ms = seller_release_ms(seller, order->rent),
				.sum = sum_of(order),
				.cancel_limit = seller->config->cancel_limit },
			on_ordered, call);
	else if (!cards || count > 0)
		reply_error(request, "out of memory");
	else
		reply(request, 200, order_print_no_numbers());
	free(cards);
}

/* ---- FINISH_ACTIVATION ---------------------------------------------------------------------- */

static enum store_activation_state state_of(int status)
{
	switch (status) {
	case 1: return STORE_ACTIVATION_REFUSED;
	case 3: return STORE_ACTIVATION_SOLD;
	case 4: return STORE_ACTIVATION_CANCELLED;
	}
	return STORE_ACTIVATION_REFUNDED;
}

/* The ban is the platform's, lifted each day; we only say what it looks like. */
static void say_banned(const struct order_call *call, const struct store_activation *activation)
{
	const struct store_used *used = activation_used(
		call->orders->activations, call->seller, STORE_RENT, activation->number);

	if (activation->rent && activation->state == STORE_ACTIVATION_CANCELLED && used &&
		used->cancelled >= BANNED_AFTER)
		log_warning(LOGC_PLATFORM, call->seller, NULL,
			LOG_FIELDS(LOG_NUMBER("number", activation->number),
				LOG_INT("failures", used->cancelled),
				LOG_INT("until", (used->cancelled_ms + DAY_MS) / 1000)),
			"no text in so many rents in a row: the platform has probably banned the "
			"number for a day");
}

static void on_finished(void *arg, int err, const struct store_closed *closed)
{
	struct order_call *call = arg;
	struct http_request *request = call->request;

	if (err) {
		log_warning(LOGC_PLATFORM, call->seller, NULL,
			LOG_FIELDS(
				LOG_INT("activation", call->id), LOG_STR("reason", strerror(-err))),
			"the end of an operation could not be stored");
		reply_error(request, "it could not be stored");
	} else if (!closed->found) {
		log_warning(LOGC_PLATFORM, call->seller, "finish",
			LOG_FIELDS(
				LOG_INT("activation", call->id), LOG_INT("status", call->status)),
			"platform ends an operation that is not known here");
		reply_error(request, "unknown activationId");
	} else {
		if (!closed->existed)
			say_banned(call, closed->activation);
		reply(request, 200, order_print_success());
	}
	call_free_one(call);
}

static void finish(
	struct seller *seller, struct http_request *request, const struct order_request *order)
{
	struct orders *orders = seller->orders;
	struct order_call *call = call_new(seller, request, order);

	if (!call) {
		reply_error(request, "out of memory");
		return;
	}
	activation_close(orders->activations,
		&(struct store_close) { .id = order->activation_id,
			.seller = seller->config->name,
			.state = state_of(order->status),
			.finish_status = order->status,
			.reason = "finished",
			.sum = sum_of(order),
			.now_ms = loop_wall_ms(orders->loop),
			.amend = true },
		on_finished, call);
}

/* ---- a call --------------------------------------------------------------------------------- */

static void get_services(struct seller *seller, struct http_request *request)
{
	const struct orders *orders = seller->orders;

	if (orders->stopping || !activation_ready(orders->activations)) {
		reply_error(request, orders->stopping ? "stopping" : "starting");
		return;
	}
	const char *text = seller_services(seller);
	if (text)
		http_reply(request, 200, "application/json; charset=utf-8", text, strlen(text));
	else
		reply_error(request, "out of memory");
}

/* Both keys must be right where both are given. Every seller's key is looked at, whichever fits. */
static struct seller *who(
	struct orders *orders, struct http_request *request, const struct order_request *order)
{
	const char *bearer = http_bearer(http_header(request, "Authorization"));
	struct seller *found = NULL;

	for (size_t i = 0; i < orders->seller_count; i++) {
		const char *key = orders->sellers[i].config->key;
		bool by_bearer = bearer && http_key_equal(bearer, key);
		bool by_body = order->key[0] && http_key_equal(order->key, key);
		if ((by_bearer || by_body) && (by_bearer || !bearer) && (by_body || !order->key[0]))
			found = &orders->sellers[i];
	}
	if (!found && (bearer || order->key[0]))
		http_wrong_key(request);
	return found;
}

static void serve(
	struct seller *seller, struct http_request *request, const struct order_request *order)
{
	switch (order->action) {
	case ORDER_SERVICES: get_services(seller, request); break;
	case ORDER_NUMBER: get_number(seller, request, order); break;
	case ORDER_FINISH: finish(seller, request, order); break;
	}
}

static bool is_rent_path(const char *path)
{
	size_t len = strlen(path);

	return len > 4 && strcmp(path + len - 4, "Rent") == 0;
}

static void on_call(void *arg, struct http_request *request)
{
	struct orders *orders = arg;
	struct order_request order;
	const char *why = "";
	int err = order_read(
		request->body, request->body_len, is_rent_path(request->path), &order, &why);
	struct seller *seller = who(orders, request, &order);

	if (!seller)
		reply(request, 401, order_print_error("no key, or a wrong one"));
	else if (err)
		reply_error(request, why);
	else
		serve(seller, request, &order);
	if (seller && err)
		log_notice(LOGC_PLATFORM, seller->config->name, NULL,
			LOG_FIELDS(LOG_STR("reason", why)), "a call that is not understood");
	order_request_done(&order);
}

/* ---- the face ------------------------------------------------------------------------------- */

int orders_configure(struct orders *orders, const struct config *config, const struct names *names)
{
	size_t count = 0;

	sellers_free(orders);
	orders->sellers =
		config ? calloc(config->platform_count + 1, sizeof *orders->sellers) : NULL;
	if (!orders->sellers)
		return -ENOMEM;
	for (size_t i = 0; i < config->platform_count; i++)
		if (config_platform_orders(&config->platforms[i]))
			orders->sellers[count++] = (struct seller) { .orders = orders,
				.config = &config->platforms[i] };
	orders->seller_count = count;
	orders->config = config;
	orders->names = names;
	return 0;
}

struct orders *orders_new(struct loop *loop, struct activations *activations,
	const struct config *config, const struct names *names)
{
	static const char *const paths[] = { "/getServices", "/getNumber", "/finishActivation",
		"/getServicesRent", "/getNumberRent", "/finishActivationRent", "/onlinesim" };
	struct orders *orders = calloc(1, sizeof *orders);

	if (!orders)
		return NULL;
	_Static_assert(sizeof paths / sizeof *paths < ORDERS_ROUTES, "no room for the end");
	LIST_INIT(&orders->calls);
	orders->loop = loop;
	orders->activations = activations;
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		orders->routes[i] =
			(struct http_route) { "POST", paths[i], on_call, orders, HTTP_OWN };
	if (orders_configure(orders, config, names) == 0)
		return orders;
	free(orders);
	return NULL;
}

void orders_stop(struct orders *orders)
{
	orders->stopping = true;
}

void orders_free(struct orders *orders)
{
	if (!orders)
		return;
	while (!LIST_EMPTY(&orders->calls))
		call_free_one(LIST_FIRST(&orders->calls));
	sellers_free(orders);
	free(orders);
}

const struct http_route *orders_routes(const struct orders *orders)
{
	return orders->routes;
}
