/* bank_calibrate.c - which port is wired to which column of a SIM bank: one column is switched at a
 * time, and the port whose card changes is the one. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "modem/bank_impl.h"

enum {
	PORTS_MAX = 1024,
	LINE_SIZE = 160,
	NONE_SHARE = 12, /* see bank_switch.c */
};

/* The rows that a column is switched to in turn: if its card was in the first, the second shows. */
static const int rows_tried[] = { 2, 1 };
enum { ROWS_TRIED = sizeof rows_tried / sizeof rows_tried[0] };

struct watched {
	char slot[STORE_NAME_SIZE];
	char before[STORE_CARD_SIZE]; /* "": no card */
	bool found;                   /* its column is known */
	bool looked;                  /* restarted since the last switch */
	bool shown;                   /* and what it showed is no news */
	int64_t since_ms, none_ms;
};

struct calibration {
	struct bank *bank;
	enum bank_switch state;
	enum { CAL_CLEAR, CAL_ASKED, CAL_LOOK, CAL_AGAIN } step;
	struct loop_timer timer;
	struct bank_command command;
	struct watched *ports;
	size_t port_count;
	size_t line, attempt;
	int column, tries;
	int64_t since_ms;
	size_t done, total;
	char why[BANK_TEXT_SIZE];
	char (*text)[LINE_SIZE];
	const char **lines;
	size_t count;
};

bool bank_calibrating(const struct bank *bank)
{
	return bank->calibration && bank->calibration->state == BANK_SWITCHING;
}

static void tick(void *arg);

static void to_step(struct calibration *cal, int step, int64_t ms)
{
	cal->step = step;
	cal->since_ms = bank_now(cal->bank);
	loop_timer_start(&cal->timer, ms);
}

static void say(struct calibration *cal, const char *text)
{
	if (cal->count == cal->total)
		return; /* one for each column */
	snprintf(cal->text[cal->count], LINE_SIZE, "%s", text);
	cal->lines[cal->count] = cal->text[cal->count];
	cal->count++;
}

static struct modem *modem_of(const struct calibration *cal, const struct watched *port)
{
	return bank_modem(cal->bank, port->slot);
}

/* ---- the end -------------------------------------------------------------------------------- */

static void finish(struct calibration *cal, const char *why)
{
	struct bank *bank = cal->bank;

	cal->state = why ? BANK_FAILED : BANK_DONE;
	snprintf(cal->why, sizeof cal->why, "%s", why ? why : "");
	loop_timer_stop(&cal->timer);
	for (size_t i = 0; i < cal->port_count; i++) {
		struct modem *modem = modem_of(cal, &cal->ports[i]);
		if (!modem)
			continue;
		modem_take_card(modem, false);
		modem_release(modem, "");
	}
	log_notice(LOGC_PORT, bank->name, NULL,
		LOG_FIELDS(LOG_INT("columns", (int64_t)cal->done), LOG_STR("reason", cal->why)),
		why ? "the calibration was broken off" : "the calibration is done");
	bank_rest(bank);
}

static bool all_found(const struct calibration *cal)
{
	for (size_t i = 0; i < cal->port_count; i++)
		if (!cal->ports[i].found)
			return false;
	return true;
}

static void next_column(struct calibration *cal)
{
	cal->done++;
	cal->attempt = 0;
	cal->tries = 0;
	if (cal->column < cal->bank->board->columns) {
		cal->column++;
	} else {
		cal->column = 1;
		cal->line++;
	}
	if (cal->line < cal->bank->line_count && !all_found(cal))
		to_step(cal, CAL_CLEAR, 0);
	else
		finish(cal, NULL);
}

static void found(struct calibration *cal, struct watched *port, const char *card)
{
	const struct bank_line *line = &cal->bank->lines[cal->line];
	struct store_sim_row row = { .bank = cal->bank->name,
		.card_id = card,
		.line = line->number,
		.column = cal->column,
		.row = rows_tried[cal->attempt],
		.seen_ms = loop_wall_ms(cal->bank->banks->env->loop) };
	char text[LINE_SIZE];

	port->found = true;
	bank_row_learn(cal->bank, &row);
	snprintf(text, sizeof text, "column.%.100s = %d/%02d", port->slot, line->number,
		cal->column);
	say(cal, text);
	next_column(cal);
}

static void not_found(struct calibration *cal, const char *why)
{
	char text[LINE_SIZE];

	if (++cal->attempt < ROWS_TRIED && rows_tried[cal->attempt] <= cal->bank->row_count) {
		cal->tries = 0;
		to_step(cal, CAL_CLEAR, 0);
		return;
	}
	snprintf(text, sizeof text, "; %d/%02d: %s", cal->bank->lines[cal->line].number,
		cal->column, why);
	say(cal, text);
	next_column(cal);
}

/* ---- all off the list, and let go ----------------------------------------------------------- */

static bool is_clear(const struct calibration *cal, struct modem *modem)
{
	int64_t ms = bank_ran(cal->bank, cal->since_ms);
	bool emptied = modem->fsm.state == MODEM_SWITCH || modem_emptied(modem);

	return (emptied || ms >= BANK_CLEAR_MS) &&
	       (bank_unlisted(cal->bank, modem) || ms >= BANK_UNLIST_MS);
}

/* A port that does not answer is left out. */
static void let_go(struct watched *port, struct modem *modem)
{
	if (modem->fsm.state == MODEM_SWITCH)
		return; /* it was not restarted: its card is the one of before */
	if (modem_card(modem, port->before) != MODEM_CARD_IN)
		port->before[0] = '\0';
	if (modem_let_go(modem) < 0)
		log_warning(LOGC_PORT, modem->id, NULL, NULL,
			"does not answer: the calibration goes on without it");
}

static void clear(struct calibration *cal)
{
	struct bank_line *line = &cal->bank->lines[cal->line];

	for (size_t i = 0; i < cal->port_count; i++) {
		struct modem *modem = modem_of(cal, &cal->ports[i]);
		if (modem && modem->open && !cal->ports[i].found && !is_clear(cal, modem)) {
			loop_timer_start(&cal->timer, BANK_TICK_MS);
			return;
		}
	}
	for (size_t i = 0; i < cal->port_count; i++) {
		struct watched *port = &cal->ports[i];
		struct modem *modem = modem_of(cal, port);
		port->looked = port->shown = false;
		if (modem && !port->found)
			let_go(port, modem);
	}
	cal->command.line = line;
	cal->bank->board->put(
		cal->column, rows_tried[cal->attempt], cal->command.text, sizeof cal->command.text);
	cal->step = CAL_ASKED;
	bank_ask(&cal->command);
}

static void on_answer(void *arg, enum bank_answer answer, const char *said)
{
	struct calibration *cal = arg;

	(void)said;
	switch (answer) {
	case BANK_OK:
	case BANK_SILENT: to_step(cal, CAL_LOOK, cal->bank->spans.wait); break;
	case BANK_CLOSED: finish(cal, "a control line is not open"); break;
	case BANK_UNCLEAR:
		if (++cal->tries < cal->bank->board->tries)
			to_step(cal, CAL_AGAIN, cal->bank->board->again_ms);
		else
			not_found(cal, "the bank refuses it");
		break;
	}
}

/* ---- one after the other looks at its card -------------------------------------------------- */

/* The order of the slots is often that of the columns. */
static struct watched *next_to_look(struct calibration *cal)
{
	for (size_t i = 0; i < cal->port_count; i++) {
		struct watched *port = &cal->ports[(cal->done + i) % cal->port_count];
		const struct modem *modem = modem_of(cal, port);
		if (modem && !port->found && !port->looked && modem->fsm.state == MODEM_SWITCH)
			return port;
	}
	return NULL;
}

static bool says_none(const struct calibration *cal, struct watched *port)
{
	if (!port->none_ms)
		port->none_ms = bank_now(cal->bank);
	return bank_ran(cal->bank, port->none_ms) >= cal->bank->spans.card / NONE_SHARE;
}

/* True: its card is another one. */
static bool has_changed(struct calibration *cal, struct watched *port, char card[STORE_CARD_SIZE])
{
	const struct modem *modem = modem_of(cal, port);

	port->shown = !modem || bank_ran(cal->bank, port->since_ms) >= cal->bank->spans.card;
	if (!modem)
		return false;
	switch (modem_card(modem, card)) {
	case MODEM_CARD_IN: port->shown = true; return strcmp(card, port->before) != 0;
	case MODEM_CARD_NONE:
		card[0] = '\0';
		if (!says_none(cal, port))
			return false;
		port->shown = true;
		return port->before[0] != '\0';
	case MODEM_CARD_UNKNOWN: port->none_ms = 0; break;
	}
	return false;
}

static void look(struct calibration *cal)
{
	struct bank *bank = cal->bank;
	struct watched *next;
	char card[STORE_CARD_SIZE];
	bool waits = false;

	for (size_t i = 0; i < cal->port_count; i++) {
		struct watched *port = &cal->ports[i];
		if (port->found || !port->looked || port->shown)
			continue;
		if (has_changed(cal, port, card)) {
			found(cal, port, card);
			return;
		}
		waits = waits || !port->shown;
	}
	next = bank_now(bank) >= bank->radio_ms ? next_to_look(cal) : NULL;
	if (next) {
		next->looked = true;
		next->since_ms = bank_now(bank);
		next->none_ms = 0;
		bank->radio_ms = bank_now(bank) + bank->spans.stagger;
		modem_take_card(modem_of(cal, next), false);
	}
	if (waits || next_to_look(cal) || next)
		loop_timer_start(&cal->timer, BANK_TICK_MS);
	else
		not_found(cal, "no port showed another card");
}

static void tick(void *arg)
{
	struct calibration *cal = arg;

	switch (cal->step) {
	case CAL_AGAIN:
	case CAL_CLEAR:
		cal->step = CAL_CLEAR;
		clear(cal);
		break;
	case CAL_LOOK: look(cal); break;
	case CAL_ASKED: break;
	}
}

/* ---- from outside --------------------------------------------------------------------------- */

static int by_slot(const void *a, const void *b)
{
	const struct watched *x = a, *y = b;

	return strcmp(x->slot, y->slot);
}

static void watch_ports(struct calibration *cal)
{
	for (struct modem *modem = cal->bank->banks->env->modems; modem; modem = modem->next) {
		if (modem->dead || strcmp(modem->bank, cal->bank->name) != 0 ||
			cal->port_count == PORTS_MAX || !modem->open)
			continue;
		struct watched *port = &cal->ports[cal->port_count++];
		snprintf(port->slot, sizeof port->slot, "%s", modem->slot);
		modem_hold(modem, "its bank is being calibrated");
	}
	qsort(cal->ports, cal->port_count, sizeof *cal->ports, by_slot);
}

static struct calibration *calibration_new(struct bank *bank)
{
	struct calibration *cal = calloc(1, sizeof *cal);

	if (!cal)
		return NULL;
	cal->bank = bank;
	cal->column = 1;
	cal->total = bank->line_count * (size_t)bank->board->columns;
	cal->ports = calloc(PORTS_MAX, sizeof *cal->ports);
	cal->text = calloc(cal->total + 1, sizeof *cal->text);
	cal->lines = calloc(cal->total + 1, sizeof *cal->lines);
	loop_timer_init(&cal->timer, bank->banks->env->loop, tick, cal);
	cal->command =
		(struct bank_command) { .line = &bank->lines[0], .done = on_answer, .arg = cal };
	if (cal->ports && cal->text && cal->lines)
		return cal;
	bank_calibration_free(cal);
	return NULL;
}

static struct bank *bank_of(const struct banks *banks, const char *name)
{
	for (struct bank *bank = banks ? banks->list : NULL; bank; bank = bank->next)
		if (!bank->leaving && strcmp(bank->name, name) == 0)
			return bank;
	return NULL;
}

/* What keeps it from beginning; NULL: nothing. */
static const char *obstacle(const struct bank *bank)
{
	if (bank->banks->stopped || !bank->loaded)
		return "the bank is starting or stopping";
	for (const struct bank *other = bank->banks->list; other; other = other->next)
		if (bank_calibrating(other))
			return "a calibration is under way";
	for (size_t i = 0; i < bank->column_count; i++)
		if (bank->columns[i].job.step != STEP_NONE)
			return "a switch is under way";
	for (size_t i = 0; i < bank->line_count; i++)
		if (!bank->lines[i].open)
			return "a control line is not open";
	if (bank->row_count < 2)
		return "a column with one row has nothing to switch to";
	for (const struct modem *m = bank->banks->env->modems; m; m = m->next)
		if (!m->dead && strcmp(m->bank, bank->name) == 0 && bank_ordered(bank, m))
			return "an order is open on one of its numbers";
	return NULL;
}

int banks_calibrate(struct banks *banks, const char *name, char *why, size_t why_size)
{
	struct bank *bank = bank_of(banks, name);
	const char *text = bank ? obstacle(bank) : "no such bank that switches cards";
	struct calibration *cal = text ? NULL : calibration_new(bank);

	if (!cal) {
		snprintf(why, why_size, "%s", text ? text : "out of memory");
		return !bank ? -ENOENT : text ? -EBUSY : -ENOMEM;
	}
	bank_calibration_free(bank->calibration);
	bank->calibration = cal;
	cal->state = BANK_SWITCHING;
	watch_ports(cal);
	log_notice(LOGC_PORT, bank->name, NULL,
		LOG_FIELDS(LOG_INT("ports", (int64_t)cal->port_count),
			LOG_INT("columns", (int64_t)cal->total)),
		"calibrating: its numbers are off the list meanwhile");
	if (cal->port_count > 0)
		to_step(cal, CAL_CLEAR, 0);
	else
		finish(cal, "no port of the bank is open");
	return 0;
}

bool banks_calibration(const struct banks *banks, const char *name, struct bank_calibration *out)
{
	const struct bank *bank = bank_of(banks, name);
	const struct calibration *cal = bank ? bank->calibration : NULL;

	if (!cal)
		return false;
	*out = (struct bank_calibration) { cal->state, cal->why, cal->done, cal->total, cal->count,
		cal->lines };
	return true;
}

void bank_calibration_stop(struct calibration *cal)
{
	if (!cal)
		return;
	bank_unask(&cal->command);
	loop_timer_stop(&cal->timer);
}

void bank_calibration_free(struct calibration *cal)
{
	if (!cal)
		return;
	bank_calibration_stop(cal);
	free(cal->ports);
	free(cal->text);
	free(cal->lines);
	free(cal);
}
