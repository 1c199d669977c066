/* onlinesim_pull.c - texts of operations, said to OnlineSim's reseller API v1 and to SMSHUB. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "platform/json_text.h"
#include "platform/onlinesim_impl.h"

enum {
	ANSWER_MAX = 64 * 1024, /* longer is no answer to a text */
	TEXT_BITS = 20,         /* of a message's id: its place in its operation */
};

/* ---- requests ------------------------------------------------------------------------------- */

/* SMSHUB tells texts apart by their id: the operation's, and which of its texts this is. Below 2^53
 * for 2^33 operations of a million texts each. */
static int64_t sms_id(const struct config_platform *platform, const struct store_delivery *delivery)
{
	if (strcmp(platform->sms_id, "operation") == 0)
		return delivery->activation;
	return (delivery->activation << TEXT_BITS) + delivery->activation_text;
}

static bool add_phone(cJSON *root, const struct config_platform *platform, const char *number)
{
	const char *digits = number + 1;

	return strcmp(platform->phone_type, "string") == 0
		       ? cJSON_AddStringToObject(root, "phone", digits)
		       : cJSON_AddRawToObject(root, "phone", digits);
}

static int pull_message(const struct config_platform *platform,
	const struct store_delivery *delivery, int64_t now_ms, struct call *out)
{
	const char *path = delivery->rent ? platform->push_rent_path : platform->push_path;
	const char *sender = delivery->sender[0] ? delivery->sender : "unknown";

	(void)now_ms;
	if (!config_is_number(delivery->number) || delivery->activation <= 0)
		return -EINVAL;
	cJSON *root = cJSON_CreateObject();
	bool ok = root && cJSON_AddStringToObject(root, "action", "PUSH_SMS") &&
		  cJSON_AddStringToObject(root, "key", platform->key) &&
		  json_add_int(root, "smsId", sms_id(platform, delivery)) &&
		  add_phone(root, platform, delivery->number) &&
		  json_add_text(root, "phoneFrom", sender) &&
		  json_add_text(root, "text", delivery->text) &&
		  (!delivery->rent || cJSON_AddStringToObject(root, "service", "rent"));
	return json_make_call(root, ok, delivery->rent ? "PUSH_SMS_RENT" : "PUSH_SMS", path, out);
}

/* ---- answers -------------------------------------------------------------------------------- */

static bool in_code(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* Whether the code stands in a body by itself: in `status`, `error`, `response`, or bare. */
static bool has_code(const struct answer *answer, const char *code)
{
	size_t len = strlen(code);
	const char *end = answer->body + answer->len, *at = answer->body;

	while ((at = memmem(at, (size_t)(end - at), code, len))) {
		bool begins = at == answer->body || !in_code(at[-1]);
		if (begins && (at + len == end || !in_code(at[len])))
			return true;
		at += len;
	}
	return false;
}

/* How it stands with a text whose answer is none of this, and with codes as `final_errors` names.
 */
static const char *final_code(const struct config_platform *platform, const struct answer *answer)
{
	static const char *const always[] = { "NO_OPERATION", "NO_OP", "BAD_SERVICE" };

	for (size_t i = 0; i < sizeof always / sizeof *always; i++)
		if (has_code(answer, always[i]))
			return always[i];
	for (size_t i = 0; i < platform->final_error_count; i++)
		if (has_code(answer, platform->final_errors[i]))
			return platform->final_errors[i];
	return NULL;
}

/* What the body says in `status`. */
enum said { SAID_NOTHING, SAID_SUCCESS, SAID_OTHER };

static enum said status_of(const struct answer *answer)
{
	cJSON *root = cJSON_ParseWithLength(answer->body, answer->len);
	const cJSON *status = cJSON_GetObjectItemCaseSensitive(root, "status");
	const char *word = cJSON_GetStringValue(status);
	enum said said = SAID_NOTHING;

	if (status)
		said = word && strcasecmp(word, "SUCCESS") == 0 ? SAID_SUCCESS : SAID_OTHER;
	cJSON_Delete(root);
	return said;
}

/* A page for people: something before the platform has answered, or it is being mended. */
static bool is_page(const struct answer *answer)
{
	return answer->body[strspn(answer->body, " \t\r\n\xef\xbb\xbf")] == '<';
}

static bool is_taken(const struct config_platform *platform, const struct answer *answer)
{
	enum said said = status_of(answer);

	if (answer->status != 200 || answer->body_cut)
		return false;
	/* SMSHUB wants the word; for OnlineSim's newer pages 200 is enough. */
	return said == SAID_SUCCESS ||
	       (said == SAID_NOTHING && strcmp(platform->profile, "smshub") != 0 &&
		       !is_page(answer));
}

static bool refuses_account(int status)
{
	return status == 401 || status == 403 || status == 405;
}

static enum outcome pull_message_outcome(const struct config_platform *platform,
	const struct answer *answer, char *reason, size_t reason_size)
{
	bool readable = answer->status > 0 && answer->len <= ANSWER_MAX;
	const char *code = NULL;
	enum outcome outcome = OUTCOME_RETRY;

	if (readable && status_of(answer) != SAID_SUCCESS)
		code = final_code(platform, answer);
	if (code)
		outcome = OUTCOME_REJECTED;
	else if (readable && is_taken(platform, answer))
		outcome = OUTCOME_DELIVERED;
	else if (refuses_account(answer->status))
		outcome = OUTCOME_ACCOUNT;

	if (outcome == OUTCOME_DELIVERED)
		snprintf(reason, reason_size, "%s", "");
	else if (code)
		snprintf(reason, reason_size, "%s", code);
	else if (answer->status == 0)
		snprintf(reason, reason_size, "%s", answer->error ? answer->error : "no-answer");
	else if (answer->status == 200)
		snprintf(reason, reason_size, "not-taken");
	else
		snprintf(reason, reason_size, "http-%d", answer->status);
	platform_clean_reason(reason);
	return outcome;
}

static const char *pull_advice(const char *reason)
{
	(void)reason;
	return "check `key`, `url`, `push_path` and this host's address in the platform's profile";
}

const struct platform_kind platform_onlinesim_pull = {
	.name = "onlinesim-pull",
	.message = pull_message,
	.message_outcome = pull_message_outcome,
	.advice = pull_advice,
};
