/* test_http.c - what headers and addresses say; counts by labels; histograms. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "base/histogram.h"
#include "base/http.h"
#include "base/tally.h"
#include "unit.h"

static void test_keys(void **state)
{
	static const struct {
		const char *given, *key;
		bool equal;
	} cases[] = { { "secret", "secret", true }, { "secret", "Secret", false },
		{ "secre", "secret", false }, { "secrets", "secret", false },
		{ "", "secret", false }, { "", "", false }, { "x", "", false },
		{ "abab", "ab", false }, { "k", "k", true } };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		if (http_key_equal(cases[i].given, cases[i].key) != cases[i].equal)
			fail_msg("\"%s\" and \"%s\"", cases[i].given, cases[i].key);
}

static void test_basic(void **state)
{
	static const struct {
		const char *header, *password; /* NULL: none */
	} cases[] = {
		{ "Basic dTpw", "p" },            /* u:p */
		{ "basic dTpw", "p" },            /* RFC 9110 11.1: any case */
		{ "Basic   dTpw", "p" },          /* several blanks */
		{ "Basic dTo=", "" },             /* u: */
		{ "Basic OnB3", "pw" },           /* :pw */
		{ "Basic dTphOmI=", "a:b" },      /* u:a:b */
		{ "Basic dTphOmI", "a:b" },       /* without padding */
		{ "Basic dTrDpQ==", "\xc3\xa5" }, /* u: and a letter of UTF-8 */
		{ "Basic dQ==", NULL },           /* u */
		{ "Basic dTp", "" },              /* u: and two bits over */
		{ "Basic d", NULL },
		{ "Basic ", NULL },
		{ "Basic", NULL },
		{ "Basicd TpwIA", NULL },
		{ "Basic dTpw=", NULL }, /* padding where there is none */
		{ "Basic dTo====", NULL },
		{ "Basic dT pw", NULL },
		{ "Basic dTp!", NULL },
		{ "Basic dTpwAA==", NULL }, /* u:p and NUL */
		{ "Basic dTpwCg==", NULL }, /* u:p and a line break */
		{ "Bearer dTpw", NULL },
		{ "", NULL },
	};
	char password[8], longest[64];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		strcpy(password, "before");
		int rc = http_basic_password(cases[i].header, password, sizeof password);
		if (rc != (cases[i].password ? 0 : -EINVAL) ||
			strcmp(password, cases[i].password ? cases[i].password : "before") != 0)
			fail_msg("%s: %d %s", cases[i].header, rc, password);
	}
	assert_int_equal(http_basic_password(NULL, password, sizeof password), -EINVAL);
	/* 7 bytes fit, 8 do not */
	strcpy(longest, "Basic dToxMjM0NTY3");
	assert_int_equal(http_basic_password(longest, password, sizeof password), 0);
	assert_string_equal(password, "1234567");
	strcpy(longest, "Basic dToxMjM0NTY3OA==");
	assert_int_equal(http_basic_password(longest, password, sizeof password), -EINVAL);
	char flood[8000] = "Basic ";
	memset(flood + 6, 'O', sizeof flood - 8); /* "8:8:..." */
	assert_int_equal(http_basic_password(flood, password, sizeof password), -EINVAL);
}

static void test_bearer(void **state)
{
	(void)state;
	assert_string_equal(http_bearer("Bearer abc"), "abc");
	assert_string_equal(http_bearer("bEARER  a b"), "a b");
	assert_null(http_bearer("Bearer "));
	assert_null(http_bearer("Bearer"));
	assert_null(http_bearer("Bearerabc"));
	assert_null(http_bearer("Basic abc"));
	assert_null(http_bearer(""));
	assert_null(http_bearer(NULL));
}

static void test_types(void **state)
{
	(void)state;
	assert_true(http_type_is("application/json", "application/json"));
	assert_true(http_type_is("Application/JSON; charset=utf-8", "application/json"));
	assert_true(http_type_is("application/json ;x", "application/json"));
	assert_false(http_type_is("application/json5", "application/json"));
	assert_false(http_type_is("application", "application/json"));
	assert_false(http_type_is("", "application/json"));
	assert_false(http_type_is(NULL, "application/json"));
}

static void test_hosts(void **state)
{
	static const char *const local[] = { "localhost", "LOCALHOST", "localhost:8470",
		"127.0.0.1", "127.0.0.1:80", "[::1]", "[::1]:8470" };
	static const char *const others[] = { "", "localhost.", "localhost:", "localhost:x",
		"localhost:80x", "localhost.evil.example", "127.0.0.1.evil.example", "127.0.0.2",
		"::1", "[::1", "[::1]x", "evil.example", "evil.example:8470", " localhost",
		"localhost:80:80", "user@localhost", "0.0.0.0" };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(local); i++)
		if (!http_host_is_local(local[i]))
			fail_msg("%s", local[i]);
	for (size_t i = 0; i < COUNT_OF(others); i++)
		if (http_host_is_local(others[i]))
			fail_msg("%s", others[i]);
	assert_false(http_host_is_local(NULL));
}

static void test_encodings(void **state)
{
	static const char *const yes[] = { "gzip", "GZIP", "deflate, gzip", "gzip;q=0.5", "x-gzip",
		"br;q=1.0, gzip;q=0.8, *;q=0.1", "gzip ; q=1", ",,gzip", "gzip;q=0.001" };
	static const char *const no[] = { "", "identity", "gzip;q=0", "gzip;q=0.000", "gzip; q=0",
		"br, gzip;q=0.0 ", "gzipped", "xgzip", "*", "deflate;q=1" };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(yes); i++)
		if (!http_accepts_gzip(yes[i]))
			fail_msg("%s", yes[i]);
	for (size_t i = 0; i < COUNT_OF(no); i++)
		if (http_accepts_gzip(no[i]))
			fail_msg("%s", no[i]);
	assert_false(http_accepts_gzip(NULL));
}

static void test_addresses(void **state)
{
	static const struct {
		const char *text;
		int rc, family;
		bool local;
	} cases[] = {
		{ "127.0.0.1:8470", 0, AF_INET, true },
		{ "127.3.4.5:1", 0, AF_INET, true },
		{ "0.0.0.0:65535", 0, AF_INET, false },
		{ "192.0.2.1:80", 0, AF_INET, false },
		{ "[::1]:8470", 0, AF_INET6, true },
		{ "[::]:8470", 0, AF_INET6, false },
		{ "[2001:db8::1]:443", 0, AF_INET6, false },
		{ "[::ffff:127.0.0.1]:1", 0, AF_INET6, false },
		{ "unix:/run/simgate/http.sock", 0, AF_UNIX, true },
		{ "unix:relative", -EINVAL, 0, false },
		{ "unix:/", -EINVAL, 0, false },
		{ "unix:", -EINVAL, 0, false },
		{ "", -EINVAL, 0, false },
		{ ":8470", -EINVAL, 0, false },
		{ "8470", -EINVAL, 0, false },
		{ "127.0.0.1", -EINVAL, 0, false },
		{ "127.0.0.1:", -EINVAL, 0, false },
		{ "127.0.0.1:0", -EINVAL, 0, false },
		{ "127.0.0.1:65536", -EINVAL, 0, false },
		{ "127.0.0.1:80x", -EINVAL, 0, false },
		{ "127.1:80", -EINVAL, 0, false },
		{ "localhost:80", -EINVAL, 0, false },
		{ "*:80", -EINVAL, 0, false },
		{ "::1:80", -EINVAL, 0, false },
		{ "[::1:80", -EINVAL, 0, false },
		{ "[fe80::1%eth0]:80", -EINVAL, 0, false },
		{ "[]:80", -EINVAL, 0, false },
	};
	char path[140] = "unix:/";

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct http_address address = { .len = 0 };
		int rc = http_address_parse(cases[i].text, false, &address);
		if (rc != cases[i].rc || address.local != cases[i].local ||
			address.socket.ss_family != cases[i].family ||
			(rc == 0) != (address.len != 0))
			fail_msg("%s: %d", cases[i].text, rc);
	}
	struct http_address address;
	assert_int_equal(http_address_parse("127.0.0.1:0", true, &address), 0);
	memset(path + 6, 'p', 106);
	assert_int_equal(http_address_parse(path, false, &address), 0); /* 107 bytes */
	assert_string_equal(((struct sockaddr_un *)&address.socket)->sun_path, path + 5);
	path[112] = 'p';
	assert_int_equal(http_address_parse(path, false, &address), -ENAMETOOLONG);
	char host[400];
	memset(host, '1', sizeof host);
	strcpy(host + 390, ":80");
	assert_int_equal(http_address_parse(host, false, &address), -EINVAL);
}

static void test_tally(void **state)
{
	size_t count;
	char label[32];

	(void)state;
	tally_add(TALLY_HTTP_REQUESTS, "/a", "200", NULL);
	tally_add(TALLY_HTTP_REQUESTS, "/a", "404", NULL);
	tally_add(TALLY_HTTP_REQUESTS, "/a", "200", NULL);
	const struct tally_row *rows = tally_rows(TALLY_HTTP_REQUESTS, &count);
	assert_int_equal(count, 2);
	assert_string_equal(rows[0].labels[0], "/a");
	assert_string_equal(rows[0].labels[1], "200");
	assert_int_equal(rows[0].count, 2);
	assert_int_equal(rows[1].count, 1);
	char longest[200];
	memset(longest, 'x', sizeof longest - 1);
	longest[199] = '\0';
	tally_add(TALLY_HTTP_REQUESTS, longest, "200", NULL); /* cut, and found again */
	tally_add(TALLY_HTTP_REQUESTS, longest, "200", NULL);
	tally_rows(TALLY_HTTP_REQUESTS, &count);
	assert_int_equal(count, 3);
	for (int i = 0; i < 2 * TALLY_ROWS_MAX; i++) {
		snprintf(label, sizeof label, "/%d", i);
		tally_add(TALLY_HTTP_REQUESTS, label, "200", NULL);
	}
	rows = tally_rows(TALLY_HTTP_REQUESTS, &count);
	assert_int_equal(count, TALLY_ROWS_MAX);
	assert_string_equal(rows[count - 1].labels[0], "other");
	assert_string_equal(rows[count - 1].labels[1], "other");
	assert_string_equal(rows[count - 1].labels[2], "");
	assert_int_equal(rows[count - 1].count, 2 * TALLY_ROWS_MAX - (TALLY_ROWS_MAX - 1 - 3));
	tally_rows(TALLY_SMS_UNDECODABLE, &count);
	assert_int_equal(count, 0);
}

static void test_histogram(void **state)
{
	struct histogram h = { .count = 0 };

	(void)state;
	histogram_add(&h, histogram_commits, -5);
	histogram_add(&h, histogram_commits, 500); /* bounds are included */
	histogram_add(&h, histogram_commits, 501);
	histogram_add(&h, histogram_commits, 2500000);
	histogram_add(&h, histogram_commits, 2500001);
	assert_int_equal(h.counts[0], 2);
	assert_int_equal(h.counts[1], 1);
	assert_int_equal(h.counts[HISTOGRAM_BUCKETS - 1], 1);
	assert_int_equal(h.counts[HISTOGRAM_BUCKETS], 1);
	assert_int_equal(h.count, 5);
	assert_int_equal(h.sum_us, 500 + 501 + 2500000 + 2500001);
	for (int i = 1; i < HISTOGRAM_BUCKETS; i++) {
		assert_true(histogram_commits[i] > histogram_commits[i - 1]);
		assert_true(histogram_deliveries[i] > histogram_deliveries[i - 1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_basic),
		cmocka_unit_test(test_bearer),
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_encodings),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_tally),
		cmocka_unit_test(test_histogram),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
