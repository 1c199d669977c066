/* port_fd.c - opens ttys with plain open() and termios, and TCP serial servers. */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <unistd.h>

#include "port/port_impl.h"

enum {
	BUSY_TRIES = 5, /* an open of ours that was given up may hold the lock for a moment */
	BUSY_PAUSE_MS = 50,
	PTY_MAJOR_FIRST = 136, /* Unix98 pty slaves: Documentation/admin-guide/devices.txt */
	PTY_MAJOR_LAST = 143,
	KEEPALIVE_IDLE_S = 30,
	KEEPALIVE_EVERY_S = 10,
	KEEPALIVE_COUNT = 3,
	UNACKED_MS = 30000, /* TCP_USER_TIMEOUT: written, and no answer from the peer */
	HOST_MAX = 256,
	SERVICE_MAX = 6,
};

/* --- ttys --- */

int port_tty_lock(int fd)
{
	if (!flock(fd, LOCK_EX | LOCK_NB))
		return 0;
	return errno == EWOULDBLOCK ? -EBUSY : -errno;
}

void port_tty_release(int fd)
{
	ioctl(fd, TIOCNXCL);
	flock(fd, LOCK_UN);
}

/* Raw 8N1 without flow control, and DTR left alone at close. */
static int make_raw(int fd, int baud)
{
	struct termios term;

	if (tcgetattr(fd, &term))
		return -errno;
	cfmakeraw(&term);
	term.c_cflag |= CLOCAL | CREAD;
	term.c_cflag &= ~(tcflag_t)(HUPCL | CRTSCTS | CSTOPB);
	term.c_cc[VMIN] = 1;
	term.c_cc[VTIME] = 0;
	if (baud && cfsetspeed(&term, (speed_t)baud)) /* glibc takes plain numbers */
		return -EINVAL;
	return tcsetattr(fd, TCSANOW, &term) ? -errno : 0;
}

static int plain_open(const char *path, int baud)
{
	int fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	int err;

	if (fd < 0)
		return -errno;
	err = isatty(fd) ? port_tty_lock(fd) : -ENOTTY;
	if (!err)
		err = make_raw(fd, baud);
	if (!err)
		return fd;
	close(fd);
	return err;
}

bool port_tty_is_pty(int fd)
{
	struct stat st;

	return !fstat(fd, &st) && major(st.st_rdev) >= PTY_MAJOR_FIRST &&
	       major(st.st_rdev) <= PTY_MAJOR_LAST;
}

/* The kernel keeps the mark on a pty for as long as its master lives: after a crash of ours nobody
 * but root could open it again. There the lock has to do. */
static void make_exclusive(int fd)
{
	if (!port_tty_is_pty(fd))
		ioctl(fd, TIOCEXCL); /* ENOTTY, EINVAL: the driver does not know it */
}

static int tty_open(const char *path, int baud)
{
	int fd = port_serial_open(path, baud);
	int err;

	if (fd == -ENOTSUP)
		return plain_open(path, baud);
	if (fd < 0)
		return fd;
	err = make_raw(fd, 0); /* the speed is set; libserialport 0.1.1 sets HUPCL */
	if (!err)
		return fd;
	close(fd);
	return err;
}

int port_tty_work(void *arg)
{
	struct port_request *request = arg;
	char *path;
	int fd;

	if (request->baud <= 0)
		return -EINVAL;
	path = realpath(request->device, NULL); /* by-path links move; libserialport takes none */
	if (!path)
		return -errno;
	fd = tty_open(path, request->baud);
	for (int i = 1; fd == -EBUSY && i < BUSY_TRIES; i++) {
		poll(NULL, 0, BUSY_PAUSE_MS);
		fd = tty_open(path, request->baud);
	}
	free(path);
	if (fd < 0)
		return fd;
	make_exclusive(fd);
	tcflush(fd, TCIOFLUSH);
	return fd;
}

/* --- TCP serial servers --- */

bool port_is_tcp(const char *device)
{
	return !strncmp(device, "tcp:", 4);
}

static bool is_port_number(const char *text)
{
	size_t len = strspn(text, "0123456789");
	long value;

	if (!len || len >= SERVICE_MAX || text[len])
		return false;
	value = strtol(text, NULL, 10);
	return value > 0 && value <= 65535;
}

/* "tcp:HOST:PORT" or "tcp:[V6ADDRESS]:PORT" in parts. service points into device. */
static int split(const char *device, char host[HOST_MAX], const char **service)
{
	const char *start = device + 4;
	const char *colon = strrchr(start, ':');
	size_t len;

	if (!colon || !is_port_number(colon + 1))
		return -EINVAL;
	len = (size_t)(colon - start);
	if (len > 2 && start[0] == '[' && start[len - 1] == ']') {
		start++;
		len -= 2;
	} else if (memchr(start, ':', len) || start[0] == '[') {
		return -EINVAL;
	}
	if (!len || len >= HOST_MAX)
		return -EINVAL;
	memcpy(host, start, len);
	host[len] = '\0';
	*service = colon + 1;
	return 0;
}

static int resolve_error(int ret)
{
	if (ret == EAI_MEMORY)
		return -ENOMEM;
	if (ret == EAI_SYSTEM && errno)
		return -errno;
	return -EADDRNOTAVAIL;
}

static int resolve(struct port_request *request)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
	struct addrinfo *list, *ai;
	const char *service;
	char host[HOST_MAX];
	int ret = split(request->device, host, &service);

	if (ret)
		return ret;
	ret = getaddrinfo(host, service, &hints, &list);
	if (ret)
		return resolve_error(ret);
	for (ai = list; ai && request->count < PORT_ADDRESSES_MAX; ai = ai->ai_next) {
		struct port_address *address = &request->addresses[request->count];

		if (ai->ai_addrlen > sizeof(address->addr))
			continue;
		memcpy(&address->addr, ai->ai_addr, ai->ai_addrlen);
		address->len = ai->ai_addrlen;
		address->protocol = ai->ai_protocol;
		request->count++;
	}
	freeaddrinfo(list);
	return 0;
}

static int start_connect(const struct port_address *address)
{
	int fd = socket(address->addr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
		address->protocol);
	int err;

	if (fd < 0)
		return -errno;
	if (!connect(fd, (const struct sockaddr *)&address->addr, address->len) ||
		errno == EINPROGRESS)
		return fd;
	err = -errno;
	close(fd);
	return err;
}

int port_tcp_next(struct port_request *request)
{
	int fd = -ENOENT;

	while (fd < 0 && request->next < request->count)
		fd = start_connect(&request->addresses[request->next++]);
	return fd;
}

int port_tcp_work(void *arg)
{
	int err = resolve(arg);

	return err ? err : port_tcp_next(arg);
}

static void set_option(int fd, int level, int name, int value)
{
	setsockopt(fd, level, name, &value, sizeof(value)); /* the link works without it as well */
}

int port_tcp_finish(int fd)
{
	struct sockaddr_storage peer;
	socklen_t len = sizeof(peer);
	int err = 0;
	socklen_t err_len = sizeof(err);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &err_len))
		return -errno;
	if (err)
		return -err;
	if (getpeername(fd, (struct sockaddr *)&peer, &len))
		return errno == ENOTCONN ? -EINPROGRESS : -errno;
	set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S);
	set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_EVERY_S);
	set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_COUNT);
	set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, UNACKED_MS);
	set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	return 0;
}

/* --- what the operator is told --- */

struct reason {
	int err;
	const char *tty;
	const char *tcp;
};

static const struct reason reasons[] = {
	{ ENOENT, "not there: is the modem plugged in and powered?", NULL },
	{ EACCES, "no permission: add the user to group dialout",
		"no permission: does a firewall or the service's IPAddressDeny forbid it?" },
	{ EPERM, "no permission: add the user to group dialout",
		"no permission: does a firewall or the service's IPAddressDeny forbid it?" },
	{ EBUSY, "another process uses it: stop it (ModemManager? minicom?)", NULL },
	{ ENOTTY, "not a serial device: check the configuration", NULL },
	{ EISDIR, "not a serial device: check the configuration", NULL },
	{ EINVAL, "the driver refuses these settings: check the baud rate",
		"not of the form tcp:HOST:PORT or tcp:[ADDRESS]:PORT" },
	{ ENODEV, "no device behind the name: plug the modem in again", NULL },
	{ ENXIO, "no device behind the name: plug the modem in again", NULL },
	{ EIO, "hung up: unplugged, powered off, or its USB link was reset", NULL },
	{ ETIMEDOUT, "open() hangs in the kernel, abandoned: unplug the modem or power its hub off",
		"no answer in time: check address, network and serial server" },
	{ EAGAIN, "too many devices hang in the kernel: power their hubs off, or restart the host",
		"too many devices hang in the kernel: power their hubs off, or restart the host" },
	{ EADDRNOTAVAIL, NULL, "the host name is not known: check it and the name service" },
	{ ECONNREFUSED, NULL,
		"refused: is the serial server on, and does nobody else use this port?" },
	{ ECONNRESET, NULL, "the serial server closed the connection" },
	{ EPIPE, NULL, "the serial server closed the connection" },
	{ EHOSTUNREACH, NULL, "cannot be reached: check address and network" },
	{ ENETUNREACH, NULL, "cannot be reached: check address and network" },
};

const char *port_why(const char *device, int err, char *buf, size_t size)
{
	const char *text = NULL;

	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]) && !text; i++)
		if (reasons[i].err == -err)
			text = port_is_tcp(device) ? reasons[i].tcp : reasons[i].tty;
	snprintf(buf, size, "%s: %s", device, text ? text : strerror(-err));
	return buf;
}
