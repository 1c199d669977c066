/* onlinesim_impl.h - what the answers of OnlineSim's reseller API v2 mean; see struct
 * platform_kind. */
#ifndef SIMGATE_PLATFORM_ONLINESIM_IMPL_H
#define SIMGATE_PLATFORM_ONLINESIM_IMPL_H

#include "platform/platform.h"

enum outcome onlinesim_message_outcome(const struct config_platform *platform,
	const struct answer *answer, char *reason, size_t reason_size);
enum outcome onlinesim_messages_outcome(
	const struct answer *answer, char *reason, size_t reason_size);
enum outcome onlinesim_list_outcome(const struct answer *answer, char *reason, size_t reason_size,
	void (*id)(void *arg, const char *number, const char *id), void *arg);
enum list_echo onlinesim_list_echo(
	const struct config_platform *platform, const struct answer *answer, const char *sent);
bool onlinesim_is_block(const char *reason);
enum outcome onlinesim_takeoff_outcome(const struct answer *answer, char *reason,
	size_t reason_size, takeoff_number_fn *number, void *arg);
const char *onlinesim_advice(const char *reason);

#endif
