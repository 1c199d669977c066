/* fuzz_cmgl.c - a modem that prints any listing, in pieces of any size. */
#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "at/at_lex.h"
#include "base/fnv.h"
#include "modem/cmgl.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

struct reading {
	struct cmgl cmgl;
	struct cmgl_shorts shorts;
	unsigned headers, orphans, told;
	uint64_t hash;
};

static void mix(struct reading *reading, int64_t value)
{
	reading->hash = fnv_int(reading->hash, value);
}

static void on_entry(void *arg, const struct cmgl_entry *entry)
{
	struct reading *reading = arg;
	size_t digits = strlen(entry->hex);

	reading->told++;
	reading->orphans += entry->kind == CMGL_ORPHAN;
	assert(digits <= CMGL_DIGITS_MAX && (!entry->cut || digits == CMGL_DIGITS_MAX));
	for (size_t i = 0; i < digits; i++)
		assert(isxdigit((unsigned char)entry->hex[i]));
	if (entry->kind == CMGL_ORPHAN || entry->kind == CMGL_GARBLED) {
		assert(entry->index == -1 && entry->stat == -1 && entry->tpdu_len == -1);
		assert(entry->kind == CMGL_GARBLED ? digits == 0 : digits >= CMGL_ORPHAN_DIGITS);
	} else {
		assert(entry->index >= 0 && entry->index <= CMGL_INDEX_MAX);
		assert(entry->stat >= -1 && entry->stat <= 4);
		assert(entry->tpdu_len >= 0 && entry->tpdu_len <= CMGL_LENGTH_MAX);
	}
	if (entry->kind == CMGL_WHOLE && !entry->cut)
		assert((int)digits >= 2 * (1 + entry->tpdu_len));
	cmgl_shorts_again(&reading->shorts, reading->told / 7, entry->kind, entry);
	assert(reading->shorts.count <= CMGL_SHORTS_MAX);
	mix(reading, entry->kind);
	mix(reading, entry->index);
	mix(reading, entry->tpdu_len);
	reading->hash = fnv_text(reading->hash, entry->hex);
}

static void on_line(void *arg, const char *line, size_t len)
{
	struct reading *reading = arg;
	struct cmgl_pdu pdu;
	const char *rest;
	int tpdu_len;
	enum cmgl_direct kind = cmgl_direct_of(line, &tpdu_len, &rest);

	assert(len == strlen(line));
	if (kind == CMGL_CMT || kind == CMGL_CDS || kind == CMGL_CBM) {
		assert(tpdu_len >= 0 && tpdu_len <= CMGL_LENGTH_MAX);
		assert(rest > line && rest <= line + len);
		cmgl_pdu_begin(&pdu, tpdu_len, kind != CMGL_CBM);
		cmgl_pdu_add(&pdu, rest);
		mix(reading, cmgl_pdu_missing(&pdu));
	}
	if (strncmp(line, "+CMGL", 5) == 0) {
		reading->headers++;
		cmgl_header(&reading->cmgl, line);
	} else if (strcmp(line, "doubt") == 0) {
		cmgl_doubt(&reading->cmgl);
	} else {
		cmgl_bare(&reading->cmgl, line);
	}
}

/* step 0: pieces as long as their first byte says */
static uint64_t read_all(const uint8_t *bytes, size_t len, size_t step)
{
	static struct at_lex lex;
	struct reading reading = { .hash = FNV_START };

	lex = (struct at_lex) { 0 };
	cmgl_begin(&reading.cmgl, on_entry, &reading);
	for (size_t at = 0; at < len;) {
		size_t piece = step ? step : 1U + bytes[at] % 40U;
		if (piece > len - at)
			piece = len - at;
		at_lex_feed(&lex, bytes + at, piece, on_line, &reading);
		at += piece;
	}
	cmgl_end(&reading.cmgl);
	assert(reading.told <= reading.headers + reading.orphans);
	return reading.hash;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	uint64_t hash = read_all(bytes, len, len ? len : 1);

	assert(read_all(bytes, len, 1) == hash);
	assert(read_all(bytes, len, 0) == hash);
	return 0;
}
