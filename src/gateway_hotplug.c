/* gateway_hotplug.c - banks by place: what is plugged in finds its slot, and starts in its turn. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/counter.h"
#include "gateway_impl.h"

enum {
	TTYS_MAX = 12,       /* of one module */
	STARTS_MAX = 4,      /* in one turn */
	SETTLE_MS = 1000,    /* a module's other ttys follow the first; it answers late anyway */
	STARTING_MS = 30000, /* a port that has not settled by then starts no more */
	WORK_MS = 100,       /* while something waits for its turn */
	WRONG_MAX = 3,       /* faults in a row of an AT port that was right before */
};

/* A place of a bank and its port. What is plugged in changes, the port stays. */
struct slot {
	struct modem *modem;
	const struct tty_info *ttys[TTYS_MAX]; /* candidates for its AT port, the best first */
	int ranks[TTYS_MAX];
	size_t count;
	const struct tty_info *used; /* the one whose device the port has; NULL: none */
	int good;                    /* interface that was its AT port; PLACE_ANY: not known */
	size_t tried;                /* candidates that did not answer, since the last plug */
	int64_t due_ms, since_ms;
	bool proven;    /* the one in use has answered, since the last plug */
	bool waiting;   /* for its turn to start, from due_ms on */
	bool starting;  /* since since_ms */
	bool contested; /* something else that is plugged in has the same name */
	bool dropped;   /* it went off by itself: its device's name may be another's next time */
	bool ours;      /* it went and came back because of us */
};

struct plug {
	struct gateway *gateway;
	struct hotplug *hotplug;
	struct slot **slots;
	size_t count, room;
	struct loop_timer timer;
	bool look; /* a port hung up or fell silent: udev may be late, or say nothing at all */
};

/* ---- slots ---------------------------------------------------------------------------------- */

static struct slot *slot_named(const struct plug *plug, const char *bank, const char *name)
{
	for (size_t i = 0; i < plug->count; i++)
		if (strcmp(plug->slots[i]->modem->slot, name) == 0 &&
			strcmp(plug->slots[i]->modem->bank, bank) == 0)
			return plug->slots[i];
	return NULL;
}

static struct slot *slot_of(const struct plug *plug, const struct modem *modem)
{
	for (size_t i = 0; plug && i < plug->count; i++)
		if (plug->slots[i]->modem == modem)
			return plug->slots[i];
	return NULL;
}

static struct slot *slot_new(struct plug *plug, const struct config_bank *bank, const char *name)
{
	struct modem_config config = { bank->name, name, "", modem_driver_named(bank->driver),
		bank->baud, board_named(bank->board) };
	struct slot *slot;

	if (plug->count == plug->room) {
		size_t room = plug->room ? 2 * plug->room : 64;
		struct slot **slots = realloc(plug->slots, room * sizeof(struct slot *));
		if (!slots)
			return NULL;
		plug->slots = slots;
		plug->room = room;
	}
	slot = calloc(1, sizeof *slot);
	if (!slot)
		return NULL;
	slot->good = PLACE_ANY;
	slot->modem = gateway_add_port(plug->gateway, &config);
	if (!slot->modem) {
		free(slot);
		return NULL;
	}
	plug->slots[plug->count++] = slot;
	return slot;
}

/* ---- what is in a slot ---------------------------------------------------------------------- */

static void work_in(struct plug *plug, int64_t delay_ms)
{
	if (!plug->gateway->stopping && !loop_timer_active(&plug->timer))
		loop_timer_start(&plug->timer, delay_ms);
}

static void wait_turn(struct plug *plug, struct slot *slot, int64_t delay_ms)
{
	slot->waiting = true;
	slot->due_ms = loop_now_ms(plug->gateway->loop) + delay_ms;
	work_in(plug, 0);
}

static bool same_tty(const struct tty_info *a, const struct tty_info *b)
{
	return strcmp(a->id_path, b->id_path) == 0 && a->place.port == b->place.port;
}

/* Takes tty n out. The port closes if it was that one. */
static void take_out(struct plug *plug, struct slot *slot, size_t n)
{
	const struct tty_info *tty = slot->ttys[n];

	slot->count--;
	memmove(&slot->ttys[n], &slot->ttys[n + 1], (slot->count - n) * sizeof slot->ttys[0]);
	memmove(&slot->ranks[n], &slot->ranks[n + 1], (slot->count - n) * sizeof slot->ranks[0]);
	slot->waiting = slot->waiting && slot->count > 0;
	if (slot->count == 0) {
		slot->tried = 0;
		slot->proven = false;
	}
	if (slot->used != tty)
		return;
	slot->used = NULL;
	slot->starting = false;
	log_info(LOGC_PORT, slot->modem->id, NULL,
		LOG_FIELDS(LOG_STR("device", tty->devnode), LOG_STR("path", tty->id_path)),
		"unplugged");
	modem_set_device(slot->modem, NULL);
	if (slot->count > 0) /* its others will follow; if not, one of them is tried */
		wait_turn(plug, slot, SETTLE_MS);
}

static void put_in(struct slot *slot, const struct tty_info *tty, int rank)
{
	size_t n = slot->count++;

	for (; n > 0 && (slot->ranks[n - 1] > rank ||
				(slot->ranks[n - 1] == rank &&
					slot->ttys[n - 1]->place.interface > tty->place.interface));
		n--) {
		slot->ttys[n] = slot->ttys[n - 1];
		slot->ranks[n] = slot->ranks[n - 1];
	}
	slot->ttys[n] = tty;
	slot->ranks[n] = rank;
}

/* Whether the slot has room for it; what it had at the very same place is gone, whatever udev says.
 */
static bool admits(struct plug *plug, struct slot *slot, const struct tty_info *tty, bool alone)
{
	static struct log_limit limit = { .period_ms = GATEWAY_SUMMARY_MS, .burst = 8 };

	for (size_t i = slot->count; i-- > 0;)
		if (same_tty(slot->ttys[i], tty))
			take_out(plug, slot, i);
	if (slot->count == 0)
		return true;
	if (!alone && slot->count < TTYS_MAX &&
		strcmp(slot->ttys[0]->place.device, tty->place.device) == 0)
		return true;
	slot->contested = true;
	counter_add(COUNTER_SLOTS_REFUSED, 1);
	if (log_limit(&limit))
		log_error(LOGC_CONFIG, slot->modem->id, NULL,
			LOG_FIELDS(LOG_STR("device", tty->devnode), LOG_STR("path", tty->id_path),
				LOG_STR("other", slot->ttys[0]->devnode),
				LOG_STR("other_path", slot->ttys[0]->id_path)),
			"two devices for one slot: %s (%s) keeps it, %s (%s) is not used; write a "
			"slot.LABEL for each, with :CFG.IF and -portN",
			slot->ttys[0]->devnode, slot->ttys[0]->id_path, tty->devnode, tty->id_path);
	return false;
}

/* delay_ms: until its port may start. */
static void place_tty(struct plug *plug, const struct tty_info *tty, int64_t delay_ms)
{
	struct gateway_target target;
	struct slot *slot;

	if (plug->gateway->stopping || !gateway_target_of(plug->gateway->config, tty, &target))
		return;
	slot = slot_named(plug, target.bank->name, target.slot);
	if (!slot)
		slot = slot_new(plug, target.bank, target.slot);
	if (!slot || !admits(plug, slot, tty, target.alone))
		return;
	put_in(slot, tty, target.rank);
	log_debug(LOGC_PORT, slot->modem->id, NULL,
		LOG_FIELDS(LOG_STR("device", tty->devnode), LOG_STR("path", tty->id_path)),
		"plugged in, rank %d", target.rank);
	if (!slot->used)
		wait_turn(plug, slot, delay_ms);
}

static bool is_placed(const struct plug *plug, const struct tty_info *tty)
{
	for (size_t i = 0; i < plug->count; i++)
		for (size_t n = 0; n < plug->slots[i]->count; n++)
			if (plug->slots[i]->ttys[n] == tty)
				return true;
	return false;
}

static void place_left(void *arg, const struct tty_info *tty)
{
	if (!is_placed(arg, tty))
		place_tty(arg, tty, 0);
}

/* ---- events --------------------------------------------------------------------------------- */

static void on_added(void *owner, const struct tty_info *tty)
{
	struct plug *plug = owner;

	place_tty(plug, tty, hotplug_enumerated(plug->hotplug) ? SETTLE_MS : 0);
}

static void on_removed(void *owner, const struct tty_info *tty)
{
	struct plug *plug = owner;
	bool freed = false;

	for (size_t i = 0; i < plug->count; i++) {
		struct slot *slot = plug->slots[i];
		for (size_t n = slot->count; n-- > 0;)
			if (slot->ttys[n] == tty)
				take_out(plug, slot, n);
		if (slot->count == 0 && slot->contested)
			freed = true, slot->contested = false;
	}
	if (freed) /* whoever was refused */
		hotplug_each(plug->hotplug, place_left, plug);
}

/* A label is a port, with nothing in it as well. */
static void add_labels(struct plug *plug)
{
	const struct config *config = plug->gateway->config;

	for (size_t b = 0; b < config->bank_count; b++) {
		const struct config_bank *bank = &config->banks[b];
		for (size_t i = 0; bank->path && i < bank->slot_count; i++)
			if (!slot_named(plug, bank->name, bank->slots[i].label))
				slot_new(plug, bank, bank->slots[i].label);
	}
}

/* Ports with nothing to wait for are settled: off. */
static void start_empty(struct plug *plug)
{
	for (size_t i = 0; i < plug->count; i++)
		if (plug->slots[i]->count == 0 && !plug->slots[i]->modem->settled)
			modem_start(plug->slots[i]->modem);
}

static void on_enumerated(void *owner)
{
	struct plug *plug = owner;

	log_info(LOGC_PORT, NULL, NULL, LOG_FIELDS(LOG_INT("slots", (int64_t)plug->count)),
		"what is plugged in is known");
	start_empty(plug);
	gateway_look_settled(plug->gateway);
	work_in(plug, 0);
}

static const struct hotplug_events hotplug_events = { on_added, on_removed, on_enumerated };

/* ---- starting in turn ----------------------------------------------------------------------- */

static bool is_over(const struct slot *slot, int64_t now_ms)
{
	return !slot->waiting && (slot->modem->settled || now_ms - slot->since_ms >= STARTING_MS);
}

static int starting_at(const struct plug *plug, const char *hub)
{
	char other[PLACE_PATH_SIZE];
	int count = 0;

	for (size_t i = 0; i < plug->count; i++) {
		const struct slot *slot = plug->slots[i];
		if (!slot->starting || !slot->used)
			continue;
		place_hub(slot->used->place.device, other, sizeof other);
		count += strcmp(other, hub) == 0;
	}
	return count;
}

/* The candidate that is next: the one that was right before, then by rank. */
static const struct tty_info *candidate(const struct slot *slot)
{
	size_t n = slot->tried % slot->count, good = 0;

	while (good < slot->count && slot->ttys[good]->place.interface != slot->good)
		good++;
	if (good < slot->count && n <= good)
		n = n == 0 ? good : n - 1;
	return slot->ttys[n];
}

/* False: not now. */
static bool start(struct plug *plug, struct slot *slot)
{
	const struct tty_info *tty = candidate(slot);
	char hub[PLACE_PATH_SIZE];
	int err;

	place_hub(tty->place.device, hub, sizeof hub);
	if (!slot->starting && starting_at(plug, hub) >= plug->gateway->config->hub_starts)
		return false;
	if (slot->tried == 0)
		slot->ours = slot->modem->recovery.by_us;
	if (slot->proven || slot->ours || slot->tried >= slot->count)
		err = modem_set_interface(slot->modem, tty->devnode);
	else
		err = modem_set_device(slot->modem, tty->devnode);
	if (err) /* what it had closes still; or out of memory */
		return false;
	slot->used = tty;
	slot->waiting = false;
	log_info(LOGC_PORT, slot->modem->id, NULL,
		LOG_FIELDS(LOG_STR("device", tty->devnode), LOG_STR("path", tty->id_path)),
		slot->tried ? "another interface is tried" : "plugged in");
	if (!slot->starting)
		slot->since_ms = loop_now_ms(plug->gateway->loop);
	slot->starting = true;
	if (slot->tried >= slot->count) /* none of them answers: that lasts */
		slot->modem->settled = true;
	if (slot->modem->fsm.state == MODEM_OFF ||
		(slot->tried < slot->count && slot->modem->recovery.step == RECOVERY_REOPEN))
		modem_start(slot->modem);
	return true;
}

/* What has ended since the last time. */
static void note_ends(struct plug *plug, int64_t now_ms)
{
	for (size_t i = 0; i < plug->count; i++) {
		struct slot *slot = plug->slots[i];
		if (slot->dropped && slot->used) {
			slot->used = NULL;
			slot->starting = false;
			modem_set_device(slot->modem, NULL);
			if (slot->count > 0) /* if sysfs has it still by then */
				wait_turn(plug, slot, SETTLE_MS);
		}
		slot->dropped = false;
		if (slot->starting && is_over(slot, now_ms))
			slot->starting = false;
	}
}

static void on_timer(void *arg)
{
	struct plug *plug = arg;
	int64_t now_ms = loop_now_ms(plug->gateway->loop);
	int started = 0;
	bool work = false;

	if (plug->gateway->stopping || !hotplug_enumerated(plug->hotplug))
		return;
	if (plug->look)
		hotplug_look(plug->hotplug);
	plug->look = false;
	note_ends(plug, now_ms);
	for (size_t i = 0; i < plug->count; i++) {
		struct slot *slot = plug->slots[i];
		if (slot->waiting && slot->count > 0 && slot->due_ms <= now_ms &&
			started < STARTS_MAX)
			started += start(plug, slot);
		work = work || slot->waiting || slot->starting;
	}
	if (work)
		work_in(plug, WORK_MS);
}

void gateway_hotplug_changed(struct gateway *gateway, struct modem *modem)
{
	struct slot *slot = slot_of(gateway->plug, modem);
	const struct modem_history *last = modem_history_at(modem, 0);
	int state = modem->fsm.state;

	if (!slot || !slot->used)
		return;
	slot->dropped = state == MODEM_OFF;
	if (state == MODEM_OFF || state == MODEM_FAULT) {
		gateway->plug->look = true;
		work_in(gateway->plug, 0);
	}
	if (!last || last->to != state)
		return;
	if (last->from == MODEM_PROBE && last->to == MODEM_INIT) {
		slot->good = slot->used->place.interface;
		slot->proven = true;
		slot->tried = 0;
	}
	if (last->from != MODEM_PROBE || last->to != MODEM_FAULT || slot->count < 2 ||
		slot->waiting)
		return;
	if (slot->proven && modem->recovery.pauses < WRONG_MAX)
		return;
	slot->tried++;
	if (slot->tried % slot->count == 0) /* all of them were */
		slot->starting = false;
	wait_turn(gateway->plug, slot, 0);
}

bool gateway_hotplug_settled(const struct gateway *gateway)
{
	const struct plug *plug = gateway->plug;

	if (!plug)
		return true;
	for (size_t i = 0; i < plug->count; i++)
		if (plug->slots[i]->waiting && plug->slots[i]->tried < plug->slots[i]->count)
			return false;
	return hotplug_enumerated(plug->hotplug);
}

/* ---- start, reload, end --------------------------------------------------------------------- */

static bool any_path(const struct config *config)
{
	for (size_t i = 0; i < config->bank_count; i++)
		if (config->banks[i].path)
			return true;
	return false;
}

int gateway_hotplug_start(struct gateway *gateway)
{
	const struct config *config = gateway->config;
	bool real = !config->sys_root;
	struct hotplug_config wanted = {
		.roots = gateway_roots(config),
		.source = real ? &hotplug_udev : NULL,
		.control = real ? "/run/udev/control" : NULL,
	};
	struct plug *plug;

	if (gateway->plug || !any_path(config))
		return 0;
	plug = calloc(1, sizeof *plug);
	if (!plug)
		return -ENOMEM;
	plug->gateway = gateway;
	plug->hotplug = hotplug_new(gateway->loop, &wanted, &hotplug_events, plug);
	if (!plug->hotplug) {
		free(plug);
		return -ENOMEM;
	}
	loop_timer_init(&plug->timer, gateway->loop, on_timer, plug);
	gateway->plug = plug;
	add_labels(plug);
	return 0;
}

bool gateway_hotplug_covers(const struct gateway *gateway, const struct modem *modem,
	const struct config_bank *bank, bool *known)
{
	const struct slot *slot = slot_of(gateway->plug, modem);
	struct gateway_target target;

	*known = slot != NULL;
	if (!slot || !bank->path)
		return false;
	for (size_t i = 0; i < bank->slot_count; i++)
		if (strcmp(bank->slots[i].label, modem->slot) == 0)
			return true;
	return slot->count == 0 ||
	       (gateway_target_of(gateway->config, slot->ttys[0], &target) && target.bank == bank &&
		       strcmp(target.slot, modem->slot) == 0);
}

void gateway_hotplug_forget(struct gateway *gateway, const struct modem *modem)
{
	struct plug *plug = gateway->plug;

	for (size_t i = 0; plug && i < plug->count; i++) {
		if (plug->slots[i]->modem != modem)
			continue;
		free(plug->slots[i]);
		plug->slots[i] = plug->slots[--plug->count];
		return;
	}
}

/* What is no longer this slot's. */
static void take_out_moved(struct plug *plug, struct slot *slot)
{
	struct gateway_target target;

	for (size_t n = slot->count; n-- > 0;)
		if (!gateway_target_of(plug->gateway->config, slot->ttys[n], &target) ||
			strcmp(target.bank->name, slot->modem->bank) != 0 ||
			strcmp(target.slot, slot->modem->slot) != 0)
			take_out(plug, slot, n);
}

void gateway_hotplug_reload(struct gateway *gateway)
{
	struct plug *plug = gateway->plug;

	if (!plug) {
		gateway_hotplug_start(gateway);
		return;
	}
	for (size_t i = 0; i < plug->count; i++)
		take_out_moved(plug, plug->slots[i]);
	add_labels(plug);
	hotplug_each(plug->hotplug, place_left, plug);
	if (hotplug_enumerated(plug->hotplug))
		start_empty(plug);
}

void gateway_hotplug_stop(struct gateway *gateway)
{
	if (gateway->plug)
		loop_timer_stop(&gateway->plug->timer);
}

void gateway_hotplug_free(struct gateway *gateway)
{
	struct plug *plug = gateway->plug;

	if (!plug)
		return;
	loop_timer_stop(&plug->timer);
	hotplug_free(plug->hotplug);
	for (size_t i = 0; i < plug->count; i++)
		free(plug->slots[i]);
	free(plug->slots);
	free(plug);
	gateway->plug = NULL;
}
