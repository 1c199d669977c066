/* selection.c - which cards are in a platform's list, and the naming of those that are not. */
#include "platform/selection.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fnv.h"
#include "base/log.h"

enum {
	REFUSED_MAX = 256, /* entries that the platform does not take, remembered */
	NAMED_MAX = 20,    /* cards named in the log for one list */
};

int selection_init(struct selection *selection, const struct platform_kind *kind,
	const struct config_platform *platform)
{
	*selection = (struct selection) { .kind = kind, .platform = platform };
	selection->refused = listing_new(REFUSED_MAX);
	return selection->refused ? 0 : -ENOMEM;
}

static void free_banks(char **banks, size_t count)
{
	for (size_t i = 0; banks && i < count; i++)
		free(banks[i]);
	free(banks);
}

void selection_done(struct selection *selection)
{
	free_banks(selection->banks, selection->bank_count);
	listing_free(selection->refused);
	*selection = (struct selection) { 0 };
}

void selection_configure(struct selection *selection, const struct config_platform *platform)
{
	selection->platform = platform;
	selection->refused->count = 0;
}

int selection_sells(struct selection *selection, char *const *banks, size_t count)
{
	char **copy = calloc(count + 1, sizeof *copy);

	for (size_t i = 0; copy && i < count; i++) {
		copy[i] = strdup(banks[i]);
		if (!copy[i]) {
			free_banks(copy, i);
			copy = NULL;
		}
	}
	if (!copy)
		return -ENOMEM;
	free_banks(selection->banks, selection->bank_count);
	selection->banks = copy;
	selection->bank_count = count;
	return 0;
}

void selection_refuse(struct selection *selection, const struct list_entry *entry)
{
	if (selection->refused->count == selection->refused->room)
		listing_shift(selection->refused, 1);
	listing_add(selection->refused, entry);
}

bool selection_sold(const struct selection *selection, const char *bank)
{
	for (size_t i = 0; i < selection->bank_count; i++)
		if (strcmp(selection->banks[i], bank) == 0)
			return true;
	return false;
}

/* A card's own sellers count before its bank's. */
static bool is_sold(const struct selection *selection, const struct store_roster_row *row)
{
	return row->own_sell >= 0 ? row->own_sell > 0 : selection_sold(selection, row->bank);
}

static const char card_again[] = "its card shows in another port, too";

struct rows {
	const struct store_roster_row *row;
	size_t count;
};

/* Why a row is not in the list; NULL: it is. */
static const char *why_not(struct selection *selection, const struct rows *rows, size_t i,
	struct list_entry *entry, char port_id[STORE_NAME_SIZE])
{
	const struct store_roster_row *row = &rows->row[i];
	const char *why = NULL;

	if (row->conflict)
		return "conflict";
	if (selection->kind->list_entry(selection->platform, row, entry, &why) < 0)
		return why;
	int len = snprintf(port_id, STORE_NAME_SIZE, "%s/%s", row->bank, row->slot);
	if (len < 0 || len >= STORE_NAME_SIZE)
		return "port id is longer than 100 bytes";
	entry->port_id = port_id;
	return listing_has(selection->refused, entry) ? "refused" : NULL;
}

/* The ports that have this row's number too, with spaces between. */
static void name_ports(const struct rows *rows, size_t i, char *out, size_t size)
{
	size_t len = 0;

	out[0] = '\0';
	for (size_t k = 0; k < rows->count && len < size; k++)
		if (strcmp(rows->row[k].number, rows->row[i].number) == 0)
			len += (size_t)snprintf(out + len, size - len, "%s%s/%s", len ? " " : "",
				rows->row[k].bank, rows->row[k].slot);
}

/* Whether no earlier row that is named has the same number. */
static bool is_first(const struct rows *rows, const char *const *why, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (why[k] && strcmp(rows->row[k].number, rows->row[i].number) == 0)
			return false;
	return true;
}

static void name_row(
	struct selection *selection, const struct rows *rows, const char *const *why, size_t i)
{
	const struct store_roster_row *row = &rows->row[i];
	char ports[512];

	if (row->conflict && is_first(rows, why, i)) {
		name_ports(rows, i, ports, sizeof ports);
		log_warning(LOGC_PLATFORM, selection->platform->name, "number_conflict",
			LOG_FIELDS(LOG_NUMBER("number", row->number), LOG_STR("ports", ports)),
			"one number on several cards: none of them is in the list; correct the "
			"numbers file, or take the wrong card out");
	} else if (why[i] == card_again) {
		name_ports(rows, i, ports, sizeof ports);
		log_warning(LOGC_PLATFORM, selection->platform->name, "number_conflict",
			LOG_FIELDS(LOG_NUMBER("number", row->number), LOG_STR("ports", ports)),
			"one card shows in several ports, its number is listed once: a clone, or a "
			"fault of a reader; take one out");
	} else if (!row->conflict && strcmp(why[i], "refused") != 0) {
		snprintf(ports, sizeof ports, "%s/%s", row->bank, row->slot);
		log_warning(LOGC_PLATFORM, selection->platform->name, "roster_blocked",
			LOG_FIELDS(LOG_STR("port", ports), LOG_NUMBER("number", row->number),
				LOG_STR("reason", why[i])),
			"card is not in the list");
	}
}

/* Names what is left out, once until that changes. why[i] NULL: row i is in, or not sold here. */
static void name_left_out(
	struct selection *selection, const struct rows *rows, const char *const *why)
{
	uint64_t hash = 0;
	int named = 0;

	for (size_t i = 0; i < rows->count; i++) {
		if (!why[i] || strcmp(why[i], "refused") == 0)
			continue;
		hash = fnv_text(hash, rows->row[i].bank);
		hash = fnv_text(hash, rows->row[i].slot);
		hash = fnv_text(hash, rows->row[i].number);
		hash = fnv_text(hash, why[i]);
	}
	if (hash == selection->named)
		return;
	selection->named = hash;
	for (size_t i = 0; i < rows->count && named < NAMED_MAX; i++) {
		if (!why[i])
			continue;
		name_row(selection, rows, why, i);
		named++;
	}
}

struct listing *selection_make(
	struct selection *selection, const struct store_roster_row *row, size_t count)
{
	const struct rows all = { row, count }, *rows = &all;
	struct listing *listing = listing_new(rows->count);
	const char **why = calloc(rows->count + 1, sizeof *why);
	char port_id[STORE_NAME_SIZE];
	struct list_entry entry;

	if (!listing || !why) {
		listing_free(listing);
		free(why);
		return NULL;
	}
	selection->left_out = 0;
	for (size_t i = 0; i < rows->count; i++) {
		if (!is_sold(selection, &rows->row[i]))
			continue;
		why[i] = why_not(selection, rows, i, &entry, port_id);
		if (why[i])
			selection->left_out++;
		else
			listing_add(listing, &entry);
		if (!why[i] && rows->row[i].again)
			why[i] = card_again; /* to be named; listing_unique() leaves one */
	}
	name_left_out(selection, rows, why);
	free(why);
	listing_unique(listing);
	return listing;
}
