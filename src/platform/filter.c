/* filter.c - which texts must not leave this host: reads the rules, matches them, counts. */
#include "platform/filter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fnv.h"
#include "base/log.h"
#include "base/utf8.h"
#include "platform/filter_default.h"
#include "platform/filter_line.h"
#include "platform/pattern.h"

enum { BASE_MAX = 28 }; /* of the file's name in a reason */

struct rule {
	bool withhold, rent;
	bool said; /* in the log, that it went over a limit */
	int line;
	struct pattern *from, *text; /* NULL: any */
	char *platform, *card;       /* "": any */
	char *source;                /* as written */
	char reason[FILTER_REASON_SIZE];
};

struct filter {
	char *name;
	const char *const *platforms; /* while it is read */
	struct patterns *patterns;
	struct rule *rules;
	size_t count, room;
	uint64_t hash; /* of its lines */
};

/* ---- reading -------------------------------------------------------------------------------- */

static struct pattern *compile(struct filter *filter, const char *what,
	const struct filter_pattern *pattern, struct config_place place,
	struct config_report *report)
{
	char why[PATTERN_WHY_SIZE];
	struct pattern *code;
	size_t offset;

	if (!pattern->re)
		return NULL;
	code = pattern_compile(
		filter->patterns, pattern->re, pattern->len, pattern->caseless, why, &offset);
	if (!code)
		config_error(report, place,
			"%s: %s, at offset %zu of the pattern, column %zu; correct it", what, why,
			offset, pattern->column + offset);
	return code;
}

/* The rule's own word, else where it stands. */
static void make_reason(const struct filter *filter, const struct filter_line *line, int number,
	char out[FILTER_REASON_SIZE])
{
	const char *slash = strrchr(filter->name, '/');
	char base[BASE_MAX + 1];

	if (*line->reason) {
		snprintf(out, FILTER_REASON_SIZE, "%s", line->reason);
		return;
	}
	config_clean_name(slash ? slash + 1 : filter->name, base, sizeof base);
	snprintf(out, FILTER_REASON_SIZE, "%s:%d", base, number);
}

static struct rule *new_rule(struct filter *filter)
{
	if (filter->count == filter->room) {
		size_t room = filter->room ? 2 * filter->room : 64;
		struct rule *rules = realloc(filter->rules, room * sizeof *rules);
		if (!rules)
			return NULL;
		filter->rules = rules;
		filter->room = room;
	}
	filter->rules[filter->count] = (struct rule) { 0 };
	return &filter->rules[filter->count++];
}

static void no_memory(struct config_report *report, struct config_place place)
{
	config_error(report, place, "out of memory");
}

static void add_rule(struct filter *filter, const struct filter_line *line, const char *source,
	struct config_place place, struct config_report *report)
{
	struct rule *rule;

	if (filter->count == FILTER_RULES_MAX) {
		config_error(report, place, "more than %d rules; put patterns together with |",
			FILTER_RULES_MAX);
		return;
	}
	if (*line->platform && filter->platforms &&
		!config_is_word(line->platform, filter->platforms))
		config_error(report, place,
			"platform: there is no [platform %.80s]; nearest known name: %s",
			line->platform,
			*filter->platforms ? config_nearest(line->platform, filter->platforms)
					   : "none");
	rule = new_rule(filter);
	if (!rule) {
		no_memory(report, place);
		return;
	}
	rule->withhold = line->withhold;
	rule->rent = line->rent;
	rule->line = place.line;
	rule->from = compile(filter, "from", &line->from, place, report);
	rule->text = compile(filter, "text", &line->text, place, report);
	rule->platform = strdup(line->platform);
	rule->card = strdup(line->card);
	rule->source = strdup(source);
	make_reason(filter, line, place.line, rule->reason);
	if (!rule->platform || !rule->card || !rule->source)
		no_memory(report, place);
}

/* A rule that is bad anyhow: are its patterns, too? */
static void check_patterns(struct filter *filter, const struct filter_line *line,
	struct config_place place, struct config_report *report)
{
	pattern_free(compile(filter, "from", &line->from, place, report));
	pattern_free(compile(filter, "text", &line->text, place, report));
}

/* False: the rest is not read. */
static bool read_line(struct filter *filter, const struct filter_source *source,
	struct config_lines *lines, struct config_report *report)
{
	struct config_place place = { filter->name, 0 };
	char copy[CONFIG_LINE_MAX + 1];
	struct filter_line line;
	const char *why;
	enum config_line state = config_lines_next(lines, &why);

	place.line = lines->line;
	if (state == CONFIG_LINE_END)
		return false;
	if (ftello(source->file) > FILTER_FILE_MAX) {
		config_error(report, place, "the file is longer than %d KiB; shorten it",
			FILTER_FILE_MAX / 1024);
		return false;
	}
	if (state == CONFIG_LINE_BAD) {
		config_error(report, place, "%s", why);
		return true;
	}
	strcpy(copy, lines->text);
	filter->hash = fnv_text(filter->hash, copy);
	switch (filter_line_read(lines->text, place, report, &line)) {
	case FILTER_LINE_EMPTY: break;
	case FILTER_LINE_RULE: add_rule(filter, &line, config_trim(copy), place, report); break;
	case FILTER_LINE_BAD: check_patterns(filter, &line, place, report); break;
	}
	return true;
}

static struct filter *filter_new(const struct filter_source *source)
{
	struct filter *filter = calloc(1, sizeof *filter);

	if (!filter)
		return NULL;
	filter->platforms = source->platforms;
	filter->name = strdup(source->name);
	filter->patterns = patterns_new();
	if (filter->name && filter->patterns)
		return filter;
	filter_free(filter);
	return NULL;
}

struct filter *filter_read(const struct filter_source *source, struct config_report *report)
{
	struct filter *filter = filter_new(source);
	struct config_lines *lines = calloc(1, sizeof *lines);
	struct config_place start = { source->name, source->first_line };
	size_t errors = report->errors;

	if (filter && lines) {
		lines->file = source->file;
		lines->line = source->first_line - 1;
		while (read_line(filter, source, lines, report))
			;
		if (ferror(source->file))
			config_error(report, start, "cannot be read further");
		filter->platforms = NULL;
	} else {
		no_memory(report, start);
	}
	free(lines);
	if (report->errors == errors)
		return filter;
	filter_free(filter);
	return NULL;
}

bool filter_same(const struct filter *a, const struct filter *b)
{
	return a == b || (a && b && a->hash == b->hash);
}

const char *filter_default_rules(size_t *len)
{
	*len = filter_default_len;
	return (const char *)filter_default;
}

int filter_load(const char *setting, const char *const *platforms, struct config_report *report,
	struct filter **out)
{
	struct filter_source source = { NULL, setting, 1, platforms };
	bool built_in = strcmp(setting, FILTER_DEFAULT) == 0;
	int err = 0;

	*out = NULL;
	if (strcmp(setting, FILTER_OFF) == 0)
		return 0;
	if (built_in) {
		source.file = fmemopen((void *)(uintptr_t)filter_default, filter_default_len, "r");
		err = source.file ? 0 : -errno;
	} else {
		err = config_open(setting, &source.file);
	}
	if (err) {
		config_error(report, (struct config_place) { setting, 0 }, "cannot be read: %s",
			err == -EINVAL ? "not a regular file" : strerror(-err));
		return -EINVAL;
	}
	*out = filter_read(&source, report);
	fclose(source.file);
	return *out ? 0 : -EINVAL;
}

void filter_free(struct filter *filter)
{
	if (!filter)
		return;
	for (size_t i = 0; i < filter->count; i++) {
		pattern_free(filter->rules[i].from);
		pattern_free(filter->rules[i].text);
		free(filter->rules[i].platform);
		free(filter->rules[i].card);
		free(filter->rules[i].source);
	}
	free(filter->rules);
	patterns_free(filter->patterns);
	free(filter->name);
	free(filter);
}

/* ---- matching ------------------------------------------------------------------------------- */

static void say_limit(const struct filter *filter, struct rule *rule, int err)
{
	char why[PATTERN_WHY_SIZE];

	if (rule->said)
		return;
	rule->said = true;
	pattern_error(err, why);
	log_warning(LOGC_PLATFORM, NULL, NULL,
		LOG_FIELDS(LOG_STR("file", filter->name), LOG_INT("line", rule->line),
			LOG_STR("reason", why)),
		"a rule of the filter gave up on a text, which is therefore withheld, the safe "
		"side; make its pattern simpler. Said once a rule");
}

static int match(
	const struct filter *filter, const struct pattern *pattern, const char *text, size_t len)
{
	return pattern ? pattern_match(filter->patterns, pattern, text, len, NULL) : PATTERN_FOUND;
}

static int match_rule(const struct filter *filter, const struct rule *rule,
	const struct filter_text *text, size_t from_len, size_t text_len)
{
	int rc;

	if ((*rule->platform && strcmp(rule->platform, text->platform) != 0) ||
		(*rule->card && strcmp(rule->card, text->card) != 0) || (rule->rent && !text->rent))
		return PATTERN_NONE;
	rc = match(filter, rule->from, text->from, from_len);
	return rc < 0 ? rc : match(filter, rule->text, text->text, text_len);
}

void filter_decide(
	struct filter *filter, const struct filter_text *text, struct filter_decision *out)
{
	size_t from_len = strlen(text->from), text_len = strlen(text->text);

	*out = (struct filter_decision) { .reason = "", .rule = "" };
	if (!utf8_valid(text->from, from_len) || !utf8_valid(text->text, text_len)) {
		out->withheld = true;
		out->reason = FILTER_LIMIT;
		return;
	}
	for (size_t i = 0; i < filter->count; i++) {
		struct rule *rule = &filter->rules[i];
		int rc = match_rule(filter, rule, text, from_len, text_len);
		if (rc == PATTERN_NONE)
			continue;
		out->withheld = rc < 0 || rule->withhold;
		out->line = rule->line;
		out->rule = rule->source;
		if (out->withheld)
			out->reason = rc < 0 ? FILTER_LIMIT : rule->reason;
		if (rc < 0)
			say_limit(filter, rule, rc);
		return;
	}
}

/* ---- counts --------------------------------------------------------------------------------- */

static struct {
	char reason[FILTER_REASON_SIZE];
	uint64_t count;
} counts[FILTER_REASONS_MAX];

void filter_count(const char *reason)
{
	size_t i = 0;

	while (i < FILTER_REASONS_MAX - 1 && counts[i].count &&
		strcmp(counts[i].reason, reason) != 0)
		i++;
	if (!counts[i].count)
		snprintf(counts[i].reason, FILTER_REASON_SIZE, "%s",
			i < FILTER_REASONS_MAX - 1 ? reason : "other");
	counts[i].count++;
}

bool filter_counted(size_t i, const char **reason, uint64_t *count)
{
	if (i >= FILTER_REASONS_MAX || !counts[i].count)
		return false;
	*reason = counts[i].reason;
	*count = counts[i].count;
	return true;
}
