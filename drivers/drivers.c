/* drivers.c - the list of modem families, the fallback last. */
#include <string.h>

#include "modem/driver.h"

extern const struct modem_driver driver_generic, driver_sim800;

const struct modem_driver *const modem_drivers[] = {
	&driver_sim800,
	&driver_generic,
	NULL,
};

const struct modem_driver *modem_driver_for(const char *model)
{
	for (const struct modem_driver *const *driver = modem_drivers; *driver; driver++)
		for (const char *const *part = (*driver)->models; part && *part; part++)
			if (strstr(model, *part))
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
