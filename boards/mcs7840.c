/* mcs7840.c - MosChip MCS7840, 9710:7840 (Linux driver mos7840): four UARTs behind one interface.
 * Neither reset nor power: they reach the bridge, which hangs up all its modems, the healthy ones
 * too; and the modems have a supply of their own, so that it would cure none of them. */
#include "modem/board.h"

extern const struct board board_mcs7840;

/* Modules of such pools come at 115200 baud, the older ones at 9600. */
static const int bauds[] = { 115200, 9600, 57600, 460800, 0 };

const struct board board_mcs7840 = {
	.name = "mcs7840",
	.about = "MosChip MCS7840: four modems at a bridge, port n of its one interface",
	.where = BOARD_USB,
	.ports = BOARD_NUMBERS,
	.bauds = bauds,
};
