/* SPDX-License-Identifier: MIT */
/*
 * Works on an image as hvblkd does, for qcow2.sh, and on a plain file that is to have the
 * same contents.
 *
 *   qcow2_tool open IMAGE               whether it is taken; why not
 *   qcow2_tool hold IMAGE r|w           has it open until standard input ends
 *   qcow2_tool read IMAGE FILE          the disk goes to FILE
 *   qcow2_tool work IMAGE FILE SEED NR  NR random reads, writes, discards, flushes
 *   qcow2_tool kill IMAGE FILE SEED MS  the same, killed after MS milliseconds
 *
 * In the environment: DIRECT for direct I/O, LIMIT for the bytes that a file may have.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "blkback/image.h"
#include "blkback/volume.h"

#define MAX_REQUEST (1U << 20)
#define SECTOR      512U

static struct image image;
static struct volume volume;
static uint8_t *model, *buffer;
/* What is under way, for whoever comes after a kill. */
static struct {
    uint64_t offset, length;
} * under_way;

static void fail(const char *what, const char *why)
{
    printf("%s: %s\n", what, why);
    exit(1);
}

static void open_image(const char *path, bool readonly)
{
    const struct image_trust trust = {.read = image_read_facts};
    const char *why = "";

    if (image_open(&image, path, "qcow2", readonly, false, &trust, &why))
        fail(path, why);
    if (getenv("DIRECT")) {
        char self[40];
        int fd;

        snprintf(self, sizeof(self), "/proc/self/fd/%d", image.fd);
        fd = open(self, (readonly ? O_RDONLY : O_RDWR) | O_DIRECT);
        if (fd < 0)
            fail(path, strerror(errno));
        image.layer[0].fd = fd;
    }
    if (volume_open(&volume, image.layer, image.nr_layers, readonly, &why))
        fail(path, why);
}

/* False: there is no space, which is so with LIMIT. */
static bool do_op(enum disk_kind kind, uint64_t offset, uint64_t length)
{
    /* In two pieces, as a guest's data may be. */
    size_t cut = length > SECTOR ? length / SECTOR / 2 * SECTOR : length;
    struct iovec iov[2] = {{buffer, cut}, {buffer + cut, length - cut}};
    struct disk_op op = {.kind = kind,
                         .offset = offset,
                         .length = length,
                         .iov = iov,
                         .nr_iov = cut < length ? 2 : 1};
    ssize_t rc;

    if (!volume_map(&volume, &op))
        rc = volume_do(&volume, &op);
    else if (kind == DISK_READ)
        rc = preadv(op.fd, iov, (int)op.nr_iov, (off_t)op.at);
    else if (kind == DISK_WRITE)
        rc = pwritev(op.fd, iov, (int)op.nr_iov, (off_t)op.at);
    else
        rc = fdatasync(op.fd);
    if (rc < 0 && getenv("LIMIT") && (rc == -EFBIG || errno == EFBIG))
        return false;
    if (rc < 0 || (kind <= DISK_WRITE && (uint64_t)rc != length)) {
        printf("operation %d at %llu + %llu: %zd\n", (int)kind,
               (unsigned long long)offset, (unsigned long long)length, rc);
        exit(1);
    }
    return true;
}

static uint64_t bytes(void)
{
    return image.sectors * SECTOR;
}

static void *map_model(const char *path, uint64_t size)
{
    int fd = open(path, O_RDWR | O_CREAT, 0666);
    void *at;

    if (fd < 0 || ftruncate(fd, (off_t)size))
        fail(path, strerror(errno));
    at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED)
        fail(path, strerror(errno));
    return at;
}

static void differs(uint64_t offset)
{
    printf("the disk differs at byte %llu\n", (unsigned long long)offset);
    exit(1);
}

/* A discarded sector is what it was, or zeroes. */
static void check_discard(uint64_t offset, uint64_t length)
{
    static const uint8_t zero[SECTOR];

    do_op(DISK_READ, offset, length);
    for (uint64_t i = 0; i < length; i += SECTOR)
        if (memcmp(buffer + i, model + offset + i, SECTOR) &&
            memcmp(buffer + i, zero, SECTOR))
            differs(offset + i);
    memcpy(model + offset, buffer, length);
}

static void random_op(void)
{
    uint64_t sectors = bytes() / SECTOR, at, nr = 1;
    unsigned int what = (unsigned int)rand() % 16;

    /* Small ones most of the time, and near each other. */
    nr += (uint64_t)rand() % (rand() % 8 ? 16 : MAX_REQUEST / SECTOR);
    at = (uint64_t)rand() % sectors;
    if (rand() % 2)
        at %= 4096;
    at %= sectors;
    if (nr > sectors - at)
        nr = sectors - at;
    at *= SECTOR;
    nr *= SECTOR;
    under_way->offset = at;
    under_way->length = what >= 8 && what < 15 ? nr : 0;
    if (what < 8) {
        do_op(DISK_READ, at, nr);
        if (memcmp(buffer, model + at, nr))
            differs(at);
    } else if (what < 14) {
        for (uint64_t i = 0; i < nr; i += 4)
            *(uint32_t *)(buffer + i) = (uint32_t)rand() % 8 ? (uint32_t)rand() : 0;
        /* Of a write that failed a part may be done. */
        if (!do_op(DISK_WRITE, at, nr))
            do_op(DISK_READ, at, nr);
        memcpy(model + at, buffer, nr);
    } else if (what == 14) {
        do_op(DISK_DISCARD, at, nr);
        check_discard(at, nr);
    } else {
        do_op(DISK_FLUSH, 0, 0);
    }
    under_way->length = 0;
}

static void work(unsigned int seed, unsigned long nr)
{
    srand(seed);
    while (nr--)
        random_op();
}

/* What was under way when it was killed is done, or not, or in part. */
static void work_and_kill(const char *path, unsigned int seed, unsigned int ms)
{
    pid_t pid = fork();
    int status;

    if (!pid) {
        open_image(path, false);
        work(seed, ~0UL);
    }
    usleep(ms * 1000);
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    if (!WIFSIGNALED(status))
        fail(path, "the worker ended by itself");
    open_image(path, true);
    if (under_way->length) {
        do_op(DISK_READ, under_way->offset, under_way->length);
        memcpy(model + under_way->offset, buffer, under_way->length);
    }
}

static void hold(void)
{
    char c;

    printf("open\n");
    fflush(stdout);
    while (read(STDIN_FILENO, &c, 1) > 0)
        ;
}

static void read_all(const char *to)
{
    uint64_t size = bytes();

    model = map_model(to, size);
    for (uint64_t at = 0, n; at < size; at += n) {
        n = ((uint64_t)rand() % (MAX_REQUEST / SECTOR) + 1) * SECTOR;
        if (n > size - at)
            n = size - at;
        do_op(DISK_READ, at, n);
        memcpy(model + at, buffer, n);
    }
}

static void limit_files(const char *bytes)
{
    struct rlimit limit = {.rlim_cur = strtoul(bytes, NULL, 10),
                           .rlim_max = RLIM_INFINITY};

    signal(SIGXFSZ, SIG_IGN);
    if (setrlimit(RLIMIT_FSIZE, &limit))
        fail("RLIMIT_FSIZE", strerror(errno));
}

int main(int argc, char **argv)
{
    const char *what = argc > 2 ? argv[1] : "";

    buffer = aligned_alloc(4096, MAX_REQUEST);
    under_way = mmap(NULL, sizeof(*under_way), PROT_READ | PROT_WRITE,
                     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (!strcmp(what, "kill") && argc == 6) {
        open_image(argv[2], true);
        model = map_model(argv[3], bytes());
        volume_close(&volume);
        image_close(&image);
        work_and_kill(argv[2], (unsigned int)atoi(argv[4]), (unsigned int)atoi(argv[5]));
        volume_close(&volume);
        return 0;
    }
    open_image(argv[2], argc == 4 && strcmp(argv[3], "w"));
    if (!strcmp(what, "read") && argc == 4) {
        read_all(argv[3]);
    } else if (!strcmp(what, "work") && argc == 6) {
        model = map_model(argv[3], bytes());
        if (getenv("LIMIT"))
            limit_files(getenv("LIMIT"));
        work((unsigned int)atoi(argv[4]), strtoul(argv[5], NULL, 10));
    } else if (!strcmp(what, "hold")) {
        hold();
    }
    volume_close(&volume);
    return 0;
}
