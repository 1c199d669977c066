/* ctl_messages.c - `simgatectl messages`: since when, and following what arrives. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/config.h"
#include "cli/ctl.h"

enum {
	FOLLOW_MS = 1000,
	FOLLOW_LIMIT = 500,
	FOLLOW_FIRST = 10, /* messages shown at the start of --follow */
	SEEN_MAX = 2048,   /* at least FOLLOW_LIMIT: what a poll may bring again */
	SEEN_SIZE = 128,
};

/* "Z", "+02:00", or nothing: local time. False if it is none of them. */
static bool parse_zone(const char *text, struct tm *tm, int64_t *out)
{
	int sign = *text == '-' ? -1 : 1, hours, minutes;
	int end = 0;

	if (!*text) {
		tm->tm_isdst = -1;
		*out = mktime(tm);
		return true;
	}
	if (strcmp(text, "Z") == 0) {
		*out = timegm(tm);
		return true;
	}
	if (*text != '+' && *text != '-')
		return false;
	/* The widths bound what is read. NOLINTNEXTLINE(cert-err34-c) */
	if (sscanf(text + 1, "%2d:%2d%n", &hours, &minutes, &end) != 2 || text[1 + end] ||
		!isdigit((unsigned char)text[1]) || hours > 14 || minutes < 0 || minutes > 59)
		return false;
	*out = timegm(tm) - sign * (hours * 60L + minutes) * 60;
	return true;
}

/* 2026-11-21, 2026-11-21T10:00, 2026-11-21 10:00:05.250Z, ...+02:00: milliseconds since 1970. */
static bool parse_iso(const char *text, int64_t *out)
{
	static const char *const formats[] = { "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S",
		"%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%d" };
	int64_t seconds, ms = 0, unit = 100;
	const char *rest = NULL;
	struct tm tm;

	for (size_t i = 0; i < sizeof formats / sizeof *formats && !rest; i++) {
		memset(&tm, 0, sizeof tm);
		rest = strptime(text, formats[i], &tm);
	}
	if (!rest)
		return false;
	if (*rest == '.' && isdigit((unsigned char)rest[1]))
		for (rest++; isdigit((unsigned char)*rest); rest++, unit /= 10)
			ms += (*rest - '0') * unit;
	if (!parse_zone(rest, &tm, &seconds) || seconds < 0)
		return false;
	*out = seconds * 1000 + ms;
	return true;
}

static int64_t wall_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

bool ctl_parse_since(const char *text, int64_t *out)
{
	int64_t ms = config_parse_duration(text);

	if (ms < 0)
		return parse_iso(text, out);
	*out = wall_ms() - ms;
	return true;
}

static bool messages_target(const struct ctl *ctl, int64_t since_ms, int64_t limit, char *target)
{
	char text[24];

	strcpy(target, "/api/v1/messages");
	if (ctl->port && !ctl_target_query(target, "port", ctl->port))
		return false;
	snprintf(text, sizeof text, "%lld", (long long)since_ms);
	if (since_ms >= 0 && !ctl_target_query(target, "since", text))
		return false;
	snprintf(text, sizeof text, "%lld", (long long)limit);
	if (limit > 0 && !ctl_target_query(target, "limit", text))
		return false;
	return !ctl->full || ctl_target_query(target, "full", "1");
}

static int by_arrival(const void *a, const void *b)
{
	const cJSON *const *left = a, *const *right = b;
	int order = strcmp(ctl_str(*left, "arrived"), ctl_str(*right, "arrived"));

	return order ? order : strcmp(ctl_str(*left, "id"), ctl_str(*right, "id"));
}

/* The rows of an answer, oldest first; the caller frees the array, not the rows. */
static const cJSON **sorted(const cJSON *answer, size_t *count)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(answer, "messages"), *item;
	const cJSON **rows = calloc((size_t)cJSON_GetArraySize(list) + 1, sizeof *rows);

	*count = 0;
	if (!rows)
		return NULL;
	cJSON_ArrayForEach(item, list) rows[(*count)++] = item;
	qsort(rows, *count, sizeof *rows, by_arrival);
	return rows;
}

/* What --follow has printed: a poll begins at the last arrival, so rows come again. */
struct follow {
	char seen[SEEN_MAX][SEEN_SIZE];
	size_t next;
	int64_t since_ms;
};

static bool seen_before(struct follow *follow, const cJSON *row)
{
	char key[SEEN_SIZE];

	snprintf(key, sizeof key, "%s %s", ctl_str(row, "id"), ctl_str(row, "platform"));
	for (size_t i = 0; i < SEEN_MAX; i++)
		if (strcmp(follow->seen[i], key) == 0)
			return true;
	memcpy(follow->seen[follow->next], key, sizeof key);
	follow->next = (follow->next + 1) % SEEN_MAX;
	return false;
}

void ctl_print_row(const cJSON *row)
{
	char *text = cJSON_PrintUnformatted(row);

	puts(text ? text : "{}");
	cJSON_free(text);
}

static bool print_new(
	const struct ctl *ctl, struct follow *follow, const struct ctl_answer *answer, bool head)
{
	size_t count, kept = 0;
	const cJSON **rows = sorted(answer->json, &count);
	int64_t arrived;

	if (!rows)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (parse_iso(ctl_str(rows[i], "arrived"), &arrived) && arrived > follow->since_ms)
			follow->since_ms = arrived;
		if (!seen_before(follow, rows[i]))
			rows[kept++] = rows[i];
	}
	for (size_t i = 0; ctl->json && i < kept; i++)
		ctl_print_row(rows[i]);
	if (!ctl->json && (kept > 0 || head))
		ctl_show_messages(ctl, rows, kept, head);
	free(rows);
	return true;
}

static enum ctl_exit follow_messages(struct ctl *ctl, int64_t since_ms)
{
	struct follow *follow = calloc(1, sizeof *follow);
	char target[CTL_TARGET_MAX];
	struct ctl_answer answer;
	enum ctl_exit result = CTL_FAILED;
	int64_t limit = ctl->limit ? ctl->limit : since_ms >= 0 ? FOLLOW_LIMIT : FOLLOW_FIRST;

	if (!follow)
		return CTL_FAILED;
	follow->since_ms = since_ms;
	int64_t start_ms = wall_ms();
	for (bool first = true;; first = false) {
		if (!messages_target(ctl, follow->since_ms, limit, target)) {
			result = ctl_usage("an argument is too long", "");
			break;
		}
		result = ctl_call(ctl, "GET", target, &answer);
		if (result == CTL_FAILED || result == CTL_USAGE || (result != CTL_OK && first))
			break;
		if (result == CTL_OK) {
			bool ok = print_new(ctl, follow, &answer, first && !ctl->json);
			ctl_answer_done(&answer);
			if (!ok)
				break;
		}
		/* The daemon may be restarted: it is said once, then waited for. */
		ctl->quiet = result != CTL_OK;
		limit = FOLLOW_LIMIT;
		if (follow->since_ms < 0)
			follow->since_ms = start_ms;
		ctl_pause(FOLLOW_MS);
	}
	free(follow);
	return result;
}

enum ctl_exit ctl_messages(struct ctl *ctl, char **args, int count)
{
	char target[CTL_TARGET_MAX];
	struct ctl_answer answer;
	int64_t since_ms = -1;
	size_t row_count;

	if (count > 0)
		return ctl_history(ctl, args[0]);
	if (ctl->number)
		return ctl_usage("--number goes with messages export and erase", "");
	if (ctl->since && !ctl_parse_since(ctl->since, &since_ms))
		return ctl_usage("--since takes 2h or 2026-11-21T10:00:00Z, not", ctl->since);
	if (ctl->port && !ctl_is_port_name(ctl->port))
		return ctl_usage("a port is named BANK/SLOT", ctl->port);
	if (ctl->follow)
		return follow_messages(ctl, since_ms);
	if (!messages_target(ctl, since_ms, ctl->limit, target))
		return ctl_usage("an argument is too long", "");
	enum ctl_exit result = ctl_call(ctl, "GET", target, &answer);
	if (result != CTL_OK)
		return result;
	if (ctl->json) {
		ctl_print_raw(&answer);
	} else {
		const cJSON **rows = sorted(answer.json, &row_count);
		if (rows)
			ctl_show_messages(ctl, rows, row_count, true);
		free(rows);
	}
	ctl_answer_done(&answer);
	return CTL_OK;
}
