/* onlinesim_answer.c - what the answers of OnlineSim's reseller API v2 mean. */
#include <stdio.h>
#include <string.h>

#include "platform/json_text.h"
#include "platform/onlinesim_impl.h"

enum {
	CODE_SIZE = 48,
	CODE_DIGITS_MAX = 4,            /* more may be a phone number, a code or a key */
	MESSAGE_ANSWER_MAX = 64 * 1024, /* longer is no answer to addMessage */
	ECHO_DEPTH_MAX = 4,             /* how deep in an answer the list is looked for */
};

#define REQUEST_NOT_FOUND "REQUEST_NOT_FOUND"
#define ACCOUNT_BLOCKED   "ACCOUNT_BLOCKED"

/* What a body says. code is "" where it is none that may be shown: free text may hold anything. */
struct verdict {
	bool taken; /* `response` is 1 */
	char code[CODE_SIZE];
	cJSON *root; /* of an answer that is an object; NULL otherwise */
};

static bool is_letter(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool code_shaped(const char *text, size_t len)
{
	int digits = 0;

	if (len == 0 || len >= CODE_SIZE || !is_letter(text[0]))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!is_letter(text[i]) && !is_digit(text[i]) && text[i] != '_' && text[i] != '-')
			return false;
		digits += is_digit(text[i]);
	}
	return digits <= CODE_DIGITS_MAX;
}

static void take_code(struct verdict *verdict, const char *text, size_t len)
{
	if (!code_shaped(text, len))
		return;
	memcpy(verdict->code, text, len);
	verdict->code[len] = '\0';
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* A body that is no JSON: a code if nothing else is in it (capitals, digits, underscore). */
static void read_plain(struct verdict *verdict, const char *text, size_t len)
{
	while (len > 0 && is_blank(text[len - 1]))
		len--;
	for (; len > 0 && is_blank(*text); len--)
		text++;
	if (!code_shaped(text, len))
		return;
	for (size_t i = 0; i < len; i++)
		if ((text[i] >= 'a' && text[i] <= 'z') || text[i] == '-')
			return;
	take_code(verdict, text, len);
}

static void read_response(struct verdict *verdict, const cJSON *response)
{
	if (cJSON_IsNumber(response)) {
		verdict->taken = response->valuedouble == 1.0;
	} else if (cJSON_IsString(response)) {
		verdict->taken = strcmp(response->valuestring, "1") == 0;
		if (!verdict->taken)
			take_code(verdict, response->valuestring, strlen(response->valuestring));
	}
}

/* Forms seen or documented: {"response":1}, {"response":"CODE"}, "CODE", CODE. cJSON refuses what
 * is nested deeper than CJSON_NESTING_LIMIT. */
static void read_body(const struct answer *answer, size_t max_len, struct verdict *out)
{
	const char *end = NULL;

	*out = (struct verdict) { 0 };
	if (answer->status == 0 || answer->body_cut || answer->len > max_len)
		return;
	cJSON *root = cJSON_ParseWithLengthOpts(answer->body, answer->len, &end, false);
	while (root && end < answer->body + answer->len && is_blank(*end))
		end++;
	if (root && end == answer->body + answer->len) {
		if (cJSON_IsString(root))
			take_code(out, root->valuestring, strlen(root->valuestring));
		else
			read_response(out, cJSON_GetObjectItemCaseSensitive(root, "response"));
		if (cJSON_IsObject(root)) {
			out->root = root;
			return;
		}
	} else {
		read_plain(out, answer->body, answer->len);
	}
	cJSON_Delete(root);
}

static bool is_2xx(int status)
{
	return status >= 200 && status <= 299;
}

static void give_reason(const struct answer *answer, const struct verdict *verdict,
	enum outcome outcome, char *reason, size_t size)
{
	if (outcome == OUTCOME_DELIVERED)
		snprintf(reason, size, "%s", "");
	else if (verdict->code[0])
		snprintf(reason, size, "%s", verdict->code);
	else if (answer->status == 0)
		snprintf(reason, size, "%s", answer->error ? answer->error : "no-answer");
	else if (is_2xx(answer->status))
		snprintf(reason, size, "%s", answer->body_cut ? "too-long" : "not-understood");
	else
		snprintf(reason, size, "http-%d", answer->status);
	platform_clean_reason(reason);
}

struct code_meaning {
	const char *code;
	enum outcome outcome;
	const char *advice;
};

/* Codes of any method (section "common errors" of the API's description). */
static const struct code_meaning common_codes[] = {
	{ "ERROR_NO_KEY", OUTCOME_ACCOUNT, "set `key`" },
	{ "ERROR_WRONG_KEY", OUTCOME_ACCOUNT, "check `key` against the platform's profile page" },
	{ ACCOUNT_BLOCKED, OUTCOME_ACCOUNT,
		"for more numbers than can receive at once it is blocked for 30 minutes; if it "
		"stays so, ask the platform's support" },
	{ "API_ACCESS_DISABLED", OUTCOME_ACCOUNT, "switch the API on in the platform's profile" },
	{ "API_ACCESS_IP", OUTCOME_ACCOUNT, "allow this host's address in the platform's profile" },
	{ REQUEST_NOT_FOUND, OUTCOME_ACCOUNT, "check `url`: the platform knows no such method" },
	{ 0 },
};

static const struct code_meaning message_codes[] = {
	{ "NO_NUMBER", OUTCOME_NUMBER, NULL },
	{ "ERROR_PARAMS", OUTCOME_REJECTED, NULL },
	{ "NUMBER_FORMAT_ERROR", OUTCOME_REJECTED, NULL },
	{ 0 },
};

static const struct code_meaning takeoff_codes[] = {
	{ "ERROR_PARAMS", OUTCOME_REJECTED, NULL },
	{ 0 },
};

static const struct code_meaning list_codes[] = {
	{ "NUMBER_FORMAT_ERROR", OUTCOME_REJECTED, NULL },
	{ "ERROR_DATE", OUTCOME_REJECTED, NULL },
	{ 0 },
};

static const struct code_meaning *find_code(const struct code_meaning *codes, const char *code)
{
	for (; codes->code; codes++)
		if (strcmp(codes->code, code) == 0)
			return codes;
	return NULL;
}

static const struct code_meaning *known_code(
	const struct code_meaning *codes, const struct verdict *verdict)
{
	const struct code_meaning *known = find_code(codes, verdict->code);

	return known ? known : find_code(common_codes, verdict->code);
}

static bool account_status(int status)
{
	return status == 401 || status == 403 || status == 405;
}

/* What holds for every call: a code rules, then `response` 1, then the status. False if none of
 * them decides. */
static bool judge(const struct answer *answer, const struct verdict *verdict,
	const struct code_meaning *codes, enum outcome *outcome)
{
	const struct code_meaning *known = known_code(codes, verdict);

	if (known)
		*outcome = known->outcome;
	else if (verdict->taken && is_2xx(answer->status))
		*outcome = OUTCOME_DELIVERED;
	else if (account_status(answer->status))
		*outcome = OUTCOME_ACCOUNT;
	else
		return false;
	return true;
}

enum outcome onlinesim_message_outcome(const struct config_platform *platform,
	const struct answer *answer, char *reason, size_t reason_size)
{
	enum outcome outcome = OUTCOME_RETRY;
	struct verdict verdict;

	(void)platform;
	read_body(answer, MESSAGE_ANSWER_MAX, &verdict);
	if (!judge(answer, &verdict, message_codes, &outcome) && answer->status == 404)
		outcome = OUTCOME_NUMBER;
	give_reason(answer, &verdict, outcome, reason, reason_size);
	cJSON_Delete(verdict.root);
	return outcome;
}

/* What an answer holds of each message is not documented: but for a batch that is taken, and an
 * account that is refused, each is to be sent alone, and then answered alone. */
enum outcome onlinesim_messages_outcome(
	const struct answer *answer, char *reason, size_t reason_size)
{
	enum outcome outcome = OUTCOME_RETRY;
	struct verdict verdict;

	read_body(answer, MESSAGE_ANSWER_MAX, &verdict);
	bool decided = judge(answer, &verdict, message_codes, &outcome);
	bool unknown_call = answer->status == 405 || strcmp(verdict.code, REQUEST_NOT_FOUND) == 0;
	if (outcome == OUTCOME_NUMBER || (outcome == OUTCOME_ACCOUNT && unknown_call))
		outcome = OUTCOME_REJECTED;
	else if (!decided && (answer->status == 400 || answer->status == 404))
		outcome = OUTCOME_REJECTED;
	give_reason(answer, &verdict, outcome, reason, reason_size);
	cJSON_Delete(verdict.root);
	return outcome;
}

/* Whether numbers keep their '+' is not said: they are known by their digits. */
static bool clean_number(const char *text, char out[STORE_NUMBER_SIZE])
{
	const char *digits = text + (text[0] == '+');

	if (strlen(digits) > STORE_NUMBER_SIZE - 2)
		return false;
	snprintf(out, STORE_NUMBER_SIZE, "+%s", digits);
	return config_is_number(out);
}

static bool read_number(const cJSON *value, char out[STORE_NUMBER_SIZE])
{
	char digits[JSON_INT_SIZE];

	if (cJSON_IsString(value))
		return clean_number(value->valuestring, out);
	return json_read_digits(value, digits) && clean_number(digits, out);
}

static void read_ids(
	const cJSON *ids, void (*id)(void *arg, const char *number, const char *id), void *arg)
{
	char number[STORE_NUMBER_SIZE], text[JSON_INT_SIZE];
	const cJSON *value;

	cJSON_ArrayForEach(value, ids)
	{
		if (!value->string)
			return; /* an empty PHP array prints as [] */
		if (!clean_number(value->string, number))
			continue;
		if (cJSON_IsNull(value))
			id(arg, number, NULL);
		else if (json_read_digits(value, text))
			id(arg, number, text);
	}
}

enum outcome onlinesim_list_outcome(const struct answer *answer, char *reason, size_t reason_size,
	void (*id)(void *arg, const char *number, const char *id), void *arg)
{
	enum outcome outcome = OUTCOME_RETRY;
	struct verdict verdict;

	read_body(answer, SIZE_MAX, &verdict);
	if (!judge(answer, &verdict, list_codes, &outcome) && answer->status == 400)
		outcome = OUTCOME_REJECTED;
	give_reason(answer, &verdict, outcome, reason, reason_size);
	if (outcome == OUTCOME_DELIVERED && id)
		read_ids(cJSON_GetObjectItemCaseSensitive(verdict.root, "ids"), id, arg);
	cJSON_Delete(verdict.root);
	return outcome;
}

/* ---- self-test ------------------------------------------------------------------------------ */

/* Nothing is said of the form: an array that is equal, anywhere, is the list. */
static enum list_echo find_list(const cJSON *in, const char *name, const cJSON *list, int depth)
{
	enum list_echo found = ECHO_NONE;
	const cJSON *item;

	if (depth > ECHO_DEPTH_MAX)
		return ECHO_NONE;
	cJSON_ArrayForEach(item, in)
	{
		bool array = cJSON_IsArray(item);
		if (array && cJSON_Compare(item, list, true))
			return ECHO_SAME;
		if (array && item->string && strcmp(item->string, name) == 0)
			found = ECHO_OTHER;
		enum list_echo deeper = find_list(item, name, list, depth + 1);
		if (deeper == ECHO_SAME)
			return ECHO_SAME;
		if (deeper == ECHO_OTHER)
			found = ECHO_OTHER;
	}
	return found;
}

enum list_echo onlinesim_list_echo(
	const struct config_platform *platform, const struct answer *answer, const char *sent)
{
	enum list_echo found = ECHO_NONE;

	if (!is_2xx(answer->status) || answer->body_cut)
		return ECHO_NONE;
	cJSON *said = cJSON_Parse(sent);
	cJSON *root = cJSON_ParseWithLength(answer->body, answer->len);
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(said, platform->list_name);
	if (root && list)
		found = find_list(root, platform->list_name, list, 0);
	cJSON_Delete(root);
	cJSON_Delete(said);
	return found;
}

/* ---- takeOffNumbers ------------------------------------------------------------------------- */

static int read_country(const cJSON *value)
{
	int64_t code;

	return value && json_read_int(value, 1, 999, &code) ? (int)code : 0;
}

static bool read_takeoff(const cJSON *item, struct takeoff_number *out)
{
	const cJSON *number = cJSON_GetObjectItemCaseSensitive(item, "number");
	const cJSON *id = cJSON_GetObjectItemCaseSensitive(item, "id");
	char digits[JSON_INT_SIZE];

	if (!number || !read_number(number, out->number))
		return false;
	snprintf(out->id, sizeof out->id, "%s", id && json_read_digits(id, digits) ? digits : "");
	out->profit = json_read_money(cJSON_GetObjectItemCaseSensitive(item, "sum"));
	out->balance = json_read_money(cJSON_GetObjectItemCaseSensitive(item, "balance"));
	out->country_code = read_country(cJSON_GetObjectItemCaseSensitive(item, "country"));
	return true;
}

/* A 200 without `list` is no answer. Entries without a number are passed over. */
enum outcome onlinesim_takeoff_outcome(const struct answer *answer, char *reason,
	size_t reason_size, takeoff_number_fn *number, void *arg)
{
	enum outcome outcome = OUTCOME_RETRY;
	struct takeoff_number row;
	struct verdict verdict;
	const cJSON *item;

	read_body(answer, SIZE_MAX, &verdict);
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(verdict.root, "list");
	if (!judge(answer, &verdict, takeoff_codes, &outcome) && answer->status == 400)
		outcome = OUTCOME_REJECTED;
	if (outcome == OUTCOME_DELIVERED && !cJSON_IsArray(list))
		outcome = OUTCOME_RETRY;
	give_reason(answer, &verdict, outcome, reason, reason_size);
	if (outcome == OUTCOME_DELIVERED)
		cJSON_ArrayForEach(item, list) if (read_takeoff(item, &row)) number(arg, &row);
	cJSON_Delete(verdict.root);
	return outcome;
}

/* ---- what to do ----------------------------------------------------------------------------- */

/* The document names a block of 30 minutes for listing more numbers than can receive at once, and
 * no answer of its own for it: this is the one that speaks of a block. */
bool onlinesim_is_block(const char *reason)
{
	return strcmp(reason, ACCOUNT_BLOCKED) == 0;
}

const char *onlinesim_advice(const char *reason)
{
	const struct code_meaning *known = find_code(common_codes, reason);

	return known ? known->advice : "check `key`, `url`, the account and this host's address";
}
