/* config_slots.c - banks by place: their root in the USB topology, and the labels of their slots.
 */
#include <stdlib.h>
#include <string.h>

#include "base/config_impl.h"

#define SLOT "slot."

void config_read_slots(
	struct config_loader *load, const struct config_section *section, struct config_bank *bank)
{
	bank->slots = calloc(section->count + 1, sizeof(*bank->slots));
	if (!bank->slots) {
		config_no_memory(load);
		return;
	}
	for (size_t i = 0; i < section->count; i++) {
		struct config_entry *entry = &section->entries[i];
		struct config_slot *slot = &bank->slots[bank->slot_count];

		if (strncmp(entry->key, SLOT, strlen(SLOT)) != 0)
			continue;
		entry->known = true;
		*slot = (struct config_slot) { .line = entry->place.line };
		if (!config_is_name(entry->key + strlen(SLOT), CONFIG_NAME_MAX))
			config_error(load->report, entry->place,
				"%.80s: the label is 1 to %d bytes of A-Z a-z 0-9 . _ -",
				entry->key, CONFIG_NAME_MAX);
		else if (strlen(section->name) + strlen(entry->key) - strlen(SLOT) + 1 >
			 CONFIG_PORT_ID_MAX)
			config_error(load->report, entry->place,
				"%.80s: BANK/SLOT would be longer than %d bytes", entry->key,
				CONFIG_PORT_ID_MAX);
		else if (place_spec_parse(entry->value, &slot->spec))
			config_error(load->report, entry->place,
				"%.80s: \"%.80s\" is no place below the bank's path; write "
				"PATH[:CFG.IF][-portN], as 1.2, 1.2:1.0 or 1.2:1.0-port3",
				entry->key, entry->value);
		else
			config_keep(load, entry->key + strlen(SLOT), &slot->label);
		bank->slot_count += slot->label != NULL;
	}
}

/* Its slots' names, where the bank has none of its own. The board's are well formed. */
static void take_board_slots(
	struct config_loader *load, const struct config_board *board, struct config_bank *bank)
{
	size_t count = 0;

	while (board->slots && board->slots[2 * count])
		count++;
	if (!count || !bank->path || bank->slot_count)
		return;
	free(bank->slots);
	bank->slots = calloc(count, sizeof(*bank->slots));
	if (!bank->slots) {
		config_no_memory(load);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		bank->slots[i].line = bank->line;
		if (place_spec_parse(board->slots[2 * i + 1], &bank->slots[i].spec) == 0)
			config_keep(load, board->slots[2 * i], &bank->slots[i].label);
	}
	bank->slot_count = count;
}

const struct config_board *config_board_of(
	const struct config_loader *load, const struct config_bank *bank)
{
	const struct config_board *board = load->names ? load->names->boards : NULL;

	for (; bank->board && board && board->name; board++)
		if (strcmp(board->name, bank->board) == 0)
			return board;
	return NULL;
}

/* What cannot work with this hardware. */
static void check_board(
	struct config_loader *load, const struct config_section *section, struct config_bank *bank)
{
	const struct config_board *board = config_board_of(load, bank);
	bool places;

	if (!board)
		return;
	places = board->slots && board->slots[0];
	if (board->network_only && bank->path)
		config_error(load->report, section->place,
			"[bank %s]: board %s is on the network and has no path; write devices = "
			"tcp:HOST:PORT",
			bank->name, board->name);
	if (places && !bank->path)
		config_error(load->report, section->place,
			"[bank %s]: the slots of board %s are places; it needs the key \"path\"",
			bank->name, board->name);
	for (size_t i = 0; i < bank->device_count; i++) {
		bool network = strncmp(bank->devices[i], "tcp:", 4) == 0;
		if (network ? board->usb_only : board->network_only)
			config_error(load->report, section->place,
				"[bank %s]: board %s is %s; device %.200s is not", bank->name,
				board->name, network ? "on this host's USB" : "a serial server",
				bank->devices[i]);
	}
	take_board_slots(load, board, bank);
}

/* Each place has one label. */
static void check_slots(
	struct config_loader *load, const struct config_bank *bank, const char *file)
{
	for (size_t i = 1; i < bank->slot_count; i++)
		for (size_t j = 0; j < i; j++)
			if (place_spec_overlap(&bank->slots[i].spec, &bank->slots[j].spec))
				config_error(load->report,
					(struct config_place) { file, bank->slots[i].line },
					"slots %s and %s of [bank %s] are the same place; the "
					"other is in line %d",
					bank->slots[i].label, bank->slots[j].label, bank->name,
					bank->slots[j].line);
}

static void check_bank(struct config_loader *load, size_t at)
{
	struct config_bank *bank = &load->config->banks[at];
	const struct config_section *section = config_find_section(load, "bank", bank->name);
	const struct config_entry *path = config_find_entry(section, "path");

	if (!config_find_entry(section, "devices") == !path)
		config_error(load->report, section->place,
			path ? "[bank %s] has both \"path\" and \"devices\"; keep one of them"
			     : "[bank %s] lacks the key \"devices\", or \"path\"",
			bank->name);
	if (!path && bank->slot_count)
		config_error(load->report, section->place,
			"[bank %s]: slot.%s needs the key \"path\"", bank->name,
			bank->slots[0].label);
	for (size_t i = 0; i < at && path && bank->path; i++) {
		const struct config_bank *other = &load->config->banks[i];

		if (other->path && (place_below(bank->path, other->path) ||
					   place_below(other->path, bank->path)))
			config_error(load->report, path->place,
				"path: what is plugged in there belongs to [bank %s] too, which "
				"has %s",
				other->name, other->path);
	}
	check_slots(load, bank, section->place.file);
	check_board(load, section, bank);
}

void config_check_slots(struct config_loader *load)
{
	for (size_t i = 0; i < load->config->bank_count; i++)
		check_bank(load, i);
}
