/* sim_at_list.c - the simulated modem's AT+CMGL: entries in all the shapes that are met. */
#include "sim_at.h"

#include <string.h>

enum { STAT_SENT = 3, STAT_ALL = 4 };

void at_mark_seen(struct sim_modem *modem, struct sim_text *text)
{
	if (!text->listed)
		modem->counts.listed++;
	text->listed = true;
	if (text->stat == 0)
		text->stat = 1;
}

/* ---- one entry ------------------------------------------------------------------------------ */

static const char *alpha_of(const struct sim_modem *modem)
{
	static const char *const alphas[SIM_SHAPES] = {
		[SIM_SHAPE_NAME] = "\"Doe, Jane, 3\",",
		[SIM_SHAPE_QUOTES] = "\"Jo\"hn, jr,",
		[SIM_SHAPE_TIGHT] = ",",
		[SIM_SHAPE_THREE] = "",
	};
	unsigned shape = modem->faults.list_shape;

	if (shape < SIM_SHAPES && alphas[shape])
		return alphas[shape];
	return modem->profile->alpha ? modem->profile->alpha : ",";
}

/* The header in the shape that the test wants; what may be long is the PDU, put elsewhere. */
static void put_header(
	const struct sim_modem *modem, unsigned place, const struct sim_text *text, char header[80])
{
	static const char *const letters[] = { "\"REC UNREAD\"", "\"REC READ\"", "\"STO UNSENT\"",
		"\"STO SENT\"" };
	const struct sim_profile *profile = modem->profile;
	unsigned shape = modem->faults.list_shape;
	bool tight = profile->list_tight || shape == SIM_SHAPE_TIGHT;
	char stat[16];

	if (shape == SIM_SHAPE_LETTERS)
		snprintf(stat, sizeof(stat), "%s", letters[text->stat & 3]);
	else
		snprintf(stat, sizeof(stat), "%u", profile->list_shows_read ? 1u : text->stat);
	snprintf(header, 80, "+CMGL:%s%u,%s,%s%zu", tight ? "" : " ", place + profile->index_base,
		stat, alpha_of(modem), text->tpdu_len);
}

/* An entry as a modem under stress prints it: unsolicited lines inside the digits and after. */
static void put_entry_disturbed(struct sim_modem *modem, const char *header, const char *hex)
{
	static const char *const noise[] = { "+CREG: 1", "+CIEV: \"CALL\",0", "^RSSI:18" };
	size_t cut = 1 + sim_random(modem->world) % (strlen(hex) - 1);
	unsigned which = sim_random(modem->world) % 3;

	sim_put(modem, "\r\n", 2);
	sim_put(modem, header, strlen(header));
	sim_put(modem, "\r\n", 2);
	sim_put(modem, hex, cut);
	sim_line(modem, "%s", noise[which]);
	sim_put(modem, hex + cut, strlen(hex + cut));
	sim_put(modem, "\r\n", 2);
	sim_line(modem, "%s", noise[(which + 1) % 3]);
}

static void put_entry(struct sim_modem *modem, unsigned place, struct sim_text *text)
{
	static const char filler[] = "FFFFFFFFFFFFFFFF";
	const struct sim_profile *profile = modem->profile;
	const char *ends = modem->world->ends;
	const char *lead = profile->entry_lead ? profile->entry_lead : ends ? ends : "\r\n";
	const char *tail = ends ? ends : profile->answer.tail ? profile->answer.tail : "\r\n";
	unsigned shape = modem->faults.list_shape;
	char header[80], all[2 * SIM_PDU_MAX + 160];

	put_header(modem, place, text, header);
	if (modem->faults.urc_in_list) {
		put_entry_disturbed(modem, header, text->hex);
	} else {
		snprintf(all, sizeof(all), "%s%s%s%s%s%s", lead, header,
			shape == SIM_SHAPE_ONE_LINE ? " " : tail, text->hex,
			shape == SIM_SHAPE_FILLED ? filler : "", tail);
		sim_put(modem, all, strlen(all));
	}
	at_mark_seen(modem, text);
}

/* Half of an entry, and then not a byte more: the port is dead until a restart. */
static void hang(struct sim_modem *modem, unsigned place, const struct sim_text *text)
{
	char header[80];

	put_header(modem, place, text, header);
	sim_line(modem, "%s\r\n%.20s", header, text->hex);
	modem->faults.hang_list--;
	modem->faults.silent = true;
}

/* ---- the command ---------------------------------------------------------------------------- */

void sim_list_endless(struct sim_channel *channel)
{
	struct sim_modem *modem = channel->modem;
	enum sim_memory memory = modem->set.memory[0];
	unsigned size = sim_store_size(modem, memory), slot;

	modem->asked = channel;
	for (unsigned n = 0; n < size; n++) {
		unsigned place = channel->endless_at++ % size;
		struct sim_store *store = sim_store_at(modem, memory, place, &slot);
		if (!store->slots[slot])
			continue;
		put_entry(modem, place, store->slots[slot]);
		modem->asked = NULL;
		return;
	}
	sim_line(modem, "+CMGL: %u,%u,,8\r\n000100018100000000", modem->profile->index_base,
		STAT_SENT); /* none of its own: a text that was sent once */
	modem->asked = NULL;
}

/* The status asked for; -1: not in the form that this one takes. */
static int wanted_stat(const struct at_call *call)
{
	bool by_name = call->modem->profile->list_by_name;
	uint8_t stat = 0;

	if (call->kind == AT_SET && strcmp(call->args, "\"ALL\"") == 0)
		return by_name ? STAT_ALL : -1;
	if (call->kind == AT_READ || by_name ||
		(call->kind == AT_SET && at_numbers(call->args, &stat, 1) != 1))
		return -1;
	return stat;
}

static int list(struct sim_modem *modem, unsigned stat)
{
	enum sim_memory memory = modem->set.memory[0];
	unsigned slot;

	for (unsigned i = 0; i < sim_store_size(modem, memory); i++) {
		struct sim_store *store = sim_store_at(modem, memory, i, &slot);
		struct sim_text *text = store->slots[slot];
		if (!text || (stat != STAT_ALL && text->stat != stat))
			continue;
		if (modem->faults.hang_list > 0) {
			hang(modem, i, text);
			return AT_SILENT;
		}
		put_entry(modem, i, text);
	}
	return AT_OK;
}

int at_cmgl(struct at_call *call)
{
	struct sim_modem *modem = call->modem;
	int refused = at_sms_refusal(modem), stat;

	if (call->kind == AT_TEST) {
		sim_line(modem, "+CMGL: (0-4)");
		return AT_OK;
	}
	if (refused)
		return refused;
	stat = wanted_stat(call);
	if (stat < 0)
		return AT_ERROR;
	if (stat > STAT_ALL || modem->set.text_mode)
		return AT_CMS + 304;
	if (modem->faults.list_error > 0) {
		modem->faults.list_error--;
		return AT_CMS + 500;
	}
	if (modem->faults.deaf)
		return AT_OK;
	if (modem->faults.endless) {
		modem->asked->listing = true;
		modem->times.endless_us = 0;
		sim_modem_activate(modem);
		return AT_SILENT;
	}
	return list(modem, (unsigned)stat);
}
