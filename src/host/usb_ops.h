/* usb_ops.h - what can be done to a USB device from outside: reset, switch off and on, port power.
 */
#ifndef SIMGATE_HOST_USB_OPS_H
#define SIMGATE_HOST_USB_OPS_H

#include <stdbool.h>
#include <stddef.h>

/* These block: a reset for some 100 ms, a device that hangs for many seconds. Call them from a
 * helper thread. They keep no state and write no log, so any thread may call them, for different
 * devices at the same time.
 *
 * Behind a USB-serial bridge each of them reaches the bridge alone, not the modems: those have
 * their own supply. */

enum { USB_WHY_SIZE = 256 };

/* A device as it was last seen. name changes with each plug, path does not; both have to fit. */
struct usb_target {
	const char *path; /* "pci-0000:00:14.0-usb-0:1.2" */
	const char *name; /* "1-1.2", the last part of its place in sysfs */
};

/* Where sysfs and the device nodes are, and how an ioctl is done: tests bring a folder and their
 * own. */
struct usb_ops_env {
	const char *sys, *dev;
	int (*ioctl)(int fd, unsigned long request); /* -1 and errno, as ioctl(2) */
};

extern const struct usb_ops_env usb_ops_real;

/* One action. Refuses a device that is not at its path any more (-ESTALE) or not there (-ENODEV).
 * 0, or a negative errno and a sentence in why (USB_WHY_SIZE) that names the file and says what to
 * do. */
typedef int usb_op_fn(const struct usb_ops_env *env, const struct usb_target *target, char *why);

struct usb_op {
	const char *name;
	usb_op_fn *run;
};

enum usb_action {
	USB_RESET, /* USBDEVFS_RESET: drivers let go of it and come back, so its ttys hang up */
	USB_DEAUTHORIZE, /* its interfaces are taken down */
	USB_AUTHORIZE,   /* and come up again */
	USB_POWER_OFF,   /* its port of the hub, where the hub can; udev may not hear of it */
	USB_POWER_ON,    /* needs no device to be there */
	USB_ACTIONS
};

extern const struct usb_op usb_ops[USB_ACTIONS];

#endif
