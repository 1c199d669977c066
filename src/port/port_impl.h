/* port_impl.h - what port.c asks of port_fd.c and port_serial.c. */
#ifndef SIMGATE_PORT_PORT_IMPL_H
#define SIMGATE_PORT_PORT_IMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

enum { PORT_ADDRESSES_MAX = 8 }; /* of one host name; more are not tried */

struct port_address {
	struct sockaddr_storage addr;
	socklen_t len;
	int protocol;
};

/* What the opener's thread works on: the argument of the two works below. */
struct port_request {
	char *device; /* as configured */
	int baud;
	struct port_address addresses[PORT_ADDRESSES_MAX]; /* TCP: what the name stands for */
	size_t count;
	size_t next; /* the first that was not tried yet */
};

/* port_fd.c */

/* opener_work_fn: opens and configures a tty of any kind. Blocks. */
int port_tty_work(void *arg);

/* opener_work_fn: resolves the name and returns a socket that is connecting. Blocks. */
int port_tcp_work(void *arg);

/* Starts to connect to the next address that lets us. Returns the socket, or a negative errno when
 * none is left (-ENOENT if nothing was tried). Does not block. */
int port_tcp_next(struct port_request *request);

/* 0: connected, now configured. -EINPROGRESS: not yet. Otherwise why it failed. */
int port_tcp_finish(int fd);

/* Gives up the locks, so that the device can be opened again while its close still drains. */
void port_tty_release(int fd);

bool port_tty_is_pty(int fd);

/* Takes the lock: -EBUSY if another process has it. */
int port_tty_lock(int fd);

bool port_is_tcp(const char *device);

/* A sentence for the operator, in buf. */
const char *port_why(const char *device, int err, char *buf, size_t size);

/* port_serial.c */

/* Opens a real serial device, locked and at the given speed. -ENOTSUP: libserialport refuses this
 * one, for what it is; a plain descriptor may still do. */
int port_serial_open(const char *path, int baud);

#endif
