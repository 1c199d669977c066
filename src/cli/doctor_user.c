/* doctor_user.c - whose rights count: the running daemon's, else those of user simgate. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/doctor.h"

enum { LINE_SIZE = 4096 };

static FILE *open_below(const struct doctor *doctor, const char *name)
{
	char path[PATH_MAX];

	return doctor_path(doctor, path, "%s", name) ? fopen(path, "re") : NULL;
}

static void add_group(struct doctor_user *user, unsigned long gid)
{
	if (user->group_count < DOCTOR_GROUPS_MAX)
		user->groups[user->group_count++] = (gid_t)gid;
}

/* "Groups:\t4 20 " */
static void add_groups(struct doctor_user *user, const char *text)
{
	char *end;

	for (;;) {
		unsigned long gid = strtoul(text, &end, 10);
		if (end == text)
			return;
		add_group(user, gid);
		text = end;
	}
}

static bool of_process(struct doctor *doctor, pid_t pid)
{
	struct doctor_user *user = &doctor->user;
	char path[64], line[LINE_SIZE];
	FILE *file;

	snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	file = pid ? open_below(doctor, path) : NULL;
	if (!file)
		return false;
	while (fgets(line, sizeof line, file)) {
		if (strncmp(line, "Uid:", 4) == 0) {
			char *rest;
			strtoul(line + 4, &rest, 10); /* the real one; the effective one follows */
			user->uid = (uid_t)strtoul(rest, NULL, 10);
			user->known = true;
		}
		if (strncmp(line, "Gid:", 4) == 0)
			add_groups(user, line + 4);
		if (strncmp(line, "Groups:", 7) == 0)
			add_groups(user, line + 7);
	}
	fclose(file);
	snprintf(user->name, sizeof user->name, "uid %u", (unsigned)user->uid);
	return user->known;
}

/* NAME:x:ID:... of a line; false: another name. */
static bool line_of(char *line, const char *name, unsigned long *id, char **rest)
{
	size_t len = strlen(name);
	char *at = line + len;

	if (strncmp(line, name, len) != 0 || *at != ':' || !(at = strchr(at + 1, ':')))
		return false;
	*id = strtoul(at + 1, rest, 10);
	return **rest == ':';
}

static bool named(char *list, const char *separators, const char *name)
{
	char *next = list, *one;

	while ((one = strsep(&next, separators)))
		if (strcmp(one, name) == 0)
			return true;
	return false;
}

/* Its groups by /etc/group and by the unit, which may add some. */
static void of_files(struct doctor *doctor)
{
	struct doctor_user *user = &doctor->user;
	char line[LINE_SIZE], more[512] = "", list[512], *rest;
	unsigned long id;
	FILE *file = open_below(doctor, "/etc/passwd");

	while (file && fgets(line, sizeof line, file)) {
		if (!line_of(line, "simgate", &id, &rest))
			continue;
		user->known = true;
		user->uid = (uid_t)id;
		add_group(user, strtoul(rest + 1, NULL, 10));
	}
	if (file)
		fclose(file);
	strcpy(user->name, "simgate");
	doctor_unit_value(doctor, "SupplementaryGroups", more, sizeof more);
	file = open_below(doctor, "/etc/group");
	while (file && fgets(line, sizeof line, file)) {
		char *colon = strchr(line, ':');
		if (!colon)
			continue;
		*colon = '\0';
		snprintf(list, sizeof list, "%s", more);
		id = 0;
		bool member = named(list, " ", line);
		char *at = strchr(colon + 1, ':');
		if (!at)
			continue;
		id = strtoul(at + 1, &rest, 10);
		rest[strcspn(rest, "\n")] = '\0';
		if (member || (*rest == ':' && named(rest + 1, ",", "simgate")))
			add_group(user, id);
	}
	if (file)
		fclose(file);
}

void doctor_find_user(struct doctor *doctor)
{
	char name[64];
	void *dir = NULL;
	pid_t pid;

	while (!doctor->daemon && *doctor->root &&
		doctor_process(doctor, &dir, &pid, name, sizeof name))
		if (strcmp(name, "simgated") == 0)
			doctor->daemon = pid;
	while (dir && doctor_process(doctor, &dir, &pid, name, sizeof name))
		;
	if (!of_process(doctor, doctor->daemon))
		of_files(doctor);
}

bool doctor_group_name(const struct doctor *doctor, gid_t gid, char *out, size_t size)
{
	char line[LINE_SIZE];
	FILE *file = open_below(doctor, "/etc/group");
	bool found = false;

	while (file && !found && fgets(line, sizeof line, file)) {
		char *name = line + strcspn(line, ":"), *id = *name ? strchr(name + 1, ':') : NULL;
		found = id && strtoul(id + 1, NULL, 10) == gid;
		if (found)
			snprintf(out, size, "%.*s", (int)(name - line), line);
	}
	if (file)
		fclose(file);
	if (!found)
		snprintf(out, size, "%u", (unsigned)gid);
	return found;
}

bool doctor_unit_value(const struct doctor *doctor, const char *name, char *out, size_t size)
{
	static const char *const folders[] = { "/etc/systemd/system", "/usr/lib/systemd/system",
		"/lib/systemd/system" };
	char path[PATH_MAX], line[LINE_SIZE];
	size_t len = strlen(name);
	bool found = false;
	FILE *file = NULL;

	for (size_t i = 0; !file && i < sizeof folders / sizeof *folders; i++)
		if (doctor_path(doctor, path, "%s/simgated.service", folders[i]))
			file = fopen(path, "re");
	while (file && fgets(line, sizeof line, file)) {
		if (strncmp(line, name, len) != 0 || line[len] != '=')
			continue;
		line[strcspn(line, "\r\n")] = '\0';
		found = snprintf(out, size, "%s", line + len + 1) < (int)size;
	}
	if (file)
		fclose(file);
	return found;
}
