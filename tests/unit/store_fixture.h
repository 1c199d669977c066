/* store_fixture.h - a store of its own, verbs that wait for their answer, and a backend that fails
 * when told to. The store is a file; or, where $SIMGATE_TEST_PG names what `pg_server start` wrote,
 * a schema on that server. */
#ifndef SIMGATE_TESTS_STORE_FIXTURE_H
#define SIMGATE_TESTS_STORE_FIXTURE_H

#include "unit.h"

#include <stdatomic.h>
#include <stdbool.h>

#include "base/loop.h"
#include "store/store_impl.h"

#define T0     INT64_C(1700000000000)
#define DAY_MS INT64_C(86400000)
#define CARD   "8946000000000000001"
#define CARD2  "8946000000000000002"
#define PHONE  "+46700000001"

struct fixture {
	char dir[64], path[200], why[800];
	char schema[48]; /* "" for a file */
	struct loop *loop;
	struct store *store;
};

/* What a callback was given, copied out of it. Lists are written "a,b,". */
struct answer {
	int calls, err;
	int64_t count, next_ms;
	bool same_entry, same_part, late, crowded;
	char message_id[STORE_ID_SIZE], set_id[STORE_ID_SIZE];
	char parts[512];
	size_t claimed;
	char claimed_texts[512], claimed_number[32], claimed_remote[32];
	int64_t claimed_until_ms, first_try_ms, number_error_ms;
	int attempts;
	char iccid[32], number[32], last_card[STORE_CARD_SIZE];
	enum store_source source;
	char rows[4096];
	struct store_totals totals;
};

enum fault_kind { FAULT_BEFORE, FAULT_AFTER };

extern struct faults {
	atomic_int steps, fail_at, fired; /* fail_at 0: never */
	atomic_int kind;
	atomic_long page_limit;   /* to be set at the next begin, 0: nothing to do */
	_Atomic int64_t ahead_ms; /* of a server's clock to the fixture's */
} faults;

extern const struct store_route push;

/* The stores are on a server. */
bool fx_shared(void);
int fx_open(struct fixture *fx);
/* Another host's store, with no faults. */
int fx_open_as(struct fixture *fx, const char *host_id, struct store **out);
/* The same, by the fixture's clock, which is the server's then. */
int fx_open_also(struct fixture *fx, const char *host_id, struct store **out);
void fx_close(struct fixture *fx);
void fx_reopen(struct fixture *fx);
/* Runs SQL on the database itself. */
void fx_sql(struct fixture *fx, const char *sql);
/* The same while the store is closed. */
void fx_script(struct fixture *fx, const char *sql);
/* There is no more room, or enough of it. */
void fx_full(struct fixture *fx, bool full);
/* Makes an older version of the schema out of the newest, and opens the store again. */
void fx_down_to(struct fixture *fx, int version);
/* Open again, with nothing in it. */
void fx_empty(struct fixture *fx);
void fx_remove(struct fixture *fx);
int fx_setup(void **state);
int fx_teardown(void **state);
void fx_wait(struct fixture *fx);
int64_t fx_now(const struct fixture *fx);
void got_done(void *arg, int err);
void got_count(void *arg, int err, int64_t count);
void got_sms(void *arg, int err, const struct store_sms_result *result);
void got_claim(void *arg, int err, const struct store_claim *claim);
struct answer finish(struct fixture *fx, struct answer *a);
void put_start(struct fixture *fx, struct answer *a, const char *card, int index, const char *text,
	const struct store_route *route);
/* Part seq of two of the text with this reference. */
void part_start(struct fixture *fx, struct answer *a, int ref, int seq);
struct answer put_to(struct fixture *fx, const char *card, int index, const char *text,
	const struct store_route *route);
struct answer put(struct fixture *fx, int index, const char *text);
struct answer put_claim(struct fixture *fx, const char *card, int index, const char *text);
struct answer put_part(struct fixture *fx, int ref, int total, int seq, int index, const char *raw);
struct answer put_undecodable(struct fixture *fx, int index, const char *raw);
struct answer join_of(struct fixture *fx, const char *set_id, const char *text, int parts);
struct answer join(struct fixture *fx, const char *set_id, const char *text);
struct answer deleted(struct fixture *fx, int index, const char *raw);
struct answer seen(struct fixture *fx, const char *slot, const char *card, const char *number);
struct answer port(struct fixture *fx, const char *slot, const char *card, bool online);
struct answer roster(struct fixture *fx);
struct answer claim(struct fixture *fx, size_t limit);
struct answer outcome(struct fixture *fx, const char *id, enum store_state state, int64_t next_ms);
struct answer rows_of(struct fixture *fx, const struct store_query *query);
struct answer rows(struct fixture *fx, bool outbox);
struct answer totals(struct fixture *fx);
void block(struct fixture *fx);
void unblock(void);
void copy(char *to, size_t size, const char *from);

#endif
