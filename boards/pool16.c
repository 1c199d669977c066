/* pool16.c - a pool of 16 modems: four FT4232H behind one hub. An example of a board that gives its
 * slots their names: makers wire the hub's ports as the layout has it, so compare with the print,
 * and write slot.LABEL for each where it differs. Neither reset nor power, as with ft4232h. */
#include "modem/board.h"

extern const struct board board_pool16;

/* The hub's port, then the bridge's channel. */
static const struct board_slot slots[] = {
	{ "p01", "1:1.0" },
	{ "p02", "1:1.1" },
	{ "p03", "1:1.2" },
	{ "p04", "1:1.3" },
	{ "p05", "2:1.0" },
	{ "p06", "2:1.1" },
	{ "p07", "2:1.2" },
	{ "p08", "2:1.3" },
	{ "p09", "3:1.0" },
	{ "p10", "3:1.1" },
	{ "p11", "3:1.2" },
	{ "p12", "3:1.3" },
	{ "p13", "4:1.0" },
	{ "p14", "4:1.1" },
	{ "p15", "4:1.2" },
	{ "p16", "4:1.3" },
	{ NULL, NULL },
};

static const int bauds[] = { 115200, 9600, 57600, 460800, 0 };

const struct board board_pool16 = {
	.name = "pool16",
	.about = "16 modems at four FT4232H behind one hub: p01 to p16 by hub port and channel",
	.where = BOARD_USB,
	.ports = BOARD_INTERFACES,
	.slots = slots,
	.bauds = bauds,
};
