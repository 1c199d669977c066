/* bank_line.c - control lines of SIM banks: opened, asked; one command at a time over all banks. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "modem/bank_impl.h"

enum { PAUSE_MS = 1000, PAUSE_MAX_MS = 60000 };

/* ---- the queue ------------------------------------------------------------------------------ */

static void next_command(struct banks *banks);

/* The echo of the command is no answer. */
static bool said_nothing(const struct banks *banks)
{
	const char *at = banks->heard + strspn(banks->heard, "\r\n");
	size_t len = strlen(banks->current->text);

	if (strncmp(at, banks->current->text, len) == 0)
		at += len;
	return at[strspn(at, "\r\n ")] == '\0';
}

static void finish(struct banks *banks, enum bank_answer answer)
{
	struct bank_command *command = banks->current;
	char said[sizeof banks->heard];

	snprintf(said, sizeof said, "%s", banks->heard + strspn(banks->heard, "\r\n"));
	for (size_t len = strlen(said); len > 0 && strchr("\r\n", said[len - 1]); len--)
		said[len - 1] = '\0';
	for (char *c = said; *c; c++)
		*c = *c < ' ' || *c > '~' ? '.' : *c;
	if (answer != BANK_CLOSED)
		banks->free_ms = loop_now_ms(banks->env->loop) + command->line->bank->board->gap_ms;
	banks->current = NULL;
	command->waits = false;
	loop_timer_stop(&banks->timer);
	log_debug(LOGC_AT, command->line->id, NULL, LOG_FIELDS(LOG_STR("command", command->text)),
		"%s", answer == BANK_SILENT ? "(no answer)" : said);
	command->done(command->arg, answer, said);
	next_command(banks);
}

static void send_command(struct banks *banks, struct bank_command *command)
{
	const struct bank *bank = command->line->bank;
	char bytes[sizeof command->text + sizeof bank->end];
	int len = snprintf(bytes, sizeof bytes, "%s%s", command->text, bank->end);

	banks->current = command;
	banks->heard_len = 0;
	banks->heard[0] = '\0';
	if (!command->line->open || port_write(command->line->port, bytes, (size_t)len) < 0)
		finish(banks, BANK_CLOSED);
	else
		loop_timer_start(&banks->timer, bank->board->answer_ms);
}

static void next_command(struct banks *banks)
{
	int64_t wait_ms = banks->free_ms - loop_now_ms(banks->env->loop);
	struct bank_command *command = banks->queue;

	if (banks->current || !command || banks->stopped)
		return;
	if (wait_ms > 0) {
		loop_timer_start(&banks->timer, wait_ms);
		return;
	}
	banks->queue = command->next;
	send_command(banks, command);
}

static void on_queue_timer(void *arg)
{
	struct banks *banks = arg;

	if (banks->current)
		finish(banks, said_nothing(banks) ? BANK_SILENT : BANK_UNCLEAR);
	else
		next_command(banks);
}

void bank_queue_init(struct banks *banks)
{
	loop_timer_init(&banks->timer, banks->env->loop, on_queue_timer, banks);
}

void bank_ask(struct bank_command *command)
{
	struct banks *banks = command->line->bank->banks;
	struct bank_command **at = &banks->queue;

	while (*at)
		at = &(*at)->next;
	command->next = NULL;
	command->waits = true;
	*at = command;
	if (!banks->current && !loop_timer_active(&banks->timer))
		loop_timer_start(&banks->timer, 0);
}

void bank_unask(struct bank_command *command)
{
	struct banks *banks;
	struct bank_command **at;

	if (!command->waits)
		return;
	command->waits = false;
	banks = command->line->bank->banks;
	for (at = &banks->queue; *at; at = &(*at)->next)
		if (*at == command) {
			*at = command->next;
			return;
		}
	banks->current = NULL; /* it was sent: the gap counts from now */
	banks->free_ms = loop_now_ms(banks->env->loop) + command->line->bank->board->answer_ms;
	loop_timer_start(&banks->timer, command->line->bank->board->answer_ms);
}

/* ---- a line --------------------------------------------------------------------------------- */

/* What it is worth shows with the first switch: some banks never answer. */
static void on_ready(void *arg, enum bank_answer answer, const char *said)
{
	struct bank_line *line = arg;

	if (answer == BANK_OK)
		log_info(LOGC_PORT, line->id, NULL, LOG_FIELDS(LOG_STR("answer", said)),
			"the bank is ready");
	else if (answer != BANK_CLOSED)
		log_notice(LOGC_PORT, line->id, NULL, LOG_FIELDS(LOG_STR("answer", said)),
			"the bank does not say that it is ready; some never do");
}

static void open_later(struct bank_line *line, const char *why)
{
	bool news = line->why[0] == '\0' || strcmp(line->why, why) != 0;

	line->open = false;
	snprintf(line->why, sizeof line->why, "%s", why);
	if (news)
		log_warning(LOGC_PORT, line->id, NULL,
			LOG_FIELDS(LOG_STR("device", line->device), LOG_STR("reason", why)),
			"the control line is not open: no card of it can be switched");
	loop_timer_start(&line->timer, line->pause_ms);
	line->pause_ms = line->pause_ms * 2 < PAUSE_MAX_MS ? line->pause_ms * 2 : PAUSE_MAX_MS;
}

static void on_opened(void *owner, int err, const char *why)
{
	struct bank_line *line = owner;

	if (err) {
		open_later(line, why);
		return;
	}
	line->open = true;
	line->why[0] = '\0';
	line->pause_ms = PAUSE_MS;
	log_info(LOGC_PORT, line->id, NULL, LOG_FIELDS(LOG_STR("device", line->device)),
		"the control line is open");
	if (!line->ready.waits)
		bank_ask(&line->ready);
}

static void on_data(void *owner, const uint8_t *bytes, size_t len)
{
	struct bank_line *line = owner;
	struct banks *banks = line->bank->banks;

	if (!banks->current || banks->current->line != line)
		return;
	for (; len > 0 && banks->heard_len + 1 < sizeof banks->heard; bytes++, len--)
		if (*bytes)
			banks->heard[banks->heard_len++] = (char)*bytes;
	banks->heard[banks->heard_len] = '\0';
	if (strstr(banks->heard, line->bank->board->ok))
		finish(banks, BANK_OK);
	else if (strstr(banks->heard, "ERROR"))
		finish(banks, BANK_UNCLEAR);
}

static void on_lost(void *owner, int err, const char *why)
{
	struct bank_line *line = owner;
	struct banks *banks = line->bank->banks;

	(void)err;
	open_later(line, why);
	if (banks->current && banks->current->line == line)
		finish(banks, BANK_UNCLEAR); /* it was sent */
}

static const struct port_events events = { on_opened, on_data, on_lost };

static void on_line_timer(void *arg)
{
	struct bank_line *line = arg;
	const struct modem_env *env = line->bank->banks->env;
	int err = port_open(line->port, line->bank->board->baud, env->spans.open_deadline);

	if (err < 0)
		open_later(line, strerror(-err));
}

int bank_line_init(struct bank_line *line, struct bank *bank, const struct config_control *control)
{
	struct modem_env *env = bank->banks->env;

	line->bank = bank;
	line->number = control->number;
	line->pause_ms = PAUSE_MS;
	snprintf(line->why, sizeof line->why, "not opened yet");
	snprintf(line->id, sizeof line->id, "%s/control.%d", bank->name, control->number);
	loop_timer_init_patient(&line->timer, env->loop, on_line_timer, line);
	line->ready = (struct bank_command) { .line = line, .done = on_ready, .arg = line };
	snprintf(line->ready.text, sizeof line->ready.text, "%s", bank->board->ready);
	line->device = strdup(control->device);
	if (line->device)
		line->port = env->port_new(
			env->loop, env->opener, line->device, line->id, &events, line);
	return line->port ? 0 : -1;
}

void bank_line_start(struct bank_line *line)
{
	loop_timer_start(&line->timer, 0);
}

void bank_line_stop(struct bank_line *line)
{
	bank_unask(&line->ready);
	loop_timer_stop(&line->timer);
	if (line->port)
		port_close(line->port);
	line->open = false;
	snprintf(line->why, sizeof line->why, "closed");
}

void bank_line_done(struct bank_line *line)
{
	if (line->bank)
		bank_line_stop(line);
	port_free(line->port);
	free(line->device);
}
