/* modem_states.c - the states of a modem's life, their edges, and what each does. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/counter.h"
#include "modem/modem_impl.h"
#include "modem/record.h"

enum {
	START_MS = 180000, /* for all that a probe, or a family's start-up, may take */
	ALIVE_MS = 20000,  /* while there is no card to work with */
};

static struct modem *of(struct fsm *fsm)
{
	return fsm->owner;
}

/* A share of span_ms that differs from port to port, so that they do not all speak at once. */
static int64_t stagger(const struct modem *modem, int64_t span_ms)
{
	unsigned hash = 5381;

	for (const char *c = modem->id; *c; c++)
		hash = 33 * hash + (unsigned char)*c;
	return span_ms * (hash % 64) / 64;
}

static bool reset_event(struct modem *modem, int event, int value)
{
	if (event == EV_RESET)
		modem_take_step(modem, (enum recovery_step)value);
	return event == EV_RESET;
}

static void enter_off(struct fsm *fsm)
{
	struct modem *modem = of(fsm);

	modem_close_channel(modem);
	if (modem->put_off) /* it is well, and not needed */
		recovery_well(&modem->recovery);
}

static void settle(struct modem *modem)
{
	if (modem->settled)
		return;
	modem->settled = true;
	modem->env->changed(modem->env->arg, modem);
}

static void off_event(struct fsm *fsm, int event, int value)
{
	struct modem *modem = of(fsm);
	bool there;

	if (event == EV_STOP || modem->dead || reset_event(modem, event, value))
		return;
	there = modem_device_id(modem) != 0;
	if (there && !(modem->put_off && modem_twin_serves(modem))) {
		modem->put_off = false;
		modem_came_back(modem);
		return;
	}
	modem->put_off = modem->put_off && there;
	if (*modem->device)
		fsm_set_timeout(fsm, MODEM_LOOK_MS);
	else
		snprintf(fsm->why, sizeof fsm->why, "nothing plugged in");
	settle(modem);
}

static void enter_open(struct fsm *fsm)
{
	struct modem *modem = of(fsm);
	int err;

	modem_close_channel(modem);
	modem->device_id = modem_device_id(modem);
	err = port_open(modem->port, modem->rate.now, modem->env->spans.open_deadline);
	if (err < 0)
		fsm_post(fsm, EV_OPEN_FAILED, err);
}

static void open_failed(struct modem *modem, int err)
{
	char why[sizeof modem->fsm.why];
	bool there = modem_device_id(modem) != 0;

	snprintf(why, sizeof why, "%s", modem->fsm.why);
	if (!there) {
		modem_gone(modem, why);
	} else if (err == -ENOENT) {
		fsm_go(&modem->fsm, MODEM_OFF, "%s", why);
	} else if (err == -ETIMEDOUT && strncmp(modem->device, "tcp:", 4) != 0) {
		log_error(LOGC_PORT, modem->id, "port_open_hung",
			LOG_FIELDS(LOG_STR("reason", why)),
			"opening the device hangs in the kernel");
		modem_fail(modem, CAUSE_OPEN_HANGS, "opening the device hangs in the kernel");
	} else {
		modem_fail(modem, CAUSE_OPEN_FAILS, why);
	}
}

static void open_event(struct fsm *fsm, int event, int value)
{
	struct modem *modem = of(fsm);

	if (reset_event(modem, event, value))
		return;
	if (event == EV_STOP)
		fsm_go(fsm, MODEM_OFF, "stopped");
	else if (event == EV_OPENED)
		fsm_go(fsm, MODEM_PROBE, "open");
	else if (event == EV_OPEN_FAILED)
		open_failed(modem, value);
	else if (!*modem->device)
		fsm_go(fsm, MODEM_OFF, "unplugged");
	else
		modem_lost(modem);
}

/* Common to all states with an open port; false if the event means something else there. */
static bool channel_event(struct modem *modem, int event, int value)
{
	struct fsm *fsm = &modem->fsm;

	switch (event) {
	case EV_STOP: fsm_go(fsm, MODEM_OFF, "stopped"); return true;
	case EV_LOST: modem_lost(modem); return true;
	case EV_DEAD:
		modem_fail(modem, CAUSE_SILENT,
			"does not answer: no modem, no power, or another baud rate");
		return true;
	case EV_RESTART: modem_restarted(modem); return true;
	case EV_PUT_OFF: modem_twin_put_off(modem); return true;
	case EV_LET_GO: fsm_go(fsm, MODEM_SWITCH, "its card is switched"); return true;
	default: return reset_event(modem, event, value);
	}
}

static bool on_model(void *owner, const char *line)
{
	struct modem *modem = owner;
	size_t len = strlen(modem->model);

	snprintf(modem->model + len, sizeof modem->model - len, "%s%s", len ? " " : "", line);
	return true;
}

AT_SCRIPT(probe,
	{ .cmd = "", .timeout_ms = 300, .retries = 9 }, /* autobauding, and boot */
	AT_TRY("E0"), /* some refuse all but the PIN before it */
	AT_ASK("+CGMM", "", on_model),
	AT_ASK("I", "", on_model));

static void enter_probe(struct fsm *fsm)
{
	struct modem *modem = of(fsm);

	port_usb_of(modem->env->sysfs, modem->device, &modem->usb);
	modem_direct_end(modem);
	modem_operator_end(modem, "the module has restarted");
	at_reset(&modem->at);
	modem->at.driver_urcs = NULL;
	modem->at.gap_ms = 0;
	modem->model[0] = '\0';
	modem->quiet = false;
	modem_sim_forget(modem);
	loop_timer_stop(&modem->grace_timer);
	modem_run(modem, JOB_PROBE, &probe);
}

static void probe_event(struct fsm *fsm, int event, int value)
{
	struct modem *modem = of(fsm);

	if (event == EV_DEAD && modem_next_rate(modem))
		return;
	if (channel_event(modem, event, value))
		return;
	if (event == EV_FAILED || event == FSM_TIMEOUT) {
		modem_fail(modem, CAUSE_REFUSES,
			event == EV_FAILED ? fsm->why : "the probe comes to no end");
		return;
	}
	modem_rate_answered(modem);
	modem->driver =
		modem->wanted_driver ? modem->wanted_driver : modem_driver_for(modem->model);
	modem->at.driver_urcs = modem->driver->urcs;
	modem->at.gap_ms = modem->driver->timing.gap_ms;
	record_device(modem->record, modem->model);
	log_info(LOGC_MODEM, modem->id, "port_found",
		LOG_FIELDS(LOG_STR("model", modem->model), LOG_STR("driver", modem->driver->name)),
		"a modem answers");
	fsm_go(fsm, MODEM_INIT, "%s", modem->driver->name);
}

static void enter_init(struct fsm *fsm)
{
	modem_run(of(fsm), JOB_INIT, of(fsm)->driver->scripts.init);
}

static void init_event(struct fsm *fsm, int event, int value)
{
	struct modem *modem = of(fsm);

	if (channel_event(modem, event, value))
		return;
	snprintf(modem->module_imei, sizeof modem->module_imei, "%s", modem->imei);
	if (event == EV_FAILED || event == FSM_TIMEOUT)
		modem_fail(modem, CAUSE_REFUSES,
			event == EV_FAILED ? fsm->why : "the start-up comes to no end");
	else if (!modem_twin_decide(modem))
		fsm_go(fsm, MODEM_SIM, "started up");
}

/* A card that cannot be used is no trouble; a modem that refuses everything is. It is asked where
 * it says nothing of its card. */
AT_SCRIPT(alive, { .cmd = "", .retries = 2 });

static bool ask_alive(struct modem *modem)
{
	int64_t now_ms = loop_now_ms(modem->env->loop);

	if (!at_idle(&modem->at) || modem->sim_state[0] || now_ms - modem->asked_ms < ALIVE_MS)
		return false;
	modem->asked_ms = now_ms;
	modem_run(modem, JOB_ALIVE, &alive);
	return true;
}

static void enter_sim(struct fsm *fsm)
{
	of(fsm)->asked_ms = loop_now_ms(fsm->loop);
	loop_timer_stop(&of(fsm)->grace_timer);
	modem_sim_enter(of(fsm));
}

static void sim_event(struct fsm *fsm, int event, int value)
{
	struct modem *modem = of(fsm);

	if (channel_event(modem, event, value))
		return;
	if (event == EV_SIM_LOOK)
		modem->card_wanted =
			true; /* if the look is under way, it may have been too early */
	if (event == EV_FAILED)
		modem_fail(modem, CAUSE_REFUSES, fsm->why);
	else if (event == FSM_TIMEOUT && ask_alive(modem))
		return;
	else if (event == FSM_TIMEOUT || event == EV_SIM_LOOK || event == EV_SCRIPT)
		modem_sim_timeout(modem);
	else if (event == EV_CARD)
		fsm_go(fsm, MODEM_REGISTER, "the card is known");
}

static void start_timers(struct modem *modem, int64_t poll_ms)
{
	loop_timer_start(&modem->poll_timer, poll_ms);
	if (!loop_timer_active(&modem->sweep_timer))
		loop_timer_start(&modem->sweep_timer,
			modem->env->spans.sweep / 2 + stagger(modem, modem->env->spans.sweep / 2));
}

static void enter_register(struct fsm *fsm)
{
	struct modem *modem = of(fsm);

	if (modem->sms.step == 0) {
		modem->serving_ms = loop_now_ms(modem->env->loop);
		modem_setup_begin(modem);
	}
	modem->poll_wanted = true;
	start_timers(modem, MODEM_REGISTER_POLL_MS);
	modem_work_soon(modem);
}

static void enter_ready(struct fsm *fsm)
{
	struct modem *modem = of(fsm);

	modem_look_well(modem);
	loop_timer_stop(&modem->grace_timer);
	start_timers(
		modem, modem->env->spans.poll / 2 + stagger(modem, modem->env->spans.poll / 2));
	modem_work_soon(modem);
}

/* The channel is free: what the network waits for; then texts, what an operator asks, the card's
 * number where it is not known, and a look at card and network; but the card first, if it may be
 * another one: its texts would go to the wrong number, and the wrong ones would be deleted. */
static void work(struct modem *modem)
{
	if (!at_idle(&modem->at) || modem_direct_ack(modem))
		return;
	if (!modem->card_wanted &&
		(modem_direct_setup(modem) || modem_sms_next(modem) || modem_operator_next(modem) ||
			modem_ussd_next(modem) || !(modem->poll_wanted || modem->look_wanted)))
		return;
	modem_run(modem, JOB_POLL, modem_sim_poll(modem));
}

static void register_lost(struct modem *modem)
{
	modem->card_wanted = true; /* without a card nobody is registered: is it the same? */
	if (!modem->stale)         /* else nobody knows since when */
		loop_timer_start(&modem->grace_timer, modem->env->spans.register_grace);
	fsm_go(&modem->fsm, MODEM_REGISTER, "registration lost: %s", modem_reg_name(modem->reg));
}

/* REGISTER and READY. */
static void service_event(struct fsm *fsm, int event, int value)
{
	struct modem *modem = of(fsm);

	if (channel_event(modem, event, value))
		return;
	switch (event) {
	case EV_SIM_GONE:
		log_notice(LOGC_MODEM, modem->id, "sim_out",
			LOG_FIELDS(LOG_CARD("card", modem->card_id), LOG_STR("reason", fsm->why)),
			"the card is gone or was changed");
		modem->out_said = true;
		fsm_go(fsm, MODEM_SIM, "look at the card");
		break;
	case EV_SIM_LOOK:
		modem->card_wanted = true;
		work(modem);
		break;
	case EV_REG:
		if (fsm->state == MODEM_REGISTER && modem_registered(modem))
			fsm_go(fsm, MODEM_READY, "registered, %s", modem_reg_name(modem->reg));
		else if (fsm->state == MODEM_READY && !modem_registered(modem))
			register_lost(modem);
		else
			modem_look_network(modem);
		break;
	case EV_FAILED: modem_fail(modem, CAUSE_REFUSES, fsm->why); break;
	case EV_DEAF: modem_fail(modem, CAUSE_DEAF, fsm->why); break;
	default: work(modem); break;
	}
}

static void on_changed(struct fsm *fsm, int from, const char *why)
{
	struct modem *modem = of(fsm);
	struct modem_history *entry = &modem->history[modem->history_next++ % MODEM_HISTORY];

	entry->wall_ms = fsm->since_wall_ms;
	entry->from = (uint8_t)from;
	entry->to = (uint8_t)fsm->state;
	snprintf(entry->why, sizeof entry->why, "%s", why);
	modem->entered[fsm->state]++;
	if (fsm->state == MODEM_OFF || fsm->state == MODEM_FAULT || fsm->state == MODEM_READY)
		modem->settled = true;
	modem_update_online(modem);
	modem->env->changed(modem->env->arg, modem);
}

#define ALWAYS (FSM_BIT(EV_STOP) | FSM_BIT(EV_RESET))
#define CHANNEL \
	(ALWAYS | FSM_BIT(EV_LOST) | FSM_BIT(EV_DEAD) | FSM_BIT(EV_SCRIPT) | FSM_BIT(EV_FAILED))
#define AT_WORK \
	(CHANNEL | FSM_BIT(EV_RESTART) | FSM_BIT(EV_SIM_LOOK) | FSM_BIT(EV_PUT_OFF) | \
		FSM_BIT(EV_LET_GO))
#define SERVICE \
	(AT_WORK | FSM_BIT(EV_SIM_GONE) | FSM_BIT(EV_REG) | FSM_BIT(EV_WORK) | FSM_BIT(EV_DEAF))

/* From everywhere: down, and by hand. */
#define DOWN \
	(FSM_BIT(MODEM_OFF) | FSM_BIT(MODEM_FAULT) | FSM_BIT(MODEM_OPEN) | FSM_BIT(MODEM_RECOVER))

static const struct fsm_state states[MODEM_STATES] = {
	[MODEM_OFF] = { .name = "off",
		.accepts = ALWAYS | FSM_BIT(EV_START),
		.edges = FSM_BIT(MODEM_OPEN) | FSM_BIT(MODEM_FAULT) | FSM_BIT(MODEM_RECOVER),
		.timeout_ms = MODEM_LOOK_MS,
		.enter = enter_off,
		.event = off_event },
	[MODEM_OPEN] = { .name = "open",
		.accepts = ALWAYS | FSM_BIT(EV_OPENED) | FSM_BIT(EV_OPEN_FAILED) | FSM_BIT(EV_LOST),
		.edges = DOWN | FSM_BIT(MODEM_PROBE),
		.enter = enter_open,
		.event = open_event },
	[MODEM_PROBE] = { .name = "probe",
		.accepts = CHANNEL,
		.edges = DOWN | FSM_BIT(MODEM_INIT),
		.timeout_ms = START_MS,
		.enter = enter_probe,
		.event = probe_event },
	[MODEM_INIT] = { .name = "init",
		.accepts = CHANNEL | FSM_BIT(EV_RESTART),
		.edges = DOWN | FSM_BIT(MODEM_PROBE) | FSM_BIT(MODEM_SIM),
		.timeout_ms = START_MS,
		.enter = enter_init,
		.event = init_event },
	[MODEM_SIM] = { .name = "sim",
		.accepts = AT_WORK | FSM_BIT(EV_CARD),
		.edges = DOWN | FSM_BIT(MODEM_PROBE) | FSM_BIT(MODEM_REGISTER) |
			 FSM_BIT(MODEM_SWITCH),
		.enter = enter_sim,
		.event = sim_event },
	[MODEM_REGISTER] = { .name = "register",
		.accepts = SERVICE,
		.edges = DOWN | FSM_BIT(MODEM_PROBE) | FSM_BIT(MODEM_SIM) | FSM_BIT(MODEM_READY) |
			 FSM_BIT(MODEM_SWITCH),
		.enter = enter_register,
		.event = service_event },
	[MODEM_READY] = { .name = "ready",
		.accepts = SERVICE,
		.edges = DOWN | FSM_BIT(MODEM_PROBE) | FSM_BIT(MODEM_SIM) |
			 FSM_BIT(MODEM_REGISTER) | FSM_BIT(MODEM_SWITCH),
		.enter = enter_ready,
		.event = service_event },
	[MODEM_RECOVER] = { .name = "recover",
		.accepts = CHANNEL | FSM_BIT(EV_RESTART),
		.edges = DOWN | FSM_BIT(MODEM_PROBE),
		.enter = modem_recover_enter,
		.event = modem_recover_event },
	[MODEM_SWITCH] = { .name = "switch",
		.accepts = FSM_BIT(EV_STOP) | FSM_BIT(EV_LOST) | FSM_BIT(EV_TAKE),
		.edges = DOWN | FSM_BIT(MODEM_PROBE),
		.timeout_ms = MODEM_SWITCH_MS,
		.enter = modem_switch_enter,
		.event = modem_switch_event },
	[MODEM_FAULT] = { .name = "fault",
		.accepts = ALWAYS | FSM_BIT(EV_START) | FSM_BIT(EV_LOST) | FSM_BIT(EV_RESTART),
		.edges = DOWN | FSM_BIT(MODEM_PROBE),
		.enter = modem_fault_enter,
		.event = modem_fault_event },
};

const struct fsm_spec modem_fsm = { LOGC_MODEM, states, on_changed };

const char *modem_state_text(int state)
{
	return states[state].name;
}

const char *modem_state_name(const struct modem *modem)
{
	return fsm_state_name(&modem->fsm);
}

const struct modem_history *modem_history_at(const struct modem *modem, unsigned n)
{
	if (n >= MODEM_HISTORY || n >= modem->history_next)
		return NULL;
	return &modem->history[(modem->history_next - 1 - n) % MODEM_HISTORY];
}
