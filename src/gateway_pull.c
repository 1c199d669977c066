/* gateway_pull.c - platforms that ask: for numbers (orders), and for their list. */
#include <errno.h>
#include <string.h>

#include "gateway_impl.h"

/* Who orders needs operators by name. Without the file they are shown by their codes. */
static void load_operators(struct gateway *gateway)
{
	unsigned long line = 0;
	bool wanted = false;

	for (size_t i = 0; i < gateway->config->platform_count; i++)
		wanted |= config_platform_orders(&gateway->config->platforms[i]);
	if (!wanted || gateway->operators)
		return;
	int err = operators_load(OPERATORS_FILE, &gateway->operators, &line);
	if (err == -ENOENT)
		log_info(LOGC_CONFIG, NULL, NULL, NULL,
			"mobile-broadband-provider-info is not installed: operators without an "
			"[operator] section are shown by their codes");
	else if (err)
		log_warning(LOGC_CONFIG, NULL, NULL,
			LOG_FIELDS(LOG_STR("file", OPERATORS_FILE), LOG_INT("line", (int64_t)line),
				LOG_STR("reason", strerror(-err))),
			"the names of operators cannot be read: those without an [operator] "
			"section "
			"are shown by their codes");
	else
		log_info(LOGC_CONFIG, NULL, NULL,
			LOG_FIELDS(
				LOG_INT("operators", (int64_t)operators_count(gateway->operators))),
			"names of operators are read");
}

static bool list_at(
	void *arg, size_t i, const struct config_platform **platform, struct roster **roster)
{
	const struct gateway *gateway = arg;

	if (i >= gateway->view.platform_count)
		return false;
	*platform = gateway->platforms[i].config;
	*roster = gateway->platforms[i].roster;
	return true;
}

int gateway_pull_start(struct gateway *gateway)
{
	load_operators(gateway);
	gateway->names = names_new(gateway->config, gateway->operators);
	if (gateway->names)
		gateway->orders = orders_new(
			gateway->loop, gateway->activations, gateway->config, gateway->names);
	gateway->list_hook = list_hook_new(list_at, gateway);
	return gateway->orders && gateway->list_hook ? 0 : -ENOMEM;
}

void gateway_pull_reload(struct gateway *gateway)
{
	struct names *old = gateway->names;

	load_operators(gateway);
	gateway->names = names_new(gateway->config, gateway->operators);
	if (orders_configure(
		    gateway->orders, gateway->names ? gateway->config : NULL, gateway->names) < 0)
		log_error(LOGC_CONFIG, NULL, NULL, NULL,
			"out of memory: no platform can order until the next reload");
	names_free(old);
}

void gateway_pull_free(struct gateway *gateway)
{
	orders_free(gateway->orders);
	list_hook_free(gateway->list_hook);
	names_free(gateway->names);
	operators_free(gateway->operators);
}
