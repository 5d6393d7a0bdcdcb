/* SPDX-License-Identifier: MIT */
/*
 * Images in QEMU's format qcow2, versions 2 and 3: what the guest's disk is made of lies
 * in clusters, which tables in the file point to; what is in no cluster lies in the image
 * behind, if there is one.
 *
 * Everything here waits for the disk. A request whose bytes lie in one piece need not
 * come here: qcow2_map() says where they are.
 *
 * What a crash may leave: at every instant the file, as the kernel has it, is an image in
 * which no cluster's reference count is too low; so a process that is killed leaves
 * leaked clusters at worst. A power failure leaves the same, because what a table points
 * to is made durable before the table's entry is written (qcow2_write.c).
 *
 * Reference: QEMU, docs/interop/qcow2.txt.
 */
#ifndef BLKBACK_QCOW2_H
#define BLKBACK_QCOW2_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define QCOW2_MAX_NAME 1024U /* of a backing file, with its NUL */

struct qcow2;

/* A file that a disk's bytes may be read from: raw, or an image. */
struct layer {
    int fd;
    uint64_t bytes;      /* beyond them it reads as zeroes */
    struct qcow2 *qcow2; /* NULL: raw */
};

/*
 * Reads header, L1 table and refcount table. fd is the caller's. A text for the user in
 * *why, which stays until the next call; -EINVAL: no such image, or a broken one;
 * -ENOTSUP: what it needs is not served.
 */
int qcow2_open(struct qcow2 **out, int fd, bool readonly, const char **why);
/* Gives back what was reserved for later. */
void qcow2_close(struct qcow2 *q);

uint64_t qcow2_bytes(const struct qcow2 *q);
unsigned int qcow2_cluster(const struct qcow2 *q);
/* The image behind: its name and format as the header has them; NULL: there is none. */
const char *qcow2_behind(const struct qcow2 *q, const char **format);
void qcow2_put_behind(struct qcow2 *q, const struct layer *behind);

/*
 * Walks all tables: whether each points into the file, whether nothing is two things at
 * once, and (if it is to be written to) whether reference counts allow it.
 */
int qcow2_check(struct qcow2 *q, const char **why);

/*
 * True: these bytes of the disk lie in one piece of *fd, from *at on, and may be read, or
 * for a writer written to, there. Otherwise qcow2_read() or qcow2_write() is to be used.
 */
bool qcow2_map(struct qcow2 *q, uint64_t offset, uint64_t length, bool write, int *fd,
               uint64_t *at);
/* These return 0 or a negative errno value. Sizes are of whole sectors (512 bytes). */
int qcow2_read(struct qcow2 *q, uint64_t offset, const struct iovec *iov,
               unsigned int nr);
int qcow2_write(struct qcow2 *q, uint64_t offset, const struct iovec *iov,
                unsigned int nr);
/*
 * What lies in clusters of our own goes back to the file system, the clusters stay.
 * Where nothing can be given back nothing is done. -EOPNOTSUPP: the file system cannot.
 */
int qcow2_discard(struct qcow2 *q, uint64_t offset, uint64_t length);
int qcow2_flush(struct qcow2 *q);
/* Whether a flush has more to do than to make the file durable. */
bool qcow2_flush_needed(const struct qcow2 *q);

/* Of any layer: into one piece of memory. */
int layer_read(const struct layer *layer, uint64_t offset, void *out, size_t length);

#endif
