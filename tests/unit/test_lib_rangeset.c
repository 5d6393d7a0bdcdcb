/* SPDX-License-Identifier: MIT */
/* Range sets, and the random walk of one beside a plain array of bits. */
#include "host/host.h"
#include "lib/errno.h"
#include "lib/rangeset.h"
#include "unit.h"

static struct rangeset *r;

static void prepare(void)
{
    host_boot(1, 16);
    r = rangeset_new();
}

static int count_range(void *arg, unsigned long first, unsigned long last)
{
    ++*(int *)arg;
    return 0;
}

static int pieces(void)
{
    int n = 0;

    rangeset_each(r, count_range, &n);
    return n;
}

START_TEST(neighbours_become_one_range)
{
    ck_assert(rangeset_empty(r));
    ck_assert_int_eq(rangeset_add(r, 10, 19), 0);
    ck_assert_int_eq(rangeset_add(r, 30, 39), 0);
    ck_assert_int_eq(pieces(), 2);
    ck_assert(!rangeset_has(r, 10, 39));
    ck_assert_int_eq(rangeset_add(r, 20, 29), 0);
    ck_assert_int_eq(pieces(), 1);
    ck_assert(rangeset_has(r, 10, 39));
    ck_assert(!rangeset_has(r, 9, 12) && !rangeset_has(r, 39, 40));
}
END_TEST

START_TEST(a_hole_makes_two_ranges)
{
    ck_assert_int_eq(rangeset_add(r, 0, 100), 0);
    ck_assert_int_eq(rangeset_remove(r, 50, 50), 0);
    ck_assert_int_eq(pieces(), 2);
    ck_assert(rangeset_has(r, 0, 49) && rangeset_has(r, 51, 100));
    ck_assert_int_eq(rangeset_remove(r, 0, ~0ul), 0);
    ck_assert(rangeset_empty(r));
}
END_TEST

START_TEST(the_ends_of_the_number_line_work)
{
    ck_assert_int_eq(rangeset_add(r, ~0ul, ~0ul), 0);
    ck_assert_int_eq(rangeset_add(r, 0, 0), 0);
    ck_assert_int_eq(pieces(), 2);
    ck_assert_int_eq(rangeset_add(r, 1, ~0ul - 1), 0);
    ck_assert_int_eq(pieces(), 1);
    ck_assert(rangeset_has(r, 0, ~0ul));
    ck_assert_int_eq(rangeset_remove(r, ~0ul, ~0ul), 0);
    ck_assert(rangeset_has(r, 0, ~0ul - 1) && !rangeset_has(r, ~0ul, ~0ul));
    ck_assert_int_eq(rangeset_add(r, 5, 4), -EINVAL);
    ck_assert_int_eq(rangeset_remove(r, 5, 4), -EINVAL);
    ck_assert(!rangeset_has(r, 5, 4));
}
END_TEST

START_TEST(it_agrees_with_a_plain_bitmap)
{
    bool bits[64] = {false};
    unsigned seed = 1;

    for (unsigned step = 0; step < 5000; step++) {
        unsigned a = (unsigned)rand_r(&seed) % 64, b = (unsigned)rand_r(&seed) % 64;
        unsigned first = MIN(a, b), last = MAX(a, b), ranges = 0;
        bool add = rand_r(&seed) % 2;

        ck_assert_int_eq(
            add ? rangeset_add(r, first, last) : rangeset_remove(r, first, last), 0);
        for (unsigned i = first; i <= last; i++)
            bits[i] = add;
        for (unsigned i = 0; i < 64; i++) {
            ck_assert(rangeset_has(r, i, i) == bits[i]);
            ranges += bits[i] && (i == 0 || !bits[i - 1]);
        }
        ck_assert_int_eq(pieces(), (int)ranges);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {neighbours_become_one_range, a_hole_makes_two_ranges,
                                  the_ends_of_the_number_line_work,
                                  it_agrees_with_a_plain_bitmap, NULL};

    return unit_run("range sets", prepare, tests);
}
