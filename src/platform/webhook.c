/* webhook.c - texts as signed JSON to a system of the operator's own. */
#include <errno.h>
#include <inttypes.h>
#include <nettle/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platform/json_text.h"
#include "platform/platform.h"

/* What is signed is TIMESTAMP "." BODY: with the body alone an old request could be sent again
 * under a new time. */
static void sign(
	const char *key, const char *stamp, const char *body, char out[2 * SHA256_DIGEST_SIZE + 1])
{
	uint8_t digest[SHA256_DIGEST_SIZE];
	struct hmac_sha256_ctx hmac;

	hmac_sha256_set_key(&hmac, strlen(key), (const uint8_t *)key);
	hmac_sha256_update(&hmac, strlen(stamp), (const uint8_t *)stamp);
	hmac_sha256_update(&hmac, 1, (const uint8_t *)".");
	hmac_sha256_update(&hmac, strlen(body), (const uint8_t *)body);
	hmac_sha256_digest(&hmac, sizeof digest, digest);
	explicit_bzero(&hmac, sizeof hmac);
	for (size_t i = 0; i < sizeof digest; i++)
		snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

static int add_headers(struct call *call, const char *key, int64_t now_ms)
{
	char hex[2 * SHA256_DIGEST_SIZE + 1], stamp[24], line[128];

	snprintf(stamp, sizeof stamp, "%" PRId64, now_ms / 1000);
	sign(key, stamp, call->body, hex);
	snprintf(line, sizeof line, "X-Simgate-Timestamp: %s", stamp);
	call->headers[0] = strdup(line);
	snprintf(line, sizeof line, "X-Simgate-Signature: sha256=%s", hex);
	call->headers[1] = strdup(line);
	return call->headers[0] && call->headers[1] ? 0 : -ENOMEM;
}

static bool add_seconds(cJSON *object, const char *name, int64_t ms)
{
	return ms > 0 ? json_add_int(object, name, ms / 1000)
		      : cJSON_AddNullToObject(object, name) != NULL;
}

static int hook_message(const struct config_platform *platform,
	const struct store_delivery *delivery, int64_t now_ms, struct call *out)
{
	cJSON *root = cJSON_CreateObject();
	char port[2 * STORE_NAME_SIZE];

	snprintf(port, sizeof port, "%s/%s", delivery->bank, delivery->slot);
	bool ok = root && json_add_text(root, "id", delivery->message_id) &&
		  json_add_text(root, "port", port) &&
		  json_add_text(root, "number", delivery->number) &&
		  json_add_text(root, "card", delivery->card_id) &&
		  json_add_text(root, "sender", delivery->sender) &&
		  json_add_text(root, "text", delivery->text) &&
		  add_seconds(root, "sent", delivery->sent_ms) &&
		  add_seconds(root, "arrived", delivery->arrived_ms) &&
		  json_add_int(root, "parts", delivery->parts);
	int err = json_make_call(root, ok, "webhook", "", out);
	if (err)
		return err;
	err = add_headers(out, platform->hmac_key, now_ms);
	if (err)
		call_free(out);
	return err;
}

/* Request timeout and too early: the receiver has not looked at the text (RFC 9110, RFC 8470). */
static bool is_later(int status)
{
	return status == 408 || status == 425 || status == 429;
}

static enum outcome outcome_of(int status)
{
	if (status >= 200 && status <= 299)
		return OUTCOME_DELIVERED;
	if (status == 401 || status == 403)
		return OUTCOME_ACCOUNT;
	if (status >= 400 && status <= 499 && !is_later(status))
		return OUTCOME_REJECTED;
	return OUTCOME_RETRY; /* 5xx, no answer, and redirections, which are not followed */
}

/* The body says nothing: whoever makes a receiver has only the status to get right. */
static enum outcome hook_message_outcome(const struct config_platform *platform,
	const struct answer *answer, char *reason, size_t reason_size)
{
	enum outcome outcome = outcome_of(answer->status);

	(void)platform;
	if (outcome == OUTCOME_DELIVERED)
		snprintf(reason, reason_size, "%s", "");
	else if (answer->status == 0)
		snprintf(reason, reason_size, "%s", answer->error ? answer->error : "no-answer");
	else
		snprintf(reason, reason_size, "http-%d", answer->status);
	platform_clean_reason(reason);
	return outcome;
}

static const char *hook_advice(const char *reason)
{
	(void)reason;
	return "the receiver does not accept the signature: check `hmac_key` on both sides, and "
	       "both clocks";
}

const struct platform_kind platform_webhook = {
	.name = "webhook",
	.message = hook_message,
	.message_outcome = hook_message_outcome,
	.advice = hook_advice,
};
