/* SPDX-License-Identifier: MIT */
/*
 * A frontend that writes anything at all into its ring and its pages, in any order: the
 * queue either serves it or ends it, touches nothing that is not granted, and answers as
 * many requests as it took.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "blkback/queue.h"
#include "fake_door.h"

#define SECTORS 2048U

struct input {
    const uint8_t *at;
    size_t left;
};

static struct queue_device dev;
static struct journal journal;

static void complain(const char *line)
{
}

static void take_bytes(struct input *in, void *out, size_t size)
{
    size_t n = size < in->left ? size : in->left;

    memset(out, 0, size);
    memcpy(out, in->at, n);
    in->at += n;
    in->left -= n;
}

static void open_once(void)
{
    static bool opened;
    int image;

    if (opened)
        return;
    opened = true;
    image = memfd_create("image", 0);
    dev.volume.fd = image;
    dev.complain = complain;
    dev.counts = &journal.counts;
    dev.limits =
        (struct plan_limits){.sectors = SECTORS, .sector_size = 512, .discard = true};
    if (ftruncate(image, SECTORS * 512) || pool_open(&dev.pool) ||
        disk_open(&dev.disk, &dev.volume, DISK_MEMORY, 16, dev.pool.base,
                  POOL_PAGES * POOL_PAGE) ||
        disk_restrict(&dev.disk))
        abort();
}

/* One thing that the frontend does. */
static void step(struct input *in, struct hv_ring_index *idx, uint8_t *slots)
{
    uint8_t what, where;
    uint16_t place;

    take_bytes(in, &what, 1);
    take_bytes(in, &where, 1);
    switch (what % 5) {
    case 0: /* a request, and it is shown */
        take_bytes(in, slots + idx->req_prod % 32 * QUEUE_SLOT, QUEUE_SLOT);
        idx->req_prod++;
        break;
    case 1: /* indices of its own making */
        take_bytes(in, (uint8_t *)idx + where % 16, 4);
        break;
    case 2: /* descriptors */
        take_bytes(in, &place, sizeof(place));
        take_bytes(in, fake_page[1 + where % 4] + place % (PAGE_SIZE - 64), 64);
        break;
    case 3:
        fake_granted[1 + where % 64] ^= true;
        break;
    case 4: /* a step or two forward in the ring */
        idx->req_prod += where % 4;
        break;
    }
}

static int serve(struct queue *q)
{
    int rc;

    do {
        rc = queue_take(q);
        queue_show(q);
        if (disk_wait(&dev.disk, false) < 0)
            abort();
        if (!rc)
            rc = queue_arm(q);
    } while (rc >= 0 && (rc > 0 || dev.started || q->held));
    queue_show(q);
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    struct hv_ring_index *idx;
    struct queue q;
    uint8_t flags;

    fake_open();
    open_once();
    take_bytes(&in, &flags, 1);
    memset(&journal, 0, sizeof(journal));
    idx = (void *)fake_page[0];
    hv_ring_init(idx);
    if (pages_open(&dev.pages, NULL, 1, flags & 1) ||
        queue_open(&q, &dev, fake_page[0], PAGE_SIZE, &journal.queue[0], false))
        abort();
    while (in.left) {
        step(&in, idx, fake_page[0] + sizeof(*idx));
        if (serve(&q) < 0)
            break;
        if (dev.pool.used || q.ring.r.req_cons != q.ring.r.rsp_prod_pvt)
            abort();
    }
    while (dev.started)
        disk_wait(&dev.disk, false);
    queue_close(&q);
    pages_close(&dev.pages);
    if (fake_mapped)
        abort();
    return 0;
}
