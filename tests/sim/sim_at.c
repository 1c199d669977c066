/* sim_at.c - the simulated modem's AT interpreter. */
#include "sim_at.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct at_command {
	const char *name;
	at_fn *fn;
	bool sms;
};

int at_numbers(const char *args, uint8_t *out, int most)
{
	int n = 0;

	while (n < most) {
		size_t digits = strspn(args, "0123456789");
		if (digits > 3)
			return -1;
		if (digits > 0) {
			long v = strtol(args, NULL, 10);
			if (v > 255)
				return -1;
			out[n] = (uint8_t)v;
		}
		n++;
		args += digits;
		if (*args == '\0')
			return n;
		if (*args++ != ',')
			return -1;
	}
	return -1;
}

int at_or(int result, int usual)
{
	return result ? result : usual;
}

static int at_accept(struct at_call *call)
{
	(void)call;
	return AT_OK;
}

static int at_refuse(struct at_call *call)
{
	(void)call;
	return AT_ERROR;
}

static const struct at_command commands[] = {
	{ "+CCID", at_refuse, false },
	{ "+CEREG", at_cereg, false },
	{ "+CFUN", at_cfun, false },
	{ "+CGMI", at_cgmi, false },
	{ "+CGMM", at_cgmm, false },
	{ "+CGMR", at_cgmr, false },
	{ "+CGREG", at_cgreg, false },
	{ "+CGSN", at_cgsn, false },
	{ "+CICCID", at_refuse, false },
	{ "+CIMI", at_cimi, false },
	{ "+CIURC", at_ciurc, false },
	{ "+CLIP", at_accept, false },
	{ "+CLTS", at_accept, false },
	{ "+CMEE", at_cmee, false },
	{ "+CMGD", at_cmgd, true },
	{ "+CMGF", at_cmgf, true },
	{ "+CMGL", at_cmgl, true },
	{ "+CMGR", at_cmgr, true },
	{ "+CNMA", at_cnma, true },
	{ "+CNMI", at_cnmi, true },
	{ "+CNUM", at_cnum, false },
	{ "+COPS", at_cops, false },
	{ "+CPBR", at_cpbr, false },
	{ "+CPBS", at_cpbs, false },
	{ "+CPIN", at_cpin, false },
	{ "+CPMS", at_cpms, true },
	{ "+CRC", at_accept, false },
	{ "+CREG", at_creg, false },
	{ "+CRSM", at_crsm, false },
	{ "+CSCS", at_cscs, false },
	{ "+CSMS", at_csms, true },
	{ "+CSQ", at_csq, false },
	{ "+CUSD", at_cusd, false },
	{ "+GMI", at_cgmi, false },
	{ "+GMM", at_cgmm, false },
	{ "+GMR", at_cgmr, false },
	{ "+GSN", at_cgsn, false },
	{ "+ICF", at_accept, false },
	{ "+IFC", at_accept, false },
	{ "+IPR", at_accept, false },
	{ "+QCCID", at_refuse, false },
};

/* "+A +B ": whether the name is one of them. */
static bool accepted(const struct sim_profile *profile, const char *text, size_t name_len)
{
	const char *at = profile->accepts;

	for (; at && *at; at += strcspn(at, " ") + 1)
		if (strcspn(at, " ") == name_len && strncasecmp(at, text, name_len) == 0)
			return true;
	return false;
}

static int unknown(struct sim_modem *modem, const char *text, size_t name_len)
{
	if (accepted(modem->profile, text, name_len))
		return AT_OK;
	modem->counts.unknown++;
	return at_or(modem->profile->unknown, AT_ERROR);
}

/* What a whole command does beside its answer. */
static void switch_codes(struct sim_modem *modem, const char *text)
{
	const struct sim_profile *profile = modem->profile;
	const struct sim_chatter *chatter = profile->chatter;

	if (sim_profile_has(profile->quiet, text))
		modem->set.quiet = true;
	if (sim_profile_has(profile->full_enable, text))
		modem->set.full_codes = true;
	for (int i = 0; chatter && chatter[i].text; i++)
		if (sim_profile_has(chatter[i].off, text))
			modem->set.chatter_off[i] = true;
	if (sim_profile_has(profile->card_enable, text)) {
		modem->card_armed = true;
		modem->set.card_codes = modem->set.card_codes || !profile->card_later;
	}
}

/* A restart, or the power; false: the command is something else. */
static bool switch_power(struct sim_modem *modem, const char *text)
{
	modem->reboot_after = sim_profile_has(modem->profile->restart, text);
	modem->off_after = sim_profile_has(modem->profile->off, text);
	return modem->reboot_after || modem->off_after;
}

/* Before the PIN: a strict one takes no other command, and none takes all (TS 27.007 8.3). */
static bool locked(const struct sim_modem *modem, const char *text)
{
	return modem->profile->pin_strict && modem->sim_in && modem->sim_locked &&
	       strncasecmp(text, "+CPIN", 5) != 0 && strncasecmp(text, "+CMEE", 5) != 0 &&
	       (!modem->profile->tries.command ||
		       strcasecmp(modem->profile->tries.command, text) != 0);
}

static bool sms_busy(struct sim_modem *modem)
{
	if (modem->faults.cms_busy == 0)
		return sim_boot_sms_busy(modem);
	modem->faults.cms_busy--;
	return true;
}

static int run_extended(struct sim_modem *modem, char *text)
{
	size_t name_len = strcspn(text, "=?");
	struct at_call call = { .modem = modem, .kind = AT_DO, .args = text + name_len };
	int result;

	if (locked(modem, text))
		return AT_CME + 11;
	switch_codes(modem, text);
	if (switch_power(modem, text) || at_card_own(modem, text, &result))
		return modem->reboot_after || modem->off_after ? AT_OK : result;
	if (strcmp(call.args, "?") == 0)
		call.kind = AT_READ;
	else if (strcmp(call.args, "=?") == 0)
		call.kind = AT_TEST;
	else if (*call.args == '=')
		call.kind = AT_SET;
	else if (*call.args != '\0')
		return AT_ERROR;
	if (call.kind == AT_SET)
		call.args++;
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		const struct at_command *c = &commands[i];
		if (strlen(c->name) != name_len || strncasecmp(c->name, text, name_len) != 0)
			continue;
		return c->sms && sms_busy(modem) ? at_or(modem->profile->sms_busy, AT_CMS + 314)
						 : c->fn(&call);
	}
	return unknown(modem, text, name_len);
}

/* One of V.250's letters with its number; moves *text behind it. */
static int run_basic(struct sim_modem *modem, char **text)
{
	char letter = (char)toupper((unsigned char)*(*text)++);
	bool amp = letter == '&';
	long value;

	if (amp)
		letter = (char)toupper((unsigned char)*(*text)++);
	if (letter == '\0')
		return AT_ERROR;
	if (letter == 'S') /* a register: S0=0 */
		*text += strspn(*text, "0123456789=");
	value = strtol(*text, text, 10);
	if (amp && letter != 'F')
		return strchr("WVCDKS", letter) ? AT_OK : AT_ERROR;
	if (amp)
		letter = 'Z'; /* the factory's settings are the stored ones */
	if (modem->profile->pin_strict && modem->sim_in && modem->sim_locked && letter != 'E')
		return AT_CME + 11;
	switch (letter) {
	case 'E':
		if (modem->world->echo != SIM_ECHO_STICKY)
			modem->asked->echo = value != 0;
		return AT_OK;
	case 'I': at_say_ati(modem); return AT_OK;
	case 'Z':
		modem->asked->echo = modem->world->echo != SIM_ECHO_OFF;
		modem->set.cmee = 0;
		memset(modem->set.cnmi, 0, sizeof(modem->set.cnmi));
		return AT_OK;
	}
	return strchr("QVXSHLM", letter) ? AT_OK : AT_ERROR;
}

/* The commands of one line, to the first that fails (V.250 5.6). */
static int run_commands(struct sim_modem *modem, char *text)
{
	while (*text) {
		int result;
		if (*text == ' ' || *text == ';') {
			text++;
			continue;
		}
		if (strchr("+^#$*%", *text)) {
			char *end = text;
			for (bool quoted = false; *end && (quoted || *end != ';'); end++)
				quoted ^= *end == '"';
			char *next = *end ? end + 1 : end;
			*end = '\0';
			result = run_extended(modem, text);
			text = next;
		} else {
			result = run_basic(modem, &text);
		}
		if (result != AT_OK)
			return result;
	}
	return AT_OK;
}

static void put_garbage(struct sim_modem *modem)
{
	char noise[80];
	size_t n = 20 + sim_random(modem->world) % 60;

	for (size_t i = 0; i < n; i++)
		noise[i] = (char)sim_random(modem->world);
	sim_put(modem, noise, n);
}

static void put_final(struct sim_modem *modem, int result)
{
	const struct sim_profile *profile = modem->profile;
	const char *blank = profile->tight_errors ? "" : " ";

	if (result == AT_SILENT)
		return;
	if (result == AT_OK && modem->faults.no_ok)
		modem->faults.no_ok = false;
	else if (result == AT_OK)
		sim_final(modem, "OK");
	else if (result >= AT_CMS)
		sim_final(modem, "+CMS ERROR:%s%d", blank, result - AT_CMS);
	else if (result >= AT_CME && modem->set.cmee > 0)
		sim_final(modem, "+CME ERROR:%s%d", blank, result - AT_CME);
	else if (result == AT_UNSUPPORTED && profile->unsupported)
		sim_final(modem, "%s", profile->unsupported);
	else if (result == AT_TOO_MANY && profile->too_many)
		sim_final(modem, "%s", profile->too_many);
	else
		sim_final(modem, "ERROR");
}

/* A fault takes the command: nothing of it is done. */
static bool taken_by_fault(struct sim_modem *modem)
{
	struct sim_faults *faults = &modem->faults;

	if (faults->silent_armed && faults->silent_after-- == 0) {
		faults->silent_armed = false;
		faults->silent = true;
	}
	if (faults->silent)
		return true;
	if (faults->garbage)
		put_garbage(modem);
	else if (faults->error_storm)
		sim_final(modem, "ERROR");
	return faults->garbage || faults->error_storm;
}

void sim_at_execute(struct sim_channel *channel, char *line)
{
	struct sim_modem *modem = channel->modem;
	char *text = line;
	int result;

	while (*text && strncasecmp(text, "AT", 2) != 0)
		text++;
	if (!*text)
		return;
	modem->counts.commands++;
	if (modem->times.pin_us > sim_now_us()) { /* it wanted to be left alone */
		modem->times.pin_us = 0;
		modem->reboot_after = true;
		return;
	}
	if (taken_by_fault(modem))
		return;
	result = run_commands(modem, text + 2);
	if (!modem->faults.silent && !channel->listing)
		put_final(modem, result);
}
