/* operators.c - names of mobile networks by MCC and MNC, from mobile-broadband-provider-info. */
#include "platform/operators.h"

#include <ctype.h>
#include <errno.h>
#include <expat.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CODE_SIZE = 7, PROVIDER_NETWORKS_MAX = 256, READ_SIZE = 32 * 1024 };

struct network {
	char code[CODE_SIZE];
	char name[OPERATOR_NAME_SIZE];
	/* Of its provider: whether it is called the network's own, how many networks it has, how
	 * many providers of the file have its name, its access points, its place in the file. */
	bool primary;
	size_t networks, namesakes, apns, provider;
};

struct operators {
	struct network *rows;
	size_t count, room;
};

void operators_plain_name(const char *name, char out[OPERATOR_NAME_SIZE])
{
	size_t len = 0;

	for (; *name && *name != '(' && len + 2 < OPERATOR_NAME_SIZE; name++) {
		if (isalnum((unsigned char)*name) || (unsigned char)*name >= 0x80)
			out[len++] = (char)tolower((unsigned char)*name);
		else if (isspace((unsigned char)*name) && len > 0 && out[len - 1] != '_')
			out[len++] = '_';
	}
	while (*name && *name != '(' && len > 0 && (unsigned char)out[len - 1] >= 0x80)
		len--; /* cut, and maybe inside of a character */
	while (len > 0 && out[len - 1] == '_')
		len--;
	out[len] = '\0';
}

/* ---- reading -------------------------------------------------------------------------------- */

/* Where the parser is. Of a provider the first name counts, and its networks once it has ended. */
struct reader {
	struct operators *operators;
	int depth, provider_depth; /* 0: in none */
	bool primary, named, naming, no_memory;
	char name[4 * OPERATOR_NAME_SIZE];
	size_t name_len;
	char codes[PROVIDER_NETWORKS_MAX][CODE_SIZE];
	size_t code_count, apns, providers;
};

static const char *attribute(const XML_Char **attributes, const char *name)
{
	for (; *attributes; attributes += 2)
		if (strcmp(attributes[0], name) == 0)
			return attributes[1];
	return "";
}

static void take_network(struct reader *reader, const char *mcc, const char *mnc)
{
	size_t len = strlen(mnc);
	bool good = strlen(mcc) == 3 && len >= 2 && len <= 3 && strspn(mcc, "0123456789") == 3 &&
		    strspn(mnc, "0123456789") == len;

	if (good && reader->code_count < PROVIDER_NETWORKS_MAX)
		snprintf(reader->codes[reader->code_count++], CODE_SIZE, "%.3s%.3s", mcc, mnc);
}

static void XMLCALL on_start(void *arg, const XML_Char *name, const XML_Char **attributes)
{
	struct reader *reader = arg;
	int inside =
		reader->provider_depth ? ++reader->depth - reader->provider_depth : ++reader->depth;

	if (!reader->provider_depth && strcmp(name, "provider") == 0) {
		reader->provider_depth = reader->depth;
		reader->primary = strcmp(attribute(attributes, "primary"), "true") == 0;
		reader->named = false;
		reader->name_len = reader->code_count = reader->apns = 0;
	} else if (reader->provider_depth && inside == 1 && strcmp(name, "name") == 0) {
		reader->naming = !reader->named;
	} else if (reader->provider_depth && strcmp(name, "apn") == 0) {
		reader->apns++;
	} else if (reader->provider_depth && strcmp(name, "network-id") == 0) {
		take_network(reader, attribute(attributes, "mcc"), attribute(attributes, "mnc"));
	}
}

static void XMLCALL on_text(void *arg, const XML_Char *text, int len)
{
	struct reader *reader = arg;

	for (int i = 0; reader->naming && i < len; i++)
		if (reader->name_len + 1 < sizeof reader->name)
			reader->name[reader->name_len++] = text[i];
}

static bool grow(struct operators *operators)
{
	size_t room = operators->room ? 2 * operators->room : 1024;
	struct network *rows;

	if (operators->count < operators->room)
		return true;
	rows = realloc(operators->rows, room * sizeof *rows);
	if (!rows)
		return false;
	operators->rows = rows;
	operators->room = room;
	return true;
}

static void end_provider(struct reader *reader)
{
	struct operators *operators = reader->operators;
	char name[OPERATOR_NAME_SIZE];

	reader->provider_depth = 0;
	reader->providers++;
	reader->name[reader->name_len] = '\0';
	operators_plain_name(reader->name, name);
	for (size_t i = 0; *name && i < reader->code_count; i++) {
		if (operators->count == OPERATORS_MAX)
			return;
		if (!grow(operators)) {
			reader->no_memory = true;
			return;
		}
		struct network *row = &operators->rows[operators->count++];
		*row = (struct network) { .primary = reader->primary,
			.networks = reader->code_count,
			.apns = reader->apns,
			.provider = reader->providers };
		memcpy(row->code, reader->codes[i], CODE_SIZE);
		memcpy(row->name, name, sizeof name);
	}
}

static void XMLCALL on_end(void *arg, const XML_Char *name)
{
	struct reader *reader = arg;

	(void)name;
	if (reader->naming) {
		reader->naming = false;
		reader->named = reader->name_len > 0;
	}
	if (reader->depth-- == reader->provider_depth)
		end_provider(reader);
}

static int parse(XML_Parser parser, FILE *file, unsigned long *line)
{
	size_t all = 0;

	for (;;) {
		void *room = XML_GetBuffer(parser, READ_SIZE);
		size_t len = room ? fread(room, 1, READ_SIZE, file) : 0;
		if (!room)
			return -ENOMEM;
		if (ferror(file))
			return -EIO;
		if ((all += len) > OPERATORS_FILE_MAX)
			return -EFBIG;
		if (XML_ParseBuffer(parser, (int)len, len == 0) == XML_STATUS_ERROR) {
			*line = XML_GetCurrentLineNumber(parser);
			return XML_GetErrorCode(parser) == XML_ERROR_NO_MEMORY ? -ENOMEM : -EBADMSG;
		}
		if (len == 0)
			return 0;
	}
}

static int by_name(const void *a, const void *b)
{
	const struct network *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order ? order : (x->provider > y->provider) - (x->provider < y->provider);
}

static void count_namesakes(struct network *rows, size_t count)
{
	size_t first = 0, providers = 0;

	qsort(rows, count, sizeof *rows, by_name);
	for (size_t i = 0; i < count; i++) {
		providers += i == first || rows[i].provider != rows[i - 1].provider;
		if (i + 1 < count && strcmp(rows[i].name, rows[i + 1].name) == 0)
			continue;
		for (; first <= i; first++)
			rows[first].namesakes = providers;
		providers = 0;
	}
}

static int more(size_t x, size_t y)
{
	return (y > x) - (y < x);
}

/* Those who resell a network are listed with it, too. What tells its own operator is that it is
 * called primary, has more networks, has a name that others of its group bear elsewhere, or has
 * more access points. */
static int by_code(const void *a, const void *b)
{
	const struct network *x = a, *y = b;
	int order = strcmp(x->code, y->code);

	if (!order)
		order = more(x->primary, y->primary);
	if (!order)
		order = more(x->networks, y->networks);
	if (!order)
		order = more(x->namesakes, y->namesakes);
	if (!order)
		order = more(x->apns, y->apns);
	return order ? order : more(y->provider, x->provider);
}

/* Leaves one name a network. */
static void sort(struct operators *operators)
{
	size_t kept = 0;

	if (operators->count == 0)
		return;
	count_namesakes(operators->rows, operators->count);
	qsort(operators->rows, operators->count, sizeof *operators->rows, by_code);
	for (size_t i = 1; i < operators->count; i++)
		if (strcmp(operators->rows[kept].code, operators->rows[i].code) != 0)
			operators->rows[++kept] = operators->rows[i];
	operators->count = kept + 1;
}

int operators_load(const char *path, struct operators **out, unsigned long *line)
{
	FILE *file = fopen(path, "re");
	int err = file ? 0 : -errno;
	struct reader *reader = calloc(1, sizeof *reader);
	struct operators *operators = calloc(1, sizeof *operators);
	XML_Parser parser = XML_ParserCreate(NULL);

	*line = 0;
	if (!err && (!reader || !operators || !parser))
		err = -ENOMEM;
	if (!err) {
		reader->operators = operators;
		XML_SetUserData(parser, reader);
		XML_SetElementHandler(parser, on_start, on_end);
		XML_SetCharacterDataHandler(parser, on_text);
		err = parse(parser, file, line);
	}
	if (!err && reader->no_memory)
		err = -ENOMEM;
	if (parser)
		XML_ParserFree(parser);
	free(reader);
	if (file)
		fclose(file);
	if (err) {
		operators_free(operators);
		return err;
	}
	sort(operators);
	*out = operators;
	return 0;
}

void operators_free(struct operators *operators)
{
	if (!operators)
		return;
	free(operators->rows);
	free(operators);
}

size_t operators_count(const struct operators *operators)
{
	return operators->count;
}

/* ---- looking up ----------------------------------------------------------------------------- */

static int code_order(const void *key, const void *row)
{
	return strcmp(key, ((const struct network *)row)->code);
}

const char *operators_name(const struct operators *operators, const char *digits)
{
	char code[CODE_SIZE];

	for (int len = CODE_SIZE - 1; operators && operators->count > 0 && len >= 5; len--) {
		const struct network *row;
		snprintf(code, sizeof code, "%.*s", len, digits);
		row = bsearch(code, operators->rows, operators->count, sizeof *row, code_order);
		if (row)
			return row->name;
	}
	return NULL;
}
