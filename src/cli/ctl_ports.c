/* ctl_ports.c - commands about ports: the tables, one port, and what is done to it by hand. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/ctl.h"

enum { WATCH_MS = 2000 };

bool ctl_is_port_name(const char *name)
{
	const char *slash = strchr(name, '/');

	return slash && slash != name && slash[1] && !strchr(slash + 1, '/');
}

static void show_all_ports(const struct ctl *ctl, const cJSON *answer)
{
	ctl_show_ports(ctl, answer, 0);
}

enum ctl_exit ctl_status(struct ctl *ctl, char **args, int count)
{
	(void)args, (void)count;
	return ctl_ask_and_show(ctl, "/api/v1/status", ctl_show_status);
}

static bool ports_target(const struct ctl *ctl, char **args, int count, char *target)
{
	strcpy(target, "/api/v1/ports");
	return (count == 0 || ctl_target_query(target, "bank", args[0])) &&
	       (!ctl->full || ctl_target_query(target, "full", "1"));
}

enum ctl_exit ctl_ports(struct ctl *ctl, char **args, int count)
{
	char target[CTL_TARGET_MAX];

	if (!ports_target(ctl, args, count, target))
		return ctl_usage("an argument is too long", "");
	return ctl_ask_and_show(ctl, target, show_all_ports);
}

enum ctl_exit ctl_port(struct ctl *ctl, char **args, int count)
{
	char target[CTL_TARGET_MAX] = "/api/v1/ports/";

	(void)count;
	if (!ctl_is_port_name(args[0]))
		return ctl_usage("a port is named BANK/SLOT", args[0]);
	if (!ctl_target_add(target, args[0], "/") ||
		(ctl->full && !ctl_target_query(target, "full", "1")))
		return ctl_usage("an argument is too long", "");
	return ctl_ask_and_show(ctl, target, ctl_show_port);
}

static void print_clock(const struct ctl *ctl)
{
	time_t now = time(NULL);
	struct tm tm;
	char text[32];

	strftime(text, sizeof text, "%H:%M:%S", localtime_r(&now, &tm));
	printf("%s  %s\n", text, ctl->socket);
}

/* Each picture is printed over the last, then what is left of that is erased: no flicker. */
enum ctl_exit ctl_watch(struct ctl *ctl, char **args, int count)
{
	char target[CTL_TARGET_MAX];
	struct ctl_answer answer;

	if (ctl->json || !isatty(STDOUT_FILENO))
		return ctl_ports(ctl, args, count);
	if (!ports_target(ctl, args, count, target))
		return ctl_usage("an argument is too long", "");
	enum ctl_exit result = ctl_call(ctl, "GET", target, &answer);
	for (bool first = true;; first = false) {
		if (result == CTL_FAILED || result == CTL_USAGE || (result != CTL_OK && first))
			return result;
		fputs("\033[H\033[J", stdout);
		print_clock(ctl);
		if (result == CTL_OK) {
			int height = ctl_screen_height();
			ctl_show_ports(ctl, answer.json, height > 6 ? height - 5 : 0);
			ctl_answer_done(&answer);
		} else {
			puts("The daemon does not answer.");
		}
		ctl_pause(WATCH_MS);
		ctl->quiet = true;
		result = ctl_call(ctl, "GET", target, &answer);
	}
}

enum ctl_exit ctl_reset(struct ctl *ctl, char **args, int count)
{
	char target[CTL_TARGET_MAX] = "/api/v1/ports/", text[256];
	struct ctl_answer answer;

	(void)count;
	if (!ctl_is_port_name(args[0]))
		return ctl_usage("a port is named BANK/SLOT", args[0]);
	if (!ctl_target_add(target, args[0], "/") || !ctl_target_add(target, "/reset", "/") ||
		!ctl_target_query(target, "step", ctl->step ? ctl->step : "at"))
		return ctl_usage("an argument is too long", "");
	enum ctl_exit result = ctl_call(ctl, "POST", target, &answer);
	if (result != CTL_OK)
		return result;
	snprintf(text, sizeof text, "%s: %s begun", ctl_str(answer.json, "port"),
		ctl_str(answer.json, "step"));
	if (ctl->json)
		ctl_print_raw(&answer);
	else
		ctl_line("", text);
	ctl_answer_done(&answer);
	return CTL_OK;
}

/* ---- by hand -------------------------------------------------------------------------------- */

static bool action_target(struct ctl *ctl, const char *port, const char *action, char *target)
{
	strcpy(target, "/api/v1/ports/");
	return ctl_target_add(target, port, "/") && ctl_target_add(target, "/", "/") &&
	       ctl_target_add(target, action, "_") &&
	       (!ctl->full || ctl_target_query(target, "full", "1"));
}

static void show_lines(const struct ctl *ctl, const cJSON *answer)
{
	const cJSON *line;

	(void)ctl;
	cJSON_ArrayForEach(line, cJSON_GetObjectItemCaseSensitive(answer, "lines"))
		ctl_line("", cJSON_IsString(line) ? line->valuestring : "");
	if (ctl_num(answer, "cut") > 0)
		printf("... and %.0f lines\n", ctl_num(answer, "cut"));
	ctl_line("", ctl_str(answer, "result"));
}

/* Line ends stay; what else is not text is cleaned. */
static void show_code_answer(const struct ctl *ctl, const cJSON *answer)
{
	char *text = strdup(ctl_str(answer, "text")), *next = text, *line;

	(void)ctl;
	while (text && (line = strsep(&next, "\n")))
		ctl_line("", line);
	free(text);
	if (strcmp(ctl_str(answer, "status"), "done") != 0)
		printf("(%s)\n", ctl_str(answer, "status"));
}

static void show_forgotten(const struct ctl *ctl, const cJSON *answer)
{
	(void)ctl;
	puts(ctl_num(answer, "count") > 0 ? "done"
					  : "nothing to forget: no PIN was refused here; the card "
					    "is looked at again");
}

enum ctl_exit ctl_at(struct ctl *ctl, char **args, int count)
{
	char target[CTL_TARGET_MAX];

	(void)count;
	if (!ctl_is_port_name(args[0]))
		return ctl_usage("a port is named BANK/SLOT", args[0]);
	if (!action_target(ctl, args[0], "at", target) || !ctl_target_query(target, "cmd", args[1]))
		return ctl_usage("an argument is too long", "");
	return ctl_do_and_show(ctl, target, show_lines);
}

enum ctl_exit ctl_ussd(struct ctl *ctl, char **args, int count)
{
	char target[CTL_TARGET_MAX];

	(void)count;
	if (!ctl_is_port_name(args[0]))
		return ctl_usage("a port is named BANK/SLOT", args[0]);
	if (!action_target(ctl, args[0], "ussd", target) ||
		!ctl_target_query(target, "code", args[1]))
		return ctl_usage("an argument is too long", "");
	return ctl_do_and_show(ctl, target, show_code_answer);
}

enum ctl_exit ctl_pin(struct ctl *ctl, char **args, int count)
{
	char target[CTL_TARGET_MAX];

	(void)count;
	if (strcmp(args[0], "forget") != 0)
		return ctl_usage("pin knows forget, not", args[0]);
	if (!ctl_is_port_name(args[1]))
		return ctl_usage("a port is named BANK/SLOT", args[1]);
	if (!action_target(ctl, args[1], "forget_pin", target))
		return ctl_usage("an argument is too long", "");
	return ctl_do_and_show(ctl, target, show_forgotten);
}
