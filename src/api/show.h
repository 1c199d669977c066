/* show.h - a port, a message, the whole: as JSON, the same wherever it is asked for. */
#ifndef SIMGATE_API_SHOW_H
#define SIMGATE_API_SHOW_H

#include "api/control.h"
#include "api/json.h"

/* full: numbers, senders and the text as they are; else masked, and without the text. */
cJSON *show_port(const struct control_view *view, const struct modem *modem, bool full);
cJSON *show_message(const struct store_row *row, bool full);

/* Why a port that can receive is on no list: "" if nothing keeps it off, or if its state or its
 * drain tells. Of this host's ports; buf may be used. */
const char *show_unlisted(
	const struct control_view *view, const struct modem *modem, char *buf, size_t size);

cJSON *show_status(const struct control_view *view, const struct store_totals *totals);

#endif
