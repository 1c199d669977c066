/* recovery.h - the way back from a hang: the rungs of the ladder, their budgets, quarantine. It
 * decides, and does nothing itself. */
#ifndef SIMGATE_MODEM_RECOVERY_H
#define SIMGATE_MODEM_RECOVERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	RECOVERY_RESTARTS = 5, /* so many in RECOVERY_RESTARTS_MS are borne */
	RECOVERY_RESTARTS_MS = 600000,
	RECOVERY_QUARANTINE_MAX_MS = 3600000,
};

/* The rungs, the mildest first. */
enum recovery_step {
	RECOVERY_RESYNC,  /* ATs until one OK answers one: the AT engine has done it already */
	RECOVERY_REOPEN,  /* the device is closed and opened */
	RECOVERY_REINIT,  /* begun anew on the open channel */
	RECOVERY_RADIO,   /* the driver's script */
	RECOVERY_RESTART, /* the driver's script */
	RECOVERY_USB,     /* what the place offers */
	RECOVERY_POWER,
	RECOVERY_QUARANTINE, /* left alone for a while */
	RECOVERY_STEPS
};

/* The steps by which a module starts anew. */
#define RECOVERY_RESETS (1U << RECOVERY_RESTART | 1U << RECOVERY_USB | 1U << RECOVERY_POWER)

/* What is wrong. */
enum recovery_cause {
	CAUSE_SILENT,     /* does not answer */
	CAUSE_OPEN_FAILS, /* cannot be opened */
	CAUSE_OPEN_HANGS, /* open() does not return */
	CAUSE_HANGS_UP,   /* the line hangs up, and the device stays */
	CAUSE_RESTARTS,   /* the module restarts again and again */
	CAUSE_REFUSES,    /* answers, but its start-up fails */
	CAUSE_DEAF,       /* answers, but its texts cannot be read */
	CAUSE_NETWORK,    /* does not register: the radio alone, and that now and then */
	CAUSE_CARD,       /* its card cannot be used: it is never left alone for that */
	RECOVERY_CAUSES
};

/* The trouble of a port, from its first failure until it was ready with a good sweep. */
struct recovery {
	bool begun;
	bool told;  /* the last AT lines are in the log */
	bool by_us; /* a restart of ours is under way: the device may go and come back */
	enum recovery_cause cause;
	enum recovery_step step;        /* the last one taken, or about to be */
	uint8_t used[RECOVERY_STEPS];   /* of the budgets, in this round of the ladder */
	unsigned count[RECOVERY_STEPS]; /* since the trouble began */
	unsigned pauses;                /* in this round */
	unsigned quarantines;           /* in a row */
	int64_t begun_ms;               /* monotonic */
	char reason[96];                /* as an operator would name it */
	int64_t restarts_ms[RECOVERY_RESTARTS + 1]; /* the last ones, whoever saw them */
	unsigned restarts;
};

/* "reopen" */
const char *recovery_step_name(enum recovery_step step);

/* What an operator may ask for: at radio modem usb power. RECOVERY_STEPS if it is none of these. */
enum recovery_step recovery_step_asked(const char *word);

/* How long to wait for the effect of a step that the module or the place needs time for. */
int64_t recovery_wait_ms(enum recovery_step step);

/* Notes a failure, and says what to do and after which pause. offered: bits of the steps that this
 * modem and its place have (the first three and quarantine need none). The pause of a quarantine
 * is quarantine_ms, doubled each time up to RECOVERY_QUARANTINE_MAX_MS. A round that ended in
 * quarantine is over: the next begins with full budgets. */
enum recovery_step recovery_next(struct recovery *recovery, enum recovery_cause cause,
	unsigned offered, int64_t quarantine_ms, int64_t *pause_ms);

/* Whether a step other than quarantine is left in this round. */
bool recovery_has_step(
	const struct recovery *recovery, enum recovery_cause cause, unsigned offered);

/* What an operator does about it. */
const char *recovery_advice(enum recovery_cause cause);

/* The module has restarted, or its device went and came back. True: too often. */
bool recovery_restarted(struct recovery *recovery, int64_t now_ms);

/* Another device, or the same one plugged in again: full budgets; the trouble is over if it is
 * well. after_quarantine: its restarts are forgotten, too. */
void recovery_anew(struct recovery *recovery, bool after_quarantine);

/* The port is well: full budgets, no trouble. */
void recovery_well(struct recovery *recovery);

#endif
