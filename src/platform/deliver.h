/* deliver.h - makes calls to platforms: libcurl's multi interface inside the loop. */
#ifndef SIMGATE_PLATFORM_DELIVER_H
#define SIMGATE_PLATFORM_DELIVER_H

#include "base/config.h"
#include "base/loop.h"
#include "platform/platform.h"

enum { DELIVER_BODY_MAX = 4 * 1024 * 1024 }; /* of an answer, after inflation */

struct deliver;
struct deliver_call;

typedef void deliver_fn(void *arg, const struct answer *answer);

struct deliver *deliver_new(struct loop *loop);

/* Calls under way end without their callbacks. Takes NULL. */
void deliver_free(struct deliver *deliver);

/* Makes the call: Bearer key if there is one, JSON, User-Agent, gzip understood, TLS checked
 * (ca_file if set), connections kept, platform->timeout_ms for all of it. done comes once, from the
 * loop, never from inside this call. platform is copied as far as needed. NULL if out of memory. */
struct deliver_call *deliver_start(struct deliver *deliver, const struct config_platform *platform,
	const struct call *request, deliver_fn *done, void *arg);

/* The caller goes: done will not be called. Takes NULL. */
void deliver_cancel(struct deliver_call *call);

size_t deliver_active(const struct deliver *deliver);

#endif
