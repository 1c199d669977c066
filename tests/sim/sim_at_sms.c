/* sim_at_sms.c - the simulated modem's message commands (3GPP TS 27.005). */
#include "sim_at.h"

#include <string.h>

int at_sms_refusal(const struct sim_modem *modem)
{
	if (!modem->sim_in)
		return AT_CMS + 310;
	if (modem->sim_stale)
		return AT_CMS + 313;
	if (modem->sim_locked)
		return AT_CMS + (modem->card->pin_tries > 0 ? 311 : 316);
	return modem->set.cfun == 0 ? AT_CMS + 302 : AT_OK;
}

int at_cmgf(struct at_call *call)
{
	uint8_t mode = call->modem->set.text_mode;

	switch (call->kind) {
	case AT_READ: sim_line(call->modem, "+CMGF: %u", mode); return AT_OK;
	case AT_TEST: sim_line(call->modem, "+CMGF: (0,1)"); return AT_OK;
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
		sim_line(call->modem, "+CSMS: %u,1,1,1", service);
	} else if (call->kind == AT_TEST) {
		sim_line(call->modem, "+CSMS: (0,1)");
	} else {
		if (call->kind != AT_SET || at_numbers(call->args, &service, 1) != 1 || service > 1)
			return AT_CMS + 303;
		call->modem->set.csms = faults->csms_no_mt ? 0 : service;
		sim_line(call->modem, "+CSMS: %d,1,1", !faults->csms_no_mt);
	}
	return AT_OK;
}

/* Bare, or =0 and =1: the text is taken (3.4.4). 340: none is waited for. */
int at_cnma(struct at_call *call)
{
	struct sim_modem *modem = call->modem;
	uint8_t n = 0;

	if (call->kind == AT_TEST) {
		sim_line(modem, "+CNMA: (0-2)");
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
	static const uint8_t usual[] = { BIT0 | BIT1 | BIT2, 15, 15, BIT0 | BIT1 | BIT2,
		BIT0 | BIT1 };
	const struct sim_profile *profile = call->modem->profile;
	struct sim_settings *set = &call->modem->set;
	int most = profile->cnmi_most ? profile->cnmi_most : 5, n;
	uint8_t v[8] = { 0 };

	memcpy(v, set->cnmi, sizeof(set->cnmi));
	if (call->kind == AT_TEST) {
		sim_line(call->modem, "+CNMI: %s",
			profile->cnmi_test ? profile->cnmi_test
					   : "(0,1,2),(0,1,2,3),(0,2),(0,1,2),(0,1)");
		return AT_OK;
	}
	if (call->kind == AT_READ) {
		sim_line(call->modem, "+CNMI: %u,%u,%u,%u,%u", v[0], v[1], v[2], v[3], v[4]);
		return AT_OK;
	}
	n = call->kind == AT_SET ? at_numbers(call->args, v, 8) : -1;
	if (n < 1)
		return AT_ERROR;
	if (n > most)
		return AT_TOO_MANY;
	for (int i = 0; i < n; i++) {
		unsigned allowed = profile->cnmi[i] ? profile->cnmi[i] : usual[i];
		if (v[i] > 7 || !(allowed >> v[i] & 1))
			return at_or(profile->cnmi_error, AT_CMS + 303);
	}
	memcpy(set->cnmi, v, sizeof(set->cnmi));
	return AT_OK;
}

static const char *const memory_names[] = { "SM", "ME", "MT", "SR" };

/* The module has it: the card's always, others by their size. */
static bool has_memory(struct sim_modem *modem, int memory)
{
	if (memory == SIM_MEMORY_SM)
		return true;
	if (memory == SIM_MEMORY_SR)
		return modem->sr.size > 0;
	return modem->me.size > 0;
}

/* Quoted names separated by commas; how many, 0 for junk or a memory that is not there. */
static int parse_memories(struct at_call *call, enum sim_memory memory[3])
{
	const char *at = call->args;

	for (int n = 0; n < 3; at++) {
		int which = 0;
		while (which < 4 && (at[0] != '"' || at[3] != '"' ||
					    strncmp(at + 1, memory_names[which], 2) != 0))
			which++;
		if (which == 4 || !has_memory(call->modem, which))
			return 0;
		memory[n++] = (enum sim_memory)which;
		at += 4;
		if (*at == '\0')
			return n;
		if (*at != ',')
			return 0;
	}
	return 0;
}

static int choose_memories(struct at_call *call)
{
	struct sim_modem *modem = call->modem;
	const struct sim_profile *profile = modem->profile;
	unsigned counts = profile->cpms_counts ? profile->cpms_counts : BIT1 | BIT2 | BIT3;
	enum sim_memory wanted[3];
	int n;

	memcpy(wanted, modem->set.memory, sizeof(wanted));
	n = parse_memories(call, wanted);
	if (n > 0 && !(counts >> n & 1))
		return n > 1 && profile->too_many ? AT_TOO_MANY : AT_ERROR;
	if (n == 0 || (profile->third_no_me && n == 3 && wanted[2] == SIM_MEMORY_ME))
		return at_or(profile->cpms_error, AT_CMS + 303);
	memcpy(modem->set.memory, wanted, sizeof(wanted));
	return AT_OK;
}

int at_cpms(struct at_call *call)
{
	struct sim_modem *modem = call->modem;
	const enum sim_memory *memory = modem->set.memory;
	const char *some = modem->me.size > 0 ? "(\"SM\",\"ME\")" : "(\"SM\")";
	int refused = at_sms_refusal(modem);
	char all[96] = "";
	size_t len = 0;

	if (call->kind == AT_TEST && modem->profile->stores) {
		sim_line(modem, "+CPMS: %s", modem->profile->stores);
		return AT_OK;
	}
	if (call->kind == AT_TEST) {
		sim_line(modem, "+CPMS: %s,%s,%s", some, some, some);
		return AT_OK;
	}
	if (refused)
		return refused;
	if (call->kind == AT_SET)
		refused = choose_memories(call);
	if (refused || call->kind == AT_DO)
		return refused ? refused : AT_ERROR;
	for (int i = 0; i < 3; i++) {
		if (call->kind == AT_READ)
			len += (size_t)snprintf(all + len, sizeof(all) - len, "%s\"%s\"",
				i ? "," : "", memory_names[memory[i]]);
		len += (size_t)snprintf(all + len, sizeof(all) - len, "%s%u,%u", len ? "," : "",
			modem->faults.deaf ? 0 : sim_store_used(modem, memory[i]),
			sim_store_size(modem, memory[i]));
	}
	sim_line(modem, "+CPMS: %s", all);
	return AT_OK;
}

/* The store and slot that an index names, or NULL. */
static struct sim_store *place_of(struct sim_modem *modem, unsigned index, unsigned *slot)
{
	enum sim_memory memory = modem->set.memory[0];
	unsigned base = modem->profile->index_base;

	if (index < base || index - base >= sim_store_size(modem, memory))
		return NULL;
	return sim_store_at(modem, memory, index - base, slot);
}

int at_cmgr(struct at_call *call)
{
	struct sim_modem *modem = call->modem;
	const struct sim_profile *profile = modem->profile;
	int refused = at_sms_refusal(modem);
	struct sim_store *store;
	struct sim_text *text;
	uint8_t index = 0;
	unsigned slot;

	if (refused)
		return refused;
	if (call->kind != AT_SET || at_numbers(call->args, &index, 1) != 1)
		return AT_ERROR;
	if (modem->set.text_mode)
		return AT_CMS + 304;
	store = place_of(modem, index, &slot);
	if (!store)
		return AT_CMS + 321;
	text = modem->faults.deaf ? NULL : store->slots[slot];
	if (!text) /* both manners are met: bare OK, and an error */
		return profile->empty_error ? AT_CMS + 321 : AT_OK;
	sim_line(modem, "+CMGR: %u,%s%zu\r\n%s", text->stat,
		profile->cmgr_alpha ? profile->cmgr_alpha : ",", text->tpdu_len, text->hex);
	at_mark_seen(modem, text);
	return AT_OK;
}

static void count_delete(struct sim_modem *modem, struct sim_store *store, unsigned slot)
{
	modem->counts.deleted++;
	if (!store->slots[slot]->listed)
		modem->counts.deleted_unlisted++;
	sim_store_delete(store, slot);
	modem->full_said = false;
}

static void delete_blanket(struct sim_modem *modem, unsigned flag)
{
	enum sim_memory memory = modem->set.memory[0];
	unsigned slot;

	modem->counts.deleted_blanket++;
	for (unsigned i = 0; i < sim_store_size(modem, memory); i++) {
		struct sim_store *store = sim_store_at(modem, memory, i, &slot);
		if (store->slots[slot] && (flag == 4 || store->slots[slot]->stat == 1))
			count_delete(modem, store, slot);
	}
}

static int delete_one(struct sim_modem *modem, unsigned index)
{
	unsigned slot;
	struct sim_store *store = place_of(modem, index, &slot);

	if (!store)
		return AT_CMS + 321;
	if (store->slots[slot])
		count_delete(modem, store, slot);
	else
		modem->counts.deleted_empty++;
	return AT_OK;
}

int at_cmgd(struct at_call *call)
{
	struct sim_modem *modem = call->modem;
	const struct sim_profile *profile = modem->profile;
	uint8_t v[2] = { 0, 0 };
	int result = at_sms_refusal(modem), n;

	if (call->kind == AT_TEST) {
		sim_line(modem, "+CMGD: (%u-%u),(0-4)", profile->index_base,
			sim_store_size(modem, modem->set.memory[0]) + profile->index_base - 1);
		return AT_OK;
	}
	if (result)
		return result;
	n = call->kind == AT_SET ? at_numbers(call->args, v, 2) : -1;
	if (n < 1 || v[1] > 4)
		return AT_ERROR;
	if (n > 1 && profile->cmgd_one)
		return AT_CMS + 500;
	if (modem->faults.cmgd_error > 0) {
		modem->faults.cmgd_error--;
		return AT_CMS + 500;
	}
	if (v[1] > 0)
		delete_blanket(modem, v[1]);
	else
		result = delete_one(modem, v[0]);
	if (result == AT_OK && modem->faults.cmgd_lies > 0) {
		modem->faults.cmgd_lies--;
		return AT_ERROR;
	}
	return result;
}
