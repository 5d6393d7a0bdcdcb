/* SPDX-License-Identifier: MIT */
/*
 * Writing packets to a tap. Written one by one, each wakes whoever receives it, who then
 * takes the CPU from the worker: two switches of processes a packet. A batch is therefore
 * handed to the kernel in one call, by io_uring. Nothing of it outlives the call: what
 * the tap does not take now is taken back, and has failed.
 *
 * Reference: io_uring_enter(2).
 */
#ifndef NETBACK_NET_WRITE_H
#define NETBACK_NET_WRITE_H

#include <liburing.h>
#include <sys/uio.h>

struct net_write {
    const struct iovec *iov;
    unsigned int nr;
    int result; /* OUT: bytes or a negative errno value */
};

/* For batches of at most so many packets; it can do nothing but write to files. 0, or a
 * negative errno value: there is none, and net_write() does without. */
int net_write_ring(struct io_uring *ring, unsigned int packets);
/* Writes them in their order. `ring`: NULL if there is none. A negative errno value: the
 * ring has failed, and cannot be used again. */
int net_write(struct io_uring *ring, int tap, struct net_write *list, unsigned int nr);

#endif
