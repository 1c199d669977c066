/* json.h - JSON answers, with what must be masked masked. */
#ifndef SIMGATE_API_JSON_H
#define SIMGATE_API_JSON_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/http.h"

/* Answers the request and frees json; NULL, or no memory to print it, answers 500. */
void json_answer(struct http_request *request, int status, cJSON *json);

/* json as text, and frees it; NULL if out of memory. To be freed with cJSON_free(). */
char *json_text(cJSON *json);

/* {"error": ...}; err is a negative errno of the store's. */
void json_error(struct http_request *request, int status, const char *error);
void json_store_error(struct http_request *request, int err);

/* ISO 8601 UTC; "" for 0. */
void json_time(cJSON *json, const char *name, int64_t wall_ms);
void json_int(cJSON *json, const char *name, int64_t value);

/* 1/10000 as "12.50", with four decimals where two do not say it; "" for 0 and less. */
void json_money(cJSON *json, const char *name, int64_t amount);

/* Masked as in the log, unless full. */
void json_number(cJSON *json, const char *name, const char *number, bool full);
void json_card(cJSON *json, const char *name, const char *card, bool full);

#endif
