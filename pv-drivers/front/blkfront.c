/* SPDX-License-Identifier: MIT */
/* See blkfront.h. */
#include <errno.h>
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

static void slot_revoke(struct blkfront_slot *s)
{
    /* What the other end keeps mapped stays granted: nobody can take it away. */
    while (s->segments)
        front_revoke(s->ref[--s->segments]);
    if (s->indirect_ref)
        front_revoke(s->indirect_ref);
    s->indirect_ref = 0;
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

/* Grants the request's pages, and writes the segments that say so. */
static int slot_grant(struct blkfront *b, struct blkfront_slot *s,
                      struct hv_blkif_request_segment *seg)
{
    bool readonly = s->io->op == HV_BLKIF_OP_WRITE;
    uint32_t left = s->io->sectors;
    const char *page = s->io->data;

    while (left) {
        uint32_t first = sector_in_page(page);
        uint32_t n = left < SECTORS_PER_PAGE - first ? left : SECTORS_PER_PAGE - first;
        int ref = front_grant(b->bus.dom, page, readonly);

        if (ref < 0)
            return ref;
        s->ref[s->segments++] = (uint32_t)ref;
        *seg++ = (struct hv_blkif_request_segment){
            .gref = (uint32_t)ref,
            .first_sect = (uint8_t)first,
            .last_sect = (uint8_t)(first + n - 1),
        };
        page += n * 512;
        left -= n;
    }
    return 0;
}

static int put_direct(struct blkfront *b, struct blkfront_slot *s, uint64_t id)
{
    struct hv_blkif_request r = {.operation = (uint8_t)s->io->op,
                                 .handle = 0,
                                 .id = id,
                                 .sector_number = s->io->sector};
    int rc = has_data(s->io) ? slot_grant(b, s, r.seg) : 0;

    if (rc)
        return rc;
    r.nr_segments = (uint8_t)s->segments;
    return ring_front_put(&b->ring, &r, sizeof(r)) ? 0 : -EBUSY;
}

static int put_indirect(struct blkfront *b, struct blkfront_slot *s, uint64_t id)
{
    struct hv_blkif_request_indirect r = {.operation = HV_BLKIF_OP_INDIRECT,
                                          .indirect_op = (uint8_t)s->io->op,
                                          .id = id,
                                          .sector_number = s->io->sector};
    int rc;

    if (!s->indirect)
        s->indirect = front_pages(1);
    if (!s->indirect)
        return -ENOMEM;
    rc = front_grant(b->bus.dom, s->indirect, true);
    if (rc < 0)
        return rc;
    r.indirect_grefs[0] = s->indirect_ref = (uint32_t)rc;
    rc = slot_grant(b, s, s->indirect);
    if (rc)
        return rc;
    r.nr_segments = (uint16_t)s->segments;
    return ring_front_put(&b->ring, &r, sizeof(r)) ? 0 : -EBUSY;
}

static int put_discard(struct blkfront *b, struct blkfront_slot *s, uint64_t id)
{
    struct hv_blkif_request_discard r = {.operation = HV_BLKIF_OP_DISCARD,
                                         .id = id,
                                         .sector_number = s->io->sector,
                                         .nr_sectors = s->io->sectors};

    return ring_front_put(&b->ring, &r, sizeof(r)) ? 0 : -EBUSY;
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

/* Puts what waits into the ring, as long as there is room. */
static void fill(struct blkfront *b)
{
    uint32_t id = 0;

    while (b->waiting) {
        struct blk_io *io;
        struct blkfront_slot *s;
        int rc;

        while (id < b->ring.r.nr_ents && id < BLKFRONT_MAX_SLOTS && b->slot[id].io)
            id++;
        if (id == b->ring.r.nr_ents || id == BLKFRONT_MAX_SLOTS)
            return;
        io = wait_take(b);
        rc = unfit(b, io);
        if (rc) {
            io->done(io, rc);
            continue;
        }
        s = &b->slot[id];
        s->io = io;
        if (io->op == HV_BLKIF_OP_DISCARD)
            rc = put_discard(b, s, id);
        else if (has_data(io) && pages_of(io) > HV_BLKIF_MAX_SEGMENTS_PER_REQUEST)
            rc = put_indirect(b, s, id);
        else
            rc = put_direct(b, s, id);
        if (rc) { /* no grants left: those in the ring will give some back */
            slot_revoke(s);
            s->io = NULL;
            wait_first(b, io);
            return;
        }
    }
}

/* ---- The connection ---- */

/* Ends it; what was not answered waits again, before what waited already. */
static void disconnect(struct blkfront *b)
{
    if (b->port >= 0)
        front_event_close((uint32_t)b->port);
    b->port = -1;
    for (unsigned int id = BLKFRONT_MAX_SLOTS; id-- > 0;) {
        struct blkfront_slot *s = &b->slot[id];

        if (!s->io)
            continue;
        slot_revoke(s);
        wait_first(b, s->io);
        s->io = NULL;
        b->reissued++;
    }
    while (b->ring_granted)
        front_revoke(b->ring_ref[--b->ring_granted]);
    if (b->ring_page)
        front_pages_free(b->ring_page, b->ring_pages);
    b->ring_page = NULL;
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
static int answer(struct blkfront *b, const struct hv_blkif_response *r)
{
    struct blkfront_slot *s;
    struct blk_io *io;

    if (r->id >= BLKFRONT_MAX_SLOTS || !b->slot[r->id].io)
        return -EPROTO;
    s = &b->slot[r->id];
    io = s->io;
    slot_revoke(s);
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
    struct blkfront *b = arg;
    struct hv_blkif_response r;
    int rc;

    if (b->state != BLKFRONT_RUNNING)
        return;
    do {
        while ((rc = ring_front_take(&b->ring, &r, sizeof(r))) > 0) {
            rc = answer(b, &r);
            if (rc)
                break;
        }
    } while (rc >= 0 && (rc = ring_front_arm(&b->ring)) > 0);
    if (rc < 0)
        gone(b);
    else
        blkfront_kick(b);
}

static int grant_ring(struct blkfront *b)
{
    unsigned int order = (unsigned int)bus_back(&b->bus, "max-ring-page-order", 0);

    b->ring_pages = 1;
    while (order-- && b->ring_pages < BLKFRONT_MAX_PAGES)
        b->ring_pages *= 2;
    b->ring_page = front_pages(b->ring_pages);
    if (!b->ring_page)
        return -ENOMEM;
    ring_front_init(&b->ring, b->ring_page, (size_t)b->ring_pages * FRONT_PAGE_SIZE,
                    sizeof(union hv_blkif_sring_entry));
    while (b->ring_granted < b->ring_pages) {
        char *page = (char *)b->ring_page + (size_t)b->ring_granted * FRONT_PAGE_SIZE;
        int ref = front_grant(b->bus.dom, page, false);

        if (ref < 0)
            return ref;
        b->ring_ref[b->ring_granted++] = (uint32_t)ref;
    }
    return 0;
}

/* The ring's pages: one is "ring-ref", several are "ring-ref0" and so on. */
static int write_ring(struct blkfront *b)
{
    char name[] = "ring-ref0";
    int rc;

    if (b->ring_pages == 1)
        return bus_write(&b->bus, "ring-ref", b->ring_ref[0]);
    rc = bus_write(&b->bus, "ring-page-order", b->ring_pages == 4 ? 2 : 1);
    for (unsigned int i = 0; !rc && i < b->ring_pages; i++) {
        name[sizeof(name) - 2] = (char)('0' + i);
        rc = bus_write(&b->bus, name, b->ring_ref[i]);
    }
    return rc;
}

static void offer(struct blkfront *b)
{
    int rc;

    disconnect(b);
    rc = grant_ring(b);
    if (!rc) {
        b->port = front_event_open(b->bus.dom, event, b);
        rc = b->port < 0 ? b->port : 0;
    }
    if (!rc)
        rc = write_ring(b);
    if (!rc)
        rc = bus_write(&b->bus, "event-channel", (uint64_t)b->port);
    if (!rc)
        rc = bus_write_text(&b->bus, "protocol", "x86_64-abi");
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

int blkfront_start(struct blkfront *b, const char *front)
{
    b->state = BLKFRONT_STARTING;
    b->port = -1;
    b->waiting_end = &b->waiting;
    return bus_find(&b->bus, front);
}

void blkfront_look(struct blkfront *b)
{
    unsigned int back = (unsigned int)bus_back(&b->bus, "state", 0);
    bool returns = bus_back(&b->bus, "online", 0) != 0;

    if (b->state == BLKFRONT_GONE)
        return;
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
    if (ring_front_push(&b->ring))
        front_event_send((uint32_t)b->port);
}
