/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdint.h>

#include "netback/net_write.h"

#define CANCELS   UINT64_MAX /* the user_data of a request that takes another one back */
#define UNDER_WAY (-EINPROGRESS)

static int restrict_ring(struct io_uring *ring)
{
    struct io_uring_restriction only[] = {
        {.opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_WRITEV},
        {.opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_ASYNC_CANCEL}};
    int rc = io_uring_register_restrictions(ring, only, 2);

    return rc ? rc : io_uring_enable_rings(ring);
}

int net_write_ring(struct io_uring *ring, unsigned int packets)
{
    const unsigned int flags = IORING_SETUP_R_DISABLED;
    int rc = io_uring_queue_init(
        packets, ring, flags | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);

    /* Kernels before 6.1 do not know these two; they only save time. */
    if (rc == -EINVAL)
        rc = io_uring_queue_init(packets, ring, flags);
    if (rc)
        return rc;
    rc = restrict_ring(ring);
    if (rc)
        io_uring_queue_exit(ring);
    return rc;
}

/* Hands over what is prepared. While the kernel is short of memory it is asked again. */
static int submit(struct io_uring *ring, unsigned int wait)
{
    int rc;

    do
        rc = io_uring_submit_and_wait(ring, wait);
    while (rc == -EINTR || rc == -EAGAIN);
    return rc < 0 ? rc : 0;
}

static unsigned int take_results(struct io_uring *ring, struct net_write *list)
{
    struct io_uring_cqe *cqe;
    unsigned int head, nr = 0;

    io_uring_for_each_cqe(ring, head, cqe)
    {
        if (cqe->user_data != CANCELS)
            list[cqe->user_data].result = cqe->res;
        nr++;
    }
    io_uring_cq_advance(ring, nr);
    return nr;
}

static int take_back(struct io_uring *ring, unsigned int packet)
{
    struct io_uring_sqe *sqe;

    while (!(sqe = io_uring_get_sqe(ring))) {
        int rc = submit(ring, 0);

        if (rc)
            return rc;
    }
    io_uring_prep_cancel64(sqe, packet, 0);
    sqe->user_data = CANCELS;
    return 0;
}

/* To wait for room is the ring's way, also with a file that does not wait. */
static int take_back_rest(struct io_uring *ring, struct net_write *list, unsigned int nr)
{
    unsigned int left = 0;
    int rc = 0;

    for (unsigned int i = 0; i < nr && !rc; i++) {
        if (list[i].result != UNDER_WAY)
            continue;
        rc = take_back(ring, i);
        left += 2; /* it, and its taking back */
    }
    while (left && !rc) {
        rc = submit(ring, 1);
        left -= take_results(ring, list);
    }
    return rc;
}

static int write_batch(struct io_uring *ring, int tap, struct net_write *list,
                       unsigned int nr)
{
    int rc;

    for (unsigned int i = 0; i < nr; i++) {
        struct io_uring_sqe *sqe = io_uring_get_sqe(ring);

        io_uring_prep_writev(sqe, tap, list[i].iov, list[i].nr, 0);
        sqe->user_data = i;
        list[i].result = UNDER_WAY;
    }
    rc = submit(ring, 0);
    if (rc || take_results(ring, list) == nr)
        return rc;
    return take_back_rest(ring, list, nr);
}

int net_write(struct io_uring *ring, int tap, struct net_write *list, unsigned int nr)
{
    if (ring && nr > 1)
        return write_batch(ring, tap, list, nr);
    for (unsigned int i = 0; i < nr; i++) {
        ssize_t n = writev(tap, list[i].iov, (int)list[i].nr);

        list[i].result = n < 0 ? -errno : (int)n;
    }
    return 0;
}
