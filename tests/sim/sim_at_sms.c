/* sim_at_sms.c - the simulated modem's message commands (3GPP TS 27.005). */
#include "sim_at.h"

#include <string.h>

static int index_base(const struct sim_modem *modem)
{
	return modem->world->family == SIM_FAMILY_SIM800 ? 1 : 0;
}

/* 310 without a card, 302 with the radio off; 0 when messages can be had. */
static int refusal(const struct sim_modem *modem)
{
	if (!modem->sim_in)
		return AT_CMS + 310;
	return modem->set.cfun == 0 ? AT_CMS + 302 : AT_OK;
}

int at_cmgf(struct at_call *call)
{
	uint8_t mode = call->modem->set.text_mode;

	switch (call->kind) {
	case AT_READ: sim_modem_line(call->modem, "+CMGF: %u", mode); return AT_OK;
	case AT_TEST: sim_modem_line(call->modem, "+CMGF: (0,1)"); return AT_OK;
	case AT_SET:
		if (at_numbers(call->args, &mode, 1) != 1 || mode > 1)
			return AT_ERROR;
		call->modem->set.text_mode = mode;
		return AT_OK;
	case AT_DO: break;
	}
	return AT_ERROR;
}

int at_csms(struct at_call *call)
{
	const struct sim_faults *faults = &call->modem->faults;
	uint8_t service = call->modem->set.csms;

	if (faults->csms_refused && call->kind == AT_SET)
		return AT_CMS + 302;
	if (call->kind == AT_READ) {
		sim_modem_line(call->modem, "+CSMS: %u,1,1,1", service);
	} else if (call->kind == AT_TEST) {
		sim_modem_line(call->modem, "+CSMS: (0,1)");
	} else {
		if (call->kind != AT_SET || at_numbers(call->args, &service, 1) != 1 || service > 1)
			return AT_CMS + 303;
		call->modem->set.csms = faults->csms_no_mt ? 0 : service;
		sim_modem_line(call->modem, "+CSMS: %d,1,1", !faults->csms_no_mt);
	}
	return AT_OK;
}

/* Bare, or =0 and =1: the text is taken (3.4.4). 340: none is waited for. */
int at_cnma(struct at_call *call)
{
	struct sim_modem *modem = call->modem;
	uint8_t n = 0;

	if (call->kind == AT_TEST) {
		sim_modem_line(modem, "+CNMA: (0-2)");
		return AT_OK;
	}
	if (call->kind == AT_READ ||
		(call->kind == AT_SET && (at_numbers(call->args, &n, 1) != 1 || n > 1)))
		return AT_ERROR;
	if (modem->faults.cnma_error > 0) {
		modem->faults.cnma_error--;
		modem->counts.acks_refused++;
		return AT_CMS + 500;
	}
	if (sim_direct_ack(modem))
		return AT_OK;
	modem->counts.acks_refused++;
	return AT_CMS + 340;
}

int at_cnmi(struct at_call *call)
{
	struct sim_settings *set = &call->modem->set;
	bool generic = call->modem->world->family == SIM_FAMILY_GENERIC;
	uint8_t v[5];

	memcpy(v, set->cnmi, sizeof(v));
	if (call->kind == AT_TEST) {
		sim_modem_line(call->modem, "+CNMI: (0,1,2),(0,1,2,3),(0,2),(0,1,2),(0,1)");
		return AT_OK;
	}
	if (call->kind == AT_READ) {
		sim_modem_line(call->modem, "+CNMI: %u,%u,%u,%u,%u", v[0], v[1], v[2], v[3], v[4]);
		return AT_OK;
	}
	if (call->kind != AT_SET || at_numbers(call->args, v, 5) < 1)
		return AT_ERROR;
	if (v[0] > 2 || v[1] > 3 || v[2] > 3 || v[3] > 2 || v[4] > 1)
		return AT_CMS + 303;
	if (generic && v[3] == 1) /* advertised and refused, as by many */
		return AT_CMS + 303;
	memcpy(set->cnmi, v, sizeof(v));
	return AT_OK;
}

static const char *memory_name(enum sim_memory memory)
{
	return memory == SIM_MEMORY_ME ? "ME" : "SM";
}

/* Quoted names separated by commas; how many, 0 for junk or a memory that is not there. */
static int parse_memories(struct at_call *call, enum sim_memory memory[3])
{
	const char *at = call->args;

	for (int n = 0; n < 3; at++) {
		if (strncmp(at, "\"SM\"", 4) == 0)
			memory[n++] = SIM_MEMORY_SM;
		else if (strncmp(at, "\"ME\"", 4) == 0 && call->modem->me.size > 0)
			memory[n++] = SIM_MEMORY_ME;
		else
			return 0;
		at += 4;
		if (*at == '\0')
			return n;
		if (*at != ',')
			return 0;
	}
	return 0;
}

int at_cpms(struct at_call *call)
{
	struct sim_modem *modem = call->modem;
	enum sim_memory *memory = modem->set.memory;
	const char *some = modem->me.size > 0 ? "(\"SM\",\"ME\")" : "(\"SM\")";
	const struct sim_store *s[3];
	int refused = refusal(modem);

	if (call->kind == AT_TEST) {
		sim_modem_line(modem, "+CPMS: %s,%s,%s", some, some, some);
		return AT_OK;
	}
	if (refused)
		return refused;
	if (call->kind == AT_SET) {
		enum sim_memory wanted[3] = { memory[0], memory[1], memory[2] };
		if (parse_memories(call, wanted) == 0)
			return AT_CMS + 303;
		memcpy(memory, wanted, sizeof(wanted));
	} else if (call->kind != AT_READ) {
		return AT_ERROR;
	}
	for (int i = 0; i < 3; i++)
		s[i] = sim_store_of(modem, memory[i]);
	if (call->kind == AT_SET)
		sim_modem_line(modem, "+CPMS: %u,%u,%u,%u,%u,%u", s[0]->used, s[0]->size,
			s[1]->used, s[1]->size, s[2]->used, s[2]->size);
	else
		sim_modem_line(modem, "+CPMS: \"%s\",%u,%u,\"%s\",%u,%u,\"%s\",%u,%u",
			memory_name(memory[0]), s[0]->used, s[0]->size, memory_name(memory[1]),
			s[1]->used, s[1]->size, memory_name(memory[2]), s[2]->used, s[2]->size);
	return AT_OK;
}

static void mark_seen(struct sim_modem *modem, struct sim_text *text)
{
	if (!text->listed)
		modem->counts.listed++;
	text->listed = true;
	if (text->stat == 0)
		text->stat = 1;
}

/* An entry as a modem under stress prints it: unsolicited lines inside the digits and after. */
static void put_entry_disturbed(struct sim_modem *modem, const char *header, const char *hex)
{
	static const char *const noise[] = { "+CREG: 1", "+CIEV: \"CALL\",0", "^RSSI:18" };
	size_t cut = 1 + sim_random(modem->world) % (strlen(hex) - 1);
	unsigned which = sim_random(modem->world) % 3;

	sim_modem_put(modem, "\r\n", 2);
	sim_modem_put(modem, header, strlen(header));
	sim_modem_put(modem, "\r\n", 2);
	sim_modem_put(modem, hex, cut);
	sim_modem_line(modem, "%s", noise[which]);
	sim_modem_put(modem, hex + cut, strlen(hex + cut));
	sim_modem_put(modem, "\r\n", 2);
	sim_modem_line(modem, "%s", noise[(which + 1) % 3]);
}

/* The header in the shape that the test wants; what may be long is the PDU, put elsewhere. */
static void put_header(
	const struct sim_modem *modem, unsigned slot, const struct sim_text *text, char header[64])
{
	static const char *const alphas[SIM_SHAPES] = {
		[SIM_SHAPE_NAME] = "\"Doe, Jane, 3\",",
		[SIM_SHAPE_QUOTES] = "\"Jo\"hn, jr,",
		[SIM_SHAPE_TIGHT] = ",",
		[SIM_SHAPE_THREE] = "",
	};
	unsigned shape = modem->faults.list_shape < SIM_SHAPES ? modem->faults.list_shape : 0;
	const char *alpha = alphas[shape];

	if (!alpha)
		alpha = modem->world->family == SIM_FAMILY_SIM800 ? "\"\"," : ",";
	snprintf(header, 64, "+CMGL:%s%u,%u,%s%zu", shape == SIM_SHAPE_TIGHT ? "" : " ",
		slot + (unsigned)index_base(modem), text->stat, alpha, text->tpdu_len);
}

static void put_entry(struct sim_modem *modem, unsigned slot, struct sim_text *text)
{
	static const char filler[] = "FFFFFFFFFFFFFFFF";
	unsigned shape = modem->faults.list_shape;
	char header[64];

	put_header(modem, slot, text, header);
	if (modem->faults.urc_in_list)
		put_entry_disturbed(modem, header, text->hex);
	else
		sim_modem_line(modem, "%s%s%s%s", header,
			shape == SIM_SHAPE_ONE_LINE ? " " : "\r\n", text->hex,
			shape == SIM_SHAPE_FILLED ? filler : "");
	mark_seen(modem, text);
}

int at_cmgl(struct at_call *call)
{
	struct sim_modem *modem = call->modem;
	struct sim_store *store = sim_store_of(modem, modem->set.memory[0]);
	uint8_t stat = 0;
	int refused = refusal(modem);

	if (call->kind == AT_TEST) {
		sim_modem_line(modem, "+CMGL: (0-4)");
		return AT_OK;
	}
	if (refused)
		return refused;
	if (call->kind == AT_READ ||
		(call->kind == AT_SET && at_numbers(call->args, &stat, 1) != 1))
		return AT_ERROR;
	if (stat > 4 || modem->set.text_mode)
		return AT_CMS + 304;
	if (modem->faults.list_error > 0) {
		modem->faults.list_error--;
		return AT_CMS + 500;
	}
	for (unsigned i = 0; i < store->size; i++) {
		struct sim_text *text = store->slots[i];
		if (text && (stat == 4 || text->stat == stat))
			put_entry(modem, i, text);
	}
	modem->listing = modem->faults.endless;
	if (modem->listing)
		sim_modem_chatter(modem);
	return AT_OK;
}

/* The slot that an index names, or -1. */
static int slot_of(const struct sim_modem *modem, const struct sim_store *store, unsigned index)
{
	int slot = (int)index - index_base(modem);

	return slot >= 0 && (unsigned)slot < store->size ? slot : -1;
}

int at_cmgr(struct at_call *call)
{
	struct sim_modem *modem = call->modem;
	struct sim_store *store = sim_store_of(modem, modem->set.memory[0]);
	bool sim800 = modem->world->family == SIM_FAMILY_SIM800;
	uint8_t index = 0;
	struct sim_text *text;
	int refused = refusal(modem), slot;

	if (refused)
		return refused;
	if (call->kind != AT_SET || at_numbers(call->args, &index, 1) != 1)
		return AT_ERROR;
	if (modem->set.text_mode)
		return AT_CMS + 304;
	slot = slot_of(modem, store, index);
	if (slot < 0)
		return AT_CMS + 321;
	text = store->slots[slot];
	if (!text) /* both manners are met: bare OK, and an error */
		return sim800 ? AT_OK : AT_CMS + 321;
	sim_modem_line(modem, "+CMGR: %u,%s,%zu\r\n%s", text->stat, sim800 ? "\"\"" : "",
		text->tpdu_len, text->hex);
	mark_seen(modem, text);
	return AT_OK;
}

static void count_delete(struct sim_modem *modem, struct sim_store *store, unsigned slot)
{
	modem->counts.deleted++;
	if (!store->slots[slot]->listed)
		modem->counts.deleted_unlisted++;
	sim_store_delete(store, slot);
}

static void delete_blanket(struct sim_modem *modem, struct sim_store *store, unsigned flag)
{
	modem->counts.deleted_blanket++;
	for (unsigned i = 0; i < store->size; i++)
		if (store->slots[i] && (flag == 4 || store->slots[i]->stat == 1))
			count_delete(modem, store, i);
}

int at_cmgd(struct at_call *call)
{
	struct sim_modem *modem = call->modem;
	struct sim_store *store = sim_store_of(modem, modem->set.memory[0]);
	uint8_t v[2] = { 0, 0 };
	int refused = refusal(modem), slot;

	if (call->kind == AT_TEST) {
		sim_modem_line(modem, "+CMGD: (%d-%u),(0-4)", index_base(modem),
			store->size + (unsigned)index_base(modem) - 1);
		return AT_OK;
	}
	if (refused)
		return refused;
	if (call->kind != AT_SET || at_numbers(call->args, v, 2) < 1 || v[1] > 4)
		return AT_ERROR;
	if (modem->faults.cmgd_error > 0) {
		modem->faults.cmgd_error--;
		return AT_CMS + 500;
	}
	slot = slot_of(modem, store, v[0]);
	if (v[1] > 0)
		delete_blanket(modem, store, v[1]);
	else if (slot < 0)
		return AT_CMS + 321;
	else if (store->slots[slot])
		count_delete(modem, store, (unsigned)slot);
	else
		modem->counts.deleted_empty++;
	if (modem->faults.cmgd_lies > 0) {
		modem->faults.cmgd_lies--;
		return AT_ERROR;
	}
	return AT_OK;
}
