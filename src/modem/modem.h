/* modem.h - one modem: its life from open to ready, its card, its texts. */
#ifndef SIMGATE_MODEM_MODEM_H
#define SIMGATE_MODEM_MODEM_H

#include <stdbool.h>
#include <stdint.h>

#include "at/at.h"
#include "base/fsm.h"
#include "modem/board.h"
#include "modem/cmgl.h"
#include "modem/driver.h"
#include "modem/inbox.h"
#include "modem/recovery.h"
#include "modem/ussd_text.h"
#include "port/port.h"
#include "port/port_usb.h"
#include "store/store.h"

enum {
	MODEM_HISTORY = 16,      /* state changes kept */
	MODEM_LISTING_MAX = 512, /* entries of one listing; more wait for the next */
	MODEM_MEMORIES_MAX = 2,
	MODEM_DIRECT_MAX = 16,   /* texts without a copy on the card that the store refused */
	MODEM_PIN_SIZE = 9,      /* 4 to 8 digits, with NUL */
	MODEM_ANSWER_LINES = 48, /* of an operator's command; more are counted as cut */
	MODEM_ANSWER_WIDTH = 200,
};

enum modem_state {
	MODEM_OFF,      /* the device is not there, or nobody wants it */
	MODEM_OPEN,     /* being opened */
	MODEM_PROBE,    /* is it a modem, and which */
	MODEM_INIT,     /* its family's start-up */
	MODEM_SIM,      /* waiting for the card, reading what it is */
	MODEM_REGISTER, /* texts are read; waiting for the network */
	MODEM_READY,    /* can receive */
	MODEM_RECOVER,  /* a step that brings it back is under way */
	MODEM_SWITCH,   /* its bank puts another card in: nothing is said to it */
	MODEM_FAULT,    /* waits, then takes the next step, or begins again */
	MODEM_STATES
};

/* TS 27.007 7.2, CREG, CGREG and CEREG together. */
enum modem_reg { REG_NONE, REG_HOME, REG_SEARCHING, REG_DENIED, REG_UNKNOWN, REG_ROAMING };

/* Spans of the configuration, in milliseconds. */
struct modem_spans {
	int64_t sweep, poll, register_grace, open_deadline, quarantine;
	int64_t card; /* looks at the card alone, where nothing tells that it was changed; 0: none
		       */
};

struct modem;

/* What the place of a modem can do for it, and when. */
struct recovery_place {
	/* NULL: it cannot. Called with the channel closed; begins the action and returns 0, and
	 * modem_place_done() is called once it has ended; or returns a negative errno. */
	int (*usb_reset)(void *arg, struct modem *modem);
	int (*power_cycle)(void *arg, struct modem *modem);
	const char *no_usb, *no_power; /* why not, where a function is NULL */
	/* Whether the modem may be reset now; else says in why what it waits for. NULL: always. */
	bool (*turn)(void *arg, char *why, size_t size);
	/* Its trouble is that of many, and is said once for all of them. NULL: never. */
	bool (*held)(void *arg);
	void *arg;
};

/* Shared by all modems; owned by the gateway. */
struct modem_env {
	struct loop *loop;
	struct store *store;
	struct inbox *inbox;
	struct opener *opener;
	struct modem_spans spans;
	/* State, card or "can receive" changed; the store knows it already. */
	void (*changed)(void *arg, struct modem *modem);
	/* The PIN for a card in this bank; iccid "" where it cannot be read. False: there is none.
	 * NULL: there never is. */
	bool (*pin)(void *arg, const char *bank, const char *iccid, char *out, size_t size);
	/* What asks a card with this IMSI for its number; NULL, or it gives NULL: nothing does. */
	const char *(*ussd_number)(void *arg, const char *imsi);
	void *arg;
	const char *record_dir; /* transcripts are written there; NULL: nowhere */
	/* Makes the port; port_new() but in tests. */
	struct port *(*port_new)(struct loop *loop, struct opener *opener, const char *device,
		const char *object, const struct port_events *events, void *owner);
	const char *sysfs;    /* "/sys"; NULL: nobody knows which devices are one module's */
	struct modem *modems; /* all there are; modem_new() and modem_free() keep it */
};

struct modem_config {
	const char *bank, *slot;
	const char *device;                /* "": nothing is plugged in */
	const struct modem_driver *driver; /* NULL: find out */
	int baud;
	const struct board *board; /* NULL: any */
};

/* An entry of a listing on its way to the store and off the card. */
struct modem_entry {
	struct modem *modem; /* NULL: the card or port it came from is gone */
	char memory[8];
	int index;
	bool stored;  /* durable: may be deleted */
	bool storing; /* the store's callback is still to come */
	bool seen;    /* in the listing at hand */
	bool deleted; /* AT+CMGD said so: kept until a listing shows whether it is true */
	bool stayed;  /* it was not */
	bool doubted; /* its index was announced again: there may be another text */
	char pdu[];
};

/* The memories of the card and the module, and what was read from them. */
struct modem_sms {
	char memories[MODEM_MEMORIES_MAX]
		     [8]; /* as offered; [0] receives. "" where none has a name */
	int memory_count;
	int selected;      /* index of the one that AT+CMGL and AT+CMGD speak of, -1: none */
	int target;        /* index of the one being selected */
	int cpms_args;     /* arguments that AT+CPMS takes here: 3, 2, 1 */
	int cnmi;          /* which of the driver's AT+CNMI is tried or holds */
	int rounds;        /* of trying to select a memory in the set-up */
	int step;          /* of the set-up */
	bool indications;  /* new texts are announced */
	bool list_by_name; /* AT+CMGL="ALL", as AT+CMGL=4 was refused */
	unsigned wanted;   /* bit per memory: to be listed */
	unsigned sure;     /* bit per memory: the store knows what is no longer in it */
	int64_t empty_ms[MODEM_MEMORIES_MAX]; /* since when listings show nothing; 0: they do */
	unsigned moved;  /* bit per memory: the store knows that indices may be others now */
	unsigned placed; /* ... and has those that count */
	unsigned
		current; /* bit per memory: listed since the card came; what is new is the card's */
	struct modem_entry **entries;
	size_t count, room;
	struct modem_entry *deleting; /* the one that AT+CMGD is about; NULL: none */
	struct cmgl list;             /* the listing that is being read */
	struct cmgl_shorts shorts;
	unsigned listings;
	bool damaged;        /* this listing lost something: it proves nothing about what is gone */
	int delete_failures; /* in a row */
	bool lies;           /* AT+CMGD said OK and deleted nothing: listings alone tell */
	int read_failures[MODEM_MEMORIES_MAX];     /* in a row */
	int64_t last_sweep_ms, last_sweep_wall_ms; /* of the last good listing; 0: none */
};

/* Texts that the modem shows unasked: no card has them. */
struct modem_direct {
	enum cmgl_direct kind; /* the one that is being read; CMGL_NOT_DIRECT: none */
	struct cmgl_pdu pdu;
	struct loop_timer timer;   /* until when its digits may come */
	struct modem_text *texts;  /* on their way to the store and to AT+CNMA, oldest first */
	struct modem_text *acking; /* the one that AT+CNMA is about; NULL: none */
	bool acks;                 /* the network waits for AT+CNMA (+CSMS=1) */
	bool acks_off;             /* it was refused too often: no more until the next start */
	int ack_refusals;          /* in a row */
	bool setup_wanted;         /* the module may have turned its indications off */
	int64_t setup_until_ms;    /* it may do so until then */
	struct loop_timer setup_timer;
	uint64_t ignored, refused; /* headers without a PDU; texts there was no room for */
};

/* A card that asks for its PIN. The PIN is here only from its choice until it was sent. */
struct modem_pin {
	enum {
		PIN_IDLE,
		PIN_LOOK,   /* reading the ICCID */
		PIN_CARD,   /* asking the store what the card refused */
		PIN_PLACE,  /* and what was refused here */
		PIN_TRIES,  /* asking the card how many tries it has left */
		PIN_NOTING, /* the store is told that it is tried */
		PIN_SENT,
		PIN_CHECK, /* AT+CPIN? will tell */
	} step;
	bool wanted, blocked; /* the card waits for its PIN; for its PUK */
	bool waiting;         /* the store still owes a callback */
	int looks;            /* for an ICCID that does not come */
	int owed;             /* records of a try that the store has not answered for yet */
	int noted;            /* ... that are durable */
	char iccid[24], place[STORE_PIN_KEY_SIZE]; /* what the records are for; iccid may be "" */
	char text[MODEM_PIN_SIZE];
	int64_t card_mark, place_mark; /* of the store, 0: none */
	int64_t card_try, place_try;   /* of this try */
	int64_t quiet_until_ms;        /* nothing is sent before */
};

/* A code to the network, and its answer. */
struct modem_ussd {
	enum {
		USSD_IDLE,
		USSD_WANTED, /* by the operator: waits for the channel */
		USSD_SENT,
		USSD_ANSWER, /* waits for +CUSD */
		USSD_OVER,   /* the session is to be ended */
	} step;
	char code[USSD_CODE_SIZE];
	char raw[USSD_RAW_MAX + 1]; /* the answer's text as printed */
	int status, dcs;            /* m of +CUSD; -1 */
	int open;                   /* lines that may still belong to a quote; 0: none is open */
	bool answered, end;
	struct loop_timer timer;
	/* Who asked: NULL, and for the card's number, or the operator. */
	void (*done)(void *arg, const char *error, int status, const char *text);
	void *arg;
	/* The card that is asked for its number. */
	char card[STORE_CARD_SIZE], number[STORE_NUMBER_SIZE];
	int tries;
	int64_t day_ms, next_ms, known_ms;
};

/* How an operator's command ended. error: NULL, or why there is no answer (then the rest is void);
 * late: it is that the modem did not answer in time. */
struct modem_answer {
	const char *error;
	bool late;
	const struct at_report *report;
	const char (*lines)[MODEM_ANSWER_WIDTH];
	size_t count, cut;
};
typedef void modem_answer_fn(void *arg, const struct modem_answer *answer);

struct modem_operator {
	bool wanted, running;
	char command[64], prefix[32];
	struct at_cmd row;
	struct at_script script;
	char (*lines)[MODEM_ANSWER_WIDTH];
	size_t count, cut;
	modem_answer_fn *done; /* NULL: nobody waits any more */
	void *arg;
	struct loop_timer timer;
};

struct modem_history {
	int64_t wall_ms;
	uint8_t from, to;
	char why[64];
};

/* The speed of the line, where it is a real one. */
struct modem_rate {
	int now;     /* the device is opened at */
	int said;    /* the last one that the log told of; 0: none */
	int base;    /* where the search began */
	size_t next; /* of the usual ones */
	bool proven; /* the modem has answered at `now` */
	bool over;   /* all were tried in vain */
};

/* A port whose card is not to be sold, by an operator's word: nothing else of it changes. The
 * gateway keeps this as the store has it. */
struct modem_drain {
	enum {
		DRAIN_NO,
		DRAIN_BEGUN,
		DRAIN_OVER /* nothing of its card is left to deliver, no list has it */
	} state;
	bool told;                            /* the log has that it is over */
	int64_t begun_ms;                     /* since when it is known here */
	int64_t queued, unknown, held, parts; /* in the store, of its card */
	size_t unstored;                      /* printed by the modem, not durable yet */
	bool unread;                          /* it was not looked through since begun_ms */
	uint64_t wish; /* a list without it, of the host that leads; 0: none was asked for */
};

struct modem {
	struct modem_env *env;
	struct modem *next;           /* of env->modems */
	char id[2 * STORE_NAME_SIZE]; /* BANK/SLOT */
	char bank[STORE_NAME_SIZE], slot[STORE_NAME_SIZE];
	char *device; /* "": nothing is plugged in */
	int baud;
	const struct modem_driver *wanted_driver, *driver;
	const struct board *board; /* NULL: any */
	struct port *port;
	struct at at;
	struct fsm fsm;
	struct loop_timer poll_timer, sweep_timer, grace_timer, retry_timer, store_timer;
	struct loop_timer card_timer;
	int job; /* what the running script is for */
	char model[64];
	char imei[20], iccid[24], imsi[20], cnum[24];
	char card_id[STORE_CARD_SIZE];
	char seen_iccid[24]; /* what the card said in this poll */
	char number[STORE_NUMBER_SIZE];
	enum store_source number_source;
	struct { /* the last that was said about sources that disagree */
		char card[STORE_CARD_SIZE], other[STORE_NUMBER_SIZE];
	} disputed;
	int iccid_cmd;      /* which of the driver's commands is tried or holds */
	char sim_state[24]; /* +CPIN's word: "READY", "SIM PIN", ... "" unknown */
	int pin_tries;      /* what SIM PIN has left; -1: unknown */
	enum modem_reg reg, reg_cs, reg_eps;
	enum modem_reg reg_ps; /* of +CGREG */
	int rssi_dbm;          /* 0: unknown */
	int act;               /* access technology, TS 27.007 7.3; -1: unknown */
	char operator_name[24];
	bool online; /* can receive now, as the list says it */
	bool online_in_store;
	char card_in_store[STORE_CARD_SIZE];
	bool settled;  /* has reached a state that lasts, since the start or modem_look_anew() */
	bool out_said; /* that no card is in was logged since one was; or one is in, and locked */
	bool poll_wanted, dead;
	bool look_wanted;  /* at the card alone */
	bool stale;        /* what is known of card and network is too old */
	bool card_wanted;  /* it may be another card: no text is read or deleted before a poll */
	bool card_doubted; /* the poll that runs is to tell that */
	enum {
		POLL_WHOLE,
		POLL_CUT,
		POLL_AGAIN
	} poll_cut;               /* cut for a text; then run to its end */
	int poll_failures;        /* in a row, of its first command */
	unsigned listings_failed; /* since the last good look at its texts */
	int iccid_tries;
	struct modem_pin pin;
	struct modem_ussd ussd;
	struct modem_operator hand;      /* what an operator sends */
	bool number_conflict;            /* two sources disagree, and none counts */
	char twice[2 * STORE_NAME_SIZE]; /* another host's port whose card has the same number */
	bool number_wanted;              /* the store did not answer what the number is */
	struct recovery recovery;
	struct modem_drain drain;
	const struct recovery_place *place; /* NULL: it offers nothing. The gateway sets it */
	int64_t until_ms;                   /* MODEM_FAULT: the end of the pause */
	int64_t asked_ms;                   /* MODEM_SIM: whether the modem as such is well */
	int64_t serving_ms;                 /* texts were first looked for on this channel */
	uint64_t device_id;                 /* which node was opened last */
	bool open;                          /* the channel is */
	bool echoed, quiet;   /* in the script at hand; it does not echo, since its start-up */
	bool looking;         /* it hung up: has the device gone as well? */
	bool vanished;        /* its device was there, and went */
	bool deaf;            /* its texts could not be read, and have not been since */
	bool put_off;         /* another interface of the same module serves */
	char held[96];        /* why it is kept off the list, whatever its card; "": it is not */
	unsigned held_read;   /* bit per memory: read since then */
	uint64_t held_wish;   /* a list without it, of the host that leads; 0: none was asked for */
	bool switching;       /* its bank is at work on it: what fails meanwhile is no trouble */
	char module_imei[20]; /* of the module last seen here; outlives the channel */
	struct port_usb usb;
	struct modem_rate rate;
	int pending; /* callbacks of the store that are still to come */
	struct modem_sms sms;
	struct modem_direct direct;
	struct { /* the module's own memory; outlives a restart of the module and a hang-up */
		bool unread;                 /* not listed since `card` came */
		char owner[STORE_CARD_SIZE]; /* whose texts it held then; "" if nobody can tell */
		char card[STORE_CARD_SIZE], imei[20];
	} module;
	struct record *record; /* NULL: none is written */
	struct modem_history history[MODEM_HISTORY];
	unsigned history_next;
	uint64_t received, errors;
	uint64_t entered[MODEM_STATES]; /* how often a state was */
};

/* NULL if out of memory. Starts in MODEM_OFF; modem_start() sets it going. */
struct modem *modem_new(struct modem_env *env, const struct modem_config *config);

/* Opens as soon as the device is there; at fault at once. */
void modem_start(struct modem *modem);

/* What is plugged in at this place now, under another name than before. NULL: nothing; what is open
 * closes, and the modem is off at once. -EBUSY: neither off nor at fault, where nothing is open. At
 * fault the pause goes on; modem_start() begins without it. -ENOMEM leaves all as it was. Not from
 * inside a callback of the modem. */
int modem_set_device(struct modem *modem, const char *device);

/* Another tty of the same device, as above; but its trouble goes on. */
int modem_set_interface(struct modem *modem, const char *device);

/* Marks it dead: the port closes, nothing more is read. What is being stored still ends; the modem
 * may be freed once modem_finished(). */
void modem_stop(struct modem *modem, const char *why);
bool modem_finished(const struct modem *modem);
void modem_free(struct modem *modem);

/* Takes a step of the ladder now, whatever was tried before. 0, -ENODEV: there is no device,
 * -ENOTCONN: the channel is not open, or the family not known yet, -EOPNOTSUPP: the family or the
 * place has no such step, -EINVAL: it is none that can be asked for, -EBUSY: its bank puts another
 * card in. */
int modem_reset(struct modem *modem, enum recovery_step step);

/* What the place was asked for has ended: 0, -ETIMEDOUT where it hangs in the kernel and was
 * abandoned, or another negative errno; why says more. Not from inside a callback of the modem. */
void modem_place_done(struct modem *modem, int err, const char *why);
/* ---- a bank that puts another card in: modem_switch.c ---- */

/* Its bank is at work on it until modem_release(): keeps it off the list, reads and deletes what
 * lies on its card, and takes no rung of the ladder that resets it. Again: for another reason, and
 * what was read counts. */
void modem_hold(struct modem *modem, const char *why);
bool modem_held(const struct modem *modem);

/* The bank is done with it. why "": it may be listed again; else it stays off, for this reason. */
void modem_release(struct modem *modem, const char *why);

/* Held, and the store knows it. */
bool modem_withdrawn(const struct modem *modem);

/* Held, and nothing is left on its card that can be read; or it has no card to read from. False
 * while it starts, or is brought back. */
bool modem_emptied(const struct modem *modem);

/* A text of its card is on its way to the store. */
bool modem_storing(const struct modem *modem);

/* Says nothing to the module from now on: its card goes. 0, or -ENOTCONN: the channel is not open,
 * or its family not known. */
int modem_let_go(struct modem *modem);

/* The other card is in: has the module look at it, with its radio switched off and on, or (hard, or
 * where that does not help) restarted. Nothing unless modem_let_go() came before. */
void modem_take_card(struct modem *modem, bool hard);

/* Which card is in: its card_id, or of one that is locked its ICCID. */
enum modem_card {
	MODEM_CARD_UNKNOWN, /* or not yet */
	MODEM_CARD_NONE,    /* the module says that there is none */
	MODEM_CARD_IN,
};
enum modem_card modem_card(const struct modem *modem, char out[STORE_CARD_SIZE]);

/* What is wrong and what is done about it, in a few words; "" if nothing is. */
const char *modem_trouble(const struct modem *modem, char *buf, size_t size);

/* Texts that the modem has printed and that are not durable yet. */
size_t modem_unstored(const struct modem *modem);

/* Looks at all memories now. */
void modem_sweep(struct modem *modem);

/* Asks for card and network now: is it still there? */
void modem_look(struct modem *modem);

/* Nobody has looked for long: it cannot receive, for all that is known, until a poll has told. */
void modem_look_anew(struct modem *modem);

/* The configuration changed: a card that cannot be used yet is looked at again. */
void modem_card_changed(struct modem *modem);

/* Forgets which PINs the card in this modem, and what was in it, refused; done once that is
 * durable. */
void modem_pin_forget(struct modem *modem, store_count_fn *done, void *arg);

/* Whether an operator may send this command ("+CSQ", without AT). NULL: yes; else why not. driver
 * may be NULL. */
const char *modem_forbids(const struct modem_driver *driver, const char *command);

/* Sends a command that modem_forbids() allows, once the channel has nothing more urgent. 0: done is
 * called once, from inside modem_stop() at the latest, but not from modem_free(). -EACCES: it is
 * forbidden; -EBUSY: another one waits; -ENODEV: the port is not open, or its modem still starts.
 */
int modem_ask(struct modem *modem, const char *command, modem_answer_fn *done, void *arg);

/* Sends a code to the network; done as above, with the answer's status (TS 27.007 7.15) and text,
 * or an error. -EINVAL: it is no code that may be sent; -EBUSY; -ENETDOWN: not registered. */
int modem_ussd_ask(struct modem *modem, const char *code,
	void (*done)(void *arg, const char *error, int status, const char *text), void *arg);

/* The number file or a command changed what is known: asks the store again. */
void modem_number_changed(struct modem *modem);

/* Tells the store what this port holds, though it may know. */
void modem_tell_port(struct modem *modem);

const char *modem_state_name(const struct modem *modem);
const char *modem_reg_name(enum modem_reg reg);

/* The n-th newest state change; NULL past the last. */
const struct modem_history *modem_history_at(const struct modem *modem, unsigned n);
const char *modem_state_text(int state);

#endif
