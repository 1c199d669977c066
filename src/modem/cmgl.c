/* cmgl.c - texts as modems print them: entries of a listing, headers of texts shown unasked. */
#include "modem/cmgl.h"

#include <ctype.h>
#include <string.h>

#include "base/fnv.h"

enum { SEEN_MAX = 1 << 20 /* digits counted; none are announced that far */ };

/* ---- numbers -------------------------------------------------------------------------------- */

static const char *skip_blanks(const char *at)
{
	return at + strspn(at, " ");
}

/* A decimal number up to most; NULL if there is none, else what stands behind it. */
static const char *number(const char *at, int most, int *out)
{
	int value = 0;

	if (!isdigit((unsigned char)*at))
		return NULL;
	for (; isdigit((unsigned char)*at); at++) {
		value = 10 * value + (*at - '0');
		if (value > most)
			return NULL;
	}
	*out = value;
	return at;
}

/* The length stands behind the last comma, whatever is before it: an alpha may hold commas and
 * quotes. Some print the PDU behind it, after a blank. */
static bool length(const char *fields, int *out, const char **rest)
{
	const char *comma = strrchr(fields, ',');
	const char *at = skip_blanks(comma ? comma + 1 : fields);
	const char *behind = number(at, CMGL_LENGTH_MAX, out);

	if (!behind || (*behind && *behind != ' '))
		return false;
	*rest = skip_blanks(behind);
	return true;
}

/* ---- digits --------------------------------------------------------------------------------- */

static int value_of(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	return tolower((unsigned char)digit) - 'a' + 10;
}

static bool is_hex(const char *line)
{
	size_t len = 0;

	while (isxdigit((unsigned char)line[len]))
		len++;
	return len > 0 && line[len] == '\0';
}

void cmgl_pdu_begin(struct cmgl_pdu *pdu, int tpdu_len, bool smsc)
{
	pdu->tpdu_len = tpdu_len;
	pdu->smsc = smsc;
	pdu->seen = 0;
	pdu->hex[0] = '\0';
}

bool cmgl_pdu_add(struct cmgl_pdu *pdu, const char *line)
{
	size_t kept = strlen(pdu->hex), len = strlen(line);
	size_t room = CMGL_DIGITS_MAX - kept;

	if (!is_hex(line))
		return false;
	if (pdu->seen < SEEN_MAX)
		pdu->seen += (int)len;
	if (len > room)
		len = room;
	memcpy(pdu->hex + kept, line, len);
	pdu->hex[kept + len] = '\0';
	return true;
}

int cmgl_pdu_missing(const struct cmgl_pdu *pdu)
{
	int octets = pdu->tpdu_len;

	if (pdu->smsc)
		octets++;
	if (pdu->smsc && pdu->seen >= 2)
		octets += 16 * value_of(pdu->hex[0]) + value_of(pdu->hex[1]);
	return 2 * octets - pdu->seen;
}

/* ---- listings ------------------------------------------------------------------------------- */

void cmgl_begin(struct cmgl *cmgl, cmgl_fn *fn, void *arg)
{
	cmgl->fn = fn;
	cmgl->arg = arg;
	cmgl->reading = cmgl->padded = cmgl->doubt = false;
}

void cmgl_doubt(struct cmgl *cmgl)
{
	cmgl->doubt = true;
}

static void tell(struct cmgl *cmgl, enum cmgl_kind kind)
{
	struct cmgl_entry entry = {
		.kind = kind,
		.index = cmgl->index,
		.stat = cmgl->stat,
		.tpdu_len = cmgl->pdu.tpdu_len,
		.cut = cmgl->pdu.seen > CMGL_DIGITS_MAX,
		.hex = cmgl->pdu.hex,
	};

	cmgl->reading = false;
	cmgl->padded = kind == CMGL_WHOLE;
	cmgl->fn(cmgl->arg, &entry);
}

static void tell_without_header(struct cmgl *cmgl, enum cmgl_kind kind, const char *hex)
{
	cmgl->index = cmgl->stat = -1;
	cmgl_pdu_begin(&cmgl->pdu, -1, false);
	cmgl_pdu_add(&cmgl->pdu, hex);
	tell(cmgl, kind);
}

void cmgl_end(struct cmgl *cmgl)
{
	if (cmgl->reading)
		tell(cmgl, CMGL_SHORT);
	cmgl->padded = cmgl->doubt = false;
}

bool cmgl_bare(struct cmgl *cmgl, const char *line)
{
	if (!is_hex(line))
		return false;
	if (cmgl->reading) {
		cmgl_pdu_add(&cmgl->pdu, line);
		if (cmgl_pdu_missing(&cmgl->pdu) <= 0 && !cmgl->doubt)
			tell(cmgl, CMGL_WHOLE);
		return true;
	}
	if (cmgl->padded && strspn(line, "Ff") == strlen(line))
		return true;
	if (strlen(line) < CMGL_ORPHAN_DIGITS)
		return false;
	tell_without_header(cmgl, CMGL_ORPHAN, line);
	return true;
}

/* index,[stat,...]: stat only where it is one (27.005 3.1). */
static bool index_and_stat(const char *fields, int *index, int *stat)
{
	const char *at = number(fields, CMGL_INDEX_MAX, index);
	int value;

	*stat = -1;
	if (!at)
		return false;
	at = skip_blanks(at);
	if (*at != ',')
		return false;
	at = number(skip_blanks(at + 1), 4, &value);
	if (at && *skip_blanks(at) == ',')
		*stat = value;
	return true;
}

void cmgl_header(struct cmgl *cmgl, const char *line)
{
	const char *fields = strncmp(line, "+CMGL", 5) == 0 ? line + 5 : line, *rest;
	int index, stat, tpdu_len;

	cmgl_end(cmgl);
	if (*fields == ':')
		fields++;
	fields = skip_blanks(fields);
	if (!index_and_stat(fields, &index, &stat) || !length(fields, &tpdu_len, &rest)) {
		tell_without_header(cmgl, CMGL_GARBLED, "");
		return;
	}
	cmgl->index = index;
	cmgl->stat = stat;
	cmgl->reading = true;
	cmgl_pdu_begin(&cmgl->pdu, tpdu_len, true);
	if (*rest)
		cmgl_bare(cmgl, rest);
}

/* ---- short entries -------------------------------------------------------------------------- */

static uint64_t hash_of(int memory, const struct cmgl_entry *entry)
{
	return fnv_text(fnv_int(fnv_int(FNV_START, memory), entry->index), entry->hex);
}

bool cmgl_shorts_again(
	struct cmgl_shorts *shorts, unsigned listing, int memory, const struct cmgl_entry *entry)
{
	uint64_t hash = hash_of(memory, entry);

	for (size_t i = 0; i < shorts->count; i++)
		if (shorts->rows[i].hash == hash && shorts->rows[i].listing != listing) {
			shorts->rows[i] = shorts->rows[--shorts->count];
			return true;
		}
	if (shorts->count < CMGL_SHORTS_MAX) {
		shorts->rows[shorts->count].hash = hash;
		shorts->rows[shorts->count++].listing = listing;
	}
	return false;
}

void cmgl_shorts_age(struct cmgl_shorts *shorts, unsigned listing, unsigned span)
{
	for (size_t i = 0; i < shorts->count;)
		if (listing - shorts->rows[i].listing > span)
			shorts->rows[i] = shorts->rows[--shorts->count];
		else
			i++;
}

/* ---- texts shown unasked -------------------------------------------------------------------- */

/* "19:50:07": a header of text mode tells when the text was sent (27.005 3.4.1); with +CSDH=1 it
 * ends in a length as one of PDU mode does. */
static bool has_time(const char *at)
{
	for (; *at; at++) {
		size_t n = 0;
		while (n < 8 && (n % 3 == 2 ? at[n] == ':' : isdigit((unsigned char)at[n])))
			n++;
		if (n == 8)
			return true;
	}
	return false;
}

enum cmgl_direct cmgl_direct_of(const char *line, int *tpdu_len, const char **rest)
{
	static const struct {
		const char *prefix;
		enum cmgl_direct kind;
	} kinds[] = { { "+CMT:", CMGL_CMT }, { "+CDS:", CMGL_CDS }, { "+CBM:", CMGL_CBM } };
	const char *fields;
	enum cmgl_direct kind = CMGL_NOT_DIRECT;
	int value;

	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		if (strncmp(line, kinds[i].prefix, 5) == 0)
			kind = kinds[i].kind;
	if (kind == CMGL_NOT_DIRECT)
		return kind;
	fields = line + 5;
	if (kind != CMGL_CMT) /* no alpha there: more than one value means text mode */
		fields += strspn(fields, ", ");
	if ((kind == CMGL_CMT ? has_time(fields) : strchr(fields, ',') != NULL) ||
		!length(fields, &value, rest))
		return CMGL_NO_PDU;
	*tpdu_len = value;
	return kind;
}
