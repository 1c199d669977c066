/* gateway_hosts.c - the hosts that share the store: whose a bank is, who sends the lists. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway_impl.h"

enum {
	CLAIM_STALES = 3, /* banks are claimed again after so many host_stale */
	CLAIM_MS = 5000,  /* the first ports wait so long for the answer */
};

/* ---- banks ---------------------------------------------------------------------------------- */

bool gateway_is_denied(const struct gateway *gateway, const char *bank)
{
	for (size_t i = 0; i < gateway->denied_count; i++)
		if (strcmp(gateway->denied[i], bank) == 0)
			return true;
	return false;
}

static void close_bank(struct gateway *gateway, const char *bank)
{
	for (size_t i = gateway->modem_count; i-- > 0;)
		if (strcmp(gateway->modems[i]->bank, bank) == 0)
			gateway_retire(gateway, i, "its bank is another host's");
}

static void deny(struct gateway *gateway, const struct store_bank_claim *claim)
{
	if (gateway_is_denied(gateway, claim->bank))
		return;
	snprintf(gateway->denied[gateway->denied_count++], STORE_NAME_SIZE, "%s", claim->bank);
	log_error(LOGC_CONFIG, claim->bank, "bank_denied", LOG_FIELDS(LOG_STR("host", claim->host)),
		"host %s has a bank of this name in the store: this one stays down; give it a name "
		"of its own",
		claim->host);
	close_bank(gateway, claim->bank);
}

/* True: a bank is this host's that was not before. */
static bool allow(struct gateway *gateway, const char *bank)
{
	for (size_t i = 0; i < gateway->denied_count; i++) {
		if (strcmp(gateway->denied[i], bank) != 0)
			continue;
		memmove(gateway->denied[i], gateway->denied[gateway->denied_count - 1],
			STORE_NAME_SIZE);
		gateway->denied_count--;
		log_notice(LOGC_CONFIG, bank, "bank_claimed", NULL, "the bank is this host's now");
		return true;
	}
	return false;
}

static void claim_later(struct gateway *gateway)
{
	loop_timer_start(&gateway->claim, CLAIM_STALES * gateway->config->host_stale_ms);
}

/* While the store cannot be asked, what the configuration has counts. */
static void on_claimed(void *arg, int err, const struct store_bank_claim *rows, size_t count)
{
	struct gateway *gateway = arg;
	bool more = false;

	(void)err;
	if (gateway->stopping)
		return;
	for (size_t i = 0; i < count; i++) {
		if (!gateway_bank(gateway->config, rows[i].bank) || !*rows[i].host)
			more = allow(gateway, rows[i].bank) || more;
		else
			deny(gateway, &rows[i]);
	}
	claim_later(gateway);
	if (!gateway->begun) {
		gateway_begin_ports(gateway);
	} else if (more) {
		gateway_tell_sellers(gateway);
		gateway_hotplug_reload(gateway);
		gateway_scan(gateway);
	}
	gateway_look_settled(gateway);
}

void gateway_claim_banks(struct gateway *gateway)
{
	const char *names[CONFIG_BANKS_MAX];
	size_t count = 0;

	if (!store_is_shared(gateway->store))
		return;
	for (size_t i = 0; i < gateway->config->bank_count; i++)
		names[count++] = gateway->config->banks[i].name;
	loop_timer_stop(&gateway->claim);
	store_banks_claim(gateway->store, names, count, on_claimed, gateway);
}

static void on_claim(void *arg)
{
	struct gateway *gateway = arg;

	if (gateway->begun)
		gateway_claim_banks(gateway);
	else
		gateway_begin_ports(gateway);
}

/* ---- who sends the lists -------------------------------------------------------------------- */

static struct leader_state on_state(void *arg)
{
	const struct gateway *gateway = arg;
	struct leader_state state = { .ports = (int)gateway->modem_count };

	for (size_t i = 0; i < gateway->modem_count; i++)
		state.ready += gateway->modems[i]->fsm.state == MODEM_READY;
	return state;
}

static void on_gained(void *arg)
{
	struct gateway *gateway = arg;

	for (size_t i = 0; i < gateway->view.platform_count; i++)
		if (gateway->platforms[i].roster)
			roster_open(gateway->platforms[i].roster);
}

static void on_lost(void *arg)
{
	struct gateway *gateway = arg;

	for (size_t i = 0; i < gateway->view.platform_count; i++)
		if (gateway->platforms[i].roster)
			roster_close(gateway->platforms[i].roster);
}

bool gateway_is_listed(const struct gateway *gateway, const struct modem *modem, uint64_t *wish)
{
	if (!gateway_shows(gateway, modem))
		return false;
	if (!leader_follows(gateway->leader))
		return true;
	if (!*wish)
		*wish = leader_wish(gateway->leader);
	return !leader_is_heard(gateway->leader, *wish);
}

static void on_changed(void *arg)
{
	gateway_rosters_changed(arg);
}

/* A wish that the rosters fulfil, each for its platform. */
struct wish {
	struct gateway *gateway;
	int64_t number;
	size_t left;
	bool failed;
};

static void on_list(void *arg, int err, const char *why)
{
	struct wish *wish = arg;

	(void)why;
	wish->failed = wish->failed || err;
	if (--wish->left)
		return;
	leader_served(wish->gateway->leader, wish->number, !wish->failed);
	free(wish);
}

static void on_wished(void *arg, int64_t number)
{
	struct gateway *gateway = arg;
	struct wish *wish = calloc(1, sizeof *wish);

	if (!wish) {
		leader_served(gateway->leader, number, false);
		return;
	}
	*wish = (struct wish) { .gateway = gateway, .number = number, .left = 1 };
	for (size_t i = 0; i < gateway->view.platform_count; i++)
		if (gateway->platforms[i].roster) {
			wish->left++;
			roster_serve(gateway->platforms[i].roster, on_list, wish);
		}
	on_list(wish, 0, "");
}

/* ---- numbers that another host has, too ------------------------------------------------------ */

static void on_twice(void *arg, int err, const struct store_twice *rows, size_t count)
{
	struct gateway *gateway = arg;

	if (err)
		gateway->pool = -1; /* asked again at the next beat */
	for (size_t i = 0; !err && i < gateway->modem_count; i++) {
		struct modem *modem = gateway->modems[i];
		modem->twice[0] = '\0';
		for (size_t k = 0; k < count && !modem->twice[0]; k++)
			if (strcmp(rows[k].bank, modem->bank) == 0 &&
				strcmp(rows[k].slot, modem->slot) == 0)
				snprintf(modem->twice, sizeof modem->twice, "%s/%s",
					rows[k].other_bank, rows[k].other_slot);
	}
}

static void on_marks(void *arg, int err, const struct store_marks *marks)
{
	struct gateway *gateway = arg;

	if (err || marks->pool == gateway->pool)
		return;
	gateway->pool = marks->pool;
	store_twice(gateway->store, on_twice, gateway);
}

/* The list's sender leaves such numbers out; each host tells its own operator why. */
static void twice_look(struct gateway *gateway)
{
	if (store_is_shared(gateway->store))
		store_marks(gateway->store, on_marks, gateway);
}

static size_t stale_hosts(const struct gateway *gateway)
{
	size_t count, stale = 0;
	const struct store_host *hosts = leader_hosts(gateway->leader, &count);

	for (size_t i = 0; i < count; i++)
		stale += hosts[i].stale;
	return stale;
}

/* What a host that died had claimed, or what others queued, may be due; its banks may be had. */
static void on_beaten(void *arg)
{
	struct gateway *gateway = arg;
	size_t stale = stale_hosts(gateway);

	if (gateway->denied_count && stale != gateway->stale_hosts)
		gateway_claim_banks(gateway);
	gateway->stale_hosts = stale;
	twice_look(gateway);
	for (size_t i = 0; i < gateway->view.platform_count; i++)
		outbox_kick(gateway->platforms[i].outbox);
}

static const struct leader_events events = { on_state, on_gained, on_lost, on_changed, on_wished,
	on_beaten };

int gateway_hosts_new(struct gateway *gateway)
{
	gateway->leader = leader_new(gateway->loop, gateway->store, gateway->config->host_stale_ms,
		gateway->config->start_grace_ms, &events, gateway);
	gateway->view.leader = gateway->leader;
	loop_timer_init(&gateway->claim, gateway->loop, on_claim, gateway);
	return gateway->leader ? 0 : -ENOMEM;
}

void gateway_hosts_start(struct gateway *gateway)
{
	leader_start(gateway->leader);
	if (!store_is_shared(gateway->store)) {
		gateway_begin_ports(gateway);
		return;
	}
	gateway_claim_banks(gateway);
	loop_timer_start(&gateway->claim, CLAIM_MS);
}

void gateway_hosts_settled(struct gateway *gateway)
{
	struct store_place *places = calloc(gateway->modem_count + 1, sizeof *places);
	size_t count = 0;

	for (size_t i = 0; places && i < gateway->modem_count; i++)
		if (gateway->modems[i]->online)
			places[count++] = (struct store_place) { gateway->modems[i]->bank,
				gateway->modems[i]->slot };
	if (places && store_is_shared(gateway->store))
		store_ports_settled(gateway->store, places, count, NULL, NULL);
	free(places);
	leader_settled(gateway->leader);
}

void gateway_hosts_stop(struct gateway *gateway)
{
	loop_timer_stop(&gateway->claim);
	leader_stop(gateway->leader);
}
