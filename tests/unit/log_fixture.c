/* log_fixture.c - what is logged, kept for a test to look at. */
#include "log_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_MAX_LEN = 900 };

char log_text[1 << 20];
static size_t log_len;

static void on_log(void *arg, enum log_level level, const char *line)
{
	(void)arg, (void)level;
	if (getenv("SIMGATE_TEST_LOG"))
		fprintf(stderr, "%s\n", line);
	if (log_len + LINE_MAX_LEN < sizeof log_text)
		log_len += (size_t)snprintf(
			log_text + log_len, LINE_MAX_LEN, "%.*s\n", LINE_MAX_LEN - 2, line);
}

void log_forget(void)
{
	log_len = 0;
	log_text[0] = '\0';
}

void log_keep(void)
{
	log_forget();
	log_set_sink(on_log, NULL);
}

size_t logged(const char *part)
{
	size_t count = 0;

	for (const char *at = log_text; (at = strstr(at, part)); at++)
		count++;
	return count;
}
