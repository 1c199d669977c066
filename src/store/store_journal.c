/* store_journal.c - beside a shared store a file of the host's own: what is to be kept goes there
 * while the server is away, and from there to the server later.
 *
 * Both are stores, each with its thread. A job of the shared one that the server does not answer
 * within a second, or that fails for the server's sake, is answered by the journal (job->local);
 * what the server does with it after all is then of no interest. Who only asks is told after three
 * that there is no answer. A server that has said nothing at all for a second is away: it is asked
 * for a sign of life now and then, and nothing else.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "store/store_impl.h"

enum {
	OPEN_MS = 5000,     /* the start waits so long for the server */
	ANSWER_MS = 1000,   /* later than that the journal answers */
	VIEW_MS = 3000,     /* so long waits who only asks */
	PING_MS = 2000,     /* of a server that has said nothing for so long */
	BACK_MIN_MS = 1000, /* until one that is away is tried again, doubled each time */
	BACK_MAX_MS = 4000,
	AGAIN_MAX = 4096, /* jobs kept for a server that is away */
};

/* Jobs by answer_ms. */
struct timed {
	struct store_job *first, **end;
};

struct journal {
	struct store *store, *file; /* the shared one; the journal itself */
	struct loop *loop;
	struct loop_timer ping, answer;

	bool started; /* the start goes on, whatever the server says from now on */
	bool away;
	int err; /* why it is */
	char why[512];
	int64_t since_ms, answered_ms, back_ms;
	bool pinging;
	void (*back)(void *arg);
	void *arg;

	struct timed timed, views;            /* that the thread has */
	struct store_job *again, **again_end; /* to be told once the server is back */
	size_t again_count;
	int64_t dropped;

	int64_t waiting, oldest_ms;
	size_t texts; /* that the thread has */
};

/* ---- the server comes and goes -------------------------------------------------------------- */

/* Errors that are the server's or its disk's: the journal may do better. */
static bool is_servers(int err)
{
	static const int errs[] = { -EAGAIN, -EIO, -ENOSPC, -EROFS, -EACCES, -EUCLEAN, -EDEADLK,
		-ENOMEM, -EPROTONOSUPPORT, -EADDRINUSE };

	for (size_t i = 0; i < sizeof errs / sizeof errs[0]; i++)
		if (err == errs[i])
			return true;
	return false;
}

static void ping_in(struct journal *journal, int64_t ms)
{
	if (!journal->pinging)
		loop_timer_start(&journal->ping, ms);
}

static void went(struct journal *journal, int err, const char *why)
{
	static struct log_limit limit = { .period_ms = 60000, .burst = 5 };
	bool news = !journal->away || (err != journal->err && err != -EAGAIN);

	journal->err = err;
	snprintf(journal->why, sizeof journal->why, "%s", why && *why ? why : strerror(-err));
	if (!journal->away) {
		journal->away = true;
		journal->since_ms = loop_wall_ms(journal->loop);
		ping_in(journal, BACK_MIN_MS);
	}
	if (news && journal->started && log_limit(&limit))
		log_error(LOGC_STORE, NULL, "store_failed",
			LOG_FIELDS(LOG_STR("reason", journal->why)),
			"the server that has the store cannot be used: texts are taken from the "
			"cards into this host's journal, but there are no lists, deliveries or "
			"orders until it is back; see to it");
}

static void submit_again(struct journal *journal)
{
	struct store_job *job = journal->again;

	journal->again = NULL;
	journal->again_end = &journal->again;
	journal->again_count = 0;
	while (job) {
		struct store_job *next = job->timed_next;
		job->err = 0;
		job->late = job->queued = false;
		job->local = NULL; /* the journal has it */
		job->traits &= ~(unsigned)TRAIT_BOTH;
		store_job_submit(job);
		job = next;
	}
}

static void came(struct journal *journal)
{
	journal->answered_ms = loop_now_ms(journal->loop);
	if (!journal->away)
		return;
	journal->away = false;
	journal->err = 0;
	journal->why[0] = '\0';
	journal->since_ms = loop_wall_ms(journal->loop);
	store_adopt_opening(journal->store);
	submit_again(journal);
	if (!journal->back)
		return; /* at the start */
	log_notice(LOGC_STORE, NULL, "store_ok", LOG_FIELDS(LOG_INT("journal", journal->waiting)),
		"the server that has the store is there again");
	journal->back(journal->arg);
}

static const char too_late[] = "no answer in time";

/* ---- signs of life -------------------------------------------------------------------------- */

static int ping_run(struct store_job *job)
{
	struct store_table table;
	return store_select(job, STMT_VERSION_GET, NULL, 0, &table);
}

/* A server that takes longer for this than a text may take is of no use. */
static void ping_finish(struct store_job *job)
{
	struct journal *journal = store_journal(job->store);

	journal->pinging = false;
	if (job->err || job->commit_us > INT64_C(1000) * ANSWER_MS) {
		went(journal, job->err ? job->err : -EAGAIN, job->err ? job->why : too_late);
		ping_in(journal, journal->back_ms);
		journal->back_ms *= 2;
		if (journal->back_ms > BACK_MAX_MS)
			journal->back_ms = BACK_MAX_MS;
		return;
	}
	ping_in(journal, PING_MS);
	came(journal);
}

static void ping(struct journal *journal)
{
	static const struct store_verb verb = { "ping", ping_run, ping_finish, false };

	if (journal->pinging)
		return;
	struct store_job *job = store_job_new(journal->store, sizeof(*job), &verb);
	job->traits = TRAIT_PROBE;
	journal->pinging = true;
	store_job_submit(job);
}

static void on_ping_timer(void *arg)
{
	struct journal *journal = arg;
	int64_t ago_ms = loop_now_ms(journal->loop) - journal->answered_ms;

	if (!journal->away && ago_ms < PING_MS)
		ping_in(journal, PING_MS - ago_ms);
	else
		ping(journal);
}

/* ---- a second for each answer --------------------------------------------------------------- */

static void list_put(struct store_job ***end, struct store_job *job)
{
	job->timed_next = NULL;
	**end = job;
	*end = &job->timed_next;
}

/* Jobs are answered in the order in which the thread gets them. */
static void timed_take(struct timed *timed)
{
	timed->first = timed->first->timed_next;
	if (!timed->first)
		timed->end = &timed->first;
}

static void watch_answers(struct journal *journal)
{
	const struct store_job *job = journal->timed.first, *view = journal->views.first;

	loop_timer_stop(&journal->answer);
	if (!job || (view && view->answer_ms < job->answer_ms))
		job = view;
	if (job)
		loop_timer_start(&journal->answer, job->answer_ms - loop_now_ms(journal->loop));
}

static void answered(struct store_job *job)
{
	job->callback = (union store_callback) { 0 };
	job->arg = NULL;
}

static void answer_here(struct journal *journal, struct store_job *job)
{
	job->local(journal->file, job);
	answered(job);
}

/* The thread may be at it: what it finds is not looked at. */
static void answer_view(struct store_job *job)
{
	struct store_job none = { .store = job->store,
		.verb = job->verb,
		.callback = job->callback,
		.arg = job->arg,
		.why = too_late,
		.err = -EAGAIN };

	answered(job);
	none.verb->finish(&none);
}

static struct store_job *take_late(struct timed *timed, int64_t now_ms)
{
	struct store_job *job = timed->first;

	if (!job || job->answer_ms > now_ms)
		return NULL;
	timed_take(timed);
	job->late = true;
	return job;
}

/* Nothing was heard from the server for so long. While it speaks it may be far away, or others may
 * have had their turn: who waits is answered, but the server is in use. */
static void note_late(struct journal *journal)
{
	int64_t heard_ms = store_heard_ms(journal->store);

	if (heard_ms < journal->answered_ms)
		heard_ms = journal->answered_ms;
	if (loop_fresh_us(journal->loop) / 1000 - heard_ms >= ANSWER_MS)
		went(journal, -EAGAIN, too_late);
	else
		ping(journal);
}

/* Once the journal has a text, or the server is away, it gets what comes at once: texts that the
 * thread has still go before. */
static void answer_texts(struct journal *journal)
{
	struct timed *timed = &journal->timed;
	struct store_job **at = &timed->first, *job;

	if (!journal->away && journal->waiting == 0)
		return;
	timed->end = at;
	while ((job = *at)) {
		if (job->traits & TRAIT_TEXT) {
			*at = job->timed_next;
			job->late = true;
			store_hold(journal->store, TRAIT_TEXT);
			answer_here(journal, job);
		} else {
			at = timed->end = &job->timed_next;
		}
	}
}

static void on_answer_timer(void *arg)
{
	struct journal *journal = arg;
	int64_t now_ms = loop_now_ms(journal->loop);
	struct store_job *job;

	while ((job = take_late(&journal->timed, now_ms))) {
		store_hold(journal->store, TRAIT_TEXT);
		note_late(journal);
		if (job->local)
			answer_here(journal, job);
	}
	while ((job = take_late(&journal->views, now_ms))) {
		note_late(journal);
		answer_view(job);
	}
	answer_texts(journal);
	watch_answers(journal);
}

/* ---- jobs on their way ---------------------------------------------------------------------- */

static bool is_view(const struct store_job *job)
{
	return !job->local && !(job->traits & (TRAIT_LONG | TRAIT_PROBE)) &&
	       (!job->verb->write || job->traits & TRAIT_VIEW);
}

/* Where it waits, NULL: it has all the time that it takes. */
static struct timed *timed_of(struct journal *journal, const struct store_job *job)
{
	if (is_view(job))
		return &journal->views;
	bool timed = (job->local && !(job->traits & TRAIT_LONG)) || job->traits & TRAIT_PROBE;
	return timed ? &journal->timed : NULL;
}

int journal_admit(struct journal *journal, struct store_job *job)
{
	if (!(job->traits & TRAIT_PROBE) && journal->away)
		return -EAGAIN;
	if (job->traits & (TRAIT_TEXT | TRAIT_ENTRY) && job->local && journal->waiting > 0)
		return -EAGAIN;
	job->queued = true;
	journal->texts += (job->traits & TRAIT_TEXT) != 0;
	struct timed *timed = timed_of(journal, job);
	if (timed) {
		job->answer_ms = loop_now_ms(journal->loop) +
				 (timed == &journal->views ? VIEW_MS : ANSWER_MS);
		list_put(&timed->end, job);
		if (timed->first == job)
			watch_answers(journal);
	}
	return 0;
}

/* While one is under way its failure may not be known here yet. */
static void settle(struct journal *journal)
{
	if (journal->texts == 0 && journal->waiting == 0)
		store_release(journal->store, TRAIT_TEXT);
}

static void note_answer(struct journal *journal, const struct store_job *job)
{
	journal->texts -= (job->traits & TRAIT_TEXT) != 0;
	struct timed *timed = timed_of(journal, job);
	if (timed && !job->late) {
		timed_take(timed);
		watch_answers(journal);
	}
	if (!job->err) {
		journal->answered_ms = loop_now_ms(journal->loop);
		if (job->verb->write)
			journal->back_ms = BACK_MIN_MS;
	} else if (job->held) {
		return; /* the server was not asked */
	} else if (job->err == -EADDRINUSE || (job->local && is_servers(job->err))) {
		went(journal, job->err, job->why);
	} else if (job->err == -EAGAIN) {
		ping(journal);
	}
}

/* Whether the job is kept, to be told to the server later. */
static bool keep(struct journal *journal, struct store_job *job)
{
	if (!(job->traits & TRAIT_AGAIN) || !is_servers(job->err) ||
		(job->traits & TRAIT_ENTRY && journal->waiting > 0))
		return false;
	if (journal->again_count >= AGAIN_MAX) {
		journal->dropped++;
		return false;
	}
	journal->again_count++;
	list_put(&journal->again_end, job);
	return true;
}

/* A job that did not come as far as journal_admit() may lack its arguments. */
void journal_answer(struct journal *journal, struct store_job *job)
{
	bool refused = job->queued ? is_servers(job->err) : job->err == -EAGAIN;

	if (job->queued)
		note_answer(journal, job);
	if (job->local && refused && !job->late) {
		answer_here(journal, job);
	} else if (!job->late || job->traits & TRAIT_PROBE) {
		job->verb->finish(job);
		answered(job);
		if (!job->err && job->traits & TRAIT_BOTH)
			job->local(journal->file, job);
	}
	if (!keep(journal, job))
		store_job_free(job);
	answer_texts(journal);
	settle(journal);
}

/* ---- texts in the journal ------------------------------------------------------------------- */

struct put {
	struct journal *journal;
	store_sms_fn *done;
	void *arg;
};

static void on_put(void *arg, int err, const struct store_sms_result *result)
{
	struct put *put = arg;

	if (err || result->same_entry)
		put->journal->waiting--;
	if (put->done)
		put->done(put->arg, err, result);
	settle(put->journal);
	free(put);
}

void journal_put(
	struct journal *journal, const struct store_sms *sms, store_sms_fn *done, void *arg)
{
	struct put *put = malloc(sizeof(*put));

	if (!put) {
		if (done)
			done(arg, -ENOMEM, NULL);
		return;
	}
	*put = (struct put) { journal, done, arg };
	if (journal->waiting++ == 0)
		journal->oldest_ms = sms->arrived_ms;
	store_sms_put(journal->file, sms, on_put, put);
}

struct forget_job {
	struct store_job job;
	char id[STORE_ID_SIZE];
};

static int forget_run(struct store_job *job)
{
	const struct forget_job *call = (struct forget_job *)job;
	return store_put(job, STMT_PDU_FORGET, ARGS(TXT(call->id)));
}

static void on_forgotten(void *arg, int err)
{
	struct journal *journal = arg;

	if (err)
		journal->waiting++; /* it is moved once more, which changes nothing */
}

void journal_moved(struct journal *journal, const char *pdu_id)
{
	static const struct store_verb verb = { "pdu_forget", forget_run, store_finish_done, true };
	struct forget_job *call = store_job_new(journal->file, sizeof(*call), &verb);

	call->job.callback.done = on_forgotten;
	call->job.arg = journal;
	snprintf(call->id, sizeof call->id, "%s", pdu_id);
	store_job_submit(&call->job);
	if (--journal->waiting == 0)
		store_scrub(journal->file, NULL, NULL);
}

void store_journalled(struct store *store, const char *after, store_raws_fn *done, void *arg)
{
	struct journal *journal = store_journal(store);

	if (!journal || journal->away || journal->waiting == 0) {
		done(arg, journal && journal->away ? -EAGAIN : 0, NULL, 0);
		return;
	}
	store_release(store, TRAIT_MOVE);
	store_undecodable(journal->file, NULL, after, done, arg);
}

/* ---- what is told of it --------------------------------------------------------------------- */

bool store_server(const struct store *store, struct store_server *out)
{
	const struct journal *journal = store_journal(store);

	if (!journal)
		return false;
	*out = (struct store_server) { !journal->away, journal->since_ms, journal->err,
		journal->why, journal->waiting, journal->waiting ? journal->oldest_ms : 0,
		journal->dropped };
	return true;
}

void store_server_watch(struct store *store, void (*back)(void *arg), void *arg)
{
	struct journal *journal = store_journal(store);

	if (!journal)
		return;
	journal->back = back;
	journal->arg = arg;
}

bool journal_has_texts(const struct journal *journal)
{
	return journal->waiting > 0;
}

int journal_health(const struct journal *journal)
{
	int err = store_health(journal->file);
	return err ? err : journal->away ? journal->err : 0;
}

/* What hangs at a server that is away holds nothing up. */
size_t journal_pending(const struct journal *journal, size_t at_server)
{
	return store_pending(journal->file) + (journal->away ? 0 : at_server);
}

/* ---- opening and closing -------------------------------------------------------------------- */

static struct journal *journal_new(struct store *store)
{
	struct journal *journal = calloc(1, sizeof(*journal));
	if (!journal)
		return NULL;
	journal->store = store;
	journal->loop = store_loop(store);
	journal->away = true;
	journal->back_ms = BACK_MIN_MS;
	journal->since_ms = loop_wall_ms(journal->loop);
	journal->timed.end = &journal->timed.first;
	journal->views.end = &journal->views.first;
	journal->again_end = &journal->again;
	loop_timer_init(&journal->ping, journal->loop, on_ping_timer, journal);
	loop_timer_init(&journal->answer, journal->loop, on_answer_timer, journal);
	return journal;
}

/* What the server says to the first job. No answer is none against the start. */
static int first_answer(struct journal *journal, char *why, size_t why_size)
{
	char words[sizeof journal->why];

	ping(journal);
	store_first_answer(journal->store, OPEN_MS);
	snprintf(words, sizeof words, "%s", journal->pinging ? "it does not answer" : journal->why);
	journal->started = !journal->away || journal->pinging || journal->err == -EAGAIN;
	if (!journal->away)
		return 0;
	if (journal->started) {
		journal->away = false;
		went(journal, -EAGAIN, words);
		return 0;
	}
	snprintf(why, why_size, "%s", words);
	return journal->err;
}

int journal_open(struct store *store, const struct store_config *config, struct journal **out,
	char *why, size_t why_size)
{
	struct store_config file = {
		.path = config->journal, .host_id = config->host_id, .loop = config->loop
	};
	struct journal *journal = journal_new(store);
	if (!journal) {
		snprintf(why, why_size, "cannot open %s: no memory", config->journal);
		return -ENOMEM;
	}
	int err = store_open(&file, &journal->file, why, why_size);
	if (err) {
		free(journal);
		return err;
	}
	journal->waiting = store_waiting(journal->file, &journal->oldest_ms);
	store_adopt_ids(store, journal->file);
	*out = journal;
	return first_answer(journal, why, why_size);
}

void journal_close(struct journal *journal)
{
	if (!journal)
		return;
	loop_timer_stop(&journal->ping);
	loop_timer_stop(&journal->answer);
	while (journal->again) {
		struct store_job *next = journal->again->timed_next;
		store_job_free(journal->again);
		journal->again = next;
	}
	store_close(journal->file);
	free(journal);
}
