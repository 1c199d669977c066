/* port_serial.c - opens a real serial device through libserialport, keeps its descriptor. */
#include <libserialport.h>

#include <errno.h>
#include <fcntl.h>

#include "port/port_impl.h"

static int failure(enum sp_return ret)
{
	int err = errno;

	if (ret == SP_ERR_MEM)
		return -ENOMEM;
	if (ret != SP_ERR_FAIL)
		return -EINVAL;
	if (err == EAGAIN) /* libserialport 0.1.2 takes the lock itself */
		return -EBUSY;
	return err ? -err : -EIO;
}

static int configure(struct sp_port *port, int baud)
{
	enum sp_return ret = sp_set_baudrate(port, baud);

	if (ret == SP_OK)
		ret = sp_set_bits(port, 8);
	if (ret == SP_OK)
		ret = sp_set_parity(port, SP_PARITY_NONE);
	if (ret == SP_OK)
		ret = sp_set_stopbits(port, 1);
	if (ret == SP_OK)
		ret = sp_set_flowcontrol(port, SP_FLOWCONTROL_NONE);
	return ret == SP_OK ? 0 : failure(ret);
}

/* A descriptor of our own: version 0.1.1 leaves close-on-exec out, and sp_close() undoes no more
 * than TIOCEXCL, which is set later. */
static int take_descriptor(struct sp_port *port, int baud)
{
	int fd, own;
	int err;

	if (sp_get_port_handle(port, &fd) != SP_OK)
		return -EIO;
	err = port_tty_lock(fd); /* before a setting is touched that another process relies on */
	if (!err)
		err = configure(port, baud);
	if (err)
		return err;
	own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return own >= 0 ? own : -errno;
}

int port_serial_open(const char *path, int baud)
{
	struct sp_port *port = NULL;
	enum sp_return ret = sp_get_port_by_name(path, &port);
	int fd;

	if (ret == SP_ERR_ARG)
		return -ENOTSUP;
	if (ret != SP_OK)
		return failure(ret);
	ret = sp_open(port, SP_MODE_READ_WRITE);
	if (ret == SP_OK) {
		fd = take_descriptor(port, baud);
		sp_close(port);
	} else {
		fd = failure(ret);
		if (fd == -ENOTTY || fd == -EINVAL) /* no modem lines: TIOCMGET fails */
			fd = -ENOTSUP;
	}
	sp_free_port(port);
	return fd;
}
