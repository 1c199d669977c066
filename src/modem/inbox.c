/* inbox.c - from an entry of a listing to the store: decode, route, commit. */
#include "modem/inbox_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/counter.h"
#include "base/log.h"
#include "base/tally.h"
#include "sms/concat.h"
#include "store/store_orders.h"

enum {
	MOVE_RETRY_MS = 5000, /* what is in the journal could not be moved: again */
	MOVE_MORE_MS = 50,
	MOVE_SOON_MS = 1000, /* what the server was too slow for */
	/* TS 23.040 9.2.3.9 */
	PID_TYPE_0 = 0x40,              /* acknowledged, shown to nobody */
	PID_SIM_DATA = 0x7F,            /* for the card's own programs */
	STAMP_LEN = 7,                  /* 9.2.3.11; the length of the text and its header follow */
	DOWN_MS = 6 * 24 * 3600 * 1000, /* for which a host may have been off: the rest of a text
					   that was begun before may still lie on its card */
};

/* A text on its way into the store. */
struct inbox_job {
	struct inbox *inbox;
	inbox_done_fn *done;
	void *owner;
	const char *no_text; /* why it is none */
	bool undecodable;    /* and nobody can tell what it is */
	bool part, again;
	int seq, total; /* of a part */
	char memory[8];
	int index;
	bool moved; /* from the journal, where it was counted */
	char port_id[2 * STORE_NAME_SIZE];
};

void inbox_note_store(struct inbox *inbox, int err, const struct store_sms_result *result)
{
	if (err == -EAGAIN)
		return; /* a server's absence tells the store itself */
	if (!err && (!result || result->same_entry || result->is_moved))
		return; /* nothing was written: a full disk can be read */
	if (err && !inbox->trouble)
		log_error(LOGC_STORE, NULL, "store_failed",
			LOG_FIELDS(LOG_STR("reason", strerror(-err))),
			"texts cannot be stored: they stay on their cards and are read again; "
			"make room on the disk of state_dir");
	else if (!err && inbox->trouble)
		log_notice(LOGC_STORE, NULL, "store_ok", NULL, "texts are stored again");
	inbox->trouble = err != 0;
}

/* ---- stored --------------------------------------------------------------------------------- */

static void note_no_text(const struct inbox_job *job)
{
	if (job->undecodable) {
		counter_add(COUNTER_SMS_UNDECODABLE, 1);
		tally_add(TALLY_SMS_UNDECODABLE, job->port_id, NULL, NULL);
		log_warning(LOGC_SMS, job->port_id, "sms_undecodable",
			LOG_FIELDS(LOG_STR("reason", job->no_text)),
			"kept as it is, not forwarded: see simgatectl outbox");
	} else {
		counter_add(COUNTER_SMS_NO_TEXT, 1);
		log_info(LOGC_SMS, job->port_id, "sms_stored",
			LOG_FIELDS(LOG_STR("reason", job->no_text)),
			"no text: kept as it is, not forwarded");
	}
}

static void note_received(const struct inbox_job *job)
{
	char part[32] = "";

	counter_add(COUNTER_SMS_RECEIVED, 1);
	if (job->part)
		snprintf(part, sizeof part, ", part %d of %d", job->seq, job->total);
	log_info(LOGC_SMS, job->port_id, "sms_received",
		LOG_FIELDS(LOG_STR("memory", job->memory), LOG_INT("index", job->index)),
		"a text is read%s", part);
}

static void note_stored(const struct inbox_job *job, const struct store_sms_result *result)
{
	if (job->moved) {
		log_info(LOGC_SMS, job->port_id, NULL,
			LOG_FIELDS(LOG_STR("id", result->message_id)),
			result->erased ? "a text of the journal is erased, for its number was"
				       : "a text of the journal is in the store");
		return;
	}
	if (result->same_entry) {
		counter_add(COUNTER_SMS_SAME_ENTRY, 1);
		return;
	}
	if (!job->again)
		note_received(job);
	if (result->same_part)
		counter_add(COUNTER_SMS_REPEATED, 1);
	if (result->late)
		counter_add(COUNTER_SMS_LATE, 1);
	if (job->no_text)
		note_no_text(job);
	else if (result->late)
		log_notice(LOGC_SMS, job->port_id, "sms_stored",
			LOG_FIELDS(LOG_STR("id", result->message_id)),
			"a part came after its text had gone out with a gap: it goes out alone");
	else if (!job->part)
		log_info(LOGC_SMS, job->port_id, "sms_stored",
			LOG_FIELDS(LOG_STR("id", result->message_id)), "a text is stored");
}

static void note_crowd(const struct inbox_job *job)
{
	static struct log_limit limit = { .period_ms = 60000, .burst = 1 };

	counter_add(COUNTER_SETS_CROWDED, 1);
	if (log_limit(&limit))
		log_warning(LOGC_SMS, job->port_id, NULL, NULL,
			"too many unfinished long texts: the oldest goes out with a gap");
	inbox_look_for_due(job->inbox);
}

size_t inbox_route_again(
	struct inbox *inbox, const struct store_sms_result *result, struct store_route *out)
{
	int64_t open = result->open ? result->open->id : 0;

	if (inbox->host->moved)
		inbox->host->moved(inbox->arg, result->message->card_id, result->open);
	size_t count = inbox->host->route(inbox->arg, result->message, out);
	for (size_t i = 0; i < count; i++)
		if (out[i].open != open) { /* it could not be told: the text is nobody's then */
			out[i].open = open;
			out[i].activation = 0;
		}
	return count;
}

static void on_stored(void *arg, int err, const struct store_sms_result *result);

/* An order or a close came in between. */
static void put_again(struct inbox_job *job, const struct store_sms_result *result)
{
	struct store_route routes[STORE_ROUTES_MAX];
	struct store_sms sms = *result->moved;

	sms.routes = routes;
	sms.route_count = inbox_route_again(job->inbox, result, routes);
	store_sms_put(job->inbox->store, &sms, on_stored, job);
}

/* A text may go to the journal while the server is there: nobody will say that it is back. */
static void move_soon(struct inbox *inbox)
{
	struct store_server server;

	if (!inbox->moving && !loop_timer_active(&inbox->move_timer) &&
		store_server(inbox->store, &server) && server.up && server.waiting > 0)
		loop_timer_start(&inbox->move_timer, MOVE_SOON_MS);
}

static void on_stored(void *arg, int err, const struct store_sms_result *result)
{
	struct inbox_job *job = arg;
	struct inbox *inbox = job->inbox;

	inbox_note_store(inbox, err, result);
	if (!err && result->is_moved) {
		put_again(job, result);
		return;
	}
	if (!err) {
		note_stored(job, result);
		if (!result->same_entry || result->untold)
			inbox->host->stored(inbox->arg, result);
		if (result->set_id)
			inbox_join(inbox, result);
		if (result->untold && job->part && !job->moved)
			inbox_join_complete(inbox);
		if (result->crowded)
			note_crowd(job);
	}
	job->done(job->owner, err, !err && result->same_entry);
	free(job);
	move_soon(inbox);
}

/* ---- read ----------------------------------------------------------------------------------- */

/* Why a PDU is kept raw and not forwarded; NULL if it is a text. */
static const char *no_text(enum sms_error error, const struct sms_pdu *pdu)
{
	if (error)
		return sms_error_name(error);
	if (pdu->kind == SMS_SUBMIT)
		return STORE_NO_TEXT_SUBMIT;
	if (pdu->kind == SMS_STATUS_REPORT)
		return STORE_NO_TEXT_REPORT;
	if (pdu->pid == PID_TYPE_0)
		return STORE_NO_TEXT_TYPE_0;
	if (pdu->alphabet == SMS_DATA || pdu->pid == PID_SIM_DATA)
		return STORE_NO_TEXT_DATA;
	return NULL;
}

static void read_entry(const struct inbox_entry *entry, struct sms_pdu *pdu, struct inbox_job *job)
{
	enum sms_error error;

	job->no_text = entry->no_text;
	if (entry->no_text)
		return;
	error = sms_pdu_read(entry->pdu, strlen(entry->pdu), entry->tpdu_len, pdu);
	job->no_text = no_text(error, pdu);
	job->undecodable = error != SMS_OK;
	job->part = !job->no_text && pdu->concat.total > 1;
	job->seq = pdu->concat.seq;
	job->total = pdu->concat.total;
}

/* Under which card a part waits for the others. Where nobody can tell, those of one memory belong
 * together; those of two modules do not, be sender and reference the same. */
static const char *part_card(const struct inbox_entry *entry, char *buf, size_t size)
{
	if (entry->card_id[0])
		return entry->card_id;
	snprintf(buf, size, "%c%s", INBOX_NOBODY, entry->key);
	return buf;
}

static void put(const struct inbox_entry *entry, const struct sms_pdu *pdu, struct inbox_job *job,
	struct store_sms *sms)
{
	struct inbox *inbox = job->inbox;
	struct store_route routes[STORE_ROUTES_MAX];
	char text[SMS_TEXT_MAX], card[STORE_CARD_SIZE];
	int64_t oldest_ms = sms->arrived_ms - inbox->spans->wait - DOWN_MS;
	struct store_part part = { part_card(entry, card, sizeof card), pdu->sender.text,
		pdu->sender.type, pdu->concat.ref, pdu->concat.ref_bits, pdu->concat.total,
		pdu->concat.seq, oldest_ms, sms->arrived_ms - inbox->spans->late };
	struct store_message message = {
		.card_id = entry->card_id,
		.bank = entry->bank,
		.slot = entry->slot,
		.sender = pdu->sender.text,
		.text = text,
		.sent_ms = pdu->sent.valid ? pdu->sent.utc_s * 1000 : 0,
		.arrived_ms = sms->arrived_ms,
		.parts = 1,
	};

	sms->head = 2 * pdu->head_len;
	sms->stamp = 2 * (STAMP_LEN + 1 + pdu->header_len);
	if (job->part)
		sms_part_text(pdu, text, sizeof text);
	else
		sms_text(&pdu, 1, text, sizeof text);
	sms->part = job->part ? &part : NULL;
	sms->message = &message;
	sms->routes = routes;
	sms->route_count = inbox->host->route(inbox->arg, &message, routes);
	store_sms_put(inbox->store, sms, on_stored, job);
}

static void put_read(const struct inbox_entry *entry, const struct sms_pdu *pdu,
	struct inbox_job *job, struct store_sms *sms)
{
	if (!job->no_text) {
		put(entry, pdu, job, sms);
		return;
	}
	sms->undecodable = job->no_text;
	store_sms_put(job->inbox->store, sms, on_stored, job);
}

static struct inbox_job *job_new(
	struct inbox *inbox, const char *port_id, inbox_done_fn *done, void *owner)
{
	struct inbox_job *job = calloc(1, sizeof *job);

	if (!job)
		return NULL;
	*job = (struct inbox_job) { .inbox = inbox, .done = done, .owner = owner };
	snprintf(job->port_id, sizeof job->port_id, "%s", port_id);
	return job;
}

void inbox_put(
	struct inbox *inbox, const struct inbox_entry *entry, inbox_done_fn *done, void *owner)
{
	struct inbox_job *job = job_new(inbox, entry->port_id, done, owner);
	struct sms_pdu pdu;
	struct store_sms sms = {
		.card_id = entry->key,
		.owner = entry->card_id,
		.bank = entry->bank,
		.slot = entry->slot,
		.memory = entry->memory,
		.index = entry->index,
		.tpdu_len = entry->tpdu_len,
		.raw = entry->pdu,
		.arrived_ms = loop_wall_ms(inbox->loop),
		.stayed = entry->stayed,
		.shifted = entry->shifted,
	};

	if (!job) {
		done(owner, -ENOMEM, false);
		return;
	}
	snprintf(job->memory, sizeof job->memory, "%s", entry->memory);
	job->index = entry->index;
	read_entry(entry, &pdu, job);
	put_read(entry, &pdu, job, &sms);
}

/* ---- once more ------------------------------------------------------------------------------ */

struct retry {
	struct inbox *inbox;
	inbox_retry_fn *done;
	void *arg;
	bool all, move;           /* move: what waits in the journal */
	char last[STORE_ID_SIZE]; /* id of the last entry looked at */
	int64_t decoded, left;
	size_t waiting; /* entries of this page that are being stored, and one for the page */
	bool more;
	int err;
};

static void on_raws(void *arg, int err, const struct store_raw *raws, size_t count);

static void next_page(struct retry *retry, const char *id)
{
	struct store *store = retry->inbox->store;

	if (retry->move)
		store_journalled(store, retry->last, on_raws, retry);
	else
		store_undecodable(store, id, retry->last, on_raws, retry);
}

static void retry_over(struct retry *retry)
{
	if (--retry->waiting > 0)
		return;
	if (retry->more && !retry->err) {
		next_page(retry, NULL);
		return;
	}
	retry->done(retry->arg, retry->err, retry->decoded, retry->left);
	free(retry);
}

static void on_decoded(void *owner, int err, bool same_entry)
{
	struct retry *retry = owner;

	if (err)
		retry->err = err;
	else if (!same_entry)
		retry->decoded++;
	retry_over(retry);
}

static void sms_of_journal(const struct store_raw *raw, struct store_sms *sms)
{
	sms->journalled = true;
	sms->gone = raw->gone;
	sms->card_id = raw->card_id;
	sms->owner = raw->owner;
	sms->bank = raw->bank;
	sms->slot = raw->slot;
	sms->memory = raw->memory;
}

static void decode_again(struct retry *retry, const struct store_raw *raw)
{
	char port_id[2 * STORE_NAME_SIZE];
	struct inbox_entry entry = { port_id, raw->bank, raw->slot, raw->card_id, raw->owner,
		raw->memory, raw->index, raw->tpdu_len, raw->raw, false, false, NULL };
	struct inbox_job *job;
	struct sms_pdu pdu;
	struct store_sms sms = { .pdu_id = raw->pdu_id,
		.raw = raw->raw,
		.index = raw->index,
		.tpdu_len = raw->tpdu_len,
		.arrived_ms = raw->arrived_ms };

	if (retry->move)
		sms_of_journal(raw, &sms);
	if (strcmp(raw->reason, STORE_NO_TEXT_BROADCAST) == 0)
		entry.no_text = STORE_NO_TEXT_BROADCAST;
	snprintf(port_id, sizeof port_id, "%s/%s", raw->bank, raw->slot);
	job = job_new(retry->inbox, port_id, on_decoded, retry);
	if (!job) {
		retry->err = -ENOMEM;
		return;
	}
	read_entry(&entry, &pdu, job);
	if (job->no_text && !retry->move) {
		retry->left += job->undecodable;
		free(job);
		return;
	}
	job->again = true;
	job->moved = retry->move;
	retry->waiting++;
	put_read(&entry, &pdu, job, &sms);
}

static void on_raws(void *arg, int err, const struct store_raw *raws, size_t count)
{
	struct retry *retry = arg;

	retry->err = err;
	retry->waiting = 1;
	retry->more = retry->all && count == STORE_PAGE_MAX;
	for (size_t i = 0; i < count; i++)
		decode_again(retry, &raws[i]);
	if (count > 0)
		snprintf(retry->last, sizeof retry->last, "%s", raws[count - 1].pdu_id);
	retry_over(retry);
}

void inbox_retry(struct inbox *inbox, const char *id, inbox_retry_fn *done, void *arg)
{
	struct retry *retry = calloc(1, sizeof *retry);

	if (!retry) {
		done(arg, -ENOMEM, 0, 0);
		return;
	}
	*retry = (struct retry) { .inbox = inbox, .done = done, .arg = arg, .all = !id };
	next_page(retry, id);
}

/* ---- from the journal ----------------------------------------------------------------------- */

/* Texts that came in between are in their turn. */
static void on_moved(void *arg, int err, int64_t moved, int64_t left)
{
	struct inbox *inbox = arg;
	struct store_server server = { 0 };

	(void)left;
	inbox->moving = false;
	bool has_journal = store_server(inbox->store, &server);
	if (moved > 0)
		log_info(LOGC_SMS, NULL, NULL,
			LOG_FIELDS(LOG_INT("moved", moved), LOG_INT("waiting", server.waiting)),
			"texts of the journal went to the store");
	if (err || server.waiting > 0)
		loop_timer_start(&inbox->move_timer, err ? MOVE_RETRY_MS : MOVE_MORE_MS);
	else if (has_journal)
		inbox_join_complete(inbox);
}

void inbox_move(struct inbox *inbox)
{
	struct retry *retry = inbox->moving ? NULL : calloc(1, sizeof *retry);

	loop_timer_stop(&inbox->move_timer);
	if (!retry) {
		loop_timer_start(&inbox->move_timer, MOVE_RETRY_MS);
		return;
	}
	*retry = (struct retry) {
		.inbox = inbox, .done = on_moved, .arg = inbox, .all = true, .move = true
	};
	inbox->moving = true;
	next_page(retry, NULL);
}

static void on_move_timer(void *arg)
{
	inbox_move(arg);
}

/* ---- life ------------------------------------------------------------------------------------ */

struct inbox *inbox_new(struct loop *loop, struct store *store, const struct inbox_spans *spans,
	const struct inbox_host *host, void *arg)
{
	struct inbox *inbox = calloc(1, sizeof *inbox);

	if (!inbox)
		return NULL;
	*inbox = (struct inbox) {
		.loop = loop, .store = store, .spans = spans, .host = host, .arg = arg
	};
	inbox_sets_init(inbox);
	loop_timer_init(&inbox->move_timer, loop, on_move_timer, inbox);
	return inbox;
}

void inbox_free(struct inbox *inbox)
{
	if (!inbox)
		return;
	inbox_sets_done(inbox);
	loop_timer_stop(&inbox->move_timer);
	free(inbox);
}
