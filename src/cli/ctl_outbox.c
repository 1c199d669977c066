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

static enum ctl_exit change_outbox(struct ctl *ctl, const char *verb, const char *id)
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
		printf("%.0f %s\n", changed,
			strcmp(verb, "retry") == 0 ? "queued again" : "dropped");
	if (!ctl->json && ctl_num(answer.json, "undecodable") > 0)
		printf("%.0f still undecodable\n", ctl_num(answer.json, "undecodable"));
	ctl_answer_done(&answer);
	if (changed > 0 || !id)
		return CTL_OK;
	fprintf(stderr, "simgatectl: nothing in the outbox has this id\n");
	return CTL_FAILED;
}

enum ctl_exit ctl_outbox(struct ctl *ctl, char **args, int count)
{
	const char *verb = count > 0 ? args[0] : "list";
	const char *id = count > 1 ? args[1] : NULL;

	if (strcmp(verb, "list") == 0)
		return id || ctl->all ? ctl_usage("outbox list takes no id and no --all", "")
				      : list_outbox(ctl);
	if (strcmp(verb, "retry") != 0 && strcmp(verb, "drop") != 0)
		return ctl_usage("outbox knows list, retry and drop, not", verb);
	if (ctl->limit)
		return ctl_usage("--limit goes with outbox list", "");
	if (strcmp(verb, "drop") == 0 && ctl->all)
		return ctl_usage("outbox drop takes one id at a time", "");
	if (!id == !ctl->all || (id && !*id))
		return ctl_usage("which one? name its ID", verb);
	return change_outbox(ctl, verb, id);
}
