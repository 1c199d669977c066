/* ctl_hosts.c - `simgatectl hosts`: those that share the store. */
#include <stdio.h>
#include <string.h>

#include "cli/ctl.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void join_banks(const cJSON *banks, char *out, size_t size)
{
	const cJSON *bank;
	size_t len = 0;

	out[0] = '\0';
	cJSON_ArrayForEach(bank, banks)
	{
		if (len < size && cJSON_IsString(bank))
			len += (size_t)snprintf(
				out + len, size - len, "%s%s", len ? " " : "", bank->valuestring);
	}
}

static void add_host(struct ctl_table *table, const cJSON *host)
{
	char ports[32], up[24], seen[24], banks[512];
	const char *state = ctl_str(host, "state");
	bool well = strcmp(state, "up") == 0;

	snprintf(ports, sizeof ports, "%.0f/%.0f", ctl_num(host, "ready"), ctl_num(host, "ports"));
	join_banks(cJSON_GetObjectItemCaseSensitive(host, "banks"), banks, sizeof banks);
	const char *cells[] = { ctl_str(host, "name"), state,
		ctl_true(host, "leader") ? "leads" : "", ports,
		ctl_span(ctl_num(host, "uptime_s"), up), ctl_span(ctl_num(host, "seen_s"), seen),
		ctl_str(host, "version"), banks };
	ctl_table_add(table, cells, well ? CTL_PLAIN : CTL_YELLOW, NULL);
}

static void show_hosts(const struct ctl *ctl, const cJSON *answer)
{
	static const struct ctl_column columns[] = {
		{ .title = "HOST", .colors = true },
		{ .title = "STATE", .colors = true },
		{ .title = "LISTS" },
		{ .title = "READY", .right = true },
		{ .title = "UP", .right = true, .rank = 3 },
		{ .title = "SEEN", .right = true, .rank = 2 },
		{ .title = "VERSION", .rank = 4 },
		{ .title = "BANKS", .rank = 1 },
	};
	struct ctl_table *table = ctl_table_new(columns, COUNT(columns));
	const cJSON *host;

	cJSON_ArrayForEach(host, cJSON_GetObjectItemCaseSensitive(answer, "hosts"))
	{
		add_host(table, host);
	}
	ctl_table_print(table, ctl_screen_width(), true, ctl->color);
	ctl_table_free(table);
}

enum ctl_exit ctl_hosts(struct ctl *ctl, char **args, int count)
{
	struct ctl_answer answer;
	enum ctl_exit result = ctl_call(ctl, "GET", "/api/v1/hosts", &answer);

	(void)args, (void)count;
	if (result != CTL_OK)
		return result;
	if (ctl->json)
		ctl_print_raw(&answer);
	else
		show_hosts(ctl, answer.json);
	ctl_answer_done(&answer);
	return CTL_OK;
}
