/* pdu.c - takes a PDU of a modem's listing apart (3GPP TS 23.040). */
#include "sms/pdu.h"

#include <string.h>

#include "sms/gsm7.h"

enum {
	MTI_MASK = 0x03,
	MTI_SUBMIT = 0x01,
	MTI_STATUS_REPORT = 0x02,
	FIRST_UDHI = 0x40,
	VPF_MASK = 0x18,
	VPF_RELATIVE = 0x10,
	TIME_LEN = 7,
	ADDRESS_DIGITS_MAX = 20,
	ZONE_QUARTERS_MAX = 56,
	IE_CONCAT_8 = 0x00,
	IE_PORT_8 = 0x04,
	IE_PORT_16 = 0x05,
	IE_CONCAT_16 = 0x08,
	IE_SINGLE_SHIFT = 0x24,
	IE_LOCKING_SHIFT = 0x25,
	HEX_DIGIT = 0x10, /* set in the table where there is a digit */
};

/* What is left to read. */
struct input {
	const uint8_t *at;
	size_t left;
};

/* The next `count` octets, or NULL if there are fewer; then nothing is taken. */
static const uint8_t *take(struct input *in, size_t count)
{
	const uint8_t *at = in->at;

	if (count > in->left)
		return NULL;
	in->at += count;
	in->left -= count;
	return at;
}

static const uint8_t hex_digits[256] = {
	/* clang-format off */
	['0'] = 0x10, ['1'] = 0x11, ['2'] = 0x12, ['3'] = 0x13, ['4'] = 0x14, ['5'] = 0x15,
	['6'] = 0x16, ['7'] = 0x17, ['8'] = 0x18, ['9'] = 0x19, ['A'] = 0x1A, ['B'] = 0x1B,
	['C'] = 0x1C, ['D'] = 0x1D, ['E'] = 0x1E, ['F'] = 0x1F, ['a'] = 0x1A, ['b'] = 0x1B,
	['c'] = 0x1C, ['d'] = 0x1D, ['e'] = 0x1E, ['f'] = 0x1F,
	/* clang-format on */
};

static enum sms_error hex_read(const char *hex, size_t hex_len, uint8_t *out)
{
	unsigned all = HEX_DIGIT;

	if (hex_len % 2 != 0)
		return SMS_ERR_ODD;
	if (hex_len / 2 > SMS_PDU_MAX)
		return SMS_ERR_LONG;
	for (size_t i = 0; i < hex_len / 2; i++) {
		unsigned high = hex_digits[(uint8_t)hex[2 * i]];
		unsigned low = hex_digits[(uint8_t)hex[2 * i + 1]];

		all &= high & low;
		out[i] = (uint8_t)(high << 4 | (low & 0x0F));
	}
	return all == HEX_DIGIT ? SMS_OK : SMS_ERR_HEX;
}

/* Leaves the TPDU in *in: skips the SMSC field, cuts what is behind the length of the listing's
 * header (TS 27.005 3.4.1, <length>). */
static enum sms_error frame_read(struct input *in, int tpdu_len)
{
	const uint8_t *smsc_len;

	if (tpdu_len >= 0 && in->left < (size_t)tpdu_len)
		return SMS_ERR_SHORT;
	smsc_len = take(in, 1);
	if (!smsc_len)
		return SMS_ERR_TRUNCATED;
	if (!take(in, *smsc_len))
		return SMS_ERR_SMSC;
	if (tpdu_len < 0)
		return SMS_OK;
	if (in->left < (size_t)tpdu_len)
		return SMS_ERR_SHORT;
	in->left = (size_t)tpdu_len;
	return SMS_OK;
}

/* Semi-octets, the low one first. A filler that the length counts is no digit. */
static void digits_text(const uint8_t *octets, size_t digit_count, struct sms_address *out)
{
	size_t len = 0;

	if (out->type == SMS_TON_INTERNATIONAL)
		out->text[len++] = '+';
	for (size_t i = 0; i < digit_count; i++) {
		unsigned digit = octets[i / 2] >> (i % 2 * 4) & 0x0F;

		if (digit < 0x0F)
			out->text[len++] = "0123456789*#abc"[digit];
	}
	if (len == 1 && out->text[0] == '+')
		len = 0;
	out->text[len] = '\0';
}

/* Senders that round the length up to whole octets make 7 characters look like 8, the last of them
 * septet 0, '@'. Other lengths cannot hold a spurious septet. */
static void name_text(const uint8_t *octets, size_t digit_count, struct sms_address *out)
{
	uint8_t septets[ADDRESS_DIGITS_MAX * 4 / 7];
	uint16_t units[ADDRESS_DIGITS_MAX * 4 / 7];
	struct gsm7_tables tables = gsm7_tables(0, 0);
	bool escape = false, whole;
	size_t count = gsm7_unpack(octets, (digit_count + 1) / 2, 0, digit_count * 4 / 7, septets);

	if (count == 8 && septets[7] == 0)
		count = 7;
	count = gsm7_to_utf16(septets, count, &tables, &escape, units);
	utf16_to_utf8(units, count, out->text, sizeof(out->text), &whole);
}

/* 9.1.2.5. The numbering plan does not change how an address is written. */
static enum sms_error address_read(struct input *in, struct sms_address *out)
{
	const uint8_t *head = take(in, 2);
	const uint8_t *octets;

	if (!head)
		return SMS_ERR_TRUNCATED;
	if (head[0] > ADDRESS_DIGITS_MAX)
		return SMS_ERR_ADDRESS;
	octets = take(in, (head[0] + 1u) / 2);
	if (!octets)
		return SMS_ERR_TRUNCATED;
	out->type = head[1] >> 4 & 0x07;
	if (out->type == SMS_TON_ALPHANUMERIC)
		name_text(octets, head[0], out);
	else
		digits_text(octets, head[0], out);
	return SMS_OK;
}

/* Two semi-octets, the low one is the tens. -1 if one is no digit. */
static int bcd_read(uint8_t octet)
{
	int tens = octet & 0x0F;
	int ones = octet >> 4;

	return tens > 9 || ones > 9 ? -1 : tens * 10 + ones;
}

/* Days from 1970-01-01, or -1 if there is no such day. Years 1990 to 2089: every fourth is leap. */
static int days_read(int year, int month, int day)
{
	static const int before[] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365 };
	int leap = year % 4 == 0;

	if (month < 1 || month > 12 || day < 1)
		return -1;
	if (day > before[month] - before[month - 1] + (month == 2 && leap))
		return -1;
	return (year - 1970) * 365 + (year - 1969) / 4 + before[month - 1] + (month > 2 && leap) +
	       day - 1;
}

/* 9.2.3.11: year, month, day, hour, minute, second, zone; the time is local to the zone, whose sign
 * is bit 3 of its octet. Leaves *out zero if the digits are no time. */
static void time_read(const uint8_t *octets, struct sms_time *out)
{
	int field[TIME_LEN - 1];
	int zone = bcd_read(octets[6] & 0xF7);
	int days;

	for (size_t i = 0; i < TIME_LEN - 1; i++)
		field[i] = bcd_read(octets[i]);
	if (field[0] < 0 || zone < 0 || zone > ZONE_QUARTERS_MAX)
		return;
	if (field[3] < 0 || field[3] > 23 || field[4] < 0 || field[4] > 59 || field[5] < 0 ||
		field[5] > 59)
		return;
	days = days_read(field[0] + (field[0] >= 90 ? 1900 : 2000), field[1], field[2]);
	if (days < 0)
		return;
	if (octets[6] & 0x08)
		zone = -zone;
	out->valid = true;
	out->zone_quarters = zone;
	out->utc_s = (int64_t)days * 86400 + (field[3] * 60 + field[4] - zone * 15) * INT64_C(60) +
		     field[5];
}

/* TS 23.038 clause 4. Reserved codings are read as the default alphabet, as it asks. */
static enum sms_error coding_read(uint8_t dcs, struct sms_pdu *out)
{
	unsigned group = dcs >> 4;
	unsigned alphabet = dcs >> 2 & 0x03;

	out->alphabet = SMS_GSM7;
	if (group < 0x8) {
		if (dcs & 0x20)
			return SMS_ERR_COMPRESSED;
		if (dcs & 0x10)
			out->message_class = dcs & 0x03;
		if (alphabet == 1)
			out->alphabet = SMS_DATA;
		if (alphabet == 2)
			out->alphabet = SMS_UCS2;
	} else if (group == 0xE) {
		out->alphabet = SMS_UCS2;
	} else if (group == 0xF) {
		out->message_class = dcs & 0x03;
		if (dcs & 0x04)
			out->alphabet = SMS_DATA;
	}
	return SMS_OK;
}

/* One information element. A sequence number out of its range makes the element void. */
static void element_read(uint8_t id, const uint8_t *data, uint8_t len, struct sms_pdu *out)
{
	unsigned ref_len = id == IE_CONCAT_16 ? 2 : 1;

	switch (id) {
	case IE_CONCAT_8:
	case IE_CONCAT_16:
		if (len != ref_len + 2 || data[ref_len + 1] == 0 ||
			data[ref_len + 1] > data[ref_len])
			break;
		out->concat.ref = ref_len == 2 ? (uint16_t)(data[0] << 8 | data[1]) : data[0];
		out->concat.ref_bits = (uint8_t)(8 * ref_len);
		out->concat.total = data[ref_len];
		out->concat.seq = data[ref_len + 1];
		break;
	case IE_PORT_8:
		if (len == 2)
			out->port_to = data[0];
		break;
	case IE_PORT_16:
		if (len == 4)
			out->port_to = data[0] << 8 | data[1];
		break;
	case IE_SINGLE_SHIFT:
		if (len == 1)
			out->single_shift = data[0];
		break;
	case IE_LOCKING_SHIFT:
		if (len == 1)
			out->locking_shift = data[0];
		break;
	}
}

/* 9.2.3.24: the last of repeated elements counts; if the elements do not fill the header exactly,
 * all of it is ignored. */
static void elements_read(struct sms_pdu *out)
{
	size_t at = 1;

	while (at + 2 <= out->header_len && at + 2 + out->ud[at + 1] <= out->header_len) {
		element_read(out->ud[at], out->ud + at + 2, out->ud[at + 1], out);
		at += 2u + out->ud[at + 1];
	}
	if (at == out->header_len)
		return;
	memset(&out->concat, 0, sizeof(out->concat));
	out->port_to = -1;
	out->single_shift = 0;
	out->locking_shift = 0;
}

/* The text begins at a septet's border, counted from the begin of the user data (9.2.3.24). */
static void septets_count(unsigned udl, struct sms_pdu *out)
{
	unsigned there = out->ud_len * 8u / 7;
	unsigned header = (out->header_len * 8u + 6) / 7;

	if (there > udl)
		there = udl;
	out->septets = there > header ? (uint8_t)(there - header) : 0;
	out->fill_bits = (uint8_t)(header * 7 - out->header_len * 8u);
}

/* TP-UDL and TP-UD. The length counts septets or octets; what is there and what may be there both
 * bound it. */
static enum sms_error user_data_read(struct input *in, bool has_header, struct sms_pdu *out)
{
	enum sms_error error = coding_read(out->dcs, out);
	const uint8_t *udl;
	size_t len;

	if (error != SMS_OK)
		return error;
	udl = take(in, 1);
	if (!udl)
		return SMS_OK;
	len = out->alphabet == SMS_GSM7 ? (*udl * 7u + 7) / 8 : *udl;
	if (len > in->left)
		len = in->left;
	if (len > SMS_UD_MAX)
		len = SMS_UD_MAX;
	memcpy(out->ud, in->at, len);
	out->ud_len = (uint8_t)len;
	if (has_header && len > 0) {
		if (out->ud[0] + 1u > len)
			return SMS_ERR_HEADER;
		out->header_len = (uint8_t)(out->ud[0] + 1);
		elements_read(out);
	}
	if (out->alphabet == SMS_GSM7)
		septets_count(*udl, out);
	return SMS_OK;
}

/* 9.2.2.1 */
static enum sms_error deliver_read(struct input *in, bool has_header, struct sms_pdu *out)
{
	enum sms_error error = address_read(in, &out->sender);
	const uint8_t *fixed;

	if (error != SMS_OK)
		return error;
	fixed = take(in, 2 + TIME_LEN);
	if (!fixed)
		return SMS_ERR_TRUNCATED;
	out->pid = fixed[0];
	out->dcs = fixed[1];
	time_read(fixed + 2, &out->sent);
	return user_data_read(in, has_header, out);
}

/* 9.2.2.2 */
static enum sms_error submit_read(struct input *in, uint8_t first, struct sms_pdu *out)
{
	const uint8_t *reference = take(in, 1);
	size_t validity_len = TIME_LEN;
	enum sms_error error;
	const uint8_t *fixed;

	if (!reference)
		return SMS_ERR_TRUNCATED;
	out->reference = *reference;
	error = address_read(in, &out->sender);
	if (error != SMS_OK)
		return error;
	if ((first & VPF_MASK) == 0)
		validity_len = 0;
	else if ((first & VPF_MASK) == VPF_RELATIVE)
		validity_len = 1;
	fixed = take(in, 2 + validity_len);
	if (!fixed)
		return SMS_ERR_TRUNCATED;
	out->pid = fixed[0];
	out->dcs = fixed[1];
	return user_data_read(in, (first & FIRST_UDHI) != 0, out);
}

/* 9.2.2.3. Behind the status are only optional fields, or the padding of a record: left alone. */
static enum sms_error report_read(struct input *in, struct sms_pdu *out)
{
	const uint8_t *reference = take(in, 1);
	enum sms_error error;
	const uint8_t *fixed;

	if (!reference)
		return SMS_ERR_TRUNCATED;
	out->reference = *reference;
	error = address_read(in, &out->sender);
	if (error != SMS_OK)
		return error;
	fixed = take(in, TIME_LEN + TIME_LEN + 1); /* SCTS, discharge time, status */
	if (!fixed)
		return SMS_ERR_TRUNCATED;
	time_read(fixed, &out->sent);
	out->status = fixed[TIME_LEN + TIME_LEN];
	return SMS_OK;
}

enum sms_error sms_pdu_read(const char *hex, size_t hex_len, int tpdu_len, struct sms_pdu *out)
{
	uint8_t octets[SMS_PDU_MAX];
	struct input in = { octets, hex_len / 2 };
	const uint8_t *first;
	enum sms_error error = hex_read(hex, hex_len, octets);

	if (error == SMS_OK)
		error = frame_read(&in, tpdu_len);
	if (error != SMS_OK)
		return error;
	first = take(&in, 1);
	if (!first)
		return SMS_ERR_TRUNCATED;
	memset(out, 0, sizeof(*out));
	out->message_class = -1;
	out->port_to = -1;
	if ((*first & MTI_MASK) == MTI_SUBMIT) {
		out->kind = SMS_SUBMIT;
		return submit_read(&in, *first, out);
	}
	if ((*first & MTI_MASK) == MTI_STATUS_REPORT) {
		out->kind = SMS_STATUS_REPORT;
		return report_read(&in, out);
	}
	out->kind = SMS_DELIVER; /* the reserved value 3 too: 9.2.3.1 */
	error = deliver_read(&in, (*first & FIRST_UDHI) != 0, out);
	out->head_len = (uint8_t)(in.at - octets + out->header_len);
	return error;
}

const char *sms_error_name(enum sms_error error)
{
	switch (error) {
	case SMS_OK: return "ok";
	case SMS_ERR_ODD: return "odd";
	case SMS_ERR_HEX: return "hex";
	case SMS_ERR_LONG: return "too-long";
	case SMS_ERR_SHORT: return "too-short";
	case SMS_ERR_SMSC: return "smsc";
	case SMS_ERR_TRUNCATED: return "truncated";
	case SMS_ERR_ADDRESS: return "address";
	case SMS_ERR_HEADER: return "header";
	case SMS_ERR_COMPRESSED: return "compressed";
	}
	return "unknown";
}
