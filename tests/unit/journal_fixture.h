/* journal_fixture.h - a shared store and its host's journal; a server that is cut off, slow, or
 * whose answer is lost. */
#ifndef SIMGATE_TESTS_JOURNAL_FIXTURE_H
#define SIMGATE_TESTS_JOURNAL_FIXTURE_H

#include "store_fixture.h"

/* Between the store and its server. */
extern struct journal_line {
	atomic_bool down;       /* nothing can be asked of it */
	atomic_int lost_answer; /* so many commits are made, and nobody is told */
	atomic_int lost_commit; /* so many are not made */
	atomic_bool frozen;     /* the next begin waits until it is not */
	atomic_bool waits;
	atomic_bool due;           /* each transaction has had its time with its first job */
	_Atomic int64_t *heard_us; /* of the store */
} journal_line;

extern int backs; /* how often the server came back */

/* What the inbox does with a page, where a PDU is its text. */
struct mover {
	struct fixture *fx;
	int under_way;
	int err;
};

/* Runs tests with a server of their own; journal_server() does to it what unit/pg_server can. */
int journal_run(const char *name, const struct CMUnitTest *tests, size_t count);
#define JOURNAL_RUN(tests) journal_run(#tests, tests, sizeof(tests) / sizeof *(tests))
#define JOURNAL_TEST(fn)   cmocka_unit_test_setup_teardown(fn, journal_setup, journal_teardown)
void journal_server(const char *command);
int journal_setup(void **state);
int journal_teardown(void **state);

/* Another store with this journal, or with the usual one; once more, as after a crash. */
int journal_try_as(struct fixture *fx, const char *name);
int journal_try(struct fixture *fx);
void journal_open_store(struct fixture *fx);
void journal_remove(const struct fixture *fx);

struct store_server server_of(struct fixture *fx);
/* Real time for the threads, none on the clock. */
void let_run(struct fixture *fx);
/* Time, in steps; at one go, in which the server has no chance to answer. */
void let_pass(struct fixture *fx, int64_t ms);
void later(struct fixture *fx, int64_t ms);
void until_up(struct fixture *fx, bool up);
void text_start(
	struct fixture *fx, struct answer *a, const char *card, int index, const char *text);
void answered(struct fixture *fx, const struct answer *a);
struct answer text_in(struct fixture *fx, const char *card, int index, const char *text);
void on_page(void *arg, int err, const struct store_raw *rows, size_t count);
/* One page; false: the server was not there. */
bool move_page(struct fixture *fx);
void move_all(struct fixture *fx);
/* The texts of the pool, by id, without those of a journal. */
void pool_has(struct fixture *fx, const char *expected);
/* What comes of a beat of this host. */
int beat_of(struct fixture *fx);

#endif
