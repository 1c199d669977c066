/* modem_entry.c - the table of texts on their way from a memory to the store and off the card. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "modem/modem_impl.h"

struct modem_entry *modem_entry_find(
	struct modem *modem, const char *memory, int index, const char *pdu)
{
	struct modem_sms *sms = &modem->sms;

	for (size_t i = 0; i < sms->count; i++) {
		struct modem_entry *entry = sms->entries[i];
		if (entry->index == index && strcmp(entry->memory, memory) == 0 &&
			strcmp(entry->pdu, pdu) == 0)
			return entry;
	}
	return NULL;
}

void modem_entry_drop(struct modem *modem, struct modem_entry *entry)
{
	struct modem_sms *sms = &modem->sms;

	for (size_t i = 0; i < sms->count; i++)
		if (sms->entries[i] == entry) {
			sms->entries[i] = sms->entries[--sms->count];
			break;
		}
	if (sms->deleting == entry)
		sms->deleting = NULL;
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): never NULL */
	if (entry->storing)
		entry->modem = NULL;
	else
		free(entry);
}

/* Of what is deleted nothing is needed: it gives up its place. */
static bool entry_room(struct modem *modem)
{
	struct modem_sms *sms = &modem->sms;

	for (size_t i = 0; sms->count == MODEM_LISTING_MAX && i < sms->count; i++)
		if (sms->entries[i]->deleted)
			modem_entry_drop(modem, sms->entries[i]);
	return sms->count < MODEM_LISTING_MAX;
}

struct modem_entry *modem_entry_add(
	struct modem *modem, const char *memory, int index, const char *pdu)
{
	struct modem_sms *sms = &modem->sms;
	size_t size = strlen(pdu) + 1;
	struct modem_entry *entry;

	if (!entry_room(modem))
		return NULL;
	if (sms->count == sms->room) {
		size_t room = sms->room ? 2 * sms->room : 8;
		struct modem_entry **entries = realloc(sms->entries, room * sizeof *entries);
		if (!entries)
			return NULL;
		sms->entries = entries;
		sms->room = room;
	}
	entry = calloc(1, sizeof *entry + size);
	if (!entry)
		return NULL;
	entry->modem = modem;
	entry->index = index;
	snprintf(entry->memory, sizeof entry->memory, "%s", memory);
	memcpy(entry->pdu, pdu, size);
	sms->entries[sms->count++] = entry;
	return entry;
}
