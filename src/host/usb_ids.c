/* usb_ids.c - tables: USB-serial bridges by chip and driver, modules by where their AT port is. */
#include "host/usb_ids.h"

#include <stddef.h>
#include <string.h>

enum {
	RANK_FIRST,
	RANK_SECOND,
	RANK_CLASS, /* the interface's class says AT */
	RANK_PLAIN, /* plus the interface number: nothing is known */
	RANK_LAST = 300,
};

/* ---- bridges -------------------------------------------------------------------------------- */

/* What tells the ports of a chip apart. */
enum ports { ONE, INTERFACES, PORTS };

struct bridge {
	uint16_t vid, pid;
	enum ports ports;
};

static const struct bridge bridges[] = {
	{ 0x0403, 0x6001, ONE },        /* FTDI FT232R */
	{ 0x0403, 0x6010, INTERFACES }, /* FT2232 */
	{ 0x0403, 0x6011, INTERFACES }, /* FT4232H */
	{ 0x0403, 0x6014, ONE },        /* FT232H */
	{ 0x0403, 0x6015, ONE },        /* FT-X */
	{ 0x10c4, 0xea60, ONE },        /* Silicon Labs CP2101 to CP2104, CP2102N */
	{ 0x10c4, 0xea63, ONE },
	{ 0x10c4, 0xea70, INTERFACES }, /* CP2105 */
	{ 0x10c4, 0xea7a, INTERFACES },
	{ 0x10c4, 0xea71, INTERFACES }, /* CP2108 */
	{ 0x067b, 0x2303, ONE },        /* Prolific PL2303 */
	{ 0x067b, 0x2304, ONE },
	{ 0x067b, 0x23a3, ONE },
	{ 0x067b, 0x23b3, ONE },
	{ 0x067b, 0x23c3, ONE },
	{ 0x067b, 0x23d3, ONE },
	{ 0x067b, 0x23e3, ONE },
	{ 0x067b, 0x23f3, ONE },
	{ 0x1a86, 0x7523, ONE }, /* WCH CH340 */
	{ 0x1a86, 0x7522, ONE },
	{ 0x1a86, 0x5523, ONE },        /* CH341 */
	{ 0x1a86, 0x55d2, INTERFACES }, /* CH342 */
	{ 0x1a86, 0x55d3, ONE },        /* CH343 */
	{ 0x1a86, 0x55d4, ONE },        /* CH9102 */
	{ 0x1a86, 0x55d5, INTERFACES }, /* CH344 */
	{ 0x1a86, 0x55d9, PORTS },      /* CH348, CH9344 */
	{ 0x04e2, 0x1410, ONE },        /* Exar XR21V1410 */
	{ 0x04e2, 0x1412, INTERFACES }, /* XR21V1412 */
	{ 0x04e2, 0x1414, INTERFACES }, /* XR21V1414 */
	{ 0x04e2, 0x1420, ONE },        /* XR21B142x */
	{ 0x04e2, 0x1422, INTERFACES },
	{ 0x04e2, 0x1424, INTERFACES },
	{ 0x9710, 0x7810, PORTS }, /* MosChip MCS7810 */
	{ 0x9710, 0x7820, PORTS },
	{ 0x9710, 0x7840, PORTS },
};

/* A vendor's own id on a known chip: the driver tells. */
static const char *const bridge_drivers[] = { "ftdi_sio", "cp210x", "pl2303", "ch341", "ch9344",
	"usb_ch343", "xr_serial", "mos7720", "mos7840", "ti_usb_3410_5052", "f81232", "f81534",
	"io_edgeport", "io_ti", "mxuport", "mxu11x0", "quatech2", "keyspan", "ark3116", "spcp8x5",
	"whiteheat" };

static bool is_bridge_driver(const char *driver)
{
	for (size_t i = 0; i < sizeof bridge_drivers / sizeof bridge_drivers[0]; i++)
		if (strcmp(driver, bridge_drivers[i]) == 0)
			return true;
	return false;
}

struct usb_kind usb_kind(const struct tty_info *tty)
{
	if (!tty->usb_syspath[0]) /* a UART of the board or of a card */
		return (struct usb_kind) { true, false, true };
	for (size_t i = 0; i < sizeof bridges / sizeof bridges[0]; i++)
		if (bridges[i].vid == tty->vid && bridges[i].pid == tty->pid)
			return (struct usb_kind) { true, bridges[i].ports == INTERFACES,
				bridges[i].ports == PORTS };
	if (is_bridge_driver(
		    tty->driver)) /* its first port needs no number if it is the only one */
		return (struct usb_kind) { true, tty->interfaces > 1, tty->place.port > 0 };
	return (struct usb_kind) { false, false, false };
}

/* ---- modules -------------------------------------------------------------------------------- */

#define BIT(n) (1U << (n))

enum { NONE = 0xff, ANY_PID = 0 };

/* at: the interfaces of its AT ports, the better first. never: those that are none. min: the row
 * holds where the device has at least so many interfaces; a more demanding row stands first. */
struct module {
	uint16_t vid, pid;
	uint8_t at[2];
	uint8_t min;
	uint32_t never;
};

static const struct module modules[] = {
	/* Quectel: with the network in ECM, RNDIS or MBIM, two interfaces come before the others */
	{ 0x2c7c, 0x0125, { 4, 5 }, 6, BIT(0) | BIT(1) }, /* EC25, EG25 */
	{ 0x2c7c, 0x0121, { 4, 5 }, 6, BIT(0) | BIT(1) }, /* EC21 */
	{ 0x2c7c, 0x0128, { 5, NONE }, 0, 0 },
	{ 0x2c7c, 0x0901, { NONE, NONE }, 0, 0 }, /* EC200U and others: firmware decides */
	{ 0x2c7c, 0x6001, { NONE, NONE }, 0, 0 },
	{ 0x2c7c, 0x6002, { NONE, NONE }, 0, 0 },
	{ 0x2c7c, 0x6005, { NONE, NONE }, 0, 0 },
	{ 0x2c7c, 0x6007, { NONE, NONE }, 0, 0 },
	{ 0x2c7c, 0x6026, { NONE, NONE }, 0, 0 },
	{ 0x2c7c, ANY_PID, { 2, 3 }, 0, 0 },
	/* Qualcomm's own ids */
	{ 0x05c6, 0x9215, { 2, 3 }, 0, 0 },      /* EC20 */
	{ 0x05c6, 0x9003, { 2, 3 }, 0, BIT(4) }, /* UC20 */
	{ 0x05c6, 0x9090, { 2, 3 }, 0, 0 },      /* UC15 */
	{ 0x05c6, 0x908b, { 1, 2 }, 0, 0 },
	{ 0x05c6, ANY_PID, { 2, 3 }, 0, 0 },
	/* SIMCom */
	{ 0x1e0e, 0x9011, { 4, 5 }, 0, BIT(2) }, /* A7600, A7602 */
	{ 0x1e0e, 0x9100, { 3, 1 }, 0, 0 },
	{ 0x1e0e, 0x9200, { 3, 1 }, 0, 0 },
	{ 0x1e0e, 0x9205, { 2, 3 }, 0, 0 }, /* SIM7070, SIM7080, SIM7090 */
	{ 0x1e0e, 0x9206, { 2, 5 }, 0, 0 },
	{ 0x1e0e, ANY_PID, { 2, 3 }, 0, 0 }, /* SIM7600, SIM7500, SIM7100 */
	/* Huawei tells by the interface's class */
	{ 0x12d1, 0x1001, { 2, 0 }, 0, 0 },
	{ 0x12d1, 0x140c, { NONE, 0 }, 0, BIT(1) }, /* E173 */
	/* ZTE */
	{ 0x19d2, 0x0001, { 0, 2 }, 0, 0 },
	{ 0x19d2, 0x0016, { 2, 1 }, 0, 0 },
	{ 0x19d2, 0x0017, { 2, 1 }, 0, 0 },
	{ 0x19d2, 0x0031, { 3, 1 }, 0, 0 },
	{ 0x19d2, 0x0037, { 3, 1 }, 0, 0 },
	{ 0x19d2, 0x0063, { 3, 1 }, 0, 0 },
	{ 0x19d2, 0x0064, { 2, 0 }, 0, 0 },
	{ 0x19d2, 0x0108, { 3, 1 }, 0, 0 },
	{ 0x19d2, 0x0117, { 2, 1 }, 0, 0 }, /* MF190, MF667 */
	{ 0x19d2, 0x0124, { 4, 1 }, 0, 0 },
	{ 0x19d2, 0x0128, { 4, 1 }, 0, 0 },
	{ 0x19d2, 0x2003, { 3, 1 }, 0, 0 },
	/* Telit */
	{ 0x1bc7, 0x1003, { 0, 2 }, 0, 0 }, /* HE910 */
	{ 0x1bc7, 0x1004, { 0, 3 }, 0, BIT(2) },
	{ 0x1bc7, 0x1005, { 0, 3 }, 0, BIT(2) },
	{ 0x1bc7, 0x1006, { 0, 2 }, 0, 0 },
	{ 0x1bc7, 0x1031, { 1, 2 }, 0, 0 },
	{ 0x1bc7, 0x1033, { 1, 2 }, 0, 0 },
	{ 0x1bc7, 0x1101, { 1, 2 }, 0, 0 },
	{ 0x1bc7, 0x1201, { 4, 5 }, 0, 0 }, /* LE910 */
	{ 0x1bc7, 0x1204, { 5, 6 }, 0, 0 },
	/* Cinterion */
	{ 0x1e2d, 0x0061, { 2, 0 }, 0, BIT(4) }, /* PLS8: interface 0 is also the one for data */
	{ 0x1e2d, 0x00b3, { 2, NONE }, 0, BIT(4) },
	{ 0x1e2d, ANY_PID, { 0, 2 }, 0, BIT(4) },
	/* u-blox */
	{ 0x1546, 0x1010, { 6, NONE }, 0, BIT(2) | BIT(4) | BIT(8) },         /* TOBY-L4 */
	{ 0x1546, 0x1102, { 0, 2 }, 0, BIT(6) | BIT(8) | BIT(10) | BIT(12) }, /* LISA-U2 */
	{ 0x1546, 0x1104, { 0, NONE }, 0, BIT(2) | BIT(4) | BIT(6) },
	{ 0x1546, 0x1107, { 0, 2 }, 0, BIT(6) | BIT(8) | BIT(10) }, /* TOBY-R2 */
	{ 0x1546, 0x110a, { 0, 2 }, 0, BIT(6) | BIT(8) | BIT(10) }, /* LARA-R2 */
	/* Fibocom */
	{ 0x1782, 0x4d10, { 0, 5 }, 0, 0 }, /* L610 */
	{ 0x1782, 0x4d11, { 2, 7 }, 0, 0 },
	{ 0x2cb7, 0x0104, { 1, 2 }, 0, 0 }, /* NL668 */
	{ 0x2cb7, 0x01a0, { 2, 3 }, 0, 0 },
	/* Sierra */
	{ 0x1199, ANY_PID, { 3, NONE }, 0, BIT(2) },
};

static const struct module *find_module(const struct tty_info *tty)
{
	for (size_t i = 0; i < sizeof modules / sizeof modules[0]; i++)
		if (modules[i].vid == tty->vid &&
			(modules[i].pid == tty->pid || modules[i].pid == ANY_PID) &&
			tty->interfaces >= modules[i].min)
			return &modules[i];
	return NULL;
}

/* Huawei's ff/01 and ff/02, and the general ff/ff/40 and ff/00/40. */
static int rank_by_class(const struct tty_info *tty, int plain)
{
	int protocol = tty->if_protocol;

	if (tty->if_class != 0xff)
		return plain;
	if (tty->vid == 0x12d1 && (tty->if_subclass == 1 || tty->if_subclass == 2)) {
		if (protocol == 0x02 || protocol == 0x32)
			return RANK_FIRST;
		if (protocol == 0x01 || protocol == 0x31)
			return RANK_SECOND;
		return protocol == 0x03 || protocol == 0x33 ? RANK_LAST : plain;
	}
	if ((tty->if_subclass == 0xff || tty->if_subclass == 0) && protocol == 0x40)
		return RANK_CLASS;
	if (tty->if_subclass == 0xff && (protocol == 0x30 || protocol == 0x60))
		return RANK_LAST; /* diagnostics, positions */
	return plain;
}

int usb_at_rank(const struct tty_info *tty)
{
	const struct module *module = find_module(tty);
	int interface = tty->place.interface;

	if (module && interface >= 0 && interface < 32 && (module->never & BIT(interface)))
		return USB_NO_AT;
	if (module && interface == module->at[0])
		return RANK_FIRST;
	if (module && interface == module->at[1])
		return RANK_SECOND;
	return rank_by_class(tty, RANK_PLAIN + (interface > 0 ? interface : 0));
}
