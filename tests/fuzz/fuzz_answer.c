/* fuzz_answer.c - any answer of a platform gives an outcome, a clean reason, and numbers that are.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "platform/platform.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void on_id(void *arg, const char *number, const char *id)
{
	size_t *ids = arg;

	(*ids)++;
	require(config_is_number(number));
	require(!id || (id[0] && strspn(id, "0123456789") == strlen(id)));
}

static void on_takeoff(void *arg, const struct takeoff_number *number)
{
	size_t *numbers = arg;

	(*numbers)++;
	require(config_is_number(number->number));
	require(strspn(number->id, "0123456789") == strlen(number->id));
	require(number->profit >= -1 && number->balance >= -1);
	require(number->country_code >= 0 && number->country_code <= 999);
}

static const struct config_platform platform = { .list_name = (char *)"numbers" };
static const struct config_platform hub = { .profile = (char *)"smshub" };
static const struct config_platform puller = { .profile = (char *)"onlinesim" };

static void hook_check(const struct answer *answer)
{
	char reason[48];
	enum outcome outcome =
		platform_webhook.message_outcome(&platform, answer, reason, sizeof reason);

	require((outcome == OUTCOME_DELIVERED) == (answer->status / 100 == 2));
	require((outcome == OUTCOME_DELIVERED) == (reason[0] == '\0'));
	require(outcome != OUTCOME_NUMBER);
}

static void pull_check(const struct config_platform *who, const struct answer *answer)
{
	char reason[48];
	enum outcome outcome =
		platform_onlinesim_pull.message_outcome(who, answer, reason, sizeof reason);

	require((outcome == OUTCOME_DELIVERED) == (reason[0] == '\0'));
	require(outcome != OUTCOME_DELIVERED || (answer->status == 200 && !answer->body_cut));
	require(outcome != OUTCOME_NUMBER);
}

/* The list that stands in the body itself comes back the same, whatever it is. */
static void echo_check(const struct platform_kind *kind, const struct answer *answer)
{
	static const char sent[] = "{\"numbers\":[{\"number\":\"+46700100201\"}]}";
	enum list_echo echo = kind->list_echo(&platform, answer, sent);

	require(echo == ECHO_NONE || (answer->status / 100 == 2 && !answer->body_cut));
	echo = kind->list_echo(&platform, answer, answer->body);
	require(echo == ECHO_NONE || answer->status / 100 == 2);
}

static void outcome_check(const struct answer *answer, enum outcome outcome, const char *reason)
{
	static const char clean[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
	bool taken = outcome == OUTCOME_DELIVERED;

	require(strspn(reason, clean) == strlen(reason));
	require(taken == (reason[0] == '\0'));
	require(!taken || (answer->status / 100 == 2 && !answer->body_cut &&
				  memchr(answer->body, '1', answer->len)));
	require(answer->status != 0 || outcome == OUTCOME_RETRY);
}

/* Three digits of status, a byte that is '!' where the body was cut, then the body. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct platform_kind *kind = &platform_onlinesim_push;
	char reason[48];
	size_t ids = 0;

	if (size < 4)
		return 0;
	size_t len = size - 4;
	char *body = malloc(len + 1);
	require(body);
	memcpy(body, data + 4, len);
	body[len] = '\0';
	struct answer answer = { .status =
					 (data[0] * 100 + data[1] * 10 + data[2] - '0' * 111) % 600,
		.error = "timeout",
		.body = body,
		.len = len,
		.body_cut = data[3] == '!' };
	if (answer.status < 0)
		answer.status = 0;
	enum outcome outcome = kind->message_outcome(&platform, &answer, reason, sizeof reason);
	outcome_check(&answer, outcome, reason);
	outcome = kind->list_outcome(&answer, reason, sizeof reason, on_id, &ids);
	outcome_check(&answer, outcome, reason);
	require(ids == 0 || outcome == OUTCOME_DELIVERED);
	outcome = kind->messages_outcome(&answer, reason, sizeof reason);
	outcome_check(&answer, outcome, reason);
	require(outcome != OUTCOME_NUMBER);
	ids = 0;
	outcome = kind->takeoff_outcome(&answer, reason, sizeof reason, on_takeoff, &ids);
	outcome_check(&answer, outcome, reason);
	require(ids == 0 || outcome == OUTCOME_DELIVERED);
	echo_check(kind, &answer);
	hook_check(&answer);
	pull_check(&puller, &answer);
	pull_check(&hub, &answer);
	free(body);
	return 0;
}
