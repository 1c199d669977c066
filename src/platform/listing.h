/* listing.h - inside the roster: a list of entries with their strings, compared and copied. */
#ifndef SIMGATE_PLATFORM_LISTING_H
#define SIMGATE_PLATFORM_LISTING_H

#include <stdbool.h>

#include "platform/platform.h"

struct listing_strings;

struct listing {
	size_t count, room;
	struct list_entry *entries;
	struct listing_strings *strings;
};

/* Room for so many entries. NULL if out of memory. */
struct listing *listing_new(size_t room);

/* Takes NULL. */
void listing_free(struct listing *listing);

/* Adds a copy; does nothing when there is no room. */
void listing_add(struct listing *listing, const struct list_entry *entry);

bool listing_same(const struct listing *a, const struct listing *b);

/* An entry that is equal in every field. */
bool listing_has(const struct listing *listing, const struct list_entry *entry);

/* Leaves each number in once, where it came first: a card that moves is in two slots for a while.
 */
void listing_unique(struct listing *listing);

/* Forgets the first `count` entries, count > 0. */
void listing_shift(struct listing *listing, size_t count);

/* Numbers in b that are not in a. Either may be NULL: empty. */
size_t listing_added(const struct listing *a, const struct listing *b);

#endif
