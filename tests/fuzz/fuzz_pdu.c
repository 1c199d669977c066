/* fuzz_pdu.c - any input, as hexadecimal text and as octets, gives a refusal or valid UTF-8. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sms/concat.h"
#include "sms/pdu.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

/* The octets of the character that begins at text[0..len), or 0 if it is invalid. */
static size_t character_len(const uint8_t *text, size_t len)
{
	size_t count = text[0] < 0x80 ? 1 : text[0] < 0xE0 ? 2 : text[0] < 0xF0 ? 3 : 4;

	if ((text[0] >= 0x80 && text[0] < 0xC2) || text[0] > 0xF4 || count > len)
		return 0;
	for (size_t i = 1; i < count; i++)
		if ((text[i] & 0xC0) != 0x80)
			return 0;
	if ((text[0] == 0xE0 && text[1] < 0xA0) || (text[0] == 0xED && text[1] > 0x9F) ||
		(text[0] == 0xF0 && text[1] < 0x90) || (text[0] == 0xF4 && text[1] > 0x8F))
		return 0;
	return count;
}

static void text_check(const char *text, size_t len, size_t size)
{
	require(len < size);
	require(strlen(text) == len);
	for (size_t at = 0; at < len;) {
		size_t count = character_len((const uint8_t *)text + at, len - at);

		require(count > 0);
		at += count;
	}
}

/* The text in full and cut to `cut` octets; buffers are exact, so that a write behind them shows.
 */
static void parts_check(const struct sms_pdu *const *parts, size_t count, size_t cut)
{
	size_t size = count * SMS_TEXT_MAX;
	char *whole = malloc(size);
	char *start = malloc(cut);

	require(whole && start);
	text_check(whole, sms_text(parts, count, whole, size), size);
	text_check(start, sms_text(parts, count, start, cut), cut);
	require(strncmp(whole, start, strlen(start)) == 0);
	free(whole);
	free(start);
}

/* The text of a part that goes out alone, in full and cut. */
static void mark_check(const struct sms_pdu *part, size_t cut)
{
	char *whole = malloc(SMS_TEXT_MAX);
	char *start = malloc(cut);

	require(whole && start);
	text_check(whole, sms_part_text(part, whole, SMS_TEXT_MAX), SMS_TEXT_MAX);
	text_check(start, sms_part_text(part, start, cut), cut);
	require(strncmp(whole, start, strlen(start)) == 0);
	free(whole);
	free(start);
}

static void pdu_check(const struct sms_pdu *pdu)
{
	require(pdu->ud_len <= SMS_UD_MAX && pdu->header_len <= pdu->ud_len);
	require(pdu->fill_bits <= 6);
	require((pdu->header_len * 8 + pdu->fill_bits + pdu->septets * 7) <= pdu->ud_len * 8 ||
		pdu->septets == 0);
	require(pdu->concat.total == 0 ||
		(pdu->concat.seq >= 1 && pdu->concat.seq <= pdu->concat.total));
	require(pdu->sent.valid || (pdu->sent.utc_s == 0 && pdu->sent.zone_quarters == 0));
	text_check(pdu->sender.text, strlen(pdu->sender.text), sizeof(pdu->sender.text));
}

/* The same input as a part, with the other alphabet behind it, and behind a gap. */
static void hex_check(const char *hex, size_t len, int tpdu_len, size_t cut)
{
	struct sms_pdu pdu, other;
	const struct sms_pdu *parts[] = { &pdu, &other, &pdu, NULL, &pdu };
	enum sms_error error = sms_pdu_read(hex, len, tpdu_len, &pdu);

	require(strcmp(sms_error_name(error), "unknown") != 0);
	if (error != SMS_OK)
		return;
	pdu_check(&pdu);
	other = pdu;
	other.alphabet = pdu.alphabet == SMS_UCS2 ? SMS_GSM7 : SMS_UCS2;
	parts_check(parts, 1, cut);
	parts_check(parts, 3, cut);
	parts_check(parts, 5, cut);
	mark_check(&pdu, cut);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char digits[] = "0123456789ABCDEF";
	int tpdu_len = size > 0 ? data[size - 1] : 0;
	size_t cut = size % 97 + 1;
	char *hex = malloc(2 * size + 1);

	require(hex != NULL);
	hex_check((const char *)data, size, -1, cut);
	hex_check((const char *)data, size, tpdu_len, cut);
	for (size_t i = 0; i < size; i++) {
		hex[2 * i] = digits[data[i] >> 4];
		hex[2 * i + 1] = digits[data[i] & 0x0F];
	}
	hex_check(hex, 2 * size, -1, cut);
	hex_check(hex, 2 * size, tpdu_len, cut);
	free(hex);
	return 0;
}
