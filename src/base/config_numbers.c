/* config_numbers.c - reads the numbers file. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "base/config_impl.h"
#include "base/fnv.h"

/* A CSV file being read. */
struct sheet {
	struct config *config;
	struct config_report *report;
	struct config_place place; /* of the line in hand */
	int columns[16];           /* the file's columns, as indexes of column_names */
	size_t column_count;
	size_t size; /* rows there is room for */
};

enum column {
	COLUMN_ICCID,
	COLUMN_NUMBER,
	COLUMN_OPERATOR,
	COLUMN_RENT,
	COLUMN_LABEL,
	COLUMN_PIN,
	COLUMN_SELL,
	COLUMN_FILTER,
	COLUMN_DATE_START,
	COLUMN_DATE_STOP,
	COLUMN_PRICE,
	COLUMN_BALANCE,
	COLUMN_COUNT
};

static const char *const column_names[COLUMN_COUNT + 1] = { "iccid", "number", "operator", "rent",
	"label", "pin", "sell", "filter", "date_start", "date_stop", "price", "balance", NULL };

/* Takes one field from *text on, which moves behind its comma or becomes NULL after the last. The
 * field is unquoted in place. NULL: broken quotes. */
static char *next_field(char **text)
{
	char *in = *text + strspn(*text, " \t"), *field = in, *out = in, *comma;

	if (*in != '"') {
		comma = strchr(in, ',');
		if (comma)
			*comma = '\0';
		*text = comma ? comma + 1 : NULL;
		return strchr(field, '"') ? NULL : config_trim(field);
	}
	for (in++; *in && (*in != '"' || in[1] == '"'); in++) {
		if (*in == '"')
			in++;
		*out++ = *in;
	}
	if (!*in)
		return NULL;
	in++;
	in += strspn(in, " \t");
	if (*in && *in != ',')
		return NULL;
	*text = *in ? in + 1 : NULL;
	*out = '\0';
	return config_trim(field);
}

/* One column name; its index or -1 after saying why not. */
static int header_column(struct sheet *sheet, const char *name)
{
	size_t i;

	for (i = 0; i < COLUMN_COUNT; i++)
		if (!strcmp(name, column_names[i]))
			return (int)i;
	config_error(sheet->report, sheet->place,
		"column \"%.60s\" is not known; nearest known name: %s", name,
		config_nearest(name, column_names));
	return -1;
}

static bool has_column(const struct sheet *sheet, int column)
{
	size_t i;

	for (i = 0; i < sheet->column_count; i++)
		if (sheet->columns[i] == column)
			return true;
	return false;
}

/* False: the rows cannot be read. */
static bool take_columns(struct sheet *sheet, char *text)
{
	size_t errors = sheet->report->errors;

	while (text) {
		char *name = next_field(&text);
		int column;

		if (!name) {
			config_error(sheet->report, sheet->place, "a quote that does not fit");
			return false;
		}
		column = header_column(sheet, name);
		if (column >= 0 && has_column(sheet, column))
			config_error(
				sheet->report, sheet->place, "column \"%s\" is there twice", name);
		else if (column >= 0)
			sheet->columns[sheet->column_count++] = column;
	}
	if (!has_column(sheet, COLUMN_ICCID))
		config_error(sheet->report, sheet->place,
			"the first row names the columns, and \"iccid\" must be among them");
	return errors == sheet->report->errors;
}

static bool is_leap(int64_t year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* "2026-11-21" at 00:00 UTC. */
static int read_day(const char *text, int64_t *out)
{
	static const int before[] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365 };
	int64_t year, month, day, days, y;
	char copy[11];

	if (strlen(text) != 10 || text[4] != '-' || text[7] != '-')
		return -EINVAL;
	memcpy(copy, text, sizeof(copy));
	copy[4] = copy[7] = '\0';
	if (config_parse_int(copy, 1970, 9999, &year) ||
		config_parse_int(copy + 5, 1, 12, &month) ||
		config_parse_int(copy + 8, 1, 31, &day))
		return -EINVAL;
	if (day > before[month] - before[month - 1] + (month == 2 && is_leap(year)))
		return -EINVAL;
	y = year - 1;
	days = 365 * (year - 1970) + (y / 4 - y / 100 + y / 400) -
	       (1969 / 4 - 1969 / 100 + 1969 / 400);
	days += before[month - 1] + (month > 2 && is_leap(year)) + day - 1;
	*out = days * 86400;
	return 0;
}

static const char *read_date(const char *text, int64_t *out)
{
	const int64_t max = INT64_C(253402300799); /* the last second of 9999 */

	if (*text && read_day(text, out) && config_parse_int(text, 0, max, out))
		return "neither Unix seconds nor a day as 2026-11-21";
	return NULL;
}

static const char *read_money(const char *text, int64_t *out)
{
	int64_t value = *text ? config_parse_money(text) : 0;

	if (value < 0)
		return "no amount as 12.34, with four decimals at most";
	*out = value;
	return NULL;
}

static const char *read_iccid(const char *text, struct config_number *row)
{
	size_t i;

	if (!*text)
		return "is empty; every row needs the card's identifier";
	if (!config_is_iccid(text))
		return "not 18 to 22 hexadecimal digits, 89 first";
	for (i = 0; text[i]; i++)
		row->iccid[i] = (char)toupper((unsigned char)text[i]);
	return NULL;
}

static const char *read_rent(const char *text, struct config_number *row)
{
	if (!*text)
		return NULL;
	if (!strcmp(text, "0") || !strcmp(text, "no"))
		row->rent = 0;
	else if (!strcmp(text, "1") || !strcmp(text, "yes"))
		row->rent = 1;
	else
		return "neither yes nor no";
	return NULL;
}

static const char *read_filter(const char *text, struct config_number *row)
{
	if (*text && strcmp(text, "off") != 0)
		return "neither empty nor off; rules for one card stand in the filter file, with "
		       "card:ICCID";
	row->filter_off = *text != '\0';
	return NULL;
}

static const char *read_operator(const char *text, struct config_number *row)
{
	size_t len = strlen(text);
	int64_t value;

	if (!len)
		return NULL;
	if (len < 5 || len > 6 || strspn(text, "0123456789") != len ||
		config_parse_int(text, 0, 999999, &value))
		return "not MCC and MNC, 5 or 6 digits";
	row->operator_code = (int)value;
	return NULL;
}

/* What is wrong with the value; NULL: nothing. */
static const char *read_cell(enum column column, const char *text, struct config_number *row)
{
	switch (column) {
	case COLUMN_ICCID: return read_iccid(text, row);
	case COLUMN_NUMBER:
		if (*text && !config_is_number(text))
			return "not '+' and 7 to 15 digits, the first not 0";
		strcpy(row->number, text);
		return NULL;
	case COLUMN_OPERATOR: return read_operator(text, row);
	case COLUMN_RENT: return read_rent(text, row);
	case COLUMN_FILTER: return read_filter(text, row);
	case COLUMN_LABEL:
		if (strlen(text) >= sizeof(row->label))
			return "longer than 63 bytes";
		strcpy(row->label, text);
		return NULL;
	case COLUMN_PIN:
		if (*text && !config_is_pin(text))
			return "not 4 to 8 digits";
		strcpy(row->pin, text);
		return NULL;
	case COLUMN_SELL: return NULL; /* read_sell() */
	case COLUMN_DATE_START: return read_date(text, &row->date_start);
	case COLUMN_DATE_STOP: return read_date(text, &row->date_stop);
	case COLUMN_PRICE: return read_money(text, &row->price);
	case COLUMN_BALANCE: return read_money(text, &row->balance);
	case COLUMN_COUNT: break;
	}
	return "not known";
}

static bool is_seller(const struct config *config, const char *name)
{
	size_t i;

	for (i = 0; i < config->platform_count; i++)
		if (config->platforms[i].name && !strcmp(config->platforms[i].name, name))
			return true;
	return !strcmp(name, CONFIG_CUSTOMERS);
}

/* "a b" or "a;b", and "a,b" in quotes. */
static const char *read_sell(const struct sheet *sheet, char *text, struct config_number *row)
{
	char *name, *next = text;

	row->sell = *text ? calloc(CONFIG_PLATFORMS_MAX + 1, sizeof(*row->sell)) : NULL;
	if (*text && !row->sell)
		return "out of memory";
	while (row->sell && (name = strsep(&next, " ,;"))) {
		if (!*name)
			continue;
		if (!is_seller(sheet->config, name))
			return "names a platform that is not configured; write names of platforms, "
			       "or customers";
		if (row->sell_count > CONFIG_PLATFORMS_MAX)
			return "has too many names";
		row->sell[row->sell_count] = strdup(name);
		if (!row->sell[row->sell_count])
			return "out of memory";
		row->sell_count++;
	}
	if (config_sold_twice(sheet->config, row->sell, row->sell_count).first)
		return "names two that would sell the number twice; name one of them, and webhooks";
	return NULL;
}

/* Values are not repeated in a report: they are numbers of cards and phones. */
static bool read_row(struct sheet *sheet, char *text, struct config_number *row)
{
	size_t errors = sheet->report->errors, i;

	for (i = 0; text; i++) {
		char *field = next_field(&text);
		const char *fault;

		if (!field) {
			config_error(sheet->report, sheet->place, "a quote that does not fit");
			return false;
		}
		if (i >= sheet->column_count)
			continue;
		fault = sheet->columns[i] == COLUMN_SELL
				? read_sell(sheet, field, row)
				: read_cell((enum column)sheet->columns[i], field, row);
		if (fault)
			config_error(sheet->report, sheet->place, "column \"%s\": %s",
				column_names[sheet->columns[i]], fault);
	}
	if (i != sheet->column_count)
		config_error(sheet->report, sheet->place,
			"this row has %zu values, the first row %zu columns", i,
			sheet->column_count);
	if (row->date_start && row->date_stop && row->date_stop <= row->date_start)
		config_error(sheet->report, sheet->place, "date_stop is not after date_start");
	return errors == sheet->report->errors;
}

/* False: no more rows can be taken. */
static bool add_row(struct sheet *sheet, const struct config_number *row)
{
	struct config *config = sheet->config;

	if (config->number_count == CONFIG_NUMBERS_MAX) {
		config_error(sheet->report, sheet->place, "more than %d rows", CONFIG_NUMBERS_MAX);
		return false;
	}
	if (config->number_count == sheet->size) {
		size_t size = sheet->size ? 2 * sheet->size : 64;
		void *bigger = realloc(config->numbers, size * sizeof(*row));

		if (!bigger) {
			config_error(sheet->report, sheet->place, "out of memory");
			return false;
		}
		config->numbers = bigger;
		sheet->size = size;
	}
	config->numbers[config->number_count++] = *row;
	return true;
}

static int by_iccid(const void *a, const void *b)
{
	const struct config_number *x = *(const struct config_number *const *)a;
	const struct config_number *y = *(const struct config_number *const *)b;
	int order = strcmp(x->iccid, y->iccid);

	return order ? order : (x->line > y->line) - (x->line < y->line);
}

static int by_number(const void *a, const void *b)
{
	const struct config_number *x = *(const struct config_number *const *)a;
	const struct config_number *y = *(const struct config_number *const *)b;
	int order = strcmp(x->number, y->number);

	return order ? order : (x->line > y->line) - (x->line < y->line);
}

/* A card named twice; a number that two cards claim. */
static void find_doubles(struct sheet *sheet)
{
	size_t count = sheet->config->number_count, i;
	struct config_number **rows = calloc(count ? count : 1, sizeof(*rows));
	struct config_place place = sheet->place;

	if (!rows) {
		config_error(sheet->report, place, "out of memory");
		return;
	}
	for (i = 0; i < count; i++)
		rows[i] = &sheet->config->numbers[i];
	qsort(rows, count, sizeof(*rows), by_number);
	for (i = 1; i < count; i++) {
		place.line = rows[i]->line;
		if (*rows[i]->number && !strcmp(rows[i]->number, rows[i - 1]->number) &&
			strcmp(rows[i]->iccid, rows[i - 1]->iccid) != 0)
			config_error(sheet->report, place,
				"the same number as in line %d, on another card",
				rows[i - 1]->line);
	}
	qsort(rows, count, sizeof(*rows), by_iccid);
	for (i = 1; i < count; i++) {
		place.line = rows[i]->line;
		if (!strcmp(rows[i]->iccid, rows[i - 1]->iccid))
			config_error(sheet->report, place, "the same iccid as in line %d",
				rows[i - 1]->line);
	}
	sheet->config->by_iccid = rows;
}

static int is_iccid_of(const void *iccid, const void *row)
{
	return strcmp(iccid, (*(const struct config_number *const *)row)->iccid);
}

const struct config_number *config_number_of(const struct config *config, const char *iccid)
{
	struct config_number **found = NULL;

	if (config->by_iccid)
		found = bsearch(iccid, config->by_iccid, config->number_count,
			sizeof(struct config_number *), is_iccid_of);
	return found ? *found : NULL;
}

/* False: the rest of the file is not read. */
static bool take_row(struct sheet *sheet, char *text)
{
	struct config_number row = { .rent = -1, .line = sheet->place.line };

	sheet->config->numbers_hash = fnv_text(sheet->config->numbers_hash, text);
	if (!sheet->column_count)
		return take_columns(sheet, text);
	bool good = read_row(sheet, text, &row), more = !good || add_row(sheet, &row);
	if (!good || !more) {
		for (size_t i = 0; i < row.sell_count; i++)
			free(row.sell[i]);
		free(row.sell);
	}
	return more;
}

void config_numbers_read(
	struct config *config, FILE *file, const char *name, struct config_report *report)
{
	struct sheet sheet = { .config = config, .report = report, .place = { name, 0 } };
	struct config_lines *lines = calloc(1, sizeof(*lines));
	enum config_line state;
	const char *why;
	bool header = false, more = lines != NULL;

	if (!lines)
		config_error(report, sheet.place, "out of memory");
	else
		lines->file = file;
	while (more && (state = config_lines_next(lines, &why)) != CONFIG_LINE_END) {
		sheet.place.line = lines->line;
		if (state == CONFIG_LINE_BAD)
			config_error(report, sheet.place, "%s", why);
		else if (lines->line > CONFIG_LINES_MAX)
			config_error(report, sheet.place, "more than %d lines", CONFIG_LINES_MAX);
		if (lines->line > CONFIG_LINES_MAX)
			break;
		if (lines->text[strspn(lines->text, " \t")] == '\0' || *lines->text == '#')
			continue;
		header = true;
		more = take_row(&sheet, lines->text);
	}
	if (lines && ferror(file))
		config_error(report, sheet.place, "cannot be read further");
	else if (lines && !header)
		config_error(report, sheet.place, "no row that names the columns");
	find_doubles(&sheet);
	free(lines);
}
