/* control_platforms.c - the control socket's answers about what is asked of the platforms: the list
 * now, the list as a self-test, and which cards can be replaced. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/control_impl.h"

/* One platform's part of an answer; its number list where that is looked through. */
struct part {
	struct pending *pending;
	cJSON *json;
	struct takeoff_number *numbers; /* sorted */
	size_t count;
};

static void part_over(struct pending *pending)
{
	if (--pending->waiting > 0)
		return;
	json_answer(pending->request, 200, pending->json);
	free(pending);
}

static void part_end(struct part *part, int err, const char *why)
{
	cJSON_AddBoolToObject(part->json, "ok", err == 0);
	cJSON_AddStringToObject(part->json, "error", err ? why : "");
	part_over(part->pending);
	free(part->numbers);
	free(part);
}

/* A part in the answer of `pending`; NULL if out of memory. */
static struct part *part_new(
	struct pending *pending, cJSON *list, const struct control_platform *platform)
{
	struct part *part = calloc(1, sizeof *part);

	if (!part)
		return NULL;
	part->pending = pending;
	part->json = cJSON_CreateObject();
	cJSON_AddStringToObject(part->json, "name", platform->config->name);
	cJSON_AddItemToArray(list, part->json);
	pending->waiting++;
	return part;
}

/* An answer with a list that parts come into; the caller holds one `waiting` itself. */
static struct pending *parts_new(
	struct control *control, struct http_request *request, cJSON **list)
{
	struct pending *pending = pending_new(control, request);

	if (!pending)
		return NULL;
	pending->json = cJSON_CreateObject();
	*list = cJSON_AddArrayToObject(pending->json, "platforms");
	pending->waiting = 1;
	return pending;
}

/* ---- the list ------------------------------------------------------------------------------- */

static void on_synced(void *arg, int err, const char *why)
{
	part_end(arg, err, why);
}

static const char *echo_name(enum list_echo echo)
{
	switch (echo) {
	case ECHO_NONE: return "none";
	case ECHO_OTHER: return "other";
	case ECHO_SAME: return "same";
	}
	return "none";
}

static void on_tested(void *arg, const struct roster_test_result *result)
{
	struct part *part = arg;

	json_int(part->json, "numbers", (int64_t)result->count);
	cJSON_AddStringToObject(part->json, "echo", echo_name(result->echo));
	part_end(part, result->err, result->why);
}

/* Platforms without a list are not in the answer. */
void control_sync(void *arg, struct http_request *request)
{
	struct control *control = arg;
	const struct control_view *view = control->view;
	const char *test = http_query(request, "test");
	bool is_test = test && strcmp(test, "1") == 0;
	cJSON *list;

	if (test && !is_test) {
		json_error(request, 400, "test is 1, or not there");
		return;
	}
	struct pending *pending = parts_new(control, request, &list);
	for (size_t i = 0; pending && i < view->platform_count; i++) {
		struct roster *roster = view->platforms[i].roster;
		struct part *part = roster ? part_new(pending, list, &view->platforms[i]) : NULL;
		if (part && is_test)
			roster_self_test(roster, on_tested, part);
		else if (part && leader_follows(view->leader))
			leader_sync(view->leader, on_synced, part);
		else if (part)
			roster_sync(roster, on_synced, part);
	}
	if (pending)
		part_over(pending);
}

/* ---- cards that can be replaced ------------------------------------------------------------- */

static int by_number(const void *a, const void *b)
{
	const struct takeoff_number *x = a, *y = b;

	return strcmp(x->number, y->number);
}

/* Where a number is here: the place of its card, "" for none. */
static void add_card(cJSON *json, const struct store_number_row *row, bool full)
{
	char port[2 * STORE_NAME_SIZE];

	snprintf(port, sizeof port, "%s%s%s", row->bank, *row->bank ? "/" : "", row->slot);
	cJSON_AddStringToObject(json, "port", port);
	json_card(json, "iccid", row->file.iccid, full);
	cJSON_AddStringToObject(json, "label", row->file.label);
}

static void add_number(cJSON *list, const struct takeoff_number *number,
	const struct store_number_row *row, bool full)
{
	static const struct store_number_row none = {
		.bank = "", .slot = "", .file = { .iccid = "", .label = "" }
	};
	cJSON *json = cJSON_CreateObject();

	json_number(json, "number", number->number, full);
	cJSON_AddStringToObject(json, "id", number->id);
	json_money(json, "profit", number->profit);
	json_money(json, "balance", number->balance);
	json_int(json, "country", number->country_code);
	cJSON_AddBoolToObject(json, "known", row != NULL);
	add_card(json, row ? row : &none, full);
	cJSON_AddItemToArray(list, json);
}

/* The cards of this host's store first, in their order; then numbers that none of them has. */
static void on_rows(
	void *arg, int err, const struct store_number_row *rows, size_t count, bool more)
{
	struct part *part = arg;
	cJSON *list = cJSON_AddArrayToObject(part->json, "numbers");
	bool *found = calloc(part->count + 1, sizeof *found);
	bool full = part->pending->full;

	(void)more;
	for (size_t i = 0; found && !err && i < count; i++) {
		struct takeoff_number key = { 0 };
		snprintf(key.number, sizeof key.number, "%s", rows[i].number);
		const struct takeoff_number *hit =
			bsearch(&key, part->numbers, part->count, sizeof key, by_number);
		if (!hit)
			continue;
		found[hit - part->numbers] = true;
		add_number(list, hit, &rows[i], full);
	}
	for (size_t i = 0; found && !err && i < part->count; i++)
		if (!found[i])
			add_number(list, &part->numbers[i], NULL, full);
	err = !err && !found ? -ENOMEM : err;
	free(found);
	part_end(part, err, "store");
}

static void on_takeoff(void *arg, const struct takeoff_result *result)
{
	struct part *part = arg;
	size_t size = result->count * sizeof *part->numbers;

	json_int(part->json, "ignored", (int64_t)result->ignored);
	if (result->err) {
		part_end(part, result->err, result->why);
		return;
	}
	part->numbers = malloc(size + 1);
	if (!part->numbers) {
		part_end(part, -ENOMEM, "out_of_memory");
		return;
	}
	if (size)
		memcpy(part->numbers, result->numbers, size);
	part->count = result->count;
	qsort(part->numbers, part->count, sizeof *part->numbers, by_number);
	store_numbers(part->pending->control->view->store, on_rows, part);
}

/* sum: more than 0, four decimals at most. since: Unix milliseconds, as messages have it. */
void control_takeoff(void *arg, struct http_request *request)
{
	struct control *control = arg;
	const struct control_view *view = control->view;
	const char *sum = http_query(request, "sum"), *since = http_query(request, "since");
	int64_t amount = sum ? config_parse_money(sum) : -1, since_ms = 0;
	cJSON *list;

	if (amount <= 0) {
		json_error(request, 400, "sum is an amount more than 0, as 12.34");
		return;
	}
	if (since && config_parse_int(since, 0, INT64_MAX, &since_ms) < 0) {
		json_error(request, 400, "since is Unix milliseconds");
		return;
	}
	struct pending *pending = parts_new(control, request, &list);
	if (pending)
		json_money(pending->json, "sum", amount);
	for (size_t i = 0; pending && i < view->platform_count; i++) {
		struct takeoff *takeoff = view->platforms[i].takeoff;
		struct part *part = takeoff ? part_new(pending, list, &view->platforms[i]) : NULL;
		if (part)
			takeoff_ask(takeoff, amount, since_ms / 1000, on_takeoff, part);
	}
	if (pending)
		part_over(pending);
}
