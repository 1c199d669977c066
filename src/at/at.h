/* at.h - scripts of AT commands on one channel, unsolicited codes, the way back after silence. */
#ifndef SIMGATE_AT_AT_H
#define SIMGATE_AT_AT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "at/at_lex.h"
#include "base/loop.h"

enum {
	AT_COMMAND_MAX = 256,
	AT_RING_LINES = 24, /* last lines kept for the operator, masked */
	AT_RING_WIDTH = 80,
	AT_TIMEOUT_MS = 5000, /* where a row names none (TS 27.007 gives none) */
	AT_RETRY_MS = 1000,   /* pause before a refused command is sent again */
	AT_QUIET_MS = 300,    /* silence that ends what a timed-out command may still say */
	AT_RESYNC_MS = 10000, /* all of a resync */
};

#define AT_SECRET "CPIN=" /* what follows is for nobody's eyes */

/* A line of an answer or an unsolicited one. Returns whether it was taken; a line that is refused
 * is offered to whoever comes next. */
typedef bool at_line_fn(void *owner, const char *line);

/* A command put together at run time. */
struct at_text {
	char text[AT_COMMAND_MAX];
	size_t len;
	bool refused;
};
void at_put(struct at_text *text, const char *plain);
void at_put_int(struct at_text *text, int value);

/* Puts "value" in quotes. The command is refused if value has a quote, CR, LF, Ctrl-Z, ESC or any
 * other control byte: nothing of it reaches the modem. */
void at_put_quoted(struct at_text *text, const char *value);

/* Fills in what follows "AT". */
typedef void at_build_fn(void *owner, struct at_text *text);

/* A row of a script, in the order it runs. */
struct at_cmd {
	const char *cmd;     /* what follows "AT" */
	at_build_fn *build;  /* instead of cmd */
	const char *prefix;  /* lines of the answer begin so; "" or NULL: they are bare */
	at_line_fn *fn;      /* takes such lines */
	at_line_fn *bare_fn; /* takes bare lines too, where fn takes prefixed ones */
	int timeout_ms;      /* since the last line of the answer; 0: AT_TIMEOUT_MS */
	int no_ok_ms;        /* so long a silence behind a line of the answer is an OK; 0: none */
	int retries;         /* after an error or silence */
	bool may_fail;       /* an error does not end the script */
};

struct at_script {
	const char *name;
	const struct at_cmd *rows;
	size_t count;
};

#define AT_SCRIPT(NAME, ...) \
	static const struct at_cmd NAME##_rows[] = { __VA_ARGS__ }; \
	static const struct at_script NAME = { #NAME, NAME##_rows, \
		sizeof NAME##_rows / sizeof NAME##_rows[0] }
#define AT_ROW(...) \
	{ \
		__VA_ARGS__ \
	}
#define AT_CMD(CMD)             AT_ROW(.cmd = (CMD))
#define AT_TRY(CMD)             AT_ROW(.cmd = (CMD), .may_fail = true)
#define AT_SLOW(CMD, MS)        AT_ROW(.cmd = (CMD), .timeout_ms = (MS))
#define AT_GET(CMD, PREFIX, FN) AT_ROW(.cmd = (CMD), .prefix = (PREFIX), .fn = (FN))
#define AT_ASK(CMD, PREFIX, FN) \
	AT_ROW(.cmd = (CMD), .prefix = (PREFIX), .fn = (FN), .may_fail = true)

/* Unsolicited codes: a line that begins so. A NULL prefix ends the table. */
struct at_urc {
	const char *prefix;
	at_line_fn *fn;
};

enum at_result {
	AT_OK,
	AT_FAILED,  /* the modem said so: code, family */
	AT_TIMEOUT, /* no answer, but the channel is in step again */
	AT_DEAD,    /* no answer, and none to AT either */
	AT_REFUSED, /* a build function was given what may not be sent */
};

enum at_family { AT_PLAIN, AT_CME, AT_CMS };

/* How a script ended, and the step that decided it. */
struct at_report {
	const char *script;
	const char *cmd; /* as sent, without "AT"; no PIN is in it */
	size_t step;
	enum at_result result;
	enum at_family family;
	int code; /* of +CME or +CMS ERROR; -1: none was given, or it was text */
};

typedef void at_done_fn(void *owner, const struct at_report *report);

/* A text that a modem shows unasked has several lines, and they come between any others. Each line
 * is offered here first, whatever the channel does; true: it was taken. wanted: a command waits for
 * bare lines of its own, or one that timed out may still bring them. */
typedef bool at_direct_fn(void *owner, const char *line, bool wanted);

/* What the engine needs of its owner. write: 0 or a negative errno. */
struct at_host {
	int (*write)(void *owner, const char *bytes, size_t len);
	at_done_fn *done;
	const struct at_urc *urcs; /* everybody's */
	at_direct_fn *direct;      /* NULL: there are no such texts */
	/* The modem repeats what it was sent. May be NULL. */
	void (*echo)(void *owner);
	/* Told each line as it is, secrets and all; dir '>' sent, '<' received. May be NULL. */
	void (*trace)(void *owner, char dir, const char *line);
};

struct at_ring_line {
	int64_t wall_ms;
	char dir; /* '>' sent, '<' received */
	char line[AT_RING_WIDTH];
};

struct at {
	struct loop *loop;
	const struct at_host *host;
	void *owner;
	const char *object;               /* in the log; the owner's */
	const struct at_urc *driver_urcs; /* looked at first; may be NULL */
	int gap_ms;                       /* pause between an answer and the next command */
	struct at_lex lex;
	struct loop_timer timer, limit;
	const struct at_script *script; /* NULL: idle */
	size_t row;
	bool yield; /* something more urgent waits: no further row */
	int tries;
	int phase;
	bool answered;       /* a line of the answer has come */
	struct at_text sent; /* a secret in it is masked as soon as it has left */
	struct at_report report;
	int oks, resyncs;
	int owed, owed_ms; /* answers that repeated ATs may still bring, and how far apart */
	unsigned epoch;    /* changes when the channel is reset: what came before is void */
	uint64_t timeouts, unknown_lines;
	bool body; /* lines that follow may be the text of a message: not for people */
	struct at_ring_line ring[AT_RING_LINES];
	unsigned ring_next;
};

void at_init(struct at *at, struct loop *loop, const struct at_host *host, void *owner,
	const char *object);
void at_done(struct at *at);

/* A new channel: forgets the script (without a report), the line at hand and all timers. */
void at_reset(struct at *at);

/* Runs a script; host->done tells the end, never from inside this call. -EBUSY while one runs. */
int at_run(struct at *at, const struct at_script *script);
bool at_idle(const struct at *at);

/* Ends the script that runs after the row at hand, as if that were its last. */
void at_yield(struct at *at);

/* Bytes from the port. */
void at_feed(struct at *at, const uint8_t *bytes, size_t len);

/* The n-th newest line kept (0: the newest); NULL past the last. */
const struct at_ring_line *at_ring(const struct at *at, unsigned n);

/* A copy for people: runs of hexadecimal digits past 32 as "<pdu 154>", of 6 and more decimal
 * digits as "***" and the last three, what stands behind CPIN= as "***", the text of +CUSD: as
 * "<text 23>". */
void at_mask(const char *line, char *out, size_t size);

#endif
