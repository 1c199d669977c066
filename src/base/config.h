/* config.h - the configuration file and the numbers file, read and checked as a whole. */
#ifndef SIMGATE_BASE_CONFIG_H
#define SIMGATE_BASE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"
#include "base/place.h"

enum {
	CONFIG_BANKS_MAX = 256,
	CONFIG_PLATFORMS_MAX = 16,
	CONFIG_OPERATORS_MAX = 256,
	CONFIG_SERVICES_MAX = 512,
	CONFIG_COUNTRIES_MAX = 256,
	CONFIG_CUSTOMERS_MAX = 512,
	CONFIG_MATCHES_MAX = 32,    /* rules of a service */
	CONFIG_SLUG_MAX = 32,       /* of a service's name */
	CONFIG_DEVICES_MAX = 1024,  /* per bank, as written */
	CONFIG_CONTROLS_MAX = 32,   /* per bank */
	CONFIG_NUMBERS_MAX = 65536, /* rows of the numbers file */
	CONFIG_REPORT_MAX = 100,    /* lines of a report; the rest are counted */
	CONFIG_MONEY_SIZE = 24,     /* an amount as text, with NUL */
	CONFIG_PIN_SIZE = 9,        /* of a card's PIN, 4 to 8 digits, with NUL */
	CONFIG_LISTEN_MAX = 16,     /* addresses of [http] */
	CONFIG_CODES_MAX = 16,      /* codes of a platform's answers, in one key */
};

/* The store of one host, in its state_dir. */
#define CONFIG_STORE_FILE "sqlite"

/* Seller of the cards that customers of our own may order. No platform has this name. */
#define CONFIG_CUSTOMERS "customers"

/* slot.LABEL = PATH[:CFG.IF][-portN] */
struct config_slot {
	char *label;
	struct place_spec spec;
	int line;
};

/* control.N = DEVICE: a line that switches cards. */
struct config_control {
	char *device; /* a path or tcp:host:port */
	int number;
	int line;
};

/* column.SLOT = N/C: which column of control line N the slot's module is wired to. */
struct config_column {
	char *slot;
	int control, column;
	int line;
};

/* [bank NAME]: with a path, or with devices. What follows `line` is of boards that switch cards;
 * 0 and NULL elsewhere. */
struct config_bank {
	char *name;
	char *board;  /* "usb" unless set */
	char *driver; /* "auto" unless set */
	char *path;   /* its root in the USB topology; NULL: it has devices */
	struct config_slot *slots;
	size_t slot_count;
	char **devices; /* as written: a path, a glob, tcp:host:port */
	size_t device_count;
	char **sell; /* names of platforms, or CONFIG_CUSTOMERS; the only platform by default */
	size_t sell_count;
	char *pin; /* of every card that has none of its own, NULL: none; never logged */
	int baud;
	int line; /* of the section's header */
	struct config_control *controls;
	size_t control_count;
	struct config_column *columns;
	size_t column_count;
	int rows;           /* cards of a column */
	char *control_end;  /* "cr" or "crlf" */
	char *rotate_order; /* "rows": ascending; "least": the one that was in longest ago */
	int64_t rotate_ms;  /* 0: off */
	int64_t rotate_wait_ms;
	int64_t switch_wait_ms, switch_stagger_ms, switch_timeout_ms; /* 0: the board's own */
};

/* [platform NAME] */
struct config_platform {
	char *name;
	char *kind;
	char *url;      /* onlinesim-*: without a trailing slash; paths are appended */
	char *key;      /* the secret itself; never logged. NULL for a webhook */
	char *hmac_key; /* webhook: what requests are signed with; never logged. NULL for others */
	char *ca_file;
	char *list_name;
	char *filter;       /* "default", "off", or the path of a rule file */
	bool message_by_id; /* texts name their number by the platform's id */
	bool rent;
	bool dry_run;
	int concurrency;
	int64_t list_every_ms;
	int64_t list_delay_ms; /* debounce of list changes */
	int64_t batch_ms;      /* texts are collected so long for one call; 0: each at once */
	int64_t timeout_ms;
	int64_t retry_max_ms;       /* longest pause between two tries */
	int64_t account_ms;         /* pause between probes while the account is refused */
	int64_t number_give_up_ms;  /* a number the platform does not know: refuse after so long */
	int64_t block_ms;           /* how long a block of the account for its list lasts */
	int64_t retry_after_max_ms; /* Retry-After is obeyed up to this */
	char *webhook_path; /* where the list may be asked for without a key; NULL: nowhere */

	/* onlinesim-pull; else NULL and 0. What the profile decides where no key does. */
	char *profile;                    /* "onlinesim", "smshub" */
	char *push_path, *push_rent_path; /* behind the url; "" or from '/' on */
	char *phone_type;                 /* "integer", "string" */
	char *sms_id;                     /* what smsId is: "operation", "message" */
	char *operators;                  /* "sum", "named", "any": see order.h */
	char **final_errors;              /* answers at which a text is not sent again */
	size_t final_error_count;
	int cancel_limit; /* cancelled so often for a service a number is used up; 0: no limit */
	int64_t retry_every_ms;    /* between two tries of a text */
	int64_t closed_give_up_ms; /* no more tries so long after its operation was closed */
	int64_t unanswered_ms;     /* an operation whose answer was not written ends; 0: not */
	int line;
};

/* [operator MCCMNC] */
struct config_operator {
	char *code;        /* MCC and MNC: 5 or 6 digits */
	char *name;        /* as platforms list it; NULL: not said */
	char *ussd_number; /* what asks a card for its own number, NULL: nothing does */
	int line;
};

/* match = RULE, match.LABEL = RULE: a rule of a filter file without its verb. */
struct config_match {
	char *rule;
	int line;
};

/* [service SLUG]: what may be ordered. The slug is A-Z a-z 0-9 . - and never "rent". */
struct config_service {
	char *name;
	char *title;              /* NULL: not said */
	char *onlinesim, *smshub; /* a platform's own name for it; the slug unless set */
	struct config_match *matches;
	size_t match_count; /* 0: every text of the number is one of the service */
	int64_t price;      /* customers'; -1: not said, then he needs a price of his own */
	int64_t window_ms;  /* 0: not said */
	char *code;         /* "/RE/": where the code stands in its texts; NULL: by its digits */
	char *file;         /* where the section stands */
	int line;
};

/* [country CODE], [country mccNNN] */
struct config_country {
	int code;   /* calling code; 0 where mcc is set */
	int mcc;    /* 0 where code is set */
	char *name; /* lower-case English, as platforms list it; NULL: not said, so for rus, chn */
	char *rus, *chn;   /* UTF-8 */
	int id;            /* the Alternative API's; -1: not said */
	int64_t window_ms; /* 0: not said */
	int line;
};

/* price.SLUG = MONEY */
struct config_price {
	char *service;
	int64_t price;
};

/* [customer NAME] */
struct config_customer {
	char *name;
	char *key;          /* the secret itself; never logged */
	int64_t balance;    /* opening entry */
	int64_t rent_price; /* a day; -1: no rent */
	struct config_price *prices;
	size_t price_count;
	char **services; /* slugs he may order; none: all */
	size_t service_count;
	char **countries; /* as the sections are named: "46", "mcc250"; none: all */
	size_t country_count;
	int rate; /* calls a minute; 0: no limit */
	int line;
};

/* [http]; without it all is empty. */
struct config_http {
	char **listen; /* see http_address_parse() */
	size_t listen_count;
	char *tls_cert, *tls_key; /* the files' contents, PEM; NULL: plain */
	bool allow_plaintext;
	char *dashboard_key;     /* the secret itself; never logged; NULL: none */
	bool rent_siblings;      /* getRentStatus as SMS-Activate has it: phoneFrom is the sender */
	int64_t cancel_after_ms; /* a customer cannot cancel before; 0: at once */
};

/* log.NAME = LEVEL */
struct config_log {
	char *name;
	enum log_level level;
};

/* A row of the numbers file. Strings are "" where the column is absent; 0 where a number is. */
struct config_number {
	char iccid[24];
	char number[24]; /* E.164 with '+' */
	char label[64];
	char pin[CONFIG_PIN_SIZE];     /* never logged */
	int operator_code;             /* MCC+MNC */
	int rent;                      /* -1 where the column is absent or empty */
	int64_t date_start, date_stop; /* Unix seconds */
	int64_t price, balance;        /* 1/10000 */
	bool filter_off;               /* no text of this card is filtered */
	char **sell;                   /* its own sellers, instead of its bank's */
	size_t sell_count;             /* 0: its bank's */
	int line;
};

struct config {
	char *file;
	char *state_dir;
	char *store;          /* "sqlite", or a postgresql:// URL without a password */
	char *store_password; /* NULL: none; never logged */
	char *host_id;
	int64_t host_stale_ms;
	char *control;
	char *numbers_file; /* NULL: none */
	char *record_dir;   /* of the command line: transcripts go there; NULL: nowhere */
	enum log_level log_level;
	enum log_format log_format;
	struct config_log *logs;
	size_t log_count;
	int64_t start_grace_ms;
	int64_t retention_ms;        /* words of texts whose deliveries are over */
	int64_t history_ms;          /* what is left of them */
	int64_t orders_keep_ms;      /* closed operations are erased so long after */
	int64_t sweep_every_ms;      /* AT+CMGL on each port at least so often */
	int64_t poll_every_ms;       /* registration, signal, card */
	int64_t card_every_ms;       /* the card alone, where nothing tells of a change; 0: not */
	int64_t parts_wait_ms;       /* for the parts of a long text; then it goes out with a gap */
	int64_t parts_late_ms;       /* a part that comes so long after that goes out alone */
	int64_t register_grace_ms;   /* lost registration for so long takes a number off the list */
	int64_t open_deadline_ms;    /* open() of a device; then it is abandoned */
	int64_t quarantine_ms;       /* pause before a device that hung is tried again */
	int openers;                 /* threads that open devices at a time */
	int hub_starts;              /* ports of one hub that start at a time */
	int hub_recoveries;          /* ports of one hub that are reset at a time */
	int hub_alarm_ports;         /* so many of one hub or bank, */
	int hub_alarm_percent;       /* and such a share of those that were well, */
	int64_t hub_alarm_within_ms; /* that fail within this are one trouble */
	/* Where sysfs and the devices are; NULL: /sys and /dev. Tests say a folder: no udev then.
	 */
	char *sys_root, *dev_root;
	struct config_http http;
	struct config_bank *banks;
	size_t bank_count;
	struct config_platform *platforms;
	size_t platform_count;
	struct config_operator *operators;
	size_t operator_count;
	struct config_service *services;
	size_t service_count;
	struct config_country *countries;
	size_t country_count;
	struct config_customer *customers;
	size_t customer_count;
	struct config_number *numbers;
	struct config_number **by_iccid; /* the same rows, for config_number_of() */
	size_t number_count;
	/* For config_diff(): a section each, its keys' and values' hash; of the file's lines; of
	 * what all secrets are. */
	struct config_mark {
		char *title;
		uint64_t hash;
	} * marks;
	size_t mark_count;
	uint64_t numbers_hash, secrets_hash;
};

/* What was found wrong, a line each: "FILE:LINE: what, and what to do". */
struct config_report {
	char *lines[CONFIG_REPORT_MAX];
	size_t count;            /* lines kept */
	size_t errors, warnings; /* all that were found */
};

/* What the configuration needs to know of SIM-bank hardware. */
struct config_board {
	const char *name;
	bool usb_only, network_only; /* where its ports may be */
	/* LABEL and PATH[:CFG.IF][-portN] in turn, for a bank that names no slot. NULL ends, and
	 * may be all. */
	const char *const *slots;
	int columns, rows_max; /* of a control line; 0: it switches no cards */
};

/* What a name must be one of; the gateway passes what the binary carries. A name that is NULL ends
 * a list. */
struct config_names {
	const char *const *drivers;
	const struct config_board *boards;
};

/* Reads FILE, what it includes, secrets and numbers. Every error is reported, not the first alone.
 * Returns a configuration that is whole, or NULL when report->errors > 0. The report is filled in
 * either way; config_report_free() it. */
struct config *config_load(
	const char *file, const struct config_names *names, struct config_report *report);
void config_free(struct config *config);
void config_report_free(struct config_report *report);

/* Says a line for each section that is new, gone or not as it was, for the numbers file, and for
 * files of secrets. No values. */
typedef void config_say_fn(void *arg, const char *line);
void config_diff(
	const struct config *old, const struct config *fresh, config_say_fn *say, void *arg);

/* The row of the numbers file for this card, or NULL. ICCIDs are in capitals there. */
const struct config_number *config_number_of(const struct config *config, const char *iccid);

/* "90s", "24h", "250ms", "5m", "2d", "0": milliseconds; -EINVAL for anything else, a bare number
 * other than 0 included, -ERANGE past 10 years. */
int64_t config_parse_duration(const char *text);

/* "12.34": 123400; at most four decimals. -EINVAL, -ERANGE. Not negative. */
int64_t config_parse_money(const char *text);

/* "12.50", with four decimals where two do not say it; "-0.25" for less than 0. Returns out. */
const char *config_print_money(int64_t amount, char out[CONFIG_MONEY_SIZE]);

/* Whole decimal text within [min, max]; 0 or -EINVAL. */
int config_parse_int(const char *text, int64_t min, int64_t max, int64_t *out);

/* Whether the platform sells numbers. One that does not, a webhook, gets texts alone. */
bool config_platform_sells(const struct config_platform *platform);

/* Whether it is sent a number list. */
bool config_platform_lists(const struct config_platform *platform);

/* Whether it sells by orders, which this host sees: onlinesim-pull. */
bool config_platform_orders(const struct config_platform *platform);

/* Who sells a card: those of its row in the numbers file, else its bank's. bank NULL: no bank's. */
struct config_sellers {
	char *const *names;
	size_t count;
};
struct config_sellers config_sellers(
	const struct config *config, const struct config_bank *bank, const char *iccid);

/* By slug; NULL: none. */
const struct config_service *config_service(const struct config *config, const char *slug);

/* Whether a card identifier, E.164 number or slot name has the shape that the files allow. */
bool config_is_iccid(const char *text);  /* 18 to 22 hexadecimal digits, "89" first */
bool config_is_number(const char *text); /* '+', then 7 to 15 digits, the first not 0 */
bool config_is_pin(const char *text);    /* 4 to 8 digits (TS 51.011 9.3) */
bool config_is_ussd(
	const char *text); /* '*' or '#', then digits, '*' and '#', '#' last; 32 at most */

/* The PIN for a card: the numbers file's for its ICCID, else its bank's. iccid may be "". NULL if
 * there is none. */
const char *config_pin(const struct config *config, const char *bank, const char *iccid);

/* What asks a card with this IMSI for its number: of the operators whose code begins it the one
 * with the longest code counts. NULL if there is none. */
const char *config_ussd_number(const struct config *config, const char *imsi);

/* Copies text to out with each byte outside A-Z a-z 0-9 . _ - turned into '_'. */
void config_clean_name(const char *text, char *out, size_t size);

#endif
