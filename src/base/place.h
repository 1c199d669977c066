/* place.h - where a tty sits: USB paths, a bank's root, what a slot is called. Pure. */
#ifndef SIMGATE_BASE_PLACE_H
#define SIMGATE_BASE_PLACE_H

#include <stdbool.h>
#include <stddef.h>

enum {
	PLACE_PATH_SIZE = 200,
	PLACE_ANY = -1, /* no such part, or any */
};

/* A device's path as udev writes it (ID_PATH), without the interface, and which of its ttys it is.
 * No number in it changes with the order of discovery: "usb-0" is a constant, not a bus. */
struct place {
	char device[PLACE_PATH_SIZE]; /* "pci-0000:00:14.0-usb-0:1.2.3" */
	int config, interface;        /* PLACE_ANY: no USB device */
	int port;                     /* of a chip with several behind one interface */
};

/* What stands behind `slot.LABEL =`: PATH[:CFG.IF][-portN], below the bank's root. */
struct place_spec {
	char path[PLACE_PATH_SIZE];  /* "1.2"; "" is the root itself */
	int config, interface, port; /* PLACE_ANY: whichever */
};

/* id_path: "...-usb-0:1.2:1.0", or that of a UART without USB. port: PLACE_ANY if it has none.
 * -EINVAL: no path, or ports that are no numbers; -ENAMETOOLONG. */
int place_parse(const char *id_path, int port, struct place *out);

/* What a device's path adds to a bank's root: "1.2"; "" for the root itself; NULL where it does not
 * lie below it. "...-usb-0:1" is no root of "...-usb-0:12", "pci-0000:00" none of anything. */
const char *place_below(const char *device, const char *root);

/* What keeps a text from being a bank's root; NULL: nothing. A root is a USB device or hub
 * ("...-usb-0:1.2"), a USB bus ("...-usb-0") or a controller ("pci-0000:00:14.0"). */
const char *place_root_fault(const char *text);

/* The path of the hub that a device is plugged into; of its bus at the top. */
void place_hub(const char *device, char *out, size_t size);

/* -EINVAL where the text has another form. */
int place_spec_parse(const char *text, struct place_spec *out);

/* below: what place_below() said. */
bool place_spec_covers(const struct place_spec *spec, const char *below, const struct place *place);

/* One tty could be in both. */
bool place_spec_overlap(const struct place_spec *a, const struct place_spec *b);

/* What a slot without a label is called: the path below the root, cleaned; with the interface and
 * the port where the device has several modems, so "1.2_1.0" or "1.2-port3". */
void place_name(const char *below, const struct place *place, bool by_interface, bool by_port,
	char *out, size_t size);

#endif
