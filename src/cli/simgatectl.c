/* simgatectl.c - the operator's command: options, commands, and what each asks the daemon. */
#include <errno.h>
#include <getopt.h>
#include <ini.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/config.h"
#include "cli/ctl.h"

enum {
	WATCH_MS = 2000,
	LIMIT_MAX = 1000,
	LINE_MAX_LEN = 4096,
	SOCKET_MAX = 108, /* sun_path, with its end */
};

/* Options that only some commands take. */
enum {
	WITH_FOLLOW = 1,
	WITH_PORT = 2,
	WITH_SINCE = 4,
	WITH_LIMIT = 8,
	WITH_ALL = 16,
	WITH_STEP = 32,
	WITH_TEST = 64,
	WITH_SUM = 128,
	WITH_NUMBER = 256,
	WITH_TIMEOUT = 512,
	WITH_NO_WAIT = 1024,
	WITH_OPEN = 2048
};

struct command {
	const char *name, *args;
	int min, max; /* arguments */
	int options;
	enum ctl_exit (*run)(struct ctl *ctl, char **args, int count);
	const char *help;
};

enum ctl_exit ctl_usage(const char *text, const char *what)
{
	char *clean = ctl_clean(what);

	fprintf(stderr, "simgatectl: %s%s%s; see simgatectl --help\n", text, *clean ? ": " : "",
		clean);
	free(clean);
	return CTL_USAGE;
}

void ctl_print_raw(const struct ctl_answer *answer)
{
	fwrite(answer->body, 1, answer->len, stdout);
	if (answer->len == 0 || answer->body[answer->len - 1] != '\n')
		putchar('\n');
}

void ctl_pause(int ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000L };

	fflush(stdout);
	nanosleep(&ts, NULL);
}

bool ctl_is_port_name(const char *name)
{
	const char *slash = strchr(name, '/');

	return slash && slash != name && slash[1] && !strchr(slash + 1, '/');
}

/* ---- status, ports, port, watch ------------------------------------------------------------- */

enum ctl_exit ctl_ask_and_show(struct ctl *ctl, const char *target,
	void (*show)(const struct ctl *ctl, const cJSON *answer))
{
	struct ctl_answer answer;
	enum ctl_exit result = ctl_call(ctl, "GET", target, &answer);

	if (result != CTL_OK)
		return result;
	if (ctl->json)
		ctl_print_raw(&answer);
	else
		show(ctl, answer.json);
	ctl_answer_done(&answer);
	return CTL_OK;
}

static void show_all_ports(const struct ctl *ctl, const cJSON *answer)
{
	ctl_show_ports(ctl, answer, 0);
}

static enum ctl_exit run_status(struct ctl *ctl, char **args, int count)
{
	(void)args, (void)count;
	return ctl_ask_and_show(ctl, "/api/v1/status", ctl_show_status);
}

static bool ports_target(const struct ctl *ctl, char **args, int count, char *target)
{
	strcpy(target, "/api/v1/ports");
	return (count == 0 || ctl_target_query(target, "bank", args[0])) &&
	       (!ctl->full || ctl_target_query(target, "full", "1"));
}

static enum ctl_exit run_ports(struct ctl *ctl, char **args, int count)
{
	char target[CTL_TARGET_MAX];

	if (!ports_target(ctl, args, count, target))
		return ctl_usage("an argument is too long", "");
	return ctl_ask_and_show(ctl, target, show_all_ports);
}

static enum ctl_exit run_port(struct ctl *ctl, char **args, int count)
{
	char target[CTL_TARGET_MAX] = "/api/v1/ports/";

	(void)count;
	if (!ctl_is_port_name(args[0]))
		return ctl_usage("a port is named BANK/SLOT", args[0]);
	if (!ctl_target_add(target, args[0], "/") ||
		(ctl->full && !ctl_target_query(target, "full", "1")))
		return ctl_usage("an argument is too long", "");
	return ctl_ask_and_show(ctl, target, ctl_show_port);
}

static void print_clock(const struct ctl *ctl)
{
	time_t now = time(NULL);
	struct tm tm;
	char text[32];

	strftime(text, sizeof text, "%H:%M:%S", localtime_r(&now, &tm));
	printf("%s  %s\n", text, ctl->socket);
}

/* Each picture is printed over the last, then what is left of that is erased: no flicker. */
static enum ctl_exit run_watch(struct ctl *ctl, char **args, int count)
{
	char target[CTL_TARGET_MAX];
	struct ctl_answer answer;

	if (ctl->json || !isatty(STDOUT_FILENO))
		return run_ports(ctl, args, count);
	if (!ports_target(ctl, args, count, target))
		return ctl_usage("an argument is too long", "");
	enum ctl_exit result = ctl_call(ctl, "GET", target, &answer);
	for (bool first = true;; first = false) {
		if (result == CTL_FAILED || (result != CTL_OK && first))
			return result;
		fputs("\033[H\033[J", stdout);
		print_clock(ctl);
		if (result == CTL_OK) {
			int height = ctl_screen_height();
			ctl_show_ports(ctl, answer.json, height > 6 ? height - 5 : 0);
			ctl_answer_done(&answer);
		} else {
			puts("The daemon does not answer.");
		}
		ctl_pause(WATCH_MS);
		ctl->quiet = true;
		result = ctl_call(ctl, "GET", target, &answer);
	}
}

static enum ctl_exit run_reset(struct ctl *ctl, char **args, int count)
{
	char target[CTL_TARGET_MAX] = "/api/v1/ports/", text[256];
	struct ctl_answer answer;

	(void)count;
	if (!ctl_is_port_name(args[0]))
		return ctl_usage("a port is named BANK/SLOT", args[0]);
	if (!ctl_target_add(target, args[0], "/") || !ctl_target_add(target, "/reset", "/") ||
		!ctl_target_query(target, "step", ctl->step ? ctl->step : "at"))
		return ctl_usage("an argument is too long", "");
	enum ctl_exit result = ctl_call(ctl, "POST", target, &answer);
	if (result != CTL_OK)
		return result;
	snprintf(text, sizeof text, "%s: %s begun", ctl_str(answer.json, "port"),
		ctl_str(answer.json, "step"));
	if (ctl->json)
		ctl_print_raw(&answer);
	else
		ctl_line("", text);
	ctl_answer_done(&answer);
	return CTL_OK;
}

/* ---- outbox, reload ------------------------------------------------------------------------- */

static enum ctl_exit list_outbox(struct ctl *ctl)
{
	char target[CTL_TARGET_MAX] = "/api/v1/outbox", text[24];

	snprintf(text, sizeof text, "%lld", (long long)(ctl->limit ? ctl->limit : 1000));
	ctl_target_query(target, "limit", text);
	if (ctl->full)
		ctl_target_query(target, "full", "1");
	return ctl_ask_and_show(ctl, target, ctl_show_outbox);
}

static enum ctl_exit change_outbox(struct ctl *ctl, const char *verb, const char *id)
{
	char target[CTL_TARGET_MAX] = "/api/v1/outbox/";
	struct ctl_answer answer;

	if (!ctl_target_add(target, verb, "") ||
		!ctl_target_query(target, id ? "id" : "all", id ? id : "1"))
		return ctl_usage("an argument is too long", "");
	enum ctl_exit result = ctl_call(ctl, "POST", target, &answer);
	if (result != CTL_OK)
		return result;
	double changed = ctl_num(answer.json, "count");
	if (ctl->json)
		ctl_print_raw(&answer);
	else if (changed > 0 || !id)
		printf("%.0f %s\n", changed,
			strcmp(verb, "retry") == 0 ? "queued again" : "dropped");
	if (!ctl->json && ctl_num(answer.json, "undecodable") > 0)
		printf("%.0f still undecodable\n", ctl_num(answer.json, "undecodable"));
	ctl_answer_done(&answer);
	if (changed > 0 || !id)
		return CTL_OK;
	fprintf(stderr, "simgatectl: nothing in the outbox has this id\n");
	return CTL_FAILED;
}

static enum ctl_exit run_outbox(struct ctl *ctl, char **args, int count)
{
	const char *verb = count > 0 ? args[0] : "list";
	const char *id = count > 1 ? args[1] : NULL;

	if (strcmp(verb, "list") == 0)
		return id || ctl->all ? ctl_usage("outbox list takes no id and no --all", "")
				      : list_outbox(ctl);
	if (strcmp(verb, "retry") != 0 && strcmp(verb, "drop") != 0)
		return ctl_usage("outbox knows list, retry and drop, not", verb);
	if (ctl->limit)
		return ctl_usage("--limit goes with outbox list", "");
	if (strcmp(verb, "drop") == 0 && ctl->all)
		return ctl_usage("outbox drop takes one id at a time", "");
	if (!id == !ctl->all || (id && !*id))
		return ctl_usage("which one? name its ID", verb);
	return change_outbox(ctl, verb, id);
}

static enum ctl_exit run_reload(struct ctl *ctl, char **args, int count)
{
	struct ctl_answer answer;
	const cJSON *changes, *item;

	(void)args, (void)count;
	enum ctl_exit result = ctl_call(ctl, "POST", "/api/v1/reload", &answer);
	if (result != CTL_OK)
		return result;
	changes = cJSON_GetObjectItemCaseSensitive(answer.json, "changes");
	if (ctl->json) {
		ctl_print_raw(&answer);
	} else {
		puts(cJSON_GetArraySize(changes) > 0 ? "Reloaded:" : "Reloaded: nothing changed.");
		cJSON_ArrayForEach(item, changes)
			ctl_line("  ", cJSON_IsString(item) ? item->valuestring : "");
	}
	ctl_answer_done(&answer);
	return CTL_OK;
}

/* ---- by hand -------------------------------------------------------------------------------- */

static bool action_target(struct ctl *ctl, const char *port, const char *action, char *target)
{
	strcpy(target, "/api/v1/ports/");
	return ctl_target_add(target, port, "/") && ctl_target_add(target, "/", "/") &&
	       ctl_target_add(target, action, "_") &&
	       (!ctl->full || ctl_target_query(target, "full", "1"));
}

/* Does it, and prints the answer. ok false in it is a failure. */
static enum ctl_exit act(struct ctl *ctl, const char *target,
	void (*show)(const struct ctl *ctl, const cJSON *answer))
{
	struct ctl_answer answer;
	enum ctl_exit result = ctl_call(ctl, "POST", target, &answer);

	if (result != CTL_OK)
		return result;
	if (ctl->json)
		ctl_print_raw(&answer);
	else
		show(ctl, answer.json);
	result = ctl_true(answer.json, "ok") ? CTL_OK : CTL_FAILED;
	ctl_answer_done(&answer);
	return result;
}

static void show_lines(const struct ctl *ctl, const cJSON *answer)
{
	const cJSON *line;

	(void)ctl;
	cJSON_ArrayForEach(line, cJSON_GetObjectItemCaseSensitive(answer, "lines"))
		ctl_line("", cJSON_IsString(line) ? line->valuestring : "");
	if (ctl_num(answer, "cut") > 0)
		printf("... and %.0f lines\n", ctl_num(answer, "cut"));
	ctl_line("", ctl_str(answer, "result"));
}

/* Line ends stay; what else is not text is cleaned. */
static void show_code_answer(const struct ctl *ctl, const cJSON *answer)
{
	char *text = strdup(ctl_str(answer, "text")), *next = text, *line;

	(void)ctl;
	while (text && (line = strsep(&next, "\n")))
		ctl_line("", line);
	free(text);
	if (strcmp(ctl_str(answer, "status"), "done") != 0)
		printf("(%s)\n", ctl_str(answer, "status"));
}

static void show_done(const struct ctl *ctl, const cJSON *answer)
{
	(void)ctl, (void)answer;
	puts("done");
}

static enum ctl_exit run_at(struct ctl *ctl, char **args, int count)
{
	char target[CTL_TARGET_MAX];

	(void)count;
	if (!ctl_is_port_name(args[0]))
		return ctl_usage("a port is named BANK/SLOT", args[0]);
	if (!action_target(ctl, args[0], "at", target) || !ctl_target_query(target, "cmd", args[1]))
		return ctl_usage("an argument is too long", "");
	return act(ctl, target, show_lines);
}

static enum ctl_exit run_ussd(struct ctl *ctl, char **args, int count)
{
	char target[CTL_TARGET_MAX];

	(void)count;
	if (!ctl_is_port_name(args[0]))
		return ctl_usage("a port is named BANK/SLOT", args[0]);
	if (!action_target(ctl, args[0], "ussd", target) ||
		!ctl_target_query(target, "code", args[1]))
		return ctl_usage("an argument is too long", "");
	return act(ctl, target, show_code_answer);
}

static enum ctl_exit run_pin(struct ctl *ctl, char **args, int count)
{
	char target[CTL_TARGET_MAX];

	(void)count;
	if (strcmp(args[0], "forget") != 0)
		return ctl_usage("pin knows forget, not", args[0]);
	if (!ctl_is_port_name(args[1]))
		return ctl_usage("a port is named BANK/SLOT", args[1]);
	if (!action_target(ctl, args[1], "forget_pin", target))
		return ctl_usage("an argument is too long", "");
	return act(ctl, target, show_done);
}

/* ---- options -------------------------------------------------------------------------------- */

static const struct command commands[] = {
	{ "status", "", 0, 0, 0, run_status, "one screen; what is wrong stands first" },
	{ "ports", "[BANK]", 0, 1, 0, run_ports, "a line for each port" },
	{ "port", "BANK/SLOT", 1, 1, 0, run_port,
		"all about one port, its last changes and AT lines" },
	{ "watch", "[BANK]", 0, 1, 0, run_watch, "the ports, live" },
	{ "reset", "BANK/SLOT [--step at|radio|modem|usb|power]", 1, 1, WITH_STEP, run_reset,
		"opens it anew (at), or takes a stronger step, now" },
	{ "messages", "[--follow] [--port P] [--since T] [--limit N] | export|erase --number N", 0,
		1, WITH_FOLLOW | WITH_PORT | WITH_SINCE | WITH_LIMIT | WITH_NUMBER, ctl_messages,
		"what arrived; texts only with --full. export: all that a number received, a "
		"line\n      of JSON each; erase: forgets it, delivered or not" },
	{ "outbox", "[list [--limit N]|retry ID|retry --all|drop ID]", 0, 2, WITH_ALL | WITH_LIMIT,
		run_outbox, "what waits, was refused, held or withheld, and why" },
	{ "numbers", "[export|set ICCID NUMBER|forget ICCID]", 0, 3, 0, ctl_numbers,
		"each card's number and where it is from; export writes a numbers file" },
	{ "drain", "BANK/SLOT|--all [--timeout T|--no-wait]", 0, 1,
		WITH_ALL | WITH_TIMEOUT | WITH_NO_WAIT, ctl_drain,
		"off the lists, also after a restart; waits until its texts are delivered, a "
		"minute\n      or T at most" },
	{ "resume", "BANK/SLOT|--all", 0, 1, WITH_ALL, ctl_resume, "back on the lists" },
	{ "at", "BANK/SLOT COMMAND", 2, 2, 0, run_at,
		"one AT command that asks and changes nothing: +CSQ, +CREG?, I, ..." },
	{ "ussd", "BANK/SLOT CODE", 2, 2, 0, run_ussd, "asks the network, as in *100#" },
	{ "pin", "forget BANK/SLOT", 2, 2, 0, run_pin,
		"a PIN that this port's card refused may be tried once more" },
	{ "filter", "test FILE", 2, 2, 0, ctl_filter,
		"which rule of FILE (or of: default) decides on the texts of standard input, a "
		"line\n      each: SENDER, a tab and the text, or the text alone" },
	{ "sync", "[--test]", 0, 0, WITH_TEST, ctl_sync,
		"sends the number list now; --test: only to see whether the platform reads it" },
	{ "takeoff", "--sum N.N [--since T]", 0, 0, WITH_SUM | WITH_SINCE, ctl_takeoff,
		"cards that have earned so much and can be replaced; of numbers added since T" },
	{ "activations", "[--open] [--limit N]|release ID", 0, 2, WITH_OPEN | WITH_LIMIT,
		ctl_activations, "orders with their state; release ends one by hand" },
	{ "customer", "list|add NAME|topup NAME AMOUNT|disable NAME|enable NAME", 1, 3, 0,
		ctl_customer,
		"who may order: balances, open orders; add shows the new key, this once" },
	{ "check", "", 0, 0, 0, ctl_check,
		"one line and exit status 0, 1, 2 or 3 for Nagios and Icinga" },
	{ "reload", "", 0, 0, 0, run_reload, "reads the configuration again" },
	{ "rules", "", 0, 0, 0, ctl_rules,
		"prints udev rules by place from the configuration (-c FILE); needs no daemon" },
	{ 0 },
};

static void print_help(void)
{
	puts("usage: simgatectl [-s SOCKET | -c FILE] [--json] [--full] COMMAND ...\n");
	for (const struct command *c = commands; c->name; c++)
		printf("  %s%s%s\n      %s\n", c->name, *c->args ? " " : "", c->args, c->help);
	puts("\n"
	     "  -s, --socket SOCKET  the daemon's control socket (default: $SIMGATE_CONTROL,\n"
	     "                       else " CTL_DEFAULT_SOCKET ")\n"
	     "  -c, --config FILE    take the socket from this configuration\n"
	     "      --json           the daemon's answer as it came; with --follow a line for\n"
	     "                       each message\n"
	     "      --full           whole numbers and texts\n"
	     "      --help, --version\n"
	     "\n"
	     "T is a time back (90s, 30min, 2h, 7d) or a date and time (2026-11-21T10:00:00Z;\n"
	     "local time without a zone).\n"
	     "Exit status: 0 done, 1 failed, 2 usage, 3 the daemon is not reachable.");
}

/* inih would take an indented line as a continuation and split a long one. */
static char *read_line(char *line, int size, void *stream)
{
	if (!fgets(line, size, stream))
		return NULL;
	if (!strchr(line, '\n')) {
		int c = fgetc(stream);
		while (c != '\n' && c != EOF)
			c = fgetc(stream);
	}
	memmove(line, line + strspn(line, " \t"), strlen(line + strspn(line, " \t")) + 1);
	return line;
}

static int on_key(void *arg, const char *section, const char *name, const char *value)
{
	char *path = arg;

	if (strcmp(section, "gateway") == 0 && strcmp(name, "control") == 0)
		snprintf(path, LINE_MAX_LEN, "%s", value);
	return 1;
}

/* The `control` of [gateway] into path; path stays as it is where the file has none. */
static bool read_config(const char *file, char *path)
{
	FILE *stream = fopen(file, "re");

	if (!stream) {
		fprintf(stderr, "simgatectl: cannot read %s: %s\n", file, strerror(errno));
		return false;
	}
	int rc = ini_parse_stream(read_line, stream, on_key, path);
	bool bad = ferror(stream) || rc < 0;
	fclose(stream);
	if (bad)
		fprintf(stderr, "simgatectl: cannot read %s\n", file);
	return !bad;
}

struct options {
	const char *socket, *config, *limit;
	int given; /* WITH_... */
	bool help, version;
	char path[LINE_MAX_LEN]; /* of the socket */
};

static bool parse_options(int argc, char **argv, struct ctl *ctl, struct options *options)
{
	static const struct option longs[] = { { "socket", 1, NULL, 's' },
		{ "config", 1, NULL, 'c' }, { "json", 0, NULL, 'j' }, { "full", 0, NULL, 'f' },
		{ "follow", 0, NULL, 'F' }, { "port", 1, NULL, 'p' }, { "since", 1, NULL, 'S' },
		{ "limit", 1, NULL, 'l' }, { "all", 0, NULL, 'a' }, { "step", 1, NULL, 't' },
		{ "test", 0, NULL, 'T' }, { "open", 0, NULL, 'o' }, { "sum", 1, NULL, 'm' },
		{ "number", 1, NULL, 'N' }, { "timeout", 1, NULL, 'w' },
		{ "no-wait", 0, NULL, 'n' }, { "help", 0, NULL, 'h' }, { "version", 0, NULL, 'v' },
		{ NULL, 0, NULL, 0 } };
	int c;

	while ((c = getopt_long(argc, argv, "s:c:h", longs, NULL)) != -1) {
		switch (c) {
		case 's': options->socket = optarg; break;
		case 'c': options->config = ctl->config = optarg; break;
		case 'j': ctl->json = true; break;
		case 'f': ctl->full = true; break;
		case 'h': options->help = true; break;
		case 'v': options->version = true; break;
		case 'F': ctl->follow = true, options->given |= WITH_FOLLOW; break;
		case 'p': ctl->port = optarg, options->given |= WITH_PORT; break;
		case 'S': ctl->since = optarg, options->given |= WITH_SINCE; break;
		case 'l': options->limit = optarg, options->given |= WITH_LIMIT; break;
		case 'a': ctl->all = true, options->given |= WITH_ALL; break;
		case 't': ctl->step = optarg, options->given |= WITH_STEP; break;
		case 'T': ctl->test = true, options->given |= WITH_TEST; break;
		case 'w': ctl->timeout = optarg, options->given |= WITH_TIMEOUT; break;
		case 'n': ctl->no_wait = true, options->given |= WITH_NO_WAIT; break;
		case 'o': ctl->open = true, options->given |= WITH_OPEN; break;
		case 'm': ctl->sum = optarg, options->given |= WITH_SUM; break;
		case 'N': ctl->number = optarg, options->given |= WITH_NUMBER; break;
		default: return false; /* getopt has said why */
		}
	}
	return true;
}

static bool want_color(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && !(no && *no) && term && strcmp(term, "dumb") != 0;
}

static enum ctl_exit find_socket(struct ctl *ctl, struct options *options)
{
	const char *env = getenv("SIMGATE_CONTROL");

	if (options->socket && options->config)
		return ctl_usage("-s and -c exclude each other", "");
	strcpy(options->path, CTL_DEFAULT_SOCKET);
	if (options->socket)
		snprintf(options->path, LINE_MAX_LEN, "%s", options->socket);
	else if (options->config && !read_config(options->config, options->path))
		return CTL_FAILED;
	else if (!options->config && env && *env)
		snprintf(options->path, LINE_MAX_LEN, "%s", env);
	if (!*options->path || strlen(options->path) >= SOCKET_MAX)
		return ctl_usage("the socket's path must have 1 to 107 bytes", options->path);
	ctl->socket = options->path;
	return CTL_OK;
}

static enum ctl_exit check_usage(const struct command *command, struct ctl *ctl,
	const struct options *options, char **args, int count)
{
	if (options->given & ~command->options)
		return ctl_usage("an option does not go with the command", args[0]);
	if (count - 1 < command->min || count - 1 > command->max)
		return ctl_usage(
			count - 1 < command->min ? "an argument is missing" : "too many arguments",
			args[0]);
	if (options->limit && config_parse_int(options->limit, 1, LIMIT_MAX, &ctl->limit) < 0)
		return ctl_usage("--limit takes 1 to 1000, not", options->limit);
	return CTL_OK;
}

static enum ctl_exit run_command(struct ctl *ctl, struct options *options, char **args, int count)
{
	const struct command *command = commands;

	if (count == 0)
		return ctl_usage("no command", "");
	while (command->name && strcmp(command->name, args[0]) != 0)
		command++;
	if (!command->name)
		return ctl_usage("no such command", args[0]);
	enum ctl_exit result = check_usage(command, ctl, options, args, count);
	if (result == CTL_OK && command->run != ctl_rules)
		result = find_socket(ctl, options);
	if (result != CTL_OK) /* to Nagios 2 is critical, 3 unknown */
		return command->run == ctl_check ? (enum ctl_exit)3 : result;
	result = command->run(ctl, args + 1, count - 1);
	ctl_http_done(ctl);
	return result;
}

int main(int argc, char **argv)
{
	struct ctl ctl = { 0 };
	struct options options = { 0 };

	setlocale(LC_CTYPE, "C.UTF-8"); /* for wcwidth(): the daemon speaks UTF-8 */
	if (!parse_options(argc, argv, &ctl, &options))
		return CTL_USAGE;
	ctl.color = want_color();
	enum ctl_exit result = CTL_OK;
	if (options.help)
		print_help();
	else if (options.version)
		puts("simgatectl " SIMGATE_VERSION);
	else
		result = run_command(&ctl, &options, argv + optind, argc - optind);
	if ((fflush(stdout) != 0 || ferror(stdout)) && result == CTL_OK) {
		fputs("simgatectl: cannot write the output\n", stderr);
		result = CTL_FAILED;
	}
	return (int)result;
}
