/* ctl_outbox.c - `outbox`: what waits, was refused, held or withheld; again, or never. */
#include <stdio.h>
#include <string.h>

#include "cli/ctl.h"

static enum ctl_exit list_outbox(struct ctl *ctl)
{
	char target[CTL_TARGET_MAX] = "/api/v1/outbox", text[24];

	snprintf(text, sizeof text, "%lld", (long long)(ctl->limit ? ctl->limit : 1000));
	ctl_target_query(target, "limit", text);
	if (ctl->full)
		ctl_target_query(target, "full", "1");
	return ctl_ask_and_show(ctl, target, ctl_show_outbox);
}

/* id NULL: all. prefix: what the line of the result begins with. */
static enum ctl_exit change_outbox(
	struct ctl *ctl, const char *verb, const char *id, const char *prefix)
{
	char target[CTL_TARGET_MAX] = "/api/v1/outbox/";
	struct ctl_answer answer;

	if (!ctl_target_add(target, verb, "") ||
		!ctl_target_query(target, id ? "id" : "all", id ? id : "1"))
		return ctl_usage("an argument is too long", "");
	enum ctl_exit result = ctl_call(ctl, "POST", target, &answer);
	if (result != CTL_OK)
		return result;
	double changed = ctl_num(answer.json, "count");
	if (ctl->json)
		ctl_print_raw(&answer);
	else if (changed > 0 || !id)
		printf("%s%s%.0f %s\n", prefix, *prefix ? ": " : "", changed,
			strcmp(verb, "retry") == 0 ? "queued again" : "dropped");
	if (!ctl->json && ctl_num(answer.json, "undecodable") > 0)
		printf("%.0f still undecodable\n", ctl_num(answer.json, "undecodable"));
	ctl_answer_done(&answer);
	if (changed > 0 || !id)
		return CTL_OK;
	fprintf(stderr, "simgatectl: nothing in the outbox has this id\n");
	return CTL_FAILED;
}

/* One bad ID does not hold up the others. */
static enum ctl_exit change_each(struct ctl *ctl, const char *verb, char **ids, int count)
{
	enum ctl_exit result = CTL_OK;

	for (int i = 0; i < count && result != CTL_UNREACHABLE; i++) {
		enum ctl_exit one = change_outbox(ctl, verb, ids[i], count > 1 ? ids[i] : "");
		result = one != CTL_OK ? one : result;
	}
	return result;
}

enum ctl_exit ctl_outbox(struct ctl *ctl, char **args, int count)
{
	const char *verb = count > 0 ? args[0] : "list";

	if (strcmp(verb, "list") == 0)
		return count > 1 || ctl->all ? ctl_usage("outbox list takes no id and no --all", "")
					     : list_outbox(ctl);
	if (strcmp(verb, "retry") != 0 && strcmp(verb, "drop") != 0)
		return ctl_usage("outbox knows list, retry and drop, not", verb);
	if (ctl->limit)
		return ctl_usage("--limit goes with outbox list", "");
	if (strcmp(verb, "drop") == 0 && ctl->all)
		return ctl_usage("outbox drop takes the IDs of what is dropped, not --all", "");
	if ((count > 1) == ctl->all)
		return ctl_usage("which ones? name their IDs", verb);
	for (int i = 1; i < count; i++)
		if (!*args[i])
			return ctl_usage("an ID is empty", verb);
	return ctl->all ? change_outbox(ctl, verb, NULL, "")
			: change_each(ctl, verb, args + 1, count - 1);
}
