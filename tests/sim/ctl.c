/* ctl.c - line protocol for steering a test double: one line in, one line out. */
#include "ctl.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	PEERS_MAX = 32,
	LINE_MAX_LEN = 128 * 1024,
	WRITE_WAIT_MS = 2000, /* a peer that does not read its replies is dropped after this */
};

struct peer {
	int in, out; /* in -1: free */
	size_t len;
	char *buf;
};

struct ctl {
	int epfd;
	int listener;
	char path[108];
	ctl_line_fn *fn;
	void *arg;
	unsigned lines;
	struct peer peers[PEERS_MAX];
};

static void peer_close(struct ctl *ctl, struct peer *p)
{
	epoll_ctl(ctl->epfd, EPOLL_CTL_DEL, p->in, NULL);
	if (p->in > STDERR_FILENO)
		close(p->in);
	free(p->buf);
	p->buf = NULL;
	p->in = -1;
}

static int peer_open(struct ctl *ctl, int in, int out)
{
	for (int i = 0; i < PEERS_MAX; i++) {
		struct peer *p = &ctl->peers[i];
		struct epoll_event ev = { .events = EPOLLIN, .data.u32 = (uint32_t)i };
		if (p->in >= 0)
			continue;
		if (epoll_ctl(ctl->epfd, EPOLL_CTL_ADD, in, &ev) < 0)
			return -errno;
		*p = (struct peer) { .in = in, .out = out, .buf = malloc(LINE_MAX_LEN) };
		if (p->buf)
			return 0;
		peer_close(ctl, p);
		return -ENOMEM;
	}
	return -EMFILE;
}

static int listen_at(struct ctl *ctl, const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct epoll_event ev = { .events = EPOLLIN, .data.u32 = PEERS_MAX };

	if (strlen(path) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	memcpy(addr.sun_path, path, strlen(path) + 1);
	memcpy(ctl->path, path, strlen(path) + 1);
	unlink(path);
	ctl->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (ctl->listener < 0 || bind(ctl->listener, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
		listen(ctl->listener, PEERS_MAX) < 0 ||
		epoll_ctl(ctl->epfd, EPOLL_CTL_ADD, ctl->listener, &ev) < 0)
		return -errno;
	return 0;
}

struct ctl *ctl_new(const char *path, bool from_stdin, ctl_line_fn *fn, void *arg)
{
	struct ctl *ctl = calloc(1, sizeof(*ctl));

	if (!ctl)
		return NULL;
	ctl->fn = fn;
	ctl->arg = arg;
	ctl->listener = -1;
	for (int i = 0; i < PEERS_MAX; i++)
		ctl->peers[i].in = -1;
	ctl->epfd = epoll_create1(EPOLL_CLOEXEC);
	if (ctl->epfd < 0 || (path && listen_at(ctl, path) < 0)) {
		ctl_free(ctl);
		return NULL;
	}
	if (from_stdin) /* refused for files and /dev/null: then there is nothing to wait for */
		(void)peer_open(ctl, STDIN_FILENO, STDOUT_FILENO);
	return ctl;
}

void ctl_free(struct ctl *ctl)
{
	if (!ctl)
		return;
	for (int i = 0; i < PEERS_MAX; i++)
		if (ctl->peers[i].in >= 0)
			peer_close(ctl, &ctl->peers[i]);
	if (ctl->listener >= 0) {
		close(ctl->listener);
		unlink(ctl->path);
	}
	if (ctl->epfd >= 0)
		close(ctl->epfd);
	free(ctl);
}

int ctl_fd(const struct ctl *ctl)
{
	return ctl->epfd;
}

static int write_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);
		struct pollfd p = { .fd = fd, .events = POLLOUT };
		if (n > 0) {
			data += n;
			len -= (size_t)n;
		} else if (errno != EAGAIN || poll(&p, 1, WRITE_WAIT_MS) <= 0) {
			return -EPIPE;
		}
	}
	return 0;
}

static int serve_line(struct ctl *ctl, struct peer *p, char *line)
{
	char *text = NULL;
	size_t len = 0;
	FILE *reply = open_memstream(&text, &len);
	int rc;

	if (!reply)
		return -ENOMEM;
	ctl->lines++;
	ctl->fn(ctl->arg, line, reply);
	fputc('\n', reply);
	fclose(reply);
	rc = write_all(p->out, text, len);
	free(text);
	return rc;
}

static void peer_read(struct ctl *ctl, struct peer *p)
{
	ssize_t n = read(p->in, p->buf + p->len, LINE_MAX_LEN - 1 - p->len);
	char *start = p->buf, *end;

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		peer_close(ctl, p);
		return;
	}
	p->len += (size_t)n;
	while ((end = memchr(start, '\n', p->len - (size_t)(start - p->buf))) != NULL) {
		*end = '\0';
		if (end > start && end[-1] == '\r')
			end[-1] = '\0';
		if (*start && serve_line(ctl, p, start) < 0) {
			peer_close(ctl, p);
			return;
		}
		start = end + 1;
	}
	p->len -= (size_t)(start - p->buf);
	memmove(p->buf, start, p->len);
	if (p->len >= LINE_MAX_LEN - 1)
		peer_close(ctl, p);
}

unsigned ctl_turn(struct ctl *ctl)
{
	struct epoll_event evs[PEERS_MAX + 1];
	int n = epoll_wait(ctl->epfd, evs, PEERS_MAX + 1, 0);

	ctl->lines = 0;
	for (int i = 0; i < n; i++) {
		uint32_t who = evs[i].data.u32;
		if (who < PEERS_MAX) {
			if (ctl->peers[who].in >= 0)
				peer_read(ctl, &ctl->peers[who]);
			continue;
		}
		int fd = accept4(ctl->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd >= 0 && peer_open(ctl, fd, fd) < 0)
			close(fd);
	}
	return ctl->lines;
}

char *ctl_word(char **text)
{
	char *word = *text + strspn(*text, " ");
	char *end = word + strcspn(word, " ");

	if (word == end)
		return NULL;
	*text = end + (*end != '\0');
	*end = '\0';
	return word;
}

bool ctl_number(const char *word, long least, long most, long *value)
{
	char *end;
	long v;

	if (!word || *word == '\0')
		return false;
	errno = 0;
	v = strtol(word, &end, 10);
	if (*end != '\0' || errno || v < least || v > most)
		return false;
	*value = v;
	return true;
}
