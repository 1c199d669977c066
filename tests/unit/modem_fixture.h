/* modem_fixture.h - modems on ports that the test plays, a clock that stands still, a real store.
 */
#ifndef SIMGATE_TESTS_MODEM_FIXTURE_H
#define SIMGATE_TESTS_MODEM_FIXTURE_H

#include "modem/inbox.h"
#include "modem/modem.h"
#include "unit.h"

enum { FAKES_MAX = 6 };

struct fake_port {
	struct port port;
	char out[4096]; /* what the daemon wrote and nobody looked at yet */
	size_t len;
	struct loop_timer timer;
	int open_err;
	bool open;
	int opens, baud; /* of the last open */
	int answers_at;  /* the only speed at which it is heard; 0: its speed does not matter */
};

/* One modem most of the time: its port is `fake`, the first of `fakes`. */
struct bench {
	char dir[64], device[96];
	struct loop *loop;
	struct store *store;
	struct inbox *inbox;
	struct modem_env env;
	struct modem *modem;
	struct fake_port fakes[FAKES_MAX], *fake;
	size_t fake_count;
	int stored, changes;
	unsigned chunk; /* seed of how the modem's bytes are split */
};

extern struct bench *bench;

/* Transcripts of the next bench go there; NULL: nothing is recorded. */
extern const char *record_folder;

/* What a transcript configures for this bench: "pin 1234", "ussd *100#". */
void set_up(const char *words, const char *where);

int bench_setup(void **state);
int bench_teardown(void **state);
void open_store(void);
void new_modem(void);
void close_all(void);

/* Lets what is stored get stored. */
void settle(void);

/* Waits until the daemon has written a line to the first modem and takes it. */
bool next_command(char *out, size_t size);

/* Bytes from the first modem arrive one to three at a time. "\xNN" in a line is a byte. */
void feed(const char *bytes, size_t len);
void feed_line(const char *text);

/* What the first port's line does. */
void fake_lost(void);

/* ---- modems that answer by table ------------------------------------------------------------ */

extern struct sim {
	const char *cpin, *ccid, *creg, *list, *list_me, *stores, *cpms, *model, *imei;
	const char *csms, *cnma, *cfun, *cmgf, *ati;
	bool dead, garbage, list_once, text_mode, endless;
	const char *cmgd;
	const char *all;                           /* the answer to everything */
	const char *(*reply)(const char *command); /* asked first; NULL from it: the table */
	bool in_me;
	int deletes, lists, acks, setups, services, services_off, radios, restarts, inits;
} sim;

const char *reply_to(const char *command);

/* Time passes, and the modems answer what they are asked. */
void pass(int64_t ms);
void converse(void);
void reach_ready(void);

#endif
