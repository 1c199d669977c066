/* ctl_history.c - `simgatectl messages export` and `erase`: all that one number received. */
#include <stdio.h>
#include <string.h>

#include "cli/ctl.h"

static bool number_target(const struct ctl *ctl, const char *path, char *target)
{
	strcpy(target, path);
	return ctl_target_query(target, "number", ctl->number);
}

/* A line for each message and platform, whole: what a person may ask to be given. */
static enum ctl_exit export_messages(struct ctl *ctl)
{
	char target[CTL_TARGET_MAX], after[64] = "";
	struct ctl_answer answer;
	const cJSON *row;

	for (;;) {
		if (!number_target(ctl, "/api/v1/messages/export", target) ||
			!ctl_target_query(target, "after", after))
			return ctl_usage("an argument is too long", "");
		enum ctl_exit result = ctl_call(ctl, "GET", target, &answer);
		if (result != CTL_OK)
			return result;
		const cJSON *rows = cJSON_GetObjectItemCaseSensitive(answer.json, "messages");
		bool empty = cJSON_GetArraySize(rows) == 0;
		cJSON_ArrayForEach(row, rows)
		{
			ctl_print_row(row);
			snprintf(after, sizeof after, "%s", ctl_str(row, "id"));
		}
		ctl_answer_done(&answer);
		if (empty)
			return CTL_OK;
	}
}

static void show_erased(const struct ctl *ctl, const cJSON *answer)
{
	(void)ctl;
	printf("erased: %.0f messages, %.0f of them not delivered; %.0f parts that waited for "
	       "others; %.0f undecodable\n",
		ctl_num(answer, "messages"), ctl_num(answer, "undelivered"),
		ctl_num(answer, "parts"), ctl_num(answer, "undecodable"));
	if (ctl_num(answer, "on_cards") > 0)
		printf("%.0f of them could not be deleted from their card and are still there\n",
			ctl_num(answer, "on_cards"));
	if (ctl_true(answer, "journals"))
		printf("what is still in a host's journal is erased as it comes to the store\n");
}

static enum ctl_exit erase_messages(struct ctl *ctl)
{
	char target[CTL_TARGET_MAX];

	if (!number_target(ctl, "/api/v1/messages/erase", target))
		return ctl_usage("an argument is too long", "");
	return ctl_do_and_show(ctl, target, show_erased);
}

enum ctl_exit ctl_history(struct ctl *ctl, const char *verb)
{
	if (!ctl->number)
		return ctl_usage("say whose messages: --number +46700100200", "");
	if (ctl->follow || ctl->port || ctl->since || ctl->limit)
		return ctl_usage("the whole of a number is meant: only --number goes with", verb);
	if (strcmp(verb, "export") == 0)
		return export_messages(ctl);
	if (strcmp(verb, "erase") == 0)
		return erase_messages(ctl);
	return ctl_usage("messages knows export and erase, not", verb);
}
