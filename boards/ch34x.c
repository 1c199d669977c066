/* ch34x.c - WCH CH340, 1a86:7523, CH341, 1a86:5523, and CH343, 1a86:55d3 (Linux drivers ch341,
 * cdc_acm): one UART.
 * Reset reaches the bridge alone: it cures a bridge that hangs, not a modem. No power: the modem
 * has a supply of its own, and the bridge has the reset. */
#include "modem/board.h"

extern const struct board board_ch34x;

static const int bauds[] = { 115200, 9600, 57600, 460800, 0 };

const struct board board_ch34x = {
	.name = "ch34x",
	.about = "WCH CH340, CH341, CH343: a hub of bridges with a modem each",
	.where = BOARD_USB,
	.ports = BOARD_ONE,
	.bauds = bauds,
	.reset = board_usb_reset,
};
