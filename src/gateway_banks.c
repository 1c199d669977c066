/* gateway_banks.c - the SIM banks that switch cards: what they ask before a card is taken out. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway_impl.h"

static bool is_listed(void *arg, struct modem *modem)
{
	return gateway_is_listed(arg, modem, &modem->held_wish);
}

static bool has_order(void *arg, const struct modem *modem)
{
	const struct gateway *gateway = arg;

	return *modem->card_id && activation_open(gateway->activations, modem->card_id) != NULL;
}

static bool same_device(const char *a, const char *b)
{
	char *real_a, *real_b;
	bool same = strcmp(a, b) == 0;

	if (same || strncmp(a, "tcp:", 4) == 0 || strncmp(b, "tcp:", 4) == 0)
		return same;
	real_a = realpath(a, NULL);
	real_b = real_a ? realpath(b, NULL) : NULL;
	same = real_b && strcmp(real_a, real_b) == 0;
	free(real_a);
	free(real_b);
	return same;
}

bool gateway_is_control(const struct config *config, const char *device)
{
	for (size_t b = 0; b < config->bank_count; b++)
		for (size_t i = 0; i < config->banks[b].control_count; i++)
			if (same_device(config->banks[b].controls[i].device, device))
				return true;
	return false;
}

int gateway_banks_start(struct gateway *gateway)
{
	gateway->bank_wiring = (struct bank_wiring) { is_listed, has_order, gateway };
	gateway->banks = banks_new(&gateway->env, &gateway->bank_wiring);
	gateway->view.banks = gateway->banks;
	return gateway->banks ? banks_configure(gateway->banks, gateway->config) : -ENOMEM;
}
