/* gateway.h - owns every long-lived object and wires one wing to the other. */
#ifndef SIMGATE_GATEWAY_H
#define SIMGATE_GATEWAY_H

#include <stddef.h>

#include "base/config.h"
#include "base/loop.h"

enum { GATEWAY_SLOTS_MAX = 4096 };

struct gateway;

/* The names that a configuration may use, as this binary carries them. */
const struct config_names *gateway_names(void);

/* Reads what a configuration names beyond the files that it is made of: the rules of the filters.
 * Errors are added to the report. */
void gateway_check(const struct config *config, struct config_report *report);

/* Takes the configuration over and sets everything going. 0, or a negative errno and a sentence in
 * why (store, listener): nothing is left behind then. */
int gateway_start(
	struct loop *loop, struct config *config, struct gateway **out, char *why, size_t why_size);

/* Reads the configuration again, as simgatectl reload and SIGHUP ask for. */
void gateway_reload(struct gateway *gateway);

/* Takes no more, lets what is under way finish for some seconds, then calls done. A second call
 * ends the waiting. */
void gateway_stop(struct gateway *gateway, loop_fn *done, void *arg);

/* Closes every tty and the store. Openers that hang in the kernel are left to the process's end. */
void gateway_free(struct gateway *gateway);

#endif
