/* inbox.h - from an entry of a listing to the store: decode, route, commit, join. */
#ifndef SIMGATE_MODEM_INBOX_H
#define SIMGATE_MODEM_INBOX_H

#include <stdbool.h>

#include "base/loop.h"
#include "store/store.h"

struct inbox;

/* Spans of the configuration, in milliseconds. */
struct inbox_spans {
	int64_t wait; /* for the parts of a long text, from the first; then it goes out with a gap
		       */
	int64_t late; /* a part that comes so long after that goes out alone */
};

/* Whom the inbox asks and tells; the modem wing knows no platform. */
struct inbox_host {
	/* Where a text goes that is about to be stored: fills out[STORE_ROUTES_MAX], returns the
	 * rows. Its card_id is "" if nobody can tell to which card it came. A part is asked for as
	 * the text that it would be if it came too late for the others. */
	size_t (*route)(void *arg, const struct store_message *message, struct store_route *out);
	/* A text is in the store; result as store.h has it. */
	void (*stored)(void *arg, const struct store_sms_result *result);
	/* The store knows better which operation is open on the card (NULL: none): route() is asked
	 * again after that. NULL where nothing is ordered. */
	void (*moved)(void *arg, const char *card_id, const struct store_activation *open);
};

/* An entry as the modem printed it. Strings are copied as far as needed. */
struct inbox_entry {
	const char *port_id, *bank, *slot;
	const char *key;     /* whose entry this is: the card's, or the module's own memory */
	const char *card_id; /* the card it came to; "" if nobody can tell */
	const char *memory;  /* "SM", "ME" */
	int index;
	int tpdu_len;    /* what the listing's header said, -1 if nothing */
	const char *pdu; /* hexadecimal */
	bool stayed;     /* told to be deleted, and it was not */
	bool shifted;    /* may be one that store_entries_moved() was told of */
	const char
		*no_text; /* why it is no text, where the code that brought it tells; else NULL */
};

/* spans must outlive it; what changes in them holds from the next look on, a minute later at most.
 */
struct inbox *inbox_new(struct loop *loop, struct store *store, const struct inbox_spans *spans,
	const struct inbox_host *host, void *arg);
void inbox_free(struct inbox *inbox);

/* done tells when the entry is durable (err 0: it may be deleted from the card), or why it is not.
 * Every entry ends in the store: a whole text, a part, or raw with the reason why it was not
 * understood. */
typedef void inbox_done_fn(void *owner, int err, bool same_entry);
void inbox_put(
	struct inbox *inbox, const struct inbox_entry *entry, inbox_done_fn *done, void *owner);

/* At the start: joins the sets that were complete when the process ended; tried on until the store
 * takes them. Sets that have waited too long meanwhile are given hold_ms more: their missing parts
 * may lie on the cards. */
void inbox_recover(struct inbox *inbox, int64_t hold_ms);

/* Moves what waits in the journal of a shared store, until nothing does (store_journalled()). To be
 * called at the start and whenever its server is there again. */
void inbox_move(struct inbox *inbox);

/* Decodes once more what was undecodable: one entry by its id, or all (NULL). decoded: entries that
 * are texts or parts now; left: those that are not. */
typedef void inbox_retry_fn(void *arg, int err, int64_t decoded, int64_t left);
void inbox_retry(struct inbox *inbox, const char *id, inbox_retry_fn *done, void *arg);

#endif
