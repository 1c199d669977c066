/* test_cmgl.c - listings and texts shown unasked, in the shapes that modems print. */
#include <stdio.h>
#include <string.h>

#include "modem/cmgl.h"
#include "unit.h"

/* An SMS-DELIVER without an SMSC field: 18 octets */
#define PDU  "00040381214300006211120900008002E131"
#define PDU2 "00040381214300006211120900008002E231"

/* ---- listings ------------------------------------------------------------------------------- */

static char told[4096];

static void on_entry(void *arg, const struct cmgl_entry *entry)
{
	static const char *const kinds[] = { "whole", "short", "orphan", "garbled" };
	size_t len = strlen(told);

	assert_ptr_equal(arg, told);
	snprintf(told + len, sizeof told - len, "%s%s %d,%d,%d %s;", kinds[entry->kind],
		entry->cut ? " cut" : "", entry->index, entry->stat, entry->tpdu_len, entry->hex);
}

/* Each line is given to the header's function or the other, as the engine does; one that is not
 * taken is told as "?LINE". The lines are separated by "|". */
static void list(const char *lines)
{
	struct cmgl cmgl;
	char copy[4096], *rest = copy, *line;

	told[0] = '\0';
	snprintf(copy, sizeof copy, "%s", lines);
	cmgl_begin(&cmgl, on_entry, told);
	while ((line = strsep(&rest, "|"))) {
		size_t len = strlen(told);
		if (strcmp(line, "doubt") == 0)
			cmgl_doubt(&cmgl);
		else if (strncmp(line, "+CMGL", 5) == 0)
			cmgl_header(&cmgl, line);
		else if (!cmgl_bare(&cmgl, line))
			snprintf(told + len, sizeof told - len, "?%s;", line);
	}
	cmgl_end(&cmgl);
}

#define WHOLE(INDEX, STAT) "whole " INDEX "," STAT ",17 " PDU ";"

static const struct {
	const char *lines, *told;
} listings[] = {
	/* 27.005 as it is written, and as it is printed */
	{ "+CMGL: 1,0,,17|" PDU, WHOLE("1", "0") },
	{ "+CMGL: 1,0,\"\",17|" PDU, WHOLE("1", "0") },
	{ "+CMGL:0,1,,17|" PDU, WHOLE("0", "1") },
	{ "+CMGL: 17,3,17|" PDU, WHOLE("17", "3") },
	{ "+CMGL:5,1,17|" PDU, WHOLE("5", "1") },
	{ "+CMGL: 12 , 1 , , 17|" PDU, WHOLE("12", "1") },
	{ "+CMGL: 9,,,17|" PDU, WHOLE("9", "-1") },
	{ "+CMGL: 9,7,,17|" PDU, WHOLE("9", "-1") },
	{ "+CMGL: 9,17|" PDU, WHOLE("9", "-1") },
	{ "+CMGL 2,0,,17|" PDU, WHOLE("2", "0") },
	/* a name holds anything */
	{ "+CMGL: 1,1,\"Ann\",17|" PDU, WHOLE("1", "1") },
	{ "+CMGL: 1,1,\"Doe, Jane, 3\",17|" PDU, WHOLE("1", "1") },
	{ "+CMGL: 1,1,\"Jo\"hn, jr\",17|" PDU, WHOLE("1", "1") },
	{ "+CMGL: 1,1,Jo\"hn, jr,17|" PDU, WHOLE("1", "1") },
	{ "+CMGL: 1,1,\"OK\",17|" PDU, WHOLE("1", "1") },
	{ "+CMGL: 1,1,004A006F,17|" PDU, WHOLE("1", "1") },
	/* one line; several lines; others between them */
	{ "+CMGL: 1,0,,17 " PDU, WHOLE("1", "0") },
	{ "+CMGL: 1,0,,17   " PDU, WHOLE("1", "0") },
	{ "+CMGL: 1,0,,17|0004038121|43000062111209|00008002E131", WHOLE("1", "0") },
	{ "+CMGL: 1,0,,17|0|00403812143000062111209|00008002E131", WHOLE("1", "0") },
	{ "+CMGL: 1,0,,17|00040381|^RSSI:18|+CREG: 1|2143000062111209|RING|00008002E131",
		"?^RSSI:18;?+CREG: 1;?RING;" WHOLE("1", "0") },
	{ "+CMGL: 1,0,,17 00040381|214300006211120900008002E131", WHOLE("1", "0") },
	{ "+CMGL: 1,0,,17 ^BOOT:1|" PDU, WHOLE("1", "0") },
	{ "+CMGL: 1,0,,17|" PDU "|+CMGL: 2,0,,17|" PDU2, WHOLE("1", "0") "whole 2,0,17 " PDU2 ";" },
	/* an SMSC field counts by its own length; either case */
	{ "+CMGL: 1,0,,3|0791abcdefABCDEF040381|", "whole 1,0,3 0791abcdefABCDEF040381;?;" },
	{ "+CMGL: 1,0,,2|0a|00112233445566778899aa|bb", "whole 1,0,2 0a00112233445566778899aabb;" },
	/* filler: on the line it is kept, behind it it is nothing */
	{ "+CMGL: 1,0,,17|" PDU "FFFFFF", "whole 1,0,17 " PDU "FFFFFF;" },
	{ "+CMGL: 1,0,,17|" PDU "FFFF|FFFFFFFFFFFFFFFFFFFFff|FF", "whole 1,0,17 " PDU "FFFF;" },
	{ "FFFFFFFFFFFFFFFFFFFF", "orphan -1,-1,-1 FFFFFFFFFFFFFFFFFFFF;" },
	/* lost bytes */
	{ "+CMGL: 1,0,,17|0004038121430000621112090000800", "short 1,0,17 "
							    "0004038121430000621112090000800;" },
	{ "+CMGL: 1,0,,17|000403|+CMGL: 2,0,,17|" PDU2,
		"short 1,0,17 000403;whole 2,0,17 " PDU2 ";" },
	{ "+CMGL: 1,0,,17|+CMGL: 2,0,,17|" PDU2, "short 1,0,17 ;whole 2,0,17 " PDU2 ";" },
	{ "+CMGL: 1,0,,17", "short 1,0,17 ;" },
	{ PDU, "orphan -1,-1,-1 " PDU ";" },
	{ "+CMGL: 1,0,,17|" PDU "|" PDU2, WHOLE("1", "0") "orphan -1,-1,-1 " PDU2 ";" },
	{ "0004038121", "?0004038121;" },
	{ "240010000000017", "?240010000000017;" },
	/* what cannot be told */
	{ "+CMGL: junk", "garbled -1,-1,-1 ;" },
	{ "+CMGL: ", "garbled -1,-1,-1 ;" },
	{ "+CMGL:", "garbled -1,-1,-1 ;" },
	{ "+CMGL: 17", "garbled -1,-1,-1 ;" },
	{ "+CMGL: -1,0,,17", "garbled -1,-1,-1 ;" },
	{ "+CMGL: 1x,0,,17", "garbled -1,-1,-1 ;" },
	{ "+CMGL: 65536,0,,17", "garbled -1,-1,-1 ;" },
	{ "+CMGL: 99999999999999999999,0,,17", "garbled -1,-1,-1 ;" },
	{ "+CMGL: 1,0,,", "garbled -1,-1,-1 ;" },
	{ "+CMGL: 1,0,,17x", "garbled -1,-1,-1 ;" },
	{ "+CMGL: 1,0,,-17", "garbled -1,-1,-1 ;" },
	{ "+CMGL: 1,0,,2001", "garbled -1,-1,-1 ;" },
	{ "+CMGL: 1,0,,99999999999999999999", "garbled -1,-1,-1 ;" },
	{ "+CMGL: 1,0,\"Jo,17\"", "garbled -1,-1,-1 ;" },
	{ "+CMGL: 8,\"REC READ\",\"+4670\",\"\",\"23/02/09,13:42:18+04\"|hello",
		"garbled -1,-1,-1 ;?hello;" },
	{ "+CMGL: 1,0,,1x|" PDU "|+CMGL: 2,0,,17|" PDU2,
		"garbled -1,-1,-1 ;orphan -1,-1,-1 " PDU ";whole 2,0,17 " PDU2 ";" },
	/* digits that may be another's make no whole entry; the next one is told as ever */
	{ "+CMGL: 1,0,,17|000403|doubt|8121430000|62111209000080|02E131|+CMGL: 2,0,,17|" PDU2,
		"short 1,0,17 " PDU ";whole 2,0,17 " PDU2 ";" },
	{ "doubt|+CMGL: 1,0,,17|" PDU, WHOLE("1", "0") },
};

static void test_listings(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(listings); i++) {
		list(listings[i].lines);
		if (strcmp(told, listings[i].told) != 0)
			fail_msg("%s\n gives %s\n not   %s", listings[i].lines, told,
				listings[i].told);
	}
}

/* More than is kept: cut at whole octets, and said so; the rest of it is not taken for more. */
static void test_what_is_too_long_is_cut(void **state)
{
	struct cmgl_pdu pdu;
	char line[1200], many[601];

	(void)state;
	memset(many, '7', sizeof many - 1);
	many[600] = '\0';
	snprintf(line, sizeof line, "+CMGL: 1,0,,299|00%s", many); /* 602 digits, 600 announced */
	list(line);
	assert_int_equal(strncmp(told, "whole cut 1,0,299 0077", 22), 0);
	assert_int_equal(strlen(told), strlen("whole cut 1,0,299 ;") + CMGL_DIGITS_MAX);
	snprintf(line, sizeof line, "+CMGL: 1,0,,299|00%.300s|%.298s", many, many);
	list(line);
	assert_int_equal(strncmp(told, "whole cut 1,0,299 0077", 22), 0);
	snprintf(line, sizeof line, "+CMGL: 1,0,,299|00%.300s|%.200s", many, many);
	list(line);
	assert_int_equal(strncmp(told, "short cut 1,0,299 0077", 22), 0);
	snprintf(line, sizeof line, "%s", many);
	list(line);
	assert_int_equal(strncmp(told, "orphan cut -1,-1,-1 7777", 24), 0);

	cmgl_pdu_begin(&pdu, CMGL_LENGTH_MAX, true);
	for (int i = 0; i < 4000; i++) /* it is counted no further, and nothing overflows */
		assert_true(cmgl_pdu_add(&pdu, many));
	assert_true(cmgl_pdu_missing(&pdu) < 0);
	assert_int_equal(strlen(pdu.hex), CMGL_DIGITS_MAX);
}

static void test_digits(void **state)
{
	struct cmgl_pdu pdu;

	(void)state;
	cmgl_pdu_begin(&pdu, 17, true);
	assert_int_equal(cmgl_pdu_missing(&pdu), 36); /* at least */
	assert_false(cmgl_pdu_add(&pdu, ""));
	assert_false(cmgl_pdu_add(&pdu, "07 91"));
	assert_false(cmgl_pdu_add(&pdu, "079g"));
	assert_int_equal(pdu.seen, 0);
	assert_true(cmgl_pdu_add(&pdu, "07"));
	assert_int_equal(cmgl_pdu_missing(&pdu), 2 * (1 + 7 + 17) - 2);
	cmgl_pdu_begin(&pdu, 3, false);
	assert_true(cmgl_pdu_add(&pdu, "0711223"));
	assert_int_equal(cmgl_pdu_missing(&pdu), -1);
}

/* ---- short entries -------------------------------------------------------------------------- */

static void test_short_entries_are_remembered(void **state)
{
	struct cmgl_shorts shorts = { 0 };
	struct cmgl_entry entry = { CMGL_SHORT, 3, 0, 17, false, "000403" };
	struct cmgl_entry other = { CMGL_SHORT, 3, 0, 17, false, "000404" };

	(void)state;
	assert_false(cmgl_shorts_again(&shorts, 1, 0, &entry));
	assert_false(cmgl_shorts_again(&shorts, 1, 0, &entry)); /* twice in one listing */
	assert_false(cmgl_shorts_again(&shorts, 2, 0, &other));
	assert_false(cmgl_shorts_again(&shorts, 2, 1, &entry)); /* another memory */
	entry.index = 4;
	assert_false(cmgl_shorts_again(&shorts, 2, 0, &entry));
	entry.index = 3;
	assert_true(cmgl_shorts_again(&shorts, 2, 0, &entry));
	cmgl_shorts_age(&shorts, 4, 1);
	assert_int_equal(shorts.count, 0);
	assert_false(cmgl_shorts_again(&shorts, 4, 0, &other));
	for (int i = 0; i < 2 * CMGL_SHORTS_MAX; i++) {
		entry.index = 100 + i;
		assert_false(cmgl_shorts_again(&shorts, 5, 0, &entry));
	}
	assert_int_equal(shorts.count, CMGL_SHORTS_MAX);
	assert_true(cmgl_shorts_again(&shorts, 6, 0, &other));
}

/* ---- texts shown unasked -------------------------------------------------------------------- */

static void test_headers_of_texts_shown_unasked(void **state)
{
	static const struct {
		const char *line;
		enum cmgl_direct kind;
		int tpdu_len;
		const char *rest;
	} rows[] = {
		{ "+CMT: ,24", CMGL_CMT, 24, "" },
		{ "+CMT: 24", CMGL_CMT, 24, "" },
		{ "+CMT:,24", CMGL_CMT, 24, "" },
		{ "+CMT:24", CMGL_CMT, 24, "" },
		{ "+CMT: \"\",24", CMGL_CMT, 24, "" },
		{ "+CMT: \"Ann\",24", CMGL_CMT, 24, "" },
		{ "+CMT: \"Doe, \"J\", 7\",24", CMGL_CMT, 24, "" },
		{ "+CMT: ,24 " PDU, CMGL_CMT, 24, PDU },
		{ "+CDS: 25", CMGL_CDS, 25, "" },
		{ "+CDS:25", CMGL_CDS, 25, "" },
		{ "+CDS: ,25", CMGL_CDS, 25, "" },
		{ "+CBM: 88", CMGL_CBM, 88, "" },
		/* text mode, with +CSDH=0 and 1; and what is no length */
		{ "+CMT: \"+46700100201\",,\"23/02/09,13:42:18+04\"", CMGL_NO_PDU, 0, NULL },
		{ "+CMT: \"+46700100201\",,\"23/02/09,13:42:18+04\",145,4,0,0,\"+467\",145,11",
			CMGL_NO_PDU, 0, NULL },
		{ "+CDS: 6,9,\"+467\",145,\"23/02/09,13:42:18+04\",\"23/02/09,13:42:19+04\",0",
			CMGL_NO_PDU, 0, NULL },
		{ "+CBM: 12,50,1,1,1", CMGL_NO_PDU, 0, NULL },
		{ "+CMT: \"+46700100201\",", CMGL_NO_PDU, 0, NULL },
		{ "+CMT:", CMGL_NO_PDU, 0, NULL },
		{ "+CDS: x", CMGL_NO_PDU, 0, NULL },
		{ "+CMT: ,2001", CMGL_NO_PDU, 0, NULL },
		{ "+CMT: ,-1", CMGL_NO_PDU, 0, NULL },
		/* others */
		{ "+CMTI: \"SM\",3", CMGL_NOT_DIRECT, 0, NULL },
		{ "+CDSI: \"SM\",3", CMGL_NOT_DIRECT, 0, NULL },
		{ "+CMGL: 1,0,,24", CMGL_NOT_DIRECT, 0, NULL },
		{ PDU, CMGL_NOT_DIRECT, 0, NULL },
		{ "+", CMGL_NOT_DIRECT, 0, NULL },
		{ "", CMGL_NOT_DIRECT, 0, NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		int tpdu_len = 0;
		const char *rest = NULL;
		enum cmgl_direct kind = cmgl_direct_of(rows[i].line, &tpdu_len, &rest);
		if (kind != rows[i].kind || tpdu_len != rows[i].tpdu_len)
			fail_msg("%s: %d, %d", rows[i].line, kind, tpdu_len);
		if (rows[i].rest)
			assert_string_equal(rest, rows[i].rest);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_listings),
		cmocka_unit_test(test_what_is_too_long_is_cut),
		cmocka_unit_test(test_digits),
		cmocka_unit_test(test_short_entries_are_remembered),
		cmocka_unit_test(test_headers_of_texts_shown_unasked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
