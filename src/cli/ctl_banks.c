/* ctl_banks.c - simgatectl select and calibrate: begun, then looked at until they end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/ctl.h"

enum { LOOK_MS = 500 };

/* ---- select --------------------------------------------------------------------------------- */

static bool switches(const struct ctl_answer *answer)
{
	return strcmp(ctl_str(answer->json, "switch"), "switching") == 0;
}

static enum ctl_exit tell_switch(const struct ctl *ctl, const struct ctl_answer *answer)
{
	bool failed = strcmp(ctl_str(answer->json, "switch"), "failed") == 0;
	char text[400];

	snprintf(text, sizeof text, "%s: %s", ctl_str(answer->json, "port"),
		ctl_str(answer->json, "switch_text"));
	if (ctl->json) {
		ctl_print_raw(answer);
	} else if (failed) {
		char *clean = ctl_clean(text);
		fprintf(stderr, "simgatectl: %s\n", clean);
		free(clean);
	} else {
		ctl_line("", text);
	}
	return failed ? CTL_FAILED : CTL_OK;
}

enum ctl_exit ctl_select(struct ctl *ctl, char **args, int count)
{
	char port[CTL_TARGET_MAX] = "/api/v1/ports/", target[CTL_TARGET_MAX + 8];
	struct ctl_answer answer;
	enum ctl_exit result;

	(void)count;
	if (!ctl_is_port_name(args[0]))
		return ctl_usage("a port is named BANK/SLOT", args[0]);
	if (!ctl_target_add(port, args[0], "/"))
		return ctl_usage("an argument is too long", "");
	snprintf(target, sizeof target, "%s/select", port);
	if (strlen(target) >= CTL_TARGET_MAX || !ctl_target_query(target, "sim", args[1]))
		return ctl_usage("an argument is too long", "");
	result = ctl_call(ctl, "POST", target, &answer);
	while (result == CTL_OK && switches(&answer)) {
		ctl_answer_done(&answer);
		ctl_pause(LOOK_MS);
		result = ctl_call(ctl, "GET", port, &answer);
	}
	if (result != CTL_OK)
		return result;
	result = tell_switch(ctl, &answer);
	ctl_answer_done(&answer);
	return result;
}

/* ---- calibrate ------------------------------------------------------------------------------ */

static int print_lines(const cJSON *json, int from)
{
	const cJSON *lines = cJSON_GetObjectItemCaseSensitive(json, "lines");
	int count = cJSON_GetArraySize(lines);

	for (int i = from; i < count; i++) {
		const cJSON *line = cJSON_GetArrayItem(lines, i);
		ctl_line("", cJSON_IsString(line) ? line->valuestring : "");
	}
	fflush(stdout);
	return count;
}

/* Lines of a configuration as they are found. */
enum ctl_exit ctl_calibrate(struct ctl *ctl, char **args, int count)
{
	char target[CTL_TARGET_MAX] = "/api/v1/banks/";
	struct ctl_answer answer;
	enum ctl_exit result;
	int printed = 0;

	(void)count;
	if (!ctl_target_add(target, args[0], "") || !ctl_target_add(target, "/calibrate", "/"))
		return ctl_usage("an argument is too long", "");
	result = ctl_call(ctl, "POST", target, &answer);
	while (result == CTL_OK && strcmp(ctl_str(answer.json, "state"), "under way") == 0) {
		if (!ctl->json)
			printed = print_lines(answer.json, printed);
		ctl_answer_done(&answer);
		ctl_pause(LOOK_MS);
		result = ctl_call(ctl, "GET", target, &answer);
	}
	if (result != CTL_OK)
		return result;
	if (ctl->json)
		ctl_print_raw(&answer);
	else
		print_lines(answer.json, printed);
	if (strcmp(ctl_str(answer.json, "state"), "failed") == 0) {
		char *why = ctl_clean(ctl_str(answer.json, "why"));
		fprintf(stderr, "simgatectl: %s\n", why);
		free(why);
		result = CTL_FAILED;
	}
	ctl_answer_done(&answer);
	return result;
}
