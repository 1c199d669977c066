/* test_log.c - the logger: levels, masking, the three forms, rate limits. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/counter.h"
#include "base/log.h"
#include "base/log_impl.h"
#include "base/loop.h"
#include "base/utf8.h"

/* 2026-11-21 09:00:00.123 UTC */
static const int64_t wall_ms = INT64_C(1795251600123);

static struct {
	char line[4096];
	enum log_level level;
	unsigned count;
} seen;

static struct loop *loop;

static void sink(void *arg, enum log_level level, const char *line)
{
	(void)arg;
	seen.level = level;
	seen.count++;
	snprintf(seen.line, sizeof(seen.line), "%s", line);
}

static int setup(void **state)
{
	(void)state;
	memset(&seen, 0, sizeof(seen));
	loop = loop_new_manual(1000, wall_ms);
	log_set_sink(sink, NULL);
	log_init(LOGF_TEXT, loop);
	log_set_level(NULL, LOGL_INFO);
	log_reset_levels();
	return loop ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	log_init(LOGF_TEXT, NULL);
	log_set_sink(NULL, NULL);
	loop_free(loop);
	return 0;
}

static void text_form(void **state)
{
	(void)state;
	log_info(LOGC_MODEM, "north/p03", "registered", LOG_FIELDS(LOG_INT("rssi", -71)),
		"registered %s", "home");
	assert_string_equal(seen.line,
		"2026-11-21T09:00:00.123Z I modem north/p03: registered home "
		"rssi=-71 event=registered");
	assert_int_equal(seen.level, LOGL_INFO);
	log_error(LOGC_MAIN, NULL, NULL, NULL, "text");
	assert_string_equal(seen.line, "2026-11-21T09:00:00.123Z E main: text");
	log_warning(LOGC_SMS, "a/b", NULL,
		LOG_FIELDS(LOG_STR("why", "two words"), LOG_STR("q", "a\"b\\c"),
			LOG_STR("no", NULL), LOG_STR("empty", "")),
		"x");
	assert_string_equal(seen.line, "2026-11-21T09:00:00.123Z W sms a/b: x why=\"two words\" "
				       "q=\"a\\\"b\\\\c\" empty=\"\"");
	log_init(LOGF_TEXT, NULL);
	log_notice(LOGC_AT, NULL, NULL, NULL, "no clock");
	assert_string_equal(seen.line, "N at: no clock");
}

static void json_form(void **state)
{
	(void)state;
	log_init(LOGF_JSON, loop);
	log_info(LOGC_MODEM, "north/p03", "registered",
		LOG_FIELDS(LOG_INT("rssi", -71), LOG_STR("net", "a \"b\"\\"),
			LOG_TEXT("text", "h\xc3\xa9")),
		"say \"%s\"\n", "hi");
	assert_string_equal(seen.line,
		"{\"ts\":\"2026-11-21T09:00:00.123Z\",\"level\":\"info\",\"cat\":\"modem\","
		"\"object\":\"north/p03\",\"event\":\"registered\",\"msg\":\"say \\\"hi\\\"?\","
		"\"rssi\":-71,\"net\":\"a \\\"b\\\"\\\\\",\"text\":2}");
	log_init(LOGF_JSON, NULL);
	log_info(LOGC_MAIN, NULL, NULL, NULL, "bye");
	assert_string_equal(seen.line, "{\"level\":\"info\",\"cat\":\"main\",\"msg\":\"bye\"}");
}

static const char *journal_value(const struct log_journal *journal, const char *name)
{
	static char value[4096];
	size_t len = strlen(name), i;

	for (i = 0; i < journal->count; i++) {
		const char *base = journal->iov[i].iov_base;
		size_t size = journal->iov[i].iov_len;

		if (size <= len || memcmp(base, name, len) != 0 || base[len] != '=')
			continue;
		memcpy(value, base + len + 1, size - len - 1);
		value[size - len - 1] = '\0';
		return value;
	}
	return NULL;
}

static void journal_form(void **state)
{
	static struct log_journal journal;
	struct log_entry entry = { .level = LOGL_WARNING,
		.cat = LOGC_MODEM,
		.object = "north/p03",
		.event = "state",
		.fields = LOG_FIELDS(
			LOG_STR("reason", "no carrier"), LOG_NUMBER("to-number", "+46701234201")),
		.message = "lost" };

	(void)state;
	log_journal_build(&entry, &journal);
	assert_string_equal(journal_value(&journal, "PRIORITY"), "4");
	assert_string_equal(journal_value(&journal, "SYSLOG_IDENTIFIER"), "simgated");
	assert_string_equal(journal_value(&journal, "SIMGATE_CATEGORY"), "modem");
	assert_string_equal(journal_value(&journal, "SIMGATE_OBJECT"), "north/p03");
	assert_string_equal(journal_value(&journal, "SIMGATE_PORT"), "north/p03");
	assert_string_equal(journal_value(&journal, "SIMGATE_EVENT"), "state");
	assert_string_equal(journal_value(&journal, "MESSAGE_ID"), log_event_id("state"));
	assert_int_equal(strspn(log_event_id("state"), "0123456789abcdef"), 32);
	assert_string_not_equal(log_event_id("state"), log_event_id("sim_out"));
	assert_null(log_event_id("none"));
	assert_string_equal(journal_value(&journal, "SIMGATE_REASON"), "no carrier");
	assert_string_equal(journal_value(&journal, "SIMGATE_TO_NUMBER"), "+467***201");
	assert_string_equal(journal_value(&journal, "MESSAGE"),
		"modem north/p03: lost reason=\"no carrier\" to-number=+467***201 event=state");

	entry = (struct log_entry) { .level = LOGL_ERROR, .object = "onlinesim", .message = "m" };
	log_journal_build(&entry, &journal);
	assert_string_equal(journal_value(&journal, "SIMGATE_OBJECT"), "onlinesim");
	assert_null(journal_value(&journal, "SIMGATE_PORT"));
	assert_null(journal_value(&journal, "SIMGATE_EVENT"));
	assert_null(journal_value(&journal, "MESSAGE_ID"));
}

static void masks(void **state)
{
	static const struct {
		const char *in, *number, *card;
	} rows[] = {
		{ "+46701234201", "+467***201", "***4201" },
		{ "46701234201", "467***201", "***4201" },
		{ "+123456", "***", "***3456" },
		{ "+1234567", "+123***567", "***4567" },
		{ "1234", "***", "***" },
		{ "", "***", "***" },
		{ "8946201112345678901", "894***901", "***8901" },
	};
	char out[24];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		log_mask_number(rows[i].in, out, sizeof(out));
		assert_string_equal(out, rows[i].number);
		log_mask_card(rows[i].in, out, sizeof(out));
		assert_string_equal(out, rows[i].card);
	}
}

static void secrets_in_fields(void **state)
{
	const struct log_field fields[] = { LOG_NUMBER("from", "+46701234201"),
		LOG_CARD("iccid", "8946201112345678901"), LOG_TEXT("text", "code 1234"), { 0 } };

	(void)state;
	log_notice(LOGC_SMS, NULL, NULL, fields, "in");
	assert_non_null(strstr(seen.line, " from=+467***201 iccid=***8901 text=9"));
	log_set_level(NULL, LOGL_DEBUG);
	log_debug(LOGC_SMS, NULL, NULL, fields, "in");
	assert_non_null(strstr(seen.line, " from=+46701234201 iccid=8946201112345678901 text=9"));
	assert_null(strstr(seen.line, "1234 "));
	/* the level of the line decides, not what is let through */
	log_info(LOGC_SMS, NULL, NULL, fields, "in");
	assert_non_null(strstr(seen.line, " from=+467***201 "));
}

static void levels(void **state)
{
	char name[16];
	int i;

	(void)state;
	assert_true(log_wanted(LOGL_INFO, LOGC_AT, "a/b"));
	assert_false(log_wanted(LOGL_DEBUG, LOGC_AT, "a/b"));
	log_set_level("at", LOGL_DEBUG);
	assert_true(log_wanted(LOGL_DEBUG, LOGC_AT, "a/b"));
	assert_false(log_wanted(LOGL_DEBUG, LOGC_SMS, "a/b"));
	log_set_level("a/b", LOGL_ERROR);
	assert_false(log_wanted(LOGL_WARNING, LOGC_AT, "a/b"));
	assert_true(log_wanted(LOGL_DEBUG, LOGC_AT, "a/c"));
	assert_true(log_wanted(LOGL_DEBUG, LOGC_AT, NULL));
	log_debug(LOGC_SMS, "a/b", NULL, NULL, "not seen");
	assert_int_equal(seen.count, 0);
	log_reset_levels();
	assert_true(log_wanted(LOGL_INFO, LOGC_AT, "a/b"));
	for (i = 0; i < 64; i++) {
		snprintf(name, sizeof(name), "o/%d", i);
		assert_int_equal(log_set_level(name, LOGL_DEBUG), 0);
	}
	assert_int_equal(log_set_level("o/64", LOGL_DEBUG), -ENOSPC);
	assert_int_equal(log_set_level("o/3", LOGL_ERROR), 0);
	assert_int_equal(log_set_level("wire", LOGL_ERROR), 0);
}

static void wire_is_off(void **state)
{
	(void)state;
	log_set_level(NULL, LOGL_DEBUG);
	log_set_level("a/b", LOGL_DEBUG);
	assert_false(log_wanted(LOGL_ERROR, LOGC_WIRE, "a/b"));
	log_set_level("wire", LOGL_DEBUG);
	assert_true(log_wanted(LOGL_DEBUG, LOGC_WIRE, "a/b"));
	log_set_level("a/c", LOGL_INFO);
	assert_false(log_wanted(LOGL_DEBUG, LOGC_WIRE, "a/c"));
	log_reset_levels();
	assert_false(log_wanted(LOGL_DEBUG, LOGC_WIRE, NULL));
}

static void hostile_text(void **state)
{
	char big[5000];

	(void)state;
	log_info(LOGC_AT, "a/\x1b", NULL, LOG_FIELDS(LOG_STR("k", "\x1b[2J")),
		"x\r\ny\xff\xc2\x9bz\x7f");
	assert_string_equal(seen.line, "2026-11-21T09:00:00.123Z I at a/?: x??y??z? k=?[2J");
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	memcpy(big + 1900, "\xe2\x82\xac\xe2\x82\xac", 6);
	log_info(LOGC_AT, "a/b", "denied", LOG_FIELDS(LOG_INT("n", 7), LOG_STR("big", big)), "%s",
		big);
	assert_true(strlen(seen.line) < 2048);
	assert_true(strlen(seen.line) > 1900);
	assert_true(utf8_valid(seen.line, strlen(seen.line)));
	assert_non_null(strstr(seen.line, " n=7 event=denied"));
	memset(big, '"', sizeof(big) - 1);
	log_init(LOGF_JSON, loop);
	log_info(LOGC_AT, big, big, LOG_FIELDS(LOG_INT("n", 7), LOG_STR("big", big)), "%s", big);
	assert_true(strlen(seen.line) < 2048);
	assert_non_null(strstr(seen.line, "\\\"\",\"n\":7}"));
}

static void limits(void **state)
{
	struct log_limit limit = { .period_ms = 60000, .burst = 2 };
	unsigned passed = 0, i;

	(void)state;
	for (i = 0; i < 19; i++)
		passed += log_limit(&limit);
	assert_int_equal(passed, 2);
	loop_advance(loop, 59999);
	assert_false(log_limit(&limit));
	loop_advance(loop, 1);
	assert_true(log_limit(&limit));
	log_info(LOGC_AT, NULL, "denied", NULL, "again");
	assert_non_null(strstr(seen.line, "again suppressed=18 event=denied"));
	assert_true(log_limit(&limit));
	log_info(LOGC_AT, NULL, NULL, NULL, "once more");
	assert_null(strstr(seen.line, "suppressed"));
	assert_false(log_limit(&limit));
}

static void stderr_line(void **state)
{
	char got[256] = "";
	int fds[2], saved = dup(STDERR_FILENO);

	(void)state;
	assert_int_equal(pipe(fds), 0);
	log_set_sink(NULL, NULL);
	dup2(fds[1], STDERR_FILENO);
	log_init(LOGF_AUTO, loop);
	log_info(LOGC_MAIN, NULL, NULL, NULL, "one");
	dup2(saved, STDERR_FILENO);
	assert_true(read(fds[0], got, sizeof(got) - 1) > 0);
	close(fds[0]);
	close(fds[1]);
	close(saved);
	assert_string_equal(got, "2026-11-21T09:00:00.123Z I main: one\n");
}

static void names(void **state)
{
	enum counter c;

	(void)state;
	assert_int_equal(log_level_parse("debug"), LOGL_DEBUG);
	assert_int_equal(log_level_parse("Debug"), -1);
	assert_int_equal(log_format_parse("journal"), LOGF_JOURNAL);
	assert_int_equal(log_format_parse(""), -1);
	assert_int_equal(log_cat_parse("wire"), LOGC_WIRE);
	assert_int_equal(log_cat_parse(NULL), -1);
	for (c = 0; c < COUNTER_COUNT; c++)
		assert_true(strlen(counter_name(c)) > 3);
	assert_string_equal(counter_name(COUNTER_SMS_RECEIVED), "sms_received");
	assert_int_equal(counter_get(COUNTER_RETRIED), 0);
	counter_add(COUNTER_RETRIED, 3);
	counter_add(COUNTER_RETRIED, 1);
	assert_int_equal(counter_get(COUNTER_RETRIED), 4);
	assert_int_equal(counter_get(COUNTER_REJECTED), 0);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(text_form), TEST(json_form), TEST(journal_form),
		TEST(masks), TEST(secrets_in_fields), TEST(levels), TEST(wire_is_off),
		TEST(hostile_text), TEST(limits), TEST(stderr_line), TEST(names) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
