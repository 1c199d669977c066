/* modem_rate.c - the speed of a serial line: a modem that is silent is looked for at the usual
 * ones. */
#include "modem/modem_impl.h"

void modem_rate_anew(struct modem *modem)
{
	modem->rate.next = 0;
	modem->rate.proven = modem->rate.over = false;
}

/* Only where the speed matters: not on a network, not on a module's own USB. One that has answered
 * at this speed gets some other chances first. */
bool modem_next_rate(struct modem *modem)
{
	static const int usual[] = { 115200, 9600, 57600, 460800, 921600, 230400, 38400, 19200, 0 };
	enum { PATIENCE = 3 };
	const int *rates = modem->board && modem->board->bauds ? modem->board->bauds : usual;
	struct modem_rate *rate = &modem->rate;
	int was = rate->now;

	if (rate->over || modem->usb.parent[0] || !port_has_rate(modem->port) ||
		(rate->proven && modem->recovery.used[RECOVERY_REOPEN] < PATIENCE))
		return false;
	if (rate->next == 0)
		rate->base = was;
	while (rates[rate->next] && rates[rate->next] == rate->base)
		rate->next++;
	if (!rates[rate->next]) {
		rate->over = true;
		rate->now = modem->baud;
		return false;
	}
	rate->now = rates[rate->next++];
	modem->settled = true;
	fsm_go(&modem->fsm, MODEM_OPEN, "silent at %d baud: trying %d", was, rate->now);
	return true;
}

void modem_rate_answered(struct modem *modem)
{
	struct modem_rate *rate = &modem->rate;

	if (rate->now != modem->baud && rate->now != rate->said)
		log_notice(LOGC_PORT, modem->id, NULL,
			LOG_FIELDS(LOG_INT("baud", rate->now), LOG_INT("configured", modem->baud)),
			"answers at %d baud, not at the configured %d", rate->now, modem->baud);
	rate->said = rate->now;
	modem_rate_anew(modem);
	rate->proven = true;
}
