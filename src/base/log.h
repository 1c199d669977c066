/* log.h - one line per event: level, category, object, text, typed fields; masked here. */
#ifndef SIMGATE_BASE_LOG_H
#define SIMGATE_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

struct loop;

enum log_level { LOGL_ERROR, LOGL_WARNING, LOGL_NOTICE, LOGL_INFO, LOGL_DEBUG };

/* LOGC_WIRE is bytes on the wire: off unless asked for by name (log.wire = debug). */
enum log_cat {
	LOGC_MAIN,
	LOGC_CONFIG,
	LOGC_PORT,
	LOGC_AT,
	LOGC_MODEM,
	LOGC_SMS,
	LOGC_STORE,
	LOGC_PLATFORM,
	LOGC_HTTP,
	LOGC_API,
	LOGC_WIRE,
	LOGC_COUNT
};

enum log_format { LOGF_AUTO, LOGF_TEXT, LOGF_JSON, LOGF_JOURNAL };

enum log_kind {
	LOGK_END,
	LOGK_STR,    /* a word or a reason of ours */
	LOGK_INT,    /* any number that is no phone number */
	LOGK_NUMBER, /* phone number: +467***201; whole at debug only */
	LOGK_CARD,   /* ICCID, IMSI, IMEI or card_id: last four digits; whole at debug only */
	LOGK_TEXT,   /* message text or another body: its length in characters, at every level */
};

struct log_field {
	const char *key;
	enum log_kind kind;
	const char *str;
	int64_t num;
};

#define LOG_STR(k, v)    ((struct log_field) { (k), LOGK_STR, (v), 0 })
#define LOG_INT(k, v)    ((struct log_field) { (k), LOGK_INT, 0, (v) })
#define LOG_NUMBER(k, v) ((struct log_field) { (k), LOGK_NUMBER, (v), 0 })
#define LOG_CARD(k, v)   ((struct log_field) { (k), LOGK_CARD, (v), 0 })
#define LOG_TEXT(k, v)   ((struct log_field) { (k), LOGK_TEXT, (v), 0 })
#define LOG_FIELDS(...)  ((const struct log_field[]) { __VA_ARGS__, { 0 } })

/* Where lines go. loop gives the time stamps (NULL: none are printed); it must outlive the logger
 * or be taken away by log_init(format, NULL). LOGF_AUTO is the journal where stderr is one
 * ($JOURNAL_STREAM), text otherwise. May be called again. */
void log_init(enum log_format format, struct loop *loop);

/* Level for all, for one category by name ("at"), or for one object ("north/p03"). name NULL: all.
 * At most 64 objects. Returns 0 or -ENOSPC. log_reset_levels() drops what was set by name. */
int log_set_level(const char *name, enum log_level level);
void log_reset_levels(void);

/* Parse and print names of levels, categories, formats: -1 when unknown. */
int log_level_parse(const char *text);
int log_format_parse(const char *text);
int log_cat_parse(const char *text);

/* A test reads lines here instead of stderr; NULL restores. The line has no newline. */
void log_set_sink(void (*sink)(void *arg, enum log_level level, const char *line), void *arg);

bool log_wanted(enum log_level level, enum log_cat cat, const char *object);

/* object: BANK/SLOT, a platform's name, or NULL. event: what operators filter by, or
 * NULL. fields: LOG_FIELDS(...) or NULL. Control bytes in the text are printed as '?', a line is
 * cut at 2048 bytes. fmt ends without a newline. */
void log_write(enum log_level level, enum log_cat cat, const char *object, const char *event,
	const struct log_field *fields, const char *fmt, ...) __attribute__((format(printf, 6, 7)));

/* Rate limit at a call site: the first `burst` in each period pass, the rest are counted, and the
 * next line that passes says how many were suppressed.
 *	static struct log_limit limit = { .period_ms = 60000, .burst = 1 };
 *	if (log_limit(&limit)) log_write(...)                          */
struct log_limit {
	int64_t period_ms;
	unsigned burst;
	int64_t since_ms;
	unsigned count;
	unsigned suppressed;
};
bool log_limit(struct log_limit *limit);

/* Masked copy of a phone number or card id, as the logger prints it above debug. size >= 24. */
void log_mask_number(const char *number, char *out, int size);
void log_mask_card(const char *card, char *out, int size);

/* Shorthands: log_info(LOGC_MODEM, id, "registered", LOG_FIELDS(...), "registered, %s", net) */
#define log_error(...)   log_write(LOGL_ERROR, __VA_ARGS__)
#define log_warning(...) log_write(LOGL_WARNING, __VA_ARGS__)
#define log_notice(...)  log_write(LOGL_NOTICE, __VA_ARGS__)
#define log_info(...)    log_write(LOGL_INFO, __VA_ARGS__)
#define log_debug(...)   log_write(LOGL_DEBUG, __VA_ARGS__)

#endif
