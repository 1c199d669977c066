/* onlinesim_push.c - what is said to OnlineSim's reseller API v2: lists, texts, takeOffNumbers. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/countries.h"
#include "platform/json_text.h"
#include "platform/onlinesim_impl.h"

enum { PORT_ID_MAX = 100 };

#define DAY_MS  (INT64_C(1000) * 24 * 3600)
#define HOUR_MS (3600 * INT64_C(1000))

/* ---- requests ------------------------------------------------------------------------------- */

/* Amounts are kept in 1/10000, and the 2019 document shows whole ones: rounded, halves up. What
 * would round to 0 is sent as 1, for 0 says that nothing is known. */
static bool add_amount(cJSON *object, const char *name, int64_t amount)
{
	if (amount == 0)
		return true;
	return json_add_int(object, name, amount < 10000 ? 1 : (amount + 5000) / 10000);
}

static int64_t message_date(const struct store_delivery *delivery)
{
	int64_t ahead_ms = delivery->sent_ms - delivery->arrived_ms;
	bool valid = delivery->sent_ms > 0 && ahead_ms >= -7 * DAY_MS && ahead_ms <= HOUR_MS;

	return (valid ? delivery->sent_ms : delivery->arrived_ms) / 1000;
}

static bool sends_2019_fields(const struct config_platform *platform)
{
	return strcmp(platform->list_name, "numbers") != 0;
}

/* By id only where the platform has given one: 0 stands in examples where an id would be. In 2019
 * it has a field of its own, later it stands where the number would. */
static bool add_number(cJSON *object, const struct config_platform *platform,
	const struct store_delivery *delivery)
{
	const char *id = delivery->remote_id;
	bool by_id = platform->message_by_id && *id && strcmp(id, "0") != 0;

	if (!by_id)
		return cJSON_AddStringToObject(object, "number", delivery->number);
	return cJSON_AddStringToObject(object, sends_2019_fields(platform) ? "id" : "number", id);
}

static bool add_message(cJSON *object, const struct config_platform *platform,
	const struct store_delivery *delivery)
{
	char date[24];

	snprintf(date, sizeof date, "%" PRId64, message_date(delivery));
	return cJSON_AddStringToObject(object, "date", date) &&
	       add_number(object, platform, delivery) &&
	       json_add_text(object, "from", delivery->sender[0] ? delivery->sender : "unknown") &&
	       json_add_text(object, "message", delivery->text);
}

static int push_message(const struct config_platform *platform,
	const struct store_delivery *delivery, int64_t now_ms, struct call *out)
{
	(void)now_ms;
	if (!config_is_number(delivery->number))
		return -EINVAL;
	cJSON *root = cJSON_CreateObject();
	bool ok = root && add_message(root, platform, delivery);
	if (ok && platform->dry_run)
		ok = cJSON_AddStringToObject(root, "test", "test1");
	return json_make_call(root, ok, "addMessage", "/api/resellers/addMessage", out);
}

/* Whether a batch can be marked as a test is not documented: -EINVAL in a dry run. */
static int push_messages(const struct config_platform *platform,
	const struct store_delivery *const *deliveries, size_t count, struct call *out)
{
	for (size_t i = 0; i < count; i++)
		if (!config_is_number(deliveries[i]->number))
			return -EINVAL;
	if (platform->dry_run || count == 0)
		return -EINVAL;
	cJSON *root = cJSON_CreateObject();
	cJSON *array = root ? cJSON_AddArrayToObject(root, "messages") : NULL;
	bool ok = array;
	for (size_t i = 0; ok && i < count; i++) {
		cJSON *item = cJSON_CreateObject();
		ok = item && cJSON_AddItemToArray(array, item);
		if (!ok)
			cJSON_Delete(item);
		ok = ok && add_message(item, platform, deliveries[i]);
	}
	return json_make_call(root, ok, "addMessages", "/api/resellers/addMessages", out);
}

/* "First 5 digits of IMSI", as documented, though some networks have codes of 6. */
static int operator_of(const char *imsi)
{
	int code = 0;

	for (int i = 0; i < 5; i++) {
		if (imsi[i] < '0' || imsi[i] > '9')
			return 0;
		code = code * 10 + imsi[i] - '0';
	}
	return code;
}

static int push_list_entry(const struct config_platform *platform,
	const struct store_roster_row *row, struct list_entry *out, const char **why)
{
	const char *bad = NULL;
	int country = e164_country(row->number);

	if (!config_is_number(row->number))
		bad = "number is not E.164";
	else if (country == 0)
		bad = "no country code";
	else if (strlen(row->bank) + 1 + strlen(row->slot) > PORT_ID_MAX)
		bad = "port id is longer than 100 bytes";
	else if (row->date_start <= 0)
		bad = "no date_start";
	else if (sends_2019_fields(platform) && row->date_stop && row->date_stop <= row->date_start)
		bad = "date_stop is not after date_start";
	if (bad) {
		*why = bad;
		return -EINVAL;
	}
	*out = (struct list_entry) {
		.number = row->number,
		.country_code = country,
		.operator_code = row->operator_code ? row->operator_code : operator_of(row->imsi),
		.rent = row->rent >= 0 ? row->rent > 0 : platform->rent,
		.date_start = row->date_start,
	};
	if (sends_2019_fields(platform)) { /* which know no rent */
		out->rent = -1;
		out->date_stop = row->date_stop;
		out->price = row->price;
		out->balance = row->balance;
	}
	return 0;
}

static bool add_entry(cJSON *array, const struct list_entry *entry)
{
	cJSON *item = cJSON_CreateObject();

	if (!item || !cJSON_AddItemToArray(array, item)) {
		cJSON_Delete(item);
		return false;
	}
	return cJSON_AddStringToObject(item, "number", entry->number) &&
	       json_add_int(item, "country_id", entry->country_code) &&
	       (!entry->operator_code || json_add_int(item, "operator", entry->operator_code)) &&
	       json_add_int(item, "date_start", entry->date_start) &&
	       (!entry->port_id || json_add_text(item, "port_id", entry->port_id)) &&
	       (entry->rent < 0 || json_add_int(item, "rent", entry->rent ? 1 : 0)) &&
	       (!entry->date_stop || json_add_int(item, "date_stop", entry->date_stop)) &&
	       add_amount(item, "price", entry->price) &&
	       add_amount(item, "balance", entry->balance);
}

static const char *const test_words[] = {
	[LIST_LIVE] = NULL,
	[LIST_TEST] = "test1",
	[LIST_ECHO] = "test2",
};

static int push_list(const struct config_platform *platform, const struct list_entry *entries,
	size_t count, enum list_test test, struct call *out)
{
	const char *word = test_words[test == LIST_LIVE && platform->dry_run ? LIST_TEST : test];
	cJSON *root = cJSON_CreateObject();
	cJSON *array = root ? cJSON_AddArrayToObject(root, platform->list_name) : NULL;
	bool ok = array;

	for (size_t i = 0; ok && i < count; i++)
		ok = add_entry(array, &entries[i]);
	if (ok && word)
		ok = cJSON_AddStringToObject(root, "test", word);
	return json_make_call(
		root, ok, "sendNumbersOnline", "/api/resellers/sendNumbersOnline", out);
}

/* "37.5": as few decimals as say it. */
static void print_sum(int64_t sum, char out[32])
{
	size_t len = (size_t)snprintf(out, 32, "%" PRId64 ".%04" PRId64, sum / 10000, sum % 10000);

	while (out[len - 1] == '0')
		out[--len] = '\0';
	if (out[len - 1] == '.')
		out[--len] = '\0';
}

static int push_takeoff(
	const struct config_platform *platform, int64_t sum, int64_t since_s, struct call *out)
{
	char text[32], path[128], date[32] = "";

	(void)platform;
	print_sum(sum, text);
	if (since_s > 0)
		snprintf(date, sizeof date, "&date=%" PRId64, since_s);
	snprintf(path, sizeof path, "/api/resellers/takeOffNumbers?sum=%s%s", text, date);
	char *copy = strdup(path);
	if (!copy)
		return -ENOMEM;
	*out = (struct call) { .name = "takeOffNumbers", .method = "GET", .path = copy };
	return 0;
}

const struct platform_kind platform_onlinesim_push = {
	.name = "onlinesim-push",
	.message = push_message,
	.message_outcome = onlinesim_message_outcome,
	.messages = push_messages,
	.messages_outcome = onlinesim_messages_outcome,
	.list_entry = push_list_entry,
	.list = push_list,
	.list_outcome = onlinesim_list_outcome,
	.list_echo = onlinesim_list_echo,
	.is_block = onlinesim_is_block,
	.takeoff = push_takeoff,
	.takeoff_outcome = onlinesim_takeoff_outcome,
	.advice = onlinesim_advice,
};
