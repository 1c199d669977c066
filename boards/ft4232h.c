/* ft4232h.c - FTDI FT4232H, 0403:6011 (datasheet FT4232H, 2.1): four UARTs, an interface each.
 * Neither reset nor power: they reach the bridge, which hangs up all its modems, the healthy ones
 * too; and the modems have a supply of their own, so that it would cure none of them. */
#include "modem/board.h"

extern const struct board board_ft4232h;

/* Modules of such pools come at 115200 baud, the older ones at 9600. */
static const int bauds[] = { 115200, 9600, 57600, 460800, 0 };

const struct board board_ft4232h = {
	.name = "ft4232h",
	.about = "FTDI FT4232H: four modems at a bridge, interface n is channel n",
	.where = BOARD_USB,
	.ports = BOARD_INTERFACES,
	.bauds = bauds,
};
