/* inbox.c - from an entry of a listing to the store: decode, route, commit, join. */
#include "modem/inbox.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/counter.h"
#include "base/log.h"
#include "sms/pdu.h"

enum {
	NOBODY = '?',      /* begins the name under which parts of an unknown card are kept */
	PID_TYPE_0 = 0x40, /* acknowledged, shown to nobody (TS 23.040 9.2.3.9) */
	JOIN_AGAIN_MS = 10 * 1000, /* a complete set that could not be joined */
};

struct inbox {
	struct loop *loop;
	struct store *store;
	const struct inbox_host *host;
	void *arg;
	struct loop_timer join_timer;
	bool trouble; /* the store refused the last text */
};

/* A text on its way into the store. */
struct inbox_job {
	struct inbox *inbox;
	inbox_done_fn *done;
	void *owner;
	const char *undecodable;
	bool part;
	char port_id[2 * STORE_NAME_SIZE];
};

static void on_join_timer(void *arg)
{
	inbox_recover(arg);
}

/* Its parts are no longer on the card: the store alone has them. */
static void join_later(struct inbox *inbox)
{
	if (!loop_timer_active(&inbox->join_timer))
		loop_timer_start(&inbox->join_timer, JOIN_AGAIN_MS);
}

struct inbox *inbox_new(
	struct loop *loop, struct store *store, const struct inbox_host *host, void *arg)
{
	struct inbox *inbox = calloc(1, sizeof *inbox);

	if (!inbox)
		return NULL;
	*inbox = (struct inbox) { .loop = loop, .store = store, .host = host, .arg = arg };
	loop_timer_init(&inbox->join_timer, loop, on_join_timer, inbox);
	return inbox;
}

void inbox_free(struct inbox *inbox)
{
	if (inbox)
		loop_timer_stop(&inbox->join_timer);
	free(inbox);
}

static void note_trouble(struct inbox *inbox, int err)
{
	if (err && !inbox->trouble)
		log_error(LOGC_STORE, NULL, "store_failed",
			LOG_FIELDS(LOG_STR("reason", strerror(-err))),
			"texts cannot be stored: they stay on their cards and are read again; "
			"make room on the disk of state_dir");
	else if (!err && inbox->trouble)
		log_notice(LOGC_STORE, NULL, "store_ok", NULL, "texts are stored again");
	inbox->trouble = err != 0;
}

/* ---- joining -------------------------------------------------------------------------------- */

static void on_joined(void *arg, int err, const struct store_sms_result *result)
{
	struct inbox *inbox = arg;

	note_trouble(inbox, err);
	if (err)
		join_later(inbox);
	if (err || result->same_entry)
		return;
	counter_add(COUNTER_SMS_JOINED, 1);
	inbox->host->stored(inbox->arg, result);
}

static void join(struct inbox *inbox, const struct store_sms_result *result)
{
	size_t count = result->part_count, size = count * SMS_TEXT_MAX;
	const struct store_set_part *last = &result->parts[0];
	bool attributed;
	struct sms_pdu *pdus = calloc(count, sizeof *pdus);
	const struct sms_pdu **order = calloc(count, sizeof *order);
	char *text = malloc(size);
	struct store_route routes[STORE_ROUTES_MAX];

	if (!pdus || !order || !text) {
		join_later(inbox);
		goto out;
	}
	for (size_t i = 0; i < count; i++) {
		order[i] = &pdus[i];
		if (sms_pdu_read(result->parts[i].raw, strlen(result->parts[i].raw), -1, &pdus[i]))
			goto out;
		if (result->parts[i].arrived_ms > last->arrived_ms)
			last = &result->parts[i];
	}
	attributed = last->card_id[0] && last->card_id[0] != NOBODY;
	sms_text(order, count, text, size);
	struct store_message message = {
		.card_id = attributed ? last->card_id : "",
		.bank = last->bank,
		.slot = last->slot,
		.sender = pdus[0].sender.text,
		.text = text,
		.sent_ms = pdus[0].sent.valid ? pdus[0].sent.utc_s * 1000 : 0,
		.arrived_ms = last->arrived_ms,
		.parts = (int)count,
	};
	size_t routed = inbox->host->route(inbox->arg, last->bank, attributed, routes);
	store_set_join(inbox->store, result->set_id, &message, routes, routed, on_joined, inbox);
out:
	free(pdus);
	free(order);
	free(text);
}

static void on_set_complete(void *arg, int err, const struct store_sms_result *result)
{
	if (err)
		join_later(arg);
	if (result)
		join(arg, result);
}

void inbox_recover(struct inbox *inbox)
{
	store_sets_complete(inbox->store, on_set_complete, inbox);
}

/* ---- entries -------------------------------------------------------------------------------- */

static void note_stored(const struct inbox_job *job, const struct store_sms_result *result)
{
	if (result->same_entry) {
		counter_add(COUNTER_SMS_SAME_ENTRY, 1);
		return;
	}
	counter_add(COUNTER_SMS_RECEIVED, 1);
	if (job->undecodable) {
		counter_add(COUNTER_SMS_UNDECODABLE, 1);
		log_warning(LOGC_SMS, job->port_id, "sms_undecodable",
			LOG_FIELDS(LOG_STR("reason", job->undecodable)),
			"kept as it is, not forwarded: see simgatectl outbox");
	} else if (job->part) {
		log_info(LOGC_SMS, job->port_id, "sms_stored",
			LOG_FIELDS(LOG_INT("complete", result->set_id != NULL)),
			"a part of a longer text is stored");
	} else {
		log_info(LOGC_SMS, job->port_id, "sms_stored",
			LOG_FIELDS(LOG_STR("id", result->message_id)), "a text is stored");
	}
}

static void on_stored(void *arg, int err, const struct store_sms_result *result)
{
	struct inbox_job *job = arg;
	struct inbox *inbox = job->inbox;

	note_trouble(inbox, err);
	if (!err) {
		note_stored(job, result);
		if (!result->same_entry)
			inbox->host->stored(inbox->arg, result);
		if (result->set_id)
			join(inbox, result);
	}
	job->done(job->owner, err, !err && result->same_entry);
	free(job);
}

/* Under which card a part waits for the others. Where nobody can tell, those of one memory belong
 * together; those of two modules do not, be sender and reference the same. */
static const char *part_card(const struct inbox_entry *entry, char *buf, size_t size)
{
	if (entry->card_id[0])
		return entry->card_id;
	snprintf(buf, size, "%c%s", NOBODY, entry->key);
	return buf;
}

/* Why a PDU is kept raw and not forwarded; NULL if it is a text. */
static const char *no_text(enum sms_error error, const struct sms_pdu *pdu)
{
	if (error)
		return sms_error_name(error);
	if (pdu->kind == SMS_SUBMIT)
		return "submit";
	if (pdu->kind == SMS_STATUS_REPORT)
		return "status-report";
	if (pdu->pid == PID_TYPE_0)
		return "type-0";
	if (pdu->alphabet == SMS_DATA)
		return "data";
	return NULL;
}

void inbox_put(
	struct inbox *inbox, const struct inbox_entry *entry, inbox_done_fn *done, void *owner)
{
	struct inbox_job *job = calloc(1, sizeof *job);
	struct store_route routes[STORE_ROUTES_MAX];
	char text[SMS_TEXT_MAX], card[STORE_CARD_SIZE];
	struct sms_pdu pdu;
	const struct sms_pdu *one = &pdu;
	struct store_message message = { 0 };
	struct store_part part = { 0 };
	struct store_sms sms = {
		.card_id = entry->key,
		.bank = entry->bank,
		.slot = entry->slot,
		.memory = entry->memory,
		.index = entry->index,
		.raw = entry->pdu,
		.arrived_ms = loop_wall_ms(inbox->loop),
	};

	if (!job) {
		done(owner, -ENOMEM, false);
		return;
	}
	job->inbox = inbox;
	job->done = done;
	job->owner = owner;
	snprintf(job->port_id, sizeof job->port_id, "%s", entry->port_id);
	job->undecodable = sms.undecodable =
		no_text(sms_pdu_read(entry->pdu, strlen(entry->pdu), entry->tpdu_len, &pdu), &pdu);
	if (sms.undecodable) {
		; /* raw, with the reason */
	} else if (pdu.concat.total > 1) {
		part = (struct store_part) { part_card(entry, card, sizeof card), pdu.sender.text,
			pdu.sender.type, pdu.concat.ref, pdu.concat.ref_bits, pdu.concat.total,
			pdu.concat.seq };
		sms.part = &part;
		job->part = true;
	} else {
		sms_text(&one, 1, text, sizeof text);
		message = (struct store_message) {
			.card_id = entry->card_id,
			.bank = entry->bank,
			.slot = entry->slot,
			.sender = pdu.sender.text,
			.text = text,
			.sent_ms = pdu.sent.valid ? pdu.sent.utc_s * 1000 : 0,
			.arrived_ms = sms.arrived_ms,
			.parts = 1,
		};
		sms.message = &message;
		sms.routes = routes;
		sms.route_count =
			inbox->host->route(inbox->arg, entry->bank, entry->card_id[0], routes);
	}
	store_sms_put(inbox->store, &sms, on_stored, job);
}
