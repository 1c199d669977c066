/* boards.c - the list of SIM-bank hardware. */
#include <string.h>

#include "modem/board.h"

extern const struct board board_usb, board_ft4232h, board_cp2108, board_mcs7840, board_xr21v1414,
	board_ch34x, board_pl2303, board_cp210x, board_pool16, board_swit, board_tcp;

const struct board *const boards[] = { &board_usb, &board_ft4232h, &board_cp2108, &board_mcs7840,
	&board_xr21v1414, &board_ch34x, &board_pl2303, &board_cp210x, &board_pool16, &board_swit,
	&board_tcp, NULL };

const struct board *board_named(const char *name)
{
	for (const struct board *const *board = boards; *board; board++)
		if (strcmp((*board)->name, name) == 0)
			return *board;
	return NULL;
}
