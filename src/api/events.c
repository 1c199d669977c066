/* events.c - what changes, as server-sent events (WHATWG HTML 9.2). */
#include "api/events.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/control_impl.h"
#include "api/show.h"
#include "base/counter.h"
#include "base/fnv.h"

enum {
	TICK_MS = 125,
	LOOKS_A_TICK = 256, /* ports looked at in one turn */
	PORTS_A_TICK = 64,  /* ports told of in one turn */
	MESSAGES = 50,      /* the newest ones are followed */
	MESSAGES_MS = 500,  /* between two looks at them */
	STATUS_SOON_MS = 1000,
	STATUS_BUSY_MS = 5000, /* where only figures change */
	STATUS_MS = 10000,     /* and where nothing does */
	QUIET_MS = 20000,      /* then a comment keeps the connection open */
};

static const char greeting[] = "retry: 2000\nevent: hello\ndata: {}\n\n";

/* Somebody who listens. */
struct client {
	struct client *next;
	struct events *events;
	struct http_request *request;
	size_t greeted; /* octets of the greeting that were sent */
	uint64_t at;    /* next to be sent, of all that was ever told */
};

/* Something, as it was when it was told of last. */
struct seen {
	uint64_t key, hash;
};

struct events {
	const struct control_view *view;
	struct http_route routes[2];
	struct loop_timer timer;
	struct client *clients;
	char *kept;    /* the last EVENTS_KEPT octets, at their place modulo that */
	uint64_t told; /* octets so far */
	uint64_t woken;
	int64_t told_ms;
	struct seen *ports; /* in the order of view->modems */
	size_t port_count, port_room, port_at;
	struct seen messages[MESSAGES];
	uint64_t messages_mark, status_mark, figures_mark;
	int64_t messages_ms, status_ms; /* when they were asked for */
	bool messages_known, messages_asked, status_asked;
};

/* ---- the text that all are sent ------------------------------------------------------------- */

static void put(struct events *events, const char *text, size_t len)
{
	while (len > 0) {
		size_t at = (size_t)(events->told % EVENTS_KEPT);
		size_t n = EVENTS_KEPT - at < len ? EVENTS_KEPT - at : len;
		memcpy(events->kept + at, text, n);
		events->told += n;
		text += n;
		len -= n;
	}
	events->told_ms = loop_now_ms(events->view->loop);
}

static void put_text(struct events *events, const char *text)
{
	put(events, text, strlen(text));
}

/* Frees json, which has no line break once it is text. */
static void tell(struct events *events, const char *name, cJSON *json)
{
	char *text = json_text(json);

	if (!text)
		return; /* out of memory: the next look at it sends it */
	put_text(events, "event: ");
	put_text(events, name);
	put_text(events, "\ndata: ");
	put_text(events, text);
	put_text(events, "\n\n");
	cJSON_free(text);
}

static ssize_t on_read(void *arg, char *buf, size_t size)
{
	struct client *client = arg;
	const struct events *events = client->events;
	uint64_t behind = events->told - client->at;
	size_t left = sizeof greeting - 1 - client->greeted, at, n;

	if (behind > EVENTS_KEPT) {
		counter_add(COUNTER_HTTP_STREAMS_BEHIND, 1);
		return -1;
	}
	if (left > 0) {
		n = left < size ? left : size;
		memcpy(buf, greeting + client->greeted, n);
		client->greeted += n;
		return (ssize_t)n;
	}
	at = (size_t)(client->at % EVENTS_KEPT);
	n = EVENTS_KEPT - at;
	n = n < behind ? n : (size_t)behind;
	n = n < size ? n : size;
	memcpy(buf, events->kept + at, n);
	client->at += n;
	return (ssize_t)n;
}

/* ---- ports ---------------------------------------------------------------------------------- */

/* Of all that show_port() shows, but how long ago things were. */
static uint64_t port_hash(const struct control_view *view, const struct modem *modem)
{
	struct bank_place place;
	char text[320];
	uint64_t hash = fnv_text(FNV_START, modem->id);

	hash = fnv_text(hash, modem->fsm.why);
	hash = fnv_text(hash, modem_trouble(modem, text, sizeof text));
	hash = fnv_text(hash, show_unlisted(view, modem, text, sizeof text));
	hash = fnv_text(hash, control_drain_name(modem));
	hash = fnv_text(hash, control_drain_waits(view, modem, text, sizeof text));
	if (banks_place(view->banks, modem, &place)) {
		hash = fnv_text(hash, place.text);
		hash = fnv_int(hash, (int64_t)place.row << 8 | place.state);
	}
	hash = fnv_text(hash, modem->operator_name);
	hash = fnv_text(hash, modem->number);
	hash = fnv_int(hash, modem->fsm.since_wall_ms);
	hash = fnv_int(hash, (int64_t)modem->received);
	hash = fnv_int(hash, (int64_t)modem->errors);
	hash = fnv_int(hash, modem->rssi_dbm);
	return fnv_int(hash, modem->fsm.state << 16 | (int)modem->number_source << 8 |
				     (int)modem->reg << 4 | modem->online << 1 | modem->deaf);
}

static struct seen port_seen(const struct control_view *view, const struct modem *modem)
{
	return (struct seen) { (uint64_t)(uintptr_t)modem, port_hash(view, modem) };
}

/* Takes all as they are now. */
static void know_ports(struct events *events)
{
	const struct control_view *view = events->view;

	if (view->modem_count > events->port_room) {
		struct seen *ports =
			realloc(events->ports, view->modem_count * sizeof *events->ports);
		if (!ports)
			return; /* tried again at the next look */
		events->ports = ports;
		events->port_room = view->modem_count;
	}
	for (size_t i = 0; i < view->modem_count; i++)
		events->ports[i] = port_seen(view, view->modems[i]);
	events->port_count = view->modem_count;
	events->port_at = 0;
}

static bool same_ports(const struct events *events)
{
	const struct control_view *view = events->view;

	if (view->modem_count != events->port_count)
		return false;
	for (size_t i = 0; i < view->modem_count; i++)
		if (events->ports[i].key != (uint64_t)(uintptr_t)view->modems[i])
			return false;
	return true;
}

/* Some of them, beginning where the last look ended. */
static void look_ports(struct events *events)
{
	const struct control_view *view = events->view;
	size_t looks = view->modem_count < LOOKS_A_TICK ? view->modem_count : LOOKS_A_TICK;

	if (!same_ports(events)) {
		know_ports(events);
		tell(events, "resync", cJSON_CreateObject());
		return;
	}
	for (int tells = 0; looks > 0 && tells < PORTS_A_TICK; looks--) {
		size_t i = events->port_at++ % view->modem_count;
		struct seen now = port_seen(view, view->modems[i]);
		if (now.hash == events->ports[i].hash)
			continue;
		events->ports[i] = now;
		tell(events, "port", show_port(view, view->modems[i], false));
		tells++;
	}
}

/* ---- messages ------------------------------------------------------------------------------- */

static struct seen message_seen(const struct store_row *row)
{
	uint64_t hash = fnv_text(fnv_text(FNV_START, row->number), row->reason);

	hash = fnv_int(fnv_int(fnv_int(hash, row->state), row->done_ms), row->next_ms);
	return (struct seen) { fnv_text(fnv_text(FNV_START, row->message_id), row->platform),
		fnv_int(hash, row->attempts) };
}

static bool is_known(const struct events *events, const struct seen *now)
{
	for (size_t i = 0; i < MESSAGES; i++)
		if (events->messages[i].key == now->key)
			return events->messages[i].hash == now->hash;
	return false;
}

/* The newest come first, and are told last. */
static void on_messages(void *arg, int err, const struct store_row *rows, size_t count)
{
	struct events *events = arg;
	struct seen now[MESSAGES] = { { 0 } };

	events->messages_asked = false;
	if (err || !events->clients)
		return;
	count = count < MESSAGES ? count : MESSAGES;
	for (size_t i = count; i-- > 0;) {
		now[i] = message_seen(&rows[i]);
		if (events->messages_known && !is_known(events, &now[i]))
			tell(events, "message", show_message(&rows[i], false));
	}
	memcpy(events->messages, now, sizeof now);
	events->messages_known = true;
}

/* Whether something happened to a text, by what is counted. */
static uint64_t texts_mark(void)
{
	static const enum counter counters[] = { COUNTER_SMS_RECEIVED, COUNTER_SMS_JOINED,
		COUNTER_SMS_GAPS, COUNTER_DELIVERED, COUNTER_RETRIED, COUNTER_REJECTED };
	uint64_t sum = 0;

	for (size_t i = 0; i < sizeof counters / sizeof counters[0]; i++)
		sum += counter_get(counters[i]);
	return sum;
}

static void look_messages(struct events *events)
{
	const struct store_query query = { .limit = MESSAGES };
	int64_t now_ms = loop_now_ms(events->view->loop);
	uint64_t mark = texts_mark();

	if (events->messages_asked || now_ms - events->messages_ms < MESSAGES_MS)
		return;
	/* What an operator does with them is not counted. */
	if (events->messages_known && mark == events->messages_mark &&
		now_ms - events->messages_ms < STATUS_MS)
		return;
	events->messages_mark = mark;
	events->messages_ms = now_ms;
	events->messages_asked = true;
	store_messages(events->view->store, &query, on_messages, events);
}

/* ---- platforms, queue, store ---------------------------------------------------------------- */

static uint64_t status_mark(const struct control_view *view)
{
	uint64_t hash = fnv_int(FNV_START, store_health(view->store));
	struct store_server server = { 0 };

	store_server(view->store, &server);
	hash = fnv_int(fnv_int(hash, server.up), server.waiting > 0);

	hash = fnv_int(hash, view->settled);
	for (size_t i = 0; i < view->platform_count; i++) {
		struct outbox_status out;
		struct roster_status list = { .reason = "" };
		outbox_status(view->platforms[i].outbox, &out);
		if (view->platforms[i].roster)
			roster_status(view->platforms[i].roster, &list);
		hash = fnv_text(fnv_int(hash, out.health), out.reason);
		hash = fnv_text(fnv_int(hash, list.accepted_wall_ms), list.reason);
		hash = fnv_int(fnv_int(hash, (int64_t)list.numbers), list.block_wall_ms);
	}
	return hash;
}

static void on_totals(void *arg, int err, const struct store_totals *totals)
{
	struct events *events = arg;

	events->status_asked = false;
	if ((!err || err == -EAGAIN) && events->clients)
		tell(events, "status", show_status(events->view, err ? NULL : totals));
}

static void look_status(struct events *events)
{
	const struct control_view *view = events->view;
	int64_t ago_ms = loop_now_ms(view->loop) - events->status_ms;
	uint64_t mark = status_mark(view), figures = texts_mark();
	bool due = ago_ms >= STATUS_MS ||
		   (figures != events->figures_mark && ago_ms >= STATUS_BUSY_MS) ||
		   (mark != events->status_mark && ago_ms >= STATUS_SOON_MS);

	if (events->status_asked || !due)
		return;
	events->status_mark = mark;
	events->figures_mark = figures;
	events->status_ms = loop_now_ms(view->loop);
	events->status_asked = true;
	store_totals(view->store, loop_wall_ms(view->loop), on_totals, events);
}

/* ---- who listens ---------------------------------------------------------------------------- */

static void on_tick(void *arg)
{
	struct events *events = arg;

	loop_timer_start(&events->timer, TICK_MS);
	look_ports(events);
	look_messages(events);
	look_status(events);
	if (loop_now_ms(events->view->loop) - events->told_ms >= QUIET_MS)
		put_text(events, ": still here\n\n");
	if (events->woken == events->told)
		return;
	events->woken = events->told;
	for (struct client *client = events->clients; client; client = client->next)
		http_wake(client->request);
}

static void begin(struct events *events)
{
	know_ports(events);
	events->told_ms = loop_now_ms(events->view->loop);
	events->messages_known = false;
	events->messages_ms = events->status_ms = events->told_ms - STATUS_MS;
	loop_timer_start(&events->timer, TICK_MS);
}

static void on_over(void *arg)
{
	struct client *client = arg;
	struct events *events = client->events;
	struct client **at = &events->clients;

	while (*at != client)
		at = &(*at)->next;
	*at = client->next;
	free(client);
	if (events->clients)
		return;
	loop_timer_stop(&events->timer);
	free(events->kept);
	events->kept = NULL;
}

static void on_events(void *arg, struct http_request *request)
{
	static const struct http_stream stream = { on_read, on_over };
	struct events *events = arg;
	struct client *client = calloc(1, sizeof *client);

	if (!events->kept)
		events->kept = malloc(EVENTS_KEPT);
	if (!client || !events->kept) {
		free(client);
		json_error(request, 500, "out of memory");
		return;
	}
	client->events = events;
	client->request = request;
	client->at = events->told;
	http_set_header(request, "X-Accel-Buffering", "no"); /* nginx would hold events back */
	if (http_stream(request, "text/event-stream", &stream, client) < 0) {
		free(client);
		return;
	}
	if (!events->clients)
		begin(events);
	client->next = events->clients;
	events->clients = client;
}

struct events *events_new(const struct control_view *view)
{
	struct events *events = calloc(1, sizeof *events);

	if (!events)
		return NULL;
	events->view = view;
	events->routes[0] =
		(struct http_route) { "GET", "/api/v1/events", on_events, events, HTTP_OPERATOR };
	loop_timer_init(&events->timer, view->loop, on_tick, events);
	return events;
}

void events_free(struct events *events)
{
	if (!events)
		return;
	loop_timer_stop(&events->timer);
	free(events->kept);
	free(events->ports);
	free(events);
}

const struct http_route *events_routes(const struct events *events)
{
	return events->routes;
}
