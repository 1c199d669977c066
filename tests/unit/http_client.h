/* http_client.h - raw clients of the HTTP server, in turns with its loop. */
#ifndef SIMGATE_TESTS_HTTP_CLIENT_H
#define SIMGATE_TESTS_HTTP_CLIENT_H

#include <stdbool.h>

#include "base/loop.h"
#include "unit.h"

enum { CLIENT_TURNS = 3000, CLIENT_TURN_MS = 10 };

/* A connection from 127.0.0.<from> to a port of the loopback's. */
int client_connect(struct loop *loop, int port, int from);

/* Sends all of it, unless the server has closed: an early answer is there to be read. */
void client_put(struct loop *loop, int fd, const char *data, size_t len);

/* Reads one whole answer, the head alone where it is to a HEAD; what follows it stays in the
 * socket. Returns its status, 0 at an end. */
int client_get(struct loop *loop, int fd, char *data, size_t size);
int client_get_head(struct loop *loop, int fd, char *data, size_t size);

/* Some turns. */
void client_settle(struct loop *loop);

/* Whether the server has not ended it. */
bool client_is_open(int fd);

#endif
