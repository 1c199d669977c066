/* platform_command.c - how the platform double is told to misbehave, and asked what it saw. */
#include "ctl.h"
#include "platform_impl.h"

#include <stdlib.h>
#include <string.h>

static const char *const call_names[PLATFORM_CALLS] = { [PLATFORM_LIST] = "list",
	[PLATFORM_MESSAGE] = "message",
	[PLATFORM_BATCH] = "batch",
	[PLATFORM_TAKEOFF] = "takeoff",
	[PLATFORM_PUSH] = "push",
	[PLATFORM_PUSH_RENT] = "push-rent",
	[PLATFORM_PUSH_HUB] = "push-hub",
	[PLATFORM_HOOK] = "hook" };

/* PLATFORM_CALLS: none of this name. */
static int find_call(const char *name)
{
	int call = 0;

	while (call < PLATFORM_CALLS && (!name || strcmp(call_names[call], name) != 0))
		call++;
	return call;
}

/* fail [CALL] N STATUS BODY | fail list-number NUMBER|clear | hang|cut|lie [CALL] N [keep] */
static const char *command_script(struct platform *p, const char *what, char *args)
{
	char *word = ctl_word(&args);
	struct script *s = &p->scripts[PLATFORM_MESSAGE];
	long n, status;

	if (word && strcmp(word, "list-number") == 0) {
		char *text = ctl_word(&args);
		struct number *number = text && *text == '+' ? platform_number(p, text) : NULL;
		for (unsigned i = 0; text && !number && i < p->number_count; i++)
			p->numbers[i].refused = false;
		if (number)
			number->refused = true;
		return text ? NULL : "fail list-number NUMBER|clear";
	}
	if (find_call(word) != PLATFORM_CALLS) {
		s = &p->scripts[find_call(word)];
		word = ctl_word(&args);
	}
	if (!ctl_number(word, 0, 1000000, &n))
		return "a count is missing";
	if (strcmp(what, "hang") == 0) {
		s->hang = n;
	} else if (strcmp(what, "lie") == 0) {
		s->lie = n;
	} else if (strcmp(what, "cut") == 0) {
		s->cut = n;
		s->cut_keeps = strcmp(args, "keep") == 0;
	} else {
		if (n > 0 && !ctl_number(ctl_word(&args), 200, 599, &status))
			return "fail [CALL] N STATUS BODY";
		s->fail = n;
		s->status = n > 0 ? (unsigned)status : 500;
		free(s->body);
		s->body = strdup(args);
	}
	return NULL;
}

static bool read_switch(const char *word, bool *on)
{
	*on = word && strcmp(word, "on") == 0;
	return *on || (word && strcmp(word, "off") == 0);
}

static const char *command_account(struct platform *p, const char *word)
{
	static const char *const names[] = { [ACCOUNT_ON] = "on",
		[ACCOUNT_OFF] = "off",
		[ACCOUNT_NO_KEY] = "nokey",
		[ACCOUNT_BLOCKED] = "blocked",
		[ACCOUNT_DISABLED] = "disabled",
		[ACCOUNT_IP] = "ip" };

	for (size_t i = 0; word && i < sizeof(names) / sizeof(*names); i++) {
		if (strcmp(names[i], word) != 0)
			continue;
		p->account = (enum platform_account)i;
		return NULL;
	}
	return "account on|off|nokey|blocked|disabled|ip";
}

static const char *command_form(struct platform *p, const char *word)
{
	static const char *const names[] = {
		[FORM_OBJECT] = "object", [FORM_STRING] = "string", [FORM_PLAIN] = "plain"
	};

	for (size_t i = 0; word && i < sizeof(names) / sizeof(*names); i++) {
		if (strcmp(names[i], word) != 0)
			continue;
		p->form = (enum platform_form)i;
		return NULL;
	}
	return "form object|string|plain";
}

/* unknown NUMBER on|off: it is not known though listed; unknown CALL on|off: there is no such. */
static const char *command_unknown(struct platform *p, char *args)
{
	char *word = ctl_word(&args);
	int call = find_call(word);
	struct number *n = word && *word == '+' ? platform_number(p, word) : NULL;
	bool on;

	if ((!n && call == PLATFORM_CALLS) || !read_switch(ctl_word(&args), &on))
		return "unknown NUMBER|CALL on|off";
	if (n)
		n->unknown = on;
	else if (on)
		p->unknown_calls |= 1u << call;
	else
		p->unknown_calls &= ~(1u << call);
	return NULL;
}

/* remember on|off: a number stays known when it is no longer listed. */
static const char *command_remember(struct platform *p, char *args)
{
	return read_switch(ctl_word(&args), &p->remembers) ? NULL : "remember on|off";
}

static const char *command_profit(struct platform *p, char *args)
{
	char *word = ctl_word(&args), *sum = ctl_word(&args), *end = NULL;
	struct number *n = word && *word == '+' ? platform_number(p, word) : NULL;
	double profit = sum ? strtod(sum, &end) : -1;

	if (!n || profit < 0 || *end)
		return "profit NUMBER SUM";
	n->profit = profit;
	return NULL;
}

/* block MS: from now. capacity N MS: by a list of more than N numbers; 0: any number. */
static const char *command_block(struct platform *p, const char *what, char *args)
{
	long n = 0, ms;

	if (strcmp(what, "capacity") == 0 && !ctl_number(ctl_word(&args), 0, 1000000, &n))
		return "capacity N MS";
	if (!ctl_number(ctl_word(&args), 0, 86400000, &ms))
		return "block MS";
	p->block_ms = ms;
	if (strcmp(what, "capacity") == 0)
		p->capacity = (int)n;
	else
		p->blocked_until_us = platform_now_us() + 1000 * (int64_t)ms;
	return NULL;
}

static void command_clear(struct platform *p)
{
	for (int i = 0; i < PLATFORM_CALLS; i++) {
		free(p->scripts[i].body);
		p->scripts[i] = (struct script) { 0 };
	}
	for (unsigned i = 0; i < p->number_count; i++)
		p->numbers[i].unknown = p->numbers[i].refused = false;
	p->account = ACCOUNT_ON;
	p->form = FORM_OBJECT;
	p->unknown_calls = p->slow_ms = p->retry_after_s = 0;
	p->capacity = 0;
	p->blocked_until_us = 0;
}

static void print_violations(const struct platform *p, FILE *reply)
{
	cJSON *whys = cJSON_CreateArray();
	char *text;

	for (int i = 0; i < WHYS && p->whys[i]; i++)
		cJSON_AddItemToArray(whys, cJSON_CreateString(p->whys[i]));
	text = cJSON_PrintUnformatted(whys);
	fprintf(reply, "ok %lu %s", p->violations, text ? text : "");
	cJSON_free(text);
	cJSON_Delete(whys);
}

static bool command_report(const struct platform *p, const char *what, FILE *reply)
{
	if (strcmp(what, "messages") == 0) {
		fprintf(reply, "ok %lu", p->messages);
	} else if (strcmp(what, "pushes") == 0) {
		fprintf(reply, "ok %lu", p->pushes);
	} else if (strcmp(what, "doubles") == 0) {
		fprintf(reply, "ok %lu", p->doubles);
	} else if (strcmp(what, "violations") == 0) {
		print_violations(p, reply);
	} else if (strcmp(what, "list") == 0) {
		char *text = p->list ? cJSON_PrintUnformatted(p->list) : NULL;
		fprintf(reply, "ok %s", text ? text : "null");
		cJSON_free(text);
	} else if (strcmp(what, "stats") == 0) {
		fprintf(reply, "ok {\"requests\":%lu,\"connections\":%lu,\"messages\":%lu,",
			p->requests, p->connections, p->messages);
		fprintf(reply, "\"lists\":%lu,\"tests\":%lu,\"doubles\":%lu,\"violations\":%lu,",
			p->lists, p->tests, p->doubles, p->violations);
		fprintf(reply, "\"refused\":%lu,\"batches\":%lu,\"hooks\":%lu,", p->refused,
			p->batches, p->hooks);
		fprintf(reply, "\"hook_repeats\":%lu}", p->hook_repeats);
	} else {
		return false;
	}
	return true;
}

static bool command(struct platform *p, const char *word, char *args, FILE *reply)
{
	const char *error = NULL;
	long ms;

	if (strcmp(word, "fail") == 0 || strcmp(word, "hang") == 0 || strcmp(word, "cut") == 0 ||
		strcmp(word, "lie") == 0)
		error = command_script(p, word, args);
	else if (strcmp(word, "account") == 0)
		error = command_account(p, ctl_word(&args));
	else if (strcmp(word, "form") == 0)
		error = command_form(p, ctl_word(&args));
	else if (strcmp(word, "remember") == 0)
		error = command_remember(p, args);
	else if (strcmp(word, "unknown") == 0)
		error = command_unknown(p, args);
	else if (strcmp(word, "profit") == 0)
		error = command_profit(p, args);
	else if (strcmp(word, "block") == 0 || strcmp(word, "capacity") == 0)
		error = command_block(p, word, args);
	else if (strcmp(word, "retry-after") == 0 && !ctl_number(ctl_word(&args), 0, 1000000, &ms))
		error = "retry-after SECONDS";
	else if (strcmp(word, "retry-after") == 0)
		p->retry_after_s = (unsigned)ms;
	else if (strcmp(word, "slow") == 0 && !ctl_number(ctl_word(&args), 0, 600000, &ms))
		error = "slow MS";
	else if (strcmp(word, "slow") == 0)
		p->slow_ms = (unsigned)ms;
	else if (strcmp(word, "phone") == 0)
		p->phone_string = strcmp(args, "string") == 0;
	else if (strcmp(word, "clear") == 0)
		command_clear(p);
	else
		return command_report(p, word, reply);
	if (error)
		fprintf(reply, "error %s", error);
	else
		fputs("ok", reply);
	return true;
}

bool platform_command(struct platform *p, const char *word, char *args, FILE *reply)
{
	bool known;

	pthread_mutex_lock(&p->lock);
	known = command(p, word, args, reply);
	pthread_mutex_unlock(&p->lock);
	return known;
}
