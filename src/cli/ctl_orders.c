/* ctl_orders.c - `simgatectl activations` and `customer`: what is ordered, and by whom. */
#include <stdio.h>
#include <string.h>

#include "base/config.h"
#include "cli/ctl.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- activations ---------------------------------------------------------------------------- */

/* "open, 2 texts", "open, unanswered", "sold". */
static const char *state_of(const cJSON *row, char out[64])
{
	const char *state = ctl_str(row, "state");
	bool open = strcmp(state, "open") == 0;

	snprintf(out, 64, "%s%s", state,
		ctl_true(row, "unanswered")           ? ", unanswered"
		: open && ctl_true(row, "wait_retry") ? ", waits for another"
						      : "");
	return out;
}

static enum ctl_color color_of(const cJSON *row)
{
	if (ctl_true(row, "unanswered"))
		return CTL_RED;
	if (strcmp(ctl_str(row, "state"), "open") != 0)
		return CTL_PLAIN;
	return ctl_num(row, "texts") > 0 ? CTL_GREEN : CTL_YELLOW;
}

static void add_activation(struct ctl_table *table, const cJSON *row)
{
	char id[24], age[24], state[64], texts[32];
	bool customer = *ctl_str(row, "customer") != '\0';
	const char *withheld = ctl_num(row, "withheld") > 0 ? "+" : "";

	snprintf(id, sizeof id, "%.0f", ctl_num(row, "id"));
	snprintf(texts, sizeof texts, "%.0f%s", ctl_num(row, "texts"), withheld);
	ctl_span(ctl_num(row, "age_s"), age);
	const char *cells[] = { id, ctl_str(row, customer ? "customer" : "seller"),
		ctl_str(row, "service"), ctl_str(row, "number"), ctl_str(row, "port"),
		state_of(row, state), age, texts, ctl_str(row, customer ? "price" : "sum"),
		ctl_str(row, "expires"), ctl_str(row, "reason") };
	ctl_table_add(table, cells, color_of(row), NULL);
}

static void show_activations(const struct ctl *ctl, const cJSON *answer)
{
	static const struct ctl_column columns[] = {
		{ .title = "ID", .right = true },
		{ .title = "BY", .rank = 1, .least = 8 },
		{ .title = "SERVICE" },
		{ .title = "NUMBER", .whole = true },
		{ .title = "PORT", .whole = true, .rank = 3 },
		{ .title = "STATE", .colors = true },
		{ .title = "AGE", .right = true },
		{ .title = "TEXTS", .right = true },
		{ .title = "PRICE", .right = true, .rank = 4 },
		{ .title = "ENDS", .whole = true, .rank = 5 },
		{ .title = "WHY", .rank = 6 },
	};
	const cJSON *rows = cJSON_GetObjectItemCaseSensitive(answer, "activations"), *row;
	struct ctl_table *table;
	bool withheld = false;

	if (cJSON_GetArraySize(rows) == 0) {
		puts(ctl->open ? "Nothing is on order." : "Nothing was ordered.");
		return;
	}
	table = ctl_table_new(columns, COUNT(columns));
	cJSON_ArrayForEach(row, rows)
	{
		add_activation(table, row);
		withheld = withheld || ctl_num(row, "withheld") > 0;
	}
	ctl_table_print(table, ctl_screen_width(), true, ctl->color);
	ctl_table_free(table);
	if (withheld)
		puts("+: the filter withholds texts of it; see simgatectl outbox");
}

static void show_released(const struct ctl *ctl, const cJSON *answer)
{
	(void)ctl;
	printf("released: %.0f\n", ctl_num(answer, "id"));
}

enum ctl_exit ctl_activations(struct ctl *ctl, char **args, int count)
{
	char target[CTL_TARGET_MAX] = "/api/v1/activations", limit[24];
	int64_t id;

	if (count > 0) {
		if (strcmp(args[0], "release") != 0)
			return ctl_usage("activations knows release, not", args[0]);
		if (count < 2 || config_parse_int(args[1], 1, INT64_MAX, &id) < 0)
			return ctl_usage("release takes the ID of an operation", "");
		strcat(target, "/release");
		ctl_target_query(target, "id", args[1]);
		return ctl_do_and_show(ctl, target, show_released);
	}
	if (ctl->open)
		ctl_target_query(target, "open", "1");
	if (ctl->full)
		ctl_target_query(target, "full", "1");
	snprintf(limit, sizeof limit, "%lld", (long long)ctl->limit);
	if (ctl->limit > 0)
		ctl_target_query(target, "limit", limit);
	return ctl_ask_and_show(ctl, target, show_activations);
}

/* ---- customers ------------------------------------------------------------------------------ */

static void add_customer(struct ctl_table *table, const cJSON *row)
{
	const char *state = ctl_str(row, "state");
	char open[24], orders[24], today[24];

	snprintf(open, sizeof open, "%.0f", ctl_num(row, "open"));
	snprintf(orders, sizeof orders, "%.0f", ctl_num(row, "orders"));
	snprintf(today, sizeof today, "%.0f", ctl_num(row, "orders_today"));
	const char *cells[] = { ctl_str(row, "name"), state, ctl_str(row, "balance"), open, today,
		ctl_str(row, "spent_today"), orders,
		ctl_true(row, "configured") ? "configuration" : "hand" };
	ctl_table_add(table, cells, strcmp(state, "active") == 0 ? CTL_GREEN : CTL_YELLOW, NULL);
}

static void show_customers(const struct ctl *ctl, const cJSON *answer)
{
	static const struct ctl_column columns[] = {
		{ .title = "CUSTOMER", .rank = 1, .least = 12 },
		{ .title = "STATE", .colors = true },
		{ .title = "BALANCE", .right = true },
		{ .title = "OPEN", .right = true },
		{ .title = "TODAY", .right = true },
		{ .title = "SPENT TODAY", .right = true },
		{ .title = "ORDERS", .right = true, .rank = 3 },
		{ .title = "MADE BY", .whole = true, .rank = 2 },
	};
	const cJSON *rows = cJSON_GetObjectItemCaseSensitive(answer, "customers"), *row;
	struct ctl_table *table;

	if (cJSON_GetArraySize(rows) == 0) {
		puts("There are no customers.");
		return;
	}
	table = ctl_table_new(columns, COUNT(columns));
	cJSON_ArrayForEach(row, rows) add_customer(table, row);
	ctl_table_print(table, ctl_screen_width(), true, ctl->color);
	ctl_table_free(table);
}

static void show_added(const struct ctl *ctl, const cJSON *answer)
{
	(void)ctl;
	printf("%s\n", ctl_str(answer, "key"));
	fprintf(stderr,
		"This is the key of %s. It is shown this once; only a hash of it is kept.\n",
		ctl_str(answer, "name"));
}

static void show_balance(const struct ctl *ctl, const cJSON *answer)
{
	(void)ctl;
	printf("balance: %s\n", ctl_str(answer, "balance"));
}

static void show_state(const struct ctl *ctl, const cJSON *answer)
{
	(void)ctl;
	puts(ctl_str(answer, "state"));
}

enum ctl_exit ctl_customer(struct ctl *ctl, char **args, int count)
{
	static const struct {
		const char *verb;
		void (*show)(const struct ctl *ctl, const cJSON *answer);
		int args;
	} verbs[] = { { "add", show_added, 1 }, { "topup", show_balance, 2 },
		{ "disable", show_state, 1 }, { "enable", show_state, 1 } };
	char target[CTL_TARGET_MAX] = "/api/v1/customers/";

	if (strcmp(args[0], "list") == 0)
		return count > 1 ? ctl_usage("customer list takes no argument, not", args[1])
				 : ctl_ask_and_show(ctl, "/api/v1/customers", show_customers);
	for (size_t i = 0; i < COUNT(verbs); i++) {
		if (strcmp(verbs[i].verb, args[0]) != 0)
			continue;
		if (count - 1 != verbs[i].args)
			return ctl_usage(verbs[i].args == 1 ? "it takes a name"
							    : "it takes a name and an amount",
				args[0]);
		strcat(target, args[0]);
		if (!ctl_target_query(target, "name", args[1]) ||
			(count > 2 && !ctl_target_query(target, "amount", args[2])))
			return ctl_usage("an argument is too long", "");
		return ctl_do_and_show(ctl, target, verbs[i].show);
	}
	return ctl_usage("customer knows list, add, topup, disable and enable, not", args[0]);
}
