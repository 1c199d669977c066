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

#define ARRIVED INT64_C(1760000000000)

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
	{ 400, "{\"response\":\"SOMETHING_NEW\"}", J, "SOMETHING_NEW" },
	{ 400, "\"Message is too odd: 12345678\"", J, "http-400" },
	{ 400, "{\"response\":0}", J, "http-400" },
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

static void message_outcomes(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(message_rows); i++) {
		const struct outcome_row *row = &message_rows[i];
		struct answer answer = answer_of(row->status, row->body);
		char reason[64] = "unset";
		answer.error = "no route";
		enum outcome got = kind->message_outcome(&answer, reason, sizeof reason);
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
	assert_int_equal(kind->message_outcome(&answer, reason, sizeof reason), R);
	assert_int_equal(kind->list_outcome(&answer, reason, sizeof reason, NULL, NULL), R);

	/* what was cut may go on in any way */
	answer = answer_of(200, "{\"response\":1}");
	answer.body_cut = true;
	assert_int_equal(kind->message_outcome(&answer, reason, sizeof reason), R);
	assert_string_equal(reason, "too-long");

	/* a code behind a NUL is none; a long reason is cut, and what may be secret is not shown */
	answer = answer_of(200, "");
	answer.body = "OK\0NO_NUMBER";
	answer.len = 12;
	assert_int_equal(kind->message_outcome(&answer, reason, sizeof reason), R);
	answer = answer_of(400, "{\"response\":\"ERROR_PARAMS\"}");
	assert_int_equal(kind->message_outcome(&answer, tiny, sizeof tiny), J);
	assert_string_equal(tiny, "ERROR");
	answer = answer_of(400, "{\"response\":\"Unknown +46700100201, text: code 4711\"}");
	assert_int_equal(kind->message_outcome(&answer, reason, sizeof reason), J);
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
	int err = kind->message(&platform, delivery, &call);

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
		assert_int_equal(kind->message(&platform, &delivery, &call), -EINVAL);
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
	int err = kind->list(&platform, entries, 2, false, &call);
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

	err = kind->list(&platform, entries, 0, true, &call);
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
		int err = kind->list(&platform, &entry, 1, false, &call);
		assert_non_null(strstr(call.body, "\"price\":12.5"));
		assert_non_null(strstr(call.body, "\"balance\":100.0001"));
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

/* ---- countries, routes ---------------------------------------------------------------------- */

static void countries(void **state)
{
	static const struct {
		const char *number;
		int want;
	} rows[] = {
		{ "+12025550100", 1 },
		{ "+18765550100", 1 },
		{ "+79001234567", 7 },
		{ "+77011234567", 7 },
		{ "+201001234567", 20 },
		{ "+27820000000", 27 },
		{ "+2118000000", 211 },
		{ "+2100000000", 0 },
		{ "+2590000000", 0 },
		{ "+2348000000001", 234 },
		{ "+2620000000", 262 },
		{ "+2800000000", 0 },
		{ "+2990000000", 299 },
		{ "+30690000000", 30 },
		{ "+355671234567", 355 },
		{ "+3519100000", 351 },
		{ "+37060000000", 370 },
		{ "+380500000000", 380 },
		{ "+38344000000", 383 },
		{ "+3840000000", 0 },
		{ "+420600000000", 420 },
		{ "+422000000", 0 },
		{ "+423700000", 423 },
		{ "+447700900000", 44 },
		{ "+46700100201", 46 },
		{ "+50212345678", 502 },
		{ "+5511900000000", 55 },
		{ "+599123456", 599 },
		{ "+66800000000", 66 },
		{ "+67077000000", 670 },
		{ "+6710000000", 0 },
		{ "+6840000000", 0 },
		{ "+8150000000", 81 },
		{ "+8520000000", 852 },
		{ "+8540000000", 0 },
		{ "+8613000000000", 86 },
		{ "+8860000000", 886 },
		{ "+9620000000", 962 },
		{ "+9690000000", 0 },
		{ "+99361000000", 993 },
		{ "+9970000000", 0 },
		{ "+9990000000", 0 },
		{ "+0460000000", 0 },
		{ "46700100201", 0 },
		{ "", 0 },
		{ "+", 0 },
		{ "+46", 0 },
		{ "+4670010020a", 0 },
		{ "+46 700100201", 0 },
		{ "+4670010020112345", 0 },
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		if (e164_country(rows[i].number) != rows[i].want)
			fail_msg("%s: %d", rows[i].number, e164_country(rows[i].number));
}

static void routes(void **state)
{
	char *sell[] = { (char *)"two", (char *)"customers", (char *)"one" };
	struct config_bank bank = { .sell = sell, .sell_count = 3 };
	struct route_platform all[20] = { { "one", true, false, NULL },
		{ "two", false, false, NULL }, { "three", true, false, NULL } };
	const struct store_message text = { .card_id = "89", .sender = "VK", .text = "1234" };
	const struct store_message unattributed = { .card_id = "", .sender = "VK", .text = "12" };
	struct store_route out[STORE_ROUTES_MAX];

	(void)state;
	assert_int_equal(route(&bank, all, 3, &text, out), 2);
	assert_string_equal(out[0].platform, "one");
	assert_int_equal(out[0].state, STORE_QUEUED);
	assert_true(out[0].claim);
	assert_string_equal(out[1].platform, "two");
	assert_false(out[1].claim);

	assert_int_equal(route(&bank, all, 3, &unattributed, out), 2);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(out[i].state, STORE_HELD);
		assert_string_equal(out[i].reason, "unattributed");
		assert_false(out[i].claim);
	}

	bank.sell_count = 0;
	assert_int_equal(route(&bank, all, 3, &text, out), 1);
	assert_string_equal(out[0].platform, "");
	assert_int_equal(out[0].state, STORE_UNCLAIMED);
	assert_false(out[0].claim);
	assert_int_equal(route(&bank, all, 3, &unattributed, out), 1);
	assert_int_equal(out[0].state, STORE_HELD);
	assert_int_equal(route(NULL, all, 3, &text, out), 1);
	assert_int_equal(out[0].state, STORE_UNCLAIMED);

	bank.sell_count = 3;
	for (int i = 0; i < 20; i++)
		all[i] = (struct route_platform) { "one", true, false, NULL };
	assert_int_equal(route(&bank, all, 20, &text, out), STORE_ROUTES_MAX);
}

static void kinds(void **state)
{
	(void)state;
	assert_ptr_equal(platform_kind_find("onlinesim-push"), kind);
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
		cmocka_unit_test(list_outcomes),
		cmocka_unit_test(hostile_answers),
		cmocka_unit_test(list_ids),
		cmocka_unit_test(message_body),
		cmocka_unit_test(message_dates),
		cmocka_unit_test(list_body),
		cmocka_unit_test(list_body_2019),
		cmocka_unit_test(entries_refused),
		cmocka_unit_test(countries),
		cmocka_unit_test(routes),
		cmocka_unit_test(kinds),
		cmocka_unit_test(pauses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
