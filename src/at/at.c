/* at.c - the script engine: one command at a time, each line to whom it belongs. */
#include "at/at.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/counter.h"
#include "base/log.h"

/* What the channel waits for. */
enum phase {
	IDLE,
	START,  /* the first command is due */
	ANSWER, /* a final result code */
	GAP,    /* the pause before the next command or the next try */
	QUIET,  /* the end of what a timed-out command may still say */
	PING,   /* the OK to an AT of ours: exactly one */
};

enum { PING_MS = 1000, PINGS_MAX = 3 };

/* ---- what is kept for the operator ----------------------------------------------------------- */

/* A modem in text mode prints bodies behind these headers, for as many lines as they have; the
 * answer to a code goes on until its quote is closed. */
static bool is_body(struct at *at, const char *line)
{
	static const char *const headers[] = { "+CMT:", "+CMGL:", "+CMGR:", "+CDS:", "+CBM:" };
	bool code = strchr("+^#*$%", line[0]) != NULL;

	if (code || strcmp(line, "OK") == 0 || strcmp(line, "ERROR") == 0)
		at->body = false;
	for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++)
		if (strncmp(line, headers[i], strlen(headers[i])) == 0)
			at->body = true;
	if (strncmp(line, "+CUSD:", 6) == 0)
		at->body = strchr(line, '"') && strchr(line, '"') == strrchr(line, '"');
	return at->body && !code && line[strspn(line, "0123456789ABCDEFabcdef")];
}

static void note_line(struct at *at, char dir, const char *line)
{
	struct at_ring_line *entry = &at->ring[at->ring_next++ % AT_RING_LINES];

	if (at->host->trace)
		at->host->trace(at->owner, dir, line);
	entry->wall_ms = loop_wall_ms(at->loop);
	entry->dir = dir;
	if (dir == '>')
		at->body = false;
	if (dir == '<' && is_body(at, line))
		snprintf(entry->line, sizeof entry->line, "<text %zu>", strlen(line));
	else
		at_mask(line, entry->line, sizeof entry->line);
	if (log_wanted(LOGL_DEBUG, LOGC_WIRE, at->object))
		log_debug(LOGC_WIRE, at->object, NULL, NULL, "%c %s", dir, entry->line);
}

const struct at_ring_line *at_ring(const struct at *at, unsigned n)
{
	if (n >= AT_RING_LINES || n >= at->ring_next)
		return NULL;
	return &at->ring[(at->ring_next - 1 - n) % AT_RING_LINES];
}

/* ---- sending -------------------------------------------------------------------------------- */

static const struct at_cmd *this_row(const struct at *at)
{
	return &at->script->rows[at->row];
}

static void wait_for(struct at *at, enum phase phase, int64_t ms)
{
	at->phase = phase;
	loop_timer_start(&at->timer, ms);
}

static void finish(struct at *at, enum at_result result)
{
	struct at_report report = at->report;

	report.script = at->script->name;
	report.step = at->row;
	report.cmd = at->sent.len > 2 ? at->sent.text + 2 : "";
	report.result = result;
	at->script = NULL;
	at->phase = IDLE;
	loop_timer_stop(&at->timer);
	loop_timer_stop(&at->limit);
	at->host->done(at->owner, &report);
}

static void send_text(struct at *at, const char *text, size_t len)
{
	char line[AT_COMMAND_MAX + 1];

	note_line(at, '>', text);
	memcpy(line, text, len);
	line[len] = '\r';
	/* What the port does not take is answered by silence: the timeout deals with both. */
	at->host->write(at->owner, line, len + 1);
	explicit_bzero(line, sizeof line);
}

/* Reports and the log show what was sent: a PIN has no place there. */
static void hide_secret(struct at_text *sent)
{
	char shown[AT_COMMAND_MAX];

	if (!strstr(sent->text, AT_SECRET))
		return;
	at_mask(sent->text, shown, sizeof shown);
	explicit_bzero(sent->text, sizeof sent->text);
	sent->len = 0;
	at_put(sent, shown);
}

static void send_row(struct at *at)
{
	const struct at_cmd *row = this_row(at);

	at->owed = 0;
	at->answered = false;
	at->sent = (struct at_text) { 0 };
	at->report = (struct at_report) { .code = -1 };
	at_put(&at->sent, "AT");
	if (row->build)
		row->build(at->owner, &at->sent);
	else
		at_put(&at->sent, row->cmd);
	if (at->sent.refused) {
		finish(at, AT_REFUSED);
		return;
	}
	send_text(at, at->sent.text, at->sent.len);
	hide_secret(&at->sent);
	wait_for(at, ANSWER, row->timeout_ms ? row->timeout_ms : AT_TIMEOUT_MS);
}

static void next_row(struct at *at)
{
	const struct at_cmd *row = this_row(at);
	/* A command that was sent more than once may be answered more than once. */
	int64_t gap_ms = at->tries > 0 && at->gap_ms < AT_QUIET_MS ? AT_QUIET_MS : at->gap_ms;

	/* Each of the ATs that were sent into silence: as late as the first one was. */
	if (at->tries > 0 && row->cmd && !*row->cmd) {
		at->owed = at->tries;
		at->owed_ms = (at->tries + 2) * row->timeout_ms;
		if (gap_ms < at->owed_ms)
			gap_ms = at->owed_ms;
	}
	at->tries = 0;
	if (at->yield) {
		finish(at, AT_OK);
	} else if (++at->row == at->script->count) {
		at->row--;
		finish(at, AT_OK);
	} else if (gap_ms > 0) {
		wait_for(at, GAP, gap_ms);
	} else {
		send_row(at);
	}
}

int at_run(struct at *at, const struct at_script *script)
{
	if (at->script)
		return -EBUSY;
	at->script = script;
	at->row = 0;
	at->yield = false;
	at->tries = 0;
	wait_for(at, START, 0);
	return 0;
}

void at_yield(struct at *at)
{
	at->yield = true;
}

bool at_idle(const struct at *at)
{
	return !at->script;
}

/* ---- silence, and back into step ------------------------------------------------------------ */

static void resync(struct at *at)
{
	at->resyncs = 0;
	loop_timer_start(&at->limit, AT_RESYNC_MS);
	wait_for(at, QUIET, AT_QUIET_MS);
}

static void on_silence(struct at *at)
{
	const struct at_cmd *row = this_row(at);

	if (at->answered && row->no_ok_ms) {
		next_row(at);
		return;
	}
	at->timeouts++;
	counter_add(COUNTER_AT_TIMEOUTS, 1);
	/* A bare AT that wakes a modem up is simply sent again; its answers are told apart later.
	 */
	if (row->cmd && !*row->cmd && at->tries < row->retries) {
		at->tries++;
		send_row(at);
		return;
	}
	log_debug(LOGC_AT, at->object, NULL, NULL, "no answer to %s, getting back into step",
		at->sent.text);
	resync(at);
}

/* In step again. A row that may be repeated is. */
static void resynced(struct at *at)
{
	const struct at_cmd *row = this_row(at);

	loop_timer_stop(&at->limit);
	if (at->tries < row->retries) {
		at->tries++;
		send_row(at);
	} else if (row->may_fail) {
		at->tries = 0;
		next_row(at);
	} else {
		finish(at, AT_TIMEOUT);
	}
}

static void ping(struct at *at)
{
	if (at->resyncs++ == PINGS_MAX) {
		finish(at, AT_DEAD);
		return;
	}
	at->oks = 0;
	send_text(at, "AT", 2);
	wait_for(at, PING, (int64_t)PING_MS * at->resyncs); /* a slow one needs longer */
}

static void on_timer(void *arg)
{
	struct at *at = arg;

	switch ((enum phase)at->phase) {
	case IDLE: break;
	case START: send_row(at); break;
	case GAP: /* before the next row, or before another try of this one */
		if (at->yield && at->tries == 0)
			finish(at, AT_OK);
		else
			send_row(at);
		break;
	case ANSWER: on_silence(at); break;
	case QUIET: ping(at); break;
	case PING:
		if (at->oks == 1)
			resynced(at);
		else
			wait_for(at, QUIET, at->oks ? AT_QUIET_MS : 0);
		break;
	}
}

/* A modem that never stops talking does not answer either. */
static void on_limit(void *arg)
{
	struct at *at = arg;

	if (at->script)
		finish(at, AT_DEAD);
}

/* ---- receiving ------------------------------------------------------------------------------ */

/* What is said of a card in words, where AT+CMEE=1 is not heeded (TS 27.007 9.2.1). */
static int code_of_words(const char *words)
{
	static const char *const said[] = { [10] = "SIM not inserted",
		[11] = "SIM PIN required",
		[12] = "SIM PUK required",
		[13] = "SIM failure",
		[14] = "SIM busy",
		[15] = "SIM wrong",
		[16] = "incorrect password" };

	for (int code = 10; code < (int)(sizeof said / sizeof said[0]); code++)
		if (strcasecmp(words, said[code]) == 0)
			return code;
	return -1;
}

/* "+CME ERROR: 14" and its like. False if the rest is not a code or words: data glued behind it
 * (seen on Huawei sticks) makes it no final result. */
static bool error_code(const char *rest, int *code)
{
	int value = 0;

	while (*rest == ':' || *rest == ' ')
		rest++;
	*code = -1;
	if (!isdigit((unsigned char)*rest))
		return strchr(rest, ',') == NULL;
	for (; isdigit((unsigned char)*rest) && value < 100000; rest++)
		value = 10 * value + (*rest - '0');
	if (*rest)
		return false;
	*code = value;
	return true;
}

enum final { NOT_FINAL, FINAL_OK, FINAL_ERROR };

/* Final result codes, whole lines only (V.250 5.7.1, TS 27.007 9.2, TS 27.005 3.2.5, and what
 * firmware adds to them). NO CARRIER is none: nothing is dialled here, it is a caller who hung up.
 */
static enum final final_result(const char *line, enum at_family *family, int *code)
{
	static const struct {
		const char *text;
		enum at_family family;
		bool whole;
	} errors[] = {
		{ "ERROR", AT_PLAIN, true },
		{ "+CME ERROR", AT_CME, false },
		{ "+CMS ERROR", AT_CMS, false },
		{ "COMMAND NOT SUPPORT", AT_PLAIN, true },
		{ "TOO MANY PARAMETERS", AT_PLAIN, true },
		{ "MODEM ERROR", AT_PLAIN, false },
	};

	if (strcmp(line, "OK") == 0)
		return FINAL_OK;
	for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
		size_t len = strlen(errors[i].text);
		if (strncmp(line, errors[i].text, len) != 0)
			continue;
		*family = errors[i].family;
		*code = -1;
		if (errors[i].whole ? line[len] != '\0' : !error_code(line + len, code))
			continue;
		if (errors[i].family == AT_CME && *code < 0)
			*code = code_of_words(line + len + strspn(line + len, ": "));
		return FINAL_ERROR;
	}
	return NOT_FINAL;
}

static void on_error(struct at *at)
{
	const struct at_cmd *row = this_row(at);

	if (at->tries < row->retries) {
		at->tries++;
		wait_for(at, GAP, AT_RETRY_MS);
	} else if (row->may_fail) {
		next_row(at);
	} else {
		finish(at, AT_FAILED);
	}
}

static bool offer_urc(struct at *at, const struct at_urc *table, const char *line)
{
	for (; table && table->prefix; table++)
		if (strncmp(line, table->prefix, strlen(table->prefix)) == 0 &&
			table->fn(at->owner, line))
			return true;
	return false;
}

/* The wanted prefix. */
static bool offer_answer(struct at *at, const char *line)
{
	const struct at_cmd *row = this_row(at);

	return row->prefix && *row->prefix && row->fn &&
	       strncmp(line, row->prefix, strlen(row->prefix)) == 0 && row->fn(at->owner, line);
}

static at_line_fn *bare_fn(const struct at *at)
{
	const struct at_cmd *row = this_row(at);

	return row->prefix && *row->prefix ? row->bare_fn : row->fn;
}

/* A bare line: last, and only if its shape is right (the callback looks). */
static bool offer_bare(struct at *at, const char *line)
{
	at_line_fn *fn = bare_fn(at);

	return fn && fn(at->owner, line);
}

static bool offer_direct(struct at *at, const char *line)
{
	bool late = at->phase == QUIET || at->phase == PING;
	bool wanted = late || (at->phase == ANSWER && bare_fn(at));

	return at->host->direct && at->host->direct(at->owner, line, wanted);
}

static void keep_waiting(struct at *at)
{
	const struct at_cmd *row = this_row(at);
	int silence_ms = row->timeout_ms ? row->timeout_ms : AT_TIMEOUT_MS;

	at->answered = true;
	loop_timer_start(&at->timer, row->no_ok_ms ? row->no_ok_ms : silence_ms);
}

/* What was sent has no PIN any more: then its echo is compared without it. */
static bool is_echo(const struct at *at, const char *line)
{
	char shown[AT_COMMAND_MAX];

	if (strcmp(line, at->sent.text) == 0)
		return true;
	if (!strstr(at->sent.text, AT_SECRET))
		return false;
	at_mask(line, shown, sizeof shown);
	return strcmp(shown, at->sent.text) == 0;
}

static void answer_line(struct at *at, const char *line)
{
	unsigned epoch = at->epoch;
	enum at_family family = AT_PLAIN;
	int code = -1;
	enum final final = final_result(line, &family, &code);

	if (final == FINAL_OK) {
		next_row(at);
		return;
	}
	if (final == FINAL_ERROR) {
		at->report.family = family;
		at->report.code = code;
		on_error(at);
		return;
	}
	if (is_echo(at, line)) {
		if (at->host->echo)
			at->host->echo(at->owner);
		return;
	}
	if (offer_answer(at, line)) {
		if (at->epoch == epoch)
			keep_waiting(at);
		return;
	}
	if (offer_urc(at, at->driver_urcs, line) || offer_urc(at, at->host->urcs, line))
		return;
	if (offer_bare(at, line)) {
		if (at->epoch == epoch)
			keep_waiting(at);
		return;
	}
	at->unknown_lines++;
}

static void on_line(void *arg, const char *line, size_t len)
{
	struct at *at = arg;

	(void)len;
	note_line(at, '<', line);
	if (offer_direct(at, line))
		return;
	switch ((enum phase)at->phase) {
	case ANSWER: answer_line(at, line); return;
	case PING:
		if (strcmp(line, "OK") == 0 && at->oks++ == 0)
			loop_timer_start(&at->timer, AT_QUIET_MS); /* none may follow */
		break;
	case GAP:
		if (at->owed > 0 && strcmp(line, "OK") == 0)
			loop_timer_start(&at->timer, --at->owed > 0 ? at->owed_ms : AT_QUIET_MS);
		break;
	case IDLE:
	case START:
	case QUIET: break;
	}
	if (!offer_urc(at, at->driver_urcs, line) && !offer_urc(at, at->host->urcs, line))
		at->unknown_lines++;
}

void at_feed(struct at *at, const uint8_t *bytes, size_t len)
{
	uint64_t refused = at->lex.refused;

	if (at->phase == QUIET)
		wait_for(at, QUIET, AT_QUIET_MS);
	at_lex_feed(&at->lex, bytes, len, on_line, at);
	if (at->lex.refused > refused)
		counter_add(COUNTER_AT_REFUSED_BYTES, at->lex.refused - refused);
}

/* ---- life ----------------------------------------------------------------------------------- */

void at_init(struct at *at, struct loop *loop, const struct at_host *host, void *owner,
	const char *object)
{
	*at = (struct at) { .loop = loop, .host = host, .owner = owner, .object = object };
	loop_timer_init_patient(&at->timer, loop, on_timer, at);
	loop_timer_init_patient(&at->limit, loop, on_limit, at);
}

void at_reset(struct at *at)
{
	loop_timer_stop(&at->timer);
	loop_timer_stop(&at->limit);
	at_lex_reset(&at->lex);
	at->script = NULL;
	at->phase = IDLE;
	at->epoch++;
}

void at_done(struct at *at)
{
	if (at->loop)
		at_reset(at);
}
