/* platform_state.c - what the platform double remembers, and how it was told to misbehave. */
#include "ctl.h"
#include "platform.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { NUMBERS_MAX = 8192, WHYS = 16, FIRST_ID = 810001, SEEN_FIRST = 1024 };

/* Scripted trouble for the next calls of one kind; each count goes down to 0. */
struct script {
	long fail, hang, cut, lie;
	bool cut_keeps;
	unsigned status;
	char *body;
};

/* A number ever listed, or named by a command. Its id is its place. */
struct number {
	char *text;
	bool listed, unknown, refused;
};

struct platform {
	pthread_mutex_t lock;
	char *key, *list_name;
	FILE *log;
	bool account_off;
	unsigned slow_ms;
	struct script scripts[PLATFORM_CALLS];
	struct number numbers[NUMBERS_MAX];
	unsigned number_count;
	cJSON *list;    /* last accepted, or NULL */
	uint64_t *seen; /* hashes of the messages, open addressing; 0 is free */
	size_t seen_room;
	unsigned long messages, lists, tests, doubles, violations, requests, connections, refused;
	char *whys[WHYS];
};

int64_t platform_now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

struct platform *platform_new(const char *key, const char *list_name, const char *log_path)
{
	struct platform *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	pthread_mutex_init(&p->lock, NULL);
	p->key = strdup(key);
	p->list_name = strdup(list_name);
	p->seen_room = SEEN_FIRST;
	p->seen = calloc(p->seen_room, sizeof(*p->seen));
	p->log = log_path ? fopen(log_path, "ae") : NULL;
	if (p->key && p->list_name && p->seen && (p->log || !log_path))
		return p;
	platform_free(p);
	return NULL;
}

void platform_free(struct platform *p)
{
	if (!p)
		return;
	for (unsigned i = 0; i < p->number_count; i++)
		free(p->numbers[i].text);
	for (int i = 0; i < WHYS; i++)
		free(p->whys[i]);
	for (int i = 0; i < PLATFORM_CALLS; i++)
		free(p->scripts[i].body);
	cJSON_Delete(p->list);
	if (p->log)
		fclose(p->log);
	free(p->seen);
	free(p->key);
	free(p->list_name);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

void platform_connected(struct platform *p)
{
	pthread_mutex_lock(&p->lock);
	p->connections++;
	pthread_mutex_unlock(&p->lock);
}

/* The entry of a number, made if need be; NULL when there are too many. */
static struct number *number_of(struct platform *p, const char *text)
{
	for (unsigned i = 0; i < p->number_count; i++)
		if (strcmp(p->numbers[i].text, text) == 0)
			return &p->numbers[i];
	if (p->number_count == NUMBERS_MAX)
		return NULL;
	struct number *n = &p->numbers[p->number_count];
	*n = (struct number) { .text = strdup(text) };
	p->number_count += n->text != NULL;
	return n->text ? n : NULL;
}

/* Takes the line. */
static void log_line(struct platform *p, int64_t now_us, const char *kind, cJSON *line)
{
	char *text;
	cJSON *whole = cJSON_CreateObject();

	cJSON_AddNumberToObject(whole, "t", (double)now_us);
	cJSON_AddStringToObject(whole, "kind", kind);
	for (cJSON *item; line && (item = line->child) != NULL;) {
		cJSON_DetachItemViaPointer(line, item);
		char *name = strdup(item->string);
		cJSON_AddItemToObject(whole, name ? name : "", item);
		free(name);
	}
	cJSON_Delete(line);
	text = cJSON_PrintUnformatted(whole);
	if (p->log && text) {
		fprintf(p->log, "%s\n", text);
		fflush(p->log);
	}
	cJSON_free(text);
	cJSON_Delete(whole);
}

static void log_why(struct platform *p, int64_t now_us, const char *kind, const char *why)
{
	cJSON *line = cJSON_CreateObject();

	cJSON_AddStringToObject(line, "why", why);
	log_line(p, now_us, kind, line);
}

static void answer_code(struct platform_answer *answer, unsigned status, const char *code)
{
	char body[128];

	snprintf(body, sizeof(body), "{\"response\":\"%s\"}", code);
	answer->status = status;
	answer->body = strdup(body);
}

static void answer_fault(struct platform *p, int64_t now_us, const struct platform_fault *fault,
	struct platform_answer *answer)
{
	char **why = &p->whys[p->violations++ % WHYS];

	free(*why);
	*why = strdup(fault->why);
	log_why(p, now_us, "violation", fault->why);
	answer_code(answer, fault->status, fault->code);
}

/* FNV-1a over the fields that make a message the same. */
static uint64_t hash_of(const cJSON *message)
{
	static const char *const names[] = { "number", "from", "message", "date" };
	uint64_t h = 0xcbf29ce484222325u;

	for (int i = 0; i < 4; i++) {
		const char *s =
			cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(message, names[i]));
		for (s = s ? s : ""; *s; s++)
			h = (h ^ (uint8_t)*s) * 0x100000001b3u;
		h = (h ^ 0xff) * 0x100000001b3u;
	}
	return h ? h : 1;
}

/* True when it was there before. */
static bool seen_put(uint64_t *seen, size_t room, uint64_t hash)
{
	size_t at = hash & (room - 1);

	while (seen[at] != 0 && seen[at] != hash)
		at = (at + 1) & (room - 1);
	if (seen[at] == hash)
		return true;
	seen[at] = hash;
	return false;
}

static void seen_grow(struct platform *p)
{
	size_t room = 2 * p->seen_room;
	uint64_t *seen = calloc(room, sizeof(*seen));

	if (!seen)
		abort();
	for (size_t i = 0; i < p->seen_room; i++)
		if (p->seen[i])
			seen_put(seen, room, p->seen[i]);
	free(p->seen);
	p->seen = seen;
	p->seen_room = room;
}

static const struct number *message_number(struct platform *p, const cJSON *root)
{
	const cJSON *value = cJSON_GetObjectItemCaseSensitive(root, "number");
	const char *text = cJSON_GetStringValue(value);
	long id;

	if (!text) /* 2019: the id alone */
		text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(root, "id"));
	if (text && *text == '+')
		return number_of(p, text);
	if (ctl_number(text, FIRST_ID, FIRST_ID + (long)p->number_count - 1, &id))
		return &p->numbers[id - FIRST_ID];
	return NULL;
}

static void accept_message(
	struct platform *p, int64_t now_us, const cJSON *root, struct platform_answer *answer)
{
	const struct number *n = message_number(p, root);
	cJSON *line;

	if (!n || !n->listed || n->unknown) {
		p->refused++;
		log_why(p, now_us, "refused", "NO_NUMBER");
		answer_code(answer, 400, "NO_NUMBER");
		return;
	}
	answer->status = 200;
	answer->body = strdup("{\"response\":1}");
	if (cJSON_HasObjectItem(root, "test")) {
		p->tests++;
		log_line(p, now_us, "test", cJSON_Duplicate(root, true));
		return;
	}
	if (2 * ++p->messages > p->seen_room)
		seen_grow(p);
	p->doubles += seen_put(p->seen, p->seen_room, hash_of(root));
	line = cJSON_CreateObject();
	cJSON_AddStringToObject(line, "number", n->text);
	for (int i = 0; i < 3; i++) {
		static const char *const names[] = { "from", "message", "date" };
		const cJSON *v = cJSON_GetObjectItemCaseSensitive(root, names[i]);
		cJSON_AddStringToObject(line, i == 1 ? "text" : names[i], v->valuestring);
	}
	log_line(p, now_us, "message", line);
}

/* The first entry that was declared bad, or NULL. */
static const char *refused_number(struct platform *p, const cJSON *items)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, items)
	{
		const cJSON *v = cJSON_GetObjectItemCaseSensitive(item, "number");
		const struct number *n = number_of(p, v->valuestring);
		if (!n || n->refused)
			return v->valuestring;
	}
	return NULL;
}

static cJSON *replace_list(struct platform *p, const cJSON *items)
{
	bool was[NUMBERS_MAX];
	cJSON *ids = cJSON_CreateObject();
	const cJSON *item;

	for (unsigned i = 0; i < p->number_count; i++) {
		was[i] = p->numbers[i].listed;
		p->numbers[i].listed = false;
	}
	cJSON_ArrayForEach(item, items)
	{
		const cJSON *v = cJSON_GetObjectItemCaseSensitive(item, "number");
		struct number *n = number_of(p, v->valuestring);
		n->listed = true;
		cJSON_AddNumberToObject(ids, n->text, FIRST_ID + (double)(n - p->numbers));
	}
	for (unsigned i = 0; i < p->number_count; i++)
		if (was[i] && !p->numbers[i].listed)
			cJSON_AddNullToObject(ids, p->numbers[i].text);
	cJSON_Delete(p->list);
	p->list = cJSON_Duplicate(items, true);
	return ids;
}

static void accept_list(
	struct platform *p, int64_t now_us, const cJSON *root, struct platform_answer *answer)
{
	const cJSON *items = cJSON_GetObjectItemCaseSensitive(root, p->list_name);
	bool test = cJSON_HasObjectItem(root, "test");
	const char *bad = refused_number(p, items);
	cJSON *line = cJSON_CreateObject(), *whole;
	char *text;

	cJSON_AddItemToObject(line, "numbers", cJSON_Duplicate(items, true));
	if (bad) {
		p->refused++;
		cJSON_AddStringToObject(line, "why", bad);
		log_line(p, now_us, test ? "test-refused" : "list-refused", line);
		answer_code(answer, 400, "NUMBER_FORMAT_ERROR");
		return;
	}
	whole = cJSON_CreateObject();
	cJSON_AddNumberToObject(whole, "response", 1);
	log_line(p, now_us, test ? "test" : "list", line);
	if (test) {
		p->tests++;
	} else {
		p->lists++;
		cJSON_AddItemToObject(whole, "ids", replace_list(p, items));
	}
	text = cJSON_PrintUnformatted(whole);
	cJSON_Delete(whole);
	answer->status = 200;
	answer->body = text;
}

/* Test2: the answer prints the payload back. */
static void echo_test(const cJSON *root, struct platform_answer *answer)
{
	const char *test = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(root, "test"));
	cJSON *whole;

	if (!test || strcmp(test, "test2") != 0 || answer->status != 200)
		return;
	whole = cJSON_CreateObject();
	cJSON_AddNumberToObject(whole, "response", 1);
	cJSON_AddItemToObject(whole, "request", cJSON_Duplicate(root, true));
	free(answer->body);
	answer->body = cJSON_PrintUnformatted(whole);
	cJSON_Delete(whole);
}

/* True when the script has spoken and the call is not to be taken. */
static bool play_script(
	struct platform *p, struct script *s, int64_t now_us, struct platform_answer *answer)
{
	if (s->hang > 0) {
		s->hang--;
		answer->how = PLATFORM_HANG;
		log_why(p, now_us, "refused", "hang");
		return true;
	}
	if (s->cut > 0) {
		s->cut--;
		answer->how = PLATFORM_CUT;
		if (s->cut_keeps)
			return false;
		log_why(p, now_us, "refused", "cut");
		return true;
	}
	if (s->fail > 0) {
		s->fail--;
		answer->status = s->status;
		answer->body = strdup(s->body);
		log_why(p, now_us, "refused", "fail");
		return true;
	}
	if (s->lie > 0) {
		s->lie--;
		answer_code(answer, 200, "ERROR");
		log_why(p, now_us, "refused", "lie");
		return true;
	}
	return false;
}

static void serve(struct platform *p, int64_t now_us, const struct platform_request *request,
	struct platform_answer *answer)
{
	struct platform_fault fault = { 0 };
	enum platform_call call;
	cJSON *root;

	if (p->account_off) {
		log_why(p, now_us, "refused", "account");
		answer_code(answer, 401, "ERROR_WRONG_KEY");
		return;
	}
	if (!check_request(request, p->key, &call, &fault)) {
		answer_fault(p, now_us, &fault, answer);
		return;
	}
	root = check_parse(request->body, request->len, &fault);
	if (!root || !check_body(call, p->list_name, root, &fault))
		answer_fault(p, now_us, &fault, answer);
	else if (play_script(p, &p->scripts[call], now_us, answer))
		p->refused++;
	else if (call == PLATFORM_LIST)
		accept_list(p, now_us, root, answer);
	else
		accept_message(p, now_us, root, answer);
	echo_test(root, answer);
	cJSON_Delete(root);
}

void platform_serve(
	struct platform *p, const struct platform_request *request, struct platform_answer *answer)
{
	int64_t now_us = platform_now_us();

	*answer = (struct platform_answer) { .how = PLATFORM_ANSWER };
	pthread_mutex_lock(&p->lock);
	p->requests++;
	answer->delay_ms = p->slow_ms;
	serve(p, now_us, request, answer);
	pthread_mutex_unlock(&p->lock);
}

/* fail [list] N STATUS BODY | fail list-number NUMBER|clear | hang|cut|lie [list] N [keep] */
static const char *command_script(struct platform *p, const char *what, char *args)
{
	char *word = ctl_word(&args);
	struct script *s = &p->scripts[PLATFORM_MESSAGE];
	long n, status;

	if (word && strcmp(word, "list-number") == 0) {
		char *text = ctl_word(&args);
		struct number *number = text && *text == '+' ? number_of(p, text) : NULL;
		for (unsigned i = 0; text && !number && i < p->number_count; i++)
			p->numbers[i].refused = false;
		if (number)
			number->refused = true;
		return text ? NULL : "fail list-number NUMBER|clear";
	}
	if (word && strcmp(word, "list") == 0) {
		s = &p->scripts[PLATFORM_LIST];
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
			return "fail [list] N STATUS BODY";
		s->fail = n;
		s->status = n > 0 ? (unsigned)status : 500;
		free(s->body);
		s->body = strdup(args);
	}
	return NULL;
}

static const char *command_switch(struct platform *p, const char *what, char *args)
{
	char *word = ctl_word(&args);
	struct number *n = NULL;
	bool number = strcmp(what, "unknown") == 0, on;

	if (number) {
		n = word && *word == '+' ? number_of(p, word) : NULL;
		word = ctl_word(&args);
	}
	if ((number && !n) || !word || (strcmp(word, "on") != 0 && strcmp(word, "off") != 0))
		return number ? "unknown NUMBER on|off" : "account on|off";
	on = word[1] == 'n';
	if (number)
		n->unknown = on;
	else
		p->account_off = !on;
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
	p->account_off = false;
	p->slow_ms = 0;
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
		fprintf(reply, "\"refused\":%lu}", p->refused);
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
	else if (strcmp(word, "account") == 0 || strcmp(word, "unknown") == 0)
		error = command_switch(p, word, args);
	else if (strcmp(word, "slow") == 0 && !ctl_number(ctl_word(&args), 0, 600000, &ms))
		error = "slow MS";
	else if (strcmp(word, "slow") == 0)
		p->slow_ms = (unsigned)ms;
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
