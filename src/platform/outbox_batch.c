/* outbox_batch.c - several texts in one call: gathered for a while, and apart again when refused.
 *
 * A claim brings one text a card at most, so that a batch holds one a card: their order is kept as
 * it is with single texts. One batch is on its way at a time. */
#include <errno.h>
#include <stdio.h>

#include "base/log.h"
#include "platform/outbox_impl.h"

enum { BATCH_REST_MS = 10 * 60 * 1000 }; /* after a refused one each text goes alone for so long */

/* Whether batches are made at all now. Whether one can be marked as a test is not documented: a dry
 * run makes none. */
static bool is_on(const struct outbox *outbox)
{
	return outbox->platform->batch_ms > 0 && !outbox->platform->dry_run &&
	       outbox->kind->messages && !outbox->stopped &&
	       loop_now_ms(outbox->loop) >= outbox->batch_rest_ms;
}

/* What has failed before goes alone: it may be why. */
bool outbox_gathers(const struct outbox *outbox, const struct store_delivery *delivery)
{
	return is_on(outbox) && outbox->breaker.health == OUTBOX_UP && delivery->attempts == 0;
}

void outbox_gathered(struct outbox *outbox)
{
	if (outbox->texts.counts[TEXT_GATHERED] == 1)
		loop_timer_start(&outbox->gather_timer, outbox->platform->batch_ms);
}

static void move_first(struct outbox *outbox, enum text_state from, enum text_state to)
{
	struct text *text = TAILQ_FIRST(&outbox->texts.lists[from]);

	text_leave(text);
	text_enter(text, to);
}

static void move_all(struct outbox *outbox, enum text_state from, enum text_state to)
{
	while (outbox->texts.counts[from] > 0)
		move_first(outbox, from, to);
}

/* Each of them alone, and no batch for a while. */
static void take_apart(struct outbox *outbox, const char *reason)
{
	outbox->batch_rest_ms = loop_now_ms(outbox->loop) + BATCH_REST_MS;
	log_notice(LOGC_PLATFORM, outbox->platform->name, NULL,
		LOG_FIELDS(LOG_STR("reason", reason),
			LOG_INT("texts", (int64_t)outbox->texts.counts[TEXT_BATCHED])),
		"platform does not take a batch: its texts go one by one, and so do others for a "
		"while");
	move_all(outbox, TEXT_BATCHED, TEXT_READY);
}

static void conclude_all(struct outbox *outbox, enum outcome outcome, const char *reason)
{
	while (outbox->texts.counts[TEXT_BATCHED] > 0) {
		struct text *text = TAILQ_FIRST(&outbox->texts.lists[TEXT_BATCHED]);
		text_leave(text);
		text->outcome = outcome;
		snprintf(text->reason, sizeof text->reason, "%s", reason);
		outbox_conclude(text);
	}
}

static void judge_batch(struct outbox *outbox, const struct answer *answer)
{
	const struct text *first = TAILQ_FIRST(&outbox->texts.lists[TEXT_BATCHED]);
	char reason[PLATFORM_REASON_SIZE];
	enum outcome outcome = outbox->kind->messages_outcome(answer, reason, sizeof reason);

	outbox_judge_platform(outbox, outcome, first->delivery.message_id, reason, answer);
	switch (outcome) {
	case OUTCOME_NUMBER:
	case OUTCOME_REJECTED: take_apart(outbox, reason); break;
	case OUTCOME_DELIVERED:
	case OUTCOME_RETRY:
	case OUTCOME_ACCOUNT: conclude_all(outbox, outcome, reason); break;
	}
}

static void on_batch_answer(void *arg, const struct answer *answer)
{
	struct outbox *outbox = arg;

	outbox->batch_call = NULL;
	judge_batch(outbox, answer);
	outbox_pump(outbox);
}

static void send_batch(struct outbox *outbox)
{
	static const struct answer no_memory = { .error = "out of memory", .body = "" };
	const struct store_delivery *deliveries[OUTBOX_BATCH_MAX];
	struct call call = { 0 };
	size_t count = 0;
	struct text *text;

	while (count < OUTBOX_BATCH_MAX && outbox->texts.counts[TEXT_GATHERED] > 0) {
		text = TAILQ_FIRST(&outbox->texts.lists[TEXT_GATHERED]);
		deliveries[count++] = &text->delivery;
		if (count == 1 || text->end_ms < outbox->batch_end_ms)
			outbox->batch_end_ms = text->end_ms;
		move_first(outbox, TEXT_GATHERED, TEXT_BATCHED);
	}
	int err = outbox->kind->messages(outbox->platform, deliveries, count, &call);
	if (err == -EINVAL) { /* one of them cannot be said; alone it will show which */
		take_apart(outbox, "cannot-be-said");
		return;
	}
	call.end_ms = &outbox->batch_end_ms;
	if (err == 0)
		outbox->batch_call = deliver_start(
			outbox->deliver, outbox->platform, &call, on_batch_answer, outbox);
	call_free(&call);
	if (!outbox->batch_call)
		judge_batch(outbox, &no_memory);
}

static bool is_due(const struct outbox *outbox)
{
	size_t gathered = outbox->texts.counts[TEXT_GATHERED];

	return gathered >= OUTBOX_BATCH_MAX ||
	       (gathered > 0 && !loop_timer_active(&outbox->gather_timer));
}

void outbox_batch_pump(struct outbox *outbox)
{
	bool probes = outbox->breaker.health != OUTBOX_UP;

	if (!is_on(outbox)) {
		move_all(outbox, TEXT_GATHERED, TEXT_READY);
	} else if (probes) { /* with one text; the others wait here, or in the store */
		if (outbox->texts.counts[TEXT_GATHERED] > 0 &&
			outbox->texts.counts[TEXT_READY] == 0)
			move_first(outbox, TEXT_GATHERED, TEXT_READY);
	} else if (is_due(outbox) && !outbox->batch_call &&
		   breaker_wait_ms(&outbox->breaker) <= 0 &&
		   outbox_unstored(outbox) < (size_t)outbox->platform->concurrency) {
		send_batch(outbox);
	}
}
