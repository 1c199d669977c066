/* test_port.c - ports over ptys and loopback TCP, and the opener's threads. */
#include "loop_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "port/port.h"

enum { DEADLINE_MS = 3000, BAUD = 115200 };

static struct loop *loop;
static struct opener *opener;

enum when { NEVER, AT_OPENED, AT_DATA, AT_LOST };

static struct seen {
	struct port *port;
	enum when free_at;
	bool inside; /* one of our own calls into the port */
	int opened, lost, data_calls;
	int open_err, lost_err;
	char why[512];
	size_t len;
	uint8_t bytes[65536];
} seen;

static void maybe_free(enum when when)
{
	assert_false(seen.inside);
	if (seen.free_at != when)
		return;
	port_free(seen.port);
	seen.port = NULL;
}

static void on_opened(void *owner, int err, const char *why)
{
	assert_ptr_equal(owner, &seen);
	seen.opened++;
	seen.open_err = err;
	snprintf(seen.why, sizeof(seen.why), "%s", why);
	maybe_free(AT_OPENED);
}

static void on_data(void *owner, const uint8_t *bytes, size_t len)
{
	assert_ptr_equal(owner, &seen);
	assert_true(len > 0 && seen.len + len <= sizeof(seen.bytes));
	memcpy(seen.bytes + seen.len, bytes, len);
	seen.len += len;
	seen.data_calls++;
	maybe_free(AT_DATA);
}

static void on_lost(void *owner, int err, const char *why)
{
	assert_ptr_equal(owner, &seen);
	seen.lost++;
	seen.lost_err = err;
	snprintf(seen.why, sizeof(seen.why), "%s", why);
	maybe_free(AT_LOST);
}

static const struct port_events events = { on_opened, on_data, on_lost };

static int setup(void **state)
{
	(void)state;
	memset(&seen, 0, sizeof(seen));
	loop = loop_new_manual(1000, 1700000000000);
	opener = loop ? opener_new(loop, 4) : NULL;
	return opener ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	port_free(seen.port);
	opener_free(opener);
	loop_free(loop);
	return 0;
}

static void turns(int count)
{
	while (count-- > 0)
		loop_turn(loop, 0);
}

static int write_port(const void *bytes, size_t len)
{
	int ret;

	seen.inside = true;
	ret = port_write(seen.port, bytes, len);
	seen.inside = false;
	return ret;
}

static void start_open(const char *device)
{
	if (!seen.port)
		seen.port = port_new(loop, opener, device, "test/p01", &events, &seen);
	assert_non_null(seen.port);
	seen.opened = 0;
	seen.inside = true;
	assert_int_equal(port_open(seen.port, BAUD, DEADLINE_MS), 0);
	assert_int_equal(port_open(seen.port, BAUD, DEADLINE_MS), -EALREADY);
	seen.inside = false;
}

/* Returns what the port said. */
static int open_device(const char *device)
{
	start_open(device);
	WAIT_FOR(loop, seen.opened);
	assert_int_equal(seen.opened, 1);
	return seen.open_err;
}

/* --- ptys --- */

struct pty {
	int master;
	char name[64];
};

static struct pty pty_new(void)
{
	struct pty pty;

	pty.master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	assert_true(pty.master >= 0);
	assert_int_equal(grantpt(pty.master), 0);
	assert_int_equal(unlockpt(pty.master), 0);
	assert_int_equal(ptsname_r(pty.master, pty.name, sizeof(pty.name)), 0);
	return pty;
}

static size_t read_some(int master, uint8_t *bytes, size_t size)
{
	ssize_t n = read(master, bytes, size);
	return n > 0 ? (size_t)n : 0;
}

static size_t master_read(int master, uint8_t *bytes, size_t size)
{
	size_t len = 0;

	TURN_UNTIL(loop, (len += read_some(master, bytes + len, size - len)) == size);
	return len;
}

/* The descriptor the port has on this device. */
static int find_fd(const char *device)
{
	struct stat want, have;

	assert_int_equal(stat(device, &want), 0);
	for (int fd = 3; fd < 1024; fd++)
		if (!fstat(fd, &have) && S_ISCHR(have.st_mode) && have.st_rdev == want.st_rdev)
			return fd;
	return -1;
}

static void test_pty_both_ways(void **state)
{
	struct pty pty = pty_new();
	uint8_t got[16];

	(void)state;
	assert_int_equal(open_device(pty.name), 0);
	assert_string_equal(seen.why, "");
	assert_false(port_has_rate(seen.port));
	assert_int_equal(write_port("AT\r", 3), 0);
	assert_int_equal(master_read(pty.master, got, 3), 3);
	assert_memory_equal(got, "AT\r", 3);
	/* Raw: no echo, no CR/LF mapping, no line editing, nothing special about ^C, ^D, ^S, 0xff.
	 */
	assert_int_equal(write(pty.master, "\r\nOK\r\n\x03\x04\x13\x7f\xff\0", 12), 12);
	WAIT_FOR(loop, seen.len == 12);
	assert_memory_equal(seen.bytes, "\r\nOK\r\n\x03\x04\x13\x7f\xff\0", 12);
	assert_int_equal(read(pty.master, got, sizeof(got)), -1);
	assert_int_equal(seen.lost, 0);
	close(pty.master);
}

static void test_pty_single_bytes(void **state)
{
	static const char text[] = "\r\n+CMTI: \"SM\",3\r\n";
	struct pty pty = pty_new();

	(void)state;
	assert_int_equal(open_device(pty.name), 0);
	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		assert_int_equal(write(pty.master, text + i, 1), 1);
		WAIT_FOR(loop, seen.len == i + 1);
	}
	assert_memory_equal(seen.bytes, text, sizeof(text) - 1);
	assert_int_equal(seen.data_calls, sizeof(text) - 1);
	close(pty.master);
}

static void test_settings(void **state)
{
	struct pty pty = pty_new();
	struct termios term;
	int fd, other;

	(void)state;
	assert_int_equal(tcgetattr(pty.master, &term), 0);
	term.c_cflag |= HUPCL | CRTSCTS;
	assert_int_equal(tcsetattr(pty.master, TCSANOW, &term), 0);

	assert_int_equal(open_device(pty.name), 0);
	fd = find_fd(pty.name);
	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_int_equal(tcgetattr(fd, &term), 0);
	assert_int_equal(term.c_cflag & (HUPCL | CRTSCTS | CSTOPB | PARENB), 0);
	assert_int_equal(term.c_cflag & (CLOCAL | CREAD | CSIZE), CLOCAL | CREAD | CS8);
	assert_int_equal(term.c_lflag & (ECHO | ICANON | ISIG), 0);
	assert_int_equal(cfgetospeed(&term), B115200);

	other = open(pty.name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(other >= 0 || errno == EBUSY);
	if (other >= 0) {
		assert_int_equal(flock(other, LOCK_EX | LOCK_NB), -1);
		assert_int_equal(errno, EWOULDBLOCK);
		port_close(seen.port);
		assert_int_equal(flock(other, LOCK_EX | LOCK_NB), 0);
		close(other);
	}
	port_close(seen.port);
	WAIT_FOR(loop, !opener_active(opener));
	assert_int_equal(find_fd(pty.name), -1);
	close(pty.master);
}

static void test_locked_by_another(void **state)
{
	struct pty pty = pty_new();
	int other = open(pty.name, O_RDWR | O_NOCTTY | O_CLOEXEC);

	(void)state;
	assert_int_equal(flock(other, LOCK_EX | LOCK_NB), 0);
	assert_int_equal(open_device(pty.name), -EBUSY);
	assert_non_null(strstr(seen.why, "another process"));
	close(other);
	assert_int_equal(open_device(pty.name), 0);
	close(pty.master);
}

static void test_no_permission(void **state)
{
	struct pty pty = pty_new();

	(void)state;
	if (geteuid() != 0 || seteuid(65534))
		skip();
	start_open(pty.name);
	TURN_UNTIL(loop, seen.opened);
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(seen.open_err, -EACCES);
	assert_non_null(strstr(seen.why, "group dialout"));
	close(pty.master);
}

static void test_refused_devices(void **state)
{
	static const struct {
		const char *device;
		int err;
		const char *why;
	} rows[] = {
		{ "/dev/serial/by-path/none-of-these", -ENOENT, "not there" },
		{ "/dev/null", -ENOTTY, "not a serial device" },
		{ "/", -EISDIR, "not a serial device" },
		{ "tcp:", -EINVAL, "tcp:HOST:PORT" },
		{ "tcp:4001", -EINVAL, "tcp:HOST:PORT" },
		{ "tcp::4001", -EINVAL, "tcp:HOST:PORT" },
		{ "tcp:[]:4001", -EINVAL, "tcp:HOST:PORT" },
		{ "tcp:::1:4001", -EINVAL, "tcp:HOST:PORT" },
		{ "tcp:127.0.0.1:", -EINVAL, "tcp:HOST:PORT" },
		{ "tcp:127.0.0.1:0", -EINVAL, "tcp:HOST:PORT" },
		{ "tcp:127.0.0.1:65536", -EINVAL, "tcp:HOST:PORT" },
		{ "tcp:127.0.0.1:40x1", -EINVAL, "tcp:HOST:PORT" },
		{ "tcp:127.0.0.1:-1", -EINVAL, "tcp:HOST:PORT" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(open_device(rows[i].device), rows[i].err);
		assert_non_null(strstr(seen.why, rows[i].why));
		assert_memory_equal(seen.why, rows[i].device, strlen(rows[i].device));
		port_free(seen.port);
		seen.port = NULL;
	}
	seen.port = port_new(loop, opener, "/dev/null", "test/p01", &events, &seen);
	assert_int_equal(port_open(seen.port, 0, DEADLINE_MS), 0);
	seen.opened = 0;
	WAIT_FOR(loop, seen.opened);
	assert_int_equal(seen.open_err, -EINVAL);
}

/* libserialport knows the name, but finds no modem lines behind it. */
static void test_plain_after_libserialport(void **state)
{
	(void)state;
	if (access("/sys/class/tty/ptmx", F_OK) || access("/dev/ptmx", R_OK | W_OK))
		skip();
	assert_int_equal(open_device("/dev/ptmx"), 0);
}

static void test_symlink_and_reopen(void **state)
{
	char dir[] = "/tmp/simgate-port-XXXXXX";
	char link_path[64];
	struct pty pty = pty_new();

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(link_path, sizeof(link_path), "%s/modem", dir);
	assert_int_equal(symlink(pty.name, link_path), 0);
	assert_int_equal(open_device(link_path), 0);

	/* Unplugged, and back under another name. */
	close(pty.master);
	turns(5); /* poll() tells at once */
	assert_int_equal(seen.lost, 1);
	assert_int_equal(seen.lost_err, -EIO);
	assert_non_null(strstr(seen.why, "unplugged"));
	assert_int_equal(write_port("AT\r", 3), -ENOTCONN);

	pty = pty_new();
	unlink(link_path);
	assert_int_equal(symlink(pty.name, link_path), 0);
	assert_int_equal(open_device(link_path), 0);
	assert_int_equal(write(pty.master, "OK", 2), 2);
	WAIT_FOR(loop, seen.len == 2);
	assert_int_equal(seen.lost, 1);
	close(pty.master);
	unlink(link_path);
	rmdir(dir);
}

static void test_close_and_open_at_once(void **state)
{
	struct pty pty = pty_new();

	(void)state;
	for (int i = 0; i < 20; i++) {
		assert_int_equal(open_device(pty.name), 0);
		port_close(seen.port);
		assert_int_equal(write_port("x", 1), -ENOTCONN);
		start_open(pty.name);
		port_close(seen.port);
		port_close(seen.port);
	}
	WAIT_FOR(loop, !opener_active(opener));
	assert_int_equal(seen.opened, 0);
	assert_int_equal(seen.lost, 0);
	assert_int_equal(find_fd(pty.name), -1);
	close(pty.master);
}

static void test_more_than_the_kernel_takes(void **state)
{
	static uint8_t sent[1 << 20], got[sizeof(sent)];
	enum { CHUNK = 1000 };
	struct pty pty = pty_new();
	struct pollfd pfd = { .events = POLLOUT };
	size_t len = 0;
	ssize_t have;
	int ret = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(sent); i++)
		sent[i] = (uint8_t)(i * 7 + i / 251);
	assert_int_equal(open_device(pty.name), 0);
	assert_int_equal(write_port(sent, PORT_WRITE_MAX + 1), -EAGAIN);
	while (!ret && len + CHUNK <= sizeof(sent)) {
		ret = write_port(sent + len, CHUNK);
		len += ret ? 0 : CHUNK;
	}
	assert_int_equal(ret, -EAGAIN);
	assert_true(len >= PORT_WRITE_MAX - CHUNK);
	/* The kernel has room again, but what waits goes first. */
	have = read(pty.master, got, sizeof(got));
	assert_true(have > 0);
	pfd.fd = find_fd(pty.name);
	assert_int_equal(poll(&pfd, 1, 1000 * WAIT_MAX_S), 1);
	len += write_port(sent + len, 1) ? 0 : 1;
	assert_int_equal(
		master_read(pty.master, got + have, len - (size_t)have), len - (size_t)have);
	assert_memory_equal(got, sent, len);
	assert_int_equal(write_port(sent, CHUNK), 0);
	assert_int_equal(master_read(pty.master, got, CHUNK), CHUNK);
	assert_memory_equal(got, sent, CHUNK);
	assert_int_equal(read(pty.master, got, 1), -1);
	close(pty.master);
}

static void test_lost_found_by_write(void **state)
{
	struct pty pty = pty_new();

	(void)state;
	assert_int_equal(open_device(pty.name), 0);
	close(pty.master);
	assert_int_equal(write_port("AT\r", 3), -ENOTCONN);
	assert_int_equal(seen.lost, 0);
	assert_int_equal(write_port("AT\r", 3), -ENOTCONN);
	turns(5);
	assert_int_equal(seen.lost, 1);
	assert_int_equal(seen.lost_err, -EIO);
}

/* A modem that never stops must leave the rest their turns: one read a turn. */
static void test_endless_garbage(void **state)
{
	static uint8_t garbage[32768];
	struct pty pty = pty_new();

	(void)state;
	assert_int_equal(open_device(pty.name), 0);
	while (seen.len < sizeof(seen.bytes) - 3 * sizeof(garbage) / 2) {
		int before = seen.data_calls;

		(void)!write(pty.master, garbage, sizeof(garbage)); /* as much as fits */
		loop_turn(loop, WAIT_TURN_MS);
		assert_true(seen.data_calls <= before + 1);
	}
	close(pty.master);
}

/* --- TCP --- */

static int bind_any(int family, char device[64], const char *host)
{
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct sockaddr_in v4 = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const void *addr = family == AF_INET ? (void *)&v4 : (void *)&v6;
	socklen_t len = family == AF_INET ? sizeof(v4) : sizeof(v6);
	struct sockaddr_storage name;
	socklen_t name_len = sizeof(name);
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, addr, len) || getsockname(fd, (struct sockaddr *)&name, &name_len)) {
		close(fd);
		return -1;
	}
	/* The port is at the same place in both kinds of address. */
	snprintf(device, 64, "tcp:%s:%d", host, ntohs(((struct sockaddr_in *)&name)->sin_port));
	return fd;
}

static void talk_over_tcp(int family, const char *host)
{
	char device[64];
	uint8_t got[8];
	int listener = bind_any(family, device, host);
	int peer, on = 0;
	socklen_t on_len = sizeof(on);

	if (listener < 0)
		skip();
	assert_int_equal(listen(listener, 4), 0);
	assert_int_equal(open_device(device), 0);
	peer = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	assert_true(peer >= 0);
	assert_int_equal(getsockopt(peer, SOL_SOCKET, SO_ERROR, &on, &on_len), 0);
	assert_int_equal(write_port("AT\r", 3), 0);
	assert_int_equal(master_read(peer, got, 3), 3);
	assert_memory_equal(got, "AT\r", 3);
	assert_int_equal(write(peer, "OK", 2), 2);
	close(peer);
	WAIT_FOR(loop, seen.lost);
	turns(5);
	assert_int_equal(seen.lost, 1);
	assert_int_equal(seen.len, 2);
	assert_int_equal(seen.lost_err, -ECONNRESET);
	assert_int_equal(write_port("AT\r", 3), -ENOTCONN);

	assert_int_equal(open_device(device), 0);
	close(listener);
}

static void test_tcp(void **state)
{
	(void)state;
	talk_over_tcp(AF_INET, "127.0.0.1");
}

static void test_tcp6(void **state)
{
	(void)state;
	talk_over_tcp(AF_INET6, "[::1]");
}

/* Where the name stands for ::1 as well, that refuses, and the next address is tried. */
static void test_tcp_name(void **state)
{
	(void)state;
	talk_over_tcp(AF_INET, "localhost");
}

static void test_tcp_refused(void **state)
{
	char device[64];
	int reserved = bind_any(AF_INET, device, "127.0.0.1");

	(void)state;
	assert_int_equal(open_device(device), -ECONNREFUSED);
	assert_non_null(strstr(seen.why, "refused"));
	assert_int_equal(listen(reserved, 1), 0);
	assert_int_equal(open_device(device), 0);
	close(reserved);
}

/* A full queue of connections: the kernel answers no more. */
static void test_tcp_deadline(void **state)
{
	char device[64];
	int listener = bind_any(AF_INET, device, "127.0.0.1");
	struct sockaddr_in addr;
	socklen_t len = sizeof(addr);
	int full[3];

	(void)state;
	assert_int_equal(listen(listener, 0), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&addr, &len), 0);
	for (int i = 0; i < 3; i++) {
		full[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		(void)!connect(full[i], (struct sockaddr *)&addr, len);
	}
	start_open(device);
	WAIT_FOR(loop, !opener_active(opener));
	turns(5);
	assert_int_equal(seen.opened, 0);
	loop_advance(loop, DEADLINE_MS - 1);
	assert_int_equal(seen.opened, 0);
	loop_advance(loop, 1);
	assert_int_equal(seen.opened, 1);
	assert_int_equal(seen.open_err, -ETIMEDOUT);

	start_open(device);
	WAIT_FOR(loop, !opener_active(opener));
	port_close(seen.port);
	loop_advance(loop, DEADLINE_MS);
	assert_int_equal(seen.opened, 0);
	for (int i = 0; i < 3; i++)
		close(full[i]);
	close(listener);
}

/* --- the port ends inside what it tells --- */

static void test_free_inside_events(void **state)
{
	struct pty pty = pty_new();
	char device[64];
	int reserved = bind_any(AF_INET, device, "127.0.0.1");
	static const enum when all[] = { AT_OPENED, AT_DATA, AT_LOST };

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		seen.free_at = all[i];
		start_open(pty.name);
		if (all[i] != AT_OPENED) {
			WAIT_FOR(loop, seen.opened);
			if (all[i] == AT_DATA)
				assert_int_equal(write(pty.master, "x", 1), 1);
			else
				close(pty.master);
		}
		WAIT_FOR(loop, !seen.port);
	}
	seen.free_at = AT_OPENED;
	start_open("/dev/none-of-these");
	WAIT_FOR(loop, !seen.port);
	start_open(device);
	WAIT_FOR(loop, !seen.port);
	assert_int_equal(seen.open_err, -ECONNREFUSED);

	seen.free_at = AT_LOST;
	pty = pty_new();
	assert_int_equal(open_device(pty.name), 0);
	close(pty.master);
	assert_int_equal(write_port("x", 1), -ENOTCONN);
	WAIT_FOR(loop, !seen.port);
	close(reserved);
}

static void test_free_while_opening(void **state)
{
	struct pty pty = pty_new();

	(void)state;
	start_open(pty.name);
	port_free(seen.port);
	seen.port = NULL;
	WAIT_FOR(loop, !opener_active(opener));
	turns(5);
	assert_int_equal(seen.opened, 0);
	assert_int_equal(find_fd(pty.name), -1);
	port_free(NULL);
	close(pty.master);
}

int main(void)
{
#define WITH_LOOP(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	static const struct CMUnitTest tests[] = {
		WITH_LOOP(test_pty_both_ways),
		WITH_LOOP(test_pty_single_bytes),
		WITH_LOOP(test_settings),
		WITH_LOOP(test_locked_by_another),
		WITH_LOOP(test_no_permission),
		WITH_LOOP(test_refused_devices),
		WITH_LOOP(test_plain_after_libserialport),
		WITH_LOOP(test_symlink_and_reopen),
		WITH_LOOP(test_close_and_open_at_once),
		WITH_LOOP(test_more_than_the_kernel_takes),
		WITH_LOOP(test_lost_found_by_write),
		WITH_LOOP(test_endless_garbage),
		WITH_LOOP(test_tcp),
		WITH_LOOP(test_tcp6),
		WITH_LOOP(test_tcp_name),
		WITH_LOOP(test_tcp_refused),
		WITH_LOOP(test_tcp_deadline),
		WITH_LOOP(test_free_inside_events),
		WITH_LOOP(test_free_while_opening),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
