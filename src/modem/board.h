/* board.h - what SIM-bank hardware is: one const object. All that boards/ may include. */
#ifndef SIMGATE_MODEM_BOARD_H
#define SIMGATE_MODEM_BOARD_H

struct board {
	const char *name;
	const char *about; /* for --list-boards */
};

/* NULL ends. */
extern const struct board *const boards[];

#endif
