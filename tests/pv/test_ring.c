/* SPDX-License-Identifier: MIT */
/* Both ends of a shared ring, with partners good and bad. */
#include <errno.h>
#include <string.h>

#include "common/ring.h"
#include "unit.h"

#define SLOT 112

static uint8_t shared[4096] __attribute__((aligned(64)));
static struct ring_front front;
static struct ring_back back;

static void prepare(void)
{
    memset(shared, 0, sizeof(shared));
    ring_front_init(&front, shared, sizeof(shared), SLOT);
    ring_back_init(&back, shared, sizeof(shared), SLOT);
}

static void ask(uint32_t n)
{
    uint8_t req[SLOT] = {0};

    memcpy(req, &n, sizeof(n));
    ck_assert(ring_front_put(&front, req, sizeof(req)));
}

static uint32_t get(void)
{
    uint8_t req[SLOT];
    uint32_t n;

    ck_assert_int_eq(ring_back_take(&back, req, sizeof(req)), 1);
    memcpy(&n, req, sizeof(n));
    return n;
}

static void answer(uint32_t n)
{
    ring_back_answer(&back, &n, sizeof(n));
}

START_TEST(requests_come_in_order_and_answers_too)
{
    uint32_t n;

    for (uint32_t round = 0; round < 100; round++) {
        ask(round * 2);
        ask(round * 2 + 1);
        ring_front_push(&front);
        ck_assert_uint_eq(get(), round * 2);
        ck_assert_uint_eq(get(), round * 2 + 1);
        answer(round + 7);
        answer(round + 8);
        ring_back_push(&back);
        ck_assert_int_eq(ring_front_take(&front, &n, sizeof(n)), 1);
        ck_assert_uint_eq(n, round + 7);
        ck_assert_int_eq(ring_front_take(&front, &n, sizeof(n)), 1);
        ck_assert_int_eq(ring_front_take(&front, &n, sizeof(n)), 0);
    }
}
END_TEST

START_TEST(a_full_ring_takes_no_more)
{
    uint8_t req[SLOT] = {0};

    ck_assert_uint_eq(front.r.nr_ents, 32);
    for (uint32_t i = 0; i < 32; i++)
        ask(i);
    ck_assert(!ring_front_put(&front, req, sizeof(req)));
}
END_TEST

START_TEST(what_is_not_pushed_is_not_seen)
{
    uint8_t req[SLOT];

    ask(1);
    ck_assert_int_eq(ring_back_take(&back, req, sizeof(req)), 0);
    ring_front_push(&front);
    ck_assert_int_eq(ring_back_take(&back, req, sizeof(req)), 1);
}
END_TEST

START_TEST(a_notification_is_asked_for_once)
{
    ck_assert_int_eq(ring_back_arm(&back), 0);
    ask(1);
    ck_assert(ring_front_push(&front));
    ask(2);
    ck_assert(!ring_front_push(&front));
    get();
    ck_assert_int_eq(ring_back_arm(&back), 1);
    get();
    ck_assert_int_eq(ring_back_arm(&back), 0);
    ask(3);
    ck_assert(ring_front_push(&front));
}
END_TEST

START_TEST(an_index_ahead_of_the_ring_is_seen_before_anything_is_taken)
{
    struct hv_ring_index *idx = (void *)shared;
    uint8_t req[SLOT];

    idx->req_prod = 33;
    ck_assert_int_eq(ring_back_take(&back, req, sizeof(req)), -EPROTO);
    ck_assert_int_eq(ring_back_arm(&back), -EPROTO);
    idx->req_prod = 0x80000000U;
    ck_assert_int_eq(ring_back_take(&back, req, sizeof(req)), -EPROTO);
    idx->req_prod = UINT32_MAX;
    ck_assert_int_eq(ring_back_take(&back, req, sizeof(req)), -EPROTO);
    ck_assert_uint_eq(back.r.req_cons, 0);
}
END_TEST

START_TEST(an_index_that_goes_back_is_seen)
{
    struct hv_ring_index *idx = (void *)shared;
    uint8_t req[SLOT];

    ask(1);
    ask(2);
    ask(3);
    ring_front_push(&front);
    get();
    get();
    idx->req_prod = 1;
    ck_assert_int_eq(ring_back_take(&back, req, sizeof(req)), -EPROTO);
}
END_TEST

START_TEST(a_backend_that_answers_too_much_is_seen)
{
    struct hv_ring_index *idx = (void *)shared;
    uint32_t n;

    ask(1);
    ring_front_push(&front);
    idx->rsp_prod = 2;
    ck_assert_int_eq(ring_front_take(&front, &n, sizeof(n)), -EPROTO);
    ck_assert_int_eq(ring_front_arm(&front), -EPROTO);
}
END_TEST

START_TEST(indices_may_wrap)
{
    struct hv_ring_index *idx = (void *)shared;
    uint32_t n;

    idx->req_prod = idx->rsp_prod = UINT32_MAX - 1;
    front.r.req_prod_pvt = front.r.rsp_cons = UINT32_MAX - 1;
    ring_back_init(&back, shared, sizeof(shared), SLOT);
    for (uint32_t i = 0; i < 4; i++)
        ask(i);
    ring_front_push(&front);
    for (uint32_t i = 0; i < 4; i++)
        ck_assert_uint_eq(get(), i);
    answer(9);
    ring_back_push(&back);
    ck_assert_int_eq(ring_front_take(&front, &n, sizeof(n)), 1);
    ck_assert_uint_eq(n, 9);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        requests_come_in_order_and_answers_too,
        a_full_ring_takes_no_more,
        what_is_not_pushed_is_not_seen,
        a_notification_is_asked_for_once,
        an_index_ahead_of_the_ring_is_seen_before_anything_is_taken,
        an_index_that_goes_back_is_seen,
        a_backend_that_answers_too_much_is_seen,
        indices_may_wrap,
        NULL};

    return unit_run("ring", prepare, tests);
}
