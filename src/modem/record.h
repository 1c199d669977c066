/* record.h - what is said on a channel, masked, as a transcript that the tests can play. */
#ifndef SIMGATE_MODEM_RECORD_H
#define SIMGATE_MODEM_RECORD_H

#include "base/loop.h"

struct record;

/* Writes to FOLDER/BANK_SLOT, with ".2", ".3", ... behind it where that is there already: nothing
 * is overwritten. The folder is made. NULL, with a line in the log, if it cannot be written. */
struct record *record_new(struct loop *loop, const char *folder, const char *port_id);

/* Takes NULL. A head is written even if the device was never known. */
void record_free(struct record *record);

/* The device is known: goes into the head. The first one counts. Takes NULL. */
void record_device(struct record *record, const char *model);

/* dir: '>' sent, '<' received. Takes NULL. Written at once; for a run by hand, not for service. */
void record_line(struct record *record, char dir, const char *line);

#endif
