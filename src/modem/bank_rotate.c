/* bank_rotate.c - a SIM bank's cards take turns: which row is next, and when. */
#include "base/log.h"
#include "modem/bank_impl.h"

enum {
	LOOK_MS = 1000,
	EMPTY_AGAIN_MS = 24 * 3600 * 1000, /* a row without a card is looked at again */
	FAILED_AGAIN_MS = 5 * 60 * 1000,   /* after a switch in vain, or while the port is away */
};

static bool is_empty(const struct bank_column *column, int row)
{
	const struct bank_row *known = &column->rows[row];
	int64_t age_ms = loop_wall_ms(column->bank->banks->env->loop) - known->seen_ms;

	return known->seen_ms && !known->card[0] && age_ms < EMPTY_AGAIN_MS;
}

/* The row that its card is in, else the one that a switch has shown last. */
static int row_now(const struct bank_column *column)
{
	const struct modem *modem = bank_modem(column->bank, column->slot);
	int newest = 0, row = modem ? bank_column_find(column, modem->card_id) : 0;

	if (row)
		return row;
	for (row = 1; row <= column->bank->row_count; row++)
		if (column->rows[row].tried_ms > (newest ? column->rows[newest].tried_ms : 0))
			newest = row;
	return newest;
}

static int next_by_number(const struct bank_column *column, int now)
{
	int count = column->bank->row_count, from = column->last ? column->last : now;

	for (int k = 1; k <= count; k++) {
		int row = (from + k - 1 + count) % count + 1;
		if (row != now && !is_empty(column, row))
			return row;
	}
	return 0;
}

static int next_by_age(const struct bank_column *column, int now)
{
	int best = 0;

	for (int row = 1; row <= column->bank->row_count; row++)
		if (row != now && !is_empty(column, row) &&
			(!best || column->rows[row].tried_ms < column->rows[best].tried_ms))
			best = row;
	return best;
}

int bank_rotate_next(const struct bank_column *column)
{
	int now = row_now(column);

	return column->bank->least ? next_by_age(column, now) : next_by_number(column, now);
}

/* An order on its number is waited for, but not for ever. */
static bool must_wait(struct bank_column *column, const struct modem *modem)
{
	const struct bank *bank = column->bank;
	int64_t now_ms = bank_now(bank);

	if (!bank_ordered(bank, modem)) {
		column->busy_ms = 0;
		return false;
	}
	if (!column->busy_ms)
		column->busy_ms = now_ms;
	return now_ms - column->busy_ms < bank->spans.rotate_wait;
}

static void rotate(struct bank_column *column)
{
	struct bank *bank = column->bank;
	const struct modem *modem = bank_modem(bank, column->slot);
	int64_t now_ms = bank_now(bank);
	int row;

	if (!modem || !modem->open || !modem->settled || !column->line->open) {
		column->due_ms = now_ms + LOOK_MS;
		return;
	}
	if (must_wait(column, modem))
		return;
	row = bank_rotate_next(column);
	column->busy_ms = 0;
	column->due_ms = now_ms + bank->spans.rotate;
	if (!row)
		return; /* it is the only card */
	bank->rotate_ms = now_ms + bank->spans.stagger;
	bank_switch(column, row, true);
}

static void on_look(void *arg)
{
	struct bank *bank = arg;
	int64_t now_ms = bank_now(bank);

	if (bank->leaving || !bank->spans.rotate)
		return;
	loop_timer_start(&bank->timer, LOOK_MS);
	for (size_t i = 0; i < bank->column_count && !bank_calibrating(bank); i++) {
		struct bank_column *column = &bank->columns[i];
		int64_t again_ms = column->job.since_ms + FAILED_AGAIN_MS;
		bool failed = column->state == BANK_FAILED && column->job.rotation;
		if (failed && column->due_ms > again_ms)
			column->due_ms = again_ms;
		if (column->job.step == STEP_NONE && column->due_ms <= now_ms &&
			bank->rotate_ms <= now_ms)
			rotate(column);
	}
}

/* Goes on where the last run of the daemon ended; columns that never rotated are spread over the
 * span. */
static int64_t first_due_ms(const struct bank_column *column, size_t i)
{
	const struct bank *bank = column->bank;
	int64_t span_ms = bank->spans.rotate, newest_ms = 0, due_ms;

	for (int row = 1; row <= bank->row_count; row++)
		if (column->rows[row].seen_ms > newest_ms)
			newest_ms = column->rows[row].seen_ms;
	if (newest_ms)
		due_ms = newest_ms + span_ms - loop_wall_ms(bank->banks->env->loop);
	else
		due_ms = span_ms * (int64_t)(i + 1) / (int64_t)bank->column_count;
	if (due_ms > span_ms)
		due_ms = span_ms; /* the clock was set back */
	return bank_now(bank) + (due_ms > 0 ? due_ms : 0);
}

void bank_rotate_start(struct bank *bank)
{
	loop_timer_stop(&bank->timer);
	if (!bank->loaded || bank->leaving || !bank->spans.rotate)
		return;
	for (size_t i = 0; i < bank->column_count; i++)
		bank->columns[i].due_ms = first_due_ms(&bank->columns[i], i);
	loop_timer_init(&bank->timer, bank->banks->env->loop, on_look, bank);
	loop_timer_start(&bank->timer, LOOK_MS);
}
