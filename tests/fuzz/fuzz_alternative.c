/* fuzz_alternative.c - feeds bytes as a form, as phoneException and as a text: what is read of them
 * fits, and reading a form's values changes nothing else. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "platform/alternative_text.h"
#include "platform/sms_code.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int truth)
{
	if (!truth)
		abort();
}

static void check_value(int err, const char *out, size_t size)
{
	check(err == 0 || err == -ENOENT || err == -EINVAL);
	check(strnlen(out, size) < size);
	check(err == 0 || !*out);
}

/* The first line is the Content-Type of a form of parts. */
static void check_form(const char *body, size_t len)
{
	static const char *const names[] = { "action", "api_key", "phoneException", "id", "" };
	char out[16], type[100] = "";
	const char *line = memchr(body, '\n', len);
	size_t type_len = line ? (size_t)(line - body) + 1 : 0;

	if (type_len < sizeof type)
		memcpy(type, body, type_len);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		memset(out, 'x', sizeof out);
		check_value(form_value(body, len, names[i], out, sizeof out), out, sizeof out);
		memset(out, 'x', sizeof out);
		check_value(form_part_value(type, body + type_len, len - type_len, names[i], out,
				    sizeof out),
			out, sizeof out);
	}
}

static void check_exceptions(const char *text)
{
	struct exceptions all;

	if (exceptions_read(text, &all) < 0)
		return;
	check(all.count <= EXCEPTIONS_MAX);
	for (size_t i = 0; i < all.count; i++) {
		size_t len = strnlen(all.prefixes[i], EXCEPTION_SIZE);
		check(len > 0 && len < EXCEPTION_SIZE);
		check(strspn(all.prefixes[i], "0123456789") == len);
		check(exceptions_hit(&all, all.prefixes[i], 0));
	}
}

static void check_code(const char *text)
{
	char code[SMS_CODE_SIZE];

	if (!sms_code_find(text, code))
		return;
	size_t len = strnlen(code, sizeof code);
	check(len >= 4 && len < sizeof code && strspn(code, "0123456789") == len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *exact = malloc(size ? size : 1), *text = malloc(size + 1);

	check(exact && text);
	if (size > 0)
		memcpy(exact, data, size);
	memcpy(text, exact, size);
	text[size] = '\0';
	check_form(exact, size);
	check_exceptions(text);
	check_code(text);
	int days = rent_days(text);
	check(days == -EINVAL || (days >= 1 && days <= RENT_DAYS_MAX));
	check(slug_len(text) <= strlen(text));
	free(exact);
	free(text);
	return 0;
}
