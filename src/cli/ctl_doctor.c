/* ctl_doctor.c - `doctor`: runs the checks and prints what they found. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timex.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "cli/ctl.h"
#include "cli/doctor.h"

enum {
	SHOWN_MAX = 8,    /* of one check; --full: all */
	ANSWER_MS = 5000, /* the daemon's: it is at work on nothing that takes long */
};

/* Who listens at the control socket; *refused: why that is not told though somebody may. */
static pid_t listener(const char *path, int *refused)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct ucred peer = { .pid = 0 };
	socklen_t size = sizeof peer;
	int fd;

	if (strlen(path) >= sizeof address.sun_path)
		return 0;
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return 0;
	if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
		*refused = errno == ENOENT || errno == ECONNREFUSED ? 0 : errno;
	else if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		peer.pid = 0;
	close(fd);
	return peer.pid;
}

/* The daemon's ports, or nothing where it does not run. */
static void ask_daemon(struct ctl *ctl, struct doctor *doctor, struct ctl_answer *answer)
{
	if (!ctl->socket)
		ctl->socket = doctor->config ? doctor->config->control : CTL_DEFAULT_SOCKET;
	doctor->daemon = listener(ctl->socket, &doctor->refused);
	if (!doctor->daemon)
		return;
	ctl->quiet = true;
	ctl->call_ms = ANSWER_MS;
	if (ctl_call(ctl, "GET", "/api/v1/ports", answer) == CTL_OK)
		doctor->ports = cJSON_GetObjectItemCaseSensitive(answer->json, "ports");
	else
		doctor->refused = ETIMEDOUT;
}

static int64_t now_us(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* ---- what was found ------------------------------------------------------------------------- */

static void print_finding(const struct ctl *ctl, const struct doctor_finding *finding)
{
	bool fault = finding->result == DOCTOR_FAULT;
	const char *where = finding->where ? finding->where : "";
	char *text = NULL;

	if (asprintf(&text, "%s%s%s", where, *where ? ": " : "",
		    finding->what ? finding->what : "") < 0)
		return;
	printf("%s%-8s%s%s: ", ctl_color_on(fault ? CTL_RED : CTL_YELLOW, ctl->color),
		fault ? "fault" : "?", ctl_color_off(fault ? CTL_RED : CTL_YELLOW, ctl->color),
		doctor_checks[finding->check].name);
	ctl_line("", text);
	free(text);
}

static void print_check(const struct ctl *ctl, const struct doctor *doctor, size_t check)
{
	size_t count = 0, faults = 0;

	for (size_t i = 0; i < doctor->finding_count; i++) {
		const struct doctor_finding *finding = &doctor->findings[i];
		if (finding->check != check)
			continue;
		faults += finding->result == DOCTOR_FAULT;
		if (count++ < SHOWN_MAX || ctl->full)
			print_finding(ctl, finding);
	}
	if (count > SHOWN_MAX && !ctl->full)
		printf("        ... and %zu more (--full)\n", count - SHOWN_MAX);
	if (faults)
		printf("        do: %s\n", doctor_checks[check].advice);
	if (count == 0)
		printf("%-8s%s\n", "well", doctor_checks[check].name);
}

static void count_all(const struct doctor *doctor, size_t *faults, size_t *unknown)
{
	*faults = doctor->lost;
	*unknown = 0;
	for (size_t i = 0; i < doctor->finding_count; i++)
		++*(doctor->findings[i].result == DOCTOR_FAULT ? faults : unknown);
}

static void print_all(const struct ctl *ctl, const struct doctor *doctor)
{
	size_t faults, unknown;

	if (!doctor->daemon)
		puts("simgated does not run, or may not be asked: what it knows is left out.");
	for (size_t i = 0; doctor_checks[i].name; i++)
		print_check(ctl, doctor, i);
	count_all(doctor, &faults, &unknown);
	printf("%zu found wrong, %zu not to be told\n", faults, unknown);
}

static void print_json(const struct doctor *doctor)
{
	cJSON *json = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(json, "findings");
	cJSON *checks = cJSON_AddArrayToObject(json, "checks");
	size_t faults, unknown;
	char *text;

	for (size_t i = 0; doctor_checks[i].name; i++)
		cJSON_AddItemToArray(checks, cJSON_CreateString(doctor_checks[i].name));
	for (size_t i = 0; i < doctor->finding_count; i++) {
		const struct doctor_finding *finding = &doctor->findings[i];
		bool fault = finding->result == DOCTOR_FAULT;
		cJSON *item = cJSON_CreateObject();

		cJSON_AddStringToObject(item, "check", doctor_checks[finding->check].name);
		cJSON_AddStringToObject(item, "result", fault ? "fault" : "unknown");
		cJSON_AddStringToObject(item, "where", finding->where ? finding->where : "");
		cJSON_AddStringToObject(item, "what", finding->what ? finding->what : "");
		if (fault)
			cJSON_AddStringToObject(item, "do", doctor_checks[finding->check].advice);
		cJSON_AddItemToArray(list, item);
	}
	count_all(doctor, &faults, &unknown);
	cJSON_AddNumberToObject(json, "faults", (double)faults);
	cJSON_AddNumberToObject(json, "unknown", (double)unknown);
	text = cJSON_PrintUnformatted(json);
	puts(text ? text : "{}");
	cJSON_free(text);
	cJSON_Delete(json);
}

enum ctl_exit ctl_doctor(struct ctl *ctl, char **args, int count)
{
	const char *root = ctl->root && strcmp(ctl->root, "/") != 0 ? ctl->root : "";
	char standard[PATH_MAX];
	struct config_report report = { .count = 0 };
	struct ctl_answer answer = { NULL, 0, NULL };
	struct doctor doctor = { .root = root,
		.report = &report,
		.adjtimex = adjtimex,
		.statfs = statfs,
		.now_us = now_us(CLOCK_MONOTONIC),
		.now_s = time(NULL) };
	struct config *config;
	size_t faults, unknown;

	(void)args, (void)count;
	if (!doctor_path(&doctor, standard, "%s", CTL_DEFAULT_CONFIG))
		return ctl_usage("--root is too long", root);
	config = config_load(ctl->config ? ctl->config : standard, NULL, &report);
	doctor.config = config;
	if (!*root)
		ask_daemon(ctl, &doctor, &answer);
	int err = doctor_run(&doctor);
	if (err == 0 && ctl->json)
		print_json(&doctor);
	else if (err == 0)
		print_all(ctl, &doctor);
	else
		fputs("simgatectl: out of memory\n", stderr);
	count_all(&doctor, &faults, &unknown);
	doctor_done(&doctor);
	ctl_answer_done(&answer);
	config_free(config);
	config_report_free(&report);
	return err || faults ? CTL_FAILED : CTL_OK;
}
