/* outbox_text.c - the texts that an outbox has in memory. */
#include "platform/outbox_text.h"

#include <stdlib.h>
#include <string.h>

void texts_init(struct texts *texts)
{
	for (int state = 0; state < TEXT_STATE_COUNT; state++) {
		TAILQ_INIT(&texts->lists[state]);
		texts->counts[state] = 0;
	}
}

static void put(char **at, const char **string)
{
	size_t size = strlen(*string) + 1;

	memcpy(*at, *string, size);
	*string = *at;
	*at += size;
}

struct text *text_new(
	struct texts *texts, struct outbox *outbox, const struct store_delivery *delivery)
{
	struct store_delivery copy = *delivery;
	const char **strings[] = { &copy.message_id, &copy.platform, &copy.card_id, &copy.bank,
		&copy.slot, &copy.number, &copy.remote_id, &copy.sender, &copy.text };
	size_t count = sizeof strings / sizeof *strings, size = 0;

	for (size_t i = 0; i < count; i++)
		size += strlen(*strings[i]) + 1;
	struct text *text = calloc(1, sizeof *text + size);
	if (!text)
		return NULL;
	char *at = text->strings;
	for (size_t i = 0; i < count; i++)
		put(&at, strings[i]);
	text->delivery = copy;
	text->texts = texts;
	text->outbox = outbox;
	return text;
}

void text_enter(struct text *text, enum text_state state)
{
	TAILQ_INSERT_TAIL(&text->texts->lists[state], text, link);
	text->texts->counts[state]++;
	text->state = state;
}

void text_leave(struct text *text)
{
	TAILQ_REMOVE(&text->texts->lists[text->state], text, link);
	text->texts->counts[text->state]--;
}

void text_free(struct text *text)
{
	deliver_cancel(text->call);
	free(text);
}

void texts_free_all(struct texts *texts, enum text_state state)
{
	struct text *text;

	while ((text = TAILQ_FIRST(&texts->lists[state]))) {
		text_leave(text);
		text_free(text);
	}
}

bool texts_hold(const struct texts *texts, const char *message_id)
{
	const struct text *text;

	for (int state = 0; state < TEXT_STATE_COUNT; state++)
		TAILQ_FOREACH(text, &texts->lists[state], link)
	if (strcmp(text->delivery.message_id, message_id) == 0)
		return true;
	return false;
}
