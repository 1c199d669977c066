/* sim_bank.c - a SIM bank in front of the simulated modems: a control tty per eight columns, rows
 * of cards behind each modem, and what can be wrong with it. */
#include "ctl.h"
#include "sim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <termios.h>
#include <unistd.h>

enum { COLUMNS = 8, GAP_US = 1000000, LINE_ROOM = 64, MOVES_MAX = 4096 };

/* What the card of a modem was, is, and when it was changed. */
struct move {
	int64_t at_us;
	unsigned modem;
	char out[20], in[20]; /* numbers; "" no card */
};

struct control {
	int master, slave;
	char path[512];
	char line[LINE_ROOM];
	size_t len;
	bool silent;
	unsigned lies, wrong, busy_ms;
};

struct sim_bank {
	struct sim_world *world;
	struct control *controls;
	unsigned control_count, rows;
	bool reversed;
	struct sim_card **cards; /* rows of each modem */
	unsigned *row;           /* of each modem, from 1 */
	int64_t last_us;         /* any command to any control */
	unsigned too_soon, commands;
	struct move *moves;
	unsigned move_count;
};

static struct sim_card **card_at(const struct sim_bank *bank, unsigned modem, unsigned row)
{
	return &bank->cards[(size_t)modem * bank->rows + row - 1];
}

/* ---- cards ---------------------------------------------------------------------------------- */

static void note_move(struct sim_bank *bank, const struct sim_modem *modem, const char *out)
{
	struct move *move = &bank->moves[bank->move_count];

	if (bank->move_count == MOVES_MAX)
		return;
	bank->move_count++;
	move->at_us = sim_now_us();
	move->modem = modem->index;
	snprintf(move->out, sizeof(move->out), "%s", out);
	snprintf(move->in, sizeof(move->in), "%s", modem->sim_in ? modem->card->number : "");
}

static void connect_row(
	struct sim_bank *bank, const struct control *control, unsigned index, unsigned row)
{
	struct sim_modem *modem = &bank->world->modems[index];
	struct sim_card *card = row ? *card_at(bank, index, row) : NULL;
	const char *out = modem->sim_in ? modem->card->number : "";

	bank->row[index] = row;
	if (modem->sim_in && modem->card == card)
		return;
	if (modem->sim_in)
		sim_modem_set_card(modem, false);
	if (card) {
		modem->card->holder = NULL;
		modem->card = card;
		sim_modem_set_card(modem, true);
	}
	if (control->busy_ms > 0)
		modem->times.sim_us = sim_now_us() + (int64_t)control->busy_ms * 1000;
	note_move(bank, modem, out);
}

/* The modem behind a column; false: none is. */
static bool modem_of(const struct sim_bank *bank, const struct control *control, unsigned column,
	unsigned *index)
{
	unsigned at = (unsigned)(control - bank->controls) * COLUMNS + column - 1;

	if (column < 1 || column > COLUMNS || at >= bank->world->count)
		return false;
	*index = bank->reversed ? bank->world->count - 1 - at : at;
	return true;
}

static void connect_all(struct sim_bank *bank, const struct control *control, unsigned row)
{
	unsigned index;

	for (unsigned column = 1; column <= COLUMNS; column++)
		if (modem_of(bank, control, column, &index))
			connect_row(bank, control, index, row);
}

static void connect_one(
	struct sim_bank *bank, struct control *control, unsigned column, unsigned row)
{
	unsigned index;

	if (!modem_of(bank, control, column, &index))
		return; /* nothing is wired to it */
	if (control->lies > 0) {
		control->lies--;
		return;
	}
	if (control->wrong > 0) {
		control->wrong--;
		row = row % bank->rows + 1;
	}
	connect_row(bank, control, index, row);
}

/* ---- commands ------------------------------------------------------------------------------- */

static void say(const struct control *control, const char *text)
{
	if (!control->silent && write(control->master, text, strlen(text)) < 0)
		return; /* nobody reads it */
}

static void run_line(struct sim_bank *bank, struct control *control)
{
	int64_t now_us = sim_now_us();
	unsigned column, row;
	char rest;

	bank->commands++;
	if (bank->last_us > 0 && now_us - bank->last_us < GAP_US - 20000) {
		bank->too_soon++;
		bank->last_us = now_us;
		say(control, "\x80#?~\r\n");
		return;
	}
	bank->last_us = now_us;
	if (strcmp(control->line, "AT+CWSIM") == 0) {
		say(control, "CWSIM OK\r\n");
	} else if (strcmp(control->line, "AT+NEXT00") == 0) {
		connect_all(bank, control, 1);
		say(control, "SWSIM OK\r\n");
	} else if (strcmp(control->line, "AT+SWIT00-0000") == 0) {
		connect_all(bank, control, 0);
		say(control, "OK\r\n");
	} else if (strlen(control->line) == 14 &&
		   sscanf(control->line, "AT+SWIT%2u-%4u%c", &column, &row, &rest) == 2 &&
		   row >= 1 && row <= bank->rows) {
		connect_one(bank, control, column, row);
		say(control, "SWIT OK\r\n");
	} else {
		say(control, "ERROR\r\n");
	}
}

static void read_control(struct sim_bank *bank, struct control *control)
{
	char bytes[256];
	ssize_t n = read(control->master, bytes, sizeof(bytes));

	for (ssize_t i = 0; i < n; i++) {
		if (bytes[i] == '\r' || bytes[i] == '\n') {
			control->line[control->len] = '\0';
			if (control->len > 0)
				run_line(bank, control);
			control->len = 0;
		} else if (control->len + 1 < LINE_ROOM) {
			control->line[control->len++] = bytes[i];
		}
	}
}

bool sim_bank_read(struct sim_bank *bank, const void *who)
{
	for (unsigned i = 0; bank && i < bank->control_count; i++)
		if (who == &bank->controls[i]) {
			read_control(bank, &bank->controls[i]);
			return true;
		}
	return false;
}

/* ---- made and unmade ------------------------------------------------------------------------ */

static int open_control(struct sim_bank *bank, unsigned n)
{
	struct control *control = &bank->controls[n];
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = control };
	struct termios tio;
	char name[64];

	control->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (control->master < 0 || grantpt(control->master) < 0 || unlockpt(control->master) < 0 ||
		ptsname_r(control->master, name, sizeof(name)) != 0)
		return -EIO;
	control->slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (control->slave < 0 || tcgetattr(control->slave, &tio) < 0)
		return -EIO;
	cfmakeraw(&tio);
	tcsetattr(control->slave, TCSANOW, &tio);
	snprintf(control->path, sizeof(control->path), "%s/bank%u", bank->world->dir, n + 1);
	unlink(control->path);
	if (symlink(name, control->path) < 0 ||
		epoll_ctl(bank->world->epfd, EPOLL_CTL_ADD, control->master, &ev) < 0)
		return -errno;
	return 0;
}

/* Row 1 of each column is the card that its modem has. */
static int deal_cards(struct sim_bank *bank)
{
	struct sim_world *world = bank->world;

	for (unsigned i = 0; i < world->count; i++) {
		bank->row[i] = 1;
		*card_at(bank, i, 1) = world->modems[i].card;
		for (unsigned row = 2; row <= bank->rows; row++) {
			*card_at(bank, i, row) = sim_card_new(world, NULL);
			if (!*card_at(bank, i, row))
				return -ENOMEM;
		}
	}
	return 0;
}

struct sim_bank *sim_bank_new(struct sim_world *world, unsigned rows, bool reversed)
{
	struct sim_bank *bank = calloc(1, sizeof(*bank));

	if (!bank)
		return NULL;
	bank->world = world;
	bank->rows = rows;
	bank->reversed = reversed;
	bank->controls = calloc((world->count + COLUMNS - 1) / COLUMNS, sizeof(*bank->controls));
	bank->cards = calloc((size_t)world->count * rows, sizeof(*bank->cards));
	bank->row = calloc(world->count, sizeof(*bank->row));
	bank->moves = calloc(MOVES_MAX, sizeof(*bank->moves));
	if (!bank->controls || !bank->cards || !bank->row || !bank->moves || deal_cards(bank) < 0) {
		sim_bank_free(bank);
		return NULL;
	}
	for (unsigned n = 0; n < (world->count + COLUMNS - 1) / COLUMNS; n++) {
		bank->control_count++;
		if (open_control(bank, n) < 0) {
			sim_bank_free(bank);
			return NULL;
		}
	}
	return bank;
}

void sim_bank_free(struct sim_bank *bank)
{
	if (!bank)
		return;
	for (unsigned n = 0; n < bank->control_count; n++) {
		unlink(bank->controls[n].path);
		close(bank->controls[n].master);
		close(bank->controls[n].slave);
	}
	free(bank->controls);
	free(bank->cards);
	free(bank->row);
	free(bank->moves);
	free(bank);
}

/* ---- by the test ---------------------------------------------------------------------------- */

static void show(const struct sim_bank *bank, FILE *reply)
{
	fprintf(reply, "ok {\"commands\":%u,\"too_soon\":%u,\"modems\":[", bank->commands,
		bank->too_soon);
	for (unsigned i = 0; i < bank->world->count; i++) {
		fprintf(reply, "%s{\"row\":%u,\"cards\":[", i ? "," : "", bank->row[i]);
		for (unsigned row = 1; row <= bank->rows; row++) {
			const struct sim_card *card = *card_at(bank, i, row);
			fprintf(reply, "%s{\"iccid\":\"%s\",\"number\":\"%s\"}", row > 1 ? "," : "",
				card ? card->iccid : "", card ? card->number : "");
		}
		fputs("]}", reply);
	}
	fputs("],\"moves\":[", reply);
	for (unsigned i = 0; i < bank->move_count; i++)
		fprintf(reply, "%s{\"t\":%lld,\"modem\":%u,\"out\":\"%s\",\"in\":\"%s\"}",
			i ? "," : "", (long long)bank->moves[i].at_us, bank->moves[i].modem,
			bank->moves[i].out, bank->moves[i].in);
	fputs("]}", reply);
}

static const char *set_fault(struct control *control, const char *name, const char *value)
{
	long n = 0;

	if (strcmp(name, "clear") == 0) {
		control->silent = false;
		control->lies = control->wrong = control->busy_ms = 0;
		return NULL;
	}
	if (strcmp(name, "silent") == 0) {
		control->silent = true;
		return NULL;
	}
	if (!ctl_number(value, 0, 1000000, &n))
		return "bank fault N silent|clear|lies N|wrong N|busy MS";
	if (strcmp(name, "lies") == 0)
		control->lies = (unsigned)n;
	else if (strcmp(name, "wrong") == 0)
		control->wrong = (unsigned)n;
	else if (strcmp(name, "busy") == 0)
		control->busy_ms = (unsigned)n;
	else
		return "no such fault";
	return NULL;
}

/* The card of a row: taken out of the bank, or another one. */
static const char *change_row(struct sim_bank *bank, char *args, bool other)
{
	long modem, row;

	if (!ctl_number(ctl_word(&args), 0, (long)bank->world->count - 1, &modem) ||
		!ctl_number(ctl_word(&args), 1, bank->rows, &row) ||
		bank->row[modem] == (unsigned)row)
		return "bank empty|other MODEM ROW, which is not connected";
	*card_at(bank, (unsigned)modem, (unsigned)row) =
		other ? sim_card_new(bank->world, NULL) : NULL;
	return NULL;
}

struct sim_card *sim_bank_card(struct sim_bank *bank, unsigned modem, const char *word)
{
	long row;

	if (!bank || !ctl_number(word, 1, bank->rows, &row))
		return NULL;
	return *card_at(bank, modem, (unsigned)row);
}

void sim_bank_line(struct sim_bank *bank, char *args, FILE *reply)
{
	char *word = ctl_word(&args);
	const char *error = "bank [fault N NAME [V]|empty M ROW|other M ROW]";
	long n;

	if (!bank) {
		error = "there is no bank";
	} else if (!word) {
		show(bank, reply);
		return;
	} else if (strcmp(word, "empty") == 0 || strcmp(word, "other") == 0) {
		error = change_row(bank, args, *word == 'o');
	} else if (strcmp(word, "fault") == 0 &&
		   ctl_number(ctl_word(&args), 1, bank->control_count, &n)) {
		char *name = ctl_word(&args);
		error = name ? set_fault(&bank->controls[n - 1], name, ctl_word(&args)) : error;
	}
	if (error)
		fprintf(reply, "error %s", error);
	else
		fputs("ok", reply);
}
