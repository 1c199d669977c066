/* store_enter.c - a process becomes its host's in the store: whose the host's row is, and whether
 * it may be had. */
#include "store/store_impl.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BOOT_SIZE = 37, FORGET_DAYS = 30 };

/* ---- this process among those of its host --------------------------------------------------- */

/* "BOOT/NAMESPACE/PID/RANDOM". The first two say where the third can be looked for. */
void store_token_make(char out[STORE_TOKEN_SIZE])
{
	char boot[BOOT_SIZE] = "-";
	struct stat space = { 0 };
	uint64_t random = 0;
	FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");

	if (file && !fgets(boot, sizeof boot, file))
		strcpy(boot, "-");
	if (file)
		fclose(file);
	stat("/proc/self/ns/pid", &space);
	while (getrandom(&random, sizeof random, 0) < 0 && errno == EINTR)
		;
	snprintf(out, STORE_TOKEN_SIZE, "%s/%llu/%d/%016" PRIx64, boot,
		(unsigned long long)space.st_ino, (int)getpid(), random);
}

/* Whether the process is known to have ended: it was of this machine, since it was booted, and is
 * not among what runs. */
static bool is_dead(const char *token, const char *own)
{
	const char *boot_end = strchr(own, '/');
	const char *pid_at = boot_end ? strchr(boot_end + 1, '/') : NULL;
	size_t len = pid_at ? (size_t)(pid_at + 1 - own) : 0;

	if (!len || *own == '-' || strncmp(token, own, len) != 0)
		return false;
	long pid = strtol(token + len, NULL, 10);
	return pid > 0 && pid != getpid() && kill((pid_t)pid, 0) < 0 && errno == ESRCH;
}

struct entry_row {
	bool found, stale;
	int64_t until_ms;
	char token[STORE_TOKEN_SIZE], instance[STORE_INSTANCE_SIZE];
};

static int read_entry(void *arg, const struct backend_value *cols, size_t count)
{
	struct entry_row *row = arg;

	(void)count;
	row->found = true;
	snprintf(row->token, sizeof row->token, "%s", cols[0].text);
	row->until_ms = cols[1].num;
	row->stale = cols[2].num != 0;
	snprintf(row->instance, sizeof row->instance, "%s", cols[3].text);
	return 0;
}

static int64_t enter_rows(
	const struct store_db *db, const struct store_entry_terms *terms, int64_t now_ms)
{
	int64_t n = db->backend->exec(db->conn, STMT_HOST_ENTER,
		ARGS(TXT(terms->host_id), TXT(terms->token), TXT(terms->version), INT(now_ms),
			INT(now_ms + terms->stale_ms),
			TXT(terms->instance ? terms->instance->key : "")),
		NULL, NULL);
	if (n >= 0 && !terms->shared)
		return db->backend->exec(
			db->conn, STMT_HOSTS_OTHERS, ARGS(TXT(terms->host_id)), NULL, NULL);
	if (n >= 0)
		n = db->backend->exec(db->conn, STMT_HOSTS_STALE, ARGS(INT(now_ms)), NULL, NULL);
	if (n >= 0)
		n = db->backend->exec(db->conn, STMT_HOSTS_FORGET,
			ARGS(INT(now_ms - INT64_C(86400000) * FORGET_DAYS)), NULL, NULL);
	return n < 0 ? n
		     : db->backend->exec(
			       db->conn, STMT_COUNTER_BUMP, ARGS(TXT("pool")), NULL, NULL);
}

/* Whose the row is. */
enum claim {
	CLAIM_NONE, /* nobody's, or that of a process that has ended */
	CLAIM_OWN, /* this installation's: whoever had it runs no more, for the journal is locked */
	CLAIM_OTHER, /* another installation's, whether it is heard of or not */
	CLAIM_FRESH, /* a process', of before there were keys */
};

static enum claim claim_of(
	const struct entry_row *row, const struct store_entry_terms *terms, bool fresh)
{
	if (!row->found || !terms->shared || !*row->token || is_dead(row->token, terms->token))
		return CLAIM_NONE;
	if (terms->instance && *row->instance)
		return instance_is(terms->instance, row->instance) ? CLAIM_OWN : CLAIM_OTHER;
	return fresh ? CLAIM_FRESH : CLAIM_NONE;
}

static void say_claim(const struct store_entry_terms *terms, const struct entry_row *row,
	int64_t now_ms, char *why, size_t why_size)
{
	long long ago_s = (long long)(now_ms - row->until_ms + terms->stale_ms) / 1000;

	snprintf(why, why_size,
		"another simgated with host_id %s uses this store: another installation, heard "
		"%lld s ago and not stopped; give each host a host_id of its own in [gateway] (a "
		"copied disk has its original's); to move the name here stop the other one, and "
		"where that is lost give this one another host_id",
		terms->host_id, ago_s > 0 ? ago_s : 0);
}

int store_host_enter(const struct store_db *db, const struct store_entry_terms *terms,
	struct store_entered *entered, char *why, size_t why_size)
{
	struct entry_row row = { 0 };
	int64_t n = db->backend->exec(
		db->conn, STMT_HOST_GET, ARGS(TXT(terms->host_id)), read_entry, &row);
	if (n < 0)
		return (int)n;
	int64_t now_ms = db->backend->now_ms(db->conn);
	if (!now_ms)
		now_ms = terms->now_ms;
	bool fresh = row.found && !row.stale && row.until_ms >= now_ms;

	switch (claim_of(&row, terms, fresh)) {
	case CLAIM_NONE:
	case CLAIM_OWN: break;
	case CLAIM_OTHER: say_claim(terms, &row, now_ms, why, why_size); return -EADDRINUSE;
	case CLAIM_FRESH:
		snprintf(why, why_size,
			"another simgated with host_id %s uses this store: give each host a "
			"host_id of its own in [gateway]; if that one is not there any more, its "
			"name is free in %lld s",
			terms->host_id, (long long)(row.until_ms - now_ms) / 1000 + 1);
		return -EADDRINUSE;
	}
	bool own = !*row.instance || !terms->instance || instance_is(terms->instance, row.instance);
	*entered = (struct store_entered) {
		.kept = terms->shared && fresh && own,
		.taken = !own && !*row.token,
	};
	if (terms->instance) {
		int err = instance_turn(terms->instance, now_ms);
		if (err) {
			snprintf(why, why_size, "cannot write %s: %s", terms->instance->path,
				strerror(-err));
			return err;
		}
	}
	n = enter_rows(db, terms, now_ms);
	return n < 0 ? (int)n : 0;
}
