/* test_record.c - transcripts from real modems: what is private is gone, what they show is not. */
#include "sms_fixture.h"

#include <string.h>

#include "modem/record_mask.h"

static void lines_are_masked(void **state)
{
	static const struct {
		const char *line, *masked;
	} rows[] = {
		{ "OK", "OK" },
		{ "AT+CMGD=12", "AT+CMGD=12" },
		{ "+CPMS: \"SM\",65,100,\"ME\",12,250", "+CPMS: \"SM\",65,100,\"ME\",12,250" },
		{ "+CREG: 2,1,\"00A1\",\"1F2B\",7", "+CREG: 2,1,\"00A1\",\"1F2B\",7" },
		{ "490154203237518", "490000000000000" },
		{ "8946070000000000017F", "8900000000000000001F" },
		{ "+CNUM: \"\",\"+46700100201\",145", "+CNUM: \"\",\"+46000000002\",145" },
		{ "490154203237518", "490000000000000" }, /* the same again */
		{ "+CPBR: 1,\"+46700100201\",145,\"Olle Ek\"",
			"+CPBR: 1,\"+46000000002\",145,\"xxxxxxx\"" },
		{ "+CUSD: 0,\"Your balance is 12\",15", "+CUSD: 0,\"xxxxxxxxxxxxxxxxxx\",15" },
		{ "AT+CPIN=\"4711\"", "AT+CPIN=\"0000\"" },
		{ "+COPS: 0,0,\"Telia\",7", "+COPS: 0,0,\"Telia\",7" },
		{ "Revision:1418B03SIM868M32_BT", "Revision:1418B03SIM868M32_BT" },
		{ "+CMGL: 3,0,\"\",27", "+CMGL: 3,0,\"\",27" },
	};
	struct record_names names = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char out[128];
		record_mask(&names, rows[i].line, out, sizeof out);
		assert_string_equal(out, rows[i].masked);
	}
}

/* It reads as before: kind, type of number, coding, length and header; digits and text do not. */
static void pdu_must_be_alike(const char *hex)
{
	struct record_names names = { 0 };
	struct sms_pdu was, is;
	char masked[700];

	record_mask(&names, hex, masked, sizeof masked);
	assert_int_equal(strlen(masked), strlen(hex));
	pdu_must_read(hex, &was);
	pdu_must_read(masked, &is);
	assert_int_equal(is.kind, was.kind);
	assert_int_equal(is.dcs, was.dcs);
	assert_int_equal(is.pid, was.pid);
	assert_int_equal(is.sender.type, was.sender.type);
	assert_int_equal(is.sent.utc_s, was.sent.utc_s);
	assert_int_equal(is.concat.ref, was.concat.ref);
	assert_int_equal(is.concat.total, was.concat.total);
	assert_int_equal(is.concat.seq, was.concat.seq);
	assert_int_equal(is.ud_len, was.ud_len);
	if (was.sender.text[0])
		assert_string_not_equal(is.sender.text, was.sender.text);
	for (const char *c = text_of(&is); *c; c++)
		assert_int_equal(*c, 'x');
	if (was.kind != SMS_STATUS_REPORT && was.alphabet != SMS_DATA)
		assert_int_equal(strlen(text_of(&is)) > 0, strlen(text_of(&was)) > 0);
}

static void pdus_stay_pdus(void **state)
{
	static const char *const reports[] = {
		"0006050B916407103200F1" A_TIME A_TIME "00",
		"07916407058099F906050B916407103200F1" A_TIME A_TIME "30",
	};
	const uint8_t header[] = { 5, 0, 3, 77, 3, 2 };
	char hex[640];
	struct ud ud;

	(void)state;
	for (unsigned with = 0; with < 2; with++) {
		ud_begin(&ud, header, with ? sizeof header : 0);
		ud_septets(&ud, "your code is 123456", 19);
		deliver_write(&ud, 0, hex, sizeof hex);
		pdu_must_be_alike(hex);
		ud_begin(&ud, header, with ? sizeof header : 0);
		ud_octets(&ud, "\0k\0o\0d\4\26", 8);
		deliver_write(&ud, 8, hex, sizeof hex);
		pdu_must_be_alike(hex);
		ud_begin(&ud, header, with ? sizeof header : 0);
		ud_octets(&ud, "\1\2\3\4", 4);
		deliver_write(&ud, 4, hex, sizeof hex);
		pdu_must_be_alike(hex);
	}
	for (size_t i = 0; i < COUNT_OF(reports); i++)
		pdu_must_be_alike(reports[i]);
	/* SMSC, a name as the sender, a SUBMIT with relative validity */
	pdu_must_be_alike("07916407058099F90407D0C730BD0C000062" A_TIME "05E8329BFD06");
	pdu_must_be_alike("07916407058099F911000B916407103200F10000AA05E8329BFD06");
}

/* Whatever it is: no digit of it stays but those that say how it is built. */
static void what_is_no_pdu_is_wiped(void **state)
{
	static const char *const rows[] = {
		"0123456789ABCDEF0123456789", /* SMSC of one octet, then an address too long */
		"07916407058099F9040B9164071",
		"FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF",
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct record_names names = { 0 };
		char out[128];
		record_mask(&names, rows[i], out, sizeof out);
		assert_int_equal(strspn(out, "0"), strlen(rows[i]));
	}
}

static void out_has_its_size(void **state)
{
	const char *line = "+CNUM: \"Olle Ek\",\"+46700100201\",145";

	(void)state;
	for (size_t size = 1; size < 50; size++) {
		struct record_names names = { 0 };
		char out[64];
		memset(out, '#', sizeof out);
		record_mask(&names, line, out, size);
		assert_true(strlen(out) < size);
		assert_int_equal(out[size], '#');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_masked),
		cmocka_unit_test(pdus_stay_pdus),
		cmocka_unit_test(what_is_no_pdu_is_wiped),
		cmocka_unit_test(out_has_its_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
