/* modem_operator.c - one AT command by hand: which are allowed, and their answers. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "modem/modem_impl.h"

enum {
	COMMAND_MS = 10000, /* without a line of the answer */
	WAIT_MS = 25000,    /* for the channel and the answer, in all */
};

/* Beside "NAME?" and "NAME=?" of extended commands. None of them changes anything. */
static const char *const allowed[] = { "I", "I0", "I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8",
	"I9", "&V", "+CSQ", "+CESQ", "+CIMI", "+CGSN", "+CGMI", "+CGMM", "+CGMR", "+GSN", "+GMI",
	"+GMM", "+GMR", "+GCAP", "+CCID", "+CICCID", "+QCCID", "+ICCID", "^ICCID", "#CCID", "^SCID",
	"+CNUM", "+CPAS", "+CEER", "+QENG", "^SYSINFO", "^SYSINFOEX", "^HCSQ", "#QSS", "+CPSI",
	NULL };

/* Names that are refused in every form, and why. */
static const struct {
	const char *name, *why;
} never[] = {
	{ "+EGMR", "it can change the IMEI" },
	{ "+SIMEI", "it can change the IMEI" },
	{ "^PHYNUM", "it can change the IMEI" },
	{ "^CIMEI", "it can change the IMEI" },
	{ "*EGMR", "it can change the IMEI" },
	{ "+CPWD", "it can change a PIN" },
	{ "+CLCK", "it can change a lock" },
	{ NULL, NULL },
};

/* And in the form with "=?" alone, which asks for more than what is possible. */
static const char scan[] = "+COPS=?";

static bool is_one_of(const char *const *list, const char *command)
{
	for (; list && *list; list++)
		if (strcasecmp(*list, command) == 0)
			return true;
	return false;
}

/* How many bytes of an extended command are its name. */
static size_t name_of(const char *command)
{
	size_t len = strchr("+^#*%$", *command) != NULL;

	while (isalnum((unsigned char)command[len]) || command[len] == '_')
		len++;
	return len;
}

const char *modem_forbids(const struct modem_driver *driver, const char *command)
{
	const char *form;

	if (strlen(command) >= sizeof((struct modem_operator *)0)->command)
		return "it is too long";
	for (const char *c = command; *c; c++)
		if (*c == ';' || (unsigned char)*c <= 0x20 || (unsigned char)*c >= 0x7F)
			return "one command without blanks, ';' and line ends, please";
	if (!*command)
		return "there is none";
	for (size_t i = 0; never[i].name; i++)
		if (strncasecmp(command, never[i].name, strlen(never[i].name)) == 0)
			return never[i].why;
	if (strcasecmp(command, scan) == 0)
		return "it searches for networks for minutes, and no text is read meanwhile";
	if (is_one_of(allowed, command) || (driver && (is_one_of(driver->allowed, command) ||
							      is_one_of(driver->iccid, command))))
		return NULL;
	form = command + name_of(command);
	if (strchr("+^#*%$", *command) && form > command + 1 &&
		(strcmp(form, "?") == 0 || strcmp(form, "=?") == 0))
		return NULL;
	return "only what asks and changes nothing is sent: NAME?, NAME=? and a few more";
}

/* ---- one command ---------------------------------------------------------------------------- */

static bool on_answer_line(void *owner, const char *line)
{
	struct modem *modem = owner;
	struct modem_operator *op = &modem->hand;

	if (op->count < MODEM_ANSWER_LINES)
		snprintf(op->lines[op->count++], MODEM_ANSWER_WIDTH, "%s", line);
	else
		op->cut++;
	return true;
}

static void put_command(void *owner, struct at_text *text)
{
	at_put(text, ((struct modem *)owner)->hand.command);
}

/* Once for each command that was taken. */
static void over(struct modem *modem, const struct modem_answer *answer)
{
	struct modem_operator *op = &modem->hand;
	modem_answer_fn *done = op->done;

	loop_timer_stop(&op->timer);
	op->done = NULL;
	if (done)
		done(op->arg, answer);
}

static void clear(struct modem_operator *op)
{
	op->wanted = op->running = false;
	free(op->lines);
	op->lines = NULL;
	op->count = op->cut = 0;
}

static void on_late(void *arg)
{
	struct modem *modem = arg;

	over(modem, &(struct modem_answer) {
			    .error = "the modem did not answer in time", .late = true });
	if (!modem->hand.running)
		clear(&modem->hand);
}

int modem_ask(struct modem *modem, const char *command, modem_answer_fn *done, void *arg)
{
	struct modem_operator *op = &modem->hand;
	const struct modem_driver *driver = modem->driver;
	int state = modem->fsm.state;

	if (modem->dead || (state != MODEM_SIM && state != MODEM_REGISTER && state != MODEM_READY))
		return -ENODEV;
	if (modem_forbids(driver, command))
		return -EACCES;
	if (op->wanted || op->running)
		return -EBUSY;
	op->lines = calloc(MODEM_ANSWER_LINES, sizeof *op->lines);
	if (!op->lines)
		return -ENOMEM;
	snprintf(op->command, sizeof op->command, "%s", command);
	snprintf(op->prefix, sizeof op->prefix, "%.*s",
		strchr("+^#*%$", *command) ? (int)name_of(command) : 0, command);
	for (char *c = op->prefix; *c; c++)
		*c = (char)toupper((unsigned char)*c);
	op->row = (struct at_cmd) { .build = put_command,
		.prefix = op->prefix,
		.fn = on_answer_line,
		.bare_fn = on_answer_line,
		.timeout_ms = COMMAND_MS };
	op->script = (struct at_script) { "operator", &op->row, 1 };
	op->wanted = true;
	op->done = done;
	op->arg = arg;
	loop_timer_start(&op->timer, WAIT_MS);
	modem_work_soon(modem);
	return 0;
}

bool modem_operator_next(struct modem *modem)
{
	struct modem_operator *op = &modem->hand;

	if (!op->wanted || !at_idle(&modem->at))
		return false;
	/* In SIM state the card comes first, and what waits for the store goes on by itself. */
	if (modem->fsm.state == MODEM_SIM &&
		(modem->card_id[0] || modem_pin_holds(modem) || modem->pin.step != PIN_IDLE))
		return false;
	op->wanted = false;
	op->running = true;
	modem_run(modem, JOB_OPERATOR, &op->script);
	return true;
}

void modem_operator_script(struct modem *modem, const struct at_report *report)
{
	struct modem_operator *op = &modem->hand;
	struct modem_answer answer = { .report = report,
		.lines = (const char(*)[MODEM_ANSWER_WIDTH])op->lines,
		.count = op->count,
		.cut = op->cut };

	if (report->result == AT_TIMEOUT || report->result == AT_DEAD)
		answer = (struct modem_answer) { .error = "the modem did not answer in time",
			.late = true };
	over(modem, &answer);
	clear(op);
}

void modem_operator_end(struct modem *modem, const char *why)
{
	if (!modem->hand.wanted && !modem->hand.running)
		return;
	over(modem, &(struct modem_answer) { .error = why });
	clear(&modem->hand);
}

void modem_operator_init(struct modem *modem)
{
	loop_timer_init_patient(&modem->hand.timer, modem->env->loop, on_late, modem);
}

void modem_operator_free(struct modem *modem)
{
	loop_timer_stop(&modem->hand.timer);
	clear(&modem->hand);
}
