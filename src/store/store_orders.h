/* store_orders.h - verbs for what is ordered: operations on numbers, customers and their money.
 *
 * An operation is one number given to one who ordered it: to a platform that asks for numbers
 * (seller = the platform's name) or to a customer of our own (seller = STORE_CUSTOMERS). While it
 * is open neither its number nor its card is in another one, whoever asks, at whatever host: a
 * unique index says so, and nothing before the store is trusted in that. Ids count up from 1, stay
 * below 2^53, and are never given twice. What a verb says is durable when its callback runs.
 *
 * How to use it: the loop keeps what is open, what can be sold and what is used up in memory, see
 * platform/activation.h; it calls the verbs of operations. Those of customers are called directly.
 * As in store.h, strings of a result live during the callback only; NULL text counts as "". Times
 * are Unix milliseconds, 0 none. Money is 1/10000 of its currency: USD for customers (price,
 * balance, ledger), RUB for platforms (sum); the two never meet.
 */
#ifndef SIMGATE_STORE_STORE_ORDERS_H
#define SIMGATE_STORE_STORE_ORDERS_H

#include "store/store.h"

#define STORE_CUSTOMERS "customers" /* seller of the operations that customers order */
#define STORE_RENT      "rent"      /* service of a rent */

enum {
	STORE_SERVICE_SIZE = 33,     /* a slug with NUL */
	STORE_KEY_HASH_SIZE = 65,    /* SHA-256 in hexadecimal with NUL */
	STORE_CANDIDATES_MAX = 4096, /* cards that one order may name */
	STORE_CUSTOMERS_MAX = 4096,
	STORE_ACTIVATIONS_MAX = 1000,         /* that one list gives back */
	STORE_LEDGER_MAX = 10000,             /* entries that are given back */
	STORE_TEXTS_MAX = 200,                /* of one operation that are given back */
	STORE_RENT_GRACE_MS = 20 * 60 * 1000, /* a rent of a customer's ends without a text in it */
	STORE_ANSWER_MS = 10000, /* an answer that was not written in it counts as not given */
};

/* Stored as numbers: never renumbered. */
enum store_activation_state {
	STORE_ACTIVATION_OPEN,
	STORE_ACTIVATION_SOLD, /* FINISH 3; a customer closed it, or its time ended after a text */
	STORE_ACTIVATION_CANCELLED, /* FINISH 4; cancelled, or its time ended without a text */
	STORE_ACTIVATION_REFUSED,   /* FINISH 1: the number was not ordered for this service */
	STORE_ACTIVATION_REFUNDED,  /* FINISH 5 */
	STORE_ACTIVATION_RELEASED,  /* by an operator's hand, or nobody got the answer */
	STORE_ACTIVATION_STATES
};

/* "open", "sold", "cancelled", "refused", "refunded", "released". */
const char *store_activation_state_name(enum store_activation_state state);

struct store_activation {
	int64_t id;
	const char *seller;
	const char *customer;                /* "" for a platform's */
	const char *service;                 /* slug; STORE_RENT for a rent */
	const char *country, *operator_name; /* as ordered; "" or "any": none was asked for */
	const char *number;                  /* E.164 with '+' */
	const char *card_id, *bank, *slot;   /* where it was when it was ordered */
	bool rent;
	enum store_activation_state state;
	int finish_status;  /* as the platform said, or of setStatus; 0: none yet */
	const char *reason; /* why it is closed: a short word; "" open */
	int64_t opened_ms, closed_ms;
	int64_t expires_ms; /* 0: only another's word ends it */
	int64_t price;      /* customer's, charged at the order */
	int64_t refunded;   /* what went back of it */
	int64_t sum;        /* platform's: as ordered, then as finished; 0: not said */
	int texts;          /* that it has; without those withheld */
	int withheld;       /* texts of it that the filter withholds */
	int64_t first_text_ms, last_text_ms; /* arrival */
	const char *last_message_id;         /* newest of `texts`; "" none */
	const char *last_sender, *last_text; /* of it; "" too when it was erased since */
	bool wait_retry; /* the customer waits for another text; the next text clears it */
	bool answered;   /* who ordered has got the answer. Not, and older than STORE_ANSWER_MS:
			    unanswered */
};

/* ---- ordering ------------------------------------------------------------------------------- */

/* An order. The first of cards[] is taken that is online, is sold by the seller, has a number that
 * no other card online has, is in no open operation (nor its number), and is not used up for
 * (seller, service). */
struct store_order {
	const char *seller, *customer; /* customer "" for a platform */
	const char *service, *country, *operator_name;
	const char *const *cards; /* card_ids, the best first; at most STORE_CANDIDATES_MAX */
	size_t card_count;
	bool rent;
	int64_t now_ms;
	int64_t expires_ms; /* of a customer's: needed there; a rent's also ends
			       STORE_RENT_GRACE_MS after now without a text. 0 for a platform's */
	int64_t release_ms; /* platform's, not rent: released then if never answered; 0: not */
	int64_t price;      /* customer's: charged here; may be 0 */
	int64_t sum;        /* platform's; 0: not said */
	int cancel_limit;   /* cancelled so often for (seller, service): used up; 0: no limit */
};

/* When it will end by itself if nothing comes of it; 0: never. */
int64_t store_order_due(const struct store_order *order);

enum store_order_why {
	STORE_ORDER_DONE,
	STORE_ORDER_NO_NUMBER,
	STORE_ORDER_NO_BALANCE,
	STORE_ORDER_NO_CUSTOMER, /* unknown, disabled, no longer configured */
};

/* activation: NULL unless why is DONE. err -EINVAL: the order itself is malformed. */
typedef void store_order_fn(
	void *arg, int err, enum store_order_why why, const struct store_activation *activation);
void store_activation_order(
	struct store *store, const struct store_order *order, store_order_fn *done, void *arg);

/* ---- closing -------------------------------------------------------------------------------- */

struct store_close {
	int64_t id;
	const char *seller, *customer; /* whose it must be; NULL: anybody's (an operator's hand) */
	enum store_activation_state state; /* not OPEN */
	int finish_status;
	const char *reason;
	int64_t sum; /* platform's, 0: keeps what the order said */
	int64_t now_ms;
	bool amend;         /* a closed one takes the new state and status too (FINISH 3, then 5) */
	bool only_textless; /* left open if it has a text (setStatus 8) */
	bool refund;        /* customer's: the price goes back if no text came; exactly once */
};

struct store_closed {
	bool found;   /* there is such an operation, and it is theirs */
	bool existed; /* it was closed before; changed only with amend */
	bool denied;  /* only_textless, and it has a text: it stays open */
	const struct store_activation *activation; /* as it is now; NULL unless found */
	const struct store_used *used; /* what became of being used up; NULL: nothing changed */
};
typedef void store_closed_fn(void *arg, int err, const struct store_closed *closed);

/* Idempotent: the same call again says existed. What it does to being used up: SOLD, REFUSED,
 * REFUNDED use the number up for (seller, service), CANCELLED counts one cancellation there, and
 * for a rent one failure in a row; the others change nothing. A changed state takes back what the
 * former did. */
void store_activation_close(
	struct store *store, const struct store_close *close, store_closed_fn *done, void *arg);

/* Closes what is over at now_ms: customers' (with a text SOLD, without CANCELLED and refunded), and
 * platforms' that were never answered and have a release time (RELEASED). At most STORE_PAGE_MAX.
 * rows: those closed; next_ms: when the next one is over, 0: none. */
typedef void store_expired_fn(
	void *arg, int err, const struct store_activation *rows, size_t count, int64_t next_ms);
void store_activations_expire(
	struct store *store, int64_t now_ms, store_expired_fn *done, void *arg);

/* ---- marks ---------------------------------------------------------------------------------- */

/* Who ordered has got the answer: nothing releases it by itself any more. count 0: not open. */
void store_activation_answered(struct store *store, int64_t id, store_count_fn *done, void *arg);

/* The customer waits for another text (setStatus 3). count 0: not open, not his, or no text yet. */
void store_activation_wait(
	struct store *store, int64_t id, const char *customer, store_count_fn *done, void *arg);

/* ---- reading -------------------------------------------------------------------------------- */

/* Newest first. Fields that are 0 or NULL ask for any. */
struct store_activations_query {
	int64_t id;
	const char *seller, *customer;
	bool open;    /* only those */
	bool rent;    /* only rents */
	size_t limit; /* 0: 100; at most STORE_ACTIVATIONS_MAX */
};
typedef void store_activations_fn(
	void *arg, int err, const struct store_activation *rows, size_t count);
void store_activations(struct store *store, const struct store_activations_query *query,
	store_activations_fn *done, void *arg);

/* All that are open, however many; oldest first. For the table of the loop. */
void store_activations_open(struct store *store, store_activations_fn *done, void *arg);

/* The texts of an operation, newest first, at most STORE_TEXTS_MAX; customer NULL: anybody's. Those
 * withheld are not among them. activation NULL: there is none such. total: how many it has had. */
struct store_activation_text {
	const char *message_id, *sender, *text;
	int64_t sent_ms, arrived_ms;
};
typedef void store_texts_fn(void *arg, int err, const struct store_activation *activation,
	const struct store_activation_text *rows, size_t count);
void store_activation_texts(
	struct store *store, int64_t id, const char *customer, store_texts_fn *done, void *arg);

/* How many there are: open ones by whether they have a text, closed ones by state. */
struct store_activation_counts {
	int64_t states[STORE_ACTIVATION_STATES];
	int64_t open_with_text, open_unanswered; /* both among those open */
};
typedef void store_activation_counts_fn(
	void *arg, int err, const struct store_activation_counts *counts);
void store_activation_counts(
	struct store *store, int64_t now_ms, store_activation_counts_fn *done, void *arg);

/* Erases operations closed before before_ms, a thousand at most; their texts are the retention's
 * affair, the ledger stays. count: erased; call again while it is a thousand. */
void store_activations_erase(
	struct store *store, int64_t before_ms, store_count_fn *done, void *arg);

/* ---- what can be sold ----------------------------------------------------------------------- */

/* Who sells a bank's cards ("sell" of [bank]); in the place of what was said of this bank before.
 * A card with sellers of its own (struct store_number.sell) is sold by those instead. */
struct store_bank_sell {
	const char *bank;
	const char *const *sellers;
	size_t count;
};
void store_banks_sell(struct store *store, const struct store_bank_sell *banks, size_t count,
	store_done_fn *done, void *arg);

/* The cards online now that anyone sells, of all hosts: one row a card and seller, by seller, the
 * one that waits longest for an order first. Left out: no number, a number that two cards have. In
 * an open operation or not: the loop's table tells. */
struct store_sellable {
	const char *seller;
	const char *bank, *slot, *card_id, *iccid, *imsi, *number;
	int operator_code; /* MCC and MNC of the numbers file; 0: not said */
	int rent;          /* -1: not said */
};
typedef void store_sellables_fn(
	void *arg, int err, const struct store_sellable *rows, size_t count);
void store_sellables(struct store *store, store_sellables_fn *done, void *arg);

/* What is known of (seller, service, number) once an operation on it was closed. Rows that changed
 * after `since`, in the order of `changed`; since 0: all. For a rent (service STORE_RENT)
 * `cancelled` counts the failures in a row since the last success. */
struct store_used {
	const char *seller, *service, *number;
	int sold;             /* operations that use it up */
	int cancelled;        /* cancellations */
	int64_t cancelled_ms; /* the last, 0: none */
	int64_t changed;
};
typedef void store_useds_fn(void *arg, int err, const struct store_used *rows, size_t count);
void store_useds(struct store *store, int64_t since, store_useds_fn *done, void *arg);

/* changed is called on the loop when this process has done something to ports, cards, numbers or
 * sellers; not for operations, whose verbs tell themselves. One watcher; NULL ends it. */
void store_pool_watch(struct store *store, void (*changed)(void *arg), void *arg);

/* ---- customers ------------------------------------------------------------------------------ */

/* key_hash: what the caller makes of a key (SHA-256, hexadecimal); the key itself is not here. */
#define STORE_BALANCE_MAX INT64_C(1000000000000000)
struct store_customer {
	const char *name, *key_hash;
	bool configured; /* by the configuration of a host */
	bool disabled;   /* by hand */
	bool gone;       /* was configured, and its host's configuration has it no more */
	int64_t balance; /* always the sum of his ledger */
	int64_t created_ms;
	int64_t open, orders; /* operations: open; all not yet erased */
};

/* The customers of this host's configuration, as a whole: a new name is made, with `balance` as its
 * opening entry, booked once per name, ever; those of this host that are not among them are gone,
 * and come back if they do. Made by hand before: the configuration's key counts from now on. */
void store_customers_load(struct store *store, const struct store_customer *customers, size_t count,
	int64_t now_ms, store_done_fn *done, void *arg);

/* By hand. err -EEXIST: name or key is there. -ENOSPC: STORE_CUSTOMERS_MAX. */
void store_customer_add(struct store *store, const char *name, const char *key_hash, int64_t now_ms,
	store_done_fn *done, void *arg);

/* Books amount, which may be negative; but the balance stays at 0 or more. count: the new balance.
 * err -ENOENT: no such customer; -ERANGE: it would fall below 0 or pass STORE_BALANCE_MAX. */
void store_customer_topup(struct store *store, const char *name, int64_t amount, const char *note,
	int64_t now_ms, store_count_fn *done, void *arg);

/* err -ENOENT: no such customer. What he has open runs on. */
void store_customer_disable(
	struct store *store, const char *name, bool disabled, store_done_fn *done, void *arg);

/* All, by name. */
typedef void store_customers_fn(
	void *arg, int err, const struct store_customer *rows, size_t count);
void store_customers(struct store *store, store_customers_fn *done, void *arg);

/* One, by name: the balance as it is now. NULL: there is none. */
typedef void store_customer_fn(void *arg, int err, const struct store_customer *customer);
void store_customer_get(struct store *store, const char *name, store_customer_fn *done, void *arg);

/* What was ordered and spent since then, by customer; those who did nothing are not there. */
struct store_turnover {
	const char *customer;
	int64_t orders, spent; /* charges; what they come to without refunds */
};
typedef void store_turnovers_fn(
	void *arg, int err, const struct store_turnover *rows, size_t count);
void store_turnovers(struct store *store, int64_t since_ms, store_turnovers_fn *done, void *arg);

/* His ledger, newest first; limit 0: 100. kind: "opening", "topup", "charge", "refund". */
struct store_ledger_row {
	const char *id, *kind, *note;
	int64_t at_ms, amount;
	int64_t activation; /* 0: none */
};
typedef void store_ledger_fn(void *arg, int err, const struct store_ledger_row *rows, size_t count);
void store_ledger(
	struct store *store, const char *customer, size_t limit, store_ledger_fn *done, void *arg);

#endif
