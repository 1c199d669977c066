/* test_gateway.c - the whole of it in one process, on a clock that the test moves: days in moments.
 * The modems are serial servers and the platform an HTTP server on the loopback, where what one
 * side writes the other can read at once: a pty would need time that stands still here. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway_impl.h"
#include "http_client.h"
#include "log_fixture.h"
#include "loop_fixture.h"
#include "module_fixture.h"
#include "platform_fixture.h"

enum { MODEMS_MAX = 3, SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, TURNS_MAX = 500 };

struct sim {
	int listener, fd, port; /* fd -1: nobody is connected */
	struct loop_io *accepting, *io;
	struct module_line line;
	int number;
	const char *creg;
	char list[256]; /* what AT+CMGL=4 shows, until it is deleted */
	bool silent;
};

static struct fixture *fx;
static struct gateway *gateway;
static struct sim sims[MODEMS_MAX];
static int sim_count;
static bool stopped;

/* ---- modems --------------------------------------------------------------------------------- */

static void answer(struct sim *sim, const char *command)
{
	char text[MODULE_TEXT];

	module_answer(command, sim->number, 10 + sim->number, text);
	if (strcmp(command, "AT+CNUM") == 0)
		snprintf(text, sizeof text, "+CNUM: \"\",\"+4670010001%d\",145\r\nOK", sim->number);
	else if (strcmp(command, "AT+CREG?") == 0)
		snprintf(text, sizeof text, "+CREG: 1,%s\r\nOK", sim->creg);
	else if (strcmp(command, "AT+CMGL=4") == 0)
		snprintf(text, sizeof text, "%s\r\nOK", sim->list);
	else if (strncmp(command, "AT+CMGD", 7) == 0)
		sim->list[0] = '\0';
	module_say(sim->fd, text);
}

static void hang_up(struct sim *sim)
{
	loop_io_free(sim->io);
	sim->io = NULL;
	if (sim->fd >= 0)
		close(sim->fd);
	sim->fd = -1;
}

static void on_bytes(void *arg, int events)
{
	struct sim *sim = arg;
	char bytes[256];
	ssize_t len = read(sim->fd, bytes, sizeof bytes);

	(void)events;
	if (len <= 0) {
		hang_up(sim);
		return;
	}
	for (ssize_t i = 0; i < len; i++) {
		const char *command = module_take(&sim->line, bytes[i]);
		if (command && !sim->silent)
			answer(sim, command);
	}
}

static void on_connect(void *arg, int events)
{
	struct sim *sim = arg;

	(void)events;
	hang_up(sim);
	sim->fd = accept4(sim->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	assert_true(sim->fd >= 0);
	sim->io = loop_io_new(fx->loop, sim->fd, LOOP_READ, on_bytes, sim);
}

/* Whether a module is at this device that takes commands. */
static bool answers(const char *device)
{
	char name[32];

	for (int i = 0; i < sim_count; i++) {
		snprintf(name, sizeof name, "tcp:127.0.0.1:%d", sims[i].port);
		if (strcmp(name, device) == 0)
			return !sims[i].silent;
	}
	return false;
}

static void add_sim(void)
{
	struct sim *sim = &sims[sim_count];
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof address;

	*sim = (struct sim) { .number = sim_count, .creg = "1", .fd = -1 };
	sim->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(sim->listener, (struct sockaddr *)&address, len), 0);
	assert_int_equal(getsockname(sim->listener, (struct sockaddr *)&address, &len), 0);
	assert_int_equal(listen(sim->listener, 4), 0);
	sim->port = ntohs(address.sin_port);
	sim->accepting = loop_io_new(fx->loop, sim->listener, LOOP_READ, on_connect, sim);
	sim_count++;
}

/* What a module says unasked; the gateway has it then. */
static void tell(int i, const char *text)
{
	const struct at *at = &gateway->modems[i]->at;
	unsigned lines = at->ring_next;

	module_say(sims[i].fd, text);
	WAIT_FOR(fx->loop, at->ring_next != lines);
}

/* A text of five letters from "Gate", the k-th of its kind. */
static void arrive(int i, int k)
{
	snprintf(sims[i].list, sizeof sims[i].list,
		"+CMGL: 1,0,\"\",22\r\n000407D0C730BD0C000062111209%02d008005E8329BFD06", k);
	tell(i, "+CMTI: \"SM\",1");
}

/* ---- the daemon ----------------------------------------------------------------------------- */

static char extra[300]; /* what the test wants in the configuration */
static char filter[100];

static void write_config(const char *more)
{
	char path[128];
	FILE *file;

	if (more != extra)
		snprintf(extra, sizeof extra, "%s", more);

	snprintf(path, sizeof path, "%s/simgate.conf", fx->dir);
	file = fopen(path, "w");
	assert_non_null(file);
	fprintf(file, "[gateway]\nstate_dir = %s/state\ncontrol = %s/ctl\nhost_id = test\n%s",
		fx->dir, fx->dir, more);
	fprintf(file, "[bank b]\ndevices = %s/none*", fx->dir);
	for (int i = 0; i < sim_count; i++)
		fprintf(file, ", tcp:127.0.0.1:%d", sims[i].port);
	fputs("\n", file);
	fprintf(file, "[platform p]\nkind = onlinesim-push\nurl = %s\nkey = k\nfilter = %s\n",
		fx->url, filter);
	fclose(file);
}

static struct config *load_config(void)
{
	struct config_report report = { 0 };
	char path[128];
	struct config *config;

	snprintf(path, sizeof path, "%s/simgate.conf", fx->dir);
	config = config_load(path, gateway_names(), &report);
	if (!config)
		fail_msg("%s", report.lines[0]);
	config_report_free(&report);
	return config;
}

static void start(int modems)
{
	char why[256] = "";

	while (sim_count < modems)
		add_sim();
	write_config(extra);
	if (gateway_start(fx->loop, load_config(), &gateway, why, sizeof why) < 0)
		fail_msg("%s", why);
}

static void on_stopped(void *arg)
{
	(void)arg;
	stopped = true;
}

static void stop(void)
{
	stopped = false;
	gateway_stop(gateway, on_stopped, NULL);
	for (int i = 0; i < 500 && !stopped; i++) {
		loop_turn(fx->loop, 5);
		loop_advance(fx->loop, 10);
	}
	assert_true(stopped);
	gateway_free(gateway);
	gateway = NULL;
}

/* Whether a thread or the platform is at work, or a command or its answer on its way: that takes
 * real time. */
static bool is_busy(int64_t step_ms)
{
	bool busy = store_pending(gateway->store) > 0 || deliver_active(gateway->deliver) > 0 ||
		    opener_active(gateway->opener) > 0;

	for (size_t i = 0; i < gateway->modem_count && !busy; i++)
		busy = module_is_asked(gateway->modems[i], step_ms) &&
		       answers(gateway->modems[i]->device);
	return busy;
}

/* Time passes; what happens on other threads and sockets has its turns in between. */
static void pass(int64_t ms, int64_t step_ms)
{
	for (int64_t done_ms = 0; done_ms < ms; done_ms += step_ms) {
		loop_advance(fx->loop, step_ms);
		for (int i = 0; i < 4 || (i < TURNS_MAX && is_busy(step_ms)); i++) {
			loop_turn(fx->loop, is_busy(step_ms));
			loop_advance(fx->loop, i >= 4); /* curl has timers, too */
		}
	}
}

/* Until the platform has seen so many calls of a kind; the clock creeps. */
static void until_calls(const char *name, size_t count)
{
	for (int i = 0; i < 4000 && fx_calls(fx, name) < count; i++) {
		loop_turn(fx->loop, 1);
		loop_advance(fx->loop, 10);
	}
	assert_true(fx_calls(fx, name) >= count);
}

#define LIST "sendNumbersOnline"
#define TEXT "addMessage"

static void setup_all(void **state)
{
	char dir[128];

	assert_int_equal(fixture_setup(state), 0);
	fx = *state;
	sim_count = 0;
	snprintf(dir, sizeof dir, "%s/state", fx->dir);
	assert_int_equal(mkdir(dir, 0700), 0);
	fx_reply_list(fx, fx_ok);
	fx_reply_message(fx, fx_ok);
	strcpy(filter, "default");
	write_config("");
	log_keep();
}

static int setup(void **state)
{
	setup_all(state);
	return 0;
}

static int teardown(void **state)
{
	char command[400];

	if (gateway)
		stop();
	for (int i = 0; i < sim_count; i++) {
		hang_up(&sims[i]);
		loop_io_free(sims[i].accepting);
		close(sims[i].listener);
	}
	snprintf(command, sizeof command, "rm -rf %s/state %s/simgate.conf %s/ctl", fx->dir,
		fx->dir, fx->dir);
	assert_int_equal(system(command), 0);
	return fixture_teardown(state);
}

/* ---- spans ---------------------------------------------------------------------------------- */

static void test_first_list_waits_for_all_and_then_comes_each_five_minutes(void **state)
{
	size_t before;

	(void)state;
	start(2);
	until_calls(LIST, 1);
	assert_non_null(strstr(fx_call(fx, LIST, 0)->body, "+46700100010"));
	assert_non_null(strstr(fx_call(fx, LIST, 0)->body, "+46700100011"));
	before = fx_calls(fx, LIST);
	pass(21 * MINUTE, SECOND);
	assert_int_equal(fx_calls(fx, LIST) - before, 4);
}

static void test_a_port_that_never_settles_delays_the_list_by_start_grace(void **state)
{
	(void)state;
	while (sim_count < 2)
		add_sim();
	sims[1].creg = "2"; /* searches for ever */
	start(2);
	pass(80 * SECOND, 200);
	assert_int_equal(fx_calls(fx, LIST), 0);
	pass(15 * SECOND, 200);
	until_calls(LIST, 1);
	assert_non_null(strstr(fx_call(fx, LIST, 0)->body, "+46700100010"));
	assert_null(strstr(fx_call(fx, LIST, 0)->body, "+46700100011"));
}

static void test_a_first_port_that_is_not_there_opens_no_list_for_the_rest(void **state)
{
	char more[200];

	(void)state;
	snprintf(more, sizeof more, "[bank a]\ndevices = %s/gone\n", fx->dir);
	write_config(more);
	start(1);
	until_calls(LIST, 1);
	assert_non_null(strstr(fx_call(fx, LIST, 0)->body, "+46700100010"));
}

static void test_two_days_without_the_platform_lose_nothing(void **state)
{
	(void)state;
	/* the modem has nothing to say meanwhile, so that hours are few steps */
	write_config("poll_every = 3d\nsweep_every = 3d\n");
	start(1);
	until_calls(LIST, 1);
	fx_forget_replies(fx);
	fx_reply_list(fx, (struct reply) { .status = 503, .body = "" });
	fx_reply_message(fx, (struct reply) { .status = 503, .body = "<html>" });
	for (int k = 0; k < 8; k++) {
		arrive(0, 10 + k);
		pass(2 * SECOND, 20);
		assert_int_equal(logged("event=sms_received"), k + 1);
		assert_int_equal(logged("event=sms_stored"), k + 1);
		pass(6 * HOUR, MINUTE);
	}
	assert_int_equal(logged("event=sms_delivered"), 0);
	fx_forget_replies(fx);
	fx_reply_list(fx, fx_ok);
	fx_reply_message(fx, fx_ok);
	pass(3 * MINUTE, 200);
	assert_int_equal(logged("event=sms_delivered"), 8);
}

/* Of two modems; the list after so many. */
static void until_the_second_alone_is_listed(size_t lists)
{
	until_calls(LIST, lists + 1);
	assert_null(strstr(fx_call(fx, LIST, lists)->body, "+46700100010"));
	assert_non_null(strstr(fx_call(fx, LIST, lists)->body, "+46700100011"));
}

static void test_lost_registration_is_off_the_list_after_its_grace(void **state)
{
	size_t lists;

	(void)state;
	start(2);
	until_calls(LIST, 1);
	pass(2 * SECOND, 100);
	lists = fx_calls(fx, LIST);
	sims[0].creg = "2";
	tell(0, "+CREG: 2");
	pass(19 * SECOND, 200);
	assert_int_equal(fx_calls(fx, LIST), lists);
	pass(4 * SECOND, 200);
	until_the_second_alone_is_listed(lists);
	sims[0].creg = "1";
	tell(0, "+CREG: 1");
	until_calls(LIST, lists + 2);
	assert_non_null(strstr(fx_call(fx, LIST, lists + 1)->body, "+46700100010"));
}

/* After an hour without a turn nobody knows whether a card can receive: no list before a look. */
static void test_after_a_freeze_no_list_goes_out_before_a_look(void **state)
{
	size_t lists;

	(void)state;
	start(2);
	until_calls(LIST, 1);
	pass(2 * SECOND, 100);
	lists = fx_calls(fx, LIST);
	sims[0].creg = "2";
	loop_freeze(fx->loop, 3600 * SECOND);
	loop_turn(fx->loop, 0);
	until_the_second_alone_is_listed(lists);
	assert_int_equal(logged("event=recovery"), 0);
}

static void test_a_text_that_was_not_announced_is_found_by_the_sweep(void **state)
{
	(void)state;
	start(1);
	until_calls(LIST, 1);
	snprintf(sims[0].list, sizeof sims[0].list,
		"+CMGL: 1,0,\"\",22\r\n000407D0C730BD0C000062111209000080"
		"05E8329BFD06");
	pass(70 * SECOND, 200);
	until_calls(TEXT, 1);
	assert_string_equal(sims[0].list, "");
}

static void test_a_summary_each_five_minutes_says_what_is_wrong(void **state)
{
	(void)state;
	start(2);
	until_calls(LIST, 1);
	pass(5 * MINUTE, SECOND);
	assert_int_equal(logged("event=summary"), 2); /* the first once all have settled */
	assert_int_equal(logged("2/2 ready ready=2 total=2"), 2);
	sims[1].silent = true;
	pass(5 * MINUTE, SECOND);
	assert_int_equal(logged("event=summary"), 3);
	assert_int_equal(logged("1/2 ready: "), 1);
	assert_int_equal(logged(" (quarantine (1): does not answer: "), 1);
	assert_int_equal(logged("ready=1 total=2"), 1);
}

static void test_stopping_sends_no_list(void **state)
{
	size_t lists;

	(void)state;
	start(2);
	until_calls(LIST, 1);
	pass(3 * SECOND, 100);
	lists = fx_calls(fx, LIST);
	stop();
	for (int i = 0; i < 20; i++)
		loop_advance(fx->loop, SECOND);
	assert_int_equal(fx_calls(fx, LIST), lists);
}

static void test_reload_leaves_other_ports_alone(void **state)
{
	size_t opened;

	(void)state;
	start(2);
	until_calls(LIST, 1);
	opened = logged("event=port_found");
	assert_int_equal(opened, 2);
	write_config("sweep_every = 2m\n");
	gateway_reload(gateway);
	write_config("sweep = 2m\n"); /* an error: the old one stays */
	gateway_reload(gateway);
	assert_int_equal(logged("the old one stays"), 1);
	pass(10 * SECOND, 200);
	assert_int_equal(logged("event=port_found"), opened);
	arrive(1, 30);
	until_calls(TEXT, 1);
}

static void write_rules(const char *rules)
{
	FILE *file;

	snprintf(filter, sizeof filter, "%s/state/rules", fx->dir);
	file = fopen(filter, "w");
	assert_non_null(file);
	fputs(rules, file);
	fclose(file);
	write_config(extra);
}

static char found[512]; /* what the store has for the outbox */

static void on_rows(void *arg, int err, const struct store_row *rows, size_t count)
{
	(void)arg;
	assert_int_equal(err, 0);
	found[0] = '\0';
	for (size_t i = 0; i < count; i++)
		snprintf(found + strlen(found), sizeof found - strlen(found), "%s %s %s,",
			rows[i].platform, rows[i].state_name, rows[i].reason);
}

static void assert_outbox(const char *wanted)
{
	store_messages(gateway->store, &(struct store_query) { .outbox = true }, on_rows, NULL);
	pass(SECOND, 100);
	assert_string_equal(found, wanted);
}

static void test_a_withheld_text_is_kept_and_never_sent(void **state)
{
	(void)state;
	write_rules("withhold from:/^gate$/i reason:mine\n");
	start(1);
	until_calls(LIST, 1);
	arrive(0, 10);
	pass(5 * SECOND, 20);
	assert_string_equal(sims[0].list, ""); /* it has left its card */
	assert_int_equal(logged("platform=p reason=mine event=sms_filtered"), 1);
	assert_outbox("p withheld mine,");
	pass(HOUR, SECOND);
	stop(); /* nor does the next start send it */
	start(1);
	pass(5 * MINUTE, 200);
	assert_int_equal(fx_calls(fx, TEXT), 0);
	assert_outbox("p withheld mine,");
	assert_int_equal(logged("event=sms_filtered"), 1);
}

static void test_a_filter_with_errors_keeps_the_old_one(void **state)
{
	(void)state;
	write_rules("withhold from:/^gate$/i\n");
	start(1);
	until_calls(LIST, 1);
	write_rules("withhold from:/^gate$/i\nallow from:/*/\n");
	gateway_reload(gateway);
	assert_int_equal(logged("rules:2: from: quantifier does not follow"), 1);
	assert_int_equal(logged("the old one stays"), 1);
	arrive(0, 10);
	pass(5 * SECOND, 20);
	assert_outbox("p withheld rules:1,");
	strcpy(filter, "off");
	write_config(extra);
	gateway_reload(gateway);
	assert_int_equal(logged("the filter is off"), 1);
	arrive(0, 11);
	until_calls(TEXT, 1);
	pass(5 * SECOND, 20);
	assert_int_equal(fx_calls(fx, TEXT), 1); /* what was withheld before stays so */
	assert_outbox("p withheld rules:1,");
}

/* ---- HTTP ----------------------------------------------------------------------------------- */

/* A port that nobody listens at now, out of reach of those that connect. Each process of the
 * tests begins elsewhere. */
static int free_port(void)
{
	static unsigned next;

	for (int tries = 0; tries < 1000; tries++) {
		struct sockaddr_in address = { .sin_family = AF_INET,
			.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
			.sin_port = htons(
				(uint16_t)(10000 + ((unsigned)getpid() * 13 + next++) % 10000)) };
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		bool is_free = bind(fd, (struct sockaddr *)&address, sizeof address) == 0;
		close(fd);
		if (is_free)
			return ntohs(address.sin_port);
	}
	fail_msg("no free port");
	return 0;
}

/* The status of a GET, with the whole answer in data; -1: nobody listens. */
static int get(int port, const char *path, const char *headers, char *data, size_t size)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), status;
	char text[400];

	if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
		close(fd);
		return -1;
	}
	snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n", path, headers);
	client_put(fx->loop, fd, text, strlen(text));
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	status = client_get(fx->loop, fd, data, size);
	close(fd);
	return status;
}

static void http_config(int port, const char *more)
{
	char text[300];

	snprintf(text, sizeof text, "[http]\nlisten = 127.0.0.1:%d\n%s", port, more);
	write_config(text);
}

/* The value behind a sample's name and labels; -1: there is none. */
static double sample(const char *data, const char *name)
{
	char line[400];
	const char *at;

	snprintf(line, sizeof line, "\n%s ", name);
	at = strstr(data, line);
	return at ? strtod(at + strlen(line), NULL) : -1;
}

static void test_metrics_and_health_follow_what_happens(void **state)
{
	static const struct {
		const char *name;
		double value;
	} process_wide[] = {
		{ "simgate_platform_requests_total{platform=\"p\",call=\"addMessage\",code=\"200\"}",
			3 },
		{ "simgate_http_requests_total{path=\"/readyz\",code=\"503\"}", 1 },
		{ "simgate_http_requests_total{path=\"/readyz\",code=\"200\"}", 1 },
	}, wanted[] = {
		{ "simgate_build_info{version=\"" SIMGATE_VERSION "\"}", 1 },
		{ "simgate_ports{state=\"ready\"}", 2 },
		{ "simgate_ports{state=\"fault\"}", 0 },
		{ "simgate_port_up{port=\"b/127.0.0.1_%d\"}", 1 },
		{ "simgate_port_registered{port=\"b/127.0.0.1_%d\"}", 1 },
		{ "simgate_port_puk_wanted{port=\"b/127.0.0.1_%d\"}", 0 },
		{ "simgate_port_state_changes_total{port=\"b/127.0.0.1_%d\",state=\"ready\"}", 1 },
		{ "simgate_sms_received_total{port=\"b/127.0.0.1_%d\"}", 3 },
		{ "simgate_at_timeouts_total{port=\"b/127.0.0.1_%d\"}", 0 },
		{ "simgate_sms_forwarded_total{platform=\"p\",result=\"delivered\"}", 3 },
		{ "simgate_sms_forwarded_total{platform=\"p\",result=\"refused\"}", 0 },
		{ "simgate_delivery_seconds_count{platform=\"p\"}", 3 },
		{ "simgate_delivery_seconds_bucket{platform=\"p\",le=\"+Inf\"}", 3 },
		{ "simgate_roster_numbers{platform=\"p\"}", 2 },
		{ "simgate_outbox_messages{platform=\"p\",state=\"delivered\"}", 3 },
		{ "simgate_outbox_messages{platform=\"p\",state=\"queued\"}", 0 },
		{ "simgate_outbox_oldest_seconds{platform=\"p\"}", 0 },
		{ "simgate_sms_parts_pending", 0 },
		{ "simgate_store_up", 1 },
	};
	int port = free_port();
	char *data = malloc(1 << 20), name[200];
	static const char format[] =
		"simgate_port_last_sweep_timestamp_seconds{port=\"b/127.0.0.1_%d\"}";

	(void)state;
	assert_non_null(data);
	http_config(port, "");
	start(2);
	assert_int_equal(get(port, "/healthz", "", data, 4096), 200);
	assert_int_equal(get(port, "/readyz", "", data, 4096), 503);
	assert_non_null(strstr(data, "{\"ok\":false,\"error\":\"starting\"}"));
	until_calls(LIST, 1);
	pass(2 * SECOND, 100);
	assert_int_equal(get(port, "/readyz", "", data, 4096), 200);
	assert_non_null(strstr(data, "\r\n\r\n{\"ok\":true}"));
	for (int k = 0; k < 3; k++) {
		arrive(0, 10 + k);
		until_calls(TEXT, (size_t)k + 1);
		pass(2 * SECOND, 100);
	}
	assert_int_equal(get(port, "/metrics", "", data, 1 << 20), 200);
	assert_non_null(strstr(data, "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
	for (size_t i = 0; i < COUNT_OF(wanted); i++) {
		const char *hole = strstr(wanted[i].name, "%d");
		snprintf(name, sizeof name, "%.*s%.0d%s",
			hole ? (int)(hole - wanted[i].name) : (int)strlen(wanted[i].name),
			wanted[i].name, hole ? sims[0].port : 0, hole ? hole + 2 : "");
		if (sample(data, name) != wanted[i].value)
			fail_msg("%s is %g, not %g in:\n%.60000s", name, sample(data, name),
				wanted[i].value, data);
	}
	/* What is counted by labels of the process' own is counted since the first test. */
	for (size_t i = 0; i < COUNT_OF(process_wide); i++)
		assert_true(sample(data, process_wide[i].name) >= process_wide[i].value);
	snprintf(name, sizeof name, format, sims[0].port);
	assert_true(sample(data, name) > (double)T0 / 1000);
	assert_true(sample(data, "simgate_roster_sync_timestamp_seconds{platform=\"p\"}") >
		    (double)T0 / 1000);
	assert_true(sample(data, "simgate_store_commit_seconds_count") > 3);
	assert_true(sample(data, "process_open_fds") > 5);
	/* Neither numbers nor cards nor senders. */
	assert_null(strstr(data, "4670010001"));
	assert_null(strstr(data, "894600000"));
	assert_null(strstr(data, "Gate"));
	free(data);
}

static void test_metrics_when_the_list_is_refused(void **state)
{
	int port = free_port();
	char *data = malloc(1 << 20);

	(void)state;
	assert_non_null(data);
	http_config(port, "");
	fx_forget_replies(fx);
	fx_reply_list(fx, (struct reply) { .status = 500, .body = "" });
	start(1);
	until_calls(LIST, 2);
	pass(SECOND, 100);
	assert_int_equal(get(port, "/readyz", "", data, 4096), 503);
	assert_non_null(strstr(data, "a number list is not accepted"));
	assert_int_equal(get(port, "/healthz", "", data, 4096), 200);
	assert_int_equal(get(port, "/metrics", "", data, 1 << 20), 200);
	assert_true(sample(data, "simgate_roster_sync_timestamp_seconds{platform=\"p\"}") == -1);
	free(data);
}

static void test_http_is_reloaded(void **state)
{
	static const char right[] = "Authorization: Basic eDpkNHNoYjBhcmQ=\r\n"; /* x:d4shb0ard */
	int port = free_port(), other;
	char data[65536], text[300];

	(void)state;
	http_config(port, "");
	start(1);
	assert_int_equal(get(port, "/api/v1/status", "", data, sizeof data), 200);
	http_config(port, "dashboard_key = d4shb0ard\n[platform hook]\nkind = webhook\n"
			  "url = http://127.0.0.1:9/\nhmac_key = k\n");
	gateway_reload(gateway);
	assert_true(get(port, "/readyz", "", data, sizeof data) > 0); /* one has no list */
	assert_int_equal(logged("http: dashboard_key changed"), 1);
	assert_int_equal(get(port, "/api/v1/status", "", data, sizeof data), 401);
	assert_int_equal(get(port, "/api/v1/status", right, data, sizeof data), 200);
	assert_int_equal(get(port, "/api/v1/sync", right, data, sizeof data), 404);
	other = free_port();
	snprintf(text, sizeof text, "[http]\nlisten = 127.0.0.1:%d, unix:%s/web\n", other, fx->dir);
	write_config(text);
	gateway_reload(gateway);
	assert_int_equal(get(port, "/healthz", "", data, sizeof data), -1);
	assert_int_equal(get(other, "/api/v1/ports", "", data, sizeof data), 200);
	snprintf(text, sizeof text, "%s/web", fx->dir);
	assert_int_equal(access(text, F_OK), 0);
	/* A port that is taken is said, tried again, and takes nothing away. */
	snprintf(text, sizeof text, "[http]\nlisten = 127.0.0.1:%d, 127.0.0.1:%d\n", port,
		sims[0].port);
	write_config(text);
	gateway_reload(gateway);
	assert_int_equal(logged("Address already in use; tried again at the next reload"), 1);
	assert_int_equal(get(port, "/healthz", "", data, sizeof data), -1);
	assert_int_equal(get(other, "/api/v1/ports", "", data, sizeof data), 200);
	snprintf(text, sizeof text, "%s/web", fx->dir);
	assert_int_equal(access(text, F_OK), 0);
	write_config(""); /* no section: no listener */
	gateway_reload(gateway);
	assert_int_equal(get(other, "/healthz", "", data, sizeof data), -1);
	assert_int_equal(access(text, F_OK), -1);
	http_config(port, "");
	gateway_reload(gateway);
	assert_int_equal(get(port, "/healthz", "", data, sizeof data), 200);
	snprintf(text, sizeof text, "http 127.0.0.1:%d: opened", port);
	assert_int_equal(logged(text), 1);
	assert_int_equal(logged("d4shb0ard"), 0);
}

static void test_a_port_that_is_taken_is_no_start(void **state)
{
	char why[256] = "";

	(void)state;
	add_sim();
	http_config(sims[0].port, "");
	assert_int_equal(
		gateway_start(fx->loop, load_config(), &gateway, why, sizeof why), -EADDRINUSE);
	assert_non_null(strstr(why, "cannot listen at 127.0.0.1:"));
	assert_null(gateway);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_first_list_waits_for_all_and_then_comes_each_five_minutes),
		CASE(test_a_port_that_never_settles_delays_the_list_by_start_grace),
		CASE(test_a_first_port_that_is_not_there_opens_no_list_for_the_rest),
		CASE(test_two_days_without_the_platform_lose_nothing),
		CASE(test_lost_registration_is_off_the_list_after_its_grace),
		CASE(test_after_a_freeze_no_list_goes_out_before_a_look),
		CASE(test_a_text_that_was_not_announced_is_found_by_the_sweep),
		CASE(test_a_summary_each_five_minutes_says_what_is_wrong),
		CASE(test_stopping_sends_no_list),
		CASE(test_reload_leaves_other_ports_alone),
		CASE(test_a_withheld_text_is_kept_and_never_sent),
		CASE(test_a_filter_with_errors_keeps_the_old_one),
		CASE(test_metrics_and_health_follow_what_happens),
		CASE(test_metrics_when_the_list_is_refused),
		CASE(test_http_is_reloaded),
		CASE(test_a_port_that_is_taken_is_no_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
