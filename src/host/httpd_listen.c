/* httpd_listen.c - the sockets that are listened at: unix with their files, and TCP. */
#include <errno.h>
#include <grp.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "host/httpd_impl.h"

enum { BACKLOG = 128 };

int httpd_say(char *why, size_t why_size, int error, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(why, why_size, fmt, args);
	va_end(args);
	return error;
}

/* Whether somebody accepts at this socket: 1, 0, or a negative errno when that cannot be known. */
static int socket_answers(const struct http_address *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	int error = connect(fd, (const struct sockaddr *)&address->socket, address->len) < 0 ? errno
											     : 0;
	close(fd);
	if (error == 0 || error == EAGAIN || error == EINPROGRESS) /* EAGAIN: its backlog is full */
		return 1;
	return error == ECONNREFUSED || error == ENOENT ? 0 : -error;
}

static int remove_stale(const struct http_address *address, char *why, size_t why_size)
{
	const char *path = address->path;
	struct stat st;

	if (lstat(path, &st) < 0)
		return 0; /* if it is there, bind() says what is wrong */
	if (!S_ISSOCK(st.st_mode))
		return httpd_say(why, why_size, -EEXIST,
			"%s exists and is no socket: move it away or set another path", path);
	int answers = socket_answers(address);
	if (answers > 0)
		return httpd_say(why, why_size, -EADDRINUSE,
			"another process answers at %s: is simgated running already?", path);
	if (answers == 0 && unlink(path) < 0 && errno != ENOENT)
		answers = -errno;
	if (answers < 0)
		return httpd_say(why, why_size, answers, "cannot remove a former socket %s: %s",
			path, strerror(-answers));
	return 0;
}

/* Nobody can connect before listen(), so mode and group hold from the first connection on, whatever
 * the umask is. */
static int publish(
	struct listener *listener, const struct http_address *address, int mode, const char *group)
{
	const char *path = address->path;
	struct stat st;

	if (bind(listener->listen_fd, (const struct sockaddr *)&address->socket, address->len) < 0)
		return -errno;
	listener->path = strdup(path);
	if (!listener->path || lstat(path, &st) < 0) {
		int error = listener->path ? -errno : -ENOMEM;
		unlink(path);
		return error;
	}
	listener->dev = st.st_dev;
	listener->ino = st.st_ino;
	const struct group *entry = group && *group ? getgrnam(group) : NULL;
	if (entry && entry->gr_gid != st.st_gid && lchown(path, (uid_t)-1, entry->gr_gid) < 0)
		log_warning(LOGC_HTTP, NULL, NULL, NULL, "cannot give %s to group %s: %s", path,
			group, strerror(errno));
	if (chmod(path, (mode_t)mode) < 0 || listen(listener->listen_fd, BACKLOG) < 0)
		return -errno;
	return 0;
}

int httpd_open_unix(struct listener *listener, const struct http_address *address, int mode,
	const char *group, char *why, size_t why_size)
{
	int rc = remove_stale(address, why, why_size);

	if (rc < 0)
		return rc;
	listener->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (listener->listen_fd < 0)
		return httpd_say(
			why, why_size, -errno, "cannot make a socket: %s", strerror(errno));
	rc = publish(listener, address, mode, group);
	if (rc < 0)
		return httpd_say(
			why, why_size, rc, "cannot listen at %s: %s", address->path, strerror(-rc));
	return 0;
}

/* [::] is IPv6 alone, so that it stands beside 0.0.0.0. */
int httpd_open_tcp(
	struct listener *listener, const struct http_address *address, char *why, size_t why_size)
{
	const int on = 1;
	int family = address->socket.ss_family;
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return httpd_say(
			why, why_size, -errno, "cannot make a socket: %s", strerror(errno));
	listener->listen_fd = fd;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if ((family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) < 0) ||
		bind(fd, (const struct sockaddr *)&address->socket, address->len) < 0 ||
		listen(fd, BACKLOG) < 0) {
		int error = errno;
		return httpd_say(why, why_size, -error, "cannot listen at %s: %s",
			listener->address, strerror(error));
	}
	return 0;
}

void httpd_close_socket(struct listener *listener)
{
	struct stat st;

	loop_io_free(listener->listen_io);
	listener->listen_io = NULL;
	if (listener->listen_fd >= 0)
		close(listener->listen_fd);
	listener->listen_fd = -1;
	/* A file that another process has put in its place meanwhile stays. */
	if (listener->path && lstat(listener->path, &st) == 0 && st.st_dev == listener->dev &&
		st.st_ino == listener->ino)
		unlink(listener->path);
	free(listener->path);
	listener->path = NULL;
}

int httpd_port(const struct httpd *httpd, const char *address)
{
	const struct listener *listener = httpd->listeners;
	struct sockaddr_storage name = { .ss_family = AF_UNSPEC };
	socklen_t len = sizeof name;

	while (listener && strcmp(listener->address, address) != 0)
		listener = listener->next;
	if (!listener || listener->listen_fd < 0 ||
		getsockname(listener->listen_fd, (struct sockaddr *)&name, &len) < 0)
		return 0;
	if (name.ss_family == AF_INET)
		return ntohs(((const struct sockaddr_in *)&name)->sin_port);
	return name.ss_family == AF_INET6 ? ntohs(((const struct sockaddr_in6 *)&name)->sin6_port)
					  : 0;
}
