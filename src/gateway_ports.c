/* gateway_ports.c - which ports there are: devices found, added, retired, buried. */
#include <fnmatch.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/counter.h"
#include "gateway_impl.h"

static bool is_glob(const char *device)
{
	return strpbrk(device, "*?[") != NULL && strncmp(device, "tcp:", 4) != 0;
}

/* A device's slot: its base name as configured; host_port for tcp:host:port. */
static void slot_name(const char *device, char *out, size_t size)
{
	const char *base = strrchr(device, '/');
	char plain[STORE_NAME_SIZE];
	size_t len = 0;

	if (strncmp(device, "tcp:", 4) == 0)
		base = device + 4;
	else
		base = base ? base + 1 : device;
	for (; *base && len + 1 < sizeof plain; base++)
		if (*base != '[' && *base != ']')
			plain[len++] = *base;
	plain[len] = '\0';
	config_clean_name(plain, out, size);
}

bool gateway_fixed_slot(const char *device, char out[STORE_NAME_SIZE])
{
	if (is_glob(device))
		return false;
	slot_name(device, out, STORE_NAME_SIZE);
	return true;
}

static bool slot_taken(
	struct gateway *gateway, const char *bank, const char *slot, const char *device)
{
	static struct log_limit limit = { .period_ms = GATEWAY_SUMMARY_MS, .burst = 8 };

	/* Nearly always they come in the same order as the last time. */
	if (gateway->scan_at < gateway->modem_count &&
		strcmp(gateway->modems[gateway->scan_at]->device, device) == 0) {
		gateway->scan_at++;
		return true;
	}
	for (size_t i = 0; i < gateway->modem_count; i++) {
		const struct modem *modem = gateway->modems[i];
		if (strcmp(modem->device, device) == 0) {
			gateway->scan_at = i + 1;
			return true;
		}
		if (strcmp(modem->bank, bank) == 0 && strcmp(modem->slot, slot) == 0) {
			if (log_limit(&limit))
				log_error(LOGC_CONFIG, modem->id, NULL,
					LOG_FIELDS(LOG_STR("device", device)),
					"two devices would have this name: narrow the glob");
			return true;
		}
	}
	return false;
}

struct modem *gateway_add_port(struct gateway *gateway, const struct modem_config *config)
{
	struct modem *modem;

	if (gateway_is_denied(gateway, config->bank))
		return NULL;
	if (gateway->modem_count == GATEWAY_SLOTS_MAX) {
		counter_add(COUNTER_SLOTS_REFUSED, 1);
		return NULL;
	}
	if (gateway->modem_count == gateway->modem_room) {
		size_t room = gateway->modem_room ? 2 * gateway->modem_room : 64;
		struct modem **modems = realloc(gateway->modems, room * sizeof(struct modem *));
		if (!modems)
			return NULL;
		gateway->modems = modems;
		gateway->modem_room = room;
	}
	modem = modem_new(&gateway->env, config);
	if (!modem)
		return NULL; /* out of memory: tried again at the next look */
	if (gateway_rescue_add(gateway, modem) < 0) {
		modem_free(modem);
		return NULL;
	}
	gateway->modems[gateway->modem_count++] = modem;
	gateway->view.modems = gateway->modems;
	gateway->view.modem_count = gateway->modem_count;
	gateway_drain_look(gateway);
	return modem;
}

static void add_modem(struct gateway *gateway, const struct config_bank *bank, const char *device)
{
	char slot[STORE_NAME_SIZE];
	struct modem_config config = { bank->name, slot, device, modem_driver_named(bank->driver),
		bank->baud, board_named(bank->board) };
	struct modem *modem;

	slot_name(device, slot, sizeof slot);
	if (slot_taken(gateway, bank->name, slot, device) ||
		gateway_is_control(gateway->config, device))
		return;
	modem = gateway_add_port(gateway, &config);
	if (modem)
		modem_start(modem);
}

static void scan_pattern(
	struct gateway *gateway, const struct config_bank *bank, const char *pattern)
{
	glob_t found;

	if (!is_glob(pattern)) {
		add_modem(gateway, bank, pattern);
		return;
	}
	if (glob(pattern, 0, NULL, &found) == 0)
		for (size_t i = 0; i < found.gl_pathc; i++)
			add_modem(gateway, bank, found.gl_pathv[i]);
	globfree(&found);
}

void gateway_scan(struct gateway *gateway)
{
	gateway->scan_at = 0;
	for (size_t b = 0; b < gateway->config->bank_count; b++)
		for (size_t d = 0; d < gateway->config->banks[b].device_count; d++)
			scan_pattern(gateway, &gateway->config->banks[b],
				gateway->config->banks[b].devices[d]);
}

void gateway_free_port(struct modem *modem)
{
	gateway_rescue_end(modem);
	modem_free(modem);
}

void gateway_bury_dead(struct gateway *gateway)
{
	size_t kept = 0;

	for (size_t i = 0; i < gateway->dying_count; i++) {
		if (modem_finished(gateway->dying[i]))
			gateway_free_port(gateway->dying[i]);
		else
			gateway->dying[kept++] = gateway->dying[i];
	}
	gateway->dying_count = kept;
}

void gateway_retire(struct gateway *gateway, size_t i, const char *why)
{
	struct modem *modem = gateway->modems[i];
	struct modem **dying =
		realloc(gateway->dying, (gateway->dying_count + 1) * sizeof(struct modem *));

	if (!dying)
		return; /* stays in service: the next reload does it */
	gateway->dying = dying;
	gateway->dying[gateway->dying_count++] = modem;
	gateway_hotplug_forget(gateway, modem);
	gateway->modem_count--;
	memmove(&gateway->modems[i], &gateway->modems[i + 1],
		(gateway->modem_count - i) * sizeof(struct modem *));
	gateway->view.modem_count = gateway->modem_count;
	modem_stop(modem, why);
}

bool gateway_covers(const struct config_bank *bank, const char *device)
{
	for (size_t i = 0; i < bank->device_count; i++)
		if (strcmp(bank->devices[i], device) == 0 ||
			(is_glob(bank->devices[i]) &&
				fnmatch(bank->devices[i], device, FNM_PATHNAME) == 0))
			return true;
	return false;
}
