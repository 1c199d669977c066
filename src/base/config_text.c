/* config_text.c - reads INI text into sections of keys; the report of what was wrong. */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <ini.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/config.h"
#include "base/config_impl.h"
#include "base/utf8.h"

static const char blanks[] = " \t";

/* One file being read. */
struct source {
	struct config_text *text;
	const char *file;
	int depth;
	struct config_lines *lines;
	bool in_section; /* a header was seen, good or bad */
	size_t section;  /* index + 1 of where keys go; 0: nowhere, the header was bad */
};

static void read_file(
	struct config_text *text, const char *path, struct config_place from, int depth);

/* Values and names come from the file: what a terminal would obey is not passed on. */
static void clean_line(char *line)
{
	size_t len = strlen(line), i, step;

	for (i = 0; i < len; i += step ? step : 1) {
		step = utf8_step(line + i, len - i);
		if (!step || (unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = '?';
	}
}

static void report_line(struct config_report *report, struct config_place place, const char *kind,
	const char *fmt, va_list ap) __attribute__((format(printf, 4, 0)));

static void report_line(struct config_report *report, struct config_place place, const char *kind,
	const char *fmt, va_list ap)
{
	char what[640];
	char *line;

	if (report->count == CONFIG_REPORT_MAX)
		return;
	vsnprintf(what, sizeof(what), fmt, ap);
	if (asprintf(&line, "%s:%d: %s%s", place.file, place.line, kind, what) < 0)
		return;
	clean_line(line);
	report->lines[report->count++] = line;
}

void config_error(struct config_report *report, struct config_place place, const char *fmt, ...)
{
	va_list ap;

	report->errors++;
	va_start(ap, fmt);
	report_line(report, place, "", fmt, ap);
	va_end(ap);
}

void config_warning(struct config_report *report, struct config_place place, const char *fmt, ...)
{
	va_list ap;

	report->warnings++;
	va_start(ap, fmt);
	report_line(report, place, "warning: ", fmt, ap);
	va_end(ap);
}

void config_report_free(struct config_report *report)
{
	size_t i;

	if (!report)
		return;
	for (i = 0; i < report->count; i++)
		free(report->lines[i]);
	*report = (struct config_report) { 0 };
}

char *config_trim(char *text)
{
	size_t len;

	text += strspn(text, blanks);
	len = strlen(text);
	while (len && strchr(blanks, text[len - 1]))
		len--;
	text[len] = '\0';
	return text;
}

int config_open(const char *path, FILE **out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), err;
	struct stat st;
	FILE *file;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st)) {
		err = -errno;
		close(fd);
		return err;
	}
	if (!S_ISREG(st.st_mode)) {
		close(fd);
		return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	}
	file = fdopen(fd, "r");
	if (!file) {
		close(fd);
		return -ENOMEM;
	}
	*out = file;
	return 0;
}

int config_read_secret(const char *path, char **out)
{
	char line[CONFIG_SECRET_MAX + 3] = "", *secret;
	FILE *file;
	int err = config_open(path, &file);
	const char *s;

	if (err)
		return err;
	if (!fgets(line, sizeof(line), file))
		err = ferror(file) ? -EIO : -ENODATA;
	fclose(file);
	line[strcspn(line, "\r\n")] = '\0';
	secret = config_trim(line);
	if (!err && !*secret)
		err = -ENODATA;
	for (s = secret; *s; s++)
		if (*s < 0x20 || *s > 0x7e || s - secret >= CONFIG_SECRET_MAX)
			err = -EBADMSG;
	secret = err ? NULL : strdup(secret);
	explicit_bzero(line, sizeof(line));
	if (!err && !secret)
		err = -ENOMEM;
	if (!err)
		*out = secret;
	return err;
}

static const char *line_fault(const char *text, size_t len, bool too_long)
{
	size_t i;

	if (too_long)
		return "this line is longer than 8000 bytes";
	if (memchr(text, '\0', len))
		return "this line has a NUL byte";
	if (!utf8_valid(text, len))
		return "this line is not valid UTF-8";
	for (i = 0; i < len; i++)
		if (((unsigned char)text[i] < 0x20 && text[i] != '\t') || text[i] == 0x7f)
			return "this line has a control byte";
	return NULL;
}

enum config_line config_lines_next(struct config_lines *lines, const char **why)
{
	size_t len = 0;
	bool too_long = false;
	int c = getc_unlocked(lines->file);

	if (c == EOF)
		return CONFIG_LINE_END;
	lines->line++;
	for (; c != EOF && c != '\n'; c = getc_unlocked(lines->file)) {
		if (len < CONFIG_LINE_MAX)
			lines->text[len++] = (char)c;
		else
			too_long = true;
	}
	if (len && !too_long && lines->text[len - 1] == '\r')
		len--;
	if (lines->line == 1 && len >= 3 && !memcmp(lines->text, "\xef\xbb\xbf", 3)) {
		len -= 3;
		memmove(lines->text, lines->text + 3, len);
	}
	*why = line_fault(lines->text, len, too_long);
	lines->text[*why ? 0 : len] = '\0';
	return *why ? CONFIG_LINE_BAD : CONFIG_LINE_GOOD;
}

static struct config_place here(const struct source *source)
{
	return (struct config_place) { source->file, source->lines->line };
}

/* Makes room for one more of size bytes each; false: over max or no memory. */
static bool grow(struct config_text *text, void **array, size_t *size, size_t count, size_t each)
{
	size_t wanted = *size ? *size * 2 : 16;
	void *bigger;

	if (count < *size)
		return true;
	bigger = realloc(*array, wanted * each);
	if (!bigger) {
		text->broken = true;
		return false;
	}
	*array = bigger;
	*size = wanted;
	return true;
}

static struct config_section *find_section(
	struct config_text *text, const char *kind, const char *name)
{
	size_t i;

	for (i = 0; i < text->count; i++)
		if (!strcmp(text->sections[i].kind, kind) && !strcmp(text->sections[i].name, name))
			return &text->sections[i];
	return NULL;
}

static void add_section(struct source *source, const char *kind, const char *name)
{
	struct config_text *text = source->text;
	struct config_section *section = find_section(text, kind, name);

	if (section) {
		config_error(text->report, here(source),
			"section [%.30s%s%.80s] is there twice, first at %s:%d", kind,
			*name ? " " : "", name, section->place.file, section->place.line);
		return;
	}
	if (text->count == CONFIG_SECTIONS_MAX) {
		config_error(
			text->report, here(source), "more than %d sections", CONFIG_SECTIONS_MAX);
		return;
	}
	if (!grow(text, (void **)&text->sections, &text->size, text->count, sizeof(*section)))
		return;
	section = &text->sections[text->count];
	*section = (struct config_section) { .place = here(source) };
	section->kind = strdup(kind);
	section->name = strdup(name);
	text->count++;
	source->section = text->count;
	if (!section->kind || !section->name)
		text->broken = true;
}

/* "[bank north] ; comment". inih would cut the name at 50 bytes and take anything behind ']'. */
static void take_header(struct source *source, char *line)
{
	char *end = strchr(line, ']'), *kind, *name, *rest;

	source->in_section = true;
	source->section = 0;
	rest = end ? end + 1 : line;
	rest += strspn(rest, blanks);
	if (!end || (*rest && *rest != ';' && *rest != '#')) {
		config_error(source->text->report, here(source),
			"a section's header is [NAME] or [KIND NAME] alone on its line");
		return;
	}
	*end = '\0';
	kind = config_trim(line + 1);
	name = kind + strcspn(kind, blanks);
	if (*name)
		*name++ = '\0';
	name = config_trim(name);
	if (!*kind)
		config_error(source->text->report, here(source), "a section's header without name");
	else
		add_section(source, kind, name);
}

/* Whether inih will find a key and a value, that is '=' or ':' before a comment. */
static bool has_value(const char *line)
{
	size_t i;

	for (i = 0; line[i]; i++) {
		if (line[i] == '=' || line[i] == ':')
			return true;
		if (line[i] == ';' && i && strchr(blanks, line[i - 1]))
			return false;
	}
	return false;
}

/* False: there is nothing in the line for inih. */
static bool take_line(struct source *source, enum config_line state, const char *why)
{
	struct config_report *report = source->text->report;
	char *line = source->lines->text;
	const char *first = line + strspn(line, blanks);

	if (state == CONFIG_LINE_BAD)
		config_error(report, here(source), "%s", why);
	if (!*first || *first == ';' || *first == '#')
		return false;
	if (first != line)
		config_error(report, here(source),
			"an indented line; a value does not go on over lines, and a key begins in "
			"the first column");
	else if (*line == '[')
		take_header(source, line);
	else if (!has_value(line))
		config_error(report, here(source), "neither [SECTION] nor KEY = VALUE");
	else
		return true;
	return false;
}

/* inih's reader: gives it the lines with a key, and an empty one for every other. */
static char *feed_line(char *out, int size, void *arg)
{
	struct source *source = arg;
	const char *why = NULL;
	enum config_line state = config_lines_next(source->lines, &why);

	if (state == CONFIG_LINE_END || source->text->broken)
		return NULL;
	if (source->lines->line > CONFIG_LINES_MAX) {
		config_error(
			source->text->report, here(source), "more than %d lines", CONFIG_LINES_MAX);
		return NULL;
	}
	snprintf(out, (size_t)size, "%s\n",
		take_line(source, state, why) ? source->lines->text : "");
	return out;
}

/* The pattern, seen from the folder of the file that names it, whose name is no pattern. */
static char *include_pattern(const char *file, const char *pattern)
{
	const char *slash = strrchr(file, '/');
	size_t len = slash && *pattern != '/' ? (size_t)(slash - file) + 1 : 0, i;
	char *full = malloc(2 * len + strlen(pattern) + 1), *out = full;

	if (!full)
		return NULL;
	for (i = 0; i < len; i++) {
		if (strchr("*?[]\\", file[i]))
			*out++ = '\\';
		*out++ = file[i];
	}
	strcpy(out, pattern);
	return full;
}

static void include(struct source *source, const char *value)
{
	struct config_text *text = source->text;
	struct config_place place = here(source);
	glob_t found = { 0 };
	char *pattern;
	size_t i;
	int err;

	if (text->alone)
		return;
	if (source->depth == CONFIG_DEPTH_MAX) {
		config_error(text->report, place, "include is nested more than %d deep",
			CONFIG_DEPTH_MAX);
		return;
	}
	pattern = include_pattern(source->file, value);
	err = pattern ? glob(pattern, 0, NULL, &found) : GLOB_NOSPACE;
	if (err == GLOB_NOSPACE)
		text->broken = true;
	else if (err == GLOB_NOMATCH && !strpbrk(value, "*?["))
		config_error(text->report, place, "there is no file %.200s to include", value);
	else if (err == GLOB_ABORTED)
		config_error(text->report, place, "cannot look for files to include: %s",
			strerror(errno));
	for (i = 0; !err && i < found.gl_pathc; i++)
		read_file(text, found.gl_pathv[i], place, source->depth + 1);
	globfree(&found);
	free(pattern);
}

static void add_entry(struct source *source, const char *key, const char *value)
{
	struct config_section *section = &source->text->sections[source->section - 1];
	struct config_report *report = source->text->report;
	struct config_entry *entry;
	size_t i;

	for (i = 0; i < section->count; i++) {
		entry = &section->entries[i];
		if (strcmp(entry->key, key) != 0)
			continue;
		config_error(report, here(source), "key \"%.80s\" is there twice, first at %s:%d",
			key, entry->place.file, entry->place.line);
		return;
	}
	if (section->count == CONFIG_ENTRIES_MAX) {
		config_error(report, here(source), "more than %d keys in one section",
			CONFIG_ENTRIES_MAX);
		return;
	}
	if (!grow(source->text, (void **)&section->entries, &section->size, section->count,
		    sizeof(*entry)))
		return;
	entry = &section->entries[section->count++];
	*entry = (struct config_entry) { strdup(key), strdup(value), here(source), false };
	if (!entry->key || !entry->value)
		source->text->broken = true;
}

/* inih's handler. The section that inih knows of is always "": feed_line() keeps the headers. */
static int take_entry(void *arg, const char *inih_section, const char *key, const char *value)
{
	struct source *source = arg;
	struct config_report *report = source->text->report;

	(void)inih_section;
	if (!*key)
		config_error(report, here(source), "a value without key");
	else if (!*value)
		config_error(report, here(source), "key \"%.80s\" has no value", key);
	else if (!strcmp(key, "include") && source->in_section)
		config_error(report, here(source), "include stands before the first section only");
	else if (!strcmp(key, "include"))
		include(source, value);
	else if (!source->in_section)
		config_error(report, here(source),
			"key \"%.80s\" stands before the first section; nearest known name there: "
			"include",
			key);
	else if (source->section)
		add_entry(source, key, value);
	return 1;
}

static void read_stream(struct config_text *text, FILE *file, const char *name, int depth)
{
	struct source source = { .text = text, .file = name, .depth = depth };

	source.lines = calloc(1, sizeof(*source.lines));
	if (!source.lines) {
		text->broken = true;
		return;
	}
	source.lines->file = file;
	ini_use_stack = false;
	ini_allow_realloc = false;
	ini_initial_alloc = 8192;
	ini_max_line = 8192;
	ini_allow_multiline = false;
	ini_allow_no_value = false;
	if (ini_parse_stream(feed_line, &source, take_entry, &source) == -2)
		text->broken = true;
	if (ferror(file))
		config_error(
			text->report, here(&source), "cannot be read further: %s", strerror(errno));
	free(source.lines);
}

/* Keeps the name for as long as places point to it. A file that is read a second time, a circle of
 * includes among them, is refused. */
static const char *keep_name(
	struct config_text *text, FILE *file, const char *name, struct config_place from)
{
	struct stat st = { 0 };
	size_t i;

	if (fstat(fileno(file), &st))
		memset(&st, 0, sizeof(st));
	for (i = 0; i < text->file_count; i++) {
		if (text->devices[i] != st.st_dev || text->inodes[i] != st.st_ino)
			continue;
		config_error(text->report, from, "%s is read already; include a file once", name);
		return NULL;
	}
	if (text->file_count == CONFIG_FILES_MAX) {
		config_error(text->report, from, "more than %d files", CONFIG_FILES_MAX);
		return NULL;
	}
	text->files[i] = strdup(name);
	text->devices[i] = st.st_dev;
	text->inodes[i] = st.st_ino;
	if (!text->files[i]) {
		text->broken = true;
		return NULL;
	}
	text->file_count++;
	return text->files[i];
}

static void read_file(
	struct config_text *text, const char *path, struct config_place from, int depth)
{
	FILE *file = NULL;
	int err = config_open(path, &file);
	const char *name;

	if (err) {
		config_error(text->report, from, "cannot open %.300s: %s", path,
			err == -EINVAL ? "not a regular file" : strerror(-err));
		return;
	}
	name = keep_name(text, file, path, from);
	if (name)
		read_stream(text, file, name, depth);
	fclose(file);
}

void config_text_read(struct config_text *text, FILE *file, const char *name)
{
	const char *kept = keep_name(text, file, name, (struct config_place) { name, 0 });

	if (kept)
		read_stream(text, file, kept, 0);
}

/* Values may be secrets. */
void config_text_done(struct config_text *text)
{
	size_t i, j;

	for (i = 0; i < text->count; i++) {
		struct config_section *section = &text->sections[i];

		for (j = 0; j < section->count; j++) {
			free(section->entries[j].key);
			if (section->entries[j].value)
				explicit_bzero(section->entries[j].value,
					strlen(section->entries[j].value));
			free(section->entries[j].value);
		}
		free(section->entries);
		free(section->kind);
		free(section->name);
	}
	free(text->sections);
	for (i = 0; i < text->file_count; i++)
		free(text->files[i]);
}
