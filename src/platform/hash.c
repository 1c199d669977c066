/* hash.c - items found by a text key; the links are in the items. */
#include "platform/hash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fnv.h"

enum { SIZE_FIRST = 64 }; /* a power of two */

static uint32_t hash_of(const char *key)
{
	return (uint32_t)fnv_text(FNV_START, key);
}

struct hash_item *hash_find(const struct hash *hash, const char *key)
{
	uint32_t value = hash_of(key);

	if (!hash->size)
		return NULL;
	for (struct hash_item *item = hash->buckets[value & (hash->size - 1)]; item;
		item = item->next)
		if (item->hash == value && strcmp(item->key, key) == 0)
			return item;
	return NULL;
}

static void put(struct hash *hash, struct hash_item *item)
{
	struct hash_item **bucket = &hash->buckets[item->hash & (hash->size - 1)];

	item->next = *bucket;
	*bucket = item;
}

static int grow(struct hash *hash)
{
	struct hash bigger = { .size = hash->size ? 2 * hash->size : SIZE_FIRST };

	bigger.buckets = calloc(bigger.size, sizeof(*bigger.buckets));
	if (!bigger.buckets)
		return -ENOMEM;
	bigger.count = hash->count;
	for (size_t i = 0; i < hash->size; i++)
		for (struct hash_item *item = hash->buckets[i], *next; item; item = next) {
			next = item->next;
			put(&bigger, item);
		}
	free(hash->buckets);
	*hash = bigger;
	return 0;
}

int hash_add(struct hash *hash, struct hash_item *item)
{
	if (hash->count == hash->size) {
		int err = grow(hash);
		if (err)
			return err;
	}
	item->hash = hash_of(item->key);
	put(hash, item);
	hash->count++;
	return 0;
}

void hash_remove(struct hash *hash, struct hash_item *item)
{
	struct hash_item **at = &hash->buckets[item->hash & (hash->size - 1)];

	while (*at != item)
		at = &(*at)->next;
	*at = item->next;
	hash->count--;
}

void hash_drain(struct hash *hash, void (*fn)(void *arg, struct hash_item *item), void *arg)
{
	for (size_t i = 0; i < hash->size; i++)
		for (struct hash_item *item = hash->buckets[i], *next; item; item = next) {
			next = item->next;
			fn(arg, item);
		}
	free(hash->buckets);
	*hash = (struct hash) { 0 };
}
