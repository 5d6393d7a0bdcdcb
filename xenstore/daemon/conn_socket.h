/* SPDX-License-Identifier: MIT */
/*
 * Clients in this domain, through a Unix socket. They are privileged; its mode guards it.
 */
#ifndef DAEMON_CONN_SOCKET_H
#define DAEMON_CONN_SOCKET_H

/* Listens on path, replacing a socket nobody listens on. 0 or -errno (EADDRINUSE: in
 * use). */
int socket_listen(const char *path);

#endif
