/* test_config.c - the configuration and the numbers file: what is accepted, what is refused. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/config.h"

static char folder[64], main_file[96];
static const char *const drivers[] = { "generic", "sim800", NULL };
static const char *const board_slots[] = { "p01", "1:1.0", "p02", "1:1.1", NULL };
static const struct config_board boards[] = { { .name = "usb" },
	{ .name = "quad", .usb_only = true },
	{ .name = "pool", .usb_only = true, .slots = board_slots },
	{ .name = "net", .network_only = true }, { .name = "swit", .columns = 8, .rows_max = 64 },
	{ .name = NULL } };
static const struct config_names names = { drivers, boards };

#define BANK     "[bank north]\ndevices = /dev/ttyUSB0\n"
#define PCI      "pci-0000:00:14.0-usb-0"
#define PLATFORM "[platform p]\nkind = onlinesim-push\nurl = https://a.example\nkey = @secret\n"

#define A "8946001234567890123"
#define Z "8946001234567890124"

static void path_of(const char *name, char *out, size_t size)
{
	snprintf(out, size, "%s/%s", folder, name);
}

static void put_bytes(const char *name, const char *bytes, size_t len)
{
	char path[256];
	FILE *file;

	path_of(name, path, sizeof(path));
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

static void put(const char *name, const char *text)
{
	put_bytes(name, text, strlen(text));
}

static int setup(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/simgate-config-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	path_of("main.conf", main_file, sizeof(main_file));
	put("secret", "  s3cret key \r\nsecond line\n");
	setenv("CREDENTIALS_DIRECTORY", folder, 1);
	return 0;
}

/* The tests know every name that they write. */
static int teardown(void **state)
{
	static const char *const files[] = { "main.conf", "secret", "numbers.csv", "onlinesim",
		"north-pin", "own", "dashboard", "empty", "bad", "tls.crt", "tls.key", "sub/a.conf",
		"sub/b.conf", "sub/[x]/c.conf", "sub/[x]/d.conf" };
	static const char *const folders[] = { "sub/[x]", "sub", "." };
	char path[256];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(files) / sizeof(*files); i++) {
		path_of(files[i], path, sizeof(path));
		unlink(path);
	}
	for (i = 0; i < sizeof(folders) / sizeof(*folders); i++) {
		path_of(folders[i], path, sizeof(path));
		rmdir(path);
	}
	rmdir(folder);
	unsetenv("CREDENTIALS_DIRECTORY");
	return 0;
}

static bool has_line(const struct config_report *report, const char *wanted)
{
	size_t i;

	for (i = 0; i < report->count; i++)
		if (strstr(report->lines[i], wanted))
			return true;
	return false;
}

static void want_line(const struct config_report *report, const char *wanted)
{
	size_t i;

	if (has_line(report, wanted))
		return;
	for (i = 0; i < report->count; i++)
		print_message("report: %s\n", report->lines[i]);
	fail_msg("no line of the report has: %s", wanted);
}

static struct config *load_good(const char *text, struct config_report *report)
{
	struct config *config;
	size_t i;

	if (text)
		put("main.conf", text);
	config = config_load(main_file, &names, report);
	for (i = 0; !config && i < report->count; i++)
		print_message("report: %s\n", report->lines[i]);
	assert_non_null(config);
	assert_int_equal(report->errors, 0);
	return config;
}

/* Each text has exactly so many errors, and the report the given line behind "FILE". */
static void refuse(const char *text, size_t errors, const char *wanted)
{
	struct config_report report;
	char line[512];

	put("main.conf", text);
	assert_null(config_load(main_file, &names, &report));
	snprintf(line, sizeof(line), "%s%s", *wanted == ':' ? "/main.conf" : "", wanted);
	want_line(&report, line);
	if (report.errors != errors)
		print_message("%s\n", report.lines[report.count - 1]);
	assert_int_equal(report.errors, errors);
	config_report_free(&report);
}

static void presets(void **state)
{
	struct config_report report;
	struct config *config = load_good(BANK PLATFORM, &report);
	const struct config_platform *platform = &config->platforms[0];

	(void)state;
	assert_int_equal(report.warnings, 0);
	assert_string_equal(config->file, main_file);
	assert_string_equal(config->state_dir, "/var/lib/simgate");
	assert_string_equal(config->control, "/run/simgate/control.sock");
	assert_true(strlen(config->host_id) > 0);
	assert_null(config->numbers_file);
	assert_int_equal(config->log_level, LOGL_INFO);
	assert_int_equal(config->log_format, LOGF_AUTO);
	assert_int_equal(config->start_grace_ms, 90000);
	assert_int_equal(config->sweep_every_ms, 60000);
	assert_int_equal(config->poll_every_ms, 30000);
	assert_int_equal(config->parts_wait_ms, INT64_C(86400000));
	assert_int_equal(config->parts_late_ms, INT64_C(86400000));
	assert_int_equal(config->register_grace_ms, 20000);
	assert_int_equal(config->open_deadline_ms, 10000);
	assert_int_equal(config->quarantine_ms, 300000);
	assert_int_equal(config->openers, 8);
	assert_int_equal(config->bank_count, 1);
	assert_string_equal(config->banks[0].name, "north");
	assert_string_equal(config->banks[0].board, "usb");
	assert_string_equal(config->banks[0].driver, "auto");
	assert_int_equal(config->banks[0].baud, 115200);
	assert_int_equal(config->banks[0].line, 1);
	assert_int_equal(config->banks[0].sell_count, 1);
	assert_string_equal(config->banks[0].sell[0], "p");
	assert_int_equal(config->platform_count, 1);
	assert_string_equal(platform->key, "s3cret key");
	assert_string_equal(platform->list_name, "numbers");
	assert_null(platform->ca_file);
	assert_string_equal(platform->filter, "default");
	assert_false(platform->rent);
	assert_false(platform->dry_run);
	assert_int_equal(platform->list_every_ms, 300000);
	assert_int_equal(platform->list_delay_ms, 1000);
	assert_int_equal(platform->timeout_ms, 10000);
	assert_int_equal(platform->retry_max_ms, 60000);
	assert_int_equal(platform->account_ms, 60000);
	assert_int_equal(platform->number_give_up_ms, INT64_C(7) * 86400000);
	assert_int_equal(platform->batch_ms, 0);
	assert_int_equal(platform->block_ms, 30 * 60000);
	assert_int_equal(platform->retry_after_max_ms, 15 * 60000);
	assert_false(platform->message_by_id);
	assert_null(platform->hmac_key);
	assert_int_equal(platform->concurrency, 8);
	assert_int_equal(platform->line, 3);
	config_free(config);
	config_report_free(&report);
}

static void all_keys(void **state)
{
	struct config_report report;
	char text[4096];
	struct config *config;

	(void)state;
	snprintf(text, sizeof(text),
		"\xef\xbb\xbf# comment\r\n; comment\r\n  # indented comment\r\n\r\n"
		"[gateway] ; the host\r\n"
		"state_dir = %s   ; behind\r\nstore=sqlite\r\nhost_id = h-1\r\nlog_level = "
		"debug\r\n"
		"log.at = error\r\nlog.north/p03 = notice\r\nlog.two=info\r\nlog_format = json\r\n"
		"control = /tmp/s\r\nstart_grace = 1s\r\nsweep_every=2s\r\npoll_every=3s\r\n"
		"parts_wait=2h\r\nparts_late=0\r\nregister_grace = "
		"4s\r\nopen_deadline=500ms\r\nquarantine=6min\r\nopeners = 64\r\n"
		"[bank   north ]\r\nboard = usb\r\ndriver = sim800\r\nbaud = 9600\r\n"
		"devices = /dev/serial/by-path/*, /dev/ttyUSB7 ,tcp:10.0.0.1:4001,tcp:[::1]:9\r\n"
		"sell = two, hook\r\n"
		"[platform one]\r\nkind = onlinesim-push\r\nurl = http://localhost:8080/x//\r\n"
		"key = l;teral;1\r\nca_file = %s/secret\r\nrent = yes\r\ndry_run = yes\r\n"
		"list_name = list\r\nlist_every = 0\r\nlist_delay=9s\r\ntimeout=8s\r\n"
		"retry_max=2h\r\naccount_probe=1d\r\nnumber_give_up = 30d\r\nconcurrency = 1\r\n"
		"filter = off\r\n"
		"batch = 5s\r\nmessage_by = id\r\nblock_wait = 1h\r\nretry_after_max = 0\r\n"
		"[platform two]\r\nkind = onlinesim-push\r\nurl = http://[::1]:1\r\nkey = "
		"@secret\r\n"
		"[platform hook]\r\nkind = webhook\r\nurl = https://a/hook/\r\nhmac_key = "
		"@secret\r\n"
		"timeout = 3s\r\nconcurrency = 2\r\nretry_max = 5s\r\naccount_probe = 6s\r\n"
		"retry_after_max = 7s",
		folder, folder);
	config = load_good(text, &report);
	assert_int_equal(report.warnings, 1);
	want_line(&report, "/main.conf:33: warning: key: ");
	assert_false(has_line(&report, "teral"));
	assert_string_equal(config->state_dir, folder);
	assert_string_equal(config->host_id, "h-1");
	assert_int_equal(config->log_level, LOGL_DEBUG);
	assert_int_equal(config->log_format, LOGF_JSON);
	assert_int_equal(config->log_count, 3);
	assert_string_equal(config->logs[1].name, "north/p03");
	assert_int_equal(config->logs[1].level, LOGL_NOTICE);
	assert_int_equal(config->open_deadline_ms, 500);
	assert_int_equal(config->quarantine_ms, 360000);
	assert_int_equal(config->openers, 64);
	assert_string_equal(config->banks[0].driver, "sim800");
	assert_int_equal(config->banks[0].baud, 9600);
	assert_int_equal(config->banks[0].device_count, 4);
	assert_string_equal(config->banks[0].devices[0], "/dev/serial/by-path/*");
	assert_string_equal(config->banks[0].devices[1], "/dev/ttyUSB7");
	assert_string_equal(config->banks[0].devices[2], "tcp:10.0.0.1:4001");
	assert_string_equal(config->banks[0].sell[0], "two");
	assert_string_equal(config->banks[0].sell[1], "hook");
	assert_string_equal(config->platforms[0].url, "http://localhost:8080/x");
	assert_string_equal(config->platforms[0].key, "l;teral;1");
	assert_true(config->platforms[0].rent);
	assert_string_equal(config->platforms[0].filter, "off");
	assert_int_equal(config->platforms[0].list_every_ms, 0);
	assert_int_equal(config->platforms[0].batch_ms, 5000);
	assert_true(config->platforms[0].message_by_id);
	assert_int_equal(config->platforms[0].block_ms, 3600000);
	assert_int_equal(config->platforms[0].retry_after_max_ms, 0);
	assert_true(config_platform_sells(&config->platforms[0]));
	assert_string_equal(config->platforms[1].key, "s3cret key");
	assert_string_equal(config->platforms[2].hmac_key, "s3cret key");
	assert_string_equal(config->platforms[2].url, "https://a/hook/"); /* as written */
	assert_null(config->platforms[2].key);
	assert_null(config->platforms[2].list_name);
	assert_int_equal(config->platforms[2].retry_after_max_ms, 7000);
	assert_false(config_platform_sells(&config->platforms[2]));
	config_free(config);
	config_report_free(&report);
}

#define P(line)    BANK PLATFORM line "\n"
#define HOOK(name) "[platform " name "]\nkind = webhook\nurl = https://a\nhmac_key = @secret\n"
#define G(line)    BANK PLATFORM "[gateway]\n" line "\n"
#define B(line)    PLATFORM "[bank n]\n" line "\n"
#define U(url)     BANK "[platform p]\nkind = onlinesim-push\nkey = @secret\nurl = " url "\n"
#define K(key)     BANK "[platform p]\nkind = onlinesim-push\nurl = https://a\nkey = " key "\n"
#define H(line)    BANK "[platform p]\nkind = webhook\nurl = https://a\nhmac_key = @secret\n" line "\n"
#define TWO \
	"[platform h]\nkind = webhook\nurl = https://a\nhmac_key = @secret\n" \
	"[platform q]\nkind = onlinesim-push\nurl = https://a\nkey = @secret\n" PLATFORM \
	"[bank n]\ndevices = /dev/a\n"
#define SIXTY   "123456789012345678901234567890123456789012345678901234567890"
#define W(line) BANK "[http]\n" line "\n"
#define S(line) \
	PLATFORM \
	"[bank n]\nboard = swit\ndevices = /dev/m1, /dev/m2, /dev/x*\n" \
	"control.1 = /dev/c1\nrows = 16\n" line "\n"

static void refused(void **state)
{
	static const struct {
		const char *text;
		size_t errors;
		const char *wanted;
	} rows[] = {
		/* form */
		{ G("log_level"), 1, ":8: neither [SECTION] nor KEY = VALUE" },
		{ G("log_level ; = info"), 1, ":8: neither" },
		{ G("log_level ="), 1, ":8: key \"log_level\" has no value" },
		{ G("log_level = ; info"), 1, ":8: key \"log_level\" has no value" },
		{ G("= info"), 1, ":8: a value without key" },
		{ G("log_level = info\n  debug"), 1, ":9: an indented line" },
		{ G("log_level = info\n\topeners = 3"), 1, ":9: an indented line" },
		{ G("openers = 1\nopeners = 2"), 1,
			":9: key \"openers\" is there twice, first at /tmp" },
		{ G("x\x01 = 1"), 1, ":8: this line has a control byte" },
		{ G("x = \xff"), 1, ":8: this line is not valid UTF-8" },
		{ G("[gateway"), 1, ":8: a section's header" },
		{ G("[gateway] x"), 1, ":8: a section's header" },
		{ G("[]"), 1, ":8: a section's header without name" },
		{ G("[gateway]\nopeners = 2"), 1,
			":8: section [gateway] is there twice, first at /tmp" },
		{ G("[bank north]\n[bank north]"), 2, ":9: section [bank north] is there twice" },
		{ "openers = 1\n" BANK, 1, ":1: key \"openers\" stands before" },
		{ G("include = x"), 1, ":8: include stands before the first section" },
		{ "include = nothing.conf\n" BANK, 1, ":1: there is no file nothing.conf" },
		{ "include = main.conf\n" BANK, 1, ":1: /tmp/" },
		/* names */
		{ G("log_levle = info"), 1, ":8: key \"log_levle\" in [gateway]" },
		{ G("log_levle = info"), 1, "nearest known name: log_level" },
		{ G("retention = 1s"), 1, ":8: retention: must be 60 s at least" },
		{ BANK "pinn = 1234\n", 1, "nearest known name: pin" },
		{ BANK "pin = @absent\n", 1, ":3: pin: cannot read " },
		{ BANK "pin = @secret\n", 1, ":3: pin: a PIN is 4 to 8 digits" },
		{ BANK "pin = 123\n", 1, ":3: pin: a PIN is 4 to 8 digits" },
		{ BANK "pin = 123456789\n", 1, ":3: pin: a PIN is 4 to 8 digits" },
		{ BANK "pin = 12a4\n", 1, ":3: pin: a PIN is 4 to 8 digits" },
		{ BANK "pin = \"1234\"\n", 1, ":3: pin: a PIN is 4 to 8 digits" },
		{ BANK "pin = 1234\npin = 5678\n", 1, ":4: key \"pin\" is there twice" },
		{ G("[operator 24001]"), 1,
			":8: [operator 24001] lacks the key \"name\", or \"ussd_number\"" },
		{ G("[operator 24001]\nussd_number = *100#\nnam = telia"), 1,
			":10: key \"nam\" in [operator]" },
		{ G("[operator 2400]\nussd_number = *100#"), 1,
			":8: [operator 2400]: the name is MCC and MNC" },
		{ G("[operator 2400111]\nussd_number = *100#"), 1, ":8: [operator 2400111]" },
		{ G("[operator telia]\nussd_number = *100#"), 1, ":8: [operator telia]" },
		{ G("[operator 24001]\nussd_number = 100"), 1, ":9: ussd_number: \"100\"" },
		{ G("[operator 24001]\nussd_number = *100"), 1, ":9: ussd_number" },
		{ G("[operator 24001]\nussd_number = *1\",15#"), 1, ":9: ussd_number" },
		{ G("[operator 24001]\nussd_number = *#"), 1, ":9: ussd_number" },
		{ G("[oprator 24001]\nussd_number = *100#"), 1, "nearest known name: operator" },
		{ P("kee = x"), 1, "nearest known name: key" },
		{ G("[platfrom x]\nkey = y"), 1, "nearest known name: platform" },
		{ G("[bank]"), 1, ":8: [bank NAME]" },
		{ G("[bank a b]"), 1, ":8: [bank NAME]" },
		{ G("[bank ..]"), 1, ":8: [bank NAME]" },
		{ G("[bank " SIXTY "1]"), 1, ":8: [bank NAME]" },
		{ "[gateway x]\n" BANK, 1, ":1: [gateway] takes no name" },
		/* http */
		{ W("listen = 1"), 1, ":4: listen: \"1\" is no address; write 127.0.0.1:8470" },
		{ W("listen = localhost:8470"), 1, ":4: listen: \"localhost:8470\" is no address" },
		{ W("listen = 127.0.0.1:0"), 1, ":4: listen: \"127.0.0.1:0\"" },
		{ W("listen = 127.0.0.1:1, , [::1]:1"), 1, ":4: listen: an empty name" },
		{ W("listen = [::1]:1,127.0.0.1:1,[::1]:1"), 1,
			":4: listen: [::1]:1 is named twice" },
		{ W("listen = unix:x"), 1, ":4: listen: \"unix:x\" is no address" },
		{ W("listen = unix:/" SIXTY SIXTY), 1,
			":4: listen: a socket's path has at most 107" },
		{ W("listen = unix:/run/simgate/control.sock"), 1,
			":4: listen: unix:/run/simgate/" },
		{ W("listen = 0.0.0.0:8470"), 1,
			":4: listen: at 0.0.0.0:8470 keys and texts would travel in clear" },
		{ W("listen = 127.0.0.1:1, [::]:2"), 1, ":4: listen: at [::]:2 keys and texts" },
		{ W("allow_plaintext = no\nlisten = 192.0.2.1:1"), 1,
			":5: listen: at 192.0.2.1:1" },
		{ W("allow_plaintext = maybe"), 1, ":4: allow_plaintext: \"maybe\" is neither" },
		{ W("tls_cert = /nowhere/x"), 2,
			":4: tls_cert: /nowhere/x cannot be used: No such" },
		{ W("tls_cert = /nowhere/x"), 2, ":4: tls_cert: tls_key is missing" },
		{ W("tls_key = /dev/null"), 2, ":4: tls_key: /dev/null cannot be used" },
		{ W("tls_key = /nowhere/x"), 2, ":4: tls_key: tls_cert is missing" },
		{ W("tls_cert = /etc/passwd\ntls_key = /etc/passwd"), 2,
			":4: tls_cert: /etc/passwd has no PEM block CERTIFICATE" },
		{ W("tls_cert = /etc/passwd\ntls_key = /etc/passwd"), 2,
			":5: tls_key: /etc/passwd has no PEM block PRIVATE KEY" },
		{ W("dashboard_key = @nowhere-to-be-found"), 1, ":4: dashboard_key: cannot read" },
		{ W("dashboard_key ="), 1, ":4: key \"dashboard_key\" has no value" },
		{ W("dashboard_kye = x"), 1, "nearest known name: dashboard_key" },
		{ W("[http]"), 1, ":4: section [http] is there twice" },
		{ BANK "[http x]\n", 1, ":3: [http] takes no name" },
		{ BANK "[htpp]\n", 1, "nearest known name: http" },
		/* gateway */
		{ G("store = postgresql://u:pass@h/db"), 1, ":8: store: a password does not" },
		{ G("store = postgresql://u@h/db?x=1&password=pass"), 1, ":8: store: a password" },
		{ G("store = postgresql://u@h/d b"), 1, ":8: store: has a blank" },
		{ G("store = mysql://h/db"), 1, ":8: store: is neither sqlite nor postgresql://" },
		{ G("store_password = s3cret"), 1, "store_password: is for store = postgresql" },
		{ G("log_level = inof"), 1, "nearest known name: info" },
		{ G("log_format = jsn"), 1, "nearest known name: json" },
		{ G("log.att = debug"), 1, ":8: log.att: neither a category" },
		{ G("log.nroth/p1 = debug"), 1, "nearest known name: north" },
		{ G("log.at = loud"), 1, ":8: log: \"loud\"" },
		{ G("host_id = a b"), 1, ":8: host_id" },
		{ G("start_grace = 90"), 1, ":8: start_grace: \"90\" is no duration" },
		{ G("start_grace = 0"), 1, ":8: start_grace: must be more than 0" },
		{ G("start_grace = 11000d"), 1, ":8: start_grace: longer than" },
		{ G("openers = 0"), 1, ":8: openers" },
		{ G("openers = 65"), 1, ":8: openers" },
		{ G("openers = 8x"), 1, ":8: openers" },
		{ G("control = /" SIXTY SIXTY), 1, ":8: control" },
		/* bank */
		{ PLATFORM "[bank n]\n", 1, ":5: [bank n] lacks the key \"devices\"" },
		{ B("devices = /dev/a\nboard = ubs"), 1, "nearest known name: usb" },
		{ B("path = " PCI ":1\nboard = net"), 1, "has no path; write devices = tcp:" },
		{ B("devices = /dev/a, tcp:h:1\nboard = net"), 1, "device /dev/a is not" },
		{ B("devices = /dev/a, tcp:h:1\nboard = quad"), 1, "device tcp:h:1 is not" },
		{ B("devices = /dev/a\nboard = pool"), 1, "it needs the key \"path\"" },
		{ B("devices = /dev/a\ndriver = sim8"), 1, "nearest known name: sim800" },
		{ B("devices = /dev/a\nbaud = 9601"), 1, ":7: baud" },
		{ B("devices = /dev/a\nbaud = x"), 1, ":7: baud" },
		{ B("devices = ttyUSB0"), 1, ":6: devices: \"ttyUSB0\"" },
		{ B("devices = /dev/"), 1, ":6: devices: \"/dev/\" is a folder" },
		{ B("devices = /dev/a,"), 1, ":6: devices: an empty name" },
		{ B("devices = tcp:host"), 1, ":6: devices" },
		{ B("devices = tcp::1"), 1, ":6: devices" },
		{ B("devices = tcp:host:70000"), 1, ":6: devices" },
		{ B("devices = /dev/a\nsell = q"), 1, ":7: sell: there is no [platform q]" },
		{ B("devices = /dev/a\nsell = p, p"), 1, ":7: sell: p is named twice" },
		{ BANK "sell = p\n", 1, ":3: sell: there is no [platform p]" },
		{ B("devices = /dev/a, /dev/b, /dev/a"), 1, ":6: device /dev/a is named twice" },
		{ BANK PLATFORM "[bank s]\ndevices = /dev/ttyUSB0", 1,
			":8: device /dev/ttyUSB0 is named twice, first in [bank north]" },
		{ B("devices = /dev/x/a:b, /dev/y/a_b"), 1,
			":6: devices /dev/x/a:b and /dev/y/a_b" },
		{ B("devices = tcp:h:1, /dev/h_1"), 1, "would both be port n/h_1" },
		{ B("devices = /dev/" SIXTY SIXTY), 1, ":6: device /dev/1" },
		/* bank by place */
		{ PLATFORM "[bank n]\nbaud = 9600\n", 1, ":5: [bank n] lacks" },
		{ B("devices = /dev/a\npath = " PCI ":1"), 1,
			":5: [bank n] has both \"path\" and \"devices\"" },
		{ B("devices = /dev/a\nslot.p01 = 1"), 1, ":5: [bank n]: slot.p01 needs" },
		{ B("path = 1-1.2"), 1, ":6: path: \"1-1.2\" is no path" },
		{ B("path = " PCI ":1:1.0"), 1, ":6: path: \"" PCI ":1:1.0\" names an interface" },
		{ B("path = " PCI ":1\nslot.p01 = " PCI ":1.1"), 1, ":7: slot.p01: \"" PCI },
		{ B("path = " PCI ":1\nslot.p01 = 1.1:2"), 1, ":7: slot.p01: \"1.1:2\"" },
		{ B("path = " PCI ":1\nslot.a/b = 1.1"), 1, ":7: slot.a/b: the label" },
		{ B("path = " PCI ":1\nslot. = 1.1"), 1, ":7: slot.: the label" },
		{ B("path = " PCI ":1\nslot." SIXTY "1 = 1.1"), 1, ":7: slot." },
		{ B("path = " PCI ":1\nslot.p01 = 1.1\nslot.p02 = 1.1"), 1,
			":8: slots p02 and p01 of [bank n] are the same place; the other is in "
			"line 7" },
		{ B("path = " PCI ":1\nslot.p01 = 1.1:1.2\nslot.p02 = 1.1"), 1, ":8: slots p02" },
		/* banks that switch cards */
		{ B("devices = /dev/a\ncontrol.1 = /dev/c"), 1,
			":7: key \"control.1\" makes no sense with board = usb" },
		{ B("devices = /dev/a\ncolumn.a = 1/01"), 1,
			":7: key \"column.a\" makes no sense" },
		{ B("devices = /dev/a\nrows = 16"), 1, ":7: key \"rows\" makes no sense" },
		{ B("devices = /dev/a\nrotate = off"), 1, ":7: key \"rotate\" makes no sense" },
		{ B("devices = /dev/a\nswitch_wait = 1s"), 1, ":7: key \"switch_wait\"" },
		{ B("board = swit\ndevices = /dev/a\nrows = 8"), 1,
			":5: [bank n] lacks the key \"control.1\"" },
		{ B("board = swit\ndevices = /dev/a\ncontrol.1 = /dev/c"), 1,
			":5: [bank n] lacks the key \"rows\"" },
		{ S("rows = 16"), 1, "key \"rows\" is there twice" },
		{ S("control.1 = /dev/c2"), 1, "key \"control.1\" is there twice" },
		{ S("control.0 = /dev/c2"), 1, ":10: control.0: control lines are control.1 to" },
		{ S("control.x = /dev/c2"), 1, ":10: control.x: control lines are" },
		{ S("control.2 = /dev/c*"), 1, ":10: control.2: \"/dev/c*\" is a pattern" },
		{ S("control.2 = c2"), 1, ":10: control.2: \"c2\" is neither" },
		{ S("control.2 = /dev/c1"), 1, ":10: control.2: /dev/c1 is control.1 of [bank n]" },
		{ S("control.2 = /dev/m2"), 1, ":10: control.2: /dev/m2 is among the devices of" },
		{ S("control.2 = /dev/x7"), 1, ":10: control.2: /dev/x7 is among" },
		{ S("column.m1 = 1/1x"), 1, ":10: column.m1: \"1/1x\" is no column; write" },
		{ S("column.m1 = 1"), 1, ":10: column.m1: \"1\" is no column" },
		{ S("column.m1 = 1/00"), 1, ":10: column.m1: \"1/00\" is no column" },
		{ S("column.m1 = 1/09"), 1,
			":10: column.m1: a control line of board = swit has "
			"columns 1 to 8" },
		{ S("column.m1 = 2/01"), 1, ":10: column.m1: there is no control.2" },
		{ S("column.m3 = 1/01"), 1, ":10: column.m3: [bank n] has no such slot" },
		{ S("column.m1 = 1/01\ncolumn.m2 = 1/1"), 1,
			":11: column.m2: column 1/01 is that of slot m1, in line 10" },
		{ S("column.m1 = 1/01\ncolumn.m1 = 1/02"), 1, "key \"column.m1\" is there twice" },
		{ S("rotate = 1h"), 1, ":5: [bank n]: rotate needs the keys column.SLOT" },
		{ S("rotate = soon\ncolumn.m1 = 1/01"), 1, ":10: rotate: \"soon\" is no duration" },
		{ S("rotate = 0\ncolumn.m1 = 1/01"), 1, ":10: rotate: must be more than 0" },
		{ S("rotate_order = best"), 1, ":10: rotate_order: \"best\" is not known" },
		{ S("control_end = lf"), 1, ":10: control_end: \"lf\" is not known" },
		{ B("board = swit\ndevices = /dev/a\ncontrol.1 = /dev/c\nrows = 65"), 1,
			":9: rows: board = swit has 64 at most" },
		{ B("board = swit\npath = " PCI ":1\nslot.p01 = 1\ncontrol.1 = /dev/c\nrows = 8\n"
		    "column.p02 = 1/01"),
			1, ":11: column.p02: [bank n] has no such slot: give it a slot.LABEL" },
		{ B("path = " PCI ":1\nslot.p01 = 1.1\nslot.p01 = 1.2"), 1, "slot.p01" },
		{ B("path = " PCI ":1.2\n[bank m]\npath = " PCI ":1"), 1,
			":8: path: what is plugged in there belongs to [bank n] too" },
		{ B("path = " PCI ":1\n[bank m]\npath = " PCI ":1"), 1, ":8: path: what" },
		{ G("hub_starts = 0"), 1, ":8: hub_starts" },
		/* platform */
		{ BANK "[platform p]\n", 2, ":3: [platform p] lacks the key \"kind\"" },
		{ BANK "[platform p]\nkind = webhok\nurl = https://a\nkey = @secret\n", 1,
			"nearest known name: webhook" },
		{ P("batch = 61s"), 1, ":7: batch: must be 60 s at most" },
		{ P("block_wait = 0"), 1, ":7: block_wait: must be more than 0" },
		{ P("message_by = ids"), 1, "nearest known name: id" },
		{ P("hmac_key = @secret"), 1,
			":7: key \"hmac_key\" makes no sense with kind = onlinesim-push; it is for "
			"kind = webhook" },
		{ BANK "[platform p]\nkind = webhook\nurl = https://a\n", 1,
			":3: [platform p] lacks the key \"hmac_key\"" },
		{ H("key = @secret"), 1, ":7: key \"key\" makes no sense with kind = webhook" },
		{ H("rent = no"), 1, ":7: key \"rent\" makes no sense" },
		{ H("dry_run = no"), 1, ":7: key \"dry_run\" makes no sense" },
		{ H("list_name = numbers"), 1, ":7: key \"list_name\" makes no sense" },
		{ H("list_every = 1m"), 1, ":7: key \"list_every\" makes no sense" },
		{ H("list_delay = 1s"), 1, ":7: key \"list_delay\" makes no sense" },
		{ H("batch = 5s"), 1, ":7: key \"batch\" makes no sense" },
		{ H("message_by = id"), 1, ":7: key \"message_by\" makes no sense" },
		{ H("block_wait = 1h"), 1, ":7: key \"block_wait\" makes no sense" },
		{ H("number_give_up = 1d"), 1, ":7: key \"number_give_up\" makes no sense" },
		{ H("url = http://a.example"), 1, ":7: key \"url\" is there twice" },
		/* a card is sold one way; a webhook sells nothing */
		{ TWO "sell = p, q\n", 1, ":15: sell: p and q would sell the same numbers twice" },
		{ TWO "sell = q, h, p\n", 1,
			":15: sell: q and p would sell the same numbers twice" },
		{ TWO, 1, ":13: [bank n]: there are several platforms; add sell" },
		{ P("rent = maybe"), 1, ":7: rent" },
		{ P("filter = defualt"), 1, ":7: filter: \"defualt\" is neither default nor off" },
		{ P("filter = /nonexistent/rules"), 1,
			":7: filter: cannot read /nonexistent/rules" },
		{ P("filter = /dev/null"), 1, ":7: filter: cannot read /dev/null: not a regular" },
		{ P("list_name = numbres"), 1, "nearest known name: numbers" },
		{ P("list_delay = 0"), 1, ":7: list_delay" },
		{ P("concurrency = 65"), 1, ":7: concurrency" },
		{ P("ca_file = /nowhere/ca.pem"), 1, ":7: ca_file: cannot read /nowhere/ca.pem" },
		{ P("ca_file = /"), 1, ":7: ca_file: cannot read /" },
		{ U("http://a.example"), 1, ":6: url: the key would travel in clear" },
		{ U("http://localhost.a.example/"), 1, ":6: url: the key would travel" },
		{ U("http://127.0.0.1@a.example/"), 1, ":6: url: has a user name" },
		{ U("http://127.0.0.1.a.example/"), 1, ":6: url: the key would travel" },
		{ U("http://localhost\\@a.example/"), 1, ":6: url: has a blank" },
		{ U("ftp://a.example"), 1, ":6: url: begins with neither" },
		{ U("https://"), 1, ":6: url: has no host" },
		{ U("https:///x"), 1, ":6: url: has no host" },
		{ U("https://a:0/"), 1, ":6: url: has a bad host or port" },
		{ U("https://a:99999"), 1, ":6: url: has a bad host or port" },
		{ U("https://a/?x"), 1, ":6: url: has a blank" },
		{ U("https://a b"), 1, ":6: url: has a blank" },
		{ K("@nowhere-to-be-found"), 1, ":6: key: cannot read /etc/simgate/credentials/" },
		{ K("@../secret"), 1, ":6: key: behind @ stands a name" },
		{ K("@"), 1, ":6: key: behind @" },
		{ BANK PLATFORM
			"[platform q]\nkind = onlinesim-push\nurl = https://a\nkey = @secret\n",
			1, ":1: [bank north]: there are several platforms; add sell" },
		/* several at once, each with its line */
		{ G("openers = x\npin = 3\n[bank n]\nbaud = 1"), 4, ":11: baud" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		refuse(rows[i].text, rows[i].errors, rows[i].wanted);
}

/* Where a server is not this host, a warning unless the way there is encrypted. */
static void store_urls(void **state)
{
	static const struct {
		const char *url;
		bool warned;
	} rows[] = {
		{ "sqlite", false },
		{ "postgresql:///simgate", false },
		{ "postgresql://simgate@/simgate?host=/run/postgresql", false },
		{ "postgresql://simgate@%2Frun%2Fpostgresql/simgate", false },
		{ "postgresql://simgate@localhost:5432/simgate", false },
		{ "postgresql://simgate@127.0.0.1,[::1]:5433/simgate", false },
		{ "postgresql://simgate@db.example/simgate", true },
		{ "postgresql://simgate@localhost,db.example:5432/simgate", true },
		{ "postgresql:///simgate?user=simgate&host=db.example", true },
		{ "postgresql://db.example/simgate?sslmode=prefer", true },
		{ "postgresql://db.example/simgate?sslmode=require", false },
		{ "postgresql://db.example/simgate?sslmode=verify-full&sslrootcert=/x", false },
	};
	char text[256];

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct config_report report;
		snprintf(text, sizeof text, BANK "[gateway]\nstore = %s\n", rows[i].url);
		struct config *config = load_good(text, &report);
		assert_string_equal(config->store, rows[i].url);
		assert_int_equal(has_line(&report, "store: texts may go"), rows[i].warned);
		config_free(config);
		config_report_free(&report);
	}
}

/* Who gets a bank that does not say it, and what may stand beside a seller. */
static void webhooks_beside(void **state)
{
	static const struct {
		const char *text;
		size_t count;
		const char *first, *last;
	} rows[] = {
		{ BANK HOOK("h"), 1, "h", "h" },
		{ BANK HOOK("h") HOOK("i"), 2, "h", "i" },
		{ BANK PLATFORM HOOK("h"), 2, "p", "h" },
		{ BANK "sell = p\n" PLATFORM HOOK("h"), 1, "p", "p" },
		{ BANK "sell = h\n" PLATFORM HOOK("h"), 1, "h", "h" },
		{ BANK "sell = h, p\n" PLATFORM HOOK("h"), 2, "h", "p" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct config_report report;
		struct config *config = load_good(rows[i].text, &report);
		const struct config_bank *bank = &config->banks[0];

		assert_int_equal(bank->sell_count, rows[i].count);
		assert_string_equal(bank->sell[0], rows[i].first);
		assert_string_equal(bank->sell[bank->sell_count - 1], rows[i].last);
		config_free(config);
		config_report_free(&report);
	}
}

static void secrets_stay_out(void **state)
{
	struct config_report report;

	(void)state;
	put("main.conf", BANK "[platform p]\nkind = onlinesim-push\nurl = https://u:hunter2@a/\n"
			      "key = hunter2\nkey = hunter2\nkey hunter2\n"
			      "[gateway]\nstore = postgresql://u:hunter2@h/\n");
	assert_null(config_load(main_file, &names, &report));
	assert_int_equal(report.errors, 4);
	assert_false(has_line(&report, "hunter2"));
	config_report_free(&report);

	put("empty", "\nsecret on the second line\n");
	refuse(K("@empty"), 1, ":6: key: the first line of /tmp");
	put_bytes("bad",
		"a\x1b"
		"b\n",
		4);
	refuse(K("@bad"), 1, ":6: key: the first line of /tmp");
}

static void bad_bytes(void **state)
{
	static const char nul[] = BANK PLATFORM "[gateway]\nopen\0ers = 3\nopeners = 99\n";
	char *big = malloc(20000);

	(void)state;
	put_bytes("main.conf", nul, sizeof(nul) - 1);
	{
		struct config_report report;

		assert_null(config_load(main_file, &names, &report));
		want_line(&report, "/main.conf:8: this line has a NUL byte");
		want_line(&report, "/main.conf:9: openers");
		assert_int_equal(report.errors, 2);
		config_report_free(&report);
	}
	assert_non_null(big);
	sprintf(big, "%s# %07998d\n[gateway]\nstate_dir = /%07987d\n", BANK PLATFORM, 1, 1);
	put("main.conf", big);
	{
		struct config_report report;
		struct config *config = load_good(NULL, &report);

		assert_int_equal(strlen(config->state_dir), 7988);
		config_free(config);
		config_report_free(&report);
	}
	sprintf(big, "%s[gateway]\nstate_dir = /%07988d\nopeners = 0\n", BANK PLATFORM, 1);
	refuse(big, 2, ":8: this line is longer than 8000 bytes");
	free(big);
}

static void cannot_open(void **state)
{
	struct config_report report;
	char path[128];

	(void)state;
	path_of("nowhere.conf", path, sizeof(path));
	assert_null(config_load(path, &names, &report));
	assert_int_equal(report.errors, 1);
	want_line(&report, "/nowhere.conf:0: cannot be opened: No such file");
	config_report_free(&report);
	assert_null(config_load(folder, &names, &report));
	want_line(&report, ":0: cannot be opened: Is a directory");
	config_report_free(&report);
}

static void report_is_bounded(void **state)
{
	struct config_report report;
	char text[4000] = BANK PLATFORM "[gateway]\n";
	int i;

	(void)state;
	for (i = 0; i < 150; i++)
		sprintf(text + strlen(text), "x%d = 1\n", i);
	put("main.conf", text);
	assert_null(config_load(main_file, &names, &report));
	assert_int_equal(report.count, CONFIG_REPORT_MAX);
	assert_int_equal(report.errors, 150);
	config_report_free(&report);
	config_report_free(&report);
}

static void warnings(void **state)
{
	struct config_report report;
	struct config *config = load_good(BANK, &report);

	(void)state;
	assert_int_equal(report.warnings, 1);
	want_line(&report, "/main.conf:1: warning: there is no [platform NAME]");
	assert_int_equal(config->banks[0].sell_count, 0);
	config_free(config);
	config_report_free(&report);
}

static void includes(void **state)
{
	struct config_report report;
	struct config *config;
	char path[128];

	(void)state;
	path_of("sub", path, sizeof(path));
	assert_int_equal(mkdir(path, 0700), 0);
	path_of("sub/[x]", path, sizeof(path));
	assert_int_equal(mkdir(path, 0700), 0);
	put("sub/a.conf", "include = [[]x]/c.conf\n" PLATFORM);
	put("sub/[x]/c.conf", "include = d.*\ninclude = none-*\n[gateway]\nopeners = 3\n");
	put("sub/[x]/d.conf", BANK);
	config = load_good("include = sub/*.conf\n", &report);
	assert_int_equal(config->openers, 3);
	assert_int_equal(config->bank_count, 1);
	assert_int_equal(config->platform_count, 1);
	config_free(config);
	config_report_free(&report);

	put("sub/b.conf", "[gateway]\npoll_every = 1\n" BANK "pin = 1\n");
	refuse("include = sub/*.conf\n", 2,
		"/sub/b.conf:1: section [gateway] is there twice, first at");
	refuse("include = sub/*.conf\n", 2,
		"/sub/b.conf:3: section [bank north] is there twice, first");
	put("sub/b.conf", "include = ../main.conf\n[bank b]\nbaud = 7\ndevices = /dev/b\n");
	refuse("include = sub/b.conf\n", 2, "/sub/b.conf:1: ");
	refuse("include = sub/b.conf\n", 2, "/sub/b.conf:3: baud");
}

static void slots(void **state)
{
	struct config_report report;
	struct config *config =
		load_good("[bank n]\npath = " PCI ":1\nslot.p01 = 1.1:1.2\nslot.p02 = 1.1:1.3\n"
			  "slot.quad-4 = 2:1.3-port0\n[bank m]\npath = " PCI ":12\n",
			&report);

	(void)state;
	assert_string_equal(config->banks[0].path, PCI ":1");
	assert_int_equal(config->banks[0].device_count, 0);
	assert_int_equal(config->banks[0].slot_count, 3);
	assert_string_equal(config->banks[0].slots[0].label, "p01");
	assert_string_equal(config->banks[0].slots[0].spec.path, "1.1");
	assert_int_equal(config->banks[0].slots[0].spec.interface, 2);
	assert_int_equal(config->banks[0].slots[0].spec.port, PLACE_ANY);
	assert_string_equal(config->banks[0].slots[2].label, "quad-4");
	assert_int_equal(config->banks[0].slots[2].spec.port, 0);
	assert_int_equal(config->banks[1].slot_count, 0);
	assert_int_equal(config->hub_starts, 4);
	assert_int_equal(config->hub_recoveries, 2);
	assert_int_equal(config->hub_alarm_ports, 3);
	assert_int_equal(config->hub_alarm_percent, 50);
	assert_int_equal(config->hub_alarm_within_ms, 10000);
	config_free(config);
	config_report_free(&report);
}

static void many_devices(void **state)
{
	struct config_report report;
	char text[8200];
	struct config *config;
	int i;

	(void)state;
	strcpy(text, "[bank n]\ndevices = /0");
	for (i = 1; i < 1024; i++)
		sprintf(text + strlen(text), ",/%d", i);
	config = load_good(text, &report);
	assert_int_equal(config->banks[0].device_count, 1024);
	config_free(config);
	config_report_free(&report);
	strcat(text, ",/x");
	refuse(text, 1, ":2: devices: more than 1024");
}

/* numbers file */

static void numbers_conf(void)
{
	char text[512];

	snprintf(text, sizeof(text), BANK PLATFORM "[gateway]\nnumbers = %s/numbers.csv\n", folder);
	put("main.conf", text);
}

static void numbers_good(void **state)
{
	struct config_report report;
	struct config *config;

	(void)state;
	numbers_conf();
	put("numbers.csv",
		"\xef\xbb\xbf# cards\r\nnumber, iccid,label,rent,operator,price,balance,date_stop,"
		"date_start\r\n\r\n"
		"+46701234567,89460012345678901a2,\"a, "
		"\"\"b\"\"\",yes,24001,1.5,0.0001,2026-11-21,0\r\n"
		"# a comment\r\n"
		",\t8946001234567890124 ,,,,,,,\r\n"
		"\"+46701234568\" , \"8946001234567890125\",x,0,310150,,,1795251600,2024-02-29");
	config = load_good(NULL, &report);
	assert_int_equal(config->number_count, 3);
	assert_string_equal(config->numbers[0].iccid, "89460012345678901A2");
	assert_string_equal(config->numbers[0].number, "+46701234567");
	assert_string_equal(config->numbers[0].label, "a, \"b\"");
	assert_int_equal(config->numbers[0].rent, 1);
	assert_int_equal(config->numbers[0].operator_code, 24001);
	assert_int_equal(config->numbers[0].price, 15000);
	assert_int_equal(config->numbers[0].balance, 1);
	assert_int_equal(config->numbers[0].date_stop, 1795219200);
	assert_int_equal(config->numbers[0].date_start, 0);
	assert_int_equal(config->numbers[0].line, 4);
	assert_string_equal(config->numbers[1].number, "");
	assert_int_equal(config->numbers[1].rent, -1);
	assert_int_equal(config->numbers[2].rent, 0);
	assert_int_equal(config->numbers[2].operator_code, 310150);
	assert_int_equal(config->numbers[2].date_stop, 1795251600);
	assert_int_equal(config->numbers[2].date_start, 1709164800);
	config_free(config);
	config_report_free(&report);
}

/* A PIN from a file is no matter; one in a file that others may read is. None is repeated. */
static void pins(void **state)
{
	static const char *const iccids[] = { "8946001234567890123", "8946001234567890124",
		"8946001234567890125", "" };
	static const char *const wanted[] = { "70123456", "4711", "4711", "4711" };
	struct config_report report;
	struct config *config;
	char text[512], path[128];
	size_t i;

	(void)state;
	put("onlinesim", "4711\n");
	put("numbers.csv", "iccid,pin\n8946001234567890123,70123456\n8946001234567890124,\n");
	snprintf(text, sizeof(text),
		BANK "pin = @onlinesim\n[bank south]\ndevices = /dev/b\npin = 0815\n"
		     "[bank west]\ndevices = /dev/c\n" PLATFORM
		     "[gateway]\nnumbers = %s/numbers.csv\n",
		folder);
	path_of("numbers.csv", path, sizeof(path));
	chmod(path, 0644);
	config = load_good(text, &report);
	for (i = 0; i < sizeof(iccids) / sizeof(*iccids); i++)
		assert_string_equal(config_pin(config, "north", iccids[i]), wanted[i]);
	assert_string_equal(config_pin(config, "south", iccids[0]), "70123456");
	assert_string_equal(config_pin(config, "south", ""), "0815");
	assert_null(config_pin(config, "west", iccids[1]));
	assert_null(config_pin(config, "east", ""));
	want_line(&report, "/main.conf:6: warning: pin: the secret itself is in this file");
	want_line(&report, "/numbers.csv:2: warning: this file has PINs");
	assert_int_equal(report.warnings, 2);
	assert_false(has_line(&report, "0815"));
	assert_false(has_line(&report, "70123456"));
	config_free(config);
	config_report_free(&report);
	chmod(path, 0640);
	config = load_good(text, &report);
	assert_int_equal(report.warnings, 1);
	config_free(config);
	config_report_free(&report);
}

static void operators(void **state)
{
	static const struct {
		const char *imsi, *code;
	} rows[] = {
		{ "240010000000017", "*100#" },
		{ "240011000000017", "*100#" },
		{ "240017000000017", "#7*1#" }, /* an MNC of three digits */
		{ "240020000000017", NULL },
		{ "2400", NULL },
		{ "", NULL },
	};
	struct config_report report;
	struct config *config;
	size_t i;

	(void)state;
	config = load_good(BANK PLATFORM "[operator 24001]\nussd_number = *100#\n"
					 "[operator 240017]\nussd_number = #7*1# ; theirs\n",
		&report);
	assert_int_equal(config->operator_count, 2);
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const char *code = config_ussd_number(config, rows[i].imsi);

		assert_int_equal(!code, !rows[i].code);
		if (code)
			assert_string_equal(code, rows[i].code);
	}
	config_free(config);
	config_report_free(&report);
}

static void numbers_by_iccid(void **state)
{
	struct config_report report;
	struct config *config;

	(void)state;
	numbers_conf();
	put("numbers.csv", "iccid,filter\n8946001234567890125,\n8946001234567890123,off\n"
			   "894600123456789012a,\n");
	config = load_good(NULL, &report);
	assert_int_equal(config_number_of(config, "8946001234567890123")->line, 3);
	assert_true(config_number_of(config, "8946001234567890123")->filter_off);
	assert_int_equal(config_number_of(config, "8946001234567890125")->line, 2);
	assert_false(config_number_of(config, "8946001234567890125")->filter_off);
	assert_int_equal(config_number_of(config, "894600123456789012A")->line, 4);
	assert_null(config_number_of(config, "8946001234567890124"));
	assert_null(config_number_of(config, ""));
	config_free(config);
	config_report_free(&report);
	config = load_good(BANK PLATFORM, &report);
	assert_null(config_number_of(config, "8946001234567890123"));
	config_free(config);
	config_report_free(&report);
}

#define ORDERS \
	BANK "sell = customers\n" \
	     "[http]\n" \
	     "[service vk]\n" \
	     "[service fb]\n" \
	     "[customer acme]\n" \
	     "key = one\n"

static void orders(void **state)
{
	struct config_report report;
	struct config *config;

	(void)state;
	config = load_good(BANK "[http]\n"
				"[service vk]\ntitle = VKontakte\nprice = 0.30\nwindow = 20m\n"
				"match = from:/^VK/\nmatch.2 = text:/vk/i\nsmshub = v\n"
				"[service fb]\n"
				"[country 46]\nname = sweden\nid = 0\nwindow = 1h\n"
				"[country mcc250]\nrus = Россия\nchn = 俄罗斯\n"
				"[operator 24001]\nname = telia\n"
				"[customer acme]\nkey = one\nbalance = 100.50\nprice.vk = 0.25\n"
				"rent_price = 1.5\nservices = vk, rent\ncountries = 46, mcc250\n"
				"rate = 60\n"
				"[customer other]\nkey = two\n",
		&report);
	assert_int_equal(config->service_count, 2);
	const struct config_service *vk = config_service(config, "vk");
	assert_string_equal(vk->title, "VKontakte");
	assert_int_equal(vk->price, 3000);
	assert_int_equal(vk->window_ms, 20 * 60 * 1000);
	assert_int_equal(vk->match_count, 2);
	assert_string_equal(vk->matches[1].rule, "text:/vk/i");
	assert_int_equal(vk->matches[0].line, 8);
	assert_string_equal(vk->smshub, "v");
	assert_string_equal(vk->onlinesim, "vk");
	assert_int_equal(config_service(config, "fb")->price, -1);
	assert_null(config_service(config, "xx"));
	assert_int_equal(config->countries[0].code, 46);
	assert_int_equal(config->countries[0].id, 0);
	assert_int_equal(config->countries[1].mcc, 250);
	assert_int_equal(config->countries[1].code, 0);
	assert_int_equal(config->countries[1].id, -1);
	assert_string_equal(config->countries[1].rus, "Россия");
	assert_string_equal(config->operators[0].name, "telia");
	assert_null(config_ussd_number(config, "240010000000017"));
	const struct config_customer *acme = &config->customers[0];
	assert_string_equal(acme->key, "one");
	assert_int_equal(acme->balance, 1005000);
	assert_int_equal(acme->rent_price, 15000);
	assert_int_equal(acme->price_count, 1);
	assert_int_equal(acme->prices[0].price, 2500);
	assert_int_equal(acme->service_count, 2);
	assert_string_equal(acme->countries[1], "mcc250");
	assert_int_equal(acme->rate, 60);
	assert_int_equal(config->customers[1].rent_price, -1);
	/* The only seller there is. */
	assert_int_equal(config->banks[0].sell_count, 1);
	assert_string_equal(config->banks[0].sell[0], CONFIG_CUSTOMERS);
	assert_int_equal(report.warnings, 2); /* two keys in clear */
	config_free(config);
	config_report_free(&report);
}

static void orders_refused(void **state)
{
	static const struct {
		const char *text;
		const char *wanted;
	} rows[] = {
		{ BANK "[service rent]\n", ":3: [service rent]: rent is no service" },
		{ BANK "[service vk_0]\n", ":3: [service vk_0]: the name has" },
		{ BANK "[service a2345678901234567890123456789012x]\n", ":3: [service a23" },
		{ BANK "[service]\n", ":3: [service NAME]: the name is" },
		{ BANK "[service vk]\nprice = 1.23456\n", ":4: price: \"1.23456\" is no amount" },
		{ BANK "[service vk]\nprice = 900000000\n", ":4: price" },
		{ BANK "[service vk]\nwindow = 0\n", ":4: window: must be more than 0" },
		{ BANK "[service vk]\ntitel = x\n", "nearest known name: title" },
		{ BANK "[service a]\nonlinesim = x\n[service b]\nonlinesim = x\n",
			":5: [service b]: another service is called \"x\" there too: onlinesim" },
		{ BANK "[country 046]\n", ":3: [country 046]: the name is" },
		{ BANK "[country mcc25]\n", ":3: [country mcc25]: the name is" },
		{ BANK "[country sweden]\n", ":3: [country sweden]: the name is" },
		{ BANK "[country 46]\nid = 7\n[country 47]\nid = 7\n",
			":5: [country 47]: id = 7 is that of [country 46]" },
		{ BANK "[country 46]\nid = -1\n", ":4: id" },
		{ BANK "[customer a]\n", ":3: [customer a] lacks the key \"key\"" },
		{ ORDERS "price.v = 1\n",
			":9: price.v: there is no [service v]; nearest known name: vk" },
		{ ORDERS "price.vk = x\n", ":9: price.vk: \"x\" is no amount" },
		{ ORDERS "services = vk, tg\n", ":9: services: there is no [service tg]" },
		{ ORDERS "countries = 46, x\n", ":9: countries: \"x\" is neither" },
		{ ORDERS "rate = -1\n", ":9: rate" },
		{ ORDERS "[customer b]\nkey = one\n",
			":9: [customer b]: the key is that of [customer acme]" },
		/* who sells */
		{ BANK "sell = custmers\n" PLATFORM, "nearest known name" },
		{ BANK "sell = p, customers\n" PLATFORM,
			":3: sell: p and customers would sell the same numbers twice" },
		{ BANK "sell = customers, p\n" PLATFORM,
			":3: sell: customers and p would sell the same numbers twice" },
		{ BANK PLATFORM "[customer a]\nkey = x\n",
			":1: [bank north]: there are several sellers, customers among them" },
		{ BANK "[platform customers]\nkind = onlinesim-push\nurl = https://a\nkey = x\n",
			":3: [platform customers]: the name stands for" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		refuse(rows[i].text, 1, rows[i].wanted);
}

/* A card's own sellers count in the place of its bank's. */
static void sellers_of_a_card(void **state)
{
	struct config_report report;
	struct config *config;
	struct config_sellers who;

	(void)state;
	numbers_conf();
	put("numbers.csv", "iccid,sell\n" A ",customers\n" Z ",\n");
	config = load_good(NULL, &report);
	who = config_sellers(config, &config->banks[0], A);
	assert_int_equal(who.count, 1);
	assert_string_equal(who.names[0], "customers");
	who = config_sellers(config, &config->banks[0], Z);
	assert_int_equal(who.count, 1);
	assert_string_equal(who.names[0], "p");
	assert_int_equal(config_sellers(config, NULL, Z).count, 0);
	config_free(config);
	config_report_free(&report);
}

static void numbers_absent(void **state)
{
	struct config_report report;
	struct config *config;
	char path[128];

	(void)state;
	numbers_conf();
	config = load_good(NULL, &report);
	assert_int_equal(config->number_count, 0);
	want_line(&report, "/main.conf:8: warning: the numbers file ");
	config_free(config);
	config_report_free(&report);
	path_of("numbers.csv", path, sizeof(path));
	assert_int_equal(mkdir(path, 0700), 0);
	assert_null(config_load(main_file, &names, &report));
	want_line(&report, "/main.conf:8: cannot read ");
	config_report_free(&report);
	rmdir(path);
}

#define A "8946001234567890123"
#define Z "8946001234567890124"

static void banks_that_switch_cards(void **state)
{
	struct config_report report;
	struct config *config = load_good(
		"[bank n]\nboard = swit\ndevices = /dev/m1, /dev/x*, tcp:[::1]:9\n"
		"control.1 = /dev/c1\ncontrol.7 = tcp:10.0.0.1:4001\nrows = 64\n"
		"column.m1 = 1/01\ncolumn.x12 = 7/08\ncolumn.___1__9 = 1/2\nrotate = 30m\n"
		"rotate_order = least\nrotate_wait = 0\nswitch_wait = 3200ms\n"
		"switch_stagger = 1s\nswitch_timeout = 90s\ncontrol_end = crlf\n"
		"[bank m]\nboard = swit\ndevices = /dev/m9\ncontrol.1 = /dev/c9\nrows = 16\n"
		"rotate = off\n",
		&report);
	const struct config_bank *bank = &config->banks[0];

	(void)state;
	assert_int_equal(bank->control_count, 2);
	assert_int_equal(bank->controls[1].number, 7);
	assert_string_equal(bank->controls[1].device, "tcp:10.0.0.1:4001");
	assert_int_equal(bank->column_count, 3);
	assert_string_equal(bank->columns[1].slot, "x12");
	assert_int_equal(bank->columns[1].control, 7);
	assert_int_equal(bank->columns[1].column, 8);
	assert_int_equal(bank->rows, 64);
	assert_int_equal(bank->rotate_ms, 1800000);
	assert_int_equal(bank->rotate_wait_ms, 0);
	assert_string_equal(bank->rotate_order, "least");
	assert_int_equal(bank->switch_wait_ms, 3200);
	assert_int_equal(bank->switch_stagger_ms, 1000);
	assert_int_equal(bank->switch_timeout_ms, 90000);
	assert_string_equal(bank->control_end, "crlf");
	assert_int_equal(config->banks[1].rotate_ms, 0);
	assert_int_equal(config->banks[1].rotate_wait_ms, 1200000);
	assert_int_equal(config->banks[1].switch_wait_ms, 0);
	config_free(config);
	config_report_free(&report);
}

static void numbers_refused(void **state)
{
	static const struct {
		const char *text;
		size_t errors;
		const char *wanted;
	} rows[] = {
		{ "", 1, "no row that names the columns" },
		{ "number\n+46701234567\n", 1, ":1: the first row names" },
		{ "iccid,pin\n" A ",701\n", 1, ":2: column \"pin\": not 4 to 8 digits" },
		{ "iccid,pin\n" A ",701234567\n", 1, ":2: column \"pin\": not 4 to 8 digits" },
		{ "iccid,pin\n" A ",701x\n", 1, ":2: column \"pin\": not 4 to 8 digits" },
		{ "iccid,pin,pin\n" A ",1234,1234\n", 1, ":1: column \"pin\" is there twice" },
		{ "iccid,sell\n" A ",q\n", 1, ":2: column \"sell\": names a platform that is not" },
		{ "iccid,sell\n" A ",p customers\n", 1, ":2: column \"sell\": names two that" },
		{ "iccid,sell,rent\n" A ",p,2\n", 1, ":2: column \"rent\"" },
		{ "iccid,filter\n" A ",on\n", 1, ":2: column \"filter\": neither empty nor off" },
		{ "iccid,nummer\n", 1, "nearest known name: number" },
		{ "iccid,iccid\n", 1, ":1: column \"iccid\" is there twice" },
		{ "iccid\n1234\n", 1, ":2: column \"iccid\": not 18 to 22" },
		{ "iccid,label\n,x\n", 1, ":2: column \"iccid\": is empty" },
		{ "iccid\n" A "\n" Z "\n" A "\n", 1, ":4: the same iccid as in line 2" },
		{ "iccid\n894600123456789012a\n894600123456789012A\n", 1, ":3: the same iccid" },
		{ "iccid,number\n" A ",+46701234567\n" Z ",+46701234567\n", 1,
			":3: the same number as in line 2" },
		{ "iccid,number\n" A ",46701234567\n", 1, ":2: column \"number\"" },
		{ "iccid,number\n" A ",+123456\n", 1, ":2: column \"number\"" },
		{ "iccid,number\n" A ",+1234567890123456\n", 1, ":2: column \"number\"" },
		{ "iccid,number\n" A "\n", 1, ":2: this row has 1 values" },
		{ "iccid\n" A ",1\n", 1, ":2: this row has 2 values" },
		{ "iccid,label\n" A ",\"x\n", 1, ":2: a quote" },
		{ "iccid,label\n" A ",\"x\" y\n", 1, ":2: a quote" },
		{ "iccid,label\n" A ",x\"y\n", 1, ":2: a quote" },
		{ "iccid,label\n" A "," SIXTY "1234\n", 1, ":2: column \"label\"" },
		{ "iccid,rent\n" A ",2\n", 1, ":2: column \"rent\"" },
		{ "iccid,operator\n" A ",2400\n", 1, ":2: column \"operator\"" },
		{ "iccid,operator\n" A ",-24001\n", 1, ":2: column \"operator\"" },
		{ "iccid,price\n" A ",1.23456\n", 1, ":2: column \"price\"" },
		{ "iccid,balance\n" A ",-1\n", 1, ":2: column \"balance\"" },
		{ "iccid,date_stop\n" A ",2026-02-29\n", 1, ":2: column \"date_stop\"" },
		{ "iccid,date_stop\n" A ",2026-13-01\n", 1, ":2: column \"date_stop\"" },
		{ "iccid,date_stop\n" A ",26-1-1\n", 1, ":2: column \"date_stop\"" },
		{ "iccid,date_start,date_stop\n" A ",2026-01-02,2026-01-01\n", 1, ":2: date_stop" },
		{ "iccid\n" A "\n\xff\n", 1, ":3: this line is not valid UTF-8" },
		{ "iccid\nx\n" A "\ny\n", 2, ":4: column \"iccid\"" },
	};
	struct config_report report;
	char wanted[256];
	size_t i;

	(void)state;
	numbers_conf();
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		put("numbers.csv", rows[i].text);
		assert_null(config_load(main_file, &names, &report));
		snprintf(wanted, sizeof(wanted), "%s%s",
			*rows[i].wanted == ':' ? "/numbers.csv" : "", rows[i].wanted);
		want_line(&report, wanted);
		assert_int_equal(report.errors, rows[i].errors);
		assert_false(has_line(&report, "701234567"));
		config_report_free(&report);
	}
}

static void numbers_limit(void **state)
{
	struct config_report report;
	struct config *config;
	char path[128];
	FILE *file;
	int i;

	(void)state;
	numbers_conf();
	path_of("numbers.csv", path, sizeof(path));
	file = fopen(path, "w");
	assert_non_null(file);
	fprintf(file, "iccid,number\n");
	for (i = 0; i < CONFIG_NUMBERS_MAX; i++)
		fprintf(file, "89460%015d,+4670%07d\n", i, i);
	fflush(file);
	config = load_good(NULL, &report);
	assert_int_equal(config->number_count, CONFIG_NUMBERS_MAX);
	config_free(config);
	config_report_free(&report);
	fprintf(file, "89460%015d,\n89460%015d,\n", i, i + 1);
	fclose(file);
	assert_null(config_load(main_file, &names, &report));
	assert_int_equal(report.errors, 1);
	want_line(&report, "/numbers.csv:65538: more than 65536 rows");
	config_report_free(&report);
}

static void durations(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} rows[] = { { "250ms", 250 }, { "90s", 90000 }, { "5m", 300000 }, { "5min", 300000 },
		{ "24h", 86400000 }, { "2d", 172800000 }, { "0", 0 }, { "0s", 0 }, { "007s", 7000 },
		{ "90", -EINVAL }, { "", -EINVAL }, { "s", -EINVAL }, { "-1s", -EINVAL },
		{ "+1s", -EINVAL }, { " 1s", -EINVAL }, { "1 s", -EINVAL }, { "1s ", -EINVAL },
		{ "1.5h", -EINVAL }, { "1S", -EINVAL }, { "1w", -EINVAL }, { "1mins", -EINVAL },
		{ "3650d", INT64_C(3650) * 86400000 }, { "3660d", -ERANGE },
		{ "99999999999999999999999s", -ERANGE }, { "99999999999999999999999", -EINVAL },
		{ "99999999999999999999999x", -EINVAL }, { "9223372036854775807d", -ERANGE } };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_int_equal(config_parse_duration(rows[i].text), rows[i].ms);
}

static void money(void **state)
{
	static const struct {
		const char *text;
		int64_t value;
	} rows[] = { { "12.34", 123400 }, { "0", 0 }, { "7", 70000 }, { "0.0001", 1 },
		{ "1.5", 15000 }, { "922337203685476", INT64_C(9223372036854760000) },
		{ "922337203685477", -ERANGE }, { "99999999999999999999", -ERANGE },
		{ "1.00001", -EINVAL }, { "1.", -EINVAL }, { ".5", -EINVAL }, { "", -EINVAL },
		{ "-1", -EINVAL }, { "1,5", -EINVAL }, { "1e3", -EINVAL }, { " 1", -EINVAL },
		{ "99999999999999999999x", -EINVAL } };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_int_equal(config_parse_money(rows[i].text), rows[i].value);
}

static void whole_numbers(void **state)
{
	int64_t value = 77;

	(void)state;
	assert_int_equal(config_parse_int("64", 1, 64, &value), 0);
	assert_int_equal(value, 64);
	assert_int_equal(config_parse_int("-5", -9, 9, &value), 0);
	assert_int_equal(value, -5);
	assert_int_equal(config_parse_int("9223372036854775807", 0, INT64_MAX, &value), 0);
	value = 77;
	assert_int_equal(config_parse_int("65", 1, 64, &value), -EINVAL);
	assert_int_equal(config_parse_int("-1", 0, 64, &value), -EINVAL);
	assert_int_equal(config_parse_int("+1", 0, 64, &value), -EINVAL);
	assert_int_equal(config_parse_int("1 ", 0, 64, &value), -EINVAL);
	assert_int_equal(config_parse_int("0x1", 0, 64, &value), -EINVAL);
	assert_int_equal(config_parse_int("", 0, 64, &value), -EINVAL);
	assert_int_equal(config_parse_int("-", 0, 64, &value), -EINVAL);
	assert_int_equal(config_parse_int("9223372036854775808", 0, INT64_MAX, &value), -EINVAL);
	assert_int_equal(value, 77);
}

static void shapes(void **state)
{
	char out[8];

	(void)state;
	assert_true(config_is_iccid("894600123456789012"));
	assert_true(config_is_iccid("89460012345678901234aF"));
	assert_false(config_is_iccid("89460012345678901"));
	assert_false(config_is_iccid("89460012345678901234567"));
	assert_false(config_is_iccid("794600123456789012"));
	assert_false(config_is_iccid("89460012345678901g"));
	assert_true(config_is_number("+1234567"));
	assert_true(config_is_number("+123456789012345"));
	assert_false(config_is_number("+123456"));
	assert_false(config_is_number("+1234567890123456"));
	assert_false(config_is_number("+0234567"));
	assert_false(config_is_number("1234567"));
	assert_false(config_is_number("+12345 67"));
	config_clean_name("a:/\xc3\xa9.-_Z9", out, sizeof(out));
	assert_string_equal(out, "a____.-");
}

/* What is installed as a sample is accepted as it is. */
static void http(void **state)
{
	static const char cert[] = "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n";
	static const char key[] =
		"-----BEGIN EC PRIVATE KEY-----\nMA==\n-----END EC PRIVATE KEY-----\n";
	struct config_report report;
	struct config *config;
	char text[1024];

	(void)state;
	config = load_good(BANK PLATFORM, &report); /* no section, no listener */
	assert_int_equal(config->http.listen_count, 0);
	config_free(config);
	config_report_free(&report);
	config = load_good(BANK PLATFORM "[http]\n", &report);
	assert_int_equal(config->http.listen_count, 1);
	assert_string_equal(config->http.listen[0], "127.0.0.1:8470");
	assert_null(config->http.tls_cert);
	assert_null(config->http.dashboard_key);
	config_free(config);
	config_report_free(&report);
	put("tls.crt", cert);
	put("tls.key", key);
	snprintf(text, sizeof(text),
		BANK PLATFORM
		"[http]\nlisten = 0.0.0.0:1 ,[::]:65535, unix:/a b\ntls_cert = %s/tls.crt\n"
		"tls_key = %s/tls.key\ndashboard_key = @secret\n",
		folder, folder);
	config = load_good(text, &report);
	assert_int_equal(config->http.listen_count, 3);
	assert_string_equal(config->http.listen[0], "0.0.0.0:1");
	assert_string_equal(config->http.listen[2], "unix:/a b");
	assert_string_equal(config->http.tls_cert, cert);
	assert_string_equal(config->http.tls_key, key);
	assert_string_equal(config->http.dashboard_key, "s3cret key");
	assert_int_equal(report.warnings, 0);
	config_free(config);
	config_report_free(&report);
	config = load_good(BANK PLATFORM "[http]\nlisten = 0.0.0.0:80\nallow_plaintext = yes\n"
					 "dashboard_key = l1teral\n",
		&report);
	assert_true(config->http.allow_plaintext);
	assert_int_equal(report.warnings, 1);
	want_line(&report, ":10: warning: dashboard_key: the secret itself is in this file");
	assert_false(has_line(&report, "l1teral")); /* it is not repeated */
	config_free(config);
	config_report_free(&report);
	memset(text, 'x', sizeof(text));
	FILE *file = fopen(main_file, "w");
	assert_non_null(file);
	fputs(cert, file);
	for (int i = 0; i < 64; i++)
		fwrite(text, 1, sizeof(text), file);
	fclose(file);
	snprintf(text, sizeof(text), "%s/tls.crt", folder);
	assert_int_equal(rename(main_file, text), 0); /* over 64 KiB */
	snprintf(text, sizeof(text), BANK "[http]\ntls_cert = %s/tls.crt\ntls_key = %s/tls.key\n",
		folder, folder);
	refuse(text, 1, ":4: tls_cert: /tmp");
}

static void sample(void **state)
{
	struct config_report report;
	struct config *config;

	(void)state;
	put("onlinesim", "abc\n");
	config = config_load(TESTS_DIR "/../src/dist/simgate.conf", &names, &report);
	if (!config && report.count)
		print_message("report: %s\n", report.lines[0]);
	assert_non_null(config);
	assert_int_equal(report.errors + report.warnings, 0);
	assert_string_equal(config->banks[0].devices[0], "/dev/serial/by-path/*");
	assert_string_equal(config->platforms[0].url, "https://partner.example");
	assert_string_equal(config->platforms[0].key, "abc");
	config_free(config);
	config_report_free(&report);
}

/* The sample's commented keys are true: with their '#' taken off, all are known and show defaults.
 */
static void sample_keys(void **state)
{
	struct config_report report;
	struct config *config;
	static const char *const files[] = { "ca_file", "tls_cert", "tls_key" };
	char line[512], text[16384] = "";
	FILE *file = fopen(TESTS_DIR "/../src/dist/simgate.conf", "r");

	(void)state;
	assert_non_null(file);
	put("dashboard", "abc\n");
	put("onlinesim", "abc\n-----BEGIN CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\n");
	put("north-pin", "1234\n");
	put("own", "abc\n");
	put("acme", "abc\n");
	put("hub", "abcd\n");
	while (fgets(line, sizeof(line), file)) {
		bool off =
			line[0] == '#' && (line[1] == '[' || (line[1] != ' ' && strchr(line, '=')));

		for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
			if (strncmp(line + 1, files[i], strlen(files[i])) == 0)
				snprintf(line, sizeof(line), "#%s = %s/onlinesim\n", files[i],
					folder);
		assert_true(strlen(text) + strlen(line) < sizeof(text));
		strcat(text, off ? line + 1 : line);
	}
	fclose(file);
	config = load_good(text, &report);
	assert_int_equal(config->log_count, 2);
	assert_int_equal(config->platforms[0].number_give_up_ms, INT64_C(7) * 86400000);
	assert_int_equal(config->quarantine_ms, 300000);
	assert_int_equal(config->card_every_ms, 10000);
	assert_string_equal(config->banks[0].pin, "1234");
	assert_int_equal(config->banks[1].column_count, 2);
	assert_int_equal(config->banks[1].rotate_wait_ms, 1200000);
	assert_string_equal(config_ussd_number(config, "240010000000017"), "*100#");
	assert_int_equal(config->platform_count, 3);
	assert_true(config_platform_orders(&config->platforms[1]));
	assert_int_equal(config->platforms[1].closed_give_up_ms, 3600000);
	assert_false(config_platform_sells(&config->platforms[2]));
	assert_int_equal(config->banks[0].sell_count, 1); /* as the sample's `sell` says */
	assert_string_equal(config->http.listen[0], "127.0.0.1:8470");
	assert_non_null(config->http.tls_key);
	config_free(config);
	config_report_free(&report);
}

#define PULL  "[platform p]\nkind = onlinesim-pull\nurl = https://a.example/x/\nkey = @secret\n"
#define ORDER BANK "[http]\n[service vk]\n" PULL
#define HUB   ORDER "profile = smshub\n"

/* What the profiles say, and what no profile overrides. */
static void platforms_that_order(void **state)
{
	struct config_report report;
	struct config *config = load_good(ORDER, &report);
	const struct config_platform *p = &config->platforms[0];

	(void)state;
	assert_int_equal(report.warnings, 0);
	assert_true(config_platform_orders(p));
	assert_true(config_platform_sells(p));
	assert_false(config_platform_lists(p));
	assert_string_equal(p->url, "https://a.example/x");
	assert_string_equal(p->profile, "onlinesim");
	assert_string_equal(p->push_path, "/v1/PUSH_SMS");
	assert_string_equal(p->push_rent_path, "/v1/PUSH_SMS_RENT");
	assert_string_equal(p->phone_type, "integer");
	assert_string_equal(p->sms_id, "operation");
	assert_string_equal(p->operators, "sum");
	assert_int_equal(p->final_error_count, 2);
	assert_string_equal(p->final_errors[1], "SERVICE_BAN");
	assert_int_equal(p->retry_every_ms, 10000);
	assert_int_equal(p->closed_give_up_ms, 3600000);
	assert_int_equal(p->unanswered_ms, 0);
	assert_int_equal(p->cancel_limit, 0);
	assert_false(p->rent);
	assert_null(p->list_name);
	config_free(config);
	config_report_free(&report);

	config = load_good(HUB, &report);
	p = &config->platforms[0];
	assert_string_equal(p->push_path, "");
	assert_string_equal(p->push_rent_path, "");
	assert_string_equal(p->sms_id, "message");
	assert_string_equal(p->operators, "named");
	assert_int_equal(p->cancel_limit, 4);
	config_free(config);
	config_report_free(&report);

	config = load_good(HUB
		"cancel_limit = 0\noperators = any\npush_path = /p\nsms_id = operation\n"
		"final_errors = none\nrent = yes\nrelease_unanswered = 1h\n",
		&report);
	p = &config->platforms[0];
	assert_int_equal(p->cancel_limit, 0);
	assert_string_equal(p->operators, "any");
	assert_string_equal(p->push_path, "/p");
	assert_string_equal(p->push_rent_path, "");
	assert_string_equal(p->sms_id, "operation");
	assert_int_equal(p->final_error_count, 0);
	assert_int_equal(p->unanswered_ms, 3600000);
	assert_true(p->rent);
	config_free(config);
	config_report_free(&report);
}

static void platforms_that_cannot_order(void **state)
{
	static const struct {
		const char *text;
		size_t errors, warnings;
		const char *wanted;
	} rows[] = {
		{ ORDER "profile = smshup\n", 1, 0, "nearest known name: smshub" },
		{ ORDER "push_path = v1\n", 1, 0, "push_path: \"v1\" does not begin with '/'" },
		{ ORDER "push_path = /a b\n", 1, 0, "has a blank" },
		{ ORDER "phone_type = int\n", 1, 0, "nearest known name: integer" },
		{ ORDER "operators = all\n", 1, 0, "operators: \"all\" is not known" },
		{ ORDER "final_errors = NO_OP, bad\n", 1, 0, "\"bad\" is no code" },
		{ ORDER "final_errors = A,,B\n", 1, 0, "an empty name in the list" },
		{ ORDER "retry_every = 0\n", 1, 0, "retry_every: must be more than 0" },
		{ ORDER "cancel_limit = -1\n", 1, 0, "cancel_limit: \"-1\" is no whole number" },
		{ ORDER "list_every = 5m\n", 1, 0,
			"key \"list_every\" makes no sense with kind = onlinesim-pull" },
		{ ORDER "webhook_path = /webhook/0123456789abcdef\n", 1, 0, "makes no sense" },
		{ P("push_path = /x"), 1, 0, "makes no sense with kind = onlinesim-push" },
		{ P("webhook_path = /webhook/short"), 1, 0, "at least 16 random letters" },
		{ P("webhook_path = /secret/0123456789abcdef"), 1, 0, "webhook_path: /webhook/" },
		{ P("webhook_path = /webhook/0123456789abcdef?x"), 1, 0, "webhook_path: " },
		{ ORDER "[platform q]\nkind = onlinesim-pull\nurl = https://b\nkey = @secret\n", 2,
			0, "[platform q]: the key is that of [platform p]" },
		{ BANK "[service vk]\n" PULL, 0, 1, "there is no [http], so it cannot order" },
		{ BANK "[http]\n" PULL, 0, 1, "so there is nothing to order" },
		{ BANK "[http]\n" PULL "rent = yes\n", 0, 0, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct config_report report;
		put("main.conf", rows[i].text);
		struct config *config = config_load(main_file, &names, &report);
		if (report.errors != rows[i].errors || report.warnings != rows[i].warnings)
			fail_msg("%s: %zu errors, %zu warnings, %s", rows[i].text, report.errors,
				report.warnings, report.count ? report.lines[0] : "");
		if (rows[i].wanted)
			want_line(&report, rows[i].wanted);
		config_free(config);
		config_report_free(&report);
	}
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(presets), TEST(all_keys), TEST(refused),
		TEST(store_urls), TEST(webhooks_beside), TEST(secrets_stay_out), TEST(bad_bytes),
		TEST(cannot_open), TEST(report_is_bounded), TEST(warnings), TEST(includes),
		TEST(slots), TEST(banks_that_switch_cards), TEST(many_devices), TEST(numbers_good),
		TEST(numbers_by_iccid), TEST(pins), TEST(operators), TEST(numbers_absent),
		TEST(numbers_refused), TEST(numbers_limit), TEST(durations), TEST(money),
		TEST(whole_numbers), TEST(shapes), TEST(http), TEST(orders), TEST(orders_refused),
		TEST(sellers_of_a_card), TEST(sample), TEST(sample_keys),
		TEST(platforms_that_order), TEST(platforms_that_cannot_order) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
