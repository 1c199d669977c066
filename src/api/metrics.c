/* metrics.c - GET /metrics. A family is a row here: of a port, of a platform, of the store; what is
 * counted by other labels is a row of base/tally.c, what has none a row of base/counter.c. */
#include "api/metrics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/json.h"
#include "api/metrics_text.h"
#include "base/counter.h"
#include "base/tally.h"
#include "platform/filter.h"
#include "store/store_orders.h"

enum {
	STORE_WAIT_MS = 2000,  /* then a scrape is answered without the store's figures */
	STORE_FRESH_MS = 5000, /* so long they serve for the next scrape, too */
};

#define P METRICS_PREFIX

/* Of what the store counts: who adds up several hosts counts it once. */
#define OF_POOL " The same at all hosts that share the store."

/* A scrape that waits for the store. */
struct waiter {
	struct waiter *next;
	struct http_request *request;
};

struct metrics {
	const struct control_view *view;
	struct http_route routes[2];
	struct loop_timer timer;
	struct waiter *waiters;
	bool asked;
	int64_t totals_ms; /* when they came; 0: none yet */
	struct store_totals totals;
	struct store_activation_counts activations;    /* asked for before the totals */
	char names[STORE_TOTALS_MAX][STORE_NAME_SIZE]; /* of the totals' platforms */
};

/* ---- ports ---------------------------------------------------------------------------------- */

/* A port's figure; false: it has none. Thousandths where the family says so. */
typedef bool port_fn(const struct modem *modem, int64_t *value);

static bool port_up(const struct modem *modem, int64_t *value)
{
	int state = modem->fsm.state;

	*value = state == MODEM_INIT || state == MODEM_SIM || state == MODEM_REGISTER ||
		 state == MODEM_READY;
	return true;
}

static bool port_registered(const struct modem *modem, int64_t *value)
{
	*value = modem->reg == REG_HOME || modem->reg == REG_ROAMING;
	return true;
}

static bool port_pin(const struct modem *modem, int64_t *value)
{
	*value = modem->pin.wanted;
	return true;
}

static bool port_puk(const struct modem *modem, int64_t *value)
{
	*value = modem->pin.blocked;
	return true;
}

static bool port_signal(const struct modem *modem, int64_t *value)
{
	*value = modem->rssi_dbm;
	return modem->rssi_dbm != 0;
}

static bool port_sweep(const struct modem *modem, int64_t *value)
{
	*value = modem->sms.last_sweep_wall_ms;
	return *value > 0;
}

static bool port_received(const struct modem *modem, int64_t *value)
{
	*value = (int64_t)modem->received;
	return true;
}

static bool port_timeouts(const struct modem *modem, int64_t *value)
{
	*value = (int64_t)modem->at.timeouts;
	return true;
}

static bool port_refused(const struct modem *modem, int64_t *value)
{
	*value = (int64_t)modem->at.lex.refused;
	return true;
}

static const struct {
	const char *name, *type, *help;
	port_fn *fn;
	bool milli;
} port_families[] = {
	{ P "port_up", "gauge", "Whether the port's modem answers.", port_up, false },
	{ P "port_registered", "gauge", "Whether the modem is in a network, home or roaming.",
		port_registered, false },
	{ P "port_pin_wanted", "gauge", "Whether the card waits for its PIN by hand.", port_pin,
		false },
	{ P "port_puk_wanted", "gauge", "Whether the card is blocked and wants its PUK.", port_puk,
		false },
	{ P "port_signal_dbm", "gauge", "Signal strength, where it is known.", port_signal, false },
	{ P "port_last_sweep_timestamp_seconds", "gauge",
		"When the port's memories were listed last without a fault.", port_sweep, true },
	{ P "sms_received_total", "counter", "Texts and parts of texts read and stored.",
		port_received, false },
	{ P "at_timeouts_total", "counter", "AT commands without an answer in time.", port_timeouts,
		false },
	{ P "at_refused_bytes_total", "counter", "Bytes from the port that were no text.",
		port_refused, false },
};

static void write_states(struct metrics_text *text, const struct control_view *view)
{
	int64_t states[MODEM_STATES] = { 0 };

	for (size_t i = 0; i < view->modem_count; i++)
		states[view->modems[i]->fsm.state]++;
	metrics_family(text, P "ports", "gauge", "Ports by state.");
	for (int s = 0; s < MODEM_STATES; s++)
		metrics_int(text, P "ports",
			(struct metrics_label[]) {
				{ "state", modem_state_text(s) }, { NULL, NULL } },
			states[s]);
	int64_t drains[DRAIN_OVER + 1] = { 0 };
	for (size_t i = 0; i < view->modem_count; i++)
		drains[view->modems[i]->drain.state]++;
	metrics_family(text, P "ports_drained", "gauge",
		"Ports kept off the lists by the operator; draining: texts are still to go out.");
	metrics_int(text, P "ports_drained",
		(struct metrics_label[]) { { "state", "draining" }, { NULL, NULL } },
		drains[DRAIN_BEGUN]);
	metrics_int(text, P "ports_drained",
		(struct metrics_label[]) { { "state", "drained" }, { NULL, NULL } },
		drains[DRAIN_OVER]);
	metrics_family(
		text, P "port_state_changes_total", "counter", "How often a port entered a state.");
	for (size_t i = 0; i < view->modem_count; i++)
		for (int s = 0; s < MODEM_STATES; s++)
			if (view->modems[i]->entered[s])
				metrics_int(text, P "port_state_changes_total",
					(struct metrics_label[]) { { "port", view->modems[i]->id },
						{ "state", modem_state_text(s) }, { NULL, NULL } },
					(int64_t)view->modems[i]->entered[s]);
}

static void write_ports(struct metrics_text *text, const struct control_view *view)
{
	int64_t value;

	write_states(text, view);
	for (size_t f = 0; f < sizeof port_families / sizeof *port_families; f++) {
		metrics_family(
			text, port_families[f].name, port_families[f].type, port_families[f].help);
		for (size_t i = 0; i < view->modem_count; i++) {
			const struct metrics_label labels[] = { { "port", view->modems[i]->id },
				{ NULL, NULL } };
			if (!port_families[f].fn(view->modems[i], &value))
				continue;
			if (port_families[f].milli)
				metrics_milli(text, port_families[f].name, labels, value);
			else
				metrics_int(text, port_families[f].name, labels, value);
		}
	}
}

/* ---- platforms ------------------------------------------------------------------------------ */

static void write_forwarded(struct metrics_text *text, const struct control_view *view)
{
	static const char name[] = P "sms_forwarded_total";

	metrics_family(text, name, "counter",
		"Tries to deliver a text, by what came of it: delivered, retried, refused.");
	for (size_t i = 0; i < view->platform_count; i++) {
		struct outbox_status status;
		outbox_status(view->platforms[i].outbox, &status);
		const struct {
			const char *result;
			uint64_t count;
		} rows[] = { { "delivered", status.delivered }, { "retried", status.retried },
			{ "refused", status.refused } };
		for (size_t r = 0; r < sizeof rows / sizeof *rows; r++)
			metrics_int(text, name,
				(struct metrics_label[]) {
					{ "platform", view->platforms[i].config->name },
					{ "result", rows[r].result }, { NULL, NULL } },
				(int64_t)rows[r].count);
	}
}

/* Lists are the business of who sends them: another host has none that was accepted. */
static void write_rosters(struct metrics_text *text, const struct control_view *view)
{
	struct roster_status status;

	if (view->leader && store_is_shared(view->store) && !leader_may_send(view->leader))
		return;
	metrics_family(
		text, P "roster_numbers", "gauge", "Numbers in the list that was accepted last.");
	for (size_t i = 0; i < view->platform_count; i++) {
		if (!view->platforms[i].roster)
			continue; /* has no list */
		roster_status(view->platforms[i].roster, &status);
		metrics_int(text, P "roster_numbers",
			(struct metrics_label[]) {
				{ "platform", view->platforms[i].config->name }, { NULL, NULL } },
			(int64_t)status.numbers);
	}
	metrics_family(
		text, P "roster_sync_timestamp_seconds", "gauge", "When a list was accepted last.");
	for (size_t i = 0; i < view->platform_count; i++) {
		if (!view->platforms[i].roster)
			continue; /* has no list */
		roster_status(view->platforms[i].roster, &status);
		if (status.accepted_wall_ms > 0)
			metrics_milli(text, P "roster_sync_timestamp_seconds",
				(struct metrics_label[]) {
					{ "platform", view->platforms[i].config->name },
					{ NULL, NULL } },
				status.accepted_wall_ms);
	}
}

static void write_filtered(struct metrics_text *text)
{
	const char *reason;
	uint64_t count;

	metrics_family(text, P "sms_filtered_total", "counter",
		"Texts that a filter withheld from a platform, by reason.");
	for (size_t i = 0; filter_counted(i, &reason, &count); i++)
		metrics_int(text, P "sms_filtered_total",
			(struct metrics_label[]) { { "reason", reason }, { NULL, NULL } },
			(int64_t)count);
}

static void write_platforms(struct metrics_text *text, const struct control_view *view)
{
	static const char name[] = P "delivery_seconds";

	write_filtered(text);
	write_forwarded(text, view);
	write_rosters(text, view);
	metrics_family(text, name, "histogram",
		"From a text's arrival until the platform had it and that was stored.");
	for (size_t i = 0; i < view->platform_count; i++)
		metrics_histogram(text, name,
			(struct metrics_label[]) {
				{ "platform", view->platforms[i].config->name }, { NULL, NULL } },
			view->platforms[i].deliveries, histogram_deliveries);
}

/* ---- the store ------------------------------------------------------------------------------ */

static void write_outbox(struct metrics_text *text, const struct metrics *metrics)
{
	const struct store_totals *totals = &metrics->totals;
	int64_t now_ms = loop_wall_ms(metrics->view->loop);

	metrics_family(text, P "outbox_messages", "gauge",
		"Deliveries in the store, by platform and state." OF_POOL);
	for (size_t i = 0; i < totals->platform_count; i++)
		for (int s = 0; s < STORE_STATE_COUNT; s++)
			metrics_int(text, P "outbox_messages",
				(struct metrics_label[]) { { "platform", metrics->names[i] },
					{ "state", store_state_name((enum store_state)s) },
					{ NULL, NULL } },
				totals->platforms[i].states[s]);
	metrics_family(text, P "outbox_oldest_seconds", "gauge",
		"Age of the oldest text that waits to go out; 0: none waits." OF_POOL);
	for (size_t i = 0; i < totals->platform_count; i++) {
		int64_t oldest_ms = totals->platforms[i].oldest_ms;
		metrics_milli(text, P "outbox_oldest_seconds",
			(struct metrics_label[]) {
				{ "platform", metrics->names[i] }, { NULL, NULL } },
			oldest_ms && oldest_ms < now_ms ? now_ms - oldest_ms : 0);
	}
	metrics_family(text, P "sms_parts_pending", "gauge",
		"Parts of long texts that wait for the others." OF_POOL);
	metrics_int(text, P "sms_parts_pending", NULL, totals->parts_pending);
}

static void write_activations(struct metrics_text *text, const struct metrics *metrics)
{
	const struct store_activation_counts *counts = &metrics->activations;

	metrics_family(
		text, P "activations", "gauge", "Operations in the store, by state." OF_POOL);
	for (int s = 0; s < STORE_ACTIVATION_STATES; s++)
		metrics_int(text, P "activations",
			(struct metrics_label[]) {
				{ "state", store_activation_state_name(
						   (enum store_activation_state)s) },
				{ NULL, NULL } },
			counts->states[s]);
	metrics_family(text, P "activations_unanswered", "gauge",
		"Open operations whose answer the platform has not got." OF_POOL);
	metrics_int(text, P "activations_unanswered", NULL, counts->open_unanswered);
}

static void write_server(
	struct metrics_text *text, const struct store_server *server, int64_t now_ms)
{
	metrics_family(text, P "store_server_up", "gauge",
		"Whether the server that has the shared store can be used.");
	metrics_int(text, P "store_server_up", NULL, server->up);
	metrics_family(text, P "store_journal_texts", "gauge",
		"Texts in this host's journal that wait for the server.");
	metrics_int(text, P "store_journal_texts", NULL, server->waiting);
	metrics_family(text, P "store_journal_oldest_seconds", "gauge",
		"Age of the oldest text in the journal; 0: none waits.");
	metrics_milli(text, P "store_journal_oldest_seconds", NULL,
		server->oldest_ms && server->oldest_ms < now_ms ? now_ms - server->oldest_ms : 0);
	metrics_family(text, P "store_untold_total", "counter",
		"Deletions, cards and refused PINs that the server was to be told later, and were "
		"too many.");
	metrics_int(text, P "store_untold_total", NULL, server->dropped);
}

static void write_store(struct metrics_text *text, const struct metrics *metrics, bool totals)
{
	const struct control_view *view = metrics->view;
	struct store_server server;

	metrics_family(text, P "store_commit_seconds", "histogram",
		"How long a transaction that wrote took, to the disk.");
	metrics_histogram(text, P "store_commit_seconds", NULL, store_commit_times(view->store),
		histogram_commits);
	metrics_family(text, P "store_pending", "gauge", "Jobs of the store queued or running.");
	metrics_int(text, P "store_pending", NULL, (int64_t)store_pending(view->store));
	metrics_family(text, P "store_up", "gauge", "Whether the last commit went well.");
	metrics_int(text, P "store_up", NULL, store_health(view->store) == 0);
	if (store_server(view->store, &server))
		write_server(text, &server, loop_wall_ms(view->loop));
	if (totals) {
		write_outbox(text, metrics);
		write_activations(text, metrics);
	}
}

/* ---- what was counted ----------------------------------------------------------------------- */

/* What is shown by port or by other labels is not shown as a whole, too: the sum is Prometheus' to
 * make. */
static bool by_labels(const char *name)
{
	for (size_t f = 0; f < sizeof port_families / sizeof *port_families; f++)
		if (strcmp(port_families[f].name, name) == 0)
			return true;
	for (int t = 0; t < TALLY_COUNT; t++)
		if (strcmp(tally_kind((enum tally)t)->name, name + sizeof P - 1) == 0)
			return true;
	return false;
}

static void write_counters(struct metrics_text *text)
{
	char name[64];

	for (int c = 0; c < COUNTER_COUNT; c++) {
		enum counter counter = (enum counter)c;
		snprintf(name, sizeof name, P "%s_total", counter_name(counter));
		if (by_labels(name))
			continue;
		metrics_family(text, name, "counter", counter_help(counter));
		metrics_int(text, name, NULL, (int64_t)counter_get(counter));
	}
}

static void write_tallies(struct metrics_text *text)
{
	char name[64];
	size_t count;

	for (int t = 0; t < TALLY_COUNT; t++) {
		const struct tally_kind *kind = tally_kind((enum tally)t);
		const struct tally_row *rows = tally_rows((enum tally)t, &count);
		snprintf(name, sizeof name, P "%s", kind->name);
		metrics_family(text, name, "counter", kind->help);
		for (size_t i = 0; i < count; i++) {
			struct metrics_label labels[TALLY_LABELS + 1] = { { NULL, NULL } };
			for (int n = 0; n < TALLY_LABELS && kind->labels[n]; n++)
				labels[n] = (struct metrics_label) { kind->labels[n],
					rows[i].labels[n] };
			metrics_int(text, name, labels, (int64_t)rows[i].count);
		}
	}
}

/* ---- hosts ---------------------------------------------------------------------------------- */

static void write_hosts(struct metrics_text *text, const struct control_view *view)
{
	size_t count = 0;
	const struct store_host *hosts = view->leader ? leader_hosts(view->leader, &count) : NULL;
	struct metrics_label labels[] = { { "host", "" }, { NULL, NULL } };

	if (!count)
		return;
	metrics_family(text, P "host_up", "gauge",
		"Whether the host was heard of lately; of those that share the store, at each of "
		"them.");
	for (size_t i = 0; i < count; i++) {
		labels[0].value = hosts[i].name;
		metrics_int(text, P "host_up", labels, !hosts[i].stale);
	}
	metrics_family(text, P "host_leader", "gauge",
		"Whether the host sends the number lists; as host_up.");
	for (size_t i = 0; i < count; i++) {
		labels[0].value = hosts[i].name;
		metrics_int(text, P "host_leader", labels, hosts[i].leads);
	}
}

static void write_build(struct metrics_text *text)
{
	metrics_family(text, P "build_info", "gauge", "Always 1; what runs is in the labels.");
	metrics_int(text, P "build_info",
		(struct metrics_label[]) { { "version", SIMGATE_VERSION }, { NULL, NULL } }, 1);
}

/* ---- scrapes -------------------------------------------------------------------------------- */

static void answer(struct metrics *metrics, struct http_request *request, bool totals)
{
	struct metrics_text text = { 0 };

	write_build(&text);
	write_ports(&text, metrics->view);
	write_platforms(&text, metrics->view);
	write_store(&text, metrics, totals);
	write_hosts(&text, metrics->view);
	write_counters(&text);
	write_tallies(&text);
	metrics_process(&text, metrics->view->started_wall_ms);
	if (text.failed)
		json_error(request, 500, "out of memory");
	else
		http_reply(request, 200, METRICS_TYPE, text.data, text.len);
	free(text.data);
}

static void answer_all(struct metrics *metrics, bool totals)
{
	struct waiter *waiters = metrics->waiters, *next;

	metrics->waiters = NULL;
	loop_timer_stop(&metrics->timer);
	for (; waiters; waiters = next) {
		next = waiters->next;
		answer(metrics, waiters->request, totals);
		free(waiters);
	}
}

/* The store hangs, and that is what somebody wants to see. */
static void on_timer(void *arg)
{
	answer_all(arg, false);
}

static void on_counts(void *arg, int err, const struct store_activation_counts *counts)
{
	struct metrics *metrics = arg;

	if (!err)
		metrics->activations = *counts;
}

static void on_totals(void *arg, int err, const struct store_totals *totals)
{
	struct metrics *metrics = arg;

	metrics->asked = false;
	if (!err) {
		metrics->totals = *totals;
		for (size_t i = 0; i < totals->platform_count; i++)
			snprintf(metrics->names[i], sizeof metrics->names[i], "%s",
				totals->platforms[i].platform);
		metrics->totals_ms = loop_now_ms(metrics->view->loop);
	}
	answer_all(metrics, !err);
}

static void on_metrics(void *arg, struct http_request *request)
{
	struct metrics *metrics = arg;
	const struct control_view *view = metrics->view;
	struct waiter *waiter;

	if (metrics->totals_ms && loop_now_ms(view->loop) - metrics->totals_ms < STORE_FRESH_MS) {
		answer(metrics, request, true);
		return;
	}
	waiter = calloc(1, sizeof *waiter);
	if (!waiter) {
		answer(metrics, request, false);
		return;
	}
	waiter->request = request;
	waiter->next = metrics->waiters;
	metrics->waiters = waiter;
	if (!loop_timer_active(&metrics->timer))
		loop_timer_start(&metrics->timer, STORE_WAIT_MS);
	if (metrics->asked)
		return;
	metrics->asked = true;
	store_activation_counts(view->store, loop_wall_ms(view->loop), on_counts, metrics);
	store_totals(view->store, loop_wall_ms(view->loop), on_totals, metrics);
}

struct metrics *metrics_new(const struct control_view *view)
{
	struct metrics *metrics = calloc(1, sizeof *metrics);

	if (!metrics)
		return NULL;
	metrics->view = view;
	metrics->routes[0] =
		(struct http_route) { "GET", "/metrics", on_metrics, metrics, HTTP_OPERATOR };
	loop_timer_init(&metrics->timer, view->loop, on_timer, metrics);
	return metrics;
}

void metrics_free(struct metrics *metrics)
{
	struct waiter *next;

	if (!metrics)
		return;
	loop_timer_stop(&metrics->timer);
	for (struct waiter *waiter = metrics->waiters; waiter; waiter = next) {
		next = waiter->next;
		free(waiter);
	}
	free(metrics);
}

const struct http_route *metrics_routes(const struct metrics *metrics)
{
	return metrics->routes;
}
