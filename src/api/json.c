/* json.c - JSON answers, with what must be masked masked. */
#include "api/json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/config.h"
#include "base/log.h"
#include "base/utf8.h"

/* What modems say may be anything: a byte that is no UTF-8 becomes '?'. */
static void mend_utf8(char *text)
{
	size_t len = strlen(text), step;

	for (size_t i = 0; i < len; i += step ? step : 1) {
		step = utf8_step(text + i, len - i);
		if (!step)
			text[i] = '?';
	}
}

char *json_text(cJSON *json)
{
	char *text = json ? cJSON_PrintUnformatted(json) : NULL;

	cJSON_Delete(json);
	if (text)
		mend_utf8(text);
	return text;
}

void json_answer(struct http_request *request, int status, cJSON *json)
{
	char *text = json_text(json);

	if (text)
		http_reply(request, status, "application/json; charset=utf-8", text, strlen(text));
	else
		http_reply(request, 500, "application/json", "{\"error\":\"out of memory\"}", 25);
	cJSON_free(text);
}

void json_error(struct http_request *request, int status, const char *error)
{
	cJSON *json = cJSON_CreateObject();

	cJSON_AddStringToObject(json, "error", error);
	json_answer(request, status, json);
}

void json_store_error(struct http_request *request, int err)
{
	char text[160];

	if (err == -EAGAIN)
		snprintf(text, sizeof text,
			"the server that has the store cannot be used now: simgatectl status says "
			"why; try again when it can");
	else
		snprintf(text, sizeof text, "the store says: %s", strerror(-err));
	json_error(request, 503, text);
}

void json_time(cJSON *json, const char *name, int64_t wall_ms)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	char text[40] = "";
	struct tm tm;

	if (wall_ms > 0 && gmtime_r(&seconds, &tm))
		strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
	cJSON_AddStringToObject(json, name, text);
}

void json_int(cJSON *json, const char *name, int64_t value)
{
	cJSON_AddNumberToObject(json, name, (double)value);
}

void json_money(cJSON *json, const char *name, int64_t amount)
{
	char text[CONFIG_MONEY_SIZE];

	cJSON_AddStringToObject(json, name, amount > 0 ? config_print_money(amount, text) : "");
}

void json_number(cJSON *json, const char *name, const char *number, bool full)
{
	char masked[32];

	log_mask_number(number, masked, sizeof masked);
	cJSON_AddStringToObject(json, name, full || !*number ? number : masked);
}

void json_card(cJSON *json, const char *name, const char *card, bool full)
{
	char masked[32];

	log_mask_card(card, masked, sizeof masked);
	cJSON_AddStringToObject(json, name, full || !*card ? card : masked);
}
