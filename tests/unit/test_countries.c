/* Countries by calling code and by mobile country code. */
#include <string.h>

#include "base/countries.h"
#include "unit.h"

static void calling_codes(void **state)
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

/* ITU's list of assigned codes, as ranges, but for 1 and 7. */
static int assigned(int code)
{
	static const struct {
		int first, last;
	} ranges[] = { { 20, 20 }, { 27, 27 }, { 30, 34 }, { 36, 36 }, { 39, 41 }, { 43, 49 },
		{ 51, 58 }, { 60, 66 }, { 81, 82 }, { 84, 84 }, { 86, 86 }, { 90, 95 }, { 98, 98 },
		{ 211, 213 }, { 216, 216 }, { 218, 218 }, { 220, 258 }, { 260, 269 }, { 290, 291 },
		{ 297, 299 }, { 350, 359 }, { 370, 383 }, { 385, 387 }, { 389, 389 }, { 420, 421 },
		{ 423, 423 }, { 500, 509 }, { 590, 599 }, { 670, 670 }, { 672, 683 }, { 685, 692 },
		{ 800, 800 }, { 808, 808 }, { 850, 850 }, { 852, 853 }, { 855, 856 }, { 870, 870 },
		{ 878, 878 }, { 880, 883 }, { 886, 886 }, { 888, 888 }, { 960, 968 }, { 970, 977 },
		{ 979, 979 }, { 992, 996 }, { 998, 998 } };

	for (size_t i = 0; i < COUNT_OF(ranges); i++)
		if (code >= ranges[i].first && code <= ranges[i].last)
			return 1;
	return code == 1 || code == 7;
}

static void the_list_is_whole(void **state)
{
	(void)state;
	for (int code = 1; code < 1000; code++) {
		size_t rows = 0;
		for (size_t i = 0; i < countries_count; i++)
			rows += countries[i].calling == code;
		if (!assigned(code) != !rows)
			fail_msg("%d: %zu rows", code, rows);
		if (rows > 1 && code != 1 && code != 7)
			fail_msg("%d is shared", code);
	}
}

static void rows_are_sound(void **state)
{
	static const char *const letters = "abcdefghijklmnopqrstuvwxyz0123456789";

	(void)state;
	for (size_t i = 0; i < countries_count; i++) {
		const struct country *a = &countries[i];
		assert_true(*a->name && a->name[strspn(a->name, letters)] == 0);
		assert_true(*a->rus && *a->chn && a->id >= 0);
		assert_true(a->trunk == 0 || a->trunk == '0' || a->trunk == '8');
		assert_int_equal(a->mcc[COUNTRY_MCC_MAX - 1], 0);
		assert_true(i == 0 || a[-1].calling <= a->calling);
		assert_ptr_equal(country_by_key(country_key(a)), a);
		assert_ptr_equal(country_by_id(a->id), a);
		for (size_t k = i + 1; k < countries_count; k++) {
			const struct country *b = &countries[k];
			if (a->id == b->id || country_key(a) == country_key(b) ||
				strcmp(a->name, b->name) == 0)
				fail_msg("%s and %s", a->name, b->name);
			assert_true(strcmp(a->rus, b->rus) != 0 && strcmp(a->chn, b->chn) != 0);
		}
	}
}

static void known_ids_and_keys(void **state)
{
	static const struct {
		const char *name;
		int id, key;
	} rows[] = { { "usa", 187, 1 }, { "russia", 0, 7 }, { "ukraine", 1, 380 },
		{ "kazakhstan", 2, 401 }, { "canada", 1302, 302 }, { "bermuda", 1350, 1350 },
		{ "sweden", 46, 46 }, { "gibraltar", 350, 350 } };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct country *country = country_by_key(rows[i].key);
		assert_non_null(country);
		assert_string_equal(country->name, rows[i].name);
		assert_int_equal(country->id, rows[i].id);
	}
	assert_null(country_by_key(0));
	assert_null(country_by_key(999));
	assert_null(country_by_id(-1));
	assert_null(country_by_id(7));
}

static void shared_codes(void **state)
{
	static const struct {
		const char *number, *imsi, *name;
	} rows[] = {
		{ "+12025550100", "310260000000000", "usa" },
		{ "+12025550100", "", "usa" },
		{ "+14165550100", "302720000000000", "canada" },
		{ "+18765550100", "338050000000000", "jamaica" },
		{ "+17215550100", "362510000000000", "sintmaarten" },
		{ "+79001234567", "250010000000000", "russia" },
		{ "+77011234567", "401010000000000", "kazakhstan" },
		{ "+77011234567", "25", "russia" },
		{ "+46700100201", "240010000000000", "sweden" },
		{ "+46700100201", "302720000000000", "sweden" }, /* the number says enough */
		{ "+883510000000", "901370000000000", "internationalnetworks2" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		assert_string_equal(country_of(rows[i].number, rows[i].imsi)->name, rows[i].name);
	assert_null(country_of("", "240010000000000"));
	assert_null(country_of("+9990000000", "240010000000000"));
}

static void mobile_country_codes(void **state)
{
	int known = 0;

	(void)state;
	for (int mcc = 1; mcc < 1000; mcc++)
		known += country_of_mcc(mcc) != NULL;
	assert_in_range(known, 230, 260);
	assert_int_equal(country_of_imsi("225010000000000")->calling, 39);
	assert_int_equal(country_of_imsi("311010000000000")->calling, 1);
	assert_int_equal(country_of_imsi("40101")->trunk, '8');
	assert_null(country_of_mcc(0));
	assert_null(country_of_imsi("36251")); /* of Curacao and of Sint Maarten */
	assert_null(country_of_imsi(""));
	assert_null(country_of_imsi("24"));
	assert_null(country_of_imsi("2x001"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calling_codes),
		cmocka_unit_test(the_list_is_whole),
		cmocka_unit_test(rows_are_sound),
		cmocka_unit_test(known_ids_and_keys),
		cmocka_unit_test(shared_codes),
		cmocka_unit_test(mobile_country_codes),
	};
	return cmocka_run_group_tests_name("countries", tests, NULL, NULL);
}
