/* tcp.c - serial servers (ser2net, Moxa NPort in TCP server mode): raw TCP, one connection a port.
 * The server sets speed and supply; nothing of them can be reached from here. */
#include "modem/board.h"

extern const struct board board_tcp;

const struct board board_tcp = {
	.name = "tcp",
	.about = "modems at a serial server (devices = tcp:HOST:PORT, ...)",
	.where = BOARD_NETWORK,
};
