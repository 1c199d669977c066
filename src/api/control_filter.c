/* control_filter.c - the control socket's test of rules: which one decides on each of some texts.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/control_impl.h"
#include "platform/filter.h"

enum {
	TEXTS_MAX = 50, /* in one call: each may take as long as a rule's limits allow */
	LINE_MAX_NUMBER = 1000000,
	RULE_SHOWN = 200, /* bytes of a rule in the answer */
};

static const char *member(const cJSON *object, const char *name)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);

	return cJSON_IsString(item) ? item->valuestring : "";
}

/* A rule may be long: its beginning, cut between characters. */
static void add_rule(cJSON *json, const char *rule)
{
	char shown[RULE_SHOWN + 4];
	size_t len = strlen(rule);

	if (len > RULE_SHOWN) {
		len = RULE_SHOWN;
		while (len > 0 && ((unsigned char)rule[len] & 0xc0) == 0x80)
			len--;
	}
	snprintf(shown, sizeof shown, "%.*s%s", (int)len, rule, rule[len] ? "..." : "");
	cJSON_AddStringToObject(json, "rule", shown);
}

static cJSON *decide(struct filter *filter, const cJSON *item)
{
	const struct filter_text text = { member(item, "from"), member(item, "text"),
		member(item, "card"), member(item, "platform"),
		cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(item, "rent")) };
	struct filter_decision decision;
	cJSON *json = cJSON_CreateObject();

	filter_decide(filter, &text, &decision);
	cJSON_AddStringToObject(json, "verdict",
		decision.withheld    ? "withhold"
		: decision.line != 0 ? "allow"
				     : "pass");
	json_int(json, "line", decision.line);
	cJSON_AddStringToObject(json, "reason", decision.reason);
	add_rule(json, decision.rule);
	return json;
}

static void answer_report(struct http_request *request, const struct config_report *report)
{
	cJSON *json = cJSON_CreateObject(), *lines;

	cJSON_AddStringToObject(json, "error", "the rules have errors");
	lines = cJSON_AddArrayToObject(json, "report");
	for (size_t i = 0; i < report->count; i++)
		cJSON_AddItemToArray(lines, cJSON_CreateString(report->lines[i]));
	json_answer(request, 422, json);
}

/* `rules` as text, else the built-in ones; errors are told with `name` and lines from `line` on. */
static struct filter *read_rules(
	const struct control *control, const cJSON *body, struct config_report *report)
{
	const cJSON *rules = cJSON_GetObjectItemCaseSensitive(body, "rules");
	const cJSON *line = cJSON_GetObjectItemCaseSensitive(body, "line");
	const char *names[CONFIG_PLATFORMS_MAX + 1] = { NULL };
	const char *name = *member(body, "name") ? member(body, "name") : "rules";
	struct filter_source source = { NULL, name, 1, names };
	struct filter *filter = NULL;
	char *text;

	for (size_t i = 0; i < control->view->config->platform_count; i++)
		names[i] = control->view->config->platforms[i].name;
	if (!rules) {
		filter_load(FILTER_DEFAULT, names, report, &filter);
		return filter;
	}
	if (cJSON_IsNumber(line) && line->valuedouble >= 1 && line->valuedouble <= LINE_MAX_NUMBER)
		source.first_line = (int)line->valuedouble;
	/* A stream over memory has at least a byte. */
	if (asprintf(&text, "%s\n", rules->valuestring) < 0)
		return NULL;
	source.file = fmemopen(text, strlen(text), "r");
	if (source.file) {
		filter = filter_read(&source, report);
		fclose(source.file);
	}
	free(text);
	return filter;
}

/* NULL, or what is wrong with the body. */
static const char *body_fault(const cJSON *body)
{
	const cJSON *rules = cJSON_GetObjectItemCaseSensitive(body, "rules");
	const cJSON *texts = cJSON_GetObjectItemCaseSensitive(body, "texts"), *item;

	if (!cJSON_IsObject(body) || !cJSON_IsArray(texts))
		return "the body is a JSON object with rules (text; left out: the built-in ones) "
		       "and texts, a list of {from, text}";
	if (rules && !cJSON_IsString(rules))
		return "rules are the text of a rule file";
	if (cJSON_GetArraySize(texts) > TEXTS_MAX)
		return "at most 50 texts in one call";
	cJSON_ArrayForEach(item, texts) if (!cJSON_IsObject(item)) return "texts are {from, text}";
	return NULL;
}

void control_filter_test(void *arg, struct http_request *request)
{
	cJSON *body = cJSON_ParseWithLength(request->body, request->body_len), *json, *list;
	const cJSON *item;
	const char *fault = body_fault(body);
	struct config_report report = { 0 };
	struct filter *filter;

	if (fault) {
		json_error(request, 400, fault);
		cJSON_Delete(body);
		return;
	}
	filter = read_rules(arg, body, &report);
	if (filter) {
		json = cJSON_CreateObject();
		list = cJSON_AddArrayToObject(json, "results");
		cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(body, "texts"))
			cJSON_AddItemToArray(list, decide(filter, item));
		json_answer(request, 200, json);
	} else if (report.errors) {
		answer_report(request, &report);
	} else {
		json_error(request, 500, "out of memory");
	}
	filter_free(filter);
	config_report_free(&report);
	cJSON_Delete(body);
}

void control_add_filtered(cJSON *json)
{
	cJSON *reasons = cJSON_AddObjectToObject(json, "filtered");
	const char *reason;
	uint64_t count;

	for (size_t i = 0; filter_counted(i, &reason, &count); i++)
		json_int(reasons, reason, (int64_t)count);
}
