/* test_sms.c - the decoder of short messages: alphabets, fields, headers, joins, hostile input. */
#include "sms_fixture.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sms/gsm7.h"
#include "sms/pdu.h"

/* -- alphabets ----------------------------------------------------------------------------- */

static void septets_become_text(void **state)
{
	static const struct {
		const char *septets;
		size_t count;
		const char *text;
	} rows[] = {
		{ "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0A\x0B\x0C\x0D\x0E\x0F", 16,
			"@£$¥èéùìòÇ\nØø\rÅå" },
		{ "\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1A\x1C\x1D\x1E\x1F", 15,
			"Δ_ΦΓΛΩΠΨΣΘΞÆæßÉ" },
		{ " !\"#$%&'()*+,-./", 16, " !\"#¤%&'()*+,-./" },
		{ "0123456789:;<=>?", 16, "0123456789:;<=>?" },
		{ "@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_", 32, "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§" },
		{ "`abcdefghijklmnopqrstuvwxyz{|}~\x7F", 32, "¿abcdefghijklmnopqrstuvwxyzäöñüà" },
		{ "\x1B\x0A\x1B\x14\x1B(\x1B)\x1B/\x1B<\x1B=\x1B>\x1B@\x1B\x65", 20,
			"\f^{}\\[~]|€" },
		{ "\x1B\x61\x1B\x00", 4, "a@" },
		{ "x\x1B\x1By", 4, "x y" },
		{ "x\x1B", 2, "x" },
		{ "", 0, "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		uint16_t units[64];
		char text[200];
		int escape = 0;
		size_t count = gsm7_to_utf16(
			(const uint8_t *)rows[i].septets, rows[i].count, &escape, units);

		assert_true(count <= rows[i].count);
		utf16_to_utf8(units, count, text, sizeof(text));
		assert_string_equal(text, rows[i].text);
	}
}

static void septets_are_unpacked(void **state)
{
	static const uint8_t packed[] = { 0xD3, 0x64, 0x13 };
	static const uint8_t shifted[] = { 0x98, 0x26, 0x9B };
	uint8_t out[8];

	(void)state;
	assert_int_equal(gsm7_unpack(packed, 3, 0, 3, out), 3);
	assert_memory_equal(out, "SIM", 3);
	assert_int_equal(gsm7_unpack(packed, 3, 0, 8, out), 3);
	assert_int_equal(gsm7_unpack(packed, 2, 0, 3, out), 2);
	assert_int_equal(gsm7_unpack(packed, 0, 0, 3, out), 0);
	assert_int_equal(gsm7_unpack(shifted, 3, 3, 3, out), 3);
	assert_memory_equal(out, "SIM", 3);
	assert_int_equal(gsm7_unpack(shifted, 3, 4, 3, out), 2);
}

static void units_become_valid_utf8(void **state)
{
	static const struct {
		uint16_t units[5];
		size_t count;
		const char *text;
	} rows[] = {
		{ { 0x41, 0x7F, 0x80, 0x7FF, 0x800 }, 5, "A\x7F\xC2\x80\xDF\xBF\xE0\xA0\x80" },
		{ { 0xD800, 0xDC00, 0xDBFF, 0xDFFF }, 4, "\xF0\x90\x80\x80\xF4\x8F\xBF\xBF" },
		{ { 'a', 0xD83D }, 2, "a\xEF\xBF\xBD" },
		{ { 0xD83D, 0xDE00 }, 1, "\xEF\xBF\xBD" }, /* the half behind the end */
		{ { 0xDE00, '!' }, 2, "\xEF\xBF\xBD!" },
		{ { 0xD83D, 0xD83D, 0xDE00 }, 3, "\xEF\xBF\xBD\xF0\x9F\x98\x80" },
		{ { 'a', 0, 'b' }, 3, "ab" },
		{ { 0xFEFF, 'a', 0xFEFF }, 3, "a\xEF\xBB\xBF" },
		{ { 0xFFFF }, 1, "\xEF\xBF\xBF" },
		{ { 0 }, 0, "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char text[32];

		assert_int_equal(utf16_to_utf8(rows[i].units, rows[i].count, text, sizeof(text)),
			strlen(rows[i].text));
		assert_string_equal(text, rows[i].text);
	}
}

static void utf8_is_cut_at_a_border(void **state)
{
	static const uint16_t units[] = { 'a', 0x20AC, 0xD83D, 0xDE00 };
	static const size_t lens[] = { 0, 0, 1, 1, 1, 4, 4, 4, 4, 8, 8 };

	(void)state;
	for (size_t size = 0; size < COUNT_OF(lens); size++) {
		char text[16];

		memset(text, '#', sizeof(text));
		assert_int_equal(utf16_to_utf8(units, 4, text, size), lens[size]);
		if (size > 0)
			assert_int_equal(strlen(text), lens[size]);
		assert_int_equal(text[size], '#');
	}
}

/* -- fields -------------------------------------------------------------------------------- */

static void addresses_are_read(void **state)
{
	static const struct {
		const char *field;
		unsigned type;
		const char *text;
	} rows[] = {
		/* clang-format off */
		{ "0B915155100032F4", 1, "+15550100234" },
		{ "0A915155100032", 1, "+1555010023" },
		{ "04812143", 0, "1234" },
		{ "05812143F5", 0, "12345" },
		{ "05A12143F5", 2, "12345" },
		{ "03B121F3", 3, "123" },
		{ "03C021F3", 4, "123" },
		{ "03E121F3", 6, "123" },
		{ "03F121F3", 7, "123" },
		{ "0681BADCFE", 0, "*#abc" },
		{ "03812103", 0, "123" }, /* the filler is a digit */
		{ "048121F3", 0, "123" }, /* the filler is counted */
		{ "149121436587092143658709", 1, "+12345678901234567890" },
		{ "0091", 1, "" },
		{ "0081", 0, "" },
		{ "00D0", 5, "" },
		{ "01D001", 5, "" },
		{ "06D0D36413", 5, "SIM" },
		{ "06D1D36413", 5, "SIM" },
		{ "05D0D324", 0, NULL }, /* three octets are needed */
		/* clang-format on */
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct sms_pdu pdu;
		char hex[128];
		int len = snprintf(hex, sizeof(hex), "0004%s%s", rows[i].field,
			rows[i].text ? "0000" A_TIME "00" : "");

		if (!rows[i].text) {
			assert_int_equal(
				sms_pdu_read(hex, (size_t)len, -1, &pdu), SMS_ERR_TRUNCATED);
			continue;
		}
		pdu_must_read(hex, &pdu);
		assert_int_equal(pdu.sender.type, rows[i].type);
		assert_string_equal(pdu.sender.text, rows[i].text);
		assert_true(pdu.sent.valid);
	}
}

/* Names of every length, with the length told exactly and rounded up to octets. */
static void names_are_read(void **state)
{
	static const struct {
		const char *septets;
		size_t count;
		const char *text;
	} rows[] = {
		{ "A", 1, "A" },
		{ "Shop", 4, "Shop" },
		{ "a\0b\0", 4, "a@b@" },
		{ "My Bank", 7, "My Bank" },
		{ "My Banks", 8, "My Banks" },
		{ "\x1B<ok\x1B>", 6, "[ok]" },
		{ "\\l & Gas", 8, "Öl & Gas" },
		{ "Elevenchars", 11, "Elevenchars" },
		{ "\x10\x10\x10\x10\x10\x10\x10\x10\x10\x10\x10", 11, "ΔΔΔΔΔΔΔΔΔΔΔ" },
		{ "\x1B\x65\x1B\x65\x1B\x65\x1B\x65\x1B\x65", 10, "€€€€€" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows) * 2; i++) {
		size_t row = i / 2;
		size_t semi_octets = (rows[row].count * 7 + 3) / 4;
		struct sms_pdu pdu;
		struct ud name;
		char hex[128], octets[64];

		if (i % 2 == 1)
			semi_octets = (semi_octets + 1) / 2 * 2;
		ud_begin(&name, NULL, 0);
		ud_septets(&name, rows[row].septets, rows[row].count);
		hex_write(name.octets, (semi_octets + 1) / 2, octets);
		snprintf(hex, sizeof(hex), "0004%02XD0%s0000" A_TIME "00", (unsigned)semi_octets,
			octets);
		pdu_must_read(hex, &pdu);
		assert_int_equal(pdu.sender.type, SMS_TON_ALPHANUMERIC);
		assert_string_equal(pdu.sender.text, rows[row].text);
	}
}

static void times_are_read(void **state)
{
	static const struct {
		const char *field;
		bool valid;
		int64_t utc_s;
		int zone_quarters;
	} rows[] = {
		{ "62304001020300", true, 1772619630, 0 },
		{ "62304001020380", true, 1772612430, 8 },
		{ "6230400102032A", true, 1772639430, -22 },
		{ "42209200000040", true, 1709161200, 4 },
		{ "99211332959548", true, 946688399, -4 },
		{ "98101000000000", true, 3755376000, 0 },
		{ "09101000000065", true, 631101600, 56 },
		{ "0020922100008C", true, 951868800, -48 },
		{ "52211332959549", true, 1767238199, -14 },
		{ "62304001020308", true, 1772619630, 0 },
		{ "00000000000000", false, 0, 0 }, /* no time at all */
		{ "FFFFFFFFFFFFFF", false, 0, 0 }, /* padding */
		{ "A2304001020300", false, 0, 0 }, /* a letter in the year */
		{ "6A304001020300", false, 0, 0 }, /* as the tens */
		{ "62004001020300", false, 0, 0 }, /* month 0 */
		{ "62314001020300", false, 0, 0 }, /* month 13 */
		{ "62300001020300", false, 0, 0 }, /* day 0 */
		{ "62209201020300", false, 0, 0 }, /* 29 February 2026 */
		{ "42200301020300", false, 0, 0 }, /* 30 February 2024 */
		{ "62401301020300", false, 0, 0 }, /* 31 April */
		{ "62304042020300", false, 0, 0 }, /* hour 24 */
		{ "62304001060300", false, 0, 0 }, /* minute 60 */
		{ "62304001020600", false, 0, 0 }, /* second 60 */
		{ "623040010203A0", false, 0, 0 }, /* a letter in the zone */
		{ "62304001020375", false, 0, 0 }, /* 57 quarters */
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct sms_pdu pdu;
		char hex[128];

		snprintf(hex, sizeof(hex), "0004" FROM "0000%s03D36413", rows[i].field);
		pdu_must_read(hex, &pdu);
		if (pdu.sent.valid != rows[i].valid)
			fail_msg("%s", rows[i].field);
		assert_int_equal(pdu.sent.utc_s, rows[i].utc_s);
		assert_int_equal(pdu.sent.zone_quarters, rows[i].zone_quarters);
		assert_string_equal(text_of(&pdu), "SIM");
	}
}

static void every_coding_is_read(void **state)
{
	(void)state;
	for (unsigned dcs = 0; dcs < 256; dcs++) {
		unsigned group = dcs >> 4;
		enum sms_alphabet wanted = SMS_GSM7;
		int class_wanted = -1;
		enum sms_error error;
		struct sms_pdu pdu;
		char hex[128];

		snprintf(hex, sizeof(hex), "0004" FROM "40%02X" A_TIME "0200480069", dcs);
		error = sms_pdu_read(hex, strlen(hex), -1, &pdu);
		if (group < 8 && (group & 2)) {
			assert_int_equal(error, SMS_ERR_COMPRESSED);
			continue;
		}
		assert_int_equal(error, SMS_OK);
		if (group == 14 || (group < 8 && (dcs & 0x0C) == 0x08))
			wanted = SMS_UCS2;
		if ((group < 8 && (dcs & 0x0C) == 0x04) || (group == 15 && (dcs & 4)))
			wanted = SMS_DATA;
		if (group == 15 || (group < 8 && (group & 1)))
			class_wanted = (int)(dcs & 3);
		assert_int_equal(pdu.alphabet, wanted);
		assert_int_equal(pdu.message_class, class_wanted);
		assert_int_equal(pdu.dcs, dcs);
		assert_int_equal(pdu.pid, 0x40);
		assert_int_equal(pdu.septets, wanted == SMS_GSM7 ? 2 : 0);
	}
}

static void kinds_are_told_apart(void **state)
{
	static const struct {
		const char *hex;
		enum sms_kind kind;
		const char *text;
	} rows[] = {
		{ "0004" FROM "0000" A_TIME "03D36413", SMS_DELIVER, "SIM" },
		{ "0003" FROM "0000" A_TIME "03D36413", SMS_DELIVER, "SIM" },
		{ "00BC" FROM "0000" A_TIME "03D36413", SMS_DELIVER, "SIM" },
		{ "0001FF" FROM "000003D36413", SMS_SUBMIT, "SIM" },
		{ "0011FF" FROM "0000AA03D36413", SMS_SUBMIT, "SIM" },
		{ "0009FF" FROM "00000102030405060703D36413", SMS_SUBMIT, "SIM" },
		{ "0019FF" FROM "0000" A_TIME "03D36413", SMS_SUBMIT, "SIM" },
		{ "0041FF" FROM "00080702000000480069", SMS_SUBMIT, "Hi" },
		{ "000607" FROM A_TIME A_TIME "00", SMS_STATUS_REPORT, "" },
		{ "000607" FROM A_TIME A_TIME "46FFFFFFFF", SMS_STATUS_REPORT, "" },
		{ "000607" FROM A_TIME A_TIME "0007000003D36413", SMS_STATUS_REPORT, "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct sms_pdu pdu;

		pdu_must_read(rows[i].hex, &pdu);
		assert_int_equal(pdu.kind, rows[i].kind);
		assert_string_equal(pdu.sender.text, "+15550100234");
		assert_string_equal(text_of(&pdu), rows[i].text);
		assert_int_equal(pdu.sent.valid, rows[i].kind != SMS_SUBMIT);
	}
}

/* -- user data ----------------------------------------------------------------------------- */

static void headers_are_walked(void **state)
{
	static const struct {
		const char *header;
		size_t len;
		struct sms_concat concat;
		int port_to;
	} rows[] = {
		{ "\x00", 1, { 0 }, -1 },
		{ "\x05\x00\x03\x2A\x03\x02", 6, { 0x2A, 8, 3, 2 }, -1 },
		{ "\x06\x08\x04\x12\x34\x03\x03", 7, { 0x1234, 16, 3, 3 }, -1 },
		{ "\x05\x00\x03\x00\x01\x01", 6, { 0, 8, 1, 1 }, -1 },
		{ "\x05\x00\x03\x2A\xFF\xFF", 6, { 0x2A, 8, 255, 255 }, -1 },
		{ "\x05\x00\x03\x2A\x00\x00", 6, { 0 }, -1 },
		{ "\x05\x00\x03\x2A\x03\x00", 6, { 0 }, -1 },
		{ "\x05\x00\x03\x2A\x03\x04", 6, { 0 }, -1 },
		{ "\x06\x08\x04\x12\x34\x03\x00", 7, { 0 }, -1 },
		{ "\x04\x00\x02\x2A\x03", 5, { 0 }, -1 },
		{ "\x06\x00\x04\x2A\x03\x02\x00", 7, { 0 }, -1 },
		{ "\x05\x08\x03\x2A\x03\x02", 6, { 0 }, -1 },
		{ "\x02\x00\x00", 3, { 0 }, -1 },
		/* repeated: the last counts, a void one does not */
		{ "\x0A\x00\x03\x01\x02\x01\x00\x03\x02\x03\x02", 11, { 2, 8, 3, 2 }, -1 },
		{ "\x0B\x00\x03\x01\x02\x01\x08\x04\x00\x02\x03\x02", 12, { 2, 16, 3, 2 }, -1 },
		{ "\x0A\x00\x03\x01\x02\x01\x00\x03\x02\x03\x00", 11, { 1, 8, 2, 1 }, -1 },
		/* others are stepped over */
		{ "\x0B\x01\x02\x80\x05\x7F\x00\x00\x03\x09\x02\x02", 12, { 9, 8, 2, 2 }, -1 },
		{ "\x0B\x24\x01\x03\x25\x01\x03\x00\x03\x09\x02\x02", 12, { 9, 8, 2, 2 }, -1 },
		{ "\x06\x05\x04\x0B\x84\x23\xF0", 7, { 0 }, 0x0B84 },
		{ "\x04\x04\x02\xF0\x01", 5, { 0 }, 0xF0 },
		{ "\x05\x04\x03\xF0\x01\x00", 6, { 0 }, -1 },
		{ "\x0B\x05\x04\x15\x8A\x00\x00\x00\x03\x01\x02\x02", 12, { 1, 8, 2, 2 }, 0x158A },
		/* elements that do not fill the header void it whole */
		{ "\x06\x00\x03\x2A\x03\x02\x00", 7, { 0 }, -1 },
		{ "\x07\x04\x02\xF0\x01\x70\x02\x00", 8, { 0 }, -1 },
		{ "\x05\x00\x04\x2A\x03\x02", 6, { 0 }, -1 },
		{ "\x05\x70\xFF\x2A\x03\x02", 6, { 0 }, -1 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct sms_pdu pdu;
		struct ud ud;

		ud_begin(&ud, rows[i].header, rows[i].len);
		ud_septets(&ud, "text", 4);
		ud_must_read(&ud, 0, &pdu);
		if (pdu.concat.total != rows[i].concat.total ||
			pdu.concat.seq != rows[i].concat.seq ||
			pdu.concat.ref != rows[i].concat.ref ||
			pdu.concat.ref_bits != rows[i].concat.ref_bits)
			fail_msg("row %zu: %u/%u", i, pdu.concat.seq, pdu.concat.total);
		assert_int_equal(pdu.port_to, rows[i].port_to);
		assert_int_equal(pdu.header_len, rows[i].len);
		assert_string_equal(text_of(&pdu), "text");
	}
}

static void text_starts_behind_the_fill_bits(void **state)
{
	static const uint8_t padding[32] = { 0, 0x70 };

	(void)state;
	for (unsigned header_len = 3; header_len <= 30; header_len++) {
		uint8_t header[32];
		struct sms_pdu pdu;
		struct ud ud;

		memcpy(header, padding, sizeof(header));
		header[0] = (uint8_t)(header_len - 1);
		header[2] = (uint8_t)(header_len - 3);
		ud_begin(&ud, header, header_len);
		ud_septets(&ud, "Your code is 4821.", 18);
		ud_must_read(&ud, 0, &pdu);
		assert_int_equal(pdu.septets, 18);
		assert_true(pdu.fill_bits <= 6);
		assert_int_equal((header_len * 8 + pdu.fill_bits) % 7, 0);
		assert_string_equal(text_of(&pdu), "Your code is 4821.");
	}
}

static void lengths_may_disagree(void **state)
{
	static const struct {
		const char *tail; /* from TP-DCS */
		const char *text;
		unsigned ud_len;
	} rows[] = {
		{ "00" A_TIME, "", 0 }, /* no TP-UDL */
		{ "00" A_TIME "00", "", 0 },
		{ "00" A_TIME "00D36413", "", 0 },
		{ "00" A_TIME "03D36413FFFF", "SIM", 3 },
		{ "00" A_TIME "02D36413", "SI", 2 },
		{ "00" A_TIME "FFD36413", "SIM", 3 },
		{ "00" A_TIME "05", "", 0 },
		{ "08" A_TIME "06004800690021", "Hi!", 6 },
		{ "08" A_TIME "05004800690021", "Hi", 5 },
		{ "08" A_TIME "8C004800690021", "Hi!", 6 },
		{ "08" A_TIME "8C0048006900", "Hi", 5 },
		{ "08" A_TIME "04004800690021", "Hi", 4 },
		{ "04" A_TIME "03010203", "", 3 },
		{ "04" A_TIME "09010203", "", 3 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct sms_pdu pdu;
		char hex[128];

		snprintf(hex, sizeof(hex), "0004" FROM "00%s", rows[i].tail);
		pdu_must_read(hex, &pdu);
		assert_int_equal(pdu.ud_len, rows[i].ud_len);
		assert_string_equal(text_of(&pdu), rows[i].text);
	}
}

static void full_sizes_fit(void **state)
{
	char septets[160];
	struct sms_pdu pdu;
	struct ud ud;

	(void)state;
	memset(septets, 0x10, sizeof(septets));
	ud_begin(&ud, NULL, 0);
	ud_septets(&ud, septets, 160);
	ud_must_read(&ud, 0, &pdu);
	assert_int_equal(pdu.septets, 160);
	assert_int_equal(strlen(text_of(&pdu)), 320);
	ud_begin(&ud, NULL, 0);
	for (size_t i = 0; i < 71; i++)
		ud_octets(&ud, "\x30\x42", 2);
	ud_must_read(&ud, 8, &pdu); /* one more than the standard allows: cut */
	assert_int_equal(pdu.ud_len, SMS_UD_MAX);
	assert_int_equal(strlen(text_of(&pdu)), 210);
}

static void data_stays_data(void **state)
{
	static const uint8_t octets[] = { 0x00, 0x80, 'A', 0xFF };
	struct sms_pdu pdu;
	struct ud ud;

	(void)state;
	ud_begin(&ud, "\x06\x05\x04\x0B\x84\x23\xF0", 7);
	ud_octets(&ud, octets, sizeof(octets));
	ud_must_read(&ud, 4, &pdu);
	assert_int_equal(pdu.alphabet, SMS_DATA);
	assert_int_equal(pdu.ud_len - pdu.header_len, sizeof(octets));
	assert_memory_equal(pdu.ud + pdu.header_len, octets, sizeof(octets));
	assert_string_equal(text_of(&pdu), "");
}

/* -- frames and refusals ------------------------------------------------------------------- */

static void refusals_say_why(void **state)
{
	static const struct {
		const char *hex;
		int tpdu_len;
		enum sms_error error;
	} rows[] = {
		{ "", -1, SMS_ERR_TRUNCATED },
		{ "", 0, SMS_ERR_TRUNCATED },
		{ "", 22, SMS_ERR_LENGTH },
		{ "0", -1, SMS_ERR_HEX },
		{ "0G", -1, SMS_ERR_HEX },
		{ "00 4", -1, SMS_ERR_HEX },
		{ "0004" FROM "0000" A_TIME "03D3641", -1, SMS_ERR_HEX },
		{ "00", -1, SMS_ERR_TRUNCATED },
		{ "0891515510", -1, SMS_ERR_TRUNCATED },
		{ "0391515504", -1, SMS_ERR_TRUNCATED },
		{ "FFFFFFFFFFFF", -1, SMS_ERR_TRUNCATED },
		{ "00FFFFFFFFFF", -1, SMS_ERR_ADDRESS },
		{ "000415912143658709214365870901", -1, SMS_ERR_ADDRESS },
		{ "0004" FROM "0000" A_TIME "03D36413", 23, SMS_ERR_LENGTH },
		{ "0004" FROM "0000" A_TIME "03D36413", INT_MAX, SMS_ERR_LENGTH },
		{ "0004" FROM "0000" A_TIME "03D36413", 17, SMS_ERR_TRUNCATED },
		{ "0004" FROM "0000" A_TIME "03D36413", 0, SMS_ERR_TRUNCATED },
		{ "0004" FROM "0000" A_TIME "03D36413", 22, SMS_OK },
		{ "0004" FROM "0000" A_TIME "03D36413", 400, SMS_ERR_LENGTH },
		{ "0004" FROM "0020" A_TIME "03D36413", -1, SMS_ERR_COMPRESSED },
		{ "0044" FROM "0004" A_TIME "0305000302", -1, SMS_ERR_HEADER },
		{ "0044" FROM "0000" A_TIME "0CFF00000000000000000000", -1, SMS_ERR_HEADER },
		{ "0006", -1, SMS_ERR_TRUNCATED },
		{ "000607" FROM A_TIME, -1, SMS_ERR_TRUNCATED },
		{ "0001", -1, SMS_ERR_TRUNCATED },
		{ "001100" FROM "0000", -1, SMS_ERR_TRUNCATED },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct sms_pdu pdu;
		enum sms_error error =
			sms_pdu_read(rows[i].hex, strlen(rows[i].hex), rows[i].tpdu_len, &pdu);

		if (error != rows[i].error)
			fail_msg(
				"%s, %d: %s", rows[i].hex, rows[i].tpdu_len, sms_error_name(error));
	}
}

static void every_prefix_is_safe(void **state)
{
	static const char whole[] =
		"0391515504" FROM "0000" A_TIME "13C83A5C1E8FC3E3F1783C9E8FC7E3F1";
	size_t mandatory = strlen("0391515504" FROM "0000" A_TIME);

	(void)state;
	for (size_t len = 0; len <= strlen(whole); len++) {
		char *copy =
			malloc(len > 0 ? len : 1); /* exact, so that a read behind it is seen */
		enum sms_error error;
		struct sms_pdu pdu;

		assert_non_null(copy);
		memcpy(copy, whole, len);
		error = sms_pdu_read(copy, len, -1, &pdu);
		assert_int_equal(error, len % 2           ? SMS_ERR_HEX
					: len < mandatory ? SMS_ERR_TRUNCATED
							  : SMS_OK);
		free(copy);
	}
}

static void the_listing_cuts_padding(void **state)
{
	static const char tpdu[] = "04" FROM "0000" A_TIME "FFD36413";
	char hex[2 * (SMS_PDU_MAX + 1) + 1];
	struct sms_pdu pdu;

	(void)state;
	memset(hex, 'f', sizeof(hex));
	memcpy(hex, "039151F5", 8);
	memcpy(hex + 8, tpdu, strlen(tpdu));
	assert_int_equal(sms_pdu_read(hex, 2 * 176, (int)strlen(tpdu) / 2, &pdu), SMS_OK);
	assert_string_equal(text_of(&pdu), "SIM");
	assert_string_equal(pdu.sender.text, "+15550100234");
	assert_int_equal(sms_pdu_read(hex, 2 * SMS_PDU_MAX, -1, &pdu), SMS_OK);
	assert_int_equal(sms_pdu_read(hex, 2 * SMS_PDU_MAX + 2, -1, &pdu), SMS_ERR_LENGTH);
}

static void errors_have_names(void **state)
{
	(void)state;
	for (int i = SMS_OK; i <= SMS_ERR_COMPRESSED; i++) {
		assert_string_not_equal(sms_error_name((enum sms_error)i), "unknown");
		for (int j = SMS_OK; j < i; j++)
			assert_string_not_equal(sms_error_name((enum sms_error)i),
				sms_error_name((enum sms_error)j));
	}
}

/* -- joins --------------------------------------------------------------------------------- */

struct piece {
	unsigned dcs;
	const char *content; /* septets or octets */
	size_t len;
};

static void parts_are_joined(void **state)
{
	static const struct {
		struct piece pieces[3];
		const char *text;
	} rows[] = {
		{ { { 0, "one ", 4 }, { 0, "two ", 4 }, { 0, "three", 5 } }, "one two three" },
		{ { { 0, "a\x1B", 2 }, { 0, "\x65x", 2 }, { 0, "\x1B", 1 } }, "a€x" },
		{ { { 0, "a\x1B", 2 }, { 0, "", 0 }, { 0, "<b", 2 } }, "a[b" },
		{ { { 8, "\0a\xD8\x3D", 4 }, { 8, "\xDE\x00\xD8\x3D", 4 }, { 8, "\xDE\x01", 2 } },
			"a\xF0\x9F\x98\x80\xF0\x9F\x98\x81" },
		{ { { 8, "\xD8\x3D", 2 }, { 8, "", 0 }, { 8, "\xDE\x00", 2 } },
			"\xF0\x9F\x98\x80" },
		{ { { 8, "\xD8\x3D", 2 }, { 8, "\0!", 2 }, { 8, "\xD8\x3D", 2 } },
			"\xEF\xBF\xBD!\xEF\xBF\xBD" },
		{ { { 8, "\xFE\xFF\xD8\x3D", 4 }, { 8, "\xFE\xFF\xDE\x00", 4 }, { 0, "!", 1 } },
			"\xF0\x9F\x98\x80!" },
		{ { { 0, "a\x1B", 2 }, { 8, "\x04\x2F", 2 }, { 0, "e", 1 } }, "aЯe" },
		{ { { 0, "a", 1 }, { 4, "data", 4 }, { 0, "b", 1 } }, "ab" },
		{ { { 8, "\0a\0", 3 }, { 8, "\0b", 2 }, { 8, "\0c", 2 } }, "abc" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct sms_pdu pdus[3];
		const struct sms_pdu *parts[3];
		char text[3 * SMS_TEXT_MAX];
		size_t whole;

		for (size_t j = 0; j < 3; j++) {
			const struct piece *piece = &rows[i].pieces[j];
			char header[] = { 5, 0, 3, 9, 3, (char)(j + 1) };
			struct ud ud;

			ud_begin(&ud, header, sizeof(header));
			if (piece->dcs == 0)
				ud_septets(&ud, piece->content, piece->len);
			else
				ud_octets(&ud, piece->content, piece->len);
			ud_must_read(&ud, piece->dcs, &pdus[j]);
			assert_int_equal(pdus[j].concat.seq, j + 1);
			parts[j] = &pdus[j];
		}
		whole = sms_text(parts, 3, text, sizeof(text));
		assert_string_equal(text, rows[i].text);
		assert_int_equal(whole, strlen(text));
		for (size_t size = 0; size <= whole; size++) {
			memset(text, '#', sizeof(text));
			assert_true(size == 0 || sms_text(parts, 3, text, size) < size);
			assert_int_equal(text[size], '#');
			assert_true(size == 0 || (utf8_valid(text) && strncmp(text, rows[i].text,
									      strlen(text)) == 0));
		}
	}
}

static void no_parts_are_an_empty_text(void **state)
{
	char text[4] = "###";

	(void)state;
	assert_int_equal(sms_text(NULL, 0, text, sizeof(text)), 0);
	assert_string_equal(text, "");
	assert_int_equal(sms_text(NULL, 0, text, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(septets_become_text),
		cmocka_unit_test(septets_are_unpacked),
		cmocka_unit_test(units_become_valid_utf8),
		cmocka_unit_test(utf8_is_cut_at_a_border),
		cmocka_unit_test(addresses_are_read),
		cmocka_unit_test(names_are_read),
		cmocka_unit_test(times_are_read),
		cmocka_unit_test(every_coding_is_read),
		cmocka_unit_test(kinds_are_told_apart),
		cmocka_unit_test(headers_are_walked),
		cmocka_unit_test(text_starts_behind_the_fill_bits),
		cmocka_unit_test(lengths_may_disagree),
		cmocka_unit_test(full_sizes_fit),
		cmocka_unit_test(data_stays_data),
		cmocka_unit_test(refusals_say_why),
		cmocka_unit_test(every_prefix_is_safe),
		cmocka_unit_test(the_listing_cuts_padding),
		cmocka_unit_test(errors_have_names),
		cmocka_unit_test(parts_are_joined),
		cmocka_unit_test(no_parts_are_an_empty_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
