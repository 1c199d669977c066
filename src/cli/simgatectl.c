/* simgatectl.c - the operator's command: options, and the table of its commands. */
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <ini.h>
#include <limits.h>
#include <locale.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/config.h"
#include "cli/ctl.h"

enum {
	LIMIT_MAX = 1000,
	LINE_MAX_LEN = 4096,
	SOCKET_MAX = 108, /* sun_path, with its end */
	OPTION_FIRST = 256,
};

struct command {
	const char *name;
	const char *args; /* a command takes the options that are named here, and the common ones */
	int min, max;     /* arguments */
	enum ctl_exit (*run)(struct ctl *ctl, char **args, int count);
	const char *help;
};

/* Where an option's value goes in struct ctl. */
struct option_row {
	const char *name;
	int type; /* no_argument: a bool; required_argument: a text */
	size_t offset;
	bool common;
};

#define FLAG(field) no_argument, offsetof(struct ctl, field)
#define TEXT(field) required_argument, offsetof(struct ctl, field)

static const struct option_row option_rows[] = {
	{ "socket", TEXT(socket), true },
	{ "config", TEXT(config), true },
	{ "json", FLAG(json), true },
	{ "full", FLAG(full), true },
	{ "help", FLAG(help), true },
	{ "version", FLAG(version), true },
	{ "commands", FLAG(commands), true },
	{ "follow", FLAG(follow), false },
	{ "port", TEXT(port), false },
	{ "since", TEXT(since), false },
	{ "limit", TEXT(limit_text), false },
	{ "all", FLAG(all), false },
	{ "step", TEXT(step), false },
	{ "test", FLAG(test), false },
	{ "sum", TEXT(sum), false },
	{ "number", TEXT(number), false },
	{ "timeout", TEXT(timeout), false },
	{ "no-wait", FLAG(no_wait), false },
	{ "root", TEXT(root), false },
	{ "open", FLAG(open), false },
};

enum { OPTIONS = sizeof option_rows / sizeof *option_rows };

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

static enum ctl_exit call_and_show(struct ctl *ctl, const char *method, const char *target,
	void (*show)(const struct ctl *ctl, const cJSON *answer))
{
	struct ctl_answer answer;
	enum ctl_exit result = ctl_call(ctl, method, target, &answer);

	if (result != CTL_OK)
		return result;
	if (ctl->json)
		ctl_print_raw(&answer);
	else
		show(ctl, answer.json);
	if (cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(answer.json, "ok")))
		result = CTL_FAILED;
	ctl_answer_done(&answer);
	return result;
}

enum ctl_exit ctl_ask_and_show(struct ctl *ctl, const char *target,
	void (*show)(const struct ctl *ctl, const cJSON *answer))
{
	return call_and_show(ctl, "GET", target, show);
}

enum ctl_exit ctl_do_and_show(struct ctl *ctl, const char *target,
	void (*show)(const struct ctl *ctl, const cJSON *answer))
{
	return call_and_show(ctl, "POST", target, show);
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
	if (cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(answer.json, "ok")))
		result = CTL_FAILED;
	if (ctl->json) {
		ctl_print_raw(&answer);
	} else {
		puts(result != CTL_OK                     ? "Reloaded, but not all of it:"
			: cJSON_GetArraySize(changes) > 0 ? "Reloaded:"
							  : "Reloaded: nothing changed.");
		cJSON_ArrayForEach(item, changes)
			ctl_line("  ", cJSON_IsString(item) ? item->valuestring : "");
	}
	ctl_answer_done(&answer);
	return result;
}

/* ---- options -------------------------------------------------------------------------------- */

static const struct command commands[] = {
	{ "status", "", 0, 0, ctl_status, "one screen; what is wrong stands first" },
	{ "ports", "[BANK]", 0, 1, ctl_ports, "a line for each port" },
	{ "port", "BANK/SLOT", 1, 1, ctl_port,
		"all about one port, its last changes and AT lines" },
	{ "watch", "[BANK]", 0, 1, ctl_watch, "the ports, live" },
	{ "reset", "BANK/SLOT [--step at|radio|modem|usb|power]", 1, 1, ctl_reset,
		"opens it anew (at), or takes a stronger step, now" },
	{ "messages", "[--follow] [--port P] [--since T] [--limit N] | export|erase --number N", 0,
		1, ctl_messages,
		"what arrived; texts only with --full. export: all that a number received, a "
		"line\n      of JSON each; erase: forgets it, delivered or not" },
	{ "outbox", "[list [--limit N]|retry ID...|retry --all|drop ID...]", 0, INT_MAX, ctl_outbox,
		"what waits, was refused, held or withheld, and why" },
	{ "numbers", "[export|set ICCID NUMBER|forget ICCID]", 0, 3, ctl_numbers,
		"each card's number and where it is from; export writes a numbers file" },
	{ "drain", "BANK/SLOT|--all [--timeout T|--no-wait]", 0, 1, ctl_drain,
		"off the lists, also after a restart; waits until its texts are delivered, a "
		"minute\n      or T at most" },
	{ "resume", "BANK/SLOT|--all", 0, 1, ctl_resume, "back on the lists" },
	{ "at", "BANK/SLOT COMMAND", 2, 2, ctl_at,
		"one AT command that asks and changes nothing: +CSQ, +CREG?, I, ..." },
	{ "ussd", "BANK/SLOT CODE", 2, 2, ctl_ussd, "asks the network, as in *100#" },
	{ "pin", "forget BANK/SLOT", 2, 2, ctl_pin,
		"a PIN that this port's card refused may be tried once more" },
	{ "select", "BANK/SLOT SIM", 2, 2, ctl_select,
		"a SIM bank puts this card in: a row, or an ICCID; waits until it is verified" },
	{ "calibrate", "BANK", 1, 1, ctl_calibrate,
		"finds out which port is wired to which column, switching every column once" },
	{ "filter", "test FILE", 2, 2, ctl_filter,
		"which rule of FILE (or of: default) decides on the texts of standard input, a "
		"line\n      each: SENDER, a tab and the text, or the text alone" },
	{ "sync", "[--test]", 0, 0, ctl_sync,
		"sends the number list now; --test: only to see whether the platform reads it" },
	{ "hosts", "", 0, 0, ctl_hosts,
		"those that share the store: their ports and banks, and who sends the lists" },
	{ "takeoff", "--sum N.N [--since T]", 0, 0, ctl_takeoff,
		"cards that have earned so much and can be replaced; of numbers added since T" },
	{ "activations", "[--open] [--limit N]|release ID", 0, 2, ctl_activations,
		"orders with their state; release ends one by hand" },
	{ "customer", "list|add NAME|topup NAME AMOUNT|disable NAME|enable NAME", 1, 3,
		ctl_customer,
		"who may order: balances, open orders; add shows the new key, this once" },
	{ "check", "", 0, 0, ctl_check,
		"one line and exit status 0, 1, 2 or 3 for Nagios and Icinga" },
	{ "doctor", "[--root DIR]", 0, 0, ctl_doctor,
		"finds what breaks such hosts, and says what to do; needs no daemon. DIR: a folder "
		"that\n      stands for / (a container's host)" },
	{ "reload", "", 0, 0, run_reload, "reads the configuration again" },
	{ "rules", "", 0, 0, ctl_rules,
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

/* For the shell's completion: of each command its name and arguments; first the common options. */
static void print_commands(void)
{
	for (int i = 0; i < OPTIONS; i++)
		if (option_rows[i].common && strcmp(option_rows[i].name, "commands") != 0)
			printf("--%s%s", option_rows[i].name,
				option_rows[i].type == required_argument ? " FILE " : " ");
	putchar('\n');
	for (const struct command *c = commands; c->name; c++)
		printf("%s %s\n", c->name, c->args);
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

static void set_option(struct ctl *ctl, const struct option_row *row, const char *value)
{
	char *field = (char *)ctl + row->offset;

	if (row->type == no_argument)
		*(bool *)field = true;
	else
		*(const char **)field = value;
}

/* given: a bool for each row. */
static bool parse_options(int argc, char **argv, struct ctl *ctl, bool *given)
{
	struct option longs[OPTIONS + 1] = { 0 };
	int c, i;

	for (i = 0; i < OPTIONS; i++)
		longs[i] = (struct option) { option_rows[i].name, option_rows[i].type, NULL,
			OPTION_FIRST + i };
	while ((c = getopt_long(argc, argv, "s:c:h", longs, NULL)) != -1) {
		for (i = 0; c < OPTION_FIRST && i < OPTIONS && *option_rows[i].name != c; i++)
			;
		i = c < OPTION_FIRST ? i : c - OPTION_FIRST;
		if (c == '?' || i == OPTIONS)
			return false; /* getopt has said why */
		set_option(ctl, &option_rows[i], optarg);
		given[i] = true;
	}
	return true;
}

static bool want_color(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && !(no && *no) && term && strcmp(term, "dumb") != 0;
}

/* path: of LINE_MAX_LEN bytes. */
static enum ctl_exit find_socket(struct ctl *ctl, char *path)
{
	const char *env = getenv("SIMGATE_CONTROL");

	if (ctl->socket && ctl->config)
		return ctl_usage("-s and -c exclude each other", "");
	strcpy(path, CTL_DEFAULT_SOCKET);
	if (ctl->socket)
		snprintf(path, LINE_MAX_LEN, "%s", ctl->socket);
	else if (ctl->config && !read_config(ctl->config, path))
		return CTL_FAILED;
	else if (!ctl->config && env && *env)
		snprintf(path, LINE_MAX_LEN, "%s", env);
	if (!*path || strlen(path) >= SOCKET_MAX)
		return ctl_usage("the socket's path must have 1 to 107 bytes", path);
	ctl->socket = path;
	return CTL_OK;
}

/* Whether its line of arguments names --option, as a whole word. */
static bool takes_option(const struct command *command, const char *option)
{
	size_t len = strlen(option);
	const char *at = command->args;

	while ((at = strstr(at, "--"))) {
		at += 2;
		if (strncmp(at, option, len) == 0 && !islower((unsigned char)at[len]) &&
			at[len] != '-')
			return true;
	}
	return false;
}

static enum ctl_exit check_usage(
	const struct command *command, struct ctl *ctl, const bool *given, int count)
{
	for (int i = 0; i < OPTIONS; i++)
		if (given[i] && !option_rows[i].common &&
			!takes_option(command, option_rows[i].name))
			return ctl_usage("an option does not go with the command", command->name);
	if (count < command->min || count > command->max)
		return ctl_usage(
			count < command->min ? "an argument is missing" : "too many arguments",
			command->name);
	if (ctl->limit_text && config_parse_int(ctl->limit_text, 1, LIMIT_MAX, &ctl->limit) < 0)
		return ctl_usage("--limit takes 1 to 1000, not", ctl->limit_text);
	return CTL_OK;
}

/* path: where the socket's is kept, of LINE_MAX_LEN bytes. */
static enum ctl_exit run_command(
	struct ctl *ctl, const bool *given, char *path, char **args, int count)
{
	const struct command *command = commands;

	if (count == 0)
		return ctl_usage("no command", "");
	while (command->name && strcmp(command->name, args[0]) != 0)
		command++;
	if (!command->name)
		return ctl_usage("no such command", args[0]);
	enum ctl_exit result = check_usage(command, ctl, given, count - 1);
	if (result == CTL_OK && command->run != ctl_rules && command->run != ctl_doctor)
		result = find_socket(ctl, path);
	if (result != CTL_OK) /* to Nagios 2 is critical, 3 unknown */
		return command->run == ctl_check ? (enum ctl_exit)3 : result;
	result = command->run(ctl, args + 1, count - 1);
	ctl_http_done(ctl);
	return result;
}

int main(int argc, char **argv)
{
	bool given[OPTIONS] = { false };
	char path[LINE_MAX_LEN];
	struct ctl ctl = { 0 };

	setlocale(LC_CTYPE, "C.UTF-8"); /* for wcwidth(): the daemon speaks UTF-8 */
	if (!parse_options(argc, argv, &ctl, given))
		return CTL_USAGE;
	ctl.color = want_color();
	enum ctl_exit result = CTL_OK;
	if (ctl.help)
		print_help();
	else if (ctl.version)
		puts("simgatectl " SIMGATE_VERSION);
	else if (ctl.commands)
		print_commands();
	else
		result = run_command(&ctl, given, path, argv + optind, argc - optind);
	if ((fflush(stdout) != 0 || ferror(stdout)) && result == CTL_OK) {
		fputs("simgatectl: cannot write the output\n", stderr);
		result = CTL_FAILED;
	}
	return (int)result;
}
