/* activation_table.c - the open operations that are known, by card and by id. */
#include "platform/activation_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- entries -------------------------------------------------------------------------------- */

static void entry_update(struct activation_entry *entry, const struct store_activation *row)
{
	snprintf(entry->last, sizeof(entry->last), "%s", row->last_message_id);
	entry->row.texts = row->texts;
	entry->row.withheld = row->withheld;
	entry->row.first_text_ms = row->first_text_ms;
	entry->row.last_text_ms = row->last_text_ms;
	entry->row.wait_retry = row->wait_retry;
	entry->row.answered = row->answered;
}

static struct activation_entry *entry_new(const struct store_activation *row)
{
	const char *const texts[] = { row->seller, row->customer, row->service, row->country,
		row->operator_name, row->number, row->card_id, row->bank, row->slot, row->reason };
	size_t size = sizeof(struct activation_entry);

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		size += strlen(texts[i]) + 1;
	struct activation_entry *entry = calloc(1, size);
	if (!entry)
		return NULL;
	char *at = entry->strings;
	entry->row = *row;
	entry->row.seller = activation_keep(&at, row->seller);
	entry->row.customer = activation_keep(&at, row->customer);
	entry->row.service = activation_keep(&at, row->service);
	entry->row.country = activation_keep(&at, row->country);
	entry->row.operator_name = activation_keep(&at, row->operator_name);
	entry->row.number = activation_keep(&at, row->number);
	entry->row.card_id = activation_keep(&at, row->card_id);
	entry->row.bank = activation_keep(&at, row->bank);
	entry->row.slot = activation_keep(&at, row->slot);
	entry->row.reason = activation_keep(&at, row->reason);
	entry->row.last_sender = entry->row.last_text = "";
	entry->row.last_message_id = entry->last;
	entry_update(entry, row);
	snprintf(entry->id_key, sizeof(entry->id_key), "%lld", (long long)row->id);
	entry->by_card.key = entry->row.card_id;
	entry->by_id.key = entry->id_key;
	return entry;
}

struct activation_entry *activation_entry_of(const struct activations *activations, int64_t id)
{
	char key[24];

	snprintf(key, sizeof(key), "%lld", (long long)id);
	struct hash_item *item = hash_find(&activations->by_id, key);
	return item ? HASH_OWNER(item, struct activation_entry, by_id) : NULL;
}

static struct activation_entry *entry_on(const struct activations *activations, const char *card_id)
{
	struct hash_item *item = hash_find(&activations->by_card, card_id);
	return item ? HASH_OWNER(item, struct activation_entry, by_card) : NULL;
}

void activation_entry_drop(struct activations *activations, struct activation_entry *entry,
	const struct store_activation *closed)
{
	hash_remove(&activations->by_card, &entry->by_card);
	hash_remove(&activations->by_id, &entry->by_id);
	activation_cards_busy(activations, entry->row.card_id, NULL);
	if (activations->events.closed)
		activations->events.closed(activations->arg, closed ? closed : &entry->row);
	free(entry);
}

static void entry_link(struct activations *activations, struct activation_entry *entry)
{
	int err = hash_add(&activations->by_card, &entry->by_card);
	if (!err) {
		err = hash_add(&activations->by_id, &entry->by_id);
		if (err)
			hash_remove(&activations->by_card, &entry->by_card);
	}
	if (err) {
		free(entry);
		activations->failed = true;
		return;
	}
	activation_cards_busy(activations, entry->row.card_id, entry->row.number);
	if (activations->events.opened)
		activations->events.opened(activations->arg, &entry->row);
}

void activation_table_put(struct activations *activations, const struct store_activation *row)
{
	struct activation_entry *entry = entry_on(activations, row->card_id);

	if (entry && entry->row.id == row->id) {
		entry_update(entry, row);
		entry->seen = true;
		return;
	}
	if (entry)
		activation_entry_drop(activations, entry, NULL);
	entry = entry_new(row);
	if (!entry) {
		activations->failed = true;
		return;
	}
	entry->seen = true;
	entry_link(activations, entry);
}

/* What is not among them has been closed, by another host or before this one looked. */
static void drop_unseen(struct activations *activations)
{
	struct hash *hash = &activations->by_card;

	for (size_t i = 0; i < hash->size; i++)
		for (struct hash_item *item = hash->buckets[i], *next; item; item = next) {
			struct activation_entry *entry =
				HASH_OWNER(item, struct activation_entry, by_card);
			next = item->next;
			if (!entry->seen)
				activation_entry_drop(activations, entry, NULL);
		}
}

void activation_table_take(struct activations *activations, const struct store_activation *rows,
	size_t count, bool whole)
{
	struct hash *hash = &activations->by_card;

	for (size_t i = 0; whole && i < hash->size; i++)
		for (struct hash_item *item = hash->buckets[i]; item; item = item->next)
			HASH_OWNER(item, struct activation_entry, by_card)->seen = false;
	for (size_t i = 0; i < count; i++)
		activation_table_put(activations, &rows[i]);
	if (whole)
		drop_unseen(activations);
}

static void entry_free(void *arg, struct hash_item *item)
{
	(void)arg;
	free(HASH_OWNER(item, struct activation_entry, by_card));
}

void activation_table_free(struct activations *activations)
{
	hash_drain(&activations->by_card, entry_free, NULL);
	free(activations->by_id.buckets);
}

/* ---- asking --------------------------------------------------------------------------------- */

const struct store_activation *activation_open(
	const struct activations *activations, const char *card_id)
{
	const struct activation_entry *entry = entry_on(activations, card_id);
	return entry ? &entry->row : NULL;
}

const struct store_activation *activation_find(const struct activations *activations, int64_t id)
{
	const struct activation_entry *entry = activation_entry_of(activations, id);
	return entry ? &entry->row : NULL;
}

void activation_each(const struct activations *activations,
	void (*fn)(void *arg, const struct store_activation *activation), void *arg)
{
	const struct hash *hash = &activations->by_card;

	for (size_t i = 0; i < hash->size; i++)
		for (struct hash_item *item = hash->buckets[i]; item; item = item->next)
			fn(arg, &HASH_OWNER(item, struct activation_entry, by_card)->row);
}

size_t activation_count(const struct activations *activations)
{
	return activations->by_card.count;
}

/* ---- texts ---------------------------------------------------------------------------------- */

void activation_moved(
	struct activations *activations, const char *card_id, const struct store_activation *open)
{
	struct activation_entry *entry = entry_on(activations, card_id);

	if (open)
		activation_table_put(activations, open);
	else if (entry)
		activation_entry_drop(activations, entry, NULL);
}

void activation_stored(struct activations *activations, const struct store_sms_result *result)
{
	for (size_t i = 0; i < result->route_count; i++) {
		const struct store_route *route = &result->routes[i];
		struct activation_entry *entry =
			route->activation ? activation_entry_of(activations, route->activation)
					  : NULL;
		if (!entry)
			continue;
		if (route->state == STORE_WITHHELD) {
			entry->row.withheld++;
			continue;
		}
		entry->row.texts++;
		entry->row.wait_retry = false;
		entry->row.last_text_ms = result->message->arrived_ms;
		if (!entry->row.first_text_ms)
			entry->row.first_text_ms = result->message->arrived_ms;
		snprintf(entry->last, sizeof(entry->last), "%s", result->message_id);
	}
}
