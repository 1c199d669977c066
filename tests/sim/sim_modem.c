/* sim_modem.c - one simulated modem: its pty, its bytes, its restarts. */
#include "sim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum { SLOW_STEP_US = 10000, ENDLESS_US = 20000 };

int64_t sim_now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

uint32_t sim_random(struct sim_world *world)
{
	world->random ^= world->random << 13;
	world->random ^= world->random >> 7;
	world->random ^= world->random << 17;
	return (uint32_t)(world->random >> 16);
}

static bool locked(const struct sim_modem *modem)
{
	return modem->card->pin[0] && !modem->unlocked;
}

bool sim_modem_sim_ready(const struct sim_modem *modem)
{
	return modem->sim_in && modem->set.cfun != 0 && !locked(modem);
}

bool sim_modem_sim_asks(const struct sim_modem *modem)
{
	return modem->sim_in && modem->set.cfun != 0 && locked(modem);
}

int sim_modem_stat(const struct sim_modem *modem)
{
	return modem->sim_in && modem->set.cfun == 1 && !locked(modem) ? modem->network : 0;
}

void sim_modem_activate(struct sim_modem *modem)
{
	struct sim_world *world = modem->world;

	if (modem->active_at >= 0)
		return;
	modem->active_at = (int)world->active_count;
	world->active[world->active_count++] = modem;
}

static void deactivate(struct sim_modem *modem)
{
	struct sim_world *world = modem->world;
	struct sim_modem *last;

	if (modem->active_at < 0)
		return;
	last = world->active[--world->active_count];
	world->active[modem->active_at] = last;
	last->active_at = modem->active_at;
	modem->active_at = -1;
}

void sim_modem_put(struct sim_modem *modem, const char *data, size_t len)
{
	if (modem->master < 0 || modem->faults.silent)
		return;
	if (modem->tx_at > 0 && modem->tx_at >= modem->tx_len / 2) {
		modem->tx_len -= modem->tx_at;
		memmove(modem->tx, modem->tx + modem->tx_at, modem->tx_len);
		modem->tx_at = 0;
	}
	if (modem->tx_len + len > modem->tx_room) {
		size_t room = 2 * (modem->tx_len + len);
		char *tx = room > 2 * (size_t)SIM_TX_MAX ? NULL : realloc(modem->tx, room);
		if (!tx) {
			modem->counts.lost_tx += len;
			return;
		}
		modem->tx = tx;
		modem->tx_room = room;
	}
	memcpy(modem->tx + modem->tx_len, data, len);
	modem->tx_len += len;
	sim_modem_activate(modem);
}

void sim_modem_line(struct sim_modem *modem, const char *format, ...)
{
	char line[2 * SIM_PDU_MAX + 128];
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(line + 2, sizeof(line) - 4, format, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(line) - 4)
		abort();
	memcpy(line, "\r\n", 2);
	memcpy(line + 2 + n, "\r\n", 2);
	sim_modem_put(modem, line, (size_t)n + 4);
}

static void watch(struct sim_modem *modem, int op, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = modem };

	if (epoll_ctl(modem->world->epfd, op, modem->master, &ev) < 0)
		perror("modemsim: epoll_ctl");
}

/* Sends what one turn may send. */
static void transmit(struct sim_modem *modem, int64_t now_us)
{
	const struct sim_world *world = modem->world;
	size_t n = modem->tx_len - modem->tx_at;
	ssize_t done;

	if (world->chunk_most > 0) {
		size_t most =
			world->chunk_least +
			sim_random(modem->world) % (world->chunk_most - world->chunk_least + 1);
		n = n < most ? n : most;
	}
	if (modem->faults.slow_bytes_s > 0) {
		uint64_t most = (uint64_t)modem->faults.slow_bytes_s * SLOW_STEP_US / 1000000;
		most = most > 0 ? most : 1;
		n = n < most ? n : (size_t)most;
		modem->next_tx_us = now_us + (int64_t)(n * 1000000 / modem->faults.slow_bytes_s);
	}
	done = write(modem->master, modem->tx + modem->tx_at, n);
	if (done > 0) {
		modem->tx_at += (size_t)done;
		return;
	}
	modem->blocked = true;
	watch(modem, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
}

void sim_modem_writable(struct sim_modem *modem)
{
	if (!modem->blocked)
		return;
	modem->blocked = false;
	watch(modem, EPOLL_CTL_MOD, EPOLLIN);
	sim_modem_activate(modem);
}

static void run_line(struct sim_modem *modem)
{
	modem->line[modem->line_len] = '\0';
	modem->line_len = 0;
	sim_at_execute(modem, modem->line);
	if (modem->reboot_after)
		sim_modem_boot(modem);
	else if (modem->radio_after)
		sim_modem_set_card(modem, modem->sim_in);
	modem->reboot_after = modem->radio_after = false;
	sim_direct_pump(modem);
	sim_pump(modem);
}

/* One byte from the host; a line is complete at CR (V.250 5.2.1). */
static void take_byte(struct sim_modem *modem, char c)
{
	if (modem->set.echo)
		sim_modem_put(modem, &c, 1);
	if (c == '\r') {
		if (modem->faults.late_ms == 0) {
			run_line(modem);
			return;
		}
		modem->held = true;
		modem->held_until_us = sim_now_us() + (int64_t)modem->faults.late_ms * 1000;
		sim_modem_activate(modem);
	} else if (c == 0x1b) {
		modem->line_len = 0;
	} else if (c != '\n' && modem->line_len < SIM_LINE_MAX - 1) {
		modem->line[modem->line_len++] = c;
	}
}

static void feed(struct sim_modem *modem)
{
	size_t at = 0;

	while (at < modem->rx_len && !modem->held && !modem->faults.silent)
		take_byte(modem, modem->rx[at++]);
	if (modem->faults.silent || at > modem->rx_len) /* it has restarted meanwhile */
		at = modem->rx_len;
	modem->rx_len -= at;
	memmove(modem->rx, modem->rx + at, modem->rx_len);
}

void sim_modem_read(struct sim_modem *modem)
{
	char waste[SIM_RX_MAX];
	size_t room = SIM_RX_MAX - modem->rx_len;
	ssize_t n;

	if (modem->master < 0)
		return;
	if (room == 0) {
		n = read(modem->master, waste, sizeof(waste));
		modem->counts.lost_rx += n > 0 ? (uint64_t)n : 0;
		return;
	}
	n = read(modem->master, modem->rx + modem->rx_len, room);
	if (n <= 0)
		return;
	modem->rx_len += (size_t)n;
	feed(modem);
}

void sim_modem_chatter(struct sim_modem *modem)
{
	modem->next_say_us = 0;
	sim_modem_activate(modem);
}

/* What it says without being asked; microseconds until it does again, -1 for never. */
static int64_t chatter(struct sim_modem *modem, int64_t now_us)
{
	int64_t every_us = modem->listing ? ENDLESS_US : (int64_t)modem->faults.chatter_ms * 1000;

	if (modem->master < 0 || every_us == 0)
		return -1;
	if (modem->next_say_us <= now_us) {
		sim_modem_line(modem, modem->listing ? "+CMGL: " : "RDY");
		modem->next_say_us = now_us + every_us;
	}
	return modem->next_say_us - now_us;
}

/* Microseconds until the pty has more to do, 0 at once, -1 never. */
static int64_t channel_turn(struct sim_modem *modem, int64_t now_us)
{
	int64_t wait_us = chatter(modem, now_us);

	if (modem->held && modem->held_until_us <= now_us) {
		modem->held = false;
		run_line(modem);
		feed(modem);
	}
	if (modem->held && (wait_us < 0 || modem->held_until_us - now_us < wait_us))
		wait_us = modem->held_until_us - now_us;
	if (modem->master < 0 || modem->blocked || modem->tx_at == modem->tx_len)
		return wait_us;
	if (modem->faults.slow_bytes_s == 0 || modem->next_tx_us <= now_us)
		transmit(modem, now_us);
	if (modem->blocked || modem->tx_at == modem->tx_len)
		return wait_us;
	if (modem->faults.slow_bytes_s == 0 || modem->next_tx_us <= now_us)
		return 0;
	if (wait_us < 0 || modem->next_tx_us - now_us < wait_us)
		wait_us = modem->next_tx_us - now_us;
	return wait_us;
}

/* The same for all of the modem. */
static int64_t modem_turn(struct sim_modem *modem, int64_t now_us)
{
	int64_t direct_us = sim_direct_turn(modem, now_us);
	int64_t channel_us = channel_turn(modem, now_us);

	if (direct_us < 0 || (channel_us >= 0 && channel_us < direct_us))
		return channel_us;
	return direct_us;
}

int64_t sim_world_turn(struct sim_world *world)
{
	int64_t now_us, least = -1;

	if (world->active_count == 0)
		return -1;
	now_us = sim_now_us();
	for (unsigned i = world->active_count; i-- > 0;) {
		struct sim_modem *modem = world->active[i];
		int64_t wait_us = modem_turn(modem, now_us);
		if (wait_us < 0)
			deactivate(modem);
		else if (least < 0 || wait_us < least)
			least = wait_us;
	}
	return least;
}

static void reset_settings(struct sim_modem *modem)
{
	const struct sim_world *world = modem->world;
	enum sim_memory memory = world->family == SIM_FAMILY_GENERIC && world->me_size > 0
					 ? SIM_MEMORY_ME
					 : SIM_MEMORY_SM;

	sim_direct_lost(modem);
	modem->set = (struct sim_settings) {
		.echo = world->echo != SIM_ECHO_OFF,
		.ciurc = true,
		.cfun = 1,
		.memory = { memory, memory, memory },
	};
	modem->held = modem->listing = false;
	modem->rx_len = modem->line_len = 0;
	modem->stat_said = sim_modem_stat(modem);
}

void sim_modem_announce(struct sim_modem *modem)
{
	static const char *const names[] = { "+CREG", "+CGREG", "+CEREG" };
	const uint8_t modes[] = { modem->set.creg, modem->set.cgreg, modem->set.cereg };
	int stat = sim_modem_stat(modem);

	if (stat == modem->stat_said)
		return;
	modem->stat_said = stat;
	for (int i = 0; i < 3; i++) {
		if (modes[i] == 1 || (modes[i] == 2 && stat == 0))
			sim_modem_line(modem, "%s: %d", names[i], stat);
		else if (modes[i] == 2)
			sim_modem_line(modem, "%s: %d,\"00A1\",\"%04X\"", names[i], stat,
				0x0f00u + modem->index);
	}
}

static void say_ready(struct sim_modem *modem)
{
	if (!sim_modem_sim_ready(modem))
		return;
	sim_modem_line(modem, "+CPIN: READY");
	if (modem->set.ciurc) {
		sim_modem_line(modem, "Call Ready");
		sim_modem_line(modem, "SMS Ready");
	}
}

void sim_modem_set_card(struct sim_modem *modem, bool in)
{
	bool sim800 = modem->world->family == SIM_FAMILY_SIM800;
	bool says = modem->set.csdt || (sim800 && modem->radio_after);

	modem->sim_in = in;
	modem->unlocked = modem->unlocked && modem->radio_after;
	modem->card->holder = modem;
	if (!says)
		; /* such a modem tells nothing: the host has to ask */
	else if (in)
		say_ready(modem);
	else
		sim_modem_line(modem, "+CPIN: NOT INSERTED");
	sim_modem_announce(modem);
	sim_pump(modem);
}

void sim_modem_boot(struct sim_modem *modem)
{
	modem->faults.silent = modem->faults.silent_armed = modem->unlocked = false;
	reset_settings(modem);
	sim_modem_line(modem, "RDY");
	sim_modem_line(modem, "+CFUN: 1");
	if (modem->sim_in)
		say_ready(modem);
	else
		sim_modem_line(modem, "+CPIN: NOT INSERTED");
	sim_direct_pump(modem);
	sim_pump(modem);
}

void sim_modem_clear(struct sim_modem *modem)
{
	modem->faults = (struct sim_faults) { 0 };
	modem->listing = false;
	modem->held_until_us = modem->next_tx_us = 0;
	sim_direct_pump(modem);
	sim_pump(modem);
}

static void link_path(const struct sim_modem *modem, char *path, size_t size)
{
	snprintf(path, size, "%s/%s", modem->world->dir, modem->name);
}

static int open_slave(int master, char *name, size_t size)
{
	struct termios tio;
	int slave;

	if (grantpt(master) < 0 || unlockpt(master) < 0 || ptsname_r(master, name, size) != 0)
		return -EIO;
	slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0)
		return -errno;
	if (tcgetattr(slave, &tio) == 0) {
		cfmakeraw(&tio);
		cfsetspeed(&tio, B115200);
		if (tcsetattr(slave, TCSANOW, &tio) == 0)
			return slave;
	}
	close(slave);
	return -EIO;
}

int sim_modem_plug(struct sim_modem *modem)
{
	char name[64], path[512];

	if (modem->master >= 0)
		return -EALREADY;
	modem->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (modem->master < 0)
		return -errno;
	/* held open here, so that the master sees no hang-up between two opens by the host */
	modem->slave = open_slave(modem->master, name, sizeof(name));
	if (modem->slave < 0) {
		close(modem->master);
		modem->master = -1;
		return -EIO;
	}
	reset_settings(modem);
	watch(modem, EPOLL_CTL_ADD, EPOLLIN);
	link_path(modem, path, sizeof(path));
	unlink(path);
	return symlink(name, path) < 0 ? -errno : 0;
}

void sim_modem_unplug(struct sim_modem *modem)
{
	char path[512];

	if (modem->master < 0)
		return;
	link_path(modem, path, sizeof(path));
	unlink(path);
	close(modem->slave);
	close(modem->master);
	modem->master = modem->slave = -1;
	modem->tx_len = modem->tx_at = modem->rx_len = modem->line_len = 0;
	modem->blocked = modem->held = false;
	deactivate(modem);
}

int sim_modem_init(struct sim_world *world, unsigned index, struct sim_modem *modem)
{
	unsigned sum = 0;

	*modem = (struct sim_modem) {
		.world = world,
		.index = index,
		.master = -1,
		.slave = -1,
		.active_at = -1,
		.sim_in = true,
		.network = 1,
		.card = sim_card_new(world, NULL),
	};
	if (!modem->card || sim_store_init(&modem->me, world->me_size) < 0)
		return -ENOMEM;
	modem->card->holder = modem;
	snprintf(modem->name, sizeof(modem->name), "m%03u", index % 10000);
	snprintf(modem->imei, sizeof(modem->imei), "35209900%06u", index % 1000000);
	for (int i = 0; i < 14; i++) {
		unsigned d = (unsigned)(modem->imei[i] - '0') * (i % 2 ? 2u : 1u);
		sum += d / 10 + d % 10;
	}
	modem->imei[14] = (char)('0' + (10 - sum % 10) % 10);
	modem->imei[15] = '\0';
	return sim_modem_plug(modem);
}

void sim_modem_done(struct sim_modem *modem)
{
	sim_modem_unplug(modem);
	sim_direct_done(modem);
	sim_store_done(&modem->me);
	free(modem->tx);
}
