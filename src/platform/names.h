/* names.h - what platforms call the countries, operators and services of the cards. */
#ifndef SIMGATE_PLATFORM_NAMES_H
#define SIMGATE_PLATFORM_NAMES_H

#include "base/config.h"
#include "platform/operators.h"

enum { NAMES_SIZE = OPERATOR_NAME_SIZE };

struct names;

/* config and operators (NULL: none are known) must outlive it. NULL if out of memory. */
struct names *names_new(const struct config *config, const struct operators *operators);
void names_free(struct names *names); /* takes NULL */

/* The country of a card's number ("+46..."), by [country] or the table; NULL if there is none. imsi
 * may be "". */
const char *names_country(const struct names *names, const char *number, const char *imsi);

/* The operator of a card: code is its MCC and MNC where that is said, else 0. By [operator], by
 * mobile-broadband-provider-info, else the code in digits; "unknown" where nothing tells. Never
 * "any", which is what platforms call all of them. */
void names_operator(const struct names *names, int code, const char *imsi, char out[NAMES_SIZE]);

/* What a platform calls a service. */
const char *names_service(
	const struct config_service *service, const struct config_platform *platform);

#endif
