/* sms_fixture.c - PDUs made for a test, and what must hold of a text. */
#include "sms_fixture.h"

#include <stdio.h>
#include <string.h>

void ud_begin(struct ud *ud, const void *header, size_t header_len)
{
	memset(ud, 0, sizeof(*ud));
	if (header_len > 0)
		memcpy(ud->octets, header, header_len);
	ud->header_len = header_len;
	ud->bit_count = header_len * 8;
}

void ud_septets(struct ud *ud, const char *septets, size_t count)
{
	while (ud->bit_count % 7 != 0)
		ud->bit_count++;
	for (size_t i = 0; i < count * 7; i++, ud->bit_count++)
		if ((septets[i / 7] >> i % 7) & 1)
			ud->octets[ud->bit_count / 8] |= (uint8_t)(1 << ud->bit_count % 8);
}

void ud_octets(struct ud *ud, const void *octets, size_t count)
{
	memcpy(ud->octets + ud->bit_count / 8, octets, count);
	ud->bit_count += count * 8;
}

void hex_write(const uint8_t *octets, size_t len, char *hex)
{
	for (size_t i = 0; i < len; i++)
		snprintf(hex + 2 * i, 3, "%02X", octets[i]);
	hex[2 * len] = '\0';
}

/* A DELIVER without SMSC; text in septets if dcs names the default alphabet (0). */
void deliver_write(const struct ud *ud, unsigned dcs, char *hex, size_t size)
{
	char body[513];

	hex_write(ud->octets, (ud->bit_count + 7) / 8, body);
	snprintf(hex, size, "00%02X%s00%02X%s%02X%s", ud->header_len > 0 ? 0x44 : 0x04, FROM, dcs,
		A_TIME, (unsigned)(dcs == 0 ? ud->bit_count / 7 : ud->bit_count / 8), body);
}

void pdu_must_read(const char *hex, struct sms_pdu *out)
{
	enum sms_error error = sms_pdu_read(hex, strlen(hex), -1, out);

	if (error != SMS_OK)
		fail_msg("%s: %s", hex, sms_error_name(error));
}

void ud_must_read(const struct ud *ud, unsigned dcs, struct sms_pdu *out)
{
	char hex[640];

	deliver_write(ud, dcs, hex, sizeof(hex));
	pdu_must_read(hex, out);
}

const char *text_of(const struct sms_pdu *pdu)
{
	static char text[SMS_TEXT_MAX];
	const struct sms_pdu *parts[] = { pdu };
	size_t len = sms_text(parts, 1, text, sizeof(text));

	assert_int_equal(len, strlen(text));
	return text;
}

bool utf8_valid(const char *text)
{
	const uint8_t *at = (const uint8_t *)text;

	while (*at) {
		int more = *at < 0x80 ? 0 : *at < 0xC2 ? -1 : *at < 0xE0 ? 1 : *at < 0xF0 ? 2 : 3;

		if (more < 0 || *at > 0xF4 || (at[0] == 0xE0 && at[1] < 0xA0) ||
			(at[0] == 0xED && at[1] > 0x9F) || (at[0] == 0xF0 && at[1] < 0x90) ||
			(at[0] == 0xF4 && at[1] > 0x8F))
			return false;
		for (at++; more > 0; more--, at++)
			if ((*at & 0xC0) != 0x80)
				return false;
	}
	return true;
}
