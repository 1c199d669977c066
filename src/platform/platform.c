/* platform.c - which kinds of platforms there are; requests and reasons that all of them make. */
#include "platform/platform.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void call_free(struct call *call)
{
	if (!call)
		return;
	free(call->path);
	free(call->body);
	for (size_t i = 0; i < CALL_HEADERS_MAX; i++)
		free(call->headers[i]);
	*call = (struct call) { 0 };
}

int outcome_errno(enum outcome outcome)
{
	switch (outcome) {
	case OUTCOME_DELIVERED: return 0;
	case OUTCOME_RETRY:
	case OUTCOME_NUMBER: return -EAGAIN;
	case OUTCOME_REJECTED: return -EINVAL;
	case OUTCOME_ACCOUNT: return -EACCES;
	}
	return -EAGAIN;
}

void platform_clean_reason(char *reason)
{
	static const char clean[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";

	for (char *at = reason + strspn(reason, clean); *at; at += strspn(at, clean))
		*at = '_';
}

const struct platform_kind *platform_kind_find(const char *name)
{
	static const struct platform_kind *const kinds[] = { &platform_onlinesim_push,
		&platform_onlinesim_pull, &platform_webhook };

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (strcmp(kinds[i]->name, name) == 0)
			return kinds[i];
	return NULL;
}
