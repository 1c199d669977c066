/* dashboard.c - the operator's page at "/", and what it is made of. It reads /api/v1 alone. */
#include "api/dashboard.h"

#include <stdio.h>
#include <string.h>

#include "api/dashboard_files.h"
#include "api/json.h"

/* A file, and the first digits of its SHA-256: pages name it by them, so that it may be kept. */
struct file {
	const char *path, *type;
	const unsigned char *data;
	const size_t *len;
	const char *hash;
};

static const struct file files[] = {
	{ "", "text/html; charset=utf-8", web_index, &web_index_len, WEB_INDEX_HASH },
	{ "app.js", "text/javascript; charset=utf-8", web_app, &web_app_len, WEB_APP_HASH },
	{ "style.css", "text/css; charset=utf-8", web_style, &web_style_len, WEB_STYLE_HASH },
	{ "icon.svg", "image/svg+xml", web_icon, &web_icon_len, WEB_ICON_HASH },
};

/* Nothing from elsewhere, nothing to elsewhere, in no other page's frame. */
static const char policy[] =
	"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
	"img-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; "
	"require-trusted-types-for 'script'; trusted-types 'none'";

static void set_headers(struct http_request *request, const struct file *file)
{
	const char *version = http_query(request, "v");
	bool named = version && strcmp(version, file->hash) == 0;
	char tag[80];

	snprintf(tag, sizeof tag, "W/\"%s\"", file->hash);
	http_set_header(request, "ETag", tag);
	http_set_header(request, "Cache-Control",
		named ? "private, max-age=31536000, immutable" : "private, no-cache");
	http_set_header(request, "Content-Security-Policy", policy);
	http_set_header(request, "Referrer-Policy", "no-referrer");
	http_set_header(request, "Cross-Origin-Opener-Policy", "same-origin");
	http_set_header(request, "Cross-Origin-Resource-Policy", "same-origin");
}

static void on_file(void *arg, struct http_request *request)
{
	const char *known = http_header(request, "If-None-Match");
	const struct file *file = NULL;

	(void)arg;
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
		if (strcmp(files[i].path, request->rest) == 0)
			file = &files[i];
	if (!file || (!*file->path && strcmp(request->path, "/") != 0)) {
		json_error(request, 404, "no such path");
		return;
	}
	set_headers(request, file);
	if (known && strstr(known, file->hash))
		http_reply(request, 304, file->type, "", 0);
	else
		http_reply(request, 200, file->type, (const char *)file->data, *file->len);
}

const struct http_route *dashboard_routes(void)
{
	static const struct http_route routes[] = {
		{ "GET", "/", on_file, NULL, HTTP_OPERATOR },
		{ "GET", "/assets/*", on_file, NULL, HTTP_OPERATOR },
		{ NULL, NULL, NULL, NULL, HTTP_OPERATOR },
	};

	return routes;
}
