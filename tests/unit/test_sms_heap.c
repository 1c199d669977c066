/* test_sms_heap.c - reading a PDU and its text touches no heap, whatever the input.
 *
 * The linker turns each call of an allocation function, the sms library's too, into a call of one
 * of those below (--wrap). They count what is called while `guarded` is set. */
#include "sms_fixture.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INPUT_MAX = 512, RANDOM_COUNT = 20000 };

static bool guarded;
static unsigned long refused;

static void note(void)
{
	refused += guarded;
}

/* -- what the linker puts in place --------------------------------------------------------- */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
int __real_posix_memalign(void **block, size_t alignment, size_t size);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t len);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
int __wrap_posix_memalign(void **block, size_t alignment, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t len);

void *__wrap_malloc(size_t size)
{
	note();
	return __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	note();
	return __real_calloc(count, size);
}

void *__wrap_realloc(void *block, size_t size)
{
	note();
	return __real_realloc(block, size);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
	note();
	return __real_aligned_alloc(alignment, size);
}

int __wrap_posix_memalign(void **block, size_t alignment, size_t size)
{
	note();
	return __real_posix_memalign(block, alignment, size);
}

char *__wrap_strdup(const char *text)
{
	note();
	return __real_strdup(text);
}

char *__wrap_strndup(const char *text, size_t len)
{
	note();
	return __real_strndup(text, len);
}

/* -- tests --------------------------------------------------------------------------------- */

/* The guard itself: each function that it knows is seen while it is up, none while it is not. The
 * pointers keep the compiler from leaving a call out. */
static void the_guard_sees_allocations(void **state)
{
	void *(*volatile take)(size_t) = malloc;
	void *(*volatile take_clear)(size_t, size_t) = calloc;
	void *(*volatile take_more)(void *, size_t) = realloc;
	void *(*volatile take_aligned)(size_t, size_t) = aligned_alloc;
	int (*volatile take_at)(void **, size_t, size_t) = posix_memalign;
	char *(*volatile copy)(const char *) = strdup;
	char *(*volatile copy_some)(const char *, size_t) = strndup;

	(void)state;
	for (int pass = 0; pass < 2; pass++) {
		void *blocks[6] = { NULL };

		refused = 0;
		guarded = pass == 1;
		blocks[0] = take_more(take(8), 16);
		blocks[1] = take_clear(1, 8);
		blocks[2] = take_aligned(16, 16);
		if (take_at(&blocks[3], 16, 16) != 0)
			blocks[3] = NULL;
		blocks[4] = copy("text");
		blocks[5] = copy_some("text", 2);
		guarded = false;
		for (size_t i = 0; i < COUNT_OF(blocks); i++)
			free(blocks[i]);
		assert_int_equal(refused, pass == 1 ? 7 : 0);
	}
}

/* One input as text and as octets. Returns how many of them were PDUs. */
static int input_check(const uint8_t *data, size_t len)
{
	static const char digits[] = "0123456789ABCDEF";
	char hex[2 * INPUT_MAX], text[4 * SMS_TEXT_MAX];
	struct sms_pdu pdus[2];
	int read = 0;

	for (size_t i = 0; i < len; i++) {
		hex[2 * i] = digits[data[i] >> 4];
		hex[2 * i + 1] = digits[data[i] & 0x0F];
	}
	refused = 0;
	guarded = true;
	for (int i = 0; i < 4; i++) {
		struct sms_pdu *pdu = &pdus[i % 2];
		const struct sms_pdu *parts[] = { pdu, NULL, &pdus[0], pdu };
		int tpdu_len = i < 2 ? -1 : (int)(len > 0 ? data[len - 1] : 0);
		enum sms_error error = i % 2 ? sms_pdu_read(hex, 2 * len, tpdu_len, pdu)
					     : sms_pdu_read((const char *)data, len, tpdu_len, pdu);

		sms_error_name(error);
		if (error != SMS_OK) {
			*pdu = (struct sms_pdu) { .alphabet = SMS_UCS2, .ud_len = SMS_UD_MAX };
			memset(pdu->ud, 0xD8, sizeof(pdu->ud));
		}
		read += error == SMS_OK;
		sms_text(parts, 1, text, sizeof(text));
		sms_text(parts, i == 0 ? 2 : 4, text, sizeof(text));
		sms_part_text(pdu, text, sizeof(text));
	}
	guarded = false;
	if (refused > 0)
		fail_msg("%lu allocations for %zu octets", refused, len);
	return read;
}

static void the_corpus_touches_no_heap(void **state)
{
	static const char *const folders[] = { TESTS_DIR "/fuzz/corpus/pdu",
		TESTS_DIR "/fuzz/corpus/assembly" };
	int files = 0, read = 0;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(folders); i++) {
		DIR *dir = opendir(folders[i]);
		struct dirent *entry;

		assert_non_null(dir);
		while ((entry = readdir(dir))) {
			uint8_t data[INPUT_MAX];
			char path[1024];
			FILE *file;
			size_t len;

			snprintf(path, sizeof(path), "%s/%s", folders[i], entry->d_name);
			file = entry->d_type == DT_DIR ? NULL : fopen(path, "rb");
			if (!file)
				continue;
			len = fread(data, 1, sizeof(data), file);
			fclose(file);
			read += input_check(data, len);
			files++;
		}
		closedir(dir);
	}
	assert_true(files > 20 && read > 20);
}

static uint32_t random_next(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

/* Octets of any length up to 512; every other one is a DELIVER with random user data. */
static void random_input_touches_no_heap(void **state)
{
	static const uint8_t start[] = { 0x00, 0x44, 0x02, 0x91, 0x21, 0x00, 0x00, 0x62, 0x30, 0x40,
		0x01, 0x02, 0x03, 0x00, 0x8C };
	enum { DCS_AT = 6 };
	uint32_t seed = 1;
	int read = 0;

	(void)state;
	for (int i = 0; i < RANDOM_COUNT; i++) {
		uint8_t data[INPUT_MAX];
		size_t len = random_next(&seed) % (INPUT_MAX + 1);

		for (size_t at = 0; at < len; at++)
			data[at] = (uint8_t)random_next(&seed);
		if (i % 2 == 1 && len > sizeof(start) + 1) {
			uint8_t dcs = (uint8_t)(random_next(&seed) & 0xDF);

			memcpy(data, start, sizeof(start));
			data[DCS_AT] = dcs;
			data[sizeof(start)] &= 0x0F; /* a header that fits */
			len = len % SMS_PDU_MAX + 1;
		}
		read += input_check(data, len);
	}
	assert_true(read > RANDOM_COUNT / 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_guard_sees_allocations),
		cmocka_unit_test(the_corpus_touches_no_heap),
		cmocka_unit_test(random_input_touches_no_heap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
