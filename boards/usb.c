/* usb.c - modems and sticks with a serial port of their own: no control line, no card switch. */
#include "modem/board.h"

extern const struct board board_usb;

const struct board board_usb = {
	.name = "usb",
	.about = "any modem, module or stick behind a serial device (path = ... or devices = ...)",
};
