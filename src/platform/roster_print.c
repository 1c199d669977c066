/* roster_print.c - the list as a text, for a platform that asks for it instead of being told. */
#include "platform/roster_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { PRINTS_MAX = 16 }; /* under way */

struct roster_print {
	LIST_ENTRY(roster_print) link;
	struct roster *roster;
	roster_print_fn *done; /* NULL: was told already */
	void *arg;
};

static bool is_refused(const struct roster *roster, const char *number)
{
	const struct listing *refused = roster->selection.refused;

	for (size_t i = 0; i < refused->count; i++)
		if (strcmp(refused->entries[i].number, number) == 0)
			return true;
	return false;
}

/* What the platform has refused in a list of its own is left out here too. */
static void drop_refused(const struct roster *roster, struct listing *listing)
{
	size_t kept = 0;

	for (size_t i = 0; i < listing->count; i++)
		if (!is_refused(roster, listing->entries[i].number))
			listing->entries[kept++] = listing->entries[i];
	listing->count = kept;
}

/* The document of 2019 has this call: its naming and its fields. */
static int print(
	struct roster *roster, const struct store_roster_row *rows, size_t count, struct call *out)
{
	struct config_platform platform = *roster->platform;
	struct selection selection = roster->selection;
	char name[] = "list";

	platform.list_name = name;
	platform.dry_run = false;
	selection.platform = &platform;
	struct listing *listing = selection_make(&selection, rows, count);
	if (!listing)
		return -ENOMEM;
	drop_refused(roster, listing);
	int err = roster->kind->list(&platform, listing->entries, listing->count, LIST_LIVE, out);
	listing_free(listing);
	return err;
}

static void on_rows(void *arg, int err, const struct store_roster_row *rows, size_t count)
{
	struct roster_print *task = arg;
	struct roster *roster = task->roster;
	struct call call = { 0 };

	LIST_REMOVE(task, link);
	roster->print_count--;
	if (!roster_is_dead(roster) && task->done) {
		if (!err)
			err = print(roster, rows, count, &call);
		task->done(task->arg, err, err ? "" : call.body);
		call_free(&call);
	}
	free(task);
}

int roster_print(struct roster *roster, roster_print_fn *done, void *arg)
{
	struct roster_print *task;

	if (roster->stopped || !roster->opened)
		return -EAGAIN;
	if (roster->print_count == PRINTS_MAX)
		return -EBUSY;
	task = calloc(1, sizeof *task);
	if (!task)
		return -ENOMEM;
	*task = (struct roster_print) { .roster = roster, .done = done, .arg = arg };
	LIST_INSERT_HEAD(&roster->prints, task, link);
	roster->print_count++;
	roster->owed++;
	store_roster(roster->store, roster->platform->name, 0, on_rows, task);
	return 0;
}

void roster_print_stop(struct roster *roster)
{
	struct roster_print *task;

	LIST_FOREACH(task, &roster->prints, link)
	{
		if (task->done)
			task->done(task->arg, -ECANCELED, "");
		task->done = NULL;
	}
}
