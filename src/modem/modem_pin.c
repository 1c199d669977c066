/* modem_pin.c - a card that asks for its PIN: which one, whether it may be tried, and one try.
 *
 * Three wrong PINs block a card for good. So the store is told of a try before it is made, and a
 * try counts as refused until the card was seen unlocked: whatever happens in between, no PIN is
 * tried twice. A record is a mark for a key: a hash of key and PIN, with what is known in its last
 * bits. There are two keys: the card, by its ICCID, and the place with the module, for a card that
 * does not tell its ICCID before the PIN. What was tried on a card that told it says nothing about
 * the next card in that place, unless that one keeps its ICCID back. */
#include <stdio.h>
#include <string.h>

#include "base/fnv.h"
#include "modem/modem_impl.h"

enum {
	PIN_LOOKS = 3,         /* for an ICCID, before the PIN is tried without */
	PIN_AGAIN_MS = 1000,   /* ... and where the store does not answer */
	PIN_QUIET_MS = 3000,   /* after a PIN, where the family names no time */
	PIN_LOCKED_MS = 30000, /* how often a locked card is looked at */
	PIN_TIMEOUT_MS = 20000,
	PIN_GUESSES = 2, /* refused PINs after which a card of unknown tries is left alone */
};

/* The last bits of a mark. */
enum {
	MARK_SIGHTED = 1, /* the ICCID was known */
	MARK_SEEN = 2,    /* the refusal was seen; without it the result is not known */
	MARK_COUNT = 4,   /* times the PINs that this card was offered, 1 to 3 */
	MARK_BITS = 15,
};

static void place_key(const struct modem *modem, char *out, size_t size)
{
	snprintf(out, size, "%s-%s", modem->id, modem->imei[0] ? modem->imei : "unknown");
}

/* Of key and PIN, without the last bits. It is stored. */
static int64_t mark_of(const char *key, const char *pin)
{
	uint64_t hash = fnv_bytes(FNV_START, key, strlen(key));

	hash = fnv_bytes(fnv_bytes(hash, "\n", 1), pin, strlen(pin));
	return (int64_t)(hash & INT64_MAX & ~(uint64_t)MARK_BITS);
}

static bool is_marked(int64_t mark, const char *key, const char *pin)
{
	return mark != 0 && (mark & ~(int64_t)MARK_BITS) == mark_of(key, pin);
}

static int count_of(int64_t mark)
{
	return (int)(mark & MARK_BITS) / MARK_COUNT;
}

static void wipe(struct modem *modem)
{
	explicit_bzero(modem->pin.text, sizeof modem->pin.text);
}

void modem_pin_end(struct modem *modem)
{
	modem->pin.step = PIN_IDLE;
	modem->pin.looks = 0;
	modem->pin.wanted = modem->pin.blocked = false;
	modem->pin.quiet_until_ms = 0;
	wipe(modem);
}

bool modem_pin_holds(const struct modem *modem)
{
	return modem->pin.waiting || loop_now_ms(modem->env->loop) < modem->pin.quiet_until_ms;
}

/* ---- what is said --------------------------------------------------------------------------- */

static void locked(struct modem *modem, const char *why)
{
	modem->pin.step = PIN_IDLE;
	wipe(modem);
	modem->out_said = true;
	modem_sim_not_ready(modem, why, PIN_LOCKED_MS, true);
	modem->pin.wanted = true;
}

static void say_refused(struct modem *modem, const char *why, const char *what)
{
	if (strcmp(modem->fsm.why, why) != 0)
		log_error(LOGC_MODEM, modem->id, "pin_refused",
			LOG_FIELDS(LOG_CARD("card", modem->pin.iccid), LOG_STR("reason", what)),
			"%s: this PIN is not tried again; set the right one in the numbers file "
			"or in [bank %s], or enter it by hand in a phone",
			what, modem->bank);
	locked(modem, why);
}

static void refused(struct modem *modem)
{
	say_refused(modem, "PIN refused: set the right one, or enter it by hand in a phone",
		"the card refused its PIN");
}

/* ---- the records ---------------------------------------------------------------------------- */

/* A mark of 0 is forgotten; done is called for each other, once. */
static void put_records(
	struct modem *modem, int64_t card_mark, int64_t place_mark, store_done_fn *done)
{
	const struct modem_pin *pin = &modem->pin;
	const char *const keys[] = { pin->iccid, pin->place };
	const int64_t marks[] = { card_mark, place_mark };
	struct store *store = modem->env->store;

	for (int i = 0; i < 2; i++) {
		if (!keys[i][0])
			continue;
		if (marks[i])
			store_pin_refused(store, keys[i], marks[i], loop_wall_ms(modem->env->loop),
				done, modem);
		else
			store_pin_forget(store, keys[i], "", NULL, NULL);
	}
}

/* It is certain now. */
static void note_refusal(struct modem *modem)
{
	const struct modem_pin *pin = &modem->pin;

	put_records(modem, pin->card_try | MARK_SEEN, pin->place_try | MARK_SEEN, NULL);
}

/* A callback of the store has come. False: it came for nothing, the card is not as it was. */
static bool answered(struct modem *modem, bool expected)
{
	modem->pending--;
	modem->pin.waiting = false;
	return !modem->dead && modem->fsm.state == MODEM_SIM && expected;
}

/* ---- the try -------------------------------------------------------------------------------- */

static void put_pin(void *owner, struct at_text *text)
{
	struct modem *modem = owner;

	at_put(text, "+CPIN=");
	at_put_quoted(text, modem->pin.text);
}

AT_SCRIPT(pin_iccid, MODEM_ASK_ICCID);
AT_SCRIPT(pin_try, { .build = put_pin, .timeout_ms = PIN_TIMEOUT_MS });

static void on_noted(void *arg, int err)
{
	struct modem *modem = arg;
	struct modem_pin *pin = &modem->pin;
	bool alive;

	pin->noted += err == 0;
	if (--pin->owed > 0) {
		modem->pending--;
		return;
	}
	alive = answered(modem, pin->step == PIN_NOTING);
	if (alive && pin->noted == (pin->iccid[0] ? 2 : 1) && !modem->card_wanted &&
		at_idle(&modem->at)) {
		pin->step = PIN_SENT;
		modem_run(modem, JOB_PIN, &pin_try);
		return;
	}
	put_records(modem, pin->card_mark, pin->place_mark, NULL); /* it was not sent */
	wipe(modem);
	if (!alive)
		return;
	pin->step = PIN_IDLE;
	modem_sim_not_ready(
		modem, "SIM PIN: not sent before the store has noted it", PIN_AGAIN_MS, false);
}

static void note_try(struct modem *modem)
{
	struct modem_pin *pin = &modem->pin;
	int count = count_of(pin->iccid[0] ? pin->card_mark : pin->place_mark) + 1;
	int bits = (count > 3 ? 3 : count) * MARK_COUNT + (pin->iccid[0] ? MARK_SIGHTED : 0);

	pin->card_try = mark_of(pin->iccid, pin->text) | bits;
	pin->place_try = mark_of(pin->place, pin->text) | bits;
	pin->step = PIN_NOTING;
	pin->waiting = true;
	pin->noted = 0;
	pin->owed = pin->iccid[0] ? 2 : 1;
	modem->pending += pin->owed;
	put_records(modem, pin->card_try, pin->place_try, on_noted);
}

static void judge_tries(struct modem *modem)
{
	const struct modem_pin *pin = &modem->pin;
	int tries = modem->pin_tries;
	int guesses = count_of(pin->iccid[0] ? pin->card_mark : pin->place_mark);

	if (tries == 0)
		locked(modem, "SIM PIN: no try left, use the card's PUK in a phone");
	else if (tries == 1)
		locked(modem, "SIM PIN: one try left, enter the PIN by hand in a phone");
	else if (tries < 0 && guesses >= PIN_GUESSES)
		locked(modem,
			"SIM PIN: refused two PINs, tries unknown: enter it by hand in a phone");
	else
		note_try(modem);
}

/* ---- may it be tried ------------------------------------------------------------------------ */

/* The mark of this PIN, if it was tried on this card or may have been. */
static int64_t tried(const struct modem_pin *pin)
{
	if (pin->iccid[0] && is_marked(pin->card_mark, pin->iccid, pin->text))
		return pin->card_mark;
	if (is_marked(pin->place_mark, pin->place, pin->text) &&
		(!pin->iccid[0] || !(pin->place_mark & MARK_SIGHTED)))
		return pin->place_mark;
	return 0;
}

static void judge(struct modem *modem)
{
	struct modem_pin *pin = &modem->pin;
	int64_t mark = tried(pin);

	modem->pin_tries = -1;
	if (mark & MARK_SEEN) {
		refused(modem);
	} else if (mark) {
		say_refused(modem, "PIN tried, result not seen: enter it by hand in a phone",
			"the PIN was tried, and its result not seen");
	} else if (modem->driver->scripts.tries) {
		pin->step = PIN_TRIES;
		modem_run(modem, JOB_PIN_TRIES, modem->driver->scripts.tries);
	} else {
		judge_tries(modem);
	}
}

/* The store's answer can be used; if not, the card is looked at again. */
static bool take_mark(struct modem *modem, bool expected, int err)
{
	if (!answered(modem, expected))
		return false;
	if (!err && !modem->card_wanted && at_idle(&modem->at))
		return true;
	modem->pin.step = PIN_IDLE;
	wipe(modem);
	fsm_set_timeout(&modem->fsm, PIN_AGAIN_MS);
	return false;
}

static void on_place_mark(void *arg, int err, int64_t mark, int64_t refused_ms)
{
	struct modem *modem = arg;

	if (!take_mark(modem, modem->pin.step == PIN_PLACE, err))
		return;
	modem->pin.place_mark = refused_ms ? mark : 0;
	judge(modem);
}

static void ask_place(struct modem *modem)
{
	modem->pin.step = PIN_PLACE;
	modem->pin.waiting = true;
	modem->pending++;
	store_pin_get(modem->env->store, modem->pin.place, on_place_mark, modem);
}

static void on_card_mark(void *arg, int err, int64_t mark, int64_t refused_ms)
{
	struct modem *modem = arg;

	if (!take_mark(modem, modem->pin.step == PIN_CARD, err))
		return;
	modem->pin.card_mark = refused_ms ? mark : 0;
	ask_place(modem);
}

static void ask_store(struct modem *modem)
{
	modem->pin.card_mark = modem->pin.place_mark = 0;
	if (!modem->pin.iccid[0]) {
		ask_place(modem);
		return;
	}
	modem->pin.step = PIN_CARD;
	modem->pin.waiting = true;
	modem->pending++;
	store_pin_get(modem->env->store, modem->pin.iccid, on_card_mark, modem);
}

/* ---- a locked card -------------------------------------------------------------------------- */

void modem_pin_locked(struct modem *modem)
{
	struct modem_pin *pin = &modem->pin;

	if (pin->step == PIN_CHECK) { /* it still asks: the PIN was wrong */
		note_refusal(modem);
		refused(modem);
		return;
	}
	pin->step = PIN_LOOK;
	place_key(modem, pin->place, sizeof pin->place);
	modem->iccid_cmd = 0;
	modem->seen_iccid[0] = '\0';
	modem_run(modem, JOB_PIN_ICCID, &pin_iccid);
}

/* The ICCID is known, or the card keeps it back: is there a PIN for it? */
static void choose(struct modem *modem)
{
	struct modem_pin *pin = &modem->pin;
	const struct modem_env *env = modem->env;
	char why[sizeof modem->fsm.why];

	snprintf(pin->iccid, sizeof pin->iccid, "%s", modem->seen_iccid);
	if (!env->pin ||
		!env->pin(env->arg, modem->bank, pin->iccid, pin->text, sizeof pin->text)) {
		snprintf(why, sizeof why, "SIM PIN: set pin in [bank %.36s] or in the numbers file",
			modem->bank);
		locked(modem, why);
	} else if (!pin->iccid[0] && ++pin->looks < PIN_LOOKS) {
		pin->step = PIN_IDLE;
		wipe(modem);
		modem_sim_not_ready(modem, "SIM PIN: no ICCID yet", PIN_AGAIN_MS, false);
	} else {
		ask_store(modem);
	}
}

/* Its answer to AT+CPIN=. Refused is what it says, or what AT+CPIN? says a while later. */
static void sent(struct modem *modem, const struct at_report *report)
{
	struct modem_pin *pin = &modem->pin;
	int quiet_ms = modem->driver->timing.pin_ms;
	bool wrong = report->result == AT_FAILED && report->family == AT_CME &&
		     report->code == CME_PASSWORD;

	wipe(modem);
	if (quiet_ms <= 0)
		quiet_ms = PIN_QUIET_MS;
	pin->quiet_until_ms = loop_now_ms(modem->env->loop) + quiet_ms;
	if (wrong) {
		note_refusal(modem);
		refused(modem);
		return;
	}
	pin->step = PIN_CHECK;
	modem_sim_not_ready(modem, "SIM PIN: sent", quiet_ms, false);
}

void modem_pin_script(struct modem *modem, enum modem_job job, const struct at_report *report)
{
	if (modem->fsm.state != MODEM_SIM)
		return;
	if (job == JOB_PIN) {
		sent(modem, report);
	} else if (job == JOB_PIN_TRIES) {
		judge_tries(modem);
	} else if (!modem->seen_iccid[0] && modem->driver->iccid[modem->iccid_cmd + 1]) {
		modem->iccid_cmd++;
		modem_run(modem, JOB_PIN_ICCID, &pin_iccid);
	} else {
		choose(modem);
	}
}

void modem_pin_blocked(struct modem *modem)
{
	if (modem->pin.step == PIN_CHECK)
		note_refusal(modem);
	locked(modem, "SIM PUK: the card is blocked, use its PUK in a phone");
	modem->pin.wanted = false;
	modem->pin.blocked = true;
}

/* ---- an unlocked one ------------------------------------------------------------------------ */

void modem_pin_ready(struct modem *modem)
{
	if (modem->pin.step == PIN_CHECK) {
		put_records(modem, 0, 0, NULL);
		log_notice(LOGC_MODEM, modem->id, NULL,
			LOG_FIELDS(LOG_CARD("card", modem->pin.iccid)), "the card took its PIN");
	}
	modem_pin_end(modem);
}

/* A try whose result nobody saw was the right one, for the card is unlocked. One that was refused
 * stays so: somebody else has unlocked the card. */
static void on_known(void *arg, int err, int64_t mark, int64_t refused_ms)
{
	struct modem *modem = arg;

	modem->pending--;
	modem->pin.waiting = false;
	if (!err && refused_ms && !(mark & MARK_SEEN))
		put_records(modem, 0, 0, NULL);
}

void modem_pin_known(struct modem *modem)
{
	struct modem_pin *pin = &modem->pin;

	if (pin->waiting)
		return; /* then at the next start */
	snprintf(pin->iccid, sizeof pin->iccid, "%s", modem->iccid);
	place_key(modem, pin->place, sizeof pin->place);
	pin->waiting = true;
	modem->pending++;
	store_pin_get(modem->env->store, pin->iccid[0] ? pin->iccid : pin->place, on_known, modem);
}

void modem_pin_forget(struct modem *modem, store_count_fn *done, void *arg)
{
	const char *iccid = modem->iccid[0] ? modem->iccid : modem->pin.iccid;
	char place[STORE_PIN_KEY_SIZE];

	place_key(modem, place, sizeof place);
	store_pin_forget(modem->env->store, iccid, place, done, arg);
}
