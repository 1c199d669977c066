/* selection.h - inside the roster: which cards are in a platform's list, and why others are not. */
#ifndef SIMGATE_PLATFORM_SELECTION_H
#define SIMGATE_PLATFORM_SELECTION_H

#include "platform/listing.h"
#include "platform/platform.h"

struct selection {
	const struct platform_kind *kind;
	const struct config_platform *platform;
	char **banks; /* those that the platform sells */
	size_t bank_count;
	struct listing *refused; /* by the platform: left out until they change */
	size_t left_out;         /* of the list made last */
	uint64_t named;          /* hash of what was left out when it was last named in the log */
};

/* 0 or -ENOMEM. */
int selection_init(struct selection *selection, const struct platform_kind *kind,
	const struct config_platform *platform);
void selection_done(struct selection *selection);

/* Forgets what was refused: the configuration may be why. */
void selection_configure(struct selection *selection, const struct config_platform *platform);

/* banks are copied. 0 or -ENOMEM. */
int selection_sells(struct selection *selection, char *const *banks, size_t count);

bool selection_sold(const struct selection *selection, const char *bank);

/* The platform does not take this entry. */
void selection_refuse(struct selection *selection, const struct list_entry *entry);

/* What can be sold now, the caller's; logs what is left out, once until that changes. NULL if out
 * of memory. */
struct listing *selection_make(
	struct selection *selection, const struct store_roster_row *row, size_t count);

#endif
