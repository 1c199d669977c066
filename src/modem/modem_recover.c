/* modem_recover.c - the states in which a modem is brought back, and devices that go and come. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fnv.h"
#include "modem/modem_impl.h"

enum {
	LOST_LOOK_MS = 1000, /* what is unplugged hangs up first, then its node goes */
	TURN_MS = 1000,      /* between two looks whether it may be reset */
};

/* ---- which device --------------------------------------------------------------------------- */

static uint64_t mixed(uint64_t hash, const struct stat *st)
{
	hash = fnv_int(fnv_int(hash, (int64_t)st->st_dev), (int64_t)st->st_ino);
	return fnv_int(hash, (int64_t)st->st_rdev);
}

/* A node that was made anew is another one, even under its old name; so is its link. */
uint64_t modem_device_id(const struct modem *modem)
{
	struct stat node, link;
	uint64_t id;

	if (strncmp(modem->device, "tcp:", 4) == 0)
		return 1;
	if (stat(modem->device, &node) < 0 || lstat(modem->device, &link) < 0)
		return 0;
	id = mixed(mixed(FNV_START, &node), &link);
	return id ? id : 1;
}

/* ---- devices that go and come --------------------------------------------------------------- */

/* It is another device, or may be: what the last one did does not count, but for how often it was
 * gone. Not after a restart of ours, which is no news. */
static void begin_anew(struct modem *modem)
{
	struct recovery *recovery = &modem->recovery;

	if (recovery->by_us)
		return;
	recovery_anew(recovery, recovery->begun && recovery->step == RECOVERY_QUARANTINE);
	modem_rate_anew(modem);
	modem->module_imei[0] = '\0';
	modem->deaf = false;
}

void modem_gone(struct modem *modem, const char *why)
{
	begin_anew(modem);
	modem->vanished = !modem->recovery.by_us;
	fsm_go(&modem->fsm, MODEM_OFF, "%s", why);
}

static const char restarts[] = "restarts again and again: check its power supply";

static bool too_often(struct modem *modem, const char *why)
{
	if (!recovery_restarted(&modem->recovery, loop_now_ms(modem->env->loop)))
		return false;
	modem_fail(modem, CAUSE_RESTARTS, why);
	return true;
}

void modem_came_back(struct modem *modem)
{
	bool counts = modem->vanished || modem->fsm.state == MODEM_FAULT;

	begin_anew(modem);
	modem->vanished = false;
	modem->device_id = modem_device_id(modem);
	if (modem->recovery.by_us || !counts || !too_often(modem, restarts))
		fsm_go(&modem->fsm, MODEM_OPEN, "the device is there");
}

void modem_restarted(struct modem *modem)
{
	bool by_us = modem->recovery.by_us;

	modem->recovery.by_us = false;
	if (by_us || !too_often(modem, restarts))
		fsm_go(&modem->fsm, MODEM_PROBE, "the module has restarted");
}

void modem_lost(struct modem *modem)
{
	char why[sizeof modem->fsm.why];

	snprintf(why, sizeof why, "%s", modem->fsm.why);
	log_write(modem_level(modem, LOGL_NOTICE), LOGC_PORT, modem->id, "port_lost",
		LOG_FIELDS(LOG_STR("reason", why)), "the line hung up");
	if (modem_device_id(modem) == 0) {
		modem_gone(modem, "hung up, and the device is gone");
		return;
	}
	modem->looking = true;
	modem->until_ms = loop_now_ms(modem->env->loop) + LOST_LOOK_MS;
	fsm_go(&modem->fsm, MODEM_FAULT, "hung up");
}

/* ---- MODEM_FAULT: pauses -------------------------------------------------------------------- */

/* The device is looked at meanwhile: no pause outlives it. */
static void wait_on(struct modem *modem)
{
	int64_t left_ms = modem->until_ms - loop_now_ms(modem->env->loop);

	if (left_ms < 1)
		left_ms = 1;
	fsm_set_timeout(&modem->fsm, left_ms < MODEM_LOOK_MS ? left_ms : MODEM_LOOK_MS);
}

void modem_fault_enter(struct fsm *fsm)
{
	struct modem *modem = fsm->owner;
	enum recovery_step step = modem->recovery.step;

	if (!modem->looking &&
		(step == RECOVERY_REINIT || step == RECOVERY_RADIO || step == RECOVERY_RESTART))
		modem_rest_channel(modem);
	else
		modem_close_channel(modem);
	wait_on(modem);
}

/* A step that loads the supply waits until few others of its hub take one. */
static void take_turn(struct modem *modem)
{
	enum recovery_step step = modem->recovery.step;

	if (modem_barred(modem) & 1U << step) {
		fsm_go(&modem->fsm, MODEM_OPEN, "opened again: %s",
			modem->switching ? "its bank puts another card in" : "many fail together");
	} else if (modem_has_turn(modem)) {
		fsm_go(&modem->fsm, MODEM_RECOVER, "%s", recovery_step_name(step));
	} else {
		modem->until_ms = loop_now_ms(modem->env->loop) + TURN_MS;
		wait_on(modem);
	}
}

static void next_step(struct modem *modem)
{
	const char *name = recovery_step_name(modem->recovery.step);

	switch (modem->recovery.step) {
	case RECOVERY_REINIT: fsm_go(&modem->fsm, MODEM_PROBE, "%s", name); break;
	case RECOVERY_RADIO:
	case RECOVERY_RESTART:
	case RECOVERY_USB:
	case RECOVERY_POWER: take_turn(modem); break;
	case RECOVERY_RESYNC:
	case RECOVERY_REOPEN:
	case RECOVERY_QUARANTINE:
	case RECOVERY_STEPS: fsm_go(&modem->fsm, MODEM_OPEN, "again, after a pause"); break;
	}
}

static void pause_over(struct modem *modem)
{
	uint64_t id = modem_device_id(modem);

	if (id == 0)
		modem_gone(modem, "the device is not there");
	else if (id != modem->device_id)
		modem_came_back(modem);
	else if (loop_now_ms(modem->env->loop) < modem->until_ms)
		wait_on(modem);
	else if (!modem->looking)
		next_step(modem);
	else if (!too_often(modem, "hangs up again and again"))
		modem_fail(modem, CAUSE_HANGS_UP, "hangs up, and its device stays");
}

void modem_fault_event(struct fsm *fsm, int event, int value)
{
	struct modem *modem = fsm->owner;

	switch (event) {
	case EV_STOP: fsm_go(fsm, MODEM_OFF, "stopped"); break;
	case EV_START: fsm_go(fsm, MODEM_OPEN, "another device"); break;
	case EV_LOST: modem_lost(modem); break;
	case EV_RESTART: modem_restarted(modem); break;
	case EV_RESET: modem_take_step(modem, (enum recovery_step)value); break;
	default: pause_over(modem); break;
	}
}

/* ---- MODEM_RECOVER: steps that take some time ----------------------------------------------- */

static void ask_place(struct modem *modem, int (*action)(void *arg, struct modem *modem))
{
	modem_close_channel(modem);
	if (!action || action(modem->place->arg, modem) < 0) {
		snprintf(modem->fsm.why, sizeof modem->fsm.why, "refused: %s",
			recovery_step_name(modem->recovery.step));
		fsm_post(&modem->fsm, EV_FAILED, 0);
	}
}

/* Its device may have gone, or be back, before the place has ended. */
void modem_place_done(struct modem *modem, int err, const char *why)
{
	enum recovery_step step = modem->recovery.step;

	if (modem->fsm.state != MODEM_RECOVER || (step != RECOVERY_USB && step != RECOVERY_POWER))
		return;
	if (err == 0) {
		fsm_set_timeout(&modem->fsm, recovery_wait_ms(step));
		return;
	}
	snprintf(modem->fsm.why, sizeof modem->fsm.why, "%s", why);
	fsm_post(&modem->fsm, EV_FAILED, err);
}

void modem_recover_enter(struct fsm *fsm)
{
	struct modem *modem = fsm->owner;

	modem->recovery.by_us = modem->recovery.step != RECOVERY_RADIO;
	modem_rest_channel(modem);
	switch (modem->recovery.step) {
	case RECOVERY_RADIO: modem_run(modem, JOB_RADIO, modem->driver->scripts.radio); break;
	case RECOVERY_RESTART: modem_run(modem, JOB_RESTART, modem->driver->scripts.restart); break;
	case RECOVERY_USB: ask_place(modem, modem->place->usb_reset); break;
	case RECOVERY_POWER: ask_place(modem, modem->place->power_cycle); break;
	case RECOVERY_RESYNC:
	case RECOVERY_REOPEN:
	case RECOVERY_REINIT:
	case RECOVERY_QUARANTINE:
	case RECOVERY_STEPS: break; /* need no state of their own */
	}
}

/* The script is over: a module that restarts is silent for a while, and may not have answered. */
static void script_over(struct modem *modem, int event, int value)
{
	int64_t boot_ms = modem->driver->timing.boot_ms;
	int64_t least_ms = recovery_wait_ms(RECOVERY_RESTART);
	bool refused = event == EV_FAILED && value == AT_FAILED;

	if (modem->recovery.step == RECOVERY_RESTART && !refused)
		fsm_set_timeout(&modem->fsm, boot_ms > least_ms ? boot_ms : least_ms);
	else if (event == EV_DEAD)
		modem_fail(modem, CAUSE_SILENT, "does not answer");
	else
		fsm_go(&modem->fsm, MODEM_PROBE, refused ? "%s was refused" : "after %s",
			recovery_step_name(modem->recovery.step));
}

static void wait_over(struct modem *modem)
{
	if (modem->recovery.step == RECOVERY_RESTART)
		fsm_go(&modem->fsm, MODEM_PROBE, "time to boot is over");
	else if (modem_device_id(modem) == 0)
		modem_gone(modem, "the device has not come back yet");
	else
		fsm_go(&modem->fsm, MODEM_OPEN, "after %s",
			recovery_step_name(modem->recovery.step));
}

void modem_take_step(struct modem *modem, enum recovery_step step)
{
	bool turn = step == RECOVERY_REOPEN || modem_has_turn(modem);
	char why[sizeof modem->fsm.why];

	snprintf(why, sizeof why, "%s", modem->fsm.why);
	modem->recovery.step = step;
	modem->looking = modem->put_off = false;
	modem->until_ms = loop_now_ms(modem->env->loop) + TURN_MS;
	if (turn)
		fsm_go(&modem->fsm, step == RECOVERY_REOPEN ? MODEM_OPEN : MODEM_RECOVER,
			"%s, asked for by the operator", recovery_step_name(step));
	else
		fsm_go(&modem->fsm, MODEM_FAULT, "%s", why);
}

void modem_recover_event(struct fsm *fsm, int event, int value)
{
	struct modem *modem = fsm->owner;
	char why[sizeof fsm->why];

	snprintf(why, sizeof why, "%s", fsm->why);
	switch (event) {
	case EV_STOP: fsm_go(fsm, MODEM_OFF, "stopped"); break;
	case EV_RESET: modem_take_step(modem, (enum recovery_step)value); break;
	case EV_RESTART: modem_restarted(modem); break;
	case EV_LOST:
		if (modem->recovery.by_us)
			fsm_go(fsm, MODEM_OFF, "restarting: its device may go and come back");
		else
			modem_lost(modem);
		break;
	case FSM_TIMEOUT: wait_over(modem); break;
	default:
		if (modem->open)
			script_over(modem, event, value);
		else if (value == -ETIMEDOUT)
			modem_fail(modem, CAUSE_OPEN_HANGS, why);
		else
			fsm_go(fsm, MODEM_OPEN, "%s", why);
		break;
	}
}
