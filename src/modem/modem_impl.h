/* modem_impl.h - what the files of a modem share. */
#ifndef SIMGATE_MODEM_MODEM_IMPL_H
#define SIMGATE_MODEM_MODEM_IMPL_H

#include "base/log.h"
#include "modem/modem.h"

enum modem_event {
	EV_START,
	EV_STOP,
	EV_OPENED,
	EV_OPEN_FAILED, /* value: negative errno */
	EV_LOST,
	EV_SCRIPT,   /* a script ended well */
	EV_FAILED,   /* a script failed; value: enum at_result */
	EV_DEAD,     /* the channel is silent */
	EV_RESTART,  /* the module began anew by itself */
	EV_SIM_LOOK, /* the card may have changed */
	EV_SIM_GONE,
	EV_CARD, /* the store knows the card */
	EV_REG,  /* registration changed */
	EV_WORK, /* something waits for the channel */
};

enum { MODEM_REGISTER_POLL_MS = 3000 }; /* while registration or an answer is missing */

/* What a script that runs is for. */
enum modem_job {
	JOB_NONE,
	JOB_PROBE,
	JOB_INIT,
	JOB_CPIN,
	JOB_ICCID,
	JOB_CARD,
	JOB_SMS_MODE,
	JOB_SMS_SERVICE,
	JOB_SMS_STORES,
	JOB_SMS_SELECT,
	JOB_SMS_CNMI,
	JOB_POLL,
	JOB_LIST,
	JOB_DELETE,
	JOB_ACK,
};

/* Starts a script for a job; the channel must be idle. */
void modem_run(struct modem *modem, enum modem_job job, const struct at_script *script);

/* modem_states.c */
extern const struct fsm_spec modem_fsm;

/* modem.c: forgets the channel and all that was learnt over it. */
void modem_close_channel(struct modem *modem);

/* Something waits for the channel; means nothing in states that do not read texts. */
void modem_work_soon(struct modem *modem);

/* modem_sim.c: SIM state. Each takes the end of the scripts it started. */
void modem_sim_enter(struct modem *modem);
void modem_sim_script(struct modem *modem, enum modem_job job, const struct at_report *report);
void modem_sim_timeout(struct modem *modem);
void modem_sim_forget(struct modem *modem);

/* After each poll: what registration and card say now. */
void modem_sim_polled(struct modem *modem, const struct at_report *report);
bool modem_registered(const struct modem *modem);

/* modem_setup.c: what must be said once before texts can be read. */
void modem_setup_begin(struct modem *modem);
at_line_fn modem_on_stores; /* +CPMS: what AT+CPMS=? says */
bool modem_setup_done(const struct modem *modem);
void modem_setup_script(struct modem *modem, enum modem_job job, const struct at_report *report);

/* Makes AT+CMGL and AT+CMGD speak of this memory. */
void modem_setup_select(struct modem *modem, int memory);

/* modem_sms.c: the memories. modem_sms_next() starts what waits; false if nothing does. */
void modem_sms_end(struct modem *modem); /* card or port gone: forgets what was read */
bool modem_sms_next(struct modem *modem);
void modem_sms_script(struct modem *modem, enum modem_job job, const struct at_report *report);
void modem_sms_want(struct modem *modem, const char *memory); /* NULL: all */
void modem_sms_unselected(struct modem *modem, int memory);   /* it could not be selected */
bool modem_sms_readable(const struct modem *modem); /* false: texts that come cannot be read now */

/* Under which name what is in the module's own memory is remembered: the place's and module's. */
void modem_module_key(const struct modem *modem, char *out, size_t size);

/* modem_direct.c: texts shown unasked. */
void modem_direct_init(struct modem *modem);
at_direct_fn modem_direct_line;
void modem_direct_end(struct modem *modem);   /* the channel is gone, and what it waited for */
void modem_direct_again(struct modem *modem); /* what the store refused */
bool modem_direct_waits(const struct modem *modem); /* a text is not stored yet */
void modem_direct_free(struct modem *modem);

/* Starts AT+CNMA for a text that is stored; false if there is none. */
bool modem_direct_ack(struct modem *modem);
void modem_direct_script(struct modem *modem, const struct at_report *report);

/* Starts the set-up anew where a text was not acknowledged; false if that is not needed. */
bool modem_direct_setup(struct modem *modem);

/* A poll that runs ends after the command at hand: each second one runs on, whatever comes. */
void modem_cut_poll(struct modem *modem);

/* "AT+CPIN? said +CME ERROR: 10", "no answer to AT+CMGL=4". */
void modem_report_text(const struct at_report *report, char *out, size_t size);

/* The store refused something: asked again soon. */
void modem_store_again(struct modem *modem);

/* Recomputes whether the card can receive now, tells the store and the gateway. */
void modem_update_online(struct modem *modem);

#endif
