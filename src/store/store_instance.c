/* store_instance.c - which installation of a host this is: a key beside its journal that its row in
 * the shared store has, too: "ID/COUNT/RANDOM". It counts up at each start and each minute from
 * then on, so that a copy of the disk, which does not run, falls behind the row. */
#include "store/store_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

struct key {
	char id[17], nonce[17];
	uint64_t count;
};

static bool parse(const char *text, struct key *out)
{
	/* The widths bound what is read. NOLINTNEXTLINE(cert-err34-c) */
	return sscanf(text, "%16[0-9a-f]/%19" SCNu64 "/%16[0-9a-f]", out->id, &out->count,
		       out->nonce) == 3;
}

/* A server that was restored from a copy knows an older one. */
bool instance_is(const struct store_instance *instance, const char *row_key)
{
	struct key row, own;

	if (!parse(row_key, &row) || !parse(instance->key, &own) || strcmp(row.id, own.id) != 0)
		return false;
	return row.count < own.count ||
	       (row.count == own.count && strcmp(row.nonce, own.nonce) == 0);
}

/* What is not whole is none: the row then tells that it is not this one's. */
int instance_load(struct store_instance *instance, const char *journal)
{
	struct key key;
	FILE *file;

	if (snprintf(instance->path, sizeof instance->path, "%s.key", journal) >=
		(int)sizeof instance->path)
		return -ENAMETOOLONG;
	file = fopen(instance->path, "re");
	if (!file)
		return errno == ENOENT ? 0 : -errno;
	if (!fgets(instance->key, sizeof instance->key, file) || !parse(instance->key, &key))
		instance->key[0] = '\0';
	instance->key[strcspn(instance->key, "\n")] = '\0';
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

static uint64_t new_random(void)
{
	uint64_t random = 0;

	while (getrandom(&random, sizeof random, 0) < 0 && errno == EINTR)
		;
	return random;
}

int instance_turn(struct store_instance *instance, int64_t now_ms)
{
	char text[STORE_INSTANCE_SIZE];
	struct key key;

	if (!parse(instance->key, &key)) {
		snprintf(key.id, sizeof key.id, "%016" PRIx64, new_random());
		key.count = 0;
	}
	snprintf(text, sizeof text, "%s/%" PRIu64 "/%016" PRIx64 "\n", key.id, key.count + 1,
		new_random());
	int err = replace(instance->path, text);
	if (err)
		return err;
	snprintf(instance->key, sizeof instance->key, "%.*s", (int)strcspn(text, "\n"), text);
	instance->turned_ms = now_ms;
	return 0;
}
