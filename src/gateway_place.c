/* gateway_place.c - which bank, and which of its slots, a tty belongs to by its place. */
#include <stdio.h>

#include "gateway_impl.h"

/* What is not known by its ids is what the board has. */
struct usb_kind gateway_kind(const struct config_bank *bank, const struct tty_info *tty)
{
	const struct board *board = board_named(bank->board);
	struct usb_kind kind = usb_kind(tty);

	if (!kind.bridge && board && board->ports != BOARD_BY_ID)
		kind = (struct usb_kind) { true, board->ports == BOARD_INTERFACES,
			board->ports == BOARD_NUMBERS };
	return kind;
}

bool gateway_target_of(
	const struct config *config, const struct tty_info *tty, struct gateway_target *out)
{
	const char *below = NULL;
	struct usb_kind kind;
	const struct config_bank *bank = config->banks;
	const struct config_bank *end = bank + config->bank_count;

	for (; bank < end; bank++)
		if (bank->path && (below = place_below(tty->place.device, bank->path)) != NULL)
			break;
	if (bank == end || gateway_is_control(config, tty->devnode))
		return false;
	kind = gateway_kind(bank, tty);
	*out = (struct gateway_target) { .bank = bank, .alone = kind.bridge };
	out->rank = kind.bridge ? 0 : usb_at_rank(tty);
	for (size_t i = 0; i < bank->slot_count; i++) {
		const struct config_slot *slot = &bank->slots[i];
		if (!place_spec_covers(&slot->spec, below, &tty->place))
			continue;
		snprintf(out->slot, sizeof out->slot, "%s", slot->label);
		if (slot->spec.interface == PLACE_ANY)
			return out->rank != USB_NO_AT;
		out->rank = 0; /* whatever the table has: the operator says it */
		return true;
	}
	place_name(
		below, &tty->place, kind.by_interface, kind.by_port, out->slot, sizeof out->slot);
	return out->rank != USB_NO_AT;
}
