/* alternative_lists.c - the Alternative API: what there is to order. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platform/alternative_impl.h"
#include "platform/json_text.h"

/* ---- countries ------------------------------------------------------------------------------ */

const struct config_country *country_config(
	const struct config *config, const struct country *country)
{
	const struct config_country *found = NULL;

	for (size_t i = 0; i < config->country_count; i++) {
		const struct config_country *own = &config->countries[i];
		for (size_t m = 0; own->mcc && m < COUNTRY_MCC_MAX && country->mcc[m]; m++)
			if (country->mcc[m] == own->mcc)
				return own; /* says more than a calling code */
		if (own->code && country_by_key(own->code) == country)
			found = own;
	}
	return found;
}

const struct country *country_of_id(const struct config *config, const char *text)
{
	const struct country *country;
	const struct config_country *own;
	int64_t id;

	if (config_parse_int(text, 0, INT32_MAX, &id) < 0)
		return NULL;
	for (size_t i = 0; i < config->country_count; i++) {
		own = &config->countries[i];
		if (own->id == id)
			return own->mcc ? country_of_mcc(own->mcc) : country_by_key(own->code);
	}
	country = country_by_id((int)id);
	own = country ? country_config(config, country) : NULL;
	return own && own->id >= 0 ? NULL : country; /* it has another id here */
}

static int id_of(const struct config_country *own, const struct country *country)
{
	return own && own->id >= 0 ? own->id : country->id;
}

static bool add_country(cJSON *list, const struct call_in *call, const struct country *country)
{
	const struct config_country *own = country_config(call->api->parts.config, country);
	bool rent = customer_rent_price(call->customer) >= 0;
	char key[16];

	snprintf(key, sizeof key, "%d", country_key(country));
	cJSON *item = cJSON_AddObjectToObject(list, key);
	return item && json_add_int(item, "id", id_of(own, country)) &&
	       json_add_text(item, "rus", own && own->rus ? own->rus : country->rus) &&
	       json_add_text(item, "eng", own && own->name ? own->name : country->name) &&
	       json_add_text(item, "chn", own && own->chn ? own->chn : country->chn) &&
	       json_add_int(item, "visible", 1) && json_add_int(item, "retry", 0) &&
	       json_add_int(item, "rent", rent) && json_add_int(item, "multiService", 0);
}

void action_countries(struct call_in *call)
{
	cJSON *list = cJSON_CreateObject();
	bool ok = list != NULL;

	for (size_t i = 0; ok && i < countries_count; i++)
		if (customer_may_country(call->customer, &countries[i]))
			ok = add_country(list, call, &countries[i]);
	if (!ok) {
		cJSON_Delete(list);
		list = NULL;
	}
	answer_json(call->request, list);
}

/* ---- cards ---------------------------------------------------------------------------------- */

/* Whether the card is free and stands where the wish says. */
static bool card_is_there(const struct activation_card *card, const struct wish *wish)
{
	const struct country *country;

	if (card->busy || (wish->rent && card->row.rent == 0))
		return false;
	country = country_of(card->row.number, card->row.imsi);
	if (!country || (wish->country && country != wish->country) ||
		!customer_may_country(wish->customer, country))
		return false;
	return !wish->exceptions ||
	       !exceptions_hit(wish->exceptions, digits_of(card->row.number),
		       (size_t)(national_of(card->row.number) - digits_of(card->row.number)));
}

static bool card_is_used(
	struct alternative *api, const struct activation_card *card, const char *service)
{
	return activation_is_used(
		api->parts.activations, STORE_CUSTOMERS, service, card->row.number, 0);
}

bool card_fits(struct alternative *api, const struct activation_card *card, const struct wish *wish)
{
	return card_is_there(card, wish) && (wish->rent || !card_is_used(api, card, wish->service));
}

/* ---- getNumbersStatus ----------------------------------------------------------------------- */

/* The cards that fit but for the service. NULL: out of memory. */
static const struct activation_card **cards_there(
	struct alternative *api, const struct wish *wish, size_t *count)
{
	size_t all;
	const struct activation_card *cards =
		activation_cards(api->parts.activations, STORE_CUSTOMERS, &all);
	const struct activation_card **out = calloc(all + 1, sizeof(*out));

	*count = 0;
	for (size_t i = 0; out && i < all; i++)
		if (card_is_there(&cards[i], wish))
			out[(*count)++] = &cards[i];
	return out;
}

static bool add_count(cJSON *list, struct alternative *api, const struct config_service *service,
	const struct activation_card *const *cards, size_t count)
{
	char key[CONFIG_SLUG_MAX + 3];
	int64_t left = 0;

	for (size_t i = 0; i < count; i++)
		left += !card_is_used(api, cards[i], service->name);
	snprintf(key, sizeof key, "%s_0", service->name);
	return json_add_int(list, key, left);
}

/* country is a calling code here; another's is nobody's. */
void action_numbers_status(struct call_in *call)
{
	const struct config *config = call->api->parts.config;
	struct wish wish = { .customer = call->customer };
	const struct activation_card **cards;
	cJSON *list = cJSON_CreateObject();
	bool ok = list != NULL;
	int64_t key = 0;
	size_t count;

	if (*call->country && config_parse_int(call->country, 1, INT32_MAX, &key) == 0)
		wish.country = country_by_key((int)key);
	cards = cards_there(call->api, &wish, &count);
	if (*call->country && !wish.country)
		count = 0;
	for (size_t i = 0; ok && cards && i < config->service_count; i++)
		if (customer_price(call->customer, &config->services[i]) >= 0)
			ok = add_count(list, call->api, &config->services[i], cards, count);
	if (!ok || !cards) {
		cJSON_Delete(list);
		list = NULL;
	}
	free(cards);
	answer_json(call->request, list);
}

/* ---- getRentServicesAndCountries ------------------------------------------------------------- */

/* {country id: cards}, in the order of the table. */
static bool add_rent_countries(cJSON *json, const struct call_in *call,
	const struct activation_card *const *cards, size_t count)
{
	const struct config *config = call->api->parts.config;
	cJSON *list = cJSON_AddObjectToObject(json, "countries");
	int64_t *counts = calloc(countries_count, sizeof *counts);
	bool ok = list && counts;

	for (size_t i = 0; ok && i < count; i++)
		counts[country_of(cards[i]->row.number, cards[i]->row.imsi) - countries]++;
	for (size_t i = 0; ok && i < countries_count; i++) {
		const struct config_country *own = country_config(config, &countries[i]);
		char id[16];
		snprintf(id, sizeof id, "%d", id_of(own, &countries[i]));
		if (counts[i] > 0)
			ok = json_add_int(list, id, counts[i]);
	}
	free(counts);
	return ok;
}

static bool add_rent_service(cJSON *json, const struct call_in *call, const struct wish *wish,
	const struct activation_card *const *cards, size_t count)
{
	cJSON *services = cJSON_AddObjectToObject(json, "services");
	cJSON *full = services ? cJSON_AddObjectToObject(services, "full") : NULL;
	char cost[CONFIG_MONEY_SIZE];
	int64_t quant = 0;

	for (size_t i = 0; i < count; i++)
		quant += !wish->country ||
			 country_of(cards[i]->row.number, cards[i]->row.imsi) == wish->country;
	config_print_money(customer_rent_price(call->customer), cost);
	return full && json_add_int(full, "quant", quant) &&
	       cJSON_AddRawToObject(full, "cost", cost);
}

void action_rent_services(struct call_in *call)
{
	struct wish all = { .customer = call->customer, .rent = true }, wish = all;
	cJSON *json = cJSON_CreateObject(), *operators;
	const struct activation_card **cards;
	size_t count;
	bool ok;

	if (customer_rent_price(call->customer) < 0) {
		cJSON_Delete(json);
		answer_text(call->request, "NO_NUMBERS");
		return;
	}
	wish.country =
		*call->country ? country_of_id(call->api->parts.config, call->country) : NULL;
	cards = cards_there(call->api, &all, &count);
	ok = json && cards && add_rent_countries(json, call, cards, count);
	operators = ok ? cJSON_AddObjectToObject(json, "operators") : NULL;
	ok = operators && json_add_text(operators, "0", "any") &&
	     add_rent_service(
		     json, call, &wish, cards, *call->country && !wish.country ? 0 : count);
	if (!ok) {
		cJSON_Delete(json);
		json = NULL;
	}
	free(cards);
	answer_json(call->request, json);
}
