/* store_impl.h - inside the store: jobs, their memory, the statements. */
#ifndef SIMGATE_STORE_STORE_IMPL_H
#define SIMGATE_STORE_STORE_IMPL_H

#include "store/backend.h"
#include "store/store_hosts.h"
#include "store/store_orders.h"

enum { STORE_PARTS_MAX = 255, STORE_LEDGER_ID_SIZE = 40 };

enum store_stmt {
	STMT_VERSION_GET,
	STMT_VERSION_SET,
	STMT_LAST_ID,
	STMT_WAITING,
	STMT_CLAIMS_CLEAR,
	STMT_PORTS_OFFLINE,

	STMT_MODULE_GET,
	STMT_MODULE_PUT,
	STMT_CARD_PUT,
	STMT_CARD_GET,
	STMT_HELD_CARDS,
	STMT_FREE_MESSAGES,
	STMT_FREE_DELIVERIES,
	STMT_NUMBERS_MARK,
	STMT_NUMBERS_OTHERS,
	STMT_NUMBER_PUT,
	STMT_NUMBERS_CLEAR,
	STMT_NUMBERS_FORGET,
	STMT_NUMBER_SET,
	STMT_NUMBER_FORGET,
	STMT_CARD_FORGET,
	STMT_NUMBERS,
	STMT_TWICE,
	STMT_TAKEOFF_CLEAR,
	STMT_TAKEOFF_PUT,
	STMT_PIN_REFUSED,
	STMT_PINS_LIMIT,
	STMT_PIN_GET,
	STMT_PIN_FORGET,
	STMT_BANK_PUT,
	STMT_PORT_PUT,
	STMT_PORTS,
	STMT_PORT_FORGET,
	STMT_PORTS_HAD,
	STMT_BANKS_FORGET,
	STMT_DRAIN,
	STMT_DRAINS,
	STMT_RESUME,
	STMT_RESUME_ALL,
	STMT_ROSTER,
	STMT_REMOTE_PUT,
	STMT_REMOTE_FORGET,
	STMT_SIM_ROW_PUT,
	STMT_SIM_ROWS,

	STMT_PDU_FORGET,
	STMT_CLAIM_UNTOLD,
	STMT_PDU_ADD,
	STMT_PDU_DECODED,
	STMT_PDU_STAYED,
	STMT_PDU_SHIFTED,
	STMT_ENTRIES_MOVED,
	STMT_PDU_SET,
	STMT_PDU_JOINED,
	STMT_PDU_DELETED,
	STMT_ENTRIES,
	STMT_ENTRY_GONE,
	STMT_PART_SAME,
	STMT_SET_LACKING,
	STMT_SET_GAP,
	STMT_SET_ADD,
	STMT_SETS_OPEN,
	STMT_SET_GET,
	STMT_SET_PARTS,
	STMT_SET_JOINED,
	STMT_SET_REPEATS,
	STMT_SETS_DUE,
	STMT_SETS_COMPLETE,
	STMT_PART_ADD,
	STMT_NUMBER_OF,
	STMT_SMS_LOOK,
	STMT_MESSAGE_ADD,
	STMT_DELIVERY_ADD,

	STMT_HEADS,
	STMT_CLAIM,
	STMT_DELIVERY_HEAD,
	STMT_DELIVERY_AFTER,
	STMT_DELIVERIES_CLAIMED,
	STMT_OUTCOME,
	STMT_UNKNOWN_NUMBERS,
	STMT_DUE,
	STMT_DUE_ALL,
	STMT_RETRY_NUMBER,
	STMT_RETRY,
	STMT_RETRY_ALL,
	STMT_DROP,
	STMT_DROP_RAW,
	STMT_DROP_ALL,

	STMT_COUNTS,
	STMT_TOTALS,
	STMT_MESSAGES,
	STMT_MESSAGE,
	STMT_OUTBOX,
	STMT_UNDECODABLE,
	STMT_UNDECODABLE_ONE,
	STMT_RAWS,
	STMT_OF_NUMBER,

	STMT_MESSAGE_PAGE,
	STMT_MESSAGE_ERASE,
	STMT_PDU_PAGE,
	STMT_PDU_ERASE,
	STMT_OLD_PAGE,
	STMT_OLD_DELIVERIES,
	STMT_OLD_MESSAGES,
	STMT_OLD_PDUS,
	STMT_OLD_PARTS,
	STMT_OLD_SETS,
	STMT_NUMBER_COUNT,
	STMT_NUMBER_COUNT_PDUS,
	STMT_NUMBER_PDUS_HEAD,
	STMT_NUMBER_PDUS,
	STMT_NUMBER_PARTS,
	STMT_NUMBER_SETS,
	STMT_NUMBER_DELIVERIES,
	STMT_NUMBER_MESSAGES,
	STMT_ERASURE_PUT,
	STMT_ERASURES_FORGET,
	STMT_PDU_ERASED,

	STMT_COUNTER_NEXT,
	STMT_ACTIVATION_GET,
	STMT_ACTIVATION_TOKEN,
	STMT_ORDER_FREE,
	STMT_ORDER_FREES,
	STMT_ORDER_CLASH,
	STMT_ORDER_ADD,
	STMT_ACTIVATION_CLOSE,
	STMT_ACTIVATION_AMEND,
	STMT_ACTIVATION_REFUNDED,
	STMT_ACTIVATION_ANSWERED,
	STMT_ACTIVATION_WAIT,
	STMT_ACTIVATION_TEXT,
	STMT_ACTIVATION_WITHHELD,
	STMT_ACTIVATIONS_DUE,
	STMT_ACTIVATIONS_NEXT,
	STMT_ACTIVATIONS_OPEN,
	STMT_ACTIVATIONS,
	STMT_ACTIVATIONS_OF,
	STMT_ACTIVATION_TEXTS,
	STMT_ACTIVATION_COUNTS,
	STMT_ACTIVATIONS_ERASE,
	STMT_ACTIVATION_LET,
	STMT_USED_PUT,
	STMT_USED_GET,
	STMT_USEDS,
	STMT_BANK_SELL_CLEAR,
	STMT_BANK_SELL_PUT,
	STMT_CARD_SELL_CLEAR,
	STMT_CARD_SELL_FORGET,
	STMT_CARD_SELL_PUT,
	STMT_SELLABLES,
	STMT_CUSTOMER_GET,
	STMT_CUSTOMERS,
	STMT_CUSTOMER_KEY,
	STMT_CUSTOMERS_COUNT,
	STMT_CUSTOMER_PUT,
	STMT_CUSTOMERS_OF,
	STMT_CUSTOMER_GONE,
	STMT_CUSTOMER_DISABLE,
	STMT_CUSTOMER_CHARGE,
	STMT_CUSTOMER_BOOK,
	STMT_LEDGER_ADD,
	STMT_LEDGER,
	STMT_TURNOVERS,

	STMT_HOST_GET,
	STMT_HOST_ENTER,
	STMT_HOST_BEAT,
	STMT_HOST_INSTANCE,
	STMT_HOST_LEAVE,
	STMT_HOSTS_STALE,
	STMT_HOSTS_FORGET,
	STMT_HOSTS_OTHERS,
	STMT_HOSTS,
	STMT_BANKS,
	STMT_BANK_HOST,
	STMT_PORTS_ONLINE,
	STMT_PORT_OFFLINE,
	STMT_LEASE_GET,
	STMT_LEASE_PUT,
	STMT_LEASE_END,
	STMT_COUNTER_BUMP,
	STMT_COUNTER_RAISE,
	STMT_COUNTERS,
	STMT_LISTED,
	STMT_COUNT
};

extern const struct backend_stmt store_stmts[STMT_COUNT];

/* Memory that is freed as a whole. */
struct arena {
	struct arena_chunk *chunks;
};

struct store_job;
typedef int store_run_fn(struct store_job *job);
typedef void store_finish_fn(struct store_job *job);

/* Does on the host's own journal what the job is to do in the shared store, and calls the job's
 * callback in its place. On the loop; leaves the job as it is: its thread may have it still. */
typedef void store_local_fn(struct store *journal, const struct store_job *job);

/* How a job goes about the journal (store_journal.c). The first two also hold it up: once one such
 * job has failed those behind it fail unrun, so that none overtakes it. */
enum store_trait {
	TRAIT_TEXT = 1,    /* a text that arrives */
	TRAIT_MOVE = 2,    /* one from the journal */
	TRAIT_BOTH = 4,    /* the journal has it too, whenever the shared store has it */
	TRAIT_AGAIN = 8,   /* the shared store gets it once it is back */
	TRAIT_LONG = 16,   /* it may take more than the second that others have */
	TRAIT_PROBE = 32,  /* asks whether the server is there */
	TRAIT_VIEW = 64,   /* changes nothing, whatever its verb says: it need not be waited for */
	TRAIT_ENTRY = 128, /* of entries: while the journal has texts it is the journal's alone */
};

/* What a kind of job does. run: on the store's thread, in a transaction; it may be rolled back and
 * called again, so it leaves its arguments as they are. finish: on the loop; calls the callback. */
struct store_verb {
	const char *name;
	store_run_fn *run;
	store_finish_fn *finish;
	bool write;
};

union store_callback {
	store_done_fn *done;
	store_count_fn *count;
	store_card_fn *card;
	store_number_fn *number;
	store_numbers_fn *numbers;
	store_pin_fn *pin;
	store_roster_fn *roster;
	store_drains_fn *drains;
	store_sms_fn *sms;
	store_claim_fn *claim;
	store_totals_fn *totals;
	store_rows_fn *rows;
	store_raws_fn *raws;
	store_erased_fn *erased;
	store_number_erased_fn *number_erased;
	store_order_fn *order;
	store_closed_fn *closed;
	store_expired_fn *expired;
	store_activations_fn *activations;
	store_texts_fn *texts;
	store_activation_counts_fn *activation_counts;
	store_sellables_fn *sellables;
	store_useds_fn *useds;
	store_customers_fn *customers;
	store_customer_fn *customer;
	store_ledger_fn *ledger;
	store_turnovers_fn *turnovers;
	store_sim_rows_fn *sim_rows;
	store_hosts_fn *hosts;
	store_claims_fn *claims;
	store_marks_fn *marks;
	store_twice_fn *twice;
	store_places_fn *places;
};

struct store_job {
	struct store_job *next;
	struct store *store;
	const struct store_verb *verb;
	union store_callback callback;
	void *arg;
	struct arena in;  /* copies of the arguments */
	struct arena out; /* results; emptied before each run */
	void *result;     /* in `out` */
	const char *why;  /* in `out`: the database's words */
	int64_t count;
	int err;
	bool scrub;  /* once it is committed what was erased leaves the files */
	int refused; /* 0, or what the caller asked in vain: nothing was written, err is 0 */
	bool pool;   /* what can be ordered may be another after it */
	store_local_fn *local; /* NULL: without the server it fails */
	unsigned traits;       /* enum store_trait */
	bool rerun;            /* it may have been committed by a run whose answer was lost */
	bool held;             /* was not run, for one before it failed */
	bool queued;           /* the thread got it */
	bool late;             /* the journal has answered for it */
	int64_t answer_ms;     /* when that is to be, by loop_now_ms() */
	struct store_job *timed_next;
	bool wrote;        /* its commit put something on the disk; set on one job a commit */
	int64_t commit_us; /* how long that took */
};

/* ---- the journal of a host beside a shared store: store_journal.c ---------------------------- */

struct journal;

/* On the loop. The store's thread must have been started; waits some seconds for its first answer
 * from the server. */
int journal_open(struct store *store, const struct store_config *config, struct journal **out,
	char *why, size_t why_size);
void journal_close(struct journal *journal); /* before the store's thread ends; takes NULL */

/* Whether the thread gets a job: 0, or what it fails with. */
int journal_admit(struct journal *journal, struct store_job *job);

/* A job has come to its end: finishes it, here or at the journal. Takes it over. */
void journal_answer(struct journal *journal, struct store_job *job);

bool journal_has_texts(const struct journal *journal);
int journal_health(const struct journal *journal);
size_t journal_pending(const struct journal *journal, size_t at_server);

/* A text for the journal, which counts it; one that has left it. */
void journal_put(
	struct journal *journal, const struct store_sms *sms, store_sms_fn *done, void *arg);
void journal_moved(struct journal *journal, const char *pdu_id);

/* ---- store.c --------------------------------------------------------------------------------- */

struct journal *store_journal(const struct store *store); /* NULL: it has none */
struct loop *store_loop(const struct store *store);

/* Waits until the thread has ended a job, so long at most, and answers it. */
void store_first_answer(struct store *store, int64_t limit_ms);

/* New ids come after those that the other store has. */
void store_adopt_ids(struct store *store, const struct store *other);

/* What its opening found counts from now on. */
void store_adopt_opening(struct store *store);

/* Texts that wait in this one as undecodable, and the arrival of the first, as of its opening. */
int64_t store_waiting(const struct store *store, int64_t *oldest_ms);

/* When the server last said anything, by loop_now_ms(). */
int64_t store_heard_ms(const struct store *store);

/* From here on jobs with these traits fail unrun; or are run again. */
void store_hold(struct store *store, unsigned traits);
void store_release(struct store *store, unsigned traits);

/* Opens with a given backend. */
int store_open_backend(const struct store_config *config, const struct backend *backend,
	struct store **out, char *why, size_t why_size);

/* Brings the schema up to date; refuses a newer one. On the caller's thread. */
struct store_db;
int schema_upgrade(const struct store_db *db, const char *path, char *why, size_t why_size);

/* A job of `size` bytes that begins with struct store_job. If too many wait, or if copying an
 * argument fails, its err is set and submit() lets the loop finish it unrun. */
void *store_job_new(struct store *store, size_t size, const struct store_verb *verb);
void store_job_submit(struct store_job *job);
void store_job_reset(struct store_job *job);
void store_job_free(struct store_job *job);

struct store_db {
	const struct backend *backend;
	struct backend_conn *conn;
};
const struct store_db *store_db(const struct store *store);
const char *store_host(const struct store *store);
const char *store_host_among(const struct store *store);    /* "" where no other can be */
const char *store_token(const struct store *store);         /* this process among its host's */
struct store_instance *store_instance(struct store *store); /* NULL: it has none */

/* On the loop only. Kept: what a former process of this host said of its ports holds until theirs
 * are settled. Left: what they say from now on is not to be heard. */
struct store_presence {
	bool kept, left;
};
struct store_presence *store_presence(struct store *store);

/* ---- store_instance.c: touched by the thread that has the database alone -------------------- */

enum { STORE_INSTANCE_SIZE = 64, STORE_INSTANCE_PATH_SIZE = 4096, STORE_INSTANCE_MS = 60000 };

struct store_instance {
	char path[STORE_INSTANCE_PATH_SIZE];
	char key[STORE_INSTANCE_SIZE]; /* "": none yet. The row has it, or is behind */
	int64_t turned_ms;             /* in the database's time */
};

/* From the file beside the journal; that it is not there, or not whole, is no error. */
int instance_load(struct store_instance *instance, const char *journal);

/* Whether the row is this installation's: no other has counted on since. */
bool instance_is(const struct store_instance *instance, const char *row_key);

/* A new key, on the disk before the row has it; by who found the row its own, in the transaction
 * that writes it. On failure all is as it was. */
int instance_turn(struct store_instance *instance, int64_t now_ms);

/* At the start, in a transaction that writes: this process is its host's from now on. -EADDRINUSE
 * and a sentence in why: another one is. */
struct store_entry_terms {
	const char *host_id, *version, *token;
	int64_t now_ms, stale_ms;
	bool shared;
	struct store_instance *instance; /* NULL: it has none */
};
struct store_entered {
	bool kept;  /* its rows are fresh still */
	bool taken; /* they were another installation's, which has stopped */
};
int store_host_enter(const struct store_db *db, const struct store_entry_terms *terms,
	struct store_entered *entered, char *why, size_t why_size);

/* STORE_TOKEN_SIZE bytes: a name for this process that no other has. */
enum { STORE_TOKEN_SIZE = 96 };
void store_token_make(char out[STORE_TOKEN_SIZE]);

/* 0 if this process holds the leader's lease with this fence, else -ESTALE. Hosts that have fallen
 * silent are marked. In a transaction that writes. */
int store_lease_check(struct store_job *job, int64_t fence, int64_t now_ms);
int64_t store_now_ms(const struct store *store); /* on the loop only */

/* Arguments, on the loop. NULL text becomes "". job_name refuses what does not fit size (-EINVAL).
 * job_array is zeroed; NULL if count is 0 or the job has failed. */
const char *job_text(struct store_job *job, const char *text);
const char *job_name(struct store_job *job, const char *text, size_t size);
void *job_array(struct store_job *job, size_t count, size_t size);
const char *const *job_names(struct store_job *job, const char *const *names, size_t count);

/* Results, on the store's thread: zeroed memory, or NULL. */
void *job_out(struct store_job *job, size_t count, size_t size);

/* The rows of a query, in the job's `out`. */
struct store_table {
	struct backend_value *cells;
	size_t rows, cols, capacity;
};
const struct backend_value *table_row(const struct store_table *table, size_t row);

#define TXT(s) ((struct backend_value) { BACKEND_TEXT, 0, (s) })
#define INT(n) ((struct backend_value) { BACKEND_INT, (n), 0 })
#define ARGS(...) \
	(const struct backend_value[]) { __VA_ARGS__ }, \
		sizeof((const struct backend_value[]) { __VA_ARGS__ }) / \
			sizeof(struct backend_value)

/* store_exec: rows changed, or a negative errno. store_put: as it, where nobody needs to know how
 * many; its error may come at a later call. store_select: 0 or a negative errno. */
int store_put(struct store_job *job, enum store_stmt stmt, const struct backend_value *params,
	size_t count);
int64_t store_exec(struct store_job *job, enum store_stmt stmt, const struct backend_value *params,
	size_t count);
int store_select(struct store_job *job, enum store_stmt stmt, const struct backend_value *params,
	size_t count, struct store_table *out);

/* Keeps words for the log. */
void store_job_say(struct store_job *job, const char *words);

/* Keeps what the database says, for the log. */
void store_job_why(struct store_job *job, const char *name);

/* How far the database's clock is ahead of now_ms, the time of a call on this host. Leases and due
 * times are in the database's time, which all hosts share; callers know their own. */
int64_t store_ahead_ms(const struct store_job *job, int64_t now_ms);

/* Finish functions for the commonest callbacks; they tell `refused` in the place of err. */
void store_finish_done(struct store_job *job);
void store_finish_count(struct store_job *job);

/* The operations of a query, in the job's `out`. */
int store_activations_read(struct store_job *job, enum store_stmt stmt,
	const struct backend_value *params, size_t count, struct store_activation **out,
	size_t *rows);

/* The one with this id (STMT_ACTIVATION_GET) or token (STMT_ACTIVATION_TOKEN); NULL: none. */
int store_activation_get(struct store_job *job, enum store_stmt stmt, struct backend_value key,
	const struct store_activation **out);

/* The next value of a counter, above 0; or a negative errno. */
int64_t store_counter_next(struct store_job *job, const char *name);

/* A row of a customer's ledger, and its amount in his balance. Once per id: 1 booked, 0 it was
 * there; -ERANGE: the balance may not become that. */
struct store_booking {
	const char *id, *customer, *kind, *note;
	int64_t amount, activation, at_ms;
};
int store_book(struct store_job *job, const struct store_booking *booking);

/* What the sources say of a card's number, and what comes of it. */
struct store_verdict {
	const char *said[STORE_SOURCES]; /* by source; "" nothing */
	const char *number;
	enum store_source source;
	bool conflict;
};

/* From the columns that VERDICT (store_sql.c) names. */
struct store_verdict store_verdict(const struct backend_value *cells);
enum { STORE_VERDICT_COLUMNS = 7 };

/* The strongest source below `above` that says something other than `number`; UNKNOWN if none. */
enum store_source store_says_other(
	const struct store_verdict *verdict, enum store_source above, const char *number);

/* Deliveries of a card that waited for its number go out. Returns how many, or a negative errno. */
int64_t store_free_held(
	struct store_job *job, const char *card_id, const char *number, int64_t now_ms);

/* Claims a message if it is what `card_id` has to send next on a platform, due, and nothing of the
 * card is in flight. Returns 1 claimed, 0 not, or a negative errno. */
struct store_lease {
	const char *platform;
	int64_t now_ms, lease_ms;
};
int store_claim_card(struct store_job *job, const struct store_lease *lease, const char *card_id,
	const char *only_id, struct store_delivery *out);

#endif
