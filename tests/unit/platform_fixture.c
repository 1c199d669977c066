/* platform_fixture.c - a platform on the loopback that answers as told, and a store with cards. */
#include "platform_fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loop_fixture.h"
#include "store/store_impl.h"

const struct reply fx_ok = { .status = 200, .body = "{\"response\":1}" };

enum { TURNS_MAX = 1500, QUIET_TURNS = 4 };

/* ---- the platform --------------------------------------------------------------------------- */

struct upload {
	char *body;
	size_t len;
};

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);

	return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

static struct replies *replies_of(struct fixture *fx, const char *path)
{
	if (ends_with(path, "sendNumbersOnline"))
		return &fx->lists;
	return ends_with(path, "addMessages") ? &fx->batches : &fx->messages;
}

static struct reply next_reply(struct replies *replies)
{
	if (replies->count == 0)
		return fx_ok;
	struct reply reply = replies->all[replies->at];
	if (replies->at + 1 < replies->count)
		replies->at++;
	return reply;
}

static void add_reply(struct fixture *fx, struct replies *replies, struct reply reply)
{
	pthread_mutex_lock(&fx->lock);
	assert_true(replies->count < REPLIES_MAX);
	replies->all[replies->count++] = reply;
	pthread_mutex_unlock(&fx->lock);
}

static bool holds_bad(const struct fixture *fx, const char *body)
{
	if (fx->lenient_test && strstr(body, "test1"))
		return false;
	for (size_t i = 0; i < COUNT_OF(fx->bad_numbers); i++)
		if (fx->bad_numbers[i] && strstr(body, fx->bad_numbers[i]))
			return true;
	return false;
}

static void copy_header(struct MHD_Connection *connection, const char *name, char *out, size_t size)
{
	const char *value = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);

	snprintf(out, size, "%s", value ? value : "");
}

static void copy_query(struct MHD_Connection *connection, const char *name, char *out, size_t size)
{
	const char *value = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, name);

	snprintf(out, size, "%s", value ? value : "");
}

static struct reply take_call(
	struct fixture *fx, struct MHD_Connection *connection, const char *url, const char *body)
{
	bool list = ends_with(url, "sendNumbersOnline");
	struct call_seen *call = &fx->calls[fx->call_count % CALLS_MAX];

	free(call->body);
	*call = (struct call_seen) { .body = strdup(body) };
	snprintf(call->path, sizeof call->path, "%s", url);
	copy_header(connection, "Authorization", call->key, sizeof call->key);
	copy_header(connection, "User-Agent", call->agent, sizeof call->agent);
	copy_header(connection, "Content-Type", call->type, sizeof call->type);
	copy_header(connection, "Accept-Encoding", call->accept, sizeof call->accept);
	copy_header(connection, "X-Simgate-Timestamp", call->stamp, sizeof call->stamp);
	copy_header(connection, "X-Simgate-Signature", call->signature, sizeof call->signature);
	copy_query(connection, "sum", call->sum, sizeof call->sum);
	copy_query(connection, "date", call->date, sizeof call->date);
	fx->call_count++;
	if (fx->good_key && strcmp(call->key, fx->good_key) != 0)
		return (struct reply) { .status = 401,
			.body = "{\"response\":\"ERROR_WRONG_KEY\"}" };
	if (list && holds_bad(fx, body))
		return (struct reply) { .status = 400,
			.body = "{\"response\":\"NUMBER_FORMAT_ERROR\"}" };
	if (fx->bad_text && strstr(body, fx->bad_text))
		return (struct reply) { .status = 400, .body = "{\"response\":\"ERROR_PARAMS\"}" };
	return next_reply(replies_of(fx, url));
}

static ssize_t broken_body(void *arg, uint64_t at, char *out, size_t max)
{
	static const char start[] = "{\"response\":";

	(void)arg;
	if (at > 0 || max < sizeof start)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	memcpy(out, start, sizeof start - 1);
	return sizeof start - 1;
}

static struct MHD_Response *make_response(const struct reply *reply)
{
	struct MHD_Response *response;

	if (reply->broken)
		return MHD_create_response_from_callback(1000, 64, broken_body, NULL, NULL);
	if (reply->filler) {
		char *filler = malloc(reply->filler);
		memset(filler, 'x', reply->filler);
		return MHD_create_response_from_buffer(
			reply->filler, filler, MHD_RESPMEM_MUST_FREE);
	}
	response = MHD_create_response_from_buffer(reply->len ? reply->len : strlen(reply->body),
		(void *)reply->body, MHD_RESPMEM_MUST_COPY);
	if (reply->gzip)
		MHD_add_response_header(response, "Content-Encoding", "gzip");
	return response;
}

static enum MHD_Result answer(
	struct fixture *fx, struct MHD_Connection *connection, const char *url, const char *body)
{
	pthread_mutex_lock(&fx->lock);
	struct reply reply = take_call(fx, connection, url, body);
	if (reply.hang && fx->hung_count < COUNT_OF(fx->hung)) {
		fx->hung[fx->hung_count++] = connection;
		MHD_suspend_connection(connection);
		pthread_mutex_unlock(&fx->lock);
		return MHD_YES;
	}
	pthread_mutex_unlock(&fx->lock);
	if (reply.refused)
		return MHD_NO;
	struct MHD_Response *response = make_response(&reply);
	if (reply.retry_after)
		MHD_add_response_header(response, "Retry-After", reply.retry_after);
	enum MHD_Result result = MHD_queue_response(connection, (unsigned)reply.status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *url,
	const char *method, const char *version, const char *data, size_t *len, void **context)
{
	struct upload *upload = *context;

	(void)method, (void)version;
	if (!upload) {
		*context = calloc(1, sizeof *upload);
		return MHD_YES;
	}
	if (*len > 0) {
		upload->body = realloc(upload->body, upload->len + *len + 1);
		memcpy(upload->body + upload->len, data, *len);
		upload->len += *len;
		upload->body[upload->len] = '\0';
		*len = 0;
		return MHD_YES;
	}
	return answer(arg, connection, url, upload->body ? upload->body : "");
}

static void on_completed(void *arg, struct MHD_Connection *connection, void **context,
	enum MHD_RequestTerminationCode code)
{
	struct upload *upload = *context;

	(void)arg, (void)connection, (void)code;
	if (upload)
		free(upload->body);
	free(upload);
}

static int start_platform(struct fixture *fx)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	fx->daemon = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_ALLOW_SUSPEND_RESUME, 0,
		NULL, NULL, on_request, fx, MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&address,
		MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL, MHD_OPTION_END);
	if (!fx->daemon)
		return -1;
	const union MHD_DaemonInfo *info =
		MHD_get_daemon_info(fx->daemon, MHD_DAEMON_INFO_BIND_PORT);
	snprintf(fx->url, sizeof fx->url, "http://127.0.0.1:%d", info->port);
	return 0;
}

static void stop_platform(struct fixture *fx)
{
	pthread_mutex_lock(&fx->lock);
	for (size_t i = 0; i < fx->hung_count; i++)
		MHD_resume_connection(fx->hung[i]);
	fx->hung_count = 0;
	for (size_t i = 0; i < REPLIES_MAX; i++)
		fx->messages.all[i].hang = fx->lists.all[i].hang = fx->batches.all[i].hang = false;
	pthread_mutex_unlock(&fx->lock);
	MHD_stop_daemon(fx->daemon);
	for (size_t i = 0; i < CALLS_MAX; i++)
		free(fx->calls[i].body);
}

void fx_reply_message(struct fixture *fx, struct reply reply)
{
	add_reply(fx, &fx->messages, reply);
}

void fx_reply_list(struct fixture *fx, struct reply reply)
{
	add_reply(fx, &fx->lists, reply);
}

void fx_reply_batch(struct fixture *fx, struct reply reply)
{
	add_reply(fx, &fx->batches, reply);
}

void fx_forget_replies(struct fixture *fx)
{
	pthread_mutex_lock(&fx->lock);
	fx->messages.count = fx->messages.at = 0;
	fx->lists.count = fx->lists.at = 0;
	fx->batches.count = fx->batches.at = 0;
	pthread_mutex_unlock(&fx->lock);
}

static const struct call_seen *find_call(
	struct fixture *fx, const char *name, size_t index, size_t *count)
{
	const struct call_seen *found = NULL;
	size_t seen = 0;

	pthread_mutex_lock(&fx->lock);
	assert_true(fx->call_count <= CALLS_MAX);
	for (size_t i = 0; i < fx->call_count; i++)
		if ((!name || ends_with(fx->calls[i].path, name)) && seen++ == index)
			found = &fx->calls[i];
	pthread_mutex_unlock(&fx->lock);
	*count = seen;
	return found;
}

size_t fx_calls(struct fixture *fx, const char *name)
{
	size_t count;

	find_call(fx, name, SIZE_MAX, &count);
	return count;
}

const struct call_seen *fx_call(struct fixture *fx, const char *name, size_t index)
{
	size_t count;
	const struct call_seen *call = find_call(fx, name, index, &count);

	assert_non_null(call);
	return call;
}

/* ---- a store whose commits can fail --------------------------------------------------------- */

static atomic_bool store_fails;
static struct backend faulty;

static int faulty_commit(struct backend_conn *conn)
{
	return atomic_load(&store_fails) ? -EIO : store_sqlite.commit(conn);
}

void fx_store_fails(bool fails)
{
	atomic_store(&store_fails, fails);
}

static void remove_files(const struct fixture *fx)
{
	static const char *const ends[] = { "", "-wal", "-shm", "-journal", ".lock" };
	char name[128];

	for (size_t i = 0; i < COUNT_OF(ends); i++) {
		snprintf(name, sizeof name, "%s%s", fx->path, ends[i]);
		unlink(name);
	}
	rmdir(fx->dir);
}

struct outbox_status fx_status(const struct fixture *fx)
{
	struct outbox_status status;

	outbox_status(fx->outbox, &status);
	return status;
}

/* ---- time ----------------------------------------------------------------------------------- */

bool fx_until(struct fixture *fx, fx_condition *condition, int64_t step_ms)
{
	for (int i = 0; i < TURNS_MAX; i++) {
		if (condition(fx))
			return true;
		loop_turn(fx->loop, 10);
		loop_advance(fx->loop, step_ms);
	}
	return false;
}

void fx_settle(struct fixture *fx)
{
	for (int i = 0, quiet = 0; i < TURNS_MAX && quiet < QUIET_TURNS; i++) {
		bool busy = deliver_active(fx->deliver) > 0 || store_pending(fx->store) > 0;
		loop_turn(fx->loop, busy ? 10 : 0);
		if (busy)
			loop_advance(fx->loop, fx->busy_step_ms);
		quiet = busy ? 0 : quiet + 1;
	}
	assert_int_equal(deliver_active(fx->deliver), 0);
	assert_int_equal(store_pending(fx->store), 0);
}

void fx_pass(struct fixture *fx, int64_t ms)
{
	int64_t end_ms = loop_now_ms(fx->loop) + ms;

	fx_settle(fx);
	while (loop_now_ms(fx->loop) < end_ms) {
		int64_t left_ms = end_ms - loop_now_ms(fx->loop);
		int64_t step_ms = ms > 10000 ? 1000 : 100;
		loop_advance(fx->loop, left_ms < step_ms ? left_ms : step_ms);
		fx_settle(fx);
	}
}

/* ---- cards and texts ------------------------------------------------------------------------ */

static void got_done(void *arg, int err)
{
	struct fixture *fx = arg;

	assert_int_equal(err, 0);
	fx->stored++;
}

static void got_card(void *arg, int err, const struct store_card *card)
{
	(void)card;
	got_done(arg, err);
}

static bool is_stored(struct fixture *fx)
{
	return fx->stored == 0;
}

static void wait_stored(struct fixture *fx, int count)
{
	fx->stored -= count;
	assert_true(fx_until(fx, is_stored, 0));
}

static void names_of(int i, char slot[16], char card[32])
{
	snprintf(slot, 16, "p%02d", i);
	snprintf(card, 32, "8946000000000%06d", i);
}

void fx_card_in(struct fixture *fx, const char *bank, int i, const char *number, bool online)
{
	char slot[16], card[32];

	names_of(i, slot, card);
	struct store_card_seen seen = { .bank = bank,
		.slot = slot,
		.imei = slot,
		.card_id = card,
		.iccid = card,
		.imsi = "240010000000001",
		.sim_number = number,
		.now_ms = loop_wall_ms(fx->loop) };
	struct store_port port = { .bank = bank,
		.slot = slot,
		.card_id = card,
		.state = "ready",
		.online = online,
		.now_ms = loop_wall_ms(fx->loop) };
	store_card_seen(fx->store, &seen, got_card, fx);
	store_port_put(fx->store, &port, got_done, fx);
	wait_stored(fx, 2);
}

void fx_card(struct fixture *fx, int i, bool online)
{
	char number[32];

	snprintf(number, sizeof number, "+4670000%04d", i);
	fx_card_in(fx, "north", i, number, online);
}

static void got_text(void *arg, int err, const struct store_sms_result *result)
{
	struct fixture *fx = arg;

	got_done(fx, err);
	for (size_t i = 0; fx->outbox && i < result->claimed_count; i++)
		outbox_offer(fx->outbox, &result->claimed[i]);
	if (fx->outbox && result->claimed_count == 0)
		outbox_kick(fx->outbox);
}

void fx_text(struct fixture *fx, int i, const char *text)
{
	char slot[16], card[32], raw[64];
	static int serial;

	names_of(i, slot, card);
	snprintf(raw, sizeof raw, "RAW%d", serial++);
	struct store_message message = { .card_id = card,
		.bank = "north",
		.slot = slot,
		.sender = "ExampleApp",
		.text = text,
		.arrived_ms = loop_wall_ms(fx->loop),
		.parts = 1 };
	struct store_route route = { .platform = "osim",
		.state = STORE_QUEUED,
		.reason = "",
		.claim = fx->outbox && outbox_wants(fx->outbox) };
	struct store_sms sms = { .card_id = card,
		.bank = "north",
		.slot = slot,
		.memory = "",
		.index = -1,
		.raw = raw,
		.arrived_ms = message.arrived_ms,
		.message = &message,
		.routes = &route,
		.route_count = 1 };
	store_sms_put(fx->store, &sms, got_text, fx);
	wait_stored(fx, 1);
}

struct lookup {
	struct fixture *fx;
	const char *text;
	int state;
	char *reason;
};

static void got_rows(void *arg, int err, const struct store_row *rows, size_t count)
{
	struct lookup *lookup = arg;

	for (size_t i = 0; i < count; i++) {
		if (strcmp(rows[i].text, lookup->text) != 0)
			continue;
		lookup->state = (int)rows[i].state;
		if (lookup->reason)
			snprintf(lookup->reason, 64, "%s", rows[i].reason);
	}
	got_done(lookup->fx, err);
}

int fx_state(struct fixture *fx, const char *text, char reason[64])
{
	struct lookup lookup = { fx, text, -1, reason };

	store_messages(fx->store, &(struct store_query) { .limit = 1000 }, got_rows, &lookup);
	wait_stored(fx, 1);
	return lookup.state;
}

/* ---- outbox and roster, wired as the gateway does ------------------------------------------- */

static void on_want_list(void *arg)
{
	struct fixture *fx = arg;

	fx->lists_wanted++;
	if (fx->roster)
		roster_want(fx->roster);
}

static void on_delivered(void *arg, const struct store_delivery *delivery)
{
	struct fixture *fx = arg;

	assert_string_equal(delivery->platform, "osim");
	fx->delivered_events++;
}

static void on_answered(void *arg, enum outcome outcome, const char *reason)
{
	struct fixture *fx = arg;

	fx->answers++;
	fx->last_answer = outcome;
	if (fx->outbox)
		outbox_account(fx->outbox, outcome, reason);
}

void fx_got_sync(void *arg, int err, const char *why)
{
	struct fixture *fx = arg;

	assert_non_null(why);
	fx->syncs++;
	fx->sync_err = err;
}

void fx_outbox(struct fixture *fx)
{
	static const struct outbox_events events = { on_want_list, on_delivered };

	fx->outbox = outbox_new(fx->loop, fx->store, fx->deliver, &fx->platform, &events, fx);
	assert_non_null(fx->outbox);
}

void fx_roster(struct fixture *fx)
{
	static const struct roster_events events = { on_answered };
	char *banks[] = { (char *)"north" };

	fx->roster = roster_new(fx->loop, fx->store, fx->deliver, &fx->platform, &events, fx);
	assert_non_null(fx->roster);
	assert_int_equal(roster_sells(fx->roster, banks, 1), 0);
}

/* ---- the whole ------------------------------------------------------------------------------ */

int fixture_setup(void **state)
{
	struct fixture *fx = calloc(1, sizeof *fx);
	char why[256] = "";

	*state = fx;
	fx->busy_step_ms = 1;
	pthread_mutex_init(&fx->lock, NULL);
	log_init(LOGF_TEXT, NULL);
	log_keep();
	snprintf(fx->dir, sizeof fx->dir, "/tmp/simgate-platform-XXXXXX");
	if (!mkdtemp(fx->dir) || start_platform(fx) < 0)
		return -1;
	snprintf(fx->path, sizeof fx->path, "%s/simgate.db", fx->dir);
	fx->loop = loop_new_manual(1000, T0);
	fx_store_fails(false);
	faulty = store_sqlite;
	faulty.commit = faulty_commit;
	struct store_config config = { .path = fx->path, .host_id = "host-a", .loop = fx->loop };
	if (store_open_backend(&config, &faulty, &fx->store, why, sizeof why) < 0) {
		fprintf(stderr, "%s\n", why);
		return -1;
	}
	fx->deliver = deliver_new(fx->loop);
	fx->platform = (struct config_platform) { .name = (char *)"osim",
		.kind = (char *)"onlinesim-push",
		.url = fx->url,
		.key = (char *)"k1",
		.list_name = (char *)"numbers",
		.concurrency = 4,
		.list_every_ms = 300000,
		.list_delay_ms = 1500,
		.timeout_ms = 10000,
		.retry_max_ms = 60000,
		.account_ms = 60000,
		.number_give_up_ms = INT64_C(7) * 86400000,
		.block_ms = 30 * 60000,
		.retry_after_max_ms = 15 * 60000 };
	return fx->deliver ? 0 : -1;
}

int fixture_teardown(void **state)
{
	struct fixture *fx = *state;

	outbox_free(fx->outbox);
	roster_free(fx->roster);
	deliver_free(fx->deliver);
	WAIT_FOR(fx->loop, store_pending(fx->store) == 0);
	store_close(fx->store);
	loop_free(fx->loop);
	stop_platform(fx);
	log_set_sink(NULL, NULL);
	remove_files(fx);
	pthread_mutex_destroy(&fx->lock);
	free(fx);
	return 0;
}
