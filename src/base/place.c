/* place.c - where a tty sits: USB paths, a bank's root, what a slot is called. Pure. */
#include "base/place.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/config.h"

#define USB "-usb-0"

enum { NUMBER_MAX = 9999 };

/* A number at *text, read past it; -1: none. */
static int take_number(const char **text)
{
	int value = 0;
	const char *c = *text;

	for (; *c >= '0' && *c <= '9' && value <= NUMBER_MAX; c++)
		value = 10 * value + (*c - '0');
	if (c == *text || value > NUMBER_MAX)
		return -1;
	*text = c;
	return value;
}

/* "1.2.3" at *text, read past it. */
static bool take_ports(const char **text)
{
	const char *c = *text;

	while (take_number(&c) > 0) {
		*text = c;
		if (*c++ != '.')
			return true;
	}
	return false;
}

/* ":CFG.IF" at *text, read past it. */
static bool take_interface(const char **text, int *config, int *interface)
{
	const char *c = *text;
	int n;

	if (*c++ != ':' || (n = take_number(&c)) < 0 || *c++ != '.')
		return false;
	*interface = take_number(&c);
	*config = n;
	*text = c;
	return *interface >= 0;
}

/* The last "-usb-0" that ends a word. */
static const char *find_usb(const char *path)
{
	const char *found = NULL, *at = path;

	while ((at = strstr(at, USB)) != NULL) {
		at += strlen(USB);
		if (*at == ':' || *at == '\0')
			found = at;
	}
	return found;
}

int place_parse(const char *id_path, int port, struct place *out)
{
	struct place place = { "", PLACE_ANY, PLACE_ANY, port };
	const char *end = id_path + strlen(id_path), *usb = find_usb(id_path);

	if (usb) {
		if (*usb++ != ':' || !take_ports(&usb))
			return -EINVAL;
		end = usb;
		if (*usb && (!take_interface(&usb, &place.config, &place.interface) || *usb))
			return -EINVAL;
	}
	if (end == id_path)
		return -EINVAL;
	if ((size_t)(end - id_path) >= sizeof place.device)
		return -ENAMETOOLONG;
	memcpy(place.device, id_path, (size_t)(end - id_path));
	*out = place;
	return 0;
}

const char *place_below(const char *device, const char *root)
{
	size_t len = strlen(root);

	if (strncmp(device, root, len) != 0)
		return NULL;
	if (!device[len])
		return device + len;
	if (find_usb(root))
		return device[len] == '.' || device[len] == ':' ? device + len + 1 : NULL;
	/* a controller: the dots and colons are those of its own address */
	if (strncmp(device + len, USB, strlen(USB)) != 0)
		return NULL;
	len += strlen(USB);
	return device[len] == ':' ? device + len + 1 : device[len] ? NULL : device + len;
}

const char *place_root_fault(const char *text)
{
	const char *usb = find_usb(text);
	char clean[PLACE_PATH_SIZE];
	struct place place;

	if (strlen(text) >= PLACE_PATH_SIZE)
		return "is too long";
	config_clean_name(text, clean, sizeof clean);
	for (size_t i = 0; text[i]; i++)
		if (clean[i] != text[i] && text[i] != ':')
			return "is no path: A-Z a-z 0-9 . _ - : alone";
	if (usb && usb - text == (ptrdiff_t)strlen(USB))
		return "lacks the controller before -usb-0";
	if (!usb && strncmp(text, "pci-", 4) != 0 && strncmp(text, "platform-", 9) != 0)
		return "is no path; write what udev calls ID_PATH, without the interface: "
		       "pci-0000:00:14.0-usb-0:1";
	if (place_parse(text, PLACE_ANY, &place) < 0)
		return usb && !*usb ? NULL : "is no path in the USB topology";
	return place.interface == PLACE_ANY
		       ? NULL
		       : "names an interface; leave it out, or write it behind slot.LABEL";
}

void place_hub(const char *device, char *out, size_t size)
{
	const char *usb = find_usb(device);
	const char *dot = strrchr(device, '.');
	const char *end = device + strlen(device);

	if (usb)
		end = dot > usb ? dot : usb;
	snprintf(out, size, "%.*s", (int)(end - device), device);
}

int place_spec_parse(const char *text, struct place_spec *out)
{
	struct place_spec spec = { "", PLACE_ANY, PLACE_ANY, PLACE_ANY };
	const char *end = text;

	if (*text >= '0' && *text <= '9' && !take_ports(&end))
		return -EINVAL;
	if (!*text || (size_t)(end - text) >= sizeof spec.path)
		return -EINVAL;
	memcpy(spec.path, text, (size_t)(end - text));
	if (*end == ':' && !take_interface(&end, &spec.config, &spec.interface))
		return -EINVAL;
	if (strncmp(end, "-port", 5) == 0) {
		end += 5;
		spec.port = take_number(&end);
		if (spec.port < 0)
			return -EINVAL;
	}
	if (*end)
		return -EINVAL;
	*out = spec;
	return 0;
}

static bool fits(int a, int b)
{
	return a == PLACE_ANY || b == PLACE_ANY || a == b;
}

bool place_spec_covers(const struct place_spec *spec, const char *below, const struct place *place)
{
	return strcmp(spec->path, below) == 0 &&
	       (spec->config == PLACE_ANY || spec->config == place->config) &&
	       (spec->interface == PLACE_ANY || spec->interface == place->interface) &&
	       (spec->port == PLACE_ANY || spec->port == place->port);
}

bool place_spec_overlap(const struct place_spec *a, const struct place_spec *b)
{
	return strcmp(a->path, b->path) == 0 && fits(a->config, b->config) &&
	       fits(a->interface, b->interface) && fits(a->port, b->port);
}

void place_name(const char *below, const struct place *place, bool by_interface, bool by_port,
	char *out, size_t size)
{
	char text[PLACE_PATH_SIZE + 40];
	int len = snprintf(text, sizeof text, "%s", below);

	if (by_interface && place->interface != PLACE_ANY)
		len += snprintf(text + len, sizeof text - (size_t)len, "%s%d.%d", len ? ":" : "",
			place->config, place->interface);
	if (by_port && place->port != PLACE_ANY)
		len += snprintf(text + len, sizeof text - (size_t)len, "%sport%d", len ? "-" : "",
			place->port);
	config_clean_name(len ? text : "modem", out, size);
}
