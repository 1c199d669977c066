/* bank.c - SIM banks that switch cards: which there are, what they are asked, what they show. */
#include "modem/bank.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "modem/bank_impl.h"

int64_t bank_now(const struct bank *bank)
{
	return loop_now_ms(bank->banks->env->loop);
}

int64_t bank_ran(const struct bank *bank, int64_t since_ms)
{
	return loop_ran_since(bank->banks->env->loop, since_ms);
}

struct modem *bank_modem(const struct bank *bank, const char *slot)
{
	for (struct modem *modem = bank->banks->env->modems; modem; modem = modem->next)
		if (!modem->dead && strcmp(modem->slot, slot) == 0 &&
			strcmp(modem->bank, bank->name) == 0)
			return modem;
	return NULL;
}

bool bank_unlisted(const struct bank *bank, struct modem *modem)
{
	const struct bank_wiring *wiring = bank->banks->wiring;

	return modem_withdrawn(modem) && !wiring->listed(wiring->arg, modem);
}

bool bank_ordered(const struct bank *bank, const struct modem *modem)
{
	const struct bank_wiring *wiring = bank->banks->wiring;

	return wiring->busy(wiring->arg, modem);
}

static struct bank_line *bank_line_of(const struct bank *bank, int number)
{
	for (size_t i = 0; i < bank->line_count; i++)
		if (bank->lines[i].number == number)
			return &bank->lines[i];
	return NULL;
}

/* The one that is in force; one that leaves has no name any more. */
static struct bank *bank_named(const struct banks *banks, const char *name)
{
	for (struct bank *bank = banks->list; bank; bank = bank->next)
		if (!bank->leaving && strcmp(bank->name, name) == 0)
			return bank;
	return NULL;
}

static struct bank_column *column_of(const struct banks *banks, const struct modem *modem)
{
	const struct bank *bank = bank_named(banks, modem->bank);

	for (size_t i = 0; bank && i < bank->column_count; i++)
		if (strcmp(bank->columns[i].slot, modem->slot) == 0)
			return &bank->columns[i];
	return NULL;
}

/* ---- made and unmade ------------------------------------------------------------------------ */

static void bank_stop(struct bank *bank)
{
	loop_timer_stop(&bank->timer);
	loop_timer_stop(&bank->load_timer);
	bank_calibration_stop(bank->calibration);
	for (size_t i = 0; i < bank->column_count; i++)
		bank_switch_stop(&bank->columns[i]);
	for (size_t i = 0; i < bank->line_count; i++)
		bank_line_stop(&bank->lines[i]);
}

static void bank_free(struct bank *bank)
{
	bank_stop(bank);
	bank_calibration_free(bank->calibration);
	for (size_t i = 0; i < bank->line_count; i++)
		bank_line_done(&bank->lines[i]);
	for (size_t i = 0; i < bank->column_count; i++)
		free(bank->columns[i].rows);
	free(bank->lines);
	free(bank->columns);
	free(bank);
}

static void load_again(void *arg)
{
	bank_rows_load(arg);
}

/* What may change while a switch is under way. */
static void set_spans(struct bank *bank, const struct config_bank *config)
{
	const struct board_select *board = bank->board;
	int64_t rotate_ms = bank->spans.rotate;
	bool least = config->rotate_order && strcmp(config->rotate_order, "least") == 0;
	bool crlf = config->control_end && strcmp(config->control_end, "crlf") == 0;

	bank->spans = (struct bank_spans) {
		.wait = config->switch_wait_ms ? config->switch_wait_ms : board->wait_ms,
		.stagger =
			config->switch_stagger_ms ? config->switch_stagger_ms : board->stagger_ms,
		.card = config->switch_timeout_ms ? config->switch_timeout_ms : board->card_ms,
		.rotate = config->rotate_ms,
		.rotate_wait = config->rotate_wait_ms,
	};
	bank->least = least;
	snprintf(bank->end, sizeof bank->end, "%s", crlf ? "\r\n" : "\r");
	if (rotate_ms != config->rotate_ms)
		bank_rotate_start(bank);
}

static int make_columns(struct bank *bank, const struct config_bank *config)
{
	bank->columns = calloc(config->column_count + 1, sizeof *bank->columns);
	if (!bank->columns)
		return -ENOMEM;
	for (size_t i = 0; i < config->column_count; i++) {
		struct bank_column *column = &bank->columns[bank->column_count];
		column->bank = bank;
		column->line = bank_line_of(bank, config->columns[i].control);
		column->number = config->columns[i].column;
		snprintf(column->slot, sizeof column->slot, "%s", config->columns[i].slot);
		column->rows = calloc((size_t)bank->row_count + 1, sizeof *column->rows);
		if (!column->rows || !column->line)
			return -ENOMEM;
		bank->column_count++;
	}
	return 0;
}

static int make_lines(struct bank *bank, const struct config_bank *config)
{
	bank->lines = calloc(config->control_count + 1, sizeof *bank->lines);
	if (!bank->lines)
		return -ENOMEM;
	for (size_t i = 0; i < config->control_count; i++) {
		bank->line_count++;
		if (bank_line_init(&bank->lines[i], bank, &config->controls[i]) < 0)
			return -ENOMEM;
	}
	return 0;
}

static struct bank *bank_new(
	struct banks *banks, const struct config_bank *config, const struct board_select *board)
{
	struct bank *bank = calloc(1, sizeof *bank);

	if (!bank)
		return NULL;
	bank->banks = banks;
	bank->board = board;
	bank->row_count = config->rows;
	snprintf(bank->name, sizeof bank->name, "%s", config->name);
	loop_timer_init(&bank->load_timer, banks->env->loop, load_again, bank);
	if (make_lines(bank, config) < 0 || make_columns(bank, config) < 0) {
		bank_free(bank);
		return NULL;
	}
	set_spans(bank, config);
	if (!banks->list) /* whoever drove the bank before may have spoken just now */
		banks->free_ms = loop_now_ms(banks->env->loop) + board->gap_ms;
	bank->next = banks->list;
	banks->list = bank;
	return bank;
}

/* ---- a configuration ------------------------------------------------------------------------ */

static bool same_lines(const struct bank *bank, const struct config_bank *config)
{
	if (bank->line_count != config->control_count)
		return false;
	for (size_t i = 0; i < bank->line_count; i++)
		if (bank->lines[i].number != config->controls[i].number ||
			strcmp(bank->lines[i].device, config->controls[i].device) != 0)
			return false;
	return true;
}

static bool same_columns(const struct bank *bank, const struct config_bank *config)
{
	if (bank->column_count != config->column_count)
		return false;
	for (size_t i = 0; i < bank->column_count; i++)
		if (bank->columns[i].line->number != config->columns[i].control ||
			bank->columns[i].number != config->columns[i].column ||
			strcmp(bank->columns[i].slot, config->columns[i].slot) != 0)
			return false;
	return true;
}

static bool is_busy(const struct bank *bank)
{
	for (size_t i = 0; i < bank->column_count; i++)
		if (bank->columns[i].job.step != STEP_NONE)
			return true;
	return bank_calibrating(bank);
}

/* Waits for one of the same name that leaves: it has the lines. */
static void start(struct bank *bank)
{
	for (const struct bank *other = bank->banks->list; other; other = other->next)
		if (other->leaving && strcmp(other->name, bank->name) == 0)
			return;
	if (bank->started)
		return;
	bank->started = true;
	bank_rows_load(bank);
	for (size_t i = 0; i < bank->line_count; i++)
		bank_line_start(&bank->lines[i]);
}

/* Nobody switches their cards any more: what is in is what there is. */
static void release_ports(const struct bank *bank)
{
	for (size_t i = 0; i < bank->column_count; i++) {
		struct modem *modem = bank_modem(bank, bank->columns[i].slot);
		if (modem)
			modem_release(modem, "");
	}
}

static void bury(struct banks *banks)
{
	struct bank **at = &banks->list;

	while (*at) {
		struct bank *bank = *at;
		if (!bank->leaving || bank->pending || is_busy(bank)) {
			at = &bank->next;
			continue;
		}
		*at = bank->next;
		if (!bank_named(banks, bank->name))
			release_ports(bank);
		bank_free(bank);
	}
	for (struct bank *bank = banks->list; bank; bank = bank->next)
		if (!bank->leaving && !banks->stopped)
			start(bank);
}

/* Not here: whoever calls is still inside of it. */
static void on_rest(void *arg)
{
	struct bank *bank = arg;

	bury(bank->banks);
}

void bank_rest(struct bank *bank)
{
	if (!bank->leaving || bank->banks->stopped || is_busy(bank) || bank->pending)
		return;
	loop_timer_init(&bank->timer, bank->banks->env->loop, on_rest, bank);
	loop_timer_start(&bank->timer, 0);
}

static const struct board_select *select_of(const struct config_bank *config)
{
	const struct board *board = board_named(config->board);

	return board ? board->select_sim : NULL;
}

static const struct config_bank *config_of(const struct config *config, const struct bank *bank)
{
	for (size_t i = 0; i < config->bank_count; i++)
		if (strcmp(config->banks[i].name, bank->name) == 0 &&
			select_of(&config->banks[i]) == bank->board)
			return &config->banks[i];
	return NULL;
}

int banks_configure(struct banks *banks, const struct config *config)
{
	int err = 0;

	for (struct bank *bank = banks->list; bank; bank = bank->next) {
		const struct config_bank *to = config_of(config, bank);
		if (bank->leaving)
			continue;
		if (to && bank->row_count == to->rows && same_lines(bank, to) &&
			same_columns(bank, to)) {
			set_spans(bank, to);
			continue;
		}
		loop_timer_stop(&bank->timer);
		loop_timer_stop(&bank->load_timer);
		bank->leaving = true;
	}
	for (size_t i = 0; i < config->bank_count; i++) {
		const struct board_select *board = select_of(&config->banks[i]);
		if (board && !bank_named(banks, config->banks[i].name) &&
			!bank_new(banks, &config->banks[i], board))
			err = -ENOMEM;
	}
	bury(banks);
	return err;
}

struct banks *banks_new(struct modem_env *env, const struct bank_wiring *wiring)
{
	struct banks *banks = calloc(1, sizeof *banks);

	if (!banks)
		return NULL;
	banks->env = env;
	banks->wiring = wiring;
	bank_queue_init(banks);
	return banks;
}

void banks_stop(struct banks *banks)
{
	if (!banks || banks->stopped)
		return;
	banks->stopped = true;
	for (struct bank *bank = banks->list; bank; bank = bank->next)
		bank_stop(bank);
	loop_timer_stop(&banks->timer);
}

void banks_free(struct banks *banks)
{
	if (!banks)
		return;
	banks_stop(banks);
	while (banks->list) {
		struct bank *bank = banks->list;
		banks->list = bank->next;
		bank_free(bank);
	}
	loop_timer_stop(&banks->timer);
	free(banks);
}

/* ---- by hand -------------------------------------------------------------------------------- */

static int refuse(char *why, size_t size, int err, const char *text)
{
	snprintf(why, size, "%s", text);
	return err;
}

/* The row that is meant, or a negative errno. */
static int row_of(const struct bank_column *column, const char *sim, char *why, size_t size)
{
	int64_t row;

	if (config_is_iccid(sim)) {
		row = bank_column_find(column, sim);
		return row ? (int)row
			   : refuse(why, size, -ENOENT,
				     "no switch has shown yet in which row of this column that "
				     "card is: name the row");
	}
	if (config_parse_int(sim, 1, column->bank->row_count, &row) == 0)
		return (int)row;
	snprintf(why, size, "a row is 1 to %d; or give the ICCID of a card",
		column->bank->row_count);
	return -EINVAL;
}

int banks_select(
	struct banks *banks, const struct modem *modem, const char *sim, char *why, size_t why_size)
{
	struct bank_column *column = column_of(banks, modem);
	int row;

	if (!column)
		return refuse(why, why_size, -ENOENT,
			bank_named(banks, modem->bank)
				? "no column is known for this port: simgatectl calibrate finds it"
				: "no SIM bank switches the card of this port");
	row = row_of(column, sim, why, why_size);
	if (row < 0)
		return row;
	if (banks->stopped || column->bank->leaving || !column->bank->loaded)
		return refuse(why, why_size, -EBUSY, "the bank is starting or stopping");
	if (bank_calibrating(column->bank))
		return refuse(why, why_size, -EBUSY, "the bank is being calibrated");
	if (column->job.step != STEP_NONE)
		return refuse(why, why_size, -EBUSY, "a switch is under way");
	if (bank_ordered(column->bank, modem))
		return refuse(why, why_size, -EBUSY, "an order is open on its number");
	if (!column->line->open) {
		snprintf(why, why_size, "control.%d is not open: %s", column->line->number,
			column->line->why);
		return -ENODEV;
	}
	if (modem->dead || !modem->open || !modem->driver)
		return refuse(why, why_size, -ENODEV, "the port is not open");
	if (bank_column_find(column, modem->card_id) == row && !modem_held(modem)) {
		snprintf(column->text, sizeof column->text, "row %d is in already", row);
		column->state = BANK_DONE;
		return 0;
	}
	bank_switch(column, row, false);
	return 0;
}

const char *bank_switch_name(enum bank_switch state)
{
	static const char *const names[] = { [BANK_IDLE] = "idle",
		[BANK_SWITCHING] = "switching",
		[BANK_DONE] = "done",
		[BANK_FAILED] = "failed" };

	return names[state];
}

bool banks_place(const struct banks *banks, const struct modem *modem, struct bank_place *out)
{
	const struct bank_column *column = banks ? column_of(banks, modem) : NULL;

	if (!column)
		return false;
	*out = (struct bank_place) { .control = column->line->number,
		.column = column->number,
		.row = bank_column_find(column, modem->card_id),
		.rows = column->bank->row_count,
		.state = column->state,
		.text = column->text };
	return true;
}

bool banks_control(const struct banks *banks, const char *bank, size_t n, struct bank_control *out)
{
	const struct bank *found = banks ? bank_named(banks, bank) : NULL;

	if (!found || n >= found->line_count)
		return false;
	*out = (struct bank_control) { found->lines[n].number, found->lines[n].device,
		found->lines[n].why };
	return true;
}
