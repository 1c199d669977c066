/* bank_rows.c - which card is in which row of a SIM bank: learned by switches, kept in the store.
 */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "modem/bank_impl.h"

enum { LOAD_AGAIN_MS = 5000 };

static struct bank_column *column_of(struct bank *bank, int line, int number)
{
	for (size_t i = 0; i < bank->column_count; i++)
		if (bank->columns[i].line->number == line && bank->columns[i].number == number)
			return &bank->columns[i];
	return NULL;
}

/* ---- from the store ------------------------------------------------------------------------- */

static void take_row(struct bank *bank, const struct store_sim_row *from)
{
	struct bank_column *column = column_of(bank, from->line, from->column);

	if (!column || from->row < 1 || from->row > bank->row_count || from->seen_ms <= 0)
		return;
	struct bank_row *row = &column->rows[from->row];
	snprintf(row->card, sizeof row->card, "%s", from->card_id);
	row->seen_ms = row->tried_ms = from->seen_ms;
}

static void on_rows(void *arg, int err, const struct store_sim_row *rows, size_t count)
{
	struct bank *bank = arg;

	bank->pending--;
	if (bank->leaving || bank->banks->stopped) {
		bank_rest(bank);
		return;
	}
	if (err) {
		loop_timer_start(&bank->load_timer, LOAD_AGAIN_MS);
		return;
	}
	for (size_t i = 0; i < count; i++)
		take_row(bank, &rows[i]);
	bank->loaded = true;
	log_info(LOGC_PORT, bank->name, NULL, LOG_FIELDS(LOG_INT("rows", (int64_t)count)),
		"which card is in which row is known");
	bank_rotate_start(bank);
}

void bank_rows_load(struct bank *bank)
{
	bank->pending++;
	store_sim_rows(bank->banks->env->store, bank->name, on_rows, bank);
}

/* ---- to the store --------------------------------------------------------------------------- */

static void on_learned(void *arg, int err)
{
	struct bank *bank = arg;

	bank->pending--;
	if (err)
		log_warning(LOGC_STORE, bank->name, NULL,
			LOG_FIELDS(LOG_STR("reason", strerror(-err))),
			"which card is in a row could not be stored: it is learned again with the "
			"next switch");
	bank_rest(bank);
}

void bank_row_learn(struct bank *bank, const struct store_sim_row *row)
{
	bank->pending++;
	store_sim_row_put(bank->banks->env->store, row, on_learned, bank);
}

static void put(struct bank_column *column, int row)
{
	const struct bank_row *known = &column->rows[row];
	struct store_sim_row out = { .bank = column->bank->name,
		.card_id = known->card,
		.line = column->line->number,
		.column = column->number,
		.row = row,
		.seen_ms = known->seen_ms };

	bank_row_learn(column->bank, &out);
}

void bank_column_learn(struct bank_column *column, int row, const char *card)
{
	struct bank_row *known = &column->rows[row];

	snprintf(known->card, sizeof known->card, "%s", card);
	known->seen_ms = loop_wall_ms(column->bank->banks->env->loop);
	put(column, row);
}

void bank_column_forget(struct bank_column *column, int row)
{
	column->rows[row].card[0] = '\0';
	column->rows[row].seen_ms = 0;
	put(column, row);
}

int bank_column_find(const struct bank_column *column, const char *card)
{
	for (int row = 1; *card && row <= column->bank->row_count; row++)
		if (strcmp(column->rows[row].card, card) == 0)
			return row;
	return 0;
}
