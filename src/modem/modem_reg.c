/* modem_reg.c - the network's verdict: can this card receive texts. */
#include "modem/modem_impl.h"

enum { ACT_EUTRAN = 7 /* TS 27.007 10.1.22: from here on there is no circuit switched domain */ };

/* TS 27.007 7.2 and 10.1.22: 6 and 7 are registered for SMS alone; 9 and 10 too, for calls go
 * elsewhere, while texts come over SGs (TS 24.301 5.5.1.3.4.2, "CS fallback not preferred"). 8 is
 * attached for emergency calls, 11 for restricted local services: the card gets nothing else. */
enum modem_reg reg_of(int stat)
{
	switch (stat) {
	case 1:
	case 6:
	case 9: return REG_HOME;
	case 5:
	case 7:
	case 10: return REG_ROAMING;
	case 2: return REG_SEARCHING;
	case 3:
	case 8: return REG_DENIED;
	case 4: return REG_UNKNOWN;
	default: return REG_NONE;
	}
}

static bool registered(enum modem_reg reg)
{
	return reg == REG_HOME || reg == REG_ROAMING;
}

/* One domain that takes the card is enough. A packet domain of 2G or 3G alone (AcT 0 to 6) is not:
 * texts would need an SGSN with a way to the SMSC and a subscription for it, which networks seldom
 * have (TS 23.060 leaves it to them; +CGSMS concerns what is sent), and a card whose circuit
 * switched side is refused is a data card there. From E-UTRAN on (7 and above; 8 and 9 are EC-GSM
 * and NB-IoT, which have nothing else) texts use no circuit switched side: they come in NAS
 * messages, over SGs or IMS (TS 24.301 5.6.3, TS 23.272 8.2). Modems report that as +CEREG, or as
 * +CGREG with such an AcT. Where no domain takes the card, the first one that says something
 * counts, the circuit switched one before the others. */
enum modem_reg reg_verdict(enum modem_reg cs, enum modem_reg ps, enum modem_reg eps, int act)
{
	const enum modem_reg all[] = { cs, eps, ps };

	if (registered(cs))
		return cs;
	if (registered(eps))
		return eps;
	if (registered(ps) && act >= ACT_EUTRAN)
		return ps;
	for (int i = 0; i < 3; i++)
		if (all[i] == REG_SEARCHING || all[i] == REG_DENIED)
			return all[i];
	return cs == REG_UNKNOWN || eps == REG_UNKNOWN ? REG_UNKNOWN : REG_NONE;
}
