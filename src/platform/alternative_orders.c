/* alternative_orders.c - the Alternative API: a number for a single service, and its texts. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platform/alternative_impl.h"

/* ---- getNumber ------------------------------------------------------------------------------ */

/* The country's own, else the usual. */
static int64_t window_of(const struct config *config, const struct country *country)
{
	const struct config_country *own = country ? country_config(config, country) : NULL;

	return own && own->window_ms ? own->window_ms : ALTERNATIVE_WINDOW_MS;
}

/* Nobody knows which of the cards the store will take. Where their countries say how long, which is
 * told by a span that is negative, or 0 before the first, all last as long as the first. */
static bool lasts_as_long(
	const struct config *config, const struct activation_card *card, int64_t *span_ms)
{
	int64_t window_ms;

	if (*span_ms > 0)
		return true;
	window_ms = window_of(config, country_of(card->row.number, card->row.imsi));
	if (*span_ms == 0)
		*span_ms = -window_ms;
	return *span_ms == -window_ms;
}

void place_order(struct call_in *call, const struct wish *wish, int64_t price, int64_t span_ms,
	store_order_fn *done)
{
	struct alternative *api = call->api;
	int64_t now_ms = loop_wall_ms(api->parts.loop);
	size_t all, count = 0;
	const struct activation_card *cards =
		activation_cards(api->parts.activations, STORE_CUSTOMERS, &all);
	const char **ids = calloc(all + 1, sizeof *ids);
	struct call_in *copy;

	for (size_t i = 0; ids && i < all && count < STORE_CANDIDATES_MAX; i++)
		if (card_fits(api, &cards[i], wish) &&
			lasts_as_long(api->parts.config, &cards[i], &span_ms))
			ids[count++] = cards[i].row.card_id;
	if (ids && count == 0) {
		answer_text(call->request, "NO_NUMBERS");
	} else if (ids && (copy = call_keep(call))) {
		const struct store_order order = { .seller = STORE_CUSTOMERS,
			.customer = call->name,
			.service = wish->service,
			.country = wish->country ? wish->country->name : "",
			.cards = ids,
			.card_count = count,
			.rent = wish->rent,
			.now_ms = now_ms,
			.expires_ms = now_ms + llabs(span_ms),
			.price = price };
		activation_order(api->parts.activations, &order, done, copy);
	} else if (!ids) {
		answer_failure(call->request);
	}
	free(ids);
}

static void on_ordered(
	void *arg, int err, enum store_order_why why, const struct store_activation *activation)
{
	struct call_in *call = arg;
	char text[80];

	if (err) {
		answer_failure(call->request);
		free(call);
		return;
	}
	switch (why) {
	case STORE_ORDER_DONE:
		snprintf(text, sizeof text, "ACCESS_NUMBER:%" PRId64 ":%s", activation->id,
			digits_of(activation->number));
		answer_text(call->request, text);
		activation_answered(call->api->parts.activations, activation->id);
		break;
	case STORE_ORDER_NO_NUMBER: answer_text(call->request, "NO_NUMBERS"); break;
	case STORE_ORDER_NO_BALANCE: answer_text(call->request, "NO_BALANCE"); break;
	case STORE_ORDER_NO_CUSTOMER: answer_text(call->request, "BAD_KEY"); break;
	}
	free(call);
}

static const struct config_service *service_of(const struct call_in *call)
{
	char slug[ARG_ACTION_SIZE];

	snprintf(slug, sizeof slug, "%.*s", (int)slug_len(call->service), call->service);
	return config_service(call->api->parts.config, slug);
}

void action_number(struct call_in *call)
{
	const struct config *config = call->api->parts.config;
	const struct config_service *service = service_of(call);
	int64_t price = service ? customer_price(call->customer, service) : -1;
	struct exceptions exceptions;
	struct wish wish = { .customer = call->customer, .exceptions = &exceptions };

	if (price < 0) {
		answer_text(call->request, "BAD_SERVICE");
		return;
	}
	if (exceptions_read(call->exceptions, &exceptions) < 0) {
		answer_text(call->request, "WRONG_EXCEPTION_PHONE");
		return;
	}
	wish.service = service->name;
	wish.country = *call->country ? country_of_id(config, call->country) : NULL;
	if (*call->country && !wish.country)
		answer_text(call->request, "NO_NUMBERS");
	else
		place_order(call, &wish, price, service->window_ms, on_ordered);
}

/* ---- getStatus and getFullSms --------------------------------------------------------------- */

static void answer_code(const struct call_in *call, bool waits, const char *code)
{
	size_t size = strlen(code) + sizeof "STATUS_WAIT_RETRY:";
	char *text = malloc(size);

	if (!text) {
		answer_failure(call->request);
		return;
	}
	snprintf(text, size, "%s:%s", waits ? "STATUS_WAIT_RETRY" : "STATUS_OK", code);
	answer_text(call->request, text);
	free(text);
}

static bool wants_full(const struct call_in *call)
{
	return strcmp(call->action, "getFullSms") == 0;
}

static void answer_newest(const struct call_in *call, bool waits, const struct newest *newest)
{
	if (wants_full(call))
		answer_text(call->request, newest->full);
	else
		answer_code(call, waits, newest->code);
}

/* What is closed tells how it ended, for a day and while its text is kept. */
static void answer_closed(struct call_in *call, const struct store_activation *row)
{
	struct alternative *api = call->api;
	bool sold = row->state == STORE_ACTIVATION_SOLD;
	struct newest answers = { 0 };

	if (loop_wall_ms(api->parts.loop) - row->closed_ms >= FINAL_MS ||
		(sold && !*row->last_text)) {
		answer_text(call->request, "NO_ACTIVATION");
		return;
	}
	if (!sold) {
		answer_text(call->request, "STATUS_CANCEL");
		return;
	}
	answers.code = newest_code(api, row->service, row->last_text);
	answers.full = newest_full(row->last_sender, row->last_text);
	if (answers.code && answers.full)
		answer_newest(call, false, &answers);
	else
		answer_failure(call->request);
	free(answers.code);
	free(answers.full);
}

static void answer_open(struct call_in *call, const struct store_activation *row)
{
	struct alternative *api = call->api;
	struct newest *newest = NULL;

	if (row->texts == 0) {
		answer_text(call->request, "STATUS_WAIT_CODE");
		return;
	}
	newest = newest_keep(api, row,
		(struct newest) { .code = newest_code(api, row->service, row->last_text),
			.full = newest_full(row->last_sender, row->last_text) });
	if (newest)
		answer_newest(call, row->wait_retry, newest);
	else
		answer_failure(call->request);
}

static void on_row(void *arg, int err, const struct store_activation *rows, size_t count)
{
	struct call_in *call = arg;

	if (err)
		answer_failure(call->request);
	else if (count == 0 || rows[0].rent)
		answer_text(call->request, "NO_ACTIVATION");
	else if (rows[0].state == STORE_ACTIVATION_OPEN)
		answer_open(call, &rows[0]);
	else
		answer_closed(call, &rows[0]);
	free(call);
}

/* What is open is told from memory; the store is asked once for each text, and for what is closed.
 */
void action_status(struct call_in *call)
{
	const struct store_activation *activation = call_activation(call, false);
	struct newest *newest;
	struct call_in *copy;

	if (activation && activation->texts == 0) {
		answer_text(call->request, "STATUS_WAIT_CODE");
		return;
	}
	newest = activation ? newest_of(call->api, activation) : NULL;
	if (newest) {
		answer_newest(call, activation->wait_retry, newest);
		return;
	}
	if (call_id(call) == 0) {
		answer_text(call->request, "NO_ACTIVATION");
		return;
	}
	copy = call_keep(call);
	if (!copy)
		return;
	const struct store_activations_query query = {
		.id = call_id(call), .seller = STORE_CUSTOMERS, .customer = copy->name, .limit = 1
	};
	store_activations(call->api->parts.store, &query, on_row, copy);
}

void action_full_sms(struct call_in *call)
{
	action_status(call);
}

/* ---- setStatus ------------------------------------------------------------------------------ */

enum { SET_SENT = 1, SET_AGAIN = 3, SET_DONE = 6, SET_CANCEL = 8, SET_CANCEL_OLD = -1 };

void close_order(struct call_in *call, bool sold, store_closed_fn *done)
{
	struct alternative *api = call->api;
	const struct store_close close = { .id = call->activation,
		.seller = STORE_CUSTOMERS,
		.customer = call->name,
		.state = sold ? STORE_ACTIVATION_SOLD : STORE_ACTIVATION_CANCELLED,
		.finish_status = call->done,
		.reason = sold ? "done" : "cancelled",
		.now_ms = loop_wall_ms(api->parts.loop),
		.only_textless = !sold,
		.refund = !sold };

	activation_close(api->parts.activations, &close, done, call);
}

/* A text may have come between the look at the memory and the store's: then it is sold, if that is
 * what was asked for. */
static void on_closed(void *arg, int err, const struct store_closed *closed)
{
	struct call_in *call = arg;
	bool cancel = call->done != SET_DONE;

	if (!err && closed->found && closed->denied && !cancel) {
		close_order(call, true, on_closed);
		return;
	}
	if (err)
		answer_failure(call->request);
	else if (!closed->found || closed->existed)
		answer_text(call->request, "NO_ACTIVATION");
	else if (closed->denied)
		answer_text(call->request, "BAD_STATUS");
	else
		answer_text(call->request, cancel ? "ACCESS_CANCEL" : "ACCESS_ACTIVATION");
	free(call);
}

static void on_waits(void *arg, int err, int64_t count)
{
	struct call_in *call = arg;

	if (err)
		answer_failure(call->request);
	else
		answer_text(call->request, count ? "ACCESS_RETRY_GET" : "BAD_STATUS");
	free(call);
}

static void cancel(struct call_in *call, const struct store_activation *activation)
{
	const struct alternative_parts *parts = &call->api->parts;
	int64_t age_ms = loop_wall_ms(parts->loop) - activation->opened_ms;
	struct call_in *copy;

	if (activation->texts > 0)
		answer_text(call->request, "BAD_STATUS");
	else if (age_ms < parts->config->http.cancel_after_ms)
		answer_text(call->request, "EARLY_CANCEL_DENIED");
	else if ((copy = call_keep(call)))
		close_order(copy, false, on_closed);
}

void action_set_status(struct call_in *call)
{
	const struct store_activation *activation = call_activation(call, false);
	struct call_in *copy;
	int64_t status;

	if (!activation) {
		answer_text(call->request, "NO_ACTIVATION");
		return;
	}
	if (config_parse_int(call->status, -1, SET_CANCEL, &status) < 0)
		status = 0;
	call->activation = activation->id;
	call->done = (int)status;
	switch (status) {
	case SET_SENT: answer_text(call->request, "ACCESS_READY"); break;
	case SET_AGAIN:
		copy = call_keep(call);
		if (copy)
			activation_wait(call->api->parts.activations, activation->id, copy->name,
				on_waits, copy);
		break;
	case SET_DONE:
		copy = call_keep(call);
		if (copy)
			close_order(copy, activation->texts > 0, on_closed);
		break;
	case SET_CANCEL:
	case SET_CANCEL_OLD: cancel(call, activation); break;
	default: answer_text(call->request, "BAD_STATUS"); break;
	}
}
