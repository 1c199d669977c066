/* config_columns.c - banks that switch cards: their control lines, and which slot is which column.
 */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "base/config_impl.h"

#define CONTROL "control."
#define COLUMN  "column."

enum { ROTATE_WAIT_MS = 20 * 60 * 1000 };

static struct config_place place_of(
	const struct config_loader *load, const struct config_bank *bank, int line)
{
	return (struct config_place) { config_find_section(load, "bank", bank->name)->place.file,
		line };
}

/* ---- reading -------------------------------------------------------------------------------- */

static void read_control(
	struct config_loader *load, const struct config_entry *entry, struct config_bank *bank)
{
	struct config_control *control = &bank->controls[bank->control_count];
	const char *fault = config_device_fault(entry->value);
	int64_t number;

	*control = (struct config_control) { .line = entry->place.line };
	if (config_parse_int(entry->key + strlen(CONTROL), 1, 99, &number))
		config_error(load->report, entry->place,
			"%.80s: control lines are control.1 to control.99", entry->key);
	else if (bank->control_count == CONFIG_CONTROLS_MAX)
		config_error(load->report, entry->place, "more than %d control lines",
			CONFIG_CONTROLS_MAX);
	else if (fault || config_is_glob(entry->value))
		config_error(load->report, entry->place, "%.80s: \"%.200s\" %s", entry->key,
			entry->value, fault ? fault : "is a pattern; a control line is one device");
	else
		config_keep(load, entry->value, &control->device);
	if (control->device) {
		control->number = (int)number;
		bank->control_count++;
	}
}

/* "1/01" */
static bool parse_column(const char *text, int64_t *control, int64_t *column)
{
	const char *slash = strchr(text, '/');
	char head[8];

	if (!slash || slash - text >= (int)sizeof(head))
		return false;
	memcpy(head, text, (size_t)(slash - text));
	head[slash - text] = '\0';
	return config_parse_int(head, 1, 99, control) == 0 &&
	       config_parse_int(slash + 1, 1, 99, column) == 0;
}

static void read_column(
	struct config_loader *load, const struct config_entry *entry, struct config_bank *bank)
{
	struct config_column *column = &bank->columns[bank->column_count];
	int64_t control_number, column_number;

	*column = (struct config_column) { .line = entry->place.line };
	if (!parse_column(entry->value, &control_number, &column_number)) {
		config_error(load->report, entry->place,
			"%.80s: \"%.60s\" is no column; write CONTROL/COLUMN, as 1/01", entry->key,
			entry->value);
		return;
	}
	config_keep(load, entry->key + strlen(COLUMN), &column->slot);
	column->control = (int)control_number;
	column->column = (int)column_number;
	bank->column_count += column->slot != NULL;
}

void config_read_columns(
	struct config_loader *load, const struct config_section *section, struct config_bank *bank)
{
	bank->controls = calloc(CONFIG_CONTROLS_MAX + 1, sizeof(*bank->controls));
	bank->columns = calloc(section->count + 1, sizeof(*bank->columns));
	if (!bank->controls || !bank->columns) {
		config_no_memory(load);
		return;
	}
	bank->rotate_wait_ms = ROTATE_WAIT_MS;
	for (size_t i = 0; i < section->count; i++) {
		struct config_entry *entry = &section->entries[i];

		if (strncmp(entry->key, CONTROL, strlen(CONTROL)) == 0) {
			entry->known = true;
			read_control(load, entry, bank);
		} else if (strncmp(entry->key, COLUMN, strlen(COLUMN)) == 0) {
			entry->known = true;
			read_column(load, entry, bank);
		}
	}
}

/* ---- checking ------------------------------------------------------------------------------- */

static void refuse_keys(struct config_loader *load, const struct config_bank *bank)
{
	static const char *const keys[] = { "rows", "control_end", "rotate", "rotate_order",
		"rotate_wait", "switch_wait", "switch_stagger", "switch_timeout" };
	const struct config_section *section = config_find_section(load, "bank", bank->name);

	for (size_t i = 0; i < section->count; i++) {
		const struct config_entry *entry = &section->entries[i];
		bool foreign = strncmp(entry->key, CONTROL, strlen(CONTROL)) == 0 ||
			       strncmp(entry->key, COLUMN, strlen(COLUMN)) == 0;

		for (size_t k = 0; k < sizeof(keys) / sizeof(*keys); k++)
			foreign = foreign || strcmp(entry->key, keys[k]) == 0;
		if (foreign)
			config_error(load->report, entry->place,
				"key \"%.80s\" makes no sense with board = %s, which switches no "
				"cards",
				entry->key, bank->board ? bank->board : "?");
	}
}

/* The slot that a device of the list is, or with a pattern may be. */
static bool names_slot(const char *device, const char *slot)
{
	const char *base =
		*device == '/' ? strrchr(device, '/') + 1 : device + strcspn(device, ":") + 1;
	char clean[CONFIG_PORT_ID_MAX + 1];

	if (config_is_glob(device))
		return fnmatch(base, slot, 0) == 0;
	config_clean_name(base, clean, sizeof(clean));
	return strcmp(clean, slot) == 0;
}

static bool has_slot(const struct config_bank *bank, const char *slot)
{
	for (size_t i = 0; i < bank->slot_count; i++)
		if (strcmp(bank->slots[i].label, slot) == 0)
			return true;
	for (size_t i = 0; i < bank->device_count; i++)
		if (!config_device_fault(bank->devices[i]) && names_slot(bank->devices[i], slot))
			return true;
	return false;
}

static bool has_control(const struct config_bank *bank, int number)
{
	for (size_t i = 0; i < bank->control_count; i++)
		if (bank->controls[i].number == number)
			return true;
	return false;
}

static void check_column(struct config_loader *load, const struct config_bank *bank,
	const struct config_board *board, const struct config_column *column)
{
	struct config_place place = place_of(load, bank, column->line);

	if (!has_slot(bank, column->slot))
		config_error(load->report, place, "column.%.80s: [bank %s] has no such slot: %s",
			column->slot, bank->name,
			bank->path ? "give it a slot.LABEL" : "no device has this name");
	if (!has_control(bank, column->control))
		config_error(load->report, place, "column.%.80s: there is no control.%d",
			column->slot, column->control);
	if (column->column > board->columns)
		config_error(load->report, place,
			"column.%.80s: a control line of board = %s has columns 1 to %d",
			column->slot, bank->board, board->columns);
	for (const struct config_column *other = bank->columns; other < column; other++)
		if (other->control == column->control && other->column == column->column)
			config_error(load->report, place,
				"column.%.80s: column %d/%02d is that of slot %.80s, in line %d",
				column->slot, column->control, column->column, other->slot,
				other->line);
}

/* A control line is nobody's modem, and nobody else's control line. */
static void check_control(struct config_loader *load, const struct config_bank *bank,
	const struct config_control *control)
{
	struct config_place place = place_of(load, bank, control->line);
	const struct config *config = load->config;

	for (size_t b = 0; b < config->bank_count; b++) {
		const struct config_bank *other = &config->banks[b];

		for (size_t i = 0; i < other->device_count; i++)
			if (fnmatch(other->devices[i], control->device, FNM_PATHNAME) == 0 ||
				strcmp(other->devices[i], control->device) == 0)
				config_error(load->report, place,
					"control.%d: %.200s is among the devices of [bank %s] too, "
					"as %.200s",
					control->number, control->device, other->name,
					other->devices[i]);
	}
}

/* Each is compared with those before it. */
static void check_twice(struct config_loader *load, const struct config_bank *bank, size_t at)
{
	const struct config_control *control = &bank->controls[at];

	for (const struct config_bank *other = load->config->banks; other <= bank; other++)
		for (size_t i = 0; i < (other == bank ? at : other->control_count); i++)
			if (strcmp(other->controls[i].device, control->device) == 0)
				config_error(load->report, place_of(load, bank, control->line),
					"control.%d: %.200s is control.%d of [bank %s] too",
					control->number, control->device, other->controls[i].number,
					other->name);
}

static void check_bank(struct config_loader *load, const struct config_bank *bank)
{
	const struct config_section *section = config_find_section(load, "bank", bank->name);
	const struct config_board *board = config_board_of(load, bank);

	if (!board || !board->columns) {
		refuse_keys(load, bank);
		return;
	}
	if (bank->control_count == 0)
		config_error(load->report, section->place,
			"[bank %s] lacks the key \"control.1\", which board = %s needs", bank->name,
			bank->board);
	if (!config_find_entry(section, "rows"))
		config_error(load->report, section->place,
			"[bank %s] lacks the key \"rows\": how many cards a column has",
			bank->name);
	else if (bank->rows > board->rows_max)
		config_error(load->report, config_find_entry(section, "rows")->place,
			"rows: board = %s has %d at most", bank->board, board->rows_max);
	for (size_t i = 0; i < bank->control_count; i++) {
		check_control(load, bank, &bank->controls[i]);
		check_twice(load, bank, i);
	}
	for (size_t i = 0; i < bank->column_count; i++)
		check_column(load, bank, board, &bank->columns[i]);
	if (bank->rotate_ms && !bank->column_count)
		config_error(load->report, section->place,
			"[bank %s]: rotate needs the keys column.SLOT; simgatectl calibrate %s "
			"finds them",
			bank->name, bank->name);
}

void config_check_columns(struct config_loader *load)
{
	for (size_t i = 0; i < load->config->bank_count; i++)
		check_bank(load, &load->config->banks[i]);
}
