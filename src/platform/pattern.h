/* pattern.h - regular expressions (PCRE2) whose matching is bounded. Used on the loop's thread. */
#ifndef SIMGATE_PLATFORM_PATTERN_H
#define SIMGATE_PLATFORM_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

enum { PATTERN_WHY_SIZE = 200 };

/* What patterns share: limits, and the memory that a match takes. It outlives them. */
struct patterns;
struct pattern;

/* NULL: out of memory. */
struct patterns *patterns_new(void);
void patterns_free(struct patterns *patterns); /* takes NULL */

/* Not anchored; UTF-8; '.' is a line end too. NULL: not understood, why and offset say what. */
struct pattern *pattern_compile(struct patterns *patterns, const char *re, size_t len,
	bool caseless, char why[PATTERN_WHY_SIZE], size_t *offset);
void pattern_free(struct pattern *pattern); /* takes NULL */

/* Looks for the pattern in valid UTF-8. PATTERN_FOUND, PATTERN_NONE, or an error: a limit was
 * reached. found, unless NULL, is the first group where the pattern has one that took part, else
 * the whole match. */
enum { PATTERN_FOUND = 0, PATTERN_NONE = -1 };
struct pattern_span {
	size_t at, len;
};
int pattern_match(const struct patterns *patterns, const struct pattern *pattern, const char *text,
	size_t len, struct pattern_span *found);

/* What an error of pattern_match() means. */
void pattern_error(int err, char why[PATTERN_WHY_SIZE]);

#endif
