/* sim_control.c - what the test says to the simulated modems. */
#include "ctl.h"
#include "sim.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Counts into *count what the reply tells; the error's name, or NULL. args may be cut up. */
typedef const char *modem_fn(struct sim_modem *modem, char *args, long *count);

struct modem_verb {
	const char *name;
	modem_fn *fn;
	bool counted; /* reply: ok COUNT t=MICROSECONDS */
};

/* \n \r \t \\ and \s for a blank, in place. */
static char *unescape(char *text)
{
	static const char names[] = "nrt\\s", bytes[] = "\n\r\t\\ ";
	char *out = text;

	for (const char *in = text; *in; in++) {
		const char *which = *in == '\\' && in[1] ? strchr(names, in[1]) : NULL;
		*out++ = which ? bytes[which - names] : *in;
		in += which ? 1 : 0;
	}
	*out = '\0';
	return text;
}

static const char *why(int rc)
{
	switch (rc) {
	case 0: return NULL;
	case -EILSEQ: return "not UTF-8";
	case -EINVAL: return "does not fit a PDU";
	case -E2BIG: return "more than 255 parts";
	case -ENOBUFS: return "the network's queue is full";
	case -ENOSPC: return "the memory is full";
	case -EALREADY: return "plugged already";
	}
	return "failed";
}

static struct sim_pdu_spec spec_of(const struct sim_modem *modem, const char *sender)
{
	return (struct sim_pdu_spec) {
		.smsc = modem->world->smsc,
		.sender = sender,
		.when = time(NULL),
		.zone = modem->world->zone,
	};
}

static int inject_text(struct sim_modem *modem, const char *sender, const char *text, long *count)
{
	struct sim_pdu_spec spec = spec_of(modem, sender);
	struct sim_body body;
	struct sim_pdu pdu;
	size_t parts, start, len;
	int rc = sim_body_init(text, &body);

	if (rc < 0)
		return rc;
	parts = sim_body_parts(&body);
	if (parts > 1) {
		spec.ref = ++modem->card->ref;
		spec.total = (uint8_t)parts;
	}
	for (size_t seq = 1; seq <= parts && rc == 0; seq++) {
		spec.seq = (uint8_t)seq;
		sim_body_part(&body, seq, &start, &len);
		rc = sim_pdu_build(&spec, &body, start, len, &pdu);
		if (rc == 0)
			rc = sim_inject(modem, &pdu);
		*count += rc == 0;
	}
	sim_body_done(&body);
	return rc;
}

static const char *do_sms(struct sim_modem *modem, char *args, long *count)
{
	char *sender = ctl_word(&args);

	if (!sender)
		return "sms I SENDER TEXT";
	return why(inject_text(modem, unescape(sender), unescape(args), count));
}

/* To a card of the bank: what is in no modem waits at the network. */
static const char *do_post(struct sim_modem *modem, char *args, long *count)
{
	struct sim_card *to = sim_bank_card(modem->world->bank, modem->index, ctl_word(&args));
	struct sim_card *card = modem->card;
	char *sender = ctl_word(&args);
	bool in = modem->sim_in;
	int rc;

	if (!to || !sender)
		return "post I ROW SENDER TEXT";
	modem->card = to;
	modem->sim_in = in && to == card;
	rc = inject_text(modem, unescape(sender), unescape(args), count);
	modem->card = card;
	modem->sim_in = in;
	return why(rc);
}

/* One part alone, for a set that is out of order, incomplete or repeated. */
static const char *do_parts(struct sim_modem *modem, char *args, long *count)
{
	char *sender = ctl_word(&args);
	long ref, total, seq;
	struct sim_pdu_spec spec;
	struct sim_body body;
	struct sim_pdu pdu;
	int rc;

	if (!sender || !ctl_number(ctl_word(&args), 0, 255, &ref) ||
		!ctl_number(ctl_word(&args), 0, 255, &total) ||
		!ctl_number(ctl_word(&args), 0, 255, &seq))
		return "parts I SENDER REF TOTAL SEQ TEXT";
	rc = sim_body_init(unescape(args), &body);
	if (rc < 0)
		return why(rc);
	spec = spec_of(modem, unescape(sender));
	spec.ref = (uint8_t)ref;
	spec.total = (uint8_t)total;
	spec.seq = (uint8_t)seq;
	rc = sim_pdu_build(&spec, &body, 0, body.count, &pdu);
	sim_body_done(&body);
	if (rc == 0)
		rc = sim_inject(modem, &pdu);
	*count += rc == 0;
	return why(rc);
}

/* A class 0 text: shown by +CMT whatever +CNMI says, and not stored. With +CSMS=1 it waits for
 * AT+CNMA; without that it is shown again later, where +CNMI lets it. */
static const char *do_flash(struct sim_modem *modem, char *args, long *count)
{
	char *sender = ctl_word(&args);
	struct sim_pdu_spec spec;
	struct sim_body body;
	struct sim_pdu pdu;
	int rc;

	if (!sender)
		return "flash I SENDER TEXT";
	rc = sim_body_init(unescape(args), &body);
	if (rc < 0)
		return why(rc);
	spec = spec_of(modem, unescape(sender));
	spec.flash = true;
	rc = sim_pdu_build(&spec, &body, 0, body.count, &pdu);
	sim_body_done(&body);
	if (rc == 0)
		rc = sim_direct_put(modem, &pdu, SIM_AS_CMT);
	*count += rc == 0;
	return why(rc);
}

/* A status report, shown by +CDS; with <ds> 2 into its own memory, where there is one. */
static const char *do_report(struct sim_modem *modem, char *args, long *count)
{
	struct sim_pdu_spec spec = spec_of(modem, "+46735550100");
	struct sim_pdu pdu;
	int rc;

	(void)args;
	spec.ref = ++modem->card->ref;
	rc = sim_pdu_report(&spec, &pdu);
	if (rc == 0 && modem->set.cnmi[3] == 2 && sim_store_report(modem, &pdu)) {
		*count += 1;
		return NULL;
	}
	if (rc == 0)
		rc = sim_direct_put(modem, &pdu, SIM_AS_CDS);
	*count += rc == 0;
	return why(rc);
}

/* A page of a cell broadcast, shown by +CBM. */
static const char *do_page(struct sim_modem *modem, char *args, long *count)
{
	struct sim_body body;
	struct sim_pdu pdu;
	int rc = sim_body_init(unescape(args), &body);

	if (rc < 0)
		return why(rc);
	rc = sim_pdu_page(&body, &pdu);
	sim_body_done(&body);
	if (rc == 0)
		rc = sim_direct_put(modem, &pdu, SIM_AS_CBM);
	*count += rc == 0;
	return why(rc);
}

/* Any PDU, shown by +CMT. */
static const char *do_show(struct sim_modem *modem, char *args, long *count)
{
	struct sim_pdu pdu;
	int rc = sim_pdu_parse_hex(args, &pdu);

	if (rc == 0)
		rc = sim_direct_put(modem, &pdu, SIM_AS_CMT);
	*count += rc == 0;
	return why(rc);
}

static const char *do_pdu(struct sim_modem *modem, char *args, long *count)
{
	struct sim_pdu pdu;
	int rc = sim_pdu_parse_hex(args, &pdu);

	if (rc == 0)
		rc = sim_inject(modem, &pdu);
	*count += rc == 0;
	return why(rc);
}

static const char *do_fill(struct sim_modem *modem, char *args, long *count)
{
	long n;

	if (!ctl_number(ctl_word(&args), 1, SIM_STORE_MAX, &n))
		return "fill I COUNT";
	for (long i = 1; i <= n; i++) {
		struct sim_pdu_spec spec = spec_of(modem, "+46735550099");
		struct sim_body body;
		struct sim_pdu pdu;
		char text[64];
		snprintf(text, sizeof(text), "FILL %s %ld", modem->name, i);
		int rc = sim_body_init(text, &body);
		if (rc < 0)
			return why(rc);
		rc = sim_pdu_build(&spec, &body, 0, body.count, &pdu);
		sim_body_done(&body);
		if (rc == 0)
			rc = sim_fill(modem, &pdu);
		if (rc < 0)
			return why(rc);
		*count += 1;
	}
	return NULL;
}

static const char *do_mark(struct sim_modem *modem, char *args, long *count)
{
	char text[64];
	int64_t now_us = sim_now_us();
	int rc;

	(void)args;
	snprintf(text, sizeof(text), "MARK %s %llu", modem->name,
		(unsigned long long)++modem->world->marks);
	rc = inject_text(modem, "+46735550098", text, count);
	if (rc == 0 && modem->world->latency) {
		printf("%s t=%lld\n", text, (long long)now_us);
		fflush(stdout);
	}
	return why(rc);
}

static const char *do_fault(struct sim_modem *modem, char *args, long *count)
{
	char *name = ctl_word(&args);

	(void)count;
	return name ? sim_fault_set(modem, name, ctl_word(&args)) : "fault I NAME [NUMBER]";
}

static const char *do_clear(struct sim_modem *modem, char *args, long *count)
{
	(void)args;
	(void)count;
	sim_modem_clear(modem);
	return NULL;
}

static const char *swap_card(struct sim_modem *modem, const char *iccid)
{
	struct sim_world *world = modem->world;
	struct sim_card *card = iccid ? sim_card_find(world, iccid) : NULL;

	if (iccid && (strlen(iccid) < 19 || strlen(iccid) > 20))
		return "an ICCID has 19 or 20 digits";
	if (card && card->holder && card->holder != modem)
		return "that card is in another modem";
	if (!card)
		card = sim_card_new(world, iccid);
	if (!card)
		return "no memory";
	if (modem->sim_in)
		sim_modem_set_card(modem, false);
	modem->card->holder = NULL;
	modem->card = card;
	sim_modem_set_card(modem, true);
	return NULL;
}

static const char *do_sim(struct sim_modem *modem, char *args, long *count)
{
	char *what = ctl_word(&args);

	(void)count;
	if (what && strcmp(what, "swap") == 0)
		return swap_card(modem, ctl_word(&args));
	if (!what || (strcmp(what, "in") != 0 && strcmp(what, "out") != 0))
		return "sim I out|in|swap [ICCID]";
	if (modem->sim_in != (*what == 'i'))
		sim_modem_set_card(modem, *what == 'i');
	return NULL;
}

static const char *do_reg(struct sim_modem *modem, char *args, long *count)
{
	long stat;

	(void)count;
	if (!ctl_number(ctl_word(&args), 0, 11, &stat))
		return "reg I STAT";
	modem->network = (int)stat;
	sim_modem_announce(modem);
	sim_pump(modem);
	return NULL;
}

static const char *do_hangup(struct sim_modem *modem, char *args, long *count)
{
	(void)args;
	(void)count;
	if (!modem->plugged)
		return "not plugged";
	sim_modem_unplug(modem);
	modem->times.back_us = 0;
	return NULL;
}

static const char *do_plug(struct sim_modem *modem, char *args, long *count)
{
	int rc = sim_modem_plug(modem);

	(void)args;
	(void)count;
	if (rc == 0)
		sim_boot(modem);
	return why(rc);
}

/* By itself, as after a dip of its supply: an answer on its way is cut off. */
static const char *do_reboot(struct sim_modem *modem, char *args, long *count)
{
	(void)args;
	(void)count;
	if (!modem->plugged)
		return "not plugged";
	for (unsigned i = 0; i < modem->world->interfaces; i++)
		sim_channel_reset(&modem->channels[i], true);
	sim_boot(modem);
	return NULL;
}

/* By itself, its USB device goes and comes: reenumerate I [GAP_MS] */
static const char *do_reenumerate(struct sim_modem *modem, char *args, long *count)
{
	char *word = ctl_word(&args);
	long gap_ms = 300;

	(void)count;
	if (word && !ctl_number(word, 0, 600000, &gap_ms))
		return "reenumerate I [GAP_MS]";
	sim_modem_away(modem, gap_ms * 1000);
	return NULL;
}

/* The card asks for this PIN from the next power-up or insertion on; off: for none. */
static const char *do_pin(struct sim_modem *modem, char *args, long *count)
{
	struct sim_card *card = modem->card;
	char *pin = ctl_word(&args);

	(void)count;
	if (!pin || (strcmp(pin, "off") != 0 &&
			    (strspn(pin, "0123456789") != strlen(pin) || strlen(pin) < 4 ||
				    strlen(pin) >= sizeof(card->pin))))
		return "pin I DIGITS|off";
	snprintf(card->pin, sizeof(card->pin), "%s", strcmp(pin, "off") == 0 ? "" : pin);
	card->pin_tries = SIM_PIN_TRIES;
	return NULL;
}

/* The channel that unsolicited codes come on: codes I INTERFACE */
static const char *do_codes(struct sim_modem *modem, char *args, long *count)
{
	long interface;

	(void)count;
	if (!ctl_number(ctl_word(&args), 0, (long)modem->world->interfaces - 1, &interface))
		return "codes I INTERFACE";
	modem->codes_on = (unsigned)interface;
	return NULL;
}

/* Any line, unasked. */
static const char *do_say(struct sim_modem *modem, char *args, long *count)
{
	(void)count;
	if (strlen(args) > SIM_LINE_MAX)
		return "say I LINE";
	sim_code(modem, "%s", unescape(args));
	return NULL;
}

static const struct modem_verb verbs[] = {
	{ "sms", do_sms, true },
	{ "post", do_post, true },
	{ "parts", do_parts, true },
	{ "pdu", do_pdu, true },
	{ "flash", do_flash, true },
	{ "report", do_report, true },
	{ "page", do_page, true },
	{ "show", do_show, true },
	{ "fill", do_fill, true },
	{ "mark", do_mark, true },
	{ "fault", do_fault, false },
	{ "clear", do_clear, false },
	{ "sim", do_sim, false },
	{ "reg", do_reg, false },
	{ "plug", do_plug, false },
	{ "hangup", do_hangup, false },
	{ "reboot", do_reboot, false },
	{ "reenumerate", do_reenumerate, false },
	{ "pin", do_pin, false },
	{ "codes", do_codes, false },
	{ "say", do_say, false },
};

bool sim_control_target(
	const struct sim_world *world, const char *word, unsigned *first, unsigned *end)
{
	long index;

	*first = 0;
	*end = world->count;
	if (word && strcmp(word, "*") == 0)
		return true;
	if (word && *word == 'm')
		word++;
	if (!ctl_number(word, 0, (long)world->count - 1, &index))
		return false;
	*first = (unsigned)index;
	*end = *first + 1;
	return true;
}

static void run_verb(
	struct sim_world *world, const struct modem_verb *verb, char *args, FILE *reply)
{
	unsigned first, end;
	long count = 0;
	int64_t now_us = sim_now_us();
	const char *error = NULL;

	if (!sim_control_target(world, ctl_word(&args), &first, &end)) {
		fputs("error no such modem", reply);
		return;
	}
	for (unsigned i = first; i < end && !error; i++) {
		char *copy = strdup(args);
		error = copy ? verb->fn(&world->modems[i], copy, &count) : "no memory";
		free(copy);
	}
	if (error)
		fprintf(reply, "error %s", error);
	else if (verb->counted)
		fprintf(reply, "ok %ld t=%lld", count, (long long)now_us);
	else
		fputs("ok", reply);
}

static void run_burst(struct sim_world *world, char *args, FILE *reply)
{
	char *word = ctl_word(&args);
	char *prefix = unescape(args);
	int64_t now_us = sim_now_us();
	long n, count = 0;
	char text[512];

	if (!ctl_number(word, 1, 100000, &n) || strlen(prefix) > sizeof(text) - 64) {
		fputs("error burst COUNT PREFIX", reply);
		return;
	}
	for (long k = 1; k <= n; k++) {
		for (unsigned i = 0; i < world->count; i++) {
			struct sim_modem *modem = &world->modems[i];
			snprintf(text, sizeof(text), "%s %s %ld", prefix, modem->name, k);
			int rc = inject_text(modem, "+46735550001", text, &count);
			if (rc < 0) {
				fprintf(reply, "error %s after %ld", why(rc), count);
				return;
			}
		}
	}
	fprintf(reply, "ok %ld t=%lld", count, (long long)now_us);
}

/* All USB devices come back under each other's names, as after a reset of their hub. */
static void run_permute(struct sim_world *world, char *args, FILE *reply)
{
	char *word = ctl_word(&args);
	long gap_ms = 300;

	if (word && !ctl_number(word, 0, 600000, &gap_ms)) {
		fputs("error permute [GAP_MS]", reply);
		return;
	}
	sim_world_permute(world, (unsigned)gap_ms);
	fputs("ok", reply);
}

void sim_control_line(void *arg, char *line, FILE *reply)
{
	struct sim_world *world = arg;
	char *word = ctl_word(&line);

	if (!word) {
		fputs("error empty", reply);
		return;
	}
	for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++) {
		if (strcmp(verbs[i].name, word) != 0)
			continue;
		run_verb(world, &verbs[i], line, reply);
		return;
	}
	if (strcmp(word, "burst") == 0)
		run_burst(world, line, reply);
	else if (strcmp(word, "stats") == 0)
		sim_stats_run(world, line, reply);
	else if (strcmp(word, "left") == 0)
		fprintf(reply, "ok %lu", sim_stats_left(world));
	else if (strcmp(word, "cards") == 0)
		sim_stats_cards(world, reply);
	else if (strcmp(word, "bank") == 0)
		sim_bank_line(world->bank, line, reply);
	else if (strcmp(word, "permute") == 0)
		run_permute(world, line, reply);
	else if (strcmp(word, "quit") == 0) {
		world->quit = true;
		fputs("ok", reply);
	} else
		fputs("error unknown command", reply);
}
