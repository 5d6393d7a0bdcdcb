/* SPDX-License-Identifier: MIT */
/*
 * What a request to a disk costs, one JSON line an operation (measure.h), the hypervisor
 * and dom0 included. Works on a device that holds its data in memory, so that nothing
 * waits.
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

#include "measure.h"

#define AREA      (8UL << 20) /* of the device, from its start */
#define MAX_DEPTH 32U

static struct io_uring ring;
static char *memory;
static uint64_t state = 88172645463325252ULL;

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
    size_t size;
    unsigned int depth, reps;
} shapes[] = {
    {"4k", 4096, 1, 400},
    {"4k depth 16", 4096, 16, 1600},
    {"4k depth 32", 4096, 32, 1600},
    {"64k", 65536, 1, 200},
    {"64k depth 32", 65536, 32, 320},
    {"1m", 1 << 20, 1, 40},
    {"1m depth 32", 1 << 20, 32, 96},
};

static int run(int fd, bool write, bool random, size_t i)
{
    return shapes[i].depth == 1
               ? one_at_a_time(fd, write, random, shapes[i].size, shapes[i].reps)
               : many(fd, write, random, shapes[i].size, shapes[i].depth, shapes[i].reps);
}

static int measure(int fd, const char *in, bool write, bool random, size_t i)
{
    uint64_t before;
    char name[48];

    snprintf(name, sizeof(name), "%s %s%s", write ? "write" : "read",
             random ? "random " : "", shapes[i].name);
    /* The first round is not counted: it maps what stays mapped. */
    if (run(fd, write, random, i))
        return -1;
    before = measure_begin(in);
    if (run(fd, write, random, i))
        return -1;
    measure_end(in, name, shapes[i].reps, before);
    return 0;
}

int main(int argc, char **argv)
{
    int fd = argc == 3 ? open(argv[1], O_RDWR | O_DIRECT) : -1;

    if (fd < 0 || posix_memalign((void **)&memory, 4096, MAX_DEPTH << 20) ||
        io_uring_queue_init(MAX_DEPTH, &ring, 0)) {
        fprintf(stderr, "disk: %s\n", argc == 3 ? strerror(errno) : "DEVICE NAME");
        return 1;
    }
    memset(memory, 1, MAX_DEPTH << 20);
    /* All of it once, so that what may be kept in memory is there. */
    if (one_at_a_time(fd, false, false, 65536, AREA / 65536))
        return 1;
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
        for (unsigned int way = 0; way < 4; way++)
            if (measure(fd, argv[2], way & 1, way & 2, i))
                return 1;
    return 0;
}
