/* test_modem_sim.c - the card in a modem: its PIN, its number, the network's verdict, and what an
 * operator sends by hand. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "log_fixture.h"
#include "modem/modem_impl.h"
#include "modem_fixture.h"

static void want_why(const char *why)
{
	if (strcmp(bench->modem->fsm.why, why) != 0)
		fail_msg("\"%s\", not \"%s\"", bench->modem->fsm.why, why);
}

static void disk_full(bool full)
{
	struct rlimit limit;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &limit);
	limit.rlim_cur = full ? 1 : limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* ---- a card with a PIN ---------------------------------------------------------------------- */

static struct {
	bool locked, mute, says_ok, no_iccid, busy;
	char right[16], offered[16];
	int offers, tries; /* tries -1: it does not tell */
	const char *wrong; /* the answer to a wrong PIN */
} card;

static char bank_pin[16], card_pin[16]; /* configured; card_pin is for ...0017 */

static const char *card_reply(const char *command)
{
	static char text[64];

	if (strcmp(command, "AT+CPIN?") == 0 && card.busy)
		return "+CME ERROR: 14";
	if (strcmp(command, "AT+CPIN?") == 0 && card.locked)
		return card.tries == 0 ? "+CPIN: SIM PUK\r\nOK" : "+CPIN: SIM PIN\r\nOK";
	if (strcmp(command, "AT+CCID") == 0 && card.locked && card.no_iccid)
		return "+CME ERROR: 11";
	if (strcmp(command, "AT+TRIES") == 0) {
		snprintf(text, sizeof text, "+TRIES: %d\r\nOK", card.tries);
		return card.tries < 0 ? "ERROR" : text;
	}
	if (strncmp(command, "AT+CPIN=", 8) != 0)
		return NULL;
	card.offers++;
	snprintf(card.offered, sizeof card.offered, "%.*s", (int)strcspn(command + 9, "\""),
		command + 9);
	if (strcmp(card.offered, card.right) != 0) {
		card.tries -= card.tries > 0;
		return card.wrong ? card.wrong : "+CME ERROR: 16";
	}
	card.locked = false;
	return card.mute ? "" : "OK";
}

static bool on_pin(void *arg, const char *bank, const char *iccid, char *out, size_t size)
{
	const char *pin =
		strcmp(iccid, "89460000000000000017") == 0 && card_pin[0] ? card_pin : bank_pin;

	(void)arg;
	assert_string_equal(bank, "north");
	snprintf(out, size, "%s", pin);
	return pin[0] != '\0';
}

static const char *ussd_code;

static const char *on_ussd(void *arg, const char *imsi)
{
	(void)arg;
	assert_string_equal(imsi, "240010000000017");
	return ussd_code;
}

static void configure(const char *pin)
{
	bench->env.pin = on_pin;
	bench->env.ussd_number = on_ussd;
	snprintf(bank_pin, sizeof bank_pin, "%s", pin);
}

static void locked_card(const char *right, const char *pin)
{
	memset(&sim, 0, sizeof sim);
	memset(&card, 0, sizeof card);
	card_pin[0] = '\0';
	log_forget();
	card.locked = true;
	card.tries = -1;
	snprintf(card.right, sizeof card.right, "%s", right);
	sim.reply = card_reply;
	configure(pin);
}

/* As after a kill: all that counts is in the store. */
static void start_anew(void)
{
	char pin[16];

	snprintf(pin, sizeof pin, "%s", bank_pin);
	close_all();
	open_store();
	configure(pin);
	new_modem();
}

static void anew(void)
{
	bench_teardown(NULL);
	bench_setup(NULL);
}

#define REFUSED "PIN refused: set the right one, or enter it by hand in a phone"
#define UNSEEN  "PIN tried, result not seen: enter it by hand in a phone"

static void test_right_pin(void **state)
{
	(void)state;
	locked_card("1234", "1234");
	pass(2000);
	assert_int_equal(card.offers, 1);
	assert_int_equal(bench->modem->fsm.state, MODEM_SIM);
	want_why("SIM PIN: sent");
	pass(3000 + 1500); /* silence, then the card is read */
	assert_int_equal(bench->modem->fsm.state, MODEM_READY);
	assert_true(bench->modem->online);
	card.locked = true; /* power is lost: the PIN is known to be right, so it is given again */
	start_anew();
	pass(3000 + 3500);
	assert_int_equal(card.offers, 2);
	assert_int_equal(bench->modem->fsm.state, MODEM_READY);
	assert_int_equal(logged("pin_refused"), 0);
}

static void test_card_s_own_pin_counts_first(void **state)
{
	(void)state;
	locked_card("5678", "1234");
	strcpy(card_pin, "5678");
	pass(6500);
	assert_string_equal(card.offered, "5678");
	assert_int_equal(bench->modem->fsm.state, MODEM_READY);
}

/* Each way of saying no. It is tried once, whatever happens then; another PIN is another try. */
static void test_wrong_pin_is_tried_once(void **state)
{
	static const char *const answers[] = { NULL, "ERROR", "+CME ERROR: 100", "OK" };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(answers); i++) {
		if (i > 0)
			anew();
		locked_card("1234", "9999");
		card.wrong = answers[i];
		pass(7000);
		want_why(REFUSED);
		assert_true(bench->modem->settled);
		assert_int_equal(logged("event=pin_refused"), 1);
		pass(200000);
		assert_int_equal(logged("event=pin_refused"), 1);
		feed_line("RDY");
		pass(10000);
		fake_lost();
		pass(10000);
		start_anew();
		pass(10000);
		want_why(REFUSED);
		assert_int_equal(card.offers, 1);
		configure("1234");
		modem_card_changed(bench->modem);
		pass(6500);
		assert_int_equal(card.offers, 2);
		assert_int_equal(bench->modem->fsm.state, MODEM_READY);
	}
}

/* Killed when the PIN was on its way: nobody saw what came of it. */
static void test_try_whose_result_nobody_saw(void **state)
{
	char got[300];

	(void)state;
	for (int right = 0; right < 2; right++) {
		if (right)
			anew();
		locked_card("1234", right ? "1234" : "9999");
		for (int i = 0; i < 200; i++) {
			settle();
			loop_advance(bench->loop, 20);
			if (!memchr(bench->fake->out, '\r', bench->fake->len))
				continue;
			next_command(got, sizeof got);
			if (strncmp(got, "AT+CPIN=", 8) == 0)
				break;
			feed_line(reply_to(got));
		}
		assert_memory_equal(got, "AT+CPIN=", 8);
		reply_to(got);
		start_anew();
		pass(10000);
		assert_int_equal(card.offers, 1);
		if (!right) {
			want_why(UNSEEN);
			continue;
		}
		assert_int_equal(bench->modem->fsm.state, MODEM_READY);
		card.locked = true; /* it was seen unlocked: the PIN was right */
		start_anew();
		pass(7000);
		assert_int_equal(card.offers, 2);
		assert_int_equal(bench->modem->fsm.state, MODEM_READY);
	}
}

/* A modem that says nothing any more after the PIN: the try counts, and READY tells. */
static void test_silence_after_the_pin(void **state)
{
	(void)state;
	locked_card("1234", "1234");
	card.mute = true;
	pass(40000);
	assert_int_equal(card.offers, 1);
	assert_int_equal(bench->modem->fsm.state, MODEM_READY);
}

static void test_refused_pin_stays_so_when_somebody_unlocks_the_card(void **state)
{
	(void)state;
	locked_card("1234", "9999");
	pass(5000);
	want_why(REFUSED);
	card.locked = false; /* by hand */
	pass(32000 + 3000);
	assert_int_equal(bench->modem->fsm.state, MODEM_READY);
	card.locked = true;
	start_anew();
	pass(7000);
	want_why(REFUSED);
	assert_int_equal(card.offers, 1);
}

static bool on_tries(void *owner, const char *line)
{
	((struct modem *)owner)->pin_tries = (int)strtol(line + 8, NULL, 10);
	return true;
}

static const struct modem_driver *counting_driver(void)
{
	static const struct at_cmd rows[] = {
		{ .cmd = "+TRIES", .prefix = "+TRIES", .fn = on_tries, .may_fail = true }
	};
	static const struct at_script script = { "tries", rows, 1 };
	static struct modem_driver driver;

	driver = *modem_driver_named("sim800");
	driver.scripts.tries = &script;
	driver.timing.pin_ms = 500;
	return &driver;
}

static void test_tries_that_are_left(void **state)
{
	static const struct {
		int tries, offers;
		const char *why;
	} rows[] = {
		{ 3, 1, "registered, home" },
		{ 2, 1, "registered, home" },
		{ 1, 0, "SIM PIN: one try left, enter the PIN by hand in a phone" },
		{ -1, 1, "registered, home" },
		{ 0, 0, "SIM PUK: the card is blocked, use its PUK in a phone" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		if (i > 0)
			anew();
		locked_card("1234", "1234");
		bench->modem->wanted_driver = counting_driver();
		card.tries = rows[i].tries;
		pass(4000); /* the family names a shorter silence */
		assert_int_equal(card.offers, rows[i].offers);
		want_why(rows[i].why);
		assert_int_equal(bench->modem->pin.wanted, rows[i].tries == 1);
		assert_int_equal(bench->modem->pin.blocked, rows[i].tries == 0);
		assert_true(bench->modem->settled);
	}
}

/* Where the tries are not known, two wrong PINs are enough: a third would block the card. */
static void test_two_wrong_pins_are_enough(void **state)
{
	(void)state;
	locked_card("1234", "9999");
	pass(5000);
	configure("8888");
	modem_card_changed(bench->modem);
	pass(5000);
	want_why(REFUSED);
	assert_int_equal(card.offers, 2);
	configure("1234");
	start_anew();
	pass(5000);
	want_why("SIM PIN: refused two PINs, tries unknown: enter it by hand in a phone");
	assert_int_equal(card.offers, 2);
	modem_pin_forget(bench->modem, NULL, NULL);
	modem_card_changed(bench->modem);
	pass(6500);
	assert_int_equal(card.offers, 3);
	assert_int_equal(bench->modem->fsm.state, MODEM_READY);
}

static void test_forgotten_by_hand(void **state)
{
	(void)state;
	locked_card("1234", "9999");
	pass(5000);
	want_why(REFUSED);
	strcpy(card.right, "9999");
	modem_pin_forget(bench->modem, NULL, NULL);
	modem_card_changed(bench->modem);
	pass(6500);
	assert_int_equal(card.offers, 2);
	assert_int_equal(bench->modem->fsm.state, MODEM_READY);
}

/* The card keeps its ICCID back: the place and the module stand for it. */
static void test_without_an_iccid(void **state)
{
	(void)state;
	locked_card("1234", "9999");
	card.no_iccid = true;
	pass(9000);
	want_why(REFUSED);
	assert_int_equal(card.offers, 1);
	start_anew();
	pass(9000);
	want_why(REFUSED);
	card.no_iccid = false; /* it may be the same card */
	start_anew();
	pass(9000);
	want_why(REFUSED);
	assert_int_equal(card.offers, 1);
	/* another one in the same place, which tells who it is */
	anew();
	locked_card("1234", "9999");
	pass(5000);
	want_why(REFUSED);
	sim.ccid = "89460000000000000025\r\nOK";
	strcpy(card.right, "9999");
	start_anew();
	pass(7000);
	assert_int_equal(card.offers, 2);
	assert_int_equal(bench->modem->fsm.state, MODEM_READY);
	/* and the first one again */
	sim.ccid = NULL;
	card.locked = true;
	start_anew();
	pass(7000);
	want_why(REFUSED);
	assert_int_equal(card.offers, 2);
}

static void test_other_locks_are_said_as_they_are(void **state)
{
	static const struct {
		const char *cpin, *why;
	} rows[] = {
		{ "+CPIN: SIM PUK\r\nOK", "SIM PUK: the card is blocked, use its PUK in a phone" },
		{ "+CME ERROR: 12", "SIM PUK: the card is blocked, use its PUK in a phone" },
		{ "+CPIN: PH-SIM PIN\r\nOK", "PH-SIM PIN" },
		{ "+CPIN: PH-NET PIN\r\nOK", "PH-NET PIN" },
		{ "+CPIN: SIM PIN2\r\nOK", "SIM PIN2" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		if (i > 0)
			anew();
		locked_card("1234", "1234");
		card.locked = false;
		sim.cpin = rows[i].cpin;
		pass(40000);
		want_why(rows[i].why);
		assert_true(bench->modem->settled);
		assert_int_equal(card.offers, 0);
	}
	anew();
	locked_card("1234", "");
	pass(5000);
	want_why("SIM PIN: set pin in [bank north] or in the numbers file");
	assert_true(bench->modem->settled);
	anew();
	locked_card("1234", "1234");
	sim.cpin = "+CME ERROR: 11";
	card.locked = false;
	pass(2000);
	assert_int_equal(card.offers, 1);
}

/* Nothing is tried that could not be noted. */
static void test_store_in_trouble(void **state)
{
	(void)state;
	locked_card("1234", "1234");
	disk_full(true);
	pass(5000);
	assert_int_equal(card.offers, 0);
	disk_full(false);
	pass(8000);
	assert_int_equal(card.offers, 1);
	assert_int_equal(bench->modem->fsm.state, MODEM_READY);
}

/* In no log at any level, in no AT line, in no state. */
static void test_pin_is_nowhere(void **state)
{
	static const char *const answers[] = { NULL, "", "AT+CPIN=\"47114711\"\r\nERROR" };
	const struct at_ring_line *line;

	(void)state;
	log_set_level("wire", LOGL_DEBUG);
	log_set_level(NULL, LOGL_DEBUG);
	for (size_t i = 0; i < COUNT_OF(answers); i++) {
		if (i > 0)
			anew();
		locked_card("1234", "47114711");
		card.wrong = answers[i];
		pass(40000);
		assert_int_equal(card.offers, 1);
		assert_string_equal(card.offered, "47114711");
		assert_int_equal(logged("4711"), 0);
		assert_true(logged("CPIN=***") > 0);
		for (unsigned n = 0; (line = at_ring(&bench->modem->at, n)); n++)
			assert_null(strstr(line->line, "4711"));
		for (size_t at = 0; at + 4 <= sizeof *bench->modem; at++)
			if (memcmp((const char *)bench->modem + at, "4711", 4) == 0)
				fail_msg("the PIN is still in the modem, at %zu", at);
	}
	log_reset_levels();
	log_set_level(NULL, LOGL_INFO);
}

static void test_ready_without_ok(void **state)
{
	static struct modem_driver odd;

	(void)state;
	memset(&sim, 0, sizeof sim);
	odd = *modem_driver_named("sim800");
	odd.quirks = QUIRK_CPIN_NO_OK;
	bench->modem->wanted_driver = &odd;
	sim.cpin = "+CPIN: READY";
	pass(1200);
	assert_true(bench->modem->iccid[0]);
	assert_int_equal(bench->modem->at.timeouts, 0);
}

/* ---- the network's verdict ------------------------------------------------------------------ */

static void test_verdict(void **state)
{
	static const struct {
		enum modem_reg cs, ps, eps;
		int act;
		enum modem_reg verdict;
	} rows[] = {
		{ REG_HOME, REG_NONE, REG_NONE, -1, REG_HOME },
		{ REG_ROAMING, REG_DENIED, REG_DENIED, 0, REG_ROAMING },
		{ REG_DENIED, REG_NONE, REG_HOME, 7, REG_HOME },
		{ REG_SEARCHING, REG_NONE, REG_ROAMING, -1, REG_ROAMING },
		{ REG_HOME, REG_NONE, REG_ROAMING, 7, REG_HOME },
		/* the packet domain alone */
		{ REG_NONE, REG_HOME, REG_NONE, 7, REG_HOME },
		{ REG_DENIED, REG_ROAMING, REG_DENIED, 9, REG_ROAMING },
		{ REG_NONE, REG_HOME, REG_NONE, 13, REG_HOME },
		{ REG_NONE, REG_HOME, REG_NONE, 0, REG_NONE },
		{ REG_NONE, REG_HOME, REG_NONE, 2, REG_NONE },
		{ REG_DENIED, REG_HOME, REG_NONE, 6, REG_DENIED },
		{ REG_SEARCHING, REG_HOME, REG_NONE, 3, REG_SEARCHING },
		{ REG_NONE, REG_HOME, REG_NONE, -1, REG_NONE },
		/* none takes it */
		{ REG_NONE, REG_NONE, REG_NONE, -1, REG_NONE },
		{ REG_SEARCHING, REG_NONE, REG_DENIED, -1, REG_SEARCHING },
		{ REG_DENIED, REG_NONE, REG_SEARCHING, -1, REG_DENIED },
		{ REG_NONE, REG_NONE, REG_SEARCHING, -1, REG_SEARCHING },
		{ REG_UNKNOWN, REG_DENIED, REG_NONE, -1, REG_DENIED },
		{ REG_UNKNOWN, REG_NONE, REG_NONE, -1, REG_UNKNOWN },
		{ REG_NONE, REG_UNKNOWN, REG_NONE, -1, REG_NONE },
	};
	static const enum modem_reg by_stat[] = { REG_NONE, REG_HOME, REG_SEARCHING, REG_DENIED,
		REG_UNKNOWN, REG_ROAMING, REG_HOME, REG_ROAMING, REG_DENIED, REG_HOME, REG_ROAMING,
		REG_NONE };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		if (reg_verdict(rows[i].cs, rows[i].ps, rows[i].eps, rows[i].act) !=
			rows[i].verdict)
			fail_msg("row %zu", i);
	for (int stat = 0; stat < (int)COUNT_OF(by_stat); stat++)
		assert_int_equal(reg_of(stat), by_stat[stat]);
	assert_int_equal(reg_of(12), REG_NONE);
}

static void test_packet_domain_as_it_is_reported(void **state)
{
	static const struct {
		const char *line;
		enum modem_reg reg;
	} rows[] = {
		{ "+CGREG: 1", REG_SEARCHING },
		{ "+CGREG: 1,\"00A1\",\"1F2B\",2", REG_SEARCHING },
		{ "+CGREG: 1,\"00A1\",\"001F2B0D\",7", REG_HOME },
		{ "+CGREG: 5,\"00A1\",\"001F2B0D\",7", REG_ROAMING },
		{ "+CEREG: 1,\"00A1\",\"001F2B0D\",7", REG_HOME },
		{ "+CEREG: 8,\"00A1\",\"001F2B0D\",7", REG_SEARCHING },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		if (i > 0)
			anew();
		reach_ready();
		feed_line("+CREG: 2");
		feed_line(rows[i].line);
		if (bench->modem->reg != rows[i].reg)
			fail_msg("%s: %s", rows[i].line, modem_reg_name(bench->modem->reg));
	}
}

/* ---- codes to the network: their form ------------------------------------------------------- */

static void test_codes(void **state)
{
	static const char *const good[] = { "*100#", "#7*1#", "*#31#", "**21#", "*111*1*2#" };
	static const char *const bad[] = { "", "*#", "100", "*100", "100#", "*1a#", "*1 2#",
		"*1\"#", "*100#\r", "**04*1234*9999*9999#", "**042*1*2*2#", "**05*1*2*2#",
		"**052*1*2*2#", "**03**1*2*2#", "*03**1*2*2#",
		"*1234567890123456789012345678901234#" };
	static const struct {
		const char *code;
		enum ussd_form form;
		const char *sent;
	} rows[] = {
		{ "*100#", USSD_PLAIN, "*100#" },
		{ "*100#", USSD_PACKED, "AA180C3602" },
		{ "*100#", USSD_UCS2, "002A0031003000300023" },
		{ "*12345#", USSD_PACKED, "AA986C46AB8D1A" }, /* seven septets: padded with CR */
		{ "*123456#", USSD_PACKED, "AA986C46ABD946" },
	};
	char out[200];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(good); i++)
		assert_true(ussd_is_code(good[i]));
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		if (ussd_is_code(bad[i]))
			fail_msg("%s", bad[i]);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		assert_true(ussd_encode(rows[i].code, rows[i].form, out, sizeof out));
		assert_string_equal(out, rows[i].sent);
		assert_false(ussd_encode(rows[i].code, rows[i].form, out, strlen(rows[i].sent)));
	}
}

static void test_answers_are_decoded(void **state)
{
	static const struct {
		const char *raw;
		int dcs;
		enum ussd_form form;
		const char *text;
	} rows[] = {
		{ "Saldo 12.50 kr", 15, USSD_PLAIN, "Saldo 12.50 kr" },
		{ "", 15, USSD_PLAIN, "" },
		{ "+46700100017", 15, USSD_PLAIN, "+46700100017" },
		{ "4670010001", 15, USSD_PLAIN, "4670010001" }, /* digits, but a number */
		{ "46700100", 15, USSD_PLAIN, "46700100" },
		{ "cafe", 15, USSD_PLAIN, "cafe" },
		{ "line one\nline two", 15, USSD_PLAIN, "line one\nline two" },
		/* septets */
		{ "AA180C3602", 15, USSD_PACKED, "*100#" },
		{ "E8329BFD06", 0, USSD_PLAIN, "hello" },
		{ "E8329BFD06DDDF723619", 15, USSD_PLAIN, "hello world" },
		{ "C8329BFD065D1B", 15, USSD_PACKED, "Hello W" }, /* padded with CR */
		{ "C8329BFD065D01", 15, USSD_PACKED, "Hello W" }, /* and with nothing */
		/* UCS-2, said or seen */
		{ "041D043E043C", 72, USSD_PLAIN, "\xd0\x9d\xd0\xbe\xd0\xbc" },
		{ "041D043E043C", 15, USSD_PLAIN, "\xd0\x9d\xd0\xbe\xd0\xbc" },
		{ "041D043E043C", -1, USSD_PLAIN, "\xd0\x9d\xd0\xbe\xd0\xbc" },
		{ "002B0034003600370030", 15, USSD_UCS2, "+4670" },
		{ "0034003600370030", 15, USSD_PLAIN, "4670" },
		{ "0411", 72, USSD_PLAIN, "\xd0\x91" },
		{ "002B003400360000FFFF60B1", 17, USSD_PLAIN, "+46" }, /* a NUL, and what follows */
		{ "002B00340036zz\xff", 17, USSD_PLAIN, "+46" },
		{ "002B00340036f", 72, USSD_PLAIN, "002B00340036f" },
	};
	char text[USSD_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		ussd_decode(rows[i].raw, rows[i].dcs, rows[i].form, text);
		if (strcmp(text, rows[i].text) != 0)
			fail_msg("%s (%d): \"%s\", not \"%s\"", rows[i].raw, rows[i].dcs, text,
				rows[i].text);
	}
}

/* The longest there can be, and every length up to it. */
static void test_answers_of_any_length(void **state)
{
	char raw[USSD_RAW_MAX + 1], text[USSD_TEXT_SIZE];

	(void)state;
	for (int form = USSD_PLAIN; form <= USSD_UCS2; form++)
		for (size_t len = 0; len <= USSD_RAW_MAX; len++) {
			memset(raw, len % 3 ? '5' : 'E', len);
			raw[len] = '\0';
			ussd_decode(raw, len % 5 ? 15 : 72, (enum ussd_form)form, text);
			assert_true(strlen(text) < sizeof text);
		}
}

static void test_number_in_an_answer(void **state)
{
	static const struct {
		const char *mcc, *text, *number;
	} rows[] = {
		{ "240", "Your number is +46700100017", "+46700100017" },
		{ "240", "Your number is +46700100017.", "+46700100017" },
		{ "240", "+46700100017 is yours, balance 12.50", "+46700100017" },
		{ "240", "Nr:0046700100017", "+46700100017" },
		{ "240", "Ditt nummer: 46700100017", "+46700100017" },
		{ "240", "Ditt nummer: 0700100017\nSaldo: 100.00 kr", "+46700100017" },
		{ "240", "Saldo 100 kr 2026-11-21 10:00:05", NULL },
		{ "240", "+46 70-010 00 17", "+46700100017" },
		{ "240", "Nummer +46 70 010 00 17\nSaldo 5", "+46700100017" },
		{ "240", "+46 70 010 00 17 100 kr", NULL }, /* where does it end? */
		{ "240", "+46 (0) 70 010 00 17", NULL },
		{ "240", "+46(0)700100017", NULL },
		{ "240", "+46-700100017", "+46700100017" },
		{ "240", "0700-100017", NULL },
		{ "240", "+467001000 17", "+46700100017" },
		{ "240", "+467001000 17 kr", NULL },
		{ "240", "0700100017 0700100018", NULL }, /* which one? */
		{ "240", "0700100017, again 0700100017", "+46700100017" },
		{ "240", "*100*0700100017#", NULL },
		{ "240", "IMSI 240010000000017", NULL },
		{ "240", "ICCID 89460000000000000017", NULL },
		{ "240", "A0700100017", NULL },
		{ "240", "0700100017kr", NULL },
		{ "240", "700100017", NULL }, /* neither code nor trunk */
		{ "240", "0123456", NULL },   /* too short */
		{ "240", "+1234567890123456", NULL },
		{ "240", "+0700100017", NULL },
		{ "240", "4712 46700100017 0812345", "+46700100017" },
		{ "240", "no number", NULL },
		{ "240", "", NULL },
		{ "250", "\xd0\x92\xd0\xb0\xd1\x88: 89161234567", "+79161234567" },
		{ "250", "79161234567", "+79161234567" },
		{ "250", "9161234567", NULL },
		{ "250", "7916123456", NULL }, /* a digit is missing */
		{ "222", "0612345678", NULL }, /* the 0 is part of it there */
		{ "222", "393331234567", "+393331234567" },
		{ "310", "12125550100", "+12125550100" },
		{ "310", "1212555010", NULL },
		{ "310", "2125550100", NULL },
		{ "262", "017012345678", "+4917012345678" },
		{ "001", "0700100017", NULL }, /* whose country? */
		{ "001", "46700100017", NULL },
		{ "001", "+46700100017", "+46700100017" },
		{ "", "+46700100017", "+46700100017" },
	};
	char imsi[20], number[STORE_NUMBER_SIZE], small[8];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		bool found;
		snprintf(
			imsi, sizeof imsi, "%s%s", rows[i].mcc, *rows[i].mcc ? "010000000017" : "");
		found = ussd_number(rows[i].text, imsi, number, sizeof number);
		if (found != (rows[i].number != NULL))
			fail_msg("%s %s: %s", rows[i].mcc, rows[i].text, found ? number : "none");
		if (found)
			assert_string_equal(number, rows[i].number);
		assert_false(ussd_number(rows[i].text, imsi, small, sizeof small));
	}
}

/* ---- a card whose operator tells its number ------------------------------------------------- */

static struct {
	int asked, ended;
	const char *answer, *late; /* to the code; NULL: OK alone */
	char sent[64];
} network;

static const char *network_reply(const char *command)
{
	if (strcmp(command, "AT+CNUM") == 0)
		return "OK";
	network.ended += strcmp(command, "AT+CUSD=2") == 0;
	if (strncmp(command, "AT+CUSD=1", 9) != 0)
		return NULL;
	network.asked++;
	snprintf(network.sent, sizeof network.sent, "%s", command);
	return network.answer ? network.answer : "OK";
}

static void numberless_card(const char *answer)
{
	memset(&sim, 0, sizeof sim);
	memset(&network, 0, sizeof network);
	log_forget();
	sim.reply = network_reply;
	network.answer = answer;
	configure("");
	ussd_code = "*100#";
}

static void test_operator_tells_the_number(void **state)
{
	static const char *const answers[] = {
		"OK\r\n+CUSD: 0,\"Your number is +46700100017\",15",
		"+CUSD: 0,\"Your number is +46700100017\",15\r\n\r\nOK",
		"OK\r\n+CUSD: 2,\"\"\r\n+CUSD: 0,\"0700100017\",15",
		"OK\r\n+CUSD: 2,\"Released\",15\r\n+CUSD: 0,\"0700100017\",15",
		"OK\r\n+CUSD: 3\r\n+CUSD: 0,\"0700100017\",15",
		"OK\r\n+CUSD: 0,\"Number:\r\n0700100017\r\n1. Recharge\",15",
		"OK\r\n+CUSD: 0,\"Number:\r\n+CREG: 1\r\n0700100017\",15",
		"OK\r\n+CUSD: 0,\"002B00340036003700300030003100300030003000310037\",72",
		"OK\r\n+CUSD: 0,0700100017,15", "OK\r\n+CUSD: 0,\"0700100017", /* never closed */
		"", /* no OK, and the answer later */
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(answers); i++) {
		if (i > 0)
			anew();
		numberless_card(answers[i]);
		if (!*answers[i]) {
			pass(20000);
			feed_line("+CUSD: 0,\"0700100017\",15");
		}
		pass(8000);
		assert_int_equal(bench->modem->fsm.state, MODEM_READY);
		assert_string_equal(network.sent, "AT+CUSD=1,\"*100#\",15");
		if (strcmp(bench->modem->number, "+46700100017") != 0)
			fail_msg("%s: \"%s\"", answers[i], bench->modem->number);
		assert_int_equal(bench->modem->number_source, STORE_NUMBER_USSD);
		pass(3600000);
		assert_int_equal(network.asked, 1);
		assert_int_equal(network.ended, 0);
		assert_int_equal(logged("+46700100017"), 0);
		start_anew();
		pass(5000); /* it is known */
		assert_string_equal(bench->modem->number, "+46700100017");
		assert_int_equal(network.asked, 1);
	}
}

static void test_menu_is_left(void **state)
{
	(void)state;
	numberless_card("OK\r\n+CUSD: 1,\"0700100017 1. Recharge 2. Exit\",15");
	pass(5000);
	assert_int_equal(network.ended, 1);
	assert_int_equal(bench->modem->ussd.step, USSD_IDLE);
}

static void test_operator_that_tells_nothing(void **state)
{
	static const struct {
		const char *answer;
		int ended; /* sessions */
	} rows[] = {
		{ "OK\r\n+CUSD: 0,\"Saldo 12.50\",15", 0 },
		{ "OK\r\n+CUSD: 4", 0 },
		{ "OK\r\n+CUSD: 5", 0 },
		{ "+CME ERROR: 258", 0 },
		{ "ERROR", 0 },
		{ "OK", 3 }, /* and nothing more */
		{ "OK\r\n+CUSD: 2", 3 },
		{ "OK\r\n+CUSD: x", 3 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		if (i > 0)
			anew();
		numberless_card(rows[i].answer);
		pass(3000);
		assert_int_equal(network.asked, 1);
		pass(9000); /* not at once again */
		assert_int_equal(network.asked, 1);
		pass(600000);
		assert_int_equal(network.asked, 3); /* a day */
		assert_int_equal(network.ended, rows[i].ended);
		assert_int_equal(bench->modem->fsm.state, MODEM_READY);
		assert_string_equal(bench->modem->number, "");
		feed_line("RDY");
		pass(600000);
		assert_int_equal(network.asked, 3);
	}
	network.answer = "OK\r\n+CUSD: 0,\"0700100017\",15";
	for (int hour = 0; hour < 24; hour++) {
		loop_advance(bench->loop, 3600000);
		bench->fake->len = 0;
	}
	start_anew();
	pass(5000);
	assert_string_equal(bench->modem->number, "+46700100017");
}

static void test_when_the_operator_is_not_asked(void **state)
{
	(void)state;
	numberless_card(NULL);
	ussd_code = NULL;
	pass(60000);
	assert_int_equal(network.asked, 0);
	anew();
	numberless_card(NULL);
	sim.creg = "+CREG: 1,2\r\nOK";
	pass(60000);
	assert_int_equal(network.asked, 0);
	anew();
	reach_ready(); /* the card tells its number itself */
	numberless_card(NULL);
	pass(60000);
	assert_int_equal(network.asked, 0);
}

/* Texts are read while the network does not answer, and before it is asked. */
static void test_code_that_hangs_stops_no_text(void **state)
{
	(void)state;
	numberless_card("OK");
	pass(3000);
	assert_int_equal(bench->modem->ussd.step, USSD_ANSWER);
	sim.list = "+CMGL: 4,0,,27\r\n"
		   "000407D0C730BD0C0000621112090000800BE8329BFD06DDDF723619\r\nOK";
	sim.list_once = true;
	feed_line("+CMTI: \"SM\",4");
	pass(1000);
	assert_int_equal(bench->stored, 1);
	assert_int_equal(bench->modem->ussd.step, USSD_ANSWER);
	pass(40000);
	assert_int_equal(network.ended, 1);
}

static void test_family_that_encodes_codes(void **state)
{
	static struct modem_driver odd;

	(void)state;
	odd = *modem_driver_named("sim800");
	odd.quirks = QUIRK_USSD_PACKED;
	numberless_card("OK\r\n+CUSD: 0,\"B01B0C1683C160B11B\",15");
	bench->modem->wanted_driver = &odd;
	pass(6000);
	assert_string_equal(network.sent, "AT+CUSD=1,\"AA180C3602\",15");
	assert_string_equal(bench->modem->number, "+46700100017");
	anew();
	odd.quirks = QUIRK_USSD_UCS2;
	numberless_card("OK\r\n+CUSD: 0,\"0030003700300030003100300030003000310037\",15");
	bench->modem->wanted_driver = &odd;
	pass(6000);
	assert_string_equal(network.sent, "AT+CUSD=1,\"002A0031003000300023\",15");
	assert_string_equal(bench->modem->number, "+46700100017");
}

/* ---- sources that disagree ------------------------------------------------------------------ */

static void load_number(const char *number)
{
	struct store_number row = { .iccid = "89460000000000000017", .number = number, .rent = -1 };

	row.label = "";
	store_numbers_load(bench->store, &row, 1, NULL, NULL);
	settle();
	modem_number_changed(bench->modem);
	pass(100);
}

static void test_declared_number_beats_the_card_s(void **state)
{
	(void)state;
	reach_ready();
	assert_string_equal(bench->modem->number, "+46700100017");
	log_forget();
	for (int i = 0; i < 3; i++)
		load_number("+46700199999");
	assert_string_equal(bench->modem->number, "+46700199999");
	assert_int_equal(logged("names another"), 1);
	assert_int_equal(logged("700199999") + logged("700100017"), 0);
	assert_false(bench->modem->number_conflict);
}

static void test_conflict_takes_the_number_away(void **state)
{
	(void)state;
	reach_ready();
	configure("");
	load_number("+46700199999");
	store_number_set(bench->store, "89460000000000000017", "+46700188888", 1, NULL, NULL);
	settle();
	log_forget();
	for (int i = 0; i < 3; i++) {
		modem_number_changed(bench->modem);
		pass(100);
	}
	assert_string_equal(bench->modem->number, "");
	assert_true(bench->modem->number_conflict);
	assert_int_equal(logged("event=number_conflict"), 1);
	assert_int_equal(logged("simgatectl numbers forget"), 1);
	assert_int_equal(logged("700199999") + logged("700188888"), 0);
	ussd_code = "*100#"; /* a third opinion helps nobody */
	memset(&network, 0, sizeof network);
	sim.reply = network_reply;
	pass(60000);
	assert_int_equal(network.asked, 0);
	load_number("+46700188888");
	assert_string_equal(bench->modem->number, "+46700188888");
	assert_false(bench->modem->number_conflict);
}

/* ---- a card that is changed ----------------------------------------------------------------- */

static int looks;

static const char *looked_at(const char *command)
{
	looks += strcmp(command, "AT+CPIN?") == 0 || strcmp(command, "AT+CCID") == 0;
	return NULL;
}

/* The family announces nothing: two commands each 10 s beside the polls find it. */
static void test_changed_card_is_seen_in_time(void **state)
{
	static const struct at_urc says[] = { { "^SIMST", modem_on_cpin_urc }, { NULL, NULL } };
	static struct modem_driver odd;

	(void)state;
	bench->env.spans.card = 10000;
	reach_ready();
	sim.reply = looked_at;
	looks = 0;
	pass(60000);
	assert_in_range(looks, 10, 12);
	sim.ccid = "89460000000000000025\r\nOK";
	pass(10100);
	assert_string_not_equal(bench->modem->card_id, "89460000000000000017");
	pass(3000);
	assert_string_equal(bench->modem->card_id, "89460000000000000025");
	sim.cpin = "+CME ERROR: 10";
	pass(10100);
	assert_false(bench->modem->online);
	anew(); /* one that says it is not asked */
	bench->env.spans.card = 10000;
	odd = *modem_driver_named("sim800");
	odd.urcs = says;
	bench->modem->wanted_driver = &odd;
	reach_ready();
	sim.reply = looked_at;
	looks = 0;
	pass(60000);
	assert_int_equal(looks, 0);
}

/* ---- by hand -------------------------------------------------------------------------------- */

#define LONG "+A23456789012345678901234567890123456789012345678901234567890123456789?"

static void test_what_an_operator_may_send(void **state)
{
	static const char *const more[] = { "^SYSCFG", NULL };
	static const char *const good[] = { "I", "i", "I7", "&V", "+CSQ", "+csq", "+CIMI", "+CGSN",
		"+CPIN?", "+COPS?", "+CREG?", "+CMGD=?", "+CUSD?", "^SYSINFO", "$QCRSRP?", "*CNTI?",
		"#QSS?", "%STATUS?", "+CFUN?", "+CFUN=?", "^SYSCFG", "+CCID" };
	static const char *const bad[] = { "", "A", "D123", "D*99#", "H", "Z", "&F", "E0", "+",
		"+?", "?", "=?", "+CSQ;", "+CSQ;+CMGD=1", "+CSQ\r", "+CSQ\rAT+CMGD=1", "+CSQ\n",
		"+CMGD=1", "+CMGS=1", "+CMGS", "+CFUN=1,1", "+CFUN=0", "+CPIN=\"1234\"", "+CPIN=1",
		"+CPWD=?", "+CPWD?", "+CLCK?", "+CLCK=?", "+EGMR=1,7,\"1\"", "+EGMR?", "+EGMR=?",
		"+egmr=0,7", "+SIMEI?", "+SIMEI=1", "+SIMEI", "+COPS=?", "+cops=?", "+COPS=0",
		"+CUSD=1,\"*100#\",15", "+CMGR=1", "+CNMI=2,1", "/", "+CREG? ", " +CREG?",
		"+CREG??", "+CREG?=?", "+CREG?1", "+C-Q?", "+CSQ?;", "\x1a", "^CARDLOCK=1",
		"+CRSM=176,28480,0,0,10", LONG };
	struct modem_driver driver = *modem_driver_named("generic");

	(void)state;
	driver.allowed = more;
	for (size_t i = 0; i < COUNT_OF(good); i++)
		if (modem_forbids(&driver, good[i]))
			fail_msg("%s: %s", good[i], modem_forbids(&driver, good[i]));
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		if (!modem_forbids(&driver, bad[i]))
			fail_msg("%s", bad[i]);
	assert_non_null(modem_forbids(NULL, "^SYSCFG"));
	assert_null(modem_forbids(NULL, "+CSQ"));
}

static char answered[400];

static void on_answer(void *arg, const struct modem_answer *answer)
{
	size_t len = strlen(answered);

	assert_ptr_equal(arg, &answered);
	if (answer->error) {
		snprintf(answered + len, sizeof answered - len, "%s%s", answer->error,
			answer->late ? " (late)" : "");
		return;
	}
	for (size_t i = 0; i < answer->count; i++)
		len += (size_t)snprintf(
			answered + len, sizeof answered - len, "%s|", answer->lines[i]);
	snprintf(answered + len, sizeof answered - len, "%d %d", answer->report->result,
		answer->report->code);
}

static int ask(const char *command)
{
	answered[0] = '\0';
	return modem_ask(bench->modem, command, on_answer, &answered);
}

static const char *hand_reply(const char *command)
{
	static const struct {
		const char *command, *reply;
	} rows[] = {
		{ "ATI", "SIM800\r\nR14.18\r\n+CMTI: \"SM\",1\r\nOK" },
		{ "AT+CPAS", "+CPAS: 0\r\nOK" },
		{ "AT+CREG?", "+CREG: 0,1\r\nOK" },
		{ "AT+CEER", "+CME ERROR: 100" },
		{ "AT+CESQ", "" },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		if (strcmp(rows[i].command, command) == 0)
			return rows[i].reply;
	return NULL;
}

static void test_command_by_hand(void **state)
{
	static const struct {
		const char *command, *answer;
	} rows[] = {
		{ "I", "SIM800|R14.18|0 -1" },
		{ "+CPAS", "+CPAS: 0|0 -1" },
		{ "+creg?", "0 -1" },
		{ "+CREG?", "+CREG: 0,1|0 -1" },
		{ "+CEER", "1 100" },
		{ "+CESQ", "the modem did not answer in time (late)" },
	};

	(void)state;
	assert_int_equal(ask("+CSQ"), -ENODEV);
	reach_ready();
	sim.reply = hand_reply;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		assert_int_equal(ask(rows[i].command), 0);
		assert_int_equal(modem_ask(bench->modem, "+CSQ", on_answer, NULL), -EBUSY);
		pass(26000);
		assert_string_equal(answered, rows[i].answer);
		assert_int_equal(bench->modem->fsm.state, MODEM_READY);
	}
	assert_int_equal(ask("+CMGD=1"), -EACCES);
	assert_string_equal(answered, "");
}

/* What was read first stays first; the answer is told once, whatever happens to the port. */
static void test_command_by_hand_waits_and_ends(void **state)
{
	(void)state;
	reach_ready();
	sim.reply = hand_reply;
	feed_line("+CMTI: \"SM\",4");
	settle();
	assert_int_equal(ask("+CPAS"), 0);
	assert_int_equal(sim.lists, 1);
	pass(500);
	assert_int_equal(sim.lists, 2);
	assert_string_equal(answered, "+CPAS: 0|0 -1");
	sim.dead = true;
	assert_int_equal(ask("+CPAS"), 0);
	settle();
	fake_lost();
	assert_string_equal(answered, "the port went down");
	sim.dead = false;
	pass(8000);
	assert_int_equal(ask("+CPAS"), 0);
	feed_line("RDY");
	assert_string_equal(answered, "the module has restarted");
	pass(3000);
	assert_int_equal(ask("+CPAS"), 0);
	modem_stop(bench->modem, "test");
	settle();
	assert_string_equal(answered, "the port went down");
}

/* A card that cannot be used is when one wants to ask. */
static void test_command_by_hand_without_a_card(void **state)
{
	(void)state;
	memset(&sim, 0, sizeof sim);
	sim.cpin = "+CME ERROR: 10";
	sim.reply = hand_reply;
	pass(2000);
	assert_int_equal(bench->modem->fsm.state, MODEM_SIM);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(ask("+CPAS"), 0);
		pass(1000);
		assert_string_equal(answered, "+CPAS: 0|0 -1");
	}
	sim.cpin = NULL;
	assert_int_equal(ask("+CPAS"), 0);
	pass(7000);
	assert_string_equal(answered, "+CPAS: 0|0 -1");
	assert_int_equal(bench->modem->fsm.state, MODEM_READY);
}

static void on_code(void *arg, const char *error, int status, const char *text)
{
	assert_ptr_equal(arg, &answered);
	snprintf(answered, sizeof answered, "%s %d %s", error ? error : "-", status, text);
}

static void test_code_by_hand(void **state)
{
	(void)state;
	answered[0] = '\0';
	assert_int_equal(modem_ussd_ask(bench->modem, "*100#", on_code, &answered), -ENETDOWN);
	reach_ready();
	memset(&network, 0, sizeof network);
	sim.reply = network_reply;
	network.answer = "OK\r\n+CUSD: 0,\"Saldo 5\",15";
	assert_int_equal(modem_ussd_ask(bench->modem, "12", on_code, &answered), -EINVAL);
	assert_int_equal(modem_ussd_ask(bench->modem, "*123#", on_code, &answered), 0);
	assert_int_equal(modem_ussd_ask(bench->modem, "*124#", on_code, &answered), -EBUSY);
	pass(500);
	assert_string_equal(answered, "- 0 Saldo 5");
	network.answer = "OK\r\n+CUSD: 2,\"Bye\",15";
	assert_int_equal(modem_ussd_ask(bench->modem, "*123#", on_code, &answered), 0);
	pass(4000);
	assert_string_equal(answered, "- 2 Bye");
	network.answer = "OK";
	assert_int_equal(modem_ussd_ask(bench->modem, "*123#", on_code, &answered), 0);
	pass(42000);
	assert_string_equal(answered, "the network did not answer in time -1 ");
	assert_int_equal(network.ended, 1);
	assert_int_equal(modem_ussd_ask(bench->modem, "*123#", on_code, &answered), 0);
	pass(500);
	fake_lost();
	assert_string_equal(answered, "the card is gone -1 ");
	assert_string_equal(bench->modem->number, ""); /* of the card that is gone */
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_right_pin),
		CASE(test_card_s_own_pin_counts_first),
		CASE(test_wrong_pin_is_tried_once),
		CASE(test_try_whose_result_nobody_saw),
		CASE(test_silence_after_the_pin),
		CASE(test_refused_pin_stays_so_when_somebody_unlocks_the_card),
		CASE(test_tries_that_are_left),
		CASE(test_two_wrong_pins_are_enough),
		CASE(test_forgotten_by_hand),
		CASE(test_without_an_iccid),
		CASE(test_other_locks_are_said_as_they_are),
		CASE(test_store_in_trouble),
		CASE(test_pin_is_nowhere),
		CASE(test_ready_without_ok),
		cmocka_unit_test(test_verdict),
		CASE(test_packet_domain_as_it_is_reported),
		cmocka_unit_test(test_codes),
		cmocka_unit_test(test_answers_are_decoded),
		cmocka_unit_test(test_answers_of_any_length),
		cmocka_unit_test(test_number_in_an_answer),
		CASE(test_operator_tells_the_number),
		CASE(test_menu_is_left),
		CASE(test_operator_that_tells_nothing),
		CASE(test_when_the_operator_is_not_asked),
		CASE(test_code_that_hangs_stops_no_text),
		CASE(test_family_that_encodes_codes),
		CASE(test_declared_number_beats_the_card_s),
		CASE(test_conflict_takes_the_number_away),
		CASE(test_changed_card_is_seen_in_time),
		cmocka_unit_test(test_what_an_operator_may_send),
		CASE(test_command_by_hand),
		CASE(test_command_by_hand_waits_and_ends),
		CASE(test_command_by_hand_without_a_card),
		CASE(test_code_by_hand),
	};

	log_keep();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
