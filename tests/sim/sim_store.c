/* sim_store.c - cards, their entries, and what the network keeps for them. */
#include "sim.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int sim_store_init(struct sim_store *store, unsigned size)
{
	struct sim_text **slots = calloc(size + 1u, sizeof(struct sim_text *));

	if (!slots)
		return -ENOMEM;
	*store = (struct sim_store) { .slots = slots, .size = size };
	return 0;
}

void sim_store_done(struct sim_store *store)
{
	for (unsigned i = 0; i < store->size; i++)
		free(store->slots[i]);
	free(store->slots);
	*store = (struct sim_store) { 0 };
}

void sim_store_delete(struct sim_store *store, unsigned slot)
{
	free(store->slots[slot]);
	store->slots[slot] = NULL;
	store->used--;
}

/* NULL for SIM_MEMORY_MT, which is two of them. */
static struct sim_store *sim_store_of(struct sim_modem *modem, enum sim_memory memory)
{
	switch (memory) {
	case SIM_MEMORY_SM: return &modem->card->sm;
	case SIM_MEMORY_ME: return &modem->me;
	case SIM_MEMORY_SR: return &modem->sr;
	case SIM_MEMORY_MT: break;
	}
	return NULL;
}

struct sim_store *sim_store_at(
	struct sim_modem *modem, enum sim_memory memory, unsigned place, unsigned *slot)
{
	struct sim_store *store = sim_store_of(modem, memory);
	unsigned first = modem->card->sm.size;

	if (!store && place >= first) {
		*slot = place - first;
		return &modem->me;
	}
	*slot = place;
	return store ? store : &modem->card->sm;
}

unsigned sim_store_size(struct sim_modem *modem, enum sim_memory memory)
{
	const struct sim_store *store = sim_store_of(modem, memory);

	return store ? store->size : modem->card->sm.size + modem->me.size;
}

unsigned sim_store_used(struct sim_modem *modem, enum sim_memory memory)
{
	const struct sim_store *store = sim_store_of(modem, memory);

	return store ? store->used : modem->card->sm.used + modem->me.used;
}

/* ISO/IEC 7812-1 check digit. */
static char luhn(const char *digits)
{
	size_t n = strlen(digits);
	int sum = 0;

	for (size_t i = 0; i < n; i++) {
		int d = digits[n - 1 - i] - '0';
		if (i % 2 == 0)
			d = d > 4 ? 2 * d - 9 : 2 * d;
		sum += d;
	}
	return (char)('0' + (10 - sum % 10) % 10);
}

static void name_card(struct sim_card *card, unsigned n, const char *iccid)
{
	snprintf(card->iccid, sizeof(card->iccid), "894601%012u", n % 1000000000);
	card->iccid[18] = luhn(card->iccid);
	card->iccid[19] = '\0';
	if (iccid)
		snprintf(card->iccid, sizeof(card->iccid), "%s", iccid);
	snprintf(card->imsi, sizeof(card->imsi), "24001%010u", n % 1000000000);
	snprintf(card->number, sizeof(card->number), "+4670010%04u", n % 10000);
}

struct sim_card *sim_card_new(struct sim_world *world, const char *iccid)
{
	struct sim_card *card = calloc(1, sizeof(*card));

	if (!card)
		return NULL;
	if (sim_store_init(&card->sm, world->sm_size) < 0) {
		free(card);
		return NULL;
	}
	name_card(card, world->cards_made++, iccid);
	snprintf(card->pin, sizeof(card->pin), "%s", world->pin);
	card->pin_tries = SIM_PIN_TRIES;
	card->queue_tail = &card->queue;
	card->next = world->cards;
	world->cards = card;
	return card;
}

struct sim_card *sim_card_find(struct sim_world *world, const char *iccid)
{
	struct sim_card *card = world->cards;

	while (card && strcmp(card->iccid, iccid) != 0)
		card = card->next;
	return card;
}

void sim_cards_free(struct sim_world *world)
{
	while (world->cards) {
		struct sim_card *card = world->cards;
		world->cards = card->next;
		while (card->queue) {
			struct sim_text *text = card->queue;
			card->queue = text->next;
			free(text);
		}
		sim_store_done(&card->sm);
		free(card);
	}
}

struct sim_text *sim_text_new(const struct sim_pdu *pdu)
{
	static const char hex[] = "0123456789ABCDEF";
	struct sim_text *text = calloc(1, sizeof(*text) + 2 * pdu->len + 1);

	if (!text)
		return NULL;
	text->tpdu_len = pdu->tpdu_len;
	for (size_t i = 0; i < pdu->len; i++) {
		text->hex[2 * i] = hex[pdu->octets[i] >> 4];
		text->hex[2 * i + 1] = hex[pdu->octets[i] & 0xf];
	}
	return text;
}

/* The slot taken, or -1. */
static int store_put(struct sim_store *store, struct sim_text *text)
{
	for (unsigned i = 0; store->used < store->size && i < store->size; i++) {
		if (store->slots[i])
			continue;
		store->slots[i] = text;
		store->used++;
		return (int)i;
	}
	return -1;
}

static bool reachable(const struct sim_modem *modem)
{
	int stat = sim_modem_stat(modem);

	return modem->plugged && !modem->times.booting && (stat == 1 || (stat >= 5 && stat <= 7));
}

/* Which memory a text goes to first. */
static enum sim_memory first_memory(struct sim_modem *modem)
{
	switch (modem->profile->lands) {
	case SIM_LANDS_CARD: break;
	case SIM_LANDS_CHOSEN: return modem->set.memory[2];
	case SIM_LANDS_EITHER: return sim_random(modem->world) % 2 ? SIM_MEMORY_ME : SIM_MEMORY_SM;
	}
	return SIM_MEMORY_SM;
}

/* The code for a text that was stored, in the family's form or as a fault wants it. */
static void announce(struct sim_modem *modem, enum sim_memory memory, unsigned index)
{
	const char *name = memory == SIM_MEMORY_SM ? "SM" : "ME";

	if (modem->faults.deaf)
		return;
	if (modem->profile->cmti_before)
		sim_code(modem, "%s", modem->profile->cmti_before);
	if (modem->faults.cmti_form == 1)
		sim_code(modem, "+CMTI: \"%s\",-1", name);
	else if (modem->faults.cmti_form == 2)
		sim_code(modem, "+CMTI: ,-1");
	else if (modem->faults.cmti_form == 3)
		sim_code(modem, "+CMTI: 0,%u", index);
	else
		sim_code(modem, "+CMTI: \"%s\",%u", name, index);
}

/* There is no room: said once, until something is deleted. */
static void say_full(struct sim_modem *modem)
{
	const struct sim_profile *profile = modem->profile;

	if (!profile->full || modem->full_said || modem->set.quiet || modem->faults.deaf ||
		(profile->full_enable && !modem->set.full_codes))
		return;
	modem->full_said = true;
	sim_code(modem, "%s", profile->full);
}

/* One text into the modem: true when it was taken and text is no longer the caller's. */
static bool deliver(struct sim_modem *modem, struct sim_text *text)
{
	const struct sim_settings *set = &modem->set;
	enum sim_memory memory;
	int slot;

	if (set->cnmi[0] > 0 && set->cnmi[1] >= 2)
		return sim_direct_offer(modem, text);
	memory = first_memory(modem) == SIM_MEMORY_ME ? SIM_MEMORY_ME : SIM_MEMORY_SM;
	slot = store_put(sim_store_of(modem, memory), text);
	if (slot < 0) {
		memory = memory == SIM_MEMORY_SM ? SIM_MEMORY_ME : SIM_MEMORY_SM;
		slot = store_put(sim_store_of(modem, memory), text);
	}
	if (slot < 0) {
		say_full(modem);
		return false;
	}
	if (set->cnmi[0] > 0 && set->cnmi[1] == 1)
		announce(modem, memory, (unsigned)slot + modem->profile->index_base);
	return true;
}

bool sim_store_report(struct sim_modem *modem, const struct sim_pdu *pdu)
{
	struct sim_text *text = sim_text_new(pdu);
	int slot = text ? store_put(&modem->sr, text) : -1;

	if (slot < 0) {
		free(text);
		return false;
	}
	modem->counts.injected++;
	sim_code(modem, "+CDSI: \"%s\",%u",
		modem->profile->cmti_as ? modem->profile->cmti_as : "SR",
		(unsigned)slot + modem->profile->index_base);
	return true;
}

void sim_pump(struct sim_modem *modem)
{
	struct sim_card *card = modem->card;

	while (card->queue && reachable(modem)) {
		struct sim_text *text = card->queue;
		struct sim_text *next = text->next;
		if (!deliver(modem, text))
			return;
		card->queue = next;
		card->queued--;
		if (!next)
			card->queue_tail = &card->queue;
	}
}

int sim_inject(struct sim_modem *modem, const struct sim_pdu *pdu)
{
	struct sim_card *card = modem->card;
	struct sim_text *text;

	if (card->queued >= SIM_QUEUE_MAX)
		return -ENOBUFS;
	text = sim_text_new(pdu);
	if (!text)
		return -ENOMEM;
	*card->queue_tail = text;
	card->queue_tail = &text->next;
	card->queued++;
	modem->counts.injected++;
	sim_pump(modem);
	return 0;
}

int sim_fill(struct sim_modem *modem, const struct sim_pdu *pdu)
{
	struct sim_text *text = sim_text_new(pdu);

	if (!text)
		return -ENOMEM;
	if (store_put(&modem->card->sm, text) < 0) {
		free(text);
		return -ENOSPC;
	}
	text->stat = 1;
	modem->counts.injected++;
	return 0;
}
