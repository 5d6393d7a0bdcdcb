/* SPDX-License-Identifier: MIT */
/*
 * Clients in this domain, through a Unix socket. They are privileged; its mode guards it.
 */
#ifndef DAEMON_CONN_SOCKET_H
#define DAEMON_CONN_SOCKET_H

struct conn;

/* Listens on path, replacing a socket nobody listens on. 0 or -errno (EADDRINUSE: in
 * use). */
int socket_listen(const char *path);

/* For a new daemon that takes over: descriptors of the old one. */
int socket_listener(void);
int socket_adopt_listener(int fd); /* 0 or -errno */
int socket_fd(struct conn *c);
/* A client may have had to wait for a descriptor: one may be free now. */
void socket_look_again(void);
struct conn *socket_adopt(int fd); /* a client; NULL if it is no descriptor */

#endif
