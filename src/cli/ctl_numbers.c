/* ctl_numbers.c - `simgatectl numbers`: what is known of each card, and what is set by hand. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "cli/ctl.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const cJSON *rows_of(const cJSON *answer)
{
	return cJSON_GetObjectItemCaseSensitive(answer, "numbers");
}

/* ---- the table ------------------------------------------------------------------------------ */

/* The sources, the strongest first. */
static const struct {
	const char *name, *title;
} sources[] = { { "set", "set by hand" }, { "file", "numbers file" }, { "sim", "the card" },
	{ "ussd", "the operator" } };

/* "set by hand +467***201, numbers file +467***202": what each source says. */
static const char *who_says_what(const cJSON *row, char out[256])
{
	size_t len = 0;

	out[0] = '\0';
	for (size_t i = 0; i < COUNT(sources) && len < 256; i++)
		if (*ctl_str(row, sources[i].name))
			len += (size_t)snprintf(out + len, 256 - len, "%s%s %s", len ? ", " : "",
				sources[i].title, ctl_str(row, sources[i].name));
	return out;
}

static bool is_declared(const cJSON *row)
{
	return *ctl_str(row, "set") || *ctl_str(row, "file");
}

static bool is_replaceable(const cJSON *row)
{
	return *ctl_str(row, "takeoff_platform");
}

/* "37.50 of 30.00": what its number has earned, and what was asked for. */
static const char *takeoff_of(const cJSON *row, char out[64])
{
	const char *profit = ctl_str(row, "takeoff_profit");

	out[0] = '\0';
	if (is_replaceable(row))
		snprintf(out, 64, "%s of %s", *profit ? profit : "?", ctl_str(row, "takeoff_sum"));
	return out;
}

static void add_row(struct ctl_table *table, const cJSON *row)
{
	char sums[64];
	bool conflict = ctl_true(row, "conflict");
	const char *iccid =
		*ctl_str(row, "iccid") ? ctl_str(row, "iccid") : ctl_str(row, "card_id");
	const char *number = conflict                  ? "CONFLICT"
			     : *ctl_str(row, "number") ? ctl_str(row, "number")
						       : "unknown";
	const char *from = !conflict          ? ctl_str(row, "number_source")
			   : is_declared(row) ? "set/file"
					      : "sim/ussd";
	const char *cells[] = { *ctl_str(row, "port") ? ctl_str(row, "port") : "-", iccid, number,
		from, ctl_str(row, "other"), ctl_str(row, "label"), takeoff_of(row, sums) };
	const char *twice = ctl_str(row, "twice");
	char text[256];

	if (*twice)
		snprintf(text, sizeof text, "the card of %s has the same number", twice);
	ctl_table_add(table, cells,
		conflict || *twice        ? CTL_RED
		: *ctl_str(row, "number") ? CTL_GREEN
					  : CTL_YELLOW,
		conflict ? who_says_what(row, text)
		: *twice ? text
			 : NULL);
}

static void print_table(const struct ctl *ctl, const cJSON *rows)
{
	static const struct ctl_column columns[] = {
		{ .title = "PORT" },
		{ .title = "ICCID", .whole = true, .rank = 2 },
		{ .title = "NUMBER", .colors = true },
		{ .title = "FROM", .whole = true, .rank = 1 },
		{ .title = "OTHER", .whole = true, .rank = 3 },
		{ .title = "LABEL", .rank = 4 },
		{ .title = "REPLACEABLE", .whole = true, .rank = 5 },
	};
	bool replaceable = false;
	const cJSON *row;

	cJSON_ArrayForEach(row, rows) replaceable = replaceable || is_replaceable(row);
	struct ctl_table *table = ctl_table_new(columns, COUNT(columns) - !replaceable);
	cJSON_ArrayForEach(row, rows) add_row(table, row);
	ctl_table_print(table, ctl_screen_width(), true, ctl->color);
	ctl_table_free(table);
}

static void show(const struct ctl *ctl, const cJSON *answer)
{
	int count = cJSON_GetArraySize(rows_of(answer)), known = 0, declared = 0, discovered = 0;
	int replaceable = 0, twice = 0;
	const cJSON *row;

	if (count == 0) {
		puts("No card is known.");
		return;
	}
	cJSON_ArrayForEach(row, rows_of(answer))
	{
		bool conflict = ctl_true(row, "conflict");
		known += *ctl_str(row, "number") != '\0';
		declared += conflict && is_declared(row);
		discovered += conflict && !is_declared(row);
		twice += *ctl_str(row, "twice") != '\0';
		replaceable += is_replaceable(row);
	}
	print_table(ctl, rows_of(answer));
	if (declared > 0)
		puts("CONFLICT set/file: off the list until both agree. Correct the numbers file "
		     "and reload,\n  or simgatectl numbers forget ICCID what was set by hand.");
	if (discovered > 0)
		puts("CONFLICT sim/ussd: off the list until it is decided. simgatectl numbers set "
		     "ICCID NUMBER,\n  or a row in the numbers file and reload.");
	if (twice > 0)
		puts("One number on several cards: none of them is on the list. Correct the "
		     "numbers file,\n  what was set by hand, or take the wrong card out.");
	printf("%d of %d with a number\n", known, count);
	if (replaceable > 0)
		printf("%d can be replaced, by the last simgatectl takeoff\n", replaceable);
	if (ctl_true(answer, "more"))
		puts("There are more cards than can be shown.");
}

/* ---- export --------------------------------------------------------------------------------- */

/* RFC 4180: in quotes where it must be, quotes doubled. Blanks at the ends would be lost else. */
static void print_field(const char *text, bool last)
{
	size_t len = strlen(text);
	bool quoted = strpbrk(text, ",\"\r\n") ||
		      (len > 0 && (strchr(" \t", text[0]) || strchr(" \t", text[len - 1])));

	if (quoted)
		putchar('"');
	for (; *text; text++) {
		if (*text == '"')
			putchar('"');
		putchar(*text);
	}
	fputs(quoted ? "\"" : "", stdout);
	putchar(last ? '\n' : ',');
}

/* Unix seconds, "" for 0. */
static const char *seconds_of(const cJSON *row, const char *name, char out[24])
{
	out[0] = '\0';
	if (ctl_num(row, name) > 0)
		snprintf(out, 24, "%.0f", ctl_num(row, name));
	return out;
}

static void print_csv(const struct ctl *ctl, const cJSON *answer)
{
	int conflicts = 0;
	const cJSON *row;
	char start[24], stop[24];

	(void)ctl;
	puts("iccid,number,operator,rent,label,sell,filter,date_start,date_stop,price,balance");
	cJSON_ArrayForEach(row, rows_of(answer))
	{
		const char *cells[] = { ctl_str(row, "iccid"), ctl_str(row, "number"),
			ctl_str(row, "operator"), ctl_str(row, "rent"), ctl_str(row, "label"),
			ctl_str(row, "sell"), ctl_str(row, "filter"),
			seconds_of(row, "date_start", start), seconds_of(row, "date_stop", stop),
			ctl_str(row, "price"), ctl_str(row, "balance") };
		conflicts += ctl_true(row, "conflict");
		if (!*cells[0] || !*cells[1])
			continue;
		for (size_t i = 0; i < COUNT(cells); i++)
			print_field(cells[i], i == COUNT(cells) - 1);
	}
	if (conflicts > 0)
		fprintf(stderr, "simgatectl: %d left out: their numbers are in conflict\n",
			conflicts);
	if (ctl_true(answer, "more"))
		fputs("simgatectl: there are more cards than can be exported\n", stderr);
}

static enum ctl_exit ask(struct ctl *ctl, bool full, bool export)
{
	char target[CTL_TARGET_MAX] = "/api/v1/numbers";

	if (full)
		ctl_target_query(target, "full", "1");
	return ctl_ask_and_show(ctl, target, export ? print_csv : show);
}

/* ---- set and forget ------------------------------------------------------------------------- */

static void print_change(const char *what, const struct ctl_answer *answer)
{
	double freed = ctl_num(answer->json, "freed");
	const char *warning = ctl_str(answer->json, "warning");
	char *clean = ctl_clean(warning);

	if (freed > 0)
		printf("%s; deliveries that waited and go out: %.0f\n", what, freed);
	else
		puts(what);
	if (*warning)
		fprintf(stderr, "simgatectl: warning: %s\n", clean);
	free(clean);
}

static enum ctl_exit set(struct ctl *ctl, const char *iccid, const char *number)
{
	char target[CTL_TARGET_MAX] = "/api/v1/numbers/set";
	struct ctl_answer answer;

	ctl_target_query(target, "iccid", iccid);
	ctl_target_query(target, "number", number);
	enum ctl_exit result = ctl_call(ctl, "POST", target, &answer);
	if (result != CTL_OK)
		return result;
	if (ctl->json)
		ctl_print_raw(&answer);
	else
		print_change("set", &answer);
	ctl_answer_done(&answer);
	return CTL_OK;
}

static enum ctl_exit forget(struct ctl *ctl, const char *iccid)
{
	char target[CTL_TARGET_MAX] = "/api/v1/numbers/forget";
	struct ctl_answer answer;

	ctl_target_query(target, "iccid", iccid);
	enum ctl_exit result = ctl_call(ctl, "POST", target, &answer);
	if (result != CTL_OK)
		return result;
	if (ctl->json)
		ctl_print_raw(&answer);
	else
		print_change(strcmp(ctl_str(answer.json, "number_source"), "file") == 0
				     ? "forgotten; the numbers file still has its number"
				     : "forgotten",
			&answer);
	ctl_answer_done(&answer);
	return CTL_OK;
}

enum ctl_exit ctl_numbers(struct ctl *ctl, char **args, int count)
{
	const char *verb = count > 0 ? args[0] : "";
	bool is_export = strcmp(verb, "export") == 0, is_set = strcmp(verb, "set") == 0;

	if (count == 0)
		return ask(ctl, ctl->full, false);
	if (!is_export && !is_set && strcmp(verb, "forget") != 0)
		return ctl_usage("numbers knows export, set and forget, not", verb);
	if (is_export)
		return count > 1 ? ctl_usage("numbers export takes no argument, not", args[1])
				 : ask(ctl, true, true);
	if (count != (is_set ? 3 : 2))
		return ctl_usage(is_set ? "numbers set takes an ICCID and a number"
					: "numbers forget takes an ICCID",
			"");
	if (!config_is_iccid(args[1]))
		return ctl_usage("an ICCID is 18 to 22 digits, 89 first, not", args[1]);
	if (is_set && !config_is_number(args[2]))
		return ctl_usage("a number is + and 7 to 15 digits, not", args[2]);
	return is_set ? set(ctl, args[1], args[2]) : forget(ctl, args[1]);
}
