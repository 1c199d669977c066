/* xr21v1414.c - Exar XR21V1414, 04e2:1414 (Linux driver xr_serial): four UARTs; the tty is
 * ttyUSB or ttyACM, as the kernel has it.
 * Neither reset nor power: they reach the bridge, which hangs up all its modems, the healthy ones
 * too; and the modems have a supply of their own, so that it would cure none of them. */
#include "modem/board.h"

extern const struct board board_xr21v1414;

/* Modules of such pools come at 115200 baud, the older ones at 9600. */
static const int bauds[] = { 115200, 9600, 57600, 460800, 0 };

const struct board board_xr21v1414 = {
	.name = "xr21v1414",
	.about = "Exar XR21V1414: four modems at a bridge, told apart by interface",
	.where = BOARD_USB,
	.ports = BOARD_INTERFACES,
	.bauds = bauds,
};
