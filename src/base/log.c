/* log.c - one line per event: levels, masking, and the text, JSON and journal forms. */
#include "base/log.h"

#define SD_JOURNAL_SUPPRESS_LOCATION
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-journal.h>
#include <time.h>
#include <unistd.h>

#include "base/log_impl.h"
#include "base/loop.h"
#include "base/utf8.h"

/* Head, fields and end have their own limits, so that a long message cannot push them out: the
 * message gets what is left of the line. */
enum {
	LINE_SIZE = 2048, /* with its newline */
	HEAD_SIZE = 600,
	FIELDS_SIZE = 1100,
	END_SIZE = 160,
	OBJECT_SIZE = 128,
	EVENT_SIZE = 64,
	NAMED_MAX = 64,
	WRITE_TRIES = 8,
};

static const char *const level_names[] = { "error", "warning", "notice", "info", "debug" };
static const char level_letters[] = { 'E', 'W', 'N', 'I', 'D' };
static const char level_priorities[] = { '3', '4', '5', '6', '7' }; /* syslog's */
static const char *const format_names[] = { "auto", "text", "json", "journal" };
static const char *const cat_names[LOGC_COUNT] = { "main", "config", "port", "at", "modem", "sms",
	"store", "platform", "http", "api", "wire" };

static struct {
	enum log_format format;
	struct loop *loop;
	void (*sink)(void *arg, enum log_level level, const char *line);
	void *sink_arg;
	enum log_level level;
	int cat_levels[LOGC_COUNT]; /* level + 1; 0: not set */
	struct {
		char name[OBJECT_SIZE];
		enum log_level level;
	} named[NAMED_MAX];
	size_t named_count;
	unsigned suppressed; /* told by log_limit(), for the next line */
} logger = { .format = LOGF_TEXT, .level = LOGL_INFO };

/* Text that stops at its limit. */
struct out {
	char *text;
	size_t len, size;
	bool full;
};

static void out_bytes(struct out *out, const char *bytes, size_t len)
{
	if (out->full || len > out->size - out->len) {
		out->full = true;
		return;
	}
	memcpy(out->text + out->len, bytes, len);
	out->len += len;
}

static void out_str(struct out *out, const char *str)
{
	out_bytes(out, str, strlen(str));
}

/* Appends text without control characters (C0, DEL, C1: a terminal would obey them) and broken
 * UTF-8, as far as whole characters fit. escape: for what stands between double quotes. */
static void out_clean(struct out *out, const char *text, bool escape)
{
	size_t len = strlen(text), step, i;
	char buf[8];

	for (i = 0; i < len && !out->full; i += step ? step : 1) {
		const unsigned char *s = (const unsigned char *)text + i;
		size_t n = 0;

		step = utf8_step(text + i, len - i);
		/* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): i < len */
		if (!step || s[0] < 0x20 || s[0] == 0x7f || (s[0] == 0xc2 && s[1] < 0xa0)) {
			buf[n++] = '?';
		} else {
			if (escape && (s[0] == '"' || s[0] == '\\'))
				buf[n++] = '\\';
			memcpy(buf + n, s, step);
			n += step;
		}
		out_bytes(out, buf, n);
	}
}

static int name_index(const char *text, const char *const *names, int count)
{
	int i;

	for (i = 0; text && i < count; i++)
		if (!strcmp(text, names[i]))
			return i;
	return -1;
}

int log_level_parse(const char *text)
{
	return name_index(text, level_names, (int)(sizeof(level_names) / sizeof(*level_names)));
}

int log_format_parse(const char *text)
{
	return name_index(text, format_names, (int)(sizeof(format_names) / sizeof(*format_names)));
}

int log_cat_parse(const char *text)
{
	return name_index(text, cat_names, LOGC_COUNT);
}

/* systemd says with $JOURNAL_STREAM=DEVICE:INODE which stream it connected to the journal. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char own[64];
	struct stat st;

	if (!stream || fstat(STDERR_FILENO, &st))
		return false;
	snprintf(own, sizeof(own), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	return !strcmp(stream, own);
}

void log_init(enum log_format format, struct loop *loop)
{
	logger.loop = loop;
	if (format == LOGF_AUTO)
		format = stderr_is_journal() ? LOGF_JOURNAL : LOGF_TEXT;
	/* sd_journal_sendv() drops lines without a word where no journal runs */
	if (format == LOGF_JOURNAL && !logger.sink && access("/run/systemd/journal/socket", F_OK))
		format = LOGF_TEXT;
	logger.format = format;
}

void log_set_sink(void (*sink)(void *arg, enum log_level level, const char *line), void *arg)
{
	logger.sink = sink;
	logger.sink_arg = arg;
}

static int find_named(const char *name)
{
	size_t i;

	for (i = 0; i < logger.named_count; i++)
		if (!strcmp(logger.named[i].name, name))
			return (int)i;
	return -1;
}

int log_set_level(const char *name, enum log_level level)
{
	int cat = log_cat_parse(name);
	int i;

	if (!name) {
		logger.level = level;
		return 0;
	}
	if (cat >= 0) {
		logger.cat_levels[cat] = (int)level + 1;
		return 0;
	}
	i = find_named(name);
	if (i < 0) {
		if (logger.named_count == NAMED_MAX || strlen(name) >= OBJECT_SIZE)
			return -ENOSPC;
		i = (int)logger.named_count++;
		strcpy(logger.named[i].name, name);
	}
	logger.named[i].level = level;
	return 0;
}

void log_reset_levels(void)
{
	memset(logger.cat_levels, 0, sizeof(logger.cat_levels));
	logger.named_count = 0;
}

bool log_wanted(enum log_level level, enum log_cat cat, const char *object)
{
	int named = object ? find_named(object) : -1;

	if (cat == LOGC_WIRE && !logger.cat_levels[cat])
		return false;
	if (named >= 0)
		return level <= logger.named[named].level;
	if (logger.cat_levels[cat])
		return (int)level <= logger.cat_levels[cat] - 1;
	return level <= logger.level;
}

void log_mask_number(const char *number, char *out, int size)
{
	const char *digits = number[0] == '+' ? number + 1 : number;
	size_t len = strlen(digits);

	if (size <= 0)
		return;
	if (len <= 6)
		snprintf(out, (size_t)size, "***");
	else
		snprintf(out, (size_t)size, "%s%.3s***%s", number[0] == '+' ? "+" : "", digits,
			digits + len - 3);
}

void log_mask_card(const char *card, char *out, int size)
{
	size_t len = strlen(card);

	if (size > 0)
		snprintf(out, (size_t)size, "***%s", len > 4 ? card + len - 4 : "");
}

bool log_limit(struct log_limit *limit)
{
	int64_t now_ms = logger.loop ? loop_now_ms(logger.loop) : limit->since_ms;
	bool over = now_ms < limit->since_ms || now_ms - limit->since_ms >= limit->period_ms;

	if (!limit->count || !logger.loop || over) {
		limit->since_ms = now_ms;
		limit->count = 0;
	}
	if (limit->count && limit->count >= limit->burst) {
		limit->suppressed++;
		return false;
	}
	limit->count++;
	logger.suppressed = limit->suppressed;
	limit->suppressed = 0;
	return true;
}

/* The field's value as it may be shown, in buf or in the field itself; NULL: it has none. */
static const char *field_value(
	const struct log_field *field, enum log_level level, char *buf, int size)
{
	const char *str = field->str;

	switch (field->kind) {
	case LOGK_END: return NULL;
	case LOGK_STR: return str;
	case LOGK_INT: snprintf(buf, (size_t)size, "%" PRId64, field->num); return buf;
	case LOGK_NUMBER:
		if (str && level != LOGL_DEBUG)
			log_mask_number(str, buf, size);
		return str && level != LOGL_DEBUG ? buf : str;
	case LOGK_CARD:
		if (str && level != LOGL_DEBUG)
			log_mask_card(str, buf, size);
		return str && level != LOGL_DEBUG ? buf : str;
	case LOGK_TEXT:
		snprintf(buf, (size_t)size, "%zu", str ? utf8_count(str, strlen(str)) : 0);
		return buf;
	}
	return NULL;
}

static bool is_figure(const struct log_field *field)
{
	return field->kind == LOGK_INT || field->kind == LOGK_TEXT;
}

static void text_field(struct out *out, const char *key, const char *value)
{
	bool quoted = !*value || strpbrk(value, " \t\r\n\"\\");

	out_str(out, " ");
	out_clean(out, key, false);
	out_str(out, quoted ? "=\"" : "=");
	out_clean(out, value, quoted);
	if (quoted)
		out_str(out, "\"");
}

static void json_field(struct out *out, const char *key, const char *value, bool figure)
{
	out_str(out, ",\"");
	out_clean(out, key, true);
	out_str(out, figure ? "\":" : "\":\"");
	out_clean(out, value, !figure);
	if (!figure)
		out_str(out, "\"");
}

/* A field that does not fit is left out whole. */
static void put_fields(struct out *out, const struct log_entry *entry, bool json)
{
	const struct log_field *field;
	const char *value;
	char buf[64];

	for (field = entry->fields; field && field->kind != LOGK_END; field++) {
		size_t mark = out->len;

		value = field_value(field, entry->level, buf, sizeof(buf));
		if (!value)
			continue;
		if (json)
			json_field(out, field->key, value, is_figure(field));
		else
			text_field(out, field->key, value);
		if (out->full)
			out->len = mark;
		out->full = false;
	}
}

/* "2026-11-21T09:00:00.123Z"; false where there is no clock. */
static bool put_time(char *buf, size_t size)
{
	struct tm tm;
	int64_t ms, rest;
	time_t sec;

	if (!logger.loop)
		return false;
	ms = loop_wall_ms(logger.loop);
	rest = (ms % 1000 + 1000) % 1000;
	sec = (time_t)((ms - rest) / 1000);
	if (!gmtime_r(&sec, &tm))
		return false;
	snprintf(buf, size, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900, tm.tm_mon + 1,
		tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)rest);
	return true;
}

/* line has LINE_SIZE bytes: head, as much of the message as fits, fields and end. */
static void put_line(char *line, const struct log_entry *entry, const struct out *head,
	const struct out *fields, const struct out *end, bool escape)
{
	struct out out = { line, 0, LINE_SIZE - 1 - fields->len - end->len, false };

	out_bytes(&out, head->text, head->len);
	out_clean(&out, entry->message, escape);
	out.full = false;
	out.size = LINE_SIZE - 1;
	out_bytes(&out, fields->text, fields->len);
	out_bytes(&out, end->text, end->len);
	line[out.len] = '\0';
}

/* bare: without time and level, which the journal keeps by itself. */
static void text_line(const struct log_entry *entry, bool bare, char *line)
{
	char buf[HEAD_SIZE + FIELDS_SIZE + END_SIZE], number[32];
	struct out head = { buf, 0, HEAD_SIZE, false };
	struct out fields = { buf + HEAD_SIZE, 0, FIELDS_SIZE, false };
	struct out end = { buf + HEAD_SIZE + FIELDS_SIZE, 0, END_SIZE, false };
	char when[64];

	if (!bare && put_time(when, sizeof(when))) {
		out_str(&head, when);
		out_str(&head, " ");
	}
	if (!bare) {
		out_bytes(&head, &level_letters[entry->level], 1);
		out_str(&head, " ");
	}
	out_str(&head, cat_names[entry->cat]);
	if (entry->object) {
		out_str(&head, " ");
		out_str(&head, entry->object);
	}
	out_str(&head, ": ");
	put_fields(&fields, entry, false);
	if (entry->suppressed) {
		snprintf(number, sizeof(number), " suppressed=%u", entry->suppressed);
		out_str(&end, number);
	}
	if (entry->event)
		text_field(&end, "event", entry->event);
	put_line(line, entry, &head, &fields, &end, false);
}

static void json_line(const struct log_entry *entry, char *line)
{
	char buf[HEAD_SIZE + FIELDS_SIZE + END_SIZE], number[32];
	struct out head = { buf, 0, HEAD_SIZE, false };
	struct out fields = { buf + HEAD_SIZE, 0, FIELDS_SIZE - 1, false };
	struct out end = { buf + HEAD_SIZE + FIELDS_SIZE, 0, END_SIZE, false };
	char when[64];

	out_str(&head, "{");
	if (put_time(when, sizeof(when))) {
		out_str(&head, "\"ts\":\"");
		out_str(&head, when);
		out_str(&head, "\",");
	}
	out_str(&head, "\"level\":\"");
	out_str(&head, level_names[entry->level]);
	out_str(&head, "\"");
	json_field(&head, "cat", cat_names[entry->cat], false);
	if (entry->object)
		json_field(&head, "object", entry->object, false);
	if (entry->event)
		json_field(&head, "event", entry->event, false);
	out_str(&head, ",\"msg\":\"");
	out_str(&end, "\"");
	if (entry->suppressed) {
		snprintf(number, sizeof(number), "%u", entry->suppressed);
		json_field(&end, "suppressed", number, true);
	}
	put_fields(&fields, entry, true);
	fields.size++; /* kept free for this */
	out_str(&fields, "}");
	put_line(line, entry, &head, &end, &fields, true);
}

/* NAME=VALUE. A name is capitals, digits and '_': the journal drops others. */
static void journal_put(
	struct log_journal *journal, struct out *out, const char *name, const char *value)
{
	size_t mark = out->len, i;

	if (journal->count == LOG_JOURNAL_FIELDS)
		return;
	out_str(out, name);
	for (i = mark; i < out->len; i++) {
		char c = out->text[i];

		if (c >= 'a' && c <= 'z')
			out->text[i] = (char)(c - 'a' + 'A');
		else if (!(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9'))
			out->text[i] = '_';
	}
	out_str(out, "=");
	out_clean(out, value, false);
	if (out->full)
		out->len = mark;
	else
		journal->iov[journal->count++] =
			(struct iovec) { out->text + mark, out->len - mark };
	out->full = false;
}

void log_journal_build(const struct log_entry *entry, struct log_journal *journal)
{
	struct out out = { journal->text, 0, LOG_JOURNAL_SIZE, false };
	const char priority[] = { level_priorities[entry->level], '\0' };
	const struct log_field *field;
	char buf[LINE_SIZE], name[64];
	const char *value, *id = entry->event ? log_event_id(entry->event) : NULL;

	journal->count = 0;
	text_line(entry, true, buf);
	journal_put(journal, &out, "MESSAGE", buf);
	journal_put(journal, &out, "PRIORITY", priority);
	journal_put(journal, &out, "SYSLOG_IDENTIFIER", "simgated");
	journal_put(journal, &out, "SIMGATE_CATEGORY", cat_names[entry->cat]);
	if (entry->object)
		journal_put(journal, &out, "SIMGATE_OBJECT", entry->object);
	if (entry->object && strchr(entry->object, '/'))
		journal_put(journal, &out, "SIMGATE_PORT", entry->object);
	if (entry->event)
		journal_put(journal, &out, "SIMGATE_EVENT", entry->event);
	if (id)
		journal_put(journal, &out, "MESSAGE_ID", id);
	for (field = entry->fields; field && field->kind != LOGK_END; field++) {
		value = field_value(field, entry->level, buf, sizeof(buf));
		snprintf(name, sizeof(name), "SIMGATE_%s", field->key);
		if (value)
			journal_put(journal, &out, name, value);
	}
}

/* One write a line, so that lines of several processes do not mix. A line that stderr does not take
 * is lost: there is nowhere to say so. */
static void put_stderr(char *line)
{
	size_t len = strlen(line);
	int tries;

	line[len] = '\n';
	for (tries = 0; tries < WRITE_TRIES; tries++)
		if (write(STDERR_FILENO, line, len + 1) >= 0 || errno != EINTR)
			break;
	line[len] = '\0';
}

static void emit(const struct log_entry *entry)
{
	struct log_journal journal;
	char line[LINE_SIZE];

	if (logger.format == LOGF_JOURNAL && !logger.sink) {
		log_journal_build(entry, &journal);
		sd_journal_sendv(journal.iov, (int)journal.count);
		return;
	}
	if (logger.format == LOGF_JSON)
		json_line(entry, line);
	else
		text_line(entry, logger.format == LOGF_JOURNAL, line);
	if (logger.sink)
		logger.sink(logger.sink_arg, entry->level, line);
	else
		put_stderr(line);
}

static const char *clean_copy(const char *text, char *buf, size_t size)
{
	struct out out = { buf, 0, size - 1, false };

	if (!text)
		return NULL;
	out_clean(&out, text, false);
	buf[out.len] = '\0';
	return buf;
}

void log_write(enum log_level level, enum log_cat cat, const char *object, const char *event,
	const struct log_field *fields, const char *fmt, ...)
{
	char message[LINE_SIZE], clean_object[OBJECT_SIZE], clean_event[EVENT_SIZE];
	unsigned suppressed = logger.suppressed;
	int saved = errno;
	va_list ap;

	logger.suppressed = 0;
	if (!log_wanted(level, cat, object))
		return;
	va_start(ap, fmt);
	if (vsnprintf(message, sizeof(message), fmt, ap) < 0)
		message[0] = '\0';
	va_end(ap);
	emit(&(struct log_entry) {
		.level = level,
		.cat = cat,
		.object = clean_copy(object, clean_object, sizeof(clean_object)),
		.event = clean_copy(event, clean_event, sizeof(clean_event)),
		.fields = fields,
		.message = message,
		.suppressed = suppressed,
	});
	errno = saved;
}
