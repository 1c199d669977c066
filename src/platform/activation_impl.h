/* activation_impl.h - what activation.c, activation_table.c and activation_pool.c share. */
#ifndef SIMGATE_PLATFORM_ACTIVATION_IMPL_H
#define SIMGATE_PLATFORM_ACTIVATION_IMPL_H

#include "platform/activation.h"
#include "platform/hash.h"

/* An open operation. row's strings are in `strings` and in `last`. */
struct activation_entry {
	struct hash_item by_card, by_id;
	struct store_activation row;
	bool seen; /* by the refresh that is being read */
	char id_key[24], last[STORE_ID_SIZE];
	char strings[];
};

/* A card that orders on their way try first. */
struct activation_head {
	struct hash_item item;
	int orders;
	char card_id[];
};

struct activation_used {
	struct hash_item item;
	struct store_used row;
	char key[]; /* seller, service, number: as used_key() has them; then the same as strings */
};

struct activation_list {
	const char *seller;
	struct activation_card *cards;
	size_t count;
};

struct activation_call; /* an order or a close on its way */

struct activations {
	struct loop *loop;
	struct store *store;
	struct activation_spans spans;
	struct activation_events events;
	void *arg;
	struct hash by_card, by_id, heads, useds;
	/* One block: the cards of all sellers, by seller, and their strings. */
	struct activation_card *cards;
	size_t card_count;
	struct activation_list *lists;
	size_t list_count;
	struct activation_call *calls;
	int64_t useds_since;
	uint64_t generation;
	unsigned reads;   /* of the three, how many are not answered yet */
	unsigned missing; /* bits of those that were never answered well */
	bool failed, again;
	bool expiring;
	struct loop_timer refresh, expire, erase;
	int64_t expire_ms; /* wall clock of the next one due, 0: none */
};

/* A copy at *at, which moves behind it. */
const char *activation_keep(char **at, const char *text);

/* activation_table.c: the open operations. _put: the store says that this one is open, and so
 * whatever stood for its card is not. _take: so are these; whole: and no other is, which another
 * host has closed, or somebody before this host looked. _drop: closed is what came of it, NULL: not
 * known here. */
struct activation_entry *activation_entry_of(const struct activations *activations, int64_t id);
void activation_entry_drop(struct activations *activations, struct activation_entry *entry,
	const struct store_activation *closed);
void activation_table_put(struct activations *activations, const struct store_activation *row);
void activation_table_take(struct activations *activations, const struct store_activation *rows,
	size_t count, bool whole);
void activation_table_free(struct activations *activations);

/* activation_pool.c: what can be sold, and what is used up. */
int activation_cards_take(
	struct activations *activations, const struct store_sellable *rows, size_t count);
void activation_cards_busy(
	struct activations *activations, const char *card_id, const char *number);
int activation_used_take(struct activations *activations, const struct store_used *row);
void activation_pool_free(struct activations *activations);

/* Which cards of an order are tried, in what order: free ones first, then those that others try
 * first. out has room for all; returns how many. */
size_t activation_candidates(
	const struct activations *activations, const struct store_order *order, const char **out);
int activation_head_add(struct activations *activations, const char *card_id);
void activation_head_drop(struct activations *activations, const char *card_id);

#endif
