/* test_cmgl_shared.c - listings and texts shown unasked by real modems, where they are present. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "at/at_lex.h"
#include "modem/cmgl.h"
#include "shared_fixture.h"

static cJSON *samples, *transcripts;

/* ---- texts ---------------------------------------------------------------------------------- */

/* What a listing told, in its order. */
static struct {
	int index[64], stat[64];
	char hex[64][CMGL_DIGITS_MAX + 1];
	int count;
} shown;

static struct cmgl listing;
static struct cmgl_pdu direct; /* a text shown unasked in the middle of it */
static bool directing;

static void on_entry(void *arg, const struct cmgl_entry *entry)
{
	(void)arg;
	if (entry->kind == CMGL_ORPHAN || entry->kind == CMGL_GARBLED)
		return;
	assert_true(shown.count < 64);
	shown.index[shown.count] = entry->index;
	shown.stat[shown.count] = entry->stat;
	strcpy(shown.hex[shown.count++], entry->hex);
}

static void list_line(const char *line)
{
	const char *rest;
	int tpdu_len;
	enum cmgl_direct kind = cmgl_direct_of(line, &tpdu_len, &rest);

	if (kind != CMGL_NOT_DIRECT && kind != CMGL_NO_PDU) {
		cmgl_pdu_begin(&direct, tpdu_len, kind != CMGL_CBM);
		directing = true;
	} else if (directing && cmgl_pdu_add(&direct, line)) {
		directing = cmgl_pdu_missing(&direct) > 0;
	} else if (strncmp(line, "+CMGL", 5) == 0) {
		cmgl_header(&listing, line);
	} else {
		cmgl_bare(&listing, line);
	}
}

static void list_begin(void)
{
	memset(&shown, 0, sizeof shown);
	directing = false;
	cmgl_begin(&listing, on_entry, NULL);
}

/* Each entry that the sample names must have been told, in its order. */
static void compare(const char *id, const cJSON *entries)
{
	const cJSON *want;
	int n = 0;

	cJSON_ArrayForEach(want, entries)
	{
		const cJSON *index = cJSON_GetObjectItem(want, "index");
		const cJSON *stat = cJSON_GetObjectItem(want, "status");
		const char *pdu = shared_text(want, "pdu");
		if (n == shown.count)
			fail_msg("%s: %d entries", id, n);
		if (cJSON_IsNumber(index))
			assert_int_equal(shown.index[n], index->valueint);
		if (cJSON_IsNumber(stat))
			assert_int_equal(shown.stat[n], stat->valueint);
		if (*pdu && strcmp(shown.hex[n], pdu) != 0)
			fail_msg("%s: %s", id, shown.hex[n]);
		n++;
	}
	if (cJSON_IsArray(entries) && n != shown.count)
		fail_msg("%s: %d entries too many", id, shown.count - n);
}

/* Answers of AT+CMGR have no index; the rest is the same. */
static void sms_list(const cJSON *sample)
{
	const cJSON *line;
	char text[AT_LINE_MAX];

	list_begin();
	cJSON_ArrayForEach(line, cJSON_GetObjectItem(sample, "lines"))
	{
		const char *said = line->valuestring;
		if (strncmp(said, "+CMGR:", 6) == 0)
			snprintf(text, sizeof text, "+CMGL: 7,%s", said + strcspn(said, ":") + 2);
		else
			snprintf(text, sizeof text, "%s", said);
		list_line(text);
	}
	cmgl_end(&listing);
	if (cJSON_IsArray(cJSON_GetObjectItem(sample, "parsed")))
		compare(shared_text(sample, "id"), cJSON_GetObjectItem(sample, "parsed"));
}

static void sms_urc(const cJSON *sample)
{
	const cJSON *lines = cJSON_GetObjectItem(sample, "lines");
	const cJSON *len = cJSON_GetObjectItem(cJSON_GetObjectItem(sample, "parsed"), "length");
	const char *header = cJSON_GetArrayItem(lines, 0)->valuestring, *rest;
	const cJSON *digits = cJSON_GetArrayItem(lines, 1);
	int tpdu_len;
	enum cmgl_direct kind = cmgl_direct_of(header, &tpdu_len, &rest);

	if (strchr(header, ':') != header + 4) {
		assert_int_equal(kind, CMGL_NOT_DIRECT);
	} else if (!cJSON_IsNumber(len)) {
		assert_int_equal(kind, CMGL_NO_PDU);
	} else {
		assert_int_equal(tpdu_len, len->valueint);
		cmgl_pdu_begin(&direct, tpdu_len, kind != CMGL_CBM);
		assert_true(cmgl_pdu_add(&direct, digits->valuestring));
		assert_int_equal(cmgl_pdu_missing(&direct), 0);
	}
}

static void on_line(void *arg, const char *line, size_t len)
{
	(void)arg, (void)len;
	list_line(line);
}

static void test_listings_of_real_modems(void **state)
{
	const cJSON *one, *step, *piece;
	int checked = 0;

	(void)state;
	if (!transcripts) {
		print_message("shared data absent: skipped\n");
		skip();
	}
	cJSON_ArrayForEach(one, cJSON_GetObjectItem(transcripts, "transcripts"))
	{
		const cJSON *want =
			cJSON_GetObjectItem(cJSON_GetObjectItem(one, "expected"), "messages");
		static struct at_lex lex;
		if (!cJSON_IsArray(want))
			continue;
		lex = (struct at_lex) { 0 };
		list_begin();
		cJSON_ArrayForEach(step, cJSON_GetObjectItem(one, "steps"))
			cJSON_ArrayForEach(piece, cJSON_GetObjectItem(step, "rx"))
				at_lex_feed(&lex, (const uint8_t *)piece->valuestring,
					strlen(piece->valuestring), on_line, NULL);
		cmgl_end(&listing);
		compare(shared_text(one, "id"), want);
		checked++;
	}
	print_message("%d listings\n", checked);
	assert_true(checked > 5);
}

/* ---- samples -------------------------------------------------------------------------------- */

static void test_answers_of_real_modems(void **state)
{
	const cJSON *sample;
	int checked = 0;

	(void)state;
	if (!samples) {
		print_message("shared data absent: skipped\n");
		skip();
	}
	cJSON_ArrayForEach(sample, cJSON_GetObjectItem(samples, "samples"))
	{
		const char *group = shared_text(sample, "group");
		void (*check)(const cJSON *sample) = strcmp(group, "sms_list") == 0  ? sms_list
						     : strcmp(group, "urc_sms") == 0 ? sms_urc
										     : NULL;
		if (!check)
			continue;
		check(sample);
		checked++;
	}
	print_message("%d samples\n", checked);
	assert_true(checked > 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_answers_of_real_modems),
		cmocka_unit_test(test_listings_of_real_modems) };
	int failed;

	samples = shared_read("at_responses.json");
	transcripts = shared_read("at_transcripts.json");
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	cJSON_Delete(samples);
	cJSON_Delete(transcripts);
	return failed;
}
