/* json_text.c - values that cJSON has no function for, added to a request. */
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
