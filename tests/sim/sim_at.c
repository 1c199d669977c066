/* sim_at.c - the simulated modem's AT interpreter and the commands that see no messages. */
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

static bool is_sim800(const struct at_call *call)
{
	return call->modem->world->family == SIM_FAMILY_SIM800;
}

/* One setting of one number: read, test and set. */
static int at_value(struct at_call *call, const char *name, uint8_t *value, uint8_t most)
{
	uint8_t v = *value;

	switch (call->kind) {
	case AT_READ: sim_modem_line(call->modem, "%s: %u", name, *value); return AT_OK;
	case AT_TEST: sim_modem_line(call->modem, "%s: (0-%u)", name, most); return AT_OK;
	case AT_SET:
		if (at_numbers(call->args, &v, 1) != 1 || v > most)
			return AT_ERROR;
		*value = v;
		return AT_OK;
	case AT_DO: break;
	}
	return AT_ERROR;
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

static int say(struct at_call *call, const char *sim800, const char *generic)
{
	if (call->kind == AT_SET)
		return AT_ERROR;
	if (call->kind == AT_DO)
		sim_modem_line(call->modem, "%s", is_sim800(call) ? sim800 : generic);
	return AT_OK;
}

static int at_cgmi(struct at_call *call)
{
	return say(call, "SIMCOM_Ltd", "Plain Radio");
}

static int at_cgmm(struct at_call *call)
{
	return say(call, "SIMCOM_SIM800L", "PR-2000");
}

static int at_cgmr(struct at_call *call)
{
	return say(call, "Revision:1418B05SIM800L24", "PR2000.01.07");
}

static int at_cgsn(struct at_call *call)
{
	return say(call, call->modem->imei, call->modem->imei);
}

static int sim_absent(struct at_call *call)
{
	if (sim_modem_sim_asks(call->modem))
		return AT_CME + 11;
	return call->modem->sim_in ? AT_CME + 13 : AT_CME + 10;
}

static int at_cimi(struct at_call *call)
{
	if (!sim_modem_sim_ready(call->modem))
		return sim_absent(call);
	return say(call, call->modem->card->imsi, call->modem->card->imsi);
}

static int at_ccid(struct at_call *call)
{
	const char *iccid = call->modem->card->iccid;

	if (call->modem->world->no_ccid || call->kind == AT_SET)
		return AT_ERROR;
	if (!sim_modem_sim_ready(call->modem) && !sim_modem_sim_asks(call->modem))
		return sim_absent(call);
	if (call->kind == AT_TEST)
		return AT_OK;
	if (is_sim800(call))
		sim_modem_line(call->modem, "%s", iccid);
	else
		sim_modem_line(call->modem, "+CCID: %s%s", iccid, strlen(iccid) % 2 ? "F" : "");
	return AT_OK;
}

/* READ BINARY of EF ICCID alone (TS 51.011 10.1.1): nibbles swapped, filled with F. */
static int at_crsm(struct at_call *call)
{
	const char *iccid = call->modem->card->iccid;
	size_t n = strlen(iccid);
	char swapped[24];

	if (call->kind != AT_SET)
		return AT_ERROR;
	if (!sim_modem_sim_ready(call->modem))
		return sim_absent(call);
	if (call->modem->world->no_ccid || strncmp(call->args, "176,12258", 9) != 0) {
		sim_modem_line(call->modem, "+CRSM: 106,130,\"\"");
		return AT_OK;
	}
	memset(swapped, 'F', sizeof(swapped));
	for (size_t i = 0; i < n; i++)
		swapped[i ^ 1] = iccid[i];
	sim_modem_line(call->modem, "+CRSM: 144,0,\"%.20s\"", swapped);
	return AT_OK;
}

/* TS 27.007 8.3: the third wrong one blocks the card. */
static int give_pin(struct sim_modem *modem, const char *pin)
{
	struct sim_card *card = modem->card;

	if (!sim_modem_sim_asks(modem))
		return AT_CME + 3;
	if (card->pin_tries == 0)
		return AT_CME + 12;
	if (*pin == '"' && strncmp(pin + 1, card->pin, strlen(card->pin)) == 0 &&
		strcmp(pin + 1 + strlen(card->pin), "\"") == 0) {
		card->pin_tries = 3;
		modem->unlocked = true;
		sim_modem_announce(modem);
		sim_pump(modem);
		return AT_OK;
	}
	card->pin_tries--;
	card->pin_wrong++;
	return AT_CME + 16;
}

static int at_cpin(struct at_call *call)
{
	if (call->kind == AT_SET)
		return give_pin(call->modem, call->args);
	if (call->kind != AT_READ)
		return AT_ERROR;
	if (sim_modem_sim_asks(call->modem))
		sim_modem_line(call->modem, "+CPIN: SIM %s",
			call->modem->card->pin_tries > 0 ? "PIN" : "PUK");
	else if (sim_modem_sim_ready(call->modem))
		sim_modem_line(call->modem, "+CPIN: READY");
	else if (!is_sim800(call))
		return sim_absent(call);
	else
		sim_modem_line(call->modem, "+CPIN: %s",
			call->modem->sim_in ? "NOT READY" : "NOT INSERTED");
	return AT_OK;
}

static int at_cnum(struct at_call *call)
{
	const char *number = call->modem->card->number;

	if (call->kind != AT_DO)
		return AT_ERROR;
	if (!sim_modem_sim_ready(call->modem))
		return sim_absent(call);
	if (call->modem->world->no_cnum)
		return AT_OK;
	if (is_sim800(call))
		sim_modem_line(call->modem, "+CNUM: \"\",\"%s\",145,7,4", number);
	else
		sim_modem_line(call->modem, "+CNUM: ,\"%s\",145", number);
	return AT_OK;
}

static int at_csq(struct at_call *call)
{
	if (call->kind == AT_SET)
		return AT_ERROR;
	sim_modem_line(call->modem, "+CSQ: %u,0", 14 + call->modem->index % 15);
	return AT_OK;
}

static int at_reg(struct at_call *call, const char *name, uint8_t *mode)
{
	int stat = sim_modem_stat(call->modem);

	if (call->kind != AT_READ)
		return at_value(call, name, mode, 2);
	if (*mode == 2 && stat != 0)
		sim_modem_line(call->modem, "%s: 2,%d,\"00A1\",\"%04X\"", name, stat,
			0x0f00u + call->modem->index);
	else
		sim_modem_line(call->modem, "%s: %u,%d", name, *mode, stat);
	return AT_OK;
}

static int at_creg(struct at_call *call)
{
	return at_reg(call, "+CREG", &call->modem->set.creg);
}

static int at_cgreg(struct at_call *call)
{
	return at_reg(call, "+CGREG", &call->modem->set.cgreg);
}

static int at_cereg(struct at_call *call)
{
	return is_sim800(call) ? AT_ERROR : at_reg(call, "+CEREG", &call->modem->set.cereg);
}

static int at_cops(struct at_call *call)
{
	struct sim_modem *modem = call->modem;
	int stat = sim_modem_stat(modem);
	uint8_t v[2] = { 0, modem->set.cops_numeric ? 2 : 0 };

	if (call->kind == AT_SET) {
		if (at_numbers(call->args, v, 2) < 1)
			return AT_ERROR;
		modem->set.cops_numeric = v[1] == 2;
	} else if (call->kind != AT_READ) {
		return AT_ERROR;
	} else if (stat != 1 && stat != 5) {
		sim_modem_line(modem, "+COPS: 0");
	} else if (modem->set.cops_numeric) {
		sim_modem_line(modem, "+COPS: 0,2,\"24001\"");
	} else {
		sim_modem_line(modem, "+COPS: 0,0,\"Telia\"");
	}
	return AT_OK;
}

static int at_cfun(struct at_call *call)
{
	struct sim_modem *modem = call->modem;
	uint8_t v[2] = { modem->set.cfun, 0 };

	if (call->kind != AT_SET)
		return at_value(call, "+CFUN", &modem->set.cfun, 4);
	if (at_numbers(call->args, v, 2) < 1 || (v[0] != 0 && v[0] != 1 && v[0] != 4) || v[1] > 1)
		return AT_ERROR;
	modem->radio_after = modem->set.cfun != v[0];
	modem->set.cfun = v[0];
	modem->reboot_after = v[1] == 1;
	return AT_OK;
}

static int at_cmee(struct at_call *call)
{
	return at_value(call, "+CMEE", &call->modem->set.cmee, 2);
}

static int at_flag(struct at_call *call, bool *flag)
{
	uint8_t v = *flag;
	int result = at_value(call, "+FLAG", &v, 2);

	*flag = v != 0;
	return result;
}

static int at_csdt(struct at_call *call)
{
	return at_flag(call, &call->modem->set.csdt);
}

static int at_ciurc(struct at_call *call)
{
	return at_flag(call, &call->modem->set.ciurc);
}

static int at_cusd(struct at_call *call)
{
	if (call->kind == AT_SET && call->args[0] == '1' && sim_modem_stat(call->modem) == 1)
		sim_modem_line(call->modem, "+CUSD: 0,\"Your number is %s\",15",
			call->modem->card->number);
	return AT_OK;
}

static const struct at_command commands[] = {
	{ "+CCID", at_ccid, false },
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
	{ "+CPIN", at_cpin, false },
	{ "+CPMS", at_cpms, true },
	{ "+CRC", at_accept, false },
	{ "+CREG", at_creg, false },
	{ "+CRSM", at_crsm, false },
	{ "+CSCS", at_accept, false },
	{ "+CSDT", at_csdt, false },
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

static int unknown(struct sim_modem *modem)
{
	modem->counts.unknown++;
	return modem->world->family == SIM_FAMILY_SIM800 ? AT_ERROR : AT_CME + 100;
}

static int run_extended(struct sim_modem *modem, char *text)
{
	size_t name_len = strcspn(text, "=?");
	struct at_call call = { .modem = modem, .kind = AT_DO, .args = text + name_len };

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
		if (c->sms && modem->faults.cms_busy > 0) {
			modem->faults.cms_busy--;
			return AT_CMS + 314;
		}
		return c->fn(&call);
	}
	return unknown(modem);
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
	switch (letter) {
	case 'E':
		if (modem->world->echo != SIM_ECHO_STICKY)
			modem->set.echo = value != 0;
		return AT_OK;
	case 'I':
		sim_modem_line(modem, "%s",
			modem->world->family == SIM_FAMILY_SIM800
				? "SIM800 R14.18"
				: "Plain Radio\r\nPR-2000\r\nRevision: PR2000.01.07");
		return AT_OK;
	case 'Z':
		modem->set.echo = modem->world->echo != SIM_ECHO_OFF;
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
	sim_modem_put(modem, noise, n);
}

static void put_final(struct sim_modem *modem, int result)
{
	if (result == AT_OK && modem->faults.no_ok)
		modem->faults.no_ok = false;
	else if (result == AT_OK)
		sim_modem_line(modem, "OK");
	else if (result >= AT_CMS)
		sim_modem_line(modem, "+CMS ERROR: %d", result - AT_CMS);
	else if (result >= AT_CME && modem->set.cmee > 0)
		sim_modem_line(modem, "+CME ERROR: %d", result - AT_CME);
	else
		sim_modem_line(modem, "ERROR");
}

void sim_at_execute(struct sim_modem *modem, char *line)
{
	struct sim_faults *faults = &modem->faults;
	char *text = line;

	while (*text && strncasecmp(text, "AT", 2) != 0)
		text++;
	if (!*text)
		return;
	modem->counts.commands++;
	if (faults->silent_armed && faults->silent_after-- == 0) {
		faults->silent_armed = false;
		faults->silent = true;
	}
	if (faults->silent)
		return;
	if (faults->garbage) {
		put_garbage(modem);
		return;
	}
	if (modem->listing) /* it hears nothing any more */
		return;
	if (faults->errors) {
		put_final(modem, AT_ERROR);
		return;
	}
	int result = run_commands(modem, text + 2);
	if (!modem->listing)
		put_final(modem, result);
}
