/* config_diff.c - what is not the same in two configurations, by section: for whoever reloads. */
#include "base/config_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fnv.h"

/* "[bank north]" */
static char *title(const struct config_section *section)
{
	char *text;

	if (asprintf(&text, "[%s%s%s]", section->kind, *section->name ? " " : "", section->name) <
		0)
		return NULL;
	return text;
}

void config_take_marks(struct config_loader *load)
{
	struct config *config = load->config;

	config->marks = calloc(load->text.count + 1, sizeof(*config->marks));
	if (!config->marks) {
		config_no_memory(load);
		return;
	}
	for (size_t i = 0; i < load->text.count; i++) {
		const struct config_section *section = &load->text.sections[i];
		struct config_mark *mark = &config->marks[i];

		mark->title = title(section);
		mark->hash = FNV_START;
		if (!mark->title) {
			config_no_memory(load);
			return;
		}
		config->mark_count++;
		/* In any order. */
		for (size_t k = 0; k < section->count; k++)
			mark->hash += fnv_text(fnv_text(FNV_START, section->entries[k].key),
				section->entries[k].value);
	}
}

void config_free_marks(struct config *config)
{
	for (size_t i = 0; i < config->mark_count; i++)
		free(config->marks[i].title);
	free(config->marks);
}

static const struct config_mark *find(const struct config *config, const char *title)
{
	for (size_t i = 0; i < config->mark_count; i++)
		if (strcmp(config->marks[i].title, title) == 0)
			return &config->marks[i];
	return NULL;
}

void config_diff(
	const struct config *old, const struct config *fresh, config_say_fn *say, void *arg)
{
	char line[160];

	for (size_t i = 0; i < fresh->mark_count; i++) {
		const struct config_mark *mark = &fresh->marks[i], *was = find(old, mark->title);
		if (was && was->hash == mark->hash)
			continue;
		snprintf(line, sizeof(line), "%s: %s", mark->title, was ? "changed" : "new");
		say(arg, line);
	}
	for (size_t i = 0; i < old->mark_count; i++) {
		if (find(fresh, old->marks[i].title))
			continue;
		snprintf(line, sizeof(line), "%s: gone", old->marks[i].title);
		say(arg, line);
	}
	if (old->numbers_hash != fresh->numbers_hash)
		say(arg, "the numbers file: changed");
	if (old->secrets_hash != fresh->secrets_hash)
		say(arg, "secrets: changed");
}
