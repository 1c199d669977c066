/* test_at.c - lines, arguments, scripts: what a modem says and what must come of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "at/at.h"
#include "at/at_args.h"
#include "log_fixture.h"
#include "unit.h"

/* ---- lines ---------------------------------------------------------------------------------- */

static char lines[8192];

static void collect(void *arg, const char *line, size_t len)
{
	(void)arg;
	assert_int_equal(strlen(line), len);
	strcat(lines, line);
	strcat(lines, "|");
}

#define BYTES(text) text, sizeof(text) - 1

static void test_lexer_cuts_lines(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		const char *lines;
	} rows[] = {
		{ BYTES("\r\nOK\r\n"), "OK|" },
		{ BYTES("AT+CMGL=4\r\r\n+CMGL: 0,1,,21\r\n0791\r\n\r\nOK\r\n"),
			"AT+CMGL=4|+CMGL: 0,1,,21|0791|OK|" },
		{ BYTES("\n\n\nOK\n"), "OK|" },
		{ BYTES("\xff\0\1OK\r"), "OK|" },
		{ BYTES("  \r\nRING  \r\n"), "RING|" },
		{ BYTES("no end"), "" },
		{ BYTES("\r\r\n+CREG: 1\r\r\n\r\r\nOK\r\r\n"), "+CREG: 1|OK|" },
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		for (size_t step = 1; step <= rows[i].len; step++) {
			struct at_lex lex = { 0 };
			lines[0] = '\0';
			for (size_t at = 0; at < rows[i].len; at += step) {
				size_t left = rows[i].len - at;
				at_lex_feed(&lex, (const uint8_t *)rows[i].bytes + at,
					left < step ? left : step, collect, NULL);
			}
			assert_string_equal(lines, rows[i].lines);
		}
}

static void test_lexer_drops_what_is_too_long(void **state)
{
	struct at_lex lex = { 0 };
	uint8_t noise[5000];

	(void)state;
	lines[0] = '\0';
	memset(noise, 'x', sizeof noise);
	at_lex_feed(&lex, noise, sizeof noise, collect, NULL);
	at_lex_feed(&lex, (const uint8_t *)"\r\nOK\r\n", 6, collect, NULL);
	assert_string_equal(lines, "OK|");
	assert_int_equal(lex.refused, sizeof noise);
}

/* ---- arguments ------------------------------------------------------------------------------ */

static void test_arguments(void **state)
{
	struct at_args args = at_args_of("+CMTI: \"SM\",3", "+CMTI");
	char text[32], buf[64];
	int value = -7;
	struct at_args group;

	(void)state;
	assert_true(at_args_text(&args, text, sizeof text));
	assert_string_equal(text, "SM");
	assert_true(at_args_int(&args, 0, 10, &value));
	assert_int_equal(value, 3);
	assert_false(at_args_more(&args));
	assert_false(at_args_int(&args, 0, 10, &value));

	args = at_args_of("+CREG: 002,001,\"0B,\"0100701\"", "+CREG");
	assert_true(at_args_int(&args, 0, 5, &value));
	assert_int_equal(value, 2);
	assert_true(at_args_int(&args, 0, 11, &value));
	assert_int_equal(value, 1);

	args = at_args_of("+X:, 99999999999 ,12a,-5,\"7\",\"never closed, 1", "+X");
	value = 4;
	assert_false(at_args_int(&args, 0, 100, &value));  /* empty */
	assert_false(at_args_int(&args, 0, 1000, &value)); /* too large */
	assert_false(at_args_int(&args, 0, 1000, &value)); /* junk */
	assert_false(at_args_int(&args, 0, 1000, &value)); /* out of range */
	assert_int_equal(value, 4);
	assert_true(at_args_int(&args, 0, 1000, &value));
	assert_int_equal(value, 7);
	assert_true(at_args_text(&args, text, sizeof text));
	assert_string_equal(text, "never closed, 1");

	args = at_args_of("+CPMS: ((\"SM\",\"BM\"),(\"SM\"))", "+CPMS");
	assert_true(at_args_group(&args, buf, sizeof buf, &group));
	assert_string_equal(group.at, "(\"SM\",\"BM\"),(\"SM\")");
	at_args_skip(&group); /* the comma inside the parentheses does not count */
	assert_string_equal(group.at, "(\"SM\")");

	args = at_args_of("a text that is too long for the room,2", "");
	assert_false(at_args_text(&args, buf, 10));
	assert_true(at_args_int(&args, 0, 9, &value)); /* it moved on all the same */
}

/* ---- the engine ----------------------------------------------------------------------------- */

static char sent[2048], answers[2048], urcs[1024];
static struct at_report report;
static int reports;

static int on_write(void *owner, const char *bytes, size_t len)
{
	(void)owner;
	strncat(sent, bytes, len);
	return 0;
}

static void on_done(void *owner, const struct at_report *got)
{
	(void)owner;
	report = *got;
	reports++;
}

static bool on_answer(void *owner, const char *line)
{
	(void)owner;
	strcat(answers, line);
	strcat(answers, "|");
	return true;
}

/* Takes hexadecimal lines alone, as a listing does. */
static bool on_hex(void *owner, const char *line)
{
	return strspn(line, "0123456789ABCDEF") == strlen(line) && on_answer(owner, line);
}

static bool on_urc(void *owner, const char *line)
{
	(void)owner;
	strcat(urcs, line);
	strcat(urcs, "|");
	return true;
}

/* Takes lines that begin so, and notes whether a command may want them, too. */
static char direct[256];

static bool on_direct(void *owner, const char *line, bool wanted)
{
	(void)owner;
	if (strncmp(line, "+CMT:", 5) != 0 && strncmp(line, "00", 2) != 0)
		return false;
	strcat(direct, wanted ? "wanted " : "");
	strcat(direct, line);
	strcat(direct, "|");
	return true;
}

static const struct at_urc table[] = { { "+CMTI", on_urc }, { "+CREG", on_urc }, { NULL, NULL } };
static const struct at_host host = { on_write, on_done, table, on_direct, NULL, NULL };

struct bench {
	struct loop *loop;
	struct at at;
};

static struct bench *bench_new(void)
{
	struct bench *bench = calloc(1, sizeof *bench);

	bench->loop = loop_new_manual(0, 0);
	at_init(&bench->at, bench->loop, &host, bench, "t/1");
	sent[0] = answers[0] = urcs[0] = direct[0] = '\0';
	reports = 0;
	return bench;
}

static void bench_free(struct bench *bench)
{
	at_done(&bench->at);
	loop_free(bench->loop);
	free(bench);
}

static void feed(struct bench *bench, const char *text)
{
	/* a byte at a time: that is what real ports do */
	for (; *text; text++)
		at_feed(&bench->at, (const uint8_t *)text, 1);
	loop_advance(bench->loop, 0);
}

static void run(struct bench *bench, const struct at_script *script)
{
	assert_int_equal(at_run(&bench->at, script), 0);
	assert_true(at_run(&bench->at, script) < 0); /* one at a time */
	loop_advance(bench->loop, 0);
}

AT_SCRIPT(plain, AT_CMD("E0"), AT_TRY("+CMEE=1"), AT_GET("+CSQ", "+CSQ", on_answer));

static void test_script_runs_in_order(void **state)
{
	struct bench *bench = bench_new();

	(void)state;
	run(bench, &plain);
	assert_string_equal(sent, "ATE0\r");
	feed(bench, "ATE0\r\r\nOK\r\n"); /* echo */
	assert_string_equal(sent, "ATE0\rAT+CMEE=1\r");
	feed(bench, "\r\nERROR\r\n"); /* may fail */
	feed(bench, "\r\n+CMTI: \"SM\",1\r\n\r\n+CSQ: 18,99\r\n\r\nOK\r\n");
	assert_string_equal(answers, "+CSQ: 18,99|");
	assert_string_equal(urcs, "+CMTI: \"SM\",1|");
	assert_int_equal(reports, 1);
	assert_int_equal(report.result, AT_OK);
	assert_string_equal(report.script, "plain");
	assert_true(at_idle(&bench->at));
	bench_free(bench);
}

AT_SCRIPT(card, AT_GET("+CIMI", "", on_hex));

static void test_errors_are_told_apart(void **state)
{
	static const struct {
		const char *answer;
		enum at_family family;
		int code;
	} rows[] = {
		{ "ERROR", AT_PLAIN, -1 },
		{ "+CME ERROR: 14", AT_CME, 14 },
		{ "+CME ERROR:58", AT_CME, 58 },
		{ "+CME ERROR: SIM busy", AT_CME, 14 },
		{ "+CME ERROR: sim not inserted", AT_CME, 10 },
		{ "+CME ERROR: unknown", AT_CME, -1 },
		{ "+CME ERROR: ", AT_CME, -1 },
		{ "+CMS ERROR: 321", AT_CMS, 321 },
		{ "COMMAND NOT SUPPORT", AT_PLAIN, -1 },
		{ "TOO MANY PARAMETERS", AT_PLAIN, -1 },
		{ "MODEM ERROR: 9", AT_PLAIN, 9 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct bench *bench = bench_new();
		run(bench, &card);
		feed(bench, rows[i].answer);
		feed(bench, "\r\n");
		assert_int_equal(reports, 1);
		assert_int_equal(report.result, AT_FAILED);
		assert_int_equal(report.family, rows[i].family);
		assert_int_equal(report.code, rows[i].code);
		assert_string_equal(report.cmd, "+CIMI");
		bench_free(bench);
	}
}

static void test_glued_error_is_no_end(void **state)
{
	struct bench *bench = bench_new();

	(void)state;
	run(bench, &card);
	feed(bench, "+CME ERROR: 25+CNUM: \"\",\"\",129\r\n");
	assert_int_equal(reports, 0);
	feed(bench, "240012345678901\r\nOK\r\n");
	assert_int_equal(report.result, AT_OK);
	assert_string_equal(answers, "240012345678901|");
	bench_free(bench);
}

AT_SCRIPT(creg, AT_GET("+CREG?", "+CREG", on_answer), AT_CMD("+CSQ"));

static void test_late_ok_answers_nothing(void **state)
{
	struct bench *bench = bench_new();

	(void)state;
	run(bench, &creg);
	loop_advance(bench->loop, AT_TIMEOUT_MS);
	assert_string_equal(sent, "AT+CREG?\r");
	feed(bench, "+CREG: 0,1\r\nOK\r\n"); /* too late */
	loop_advance(bench->loop, AT_QUIET_MS);
	assert_string_equal(sent, "AT+CREG?\rAT\r");
	feed(bench, "OK\r\n");
	loop_advance(bench->loop, AT_QUIET_MS);
	assert_int_equal(reports, 1);
	assert_int_equal(report.result, AT_TIMEOUT);
	assert_int_equal(report.step, 0);
	assert_string_equal(answers, "");
	bench_free(bench);
}

static void test_two_oks_mean_not_in_step(void **state)
{
	struct bench *bench = bench_new();

	(void)state;
	run(bench, &creg);
	loop_advance(bench->loop, AT_TIMEOUT_MS + AT_QUIET_MS);
	feed(bench, "OK\r\nOK\r\n"); /* the late one and ours: which is which? */
	loop_advance(bench->loop, AT_QUIET_MS);
	assert_int_equal(reports, 0);
	loop_advance(bench->loop, AT_QUIET_MS);
	assert_string_equal(sent, "AT+CREG?\rAT\rAT\r");
	feed(bench, "OK\r\n");
	loop_advance(bench->loop, AT_QUIET_MS);
	assert_int_equal(report.result, AT_TIMEOUT);
	bench_free(bench);
}

static void test_silence_and_noise_end_as_dead(void **state)
{
	struct bench *bench = bench_new();

	(void)state;
	run(bench, &creg);
	loop_advance(bench->loop, AT_TIMEOUT_MS + AT_RESYNC_MS);
	assert_int_equal(reports, 1);
	assert_int_equal(report.result, AT_DEAD);
	bench_free(bench);

	bench = bench_new();
	run(bench, &creg);
	for (int i = 0; i < 200 && reports == 0; i++) {
		feed(bench, "\x15garbage#");
		loop_advance(bench->loop, 100);
	}
	assert_int_equal(report.result, AT_DEAD);
	bench_free(bench);
}

AT_SCRIPT(wake, { .cmd = "", .timeout_ms = 300, .retries = 5 }, AT_CMD("E0"));

static void test_autobauding_takes_a_few_tries(void **state)
{
	struct bench *bench = bench_new();

	(void)state;
	run(bench, &wake);
	loop_advance(bench->loop, 900);
	assert_string_equal(sent, "AT\rAT\rAT\rAT\r");
	feed(bench, "OK\r\nOK\r\n"); /* two of the four were heard */
	loop_advance(bench->loop, 5 * 300 - 1);
	assert_string_equal(sent, "AT\rAT\rAT\rAT\r");
	loop_advance(bench->loop, 1);
	assert_string_equal(sent, "AT\rAT\rAT\rAT\rATE0\r");
	feed(bench, "OK\r\n");
	assert_int_equal(report.result, AT_OK);
	bench_free(bench);
}

/* Each answer takes longer than the pause between the ATs: none may be taken for that of ATE0. */
static void test_answers_to_repeated_ats_are_told_apart(void **state)
{
	struct bench *bench = bench_new();

	(void)state;
	run(bench, &wake);
	loop_advance(bench->loop, 700);
	for (int i = 0; i < 3; i++) {
		assert_string_equal(sent, "AT\rAT\rAT\r");
		feed(bench, "OK\r\n");
		loop_advance(bench->loop, i < 2 ? 800 : AT_QUIET_MS);
	}
	assert_string_equal(sent, "AT\rAT\rAT\rATE0\r");
	assert_int_equal(reports, 0);
	feed(bench, "OK\r\n");
	assert_int_equal(report.result, AT_OK);
	bench_free(bench);
}

AT_SCRIPT(busy, { .cmd = "+CMGF=0", .retries = 2 });

static void test_refused_command_is_repeated(void **state)
{
	struct bench *bench = bench_new();

	(void)state;
	run(bench, &busy);
	feed(bench, "+CMS ERROR: 314\r\n");
	loop_advance(bench->loop, AT_RETRY_MS);
	feed(bench, "+CMS ERROR: 314\r\n");
	loop_advance(bench->loop, AT_RETRY_MS);
	assert_string_equal(sent, "AT+CMGF=0\rAT+CMGF=0\rAT+CMGF=0\r");
	feed(bench, "+CMS ERROR: 500\r\n");
	assert_int_equal(report.result, AT_FAILED);
	assert_int_equal(report.code, 500);
	bench_free(bench);
}

static const char *quoted;

static void put_quoted(void *owner, struct at_text *text)
{
	(void)owner;
	at_put(text, "+CPMS=");
	at_put_quoted(text, quoted);
}

AT_SCRIPT(quoting, { .build = put_quoted });

AT_SCRIPT(no_ok, { .cmd = "+CPIN?", .prefix = "+CPIN", .fn = on_answer, .no_ok_ms = 300 },
	AT_CMD("+CSQ"));

static void test_an_answer_without_ok(void **state)
{
	struct bench *bench = bench_new();

	(void)state;
	run(bench, &no_ok);
	loop_advance(bench->loop, 1000); /* the answer itself may take its time */
	feed(bench, "+CPIN: READY\r\n");
	loop_advance(bench->loop, 299);
	assert_string_equal(sent, "AT+CPIN?\r");
	loop_advance(bench->loop, 1);
	assert_string_equal(sent, "AT+CPIN?\rAT+CSQ\r");
	feed(bench, "OK\r\n");
	assert_int_equal(report.result, AT_OK);
	sent[0] = '\0';
	run(bench, &no_ok); /* where one comes, it is not waited for anything else */
	feed(bench, "+CPIN: READY\r\nOK\r\n");
	assert_string_equal(sent, "AT+CPIN?\rAT+CSQ\r");
	feed(bench, "OK\r\n");
	sent[0] = '\0';
	run(bench, &no_ok); /* and silence alone is none */
	loop_advance(bench->loop, AT_TIMEOUT_MS + AT_QUIET_MS);
	assert_string_equal(sent, "AT+CPIN?\rAT\r");
	bench_free(bench);
}

static void test_injection_is_refused(void **state)
{
	static const char *const bad[] = { "SM\"", "S\rM", "S\nM", "S\x1aM", "S\x1bM", "\x7f" };
	struct bench *bench;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		bench = bench_new();
		quoted = bad[i];
		run(bench, &quoting);
		assert_string_equal(sent, "");
		assert_int_equal(report.result, AT_REFUSED);
		bench_free(bench);
	}
	bench = bench_new();
	quoted = "SM";
	run(bench, &quoting);
	assert_string_equal(sent, "AT+CPMS=\"SM\"\r");
	bench_free(bench);
}

AT_SCRIPT(list, { .cmd = "+CMGL=4",
			.prefix = "+CMGL",
			.fn = on_answer,
			.bare_fn = on_hex,
			.timeout_ms = 1000 });

static void test_listing_with_codes_between(void **state)
{
	struct bench *bench = bench_new();

	(void)state;
	run(bench, &list);
	feed(bench, "+CMGL: 0,0,,24\r\n");
	for (int i = 0; i < 5; i++) { /* it lasts longer than the limit, but is never silent */
		loop_advance(bench->loop, 900);
		feed(bench, "0791\r\n+CREG: 1\r\n^RSSI:18\r\nCall Ready\r\n");
	}
	feed(bench, "OK\r\n");
	assert_int_equal(report.result, AT_OK);
	assert_string_equal(answers, "+CMGL: 0,0,,24|0791|0791|0791|0791|0791|");
	assert_true(bench->at.unknown_lines == 10);
	bench_free(bench);
}

/* Text shown unasked: offered first in whatever the channel does, and nobody else gets it. */
static void test_direct_lines_come_first(void **state)
{
	struct bench *bench = bench_new();

	(void)state;
	feed(bench, "+CMT: ,24\r\n0011\r\n");
	assert_string_equal(direct, "+CMT: ,24|0011|");
	direct[0] = '\0';
	run(bench, &list);
	feed(bench, "+CMGL: 0,0,,24\r\n+CMT: ,24\r\n0011\r\n1122\r\nOK\r\n");
	assert_string_equal(direct, "wanted +CMT: ,24|wanted 0011|");
	assert_string_equal(answers, "+CMGL: 0,0,,24|1122|");
	assert_int_equal(report.result, AT_OK);
	direct[0] = answers[0] = '\0';
	run(bench, &creg); /* it wants no bare line */
	feed(bench, "0011\r\n+CREG: 0,1\r\n");
	assert_string_equal(direct, "0011|");
	loop_advance(bench->loop, AT_TIMEOUT_MS);
	feed(bench, "0022\r\n"); /* the end of what timed out, perhaps */
	loop_advance(bench->loop, AT_QUIET_MS);
	feed(bench, "0033\r\nOK\r\n0044\r\n");
	loop_advance(bench->loop, AT_QUIET_MS);
	assert_string_equal(direct, "0011|wanted 0022|wanted 0033|wanted 0044|");
	assert_int_equal(report.result, AT_TIMEOUT);
	assert_true(bench->at.unknown_lines == 1); /* the OK to our AT */
	bench_free(bench);
}

/* They keep no command from its time. */
static void test_direct_lines_are_no_answer(void **state)
{
	struct bench *bench = bench_new();

	(void)state;
	run(bench, &card);
	loop_advance(bench->loop, AT_TIMEOUT_MS - 100);
	feed(bench, "+CMT: ,24\r\n0011\r\n");
	loop_advance(bench->loop, 100 + AT_QUIET_MS);
	assert_string_equal(sent, "AT+CIMI\rAT\r");
	bench_free(bench);
}

static void test_masking(void **state)
{
	static const struct {
		const char *line, *masked;
	} rows[] = {
		{ "AT+CPIN=\"1234\"", "AT+CPIN=***" },
		{ "AT+CPIN=1234", "AT+CPIN=***" },
		{ "at+cpin=\"1234\"", "at+CPIN=***" },
		{ "~x 123456+CPIN=\"12345678\"", "~x ***456+CPIN=***" },
		{ "AT^CPIN=1,1234", "AT^CPIN=***" },
		{ "+CPIN: SIM PIN", "+CPIN: SIM PIN" },
		{ "+CNUM: \"\",\"+46700100201\",145", "+CNUM: \"\",\"+***201\",145" },
		{ "240010000000017", "***017" },
		{ "0791447758100650040C9171", "***171" },
		{ "07914477581006500404D0C73200004220923295852104E337B90C", "<pdu 54>" },
		{ "+CUSD: 0,\"Your number is 46700100201\",15", "+CUSD: 0,\"<text 26>\",15" },
		{ "+CUSD: 0,\"You owe 12", "+CUSD: 0,\"<text 10>" },
		{ "+CUSD: 0,\"a \"b\" c\",15", "+CUSD: 0,\"<text 7>\",15" },
		{ "+CUSD: 2,\"\",15", "+CUSD: 2,\"\",15" },
		{ "+CUSD: 4", "+CUSD: 4" },
		{ "+CSQ: 18,99", "+CSQ: 18,99" },
		{ "+CCID: 8946A4001F40020017F", "+CCID: ***17F" },
	};
	char out[128];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		at_mask(rows[i].line, out, sizeof out);
		assert_string_equal(out, rows[i].masked);
		for (size_t size = 1; size < 12; size++) {
			at_mask(rows[i].line, out, size);
			assert_true(strlen(out) < size);
		}
	}
}

static void put_pin(void *owner, struct at_text *text)
{
	(void)owner;
	at_put(text, "+CPIN=");
	at_put_quoted(text, "1234");
}

AT_SCRIPT(secret, { .build = put_pin });

/* It is sent as it is, its echo is known, and neither report nor what is kept has it. */
static void test_secret_is_sent_and_forgotten(void **state)
{
	struct bench *bench = bench_new();

	(void)state;
	run(bench, &secret);
	assert_string_equal(sent, "AT+CPIN=\"1234\"\r");
	assert_string_equal(bench->at.sent.text, "AT+CPIN=***");
	feed(bench, "AT+CPIN=\"1234\"\r\r\n");
	assert_int_equal(bench->at.unknown_lines, 0);
	feed(bench, "+CME ERROR: 16\r\n");
	assert_int_equal(report.result, AT_FAILED);
	assert_string_equal(report.cmd, "+CPIN=***");
	for (unsigned n = 0; at_ring(&bench->at, n); n++)
		assert_null(strstr(at_ring(&bench->at, n)->line, "1234"));
	bench_free(bench);
}

static void test_bodies_are_not_kept(void **state)
{
	static const char *const kept[] = { "OK", "<text 4>", "<text 14>",
		"+CMT: \"+***201\",,\"\"" };
	struct bench *bench = bench_new();

	(void)state;
	feed(bench, "+CMT: \"+46700100201\",,\"\"\r\nYour code 1234\r\n5 6!\r\nOK\r\n");
	for (unsigned n = 0; n < COUNT_OF(kept); n++)
		assert_string_equal(at_ring(&bench->at, n)->line, kept[n]);
	bench_free(bench);
}

static void test_reset_forgets_all(void **state)
{
	struct bench *bench = bench_new();

	(void)state;
	run(bench, &creg);
	feed(bench, "+CRE");
	at_reset(&bench->at);
	assert_true(at_idle(&bench->at));
	feed(bench, "OK\r\n");
	loop_advance(bench->loop, 60000);
	assert_int_equal(reports, 0);
	assert_string_equal(at_ring(&bench->at, 0)->line, "OK");
	assert_int_equal(at_ring(&bench->at, 1)->dir, '>');
	assert_null(at_ring(&bench->at, 2));
	bench_free(bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lexer_cuts_lines),
		cmocka_unit_test(test_lexer_drops_what_is_too_long),
		cmocka_unit_test(test_arguments),
		cmocka_unit_test(test_script_runs_in_order),
		cmocka_unit_test(test_errors_are_told_apart),
		cmocka_unit_test(test_glued_error_is_no_end),
		cmocka_unit_test(test_late_ok_answers_nothing),
		cmocka_unit_test(test_two_oks_mean_not_in_step),
		cmocka_unit_test(test_silence_and_noise_end_as_dead),
		cmocka_unit_test(test_autobauding_takes_a_few_tries),
		cmocka_unit_test(test_answers_to_repeated_ats_are_told_apart),
		cmocka_unit_test(test_refused_command_is_repeated),
		cmocka_unit_test(test_an_answer_without_ok),
		cmocka_unit_test(test_injection_is_refused),
		cmocka_unit_test(test_listing_with_codes_between),
		cmocka_unit_test(test_direct_lines_come_first),
		cmocka_unit_test(test_direct_lines_are_no_answer),
		cmocka_unit_test(test_masking),
		cmocka_unit_test(test_secret_is_sent_and_forgotten),
		cmocka_unit_test(test_bodies_are_not_kept),
		cmocka_unit_test(test_reset_forgets_all),
	};

	log_keep();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
