/* SPDX-License-Identifier: MIT */
/* The frame allocator. */
#include "host/host.h"
#include "kern/page_alloc.h"
#include "lib/string.h"
#include "port/map.h"
#include "unit.h"

#define BASE 0x2000u /* behind what host_boot() gave away */
#define END  0x4000u

static void boot(void)
{
    host_boot(2, 16);
}

static mfn_t add_more(void)
{
    page_add_range(mk_mfn(BASE), mk_mfn(END));
    page_alloc_add(mk_mfn(BASE), mk_mfn(END));
    return mk_mfn(BASE);
}

static mfn_t got[HOST_FRAMES];

/* Takes single frames, at most that many. */
static uint64_t take(uint64_t most)
{
    uint64_t n = 0;

    while (n < most && !mfn_eq(got[n] = page_alloc(0, 0), INVALID_MFN))
        n++;
    return n;
}

static void give(uint64_t n)
{
    for (uint64_t i = 0; i < n; i += 2)
        page_free(got[i], 0);
    for (uint64_t i = 1; i < n; i += 2)
        page_free(got[i], 0);
}

static void idle(void)
{
    while (page_alloc_scrub())
        ;
}

START_TEST(all_that_is_usable_can_be_allocated_once)
{
    uint64_t usable = page_alloc_usable_count(), n = take(HOST_FRAMES);
    static bool seen[HOST_FRAMES];

    ck_assert_uint_ge(n, usable);
    for (uint64_t i = 0; i < n; i++) {
        ck_assert(mfn_valid(got[i]));
        ck_assert(!seen[got[i].n]);
        seen[got[i].n] = true;
    }
    ck_assert_uint_eq(page_alloc_free_count(), 0);
    ck_assert_uint_eq(page_alloc_usable_count(), 0);
    give(n);
    ck_assert_uint_eq(page_alloc_free_count(), n);
}
END_TEST

START_TEST(buddies_merge_again)
{
    mfn_t m, base = add_more();

    give(take(9000));
    m = page_alloc(11, 0);
    ck_assert_uint_eq(m.n % 2048, 0);
    page_free(m, 11);
    idle();
    m = page_alloc(12, 0);
    ck_assert_uint_eq(m.n, base.n);
    page_free(m, 12);
}
END_TEST

/* 9000 frames are more than the first range has. */
START_TEST(what_the_tables_took_for_frames_comes_back_with_them)
{
    uint64_t before, n;

    take(1);
    add_more();
    before = page_alloc_free_count();
    n = take(9000);
    ck_assert_uint_eq(n, 9000);
    ck_assert_uint_lt(page_alloc_free_count(), before - n);
    give(n);
    idle();
    ck_assert_uint_eq(page_alloc_free_count(), before);
    ck_assert_uint_eq(take(9000), 9000);
    give(9000);
    idle();
    ck_assert_uint_eq(page_alloc_free_count(), before);
}
END_TEST

START_TEST(once_there_are_guests_sections_stay_open_for_the_next)
{
    uint64_t before, usable, n, opened;

    page_alloc_keep_open();
    take(1);
    add_more();
    before = page_alloc_free_count();
    usable = page_alloc_usable_count();
    n = take(9000);
    ck_assert_uint_eq(n, 9000);
    ck_assert_uint_eq(page_alloc_usable_count(), usable - n);
    give(n);
    idle();
    opened = page_alloc_free_count();
    ck_assert_uint_lt(opened, before);
    for (unsigned round = 0; round < 3; round++) {
        ck_assert_uint_eq(take(9000), 9000);
        give(9000);
        idle();
        ck_assert_uint_eq(page_alloc_free_count(), opened);
        ck_assert_uint_eq(page_alloc_usable_count(), usable);
    }
}
END_TEST

static void assert_zero(mfn_t m, unsigned order)
{
    const char *p = map_mfn(m);

    ck_assert(!p[0] && !memcmp(p, p + 1, (PAGE_SIZE << order) - 1));
}

/* With and without time for idle CPUs in between. */
START_TEST(a_block_beyond_a_section_closes_the_free_ones)
{
    uint64_t before, n;
    mfn_t m;

    take(1);
    add_more();
    page_alloc_keep_open();
    before = page_alloc_free_count();
    for (unsigned round = 0; round < 2; round++) {
        n = take(9000);
        ck_assert_uint_eq(n, 9000);
        for (uint64_t i = 0; i < n; i++)
            memset(map_mfn(got[i]), 0xa5, PAGE_SIZE);
        give(n);
        if (round & 1)
            idle();
        m = page_alloc(12, PAGE_ZERO);
        ck_assert_uint_eq(m.n, BASE);
        assert_zero(m, 12);
        memset(map_mfn(m), 0xa5, PAGE_SIZE << 12);
        page_free(m, 12);
        ck_assert_uint_lt(page_alloc_free_count(), before);
    }
    n = take(HOST_FRAMES);
    for (uint64_t i = 0; i < n; i++)
        page_free(got[i], 0);
    for (uint64_t i = 0; i < n; i++)
        assert_zero(page_alloc(0, PAGE_ZERO), 0);
}
END_TEST

/* As after a warm reboot; idle CPUs may have come any part of the way. */
START_TEST(what_was_in_memory_before_boot_reaches_nobody)
{
    mfn_t m;

    memset(map_mfn(mk_mfn(BASE)), 0xa5, (END - BASE) * PAGE_SIZE);
    add_more();
    for (unsigned n = 0;; n++) {
        if (n % 3 == 0)
            (void)page_alloc_scrub();
        m = page_alloc(n % 4, PAGE_ZERO);
        if (mfn_eq(m, INVALID_MFN))
            break;
        assert_zero(m, n % 4);
    }
}
END_TEST

START_TEST(one_frame_in_use_keeps_its_section)
{
    mfn_t in_use = INVALID_MFN;
    uint64_t n;

    add_more();
    n = take(9000);
    for (uint64_t i = 0; i < n; i++)
        if (got[i].n == BASE + 77)
            in_use = got[i];
        else
            page_free(got[i], 0);
    ck_assert(!mfn_eq(in_use, INVALID_MFN));
    page_of(in_use)->type = 5;
    ck_assert_uint_eq(page_alloc(12, 0).n, INVALID_MFN.n);
    ck_assert_uint_eq(page_of(in_use)->type, 5);
    page_of(in_use)->type = 0;
    page_free(in_use, 0);
    ck_assert_uint_eq(page_alloc(12, 0).n, BASE);
}
END_TEST

START_TEST(fresh_frames_are_nobodys)
{
    add_more();
    ck_assert_uint_eq(page_of(mk_mfn(END - 1))->count, 0);
    ck_assert_uint_eq(page_of(mk_mfn(END - 1))->type, 0);
    ck_assert_ptr_null(page_of(mk_mfn(END - 1))->owner);
}
END_TEST

START_TEST(a_buffer_leaves_nothing_behind)
{
    uint64_t before, bytes = 5000 * PAGE_SIZE + 1;
    void *p;

    add_more();
    before = page_alloc_free_count();
    p = page_alloc_buffer(bytes);
    ck_assert_ptr_nonnull(p);
    memset(p, 0xff, bytes);
    ck_assert_uint_eq(page_alloc_free_count(), before - 5001);
    page_free_buffer(p, bytes);
    ck_assert_uint_eq(page_alloc_free_count(), before);
    ck_assert_ptr_null(page_alloc_buffer(HOST_FRAMES * PAGE_SIZE));
}
END_TEST

START_TEST(fresh_frames_are_scrubbed_where_they_are)
{
    uint64_t n;

    add_more();
    memset(map_mfn(mk_mfn(BASE)), 0xa5, (END - BASE) * PAGE_SIZE);
    idle();
    n = take(9000);
    for (uint64_t i = 0; i < n; i++)
        ck_assert_uint_eq(*(uint64_t *)map_mfn(got[i]), 0);
}
END_TEST

START_TEST(fresh_frames_can_be_left_until_they_are_used)
{
    uint64_t dirty = 0;

    idle(); /* what was there before */
    add_more();
    memset(map_mfn(mk_mfn(BASE)), 0xa5, (END - BASE) * PAGE_SIZE);
    page_alloc_leave_fresh_dirty();
    idle();
    for (uint64_t i = BASE; i < END; i++)
        dirty += *(uint64_t *)map_mfn(mk_mfn(i)) != 0;
    ck_assert_uint_eq(dirty, END - BASE);
    for (mfn_t m; !mfn_eq(m = page_alloc(0, PAGE_ZERO), INVALID_MFN);)
        ck_assert_uint_eq(*(uint64_t *)map_mfn(m), 0);
}
END_TEST

START_TEST(blocks_are_aligned_to_their_size)
{
    for (unsigned o = 0; o <= 8; o++)
        ck_assert_uint_eq(page_alloc(o, 0).n & ((1u << o) - 1), 0);
}
END_TEST

START_TEST(too_large_an_order_is_refused)
{
    ck_assert_uint_eq(page_alloc(MAX_ORDER + 1, 0).n, INVALID_MFN.n);
    ck_assert_uint_eq(page_alloc(MAX_ORDER, 0).n, INVALID_MFN.n);
}
END_TEST

START_TEST(zeroed_pages_are_zero_after_use)
{
    for (unsigned round = 0; round < 3; round++) {
        mfn_t m = page_alloc(2, PAGE_ZERO);
        unsigned char *p = map_mfn(m);

        for (unsigned i = 0; i < 4 * PAGE_SIZE; i++)
            ck_assert_uint_eq(p[i], 0);
        memset(p, 0xa5, 4 * PAGE_SIZE);
        page_free(m, 2);
    }
}
END_TEST

START_TEST(scrubbing_ends_and_leaves_zeroes)
{
    uint64_t n = page_alloc_free_count();
    mfn_t m = page_alloc(0, 0);

    memset(map_mfn(m), 0xff, PAGE_SIZE);
    page_free(m, 0);
    while (page_alloc_scrub())
        ;
    ck_assert_uint_eq(page_alloc_free_count(), n);
    ck_assert_uint_eq(*(uint64_t *)map_mfn(m), 0);
}
END_TEST

/* As far as memory was opened: fresh RAM comes last. */
START_TEST(clean_memory_goes_first)
{
    mfn_t m, dirty;

    while (page_alloc_scrub())
        ;
    dirty = page_alloc(0, 0);
    page_free(dirty, 0);
    for (unsigned i = 0; i < 3000; i++) {
        m = page_alloc(0, 0);
        ck_assert(mfn_valid(m) && !mfn_eq(m, dirty));
    }
}
END_TEST

START_TEST(a_limit_is_kept)
{
    mfn_t m;

    add_more();
    m = page_alloc_below(4, 0, BASE);
    ck_assert_uint_le(m.n + 16, BASE);
    ck_assert_uint_eq(page_alloc_below(0, 0, HOST_FIRST_FRAME).n, INVALID_MFN.n);
    ck_assert_uint_lt(page_alloc(0, PAGE_LOW).n, 1u << 20);
}
END_TEST

START_TEST(freed_frames_are_flushed_from_tlbs_before_reuse)
{
    mfn_t m = page_alloc(0, 0);
    uint64_t before;

    page_free(m, 0);
    before = host_tlb_flushes;
    while (page_alloc(0, 0).n != m.n)
        ;
    ck_assert_uint_gt(host_tlb_flushes, before);
}
END_TEST

START_TEST(only_ram_is_valid)
{
    add_more();
    ck_assert(!mfn_valid(mk_mfn(HOST_FIRST_FRAME - 1)));
    ck_assert(mfn_valid(mk_mfn(HOST_FIRST_FRAME)));
    ck_assert(mfn_valid(mk_mfn(END - 1)));
    ck_assert(!mfn_valid(mk_mfn(END)));
    ck_assert(!mfn_valid(INVALID_MFN));
    ck_assert(!mfn_valid(mk_mfn(BASE - 1)));
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {all_that_is_usable_can_be_allocated_once,
                                  buddies_merge_again,
                                  what_the_tables_took_for_frames_comes_back_with_them,
                                  once_there_are_guests_sections_stay_open_for_the_next,
                                  a_block_beyond_a_section_closes_the_free_ones,
                                  what_was_in_memory_before_boot_reaches_nobody,
                                  one_frame_in_use_keeps_its_section,
                                  fresh_frames_are_nobodys,
                                  a_buffer_leaves_nothing_behind,
                                  fresh_frames_are_scrubbed_where_they_are,
                                  fresh_frames_can_be_left_until_they_are_used,
                                  blocks_are_aligned_to_their_size,
                                  too_large_an_order_is_refused,
                                  zeroed_pages_are_zero_after_use,
                                  scrubbing_ends_and_leaves_zeroes,
                                  clean_memory_goes_first,
                                  a_limit_is_kept,
                                  freed_frames_are_flushed_from_tlbs_before_reuse,
                                  only_ram_is_valid,
                                  NULL};

    return unit_run("kern/page_alloc", boot, tests);
}
