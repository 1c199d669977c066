/* test_platform.c - what is said to a platform and what its answers mean; countries; routes. */
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platform/breaker.h"
#include "platform/platform.h"
#include "platform/route.h"
#include "unit.h"

#define ARRIVED        INT64_C(1760000000000)
#define HOOK_SIGNATURE "3b79d396d3140f94d0a174ebb164f9058bb541d5036bcd1defb98184c1e91f50"

static const struct platform_kind *const kind = &platform_onlinesim_push;

static struct config_platform platform_of(const char *list_name, bool rent, bool dry_run)
{
	return (struct config_platform) { .name = (char *)"osim",
		.kind = (char *)"onlinesim-push",
		.list_name = (char *)list_name,
		.rent = rent,
		.dry_run = dry_run };
}

static struct answer answer_of(int status, const char *body)
{
	return (struct answer) { .status = status,
		.error = "",
		.body = body ? body : "",
		.len = body ? strlen(body) : 0 };
}

/* ---- outcomes ------------------------------------------------------------------------------- */

struct outcome_row {
	int status;
	const char *body;
	enum outcome want;
	const char *reason;
};

#define D OUTCOME_DELIVERED
#define R OUTCOME_RETRY
#define N OUTCOME_NUMBER
#define J OUTCOME_REJECTED
#define A OUTCOME_ACCOUNT

static const struct outcome_row message_rows[] = {
	{ 200, "{\"response\":1}", D, "" },
	{ 200, "{\"response\":1,\"more\":{\"a\":[1,2]}}", D, "" },
	{ 201, "{\"response\":\"1\"}", D, "" },
	{ 200, " {\"response\":1.0}\r\n", D, "" },
	{ 200, "\xef\xbb\xbf{\"response\":1}", D, "" },
	{ 500, "{\"response\":1}", R, "http-500" },
	{ 302, "{\"response\":1}", R, "http-302" },
	/* codes, in all their forms and at any status */
	{ 400, "{\"response\":\"NO_NUMBER\"}", N, "NO_NUMBER" },
	{ 400, "\"NO_NUMBER\"", N, "NO_NUMBER" },
	{ 400, "NO_NUMBER\n", N, "NO_NUMBER" },
	{ 200, "{\"response\":\"NO_NUMBER\"}", N, "NO_NUMBER" },
	{ 404, "", N, "http-404" },
	{ 404, "<html>not here</html>", N, "http-404" },
	{ 400, "{\"response\":\"ERROR_PARAMS\"}", J, "ERROR_PARAMS" },
	{ 400, "{\"response\":\"NUMBER_FORMAT_ERROR\"}", J, "NUMBER_FORMAT_ERROR" },
	{ 200, "ERROR_PARAMS", J, "ERROR_PARAMS" },
	/* a code that is not known says nothing of the text */
	{ 400, "{\"response\":\"SOMETHING_NEW\"}", R, "SOMETHING_NEW" },
	{ 400, "\"Message is too odd: 12345678\"", R, "http-400" },
	{ 400, "{\"response\":0}", R, "http-400" },
	{ 400, "{\"response\":\"ERROR_DATE\"}", R, "ERROR_DATE" },
	{ 401, "{\"response\":\"ERROR_NO_KEY\"}", A, "ERROR_NO_KEY" },
	{ 401, "{\"response\":\"ERROR_WRONG_KEY\"}", A, "ERROR_WRONG_KEY" },
	{ 200, "{\"response\":\"ERROR_WRONG_KEY\"}", A, "ERROR_WRONG_KEY" },
	{ 403, "\"ACCOUNT_BLOCKED\"", A, "ACCOUNT_BLOCKED" },
	{ 403, "API_ACCESS_DISABLED", A, "API_ACCESS_DISABLED" },
	{ 403, "API_ACCESS_IP", A, "API_ACCESS_IP" },
	{ 405, "{\"response\":\"REQUEST_NOT_FOUND\"}", A, "REQUEST_NOT_FOUND" },
	{ 404, "{\"response\":\"REQUEST_NOT_FOUND\"}", A, "REQUEST_NOT_FOUND" },
	{ 401, "", A, "http-401" },
	{ 403, "<html>forbidden</html>", A, "http-403" },
	{ 405, "{", A, "http-405" },
	/* no answers at all */
	{ 200, "", R, "not-understood" },
	{ 200, "<html>maintenance</html>", R, "not-understood" },
	{ 200, "{\"response\":", R, "not-understood" },
	{ 200, "{\"response\":1}}", R, "not-understood" },
	{ 200, "{\"response\":true}", R, "not-understood" },
	{ 200, "{\"response\":[1]}", R, "not-understood" },
	{ 200, "{\"Response\":1}", R, "not-understood" },
	{ 200, "{\"response\":2}", R, "not-understood" },
	{ 200, "{\"response\":11}", R, "not-understood" },
	{ 200, "1", R, "not-understood" },
	{ 200, "\"1\"", R, "not-understood" },
	{ 200, "[{\"response\":1}]", R, "not-understood" },
	{ 200, "OK", R, "OK" },
	{ 200, "{\"response\":\"TRY_LATER\"}", R, "TRY_LATER" },
	{ 400, "<html>bad request</html>", R, "http-400" },
	{ 400, "", R, "http-400" },
	{ 429, "", R, "http-429" },
	{ 502, "<html>bad gateway</html>", R, "http-502" },
	{ 503, "{\"response\":\"BUSY\"}", R, "BUSY" },
	{ 0, NULL, R, "no_route" },
};

static const struct outcome_row list_rows[] = {
	{ 200, "{\"response\":1}", D, "" },
	{ 200, "{\"response\":1,\"ids\":{}}", D, "" },
	{ 200, "{\"response\":1,\"ids\":[]}", D, "" },
	{ 200, "{\"response\":1,\"ids\":7}", D, "" },
	{ 400, "{\"response\":\"NUMBER_FORMAT_ERROR\"}", J, "NUMBER_FORMAT_ERROR" },
	{ 400, "\"ERROR_DATE\"", J, "ERROR_DATE" },
	{ 200, "ERROR_DATE", J, "ERROR_DATE" },
	{ 400, "<html>", J, "http-400" },
	{ 400, "", J, "http-400" },
	{ 401, "", A, "http-401" },
	{ 200, "\"API_ACCESS_IP\"", A, "API_ACCESS_IP" },
	{ 404, "", R, "http-404" },
	{ 500, "{\"response\":1}", R, "http-500" },
	{ 200, "<html>", R, "not-understood" },
};

/* A batch: what is refused is told apart by sending each alone. */
static const struct outcome_row batch_rows[] = {
	{ 200, "{\"response\":1}", D, "" },
	{ 200, "{\"response\":\"1\"}", D, "" },
	{ 400, "{\"response\":\"NO_NUMBER\"}", J, "NO_NUMBER" },
	{ 200, "NO_NUMBER", J, "NO_NUMBER" },
	{ 400, "\"ERROR_PARAMS\"", J, "ERROR_PARAMS" },
	{ 400, "{\"response\":\"NUMBER_FORMAT_ERROR\"}", J, "NUMBER_FORMAT_ERROR" },
	{ 400, "{\"response\":\"SOMETHING_NEW\"}", J, "SOMETHING_NEW" },
	{ 400, "", J, "http-400" },
	{ 400, "<html>", J, "http-400" },
	{ 404, "", J, "http-404" },
	/* an older server does not know the call, and that is no word on the account */
	{ 405, "{\"response\":\"REQUEST_NOT_FOUND\"}", J, "REQUEST_NOT_FOUND" },
	{ 404, "REQUEST_NOT_FOUND", J, "REQUEST_NOT_FOUND" },
	{ 405, "", J, "http-405" },
	{ 401, "{\"response\":\"ERROR_WRONG_KEY\"}", A, "ERROR_WRONG_KEY" },
	{ 200, "ACCOUNT_BLOCKED", A, "ACCOUNT_BLOCKED" },
	{ 403, "", A, "http-403" },
	{ 200, "{\"response\":[1,1]}", R, "not-understood" },
	{ 200, "", R, "not-understood" },
	{ 429, "", R, "http-429" },
	{ 500, "{\"response\":1}", R, "http-500" },
	{ 0, NULL, R, "no_route" },
};

static const struct outcome_row hook_rows[] = {
	{ 200, "", D, "" },
	{ 201, "<html>", D, "" },
	{ 204, "", D, "" },
	{ 299, "no", D, "" },
	{ 301, "", R, "http-301" },
	{ 400, "{\"response\":1}", J, "http-400" },
	{ 401, "", A, "http-401" },
	{ 403, "", A, "http-403" },
	{ 404, "", J, "http-404" },
	{ 405, "", J, "http-405" },
	{ 408, "", R, "http-408" },
	{ 409, "", J, "http-409" },
	{ 410, "", J, "http-410" },
	{ 422, "", J, "http-422" },
	{ 425, "", R, "http-425" },
	{ 429, "", R, "http-429" },
	{ 500, "", R, "http-500" },
	{ 503, "{\"response\":1}", R, "http-503" },
	{ 0, NULL, R, "no_route" },
};

typedef enum outcome outcome_fn(const struct answer *answer, char *reason, size_t reason_size);

static const struct config_platform anybody = { .name = (char *)"any" };

static void assert_rows(const struct outcome_row *rows, size_t count, outcome_fn *outcome_of)
{
	for (size_t i = 0; i < count; i++) {
		struct answer answer = answer_of(rows[i].status, rows[i].body);
		char reason[64] = "unset";
		answer.error = "no route";
		enum outcome got = outcome_of(&answer, reason, sizeof reason);
		if (got != rows[i].want || strcmp(reason, rows[i].reason) != 0)
			fail_msg("%d %s: %d %s", rows[i].status, rows[i].body, got, reason);
	}
}

static void batch_outcomes(void **state)
{
	(void)state;
	assert_rows(batch_rows, COUNT_OF(batch_rows), kind->messages_outcome);
}

static enum outcome hook_outcome(const struct answer *answer, char *reason, size_t reason_size)
{
	return platform_webhook.message_outcome(&anybody, answer, reason, reason_size);
}

static void hook_outcomes(void **state)
{
	(void)state;
	assert_rows(hook_rows, COUNT_OF(hook_rows), hook_outcome);
}

static void message_outcomes(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(message_rows); i++) {
		const struct outcome_row *row = &message_rows[i];
		struct answer answer = answer_of(row->status, row->body);
		char reason[64] = "unset";
		answer.error = "no route";
		enum outcome got = kind->message_outcome(&anybody, &answer, reason, sizeof reason);
		if (got != row->want || strcmp(reason, row->reason) != 0)
			fail_msg("%d %s: %d %s", row->status, row->body, got, reason);
	}
}

static void list_outcomes(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(list_rows); i++) {
		const struct outcome_row *row = &list_rows[i];
		struct answer answer = answer_of(row->status, row->body);
		char reason[64] = "unset";
		enum outcome got = kind->list_outcome(&answer, reason, sizeof reason, NULL, NULL);
		if (got != row->want || strcmp(reason, row->reason) != 0)
			fail_msg("%d %s: %d %s", row->status, row->body, got, reason);
	}
}

static void hostile_answers(void **state)
{
	size_t len = 100000;
	char *deep = malloc(2 * len + 1), reason[64], tiny[6];

	(void)state;
	memset(deep, '[', len);
	memset(deep + len, ']', len);
	deep[2 * len] = '\0';
	struct answer answer = answer_of(200, deep);
	assert_int_equal(kind->message_outcome(&anybody, &answer, reason, sizeof reason), R);
	assert_int_equal(kind->list_outcome(&answer, reason, sizeof reason, NULL, NULL), R);

	/* what was cut may go on in any way */
	answer = answer_of(200, "{\"response\":1}");
	answer.body_cut = true;
	assert_int_equal(kind->message_outcome(&anybody, &answer, reason, sizeof reason), R);
	assert_string_equal(reason, "too-long");

	/* a code behind a NUL is none; a long reason is cut, and what may be secret is not shown */
	answer = answer_of(200, "");
	answer.body = "OK\0NO_NUMBER";
	answer.len = 12;
	assert_int_equal(kind->message_outcome(&anybody, &answer, reason, sizeof reason), R);
	answer = answer_of(400, "{\"response\":\"ERROR_PARAMS\"}");
	assert_int_equal(kind->message_outcome(&anybody, &answer, tiny, sizeof tiny), J);
	assert_string_equal(tiny, "ERROR");
	answer = answer_of(400, "{\"response\":\"Unknown +46700100201, text: code 4711\"}");
	assert_int_equal(kind->message_outcome(&anybody, &answer, reason, sizeof reason), R);
	assert_string_equal(reason, "http-400");
	free(deep);
}

static void on_id(void *arg, const char *number, const char *id)
{
	char *all = arg;
	size_t len = strlen(all);

	snprintf(all + len, 512 - len, "%s=%s;", number, id ? id : "null");
}

static void list_ids(void **state)
{
	static const char body[] =
		"{\"response\":1,\"ids\":{\"+46700100201\":810045,\"46700100202\":"
		"\"810046\",\"+46700100203\":null,\"+46700100204\":0,"
		"\"+46700100205\":1.5e300,\"+46700100206\":\"x\",\"junk\":1,"
		"\"+46700100207\":-3,\"+46700100209\":-0,\"+46700100210\":1.5,\"+46700100208\":[1],"
		"\"+1234567890123456789012345678901234567890\":4}}";
	struct answer answer = answer_of(200, body);
	char all[512] = "", reason[64];

	(void)state;
	assert_int_equal(kind->list_outcome(&answer, reason, sizeof reason, on_id, all), D);
	assert_string_equal(all, "+46700100201=810045;+46700100202=810046;+46700100203=null;"
				 "+46700100204=0;+46700100209=0;");
	all[0] = '\0';
	answer.status = 400; /* not accepted: nothing is known of any number */
	kind->list_outcome(&answer, reason, sizeof reason, on_id, all);
	assert_string_equal(all, "");
}

/* ---- requests ------------------------------------------------------------------------------- */

static struct store_delivery delivery_of(const char *number, const char *sender, const char *text)
{
	return (struct store_delivery) { .message_id = "m",
		.platform = "osim",
		.number = number,
		.remote_id = "",
		.sender = sender,
		.text = text,
		.arrived_ms = ARRIVED };
}

static cJSON *said(int err, struct call *call, const char *name, const char *path)
{
	assert_int_equal(err, 0);
	assert_string_equal(call->name, name);
	assert_string_equal(call->method, "POST");
	assert_string_equal(call->path, path);
	cJSON *root = cJSON_Parse(call->body);
	assert_non_null(root);
	call_free(call);
	assert_null(call->body);
	return root;
}

static cJSON *message_said(bool dry_run, const struct store_delivery *delivery)
{
	struct config_platform platform = platform_of("numbers", false, dry_run);
	struct call call = { 0 };
	int err = kind->message(&platform, delivery, ARRIVED, &call);

	return said(err, &call, "addMessage", "/api/resellers/addMessage");
}

static void assert_string_field(const cJSON *object, const char *name, const char *want)
{
	const cJSON *field = cJSON_GetObjectItemCaseSensitive(object, name);

	if (!want) {
		assert_null(field);
		return;
	}
	assert_true(cJSON_IsString(field));
	assert_string_equal(field->valuestring, want);
}

static void message_body(void **state)
{
	struct store_delivery delivery = delivery_of(
		"+46700100201", "Example\"App", "code \xc3\xa5\n\\ 40 \xf0\x9f\x98\x80");

	(void)state;
	cJSON *root = message_said(false, &delivery);
	assert_int_equal(cJSON_GetArraySize(root), 4);
	assert_string_field(root, "date", "1760000000");
	assert_string_field(root, "number", "+46700100201");
	assert_string_field(root, "from", "Example\"App");
	assert_string_field(root, "message", "code \xc3\xa5\n\\ 40 \xf0\x9f\x98\x80");
	cJSON_Delete(root);

	delivery = delivery_of("+46700100201", "", "a\xff\xed\xa0\x80z");
	root = message_said(true, &delivery);
	assert_string_field(root, "from", "unknown");
	assert_string_field(root, "test", "test1");
	assert_string_field(root, "message", "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz");
	cJSON_Delete(root);

	static const char *const bad[] = { "", "46700100201", "+0", "+46 70",
		"+4670010020112345678" };
	struct config_platform platform = platform_of("numbers", false, false);
	struct call call = { 0 };
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		delivery = delivery_of(bad[i], "a", "b");
		const struct store_delivery *one = &delivery;
		assert_int_equal(kind->message(&platform, &delivery, ARRIVED, &call), -EINVAL);
		assert_int_equal(kind->messages(&platform, &one, 1, &call), -EINVAL);
		assert_null(call.body);
	}
}

static void message_dates(void **state)
{
	static const struct {
		int64_t sent_ms;
		const char *want;
	} rows[] = {
		{ 0, "1760000000" },
		{ ARRIVED - 5999, "1759999994" },
		{ ARRIVED + 3600000, "1760003600" },
		{ ARRIVED + 3600001, "1760000000" },
		{ ARRIVED - INT64_C(7) * 86400000, "1759395200" },
		{ ARRIVED - INT64_C(7) * 86400000 - 1, "1760000000" },
		{ -1, "1760000000" },
		{ INT64_C(1), "1760000000" },
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct store_delivery delivery = delivery_of("+46700100201", "a", "b");
		delivery.sent_ms = rows[i].sent_ms;
		cJSON *root = message_said(false, &delivery);
		assert_string_field(root, "date", rows[i].want);
		cJSON_Delete(root);
	}
}

static struct store_roster_row row_of(const char *number)
{
	return (struct store_roster_row) { .bank = "north",
		.slot = "p01",
		.card_id = "c",
		.iccid = "",
		.imsi = "240011234567890",
		.number = number,
		.label = "",
		.rent = -1,
		.date_start = 1760000001,
		.date_stop = 1770000000,
		.price = 125000,
		.balance = 1000001,
		.remote_id = "" };
}

static struct list_entry entry_of(
	const struct config_platform *platform, const struct store_roster_row *row)
{
	struct list_entry entry;
	const char *why = NULL;

	assert_int_equal(kind->list_entry(platform, row, &entry, &why), 0);
	entry.port_id = "north/p01";
	return entry;
}

static double number_field(const cJSON *object, const char *name)
{
	const cJSON *field = cJSON_GetObjectItemCaseSensitive(object, name);

	assert_true(cJSON_IsNumber(field));
	return field->valuedouble;
}

static void list_body(void **state)
{
	struct config_platform platform = platform_of("numbers", true, false);
	struct store_roster_row rows[2] = { row_of("+46700100201"), row_of("+2348000000001") };
	struct list_entry entries[2];
	struct call call = { 0 };

	(void)state;
	rows[1].operator_code = 62130;
	rows[1].rent = 0;
	for (int i = 0; i < 2; i++)
		entries[i] = entry_of(&platform, &rows[i]);
	int err = kind->list(&platform, entries, 2, LIST_LIVE, &call);
	cJSON *root = said(err, &call, "sendNumbersOnline", "/api/resellers/sendNumbersOnline");
	assert_int_equal(cJSON_GetArraySize(root), 1);
	cJSON *list = cJSON_GetObjectItemCaseSensitive(root, "numbers");
	assert_int_equal(cJSON_GetArraySize(list), 2);
	cJSON *one = cJSON_GetArrayItem(list, 0), *two = cJSON_GetArrayItem(list, 1);
	assert_int_equal(cJSON_GetArraySize(one), 6);
	assert_string_field(one, "number", "+46700100201");
	assert_string_field(one, "port_id", "north/p01");
	assert_true(number_field(one, "country_id") == 46);
	assert_true(number_field(one, "operator") == 24001);
	assert_true(number_field(one, "date_start") == 1760000001);
	assert_true(number_field(one, "rent") == 1);
	assert_true(number_field(two, "country_id") == 234);
	assert_true(number_field(two, "operator") == 62130);
	assert_true(number_field(two, "rent") == 0);
	cJSON_Delete(root);

	err = kind->list(&platform, entries, 0, LIST_ECHO, &call);
	root = said(err, &call, "sendNumbersOnline", "/api/resellers/sendNumbersOnline");
	assert_string_field(root, "test", "test2");
	cJSON_Delete(root);

	err = kind->list(&platform, entries, 0, LIST_TEST, &call);
	root = said(err, &call, "sendNumbersOnline", "/api/resellers/sendNumbersOnline");
	assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(root, "numbers")), 0);
	assert_true(cJSON_IsArray(cJSON_GetObjectItem(root, "numbers")));
	assert_string_field(root, "test", "test1");
	cJSON_Delete(root);
}

static void list_body_2019(void **state)
{
	static const char *const names[] = { "number", "list" };
	struct store_roster_row row = row_of("+46700100201");

	(void)state;
	row.imsi = "";
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		struct config_platform platform = platform_of(names[i], false, true);
		struct list_entry entry = entry_of(&platform, &row);
		struct call call = { 0 };
		int err = kind->list(&platform, &entry, 1, LIST_LIVE, &call);
		assert_non_null(strstr(call.body, "\"price\":13,")); /* integers */
		assert_non_null(strstr(call.body, "\"balance\":100}"));
		cJSON *root =
			said(err, &call, "sendNumbersOnline", "/api/resellers/sendNumbersOnline");
		cJSON *one = cJSON_GetArrayItem(cJSON_GetObjectItem(root, names[i]), 0);
		assert_true(number_field(one, "date_stop") == 1770000000);
		assert_null(cJSON_GetObjectItem(one, "rent")); /* not in 2019 */
		assert_null(cJSON_GetObjectItem(one, "operator"));
		assert_string_field(root, "test", "test1");
		cJSON_Delete(root);
	}
}

static void entries_refused(void **state)
{
	struct config_platform platform = platform_of("list", false, false);
	char long_slot[101];
	struct {
		struct store_roster_row row;
		const char *why;
	} rows[] = {
		{ row_of("46700100201"), "number is not E.164" },
		{ row_of(""), "number is not E.164" },
		{ row_of("+9990000000"), "no country code" },
		{ row_of("+46700100201"), "port id is longer than 100 bytes" },
		{ row_of("+46700100201"), "date_stop is not after date_start" },
		{ row_of("+46700100201"), "no date_start" },
	};
	(void)state;
	memset(long_slot, 'x', 100);
	long_slot[100] = '\0';
	rows[3].row.slot = long_slot;
	rows[4].row.date_stop = rows[4].row.date_start;
	rows[5].row.date_start = 0;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct list_entry entry;
		const char *why = "";
		assert_int_equal(kind->list_entry(&platform, &rows[i].row, &entry, &why), -EINVAL);
		assert_string_equal(why, rows[i].why);
	}
	/* the longest that fits; a date that is not sent is not looked at */
	platform = platform_of("numbers", false, false);
	long_slot[94] = '\0';
	rows[3].row.date_stop = 5;
	entry_of(&platform, &rows[3].row);
}

/* ---- by id, in batches ---------------------------------------------------------------------- */

static void message_by_id(void **state)
{
	static const struct {
		const char *list_name, *id, *number_field, *id_field;
	} rows[] = {
		{ "numbers", "810045", "810045", NULL },
		{ "numbers", "", "+46700100201", NULL },  /* none is known yet */
		{ "numbers", "0", "+46700100201", NULL }, /* a placeholder */
		{ "number", "810045", NULL, "810045" },
		{ "list", "", "+46700100201", NULL },
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct config_platform platform = platform_of(rows[i].list_name, false, false);
		struct store_delivery delivery = delivery_of("+46700100201", "a", "b");
		struct call call = { 0 };
		delivery.remote_id = rows[i].id;
		for (int by_id = 0; by_id < 2; by_id++) {
			platform.message_by_id = by_id;
			int err = kind->message(&platform, &delivery, ARRIVED, &call);
			cJSON *root = said(err, &call, "addMessage", "/api/resellers/addMessage");
			assert_string_field(
				root, "number", by_id ? rows[i].number_field : "+46700100201");
			assert_string_field(root, "id", by_id ? rows[i].id_field : NULL);
			cJSON_Delete(root);
		}
	}
}

static void batch_body(void **state)
{
	struct config_platform platform = platform_of("numbers", false, false);
	struct store_delivery one = delivery_of("+46700100201", "A", "first"),
			      two = delivery_of("+46700100202", "", "second");
	const struct store_delivery *all[] = { &one, &two };
	struct call call = { 0 };

	(void)state;
	int err = kind->messages(&platform, all, 2, &call);
	cJSON *root = said(err, &call, "addMessages", "/api/resellers/addMessages");
	assert_int_equal(cJSON_GetArraySize(root), 1);
	cJSON *list = cJSON_GetObjectItemCaseSensitive(root, "messages");
	assert_int_equal(cJSON_GetArraySize(list), 2);
	assert_int_equal(cJSON_GetArraySize(cJSON_GetArrayItem(list, 0)), 4);
	assert_string_field(cJSON_GetArrayItem(list, 0), "number", "+46700100201");
	assert_string_field(cJSON_GetArrayItem(list, 0), "date", "1760000000");
	assert_string_field(cJSON_GetArrayItem(list, 1), "from", "unknown");
	assert_string_field(cJSON_GetArrayItem(list, 1), "message", "second");
	cJSON_Delete(root);
	/* that a batch is a test cannot be said */
	platform.dry_run = true;
	assert_int_equal(kind->messages(&platform, all, 2, &call), -EINVAL);
	platform.dry_run = false;
	assert_int_equal(kind->messages(&platform, all, 0, &call), -EINVAL);
}

/* ---- self-test, takeOffNumbers -------------------------------------------------------------- */

static void echoes(void **state)
{
	static const char sent[] = "{\"numbers\":[{\"number\":\"+46700100201\",\"rent\":0}],"
				   "\"test\":\"test2\"}";
	static const struct {
		int status;
		const char *body;
		enum list_echo want;
	} rows[] = {
		{ 200, sent, ECHO_SAME },
		{ 200,
			"{\"response\":1,\"request\":{\"test\":\"test2\",\"numbers\":"
			"[{\"rent\":0,\"number\":\"+46700100201\"}]}}",
			ECHO_SAME },
		{ 200, "{\"response\":1,\"data\":[{\"rent\":0,\"number\":\"+46700100201\"}]}",
			ECHO_SAME },
		{ 200, "{\"numbers\":[{\"number\":\"+46700100201\",\"rent\":1}]}", ECHO_OTHER },
		{ 200, "{\"response\":{\"numbers\":[]}}", ECHO_OTHER },
		{ 200, "{\"response\":1}", ECHO_NONE },
		{ 200, "{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"numbers\":[]}}}}}}", ECHO_NONE },
		{ 200, "", ECHO_NONE },
		{ 200, "test2", ECHO_NONE },
		{ 400, sent, ECHO_NONE },
	};
	struct config_platform platform = platform_of("numbers", false, false);

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct answer answer = answer_of(rows[i].status, rows[i].body);
		if (kind->list_echo(&platform, &answer, sent) != rows[i].want)
			fail_msg("%s", rows[i].body);
		answer.body_cut = true;
		assert_int_equal(kind->list_echo(&platform, &answer, sent), ECHO_NONE);
	}
}

static void takeoff_requests(void **state)
{
	static const struct {
		int64_t sum, since;
		const char *path;
	} rows[] = {
		{ 375000, 0, "sum=37.5" },
		{ 300000, 1760000000, "sum=30&date=1760000000" },
		{ 1, 0, "sum=0.0001" },
		{ 1000000, 1, "sum=100&date=1" },
	};
	struct config_platform platform = platform_of("numbers", false, false);
	char want[128];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct call call = { 0 };
		assert_int_equal(kind->takeoff(&platform, rows[i].sum, rows[i].since, &call), 0);
		snprintf(want, sizeof want, "/api/resellers/takeOffNumbers?%s", rows[i].path);
		assert_string_equal(call.path, want);
		assert_string_equal(call.method, "GET");
		assert_null(call.body);
		call_free(&call);
	}
}

static void on_takeoff(void *arg, const struct takeoff_number *number)
{
	char *all = arg;
	size_t len = strlen(all);

	snprintf(all + len, 1024 - len, "%s=%s/%lld/%lld/%d;", number->number, number->id,
		(long long)number->profit, (long long)number->balance, number->country_code);
}

static void takeoff_answers(void **state)
{
	static const struct {
		int status;
		const char *body;
		enum outcome want;
		const char *reason, *numbers;
	} rows[] = {
		{ 200, "{\"response\":1,\"list\":[]}", D, "", "" },
		{ 200,
			"{\"response\":1,\"list\":[{\"number\":\"+46700100201\",\"id\":\"810045\","
			"\"sum\":\"37.5\",\"country\":\"46\",\"balance\":\"100\"},"
			"{\"number\":46700100202,\"id\":810046,\"sum\":12.25,\"country\":46,"
			"\"balance\":null},{\"number\":\"46700100203\",\"sum\":\"-1\","
			"\"country\":\"x\"},{\"sum\":\"1\"},7,null,{\"number\":\"junk\"}]}",
			D, "",
			"+46700100201=810045/375000/1000000/46;+46700100202=810046/122500/-1/46;"
			"+46700100203=/-1/-1/0;" },
		{ 200, "{\"response\":1}", R, "not-understood", "" },
		{ 200, "{\"response\":1,\"list\":{}}", R, "not-understood", "" },
		{ 200, "{\"list\":[{\"number\":\"+46700100201\"}]}", R, "not-understood", "" },
		{ 400, "{\"response\":\"ERROR_PARAMS\"}", J, "ERROR_PARAMS", "" },
		{ 400, "", J, "http-400", "" },
		{ 405, "{\"response\":\"REQUEST_NOT_FOUND\"}", A, "REQUEST_NOT_FOUND", "" },
		{ 401, "", A, "http-401", "" },
		{ 503, "", R, "http-503", "" },
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct answer answer = answer_of(rows[i].status, rows[i].body);
		char reason[64], all[1024] = "";
		assert_int_equal(
			kind->takeoff_outcome(&answer, reason, sizeof reason, on_takeoff, all),
			rows[i].want);
		assert_string_equal(reason, rows[i].reason);
		assert_string_equal(all, rows[i].numbers);
	}
}

static void blocks(void **state)
{
	(void)state;
	assert_true(kind->is_block("ACCOUNT_BLOCKED"));
	assert_false(kind->is_block("ERROR_WRONG_KEY"));
	assert_false(kind->is_block("http-403"));
}

/* ---- webhook -------------------------------------------------------------------------------- */

static void hook_request(void **state)
{
	struct config_platform platform = {
		.name = (char *)"hook", .kind = (char *)"webhook", .hmac_key = (char *)"s3cret"
	};
	struct store_delivery delivery = delivery_of("+46700100201", "VK", "code 1");
	struct call call = { 0 };

	(void)state;
	delivery.message_id = "01890000-0000-7000-8000-000000000001";
	delivery.bank = "north";
	delivery.slot = "p01";
	delivery.card_id = "8946000000000000001";
	delivery.parts = 2;
	delivery.arrived_ms = ARRIVED + 999;
	assert_int_equal(platform_webhook.message(&platform, &delivery, ARRIVED + 5500, &call), 0);
	assert_string_equal(call.method, "POST");
	assert_string_equal(call.path, "");
	assert_string_equal(call.body,
		"{\"id\":\"01890000-0000-7000-8000-000000000001\",\"port\":\"north/p01\","
		"\"number\":\"+46700100201\",\"card\":\"8946000000000000001\",\"sender\":\"VK\","
		"\"text\":\"code 1\",\"sent\":null,\"arrived\":1760000000,\"parts\":2}");
	assert_string_equal(call.headers[0], "X-Simgate-Timestamp: 1760000005");
	/* printf '1760000005.BODY' | openssl dgst -sha256 -hmac s3cret */
	assert_string_equal(call.headers[1], "X-Simgate-Signature: sha256=" HOOK_SIGNATURE);
	call_free(&call);
	assert_null(call.headers[0]);

	/* the same at another time, or with another key, is signed otherwise */
	for (int i = 0; i < 2; i++) {
		platform.hmac_key = (char *)(i ? "other" : "s3cret");
		assert_int_equal(platform_webhook.message(
					 &platform, &delivery, ARRIVED + (i ? 5500 : 6000), &call),
			0);
		assert_null(strstr(call.headers[1], HOOK_SIGNATURE));
		call_free(&call);
	}
	delivery.sent_ms = ARRIVED - 1000;
	assert_int_equal(platform_webhook.message(&platform, &delivery, ARRIVED, &call), 0);
	assert_non_null(strstr(call.body, "\"sent\":1759999999,"));
	call_free(&call);
}

/* ---- countries, routes ---------------------------------------------------------------------- */

static void routes(void **state)
{
	char *sell[] = { (char *)"two", (char *)"customers", (char *)"one" };
	struct route_card card = { .sellers = sell, .count = 3 };
	struct route_platform all[20] = { { "one", true, false, false, NULL },
		{ "two", false, false, false, NULL }, { "three", true, false, false, NULL } };
	const struct store_message text = { .card_id = "89", .sender = "VK", .text = "1234" };
	const struct store_message unattributed = { .card_id = "", .sender = "VK", .text = "12" };
	struct store_route out[STORE_ROUTES_MAX];

	(void)state;
	assert_int_equal(route(&card, all, 3, &text, out), 2);
	assert_string_equal(out[0].platform, "one");
	assert_int_equal(out[0].state, STORE_QUEUED);
	assert_true(out[0].claim);
	assert_string_equal(out[1].platform, "two");
	assert_false(out[1].claim);

	assert_int_equal(route(&card, all, 3, &unattributed, out), 2);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(out[i].state, STORE_HELD);
		assert_string_equal(out[i].reason, "unattributed");
		assert_false(out[i].claim);
	}

	card.count = 0;
	assert_int_equal(route(&card, all, 3, &text, out), 1);
	assert_string_equal(out[0].platform, "");
	assert_int_equal(out[0].state, STORE_UNCLAIMED);
	assert_false(out[0].claim);
	assert_int_equal(route(&card, all, 3, &unattributed, out), 1);
	assert_int_equal(out[0].state, STORE_HELD);

	card.count = 3;
	for (int i = 0; i < 20; i++)
		all[i] = (struct route_platform) { "one", true, false, false, NULL };
	assert_int_equal(route(&card, all, 20, &text, out), STORE_ROUTES_MAX);
}

static struct filter *rules(const char *text)
{
	struct config_report report = { 0 };
	FILE *file = fmemopen((char *)text, strlen(text), "r");
	const struct filter_source source = { .file = file, .name = "rules", .first_line = 1 };
	struct filter *filter = filter_read(&source, &report);

	assert_non_null(filter);
	fclose(file);
	config_report_free(&report);
	return filter;
}

/* Whose a text is while an operation is open. Times are seconds; the order came at 1000. */
static void routes_of_orders(void **state)
{
	static const struct {
		const char *seller; /* of the operation; NULL: none is open */
		bool rent, service; /* service: its texts are from VK */
		const char *from, *text;
		int sent_s, arrived_s;
		const char *want;
	} rows[] = {
		{ NULL, false, false, "VK", "1", 0, 1001, ":3: 0" },
		{ "pull", false, false, "VK", "1", 0, 1001, "pull:0: 7" },
		{ "pull", false, false, "VK", "1", 0, 1000, "pull:0: 7" },
		{ "customers", false, false, "VK", "1", 0, 1001, "customers:4: 7" },
		/* it came before the order, or says so by more than two minutes */
		{ "pull", false, false, "VK", "1", 0, 999, ":3:before_order 0" },
		{ "customers", false, false, "VK", "1", 880, 1001, "customers:4: 7" },
		{ "customers", false, false, "VK", "1", 879, 1001, ":3:before_order 0" },
		/* of the service, or of another; a rent has any */
		{ "customers", false, true, "VK", "1", 0, 1001, "customers:4: 7" },
		{ "customers", false, true, "FB", "1", 0, 1001, ":3:other_service 0" },
		{ "customers", true, true, "FB", "1", 0, 1001, "customers:4: 7" },
		/* what is confidential stays here for all, but a rule may know a rent */
		{ "customers", false, false, "BANK", "1", 0, 1001, "customers:2:bank 7" },
		{ "customers", true, false, "BANK", "1", 0, 1001, "customers:2:bank 7" },
		{ "pull", false, false, "BANK", "1", 0, 1001, "pull:2:bank 7" },
		{ "pull", false, false, "VK", "PIN", 0, 1001, "pull:2:pin 7" },
		{ "pull", true, false, "VK", "PIN", 0, 1001, "pull:0: 7" },
		/* a seller that left the configuration */
		{ "gone", false, false, "VK", "1", 0, 1001, ":3: 0" },
	};
	struct filter *filter = rules("withhold from:/^BANK/ reason:bank\n"
				      "allow text:/PIN/ rent\nwithhold text:/PIN/ reason:pin\n");
	struct filter *service = rules("allow from:/^VK/\n");
	const struct route_platform all[] = {
		{ .name = "push", .claims = true, .filter = filter },
		{ .name = "pull", .claims = true, .orders = true, .filter = filter },
		{ .name = "customers", .orders = true, .filter = filter },
	};
	char *sell[] = { (char *)"pull", (char *)"customers" };
	struct store_route out[STORE_ROUTES_MAX];
	char have[100];

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct route_card card = { .sellers = sell, .count = 2 };
		const struct store_message message = { .card_id = "89",
			.sender = rows[i].from,
			.text = rows[i].text,
			.sent_ms = rows[i].sent_s * INT64_C(1000),
			.arrived_ms = rows[i].arrived_s * INT64_C(1000) };
		if (rows[i].seller)
			card.open = (struct route_open) { 7, 1000000, rows[i].seller, rows[i].rent,
				rows[i].service ? service : NULL };
		size_t count = route(&card, all, 3, &message, out);
		assert_int_equal(count, 1);
		snprintf(have, sizeof have, "%s:%d:%s %d", out[0].platform, (int)out[0].state,
			out[0].reason, (int)out[0].activation);
		assert_string_equal(have, rows[i].want);
		assert_int_equal(out[0].open, rows[i].seller ? 7 : 0);
		assert_int_equal(out[0].claim,
			out[0].state == STORE_QUEUED); /* only what goes out is claimed */
	}
	filter_free(filter);
	filter_free(service);
}

/* A webhook beside a seller by orders gets every text. */
static void routes_beside_orders(void **state)
{
	const struct route_platform all[] = { { .name = "hook" },
		{ .name = "pull", .orders = true } };
	char *sell[] = { (char *)"pull", (char *)"hook" };
	struct route_card card = { .sellers = sell, .count = 2 };
	const struct store_message text = { .card_id = "89", .sender = "VK", .text = "1" };
	struct store_route out[STORE_ROUTES_MAX];

	(void)state;
	assert_int_equal(route(&card, all, 2, &text, out), 1);
	assert_string_equal(out[0].platform, "hook");
	card.open = (struct route_open) { 7, 0, "pull", false, NULL };
	assert_int_equal(route(&card, all, 2, &text, out), 2);
	assert_int_equal(out[0].activation, 0);
	assert_int_equal(out[0].open, 7);
	assert_int_equal(out[1].activation, 7);
}

static void kinds(void **state)
{
	(void)state;
	assert_ptr_equal(platform_kind_find("onlinesim-push"), kind);
	assert_ptr_equal(platform_kind_find("webhook"), &platform_webhook);
	assert_null(platform_webhook.list);
	assert_null(platform_kind_find("onlinesim"));
	assert_null(platform_kind_find(""));
	assert_non_null(strstr(kind->advice("API_ACCESS_IP"), "address"));
	assert_non_null(strstr(kind->advice("http-403"), "key"));
}

/* ---- pauses --------------------------------------------------------------------------------- */

static void pauses(void **state)
{
	struct config_platform platform = platform_of("numbers", false, false);
	struct loop *loop = loop_new_manual(1000, ARRIVED);
	struct breaker breaker;

	(void)state;
	platform.retry_max_ms = 60000;
	breaker_init(&breaker, loop, kind, &platform);
	for (unsigned tries = 0; tries < 200; tries++) {
		int64_t want = tries < 6 ? INT64_C(1000) << tries : 60000;
		int64_t got = breaker_backoff_ms(&breaker, tries);
		assert_in_range(got, want - want / 5, want + want / 5);
	}
	platform.retry_max_ms = 0;
	assert_int_equal(breaker_backoff_ms(&breaker, 5), 0);
	loop_free(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(message_outcomes),
		cmocka_unit_test(batch_outcomes),
		cmocka_unit_test(hook_outcomes),
		cmocka_unit_test(message_by_id),
		cmocka_unit_test(batch_body),
		cmocka_unit_test(echoes),
		cmocka_unit_test(takeoff_requests),
		cmocka_unit_test(takeoff_answers),
		cmocka_unit_test(blocks),
		cmocka_unit_test(hook_request),
		cmocka_unit_test(list_outcomes),
		cmocka_unit_test(hostile_answers),
		cmocka_unit_test(list_ids),
		cmocka_unit_test(message_body),
		cmocka_unit_test(message_dates),
		cmocka_unit_test(list_body),
		cmocka_unit_test(list_body_2019),
		cmocka_unit_test(entries_refused),
		cmocka_unit_test(routes),
		cmocka_unit_test(routes_of_orders),
		cmocka_unit_test(routes_beside_orders),
		cmocka_unit_test(kinds),
		cmocka_unit_test(pauses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
