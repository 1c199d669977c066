/* sim_at_module.c - the simulated modem's commands for itself and for the network. */
#include "sim_at.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* One setting of one number: read, test and set. */
static int at_value(struct at_call *call, const char *name, uint8_t *value, uint8_t most)
{
	uint8_t v = *value;

	switch (call->kind) {
	case AT_READ: sim_line(call->modem, "%s: %u", name, *value); return AT_OK;
	case AT_TEST: sim_line(call->modem, "%s: (0-%u)", name, most); return AT_OK;
	case AT_SET:
		if (at_numbers(call->args, &v, 1) != 1 || v > most)
			return AT_ERROR;
		*value = v;
		return AT_OK;
	case AT_DO: break;
	}
	return AT_ERROR;
}

/* ---- who it is ------------------------------------------------------------------------------ */

static int say(struct at_call *call, const char *what)
{
	if (call->kind == AT_SET || !what)
		return AT_ERROR;
	if (call->kind == AT_DO)
		sim_line(call->modem, "%s", what);
	return AT_OK;
}

int at_cgmi(struct at_call *call)
{
	return say(call, call->modem->profile->cgmi);
}

int at_cgmm(struct at_call *call)
{
	return say(call, call->modem->profile->cgmm);
}

int at_cgmr(struct at_call *call)
{
	return say(call, call->modem->profile->cgmr);
}

int at_cgsn(struct at_call *call)
{
	return say(call, call->modem->imei);
}

void at_say_ati(struct sim_modem *modem)
{
	char all[400] = "";
	size_t len = 0;

	for (const char *const *line = modem->profile->ati; *line; line++) {
		bool imei = strlen(*line) > 2 && strcmp(*line + strlen(*line) - 2, ": ") == 0;
		len += (size_t)snprintf(all + len, sizeof(all) - len, "%s%s%s", len ? "\r\n" : "",
			*line, imei ? modem->imei : "");
	}
	sim_line(modem, "%s", all);
}

/* ---- network -------------------------------------------------------------------------------- */

int at_csq(struct at_call *call)
{
	if (call->kind == AT_SET)
		return AT_ERROR;
	sim_line(call->modem, "+CSQ: %u,0", 14 + call->modem->index % 15);
	return AT_OK;
}

static int at_reg(struct at_call *call, const char *name, uint8_t *mode)
{
	const struct sim_profile *profile = call->modem->profile;
	const char *quote = profile->creg_bare ? "" : "\"";
	int stat = sim_modem_stat(call->modem);
	char act[16] = "";

	if (call->kind != AT_READ)
		return at_value(call, name, mode, 2);
	if (profile->act > 0)
		snprintf(act, sizeof(act), ",%d", profile->act);
	if (stat == 1 && profile->creg_home && mode == &call->modem->set.creg)
		stat = profile->creg_home;
	if (*mode == 2 && stat != 0)
		sim_line(call->modem, "%s: 2,%d,%s00A1%s,%s%04X%s%s", name, stat, quote, quote,
			quote, 0x0f00u + call->modem->index, quote, act);
	else
		sim_line(call->modem, "%s: %u,%d", name, *mode, stat);
	return AT_OK;
}

int at_creg(struct at_call *call)
{
	return at_reg(call, "+CREG", &call->modem->set.creg);
}

int at_cgreg(struct at_call *call)
{
	return at_reg(call, "+CGREG", &call->modem->set.cgreg);
}

int at_cereg(struct at_call *call)
{
	if (!call->modem->profile->cereg)
		return at_or(call->modem->profile->unknown, AT_ERROR);
	return at_reg(call, "+CEREG", &call->modem->set.cereg);
}

/* <mode> 2 leaves the network, 0 and 1 look for one, 3 sets the form of the name alone. */
static int set_cops(struct sim_modem *modem, const char *args)
{
	uint8_t v[2] = { 0, modem->set.cops_numeric ? 2 : 0 };

	if (strchr(args, '"'))
		return AT_OK;
	if (at_numbers(args, v, 2) < 1)
		return AT_ERROR;
	modem->set.cops_numeric = v[1] == 2;
	if (v[0] <= 2) {
		modem->set.off_air = v[0] == 2;
		modem->radio_after = true;
	}
	return AT_OK;
}

int at_cops(struct at_call *call)
{
	struct sim_modem *modem = call->modem;
	int stat = sim_modem_stat(modem), act = modem->profile->act;
	char tail[16] = "";

	if (call->kind == AT_SET)
		return set_cops(modem, call->args);
	if (call->kind != AT_READ)
		return AT_ERROR;
	if (act > 0)
		snprintf(tail, sizeof(tail), ",%d", act);
	if (stat != 1 && stat != 5)
		sim_line(modem, "+COPS: 0");
	else if (modem->set.cops_numeric)
		sim_line(modem, "+COPS: 0,2,\"24001\"%s", tail);
	else
		sim_line(modem, "+COPS: 0,0,\"Telia\"%s", tail);
	return AT_OK;
}

/* ---- power ---------------------------------------------------------------------------------- */

int at_cfun(struct at_call *call)
{
	struct sim_modem *modem = call->modem;
	const struct sim_profile *profile = modem->profile;
	unsigned allowed = profile->cfun ? profile->cfun : BIT0 | BIT1 | BIT4;
	uint8_t v[2] = { modem->set.cfun, 0 };

	if (call->kind == AT_READ && profile->cfun_read) {
		sim_line(modem, "%s", profile->cfun_read);
		return AT_OK;
	}
	if (call->kind != AT_SET)
		return at_value(call, "+CFUN", &modem->set.cfun, 4);
	if (at_numbers(call->args, v, 2) < 1 || v[0] > 7 || !(allowed >> v[0] & 1) || v[1] > 1)
		return AT_ERROR;
	modem->off_after = profile->cfun_sleep >> v[0] & 1;
	modem->radio_after = modem->set.cfun != v[0];
	modem->set.cfun = v[0];
	modem->reboot_after = v[1] == 1;
	return AT_OK;
}

int at_cmee(struct at_call *call)
{
	return at_value(call, "+CMEE", &call->modem->set.cmee, 2);
}

int at_ciurc(struct at_call *call)
{
	uint8_t v = call->modem->set.ciurc;
	int result = at_value(call, "+CIURC", &v, 1);

	call->modem->set.ciurc = v != 0;
	return result;
}

int at_cscs(struct at_call *call)
{
	struct sim_modem *modem = call->modem;

	if (call->kind == AT_READ)
		sim_line(modem, "+CSCS: \"%s\"", modem->set.ucs2 ? "UCS2" : "GSM");
	else if (call->kind == AT_TEST)
		sim_line(modem, "+CSCS: (\"GSM\",\"IRA\",\"UCS2\")");
	else if (call->kind == AT_SET)
		modem->set.ucs2 = strcmp(call->args, "\"UCS2\"") == 0;
	else
		return AT_ERROR;
	return AT_OK;
}

/* ---- USSD ----------------------------------------------------------------------------------- */

/* The fault's numbers: before the OK; a release before it; another client's before it. */
enum { USSD_FIRST = 1, USSD_RELEASE_FIRST, USSD_OTHER_FIRST };

/* The digits of a text as septets, filled with CR up to an octet (TS 23.038 6.1.2.3.1). */
static void pack(const char *text, char *out)
{
	unsigned bits = 0, held = 0;
	size_t len = strlen(text);

	for (size_t i = 0; i < len || (len % 8 == 7 && i == len); i++) {
		unsigned septet = i < len ? (unsigned char)text[i] & 0x7f : '\r';
		held |= septet << bits;
		for (bits += 7; bits >= 8; bits -= 8, held >>= 8)
			out += sprintf(out, "%02X", held & 0xff);
	}
	if (bits > 0)
		sprintf(out, "%02X", held & 0xff);
}

static void widen(const char *text, char *out)
{
	for (; *text; text++)
		out += sprintf(out, "%04X", (unsigned char)*text);
	*out = '\0';
}

/* 1,"*100#",15: whether the text is of the form that the profile wants. */
static bool request_fits(const struct sim_modem *modem, const char *args)
{
	const char *open = strchr(args, '"');
	size_t len = open ? strcspn(open + 1, "\"") : 0;
	size_t hex = open ? strspn(open + 1, "0123456789ABCDEFabcdef") : 0;
	enum sim_ussd form = modem->profile->ussd;
	bool wide = form == SIM_USSD_UCS2 || (form == SIM_USSD_BY_CSCS && modem->set.ucs2);

	if (len == 0)
		return false;
	if (form == SIM_USSD_PACKED)
		return hex == len && len % 2 == 0;
	return !wide || form == SIM_USSD_UCS2 || (hex == len && len % 4 == 0);
}

int at_cusd(struct at_call *call)
{
	struct sim_modem *modem = call->modem;
	const struct sim_profile *profile = modem->profile;
	unsigned form = modem->faults.ussd_form;
	char text[64], coded[4 * sizeof(text) + 1], all[SIM_NOTE_MAX];

	if (call->kind != AT_SET || call->args[0] != '1' || sim_modem_stat(modem) == 0)
		return AT_OK;
	if (!strchr(call->args, ','))
		return AT_OK;
	if (!request_fits(modem, call->args))
		return AT_ERROR;
	snprintf(text, sizeof(text), "Your number is %s", modem->card->number);
	if (profile->ussd == SIM_USSD_PACKED)
		pack(text, coded);
	else if (profile->ussd == SIM_USSD_UCS2 ||
		 (profile->ussd == SIM_USSD_BY_CSCS && modem->set.ucs2))
		widen(text, coded);
	else
		snprintf(coded, sizeof(coded), "%s", text);
	snprintf(all, sizeof(all), "+CUSD: 0,\"%s%s\",%d", coded,
		profile->ussd_tail ? profile->ussd_tail : "",
		profile->ussd_dcs ? profile->ussd_dcs : 15);
	if (form == USSD_RELEASE_FIRST)
		sim_line(modem, "+CUSD: 2");
	if (form == USSD_FIRST || form == USSD_RELEASE_FIRST) {
		sim_line(modem, "%s", all);
		return AT_OK;
	}
	if (profile->ussd_amid)
		sim_note(modem, "%s", profile->ussd_amid);
	if (form == USSD_OTHER_FIRST)
		sim_note(modem, "+CUSD: 3");
	sim_note(modem, "%s", all);
	return AT_OK;
}
