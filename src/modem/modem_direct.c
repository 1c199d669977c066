/* modem_direct.c - texts that the modem shows unasked: read, stored, acknowledged. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/counter.h"
#include "modem/modem_impl.h"

enum {
	DIGITS_MS = 2000, /* after its header a PDU comes at once; a code may come between */
	ACK_MS = 10000,   /* later the network has given up */
	SETUP_AGAIN_MS = 10000,
	PATIENCE_MS = 45000,  /* the longest that a module waits: TR1M of TS 24.011 10 */
	ACK_REFUSALS = 3,     /* in a row: then it is not done so here */
	SMSC_OCTETS_MAX = 11, /* type and 20 digits (TS 24.011 8.2.5.2) */
	IDENTITY_DIGITS = 14, /* an IMEI or IMSI has 14 to 16, an ICCID 18 to 22 */
	IDENTITY_DIGITS_MAX = 22,
};

/* A text on its way. */
struct modem_text {
	struct modem *modem; /* NULL: gone; the store's callback is still to come */
	struct modem_text *next;
	enum {
		TEXT_STORING,
		TEXT_REFUSED, /* by the store: tried again */
		TEXT_STORED,  /* AT+CNMA is due */
		TEXT_UNACKED, /* stored, but the network will send it again */
	} state;
	bool ack; /* the network waits for AT+CNMA */
	int64_t ack_by_ms;
	int tpdu_len;
	const char *no_text;
	char key[STORE_CARD_SIZE], card_id[STORE_CARD_SIZE];
	char hex[CMGL_DIGITS_MAX + 1];
};

static size_t count_of(const struct modem *modem, int state)
{
	size_t count = 0;

	for (const struct modem_text *text = modem->direct.texts; text; text = text->next)
		count += (int)text->state == state;
	return count;
}

/* Takes it out of the list; it is freed now, or by the store's callback. */
static void drop(struct modem *modem, struct modem_text *text)
{
	struct modem_text **at = &modem->direct.texts;

	while (*at != text)
		at = &(*at)->next;
	*at = text->next;
	if (modem->direct.acking == text)
		modem->direct.acking = NULL;
	if (text->state == TEXT_STORING)
		text->modem = NULL;
	else
		free(text);
}

/* ---- acknowledgements ----------------------------------------------------------------------- */

static void on_setup_timer(void *arg)
{
	struct modem *modem = arg;

	modem->direct.setup_wanted = true;
	if (loop_now_ms(modem->env->loop) < modem->direct.setup_until_ms)
		loop_timer_start(&modem->direct.setup_timer, SETUP_AGAIN_MS);
	modem_work_soon(modem);
}

/* The network was not told, and the module turns its indications off (27.005 3.4.1, 3.4.4); when it
 * does so nobody can tell. */
static void want_setup(struct modem *modem)
{
	modem->direct.setup_until_ms = loop_now_ms(modem->env->loop) + PATIENCE_MS;
	on_setup_timer(modem);
}

/* It is stored, but the network does not know: it will come again, and is known then. The oldest
 * is forgotten where there are too many. */
static void leave_unacked(struct modem *modem, struct modem_text *text)
{
	struct modem_text *oldest = modem->direct.texts;

	text->state = TEXT_UNACKED;
	text->ack = false;
	if (count_of(modem, TEXT_UNACKED) <= MODEM_DIRECT_MAX)
		return;
	while (oldest->state != TEXT_UNACKED)
		oldest = oldest->next;
	drop(modem, oldest);
}

/* Too late, or it could not be stored: the network sends it again. */
static void give_up_ack(struct modem *modem, struct modem_text *text)
{
	if (!text->ack)
		return;
	text->ack = false;
	counter_add(COUNTER_ACKS_LATE, 1);
	log_info(LOGC_SMS, modem->id, NULL, NULL,
		"a text was not stored in time to acknowledge it: the network sends it again");
	want_setup(modem);
}

AT_SCRIPT(ack, AT_CMD("+CNMA"));

bool modem_direct_ack(struct modem *modem)
{
	struct modem_text *next;

	for (struct modem_text *text = modem->direct.texts; text; text = next) {
		next = text->next;
		if (text->state != TEXT_STORED)
			continue;
		if (loop_now_ms(modem->env->loop) <= text->ack_by_ms) {
			modem->direct.acking = text;
			modem_run(modem, JOB_ACK, &ack);
			return true;
		}
		give_up_ack(modem, text);
		leave_unacked(modem, text);
	}
	return false;
}

static void no_more_acks(struct modem *modem)
{
	struct modem_direct *direct = &modem->direct;
	struct modem_text *next;

	direct->acks = false;
	direct->acks_off = true;
	log_notice(LOGC_SMS, modem->id, NULL, NULL,
		"the modem refuses AT+CNMA: texts are not acknowledged here until the next start");
	for (struct modem_text *text = direct->texts; text; text = next) {
		next = text->next;
		text->ack = false;
		if (text->state == TEXT_STORED)
			leave_unacked(modem, text);
	}
}

void modem_direct_script(struct modem *modem, const struct at_report *report)
{
	struct modem_direct *direct = &modem->direct;
	struct modem_text *text = direct->acking;
	char why[96];

	direct->acking = NULL;
	if (report->result == AT_OK) {
		direct->ack_refusals = 0;
		counter_add(COUNTER_ACKS_SENT, 1);
		if (text)
			drop(modem, text);
		return;
	}
	modem->errors++;
	counter_add(COUNTER_ACKS_REFUSED, 1);
	modem_report_text(report, why, sizeof why);
	log_info(LOGC_SMS, modem->id, NULL, LOG_FIELDS(LOG_STR("reason", why)),
		"a text could not be acknowledged");
	if (text)
		leave_unacked(modem, text);
	if (++direct->ack_refusals == ACK_REFUSALS)
		no_more_acks(modem);
	want_setup(modem);
}

bool modem_direct_setup(struct modem *modem)
{
	if (!modem->direct.setup_wanted || !modem_setup_done(modem))
		return false;
	modem->direct.setup_wanted = false;
	modem_setup_begin(modem);
	return true;
}

/* ---- into the store ------------------------------------------------------------------------- */

/* There is no other copy. */
static void lose(struct modem *modem)
{
	uint64_t n = ++modem->direct.refused;

	counter_add(COUNTER_DIRECT_REFUSED, 1);
	modem->errors++;
	if ((n & (n - 1)) == 0) /* the 1st, 2nd, 4th, 8th, ... */
		log_error(LOGC_SMS, modem->id, "sms_lost", LOG_FIELDS(LOG_INT("n", (int64_t)n)),
			"a text that the modem keeps no copy of could not be stored, and no more "
			"of them can be held back: it is lost");
}

static void stored(struct modem *modem, struct modem_text *text)
{
	modem->received++;
	if (text->ack && loop_now_ms(modem->env->loop) > text->ack_by_ms)
		give_up_ack(modem, text);
	if (text->ack) {
		text->state = TEXT_STORED;
		modem_cut_poll(modem);
		modem_work_soon(modem);
	} else if (text->ack_by_ms) { /* it had been waited for */
		leave_unacked(modem, text);
	} else {
		drop(modem, text);
	}
}

static void on_stored(void *owner, int err, bool same_entry)
{
	struct modem_text *text = owner;
	struct modem *modem = text->modem;

	(void)same_entry;
	text->state = TEXT_REFUSED;
	if (!modem) {
		free(text);
		return;
	}
	if (!err) {
		stored(modem, text);
		return;
	}
	modem->errors++;
	give_up_ack(modem, text);
	if (count_of(modem, TEXT_REFUSED) > MODEM_DIRECT_MAX) {
		lose(modem);
		drop(modem, text);
	}
	modem_store_again(modem);
}

static void store(struct modem *modem, struct modem_text *text)
{
	struct inbox_entry in = {
		.port_id = modem->id,
		.bank = modem->bank,
		.slot = modem->slot,
		.key = text->key,
		.card_id = text->card_id,
		.memory = "",
		.index = -1,
		.tpdu_len = text->tpdu_len,
		.pdu = text->hex,
		.no_text = text->no_text,
	};

	text->state = TEXT_STORING;
	inbox_put(modem->env->inbox, &in, on_stored, text);
}

void modem_direct_again(struct modem *modem)
{
	struct modem_text *next;

	for (struct modem_text *text = modem->direct.texts; text; text = next) {
		next = text->next;
		if (text->state == TEXT_REFUSED)
			store(modem, text);
	}
}

/* A whole text that was not acknowledged has come again: its octets say when it was sent. */
static bool come_again(struct modem *modem, const char *hex, int64_t ack_by_ms)
{
	struct modem_text *text = modem->direct.texts;

	while (text && (!text->ack_by_ms || strcmp(text->hex, hex) != 0))
		text = text->next;
	if (!text)
		return false;
	text->ack = ack_by_ms > 0;
	text->ack_by_ms = ack_by_ms;
	if (text->state == TEXT_UNACKED && text->ack) {
		text->state = TEXT_STORED;
		modem_cut_poll(modem);
		modem_work_soon(modem);
	} else if (text->state == TEXT_UNACKED) {
		drop(modem, text);
	}
	return true;
}

/* The card that the text came to: nobody's while it may be another one. */
static const char *whose(const struct modem *modem)
{
	bool doubted = modem->card_wanted || (modem->job == JOB_POLL && modem->card_doubted);

	return doubted ? "" : modem->card_id;
}

static void take(struct modem *modem)
{
	struct modem_direct *direct = &modem->direct;
	bool page = direct->kind == CMGL_CBM;
	int64_t ack_by_ms = direct->acks && !page ? loop_now_ms(modem->env->loop) + ACK_MS : 0;
	struct modem_text **at = &direct->texts, *text;

	direct->kind = CMGL_NOT_DIRECT;
	loop_timer_stop(&direct->timer);
	if (!page && cmgl_pdu_missing(&direct->pdu) <= 0 &&
		come_again(modem, direct->pdu.hex, ack_by_ms))
		return;
	text = calloc(1, sizeof *text);
	if (!text) {
		lose(modem);
		return;
	}
	text->modem = modem;
	text->ack = ack_by_ms > 0;
	text->ack_by_ms = ack_by_ms;
	text->tpdu_len = page ? -1 : direct->pdu.tpdu_len;
	text->no_text = page ? STORE_NO_TEXT_BROADCAST : NULL;
	snprintf(text->hex, sizeof text->hex, "%s", direct->pdu.hex);
	snprintf(text->card_id, sizeof text->card_id, "%s", whose(modem));
	if (modem->card_id[0])
		snprintf(text->key, sizeof text->key, "%s", modem->card_id);
	else
		modem_module_key(modem, text->key, sizeof text->key);
	while (*at)
		at = &(*at)->next;
	*at = text;
	store(modem, text);
}

/* ---- lines ---------------------------------------------------------------------------------- */

static void ignore(struct modem *modem, const char *why)
{
	modem->direct.ignored++;
	counter_add(COUNTER_DIRECT_IGNORED, 1);
	log_info(LOGC_SMS, modem->id, NULL, LOG_FIELDS(LOG_STR("reason", why)),
		"a text was announced that cannot be read");
}

/* No more digits come. Nothing shows them once more: what there is is kept. */
static void end_reading(struct modem *modem)
{
	struct modem_direct *direct = &modem->direct;

	if (direct->kind == CMGL_NOT_DIRECT)
		return;
	if (direct->pdu.seen > 0) {
		take(modem);
		return;
	}
	direct->kind = CMGL_NOT_DIRECT;
	loop_timer_stop(&direct->timer);
	modem->errors++;
	ignore(modem, "no digits came");
}

static void on_timer(void *arg)
{
	end_reading(arg);
}

/* Whether a piece may be how a PDU begins, and cannot be the number that a command asked for. */
static bool may_begin(const struct cmgl_pdu *pdu, const char *line)
{
	size_t len = strlen(line);
	bool decimal = strspn(line, "0123456789") == len;
	char octet[3] = { line[0], line[1], '\0' };
	long smsc = strtol(octet, NULL, 16);
	bool card = strncmp(line, "89", 2) == 0 || strncmp(line, "98", 2) == 0;

	if (!pdu->smsc)
		return len < IDENTITY_DIGITS || len > IDENTITY_DIGITS_MAX || !(decimal || card);
	if (smsc == 0) /* none; the IMEI of a test set may begin so */
		return !decimal || len < IDENTITY_DIGITS || len > IDENTITY_DIGITS_MAX;
	/* a type and at least one octet of digits; the type has its highest bit set */
	return smsc <= SMSC_OCTETS_MAX && (len < 4 || !strchr("01234567", line[2]));
}

/* Whether a line is the PDU's while a command that runs takes such lines, too. then: with it. */
static bool is_ours(const struct cmgl_pdu *pdu, const struct cmgl_pdu *then, const char *line)
{
	int over = -cmgl_pdu_missing(then);
	int len = (int)strlen(line);

	if (pdu->seen == 0)
		return over == 0 || may_begin(pdu, line);
	/* the rest, to the digit, or filler behind it */
	return over >= 0 && over <= len && (int)strspn(line + len - over, "Ff") == over;
}

/* Between two entries of a listing the digits behind a header of ours are ours. */
static bool contested(const struct modem *modem)
{
	return modem->job != JOB_LIST || modem->sms.list.reading;
}

static bool take_digits(struct modem *modem, const char *line, bool wanted)
{
	struct cmgl_pdu *pdu = &modem->direct.pdu, then = *pdu;

	if (!cmgl_pdu_add(&then, line))
		return false;
	if (wanted && contested(modem) && !is_ours(pdu, &then, line)) {
		if (modem->job == JOB_LIST)
			cmgl_doubt(&modem->sms.list);
		return false;
	}
	*pdu = then;
	if (cmgl_pdu_missing(pdu) <= 0)
		take(modem);
	return true;
}

bool modem_direct_line(void *owner, const char *line, bool wanted)
{
	struct modem *modem = owner;
	struct modem_direct *direct = &modem->direct;
	const char *rest;
	int tpdu_len;
	enum cmgl_direct kind = cmgl_direct_of(line, &tpdu_len, &rest);

	if (kind == CMGL_NOT_DIRECT)
		return direct->kind != CMGL_NOT_DIRECT && take_digits(modem, line, wanted);
	end_reading(modem);
	if (kind == CMGL_NO_PDU) {
		ignore(modem, "not in PDU mode");
		return true;
	}
	direct->kind = kind;
	cmgl_pdu_begin(&direct->pdu, tpdu_len, kind != CMGL_CBM);
	loop_timer_start(&direct->timer, DIGITS_MS);
	if (*rest)
		take_digits(modem, rest, false);
	return true;
}

/* ---- life ----------------------------------------------------------------------------------- */

void modem_direct_init(struct modem *modem)
{
	loop_timer_init_patient(&modem->direct.timer, modem->env->loop, on_timer, modem);
	loop_timer_init(&modem->direct.setup_timer, modem->env->loop, on_setup_timer, modem);
}

void modem_direct_end(struct modem *modem)
{
	struct modem_direct *direct = &modem->direct;
	struct modem_text *next;

	end_reading(modem);
	loop_timer_stop(&direct->setup_timer);
	direct->acks = direct->setup_wanted = false;
	direct->ack_refusals = 0;
	direct->acking = NULL;
	for (struct modem_text *text = direct->texts; text; text = next) {
		next = text->next;
		text->ack = false;
		if (text->state == TEXT_STORED)
			leave_unacked(modem, text);
	}
}

bool modem_direct_waits(const struct modem *modem)
{
	return count_of(modem, TEXT_STORING) + count_of(modem, TEXT_REFUSED) > 0;
}

void modem_direct_free(struct modem *modem)
{
	size_t lost = count_of(modem, TEXT_REFUSED);

	if (lost > 0)
		log_error(LOGC_SMS, modem->id, "sms_lost", LOG_FIELDS(LOG_INT("n", (int64_t)lost)),
			"texts that no card has a copy of could not be stored before the end");
	loop_timer_stop(&modem->direct.timer);
	loop_timer_stop(&modem->direct.setup_timer);
	while (modem->direct.texts)
		drop(modem, modem->direct.texts);
}

size_t modem_direct_unstored(const struct modem *modem)
{
	size_t count = 0;

	for (const struct modem_text *text = modem->direct.texts; text; text = text->next)
		count += text->state == TEXT_STORING || text->state == TEXT_REFUSED;
	return count;
}
