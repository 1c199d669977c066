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

/* A status report, shown by +CDS. */
static const char *do_report(struct sim_modem *modem, char *args, long *count)
{
	struct sim_pdu_spec spec = spec_of(modem, "+46735550100");
	struct sim_pdu pdu;
	int rc;

	(void)args;
	spec.ref = ++modem->card->ref;
	rc = sim_pdu_report(&spec, &pdu);
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
	struct sim_faults *f = &modem->faults;
	char *name = ctl_word(&args), *word = ctl_word(&args);
	struct {
		const char *name;
		bool *flag;
		unsigned *number;
	} faults[] = {
		{ "silent", &f->silent, NULL },
		{ "silent_after", &f->silent_armed, &f->silent_after },
		{ "garbage", &f->garbage, NULL },
		{ "urc_in_list", &f->urc_in_list, NULL },
		{ "no_ok", &f->no_ok, NULL },
		{ "csms_refused", &f->csms_refused, NULL },
		{ "csms_no_mt", &f->csms_no_mt, NULL },
		{ "cnma_error", NULL, &f->cnma_error },
		{ "ack_ms", NULL, &f->ack_ms },
		{ "list_shape", NULL, &f->list_shape },
		{ "errors", &f->errors, NULL },
		{ "endless", &f->endless, NULL },
		{ "chatter", NULL, &f->chatter_ms },
		{ "late", NULL, &f->late_ms },
		{ "cmgd_error", NULL, &f->cmgd_error },
		{ "cmgd_lies", NULL, &f->cmgd_lies },
		{ "list_error", NULL, &f->list_error },
		{ "cms_busy", NULL, &f->cms_busy },
		{ "slow_baud", NULL, &f->slow_bytes_s },
	};
	long value = 0;

	(void)count;
	for (size_t i = 0; name && i < sizeof(faults) / sizeof(*faults); i++) {
		if (strcmp(faults[i].name, name) != 0)
			continue;
		if (faults[i].number && !ctl_number(word, 0, 10000000, &value))
			return "fault I NAME NUMBER";
		if (faults[i].number)
			*faults[i].number = (unsigned)value;
		if (faults[i].flag)
			*faults[i].flag = true;
		if (f->chatter_ms)
			sim_modem_chatter(modem);
		return NULL;
	}
	return "no such fault";
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

/* The card's PIN from now on; "off": it asks for none. It is locked until it is given. */
static const char *do_pin(struct sim_modem *modem, char *args, long *count)
{
	char *pin = ctl_word(&args);
	struct sim_card *card = modem->card;

	(void)count;
	if (!pin ||
		(strcmp(pin, "off") != 0 && (strlen(pin) < 4 || strlen(pin) >= sizeof(card->pin))))
		return "pin I PIN|off";
	snprintf(card->pin, sizeof(card->pin), "%s", strcmp(pin, "off") == 0 ? "" : pin);
	card->pin_tries = 3;
	modem->unlocked = false;
	sim_modem_announce(modem);
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
	if (modem->master < 0)
		return "not plugged";
	sim_modem_unplug(modem);
	return NULL;
}

static const char *do_plug(struct sim_modem *modem, char *args, long *count)
{
	int rc = sim_modem_plug(modem);

	(void)args;
	(void)count;
	if (rc == 0)
		sim_modem_boot(modem);
	return why(rc);
}

static const char *do_reboot(struct sim_modem *modem, char *args, long *count)
{
	(void)args;
	(void)count;
	if (modem->master < 0)
		return "not plugged";
	modem->tx_len = modem->tx_at = 0; /* an answer on its way is cut off */
	sim_modem_boot(modem);
	return NULL;
}

static const struct modem_verb verbs[] = {
	{ "sms", do_sms, true },
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
	{ "pin", do_pin, false },
	{ "reg", do_reg, false },
	{ "plug", do_plug, false },
	{ "hangup", do_hangup, false },
	{ "reboot", do_reboot, false },
};

/* "3", "m003" or "*" for all; false for a modem that is not there. */
static bool parse_target(
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

	if (!parse_target(world, ctl_word(&args), &first, &end)) {
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

static unsigned long left_in(const struct sim_world *world, unsigned first, unsigned end)
{
	unsigned long left = 0;

	for (unsigned i = first; i < end; i++)
		left += world->modems[i].card->sm.used + world->modems[i].me.used;
	return left;
}

static unsigned long left_aside(const struct sim_world *world, unsigned long *queued)
{
	unsigned long left = 0;

	for (const struct sim_card *card = world->cards; card; card = card->next) {
		*queued += card->queued;
		if (!card->holder)
			left += card->sm.used;
	}
	return left;
}

static void add_counts(struct sim_counts *sum, const struct sim_counts *c)
{
	sum->injected += c->injected;
	sum->direct += c->direct;
	sum->acks += c->acks;
	sum->acks_refused += c->acks_refused;
	sum->unacked += c->unacked;
	sum->shown_again += c->shown_again;
	sum->listed += c->listed;
	sum->deleted += c->deleted;
	sum->deleted_unlisted += c->deleted_unlisted;
	sum->deleted_empty += c->deleted_empty;
	sum->deleted_blanket += c->deleted_blanket;
	sum->commands += c->commands;
	sum->unknown += c->unknown;
	sum->lost_tx += c->lost_tx;
	sum->lost_rx += c->lost_rx;
}

static void run_stats(struct sim_world *world, char *args, FILE *reply)
{
	struct sim_counts s = { 0 };
	unsigned first = 0, end = world->count;
	unsigned long left, queued = 0;
	char *word = ctl_word(&args);

	if (word && !parse_target(world, word, &first, &end)) {
		fputs("error no such modem", reply);
		return;
	}
	for (unsigned i = first; i < end; i++)
		add_counts(&s, &world->modems[i].counts);
	left = left_in(world, first, end);
	if (end - first == world->count)
		left += left_aside(world, &queued);
	else
		queued = world->modems[first].card->queued;
	fprintf(reply, "ok {\"modems\":%u,\"injected\":%llu,\"direct\":%llu,\"listed\":%llu,",
		end - first, (unsigned long long)s.injected, (unsigned long long)s.direct,
		(unsigned long long)s.listed);
	fprintf(reply, "\"acks\":%llu,\"acks_refused\":%llu,\"unacked\":%llu,\"shown_again\":%llu,",
		(unsigned long long)s.acks, (unsigned long long)s.acks_refused,
		(unsigned long long)s.unacked, (unsigned long long)s.shown_again);
	fprintf(reply, "\"deleted\":%llu,\"deleted_unlisted\":%llu,\"deleted_empty\":%llu,",
		(unsigned long long)s.deleted, (unsigned long long)s.deleted_unlisted,
		(unsigned long long)s.deleted_empty);
	fprintf(reply, "\"deleted_blanket\":%llu,\"remaining\":%lu,\"queued\":%lu,",
		(unsigned long long)s.deleted_blanket, left, queued);
	fprintf(reply, "\"commands\":%llu,\"unknown\":%llu,\"lost_tx\":%llu,\"lost_rx\":%llu}",
		(unsigned long long)s.commands, (unsigned long long)s.unknown,
		(unsigned long long)s.lost_tx, (unsigned long long)s.lost_rx);
}

static void run_cards(struct sim_world *world, FILE *reply)
{
	fputs("ok [", reply);
	for (unsigned i = 0; i < world->count; i++) {
		const struct sim_modem *m = &world->modems[i];
		fprintf(reply, "%s{\"name\":\"%s\",\"imei\":\"%s\",\"iccid\":\"%s\",", i ? "," : "",
			m->name, m->imei, m->card->iccid);
		fprintf(reply, "\"imsi\":\"%s\",\"number\":\"%s\",", m->card->imsi,
			m->card->number);
		fprintf(reply, "\"pin_wrong\":%u,\"in\":%s,\"plugged\":%s}", m->card->pin_wrong,
			m->sim_in ? "true" : "false", m->master >= 0 ? "true" : "false");
	}
	fputc(']', reply);
}

void sim_control_line(void *arg, char *line, FILE *reply)
{
	struct sim_world *world = arg;
	char *word = ctl_word(&line);
	unsigned long queued = 0;

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
		run_stats(world, line, reply);
	else if (strcmp(word, "left") == 0)
		fprintf(reply, "ok %lu",
			left_in(world, 0, world->count) + left_aside(world, &queued));
	else if (strcmp(word, "cards") == 0)
		run_cards(world, reply);
	else if (strcmp(word, "quit") == 0) {
		world->quit = true;
		fputs("ok", reply);
	} else
		fputs("error unknown command", reply);
}
