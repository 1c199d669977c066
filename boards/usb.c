/* usb.c - modules and sticks with a USB port of their own: no control line, no card switch. A reset
 * and the power of the hub's port reach the module itself. Bridges that are found below a bank of
 * this board are known by their ids, and get what their own board has. */
#include "modem/board.h"

extern const struct board board_usb;

const struct board board_usb = {
	.name = "usb",
	.about = "any modem, module or stick behind a serial device (path = ... or devices = ...)",
	.timing = { .off_ms = 5000 }, /* its capacitors last for some seconds */
	.reset = board_usb_reset,
	.power = board_port_power,
};
