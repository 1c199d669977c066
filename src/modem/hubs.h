/* hubs.h - what ports share: how many of a hub are reset at a time, and trouble that is not theirs
 * but their hub's or bank's. It decides and says so; it does nothing to a port. */
#ifndef SIMGATE_MODEM_HUBS_H
#define SIMGATE_MODEM_HUBS_H

#include "base/loop.h"
#include "base/place.h"

enum {
	HUB_BUSY_MS = 60000,  /* the longest that a port counts as in recovery */
	HUB_GATHER_MS = 2000, /* from the first sign of an alarm to its line in the log */
	HUB_TEXT_SIZE = 600,
};

struct hub_limits {
	int recoveries;          /* ports of a hub in recovery at a time */
	int alarm_ports;         /* an alarm: at least so many ports of a hub or of a bank */
	int alarm_percent;       /* and this share of those that were well */
	int64_t alarm_within_ms; /* fail within this */
};

struct hubs;
struct hub_alarm;

/* Embedded in its owner; id and bank stay the owner's. */
struct hub_port {
	struct hubs *hubs;
	struct hub_port *next;
	const char *id, *bank;
	char place[PLACE_PATH_SIZE]; /* of its USB device; "": not known, or none */
	bool up;                     /* it is well, as far as this is concerned */
	bool down;                   /* it was, and is not since down_ms */
	int64_t down_ms;
	bool busy; /* in recovery since busy_ms */
	int64_t busy_ms;
	struct hub_alarm *alarm; /* that its trouble is part of; NULL: none */
};

/* limits must outlive it, and may change. NULL if out of memory. */
struct hubs *hubs_new(struct loop *loop, const struct hub_limits *limits);
void hubs_free(struct hubs *hubs); /* takes NULL; no port is left by then */

void hub_port_init(struct hubs *hubs, struct hub_port *port, const char *id, const char *bank);
void hub_port_done(struct hub_port *port);

/* Its USB device is there: "pci-0000:00:14.0-usb-0:1.2". "": it has none. */
void hub_port_at(struct hub_port *port, const char *place);

void hub_port_up(struct hub_port *port);
/* It fails. Only one that was up counts, and that once. */
void hub_port_down(struct hub_port *port);
/* It has just failed, and so has another of its hub or bank: it is worth while to look at the rest,
 * for each of them is silent for some time before it is noticed. */
bool hub_port_suspects(const struct hub_port *port);
/* The same hub, or the same bank. */
bool hub_ports_share(const struct hub_port *a, const struct hub_port *b);
/* It is not up, and that is nobody's trouble: it is being reset, or no longer wanted. */
void hub_port_rest(struct hub_port *port);

/* Whether it may be reset now; if not, why says what it waits for. */
bool hub_port_turn(const struct hub_port *port, char *why, size_t size);
void hub_port_busy(struct hub_port *port, bool busy);

/* Calls fn with the words for each alarm that stands. */
void hubs_each_alarm(const struct hubs *hubs, void (*fn)(void *arg, const char *text), void *arg);

#endif
