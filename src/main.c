/* main.c - options, configuration, gateway, loop, teardown. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/config.h"
#include "base/log.h"
#include "base/loop.h"
#include "gateway.h"
#include "modem/board.h"
#include "modem/driver.h"

/* Exit status, as the README has it. */
enum { EXIT_STOPPED = 0, EXIT_CONFIG = 1, EXIT_START = 2, EXIT_INTERNAL = 70 };

enum { FILES_MAX = 8192 };

struct options {
	const char *file;
	const char *record; /* a folder, or NULL */
	bool check;
};

struct process {
	struct loop *loop;
	struct gateway *gateway;
	struct loop_signal *signals[3];
};

static void usage(FILE *to)
{
	fputs("usage: simgated -c FILE [--check | --record DIR]\n"
	      "       simgated --list-drivers | --list-boards | --version | --help\n"
	      "\n"
	      "  -c, --config FILE   the configuration\n"
	      "      --check         read it, say what is wrong, exit 0 or 1\n"
	      "      --record DIR    also write what each port says to a file there, masked\n"
	      "      --list-drivers  modem families\n"
	      "      --list-boards   SIM-bank hardware\n",
		to);
}

static void list_drivers(void)
{
	for (size_t i = 0; modem_drivers[i]; i++)
		printf("%-12s %s\n", modem_drivers[i]->name, modem_drivers[i]->about);
}

static void list_boards(void)
{
	for (size_t i = 0; boards[i]; i++)
		printf("%-12s %s\n", boards[i]->name, boards[i]->about);
}

/* Returns -1 to go on, an exit status otherwise. */
static int read_options(int argc, char **argv, struct options *options)
{
	enum { CHECK = 256, RECORD, DRIVERS, BOARDS, VERSION };
	static const struct option known[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "check", no_argument, NULL, CHECK },
		{ "record", required_argument, NULL, RECORD },
		{ "list-drivers", no_argument, NULL, DRIVERS },
		{ "list-boards", no_argument, NULL, BOARDS },
		{ "version", no_argument, NULL, VERSION },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "c:h", known, NULL)) != -1) {
		switch (option) {
		case 'c': options->file = optarg; break;
		case CHECK: options->check = true; break;
		case RECORD: options->record = optarg; break;
		case DRIVERS: list_drivers(); return EXIT_STOPPED;
		case BOARDS: list_boards(); return EXIT_STOPPED;
		case VERSION: puts("simgated " SIMGATE_VERSION); return EXIT_STOPPED;
		case 'h': usage(stdout); return EXIT_STOPPED;
		default: usage(stderr); return EXIT_CONFIG;
		}
	}
	if (options->file && optind == argc)
		return -1;
	usage(stderr);
	return EXIT_CONFIG;
}

/* Warnings of a daemon that starts go where its log goes. */
static struct config *load(const struct options *options, struct loop *loop)
{
	struct config_report report = { 0 };
	struct config *config = config_load(options->file, gateway_names(), &report);

	if (config)
		gateway_check(config, &report);
	if (config && !options->check && !report.errors)
		log_init(config->log_format, loop);
	for (size_t i = 0; i < report.count; i++)
		if (options->check || report.errors)
			fprintf(stderr, "%s\n", report.lines[i]);
		else
			log_warning(LOGC_CONFIG, NULL, NULL, NULL, "%s", report.lines[i]);
	if (report.errors + report.warnings > report.count)
		fprintf(stderr, "... and %zu more\n",
			report.errors + report.warnings - report.count);
	if (options->check)
		printf("%s: %zu errors, %zu warnings\n", options->file, report.errors,
			report.warnings);
	if (report.errors) {
		config_free(config);
		config = NULL;
	}
	config_report_free(&report);
	if (config && options->record) {
		config->record_dir = strdup(options->record);
		if (!config->record_dir) {
			config_free(config);
			return NULL;
		}
	}
	return config;
}

static void on_stopped(void *arg)
{
	struct process *process = arg;

	loop_stop(process->loop);
}

static void on_stop_signal(void *arg)
{
	struct process *process = arg;

	gateway_stop(process->gateway, on_stopped, process);
}

static void on_reload_signal(void *arg)
{
	struct process *process = arg;

	gateway_reload(process->gateway);
}

/* A file a port and a connection: the usual 1024 is little. */
static void raise_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < FILES_MAX) {
		limit.rlim_cur = limit.rlim_max < FILES_MAX ? limit.rlim_max : FILES_MAX;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static void catch_signals(struct process *process)
{
	signal(SIGPIPE, SIG_IGN);
	process->signals[0] = loop_signal_new(process->loop, SIGTERM, on_stop_signal, process);
	process->signals[1] = loop_signal_new(process->loop, SIGINT, on_stop_signal, process);
	process->signals[2] = loop_signal_new(process->loop, SIGHUP, on_reload_signal, process);
}

int main(int argc, char **argv)
{
	struct options options = { 0 };
	struct process process = { 0 };
	struct config *config;
	char why[1024];
	int status = read_options(argc, argv, &options);

	if (status >= 0)
		return status;
	process.loop = loop_new();
	if (!process.loop) {
		fputs("simgated: no event loop\n", stderr);
		return EXIT_INTERNAL;
	}
	config = load(&options, process.loop);
	if (!config || options.check) {
		status = config ? EXIT_STOPPED : EXIT_CONFIG;
		config_free(config);
		loop_free(process.loop);
		return status;
	}
	raise_files();
	catch_signals(&process); /* one that comes while starting is handled once the loop runs */
	if (gateway_start(process.loop, config, &process.gateway, why, sizeof why) < 0) {
		log_error(LOGC_MAIN, NULL, NULL, NULL, "cannot start: %s", why);
		return EXIT_START;
	}
	loop_run(process.loop);
	gateway_free(process.gateway);
	log_notice(LOGC_MAIN, NULL, NULL, NULL, "stopped");
	/* An opener that hangs in the kernel must not hold the process. */
	fflush(NULL);
	_exit(EXIT_STOPPED);
}
