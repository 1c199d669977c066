/* log_impl.h - inside of the logger, for log.c and its test. */
#ifndef SIMGATE_BASE_LOG_IMPL_H
#define SIMGATE_BASE_LOG_IMPL_H

#include <stddef.h>
#include <sys/uio.h>

#include "base/log.h"

enum { LOG_JOURNAL_FIELDS = 40, LOG_JOURNAL_SIZE = 6144 };

struct log_entry {
	enum log_level level;
	enum log_cat cat;
	const char *object; /* NULL: none */
	const char *event;  /* NULL: none */
	const struct log_field *fields;
	const char *message;
	unsigned suppressed;
};

/* What goes to sd_journal_sendv(): NAME=VALUE each, no terminators. */
struct log_journal {
	size_t count;
	struct iovec iov[LOG_JOURNAL_FIELDS];
	char text[LOG_JOURNAL_SIZE];
};

void log_journal_build(const struct log_entry *entry, struct log_journal *journal);

/* The MESSAGE_ID that all lines of this event bear: 32 hexadecimal digits; NULL where it has none.
 */
const char *log_event_id(const char *event);

#endif
