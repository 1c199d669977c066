/* What the Alternative API reads and writes: forms, exceptions, codes, dates, money. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "platform/alternative_text.h"
#include "platform/pattern.h"
#include "platform/sms_code.h"
#include "unit.h"

/* Not terminated: what reads on is found. */
static char *exactly(const char *body, size_t len)
{
	char *copy = malloc(len + 1);

	assert_non_null(copy);
	memcpy(copy, body, len);
	return copy;
}

static void forms(void **state)
{
	static const struct {
		const char *body, *name;
		int err;
		const char *want;
	} rows[] = {
		{ "action=getNumber&service=vk", "action", 0, "getNumber" },
		{ "action=getNumber&service=vk", "service", 0, "vk" },
		{ "action=getNumber&service=vk", "serv", -ENOENT, "" },
		{ "action=getNumber&service=vk", "services", -ENOENT, "" },
		{ "a=1&a=2", "a", 0, "2" },
		{ "a", "a", 0, "" },
		{ "a=", "a", 0, "" },
		{ "&&a=1&&", "a", 0, "1" },
		{ "", "a", -ENOENT, "" },
		{ "=1", "", 0, "1" },
		{ "a=%5B911%2C912123%5D", "a", 0, "[911,912123]" },
		{ "%61=x+y%2b", "a", 0, "x y+" },
		{ "a=%4", "a", 0, "%4" },
		{ "a=%zz%", "a", 0, "%zz%" },
		{ "a=1%002", "a", -EINVAL, "" },
		{ "a=1&a=%00", "a", -EINVAL, "" },
		{ "a=123456789012345", "a", 0, "123456789012345" },
		{ "a=1234567890123456", "a", -EINVAL, "" },
	};
	char out[16];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		size_t len = strlen(rows[i].body);
		char *exact = exactly(rows[i].body, len);
		int err = form_value(exact, len, rows[i].name, out, sizeof out);
		free(exact);
		if (err != rows[i].err || strcmp(out, rows[i].want) != 0)
			fail_msg("%s %s: %d '%s'", rows[i].body, rows[i].name, err, out);
	}
}

static void forms_of_parts(void **state)
{
#define TYPE       "multipart/form-data; boundary=xY"
#define PART(n, v) "--xY\r\nContent-Disposition: form-data; name=\"" n "\"\r\n\r\n" v "\r\n"
#define LAST       "--xY--\r\n"
#define FILE_PART \
	"--xY\r\ncontent-disposition: form-data; filename=\"a\";name=\"f\"\r\n" \
	"Content-Type: text/plain\r\n\r\nq\r\n"
	static const struct {
		const char *type, *body, *name;
		int err;
		const char *want;
	} rows[] = {
		{ TYPE, PART("a", "1") PART("b", "2") LAST, "a", 0, "1" },
		{ TYPE, PART("a", "1") PART("b", "2") LAST, "b", 0, "2" },
		{ TYPE, PART("a", "1") PART("b", "2") LAST, "c", -ENOENT, "" },
		{ TYPE, PART("a", "1") PART("a", "2") LAST, "a", 0, "2" },
		{ TYPE, PART("a", "") LAST, "a", 0, "" },
		{ TYPE, PART("a", "1%41+&b=2") LAST, "a", 0, "1%41+&b=2" },
		{ TYPE, PART("a", "1\r\n--x") LAST, "a", 0, "1\r\n--x" },
		{ TYPE, "preamble\r\n" PART("a", "1") LAST, "a", 0, "1" },
		{ TYPE, "\r\n" PART("a", "1") LAST, "a", 0, "1" },
		{ TYPE, FILE_PART LAST, "f", 0, "q" },
		{ TYPE, FILE_PART LAST, "a", -ENOENT, "" },
		{ "multipart/form-data; Boundary=\"xY\"; charset=x", PART("a", "1") LAST, "a", 0,
			"1" },
		{ "multipart/form-data; boundary=xZ", PART("a", "1") LAST, "a", -ENOENT, "" },
		{ "multipart/form-data; boundary=", PART("a", "1") LAST, "a", -ENOENT, "" },
		{ "multipart/form-data", PART("a", "1") LAST, "a", -ENOENT, "" },
		{ TYPE, PART("a", "1"), "a", -ENOENT, "" }, /* cut off */
		{ TYPE, "--xY\r\nContent-Disposition: form-data; name=\"a\"\r\n" LAST, "a", -ENOENT,
			"" },
		{ TYPE, "--xY", "a", -ENOENT, "" },
		{ TYPE, "", "a", -ENOENT, "" },
		{ TYPE, PART("a", "123456789012345") LAST, "a", 0, "123456789012345" },
		{ TYPE, PART("a", "1234567890123456") LAST, "a", -EINVAL, "" },
	};
	char out[16];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		size_t len = strlen(rows[i].body);
		char *exact = exactly(rows[i].body, len);
		int err = form_part_value(rows[i].type, exact, len, rows[i].name, out, sizeof out);
		free(exact);
		if (err != rows[i].err || strcmp(out, rows[i].want) != 0)
			fail_msg("%zu %s: %d '%s'", i, rows[i].name, err, out);
	}
}

static void exception_lists(void **state)
{
	static const struct {
		const char *text;
		int count; /* -1: refused */
		const char *last;
	} rows[] = { { "[911,912123]", 2, "912123" }, { "911,912123", 2, "912123" },
		{ "", 0, NULL }, { "[]", 0, NULL }, { " [ 911 , 912123 ] ", 2, "912123" },
		{ "[\"7911\", '7912']", 2, "7912" }, { "911", 1, "911" }, { "911,", 1, "911" },
		{ "[911", -1, NULL }, { "911]", -1, NULL }, { "[911]x", -1, NULL },
		{ "9a1", -1, NULL }, { "+7911", -1, NULL }, { "-911", -1, NULL },
		{ "123456789012345", 1, "123456789012345" }, { "1234567890123456", -1, NULL },
		{ "[911] [912]", -1, NULL }, { "911;912", -1, NULL } };
	struct exceptions out;
	char many[8 * EXCEPTIONS_MAX] = "";

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		int err = exceptions_read(rows[i].text, &out);
		if ((rows[i].count < 0) != (err == -EINVAL) ||
			(!err && (int)out.count != rows[i].count))
			fail_msg("%s: %d, %zu", rows[i].text, err, out.count);
		if (rows[i].last)
			assert_string_equal(out.prefixes[out.count - 1], rows[i].last);
	}
	for (int i = 0; i < EXCEPTIONS_MAX; i++)
		strcat(many, "123,");
	assert_int_equal(exceptions_read(many, &out), 0);
	assert_int_equal(out.count, EXCEPTIONS_MAX);
	strcat(many, "123");
	assert_int_equal(exceptions_read(many, &out), -EINVAL);

	assert_int_equal(exceptions_read("[911,79120]", &out), 0);
	assert_true(exceptions_hit(&out, "79111234567", 1)); /* without the calling code */
	assert_true(exceptions_hit(&out, "79120234567", 1)); /* with it */
	assert_false(exceptions_hit(&out, "79121234567", 1));
	assert_false(exceptions_hit(&out, "79", 1));
	out.count = 0;
	assert_false(exceptions_hit(&out, "79111234567", 1));
}

static void codes(void **state)
{
	static const struct {
		const char *text, *want; /* NULL: none */
	} rows[] = {
		{ "Your code is 12345", "12345" },
		{ "12345", "12345" },
		{ "G-123456 is your Google verification code.", "123456" },
		{ "Your WhatsApp code: 123-456", "123456" },
		{ "VK: 12 34 56", "123456" },
		{ "code 123 456.", "123456" },
		{ "1 2 3 4", "1234" },
		{ "Code 123456 15 minutes", "123456" },
		{ "1234 is your code, 5 minutes", "1234" },
		{ "123", NULL },
		{ "no code at all", NULL },
		{ "", NULL },
		{ "123456789", NULL },
		{ "call +7 912 000 11 22 or 4321", "4321" },
		{ "+79120001122", NULL },
		{ "88005553535", NULL },
		{ "valid until 21.11.2026 10:30, code 4711", "4711" },
		{ "paid 1200,50 today", NULL },
		{ "code 4711.", "4711" },
		{ "code:4711", "4711" },
		{ "2026/11/21: 998877", "998877" },
		{ "card 1234 5678 9012 3456", NULL },
		{ "code 1111 and 2222", "1111" },
		{ "1234 5678", "1234" },
		{ "pin 1234, order 123456", "123456" },
		{ "код\xd0\xb9"
		  "7788",
			"7788" },
		{ "12345678", "12345678" },
		{ "1-2-3-4-5-6-7-8-9-0", NULL },
		{ "12-34-56-78-90", NULL },
	};
	char out[SMS_CODE_SIZE];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		strcpy(out, "none");
		bool found = sms_code_find(rows[i].text, out);
		if (found != (rows[i].want != NULL) ||
			strcmp(out, found ? rows[i].want : "none") != 0)
			fail_msg("%s: %s", rows[i].text, out);
	}
}

static void patterns(void **state)
{
	static const struct {
		const char *re, *text;
		int want;
		const char *found;
	} rows[] = {
		{ "code ([a-z]+)", "your code abc!", PATTERN_FOUND, "abc" },
		{ "code [a-z]+", "your code abc!", PATTERN_FOUND, "code abc" },
		{ "code(x)?", "your code abc!", PATTERN_FOUND, "code" },
		{ "(a)(b)(c)", "xabc", PATTERN_FOUND, "a" },
		{ "nothing", "your code abc!", PATTERN_NONE, "" },
		{ "(?=a\\Kb)", "ab", PATTERN_NONE, "" },
	};
	struct patterns *all = patterns_new();
	char why[PATTERN_WHY_SIZE] = "";
	struct pattern_span found;
	size_t offset = 0;
	char trap[60];

	(void)state;
	assert_non_null(all);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct pattern *one =
			pattern_compile(all, rows[i].re, strlen(rows[i].re), false, why, &offset);
		if (!one)
			continue; /* a newer PCRE2 refuses \K there */
		assert_int_equal(
			pattern_match(all, one, rows[i].text, strlen(rows[i].text), &found),
			rows[i].want);
		if (rows[i].want == PATTERN_FOUND) {
			assert_int_equal(found.len, strlen(rows[i].found));
			assert_memory_equal(rows[i].text + found.at, rows[i].found, found.len);
		}
		pattern_free(one);
	}
	assert_null(pattern_compile(all, "a(b", 3, false, why, &offset));
	assert_true(*why && offset == 3);

	struct pattern *one = pattern_compile(all, "(a+)+$", 6, true, why, &offset);
	memset(trap, 'A', sizeof trap);
	trap[sizeof trap - 1] = '!';
	int err = pattern_match(all, one, trap, sizeof trap, NULL);
	assert_true(err < PATTERN_NONE);
	pattern_error(err, why);
	assert_non_null(strstr(why, "limit"));
	pattern_free(one);
	patterns_free(all);
	patterns_free(NULL);
}

static void days_and_dates(void **state)
{
	static const struct {
		const char *hours;
		int want;
	} days[] = { { "", 1 }, { "1", 1 }, { "2", 1 }, { "24", 1 }, { "25", 2 }, { "48", 2 },
		{ "0", -EINVAL }, { "-1", -EINVAL }, { "1.5", -EINVAL }, { "x", -EINVAL },
		{ "8784", 366 }, { "8785", -EINVAL }, { "999999999999", -EINVAL } };
	static const struct {
		int64_t ms;
		const char *want;
	} dates[] = { { 0, "1970-01-01T00:00:00+00:00" },
		{ 1658076895000, "2022-07-17T16:54:55+00:00" },
		{ 951782400000, "2000-02-29T00:00:00+00:00" },
		{ 951868799999, "2000-02-29T23:59:59+00:00" },
		{ 4107542400000, "2100-03-01T00:00:00+00:00" },
		{ 1798761599000, "2026-12-31T23:59:59+00:00" } };
	char out[ISO_SIZE];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(days); i++)
		assert_int_equal(rent_days(days[i].hours), days[i].want);
	for (size_t i = 0; i < COUNT_OF(dates); i++)
		assert_string_equal(iso_time(dates[i].ms, out), dates[i].want);
	assert_int_equal(slug_len("vk_0"), 2);
	assert_int_equal(slug_len("vk"), 2);
	assert_int_equal(slug_len("_0"), 2);
	assert_int_equal(slug_len("vk_1"), 4);
	assert_int_equal(slug_len(""), 0);
}

static void money(void **state)
{
	static const struct {
		int64_t amount;
		const char *text;
	} rows[] = { { 0, "0.00" }, { 1, "0.0001" }, { 100, "0.01" }, { 5308200, "530.82" },
		{ 12345, "1.2345" }, { -2500, "-0.25" }, { -1, "-0.0001" },
		{ INT64_MAX, "922337203685477.5807" }, { INT64_MIN, "-922337203685477.5808" } };
	char out[CONFIG_MONEY_SIZE];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		assert_string_equal(config_print_money(rows[i].amount, out), rows[i].text);
		if (rows[i].amount >= 0 && rows[i].amount < INT64_MAX)
			assert_int_equal(config_parse_money(out), rows[i].amount);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forms),
		cmocka_unit_test(forms_of_parts),
		cmocka_unit_test(exception_lists),
		cmocka_unit_test(codes),
		cmocka_unit_test(patterns),
		cmocka_unit_test(days_and_dates),
		cmocka_unit_test(money),
	};
	return cmocka_run_group_tests_name("alternative_text", tests, NULL, NULL);
}
