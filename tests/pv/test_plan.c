/* SPDX-License-Identifier: MIT */
/* What of a block request is believed. */
#include <string.h>

#include "blkback/plan.h"
#include "unit.h"

static struct plan_limits limits;
static struct hv_blkif_request req;
static struct hv_blkif_request_segment indirect[PLAN_MAX_SEGMENTS];
static struct plan plan;
static int fetched;

static void prepare(void)
{
    limits = (struct plan_limits){.sectors = 1000, .sector_size = 512, .discard = true};
    memset(&req, 0, sizeof(req));
    req.operation = HV_BLKIF_OP_READ;
    req.nr_segments = 1;
    req.seg[0] = (struct hv_blkif_request_segment){.gref = 8, .last_sect = 7};
    memset(indirect, 0, sizeof(indirect));
    fetched = 0;
}

static int fetch(void *ctx, uint32_t ref, struct hv_blkif_request_segment *out,
                 unsigned int nr)
{
    fetched++;
    if (ref != 77)
        return -1;
    memcpy(out, indirect, nr * sizeof(*out));
    return 0;
}

static int make(void)
{
    const char *why;
    int status = plan_make(&plan, &req, &limits, fetch, NULL, &why);

    ck_assert((status == HV_BLKIF_RSP_ERROR) == (why != NULL));
    return status;
}

static void make_indirect(unsigned int op, unsigned int nr, uint64_t sector)
{
    struct hv_blkif_request_indirect ind = {.operation = HV_BLKIF_OP_INDIRECT,
                                            .indirect_op = (uint8_t)op,
                                            .nr_segments = (uint16_t)nr,
                                            .sector_number = sector,
                                            .indirect_grefs = {77}};

    memcpy(&req, &ind, sizeof(ind));
}

static void make_discard(unsigned int flag, uint64_t sector, uint64_t nr)
{
    struct hv_blkif_request_discard d = {.operation = HV_BLKIF_OP_DISCARD,
                                         .flag = (uint8_t)flag,
                                         .sector_number = sector,
                                         .nr_sectors = nr};

    memcpy(&req, &d, sizeof(d));
}

START_TEST(a_read_is_planned_as_it_says)
{
    req.sector_number = 16;
    req.nr_segments = 2;
    req.seg[1] =
        (struct hv_blkif_request_segment){.gref = 9, .first_sect = 3, .last_sect = 4};
    ck_assert_int_eq(make(), HV_BLKIF_RSP_OKAY);
    ck_assert_int_eq(plan.kind, PLAN_READ);
    ck_assert_uint_eq(plan.offset, 16 * 512);
    ck_assert_uint_eq(plan.length, 10 * 512);
    ck_assert_uint_eq(plan.nr, 2);
    ck_assert_uint_eq(plan.seg[1].ref, 9);
    ck_assert_uint_eq(plan.seg[1].offset, 3 * 512);
    ck_assert_uint_eq(plan.seg[1].len, 2 * 512);
}
END_TEST

START_TEST(the_disk_ends_where_it_ends)
{
    req.sector_number = 992;
    ck_assert_int_eq(make(), HV_BLKIF_RSP_OKAY);
    req.sector_number = 993;
    ck_assert_int_eq(make(), HV_BLKIF_RSP_ERROR);
    req.sector_number = 1000;
    ck_assert_int_eq(make(), HV_BLKIF_RSP_ERROR);
    req.sector_number = UINT64_MAX - 3;
    ck_assert_int_eq(make(), HV_BLKIF_RSP_ERROR);
    req.sector_number = UINT64_MAX / 512 + 1;
    ck_assert_int_eq(make(), HV_BLKIF_RSP_ERROR);
}
END_TEST

START_TEST(segments_stay_within_their_pages)
{
    req.seg[0].last_sect = 8;
    ck_assert_int_eq(make(), HV_BLKIF_RSP_ERROR);
    req.seg[0].last_sect = 255;
    ck_assert_int_eq(make(), HV_BLKIF_RSP_ERROR);
    req.seg[0].first_sect = 5;
    req.seg[0].last_sect = 4;
    ck_assert_int_eq(make(), HV_BLKIF_RSP_ERROR);
}
END_TEST

START_TEST(the_number_of_segments_is_bounded)
{
    req.nr_segments = 0;
    ck_assert_int_eq(make(), HV_BLKIF_RSP_ERROR);
    req.nr_segments = 12;
    ck_assert_int_eq(make(), HV_BLKIF_RSP_ERROR);
    req.nr_segments = 255;
    ck_assert_int_eq(make(), HV_BLKIF_RSP_ERROR);
    make_indirect(HV_BLKIF_OP_READ, 257, 0);
    ck_assert_int_eq(make(), HV_BLKIF_RSP_ERROR);
    make_indirect(HV_BLKIF_OP_READ, 0, 0);
    ck_assert_int_eq(make(), HV_BLKIF_RSP_ERROR);
    make_indirect(HV_BLKIF_OP_READ, 65535, 0);
    ck_assert_int_eq(make(), HV_BLKIF_RSP_ERROR);
    ck_assert_int_eq(fetched, 0);
}
END_TEST

START_TEST(a_read_only_disk_is_not_written)
{
    limits.readonly = true;
    ck_assert_int_eq(make(), HV_BLKIF_RSP_OKAY);
    req.operation = HV_BLKIF_OP_WRITE;
    ck_assert_int_eq(make(), HV_BLKIF_RSP_ERROR);
    req.operation = HV_BLKIF_OP_FLUSH_DISKCACHE;
    ck_assert_int_eq(make(), HV_BLKIF_RSP_ERROR);
    make_discard(0, 0, 8);
    ck_assert_int_eq(make(), HV_BLKIF_RSP_ERROR);
    make_indirect(HV_BLKIF_OP_WRITE, 1, 0);
    ck_assert_int_eq(make(), HV_BLKIF_RSP_ERROR);
}
END_TEST

START_TEST(a_flush_may_carry_a_write)
{
    req.operation = HV_BLKIF_OP_FLUSH_DISKCACHE;
    ck_assert_int_eq(make(), HV_BLKIF_RSP_OKAY);
    ck_assert_int_eq(plan.kind, PLAN_WRITE);
    ck_assert(plan.flush_first);
    req.nr_segments = 0;
    ck_assert_int_eq(make(), HV_BLKIF_RSP_OKAY);
    ck_assert_int_eq(plan.kind, PLAN_FLUSH);
    ck_assert_uint_eq(plan.nr, 0);
}
END_TEST

START_TEST(what_is_not_offered_is_refused_as_such)
{
    req.operation = HV_BLKIF_OP_WRITE_BARRIER;
    ck_assert_int_eq(make(), HV_BLKIF_RSP_EOPNOTSUPP);
    req.operation = 200;
    ck_assert_int_eq(make(), HV_BLKIF_RSP_EOPNOTSUPP);
    make_discard(HV_BLKIF_DISCARD_SECURE, 0, 8);
    ck_assert_int_eq(make(), HV_BLKIF_RSP_EOPNOTSUPP);
    limits.discard = false;
    make_discard(0, 0, 8);
    ck_assert_int_eq(make(), HV_BLKIF_RSP_EOPNOTSUPP);
}
END_TEST

START_TEST(a_discard_stays_on_the_disk)
{
    make_discard(0, 10, 990);
    ck_assert_int_eq(make(), HV_BLKIF_RSP_OKAY);
    ck_assert_int_eq(plan.kind, PLAN_DISCARD);
    ck_assert_uint_eq(plan.length, 990 * 512);
    make_discard(0, 10, 991);
    ck_assert_int_eq(make(), HV_BLKIF_RSP_ERROR);
    make_discard(0, 10, 0);
    ck_assert_int_eq(make(), HV_BLKIF_RSP_ERROR);
    make_discard(0, 10, UINT64_MAX);
    ck_assert_int_eq(make(), HV_BLKIF_RSP_ERROR);
}
END_TEST

START_TEST(indirect_segments_are_read_once_and_checked)
{
    for (unsigned int i = 0; i < PLAN_MAX_SEGMENTS; i++)
        indirect[i] = (struct hv_blkif_request_segment){.gref = i, .last_sect = 0};
    make_indirect(HV_BLKIF_OP_WRITE, PLAN_MAX_SEGMENTS, 700);
    ck_assert_int_eq(make(), HV_BLKIF_RSP_OKAY);
    ck_assert_int_eq(fetched, 1);
    ck_assert_uint_eq(plan.nr, 256);
    ck_assert_uint_eq(plan.length, 256 * 512);
    indirect[200].last_sect = 9;
    ck_assert_int_eq(make(), HV_BLKIF_RSP_ERROR);
    make_indirect(HV_BLKIF_OP_INDIRECT, 1, 0);
    ck_assert_int_eq(make(), HV_BLKIF_RSP_ERROR);
    make_indirect(HV_BLKIF_OP_DISCARD, 1, 0);
    ck_assert_int_eq(make(), HV_BLKIF_RSP_ERROR);
}
END_TEST

START_TEST(a_page_of_segments_that_is_not_granted_is_an_error)
{
    make_indirect(HV_BLKIF_OP_READ, 12, 0);
    ((struct hv_blkif_request_indirect *)&req)->indirect_grefs[0] = 78;
    ck_assert_int_eq(make(), HV_BLKIF_RSP_ERROR);
}
END_TEST

START_TEST(large_sectors_are_not_cut)
{
    limits.sector_size = 4096;
    req.sector_number = 8;
    ck_assert_int_eq(make(), HV_BLKIF_RSP_OKAY);
    req.sector_number = 9;
    ck_assert_int_eq(make(), HV_BLKIF_RSP_ERROR);
    req.sector_number = 8;
    req.seg[0].last_sect = 6;
    ck_assert_int_eq(make(), HV_BLKIF_RSP_ERROR);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {a_read_is_planned_as_it_says,
                                  the_disk_ends_where_it_ends,
                                  segments_stay_within_their_pages,
                                  the_number_of_segments_is_bounded,
                                  a_read_only_disk_is_not_written,
                                  a_flush_may_carry_a_write,
                                  what_is_not_offered_is_refused_as_such,
                                  a_discard_stays_on_the_disk,
                                  indirect_segments_are_read_once_and_checked,
                                  a_page_of_segments_that_is_not_granted_is_an_error,
                                  large_sectors_are_not_cut,
                                  NULL};

    return unit_run("plan", prepare, tests);
}
