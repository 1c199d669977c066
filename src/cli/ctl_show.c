/* ctl_show.c - what simgatectl prints of the daemon's answers: status, ports, messages, outbox. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/ctl.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const cJSON *list(const cJSON *object, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(object, name);
}

/* A figure as text; "" where there is none. */
static const char *figure(const cJSON *object, const char *name, char out[24])
{
	if (ctl_has_num(object, name))
		snprintf(out, 24, "%.0f", ctl_num(object, name));
	else
		out[0] = '\0';
	return out;
}

const char *ctl_span(double seconds, char out[24])
{
	long long s = seconds > 0 && seconds < 1e12 ? (long long)seconds : 0;

	if (s < 60)
		snprintf(out, 24, "%llds", s);
	else if (s < 3600)
		snprintf(out, 24, "%lldm", s / 60);
	else if (s < 86400)
		snprintf(out, 24, "%lldh %lldm", s / 3600, s / 60 % 60);
	else
		snprintf(out, 24, "%lldd %lldh", s / 86400, s / 3600 % 24);
	return out;
}

static const char *span_of(const cJSON *object, const char *name, char out[24])
{
	out[0] = '\0';
	return ctl_has_num(object, name) ? ctl_span(ctl_num(object, name), out) : out;
}

static enum ctl_color state_color(const char *state)
{
	if (strcmp(state, "ready") == 0 || strcmp(state, "delivered") == 0 ||
		strcmp(state, "up") == 0)
		return CTL_GREEN;
	if (strcmp(state, "fault") == 0 || strcmp(state, "refused") == 0 ||
		strcmp(state, "down") == 0 || strcmp(state, "account") == 0)
		return CTL_RED;
	return CTL_YELLOW;
}

/* ---- status --------------------------------------------------------------------------------- */

struct trouble {
	const struct ctl *ctl;
	size_t count;
};

static void trouble_add(struct trouble *trouble, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void trouble_add(struct trouble *trouble, const char *fmt, ...)
{
	char text[1024];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	if (trouble->count++ == 0)
		printf("%sTROUBLE%s\n", ctl_color_on(CTL_RED, trouble->ctl->color),
			ctl_color_off(CTL_RED, trouble->ctl->color));
	ctl_line("  ", text);
}

static const char *with_colon(const char *text)
{
	return *text ? ": " : "";
}

/* A webhook has none. */
static bool has_list(const cJSON *platform)
{
	return !cJSON_IsFalse(list(platform, "list"));
}

static void platform_trouble(struct trouble *trouble, const cJSON *p)
{
	const char *name = ctl_str(p, "name"), *health = ctl_str(p, "health");
	const char *reason = ctl_str(p, "reason"), *list_reason = ctl_str(p, "list_reason");

	if (strcmp(health, "up") != 0)
		trouble_add(trouble, "platform %s: %s since %s%s%s", name,
			strcmp(health, "account") == 0 ? "account refused" : health,
			ctl_str(p, "since"), with_colon(reason), reason);
	if (*ctl_str(p, "blocked_until"))
		trouble_add(trouble, "platform %s: blocked by the platform, probably until %s",
			name, ctl_str(p, "blocked_until"));
	if (*list_reason)
		trouble_add(trouble, "platform %s: number list: %s", name, list_reason);
	else if (has_list(p) && !*ctl_str(p, "list_accepted"))
		trouble_add(trouble, "platform %s: no number list accepted yet", name);
	if (ctl_num(p, "left_out") > 0)
		trouble_add(trouble, "platform %s: %.0f numbers left out of the list", name,
			ctl_num(p, "left_out"));
	if (ctl_num(p, "dropped") > 0)
		trouble_add(trouble, "platform %s: took the list and dropped %.0f numbers of it",
			name, ctl_num(p, "dropped"));
	if (ctl_num(p, "refused") > 0)
		trouble_add(
			trouble, "platform %s: %.0f messages refused", name, ctl_num(p, "refused"));
	if (ctl_num(p, "held") > 0)
		trouble_add(trouble, "platform %s: %.0f messages held", name, ctl_num(p, "held"));
}

static void show_trouble(const struct ctl *ctl, const cJSON *status)
{
	struct trouble trouble = { ctl, 0 };
	const cJSON *store = list(status, "store"), *item;

	const cJSON *server = list(store, "server");

	if (server && !ctl_true(server, "up"))
		trouble_add(&trouble,
			"store: its server is away since %s (%s): texts are kept in the journal, "
			"%.0f so far; no lists, deliveries or orders",
			ctl_str(server, "since"), ctl_str(server, "error"),
			ctl_num(server, "journal"));
	else if (!ctl_true(store, "ok"))
		trouble_add(&trouble, "store: %s; %.0f jobs wait",
			*ctl_str(store, "error") ? ctl_str(store, "error") : "not working",
			ctl_num(store, "pending"));
	cJSON_ArrayForEach(item, list(status, "hub_alarms"))
	{
		if (cJSON_IsString(item))
			trouble_add(&trouble, "%s", item->valuestring);
	}
	cJSON_ArrayForEach(item, list(status, "platforms")) platform_trouble(&trouble, item);
	cJSON_ArrayForEach(item, list(status, "banks"))
	{
		if (*ctl_str(item, "trouble"))
			trouble_add(&trouble, "bank %s: %s", ctl_str(item, "bank"),
				ctl_str(item, "trouble"));
	}
	if (ctl_num(list(status, "messages"), "undecodable") > 0)
		trouble_add(&trouble, "%.0f texts could not be decoded",
			ctl_num(list(status, "messages"), "undecodable"));
	if (!ctl_true(status, "ready"))
		trouble_add(&trouble, "the gateway is not ready");
	if (trouble.count == 0)
		printf("%sAll is well.%s\n", ctl_color_on(CTL_GREEN, ctl->color),
			ctl_color_off(CTL_GREEN, ctl->color));
	putchar('\n');
}

static void show_banks(const struct ctl *ctl, const cJSON *status)
{
	static const struct ctl_column columns[] = {
		{ .title = "BANK", .colors = true },
		{ .title = "READY", .right = true },
		{ .title = "OF", .right = true },
		{ .title = "TROUBLE", .rank = 1 },
	};
	const cJSON *ports = list(status, "ports"), *item;
	struct ctl_table *table = ctl_table_new(columns, COUNT(columns));
	char a[24], b[24], states[512] = "", *clean;
	size_t len = 0;

	cJSON_ArrayForEach(item, list(ports, "states"))
	{
		if (cJSON_IsNumber(item) && item->valuedouble > 0 && len < sizeof states)
			len += (size_t)snprintf(states + len, sizeof states - len, "%s%.0f %s",
				len ? ", " : "", item->valuedouble, item->string);
	}
	clean = ctl_clean(states);
	printf("Ports: %.0f of %.0f ready%s%s%s", ctl_num(ports, "ready"), ctl_num(ports, "total"),
		*clean ? " (" : "", clean, *clean ? ")" : "");
	if (ctl_num(ports, "draining") > 0)
		printf("; %.0f draining", ctl_num(ports, "draining"));
	if (ctl_num(ports, "drained") > 0)
		printf("; %.0f drained", ctl_num(ports, "drained"));
	putchar('\n');
	free(clean);
	cJSON_ArrayForEach(item, list(status, "banks"))
	{
		const char *cells[] = { ctl_str(item, "bank"), figure(item, "ready", a),
			figure(item, "total", b), ctl_str(item, "trouble") };
		ctl_table_add(table, cells,
			ctl_num(item, "ready") < ctl_num(item, "total") ? CTL_YELLOW : CTL_GREEN,
			NULL);
	}
	if (cJSON_GetArraySize(list(status, "banks")) > 0)
		ctl_table_print(table, ctl_screen_width(), true, ctl->color);
	ctl_table_free(table);
	putchar('\n');
}

static void show_platforms(const struct ctl *ctl, const cJSON *status)
{
	static const struct ctl_column columns[] = {
		{ .title = "PLATFORM" },
		{ .title = "HEALTH", .colors = true },
		{ .title = "NUMBERS", .right = true, .rank = 2 },
		{ .title = "QUEUED", .right = true, .rank = 1 },
		{ .title = "HELD", .right = true, .rank = 4 },
		{ .title = "WITHHELD", .right = true, .rank = 6 },
		{ .title = "REFUSED", .right = true, .rank = 3 },
		{ .title = "DELIVERED", .right = true, .rank = 5 },
		{ .title = "IN FLIGHT", .right = true, .rank = 8 },
		{ .title = "OLDEST", .right = true, .rank = 7 },
		{ .title = "KIND", .rank = 10 },
		{ .title = "LIST ACCEPTED", .whole = true, .rank = 9 },
	};
	static const char *const names[] = { "numbers", "queued", "held", "withheld", "refused",
		"delivered", "in_flight" };
	struct ctl_table *table = ctl_table_new(columns, COUNT(columns));
	char text[COUNT(names)][24], oldest[24], by[128];
	const cJSON *p;

	cJSON_ArrayForEach(p, list(status, "platforms"))
	{
		const char *cells[COUNT(columns)] = { ctl_str(p, "name"), ctl_str(p, "health") };
		for (size_t i = 0; i < COUNT(names); i++)
			cells[2 + i] = figure(p, names[i], text[i]);
		cells[9] = ctl_num(p, "oldest_s") > 0 ? span_of(p, "oldest_s", oldest) : "-";
		cells[10] = ctl_str(p, "kind");
		cells[11] = has_list(p) ? ctl_str(p, "list_accepted") : "no list";
		if (*ctl_str(p, "list_host")) {
			snprintf(by, sizeof by, "by %.100s", ctl_str(p, "list_host"));
			cells[11] = by;
		}
		if (!has_list(p))
			cells[2] = "-";
		ctl_table_add(table, cells, state_color(ctl_str(p, "health")), NULL);
	}
	if (cJSON_GetArraySize(list(status, "platforms")) > 0)
		ctl_table_print(table, ctl_screen_width(), true, ctl->color);
	else
		puts("No platform is configured.");
	ctl_table_free(table);
}

/* Those that are not 0, as many a line as fit. */
static void show_counters(const cJSON *counters)
{
	int width = ctl_screen_width(), used = 0;
	const cJSON *item;
	char text[128];

	width = width > 0 ? width : 100;
	cJSON_ArrayForEach(item, counters)
	{
		if (!cJSON_IsNumber(item) || item->valuedouble <= 0)
			continue;
		snprintf(text, sizeof text, "%s %.0f", item->string, item->valuedouble);
		char *clean = ctl_clean(text);
		int len = ctl_width(clean);
		bool wrap = used > 0 && used + 2 + len >= width; /* the comma stands at the end */
		printf("%s%s", wrap ? ",\n  " : used > 0 ? ", " : "  ", clean);
		used = (wrap ? 0 : used) + 2 + len;
		free(clean);
	}
	if (used > 0)
		putchar('\n');
}

/* "Withheld since start: bank 5, code 2" */
static void show_filtered(const cJSON *filtered)
{
	const char *before = "\nWithheld since start: ";
	const cJSON *item;

	cJSON_ArrayForEach(item, filtered)
	{
		char *clean = ctl_clean(item->string);
		printf("%s%s %.0f", before, clean, item->valuedouble);
		free(clean);
		before = ", ";
	}
	if (*before == ',')
		putchar('\n');
}

void ctl_show_status(const struct ctl *ctl, const cJSON *status)
{
	const cJSON *messages = list(status, "messages"), *store = list(status, "store"), *item;
	char head[256], up[24], no_text[48] = "";
	bool counted = false;

	snprintf(head, sizeof head, "simgated %s on %s, up %s", ctl_str(status, "version"),
		ctl_str(status, "host_id"), ctl_span(ctl_num(status, "uptime_s"), up));
	ctl_line("", head);
	show_trouble(ctl, status);
	show_banks(ctl, status);
	if (ctl_num(messages, "no_text") > 0)
		snprintf(no_text, sizeof no_text, ", %.0f that are no texts",
			ctl_num(messages, "no_text"));
	if (ctl_has_num(messages, "total"))
		printf("Messages: %.0f in the last hour, %.0f in all, %.0f undecodable, "
		       "%.0f parts waiting%s\n",
			ctl_num(messages, "last_hour"), ctl_num(messages, "total"),
			ctl_num(messages, "undecodable"), ctl_num(messages, "parts_pending"),
			no_text);
	else
		puts("Messages: not known while the store's server is away");
	printf("Store: %s, %.0f jobs wait", ctl_true(store, "ok") ? "ok" : "FAILED",
		ctl_num(store, "pending"));
	if (ctl_num(list(store, "server"), "journal") > 0)
		printf(", %.0f texts in the journal", ctl_num(list(store, "server"), "journal"));
	puts("\n");
	show_platforms(ctl, status);
	show_filtered(list(status, "filtered"));
	cJSON_ArrayForEach(item, list(status, "counters")) counted |= item->valuedouble > 0;
	if (counted) {
		puts("\nSince start:");
		show_counters(list(status, "counters"));
	}
}

/* ---- ports ---------------------------------------------------------------------------------- */

static const struct ctl_column port_columns[] = {
	{ .title = "PORT" },
	{ .title = "STATE", .colors = true },
	{ .title = "FOR", .right = true, .rank = 4 },
	{ .title = "dBm", .right = true, .rank = 5 },
	{ .title = "OPERATOR", .rank = 9, .drop = 6 },
	{ .title = "NUMBER", .whole = true, .rank = 2 },
	{ .title = "LIST", .whole = true, .rank = 8 },
	{ .title = "SWEEP", .right = true, .rank = 7 },
	{ .title = "RECV", .right = true, .rank = 6 },
	{ .title = "ERR", .right = true, .rank = 3 },
	{ .title = "WHY", .rank = 10, .drop = 1, .least = 16 },
};

static void add_port(struct ctl_table *table, const cJSON *p)
{
	char since[24], signal[24], sweep[24], received[24], errors[24];
	const char *trouble = ctl_str(p, "trouble"), *drain = ctl_str(p, "drain");
	const char *unlisted = ctl_str(p, "unlisted");
	const char *cells[] = { ctl_str(p, "port"), ctl_str(p, "state"),
		span_of(p, "since_s", since), figure(p, "signal_dbm", signal),
		ctl_str(p, "operator"), ctl_str(p, "number"),
		*drain                  ? drain
		: ctl_true(p, "online") ? "yes"
					: "no",
		span_of(p, "last_sweep_s", sweep), figure(p, "received", received),
		figure(p, "errors", errors),
		*trouble    ? trouble
		: *unlisted ? unlisted
			    : ctl_str(p, "why") };

	ctl_table_add(table, cells, state_color(ctl_str(p, "state")), NULL);
}

static bool is_ready(const cJSON *port)
{
	return strcmp(ctl_str(port, "state"), "ready") == 0;
}

static bool is_well(const cJSON *port)
{
	return is_ready(port) && !ctl_true(port, "deaf") && !*ctl_str(port, "unlisted");
}

void ctl_show_ports(const struct ctl *ctl, const cJSON *answer, int max_rows)
{
	const cJSON *ports = list(answer, "ports"), *port;
	int count = cJSON_GetArraySize(ports), shown = 0, ready = 0;
	struct ctl_table *table = ctl_table_new(port_columns, COUNT(port_columns));
	bool cut = max_rows > 0 && count > max_rows;

	cJSON_ArrayForEach(port, ports)
	{
		ready += is_ready(port);
		if ((!cut || !is_well(port)) && (!cut || shown < max_rows)) {
			add_port(table, port);
			shown++;
		}
	}
	cJSON_ArrayForEach(port, ports)
	{
		if (cut && is_well(port) && shown < max_rows) {
			add_port(table, port);
			shown++;
		}
	}
	if (count > 0)
		ctl_table_print(table, ctl_screen_width(), true, ctl->color);
	ctl_table_free(table);
	if (cut)
		printf("... and %d more\n", count - shown);
	printf("%d of %d ready\n", ready, count);
}

static void show_history(const struct ctl *ctl, const cJSON *history)
{
	static const struct ctl_column columns[] = {
		{ .title = "AT" },
		{ .title = "FROM", .rank = 1 },
		{ .title = "TO", .colors = true },
		{ .title = "WHY", .rank = 2, .drop = 1 },
	};
	struct ctl_table *table = ctl_table_new(columns, COUNT(columns));
	const cJSON *item;

	cJSON_ArrayForEach(item, history)
	{
		const char *cells[] = { ctl_str(item, "at"), ctl_str(item, "from"),
			ctl_str(item, "to"), ctl_str(item, "why") };
		ctl_table_add(table, cells, state_color(ctl_str(item, "to")), NULL);
	}
	if (cJSON_GetArraySize(history) > 0) {
		puts("\nState changes:");
		ctl_table_print(table, ctl_screen_width(), true, ctl->color);
	}
	ctl_table_free(table);
}

static void show_at_lines(const cJSON *lines)
{
	const cJSON *item;

	if (cJSON_GetArraySize(lines) > 0)
		puts("\nLast AT lines:");
	cJSON_ArrayForEach(item, lines)
	{
		char *at = ctl_clean(ctl_str(item, "at")), *line = ctl_clean(ctl_str(item, "line"));
		printf("%s %c %s\n", at, *ctl_str(item, "dir") == '>' ? '>' : '<', line);
		free(at);
		free(line);
	}
}

void ctl_show_port(const struct ctl *ctl, const cJSON *port)
{
	static const struct {
		const char *name, *title, *unit;
	} facts[] = { { "port", "port", "" }, { "state", "state", "" }, { "since", "since", "" },
		{ "why", "why", "" }, { "trouble", "trouble", "" },
		{ "registration", "registration", "" }, { "operator", "operator", "" },
		{ "signal_dbm", "signal", " dBm" }, { "number", "number", "" },
		{ "number_source", "number from", "" }, { "online", "listed", "" },
		{ "unlisted", "not listed", "" }, { "drain", "drain", "" },
		{ "drain_waits", "still to come", "" }, { "column", "column", "" },
		{ "row", "row", "" }, { "rows", "rows", "" }, { "switch", "switch", "" },
		{ "switch_text", "", "" }, { "iccid", "ICCID", "" }, { "imsi", "IMSI", "" },
		{ "card_id", "card", "" }, { "imei", "IMEI", "" }, { "model", "model", "" },
		{ "driver", "driver", "" }, { "device", "device", "" }, { "baud", "baud", "" },
		{ "last_sweep_s", "last sweep", " s ago" }, { "received", "received", "" },
		{ "errors", "errors", "" } };
	char text[256], head[32], number[24];

	for (size_t i = 0; i < COUNT(facts); i++) {
		const cJSON *item = list(port, facts[i].name);
		if (cJSON_IsString(item) && *item->valuestring)
			snprintf(text, sizeof text, "%s", item->valuestring);
		else if (cJSON_IsNumber(item))
			snprintf(text, sizeof text, "%s%s", figure(port, facts[i].name, number),
				facts[i].unit);
		else if (cJSON_IsBool(item))
			snprintf(text, sizeof text, "%s", cJSON_IsTrue(item) ? "yes" : "no");
		else
			continue;
		snprintf(head, sizeof head, "%-14s", facts[i].title);
		ctl_line(head, text);
	}
	show_history(ctl, list(port, "history"));
	show_at_lines(list(port, "at"));
}

/* ---- messages and outbox -------------------------------------------------------------------- */

void ctl_show_messages(const struct ctl *ctl, const cJSON *const *rows, size_t count, bool head)
{
	static const struct ctl_column columns[] = {
		{ .title = "ARRIVED", .whole = true, .min = 20, .rank = 2 },
		{ .title = "PORT", .min = 10 },
		{ .title = "NUMBER", .whole = true, .min = 12, .rank = 4 },
		{ .title = "SENDER", .min = 12, .rank = 5, .least = 8 },
		{ .title = "CHARS", .right = true, .rank = 6 },
		{ .title = "PARTS", .right = true, .rank = 8 },
		{ .title = "PLATFORM", .whole = true, .min = 9, .rank = 3 },
		{ .title = "STATE", .min = 9, .colors = true },
		{ .title = "TRIES", .right = true, .rank = 7 },
		{ .title = "REASON", .rank = 9, .drop = 1, .least = 12 },
	};
	struct ctl_table *table = ctl_table_new(columns, COUNT(columns));
	char chars[24], parts[24], tries[24];

	for (size_t i = 0; i < count; i++) {
		const cJSON *m = rows[i], *text = list(m, "text");
		const char *cells[] = { ctl_str(m, "arrived"), ctl_str(m, "port"),
			ctl_str(m, "number"), ctl_str(m, "sender"), figure(m, "chars", chars),
			figure(m, "parts", parts), ctl_str(m, "platform"), ctl_str(m, "state"),
			figure(m, "attempts", tries), ctl_str(m, "reason") };
		ctl_table_add(table, cells, state_color(ctl_str(m, "state")),
			ctl->full && cJSON_IsString(text) ? text->valuestring : NULL);
	}
	if (count > 0)
		ctl_table_print(table, ctl_screen_width(), head, ctl->color);
	else if (head)
		puts("No messages.");
	ctl_table_free(table);
}

void ctl_show_outbox(const struct ctl *ctl, const cJSON *answer)
{
	static const struct ctl_column columns[] = {
		{ .title = "ID" },
		{ .title = "PORT" },
		{ .title = "STATE", .colors = true },
		{ .title = "PLATFORM", .whole = true, .rank = 2 },
		{ .title = "TRIES", .right = true, .rank = 4 },
		{ .title = "NEXT", .whole = true, .rank = 3 },
		{ .title = "ARRIVED", .whole = true, .rank = 6 },
		{ .title = "NUMBER", .whole = true, .rank = 7 },
		{ .title = "SENDER", .rank = 8 },
		{ .title = "CHARS", .right = true, .rank = 5 },
		{ .title = "REASON", .rank = 9, .drop = 1, .least = 12 },
	};
	struct ctl_table *table = ctl_table_new(columns, COUNT(columns));
	const cJSON *rows = list(answer, "outbox"), *m;
	char chars[24], tries[24];

	cJSON_ArrayForEach(m, rows)
	{
		const cJSON *text = list(m, "text");
		const char *cells[] = { ctl_str(m, "id"), ctl_str(m, "port"), ctl_str(m, "state"),
			ctl_str(m, "platform"), figure(m, "attempts", tries), ctl_str(m, "next"),
			ctl_str(m, "arrived"), ctl_str(m, "number"), ctl_str(m, "sender"),
			figure(m, "chars", chars), ctl_str(m, "reason") };
		ctl_table_add(table, cells, state_color(ctl_str(m, "state")),
			ctl->full && cJSON_IsString(text) ? text->valuestring : NULL);
	}
	if (cJSON_GetArraySize(rows) > 0)
		ctl_table_print(table, ctl_screen_width(), true, ctl->color);
	else
		puts("The outbox is empty.");
	ctl_table_free(table);
}
