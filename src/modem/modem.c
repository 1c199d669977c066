/* modem.c - a modem: its channel, its timers, and what the store knows of it. */
#include "modem/modem.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/counter.h"
#include "modem/modem_impl.h"
#include "modem/record.h"

enum { STORE_RETRY_MS = 1000 };

/* ---- small things --------------------------------------------------------------------------- */

void modem_run(struct modem *modem, enum modem_job job, const struct at_script *script)
{
	if (at_run(&modem->at, script) < 0)
		return;
	modem->job = job;
	modem->echoed = false;
}

void modem_report_text(const struct at_report *report, char *out, size_t size)
{
	static const char *const family[] = {
		[AT_PLAIN] = "ERROR", [AT_CME] = "+CME ERROR", [AT_CMS] = "+CMS ERROR"
	};

	switch (report->result) {
	case AT_OK: snprintf(out, size, "AT%s: ok", report->cmd); break;
	case AT_FAILED:
		if (report->code >= 0)
			snprintf(out, size, "AT%.40s: %s: %d", report->cmd, family[report->family],
				report->code);
		else
			snprintf(out, size, "AT%.40s: %s", report->cmd, family[report->family]);
		break;
	case AT_TIMEOUT: snprintf(out, size, "no answer to AT%.40s", report->cmd); break;
	case AT_DEAD:
		snprintf(out, size, "no answer to AT%.40s, nor to AT after it", report->cmd);
		break;
	case AT_REFUSED: snprintf(out, size, "a command was refused before it was sent"); break;
	}
}

const char *modem_reg_name(enum modem_reg reg)
{
	static const char *const names[] = { [REG_NONE] = "none",
		[REG_HOME] = "home",
		[REG_SEARCHING] = "searching",
		[REG_DENIED] = "denied",
		[REG_UNKNOWN] = "unknown",
		[REG_ROAMING] = "roaming" };

	return names[reg];
}

bool modem_registered(const struct modem *modem)
{
	return modem->reg == REG_HOME || modem->reg == REG_ROAMING;
}

void modem_work_soon(struct modem *modem)
{
	if (modem->fsm.state == MODEM_REGISTER || modem->fsm.state == MODEM_READY)
		fsm_post(&modem->fsm, EV_WORK, 0);
	else if (modem->fsm.state == MODEM_SIM)
		modem_operator_next(modem);
}

/* ---- what the store and the list know ------------------------------------------------------- */

static void on_port_put(void *arg, int err)
{
	struct modem *modem = arg;

	modem->pending--;
	if (err) { /* the list must not lie: again until it is in */
		modem->card_in_store[0] = '?';
		modem_store_again(modem);
		return;
	}
	modem->env->changed(modem->env->arg, modem);
}

static void put_port(struct modem *modem)
{
	if (modem->online == modem->online_in_store &&
		strcmp(modem->card_id, modem->card_in_store) == 0)
		return;
	struct store_port port = {
		.bank = modem->bank,
		.slot = modem->slot,
		.card_id = modem->card_id,
		.state = modem_state_name(modem),
		.online = modem->online,
		.now_ms = loop_wall_ms(modem->env->loop),
	};
	modem->pending++;
	modem->online_in_store = modem->online;
	snprintf(modem->card_in_store, sizeof modem->card_in_store, "%s", modem->card_id);
	store_port_put(modem->env->store, &port, on_port_put, modem);
}

void modem_tell_port(struct modem *modem)
{
	snprintf(modem->card_in_store, sizeof modem->card_in_store, "?");
	put_port(modem);
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
	modem_direct_again(modem);
}

void modem_update_online(struct modem *modem)
{
	modem->online = modem->card_id[0] && !modem->dead && !modem->deaf && !modem->stale &&
			!modem_held(modem) &&
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

/* ---- the channel ---------------------------------------------------------------------------- */

void modem_rest_channel(struct modem *modem)
{
	modem_direct_end(modem);
	modem_operator_end(modem, "the port went down");
	at_reset(&modem->at);
	modem->job = JOB_NONE;
	loop_timer_stop(&modem->poll_timer);
	loop_timer_stop(&modem->sweep_timer);
	loop_timer_stop(&modem->grace_timer);
	modem_sim_forget(modem);
	modem->imei[0] = modem->model[0] = '\0';
}

void modem_close_channel(struct modem *modem)
{
	modem_rest_channel(modem);
	port_close(modem->port);
	modem->open = false;
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
		log_debug(LOGC_MODEM, modem->id, NULL,
			LOG_FIELDS(LOG_STR("script", report->script)), "%s", text);
	}
	if (report->result == AT_DEAD) {
		modem->job = JOB_NONE;
		fsm_post(&modem->fsm, EV_DEAD, 0);
		return;
	}
	modem->job = JOB_NONE;
	modem->quiet =
		modem->quiet || (job > JOB_INIT && !modem->echoed && report->result == AT_OK);
	switch (job) {
	case JOB_CPIN:
	case JOB_ICCID:
	case JOB_CARD: modem_sim_script(modem, job, report); break;
	case JOB_POLL: modem_sim_polled(modem, report); break;
	case JOB_SMS_MODE:
	case JOB_SMS_SERVICE:
	case JOB_SMS_STORES:
	case JOB_SMS_SELECT:
	case JOB_SMS_CNMI: modem_setup_script(modem, job, report); break;
	case JOB_LIST:
	case JOB_DELETE: modem_sms_script(modem, job, report); break;
	case JOB_ACK: modem_direct_script(modem, report); break;
	case JOB_PIN_ICCID:
	case JOB_PIN_TRIES:
	case JOB_PIN: modem_pin_script(modem, job, report); break;
	case JOB_OPERATOR: modem_operator_script(modem, report); break;
	case JOB_USSD:
	case JOB_USSD_END: modem_ussd_script(modem, job, report); break;
	case JOB_NONE:
	case JOB_PROBE:
	case JOB_INIT:
	case JOB_ALIVE:
	case JOB_RADIO:
	case JOB_RESTART:
		modem_report_text(report, text, sizeof text);
		if (job != JOB_ALIVE || report->result != AT_OK)
			snprintf(modem->fsm.why, sizeof modem->fsm.why, "%s", text);
		fsm_post(&modem->fsm, report->result == AT_OK ? EV_SCRIPT : EV_FAILED,
			(int)report->result);
		break;
	}
	modem_work_soon(modem);
}

/* What every family sends; a driver's own table is looked at first. */
static const struct at_urc common_urcs[] = {
	{ "+CMTI:", modem_on_cmti },
	{ "+CREG:", modem_on_creg_urc },
	{ "+CEREG:", modem_on_creg_urc },
	{ "+CGREG:", modem_on_creg_urc },
	{ "+CUSD:", modem_on_cusd },
	{ "+CPIN:", modem_on_cpin_urc },
	{ "+SMS FULL", modem_on_sms_full },
	{ "^SMMEMFULL", modem_on_sms_full },
	{ "RING", modem_on_noise },
	{ "NO CARRIER", modem_on_noise }, /* the caller hung up */
	{ NULL, NULL },
};

static void channel_trace(void *owner, char dir, const char *line)
{
	struct modem *modem = owner;

	record_line(modem->record, dir, line);
}

/* What is in quotes or bears a text belongs to that, whatever it looks like. */
static bool channel_line(void *owner, const char *line, bool wanted)
{
	return modem_ussd_line(owner, line) || modem_direct_line(owner, line, wanted);
}

/* It was told not to, and did not: what else it was told is forgotten, too. Some modules restart
 * without a word. */
static void channel_echo(void *owner)
{
	struct modem *modem = owner;

	modem->echoed = true;
	if (!modem->quiet)
		return;
	snprintf(modem->fsm.why, sizeof modem->fsm.why, "the module has restarted without a word");
	fsm_post(&modem->fsm, EV_RESTART, 0);
}

static const struct at_host channel = { .write = channel_write,
	.done = channel_done,
	.urcs = common_urcs,
	.direct = channel_line,
	.echo = channel_echo,
	.trace = channel_trace };

static void port_opened(void *owner, int err, const char *why)
{
	struct modem *modem = owner;

	if (err)
		snprintf(modem->fsm.why, sizeof modem->fsm.why, "%s", why);
	modem->open = !err;
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
	modem->open = false;
	fsm_post(&modem->fsm, EV_LOST, err);
}

static const struct port_events port_events = { port_opened, port_data, port_lost };

/* ---- unsolicited codes and timers ----------------------------------------------------------- */

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
	modem_work_soon(modem);
	return true;
}

bool modem_on_sms_full(void *owner, const char *line)
{
	struct modem *modem = owner;

	(void)line;
	log_notice(LOGC_MODEM, modem->id, NULL, NULL, "the memory for texts is full: reading it");
	modem_sms_want(modem, NULL);
	modem_work_soon(modem);
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
	loop_timer_start(&modem->poll_timer,
		modem->fsm.state == MODEM_READY ? modem->env->spans.poll : MODEM_REGISTER_POLL_MS);
	modem_look_deaf(modem);
	modem_work_soon(modem);
}

static void on_sweep_timer(void *arg)
{
	struct modem *modem = arg;
	/* A modem that announces nothing is looked at more often. */
	int64_t span_ms =
		modem->sms.indications ? modem->env->spans.sweep : modem->env->spans.sweep / 6;

	loop_timer_start(&modem->sweep_timer, span_ms);
	modem_sweep(modem);
}

static void on_retry_timer(void *arg)
{
	modem_sweep(arg);
}

/* ---- from outside --------------------------------------------------------------------------- */

struct modem *modem_new(struct modem_env *env, const struct modem_config *config)
{
	struct modem *modem = calloc(1, sizeof *modem);

	if (!modem)
		return NULL;
	modem->env = env;
	snprintf(modem->bank, sizeof modem->bank, "%s", config->bank);
	snprintf(modem->slot, sizeof modem->slot, "%s", config->slot);
	snprintf(modem->id, sizeof modem->id, "%s/%s", config->bank, config->slot);
	modem->baud = modem->rate.now = config->baud;
	modem->usb.interface = -1;
	modem->wanted_driver = config->driver;
	modem->board = config->board;
	fsm_init(&modem->fsm, &modem_fsm, env->loop, modem->id, modem, MODEM_OFF);
	at_init(&modem->at, env->loop, &channel, modem, modem->id);
	loop_timer_init(&modem->poll_timer, env->loop, on_poll_timer, modem);
	loop_timer_init(&modem->sweep_timer, env->loop, on_sweep_timer, modem);
	loop_timer_init_patient(&modem->grace_timer, env->loop, on_grace_over, modem);
	loop_timer_init(&modem->retry_timer, env->loop, on_retry_timer, modem);
	loop_timer_init(&modem->store_timer, env->loop, on_store_timer, modem);
	loop_timer_init(&modem->card_timer, env->loop, modem_sim_card_timer, modem);
	modem_direct_init(modem);
	modem_ussd_init(modem);
	modem_operator_init(modem);
	modem_sim_forget(modem);
	modem->next = env->modems;
	env->modems = modem;
	modem->device = strdup(config->device);
	if (env->record_dir)
		modem->record = record_new(env->loop, env->record_dir, modem->id);
	if (modem->device)
		modem->port = env->port_new(
			env->loop, env->opener, modem->device, modem->id, &port_events, modem);
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

static int new_device(struct modem *modem, const char *device)
{
	char *copy = strdup(device);
	struct port *port = NULL;

	if (copy)
		port = modem->env->port_new(
			modem->env->loop, modem->env->opener, copy, modem->id, &port_events, modem);
	if (!port) {
		free(copy);
		return -ENOMEM;
	}
	port_free(modem->port);
	free(modem->device);
	modem->port = port;
	modem->device = copy;
	modem->settled = false;
	modem_rate_anew(modem);
	return 0;
}

int modem_set_interface(struct modem *modem, const char *device)
{
	int err = -EBUSY;

	if (modem->fsm.state == MODEM_OFF || modem->fsm.state == MODEM_FAULT)
		err = new_device(modem, device);
	if (!err)
		modem->device_id = modem_device_id(modem);
	return err;
}

int modem_set_device(struct modem *modem, const char *device)
{
	int err = 0;

	if (device && modem->fsm.state != MODEM_OFF && modem->fsm.state != MODEM_FAULT)
		return -EBUSY;
	if (device)
		err = new_device(modem, device);
	/* After a reset of ours it is back, if under another name. */
	if (device && !err && !modem->recovery.by_us)
		recovery_anew(&modem->recovery, false);
	if (device)
		return err;
	modem->device[0] = '\0';
	if (modem->fsm.state == MODEM_OFF)
		return 0;
	snprintf(modem->fsm.why, sizeof modem->fsm.why, "unplugged");
	fsm_post(&modem->fsm, EV_LOST, 0);
	return 0;
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
	       !modem_direct_waits(modem) && !loop_timer_active(&modem->store_timer);
}

void modem_free(struct modem *modem)
{
	struct modem **at;

	if (!modem)
		return;
	for (at = &modem->env->modems; *at != modem;)
		at = &(*at)->next;
	*at = modem->next;
	modem_sms_end(modem);
	modem_direct_free(modem);
	modem_operator_free(modem);
	loop_timer_stop(&modem->ussd.timer);
	loop_timer_stop(&modem->card_timer);
	free(modem->sms.entries);
	fsm_done(&modem->fsm);
	at_done(&modem->at);
	loop_timer_stop(&modem->poll_timer);
	loop_timer_stop(&modem->sweep_timer);
	loop_timer_stop(&modem->grace_timer);
	loop_timer_stop(&modem->retry_timer);
	loop_timer_stop(&modem->store_timer);
	port_free(modem->port);
	record_free(modem->record);
	free(modem->device);
	free(modem);
}

void modem_look(struct modem *modem)
{
	modem->poll_wanted = true;
	modem_work_soon(modem);
}

void modem_look_anew(struct modem *modem)
{
	if (modem->fsm.state != MODEM_REGISTER && modem->fsm.state != MODEM_READY)
		return;
	modem->stale = true;
	modem->settled = false;
	modem->card_wanted = modem->poll_wanted = true;
	loop_timer_stop(&modem->grace_timer);
	modem_update_online(modem);
	modem_sweep(modem);
}

void modem_sweep(struct modem *modem)
{
	modem_sms_want(modem, NULL);
	modem_work_soon(modem);
}
