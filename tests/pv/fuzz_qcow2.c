/* SPDX-License-Identifier: MIT */
/*
 * Images made of any bytes: opened, checked, read and written to, whatever the check
 * says, because a file may change behind a worker's back.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "blkback/qcow2.h"

#define MAX_IMAGE (1U << 20)
#define STEPS     12U
#define LENGTH    (24U << 10)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t buffer[LENGTH] __attribute__((aligned(4096)));

/* Places that the image itself names (its end, a table's reach), and others. */
static uint64_t place(const struct qcow2 *q, unsigned int step)
{
    uint64_t sectors = qcow2_bytes(q) / 512;
    uint64_t at = step * 0x9e3779b97f4a7c15ULL >> (step % 3 ? 50 : 20);

    return sectors ? at % sectors * 512 : 0;
}

static void use(struct qcow2 *q, bool write)
{
    for (unsigned int step = 0; step < STEPS; step++) {
        struct iovec iov = {.iov_base = buffer, .iov_len = LENGTH};
        uint64_t at = place(q, step), host;
        int fd;

        if (iov.iov_len > qcow2_bytes(q) - at)
            iov.iov_len = (qcow2_bytes(q) - at) / 512 * 512;
        if (!iov.iov_len)
            continue;
        qcow2_map(q, at, iov.iov_len, write, &fd, &host);
        qcow2_read(q, at, &iov, 1);
        if (write && !qcow2_write(q, at, &iov, 1) && step % 3 == 2)
            qcow2_flush(q);
        if (write && step % 4 == 1)
            qcow2_discard(q, at, iov.iov_len);
    }
}

static void try(const uint8_t *data, size_t size, bool readonly)
{
    int fd = memfd_create("image", 0);
    struct qcow2 *q;
    const char *why = NULL;

    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    if (!qcow2_open(&q, fd, readonly, &why)) {
        why = NULL;
        if (qcow2_check(q, &why) && !why)
            abort();
        use(q, !readonly);
        qcow2_close(q);
    } else if (!why) {
        abort();
    }
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > MAX_IMAGE)
        return 0;
    try(data, size, true);
    try(data, size, false);
    return 0;
}
