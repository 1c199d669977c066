/* inbox.h - from an entry of a listing to the store: decode, route, commit, join. */
#ifndef SIMGATE_MODEM_INBOX_H
#define SIMGATE_MODEM_INBOX_H

#include <stdbool.h>

#include "base/loop.h"
#include "store/store.h"

struct inbox;

/* Whom the inbox asks and tells; the modem wing knows no platform. */
struct inbox_host {
	/* Where the text of a card in this bank goes: fills out[STORE_ROUTES_MAX], returns the
	 * rows. */
	size_t (*route)(void *arg, const char *bank, bool attributed, struct store_route *out);
	/* A text is in the store; result as store.h has it. */
	void (*stored)(void *arg, const struct store_sms_result *result);
};

/* An entry as the modem printed it. Strings are copied as far as needed. */
struct inbox_entry {
	const char *port_id, *bank, *slot;
	const char *key;     /* whose entry this is: the card's, or the module's own memory */
	const char *card_id; /* the card it came to; "" if nobody can tell */
	const char *memory;  /* "SM", "ME" */
	int index;
	int tpdu_len;    /* what the listing's header said */
	const char *pdu; /* hexadecimal */
};

struct inbox *inbox_new(
	struct loop *loop, struct store *store, const struct inbox_host *host, void *arg);
void inbox_free(struct inbox *inbox);

/* done tells when the entry is durable (err 0: it may be deleted from the card), or why it is not.
 * Every entry ends in the store: a whole text, a part, or raw with the reason why it was not
 * understood. */
typedef void inbox_done_fn(void *owner, int err, bool same_entry);
void inbox_put(
	struct inbox *inbox, const struct inbox_entry *entry, inbox_done_fn *done, void *owner);

/* Joins the sets that were complete when the process ended; tried on until the store takes them. */
void inbox_recover(struct inbox *inbox);

#endif
