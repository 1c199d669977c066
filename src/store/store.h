/* store.h - the only memory that counts: journal, messages, outbox, cards. Verbs with a callback.
 *
 * Every verb copies what it is given, runs on the store's thread with whatever else waits (one
 * transaction, one fsync), and calls `done` on the loop once that transaction is durable, in the
 * order of the calls. err is 0, or a negative errno: -ENOSPC disk full, -EIO, -EOVERFLOW too many
 * jobs wait (refused at once), -EAGAIN the server of a shared store cannot be reached, ... ; then
 * nothing of that job is in the store (-EAGAIN: or, rarely, all of it). What a result points to is
 * valid during the callback only. `done` may be NULL. Times are Unix milliseconds.
 */
#ifndef SIMGATE_STORE_STORE_H
#define SIMGATE_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/histogram.h"
#include "base/loop.h"

enum {
	STORE_ID_SIZE = 37,                      /* UUID text with NUL */
	STORE_NUMBER_SIZE = 24,                  /* E.164 with '+' and NUL */
	STORE_CARD_SIZE = 128,                   /* card_id with NUL */
	STORE_NAME_SIZE = 101,                   /* bank, slot, platform: each at most 100 bytes */
	STORE_ROUTES_MAX = 16,                   /* platforms one message may go to */
	STORE_TOTALS_MAX = STORE_ROUTES_MAX + 2, /* with "" and the customers */
	STORE_QUEUE_MAX = 65536,
	STORE_CLAIM_MAX = 256,  /* deliveries one claim may return */
	STORE_LEASE_MS = 60000, /* of a delivery that store_sms_put() or store_set_join() claims */
	STORE_SETS_CARD_MAX = 32,  /* open sets of parts a card; past that the oldest are due */
	STORE_SETS_MAX = 8192,     /* of all cards */
	STORE_PAGE_MAX = 64,       /* sets or entries that one call gives back */
	STORE_NUMBERS_MAX = 65536, /* cards that store_numbers() gives back */
	STORE_PIN_KEY_SIZE = 256,  /* whose PIN was refused, with NUL */
	STORE_PINS_MAX = 65536,    /* refused PINs; past that the oldest are forgotten */
};

struct store;

struct store_config {
	const char *path;    /* the database file; its folder must exist. shared: a URL */
	const char *host_id; /* whose claims and ports these are */
	struct loop *loop;
	bool shared;          /* a PostgreSQL server has it, other hosts may use it too */
	const char *password; /* for that, NULL: none is needed */
	int64_t stale_ms; /* of a shared one: this host counts so long without a word; 0: 20 s */
	/* A file of this host's own for what the server cannot take, NULL: none. Then the store
	 * opens without the server, too. */
	const char *journal;
};

/* Opens or creates the store, brings the schema up to date, gives back what this host had claimed,
 * marks its ports offline, starts the thread. Refuses a store that another process has open, that a
 * newer version wrote, or whose file is damaged: negative errno and a sentence in why. -EAGAIN: the
 * server of a shared one cannot be reached. -EADDRINUSE: another process that lives has this
 * host_id there. */
int store_open(const struct store_config *config, struct store **out, char *why, size_t why_size);

/* Finishes and commits what is queued, ends the thread, closes. Callbacks that were not made yet
 * are not made. Takes NULL. */
void store_close(struct store *store);

/* Jobs queued or running. */
size_t store_pending(const struct store *store);

/* 0, or the errno (negative) of the newest commit that failed with nothing committed since. */
int store_health(const struct store *store);

/* How long the transactions that wrote took, by histogram_commits. */
const struct histogram *store_commit_times(const struct store *store);

/* A new UUIDv7, greater than every one this process made before. */
void store_new_id(struct store *store, char out[STORE_ID_SIZE]);

typedef void store_done_fn(void *arg, int err);
typedef void store_count_fn(void *arg, int err, int64_t count);

/* ---- cards and ports ------------------------------------------------------------------------ */

/* Where a number is from, the weakest first: an answer of the operator's to a code, the card itself
 * (EF MSISDN or +CNUM), the numbers file, set by hand. The last two are declared, the others are
 * discovered: what is declared counts before what is discovered. Where both declared ones are there
 * and differ, or nothing is declared and both discovered ones are there and differ, nobody can tell
 * which is right: the number then counts as unknown. */
enum store_source {
	STORE_NUMBER_UNKNOWN,
	STORE_NUMBER_USSD,
	STORE_NUMBER_SIM,
	STORE_NUMBER_FILE,
	STORE_NUMBER_SET,
	STORE_SOURCES
};

struct store_card {
	const char *card_id;
	const char *iccid, *imsi; /* "" if unknown */
	const char *number;       /* the strongest source's, "" if unknown or in conflict */
	const char *sim_number;   /* what the card itself says, "" if nothing */
	enum store_source source;
	const char *other; /* the strongest of the weaker sources that says otherwise, "" if none */
	enum store_source other_source;
	/* Two sources disagree and neither counts; which they are, and what they say. */
	bool conflict;
	const char *rivals[2]; /* "" without conflict */
	enum store_source rival_sources[2];
	const char *last_card; /* card_id this module held before, maybe the same; "" if unknown */
	int64_t freed;         /* deliveries that waited for the number and now go out */
};

/* A card was identified in a slot: remembers it, what it told of its number and what its operator
 * answered ("" keeps what is known), which module (IMEI at this place) holds it, and frees
 * deliveries held for want of a number. now_ms is date_start of a card never seen before. */
struct store_card_seen {
	const char *bank, *slot, *imei;
	const char *card_id, *iccid, *imsi, *sim_number, *ussd_number;
	int64_t now_ms;
};
typedef void store_card_fn(void *arg, int err, const struct store_card *card);
void store_card_seen(
	struct store *store, const struct store_card_seen *seen, store_card_fn *done, void *arg);

/* This host's numbers file as a whole: cards it no longer names lose what it had said. Of a card
 * that another host's file names too the newest word counts, and is logged. Frees deliveries as
 * above. done's freed counts them. */
struct store_number {
	const char *iccid, *number, *label;
	int operator_code;             /* 0: none */
	int rent;                      /* -1: not said */
	int64_t date_start, date_stop; /* Unix seconds, 0: not said */
	int64_t price, balance;        /* 1/10000, 0: not said */
	const char *const *sell;       /* its own sellers, instead of its bank's */
	size_t sell_count;             /* 0: its bank's */
};
void store_numbers_load(struct store *store, const struct store_number *rows, size_t count,
	store_count_fn *done, void *arg);

/* The number of the card with this ICCID, by the operator's word. A card that was never seen gets
 * its row. Frees deliveries as above. */
struct store_number_change {
	bool known;         /* the store had the card before */
	const char *number; /* what counts now, "" if unknown or in conflict */
	enum store_source source;
	bool conflict;
	int64_t freed;
};
typedef void store_number_fn(void *arg, int err, const struct store_number_change *change);
void store_number_set(struct store *store, const char *iccid, const char *number, int64_t now_ms,
	store_number_fn *done, void *arg);

/* Forgets what was set by hand and what was discovered, not what the numbers file says; frees as
 * above, for a conflict may be over. The card as a whole is forgotten if neither the file nor a
 * slot has it: should it come back, it is a card never seen. */
void store_number_forget(
	struct store *store, const char *iccid, int64_t now_ms, store_number_fn *done, void *arg);

/* Every card known, at most STORE_NUMBERS_MAX: by bank, slot and ICCID, those in no slot last. A
 * card that several slots claim is in the one that is online, else in the one it came to last. */
struct store_number_row {
	const char *card_id;
	struct store_number file;     /* iccid "" if unknown; the rest as the numbers file has it */
	const char *set, *sim, *ussd; /* the other sources' numbers, "" if unknown */
	const char *number;           /* this and what follows: as in struct store_card */
	enum store_source source;
	const char *other;
	enum store_source other_source;
	bool conflict;
	const char *bank, *slot; /* of any host; "" if it is in none */
	int64_t last_seen_ms;    /* 0: never */
	/* The platform that named this number last as one whose card can be replaced, "" if none
	 * did; when, what had to be earned, and what was: 1/10000, -1 not said. */
	const char *takeoff_platform;
	int64_t takeoff_ms, takeoff_sum, takeoff_profit;
};
/* more: there are more than could be given. */
typedef void store_numbers_fn(
	void *arg, int err, const struct store_number_row *rows, size_t count, bool more);
void store_numbers(struct store *store, store_numbers_fn *done, void *arg);

/* A port of this host on sale, and one of another host whose card has the same number: neither is
 * on a list. */
struct store_twice {
	const char *bank, *slot, *other_bank, *other_slot;
};
typedef void store_twice_fn(void *arg, int err, const struct store_twice *rows, size_t count);
void store_twice(struct store *store, store_twice_fn *done, void *arg);

/* The numbers whose cards a platform says can be replaced, for they have earned `sum` (1/10000):
 * in the place of all that it named before. profit -1: not said. */
struct store_takeoff {
	const char *number;
	int64_t profit;
};
void store_takeoff_put(struct store *store, const char *platform, int64_t sum,
	const struct store_takeoff *rows, size_t count, int64_t now_ms, store_done_fn *done,
	void *arg);

/* A card refused a PIN, and must not be offered it again. key: the card, by ICCID, or by place and
 * IMEI where that could not be read. mark: stands for the PIN; the store never sees that. A key has
 * one mark, the newest. */
void store_pin_refused(struct store *store, const char *key, int64_t mark, int64_t now_ms,
	store_done_fn *done, void *arg);
/* Of both keys, "" for none; count: how many refusals there were. */
void store_pin_forget(
	struct store *store, const char *key, const char *other, store_count_fn *done, void *arg);

/* refused_ms 0: nothing is known of this card, mark says nothing. */
typedef void store_pin_fn(void *arg, int err, int64_t mark, int64_t refused_ms);
void store_pin_get(struct store *store, const char *key, store_pin_fn *done, void *arg);

/* A place in the configuration. */
struct store_place {
	const char *bank, *slot;
};
/* What a switch of a SIM bank has shown: which card is in a row of a column of a control line; each
 * counts from 1. card_id "": none. */
struct store_sim_row {
	const char *bank, *card_id;
	int line, column, row;
	int64_t seen_ms;
};
typedef void store_sim_rows_fn(void *arg, int err, const struct store_sim_row *rows, size_t count);
void store_sim_row_put(
	struct store *store, const struct store_sim_row *row, store_done_fn *done, void *arg);
void store_sim_rows(struct store *store, const char *bank, store_sim_rows_fn *done, void *arg);

/* What a slot holds now. online: its card can receive now. card_id "" : none known. */
struct store_port {
	const char *bank, *slot, *card_id, *state;
	bool online;
	int64_t now_ms;
};
void store_port_put(
	struct store *store, const struct store_port *port, store_done_fn *done, void *arg);

/* Forgets ports of this host, and that they were drained, that are not among these (a slot left the
 * configuration). slot "": all slots of the bank stay. */
void store_ports_keep(struct store *store, const struct store_place *places, size_t count,
	store_done_fn *done, void *arg);

/* Ports of this host that had a card once and are not among these; they are forgotten, so that each
 * is told once. */
typedef void store_places_fn(void *arg, int err, const struct store_place *rows, size_t count);
void store_ports_missing(struct store *store, const struct store_place *places, size_t count,
	store_places_fn *done, void *arg);

/* Ports whose cards are not to be sold, until they are resumed. A card is on sale while its port is
 * online and not drained: store_roster(), and whatever else offers numbers, gives these alone, from
 * the same commit on. A drained port is online as before, its texts are taken and delivered. It may
 * be one that the store has not heard of yet; one that is drained already stays so. */
void store_drain(struct store *store, const struct store_place *places, size_t count,
	int64_t now_ms, store_done_fn *done, void *arg);

/* count 0: every one of this host. done's count: how many were drained. */
void store_resume(struct store *store, const struct store_place *places, size_t count,
	store_count_fn *done, void *arg);

/* What is drained, by bank and slot, of all hosts; with what is still to come of its card: that
 * which is in the port or, where none is known to be, the one that was there last. */
struct store_drained {
	const char *bank, *slot;
	int64_t since_ms;
	int64_t queued;  /* deliveries */
	int64_t unknown; /* of these, the platform does not know the number now */
	int64_t held;
	int64_t parts; /* of texts that are not complete */
};
typedef void store_drains_fn(void *arg, int err, const struct store_drained *rows, size_t count);
void store_drains(struct store *store, store_drains_fn *done, void *arg);

/* The cards on sale now with a number known, by bank and slot, of all hosts that live. Cards whose
 * number another such card has too come with conflict set. fence: what the leader was given with
 * its lease (store_hosts.h): read while nobody else writes, -ESTALE if that is over; 0: as it is.
 */
struct store_roster_row {
	const char *bank, *slot, *card_id, *iccid, *imsi, *number, *label;
	int operator_code, rent;       /* as in the numbers file; 0 / -1: not said */
	int64_t date_start, date_stop; /* Unix seconds; date_start is never 0 */
	int64_t price, balance;        /* 0: not said */
	const char *remote_id;         /* what `platform` calls this number, "" if unknown */
	int own_sell; /* 1, 0: by the numbers file, or by another host's word on its bank,
			 `platform` sells this card, or not; -1: as this host's bank */
	bool conflict;
	bool again; /* an earlier row has this card: it shows in two ports */
};
typedef void store_roster_fn(void *arg, int err, const struct store_roster_row *rows, size_t count);
void store_roster(
	struct store *store, const char *platform, int64_t fence, store_roster_fn *done, void *arg);

/* What a platform calls its numbers (its answer to the list). remote_id "": it dropped the number.
 */
struct store_remote_id {
	const char *number, *remote_id;
};
void store_remote_ids(struct store *store, const char *platform, const struct store_remote_id *ids,
	size_t count, store_done_fn *done, void *arg);

/* ---- texts in ------------------------------------------------------------------------------- */

enum store_state {
	STORE_QUEUED,    /* to be sent at next_at */
	STORE_HELD,      /* waits for something else: no_number, unattributed */
	STORE_WITHHELD,  /* will not be sent, by a rule */
	STORE_UNCLAIMED, /* no platform sells this card */
	STORE_DELIVERED,
	STORE_REFUSED, /* the platform does not take this message: kept, visible */
	STORE_DROPPED, /* by the operator */
	STORE_STATE_COUNT
};

/* Where a text goes: one row a platform. reason: a short word, "" when queued. claim: if it can go
 * out at once (queued, number known, nothing earlier of its card waits), it comes back claimed. */
struct store_route {
	const char *platform;
	enum store_state state;
	const char *reason;
	bool claim;
	int64_t activation; /* the operation it belongs to (store_orders.h), 0: none */
	int64_t open;       /* the operation known to be open on the card when this was decided, 0:
			       none; the same in all rows of a text */
};

struct store_message {
	const char *card_id, *bank, *slot;
	const char *sender, *text; /* UTF-8 */
	int64_t sent_ms;           /* 0 if the text bears no valid time */
	int64_t arrived_ms;
	int parts;
};

/* A part of a longer message. */
struct store_part {
	const char *card_id; /* the card it came to, whatever memory it lay in */
	const char *sender;
	int sender_type; /* type of number */
	int ref, ref_bits, total, seq;
	int64_t open_since_ms; /* sets that began before this take no part any more */
	int64_t gap_since_ms;  /* nor do those that went out with a gap before this */
};

/* Why an entry is no text, where that is no fault: such entries are forgotten with the history. */
#define STORE_NO_TEXT_SUBMIT    "submit"
#define STORE_NO_TEXT_REPORT    "status-report"
#define STORE_NO_TEXT_TYPE_0    "type-0"
#define STORE_NO_TEXT_DATA      "data"
#define STORE_NO_TEXT_BROADCAST "cell-broadcast"

/* One entry of a modem's listing. Either undecodable is set, or message, or part with the message
 * that the part makes alone if its set has gone out without it. */
struct store_sms {
	const char *pdu_id;  /* NULL; or an undecodable entry that is understood now */
	const char *card_id; /* whose entry it is: the card's; for a module's own memory a name of
				its own */
	const char *owner;   /* the card that the text came to, "" if nobody can tell */
	const char *bank, *slot;
	const char *memory; /* "SM", "ME"; "" for a text that came without an index */
	int index;          /* -1 without one */
	int tpdu_len;       /* octets, as the header told; -1 */
	const char *raw;    /* the PDU in hexadecimal, as printed */
	int head;           /* so many of its digits come before the text; 0 unknown */
	int stamp;          /* of a part: its time stamp begins so many digits before that */
	int64_t arrived_ms;
	const char *undecodable; /* why */
	const struct store_message *message;
	const struct store_part *part;
	const struct store_route *routes; /* with message */
	size_t route_count;
	bool journalled; /* pdu_id is an entry of the journal */
	bool gone;       /* and the card has it no more */
	bool stayed;     /* told to be deleted, and it was not: still the same entry */
	bool shifted;    /* one of store_entries_moved() with this PDU is it, if there is one */
};

/* A delivery that this host has claimed: may be sent until claimed_until_ms. */
struct store_delivery {
	const char *message_id, *platform, *card_id, *bank, *slot;
	const char *number, *remote_id; /* at arrival; what the platform calls it, "" if unknown */
	const char *sender, *text;
	int64_t sent_ms, arrived_ms;
	int64_t claimed_until_ms;
	int64_t first_try_ms; /* 0 before the first */
	int attempts;         /* so far */
	int parts;
	/* platform answered "number unknown" at number_error_ms first, 0: never */
	int64_t number_error_ms;
	int64_t activation;           /* the operation it belongs to, 0: none */
	bool rent;                    /* which is a rent */
	int64_t activation_closed_ms; /* 0: it is open, or there is none */
	int64_t activation_text;      /* which of its texts this is, from 1 on; 0: none */
};

struct store_set_part {
	const char *raw;
	int seq, tpdu_len;
	int64_t arrived_ms;
	const char *card_id, *bank, *slot;
};

struct store_activation; /* store_orders.h */

struct store_sms_result {
	bool same_entry; /* (card, memory, index, PDU) was there and is not yet deleted: nothing
			    added */
	bool untold;     /* with same_entry: by a job that was thought to have failed */
	bool erased;     /* with same_entry: of the journal, and all of its number was erased since
			  */
	bool same_part;  /* a set that is open, or went out with a gap, had this part already, byte
			    for byte: journalled, not added */
	bool late;    /* a part of a set that has gone out with a gap: it became a message alone */
	bool crowded; /* the part opened a set, and there are too many: look for those that are due
		       */
	const char *message_id; /* of a whole text; "" otherwise */
	/* What became that text, and where it goes; NULL and 0 if this added none. */
	const struct store_message *message;
	const struct store_route *routes;
	size_t route_count;
	/* The set this part completed, its parts in order, at least one; NULL if it is not
	 * complete. */
	const char *set_id;
	const struct store_set_part *parts;
	size_t part_count;
	int part_total;
	const struct store_delivery *claimed;
	size_t claimed_count;
	/* Another operation is open on the card than the routes thought: nothing was added. Decide
	 * anew by `open` (NULL: none is), and put it again; `moved` is what was put (NULL for
	 * store_set_join(): it was set_id). `message` is in either. */
	bool is_moved;
	const struct store_sms *moved;
	const struct store_activation *open;
};

typedef void store_sms_fn(void *arg, int err, const struct store_sms_result *result);

/* A part goes to the newest open set of (card, sender, sender_type, ref, ref_bits, total) that
 * lacks its seq; else it is a late part of one that went out with a gap and lacks it; else it opens
 * a new set. With pdu_id: same_entry if that entry is not (or no longer) undecodable. */
void store_sms_put(struct store *store, const struct store_sms *sms, store_sms_fn *done, void *arg);

/* Turns a set into its message. message->parts says of how many parts the text was made: -ESTALE if
 * the set has others meanwhile. With fewer than its total the set has gone out with a gap. A set
 * that was joined before is left alone: same_entry is set then. */
void store_set_join(struct store *store, const char *set_id, const struct store_message *message,
	const struct store_route *routes, size_t route_count, store_sms_fn *done, void *arg);

/* Sets that are complete but not joined (the process died in between): one call of `done` each,
 * result->set_id and parts as above, then one with result NULL. Of a shared store, here and below:
 * those whose newest part did not come to another host's bank. */
void store_sets_complete(struct store *store, store_sms_fn *done, void *arg);

/* Sets that wait no longer for their missing parts: those that began before `before_ms`, and the
 * oldest past STORE_SETS_CARD_MAX and STORE_SETS_MAX. At most STORE_PAGE_MAX, oldest first: one
 * call of `done` each, parts with their seq, then one with result NULL. A set whose every part is,
 * byte for byte, in a set that was joined is a repetition by the network: it is closed without a
 * message of its own, and told with same_entry. */
void store_sets_due(struct store *store, int64_t before_ms, store_sms_fn *done, void *arg);

/* What is undecodable, in the order of ids: those behind `after` ("": from the first), or the one
 * called id. At most STORE_PAGE_MAX; of a shared store, none of another host's banks. */
struct store_raw {
	const char *pdu_id, *card_id, *owner, *bank, *slot, *memory, *raw, *reason;
	int index, tpdu_len;
	int64_t arrived_ms;
	bool gone; /* its card has it no more */
};
typedef void store_raws_fn(void *arg, int err, const struct store_raw *rows, size_t count);
void store_undecodable(
	struct store *store, const char *id, const char *after, store_raws_fn *done, void *arg);

/* CMGD said OK for this entry. */
struct store_entry {
	const char *card_id, *memory;
	int index;
	const char *raw; /* NULL: whatever was there is gone */
};
void store_entry_deleted(
	struct store *store, const struct store_entry *entry, store_done_fn *done, void *arg);

/* The card is in a module that may count from another number: what is known of it has no index
 * until an entry with `shifted` gives it one, each to one. */
void store_entries_moved(struct store *store, const char *card_id, const char *memory,
	store_done_fn *done, void *arg);

/* A full listing of a memory showed exactly these indices: entries at others are gone.
 * count: entries that were marked as deleted. */
void store_entries_listed(struct store *store, const char *card_id, const char *memory,
	const int *indices, size_t count, store_count_fn *done, void *arg);

/* ---- a shared store and the host's journal --------------------------------------------------- */

/* While the server is away, silent for a second or refuses, and for as long as it takes more than a
 * second for a text, texts are taken into the journal, whole: `done` of store_sms_put() is told
 * success, without a message_id. What cards, numbers file and refused PINs say is in both, and told
 * from the journal then; what happened to entries, PINs and cards meanwhile, and the numbers these
 * told, is told to the server later, by this process. Everything else fails with -EAGAIN and has
 * changed nothing, a number set by hand, too; what only asks fails so after three seconds without
 * an answer as well.
 *
 * Once the server is back the caller moves what waits, in its order: reads it by
 * store_journalled(), and puts it with `journalled` set. New texts go behind it until none waits. A
 * text that the server had after all is not added again. */
struct store_server {
	bool up;
	int64_t since_ms; /* Unix; of this state */
	int err;          /* not up: why */
	const char *why;  /* in words, "" if up */
	int64_t waiting;  /* texts in the journal */
	int64_t oldest_ms;
	int64_t dropped; /* what was to be told later, and was too much */
};

/* false: the store has no journal. */
bool store_server(const struct store *store, struct store_server *out);

/* Called whenever the server is there again. */
void store_server_watch(struct store *store, void (*back)(void *arg), void *arg);

/* What waits in the journal behind `after`, in the order of ids, at most STORE_PAGE_MAX. A reason
 * that is not "" came with the entry. To be called when all that the last call gave is put: those
 * behind one that failed have failed, too. Without a journal: none. */
void store_journalled(struct store *store, const char *after, store_raws_fn *done, void *arg);

/* ---- texts out ------------------------------------------------------------------------------ */

/* Claims up to limit deliveries of a platform that are due at now_ms, at most one a card and none
 * whose card has an earlier one queued. next_ms: when the next one is due (0: none waits), claims
 * of others included. */
struct store_claim {
	const struct store_delivery *rows;
	size_t count;
	int64_t next_ms;
};
typedef void store_claim_fn(void *arg, int err, const struct store_claim *claim);
void store_claim(struct store *store, const char *platform, int64_t now_ms, int64_t lease_ms,
	size_t limit, store_claim_fn *done, void *arg);

/* All that is queued for a platform is due at now_ms: when it was to be tried was said by a clock
 * that has been set back since. */
void store_due(struct store *store, const char *platform, int64_t now_ms);

/* How a try ended. state QUEUED with next_ms: again then; it stays in its place before later texts
 * of its card. claim_next: if it is over (any state but QUEUED), the card's next due delivery comes
 * back claimed in the same transaction. */
struct store_outcome {
	const char *message_id, *platform;
	enum store_state state;
	const char *reason; /* short; "" when delivered */
	int64_t next_ms, now_ms, lease_ms;
	bool number_error; /* the platform does not know the number */
	bool tried;        /* counts as an attempt; false: given back unsent */
	bool claim_next;
};
void store_outcome(
	struct store *store, const struct store_outcome *outcome, store_claim_fn *done, void *arg);

/* Deliveries that wait because the platform does not know their number are due at once: a list with
 * these numbers was accepted. count 0: all numbers. */
void store_numbers_accepted(struct store *store, const char *platform, const char *const *numbers,
	size_t count, int64_t now_ms, store_count_fn *done, void *arg);

/* ---- what the operator sees ----------------------------------------------------------------- */

struct store_totals {
	struct {
		const char *platform;
		int64_t states[STORE_STATE_COUNT];
		int64_t oldest_ms; /* arrival of the oldest queued one, 0: none */
	} platforms[STORE_TOTALS_MAX];
	size_t platform_count;
	int64_t messages, messages_hour; /* all kept; those that arrived since now - 1 h */
	int64_t undecodable, no_text, parts_pending, sets_open;
};
typedef void store_totals_fn(void *arg, int err, const struct store_totals *totals);
void store_totals(struct store *store, int64_t now_ms, store_totals_fn *done, void *arg);

/* Messages or outbox rows, newest first. */
struct store_query {
	const char *bank, *slot; /* NULL: any */
	const char *id;          /* NULL: any */
	const char *number;      /* NULL: any; else STORE_PAGE_MAX messages, the oldest first */
	const char *after;       /* with number: those behind this id; NULL: from the first */
	int64_t since_ms;
	size_t limit; /* 0: 100; at most 1000 */
	bool outbox;  /* only what is not delivered, and what cannot be decoded */
};
struct store_row {
	const char *message_id, *platform; /* platform "" : no delivery (undecodable) */
	const char *bank, *slot, *number, *card_id, *sender, *text;
	enum store_state state;
	const char *state_name; /* "queued", ..., "undecodable", "no_text" */
	const char *reason;
	int64_t arrived_ms, sent_ms, done_ms, next_ms;
	int64_t erased_ms; /* 0: text is as it came, else it is "" */
	int64_t chars;     /* that text has, or had */
	int attempts, parts;
};
typedef void store_rows_fn(void *arg, int err, const struct store_row *rows, size_t count);
void store_messages(
	struct store *store, const struct store_query *query, store_rows_fn *done, void *arg);

/* retry: refused, held, withheld and waiting deliveries of a message (id NULL: all refused and
 * waiting ones) are queued and due now. drop: they go out no more; an undecodable entry is shown no
 * more. count: what was changed. */
void store_outbox_retry(
	struct store *store, const char *id, int64_t now_ms, store_count_fn *done, void *arg);
void store_outbox_drop(
	struct store *store, const char *id, int64_t now_ms, store_count_fn *done, void *arg);

const char *store_state_name(enum store_state state);

/* ---- what is kept, and how long ------------------------------------------------------------- */

/* Erases what has served its purpose. Texts, and their PDUs, whose deliveries are over (delivered,
 * withheld, unclaimed, dropped) since before `before_ms` lose their words; sender, times, length
 * and outcome stay until `history_ms`, then all of it goes. What is not delivered, refused or
 * undecodable stays whole. Of a PDU its head stays as long as its entry may be listed again.
 *
 * Goes through the rows in pages: `done` gets where the next call goes on, until over is set. */
struct store_erase {
	int64_t before_ms, history_ms, now_ms;
	char message_after[STORE_ID_SIZE], pdu_after[STORE_ID_SIZE]; /* "" at first */
};
struct store_erased {
	struct store_erase next;
	bool over;
	int64_t messages;  /* of this page that lost their words */
	int64_t forgotten; /* messages that went as a whole */
};
typedef void store_erased_fn(void *arg, int err, const struct store_erased *erased);
void store_erase(
	struct store *store, const struct store_erase *erase, store_erased_fn *done, void *arg);

/* What was erased leaves the store's files, too. */
void store_scrub(struct store *store, store_done_fn *done, void *arg);

/* Erases all that is stored of what one number received: messages whole, delivered or not, parts
 * that wait, what is undecodable on its cards. Of entries that are still on a card the head stays,
 * so that they are not taken for new ones. Of a shared store: what had arrived by then, and comes
 * later from a journal, is erased as it comes; for a year. */
struct store_number_erased {
	int64_t messages, undelivered, parts, undecodable;
	int64_t on_cards; /* entries that a card still has */
};                        /* scrubbed, too */
typedef void store_number_erased_fn(void *arg, int err, const struct store_number_erased *erased);
void store_erase_number(
	struct store *store, const char *number, store_number_erased_fn *done, void *arg);

#endif
