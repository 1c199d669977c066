/* store_hosts.h - verbs for hosts that share a store: who is there, whose a bank is, who leads.
 *
 * A host says that it lives by a beat, in the database's time; one that has not for stale_ms is
 * stale: its ports are not on sale, its banks may be claimed, what it would do others do. One host
 * at a time holds the leader's lease and sends the number lists. A lease is for a process, not for
 * a name; its fence grows with each new holder. In a store that is not shared all of this holds, of
 * one host.
 */
#ifndef SIMGATE_STORE_STORE_HOSTS_H
#define SIMGATE_STORE_STORE_HOSTS_H

#include "store/store.h"

enum {
	STORE_STALE_MS = 20000,
	STORE_HOSTS_MAX = 256, /* that are given back */
};

/* Whether other hosts may use it. */
bool store_is_shared(const struct store *store);

struct store_host {
	const char *name, *version;
	int64_t started_ms, seen_ms; /* in the caller's time */
	int ports, ready;
	bool stale;               /* not heard of for too long */
	bool settled;             /* its ports are known */
	bool stopped;             /* by itself; its ports are on sale until it is stale */
	bool own;                 /* the caller's */
	bool leads;               /* its lease runs */
	const char *const *banks; /* of store_hosts() */
	size_t bank_count;
};

struct store_hosts {
	const struct store_host *rows; /* by name */
	size_t count;
	bool leads;            /* this process, for lease_ms from when the verb was called */
	int64_t fence;         /* with leads: goes with what it sends */
	int64_t lease_left_ms; /* until another may lead, 0: at once */
};
typedef void store_hosts_fn(void *arg, int err, const struct store_hosts *hosts);

/* This host lives. lead: it takes the leader's lease if nobody has it, and renews it; not: it gives
 * it back. err -EADDRINUSE: another process has taken this host_id meanwhile; from then on this one
 * is as one that is not let in at its start (store_server()), and is let in once that has stopped.
 */
struct store_beat {
	int ports, ready;
	bool settled, lead;
	int64_t stale_ms, lease_ms, now_ms;
};
void store_host_beat(
	struct store *store, const struct store_beat *beat, store_hosts_fn *done, void *arg);

/* All hosts with their banks; leads and lease are not looked at. */
void store_hosts(struct store *store, int64_t now_ms, store_hosts_fn *done, void *arg);

/* This process stops: it leads no more, and its name is free. Of a shared store its ports stay as
 * they are until the host is stale: store_port_put() has no effect from this call on. */
void store_host_leave(struct store *store, store_done_fn *done, void *arg);

/* Ports of this host that are online; what a former process left of the others is not true any
 * more. Until this was called, ports of a shared store that were online when the host started again
 * stay so, unless they have another card: a quick restart takes nothing off the lists. */
void store_ports_settled(struct store *store, const struct store_place *places, size_t count,
	store_done_fn *done, void *arg);

/* A name of a bank is one host's, as long as that is not stale. host: "" if it is this one's now,
 * else whose it stays. */
struct store_bank_claim {
	const char *bank, *host;
};
typedef void store_claims_fn(void *arg, int err, const struct store_bank_claim *rows, size_t count);
void store_banks_claim(struct store *store, const char *const *banks, size_t count,
	store_claims_fn *done, void *arg);

/* Numbers that grow: with each change of what can be sold, with each wish for a list, and the last
 * wish that was fulfilled. */
struct store_marks {
	int64_t pool, sync, synced;
};
typedef void store_marks_fn(void *arg, int err, const struct store_marks *marks);
void store_marks(struct store *store, store_marks_fn *done, void *arg);

/* The leader should send a list: count is the wish's number. _done: wishes up to that one are
 * fulfilled. */
void store_sync_ask(struct store *store, store_count_fn *done, void *arg);
void store_sync_done(struct store *store, int64_t sync);

/* A platform has accepted a list. */
void store_listed(struct store *store, const char *platform, int64_t fence, int64_t numbers);

#endif
