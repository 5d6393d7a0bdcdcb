/* SPDX-License-Identifier: MIT */
/*
 * A disk's front end that speaks the protocol wrongly, each way on a connection of its
 * own: the back end is to answer with an error or to close the disk, and to serve it
 * again when it is opened anew. Rings and grants are made by hand here.
 */
#include "abi/io/blkif.h"
#include "abi/io/xenbus.h"
#include "abi/sched.h"
#include "common/ring.h"
#include "front/bus.h"
#include "reference.h"

#define SLOT    sizeof(union hv_blkif_sring_entry)
#define CLOSES  100 /* instead of an answer's status */
#define ANY     101
#define NOWHERE 3000U /* no grant */

static struct bus_device bus;
static struct ring_front ring;
static struct hv_ring_index *shared;
static char *page, *other;
static int ring_ref, ref, port;
static bool notified;

static void note(void *arg)
{
    notified = true;
}

static void until(unsigned int state)
{
    while (bus_back(&bus, "state", 0) != state)
        if (!store_fired())
            port_wait();
}

static void connect(bool persistent)
{
    until(HV_XENBUS_STATE_INIT_WAIT);
    shared = front_pages(1);
    ring_front_init(&ring, shared, PAGE_SIZE, SLOT);
    ring_ref = front_grant(bus.dom, shared, false);
    ref = front_grant(bus.dom, page, false);
    port = front_event_open(bus.dom, note, NULL);
    bus_write(&bus, "ring-ref", (uint64_t)ring_ref);
    bus_write(&bus, "event-channel", (uint64_t)port);
    bus_write(&bus, "feature-persistent", persistent);
    bus_say(&bus, HV_XENBUS_STATE_CONNECTED);
}

/* False: it stays mapped. */
static bool revoke(int which)
{
    for (int i = 0; i < 1000; i++) {
        if (!front_revoke((uint32_t)which))
            return true;
        sched_op(HV_SCHEDOP_YIELD, NULL);
    }
    return false;
}

/* Nothing of ours may stay mapped. */
static bool disconnect(void)
{
    bool free;

    bus_say(&bus, HV_XENBUS_STATE_CLOSED);
    until(HV_XENBUS_STATE_CLOSED);
    front_event_close((uint32_t)port);
    free = revoke(ring_ref);
    if (ref)
        free = revoke(ref) && free;
    front_pages_free(shared, 1);
    bus_say(&bus, HV_XENBUS_STATE_INITIALISING);
    return free;
}

static struct hv_blkif_request request(unsigned int op)
{
    struct hv_blkif_request r = {
        .operation = (uint8_t)op, .nr_segments = 1, .id = 42, .sector_number = 8};

    r.seg[0] = (struct hv_blkif_request_segment){.gref = (uint32_t)ref, .last_sect = 7};
    return r;
}

static void ask(const void *r)
{
    ring_front_put(&ring, r, sizeof(struct hv_blkif_request));
    ring_front_push(&ring);
    front_event_send((uint32_t)port);
}

/*
 * The next answer's status, or CLOSES. XenStore is asked between the look and the wait,
 * and waits itself: the notification may have come by then.
 */
static int answer(void)
{
    struct hv_blkif_response r;

    for (;;) {
        notified = false;
        if (ring_front_take(&ring, &r, sizeof(r)) == 1)
            return r.status;
        if (ring_front_arm(&ring) > 0)
            continue;
        if (bus_back(&bus, "state", 0) == HV_XENBUS_STATE_CLOSING)
            return CLOSES;
        if (!store_fired() && !notified)
            port_wait();
    }
}

static int asked(struct hv_blkif_request r)
{
    ask(&r);
    return answer();
}

/* ---- The ways ---- */

static int index_ahead(void)
{
    shared->req_prod += 1000;
    front_event_send((uint32_t)port);
    return answer();
}

static int index_behind(void)
{
    shared->req_prod -= 1;
    front_event_send((uint32_t)port);
    return answer();
}

/* What the back end has written is its own to know. */
static int answers_overwritten(void)
{
    struct hv_blkif_request r = request(HV_BLKIF_OP_READ);

    shared->rsp_prod = 77777;
    shared->rsp_event = 3;
    ask(&r);
    while (__atomic_load_n(&shared->rsp_prod, __ATOMIC_ACQUIRE) == 77777)
        sched_op(HV_SCHEDOP_YIELD, NULL);
    shared->rsp_event = 2;
    return answer();
}

static int segment_beyond_its_page(void)
{
    struct hv_blkif_request r = request(HV_BLKIF_OP_WRITE);

    r.seg[0].last_sect = 200;
    return asked(r);
}

static int segment_backwards(void)
{
    struct hv_blkif_request r = request(HV_BLKIF_OP_READ);

    r.seg[0].first_sect = 7;
    r.seg[0].last_sect = 3;
    return asked(r);
}

static int too_many_segments(void)
{
    struct hv_blkif_request r = request(HV_BLKIF_OP_WRITE);

    r.nr_segments = 255;
    return asked(r);
}

static int grant_not_there(void)
{
    struct hv_blkif_request r = request(HV_BLKIF_OP_WRITE);

    r.seg[0].gref = NOWHERE;
    return asked(r);
}

static int grant_out_of_range(void)
{
    struct hv_blkif_request r = request(HV_BLKIF_OP_READ);

    r.seg[0].gref = UINT32_MAX;
    return asked(r);
}

static int beyond_the_disk(void)
{
    struct hv_blkif_request r = request(HV_BLKIF_OP_READ);

    r.sector_number = UINT64_MAX - 3;
    return asked(r);
}

static int no_operation(void)
{
    return asked(request(77));
}

static int indirect(uint32_t at, uint16_t segments)
{
    struct hv_blkif_request_indirect r = {.operation = HV_BLKIF_OP_INDIRECT,
                                          .indirect_op = HV_BLKIF_OP_READ,
                                          .nr_segments = segments,
                                          .id = 43};

    r.indirect_grefs[0] = at;
    ask(&r);
    return answer();
}

static int indirect_page_not_there(void)
{
    return indirect(NOWHERE, 12);
}

static int indirect_page_of_nonsense(void)
{
    memset(page, 0xa5, PAGE_SIZE);
    return indirect((uint32_t)ref, 100);
}

static int too_many_indirect(void)
{
    return indirect((uint32_t)ref, 65535);
}

static int changed_while_read(void)
{
    for (unsigned int i = 0; i < 20; i++) {
        struct hv_blkif_request *slot = (void *)((char *)(shared + 1) + i * SLOT);
        struct hv_blkif_request r = request(HV_BLKIF_OP_READ);

        ask(&r);
        for (uint32_t n = 0; n < 20000; n++) {
            *(volatile uint8_t *)&slot->nr_segments = (uint8_t)n;
            *(volatile uint8_t *)&slot->operation = (uint8_t)(n % 7);
            *(volatile uint32_t *)&slot->seg[0].gref = n % 3 ? (uint32_t)ref : n;
            *(volatile uint8_t *)&slot->seg[0].last_sect = (uint8_t)(n % 9);
        }
        if (answer() == CLOSES)
            return CLOSES;
    }
    return ANY;
}

static int revoked_in_flight(void)
{
    struct hv_blkif_request r = request(HV_BLKIF_OP_READ);

    ask(&r);
    /* One that is persistent cannot be. */
    if (revoke(ref))
        ref = 0;
    return answer() == CLOSES ? CLOSES : ANY;
}

/* The reference is another page's by the time that it is used. */
static int reused_in_flight(void)
{
    for (int i = 0; i < 20; i++) {
        struct hv_blkif_request r = request(HV_BLKIF_OP_READ);

        ask(&r);
        if (revoke(ref))
            ref = front_grant(bus.dom, i % 2 ? page : other, i % 3 == 0);
        if (answer() == CLOSES)
            return CLOSES;
    }
    return ANY;
}

static int many_events(void)
{
    for (int i = 0; i < 3000; i++)
        front_event_send((uint32_t)port);
    return asked(request(HV_BLKIF_OP_READ));
}

static const struct {
    const char *name;
    int (*fn)(void);
    int want;
} way[] = {
    {"an index ahead of the ring", index_ahead, CLOSES},
    {"an index behind it", index_behind, CLOSES},
    {"the back end's own index overwritten", answers_overwritten, HV_BLKIF_RSP_OKAY},
    {"a segment beyond its page", segment_beyond_its_page, HV_BLKIF_RSP_ERROR},
    {"a segment that ends before it begins", segment_backwards, HV_BLKIF_RSP_ERROR},
    {"too many segments", too_many_segments, HV_BLKIF_RSP_ERROR},
    {"a grant that is not there", grant_not_there, HV_BLKIF_RSP_ERROR},
    {"a reference out of range", grant_out_of_range, HV_BLKIF_RSP_ERROR},
    {"sectors beyond the disk", beyond_the_disk, HV_BLKIF_RSP_ERROR},
    {"an operation that there is not", no_operation, HV_BLKIF_RSP_EOPNOTSUPP},
    {"indirect segments not granted", indirect_page_not_there, HV_BLKIF_RSP_ERROR},
    {"indirect segments of nonsense", indirect_page_of_nonsense, HV_BLKIF_RSP_ERROR},
    {"too many indirect segments", too_many_indirect, HV_BLKIF_RSP_ERROR},
    {"a request that changes while it is read", changed_while_read, ANY},
    {"a grant revoked in flight", revoked_in_flight, ANY},
    {"a grant used again in flight", reused_in_flight, ANY},
    {"thousands of events", many_events, HV_BLKIF_RSP_OKAY},
};
#define WAYS (sizeof(way) / sizeof(*way))

static bool data_is_served(void)
{
    struct hv_blkif_request r = request(HV_BLKIF_OP_WRITE);
    bool good;

    for (unsigned int i = 0; i < PAGE_SIZE; i++)
        page[i] = (char)(i * 7);
    good = asked(r) == HV_BLKIF_RSP_OKAY;
    memset(page, 0, PAGE_SIZE);
    r.operation = HV_BLKIF_OP_READ;
    good = good && asked(r) == HV_BLKIF_RSP_OKAY;
    for (unsigned int i = 0; i < PAGE_SIZE; i++)
        good = good && page[i] == (char)(i * 7);
    return good;
}

static bool went_well(unsigned int n)
{
    bool persistent = n / WAYS % 2;
    int got;

    connect(persistent);
    until(HV_XENBUS_STATE_CONNECTED);
    got = way[n % WAYS].fn();
    if (!disconnect())
        say("%s: what was granted stays mapped\n", way[n % WAYS].name);
    else if (got != way[n % WAYS].want)
        say("%s: %d, not %d\n", way[n % WAYS].name, got, way[n % WAYS].want);
    else
        return true;
    return false;
}

void hostile_main(const char *front, unsigned int cycles)
{
    unsigned int bad = 0;

    page = front_pages(1);
    other = front_pages(1);
    if (bus_find(&bus, front)) {
        say("no device at %s\n", front);
        return;
    }
    store_watch(bus.back);
    for (unsigned int n = 0; n < cycles; n++) {
        if (n % 3 == 2) {
            /* Not even looked whether it is there. */
            connect(false);
            bad += !disconnect();
        }
        bad += !went_well(n);
    }
    connect(false);
    until(HV_XENBUS_STATE_CONNECTED);
    say("%u wrong connections, %u of them not ended well, then %s\n", cycles, bad,
        data_is_served() ? "all is served" : "nothing is served");
    disconnect();
}
