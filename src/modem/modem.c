/* modem.c - a modem's life: its states, their edges, and who works for which. */
#include "modem/modem.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/counter.h"
#include "modem/modem_impl.h"

enum {
	OFF_LOOK_MS = 2000,       /* how often a device that is not there is looked for */
	STORE_RETRY_MS = 1000,
};

/* Pauses after 1, 2, 3, ... faults in a row. */
static const int64_t back_off_ms[] = { 1000, 2000, 5000, 10000, 30000, 60000 };

/* ---- small things ------------------------------------------------------------------------------ */

static struct modem *of(struct fsm *fsm)
{
	return fsm->owner;
}

void modem_run(struct modem *modem, enum modem_job job, const struct at_script *script)
{
	if (at_run(&modem->at, script) == 0)
		modem->job = job;
}

void modem_report_text(const struct at_report *report, char *out, size_t size)
{
	static const char *const family[] = {
		[AT_PLAIN] = "ERROR", [AT_CME] = "+CME ERROR", [AT_CMS] = "+CMS ERROR"
	};

	switch (report->result) {
	case AT_OK:
		snprintf(out, size, "AT%s: ok", report->cmd);
		break;
	case AT_FAILED:
		if (report->code >= 0)
			snprintf(out, size, "AT%.40s: %s: %d", report->cmd,
				family[report->family], report->code);
		else
			snprintf(out, size, "AT%.40s: %s", report->cmd, family[report->family]);
		break;
	case AT_TIMEOUT:
		snprintf(out, size, "no answer to AT%.40s", report->cmd);
		break;
	case AT_DEAD:
		snprintf(out, size, "no answer to AT%.40s, nor to AT after it", report->cmd);
		break;
	case AT_REFUSED:
		snprintf(out, size, "a command was refused before it was sent");
		break;
	}
}

const char *modem_reg_name(enum modem_reg reg)
{
	static const char *const names[] = { [REG_NONE] = "none", [REG_HOME] = "home",
		[REG_SEARCHING] = "searching", [REG_DENIED] = "denied", [REG_UNKNOWN] = "unknown",
		[REG_ROAMING] = "roaming" };

	return names[reg];
}

bool modem_registered(const struct modem *modem)
{
	return modem->reg == REG_HOME || modem->reg == REG_ROAMING;
}

/* A share of span_ms that differs from port to port, so that they do not all speak at once. */
static int64_t stagger(const struct modem *modem, int64_t span_ms)
{
	unsigned hash = 5381;

	for (const char *c = modem->id; *c; c++)
		hash = 33 * hash + (unsigned char)*c;
	return span_ms * (hash % 64) / 64;
}

static void work_soon(struct modem *modem)
{
	if (modem->fsm.state == MODEM_REGISTER || modem->fsm.state == MODEM_READY)
		fsm_post(&modem->fsm, EV_WORK, 0);
}

/* ---- what the store and the list know ----------------------------------------------------------- */

static void put_port(struct modem *modem);

static void on_port_put(void *arg, int err)
{
	struct modem *modem = arg;

	modem->pending--;
	modem->putting = false;
	if (err) { /* the list must not lie: again until it is in */
		modem->card_in_store[0] = '?';
		modem_store_again(modem);
		return;
	}
	put_port(modem);
	modem->env->changed(modem->env->arg, modem);
}

static void put_port(struct modem *modem)
{
	if (modem->putting || (modem->online == modem->online_in_store &&
				      strcmp(modem->card_id, modem->card_in_store) == 0))
		return;
	struct store_port port = {
		.bank = modem->bank,
		.slot = modem->slot,
		.card_id = modem->card_id,
		.state = modem_state_name(modem),
		.online = modem->online,
		.now_ms = loop_wall_ms(modem->env->loop),
	};
	modem->putting = true;
	modem->pending++;
	modem->online_in_store = modem->online;
	snprintf(modem->card_in_store, sizeof modem->card_in_store, "%s", modem->card_id);
	store_port_put(modem->env->store, &port, on_port_put, modem);
}

void modem_store_again(struct modem *modem)
{
	if (!loop_timer_active(&modem->store_timer))
		loop_timer_start(&modem->store_timer, STORE_RETRY_MS);
}

static void on_store_timer(void *arg)
{
	struct modem *modem = arg;

	if (modem->number_wanted)
		modem_number_changed(modem);
	put_port(modem);
}

void modem_update_online(struct modem *modem)
{
	modem->online = modem->card_id[0] && !modem->dead && modem_sms_readable(modem) &&
		(modem->fsm.state == MODEM_READY ||
			(modem->fsm.state == MODEM_REGISTER &&
				loop_timer_active(&modem->grace_timer)));
	put_port(modem);
}

static void on_grace_over(void *arg)
{
	struct modem *modem = arg;

	log_notice(LOGC_MODEM, modem->id, NULL, LOG_FIELDS(LOG_STR("reason", "registration lost")),
		"not registered any more: off the list");
	modem_update_online(modem);
}

/* ---- the channel ------------------------------------------------------------------------------- */

static void close_channel(struct modem *modem)
{
	at_reset(&modem->at);
	modem->job = JOB_NONE;
	port_close(modem->port);
	loop_timer_stop(&modem->poll_timer);
	loop_timer_stop(&modem->sweep_timer);
	loop_timer_stop(&modem->grace_timer);
	modem_sim_forget(modem);
	modem->imei[0] = modem->model[0] = '\0';
}

static int channel_write(void *owner, const char *bytes, size_t len)
{
	struct modem *modem = owner;

	return port_write(modem->port, bytes, len);
}

static void channel_done(void *owner, const struct at_report *report)
{
	struct modem *modem = owner;
	enum modem_job job = (enum modem_job)modem->job;
	char text[96];

	if (report->result != AT_OK && report->result != AT_FAILED) {
		modem->errors++;
		modem_report_text(report, text, sizeof text);
		log_debug(LOGC_MODEM, modem->id, NULL, LOG_FIELDS(LOG_STR("script", report->script)),
			"%s", text);
	}
	if (report->result == AT_DEAD) {
		modem->job = JOB_NONE;
		fsm_post(&modem->fsm, EV_DEAD, 0);
		return;
	}
	modem->job = JOB_NONE;
	switch (job) {
	case JOB_CPIN:
	case JOB_ICCID:
	case JOB_CARD:
		modem_sim_script(modem, job, report);
		break;
	case JOB_POLL:
		modem_sim_polled(modem, report);
		break;
	case JOB_SMS_MODE:
	case JOB_SMS_STORES:
	case JOB_SMS_SELECT:
	case JOB_SMS_CNMI:
	case JOB_LIST:
	case JOB_DELETE:
		modem_sms_script(modem, job, report);
		break;
	case JOB_NONE:
	case JOB_PROBE:
	case JOB_INIT:
		modem_report_text(report, text, sizeof text);
		snprintf(modem->fsm.why, sizeof modem->fsm.why, "%s", text);
		fsm_post(&modem->fsm, report->result == AT_OK ? EV_SCRIPT : EV_FAILED, 0);
		break;
	}
	work_soon(modem);
}

static bool on_cpms_full(void *owner, const char *line)
{
	struct modem *modem = owner;

	(void)line;
	log_notice(LOGC_MODEM, modem->id, NULL, NULL, "the memory for texts is full: reading it");
	modem_sms_want(modem, NULL);
	work_soon(modem);
	return true;
}

/* What every family sends; a driver's own table is looked at first. */
static const struct at_urc common_urcs[] = {
	{ "+CMTI:", modem_on_cmti },
	{ "+CREG:", modem_on_creg_urc },
	{ "+CEREG:", modem_on_creg_urc },
	{ "+CGREG:", modem_on_noise },
	{ "+CPIN:", modem_on_cpin_urc },
	{ "+SMS FULL", on_cpms_full },
	{ "^SMMEMFULL", on_cpms_full },
	{ "RING", modem_on_noise },
	{ "NO CARRIER", modem_on_noise }, /* the caller hung up */
	{ NULL, NULL },
};

static const struct at_host channel = { channel_write, channel_done, common_urcs };

static void port_opened(void *owner, int err, const char *why)
{
	struct modem *modem = owner;

	if (err)
		snprintf(modem->fsm.why, sizeof modem->fsm.why, "%s", why);
	fsm_post(&modem->fsm, err ? EV_OPEN_FAILED : EV_OPENED, err);
}

static void port_data(void *owner, const uint8_t *bytes, size_t len)
{
	struct modem *modem = owner;

	at_feed(&modem->at, bytes, len);
}

static void port_lost(void *owner, int err, const char *why)
{
	struct modem *modem = owner;

	snprintf(modem->fsm.why, sizeof modem->fsm.why, "%s", why);
	fsm_post(&modem->fsm, EV_LOST, err);
}

static const struct port_events port_events = { port_opened, port_data, port_lost };

/* ---- states ------------------------------------------------------------------------------------ */

static bool device_there(const struct modem *modem)
{
	return strncmp(modem->device, "tcp:", 4) == 0 || access(modem->device, F_OK) == 0;
}

static void fault(struct modem *modem, int64_t pause_ms, const char *why)
{
	char kept[sizeof modem->fsm.why];
	int n = ++modem->faults;
	size_t last = sizeof back_off_ms / sizeof back_off_ms[0] - 1;

	snprintf(kept, sizeof kept, "%s", why);
	if (pause_ms == 0)
		pause_ms = back_off_ms[(size_t)n - 1 < last ? (size_t)n - 1 : last];
	if ((n & (n - 1)) == 0) /* the 1st, 2nd, 4th, 8th, ... time */
		log_warning(LOGC_MODEM, modem->id, "recovery",
			LOG_FIELDS(LOG_STR("step", "reopen"), LOG_INT("n", n),
				LOG_STR("reason", kept)),
			"%s; trying again in %lld s", kept, (long long)(pause_ms + 999) / 1000);
	if (fsm_go(&modem->fsm, MODEM_FAULT, "%s", kept) == 0)
		fsm_set_timeout(&modem->fsm, pause_ms);
}

static void enter_off(struct fsm *fsm)
{
	close_channel(of(fsm));
	of(fsm)->faults = 0;
}

static void off_event(struct fsm *fsm, int event, int value)
{
	struct modem *modem = of(fsm);

	(void)value;
	if (event == EV_STOP || modem->dead)
		return;
	if (device_there(modem))
		fsm_go(fsm, MODEM_OPEN, "the device is there");
	else
		fsm_set_timeout(fsm, OFF_LOOK_MS);
	if (!modem->settled) {
		modem->settled = fsm->state == MODEM_OFF;
		modem->env->changed(modem->env->arg, modem);
	}
}

static void enter_open(struct fsm *fsm)
{
	struct modem *modem = of(fsm);
	int err = port_open(modem->port, modem->baud, modem->env->spans.open_deadline);

	if (err < 0)
		fsm_post(fsm, EV_OPEN_FAILED, err);
}

static void open_failed(struct modem *modem, int err)
{
	char why[sizeof modem->fsm.why];

	snprintf(why, sizeof why, "%s", modem->fsm.why);
	if (err == -ENOENT || err == -ENODEV || err == -ENXIO) {
		fsm_go(&modem->fsm, MODEM_OFF, "%s", why);
	} else if (err == -ETIMEDOUT && strncmp(modem->device, "tcp:", 4) != 0) {
		log_error(LOGC_PORT, modem->id, "port_open_hung",
			LOG_FIELDS(LOG_STR("reason", why)),
			"opening the device hangs in the kernel: port in quarantine for %lld s; "
			"unplug the device or reset its USB port",
			(long long)modem->env->spans.quarantine / 1000);
		fault(modem, modem->env->spans.quarantine, why);
	} else {
		fault(modem, 0, why);
	}
}

static void open_event(struct fsm *fsm, int event, int value)
{
	struct modem *modem = of(fsm);

	if (event == EV_STOP)
		fsm_go(fsm, MODEM_OFF, "stopped");
	else if (event == EV_OPENED)
		fsm_go(fsm, MODEM_PROBE, "open");
	else if (event == EV_OPEN_FAILED)
		open_failed(modem, value);
	else
		fault(modem, 0, fsm->why);
}

/* Common to all states with an open port; false if the event means something else there. */
static bool channel_event(struct modem *modem, int event)
{
	struct fsm *fsm = &modem->fsm;

	switch (event) {
	case EV_STOP:
		fsm_go(fsm, MODEM_OFF, "stopped");
		return true;
	case EV_LOST:
		log_notice(LOGC_PORT, modem->id, "port_lost", LOG_FIELDS(LOG_STR("reason", fsm->why)),
			"the device is gone");
		fsm_go(fsm, MODEM_OFF, "hung up");
		return true;
	case EV_DEAD:
		fault(modem, 0, "does not answer: no modem, no power, or another baud rate");
		return true;
	case EV_RESTART:
		fsm_go(fsm, MODEM_PROBE, "the module has restarted");
		return true;
	default:
		return false;
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
	AT_CMD("E0"),
	AT_ASK("+CGMM", "", on_model),
	AT_ASK("I", "", on_model));

static void enter_probe(struct fsm *fsm)
{
	struct modem *modem = of(fsm);

	at_reset(&modem->at);
	modem->at.driver_urcs = NULL;
	modem->at.gap_ms = 0;
	modem->model[0] = '\0';
	modem_sim_forget(modem);
	loop_timer_stop(&modem->grace_timer);
	modem_run(modem, JOB_PROBE, &probe);
}

static void probe_event(struct fsm *fsm, int event, int value)
{
	struct modem *modem = of(fsm);

	(void)value;
	if (channel_event(modem, event))
		return;
	if (event == EV_FAILED) {
		fault(modem, 0, fsm->why);
		return;
	}
	modem->driver = modem->wanted_driver ? modem->wanted_driver : modem_driver_for(modem->model);
	modem->at.driver_urcs = modem->driver->urcs;
	modem->at.gap_ms = modem->driver->timing.gap_ms;
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

	(void)value;
	if (channel_event(modem, event))
		return;
	if (event == EV_FAILED)
		fault(modem, 0, fsm->why);
	else
		fsm_go(fsm, MODEM_SIM, "started up");
}

static void enter_sim(struct fsm *fsm)
{
	loop_timer_stop(&of(fsm)->grace_timer);
	modem_sim_enter(of(fsm));
}

static void sim_event(struct fsm *fsm, int event, int value)
{
	struct modem *modem = of(fsm);

	(void)value;
	if (channel_event(modem, event))
		return;
	if (event == EV_SIM_LOOK)
		modem->card_wanted = true; /* if the look is under way, it may have been too early */
	if (event == FSM_TIMEOUT || event == EV_SIM_LOOK)
		modem_sim_timeout(modem);
	else if (event == EV_CARD)
		fsm_go(fsm, MODEM_REGISTER, "the card is known");
}

static void start_timers(struct modem *modem, int64_t poll_ms)
{
	loop_timer_start(&modem->poll_timer, poll_ms);
	if (!loop_timer_active(&modem->sweep_timer))
		loop_timer_start(&modem->sweep_timer, modem->env->spans.sweep / 2 +
				stagger(modem, modem->env->spans.sweep / 2));
}

static void enter_register(struct fsm *fsm)
{
	struct modem *modem = of(fsm);

	if (modem->sms.step == 0)
		modem_sms_begin(modem);
	modem->poll_wanted = true;
	start_timers(modem, MODEM_REGISTER_POLL_MS);
	work_soon(modem);
}

static void enter_ready(struct fsm *fsm)
{
	struct modem *modem = of(fsm);

	modem->faults = 0;
	loop_timer_stop(&modem->grace_timer);
	start_timers(modem, modem->env->spans.poll / 2 + stagger(modem, modem->env->spans.poll / 2));
	work_soon(modem);
}

/* The channel is free: texts first, then a look at card and network; but the card first, if it may be
 * another one: its texts would go to the wrong number, and the wrong ones would be deleted. */
static void work(struct modem *modem)
{
	if (!at_idle(&modem->at))
		return;
	if (!modem->card_wanted && (modem_sms_next(modem) || !modem->poll_wanted))
		return;
	modem->card_doubted = modem->card_wanted;
	modem->poll_wanted = modem->card_wanted = false;
	modem->seen_iccid[0] = '\0';
	modem_run(modem, JOB_POLL, modem->driver->scripts.poll);
}

static void register_lost(struct modem *modem)
{
	loop_timer_start(&modem->grace_timer, modem->env->spans.register_grace);
	fsm_go(&modem->fsm, MODEM_REGISTER, "registration lost: %s", modem_reg_name(modem->reg));
}

/* REGISTER and READY. */
static void service_event(struct fsm *fsm, int event, int value)
{
	struct modem *modem = of(fsm);

	(void)value;
	if (channel_event(modem, event))
		return;
	switch (event) {
	case EV_SIM_GONE:
		log_notice(LOGC_MODEM, modem->id, "sim_out",
			LOG_FIELDS(LOG_CARD("card", modem->card_id), LOG_STR("reason", fsm->why)),
			"the card is gone or was changed");
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
		break;
	case EV_FAILED:
		fault(modem, 0, fsm->why);
		break;
	default:
		work(modem);
		break;
	}
}

static void enter_fault(struct fsm *fsm)
{
	close_channel(of(fsm));
}

static void fault_event(struct fsm *fsm, int event, int value)
{
	(void)value;
	if (event == EV_STOP)
		fsm_go(fsm, MODEM_OFF, "stopped");
	else if (device_there(of(fsm)))
		fsm_go(fsm, MODEM_OPEN, "again, after a pause");
	else
		fsm_go(fsm, MODEM_OFF, "the device is not there");
}

static void on_changed(struct fsm *fsm, int from, const char *why)
{
	struct modem *modem = of(fsm);
	struct modem_history *entry = &modem->history[modem->history_next++ % MODEM_HISTORY];

	entry->wall_ms = fsm->since_wall_ms;
	entry->from = (uint8_t)from;
	entry->to = (uint8_t)fsm->state;
	snprintf(entry->why, sizeof entry->why, "%s", why);
	if (fsm->state == MODEM_OFF || fsm->state == MODEM_FAULT || fsm->state == MODEM_READY)
		modem->settled = true;
	modem_update_online(modem);
	modem->env->changed(modem->env->arg, modem);
}

#define CHANNEL \
	(FSM_BIT(EV_STOP) | FSM_BIT(EV_LOST) | FSM_BIT(EV_DEAD) | FSM_BIT(EV_SCRIPT) | \
		FSM_BIT(EV_FAILED))
#define SERVICE \
	(CHANNEL | FSM_BIT(EV_RESTART) | FSM_BIT(EV_SIM_LOOK) | FSM_BIT(EV_SIM_GONE) | \
		FSM_BIT(EV_REG) | FSM_BIT(EV_WORK))
#define DOWN (FSM_BIT(MODEM_OFF) | FSM_BIT(MODEM_FAULT))

static const struct fsm_state states[MODEM_STATES] = {
	[MODEM_OFF] = { .name = "off",
		.accepts = FSM_BIT(EV_START) | FSM_BIT(EV_STOP),
		.edges = FSM_BIT(MODEM_OPEN),
		.timeout_ms = OFF_LOOK_MS,
		.enter = enter_off,
		.event = off_event },
	[MODEM_OPEN] = { .name = "open",
		.accepts = FSM_BIT(EV_OPENED) | FSM_BIT(EV_OPEN_FAILED) | FSM_BIT(EV_LOST) |
			FSM_BIT(EV_STOP),
		.edges = DOWN | FSM_BIT(MODEM_PROBE),
		.enter = enter_open,
		.event = open_event },
	[MODEM_PROBE] = { .name = "probe",
		.accepts = CHANNEL,
		.edges = DOWN | FSM_BIT(MODEM_INIT),
		.enter = enter_probe,
		.event = probe_event },
	[MODEM_INIT] = { .name = "init",
		.accepts = CHANNEL | FSM_BIT(EV_RESTART),
		.edges = DOWN | FSM_BIT(MODEM_PROBE) | FSM_BIT(MODEM_SIM),
		.enter = enter_init,
		.event = init_event },
	[MODEM_SIM] = { .name = "sim",
		.accepts = CHANNEL | FSM_BIT(EV_RESTART) | FSM_BIT(EV_SIM_LOOK) | FSM_BIT(EV_CARD),
		.edges = DOWN | FSM_BIT(MODEM_PROBE) | FSM_BIT(MODEM_REGISTER),
		.enter = enter_sim,
		.event = sim_event },
	[MODEM_REGISTER] = { .name = "register",
		.accepts = SERVICE,
		.edges = DOWN | FSM_BIT(MODEM_PROBE) | FSM_BIT(MODEM_SIM) | FSM_BIT(MODEM_READY),
		.enter = enter_register,
		.event = service_event },
	[MODEM_READY] = { .name = "ready",
		.accepts = SERVICE,
		.edges = DOWN | FSM_BIT(MODEM_PROBE) | FSM_BIT(MODEM_SIM) | FSM_BIT(MODEM_REGISTER),
		.enter = enter_ready,
		.event = service_event },
	[MODEM_FAULT] = { .name = "fault",
		.accepts = FSM_BIT(EV_STOP),
		.edges = FSM_BIT(MODEM_OFF) | FSM_BIT(MODEM_OPEN),
		.enter = enter_fault,
		.event = fault_event },
};

static const struct fsm_spec spec = { LOGC_MODEM, states, MODEM_STATES, on_changed };

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

/* ---- unsolicited codes and timers --------------------------------------------------------------- */

bool modem_on_cpin_urc(void *owner, const char *line)
{
	struct modem *modem = owner;

	(void)line;
	fsm_post(&modem->fsm, EV_SIM_LOOK, 0);
	return true;
}

bool modem_on_restart(void *owner, const char *line)
{
	struct modem *modem = owner;

	(void)line;
	fsm_post(&modem->fsm, EV_RESTART, 0);
	return true;
}

bool modem_on_sms_ready(void *owner, const char *line)
{
	struct modem *modem = owner;

	(void)line;
	modem_sms_want(modem, NULL);
	work_soon(modem);
	return true;
}

bool modem_on_brownout(void *owner, const char *line)
{
	struct modem *modem = owner;

	log_warning(LOGC_MODEM, modem->id, NULL, LOG_FIELDS(LOG_STR("reason", line)),
		"supply voltage out of range: check the power supply of this port");
	return true;
}

bool modem_on_noise(void *owner, const char *line)
{
	(void)owner, (void)line;
	return true;
}

static void on_poll_timer(void *arg)
{
	struct modem *modem = arg;

	modem->poll_wanted = true;
	loop_timer_start(&modem->poll_timer, modem->fsm.state == MODEM_READY ?
			modem->env->spans.poll : MODEM_REGISTER_POLL_MS);
	work_soon(modem);
}

static void on_sweep_timer(void *arg)
{
	struct modem *modem = arg;
	/* A modem that announces nothing is looked at more often. */
	int64_t span_ms = modem->sms.indications ? modem->env->spans.sweep :
						   modem->env->spans.sweep / 6;

	loop_timer_start(&modem->sweep_timer, span_ms);
	modem_sweep(modem);
}

static void on_retry_timer(void *arg)
{
	modem_sweep(arg);
}

/* ---- from outside ------------------------------------------------------------------------------ */

struct modem *modem_new(struct modem_env *env, const struct modem_config *config)
{
	struct modem *modem = calloc(1, sizeof *modem);

	if (!modem)
		return NULL;
	modem->env = env;
	snprintf(modem->bank, sizeof modem->bank, "%s", config->bank);
	snprintf(modem->slot, sizeof modem->slot, "%s", config->slot);
	snprintf(modem->id, sizeof modem->id, "%s/%s", config->bank, config->slot);
	modem->baud = config->baud;
	modem->wanted_driver = config->driver;
	fsm_init(&modem->fsm, &spec, env->loop, modem->id, modem, MODEM_OFF);
	at_init(&modem->at, env->loop, &channel, modem, modem->id);
	loop_timer_init(&modem->poll_timer, env->loop, on_poll_timer, modem);
	loop_timer_init(&modem->sweep_timer, env->loop, on_sweep_timer, modem);
	loop_timer_init(&modem->grace_timer, env->loop, on_grace_over, modem);
	loop_timer_init(&modem->retry_timer, env->loop, on_retry_timer, modem);
	loop_timer_init(&modem->store_timer, env->loop, on_store_timer, modem);
	modem_sim_forget(modem);
	modem->device = strdup(config->device);
	if (modem->device)
		modem->port = env->port_new(env->loop, env->opener, modem->device, modem->id,
			&port_events, modem);
	if (!modem->port) {
		modem_free(modem);
		return NULL;
	}
	return modem;
}

void modem_start(struct modem *modem)
{
	fsm_post(&modem->fsm, EV_START, 0);
}

void modem_stop(struct modem *modem, const char *why)
{
	if (modem->dead)
		return;
	modem->dead = true;
	snprintf(modem->fsm.why, sizeof modem->fsm.why, "%s", why);
	fsm_post(&modem->fsm, EV_STOP, 0);
	fsm_set_timeout(&modem->fsm, 0);
}

bool modem_finished(const struct modem *modem)
{
	return modem->dead && modem->fsm.state == MODEM_OFF && modem->pending == 0 &&
		!loop_timer_active(&modem->store_timer);
}

void modem_free(struct modem *modem)
{
	if (!modem)
		return;
	modem_sms_end(modem);
	free(modem->sms.entries);
	fsm_done(&modem->fsm);
	at_done(&modem->at);
	loop_timer_stop(&modem->poll_timer);
	loop_timer_stop(&modem->sweep_timer);
	loop_timer_stop(&modem->grace_timer);
	loop_timer_stop(&modem->retry_timer);
	loop_timer_stop(&modem->store_timer);
	port_free(modem->port);
	free(modem->device);
	free(modem);
}

void modem_sweep(struct modem *modem)
{
	modem_sms_want(modem, NULL);
	work_soon(modem);
}
