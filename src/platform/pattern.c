/* pattern.c - regular expressions (PCRE2) whose matching is bounded. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "platform/pattern.h"

#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

enum {
	/* Of one match. A pattern without traps takes some steps a character, and a text has 40 000
	 * characters at most; a step takes some 10 ns. */
	MATCH_LIMIT = 2000 * 1000,
	DEPTH_LIMIT = 20 * 1000,
	HEAP_LIMIT_KIB = 4096,
	NEST_LIMIT = 100, /* parentheses in parentheses */
	PAIRS = 2,        /* the match, and its first group */
};

_Static_assert(PATTERN_NONE == PCRE2_ERROR_NOMATCH, "errors are PCRE2's");

struct patterns {
	pcre2_compile_context *compile;
	pcre2_match_context *match;
	pcre2_match_data *data;
};

struct patterns *patterns_new(void)
{
	struct patterns *patterns = calloc(1, sizeof *patterns);

	if (!patterns)
		return NULL;
	patterns->compile = pcre2_compile_context_create(NULL);
	patterns->match = pcre2_match_context_create(NULL);
	patterns->data = pcre2_match_data_create(PAIRS, NULL);
	if (!patterns->compile || !patterns->match || !patterns->data) {
		patterns_free(patterns);
		return NULL;
	}
	pcre2_set_parens_nest_limit(patterns->compile, NEST_LIMIT);
	pcre2_set_match_limit(patterns->match, MATCH_LIMIT);
	pcre2_set_depth_limit(patterns->match, DEPTH_LIMIT);
	pcre2_set_heap_limit(patterns->match, HEAP_LIMIT_KIB);
	return patterns;
}

void patterns_free(struct patterns *patterns)
{
	if (!patterns)
		return;
	pcre2_match_data_free(patterns->data);
	pcre2_match_context_free(patterns->match);
	pcre2_compile_context_free(patterns->compile);
	free(patterns);
}

struct pattern *pattern_compile(struct patterns *patterns, const char *re, size_t len,
	bool caseless, char why[PATTERN_WHY_SIZE], size_t *offset)
{
	uint32_t options = PCRE2_UTF | PCRE2_UCP | PCRE2_DOTALL | PCRE2_DOLLAR_ENDONLY |
			   PCRE2_NEVER_BACKSLASH_C | (caseless ? PCRE2_CASELESS : 0);
	PCRE2_SIZE at = 0;
	int err;
	pcre2_code *code =
		pcre2_compile((PCRE2_SPTR)re, len, options, &err, &at, patterns->compile);

	if (!code) {
		pattern_error(err, why);
		*offset = at;
	}
	return (struct pattern *)code;
}

void pattern_free(struct pattern *pattern)
{
	pcre2_code_free((pcre2_code *)pattern);
}

int pattern_match(const struct patterns *patterns, const struct pattern *pattern, const char *text,
	size_t len, struct pattern_span *found)
{
	int rc = pcre2_match((const pcre2_code *)pattern, (PCRE2_SPTR)text, len, 0,
		PCRE2_NO_UTF_CHECK, patterns->data, patterns->match);
	const PCRE2_SIZE *at = pcre2_get_ovector_pointer(patterns->data);

	if (rc < 0)
		return rc;
	if (rc != 1 && at[2] != PCRE2_UNSET) /* 0: more groups than there are pairs */
		at += 2;
	if (found)
		*found = (struct pattern_span) { at[0], at[1] > at[0] ? at[1] - at[0] : 0 };
	return PATTERN_FOUND;
}

void pattern_error(int err, char why[PATTERN_WHY_SIZE])
{
	if (pcre2_get_error_message(err, (PCRE2_UCHAR *)why, PATTERN_WHY_SIZE) < 0)
		strcpy(why, "not understood");
}
