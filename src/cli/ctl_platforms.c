/* ctl_platforms.c - `simgatectl sync` and `takeoff`: what is asked of the platforms. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "cli/ctl.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const cJSON *list(const cJSON *object, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(object, name);
}

static void say(const cJSON *platform, const char *what, const char *more)
{
	char text[512];

	snprintf(text, sizeof text, "%s: %s%s", ctl_str(platform, "name"), what, more);
	ctl_line("", text);
}

/* ---- sync ----------------------------------------------------------------------------------- */

static const char *test_words(const cJSON *platform, char out[128])
{
	const char *echo = ctl_str(platform, "echo");
	double numbers = ctl_num(platform, "numbers");

	if (strcmp(echo, "same") == 0)
		snprintf(out, 128, "%.0f numbers, printed back as they were sent", numbers);
	else if (strcmp(echo, "other") == 0)
		snprintf(out, 128, "%.0f numbers, but printed back as something else", numbers);
	else
		snprintf(out, 128, "%.0f numbers taken; they were not printed back", numbers);
	return out;
}

/* A platform that reads something else than what was sent has failed the test. */
static bool is_good(const struct ctl *ctl, const cJSON *platform)
{
	return ctl_true(platform, "ok") &&
	       !(ctl->test && strcmp(ctl_str(platform, "echo"), "other") == 0);
}

static void show_sync(const struct ctl *ctl, const cJSON *platform)
{
	char text[128];

	if (!ctl_true(platform, "ok"))
		say(platform, "failed: ", ctl_str(platform, "error"));
	else if (ctl->test)
		say(platform, "test: ", test_words(platform, text));
	else
		say(platform, "list accepted", "");
}

enum ctl_exit ctl_sync(struct ctl *ctl, char **args, int count)
{
	const char *target = ctl->test ? "/api/v1/sync?test=1" : "/api/v1/sync";
	struct ctl_answer answer;
	const cJSON *platforms, *item;

	(void)args, (void)count;
	enum ctl_exit result = ctl_call(ctl, "POST", target, &answer);
	if (result != CTL_OK)
		return result;
	platforms = list(answer.json, "platforms");
	if (ctl->json)
		ctl_print_raw(&answer);
	else if (cJSON_GetArraySize(platforms) == 0)
		puts("No platform with a number list is configured.");
	cJSON_ArrayForEach(item, platforms)
	{
		if (!ctl->json)
			show_sync(ctl, item);
		result = is_good(ctl, item) ? result : CTL_FAILED;
	}
	ctl_answer_done(&answer);
	return result;
}

/* ---- takeoff -------------------------------------------------------------------------------- */

static void show_numbers(const struct ctl *ctl, const cJSON *numbers)
{
	static const struct ctl_column columns[] = {
		{ .title = "PORT" },
		{ .title = "NUMBER" },
		{ .title = "PROFIT", .right = true },
		{ .title = "BALANCE", .right = true, .rank = 4 },
		{ .title = "ICCID", .whole = true, .rank = 1 },
		{ .title = "ID", .whole = true, .rank = 3 },
		{ .title = "LABEL", .rank = 2 },
	};
	struct ctl_table *table = ctl_table_new(columns, COUNT(columns));
	const cJSON *row;

	cJSON_ArrayForEach(row, numbers)
	{
		const char *port = ctl_str(row, "port");
		const char *cells[] = { *port                    ? port
					: ctl_true(row, "known") ? "-"
								 : "not here",
			ctl_str(row, "number"), ctl_str(row, "profit"), ctl_str(row, "balance"),
			ctl_str(row, "iccid"), ctl_str(row, "id"), ctl_str(row, "label") };
		ctl_table_add(table, cells, CTL_PLAIN, NULL);
	}
	ctl_table_print(table, ctl_screen_width(), true, ctl->color);
	ctl_table_free(table);
}

static void show_takeoff(const struct ctl *ctl, const cJSON *platform)
{
	const cJSON *numbers = list(platform, "numbers");
	char text[64];
	int count = cJSON_GetArraySize(numbers);

	if (!ctl_true(platform, "ok")) {
		say(platform, "failed: ", ctl_str(platform, "error"));
		return;
	}
	snprintf(text, sizeof text, "%d can be replaced", count);
	say(platform, text, "");
	if (count > 0)
		show_numbers(ctl, numbers);
	if (ctl_num(platform, "ignored") > 0)
		printf("There are %.0f more, which were passed over.\n",
			ctl_num(platform, "ignored"));
}

static bool takeoff_target(const struct ctl *ctl, int64_t since_ms, char *target)
{
	char text[24];

	strcpy(target, "/api/v1/takeoff");
	snprintf(text, sizeof text, "%lld", (long long)since_ms);
	return ctl_target_query(target, "sum", ctl->sum) &&
	       (since_ms < 0 || ctl_target_query(target, "since", text)) &&
	       (!ctl->full || ctl_target_query(target, "full", "1"));
}

enum ctl_exit ctl_takeoff(struct ctl *ctl, char **args, int count)
{
	char target[CTL_TARGET_MAX];
	struct ctl_answer answer;
	const cJSON *platforms, *item;
	int64_t since_ms = -1;

	(void)args, (void)count;
	if (!ctl->sum)
		return ctl_usage("takeoff needs --sum N.N", "");
	if (config_parse_money(ctl->sum) <= 0)
		return ctl_usage("--sum takes an amount more than 0, as 12.34, not", ctl->sum);
	if (ctl->since && !ctl_parse_since(ctl->since, &since_ms))
		return ctl_usage("--since takes 2h or 2026-11-21T10:00:00Z, not", ctl->since);
	if (!takeoff_target(ctl, since_ms, target))
		return ctl_usage("an argument is too long", "");
	enum ctl_exit result = ctl_call(ctl, "POST", target, &answer);
	if (result != CTL_OK)
		return result;
	platforms = list(answer.json, "platforms");
	if (ctl->json)
		ctl_print_raw(&answer);
	else if (cJSON_GetArraySize(platforms) == 0)
		puts("No platform that can be asked is configured.");
	cJSON_ArrayForEach(item, platforms)
	{
		if (!ctl->json)
			show_takeoff(ctl, item);
		result = ctl_true(item, "ok") ? result : CTL_FAILED;
	}
	ctl_answer_done(&answer);
	return result;
}
