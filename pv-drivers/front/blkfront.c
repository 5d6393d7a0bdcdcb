/* SPDX-License-Identifier: MIT */
/* See blkfront.h. */
#include <errno.h>
#include <string.h>
#include "abi/io/xenbus.h"
#include "blkfront.h"

#define SECTORS_PER_PAGE (FRONT_PAGE_SIZE / 512)

/* ---- Requests that wait ---- */

static void wait_last(struct blkfront *b, struct blk_io *io)
{
    io->next = NULL;
    *b->waiting_end = io;
    b->waiting_end = &io->next;
}

static void wait_first(struct blkfront *b, struct blk_io *io)
{
    io->next = b->waiting;
    if (!b->waiting)
        b->waiting_end = &io->next;
    b->waiting = io;
}

static struct blk_io *wait_take(struct blkfront *b)
{
    struct blk_io *io = b->waiting;

    b->waiting = io->next;
    if (!b->waiting)
        b->waiting_end = &b->waiting;
    return io;
}

static void fail_waiting(struct blkfront *b)
{
    while (b->waiting) {
        struct blk_io *io = wait_take(b);

        io->done(io, -EIO);
    }
}

/* ---- Slots ---- */

/*
 * Takes back what the slot has granted. False: the other end has some of it mapped, and
 * nobody can take that away.
 */
static bool slot_revoke(struct blkfront_slot *s)
{
    for (; s->segments; s->segments--)
        if (front_revoke(s->page[s->segments - 1]))
            return false;
    if (s->indirect_ref && front_revoke(s->indirect_ref))
        return false;
    s->indirect_ref = 0;
    return true;
}

/* The same, where pages of `kept` stay granted. */
static bool slot_clear(struct blkfront *b, struct blkfront_slot *s)
{
    if (!b->persistent)
        return slot_revoke(s);
    while (s->segments)
        kept_put(&b->kept, s->page[--s->segments]);
    return true;
}

static bool has_data(const struct blk_io *io)
{
    return io->op == HV_BLKIF_OP_READ || io->op == HV_BLKIF_OP_WRITE;
}

static uint32_t sector_in_page(const void *p)
{
    return (uint32_t)((uintptr_t)p % FRONT_PAGE_SIZE / 512);
}

static unsigned int pages_of(const struct blk_io *io)
{
    return (sector_in_page(io->data) + io->sectors + SECTORS_PER_PAGE - 1) /
           SECTORS_PER_PAGE;
}

/* The part of a request's data that lies in one page. */
struct piece {
    char *data;
    uint32_t first, sectors; /* in its page */
    uint32_t left;           /* of the request, from here on */
};

static struct piece piece_at(char *data, uint32_t left)
{
    struct piece p = {.data = data, .first = sector_in_page(data), .left = left};
    uint32_t room = SECTORS_PER_PAGE - p.first;

    p.sectors = left < room ? left : room;
    return p;
}

static struct piece piece_next(const struct piece *p)
{
    return piece_at(p->data + p->sectors * 512, p->left - p->sectors);
}

/* Where the piece is in the page that is granted for it. */
static char *kept_at(const struct blkfront *b, uint32_t page, const struct piece *p)
{
    return b->kept.of[page].page + p->first * 512;
}

/* Grants the piece as the slot's next segment: its reference, or a negative errno. */
static int piece_grant(struct blkfront *b, struct blkfront_slot *s, const struct piece *p)
{
    bool write = s->io->op == HV_BLKIF_OP_WRITE;
    int page = b->persistent ? kept_take(&b->kept, b->bus.dom)
                             : front_grant(b->bus.dom, p->data, write);

    if (page < 0)
        return page;
    s->page[s->segments++] = (uint32_t)page;
    if (!b->persistent)
        return page;
    if (write)
        memcpy(kept_at(b, (uint32_t)page, p), p->data, p->sectors * 512);
    return (int)b->kept.of[page].ref;
}

/* Grants the request's pages, and writes the segments that say so. */
static int slot_grant(struct blkfront *b, struct blkfront_slot *s,
                      struct hv_blkif_request_segment *seg)
{
    for (struct piece p = piece_at(s->io->data, s->io->sectors); p.left;
         p = piece_next(&p)) {
        int ref = piece_grant(b, s, &p);

        if (ref < 0)
            return ref;
        *seg++ = (struct hv_blkif_request_segment){
            .gref = (uint32_t)ref,
            .first_sect = (uint8_t)p.first,
            .last_sect = (uint8_t)(p.first + p.sectors - 1),
        };
    }
    return 0;
}

/* What was read comes to where it is wanted. */
static void slot_collect(const struct blkfront *b, const struct blkfront_slot *s)
{
    const uint32_t *page = s->page;

    if (!b->persistent || s->io->op != HV_BLKIF_OP_READ)
        return;
    for (struct piece p = piece_at(s->io->data, s->io->sectors); p.left;
         p = piece_next(&p))
        memcpy(p.data, kept_at(b, *page++, &p), p.sectors * 512);
}

static int put_direct(struct blkfront_queue *q, struct blkfront_slot *s, uint64_t id)
{
    struct hv_blkif_request r = {.operation = (uint8_t)s->io->op,
                                 .handle = 0,
                                 .id = id,
                                 .sector_number = s->io->sector};
    int rc = has_data(s->io) ? slot_grant(q->disk, s, r.seg) : 0;

    if (rc)
        return rc;
    r.nr_segments = (uint8_t)s->segments;
    return ring_front_put(&q->ring, &r, sizeof(r)) ? 0 : -EBUSY;
}

static int grant_indirect(const struct blkfront *b, struct blkfront_slot *s)
{
    int ref;

    if (!s->indirect)
        s->indirect = front_pages(1);
    if (!s->indirect)
        return -ENOMEM;
    if (s->indirect_ref)
        return 0;
    ref = front_grant(b->bus.dom, s->indirect, !b->persistent);
    if (ref < 0)
        return ref;
    s->indirect_ref = (uint32_t)ref;
    return 0;
}

static int put_indirect(struct blkfront_queue *q, struct blkfront_slot *s, uint64_t id)
{
    struct hv_blkif_request_indirect r = {.operation = HV_BLKIF_OP_INDIRECT,
                                          .indirect_op = (uint8_t)s->io->op,
                                          .id = id,
                                          .sector_number = s->io->sector};
    int rc = grant_indirect(q->disk, s);

    if (!rc)
        rc = slot_grant(q->disk, s, s->indirect);
    if (rc)
        return rc;
    r.indirect_grefs[0] = s->indirect_ref;
    r.nr_segments = (uint16_t)s->segments;
    return ring_front_put(&q->ring, &r, sizeof(r)) ? 0 : -EBUSY;
}

static int put_discard(struct blkfront_queue *q, struct blkfront_slot *s, uint64_t id)
{
    struct hv_blkif_request_discard r = {.operation = HV_BLKIF_OP_DISCARD,
                                         .id = id,
                                         .sector_number = s->io->sector,
                                         .nr_sectors = s->io->sectors};

    return ring_front_put(&q->ring, &r, sizeof(r)) ? 0 : -EBUSY;
}

/* Why a request cannot be served by this back end, or 0. */
static int unfit(const struct blkfront *b, const struct blk_io *io)
{
    switch (io->op) {
    case HV_BLKIF_OP_READ:
    case HV_BLKIF_OP_WRITE:
        if (!io->sectors || (uintptr_t)io->data % 512 || pages_of(io) > b->max_segments)
            return -EINVAL;
        if (io->op == HV_BLKIF_OP_WRITE && (b->info & HV_VDISK_READONLY))
            return -EROFS;
        break;
    case HV_BLKIF_OP_FLUSH_DISKCACHE:
        return b->flush ? 0 : -EOPNOTSUPP;
    case HV_BLKIF_OP_DISCARD:
        if (!b->discard)
            return -EOPNOTSUPP;
        break;
    default:
        return -EINVAL;
    }
    if (io->sector > b->sectors || io->sectors > b->sectors - io->sector)
        return -EINVAL;
    return 0;
}

static struct blkfront_slot *slot_free(struct blkfront_queue *q, uint32_t *id)
{
    for (*id = 0; *id < q->ring.r.nr_ents && *id < BLKFRONT_MAX_SLOTS; ++*id)
        if (!q->slot[*id].io)
            return &q->slot[*id];
    return NULL;
}

/* Puts the first that waits into the ring. False: there is no room, or no grants. */
static bool fill_one(struct blkfront *b, struct blkfront_queue *q)
{
    struct blkfront_slot *s;
    struct blk_io *io;
    uint32_t id;
    int rc;

    s = slot_free(q, &id);
    if (!s)
        return false;
    io = wait_take(b);
    rc = unfit(b, io);
    if (rc) {
        io->done(io, rc);
        return true;
    }
    s->io = io;
    if (io->op == HV_BLKIF_OP_DISCARD)
        rc = put_discard(q, s, id);
    else if (has_data(io) && pages_of(io) > HV_BLKIF_MAX_SEGMENTS_PER_REQUEST)
        rc = put_indirect(q, s, id);
    else
        rc = put_direct(q, s, id);
    if (!rc)
        return true;
    /* No grants left: those in the ring will give some back. A back end that has mapped
     * already what it was not told of keeps the request as long. */
    s->kept = !slot_clear(b, s);
    if (s->kept)
        return false;
    s->io = NULL;
    wait_first(b, io);
    return false;
}

/* The rings in turn, until none of them takes more. */
static void fill(struct blkfront *b)
{
    unsigned int full = 0;

    while (b->waiting && full < b->nr_queues) {
        full = fill_one(b, &b->queue[b->turn]) ? 0 : full + 1;
        b->turn = (b->turn + 1) % b->nr_queues;
    }
}

/* ---- The connection ---- */

/*
 * What was not answered waits again, before what waited already. Where it were asked for
 * again earlier, the first back end could still write to its pages after the second has
 * answered.
 */
static void slots_reclaim(struct blkfront_queue *q)
{
    for (unsigned int id = BLKFRONT_MAX_SLOTS; id-- > 0;) {
        struct blkfront_slot *s = &q->slot[id];

        if (!s->kept || !slot_revoke(s))
            continue;
        wait_first(q->disk, s->io);
        s->kept = false;
        s->io = NULL;
        q->disk->reissued++;
    }
}

static void slots_end(struct blkfront_queue *q)
{
    for (unsigned int id = 0; id < BLKFRONT_MAX_SLOTS; id++) {
        struct blkfront_slot *s = &q->slot[id];

        if (!s->io || s->kept)
            continue;
        slot_clear(q->disk, s);
        s->kept = true;
    }
    slots_reclaim(q);
}

/* Takes back the ring's pages when none of them is mapped any more. */
static void ring_end(struct blkfront_queue *q)
{
    while (q->ring_granted && !front_revoke(q->ring_ref[q->ring_granted - 1]))
        q->ring_granted--;
    if (q->ring_granted || !q->ring_page)
        return;
    front_pages_free(q->ring_page, q->ring_page_count);
    q->ring_page = NULL;
}

/* The pages that requests' segments are written to go, too: they stay granted else. */
static void free_indirect(struct blkfront_queue *q)
{
    for (unsigned int id = 0; id < BLKFRONT_MAX_SLOTS; id++) {
        struct blkfront_slot *s = &q->slot[id];

        if (s->kept || !s->indirect || (s->indirect_ref && front_revoke(s->indirect_ref)))
            continue;
        front_pages_free(s->indirect, 1);
        s->indirect = NULL;
        s->indirect_ref = 0;
    }
}

/*
 * May be called again: a back end that closes still has pages mapped, one that is closed
 * has not.
 */
static void disconnect(struct blkfront *b)
{
    for (unsigned int i = b->max_queues; i-- > 0;) {
        struct blkfront_queue *q = &b->queue[i];

        if (q->port >= 0)
            front_event_close((uint32_t)q->port);
        q->port = -1;
        slots_end(q);
        ring_end(q);
        free_indirect(q);
    }
    kept_end(&b->kept);
    b->turn = 0;
}

static void gone(struct blkfront *b)
{
    disconnect(b);
    b->state = BLKFRONT_GONE;
    fail_waiting(b);
    bus_say(&b->bus, HV_XENBUS_STATE_CLOSED);
}

/* A response that we did not ask for ends the connection: nothing it says can be relied
 * on. */
static int answer(struct blkfront_queue *q, const struct hv_blkif_response *r)
{
    struct blkfront *b = q->disk;
    struct blkfront_slot *s;
    struct blk_io *io;

    if (r->id >= BLKFRONT_MAX_SLOTS || !q->slot[r->id].io || q->slot[r->id].kept)
        return -EPROTO;
    s = &q->slot[r->id];
    io = s->io;
    if (r->status == HV_BLKIF_RSP_OKAY)
        slot_collect(b, s);
    /* Who has answered a request has let go of its pages. */
    if (!slot_clear(b, s))
        return -EPROTO;
    s->io = NULL;
    switch (r->status) {
    case HV_BLKIF_RSP_OKAY:
        io->done(io, 0);
        break;
    case HV_BLKIF_RSP_EOPNOTSUPP:
        io->done(io, -EOPNOTSUPP);
        break;
    default:
        io->done(io, -EIO);
        break;
    }
    return 0;
}

static void event(void *arg)
{
    struct blkfront_queue *q = arg;
    struct hv_blkif_response r;
    int rc;

    if (q->disk->state != BLKFRONT_RUNNING)
        return;
    do {
        while ((rc = ring_front_take(&q->ring, &r, sizeof(r))) > 0) {
            rc = answer(q, &r);
            if (rc)
                break;
        }
    } while (rc >= 0 && (rc = ring_front_arm(&q->ring)) > 0);
    if (rc < 0)
        gone(q->disk);
    else
        blkfront_kick(q->disk);
}

/* What both ends can do. */
static void agree(struct blkfront *b)
{
    unsigned int order = (unsigned int)bus_back(&b->bus, "max-ring-page-order", 0);
    uint64_t queues = bus_back(&b->bus, "multi-queue-max-queues", 1);

    b->nr_queues = queues < b->max_queues ? (unsigned int)queues : b->max_queues;
    if (!b->nr_queues)
        b->nr_queues = 1;
    b->ring_pages = 1;
    while (order-- && b->ring_pages < BLKFRONT_MAX_PAGES)
        b->ring_pages *= 2;
}

/* What is still mapped of an earlier connection stays granted, and out of use. */
static void forget(struct blkfront_queue *q)
{
    q->ring_granted = 0;
    for (unsigned int id = 0; id < BLKFRONT_MAX_SLOTS; id++) {
        if (q->slot[id].kept)
            continue;
        q->slot[id].indirect = NULL;
        q->slot[id].indirect_ref = 0;
    }
}

static int grant_ring(struct blkfront_queue *q)
{
    unsigned int pages = q->disk->ring_pages;

    forget(q);
    q->ring_page = front_pages(pages);
    q->ring_page_count = pages;
    if (!q->ring_page)
        return -ENOMEM;
    ring_front_init(&q->ring, q->ring_page, (size_t)pages * FRONT_PAGE_SIZE,
                    sizeof(union hv_blkif_sring_entry));
    while (q->ring_granted < pages) {
        char *page = (char *)q->ring_page + (size_t)q->ring_granted * FRONT_PAGE_SIZE;
        int ref = front_grant(q->disk->bus.dom, page, false);

        if (ref < 0)
            return ref;
        q->ring_ref[q->ring_granted++] = (uint32_t)ref;
    }
    return 0;
}

/* "ring-ref", or "queue-2/ring-ref": of several pages they are "ring-ref0" and so on. */
static int write_number(const struct blkfront_queue *q, const char *name, int digit,
                        uint64_t value)
{
    char path[32] = "queue-N/";
    size_t n = q->disk->nr_queues > 1 ? 8 : 0;

    path[6] = (char)('0' + (q - q->disk->queue));
    while (*name)
        path[n++] = *name++;
    if (digit >= 0)
        path[n++] = (char)('0' + digit);
    path[n] = 0;
    return bus_write(&q->disk->bus, path, value);
}

static int write_ring(const struct blkfront_queue *q)
{
    unsigned int pages = q->disk->ring_pages;
    int rc = write_number(q, "event-channel", -1, (uint64_t)q->port);

    if (!rc && pages == 1)
        return write_number(q, "ring-ref", -1, q->ring_ref[0]);
    for (unsigned int i = 0; !rc && i < pages; i++)
        rc = write_number(q, "ring-ref", (int)i, q->ring_ref[i]);
    return rc;
}

static int queue_offer(struct blkfront *b, struct blkfront_queue *q)
{
    int rc = grant_ring(q);

    if (rc)
        return rc;
    q->port = front_event_open(b->bus.dom, event, q);
    return q->port < 0 ? q->port : write_ring(q);
}

static int write_agreed(struct blkfront *b)
{
    unsigned int order = b->ring_pages == 4 ? 2 : b->ring_pages / 2;
    int rc = bus_write_text(&b->bus, "protocol", "x86_64-abi");

    if (!rc && order)
        rc = bus_write(&b->bus, "ring-page-order", order);
    if (!rc && b->max_queues > 1)
        rc = bus_write(&b->bus, "multi-queue-num-queues", b->nr_queues);
    /* Whether it is used depends on what the back end says when it is connected. */
    return rc ? rc : bus_write(&b->bus, "feature-persistent", 1);
}

static void offer(struct blkfront *b)
{
    int rc;

    disconnect(b);
    kept_forget(&b->kept);
    agree(b);
    rc = write_agreed(b);
    for (unsigned int i = 0; !rc && i < b->nr_queues; i++)
        rc = queue_offer(b, &b->queue[i]);
    if (!rc)
        rc = bus_say(&b->bus, HV_XENBUS_STATE_INITIALISED);
    if (rc)
        disconnect(b); /* the next look tries again */
    else
        b->state = BLKFRONT_OFFERED;
}

static void run(struct blkfront *b)
{
    uint64_t segments = bus_back(&b->bus, "feature-max-indirect-segments", 0);

    b->sectors = bus_back(&b->bus, "sectors", 0);
    b->sector_size = (uint32_t)bus_back(&b->bus, "sector-size", 512);
    b->info = (uint32_t)bus_back(&b->bus, "info", 0);
    b->flush = bus_back(&b->bus, "feature-flush-cache", 0) != 0;
    b->discard = bus_back(&b->bus, "feature-discard", 0) != 0;
    b->persistent = bus_back(&b->bus, "feature-persistent", 0) != 0;
    b->max_segments = HV_BLKIF_MAX_SEGMENTS_PER_REQUEST;
    if (segments > b->max_segments)
        b->max_segments = segments < BLKFRONT_MAX_SEGMENTS ? (unsigned int)segments
                                                           : BLKFRONT_MAX_SEGMENTS;
    if (bus_say(&b->bus, HV_XENBUS_STATE_CONNECTED))
        return;
    b->state = BLKFRONT_RUNNING;
    b->connections++;
    blkfront_kick(b);
}

/* ---- What the kernel calls ---- */

int blkfront_start(struct blkfront *b, const char *front, unsigned int queues)
{
    b->state = BLKFRONT_STARTING;
    b->max_queues = queues < BLKFRONT_MAX_QUEUES ? queues : BLKFRONT_MAX_QUEUES;
    b->nr_queues = 1;
    for (unsigned int i = 0; i < BLKFRONT_MAX_QUEUES; i++) {
        b->queue[i].disk = b;
        b->queue[i].port = -1;
    }
    b->waiting_end = &b->waiting;
    return bus_find(&b->bus, front);
}

void blkfront_look(struct blkfront *b)
{
    unsigned int back = (unsigned int)bus_back(&b->bus, "state", 0);
    bool returns = bus_back(&b->bus, "online", 0) != 0;

    if (b->state == BLKFRONT_GONE) {
        disconnect(b);
        fail_waiting(b);
        return;
    }
    for (unsigned int i = 0; i < b->max_queues; i++)
        slots_reclaim(&b->queue[i]);
    blkfront_kick(b);
    switch (back) {
    case HV_XENBUS_STATE_INIT_WAIT:
        if (b->state == BLKFRONT_STARTING)
            offer(b);
        break;
    case HV_XENBUS_STATE_CONNECTED:
        if (b->state == BLKFRONT_OFFERED)
            run(b);
        break;
    case HV_XENBUS_STATE_CLOSING:
    case HV_XENBUS_STATE_CLOSED:
        if (!returns) {
            gone(b);
            break;
        }
        disconnect(b);
        b->state = BLKFRONT_STARTING;
        bus_say(&b->bus, back == HV_XENBUS_STATE_CLOSED ? HV_XENBUS_STATE_INITIALISING
                                                        : HV_XENBUS_STATE_CLOSED);
        break;
    default:
        break;
    }
}

void blkfront_submit(struct blkfront *b, struct blk_io *io)
{
    if (b->state == BLKFRONT_GONE)
        io->done(io, -EIO);
    else
        wait_last(b, io);
}

void blkfront_kick(struct blkfront *b)
{
    if (b->state != BLKFRONT_RUNNING)
        return;
    fill(b);
    for (unsigned int i = 0; i < b->nr_queues; i++)
        if (ring_front_push(&b->queue[i].ring))
            front_event_send((uint32_t)b->queue[i].port);
}
