/* sim_links.c - the names of simulated devices: as the kernel numbers them, and by place. */
#include "sim.h"

#include <errno.h>
#include <unistd.h>

enum { PATH_ROOM = 512 };

/* DIR/m003, and DIR/m003-if1 for the second AT port. */
static void tty_path(const struct sim_channel *channel, char *path)
{
	const struct sim_modem *modem = channel->modem;
	int n = snprintf(path, PATH_ROOM, "%s/m%03u", modem->world->dir, modem->tty);

	if (channel->interface > 0)
		snprintf(path + n, PATH_ROOM - (size_t)n, "-if%u", channel->interface);
}

/* LINKS/usb-0:1.4:1.0: socket 4, interface 0; it stays when numbers permute. */
static void place_path(const struct sim_channel *channel, char *path)
{
	const struct sim_modem *modem = channel->modem;

	snprintf(path, PATH_ROOM, "%s/usb-0:1.%u:1.%u", modem->world->links, modem->index + 1,
		channel->interface);
}

static int link_to(const char *path, const char *device)
{
	unlink(path);
	return symlink(device, path) < 0 ? -errno : 0;
}

int sim_links_make(const struct sim_channel *channel, const char *device)
{
	char tty[PATH_ROOM], place[PATH_ROOM];
	int rc;

	tty_path(channel, tty);
	rc = link_to(tty, device);
	if (rc < 0 || !channel->modem->world->links)
		return rc;
	place_path(channel, place);
	return link_to(place, tty);
}

void sim_links_remove(const struct sim_channel *channel)
{
	char path[PATH_ROOM];

	tty_path(channel, path);
	unlink(path);
	if (!channel->modem->world->links)
		return;
	place_path(channel, path);
	unlink(path);
}
