/* roster_test.c - the number list as a self-test: the platform prints back what it read. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "platform/roster_impl.h"

struct roster_test {
	struct roster *roster; /* NULL: it was stopped, the store still owes a callback */
	roster_test_fn *done;
	void *arg;
	struct deliver_call *call;
	char *sent; /* the request's body */
	size_t count;
};

static void test_free(struct roster_test *test)
{
	deliver_cancel(test->call);
	free(test->sent);
	free(test);
}

static void test_end(struct roster_test *test, int err, const char *why, enum list_echo echo)
{
	struct roster_test_result result = {
		.err = err, .why = why, .count = test->count, .echo = echo
	};

	test->roster->test = NULL;
	test->done(test->arg, &result);
	test_free(test);
}

/* A platform that prints back the request, and nothing else, has taken it too. */
static void on_answer(void *arg, const struct answer *answer)
{
	struct roster_test *test = arg;
	const struct roster *roster = test->roster;
	char reason[PLATFORM_REASON_SIZE];
	enum outcome outcome =
		roster->kind->list_outcome(answer, reason, sizeof reason, NULL, NULL);
	enum list_echo echo = roster->kind->list_echo(roster->platform, answer, test->sent);

	test->call = NULL;
	if (outcome == OUTCOME_RETRY && echo != ECHO_NONE) {
		outcome = OUTCOME_DELIVERED;
		reason[0] = '\0';
	}
	test_end(test, outcome_errno(outcome), reason, echo);
}

static void send_test(struct roster_test *test, const struct listing *list)
{
	const struct roster *roster = test->roster;
	struct call call = { 0 };
	int err =
		roster->kind->list(roster->platform, list->entries, list->count, LIST_ECHO, &call);

	test->count = list->count;
	if (err == 0)
		test->sent = strdup(call.body);
	if (test->sent)
		test->call =
			deliver_start(roster->deliver, roster->platform, &call, on_answer, test);
	call_free(&call);
	if (!test->call)
		test_end(test, -ENOMEM, "out_of_memory", ECHO_NONE);
}

static void on_rows(void *arg, int err, const struct store_roster_row *rows, size_t count)
{
	struct roster_test *test = arg;
	struct roster *roster = test->roster;

	if (!roster) {
		test_free(test);
		return;
	}
	struct listing *list = err ? NULL : selection_make(&roster->selection, rows, count);
	if (list)
		send_test(test, list);
	else
		test_end(test, err ? err : -ENOMEM, err ? "store" : "out_of_memory", ECHO_NONE);
	listing_free(list);
}

void roster_self_test(struct roster *roster, roster_test_fn *done, void *arg)
{
	struct roster_test_result refused = { .err = -ECANCELED, .why = "stopping" };
	struct roster_test *test;

	if (roster->stopped) {
		done(arg, &refused);
		return;
	}
	if (roster->test) {
		refused.err = -EBUSY;
		refused.why = "a self-test is under way";
		done(arg, &refused);
		return;
	}
	test = calloc(1, sizeof *test);
	if (!test) {
		refused.err = -ENOMEM;
		refused.why = "out_of_memory";
		done(arg, &refused);
		return;
	}
	test->roster = roster;
	test->done = done;
	test->arg = arg;
	roster->test = test;
	store_roster(roster->store, roster->platform->name, 0, on_rows, test);
}

/* Without a call the store's callback is still to come, and frees it. */
void roster_test_stop(struct roster *roster)
{
	struct roster_test_result result = { .err = -ECANCELED, .why = "stopping" };
	struct roster_test *test = roster->test;

	if (!test)
		return;
	roster->test = NULL;
	test->done(test->arg, &result);
	test->roster = NULL;
	if (test->call)
		test_free(test);
}
