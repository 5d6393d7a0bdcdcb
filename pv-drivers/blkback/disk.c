/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "blkback/disk.h"
#include "blkback/volume.h"

#define PAGE         4096U
#define DISCARD_MODE (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE)

int disk_open(struct disk *d, struct volume *volume, enum disk_way way,
              unsigned int depth, void *memory, size_t memory_size)
{
    const struct iovec all = {.iov_base = memory, .iov_len = memory_size};
    unsigned int flags = IORING_SETUP_R_DISABLED;
    int rc;

    *d = (struct disk){.volume = volume, .way = way, .room = depth};
    depth += DISK_MAX_POLLS;
    /* Kernels before 6.1 do not know these two; they only save time. */
    rc = io_uring_queue_init(
        depth, &d->ring, flags | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
    if (rc == -EINVAL)
        rc = io_uring_queue_init(depth, &d->ring, flags);
    /* It may not be allowed to lock so much memory; then it is looked up each time. */
    d->fixed = !rc && way == DISK_DIRECT && !io_uring_register_buffers(&d->ring, &all, 1);
    return rc;
}

void disk_close(struct disk *d)
{
    io_uring_queue_exit(&d->ring);
}

void disk_poll(struct disk *d, int fd)
{
    d->polled[d->nr_polled++] = fd;
}

int disk_restrict(struct disk *d)
{
    static const uint8_t ops[] = {
        IORING_OP_READV, IORING_OP_WRITEV,    IORING_OP_READ_FIXED, IORING_OP_WRITE_FIXED,
        IORING_OP_FSYNC, IORING_OP_FALLOCATE, IORING_OP_POLL_ADD};
    struct io_uring_restriction allow[sizeof(ops)] = {0};
    int rc;

    for (unsigned int i = 0; i < sizeof(ops); i++) {
        allow[i].opcode = IORING_RESTRICTION_SQE_OP;
        allow[i].sqe_op = ops[i];
    }
    rc = io_uring_register_restrictions(&d->ring, allow, sizeof(ops));
    return rc ? rc : io_uring_enable_rings(&d->ring);
}

static ssize_t move_now(const struct disk *d, const struct disk_op *op, off_t at,
                        int flags)
{
    const struct iovec *one = op->iov;
    bool write = op->kind == DISK_WRITE;

    if (d->window.base && op->fd == d->window.fd &&
        window_move(&d->window, write, op->iov, op->nr_iov, (uint64_t)at))
        return (ssize_t)(op->length - op->did);
    if (op->nr_iov == 1 && write)
        return pwrite(op->fd, one->iov_base, one->iov_len, at);
    if (op->nr_iov == 1 && !flags)
        return pread(op->fd, one->iov_base, one->iov_len, at);
    return write ? pwritev(op->fd, op->iov, (int)op->nr_iov, at)
                 : preadv2(op->fd, op->iov, (int)op->nr_iov, at, flags);
}

/* `flags` are those of preadv2(). */
static int do_now(const struct disk *d, const struct disk_op *op, int flags)
{
    off_t at = (off_t)(op->at + op->did);
    ssize_t n = 0;

    switch (op->kind) {
    case DISK_READ:
    case DISK_WRITE:
        n = move_now(d, op, at, flags);
        break;
    case DISK_FLUSH:
        n = fdatasync(op->fd);
        break;
    case DISK_DISCARD:
        n = fallocate(op->fd, DISCARD_MODE, at, (off_t)op->length);
        break;
    }
    return n < 0 ? -errno : (int)n;
}

/* Whole pages: nothing of the old ones has to be read for a write to the cache. */
static bool whole_pages(const struct disk_op *op)
{
    return !((op->at | op->length) & (PAGE - 1));
}

/*
 * What can be done without waiting, or -EAGAIN. A write may be made to wait when there is
 * too much in the cache already, which is what slows a guest down that writes faster than
 * its disk.
 */
static int try_now(const struct disk *d, const struct disk_op *op)
{
    int rc;

    if (d->way == DISK_MEMORY)
        return do_now(d, op, 0);
    if (d->way == DISK_DIRECT || (op->kind != DISK_READ && op->kind != DISK_WRITE) ||
        (op->kind == DISK_WRITE && !whole_pages(op)))
        return -EAGAIN;
    rc = do_now(d, op, RWF_NOWAIT);
    /* There are file systems that cannot tell whether they would wait. */
    return rc == -EOPNOTSUPP ? -EAGAIN : rc;
}

static void prepare(const struct disk *d, struct io_uring_sqe *sqe, struct disk_op *op)
{
    uint64_t at = op->at + op->did;

    switch (op->kind) {
    case DISK_READ:
        if (d->fixed)
            io_uring_prep_read_fixed(sqe, op->fd, op->iov->iov_base,
                                     (unsigned int)op->iov->iov_len, at, 0);
        else
            io_uring_prep_readv(sqe, op->fd, op->iov, op->nr_iov, at);
        break;
    case DISK_WRITE:
        if (d->fixed)
            io_uring_prep_write_fixed(sqe, op->fd, op->iov->iov_base,
                                      (unsigned int)op->iov->iov_len, at, 0);
        else
            io_uring_prep_writev(sqe, op->fd, op->iov, op->nr_iov, at);
        break;
    case DISK_FLUSH:
        io_uring_prep_fsync(sqe, op->fd, IORING_FSYNC_DATASYNC);
        break;
    case DISK_DISCARD:
        io_uring_prep_fallocate(sqe, op->fd, DISCARD_MODE, (off_t)at, (off_t)op->length);
        break;
    }
    io_uring_sqe_set_data(sqe, op);
}

/* Takes n bytes off the front of what is still to be moved. */
static void advance(struct disk_op *op, size_t n)
{
    op->did += n;
    while (n && n >= op->iov->iov_len) {
        n -= op->iov->iov_len;
        op->iov++;
        op->nr_iov--;
    }
    if (n) {
        op->iov->iov_base = (char *)op->iov->iov_base + n;
        op->iov->iov_len -= n;
    }
}

/* The kernel may do less than it was asked for: then there is more to do. */
static bool is_over(struct disk_op *op, int *result)
{
    bool data = op->kind == DISK_READ || op->kind == DISK_WRITE;

    if (*result == -EINTR || *result == -EAGAIN)
        return false;
    if (!data || *result < 0)
        return true;
    if (*result == 0) {
        *result = -EIO; /* the image ends here: it has shrunk */
        return true;
    }
    advance(op, (size_t)*result);
    *result = 0;
    return op->did >= op->length;
}

static void end(struct disk *d, struct disk_op *op, int result)
{
    d->room++;
    op->done(op, result);
}

/* Does what can be done now; the rest goes to the ring. */
static void go_on(struct disk *d, struct disk_op *op)
{
    int result;

    do {
        result = try_now(d, op);
        if (is_over(op, &result)) {
            end(d, op, result);
            return;
        }
    } while (result != -EAGAIN);
    /* There is room: disk_start() has seen to it. */
    prepare(d, io_uring_get_sqe(&d->ring), op);
    d->under_way++;
}

bool disk_start(struct disk *d, struct disk_op *op)
{
    int result;

    if (!d->room)
        return false;
    d->room--;
    op->did = 0;
    if (volume_map(d->volume, op)) {
        go_on(d, op);
        return true;
    }
    do
        result = volume_do(d->volume, op);
    while (!is_over(op, &result));
    end(d, op, result);
    return true;
}

/* What the ring has done of it. */
static void complete(struct disk *d, struct disk_op *op, int result)
{
    d->under_way--;
    if (is_over(op, &result))
        end(d, op, result);
    else
        go_on(d, op);
}

static void arm_polls(struct disk *d)
{
    for (unsigned int i = 0; i < d->nr_polled; i++) {
        struct io_uring_sqe *sqe;

        if (d->armed & 1U << i)
            continue;
        sqe = io_uring_get_sqe(&d->ring);
        io_uring_prep_poll_add(sqe, d->polled[i], POLLIN);
        io_uring_sqe_set_data(sqe, &d->polled[i]);
        d->armed |= 1U << i;
    }
}

static unsigned int take_completions(struct disk *d)
{
    struct io_uring_cqe *cqe;
    unsigned int readable = 0;

    while (!io_uring_peek_cqe(&d->ring, &cqe)) {
        void *data = io_uring_cqe_get_data(cqe);
        int result = cqe->res;

        io_uring_cqe_seen(&d->ring, cqe);
        if (data >= (void *)d->polled && data < (void *)(d->polled + DISK_MAX_POLLS)) {
            unsigned int bit = 1U << ((int *)data - d->polled);

            d->armed &= ~bit;
            readable |= bit;
        } else {
            complete(d, data, result);
        }
    }
    return readable;
}

/* As disk_wait(), while the ring has nothing to do: one system call and no more. */
static int wait_for_files(struct disk *d, bool block)
{
    struct pollfd fds[DISK_MAX_POLLS];
    int readable = 0;

    for (unsigned int i = 0; i < d->nr_polled; i++)
        fds[i] = (struct pollfd){.fd = d->polled[i], .events = POLLIN};
    if (poll(fds, d->nr_polled, !block ? 0 : d->patience_ms ? d->patience_ms : -1) < 0)
        return errno == EINTR ? 0 : -errno;
    for (unsigned int i = 0; i < d->nr_polled; i++)
        if (fds[i].revents)
            readable |= 1 << i;
    return readable;
}

/* As io_uring_submit_and_wait() for one; but no longer than there is patience. */
static int submit_and_wait(struct disk *d)
{
    struct __kernel_timespec ts = {.tv_sec = d->patience_ms / 1000,
                                   .tv_nsec = d->patience_ms % 1000 * 1000000LL};
    struct io_uring_cqe *cqe;
    int rc;

    if (!d->patience_ms)
        return io_uring_submit_and_wait(&d->ring, 1);
    rc = io_uring_submit_and_wait_timeout(&d->ring, &cqe, 1, &ts, NULL);
    return rc == -ETIME ? 0 : rc;
}

int disk_wait(struct disk *d, bool block)
{
    int rc;

    if (!d->under_way)
        return wait_for_files(d, block);
    if (block)
        arm_polls(d);
    rc = block ? submit_and_wait(d) : io_uring_submit(&d->ring);
    if (rc < 0 && rc != -EINTR)
        return rc;
    return (int)take_completions(d);
}
