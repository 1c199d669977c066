/* httpd_guard.h - who is connected how often, and who has tried wrong keys: a bounded table. */
#ifndef SIMGATE_HOST_HTTPD_GUARD_H
#define SIMGATE_HOST_HTTPD_GUARD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/loop.h"

enum {
	GUARD_CONNECTIONS_MAX = 1024, /* of all addresses together */
	GUARD_ADDRESS_MAX = 512, /* of one: a platform orders many numbers at a time, and a proxy on
				    this host brings all of them */
	GUARD_PLACES = 2048,     /* addresses remembered: more than connections, so one is free */
	GUARD_TRIES = 8,         /* wrong keys in a row before an address is slowed down */
	GUARD_TRY_MS = 5000,     /* then one more in this time */
};

/* An address: IPv4, or the network of an IPv6 address (/64); all zeros: a unix socket. */
struct guard_peer {
	uint8_t bytes[16];
};

struct guard;

struct guard *guard_new(struct loop *loop);
void guard_free(struct guard *guard);

struct guard_peer guard_peer_of(const struct sockaddr *address);

/* Whether one more connection may come from there; one that may not is counted as refused. What is
 * let in enters, and leaves again. */
bool guard_has_room(struct guard *guard, const struct guard_peer *peer);
void guard_enter(struct guard *guard, const struct guard_peer *peer);
void guard_leave(struct guard *guard, const struct guard_peer *peer);

/* A wrong key came from there. */
void guard_wrong_key(struct guard *guard, const struct guard_peer *peer);

/* How many seconds no key of theirs is looked at; 0: go on. */
int guard_wait_s(struct guard *guard, const struct guard_peer *peer);

#endif
