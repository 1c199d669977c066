/* sim_faults.c - by name, what can be wrong with a simulated modem. */
#include "ctl.h"
#include "sim.h"

#include <string.h>

enum { NUMBER_MAX = 10000000 };

/* A flag, or a number; one with both wants the number. */
struct fault {
	const char *name;
	bool *flag;
	unsigned *number;
};

static const char *set(struct sim_modem *modem, const struct fault *fault, const char *value)
{
	long number = 0;

	if (fault->number && !ctl_number(value, 0, NUMBER_MAX, &number))
		return "fault I NAME NUMBER";
	if (fault->number)
		*fault->number = (unsigned)number;
	if (fault->flag)
		*fault->flag = true;
	if (fault->number == &modem->faults.busy_ms) /* from now on; and after each restart */
		modem->times.sms_us = sim_now_us() + number * 1000;
	modem->times.reboot_us = 0;
	sim_modem_activate(modem);
	return NULL;
}

const char *sim_fault_set(struct sim_modem *modem, const char *name, const char *value)
{
	struct sim_faults *f = &modem->faults;
	const struct fault faults[] = {
		{ "silent", &f->silent, NULL },
		{ "silent_after", &f->silent_armed, &f->silent_after },
		{ "garbage", &f->garbage, NULL },
		{ "urc_in_list", &f->urc_in_list, NULL },
		{ "no_ok", &f->no_ok, NULL },
		{ "endless", &f->endless, NULL },
		{ "deaf", &f->deaf, NULL },
		{ "error_storm", &f->error_storm, NULL },
		{ "sticky_echo", &f->sticky_echo, NULL },
		{ "no_codes", &f->no_codes, NULL },
		{ "csms_refused", &f->csms_refused, NULL },
		{ "csms_no_mt", &f->csms_no_mt, NULL },
		{ "cnma_error", NULL, &f->cnma_error },
		{ "ack_ms", NULL, &f->ack_ms },
		{ "list_shape", NULL, &f->list_shape },
		{ "cmti_form", NULL, &f->cmti_form },
		{ "ussd_form", NULL, &f->ussd_form },
		{ "late", NULL, &f->late_ms },
		{ "cmgd_error", NULL, &f->cmgd_error },
		{ "cmgd_lies", NULL, &f->cmgd_lies },
		{ "list_error", NULL, &f->list_error },
		{ "hang_list", NULL, &f->hang_list },
		{ "heals", NULL, &f->heals },
		{ "cms_busy", NULL, &f->cms_busy },
		{ "busy", NULL, &f->busy_ms },
		{ "glued", NULL, &f->glued },
		{ "split", NULL, &f->split },
		{ "reboots", NULL, &f->reboot_every_ms },
		{ "slow_baud", NULL, &f->slow_bytes_s },
	};

	for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++)
		if (strcmp(faults[i].name, name) == 0)
			return set(modem, &faults[i], value);
	return "no such fault";
}

void sim_fault_cure(struct sim_modem *modem, enum sim_cure cure)
{
	struct sim_faults *f = &modem->faults;

	if (f->heals == 0 || f->heals > (unsigned)cure)
		return;
	f->deaf = f->endless = f->garbage = f->error_storm = false;
	f->list_error = f->hang_list = 0;
}
