/* modem_twin.c - several AT interfaces of one module: one serves, the others wait behind it. */
#include <string.h>

#include "modem/modem_impl.h"

enum { UNNAMED_RANK = 64 }; /* interfaces that the driver does not name come behind those it does */

/* The same USB device and the same IMEI. Without a USB device each is a modem of its own, whatever
 * its IMEI: clones share one. */
static bool same_module(const struct modem *a, const struct modem *b)
{
	return a != b && a->usb.parent[0] && strcmp(a->usb.parent, b->usb.parent) == 0 &&
	       a->usb.interface != b->usb.interface && a->module_imei[0] &&
	       strcmp(a->module_imei, b->module_imei) == 0;
}

/* Serves, or knows already that it will. */
static bool at_work(const struct modem *modem)
{
	return !modem->dead &&
	       (modem->fsm.state == MODEM_SIM || modem->fsm.state == MODEM_REGISTER ||
		       modem->fsm.state == MODEM_READY);
}

/* At work, or on its way there for a reason that is no trouble. */
static bool holds(const struct modem *modem)
{
	return at_work(modem) ||
	       (!modem->dead && !modem->recovery.begun && modem->fsm.state != MODEM_OFF &&
		       modem->fsm.state != MODEM_FAULT);
}

bool modem_twin_serves(const struct modem *modem)
{
	for (const struct modem *other = modem->env->modems; other; other = other->next)
		if (same_module(modem, other) && holds(other))
			return true;
	return false;
}

/* The lower the better. */
static int rank(const struct modem *modem)
{
	const int8_t *named = modem->driver ? modem->driver->interfaces : NULL;

	for (int i = 0; named && named[i] >= 0; i++)
		if (named[i] == modem->usb.interface)
			return i;
	return UNNAMED_RANK + modem->usb.interface;
}

static bool better(const struct modem *modem, const struct modem *other)
{
	if (modem->recovery.begun != other->recovery.begun)
		return other->recovery.begun;
	return rank(modem) < rank(other);
}

void modem_twin_put_off(struct modem *modem)
{
	const char *id = "";

	for (const struct modem *other = modem->env->modems; other; other = other->next)
		if (same_module(modem, other) && other->fsm.state != MODEM_OFF)
			id = other->id;
	modem->put_off = true;
	fsm_go(&modem->fsm, MODEM_OFF, "another interface of %s", id);
}

bool modem_twin_decide(struct modem *modem)
{
	struct modem *other = modem->env->modems;

	for (; other; other = other->next)
		if (same_module(modem, other) && at_work(other) && !better(modem, other)) {
			modem_twin_put_off(modem);
			return true;
		}
	for (other = modem->env->modems; other; other = other->next)
		if (same_module(modem, other) && at_work(other))
			fsm_post(&other->fsm, EV_PUT_OFF, 0);
	return false;
}
