/* SPDX-License-Identifier: MIT */
/*
 * A raw client for tests: speaks the wire protocol over a Unix socket, or as a domain
 * over a fake ring (see fake_hv.c and shim_xen.c), and hands out whole messages.
 */
#ifndef TESTS_XENSTORE_PEER_H
#define TESTS_XENSTORE_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "wire/xs_msg.h"

struct message {
    struct hv_xsd_sockmsg h;
    char data[HV_STORE_PAYLOAD_MAX + 1]; /* with a NUL behind the payload */
};

struct peer;

struct peer *peer_socket(const char *path); /* NULL if it cannot connect */
/* The ring of domid in the folder of the fake hypervisor. Makes it if it is not there. */
struct peer *peer_ring(const char *dir, unsigned int domid);
void peer_close(struct peer *p);
int peer_fd(struct peer *p); /* of a socket */
struct hv_store_domain_interface *peer_page(struct peer *p);
void peer_kick(struct peer *p); /* a ring's event to the daemon */

bool peer_send_raw(struct peer *p, const void *data, size_t len);
bool peer_send(struct peer *p, uint32_t type, uint32_t req, uint32_t tx, const void *data,
               size_t len);
/* The next message; false after ms without one, or when the connection is gone. */
bool peer_receive(struct peer *p, struct message *m, int ms);

/* The path of a program that lies beside this one. */
void beside(char *out, size_t size, const char *argv0, const char *name);
/* Starts a daemon that serves dir/socket and waits until it does. 0 or -1. */
pid_t daemon_start(char *const argv[], const char *dir);
void daemon_stop(pid_t pid);
long daemon_resident_kb(pid_t pid);

#endif
