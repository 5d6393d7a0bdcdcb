/* SPDX-License-Identifier: MIT */
/* The console daemon's ring and its buffer, with guests good and bad. */
#include "hvconsoled/consoled.h"
#include "unit.h"

static struct hv_console_interface ring;

static void guest_writes(const char *text)
{
    for (; *text; text++)
        ring.out[ring.out_prod++ % sizeof(ring.out)] = *text;
}

START_TEST(output_is_taken_in_order_and_freed)
{
    char out[HV_CONSOLE_OUT_SIZE];

    guest_writes("hello");
    ck_assert_uint_eq(ring_take(&ring, out), 5);
    ck_assert_mem_eq(out, "hello", 5);
    ck_assert_uint_eq(ring.out_cons, 5);
    ck_assert_uint_eq(ring_take(&ring, out), 0);
}
END_TEST

START_TEST(indices_may_wrap)
{
    char out[HV_CONSOLE_OUT_SIZE];

    ring.out_cons = ring.out_prod = UINT32_MAX - 2;
    guest_writes("wrapped");
    ck_assert_uint_eq(ring_take(&ring, out), 7);
    ck_assert_mem_eq(out, "wrapped", 7);
    ring.in_cons = ring.in_prod = UINT32_MAX - 1;
    ring_give(&ring, "abcd", 4);
    ck_assert_uint_eq(ring.in_prod, 2);
    ck_assert_int_eq(ring.in[(UINT32_MAX - 1) % sizeof(ring.in)], 'a');
    ck_assert_int_eq(ring.in[1], 'd');
}
END_TEST

START_TEST(impossible_indices_are_an_empty_ring)
{
    char out[HV_CONSOLE_OUT_SIZE];

    for (uint32_t bad = HV_CONSOLE_OUT_SIZE + 1; bad; bad *= 2) {
        ring.out_cons = 0;
        ring.out_prod = bad;
        ck_assert_uint_eq(ring_take(&ring, out), 0);
        ck_assert_uint_eq(ring.out_cons, 0);
    }
    ring.out_cons = 1;
    ring.out_prod = 0;
    ck_assert_uint_eq(ring_take(&ring, out), 0);
    ring.in_prod = 0;
    ring.in_cons = 1;
    ck_assert_uint_eq(ring_room(&ring), 0);
    ring.in_cons = UINT32_MAX - HV_CONSOLE_IN_SIZE;
    ck_assert_uint_eq(ring_room(&ring), 0);
}
END_TEST

START_TEST(a_full_ring_is_taken_whole)
{
    char out[HV_CONSOLE_OUT_SIZE];

    ring.out_prod = HV_CONSOLE_OUT_SIZE;
    ck_assert_uint_eq(ring_take(&ring, out), HV_CONSOLE_OUT_SIZE);
    ring.in_prod = HV_CONSOLE_IN_SIZE;
    ck_assert_uint_eq(ring_room(&ring), 0);
    ring.in_cons = 10;
    ck_assert_uint_eq(ring_room(&ring), 10);
}
END_TEST

START_TEST(the_buffer_keeps_the_newest)
{
    struct buffer b = {.limit = 10};

    buffer_add(&b, "01234567", 8);
    buffer_add(&b, "abcd", 4);
    ck_assert_uint_eq(b.len, 10);
    ck_assert_mem_eq(b.data + b.start, "234567abcd", 10);
    buffer_add(&b, "ABCDEFGHIJKLMNOP", 16);
    ck_assert_uint_eq(b.len, 10);
    ck_assert_mem_eq(b.data + b.start, "GHIJKLMNOP", 10);
    buffer_drop(&b, 10);
    ck_assert_uint_eq(b.start, 0);
    buffer_free(&b);
}
END_TEST

START_TEST(the_buffer_behaves_like_a_queue)
{
    struct buffer b = {.limit = 1 << 16};
    unsigned char next_in = 0, next_out = 0;
    unsigned int seed = 1;

    for (int i = 0; i < 20000; i++) {
        char data[300];
        size_t n = (seed = seed * 1103515245 + 12345) >> 16 & 255;

        for (size_t j = 0; j < n; j++)
            data[j] = (char)next_in++;
        buffer_add(&b, data, n);
        n = (seed = seed * 1103515245 + 12345) >> 16 & 255;
        n = n < b.len ? n : b.len;
        for (size_t j = 0; j < n; j++)
            ck_assert_int_eq((unsigned char)b.data[b.start + j], next_out++);
        buffer_drop(&b, n);
        ck_assert_uint_lt(b.len, b.limit);
    }
    buffer_free(&b);
}
END_TEST

START_TEST(a_buffer_of_no_size_keeps_nothing)
{
    struct buffer b = {.limit = 0};

    buffer_add(&b, "abc", 3);
    ck_assert_uint_eq(b.len, 0);
    buffer_free(&b);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        output_is_taken_in_order_and_freed,   indices_may_wrap,
        impossible_indices_are_an_empty_ring, a_full_ring_is_taken_whole,
        the_buffer_keeps_the_newest,          the_buffer_behaves_like_a_queue,
        a_buffer_of_no_size_keeps_nothing,    NULL};

    return unit_run("console", NULL, tests);
}
