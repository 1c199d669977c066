/* order.c - what a platform that pulls asks for, read from its JSON, and what it is answered. */
#include "platform/order.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "platform/json_text.h"

/* ---- requests ------------------------------------------------------------------------------- */

static const cJSON *field(const cJSON *root, const char *name)
{
	const cJSON *value = cJSON_GetObjectItemCaseSensitive(root, name);

	return cJSON_IsNull(value) ? NULL : value;
}

/* Text that fits; absent is "". */
static bool read_text(const cJSON *root, const char *name, size_t size, char *out)
{
	const cJSON *value = field(root, name);

	if (!value)
		return true;
	if (!cJSON_IsString(value) || strlen(value->valuestring) >= size)
		return false;
	memcpy(out, value->valuestring, strlen(value->valuestring) + 1);
	return true;
}

static bool read_action(const cJSON *root, enum order_action *out)
{
	static const char *const names[] = { [ORDER_SERVICES] = "GET_SERVICES",
		[ORDER_NUMBER] = "GET_NUMBER",
		[ORDER_FINISH] = "FINISH_ACTIVATION" };
	const char *word = cJSON_GetStringValue(field(root, "action"));

	for (size_t i = 0; word && i < sizeof names / sizeof *names; i++)
		if (strcmp(names[i], word) == 0) {
			*out = (enum order_action)i;
			return true;
		}
	return false;
}

/* "+46950", 46950: digits. One that is longer than a number can be excludes nothing. */
static bool read_prefix(const cJSON *value, char out[ORDER_PREFIX_SIZE])
{
	const char *text = cJSON_GetStringValue(value);
	char digits[JSON_INT_SIZE];

	if (!text)
		text = json_read_digits(value, digits) ? digits : NULL;
	if (!text)
		return false;
	text += *text == '+';
	if (text[strspn(text, "0123456789")])
		return false;
	if (strlen(text) < ORDER_PREFIX_SIZE)
		memcpy(out, text, strlen(text) + 1);
	return true;
}

static int read_prefixes(const cJSON *root, struct order_request *out)
{
	const cJSON *set = field(root, "exceptionPhoneSet"), *item;

	if (!set)
		return 0;
	if (!cJSON_IsArray(set) && !cJSON_IsObject(set)) /* PHP prints some arrays as objects */
		return -EINVAL;
	out->prefixes = calloc((size_t)cJSON_GetArraySize(set) + 1, sizeof *out->prefixes);
	if (!out->prefixes)
		return -ENOMEM;
	cJSON_ArrayForEach(item, set)
	{
		struct order_prefix *prefix = &out->prefixes[out->prefix_count];
		if (!read_prefix(item, prefix->digits))
			return -EINVAL;
		out->prefix_count += prefix->digits[0] != '\0';
	}
	return 0;
}

static bool read_status(const cJSON *root, int *out)
{
	const cJSON *value = field(root, "status");
	int64_t status;

	if (!value || !json_read_int(value, 1, 5, &status) || status == 2)
		return false;
	*out = (int)status;
	return true;
}

static bool read_sum(const cJSON *root, int64_t *out)
{
	const cJSON *value = field(root, "sum");

	*out = value ? json_read_money(value) : -1;
	return !value || *out >= 0;
}

static bool read_currency(const cJSON *root, int *out)
{
	const cJSON *value = field(root, "currency");
	int64_t currency = 0;

	if (value && !json_read_int(value, 0, 999, &currency))
		return false;
	*out = (int)currency;
	return true;
}

static const char *read_number(const cJSON *root, struct order_request *out, int *err)
{
	if (!out->rent && !out->service[0])
		return "service is missing";
	if (!out->rent && !out->country[0])
		return "country is missing";
	if (!read_currency(root, &out->currency))
		return "currency must be a number of ISO 4217";
	*err = read_prefixes(root, out);
	return *err ? "exceptionPhoneSet must be an array of digits" : NULL;
}

static const char *read_finish(const cJSON *root, struct order_request *out)
{
	const cJSON *id = field(root, "activationId");

	if (!id || !json_read_int(id, 1, JSON_INT_MAX, &out->activation_id))
		return "activationId must be an integer from 1";
	return read_status(root, &out->status) ? NULL : "status must be 1, 3, 4 or 5";
}

static const char *read_fields(const cJSON *root, struct order_request *out, int *err)
{
	if (!read_text(root, "key", sizeof out->key, out->key))
		return "key is no string, or too long";
	if (!read_action(root, &out->action))
		return "action must be GET_SERVICES, GET_NUMBER or FINISH_ACTIVATION";
	if (!read_text(root, "country", ORDER_NAME_SIZE, out->country) ||
		!read_text(root, "operator", ORDER_NAME_SIZE, out->operator_name) ||
		!read_text(root, "service", ORDER_NAME_SIZE, out->service))
		return "country, operator and service must be short strings";
	out->rent |= strcasecmp(out->service, "rent") == 0;
	if (!read_sum(root, &out->sum))
		return "sum must be an amount";
	switch (out->action) {
	case ORDER_SERVICES: return NULL;
	case ORDER_NUMBER: return read_number(root, out, err);
	case ORDER_FINISH: return read_finish(root, out);
	}
	return NULL;
}

int order_read(const char *body, size_t len, bool rent, struct order_request *out, const char **why)
{
	cJSON *root = cJSON_ParseWithLength(body, len);
	int err = -EINVAL;

	*out = (struct order_request) { .sum = -1 };
	if (!cJSON_IsObject(root)) {
		cJSON_Delete(root);
		*why = "the body is no JSON object";
		return -EBADMSG;
	}
	const cJSON *service = field(root, "service");
	out->rent = rent && !service;
	const char *wrong = read_fields(root, out, &err);
	cJSON_Delete(root);
	if (!wrong)
		return 0;
	*why = err == -ENOMEM ? "out of memory" : wrong;
	return err;
}

void order_request_done(struct order_request *request)
{
	explicit_bzero(request->key, sizeof request->key);
	free(request->prefixes);
	request->prefixes = NULL;
	request->prefix_count = 0;
}

bool order_excludes(const struct order_request *request, const char *number)
{
	const char *digits = number + (*number == '+');

	for (size_t i = 0; i < request->prefix_count; i++) {
		const char *prefix = request->prefixes[i].digits;
		if (strncmp(prefix, digits, strlen(prefix)) == 0)
			return true;
	}
	return false;
}

static bool counts(char c)
{
	return isalnum((unsigned char)c) || (unsigned char)c >= 0x80;
}

bool order_same_name(const char *a, const char *b)
{
	for (;; a++, b++) {
		while (*a && !counts(*a))
			a++;
		while (*b && !counts(*b))
			b++;
		if (tolower((unsigned char)*a) != tolower((unsigned char)*b))
			return false;
		if (!*a)
			return true;
	}
}

/* ---- answers -------------------------------------------------------------------------------- */

static int by_names(const void *a, const void *b)
{
	const struct order_offer *x = a, *y = b;
	int order = strcmp(x->country, y->country);

	if (order == 0)
		order = strcmp(x->operator_name, y->operator_name);
	return order ? order : strcmp(x->service, y->service);
}

/* The object of that name inside of `in`, made if it is not there; NULL if out of memory. */
static cJSON *inside(cJSON *in, const char *name)
{
	cJSON *object = cJSON_GetObjectItemCaseSensitive(in, name);

	return object ? object : cJSON_AddObjectToObject(in, name);
}

/* Counts are far below what a double holds exactly: they print as integers. */
static bool count_in(cJSON *services, const char *service, int64_t count)
{
	cJSON *value = services ? cJSON_GetObjectItemCaseSensitive(services, service) : NULL;

	if (value) {
		cJSON_SetNumberValue(value, value->valuedouble + (double)count);
		return true;
	}
	return services && cJSON_AddNumberToObject(services, service, (double)count);
}

static bool add_offer(cJSON *map, const struct order_offer *offer, enum order_operators operators)
{
	bool any = operators != ORDER_OPERATORS_NAMED, named = operators != ORDER_OPERATORS_ANY;

	return (!any || count_in(inside(map, "any"), offer->service, offer->count)) &&
	       (!named ||
		       count_in(inside(map, offer->operator_name), offer->service, offer->count));
}

/* A country's own map, at the end of the list. */
static cJSON *add_country(cJSON *list, const char *country)
{
	cJSON *item = cJSON_CreateObject();

	if (!item || !cJSON_AddItemToArray(list, item)) {
		cJSON_Delete(item);
		return NULL;
	}
	return json_add_text(item, "country", country)
		       ? cJSON_AddObjectToObject(item, "operatorMap")
		       : NULL;
}

/* Prints and frees; ok false: something of it could not be made. */
static char *print(cJSON *root, bool ok)
{
	char *text = ok ? cJSON_PrintUnformatted(root) : NULL;

	cJSON_Delete(root);
	return text;
}

char *order_print_services(struct order_offer *offers, size_t count, enum order_operators operators)
{
	cJSON *root = cJSON_CreateObject(), *map = NULL;
	bool ok = root && cJSON_AddStringToObject(root, "status", "SUCCESS");
	cJSON *list = ok ? cJSON_AddArrayToObject(root, "countryList") : NULL;

	ok = list;
	if (count > 0)
		qsort(offers, count, sizeof *offers, by_names);
	for (size_t i = 0; ok && i < count; i++) {
		if (i == 0 || strcmp(offers[i].country, offers[i - 1].country) != 0)
			map = add_country(list, offers[i].country);
		ok = map && add_offer(map, &offers[i], operators);
	}
	return print(root, ok);
}

static char *print_status(const char *status)
{
	cJSON *root = cJSON_CreateObject();

	return print(root, root && cJSON_AddStringToObject(root, "status", status));
}

char *order_print_number(const char *number, int64_t activation_id)
{
	cJSON *root = cJSON_CreateObject();
	bool ok = root && cJSON_AddStringToObject(root, "status", "SUCCESS") &&
		  cJSON_AddRawToObject(root, "number", number + (*number == '+')) &&
		  json_add_int(root, "activationId", activation_id);

	return print(root, ok);
}

char *order_print_no_numbers(void)
{
	return print_status("NO_NUMBERS");
}

char *order_print_success(void)
{
	return print_status("SUCCESS");
}

char *order_print_error(const char *error)
{
	cJSON *root = cJSON_CreateObject();
	bool ok = root && cJSON_AddStringToObject(root, "status", "ERROR") &&
		  cJSON_AddStringToObject(root, "error", error);

	return print(root, ok);
}
