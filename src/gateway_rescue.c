/* gateway_rescue.c - what the place of a port can do for it: its board's operations on its USB
 * device, each on a helper thread; and what ports of one hub share. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway_impl.h"
#include "host/usb_ops.h"

enum {
	DEADLINE_MS = 60000, /* for all of an operation */
	WAIT_STEP_MS = 50,
	NAME_SIZE = 64,
};

/* What a thread works with; its own, and nobody else's until it has ended. */
struct work {
	struct usb_ops_env env;
	char sys[PATH_MAX], dev[PATH_MAX], path[PLACE_PATH_SIZE], name[NAME_SIZE];
	board_op_fn *op;
	struct board_timing timing;
	bool again;
	void (*wait)(int ms);
	int err;
	char why[USB_WHY_SIZE];
};

struct rescue {
	struct recovery_place place;
	struct gateway *gateway;
	struct modem *modem;
	struct hub_port hub;
	char name[NAME_SIZE]; /* of its USB device, when it was last seen */
	int devnum;
	struct opener_job *job;
	struct work *work; /* of the job; looked at once that has ended in time */
	enum recovery_step step;
	char why_not[2][USB_WHY_SIZE + 40];
};

/* The daemon stops: what waits with something switched off waits no longer. */
static atomic_bool hurry;

void gateway_rescue_hurry(bool on)
{
	hurry = on;
}

void gateway_rescue_wait(int ms)
{
	for (; ms > 0 && !hurry; ms -= WAIT_STEP_MS)
		poll(NULL, 0, ms < WAIT_STEP_MS ? ms : WAIT_STEP_MS);
}

/* ---- on a helper thread --------------------------------------------------------------------- */

static int on_act(void *arg, enum board_act act)
{
	static const enum usb_action actions[BOARD_ACTS] = { [BOARD_RESET] = USB_RESET,
		[BOARD_DEAUTHORIZE] = USB_DEAUTHORIZE,
		[BOARD_AUTHORIZE] = USB_AUTHORIZE,
		[BOARD_POWER_OFF] = USB_POWER_OFF,
		[BOARD_POWER_ON] = USB_POWER_ON };
	struct work *work = arg;
	struct usb_target target = { work->path, work->name };

	return usb_ops[actions[act]].run(&work->env, &target, work->why);
}

static void on_wait(void *arg, int ms)
{
	const struct work *work = arg;

	work->wait(ms);
}

/* Never a descriptor. */
static int run(void *arg)
{
	struct work *work = arg;
	const struct board_usb usb = { on_act, on_wait, work };

	work->err = hurry ? -ECANCELED : work->op(&usb, &work->timing, work->again);
	return -ECANCELED;
}

/* ---- what is offered ------------------------------------------------------------------------ */

static void offer(struct rescue *rescue, const char *no_usb, const char *no_power);

/* Another port has the same USB device. */
static bool is_shared(const struct rescue *rescue)
{
	const struct gateway *gateway = rescue->gateway;

	for (size_t i = 0; i < gateway->modem_count; i++) {
		const struct rescue *other = gateway->modems[i]->place->arg;
		if (other != rescue && strcmp(other->hub.place, rescue->hub.place) == 0)
			return true;
	}
	return false;
}

static const char *step_name(enum recovery_step step)
{
	return step == RECOVERY_USB ? "USB reset" : "power cycle";
}

/* A step that this place turned out not to have, until it is plugged in anew or a reload. */
static void withdraw(struct rescue *rescue, enum recovery_step step, const char *why)
{
	bool power = step == RECOVERY_POWER;

	snprintf(rescue->why_not[power], sizeof rescue->why_not[power], "%s", why);
	if (power)
		offer(rescue, rescue->place.no_usb, rescue->why_not[1]);
	else
		offer(rescue, rescue->why_not[0], rescue->place.no_power);
}

static void on_done(void *owner, int result)
{
	struct rescue *rescue = owner;
	const struct work *work = rescue->work;
	const char *name = step_name(rescue->step), *id = rescue->modem->id;
	char why[USB_WHY_SIZE + 40] = "";
	int err = result;

	rescue->job = NULL;
	rescue->work = NULL;
	if (result == -ETIMEDOUT) {
		snprintf(why, sizeof why, "%s hangs in the kernel", name);
	} else if (result == -EAGAIN) {
		snprintf(why, sizeof why, "too many devices hang in the kernel");
	} else {
		err = work->err;
		snprintf(why, sizeof why, "%s", err ? work->why : "");
	}
	if (err == 0)
		log_info(LOGC_PORT, id, NULL, LOG_FIELDS(LOG_STR("device", rescue->name)),
			"%s done", name);
	else if (err != -ECANCELED)
		log_warning(LOGC_PORT, id, NULL,
			LOG_FIELDS(LOG_STR("device", rescue->name), LOG_STR("reason", why)),
			"%s failed: %s", name, why);
	if (err == -EACCES || err == -EPERM || err == -EROFS || err == -ENOTSUP)
		withdraw(rescue, rescue->step, why);
	modem_place_done(rescue->modem, err, why);
}

static int begin(struct rescue *rescue, enum recovery_step step)
{
	const struct gateway *gateway = rescue->gateway;
	const struct board *board = rescue->modem->board;
	struct work *work;

	if (rescue->job || gateway->stopping)
		return -EBUSY;
	work = calloc(1, sizeof *work);
	if (!work)
		return -ENOMEM;
	snprintf(work->sys, sizeof work->sys, "%s", gateway->usb_env.sys);
	snprintf(work->dev, sizeof work->dev, "%s", gateway->usb_env.dev);
	work->env = (struct usb_ops_env) { work->sys, work->dev, gateway->usb_env.ioctl };
	snprintf(work->path, sizeof work->path, "%s", rescue->hub.place);
	snprintf(work->name, sizeof work->name, "%s", rescue->name);
	work->op = step == RECOVERY_USB ? board->reset : board->power;
	work->timing = board->timing;
	work->again = rescue->modem->recovery.count[step] > 1;
	work->wait = gateway->usb_wait;
	rescue->step = step;
	rescue->work = work;
	rescue->job = opener_start(gateway->opener, run, work, free, DEADLINE_MS, on_done, rescue);
	if (rescue->job)
		return 0;
	free(work);
	return -ENOMEM;
}

static int on_usb_reset(void *arg, struct modem *modem)
{
	(void)modem;
	return begin(arg, RECOVERY_USB);
}

static int on_power_cycle(void *arg, struct modem *modem)
{
	(void)modem;
	return begin(arg, RECOVERY_POWER);
}

static bool on_turn(void *arg, char *why, size_t size)
{
	const struct rescue *rescue = arg;

	return hub_port_turn(&rescue->hub, why, size);
}

static bool on_held(void *arg)
{
	const struct rescue *rescue = arg;

	return rescue->hub.alarm != NULL;
}

static void offer(struct rescue *rescue, const char *no_usb, const char *no_power)
{
	rescue->place.no_usb = no_usb;
	rescue->place.no_power = no_power;
	rescue->place.usb_reset = no_usb ? NULL : on_usb_reset;
	rescue->place.power_cycle = no_power ? NULL : on_power_cycle;
}

static const char several[] = "it would hang up the other modems at this bridge";
static const char supply[] = "the modem has a supply of its own";

static void offer_by_kind(struct rescue *rescue, const struct usb_kind *kind)
{
	const struct board *board = rescue->modem->board;
	const char *no_usb = NULL, *no_power = NULL;

	if (!board || kind->by_interface || kind->by_port || is_shared(rescue))
		no_usb = no_power = several;
	if (board && !board->reset)
		no_usb = several;
	if (!no_power && (kind->bridge || !board->power))
		no_power = supply;
	offer(rescue, no_usb, no_power);
}

/* ---- where a port is ------------------------------------------------------------------------ */

struct tty_roots gateway_roots(const struct config *config)
{
	return (struct tty_roots) { config->sys_root ? config->sys_root : "/sys",
		config->dev_root ? config->dev_root : "/dev" };
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Its device by its own name, or what its link leads to. */
static bool find_tty(const struct rescue *rescue, struct tty_info *out)
{
	struct tty_roots roots = gateway_roots(rescue->gateway->config);
	char path[PATH_MAX];

	if (strncmp(rescue->modem->device, "tcp:", 4) == 0)
		return false;
	return tty_read(&roots, base_name(rescue->modem->device), out) == 0 ||
	       (realpath(rescue->modem->device, path) &&
		       tty_read(&roots, base_name(path), out) == 0);
}

static void note_place(struct rescue *rescue)
{
	const struct config_bank *bank = gateway_bank(rescue->gateway->config, rescue->modem->bank);
	struct usb_kind kind;
	struct tty_info tty;

	if (!bank || !find_tty(rescue, &tty) || !tty.usb_syspath[0]) {
		hub_port_at(&rescue->hub, "");
		offer(rescue, "it has no place on USB", "it has no place on USB");
		return;
	}
	if (strcmp(rescue->hub.place, tty.place.device) == 0 && rescue->devnum == tty.devnum)
		return;
	hub_port_at(&rescue->hub, tty.place.device);
	snprintf(rescue->name, sizeof rescue->name, "%.63s", base_name(tty.usb_syspath));
	rescue->devnum = tty.devnum;
	kind = gateway_kind(bank, &tty);
	offer_by_kind(rescue, &kind);
	for (size_t i = 0; is_shared(rescue) && i < rescue->gateway->modem_count; i++) {
		struct rescue *other = rescue->gateway->modems[i]->place->arg;
		if (strcmp(other->hub.place, rescue->hub.place) == 0)
			offer(other, several, several);
	}
}

static void look_at_neighbours(const struct rescue *rescue)
{
	const struct gateway *gateway = rescue->gateway;

	for (size_t i = 0; i < gateway->modem_count; i++) {
		struct modem *modem = gateway->modems[i];
		const struct rescue *other = modem->place->arg;
		if (other != rescue && other->hub.up && hub_ports_share(&other->hub, &rescue->hub))
			modem_look(modem);
	}
}

void gateway_rescue_changed(struct gateway *gateway, struct modem *modem)
{
	struct rescue *rescue = modem->place->arg;
	bool wanted = !modem->dead && !modem->put_off && !modem->recovery.by_us &&
		      !modem->switching && !gateway->stopping && !gateway->reloading;

	switch ((enum modem_state)modem->fsm.state) {
	case MODEM_OPEN: note_place(rescue); break;
	case MODEM_SIM:
	case MODEM_REGISTER:
	case MODEM_READY: hub_port_up(&rescue->hub); break;
	case MODEM_RECOVER:
	case MODEM_SWITCH:
		hub_port_rest(&rescue->hub);
		hub_port_busy(&rescue->hub, !modem->switching);
		break;
	case MODEM_OFF:
	case MODEM_FAULT:
		if (!rescue->job && !modem->recovery.by_us)
			hub_port_busy(&rescue->hub, false);
		/* fall through */
	case MODEM_PROBE:
		if (wanted)
			hub_port_down(&rescue->hub);
		else
			hub_port_rest(&rescue->hub);
		if (hub_port_suspects(&rescue->hub))
			look_at_neighbours(rescue);
		break;
	case MODEM_INIT:
	case MODEM_STATES: break;
	}
}

/* ---- start, reload, end --------------------------------------------------------------------- */

int gateway_rescue_add(struct gateway *gateway, struct modem *modem)
{
	struct rescue *rescue = calloc(1, sizeof *rescue);

	if (!rescue)
		return -ENOMEM;
	rescue->gateway = gateway;
	rescue->modem = modem;
	rescue->place.turn = on_turn;
	rescue->place.held = on_held;
	rescue->place.arg = rescue;
	offer(rescue, "nothing was plugged in yet", "nothing was plugged in yet");
	hub_port_init(gateway->hubs, &rescue->hub, modem->id, modem->bank);
	modem->place = &rescue->place;
	return 0;
}

void gateway_rescue_end(struct modem *modem)
{
	struct rescue *rescue = modem->place ? modem->place->arg : NULL;

	if (!rescue)
		return;
	opener_cancel(rescue->job);
	hub_port_done(&rescue->hub);
	modem->place = NULL;
	free(rescue);
}

void gateway_rescue_reload(struct gateway *gateway)
{
	for (size_t i = 0; i < gateway->modem_count; i++) {
		struct rescue *rescue = gateway->modems[i]->place->arg;
		rescue->devnum = 0;
		note_place(rescue);
	}
}
