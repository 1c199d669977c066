/* inbox_sets.c - long texts: joined when complete, given up with a gap when they wait too long. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/counter.h"
#include "base/log.h"
#include "modem/inbox_impl.h"
#include "sms/concat.h"

enum {
	AGAIN_MS = 10 * 1000, /* a complete set that could not be joined */
	LOOK_MIN_MS = 1000,
	LOOK_MAX_MS = 60 * 1000, /* how exact the end of the wait is, at most */
	LOOK_SHARE = 16,         /* and as a share of it */
};

/* Its parts are no longer on the card: the store alone has them. */
static void join_later(struct inbox *inbox)
{
	if (!loop_timer_active(&inbox->join_timer))
		loop_timer_start(&inbox->join_timer, AGAIN_MS);
}

/* ---- joining -------------------------------------------------------------------------------- */

static void on_joined(void *arg, int err, const struct store_sms_result *result)
{
	struct inbox *inbox = arg;
	char port_id[2 * STORE_NAME_SIZE];

	inbox_note_store(inbox, err, result);
	if (!err && result->is_moved) {
		struct store_route routes[STORE_ROUTES_MAX];
		size_t routed = inbox_route_again(inbox, result, routes);
		store_set_join(inbox->store, result->set_id, result->message, routes, routed,
			on_joined, inbox);
		return;
	}
	if (err)
		join_later(inbox);
	if (err || result->same_entry)
		return;
	counter_add(COUNTER_SMS_JOINED, 1);
	snprintf(port_id, sizeof port_id, "%s/%s", result->message->bank, result->message->slot);
	log_info(LOGC_SMS, port_id, "sms_stored",
		LOG_FIELDS(LOG_STR("id", result->message_id),
			LOG_INT("parts", result->message->parts)),
		"a text is stored");
	inbox->host->stored(inbox->arg, result);
}

/* A set taken apart: pdus by place, NULL where a part is missing. */
struct parts {
	struct sms_pdu *pdus;
	const struct sms_pdu **order;
	char *text;
	const struct sms_pdu *first;
	const struct store_set_part *last; /* the newest to arrive */
	int64_t sent_ms;
};

/* A part that cannot be read any more counts as missing: the others still go out. */
static void parts_read(struct parts *parts, const struct store_sms_result *set)
{
	for (size_t i = 0; i < set->part_count; i++) {
		const struct store_set_part *part = &set->parts[i];
		struct sms_pdu *pdu = &parts->pdus[part->seq - 1];
		if (part->arrived_ms > parts->last->arrived_ms)
			parts->last = part;
		if (sms_pdu_read(part->raw, strlen(part->raw), part->tpdu_len, pdu))
			continue;
		parts->order[part->seq - 1] = pdu;
		if (!parts->first)
			parts->first = pdu;
		if (!parts->sent_ms && pdu->sent.valid)
			parts->sent_ms = pdu->sent.utc_s * 1000;
	}
}

static void join_read(
	struct inbox *inbox, const struct store_sms_result *set, const struct parts *parts)
{
	const struct store_set_part *last = parts->last;
	bool attributed = last->card_id[0] && last->card_id[0] != INBOX_NOBODY;
	struct store_message message = {
		.card_id = attributed ? last->card_id : "",
		.bank = last->bank,
		.slot = last->slot,
		.sender = parts->first ? parts->first->sender.text : "",
		.text = parts->text,
		.sent_ms = parts->sent_ms,
		.arrived_ms = last->arrived_ms,
		.parts = (int)set->part_count,
	};
	struct store_route routes[STORE_ROUTES_MAX];
	size_t routed = inbox->host->route(inbox->arg, &message, routes);

	store_set_join(inbox->store, set->set_id, &message, routes, routed, on_joined, inbox);
}

void inbox_join(struct inbox *inbox, const struct store_sms_result *set)
{
	size_t total = (size_t)set->part_total, size = total * SMS_TEXT_MAX;
	struct parts parts = {
		.last = &set->parts[0],
		.pdus = calloc(total, sizeof *parts.pdus),
		.order = calloc(total, sizeof *parts.order),
		.text = malloc(size),
	};

	if (parts.pdus && parts.order && parts.text) {
		parts_read(&parts, set);
		sms_text(parts.order, total, parts.text, size);
		join_read(inbox, set, &parts);
	} else {
		join_later(inbox);
	}
	free(parts.pdus);
	free(parts.order);
	free(parts.text);
}

static void on_set_complete(void *arg, int err, const struct store_sms_result *set)
{
	if (err)
		join_later(arg);
	if (set)
		inbox_join(arg, set);
}

void inbox_join_complete(struct inbox *inbox)
{
	store_sets_complete(inbox->store, on_set_complete, inbox);
}

static void on_join_timer(void *arg)
{
	inbox_join_complete(arg);
}

/* ---- sets that wait no longer --------------------------------------------------------------- */

static void look_again(struct inbox *inbox, int64_t ms)
{
	if (ms < LOOK_MIN_MS)
		ms = LOOK_MIN_MS;
	loop_timer_start(&inbox->due_timer, ms < LOOK_MAX_MS ? ms : LOOK_MAX_MS);
}

static void give_up(struct inbox *inbox, const struct store_sms_result *set)
{
	const struct store_set_part *part = &set->parts[0];
	char port_id[2 * STORE_NAME_SIZE];

	snprintf(port_id, sizeof port_id, "%s/%s", part->bank, part->slot);
	inbox->due_count++;
	if (set->same_entry) {
		counter_add(COUNTER_SMS_REPEATED, 1);
		log_info(LOGC_SMS, port_id, NULL,
			LOG_FIELDS(LOG_INT("parts", (int64_t)set->part_count)),
			"parts that the network sent again: the text has gone out before");
		return;
	}
	counter_add(COUNTER_SMS_GAPS, 1);
	log_notice(LOGC_SMS, port_id, NULL,
		LOG_FIELDS(LOG_INT("parts", (int64_t)set->part_count),
			LOG_INT("total", set->part_total)),
		"a long text goes out with a gap: its other parts did not come");
	inbox_join(inbox, set);
}

static void on_due(void *arg, int err, const struct store_sms_result *set)
{
	struct inbox *inbox = arg;

	if (set) {
		give_up(inbox, set);
		return;
	}
	inbox_note_store(inbox, err, NULL);
	inbox->looking = false;
	look_again(inbox, inbox->due_count == STORE_PAGE_MAX ? 0 : inbox->spans->wait / LOOK_SHARE);
}

void inbox_look_for_due(struct inbox *inbox)
{
	if (inbox->looking)
		return;
	inbox->looking = true;
	inbox->due_count = 0;
	store_sets_due(inbox->store,
		inbox->holding ? 0 : loop_wall_ms(inbox->loop) - inbox->spans->wait, on_due, inbox);
}

static void on_due_timer(void *arg)
{
	struct inbox *inbox = arg;

	inbox->holding = false;
	inbox_look_for_due(inbox);
}

/* ---- life ----------------------------------------------------------------------------------- */

void inbox_recover(struct inbox *inbox, int64_t hold_ms)
{
	on_join_timer(inbox);
	inbox->holding = true;
	loop_timer_start(&inbox->due_timer, hold_ms);
}

void inbox_sets_init(struct inbox *inbox)
{
	loop_timer_init(&inbox->join_timer, inbox->loop, on_join_timer, inbox);
	loop_timer_init(&inbox->due_timer, inbox->loop, on_due_timer, inbox);
}

void inbox_sets_done(struct inbox *inbox)
{
	loop_timer_stop(&inbox->join_timer);
	loop_timer_stop(&inbox->due_timer);
}
