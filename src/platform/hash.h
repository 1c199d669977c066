/* hash.h - items found by a text key; the links are in the items. */
#ifndef SIMGATE_PLATFORM_HASH_H
#define SIMGATE_PLATFORM_HASH_H

#include <stddef.h>
#include <stdint.h>

/* Embedded in its owner; key is the owner's and lives as long. */
struct hash_item {
	struct hash_item *next;
	const char *key;
	uint32_t hash;
};

/* All zero: empty. */
struct hash {
	struct hash_item **buckets;
	size_t size, count;
};

#define HASH_OWNER(item, type, field) ((type *)(void *)((char *)(item)-offsetof(type, field)))

/* The item with this key, NULL: none. */
struct hash_item *hash_find(const struct hash *hash, const char *key);

/* item->key is set, and no item has it yet. 0 or -ENOMEM. */
int hash_add(struct hash *hash, struct hash_item *item);

/* The item is there. */
void hash_remove(struct hash *hash, struct hash_item *item);

/* Takes out each item and gives it to fn, which may free it; then the table is empty. */
void hash_drain(struct hash *hash, void (*fn)(void *arg, struct hash_item *item), void *arg);

#endif
