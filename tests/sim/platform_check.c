/* platform_check.c - strict reading of the reseller API v2 requests. */
#include "platform.h"

#include <nettle/hmac.h>
#include <stdarg.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum {
	PORT_ID_MAX = 100,
	DATE_PAST_S = 30 * 86400,
	DATE_FUTURE_S = 2 * 3600,
	STAMP_AWAY_S = 300,
};

enum { NEW = 1, OLD = 2 }; /* the naming a field belongs to */

struct field {
	const char *name;
	unsigned allowed, required; /* in which naming */
	bool (*ok)(const cJSON *value);
	const char *code, *should;
};

static bool __attribute__((format(printf, 4, 5)))
fail(struct platform_fault *fault, unsigned status, const char *code, const char *format, ...)
{
	va_list ap;

	fault->status = status;
	fault->code = code;
	va_start(ap, format);
	vsnprintf(fault->why, sizeof(fault->why), format, ap);
	va_end(ap);
	return false;
}

static bool is_integer(const cJSON *v, double least, double most)
{
	return cJSON_IsNumber(v) && v->valuedouble >= least && v->valuedouble <= most &&
	       v->valuedouble == (double)(int64_t)v->valuedouble;
}

static bool is_digits(const char *s, size_t least, size_t most)
{
	size_t n = strspn(s, "0123456789");

	return s[n] == '\0' && n >= least && n <= most;
}

static bool ok_phone(const cJSON *v)
{
	return cJSON_IsString(v) && v->valuestring[0] == '+' && v->valuestring[1] != '0' &&
	       is_digits(v->valuestring + 1, 7, 15);
}

static bool ok_phone_or_id(const cJSON *v)
{
	return ok_phone(v) || (cJSON_IsString(v) && is_digits(v->valuestring, 1, 18));
}

static bool ok_country(const cJSON *v)
{
	return is_integer(v, 1, 999);
}

static bool ok_operator(const cJSON *v)
{
	return is_integer(v, 10000, 999999);
}

static bool ok_date(const cJSON *v)
{
	return is_integer(v, 1, 4102444800.0);
}

static bool ok_amount(const cJSON *v)
{
	return is_integer(v, 0, 1e12);
}

static bool ok_flag(const cJSON *v)
{
	return is_integer(v, 0, 1);
}

static size_t characters(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

static bool ok_port(const cJSON *v)
{
	return cJSON_IsString(v) && *v->valuestring && characters(v->valuestring) <= PORT_ID_MAX;
}

static bool ok_string(const cJSON *v)
{
	return cJSON_IsString(v);
}

static bool ok_text_date(const cJSON *v)
{
	return cJSON_IsString(v) && is_digits(v->valuestring, 9, 11);
}

static bool ok_test(const cJSON *v)
{
	return cJSON_IsString(v) &&
	       (strcmp(v->valuestring, "test1") == 0 || strcmp(v->valuestring, "test2") == 0);
}

static bool ok_array(const cJSON *v)
{
	return cJSON_IsArray(v);
}

static const struct field item_fields[] = {
	{ "number", NEW | OLD, NEW | OLD, ok_phone, "NUMBER_FORMAT_ERROR", "a string with +" },
	{ "country_id", NEW | OLD, NEW | OLD, ok_country, "ERROR_PARAMS", "an integer" },
	{ "operator", NEW | OLD, 0, ok_operator, "ERROR_PARAMS", "MCC and MNC as an integer" },
	{ "date_start", NEW | OLD, OLD, ok_date, "ERROR_DATE", "an integer in Unix seconds" },
	{ "date_stop", OLD, 0, ok_date, "ERROR_DATE", "an integer in Unix seconds" },
	{ "port_id", NEW | OLD, 0, ok_port, "ERROR_PARAMS", "a string of 1 to 100" },
	{ "rent", NEW, NEW, ok_flag, "ERROR_PARAMS", "0 or 1" },
	{ "price", OLD, 0, ok_amount, "ERROR_PARAMS", "an integer" },
	{ "balance", OLD, 0, ok_amount, "ERROR_PARAMS", "an integer" },
	{ 0 },
};

static const struct field message_fields[] = {
	{ "date", NEW | OLD, NEW | OLD, ok_text_date, "ERROR_PARAMS", "Unix seconds as a string" },
	{ "number", NEW | OLD, NEW, ok_phone_or_id, "NUMBER_FORMAT_ERROR", "a string with +" },
	{ "from", NEW | OLD, NEW | OLD, ok_string, "ERROR_PARAMS", "a string" },
	{ "message", NEW | OLD, NEW | OLD, ok_string, "ERROR_PARAMS", "a string" },
	{ "id", OLD, 0, ok_string, "ERROR_PARAMS", "a string" },
	{ "test", NEW | OLD, 0, ok_test, "ERROR_PARAMS", "test1 or test2" },
	{ 0 },
};

static const struct field *find_field(const struct field *fields, const char *name)
{
	for (; fields->name; fields++)
		if (strcmp(fields->name, name) == 0)
			return fields;
	return NULL;
}

static bool check_fields(const struct field *fields, unsigned naming, const cJSON *object,
	struct platform_fault *fault)
{
	const cJSON *v;
	unsigned seen = 0;

	if (!cJSON_IsObject(object))
		return fail(fault, 400, "ERROR_PARAMS", "not an object");
	cJSON_ArrayForEach(v, object)
	{
		const struct field *f = find_field(fields, v->string);
		unsigned bit = f ? 1u << (f - fields) : 0;
		if (!f || !(f->allowed & naming))
			return fail(
				fault, 400, "ERROR_PARAMS", "field %.60s is not known", v->string);
		if (seen & bit)
			return fail(fault, 400, "ERROR_PARAMS", "field %s twice", f->name);
		seen |= bit;
		if (!f->ok(v))
			return fail(fault, 400, f->code, "%s has to be %s", f->name, f->should);
	}
	for (const struct field *f = fields; f->name; f++)
		if ((f->required & naming) && !(seen & 1u << (f - fields)))
			return fail(fault, 400, f->code, "field %s is missing", f->name);
	return true;
}

static const char *text_of(const cJSON *object, const char *name)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
}

static bool check_unique(const cJSON *items, const cJSON *item, const char *name)
{
	const char *mine = text_of(item, name);

	for (const cJSON *other = items->child; mine && other != item; other = other->next) {
		const char *text = text_of(other, name);
		if (text && strcmp(text, mine) == 0)
			return false;
	}
	return true;
}

static bool check_item(
	const cJSON *items, const cJSON *item, unsigned naming, struct platform_fault *fault)
{
	char country[16];
	const char *number;

	if (!check_fields(item_fields, naming, item, fault))
		return false;
	number = text_of(item, "number");
	snprintf(country, sizeof(country), "+%d",
		cJSON_GetObjectItemCaseSensitive(item, "country_id")->valueint);
	if (strncmp(number, country, strlen(country)) != 0)
		return fail(fault, 400, "NUMBER_FORMAT_ERROR", "%s is not of country %s", number,
			country);
	if (!check_unique(items, item, "number"))
		return fail(fault, 400, "NUMBER_FORMAT_ERROR", "number %s twice", number);
	if (!check_unique(items, item, "port_id"))
		return fail(
			fault, 400, "ERROR_PARAMS", "port_id %s twice", text_of(item, "port_id"));
	return true;
}

static bool check_list(const char *list_name, const cJSON *root, struct platform_fault *fault)
{
	unsigned naming = strcmp(list_name, "numbers") == 0 ? NEW : OLD;
	const struct field fields[] = {
		{ list_name, naming, naming, ok_array, "ERROR_PARAMS", "an array" },
		{ "test", naming, 0, ok_test, "ERROR_PARAMS", "test1 or test2" },
		{ 0 },
	};
	const cJSON *items, *item;

	if (!check_fields(fields, naming, root, fault))
		return false;
	items = cJSON_GetObjectItemCaseSensitive(root, list_name);
	cJSON_ArrayForEach(item, items)
	{
		if (!check_item(items, item, naming, fault))
			return false;
	}
	return true;
}

static bool check_message(unsigned naming, const cJSON *root, struct platform_fault *fault)
{
	int64_t now = (int64_t)time(NULL), date = 0;

	if (!check_fields(message_fields, naming, root, fault))
		return false;
	for (const char *c = text_of(root, "date"); *c; c++)
		date = 10 * date + (*c - '0');
	if (date < now - DATE_PAST_S || date > now + DATE_FUTURE_S)
		return fail(fault, 400, "ERROR_PARAMS", "date is far from now");
	if (!text_of(root, "number") && !text_of(root, "id"))
		return fail(fault, 400, "ERROR_PARAMS", "neither number nor id");
	return true;
}

/* Items are as addMessage's, without test. */
static bool check_batch(unsigned naming, const cJSON *root, struct platform_fault *fault)
{
	const struct field fields[] = {
		{ "messages", naming, naming, ok_array, "ERROR_PARAMS", "an array" },
		{ 0 },
	};
	const cJSON *items, *item;

	if (!check_fields(fields, naming, root, fault))
		return false;
	items = cJSON_GetObjectItemCaseSensitive(root, "messages");
	if (!items->child)
		return fail(fault, 400, "ERROR_PARAMS", "no messages");
	cJSON_ArrayForEach(item, items)
	{
		if (!check_message(naming, item, fault))
			return false;
		if (cJSON_HasObjectItem(item, "test"))
			return fail(fault, 400, "ERROR_PARAMS", "test in a batch");
	}
	return true;
}

static bool ok_seconds(const cJSON *v)
{
	return is_integer(v, 1, 4102444800.0);
}

static bool ok_seconds_or_null(const cJSON *v)
{
	return cJSON_IsNull(v) || ok_seconds(v);
}

static bool ok_parts(const cJSON *v)
{
	return is_integer(v, 1, 255);
}

static bool ok_word(const cJSON *v)
{
	return cJSON_IsString(v) && *v->valuestring;
}

static bool check_hook(const cJSON *root, struct platform_fault *fault)
{
	static const struct field fields[] = {
		{ "id", NEW, NEW, ok_word, "bad id", "a word" },
		{ "port", NEW, NEW, ok_port, "bad port", "a string of 1 to 100" },
		{ "number", NEW, NEW, ok_phone, "bad number", "a string with +" },
		{ "card", NEW, NEW, ok_word, "bad card", "a word" },
		{ "sender", NEW, NEW, ok_string, "bad sender", "a string" },
		{ "text", NEW, NEW, ok_string, "bad text", "a string" },
		{ "sent", NEW, NEW, ok_seconds_or_null, "bad sent", "Unix seconds or null" },
		{ "arrived", NEW, NEW, ok_seconds, "bad arrived", "Unix seconds" },
		{ "parts", NEW, NEW, ok_parts, "bad parts", "1 to 255" },
		{ 0 },
	};

	return check_fields(fields, NEW, root, fault);
}

static bool ok_id(const cJSON *v)
{
	return is_integer(v, 1, 9007199254740991.0);
}

static bool ok_phone_integer(const cJSON *v)
{
	return is_integer(v, 1000000, 999999999999999.0);
}

static bool ok_phone_digits(const cJSON *v)
{
	return cJSON_IsString(v) && is_digits(v->valuestring, 7, 15);
}

static bool ok_push(const cJSON *v)
{
	return cJSON_IsString(v) && strcmp(v->valuestring, "PUSH_SMS") == 0;
}

static bool ok_rent(const cJSON *v)
{
	return cJSON_IsString(v) && strcmp(v->valuestring, "rent") == 0;
}

enum { RENT = 4 };

bool check_push(enum platform_call call, const char *key, bool phone_string, const cJSON *root,
	struct platform_fault *fault)
{
	const struct field fields[] = {
		{ "action", NEW | RENT, NEW | RENT, ok_push, "BAD_ACTION", "PUSH_SMS" },
		{ "key", NEW | RENT, NEW | RENT, ok_word, "BAD_KEY", "a word" },
		{ "smsId", NEW | RENT, NEW | RENT, ok_id, "BAD_ID", "an integer from 1" },
		{ "phone", NEW | RENT, NEW | RENT,
			phone_string ? ok_phone_digits : ok_phone_integer, "BAD_PHONE",
			phone_string ? "a string of digits" : "an integer" },
		{ "phoneFrom", NEW | RENT, NEW | RENT, ok_string, "BAD_FROM", "a string" },
		{ "text", NEW | RENT, NEW | RENT, ok_string, "BAD_TEXT", "a string" },
		{ "service", RENT, RENT, ok_rent, "BAD_SERVICE_FIELD", "rent" },
		{ 0 },
	};
	unsigned naming = call == PLATFORM_PUSH_RENT ? RENT : NEW;

	if (call == PLATFORM_PUSH_HUB && cJSON_HasObjectItem(root, "service"))
		naming = RENT;
	if (!check_fields(fields, naming, root, fault))
		return false;
	if (strcmp(text_of(root, "key"), key) != 0)
		return fail(fault, 401, "BAD_KEY", "a wrong key in the body");
	return true;
}

bool check_body(enum platform_call call, const char *list_name, const cJSON *root,
	struct platform_fault *fault)
{
	unsigned naming = strcmp(list_name, "numbers") == 0 ? NEW : OLD;

	switch (call) {
	case PLATFORM_LIST: return check_list(list_name, root, fault);
	case PLATFORM_MESSAGE: return check_message(naming, root, fault);
	case PLATFORM_BATCH: return check_batch(naming, root, fault);
	case PLATFORM_HOOK: return check_hook(root, fault);
	case PLATFORM_TAKEOFF:
	case PLATFORM_PUSH:
	case PLATFORM_PUSH_RENT:
	case PLATFORM_PUSH_HUB:
	case PLATFORM_CALLS: break;
	}
	return true;
}

/* application/json, with no parameter or charset=utf-8. */
static bool json_type(const char *type)
{
	static const char media[] = "application/json", charset[] = "charset=utf-8";

	if (strncasecmp(type, media, sizeof(media) - 1) != 0)
		return false;
	type += sizeof(media) - 1;
	type += strspn(type, " ");
	if (*type == '\0')
		return true;
	if (*type++ != ';')
		return false;
	type += strspn(type, " ");
	return strcasecmp(type, charset) == 0;
}

/* "37.5": digits, and a point with more of them at most. */
static bool is_sum(const char *text)
{
	size_t whole = strspn(text, "0123456789"), rest;

	if (whole == 0 || text[whole] == '\0')
		return whole > 0;
	rest = strspn(text + whole + 1, "0123456789");
	return text[whole] == '.' && rest > 0 && text[whole + 1 + rest] == '\0';
}

static bool check_query(const struct platform_request *request, struct platform_fault *fault)
{
	unsigned known = (request->sum != NULL) + (request->date != NULL);

	if (!request->sum || !is_sum(request->sum))
		return fail(fault, 400, "ERROR_PARAMS", "sum %.40s",
			request->sum ? request->sum : "missing");
	if (request->date && !is_digits(request->date, 9, 11))
		return fail(fault, 400, "ERROR_PARAMS", "date %.40s", request->date);
	if (request->query_count != known)
		return fail(fault, 400, "ERROR_PARAMS", "an argument that is not known");
	return true;
}

static bool check_key(const char *auth, const char *key, struct platform_fault *fault)
{
	static const char bearer[] = "Bearer ";

	if (!auth)
		return fail(fault, 401, "ERROR_NO_KEY", "no Authorization");
	if (strncmp(auth, bearer, sizeof(bearer) - 1) != 0 ||
		strcmp(auth + sizeof(bearer) - 1, key) != 0)
		return fail(fault, 401, "ERROR_WRONG_KEY", "wrong Authorization");
	return true;
}

static const struct {
	const char *method, *path;
} calls[PLATFORM_CALLS] = {
	[PLATFORM_LIST] = { "POST", "/api/resellers/sendNumbersOnline" },
	[PLATFORM_MESSAGE] = { "POST", "/api/resellers/addMessage" },
	[PLATFORM_BATCH] = { "POST", "/api/resellers/addMessages" },
	[PLATFORM_TAKEOFF] = { "GET", "/api/resellers/takeOffNumbers" },
	[PLATFORM_PUSH] = { "POST", "/v1/PUSH_SMS" },
	[PLATFORM_PUSH_RENT] = { "POST", "/v1/PUSH_SMS_RENT" },
	[PLATFORM_PUSH_HUB] = { "POST", "/agent/api/sms" },
	[PLATFORM_HOOK] = { "POST", "/hook" },
};

bool check_request(const struct platform_request *request, const char *key,
	enum platform_call *call, struct platform_fault *fault)
{
	int which = 0;

	while (which < PLATFORM_CALLS && strcmp(request->path, calls[which].path) != 0)
		which++;
	if (which == PLATFORM_CALLS)
		return fail(fault, 405, "REQUEST_NOT_FOUND", "path %.80s", request->path);
	*call = (enum platform_call)which;
	if (strcmp(request->method, calls[which].method) != 0)
		return fail(fault, 405, "REQUEST_NOT_FOUND", "method %.20s", request->method);
	if (*call == PLATFORM_HOOK && request->authorization)
		return fail(fault, 400, "ERROR_PARAMS", "the platform's key in a webhook");
	if (*call != PLATFORM_HOOK && !check_key(request->authorization, key, fault))
		return false;
	if (*call != PLATFORM_HOOK && request->signature)
		return fail(fault, 400, "ERROR_PARAMS", "a webhook's signature");
	if (!request->content_type || !json_type(request->content_type))
		return fail(fault, 400, "ERROR_PARAMS", "Content-Type %.60s",
			request->content_type ? request->content_type : "missing");
	if (!request->user_agent || !*request->user_agent)
		return fail(fault, 400, "ERROR_PARAMS", "no User-Agent");
	if (request->content_encoding)
		return fail(fault, 400, "ERROR_PARAMS", "a coded body");
	if (*call == PLATFORM_TAKEOFF)
		return check_query(request, fault);
	return request->query_count == 0 || fail(fault, 400, "ERROR_PARAMS", "a query string");
}

/* ---- signatures ----------------------------------------------------------------------------- */

static void sign(const struct platform_request *request, const char *key, char out[80])
{
	uint8_t digest[SHA256_DIGEST_SIZE];
	struct hmac_sha256_ctx hmac;

	hmac_sha256_set_key(&hmac, strlen(key), (const uint8_t *)key);
	hmac_sha256_update(&hmac, strlen(request->stamp), (const uint8_t *)request->stamp);
	hmac_sha256_update(&hmac, 1, (const uint8_t *)".");
	hmac_sha256_update(&hmac, request->len, (const uint8_t *)request->body);
	hmac_sha256_digest(&hmac, sizeof(digest), digest);
	out += sprintf(out, "sha256=");
	for (size_t i = 0; i < sizeof(digest); i++)
		out += sprintf(out, "%02x", digest[i]);
}

bool check_signature(
	const struct platform_request *request, const char *key, struct platform_fault *fault)
{
	int64_t now = (int64_t)time(NULL), stamp = 0;
	char want[80];

	if (!request->stamp || !request->signature || !is_digits(request->stamp, 9, 11))
		return fail(fault, 401, "unsigned", "no signature or no time");
	for (const char *c = request->stamp; *c; c++)
		stamp = 10 * stamp + (*c - '0');
	if (stamp < now - STAMP_AWAY_S || stamp > now + STAMP_AWAY_S)
		return fail(fault, 401, "old", "a signature of another time");
	sign(request, key, want);
	if (strcmp(want, request->signature) != 0)
		return fail(fault, 401, "wrong", "a wrong signature");
	return true;
}

static bool is_utf8(const uint8_t *b, size_t len)
{
	for (size_t i = 0; i < len;) {
		size_t n = b[i] < 0x80   ? 1
			   : b[i] < 0xc2 ? 0
			   : b[i] < 0xe0 ? 2
			   : b[i] < 0xf0 ? 3
			   : b[i] < 0xf5 ? 4
					 : 0;
		if (n == 0 || n > len - i)
			return false;
		for (size_t k = 1; k < n; k++)
			if ((b[i + k] & 0xc0) != 0x80)
				return false;
		if ((b[i] == 0xe0 && b[i + 1] < 0xa0) || (b[i] == 0xed && b[i + 1] > 0x9f) ||
			(b[i] == 0xf0 && b[i + 1] < 0x90) || (b[i] == 0xf4 && b[i + 1] > 0x8f))
			return false;
		i += n;
	}
	return true;
}

cJSON *check_parse(const char *body, size_t len, struct platform_fault *fault)
{
	cJSON *root;

	if (!is_utf8((const uint8_t *)body, len) || memchr(body, 0, len)) {
		fail(fault, 400, "ERROR_PARAMS", "the body is not UTF-8");
		return NULL;
	}
	root = cJSON_ParseWithOpts(body, NULL, true);
	if (cJSON_IsObject(root))
		return root;
	cJSON_Delete(root);
	fail(fault, 400, "ERROR_PARAMS", "the body is not a JSON object");
	return NULL;
}
