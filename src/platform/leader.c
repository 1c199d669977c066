/* leader.c - one of the hosts that share a store sends the number lists: this one, or another. */
#include "platform/leader.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

enum {
	BEATS = 4,     /* words within stale_ms */
	LEASES = 2,    /* leases within it */
	LOOK_MS = 500, /* of who leads, and of who waits for a list */
	SOON_MS = 20,  /* after another's lease */
	WAITERS_MAX = 16,
	WAIT_MS = 60000,
	SILENT_MS = 60000, /* between two lines about the same trouble */
};

struct waiter {
	leader_done_fn *done;
	void *arg;
	uint64_t wish;
	int64_t until_ms;
};

struct host_name {
	char name[STORE_NAME_SIZE], version[32];
};

struct leader {
	struct loop *loop;
	struct store *store;
	struct leader_events events;
	void *arg;
	int64_t stale_ms, grace_ms;
	struct loop_timer beat, look, end;
	bool shared, settled, stopped;
	bool beating, beat_again, looking;

	bool leads;   /* the lease is this process' */
	bool listing; /* and nobody needs to be waited for */
	int64_t called_ms, since_ms, end_ms, fence;
	char name[STORE_NAME_SIZE]; /* who leads */

	int64_t pool;    /* as seen last; -1: not yet */
	int64_t serving; /* a wish of others' that is under way */

	uint64_t wishes, asking, asked, heard; /* own ones: made, being told, told, heard */
	int64_t asked_as;                      /* the number of what was told */
	struct waiter waiters[WAITERS_MAX];
	size_t waiter_count;

	struct store_host *hosts; /* the names in `names` */
	struct host_name *names;
	size_t host_count;
};

/* ---- gained and lost ------------------------------------------------------------------------ */

static void lose(struct leader *leader, const char *why)
{
	bool listing = leader->listing;

	if (!leader->leads)
		return;
	leader->leads = leader->listing = false;
	leader->end_ms = 0;
	leader->name[0] = '\0';
	leader->serving = 0;
	for (size_t i = 0; i < leader->host_count; i++)
		leader->hosts[i].leads = leader->hosts[i].leads && !leader->hosts[i].own;
	loop_timer_stop(&leader->end);
	loop_timer_stop(&leader->look);
	if (leader->shared)
		log_notice(LOGC_PLATFORM, NULL, "leader_lost",
			LOG_FIELDS(LOG_INT("fence", leader->fence), LOG_STR("reason", why)),
			"this host sends no number lists any more");
	if (listing)
		leader->events.lost(leader->arg);
}

static void on_end(void *arg)
{
	lose(arg, "the lease could not be renewed in time");
}

static size_t unsettled(const struct leader *leader)
{
	size_t count = 0;

	for (size_t i = 0; i < leader->host_count; i++)
		count += !leader->hosts[i].stale && !leader->hosts[i].settled;
	return count;
}

/* Hosts that have just started may have numbers that are listed: a list without them would take
 * those off sale. */
static void begin_lists(struct leader *leader)
{
	int64_t now_ms = loop_now_ms(leader->loop);

	if (!leader->leads || leader->listing ||
		(unsettled(leader) > 0 && now_ms - leader->since_ms < leader->grace_ms))
		return;
	leader->listing = true;
	leader->pool = -1;
	if (leader->shared)
		loop_timer_start(&leader->look, 0);
	leader->events.gained(leader->arg);
}

static void gain(struct leader *leader, const struct store_hosts *hosts)
{
	int64_t now_ms = loop_fresh_us(leader->loop) / 1000;
	int64_t end_ms = leader->called_ms + leader->stale_ms / LEASES;

	if (leader->leads && leader->fence != hosts->fence)
		lose(leader, "the lease had ended");
	if (end_ms <= now_ms) {
		lose(leader, "the lease could not be renewed in time");
		return;
	}
	leader->end_ms = end_ms;
	loop_timer_start(&leader->end, end_ms - now_ms);
	if (leader->leads)
		return;
	leader->leads = true;
	leader->fence = hosts->fence;
	leader->since_ms = loop_now_ms(leader->loop);
	log_notice(LOGC_PLATFORM, NULL, "leader_gained",
		LOG_FIELDS(
			LOG_INT("fence", leader->fence), LOG_INT("hosts", (int64_t)hosts->count)),
		"this host sends the number lists");
}

/* ---- who is there --------------------------------------------------------------------------- */

static const struct store_host *known(const struct leader *leader, const char *name)
{
	for (size_t i = 0; i < leader->host_count; i++)
		if (strcmp(leader->hosts[i].name, name) == 0)
			return &leader->hosts[i];
	return NULL;
}

/* Who leads says who comes and goes. */
static void tell_changes(const struct leader *leader, const struct store_hosts *hosts)
{
	for (size_t i = 0; leader->hosts && i < hosts->count; i++) {
		const struct store_host *now = &hosts->rows[i];
		const struct store_host *before = known(leader, now->name);
		bool was = before && !before->stale;
		if (now->own || was == !now->stale)
			continue;
		if (now->stale)
			log_warning(LOGC_PLATFORM, now->name, "host_stale",
				LOG_FIELDS(LOG_INT("ports", now->ports)),
				"this host was not heard of any more: its numbers are off the "
				"lists");
		else
			log_notice(LOGC_PLATFORM, now->name, "host_joined",
				LOG_FIELDS(LOG_STR("version", now->version)), "this host is there");
	}
}

static void remember(struct leader *leader, const struct store_hosts *hosts)
{
	struct store_host *rows = calloc(hosts->count + 1, sizeof *rows);
	struct host_name *names = calloc(hosts->count + 1, sizeof *names);

	if (!rows || !names) {
		free(rows);
		free(names);
		return;
	}
	for (size_t i = 0; i < hosts->count; i++) {
		rows[i] = hosts->rows[i];
		snprintf(names[i].name, sizeof names[i].name, "%s", rows[i].name);
		snprintf(names[i].version, sizeof names[i].version, "%s", rows[i].version);
		rows[i].name = names[i].name;
		rows[i].version = names[i].version;
		rows[i].banks = NULL;
		if (rows[i].leads)
			snprintf(leader->name, sizeof leader->name, "%s", rows[i].name);
	}
	free(leader->hosts);
	free(leader->names);
	leader->hosts = rows;
	leader->names = names;
	leader->host_count = hosts->count;
}

/* ---- beats ---------------------------------------------------------------------------------- */

static void note_trouble(struct leader *leader, int err)
{
	static struct log_limit limit = { .period_ms = SILENT_MS, .burst = 1 };

	if (err != -EADDRINUSE)
		return; /* the store tells its own */
	lose(leader, "another process has this host's name");
	if (log_limit(&limit))
		log_error(LOGC_PLATFORM, NULL, NULL, NULL,
			"another simgated has taken this host's host_id while this one was "
			"silent: stop one of them, or give each a host_id of its own");
}

static void on_beaten(void *arg, int err, const struct store_hosts *hosts)
{
	struct leader *leader = arg;
	int64_t beat_ms = leader->stale_ms / BEATS, next_ms = beat_ms;

	leader->beating = false;
	if (leader->stopped)
		return;
	if (err) {
		note_trouble(leader, err);
		next_ms = beat_ms < LOOK_MS ? beat_ms : LOOK_MS;
	} else {
		if (leader->leads)
			tell_changes(leader, hosts);
		leader->name[0] = '\0';
		if (hosts->leads)
			gain(leader, hosts);
		else
			lose(leader, "the lease is another's");
		remember(leader, hosts);
		begin_lists(leader);
		if (leader->settled && !leader->leads && hosts->lease_left_ms < beat_ms)
			next_ms = hosts->lease_left_ms + SOON_MS;
		if (leader->leads && !leader->listing && next_ms > LOOK_MS)
			next_ms = LOOK_MS; /* the others settle */
	}
	loop_timer_start(&leader->beat, leader->beat_again ? 0 : next_ms);
	leader->beat_again = false;
	if (!err)
		leader->events.beaten(leader->arg);
}

static void beat(struct leader *leader)
{
	struct leader_state state = leader->events.state(leader->arg);
	const struct store_beat word = {
		.ports = state.ports,
		.ready = state.ready,
		.settled = leader->settled,
		.lead = leader->settled,
		.stale_ms = leader->stale_ms,
		.lease_ms = leader->stale_ms / LEASES,
		.now_ms = loop_wall_ms(leader->loop),
	};

	loop_timer_stop(&leader->beat);
	leader->beating = true;
	leader->called_ms = loop_now_ms(leader->loop);
	store_host_beat(leader->store, &word, on_beaten, leader);
}

static void on_beat(void *arg)
{
	beat(arg);
}

/* ---- wishes --------------------------------------------------------------------------------- */

static void tell_waiters(struct leader *leader, int err, const char *why)
{
	int64_t now_ms = loop_now_ms(leader->loop);
	struct waiter told[WAITERS_MAX];
	size_t count = 0, kept = 0;

	for (size_t i = 0; i < leader->waiter_count; i++) {
		struct waiter *waiter = &leader->waiters[i];
		if (err || waiter->wish <= leader->heard || waiter->until_ms <= now_ms)
			told[count++] = *waiter;
		else
			leader->waiters[kept++] = *waiter;
	}
	leader->waiter_count = kept;
	for (size_t i = 0; i < count; i++) {
		bool heard = told[i].wish <= leader->heard;
		told[i].done(told[i].arg,
			err     ? err
			: heard ? 0
				: -ETIMEDOUT,
			err     ? why
			: heard ? ""
				: "the host that leads has sent no list yet");
	}
}

static void on_told(void *arg, int err, int64_t wish)
{
	struct leader *leader = arg;
	uint64_t asking = leader->asking;

	leader->asking = 0;
	if (leader->stopped)
		return;
	if (!err) {
		leader->asked = asking;
		leader->asked_as = wish;
	}
	if (!loop_timer_active(&leader->look))
		loop_timer_start(&leader->look, err ? LOOK_MS : SOON_MS);
}

/* One at a time: those that come meanwhile are the next. */
static void tell_wish(struct leader *leader)
{
	if (leader->asking || leader->asked > leader->heard || leader->heard == leader->wishes)
		return;
	leader->asking = leader->wishes;
	store_sync_ask(leader->store, on_told, leader);
}

uint64_t leader_wish(struct leader *leader)
{
	leader->wishes++;
	tell_wish(leader);
	return leader->wishes;
}

bool leader_is_heard(const struct leader *leader, uint64_t wish)
{
	return wish <= leader->heard;
}

void leader_sync(struct leader *leader, leader_done_fn *done, void *arg)
{
	if (leader->stopped) {
		done(arg, -ECANCELED, "stopping");
		return;
	}
	if (leader->waiter_count == WAITERS_MAX) {
		done(arg, -EBUSY, "too many wait for a list");
		return;
	}
	leader->waiters[leader->waiter_count++] = (struct waiter) { done, arg, leader_wish(leader),
		loop_now_ms(leader->loop) + WAIT_MS };
	if (!loop_timer_active(&leader->look))
		loop_timer_start(&leader->look, LOOK_MS);
}

void leader_served(struct leader *leader, int64_t wish, bool well)
{
	if (leader->serving != wish)
		return;
	leader->serving = 0;
	if (well && leader->leads)
		store_sync_done(leader->store, wish);
}

/* ---- looking -------------------------------------------------------------------------------- */

/* A change while this was under way is another number at the next look. */
static void lead(struct leader *leader, const struct store_marks *marks)
{
	bool changed = leader->pool >= 0 && marks->pool != leader->pool;

	leader->pool = marks->pool;
	if (changed)
		leader->events.changed(leader->arg);
	if (marks->sync > marks->synced && !leader->serving) {
		leader->serving = marks->sync;
		leader->events.wished(leader->arg, marks->sync);
	}
}

static void on_marks(void *arg, int err, const struct store_marks *marks)
{
	struct leader *leader = arg;
	int64_t beat_ms = leader->stale_ms / BEATS;

	leader->looking = false;
	if (leader->stopped)
		return;
	if (!err && leader->listing)
		lead(leader, marks);
	if (!err && leader->asked > leader->heard && marks->synced >= leader->asked_as)
		leader->heard = leader->asked;
	tell_wish(leader);
	tell_waiters(leader, 0, "");
	if (leader->listing || leader->heard < leader->wishes)
		loop_timer_start(&leader->look, beat_ms < LOOK_MS ? beat_ms : LOOK_MS);
}

static void on_look(void *arg)
{
	struct leader *leader = arg;

	if (leader->looking)
		return;
	leader->looking = true;
	store_marks(leader->store, on_marks, leader);
}

/* ---- the face ------------------------------------------------------------------------------- */

struct leader *leader_new(struct loop *loop, struct store *store, int64_t stale_ms,
	int64_t grace_ms, const struct leader_events *events, void *arg)
{
	struct leader *leader = calloc(1, sizeof *leader);

	if (!leader)
		return NULL;
	leader->loop = loop;
	leader->store = store;
	leader->stale_ms = stale_ms;
	leader->grace_ms = grace_ms;
	leader->events = *events;
	leader->arg = arg;
	leader->shared = store_is_shared(store);
	loop_timer_init(&leader->beat, loop, on_beat, leader);
	loop_timer_init(&leader->look, loop, on_look, leader);
	loop_timer_init(&leader->end, loop, on_end, leader);
	return leader;
}

void leader_free(struct leader *leader)
{
	if (!leader)
		return;
	loop_timer_stop(&leader->beat);
	loop_timer_stop(&leader->look);
	loop_timer_stop(&leader->end);
	free(leader->hosts);
	free(leader->names);
	free(leader);
}

void leader_start(struct leader *leader)
{
	if (leader->shared)
		beat(leader);
}

void leader_settled(struct leader *leader)
{
	leader->settled = true;
	if (!leader->shared) {
		leader->leads = true;
		begin_lists(leader);
	} else if (leader->beating) {
		leader->beat_again = true;
	} else {
		beat(leader);
	}
}

void leader_unsettled(struct leader *leader)
{
	leader->settled = false;
	lose(leader, "its ports are looked at anew");
}

void leader_stop(struct leader *leader)
{
	if (leader->stopped)
		return;
	leader->stopped = true;
	leader->leads = leader->listing = false;
	leader->end_ms = 0;
	loop_timer_stop(&leader->beat);
	loop_timer_stop(&leader->look);
	loop_timer_stop(&leader->end);
	tell_waiters(leader, -ECANCELED, "stopping");
	if (leader->shared)
		store_host_leave(leader->store, NULL, NULL);
}

bool leader_follows(const struct leader *leader)
{
	return leader && leader->shared && leader->settled && !leader->listing;
}

const char *leader_name(const struct leader *leader)
{
	return leader->name;
}

int64_t leader_fence(const struct leader *leader)
{
	return leader->shared ? leader->fence : 0;
}

const int64_t *leader_end_ms(const struct leader *leader)
{
	return leader->shared ? &leader->end_ms : NULL;
}

bool leader_may_send(const struct leader *leader)
{
	return leader->listing &&
	       (!leader->shared || loop_fresh_us(leader->loop) / 1000 < leader->end_ms);
}

const struct store_host *leader_hosts(const struct leader *leader, size_t *count)
{
	*count = leader->host_count;
	return leader->hosts;
}
