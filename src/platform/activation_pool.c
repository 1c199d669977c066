/* activation_pool.c - what can be sold, and what is used up: copies of what the store says. */
#include "platform/activation_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- cards ---------------------------------------------------------------------------------- */

static size_t row_bytes(const struct store_sellable *row)
{
	return strlen(row->seller) + strlen(row->bank) + strlen(row->slot) + strlen(row->card_id) +
	       strlen(row->iccid) + strlen(row->imsi) + strlen(row->number) + 7;
}

const char *activation_keep(char **at, const char *text)
{
	char *copy = *at;

	*at = stpcpy(copy, text) + 1;
	return copy;
}

static struct store_sellable row_copy(const struct store_sellable *row, char **at)
{
	struct store_sellable copy = *row;

	copy.seller = activation_keep(at, row->seller);
	copy.bank = activation_keep(at, row->bank);
	copy.slot = activation_keep(at, row->slot);
	copy.card_id = activation_keep(at, row->card_id);
	copy.iccid = activation_keep(at, row->iccid);
	copy.imsi = activation_keep(at, row->imsi);
	copy.number = activation_keep(at, row->number);
	return copy;
}

/* By seller: the rows come in that order. */
static int lists_make(struct activation_card *cards, size_t count, struct activation_list **out,
	size_t *list_count)
{
	struct activation_list *lists = calloc(count ? count : 1, sizeof(*lists));
	size_t made = 0;

	if (!lists)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		if (!made || strcmp(lists[made - 1].seller, cards[i].row.seller) != 0)
			lists[made++] =
				(struct activation_list) { cards[i].row.seller, &cards[i], 0 };
		lists[made - 1].count++;
	}
	*out = lists;
	*list_count = made;
	return 0;
}

static bool is_ordering(const struct activations *activations, const char *card_id)
{
	return hash_find(&activations->heads, card_id) != NULL;
}

static void busy_look(struct activations *activations, struct activation_card *card)
{
	card->busy = hash_find(&activations->by_card, card->row.card_id) != NULL ||
		     is_ordering(activations, card->row.card_id);
}

void activation_cards_busy(struct activations *activations, const char *card_id, const char *number)
{
	for (size_t i = 0; i < activations->card_count; i++) {
		struct activation_card *card = &activations->cards[i];
		if (strcmp(card->row.card_id, card_id) == 0)
			busy_look(activations, card);
		else if (number && strcmp(card->row.number, number) == 0)
			card->busy = true; /* until the next refresh: the card has changed */
	}
	activations->generation++;
}

int activation_cards_take(
	struct activations *activations, const struct store_sellable *rows, size_t count)
{
	size_t bytes = count * sizeof(struct activation_card);
	struct activation_list *lists;
	size_t list_count;

	for (size_t i = 0; i < count; i++)
		bytes += row_bytes(&rows[i]);
	struct activation_card *cards = malloc(bytes ? bytes : 1);
	if (!cards)
		return -ENOMEM;
	char *at = (char *)&cards[count];
	for (size_t i = 0; i < count; i++)
		cards[i] = (struct activation_card) { .row = row_copy(&rows[i], &at) };
	if (lists_make(cards, count, &lists, &list_count)) {
		free(cards);
		return -ENOMEM;
	}
	free(activations->cards);
	free(activations->lists);
	activations->cards = cards;
	activations->card_count = count;
	activations->lists = lists;
	activations->list_count = list_count;
	for (size_t i = 0; i < count; i++)
		busy_look(activations, &cards[i]);
	activations->generation++;
	return 0;
}

const struct activation_card *activation_cards(
	const struct activations *activations, const char *seller, size_t *count)
{
	*count = 0;
	if (!activation_ready(activations))
		return NULL;
	for (size_t i = 0; i < activations->list_count; i++) {
		if (strcmp(activations->lists[i].seller, seller) != 0)
			continue;
		*count = activations->lists[i].count;
		return activations->lists[i].cards;
	}
	return NULL;
}

/* ---- orders on their way -------------------------------------------------------------------- */

int activation_head_add(struct activations *activations, const char *card_id)
{
	struct hash_item *item = hash_find(&activations->heads, card_id);

	if (item) {
		HASH_OWNER(item, struct activation_head, item)->orders++;
		return 0;
	}
	struct activation_head *head = malloc(sizeof(*head) + strlen(card_id) + 1);
	if (!head)
		return -ENOMEM;
	head->orders = 1;
	strcpy(head->card_id, card_id);
	head->item.key = head->card_id;
	int err = hash_add(&activations->heads, &head->item);
	if (err)
		free(head);
	else
		activation_cards_busy(activations, card_id, NULL);
	return err;
}

void activation_head_drop(struct activations *activations, const char *card_id)
{
	struct hash_item *item = hash_find(&activations->heads, card_id);

	if (!item)
		return;
	struct activation_head *head = HASH_OWNER(item, struct activation_head, item);
	if (--head->orders > 0)
		return;
	hash_remove(&activations->heads, item);
	activation_cards_busy(activations, card_id, NULL);
	free(head);
}

size_t activation_candidates(
	const struct activations *activations, const struct store_order *order, const char **out)
{
	size_t count = 0;

	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < order->card_count; i++)
			if (!hash_find(&activations->by_card, order->cards[i]) &&
				is_ordering(activations, order->cards[i]) == (pass == 1))
				out[count++] = order->cards[i];
	return count;
}

/* ---- what is used up ------------------------------------------------------------------------ */

enum { USED_KEY_SIZE = STORE_NAME_SIZE + STORE_SERVICE_SIZE + STORE_NUMBER_SIZE };

static char *key_part(char *at, const char *text, size_t size, char end)
{
	size_t len = strnlen(text, size - 1);

	memcpy(at, text, len);
	at[len] = end;
	return at + len + 1;
}

/* None of the three has a line end in it. Counts look up a hundred thousand of them. */
static void used_key(
	char key[USED_KEY_SIZE], const char *seller, const char *service, const char *number)
{
	char *at = key_part(key, seller, STORE_NAME_SIZE, '\n');

	at = key_part(at, service, STORE_SERVICE_SIZE, '\n');
	key_part(at, number, STORE_NUMBER_SIZE, '\0');
}

static struct activation_used *used_new(const struct store_used *row, const char *key)
{
	size_t len = strlen(key) + 1;
	struct activation_used *used = malloc(sizeof(*used) + len + strlen(row->seller) +
					      strlen(row->service) + strlen(row->number) + 3);
	if (!used)
		return NULL;
	char *at = used->key;
	used->item.key = activation_keep(&at, key);
	used->row = *row;
	used->row.seller = activation_keep(&at, row->seller);
	used->row.service = activation_keep(&at, row->service);
	used->row.number = activation_keep(&at, row->number);
	return used;
}

int activation_used_take(struct activations *activations, const struct store_used *row)
{
	char key[USED_KEY_SIZE];

	used_key(key, row->seller, row->service, row->number);
	struct hash_item *item = hash_find(&activations->useds, key);
	if (item) {
		struct store_used *known = &HASH_OWNER(item, struct activation_used, item)->row;
		known->sold = row->sold;
		known->cancelled = row->cancelled;
		known->cancelled_ms = row->cancelled_ms;
		known->changed = row->changed;
	} else {
		struct activation_used *used = used_new(row, key);
		if (!used || hash_add(&activations->useds, &used->item)) {
			free(used);
			return -ENOMEM;
		}
	}
	activations->generation++;
	return 0;
}

const struct store_used *activation_used(const struct activations *activations, const char *seller,
	const char *service, const char *number)
{
	char key[USED_KEY_SIZE];

	used_key(key, seller, service, number);
	struct hash_item *item = hash_find(&activations->useds, key);
	return item ? &HASH_OWNER(item, struct activation_used, item)->row : NULL;
}

bool activation_is_used(const struct activations *activations, const char *seller,
	const char *service, const char *number, int cancel_limit)
{
	const struct store_used *used = activation_used(activations, seller, service, number);

	if (!used || strcmp(service, STORE_RENT) == 0)
		return false;
	return used->sold > 0 || (cancel_limit > 0 && used->cancelled >= cancel_limit);
}

static void used_free(void *arg, struct hash_item *item)
{
	(void)arg;
	free(HASH_OWNER(item, struct activation_used, item));
}

static void head_free(void *arg, struct hash_item *item)
{
	(void)arg;
	free(HASH_OWNER(item, struct activation_head, item));
}

void activation_pool_free(struct activations *activations)
{
	hash_drain(&activations->useds, used_free, NULL);
	hash_drain(&activations->heads, head_free, NULL);
	free(activations->cards);
	free(activations->lists);
}
