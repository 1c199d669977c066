/* orders_services.c - how many numbers a platform can have: by country, operator and service. */
#include <stdlib.h>
#include <string.h>

#include "platform/order.h"
#include "platform/orders_impl.h"

bool seller_rents(const struct seller *seller, const struct store_sellable *card)
{
	return card->rent >= 0 ? card->rent > 0 : seller->config->rent;
}

int64_t seller_release_ms(const struct seller *seller, bool rent)
{
	int64_t after_ms = seller->config->unanswered_ms;

	return rent || after_ms == 0 ? 0 : loop_wall_ms(seller->orders->loop) + after_ms;
}

void sellers_free(struct orders *orders)
{
	for (size_t i = 0; i < orders->seller_count; i++)
		free(orders->sellers[i].services);
	free(orders->sellers);
	orders->sellers = NULL;
	orders->seller_count = 0;
}

/* ---- counting ------------------------------------------------------------------------------- */

/* Cards of one country and operator. */
struct group {
	const char *country;
	char operator_name[NAMES_SIZE];
};

struct count {
	struct seller *seller;
	struct group *groups;
	size_t group_count, group_room;
	int64_t *counts; /* by group, then by service, rent last */
	size_t width;    /* services and rent */
	bool rents;      /* `rent` is shown */
};

static bool grow(struct count *count)
{
	size_t room = count->group_room ? 2 * count->group_room : 16;
	struct group *groups;
	int64_t *counts;

	if (count->group_count < count->group_room)
		return true;
	groups = realloc(count->groups, room * sizeof *groups);
	if (groups)
		count->groups = groups;
	counts = realloc(count->counts, room * count->width * sizeof *counts);
	if (counts)
		count->counts = counts;
	if (!groups || !counts)
		return false;
	count->group_room = room;
	return true;
}

/* The counts of the card's group, which is made if need be; NULL if out of memory. */
static int64_t *counts_of(struct count *count, const char *country, const char *operator_name)
{
	size_t i = 0;

	while (i < count->group_count &&
		(count->groups[i].country != country ||
			strcmp(count->groups[i].operator_name, operator_name) != 0))
		i++;
	if (i == count->group_count) {
		if (!grow(count))
			return NULL;
		count->groups[i].country = country;
		memcpy(count->groups[i].operator_name, operator_name, NAMES_SIZE);
		memset(&count->counts[i * count->width], 0, count->width * sizeof *count->counts);
		count->group_count++;
	}
	return &count->counts[i * count->width];
}

/* A card in an operation is counted for nothing, but its operator is shown. */
static bool count_card(struct count *count, const struct activation_card *card)
{
	const struct seller *seller = count->seller;
	const struct orders *orders = seller->orders;
	const struct store_sellable *row = &card->row;
	const char *country = names_country(orders->names, row->number, row->imsi);
	char name[NAMES_SIZE];

	if (!country)
		return true;
	names_operator(orders->names, row->operator_code, row->imsi, name);
	int64_t *counts = counts_of(count, country, name);
	if (!counts)
		return false;
	count->rents |= seller_rents(seller, row);
	if (card->busy)
		return true;
	for (size_t i = 0; i + 1 < count->width; i++)
		counts[i] += !activation_is_used(orders->activations, seller->config->name,
			orders->config->services[i].name, row->number,
			seller->config->cancel_limit);
	counts[count->width - 1] += seller_rents(seller, row);
	return true;
}

static enum order_operators shown(const struct config_platform *platform)
{
	if (strcmp(platform->operators, "named") == 0)
		return ORDER_OPERATORS_NAMED;
	return strcmp(platform->operators, "any") == 0 ? ORDER_OPERATORS_ANY : ORDER_OPERATORS_SUM;
}

static char *print(const struct count *count)
{
	const struct seller *seller = count->seller;
	size_t offers = 0, width = count->width - !count->rents;
	struct order_offer *all = calloc(count->group_count * count->width + 1, sizeof *all);

	for (size_t g = 0; all && g < count->group_count; g++)
		for (size_t i = 0; i < width; i++)
			all[offers++] = (struct order_offer) { count->groups[g].country,
				count->groups[g].operator_name,
				i + 1 == count->width
					? STORE_RENT
					: names_service(&seller->orders->config->services[i],
						  seller->config),
				count->counts[g * count->width + i] };
	char *text = all ? order_print_services(all, offers, shown(seller->config)) : NULL;
	free(all);
	return text;
}

static char *make(struct seller *seller)
{
	struct count count = { .seller = seller,
		.width = seller->orders->config->service_count + 1,
		.rents = seller->config->rent };
	size_t cards = 0;
	const struct activation_card *all =
		activation_cards(seller->orders->activations, seller->config->name, &cards);
	bool ok = true;

	for (size_t i = 0; ok && i < cards; i++)
		ok = count_card(&count, &all[i]);
	char *text = ok ? print(&count) : NULL;
	free(count.groups);
	free(count.counts);
	return text;
}

const char *seller_services(struct seller *seller)
{
	uint64_t generation = activation_generation(seller->orders->activations);

	if (seller->services && seller->generation == generation)
		return seller->services;
	free(seller->services);
	seller->services = make(seller);
	seller->generation = generation;
	return seller->services;
}
