/* outbox.h - one platform's outgoing texts: claims from the store, tries, outcomes, pauses. */
#ifndef SIMGATE_PLATFORM_OUTBOX_H
#define SIMGATE_PLATFORM_OUTBOX_H

#include <stdbool.h>

#include "platform/deliver.h"
#include "platform/platform.h"
#include "store/store.h"

enum { OUTBOX_READY_MAX = 1024 }; /* claimed texts that wait in memory for a free connection */

struct outbox;

/* How the platform answers, for the operator. */
enum outbox_health {
	OUTBOX_UP,
	OUTBOX_DOWN,    /* no connection, or it answers nonsense: tried on with growing pauses */
	OUTBOX_ACCOUNT, /* account refused: everything is kept, one probe a minute */
};

struct outbox_status {
	enum outbox_health health;
	const char *reason;    /* of health; "" when up */
	int64_t since_wall_ms; /* of health */
	size_t in_flight, ready;
	uint64_t delivered, retried, refused;
};

struct outbox_events {
	/* The platform does not know a number: a list should go out. */
	void (*want_list)(void *arg);
	/* After each try, for whoever watches latency. */
	void (*delivered)(void *arg, const struct store_delivery *delivery);
};

struct outbox *outbox_new(struct loop *loop, struct store *store, struct deliver *deliver,
	const struct config_platform *platform, const struct outbox_events *events, void *arg);

/* Claims that were not tried go back by themselves when their lease ends or at the next start. */
void outbox_free(struct outbox *outbox);

/* Takes what the configuration now says of this platform (same name and kind). */
void outbox_configure(struct outbox *outbox, const struct config_platform *platform);

/* Whether a text stored now may come back claimed: the platform is up, there is room, and a call
 * ends well within STORE_LEASE_MS. */
bool outbox_wants(const struct outbox *outbox);

/* A delivery that was claimed with the text's own commit: sent at once. */
void outbox_offer(struct outbox *outbox, const struct store_delivery *delivery);

/* Something may be due: asks the store soon (merged). */
void outbox_kick(struct outbox *outbox);

/* No new tries; outbox_idle() tells when those under way have ended and their outcome is stored. */
void outbox_stop(struct outbox *outbox);
bool outbox_idle(const struct outbox *outbox);

/* A call other than a text told how the account stands (the list): same breaker for both. */
void outbox_account(struct outbox *outbox, enum outcome outcome, const char *reason);

void outbox_status(const struct outbox *outbox, struct outbox_status *out);

#endif
