/* test_order.c - orders as they are read and answered, texts as they are pushed, and names. */
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platform/names.h"
#include "platform/order.h"
#include "platform/platform.h"
#include "unit.h"

/* ---- reading -------------------------------------------------------------------------------- */

struct read_row {
	const char *body;
	int err;
	const char *why; /* a part of it */
};

#define GET  "\"action\":\"GET_NUMBER\",\"key\":\"K\""
#define ONE  GET ",\"country\":\"sweden\",\"operator\":\"any\",\"service\":\"vk\",\"sum\":40"
#define LAST "\"action\":\"FINISH_ACTIVATION\",\"key\":\"K\""

static const struct read_row read_rows[] = {
	{ "{" ONE "}", 0, "" },
	{ "  {" ONE ",\"new\":{\"x\":[1]}}", 0, "" },
	{ "{" ONE ",\"exceptionPhoneSet\":[]}", 0, "" },
	{ "{" ONE ",\"exceptionPhoneSet\":null}", 0, "" },
	{ "{" ONE ",\"exceptionPhoneSet\":[46950,4670011]}", 0, "" },
	{ "{" ONE ",\"exceptionPhoneSet\":[\"46950\",\"+4670011\",\"\"]}", 0, "" },
	{ "{" ONE ",\"exceptionPhoneSet\":{\"0\":46950}}", 0, "" },
	{ "{" ONE ",\"exceptionPhoneSet\":[\"4695x\"]}", -EINVAL, "exceptionPhoneSet" },
	{ "{" ONE ",\"exceptionPhoneSet\":[-46]}", -EINVAL, "exceptionPhoneSet" },
	{ "{" ONE ",\"exceptionPhoneSet\":[46.5]}", -EINVAL, "exceptionPhoneSet" },
	{ "{" ONE ",\"exceptionPhoneSet\":[1e300]}", -EINVAL, "exceptionPhoneSet" },
	{ "{" ONE ",\"exceptionPhoneSet\":[[46]]}", -EINVAL, "exceptionPhoneSet" },
	{ "{" ONE ",\"exceptionPhoneSet\":\"46\"}", -EINVAL, "exceptionPhoneSet" },
	{ "{" ONE ",\"currency\":643}", 0, "" },
	{ "{" ONE ",\"currency\":\"RUB\"}", -EINVAL, "currency" },
	{ "{" GET ",\"service\":\"vk\"}", -EINVAL, "country" },
	{ "{" GET ",\"country\":\"sweden\"}", -EINVAL, "service" },
	{ "{" GET ",\"country\":46,\"service\":\"vk\"}", -EINVAL, "strings" },
	{ "{" GET ",\"service\":\"RENT\",\"sum\":\"320.50\"}", 0, "" },
	{ "{" GET ",\"service\":\"rent\",\"sum\":-1}", -EINVAL, "sum" },
	{ "{" GET ",\"service\":\"rent\",\"sum\":{}}", -EINVAL, "sum" },
	{ "{" LAST ",\"activationId\":355,\"status\":3,\"sum\":40}", 0, "" },
	{ "{" LAST ",\"activationId\":\"355\",\"status\":\"4\"}", 0, "" },
	{ "{" LAST ",\"activationId\":0,\"status\":3}", -EINVAL, "activationId" },
	{ "{" LAST ",\"activationId\":1.5,\"status\":3}", -EINVAL, "activationId" },
	{ "{" LAST ",\"activationId\":99999999999999999999,\"status\":3}", -EINVAL,
		"activationId" },
	{ "{" LAST ",\"activationId\":\"9999999999999999\",\"status\":3}", -EINVAL,
		"activationId" },
	{ "{" LAST ",\"activationId\":true,\"status\":3}", -EINVAL, "activationId" },
	{ "{" LAST ",\"status\":3}", -EINVAL, "activationId" },
	{ "{" LAST ",\"activationId\":355}", -EINVAL, "status" },
	{ "{" LAST ",\"activationId\":355,\"status\":2}", -EINVAL, "status" },
	{ "{" LAST ",\"activationId\":355,\"status\":8}", -EINVAL, "status" },
	{ "{\"action\":\"GET_SERVICES\",\"key\":\"K\"}", 0, "" },
	{ "{\"action\":\"GET_SERVICES\"}", 0, "" },
	{ "{\"action\":\"PUSH_SMS\",\"key\":\"K\"}", -EINVAL, "action" },
	{ "{\"action\":1,\"key\":\"K\"}", -EINVAL, "action" },
	{ "{\"key\":5}", -EINVAL, "key" },
	{ "{}", -EINVAL, "action" },
	{ "[]", -EBADMSG, "JSON" },
	{ "\"x\"", -EBADMSG, "JSON" },
	{ "", -EBADMSG, "JSON" },
	{ "{\"action\":", -EBADMSG, "JSON" },
	{ "action=GET_SERVICES", -EBADMSG, "JSON" },
};

static void requests_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(read_rows); i++) {
		const struct read_row *row = &read_rows[i];
		struct order_request order;
		const char *why = "";
		int err = order_read(row->body, strlen(row->body), false, &order, &why);
		if (err != row->err || !strstr(why, row->why))
			fail_msg("%s: %d %s", row->body, err, why);
		order_request_done(&order);
	}
}

static void read_whole(const char *body, struct order_request *out)
{
	const char *why = "";

	assert_int_equal(order_read(body, strlen(body), false, out, &why), 0);
}

static void fields_are_kept(void **state)
{
	struct order_request order;

	(void)state;
	read_whole("{" ONE ",\"currency\":\"840\",\"exceptionPhoneSet\":[46950,\"467\"]}", &order);
	assert_string_equal(order.key, "K");
	assert_int_equal(order.action, ORDER_NUMBER);
	assert_string_equal(order.country, "sweden");
	assert_string_equal(order.operator_name, "any");
	assert_string_equal(order.service, "vk");
	assert_int_equal(order.sum, 400000);
	assert_int_equal(order.currency, 840);
	assert_false(order.rent);
	assert_int_equal(order.prefix_count, 2);
	order_request_done(&order);

	read_whole("{" LAST ",\"activationId\":9007199254740992,\"status\":5}", &order);
	assert_int_equal(order.action, ORDER_FINISH);
	assert_true(order.activation_id == INT64_C(9007199254740992));
	assert_int_equal(order.status, 5);
	assert_int_equal(order.sum, -1);
	order_request_done(&order);
}

/* Where the path says rent an absent service is one; a key is read even if the rest is wrong. */
static void rents_are_known(void **state)
{
	static const char bare[] = "{" GET ",\"sum\":870}", other[] = "{" ONE "}";
	struct order_request order;
	const char *why = "";

	(void)state;
	assert_int_equal(order_read(bare, sizeof bare - 1, true, &order, &why), 0);
	assert_true(order.rent);
	order_request_done(&order);
	assert_int_equal(order_read(other, sizeof other - 1, true, &order, &why), 0);
	assert_false(order.rent);
	order_request_done(&order);
	assert_int_equal(order_read(bare, sizeof bare - 1, false, &order, &why), -EINVAL);
	assert_string_equal(order.key, "K");
	order_request_done(&order);
}

static void long_names_are_refused(void **state)
{
	char body[4096];
	struct order_request order;
	const char *why = "";

	(void)state;
	int len = snprintf(body, sizeof body, "{" GET ",\"country\":\"%0*d\",\"service\":\"vk\"}",
		ORDER_NAME_SIZE, 0);
	assert_int_equal(order_read(body, (size_t)len, false, &order, &why), -EINVAL);
	order_request_done(&order);
	len = snprintf(body, sizeof body, "{\"key\":\"%0*d\"}", HTTP_SECRET_MAX + 1, 0);
	assert_int_equal(order_read(body, (size_t)len, false, &order, &why), -EINVAL);
	assert_string_equal(order.key, "");
	order_request_done(&order);
}

static void prefixes_exclude(void **state)
{
	struct order_request order;

	(void)state;
	read_whole("{" ONE ",\"exceptionPhoneSet\":[46950,\"+4670011\",\"46700100201999999\"]}",
		&order);
	assert_true(order_excludes(&order, "+46950123456"));
	assert_true(order_excludes(&order, "+46700110000"));
	assert_false(order_excludes(&order, "+46700100201"));
	assert_false(order_excludes(&order, "+4695"));
	assert_false(order_excludes(&order, "+14695012345"));
	order_request_done(&order);
	read_whole("{" ONE "}", &order);
	assert_false(order_excludes(&order, "+46950123456"));
	order_request_done(&order);
}

static void names_are_compared(void **state)
{
	(void)state;
	assert_true(order_same_name("T-Mobile", "tmobile"));
	assert_true(order_same_name("united kingdom", "United_Kingdom"));
	assert_true(order_same_name("", "--"));
	assert_false(order_same_name("tele2", "tele"));
	assert_false(order_same_name("tele", "tele2"));
	assert_false(order_same_name("Россия", "Росси"));
}

/* ---- answers -------------------------------------------------------------------------------- */

static void assert_printed(char *got, const char *want)
{
	assert_non_null(got);
	assert_string_equal(got, want);
	free(got);
}

static void answers_have_exact_types(void **state)
{
	(void)state;
	assert_printed(order_print_number("+46700100201", 355),
		"{\"status\":\"SUCCESS\",\"number\":46700100201,\"activationId\":355}");
	assert_printed(order_print_number("+467001002011234", INT64_C(9007199254740991)),
		"{\"status\":\"SUCCESS\",\"number\":467001002011234,"
		"\"activationId\":9007199254740991}");
	assert_printed(order_print_no_numbers(), "{\"status\":\"NO_NUMBERS\"}");
	assert_printed(order_print_success(), "{\"status\":\"SUCCESS\"}");
	assert_printed(order_print_error("why"), "{\"status\":\"ERROR\",\"error\":\"why\"}");
}

#define OFFERS \
	{ "sweden", "telia", "vk", 3 }, { "russia", "mts", "vk", 100000 }, \
		{ "sweden", "tele2", "vk", 0 }, { "sweden", "telia", "rent", 4 }, \
		{ "sweden", "telia", "vk", 2 }, \
	{ \
		"sweden", "tele2", "rent", 1 \
	}

static void assert_services(enum order_operators operators, const char *want)
{
	struct order_offer offers[] = { OFFERS };

	assert_printed(order_print_services(offers, COUNT_OF(offers), operators), want);
}

static void counts_are_printed(void **state)
{
	(void)state;
	assert_services(ORDER_OPERATORS_SUM,
		"{\"status\":\"SUCCESS\",\"countryList\":["
		"{\"country\":\"russia\",\"operatorMap\":{\"any\":{\"vk\":100000},"
		"\"mts\":{\"vk\":100000}}},"
		"{\"country\":\"sweden\",\"operatorMap\":{\"any\":{\"rent\":5,\"vk\":5},"
		"\"tele2\":{\"rent\":1,\"vk\":0},\"telia\":{\"rent\":4,\"vk\":5}}}]}");
	assert_services(ORDER_OPERATORS_NAMED,
		"{\"status\":\"SUCCESS\",\"countryList\":["
		"{\"country\":\"russia\",\"operatorMap\":{\"mts\":{\"vk\":100000}}},"
		"{\"country\":\"sweden\",\"operatorMap\":{\"tele2\":{\"rent\":1,\"vk\":0},"
		"\"telia\":{\"rent\":4,\"vk\":5}}}]}");
	assert_services(ORDER_OPERATORS_ANY,
		"{\"status\":\"SUCCESS\",\"countryList\":["
		"{\"country\":\"russia\",\"operatorMap\":{\"any\":{\"vk\":100000}}},"
		"{\"country\":\"sweden\",\"operatorMap\":{\"any\":{\"rent\":5,\"vk\":5}}}]}");
	assert_printed(order_print_services(NULL, 0, ORDER_OPERATORS_SUM),
		"{\"status\":\"SUCCESS\",\"countryList\":[]}");
}

/* ---- texts ---------------------------------------------------------------------------------- */

static char *const final_errors[] = { (char *)"IGNORED", (char *)"SERVICE_BAN" };

static struct config_platform platform_of(const char *profile)
{
	bool smshub = strcmp(profile, "smshub") == 0;

	return (struct config_platform) { .name = (char *)"hub",
		.kind = (char *)"onlinesim-pull",
		.key = (char *)"K",
		.profile = (char *)(uintptr_t)profile,
		.push_path = (char *)"/v1/PUSH_SMS",
		.push_rent_path = (char *)"/v1/PUSH_SMS_RENT",
		.phone_type = (char *)"integer",
		.sms_id = smshub ? (char *)"message" : (char *)"operation",
		.operators = smshub ? (char *)"named" : (char *)"sum",
		.final_errors = (char **)(uintptr_t)final_errors,
		.final_error_count = COUNT_OF(final_errors) };
}

static const struct store_delivery delivery = {
	.message_id = "01",
	.platform = "hub",
	.number = "+46700100201",
	.sender = "Shop \xff",
	.text = "code \"1\"\n2",
	.activation = 355,
	.activation_text = 3,
};

static void assert_message(const struct config_platform *platform, const struct store_delivery *row,
	const char *path, const char *want)
{
	struct call call = { 0 };

	assert_int_equal(platform_onlinesim_pull.message(platform, row, 0, &call), 0);
	assert_string_equal(call.method, "POST");
	assert_string_equal(call.path, path);
	assert_string_equal(call.body, want);
	call_free(&call);
}

static void texts_are_said(void **state)
{
	struct config_platform platform = platform_of("onlinesim");
	struct store_delivery rent = delivery;

	(void)state;
	assert_message(&platform, &delivery, "/v1/PUSH_SMS",
		"{\"action\":\"PUSH_SMS\",\"key\":\"K\",\"smsId\":355,\"phone\":46700100201,"
		"\"phoneFrom\":\"Shop \xef\xbf\xbd\",\"text\":\"code \\\"1\\\"\\n2\"}");
	platform.phone_type = (char *)"string";
	rent.rent = true;
	rent.sender = "";
	assert_message(&platform, &rent, "/v1/PUSH_SMS_RENT",
		"{\"action\":\"PUSH_SMS\",\"key\":\"K\",\"smsId\":355,\"phone\":\"46700100201\","
		"\"phoneFrom\":\"unknown\",\"text\":\"code \\\"1\\\"\\n2\",\"service\":\"rent\"}");
	platform = platform_of("smshub");
	assert_message(&platform, &delivery, "/v1/PUSH_SMS",
		"{\"action\":\"PUSH_SMS\",\"key\":\"K\",\"smsId\":372244483,"
		"\"phone\":46700100201,"
		"\"phoneFrom\":\"Shop \xef\xbf\xbd\",\"text\":\"code \\\"1\\\"\\n2\"}");
}

static void texts_of_no_operation_cannot_be_said(void **state)
{
	struct config_platform platform = platform_of("onlinesim");
	struct store_delivery row = delivery;
	struct call call = { 0 };

	(void)state;
	row.activation = 0;
	assert_int_equal(platform_onlinesim_pull.message(&platform, &row, 0, &call), -EINVAL);
	row = delivery;
	row.number = "46700100201";
	assert_int_equal(platform_onlinesim_pull.message(&platform, &row, 0, &call), -EINVAL);
}

#define D OUTCOME_DELIVERED
#define R OUTCOME_RETRY
#define J OUTCOME_REJECTED
#define A OUTCOME_ACCOUNT

struct outcome_row {
	int status;
	const char *body;
	enum outcome onlinesim, smshub;
	const char *reason; /* where it is not delivered */
};

static const struct outcome_row outcome_rows[] = {
	{ 200, "{\"status\":\"SUCCESS\"}", D, D, "" },
	{ 200, "{\"status\":\"success\"}", D, D, "" },
	{ 200, "{\"status\":\"SUCCESS\",\"error\":\"BAD_SERVICE\"}", D, D, "" },
	{ 200, "", D, R, "not-taken" },
	{ 200, "OK", D, R, "not-taken" },
	{ 200, "{\"response\":1}", D, R, "not-taken" },
	{ 200, "{\"status\":\"ERROR\"}", R, R, "not-taken" },
	{ 200, "<html>", R, R, "not-taken" },
	{ 200, "\xef\xbb\xbf\r\n<!DOCTYPE html>", R, R, "not-taken" },
	{ 200, "{\"status\":5}", R, R, "not-taken" },
	{ 200, "{\"status\":\"ERROR\",\"error\":\"NO_OPERATION\"}", J, J, "NO_OPERATION" },
	{ 200, "{\"status\":\"NO_OP\"}", J, J, "NO_OP" },
	{ 400, "{\"response\":\"BAD_SERVICE\"}", J, J, "BAD_SERVICE" },
	{ 404, "NO_OPERATION\n", J, J, "NO_OPERATION" },
	{ 400, "IGNORED", J, J, "IGNORED" },
	{ 400, "\"SERVICE_BAN\"", J, J, "SERVICE_BAN" },
	{ 400, "NO_OPERATIONS", R, R, "http-400" },
	{ 400, "XNO_OP", R, R, "http-400" },
	{ 400, "", R, R, "http-400" },
	{ 401, "NO_OPERATION", J, J, "NO_OPERATION" },
	{ 401, "", A, A, "http-401" },
	{ 403, "{\"error\":\"API_ACCESS_IP\"}", A, A, "http-403" },
	{ 405, "", A, A, "http-405" },
	{ 404, "", R, R, "http-404" },
	{ 201, "{\"status\":\"SUCCESS\"}", R, R, "http-201" },
	{ 302, "", R, R, "http-302" },
	{ 500, "{\"status\":\"SUCCESS\"}", R, R, "http-500" },
	{ 0, "", R, R, "no_route" },
};

static void assert_outcomes(const char *profile)
{
	const struct config_platform platform = platform_of(profile);

	for (size_t i = 0; i < COUNT_OF(outcome_rows); i++) {
		const struct outcome_row *row = &outcome_rows[i];
		struct answer answer = { row->status, "no route", row->body, strlen(row->body),
			false, 0 };
		enum outcome want = *profile == 's' ? row->smshub : row->onlinesim;
		char reason[64] = "unset";
		enum outcome got = platform_onlinesim_pull.message_outcome(
			&platform, &answer, reason, sizeof reason);
		if (got != want || strcmp(reason, want == D ? "" : row->reason) != 0)
			fail_msg("%s %d %s: %d %s", profile, row->status, row->body, got, reason);
	}
}

static void outcomes(void **state)
{
	struct config_platform platform = platform_of("onlinesim");
	struct answer answer = { 200, NULL, "IGNORED", 7, false, 0 };
	char reason[64];

	(void)state;
	assert_outcomes("onlinesim");
	assert_outcomes("smshub");
	platform.final_error_count = 0;
	answer.status = 400;
	assert_int_equal(
		platform_onlinesim_pull.message_outcome(&platform, &answer, reason, sizeof reason),
		R);
	answer = (struct answer) { 200, NULL, "{\"sta", 5, true, 0 };
	assert_int_equal(
		platform_onlinesim_pull.message_outcome(&platform, &answer, reason, sizeof reason),
		R);
}

/* ---- names ---------------------------------------------------------------------------------- */

static struct operators *load(const char *path)
{
	struct operators *operators = NULL;
	unsigned long line = 0;

	assert_int_equal(operators_load(path, &operators, &line), 0);
	return operators;
}

static void operators_by_code(void **state)
{
	struct operators *all = load(TESTS_DIR "/unit/providers.xml");

	(void)state;
	assert_int_equal(operators_count(all), 9);
	assert_string_equal(operators_name(all, "240010123456789"), "telia_co");
	assert_string_equal(operators_name(all, "24005"), "telia_co");
	assert_string_equal(operators_name(all, "24002"), "3");
	assert_string_equal(operators_name(all, "24004"), "com_hem");
	assert_string_equal(operators_name(all, "310260123456789"), "tmobile");
	assert_string_equal(operators_name(all, "24009"), "group");
	assert_string_equal(operators_name(all, "24010"), "large");
	assert_null(operators_name(all, "31027"));
	assert_null(operators_name(all, "24099"));
	assert_null(operators_name(all, "2400"));
	assert_null(operators_name(all, ""));
	assert_null(operators_name(NULL, "24001"));
	operators_free(all);
	operators_free(NULL);
}

static int load_text(const char *text, unsigned long *line)
{
	char path[] = "/tmp/simgate-order-XXXXXX";
	struct operators *operators = NULL;
	FILE *file = fdopen(mkstemp(path), "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	int err = operators_load(path, &operators, line);
	operators_free(operators);
	remove(path);
	return err;
}

static void bad_files_of_operators(void **state)
{
	struct operators *operators = NULL;
	unsigned long line = 0;

	(void)state;
	assert_int_equal(operators_load("/nonexistent", &operators, &line), -ENOENT);
	assert_int_equal(operators_load("/tmp", &operators, &line), -EIO);
	assert_int_equal(load_text("", &line), -EBADMSG);
	assert_int_equal(load_text("<a>\n<b></a>", &line), -EBADMSG);
	assert_int_equal(line, 2);
	assert_int_equal(load_text("<a/>", &line), 0);
	assert_int_equal(
		load_text("<provider><provider><name>x</name></provider></provider>", &line), 0);
}

static void plain_names(void **state)
{
	static const char *const rows[][2] = { { "T-Mobile(Telekom)", "tmobile" },
		{ "K'CELL", "kcell" }, { "  Tesco   Mobile ", "tesco_mobile" }, { "O2", "o2" },
		{ "(x)", "" }, { "Мегафон", "Мегафон" } };
	char out[OPERATOR_NAME_SIZE], far[200];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		operators_plain_name(rows[i][0], out);
		assert_string_equal(out, rows[i][1]);
	}
	memset(far, 'x', sizeof far - 1);
	far[sizeof far - 1] = '\0';
	operators_plain_name(far, out);
	assert_int_equal(strlen(out), OPERATOR_NAME_SIZE - 2);
	for (size_t i = 0; i + 2 < sizeof far; i += 2)
		memcpy(far + i, "\xd0\xaf", 2);
	far[0] = 'x';
	far[1] = 'y';
	far[62] = 'z'; /* of a character that would be cut */
	operators_plain_name(far, out);
	assert_string_equal(out, "xy");
}

static void assert_operator(const struct names *names, int code, const char *imsi, const char *want)
{
	char name[NAMES_SIZE];

	names_operator(names, code, imsi, name);
	assert_string_equal(name, want);
}

static void names_of_cards(void **state)
{
	struct config_country countries_set[] = { { .code = 46, .name = (char *)"svealand" },
		{ .code = 1, .name = (char *)"states" }, { .mcc = 302, .name = (char *)"north" },
		{ .code = 49 } };
	struct config_operator operators_set[] = {
		{ .code = (char *)"24002", .name = (char *)"tre" },
		{ .code = (char *)"240021", .name = (char *)"inner" }, { .code = (char *)"24004" }
	};
	struct config config = { .countries = countries_set,
		.country_count = COUNT_OF(countries_set),
		.operators = operators_set,
		.operator_count = COUNT_OF(operators_set) };
	struct operators *all = load(TESTS_DIR "/unit/providers.xml");
	char far[100] = "", cut[NAMES_SIZE];
	struct names *names = names_new(&config, all);

	(void)state;
	assert_non_null(names);
	assert_string_equal(names_country(names, "+46700100201", ""), "svealand");
	assert_string_equal(names_country(names, "+12025550100", "310260123456789"), "states");
	assert_string_equal(names_country(names, "+12025550100", "302720123456789"), "north");
	assert_string_equal(names_country(names, "+12025550100", "338050123456789"), "jamaica");
	assert_string_equal(names_country(names, "+79001234567", "250010123456789"), "russia");
	assert_string_equal(names_country(names, "+77001234567", "401010123456789"), "kazakhstan");
	assert_string_equal(names_country(names, "+4915112345678", ""), "germany");
	assert_null(names_country(names, "+210123456789", ""));

	assert_operator(names, 0, "240020123456789", "tre");
	assert_operator(names, 0, "240021123456789", "inner");
	assert_operator(names, 24001, "240020123456789", "telia_co");
	assert_operator(names, 0, "240040123456789", "com_hem");
	assert_operator(names, 0, "240990123456789", "24099");
	assert_operator(names, 0, "311990123456789", "311990");
	assert_operator(names, 310280, "", "310280"); /* its name would be "any" */
	assert_operator(names, 0, "", "unknown");
	operators_set[0].name = far;
	memset(far, 'x', sizeof far - 1);
	memcpy(far + NAMES_SIZE - 2, "\xd0\xaf", 2);
	names_operator(names, 24002, "", cut);
	assert_int_equal(strlen(cut), NAMES_SIZE - 2);
	names_free(names);
	operators_free(all);
}

static void names_of_services(void **state)
{
	struct config_platform onlinesim = platform_of("onlinesim"), smshub = platform_of("smshub");
	struct config_service vk = { .name = (char *)"vk" };

	(void)state;
	assert_string_equal(names_service(&vk, &onlinesim), "vk");
	assert_string_equal(names_service(&vk, &smshub), "vk");
	vk.onlinesim = (char *)"vkontakte";
	vk.smshub = (char *)"v";
	assert_string_equal(names_service(&vk, &onlinesim), "vkontakte");
	assert_string_equal(names_service(&vk, &smshub), "v");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_are_read),
		cmocka_unit_test(fields_are_kept),
		cmocka_unit_test(rents_are_known),
		cmocka_unit_test(long_names_are_refused),
		cmocka_unit_test(prefixes_exclude),
		cmocka_unit_test(names_are_compared),
		cmocka_unit_test(answers_have_exact_types),
		cmocka_unit_test(counts_are_printed),
		cmocka_unit_test(texts_are_said),
		cmocka_unit_test(texts_of_no_operation_cannot_be_said),
		cmocka_unit_test(outcomes),
		cmocka_unit_test(operators_by_code),
		cmocka_unit_test(bad_files_of_operators),
		cmocka_unit_test(plain_names),
		cmocka_unit_test(names_of_cards),
		cmocka_unit_test(names_of_services),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
