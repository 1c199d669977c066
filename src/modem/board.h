/* board.h - what SIM-bank hardware is: one const object. All that boards/ may include. */
#ifndef SIMGATE_MODEM_BOARD_H
#define SIMGATE_MODEM_BOARD_H

#include <stdbool.h>
#include <stddef.h>

/* A bank whose cards are switched by commands on control lines of its own. What a good answer is
 * worth the card tells: it is read after each switch, whatever the bank said. */
struct board_select {
	int baud;          /* of a control line, 8N1 */
	int columns;       /* of one control line */
	int rows_max;      /* cards of one column */
	const char *ready; /* said when a line was opened; it moves no card */
	const char *ok;    /* stands in a good answer; some of these banks give none at all */
	/* The command that connects a card; both count from 1. */
	void (*put)(int column, int row, char *out, size_t size);
	int answer_ms;  /* how long an answer may take */
	int gap_ms;     /* from the end of a command to the next one, over all banks */
	int tries;      /* until another card must show */
	int again_ms;   /* between them */
	int wait_ms;    /* from the command to the restart of the radio; key switch_wait */
	int stagger_ms; /* between two restarts in one bank; key switch_stagger */
	int card_ms;    /* for the module to show its card; key switch_timeout */
};

/* Where ports of a board may be. */
enum board_where {
	BOARD_ANYWHERE,
	BOARD_USB,     /* on this host's USB: `path`, or devices that are no network address */
	BOARD_NETWORK, /* devices = tcp:HOST:PORT alone */
};

/* What tells the modems of one USB device apart, for chips that are not known by their ids. */
enum board_ports {
	BOARD_BY_ID,      /* nothing is known: the ids and the driver decide */
	BOARD_ONE,        /* it has one */
	BOARD_INTERFACES, /* interface n is channel n */
	BOARD_NUMBERS,    /* port n behind one interface */
};

/* A label and its place below the bank's root, as slot.LABEL = has it. */
struct board_slot {
	const char *label, *place;
};

struct board_timing {
	int off_ms; /* how long a device stays off, so that its supply runs empty */
};

enum board_act {
	BOARD_RESET,
	BOARD_DEAUTHORIZE,
	BOARD_AUTHORIZE,
	BOARD_POWER_OFF,
	BOARD_POWER_ON,
	BOARD_ACTS
};

/* The USB device at a modem's place, for an operation. Calls block, for ever where the kernel
 * hangs: operations run on a helper thread, several at a time. */
struct board_usb {
	int (*act)(void *arg, enum board_act act); /* 0 or a negative errno */
	void (*wait)(void *arg, int ms);           /* ends early when the daemon stops */
	void *arg;
};

/* again: it was done already in this trouble, and did not help. 0 or a negative errno. */
typedef int board_op_fn(const struct board_usb *usb, const struct board_timing *timing, bool again);

struct board {
	const char *name;
	const char *about; /* for --list-boards */
	enum board_where where;
	enum board_ports ports;
	const struct board_slot *slots; /* where the bank names none; NULL: none; NULL label ends */
	const int *bauds; /* tried on a modem that is silent, the likely first; 0 ends. NULL: the
			     usual ones */
	struct board_timing timing;
	/* NULL: the place does not offer it. */
	board_op_fn *reset;                    /* of the USB device that the modem's port is on */
	board_op_fn *power;                    /* off and on again */
	const struct board_select *select_sim; /* NULL: it switches no cards */
};

/* NULL ends. */
extern const struct board *const boards[];

/* NULL: there is none of this name. */
const struct board *board_named(const char *name);

/* Operations for a board's object. The first resets the device; where that fails, or did not help,
 * it is taken down and brought up again (`authorized`). The second switches its hub's port. What
 * was switched off is switched on again, whatever happens between. */
board_op_fn board_usb_reset;
board_op_fn board_port_power;

#endif
