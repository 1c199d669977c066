/* fuzz_at.c - a modem that says anything: lexer, argument cursor, engine and masking. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "at/at.h"
#include "at/at_args.h"
#include "base/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static int on_write(void *owner, const char *bytes, size_t len)
{
	(void)owner, (void)bytes;
	assert(len > 0);
	return 0;
}

static void on_done(void *owner, const struct at_report *report)
{
	(void)owner;
	assert(report->cmd);
}

static bool on_line(void *owner, const char *line)
{
	struct at_args args = at_args_of(line, "+CMGL"), group;
	char text[32], masked[64];
	int value, most = AT_LINE_MAX;

	(void)owner;
	while (at_args_more(&args) && most-- > 0) {
		struct at_args one = args;
		at_args_text(&one, text, sizeof text);
		one = args;
		at_args_group(&one, text, sizeof text, &group);
		at_args_int(&args, -5, 5000, &value);
	}
	assert(most > 0);
	at_mask(line, masked, sizeof masked);
	return strlen(line) % 3 != 0;
}

static bool on_direct(void *owner, const char *line, bool wanted)
{
	(void)owner, (void)wanted;
	return line[0] == '0' && strlen(line) < AT_LINE_MAX;
}

AT_SCRIPT(script, { .cmd = "", .timeout_ms = 300, .retries = 3 }, AT_TRY("E0"),
	AT_GET("+CREG?", "+CREG", on_line),
	{ .cmd = "+CMGL=4", .prefix = "+CMGL", .fn = on_line, .bare_fn = on_line, .retries = 1 });

static const struct at_urc urcs[] = { { "+CMTI", on_line }, { NULL, NULL } };
static const struct at_host host = { on_write, on_done, urcs, on_direct, NULL, NULL };

static void quiet(void *arg, enum log_level level, const char *line)
{
	(void)arg, (void)level, (void)line;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static struct at at;
	struct loop *loop = loop_new_manual(0, 0);

	log_set_sink(quiet, NULL);
	at_init(&at, loop, &host, NULL, "fuzz/1");
	for (size_t i = 0; i < len;) {
		size_t step = 1 + bytes[i] % 40;
		if (at_idle(&at))
			at_run(&at, &script);
		if (step > len - i)
			step = len - i;
		at_feed(&at, bytes + i, step);
		loop_advance(loop, bytes[i] > 250 ? 6000 : 0);
		i += step;
	}
	at_done(&at);
	loop_free(loop);
	return 0;
}
