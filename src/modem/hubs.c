/* hubs.c - what ports share: turns for resets below one hub, and one alarm where many fail at once.
 */
#include "modem/hubs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/tally.h"

enum {
	NAMED_MAX = 16, /* ports that a line names */
	LEFT_SHARE = 4, /* an alarm is over when one in so many is still down, or fewer */
};

/* A hub by its path, or a bank by its name. */
struct scope {
	bool bank;
	char name[PLACE_PATH_SIZE];
};

struct hub_alarm {
	struct hubs *hubs;
	struct hub_alarm *next;
	struct scope scope;
	char bank[PLACE_PATH_SIZE]; /* of its first port */
	int64_t since_ms;
	bool said;
	struct loop_timer timer;
};

struct hubs {
	struct loop *loop;
	const struct hub_limits *limits;
	struct hub_port *ports;
	struct hub_alarm *alarms; /* each has a port */
};

struct hubs *hubs_new(struct loop *loop, const struct hub_limits *limits)
{
	struct hubs *hubs = calloc(1, sizeof *hubs);

	if (!hubs)
		return NULL;
	hubs->loop = loop;
	hubs->limits = limits;
	return hubs;
}

static void alarm_free(struct hub_alarm *alarm)
{
	struct hub_alarm **at = &alarm->hubs->alarms;

	while (*at != alarm)
		at = &(*at)->next;
	*at = alarm->next;
	loop_timer_stop(&alarm->timer);
	free(alarm);
}

void hubs_free(struct hubs *hubs)
{
	if (!hubs)
		return;
	while (hubs->alarms)
		alarm_free(hubs->alarms);
	free(hubs);
}

/* ---- scopes --------------------------------------------------------------------------------- */

static bool in_scope(const struct hub_port *port, const struct scope *scope)
{
	const char *below;

	if (scope->bank)
		return strcmp(port->bank, scope->name) == 0;
	below = port->place[0] ? place_below(port->place, scope->name) : NULL;
	return below && *below;
}

/* Ports that failed in this scope of late; 0 where that is no trouble of the scope's own. */
static size_t failed_in(const struct hubs *hubs, const struct scope *scope)
{
	int64_t now_ms = loop_now_ms(hubs->loop);
	size_t failed = 0, all = 0;

	for (const struct hub_port *port = hubs->ports; port; port = port->next) {
		if (!(port->up || port->down) || !in_scope(port, scope))
			continue;
		all++;
		failed += port->down && now_ms - port->down_ms <= hubs->limits->alarm_within_ms;
	}
	if (failed < (size_t)hubs->limits->alarm_ports ||
		failed * 100 < all * (size_t)hubs->limits->alarm_percent)
		return 0;
	return failed;
}

/* The one that explains the most failures, and of such the narrowest: from the port's own hub up to
 * the bus, then its bank. False: each has a trouble of its own. */
static bool find_scope(const struct hub_port *port, struct scope *out)
{
	struct scope scope = { .bank = false };
	char hub[PLACE_PATH_SIZE];
	size_t most = 0, failed;

	snprintf(hub, sizeof hub, "%s", port->place);
	while (hub[0]) {
		place_hub(hub, scope.name, sizeof scope.name);
		if (strcmp(scope.name, hub) == 0)
			break;
		snprintf(hub, sizeof hub, "%s", scope.name);
		failed = failed_in(port->hubs, &scope);
		if (failed > most) {
			most = failed;
			*out = scope;
		}
	}
	scope.bank = true;
	snprintf(scope.name, sizeof scope.name, "%s", port->bank);
	failed = failed_in(port->hubs, &scope);
	if (failed > most) {
		most = failed;
		*out = scope;
	}
	return most > 0;
}

/* ---- alarms --------------------------------------------------------------------------------- */

/* Its ports, those that are back included. */
static size_t ports_of(const struct hub_alarm *alarm, size_t *down)
{
	size_t count = 0;

	*down = 0;
	for (const struct hub_port *port = alarm->hubs->ports; port; port = port->next) {
		count += port->alarm == alarm;
		*down += port->alarm == alarm && port->down;
	}
	return count;
}

static void name_ports(const struct hub_alarm *alarm, char *out, size_t size)
{
	size_t len = 0, named = 0, down;

	ports_of(alarm, &down);
	out[0] = '\0';
	for (const struct hub_port *port = alarm->hubs->ports; port; port = port->next)
		if (port->alarm == alarm && port->down && named < NAMED_MAX && len + 120 < size) {
			len += (size_t)snprintf(
				out + len, size - len, "%s%.100s", named ? " " : "", port->id);
			named++;
		}
	if (named < down)
		snprintf(out + len, size - len, " and %zu more", down - named);
}

static void name_scope(const struct hub_alarm *alarm, char *out, size_t size)
{
	if (alarm->scope.bank)
		snprintf(out, size, "bank %s", alarm->scope.name);
	else
		snprintf(out, size, "hub %s (bank %s)", alarm->scope.name, alarm->bank);
}

static void say(struct hub_alarm *alarm)
{
	char scope[2 * PLACE_PATH_SIZE + 20], ports[HUB_TEXT_SIZE];
	long long age_s = (loop_now_ms(alarm->hubs->loop) - alarm->since_ms) / 1000;
	size_t down, count = ports_of(alarm, &down);

	if (alarm->said)
		return;
	alarm->said = true;
	loop_timer_stop(&alarm->timer);
	tally_add(TALLY_HUB_ALARMS, alarm->bank, NULL, NULL);
	name_scope(alarm, scope, sizeof scope);
	name_ports(alarm, ports, sizeof ports);
	log_error(LOGC_PORT, alarm->bank, "hub_trouble",
		LOG_FIELDS(LOG_STR("state", "begun"), LOG_INT("ports", (int64_t)count),
			LOG_STR("scope", alarm->scope.name)),
		"%s: %zu ports fail together since %lld s: check its power supply and its cable; "
		"none "
		"of them is reset meanwhile: %s",
		scope, count, age_s, ports);
}

static void on_gathered(void *arg)
{
	say(arg);
}

/* Few are still down, if any: those have a trouble of their own. */
static void look_over(struct hub_alarm *alarm)
{
	char scope[2 * PLACE_PATH_SIZE + 20], ports[HUB_TEXT_SIZE];
	size_t left, count = ports_of(alarm, &left);

	if (left * LEFT_SHARE > count)
		return;
	say(alarm);
	name_scope(alarm, scope, sizeof scope);
	name_ports(alarm, ports, sizeof ports);
	log_notice(LOGC_PORT, alarm->bank, "hub_trouble",
		LOG_FIELDS(LOG_STR("state", "over"), LOG_INT("ports", (int64_t)count),
			LOG_STR("scope", alarm->scope.name), LOG_INT("left", (int64_t)left)),
		"%s: over after %lld s: %zu of %zu ports are back%s%s", scope,
		(long long)(loop_now_ms(alarm->hubs->loop) - alarm->since_ms) / 1000, count - left,
		count, left ? "; still down: " : "", ports);
	for (struct hub_port *port = alarm->hubs->ports; port; port = port->next)
		if (port->alarm == alarm)
			port->alarm = NULL;
	alarm_free(alarm);
}

static struct hub_alarm *alarm_new(const struct hub_port *port, const struct scope *scope)
{
	struct hub_alarm *alarm = calloc(1, sizeof *alarm);

	if (!alarm)
		return NULL;
	alarm->hubs = port->hubs;
	alarm->scope = *scope;
	snprintf(alarm->bank, sizeof alarm->bank, "%s", port->bank);
	alarm->since_ms = loop_now_ms(port->hubs->loop);
	loop_timer_init(&alarm->timer, port->hubs->loop, on_gathered, alarm);
	loop_timer_start(&alarm->timer, HUB_GATHER_MS);
	alarm->next = port->hubs->alarms;
	port->hubs->alarms = alarm;
	return alarm;
}

static void join(struct hub_alarm *alarm, struct hub_port *port)
{
	port->alarm = alarm;
	if (port->down_ms < alarm->since_ms)
		alarm->since_ms = port->down_ms;
}

/* What explains more is what it was: other alarms of ports in its scope become part of it. */
static void widen(struct hub_alarm *alarm, const struct scope *scope)
{
	struct hub_alarm *other, *next;

	alarm->scope = *scope;
	for (other = alarm->hubs->alarms; other; other = next) {
		bool inside = false;
		next = other->next;
		for (struct hub_port *port = alarm->hubs->ports; port && other != alarm;
			port = port->next)
			inside = inside || (port->alarm == other && in_scope(port, scope));
		if (!inside)
			continue;
		for (struct hub_port *port = alarm->hubs->ports; port; port = port->next)
			if (port->alarm == other)
				port->alarm = alarm;
		alarm->said = alarm->said || other->said;
		if (other->since_ms < alarm->since_ms)
			alarm->since_ms = other->since_ms;
		alarm_free(other);
	}
}

/* An alarm that stands and has this port in its scope. */
static struct hub_alarm *standing(const struct hub_port *port)
{
	for (struct hub_alarm *alarm = port->hubs->alarms; alarm; alarm = alarm->next)
		if (in_scope(port, &alarm->scope))
			return alarm;
	return NULL;
}

/* A port has failed. */
static void look_at(struct hub_port *failed)
{
	struct hubs *hubs = failed->hubs;
	struct hub_alarm *alarm = standing(failed);
	int64_t now_ms = loop_now_ms(hubs->loop);
	struct scope scope;

	if (alarm) {
		join(alarm, failed);
	} else if (find_scope(failed, &scope)) {
		for (struct hub_port *port = hubs->ports; port && !alarm; port = port->next)
			if (in_scope(port, &scope))
				alarm = port->alarm;
		if (!alarm)
			alarm = alarm_new(failed, &scope);
		if (!alarm)
			return; /* out of memory: each speaks for itself */
		widen(alarm, &scope);
		for (struct hub_port *port = hubs->ports; port; port = port->next)
			if (port->down && !port->alarm && in_scope(port, &scope) &&
				now_ms - port->down_ms <= hubs->limits->alarm_within_ms)
				join(alarm, port);
	}
}

/* ---- ports ---------------------------------------------------------------------------------- */

void hub_port_init(struct hubs *hubs, struct hub_port *port, const char *id, const char *bank)
{
	*port = (struct hub_port) { .hubs = hubs, .next = hubs->ports, .id = id, .bank = bank };
	hubs->ports = port;
}

void hub_port_done(struct hub_port *port)
{
	struct hub_port **at = &port->hubs->ports;

	while (*at != port)
		at = &(*at)->next;
	*at = port->next;
	if (port->alarm)
		look_over(port->alarm);
}

void hub_port_at(struct hub_port *port, const char *place)
{
	snprintf(port->place, sizeof port->place, "%s", place);
}

void hub_port_up(struct hub_port *port)
{
	port->up = true;
	port->down = port->busy = false;
	if (port->alarm)
		look_over(port->alarm);
}

void hub_port_down(struct hub_port *port)
{
	if (!port->up)
		return;
	port->up = false;
	port->down = true;
	port->down_ms = loop_now_ms(port->hubs->loop);
	look_at(port);
}

bool hub_ports_share(const struct hub_port *a, const struct hub_port *b)
{
	char one[PLACE_PATH_SIZE], two[PLACE_PATH_SIZE];

	if (strcmp(a->bank, b->bank) == 0)
		return true;
	if (!a->place[0] || !b->place[0])
		return false;
	place_hub(a->place, one, sizeof one);
	place_hub(b->place, two, sizeof two);
	return strcmp(one, two) == 0;
}

bool hub_port_suspects(const struct hub_port *port)
{
	int64_t now_ms = loop_now_ms(port->hubs->loop);

	if (!port->down || port->down_ms != now_ms || port->alarm)
		return false;
	for (const struct hub_port *at = port->hubs->ports; at; at = at->next)
		if (at != port && at->down && !at->alarm &&
			now_ms - at->down_ms <= port->hubs->limits->alarm_within_ms &&
			hub_ports_share(at, port))
			return true;
	return false;
}

void hub_port_rest(struct hub_port *port)
{
	port->up = false;
}

bool hub_port_turn(const struct hub_port *port, char *why, size_t size)
{
	char hub[PLACE_PATH_SIZE], other[PLACE_PATH_SIZE];
	int64_t now_ms = loop_now_ms(port->hubs->loop);
	int busy = 0;

	if (!port->place[0])
		return true;
	place_hub(port->place, hub, sizeof hub);
	for (const struct hub_port *at = port->hubs->ports; at; at = at->next) {
		if (at == port || !at->busy || now_ms - at->busy_ms >= HUB_BUSY_MS || !at->place[0])
			continue;
		place_hub(at->place, other, sizeof other);
		busy += strcmp(other, hub) == 0;
	}
	if (busy < port->hubs->limits->recoveries)
		return true;
	snprintf(why, size, "waits its turn: %d ports of hub %.50s are in recovery", busy, hub);
	return false;
}

void hub_port_busy(struct hub_port *port, bool busy)
{
	if (busy && !port->busy)
		port->busy_ms = loop_now_ms(port->hubs->loop);
	port->busy = busy;
}

void hubs_each_alarm(const struct hubs *hubs, void (*fn)(void *arg, const char *text), void *arg)
{
	char text[2 * HUB_TEXT_SIZE], scope[2 * PLACE_PATH_SIZE + 20], ports[HUB_TEXT_SIZE];

	for (const struct hub_alarm *alarm = hubs->alarms; alarm; alarm = alarm->next) {
		size_t down, count = ports_of(alarm, &down);
		name_scope(alarm, scope, sizeof scope);
		name_ports(alarm, ports, sizeof ports);
		snprintf(text, sizeof text,
			"%s: %zu of %zu ports are down since %lld s: check its power supply and "
			"its "
			"cable: %s",
			scope, down, count,
			(long long)(loop_now_ms(hubs->loop) - alarm->since_ms) / 1000, ports);
		fn(arg, text);
	}
}
