/* shared_fixture.c - samples that lie beside the tree, where they are present. */
#include "shared_fixture.h"

#include <stdio.h>
#include <stdlib.h>

cJSON *shared_read(const char *name)
{
	char path[512];
	char *text = NULL;
	cJSON *root = NULL;
	size_t size = 0;
	ssize_t len;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", SHARED_DATA, name);
	file = fopen(path, "r");
	if (!file) {
		print_message("shared data absent: skipped (%s)\n", name);
		return NULL;
	}
	len = getdelim(&text, &size, EOF, file);
	if (len > 0)
		root = cJSON_ParseWithLength(text, (size_t)len);
	free(text);
	fclose(file);
	if (!root)
		fail_msg("%s is no JSON", path);
	return root;
}

const char *shared_text(const cJSON *json, const char *name)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, name));

	return text ? text : "";
}
