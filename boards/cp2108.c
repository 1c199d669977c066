/* cp2108.c - Silicon Labs CP2108, 10c4:ea71 (datasheet CP2108): four UARTs, an interface each.
 * Neither reset nor power: they reach the bridge, which hangs up all its modems, the healthy ones
 * too; and the modems have a supply of their own, so that it would cure none of them. */
#include "modem/board.h"

extern const struct board board_cp2108;

/* Modules of such pools come at 115200 baud, the older ones at 9600. */
static const int bauds[] = { 115200, 9600, 57600, 460800, 0 };

const struct board board_cp2108 = {
	.name = "cp2108",
	.about = "Silicon Labs CP2108: four modems at a bridge, interface n is channel n",
	.where = BOARD_USB,
	.ports = BOARD_INTERFACES,
	.bauds = bauds,
};
