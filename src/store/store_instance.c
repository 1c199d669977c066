/* store_instance.c - which installation of a host this is: a key beside its journal that its row in
 * the shared store has, too. The key is another one at each start, and each minute from then on, so
 * that a copy of the disk knows an old one. */
#include "store/store_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

bool instance_is(const struct store_instance *instance, const char *key)
{
	return *key && (strcmp(key, instance->now) == 0 || strcmp(key, instance->next) == 0);
}

/* What is not whole is none: the row then tells that it is not this one's. */
int instance_load(struct store_instance *instance, const char *journal)
{
	FILE *file;

	if (snprintf(instance->path, sizeof instance->path, "%s.key", journal) >=
		(int)sizeof instance->path)
		return -ENAMETOOLONG;
	file = fopen(instance->path, "re");
	if (!file)
		return errno == ENOENT ? 0 : -errno;
	if (fscanf(file, "%32[0-9a-f-]\n%32[0-9a-f]", instance->now, instance->next) != 2)
		instance->now[0] = instance->next[0] = '\0';
	fclose(file);
	return 0;
}

static int write_all(int fd, const char *text)
{
	ssize_t len = (ssize_t)strlen(text), n = write(fd, text, (size_t)len);

	if (n != len)
		return n < 0 ? -errno : -ENOSPC;
	return fsync(fd) < 0 ? -errno : 0;
}

/* The folder, too: a key that the server has must not be lost with the power. */
static int sync_folder(const char *path)
{
	char folder[STORE_INSTANCE_PATH_SIZE];

	snprintf(folder, sizeof folder, "%s", path);
	char *slash = strrchr(folder, '/');
	if (slash)
		slash[slash == folder] = '\0';
	int fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int err = fd < 0 || fsync(fd) < 0 ? -errno : 0;
	if (fd >= 0)
		close(fd);
	return err;
}

static int replace(const char *path, const char *text)
{
	char new[STORE_INSTANCE_PATH_SIZE + 4];

	snprintf(new, sizeof new, "%s.new", path);
	int fd = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	int err = write_all(fd, text);
	if (close(fd) < 0 && !err)
		err = -errno;
	if (!err && rename(new, path) < 0)
		err = -errno;
	if (err)
		unlink(new);
	return err ? err : sync_folder(path);
}

int instance_turn(struct store_instance *instance, const char *row_key, int64_t now_ms)
{
	char now[STORE_INSTANCE_SIZE], next[STORE_INSTANCE_SIZE];
	char text[2 * STORE_INSTANCE_SIZE + 4];
	uint64_t random[2] = { 0 };

	while (getrandom(random, sizeof random, 0) < 0 && errno == EINTR)
		;
	snprintf(now, sizeof now, "%s", instance_is(instance, row_key) ? row_key : "");
	snprintf(next, sizeof next, "%016" PRIx64 "%016" PRIx64, random[0], random[1]);
	snprintf(text, sizeof text, "%s\n%s\n", *now ? now : "-", next);
	int err = replace(instance->path, text);
	if (err)
		return err;
	strcpy(instance->now, now);
	strcpy(instance->next, next);
	instance->turned_ms = now_ms;
	return 0;
}
