/* test_sms_text.c - from user data to text: alphabets, national languages, joins, gaps, marks. */
#include "sms_fixture.h"

#include <stdlib.h>
#include <string.h>

#include "sms/gsm7.h"

/* -- alphabets ----------------------------------------------------------------------------- */

/* By the functions of the alphabet alone. */
static void text_must_be(
	unsigned locking, unsigned single, const char *septets, size_t len, const char *wanted)
{
	struct gsm7_tables tables = gsm7_tables((uint8_t)locking, (uint8_t)single);
	uint16_t units[128];
	char text[400];
	bool escape = false, whole;
	size_t count = gsm7_to_utf16((const uint8_t *)septets, len, &tables, &escape, units);

	assert_true(count <= len);
	assert_int_equal(escape, len > 0 && septets[len - 1] == GSM7_ESC &&
					 (len == 1 || septets[len - 2] != GSM7_ESC));
	utf16_to_utf8(units, count, text, sizeof(text), &whole);
	assert_true(whole);
	if (strcmp(text, wanted) != 0)
		fail_msg("languages %u, %u: \"%s\", wanted \"%s\"", locking, single, text, wanted);
}

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
		{ "x\x1B\x1B\x1B<", 5, "x [" },
		{ "x\x1B\x1B\x65", 4, "x e" },
		{ "x\x1B", 2, "x" },
		{ "\x1B", 1, "" },
		{ "", 0, "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		text_must_be(0, 0, rows[i].septets, rows[i].count, rows[i].text);
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

/* Every shift and every length around the 8 octets that are taken at once. */
static void septets_are_unpacked_at_any_bit(void **state)
{
	(void)state;
	for (unsigned skip = 0; skip < 7; skip++) {
		for (size_t count = 0; count <= 40; count++) {
			uint8_t octets[48] = { 0 }, out[48];
			size_t len = (skip + count * 7 + 7) / 8;
			uint8_t *exact = malloc(len > 0 ? len : 1);

			assert_non_null(exact);
			for (size_t bit = 0; bit < count * 7; bit++)
				if ((bit / 7 * 37 + 5) >> bit % 7 & 1)
					octets[(skip + bit) / 8] |=
						(uint8_t)(1 << (skip + bit) % 8);
			memcpy(exact, octets, len);
			assert_int_equal(gsm7_unpack(exact, len, skip, 48, out),
				(len * 8 - (len > 0 ? skip : 0)) / 7);
			for (size_t i = 0; i < count; i++)
				assert_int_equal(out[i], (i * 37 + 5) & 0x7F);
			free(exact);
		}
	}
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
		{ { 0xFEFF, 'a' }, 2,
			"\xEF\xBB\xBF"
			"a" },
		{ { 0, 0 }, 2, "" },
		{ { 0xFFFF }, 1, "\xEF\xBF\xBF" },
		{ { 0 }, 0, "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char text[32];
		bool whole = false;

		assert_int_equal(
			utf16_to_utf8(rows[i].units, rows[i].count, text, sizeof(text), &whole),
			strlen(rows[i].text));
		assert_true(whole);
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
		bool whole;

		memset(text, '#', sizeof(text));
		assert_int_equal(utf16_to_utf8(units, 4, text, size, &whole), lens[size]);
		assert_int_equal(whole, size > 8);
		if (size > 0)
			assert_int_equal(strlen(text), lens[size]);
		assert_int_equal(text[size], '#');
	}
}

/* -- national languages -------------------------------------------------------------------- */

/* A few places of every table, TS 23.038 A.2 and A.3; first, last, and where neighbours differ. */
static const struct language {
	unsigned id;
	const char *locking;
	size_t locking_len;
	const char *locking_text;
	const char *single;
	size_t single_len;
	const char *single_text;
} languages[] = {
	/* clang-format off */
	{ 1, "\x04\x07\x0B\x0C\x1C\x1D\x40\x60zi", 10, "€ıĞğŞşİçzi",
		"\x1B\x47\x1B\x49\x1B\x53\x1B\x63\x1B\x67\x1B\x69\x1B\x73\x1B\x65", 16, "ĞİŞçğış€" },
	{ 2, "\x04\x07\x0C\x60", 4, "èìø¿", /* has no locking table: default */
		"\x1B\x09\x1B\x41\x1B\x49\x1B\x4F\x1B\x55\x1B\x61\x1B\x69\x1B\x6F\x1B\x75", 18,
		"çÁÍÓÚáíóú" },
	{ 3, "\x04\x06\x12\x14\x15\x17\x18\x1A\x24\x5B\x5D\x60\x7B\x7D", 14, "êúªÀ∞\\€|ºÃÚ~ã`",
		"\x1B\x05\x1B\x0B\x1B\x0E\x1B\x12\x1B\x19\x1B\x1F\x1B\x41\x1B\x5B\x1B\x61\x1B\x7F", 20,
		"êÔÁΦΘÊÀÃÂâ" },
	{ 4, "\x00\x03\x0B\x0C\x2F\x40\x50\x5C\x60q\x7F", 11,
		"\u0981\u0985\u098C \u09A8\u09AC\u09BE \u09CEq\u09F1",
		"\x1B\x13\x1B\x19\x1B\x24\x1B\x2A\x1B\x34\x1B\x41", 12, "¡\u09E6\u09DF\u09E3\u09FAA" },
	{ 5, "\x00\x0C\x0E\x11\x40\x55\x60\x7F", 8, "\u0A81\u0A8D \u0A91\u0AAC\u0AC3\u0AD0\u0AF1",
		"\x1B\x00\x1B\x19\x1B\x1C\x1B\x25\x1B\x5A", 10, "@\u0964\u0AE6\u0AEFZ" },
	{ 6, "\x00\x01\x02\x03\x28\x29\x3C\x5C\x60\x7C\x7F", 11,
		"\u0901\u0902\u0903\u0905)(\u0929\u094A\u0950\u097B\u097F",
		"\x1B\x05\x1B\x1A\x1B\x26\x1B\x30\x1B\x3A", 10, "\"\u0965\u0951\u095B\u0971" },
	{ 7, "\x00\x01\x0E\x2B\x50\x5B\x60\x7F", 8, " \u0C82\u0C8E\u0CA6\u0CBE \u0CD5\u0CE3",
		"\x1B\x16\x1B\x1C\x1B\x26\x1B\x27\x1B\x2A", 10, "_\u0CE6\u0CDE\u0CF1\u0CF2" },
	{ 8, "\x00\x01\x12\x48\x4E\x60\x7F", 7, " \u0D02\u0D12\u0D34 \u0D57\u0D79",
		"\x1B\x25\x1B\x2A\x1B\x2E\x1B\x34", 8, "\u0D6F\u0D72\u0D7A\u0D7F" },
	{ 9, "\x00\x0F\x11\x40\x60\x7B\x7F", 7, "\u0B01\u0B0F \u0B2C\u0B56\u0B57\u0B63",
		"\x1B\x17\x1B\x1C\x1B\x26\x1B\x2A\x1B\x2C", 10, "#\u0B66\u0B5C\u0B5F\u0B71" },
	{ 10, "\x00\x08\x09\x0A\x3B\x4E\x60\x7F", 8, "\u0A01\u0A0A \n;\u0A3C\u0A51\u0A74",
		"\x1B\x1F\x1B\x26\x1B\x2C\x1B\x2D", 8, "\u0A69\u0A59\u0A5E\u0A75" },
	{ 11, "\x00\x01\x16\x1D\x42\x4C\x60\x7F", 8, " \u0B82 \u0B9C\u0BAE\u0BB8\u0BD0\u0BF9",
		"\x1B\x20\x1B\x26\x1B\x2D\x1B\x2E", 8, "\u0BEA\u0BF3\u0BF8\u0BFA" },
	{ 12, "\x00\x0C\x0E\x48\x4C\x60\x7F", 7, "\u0C01 \u0C0E \u0C38\u0C55\u0C63",
		"\x1B\x1C\x1B\x26\x1B\x2A\x1B\x32", 8, "\u0C66\u0C58\u0C78\u0C7F" },
	{ 13, "\x00\x01\x08\x1C\x3F\x40\x60\x7F", 8, "\u0627\u0622\u06C2\u068C?\u0635\u0654\u0670",
		"\x1B\x1A\x1B\x1C\x1B\x26\x1B\x34\x1B\x3F", 10, "\u0601\u06F0\u060C\u0640\u06D4" },
	/* clang-format on */
};

/* As a PDU: a header with the identifiers that are not 0, then septets. */
static void national_must_read(
	unsigned locking, unsigned single, const char *septets, size_t count, struct sms_pdu *out)
{
	uint8_t header[8] = { 0 };
	size_t len = 1;
	struct ud ud;

	if (single != 0) {
		memcpy(header + len, "\x24\x01", 2);
		header[len + 2] = (uint8_t)single;
		len += 3;
	}
	if (locking != 0) {
		memcpy(header + len, "\x25\x01", 2);
		header[len + 2] = (uint8_t)locking;
		len += 3;
	}
	header[0] = (uint8_t)(len - 1);
	ud_begin(&ud, header, len);
	ud_septets(&ud, septets, count);
	ud_must_read(&ud, 0, out);
	assert_int_equal(out->locking_shift, locking);
	assert_int_equal(out->single_shift, single);
}

static void every_language_is_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(languages); i++) {
		const struct language *row = &languages[i];
		struct sms_pdu pdu;

		assert_int_equal(row->id, i + 1);
		text_must_be(row->id, 0, row->locking, row->locking_len, row->locking_text);
		text_must_be(row->id, row->id, row->locking, row->locking_len, row->locking_text);
		text_must_be(0, row->id, row->single, row->single_len, row->single_text);
		text_must_be(row->id, row->id, row->single, row->single_len, row->single_text);
		national_must_read(row->id, 0, row->locking, row->locking_len, &pdu);
		assert_string_equal(text_of(&pdu), row->locking_text);
		national_must_read(0, row->id, row->single, row->single_len, &pdu);
		assert_string_equal(text_of(&pdu), row->single_text);
		national_must_read(row->id, row->id, row->single, row->single_len, &pdu);
		assert_string_equal(text_of(&pdu), row->single_text);
	}
}

/* What all tables share, and where one falls back to another. */
static void tables_fall_back(void **state)
{
	static const struct {
		unsigned locking, single;
		const char *septets;
		size_t count;
		const char *text;
	} rows[] = {
		{ 0, 1, "\x04\x1B\x04\x1B\x50", 5, "èèP" }, /* not in the single shift table */
		{ 3, 1, "\x04\x1B\x04\x1B\x47", 5, "êêĞ" }, /* the locking table's character */
		{ 6, 1, "\x1B\x03\x1B\x73", 4, "\u0905ş" },
		{ 1, 0, "\x1B\x53\x1B\x65\x1B\x40", 6, "S€|" }, /* the default extensions */
		{ 6, 0, "\x1B\x1C\x1B\x28", 4, "\u091B{" },
		{ 14, 14, "\x04\x1B\x65\x1B\x61", 5, "è€a" }, /* reserved: default */
		{ 255, 255, "\x04\x1B\x65\x1B\x61", 5, "è€a" },
		{ 0, 200, "\x40\x1B\x40", 3, "¡|" },
		{ 2, 3, "\x24\x1B\x24", 3, "¤¤" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		text_must_be(rows[i].locking, rows[i].single, rows[i].septets, rows[i].count,
			rows[i].text);
	for (unsigned id = 0; id < 256; id++) {
		text_must_be(id, id, "\n\x1B\x1B 09\r\x1B", 8, "\n  09\r");
		text_must_be(id, id, "az\x1B\x28\x1B\x2F\x1B\x3E\x1B\x65\x1B\x0A", 12, "az{\\]€\f");
	}
}

/* Each unit of each table is a character, and no table is shorter than it seems. */
static void tables_are_whole(void **state)
{
	(void)state;
	for (unsigned id = 0; id < 256; id++) {
		struct gsm7_tables tables = gsm7_tables((uint8_t)id, (uint8_t)id);

		for (size_t i = 0; i < 128; i++) {
			assert_int_not_equal(tables.basic[i], 0);
			assert_true(tables.basic[i] < 0xD800 && tables.extended[i] < 0xD800);
		}
		assert_int_equal(tables.basic[GSM7_ESC], ' ');
		assert_int_equal(tables.extended[GSM7_ESC], 0);
	}
}

/* -- UCS-2 --------------------------------------------------------------------------------- */

static void ucs2_is_read(void **state)
{
	static const struct {
		const char *octets;
		size_t len;
		const char *text;
	} rows[] = {
		{ "\x04\x1A\x04\x3E\x04\x34\0 \0"
		  "7",
			10, "Код 7" },
		{ "\xD8\x3D\xDE\x00", 4, "\xF0\x9F\x98\x80" },
		{ "\xD8\x3D\0!", 4, "\xEF\xBF\xBD!" },
		{ "\xDE\x00\xD8\x3D", 4, "\xEF\xBF\xBD\xEF\xBF\xBD" },
		{ "\0a\0\0\0b", 6, "ab" },
		{ "\0\0", 2, "" },
		{ "\xFF\xFF\xFF\xFE", 4, "\xEF\xBF\xBF\xEF\xBF\xBE" },
		{ "\xFE\xFF\0a\xFE\xFF", 6, "a\xEF\xBB\xBF" },
		{ "\xFE\xFF\xFE\xFF\0a", 6,
			"\xEF\xBB\xBF"
			"a" }, /* one mark is dropped */
		{ "\0a\0", 3, "a" },
		{ "\0", 1, "" },
		{ "", 0, "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct sms_pdu pdu;
		struct ud ud;

		ud_begin(&ud, NULL, 0);
		ud_octets(&ud, rows[i].octets, rows[i].len);
		ud_must_read(&ud, 0x08, &pdu);
		assert_string_equal(text_of(&pdu), rows[i].text);
		ud_must_read(&ud, 0xE8, &pdu); /* message waiting */
		assert_string_equal(text_of(&pdu), rows[i].text);
	}
}

/* -- joins --------------------------------------------------------------------------------- */

struct piece {
	unsigned dcs;        /* GAP: the part is missing */
	const char *content; /* septets or octets */
	size_t len;
	unsigned language; /* of both tables */
};

enum { GAP = 256 };

/* clang-format off */
#define LANGUAGE(id, content) { 0, content, sizeof(content) - 1, id }
#define SEPTETS(content)      LANGUAGE(0, content)
#define UCS2(content)         { 8, content, sizeof(content) - 1, 0 }
#define DATA(content)         { 4, content, sizeof(content) - 1, 0 }
#define MISSING               { GAP, "", 0, 0 }
/* clang-format on */

static void piece_read(const struct piece *piece, unsigned seq, struct sms_pdu *out)
{
	uint8_t header[] = { 11, 0, 3, 9, 3, (uint8_t)seq, 0x24, 1, (uint8_t)piece->language, 0x25,
		1, (uint8_t)piece->language };
	struct ud ud;

	ud_begin(&ud, header, sizeof(header));
	if (piece->dcs == 0)
		ud_septets(&ud, piece->content, piece->len);
	else
		ud_octets(&ud, piece->content, piece->len);
	ud_must_read(&ud, piece->dcs, out);
	assert_int_equal(out->concat.seq, seq);
}

/* The text, and that any shorter buffer gets the begin of it. */
static void join_must_be(const struct sms_pdu *const *parts, size_t count, const char *wanted)
{
	size_t size = count * SMS_TEXT_MAX;
	char *text = malloc(size);
	size_t whole;

	assert_non_null(text);
	whole = sms_text(parts, count, text, size);
	assert_string_equal(text, wanted);
	assert_int_equal(whole, strlen(wanted));
	for (size_t cut = 0; cut <= whole; cut++) {
		memset(text, '#', size);
		assert_true(cut == 0 || sms_text(parts, count, text, cut) < cut);
		assert_int_equal(text[cut], '#');
		assert_true(
			cut == 0 || (utf8_valid(text) && strncmp(text, wanted, strlen(text)) == 0));
	}
	free(text);
}

static void parts_are_joined(void **state)
{
	static const struct {
		struct piece pieces[3];
		const char *text;
	} rows[] = {
		{ { SEPTETS("one "), SEPTETS("two "), SEPTETS("three") }, "one two three" },
		{ { SEPTETS("a\x1B"), SEPTETS("\x65x"), SEPTETS("\x1B") }, "a€x" },
		{ { SEPTETS("a\x1B"), SEPTETS(""), SEPTETS("<b") }, "a[b" },
		{ { UCS2("\0a\xD8\x3D"), UCS2("\xDE\x00\xD8\x3D"), UCS2("\xDE\x01") },
			"a\xF0\x9F\x98\x80\xF0\x9F\x98\x81" },
		{ { UCS2("\xD8\x3D"), UCS2(""), UCS2("\xDE\x00") }, "\xF0\x9F\x98\x80" },
		{ { UCS2("\xD8\x3D"), UCS2("\0!"), UCS2("\xD8\x3D") },
			"\xEF\xBF\xBD!\xEF\xBF\xBD" },
		{ { UCS2("\xFE\xFF\xD8\x3D"), UCS2("\xFE\xFF\xDE\x00"), SEPTETS("!") },
			"\xF0\x9F\x98\x80!" },
		{ { SEPTETS("a\x1B"), UCS2("\x04\x2F"), SEPTETS("e") }, "aЯe" },
		{ { SEPTETS("a"), DATA("data"), SEPTETS("b") }, "ab" },
		{ { UCS2("\0a\0"), UCS2("\0b"), UCS2("\0c") }, "abc" },
		/* nothing is carried over data */
		{ { SEPTETS("a\x1B"), DATA("data"), SEPTETS("\x65") }, "ae" },
		{ { UCS2("\xD8\x3D"), DATA("data"), UCS2("\xDE\x00") },
			"\xEF\xBF\xBD\xEF\xBF\xBD" },
		/* two escapes, the second of them in the next part */
		{ { SEPTETS("a\x1B"), SEPTETS("\x1B\x1B"), SEPTETS("\x65") }, "a €" },
		/* each part by its own tables, a carried escape by those of the part it meets */
		{ { LANGUAGE(1, "\x04\x1BS"), SEPTETS("\x04\x1BS"), LANGUAGE(3, "\x04\x1B\x0B") },
			"€ŞèSêÔ" },
		{ { SEPTETS("\x1B"), LANGUAGE(1, "SS\x1B"), SEPTETS("S") }, "ŞSS" },
		{ { LANGUAGE(6, "\x03"), UCS2("\x09\x05"), LANGUAGE(4, "\x03") },
			"\u0905\u0905\u0985" },
		/* gaps */
		{ { MISSING, SEPTETS("two "), SEPTETS("three") }, "[...]two three" },
		{ { SEPTETS("one "), MISSING, SEPTETS("three") }, "one [...]three" },
		{ { SEPTETS("one "), SEPTETS("two "), MISSING }, "one two [...]" },
		{ { SEPTETS("one "), MISSING, MISSING }, "one [...]" },
		{ { MISSING, MISSING, SEPTETS("three") }, "[...]three" },
		{ { MISSING, UCS2("\x04\x2F"), MISSING }, "[...]Я[...]" },
		{ { MISSING, MISSING, MISSING }, "[...]" },
		{ { MISSING, DATA("data"), MISSING }, "[...][...]" },
		{ { SEPTETS("a\x1B"), MISSING, SEPTETS("\x65") }, "a[...]e" },
		{ { UCS2("\0a\xD8\x3D"), MISSING, UCS2("\xDE\x00\0b") },
			"a\xEF\xBF\xBD[...]\xEF\xBF\xBD"
			"b" },
		{ { UCS2("\xD8\x3D"), UCS2(""), MISSING }, "\xEF\xBF\xBD[...]" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct sms_pdu pdus[3];
		const struct sms_pdu *parts[3] = { NULL };

		for (unsigned j = 0; j < 3; j++) {
			if (rows[i].pieces[j].dcs == GAP)
				continue;
			piece_read(&rows[i].pieces[j], j + 1, &pdus[j]);
			parts[j] = &pdus[j];
		}
		join_must_be(parts, 3, rows[i].text);
	}
}

static void no_parts_are_an_empty_text(void **state)
{
	char text[4] = "###";

	(void)state;
	assert_int_equal(sms_text(NULL, 0, text, sizeof(text)), 0);
	assert_string_equal(text, "");
	assert_int_equal(sms_text(NULL, 0, text, 0), 0);
	assert_int_equal(sms_text(NULL, 0, text, 1), 0);
}

static void a_part_alone_is_marked(void **state)
{
	static const struct {
		unsigned total, seq;
		struct piece piece;
		const char *text;
	} rows[] = {
		{ 3, 2, SEPTETS("text"), "[2/3] text" },
		{ 2, 1, SEPTETS(""), "[1/2] " },
		{ 10, 9, SEPTETS("a\x1B"), "[9/10] a" },
		{ 100, 10, UCS2("\xDE\x00\xD8\x3D"), "[10/100] \xEF\xBF\xBD\xEF\xBF\xBD" },
		{ 255, 255, LANGUAGE(6, "\x03"), "[255/255] \u0905" },
		{ 255, 101, DATA("data"), "[101/255] " },
		{ 1, 1, SEPTETS("text"), "text" }, /* whole */
		{ 0, 0, SEPTETS("text"), "text" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char text[SMS_TEXT_MAX];
		size_t len = strlen(rows[i].text);
		struct sms_pdu pdu;

		piece_read(&rows[i].piece, 1, &pdu);
		pdu.concat.total = (uint8_t)rows[i].total;
		pdu.concat.seq = (uint8_t)rows[i].seq;
		assert_int_equal(sms_part_text(&pdu, text, sizeof(text)), len);
		assert_string_equal(text, rows[i].text);
		for (size_t size = 0; size <= len; size++) {
			memset(text, '#', sizeof(text));
			assert_true(size == 0 || sms_part_text(&pdu, text, size) < size);
			assert_int_equal(text[size], '#');
			assert_true(size == 0 || (utf8_valid(text) && strncmp(text, rows[i].text,
									      strlen(text)) == 0));
		}
	}
}

/* The longest text that a part can have: every septet three octets. */
static void the_longest_part_fits(void **state)
{
	char septets[160], text[SMS_TEXT_MAX];
	struct sms_pdu pdu;
	struct ud ud;

	(void)state;
	memset(septets, 0x03, sizeof(septets));
	ud_begin(&ud, NULL, 0);
	ud_septets(&ud, septets, sizeof(septets));
	ud_must_read(&ud, 0, &pdu);
	pdu.locking_shift = 6;
	pdu.concat = (struct sms_concat) { 1, 8, 255, 255 };
	assert_int_equal(sms_part_text(&pdu, text, sizeof(text)), 10 + 3 * 160);
	assert_int_equal(strlen(text), 10 + 3 * 160);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(septets_become_text),
		cmocka_unit_test(septets_are_unpacked),
		cmocka_unit_test(septets_are_unpacked_at_any_bit),
		cmocka_unit_test(units_become_valid_utf8),
		cmocka_unit_test(utf8_is_cut_at_a_border),
		cmocka_unit_test(every_language_is_read),
		cmocka_unit_test(tables_fall_back),
		cmocka_unit_test(tables_are_whole),
		cmocka_unit_test(ucs2_is_read),
		cmocka_unit_test(parts_are_joined),
		cmocka_unit_test(no_parts_are_an_empty_text),
		cmocka_unit_test(a_part_alone_is_marked),
		cmocka_unit_test(the_longest_part_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
