/* test_sms.c - PDUs taken apart: addresses, times, codings, headers, lengths, refusals. */
#include "sms_fixture.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sms/pdu.h"

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
		{ "0091", 1, "" },
		{ "0081", 0, "" },
		{ "00D0", 5, "" },
		{ "01D001", 5, "" },
		{ "04A12143", 2, "1234" },
		{ "0381BAFC", 0, "*#a" },
		{ "0591BA1EF2", 1, "+*#c12" }, /* as odd as it is, as it came */
		{ "0481F143", 0, "134" },      /* a filler amid the digits */
		{ "149121436587092143658709", 1, "+12345678901234567890" },
		{ "1381214365870921436587F9", 0, "1234567890123456789" },
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
		{ " a b ", 5, " a b " },
		{ "\0\0\0\0\0\0\0", 7, "@@@@@@@" },
		{ "info\0b.io", 9, "info@b.io" },
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
		{ "62304001020319", true, 1772629530, -11 }, /* -2:45 */
		{ "62304001020329", true, 1772630430, -12 },
		{ "6230400102032B", true, 1772648430, -32 },
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
		{ "6230400102037D", false, 0, 0 }, /* and 57 to the west */
		{ "FF304001020300", false, 0, 0 },
		{ "62304001F20300", false, 0, 0 }, /* a filler in the minutes */
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
		static const char *const texts[] = { "@Δ", "", "H" };
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
		assert_string_equal(text_of(&pdu), texts[wanted]);
	}
}

/* The groups by name, 23.038 clause 4. */
static void coding_groups_are_read(void **state)
{
	static const struct {
		unsigned dcs;
		enum sms_alphabet alphabet;
		int message_class;
	} rows[] = {
		{ 0x00, SMS_GSM7, -1 }, { 0x03, SMS_GSM7, -1 }, /* no class: bit 4 is not set */
		{ 0x10, SMS_GSM7, 0 },                          /* class 0: shown at once */
		{ 0x11, SMS_GSM7, 1 }, { 0x12, SMS_GSM7, 2 }, { 0x13, SMS_GSM7, 3 },
		{ 0x04, SMS_DATA, -1 }, { 0x16, SMS_DATA, 2 }, { 0x08, SMS_UCS2, -1 },
		{ 0x18, SMS_UCS2, 0 }, { 0x0C, SMS_GSM7, -1 }, /* reserved alphabet */
		{ 0x40, SMS_GSM7, -1 },                        /* marked for deletion */
		{ 0x48, SMS_UCS2, -1 }, { 0x58, SMS_UCS2, 0 }, { 0x55, SMS_DATA, 1 },
		{ 0x80, SMS_GSM7, -1 }, /* reserved groups */
		{ 0x98, SMS_GSM7, -1 }, { 0xB4, SMS_GSM7, -1 },
		{ 0xC0, SMS_GSM7, -1 },                         /* message waiting, discard */
		{ 0xCB, SMS_GSM7, -1 }, { 0xD0, SMS_GSM7, -1 }, /* store */
		{ 0xD8, SMS_GSM7, -1 }, { 0xE0, SMS_UCS2, -1 }, /* store, UCS-2 */
		{ 0xEA, SMS_UCS2, -1 }, { 0xF0, SMS_GSM7, 0 }, { 0xF2, SMS_GSM7, 2 },
		{ 0xF5, SMS_DATA, 1 }, { 0xFA, SMS_GSM7, 2 }, /* the reserved bit changes nothing */
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct sms_pdu pdu;
		char hex[128];

		snprintf(hex, sizeof(hex), "0004" FROM "00%02X" A_TIME "020048", rows[i].dcs);
		pdu_must_read(hex, &pdu);
		if (pdu.alphabet != rows[i].alphabet || pdu.message_class != rows[i].message_class)
			fail_msg("coding %02X: alphabet %d, class %d", rows[i].dcs,
				(int)pdu.alphabet, pdu.message_class);
	}
}

/* No protocol identifier changes how a text is read, type 0 (40) and SIM data download (7F)
 * neither: what becomes of it is the caller's to say. */
static void every_protocol_is_read(void **state)
{
	(void)state;
	for (unsigned pid = 0; pid < 256; pid++) {
		struct sms_pdu pdu;
		char hex[128];

		snprintf(hex, sizeof(hex), "0004" FROM "%02X00" A_TIME "03D36413", pid);
		pdu_must_read(hex, &pdu);
		assert_int_equal(pdu.pid, pid);
		assert_int_equal(pdu.alphabet, SMS_GSM7);
		assert_string_equal(text_of(&pdu), "SIM");
	}
}

static void kinds_are_told_apart(void **state)
{
	static const struct {
		const char *hex;
		enum sms_kind kind;
		const char *text;
		unsigned reference, status;
	} rows[] = {
		{ "0004" FROM "0000" A_TIME "03D36413", SMS_DELIVER, "SIM", 0, 0 },
		{ "00040b915155100032f4000062304001020300"
		  "03d36413",
			SMS_DELIVER, "SIM", 0, 0 },
		{ "0003" FROM "0000" A_TIME "03D36413", SMS_DELIVER, "SIM", 0, 0 }, /* reserved */
		{ "00BC" FROM "0000" A_TIME "03D36413", SMS_DELIVER, "SIM", 0, 0 },
		{ "0001FF" FROM "000003D36413", SMS_SUBMIT, "SIM", 255, 0 },
		{ "0011FF" FROM "0000AA03D36413", SMS_SUBMIT, "SIM", 255, 0 },
		{ "0009FF" FROM "00000102030405060703D36413", SMS_SUBMIT, "SIM", 255, 0 },
		{ "0019FF" FROM "0000" A_TIME "03D36413", SMS_SUBMIT, "SIM", 255, 0 },
		{ "0041FF" FROM "00080702000000480069", SMS_SUBMIT, "Hi", 255, 0 },
		{ "003100" FROM "0000FF03D36413", SMS_SUBMIT, "SIM", 0, 0 },
		{ "000607" FROM A_TIME A_TIME "00", SMS_STATUS_REPORT, "", 7, 0 },
		{ "000607" FROM A_TIME A_TIME "46FFFFFFFF", SMS_STATUS_REPORT, "", 7, 0x46 },
		{ "0006C1" FROM A_TIME "FFFFFFFFFFFFFF"
		  "30",
			SMS_STATUS_REPORT, "", 0xC1, 0x30 },
		{ "0006C2" FROM A_TIME A_TIME "6300", SMS_STATUS_REPORT, "", 0xC2, 0x63 },
		{ "000607" FROM A_TIME A_TIME "0007000003D36413", SMS_STATUS_REPORT, "", 7, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct sms_pdu pdu;

		pdu_must_read(rows[i].hex, &pdu);
		assert_int_equal(pdu.kind, rows[i].kind);
		assert_string_equal(pdu.sender.text, "+15550100234");
		assert_string_equal(text_of(&pdu), rows[i].text);
		assert_int_equal(pdu.sent.valid, rows[i].kind != SMS_SUBMIT);
		assert_int_equal(pdu.reference, rows[i].reference);
		assert_int_equal(pdu.status, rows[i].status);
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
		unsigned single_shift, locking_shift;
	} rows[] = {
		{ "\x00", 1, { 0 }, -1, 0, 0 },
		{ "\x05\x00\x03\x2A\x03\x02", 6, { 0x2A, 8, 3, 2 }, -1, 0, 0 },
		{ "\x06\x08\x04\x12\x34\x03\x03", 7, { 0x1234, 16, 3, 3 }, -1, 0, 0 },
		{ "\x05\x00\x03\x00\x01\x01", 6, { 0, 8, 1, 1 }, -1, 0, 0 },
		{ "\x05\x00\x03\x2A\xFF\xFF", 6, { 0x2A, 8, 255, 255 }, -1, 0, 0 },
		{ "\x05\x00\x03\x2A\x00\x00", 6, { 0 }, -1, 0, 0 },
		{ "\x05\x00\x03\x2A\x03\x00", 6, { 0 }, -1, 0, 0 },
		{ "\x05\x00\x03\x2A\x03\x04", 6, { 0 }, -1, 0, 0 },
		{ "\x06\x08\x04\x12\x34\x03\x00", 7, { 0 }, -1, 0, 0 },
		{ "\x04\x00\x02\x2A\x03", 5, { 0 }, -1, 0, 0 },
		{ "\x06\x00\x04\x2A\x03\x02\x00", 7, { 0 }, -1, 0, 0 },
		{ "\x05\x08\x03\x2A\x03\x02", 6, { 0 }, -1, 0, 0 },
		{ "\x02\x00\x00", 3, { 0 }, -1, 0, 0 },
		/* repeated: the last counts, a void one does not */
		{ "\x0A\x00\x03\x01\x02\x01\x00\x03\x02\x03\x02", 11, { 2, 8, 3, 2 }, -1, 0, 0 },
		{ "\x0B\x00\x03\x01\x02\x01\x08\x04\x00\x02\x03\x02", 12, { 2, 16, 3, 2 }, -1, 0,
			0 },
		{ "\x0A\x00\x03\x01\x02\x01\x00\x03\x02\x03\x00", 11, { 1, 8, 2, 1 }, -1, 0, 0 },
		/* others are stepped over */
		{ "\x0B\x01\x02\x80\x05\x7F\x00\x00\x03\x09\x02\x02", 12, { 9, 8, 2, 2 }, -1, 0,
			0 },
		{ "\x0A\x01\x02\x80\x05\x01\x02\x00\x01\x23\x00", 11, { 0 }, -1, 0, 0 },
		{ "\x0A\x0A\x03\x00\x04\x10\x20\x03\x41\x42\x43", 11, { 0 }, -1, 0, 0 },
		{ "\x08\x22\x04\x04\x81\x21\x43\x21\x00", 9, { 0 }, -1, 0, 0 },
		{ "\x0B\x70\x00\x7F\x00\xE0\x00\x00\x03\x09\x02\x01", 12, { 9, 8, 2, 1 }, -1, 0,
			0 },
		/* national languages */
		{ "\x0B\x24\x01\x03\x25\x01\x01\x00\x03\x09\x02\x02", 12, { 9, 8, 2, 2 }, -1, 3,
			1 },
		{ "\x03\x24\x01\x02", 4, { 0 }, -1, 2, 0 },
		{ "\x03\x25\x01\xFF", 4, { 0 }, -1, 0, 255 }, /* reserved */
		{ "\x06\x24\x01\x02\x24\x01\x01", 7, { 0 }, -1, 1, 0 },
		{ "\x04\x24\x02\x02\x02", 5, { 0 }, -1, 0, 0 },
		{ "\x02\x25\x00", 3, { 0 }, -1, 0, 0 },
		{ "\x07\x24\x01\x02\x25\x01\x01\x00", 8, { 0 }, -1, 0, 0 }, /* broken: void */
		/* ports */
		{ "\x06\x05\x04\x0B\x84\x23\xF0", 7, { 0 }, 0x0B84, 0, 0 },
		{ "\x04\x04\x02\xF0\x01", 5, { 0 }, 0xF0, 0, 0 },
		{ "\x05\x04\x03\xF0\x01\x00", 6, { 0 }, -1, 0, 0 },
		{ "\x0B\x05\x04\x15\x8A\x00\x00\x00\x03\x01\x02\x02", 12, { 1, 8, 2, 2 }, 0x158A, 0,
			0 },
		/* elements that do not fill the header void it whole */
		{ "\x06\x00\x03\x2A\x03\x02\x00", 7, { 0 }, -1, 0, 0 },
		{ "\x07\x04\x02\xF0\x01\x70\x02\x00", 8, { 0 }, -1, 0, 0 },
		{ "\x05\x00\x04\x2A\x03\x02", 6, { 0 }, -1, 0, 0 },
		{ "\x05\x70\xFF\x2A\x03\x02", 6, { 0 }, -1, 0, 0 },
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
		assert_int_equal(pdu.single_shift, rows[i].single_shift);
		assert_int_equal(pdu.locking_shift, rows[i].locking_shift);
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
		bool has_header;
	} rows[] = {
		{ "00" A_TIME, "", 0, false }, /* no TP-UDL */
		{ "00" A_TIME "00", "", 0, false },
		{ "00" A_TIME "00D36413", "", 0, false },
		{ "00" A_TIME "03D36413FFFF", "SIM", 3, false },
		{ "00" A_TIME "02D36413", "SI", 2, false },
		{ "00" A_TIME "FFD36413", "SIM", 3, false },
		{ "00" A_TIME "0831D98C56B3DD00", "1234567@", 7, false }, /* the length says so */
		{ "00" A_TIME "0731D98C56B3DD00", "1234567", 7, false },
		{ "00" A_TIME "05", "", 0, false },
		{ "08" A_TIME "06004800690021", "Hi!", 6, false },
		{ "08" A_TIME "05004800690021", "Hi", 5, false },
		{ "08" A_TIME "8C004800690021", "Hi!", 6, false },
		{ "08" A_TIME "8C0048006900", "Hi", 5, false },
		{ "08" A_TIME "04004800690021", "Hi", 4, false },
		{ "04" A_TIME "03010203", "", 3, false },
		{ "04" A_TIME "09010203", "", 3, false },
		{ "00" A_TIME, "", 0, true },
		{ "08" A_TIME "00", "", 0, true },
		{ "00" A_TIME "0200A7", "", 2, true }, /* the header alone */
		{ "00" A_TIME "0100", "", 1, true },
		{ "00" A_TIME "040000320D", "Hi", 4, true },
		{ "00" A_TIME "04000032", "H", 3, true }, /* ends amid the second */
		{ "00" A_TIME "050000321D02FFFF", "Hi!", 5, true },
		{ "08" A_TIME "0300004800690021", "H", 3, true },
		{ "08" A_TIME "09000048006900", "Hi", 6, true },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct sms_pdu pdu;
		char hex[128];

		snprintf(hex, sizeof(hex), "00%s" FROM "00%s", rows[i].has_header ? "44" : "04",
			rows[i].tail);
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

/* Pictures, WAP push, what is meant for the SIM: nothing of it is text. */
static void data_stays_data(void **state)
{
	static const uint8_t octets[] = { 0x00, 0x80, 'A', 0xFF };
	static const struct {
		unsigned dcs;
		const char *header;
		size_t len;
		int port_to;
	} rows[] = {
		{ 0x04, "\x06\x05\x04\x0B\x84\x23\xF0", 7, 2948 },
		{ 0xF5, "\x06\x05\x04\x0B\x84\x23\xF0", 7, 2948 },
		{ 0xF5, "\x06\x05\x04\x15\x8A\x00\x00", 7, 5514 },
		{ 0xF6, "\x02\x70\x00", 3, -1 },
		{ 0x16, "", 0, -1 },
		{ 0x44, "\x03\x24\x01\x01", 4, -1 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct sms_pdu pdu;
		struct ud ud;

		ud_begin(&ud, rows[i].header, rows[i].len);
		ud_octets(&ud, octets, sizeof(octets));
		ud_must_read(&ud, rows[i].dcs, &pdu);
		assert_int_equal(pdu.alphabet, SMS_DATA);
		assert_int_equal(pdu.port_to, rows[i].port_to);
		assert_int_equal(pdu.ud_len - pdu.header_len, sizeof(octets));
		assert_memory_equal(pdu.ud + pdu.header_len, octets, sizeof(octets));
		assert_string_equal(text_of(&pdu), "");
	}
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
		{ "", 22, SMS_ERR_SHORT },
		{ "0", -1, SMS_ERR_ODD },
		{ "0G", -1, SMS_ERR_HEX },
		{ "00 4", -1, SMS_ERR_HEX },
		{ "00@4", -1, SMS_ERR_HEX },
		{ "00`4", -1, SMS_ERR_HEX },
		{ "00:4", -1, SMS_ERR_HEX },
		{ "00/4", -1, SMS_ERR_HEX },
		{ "00g4", -1, SMS_ERR_HEX },
		{ "00\xB4\xC4", -1, SMS_ERR_HEX },
		{ "01", -1, SMS_ERR_SMSC },
		{ "0004" FROM "0000" A_TIME "03D3641", -1, SMS_ERR_ODD },
		{ "00", -1, SMS_ERR_TRUNCATED },
		{ "0891515510", -1, SMS_ERR_SMSC },
		{ "0391515504", -1, SMS_ERR_TRUNCATED },
		{ "FFFFFFFFFFFF", -1, SMS_ERR_SMSC },
		{ "00FFFFFFFFFF", -1, SMS_ERR_ADDRESS },
		{ "000415912143658709214365870901", -1, SMS_ERR_ADDRESS },
		{ "0004" FROM "0000" A_TIME "03D36413", 23, SMS_ERR_SHORT },
		{ "0004" FROM "0000" A_TIME "03D36413", INT_MAX, SMS_ERR_SHORT },
		{ "0004" FROM "0000" A_TIME "03D36413", 17, SMS_ERR_TRUNCATED },
		{ "0004" FROM "0000" A_TIME "03D36413", 0, SMS_ERR_TRUNCATED },
		{ "0004" FROM "0000" A_TIME "03D36413", 22, SMS_OK },
		{ "03FFFFFF04" FROM "0000" A_TIME "03D36413", 22, SMS_OK },
		{ "03FFFFFF04" FROM "0000" A_TIME "03D36413", 23, SMS_ERR_SHORT },
		{ "0004" FROM "0000" A_TIME "03D36413", 400, SMS_ERR_SHORT },
		{ "0004" FROM "0020" A_TIME "03D36413", -1, SMS_ERR_COMPRESSED },
		{ "0044" FROM "0004" A_TIME "0305000302", -1, SMS_ERR_HEADER },
		{ "0044" FROM "0000" A_TIME "0CFF00000000000000000000", -1, SMS_ERR_HEADER },
		{ "0006", -1, SMS_ERR_TRUNCATED },
		{ "000607" FROM A_TIME, -1, SMS_ERR_TRUNCATED },
		{ "0001", -1, SMS_ERR_TRUNCATED },
		{ "001100" FROM "0000", -1, SMS_ERR_TRUNCATED },
		{ "001100" FROM "0028AA03D36413", -1, SMS_ERR_COMPRESSED },
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
		assert_int_equal(error, len % 2              ? SMS_ERR_ODD
					: len > 0 && len < 8 ? SMS_ERR_SMSC
					: len < mandatory    ? SMS_ERR_TRUNCATED
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
	assert_int_equal(sms_pdu_read(hex, 2 * 176, (int)strlen(tpdu) / 2 - 4, &pdu),
		SMS_OK); /* no TP-UDL */
	assert_string_equal(text_of(&pdu), "");
	assert_int_equal(sms_pdu_read(hex, 2 * SMS_PDU_MAX, -1, &pdu), SMS_OK);
	assert_int_equal(sms_pdu_read(hex, 2 * SMS_PDU_MAX + 2, -1, &pdu), SMS_ERR_LONG);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_read),
		cmocka_unit_test(names_are_read),
		cmocka_unit_test(times_are_read),
		cmocka_unit_test(every_coding_is_read),
		cmocka_unit_test(coding_groups_are_read),
		cmocka_unit_test(every_protocol_is_read),
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
