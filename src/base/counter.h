/* counter.h - what was done and what was refused, process-wide. Per-port counts are in the port. */
#ifndef SIMGATE_BASE_COUNTER_H
#define SIMGATE_BASE_COUNTER_H

#include <stdint.h>

enum counter {
	COUNTER_SMS_RECEIVED, /* entries journalled: whole texts and parts */
	COUNTER_SMS_UNDECODABLE,
	COUNTER_SMS_SAME_ENTRY, /* listed again before their deletion */
	COUNTER_SMS_JOINED,     /* messages put together from parts */
	COUNTER_SMS_NO_TEXT,    /* status reports, data, ...: kept, not forwarded */
	COUNTER_SMS_GAPS,       /* long texts that went out without a part */
	COUNTER_SMS_LATE,       /* parts that came after that, gone out alone */
	COUNTER_SMS_REPEATED,   /* parts that the network sent again */
	COUNTER_SETS_CROWDED,   /* unfinished long texts over a limit: the oldest went out */
	COUNTER_SMS_ERASED, /* messages whose words were erased: they have been kept long enough */
	COUNTER_STORE_COMMITS,
	COUNTER_STORE_JOBS,
	COUNTER_STORE_ERRORS,
	COUNTER_STORE_REFUSED, /* jobs over the queue's limit */
	COUNTER_OPEN_HUNG,
	COUNTER_OPEN_REFUSED, /* opens over the limit of abandoned threads */
	COUNTER_AT_TIMEOUTS,
	COUNTER_AT_REFUSED_BYTES,
	COUNTER_HTTP_REFUSED,  /* connections or bodies over a limit */
	COUNTER_HTTP_TIMEOUTS, /* connections cut: a request or its reply took too long */
	COUNTER_HTTP_WRONG_KEYS,
	COUNTER_HTTP_STREAMS_BEHIND, /* streams of events cut off: the client fell behind */
	COUNTER_HTTP_SLOWED,         /* requests not looked at after too many wrong keys */
	COUNTER_SLOTS_REFUSED,       /* devices over the limit of slots */
	COUNTER_DELIVERED,
	COUNTER_RETRIED,
	COUNTER_REJECTED,
	COUNTER_DIRECT_IGNORED, /* headers of texts shown unasked that had no PDU */
	COUNTER_DIRECT_REFUSED, /* such texts over the limit of what a port keeps */
	COUNTER_ACKS_SENT,      /* AT+CNMA that was answered with OK */
	COUNTER_ACKS_REFUSED,
	COUNTER_ACKS_LATE,    /* not sent: the text was not stored in time */
	COUNTER_UDEV_RESYNCS, /* events of plugs were lost or missed: all was looked at */
	COUNTER_COUNT
};

void counter_add(enum counter counter, uint64_t n);
uint64_t counter_get(enum counter counter);

/* "sms_received" */
const char *counter_name(enum counter counter);

/* What it counts, in a sentence; the name where it says enough. */
const char *counter_help(enum counter counter);

#endif
