/* modem_sim.c - the card in a modem: ready or not, which one, its number; lines about it and the
 * network. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "at/at_args.h"
#include "modem/modem_impl.h"

enum {
	SIM_BUSY_MS = 1000,   /* a card that starts up is asked again so often */
	SIM_ABSENT_MS = 5000, /* an empty holder is looked at so often where no code tells */
	SIM_LOCKED_MS = 30000,
	ICCID_TRIES = 8, /* seconds for which a card that is ready may keep its ICCID back */
	ACT_MAX = 15,    /* TS 27.007 7.3 */
};

/* ---- lines ---------------------------------------------------------------------------------- */

static size_t digits_of(const char *text, int (*is)(int))
{
	size_t len = 0;

	while (is((unsigned char)text[len]))
		len++;
	return len;
}

/* A line that is `min` to `max` digits and nothing else. */
static bool bare_digits(const char *line, size_t min, size_t max, char *out, size_t size)
{
	size_t len = digits_of(line, isdigit);

	if (len < min || len > max || line[len] || len >= size)
		return false;
	memcpy(out, line, len + 1);
	return true;
}

bool modem_on_imei(void *owner, const char *line)
{
	struct modem *modem = owner;
	struct at_args args = at_args_of(line, "+CGSN");
	char number[20]; /* a serial number of the maker's may follow */

	return at_args_text(&args, number, sizeof number) &&
	       bare_digits(number, 14, 16, modem->imei, sizeof modem->imei);
}

bool modem_on_imsi(void *owner, const char *line)
{
	struct modem *modem = owner;
	struct at_args args = at_args_of(line, "+CIMI"); /* some firmware names it */

	return bare_digits(args.at, 14, 15, modem->imsi, sizeof modem->imsi);
}

/* The first run of 18 to 22 hexadecimal digits that can be an ICCID (ITU-T E.118: "89" first), its
 * nibbles swapped back where the modem printed the file as it is (TS 51.011 10.1.1). */
static bool find_iccid(const char *line, char *out)
{
	for (const char *at = line; *at;) {
		size_t len = digits_of(at, isxdigit);
		bool swapped = strncmp(at, "98", 2) == 0;

		if (len >= 18 && len <= 22 && (swapped || strncmp(at, "89", 2) == 0)) {
			for (size_t i = 0; i < len; i++)
				out[i] = (char)toupper(
					(unsigned char)at[swapped && (i ^ 1) < len ? i ^ 1 : i]);
			while (len > 18 && out[len - 1] == 'F')
				len--;
			out[len] = '\0';
			return true;
		}
		at += len ? len : 1;
	}
	return false;
}

bool modem_on_iccid(void *owner, const char *line)
{
	struct modem *modem = owner;

	return find_iccid(line, modem->seen_iccid);
}

/* number,type: false if it is no whole number with its country (E.164). The type tells that where
 * no "+" does (145, TS 24.008 10.5.4.7). */
static bool take_number(struct modem *modem, struct at_args args)
{
	char number[24];
	int type = 0;
	bool plus;

	if (!at_args_text(&args, number, sizeof number))
		return false;
	at_args_int(&args, 0, 255, &type);
	plus = number[0] == '+';
	size_t len = digits_of(number + plus, isdigit);
	if (number[plus + len] || len < 7 || len > 15 || number[plus] == '0')
		return false;
	if (!plus && type != 145)
		return false;
	if (!modem->cnum[0])
		snprintf(modem->cnum, sizeof modem->cnum, "+%s", number + plus);
	return true;
}

/* The name before the number may hold commas and quotes that nobody escaped. */
bool modem_on_cnum(void *owner, const char *line)
{
	for (const char *comma = strchr(line, ','); comma; comma = strchr(comma + 1, ','))
		if (take_number(owner, at_args_of(comma + 1, "")))
			break;
	return true;
}

bool modem_on_cpbr(void *owner, const char *line)
{
	struct at_args args = at_args_of(line, "+CPBR");

	at_args_skip(&args);
	take_number(owner, args);
	return true;
}

static bool named_before(const char *line, const char *word, const char *end)
{
	const char *at = strstr(line, word);

	return at && at < end;
}

bool modem_on_pin_tries(void *owner, const char *line)
{
	struct modem *modem = owner;
	const char *at = line;
	size_t len;

	/* not a digit of a name, as in "PIN2" */
	while (*at && !(isdigit((unsigned char)*at) && at > line && strchr(":,= ", at[-1])))
		at++;
	len = digits_of(at, isdigit);
	if (len == 0 || len > 2)
		return false;
	if (named_before(line, " PUK", at) || named_before(line, " PIN2", at))
		return false; /* a line for each code: that of another one */
	modem->pin_tries = at[0] - '0';
	if (len == 2)
		modem->pin_tries = 10 * modem->pin_tries + (at[1] - '0');
	return true;
}

bool modem_on_cpin(void *owner, const char *line)
{
	struct modem *modem = owner;
	struct at_args args = at_args_of(line, "+CPIN");

	if (!at_args_text(&args, modem->sim_state, sizeof modem->sim_state))
		snprintf(modem->sim_state, sizeof modem->sim_state, "unknown");
	if (strncmp(modem->sim_state, "READY ", 6) == 0) /* the holder's number follows */
		modem->sim_state[5] = '\0';
	return true;
}

bool modem_on_csq(void *owner, const char *line)
{
	struct modem *modem = owner;
	struct at_args args = at_args_of(line, "+CSQ");
	int rssi = 99;

	modem->rssi_dbm = at_args_int(&args, 0, 31, &rssi) ? -113 + 2 * rssi : 0; /* 27.007 8.5 */
	return true;
}

bool modem_on_cops(void *owner, const char *line)
{
	struct modem *modem = owner;
	struct at_args args = at_args_of(line, "+COPS");

	at_args_skip(&args);
	at_args_skip(&args);
	if (!at_args_text(&args, modem->operator_name, sizeof modem->operator_name))
		modem->operator_name[0] = '\0';
	at_args_int(&args, 0, ACT_MAX, &modem->act);
	return true;
}

/* Operator and signal are often asked for later. */
static void say_registered(const struct modem *modem)
{
	struct log_field fields[4] = { LOG_STR("network", modem_reg_name(modem->reg)) };
	size_t count = 1;

	if (modem->operator_name[0])
		fields[count++] = LOG_STR("operator", modem->operator_name);
	if (modem->rssi_dbm)
		fields[count++] = LOG_INT("rssi", modem->rssi_dbm);
	log_info(LOGC_MODEM, modem->id, "registered", fields, "registered, %s",
		modem_reg_name(modem->reg));
}

static void set_reg(struct modem *modem, const char *line, int stat)
{
	enum modem_reg was = modem->reg;

	if (line[2] == 'E')
		modem->reg_eps = reg_of(stat);
	else if (line[2] == 'G')
		modem->reg_ps = reg_of(stat);
	else
		modem->reg_cs = reg_of(stat);
	modem->reg = reg_verdict(modem->reg_cs, modem->reg_ps, modem->reg_eps, modem->act);
	if (modem->reg == was)
		return;
	if (modem->reg == REG_DENIED)
		log_warning(LOGC_MODEM, modem->id, "denied", LOG_FIELDS(LOG_INT("stat", stat)),
			"the network refuses this card: check that it is active");
	else if (modem_registered(modem))
		say_registered(modem);
}

/* Behind <stat>: an area, a cell and the access technology, sometimes a routing area before or
 * after that; with blanks, with quotes or without, with quotes that do not match. */
static void set_act(struct modem *modem, const char *at)
{
	char plain[64];
	struct at_args fields = { plain };
	size_t len = 0;
	int act = -1;

	for (; *at && len + 1 < sizeof plain; at++)
		if (*at != '"' && *at != ' ')
			plain[len++] = *at;
	plain[len] = '\0';
	at_args_skip(&fields);
	at_args_skip(&fields);
	for (int i = 0; i < 2 && act < 0; i++) {
		if (strcspn(fields.at, ",") > 3) /* a cell */
			at_args_skip(&fields);
		else
			at_args_int(&fields, 0, ACT_MAX, &act);
	}
	if (act >= 0)
		modem->act = act;
}

/* n,stat[,...]: a second value that is a cell in hexadecimal marks an unsolicited code. */
bool modem_on_creg(void *owner, const char *line)
{
	struct at_args args = at_args_of(strchr(line, ':') ? strchr(line, ':') : line, "");
	int n, stat;

	if (!at_args_int(&args, 0, 5, &n) || *args.at == '"' || strspn(args.at, "0123456789") > 3 ||
		!at_args_int(&args, 0, 11, &stat))
		return false;
	set_act(owner, args.at);
	set_reg(owner, line, stat);
	return true;
}

bool modem_on_creg_urc(void *owner, const char *line)
{
	struct modem *modem = owner;
	struct at_args args = at_args_of(strchr(line, ':') ? strchr(line, ':') : line, "");
	int stat;

	if (modem_on_creg(owner, line)) { /* some send n as well */
		fsm_post(&modem->fsm, EV_REG, 0);
		return true;
	}
	if (!at_args_int(&args, 0, 11, &stat))
		return false;
	set_act(modem, args.at);
	set_reg(modem, line, stat);
	fsm_post(&modem->fsm, EV_REG, 0);
	return true;
}

/* ---- which card ----------------------------------------------------------------------------- */

void modem_put_iccid(void *owner, struct at_text *text)
{
	struct modem *modem = owner;

	at_put(text, modem->driver->iccid[modem->iccid_cmd]);
}

AT_SCRIPT(cpin, { .cmd = "+CPIN?", .prefix = "+CPIN", .fn = modem_on_cpin, .timeout_ms = 10000 });
AT_SCRIPT(cpin_no_ok, MODEM_ASK_CPIN_NO_OK);
AT_SCRIPT(iccid, MODEM_ASK_ICCID);

void modem_sim_forget(struct modem *modem)
{
	modem->card_id[0] = modem->iccid[0] = modem->imsi[0] = modem->cnum[0] = '\0';
	modem->number[0] = modem->operator_name[0] = modem->sim_state[0] = '\0';
	modem->number_source = STORE_NUMBER_UNKNOWN;
	modem->number_conflict = false;
	modem->reg = modem->reg_cs = modem->reg_ps = modem->reg_eps = REG_NONE;
	modem->rssi_dbm = 0;
	modem->act = modem->pin_tries = -1;
	modem->poll_wanted = modem->card_wanted = modem->number_wanted = false;
	modem->look_wanted = modem->stale = false;
	loop_timer_stop(&modem->card_timer);
	modem->poll_failures = modem->iccid_tries = 0;
	modem->poll_cut = POLL_WHOLE;
	modem_pin_end(modem);
	modem_ussd_end(modem, "the card is gone");
	modem_sms_end(modem);
}

void modem_sim_enter(struct modem *modem)
{
	modem_sim_forget(modem);
	modem_sim_timeout(modem);
}

/* Time to look at the card. */
void modem_sim_timeout(struct modem *modem)
{
	if (!at_idle(&modem->at) || modem->card_id[0] || modem_pin_holds(modem)) {
		fsm_set_timeout(&modem->fsm, SIM_BUSY_MS);
		return;
	}
	modem->card_wanted = false;
	modem->sim_state[0] = '\0';
	modem_run(modem, JOB_CPIN, modem->driver->quirks & QUIRK_CPIN_NO_OK ? &cpin_no_ok : &cpin);
}

void modem_sim_not_ready(struct modem *modem, const char *what, int64_t again_ms, bool lasts)
{
	if (strcmp(modem->fsm.why, what) != 0) {
		log_notice(LOGC_MODEM, modem->id, lasts && !modem->out_said ? "sim_out" : NULL,
			LOG_FIELDS(LOG_STR("reason", what)), "no card to work with: %s", what);
		modem->out_said = modem->out_said || lasts;
	}
	snprintf(modem->fsm.why, sizeof modem->fsm.why, "%s", what);
	modem->pin.wanted = modem->pin.blocked = false;
	fsm_set_timeout(&modem->fsm, again_ms);
	if (lasts && !modem->settled) {
		modem->settled = true;
		modem->env->changed(modem->env->arg, modem);
	}
}

/* TS 27.007 8.3: it waits for somebody; all else passes, or was half a word. */
static bool is_lock(const char *state)
{
	return strncmp(state, "PH-", 3) == 0 || strncmp(state, "SIM P", 5) == 0;
}

int modem_card_code(const struct at_report *report)
{
	enum { CMS_FIRST = 310 };
	static const int codes[] = { CME_NO_SIM, CME_PIN, 5, CME_SIM_FAILURE, 14, 15, CME_PUK };
	int n = report->code - CMS_FIRST;

	if (report->result != AT_FAILED || report->family == AT_PLAIN)
		return -1;
	if (report->family == AT_CME)
		return report->code;
	return n >= 0 && n < (int)(sizeof codes / sizeof codes[0]) ? codes[n] : -1;
}

static void cpin_failed(struct modem *modem, const struct at_report *report)
{
	char text[24];
	int code = modem_card_code(report);
	int64_t waited_ms = loop_ran_since(modem->env->loop, modem->fsm.since_ms);

	if (code == CME_PIN) {
		modem_pin_locked(modem);
	} else if (code == CME_PUK) {
		modem_pin_blocked(modem);
	} else if (code == CME_NO_SIM) {
		modem_card_over(modem);
		modem_sim_not_ready(modem, "no card", SIM_ABSENT_MS, true);
	} else if (waited_ms < modem->driver->timing.sim_ready_ms) {
		modem_sim_not_ready(modem, "card busy", SIM_BUSY_MS, false);
	} else {
		snprintf(text, sizeof text, "card error %d", code);
		modem_sim_not_ready(modem, text, SIM_ABSENT_MS, true);
		if (code >= CME_SIM_FAILURE)
			modem_card_fails(modem, text);
	}
}

/* A card that was being identified is so again; of one that is at work only the number was asked.
 */
static void card_not_stored(struct modem *modem)
{
	if (!modem->card_id[0])
		return;
	if (modem->fsm.state == MODEM_SIM) {
		modem_sim_forget(modem);
		fsm_set_timeout(&modem->fsm, SIM_ABSENT_MS);
	} else {
		modem->number_wanted = true;
		modem_store_again(modem);
	}
}

/* Whose texts the module's memory holds: the last card's. Only while that memory was not read since
 * (a restart came in between) it is still what it was, and with yet another card nobody can tell.
 */
static void note_module(struct modem *modem, const char *last_card)
{
	bool same_module = strcmp(modem->module.imei, modem->imei) == 0;

	if (!modem->module.unread || !same_module)
		snprintf(modem->module.owner, sizeof modem->module.owner, "%s", last_card);
	else if (strcmp(modem->module.card, modem->card_id) != 0)
		modem->module.owner[0] = '\0';
	modem->module.unread = true;
	snprintf(modem->module.card, sizeof modem->module.card, "%s", modem->card_id);
	snprintf(modem->module.imei, sizeof modem->module.imei, "%s", modem->imei);
}

static const char *source_text(enum store_source source)
{
	switch (source) {
	case STORE_NUMBER_USSD: return "its operator";
	case STORE_NUMBER_SIM: return "the card itself";
	case STORE_NUMBER_FILE: return "the numbers file";
	case STORE_NUMBER_SET: return "what was set by hand";
	case STORE_NUMBER_UNKNOWN:
	case STORE_SOURCES: break;
	}
	return "nobody";
}

static void say_conflict(struct modem *modem, const struct store_card *card)
{
	bool declared = card->rival_sources[0] >= STORE_NUMBER_FILE;

	log_warning(LOGC_MODEM, modem->id, "number_conflict",
		LOG_FIELDS(LOG_CARD("card", card->card_id), LOG_NUMBER("one", card->rivals[0]),
			LOG_NUMBER("other", card->rivals[1])),
		"%s and %s name different numbers for the card: it is not in the list; %s",
		source_text(card->rival_sources[0]), source_text(card->rival_sources[1]),
		declared ? "correct the numbers file, or simgatectl numbers forget"
			 : "put the right one into the numbers file");
}

/* Sources that disagree: said once for a card and what the weaker source says. */
static void look_disputed(struct modem *modem, const struct store_card *card)
{
	const char *other = card->conflict ? card->rivals[1] : card->other;
	bool said = strcmp(modem->disputed.card, card->card_id) == 0 &&
		    strcmp(modem->disputed.other, other) == 0;

	modem->number_conflict = card->conflict;
	if (said)
		return;
	snprintf(modem->disputed.card, sizeof modem->disputed.card, "%s", card->card_id);
	snprintf(modem->disputed.other, sizeof modem->disputed.other, "%s", other);
	if (card->conflict)
		say_conflict(modem, card);
	else if (other[0])
		log_notice(LOGC_MODEM, modem->id, NULL,
			LOG_FIELDS(LOG_CARD("card", card->card_id),
				LOG_NUMBER("number", card->number), LOG_NUMBER("other", other)),
			"the card's number is that of %s; %s names another",
			source_text(card->source), source_text(card->other_source));
}

static void on_card_stored(void *arg, int err, const struct store_card *card)
{
	struct modem *modem = arg;

	modem->pending--;
	if (modem->dead)
		return;
	if (err) {
		card_not_stored(modem);
		return;
	}
	if (strcmp(card->card_id, modem->card_id) != 0)
		return; /* another card came meanwhile */
	if (strcmp(modem->number, card->number) != 0)
		log_info(LOGC_MODEM, modem->id, card->number[0] ? "number_known" : NULL,
			LOG_FIELDS(LOG_NUMBER("number", card->number),
				LOG_STR("source", source_text(card->source)),
				LOG_INT("freed", card->freed)),
			"%s",
			card->number[0] ? "the card's number is known"
					: "the card's number is not known any more");
	look_disputed(modem, card);
	snprintf(modem->number, sizeof modem->number, "%s", card->number);
	modem->number_source = card->source;
	if (modem->fsm.state != MODEM_SIM)
		return;
	if (!card->number[0] && !card->conflict)
		log_warning(LOGC_MODEM, modem->id, NULL,
			LOG_FIELDS(LOG_CARD("card", modem->card_id)),
			"the card's own number is not known: its texts wait; add it to the numbers "
			"file");
	note_module(modem, card->last_card);
	fsm_post(&modem->fsm, EV_CARD, 0);
}

void modem_tell_store(struct modem *modem)
{
	struct store_card_seen seen = {
		.bank = modem->bank,
		.slot = modem->slot,
		.imei = modem->imei,
		.card_id = modem->card_id,
		.iccid = modem->iccid,
		.imsi = modem->imsi,
		.sim_number = modem->cnum,
		.ussd_number = modem->ussd.number,
		.now_ms = loop_wall_ms(modem->env->loop),
	};

	modem->pending++;
	store_card_seen(modem->env->store, &seen, on_card_stored, modem);
}

/* ICCID, else IMSI, else the place and the module that is in it. */
static void card_known(struct modem *modem)
{
	if (modem->iccid[0])
		snprintf(modem->card_id, sizeof modem->card_id, "%s", modem->iccid);
	else if (modem->imsi[0])
		snprintf(modem->card_id, sizeof modem->card_id, "imsi-%s", modem->imsi);
	else
		snprintf(modem->card_id, sizeof modem->card_id, "%.100s-%s", modem->id,
			modem->imei[0] ? modem->imei : "unknown");
	modem->out_said = false;
	log_info(LOGC_MODEM, modem->id, "sim_in",
		LOG_FIELDS(LOG_CARD("card", modem->card_id), LOG_CARD("imsi", modem->imsi)),
		"a card is in");
	modem_pin_known(modem);
	modem_tell_store(modem);
}

void modem_number_changed(struct modem *modem)
{
	modem->number_wanted = false;
	if (modem->card_id[0] && !modem->dead)
		modem_tell_store(modem);
}

void modem_card_changed(struct modem *modem)
{
	if (modem->fsm.state == MODEM_SIM)
		fsm_post(&modem->fsm, EV_SIM_LOOK, 0);
}

void modem_sim_script(struct modem *modem, enum modem_job job, const struct at_report *report)
{
	if (modem->fsm.state != MODEM_SIM)
		return;
	if (job == JOB_CPIN) {
		if (report->result != AT_OK ||
			!modem->sim_state[0]) { /* an OK alone says nothing */
			cpin_failed(modem, report);
		} else if (strcmp(modem->sim_state, "READY") == 0) {
			modem_pin_ready(modem);
			modem->iccid_cmd = 0;
			modem->seen_iccid[0] = '\0';
			modem_run(modem, JOB_ICCID, &iccid);
		} else if (strcmp(modem->sim_state, "SIM PIN") == 0) {
			modem_pin_locked(modem);
		} else if (strcmp(modem->sim_state, "SIM PUK") == 0) {
			modem_pin_blocked(modem);
		} else {
			modem_sim_not_ready(modem, modem->sim_state,
				is_lock(modem->sim_state) ? SIM_LOCKED_MS : SIM_ABSENT_MS, true);
		}
	} else if (job == JOB_ICCID) {
		if (!modem->seen_iccid[0] && modem->driver->iccid[modem->iccid_cmd + 1]) {
			modem->iccid_cmd++;
			modem_run(modem, JOB_ICCID, &iccid);
			return;
		}
		/* Numbers belong to the ICCID: what is read before it is known has none. */
		if (!modem->seen_iccid[0] && ++modem->iccid_tries < ICCID_TRIES) {
			modem_sim_not_ready(modem, "no ICCID yet", SIM_BUSY_MS, false);
			return;
		}
		snprintf(modem->iccid, sizeof modem->iccid, "%s", modem->seen_iccid);
		modem_run(modem, JOB_CARD, modem->driver->scripts.card);
	} else {
		card_known(modem);
	}
}
