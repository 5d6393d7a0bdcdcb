/* SPDX-License-Identifier: MIT */
/* A disk's front end, with back ends good, bad and gone. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "abi/io/xenbus.h"
#include "front/blkfront.h"

#define FRONT "device/vbd/51712"
#define BACK  "/local/domain/0/backend/vbd/1/51712"
#define PAGES 64
static void look(void);
#include "front_kernel.h"

/* ---- The back end ---- */
static struct blkfront disk;
static struct ring_back back;
static char data[PAGES][FRONT_PAGE_SIZE] __attribute__((aligned(4096)));

static void look(void)
{
    blkfront_look(&disk);
}

static void take_up(struct ring_back *ring, const char *ref)
{
    ring_back_init(ring, grant[atoi(value_of(ref))].page, FRONT_PAGE_SIZE,
                   sizeof(union hv_blkif_sring_entry));
}

static void connect(void)
{
    state(HV_XENBUS_STATE_INIT_WAIT);
    ck_assert_uint_eq(said(), HV_XENBUS_STATE_INITIALISED);
    take_up(&back, FRONT "/ring-ref");
    state(HV_XENBUS_STATE_CONNECTED);
    ck_assert_uint_eq(said(), HV_XENBUS_STATE_CONNECTED);
}

static void prepare(void)
{
    grants_left = 500;
    front_write(FRONT "/backend", BACK);
    front_write(FRONT "/backend-id", "0");
    front_write(FRONT "/state", "1");
    set("online", "1");
    set("sectors", "1000");
    set("feature-flush-cache", "1");
    set("feature-max-indirect-segments", "32");
    ck_assert_int_eq(blkfront_start(&disk, FRONT, 2), 0);
}

static int done, last_error;
static struct blk_io *last_done;

static void finished(struct blk_io *io, int error)
{
    done++;
    last_done = io;
    last_error = error;
}

static struct blk_io request(unsigned int op, uint64_t sector, uint32_t sectors)
{
    return (struct blk_io){
        .op = op, .sector = sector, .sectors = sectors, .data = data, .done = finished};
}

static void give(struct blk_io *io)
{
    blkfront_submit(&disk, io);
    blkfront_kick(&disk);
}

static struct hv_blkif_request taken(void)
{
    struct hv_blkif_request r;

    ck_assert_int_eq(ring_back_take(&back, &r, sizeof(r)), 1);
    return r;
}

static unsigned int served = 1; /* the port of the ring that is answered in */

static void answer(uint64_t id, int status)
{
    struct hv_blkif_response r = {.id = id, .status = (int16_t)status};

    ring_back_answer(&back, &r, sizeof(r));
    ring_back_push(&back);
    event(served);
}

static bool nothing_there(void)
{
    struct hv_blkif_request r;

    return ring_back_take(&back, &r, sizeof(r)) == 0;
}

static unsigned int grants(void)
{
    unsigned int n = 0;

    for (size_t i = 0; i < GRANTS; i++)
        n += grant[i].page != NULL;
    return n;
}

START_TEST(it_connects_and_says_what_the_disk_is)
{
    connect();
    ck_assert_uint_eq(disk.sectors, 1000);
    ck_assert(disk.flush && !disk.discard);
    ck_assert_uint_eq(disk.max_segments, 32);
    ck_assert_str_eq(value_of(FRONT "/event-channel"), "1");
    ck_assert_str_eq(value_of(FRONT "/protocol"), "x86_64-abi");
}
END_TEST

START_TEST(a_request_names_its_pages_and_their_sectors)
{
    struct blk_io io = request(HV_BLKIF_OP_WRITE, 5, 10);
    struct hv_blkif_request r;

    connect();
    io.data = data[0] + 3 * 512;
    give(&io);
    r = taken();
    ck_assert_uint_eq(r.operation, HV_BLKIF_OP_WRITE);
    ck_assert_uint_eq(r.sector_number, 5);
    ck_assert_uint_eq(r.nr_segments, 2);
    ck_assert_ptr_eq(grant[r.seg[0].gref].page, data[0]);
    ck_assert(r.seg[0].first_sect == 3 && r.seg[0].last_sect == 7);
    ck_assert_ptr_eq(grant[r.seg[1].gref].page, data[1]);
    ck_assert(r.seg[1].first_sect == 0 && r.seg[1].last_sect == 4);
    answer(r.id, HV_BLKIF_RSP_OKAY);
    ck_assert(done == 1 && last_done == &io && !last_error);
    ck_assert_uint_eq(grants(), 1);
}
END_TEST

START_TEST(a_long_request_goes_indirect)
{
    struct blk_io io = request(HV_BLKIF_OP_READ, 0, 32 * 8);
    const struct hv_blkif_request_segment *seg;
    struct hv_blkif_request_indirect r;

    connect();
    give(&io);
    ck_assert_int_eq(ring_back_take(&back, &r, sizeof(r)), 1);
    ck_assert_uint_eq(r.operation, HV_BLKIF_OP_INDIRECT);
    ck_assert_uint_eq(r.indirect_op, HV_BLKIF_OP_READ);
    ck_assert_uint_eq(r.nr_segments, 32);
    seg = (const void *)grant[r.indirect_grefs[0]].page;
    for (size_t i = 0; i < 32; i++)
        ck_assert_ptr_eq(grant[seg[i].gref].page, data[i]);
    answer(r.id, HV_BLKIF_RSP_ERROR);
    ck_assert(done == 1 && last_error == -EIO);
    ck_assert_uint_eq(grants(), 1);
}
END_TEST

START_TEST(what_the_disk_cannot_do_is_refused_at_once)
{
    struct blk_io past = request(HV_BLKIF_OP_READ, 996, 8);
    struct blk_io wild = request(HV_BLKIF_OP_READ, UINT64_MAX, 8);
    struct blk_io wide = request(HV_BLKIF_OP_READ, 0, 33 * 8);
    struct blk_io trim = request(HV_BLKIF_OP_DISCARD, 0, 8);

    connect();
    give(&past);
    ck_assert(done == 1 && last_error == -EINVAL);
    give(&wild);
    ck_assert(done == 2 && last_error == -EINVAL);
    give(&wide);
    ck_assert(done == 3 && last_error == -EINVAL);
    give(&trim);
    ck_assert(done == 4 && last_error == -EOPNOTSUPP);
    ck_assert(nothing_there());
}
END_TEST

START_TEST(requests_wait_for_a_back_end_that_closes_but_stays_online)
{
    struct blk_io first = request(HV_BLKIF_OP_WRITE, 0, 8);
    struct blk_io second = request(HV_BLKIF_OP_READ, 8, 8);
    struct hv_blkif_request r;

    connect();
    give(&first);
    taken();
    state(HV_XENBUS_STATE_CLOSING);
    ck_assert_uint_eq(said(), HV_XENBUS_STATE_CLOSED);
    ck_assert_uint_eq(grants(), 0);
    give(&second);
    ck_assert_int_eq(done, 0);
    state(HV_XENBUS_STATE_CLOSED);
    ck_assert_uint_eq(said(), HV_XENBUS_STATE_INITIALISING);
    connect();
    r = taken();
    ck_assert_uint_eq(r.sector_number, 0);
    answer(r.id, HV_BLKIF_RSP_OKAY);
    ck_assert(done == 1 && last_done == &first && !last_error);
    r = taken();
    ck_assert_uint_eq(r.sector_number, 8);
    answer(r.id, HV_BLKIF_RSP_OKAY);
    ck_assert(done == 2 && last_done == &second && !last_error);
    ck_assert(disk.connections == 2 && disk.reissued == 1);
}
END_TEST

START_TEST(a_back_end_that_dies_while_connecting_is_asked_again)
{
    struct blk_io io = request(HV_BLKIF_OP_READ, 0, 8);

    give(&io);
    state(HV_XENBUS_STATE_INIT_WAIT);
    state(HV_XENBUS_STATE_CLOSED);
    ck_assert_uint_eq(grants(), 0);
    connect();
    answer(taken().id, HV_BLKIF_RSP_OKAY);
    ck_assert(done == 1 && !last_error);
}
END_TEST

START_TEST(unplugged_requests_fail)
{
    struct blk_io taken_up = request(HV_BLKIF_OP_READ, 0, 8);
    struct blk_io late = request(HV_BLKIF_OP_READ, 0, 8);

    connect();
    give(&taken_up);
    set("online", "0");
    state(HV_XENBUS_STATE_CLOSING);
    ck_assert_uint_eq(said(), HV_XENBUS_STATE_CLOSED);
    ck_assert(done == 1 && last_error == -EIO);
    give(&late);
    ck_assert(done == 2 && last_error == -EIO);
    ck_assert_uint_eq(grants(), 0);
    ck_assert_uint_eq(ports(), 0);
    ck_assert_uint_eq(pages_out, 0);
}
END_TEST

START_TEST(an_answer_nobody_asked_for_ends_the_connection)
{
    struct blk_io io = request(HV_BLKIF_OP_READ, 0, 8);

    connect();
    give(&io);
    answer(taken().id + 1, HV_BLKIF_RSP_OKAY);
    ck_assert(disk.state == BLKFRONT_GONE && done == 1 && last_error == -EIO);
}
END_TEST

START_TEST(an_answer_given_twice_ends_the_connection)
{
    struct blk_io one = request(HV_BLKIF_OP_READ, 0, 8),
                  two = request(HV_BLKIF_OP_READ, 8, 8);
    uint64_t id;

    connect();
    give(&one);
    give(&two);
    id = taken().id;
    answer(id, HV_BLKIF_RSP_OKAY);
    ck_assert(done == 1 && !last_error);
    answer(id, HV_BLKIF_RSP_OKAY);
    ck_assert(disk.state == BLKFRONT_GONE && done == 2 && last_error == -EIO);
}
END_TEST

START_TEST(a_full_ring_makes_the_rest_wait)
{
    static struct blk_io io[40];

    connect();
    for (size_t i = 0; i < 40; i++) {
        io[i] = request(HV_BLKIF_OP_READ, i, 1);
        blkfront_submit(&disk, &io[i]);
    }
    blkfront_kick(&disk);
    for (int i = 0; i < 40; i++)
        answer(taken().id, HV_BLKIF_RSP_OKAY);
    ck_assert_int_eq(done, 40);
    ck_assert(nothing_there());
}
END_TEST

START_TEST(without_grants_requests_wait_for_some)
{
    struct blk_io one = request(HV_BLKIF_OP_READ, 0, 8),
                  two = request(HV_BLKIF_OP_READ, 8, 16);

    connect();
    grants_left = 2;
    give(&one);
    give(&two);
    ck_assert_uint_eq(grants(), 2);
    answer(taken().id, HV_BLKIF_RSP_OKAY);
    ck_assert_int_eq(done, 1);
    answer(taken().id, HV_BLKIF_RSP_OKAY);
    ck_assert(done == 2 && !last_error);
}
END_TEST

START_TEST(with_persistent_grants_pages_are_granted_once)
{
    struct blk_io out = request(HV_BLKIF_OP_WRITE, 5, 10);
    struct blk_io in = request(HV_BLKIF_OP_READ, 5, 10);
    struct hv_blkif_request r;
    uint8_t *page[2];
    unsigned int left;

    set("feature-persistent", "1");
    connect();
    ck_assert_str_eq(value_of(FRONT "/feature-persistent"), "1");
    memset(data, 0, 2 * FRONT_PAGE_SIZE);
    memset(data[0] + 3 * 512, 'a', 5 * 512);
    memset(data[1], 'b', 5 * 512);
    out.data = in.data = data[0] + 3 * 512;
    give(&out);
    r = taken();
    for (int i = 0; i < 2; i++)
        page[i] = grant[r.seg[i].gref].page;
    ck_assert_mem_eq(page[0] + 3 * 512, data[0] + 3 * 512, 5 * 512);
    ck_assert_mem_eq(page[1], data[1], 5 * 512);
    ck_assert((char *)page[0] < data[0] || (char *)page[0] >= data[PAGES]);
    grant[r.seg[0].gref].mapped = grant[r.seg[1].gref].mapped = true;
    answer(r.id, HV_BLKIF_RSP_OKAY);
    left = grants_left;
    /* The same pages serve the next request, whatever its data. */
    give(&in);
    r = taken();
    ck_assert_uint_eq(grants_left, left);
    for (int i = 0; i < 2; i++)
        ck_assert(grant[r.seg[i].gref].page == page[0] ||
                  grant[r.seg[i].gref].page == page[1]);
    memset(grant[r.seg[0].gref].page, 'c', FRONT_PAGE_SIZE);
    memset(grant[r.seg[1].gref].page, 'd', FRONT_PAGE_SIZE);
    answer(r.id, HV_BLKIF_RSP_OKAY);
    ck_assert(done == 2 && !last_error && !revoked_in_use);
    ck_assert(!data[0][3 * 512 - 1] && data[0][3 * 512] == 'c');
    ck_assert(data[1][0] == 'd' && data[1][5 * 512 - 1] == 'd' && !data[1][5 * 512]);
}
END_TEST

static struct hv_blkif_request read_by(struct blk_io *io)
{
    *io = request(HV_BLKIF_OP_READ, 5, 3);
    connect();
    give(io);
    return taken();
}

START_TEST(what_a_back_end_that_goes_has_mapped_is_not_asked_of_the_next_until_it_lets_go)
{
    struct blk_io io;
    struct hv_blkif_request r = read_by(&io);
    unsigned int ref[2] = {disk.queue[0].ring_ref[0], r.seg[0].gref};

    grant[ref[0]].mapped = grant[ref[1]].mapped = true;
    state(HV_XENBUS_STATE_CLOSING);
    ck_assert(grants() == 2 && pages_out == 1 && disk.reissued == 0);
    grant[ref[0]].mapped = grant[ref[1]].mapped = false;
    state(HV_XENBUS_STATE_CLOSED);
    ck_assert(grants() == 0 && pages_out == 0 && disk.reissued == 1);
    connect();
    r = taken();
    ck_assert(r.sector_number == 5 && done == 0);
    answer(r.id, HV_BLKIF_RSP_OKAY);
    ck_assert(done == 1 && !last_error);
}
END_TEST

START_TEST(a_back_end_that_never_lets_go_keeps_its_request_only)
{
    struct blk_io io, other = request(HV_BLKIF_OP_READ, 9, 1);
    struct hv_blkif_request first = read_by(&io), r;

    grant[first.seg[0].gref].mapped = true;
    state(HV_XENBUS_STATE_CLOSING);
    state(HV_XENBUS_STATE_CLOSED);
    connect();
    ck_assert(nothing_there());
    give(&other);
    r = taken();
    ck_assert(r.id != first.id && r.sector_number == 9);
    answer(r.id, HV_BLKIF_RSP_OKAY);
    ck_assert(done == 1 && last_done == &other);
    grant[first.seg[0].gref].mapped = false;
    look();
    r = taken();
    ck_assert_uint_eq(r.sector_number, 5);
    answer(r.id, HV_BLKIF_RSP_OKAY);
    ck_assert(done == 2 && last_done == &io && !last_error);
}
END_TEST

START_TEST(an_answer_for_a_request_of_an_earlier_connection_ends_this_one)
{
    struct blk_io io;
    struct hv_blkif_request r = read_by(&io);

    grant[r.seg[0].gref].mapped = true;
    state(HV_XENBUS_STATE_CLOSING);
    state(HV_XENBUS_STATE_CLOSED);
    connect();
    answer(r.id, HV_BLKIF_RSP_OKAY);
    ck_assert(done == 0 && disk.state == BLKFRONT_GONE);
    grant[r.seg[0].gref].mapped = false;
    look();
    ck_assert(done == 1 && last_error == -EIO && grants() == 0 && pages_out == 0);
}
END_TEST

START_TEST(an_answer_with_a_page_still_mapped_ends_the_connection)
{
    struct blk_io io;
    struct hv_blkif_request r = read_by(&io);

    grant[r.seg[0].gref].mapped = true;
    answer(r.id, HV_BLKIF_RSP_OKAY);
    ck_assert(disk.state == BLKFRONT_GONE && done == 0);
    grant[r.seg[0].gref].mapped = false;
    look();
    ck_assert(done == 1 && last_error == -EIO && grants() == 0 && pages_out == 0);
}
END_TEST

START_TEST(persistent_grants_end_with_their_back_end)
{
    struct blk_io io = request(HV_BLKIF_OP_READ, 0, 32 * 8);

    set("feature-persistent", "1");
    connect();
    give(&io);
    answer(taken().id, HV_BLKIF_RSP_OKAY);
    ck_assert_uint_eq(grants(), 1 + 1 + 32);
    for (unsigned int ref = 0; ref < GRANTS; ref++)
        grant[ref].mapped = grant[ref].page;
    state(HV_XENBUS_STATE_CLOSING);
    ck_assert_uint_eq(grants(), 1 + 1 + 32);
    for (unsigned int ref = 0; ref < GRANTS; ref++)
        grant[ref].mapped = false;
    state(HV_XENBUS_STATE_CLOSED);
    ck_assert(grants() == 0 && pages_out == 0);
    set("feature-persistent", "0");
    connect();
    give(&io);
    answer(taken().id, HV_BLKIF_RSP_OKAY);
    ck_assert(done == 2 && !last_error);
    ck_assert_uint_eq(grants(), 1);
}
END_TEST

START_TEST(requests_take_the_rings_in_turn)
{
    struct blk_io one = request(HV_BLKIF_OP_READ, 1, 1),
                  two = request(HV_BLKIF_OP_READ, 2, 1);
    struct ring_back other;

    set("multi-queue-max-queues", "8");
    state(HV_XENBUS_STATE_INIT_WAIT);
    ck_assert_str_eq(value_of(FRONT "/multi-queue-num-queues"), "2");
    ck_assert_str_eq(value_of(FRONT "/queue-1/event-channel"), "2");
    take_up(&back, FRONT "/queue-0/ring-ref");
    take_up(&other, FRONT "/queue-1/ring-ref");
    state(HV_XENBUS_STATE_CONNECTED);
    blkfront_submit(&disk, &one);
    give(&two);
    ck_assert(port[1].sent == 1 && port[2].sent == 1);
    ck_assert_uint_eq(taken().sector_number, 1);
    ck_assert(nothing_there());
    back = other;
    served = 2;
    ck_assert_uint_eq(taken().sector_number, 2);
    answer(0, HV_BLKIF_RSP_OKAY);
    ck_assert(done == 1 && last_done == &two && !last_error);
    state(HV_XENBUS_STATE_CLOSING);
    ck_assert_uint_eq(grants(), 0);
    ck_assert_uint_eq(disk.reissued, 1);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        it_connects_and_says_what_the_disk_is,
        a_request_names_its_pages_and_their_sectors,
        a_long_request_goes_indirect,
        what_the_disk_cannot_do_is_refused_at_once,
        requests_wait_for_a_back_end_that_closes_but_stays_online,
        a_back_end_that_dies_while_connecting_is_asked_again,
        unplugged_requests_fail,
        an_answer_nobody_asked_for_ends_the_connection,
        an_answer_given_twice_ends_the_connection,
        a_full_ring_makes_the_rest_wait,
        without_grants_requests_wait_for_some,
        with_persistent_grants_pages_are_granted_once,
        what_a_back_end_that_goes_has_mapped_is_not_asked_of_the_next_until_it_lets_go,
        a_back_end_that_never_lets_go_keeps_its_request_only,
        an_answer_for_a_request_of_an_earlier_connection_ends_this_one,
        an_answer_with_a_page_still_mapped_ends_the_connection,
        persistent_grants_end_with_their_back_end,
        requests_take_the_rings_in_turn,
        NULL};

    return unit_run("blkfront", prepare, tests);
}
