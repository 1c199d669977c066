/* ctl_filter.c - `simgatectl filter test`: which rule decides on the texts of standard input.
 *
 * The daemon takes bodies of 64 KiB, so both rules and texts go in pieces. The first rule that
 * matches decides: a text that no rule of a piece matches is asked for again with the next. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/ctl.h"

enum {
	RULES_PIECE = 16 * 1024, /* JSON may double each */
	TEXTS_PIECE = 12 * 1024,
	TEXTS_CALL = 50,
	RULES_MAX = 1024 * 1024,
	LINE_SIZE = TEXTS_PIECE,
};

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define TARGET       "/api/v1/filter/test"

struct text {
	char *from, *text;
	cJSON *result; /* NULL: no rule has decided yet */
};

struct test {
	struct ctl *ctl;
	const char *name;
	char *rules; /* NULL: the built-in ones */
	struct text texts[TEXTS_CALL];
	size_t count, size; /* texts at hand, and their bytes */
	cJSON *results;     /* with --json: of all texts */
};

static enum ctl_exit no_memory(void)
{
	fputs("simgatectl: out of memory\n", stderr);
	return CTL_FAILED;
}

/* ---- the rules ------------------------------------------------------------------------------ */

/* What is wrong with the file, or NULL; rules has room for RULES_MAX + 1 bytes. */
static const char *fill(const char *name, char *rules)
{
	FILE *file = fopen(name, "re");
	size_t len;
	bool bad;

	if (!file)
		return strerror(errno);
	len = fread(rules, 1, RULES_MAX + 1, file);
	bad = ferror(file);
	fclose(file);
	if (bad)
		return "it is no file that can be read";
	if (len > RULES_MAX)
		return "it is longer than 1 MiB";
	rules[len] = '\0';
	return strlen(rules) < len ? "it has a NUL byte" : NULL;
}

static char *read_rules(const char *name)
{
	char *rules = calloc(1, RULES_MAX + 1);
	const char *why = rules ? fill(name, rules) : "out of memory";

	if (!why)
		return rules;
	fprintf(stderr, "simgatectl: cannot read %s: %s\n", name, why);
	free(rules);
	return NULL;
}

/* Whole lines that are a piece, from rules on; at least one. */
static size_t piece_len(const char *rules)
{
	size_t len = 0;

	while (rules[len]) {
		size_t line = strcspn(rules + len, "\n");
		line += rules[len + line] == '\n';
		if (len > 0 && len + line > RULES_PIECE)
			break;
		len += line;
	}
	return len;
}

static int lines_in(const char *text, size_t len)
{
	int lines = 0;

	for (size_t i = 0; i < len; i++)
		lines += text[i] == '\n';
	return lines;
}

/* ---- asking --------------------------------------------------------------------------------- */

static cJSON *body_for(const struct test *test, const char *rules, size_t len, int line)
{
	cJSON *body = cJSON_CreateObject(), *list, *item;
	char *piece = rules ? strndup(rules, len) : NULL;

	cJSON_AddStringToObject(body, "name", test->name);
	cJSON_AddNumberToObject(body, "line", line);
	if (piece)
		cJSON_AddStringToObject(body, "rules", piece);
	list = cJSON_AddArrayToObject(body, "texts");
	for (size_t i = 0; i < test->count; i++) {
		if (test->texts[i].result)
			continue;
		item = cJSON_CreateObject();
		cJSON_AddStringToObject(item, "from", test->texts[i].from);
		cJSON_AddStringToObject(item, "text", test->texts[i].text);
		cJSON_AddItemToArray(list, item);
	}
	free(piece);
	return body;
}

/* The answers in order of the texts that were asked for; last: what nothing decided stays so. */
static bool take_results(struct test *test, const cJSON *answer, bool last)
{
	cJSON *list = cJSON_GetObjectItemCaseSensitive(answer, "results");
	cJSON *item = cJSON_IsArray(list) ? list->child : NULL;

	for (size_t i = 0; i < test->count; i++) {
		if (test->texts[i].result)
			continue;
		if (!item)
			return false;
		if (last || strcmp(ctl_str(item, "verdict"), "pass") != 0)
			test->texts[i].result = cJSON_Duplicate(item, true);
		item = item->next;
	}
	return true;
}

static enum ctl_exit ask(struct test *test, const char *rules, size_t len, int line, bool last)
{
	cJSON *body = body_for(test, rules, len, line);
	char *text = cJSON_PrintUnformatted(body);
	struct ctl_answer answer;
	enum ctl_exit result = text ? ctl_post(test->ctl, TARGET, text, &answer) : no_memory();

	cJSON_Delete(body);
	cJSON_free(text);
	if (result != CTL_OK)
		return result;
	if (!take_results(test, answer.json, last)) {
		fputs("simgatectl: the daemon's answer lacks results\n", stderr);
		result = CTL_FAILED;
	}
	ctl_answer_done(&answer);
	return result;
}

/* With all: every piece is asked for although one has errors, so that all of them are said. */
static enum ctl_exit ask_pieces(struct test *test, bool all)
{
	const char *rules = test->rules;
	enum ctl_exit result = CTL_OK;
	int line = 1;

	if (!rules)
		return ask(test, NULL, 0, 1, true);
	do {
		size_t len = piece_len(rules);
		enum ctl_exit one = ask(test, rules, len, line, rules[len] == '\0');
		if (one != CTL_OK)
			result = one;
		line += lines_in(rules, len);
		rules += len;
	} while (*rules && (result == CTL_OK || (all && result == CTL_FAILED)));
	return result;
}

/* ---- showing -------------------------------------------------------------------------------- */

static void print_table(const struct test *test)
{
	static const struct ctl_column columns[] = {
		{ .title = "VERDICT", .colors = true },
		{ .title = "REASON", .whole = true },
		{ .title = "LINE", .whole = true },
		{ .title = "FROM", .rank = 1 },
		{ .title = "TEXT", .rank = 2, .least = 16 },
	};
	struct ctl_table *table = ctl_table_new(columns, COUNT(columns));

	for (size_t i = 0; i < test->count; i++) {
		const struct text *text = &test->texts[i];
		const char *verdict = ctl_str(text->result, "verdict");
		const char *rule = ctl_str(text->result, "rule");
		bool withheld = strcmp(verdict, "withhold") == 0;
		char line[24] = "-";
		if (ctl_num(text->result, "line") > 0)
			snprintf(line, sizeof line, "%.0f", ctl_num(text->result, "line"));
		const char *cells[] = { verdict, ctl_str(text->result, "reason"), line, text->from,
			text->text };
		ctl_table_add(table, cells, withheld ? CTL_YELLOW : CTL_GREEN, *rule ? rule : NULL);
	}
	ctl_table_print(table, ctl_screen_width(), true, test->ctl->color);
	ctl_table_free(table);
}

static void forget_texts(struct test *test)
{
	for (size_t i = 0; i < test->count; i++) {
		free(test->texts[i].from);
		cJSON_Delete(test->texts[i].result);
	}
	test->count = test->size = 0;
}

/* Decides on the texts at hand and shows them. */
static enum ctl_exit flush(struct test *test)
{
	enum ctl_exit result = test->count > 0 ? ask_pieces(test, false) : CTL_OK;

	if (result == CTL_OK && test->count > 0 && test->results)
		for (size_t i = 0; i < test->count; i++)
			cJSON_AddItemToArray(
				test->results, cJSON_Duplicate(test->texts[i].result, true));
	else if (result == CTL_OK && test->count > 0)
		print_table(test);
	forget_texts(test);
	return result;
}

/* ---- the texts ------------------------------------------------------------------------------ */

/* SENDER, a tab, the text; or the text alone. */
static enum ctl_exit add_text(struct test *test, const char *line, size_t len)
{
	char *copy, *tab;
	enum ctl_exit result = CTL_OK;

	if (test->count == TEXTS_CALL || test->size + len > TEXTS_PIECE)
		result = flush(test);
	if (result != CTL_OK)
		return result;
	copy = malloc(len + 2);
	if (!copy)
		return no_memory();
	memcpy(copy, line, len);
	copy[len] = copy[len + 1] = '\0';
	tab = strchr(copy, '\t');
	if (tab) {
		*tab = '\0';
	} else { /* the sender is the empty string at the end */
		memmove(copy + 1, copy, len + 1);
		*copy = '\0';
		tab = copy;
	}
	test->texts[test->count++] = (struct text) { copy, tab + 1, NULL };
	test->size += len;
	return CTL_OK;
}

static enum ctl_exit read_texts(struct test *test)
{
	char line[LINE_SIZE];
	enum ctl_exit result = CTL_OK;

	for (int number = 1; result == CTL_OK && fgets(line, sizeof line, stdin); number++) {
		size_t len = strcspn(line, "\n");
		if (line[len] != '\n' && len == sizeof line - 1) {
			fprintf(stderr,
				"simgatectl: line %d of the input is longer than %d bytes\n",
				number, LINE_SIZE - 2);
			return CTL_FAILED;
		}
		if (len > 0 && line[len - 1] == '\r')
			len--;
		if (len > 0)
			result = add_text(test, line, len);
	}
	if (result == CTL_OK && ferror(stdin)) {
		fprintf(stderr, "simgatectl: cannot read the input: %s\n", strerror(errno));
		return CTL_FAILED;
	}
	return result == CTL_OK ? flush(test) : result;
}

static void print_json(const struct test *test)
{
	cJSON *json = cJSON_CreateObject();
	char *text;

	cJSON_AddItemReferenceToObject(json, "results", test->results);
	text = cJSON_PrintUnformatted(json);
	puts(text ? text : "{}");
	cJSON_free(text);
	cJSON_Delete(json);
}

enum ctl_exit ctl_filter(struct ctl *ctl, char **args, int count)
{
	struct test test = { .ctl = ctl, .name = args[1] };
	enum ctl_exit result;

	(void)count;
	if (strcmp(args[0], "test") != 0)
		return ctl_usage("filter knows test, not", args[0]);
	if (strcmp(args[1], "default") != 0) {
		test.rules = read_rules(args[1]);
		if (!test.rules)
			return CTL_FAILED;
	}
	if (ctl->json)
		test.results = cJSON_CreateArray();
	result = ask_pieces(&test, true); /* of no texts: are the rules good? */
	if (result == CTL_OK)
		result = read_texts(&test);
	if (result == CTL_OK && test.results)
		print_json(&test);
	forget_texts(&test);
	cJSON_Delete(test.results);
	free(test.rules);
	return result;
}
