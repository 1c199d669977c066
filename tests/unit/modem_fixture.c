/* modem_fixture.c - see modem_fixture.h */
#include "modem_fixture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loop_fixture.h"

struct bench *bench;
const char *record_folder;
struct sim sim;

/* ---- ports ---------------------------------------------------------------------------------- */

static void fake_opened(void *arg)
{
	struct fake_port *fake = arg;

	fake->open = fake->open_err == 0;
	fake->port.events->opened(fake->port.owner, fake->open_err, "as the test wants it");
}

static int fake_open(struct port *port, int baud, int64_t deadline_ms)
{
	struct fake_port *fake = (struct fake_port *)port;

	assert_true(deadline_ms > 0);
	assert_false(fake->open);
	fake->baud = baud;
	fake->opens++;
	fake->len = 0;
	loop_timer_start(&fake->timer, 0);
	return 0;
}

static int fake_write(struct port *port, const void *bytes, size_t len)
{
	struct fake_port *fake = (struct fake_port *)port;

	if (!fake->open)
		return -ENOTCONN;
	assert_true(fake->len + len < sizeof fake->out);
	memcpy(fake->out + fake->len, bytes, len);
	fake->len += len;
	return 0;
}

static void fake_close(struct port *port)
{
	struct fake_port *fake = (struct fake_port *)port;

	loop_timer_stop(&fake->timer);
	fake->open = false;
}

static bool fake_has_rate(struct port *port)
{
	return ((struct fake_port *)port)->answers_at != 0;
}

static const struct port_ops fake_ops = { .open = fake_open,
	.write = fake_write,
	.close = fake_close,
	.free = fake_close,
	.has_rate = fake_has_rate };

static struct port *fake_new(struct loop *loop, struct opener *opener, const char *device,
	const char *object, const struct port_events *events, void *owner)
{
	struct fake_port *fake = &bench->fakes[bench->fake_count++];

	(void)opener, (void)device, (void)object;
	assert_true(bench->fake_count <= FAKES_MAX);
	fake->port = (struct port) { &fake_ops, events, owner };
	loop_timer_init(&fake->timer, loop, fake_opened, fake);
	return &fake->port;
}

void fake_lost(void)
{
	bench->fake->open = false;
	bench->fake->port.events->lost(bench->fake->port.owner, -EIO, "hung up");
	settle();
}

/* ---- the bench ------------------------------------------------------------------------------ */

static size_t on_route(void *arg, const struct store_message *message, struct store_route *out)
{
	bool attributed = message->card_id[0] != '\0';

	(void)arg;
	assert_string_equal(message->bank, "north");
	out[0] = (struct store_route) { "push", attributed ? STORE_QUEUED : STORE_HELD,
		attributed ? "" : "unattributed", false, 0, 0 };
	return 1;
}

static void on_stored(void *arg, const struct store_sms_result *result)
{
	(void)arg, (void)result;
	bench->stored++;
}

static void on_changed(void *arg, struct modem *modem)
{
	(void)arg, (void)modem;
	bench->changes++;
}

static const struct inbox_spans inbox_spans = { 86400000, 86400000 };
static const struct inbox_host inbox_host = { on_route, on_stored, NULL };

static char pin[16], ussd_code[40];

static bool on_pin(void *arg, const char *bank, const char *iccid, char *out, size_t size)
{
	(void)arg, (void)bank, (void)iccid;
	snprintf(out, size, "%s", pin);
	return pin[0] != '\0';
}

static const char *on_ussd_number(void *arg, const char *imsi)
{
	(void)arg, (void)imsi;
	return ussd_code[0] ? ussd_code : NULL;
}

void set_up(const char *words, const char *where)
{
	if (sscanf(words, "pin %15s", pin) != 1 && sscanf(words, "ussd %39s", ussd_code) != 1)
		fail_msg("%s: no such configuration: %s", where, words);
}

void open_store(void)
{
	char path[96], why[200] = "";
	struct store_config config = { .path = path, .host_id = "host", .loop = bench->loop };

	snprintf(path, sizeof path, "%s/simgate.db", bench->dir);
	if (store_open(&config, &bench->store, why, sizeof why) < 0)
		fail_msg("%s", why);
	bench->inbox = inbox_new(bench->loop, bench->store, &inbox_spans, &inbox_host, NULL);
	bench->env = (struct modem_env) { .loop = bench->loop,
		.store = bench->store,
		.inbox = bench->inbox,
		.spans = { 600000, 300000, 20000, 10000, 300000, 0 },
		.changed = on_changed,
		.record_dir = record_folder,
		.pin = on_pin,
		.ussd_number = on_ussd_number,
		.port_new = fake_new };
	pin[0] = ussd_code[0] = '\0';
}

void new_modem(void)
{
	struct modem_config config = { "north", "p01", bench->device, NULL, 115200, NULL };

	bench->fake_count = 0;
	bench->modem = modem_new(&bench->env, &config);
	assert_non_null(bench->modem);
	modem_start(bench->modem);
}

int bench_setup(void **state)
{
	FILE *device;

	(void)state;
	bench = calloc(1, sizeof *bench);
	bench->fake = &bench->fakes[0];
	strcpy(bench->dir, "/tmp/simgate-modem-XXXXXX");
	assert_non_null(mkdtemp(bench->dir));
	snprintf(bench->device, sizeof bench->device, "%s/device", bench->dir);
	device = fopen(bench->device, "w");
	fclose(device);
	bench->loop = loop_new_manual(1000, 1766000000000);
	open_store();
	new_modem();
	return 0;
}

void settle(void)
{
	loop_turn(bench->loop, 0);
	WAIT_FOR(bench->loop, store_pending(bench->store) == 0);
	loop_turn(bench->loop, 0);
}

void close_all(void)
{
	while (bench->env.modems) {
		struct modem *modem = bench->env.modems;
		modem_stop(modem, "test");
		for (int i = 0; i < 200 && !modem_finished(modem); i++)
			settle();
		assert_true(modem_finished(modem));
		modem_free(modem);
	}
	inbox_free(bench->inbox);
	store_close(bench->store);
}

int bench_teardown(void **state)
{
	char command[128];

	(void)state;
	close_all();
	loop_free(bench->loop);
	snprintf(command, sizeof command, "rm -r %s", bench->dir);
	assert_int_equal(system(command), 0);
	free(bench);
	return 0;
}

/* ---- bytes ---------------------------------------------------------------------------------- */

static bool take_command(struct fake_port *fake, char *out, size_t size)
{
	char *end = memchr(fake->out, '\r', fake->len);

	if (!end)
		return false;
	size_t len = (size_t)(end - fake->out);
	snprintf(out, size, "%.*s", (int)len, fake->out);
	fake->len -= len + 1;
	memmove(fake->out, end + 1, fake->len);
	return true;
}

bool next_command(char *out, size_t size)
{
	for (int i = 0; i < 100; i++) {
		if (take_command(bench->fake, out, size))
			return true;
		settle();
	}
	return false;
}

static void feed_to(struct fake_port *fake, const char *bytes, size_t len)
{
	const struct port *port = &fake->port;

	while (len > 0) {
		size_t step = 1 + bench->chunk++ * 7 % 3;
		if (step > len)
			step = len;
		port->events->data(port->owner, (const uint8_t *)bytes, step);
		bytes += step;
		len -= step;
	}
	loop_advance(bench->loop, 0);
}

static void feed_line_to(struct fake_port *fake, const char *text)
{
	char bytes[2048] = "\r\n";
	size_t len = 2;

	for (; *text; text++) {
		char hex[3] = { 0 };
		if (text[0] == '\\' && text[1] == 'x') {
			memcpy(hex, text + 2, 2);
			bytes[len++] = (char)strtoul(hex, NULL, 16);
			text += 3;
		} else {
			bytes[len++] = *text;
		}
	}
	memcpy(bytes + len, "\r\n", 2);
	feed_to(fake, bytes, len + 2);
}

void feed(const char *bytes, size_t len)
{
	feed_to(bench->fake, bytes, len);
}

void feed_line(const char *text)
{
	feed_line_to(bench->fake, text);
}

/* ---- a modem that answers by table ---------------------------------------------------------- */

static void count(const char *command)
{
	sim.lists += strcmp(command, "AT+CMGL=4") == 0;
	sim.setups += strncmp(command, "AT+CNMI=", 8) == 0;
	sim.services += strcmp(command, "AT+CSMS=1") == 0;
	sim.services_off += strcmp(command, "AT+CSMS=0") == 0;
	sim.acks += strcmp(command, "AT+CNMA") == 0;
	sim.radios += strcmp(command, "AT+CFUN=0") == 0;
	sim.restarts += strcmp(command, "AT+CFUN=1,1") == 0;
	sim.inits += strcmp(command, "AT+CGSN") == 0;
}

const char *reply_to(const char *command)
{
	const struct {
		const char *command, *reply;
	} table[] = {
		{ "AT+CGMM", sim.model ? sim.model : "SIMCOM_SIM800L\r\nOK" },
		{ "ATI", sim.ati ? sim.ati : "OK" },
		{ "AT+CGSN", sim.imei ? sim.imei : "490154203237518\r\nOK" },
		{ "AT+CCID", sim.ccid ? sim.ccid : "89460000000000000017\r\nOK" },
		{ "AT+CIMI", "240010000000017\r\nOK" },
		{ "AT+CNUM", "+CNUM: \"\",\"+46700100017\",145\r\nOK" },
		{ "AT+CMGF=0", sim.cmgf ? sim.cmgf : "OK" },
		{ "AT+CSMS=1", sim.csms ? sim.csms : "+CSMS: 1,1,1\r\nOK" },
		{ "AT+CNMA", sim.cnma ? sim.cnma : "OK" },
		{ "AT+CPMS=?",
			sim.stores ? sim.stores : "+CPMS: (\"SM\"),(\"SM\"),(\"SM\")\r\nOK" },
		{ "AT+CPIN?", sim.cpin ? sim.cpin : "+CPIN: READY\r\nOK" },
		{ "AT+CREG?", sim.creg ? sim.creg : "+CREG: 1,1\r\nOK" },
		{ "AT+CFUN=0", sim.cfun ? sim.cfun : "OK" },
		{ "AT+CFUN=1,1", sim.cfun ? sim.cfun : "OK" },
		{ "AT+CSQ", "+CSQ: 20,0\r\nOK" },
		{ "AT+COPS?", "+COPS: 0,2,\"24001\"\r\nOK" },
	};

	const char *said;

	count(command);
	said = sim.reply ? sim.reply(command) : NULL;
	if (said)
		return said;
	if (sim.all)
		return sim.all;
	if (strncmp(command, "AT+CPMS=\"", 9) == 0) {
		sim.in_me = strncmp(command, "AT+CPMS=\"ME", 11) == 0;
		return sim.cpms ? sim.cpms : "OK";
	}
	if (strcmp(command, "AT+CMGF=0") == 0)
		sim.text_mode = false;
	if (strcmp(command, "AT+CMGL=4") == 0) {
		const char *list = sim.in_me ? sim.list_me : sim.list;
		if (sim.text_mode)
			return "ERROR";
		if (sim.list_once)
			sim.list = NULL;
		return list ? list : "OK";
	}
	if (strncmp(command, "AT+CMGD=", 8) == 0) {
		sim.deletes++;
		return sim.cmgd ? sim.cmgd : "OK";
	}
	for (size_t i = 0; i < COUNT_OF(table); i++)
		if (strcmp(table[i].command, command) == 0)
			return table[i].reply;
	return "OK";
}

static bool hears(const struct fake_port *fake)
{
	return !sim.dead && (!fake->answers_at || fake->answers_at == fake->baud);
}

static void answer(struct fake_port *fake)
{
	char command[300];

	if (!take_command(fake, command, sizeof command))
		return;
	if (sim.garbage)
		feed_to(fake, "\x01\x80#@!~\r\n\xfe\r", 10);
	else if (hears(fake))
		feed_line_to(fake, reply_to(command));
}

void pass(int64_t ms)
{
	int64_t end_ms = loop_now_ms(bench->loop) + ms;

	while (loop_now_ms(bench->loop) < end_ms) {
		settle();
		loop_advance(bench->loop, 20);
		for (size_t i = 0; i < bench->fake_count; i++) {
			if (sim.endless && bench->fakes[i].open)
				feed_line_to(&bench->fakes[i], "+CMGL: junk");
			answer(&bench->fakes[i]);
		}
	}
}

void converse(void)
{
	pass(1500);
}

void reach_ready(void)
{
	memset(&sim, 0, sizeof sim);
	converse();
	assert_int_equal(bench->modem->fsm.state, MODEM_READY);
	assert_true(bench->modem->online);
}
