/* platform_push.c - texts of operations that the platform double takes, each of them once. */
#include "platform_impl.h"

#include <stdlib.h>
#include <string.h>

/* What was taken must not come again; equal texts of one operation look the same. */
static bool was_taken(const struct platform *p, const char *text)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, p->pushed) if (strcmp(item->valuestring, text) == 0) return true;
	return false;
}

/* Not taken, as it was told to: it has to come again as it is. */
void platform_refuse_push(struct platform *p, int64_t now_us, const cJSON *root)
{
	cJSON *line = cJSON_Duplicate(root, true);

	cJSON_DeleteItemFromObject(line, "key");
	platform_log(p, now_us, "push-refused", line);
}

void platform_take_push(
	struct platform *p, int64_t now_us, const cJSON *root, struct platform_answer *answer)
{
	cJSON *line = cJSON_Duplicate(root, true);

	cJSON_DeleteItemFromObject(line, "key");
	char *text = cJSON_PrintUnformatted(line);
	if (!p->pushed)
		p->pushed = cJSON_CreateArray();
	if (was_taken(p, text))
		platform_violated(p, now_us, "a text was sent again after SUCCESS");
	else
		cJSON_AddItemToArray(p->pushed, cJSON_CreateString(text));
	cJSON_free(text);
	p->pushes++;
	platform_log(p, now_us, "push", line);
	answer->status = 200;
	answer->body = strdup("{\"status\":\"SUCCESS\"}");
}
