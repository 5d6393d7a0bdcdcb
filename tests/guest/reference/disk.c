/* SPDX-License-Identifier: MIT */
/*
 * The disk's workload: writes patterns in every size and reads them back, then measures
 * reads and writes, then goes on with small rounds for whoever takes the back end away.
 */
#include "front/blkfront.h"
#include "reference.h"

#define DEPTH  16
#define BYTES  (1U << 20)
#define QUEUES 2

static struct blkfront disk;
static struct {
    struct blk_io io;
    bool busy;
} job[DEPTH];
static int failed;

static void finished(struct blk_io *io, int error)
{
    for (int i = 0; i < DEPTH; i++)
        if (&job[i].io == io)
            job[i].busy = false;
    if (error)
        failed = error;
}

static void wait(void)
{
    if (store_fired())
        blkfront_look(&disk);
    else
        port_wait();
}

/* `depth` requests at a time, each of `sectors`, until `count` are done. */
static int run(unsigned int op, char *data, uint32_t sectors, int count, int depth,
               uint64_t at)
{
    int sent = 0, busy;

    failed = 0;
    do {
        busy = 0;
        for (int i = 0; i < depth; i++) {
            if (!job[i].busy && sent < count) {
                job[i].io =
                    (struct blk_io){.op = op,
                                    .sector = at + (uint64_t)sent * sectors,
                                    .sectors = sectors,
                                    .data = data + (size_t)sent * sectors * 512 % BYTES,
                                    .done = finished};
                job[i].busy = true;
                sent++;
                blkfront_submit(&disk, &job[i].io);
            }
        }
        blkfront_kick(&disk);
        for (int i = 0; i < depth; i++)
            busy += job[i].busy;
        if (busy)
            wait();
    } while (busy);
    return failed;
}

static bool verify(char *data, uint32_t sectors, int depth, uint32_t seed)
{
    int count = (int)(BYTES / 512 / sectors), errors = 0;
    uint32_t *words = (uint32_t *)data;

    for (uint32_t i = 0; i < BYTES / 4; i++)
        words[i] = i * 2654435761U + seed;
    if (run(HV_BLKIF_OP_WRITE, data, sectors, count, depth, 8))
        return false;
    memset(data, 0, BYTES);
    if (run(HV_BLKIF_OP_READ, data, sectors, count, depth, 8))
        return false;
    for (uint32_t i = 0; i < (uint32_t)count * sectors * 128; i++)
        errors += words[i] != i * 2654435761U + seed;
    return !errors;
}

static void measure(const char *name, unsigned int op, char *data, uint32_t sectors,
                    int count, int depth)
{
    uint64_t begin;

    run(op, data, sectors, depth, depth, 8);
    begin = now_ns();
    run(op, data, sectors, count, depth, 8);
    say("{\"in\":\"reference\",\"op\":\"%s\",\"ns\":%lu}\n", name,
        (unsigned long)((now_ns() - begin) / (uint64_t)count));
}

static void figures(char *data)
{
    measure("read 4 KiB, depth 1", HV_BLKIF_OP_READ, data, 8, 200, 1);
    measure("write 4 KiB, depth 1", HV_BLKIF_OP_WRITE, data, 8, 200, 1);
    measure("read 4 KiB, depth 16", HV_BLKIF_OP_READ, data, 8, 400, 16);
    measure("write 4 KiB, depth 16", HV_BLKIF_OP_WRITE, data, 8, 400, 16);
    measure("read 64 KiB, depth 1", HV_BLKIF_OP_READ, data, 128, 50, 1);
    measure("read 1 MiB, depth 1", HV_BLKIF_OP_READ, data, 2048, 10, 1);
    measure("write 1 MiB, depth 1", HV_BLKIF_OP_WRITE, data, 2048, 10, 1);
}

void disk_main(const char *front)
{
    static const uint32_t sizes[] = {1, 8, 88, 128, 2048};
    char *data = front_pages(BYTES / PAGE_SIZE);

    if (blkfront_start(&disk, front, QUEUES)) {
        say("no device at %s\n", front);
        return;
    }
    store_watch(disk.bus.back);
    while (disk.state == BLKFRONT_STARTING || disk.state == BLKFRONT_OFFERED)
        wait();
    say("disk of %lu sectors, requests of %u pages, %u rings, %s grants\n",
        (unsigned long)disk.sectors, disk.max_segments, disk.nr_queues,
        disk.persistent ? "persistent" : "passing");
    for (unsigned int i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
        say("%u sectors a request: %s\n", sizes[i],
            sizes[i] > disk.max_segments * 8 || verify(data, sizes[i], 4, i) ? "ok"
                                                                             : "not ok");
    figures(data);
    for (uint32_t n = 0; disk.state != BLKFRONT_GONE; n++) {
        bool good = verify(data, 64, DEPTH, n);

        say("round %u %s, connection %u, reissued %u\n", n, good ? "ok" : "failed",
            disk.connections, disk.reissued);
    }
    say("the disk is gone\n");
}
