/* httpd_guard.c - who is connected how often, and who has tried wrong keys. */
#include "host/httpd_guard.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/counter.h"
#include "base/log.h"

/* Every wrong key moves free_ms on by GUARD_TRY_MS; past GUARD_TRIES of that the peer waits. */
struct place {
	struct guard_peer peer;
	int64_t free_ms; /* nothing is held against them from then on */
	unsigned connections;
	bool taken;
};

struct guard {
	struct loop *loop;
	unsigned connections;
	struct place places[GUARD_PLACES];
};

struct guard *guard_new(struct loop *loop)
{
	struct guard *guard = calloc(1, sizeof *guard);

	if (guard)
		guard->loop = loop;
	return guard;
}

void guard_free(struct guard *guard)
{
	free(guard);
}

struct guard_peer guard_peer_of(const struct sockaddr *address)
{
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)address;
	struct guard_peer peer = { { 0 } };

	if (address->sa_family == AF_INET) {
		peer.bytes[0] = 4;
		memcpy(peer.bytes + 12, &((const struct sockaddr_in *)address)->sin_addr, 4);
	} else if (address->sa_family == AF_INET6) {
		peer.bytes[8] = 6;
		memcpy(peer.bytes, &six->sin6_addr, 8);
		if (IN6_IS_ADDR_LOOPBACK(&six->sin6_addr))
			peer.bytes[9] = 1;
	}
	return peer;
}

static void peer_text(const struct guard_peer *peer, char *out, size_t size)
{
	char text[INET6_ADDRSTRLEN] = "";
	struct in6_addr six = { 0 };

	if (peer->bytes[0] == 4 && peer->bytes[8] == 0) {
		inet_ntop(AF_INET, peer->bytes + 12, out, (socklen_t)size);
	} else if (peer->bytes[8] == 6) {
		memcpy(&six, peer->bytes, 8);
		inet_ntop(AF_INET6, &six, text, sizeof text);
		snprintf(out, size, "%s", peer->bytes[9] ? "::1" : text);
	} else {
		snprintf(out, size, "unix");
	}
}

/* The peer's place; NULL if there is none. */
static struct place *find(struct guard *guard, const struct guard_peer *peer)
{
	for (size_t i = 0; i < GUARD_PLACES; i++)
		if (guard->places[i].taken &&
			memcmp(&guard->places[i].peer, peer, sizeof *peer) == 0)
			return &guard->places[i];
	return NULL;
}

/* A place that nobody is connected from, the one against which the least is held. There are more
 * places than connections. */
static struct place *find_or_take(struct guard *guard, const struct guard_peer *peer)
{
	struct place *place = find(guard, peer), *best = NULL;

	if (place)
		return place;
	for (size_t i = 0; i < GUARD_PLACES; i++) {
		place = &guard->places[i];
		if (!place->connections && (!best || place->free_ms < best->free_ms))
			best = place;
	}
	if (best)
		*best = (struct place) { .peer = *peer, .taken = true };
	return best;
}

static bool refused(const struct guard_peer *peer, const char *why)
{
	static struct log_limit limit = { .period_ms = 60000, .burst = 3 };
	char text[64];

	counter_add(COUNTER_HTTP_REFUSED, 1);
	peer_text(peer, text, sizeof text);
	if (log_limit(&limit))
		log_warning(LOGC_HTTP, NULL, NULL, LOG_FIELDS(LOG_STR("peer", text)),
			"too many connections%s, one refused", why);
	return false;
}

bool guard_has_room(struct guard *guard, const struct guard_peer *peer)
{
	const struct place *place = find(guard, peer);

	if (guard->connections >= GUARD_CONNECTIONS_MAX)
		return refused(peer, "");
	if (place && place->connections >= GUARD_ADDRESS_MAX)
		return refused(peer, " from one address");
	return true;
}

void guard_enter(struct guard *guard, const struct guard_peer *peer)
{
	struct place *place = find_or_take(guard, peer);

	if (!place)
		return;
	place->connections++;
	guard->connections++;
}

void guard_leave(struct guard *guard, const struct guard_peer *peer)
{
	struct place *place = find(guard, peer);

	if (place && place->connections > 0) {
		place->connections--;
		guard->connections--;
	}
}

void guard_wrong_key(struct guard *guard, const struct guard_peer *peer)
{
	static struct log_limit limit = { .period_ms = 60000, .burst = 3 };
	struct place *place = find_or_take(guard, peer);
	int64_t now_ms = loop_now_ms(guard->loop);
	char text[64];

	counter_add(COUNTER_HTTP_WRONG_KEYS, 1);
	peer_text(peer, text, sizeof text);
	if (log_limit(&limit))
		log_warning(LOGC_HTTP, NULL, NULL, LOG_FIELDS(LOG_STR("peer", text)),
			"a request came with a wrong key");
	if (place)
		place->free_ms = (place->free_ms > now_ms ? place->free_ms : now_ms) + GUARD_TRY_MS;
}

int guard_wait_s(struct guard *guard, const struct guard_peer *peer)
{
	const struct place *place = find(guard, peer);
	int64_t held_ms = place ? place->free_ms - loop_now_ms(guard->loop) : 0;
	int64_t wait_ms = held_ms - (int64_t)(GUARD_TRIES - 1) * GUARD_TRY_MS;

	return wait_ms > 0 ? (int)((wait_ms + 999) / 1000) : 0;
}
