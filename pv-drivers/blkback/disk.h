/* SPDX-License-Identifier: MIT */
/*
 * Work on an image, and the wait for it, for event channels and for the daemon's word.
 *
 * Through the kernel's page cache what needs no wait is done at once: one system call
 * that copies between the cache and the guest's pages. The rest (data that have to be
 * read from the medium, parts of pages, flushes), and everything of an image that is open
 * for direct I/O, goes by io_uring.
 */
#ifndef BLKBACK_DISK_H
#define BLKBACK_DISK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include <liburing.h>

#include "blkback/window.h"

enum disk_kind { DISK_READ, DISK_WRITE, DISK_FLUSH, DISK_DISCARD };

enum disk_way {
    DISK_DIRECT, /* around the page cache, from and to memory of our own */
    DISK_CACHED,
    DISK_MEMORY, /* the image is in memory: nothing waits */
};

struct volume;

/* Filled by the caller, who keeps it (and what iov points to) until done is called. */
struct disk_op {
    enum disk_kind kind;
    uint64_t offset, length;
    struct iovec
        *iov; /* of read and write; their lengths add up to length. Is changed. */
    unsigned int nr_iov;
    void (*done)(struct disk_op *op, int rc); /* 0 or a negative errno value */
    /* The disk's own. */
    int fd;
    uint64_t at; /* where the request lies in that file */
    uint64_t did;
    int result;
};

#define DISK_MAX_POLLS 2

struct disk {
    struct volume *volume;
    enum disk_way way;
    struct window window; /* opened and closed by the caller; only with DISK_MEMORY */
    bool fixed; /* the kernel knows the memory: operations have one iov, within it */
    struct io_uring ring;
    unsigned int room;      /* operations that may still be started */
    unsigned int under_way; /* in the ring */
    int patience_ms;        /* how long disk_wait() waits at most; 0: for ever */
    int polled[DISK_MAX_POLLS];
    unsigned int nr_polled, armed; /* armed: a bit for each that the ring waits for */
};

/*
 * volume says where data lie, memory is what they are moved from and to; both are the
 * caller's. Unless DISK_DIRECT, data may be anywhere. depth: operations at a time, at
 * most.
 */
int disk_open(struct disk *d, struct volume *volume, enum disk_way way,
              unsigned int depth, void *memory, size_t memory_size);
/* Nothing may be under way. */
void disk_close(struct disk *d);
/* A file whose becoming readable ends disk_wait. */
void disk_poll(struct disk *d, int fd);
/* After this nothing but what this file does can be asked of the ring. */
int disk_restrict(struct disk *d);
/* False: too many are under way already. `done` may be called before this returns. */
bool disk_start(struct disk *d, struct disk_op *op);
/*
 * Hands over what is in the ring, waits until something happens (or not, if block is
 * false) and calls `done` of each. Returns a bit for each polled file that is readable,
 * or a negative errno value.
 */
int disk_wait(struct disk *d, bool block);

#endif
