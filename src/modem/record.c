/* record.c - what is said on a channel, masked, as a transcript that the tests can play. */
#include "modem/record.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "modem/record_mask.h"

enum {
	EARLY_MAX = 16384, /* octets kept until the device is known */
	LINE_SIZE = 1100,
	SPAN_MIN_MS = 2, /* shorter pauses are not written */
	FILES_MAX = 1000,
};

struct record {
	struct loop *loop;
	FILE *file;
	bool headed;
	int64_t last_ms;
	size_t early_len;
	char early[EARLY_MAX];
	struct record_names names;
};

static FILE *file_new(const char *folder, const char *port_id)
{
	char name[220], path[4096];
	FILE *file = NULL;

	snprintf(name, sizeof name, "%s", port_id);
	for (char *c = name; *c; c++)
		if (*c == '/')
			*c = '_';
	for (int n = 1; !file && n < FILES_MAX; n++) {
		int len = snprintf(path, sizeof path, "%s/%s", folder, name);
		if (n > 1 && len > 0 && (size_t)len < sizeof path)
			snprintf(path + len, sizeof path - (size_t)len, ".%d", n);
		file = fopen(path, "wx");
		if (!file && errno != EEXIST)
			break;
	}
	return file;
}

struct record *record_new(struct loop *loop, const char *folder, const char *port_id)
{
	struct record *record = calloc(1, sizeof *record);

	if (!record)
		return NULL;
	record->loop = loop;
	record->last_ms = loop_now_ms(loop);
	if (mkdir(folder, 0700) < 0 && errno != EEXIST)
		log_warning(LOGC_MODEM, port_id, NULL,
			LOG_FIELDS(LOG_STR("reason", strerror(errno))),
			"cannot make the folder of --record");
	record->file = file_new(folder, port_id);
	if (record->file)
		return record;
	log_warning(LOGC_MODEM, port_id, NULL, LOG_FIELDS(LOG_STR("reason", strerror(errno))),
		"cannot write a transcript to the folder of --record");
	free(record);
	return NULL;
}

void record_device(struct record *record, const char *model)
{
	if (!record || record->headed)
		return;
	fprintf(record->file, "origin: recorded %s\n", *model ? model : "unknown device");
	fwrite(record->early, 1, record->early_len, record->file);
	fflush(record->file);
	record->headed = true;
}

/* A backslash begins an escape in a transcript. */
static void escape(const char *line, char *out, size_t size)
{
	for (; *line && size > 5; line++) {
		size_t len = *line == '\\' ? 4 : 1;
		memcpy(out, len == 4 ? "\\x5c" : line, len);
		out += len;
		size -= len;
	}
	*out = '\0';
}

void record_line(struct record *record, char dir, const char *line)
{
	char masked[LINE_SIZE], escaped[LINE_SIZE], text[LINE_SIZE + 32];
	int64_t span_ms;
	int len = 0;

	if (!record)
		return;
	span_ms = loop_now_ms(record->loop) - record->last_ms;
	record->last_ms += span_ms;
	record_mask(&record->names, line, masked, sizeof masked);
	escape(masked, escaped, sizeof escaped);
	if (span_ms >= SPAN_MIN_MS)
		len = snprintf(text, sizeof text, "@ %lld\n", (long long)span_ms);
	len += snprintf(text + len, sizeof text - (size_t)len, "%c %s\n", dir, escaped);
	if (!record->headed && record->early_len + (size_t)len <= sizeof record->early) {
		memcpy(record->early + record->early_len, text, (size_t)len);
		record->early_len += (size_t)len;
		return;
	}
	record_device(record, ""); /* it will not say what it is any more */
	fwrite(text, 1, (size_t)len, record->file);
	fflush(record->file);
}

void record_free(struct record *record)
{
	if (!record)
		return;
	record_device(record, "");
	fclose(record->file);
	free(record);
}
