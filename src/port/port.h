/* port.h - a pipe of bytes to a modem: a tty, a pty or a TCP serial server. */
#ifndef SIMGATE_PORT_PORT_H
#define SIMGATE_PORT_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/loop.h"
#include "port/opener.h"

struct port;

enum { PORT_WRITE_MAX = 4096 }; /* bytes that may wait to be written */

/* What a port tells its owner, always from the loop, never from inside a call of the owner's.
 * The owner may call port_close() or port_free() from inside any of them. */
struct port_events {
	/* err 0: open and configured. Otherwise a negative errno (-ETIMEDOUT: open() hangs and was
	 * abandoned; -EBUSY: another process has it) and a sentence that says what to do. */
	void (*opened)(void *owner, int err, const char *why);
	void (*data)(void *owner, const uint8_t *bytes, size_t len);
	/* Hung up, unplugged, or failed: the port has closed itself. */
	void (*lost)(void *owner, int err, const char *why);
};

/* A kind of port. Tests bring one of their own. */
struct port_ops {
	int (*open)(struct port *port, int baud, int64_t deadline_ms);
	int (*write)(struct port *port, const void *bytes, size_t len);
	void (*close)(struct port *port);
	void (*free)(struct port *port);
	/* May be NULL, for never: whether there is a line whose speed matters, once open. */
	bool (*has_rate)(struct port *port);
};

struct port {
	const struct port_ops *ops;
	const struct port_events *events;
	void *owner;
};

/* A port for a device as configured: /dev/..., a symlink (resolved at each open), or tcp:HOST:PORT.
 * Real ttys go through libserialport; what it refuses, ptys first of all, through a plain
 * descriptor. object is the name in the log (copied). NULL if out of memory. */
struct port *port_new(struct loop *loop, struct opener *opener, const char *device,
	const char *object, const struct port_events *events, void *owner);

/* Starts to open; events->opened tells the end. -EALREADY while open or opening. */
static inline int port_open(struct port *port, int baud, int64_t deadline_ms)
{
	return port->ops->open(port, baud, deadline_ms);
}

/* Takes all or nothing: 0, -ENOTCONN, or -EAGAIN when PORT_WRITE_MAX would be passed. */
static inline int port_write(struct port *port, const void *bytes, size_t len)
{
	return port->ops->write(port, bytes, len);
}

/* Gives the device back (on a thread) or stops opening; no event follows. */
static inline void port_close(struct port *port)
{
	port->ops->close(port);
}

/* Whether the device that is open is a serial line whose speed matters: no pty, no network. */
static inline bool port_has_rate(struct port *port)
{
	return port->ops->has_rate && port->ops->has_rate(port);
}

/* Takes NULL. */
static inline void port_free(struct port *port)
{
	if (port)
		port->ops->free(port);
}

#endif
