/* bank_switch.c - one card out, another in: off the list, its texts read, the bank asked, the
 * module's radio restarted, the card looked at; again where it is not the right one. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "modem/bank_impl.h"

enum {
	NONE_SHARE = 12, /* of the time for a card: so long the module must say that none is in */
	EMPTY_TRIES = 2, /* then a row that was never seen with a card has none */
	HARD_AFTER = 1,  /* tries; then the module is restarted, not its radio alone */
};

static void tick(void *arg);
static void on_answer(void *arg, enum bank_answer answer, const char *said);

static void to_step(struct bank_column *column, enum bank_step step, int64_t ms)
{
	column->job.step = step;
	column->job.since_ms = bank_now(column->bank);
	column->job.none_ms = 0;
	column->job.due_ms = column->job.since_ms + ms;
	loop_timer_start(&column->job.timer, ms < BANK_TICK_MS ? ms : BANK_TICK_MS);
}

static void wait_on(struct bank_column *column)
{
	loop_timer_start(&column->job.timer, BANK_TICK_MS);
}

static int64_t waited_ms(const struct bank_column *column)
{
	return bank_ran(column->bank, column->job.since_ms);
}

static void end(struct bank_column *column, enum bank_switch state)
{
	column->state = state;
	column->job.step = STEP_NONE;
	bank_unask(&column->job.command);
	column->job.since_ms = bank_now(column->bank);
	loop_timer_stop(&column->job.timer);
	bank_rest(column->bank);
}

/* ---- how it ends ---------------------------------------------------------------------------- */

/* Once the bank was asked nobody knows which card is in: it stays off the list. */
static void fail(struct bank_column *column, const char *why)
{
	struct bank_job *job = &column->job;
	struct modem *modem = bank_modem(column->bank, column->slot);
	char text[BANK_TEXT_SIZE];

	snprintf(text, sizeof text, "%s", why);
	snprintf(column->text, sizeof column->text, "%s", text);
	log_error(LOGC_MODEM, modem ? modem->id : column->slot, NULL,
		LOG_FIELDS(LOG_INT("row", job->row), LOG_INT("tries", job->tries),
			LOG_STR("reason", text)),
		job->sent ? "its card could not be switched: it stays off the list until a switch "
			    "succeeds"
			  : "its card is not switched: nothing was changed");
	if (modem) {
		modem_take_card(modem, true);
		modem_release(modem, job->sent ? text : "");
	}
	end(column, BANK_FAILED);
}

/* What is known of the row does not hold any more: the next switch to it takes what it shows. */
static void forget_wrong(struct bank_column *column)
{
	struct modem *modem = bank_modem(column->bank, column->slot);
	char card[STORE_CARD_SIZE] = "";
	int other;

	if (modem && modem_card(modem, card) == MODEM_CARD_IN) {
		other = bank_column_find(column, card);
		if (other)
			bank_column_forget(column, other);
	}
	bank_column_forget(column, column->job.row);
}

static void again(struct bank_column *column, const char *what)
{
	struct bank_job *job = &column->job;
	const struct board_select *board = column->bank->board;
	char why[BANK_TEXT_SIZE];

	job->tries++;
	log_notice(LOGC_MODEM, bank_modem(column->bank, column->slot)->id, NULL,
		LOG_FIELDS(LOG_INT("row", job->target), LOG_INT("n", job->tries),
			LOG_STR("reason", what)),
		"the switch failed");
	if (job->tries < board->tries) {
		to_step(column, STEP_AGAIN, board->again_ms);
		return;
	}
	if (job->wrong) {
		forget_wrong(column);
		snprintf(why, sizeof why, "row %d: %s; select it again to take what is there",
			job->row, what);
	} else {
		snprintf(why, sizeof why, "row %d: %s, in %d tries", job->row, what, job->tries);
	}
	fail(column, why);
}

/* An order was opened before the store knew that the card goes: it has the card. */
static void give_way(struct bank_column *column, struct modem *modem)
{
	snprintf(column->text, sizeof column->text, "an order is open on its number");
	log_notice(LOGC_MODEM, modem->id, NULL, LOG_FIELDS(LOG_INT("row", column->job.row)),
		"its card is not switched: an order is open on its number");
	if (column->job.rotation)
		column->due_ms = bank_now(column->bank);
	end(column, BANK_FAILED);
	modem_release(modem, "");
}

static void verified(struct bank_column *column, struct modem *modem, const char *card)
{
	struct bank_job *job = &column->job;

	bank_column_learn(column, job->row, card);
	log_notice(LOGC_MODEM, modem->id, "sim_changed",
		LOG_FIELDS(LOG_INT("row", job->row), LOG_CARD("from", job->before),
			LOG_CARD("to", card)),
		"its bank has put another card in");
	snprintf(column->text, sizeof column->text, "row %d is in", job->row);
	end(column, BANK_DONE);
	modem_release(modem, "");
}

/* A rotation goes on to another row. */
static void go_on(struct bank_column *column, int row)
{
	struct bank_job *job = &column->job;

	job->tries = 0;
	job->row = job->target = row;
	snprintf(column->text, sizeof column->text, "switching to row %d", row);
	to_step(column, STEP_CLEAR, 0);
}

static void empty(struct bank_column *column, struct modem *modem)
{
	struct bank_job *job = &column->job;
	char why[BANK_TEXT_SIZE];
	int next;

	bank_column_learn(column, job->row, "");
	log_info(LOGC_MODEM, modem->id, NULL, LOG_FIELDS(LOG_INT("row", job->row)),
		"this row of its bank has no card");
	next = job->rotation && job->skipped < column->bank->row_count ? bank_rotate_next(column)
								       : 0;
	if (next) {
		job->skipped++;
		go_on(column, next);
		return;
	}
	snprintf(why, sizeof why, "row %d has no card", job->row);
	snprintf(column->text, sizeof column->text, "%s", why);
	end(column, BANK_FAILED);
	modem_release(modem, ""); /* what is put in by hand is looked at as in any other port */
}

/* ---- which card it is ----------------------------------------------------------------------- */

/* The card that was in before the first switch is still there. If nobody knows in which row it is,
 * it may be this one: the next row tells whether the bank switches at all. */
static void same_card(struct bank_column *column)
{
	struct bank_job *job = &column->job;

	if (!job->proven && job->target == job->row && column->bank->row_count > 1) {
		job->proven = true;
		if (job->rotation) {
			go_on(column, job->row % column->bank->row_count + 1);
			return;
		}
		job->target = job->row < column->bank->row_count ? job->row + 1 : job->row - 1;
		to_step(column, STEP_CLEAR, 0);
		return;
	}
	again(column, "the card did not change");
}

static void other_card(struct bank_column *column, struct modem *modem, const char *card)
{
	struct bank_job *job = &column->job;
	const struct bank_row *known = &column->rows[job->target];
	int found = bank_column_find(column, card);
	char why[BANK_TEXT_SIZE];

	if (job->target != job->row) { /* it does switch: now to where it was to go */
		snprintf(job->before, sizeof job->before, "%s", card);
		job->target = job->row;
		to_step(column, STEP_CLEAR, 0);
	} else if (found && found != job->row) {
		job->wrong = job->wrong || job->tries == 0;
		snprintf(why, sizeof why, "it is the card of row %d", found);
		again(column, why);
	} else if (*known->card && strcmp(known->card, card) != 0) {
		job->wrong = job->wrong || job->tries == 0;
		again(column, "it is another card than was there before");
	} else {
		verified(column, modem, card);
	}
}

static void no_card(struct bank_column *column, struct modem *modem)
{
	struct bank_job *job = &column->job;

	job->wrong = false;
	if (job->target != job->row) {
		job->before[0] = '\0';
		job->target = job->row;
		to_step(column, STEP_CLEAR, 0);
	} else if (!column->rows[job->row].card[0] && job->tries + 1 >= EMPTY_TRIES) {
		empty(column, modem);
	} else {
		again(column, "its module says that there is no card");
	}
}

static void look_at_card(struct bank_column *column, struct modem *modem)
{
	struct bank_job *job = &column->job;
	char card[STORE_CARD_SIZE];

	switch (modem_card(modem, card)) {
	case MODEM_CARD_IN:
		if (job->before[0] && strcmp(card, job->before) == 0 &&
			bank_column_find(column, card) != job->target) {
			job->wrong = false;
			same_card(column);
		} else {
			other_card(column, modem, card);
		}
		return;
	case MODEM_CARD_NONE:
		if (!job->none_ms)
			job->none_ms = bank_now(column->bank);
		if (bank_ran(column->bank, job->none_ms) >= column->bank->spans.card / NONE_SHARE) {
			no_card(column, modem);
			return;
		}
		break;
	case MODEM_CARD_UNKNOWN: job->none_ms = 0; break;
	}
	if (waited_ms(column) >= column->bank->spans.card)
		again(column, "its module does not show a card");
	else
		wait_on(column);
}

/* ---- the steps before ----------------------------------------------------------------------- */

static void ask_bank(struct bank_column *column, struct modem *modem)
{
	struct bank_job *job = &column->job;

	if (!job->sent && modem_card(modem, job->before) != MODEM_CARD_IN)
		job->before[0] = '\0';
	if (modem->fsm.state != MODEM_SWITCH && modem_let_go(modem) < 0) {
		fail(column, "its modem does not answer");
		return;
	}
	column->last = job->row;
	column->rows[job->row].tried_ms = loop_wall_ms(modem->env->loop);
	column->bank->board->put(
		column->number, job->target, job->command.text, sizeof job->command.text);
	to_step(column, STEP_ASKED, BANK_TICK_MS);
	bank_ask(&job->command);
}

/* Whatever cannot be read of the card in time stays on it, and is read when it comes back; what is
 * on its way to the store is waited for. */
static void clear(struct bank_column *column, struct modem *modem)
{
	bool emptied = modem_emptied(modem) || modem->fsm.state == MODEM_SWITCH;
	bool unlisted = bank_unlisted(column->bank, modem);
	int64_t ms = waited_ms(column);

	if ((!emptied && ms < BANK_CLEAR_MS) || (!unlisted && ms < BANK_UNLIST_MS)) {
		wait_on(column);
		return;
	}
	if (!column->job.sent && !column->job.overdue && bank_ordered(column->bank, modem)) {
		give_way(column, modem);
		return;
	}
	if (!modem_withdrawn(modem) || modem_storing(modem)) {
		fail(column, "the store does not take its texts and its state");
		return;
	}
	if (!emptied && modem->fsm.state != MODEM_SIM && modem->fsm.state != MODEM_REGISTER &&
		modem->fsm.state != MODEM_READY) {
		fail(column, "its modem does not answer");
		return;
	}
	if (!emptied || !unlisted)
		log_warning(LOGC_MODEM, modem->id, NULL,
			LOG_FIELDS(LOG_INT("row", column->job.row)),
			emptied ? "no list without its number was accepted in time: its card is "
				  "switched all the same"
				: "its texts could not be read in time: they stay on its card, "
				  "which is switched");
	ask_bank(column, modem);
}

static void on_answer(void *arg, enum bank_answer answer, const char *said)
{
	struct bank_column *column = arg;
	char why[BANK_TEXT_SIZE];

	if (!bank_modem(column->bank, column->slot)) {
		fail(column, "the port is gone");
		return;
	}
	column->job.sent = column->job.sent || answer != BANK_CLOSED;
	switch (answer) {
	case BANK_OK:
	case BANK_SILENT: to_step(column, STEP_SETTLE, column->bank->spans.wait); break;
	case BANK_UNCLEAR:
		if (*said)
			snprintf(why, sizeof why, "the bank says \"%.40s\"", said);
		else
			snprintf(why, sizeof why, "the control line hung up");
		again(column, why);
		break;
	case BANK_CLOSED: again(column, "the control line is not open"); break;
	}
}

/* What hung up meanwhile is let go once more, for it may have looked at the card that left. */
static void restart_radio(struct bank_column *column, struct modem *modem)
{
	struct bank *bank = column->bank;
	int64_t turn_ms = bank->radio_ms - bank_now(bank);

	if (turn_ms > 0) {
		wait_on(column);
		return;
	}
	if (modem->fsm.state != MODEM_SWITCH && modem_let_go(modem) < 0) {
		if (waited_ms(column) >= bank->spans.card)
			again(column, "its modem does not answer");
		else
			wait_on(column);
		return;
	}
	bank->radio_ms = bank_now(bank) + bank->spans.stagger;
	modem_take_card(modem, column->job.tries >= HARD_AFTER);
	to_step(column, STEP_CARD, BANK_TICK_MS);
}

/* All the time: a port that begins anew, by a reload, is not listed meanwhile either. */
static void tick(void *arg)
{
	struct bank_column *column = arg;
	struct modem *modem = bank_modem(column->bank, column->slot);

	if (!modem) {
		fail(column, "the port is gone");
		return;
	}
	if (!modem_held(modem))
		modem_hold(modem, column->text);
	if (waited_ms(column) < column->job.due_ms - column->job.since_ms ||
		column->job.step == STEP_ASKED) {
		wait_on(column);
		return;
	}
	switch (column->job.step) {
	case STEP_AGAIN: to_step(column, STEP_CLEAR, 0); break;
	case STEP_CLEAR: clear(column, modem); break;
	case STEP_SETTLE: to_step(column, STEP_RADIO, 0); break;
	case STEP_RADIO: restart_radio(column, modem); break;
	case STEP_CARD: look_at_card(column, modem); break;
	case STEP_NONE:
	case STEP_ASKED: break;
	}
}

void bank_switch(struct bank_column *column, int row, bool rotation)
{
	struct modem *modem = bank_modem(column->bank, column->slot);
	struct bank_job *job = &column->job;

	*job = (struct bank_job) { .row = row,
		.target = row,
		.rotation = rotation,
		.overdue = bank_ordered(column->bank, modem),
		.proven = bank_column_find(column, modem->card_id) != 0,
		.command = { .line = column->line, .done = on_answer, .arg = column } };
	loop_timer_init(&job->timer, modem->env->loop, tick, column);
	column->state = BANK_SWITCHING;
	snprintf(column->text, sizeof column->text, "switching to row %d", row);
	log_info(LOGC_MODEM, modem->id, NULL,
		LOG_FIELDS(LOG_INT("row", row), LOG_STR("by", rotation ? "rotation" : "operator")),
		"another card is put in");
	modem_hold(modem, column->text);
	to_step(column, STEP_CLEAR, 0);
}

void bank_switch_stop(struct bank_column *column)
{
	if (column->job.step == STEP_NONE)
		return;
	bank_unask(&column->job.command);
	loop_timer_stop(&column->job.timer);
	column->job.step = STEP_NONE;
}
