/* ctl_http.c - simgatectl's calls: HTTP over the daemon's unix socket, JSON back. */
#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/ctl.h"

enum {
	ANSWER_MAX = 64 * 1024 * 1024,
	CONNECT_TIMEOUT_MS = 5000,
	LOOK_TIMEOUT_MS = 30000,  /* GET */
	CALL_TIMEOUT_MS = 120000, /* a sync waits for each platform's answer */
};

static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

bool ctl_target_add(char *target, const char *part, const char *keep)
{
	size_t len = strlen(target);

	for (; *part; part++) {
		if (len + 4 > CTL_TARGET_MAX)
			return false;
		if (strchr(plain, *part) || strchr(keep, *part))
			target[len++] = *part;
		else
			len += (size_t)snprintf(target + len, 4, "%%%02X", (unsigned char)*part);
		target[len] = '\0';
	}
	return true;
}

bool ctl_target_query(char *target, const char *name, const char *value)
{
	return ctl_target_add(target, strchr(target, '?') ? "&" : "?", "?&") &&
	       ctl_target_add(target, name, "") && ctl_target_add(target, "=", "=") &&
	       ctl_target_add(target, value, "");
}

static size_t on_body(char *data, size_t size, size_t count, void *arg)
{
	struct ctl_answer *answer = arg;
	size_t len = size * count;

	if (len > ANSWER_MAX - answer->len)
		return 0;
	char *body = realloc(answer->body, answer->len + len + 1);
	if (!body)
		return 0;
	memcpy(body + answer->len, data, len);
	answer->body = body;
	answer->len += len;
	body[answer->len] = '\0';
	return len;
}

static void say_unreachable(const struct ctl *ctl, CURL *http, CURLcode code)
{
	long error = 0;

	if (ctl->quiet)
		return;
	curl_easy_getinfo(http, CURLINFO_OS_ERRNO, &error);
	if (code != CURLE_COULDNT_CONNECT)
		fprintf(stderr, "simgatectl: the daemon at %s did not answer: %s\n", ctl->socket,
			curl_easy_strerror(code));
	else if (error == EACCES || error == EPERM)
		fprintf(stderr, "simgatectl: may not connect to %s: be root or in group simgate\n",
			ctl->socket);
	else
		fprintf(stderr, "simgatectl: no daemon at %s%s%s: is simgated running?\n",
			ctl->socket, error ? ": " : "", error ? strerror((int)error) : "");
}

/* The error's text and, for a reload, the report's lines. 400: the daemon cannot read a value. */
static enum ctl_exit say_error(const struct ctl_answer *answer, long status)
{
	const cJSON *line;
	const char *text = ctl_str(answer->json, "error");
	char *clean = ctl_clean(text);

	if (*clean)
		fprintf(stderr, "simgatectl: %s\n", clean);
	else
		fprintf(stderr, "simgatectl: the daemon answered with status %ld\n", status);
	free(clean);
	cJSON_ArrayForEach(line, cJSON_GetObjectItemCaseSensitive(answer->json, "report"))
	{
		clean = ctl_clean(cJSON_IsString(line) ? line->valuestring : "");
		fprintf(stderr, "%s\n", clean);
		free(clean);
	}
	return status == 400 ? CTL_USAGE : CTL_FAILED;
}

static CURL *prepare(struct ctl *ctl)
{
	if (!ctl->http)
		ctl->http = curl_easy_init();
	if (!ctl->http) {
		fputs("simgatectl: out of memory\n", stderr);
		return NULL;
	}
	CURL *http = ctl->http;
	curl_easy_reset(http);
	curl_easy_setopt(http, CURLOPT_UNIX_SOCKET_PATH, ctl->socket);
	curl_easy_setopt(http, CURLOPT_PROXY, ""); /* whatever the environment says */
	curl_easy_setopt(http, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(http, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
	curl_easy_setopt(
		http, CURLOPT_TIMEOUT_MS, (long)(ctl->call_ms ? ctl->call_ms : LOOK_TIMEOUT_MS));
	curl_easy_setopt(http, CURLOPT_WRITEFUNCTION, on_body);
	return http;
}

static enum ctl_exit perform(
	struct ctl *ctl, CURL *http, const char *target, struct ctl_answer *answer)
{
	char url[CTL_TARGET_MAX + 32];
	long status = 0;

	snprintf(url, sizeof url, "http://localhost%s", target);
	curl_easy_setopt(http, CURLOPT_URL, url);
	curl_easy_setopt(http, CURLOPT_WRITEDATA, answer);
	CURLcode code = curl_easy_perform(http);
	if (code != CURLE_OK && code != CURLE_WRITE_ERROR) {
		say_unreachable(ctl, http, code);
		return CTL_UNREACHABLE;
	}
	curl_easy_getinfo(http, CURLINFO_RESPONSE_CODE, &status);
	if (code == CURLE_OK && answer->body)
		answer->json = cJSON_ParseWithLength(answer->body, answer->len);
	if (status >= 400)
		return say_error(answer, status);
	if (cJSON_IsObject(answer->json))
		return CTL_OK;
	fprintf(stderr, "simgatectl: what answers at %s is no simgated: its answer is no JSON\n",
		ctl->socket);
	return CTL_FAILED;
}

static enum ctl_exit call(
	struct ctl *ctl, const char *target, const char *post, struct ctl_answer *out)
{
	struct ctl_answer answer = { NULL, 0, NULL };
	CURL *http = prepare(ctl);

	if (!http)
		return CTL_FAILED;
	if (post) {
		if (!ctl->call_ms)
			curl_easy_setopt(
				http, CURLOPT_TIMEOUT_MS, (long)(CALL_TIMEOUT_MS + ctl->wait_ms));
		curl_easy_setopt(http, CURLOPT_POST, 1L);
		curl_easy_setopt(http, CURLOPT_POSTFIELDS, post);
		curl_easy_setopt(http, CURLOPT_POSTFIELDSIZE, (long)strlen(post));
	}
	enum ctl_exit result = perform(ctl, http, target, &answer);
	if (result == CTL_OK)
		*out = answer;
	else
		ctl_answer_done(&answer);
	return result;
}

enum ctl_exit ctl_call(
	struct ctl *ctl, const char *method, const char *target, struct ctl_answer *out)
{
	return call(ctl, target, strcmp(method, "POST") == 0 ? "" : NULL, out);
}

enum ctl_exit ctl_post(
	struct ctl *ctl, const char *target, const char *body, struct ctl_answer *out)
{
	return call(ctl, target, body, out);
}

void ctl_answer_done(struct ctl_answer *answer)
{
	cJSON_Delete(answer->json);
	free(answer->body);
	*answer = (struct ctl_answer) { NULL, 0, NULL };
}

void ctl_http_done(struct ctl *ctl)
{
	if (ctl->http)
		curl_easy_cleanup(ctl->http);
	ctl->http = NULL;
}

const char *ctl_str(const cJSON *object, const char *name)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);

	return cJSON_IsString(item) && item->valuestring ? item->valuestring : "";
}

double ctl_num(const cJSON *object, const char *name)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);

	return cJSON_IsNumber(item) ? item->valuedouble : 0;
}

bool ctl_has_num(const cJSON *object, const char *name)
{
	return cJSON_IsNumber(cJSON_GetObjectItemCaseSensitive(object, name));
}

bool ctl_true(const cJSON *object, const char *name)
{
	return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(object, name));
}
