/* ctl_check.c - `check`: one line with figures and an exit status, as Nagios and Icinga read them
 * (Monitoring Plugins Development Guidelines). */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/ctl.h"

enum {
	OLD_S = 60,       /* a text that waits so long is a warning */
	TOO_OLD_S = 600,  /* is critical */
	ANSWER_MS = 5000, /* who asks gives up after 10 s */
};

enum level { WELL, WARNING, CRITICAL };

struct check {
	enum level level;
	char why[600];
};

static void found(struct check *check, enum level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* What is worse stands first. */
static void found(struct check *check, enum level level, const char *fmt, ...)
{
	char text[200], before[sizeof check->why];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	strcpy(before, check->why);
	const char *between = *before ? "; " : "";
	if (level > check->level)
		snprintf(check->why, sizeof check->why, "%s%s%.390s", text, between, before);
	else
		snprintf(check->why, sizeof check->why, "%.390s%s%s", before, between, text);
	if (level > check->level)
		check->level = level;
}

static const cJSON *list(const cJSON *object, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(object, name);
}

static void check_platform(struct check *check, const cJSON *p)
{
	const char *name = ctl_str(p, "name"), *health = ctl_str(p, "health");
	const char *reason = ctl_str(p, "list_reason"), *until = ctl_str(p, "blocked_until");
	double oldest_s = ctl_num(p, "oldest_s");
	char span[24];

	if (strcmp(health, "up") != 0)
		found(check, CRITICAL, "%s %s%s%s", name,
			strcmp(health, "account") == 0 ? "refuses the account" : health,
			*ctl_str(p, "reason") ? ": " : "", ctl_str(p, "reason"));
	if (*until)
		found(check, CRITICAL, "%s blocks the numbers, probably until %s", name, until);
	else if (*reason)
		found(check, CRITICAL, "%s takes no number list: %s", name, reason);
	if (oldest_s >= OLD_S)
		found(check, oldest_s >= TOO_OLD_S ? CRITICAL : WARNING,
			"a text for %s waits since %s", name, ctl_span(oldest_s, span));
	if (ctl_num(p, "refused") > 0)
		found(check, WARNING, "%s refused %.0f texts", name, ctl_num(p, "refused"));
	if (ctl_num(p, "left_out") > 0)
		found(check, WARNING, "%.0f numbers left out of %s's list", ctl_num(p, "left_out"),
			name);
}

static void check_ports(struct check *check, const cJSON *status)
{
	const cJSON *ports = list(status, "ports"), *bank;
	double ready = ctl_num(ports, "ready"), total = ctl_num(ports, "total");

	if (total == 0)
		found(check, CRITICAL, "no port at all");
	else if (ready == 0)
		found(check, CRITICAL, "no port is ready");
	cJSON_ArrayForEach(bank, list(status, "banks"))
	{
		if (*ctl_str(bank, "trouble"))
			found(check, WARNING, "bank %s: %s", ctl_str(bank, "bank"),
				ctl_str(bank, "trouble"));
	}
}

static void check_all(struct check *check, const cJSON *status)
{
	const cJSON *store = list(status, "store"), *platform;
	double undecodable = ctl_num(list(status, "messages"), "undecodable");

	const cJSON *server = list(store, "server");
	if (server && !ctl_true(server, "up"))
		found(check, CRITICAL, "the store's server is away, %.0f texts in the journal: %s",
			ctl_num(server, "journal"), ctl_str(server, "error"));
	else if (!ctl_true(store, "ok"))
		found(check, CRITICAL, "the store fails: %s", ctl_str(store, "error"));
	else if (server && ctl_num(server, "journal_oldest_s") > OLD_S)
		found(check, WARNING, "%.0f texts wait in the journal", ctl_num(server, "journal"));
	check_ports(check, status);
	cJSON_ArrayForEach(platform, list(status, "platforms")) check_platform(check, platform);
	if (undecodable > 0)
		found(check, WARNING, "%.0f texts could not be decoded", undecodable);
	if (!ctl_true(status, "ready"))
		found(check, WARNING, "starting");
}

static void print_figures(const cJSON *status)
{
	const cJSON *ports = list(status, "ports"), *messages = list(status, "messages"), *p;
	double queued = 0, oldest_s = 0;

	cJSON_ArrayForEach(p, list(status, "platforms"))
	{
		queued += ctl_num(p, "queued");
		if (ctl_num(p, "oldest_s") > oldest_s)
			oldest_s = ctl_num(p, "oldest_s");
	}
	printf(" | ready=%.0f;;;0;%.0f queued=%.0f oldest=%.0fs;%d;%d hour=%.0f undecodable=%.0f\n",
		ctl_num(ports, "ready"), ctl_num(ports, "total"), queued, oldest_s, OLD_S,
		TOO_OLD_S, ctl_num(messages, "last_hour"), ctl_num(messages, "undecodable"));
}

/* '|' would begin the figures. */
static void print_line(const struct check *check, const cJSON *status)
{
	static const char *const words[] = { "OK", "WARNING", "CRITICAL" };
	const cJSON *ports = list(status, "ports");
	char *why = ctl_clean(check->why);

	for (char *c = why; *c; c++)
		if (*c == '|')
			*c = '/';
	printf("SIMGATE %s - ", words[check->level]);
	if (*why)
		printf("%s", why);
	else
		printf("%.0f of %.0f ports ready", ctl_num(ports, "ready"),
			ctl_num(ports, "total"));
	free(why);
	print_figures(status);
}

enum ctl_exit ctl_check(struct ctl *ctl, char **args, int count)
{
	struct check check = { WELL, "" };
	struct ctl_answer answer;

	(void)args, (void)count;
	ctl->quiet = true;
	ctl->call_ms = ANSWER_MS;
	switch (ctl_call(ctl, "GET", "/api/v1/status", &answer)) {
	case CTL_OK: break;
	case CTL_UNREACHABLE:
		printf("SIMGATE CRITICAL - simgated is not reachable, or does not answer, at %s\n",
			ctl->socket);
		return (enum ctl_exit)CRITICAL;
	case CTL_FAILED:
	case CTL_USAGE:
		puts("SIMGATE CRITICAL - simgated does not answer as it should");
		return (enum ctl_exit)CRITICAL;
	}
	check_all(&check, answer.json);
	print_line(&check, answer.json);
	ctl_answer_done(&answer);
	return (enum ctl_exit)check.level;
}
