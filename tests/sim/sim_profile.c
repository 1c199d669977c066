/* sim_profile.c - the families of simulated modems: how each differs from 3GPP TS 27.005
 * and 27.007.
 *
 * From what was seen of real ones, and from manuals; what no source tells is left as most have it.
 * Times are in milliseconds from the power-up of a real one. */
#include "sim_profile_impl.h"

#include <string.h>
#include <strings.h>

/* To the letter of the standards, where they leave a choice the one that hosts get wrong. */
const struct sim_profile sim_profile_generic = {
	.name = "generic",
	.cgmi = "Plain Radio",
	.cgmm = "PR-2000",
	.cgmr = "PR2000.01.07",
	.ati = LINES("Plain Radio", "PR-2000", "Revision: PR2000.01.07"),
	.unknown = AT_CME + 100,
	.boot = SAYS({ 2000, SIM_ALWAYS, "RDY" }, { 2000, SIM_ALWAYS, "+CFUN: 1" },
		{ 4000, SIM_WITH_CARD, "+CPIN: READY" },
		{ 4000, SIM_WITHOUT_CARD, "+CPIN: NOT INSERTED" },
		{ 7000, SIM_WITH_CARD, "Call Ready" }, { 8000, SIM_WITH_CARD, "SMS Ready" }),
	.at_ms = 2000,
	.sim_ms = 4000,
	.sms_ms = 8000,
	.iccid = { { .command = "+CCID", .before = "+CCID: ", .filler = "F" } },
	.tries = { "+CPINR", "+CPINR: SIM PIN,", ",3" },
	.card_enable = "+CSDT=1",
	.card_in = SAYS({ 0, SIM_ALWAYS, "+CPIN: READY" }, { 0, SIM_WITH_CARD_CIURC, "Call Ready" },
		{ 0, SIM_WITH_CARD_CIURC, "SMS Ready" }),
	.card_out = SAYS({ 0, SIM_ALWAYS, "+CPIN: NOT INSERTED" }),
	.accepts = "+CSDT ",
	.cereg = true,
	.act = -1,
	.memory = SIM_MEMORY_ME,
	.cnmi = { 0, 0, 0, BIT0 | BIT2 }, /* 1 is offered and refused, as by many */
	.empty_error = true,
};

const struct sim_profile *const sim_profiles[] = { &sim_profile_sim800, &sim_profile_sim5320,
	&sim_profile_sim7600, &sim_profile_a76xx, &sim_profile_quectel_gsm,
	&sim_profile_quectel_lte, &sim_profile_huawei, &sim_profile_zte, &sim_profile_wavecom,
	&sim_profile_cinterion, &sim_profile_telit, &sim_profile_ublox, &sim_profile_neoway,
	&sim_profile_fibocom, &sim_profile_aithinker, &sim_profile_luat, &sim_profile_generic,
	NULL };

const struct sim_profile *sim_profile_named(const char *name, unsigned len)
{
	for (const struct sim_profile *const *at = sim_profiles; *at; at++)
		if (strlen((*at)->name) == len && strncmp((*at)->name, name, len) == 0)
			return *at;
	return NULL;
}

bool sim_profile_has(const char *commands, const char *command)
{
	size_t typed = strlen(command), len;

	for (const char *at = commands; at && *at; at += len + (at[len] == '|')) {
		len = strcspn(at, "|");
		if (len == typed && strncasecmp(at, command, len) == 0)
			return true;
		if (len < typed && at[len - 1] == '=' && strncasecmp(at, command, len) == 0 &&
			strcmp(command + len, "0") != 0)
			return true;
	}
	return false;
}
