/* ctl_drain.c - `simgatectl drain` and `resume`: ports off the list, and back on it. */
#include <stdio.h>
#include <string.h>

#include "base/config.h"
#include "cli/ctl.h"

enum { DEFAULT_MS = 60000 };

static bool which_target(const struct ctl *ctl, const char *path, const char *port, char *target)
{
	strcpy(target, path);
	return ctl_target_query(target, ctl->all ? "all" : "port", ctl->all ? "1" : port);
}

/* One port, or --all. */
static enum ctl_exit check_which(const struct ctl *ctl, char **args, int count)
{
	if ((count > 0) == ctl->all)
		return ctl_usage("which ports? BANK/SLOT, or --all", "");
	if (count > 0 && !ctl_is_port_name(args[0]))
		return ctl_usage("a port is named BANK/SLOT", args[0]);
	return CTL_OK;
}

static void show_drained(const struct ctl *ctl, const cJSON *answer)
{
	const cJSON *item;
	char text[512];

	(void)ctl;
	cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(answer, "draining"))
	{
		const char *waits = ctl_str(item, "waits");
		snprintf(text, sizeof text, "%s: draining%s%s", ctl_str(item, "port"),
			*waits ? ": " : "", waits);
		ctl_line("", text);
	}
	printf("%.0f of %.0f drained\n", ctl_num(answer, "drained"), ctl_num(answer, "ports"));
}

enum ctl_exit ctl_drain(struct ctl *ctl, char **args, int count)
{
	char target[CTL_TARGET_MAX], text[24];
	enum ctl_exit result = check_which(ctl, args, count);

	if (result != CTL_OK)
		return result;
	ctl->wait_ms = ctl->no_wait ? 0 : DEFAULT_MS;
	if (ctl->timeout && ctl->no_wait)
		return ctl_usage("--timeout and --no-wait exclude each other", "");
	if (ctl->timeout)
		ctl->wait_ms = config_parse_duration(ctl->timeout);
	if (ctl->timeout && (ctl->wait_ms <= 0 || ctl->wait_ms > INT64_C(86400000)))
		return ctl_usage("--timeout takes a span up to a day, as 90s, not", ctl->timeout);
	snprintf(text, sizeof text, "%lld", (long long)ctl->wait_ms);
	if (!which_target(ctl, "/api/v1/drain", args[0], target) ||
		!ctl_target_query(target, "timeout", text))
		return ctl_usage("an argument is too long", "");
	return ctl_do_and_show(ctl, target, show_drained);
}

static void show_resumed(const struct ctl *ctl, const cJSON *answer)
{
	(void)ctl;
	printf("%.0f resumed\n", ctl_num(answer, "count"));
}

enum ctl_exit ctl_resume(struct ctl *ctl, char **args, int count)
{
	char target[CTL_TARGET_MAX];
	enum ctl_exit result = check_which(ctl, args, count);

	if (result != CTL_OK)
		return result;
	if (!which_target(ctl, "/api/v1/resume", args[0], target))
		return ctl_usage("an argument is too long", "");
	return ctl_do_and_show(ctl, target, show_resumed);
}
