/* SPDX-License-Identifier: MIT */
/* Guests of the daemon's tests: drivers with one disk each, which know what is on it. */
#ifndef DAEMON_GUEST_H
#define DAEMON_GUEST_H

#include <endian.h>
#include <poll.h>

#include "abi/io/blkif.h"
#include "common/ring.h"
#include "daemon_world.h"

#define SLOT             sizeof(union hv_blkif_sring_entry)
#define IMAGE_SIZE       (4UL << 20)
#define JOBS             8U /* of a guest at a time */
#define JOB_PAGES        8U
#define GUEST_PAGES_EACH 128U
#define PATIENCE_MS      20000

/* A guest with one disk. */
struct guest {
    unsigned int domid;
    char front[64], back[64];
    struct ring_front ring;
    int to_back, to_front;
    uint32_t first_page;
    unsigned int answers;
    bool refused; /* errors are what it is to get */
    struct {
        bool busy, write;
        unsigned int seed; /* of what is on the disk there */
    } job[JOBS];
};

/* The tools' part of an attachment. */
static void attach(struct guest *g, unsigned int domid, const char *image)
{
    char params[128];

    g->domid = domid;
    snprintf(g->front, sizeof(g->front), "/local/domain/%u/device/vbd/51712", domid);
    snprintf(g->back, sizeof(g->back), "/local/domain/0/backend/hvblk/%u/51712", domid);
    file_name(params, image, domid);
    put(g->front, "backend", g->back, 0);
    put(g->front, "state", "1", 0);
    put(g->back, "params", params, 0);
    put(g->back, "mode", "w", 0);
    put(g->back, "online", "1", 0);
    put(g->back, "state", "1", 0);
    put(g->back, "frontend", g->front, 0);
}

static void detach(struct guest *g)
{
    put(g->back, "online", "0", 0);
    put(g->back, "state", "5", 0);
}

/* The guest's driver's part, up to where the back end connects. */
static void offer_disk(struct guest *g)
{
    g->to_back = open_pipe(GUEST_TO_BACK "-%u", g->domid);
    g->to_front = open_pipe(GUEST_TO_FRONT "-%u", g->domid);
    g->first_page = g->domid * GUEST_PAGES_EACH;
    ring_front_init(&g->ring, memory + g->first_page * PAGE_SIZE, PAGE_SIZE, SLOT);
    wait_state(g->back, HV_XENBUS_STATE_INIT_WAIT);
    put(g->front, "ring-ref", "%u", g->first_page);
    put(g->front, "event-channel", "1", 0);
    put(g->front, "protocol", "x86_64-abi", 0);
    put(g->front, "feature-persistent", "%u", g->domid & 1);
    put(g->front, "state", "3", 0);
}

static void connect_disk(struct guest *g)
{
    offer_disk(g);
    wait_state(g->back, HV_XENBUS_STATE_CONNECTED);
    put(g->front, "state", "4", 0);
}

static void open_guest(struct guest *g, unsigned int domid)
{
    memset(g, 0, sizeof(*g));
    make_image(domid);
    attach(g, domid, "image-%u");
    connect_disk(g);
}

/* An image of version 2 with clusters of 4 KiB: header, refcount table and block, L1. */
static void make_qcow2(unsigned int domid)
{
    uint64_t header[9] = {htobe64(0x514649fb00000002),
                          0,
                          htobe64(12),
                          htobe64(IMAGE_SIZE),
                          htobe64(2),
                          htobe64(3 * PAGE_SIZE),
                          htobe64(PAGE_SIZE),
                          htobe64(1ULL << 32),
                          0};
    uint64_t table = htobe64(2 * PAGE_SIZE), counts = htobe64(0x0001000100010001);
    char path[128];
    int fd;

    file_name(path, "image-%u", domid);
    fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0666);
    ck_assert_int_eq(ftruncate(fd, 4 * PAGE_SIZE), 0);
    ck_assert_int_eq(pwrite(fd, header, sizeof(header), 0), sizeof(header));
    ck_assert_int_eq(pwrite(fd, &table, 8, PAGE_SIZE), 8);
    ck_assert_int_eq(pwrite(fd, &counts, 8, 2 * PAGE_SIZE), 8);
    close(fd);
}

static void open_qcow2_guest(struct guest *g, unsigned int domid)
{
    memset(g, 0, sizeof(*g));
    make_qcow2(domid);
    snprintf(g->back, sizeof(g->back), "/local/domain/0/backend/hvblk/%u/51712", domid);
    put(g->back, "format", "qcow2", 0);
    attach(g, domid, "image-%u");
    connect_disk(g);
}

static uint8_t *page_of(struct guest *g, unsigned int job, unsigned int n)
{
    return memory + (g->first_page + 1 + job * JOB_PAGES + n) * PAGE_SIZE;
}

static void pattern(uint32_t out[PAGE_SIZE / 4], unsigned int seed, unsigned int n)
{
    for (unsigned int i = 0; i < PAGE_SIZE / 4; i++)
        out[i] = seed ? seed * 2654435761U + n * 977 + i : 0;
}

static void notify(struct guest *g)
{
    ck_assert(write(g->to_back, "", 1) == 1 || errno == EAGAIN);
}

/* Each job has a place on the disk of its own, and writes or reads it as a whole. */
static void ask(struct guest *g, unsigned int job, bool write)
{
    struct hv_blkif_request req = {.operation =
                                       write ? HV_BLKIF_OP_WRITE : HV_BLKIF_OP_READ,
                                   .nr_segments = JOB_PAGES,
                                   .id = job,
                                   .sector_number = job * JOB_PAGES * 8};

    if (write)
        g->job[job].seed = (unsigned int)rand() | 1;
    for (unsigned int n = 0; n < JOB_PAGES; n++) {
        uint8_t *page = page_of(g, job, n);

        req.seg[n].gref = (uint32_t)((page - memory) / (long)PAGE_SIZE);
        req.seg[n].last_sect = 7;
        if (write)
            pattern((uint32_t *)page, g->job[job].seed, n);
        else
            memset(page, 0xee, PAGE_SIZE);
    }
    g->job[job].busy = true;
    g->job[job].write = write;
    ck_assert(ring_front_put(&g->ring, &req, sizeof(req)));
    if (ring_front_push(&g->ring))
        notify(g);
}

static void check_answer(struct guest *g, const struct hv_blkif_response *rsp)
{
    uint32_t want[PAGE_SIZE / 4];
    unsigned int job = (unsigned int)rsp->id;

    ck_assert_uint_lt(job, JOBS);
    ck_assert_msg(g->job[job].busy, "a request is answered twice");
    ck_assert_int_eq(rsp->status, g->refused ? HV_BLKIF_RSP_ERROR : HV_BLKIF_RSP_OKAY);
    g->job[job].busy = false;
    g->answers++;
    for (unsigned int n = 0; n < JOB_PAGES && !g->job[job].write && !g->refused; n++) {
        pattern(want, g->job[job].seed, n);
        ck_assert_mem_eq(page_of(g, job, n), want, PAGE_SIZE);
    }
}

/* Takes what is answered; waits for something to be. */
static void take_answers(struct guest *g)
{
    struct pollfd fd = {.fd = g->to_front, .events = POLLIN};
    unsigned int before = g->answers;
    struct hv_blkif_response rsp;
    char bytes[64];

    for (;;) {
        while (ring_front_take(&g->ring, &rsp, sizeof(rsp)) == 1)
            check_answer(g, &rsp);
        if (g->answers != before)
            return;
        if (ring_front_arm(&g->ring) > 0)
            continue;
        ck_assert_msg(poll(&fd, 1, PATIENCE_MS) == 1, "no answer comes");
        ck_assert_int_gt(read(g->to_front, bytes, sizeof(bytes)), 0);
    }
}

static void work(struct guest *g, unsigned int answers)
{
    unsigned int until = g->answers + answers;

    while (g->answers < until) {
        for (unsigned int job = 0; job < JOBS; job++)
            if (!g->job[job].busy)
                ask(g, job, rand() & 1);
        take_answers(g);
    }
}

static unsigned int busy(const struct guest *g)
{
    unsigned int n = 0;

    for (unsigned int job = 0; job < JOBS; job++)
        n += g->job[job].busy;
    return n;
}

static void read_back(struct guest *g)
{
    while (busy(g))
        take_answers(g);
    for (unsigned int job = 0; job < JOBS; job++)
        ask(g, job, false);
    while (busy(g))
        take_answers(g);
}

#endif
