/* cmgl.h - texts as modems print them: entries of a listing, and headers of texts shown unasked
 * (3GPP TS 27.005 3.4.1, 3.4.2). Pure. */
#ifndef SIMGATE_MODEM_CMGL_H
#define SIMGATE_MODEM_CMGL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	CMGL_DIGITS_MAX = 398,   /* kept of a PDU; a record of a card takes 352 */
	CMGL_LENGTH_MAX = 2000,  /* octets that a header may announce */
	CMGL_INDEX_MAX = 65535,  /* of an entry */
	CMGL_ORPHAN_DIGITS = 16, /* so many digits on a line are (a piece of) a PDU */
	CMGL_SHORTS_MAX = 16,    /* short entries that are remembered */
};

/* ---- digits --------------------------------------------------------------------------------- */

/* The hexadecimal digits of one PDU as they come in. */
struct cmgl_pdu {
	int tpdu_len; /* octets announced, those of the SMSC field not counted */
	bool smsc;    /* the SMSC field comes first, its length before it (27.005 3.1) */
	int seen;     /* digits; what passes CMGL_DIGITS_MAX is cut */
	char hex[CMGL_DIGITS_MAX + 1];
};

void cmgl_pdu_begin(struct cmgl_pdu *pdu, int tpdu_len, bool smsc);

/* False, with nothing done, if the line is not hexadecimal digits alone. */
bool cmgl_pdu_add(struct cmgl_pdu *pdu, const char *line);

/* Digits that are still to come; negative: so many more than announced. */
int cmgl_pdu_missing(const struct cmgl_pdu *pdu);

/* ---- listings ------------------------------------------------------------------------------- */

enum cmgl_kind {
	CMGL_WHOLE,   /* all that the header announced, or more */
	CMGL_SHORT,   /* bytes were lost, or it cannot be told whose they are */
	CMGL_ORPHAN,  /* a PDU without a header: no index, stat and tpdu_len */
	CMGL_GARBLED, /* a header without an index or a length: nothing else */
};

struct cmgl_entry {
	enum cmgl_kind kind;
	int index, stat, tpdu_len; /* -1: not told */
	bool cut;                  /* there was more than CMGL_DIGITS_MAX */
	const char *hex;           /* good for the call alone */
};

typedef void cmgl_fn(void *arg, const struct cmgl_entry *entry);

/* A listing that is being read. */
struct cmgl {
	cmgl_fn *fn;
	void *arg;
	bool reading; /* an entry is under way */
	bool padded;  /* the last one is whole: filler may follow */
	bool doubt;   /* the one under way may have another's digits */
	int index, stat;
	struct cmgl_pdu pdu;
};

/* fn is told each entry, once it is over. */
void cmgl_begin(struct cmgl *cmgl, cmgl_fn *fn, void *arg);

/* +CMGL: index,stat,[alpha],length, whatever is in alpha; some leave out a field, some put the PDU
 * behind the header on the same line. */
void cmgl_header(struct cmgl *cmgl, const char *line);

/* A line without a prefix. False if it is none of a listing. */
bool cmgl_bare(struct cmgl *cmgl, const char *line);

/* The final result code came: what is under way is over. */
void cmgl_end(struct cmgl *cmgl);

/* Digits that come now may be another text's: what is under way is not told as whole. */
void cmgl_doubt(struct cmgl *cmgl);

/* ---- short entries -------------------------------------------------------------------------- */

/* Entries that ended too early, and in which listing. */
struct cmgl_shorts {
	struct {
		uint64_t hash;
		unsigned listing;
	} rows[CMGL_SHORTS_MAX];
	size_t count;
};

/* Whether an earlier listing showed the entry just so: then that is what the memory holds, and it
 * is forgotten. If not, it is remembered; where no row is free it waits until others are taken. */
bool cmgl_shorts_again(
	struct cmgl_shorts *shorts, unsigned listing, int memory, const struct cmgl_entry *entry);

/* Forgets what was shown more than `span` listings before this one. */
void cmgl_shorts_age(struct cmgl_shorts *shorts, unsigned listing, unsigned span);

/* ---- texts shown unasked -------------------------------------------------------------------- */

enum cmgl_direct {
	CMGL_NOT_DIRECT, /* another line */
	CMGL_CMT,        /* a text: +CMT: [alpha],length */
	CMGL_CDS,        /* a status report: +CDS: length */
	CMGL_CBM,        /* a page of a cell broadcast: +CBM: length */
	CMGL_NO_PDU,     /* one of these in the form of text mode, or without a length */
};

/* What a line begins, and how many octets it announces. *rest is what stands behind the length on
 * the same line, "" if nothing does. */
enum cmgl_direct cmgl_direct_of(const char *line, int *tpdu_len, const char **rest);

#endif
