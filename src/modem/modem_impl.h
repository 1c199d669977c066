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
	EV_CARD,    /* the store knows the card */
	EV_REG,     /* registration changed */
	EV_WORK,    /* something waits for the channel */
	EV_DEAF,    /* texts cannot be read */
	EV_PUT_OFF, /* another interface of this module is the better one */
	EV_RESET,   /* by the operator; value: enum recovery_step */
	EV_LET_GO,  /* its card goes */
	EV_TAKE,    /* another one is in; value: whether to restart */
};

/* TS 27.007 9.2.1 */
enum {
	CME_NO_SIM = 10,
	CME_PIN = 11,
	CME_PUK = 12,
	CME_SIM_FAILURE = 13,
	CME_SIM_BUSY = 14,
	CME_PASSWORD = 16,
};

enum {
	MODEM_REGISTER_POLL_MS = 3000, /* while registration or an answer is missing */
	MODEM_SWITCH_MS = 600000,      /* nobody waits longer for another card */
};

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
	JOB_ALIVE,
	JOB_RADIO,
	JOB_RESTART,
	JOB_PIN_ICCID,
	JOB_PIN_TRIES,
	JOB_PIN,
	JOB_OPERATOR,
	JOB_USSD,
	JOB_USSD_END,
};

/* Starts a script for a job; the channel must be idle. */
void modem_run(struct modem *modem, enum modem_job job, const struct at_script *script);

/* modem_states.c */
extern const struct fsm_spec modem_fsm;

/* modem.c: forgets all that was learnt over the channel; and closes it. */
void modem_rest_channel(struct modem *modem);
void modem_close_channel(struct modem *modem);

/* modem_recover.c: the states in which a modem is brought back, and devices that go and come. */
enum { MODEM_LOOK_MS = 2000 /* how often a device that is not in use is looked for */ };
void modem_fault_enter(struct fsm *fsm);
void modem_fault_event(struct fsm *fsm, int event, int value);
void modem_recover_enter(struct fsm *fsm);
void modem_recover_event(struct fsm *fsm, int event, int value);
void modem_lost(struct modem *modem);                  /* the line hung up */
void modem_restarted(struct modem *modem);             /* the module began anew by itself */
void modem_came_back(struct modem *modem);             /* its device is there, or another one is */
void modem_gone(struct modem *modem, const char *why); /* its device is not there any more */
void modem_take_step(struct modem *modem, enum recovery_step step);

/* Which node the device is; 0: it is not there. A serial server always is. */
uint64_t modem_device_id(const struct modem *modem);

/* modem_switch.c: the state in which nothing is said. */
void modem_switch_enter(struct fsm *fsm);
void modem_switch_event(struct fsm *fsm, int event, int value);

/* modem_trouble.c. It does not serve, and why: the next step of the ladder follows. */
void modem_fail(struct modem *modem, enum recovery_cause cause, const char *why);

/* Its trouble is that of many: said at this level, then, instead of the usual one. */
enum log_level modem_level(const struct modem *modem, enum log_level usual);

/* Bits of the steps that are not taken now, whatever it offers: while many fail together, or while
 * its bank puts another card in. */
unsigned modem_barred(const struct modem *modem);

/* May it be reset now? Else fsm.why says what it waits for. */
bool modem_has_turn(struct modem *modem);

/* Is it well? Is it deaf? Is it without a network for too long? */
void modem_look_well(struct modem *modem);
void modem_look_deaf(struct modem *modem);
void modem_look_network(struct modem *modem);

/* modem_rate.c. It was silent: true if it is tried at another speed. And it has answered at this
 * one; and nothing is known of the next device's. */
bool modem_next_rate(struct modem *modem);
void modem_rate_answered(struct modem *modem);
void modem_rate_anew(struct modem *modem);

/* modem_twin.c: several interfaces of one module. One serves. */
/* Its IMEI is known: true if it was put off. */
bool modem_twin_decide(struct modem *modem);
void modem_twin_put_off(struct modem *modem);
bool modem_twin_serves(const struct modem *modem); /* another one does, or is about to */

/* Something waits for the channel; means nothing in states without a card. In SIM state only an
 * operator's command is looked for. */
void modem_work_soon(struct modem *modem);

/* modem_sim.c: SIM state. Each takes the end of the scripts it started. */
void modem_sim_enter(struct modem *modem);
void modem_sim_script(struct modem *modem, enum modem_job job, const struct at_report *report);
void modem_sim_timeout(struct modem *modem);
void modem_sim_forget(struct modem *modem);

/* The card cannot be used now: why, and when it is looked at again. lasts: that is a state that the
 * first list need not wait for. */
void modem_sim_not_ready(struct modem *modem, const char *what, int64_t again_ms, bool lasts);

/* Asks the store for the card's number, and tells it what the card and its operator say. */
void modem_tell_store(struct modem *modem);

/* modem_reg.c: TS 27.007 7.2 by domain, and all together; act: access technology, -1 unknown. */
enum modem_reg reg_of(int stat);
enum modem_reg reg_verdict(enum modem_reg cs, enum modem_reg ps, enum modem_reg eps, int act);

/* modem_pin.c: SIM state, with a card that asks for its PIN. */
void modem_pin_locked(struct modem *modem);
void modem_pin_blocked(struct modem *modem); /* it asks for its PUK */
void modem_pin_ready(struct modem *modem);   /* it asks for nothing: what was tried was right */
void modem_pin_known(struct modem *modem);   /* which card that is, is known */
void modem_pin_script(struct modem *modem, enum modem_job job, const struct at_report *report);
bool modem_pin_holds(const struct modem *modem); /* nothing may be sent now */
void modem_pin_end(struct modem *modem);

/* modem_ussd.c: starts what waits; false if nothing does. */
void modem_ussd_init(struct modem *modem);
bool modem_ussd_next(struct modem *modem);
void modem_ussd_script(struct modem *modem, enum modem_job job, const struct at_report *report);
bool modem_ussd_line(struct modem *modem, const char *line); /* of an answer with several lines */
void modem_ussd_end(struct modem *modem, const char *why);
at_line_fn modem_on_cusd;

/* modem_operator.c: as above. */
void modem_operator_init(struct modem *modem);
bool modem_operator_next(struct modem *modem);
void modem_operator_script(struct modem *modem, const struct at_report *report);
void modem_operator_end(struct modem *modem, const char *why);
void modem_operator_free(struct modem *modem);

/* modem_poll.c: the poll that is wanted: of card and network, or of the card alone; and the timer
 * of the latter.
 */
const struct at_script *modem_sim_poll(struct modem *modem);
loop_fn modem_sim_card_timer;

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

/* modem_entry.c: what was listed and is not known to be gone. */
struct modem_entry *modem_entry_find(
	struct modem *modem, const char *memory, int index, const char *pdu);
/* NULL: out of memory, or there are too many. */
struct modem_entry *modem_entry_add(
	struct modem *modem, const char *memory, int index, const char *pdu);
/* Takes it out of the table; it is freed now, or by the store's callback. */
void modem_entry_drop(struct modem *modem, struct modem_entry *entry);

/* modem_sms.c: the memories. modem_sms_next() starts what waits; false if nothing does. */
void modem_sms_end(struct modem *modem); /* card or port gone: forgets what was read */
bool modem_sms_next(struct modem *modem);
void modem_sms_script(struct modem *modem, enum modem_job job, const struct at_report *report);
void modem_sms_want(struct modem *modem, const char *memory); /* NULL: all */
void modem_sms_unselected(struct modem *modem, int memory);   /* it could not be selected */

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
/* modem_direct.c: of the texts that came unasked. */
size_t modem_direct_unstored(const struct modem *modem);

void modem_update_online(struct modem *modem);

/* modem_trouble.c: its card is there and cannot be used: takes the next step of the ladder; false
 * if there is none now. And it is gone, or well: that trouble is over. */
bool modem_card_fails(struct modem *modem, const char *why);
void modem_card_over(struct modem *modem);

/* modem_sim.c: the +CME ERROR that says it; TS 27.005 3.2.5 has codes of its own for the same. -1:
 * none. */
int modem_card_code(const struct at_report *report);

#endif
