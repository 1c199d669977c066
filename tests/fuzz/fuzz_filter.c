/* fuzz_filter.c - feeds bytes as a file of rules and a text: RULES NUL SENDER NUL TEXT. The first
 * byte says whether the built-in rules are taken instead ('d'). */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/utf8.h"
#include "platform/filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const platforms[] = { "onlinesim", "own", NULL };

static void check(int truth)
{
	if (!truth)
		abort();
}

static void check_report(struct config_report *report)
{
	check(report->count <= CONFIG_REPORT_MAX && report->count <= report->errors);
	for (size_t i = 0; i < report->count; i++) {
		check(strncmp(report->lines[i], "fuzz:", 5) == 0);
		check(!strpbrk(report->lines[i], "\n\r\x1b"));
		check(utf8_valid(report->lines[i], strlen(report->lines[i])));
	}
	config_report_free(report);
}

static struct filter *read_rules(const char *rules)
{
	struct filter_source source = { NULL, "fuzz", 1, platforms };
	struct config_report report = { 0 };
	struct filter *filter;

	if (!*rules)
		return NULL;
	source.file = fmemopen((void *)(uintptr_t)rules, strlen(rules), "r");
	check(source.file != NULL);
	filter = filter_read(&source, &report);
	fclose(source.file);
	check(!filter == (report.errors > 0));
	check_report(&report);
	return filter;
}

/* Made once: what the fuzzer varies is the text then. */
static struct filter *default_rules(void)
{
	static struct filter *filter;
	struct config_report report = { 0 };

	if (!filter)
		check(filter_load(FILTER_DEFAULT, platforms, &report, &filter) == 0);
	return filter;
}

static void check_decision(struct filter *filter, const struct filter_text *text)
{
	struct filter_decision decision, again;

	filter_decide(filter, text, &decision);
	check(strlen(decision.reason) < FILTER_REASON_SIZE);
	check(decision.withheld == (*decision.reason != '\0'));
	check(decision.line > 0 || !*decision.rule);
	check(utf8_valid(decision.reason, strlen(decision.reason)));
	filter_decide(filter, text, &again);
	check(again.withheld == decision.withheld && again.line == decision.line);
}

static void on_log(void *arg, enum log_level level, const char *line)
{
	(void)arg, (void)level, (void)line;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = malloc(size + 3);
	const char *rules, *from, *text;
	struct filter *filter, *own = NULL;
	bool built_in = size > 0 && data[0] == 'd';

	check(copy != NULL);
	log_set_sink(on_log, NULL);
	memcpy(copy, data, size);
	memset(copy + size, 0, 3);
	rules = copy + (size > 0);
	from = built_in ? rules : rules + strlen(rules) + 1;
	text = from < copy + size ? from + strlen(from) + 1 : "";
	if (from >= copy + size)
		from = "";
	if (text >= copy + size)
		text = "";
	filter = built_in ? default_rules() : (own = read_rules(rules));
	if (filter)
		check_decision(filter,
			&(struct filter_text) { from, text, "8946070000000000001", "own", true });
	filter_free(own);
	free(copy);
	return 0;
}
