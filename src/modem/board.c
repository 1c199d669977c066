/* board.c - what can be done to the USB device at a modem's place, step by step. */
#include "modem/board.h"

#include <errno.h>

enum {
	DOWN_MS = 1000, /* a device without authorization, before it gets it back */
	ON_TRIES = 5,
	ON_AGAIN_MS = 500,
};

/* What is off must not stay off. */
static int switch_on(const struct board_usb *usb, enum board_act act)
{
	int err = usb->act(usb->arg, act);

	for (int n = 1; err < 0 && n < ON_TRIES; n++) {
		usb->wait(usb->arg, ON_AGAIN_MS);
		err = usb->act(usb->arg, act);
	}
	return err;
}

int board_usb_reset(const struct board_usb *usb, const struct board_timing *timing, bool again)
{
	int err;

	(void)timing;
	if (!again && usb->act(usb->arg, BOARD_RESET) == 0)
		return 0;
	err = usb->act(usb->arg, BOARD_DEAUTHORIZE);
	if (err < 0)
		return err;
	usb->wait(usb->arg, DOWN_MS);
	return switch_on(usb, BOARD_AUTHORIZE);
}

int board_port_power(const struct board_usb *usb, const struct board_timing *timing, bool again)
{
	int err = usb->act(usb->arg, BOARD_POWER_OFF);

	(void)again;
	if (err < 0 && err != -ENODEV) /* a device that is not there may be without power */
		return err;
	if (err == 0)
		usb->wait(usb->arg, timing->off_ms);
	return switch_on(usb, BOARD_POWER_ON);
}
