/* gateway_platforms.c - the platforms and what works for each: outbox, list, take-off. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway_impl.h"

struct control_platform *gateway_platform(struct gateway *gateway, const char *name)
{
	for (size_t i = 0; i < gateway->view.platform_count; i++)
		if (strcmp(gateway->owners[i]->name, name) == 0)
			return &gateway->platforms[i];
	return NULL;
}

static void on_want_list(void *arg)
{
	struct platform *owner = arg;
	struct control_platform *platform = gateway_platform(owner->gateway, owner->name);

	if (platform && platform->roster && leader_follows(owner->gateway->leader))
		leader_wish(owner->gateway->leader);
	else if (platform && platform->roster)
		roster_want(platform->roster);
}

static void on_list_answered(void *arg, enum outcome outcome, const char *reason)
{
	struct platform *owner = arg;
	struct control_platform *platform = gateway_platform(owner->gateway, owner->name);

	if (!platform)
		return;
	outbox_account(platform->outbox, outcome, reason);
	if (outcome == OUTCOME_DELIVERED)
		outbox_kick(platform->outbox);
}

/* Its outcome is stored by now. */
static void on_delivered(void *arg, const struct store_delivery *delivery)
{
	struct platform *owner = arg;

	histogram_add(&owner->deliveries, histogram_deliveries,
		1000 * (loop_wall_ms(owner->gateway->loop) - delivery->arrived_ms));
}

static const struct outbox_events outbox_events = { on_want_list, on_delivered };
static const struct roster_events roster_events = { on_list_answered };

void gateway_remove_platform(struct gateway *gateway, size_t i)
{
	takeoff_free(gateway->platforms[i].takeoff);
	roster_free(gateway->platforms[i].roster);
	outbox_free(gateway->platforms[i].outbox);
	free(gateway->owners[i]);
	gateway->platforms[i] = (struct control_platform) { 0 };
	gateway->owners[i] = NULL;
}

void gateway_tell_sold_banks(struct gateway *gateway, struct control_platform *platform)
{
	char *names[CONFIG_BANKS_MAX];
	size_t count = 0;

	if (!platform->roster)
		return;
	for (size_t b = 0; b < gateway->config->bank_count; b++)
		for (size_t s = 0; s < gateway->config->banks[b].sell_count; s++)
			if (strcmp(gateway->config->banks[b].sell[s], platform->config->name) == 0)
				names[count++] = gateway->config->banks[b].name;
	roster_sells(platform->roster, names, count);
}

int gateway_add_platform(struct gateway *gateway, const struct config_platform *config)
{
	size_t i = gateway->view.platform_count;
	struct control_platform *platform = &gateway->platforms[i];
	struct platform *owner = calloc(1, sizeof *owner);

	if (!owner)
		return -ENOMEM;
	owner->gateway = gateway;
	snprintf(owner->name, sizeof owner->name, "%s", config->name);
	gateway->owners[i] = owner;
	platform->config = config;
	platform->deliveries = &owner->deliveries;
	platform->outbox = outbox_new(
		gateway->loop, gateway->store, gateway->deliver, config, &outbox_events, owner);
	if (config_platform_lists(config)) {
		platform->roster = roster_new(gateway->loop, gateway->store, gateway->deliver,
			config, &roster_events, owner);
		platform->takeoff =
			takeoff_new(gateway->loop, gateway->store, gateway->deliver, config);
	}
	if (!platform->outbox ||
		(config_platform_lists(config) && (!platform->roster || !platform->takeoff))) {
		gateway_remove_platform(gateway, i);
		return -ENOMEM;
	}
	gateway->view.platform_count++;
	if (platform->roster)
		roster_lead(platform->roster, gateway->leader);
	gateway_tell_sold_banks(gateway, platform);
	outbox_kick(platform->outbox);
	if (gateway->view.settled && platform->roster && !leader_follows(gateway->leader))
		roster_open(platform->roster);
	return 0;
}

/* ---- their lists ---------------------------------------------------------------------------- */

void gateway_rosters_changed(struct gateway *gateway)
{
	for (size_t i = 0; i < gateway->view.platform_count; i++)
		if (gateway->platforms[i].roster)
			roster_changed(gateway->platforms[i].roster);
}

bool gateway_shows(const struct gateway *gateway, const struct modem *modem)
{
	for (size_t i = 0; i < gateway->view.platform_count; i++)
		if (gateway->platforms[i].roster &&
			roster_shows(gateway->platforms[i].roster, modem->bank, modem->id))
			return true;
	return false;
}
