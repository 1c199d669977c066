/* listing.c - a list of entries with their strings, compared and copied. */
#include "platform/listing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct listing_strings {
	char number[STORE_NUMBER_SIZE];
	char port_id[STORE_NAME_SIZE];
};

struct listing *listing_new(size_t room)
{
	struct listing *listing = calloc(1, sizeof *listing);

	if (!listing)
		return NULL;
	listing->room = room;
	listing->entries = calloc(room + 1, sizeof *listing->entries);
	listing->strings = calloc(room + 1, sizeof *listing->strings);
	if (!listing->entries || !listing->strings) {
		listing_free(listing);
		return NULL;
	}
	return listing;
}

void listing_free(struct listing *listing)
{
	if (!listing)
		return;
	free(listing->entries);
	free(listing->strings);
	free(listing);
}

static void put(struct listing *listing, size_t i, const struct list_entry *entry)
{
	struct listing_strings *strings = &listing->strings[i];

	snprintf(strings->number, sizeof strings->number, "%s", entry->number);
	snprintf(strings->port_id, sizeof strings->port_id, "%s", entry->port_id);
	listing->entries[i] = *entry;
	listing->entries[i].number = strings->number;
	listing->entries[i].port_id = strings->port_id;
}

void listing_add(struct listing *listing, const struct list_entry *entry)
{
	if (listing->count < listing->room)
		put(listing, listing->count++, entry);
}

static bool same_entry(const struct list_entry *a, const struct list_entry *b)
{
	return strcmp(a->number, b->number) == 0 && strcmp(a->port_id, b->port_id) == 0 &&
	       a->country_code == b->country_code && a->operator_code == b->operator_code &&
	       a->rent == b->rent && a->date_start == b->date_start &&
	       a->date_stop == b->date_stop && a->price == b->price && a->balance == b->balance;
}

bool listing_same(const struct listing *a, const struct listing *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!same_entry(&a->entries[i], &b->entries[i]))
			return false;
	return true;
}

bool listing_has(const struct listing *listing, const struct list_entry *entry)
{
	for (size_t i = 0; i < listing->count; i++)
		if (same_entry(&listing->entries[i], entry))
			return true;
	return false;
}

void listing_shift(struct listing *listing, size_t count)
{
	size_t left = listing->count > count ? listing->count - count : 0;

	for (size_t i = 0; i < left; i++) {
		struct list_entry entry = listing->entries[i + count];
		put(listing, i, &entry);
	}
	listing->count = left;
}

static int by_number(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sorted; NULL if out of memory. */
static const char **numbers_of(const struct listing *listing)
{
	const char **numbers = calloc(listing->count + 1, sizeof *numbers);

	for (size_t i = 0; numbers && i < listing->count; i++)
		numbers[i] = listing->entries[i].number;
	if (numbers)
		qsort(numbers, listing->count, sizeof *numbers, by_number);
	return numbers;
}

size_t listing_added(const struct listing *a, const struct listing *b)
{
	size_t added = 0;

	if (!a || !b)
		return b ? b->count : 0;
	const char **numbers = numbers_of(a);
	for (size_t i = 0; numbers && i < b->count; i++)
		if (!bsearch(&b->entries[i].number, numbers, a->count, sizeof *numbers, by_number))
			added++;
	free(numbers);
	return added;
}

static int by_number_and_place(const void *a, const void *b)
{
	const struct list_entry *x = *(const struct list_entry *const *)a;
	const struct list_entry *y = *(const struct list_entry *const *)b;
	int order = strcmp(x->number, y->number);

	return order ? order : (x > y) - (x < y);
}

void listing_unique(struct listing *listing)
{
	struct list_entry **sorted = calloc(listing->count + 1, sizeof *sorted);
	size_t kept = 0;

	if (!sorted)
		return;
	for (size_t i = 0; i < listing->count; i++)
		sorted[i] = &listing->entries[i];
	qsort(sorted, listing->count, sizeof *sorted, by_number_and_place);
	for (size_t i = listing->count; i-- > 1;)
		if (strcmp(sorted[i - 1]->number, sorted[i]->number) == 0)
			sorted[i]->port_id = NULL; /* marked; its string is not needed any more */
	free(sorted);
	for (size_t i = 0; i < listing->count; i++) {
		struct list_entry entry = listing->entries[i];
		if (!entry.port_id)
			continue;
		if (kept != i)
			put(listing, kept, &entry);
		kept++;
	}
	listing->count = kept;
}
