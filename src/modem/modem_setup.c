/* modem_setup.c - PDU mode, the memories that a modem offers, how it announces and shows texts. */
#include <stdio.h>
#include <string.h>

#include "at/at_args.h"
#include "modem/modem_impl.h"

enum {
	MODE_RETRIES = 15, /* seconds that the SMS part of a module may take to come up */
	SELECT_ROUNDS =
		5, /* of all forms of AT+CPMS, some seconds each: it may come up later still */
};

/* The steps of the set-up, in this order. */
enum step { STEP_NONE, STEP_MODE, STEP_SERVICE, STEP_STORES, STEP_SELECT, STEP_CNMI, STEP_DONE };

/* +CSMS: mt,mo,bm: whether texts that are shown can be acknowledged (27.005 3.2.1). */
static bool on_service(void *owner, const char *line)
{
	struct modem *modem = owner;
	struct at_args args = at_args_of(line, "+CSMS");
	int mt = 0;

	modem->direct.acks = at_args_int(&args, 0, 1, &mt) && mt == 1;
	return true;
}

/* ("SM","ME"),("SM"),...: the first group is what can be listed. Parentheses may be doubled or
 * missing (Wavecom, Huawei MU609). */
bool modem_on_stores(void *owner, const char *line)
{
	struct modem *modem = owner;
	struct modem_sms *sms = &modem->sms;
	struct at_args args = at_args_of(line, "+CPMS"), group;
	char outer[128], inner[128], name[8];
	bool sm = false, me = false, mt = false;
	bool grouped = *args.at == '(';

	if (!grouped)
		group = args;
	else if (!at_args_group(&args, outer, sizeof outer, &group))
		return true;
	if (*group.at == '(') {
		struct at_args nested = group;
		if (!at_args_group(&nested, inner, sizeof inner, &group))
			return true;
	}
	while (at_args_more(&group)) {
		if (!at_args_text(&group, name, sizeof name))
			continue;
		sm = sm || strcmp(name, "SM") == 0;
		me = me || strcmp(name, "ME") == 0;
		mt = mt || strcmp(name, "MT") == 0;
	}
	sms->memory_count = 0;
	if (sm)
		strcpy(sms->memories[sms->memory_count++], "SM");
	if (me)
		strcpy(sms->memories[sms->memory_count++], "ME");
	if (sms->memory_count == 0 && mt)
		strcpy(sms->memories[sms->memory_count++], "MT");
	return true;
}

/* The memory to be listed comes first, the one that receives last (27.005 3.2.2). */
static void put_select(void *owner, struct at_text *text)
{
	struct modem *modem = owner;
	struct modem_sms *sms = &modem->sms;

	at_put(text, "+CPMS=");
	at_put_quoted(text, sms->memories[sms->target]);
	for (int i = 1; i < sms->cpms_args; i++) {
		at_put(text, ",");
		at_put_quoted(text, sms->memories[0]);
	}
}

static void put_cnmi(void *owner, struct at_text *text)
{
	struct modem *modem = owner;

	at_put(text, modem->driver->cnmi[modem->sms.cnmi]);
}

AT_SCRIPT(mode, { .cmd = "+CMGF=0", .retries = MODE_RETRIES });
AT_SCRIPT(service, AT_GET("+CSMS=1", "+CSMS", on_service));
AT_SCRIPT(service_off, AT_TRY("+CSMS=0"));
AT_SCRIPT(stores, AT_ASK("+CPMS=?", "+CPMS", modem_on_stores));
AT_SCRIPT(select_memory, { .build = put_select, .retries = 1 });
AT_SCRIPT(cnmi, { .build = put_cnmi });

void modem_setup_select(struct modem *modem, int memory)
{
	modem->sms.target = memory;
	modem_run(modem, JOB_SMS_SELECT, &select_memory);
}

/* Where texts cannot be acknowledged, the module must not wait for it. */
static void choose_service(struct modem *modem)
{
	bool off = modem->direct.acks_off;

	modem->direct.acks = !off; /* until the modem says no */
	modem_run(modem, JOB_SMS_SERVICE, off ? &service_off : &service);
}

static void next_step(struct modem *modem)
{
	struct modem_sms *sms = &modem->sms;

	if (++sms->step == STEP_SERVICE && modem->driver->quirks & QUIRK_NO_CSMS)
		sms->step++;
	switch ((enum step)sms->step) {
	case STEP_NONE: break;
	case STEP_MODE: modem_run(modem, JOB_SMS_MODE, &mode); break;
	case STEP_SERVICE: choose_service(modem); break;
	case STEP_STORES: modem_run(modem, JOB_SMS_STORES, &stores); break;
	case STEP_SELECT:
		if (sms->memory_count == 0) /* none told: what the card has is the usual */
			strcpy(sms->memories[sms->memory_count++], "SM");
		sms->cpms_args = 3;
		modem_setup_select(modem, 0);
		break;
	case STEP_CNMI: modem_run(modem, JOB_SMS_CNMI, &cnmi); break;
	case STEP_DONE: modem_sms_want(modem, NULL); break;
	}
}

static void select_over(struct modem *modem, const struct at_report *report)
{
	struct modem_sms *sms = &modem->sms;

	if (report->result == AT_OK) {
		sms->selected = sms->target;
	} else if (report->result == AT_FAILED && sms->step == STEP_SELECT && sms->cpms_args > 1) {
		sms->cpms_args--;
		modem_setup_select(modem, sms->target);
		return;
	} else if (sms->step == STEP_SELECT && ++sms->rounds < SELECT_ROUNDS) {
		sms->cpms_args = 3;
		modem_setup_select(modem, sms->target);
		return;
	} else if (sms->step == STEP_SELECT) { /* then the one that is selected anyway */
		log_notice(LOGC_SMS, modem->id, NULL, NULL,
			"the modem lets no memory be chosen: reading the one it has");
		sms->memory_count = 1;
		sms->memories[0][0] = '\0';
		sms->selected = 0;
	} else {
		modem_sms_unselected(modem, sms->target); /* tried again later */
	}
	if (sms->step == STEP_SELECT)
		next_step(modem);
}

static void cnmi_over(struct modem *modem, const struct at_report *report)
{
	struct modem_sms *sms = &modem->sms;

	sms->indications = report->result == AT_OK;
	if (!sms->indications && modem->driver->cnmi[sms->cnmi + 1]) {
		sms->cnmi++;
		modem_run(modem, JOB_SMS_CNMI, &cnmi);
		return;
	}
	if (!sms->indications) {
		log_notice(LOGC_SMS, modem->id, NULL, NULL,
			"the modem announces no new texts: its memory is looked at more often");
		loop_timer_start(&modem->sweep_timer, modem->env->spans.sweep / 6);
	}
	next_step(modem);
}

void modem_setup_script(struct modem *modem, enum modem_job job, const struct at_report *report)
{
	char text[96];

	if (job == JOB_SMS_MODE && report->result != AT_OK) {
		modem_report_text(report, text, sizeof text);
		snprintf(modem->fsm.why, sizeof modem->fsm.why, "%s", text);
		fsm_post(&modem->fsm, EV_FAILED, report->result);
	} else if (job == JOB_SMS_SERVICE) {
		if (report->result != AT_OK)
			modem->direct.acks = false;
		next_step(modem);
	} else if (job == JOB_SMS_SELECT) {
		select_over(modem, report);
	} else if (job == JOB_SMS_CNMI) {
		cnmi_over(modem, report);
	} else {
		next_step(modem);
	}
}

void modem_setup_begin(struct modem *modem)
{
	modem->sms.step = STEP_NONE;
	modem->sms.selected = -1;
	modem->sms.cnmi = modem->sms.rounds = 0;
	next_step(modem);
}

bool modem_setup_done(const struct modem *modem)
{
	return modem->sms.step == STEP_DONE;
}
