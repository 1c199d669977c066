/* counter.c - what was done and what was refused, process-wide. */
#include "base/counter.h"

#include <stdatomic.h>

/* Helper threads count too; nothing is ordered by a count. */
static _Atomic uint64_t counters[COUNTER_COUNT];

static const char *const names[COUNTER_COUNT] = {
	[COUNTER_SMS_RECEIVED] = "sms_received",
	[COUNTER_SMS_UNDECODABLE] = "sms_undecodable",
	[COUNTER_SMS_SAME_ENTRY] = "sms_same_entry",
	[COUNTER_SMS_JOINED] = "sms_joined",
	[COUNTER_SMS_NO_TEXT] = "sms_no_text",
	[COUNTER_SMS_GAPS] = "sms_gaps",
	[COUNTER_SMS_LATE] = "sms_late",
	[COUNTER_SMS_REPEATED] = "sms_repeated",
	[COUNTER_SETS_CROWDED] = "sets_crowded",
	[COUNTER_STORE_COMMITS] = "store_commits",
	[COUNTER_STORE_JOBS] = "store_jobs",
	[COUNTER_STORE_ERRORS] = "store_errors",
	[COUNTER_STORE_REFUSED] = "store_refused",
	[COUNTER_OPEN_HUNG] = "open_hung",
	[COUNTER_OPEN_REFUSED] = "open_refused",
	[COUNTER_AT_TIMEOUTS] = "at_timeouts",
	[COUNTER_AT_REFUSED_BYTES] = "at_refused_bytes",
	[COUNTER_HTTP_REFUSED] = "http_refused",
	[COUNTER_SLOTS_REFUSED] = "slots_refused",
	[COUNTER_DELIVERED] = "delivered",
	[COUNTER_RETRIED] = "retried",
	[COUNTER_REJECTED] = "rejected",
	[COUNTER_DIRECT_IGNORED] = "direct_ignored",
	[COUNTER_DIRECT_REFUSED] = "direct_refused",
	[COUNTER_ACKS_SENT] = "acks_sent",
	[COUNTER_ACKS_REFUSED] = "acks_refused",
	[COUNTER_ACKS_LATE] = "acks_late",
	[COUNTER_UDEV_RESYNCS] = "udev_resyncs",
};

void counter_add(enum counter counter, uint64_t n)
{
	if ((unsigned)counter < COUNTER_COUNT)
		atomic_fetch_add_explicit(&counters[counter], n, memory_order_relaxed);
}

uint64_t counter_get(enum counter counter)
{
	if ((unsigned)counter >= COUNTER_COUNT)
		return 0;
	return atomic_load_explicit(&counters[counter], memory_order_relaxed);
}

const char *counter_name(enum counter counter)
{
	return (unsigned)counter < COUNTER_COUNT ? names[counter] : "unknown";
}
