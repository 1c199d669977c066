/* sim_channel.c - a simulated modem's AT ports: ptys, their bytes, and how lines are framed. */
#include "sim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <termios.h>
#include <unistd.h>

enum { SLOW_STEP_US = 10000, ENDLESS_US = 5000 };

/* ---- to the host ---------------------------------------------------------------------------- */

static struct sim_channel *target(struct sim_modem *modem)
{
	return modem->asked ? modem->asked : &modem->channels[modem->codes_on];
}

static void put(struct sim_channel *channel, const char *data, size_t len)
{
	struct sim_modem *modem = channel->modem;

	if (channel->master < 0 || modem->faults.silent)
		return;
	if (channel->tx_at > 0 && channel->tx_at >= channel->tx_len / 2) {
		channel->tx_len -= channel->tx_at;
		memmove(channel->tx, channel->tx + channel->tx_at, channel->tx_len);
		channel->tx_at = 0;
	}
	if (channel->tx_len + len > channel->tx_room) {
		size_t room = 2 * (channel->tx_len + len);
		char *tx = room > 2 * (size_t)SIM_TX_MAX ? NULL : realloc(channel->tx, room);
		if (!tx) {
			modem->counts.lost_tx += len;
			return;
		}
		channel->tx = tx;
		channel->tx_room = room;
	}
	memcpy(channel->tx + channel->tx_len, data, len);
	channel->tx_len += len;
	sim_modem_activate(modem);
}

void sim_put(struct sim_modem *modem, const char *data, size_t len)
{
	put(target(modem), data, len);
}

static void put_framed(struct sim_modem *modem, const struct sim_frame *frame, const char *line)
{
	const char *ends = modem->world->ends;
	const char *lead = ends ? ends : frame->lead ? frame->lead : "\r\n";
	const char *tail = ends ? ends : frame->tail ? frame->tail : "\r\n";

	sim_put(modem, lead, strlen(lead));
	sim_put(modem, line, strlen(line));
	sim_put(modem, tail, strlen(tail));
}

/* An answer whose line is spoiled: an error's words in front of it, or a code inside. */
static bool spoil(struct sim_modem *modem, const char *line)
{
	struct sim_faults *faults = &modem->faults;
	size_t cut = strlen(line) / 2;

	if (faults->glued > 0) {
		faults->glued--;
		sim_put(modem, "\r\n+CME ERROR: 25", 16);
	} else if (faults->split > 0 && cut > 0) {
		faults->split--;
		sim_put(modem, "\r\n", 2);
		sim_put(modem, line, cut);
		put_framed(modem, &modem->profile->code, "^BOOT:12345678,0,0,0,77");
		line += cut;
	} else {
		return false;
	}
	sim_put(modem, line, strlen(line));
	sim_put(modem, "\r\n", 2);
	return true;
}

static void format_line(char *line, size_t size, const char *format, va_list ap)
	__attribute__((format(printf, 3, 0)));

static void format_line(char *line, size_t size, const char *format, va_list ap)
{
	int n = vsnprintf(line, size, format, ap);

	if (n < 0 || (size_t)n >= size)
		abort();
}

enum { LINE_ROOM = 2 * SIM_PDU_MAX + 128 };

void sim_line(struct sim_modem *modem, const char *format, ...)
{
	char line[LINE_ROOM];
	va_list ap;

	va_start(ap, format);
	format_line(line, sizeof(line), format, ap);
	va_end(ap);
	if (!spoil(modem, line))
		put_framed(modem, &modem->profile->answer, line);
}

void sim_code(struct sim_modem *modem, const char *format, ...)
{
	struct sim_channel *asked = modem->asked;
	char line[LINE_ROOM];
	va_list ap;

	if (modem->faults.no_codes)
		return;
	va_start(ap, format);
	format_line(line, sizeof(line), format, ap);
	va_end(ap);
	modem->asked = NULL;
	put_framed(modem, &modem->profile->code, line);
	modem->asked = asked;
}

void sim_final(struct sim_modem *modem, const char *format, ...)
{
	char line[LINE_ROOM];
	va_list ap;

	va_start(ap, format);
	format_line(line, sizeof(line), format, ap);
	va_end(ap);
	put_framed(modem, &modem->profile->final, line);
}

void sim_note(struct sim_modem *modem, const char *format, ...)
{
	va_list ap;

	if (modem->note_count == SIM_NOTES_MAX)
		abort();
	va_start(ap, format);
	format_line(modem->notes[modem->note_count++], SIM_NOTE_MAX, format, ap);
	va_end(ap);
}

static void watch(struct sim_channel *channel, int op, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = channel };

	if (epoll_ctl(channel->modem->world->epfd, op, channel->master, &ev) < 0)
		perror("modemsim: epoll_ctl");
}

/* Sends what one turn may send. */
static void transmit(struct sim_channel *channel, int64_t now_us)
{
	struct sim_world *world = channel->modem->world;
	unsigned slow = channel->modem->faults.slow_bytes_s;
	size_t n = channel->tx_len - channel->tx_at;
	ssize_t done;

	if (world->chunk_most > 0) {
		size_t most = world->chunk_least +
			      sim_random(world) % (world->chunk_most - world->chunk_least + 1);
		n = n < most ? n : most;
	}
	if (slow > 0) {
		uint64_t most = (uint64_t)slow * SLOW_STEP_US / 1000000;
		most = most > 0 ? most : 1;
		n = n < most ? n : (size_t)most;
		channel->next_tx_us = now_us + (int64_t)(n * 1000000 / slow);
	}
	done = write(channel->master, channel->tx + channel->tx_at, n);
	if (done > 0) {
		channel->tx_at += (size_t)done;
		return;
	}
	channel->blocked = true;
	watch(channel, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
}

void sim_channel_writable(struct sim_channel *channel)
{
	if (!channel->blocked)
		return;
	channel->blocked = false;
	watch(channel, EPOLL_CTL_MOD, EPOLLIN);
	sim_modem_activate(channel->modem);
}

/* ---- from the host -------------------------------------------------------------------------- */

static void run_line(struct sim_channel *channel)
{
	struct sim_modem *modem = channel->modem;

	channel->line[channel->line_len] = '\0';
	channel->line_len = 0;
	modem->asked = channel;
	sim_at_execute(channel, channel->line);
	modem->asked = NULL;
	sim_modem_after(modem);
}

/* One byte from the host; a line is complete at CR (V.250 5.2.1). */
static void take_byte(struct sim_channel *channel, char c)
{
	unsigned late_ms = channel->modem->faults.late_ms;

	if (channel->echo || channel->modem->faults.sticky_echo)
		put(channel, &c, 1);
	if (c == '\r') {
		if (late_ms == 0) {
			run_line(channel);
			return;
		}
		channel->held = true;
		channel->held_until_us = sim_now_us() + (int64_t)late_ms * 1000;
		sim_modem_activate(channel->modem);
	} else if (c == 0x1b) {
		channel->line_len = 0;
	} else if (c != '\n' && channel->line_len < SIM_LINE_MAX - 1) {
		channel->line[channel->line_len++] = c;
	}
}

/* Nobody listens: before a module has started up, in a listing that does not end, when it hangs. */
static bool ignores(const struct sim_channel *channel)
{
	const struct sim_modem *modem = channel->modem;

	return modem->faults.silent || channel->listing ||
	       (modem->times.at_us > 0 && sim_now_us() < modem->times.at_us);
}

static void feed(struct sim_channel *channel)
{
	size_t at = 0;

	while (at < channel->rx_len && !channel->held && !ignores(channel))
		take_byte(channel, channel->rx[at++]);
	if (at > channel->rx_len) /* the command was a restart */
		at = channel->rx_len;
	if (ignores(channel)) {
		channel->modem->counts.ignored_rx += channel->rx_len - at;
		at = channel->rx_len;
	}
	channel->rx_len -= at;
	memmove(channel->rx, channel->rx + at, channel->rx_len);
}

void sim_channel_read(struct sim_channel *channel)
{
	char waste[SIM_RX_MAX];
	size_t room = SIM_RX_MAX - channel->rx_len;
	ssize_t n;

	if (channel->master < 0)
		return;
	if (room == 0) {
		n = read(channel->master, waste, sizeof(waste));
		channel->modem->counts.lost_rx += n > 0 ? (uint64_t)n : 0;
		return;
	}
	n = read(channel->master, channel->rx + channel->rx_len, room);
	if (n <= 0)
		return;
	channel->rx_len += (size_t)n;
	feed(channel);
}

/* ---- the clock ------------------------------------------------------------------------------ */

static int64_t sooner(int64_t a, int64_t b)
{
	return a < 0 || (b >= 0 && b < a) ? b : a;
}

/* A listing without end: an entry each few milliseconds, as a line lets through. */
static int64_t endless_turn(struct sim_channel *channel, int64_t now_us)
{
	int64_t *due_us = &channel->modem->times.endless_us;

	if (!channel->listing)
		return -1;
	if (now_us >= *due_us && channel->tx_at == channel->tx_len) {
		sim_list_endless(channel);
		*due_us = now_us + ENDLESS_US;
	}
	return *due_us > now_us ? *due_us - now_us : ENDLESS_US;
}

int64_t sim_channel_turn(struct sim_channel *channel, int64_t now_us)
{
	unsigned slow = channel->modem->faults.slow_bytes_s;
	int64_t wait_us;

	if (channel->held && channel->held_until_us <= now_us) {
		channel->held = false;
		run_line(channel);
		feed(channel);
	}
	if (channel->master < 0)
		return -1;
	wait_us = endless_turn(channel, now_us);
	if (channel->held)
		wait_us = sooner(wait_us, channel->held_until_us - now_us);
	if (channel->blocked || channel->tx_at == channel->tx_len)
		return wait_us;
	if (slow == 0 || channel->next_tx_us <= now_us)
		transmit(channel, now_us);
	if (channel->blocked || channel->tx_at == channel->tx_len)
		return wait_us;
	if (slow == 0 || channel->next_tx_us <= now_us)
		return 0;
	return sooner(wait_us, channel->next_tx_us - now_us);
}

/* ---- ptys ----------------------------------------------------------------------------------- */

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

int sim_channel_open(struct sim_channel *channel)
{
	char name[64];

	channel->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (channel->master < 0)
		return -errno;
	/* held open here, so that the master sees no hang-up between two opens by the host */
	channel->slave = open_slave(channel->master, name, sizeof(name));
	if (channel->slave < 0) {
		close(channel->master);
		channel->master = -1;
		return -EIO;
	}
	watch(channel, EPOLL_CTL_ADD, EPOLLIN);
	return sim_links_make(channel, name);
}

void sim_channel_close(struct sim_channel *channel)
{
	if (channel->master < 0)
		return;
	sim_links_remove(channel);
	close(channel->slave);
	close(channel->master);
	channel->master = channel->slave = -1;
	sim_channel_reset(channel, true);
	channel->blocked = false;
}

void sim_channel_reset(struct sim_channel *channel, bool sent_too)
{
	channel->held = channel->listing = false;
	channel->rx_len = channel->line_len = 0;
	if (sent_too)
		channel->tx_len = channel->tx_at = 0;
}
