/* json_text.c - values that cJSON has no function for, added to a request or read with care. */
#include "platform/json_text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

bool json_add_text(cJSON *object, const char *name, const char *text)
{
	size_t left = strlen(text);
	char *clean = malloc(3 * left + 1), *to = clean;

	if (!clean)
		return false;
	while (left > 0) {
		size_t len = utf8_step(text, left);
		memcpy(to, len ? text : "\xef\xbf\xbd", len ? len : 3);
		to += len ? len : 3;
		text += len ? len : 1;
		left -= len ? len : 1;
	}
	*to = '\0';
	bool ok = cJSON_AddStringToObject(object, name, clean);
	free(clean);
	return ok;
}

bool json_add_int(cJSON *object, const char *name, int64_t value)
{
	char text[24];

	snprintf(text, sizeof text, "%" PRId64, value);
	return cJSON_AddRawToObject(object, name, text);
}

bool json_read_digits(const cJSON *value, char out[JSON_INT_SIZE])
{
	double number = value->valuedouble;

	if (cJSON_IsNumber(value)) {
		if (!(number >= 0 && number <= (double)JSON_INT_MAX) ||
			number != (double)(int64_t)number)
			return false;
		snprintf(out, JSON_INT_SIZE, "%" PRId64, (int64_t)number);
		return true;
	}
	if (!cJSON_IsString(value))
		return false;
	size_t len = strspn(value->valuestring, "0123456789");
	if (len == 0 || len >= JSON_INT_SIZE || value->valuestring[len])
		return false;
	memcpy(out, value->valuestring, len + 1);
	return true;
}

bool json_read_int(const cJSON *value, int64_t min, int64_t max, int64_t *out)
{
	char digits[JSON_INT_SIZE];

	return json_read_digits(value, digits) && config_parse_int(digits, min, max, out) == 0;
}

int64_t json_read_money(const cJSON *value)
{
	char text[48];

	if (cJSON_IsNumber(value) && value->valuedouble >= 0 && value->valuedouble < 1e11)
		snprintf(text, sizeof text, "%.4f", value->valuedouble);
	else if (cJSON_IsString(value))
		snprintf(text, sizeof text, "%s", value->valuestring);
	else
		return -1;
	int64_t amount = config_parse_money(text);
	return amount < 0 ? -1 : amount;
}

int json_make_call(cJSON *root, bool ok, const char *name, const char *path, struct call *out)
{
	char *body = ok ? cJSON_PrintUnformatted(root) : NULL;
	char *copy = strdup(path);

	cJSON_Delete(root);
	if (!body || !copy) {
		free(body);
		free(copy);
		return -ENOMEM;
	}
	*out = (struct call) { .name = name, .method = "POST", .path = copy, .body = body };
	return 0;
}
