/* bank_impl.h - what the files of the SIM banks share. */
#ifndef SIMGATE_MODEM_BANK_IMPL_H
#define SIMGATE_MODEM_BANK_IMPL_H

#include "modem/bank.h"
#include "modem/board.h"

enum {
	BANK_TICK_MS = 200,     /* while something is waited for that nobody announces */
	BANK_CLEAR_MS = 60000,  /* for the texts of a card to be read and deleted */
	BANK_UNLIST_MS = 30000, /* for a list without the number to be taken */
	BANK_TEXT_SIZE = 96,
};

/* ---- bank_line.c: control lines, and one command at a time over all banks ------------------- */

enum bank_answer {
	BANK_OK,
	BANK_SILENT,  /* some say nothing, and do it */
	BANK_UNCLEAR, /* something, and no OK */
	BANK_CLOSED,  /* not sent: the line is not open */
};

struct bank_command {
	struct bank_command *next;
	struct bank_line *line;
	char text[32];
	bool waits; /* in the queue, or its answer is waited for */
	void (*done)(void *arg, enum bank_answer answer, const char *said);
	void *arg;
};

struct bank_line {
	struct bank *bank;
	int number;
	char *device;
	char id[STORE_NAME_SIZE + 16]; /* in the log */
	struct port *port;
	struct loop_timer timer; /* until it is opened again */
	int64_t pause_ms;
	bool open, stopped;
	char why[BANK_TEXT_SIZE]; /* it is not open */
	struct bank_command ready;
};

int bank_line_init(struct bank_line *line, struct bank *bank, const struct config_control *control);
void bank_line_start(struct bank_line *line);
void bank_line_stop(struct bank_line *line);
void bank_line_done(struct bank_line *line);

void bank_queue_init(struct banks *banks);

/* Puts it into the queue; done is called later, once, unless bank_unask() comes first. */
void bank_ask(struct bank_command *command);
void bank_unask(struct bank_command *command);

/* ---- bank_rows.c: which card is in which row ------------------------------------------------ */

struct bank_row {
	char card[STORE_CARD_SIZE]; /* "": none, if seen_ms */
	int64_t seen_ms;            /* wall; 0: nothing is known */
	int64_t tried_ms;           /* wall; the last switch to it, good or not */
};

/* What a card in `line`/`column` was switched to is stored. */
void bank_rows_load(struct bank *bank);
void bank_row_learn(struct bank *bank, const struct store_sim_row *row);

struct bank_column;
void bank_column_learn(struct bank_column *column, int row, const char *card);
void bank_column_forget(struct bank_column *column, int row);
int bank_column_find(const struct bank_column *column, const char *card); /* its row, or 0 */

/* ---- bank_switch.c: one switch, from the list to the card ----------------------------------- */

struct bank_job {
	enum bank_step {
		STEP_NONE,
		STEP_CLEAR,  /* off the list, its texts read */
		STEP_ASKED,  /* the bank */
		STEP_SETTLE, /* the bank takes its time */
		STEP_RADIO,  /* waits for its turn to restart */
		STEP_CARD,   /* the module looks at the card */
		STEP_AGAIN,  /* a pause before the next try */
	} step;
	struct loop_timer timer;
	struct bank_command command;
	int row, target; /* wanted; and of this command */
	int tries;       /* that failed */
	int skipped;     /* rows without a card, in this rotation */
	bool rotation, sent;
	bool overdue; /* an order was waited for long enough */
	bool proven;  /* the column was seen to change, or was known to */
	bool wrong;   /* it was another card than the row's, each time */
	int64_t since_ms, due_ms, none_ms;
	char before[STORE_CARD_SIZE];
};

struct bank_column {
	struct bank *bank;
	struct bank_line *line;
	char slot[STORE_NAME_SIZE];
	int number;
	int last;              /* the row tried last; 0: none */
	struct bank_row *rows; /* [0] unused */
	struct bank_job job;
	enum bank_switch state;
	char text[BANK_TEXT_SIZE];
	int64_t due_ms;  /* monotonic: the next rotation */
	int64_t busy_ms; /* it waits since for an order to end; 0: it does not */
};

void bank_switch(struct bank_column *column, int row, bool rotation);
void bank_switch_stop(struct bank_column *column);

/* ---- bank_rotate.c -------------------------------------------------------------------------- */

void bank_rotate_start(struct bank *bank);              /* the rows are known */
int bank_rotate_next(const struct bank_column *column); /* 0: there is no other card */

/* ---- bank_calibrate.c ----------------------------------------------------------------------- */

struct calibration;
void bank_calibration_stop(struct calibration *calibration);
void bank_calibration_free(struct calibration *calibration);
bool bank_calibrating(const struct bank *bank);

/* ---- bank.c --------------------------------------------------------------------------------- */

struct bank_spans {
	int64_t wait, stagger, card;
	int64_t rotate, rotate_wait; /* rotate 0: off */
};

struct bank {
	struct banks *banks;
	struct bank *next;
	char name[STORE_NAME_SIZE];
	const struct board_select *board;
	char end[3]; /* of a command */
	int row_count;
	bool least;
	struct bank_spans spans;
	struct bank_line *lines;
	size_t line_count;
	struct bank_column *columns;
	size_t column_count;
	bool started, loaded;
	bool leaving;            /* another configuration has come: ends with its last switch */
	size_t pending;          /* callbacks of the store that are still to come */
	int64_t radio_ms;        /* no module restarts before */
	int64_t rotate_ms;       /* no rotation begins before */
	struct loop_timer timer; /* rotation */
	struct loop_timer load_timer;    /* the store did not answer */
	struct calibration *calibration; /* the last one */
};

struct banks {
	struct modem_env *env;
	const struct bank_wiring *wiring;
	struct bank *list;
	bool stopped;
	struct bank_command *queue, *current;
	struct loop_timer timer; /* the answer, or the gap */
	int64_t free_ms;         /* the gap is over */
	char heard[200];
	size_t heard_len;
};

int64_t bank_now(const struct bank *bank);
int64_t bank_ran(const struct bank *bank, int64_t since_ms);         /* loop_ran_since() */
struct modem *bank_modem(const struct bank *bank, const char *slot); /* NULL: no such port now */

/* Withdrawn, and no list has it. */
bool bank_unlisted(const struct bank *bank, struct modem *modem);

/* An order is open on its number. */
bool bank_ordered(const struct bank *bank, const struct modem *modem);

/* A switch or a calibration has ended. */
void bank_rest(struct bank *bank);

#endif
