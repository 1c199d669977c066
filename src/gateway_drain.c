/* gateway_drain.c - ports off the list by an operator's word: the store's marks shown on the ports,
 * and when nothing of a card is left to deliver; places that are no more. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway_impl.h"

enum {
	LOOK_MS = 500,      /* while something is still to come */
	MISSING_LINES = 32, /* about places whose device is gone */
};

static int by_place(const void *a, const void *b)
{
	const struct store_drained *x = a, *y = b;
	int order = strcmp(x->bank, y->bank);

	return order ? order : strcmp(x->slot, y->slot);
}

static void begin(struct gateway *gateway, struct modem *modem)
{
	modem->drain = (struct modem_drain) { .state = DRAIN_BEGUN,
		.begun_ms = loop_now_ms(gateway->loop) };
	log_notice(LOGC_MAIN, modem->id, "draining", NULL,
		"its number is kept off the lists; its texts go out");
	modem_sweep(modem);
}

static void end(struct modem *modem)
{
	if (modem->drain.state != DRAIN_NO)
		log_notice(LOGC_MAIN, modem->id, "resumed", NULL, "its number may be listed again");
	modem->drain = (struct modem_drain) { 0 };
}

static void look_over(struct gateway *gateway, struct modem *modem, const struct store_drained *row)
{
	struct modem_drain *drain = &modem->drain;

	if (drain->state == DRAIN_NO)
		begin(gateway, modem);
	drain->queued = row->queued;
	drain->unknown = row->unknown;
	drain->held = row->held;
	drain->parts = row->parts;
	drain->unstored = modem_unstored(modem);
	drain->unread =
		modem->fsm.state == MODEM_READY && modem->sms.last_sweep_ms < drain->begun_ms;
	bool over = !row->queued && !row->held && !row->parts && !drain->unstored &&
		    !drain->unread && !gateway_is_listed(gateway, modem, &drain->wish);
	drain->state = over ? DRAIN_OVER : DRAIN_BEGUN;
	if (over && !drain->told)
		log_notice(LOGC_MAIN, modem->id, "drained", NULL,
			"off the lists, and no text of its card is left");
	drain->told = drain->told || over;
}

static void on_drains(void *arg, int err, const struct store_drained *rows, size_t count)
{
	struct gateway *gateway = arg;
	bool again = gateway->drain_again || err;

	gateway->drain_asked = gateway->drain_again = false;
	for (size_t i = 0; !err && i < gateway->modem_count; i++) {
		struct modem *modem = gateway->modems[i];
		struct store_drained place = { .bank = modem->bank, .slot = modem->slot };
		const struct store_drained *row =
			count ? bsearch(&place, rows, count, sizeof place, by_place) : NULL;
		if (row)
			look_over(gateway, modem, row);
		else
			end(modem);
		again = again || modem->drain.state == DRAIN_BEGUN;
	}
	if (!err)
		gateway->drains = count;
	if (again && !gateway->stopping)
		loop_timer_start(&gateway->drain, LOOK_MS);
	gateway_look_settled(gateway);
}

static void on_drain_timer(void *arg)
{
	gateway_drain_look(arg);
}

void gateway_drain_init(struct gateway *gateway)
{
	loop_timer_init(&gateway->drain, gateway->loop, on_drain_timer, gateway);
}

void gateway_drain_look(struct gateway *gateway)
{
	if (gateway->drain_asked) {
		gateway->drain_again = true;
		return;
	}
	loop_timer_stop(&gateway->drain);
	gateway->drain_asked = true;
	store_drains(gateway->store, on_drains, gateway);
}

void gateway_drain_touch(struct gateway *gateway)
{
	if (gateway->drains > 0 && !gateway->stopping && !loop_timer_active(&gateway->drain))
		loop_timer_start(&gateway->drain, LOOK_MS);
}

void gateway_drain_changed(void *arg)
{
	struct gateway *gateway = arg;

	gateway_rosters_changed(gateway);
	gateway_drain_look(gateway);
}

/* ---- places that the configuration no longer has -------------------------------------------- */

/* The slots of a bank whose devices are all named one by one are known; else any may be plugged in
 * later. */
static size_t bank_places(
	const struct config_bank *bank, char (*slots)[STORE_NAME_SIZE], struct store_place *places)
{
	size_t count = 0;

	for (size_t d = 0; !bank->path && d < bank->device_count; d++) {
		if (!gateway_fixed_slot(bank->devices[d], slots[d])) {
			count = 0;
			break;
		}
		places[count++] = (struct store_place) { bank->name, slots[d] };
	}
	if (count == 0)
		places[count++] = (struct store_place) { bank->name, "" };
	return count;
}

void gateway_keep_places(struct gateway *gateway)
{
	const struct config *config = gateway->config;
	size_t room = 0, count = 0, used = 0;

	for (size_t b = 0; b < config->bank_count; b++)
		room += config->banks[b].device_count + 1;
	struct store_place *places = calloc(room + 1, sizeof *places);
	char(*slots)[STORE_NAME_SIZE] = calloc(room + 1, sizeof *slots);
	for (size_t b = 0; places && slots && b < config->bank_count; b++) {
		count += bank_places(&config->banks[b], slots + used, places + count);
		used += config->banks[b].device_count;
	}
	if (places && slots)
		store_ports_keep(gateway->store, places, count, NULL, NULL);
	free(places);
	free(slots);
}

/* ---- places whose device is gone ------------------------------------------------------------- */

static void on_missing(void *arg, int err, const struct store_place *rows, size_t count)
{
	char id[2 * STORE_NAME_SIZE];

	(void)arg, (void)err; /* at the next start then */
	for (size_t i = 0; i < count && i < MISSING_LINES; i++) {
		snprintf(id, sizeof id, "%s/%s", rows[i].bank, rows[i].slot);
		log_warning(LOGC_PORT, id, "port_lost", NULL,
			"a card was here before this start, and no device is now: look at its "
			"plug and power, and at simgatectl doctor; said once");
	}
	if (count > MISSING_LINES)
		log_warning(LOGC_PORT, NULL, "port_lost",
			LOG_FIELDS(LOG_INT("ports", (int64_t)(count - MISSING_LINES))),
			"so many more ports had a card before this start, and no device is there");
}

void gateway_look_missing(struct gateway *gateway)
{
	struct store_place *places = calloc(gateway->modem_count + 1, sizeof *places);

	for (size_t i = 0; places && i < gateway->modem_count; i++)
		places[i] =
			(struct store_place) { gateway->modems[i]->bank, gateway->modems[i]->slot };
	if (places)
		store_ports_missing(gateway->store, places, gateway->modem_count, on_missing, NULL);
	free(places);
}
