/* port_usb.h - where in the USB topology a serial device is, as sysfs tells it. */
#ifndef SIMGATE_PORT_PORT_USB_H
#define SIMGATE_PORT_PORT_USB_H

enum { PORT_USB_PARENT_SIZE = 256 };

struct port_usb {
	char parent[PORT_USB_PARENT_SIZE]; /* the USB device, below the root; "": none */
	int interface;                     /* bInterfaceNumber; -1: none */
};

/* Whose interface a device is. No parent: it is on no USB device, behind a bridge (what is behind
 * a bridge's channels need not be one module), or sysfs does not tell. root: "/sys", or a folder in
 * a test; NULL: nothing is looked up. Reads some links and small files, none of a device's own. */
void port_usb_of(const char *root, const char *device, struct port_usb *out);

#endif
