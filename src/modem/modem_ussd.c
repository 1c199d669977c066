/* modem_ussd.c - codes to the network: for the card's own number, and for the operator. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "at/at_args.h"
#include "modem/modem_impl.h"

enum {
	SEND_MS = 10000,   /* for the modem to take the code */
	ANSWER_MS = 30000, /* for the network, from then on */
	MORE_MS = 3000,    /* "released" and "other client" may come before the answer itself */
	WANTED_MS = 25000, /* for the channel, where the operator waits */
	TRIES_A_DAY = 3,
	PAUSE_MS = 20000, /* before the second try; twice that before the third */
	LINES_MAX = 16,   /* of an answer */
};

#define DAY_MS   (INT64_C(24) * 60 * 60 * 1000)
#define FRESH_MS (30 * DAY_MS) /* a number that an operator told is asked for again after that */

/* TS 27.007 7.15 */
enum { USSD_DONE, USSD_REPLY, USSD_RELEASED, USSD_OTHER, USSD_UNKNOWN, USSD_NETWORK_LATE };

static enum ussd_form form_of(const struct modem *modem)
{
	if (modem->driver->quirks & QUIRK_USSD_PACKED)
		return USSD_PACKED;
	return modem->driver->quirks & QUIRK_USSD_UCS2 ? USSD_UCS2 : USSD_PLAIN;
}

static void put_code(void *owner, struct at_text *text)
{
	struct modem *modem = owner;
	char code[4 * USSD_CODE_SIZE + 1];

	if (!ussd_encode(modem->ussd.code, form_of(modem), code, sizeof code)) {
		text->refused = true;
		return;
	}
	at_put(text, "+CUSD=1,");
	at_put_quoted(text, code);
	at_put(text, ",15");
}

AT_SCRIPT(ussd_send,
	{ .build = put_code, .prefix = "+CUSD", .fn = modem_on_cusd, .timeout_ms = SEND_MS });
AT_SCRIPT(ussd_stop, { .cmd = "+CUSD=2", .may_fail = true });

/* ---- the end of a session ------------------------------------------------------------------- */

/* A number was looked for; there is none, or it could not be asked for. */
static void say_none(struct modem *modem, const char *why)
{
	log_info(LOGC_MODEM, modem->id, NULL,
		LOG_FIELDS(LOG_CARD("card", modem->card_id), LOG_INT("try", modem->ussd.tries),
			LOG_STR("reason", why)),
		"the operator did not tell the card's number");
}

static void take_number(struct modem *modem, const char *text)
{
	struct modem_ussd *ussd = &modem->ussd;

	if (!ussd_number(text, modem->imsi, ussd->number, sizeof ussd->number)) {
		say_none(modem, "no number in its answer");
		return;
	}
	ussd->known_ms = loop_now_ms(modem->env->loop);
	log_debug(LOGC_MODEM, modem->id, NULL, LOG_FIELDS(LOG_NUMBER("number", ussd->number)),
		"the operator told the card's number");
	modem_tell_store(modem);
}

/* Whoever asked is told, once. error NULL: there is an answer. */
static void tell(struct modem *modem, const char *error)
{
	struct modem_ussd *ussd = &modem->ussd;
	char text[USSD_TEXT_SIZE] = "";

	loop_timer_stop(&ussd->timer);
	if (!error)
		ussd_decode(ussd->raw, ussd->dcs, form_of(modem), text);
	if (ussd->done)
		ussd->done(ussd->arg, error, ussd->status, text);
	else if (error)
		say_none(modem, error);
	else
		take_number(modem, text);
	ussd->done = NULL;
}

/* No number came: the next try needs a wake-up. */
static void try_later(struct modem *modem)
{
	struct modem_ussd *ussd = &modem->ussd;
	int64_t wait_ms = ussd->next_ms - loop_now_ms(modem->env->loop);

	if (ussd->step == USSD_IDLE && !modem->number[0] && ussd->tries > 0 &&
		ussd->tries < TRIES_A_DAY)
		loop_timer_start(&ussd->timer, wait_ms > 0 ? wait_ms : 0);
}

/* end: the network may still think that there is a session. */
static void close_session(struct modem *modem, const char *error, bool end)
{
	modem->ussd.step = end ? USSD_OVER : USSD_IDLE;
	modem->ussd.open = 0;
	tell(modem, error);
	try_later(modem);
	if (end)
		modem_work_soon(modem);
}

void modem_ussd_end(struct modem *modem, const char *why)
{
	struct modem_ussd *ussd = &modem->ussd;
	bool asked = ussd->step != USSD_IDLE && ussd->step != USSD_OVER && ussd->done;

	ussd->step = USSD_IDLE;
	ussd->open = 0;
	ussd->number[0] = '\0';
	loop_timer_stop(&ussd->timer);
	if (asked)
		tell(modem, why);
}

static void on_timer(void *arg)
{
	struct modem *modem = arg;
	struct modem_ussd *ussd = &modem->ussd;

	switch (ussd->step) {
	case USSD_IDLE: modem_work_soon(modem); break; /* time for another try */
	case USSD_WANTED: close_session(modem, "the modem has no time for it", false); break;
	case USSD_SENT:
	case USSD_ANSWER:
		if (ussd->answered || ussd->open)
			close_session(modem, NULL, false);
		else
			close_session(modem, "the network did not answer in time", true);
		break;
	case USSD_OVER: break;
	}
}

/* ---- answers -------------------------------------------------------------------------------- */

/* An answer is whole. */
static void answered(struct modem *modem)
{
	struct modem_ussd *ussd = &modem->ussd;

	switch (ussd->status) {
	case USSD_UNKNOWN:
		close_session(modem, "the network does not know this code", false);
		break;
	case USSD_NETWORK_LATE: close_session(modem, "the network gave up waiting", false); break;
	case USSD_RELEASED:
	case USSD_OTHER:
		ussd->answered = ussd->status == USSD_RELEASED && ussd->raw[0];
		loop_timer_start(&ussd->timer, MORE_MS);
		break;
	case USSD_DONE:
	case USSD_REPLY: close_session(modem, NULL, ussd->status == USSD_REPLY); break;
	}
}

static void add_raw(struct modem_ussd *ussd, const char *text, size_t len)
{
	size_t have = strlen(ussd->raw);

	if (len > USSD_RAW_MAX - have)
		len = USSD_RAW_MAX - have;
	memcpy(ussd->raw + have, text, len);
	ussd->raw[have + len] = '\0';
}

/* Behind the closing quote: ,dcs */
static void take_end(struct modem_ussd *ussd, const char *quote)
{
	struct at_args args = { quote + 1 + (quote[1] == ',') };

	ussd->dcs = -1;
	at_args_int(&args, 0, 255, &ussd->dcs);
}

/* m[,"text"[,dcs]]: the last quote of the line closes, for there may be others in the text. */
bool modem_on_cusd(void *owner, const char *line)
{
	struct modem *modem = owner;
	struct modem_ussd *ussd = &modem->ussd;
	struct at_args args = at_args_of(line, "+CUSD");
	const char *open, *close;
	int status;

	if (!at_args_int(&args, 0, 5, &status))
		return false;
	if (ussd->step != USSD_SENT && ussd->step != USSD_ANSWER) {
		log_debug(LOGC_MODEM, modem->id, NULL, LOG_FIELDS(LOG_INT("status", status)),
			"a message of the network's that nobody asked for");
		return true;
	}
	ussd->status = status;
	ussd->dcs = -1;
	ussd->raw[0] = '\0';
	open = strchr(args.at, '"');
	close = strrchr(args.at, '"');
	if (!open) {
		at_args_text(&args, ussd->raw, sizeof ussd->raw);
		at_args_int(&args, 0, 255, &ussd->dcs);
	} else if (open == close) {
		add_raw(ussd, open + 1, strlen(open + 1));
		ussd->open = LINES_MAX;
		loop_timer_start(&ussd->timer, MORE_MS);
		return true;
	} else {
		add_raw(ussd, open + 1, (size_t)(close - open - 1));
		take_end(ussd, close);
	}
	answered(modem);
	return true;
}

/* A line within the quotes of an answer. Codes and results are none. */
bool modem_ussd_line(struct modem *modem, const char *line)
{
	struct modem_ussd *ussd = &modem->ussd;
	const char *close = strrchr(line, '"');
	bool code = (*line == '+' && line[1] >= 'A' && line[1] <= 'Z') || *line == '^' ||
		    strcmp(line, "OK") == 0 || strcmp(line, "ERROR") == 0;

	if (ussd->open == 0)
		return false;
	if (!code) {
		add_raw(ussd, "\n", 1);
		add_raw(ussd, line, close ? (size_t)(close - line) : strlen(line));
	}
	if (!code && !close && --ussd->open > 0)
		return true;
	if (code && strcmp(line, "OK") != 0 && strcmp(line, "ERROR") != 0)
		return false; /* it came in between */
	ussd->open = 0;
	if (close && !code)
		take_end(ussd, close);
	answered(modem);
	return !code;
}

/* ---- asking --------------------------------------------------------------------------------- */

static void start(struct modem *modem)
{
	struct modem_ussd *ussd = &modem->ussd;

	ussd->step = USSD_SENT;
	ussd->raw[0] = '\0';
	ussd->status = ussd->dcs = -1;
	ussd->answered = false;
	ussd->open = 0;
	loop_timer_start(&ussd->timer, SEND_MS + ANSWER_MS);
	modem_run(modem, JOB_USSD, &ussd_send);
}

/* Whether the card's number is to be asked for now. */
static bool number_due(struct modem *modem)
{
	struct modem_ussd *ussd = &modem->ussd;
	int64_t now_ms = loop_now_ms(modem->env->loop);
	bool told = modem->number_source == STORE_NUMBER_USSD;
	const char *code;

	if (modem->fsm.state != MODEM_READY || !modem->imsi[0] || modem->number_conflict ||
		modem->number_wanted || (modem->number[0] && !told) || !modem->env->ussd_number)
		return false;
	if (strcmp(ussd->card, modem->card_id) != 0) {
		snprintf(ussd->card, sizeof ussd->card, "%s", modem->card_id);
		ussd->tries = 0;
		ussd->known_ms = ussd->next_ms = now_ms;
	}
	if (told && now_ms - ussd->known_ms < FRESH_MS)
		return false;
	if (ussd->tries > 0 && now_ms - ussd->day_ms >= DAY_MS)
		ussd->tries = 0;
	if (ussd->tries >= TRIES_A_DAY || now_ms < ussd->next_ms)
		return false;
	code = modem->env->ussd_number(modem->env->arg, modem->imsi);
	if (!code || !ussd_is_code(code))
		return false;
	snprintf(ussd->code, sizeof ussd->code, "%s", code);
	if (ussd->tries++ == 0)
		ussd->day_ms = now_ms;
	ussd->next_ms = now_ms + SEND_MS + ANSWER_MS + (int64_t)PAUSE_MS * ussd->tries;
	return true;
}

bool modem_ussd_next(struct modem *modem)
{
	struct modem_ussd *ussd = &modem->ussd;

	switch (ussd->step) {
	case USSD_WANTED: start(modem); return true;
	case USSD_OVER: modem_run(modem, JOB_USSD_END, &ussd_stop); return true;
	case USSD_SENT:
	case USSD_ANSWER: return false;
	case USSD_IDLE: break;
	}
	if (!number_due(modem))
		return false;
	start(modem);
	return true;
}

/* The modem took the code, or did not; the answer may have come before. */
void modem_ussd_script(struct modem *modem, enum modem_job job, const struct at_report *report)
{
	struct modem_ussd *ussd = &modem->ussd;

	if (job == JOB_USSD_END && ussd->step == USSD_OVER) {
		ussd->step = USSD_IDLE;
		try_later(modem);
	} else if (ussd->step == USSD_SENT) {
		ussd->step = USSD_ANSWER;
		if (report->result == AT_FAILED || report->result == AT_REFUSED)
			close_session(modem, "the modem refused the code", false);
		else if (!ussd->answered)
			loop_timer_start(&ussd->timer, ANSWER_MS);
	}
}

int modem_ussd_ask(struct modem *modem, const char *code,
	void (*done)(void *arg, const char *error, int status, const char *text), void *arg)
{
	struct modem_ussd *ussd = &modem->ussd;

	if (!ussd_is_code(code))
		return -EINVAL;
	if (modem->dead || modem->fsm.state != MODEM_READY)
		return -ENETDOWN;
	if (ussd->step != USSD_IDLE)
		return -EBUSY;
	snprintf(ussd->code, sizeof ussd->code, "%s", code);
	ussd->done = done;
	ussd->arg = arg;
	ussd->step = USSD_WANTED;
	loop_timer_start(&ussd->timer, WANTED_MS);
	modem_work_soon(modem);
	return 0;
}

void modem_ussd_init(struct modem *modem)
{
	loop_timer_init_patient(&modem->ussd.timer, modem->env->loop, on_timer, modem);
}
