/* ctl_rules.c - `rules`: udev rules for the places of a configuration's banks. */
#include <stdio.h>
#include <string.h>

#include "base/config.h"
#include "cli/ctl.h"

static void print_head(const char *file)
{
	printf("# udev rules by place, from %s: for /etc/udev/rules.d/91-simgate-place.rules.\n"
	       "# Then: udevadm control --reload && udevadm trigger\n"
	       "# They come after the rules that find out what a device is and after brltty's (85 "
	       "or 90).\n"
	       "\n"
	       "ACTION==\"remove\", GOTO=\"simgate_place_end\"\n"
	       "SUBSYSTEM!=\"tty|usb|usb-serial|usbmisc|net\", GOTO=\"simgate_place_end\"\n"
	       "ENV{ID_PATH}==\"\", IMPORT{builtin}=\"path_id\"\n"
	       "ENV{ID_PATH}==\"\", GOTO=\"simgate_place_end\"\n",
		file);
}

/* What is below the root. A controller ends before "-usb-0", a bus before ':'. */
static void print_guard(const struct config_bank *bank, size_t n)
{
	const char *usb = strstr(bank->path, "-usb-0");

	if (!usb)
		printf("ENV{ID_PATH}!=\"%s|%s-usb-0:*\"", bank->path, bank->path);
	else if (strcmp(usb, "-usb-0") == 0)
		printf("ENV{ID_PATH}!=\"%s:*\"", bank->path);
	else
		printf("ENV{ID_PATH}!=\"%s|%s.*|%s:*\"", bank->path, bank->path, bank->path);
	printf(", GOTO=\"simgate_bank%zu_end\"\n", n);
}

static void print_common(void)
{
	puts("# ModemManager and NetworkManager leave these devices alone, net and QMI ports too\n"
	     "ENV{ID_MM_DEVICE_IGNORE}=\"1\", ENV{ID_MM_PORT_IGNORE}=\"1\"\n"
	     "SUBSYSTEM==\"net\", ENV{NM_UNMANAGED}=\"1\"\n"
	     "# brltty takes some bridges for displays: it is not started for these\n"
	     "ENV{SYSTEMD_WANTS}==\"*brltty*\", ENV{SYSTEMD_WANTS}=\"\"\n"
	     "ENV{BRLTTY_BRAILLE_DRIVER}=\"\", ENV{BRLTTY_BRAILLE_DEVICE}=\"\"\n"
	     "# no sleep\n"
	     "SUBSYSTEM==\"usb\", ENV{DEVTYPE}==\"usb_device\", TEST==\"power/control\", "
	     "ATTR{power/control}=\"on\"\n"
	     "# resets by the daemon, which is no root: the device's node, and its switches in "
	     "sysfs\n"
	     "SUBSYSTEM==\"usb\", ENV{DEVTYPE}==\"usb_device\", ATTR{bDeviceClass}!=\"09\", "
	     "GROUP=\"dialout\", MODE=\"0664\", RUN+=\"/bin/sh -c 'cd /sys%p && for f in "
	     "authorized "
	     "port/disable; do [ ! -e $$f ] || { chgrp dialout $$f; chmod 0664 $$f; }; done'\"\n"
	     "# FTDI: bytes come after 1 ms, not after 16\n"
	     "SUBSYSTEM==\"usb-serial\", DRIVERS==\"ftdi_sio\", TEST==\"latency_timer\", "
	     "ATTR{latency_timer}=\"1\"\n"
	     "SUBSYSTEM!=\"tty\", GOTO=\"simgate_place_end\"\n"
	     "GROUP=\"dialout\", MODE=\"0660\"");
}

/* The whole path of a slot's device. */
static void print_path(const struct config_bank *bank, const struct place_spec *spec)
{
	const char *usb = strstr(bank->path, "-usb-0");

	fputs(bank->path, stdout);
	if (!*spec->path)
		return;
	if (!usb)
		fputs("-usb-0:", stdout);
	else
		putchar(strcmp(usb, "-usb-0") == 0 ? ':' : '.');
	fputs(spec->path, stdout);
}

static void print_slot(const struct config_bank *bank, const struct config_slot *slot)
{
	const struct place_spec *spec = &slot->spec;

	fputs("ENV{ID_PATH}==\"", stdout);
	print_path(bank, spec);
	if (spec->interface != PLACE_ANY) {
		printf(":%d.%d", spec->config, spec->interface);
	} else { /* of a device without interfaces, or any of them */
		fputs("|", stdout);
		print_path(bank, spec);
		fputs(":*", stdout);
	}
	putchar('"');
	if (spec->port != PLACE_ANY)
		printf(", ATTRS{port_number}==\"%d\"", spec->port);
	printf(", SYMLINK+=\"simgate/%s/%s%s\"\n", bank->name, slot->label,
		spec->interface == PLACE_ANY ? "-if$env{ID_USB_INTERFACE_NUM}" : "");
}

static void print_bank(const struct config_bank *bank, size_t n)
{
	printf("\n# bank %s\n", bank->name);
	print_guard(bank, n);
	print_common();
	if (bank->slot_count)
		puts("# a slot without an interface: the daemon finds out which of its ttys takes "
		     "commands");
	for (size_t i = 0; i < bank->slot_count; i++)
		print_slot(bank, &bank->slots[i]);
	printf("GOTO=\"simgate_place_end\"\nLABEL=\"simgate_bank%zu_end\"\n", n);
}

enum ctl_exit ctl_rules(struct ctl *ctl, char **args, int count)
{
	struct config_report report;
	struct config *config;
	size_t banks = 0;

	(void)args, (void)count;
	if (!ctl->config)
		return ctl_usage("rules needs -c FILE", "");
	config = config_load(ctl->config, NULL, &report);
	for (size_t i = 0; i < report.count && !config; i++)
		fprintf(stderr, "%s\n", report.lines[i]);
	config_report_free(&report);
	if (!config)
		return CTL_FAILED;
	for (size_t i = 0; i < config->bank_count; i++)
		banks += config->banks[i].path != NULL;
	if (banks) {
		print_head(ctl->config);
		for (size_t i = 0; i < config->bank_count; i++)
			if (config->banks[i].path)
				print_bank(&config->banks[i], i + 1);
		puts("\nLABEL=\"simgate_place_end\"");
	} else {
		fprintf(stderr, "simgatectl: %s has no bank with a path: no rules\n", ctl->config);
	}
	config_free(config);
	return banks ? CTL_OK : CTL_FAILED;
}
