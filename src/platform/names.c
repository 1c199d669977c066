/* names.c - what platforms call the countries, operators and services of the cards. */
#include "platform/names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/countries.h"
#include "base/utf8.h"

struct names {
	const struct config *config;
	const struct operators *operators;
	const char *countries[]; /* in the order of the table */
};

static bool has_mcc(const struct country *country, int mcc)
{
	for (size_t i = 0; i < COUNTRY_MCC_MAX && country->mcc[i]; i++)
		if (country->mcc[i] == mcc)
			return true;
	return false;
}

/* By its MCC, or by its calling code, which is the main one's where several share it. */
static const char *country_name(const struct config *config, const struct country *country)
{
	bool main_one = country_by_key(country->calling) == country;
	const char *name = country->name;

	for (size_t i = 0; i < config->country_count; i++) {
		const struct config_country *row = &config->countries[i];
		if (row->name && row->mcc && has_mcc(country, row->mcc))
			return row->name;
		if (row->name && !row->mcc && main_one && row->code == country->calling)
			name = row->name;
	}
	return name;
}

struct names *names_new(const struct config *config, const struct operators *operators)
{
	struct names *names = calloc(1, sizeof *names + countries_count * sizeof *names->countries);

	if (!names)
		return NULL;
	names->config = config;
	names->operators = operators;
	for (size_t i = 0; i < countries_count; i++)
		names->countries[i] = country_name(config, &countries[i]);
	return names;
}

void names_free(struct names *names)
{
	free(names);
}

const char *names_country(const struct names *names, const char *number, const char *imsi)
{
	const struct country *country = country_of(number, imsi);

	return country ? names->countries[country - countries] : NULL;
}

/* Of the sections whose code begins these digits the longest counts. */
static const char *configured(const struct config *config, const char *digits)
{
	const struct config_operator *best = NULL;

	for (size_t i = 0; i < config->operator_count; i++) {
		const struct config_operator *row = &config->operators[i];
		size_t len = strlen(row->code);
		if (row->name && strncmp(row->code, digits, len) == 0 &&
			(!best || len > strlen(best->code)))
			best = row;
	}
	return best ? best->name : NULL;
}

/* North America has codes of six digits (MCC 302 to 376), others of five. */
static int code_length(const char *digits)
{
	return digits[0] == '3' ? 6 : 5;
}

/* What does not fit is cut between two characters. */
static void copy_name(const char *name, char out[NAMES_SIZE])
{
	size_t left = strlen(name), len = 0, step;

	while (left > 0 && (step = utf8_step(name + len, left)) && len + step < NAMES_SIZE) {
		len += step;
		left -= step;
	}
	memcpy(out, name, len);
	out[len] = '\0';
}

void names_operator(const struct names *names, int code, const char *imsi, char out[NAMES_SIZE])
{
	char digits[16];

	snprintf(digits, sizeof digits, "%d", code);
	if (code == 0)
		snprintf(digits, sizeof digits, "%s", imsi);
	const char *name = configured(names->config, digits);
	if (!name)
		name = operators_name(names->operators, digits);
	if (name && strcasecmp(name, "any") != 0)
		copy_name(name, out);
	else if (strlen(digits) >= 5)
		snprintf(out, NAMES_SIZE, "%.*s", code_length(digits), digits);
	else
		snprintf(out, NAMES_SIZE, "unknown");
}

const char *names_service(
	const struct config_service *service, const struct config_platform *platform)
{
	const char *own =
		strcmp(platform->profile, "smshub") == 0 ? service->smshub : service->onlinesim;

	return own ? own : service->name;
}
