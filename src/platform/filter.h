/* filter.h - which texts must not leave this host: rules, of which the first that matches decides.
 *
 * A file of rules has one a line, and comments behind '#':
 *
 *	withhold|allow [from:/RE/i] [text:/RE/i] [platform:NAME] [card:ICCID] [rent] [reason:WORD]
 *
 * Every part that is there must fit, and at least one must be there. RE is PCRE2's, '/' in it
 * written as '\/', and finds its match anywhere unless it says '^' or '$'; '.' is a line end too;
 *'i' behind it ignores case. `rent` fits texts of a number that is rented: a rent is open on it,
 *or, where orders are not seen here (a platform that is sent a list), its card is offered for rent.
 *What no rule matches goes out. Used on the loop's thread alone. */
#ifndef SIMGATE_PLATFORM_FILTER_H
#define SIMGATE_PLATFORM_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/config.h"

enum {
	FILTER_RULES_MAX = 1000,
	FILTER_FILE_MAX = 256 * 1024, /* octets of a file of rules; a line has 8000 at most */
	FILTER_REASON_SIZE = 41,
	FILTER_REASONS_MAX = 32, /* counted apart; the last counts all others */
};

#define FILTER_DEFAULT "default"
#define FILTER_OFF     "off"
#define FILTER_LIMIT   "limit" /* reason: a rule could not be matched within its limits */

struct filter;

/* Where rules come from: a file that is open. */
struct filter_source {
	FILE *file;
	const char *name;             /* for reports and reasons */
	int first_line;               /* number of its first line: 1 */
	const char *const *platforms; /* names that a rule may have, NULL at the end; NULL: any */
};

/* Reads rules. Every error is reported, as "NAME:LINE: what, and what to do"; NULL if there is one.
 */
struct filter *filter_read(const struct filter_source *source, struct config_report *report);

/* The same for `filter` as the configuration has it: "default" (the rules of this binary), "off"
 * (*out is NULL), or a file's path. 0, or -EINVAL after an error was reported. */
int filter_load(const char *setting, const char *const *platforms, struct config_report *report,
	struct filter **out);

/* The rules of this binary, as text. */
const char *filter_default_rules(size_t *len);

/* Whether they were read from the same lines. Takes NULL: `off`. */
bool filter_same(const struct filter *a, const struct filter *b);

/* Takes NULL. */
void filter_free(struct filter *filter);

/* A text that would go out. Strings are UTF-8. */
struct filter_text {
	const char *from, *text;
	const char *card;     /* card_id; "" if nobody can tell */
	const char *platform; /* where it would go */
	bool rent;            /* the number is rented, as far as is known here */
};

/* The strings are valid as long as the filter. */
struct filter_decision {
	bool withheld;
	int line;           /* of the rule that decided; 0: none matched */
	const char *reason; /* why it is withheld: the rule's word, else NAME:LINE; "" if it is not
			     */
	const char *rule;   /* as written, "" if none matched */
};

/* A rule that cannot be matched within its limits decides: the text is withheld, with the reason
 * FILTER_LIMIT, for one that may be confidential must not go out because it is odd. The same for
 * what is no UTF-8. Said in the log once a rule. */
void filter_decide(
	struct filter *filter, const struct filter_text *text, struct filter_decision *out);

/* Texts that were withheld, by reason, since the process began. */
void filter_count(const char *reason);

/* The i-th reason in order of its first use; false past the last. */
bool filter_counted(size_t i, const char **reason, uint64_t *count);

#endif
