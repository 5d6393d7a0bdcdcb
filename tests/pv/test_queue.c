/* SPDX-License-Identifier: MIT */
/*
 * A disk's queue from the ring to the image and back, with frontends good, killed and
 * hostile, and with backends that are killed.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "blkback/queue.h"
#include "fake_door.h"
#include "unit.h"

#define RING_REF 0
#define DATA_REF 16
#define SECTORS  4096U

static struct ring_front front;
static struct queue_device dev;
static struct queue queue;
static struct journal journal;
static int image = -1;
static unsigned int complaints;

static void complain(const char *line)
{
    complaints++;
}

static void open_device(bool persistent, enum disk_way way)
{
    dev = (struct queue_device){.domid = 1,
                                .volume = {.fd = image},
                                .counts = &journal.counts,
                                .complain = complain};
    dev.limits = (struct plan_limits){.sectors = SECTORS, .sector_size = 512};
    dev.limits.discard = true;
    ck_assert_int_eq(pool_open(&dev.pool), 0);
    ck_assert_int_eq(
        disk_open(&dev.disk, &dev.volume, way, 32, dev.pool.base, POOL_PAGES * POOL_PAGE),
        0);
    ck_assert_int_eq(disk_restrict(&dev.disk), 0);
    ck_assert_int_eq(pages_open(&dev.pages, NULL, 1, persistent), 0);
}

static void open_queue(bool recover)
{
    ck_assert_int_eq(queue_open(&queue, &dev, fake_page[RING_REF], PAGE_SIZE,
                                &journal.queue[0], recover),
                     0);
}

static void close_all(void)
{
    queue_close(&queue);
    pages_close(&dev.pages);
    disk_close(&dev.disk);
    ck_assert_uint_eq(dev.pool.used, 0);
    pool_close(&dev.pool);
    ck_assert_uint_eq(fake_mapped, 0);
}

static void prepare(void)
{
    fake_open();
    image = memfd_create("image", 0);
    ck_assert_int_eq(ftruncate(image, SECTORS * 512), 0);
    ring_front_init(&front, fake_page[RING_REF], PAGE_SIZE, QUEUE_SLOT);
    open_device(true, DISK_DIRECT);
    open_queue(false);
}

static void ask(unsigned int op, uint64_t id, uint64_t sector, uint32_t ref,
                unsigned int nr)
{
    struct hv_blkif_request req = {.operation = (uint8_t)op,
                                   .nr_segments = (uint8_t)nr,
                                   .id = id,
                                   .sector_number = sector};

    for (unsigned int i = 0; i < nr && i < HV_BLKIF_MAX_SEGMENTS_PER_REQUEST; i++)
        req.seg[i] = (struct hv_blkif_request_segment){.gref = ref + i, .last_sect = 7};
    ck_assert(ring_front_put(&front, &req, sizeof(req)));
    ring_front_push(&front);
}

static void run(void)
{
    int more;

    do {
        ck_assert_int_eq(queue_take(&queue), 0);
        queue_show(&queue);
        more = queue_arm(&queue);
        ck_assert_int_ge(more, 0);
        if (dev.started)
            ck_assert_int_ge(disk_wait(&dev.disk, true), 0);
    } while (more || dev.started || queue.held);
    queue_show(&queue);
}

static struct hv_blkif_response expect(void)
{
    struct hv_blkif_response rsp;

    ck_assert_int_eq(ring_front_take(&front, &rsp, sizeof(rsp)), 1);
    return rsp;
}

static void expect_only(uint64_t id, unsigned int op, int status)
{
    struct hv_blkif_response rsp = expect();

    ck_assert_uint_eq(rsp.id, id);
    ck_assert_uint_eq(rsp.operation, op);
    ck_assert_int_eq(rsp.status, status);
    ck_assert_int_eq(ring_front_take(&front, &rsp, sizeof(rsp)), 0);
}

static void fill(void *out, unsigned int seed, size_t size)
{
    for (size_t i = 0; i < size; i++)
        ((uint8_t *)out)[i] = (uint8_t)(seed + i * 7 + (i >> 8));
}

static void write_and_read_back(void)
{
    uint8_t want[3 * PAGE_SIZE], got[3 * PAGE_SIZE];

    fill(want, 1, sizeof(want));
    memcpy(fake_page[DATA_REF], want, sizeof(want));
    ask(HV_BLKIF_OP_WRITE, 42, 80, DATA_REF, 3);
    run();
    expect_only(42, HV_BLKIF_OP_WRITE, HV_BLKIF_RSP_OKAY);
    ck_assert_int_eq(pread(image, got, sizeof(got), 80 * 512), (int)sizeof(got));
    ck_assert_mem_eq(got, want, sizeof(want));
    ask(HV_BLKIF_OP_READ, 43, 80, DATA_REF + 10, 3);
    run();
    expect_only(43, HV_BLKIF_OP_READ, HV_BLKIF_RSP_OKAY);
    ck_assert_mem_eq(fake_page[DATA_REF + 10], want, sizeof(want));
    ck_assert_uint_eq(complaints, 0);
}

START_TEST(what_is_written_is_read_back)
{
    write_and_read_back();
    ck_assert_uint_gt(fake_mapped, 0);
    close_all();
}
END_TEST

START_TEST(what_was_done_is_counted)
{
    const struct disk_counts *c = &journal.counts;
    struct disk_counts before = *c;

    write_and_read_back();
    ck_assert_uint_gt(c->writes, before.writes);
    ck_assert_uint_gt(c->reads, before.reads);
    ck_assert_uint_eq(c->written_bytes - before.written_bytes,
                      c->read_bytes - before.read_bytes);
    before = *c;
    ask(HV_BLKIF_OP_READ, 99, SECTORS, DATA_REF, 1); /* beyond the end */
    ck_assert_int_eq(queue_take(&queue), 0);
    ck_assert_mem_eq(c, &before, sizeof(before));
    close_all();
}
END_TEST

START_TEST(without_persistent_grants_nothing_stays_mapped)
{
    close_all();
    open_device(false, DISK_CACHED);
    open_queue(false);
    write_and_read_back();
    ck_assert_uint_eq(fake_mapped, 0);
    close_all();
}
END_TEST

START_TEST(a_file_in_memory_is_served_at_once)
{
    close_all();
    open_device(true, DISK_MEMORY);
    open_queue(false);
    write_and_read_back();
    close_all();
}
END_TEST

START_TEST(or_through_a_mapping)
{
    close_all();
    open_device(true, DISK_MEMORY);
    ck_assert_int_eq(posix_fallocate(image, 0, SECTORS * 512), 0);
    window_open(&dev.disk.window, image, false);
    ck_assert_ptr_nonnull(dev.disk.window.base);
    open_queue(false);
    write_and_read_back();
    /* What a mapping cannot do is done without, or fails. */
    ck_assert_int_eq(ftruncate(image, 4096), 0);
    ask(HV_BLKIF_OP_READ, 1, 64, DATA_REF, 4);
    run();
    expect_only(1, HV_BLKIF_OP_READ, HV_BLKIF_RSP_ERROR);
    ask(HV_BLKIF_OP_WRITE, 2, 64, DATA_REF, 4);
    run();
    expect_only(2, HV_BLKIF_OP_WRITE, HV_BLKIF_RSP_OKAY);
    window_close(&dev.disk.window);
    close_all();
}
END_TEST

START_TEST(a_file_with_holes_is_not_mapped)
{
    struct window w;

    ck_assert_int_eq(ftruncate(image, 0), 0);
    ck_assert_int_eq(ftruncate(image, SECTORS * 512), 0);
    window_open(&w, image, false);
    ck_assert_ptr_null(w.base);
    close_all();
}
END_TEST

START_TEST(through_the_page_cache_all_of_it_is_moved)
{
    /* A sector in the middle of a page: it cannot be written without looking. */
    struct hv_blkif_request req = {
        .operation = HV_BLKIF_OP_WRITE,
        .nr_segments = 1,
        .id = 44,
        .sector_number = 83,
        .seg = {{.gref = DATA_REF, .first_sect = 2, .last_sect = 2}}};
    uint8_t want[PAGE_SIZE], got[512];

    close_all();
    open_device(true, DISK_CACHED);
    open_queue(false);
    write_and_read_back();
    fill(want, 5, sizeof(want));
    memcpy(fake_page[DATA_REF], want, sizeof(want));
    ck_assert(ring_front_put(&front, &req, sizeof(req)));
    ring_front_push(&front);
    run();
    expect_only(44, HV_BLKIF_OP_WRITE, HV_BLKIF_RSP_OKAY);
    ck_assert_int_eq(pread(image, got, 512, 83 * 512), 512);
    ck_assert_mem_eq(got, want + 1024, 512);
    close_all();
}
END_TEST

START_TEST(what_the_cache_does_not_hold_is_read)
{
    static uint8_t want[64 * PAGE_SIZE];
    char name[] = "/var/tmp/test_queue.XXXXXX"; /* not in memory, as /tmp may be */

    close_all();
    close(image);
    image = mkstemp(name);
    ck_assert_int_ge(image, 0);
    unlink(name);
    fill(want, 3, sizeof(want));
    ck_assert_int_eq(pwrite(image, want, sizeof(want), 0), (int)sizeof(want));
    ck_assert_int_eq(fsync(image), 0);
    open_device(true, DISK_CACHED);
    open_queue(false);
    for (unsigned int i = 0; i < 7; i++) {
        /* Some of it is there again by what was read before, some is not. */
        posix_fadvise(image, 4 * PAGE_SIZE, 0, POSIX_FADV_DONTNEED);
        ask(HV_BLKIF_OP_READ, i, i * 7 * 8, DATA_REF, 11);
        run();
        expect_only(i, HV_BLKIF_OP_READ, HV_BLKIF_RSP_OKAY);
        ck_assert_mem_eq(fake_page[DATA_REF], want + i * 7 * PAGE_SIZE, 11 * PAGE_SIZE);
    }
    close_all();
}
END_TEST

START_TEST(indirect_requests_move_a_mebibyte)
{
    struct hv_blkif_request_indirect ind = {.operation = HV_BLKIF_OP_INDIRECT,
                                            .indirect_op = HV_BLKIF_OP_READ,
                                            .nr_segments = 256,
                                            .id = 5,
                                            .sector_number = 1024,
                                            .indirect_grefs = {1}};
    struct hv_blkif_request_segment *seg = (void *)fake_page[1];
    struct hv_blkif_request req = {0};
    static uint8_t want[1 << 20];

    fill(want, 9, sizeof(want));
    ck_assert_int_eq(pwrite(image, want, sizeof(want), 1024 * 512), (int)sizeof(want));
    for (unsigned int i = 0; i < 256; i++)
        seg[i] = (struct hv_blkif_request_segment){.gref = DATA_REF + i, .last_sect = 7};
    memcpy(&req, &ind, sizeof(ind));
    ck_assert(ring_front_put(&front, &req, sizeof(req)));
    ring_front_push(&front);
    run();
    expect_only(5, HV_BLKIF_OP_READ, HV_BLKIF_RSP_OKAY);
    ck_assert_mem_eq(fake_page[DATA_REF], want, sizeof(want));
    close_all();
}
END_TEST

START_TEST(flush_and_discard_are_done)
{
    struct hv_blkif_request_discard d = {
        .operation = HV_BLKIF_OP_DISCARD, .id = 3, .sector_number = 8, .nr_sectors = 8};
    struct hv_blkif_request req = {0};
    uint8_t got[PAGE_SIZE], zero[PAGE_SIZE] = {0};

    fill(got, 1, sizeof(got));
    ck_assert_int_eq(pwrite(image, got, sizeof(got), 8 * 512), (int)sizeof(got));
    memcpy(&req, &d, sizeof(d));
    ck_assert(ring_front_put(&front, &req, sizeof(req)));
    ring_front_push(&front);
    run();
    expect_only(3, HV_BLKIF_OP_DISCARD, HV_BLKIF_RSP_OKAY);
    ck_assert_int_eq(pread(image, got, sizeof(got), 8 * 512), (int)sizeof(got));
    ck_assert_mem_eq(got, zero, sizeof(got));
    ask(HV_BLKIF_OP_FLUSH_DISKCACHE, 4, 0, 0, 0);
    run();
    expect_only(4, HV_BLKIF_OP_FLUSH_DISKCACHE, HV_BLKIF_RSP_OKAY);
    ask(HV_BLKIF_OP_FLUSH_DISKCACHE, 5, 0, DATA_REF, 1);
    run();
    expect_only(5, HV_BLKIF_OP_FLUSH_DISKCACHE, HV_BLKIF_RSP_OKAY);
    close_all();
}
END_TEST

START_TEST(a_thousand_requests_are_each_answered_once)
{
    static unsigned int answered[1000];
    unsigned int sent = 0, got = 0;

    while (got < 1000) {
        struct hv_blkif_response rsp;

        while (sent < 1000 && hv_ring_free(&front.r)) {
            ask(sent & 1 ? HV_BLKIF_OP_READ : HV_BLKIF_OP_WRITE, sent, sent % 500 * 8,
                DATA_REF + sent % 32 * 11, 1 + sent % 11);
            sent++;
        }
        run();
        while (ring_front_take(&front, &rsp, sizeof(rsp)) == 1) {
            ck_assert_int_eq(rsp.status, HV_BLKIF_RSP_OKAY);
            answered[rsp.id]++;
            got++;
        }
    }
    for (unsigned int i = 0; i < 1000; i++)
        ck_assert_uint_eq(answered[i], 1);
    close_all();
}
END_TEST

START_TEST(pages_that_are_not_granted_are_an_error_and_others_go_on)
{
    fake_granted[DATA_REF] = false;
    ask(HV_BLKIF_OP_WRITE, 1, 0, DATA_REF, 2);
    run();
    expect_only(1, HV_BLKIF_OP_WRITE, HV_BLKIF_RSP_ERROR);
    ask(HV_BLKIF_OP_READ, 2, 0, DATA_REF, 1);
    run();
    expect_only(2, HV_BLKIF_OP_READ, HV_BLKIF_RSP_ERROR);
    ask(HV_BLKIF_OP_READ, 3, 0, 0xfffffff0U, 1);
    run();
    expect_only(3, HV_BLKIF_OP_READ, HV_BLKIF_RSP_ERROR);
    ck_assert_uint_eq(complaints, 3);
    ck_assert_uint_eq(dev.pool.used, 0);
    ask(HV_BLKIF_OP_READ, 4, 0, DATA_REF + 1, 1);
    run();
    expect_only(4, HV_BLKIF_OP_READ, HV_BLKIF_RSP_OKAY);
    close_all();
}
END_TEST

START_TEST(grants_revoked_under_way_are_an_error_of_that_request)
{
    close_all();
    open_device(false, DISK_DIRECT);
    open_queue(false);
    ask(HV_BLKIF_OP_READ, 1, 0, DATA_REF, 2);
    ask(HV_BLKIF_OP_READ, 2, 8, DATA_REF + 2, 1);
    ck_assert_int_eq(queue_take(&queue), 0);
    ck_assert_uint_eq(dev.started, 2);
    fake_granted[DATA_REF + 1] = false;
    run();
    for (unsigned int i = 0; i < 2; i++) {
        struct hv_blkif_response rsp = expect();

        ck_assert_int_eq(rsp.status,
                         rsp.id == 1 ? HV_BLKIF_RSP_ERROR : HV_BLKIF_RSP_OKAY);
    }
    ck_assert_uint_eq(complaints, 1);
    close_all();
}
END_TEST

static volatile bool stop_changing;

/* Writes to all that the front end shares but the indices, without end. */
static void *change(void *slots)
{
    uint64_t state = 88172645463325252ULL;

    while (!stop_changing) {
        uint8_t *at = state & 1 ? slots : fake_page[1];

        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        /* Small numbers: they are near what is right. */
        at[state >> 8 & 0x7ff] = (uint8_t)(state >> 24 & (state & 2 ? 0x0f : 0xff));
    }
    return NULL;
}

START_TEST(requests_that_change_while_they_are_read_hurt_nobody)
{
    struct hv_blkif_request_indirect ind = {.operation = HV_BLKIF_OP_INDIRECT,
                                            .indirect_op = HV_BLKIF_OP_WRITE,
                                            .nr_segments = 200,
                                            .indirect_grefs = {1}};
    struct hv_blkif_request req = {0};
    struct hv_blkif_response rsp;
    unsigned int answers = 0;
    pthread_t thread;

    close_all();
    open_device(true, DISK_MEMORY);
    open_queue(false);
    memcpy(&req, &ind, sizeof(ind));
    /* What is read may go anywhere but to the ring: then its indices are nonsense. */
    fake_granted[RING_REF] = false;
    ck_assert_int_eq(pthread_create(&thread, NULL, change,
                                    fake_page[RING_REF] + sizeof(struct hv_ring_index)),
                     0);
    /* Whatever a request turns into, it is answered, once, and memory stays whole. */
    for (unsigned int i = 0; i < 3000; i++) {
        ask(i & 1 ? HV_BLKIF_OP_WRITE : HV_BLKIF_OP_READ, i, i % 100, DATA_REF, 5);
        ck_assert(ring_front_put(&front, &req, sizeof(req)));
        ring_front_push(&front);
        run();
        while (ring_front_take(&front, &rsp, sizeof(rsp)) == 1)
            answers++;
        ck_assert_uint_eq(answers, 2 * (i + 1));
    }
    stop_changing = true;
    pthread_join(thread, NULL);
    ck_assert_uint_eq(dev.pool.used, 0);
    close_all();
}
END_TEST

/* An image on a disk that is full, and one that is not. */
static void open_full(bool wait)
{
    close_all();
    open_device(true, DISK_MEMORY);
    open_queue(false);
    dev.volume.fd = open("/dev/full", O_RDWR);
    dev.wait_when_full = wait;
    ask(HV_BLKIF_OP_WRITE, 1, 0, DATA_REF, 4);
    run();
}

START_TEST(a_write_without_space_waits_for_it)
{
    open_full(true);
    ck_assert_uint_eq(dev.full, 1);
    ck_assert_uint_eq(complaints, 1);
    /* Others are served meanwhile. */
    ask(HV_BLKIF_OP_READ, 2, 0, DATA_REF + 8, 4);
    run();
    expect_only(2, HV_BLKIF_OP_READ, HV_BLKIF_RSP_OKAY);
    queue_retry_full(&queue, false);
    run();
    ck_assert_uint_eq(dev.full, 1);
    ck_assert_uint_eq(complaints, 1);
    dev.volume.fd = image;
    queue_retry_full(&queue, false);
    run();
    expect_only(1, HV_BLKIF_OP_WRITE, HV_BLKIF_RSP_OKAY);
    ck_assert_uint_eq(dev.full, 0);
    ck_assert_uint_eq(complaints, 2);
    close_all();
}
END_TEST

START_TEST(or_fails_when_that_is_given_up)
{
    open_full(true);
    queue_retry_full(&queue, true);
    run();
    expect_only(1, HV_BLKIF_OP_WRITE, HV_BLKIF_RSP_ERROR);
    close_all();
}
END_TEST

START_TEST(or_at_once_where_that_is_wanted)
{
    open_full(false);
    expect_only(1, HV_BLKIF_OP_WRITE, HV_BLKIF_RSP_ERROR);
    ck_assert_uint_eq(complaints, 1);
    close_all();
}
END_TEST

START_TEST(an_image_that_has_shrunk_is_an_error)
{
    ck_assert_int_eq(ftruncate(image, 4096), 0);
    ask(HV_BLKIF_OP_READ, 1, 0, DATA_REF, 4);
    run();
    expect_only(1, HV_BLKIF_OP_READ, HV_BLKIF_RSP_ERROR);
    close_all();
}
END_TEST

START_TEST(an_index_ahead_of_the_ring_ends_it)
{
    struct hv_ring_index *idx = (void *)fake_page[RING_REF];

    ask(HV_BLKIF_OP_READ, 1, 0, DATA_REF, 1);
    idx->req_prod = 34;
    ck_assert_int_eq(queue_take(&queue), -EPROTO);
    close_all();
}
END_TEST

/* The worker is gone, all of a sudden; another comes with the same journal. */
static void replace_worker(void)
{
    while (dev.started)
        disk_wait(&dev.disk, true);
    close_all();
    open_device(true, DISK_DIRECT);
    open_queue(true);
}

START_TEST(requests_taken_by_a_killed_worker_are_done_by_the_next)
{
    uint8_t want[PAGE_SIZE], got[PAGE_SIZE];
    unsigned int seen = 0;

    fill(want, 3, sizeof(want));
    memcpy(fake_page[DATA_REF], want, sizeof(want));
    ask(HV_BLKIF_OP_WRITE, 1, 8, DATA_REF, 1);
    ask(HV_BLKIF_OP_READ, 2, 8, DATA_REF + 1, 1);
    ck_assert_int_eq(queue_take(&queue), 0);
    ask(HV_BLKIF_OP_READ, 3, 0, DATA_REF + 2, 1);
    replace_worker();
    run();
    for (int i = 0; i < 3; i++) {
        struct hv_blkif_response rsp = expect();

        ck_assert_int_eq(rsp.status, HV_BLKIF_RSP_OKAY);
        seen |= 1U << rsp.id;
    }
    ck_assert_uint_eq(seen, 0xe);
    ck_assert_int_eq(pread(image, got, sizeof(got), 8 * 512), (int)sizeof(got));
    ck_assert_mem_eq(got, want, sizeof(want));
    close_all();
}
END_TEST

START_TEST(answers_that_were_not_shown_are_given_again_and_no_others)
{
    struct hv_blkif_response rsp;

    ask(HV_BLKIF_OP_READ, 1, 0, DATA_REF, 1);
    run();
    ask(HV_BLKIF_OP_READ, 2, 0, DATA_REF, 1);
    ask(HV_BLKIF_OP_READ, 3, 0, DATA_REF, 1);
    ck_assert_int_eq(queue_take(&queue), 0);
    while (dev.started)
        disk_wait(&dev.disk, true);
    replace_worker();
    run();
    for (unsigned int i = 1; i < 4; i++)
        expect();
    ck_assert_int_eq(ring_front_take(&front, &rsp, sizeof(rsp)), 0);
    close_all();
}
END_TEST

START_TEST(what_was_shown_but_not_noted_as_done_is_not_answered_twice)
{
    struct journal before;
    struct hv_blkif_response rsp;

    ask(HV_BLKIF_OP_READ, 1, 0, DATA_REF, 1);
    ck_assert_int_eq(queue_take(&queue), 0);
    while (dev.started)
        disk_wait(&dev.disk, true);
    /* Killed between showing the answer and freeing its record. */
    journal_show(&journal.queue[0], queue.ring.r.rsp_prod_pvt);
    before = journal;
    queue_show(&queue);
    journal = before;
    replace_worker();
    run();
    expect_only(1, HV_BLKIF_OP_READ, HV_BLKIF_RSP_OKAY);
    ck_assert_int_eq(ring_front_take(&front, &rsp, sizeof(rsp)), 0);
    close_all();
}
END_TEST

START_TEST(a_journal_of_nonsense_is_refused)
{
    queue_close(&queue);
    journal.queue[0].record[3].state = 7;
    ck_assert_int_eq(
        queue_open(&queue, &dev, fake_page[RING_REF], PAGE_SIZE, &journal.queue[0], true),
        -EINVAL);
    journal.queue[0].record[3].state = JOURNAL_TAKEN;
    journal.queue[0].record[3].req_index = 99;
    ck_assert_int_eq(
        queue_open(&queue, &dev, fake_page[RING_REF], PAGE_SIZE, &journal.queue[0], true),
        -EINVAL);
}
END_TEST

START_TEST(requests_wait_when_memory_for_copies_is_short)
{
    void *all = pool_get(&dev.pool, (POOL_PAGES - 12) * POOL_PAGE);

    for (unsigned int i = 0; i < 20; i++)
        ask(HV_BLKIF_OP_WRITE, i, i * 88, DATA_REF, 11);
    ck_assert_int_eq(queue_take(&queue), 0);
    ck_assert_uint_eq(dev.started, 1);
    ck_assert_int_eq(queue_arm(&queue), 0);
    run();
    for (unsigned int i = 0; i < 20; i++)
        ck_assert_int_eq(expect().status, HV_BLKIF_RSP_OKAY);
    pool_put(&dev.pool, all, (POOL_PAGES - 12) * POOL_PAGE);
    close_all();
}
END_TEST

START_TEST(the_pool_gives_each_page_once)
{
    static char *got[POOL_PAGES];
    unsigned int nr = 0;

    while ((got[nr] = pool_get(&dev.pool, nr % 3 * POOL_PAGE + 512))) {
        memset(got[nr], (int)nr, nr % 3 * POOL_PAGE + 512);
        nr++;
    }
    ck_assert_uint_ge(nr, POOL_PAGES / 2 - 3);
    for (unsigned int i = 0; i < nr; i++) {
        ck_assert_int_eq(got[i][i % 3 * POOL_PAGE + 511], (char)i);
        pool_put(&dev.pool, got[i], i % 3 * POOL_PAGE + 512);
    }
    ck_assert_uint_eq(dev.pool.used, 0);
    ck_assert_ptr_nonnull(pool_get(&dev.pool, POOL_PAGES * POOL_PAGE));
    ck_assert_ptr_null(pool_get(&dev.pool, 1));
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        what_is_written_is_read_back,
        what_was_done_is_counted,
        without_persistent_grants_nothing_stays_mapped,
        a_file_in_memory_is_served_at_once,
        or_through_a_mapping,
        a_file_with_holes_is_not_mapped,
        through_the_page_cache_all_of_it_is_moved,
        what_the_cache_does_not_hold_is_read,
        indirect_requests_move_a_mebibyte,
        flush_and_discard_are_done,
        a_thousand_requests_are_each_answered_once,
        pages_that_are_not_granted_are_an_error_and_others_go_on,
        grants_revoked_under_way_are_an_error_of_that_request,
        requests_that_change_while_they_are_read_hurt_nobody,
        a_write_without_space_waits_for_it,
        or_fails_when_that_is_given_up,
        or_at_once_where_that_is_wanted,
        an_image_that_has_shrunk_is_an_error,
        an_index_ahead_of_the_ring_ends_it,
        requests_taken_by_a_killed_worker_are_done_by_the_next,
        answers_that_were_not_shown_are_given_again_and_no_others,
        what_was_shown_but_not_noted_as_done_is_not_answered_twice,
        a_journal_of_nonsense_is_refused,
        requests_wait_when_memory_for_copies_is_short,
        the_pool_gives_each_page_once,
        NULL};

    return unit_run("queue", prepare, tests);
}
