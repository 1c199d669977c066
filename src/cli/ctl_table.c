/* ctl_table.c - tables that fit the terminal, aligned by what its cells show, not by bytes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "base/config.h"
#include "base/utf8.h"
#include "cli/ctl.h"

enum { GAP = 2, CUT_TO = 4, RANK_MAX = 16 };

struct row {
	char **cells;
	char *below;
	enum ctl_color color;
};

struct ctl_table {
	const struct ctl_column *columns;
	size_t column_count;
	struct row *rows;
	size_t count, room;
};

static void *need(void *memory)
{
	if (memory)
		return memory;
	fputs("simgatectl: out of memory\n", stderr);
	exit(CTL_FAILED);
}

/* ---- text ----------------------------------------------------------------------------------- */

/* The character at text, which utf8_step() gave len bytes. */
static uint32_t decode(const char *text, size_t len)
{
	const unsigned char *s = (const unsigned char *)text;
	uint32_t c = len == 1 ? s[0] : s[0] & (0xffu >> (len + 1));

	for (size_t i = 1; i < len; i++)
		c = c << 6 | (s[i] & 0x3f);
	return c;
}

/* Controls (C0, DEL, C1), line and paragraph ends, and what turns the direction of writing. */
static bool is_unsafe(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x200e || c == 0x200f ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

char *ctl_clean(const char *text)
{
	size_t len = strlen(text), out = 0;
	char *clean = need(malloc(len + 1));

	for (size_t i = 0, step; i < len; i += step) {
		step = utf8_step(text + i, len - i);
		if (step > 0 && !is_unsafe(decode(text + i, step))) {
			memcpy(clean + out, text + i, step);
			out += step;
		} else {
			clean[out++] = strchr("\t\r\n", text[i]) ? ' ' : '?';
			step = step ? step : 1;
		}
	}
	clean[out] = '\0';
	return clean;
}

static int character_width(const char *text, size_t len)
{
	int width = wcwidth((wchar_t)decode(text, len));

	return width < 0 ? 1 : width;
}

int ctl_width(const char *text)
{
	size_t len = strlen(text);
	int width = 0;

	for (size_t i = 0, step; i < len; i += step) {
		step = utf8_step(text + i, len - i);
		width += step ? character_width(text + i, step) : 1;
		step = step ? step : 1;
	}
	return width;
}

/* Bytes of text that take at most width columns. */
static size_t fitting(const char *text, int width)
{
	size_t len = strlen(text), i = 0;

	while (i < len) {
		size_t step = utf8_step(text + i, len - i);
		width -= step ? character_width(text + i, step) : 1;
		if (width < 0)
			break;
		i += step ? step : 1;
	}
	return i;
}

void ctl_line(const char *prefix, const char *text)
{
	char *clean = ctl_clean(text);

	printf("%s%s\n", prefix, clean);
	free(clean);
}

/* ---- the screen ----------------------------------------------------------------------------- */

const char *ctl_color_on(enum ctl_color color, bool wanted)
{
	if (!wanted)
		return "";
	switch (color) {
	case CTL_PLAIN: return "";
	case CTL_GREEN: return "\033[32m";
	case CTL_YELLOW: return "\033[33m";
	case CTL_RED: return "\033[31m";
	}
	return "";
}

const char *ctl_color_off(enum ctl_color color, bool wanted)
{
	return wanted && color != CTL_PLAIN ? "\033[0m" : "";
}

static int screen(const char *variable, bool rows)
{
	const char *text = getenv(variable);
	struct winsize size;
	int64_t value;

	if (text && config_parse_int(text, 1, 1000, &value) == 0)
		return (int)value;
	if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0)
		return 0;
	return rows ? size.ws_row : size.ws_col;
}

int ctl_screen_width(void)
{
	return screen("COLUMNS", false);
}

int ctl_screen_height(void)
{
	return screen("LINES", true);
}

/* ---- tables --------------------------------------------------------------------------------- */

struct ctl_table *ctl_table_new(const struct ctl_column *columns, size_t count)
{
	struct ctl_table *table = need(calloc(1, sizeof *table));

	table->columns = columns;
	table->column_count = count;
	return table;
}

void ctl_table_free(struct ctl_table *table)
{
	if (!table)
		return;
	for (size_t i = 0; i < table->count; i++) {
		for (size_t k = 0; k < table->column_count; k++)
			free(table->rows[i].cells[k]);
		free(table->rows[i].cells);
		free(table->rows[i].below);
	}
	free(table->rows);
	free(table);
}

void ctl_table_add(
	struct ctl_table *table, const char *const *cells, enum ctl_color color, const char *below)
{
	if (table->count == table->room) {
		table->room = table->room ? 2 * table->room : 32;
		table->rows = need(realloc(table->rows, table->room * sizeof *table->rows));
	}
	struct row *row = &table->rows[table->count++];
	row->cells = need(calloc(table->column_count, sizeof *row->cells));
	row->color = color;
	row->below = below ? ctl_clean(below) : NULL;
	for (size_t k = 0; k < table->column_count; k++)
		row->cells[k] = ctl_clean(cells[k] ? cells[k] : "");
}

static void natural_widths(const struct ctl_table *table, bool head, int *widths)
{
	for (size_t k = 0; k < table->column_count; k++) {
		const struct ctl_column *column = &table->columns[k];
		int width = head ? ctl_width(column->title) : 0;
		width = width > column->min ? width : column->min;
		for (size_t i = 0; i < table->count; i++) {
			int cell = ctl_width(table->rows[i].cells[k]);
			width = cell > width ? cell : width;
		}
		widths[k] = width;
	}
}

static int total_width(const int *widths, size_t count)
{
	int total = 0;

	for (size_t k = 0; k < count; k++)
		total += widths[k] > 0 ? widths[k] + GAP : 0;
	return total > 0 ? total - GAP : 0;
}

static bool may_cut(const struct ctl_column *column)
{
	return column->rank > 0 && !column->right && !column->whole;
}

static int drop_rank(const struct ctl_column *column)
{
	return column->rank && column->drop ? column->drop : column->rank;
}

/* Cuts the texts by `over` columns in all, the highest rank first. */
static void cut(const struct ctl_table *table, int *widths, int over)
{
	for (int rank = RANK_MAX; rank > 0 && over > 0; rank--) {
		for (size_t k = 0; k < table->column_count; k++) {
			const struct ctl_column *column = &table->columns[k];
			int least = column->least ? column->least : CUT_TO;
			int spare = widths[k] - least;
			if (column->rank != rank || !may_cut(column) || spare <= 0)
				continue;
			spare = spare < over ? spare : over;
			widths[k] -= spare;
			over -= spare;
		}
	}
}

static void drop_one(const struct ctl_table *table, int *widths)
{
	size_t best = table->column_count;

	for (size_t k = 0; k < table->column_count; k++)
		if (widths[k] > 0 && drop_rank(&table->columns[k]) > 0 &&
			(best == table->column_count ||
				drop_rank(&table->columns[k]) > drop_rank(&table->columns[best])))
			best = k;
	if (best < table->column_count)
		widths[best] = 0;
}

/* Gives what dropped columns left to those that were cut, the lowest rank first. */
static void widen(const struct ctl_table *table, int *widths, const int *natural, int spare)
{
	for (int rank = 1; rank <= RANK_MAX && spare > 0; rank++) {
		for (size_t k = 0; k < table->column_count; k++) {
			int lost = natural[k] - widths[k];
			if (widths[k] == 0 || table->columns[k].rank != rank || lost <= 0)
				continue;
			lost = lost < spare ? lost : spare;
			widths[k] += lost;
			spare -= lost;
		}
	}
}

/* Texts are cut first, then whole columns go. */
static void fit(const struct ctl_table *table, int *widths, const int *natural, int width)
{
	size_t count = table->column_count;

	cut(table, widths, total_width(widths, count) - width);
	for (size_t i = 0; i < count && total_width(widths, count) > width; i++)
		drop_one(table, widths);
	widen(table, widths, natural, width - total_width(widths, count));
}

static void print_cell(const char *text, int width, bool right, bool last)
{
	int have = ctl_width(text);

	if (have > width) {
		int len = (int)fitting(text, width - 1);
		printf("%.*s…", len, text);
		have = ctl_width("…");
		for (int i = 0; i < len;) { /* a wide character may have left a gap */
			size_t step = utf8_step(text + i, (size_t)(len - i));
			have += step ? character_width(text + i, step) : 1;
			i += step ? (int)step : 1;
		}
		text = "";
	} else if (right) {
		printf("%*s", width - have, "");
		have = width;
	}
	fputs(text, stdout);
	if (!last)
		printf("%*s", width - have + GAP, "");
}

static void print_row(
	const struct ctl_table *table, const int *widths, const struct row *row, bool color)
{
	size_t last = 0;

	for (size_t k = 0; k < table->column_count; k++)
		if (widths[k] > 0 && (!row || *row->cells[k]))
			last = k;
	for (size_t k = 0; k <= last; k++) {
		const struct ctl_column *column = &table->columns[k];
		enum ctl_color shade = row && column->colors ? row->color : CTL_PLAIN;
		if (widths[k] == 0)
			continue;
		fputs(ctl_color_on(shade, color), stdout);
		print_cell(
			row ? row->cells[k] : column->title, widths[k], column->right, k == last);
		fputs(ctl_color_off(shade, color), stdout);
	}
	putchar('\n');
	if (row && row->below)
		printf("    %s\n", row->below);
}

void ctl_table_print(const struct ctl_table *table, int width, bool head, bool color)
{
	int *natural = need(calloc(2 * table->column_count, sizeof *natural));
	int *widths = natural + table->column_count;

	natural_widths(table, head, natural);
	memcpy(widths, natural, table->column_count * sizeof *widths);
	if (width > 0)
		fit(table, widths, natural, width);
	if (head)
		print_row(table, widths, NULL, false);
	for (size_t i = 0; i < table->count; i++)
		print_row(table, widths, &table->rows[i], color);
	free(natural);
}
