/* boards.c - the list of SIM-bank hardware. */
#include <stddef.h>

#include "modem/board.h"

extern const struct board board_usb;

const struct board *const boards[] = { &board_usb, NULL };
