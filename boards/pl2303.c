/* pl2303.c - Prolific PL2303, 067b:2303 (Linux driver pl2303): one UART. Modems with it are the
 * older ones.
 * Reset reaches the bridge alone: it cures a bridge that hangs, not a modem. No power: the modem
 * has a supply of its own, and the bridge has the reset. */
#include "modem/board.h"

extern const struct board board_pl2303;

static const int bauds[] = { 115200, 9600, 57600, 19200, 38400, 0 };

const struct board board_pl2303 = {
	.name = "pl2303",
	.about = "Prolific PL2303: a hub of bridges with a modem each",
	.where = BOARD_USB,
	.ports = BOARD_ONE,
	.bauds = bauds,
	.reset = board_usb_reset,
};
