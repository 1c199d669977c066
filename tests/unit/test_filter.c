/* test_filter.c - the rules that withhold texts: how they are read, what they match, the built-in
 * ones on texts of our own making. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "filter_texts.h"
#include "log_fixture.h"
#include "platform/filter.h"
#include "unit.h"

#define ICCID       "8946070000000000001"
#define OTHER_ICCID "8946070000000000002"

static const char *const platforms[] = { "onlinesim", "own", NULL };

static struct filter *read_bytes(const char *rules, size_t len, struct config_report *report)
{
	struct filter_source source = { fmemopen((void *)(uintptr_t)rules, len, "r"),
		"/etc/simgate/my.rules", 1, platforms };
	struct filter *filter;

	assert_non_null(source.file);
	*report = (struct config_report) { 0 };
	filter = filter_read(&source, report);
	fclose(source.file);
	assert_int_equal(filter == NULL, report->errors > 0);
	return filter;
}

static struct filter *read_good(const char *rules)
{
	struct config_report report;
	struct filter *filter = read_bytes(rules, strlen(rules), &report);

	if (!filter)
		fail_msg("%s", report.lines[0]);
	config_report_free(&report);
	return filter;
}

static struct filter_decision decide(struct filter *filter, const char *from, const char *text)
{
	struct filter_text what = { from, text, ICCID, "onlinesim", false };
	struct filter_decision decision;

	filter_decide(filter, &what, &decision);
	return decision;
}

/* ---- rules ---------------------------------------------------------------------------------- */

static void rules_decide(void **state)
{
	static const char *const lines =
		"# comment\r\n"                                                 /* 1 */
		"\r\n"                                                          /* 2 */
		"  allow from:/^good$/  # spaces, and a comment behind\r\n"     /* 3 */
		"withhold\tfrom:/BANK/i reason:bank\r\n"                        /* 4 */
		"withhold text:/pay\\/ment [0-9]+/\r\n"                         /* 5 */
		"withhold from:/^vk$/i text:/\\bкод\\b/i reason:both\r\n"       /* 6 */
		"withhold text:/^one.*two$/ reason:ends\r\n"                    /* 7 */
		"allow card:" OTHER_ICCID "\r\n"                                /* 8 */
		"withhold text:/private/ platform:own reason:own\r\n"           /* 9 */
		"withhold text:/let/ rent reason:rent\r\n"                      /* 10 */
		"withhold text:/card/ card:894607000000000000a reason:card\r\n" /* 11 */
		"withhold from:/bank2/i reason:late";                           /* 12 */
	static const struct {
		struct filter_text text;
		bool withheld;
		int line;
		const char *reason;
	} rows[] = {
		{ { "good", "BANK", ICCID, "onlinesim", false }, false, 3, "" },
		{ { "goods", "x", ICCID, "onlinesim", false }, false, 0, "" },
		{ { "MyBank", "x", ICCID, "onlinesim", false }, true, 4, "bank" },
		{ { "MyBank2", "the first decides", ICCID, "own", true }, true, 4, "bank" },
		{ { "x", "my pay/ment 5", ICCID, "onlinesim", false }, true, 5, "my.rules:5" },
		{ { "x", "my PAY/MENT 5", ICCID, "onlinesim", false }, false, 0, "" },
		{ { "VK", "Ваш КОД 12", ICCID, "onlinesim", false }, true, 6, "both" },
		{ { "VK", "кодовый замок", ICCID, "onlinesim", false }, false, 0, "" },
		{ { "VK2", "Ваш код 12", ICCID, "onlinesim", false }, false, 0, "" },
		{ { "x", "one\nline\ntwo", ICCID, "onlinesim", false }, true, 7, "ends" },
		{ { "x", "one two\n", ICCID, "onlinesim", false }, false, 0, "" },
		{ { "x", "private", OTHER_ICCID, "own", true }, false, 8, "" },
		{ { "x", "private", ICCID, "own", false }, true, 9, "own" },
		{ { "x", "private", ICCID, "onlinesim", false }, false, 0, "" },
		{ { "x", "private", "", "own", false }, true, 9, "own" },
		{ { "x", "let", ICCID, "onlinesim", true }, true, 10, "rent" },
		{ { "x", "let", ICCID, "onlinesim", false }, false, 0, "" },
		{ { "x", "card", "894607000000000000A", "own", false }, true, 11, "card" },
		{ { "x", "card", ICCID, "own", false }, false, 0, "" },
		{ { "", "", "", "", false }, false, 0, "" },
	};
	struct filter *filter = read_good(lines);
	struct filter_decision decision;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		filter_decide(filter, &rows[i].text, &decision);
		if (decision.withheld != rows[i].withheld || decision.line != rows[i].line ||
			strcmp(decision.reason, rows[i].reason) != 0)
			fail_msg("row %zu: %d line %d \"%s\"", i, decision.withheld, decision.line,
				decision.reason);
	}
	decision = decide(filter, "MyBank", "x");
	assert_string_equal(decision.rule, "withhold\tfrom:/BANK/i reason:bank");
	assert_string_equal(decide(filter, "x", "y").rule, "");
	filter_free(filter);
	filter_free(NULL);
	filter_free(read_good("# nothing\n"));
}

#define R "reason:abcdefghijklmnopqrstuvwxyzabcdefg"

static void errors_name_line_and_column(void **state)
{
	static const struct {
		const char *rules;
		size_t errors;
		const char *wanted; /* in one of the lines */
	} rows[] = {
		{ "withold from:/x/", 1, "my.rules:1: \"withold\" is no rule" },
		{ "#\n\nwithhold from:/a(b/", 1,
			":3: from: missing closing parenthesis, at offset "
			"3 of the pattern, column 19; correct it" },
		{ "withhold text:/[z-a]/", 1,
			"range out of order in character class, at offset 3" },
		{ "withhold text:/x/i from:/(?<=a+)b/", 1,
			":1: from: lookbehind assertion is not "
			"fixed length, at offset" },
		{ "withhold text:/\\C/", 1, "at offset 2" },
		{ "withhold from:/x", 1, "from: the pattern has no end" },
		{ "withhold from:/x\\/", 1, "from: the pattern has no end" },
		{ "withhold from:/a/b/", 1, "from: \"b/\" behind the pattern; only i" },
		{ "withhold from:/a/g", 1, "\"g\" behind the pattern" },
		{ "withhold from:/a/text:/b/", 1, "behind the pattern" },
		{ "withhold from:x", 1, "from: a pattern stands between slashes" },
		{ "withhold from: /x/", 1, "from: a pattern stands between slashes" },
		{ "withhold from://", 1, "from: the pattern is empty" },
		{ "withhold from:/a/ from:/b/", 1, "from: is there twice" },
		{ "withhold from:/a/ reason:x reason:y", 1, "reason: is there twice" },
		{ "withhold from:/a/ platform:nobody", 1,
			"no [platform nobody]; nearest known name: own" },
		{ "withhold from:/a/ platform:", 1, "platform: is empty" },
		{ "withhold from:/a/ card:123", 1, "card: no ICCID" },
		{ "withhold from:/a/ " R, 1, "reason: a word of 1 to 32 bytes" },
		{ "withhold from:/a/ reason:a/b", 1, "reason: a word of" },
		{ "withhold from:/a/ reason:limit", 1, "reason: \"limit\" has a meaning" },
		{ "allow from:/a/ reason:x", 1, "reason: an allow rule" },
		{ "withhold form:/a/", 1,
			"\"form:/a/\" is no part of a rule; nearest known part: "
			"from:" },
		{ "withhold from:/a/ rental", 1, "nearest known part: rent" },
		{ "withhold", 1, "the rule does not say which texts" },
		{ "allow reason:x", 1, "reason: an allow rule" },
		{ "withhold reason:x", 1, "the rule does not say which texts" },
		{ "withhold from:/a/\n\xff\n", 1, ":2: this line is not valid UTF-8" },
		{ "withhold from:/\x1b/", 1, ":1: this line has a control byte" },
		/* all of them at once */
		{ "hold\nallow from:/(/\n# good\nallow from:/x/\nwithhold from:/a/ text:/*/ card:1",
			4, ":5: card: no ICCID" },
		{ "hold\nallow from:/(/\nwithhold from:/[/ text:/*/", 4,
			":3: text: quantifier does not follow a repeatable item, at offset 0" },
	};
	struct config_report report;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		bool found = false;
		assert_null(read_bytes(rows[i].rules, strlen(rows[i].rules), &report));
		for (size_t k = 0; k < report.count; k++)
			found = found || strstr(report.lines[k], rows[i].wanted) != NULL;
		if (report.errors != rows[i].errors || !found)
			fail_msg("row %zu: %zu errors: %s\n%s", i, report.errors, report.lines[0],
				report.lines[report.count - 1]);
		config_report_free(&report);
	}
}

static void limits_of_files(void **state)
{
	enum { SIZE = FILTER_FILE_MAX + 100 };
	struct config_report report;
	char *text = malloc(SIZE + 1);
	size_t len = 0;

	(void)state;
	assert_non_null(text);
	for (int i = 0; i < FILTER_RULES_MAX; i++)
		len += (size_t)snprintf(text + len, SIZE - len, "allow from:/x%d/\n", i);
	filter_free(read_good(text));
	snprintf(text + len, SIZE - len, "allow from:/x/\nallow from:/y/\n");
	assert_null(read_bytes(text, strlen(text), &report));
	assert_non_null(strstr(report.lines[0], ":1001: more than 1000 rules"));
	assert_int_equal(report.errors, 2);
	config_report_free(&report);

	memset(text, '#', SIZE);
	for (size_t i = 99; i < SIZE; i += 100)
		text[i] = '\n';
	assert_null(read_bytes(text, SIZE, &report));
	assert_non_null(strstr(report.lines[0], ": the file is longer than 256 KiB"));
	assert_int_equal(report.errors, 1);
	config_report_free(&report);

	memset(text, 'a', 8100);
	memcpy(text, "allow from:/", 12);
	strcpy(text + 8100, "/\n");
	assert_null(read_bytes(text, strlen(text), &report));
	assert_non_null(strstr(report.lines[0], ":1: this line is longer than 8000 bytes"));
	config_report_free(&report);

	/* what PCRE2 itself refuses for its size */
	strcpy(text, "allow from:/((((a{1000}){1000}){1000}){1000})/");
	assert_null(read_bytes(text, strlen(text), &report));
	assert_non_null(strstr(report.lines[0], ":1: from: regular expression is too large"));
	config_report_free(&report);
	free(text);
}

static void settings(void **state)
{
	char path[] = "/tmp/simgate-filter-XXXXXX";
	struct config_report report = { 0 };
	struct filter *filter = NULL;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "withhold from:/x/\n", 18), 18);
	close(fd);
	assert_int_equal(filter_load(path, platforms, &report, &filter), 0);
	assert_true(decide(filter, "x", "").withheld);
	assert_non_null(strstr(decide(filter, "x", "").reason, "simgate-filter-"));
	assert_in_range(strlen(decide(filter, "x", "").reason), 1, 40);
	filter_free(filter);
	unlink(path);
	assert_true(filter_load(path, platforms, &report, &filter) < 0);
	assert_null(filter);
	assert_non_null(strstr(report.lines[0], ": cannot be read: No such file"));
	assert_int_equal(filter_load(FILTER_OFF, platforms, &report, &filter), 0);
	assert_null(filter);
	assert_int_equal(filter_load(FILTER_DEFAULT, platforms, &report, &filter), 0);
	assert_non_null(filter);
	filter_free(filter);
	assert_int_equal(report.errors, 1);
	config_report_free(&report);
}

/* ---- limits of a match ---------------------------------------------------------------------- */

/* Each would take years; the pattern's class, and what it is given. */
static void heavy_patterns_end_and_withhold(void **state)
{
	static const char *const patterns[] = { "(a+)+$", "(a|aa)+$", "(a|a?)+$",
		"^(([a-z])+.)+[A-Z]", "(.*a){25}[bc]", "(?:a?){40}a{40}[bc]",
		"^(a|b|ab|aa)*[cd]$" };
	char text[2001], rules[200];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(patterns); i++) {
		struct filter_decision decision;
		struct filter *filter;
		memset(text, 'a', sizeof text - 1);
		text[sizeof text - 1] = '\0';
		text[sizeof text - 2] = '!';
		snprintf(rules, sizeof rules, "allow from:/never/\nallow text:/%s/\n", patterns[i]);
		filter = read_good(rules);
		log_forget();
		decision = decide(filter, "x", text);
		if (!decision.withheld)
			fail_msg("%s", patterns[i]);
		assert_string_equal(decision.reason, "limit");
		assert_int_equal(decision.line, 2);
		assert_non_null(strstr(log_text, "gave up on a text"));
		assert_non_null(strstr(log_text, "line=2"));
		assert_null(strstr(log_text, "aaa"));
		log_forget();
		assert_true(decide(filter, "x", text).withheld);
		assert_string_equal(log_text, ""); /* once a rule */
		assert_false(decide(filter, "x", "short").withheld);
		filter_free(filter);
	}
}

static void what_is_no_utf8_is_withheld(void **state)
{
	struct filter *filter = read_good("allow from:/./\n");

	(void)state;
	assert_string_equal(decide(filter, "x", "a\xff").reason, "limit");
	assert_string_equal(decide(filter, "\xc0\x80", "a").reason, "limit");
	assert_false(decide(filter, "x", "a").withheld);
	filter_free(filter);
}

/* The longest text there is: 255 parts. No rule of ours gives up on it, whatever it is made of. */
static void longest_texts_pass_the_built_in_rules(void **state)
{
	static const char *const pieces[] = { "The parcel 4417 waits at the counter. ", "1 ", "1",
		"a", "x", "*", ". ", "код ", "code ", "your ", "Ж", "kr 1 ", "card ", "1.1,1 " };
	enum { SIZE = 255 * 153 };
	struct config_report report = { 0 };
	char *text = malloc(SIZE + 1);
	struct filter *filter;

	(void)state;
	assert_non_null(text);
	assert_int_equal(filter_load(FILTER_DEFAULT, platforms, &report, &filter), 0);
	for (size_t i = 0; i < COUNT_OF(pieces); i++) {
		size_t piece = strlen(pieces[i]), len = 0;
		struct filter_decision decision;
		for (; len + piece <= SIZE; len += piece)
			memcpy(text + len, pieces[i], piece);
		text[len] = '\0';
		decision = decide(filter, "Shop", text);
		if (decision.withheld)
			fail_msg("\"%s\": %s, line %d", pieces[i], decision.reason, decision.line);
	}
	filter_free(filter);
	free(text);
}

/* ---- the built-in rules --------------------------------------------------------------------- */

static void built_in_rules_on_texts(void **state)
{
	struct config_report report = { 0 };
	struct filter *filter;
	size_t withheld = 0, wrong = 0;

	(void)state;
	assert_int_equal(filter_load(FILTER_DEFAULT, platforms, &report, &filter), 0);
	for (size_t i = 0; i < COUNT_OF(samples); i++) {
		struct filter_decision decision = decide(filter, samples[i].from, samples[i].text);
		const char *wanted = samples[i].reason ? samples[i].reason : "";
		withheld += decision.withheld;
		if (strcmp(decision.reason, wanted) == 0)
			continue;
		wrong++;
		print_error("\"%s\" not \"%s\", line %d: %s: %s\n", decision.reason, wanted,
			decision.line, samples[i].from, samples[i].text);
	}
	assert_int_equal(wrong, 0);
	assert_true(
		COUNT_OF(samples) >= 120 && withheld >= 60 && COUNT_OF(samples) - withheld >= 60);
	filter_free(filter);
}

static void built_in_text_is_the_file(void **state)
{
	size_t len;
	const char *rules = filter_default_rules(&len);
	FILE *file = fopen(TESTS_DIR "/../src/dist/filter.default", "r");
	char *text = malloc(len + 2);

	(void)state;
	assert_non_null(file);
	assert_non_null(text);
	assert_int_equal(fread(text, 1, len + 1, file), len);
	assert_memory_equal(text, rules, len);
	fclose(file);
	free(text);
}

/* ---- counts --------------------------------------------------------------------------------- */

static void counts_are_bounded(void **state)
{
	const char *reason;
	uint64_t count, all = 0;
	char word[24];
	size_t i;

	(void)state;
	assert_false(filter_counted(0, &reason, &count));
	filter_count("bank");
	filter_count("code");
	filter_count("bank");
	assert_true(filter_counted(0, &reason, &count));
	assert_string_equal(reason, "bank");
	assert_int_equal(count, 2);
	assert_true(filter_counted(1, &reason, &count));
	assert_string_equal(reason, "code");
	assert_false(filter_counted(2, &reason, &count));
	for (i = 0; i < 100; i++) {
		snprintf(word, sizeof word, "my.rules:%zu", i);
		filter_count(word);
	}
	filter_count("bank");
	for (i = 0; filter_counted(i, &reason, &count); i++)
		all += count;
	assert_int_equal(i, FILTER_REASONS_MAX);
	assert_string_equal(reason, "other");
	assert_int_equal(count, 100 - (FILTER_REASONS_MAX - 3));
	assert_int_equal(all, 104);
}

static int setup(void **state)
{
	(void)state;
	log_keep();
	return 0;
}

#define T(fn) cmocka_unit_test_setup(fn, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(rules_decide),
		T(errors_name_line_and_column),
		T(limits_of_files),
		T(settings),
		T(heavy_patterns_end_and_withhold),
		T(what_is_no_utf8_is_withheld),
		T(longest_texts_pass_the_built_in_rules),
		T(built_in_rules_on_texts),
		T(built_in_text_is_the_file),
		T(counts_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
