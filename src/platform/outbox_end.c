/* outbox_end.c - how a try ended: what becomes of the text, and of the platform. */
#include <errno.h>
#include <stdio.h>

#include "base/counter.h"
#include "base/log.h"
#include "platform/outbox_impl.h"

enum {
	STORE_RETRY_MS = 1000,
	NUMBER_RETRY_MS = 5 * 60 * 1000,
};

void outbox_on_list_timer(void *arg)
{
	struct outbox *outbox = arg;

	outbox->asked_list_ms = loop_now_ms(outbox->loop);
	if (outbox->events.want_list)
		outbox->events.want_list(outbox->arg);
}

static void want_list(struct outbox *outbox)
{
	int64_t gap_ms = outbox->asked_list_ms + OUTBOX_LIST_GAP_MS - loop_now_ms(outbox->loop);

	if (!loop_timer_active(&outbox->list_timer))
		loop_timer_start(&outbox->list_timer, gap_ms);
}

static void keep_unstored(struct outbox *outbox, struct text *text)
{
	text_enter(text, TEXT_UNSTORED);
	if (!loop_timer_active(&outbox->store_timer))
		loop_timer_start(&outbox->store_timer, STORE_RETRY_MS);
}

static void after_stored(struct outbox *outbox, const struct text *text)
{
	if (text->store_state == STORE_QUEUED)
		outbox_due_at(outbox, text->next_ms);
	if (text->want_list && !outbox->stopped)
		want_list(outbox);
	if (text->outcome == OUTCOME_DELIVERED && outbox->events.delivered)
		outbox->events.delivered(outbox->arg, &text->delivery);
}

/* -ENOENT: the delivery is no more, so that there is nothing to be stored. */
static void on_stored(void *arg, int err, const struct store_claim *claim)
{
	struct text *text = arg;
	struct outbox *outbox = text->outbox;

	text_leave(text);
	if (outbox_is_dead(outbox)) {
		text_free(text);
		return;
	}
	if (err && err != -ENOENT) {
		keep_unstored(outbox, text);
		return;
	}
	after_stored(outbox, text);
	text_free(text);
	for (size_t i = 0; !err && i < claim->count; i++)
		outbox_take(outbox, &claim->rows[i]);
	if (!err && claim->next_ms)
		outbox_due_at(outbox, claim->next_ms);
	outbox_pump(outbox);
}

static void store_text(struct text *text)
{
	struct outbox *outbox = text->outbox;
	struct store_outcome outcome = {
		.message_id = text->delivery.message_id,
		.platform = text->delivery.platform,
		.state = text->store_state,
		.reason = text->reason,
		.next_ms = text->next_ms,
		.now_ms = loop_wall_ms(outbox->loop),
		.lease_ms = outbox_lease_ms(outbox),
		.number_error = text->outcome == OUTCOME_NUMBER,
		.tried = text->outcome != OUTCOME_ACCOUNT,
		.claim_next = !outbox->stopped,
	};

	text_enter(text, TEXT_STORING);
	store_outcome(outbox->store, &outcome, on_stored, text);
}

void outbox_on_store_timer(void *arg)
{
	struct outbox *outbox = arg;
	size_t count = outbox->texts.counts[TEXT_UNSTORED];

	while (count-- > 0) {
		struct text *text = TAILQ_FIRST(&outbox->texts.lists[TEXT_UNSTORED]);
		text_leave(text);
		store_text(text);
	}
}

static void delivered(struct outbox *outbox, struct text *text, const char *port)
{
	const struct store_delivery *delivery = &text->delivery;

	text->store_state = STORE_DELIVERED;
	outbox->delivered++;
	counter_add(COUNTER_DELIVERED, 1);
	log_info(LOGC_PLATFORM, outbox->platform->name, "sms_delivered",
		LOG_FIELDS(LOG_STR("port", port), LOG_NUMBER("number", delivery->number),
			LOG_INT("parts", delivery->parts),
			LOG_INT("ms", loop_wall_ms(outbox->loop) - delivery->arrived_ms),
			LOG_INT("attempts", delivery->attempts + 1)),
		"text delivered");
}

static void refused(struct outbox *outbox, struct text *text, const char *port)
{
	text->store_state = STORE_REFUSED;
	outbox->refused++;
	counter_add(COUNTER_REJECTED, 1);
	log_warning(LOGC_PLATFORM, outbox->platform->name, "sms_refused",
		LOG_FIELDS(LOG_STR("port", port), LOG_NUMBER("number", text->delivery.number),
			LOG_STR("reason", text->reason),
			LOG_INT("attempts", text->delivery.attempts + 1)),
		"platform does not take this text: it is kept, see `simgatectl outbox`");
}

/* A text of an operation that is over for so long interests nobody any more. */
static bool gave_up(const struct outbox *outbox, const struct text *text)
{
	int64_t closed_ms = text->delivery.activation_closed_ms;

	return closed_ms > 0 &&
	       loop_wall_ms(outbox->loop) - closed_ms >= outbox->platform->closed_give_up_ms;
}

static void retried(struct outbox *outbox, struct text *text)
{
	int attempts = text->delivery.attempts;
	unsigned tries = attempts > 0 ? (unsigned)attempts : 0;
	int64_t pause_ms = breaker_backoff_ms(&outbox->breaker, tries);
	int64_t hold_ms = outbox->breaker.hold_ms - loop_now_ms(outbox->loop);

	text->next_ms = loop_wall_ms(outbox->loop) + (hold_ms > pause_ms ? hold_ms : pause_ms);
	outbox->retried++;
	counter_add(COUNTER_RETRIED, 1);
}

static void after_retry(struct outbox *outbox, struct text *text, const char *port)
{
	if (!gave_up(outbox, text)) {
		retried(outbox, text);
		return;
	}
	snprintf(text->reason, sizeof text->reason, "operation_closed");
	refused(outbox, text, port);
}

static void number_unknown(struct outbox *outbox, struct text *text, const char *port)
{
	int64_t now_ms = loop_wall_ms(outbox->loop), since_ms = text->delivery.number_error_ms;

	if (since_ms && now_ms - since_ms >= outbox->platform->number_give_up_ms) {
		snprintf(text->reason, sizeof text->reason, "number_unknown");
		refused(outbox, text, port);
		return;
	}
	/* Only the first time: a platform that lists a number and does not know it would else be
	 * told and asked in turn without a pause. */
	text->want_list = since_ms == 0;
	text->next_ms = now_ms + NUMBER_RETRY_MS;
}

static void obey_retry_after(struct outbox *outbox, const struct answer *answer, const char *reason)
{
	bool held = outbox->breaker.hold_ms > loop_now_ms(outbox->loop);

	if (answer->retry_after_ms <= 0)
		return;
	int64_t pause_ms = breaker_hold(&outbox->breaker, answer->retry_after_ms);
	if (!held)
		log_notice(LOGC_PLATFORM, outbox->platform->name, NULL,
			LOG_FIELDS(LOG_STR("reason", reason), LOG_INT("seconds", pause_ms / 1000)),
			"platform asks for a pause: nothing is sent meanwhile");
}

void outbox_judge_platform(struct outbox *outbox, enum outcome outcome, const char *message_id,
	const char *reason, const struct answer *answer)
{
	size_t flying = outbox->texts.counts[TEXT_FLYING] + outbox->texts.counts[TEXT_BATCHED];

	switch (outcome) {
	case OUTCOME_DELIVERED:
	case OUTCOME_NUMBER:
	case OUTCOME_REJECTED:
		if (breaker_well(&outbox->breaker))
			outbox->due_ms = 0;
		break;
	case OUTCOME_RETRY:
		breaker_badly(&outbox->breaker, message_id, flying, reason);
		obey_retry_after(outbox, answer, reason);
		break;
	case OUTCOME_ACCOUNT: breaker_account(&outbox->breaker, reason); break;
	}
}

void outbox_conclude(struct text *text)
{
	struct outbox *outbox = text->outbox;
	char port[2 * STORE_NAME_SIZE];

	snprintf(port, sizeof port, "%s/%s", text->delivery.bank, text->delivery.slot);
	text->store_state = STORE_QUEUED;
	text->next_ms = loop_wall_ms(outbox->loop);
	text->want_list = false;
	switch (text->outcome) {
	case OUTCOME_DELIVERED: delivered(outbox, text, port); break;
	case OUTCOME_RETRY: after_retry(outbox, text, port); break;
	case OUTCOME_NUMBER: number_unknown(outbox, text, port); break;
	case OUTCOME_REJECTED: refused(outbox, text, port); break;
	case OUTCOME_ACCOUNT: break; /* as if it had not been tried */
	}
	store_text(text);
}
