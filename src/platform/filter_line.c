/* filter_line.c - takes one line of a file of rules apart. */
#include "platform/filter_line.h"

#include <ctype.h>
#include <string.h>

#include "platform/filter.h"

struct parser {
	struct config_place place;
	struct config_report *report;
	const char *line;
	char *at;
	struct filter_line *rule;
	bool bad;
};

static const char blanks[] = " \t";

#define FAULT(parser, ...) \
	((parser)->bad = true, config_error((parser)->report, (parser)->place, __VA_ARGS__))

/* The word at hand, cut off; `at` moves behind it. */
static char *next_word(struct parser *parser)
{
	char *word = parser->at + strspn(parser->at, blanks);
	size_t len = strcspn(word, blanks);

	parser->at = word + len + (word[len] != '\0');
	word[len] = '\0';
	return word;
}

/* Where the pattern that begins at re ends: at its '/', or at the end of the line. */
static char *pattern_end(char *re)
{
	for (; *re && *re != '/'; re++)
		if (*re == '\\' && re[1])
			re++;
	return re;
}

/* name is "from" or "text"; `at` stands behind its colon. */
static void take_pattern(struct parser *parser, const char *name, struct filter_pattern *out)
{
	char *re = parser->at + 1, *end, *flags;

	if (*parser->at != '/') {
		FAULT(parser, "%s: a pattern stands between slashes; write %s:/.../ or %s:/.../i",
			name, name, name);
		next_word(parser);
		return;
	}
	end = pattern_end(re);
	if (!*end) {
		FAULT(parser,
			"%s: the pattern has no end; put / behind it, and \\/ for a / inside it",
			name);
		parser->at = end;
		return;
	}
	*end = '\0';
	parser->at = end + 1;
	flags = *parser->at && !strchr(blanks, *parser->at) ? next_word(parser) : parser->at;
	if (flags != parser->at && strcmp(flags, "i") != 0)
		FAULT(parser,
			"%s: \"%.20s\" behind the pattern; only i may stand there, and a / inside "
			"the pattern is written as \\/",
			name, flags);
	if (out->re)
		FAULT(parser, "%s: is there twice; a rule has one, write two rules", name);
	if (end == re)
		FAULT(parser, "%s: the pattern is empty; leave %s: out to match all", name, name);
	*out = (struct filter_pattern) { re, (size_t)(end - re), (size_t)(re - parser->line) + 1,
		flags != parser->at };
}

static void take_card(struct parser *parser, char *value)
{
	if (!config_is_iccid(value))
		FAULT(parser, "card: no ICCID of 18 to 22 hexadecimal digits, 89 first");
	for (char *c = value; *c; c++)
		*c = (char)toupper((unsigned char)*c);
}

static void take_reason(struct parser *parser, const char *value)
{
	if (!config_is_name(value, FILTER_WORD_MAX))
		FAULT(parser, "reason: a word of 1 to %d bytes of A-Z a-z 0-9 . _ -",
			FILTER_WORD_MAX);
	else if (!strcmp(value, FILTER_LIMIT))
		FAULT(parser, "reason: \"%s\" has a meaning of its own; take another word", value);
	else if (!parser->rule->withhold)
		FAULT(parser, "reason: an allow rule withholds nothing; take it out");
}

static void unknown_part(struct parser *parser, const char *word)
{
	static const char *const parts[] = { "from:", "text:", "platform:", "card:", "rent",
		"reason:", NULL };
	char name[16];

	strncpy(name, word, sizeof name - 1);
	name[sizeof name - 1] = '\0';
	name[strcspn(name, ":") + (strchr(name, ':') != NULL)] = '\0';
	FAULT(parser, "\"%.60s\" is no part of a rule; nearest known part: %s", word,
		config_nearest(name, parts));
}

static void take_value(struct parser *parser, char *word)
{
	struct filter_line *rule = parser->rule;
	const struct {
		const char *name;
		const char **field;
	} parts[] = { { "platform:", &rule->platform }, { "card:", &rule->card },
		{ "reason:", &rule->reason } };

	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		size_t len = strlen(parts[i].name);
		if (strncmp(word, parts[i].name, len) != 0)
			continue;
		if (**parts[i].field)
			FAULT(parser, "%s is there twice; a rule has one, write two rules",
				parts[i].name);
		*parts[i].field = word + len;
		if (!word[len])
			FAULT(parser, "%s is empty", parts[i].name);
		else if (parts[i].field == &rule->card)
			take_card(parser, word + len);
		else if (parts[i].field == &rule->reason)
			take_reason(parser, word + len);
		return;
	}
	unknown_part(parser, word);
}

static void take_part(struct parser *parser)
{
	static const char from[] = "from:", text[] = "text:";
	struct filter_line *rule = parser->rule;
	char *word;

	if (strncmp(parser->at, from, sizeof from - 1) == 0) {
		parser->at += sizeof from - 1;
		take_pattern(parser, "from", &rule->from);
	} else if (strncmp(parser->at, text, sizeof text - 1) == 0) {
		parser->at += sizeof text - 1;
		take_pattern(parser, "text", &rule->text);
	} else {
		word = next_word(parser);
		if (strcmp(word, "rent") == 0)
			rule->rent = true;
		else
			take_value(parser, word);
	}
}

static void take_verb(struct parser *parser)
{
	const char *word = next_word(parser);

	parser->rule->withhold = strcmp(word, "withhold") == 0;
	if (!parser->rule->withhold && strcmp(word, "allow") != 0)
		FAULT(parser, "\"%.60s\" is no rule; a rule begins with withhold or allow", word);
}

enum filter_line_kind filter_line_read(char *line, struct config_place place,
	struct config_report *report, struct filter_line *out)
{
	struct parser parser = { place, report, line, line + strspn(line, blanks), out, false };

	*out = (struct filter_line) { .platform = "", .card = "", .reason = "" };
	if (!*parser.at || *parser.at == '#')
		return FILTER_LINE_EMPTY;
	take_verb(&parser);
	if (parser.bad)
		return FILTER_LINE_BAD;
	for (;;) {
		parser.at += strspn(parser.at, blanks);
		if (!*parser.at || *parser.at == '#')
			break;
		take_part(&parser);
	}
	if (!parser.bad && !out->from.re && !out->text.re && !*out->platform && !*out->card &&
		!out->rent)
		FAULT(&parser, "the rule does not say which texts; add from:/.../, text:/.../, "
			       "platform:NAME, card:ICCID or rent");
	return parser.bad ? FILTER_LINE_BAD : FILTER_LINE_RULE;
}
