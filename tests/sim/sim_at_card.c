/* sim_at_card.c - the simulated modem's commands for its card: PIN, identity, own number. */
#include "sim_at.h"

#include <string.h>
#include <strings.h>

/* TS 27.007 9.2 */
enum {
	NO_SIM = 10,
	SIM_PIN = 11,
	SIM_PUK = 12,
	SIM_FAILURE = 13,
	SIM_BUSY = 14,
	BAD_PASSWORD = 16
};

enum { PUK_TRIES = 10, FILE_DIGITS = 20 };

static bool busy(const struct sim_modem *modem)
{
	return modem->times.sim_us > 0 && sim_now_us() < modem->times.sim_us;
}

/* Why the card cannot be read, AT_OK if it can. */
static int at_card_refusal(const struct sim_modem *modem)
{
	if (busy(modem))
		return at_or(modem->profile->sim_busy, AT_CME + SIM_BUSY);
	if (!modem->sim_in)
		return AT_CME + NO_SIM;
	if (modem->sim_locked && !modem->sim_stale && modem->set.cfun != 0)
		return AT_CME + (modem->card->pin_tries > 0 ? SIM_PIN : SIM_PUK);
	return sim_modem_sim_ready(modem) ? AT_OK : AT_CME + SIM_FAILURE;
}

/* ---- PIN ------------------------------------------------------------------------------------ */

/* "1234", with quotes or without; a PUK has a new PIN behind it. */
static int enter_pin(struct sim_modem *modem, const char *args)
{
	struct sim_card *card = modem->card;
	const char *at = args + (*args == '"');
	size_t len = strspn(at, "0123456789");

	if (!modem->sim_locked)
		return AT_CME + 3; /* not allowed: no PIN is wanted */
	if (card->pin_tries == 0)
		return AT_CME + BAD_PASSWORD; /* no PUK is right here */
	if (len != strlen(card->pin) || strncmp(at, card->pin, len) != 0) {
		card->pin_tries--;
		card->pin_wrong++;
		return AT_CME + BAD_PASSWORD;
	}
	card->pin_tries = SIM_PIN_TRIES;
	modem->sim_locked = false;
	modem->radio_after = true;
	if (sim_boot_span_us(modem, modem->profile->pin_ms) > 0)
		modem->times.pin_us =
			sim_now_us() + sim_boot_span_us(modem, modem->profile->pin_ms);
	return AT_OK;
}

int at_cpin(struct at_call *call)
{
	struct sim_modem *modem = call->modem;
	const struct sim_profile *profile = modem->profile;
	int refused = at_card_refusal(modem);
	const char *state = NULL;

	if (call->kind == AT_TEST)
		return AT_OK;
	if (call->kind == AT_SET)
		return modem->sim_in ? enter_pin(modem, call->args) : AT_CME + NO_SIM;
	if (call->kind != AT_READ)
		return AT_ERROR;
	if (refused == AT_OK)
		state = "READY";
	else if (refused == AT_CME + SIM_PIN)
		state = "SIM PIN";
	else if (refused == AT_CME + SIM_PUK)
		state = "SIM PUK";
	else if (refused == AT_CME + NO_SIM)
		state = profile->cpin_absent;
	else if (refused == AT_CME + SIM_FAILURE)
		state = profile->cpin_off;
	if (!state)
		return refused;
	sim_line(modem, "+CPIN: %s", state);
	return refused == AT_OK && profile->cpin_no_ok ? AT_SILENT : AT_OK;
}

/* ---- identity ------------------------------------------------------------------------------- */

int at_cimi(struct at_call *call)
{
	struct sim_modem *modem = call->modem;
	int refused = at_card_refusal(modem);

	if (refused || call->kind == AT_SET)
		return refused ? refused : AT_ERROR;
	if (call->kind == AT_DO)
		sim_line(modem, "%s", modem->card->imsi);
	return AT_OK;
}

/* As the file has it (TS 51.011 10.1.1): nibbles swapped, filled with F. */
static void swapped_iccid(const struct sim_card *card, char swapped[FILE_DIGITS + 1])
{
	memset(swapped, 'F', FILE_DIGITS);
	swapped[FILE_DIGITS] = '\0';
	for (size_t i = 0; card->iccid[i]; i++)
		swapped[i ^ 1] = card->iccid[i];
}

/* EF ICCID is read without the PIN (TS 51.011 10.1.1). */
static int iccid_refusal(const struct sim_modem *modem)
{
	int refused = at_card_refusal(modem);

	return refused == AT_CME + SIM_PIN || refused == AT_CME + SIM_PUK ? AT_OK : refused;
}

static int say_iccid(struct sim_modem *modem, const struct sim_iccid *form)
{
	const struct sim_card *card = modem->card;
	int refused = iccid_refusal(modem);
	char digits[FILE_DIGITS + 1];

	if (modem->world->no_ccid)
		return AT_ERROR;
	if (refused)
		return refused;
	if (form->swapped)
		swapped_iccid(card, digits);
	else
		snprintf(digits, sizeof(digits), "%s%s", card->iccid,
			strlen(card->iccid) % 2 && form->filler ? form->filler : "");
	sim_line(modem, "%s%s%s", form->before ? form->before : "", digits,
		form->after ? form->after : "");
	return AT_OK;
}

/* READ BINARY of EF ICCID alone. */
int at_crsm(struct at_call *call)
{
	int refused = iccid_refusal(call->modem);
	char swapped[FILE_DIGITS + 1];

	if (call->kind != AT_SET)
		return AT_ERROR;
	if (refused)
		return refused;
	if (call->modem->world->no_ccid || strncmp(call->args, "176,12258", 9) != 0) {
		sim_line(call->modem, "+CRSM: 106,130,\"\"");
		return AT_OK;
	}
	swapped_iccid(call->modem->card, swapped);
	sim_line(call->modem, "+CRSM: 144,0,\"%s\"", swapped);
	return AT_OK;
}

static int say_tries(struct sim_modem *modem)
{
	const struct sim_tries *tries = &modem->profile->tries;

	if (!modem->sim_in)
		return AT_CME + NO_SIM;
	sim_line(modem, "%s%u%s", tries->before, modem->card->pin_tries, tries->after);
	return AT_OK;
}

bool at_card_own(struct sim_modem *modem, const char *text, int *result)
{
	const struct sim_profile *profile = modem->profile;
	const struct sim_holder *holder = &profile->holder;

	for (int i = 0; i < SIM_ICCIDS_MAX && profile->iccid[i].command; i++) {
		const char *name = profile->iccid[i].command;
		if (strcasecmp(name, text) == 0) {
			*result = say_iccid(modem, &profile->iccid[i]);
			return true;
		}
		if (strncasecmp(name, text, strlen(name)) == 0 &&
			strcmp(text + strlen(name), "=?") == 0) {
			*result = AT_OK;
			return true;
		}
	}
	if (profile->tries.command && strcasecmp(profile->tries.command, text) == 0) {
		*result = say_tries(modem);
		return true;
	}
	if (holder->command && strcasecmp(holder->command, text) == 0) {
		sim_line(modem, "%s", modem->sim_in ? holder->in : holder->out);
		*result = AT_OK;
		return true;
	}
	return false;
}

/* ---- own number ----------------------------------------------------------------------------- */

int at_cnum(struct at_call *call)
{
	struct sim_modem *modem = call->modem;
	const struct sim_profile *profile = modem->profile;
	int refused = at_card_refusal(modem);

	if (call->kind == AT_TEST)
		return AT_OK;
	if (call->kind != AT_DO)
		return AT_ERROR;
	if (refused)
		return refused;
	if (modem->world->own != SIM_OWN_CNUM)
		return profile->cnum_none;
	sim_line(modem, "+CNUM: %s\"%s\"%s", profile->cnum_alpha ? profile->cnum_alpha : ",",
		modem->card->number, profile->cnum_after ? profile->cnum_after : ",145");
	return AT_OK;
}

/* The phone books: the card's, and its own numbers. */
int at_cpbs(struct at_call *call)
{
	struct sim_modem *modem = call->modem;
	int refused = at_card_refusal(modem);

	if (refused)
		return refused;
	if (call->kind == AT_TEST) {
		sim_line(modem, "+CPBS: (\"SM\",\"ON\")");
	} else if (call->kind == AT_READ) {
		sim_line(modem, "+CPBS: \"%s\",0,50", modem->set.phonebook_own ? "ON" : "SM");
	} else {
		if (call->kind != AT_SET ||
			(strcmp(call->args, "\"ON\"") != 0 && strcmp(call->args, "\"SM\"") != 0))
			return AT_CME + 4;
		modem->set.phonebook_own = call->args[1] == 'O';
	}
	return AT_OK;
}

int at_cpbr(struct at_call *call)
{
	struct sim_modem *modem = call->modem;
	int refused = at_card_refusal(modem);
	uint8_t v[2] = { 0, 0 };

	if (refused)
		return refused;
	if (call->kind == AT_TEST) {
		sim_line(modem, "+CPBR: (1-%u),40,16", modem->set.phonebook_own ? 3u : 50u);
		return AT_OK;
	}
	if (call->kind != AT_SET || at_numbers(call->args, v, 2) < 1)
		return AT_ERROR;
	if (!modem->set.phonebook_own)
		sim_line(modem, "+CPBR: 1,\"112\",129,\"SOS\"");
	else if (modem->world->own == SIM_OWN_PHONEBOOK && v[0] <= 1)
		sim_line(modem, "+CPBR: 1,\"%s\",145,\"Own\"", modem->card->number);
	return AT_OK;
}
