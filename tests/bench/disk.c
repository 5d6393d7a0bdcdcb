/* SPDX-License-Identifier: MIT */
/*
 * What a request to a disk costs, one JSON line an operation, in ticks of the TSC: under
 * QEMU's -icount instructions of the whole machine, dom0's and the hypervisor's included.
 * Works on a device that holds its data in memory, so that nothing waits.
 *
 *   disk DEVICE NAME     NAME goes into the lines ("in")
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <liburing.h>

#include "mark.h"

#define AREA      (8UL << 20) /* of the device, from its start */
#define MAX_DEPTH 32U
#define MEMORY    (MAX_DEPTH << 20)

static struct io_uring ring;
static char *memory;
static uint64_t state = 88172645463325252ULL;

static inline uint64_t rdtsc(void)
{
    uint32_t lo, hi;

    __asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi) : : "memory");
    return (uint64_t)hi << 32 | lo;
}

static uint64_t any(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
}

static off_t place(bool random, unsigned int n, size_t size)
{
    uint64_t blocks = AREA / size;

    return (off_t)((random ? any() % blocks : n % blocks) * size);
}

static int one_at_a_time(int fd, bool write, bool random, size_t size, unsigned int reps)
{
    for (unsigned int i = 0; i < reps; i++) {
        off_t at = place(random, i, size);
        ssize_t n = write ? pwrite(fd, memory, size, at) : pread(fd, memory, size, at);

        if (n != (ssize_t)size)
            return -1;
    }
    return 0;
}

static void ask(int fd, bool write, bool random, size_t size, unsigned int n)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
    char *at = memory + n % MAX_DEPTH * size;

    if (write)
        io_uring_prep_write(sqe, fd, at, (unsigned int)size,
                            (uint64_t)place(random, n, size));
    else
        io_uring_prep_read(sqe, fd, at, (unsigned int)size,
                           (uint64_t)place(random, n, size));
}

static int many(int fd, bool write, bool random, size_t size, unsigned int depth,
                unsigned int reps)
{
    unsigned int asked = 0, answered = 0;
    struct io_uring_cqe *cqe;

    while (answered < reps) {
        while (asked < reps && asked - answered < depth)
            ask(fd, write, random, size, asked++);
        if (io_uring_submit_and_wait(&ring, 1) < 0)
            return -1;
        while (!io_uring_peek_cqe(&ring, &cqe)) {
            if (cqe->res != (int)size)
                return -1;
            io_uring_cqe_seen(&ring, cqe);
            answered++;
        }
    }
    return 0;
}

static const struct {
    const char *name;
    bool write, random;
    size_t size;
    unsigned int depth, reps;
} operations[] = {
    {"read 4k", false, true, 4096, 1, 400},
    {"write 4k", true, true, 4096, 1, 400},
    {"read 4k depth 16", false, true, 4096, 16, 1600},
    {"write 4k depth 16", true, true, 4096, 16, 1600},
    {"read 4k depth 32", false, true, 4096, 32, 1600},
    {"write 4k depth 32", true, true, 4096, 32, 1600},
    {"read 64k", false, false, 65536, 1, 200},
    {"write 64k", true, false, 65536, 1, 200},
    {"read 64k depth 32", false, false, 65536, 32, 256},
    {"write 64k depth 32", true, false, 65536, 32, 256},
    {"read 1m", false, false, 1 << 20, 1, 40},
    {"write 1m", true, false, 1 << 20, 1, 40},
    {"read 1m depth 32", false, false, 1 << 20, 32, 64},
    {"write 1m depth 32", true, false, 1 << 20, 32, 64},
};

int main(int argc, char **argv)
{
    int fd = argc == 3 ? open(argv[1], O_RDWR | O_DIRECT) : -1;

    if (fd < 0 || posix_memalign((void **)&memory, 4096, MEMORY) ||
        io_uring_queue_init(MAX_DEPTH, &ring, 0)) {
        fprintf(stderr, "disk: %s\n", argc == 3 ? strerror(errno) : "DEVICE NAME");
        return 1;
    }
    memset(memory, 1, MEMORY);
    /* All of it once, so that what may be kept in memory is there. */
    if (one_at_a_time(fd, false, false, 65536, AREA / 65536))
        return 1;
    for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
        bool write = operations[i].write, random = operations[i].random;
        uint64_t before = 0;
        int rc = 0;

        /* The first round is not counted: it maps what stays mapped. */
        for (int round = 0; round < 2 && !rc; round++) {
            before = rdtsc();
            if (round)
                MARK(MARK_STAMP, 1);
            rc = operations[i].depth == 1
                     ? one_at_a_time(fd, write, random, operations[i].size,
                                     operations[i].reps)
                     : many(fd, write, random, operations[i].size, operations[i].depth,
                            operations[i].reps);
        }
        MARK(MARK_STAMP, 2);
        if (rc)
            return 1;
        printf("{\"in\":\"%s\",\"op\":\"%s\",\"reps\":%u,\"ticks\":%llu}\n", argv[2],
               operations[i].name, operations[i].reps,
               (unsigned long long)(rdtsc() - before) / operations[i].reps);
        fflush(stdout);
    }
    MARK(MARK_STAMP, 0);
    return 0;
}
