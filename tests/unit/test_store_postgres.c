/* test_store_postgres.c - several hosts on one PostgreSQL server; the server killed, frozen, cut
 * off; what stops a start. The server is the test's own. */
#include "store/store_hosts.h"
#include "store_fixture.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { TEXTS = 200 };

static char where[64];

static void server(const char *command)
{
	char line[256];

	snprintf(line, sizeof line, TESTS_DIR "/unit/pg_server %s %s", command, where);
	assert_int_equal(system(line), 0); /* NOLINT(cert-env33-c): the test's own script */
}

/* ---- hosts ---------------------------------------------------------------------------------- */

/* Both by the server's clock, not the fixture's. */
static void host_open(struct fixture *fx, const char *host_id)
{
	if (fx_open_as(fx, host_id, &fx->store))
		fail_msg("%s", fx->why);
}

struct hosts {
	struct fixture *a, b;
};

static int hosts_setup(void **state)
{
	struct hosts *hosts = calloc(1, sizeof *hosts);
	if (!hosts || fx_setup((void **)&hosts->a))
		return -1;
	fx_close(hosts->a);
	hosts->b = *hosts->a;
	hosts->b.loop = loop_new_manual(1000, T0);
	host_open(hosts->a, "host-a");
	host_open(&hosts->b, "host-b");
	*state = hosts;
	return 0;
}

static int hosts_teardown(void **state)
{
	struct hosts *hosts = *state;

	store_close(hosts->b.store);
	loop_free(hosts->b.loop);
	fx_teardown((void **)&hosts->a);
	free(hosts);
	return 0;
}

/* One row of a statement that is in no table of the store's. */
struct one_row {
	char text[64];
	int64_t num;
};

static int read_row(void *arg, const struct backend_value *cols, size_t count)
{
	struct one_row *row = arg;

	(void)count;
	row->num = cols[0].num;
	copy(row->text, sizeof row->text, cols[0].text);
	return 0;
}

static struct one_row ask(const struct fixture *fx, const char *sql)
{
	const struct backend_stmt stmt = { "ask", sql, NULL };
	const struct backend_config config = {
		.path = fx->path, .stmts = &stmt, .stmt_count = 1, .loop = fx->loop
	};
	struct backend_conn *conn;
	struct one_row row = { 0 };
	char why[400];

	assert_int_equal(store_postgres.open(&config, &conn, why, sizeof why), 0);
	if (store_postgres.exec(conn, 0, NULL, 0, read_row, &row) < 0)
		fail_msg("%s", store_postgres.error(conn));
	store_postgres.close(conn);
	return row;
}

/* ---- claims --------------------------------------------------------------------------------- */

/* Ids of what a host was given. */
struct given {
	char ids[TEXTS][STORE_ID_SIZE];
	size_t count;
	int calls;
};

static void got_given(void *arg, int err, const struct store_claim *claim)
{
	struct given *given = arg;

	assert_int_equal(err, 0);
	given->calls++;
	for (size_t i = 0; i < claim->count; i++) {
		assert_true(given->count < TEXTS);
		copy(given->ids[given->count++], STORE_ID_SIZE, claim->rows[i].message_id);
	}
}

static void each_delivery_is_claimed_once(void **state)
{
	struct hosts *hosts = *state;
	struct fixture *both[] = { hosts->a, &hosts->b };
	struct given *given = calloc(2, sizeof *given);
	struct answer put_answer = { 0 };
	char cards[TEXTS][16];
	int rounds = 0;

	for (int i = 0; i < TEXTS; i++) {
		snprintf(cards[i], sizeof cards[i], "card-%d", i);
		seen(both[i % 2], "p01", cards[i], PHONE);
		put_start(both[i % 2], &put_answer, cards[i], 1, "x", &push);
	}
	fx_wait(both[0]);
	fx_wait(both[1]);
	assert_int_equal(put_answer.calls, TEXTS);
	while (given[0].count + given[1].count < TEXTS && rounds++ < TEXTS) {
		for (int h = 0; h < 2; h++)
			store_claim(both[h]->store, "push", fx_now(both[h]), 60000, 8, got_given,
				&given[h]);
		fx_wait(both[0]);
		fx_wait(both[1]);
	}
	assert_int_equal(given[0].count + given[1].count, TEXTS);
	assert_true(given[0].count > 8 && given[1].count > 8);
	for (size_t i = 0; i < given[0].count; i++)
		for (size_t k = 0; k < given[1].count; k++)
			assert_string_not_equal(given[0].ids[i], given[1].ids[k]);
	assert_int_equal(claim(both[0], 10).claimed, 0);
	free(given);
}

static void order_of_a_card_is_kept_by_all(void **state)
{
	struct hosts *hosts = *state;

	seen(hosts->a, "p01", CARD, PHONE);
	struct answer one = put_claim(hosts->a, CARD, 1, "one");
	assert_int_equal(one.claimed, 1);
	put(hosts->a, 2, "two");
	assert_int_equal(claim(&hosts->b, 10).claimed, 0);
	outcome(hosts->a, one.message_id, STORE_QUEUED, fx_now(hosts->a)); /* given back */
	struct answer taken = claim(&hosts->b, 10);
	assert_string_equal(taken.claimed_texts, "one,");
	assert_int_equal(claim(hosts->a, 10).claimed, 0);

	/* what comes from the one that no longer has it does not count */
	outcome(hosts->a, one.message_id, STORE_REFUSED, 0);
	assert_string_equal(rows(hosts->a, true).rows,
		"two " PHONE " push queued,one " PHONE " push queued timeout,");
	assert_string_equal(
		outcome(&hosts->b, one.message_id, STORE_DELIVERED, 0).claimed_texts, "two,");
}

static void claims_of_a_host_come_back(void **state)
{
	struct hosts *hosts = *state;
	struct given given = { 0 };

	seen(hosts->a, "p01", CARD, PHONE);
	seen(hosts->a, "p02", CARD2, PHONE);
	port(hosts->a, "p01", CARD, true);
	put(hosts->a, 1, "one");
	put_claim(hosts->a, CARD2, 1, "uno");
	store_claim(hosts->b.store, "push", fx_now(&hosts->b), 1, 10, got_given, &given);
	fx_wait(&hosts->b);
	assert_int_equal(given.count, 1);
	poll(NULL, 0, 20); /* the server's clock, not ours */
	assert_string_equal(claim(&hosts->b, 10).claimed_texts, "one,");

	/* a host that starts again takes back its own, and no other's */
	fx_close(&hosts->b);
	host_open(&hosts->b, "host-b");
	assert_string_equal(claim(&hosts->b, 10).claimed_texts, "one,");
	assert_int_equal(roster(hosts->a).count, 1);
	fx_close(hosts->a);
	host_open(hosts->a, "host-a");
	assert_int_equal(roster(&hosts->b).count, 1); /* a quick restart takes nothing off */
	struct answer settled = { 0 };
	store_ports_settled(hosts->a->store, NULL, 0, got_done, &settled);
	finish(hosts->a, &settled);
	assert_int_equal(roster(&hosts->b).count, 0);
	assert_string_equal(claim(&hosts->b, 10).claimed_texts, "uno,");
}

/* A host whose clock is wrong keeps to the leases of the others, and knows its own in its time. */
static void leases_are_in_the_servers_time(void **state)
{
	struct hosts *hosts = *state;
	const int64_t hour_ms = 3600000;

	loop_advance(hosts->b.loop, hour_ms);
	seen(hosts->a, "p01", CARD, PHONE);
	seen(&hosts->b, "p02", CARD2, PHONE);
	struct answer mine = put_claim(hosts->a, CARD, 1, "one");
	assert_int_equal(mine.claimed_until_ms, T0 + STORE_LEASE_MS);
	struct answer none = claim(&hosts->b, 10);
	assert_int_equal(none.claimed, 0);
	assert_in_range(
		none.next_ms, T0 + hour_ms + STORE_LEASE_MS - 20000, T0 + hour_ms + STORE_LEASE_MS);

	/* arrived by a clock that is ahead, or put off by it: due to all at the same time */
	put_to(&hosts->b, CARD2, 1, "uno", &push);
	struct answer taken = claim(hosts->a, 10);
	assert_string_equal(taken.claimed_texts, "uno,");
	outcome(hosts->a, mine.message_id, STORE_QUEUED, T0 + 30000);
	none = claim(&hosts->b, 10);
	assert_in_range(none.next_ms, T0 + hour_ms + 10000, T0 + hour_ms + 30000);
}

/* ---- texts that arrive at two hosts --------------------------------------------------------- */

static void an_entry_is_journalled_once(void **state)
{
	struct hosts *hosts = *state;
	char text[16];

	for (int i = 0; i < 50; i++) {
		struct answer a = { 0 }, b = { 0 };
		snprintf(text, sizeof text, "text %d", i);
		put_start(hosts->a, &a, CARD, i, text, &push);
		put_start(&hosts->b, &b, CARD, i, text, &push);
		finish(hosts->a, &a);
		finish(&hosts->b, &b);
		assert_int_equal(a.err, 0);
		assert_int_equal(b.err, 0);
		assert_int_equal(a.same_entry + b.same_entry, 1);
		assert_string_equal(a.message_id, b.message_id);
	}
	assert_int_equal(totals(hosts->a).totals.messages, 50);
}

static void got_raw_count(void *arg, int err, const struct store_raw *rows, size_t count)
{
	(void)rows;
	got_count(arg, err, (int64_t)count);
}

static void a_set_is_completed_once(void **state)
{
	struct hosts *hosts = *state;

	for (int ref = 0; ref < 50; ref++) {
		struct answer a = { 0 }, b = { 0 };
		part_start(hosts->a, &a, ref, 1);
		part_start(&hosts->b, &b, ref, 2);
		finish(hosts->a, &a);
		finish(&hosts->b, &b);
		assert_int_equal((a.set_id[0] != '\0') + (b.set_id[0] != '\0'), 1);
	}
	assert_int_equal(totals(hosts->a).totals.sets_open, 50);
}

/* A host knows who sells the cards of its own banks, not those of another's. */
static void sets_are_for_the_host_of_the_bank(void **state)
{
	struct hosts *hosts = *state;
	struct fixture *both[] = { hosts->a, &hosts->b };
	struct answer parts[3] = { 0 };

	part_start(hosts->a, &parts[0], 1, 1);
	part_start(hosts->a, &parts[1], 2, 1);
	part_start(hosts->a, &parts[2], 2, 2);
	fx_wait(hosts->a);
	put_undecodable(hosts->a, 77, "X");
	for (int known = 0; known < 2; known++) { /* the bank's host */
		for (int h = 0; h < 2; h++) {
			struct answer complete = { 0 }, due = { 0 }, raw = { 0 };
			int want = known && h == 1 ? 1 : 2;
			store_sets_complete(both[h]->store, got_sms, &complete);
			store_sets_due(both[h]->store, T0 + 1, got_sms, &due);
			store_undecodable(both[h]->store, NULL, "", got_raw_count, &raw);
			fx_wait(both[h]);
			assert_int_equal(complete.calls, want);
			assert_int_equal(due.calls, want);
			assert_int_equal(raw.count, want - 1);
		}
		port(hosts->a, "p01", CARD, true);
	}
}

/* ---- the schema ----------------------------------------------------------------------------- */

static void *open_it(void *arg)
{
	struct fixture *fx = arg;

	if (fx_open_as(fx, fx->schema, &fx->store))
		fprintf(stderr, "%s\n", fx->why);
	return NULL;
}

static void hosts_migrate_at_once(void **state)
{
	struct fixture *fx = ((struct hosts *)*state)->a;
	struct fixture hosts[3];
	pthread_t threads[3];

	for (int round = 0; round < 5; round++) {
		fx_remove(fx);
		for (int i = 0; i < 3; i++) {
			hosts[i] = *fx;
			hosts[i].store = NULL;
			hosts[i].loop = loop_new_manual(1000, T0);
			snprintf(hosts[i].schema, sizeof hosts[i].schema, "host-%d", i);
		}
		char sql[96];
		snprintf(sql, sizeof sql, "CREATE SCHEMA %s", fx->schema);
		fx_sql(fx, sql);
		for (int i = 0; i < 3; i++)
			pthread_create(&threads[i], NULL, open_it, &hosts[i]);
		for (int i = 0; i < 3; i++)
			pthread_join(threads[i], NULL);
		for (int i = 0; i < 3; i++) {
			assert_non_null(hosts[i].store);
			assert_int_equal(put_to(&hosts[i], CARD, i, "x", &push).err, 0);
			store_close(hosts[i].store);
			loop_free(hosts[i].loop);
		}
	}
}

/* As SQLite compares: by bytes, whatever the language of the database. */
static void texts_compare_byte_by_byte(void **state)
{
	const struct fixture *fx = ((struct hosts *)*state)->a;

	assert_int_equal(ask(fx, "SELECT COUNT(*) FROM pg_attribute a JOIN pg_class c ON"
				 " c.oid = a.attrelid JOIN pg_collation l ON l.oid = a.attcollation"
				 " WHERE c.relnamespace = current_schema()::regnamespace"
				 " AND a.attnum > 0 AND l.collname <> 'C'")
				 .num,
		0);
	assert_in_range(ask(fx, "SELECT COUNT(*) FROM pg_class c WHERE c.relkind = 'r' AND"
				" c.relnamespace = current_schema()::regnamespace")
				.num,
		10, 100);
}

static void what_is_no_utf8_is_kept_as_it_can_be(void **state)
{
	struct fixture *fx = ((struct hosts *)*state)->a;

	assert_int_equal(put_undecodable(fx, 1, "07\xff\xc3").err, 0);
	assert_true(put_undecodable(fx, 1, "07\xff\xc3").same_entry);
	assert_string_equal(
		rows(fx, true).rows, "07\xef\xbf\xbd\xef\xbf\xbd   undecodable odd length,");
	assert_int_equal(put_to(fx, CARD, 2, "bl\xc3\xa5", &push).err, 0);
}

/* ---- the server fails ----------------------------------------------------------------------- */

static const char *const *commands; /* of the job below, NULL at the end; once */

static int commands_run(struct store_job *job)
{
	(void)job;
	for (; commands && *commands; commands++)
		server(*commands);
	return 0;
}

/* Ten texts in one batch, and the server's fate amid it. */
static struct answer batch_amid(struct fixture *fx, const char *const *what)
{
	static const struct store_verb verb = { "amid", commands_run, store_finish_done, true };
	struct answer answer = { 0 };

	commands = what;
	block(fx);
	for (int i = 0; i < 10; i++) {
		if (i == 5)
			store_job_submit(store_job_new(fx->store, sizeof(struct store_job), &verb));
		put_start(fx, &answer, CARD, i, "amid", &push);
	}
	unblock();
	fx_wait(fx);
	assert_int_equal(answer.calls, 10);
	return answer;
}

static void nothing_half_written(struct fixture *fx, int texts)
{
	assert_int_equal(totals(fx).totals.messages, texts);
	assert_int_equal(ask(fx, "SELECT COUNT(*) FROM pdu").num, texts);
	assert_int_equal(ask(fx, "SELECT COUNT(*) FROM delivery").num, texts);
}

static void server_killed_amid_a_batch(void **state)
{
	static const char *const down[] = { "halt", NULL };
	struct fixture *fx = ((struct hosts *)*state)->a;

	assert_int_equal(put_to(fx, CARD, 40, "before", &push).err, 0);
	assert_int_equal(batch_amid(fx, down).err, -EAGAIN);
	assert_int_equal(store_health(fx->store), -EAGAIN);
	assert_int_equal(put_to(fx, CARD, 41, "down", &push).err, -EAGAIN);

	server("again");
	loop_advance(fx->loop, 6000); /* past the pause between two tries */
	assert_int_equal(put_to(fx, CARD, 42, "after", &push).err, 0);
	assert_int_equal(store_health(fx->store), 0);
	nothing_half_written(fx, 2);
}

static void server_restarted_amid_a_batch(void **state)
{
	static const char *const bounce[] = { "halt", "again", NULL };
	struct fixture *fx = ((struct hosts *)*state)->a;

	assert_int_equal(batch_amid(fx, bounce).err, 0);
	nothing_half_written(fx, 10);
}

/* Between two jobs, nobody needs to know. */
static void server_restarted_between_jobs(void **state)
{
	struct fixture *fx = ((struct hosts *)*state)->a;

	assert_int_equal(put_to(fx, CARD, 1, "one", &push).err, 0);
	server("halt");
	server("again");
	assert_int_equal(put_to(fx, CARD, 2, "two", &push).err, 0);
	assert_int_equal(rows(fx, false).count, 2);
}

/* A host stops amid its turn: the server ends that, and the others go on. */
static void frozen_writer_loses_its_turn(void **state)
{
	struct fixture *fx = ((struct hosts *)*state)->a;
	const struct backend_config config = {
		.path = fx->path, .stmts = store_stmts, .stmt_count = STMT_COUNT, .loop = fx->loop
	};
	struct backend_conn *frozen;

	assert_int_equal(store_postgres.open(&config, &frozen, fx->why, sizeof fx->why), 0);
	assert_int_equal(store_postgres.begin(frozen, true), 0);
	assert_int_equal(
		store_postgres.exec(frozen, STMT_PIN_FORGET, ARGS(TXT("x"), TXT("")), NULL, NULL),
		0);
	assert_int_equal(put_to(fx, CARD, 1, "goes on", &push).err, 0);
	assert_int_equal(
		store_postgres.exec(frozen, STMT_PIN_FORGET, ARGS(TXT("x"), TXT("")), NULL, NULL),
		-EAGAIN);
	store_postgres.rollback(frozen);
	assert_int_equal(store_postgres.begin(frozen, true), 0);
	assert_int_equal(
		store_postgres.exec(frozen, STMT_PIN_FORGET, ARGS(TXT("x"), TXT("")), NULL, NULL),
		0);
	store_postgres.close(frozen);
}

/* The server takes what it is sent and says nothing. */
static void frozen_server_is_given_up(void **state)
{
	struct fixture *fx = ((struct hosts *)*state)->a;
	pid_t pid = 0;

	fx_close(&((struct hosts *)*state)->b);
	for (int i = 0; i < 100 && !pid; i++) /* until that one's session is over */
		pid = (pid_t)ask(fx, "SELECT MIN(pid) FROM pg_stat_activity WHERE"
				     " application_name = 'simgated' AND pid <> pg_backend_pid()"
				     " HAVING COUNT(*) = 1")
			      .num;
	assert_true(pid > 0);
	assert_int_equal(kill(pid, SIGSTOP), 0);
	struct answer a = { 0 };
	put_start(fx, &a, CARD, 1, "one", &push);
	for (int i = 0; i < 2000 && !a.calls; i++) {
		loop_advance(fx->loop, 100);
		loop_turn(fx->loop, 50);
	}
	kill(pid, SIGCONT);
	assert_int_equal(a.err, -EAGAIN);
	loop_advance(fx->loop, 6000);
	assert_int_equal(put_to(fx, CARD, 1, "one", &push).err, 0);
	nothing_half_written(fx, 1);
}

/* ---- a commit whose answer is lost ---------------------------------------------------------- */

/* Passes bytes between the store and the server. What follows a COMMIT is cut: its answer is read,
 * and not passed on. */
struct proxy {
	char folder[64];
	int listener;
	pthread_t thread;
	atomic_bool armed, cut;
};

static int unix_socket(const char *folder, bool listens)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(at.sun_path, sizeof at.sun_path, "%s/.s.PGSQL.5432", folder);
	int err = listens ? bind(fd, (struct sockaddr *)&at, sizeof at)
			  : connect(fd, (struct sockaddr *)&at, sizeof at);
	if (err || (listens && listen(fd, 4)))
		perror(at.sun_path);
	return fd;
}

static bool pass(struct proxy *proxy, int from, int to, bool from_store)
{
	char bytes[16384];
	ssize_t len = read(from, bytes, sizeof bytes);

	if (len <= 0 || write(to, bytes, (size_t)len) != len)
		return false;
	if (!from_store || !memmem(bytes, (size_t)len, "COMMIT", 7) ||
		!atomic_exchange(&proxy->armed, false))
		return true;
	do /* until the server says that it was made */
		len = read(to, bytes, sizeof bytes);
	while (len > 0 && !memmem(bytes, (size_t)len, "COMMIT", 7));
	atomic_store(&proxy->cut, len > 0);
	return false;
}

static void *proxy_main(void *arg)
{
	struct proxy *proxy = arg;
	char folder[64];
	FILE *file = fopen(where, "r");
	int n = file ? fscanf(file, "%63s", folder) : 0;

	if (file)
		fclose(file);
	for (int fd; n == 1 && (fd = accept(proxy->listener, NULL, NULL)) >= 0;) {
		int there = unix_socket(folder, false);
		struct pollfd fds[] = { { fd, POLLIN, 0 }, { there, POLLIN, 0 } };
		bool open = true;
		while (open && poll(fds, 2, -1) > 0) {
			if (fds[0].revents)
				open = pass(proxy, fd, there, true);
			if (open && fds[1].revents)
				open = pass(proxy, there, fd, false);
		}
		close(fd);
		close(there);
	}
	return NULL;
}

static void commit_without_an_answer_counts(void **state)
{
	struct fixture *fx = ((struct hosts *)*state)->a;
	struct fixture near = *fx;
	struct proxy proxy = { .folder = "/tmp/simgate-proxy-XXXXXX" };
	char name[96];

	assert_non_null(mkdtemp(proxy.folder));
	proxy.listener = unix_socket(proxy.folder, true);
	assert_int_equal(pthread_create(&proxy.thread, NULL, proxy_main, &proxy), 0);
	snprintf(near.path, sizeof near.path,
		"postgresql:///t%d?host=%s&user=simgate&options=-csearch_path%%3D%s", (int)getpid(),
		proxy.folder, near.schema);
	fx_close(fx);
	host_open(&near, "host-a");
	assert_int_equal(put_to(&near, CARD, 1, "one", &push).err, 0);
	atomic_store(&proxy.armed, true);
	struct answer a = put_to(&near, CARD, 2, "two", &push);
	assert_true(atomic_load(&proxy.cut));
	assert_int_equal(a.err, 0);
	assert_false(a.same_entry); /* it was not run again */
	assert_int_equal(ask(fx, "SELECT COUNT(*) FROM message").num, 2);
	fx_close(&near);
	shutdown(proxy.listener, SHUT_RDWR);
	pthread_join(proxy.thread, NULL);
	close(proxy.listener);
	snprintf(name, sizeof name, "%s/.s.PGSQL.5432", proxy.folder);
	unlink(name);
	rmdir(proxy.folder);
}

/* ---- serialization -------------------------------------------------------------------------- */

static int deadlocks;

static int deadlock_run(struct store_job *job)
{
	(void)job;
	return deadlocks-- > 0 ? -EDEADLK : 0;
}

static void deadlocks_are_tried_again(void **state)
{
	static const struct store_verb verb = { "deadlock", deadlock_run, store_finish_done, true };
	static const struct {
		int times, err;
	} cases[] = { { 1, 0 }, { 5, 0 }, { 100, -EDEADLK } };
	struct fixture *fx = ((struct hosts *)*state)->a;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct answer a = { 0 };
		struct store_job *job = store_job_new(fx->store, sizeof *job, &verb);
		deadlocks = cases[i].times;
		job->callback.done = got_done;
		job->arg = &a;
		store_job_submit(job);
		assert_int_equal(finish(fx, &a).err, cases[i].err);
	}
}

/* ---- what stops a start --------------------------------------------------------------------- */

struct refusal {
	const char *url; /* %s: the server's folder */
	const char *password;
	int err;
	const char *says[3];
};

static const struct refusal refusals[] = {
	{ "postgresql:///postgres?host=%s&user=guarded", NULL, -EACCES,
		{ "no password", "store_password" } },
	{ "postgresql:///postgres?host=%s&user=guarded", "wr0ng", -EACCES,
		{ "password authentication failed", "guarded", "store_password" } },
	{ "postgresql:///nowhere?host=%s&user=simgate", NULL, -EACCES,
		{ "\"nowhere\" does not exist; make it", "CREATE DATABASE" } },
	{ "postgresql:///postgres?host=%s/none&user=simgate", NULL, -EAGAIN,
		{ "No such file", "check that the server runs" } },
	{ "postgresql://127.0.0.1:1/postgres?user=simgate&application_name=%s", NULL, -EAGAIN,
		{ "refused", "check that the server runs" } },
	{ "postgresql:///postgres?host=%s&hots=x", NULL, -EINVAL, { "URL", "hots" } },
	{ "postgresql:///postgres?host=%s&user=simgate&sslmode=wrong", NULL, -EACCES,
		{ "invalid sslmode value", "correct the URL" } },
	{ "postgresql://127.0.0.1:99999/postgres?user=simgate&application_name=%s", NULL, -EACCES,
		{ "invalid port number", "correct the URL" } },
	{ "postgresql://u:hunter2@h/postgres?host=%s", NULL, -EINVAL, { "URL", "store_password" } },
	{ "postgresql:///postgres?host=%s&sslpassword=hunter2", NULL, -EINVAL,
		{ "URL", "store_password" } },
	{ "postgresql:///latin?host=%s&user=simgate", NULL, -EINVAL,
		{ "UTF8", "CREATE DATABASE" } },
	{ "postgresql:///postgres?host=%s&user=guarded", "s3cret", -EACCES,
		{ "permission denied for schema public", "own the database" } },
};

static void what_stops_a_start(void **state)
{
	struct fixture *fx = ((struct hosts *)*state)->a;
	char url[256], folder[64];

	FILE *file = fopen(where, "r");
	assert_int_equal(fscanf(file, "%63s", folder), 1);
	fclose(file);
	fx_sql(fx, "CREATE ROLE guarded LOGIN PASSWORD 's3cret'");
	ask(fx, "CREATE DATABASE latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE"
		" template0");
	for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
		const struct refusal *row = &refusals[i];
		const struct store_config config = { .path = url,
			.host_id = "host-c",
			.loop = fx->loop,
			.shared = true,
			.password = row->password };
		struct store *store = NULL;
		char why[800] = "";
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(url, sizeof url, row->url, folder);
#pragma GCC diagnostic pop
		assert_int_equal(store_open(&config, &store, why, sizeof why), row->err);
		assert_null(store);
		for (int k = 0; k < 3 && row->says[k]; k++)
			if (!strstr(why, row->says[k]))
				fail_msg("\"%s\" does not say \"%s\"", why, row->says[k]);
		assert_null(strstr(why, "hunter2"));
		assert_null(strstr(why, "wr0ng"));
	}
}

/* With all it needs. */
static void a_role_of_its_own(void **state)
{
	struct fixture *fx = ((struct hosts *)*state)->a;
	struct store *store = NULL;
	char url[256];

	fx_sql(fx, "CREATE ROLE owning LOGIN");
	ask(fx, "CREATE DATABASE owned OWNER owning TEMPLATE template0 ENCODING 'UTF8'");
	snprintf(url, sizeof url, "postgresql://owning@/owned?host=%s",
		strstr(fx->path, "host=") + 5);
	*strchr(strstr(url, "host="), '&') = '\0';
	const struct store_config config = { .path = url,
		.host_id = "host-c",
		.loop = fx->loop,
		.shared = true,
		.password = "unneeded" };
	if (store_open(&config, &store, fx->why, sizeof fx->why))
		fail_msg("%s", fx->why);
	store_close(store);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, hosts_setup, hosts_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(each_delivery_is_claimed_once),
		T(order_of_a_card_is_kept_by_all),
		T(claims_of_a_host_come_back),
		T(leases_are_in_the_servers_time),
		T(an_entry_is_journalled_once),
		T(a_set_is_completed_once),
		T(sets_are_for_the_host_of_the_bank),
		T(hosts_migrate_at_once),
		T(texts_compare_byte_by_byte),
		T(what_is_no_utf8_is_kept_as_it_can_be),
		T(server_killed_amid_a_batch),
		T(server_restarted_amid_a_batch),
		T(server_restarted_between_jobs),
		T(frozen_writer_loses_its_turn),
		T(frozen_server_is_given_up),
		T(commit_without_an_answer_counts),
		T(deadlocks_are_tried_again),
		T(what_stops_a_start),
		T(a_role_of_its_own),
	};
	snprintf(where, sizeof where, "/tmp/simgate-pg-%d", (int)getpid());
	setenv("SIMGATE_TEST_PG", where, 1);
	server("start");
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	server("stop");
	return failed;
}
