/* takeoff.c - asks a platform which numbers have earned enough for their cards to be replaced. */
#include "platform/takeoff.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

enum { FIRST_ROOM = 64 };

/* A question under way. */
struct ask {
	struct takeoff *takeoff; /* NULL: it was stopped, the store still owes a callback */
	int64_t sum;
	takeoff_fn *done;
	void *arg;
	struct deliver_call *call;
	struct takeoff_number *numbers;
	size_t count, room, ignored;
	bool no_memory;
};

struct takeoff {
	struct loop *loop;
	struct store *store;
	struct deliver *deliver;
	const struct config_platform *platform;
	const struct platform_kind *kind;
	struct ask *ask;
	bool stopped;
};

static void ask_free(struct ask *ask)
{
	deliver_cancel(ask->call);
	free(ask->numbers);
	free(ask);
}

static void ask_end(struct ask *ask, int err, const char *why)
{
	struct takeoff_result result = { .err = err,
		.why = why,
		.numbers = ask->numbers,
		.count = err ? 0 : ask->count,
		.ignored = ask->ignored };

	ask->takeoff->ask = NULL;
	ask->done(ask->arg, &result);
	ask_free(ask);
}

static void on_stored(void *arg, int err)
{
	struct ask *ask = arg;

	if (!ask->takeoff)
		ask_free(ask);
	else
		ask_end(ask, err, err ? "store" : "");
}

static void store_numbers_of(struct ask *ask)
{
	const struct takeoff *takeoff = ask->takeoff;
	struct store_takeoff *rows = calloc(ask->count + 1, sizeof *rows);

	if (!rows || ask->no_memory) {
		free(rows);
		ask_end(ask, -ENOMEM, "out_of_memory");
		return;
	}
	for (size_t i = 0; i < ask->count; i++)
		rows[i] = (struct store_takeoff) { ask->numbers[i].number, ask->numbers[i].profit };
	log_info(LOGC_PLATFORM, takeoff->platform->name, NULL,
		LOG_FIELDS(LOG_INT("numbers", (int64_t)ask->count),
			LOG_INT("ignored", (int64_t)ask->ignored)),
		"platform named the numbers that can be replaced");
	store_takeoff_put(takeoff->store, takeoff->platform->name, ask->sum, rows, ask->count,
		loop_wall_ms(takeoff->loop), on_stored, ask);
	free(rows);
}

static void on_number(void *arg, const struct takeoff_number *number)
{
	struct ask *ask = arg;

	if (ask->count == STORE_NUMBERS_MAX) {
		ask->ignored++;
		return;
	}
	if (ask->count == ask->room) {
		size_t room = ask->room ? 2 * ask->room : FIRST_ROOM;
		struct takeoff_number *numbers = realloc(ask->numbers, room * sizeof *numbers);
		if (!numbers) {
			ask->no_memory = true;
			return;
		}
		ask->numbers = numbers;
		ask->room = room;
	}
	ask->numbers[ask->count++] = *number;
}

static void on_answer(void *arg, const struct answer *answer)
{
	struct ask *ask = arg;
	char reason[PLATFORM_REASON_SIZE];
	enum outcome outcome =
		ask->takeoff->kind->takeoff_outcome(answer, reason, sizeof reason, on_number, ask);

	ask->call = NULL;
	if (outcome == OUTCOME_DELIVERED)
		store_numbers_of(ask);
	else
		ask_end(ask, outcome_errno(outcome), reason);
}

static void ask_send(struct ask *ask, int64_t since_s)
{
	struct takeoff *takeoff = ask->takeoff;
	struct call call = { 0 };

	if (takeoff->kind->takeoff(takeoff->platform, ask->sum, since_s, &call) == 0)
		ask->call =
			deliver_start(takeoff->deliver, takeoff->platform, &call, on_answer, ask);
	call_free(&call);
	if (!ask->call)
		ask_end(ask, -ENOMEM, "out_of_memory");
}

void takeoff_ask(struct takeoff *takeoff, int64_t sum, int64_t since_s, takeoff_fn *done, void *arg)
{
	struct takeoff_result refused = { .err = -ECANCELED, .why = "stopping" };
	struct ask *ask = NULL;

	if (takeoff->ask) {
		refused.err = -EBUSY;
		refused.why = "another one is under way";
	} else if (!takeoff->stopped) {
		ask = calloc(1, sizeof *ask);
		refused.err = -ENOMEM;
		refused.why = "out_of_memory";
	}
	if (!ask) {
		done(arg, &refused);
		return;
	}
	*ask = (struct ask) { .takeoff = takeoff, .sum = sum, .done = done, .arg = arg };
	takeoff->ask = ask;
	ask_send(ask, since_s);
}

struct takeoff *takeoff_new(struct loop *loop, struct store *store, struct deliver *deliver,
	const struct config_platform *platform)
{
	const struct platform_kind *kind = platform_kind_find(platform->kind);
	struct takeoff *takeoff = kind && kind->takeoff ? calloc(1, sizeof *takeoff) : NULL;

	if (takeoff)
		*takeoff = (struct takeoff) { .loop = loop,
			.store = store,
			.deliver = deliver,
			.platform = platform,
			.kind = kind };
	return takeoff;
}

/* Without a call the store's callback is still to come, and frees it. */
void takeoff_stop(struct takeoff *takeoff)
{
	struct takeoff_result result = { .err = -ECANCELED, .why = "stopping" };
	struct ask *ask = takeoff->ask;

	takeoff->stopped = true;
	if (!ask)
		return;
	takeoff->ask = NULL;
	ask->done(ask->arg, &result);
	ask->takeoff = NULL;
	if (ask->call)
		ask_free(ask);
}

void takeoff_free(struct takeoff *takeoff)
{
	if (takeoff)
		takeoff_stop(takeoff);
	free(takeoff);
}

void takeoff_configure(struct takeoff *takeoff, const struct config_platform *platform)
{
	takeoff->platform = platform;
}
