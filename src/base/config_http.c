/* config_http.c - [http]: where to listen, and with what certificate. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/config_impl.h"
#include "base/http.h"

int config_read_pem(const char *path, const char *what, char **out)
{
	char begin[64], *text = calloc(1, CONFIG_PEM_MAX + 2);
	const char *at;
	FILE *file;
	size_t len;
	int err = text ? config_open(path, &file) : -ENOMEM;

	if (err) {
		free(text);
		return err;
	}
	len = fread(text, 1, CONFIG_PEM_MAX + 1, file);
	if (ferror(file))
		err = -EIO;
	fclose(file);
	if (!err && len > CONFIG_PEM_MAX)
		err = -EFBIG;
	/* "-----BEGIN RSA PRIVATE KEY-----": a word may stand before what it is. */
	snprintf(begin, sizeof(begin), "%s-----", what);
	at = strstr(text, "-----BEGIN ");
	if (!err && (strlen(text) != len || !at || !strstr(at, begin)))
		err = -EBADMSG;
	if (err) {
		explicit_bzero(text, len);
		free(text);
		return err;
	}
	*out = text;
	return 0;
}

static struct config_place place_of(const struct config_section *section, const char *key)
{
	const struct config_entry *entry = config_find_entry(section, key);

	return entry ? entry->place : section->place;
}

static void check_address(
	struct config_loader *load, struct config_place place, const char *text, bool plain)
{
	struct http_address address;
	int err = http_address_parse(text, false, &address);

	if (err == -ENAMETOOLONG)
		config_error(load->report, place, "listen: a socket's path has at most 107 bytes");
	else if (err)
		config_error(load->report, place,
			"listen: \"%.100s\" is no address; write 127.0.0.1:8470, [::1]:8470 or "
			"unix:/path",
			text);
	else if (address.path && load->config->control &&
		 !strcmp(address.path, load->config->control))
		config_error(load->report, place, "listen: %.120s is the control socket", text);
	else if (plain && !address.local)
		config_error(load->report, place,
			"listen: at %.100s keys and texts would travel in clear; set tls_cert and "
			"tls_key, or allow_plaintext = yes",
			text);
}

void config_check_http(struct config_loader *load)
{
	const struct config_section *section = config_find_section(load, "http", "");
	const struct config_http *http = &load->config->http;
	bool cert, key;
	size_t i, j;

	if (!section)
		return;
	cert = config_find_entry(section, "tls_cert");
	key = config_find_entry(section, "tls_key");
	if (cert != key)
		config_error(load->report, place_of(section, cert ? "tls_cert" : "tls_key"),
			"%s: %s is missing", cert ? "tls_cert" : "tls_key",
			cert ? "tls_key" : "tls_cert");
	for (i = 0; i < http->listen_count; i++) {
		check_address(load, place_of(section, "listen"), http->listen[i],
			!cert && !key && !http->allow_plaintext);
		for (j = 0; j < i; j++)
			if (!strcmp(http->listen[i], http->listen[j]))
				config_error(load->report, place_of(section, "listen"),
					"listen: %.100s is named twice", http->listen[i]);
	}
}

static void free_secret(char *secret)
{
	if (secret)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}

void config_http_free(struct config_http *http)
{
	size_t i;

	for (i = 0; i < http->listen_count; i++)
		free(http->listen[i]);
	free(http->listen);
	free(http->tls_cert);
	free_secret(http->tls_key);
	free_secret(http->dashboard_key);
}
