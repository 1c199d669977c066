/* test_modem_shared.c - answers of real modems, read where they are present. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log_fixture.h"
#include "modem/modem_impl.h"
#include "shared_fixture.h"

static struct modem *modem;
static struct modem_env env;
static cJSON *samples, *transcripts;

static struct port *no_port(struct loop *loop, struct opener *opener, const char *device,
	const char *object, const struct port_events *events, void *owner)
{
	static const struct port_ops ops = { 0 };
	static struct port port;

	(void)loop, (void)opener, (void)device, (void)object;
	port = (struct port) { &ops, events, owner };
	return &port;
}

/* ---- one answer ------------------------------------------------------------------------------ */

/* A group of samples, or some of one: `check` says whether there was anything to check. */
struct group {
	const char *name;
	bool (*check)(const cJSON *sample);
	int least; /* so many are there at least */
};

static const cJSON *parsed(const cJSON *sample, const char *name)
{
	return cJSON_GetObjectItem(cJSON_GetObjectItem(sample, "parsed"), name);
}

static const char *line_of(const cJSON *sample, int n)
{
	const cJSON *line = cJSON_GetArrayItem(cJSON_GetObjectItem(sample, "lines"), n);

	return line ? line->valuestring : "";
}

/* The first line that begins so; NULL if none does. */
static const char *line_with(const cJSON *sample, const char *prefix)
{
	const cJSON *line;

	cJSON_ArrayForEach(line, cJSON_GetObjectItem(sample, "lines"))
	{
		if (strncmp(line->valuestring, prefix, strlen(prefix)) == 0)
			return line->valuestring;
	}
	return NULL;
}

static bool asked(const cJSON *sample, const char *command)
{
	return strcmp(shared_text(sample, "command"), command) == 0;
}

/* The enum that TS 27.007's <stat> means to us. */
static enum modem_reg wanted_reg(int stat)
{
	static const enum modem_reg regs[] = { REG_NONE, REG_HOME, REG_SEARCHING, REG_DENIED,
		REG_UNKNOWN, REG_ROAMING, REG_HOME, REG_ROAMING, REG_DENIED, REG_HOME, REG_ROAMING,
		REG_NONE };

	return regs[stat];
}

/* +CREG, +CGREG, +CEREG. Left out: ^SYSINFO and +C5GREG, which no driver asks for. Of two lines the
 * first is what `parsed` speaks of. */
static bool registration(const cJSON *sample, at_line_fn *fn)
{
	static const char *const prefixes[] = { "+CREG", "+CGREG", "+CEREG" };
	const cJSON *stat = parsed(sample, "stat"), *act = parsed(sample, "act");
	const char *line = NULL;
	enum modem_reg got;

	for (size_t i = 0; i < COUNT_OF(prefixes) && !line; i++)
		line = line_with(sample, prefixes[i]);
	if (cJSON_GetArraySize(cJSON_GetObjectItem(sample, "lines")) == 2 && line)
		line = line_of(sample, 0)[0] == '+' ? line_of(sample, 0) : line;
	if (!line || !cJSON_IsNumber(stat))
		return false;
	modem->reg_cs = modem->reg_ps = modem->reg_eps = REG_UNKNOWN;
	modem->act = -1;
	if (!fn(modem, line))
		fail_msg("not taken: %s", line);
	got = line[2] == 'E' ? modem->reg_eps : line[2] == 'G' ? modem->reg_ps : modem->reg_cs;
	if (got != wanted_reg(stat->valueint))
		fail_msg("%s: %d", line, got);
	if (modem->act != (cJSON_IsNumber(act) ? act->valueint : -1))
		fail_msg("%s: access technology %d", line, modem->act);
	return true;
}

static bool registration_answer(const cJSON *sample)
{
	return registration(sample, modem_on_creg);
}

static bool registration_urc(const cJSON *sample)
{
	return registration(sample, modem_on_creg_urc);
}

static void swap_nibbles(const char *hex, char *out)
{
	size_t len = strlen(hex) & ~(size_t)1;

	for (size_t i = 0; i < len; i++)
		out[i] = hex[i ^ 1];
	while (len > 0 && out[len - 1] == 'F')
		len--;
	out[len] = '\0';
}

/* An EF-ICCID read as a file has its digits in data. What is neither must not be taken for one. */
static bool iccid(const cJSON *sample)
{
	const cJSON *want = parsed(sample, "iccid"), *data = parsed(sample, "data");
	bool file = strstr(shared_text(sample, "command"), "=176,12258") != NULL;
	const char *line = line_of(sample, 0);
	char digits[64] = "";
	bool taken;

	if (cJSON_IsString(want))
		snprintf(digits, sizeof digits, "%s", want->valuestring);
	else if (file && cJSON_IsString(data))
		swap_nibbles(data->valuestring, digits);
	modem->seen_iccid[0] = '\0';
	taken = modem_on_iccid(modem, line);
	if (strcmp(shared_text(sample, "verdict"), "reject") == 0)
		assert_string_equal(digits, "");
	if (taken != (digits[0] != '\0') || strcmp(modem->seen_iccid, digits) != 0)
		fail_msg("%s: %s, not %s", line, modem->seen_iccid, digits);
	return true;
}

/* The first number that is whole: a national one is none. */
static bool own_number(const cJSON *sample)
{
	const cJSON *number, *line;
	const char *want = "";

	if (!asked(sample, "AT+CNUM"))
		return false;
	cJSON_ArrayForEach(number, parsed(sample, "numbers"))
	{
		if (!*want && number->valuestring[0] == '+')
			want = number->valuestring;
	}
	modem->cnum[0] = '\0';
	cJSON_ArrayForEach(line, cJSON_GetObjectItem(sample, "lines"))
		modem_on_cnum(modem, line->valuestring);
	assert_string_equal(modem->cnum, want);
	return true;
}

static bool own_book(const cJSON *sample)
{
	const char *line = line_with(sample, "+CPBR: "), *number;

	if (!line || strchr(line, '(')) /* AT+CPBR=? */
		return false;
	number = cJSON_GetStringValue(parsed(sample, "number"));
	modem->cnum[0] = '\0';
	assert_true(modem_on_cpbr(modem, line));
	assert_string_equal(modem->cnum, number && number[0] == '+' ? number : "");
	return true;
}

static bool signal_strength(const cJSON *sample)
{
	const cJSON *rssi = parsed(sample, "rssi");
	const char *line = line_with(sample, "+CSQ");

	if (!line)
		return false;
	modem_on_csq(modem, line);
	assert_int_equal(modem->rssi_dbm, cJSON_IsNumber(rssi) ? -113 + 2 * rssi->valueint : 0);
	return true;
}

static bool card_state(const cJSON *sample)
{
	const char *lock = cJSON_GetStringValue(parsed(sample, "lock"));
	char want[32];

	if (!asked(sample, "AT+CPIN?") || !lock)
		return false;
	snprintf(want, sizeof want, "%s", strcmp(lock, "NONE") == 0 ? "READY" : lock);
	for (char *c = want; *c; c++)
		if (*c == '_')
			*c = strncmp(want, "PH_", 3) == 0 && c == want + 2 ? '-' : ' ';
	assert_true(modem_on_cpin(modem, line_of(sample, 0)));
	assert_string_equal(modem->sim_state, want);
	return true;
}

static bool pin_tries(const cJSON *sample)
{
	const cJSON *counts = parsed(sample, "pin,pin2,puk,puk2");

	if (!counts)
		return false;
	modem->pin_tries = -1;
	assert_true(modem_on_pin_tries(modem, line_of(sample, 0)));
	assert_int_equal(modem->pin_tries, cJSON_GetArrayItem(counts, 0)->valueint);
	return true;
}

static bool imsi(const cJSON *sample)
{
	const char *line = line_of(sample, 0);
	bool good = strspn(line, "0123456789") == strlen(line);

	if (!asked(sample, "AT+CIMI"))
		return false;
	modem->imsi[0] = '\0';
	assert_int_equal(modem_on_imsi(modem, line), good);
	assert_string_equal(modem->imsi, good ? line : "");
	return true;
}

static bool network(const cJSON *sample)
{
	const char *name = cJSON_GetStringValue(parsed(sample, "oper"));
	const cJSON *act = parsed(sample, "act");
	const char *line = line_with(sample, "+COPS");

	if (!asked(sample, "AT+COPS?") || !line || !name)
		return false;
	modem->act = -1;
	modem_on_cops(modem, line);
	assert_string_equal(modem->operator_name, name);
	if (cJSON_IsNumber(act))
		assert_int_equal(modem->act, act->valueint);
	return true;
}

/* Card and module alone are looked at; MT, which is both, where neither is named. Of memories
 * without parentheses nobody can tell which value they are: all count. */
static bool memories(const cJSON *sample)
{
	const cJSON *first = parsed(sample, "mem1"), *name;
	const char *line = line_with(sample, "+CPMS:"), *names[] = { "SM", "ME", "MT" };
	bool has[3] = { false };

	if (!asked(sample, "AT+CPMS=?") || !line)
		return false;
	assert_true(modem_on_stores(modem, line));
	assert_in_range(modem->sms.memory_count, 0, MODEM_MEMORIES_MAX);
	if (!cJSON_IsArray(first))
		return true;
	for (int i = 0; i < 3; i++)
		cJSON_ArrayForEach(name, first)
		{
			has[i] = has[i] || strcmp(name->valuestring, names[i]) == 0;
		}
	if (!strchr(line, '('))
		for (int i = 0; i < 3; i++)
			has[i] = strstr(line, names[i]) != NULL;
	if (has[0] || has[1])
		has[2] = false;
	assert_int_equal(modem->sms.memory_count, has[0] + has[1] + has[2]);
	for (int i = 0, n = 0; i < 3; i++)
		if (has[i])
			assert_string_equal(modem->sms.memories[n++], names[i]);
	return true;
}

/* What the probe would be told, and which driver that is. */
static bool driver(const cJSON *sample)
{
	static const struct {
		const char *modem, *driver;
	} wanted[] = { { "Huawei", "huawei" }, { "ZTE", "zte" }, { "WAVECOM", "wavecom" },
		{ "SIMCom A7", "a76xx" }, { "0", "wavecom" } };
	const char *name = shared_text(sample, "modem"), *want = "generic";
	const cJSON *line;
	char model[64] = "";

	if (!asked(sample, "AT+CGMM") && !asked(sample, "ATI") && !asked(sample, "AT+SIMCOMATI"))
		return false;
	cJSON_ArrayForEach(line, cJSON_GetObjectItem(sample, "lines"))
	{
		size_t len = strlen(model);
		snprintf(
			model + len, sizeof model - len, "%s%s", len ? " " : "", line->valuestring);
	}
	for (size_t i = 0; i < COUNT_OF(wanted); i++)
		if (strstr(name, wanted[i].modem) &&
			(wanted[i].modem[0] != '0' || strstr(model, "MULTIBAND")))
			want = wanted[i].driver;
	if (strcmp(modem_driver_for(model)->name, want) != 0)
		fail_msg("%s: %s, not %s", model, modem_driver_for(model)->name, want);
	return true;
}

static bool imei(const cJSON *sample)
{
	const char *line = line_of(sample, 0);
	size_t len = strspn(line, "0123456789");
	bool good = len == 15 && (!line[len] || line[len] == ',');

	if (!asked(sample, "AT+CGSN"))
		return false;
	modem->imei[0] = '\0';
	assert_int_equal(modem_on_imei(modem, line), good);
	assert_int_equal(strncmp(modem->imei, line, strlen(modem->imei)), 0);
	return true;
}

/* Every code of card or boot belongs to some family, or to all. */
static bool known_code(const cJSON *sample)
{
	const char *line = line_of(sample, 0);

	if (strncmp(line, "+CPIN:", 6) == 0)
		return true;
	for (const struct modem_driver *const *at = modem_drivers; *at; at++)
		for (const struct at_urc *urc = (*at)->urcs; urc->prefix; urc++)
			if (strncmp(line, urc->prefix, strlen(urc->prefix)) == 0)
				return true;
	fail_msg("nobody knows %s", line);
	return false;
}

/* ---- on the wire ---------------------------------------------------------------------------- */

enum { WIRE_TEXTS = 256 };

static struct {
	struct at at;
	struct at_report report;
	int reports, whole;
	struct cmgl list;
	char sent[AT_COMMAND_MAX], hex[WIRE_TEXTS][CMGL_DIGITS_MAX + 1];
} wire;

static int wire_write(void *owner, const char *bytes, size_t len)
{
	(void)owner, (void)bytes, (void)len;
	return 0;
}

static void wire_done(void *owner, const struct at_report *report)
{
	(void)owner;
	wire.report = *report;
	wire.reports++;
}

static void wire_entry(void *arg, const struct cmgl_entry *entry)
{
	(void)arg;
	if (entry->kind == CMGL_WHOLE && wire.whole < WIRE_TEXTS)
		snprintf(wire.hex[wire.whole++], sizeof wire.hex[0], "%s", entry->hex);
}

static bool wire_header(void *owner, const char *line)
{
	(void)owner;
	cmgl_header(&wire.list, line);
	return true;
}

static bool wire_bare(void *owner, const char *line)
{
	(void)owner;
	return cmgl_bare(&wire.list, line);
}

/* Lines that come unasked are the modem's business, not that of a listing. */
static bool wire_direct(void *owner, const char *line, bool wanted)
{
	static int missing;
	int octets;
	const char *rest;

	(void)owner, (void)wanted;
	if (missing > 0) {
		missing = 0;
		return true;
	}
	if (cmgl_direct_of(line, &octets, &rest) == CMGL_NOT_DIRECT)
		return false;
	missing = 1;
	return true;
}

static void wire_put(void *owner, struct at_text *text)
{
	(void)owner;
	at_put(text, wire.sent);
}

AT_SCRIPT(wire_list, { .build = wire_put,
			     .prefix = "+CMGL",
			     .fn = wire_header,
			     .bare_fn = wire_bare,
			     .may_fail = false });

static const struct at_urc wire_urcs[] = { { "^", modem_on_noise }, { "+CREG", modem_on_noise },
	{ "+CMTI", modem_on_noise }, { "RING", modem_on_noise }, { NULL, NULL } };
static const struct at_host wire_host = { wire_write, wire_done, wire_urcs, wire_direct, NULL,
	NULL };

static void wire_send(const char *command)
{
	at_reset(&wire.at);
	wire.reports = wire.whole = 0;
	snprintf(wire.sent, sizeof wire.sent, "%s", command);
	wire.sent[strcspn(wire.sent, "\r\n")] = '\0';
	cmgl_begin(&wire.list, wire_entry, NULL);
	at_run(&wire.at, &wire_list);
	loop_advance(env.loop, 0);
}

/* JSON gave UTF-8; the bytes are those of Latin-1. */
static void wire_feed(const char *text)
{
	for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
		uint8_t byte = *c < 0x80 ? *c : (uint8_t)((*c & 3) << 6 | (c[1] & 0x3F));
		at_feed(&wire.at, &byte, 1);
		c += *c >= 0x80;
	}
}

/* Final results as such. Left out: those of a call (nothing is dialled), and codes that differ in a
 * blank at the end of the line, which is not kept. Words are told apart for the card only. */
static bool final_result(const cJSON *sample)
{
	static const char *const out[] = { "NO CARRIER", "BUSY", "NO ANSWER", "NO DIALTONE",
		"+CMS ERROR:", "MODEM ERROR: " };
	const cJSON *final = parsed(sample, "final"), *cme = parsed(sample, "cme");
	const char *line = line_of(sample, 0);

	for (size_t i = 0; i < COUNT_OF(out); i++)
		if (strcmp(line, out[i]) == 0)
			return false;
	if (!cJSON_IsBool(final))
		return false;
	wire_send("+X");
	wire_feed(shared_text(sample, "raw"));
	assert_int_equal(wire.reports, cJSON_IsTrue(final));
	if (!wire.reports)
		return true;
	assert_int_equal(
		wire.report.result, cJSON_IsTrue(parsed(sample, "error")) ? AT_FAILED : AT_OK);
	if (cJSON_IsNumber(cme) && wire.report.code >= 0)
		assert_int_equal(wire.report.code, cme->valueint);
	return true;
}

/* ---- all of them ---------------------------------------------------------------------------- */

static const struct group groups[] = {
	{ "registration", registration_answer, 20 },
	{ "urc_registration", registration_urc, 14 },
	{ "iccid", iccid, 24 },
	{ "number", own_number, 3 },
	{ "number", own_book, 5 },
	{ "signal", signal_strength, 2 },
	{ "sim", card_state, 7 },
	{ "sim", pin_tries, 2 },
	{ "sim", imsi, 4 },
	{ "operator", network, 4 },
	{ "storage", memories, 8 },
	{ "identification", driver, 18 },
	{ "identification", imei, 10 },
	{ "urc_ready", known_code, 10 },
	{ "urc_sim", known_code, 10 },
	{ "framing", final_result, 10 },
};

static void test_answers_of_real_modems(void **state)
{
	const cJSON *sample;

	(void)state;
	if (!samples) {
		print_message("shared data absent: skipped\n");
		skip();
	}
	for (size_t i = 0; i < COUNT_OF(groups); i++) {
		int checked = 0;
		cJSON_ArrayForEach(sample, cJSON_GetObjectItem(samples, "samples"))
		{
			if (strcmp(shared_text(sample, "group"), groups[i].name) == 0)
				checked += groups[i].check(sample);
		}
		print_message("%s: %d samples\n", groups[i].name, checked);
		assert_true(checked >= groups[i].least);
	}
}

/* Texts of a listing that are whole, in their order. */
static void check_listing(const char *id, const cJSON *messages)
{
	const cJSON *message;
	int n = 0;

	cJSON_ArrayForEach(message, messages)
	{
		const cJSON *pdu = cJSON_GetObjectItem(message, "pdu");
		if (n >= wire.whole)
			fail_msg("%s: %d texts only", id, wire.whole);
		if (cJSON_IsString(pdu) && strcmp(pdu->valuestring, wire.hex[n]) != 0)
			fail_msg("%s: %s is not %s", id, wire.hex[n], pdu->valuestring);
		n++;
	}
	assert_int_equal(n, wire.whole);
}

/* One exchange: what came must end as it should. */
static bool exchange(const cJSON *transcript)
{
	/* Prompts, which no command of ours has; answers in digits; a PDU that is not whole; a zero
	 * byte, which the reader of JSON ends a text at. */
	static const char *const out[] = { "tr-009", "tr-032", "tr-071", "tr-011", "tr-068" };
	const cJSON *steps = cJSON_GetObjectItem(transcript, "steps"), *step, *chunk;
	const cJSON *expected = cJSON_GetObjectItem(transcript, "expected");
	const char *id = shared_text(transcript, "id"), *final = shared_text(expected, "final");
	const cJSON *messages = cJSON_GetObjectItem(expected, "messages");

	for (size_t i = 0; i < COUNT_OF(out); i++)
		if (strcmp(id, out[i]) == 0)
			return false;
	if (!*final && !messages)
		return false;
	cJSON_ArrayForEach(step, steps)
	{
		const char *command = shared_text(step, "tx");
		if (strncmp(command, "AT", 2) != 0)
			return false;
		wire_send(command + 2);
		cJSON_ArrayForEach(chunk, cJSON_GetObjectItem(step, "rx"))
			wire_feed(chunk->valuestring);
	}
	if (*final && (wire.reports != 1 ||
			      wire.report.result != (strcmp(final, "OK") ? AT_FAILED : AT_OK)))
		fail_msg("%s: ended %d times", id, wire.reports);
	if (messages)
		check_listing(id, messages);
	return true;
}

static void test_exchanges_with_real_modems(void **state)
{
	const cJSON *transcript;
	int checked = 0;

	(void)state;
	if (!transcripts)
		skip();
	cJSON_ArrayForEach(transcript, cJSON_GetObjectItem(transcripts, "transcripts")) checked +=
		exchange(transcript);
	print_message("%d exchanges\n", checked);
	assert_true(checked >= 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_answers_of_real_modems),
		cmocka_unit_test(test_exchanges_with_real_modems) };
	struct modem_config config = { "b", "s", "/nowhere", NULL, 115200, NULL };
	int failed;

	log_keep();
	env = (struct modem_env) { .loop = loop_new_manual(0, 0), .port_new = no_port };
	modem = modem_new(&env, &config);
	samples = shared_read("at_responses.json");
	transcripts = shared_read("at_transcripts.json");
	at_init(&wire.at, env.loop, &wire_host, NULL, "wire");
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	cJSON_Delete(samples);
	cJSON_Delete(transcripts);
	at_done(&wire.at);
	modem->port = NULL; /* it is nobody's */
	modem_free(modem);
	loop_free(env.loop);
	return failed;
}
