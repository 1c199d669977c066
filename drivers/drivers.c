/* drivers.c - the list of modem families, the fallback last. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "modem/driver.h"

extern const struct modem_driver driver_sim800, driver_sim5320, driver_a76xx, driver_sim7600,
	driver_quectel_gsm, driver_quectel_lte, driver_zte, driver_huawei, driver_cinterion,
	driver_telit, driver_ublox, driver_fibocom, driver_neoway, driver_luat, driver_wavecom,
	driver_aithinker, driver_generic;

/* A short name comes behind the longer ones that begin like it: A7 behind A7670, M66 behind
 * M660. */
const struct modem_driver *const modem_drivers[] = {
	&driver_sim800,
	&driver_sim5320,
	&driver_a76xx,
	&driver_sim7600,
	&driver_neoway,
	&driver_quectel_gsm,
	&driver_quectel_lte,
	&driver_zte,
	&driver_huawei,
	&driver_cinterion,
	&driver_telit,
	&driver_ublox,
	&driver_fibocom,
	&driver_luat,
	&driver_wavecom,
	&driver_aithinker,
	&driver_generic,
	NULL,
};

/* Whether a word of the text begins with the part: "SIM900" does not in "MSIM900". */
static bool names(const char *text, const char *part)
{
	for (const char *at = text; *at; at++)
		if ((at == text || !isalnum((unsigned char)at[-1])) &&
			strncasecmp(at, part, strlen(part)) == 0)
			return true;
	return false;
}

const struct modem_driver *modem_driver_for(const char *model)
{
	for (const struct modem_driver *const *driver = modem_drivers; *driver; driver++)
		for (const char *const *part = (*driver)->models; part && *part; part++)
			if (names(model, *part))
				return *driver;
	return &driver_generic;
}

const struct modem_driver *modem_driver_named(const char *name)
{
	for (const struct modem_driver *const *driver = modem_drivers; *driver; driver++)
		if (strcmp((*driver)->name, name) == 0)
			return *driver;
	return NULL;
}
