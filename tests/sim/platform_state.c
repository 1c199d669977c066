/* platform_state.c - what the platform double remembers, and how it was told to misbehave. */
#include "ctl.h"
#include "platform_impl.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/fnv.h"

enum { SEEN_FIRST = 1024 };

int64_t platform_now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

struct platform *platform_new(
	const char *key, const char *hook_key, const char *list_name, const char *log_path)
{
	struct platform *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	pthread_mutex_init(&p->lock, NULL);
	p->key = strdup(key);
	p->hook_key = strdup(hook_key);
	p->list_name = strdup(list_name);
	p->seen_room = SEEN_FIRST;
	p->seen = calloc(p->seen_room, sizeof(*p->seen));
	p->log = log_path ? fopen(log_path, "ae") : NULL;
	if (p->key && p->hook_key && p->list_name && p->seen && (p->log || !log_path))
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
	cJSON_Delete(p->pushed);
	if (p->log)
		fclose(p->log);
	free(p->seen);
	free(p->key);
	free(p->hook_key);
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

struct number *platform_number(struct platform *p, const char *text)
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
void platform_log(struct platform *p, int64_t now_us, const char *kind, cJSON *line)
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
	platform_log(p, now_us, kind, line);
}

/* Codes come in all three forms that are documented or seen. */
static void answer_code(
	const struct platform *p, struct platform_answer *answer, unsigned status, const char *code)
{
	static const struct {
		const char *before, *after;
	} forms[] = {
		[FORM_OBJECT] = { "{\"response\":\"", "\"}" },
		[FORM_STRING] = { "\"", "\"" },
		[FORM_PLAIN] = { "", "\n" },
	};
	char body[128];

	snprintf(body, sizeof(body), "%s%s%s", forms[p->form].before, code, forms[p->form].after);
	answer->status = status;
	answer->body = strdup(body);
}

void platform_violated(struct platform *p, int64_t now_us, const char *why)
{
	char **place = &p->whys[p->violations++ % WHYS];

	free(*place);
	*place = strdup(why);
	log_why(p, now_us, "violation", why);
}

static void answer_fault(struct platform *p, int64_t now_us, const struct platform_fault *fault,
	struct platform_answer *answer)
{
	platform_violated(p, now_us, fault->why);
	answer_code(p, answer, fault->status, fault->code);
}

/* Over the fields that make a message the same. */
static uint64_t hash_of(const cJSON *message)
{
	static const char *const names[] = { "number", "from", "message", "date" };
	uint64_t h = FNV_START;

	for (int i = 0; i < 4; i++) {
		const char *s =
			cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(message, names[i]));
		h = fnv_text(h, s ? s : "");
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
		return platform_number(p, text);
	if (ctl_number(text, FIRST_ID, FIRST_ID + (long)p->number_count - 1, &id))
		return &p->numbers[id - FIRST_ID];
	return NULL;
}

static bool is_known(struct platform *p, const cJSON *message)
{
	const struct number *n = message_number(p, message);

	return n && (n->listed || (p->remembers && n->was_listed)) && !n->unknown;
}

static void refuse(struct platform *p, int64_t now_us, unsigned status, const char *code,
	struct platform_answer *answer)
{
	p->refused++;
	log_why(p, now_us, "refused", code);
	answer_code(p, answer, status, code);
}

static void keep_message(struct platform *p, int64_t now_us, const cJSON *root)
{
	cJSON *line = cJSON_CreateObject();

	if (2 * ++p->messages > p->seen_room)
		seen_grow(p);
	p->doubles += seen_put(p->seen, p->seen_room, hash_of(root));
	cJSON_AddStringToObject(line, "number", message_number(p, root)->text);
	for (int i = 0; i < 3; i++) {
		static const char *const names[] = { "from", "message", "date" };
		const cJSON *v = cJSON_GetObjectItemCaseSensitive(root, names[i]);
		cJSON_AddStringToObject(line, i == 1 ? "text" : names[i], v->valuestring);
	}
	cJSON_AddBoolToObject(line, "by_id",
		message_number(p, root)->text != NULL &&
			(!cJSON_HasObjectItem(root, "number") ||
				*cJSON_GetObjectItem(root, "number")->valuestring != '+'));
	platform_log(p, now_us, "message", line);
}

static void answer_taken(struct platform_answer *answer)
{
	answer->status = 200;
	answer->body = strdup("{\"response\":1}");
}

static void accept_message(
	struct platform *p, int64_t now_us, const cJSON *root, struct platform_answer *answer)
{
	if (!is_known(p, root)) {
		refuse(p, now_us, 400, "NO_NUMBER", answer);
		return;
	}
	answer_taken(answer);
	if (!cJSON_HasObjectItem(root, "test")) {
		keep_message(p, now_us, root);
		return;
	}
	p->tests++;
	platform_log(p, now_us, "test", cJSON_Duplicate(root, true));
}

/* All of them or none. */
static void accept_batch(
	struct platform *p, int64_t now_us, const cJSON *root, struct platform_answer *answer)
{
	const cJSON *items = cJSON_GetObjectItemCaseSensitive(root, "messages"), *item;
	cJSON *line = cJSON_CreateObject();

	cJSON_AddNumberToObject(line, "count", cJSON_GetArraySize(items));
	platform_log(p, now_us, "batch", line);
	p->batches++;
	cJSON_ArrayForEach(item, items)
	{
		if (is_known(p, item))
			continue;
		refuse(p, now_us, 400, "NO_NUMBER", answer);
		return;
	}
	cJSON_ArrayForEach(item, items) keep_message(p, now_us, item);
	answer_taken(answer);
}

/* ---- takeOffNumbers ------------------------------------------------------------------------- */

static const cJSON *list_item(const struct platform *p, const char *number)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, p->list)
	{
		const cJSON *v = cJSON_GetObjectItemCaseSensitive(item, "number");
		if (strcmp(v->valuestring, number) == 0)
			return item;
	}
	return NULL;
}

static void add_text(cJSON *item, const char *name, double value)
{
	char text[32];

	snprintf(text, sizeof(text), "%.10g", value);
	cJSON_AddStringToObject(item, name, text);
}

/* All fields are strings, as the document of 2019 has them. */
static void accept_takeoff(struct platform *p, int64_t now_us,
	const struct platform_request *request, struct platform_answer *answer)
{
	cJSON *whole = cJSON_CreateObject(), *list, *line = cJSON_CreateObject();
	double sum = atof(request->sum), since = request->date ? atof(request->date) : 0;

	cJSON_AddNumberToObject(whole, "response", 1);
	list = cJSON_AddArrayToObject(whole, "list");
	for (unsigned i = 0; i < p->number_count; i++) {
		const struct number *n = &p->numbers[i];
		const cJSON *from = list_item(p, n->text), *balance, *start;
		if (!from || n->profit < sum)
			continue;
		start = cJSON_GetObjectItemCaseSensitive(from, "date_start");
		if (start && start->valuedouble < since)
			continue;
		cJSON *item = cJSON_CreateObject();
		balance = cJSON_GetObjectItemCaseSensitive(from, "balance");
		cJSON_AddStringToObject(item, "number", n->text);
		add_text(item, "id", FIRST_ID + i);
		add_text(item, "sum", n->profit);
		add_text(item, "country",
			cJSON_GetObjectItemCaseSensitive(from, "country_id")->valuedouble);
		add_text(item, "balance", balance ? balance->valuedouble : 0);
		cJSON_AddItemToArray(list, item);
	}
	cJSON_AddStringToObject(line, "sum", request->sum);
	cJSON_AddNumberToObject(line, "count", cJSON_GetArraySize(list));
	platform_log(p, now_us, "takeoff", line);
	answer->status = 200;
	answer->body = cJSON_PrintUnformatted(whole);
	cJSON_Delete(whole);
}

/* ---- the list ------------------------------------------------------------------------------- */

/* More numbers than can receive at once: none of them is sold, for a while. */
static bool is_blocked(struct platform *p, int64_t now_us, const cJSON *items)
{
	if (p->capacity > 0 && cJSON_GetArraySize(items) > p->capacity &&
		p->blocked_until_us <= now_us) {
		p->blocked_until_us = now_us + 1000 * p->block_ms;
		for (unsigned i = 0; i < p->number_count; i++)
			p->numbers[i].listed = false;
	}
	return p->blocked_until_us > now_us;
}

/* The first entry that was declared bad, or NULL. */
static const char *refused_number(struct platform *p, const cJSON *items)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, items)
	{
		const cJSON *v = cJSON_GetObjectItemCaseSensitive(item, "number");
		const struct number *n = platform_number(p, v->valuestring);
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
		struct number *n = platform_number(p, v->valuestring);
		n->listed = n->was_listed = true;
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
	cJSON *line, *whole;
	char *text;

	if (!test && is_blocked(p, now_us, items)) {
		refuse(p, now_us, 403, "ACCOUNT_BLOCKED", answer);
		return;
	}
	line = cJSON_CreateObject();
	cJSON_AddItemToObject(line, "numbers", cJSON_Duplicate(items, true));
	if (bad) {
		p->refused++;
		cJSON_AddStringToObject(line, "why", bad);
		platform_log(p, now_us, test ? "test-refused" : "list-refused", line);
		answer_code(p, answer, 400, "NUMBER_FORMAT_ERROR");
		return;
	}
	whole = cJSON_CreateObject();
	cJSON_AddNumberToObject(whole, "response", 1);
	platform_log(p, now_us, test ? "test" : "list", line);
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
		answer->retry_after_s = p->retry_after_s;
		log_why(p, now_us, "refused", "fail");
		return true;
	}
	if (s->lie > 0) {
		s->lie--;
		answer_code(p, answer, 200, "ERROR");
		log_why(p, now_us, "refused", "lie");
		return true;
	}
	return false;
}

/* ---- a webhook's receiver ------------------------------------------------------------------- */

static uint64_t hash_text(const char *s)
{
	uint64_t h = fnv_text(FNV_START, s);

	return h ? h : 1;
}

/* The same id twice is one text, answered alike. */
static void accept_hook(
	struct platform *p, int64_t now_us, const cJSON *root, struct platform_answer *answer)
{
	const char *id = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(root, "id"));

	answer->status = 200;
	answer->body = strdup("");
	if (p->hooks + p->hook_repeats >= HOOKS_MAX / 2)
		abort();
	if (seen_put(p->hook_ids, HOOKS_MAX, hash_text(id))) {
		p->hook_repeats++;
		platform_log(p, now_us, "hook-repeat", cJSON_Duplicate(root, true));
		return;
	}
	p->hooks++;
	platform_log(p, now_us, "hook", cJSON_Duplicate(root, true));
}

/* ---- serving -------------------------------------------------------------------------------- */

static void serve_call(struct platform *p, int64_t now_us, const struct platform_request *request,
	enum platform_call call, const cJSON *root, struct platform_answer *answer)
{
	switch (call) {
	case PLATFORM_LIST: accept_list(p, now_us, root, answer); break;
	case PLATFORM_MESSAGE: accept_message(p, now_us, root, answer); break;
	case PLATFORM_BATCH: accept_batch(p, now_us, root, answer); break;
	case PLATFORM_TAKEOFF: accept_takeoff(p, now_us, request, answer); break;
	case PLATFORM_HOOK: accept_hook(p, now_us, root, answer); break;
	case PLATFORM_PUSH:
	case PLATFORM_PUSH_RENT:
	case PLATFORM_PUSH_HUB: platform_take_push(p, now_us, root, answer); break;
	case PLATFORM_CALLS: break;
	}
}

/* What the account's owner would see on the profile page. False: answered. */
static bool account_allows(struct platform *p, int64_t now_us, struct platform_answer *answer)
{
	static const struct {
		unsigned status;
		const char *code;
	} rows[] = {
		[ACCOUNT_OFF] = { 401, "ERROR_WRONG_KEY" },
		[ACCOUNT_NO_KEY] = { 401, "ERROR_NO_KEY" },
		[ACCOUNT_BLOCKED] = { 403, "ACCOUNT_BLOCKED" },
		[ACCOUNT_DISABLED] = { 403, "API_ACCESS_DISABLED" },
		[ACCOUNT_IP] = { 403, "API_ACCESS_IP" },
	};

	if (p->account == ACCOUNT_ON)
		return true;
	log_why(p, now_us, "refused", "account");
	answer_code(p, answer, rows[p->account].status, rows[p->account].code);
	return false;
}

static void serve(struct platform *p, int64_t now_us, const struct platform_request *request,
	struct platform_answer *answer)
{
	struct platform_fault fault = { 0 };
	enum platform_call call = PLATFORM_MESSAGE;
	bool hook = strcmp(request->path, "/hook") == 0;
	cJSON *root = NULL;

	if (!hook && !account_allows(p, now_us, answer))
		return;
	bool good = check_request(request, p->key, &call, &fault);
	if (good && call == PLATFORM_HOOK)
		good = check_signature(request, p->hook_key, &fault);
	if (good && call != PLATFORM_TAKEOFF) {
		root = check_parse(request->body, request->len, &fault);
		good = root && check_body(call, p->list_name, root, &fault);
		if (good && call >= PLATFORM_PUSH && call <= PLATFORM_PUSH_HUB)
			good = check_push(call, p->key, p->phone_string, root, &fault);
	}
	if (!good)
		answer_fault(p, now_us, &fault, answer);
	else if (p->unknown_calls & 1u << call)
		refuse(p, now_us, 405, "REQUEST_NOT_FOUND", answer);
	else if (!play_script(p, &p->scripts[call], now_us, answer))
		serve_call(p, now_us, request, call, root, answer);
	else if (p->refused++, call >= PLATFORM_PUSH && call <= PLATFORM_PUSH_HUB)
		platform_refuse_push(p, now_us, root);
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
