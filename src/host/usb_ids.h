/* usb_ids.h - what a USB device with ttys is: a bridge with a modem at each port, or one module. */
#ifndef SIMGATE_HOST_USB_IDS_H
#define SIMGATE_HOST_USB_IDS_H

#include <stdbool.h>

#include "host/tty_sysfs.h"

enum { USB_NO_AT = -1 };

/* Each tty is a modem of its own where a bridge has it, or where there is no USB device at all; the
 * ttys of any other device are one module. */
struct usb_kind {
	bool bridge;
	bool by_interface, by_port; /* what tells its modems apart; both false: it has one */
};

struct usb_kind usb_kind(const struct tty_info *tty);

/* In which order the ttys of a module are tried, the lowest first; USB_NO_AT: is known to be
 * something else. A hint: firmware and mode move the AT port. */
int usb_at_rank(const struct tty_info *tty);

#endif
