/* bank.h - SIM banks that switch cards: their control lines, which card is where, rotation. */
#ifndef SIMGATE_MODEM_BANK_H
#define SIMGATE_MODEM_BANK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/config.h"
#include "modem/modem.h"

struct banks;

/* What the banks ask before a card is taken out. */
struct bank_wiring {
	/* A platform's list has this port, or may have it in a moment. */
	bool (*listed)(void *arg, struct modem *modem);
	/* An order is open on the number of its card. */
	bool (*busy)(void *arg, const struct modem *modem);
	void *arg;
};

/* env and wiring must outlive it. NULL if out of memory. */
struct banks *banks_new(struct modem_env *env, const struct bank_wiring *wiring);

/* The banks of a configuration whose boards switch cards. One that is as before goes on; another
 * begins once the switches under way in the old one have ended. Nothing is kept of config. 0, or
 * -ENOMEM with some of them missing. */
int banks_configure(struct banks *banks, const struct config *config);

/* Sends nothing any more. Its memory goes with banks_free(), after store_close(). Both take NULL.
 */
void banks_stop(struct banks *banks);
void banks_free(struct banks *banks);

/* Puts a card into a port: sim is a row, or the ICCID of a card whose row in this column is known.
 * 0: it has begun, see banks_place(). Else a negative errno and a sentence in why: -ENOENT there is
 * no such row, card or column; -EBUSY something is under way; -ENODEV port or control line are not
 * open. */
int banks_select(struct banks *banks, const struct modem *modem, const char *sim, char *why,
	size_t why_size);

enum bank_switch { BANK_IDLE, BANK_SWITCHING, BANK_DONE, BANK_FAILED };
const char *bank_switch_name(enum bank_switch state);

/* Where a port's card is. */
struct bank_place {
	int control, column;
	int row, rows;          /* row 0: not known */
	enum bank_switch state; /* of the last switch */
	const char *text;       /* what it does, or why it failed */
};

/* False: no bank switches cards of this port. */
bool banks_place(const struct banks *banks, const struct modem *modem, struct bank_place *out);

/* The n-th control line of a bank; false past the last. why "": it is open. */
struct bank_control {
	int number;
	const char *device, *why;
};
bool banks_control(const struct banks *banks, const char *bank, size_t n, struct bank_control *out);

/* Finds out which port is wired to which column: takes every number of the bank off the list, and
 * switches one column after the other. Refuses as banks_select() does. */
int banks_calibrate(struct banks *banks, const char *name, char *why, size_t why_size);

/* Of the last calibration of a bank; false: there was none. */
struct bank_calibration {
	enum bank_switch state;
	const char *why;    /* it failed */
	size_t done, total; /* columns */
	size_t count;
	const char *const *lines; /* of a configuration, comments among them */
};
bool banks_calibration(const struct banks *banks, const char *bank, struct bank_calibration *out);

#endif
