/* cp210x.c - Silicon Labs CP2101 to CP2104 and CP2102N, 10c4:ea60 (Linux driver cp210x): one UART.
 * Reset reaches the bridge alone: it cures a bridge that hangs, not a modem. No power: the modem
 * has a supply of its own, and the bridge has the reset. */
#include "modem/board.h"

extern const struct board board_cp210x;

static const int bauds[] = { 115200, 9600, 57600, 460800, 0 };

const struct board board_cp210x = {
	.name = "cp210x",
	.about = "Silicon Labs CP2101 to CP2104, CP2102N: a hub of bridges with a modem each",
	.where = BOARD_USB,
	.ports = BOARD_ONE,
	.bauds = bauds,
	.reset = board_usb_reset,
};
