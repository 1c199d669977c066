/* counter.c - what was done and what was refused, process-wide. */
#include "base/counter.h"

#include <stdatomic.h>
#include <stddef.h>

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
	[COUNTER_SMS_ERASED] = "sms_erased",
	[COUNTER_STORE_COMMITS] = "store_commits",
	[COUNTER_STORE_JOBS] = "store_jobs",
	[COUNTER_STORE_ERRORS] = "store_errors",
	[COUNTER_STORE_REFUSED] = "store_refused",
	[COUNTER_OPEN_HUNG] = "open_hung",
	[COUNTER_OPEN_REFUSED] = "open_refused",
	[COUNTER_AT_TIMEOUTS] = "at_timeouts",
	[COUNTER_AT_REFUSED_BYTES] = "at_refused_bytes",
	[COUNTER_HTTP_REFUSED] = "http_refused",
	[COUNTER_HTTP_TIMEOUTS] = "http_timeouts",
	[COUNTER_HTTP_WRONG_KEYS] = "http_wrong_keys",
	[COUNTER_HTTP_STREAMS_BEHIND] = "http_streams_behind",
	[COUNTER_HTTP_SLOWED] = "http_slowed",
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

static const char *const helps[COUNTER_COUNT] = {
	[COUNTER_SMS_RECEIVED] = "Entries journalled, whole texts and parts.",
	[COUNTER_SMS_UNDECODABLE] = "Texts that could not be decoded.",
	[COUNTER_SMS_SAME_ENTRY] = "Texts listed again before their deletion.",
	[COUNTER_SMS_JOINED] = "Messages put together from parts.",
	[COUNTER_SMS_NO_TEXT] = "Status reports, data and the like: kept, not forwarded.",
	[COUNTER_SMS_GAPS] = "Long texts that went out without a part.",
	[COUNTER_SMS_LATE] = "Parts that came after their text and went out alone.",
	[COUNTER_SMS_REPEATED] = "Parts that the network sent again.",
	[COUNTER_SETS_CROWDED] = "Unfinished long texts over a limit that went out early.",
	[COUNTER_SMS_ERASED] = "Texts kept long enough whose words were erased.",
	[COUNTER_STORE_COMMITS] = "Transactions that wrote.",
	[COUNTER_STORE_JOBS] = "Jobs that the store ended, well or not.",
	[COUNTER_STORE_ERRORS] = "Jobs of the store that failed.",
	[COUNTER_STORE_REFUSED] = "Jobs of the store over its queue's limit.",
	[COUNTER_OPEN_HUNG] = "Opens of a device that hung and were abandoned.",
	[COUNTER_OPEN_REFUSED] = "Opens over the limit of abandoned threads.",
	[COUNTER_AT_TIMEOUTS] = "AT commands without an answer in time.",
	[COUNTER_AT_REFUSED_BYTES] = "Bytes from ports that were no text.",
	[COUNTER_HTTP_REFUSED] = "Connections and bodies over a limit.",
	[COUNTER_HTTP_TIMEOUTS] = "Connections cut because a request or its reply took too long.",
	[COUNTER_HTTP_WRONG_KEYS] = "Requests with a wrong key.",
	[COUNTER_HTTP_STREAMS_BEHIND] = "Streams of events cut off because the client fell behind.",
	[COUNTER_HTTP_SLOWED] = "Requests not looked at after too many wrong keys.",
	[COUNTER_SLOTS_REFUSED] = "Devices over the limit of slots.",
	[COUNTER_DELIVERED] = "Texts that a platform took.",
	[COUNTER_RETRIED] = "Tries to deliver that are to be repeated.",
	[COUNTER_REJECTED] = "Texts that a platform refused.",
	[COUNTER_DIRECT_IGNORED] = "Headers of texts shown unasked that had no PDU.",
	[COUNTER_DIRECT_REFUSED] = "Texts shown unasked over the limit of what a port keeps.",
	[COUNTER_ACKS_SENT] = "Acknowledgements to the network that were taken.",
	[COUNTER_ACKS_REFUSED] = "Acknowledgements to the network that were refused.",
	[COUNTER_ACKS_LATE] = "Acknowledgements not sent: the text was not stored in time.",
	[COUNTER_UDEV_RESYNCS] = "Looks at all devices after events of plugs were lost.",
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

const char *counter_help(enum counter counter)
{
	const char *help = (unsigned)counter < COUNTER_COUNT ? helps[counter] : NULL;

	return help ? help : counter_name(counter);
}
