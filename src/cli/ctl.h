/* ctl.h - what simgatectl's files share: options, the call to the daemon, tables, views. */
#ifndef SIMGATE_CLI_CTL_H
#define SIMGATE_CLI_CTL_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ctl_exit { CTL_OK, CTL_FAILED, CTL_USAGE, CTL_UNREACHABLE };

enum { CTL_TARGET_MAX = 1024 };

#define CTL_DEFAULT_SOCKET "/run/simgate/control.sock"
#define CTL_DEFAULT_CONFIG "/etc/simgate/simgate.conf"

struct ctl {
	const char *socket; /* where the daemon is asked; of a command that needs none: of -s, or
			       NULL */
	const char *config; /* of -c; NULL: not given */
	void *http;         /* the connection, kept between calls */
	bool json, full, follow, all, test, no_wait, open, help, version, commands;
	bool color;
	bool quiet; /* ctl_call() does not say that the daemon is not reachable */
	const char *port, *since, *step, *sum, *number, *timeout, *limit_text, *root;
	int64_t wait_ms; /* the daemon may take so long on purpose */
	int64_t call_ms; /* an answer is waited for so long; 0: as usual */
	int64_t limit;   /* 0: not given */
};

struct ctl_answer {
	char *body; /* as it came */
	size_t len;
	cJSON *json;
};

/* ---- simgatectl.c --------------------------------------------------------------------------- */

/* Says "TEXT: WHAT; see --help" and returns CTL_USAGE. */
enum ctl_exit ctl_usage(const char *text, const char *what);

/* The answer as it came, with a line end. */
void ctl_print_raw(const struct ctl_answer *answer);

/* Flushes the output and sleeps; a signal ends it early. */
void ctl_pause(int ms);

/* Asks, or has something done, and prints the answer: as it came, or for people. One whose `ok` is
 * false is a failure. */
enum ctl_exit ctl_ask_and_show(struct ctl *ctl, const char *target,
	void (*show)(const struct ctl *ctl, const cJSON *answer));
enum ctl_exit ctl_do_and_show(struct ctl *ctl, const char *target,
	void (*show)(const struct ctl *ctl, const cJSON *answer));

/* ---- ctl_ports.c ---------------------------------------------------------------------------- */

/* BANK/SLOT */
bool ctl_is_port_name(const char *name);

enum ctl_exit ctl_status(struct ctl *ctl, char **args, int count);
enum ctl_exit ctl_ports(struct ctl *ctl, char **args, int count);
enum ctl_exit ctl_port(struct ctl *ctl, char **args, int count);
enum ctl_exit ctl_watch(struct ctl *ctl, char **args, int count);
enum ctl_exit ctl_reset(struct ctl *ctl, char **args, int count);
enum ctl_exit ctl_at(struct ctl *ctl, char **args, int count);
enum ctl_exit ctl_ussd(struct ctl *ctl, char **args, int count);
enum ctl_exit ctl_pin(struct ctl *ctl, char **args, int count);

/* ---- ctl_outbox.c --------------------------------------------------------------------------- */

enum ctl_exit ctl_outbox(struct ctl *ctl, char **args, int count);

/* ---- ctl_messages.c ------------------------------------------------------------------------- */

enum ctl_exit ctl_messages(struct ctl *ctl, char **args, int count);

/* A row as one line of JSON. */
void ctl_print_row(const cJSON *row);

/* A time back, or a date and time: milliseconds since 1970. */
bool ctl_parse_since(const char *text, int64_t *out);

/* ---- ctl_history.c -------------------------------------------------------------------------- */

/* verb: export or erase. */
enum ctl_exit ctl_history(struct ctl *ctl, const char *verb);

/* ---- ctl_check.c ---------------------------------------------------------------------------- */

/* Its exit status is Nagios': 0 well, 1 warning, 2 critical. */
enum ctl_exit ctl_check(struct ctl *ctl, char **args, int count);

/* ---- ctl_doctor.c --------------------------------------------------------------------------- */

/* Reads the configuration itself; asks the daemon where it runs. */
enum ctl_exit ctl_doctor(struct ctl *ctl, char **args, int count);

/* ---- ctl_filter.c --------------------------------------------------------------------------- */

enum ctl_exit ctl_filter(struct ctl *ctl, char **args, int count);

/* ---- ctl_platforms.c ------------------------------------------------------------------------ */

enum ctl_exit ctl_sync(struct ctl *ctl, char **args, int count);
enum ctl_exit ctl_takeoff(struct ctl *ctl, char **args, int count);

/* ---- ctl_hosts.c ---------------------------------------------------------------------------- */

enum ctl_exit ctl_hosts(struct ctl *ctl, char **args, int count);

/* ---- ctl_drain.c ---------------------------------------------------------------------------- */

enum ctl_exit ctl_drain(struct ctl *ctl, char **args, int count);
enum ctl_exit ctl_resume(struct ctl *ctl, char **args, int count);

/* ---- ctl_numbers.c -------------------------------------------------------------------------- */

enum ctl_exit ctl_numbers(struct ctl *ctl, char **args, int count);

/* ---- ctl_orders.c --------------------------------------------------------------------------- */

enum ctl_exit ctl_activations(struct ctl *ctl, char **args, int count);
enum ctl_exit ctl_customer(struct ctl *ctl, char **args, int count);

/* ---- ctl_banks.c ---------------------------------------------------------------------------- */

enum ctl_exit ctl_select(struct ctl *ctl, char **args, int count);
enum ctl_exit ctl_calibrate(struct ctl *ctl, char **args, int count);

/* ---- ctl_rules.c ---------------------------------------------------------------------------- */

/* Reads the configuration itself: needs no daemon. */
enum ctl_exit ctl_rules(struct ctl *ctl, char **args, int count);

/* ---- ctl_http.c ----------------------------------------------------------------------------- */

/* Appends part to target with everything but A-Z a-z 0-9 - . _ ~ and the bytes of keep as %XX.
 * False if it does not fit in CTL_TARGET_MAX. */
bool ctl_target_add(char *target, const char *part, const char *keep);

/* Appends "?name=value" or "&name=value". */
bool ctl_target_query(char *target, const char *name, const char *value);

/* Asks the daemon. What went wrong is said on stderr; ctl_answer_done() only after CTL_OK. */
enum ctl_exit ctl_call(
	struct ctl *ctl, const char *method, const char *target, struct ctl_answer *out);

/* The same with a body of JSON, by POST. */
enum ctl_exit ctl_post(
	struct ctl *ctl, const char *target, const char *body, struct ctl_answer *out);
void ctl_answer_done(struct ctl_answer *answer);
void ctl_http_done(struct ctl *ctl);

/* Members of an object: "", 0 or false where there is none of that type. */
const char *ctl_str(const cJSON *object, const char *name);
double ctl_num(const cJSON *object, const char *name);
bool ctl_has_num(const cJSON *object, const char *name);
bool ctl_true(const cJSON *object, const char *name);

/* ---- ctl_table.c ---------------------------------------------------------------------------- */

enum ctl_color { CTL_PLAIN, CTL_GREEN, CTL_YELLOW, CTL_RED };

struct ctl_column {
	const char *title;
	int rank;    /* 0: always whole; else the highest is cut first */
	int drop;    /* the highest is left out first, after all cutting; 0: as rank says */
	int least;   /* what it is cut to; 0: 4 */
	int min;     /* width at least, before cutting */
	bool right;  /* a figure: aligned right, left out rather than cut */
	bool whole;  /* left out rather than cut */
	bool colors; /* takes the row's colour */
};

struct ctl_table;

/* columns must outlive the table. Ends the process where memory is not to be had. */
struct ctl_table *ctl_table_new(const struct ctl_column *columns, size_t count);
void ctl_table_free(struct ctl_table *table);

/* cells: one for each column, copied and cleaned. below: text under the row, or NULL. */
void ctl_table_add(
	struct ctl_table *table, const char *const *cells, enum ctl_color color, const char *below);

/* width 0: as wide as it gets. */
void ctl_table_print(const struct ctl_table *table, int width, bool head, bool color);

/* A copy that is safe on a terminal: control and direction characters, and bytes that are no UTF-8,
 * become '?'; tabs and line ends blanks. The caller frees it. */
char *ctl_clean(const char *text);

/* Columns that a text takes on a terminal. */
int ctl_width(const char *text);

/* Prints one line of text, cleaned, with prefix before it. */
void ctl_line(const char *prefix, const char *text);

const char *ctl_color_on(enum ctl_color color, bool wanted);
const char *ctl_color_off(enum ctl_color color, bool wanted);

/* Of the terminal, by COLUMNS and LINES or by asking it; 0: unlimited. */
int ctl_screen_width(void);
int ctl_screen_height(void);

/* ---- ctl_show.c ----------------------------------------------------------------------------- */

/* "45s", "12m", "3h 20m", "4d 2h". */
const char *ctl_span(double seconds, char out[24]);

void ctl_show_status(const struct ctl *ctl, const cJSON *status);

/* max_rows 0: all; else those in trouble first where they are more. */
void ctl_show_ports(const struct ctl *ctl, const cJSON *answer, int max_rows);
void ctl_show_port(const struct ctl *ctl, const cJSON *port);

/* rows: `count` objects, in the order to print. */
void ctl_show_messages(const struct ctl *ctl, const cJSON *const *rows, size_t count, bool head);
void ctl_show_outbox(const struct ctl *ctl, const cJSON *answer);

#endif
