/* alternative_newest.c - answers to polls, kept in memory: made once for each text that arrives. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "platform/alternative_impl.h"
#include "platform/sms_code.h"

static struct newest **slot_of(struct alternative *api, int64_t id)
{
	struct newest **at = &api->newest[(uint64_t)id % NEWEST_BUCKETS];

	while (*at && (*at)->id != id)
		at = &(*at)->next;
	return at;
}

struct newest *newest_of(struct alternative *api, const struct store_activation *activation)
{
	struct newest *newest = *slot_of(api, activation->id);

	return newest && strcmp(newest->message_id, activation->last_message_id) == 0 ? newest
										      : NULL;
}

static void clear(struct newest *newest)
{
	free(newest->code);
	free(newest->full);
	free(newest->rent);
}

struct newest *newest_keep(
	struct alternative *api, const struct store_activation *activation, struct newest answers)
{
	bool whole = activation->rent ? answers.rent != NULL : answers.code && answers.full;
	struct newest *newest = whole ? malloc(sizeof *newest) : NULL;

	newest_forget(api, activation->id);
	if (!newest) {
		clear(&answers);
		return NULL;
	}
	*newest = answers;
	newest->id = activation->id;
	newest->next = NULL;
	snprintf(newest->message_id, sizeof newest->message_id, "%s", activation->last_message_id);
	*slot_of(api, activation->id) = newest;
	return newest;
}

void newest_forget(struct alternative *api, int64_t id)
{
	struct newest **at = slot_of(api, id), *newest = *at;

	if (!newest)
		return;
	*at = newest->next;
	clear(newest);
	free(newest);
}

void newest_forget_all(struct alternative *api)
{
	for (size_t i = 0; i < NEWEST_BUCKETS; i++)
		while (api->newest[i])
			newest_forget(api, api->newest[i]->id);
}

/* ---- what is answered ----------------------------------------------------------------------- */

static const struct pattern *pattern_of(struct alternative *api, const char *service)
{
	const struct config *config = api->parts.config;

	for (size_t i = 0; api->codes && i < config->service_count; i++)
		if (strcmp(config->services[i].name, service) == 0)
			return api->codes[i];
	return NULL;
}

/* In one line, for an answer is one. */
static char *one_line(const char *text, size_t len)
{
	char *line = malloc(len + 1);

	for (size_t i = 0; line && i < len; i++)
		line[i] = (unsigned char)text[i] < ' ' ? ' ' : text[i];
	if (line)
		line[len] = '\0';
	return line;
}

/* The service's pattern, else the digits that look most like a code, else all of the text: the
 * customer has to find it himself then. */
char *newest_code(struct alternative *api, const char *service, const char *text)
{
	const struct pattern *pattern = pattern_of(api, service);
	size_t len = strlen(text);
	struct pattern_span found;
	char code[SMS_CODE_SIZE];

	if (pattern && utf8_valid(text, len) &&
		pattern_match(api->patterns, pattern, text, len, &found) == PATTERN_FOUND)
		return one_line(text + found.at, found.len);
	if (sms_code_find(text, code))
		return strdup(code);
	return one_line(text, len);
}

char *newest_full(const char *sender, const char *text)
{
	size_t size = strlen(sender) + strlen(text) + sizeof "FULL_SMS:[] ";
	char *full = malloc(size);

	if (full)
		snprintf(full, size, "FULL_SMS:[%s] %s", sender, text);
	return full;
}
