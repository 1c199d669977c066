/* http_client.c - raw clients of the HTTP server, in turns with its loop. */
#include "http_client.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

int client_connect(struct loop *loop, int port, int from)
{
	struct sockaddr_in own = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + (unsigned)from) };
	struct sockaddr_in server = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&own, sizeof own), 0);
	assert_true(connect(fd, (struct sockaddr *)&server, sizeof server) == 0 ||
		    errno == EINPROGRESS);
	loop_turn(loop, 1);
	return fd;
}

void client_put(struct loop *loop, int fd, const char *data, size_t len)
{
	for (int i = 0; i < CLIENT_TURNS && len > 0; i++) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
		if (n < 0) {
			if (errno == EPIPE || errno == ECONNRESET)
				return;
			assert_int_equal(errno, EAGAIN);
			loop_turn(loop, CLIENT_TURN_MS);
			continue;
		}
		data += n;
		len -= (size_t)n;
	}
	assert_int_equal(len, 0);
}

/* Length of the first whole answer in data, 0 while it is not whole. */
static size_t whole(const char *data, size_t len, bool head_only)
{
	const char *end = strstr(data, "\r\n\r\n");
	const char *field = end ? strcasestr(data, "\r\nContent-Length:") : NULL;

	if (!end)
		return 0;
	size_t head = (size_t)(end + 4 - data);
	size_t body = field && field < end && !head_only ? strtoul(field + 17, NULL, 10) : 0;
	return len >= head + body ? head + body : 0;
}

static int get(struct loop *loop, int fd, char *data, size_t size, bool head_only)
{
	for (int i = 0; i < CLIENT_TURNS; i++) {
		ssize_t n = recv(fd, data, size - 1, MSG_PEEK);
		assert_true(n >= 0 || errno == EAGAIN || errno == ECONNRESET);
		data[n > 0 ? n : 0] = '\0';
		size_t len = n > 0 ? whole(data, (size_t)n, head_only) : 0;
		if (len > 0) {
			assert_int_equal(recv(fd, data, len, 0), len);
			data[len] = '\0';
			return (int)strtol(data + 9, NULL, 10);
		}
		if (n == 0 || (n < 0 && errno == ECONNRESET))
			return 0;
		loop_turn(loop, CLIENT_TURN_MS);
	}
	fail_msg("no answer");
	return -1;
}

int client_get(struct loop *loop, int fd, char *data, size_t size)
{
	return get(loop, fd, data, size, false);
}

int client_get_head(struct loop *loop, int fd, char *data, size_t size)
{
	return get(loop, fd, data, size, true);
}

void client_settle(struct loop *loop)
{
	for (int i = 0; i < 10; i++)
		loop_turn(loop, 1);
}

bool client_is_open(int fd)
{
	char c;
	ssize_t n = recv(fd, &c, 1, MSG_PEEK);

	return n > 0 || (n < 0 && errno == EAGAIN);
}
