/* alternative.c - the Alternative API: who calls, what for, and how it is answered. */
#include "platform/alternative.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/config_file.h"
#include "platform/alternative_impl.h"

/* ---- answers -------------------------------------------------------------------------------- */

/* The text of a stranger is shown as HTML, as clients expect: it must not act in a browser. */
static void answer(struct http_request *request, int status, const char *type, const char *body)
{
	http_set_header(request, "Content-Security-Policy", "default-src 'none'; sandbox");
	http_reply(request, status, type, body, strlen(body));
}

void answer_text(struct http_request *request, const char *text)
{
	answer(request, 200, "text/html; charset=utf-8", text);
}

void answer_body(struct http_request *request, const char *json)
{
	answer(request, 200, "application/json", json);
}

void answer_json(struct http_request *request, cJSON *json)
{
	char *body = json ? cJSON_PrintUnformatted(json) : NULL;

	cJSON_Delete(json);
	if (body)
		answer_body(request, body);
	else
		answer_failure(request);
	free(body);
}

void answer_rent_error(struct http_request *request, const char *message)
{
	cJSON *json = cJSON_CreateObject();

	cJSON_AddStringToObject(json, "status", "error");
	cJSON_AddStringToObject(json, "message", message);
	answer_json(request, json);
}

void answer_failure(struct http_request *request)
{
	answer_text(request, "ERROR_SQL");
}

/* ---- calls ---------------------------------------------------------------------------------- */

struct call_in *call_keep(const struct call_in *call)
{
	struct call_in *copy = malloc(sizeof *copy);

	if (!copy) {
		answer_failure(call->request);
		return NULL;
	}
	*copy = *call;
	copy->customer = NULL;
	return copy;
}

int64_t call_id(const struct call_in *call)
{
	int64_t id;

	return config_parse_int(call->id, 1, INT64_MAX, &id) < 0 ? 0 : id;
}

const struct store_activation *call_activation(const struct call_in *call, bool rent)
{
	const struct store_activation *activation =
		activation_find(call->api->parts.activations, call_id(call));

	if (!activation || activation->rent != rent ||
		strcmp(activation->seller, STORE_CUSTOMERS) != 0 ||
		strcmp(activation->customer, call->name) != 0)
		return NULL;
	return activation;
}

const char *digits_of(const char *number)
{
	return number + (*number == '+');
}

const char *national_of(const char *number)
{
	const char *digits = digits_of(number);
	int calling = e164_country(number);

	for (; calling > 0; calling /= 10)
		digits++;
	return digits;
}

/* ---- getBalance ----------------------------------------------------------------------------- */

static void on_customer(void *arg, int err, const struct store_customer *customer)
{
	struct call_in *call = arg;
	char text[CONFIG_MONEY_SIZE + 20] = "ACCESS_BALANCE:";

	if (err) {
		answer_failure(call->request);
	} else if (!customer) {
		answer_text(call->request, "BAD_KEY");
	} else {
		config_print_money(customer->balance, text + strlen(text));
		answer_text(call->request, text);
	}
	free(call);
}

static void action_balance(struct call_in *call)
{
	struct call_in *copy = call_keep(call);

	if (copy)
		store_customer_get(call->api->parts.store, copy->name, on_customer, copy);
}

/* ---- requests ------------------------------------------------------------------------------- */

/* Of the query, else of a form in the body. False: it is not there. */
static bool take(struct http_request *request, const char *name, char *out, size_t size)
{
	const char *query = http_query(request, name), *type;
	int err = -ENOENT;

	out[0] = '\0';
	if (query) {
		err = strlen(query) < size ? 0 : -EINVAL;
		strcpy(out, err ? "?" : query);
		return true;
	}
	type = http_header(request, "Content-Type");
	if (request->body_len > 0 &&
		(!type || http_type_is(type, "application/x-www-form-urlencoded")))
		err = form_value(request->body, request->body_len, name, out, size);
	else if (http_type_is(type, "multipart/form-data"))
		err = form_part_value(type, request->body, request->body_len, name, out, size);
	if (err == -EINVAL)
		strcpy(out, "?");
	return err != -ENOENT;
}

static void take_all(struct http_request *request, struct call_in *call)
{
	const struct {
		const char *name;
		char *out;
		size_t size;
	} all[] = {
		{ "action", call->action, sizeof call->action },
		{ "service", call->service, sizeof call->service },
		{ "country", call->country, sizeof call->country },
		{ "id", call->id, sizeof call->id },
		{ "status", call->status, sizeof call->status },
		{ "phoneException", call->exceptions, sizeof call->exceptions },
	};

	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		take(request, all[i].name, all[i].out, all[i].size);
	if (!take(request, "time", call->time, sizeof call->time))
		take(request, "rent_time", call->time, sizeof call->time); /* siblings' name */
}

/* By api_key or Bearer; where both are there they agree. */
static struct customer *authenticate(struct alternative *api, struct http_request *request)
{
	const char *bearer = http_bearer(http_header(request, "Authorization"));
	char key[HTTP_SECRET_MAX];
	struct customer *customer = NULL;

	take(request, "api_key", key, sizeof key);
	if (*key ? !bearer || http_key_equal(bearer, key) : bearer != NULL)
		customer = customers_find(api->parts.customers, *key ? key : bearer);
	explicit_bzero(key, sizeof key);
	return customer;
}

static const struct {
	const char *name;
	action_fn *fn;
} actions[] = {
	{ "getStatus", action_status },
	{ "getBalance", action_balance },
	{ "getCountries", action_countries },
	{ "getNumbersStatus", action_numbers_status },
	{ "getNumber", action_number },
	{ "getFullSms", action_full_sms },
	{ "setStatus", action_set_status },
	{ "getRentServicesAndCountries", action_rent_services },
	{ "getRentNumber", action_rent_number },
	{ "getRentList", action_rent_list },
	{ "getRentStatus", action_rent_status },
	{ "setRentStatus", action_set_rent_status },
};

static void too_many(struct http_request *request)
{
	http_set_header(request, "Retry-After", "1");
	answer(request, 429, "text/html; charset=utf-8", "TOO_MANY_REQUESTS");
}

static void on_request(void *arg, struct http_request *request)
{
	struct alternative *api = arg;
	struct call_in call = { .api = api, .request = request };

	if (!customers_ready(api->parts.customers) || !activation_ready(api->parts.activations)) {
		answer_failure(request); /* the daemon has just started: nothing is known yet */
		return;
	}
	call.customer = authenticate(api, request);
	if (!call.customer || call.customer->off) {
		if (!call.customer) /* one who is off guesses at nothing */
			http_wrong_key(request);
		answer_text(request, "BAD_KEY");
		return;
	}
	if (!customer_may_call(call.customer, loop_now_ms(api->parts.loop))) {
		too_many(request);
		return;
	}
	strcpy(call.name, call.customer->name);
	take_all(request, &call);
	for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
		if (strcmp(actions[i].name, call.action) == 0) {
			actions[i].fn(&call);
			return;
		}
	answer_text(request, "BAD_ACTION");
}

/* ---- the configuration ---------------------------------------------------------------------- */

/* "/RE/" or "/RE/i"; NULL: why is said where there is a report. */
static struct pattern *compile_code(struct patterns *patterns, const struct config_service *service,
	const char *file, struct config_report *report)
{
	struct config_place place = { file, service->line };
	size_t len = strlen(service->code), offset;
	bool caseless = len > 1 && service->code[len - 1] == 'i';
	char why[PATTERN_WHY_SIZE];
	struct pattern *pattern;

	len -= caseless;
	if (len < 3 || service->code[0] != '/' || service->code[len - 1] != '/') {
		if (report)
			config_error(report, place,
				"code: a pattern stands between slashes; write /.../ or /.../i");
		return NULL;
	}
	pattern = pattern_compile(patterns, service->code + 1, len - 2, caseless, why, &offset);
	if (!pattern && report)
		config_error(report, place, "code: %s, at offset %zu of the pattern; correct it",
			why, offset);
	return pattern;
}

static void free_codes(struct pattern **codes, size_t count)
{
	for (size_t i = 0; codes && i < count; i++)
		pattern_free(codes[i]);
	free(codes);
}

static struct pattern **compile_codes(
	struct patterns *patterns, const struct config *config, struct config_report *report)
{
	struct pattern **codes = calloc(config->service_count + 1, sizeof *codes);

	for (size_t i = 0; codes && i < config->service_count; i++)
		if (config->services[i].code)
			codes[i] =
				compile_code(patterns, &config->services[i], config->file, report);
	return codes;
}

static int id_of(const struct config *config, const struct country *country)
{
	const struct config_country *own = country_config(config, country);

	return own && own->id >= 0 ? own->id : country->id;
}

/* A section that no country is meant by would do nothing. */
static void check_codes(const struct config *config, struct config_report *report)
{
	for (size_t i = 0; i < config->country_count; i++) {
		const struct config_country *own = &config->countries[i];
		struct config_place place = { config->file, own->line };
		if (own->mcc && !country_of_mcc(own->mcc))
			config_error(report, place,
				"[country mcc%d]: no country, or more than one, has this MCC",
				own->mcc);
		else if (own->code && !country_by_key(own->code))
			config_error(report, place,
				"[country %d]: no country has this calling code", own->code);
	}
}

static void check_ids(const struct config *config, struct config_report *report)
{
	for (size_t i = 0; i < countries_count; i++) {
		const struct config_country *own = country_config(config, &countries[i]);
		if (!own || own->id < 0)
			continue;
		for (size_t k = 0; k < countries_count; k++)
			if (k != i && id_of(config, &countries[k]) == own->id)
				config_error(report,
					(struct config_place) { config->file, own->line },
					"id: %s has %d too; take another, or give %s another",
					countries[k].name, own->id, countries[k].name);
	}
}

void alternative_check(const struct config *config, struct config_report *report)
{
	struct patterns *patterns = patterns_new();

	if (patterns)
		free_codes(compile_codes(patterns, config, report), config->service_count);
	else
		config_error(report, (struct config_place) { config->file, 0 }, "out of memory");
	patterns_free(patterns);
	check_codes(config, report);
	check_ids(config, report);
}

int alternative_reload(struct alternative *api, const struct config *config)
{
	struct pattern **fresh = compile_codes(api->patterns, config, NULL);

	free_codes(api->codes, api->parts.config->service_count);
	api->codes = fresh;
	api->parts.config = config;
	newest_forget_all(api); /* codes may be others now */
	return fresh ? 0 : -ENOMEM;
}

struct alternative *alternative_new(const struct alternative_parts *parts)
{
	static const char path[] = "/stubs/handler_api.php";
	struct alternative *api = calloc(1, sizeof *api);

	if (!api)
		return NULL;
	api->parts = *parts;
	api->routes[0] = (struct http_route) { "GET", path, on_request, api, HTTP_OWN };
	api->routes[1] = (struct http_route) { "POST", path, on_request, api, HTTP_OWN };
	api->patterns = patterns_new();
	api->codes = api->patterns ? compile_codes(api->patterns, parts->config, NULL) : NULL;
	if (api->codes)
		return api;
	alternative_free(api);
	return NULL;
}

void alternative_free(struct alternative *api)
{
	if (!api)
		return;
	newest_forget_all(api);
	free_codes(api->codes, api->parts.config->service_count);
	patterns_free(api->patterns);
	free(api);
}

void alternative_closed(struct alternative *api, int64_t id)
{
	newest_forget(api, id);
}

const struct http_route *alternative_routes(const struct alternative *api)
{
	return api->routes;
}
