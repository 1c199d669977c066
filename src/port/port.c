/* port.c - a port over one descriptor: opening, reading, the bytes that wait, hang-up. */
#include "port/port.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "port/port_impl.h"

enum {
	READ_MAX = 4096,      /* bytes taken in a turn: one noisy modem must not hold up the rest */
	EMPTY_READS_MAX = 64, /* "readable" with nothing to read, in a row: a broken driver */
	WHY_MAX = 512,
};

enum state {
	STATE_CLOSED,
	STATE_OPENING,    /* on the opener's thread */
	STATE_CONNECTING, /* TCP: on the loop */
	STATE_OPEN,
};

struct fd_port {
	struct port base;
	struct loop *loop;
	struct opener *opener;
	char *device;
	char *object;
	bool tcp;
	enum state state;
	int fd;
	struct loop_io *io;
	struct opener_job *job;
	struct port_request *lent;    /* the job's, while there is one */
	struct port_request *request; /* TCP: a copy of our own while connecting */
	int64_t deadline_ms;
	struct loop_timer timer; /* connecting: the deadline; open: reports write_err */
	int write_err;
	unsigned empty_reads;
	size_t out_len;
	uint8_t out[PORT_WRITE_MAX];
};

static void request_free(void *arg)
{
	struct port_request *request = arg;

	if (request)
		free(request->device);
	free(request);
}

/* Ends watching and gives the descriptor away. */
static void drop_descriptor(struct fd_port *port)
{
	loop_timer_stop(&port->timer);
	loop_io_free(port->io);
	port->io = NULL;
	if (port->fd >= 0 && port->tcp) {
		close(port->fd);
	} else if (port->fd >= 0) {
		port_tty_release(port->fd);
		opener_close(port->opener, port->fd);
	}
	port->fd = -1;
}

static void shut(struct fd_port *port)
{
	opener_cancel(port->job);
	port->job = NULL;
	port->lent = NULL;
	drop_descriptor(port);
	request_free(port->request);
	port->request = NULL;
	port->state = STATE_CLOSED;
	port->out_len = 0;
	port->write_err = 0;
	port->empty_reads = 0;
}

/* The three that tell the owner: each may end the port, so nothing may follow them. */

static void tell_failed(struct fd_port *port, int err)
{
	char buf[WHY_MAX];
	const char *why = port_why(port->device, err, buf, sizeof(buf));

	shut(port);
	log_debug(LOGC_PORT, port->object, NULL, NULL, "not opened: %s", why);
	port->base.events->opened(port->base.owner, err, why);
}

static void tell_open(struct fd_port *port)
{
	port->state = STATE_OPEN;
	log_debug(LOGC_PORT, port->object, NULL, NULL, "opened %s", port->device);
	port->base.events->opened(port->base.owner, 0, "");
}

static void tell_lost(struct fd_port *port, int err)
{
	char buf[WHY_MAX];
	const char *why = port_why(port->device, err, buf, sizeof(buf));

	shut(port);
	log_debug(LOGC_PORT, port->object, NULL, NULL, "lost: %s", why);
	port->base.events->lost(port->base.owner, err, why);
}

/* --- reading and writing --- */

static bool hung_up(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return poll(&pfd, 1, 0) > 0 && (pfd.revents & (POLLHUP | POLLERR | POLLNVAL));
}

/* A tty that hung up reads 0 bytes, as one that has nothing to say may; only poll() tells them
 * apart. Returns 0 if it goes on. */
static int nothing_read(struct fd_port *port, ssize_t n, int err)
{
	if (n < 0 && err != EAGAIN && err != EINTR)
		return -err;
	if (port->tcp)
		return n == 0 ? -ECONNRESET : 0;
	if (hung_up(port->fd) || ++port->empty_reads > EMPTY_READS_MAX)
		return -EIO;
	return 0;
}

static void read_some(struct fd_port *port)
{
	uint8_t bytes[READ_MAX];
	ssize_t n = read(port->fd, bytes, sizeof(bytes));
	int err;

	if (n > 0) {
		port->empty_reads = 0;
		port->base.events->data(port->base.owner, bytes, (size_t)n);
		return;
	}
	err = nothing_read(port, n, errno);
	if (err)
		tell_lost(port, err);
}

/* The owner hears of it in the next turn, not from inside its call. */
static void write_failed(struct fd_port *port, int err)
{
	port->write_err = err;
	port->out_len = 0;
	loop_timer_start(&port->timer, 0);
}

/* Bytes taken by the kernel, 0 if it takes none now, or a negative errno. */
static ssize_t write_now(struct fd_port *port, const void *bytes, size_t len)
{
	ssize_t n;

	if (port->tcp)
		n = send(port->fd, bytes, len, MSG_NOSIGNAL);
	else
		n = write(port->fd, bytes, len);
	if (n >= 0)
		return n;
	return errno == EAGAIN || errno == EINTR ? 0 : -errno;
}

static void write_rest(struct fd_port *port)
{
	ssize_t n = write_now(port, port->out, port->out_len);

	if (n < 0) {
		write_failed(port, (int)n);
	} else {
		port->out_len -= (size_t)n;
		memmove(port->out, port->out + n, port->out_len);
	}
	if (!port->out_len)
		loop_io_set(port->io, LOOP_READ);
}

static int fd_port_write(struct port *base, const void *bytes, size_t len)
{
	struct fd_port *port = (struct fd_port *)base;
	ssize_t n = 0;

	if (port->state != STATE_OPEN || port->write_err)
		return -ENOTCONN;
	if (len > PORT_WRITE_MAX - port->out_len)
		return -EAGAIN;
	if (!len)
		return 0;
	if (!port->out_len)
		n = write_now(port, bytes, len);
	if (n < 0) {
		write_failed(port, (int)n);
		return -ENOTCONN;
	}
	if ((size_t)n < len) {
		memcpy(port->out + port->out_len, (const uint8_t *)bytes + n, len - (size_t)n);
		port->out_len += len - (size_t)n;
		loop_io_set(port->io, LOOP_READ | LOOP_WRITE);
	}
	return 0;
}

/* --- opening --- */

static void on_io(void *arg, int events);

static int watch(struct fd_port *port, int fd, enum loop_events events)
{
	port->io = loop_io_new(port->loop, fd, events, on_io, port);
	if (!port->io)
		return -ENOMEM;
	port->fd = fd;
	return 0;
}

static void connecting(struct fd_port *port, int fd)
{
	int err = watch(port, fd, LOOP_WRITE);

	if (err) {
		close(fd);
		tell_failed(port, err);
		return;
	}
	port->state = STATE_CONNECTING;
	loop_timer_start(&port->timer, port->deadline_ms / (int64_t)port->request->count);
}

/* A name may stand for several addresses: each gets its share of the deadline. */
static void try_next_address(struct fd_port *port, int err)
{
	int fd;

	drop_descriptor(port);
	fd = port_tcp_next(port->request);
	if (fd >= 0)
		connecting(port, fd);
	else
		tell_failed(port, fd == -ENOENT ? err : fd);
}

static void on_connect(struct fd_port *port)
{
	int err = port_tcp_finish(port->fd);

	if (err == -EINPROGRESS)
		return;
	if (err) {
		try_next_address(port, err);
		return;
	}
	loop_timer_stop(&port->timer);
	loop_io_set(port->io, LOOP_READ);
	request_free(port->request);
	port->request = NULL;
	tell_open(port);
}

static void on_io(void *arg, int events)
{
	struct fd_port *port = arg;

	if (port->state == STATE_CONNECTING) {
		on_connect(port);
		return;
	}
	if ((events & LOOP_WRITE) && port->out_len)
		write_rest(port);
	if (events & LOOP_READ)
		read_some(port);
}

static void on_timer(void *arg)
{
	struct fd_port *port = arg;

	if (port->state == STATE_CONNECTING)
		try_next_address(port, -ETIMEDOUT);
	else
		tell_lost(port, port->write_err);
}

static void on_socket(struct fd_port *port, const struct port_request *lent, int fd)
{
	port->request = malloc(sizeof(*port->request));
	if (!port->request) {
		close(fd);
		tell_failed(port, -ENOMEM);
		return;
	}
	*port->request = *lent;
	port->request->device = NULL;
	connecting(port, fd);
}

static void on_tty(struct fd_port *port, int fd)
{
	int err = watch(port, fd, LOOP_READ);

	if (err) {
		opener_close(port->opener, fd);
		tell_failed(port, err);
		return;
	}
	tell_open(port);
}

static void on_opened(void *arg, int result)
{
	struct fd_port *port = arg;
	struct port_request *lent = port->lent;

	port->job = NULL;
	port->lent = NULL;
	if (result < 0)
		tell_failed(port, result);
	else if (port->tcp)
		on_socket(port, lent, result);
	else
		on_tty(port, result);
}

static struct port_request *request_new(const char *device, int baud)
{
	struct port_request *request = calloc(1, sizeof(*request));

	if (!request)
		return NULL;
	request->baud = baud;
	request->device = strdup(device);
	if (request->device)
		return request;
	free(request);
	return NULL;
}

static int fd_port_open(struct port *base, int baud, int64_t deadline_ms)
{
	struct fd_port *port = (struct fd_port *)base;
	struct port_request *request;

	if (port->state != STATE_CLOSED)
		return -EALREADY;
	request = request_new(port->device, baud);
	if (!request)
		return -ENOMEM;
	port->job = opener_start(port->opener, port->tcp ? port_tcp_work : port_tty_work, request,
		request_free, deadline_ms, on_opened, port);
	if (!port->job) {
		request_free(request);
		return -ENOMEM;
	}
	port->lent = request;
	port->deadline_ms = deadline_ms;
	port->state = STATE_OPENING;
	return 0;
}

static void fd_port_close(struct port *base)
{
	struct fd_port *port = (struct fd_port *)base;

	if (port->state == STATE_CLOSED)
		return;
	shut(port);
	log_debug(LOGC_PORT, port->object, NULL, NULL, "closed");
}

static bool fd_port_has_rate(struct port *base)
{
	const struct fd_port *port = (const struct fd_port *)base;

	return port->state == STATE_OPEN && !port->tcp && !port_tty_is_pty(port->fd);
}

static void fd_port_free(struct port *base)
{
	struct fd_port *port = (struct fd_port *)base;

	fd_port_close(base);
	free(port->device);
	free(port->object);
	free(port);
}

static const struct port_ops fd_port_ops = {
	.open = fd_port_open,
	.write = fd_port_write,
	.close = fd_port_close,
	.free = fd_port_free,
	.has_rate = fd_port_has_rate,
};

struct port *port_new(struct loop *loop, struct opener *opener, const char *device,
	const char *object, const struct port_events *events, void *owner)
{
	struct fd_port *port = calloc(1, sizeof(*port));

	if (!port)
		return NULL;
	port->base = (struct port) { &fd_port_ops, events, owner };
	port->loop = loop;
	port->opener = opener;
	port->fd = -1;
	port->device = strdup(device);
	port->object = strdup(object ? object : device);
	loop_timer_init_patient(&port->timer, loop, on_timer, port);
	if (port->device && port->object) {
		port->tcp = port_is_tcp(device);
		return &port->base;
	}
	fd_port_free(&port->base);
	return NULL;
}
